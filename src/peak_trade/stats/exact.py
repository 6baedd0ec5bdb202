"""Moving averages of prices on a tick, exact to the last bit."""

import math

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.kernels import rolling
from peak_trade.stats.columns import Source, by_instrument, filled, of_array, window_rows

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

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
    n = window_rows("sma", n)
    if isinstance(source, Bars):
        bars = source
        return bars.memory.recall(("sma", n), lambda: _bars_sma(bars, n))

    def fill(values: Floats, out: Floats) -> None:
        _exact_means(values, _tick_sums(values, _DEFAULT_SCALE), n, _DEFAULT_SCALE, out)

    return of_array("sma", source, n, fill)


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


def _bars_sma(bars: Bars, n: int) -> Floats:
    columns = iter(range(len(bars.instruments)))

    def fill(values: Floats, out: Floats) -> None:
        column = next(columns)
        scale = _scale(bars.instruments[column].tick)
        _exact_means(values, _remembered_sums(bars, column), n, scale, out)

    return filled(by_instrument(bars), n, fill)


def _remembered_sums(bars: Bars, column: int) -> Ints:
    def add_up() -> Floats:
        scale = _scale(bars.instruments[column].tick)
        return _tick_sums(by_instrument(bars)[column], scale).view(np.float64)

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
