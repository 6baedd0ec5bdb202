"""Strategies that change what another strategy holds, from bars and its targets alone."""

import math
from typing import ClassVar

import numpy as np

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import StrategyError
from peak_trade.domain.strategy import HasTargets, Strategy, Targets, param, warmup_of
from peak_trade.kernels import rolling, size
from peak_trade.portfolio.weights import target_array
from peak_trade.stats import indicators as ind


class VolatilityTarget(Strategy):
    """Hold another strategy's positions at a size that keeps their volatility near a target.

    The row's standing targets are multiplied by ``annual`` over the volatility that these very
    weights would have had in the last ``window`` rows, correlations included; the gross exposure
    stays within ``max_leverage``. So a quiet market is held in full and a wild one in part. While
    the window is not full, or holds an unknown return of something held, it is flat.

    Every row states a target from the strategy's first one on, so a position is adjusted as the
    volatility moves: ``min_change`` or ``rebalance`` say how often that is traded.

    Raises
    ------
    StrategyError
        If ``strategy`` has no targets.

    Examples
    --------
    >>> class Hold:
    ...     def targets(self, bars):
    ...         return np.ones(bars.close.shape)
    >>> steady = VolatilityTarget(strategy=Hold(), annual=0.1, window=2)
    >>> bars = Bars.from_arrays([100.0, 100.0, 101.0, 99.0])
    >>> steady.targets(bars).round(3).ravel()
    array([0.   , 0.   , 0.74 , 0.248])
    """

    source: ClassVar[str] = (
        "Moreira and Muir, Volatility-Managed Portfolios, Journal of Finance 2017; Harvey et al., "
        "The Impact of Volatility Targeting, Journal of Portfolio Management 2018"
    )
    strategy: HasTargets
    annual: float = param(default=0.1, low=0.001, high=2, doc="volatility a year, a fraction")
    window: int = param(default=60, low=2, high=10_000, doc="rows in the volatility")
    max_leverage: float = param(default=1.0, low=0, high=1, doc="largest sum of absolute weights")

    def check(self) -> None:
        """Refuse what is no strategy."""
        child: object = self.strategy
        if not isinstance(child, HasTargets) or isinstance(child, type):
            raise StrategyError(
                f"{child!r} in VolatilityTarget is not a strategy",
                hint="give an object with a method targets(bars)",
            )

    @property
    def warmup(self) -> int:
        """The longer of the strategy's warm-up and the window, in rows."""
        return max(warmup_of(self.strategy), self.window)

    def targets(self, bars: Bars) -> Targets:
        """The strategy's standing targets at the target volatility: (T, N) fractions of equity."""
        found = target_array(self.strategy, bars).astype(np.float64, copy=False)
        found.flags.writeable = False
        held = np.zeros(bars.close.shape)
        stated = np.zeros(bars.close.shape, dtype=np.bool_)
        rolling.add_standing(found, held, stated)
        scales = np.empty(len(bars))
        target = self.annual / math.sqrt(bars.bars_per_year)
        size.volatility_scales(
            held, ind.returns(bars), self.window, target, self.max_leverage, scales
        )
        held *= np.where(np.isnan(scales), 0.0, scales)[:, None]
        held[~np.logical_or.accumulate(stated, axis=0)] = np.nan
        return held
