"""How a figure moves over the grid of a sweep: its surface, its margins, the best's neighbours."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.observe.text import value_of
from peak_trade.stats.deflation import expected_max_sharpe

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LINES = 40
"""Values of one parameter that a map shows at most; more are put in groups."""

MOST_NEIGHBOURS = 4_000_000
"""Grids of more cells times neighbours are not looked at everywhere."""


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


def places(grid: Mapping[str, tuple[object, ...]], index: Ints) -> Places:
    """Name the values of a grid beside the places of its combinations."""
    labels = tuple(tuple(value_of(value) for value in values) for values in grid.values())
    return Places(tuple(grid), labels, index)


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
    cells = medians(place, values[known], len(across_names) * len(down_names))
    return cells.reshape(len(down_names), len(across_names)), across_names, down_names


def medians(place: Ints, values: Floats, size: int) -> Floats:
    """Give the median of the values at each of ``size`` places; NaN where there is none.

    Examples
    --------
    >>> medians(np.array([0, 2, 0]), np.array([1.0, 5.0, 2.0]), 3)
    array([1.5, nan, 5. ])
    """
    order = np.lexsort((values, place))
    count = np.bincount(place, minlength=size)
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    found = np.full(size, np.nan)
    some = count > 0
    low, high = (start + (count - 1) // 2)[some], (start + count // 2)[some]
    found[some] = (values[order[low]] + values[order[high]]) / 2.0
    return found


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


def neighbours(found: Places, values: Floats, steps: int = 1) -> Neighbours | None:
    """Compare the first combination with those at most ``steps`` grid steps away in every parameter.

    None where the first has no finite value or no neighbour ran.
    """
    if not len(values) or not np.isfinite(values[0]):
        return None
    near = (np.abs(found.index - found.index[0]) <= steps).all(axis=1)
    near[0] = False
    around = values[near & np.isfinite(values)]
    if not len(around):
        return None
    return Neighbours(
        float(values[0]), len(around), float(np.median(around)), float(around.min()),
        float(around.max()),
    )  # fmt: skip


def profile(found: Places, values: Floats, column: int) -> tuple[Ints, Floats]:
    """Give a figure where one parameter alone moves away from the first combination.

    Returns
    -------
    steps : (K,) int64
        Grid steps from the first combination, ascending; 0 is the combination itself.
    figures : (K,) float64
        The figure there.
    """
    others = [k for k in range(len(found.names)) if k != column]
    same = (found.index[:, others] == found.index[0, others]).all(axis=1) & np.isfinite(values)
    steps = found.index[same, column] - found.index[0, column]
    order = np.argsort(steps, kind="stable")
    return steps[order], values[same][order]


def steadiest(found: Places, values: Floats, *, rising: bool) -> tuple[int, Neighbours] | None:
    """Find the combination whose neighbourhood does best in the median, itself included.

    Parameters
    ----------
    found : Places
        Where the combinations stand.
    values : (K,) float64
        A figure of each.
    rising : bool
        Whether more of it is better.

    Returns
    -------
    (int, Neighbours) or None
        Its row, and what its neighbourhood holds; None where the grid is too large to look at
        everywhere, or fewer than nine combinations ran.
    """
    shape = [len(labels) for labels in found.labels]
    if len(values) < 9 or not shape or math.prod(shape) * 3 ** len(shape) > MOST_NEIGHBOURS:
        return None
    grid = np.full([size + 2 for size in shape], np.nan)
    inside = tuple((found.index + 1).T)
    grid[inside] = values
    around = np.stack(
        [
            grid[tuple(place + step for place, step in zip(inside, offset, strict=True))]
            for offset in itertools.product((-1, 0, 1), repeat=len(shape))
        ]
    )
    enough = np.isfinite(around).sum(axis=0) >= min(2 ** len(shape) + 1, 4)
    enough &= np.isfinite(values)
    if not enough.any():
        return None
    middle = np.full(len(values), -np.inf)
    middle[enough] = np.nanmedian(around[:, enough], axis=0) * (1.0 if rising else -1.0)
    row = int(np.argmax(middle))
    there = around[:, row][np.isfinite(around[:, row])]
    return row, Neighbours(
        float(values[row]), len(there), float(np.median(there)), float(there.min()),
        float(there.max()),
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
    if len(finite) < 2:
        return math.nan
    return expected_max_sharpe(float(finite.std(ddof=1)), trials)
