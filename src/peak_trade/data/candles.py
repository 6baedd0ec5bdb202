"""Bars built from trades: what a venue would have printed, with nothing made up unless asked for."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.domain.calendar import DAY_NS, Interval
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    import polars as pl

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SIZE_STEPS = 1e8
"""Steps in a unit of size: sums of sizes with up to eight decimals are exact in decimals."""

_MONDAY_NS = 4 * DAY_NS  # 1970-01-05
_LARGEST = 2**53


def candles_of(
    trades: "pl.DataFrame",
    interval: Interval,
    *,
    start_ns: int | None = None,
    stop_ns: int | None = None,
    fill: bool = False,
) -> "pl.DataFrame":
    """Build the bars that trades make up, oldest first.

    Open and close are the first and the last price of an interval, by time and then by ``seq``.
    Volume is the sum of sizes, which is exact in decimals where the sizes of a bar have at most
    eight of them, as a venue sums them (else one float after the other). Intervals are those of
    :func:`bar_opens`: of UTC, so that a day of any market is a UTC day.

    Parameters
    ----------
    trades : polars.DataFrame
        ``time_ns``, ``price`` and ``size``, perhaps ``seq``; other columns are not read.
    interval : Interval
        Length of a bar.
    start_ns, stop_ns : int, optional
        From when (taken in) until when (left out) these trades are all there were: bars that reach
        beyond are incomplete and left out. Without them the first and the last bar are kept, and
        may lack trades that were not handed in.
    fill : bool
        Give an interval without a trade a bar at the last price, with a volume of 0 and ``is_filled``:
        from the first bar on, to the last, or to ``stop_ns``. Without it such intervals have no bar.

    Returns
    -------
    polars.DataFrame
        Columns of the kind ``bars``: ``open_ns``, ``close_ns``, ``open``, ``high``, ``low``,
        ``close``, ``volume``, ``is_filled``.

    Raises
    ------
    DataError
        A column that is missing, or a price or size that no trade has.

    Examples
    --------
    >>> import polars as pl
    >>> trades = pl.DataFrame({"time_ns": [1, 2, 180_000_000_000], "price": [10.0, 12.0, 11.0],
    ...     "size": [0.1, 0.2, 5.0]})  # fmt: skip
    >>> candles_of(trades, Interval.parse("1m")).select("open", "close", "volume").rows()
    [(10.0, 12.0, 0.3), (11.0, 11.0, 5.0)]
    >>> candles_of(trades, Interval.parse("1m"), fill=True)["is_filled"].to_list()
    [False, True, True, False]
    """
    times, prices, sizes = _columns(trades)
    opens = bar_opens(times, interval)
    starts = np.flatnonzero(np.diff(opens, prepend=opens[:1] - 1))
    if not len(starts):
        return _frame(opens, opens, np.empty((4, 0)), np.empty(0), np.empty(0, np.bool_))
    ends = np.append(starts[1:], len(opens))
    sides = np.stack(
        [
            prices[starts],
            np.maximum.reduceat(prices, starts),
            np.minimum.reduceat(prices, starts),
            prices[ends - 1],
        ]
    )
    volume = _volumes(sizes, starts, ends)
    begins = opens[starts]
    closes = bar_closes(begins, interval)
    is_filled = np.zeros(len(begins), dtype=np.bool_)
    if fill:
        begins, closes, sides, volume, is_filled = _filled(
            begins, sides, volume, interval, stop_ns=stop_ns
        )
    whole = np.ones(len(begins), dtype=np.bool_)
    if start_ns is not None:
        whole &= begins >= start_ns
    if stop_ns is not None:
        whole &= closes <= stop_ns
    return _frame(begins[whole], closes[whole], sides[:, whole], volume[whole], is_filled[whole])


def bar_opens(times: Ints, interval: Interval) -> Ints:
    """Give for each time the open of the bar that it falls into.

    Seconds, minutes, hours and days count from 1970-01-01 00:00 UTC, weeks from Monday 1970-01-05,
    months and years from January 1970, so that bars of whole divisors of a day begin at midnight.

    Parameters
    ----------
    times : (K,) int64
        UTC nanoseconds.
    interval : Interval
        Length of a bar.

    Examples
    --------
    >>> friday = np.datetime64("2024-03-01T10:17", "ns").astype(np.int64)
    >>> for text in ("1h", "1w", "1mo"):
    ...     print(bar_opens(np.array([friday]), Interval.parse(text)).astype("datetime64[ns]")[0])
    2024-03-01T10:00:00.000000000
    2024-02-26T00:00:00.000000000
    2024-03-01T00:00:00.000000000
    """
    months = _months(interval)
    if not months:
        anchor = _MONDAY_NS if interval.unit == "w" else 0
        return times - (times - anchor) % interval.ns
    named = times.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    return _month_starts(named - named % months)


def bar_closes(opens: Ints, interval: Interval) -> Ints:
    """Give the closes of bars by their opens, UTC nanoseconds; months and years by the calendar.

    Examples
    --------
    >>> opens = np.array([np.datetime64("2024-02-01", "ns").astype(np.int64)])
    >>> print(bar_closes(opens, Interval.parse("1mo")).astype("datetime64[ns]")[0])
    2024-03-01T00:00:00.000000000
    """
    months = _months(interval)
    if not months:
        return opens + interval.ns
    named = opens.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    return _month_starts(named + months)


def _months(interval: Interval) -> int:
    return {"mo": 1, "y": 12}.get(interval.unit, 0) * interval.count


def _month_starts(months: Ints) -> Ints:
    starts: Ints = months.astype("datetime64[M]").astype("datetime64[ns]").astype(np.int64)
    return starts


def _columns(trades: "pl.DataFrame") -> tuple[Ints, Floats, Floats]:
    """Times, prices and sizes in the order in which the venue traded."""
    absent = [name for name in ("time_ns", "price", "size") if name not in trades.columns]
    if absent:
        raise DataError(
            f"trades have no column {absent[0]!r}; they have {', '.join(trades.columns)}",
            hint="give time_ns, price and size, as the kind trades has them",
        )
    keys = [name for name in ("time_ns", "seq") if name in trades.columns]
    rows = trades.select(*dict.fromkeys([*keys, "price", "size"]))
    if rows.null_count().sum_horizontal().sum():
        row = rows.with_row_index().filter(rows.select(_any_null(rows)).to_series())["index"][0]
        raise DataError(f"trade {row} lacks a value: {rows.row(row)}", hint="leave it out", row=row)
    rows = rows.sort(keys, maintain_order=True)
    times = np.ascontiguousarray(rows["time_ns"].to_numpy(), dtype=np.int64)
    prices = np.ascontiguousarray(rows["price"].to_numpy(), dtype=np.float64)
    sizes = np.ascontiguousarray(rows["size"].to_numpy(), dtype=np.float64)
    bad = ~((prices > 0) & (prices < np.inf) & (sizes >= 0) & (sizes < np.inf))
    if bad.any():
        k = int(bad.argmax())
        raise DataError(
            f"a trade at {np.datetime64(int(times[k]), 'ns')} has price {prices[k]} and size "
            f"{sizes[k]}",
            hint="leave out trades without a price above zero and a size",
        )
    return times, prices, sizes


def _any_null(rows: "pl.DataFrame") -> "pl.Expr":
    import polars as pl

    return pl.any_horizontal(pl.col(rows.columns).is_null())


def _volumes(sizes: Floats, starts: Ints, ends: Ints) -> Floats:
    """Sum sizes by bar: in whole steps of 1e-8 where each is a number of them, else as they come."""
    steps = np.rint(sizes * SIZE_STEPS)
    fits = (steps / SIZE_STEPS == sizes) & (steps < _LARGEST)
    sums = np.add.reduceat(np.where(fits, steps, 0).astype(np.int64), starts)
    volumes: Floats = sums / SIZE_STEPS
    odd = np.flatnonzero(~np.logical_and.reduceat(fits, starts) | (sums >= _LARGEST))
    for bar in odd:
        volumes[bar] = np.cumsum(sizes[starts[bar] : ends[bar]])[-1]
    return volumes


def _filled(
    begins: Ints, sides: Floats, volume: Floats, interval: Interval, *, stop_ns: int | None
) -> tuple[Ints, Ints, Floats, Floats, Bools]:
    """Put a bar at the last close wherever an interval has none."""
    every = _all_opens(int(begins[0]), int(begins[-1]), interval, stop_ns)
    last = np.searchsorted(begins, every, side="right") - 1
    is_filled = begins[last] != every
    closes = sides[3, last]
    full = np.where(is_filled, closes, sides[:, last])
    quiet = np.where(is_filled, 0.0, volume[last])
    return every, bar_closes(every, interval), full, quiet, is_filled


def _all_opens(first: int, last: int, interval: Interval, stop_ns: int | None) -> Ints:
    until = last + 1 if stop_ns is None else max(stop_ns, last + 1)
    months = _months(interval)
    if not months:
        return np.arange(first, until, interval.ns, dtype=np.int64)
    bounds = np.array([first, until - 1]).astype("datetime64[ns]").astype("datetime64[M]")
    begin, end = bounds.astype(np.int64)
    return _month_starts(np.arange(begin, end + 1, months, dtype=np.int64))


def _frame(
    begins: Ints, closes: Ints, sides: Floats, volume: Floats, is_filled: Bools
) -> "pl.DataFrame":
    import polars as pl

    return pl.DataFrame(
        {
            "open_ns": begins,
            "close_ns": closes,
            "open": sides[0],
            "high": sides[1],
            "low": sides[2],
            "close": sides[3],
            "volume": volume,
            "is_filled": is_filled,
        }
    )
