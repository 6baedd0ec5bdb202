"""Returns by calendar month, and what an account lost between its highs."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_DAY_NS = 86_400_000_000_000


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
    month = (time[1:] - 1).astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    keys, returns = _compounded(month, equity)
    year_of = 1970 + keys // 12
    years, totals = _compounded(1970 + month // 12, equity)
    months = np.full((len(years), 12), np.nan)
    months[np.searchsorted(years, year_of), keys % 12] = returns
    return MonthlyReturns(years, months, totals)


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
    edges = np.diff(np.concatenate([[False], below < 0, [False]]).astype(np.int8))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(starts):
        return ()
    depths = np.minimum.reduceat(below, starts)  # rows between two stretches are 0: never lower
    order = np.argsort(depths, kind="stable")[:top]
    return tuple(_drawdown(time, below, int(starts[k]), int(stops[k])) for k in order)


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
