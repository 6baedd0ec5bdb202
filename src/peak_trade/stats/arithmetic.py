"""What the measures of returns share: which periods count, and ratios whose divisor may be zero."""

import math

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import InputError

Floats = npt.NDArray[np.float64]
Rate = float | Floats
"""A rate a period, or one for each of them (T,)."""


def known(returns: Floats) -> Floats:
    """The returns that are not NaN."""
    missing = np.isnan(returns)
    return np.asarray(returns[~missing] if missing.any() else returns, dtype=np.float64)


def excess(returns: Floats, rate: Rate) -> Floats:
    """Returns above a rate, those that are not NaN."""
    return known(np.asarray(returns - rate, dtype=np.float64))


def paired(returns: Floats, benchmark: Floats) -> tuple[Floats, Floats]:
    """Returns and benchmark of the periods in which both are there.

    Raises
    ------
    InputError
        Two lengths.
    """
    if returns.shape != benchmark.shape:
        raise InputError(
            f"{returns.shape} returns are measured against {benchmark.shape} of a benchmark",
            hint="give both over the same periods, NaN where one is missing",
        )
    missing = np.isnan(returns) | np.isnan(benchmark)
    if not missing.any():
        return returns, benchmark
    return returns[~missing], benchmark[~missing]


def wealth(returns: Floats) -> Floats:
    """(T,) What 1 has become after each period; NaN counts as 0."""
    steps = 1.0 + np.where(np.isnan(returns), 0.0, returns)
    return np.cumprod(steps, dtype=np.float64)


def steps_of(equity: Floats) -> Floats:
    """(T - 1,) Simple returns of an account from row to row; 0 from a value of 0 or below on."""
    returns = np.zeros(max(len(equity) - 1, 0))
    above = equity[:-1] > 0.0
    np.divide(equity[1:], equity[:-1], out=returns, where=above)
    np.subtract(returns, 1.0, out=returns, where=above)
    return returns


def annual_growth(growth: float, periods: float, bars_per_year: float) -> float:
    """``growth ** (bars_per_year / periods) - 1``; -1 after a total loss, NaN without a period."""
    if not periods >= 1 or math.isnan(growth):
        return math.nan
    if growth <= 0.0:
        return -1.0
    exponent = bars_per_year / periods * math.log(growth)
    return math.inf if exponent > 700 else math.expm1(exponent)


def deviation(values: Floats) -> float:
    """Sample standard deviation; exactly 0 where all are equal, which the rounded mean would hide."""
    if len(values) < 2:
        return math.nan
    return 0.0 if values.min() == values.max() else float(values.std(ddof=1))


def ratio(above: float, below: float) -> float:
    """``above / below``; infinite where only ``below`` is 0, NaN where both are."""
    if below == 0.0:
        return math.nan if above == 0.0 or math.isnan(above) else math.copysign(math.inf, above)
    return above / below
