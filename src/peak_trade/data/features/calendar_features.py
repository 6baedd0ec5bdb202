"""Features of the calendar: where a close stands in its session, its week and its month."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.data.features.definition import Feature, feature, param
from peak_trade.data.features.given import Given
from peak_trade.data.trading_days import TradingDays
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import DAY_NS, MINUTE_NS, calendar_named
from peak_trade.domain.errors import ParameterError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CALENDAR = "calendar"
_HALF = 0.9  # a day with less than this share of the usual minutes closes early
_WEEK_NS = 7 * DAY_NS


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """Where each close stands among the trading days of a calendar.

    Attributes
    ----------
    closes : (T,) int64
        UTC nanoseconds.
    within : (T,) int64
        A moment inside each bar: just before its close; the open of a daily bar, and of longer ones
        a day before the close.
    day : (T,) int64
        Trading day of each bar: the first to close after that moment.
    days : TradingDays
    is_known : (T,) bool
        Whether the calendar reaches so far.
    is_daily : bool
        Whether bars are whole days or longer.
    minutes : int
        Minutes of trading in a usual day.
    """

    closes: Ints
    within: Ints
    day: Ints
    days: TradingDays
    is_known: npt.NDArray[np.bool_]
    is_daily: bool
    minutes: int

    @classmethod
    def of(cls, bars: Bars, calendar: str) -> "Moment":
        """Find the trading days of bars; there has to be a row."""
        is_daily = bars.interval.ns >= DAY_NS
        within = _last_opens(bars) if is_daily else bars.time - 1
        days = TradingDays.of(calendar, int(within[0]), int(bars.time[-1]))
        day = np.searchsorted(days.closes, within, side="right").astype(np.int64)
        is_known = (day < len(days.closes)) & (within >= days.opens[0] - _WEEK_NS)
        return cls(
            bars.time, within, np.minimum(day, len(days.closes) - 1), days, is_known, is_daily,
            calendar_named(calendar).minutes,
        )  # fmt: skip

    @property
    def opened(self) -> Ints:
        """When the day of each bar opens."""
        return self.days.opens[self.day]

    @property
    def closed(self) -> Ints:
        """When the day of each bar closes."""
        return self.days.closes[self.day]

    @property
    def is_inside(self) -> npt.NDArray[np.bool_]:
        """Bars of trading hours."""
        return self.is_daily | (self.within >= self.opened)

    @property
    def months(self) -> Ints:
        """Month of each trading day, counted through the years."""
        return self.days.dates.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _last_opens(bars: Bars) -> Ints:
    real = np.where(bars.tradable, bars.open_time, bars.time[:, None])
    opens = np.where(bars.tradable.any(axis=1), real.min(axis=1), bars.time - DAY_NS)
    return np.maximum(opens, bars.time - DAY_NS)


class OfCalendar(Feature):
    """Base of features of an instrument's calendar, or of one that is named.

    Sessions, holidays, half days and summer time are known ahead, so nothing is looked up in prices.
    """

    calendar: str = param(default="", doc="24/7, 24/5, XNYS, ...; the instrument's if empty")

    def check(self) -> None:
        """Refuse a calendar that is not known."""
        if self.calendar:
            calendar_named(self.calendar)

    @property
    def lookback(self) -> int | None:
        """No row before: the calendar is looked up, not bars."""
        return 0

    def values(self, given: Given) -> Floats:
        """The measure of each instrument's calendar, (T, N); (T, 1) of a named calendar."""
        bars = given.bars
        names = [self.calendar] if self.calendar else [i.calendar for i in bars.instruments]
        if not len(bars):
            return np.zeros((0, len(names)))
        found = {name: self._known(Moment.of(bars, name)) for name in dict.fromkeys(names)}
        return np.column_stack([found[name] for name in names])

    def measured(self, moment: Moment) -> Floats:
        """The measure of a calendar, (T,)."""
        raise ParameterError(
            f"feature {self.called} does not define measured(moment)",
            hint="return one value a row",
        )

    def _known(self, moment: Moment) -> Floats:
        return np.where(moment.is_known, self.measured(moment), np.nan)


