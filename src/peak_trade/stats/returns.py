"""What returns say by themselves, beyond ``stats.performance``: downside, pain, shape, steadiness.

Functions take simple period returns (T,) and skip NaN. Where empyrical-reloaded has the measure
they compute what it computes; the others (ulcer index, Martin ratio, gain to pain, recovery factor)
follow the source that they name. A rate is a rate a period, not a year, unless it is said.
"""

import math

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import ParameterError
from peak_trade.stats.arithmetic import Rate, annual_growth, excess, known, ratio, wealth
from peak_trade.stats.performance import cagr, max_drawdown, total_return

Floats = npt.NDArray[np.float64]


def simple_returns(prices: npt.ArrayLike) -> Floats:
    """Returns from one price to the next: p[t] / p[t-1] - 1.

    Parameters
    ----------
    prices : (T,) or (T, N) array
        Prices or account values. From a price of 0 the return is infinite.

    Returns
    -------
    (T - 1,) or (T - 1, N) float64

    Examples
    --------
    >>> simple_returns([100.0, 110.0, 99.0])
    array([ 0.1, -0.1])
    """
    values = np.asarray(prices, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.diff(values, axis=0) / values[:-1], dtype=np.float64)


def cumulative_returns(returns: Floats, *, start: float = 0.0) -> Floats:
    """What has been gained up to each period: cumprod(1 + r) - 1, or an account that began at ``start``.

    Parameters
    ----------
    returns : (T,) float64
        NaN counts as 0.
    start : float
        0 for gains as fractions, else the account's value before the first period.

    Returns
    -------
    (T,) float64

    Examples
    --------
    >>> cumulative_returns(np.array([0.1, -0.1]), start=100.0).round(6)
    array([110.,  99.])
    """
    grown = wealth(returns)
    return grown - 1.0 if start == 0.0 else grown * start


def downside_risk(returns: Floats, bars_per_year: float, *, required: Rate = 0.0) -> float:
    """Annual scatter of what falls short: sqrt(mean(min(r - required, 0) ** 2) x bars_per_year).

    Every period counts in the mean, those that do not fall short as 0. NaN without a return.

    References
    ----------
    Sortino and Price, Performance Measurement in a Downside Risk Framework, 1994.

    Examples
    --------
    >>> round(downside_risk(np.array([0.01, -0.02]), 2), 12)
    0.02
    """
    over = excess(returns, required)
    if not len(over):
        return math.nan
    return math.sqrt(float(np.mean(np.minimum(over, 0.0) ** 2)) * bars_per_year)


def calmar(returns: Floats, bars_per_year: float) -> float:
    """Calmar ratio: annual growth over the deepest drawdown; NaN where there was none.

    References
    ----------
    Young, Calmar Ratio: A Smoother Tool, Futures 1991. (His is over 36 months; this over all.)

    Examples
    --------
    >>> round(calmar(np.array([0.2, -0.1]), 2), 12)
    0.8
    """
    deepest = max_drawdown(returns)
    if not deepest < 0.0:
        return math.nan
    found = cagr(returns, bars_per_year) / -deepest
    return math.nan if math.isinf(found) else found


def omega(
    returns: Floats, bars_per_year: float, *, risk_free: Rate = 0.0, required_annual: float = 0.0
) -> float:
    """Omega ratio: the sum of what exceeds a threshold over the sum of what falls short of it.

    ``sum(max(x, 0)) / sum(max(-x, 0))`` with ``x = r - risk_free - ((1 + required_annual) **
    (1 / bars_per_year) - 1)``. NaN below two rows and where nothing falls short.

    Parameters
    ----------
    returns : (T,) float64
    bars_per_year : float
    risk_free : float or (T,) float64
        A rate a period.
    required_annual : float
        A rate a year; NaN comes back for -1 and below.

    References
    ----------
    Keating and Shadwick, A Universal Performance Measure, 2002.

    Examples
    --------
    >>> round(omega(np.array([0.03, -0.02]), 252), 12)
    1.5
    """
    if len(returns) < 2 or required_annual <= -1.0:
        return math.nan
    threshold = math.expm1(math.log1p(required_annual) / bars_per_year)
    over = excess(returns, risk_free) - threshold
    short = float(np.maximum(-over, 0.0).sum())
    return float(np.maximum(over, 0.0).sum()) / short if short > 0.0 else math.nan


def ulcer_index(returns: Floats) -> float:
    """Ulcer index: the root mean square of the drawdowns of all periods, as a fraction.

    Drawdowns are from the running peak, and the start counts as a peak. NaN without a row.

    References
    ----------
    Martin and McCann, The Investor's Guide to Fidelity Funds, 1989.

    Examples
    --------
    >>> round(ulcer_index(np.array([-0.2, 0.25])), 6)
    0.141421
    """
    if not len(returns):
        return math.nan
    grown = wealth(returns)
    peak = np.maximum(np.maximum.accumulate(grown), 1.0)
    return math.sqrt(float(np.mean((grown / peak - 1.0) ** 2)))


