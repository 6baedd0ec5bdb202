"""Returns by calendar day, week, month and year, and what an account lost between its highs."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import ParameterError, did_you_mean

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_DAY_NS = 86_400_000_000_000

Every = Literal["day", "week", "month", "quarter", "year"]


@dataclass(frozen=True, slots=True, eq=False)
class MonthlyReturns:
    """Returns of Y calendar years, month by month.

    Attributes
    ----------
    years : (Y,) int64
        Calendar years (UTC) with at least one return, ascending.
    months : (Y, 12) float64
        Simple return of each month as a fraction; NaN where there was none.
    totals : (Y,) float64
        Simple return of each year as a fraction.
    """

    years: Ints
    months: Floats
    totals: Floats


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One stretch below an earlier high.

    Attributes
    ----------
    depth : float
        Equity at the trough over equity at the peak, minus 1; negative.
    peak_time, trough_time : int
        Close stamps of the last row at the high and of the lowest row, UTC nanoseconds.
    recovery_time : int or None
        Close stamp of the first row at or above the high again; None where that never came.
    days : float
        Calendar days from the peak to the recovery, or to the last row where there was none.
    """

    depth: float
    peak_time: int
    trough_time: int
    recovery_time: int | None
    days: float


@dataclass(frozen=True, slots=True, eq=False)
class PeriodReturns:
    """Returns of P calendar periods (UTC).

    Attributes
    ----------
    start : (P,) datetime64[D]
        First day of each period with at least one return, ascending.
    returns : (P,) float64
        Simple return of each as a fraction; NaN where it began at 0 or below.
    """

    start: npt.NDArray[np.datetime64]
    returns: Floats


def underwater(equity: Floats) -> Floats:
    """How far the account stands below its highest value so far.

    Parameters
    ----------
    equity : (T,) float64
        Account values, quote currency, the first above 0.

    Returns
    -------
    (T,) float64
        ``equity_t / max(equity_0 .. equity_t) - 1``: 0 at a high, negative below it.

    Examples
    --------
    >>> underwater(np.array([100.0, 120.0, 90.0, 132.0]))
    array([ 0.  ,  0.  , -0.25,  0.  ])
    """
    return np.asarray(equity / np.maximum.accumulate(equity) - 1.0, dtype=np.float64)


def monthly_returns(time: Ints, equity: Floats) -> MonthlyReturns:
    """Give the return of every calendar month and year (UTC).

    A month runs from the last row of the month before to its own last row. A bar that closes at
    midnight belongs to the day, and so to the month, that it ends.

    Parameters
    ----------
    time : (T,) int64
        Close stamps, UTC nanoseconds, ascending.
    equity : (T,) float64
        Account values at those closes, quote currency. A month that begins at 0 or below has no
        return (NaN).

    Examples
    --------
    >>> day = np.array(["2024-01-15", "2024-01-31", "2024-02-29"], "datetime64[ns]")
    >>> table = monthly_returns(day.astype(np.int64), np.array([100.0, 110.0, 99.0]))
    >>> table.years, table.months[0, :3].round(6), table.totals.round(6)
    (array([2024]), array([ 0.1, -0.1,  nan]), array([-0.01]))
    """
    day, closes = day_closes(time, equity)
    month = _period_of(day, "month")
    keys, returns = _compounded(month, closes)
    year_of = 1970 + keys // 12
    years, totals = _compounded(1970 + month // 12, closes)
    months = np.full((len(years), 12), np.nan)
    months[np.searchsorted(years, year_of), keys % 12] = returns
    return MonthlyReturns(years, months, totals)


def period_returns(time: Ints, equity: Floats, every: Every) -> PeriodReturns:
    """Give the return of every calendar day, week, month, quarter or year (UTC).

    A period runs from the last row of the one before to its own last row; weeks begin on Monday. A
    bar that closes at midnight belongs to the day that it ends.

    Parameters
    ----------
    time : (T,) int64
        Close stamps, UTC nanoseconds, ascending.
    equity : (T,) float64
        Account values at those closes, quote currency.
    every : {"day", "week", "month", "quarter", "year"}

    Raises
    ------
    ParameterError
        Another period.

    Examples
    --------
    >>> day = np.array(["2024-01-15", "2024-02-10", "2024-03-20"], "datetime64[ns]")
    >>> found = period_returns(day.astype(np.int64), np.array([100.0, 110.0, 121.0]), "quarter")
    >>> found.start.astype(str).tolist(), found.returns.round(6).tolist()
    (['2024-01-01'], [0.21])
    """
    day, closes = day_closes(time, equity)
    keys, returns = _compounded(_period_of(day, every), closes)
    return PeriodReturns(_first_days(keys, every), returns)


def day_closes(time: Ints, equity: Floats) -> tuple[Ints, Floats]:
    """The account at the end of each calendar day (UTC), after its value in the first row.

    Parameters
    ----------
    time : (T,) int64
        Close stamps, UTC nanoseconds, ascending.
    equity : (T,) float64
        Account values at those closes.

    Returns
    -------
    day : (D,) int64
        Days since 1970 of the rows after the first; a bar that closes at midnight ends its day.
    closes : (D + 1,) float64
        The first value, then the last of each of those days.

    Examples
    --------
    >>> hours = np.array([1, 12, 24, 36]) * 3_600_000_000_000
    >>> day_closes(hours, np.array([100.0, 101.0, 102.0, 103.0]))
    (array([0, 1]), array([100., 102., 103.]))
    """
    day = (time[1:] - 1) // _DAY_NS
    if not len(day):
        return day, equity
    last = np.append(np.flatnonzero(day[1:] != day[:-1]), len(day) - 1)
    return day[last], np.concatenate([equity[:1], equity[last + 1]])


_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_MONDAY = 4  # days from a Thursday, 1 January 1970, to the first Monday


def _period_of(day: Ints, every: Every) -> Ints:
    if every == "day":
        return day
    if every == "week":
        return (day - _MONDAY) // 7
    if every not in _MONTHS:
        raise ParameterError(
            f"period {every!r} is not known", hint=did_you_mean(every, ["day", "week", *_MONTHS])
        )
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) // _MONTHS[every]


