"""Where a session takes its rows of targets from: stored ones, or a strategy run anew each row."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.strategy import HasTargets
from peak_trade.portfolio.weights import target_array

Floats = npt.NDArray[np.float64]


class RowSource(Protocol):
    """Where a session takes a row of targets from."""

    def row(self, t: int) -> Floats:
        """(N,) targets decided at the close of row t; NaN: the last ones stand."""
        ...

    def standing(self, t: int) -> Floats:
        """(N,) targets that stand before row t, 0 where none was stated."""
        ...


class StoredRows:
    """Target rows of a strategy, computed in one call over stored bars."""

    def __init__(self, targets: npt.NDArray[np.float64] | npt.NDArray[np.bool_]) -> None:
        self._targets = np.ascontiguousarray(targets, dtype=np.float64)

    def row(self, t: int) -> Floats:
        """Row t of the targets."""
        row: Floats = self._targets[t]
        return row

    def standing(self, t: int) -> Floats:
        """The last targets stated before row t."""
        return _last_stated(self._targets[:t])


class LiveRows:
    """Target rows as a live session gets them: the strategy sees the history up to each row alone."""

    def __init__(self, strategy: HasTargets, bars: Bars) -> None:
        self._strategy, self._bars = strategy, bars

    def row(self, t: int) -> Floats:
        """The last row of the strategy's targets over rows 0 to t."""
        targets = target_array(self._strategy, self._bars[: t + 1])
        return np.asarray(targets[-1], dtype=np.float64)

    def standing(self, t: int) -> Floats:
        """The last targets that the strategy states over the rows before t."""
        if t == 0:
            return np.zeros(len(self._bars.instruments))
        return _last_stated(np.asarray(target_array(self._strategy, self._bars[:t]), np.float64))


def _last_stated(targets: Floats) -> Floats:
    states = ~np.isnan(targets)
    behind = np.argmax(states[::-1], axis=0) if len(targets) else np.zeros(targets.shape[1], int)
    last = targets[len(targets) - 1 - behind, np.arange(targets.shape[1])] if len(targets) else 0.0
    return np.where(states.any(axis=0), last, 0.0)
