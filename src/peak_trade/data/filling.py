"""Which bars are missing from a series: the opens and closes that a calendar expects."""

import numpy as np
import numpy.typing as npt

from peak_trade.data.sessions import Sessions, missing_bars
from peak_trade.data.trading_days import TradingDays
from peak_trade.domain.calendar import DAY_NS, Interval
from peak_trade.domain.errors import DataError

Ints = npt.NDArray[np.int64]


def missing_spans(
    opens: Ints, closes: Ints, *, interval: Interval, calendar: str
) -> tuple[Ints, Ints]:
    """Give the opens and closes of the bars that are missing between the first and the last.

    Bars of seconds, minutes and hours are expected from the open of each session on, or where
    nothing closes one after the other from the bar before the gap; days on the trading days of the
    calendar.

    Parameters
    ----------
    opens, closes : (K,) int64
        Of the bars that are there, ascending, UTC nanoseconds.
    interval : Interval
        Length of a bar.
    calendar : str
        When they trade.

    Returns
    -------
    tuple of (M,) int64
        Opens and closes, ascending, UTC nanoseconds.

    Raises
    ------
    DataError
        Weeks, months and years; bars that do not stand where the sessions expect them; a stock
        exchange without the extra ``calendars``.

    Examples
    --------
    >>> opens = np.array([0, 1, 4]) * DAY_NS
    >>> day = Interval.parse("1d")
    >>> missing_spans(opens, opens + DAY_NS, interval=day, calendar="24/7")[0] // DAY_NS
    array([2, 3])
    """
    if interval.unit not in ("s", "m", "h") and str(interval) != "1d":
        raise DataError(
            f"gaps of bars of {interval} are not filled", hint="fill finer bars, and resample them"
        )
    nothing = np.empty(0, dtype=np.int64)
    if len(opens) < 2:
        return nothing, nothing
    daily = interval.unit == "d"
    sessions = Sessions.of(calendar, int(opens[0]), int(closes[-1]), daily=daily)
    missing = missing_bars(sessions, interval, opens, closes)
    gaps = np.flatnonzero(missing)
    if len(gaps) == 0:
        return nothing, nothing
    if calendar == "24/7" and not daily:
        found = [closes[k] + np.arange(missing[k]) * interval.ns for k in gaps]
        begins = np.concatenate(found)
        return begins, begins + interval.ns
    begins, ends = _expected(sessions, opens, closes, interval, calendar)
    _check_places(begins, opens, interval=interval, calendar=calendar)
    place = np.searchsorted(opens, begins, side="right") - 1
    inside = (place >= 0) & (place < len(opens) - 1)
    place = np.clip(place, 0, len(opens) - 2)
    wanted = inside & (missing[place] > 0) & (begins >= closes[place]) & (ends <= opens[place + 1])
    return begins[wanted], ends[wanted]


def _expected(
    sessions: Sessions, opens: Ints, closes: Ints, interval: Interval, calendar: str
) -> tuple[Ints, Ints]:
    """Every bar that the calendar expects."""
    if interval.unit == "d":
        days = TradingDays.of(calendar, int(opens[0]), int(closes[-1]))
        if int(opens[0]) % DAY_NS == 0:
            days = days.dated()
        return days.opens, days.closes
    counts = -(-(sessions.closes - sessions.opens) // interval.ns)
    first = np.repeat(sessions.opens, counts)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    begins = first + (np.arange(int(counts.sum())) - before) * interval.ns
    return begins, begins + interval.ns


def _check_places(begins: Ints, opens: Ints, *, interval: Interval, calendar: str) -> None:
    share = float(np.isin(opens, begins).mean())
    if share < 0.5:
        raise DataError(
            f"only {share:.0%} of the bars of {interval} open where the sessions of {calendar} "
            "expect them, so it cannot be told which are missing",
            hint="name the calendar that they were made by, or resample finer bars",
        )
