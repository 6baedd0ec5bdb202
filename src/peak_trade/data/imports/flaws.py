"""Rows of a file that cannot be right, and what was done about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.findings import SHOWN, Example, Finding, Severity, stamp_text
from peak_trade.data.table import Table

if TYPE_CHECKING:
    import polars as pl

Ints = npt.NDArray[np.int64]

ERRORS: Mapping[str, str] = {
    "stamp": "rows without a stamp that can be read",
    "symbol": "rows that name no instrument",
    "unreadable": "values that are no number",
    "unsorted": "rows earlier than the row before them",
    "duplicate": "rows that repeat another row",
    "conflict": "rows that contradict another row",
    "price": "rows with a price that is missing, zero, negative or infinite",
    "inconsistent": "bars whose high is below, or low above, another of their prices",
    "volume": "rows with a negative or infinite volume",
    "overlap": "bars that open before the bar before them has closed",
    "size": "rows with a size that no order has",
    "side": "rows whose side is neither buy nor sell",
    "rate": "funding rates that are missing or infinite",
    "value": "values that are infinite",
    "headline": "news without a headline",
    "action": "actions that cannot be",
}
"""What cannot be right, by kind of flaw."""

SUSPECT: Mapping[str, tuple[Severity, str]] = {
    "lost": ("warning", "stretches of trades whose ids are missing"),
    "crossed": ("warning", "quotes whose bid is above their ask"),
    "one_sided": ("note", "quotes that tell of one side alone"),
    "gap": ("warning", "stretches without a rate where there should be some"),
    "percent": ("warning", "rates of 10 % and more: perhaps they are in percent"),
    "early": ("warning", "values that were known before their time began"),
    "blank": ("note", "rows without a value, left out"),
}
"""What is possible but doubtful, or worth knowing."""

UNORDERED = ("unsorted",)
"""Flaws of the order alone: sorting mends them."""


@dataclass(frozen=True, slots=True)
class Mended:
    """One thing that was done to make an instrument's rows sound.

    Attributes
    ----------
    what : str
        In words.
    symbol : str
        The instrument, as the file calls it.
    count : int
        Rows it was done to.
    rows : tuple of int
        Those rows, counted from 0.
    """

    what: str
    symbol: str
    count: int
    rows: tuple[int, ...]

    @property
    def message(self) -> str:
        """A sentence with the count."""
        name = f"{self.symbol}: " if self.symbol else ""
        return f"{name}{self.what}: {self.count:,}"

    def to_dict(self) -> dict[str, object]:
        """Give what ``--json`` prints."""
        return {
            "what": self.what,
            "symbol": self.symbol,
            "count": self.count,
            "rows": list(self.rows),
        }


class Flaws:
    """Everything that cannot be right in a file, row by row."""

    def __init__(self, table: Table) -> None:
        self._first_line = table.first_line
        self._frames: list[pl.DataFrame] = []

    def add(
        self,
        kind: str,
        rows: "Ints | pl.Series",
        *,
        symbols: "str | Sequence[str] | pl.Series",
        times: "Ints | pl.Series | None",
        found: "Sequence[str] | pl.Series",
    ) -> None:
        """Note rows (by their place in the file) with what was found in them."""
        import polars as pl

        count = len(rows)
        if not count:
            return
        named = [symbols] * count if isinstance(symbols, str) else symbols
        self._frames.append(
            pl.DataFrame(
                {
                    "kind": pl.Series([kind] * count, dtype=pl.String),
                    "symbol": pl.Series(named, dtype=pl.String),
                    "row": pl.Series(rows, dtype=pl.Int64),
                    "time_ns": pl.Series(
                        [None] * count if times is None else times, dtype=pl.Int64
                    ),
                    "found": pl.Series(found, dtype=pl.String),
                }
            )
        )

    def extend(self, flaws: "pl.DataFrame") -> None:
        """Take in the flaws of another frame."""
        self._frames.append(flaws.drop("line"))

    def frame(self) -> "pl.DataFrame":
        """All of them in the order of the file: kind, symbol, row (from 0), line (from 1, of text files), time_ns, found."""
        import polars as pl

        schema = {"kind": pl.String, "symbol": pl.String, "row": pl.Int64, "time_ns": pl.Int64,
                  "found": pl.String}  # fmt: skip
        every = pl.concat(self._frames) if self._frames else pl.DataFrame(schema=schema)
        line = (
            pl.lit(None, pl.Int64) if self._first_line is None else pl.col("row") + self._first_line
        )
        every = every.sort("row", maintain_order=True)
        return every.with_columns(line.alias("line")).select(
            "kind", "symbol", "row", "line", "time_ns", "found"
        )


def described(flaw: Mapping[str, object]) -> str:
    """Write one row of a frame of flaws as a line.

    Examples
    --------
    >>> described(
    ...     {
    ...         "kind": "price",
    ...         "symbol": "A",
    ...         "row": 3,
    ...         "line": 5,
    ...         "time_ns": 0,
    ...         "found": "close -1.0",
    ...     }
    ... )
    'row 3 (line 5), A, 1970-01-01: price: close -1.0'
    """
    line = "" if flaw["line"] is None else f" (line {flaw['line']})"
    symbol = f", {flaw['symbol']}" if flaw["symbol"] else ""
    time_ns = flaw["time_ns"]
    stamp = f", {stamp_text(time_ns)}" if isinstance(time_ns, int) else ""
    found = f": {flaw['found']}" if flaw["found"] else ""
    return f"row {flaw['row']}{line}{symbol}{stamp}: {flaw['kind']}{found}"


def interleaved(count: int) -> str:
    """Say that a file goes back in time as a whole, which its instruments may not do.

    Examples
    --------
    >>> interleaved(2)
    'the file goes back in time at 2 rows: its instruments follow each other'
    """
    rows = "1 row" if count == 1 else f"{count:,} rows"
    return f"the file goes back in time at {rows}: its instruments follow each other"


def findings_of(flaws: "pl.DataFrame") -> list[Finding]:
    """Sum flaws up: one finding a kind and instrument."""
    found = []
    for (kind, symbol), rows in flaws.group_by("kind", "symbol", maintain_order=True):
        examples = [
            Example(one["row"], one["time_ns"] or 0, described(one))
            for one in rows.head(SHOWN).to_dicts()
        ]
        places, stamps = rows["row"].to_numpy(), rows["time_ns"].fill_null(0).to_numpy()
        found.append(
            _finding(str(kind), str(symbol), ("error", ERRORS[str(kind)]), examples, places, stamps)
        )
    return found


def suspect(
    kind: str,
    symbol: str,
    *,
    rows: Ints,
    stamps: Ints,
    texts: Sequence[str] = (),
    how: str = "",
    bars: int | None = None,
) -> Finding:
    """Make a finding of rows that are possible but doubtful; at least one."""
    said = [*texts[:SHOWN], *[""] * SHOWN]
    examples = [
        Example(
            int(row), int(stamp), f"row {row}, {stamp_text(int(stamp))}{': ' * bool(text)}{text}"
        )
        for row, stamp, text in zip(rows[:SHOWN], stamps[:SHOWN], said, strict=False)
    ]
    made = _finding(kind, symbol, SUSPECT[kind], examples, rows, stamps, how=how)
    return made if bars is None else replace(made, bars=bars)


def _finding(
    kind: str,
    symbol: str,
    said: tuple[Severity, str],
    examples: Sequence[Example],
    rows: Ints,
    stamps: Ints,
    *,
    how: str = "",
) -> Finding:
    name = f"{symbol}: " if symbol else ""
    return Finding(
        kind=kind,
        severity=said[0],
        instrument=symbol,
        count=len(rows),
        bars=len(rows),
        first_ns=int(stamps.min()),
        last_ns=int(stamps.max()),
        rows=rows,
        close_ns=np.empty(0, dtype=np.int64),
        message=f"{name}{said[1]}: {len(rows):,}" + (f"; {how}" if how else ""),
        examples=tuple(examples),
    )
