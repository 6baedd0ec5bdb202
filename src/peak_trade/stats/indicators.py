"""Indicators: an array of prices in, an array of the same shape out.

Every function takes bars (their closes are meant; the result is remembered with the bars, read-only)
or an array of shape (T,) or (T, N). Rows of the warm-up are NaN. A value depends on its row and the
rows before it alone: cut the history after any row and the rows that remain keep their bits. What is
windowed depends on its window alone; what is recursive starts at the first row.

Rows in which an instrument did not trade carry its last close and count like any other row.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.kernels import rolling

__all__ = ["atr", "ema", "highest", "lowest", "momentum", "returns", "rsi", "sma", "std"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Source = Bars | npt.NDArray[np.float64]

_DEFAULT_SCALE = 10_000.0  # prices of at least four decimals are summed exactly
_MAX_SCALE = 1e8
_EXACT_BELOW = 2.0**51  # means that differ at all then differ by more than they are rounded by


def sma(source: Source, n: int) -> Floats:
    """Simple moving average: the mean of the last n prices.

    Prices with as many decimals as the instrument's tick (four at least) are added up as whole
    numbers and divided once, so the mean is the exact one, rounded to the nearest float64, and two
    averages that are equal compare as equal. A window with any other price is summed afresh as
    floats, oldest first. (Sums of 2**53 ticks and more round twice.)

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
    >>> sma(np.array([0.1, 0.2, 0.3, 0.4]), 3)
    array([nan, nan, 0.2, 0.3])
    """
    n = _window("sma", n)
    if isinstance(source, Bars):
        bars = source
        return bars.memory.recall(("sma", n), lambda: _bars_sma(bars, n))

    def fill(values: Floats, out: Floats) -> None:
        _exact_means(values, _tick_sums(values, _DEFAULT_SCALE), n, _DEFAULT_SCALE, out)

    return _of_array("sma", source, n, fill)


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
    n = _window("ema", n)
    alpha = 2.0 / (n + 1)
    return _apply(("ema", n), source, n, lambda x, out: rolling.smoothed(x, n, alpha, out))


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
    n = _window("rsi", n)
    return _apply(("rsi", n), source, n + 1, lambda x, out: rolling.relative_strength(x, n, out))


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
    n = _window("std", n)
    if ddof not in (0, 1) or n <= ddof:
        raise ParameterError(
            f"std over {n} rows cannot have ddof {ddof}",
            hint="ddof is 0 or 1, and n is more than it",
            n=n,
            ddof=ddof,
        )
    degrees = int(ddof)
    return _apply(
        ("std", n, degrees), source, n, lambda x, out: rolling.window_deviations(x, n, degrees, out)
    )


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
    n = _window("highest", n)
    return _apply(("highest", n), source, n, lambda x, out: rolling.window_extremes(x, n, 1.0, out))


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
    n = _window("lowest", n)
    return _apply(("lowest", n), source, n, lambda x, out: rolling.window_extremes(x, n, -1.0, out))


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
    n = _window("momentum", n)
    if isinstance(source, Bars):
        bars = source
        return bars.memory.recall(("momentum", n), lambda: _change(bars.close, n))
    return _change(_as_array("momentum", source), n)


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
    convention), and then moves by 1/n of its difference to the next.

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
    n = _window("atr", n)
    if not isinstance(bars, Bars):
        raise ParameterError("atr takes bars, not an array", hint="it needs highs and lows")
    return bars.memory.recall(("atr", n), lambda: _bars_atr(bars, n))


def _window(name: str, n: object) -> int:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ParameterError(
            f"n {n!r} of {name} is not a whole number of at least 1",
            hint="n counts rows",
            n=n,
        )
    return int(n)


def _apply(
    key: tuple[str | int, ...], source: Source, needs: int, fill: Callable[[Floats, Floats], None]
) -> Floats:
    if isinstance(source, Bars):
        bars = source
        return bars.memory.recall(key, lambda: _filled(_by_instrument(bars), needs, fill))
    return _of_array(str(key[0]), source, needs, fill)


def _of_array(
    name: str, source: Floats, needs: int, fill: Callable[[Floats, Floats], None]
) -> Floats:
    array = _as_array(name, source)
    return _filled(_transposed(array), needs, fill).reshape(array.shape)


def _as_array(name: str, source: npt.ArrayLike) -> Floats:
    array = np.ascontiguousarray(source, dtype=np.float64)
    if np.ndim(source) not in (1, 2):
        raise ParameterError(
            f"{name} found an array of {np.ndim(source)} dimensions, expected bars, (T,) or (T, N)",
            hint="rows go down, instruments across",
        )
    return array


def _transposed(array: Floats) -> Floats:
    # One row an instrument; kernels are compiled for read-only input, so all of it is.
    rows = np.ascontiguousarray(np.atleast_2d(array.T)).view()
    rows.flags.writeable = False
    return rows


def _by_instrument(bars: Bars) -> Floats:
    if len(bars.instruments) == 1:
        return _transposed(bars.close)
    return bars.memory.recall("close by instrument", lambda: _transposed(bars.close))


def _filled(columns: Floats, needs: int, fill: Callable[[Floats, Floats], None]) -> Floats:
    width, rows = columns.shape
    if rows < needs:
        return np.full((rows, width), np.nan)
    out = np.empty((width, rows))
    for values, result in zip(columns, out, strict=True):
        fill(values, result)
    return out.reshape(rows, 1) if width == 1 else np.ascontiguousarray(out.T)


def _bars_sma(bars: Bars, n: int) -> Floats:
    columns = iter(range(len(bars.instruments)))

    def fill(values: Floats, out: Floats) -> None:
        column = next(columns)
        scale = _scale(bars.instruments[column].tick)
        _exact_means(values, _remembered_sums(bars, column), n, scale, out)

    return _filled(_by_instrument(bars), n, fill)


def exact_sums(bars: Bars, longest: int) -> Floats | None:
    """Running sums of one instrument's closes in ticks, where windows compare exactly by them.

    Parameters
    ----------
    bars : Bars
    longest : int
        Rows of the longest window that will be compared.

    Returns
    -------
    (T + 1,) float64, optional
        The sum of the first t closes, whole numbers all of them. None for several instruments, for
        closes off the tick, and for prices or windows so large that cross-multiplied sums of two
        windows could compare other than their rounded means do.
    """
    if len(bars.instruments) != 1 or longest > rolling.MAX_EXACT_WINDOW:
        return None
    sums = _remembered_sums(bars, 0)
    if len(sums) > 1 or int(sums[0, -1]) >= 2**53:
        return None
    highest = bars.memory.recall("highest close", lambda: np.max(bars.close, keepdims=True))
    ticks = float(highest[0, 0]) * _scale(bars.instruments[0].tick)
    if ticks * longest * longest >= _EXACT_BELOW:
        return None
    return bars.memory.recall("tick sums as floats", lambda: sums[0].astype(np.float64))


def _remembered_sums(bars: Bars, column: int) -> Ints:
    def add_up() -> Floats:
        scale = _scale(bars.instruments[column].tick)
        return _tick_sums(_by_instrument(bars)[column], scale).view(np.float64)

    return bars.memory.recall(("tick sums", column), add_up).view(np.int64)


def _scale(tick: float) -> float:
    decimals = round(-math.log10(tick))
    scale = 10.0**decimals
    if abs(scale * tick - 1.0) > 1e-9 or not _DEFAULT_SCALE <= scale <= _MAX_SCALE:
        return _DEFAULT_SCALE
    return scale


def _tick_sums(values: Floats, scale: float) -> Ints:
    # One row of sums; a second one with the misses where there are any.
    sums = np.empty((1, len(values) + 1), dtype=np.int64)
    if rolling.accumulate_ticks(values, scale, sums[0]):
        misses = np.empty_like(sums)
        rolling.accumulate_misses(values, scale, misses[0])
        sums = np.concatenate((sums, misses))
    sums.flags.writeable = False
    return sums


def _exact_means(values: Floats, sums: Ints, n: int, scale: float, out: Floats) -> None:
    if n > rolling.MAX_EXACT_WINDOW:
        rolling.window_means(values, n, out)
    else:
        misses = sums[1] if len(sums) == 2 else sums[0, :0]
        rolling.tick_means(values, sums[0], misses, n, scale, out)


def _change(prices: Floats, n: int) -> Floats:
    out = np.empty(prices.shape)
    out[:n] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        np.divide(prices[n:], prices[:-n], out=out[n:])
        out[n:] -= 1.0
    return out


def _bars_atr(bars: Bars, n: int) -> Floats:
    highs, lows = (iter(_transposed(prices)) for prices in (bars.high, bars.low))

    def fill(close: Floats, out: Floats) -> None:
        ranges = np.empty(len(close))
        rolling.true_ranges(next(highs), next(lows), close, ranges)
        ranges.flags.writeable = False
        rolling.smoothed(ranges, n, 1.0 / n, out)

    return _filled(_by_instrument(bars), n + 1, fill)
