"""Moments and drawdowns of every window of a series, in one pass, whatever the window's length.

A window that begins in a block of n rows and ends in the next is the end of the one and the
beginning of the other. Both are built up a row at a time and then merged (van Herk 1992; moments
merge as in Chan, Golub and LeVeque 1983), so nothing is subtracted and no error adds up.
"""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.jit import allocating, kernel

Floats = npt.NDArray[np.float64]
Moments = tuple[float, float, float, float, float, float]
Stretch = tuple[float, float, float, float]

COUNT, MEAN_X, MEAN_Y, SQUARES_X, SQUARES_Y, PRODUCTS = range(6)
MOMENTS = 6
"""Rows of what ``window_moments`` gives: pairs that are there, the two means, the sums of squares
about them, and the sum of products about them."""


@kernel
def _merged(a: Moments, b: Moments) -> Moments:
    """Moments of two samples together."""
    count = a[0] + b[0]
    if count == 0.0:
        return a
    x, y, share = b[1] - a[1], b[2] - a[2], b[0] / count
    weight = a[0] * share
    return (
        count,
        a[1] + x * share,
        a[2] + y * share,
        a[3] + b[3] + x * x * weight,
        a[4] + b[4] + y * y * weight,
        a[5] + b[5] + x * y * weight,
    )


@kernel
def _pair(x: float, y: float) -> Moments:
    there = 1.0 if x == x and y == y else 0.0
    return (there, x, y, 0.0, 0.0, 0.0) if there else (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@allocating
def window_moments(x: Floats, y: Floats, n: int) -> Floats:
    """Give the moments of the last n pairs of two series.

    Parameters
    ----------
    x, y : (T,) float64
        A pair with a NaN is left out of its windows.
    n : int
        Rows in a window, at least 1.

    Returns
    -------
    (MOMENTS, T) float64
        NaN in the first n - 1 columns.
    """
    rows = len(x)
    out = np.full((MOMENTS, rows), np.nan)
    ends = np.empty((min(n, rows), MOMENTS))
    for start in range(0, rows - n + 1, n):
        now = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        for k in range(n - 1, -1, -1):
            now = _merged(now, _pair(x[start + k], y[start + k]))
            for j in range(MOMENTS):
                ends[k, j] = now[j]
        now = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        for k in range(min(n, rows - start - n + 1)):
            row = start + n - 1 + k
            if k > 0:
                now = _merged(now, _pair(x[row], y[row]))
            end = ends[k]
            found = _merged((end[0], end[1], end[2], end[3], end[4], end[5]), now)
            for j in range(MOMENTS):
                out[j, row] = found[j]
    return out


@kernel
def _joined(a: Stretch, b: Stretch) -> Stretch:
    """Growth, highest and lowest wealth (1 at the start) and deepest fall of one stretch after another."""
    return (
        a[0] * b[0],
        max(a[1], a[0] * b[1]),
        min(a[2], a[0] * b[2]),
        min(a[3], b[3], a[0] * b[2] / a[1] - 1.0),
    )


@kernel
def _step(r: float) -> Stretch:
    growth = max(1.0 + r, 0.0) if r == r else 1.0
    return (growth, max(growth, 1.0), min(growth, 1.0), min(growth - 1.0, 0.0))


@allocating
def window_drawdowns(returns: Floats, n: int) -> Floats:
    """Give the deepest drawdown within the last n periods, each window's start counting as a peak.

    Parameters
    ----------
    returns : (T,) float64
        Simple returns; NaN counts as 0, and below -1 as -1.
    n : int
        Rows in a window, at least 1.

    Returns
    -------
    (T,) float64
        0 or negative; NaN in the first n - 1 rows.
    """
    rows = len(returns)
    out = np.full(rows, np.nan)
    ends = np.empty((min(n, rows), 4))
    for start in range(0, rows - n + 1, n):
        now = (1.0, 1.0, 1.0, 0.0)
        for k in range(n - 1, -1, -1):
            now = _joined(_step(returns[start + k]), now)
            for j in range(4):
                ends[k, j] = now[j]
        now = (1.0, 1.0, 1.0, 0.0)
        for k in range(min(n, rows - start - n + 1)):
            row = start + n - 1 + k
            if k > 0:
                now = _joined(now, _step(returns[row]))
            end = ends[k]
            out[row] = _joined((end[0], end[1], end[2], end[3]), now)[3]
    return out
