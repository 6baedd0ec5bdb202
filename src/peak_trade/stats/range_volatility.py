"""Volatility from open, high, low and close: the same answer from fewer bars than closes need."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.stats.columns import check_bars, window_rows
from peak_trade.stats.windows import window_mean, window_variance

Floats = npt.NDArray[np.float64]
Prices = tuple[Floats, Floats, Floats, Floats]
"""Open, high, low and close of one instrument's real bars."""

_LN2 = math.log(2.0)
_YZ = 0.34  # Yang and Zhang's alpha - 1, at which k is best


def close_to_close(bars: Bars, n: int = 20) -> Floats:
    """Annual volatility from closes alone: the deviation of the last n log returns.

    ``sqrt(sum((r - mean)**2) / (n - 1) * bars per year)`` with ``r = ln(C[t] / C[t-1])``.

    Parameters
    ----------
    bars : Bars
    n : int
        Returns in the window, at least 2.

    Returns
    -------
    (T, N) float64
        A fraction a year (0.2 is 20 %); NaN up to and including an instrument's n-th real bar. In
        a row that was filled in the value before it stands.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 2, or an array is given instead of bars.

    Examples
    --------
    >>> days = Bars.from_arrays([100.0, 110.0, 100.0, 110.0])
    >>> close_to_close(days, 2).round(3).ravel()
    array([  nan,   nan, 2.575, 2.575])
    """

    def variance(prices: Prices, n: int) -> Floats:
        return window_variance(_log_change(prices[3]), n)

    return _annual("close_to_close", bars, n, 2, variance, needs_ranges=False)


def parkinson(bars: Bars, n: int = 20) -> Floats:
    """Annual volatility from highs and lows: five times as efficient as closes.

    ``sqrt(sum(ln(H / L)**2) / (4 n ln 2) * bars per year)``. It assumes a price without drift that is
    always quoted: jumps between bars are not seen, and few trades in a bar make it too low.

    Parameters
    ----------
    bars : Bars
    n : int
        Bars in the window, at least 1.

    Returns
    -------
    (T, N) float64
        A fraction a year; NaN before an instrument's n-th real bar and for a series of closes alone.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 1, or an array is given instead of bars.

    References
    ----------
    Parkinson, The Extreme Value Method for Estimating the Variance of the Rate of Return, Journal of
    Business 1980.

    Examples
    --------
    >>> days = Bars.from_arrays([10.0, 10.0], open=[10.0, 10.0], high=[11.0, 12.0], low=[9.0, 9.0])
    >>> (parkinson(days, 1).ravel() / 365**0.5).round(4)
    array([0.1205, 0.1728])
    """

    def variance(prices: Prices, n: int) -> Floats:
        _, high, low, _ = prices
        return window_mean(np.log(high / low) ** 2, n) / (4.0 * _LN2)

    return _annual("parkinson", bars, n, 1, variance)


def garman_klass(bars: Bars, n: int = 20) -> Floats:
    """Annual volatility from open, high, low and close: 7.4 times as efficient as closes.

    ``sqrt(mean(0.5 ln(H / L)**2 - (2 ln 2 - 1) ln(C / O)**2) * bars per year)``, the practical
    estimator of the paper. Drift makes it too high, jumps between bars are not seen.

    Parameters
    ----------
    bars : Bars
    n : int
        Bars in the window, at least 1.

    Returns
    -------
    (T, N) float64
        A fraction a year; NaN before an instrument's n-th real bar and for a series of closes alone.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 1, or an array is given instead of bars.

    References
    ----------
    Garman and Klass, On the Estimation of Security Price Volatilities from Historical Data, Journal of
    Business 1980, equation 20.

    Examples
    --------
    >>> days = Bars.from_arrays([10.5, 10.0], open=[10.0, 10.5], high=[11.0, 12.0], low=[9.0, 9.0])
    >>> (garman_klass(days, 1).ravel() / 365**0.5).round(4)
    array([0.1386, 0.2011])
    """

    def variance(prices: Prices, n: int) -> Floats:
        open_, high, low, close = prices
        ranges, moves = np.log(high / low), np.log(close / open_)
        return window_mean(0.5 * ranges**2 - (2.0 * _LN2 - 1.0) * moves**2, n)

    return _annual("garman_klass", bars, n, 1, variance)


