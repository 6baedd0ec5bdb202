"""When each bar opens and closes, from its stamp and the interval."""

from collections.abc import Sequence

import numpy as np

from peak_trade.data.columns import Stamp
from peak_trade.data.stamps import Ints, Stamps
from peak_trade.data.table import Table
from peak_trade.domain.calendar import DAY_NS, Interval
from peak_trade.domain.errors import DataError, ParameterError

_DST_NS = 2 * 3_600_000_000_000  # days are up to this much shorter where clocks change


def infer_interval(table: Table, stamps: Sequence[Ints]) -> Interval:
    """Give the most common distance between stamps; months, quarters and years by name.

    Parameters
    ----------
    table : Table
        What was read, for messages.
    stamps : sequence of (K,) int64
        Ascending instants of each instrument, UTC nanoseconds.

    Raises
    ------
    DataError
        Fewer than two rows, or a distance that no bar has.

    Examples
    --------
    >>> import polars as pl
    >>> days = np.array([0, 1, 4, 5, 6]) * DAY_NS
    >>> str(infer_interval(Table(pl.DataFrame(), "frame", "asset"), [days]))
    '1d'
    """
    steps = np.concatenate([np.diff(times) for times in stamps])
    if len(steps) == 0:
        raise DataError(
            f"{table.name} has a single row, from which no interval can be told",
            hint="give the interval, such as 1d",
        )
    lengths, counts = np.unique(steps, return_counts=True)
    common = int(lengths[counts.argmax()])
    for months, low, high in ((1, 26, 35), (3, 87, 95), (6, 179, 186)):
        is_weeks = common % (7 * DAY_NS) == 0 and len(lengths) == 1
        if low * DAY_NS <= common <= high * DAY_NS and not is_weeks:
            return Interval(months, "mo")
    if common == 28 * DAY_NS:
        return Interval(4, "w")
    try:
        return Interval.from_ns(common)
    except ParameterError as error:
        raise DataError(
            f"stamps of {table.name} are mostly {common / 1e9:g} s apart, which no bar is",
            hint="ticks are no bars; if these are bars, give the interval",
        ) from error


def bar_spans(
    stamps: Stamps, interval: Interval, *, stamp: Stamp = "open", dates: bool = False
) -> tuple[Ints, Ints]:
    """Give the opens and the closes of bars.

    Bars of seconds, minutes and hours are ``interval`` long. Longer bars whose stamps are dates
    (``dates``) run from 00:00 UTC of their date for so many days, or over whole calendar months; a
    month may be named by any of its days. Longer bars with a time of day begin (``open``) or end
    (``close``) at that instant; a day that the clocks made shorter ends where the next begins.

    Returns
    -------
    tuple of (K,) int64
        Opens and closes, UTC nanoseconds.

    Examples
    --------
    >>> january = np.array([np.datetime64("2024-01-31", "ns").astype(np.int64)])
    >>> opens, closes = bar_spans(Stamps(january, january, True), Interval(1, "mo"), dates=True)
    >>> print(opens.astype("datetime64[ns]")[0], closes.astype("datetime64[ns]")[0])
    2024-01-01T00:00:00.000000000 2024-02-01T00:00:00.000000000
    """
    if dates and _is_long(interval):
        return _date_spans(stamps.wall, interval)
    if stamp == "open":
        opens, closes = stamps.utc, _shifted(stamps.utc, interval, 1)
        if _is_long(interval) and len(opens) > 1:
            overlap = closes[:-1] - opens[1:]
            closes[:-1] -= np.where((overlap > 0) & (overlap <= _DST_NS), overlap, 0)
        return opens, closes
    opens, closes = _shifted(stamps.utc, interval, -1), stamps.utc
    if _is_long(interval) and len(opens) > 1:
        overlap = closes[:-1] - opens[1:]
        opens[1:] += np.where((overlap > 0) & (overlap <= _DST_NS), overlap, 0)
    return opens, closes


def are_dates(stamps: Stamps, stamp: Stamp) -> bool:
    """Whether stamps name days: dates always, and midnights that bars open at."""
    return stamps.are_dates or (stamp == "open" and stamps.are_midnights)


def _is_long(interval: Interval) -> bool:
    return interval.unit in ("d", "w", "mo", "y")


def _months(interval: Interval) -> int:
    return {"mo": 1, "y": 12}.get(interval.unit, 0) * interval.count


def _date_spans(wall: Ints, interval: Interval) -> tuple[Ints, Ints]:
    days = wall.astype("datetime64[ns]").astype("datetime64[D]")
    months = _months(interval)
    if not months:
        opens = _ns(days)
        return opens, opens + interval.ns
    named = days.astype("datetime64[M]")
    if bool(((days - named.astype("datetime64[D]")).astype(np.int64) >= 27).all()):
        named = named - (months - 1)  # named by their last month
    return _ns(named), _ns(named + months)


def _shifted(times: Ints, interval: Interval, sign: int) -> Ints:
    months = _months(interval)
    if not months:
        return times + sign * interval.ns
    stamps = times.astype("datetime64[ns]")
    starts = stamps.astype("datetime64[M]")
    target = starts + sign * months
    into = times - _ns(starts)
    length = _ns(target + 1) - _ns(target)
    days = np.minimum(into // DAY_NS, length // DAY_NS - 1)  # the 31st of January, then of February
    shifted: Ints = _ns(target) + days * DAY_NS + into % DAY_NS
    return shifted


def _ns(stamps: "np.ndarray[tuple[int, ...], np.dtype[np.datetime64]]") -> Ints:
    return stamps.astype("datetime64[ns]").astype(np.int64)
