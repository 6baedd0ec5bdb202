"""Momentum across instruments: hold the strongest."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.strategy import Strategy, Targets, param

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class CrossSectionalMomentum(Strategy):
    """Every so often an equal share of equity in each of the instruments with the highest return.

    Every ``every`` rows, counted from the first, ``top`` instruments with the highest return over
    ``lookback`` rows get 1/``top`` of equity each; of equals the column further left comes first.
    Only instruments with a real bar in that row and a return are ranked; where they are fewer than
    ``top`` the rest is cash. In the other rows, and before the first return, targets are NaN: the
    last ones stand.

    Examples
    --------
    >>> bars = Bars.from_arrays([[10.0, 10.0], [11.0, 10.0], [11.0, 12.0]])
    >>> CrossSectionalMomentum(lookback=1, top=1, every=1).targets(bars)
    array([[nan, nan],
           [ 1.,  0.],
           [ 0.,  1.]])
    """

    source: ClassVar[str] = (
        "Jegadeesh and Titman, Returns to Buying Winners and Selling Losers, Journal of Finance 1993"
    )
    lookback: int = param(default=126, low=1, high=10_000, doc="rows of the return that is ranked")
    top: int = param(default=5, low=1, high=10_000, doc="instruments held")
    every: int = param(default=21, low=1, high=10_000, doc="rows between rankings")

    @property
    def warmup(self) -> int:
        """Rows before the first return."""
        return self.lookback

    def targets(self, bars: Bars) -> Targets:
        """1/top where held and 0 elsewhere in the ranking rows, NaN in the others: (T, N)."""
        first = -(-self.lookback // self.every) * self.every
        ranked = slice(first, len(bars), self.every)
        past = slice(first - self.lookback, max(len(bars) - self.lookback, 0), self.every)
        weights = np.full(bars.close.shape, np.nan)
        if first < len(bars):
            with np.errstate(divide="ignore", invalid="ignore"):
                change = bars.close[ranked] / bars.close[past] - 1.0
            eligible = bars.tradable[ranked] & np.isfinite(change)
            weights[ranked] = _highest(change, eligible, self.top) / self.top
        return weights


def _highest(values: Floats, eligible: Bools, top: int) -> Bools:
    # The value of rank `top` splits a row; of those equal to it the leftmost fill what is left.
    width = values.shape[1]
    if top >= width:
        return eligible
    ordered = np.where(eligible, values, -np.inf)
    bar = np.partition(ordered, width - top, axis=1)[:, width - top, None]
    above, level = ordered > bar, (ordered == bar) & eligible
    room = top - above.sum(axis=1, keepdims=True)
    picked: Bools = above | (level & (np.cumsum(level, axis=1) <= room))
    return picked