def rogers_satchell(bars: Bars, n: int = 20) -> Floats:
    """Annual volatility from open, high, low and close that a trend does not make too high.

    ``sqrt(mean(ln(H / C) ln(H / O) + ln(L / C) ln(L / O)) * bars per year)``. Jumps between bars are
    not seen.

    Parameters
    ----------
    bars : Bars
    n : int
        Bars in the window, at least 1.

    Returns
    -------
    (T, N) float64
        A fraction a year; NaN before an instrument's n-th real bar and for a series of closes alone.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 1, or an array is given instead of bars.

    References
    ----------
    Rogers and Satchell, Estimating Variance from High, Low and Closing Prices, Annals of Applied
    Probability 1991.

    Examples
    --------
    >>> days = Bars.from_arrays([11.0], open=[10.0], high=[11.0], low=[10.0])  # nothing but trend
    >>> rogers_satchell(days, 1).ravel()
    array([0.])
    """
    return _annual(
        "rogers_satchell", bars, n, 1, lambda prices, n: window_mean(_rogers_satchell(prices), n)
    )


def yang_zhang(bars: Bars, n: int = 20) -> Floats:
    """Annual volatility that sees jumps between bars and that a trend does not make too high.

    ``V = V_open + k V_close + (1 - k) V_rs``: the variance of ``ln(O[t] / C[t-1])``, that of
    ``ln(C / O)`` (both with n - 1) and the mean of Rogers and Satchell, with
    ``k = 0.34 / (1.34 + (n + 1) / (n - 1))``; its root, times the root of the bars a year.

    Parameters
    ----------
    bars : Bars
    n : int
        Bars in the window, at least 2.

    Returns
    -------
    (T, N) float64
        A fraction a year; NaN up to and including an instrument's n-th real bar, and for a series
        of closes alone.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 2, or an array is given instead of bars.

    References
    ----------
    Yang and Zhang, Drift-Independent Volatility Estimation Based on High, Low, Open, and Close Prices,
    Journal of Business 2000, equations 7 and 10.

    Examples
    --------
    >>> days = Bars.from_arrays(
    ...     [10.0, 10.0, 12.0],
    ...     open=[10.0, 11.0, 12.0],
    ...     high=[10.0, 11.0, 12.0],
    ...     low=[9.0, 10.0, 12.0],
    ... )
    >>> (yang_zhang(days, 2).ravel() / 365**0.5).round(4)
    array([   nan,    nan, 0.0644])
    """

    def variance(prices: Prices, n: int) -> Floats:
        open_, _, _, close = prices
        jumps = np.full(len(close), np.nan)
        jumps[1:] = np.log(open_[1:] / close[:-1])
        k = _YZ / (1.0 + _YZ + (n + 1) / (n - 1))
        inside = window_variance(np.log(close / open_), n)
        steady = window_mean(_rogers_satchell(prices), n)
        return window_variance(jumps, n) + k * inside + (1.0 - k) * steady

    return _annual("yang_zhang", bars, n, 2, variance)


def _rogers_satchell(prices: Prices) -> Floats:
    open_, high, low, close = prices
    up = np.log(high / close) * np.log(high / open_)
    down = np.log(low / close) * np.log(low / open_)
    return np.asarray(up + down)


def _log_change(close: Floats) -> Floats:
    change = np.full(len(close), np.nan)
    change[1:] = np.log(close[1:] / close[:-1])
    return change


def _annual(
    name: str,
    bars: Bars,
    n: int,
    least: int,
    variance: Callable[[Prices, int], Floats],
    *,
    needs_ranges: bool = True,
) -> Floats:
    n = window_rows(name, n)
    check_bars(name, bars, "years are counted by the instruments' calendars")
    if n < least:
        raise ParameterError(f"{name} over {n} bar is not defined", hint="give 2 or more", n=n)
    make = partial(_over_real_bars, bars, n, variance, needs_ranges=needs_ranges)
    return bars.memory.recall((name, n), make)


def _over_real_bars(
    bars: Bars, n: int, variance: Callable[[Prices, int], Floats], *, needs_ranges: bool
) -> Floats:
    """Roots of each instrument's yearly variances; rows that were filled in keep the last value."""
    out = np.full(bars.close.shape, np.nan)
    for column, instrument in enumerate(bars.instruments):
        real = bars.tradable[:, column]
        if (needs_ranges and bars.close_only[column]) or not real.any():
            continue
        open_, high, low, close = (
            np.ascontiguousarray(prices[real, column])
            for prices in (bars.open, bars.high, bars.low, bars.close)
        )
        yearly = bars.interval.bars_per_year(instrument.calendar)
        # rounding may leave a variance of nothing a hair below zero
        found = np.sqrt(np.maximum(variance((open_, high, low, close), n), 0.0) * yearly)
        count = np.cumsum(real)
        out[:, column] = np.where(count > 0, found[count - 1], np.nan)
    return out
