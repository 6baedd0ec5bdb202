"""How sure a Sharpe ratio is: its error, its interval, its probability, and what trying many does.

Sharpe ratios here are those of a period, mean / std, not annual ones: divide an annual ratio by
``sqrt(bars_per_year)``. Kurtosis is the whole fourth standardised moment, 3 for a normal
distribution. All of it takes returns as independent of one another; where they are not, the errors
are larger than these (Lo 2002).
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import ParameterError
from peak_trade.stats.performance import sharpe
from peak_trade.stats.returns import excess_kurtosis, skewness

Floats = npt.NDArray[np.float64]

_NORMAL = NormalDist()
_EULER = 0.5772156649015329
_SLACK = 1e-9  # a published pair of moments may be rounded


def sharpe_standard_error(
    sharpe: float, observations: float, *, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """Standard error of a Sharpe ratio, for returns that need not be normal.

    ``sqrt((1 - skew SR + (kurtosis - 1) / 4 SR ** 2) / (T - 1))``; NaN below two observations.

    Parameters
    ----------
    sharpe : float
        Mean over standard deviation of one period's returns.
    observations : float
        Number of periods T.
    skew, kurtosis : float
        Third and fourth standardised moment of the returns; 0 and 3 where they are normal, which
        gives Lo's error for independent returns.

    Raises
    ------
    ParameterError
        Moments that no distribution has: a kurtosis below skew ** 2 + 1.

    References
    ----------
    Lo, The Statistics of Sharpe Ratios, Financial Analysts Journal 2002; Mertens, Comments on
    Variance of the IID estimator in Lo, 2002; with T - 1 as in Bailey and Lopez de Prado 2012.

    Examples
    --------
    >>> round(sharpe_standard_error(0.1, 101), 5)
    0.10025
    """
    if kurtosis < skew * skew + 1.0 - _SLACK:
        raise ParameterError(
            f"no returns have a skew of {skew:g} and a kurtosis of {kurtosis:g}: it is at least "
            f"skew ** 2 + 1 = {skew * skew + 1.0:g}",
            hint="give the whole kurtosis, 3 for a normal distribution, not the excess over 3",
        )
    if not observations > 1.0:
        return math.nan
    variance = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    return math.sqrt(max(variance, 0.0) / (observations - 1.0))


def sharpe_interval(
    sharpe: float,
    observations: float,
    *,
    skew: float = 0.0,
    kurtosis: float = 3.0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Confidence interval of a Sharpe ratio: SR -+ z standard errors.

    Parameters
    ----------
    sharpe, observations, skew, kurtosis
        As in ``sharpe_standard_error``.
    level : float
        Probability that the interval holds the true ratio, between 0 and 1.

    Raises
    ------
    ParameterError
        Moments that no distribution has, or a level that is not between 0 and 1.

    Examples
    --------
    >>> low, high = sharpe_interval(0.1, 401)
    >>> round(low, 4), round(high, 4)
    (0.0018, 0.1982)
    """
    error = sharpe_standard_error(sharpe, observations, skew=skew, kurtosis=kurtosis)
    width = error * _quantile(0.5 + level / 2.0)
    return sharpe - width, sharpe + width


def probabilistic_sharpe(
    sharpe: float,
    observations: float,
    *,
    benchmark: float = 0.0,
    skew: float = 0.0,
    kurtosis: float = 3.0,
) -> float:
    """Probabilistic Sharpe ratio (PSR): how likely the true ratio is above a benchmark's.

    ``Phi((SR - SR*) / standard error)``; NaN below two observations.

    Parameters
    ----------
    sharpe, observations, skew, kurtosis
        As in ``sharpe_standard_error``.
    benchmark : float
        Sharpe ratio SR* of a period that is to be beaten.

    Raises
    ------
    ParameterError
        Moments that no distribution has.

    References
    ----------
    Bailey and Lopez de Prado, The Sharpe Ratio Efficient Frontier, Journal of Risk 2012, eq. 11.

    Examples
    --------
    >>> round(probabilistic_sharpe(0.458, 24, skew=-2.448, kurtosis=10.164), 3)
    0.913
    """
    error = sharpe_standard_error(sharpe, observations, skew=skew, kurtosis=kurtosis)
    if math.isnan(error) or math.isnan(sharpe):
        return math.nan
    if error == 0.0:
        return 0.5 if sharpe == benchmark else float(sharpe > benchmark)
    return _NORMAL.cdf((sharpe - benchmark) / error)


