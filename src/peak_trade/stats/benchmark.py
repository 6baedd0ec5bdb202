"""How a run did against a benchmark: alpha, beta, captures, tracking error and what they give.

Functions take the simple returns of a run and of its benchmark over the same periods (T,); periods
in which either is NaN are left out. They compute what empyrical-reloaded computes; ``treynor`` and
``r_squared``, which it does not have, follow their usual definitions. A rate is a rate a period.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.stats.arithmetic import Rate, annual_growth, deviation, paired, ratio
from peak_trade.stats.performance import cagr

Floats = npt.NDArray[np.float64]

_NO_VARIANCE = 1e-30
"""A benchmark whose returns vary by less has no beta."""


def beta(returns: Floats, benchmark: Floats, *, risk_free: Rate = 0.0) -> float:
    """How far the run moves when the benchmark moves: cov(r, b) / var(b).

    NaN below two periods and where the benchmark does not move. A constant ``risk_free`` changes
    nothing.

    References
    ----------
    Sharpe, Capital Asset Prices, Journal of Finance 1964.

    Examples
    --------
    >>> round(beta(np.array([0.02, -0.01, 0.04]), np.array([0.01, -0.005, 0.02])), 12)
    2.0
    """
    return _line(*paired(returns - risk_free, benchmark - risk_free))[1]


def alpha(
    returns: Floats, benchmark: Floats, bars_per_year: float, *, risk_free: Rate = 0.0
) -> float:
    """Jensen's alpha, a year: what the run earned beyond its beta times the benchmark.

    ``(1 + mean((r - rf) - beta (b - rf))) ** bars_per_year - 1``. NaN where beta is.

    References
    ----------
    Jensen, The Performance of Mutual Funds in the Period 1945-1964, Journal of Finance 1968.

    Examples
    --------
    >>> round(alpha(np.array([0.03, 0.0, 0.05]), np.array([0.01, -0.005, 0.02]), 2), 6)
    0.0201
    """
    return alpha_beta(returns, benchmark, bars_per_year, risk_free=risk_free)[0]


def alpha_beta(
    returns: Floats, benchmark: Floats, bars_per_year: float, *, risk_free: Rate = 0.0
) -> tuple[float, float]:
    """Jensen's alpha, a year, and beta; see ``alpha`` and ``beta``.

    Examples
    --------
    >>> same = np.array([0.01, -0.02, 0.03])
    >>> alpha_beta(same, same, 252)
    (0.0, 1.0)
    """
    own, slope = _line(*paired(returns - risk_free, benchmark - risk_free))
    return annual_growth(1.0 + own, 1.0, bars_per_year), slope


def _line(returns: Floats, benchmark: Floats) -> tuple[float, float]:
    """Intercept and slope of the least squares line."""
    if len(returns) < 2:
        return math.nan, math.nan
    away = benchmark - benchmark.mean()
    variance = float(np.mean(away * away))
    if variance < _NO_VARIANCE:
        return math.nan, math.nan
    slope = float(np.mean(away * returns)) / variance
    return float(np.mean(returns - slope * benchmark)), slope


def up_alpha_beta(
    returns: Floats, benchmark: Floats, bars_per_year: float, *, risk_free: Rate = 0.0
) -> tuple[float, float]:
    """Alpha, a year, and beta over the periods in which the benchmark rose.

    Examples
    --------
    >>> mine, market = np.array([0.02, -0.09, 0.04]), np.array([0.01, -0.01, 0.02])
    >>> round(up_alpha_beta(mine, market, 252)[1], 12)
    2.0
    """
    rose = benchmark > 0.0
    return alpha_beta(
        returns[rose], benchmark[rose], bars_per_year, risk_free=_chosen(risk_free, rose)
    )


def down_alpha_beta(
    returns: Floats, benchmark: Floats, bars_per_year: float, *, risk_free: Rate = 0.0
) -> tuple[float, float]:
    """Alpha, a year, and beta over the periods in which the benchmark fell.

    Examples
    --------
    >>> mine, market = np.array([-0.02, 0.09, -0.04]), np.array([-0.01, 0.01, -0.02])
    >>> round(down_alpha_beta(mine, market, 252)[1], 12)
    2.0
    """
    fell = benchmark < 0.0
    return alpha_beta(
        returns[fell], benchmark[fell], bars_per_year, risk_free=_chosen(risk_free, fell)
    )


def _chosen(rate: Rate, rows: npt.NDArray[np.bool_]) -> Rate:
    return rate[rows] if isinstance(rate, np.ndarray) and rate.ndim else rate


def capture(returns: Floats, benchmark: Floats, bars_per_year: float) -> float:
    """Capture ratio: the run's annual growth over the benchmark's, each over all its periods.

    Examples
    --------
    >>> round(capture(np.array([0.02, 0.02]), np.array([0.01, 0.01]), 1), 12)
    2.0
    """
    return ratio(cagr(returns, bars_per_year), cagr(benchmark, bars_per_year))


def up_capture(returns: Floats, benchmark: Floats, bars_per_year: float) -> float:
    """Upside capture: the capture ratio over the periods in which the benchmark rose.

    NaN where it never did.

    References
    ----------
    Morningstar, Upside/Downside Capture Ratio, 2011.

    Examples
    --------
    >>> round(up_capture(np.array([0.02, -0.03]), np.array([0.01, -0.01]), 1), 12)
    2.0
    """
    mine, market = paired(returns, benchmark)
    return capture(mine[market > 0.0], market[market > 0.0], bars_per_year)


def down_capture(returns: Floats, benchmark: Floats, bars_per_year: float) -> float:
    """Downside capture: the capture ratio over the periods in which the benchmark fell.

    Below 1, the run lost less than the benchmark. NaN where it never fell.

    References
    ----------
    Morningstar, Upside/Downside Capture Ratio, 2011.

    Examples
    --------
    >>> round(down_capture(np.array([0.02, -0.03]), np.array([0.01, -0.01]), 1), 12)
    3.0
    """
    mine, market = paired(returns, benchmark)
    return capture(mine[market < 0.0], market[market < 0.0], bars_per_year)


def up_down_capture(returns: Floats, benchmark: Floats, bars_per_year: float) -> float:
    """Upside capture over downside capture: above 1, more of the rises was taken than of the falls.

    Examples
    --------
    >>> round(up_down_capture(np.array([0.02, -0.01]), np.array([0.01, -0.01]), 1), 12)
    2.0
    """
    up = up_capture(returns, benchmark, bars_per_year)
    return ratio(up, down_capture(returns, benchmark, bars_per_year))


def tracking_error(returns: Floats, benchmark: Floats, bars_per_year: float) -> float:
    """Tracking error: the annual standard deviation of the active return r - b.

    Examples
    --------
    >>> round(tracking_error(np.array([0.02, 0.0]), np.array([0.01, 0.01]), 2), 12)
    0.02
    """
    mine, market = paired(returns, benchmark)
    return deviation(mine - market) * math.sqrt(bars_per_year)


def information_ratio(returns: Floats, benchmark: Floats, bars_per_year: float) -> float:
    """Information ratio: mean(r - b) / std(r - b, ddof=1) x sqrt(bars_per_year).

    With ``bars_per_year`` 1 it is empyrical's ``excess_sharpe``. NaN below two periods and where the
    two are the same, infinite where their difference never changes.

    References
    ----------
    Grinold and Kahn, Active Portfolio Management, 2nd edition, chapter 5.

    Examples
    --------
    >>> round(information_ratio(np.array([0.02, 0.0]), np.array([0.0, 0.01]), 1), 6)
    0.235702
    """
    mine, market = paired(returns, benchmark)
    if len(mine) < 2:
        return math.nan
    active = mine - market
    return ratio(float(active.mean()), deviation(active)) * math.sqrt(bars_per_year)


def treynor(
    returns: Floats, benchmark: Floats, bars_per_year: float, *, risk_free: float = 0.0
) -> float:
    """Treynor ratio: annual growth above the risk-free rate over beta.

    ``risk_free`` is a rate a period and compounds to a year. NaN where beta is.

    References
    ----------
    Treynor, How to Rate Management of Investment Funds, Harvard Business Review 1965.

    Examples
    --------
    >>> round(treynor(np.array([0.02, 0.1]), np.array([0.01, 0.05]), 2), 6)
    0.061
    """
    annual = annual_growth(1.0 + risk_free, 1.0, bars_per_year) if risk_free else 0.0
    mine, market = paired(returns, benchmark)
    slope = beta(mine, market)
    return ratio(cagr(mine, bars_per_year) - annual, slope)


def correlation(returns: Floats, benchmark: Floats) -> float:
    """Pearson's correlation of the run and the benchmark, -1 to 1; NaN where one does not move.

    Examples
    --------
    >>> round(correlation(np.array([0.02, -0.01, 0.04]), np.array([0.01, -0.005, 0.02])), 12)
    1.0
    """
    mine, market = paired(returns, benchmark)
    if len(mine) < 2 or mine.min() == mine.max() or market.min() == market.max():
        return math.nan
    mine, market = mine - mine.mean(), market - market.mean()
    scale = math.sqrt(float(mine @ mine)) * math.sqrt(float(market @ market))
    return ratio(float(mine @ market), scale)


def r_squared(returns: Floats, benchmark: Floats) -> float:
    """Share of the run's variance that the benchmark explains: the correlation, squared.

    Examples
    --------
    >>> round(r_squared(np.array([0.02, -0.01, 0.04]), np.array([-0.01, 0.005, -0.02])), 12)
    1.0
    """
    return correlation(returns, benchmark) ** 2


@dataclass(frozen=True, slots=True)
class BattingAverage:
    """Shares of the periods in which a run beat its benchmark.

    Attributes
    ----------
    all, up, down : float
        Of all periods, of those in which the benchmark did not fall, of those in which it did; NaN
        where there is none.
    """

    all: float
    up: float
    down: float


def batting_average(returns: Floats, benchmark: Floats) -> BattingAverage:
    """How often the run beat the benchmark, over all periods and by the benchmark's direction.

    Examples
    --------
    >>> batting_average(np.array([0.02, -0.01, 0.0]), np.array([0.01, -0.02, 0.01]))
    BattingAverage(all=0.6666666666666666, up=0.5, down=1.0)
    """
    mine, market = paired(returns, benchmark)
    beat, fell = mine > market, market < 0.0

    def share(of: npt.NDArray[np.bool_]) -> float:
        return float(of.mean()) if len(of) else math.nan

    return BattingAverage(share(beat), share(beat[~fell]), share(beat[fell]))


def beta_fragility(returns: Floats, benchmark: Floats) -> float:
    """Whether losses grow faster than the benchmark's: negative where the run is fragile.

    With the periods sorted by the benchmark, the run's return at its lowest, middle and highest:
    the two ends, weighted so that their benchmark returns average to the middle's, less the middle.
    NaN below three periods.

    References
    ----------
    Taleb et al., A New Heuristic Measure of Fragility and Tail Risks, IMF Working Paper 12/216.

    Examples
    --------
    >>> round(beta_fragility(np.array([-0.09, 0.0, 0.01]), np.array([-0.01, 0.0, 0.01])), 12)
    -0.04
    """
    mine, market = paired(returns, benchmark)
    if len(mine) < 3:
        return math.nan
    order = np.argsort(market, kind="stable")
    low, middle, high = (int(order[k]) for k in (0, len(order) // 2, len(order) - 1))
    span = float(market[high] - market[low])
    weight = float(market[high] - market[middle]) / span if span else 0.5
    ends = weight * float(mine[low]) + (1.0 - weight) * float(mine[high])
    return ends - float(mine[middle])
