"""How a figure moves over the grid of a sweep: its surface, its margins, the best's neighbours."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from peak_trade.observe.text import value_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = Sequence[tuple[Mapping[str, object], Mapping[str, float]]]

LINES = 60
"""Values of one parameter that a heatmap shows at most; more are put in groups."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where the combinations of a sweep stand on its grid.

    Attributes
    ----------
    names : tuple of str
        The P parameters.
    labels : tuple of tuple of str
        Their values, in the grid's order.
    index : (K, P) int64
        Place of each combination's value of each parameter; -1 where the grid does not have it.
    """

    names: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    index: Ints


@dataclass(frozen=True, slots=True)
class Margin:
    """A figure over all combinations that share one value of one parameter."""

    parameter: str
    value: str
    count: int
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A figure of the best combination and of those one grid step around it."""

    best: float
    count: int
    median: float
    low: float
    high: float


def places(grid: Mapping[str, tuple[object, ...]], rows: Rows) -> Places:
    """Find each combination's place on the grid."""
    labels = tuple(tuple(value_of(value) for value in values) for values in grid.values())
    index = np.full((len(rows), len(grid)), -1, dtype=np.int64)
    for column, (name, known) in enumerate(zip(grid, labels, strict=True)):
        where = {label: k for k, label in enumerate(known)}
        for row, (params, _) in enumerate(rows):
            index[row, column] = where.get(value_of(params.get(name)), -1)
    return Places(tuple(grid), labels, index)


def figure_of(rows: Rows, name: str) -> Floats:
    """(K,) One figure of every combination; NaN where it is not there or not finite."""
    values = np.array([float(stats.get(name, math.nan)) for _, stats in rows], dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def axes(found: Places) -> list[int]:
    """Choose the (at most two) parameters with the most values; one value is no axis."""
    counts = [len(values) for values in found.labels]
    order = sorted(range(len(counts)), key=lambda k: (-counts[k], k))
    return [k for k in order[:2] if counts[k] > 1]


def groups(labels: tuple[str, ...]) -> tuple[list[str], Ints]:
    """Put more than ``LINES`` values in as many groups of neighbours; give names and places.

    Examples
    --------
    >>> groups(("5", "10"))
    (['5', '10'], array([0, 1]))
    """
    parts = np.array_split(np.arange(len(labels)), min(len(labels), LINES))
    names = [
        labels[part[0]] if len(part) == 1 else f"{labels[part[0]]} to {labels[part[-1]]}"
        for part in parts
    ]
    return names, np.repeat(np.arange(len(parts), dtype=np.int64), [len(part) for part in parts])


def surface(
    found: Places, values: Floats, across: int, down: int
) -> tuple[Floats, list[str], list[str]]:
    """Give the median of a figure over two parameters.

    Returns
    -------
    cells : (D, A) float64
        Medians over everything else; NaN where nothing ran.
    across_names, down_names : list of str
        What the columns and the rows stand for.
    """
    across_names, across_of = groups(found.labels[across])
    down_names, down_of = groups(found.labels[down])
    known = (found.index[:, [across, down]] >= 0).all(axis=1) & np.isfinite(values)
    place = (
        down_of[found.index[known, down]] * len(across_names)
        + across_of[found.index[known, across]]
    )
    cells = np.full(len(across_names) * len(down_names), np.nan)
    for cell, median in _medians(place, values[known]):
        cells[cell] = median
    return cells.reshape(len(down_names), len(across_names)), across_names, down_names


def _medians(place: Ints, values: Floats) -> list[tuple[int, float]]:
    order = np.argsort(place, kind="stable")
    cells, starts = np.unique(place[order], return_index=True)
    parts = np.split(values[order], starts[1:])
    return [(int(c), float(np.median(part))) for c, part in zip(cells, parts, strict=False)]


def margins(found: Places, values: Floats) -> list[Margin]:
    """Give a figure's median and range for each value of each parameter that has several."""
    result = []
    for column, name in enumerate(found.names):
        if len(found.labels[column]) < 2:
            continue
        for k, label in enumerate(found.labels[column]):
            mine = values[(found.index[:, column] == k) & np.isfinite(values)]
            if len(mine):
                result.append(
                    Margin(name, label, len(mine), float(np.median(mine)), float(mine.min()),
                           float(mine.max()))
                )  # fmt: skip
    return result


def neighbours(found: Places, values: Floats) -> Neighbours | None:
    """Compare the first combination with those at most one grid step away in every parameter.

    None where the first has no finite value or no neighbour ran.
    """
    if not len(values) or not np.isfinite(values[0]):
        return None
    near = (np.abs(found.index - found.index[0]) <= 1).all(axis=1)
    near[0] = False
    around = values[near & np.isfinite(values)]
    if not len(around):
        return None
    return Neighbours(
        float(values[0]), len(around), float(np.median(around)), float(around.min()),
        float(around.max()),
    )  # fmt: skip


def luck(sharpes: Floats, trials: int) -> float:
    """How large the best Sharpe ratio of ``trials`` gets by luck alone, none having any merit.

    Parameters
    ----------
    sharpes : (K,) float64
        Sharpe ratios of the trials; their spread stands for the chance between trials.
    trials : int
        How many were tried, taken as independent of one another.

    Returns
    -------
    float
        ``sd * ((1 - g) * z(1 - 1/n) + g * z(1 - 1/(n e)))`` with Euler's constant g and the normal
        quantile z; NaN for fewer than two trials.

    References
    ----------
    Bailey, D. and Lopez de Prado, M. (2014), The deflated Sharpe ratio, Journal of Portfolio
    Management 40(5), equation 1.

    Examples
    --------
    >>> round(luck(np.array([-1.0, 1.0]) / np.sqrt(2), 1000), 2)
    3.26
    """
    finite = sharpes[np.isfinite(sharpes)]
    if trials < 2 or len(finite) < 2:
        return math.nan
    euler, quantile = 0.5772156649015329, NormalDist().inv_cdf
    most = (1 - euler) * quantile(1 - 1 / trials) + euler * quantile(1 - 1 / (trials * math.e))
    return float(finite.std(ddof=1)) * most
