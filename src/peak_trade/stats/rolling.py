"""Measures over a moving window: how volatility, Sharpe ratio, beta and drawdown went over time.

Functions take simple period returns (T,) and give one value a row (T,), over the ``window`` rows
that end there: NaN in the first ``window - 1`` rows. NaN returns are skipped, so a window may hold
fewer. Each costs one pass, whatever the window (``kernels.windows``).
"""

import math

import numpy as np
import numpy.typing as npt

from peak_trade.domain.checks import check_count
from peak_trade.domain.errors import InputError
from peak_trade.kernels import windows
from peak_trade.stats.arithmetic import Rate

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_NO_VARIANCE = 1e-30
_TOTAL_LOSS = -1e300  # stands for the log of 0, which no mean could hold


def rolling_volatility(returns: Floats, window: int, bars_per_year: float) -> Floats:
    """Annual standard deviation of the last ``window`` returns (ddof=1).

    NaN where fewer than two are there.

    Raises
    ------
    ParameterError
        A window that is not a whole number of at least 1.

    Examples
    --------
    >>> rolling_volatility(np.array([0.01, -0.01, 0.01]), 2, 2).round(6)
    array([ nan, 0.02, 0.02])
    """
    _, deviations = _mean_and_deviation(returns, window)
    return deviations * math.sqrt(bars_per_year)


def rolling_sharpe(
    returns: Floats, window: int, bars_per_year: float, *, risk_free: Rate = 0.0
) -> Floats:
    """Annual Sharpe ratio of the last ``window`` returns; see ``performance.sharpe``.

    Raises
    ------
    ParameterError
        A window that is not a whole number of at least 1.

    Examples
    --------
    >>> rolling_sharpe(np.array([0.01, 0.02, -0.01, 0.03]), 4, 252).round(5)
    array([     nan,      nan,      nan, 11.61895])
    """
    means, deviations = _mean_and_deviation(returns - risk_free, window)
    return _over(means, deviations) * math.sqrt(bars_per_year)


def rolling_sortino(
    returns: Floats, window: int, bars_per_year: float, *, required: Rate = 0.0
) -> Floats:
    """Annual Sortino ratio of the last ``window`` returns; see ``performance.sortino``.

    Raises
    ------
    ParameterError
        A window that is not a whole number of at least 1.

    Examples
    --------
    >>> rolling_sortino(np.array([0.01, 0.02, -0.01, 0.03]), 4, 252).round(5)
    array([     nan,      nan,      nan, 39.68627])
    """
    over = np.asarray(returns - required, dtype=np.float64)
    found = _moments(over, np.minimum(over, 0.0) ** 2, window)
    downside = np.sqrt(found[windows.MEAN_Y])
    ratios = _over(found[windows.MEAN_X], downside) * math.sqrt(bars_per_year)
    return np.where((found[windows.COUNT] > 0) & (window > 1), ratios, np.nan)


def rolling_beta(
    returns: Floats, benchmark: Floats, window: int, *, risk_free: Rate = 0.0
) -> Floats:
    """Beta to a benchmark over the last ``window`` periods; see ``benchmark.beta``.

    Raises
    ------
    InputError
        Returns and benchmark of two lengths.
    ParameterError
        A window that is not a whole number of at least 1.

    Examples
    --------
    >>> rolling_beta(np.array([0.02, -0.01, 0.04]), np.array([0.01, -0.005, 0.02]), 3).round(9)
    array([nan, nan,  2.])
    """
    return rolling_alpha_beta(returns, benchmark, window, 1.0, risk_free=risk_free)[1]


def rolling_alpha_beta(
    returns: Floats,
    benchmark: Floats,
    window: int,
    bars_per_year: float,
    *,
    risk_free: Rate = 0.0,
) -> tuple[Floats, Floats]:
    """Jensen's alpha, a year, and beta over the last ``window`` periods; see ``benchmark.alpha_beta``.

    Raises
    ------
    InputError
        Returns and benchmark of two lengths.
    ParameterError
        A window that is not a whole number of at least 1.

    Examples
    --------
    >>> same = np.array([0.01, -0.02, 0.03])
    >>> alphas, betas = rolling_alpha_beta(same, same, 2, 252)
    >>> betas.round(9)
    array([nan,  1.,  1.])
    """
    found = _moments(returns - risk_free, benchmark - risk_free, window)
    counts, spread = found[windows.COUNT], found[windows.SQUARES_Y]
    betas = np.full(len(returns), np.nan)
    moved = (counts >= 2) & (spread >= _NO_VARIANCE * counts)
    np.divide(found[windows.PRODUCTS], spread, out=betas, where=moved)
    own = found[windows.MEAN_X] - betas * found[windows.MEAN_Y]
    with np.errstate(over="ignore"):
        alphas = np.expm1(bars_per_year * np.log1p(np.maximum(own, -1.0 + 1e-16)))
    return alphas, betas


