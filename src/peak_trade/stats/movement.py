"""How far prices move: returns over rows, and the range and deviation of real bars."""

import math

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.kernels import rolling
from peak_trade.stats.columns import (
    Prices,
    Source,
    as_array,
    check_bars,
    of_real_bars,
    window_rows,
)

Floats = npt.NDArray[np.float64]


def momentum(source: Source, n: int) -> Floats:
    """Return over the last n rows, ``x[t] / x[t-n] - 1``, as a fraction.

    Parameters
    ----------
    source : Bars or (T,) or (T, N) float64
    n : int
        Rows looked back, at least 1.

    Returns
    -------
    (T, N) or (T,) float64
        NaN in the first n rows and where either price is NaN.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 1.

    Examples
    --------
    >>> momentum(np.array([100.0, 110.0, 121.0, 99.0]), 2)
    array([  nan,   nan,  0.21, -0.1 ])
    """
    n = window_rows("momentum", n)
    if isinstance(source, Bars):
        bars = source
        return bars.memory.recall(("momentum", n), lambda: _change(bars.close, n))
    return _change(as_array("momentum", source), n)


def returns(source: Source) -> Floats:
    """Simple return of every row, ``x[t] / x[t-1] - 1``, as a fraction.

    Parameters
    ----------
    source : Bars or (T,) or (T, N) float64

    Returns
    -------
    (T, N) or (T,) float64
        NaN in the first row and where either price is NaN.

    Examples
    --------
    >>> returns(np.array([100.0, 101.0, 101.0]))
    array([ nan, 0.01, 0.  ])
    """
    return momentum(source, 1)


def atr(bars: Bars, n: int = 14) -> Floats:
    """Average true range, smoothed as Wilder did: how far a bar usually moves, gaps included.

    The true range is ``max(high, close before) - min(low, close before)``. The average starts as the
    mean of the first n true ranges, the first of which is that of the second row (TA-Lib's
    convention), and then moves by 1/n of its difference to the next. A row that was filled in has no
    range: the average before it stands.

    Parameters
    ----------
    bars : Bars
    n : int
        True ranges in the first average, at least 1.

    Returns
    -------
    (T, N) float64
        In units of price; NaN in the first n rows.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 1.

    References
    ----------
    Wilder, New Concepts in Technical Trading Systems, 1978.

    Examples
    --------
    >>> days = Bars.from_arrays(
    ...     [10.0, 11.0, 12.0], open=[10.0, 10.0, 11.5], high=[10.0, 12.0, 14.0]
    ... )
    >>> atr(days, 2).ravel()
    array([nan, nan, 2.5])
    """
    n = window_rows("atr", n)
    check_bars("atr", bars, "it needs highs and lows")

    def fill(prices: Prices, out: Floats) -> None:
        high, low, close = prices
        ranges = np.empty(len(close))
        rolling.true_ranges(high, low, close, ranges)
        ranges.flags.writeable = False
        rolling.smoothed(ranges, n, 1.0 / n, out)

    return bars.memory.recall(("atr", n), lambda: of_real_bars(bars, fill))


def volatility(bars: Bars, n: int = 60) -> Floats:
    """Annual volatility: how much an instrument's returns varied over its last n of them.

    ``std(returns, ddof=1) * sqrt(bars per year)``, with simple returns from close to close of real
    bars and the instrument's own calendar. In a row that was filled in the value before it stands.

    Parameters
    ----------
    bars : Bars
    n : int
        Returns in the window, at least 2.

    Returns
    -------
    (T, N) float64
        A fraction a year (0.2 is 20 %); NaN up to and including an instrument's n-th real bar;
        exactly 0 where no price of the window moved.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 2, or an array is given instead of bars.

    Examples
    --------
    >>> days = Bars.from_arrays([100.0, 101.0, 99.99, 100.9899])  # 1 %, -1 %, 1 %
    >>> volatility(days, 2).round(4).ravel()
    array([   nan,    nan, 0.2702, 0.2702])
    """
    n = window_rows("volatility", n)
    check_bars("volatility", bars, "years are counted by the instruments' calendars")
    if n < 2:
        raise ParameterError("volatility over 1 return is not defined", hint="give 2 or more", n=n)
    return bars.memory.recall(("volatility", n), lambda: _bars_volatility(bars, n))


def _bars_volatility(bars: Bars, n: int) -> Floats:
    def fill(prices: Prices, out: Floats) -> None:
        _, _, close = prices
        if len(close) > n:
            change = _change(close, 1)
            change.flags.writeable = False
            rolling.window_deviations(change, n, 1, out)

    calendars = [instrument.calendar for instrument in bars.instruments]
    years = [math.sqrt(bars.interval.bars_per_year(name)) for name in calendars]
    annual: Floats = of_real_bars(bars, fill) * np.array(years)
    return annual


def _change(prices: Floats, n: int) -> Floats:
    out = np.empty(prices.shape)
    out[:n] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        np.divide(prices[n:], prices[:-n], out=out[n:])
        out[n:] -= 1.0
    return out
