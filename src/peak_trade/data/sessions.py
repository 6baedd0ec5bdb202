"""When a market is open: trading sessions as arrays, and the bars that are missing from them."""

import warnings
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from peak_trade.domain.calendar import DAY_NS, Interval, calendar_named
from peak_trade.domain.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_HOUR_NS = 3_600_000_000_000
_WEEK_NS = 7 * DAY_NS
_FIRST_SUNDAY_NS = 3 * DAY_NS  # 1970-01-04
# The week of foreign exchange runs from Sunday to Friday, 17:00 in New York: 22:00 UTC in winter,
# 21:00 in summer. The hour between is neither expected nor refused.
_WEEK_OPENS, _WEEK_CLOSES = 22 * _HOUR_NS, 5 * DAY_NS + 21 * _HOUR_NS

EXTRA = "calendars"
"""The extra that knows the holidays and half days of stock exchanges."""


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """Stretches of time in which a market trades, ascending and apart from each other.

    Attributes
    ----------
    opens, closes : (S,) int64
        UTC nanoseconds; a lunch break parts a day in two.
    day_closes : (D,) int64
        Close of each trading day.
    slack : int
        Nanoseconds before and after a session in which bars are neither expected nor refused.

    Examples
    --------
    >>> week = Sessions.of("24/5", 0, 14 * DAY_NS, daily=False)
    >>> np.diff(week.traded(np.array([0, 7 * DAY_NS]))) // _HOUR_NS
    array([119])
    """

    opens: Ints
    closes: Ints
    day_closes: Ints
    slack: int = 0

    @classmethod
    def of(cls, calendar: str, first: int, last: int, *, daily: bool) -> "Sessions":
        """Sessions of a calendar that cover ``first`` to ``last``.

        Parameters
        ----------
        calendar : str
            ``24/7``, ``24/5`` or the code of a stock exchange.
        first, last : int
            UTC nanoseconds.
        daily : bool
            Whether bars are whole days, which ``24/5`` counts from Monday to Friday.

        Raises
        ------
        ParameterError
            A calendar that is not known.
        DataError
            A stock exchange, and the extra ``calendars`` is not installed.
        """
        calendar_named(calendar)
        start, stop = first // DAY_NS - 7, last // DAY_NS + 8
        if calendar == "24/7" or (calendar == "24/5" and daily):
            days = np.arange(start, stop, dtype=np.int64)
            if calendar == "24/5":
                days = days[(days + 3) % 7 < 5]
            closes = (days + 1) * DAY_NS
            return cls(days * DAY_NS, closes, closes)
        if calendar == "24/5":
            weeks = _FIRST_SUNDAY_NS + np.arange(start // 7 - 1, stop // 7 + 1) * _WEEK_NS
            closes = weeks + _WEEK_CLOSES
            return cls(weeks + _WEEK_OPENS, closes, closes, slack=_HOUR_NS)
        return cls(*_exchange(calendar, start, stop))

    def traded(self, times: Ints) -> Ints:
        """Trading time before each of ``times``, nanoseconds; differences are what counts."""
        lengths = self.closes - self.opens
        before = np.concatenate(([0], np.cumsum(lengths)))
        place = np.searchsorted(self.opens, times, side="right") - 1
        inside = np.clip(times - self.opens[place], 0, lengths[place])
        return np.where(place < 0, 0, before[np.maximum(place, 0)] + inside)

    def days(self, times: Ints) -> Ints:
        """Number of the trading day that is the first to close after each of ``times``.

        A daily bar that is stamped with its date, with the midnight or with the open of its
        exchange is of one and the same day.
        """
        return np.searchsorted(self.day_closes, times, side="right")


def missing_bars(sessions: Sessions, interval: Interval, opens: Ints, closes: Ints) -> Ints:
    """Count the bars that are missing between each bar and the one after it.

    Bars of seconds, minutes and hours are counted in trading time, so that nights, weekends,
    holidays, lunch breaks and early closes are no gaps; less than half a bar is none either. Days
    are counted in trading days, weeks, months and years in those of the calendar.

    Parameters
    ----------
    sessions : Sessions
        When the market trades.
    interval : Interval
        Length of a bar.
    opens, closes : (K,) int64
        Ascending, UTC nanoseconds.

    Returns
    -------
    (K - 1,) int64
        0 where nothing is missing.

    Examples
    --------
    >>> opens = np.array([0, 1, 4, 5, 7]) * DAY_NS  # Thursday, Friday, Monday, Tuesday, Thursday
    >>> week = Sessions.of("24/5", 0, 7 * DAY_NS, daily=True)
    >>> missing_bars(week, Interval.parse("1d"), opens, opens + DAY_NS)
    array([0, 0, 0, 1])
    """
    if interval.unit in ("mo", "y"):
        months = opens.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
        between = np.diff(months) / (interval.count * (12 if interval.unit == "y" else 1)) - 1
    elif interval.unit == "w":
        between = np.diff(opens) / interval.ns - 1
    elif interval.unit == "d":
        between = np.diff(sessions.days(opens)) / interval.count - 1
    else:
        idle = sessions.traded(opens[1:]) - sessions.traded(closes[:-1])
        between = idle / interval.ns
    return np.maximum(np.floor(between + 0.5 - 1e-9), 0).astype(np.int64)


def outside_sessions(sessions: Sessions, opens: Ints, closes: Ints) -> Bools:
    """Tell which bars lie wholly outside trading hours.

    Parameters
    ----------
    sessions : Sessions
        When the market trades; what is before its first and after its last session is not told.
    opens, closes : (K,) int64
        UTC nanoseconds.

    Examples
    --------
    >>> opens = np.array([1, 2]) * DAY_NS  # Friday and Saturday
    >>> week = Sessions.of("24/5", 0, 4 * DAY_NS, daily=True)
    >>> outside_sessions(week, opens, opens + DAY_NS)
    array([False,  True])
    """
    known = (opens >= sessions.opens[0]) & (closes <= sessions.closes[-1])
    begins, ends = opens - sessions.slack, closes + sessions.slack
    return np.asarray(known & (sessions.traded(ends) == sessions.traded(begins)))


@lru_cache(maxsize=8)
def _exchange(calendar: str, start: int, stop: int) -> tuple[Ints, Ints, Ints]:
    """Opens and closes of segments, and closes of days, of a stock exchange."""
    if find_spec("exchange_calendars") is None:
        raise DataError(
            f"the holidays of {calendar} are read from exchange_calendars, which is not installed",
            hint=f"install it with: pip install peak-trade[{EXTRA}], or give another calendar",
            package="exchange_calendars",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of pandas, about that package
        import exchange_calendars as ec

        kind = type(ec.get_calendar(calendar))
        earliest, latest = (_day(bound) for bound in (kind.bound_min(), kind.bound_max()))
        first = start if earliest is None else max(start, earliest)
        last = stop if latest is None else min(stop, latest)
        if first >= last:
            raise DataError(
                f"the sessions of {calendar} are known from {_date(earliest)} to {_date(latest)}",
                hint="give another calendar",
            )
        schedule = kind(start=_date(first), end=_date(last)).schedule
    opens, closes, pauses, resumes = (
        schedule[name].to_numpy("datetime64[ns]").astype(np.int64)
        for name in ("open", "close", "break_start", "break_end")
    )
    has_break = pauses > np.iinfo(np.int64).min  # which stands for none
    found = (
        np.sort(np.concatenate((opens, resumes[has_break]))),
        np.sort(np.concatenate((closes, pauses[has_break]))),
        closes,
    )
    for times in found:
        times.flags.writeable = False
    return found


def _day(bound: object) -> int | None:
    return None if bound is None else int(np.datetime64(str(bound)[:10]).astype(np.int64))


def _date(day: int | None) -> str:
    return "" if day is None else str(np.datetime64(day, "D"))