def _first_days(keys: Ints, every: Every) -> npt.NDArray[np.datetime64]:
    if every in ("day", "week"):
        return (keys if every == "day" else keys * 7 + _MONDAY).astype("datetime64[D]")
    return (keys * _MONTHS[every]).astype("datetime64[M]").astype("datetime64[D]")


def _compounded(key: Ints, equity: Floats) -> tuple[Ints, Floats]:
    # key[i] is the period of the return from row i to row i + 1
    if not len(key):
        return key, np.empty(0)
    last = np.append(np.flatnonzero(np.diff(key)), len(key) - 1)
    ends = equity[last + 1]
    before = np.concatenate([equity[:1], ends[:-1]])
    returns = np.full(len(last), np.nan)
    np.divide(ends, before, out=returns, where=before > 0)
    return key[last], returns - 1.0


def drawdown_table(time: Ints, equity: Floats, *, top: int = 5) -> tuple[Drawdown, ...]:
    """Give the deepest drawdowns, deepest first; they never overlap.

    Parameters
    ----------
    time : (T,) int64
        Close stamps, UTC nanoseconds, ascending.
    equity : (T,) float64
        Account values at those closes, quote currency, the first above 0.
    top : int
        How many at most.

    Examples
    --------
    >>> day = np.arange(5) * 86_400_000_000_000
    >>> worst = drawdown_table(day, np.array([100.0, 80.0, 100.0, 90.0, 95.0]))
    >>> [(round(d.depth, 3), d.days, d.recovery_time is None) for d in worst]
    [(-0.2, 2.0, False), (-0.1, 2.0, True)]
    """
    below = underwater(equity)
    starts, stops = _stretches(below < 0)
    if not len(starts):
        return ()
    depths = np.minimum.reduceat(below, starts)  # rows between two stretches are 0: never lower
    order = np.argsort(depths, kind="stable")[:top]
    return tuple(_drawdown(time, below, int(starts[k]), int(stops[k])) for k in order)


def longest_drawdown(time: Ints, equity: Floats) -> float:
    """Longest time below an earlier high, in calendar days, from the high to its recovery or the end.

    0 where there was none.

    Parameters
    ----------
    time : (T,) int64
        Close stamps, UTC nanoseconds, ascending.
    equity : (T,) float64
        Account values at those closes, quote currency.

    Examples
    --------
    >>> day = np.arange(5) * 86_400_000_000_000
    >>> longest_drawdown(day, np.array([100.0, 90.0, 80.0, 101.0, 90.0]))
    3.0
    """
    starts, stops = _stretches(equity < np.maximum.accumulate(equity))
    if not len(starts):
        return 0.0
    ends = np.minimum(stops, len(time) - 1)
    return float((time[ends] - time[starts - 1]).max()) / _DAY_NS


def _stretches(below: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """First row of each stretch of True, and the first row after it."""
    edges = np.flatnonzero(below[1:] != below[:-1]) + 1  # a first row is never below a high
    starts, stops = edges[::2], edges[1::2]
    return starts, stops if len(stops) == len(starts) else np.append(stops, len(below))


def _drawdown(time: Ints, below: Floats, start: int, stop: int) -> Drawdown:
    trough = start + int(np.argmin(below[start:stop]))
    recovered = stop < len(time)
    end = int(time[min(stop, len(time) - 1)])
    return Drawdown(
        depth=float(below[trough]),
        peak_time=int(time[start - 1]),
        trough_time=int(time[trough]),
        recovery_time=end if recovered else None,
        days=(end - int(time[start - 1])) / _DAY_NS,
    )
