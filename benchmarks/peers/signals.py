"""Entries and exits of a moving average cross, for peers that take signals. NumPy only."""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def cross(fast: Floats, slow: Floats, warmup: int) -> tuple[Bools, Bools]:
    """Entries where ``fast`` comes to stand above ``slow``, exits where it no longer does.

    Along the first axis; nothing in the first ``warmup`` rows. What stands above at the first row
    that counts is an entry, as for a target of 1 while fast > slow.
    """
    above = fast > slow
    above[:warmup] = False
    before = np.zeros_like(above)
    before[1:] = above[:-1]
    return above & ~before, before & ~above


def figures(
    log_return: float, trades: float, sharpe: float, max_drawdown: float
) -> dict[str, float]:
    """The figures by which results are compared."""
    return {
        "log_return": float(log_return),
        "trades": float(trades),
        "sharpe": float(sharpe),
        "max_drawdown": float(max_drawdown),
    }


def momentum_weights(
    close: Floats, lookback: int, every: int, top: int
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Rows to trade at and their weights, decided from the closes of the row before."""
    rows = np.arange(lookback + 1, len(close), every)
    weights = np.zeros((len(rows), close.shape[1]))
    for weight, row in zip(weights, rows, strict=True):
        momentum = close[row - 1] / close[row - 1 - lookback] - 1
        weight[np.argpartition(-momentum, top - 1)[:top]] = 1.0 / top
    return rows, weights
