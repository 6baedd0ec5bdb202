"""How bad it gets: value at risk, expected shortfall and the tails they come from.

Order statistics of returns, computed when they are asked for. Functions take simple period returns
(T,) and skip NaN (empyrical-reloaded's ``value_at_risk`` does not); losses are negative returns.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import InputError, ParameterError
from peak_trade.stats.arithmetic import known, ratio

Floats = npt.NDArray[np.float64]

_FIRST_THRESHOLD, _LAST_THRESHOLD = 0.2, 1e-9


def value_at_risk(returns: Floats, *, level: float = 0.05) -> float:
    """Historical value at risk: the return that only a share ``level`` of the periods fell below.

    The ``level`` quantile of the returns, linear between two of them; negative where it is a loss.
    NaN without a return.

    Raises
    ------
    ParameterError
        A level that is not between 0 and 1.

    Examples
    --------
    >>> value_at_risk(np.array([-0.03, -0.01, 0.0, 0.01, 0.02]), level=0.25)
    -0.01
    """
    there = known(returns)
    _check_level(level)
    return float(np.quantile(there, level)) if len(there) else math.nan


def conditional_value_at_risk(returns: Floats, *, level: float = 0.05) -> float:
    """Expected shortfall: the mean of the worst periods, a share ``level`` of all.

    The mean of the ``int((T - 1) x level) + 1`` smallest returns. NaN without a return.

    Raises
    ------
    ParameterError
        A level that is not between 0 and 1.

    References
    ----------
    Rockafellar and Uryasev, Optimization of Conditional Value-at-Risk, Journal of Risk 2000.

    Examples
    --------
    >>> round(conditional_value_at_risk(np.array([-0.03, -0.01, 0.0, 0.01, 0.02]), level=0.3), 12)
    -0.02
    """
    there = known(returns)
    _check_level(level)
    if not len(there):
        return math.nan
    last = int((len(there) - 1) * level)
    return float(np.partition(there, last)[: last + 1].mean())


def tail_ratio(returns: Floats) -> float:
    """Tail ratio: the size of the 95th percentile over the size of the 5th; NaN without a return.

    Above 1, the best periods gain more than the worst lose.

    Examples
    --------
    >>> round(tail_ratio(np.array([-0.01, 0.0, 0.02])), 12)
    2.0
    """
    there = known(returns)
    if not len(there):
        return math.nan
    low, high = np.quantile(there, (0.05, 0.95))
    return ratio(abs(float(high)), abs(float(low)))


@dataclass(frozen=True, slots=True)
class ParetoTail:
    """The tail of the losses as a generalised Pareto distribution; all 0 where none could be fitted.

    Attributes
    ----------
    threshold : float
        Losses from here on are the tail, as a positive fraction.
    scale, shape : float
        Of the distribution of what exceeds it.
    value_at_risk : float
        Loss that is exceeded with the probability asked for, as a positive fraction.
    expected_shortfall : float
        Mean of the losses beyond it; infinite where the shape is 1 and more.
    """

    threshold: float
    scale: float
    shape: float
    value_at_risk: float
    expected_shortfall: float


def pareto_tail(returns: Floats, *, probability: float = 0.01) -> ParetoTail:
    """Value at risk and expected shortfall from a generalised Pareto distribution of the losses.

    The threshold starts at a loss of 0.2 and is halved until the losses from it on give a positive
    shape and a positive value at risk. Scale s and shape k maximise
    ``-n ln(s) - (1 / k + 1) sum(ln(1 + k x / s))`` over those losses x (Nelder and Mead's simplex
    from (1, 1)); value at risk is ``u + s / k ((N / n x probability) ** -k - 1)`` with N losses in
    all, and the expected shortfall ``(VaR + s - k u) / (1 - k)``.

    The losses themselves and not what exceeds the threshold are fitted, as empyrical-reloaded does;
    with few losses the fit says little. Needs scipy.

    Parameters
    ----------
    returns : (T,) float64
    probability : float
        Of a loss beyond the value at risk, among the losses, between 0 and 1.

    Raises
    ------
    InputError
        scipy is not installed.
    ParameterError
        A probability that is not between 0 and 1.

    References
    ----------
    Gilli and Kellezi, An Application of Extreme Value Theory for Measuring Financial Risk,
    Computational Economics 2006, pages 8 and 12.

    Examples
    --------
    >>> pareto_tail(np.array([0.01, 0.02, 0.03])).value_at_risk
    0.0
    """
    _check_level(probability)
    there = known(returns)
    losses = -there[there < 0.0]
    threshold = _FIRST_THRESHOLD
    while len(returns) >= 3 and len(losses) and threshold > _LAST_THRESHOLD:
        beyond = losses[losses >= threshold]
        fitted = _fitted(beyond) if len(beyond) else None
        if fitted and fitted[1] > 0.0:
            scale, shape = fitted
            share = len(losses) / len(beyond) * probability
            worst = threshold + scale / shape * (share**-shape - 1.0)
            if worst > 0.0:
                mean = (
                    (worst + scale - shape * threshold) / (1.0 - shape) if shape < 1 else math.inf
                )
                return ParetoTail(threshold, scale, shape, worst, mean)
        threshold /= 2.0
    return ParetoTail(0.0, 0.0, 0.0, 0.0, 0.0)


def _fitted(losses: Floats) -> tuple[float, float] | None:
    """Scale and shape of the most likely distribution; None where the search did not end."""
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise InputError(
            "the tail is fitted with the package scipy, which is not installed",
            hint="install it with: pip install 'peak-trade[research]'",
        ) from error

    def unlikeliness(given: Floats) -> float:
        scale, shape = float(given[0]), float(given[1])
        if scale <= 0.0 or shape < 0.0:
            return float(np.finfo(np.float64).max)
        if shape == 0.0:
            return len(losses) * math.log(scale) + float(losses.sum()) / scale
        rising = float(np.log1p(shape / scale * losses).sum())
        return len(losses) * math.log(scale) + (1.0 / shape + 1.0) * rising

    found = minimize(unlikeliness, [1.0, 1.0], method="Nelder-Mead")
    return (float(found.x[0]), float(found.x[1])) if found.success else None


def _check_level(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise ParameterError(
            f"a probability of {level:g} is given, expected one between 0 and 1",
            hint="0.05 stands for the worst 5 % of the periods",
        )
