"""How a signal per instrument becomes fractions of one account's equity."""

import numpy as np
import numpy.typing as npt

from peak_trade.domain.strategy import Targets
from peak_trade.kernels import rolling

Bools = npt.NDArray[np.bool_]


def equal_share(signal: Targets) -> Targets:
    """Give each of N instruments 1/N of equity times its signal.

    Parameters
    ----------
    signal : (T, N) bool or float64
        Between -1 and 1 per instrument.

    Returns
    -------
    (T, N) bool or float64
        Fractions of equity; the signal itself where N is 1.

    Examples
    --------
    >>> equal_share(np.array([[True, False], [True, True]]))
    array([[0.5, 0. ],
           [0.5, 0.5]])
    """
    width = signal.shape[1]
    if width == 1:
        return signal
    weights: npt.NDArray[np.float64] = signal / width
    return weights


def held_between(enters: Bools, leaves: Bools) -> Bools:
    """Hold from a row that enters up to the next row that leaves.

    Parameters
    ----------
    enters, leaves : (T, N) bool
        Each column for itself; where both are True it is not held.

    Returns
    -------
    (T, N) bool
        True where held, from the entering row on, the leaving one left out.

    Examples
    --------
    >>> enters = np.array([[False], [True], [False], [False]])
    >>> leaves = np.array([[True], [False], [False], [True]])
    >>> held_between(enters, leaves).ravel()
    array([False,  True,  True, False])
    """
    marks = leaves.astype(np.float64) - (enters & ~leaves)
    held = np.empty(marks.shape)
    rolling.hysteresis(marks, -0.5, 0.5, 0.0, held)
    return held > 0
