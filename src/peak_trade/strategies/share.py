"""How a signal per instrument becomes fractions of one account's equity."""

import numpy as np
import numpy.typing as npt

from peak_trade.domain.strategy import Targets


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