def min_track_record_length(
    sharpe: float,
    *,
    benchmark: float = 0.0,
    skew: float = 0.0,
    kurtosis: float = 3.0,
    level: float = 0.95,
) -> float:
    """Minimum track record length: the periods after which the probabilistic ratio reaches a level.

    ``1 + (1 - skew SR + (kurtosis - 1) / 4 SR ** 2) (z / (SR - SR*)) ** 2``. Infinite where the ratio
    does not exceed the benchmark.

    Parameters
    ----------
    sharpe, benchmark, skew, kurtosis
        As in ``probabilistic_sharpe``.
    level : float
        Confidence, between 0.5 and 1.

    Raises
    ------
    ParameterError
        Moments that no distribution has, or a level that is not between 0.5 and 1.

    References
    ----------
    Bailey and Lopez de Prado, The Sharpe Ratio Efficient Frontier, Journal of Risk 2012, eq. 13.

    Examples
    --------
    >>> year = 250**0.5
    >>> round(min_track_record_length(2 / year, benchmark=1 / year) / 250, 2)
    2.73
    """
    if not 0.5 <= level < 1.0:
        raise ParameterError(
            f"a level of {level:g} is given, expected one from 0.5 up and below 1",
            hint="0.95 is usual",
        )
    if math.isnan(sharpe) or not sharpe > benchmark:
        return math.nan if math.isnan(sharpe) else math.inf
    error = sharpe_standard_error(sharpe, 2.0, skew=skew, kurtosis=kurtosis)
    return 1.0 + (error * _quantile(level) / (sharpe - benchmark)) ** 2


def expected_max_sharpe(deviation: float, trials: int) -> float:
    """How large the best Sharpe ratio of many trials gets by luck alone, none having any merit.

    ``sd ((1 - g) z(1 - 1 / n) + g z(1 - 1 / (n e)))`` with Euler's constant g and the normal
    quantile z, which is right for many trials and 2 % too much for ten; NaN for fewer than two.

    Parameters
    ----------
    deviation : float
        Standard deviation of the trials' Sharpe ratios; the answer has its unit.
    trials : int
        How many were tried, taken as independent of one another.

    References
    ----------
    Bailey and Lopez de Prado, The Deflated Sharpe Ratio, Journal of Portfolio Management 2014, eq. 1.

    Examples
    --------
    >>> round(expected_max_sharpe(1.0, 1000), 2)
    3.26
    """
    if trials < 2:
        return math.nan
    usual, rare = _NORMAL.inv_cdf(1 - 1 / trials), _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return deviation * ((1 - _EULER) * usual + _EULER * rare)


def deflated_sharpe(
    sharpe: float,
    observations: float,
    *,
    trials: int,
    deviation: float,
    skew: float = 0.0,
    kurtosis: float = 3.0,
) -> float:
    """Deflated Sharpe ratio (DSR): how likely the best of many trials is better than luck.

    The probabilistic Sharpe ratio against ``expected_max_sharpe(deviation, trials)``.

    Parameters
    ----------
    sharpe, observations, skew, kurtosis
        Of the trial that was chosen, as in ``sharpe_standard_error``.
    trials : int
        How many were tried, the discarded ones with them.
    deviation : float
        Standard deviation of the trials' Sharpe ratios, a period.

    Raises
    ------
    ParameterError
        Moments that no distribution has.

    References
    ----------
    Bailey and Lopez de Prado, The Deflated Sharpe Ratio, Journal of Portfolio Management 2014, eq. 2.

    Examples
    --------
    >>> year = 250**0.5
    >>> chosen = {"skew": -3.0, "kurtosis": 10.0}
    >>> round(deflated_sharpe(2.5 / year, 1250, trials=100, deviation=0.5**0.5 / year, **chosen), 3)
    0.9
    """
    luck = expected_max_sharpe(deviation, trials) if trials > 1 else 0.0
    return probabilistic_sharpe(sharpe, observations, benchmark=luck, skew=skew, kurtosis=kurtosis)


