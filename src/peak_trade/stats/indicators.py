"""Indicators: an array of prices in, an array of the same shape out.

Every function takes bars (their closes are meant; the result is remembered with the bars, read-only)
or an array of shape (T,) or (T, N). Rows of the warm-up are NaN. A value depends on its row and the
rows before it alone: cut the history after any row and the rows that remain keep their bits. What is
windowed depends on its window alone; what is recursive starts at the first row.

Rows in which an instrument did not trade carry its last close and count like any other row; how far
bars move (``atr``, ``volatility``) is measured over real bars alone.
"""

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.kernels import rolling
from peak_trade.stats.columns import (
    Source,
    applied,
    check_bars,
    filled,
    of_array,
    transposed,
    window_rows,
)
from peak_trade.stats.exact import sma
from peak_trade.stats.movement import atr, momentum, returns, volatility

__all__ = [
    "atr",
    "bollinger",
    "donchian",
    "ema",
    "highest",
    "lowest",
    "macd",
    "momentum",
    "returns",
    "rsi",
    "sma",
    "std",
    "volatility",
]

Floats = npt.NDArray[np.float64]


def ema(source: Source, n: int) -> Floats:
    """Exponential moving average, seeded with the simple average of the first n prices.

    ``y[t] = y[t-1] + alpha (x[t] - y[t-1])`` with ``alpha = 2 / (n + 1)``: TA-Lib's convention. A NaN
    gives NaN and starts the average anew.

    Parameters
    ----------
    source : Bars or (T,) or (T, N) float64
    n : int
        Span in rows, at least 1.

    Returns
    -------
    (T, N) or (T,) float64
        In units of price; NaN in the first n - 1 rows.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 1.

    Examples
    --------
    >>> ema(np.array([1.0, 2.0, 3.0, 5.0]), 3)
    array([nan, nan,  2. ,  3.5])
    """
    n = window_rows("ema", n)
    alpha = 2.0 / (n + 1)
    return applied(("ema", n), source, n, lambda x, out: rolling.smoothed(x, n, alpha, out))


def macd(
    source: Source, fast: int = 12, slow: int = 26, *, signal: int = 9
) -> tuple[Floats, Floats]:
    """Moving average convergence/divergence: the line, and its signal line.

    The line is the exponential average over ``fast`` rows less the one over ``slow`` rows, both
    seeded in row slow - 1; the signal line is the exponential average of the line: TA-Lib's
    convention. Their difference is the histogram.

    Parameters
    ----------
    source : Bars or (T,) or (T, N) float64
    fast, slow : int
        Spans in rows, fast below slow.
    signal : int
        Span of the signal line in rows, at least 1.

    Returns
    -------
    line, signal : (T, N) or (T,) float64
        In units of price; NaN in the first slow - 1 rows, and slow + signal - 2.

    Raises
    ------
    ParameterError
        If a span is not a whole number of at least 1, or fast is not below slow.

    References
    ----------
    Appel, Technical Analysis: Power Tools for Active Investors, 2005.

    Examples
    --------
    >>> line, signal = macd(np.array([1.0, 2.0, 3.0, 5.0, 7.0]), 1, 3, signal=2)
    >>> line.tolist(), signal.tolist()
    ([nan, nan, 1.0, 1.5, 1.75], [nan, nan, nan, 1.25, 1.5833333333333333])
    """
    fast, slow, signal = (window_rows("macd", n) for n in (fast, slow, signal))
    if fast >= slow:
        raise ParameterError(
            f"fast {fast} of macd is not below slow {slow}",
            hint="the fast average needs fewer rows than the slow one",
            fast=fast,
            slow=slow,
        )
    alpha = 2.0 / (signal + 1)

    def smooth(values: Floats, out: Floats) -> None:
        rolling.smoothed(values, signal, alpha, out)

    line = applied(
        ("macd", fast, slow), source, slow, lambda x, out: rolling.convergence(x, fast, slow, out)
    )
    if isinstance(source, Bars):
        key = ("macd signal", fast, slow, signal)
        return line, source.memory.recall(key, lambda: filled(transposed(line), signal, smooth))
    return line, of_array("macd", line, signal, smooth)


def rsi(source: Source, n: int = 14) -> Floats:
    """Relative strength index: the share of gains in all moves, in percent, smoothed as Wilder did.

    ``100 gain / (gain + loss)``, where gain and loss start as the means of the first n rises and
    falls and then move by 1/n of their difference to the next. 100 where there was no loss; 0 where
    there was no move at all, as in TA-Lib. A NaN gives NaN and starts the index anew.

    Parameters
    ----------
    source : Bars or (T,) or (T, N) float64
    n : int
        Changes in the first average, at least 1.

    Returns
    -------
    (T, N) or (T,) float64
        0 to 100; NaN in the first n rows.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 1.

    References
    ----------
    Wilder, New Concepts in Technical Trading Systems, 1978.

    Examples
    --------
    >>> rsi(np.array([1.0, 2.0, 1.0, 2.0]), 2)
    array([nan, nan, 50., 75.])
    """
    n = window_rows("rsi", n)
    return applied(("rsi", n), source, n + 1, lambda x, out: rolling.relative_strength(x, n, out))