def rolling_correlation(returns: Floats, benchmark: Floats, window: int) -> Floats:
    """Pearson's correlation over the last ``window`` periods, -1 to 1; NaN where one does not move.

    Raises
    ------
    InputError
        Returns and benchmark of two lengths.
    ParameterError
        A window that is not a whole number of at least 1.

    Examples
    --------
    >>> rolling_correlation(np.array([0.02, -0.01]), np.array([-0.01, 0.005]), 2).round(9)
    array([nan, -1.])
    """
    found = _moments(returns, benchmark, window)
    scale = np.sqrt(found[windows.SQUARES_X]) * np.sqrt(found[windows.SQUARES_Y])
    out = np.full(len(returns), np.nan)
    np.divide(found[windows.PRODUCTS], scale, out=out, where=scale > 0.0)
    return np.asarray(np.clip(out, -1.0, 1.0), dtype=np.float64)


def rolling_max_drawdown(returns: Floats, window: int) -> Floats:
    """Deepest drawdown within the last ``window`` periods, 0 or negative.

    The start of each window counts as a peak; see ``performance.max_drawdown``. NaN returns count
    as 0, and a loss of more than everything as one of everything.

    Raises
    ------
    ParameterError
        A window that is not a whole number of at least 1.

    Examples
    --------
    >>> rolling_max_drawdown(np.array([-0.1, 0.2, -0.5, 0.1]), 2).round(9)
    array([ nan, -0.1, -0.5, -0.5])
    """
    check_count("rolling_max_drawdown", "window", window, least=1)
    return windows.window_drawdowns(np.ascontiguousarray(returns, dtype=np.float64), window)


def rolling_up_capture(
    returns: Floats, benchmark: Floats, window: int, bars_per_year: float
) -> Floats:
    """Upside capture over the last ``window`` periods; see ``benchmark.up_capture``.

    Raises
    ------
    InputError
        Returns and benchmark of two lengths.
    ParameterError
        A window that is not a whole number of at least 1.

    Examples
    --------
    >>> rolling_up_capture(np.array([0.02, -0.03]), np.array([0.01, -0.01]), 2, 1).round(9)
    array([nan,  2.])
    """
    return _captures(returns, benchmark, window, bars_per_year, benchmark > 0.0)


def rolling_down_capture(
    returns: Floats, benchmark: Floats, window: int, bars_per_year: float
) -> Floats:
    """Downside capture over the last ``window`` periods; see ``benchmark.down_capture``.

    Raises
    ------
    InputError
        Returns and benchmark of two lengths.
    ParameterError
        A window that is not a whole number of at least 1.

    Examples
    --------
    >>> rolling_down_capture(np.array([0.02, -0.03]), np.array([0.01, -0.01]), 2, 1).round(9)
    array([nan,  3.])
    """
    return _captures(returns, benchmark, window, bars_per_year, benchmark < 0.0)


def rolling_up_down_capture(
    returns: Floats, benchmark: Floats, window: int, bars_per_year: float
) -> Floats:
    """Upside over downside capture over the last ``window`` periods; see ``benchmark.up_down_capture``.

    Raises
    ------
    InputError
        Returns and benchmark of two lengths.
    ParameterError
        A window that is not a whole number of at least 1.

    Examples
    --------
    >>> rolling_up_down_capture(np.array([0.02, -0.01]), np.array([0.01, -0.01]), 2, 1).round(9)
    array([nan,  2.])
    """
    up = rolling_up_capture(returns, benchmark, window, bars_per_year)
    return _over(up, rolling_down_capture(returns, benchmark, window, bars_per_year))


def _captures(
    returns: Floats, benchmark: Floats, window: int, bars_per_year: float, rows: Bools
) -> Floats:
    mine, market = (np.where(rows, _logs(r), np.nan) for r in (returns, benchmark))
    found = _moments(mine, market, window)
    there = found[windows.COUNT] > 0
    with np.errstate(over="ignore"):
        growths = [
            np.where(there, np.expm1(bars_per_year * found[row]), np.nan)
            for row in (windows.MEAN_X, windows.MEAN_Y)
        ]
    return _over(growths[0], growths[1])


def _logs(returns: Floats) -> Floats:
    lost = returns <= -1.0
    return np.where(lost, _TOTAL_LOSS, np.log1p(np.where(lost, 0.0, returns)))


def _mean_and_deviation(returns: Floats, window: int) -> tuple[Floats, Floats]:
    found = _moments(returns, returns, window)
    deviations = np.full(len(returns), np.nan)
    counts = found[windows.COUNT]
    np.divide(found[windows.SQUARES_X], counts - 1.0, out=deviations, where=counts > 1)
    return found[windows.MEAN_X], np.sqrt(deviations)


def _moments(x: Floats, y: Floats, window: int) -> Floats:
    check_count("a rolling measure", "window", window, least=1)
    if x.shape != y.shape:
        raise InputError(
            f"{x.shape} returns are measured against {y.shape} of a benchmark",
            hint="give both over the same periods, NaN where one is missing",
        )
    first, second = (np.ascontiguousarray(values, dtype=np.float64) for values in (x, y))
    return windows.window_moments(first, second, window)


def _over(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(above / below, dtype=np.float64)