@dataclass(frozen=True, slots=True)
class SharpeInference:
    """What a sample of returns says about the Sharpe ratio behind it, a year.

    Attributes
    ----------
    sharpe, standard_error, low, high : float
        Annual ratio, its error, and the ends of its confidence interval.
    level : float
        Probability that the interval holds the true ratio.
    observations : int
        Returns that were there.
    skew, kurtosis : float
        Their moments, the kurtosis 3 for a normal distribution.
    benchmark : float
        Annual ratio that is to be beaten.
    probability : float
        Probabilistic Sharpe ratio: how likely the true ratio is above the benchmark.
    min_track_record : float
        Returns after which that probability reaches ``level``; infinite where it never does.
    """

    sharpe: float
    standard_error: float
    low: float
    high: float
    level: float
    observations: int
    skew: float
    kurtosis: float
    benchmark: float
    probability: float
    min_track_record: float


def sharpe_inference(
    returns: Floats,
    bars_per_year: float,
    *,
    risk_free: float = 0.0,
    benchmark: float = 0.0,
    level: float = 0.95,
) -> SharpeInference:
    """Give the Sharpe ratio of returns with its error, interval and probability, annual.

    Parameters
    ----------
    returns : (T,) float64
        Simple period returns; NaN are left out.
    bars_per_year : float
    risk_free : float
        A rate a period.
    benchmark : float
        Annual Sharpe ratio to beat.
    level : float
        Of the interval and of the track record, from 0.5 up and below 1.

    Returns
    -------
    SharpeInference
        NaN where there are fewer than two returns or nothing moves.

    Raises
    ------
    ParameterError
        A level out of its range.

    Examples
    --------
    >>> daily = np.array([0.01, 0.02, -0.01, 0.03] * 63)
    >>> found = sharpe_inference(daily, 252, benchmark=10.0)
    >>> round(found.sharpe, 2), round(found.low, 2), round(found.probability, 3)
    (13.39, 10.97, 0.997)
    """
    scale = math.sqrt(bars_per_year)
    there = returns[~np.isnan(returns)]
    ratio = sharpe(there, bars_per_year, risk_free=risk_free) / scale
    skew, kurtosis = skewness(there), excess_kurtosis(there) + 3.0
    if not math.isfinite(ratio) or math.isnan(skew):
        ratio = skew = kurtosis = error = low = high = probability = shortest = math.nan
    else:
        kurtosis = max(kurtosis, skew * skew + 1.0)  # equal for two values, but for the rounding
        error = sharpe_standard_error(ratio, len(there), skew=skew, kurtosis=kurtosis)
        low, high = sharpe_interval(ratio, len(there), skew=skew, kurtosis=kurtosis, level=level)
        beaten = benchmark / scale
        probability = probabilistic_sharpe(
            ratio, len(there), benchmark=beaten, skew=skew, kurtosis=kurtosis
        )
        shortest = min_track_record_length(
            ratio, benchmark=beaten, skew=skew, kurtosis=kurtosis, level=level
        )
    return SharpeInference(
        sharpe=ratio * scale,
        standard_error=error * scale,
        low=low * scale,
        high=high * scale,
        level=level,
        observations=len(there),
        skew=skew,
        kurtosis=kurtosis,
        benchmark=benchmark,
        probability=probability,
        min_track_record=shortest,
    )


def _quantile(probability: float) -> float:
    if not 0.0 < probability < 1.0:
        raise ParameterError(
            f"a level of {2.0 * probability - 1.0:g} is given, expected one between 0 and 1",
            hint="0.95 is usual",
        )
    return _NORMAL.inv_cdf(probability)