def std(source: Source, n: int, *, ddof: int = 0) -> Floats:
    """Standard deviation of the last n prices.

    ``sqrt(sum((x - mean)**2) / (n - ddof))``, in two passes; exactly 0 where all are equal.

    Parameters
    ----------
    source : Bars or (T,) or (T, N) float64
    n : int
        Rows in the window, more than ``ddof``.
    ddof : int
        0 for the population's (Bollinger's bands, TA-Lib), 1 for the sample's (pandas).

    Returns
    -------
    (T, N) or (T,) float64
        In units of price; NaN in the first n - 1 rows and where the window holds a NaN.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 1, or not more than ddof.

    Examples
    --------
    >>> std(np.array([1.0, 3.0, 3.0]), 2)
    array([nan,  1.,  0.])
    """
    n = window_rows("std", n)
    if ddof not in (0, 1) or n <= ddof:
        raise ParameterError(
            f"std over {n} rows cannot have ddof {ddof}",
            hint="ddof is 0 or 1, and n is more than it",
            n=n,
            ddof=ddof,
        )
    degrees = int(ddof)
    return applied(
        ("std", n, degrees), source, n, lambda x, out: rolling.window_deviations(x, n, degrees, out)
    )


def bollinger(source: Source, n: int = 20, width: float = 2.0) -> tuple[Floats, Floats, Floats]:
    """Bollinger bands: the average of the last n prices, and so many deviations below and above.

    ``mean - width * std``, ``mean`` and ``mean + width * std``, with the population's deviation.

    Parameters
    ----------
    source : Bars or (T,) or (T, N) float64
    n : int
        Rows in the window, at least 1.
    width : float
        Standard deviations between the middle and each band.

    Returns
    -------
    lower, middle, upper : (T, N) or (T,) float64
        In units of price; NaN in the first n - 1 rows and where the window holds a NaN.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 1.

    References
    ----------
    Bollinger, Bollinger on Bollinger Bands, 2001.

    Examples
    --------
    >>> bollinger(np.array([1.0, 3.0, 3.0]), 2)
    (array([nan,  0.,  3.]), array([nan,  2.,  3.]), array([nan,  4.,  3.]))
    """
    n = window_rows("bollinger", n)
    middle = sma(source, n)
    reach = width * std(source, n)
    return middle - reach, middle, middle + reach


def highest(source: Source, n: int) -> Floats:
    """Highest of the last n prices, this row's included.

    Give ``bars.high`` for the highest high; bars alone mean their closes.

    Parameters
    ----------
    source : Bars or (T,) or (T, N) float64
    n : int
        Rows in the window, at least 1.

    Returns
    -------
    (T, N) or (T,) float64
        In units of price; NaN in the first n - 1 rows and where the window holds a NaN.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 1.

    Examples
    --------
    >>> highest(np.array([3.0, 1.0, 2.0]), 2)
    array([nan,  3.,  2.])
    """
    n = window_rows("highest", n)
    return applied(
        ("highest", n), source, n, lambda x, out: rolling.window_extremes(x, n, 1.0, out)
    )


def lowest(source: Source, n: int) -> Floats:
    """Lowest of the last n prices, this row's included.

    Give ``bars.low`` for the lowest low; bars alone mean their closes.

    Parameters
    ----------
    source : Bars or (T,) or (T, N) float64
    n : int
        Rows in the window, at least 1.

    Returns
    -------
    (T, N) or (T,) float64
        In units of price; NaN in the first n - 1 rows and where the window holds a NaN.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 1.

    Examples
    --------
    >>> lowest(np.array([3.0, 1.0, 2.0]), 2)
    array([nan,  1.,  1.])
    """
    n = window_rows("lowest", n)
    return applied(
        ("lowest", n), source, n, lambda x, out: rolling.window_extremes(x, n, -1.0, out)
    )


def donchian(bars: Bars, n: int = 20) -> tuple[Floats, Floats, Floats]:
    """Donchian channel: the lowest low and the highest high of the last n bars, and their middle.

    This row's bar is included; a breakout is a close beyond the channel of the row before.

    Parameters
    ----------
    bars : Bars
    n : int
        Rows in the window, at least 1.

    Returns
    -------
    lower, middle, upper : (T, N) float64
        In units of price; NaN in the first n - 1 rows and where the window holds a NaN.

    Raises
    ------
    ParameterError
        If n is not a whole number of at least 1, or an array is given instead of bars.

    References
    ----------
    Donchian, High Finance in Copper, Financial Analysts Journal 1960.

    Examples
    --------
    >>> days = Bars.from_arrays(
    ...     [10.0, 11.0, 12.0], open=[10.0, 10.0, 11.5], high=[10.0, 12.0, 14.0]
    ... )
    >>> [edge.ravel().tolist() for edge in donchian(days, 2)]
    [[nan, 10.0, 10.0], [nan, 11.0, 12.0], [nan, 12.0, 14.0]]
    """
    n = window_rows("donchian", n)
    check_bars("donchian", bars, "it needs highs and lows")
    upper = bars.memory.recall(("highest high", n), lambda: highest(bars.high, n))
    lower = bars.memory.recall(("lowest low", n), lambda: lowest(bars.low, n))
    return lower, (lower + upper) / 2.0, upper
