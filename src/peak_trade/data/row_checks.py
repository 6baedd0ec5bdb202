"""Checks of rows, each for itself and against the rows of its stamp: what loading would refuse."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.data.faults import bad_bar, bad_price, bad_volume, late_rows, same_stamp
from peak_trade.data.findings import SHOWN, Example, Finding, make_finding, stamp_text
from peak_trade.data.normalise import Series
from peak_trade.data.reading import Reading

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class RowFaults:
    """Faults of the K rows of a series, as masks in file order.

    Attributes
    ----------
    late : (K,) bool
        Earlier than the row before.
    duplicate, conflict : (K,) bool
        Rows whose stamp another row had before them, with the same or with other values.
    price : (K,) bool
        A price is missing, zero, negative or infinite.
    inconsistent : (K,) bool
        High or low contradict another price.
    volume : (K,) bool
        Negative or infinite.
    order : (K,) int64
        Places in ascending order of time, stable.
    """

    late: Bools
    duplicate: Bools
    conflict: Bools
    price: Bools
    inconsistent: Bools
    volume: Bools
    order: Ints

    @property
    def sound(self) -> Ints:
        """Places of the rows with sound prices in order of time, the first one of each stamp."""
        kept = ~(self.price | self.duplicate | self.conflict)
        return self.order[kept[self.order]]


def find_faults(reading: Reading, series: Series) -> RowFaults:
    """Find the faults of a series' rows.

    Examples
    --------
    >>> import polars as pl
    >>> from peak_trade.data.reading import Format, read
    >>> reading = read(pl.DataFrame({"time": [60, 0, 0], "close": [1.0, 2.0, 3.0]}), Format())
    >>> faults = find_faults(reading, reading.series[0])
    >>> faults.late.tolist(), faults.conflict.tolist(), faults.sound.tolist()
    ([False, True, False], [False, False, True], [1, 0])
    """
    stamps = series.stamps.utc
    none = np.zeros(len(stamps), dtype=np.bool_)
    late = late_rows(stamps)
    order = np.argsort(stamps, kind="stable") if late.any() else np.arange(len(stamps))
    first = order[same_stamp(stamps[order])]
    repeats = np.flatnonzero(first != order)
    duplicate, conflict = none.copy(), none.copy()
    if len(repeats):
        same = _are_equal(reading, series.rows[order[repeats]], series.rows[first[repeats]])
        duplicate[order[repeats[same]]] = True
        conflict[order[repeats[~same]]] = True
    price = none
    for values in series.prices.values():
        price = price | bad_price(values)
    inconsistent = none
    if "open" in series.prices:
        sides = (series.prices[name] for name in ("open", "high", "low", "close"))
        inconsistent = bad_bar(*sides) & ~price
    volume = none if series.volume is None else bad_volume(series.volume)
    return RowFaults(late, duplicate, conflict, price, inconsistent, volume, order)


def _are_equal(reading: Reading, one: Ints, other: Ints) -> Bools:
    """Whether rows of the table are equal in every column but their stamp, which is equal."""
    frame, columns = reading.table.frame, reading.columns
    equal = np.ones(len(one), dtype=np.bool_)
    for name in frame.columns:
        if name not in (columns.time, columns.clock):
            values = frame[name]
            equal &= values[one].eq_missing(values[other]).to_numpy()
    return equal


def check_rows(reading: Reading, series: Series, faults: RowFaults) -> Iterator[Finding]:
    """Turn the faults of a series' rows into findings."""
    volume = series.volume

    def shown_prices(place: int) -> str:
        return ", ".join(f"{name} {float(v[place])}" for name, v in series.prices.items())

    def shown_volume(place: int) -> str:
        return f"volume {float(volume[place])}" if volume is not None else ""

    kinds: tuple[tuple[str, Bools, Callable[[int], str], str], ...] = (
        ("unsorted", faults.late, lambda _: "", "sorting mends it"),
        ("duplicate", faults.duplicate, shown_prices, "dropping them mends it"),
        ("conflict", faults.conflict, shown_prices, "only their source can tell which holds"),
        ("price", faults.price, shown_prices, "dropping the rows leaves gaps"),
        ("inconsistent", faults.inconsistent, shown_prices, "widening high and low mends it"),
        ("volume", faults.volume, shown_volume, "emptying it mends it: unknown"),
    )
    for kind, mask, shown, how in kinds:
        places = np.flatnonzero(mask)
        if len(places):
            yield make_finding(
                kind,
                series.symbol,
                rows=series.rows[places],
                stamps=series.stamps.utc[places],
                examples=[_example(reading, series, int(k), shown(int(k))) for k in places[:SHOWN]],
                how=how,
            )


def _example(reading: Reading, series: Series, place: int, what: str) -> Example:
    row, stamp = int(series.rows[place]), int(series.stamps.utc[place])
    where = f"{reading.table.at(row).partition(' of ')[0]} ({stamp_text(stamp)})"
    return Example(row, stamp, f"{where}: {what}" if what else where)
