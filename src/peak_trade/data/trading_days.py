"""Trading days of a calendar: when each opens and closes, and the date it is called by."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from peak_trade.data.sessions import Sessions
from peak_trade.domain.calendar import DAY_NS, Interval, calendar_named
from peak_trade.domain.errors import ParameterError

Ints = npt.NDArray[np.int64]

_MONTHS = {"mo": 1, "y": 12}


@dataclass(frozen=True, slots=True, eq=False)
class TradingDays:
    """D trading days in order.

    Attributes
    ----------
    sessions : Sessions
        Their stretches of trading; a lunch break parts a day in two.
    dates : (D,) int64
        Days since 1970-01-01 that they are called by.
    opens, closes : (D,) int64
        UTC nanoseconds.

    Examples
    --------
    >>> days = TradingDays.of("24/5", 0, 7 * DAY_NS)
    >>> first = int(np.searchsorted(days.dates, 4))  # Monday 1970-01-05, which opens on Sunday
    >>> print(np.datetime64(int(days.opens[first]), "ns"))
    1970-01-04T22:00:00.000000000
    """

    sessions: Sessions
    dates: Ints
    opens: Ints
    closes: Ints

    @classmethod
    def of(
        cls, calendar: str, first_ns: int, last_ns: int, *, margin_years: int = 1
    ) -> "TradingDays":
        """Trading days of whole years around ``first_ns`` to ``last_ns``.

        The days of ``24/5`` are those of foreign exchange: from 17:00 in New York to 17:00 on the
        next day, called by the latter, Monday to Friday. Those of a stock exchange run from its
        open to its close, early closes included; the days of ``24/7`` are those of UTC.

        Parameters
        ----------
        calendar : str
            ``24/7``, ``24/5`` or the code of a stock exchange.
        first_ns, last_ns : int
            UTC nanoseconds.
        margin_years : int
            Whole years before and after.

        Raises
        ------
        ParameterError
            A calendar that is not known.
        DataError
            A stock exchange, and the extra ``calendars`` is not installed.
        """
        calendar_named(calendar)
        years = (_year(first_ns) - margin_years, _year(last_ns) + margin_years)
        return _known(calendar, *years)

    def dated(self) -> "TradingDays":
        """The same days as bars that are stamped with dates have them: from 00:00 to 24:00 UTC."""
        opens = self.dates * DAY_NS
        closes = opens + DAY_NS
        sessions = replace(self.sessions, opens=opens, closes=closes, day_closes=closes)
        return TradingDays(sessions, self.dates, opens, closes)

    def groups(self, interval: Interval) -> Ints:
        """Number of the day, week, month or year that each trading day is of, (D,) int64, ascending.

        Raises
        ------
        ParameterError
            Several days, which have no fixed begin, or an interval that is shorter than a day.
        """
        if interval.unit in _MONTHS:
            months = self.dates.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
            return np.asarray(months // (interval.count * _MONTHS[interval.unit]))
        if interval.unit == "w":
            return np.asarray((self.dates + 3) // 7 // interval.count)
        if interval.unit == "d" and interval.count == 1:
            return self.dates
        raise ParameterError(
            f"bars of {interval} cannot be counted in trading days, since no day is the first",
            hint="ask for 1d, 1w or 1mo, or for anchor='utc'",
        )


def _year(stamp_ns: int) -> int:
    return int(np.datetime64(stamp_ns, "ns").astype("datetime64[Y]").astype(np.int64)) + 1970


def _day(year: int) -> int:
    return int(np.datetime64(f"{year:04d}-01-01", "D").astype(np.int64))


@lru_cache(maxsize=16)
def _known(calendar: str, first_year: int, last_year: int) -> TradingDays:
    start, stop = _day(first_year), _day(last_year + 1)
    if calendar == "24/5":
        days = _foreign_exchange(start, stop)
    else:
        found = Sessions.of(calendar, start * DAY_NS, stop * DAY_NS, daily=False)
        before = np.searchsorted(found.day_closes, found.opens, side="right")
        first = np.searchsorted(before, np.arange(len(found.day_closes)), side="left")
        opens = found.opens[first]
        # Every exchange that is known closes on the UTC day that its trading day is called by.
        days = TradingDays(found, (found.day_closes - 1) // DAY_NS, opens, found.day_closes)
    for times in (days.dates, days.opens, days.closes):
        times.flags.writeable = False
    return days


def _foreign_exchange(start: int, stop: int) -> TradingDays:
    import polars as pl

    dates = np.arange(start - 1, stop, dtype=np.int64)
    clocks = pl.Series(dates * DAY_NS + 17 * 3_600_000_000_000).cast(pl.Datetime("ns"))
    closes = clocks.dt.replace_time_zone("America/New_York").to_physical().to_numpy()
    weekday = (dates[1:] + 3) % 7 < 5
    begins, ends = closes[:-1][weekday], closes[1:][weekday]
    return TradingDays(Sessions(begins, ends, ends), dates[1:][weekday], begins, ends)
