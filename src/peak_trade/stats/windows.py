"""Sums, means and variances of the last n values; a value depends on its window alone, to the bit."""

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from peak_trade.kernels import rolling
from peak_trade.stats.columns import of_array

Floats = npt.NDArray[np.float64]

_CELLS = 4_194_304  # of windows laid out at a time: 32 MB


def window_mean(values: Floats, n: int) -> Floats:
    """Mean of the last n values, each window summed afresh, oldest first.

    Returns
    -------
    (T,) or (T, N) float64
        NaN in the first n - 1 rows and where the window holds a NaN.

    Examples
    --------
    >>> window_mean(np.array([1.0, 3.0, 5.0]), 2)
    array([nan,  2.,  4.])
    """
    return of_array("window_mean", values, n, lambda x, out: rolling.window_means(x, n, out))


def window_sum(values: Floats, n: int) -> Floats:
    """Sum of the last n values: n times their mean.

    Examples
    --------
    >>> window_sum(np.array([1.0, 3.0, 5.0]), 2)
    array([nan,  4.,  8.])
    """
    return window_mean(values, n) * n


def window_variance(values: Floats, n: int) -> Floats:
    """Variance of the last n values with n - 1, in two passes over each window.

    Examples
    --------
    >>> window_variance(np.array([1.0, 3.0, 3.0]), 2)
    array([nan,  2.,  0.])
    """
    spread = of_array(
        "window_variance", values, n, lambda x, out: rolling.window_deviations(x, n, 1, out)
    )
    return np.asarray(spread * spread)


def window_covariance(one: Floats, other: Floats, n: int) -> Floats:
    """Covariance of the last n pairs of values with n - 1, in two passes over each window.

    Parameters
    ----------
    one, other : (T,) float64
    n : int
        Pairs in the window, at least 2.

    Returns
    -------
    (T,) float64
        NaN in the first n - 1 rows and where the window holds a NaN.

    Examples
    --------
    >>> window_covariance(np.array([1.0, 3.0, 3.0]), np.array([1.0, 2.0, 0.0]), 2)
    array([nan,  1.,  0.])
    """
    out = np.full(len(one), np.nan)
    if len(one) < n:
        return out
    left, right = sliding_window_view(one, n), sliding_window_view(other, n)
    body, step = out[n - 1 :], max(1, _CELLS // n)
    for start in range(0, len(body), step):
        rows = slice(start, start + step)
        x, y = left[rows], right[rows]
        x = x - x.mean(axis=1, keepdims=True)
        y = y - y.mean(axis=1, keepdims=True)
        body[rows] = (x * y).sum(axis=1) / (n - 1)
    return out
