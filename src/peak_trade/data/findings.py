"""What a check of market data found: findings, and the report that holds them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Severity = Literal["error", "warning", "note"]

KINDS: dict[str, tuple[Severity, str]] = {
    "unsorted": ("error", "rows earlier than the row before them"),
    "duplicate": ("error", "rows that repeat another row of their stamp"),
    "conflict": ("error", "rows that contradict another row of their stamp"),
    "price": ("error", "rows with a price that is missing, zero, negative or infinite"),
    "inconsistent": ("error", "bars whose high is below, or low above, another of their prices"),
    "volume": ("error", "rows with a negative or infinite volume"),
    "overlap": ("error", "bars that open before the bar before them has closed"),
    "gap": ("warning", "stretches of missing bars in trading hours"),
    "split": ("warning", "jumps near a split ratio that prices are not adjusted for"),
    "spike": ("warning", "moves far off that were gone again within three bars"),
    "wick": ("warning", "highs or lows far off the open and the close of their bar"),
    "repeated": ("warning", "bars that repeat the whole bar before them"),
    "stale": ("warning", "runs of unchanged closes too long for chance"),
    "zero_volume": ("warning", "runs of bars without any volume"),
    "jump": ("note", "large moves that stayed"),
    "outside": ("note", "bars outside the trading hours of the calendar"),
    "filled": ("note", "bars that were filled in where nothing was heard; none is tradable"),
}
"""Each kind of finding: its severity, and what is counted. Errors are what loading refuses."""

SHOWN = 3
"""Examples that a finding shows."""


@dataclass(frozen=True, slots=True)
class Example:
    """One place of a finding: its row (counted from 0), its stamp in UTC nanoseconds, and words."""

    row: int
    time_ns: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """All that is wrong in one way with one instrument.

    Attributes
    ----------
    kind : str
        One of :data:`KINDS`.
    severity : {"error", "warning", "note"}
        An error is refused by loading, a warning would distort a result, a note is worth knowing.
    instrument : str
        Its symbol.
    count : int
        How often it was found; a run of bars counts once.
    bars : int
        How many bars it concerns: of gaps those that are missing.
    first_ns, last_ns : int
        Stamps of the first and the last row concerned, UTC nanoseconds.
    rows : (K,) int64
        Rows concerned, counted from 0: of the file or frame, or of the bars that were handed in.
        Of a gap the row after it.
    close_ns : (K,) int64
        Closes of those bars, UTC nanoseconds; empty for errors of rows, which are no bars yet.
    message : str
        A sentence with the count, and how it was judged.
    examples : tuple of Example
        Up to three, the largest first where there is a size.
    """

    kind: str
    severity: Severity
    instrument: str
    count: int
    bars: int
    first_ns: int
    last_ns: int
    rows: Ints
    close_ns: Ints
    message: str
    examples: tuple[Example, ...]

    def to_dict(self) -> dict[str, object]:
        """Give what ``--json`` prints; of the rows the examples alone."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "instrument": self.instrument,
            "count": self.count,
            "bars": self.bars,
            "first": stamp_text(self.first_ns),
            "last": stamp_text(self.last_ns),
            "message": self.message,
            "examples": [
                {"row": one.row, "time": stamp_text(one.time_ns), "text": one.text}
                for one in self.examples
            ],
        }


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DataReport:
    """What a check of market data found.

    Attributes
    ----------
    name : str
        Where the data came from.
    rows : int
        Rows of the file or frame, or bars.
    interval : str
        Length of a bar; empty where it could not be told.
    instruments : tuple of str
        Symbols that were checked.
    calendars : tuple of str
        Calendars that they were checked against.
    findings : tuple of Finding
        Errors first, then warnings, then notes; by instrument.
    unchecked : tuple of str
        Sentences on what could not be checked, and why.
    """

    name: str
    rows: int
    interval: str
    instruments: tuple[str, ...]
    calendars: tuple[str, ...]
    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...] = ()

    @property
    def is_loadable(self) -> bool:
        """Whether there is no error: a backtest would take the data."""
        return not self.of("error")

    @property
    def is_clean(self) -> bool:
        """Whether there is neither an error nor a warning, and nothing was left unchecked."""
        return not (self.of("error", "warning") or self.unchecked)

    def of(self, *severities: Severity) -> tuple[Finding, ...]:
        """Findings of some severities."""
        return tuple(found for found in self.findings if found.severity in severities)

    def to_dict(self) -> dict[str, object]:
        """Give what ``--json`` prints."""
        return {
            "name": self.name,
            "rows": self.rows,
            "interval": self.interval,
            "instruments": list(self.instruments),
            "calendars": list(self.calendars),
            "is_loadable": self.is_loadable,
            "is_clean": self.is_clean,
            "errors": len(self.of("error")),
            "warnings": len(self.of("warning")),
            "notes": len(self.of("note")),
            "findings": [found.to_dict() for found in self.findings],
            "unchecked": list(self.unchecked),
        }

    def __str__(self) -> str:
        lines = [repr(self)]
        for found in self.findings:
            lines.append(f"{found.severity}: {found.message}")
            lines.extend(f"    {one.text}" for one in found.examples)
        return "\n".join([*lines, *(f"unchecked: {reason}" for reason in self.unchecked)])

    def __repr__(self) -> str:
        counts = [(len(self.of("error")), "error"), (len(self.of("warning")), "warning")]
        counts.append((len(self.of("note")), "note"))
        shown = ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts)
        return f"DataReport({self.name}: {self.rows:,} rows, {shown})"


def make_finding(
    kind: str,
    instrument: str,
    *,
    rows: Ints,
    stamps: Ints,
    close_ns: Ints | None = None,
    examples: Sequence[Example],
    count: int | None = None,
    bars: int | None = None,
    how: str = "",
) -> Finding:
    """Make a finding of rows that are concerned; at least one.

    Parameters
    ----------
    kind, instrument : str
        What was found, with what.
    rows, stamps, close_ns : (K,) int64
        The rows concerned, their stamps, and the closes of their bars.
    examples : sequence of Example
        The first three are kept.
    count, bars : int, optional
        K where left out.
    how : str
        What ends the sentence.

    Examples
    --------
    >>> one = np.array([3])
    >>> make_finding("gap", "X", rows=one, stamps=one, examples=(), bars=7, how="7 bars").message
    'X: stretches of missing bars in trading hours: 1; 7 bars'
    """
    severity, words = KINDS[kind]
    found = len(rows) if count is None else count
    return Finding(
        kind=kind,
        severity=severity,
        instrument=instrument,
        count=found,
        bars=len(rows) if bars is None else bars,
        first_ns=int(stamps.min()),
        last_ns=int(stamps.max()),
        rows=rows,
        close_ns=np.empty(0, dtype=np.int64) if close_ns is None else close_ns,
        message=f"{instrument}: {words}: {found:,}" + (f"; {how}" if how else ""),
        examples=tuple(examples[:SHOWN]),
    )


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Put errors before warnings before notes, and leave the order otherwise."""
    ranks = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(findings, key=lambda found: ranks[found.severity]))


def stamp_text(stamp_ns: int) -> str:
    """Write a stamp in ISO form, dates without a time of day.

    Examples
    --------
    >>> stamp_text(86_400_000_000_000), stamp_text(60_000_000_000)
    ('1970-01-02', '1970-01-01T00:01:00')
    """
    text = str(np.datetime64(stamp_ns, "ns"))
    return text.rstrip("0").rstrip(".").removesuffix("T00:00:00") if "." in text else text
