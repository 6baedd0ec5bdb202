"""What a file holds for the store, and what was wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from peak_trade.data.findings import DataReport, ordered
from peak_trade.data.imports.flaws import Mended, described
from peak_trade.data.series import SeriesKey
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Mend:
    """What may be done to rows that cannot be right; without either, a file that has any is refused.

    Attributes
    ----------
    repairs : bool
        Sort rows, drop those that repeat another or have no sound value, widen highs and lows to
        take in open and close, and empty volumes that cannot be. Rows that contradict each other
        stay, and are refused.
    skips : bool
        Drop every row that cannot be right, and all rows that contradict each other.
    """

    repairs: bool = False
    skips: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """The sound rows of one series, in order, as the store takes them."""

    key: SeriesKey
    rows: "pl.DataFrame"


@dataclass(frozen=True, slots=True, eq=False)
class Import:
    """A file that was read for the store.

    Attributes
    ----------
    name : str
        Where it came from, such as ``file:btc.csv``.
    kind : str
        What its rows are.
    read : int
        Rows of the file.
    series : tuple of Imported
        What is to be stored; what cannot be right is not among its rows.
    report : DataReport
        All that was found, summed up by kind and instrument: errors, warnings and notes.
    flaws : polars.DataFrame
        Every row that cannot be right: ``kind``, ``symbol``, ``row`` (counted from 0), ``line`` (of
        a text file, from 1), ``time_ns``, ``found``.
    left : polars.DataFrame
        Those of them that nothing was done about; where there are any the import is refused.
    mended : tuple of Mended
        What was done about the others.
    notes : tuple of str
        How the file was understood, where it is worth knowing.
    left_out : tuple of str
        Columns that were not read.
    stored : int
        Rows of parts that were stored before, and are not held any more.
    """

    name: str
    kind: str
    read: int
    series: tuple[Imported, ...]
    report: DataReport
    flaws: "pl.DataFrame"
    left: "pl.DataFrame"
    mended: tuple[Mended, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    stored: int = 0

    @property
    def is_refused(self) -> bool:
        """Whether rows that cannot be right are left, so that nothing may be stored."""
        return self.left.height > 0

    @property
    def rows(self) -> int:
        """Rows that are to be stored."""
        return self.stored + sum(one.rows.height for one in self.series)

    def without_rows(self) -> "Import":
        """The same without the rows to be stored, to remember a part by."""
        series = tuple(Imported(one.key, one.rows.clear()) for one in self.series)
        return replace(self, series=series, stored=self.rows)

    def check(self, *, shown: int = 20) -> None:
        """Refuse an import that has rows that cannot be right.

        Parameters
        ----------
        shown : int
            How many of them the message lists; all are in the error's ``defects``.

        Raises
        ------
        DataError
            There are some.
        """
        count = self.left.height
        if not count:
            return
        kinds = self.left.group_by("kind", maintain_order=True).len()
        summed = ", ".join(f"{kind} {number:,}" for kind, number in kinds.rows())
        lines = [f"    {described(one)}" for one in self.left.head(shown).to_dicts()]
        if count > shown:
            lines.append(f"    ... and {count - shown:,} more")
        only_conflicts = set(kinds["kind"]) <= {"conflict", "overlap"}
        raise DataError(
            "\n".join(
                [
                    (
                        f"{self.name} has {count:,} row{'' if count == 1 else 's'} that cannot be right "
                        f"({summed}); nothing was stored"
                    ),
                    *lines,
                ]
            ),
            hint="--skip-bad leaves them out, since none is known to hold"
            if only_conflicts
            else "--repair mends what can be mended, --skip-bad leaves the rows out",
            file=self.name,
            count=count,
            defects=self.left.to_dicts(),
        )

    def to_dict(self) -> dict[str, object]:
        """Give what ``--json`` prints."""
        return {
            "file": self.name,
            "kind": self.kind,
            "read": self.read,
            "rows": self.rows,
            "defects": self.flaws.to_dicts(),
            "mended": [one.to_dict() for one in self.mended],
            "findings": [one.to_dict() for one in self.report.findings],
            "unchecked": list(self.report.unchecked),
            "notes": list(self.notes),
            "left_out": list(self.left_out),
        }


def joined(parts: Sequence[Import]) -> Import:
    """Sum up the parts of one file, at least one, as if it had been read whole.

    Findings of what is suspect stay those of the parts.
    """
    import polars as pl

    first = parts[0]
    counts: dict[tuple[str, str], list[int]] = {}
    for part in parts:
        for one in part.mended:
            counts.setdefault((one.what, one.symbol), []).extend(one.rows)
    findings = tuple(found for part in parts for found in part.report.findings)
    read = sum(part.read for part in parts)
    return replace(
        first,
        read=read,
        series=(),
        stored=sum(part.rows for part in parts),
        report=replace(first.report, rows=read, findings=ordered(findings)),
        flaws=pl.concat([part.flaws for part in parts]),
        left=pl.concat([part.left for part in parts]),
        mended=tuple(
            Mended(what, symbol, len(rows), tuple(rows)) for (what, symbol), rows in counts.items()
        ),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )
