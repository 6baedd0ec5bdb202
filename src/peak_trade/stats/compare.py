"""Several runs beside one another: their measures, how alike they are, what one did beyond another."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import InputError, did_you_mean
from peak_trade.stats import benchmark
from peak_trade.stats.arithmetic import steps_of
from peak_trade.stats.measures import measures
from peak_trade.stats.performance import total_return

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The account of one run.

    Attributes
    ----------
    time : (T,) int64
        Close stamps, UTC nanoseconds, ascending.
    equity : (T,) float64
        Account values at those closes.
    bars_per_year : float
        Rows in a usual year.
    """

    time: Ints
    equity: Floats
    bars_per_year: float


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """K runs side by side.

    Attributes
    ----------
    names : tuple of str
    base : str
        The run that the others are measured against.
    rows : int
        Rows that all of them have; everything here is over these.
    statistics : dict of str to (K,) float64
        Measures (see ``stats.measures``) by name, in the order of the runs.
    correlation : (K, K) float64
        Of their returns; NaN where one does not move.
    active_return, tracking_error, information_ratio, alpha, beta : (K,) float64
        Against the base: total return less the base's, and the annual figures of
        ``stats.benchmark``.
    """

    names: tuple[str, ...]
    base: str
    rows: int
    statistics: dict[str, Floats]
    correlation: Floats
    active_return: Floats
    tracking_error: Floats
    information_ratio: Floats
    alpha: Floats
    beta: Floats


def compare(curves: Mapping[str, Curve], *, base: str | None = None) -> Comparison:
    """Compare runs over the rows (close stamps) that all of them have.

    Returns are from one common row to the next; they are annualised by the scarcest rows' number in a
    year.

    Parameters
    ----------
    curves : mapping of str to Curve
        At least one.
    base : str, optional
        What the others are measured against; the first where left out.

    Raises
    ------
    InputError
        No run, an unknown base, or fewer than two common rows.

    Examples
    --------
    >>> day = np.arange(3) * 86_400_000_000_000
    >>> found = compare(
    ...     {
    ...         "calm": Curve(day, np.array([100.0, 101.0, 102.0]), 252),
    ...         "wild": Curve(day, np.array([100.0, 120.0, 90.0]), 252),
    ...     }
    ... )
    >>> found.active_return.round(6), found.statistics["max_drawdown"].round(6)
    (array([ 0.  , -0.12]), array([ 0.  , -0.25]))
    """
    if not curves:
        raise InputError("no run is given to compare", hint="give at least one")
    against = base if base is not None else next(iter(curves))
    if against not in curves:
        raise InputError(f"{against!r} is no run", hint=did_you_mean(against, curves))
    times, equities = _aligned(curves)
    year = min(curve.bars_per_year for curve in curves.values())
    returns = [steps_of(equity) for equity in equities]
    chosen = returns[list(curves).index(against)]
    each = [measures(times, equity, year) for equity in equities]
    lines = [benchmark.alpha_beta(own, chosen, year) for own in returns]
    return Comparison(
        names=tuple(curves),
        base=against,
        rows=len(times),
        statistics={name: np.array([found[name] for found in each]) for name in each[0]},
        correlation=_correlations(returns),
        active_return=np.array([total_return(own) - total_return(chosen) for own in returns]),
        tracking_error=np.array([benchmark.tracking_error(own, chosen, year) for own in returns]),
        information_ratio=np.array(
            [benchmark.information_ratio(own, chosen, year) for own in returns]
        ),
        alpha=np.array([line[0] for line in lines]),
        beta=np.array([line[1] for line in lines]),
    )


def _aligned(curves: Mapping[str, Curve]) -> tuple[Ints, list[Floats]]:
    given = list(curves.values())
    times = given[0].time
    for curve in given[1:]:
        if not np.array_equal(times, curve.time):
            times = np.intersect1d(times, curve.time, assume_unique=True)
    if len(times) < 2:
        raise InputError(
            f"{', '.join(curves)} have {len(times)} rows in common, at least 2 are needed",
            hint="compare runs over the same period and interval",
        )
    return times, [curve.equity[np.searchsorted(curve.time, times)] for curve in given]


def _correlations(returns: list[Floats]) -> Floats:
    found = np.ones((len(returns), len(returns)))
    for i in range(len(returns)):
        for j in range(i + 1):
            found[i, j] = found[j, i] = benchmark.correlation(returns[i], returns[j])
    return found