@feature("minutes_to_close", group=CALENDAR)
class MinutesToClose(OfCalendar):
    """Minutes from a bar's close to the close of its session; early closes count."""

    def measured(self, moment: Moment) -> Floats:
        """Minutes; NaN outside trading hours, 0 for bars of a day or longer."""
        if moment.is_daily:
            return np.zeros(len(moment.closes))
        left = (moment.closed - moment.closes) / MINUTE_NS
        return np.where(moment.is_inside, left, np.nan)


@feature("minutes_since_open", group=CALENDAR)
class MinutesSinceOpen(OfCalendar):
    """Minutes from the open of the session to a bar's close; lunch breaks count."""

    def measured(self, moment: Moment) -> Floats:
        """Minutes; NaN outside trading hours, the whole session for bars of a day or longer."""
        until = moment.closed if moment.is_daily else moment.closes
        return np.where(moment.is_inside, (until - moment.opened) / MINUTE_NS, np.nan)


@feature("session_hour", group=CALENDAR)
class SessionHour(OfCalendar):
    """Which hour of its session a bar ends in, from 0 on."""

    def measured(self, moment: Moment) -> Floats:
        """Whole hours; NaN outside trading hours, 0 for bars of a day or longer."""
        if moment.is_daily:
            return np.zeros(len(moment.closes))
        hours = (moment.within - moment.opened) // (60 * MINUTE_NS)
        return np.where(moment.is_inside, hours, np.nan)


@feature("day_of_week", group=CALENDAR)
class DayOfWeek(OfCalendar):
    """Weekday of the trading day, Monday 0."""

    def measured(self, moment: Moment) -> Floats:
        """0 to 6."""
        return ((moment.days.dates[moment.day] + 3) % 7).astype(np.float64)


@feature("month", group=CALENDAR)
class Month(OfCalendar):
    """Month of the trading day, January 1."""

    def measured(self, moment: Moment) -> Floats:
        """1 to 12."""
        return (moment.months[moment.day] % 12 + 1).astype(np.float64)


@feature("half_day", group=CALENDAR)
class HalfDay(OfCalendar):
    """Whether the session closes early or opens late."""

    def measured(self, moment: Moment) -> Floats:
        """1 on a short day, 0 on any other."""
        sessions, days = moment.days.sessions, moment.days
        traded = sessions.traded(days.closes) - sessions.traded(days.opens)
        return (traded < _HALF * moment.minutes * MINUTE_NS)[moment.day].astype(np.float64)


@feature("days_to_month_end", group=CALENDAR)
class DaysToMonthEnd(OfCalendar):
    """Trading days that are left in the month after this one."""

    def measured(self, moment: Moment) -> Floats:
        """Days; 0 on the month's last trading day."""
        months = moment.months
        last = np.searchsorted(months, months, side="right") - 1
        return (last - np.arange(len(months)))[moment.day].astype(np.float64)


@feature("month_end", group=CALENDAR)
class MonthEnd(DaysToMonthEnd):
    """Whether this is the last trading day of its month."""

    def measured(self, moment: Moment) -> Floats:
        """1 on the last one, 0 on any other."""
        left = super().measured(moment)
        return np.where(left == 0.0, 1.0, 0.0)


@feature("local_hour", group=CALENDAR)
class LocalHour(Feature):
    """Hour of the day that a bar ends in, by the clocks of a place; summer time counts."""

    timezone: str = param(default="UTC", doc="IANA zone, such as America/New_York")

    def check(self) -> None:
        """Refuse a zone that is not known."""
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError) as error:
            raise ParameterError(
                f"timezone {self.timezone!r} of {self.called} is not known",
                hint="write an IANA zone, such as America/New_York",
            ) from error

    @property
    def lookback(self) -> int | None:
        """No row before: clocks are looked up, not bars."""
        return 0

    def values(self, given: Given) -> Floats:
        """0 to 23, (T,): the hour of the last instant before the close."""
        import polars as pl

        stamps = pl.Series(given.bars.time - 1).cast(pl.Datetime("ns", "UTC"))
        hours = stamps.dt.convert_time_zone(self.timezone).dt.hour()
        return hours.to_numpy().astype(np.float64)
