"""Which coarse bar each fine bar is part of: by the clock of UTC, or by the sessions of a market."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from peak_trade.data.findings import stamp_text
from peak_trade.data.trading_days import TradingDays
from peak_trade.domain.calendar import DAY_NS, Interval
from peak_trade.domain.errors import DataError, did_you_mean

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Anchor = Literal["session", "utc"]
ANCHORS = ("session", "utc")

_WEEK_NS = 7 * DAY_NS
_MONDAY_NS = 4 * DAY_NS  # 1970-01-05
_LONG_AGO = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """The coarse bars that K fine bars belong to.

    Attributes
    ----------
    opens, closes : (K,) int64
        Open and close of the coarse bar of each, UTC nanoseconds.
    inside : (K,) bool
        False for a fine bar that lies wholly outside trading hours and is part of none.
    days : TradingDays, optional
        What trading time is counted by; None for every hour of every day.
    """

    opens: Ints
    closes: Ints
    inside: Bools
    days: TradingDays | None

    def length(self, opens: Ints, closes: Ints) -> Floats:
        """Trading time between two times, nanoseconds."""
        if self.days is None:
            return np.asarray(closes - opens, dtype=np.float64)
        traded = self.days.sessions.traded
        return np.asarray(traded(closes) - traded(opens), dtype=np.float64)


def find_buckets(
    opens: Ints,
    closes: Ints,
    *,
    interval: Interval,
    calendar: str,
    anchor: Anchor,
    name: str = "bars",
) -> Buckets:
    """Tell for each fine bar when the coarse bar that it is part of opens and closes.

    A fine bar is part of the coarse bar that its close lies in: after its open, and at or before
    its close. What is known of a coarse bar at its close is therefore all of it.

    - ``session``: bars of seconds, minutes and hours are counted from the open of each session and
      end with it; days, weeks, months and years are those of trading days, from the open of the
      first to the close of the last. Bars that are stamped with dates are counted in whole days.
      A market that never closes has the days of UTC.
    - ``utc``: by the clock: multiples since 1970, weeks from Monday, calendar months and years.

    Parameters
    ----------
    opens, closes : (K,) int64
        Of the fine bars, ascending, UTC nanoseconds.
    interval : Interval
        Length of a coarse bar.
    calendar : str
        When the market trades.
    anchor : {"session", "utc"}
        What coarse bars are counted from.
    name : str
        What the bars are called in messages.

    Raises
    ------
    DataError
        Fine bars that lie across the end of a coarse one, bars after the last day that a calendar
        knows, or a stock exchange without the extra ``calendars``.
    ParameterError
        An interval that the anchor does not offer.

    Examples
    --------
    >>> minute = 60_000_000_000
    >>> opens = np.arange(4) * 30 * minute
    >>> hour = Interval.parse("1h")
    >>> found = find_buckets(
    ...     opens, opens + 30 * minute, interval=hour, calendar="24/7", anchor="utc"
    ... )
    >>> found.closes // minute
    array([ 60,  60, 120, 120])
    """
    if anchor not in ANCHORS:
        raise DataError(f"anchor {anchor!r} is not known", did_you_mean(anchor, ANCHORS))
    if anchor == "utc" or calendar == "24/7" or len(opens) == 0:
        return _by_clock(opens, closes, interval, name=name)
    years = 1 + interval.ns // (365 * DAY_NS)
    days = TradingDays.of(calendar, int(opens[0]), int(closes[-1]), margin_years=years)
    if _is_midnight(opens[0]) and _is_midnight(closes[0]):
        days = days.dated()
        if (int(closes[0]) - 1) // DAY_NS not in days.dates:
            return _by_clock(opens, closes, interval, name=name)
        return _by_groups(opens, closes, interval, days, name=name)
    _check_known(days, int(opens[0]), int(closes[-1]), calendar=calendar, name=name)
    if interval.unit in ("s", "m", "h"):
        return _by_segments(opens, closes, interval, days, name=name)
    return _by_days(opens, closes, interval, days, name=name)


def _check_known(days: TradingDays, first: int, last: int, *, calendar: str, name: str) -> None:
    known = int(days.opens[0]), int(days.closes[-1])
    if first < known[0] - _WEEK_NS or last > known[1] + _WEEK_NS:
        spans = [f"{stamp_text(a)} to {stamp_text(b)}" for a, b in (known, (first, last))]
        raise DataError(
            f"the sessions of {calendar} are known from {spans[0]}; {name} run from {spans[1]}",
            hint="resample them with anchor='utc'",
        )


def _is_midnight(stamp: np.int64) -> bool:
    return int(stamp) % DAY_NS == 0


def _by_clock(opens: Ints, closes: Ints, interval: Interval, *, name: str) -> Buckets:
    months = {"mo": 1, "y": 12}.get(interval.unit, 0) * interval.count
    if months:
        month = (closes - 1).astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
        first = month // months * months
        begins, ends = _month_ns(first), _month_ns(first + months)
    else:
        origin = _MONDAY_NS if interval.unit == "w" else 0
        begins = (closes - 1 - origin) // interval.ns * interval.ns + origin
        ends = begins + interval.ns
    _check_nested(opens, closes, begins, interval=interval, name=name)
    return Buckets(begins, ends, np.ones(len(opens), dtype=np.bool_), None)


def _month_ns(months: Ints) -> Ints:
    stamps: Ints = months.astype("datetime64[M]").astype("datetime64[ns]").astype(np.int64)
    return stamps


def _by_segments(
    opens: Ints, closes: Ints, interval: Interval, days: TradingDays, *, name: str
) -> Buckets:
    """Bars of seconds, minutes and hours, counted from the open of each stretch of trading."""
    begins, ends = days.sessions.opens, days.sessions.closes
    place, before, inside = _places(begins, ends, closes)
    count = (closes - begins[place] - 1) // interval.ns
    first = begins[place] + count * interval.ns
    bound = np.where(inside & (count > 0), first, before)
    _check_nested(opens, closes, bound, interval=interval, name=name)
    return Buckets(first, np.minimum(first + interval.ns, ends[place]), inside, days)


def _by_days(
    opens: Ints, closes: Ints, interval: Interval, days: TradingDays, *, name: str
) -> Buckets:
    """Whole trading days of bars that lie within them."""
    place, before, inside = _places(days.opens, days.closes, closes)
    first, last, group = _grouped(days, interval)
    own = group[place]
    earlier = np.where(own > 0, days.closes[last[np.maximum(own - 1, 0)]], _LONG_AGO)
    _check_nested(opens, closes, np.where(inside, earlier, before), interval=interval, name=name)
    return Buckets(days.opens[first[own]], days.closes[last[own]], inside, days)


def _by_groups(
    opens: Ints, closes: Ints, interval: Interval, days: TradingDays, *, name: str
) -> Buckets:
    """Whole trading days of bars that are stamped with dates; a stray date counts to its week."""
    first, last, _ = _grouped(days, interval)
    begins, ends = days.opens[first], days.closes[last]
    place, before, inside = _places(begins, ends, closes)
    _check_nested(opens, closes, before, interval=interval, name=name)
    return Buckets(begins[place], ends[place], inside, days)


def _places(begins: Ints, ends: Ints, closes: Ints) -> tuple[Ints, Ints, Bools]:
    """The stretch that each close lies in, the end of the one before it, and whether it is in one."""
    place = np.minimum(np.searchsorted(ends, closes, side="left"), len(ends) - 1)
    inside = (begins[place] < closes) & (closes <= ends[place])
    behind = np.searchsorted(ends, closes, side="left") - 1
    before = np.where(behind >= 0, ends[np.maximum(behind, 0)], _LONG_AGO)
    return place, before, np.asarray(inside)


def _grouped(days: TradingDays, interval: Interval) -> tuple[Ints, Ints, Ints]:
    """First and last trading day of each coarse bar, and the coarse bar of each trading day."""
    numbers = days.groups(interval)
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
    ends = np.append(starts[1:], len(numbers)) - 1
    group = np.zeros(len(numbers), dtype=np.int64)
    group[starts[1:]] = 1
    return starts, ends, np.cumsum(group)


def _check_nested(opens: Ints, closes: Ints, bound: Ints, *, interval: Interval, name: str) -> None:
    """Refuse a fine bar that opens before ``bound``: it would belong to two coarse bars."""
    across = opens < bound
    if across.any():
        row = int(across.argmax())
        span = f"{stamp_text(int(opens[row]))} to {stamp_text(int(closes[row]))}"
        raise DataError(
            f"a bar of {name} from {span} lies across the end of a bar of {interval} at "
            f"{stamp_text(int(bound[row]))}",
            hint="resample finer bars, or ask for another interval or anchor",
            row=row,
        )
