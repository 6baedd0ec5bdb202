"""Momentum: hold the strongest of several instruments, or each by the sign of its own return."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.strategy import Strategy, Targets, param
from peak_trade.stats import indicators as ind

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
        first = _first_multiple(self.lookback, self.every)
        ranked = slice(first, len(bars), self.every)
        past = slice(first - self.lookback, max(len(bars) - self.lookback, 0), self.every)
        weights = np.full(bars.close.shape, np.nan)
        if first < len(bars):
            with np.errstate(divide="ignore", invalid="ignore"):
                change = bars.close[ranked] / bars.close[past] - 1.0
            eligible = bars.tradable[ranked] & np.isfinite(change)
            weights[ranked] = _highest(change, eligible, self.top) / self.top
        return weights


class TimeSeriesMomentum(Strategy):
    """Long in what has risen over ``lookback`` rows and short in what has fallen, each for itself.

    Every ``every`` rows, counted from the first, each of N instruments gets 1/N of equity times the
    sign of its return. With a ``target`` above 0 the share is also multiplied by ``target`` over the
    instrument's annual volatility of the last ``window`` returns, but never by more than 1. (The
    source weighs older returns less, and has no bound.) In the other rows targets are NaN: the last
    ones stand. An instrument without a return or a volatility is not held.

    Examples
    --------
    >>> bars = Bars.from_arrays([[10.0, 10.0], [11.0, 9.0], [9.0, 12.0]])
    >>> TimeSeriesMomentum(lookback=1, every=1).targets(bars)
    array([[ nan,  nan],
           [ 0.5, -0.5],
           [-0.5,  0.5]])
    """

    source: ClassVar[str] = (
        "Moskowitz, Ooi and Pedersen, Time Series Momentum, Journal of Financial Economics 2012"
    )
    lookback: int = param(default=252, low=1, high=10_000, doc="rows of the return")
    every: int = param(default=21, low=1, high=10_000, doc="rows between decisions")
    target: float = param(default=0.0, low=0, high=2, doc="annual volatility; 0 for no scaling")
    window: int = param(default=60, low=2, high=10_000, doc="returns in the volatility")
    allow_short: bool = param(default=True, doc="go short what has fallen instead of flat")

    @property
    def warmup(self) -> int:
        """Rows before the first return, and before the first volatility where one is used."""
        return max(self.lookback, self.window) if self.target > 0 else self.lookback

    def targets(self, bars: Bars) -> Targets:
        """Signed shares in the deciding rows, NaN in the others: (T, N)."""
        decided = slice(_first_multiple(self.warmup, self.every), None, self.every)
        sign = np.sign(ind.momentum(bars, self.lookback)[decided])
        share = sign if self.allow_short else np.maximum(sign, 0.0)
        if self.target > 0:
            with np.errstate(divide="ignore"):
                ratio = self.target / ind.volatility(bars, self.window)[decided]
            share = share * np.minimum(ratio, 1.0)
        weights = np.full(bars.close.shape, np.nan)
        weights[decided] = np.where(np.isnan(share), 0.0, share / bars.close.shape[1])
        return weights


def _first_multiple(least: int, step: int) -> int:
    return -(-least // step) * step


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