def martin_ratio(returns: Floats, bars_per_year: float, *, risk_free: float = 0.0) -> float:
    """Martin ratio, or ulcer performance index: annual growth above the risk-free over the ulcer index.

    ``risk_free`` is a rate a period and compounds to a year. Infinite without a drawdown.

    References
    ----------
    Martin and McCann, The Investor's Guide to Fidelity Funds, 1989.

    Examples
    --------
    >>> round(martin_ratio(np.array([-0.2, 0.375]), 2), 6)
    0.707107
    """
    annual = annual_growth(1.0 + risk_free, 1.0, bars_per_year) if risk_free else 0.0
    return ratio(cagr(returns, bars_per_year) - annual, ulcer_index(returns))


def gain_to_pain(returns: Floats) -> float:
    """Gain to pain: the sum of all returns over the size of the sum of the negative ones.

    Infinite where nothing was lost, NaN where nothing moved.

    References
    ----------
    Schwager, Hedge Fund Market Wizards, 2012, appendix A.

    Examples
    --------
    >>> round(gain_to_pain(np.array([0.03, -0.02])), 12)
    0.5
    """
    there = known(returns)
    return ratio(float(there.sum()), float(np.maximum(-there, 0.0).sum()))


def recovery_factor(returns: Floats) -> float:
    """Recovery factor: total return over the deepest drawdown; infinite where there was none.

    Examples
    --------
    >>> round(recovery_factor(np.array([0.2, -0.1])), 12)
    0.8
    """
    return ratio(total_return(returns), -max_drawdown(returns))


def stability(returns: Floats) -> float:
    """How straight the growth was: R squared of a line through the cumulated log returns, 0 to 1.

    NaN below two returns, where nothing moves and where a return loses everything.

    Examples
    --------
    >>> round(stability(np.array([0.01, 0.01, 0.01])), 12)
    1.0
    """
    there = known(returns)
    if len(returns) < 2 or len(there) < 2 or there.min() <= -1.0:
        return math.nan
    path = np.cumsum(np.log1p(there))
    path -= path.mean()
    n = len(path)
    along = float(np.dot(np.arange(n) - (n - 1) / 2.0, path))
    spread = float(np.dot(path, path))
    # the mean of n squared steps 0 .. n - 1 about their middle is (n * n - 1) / 12
    return along * along / (spread * (n * (n * n - 1.0) / 12.0)) if spread > 0.0 else math.nan


def skewness(returns: Floats) -> float:
    """Which tail is longer: the third standardised moment, negative where the losses' tail is.

    Population moments, as ``scipy.stats.skew``. NaN below two returns and where nothing moves.

    Examples
    --------
    >>> round(skewness(np.array([0.0, 0.0, 0.0, 1.0])), 6)
    1.154701
    """
    return _standardised(known(returns), 3)


def excess_kurtosis(returns: Floats) -> float:
    """How heavy the tails are: the fourth standardised moment less the 3 of a normal distribution.

    Population moments, as ``scipy.stats.kurtosis``. NaN below two returns and where nothing moves.

    Examples
    --------
    >>> round(excess_kurtosis(np.array([-1.0, 1.0, -1.0, 1.0])), 6)
    -2.0
    """
    return _standardised(known(returns), 4) - 3.0


def _standardised(there: Floats, power: int) -> float:
    if len(there) < 2 or there.min() == there.max():
        return math.nan
    away = there - there.mean()
    squares = away * away
    high = squares * (away if power == 3 else squares)  # a power of an array is far slower
    return float(high.mean()) / math.pow(float(squares.mean()), power / 2)


def positive_share(returns: Floats) -> float:
    """Share of the periods that gained among those that moved; NaN where none did.

    Examples
    --------
    >>> positive_share(np.array([0.01, 0.0, -0.01, 0.02, 0.03]))
    0.75
    """
    there = known(returns)
    moved = int(np.count_nonzero(there))
    return int(np.count_nonzero(there > 0.0)) / moved if moved else math.nan


def best_and_worst(returns: Floats) -> tuple[float, float]:
    """The largest and the smallest return; NaN twice where there is none.

    Examples
    --------
    >>> best_and_worst(np.array([0.01, -0.02, 0.005]))
    (0.01, -0.02)
    """
    there = known(returns)
    if not len(there):
        return math.nan, math.nan
    return float(there.max()), float(there.min())


def rate_per_bar(annual: float, bars_per_year: float) -> float:
    """A yearly rate as the rate a period that compounds to it: (1 + annual) ** (1 / bars_per_year) - 1.

    Raises
    ------
    ParameterError
        A rate of -1 or below.

    Examples
    --------
    >>> round(rate_per_bar(0.21, 2), 12)
    0.1
    """
    if not annual > -1.0:
        raise ParameterError(
            f"a rate of {annual:g} a year is given, expected one above -1",
            hint="write rates as fractions: 0.03 is 3 %",
        )
    return math.expm1(math.log1p(annual) / bars_per_year)
