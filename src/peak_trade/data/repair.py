"""Repairs that invent nothing: sort, drop what is doubled or broken, widen highs and lows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.findings import stamp_text
from peak_trade.data.normalise import Series
from peak_trade.data.reading import Reading
from peak_trade.data.row_checks import RowFaults, find_faults
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    import polars as pl

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

REPAIRS = {
    "sorted": "rows put in order of time",
    "duplicate dropped": "rows dropped that repeated another row",
    "row dropped": "rows dropped whose price is missing, zero, negative or infinite",
    "cell emptied": "prices emptied that are zero, negative or infinite: a day without a bar",
    "high or low widened": "highs raised or lows lowered to take in open and close",
    "volume emptied": "negative or infinite volumes emptied: unknown",
    "gap filled": "bars filled in with the last close, none of them tradable",
}
"""What is done, and in words. Rows that contradict each other are left: none is known to hold."""


@dataclass(frozen=True, slots=True)
class Repair:
    """One kind of repair of one instrument.

    Attributes
    ----------
    kind : str
        One of :data:`REPAIRS`.
    instrument : str
        Its symbol.
    count : int
        Rows it was done to.
    rows : tuple of int
        Those rows of the source, counted from 0.
    times : tuple of str
        Their stamps.
    """

    kind: str
    instrument: str
    count: int
    rows: tuple[int, ...]
    times: tuple[str, ...]

    @property
    def message(self) -> str:
        """A sentence with the count."""
        return f"{self.instrument}: {REPAIRS[self.kind]}: {self.count:,}"

    def to_dict(self) -> dict[str, object]:
        """Give what ``--json`` prints."""
        return {
            "kind": self.kind,
            "instrument": self.instrument,
            "count": self.count,
            "rows": list(self.rows),
            "times": list(self.times),
            "message": self.message,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Repaired:
    """A repaired reading, and all that was done to it."""

    reading: Reading
    repairs: tuple[Repair, ...]


def repair(reading: Reading) -> Repaired:
    """Mend what can be mended without inventing anything.

    Rows are sorted within their instrument, exact duplicates and rows without a sound price are
    dropped (of a wide table the cell is emptied), highs and lows are widened to take in open and
    close, and volumes that cannot be are emptied. Gaps, jumps, spikes and stale prices stay, and
    so do rows that contradict each other.

    Parameters
    ----------
    reading : Reading
        What was read; it is not changed.

    Examples
    --------
    >>> import polars as pl
    >>> from peak_trade.data.reading import Format, read
    >>> frame = pl.DataFrame({"time": [60, 0, 0], "close": [1.0, 2.0, 2.0]})
    >>> done = repair(read(frame, Format()))
    >>> done.reading.table.frame["time"].to_list(), [one.kind for one in done.repairs]
    ([0, 60], ['sorted', 'duplicate dropped'])
    """
    faults = [find_faults(reading, one) for one in reading.series]
    pairs = list(zip(reading.series, faults, strict=True))
    frame, repairs = reading.table.frame, []
    is_wide = bool(reading.columns.tickers)
    for one, fault in pairs:
        frame, done = _mended(reading, frame, one, fault, is_wide=is_wide)
        repairs.extend(done)
    order, dropped = np.arange(frame.height), np.zeros(frame.height, dtype=np.bool_)
    for one, fault in pairs:
        order[one.rows] = one.rows[fault.order]
        gone = fault.duplicate if is_wide else fault.duplicate | fault.price
        dropped[one.rows[gone]] = True
    if is_wide:
        order = np.argsort(_row_stamps(reading), kind="stable")
    kept = order[~dropped[order]]
    if len(kept) == 0:
        raise DataError(
            f"no row of {reading.table.name} has a sound price, so that nothing is left",
            hint="check the columns, or get the data anew",
        )
    table = replace(reading.table, frame=frame[kept])
    return Repaired(replace(reading, table=table), tuple(repairs))


def _row_stamps(reading: Reading) -> Ints:
    from peak_trade.data.stamps import read_stamps

    return read_stamps(reading.table, reading.columns.time, clock=reading.columns.clock).utc


def _mended(
    reading: Reading, frame: "pl.DataFrame", one: Series, fault: RowFaults, *, is_wide: bool
) -> tuple["pl.DataFrame", list[Repair]]:
    """Change cells of one instrument in place of the rows; tells all that is done to it."""
    columns = reading.columns
    if is_wide:
        frame = _emptied(frame, one.symbol, one.rows[fault.price])
    if fault.inconsistent.any():
        sides = np.stack([one.prices[name] for name in ("open", "high", "low", "close")])
        rows = one.rows[fault.inconsistent]
        bad = sides[:, fault.inconsistent]
        frame = _with_values(frame, columns.prices["high"], rows, bad[[0, 1, 3]].max(axis=0))
        frame = _with_values(frame, columns.prices["low"], rows, bad[[0, 2, 3]].min(axis=0))
    if fault.volume.any() and columns.volume is not None:
        frame = _emptied(frame, columns.volume, one.rows[fault.volume])
    dropped = fault.duplicate | fault.price
    kinds = (
        ("sorted", fault.late),
        ("duplicate dropped", fault.duplicate),
        ("cell emptied" if is_wide else "row dropped", fault.price & ~fault.duplicate),
        ("high or low widened", fault.inconsistent & ~dropped),
        ("volume emptied", fault.volume & ~dropped),
    )
    return frame, [_told(kind, one, np.flatnonzero(mask)) for kind, mask in kinds if mask.any()]


def _told(kind: str, one: Series, places: Ints) -> Repair:
    times = tuple(stamp_text(int(stamp)) for stamp in one.stamps.utc[places])
    rows = tuple(int(row) for row in one.rows[places])
    return Repair(kind, one.symbol, len(places), rows, times)


def _with_values(
    frame: "pl.DataFrame", column: str, rows: Ints, values: Iterable[float]
) -> "pl.DataFrame":
    """Set cells to numbers; a column of text gets them as text, whole numbers get fractions."""
    import polars as pl

    old = frame[column].clone()  # scatter changes its series in place
    if old.dtype == pl.String:
        new = pl.Series([f"{float(value)!r}" for value in values])
    else:
        old = old.cast(pl.Float64) if old.dtype.is_integer() else old
        new = pl.Series([float(value) for value in values], dtype=old.dtype)
    return frame.with_columns(old.scatter(rows, new).alias(column))


def _emptied(frame: "pl.DataFrame", column: str, rows: Ints) -> "pl.DataFrame":
    return (
        frame if len(rows) == 0 else frame.with_columns(frame[column].clone().scatter(rows, None))
    )


def write_table(reading: Reading, path: Path) -> None:
    """Write a reading's table as CSV or Parquet, by the ending of ``path``."""
    if path.suffix.lower() == ".parquet":
        reading.table.frame.write_parquet(path)
    else:
        reading.table.frame.write_csv(path)
