"""Strategies made of strategies."""

from typing import ClassVar

import numpy as np

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError, StrategyError
from peak_trade.domain.strategy import HasTargets, Strategy, Targets, param, warmup_of
from peak_trade.kernels import rolling
from peak_trade.portfolio.weights import target_array


class Mean(Strategy):
    """The average of what several strategies hold: each trades an equal part of equity.

    A child's NaN means that its own last target stands, and before its first target that it is
    flat. Where no child states a target, the mean states none either (NaN).

    Raises
    ------
    ParameterError
        If there is no strategy.
    StrategyError
        If one of them has no targets.

    Examples
    --------
    >>> class Hold(Strategy):
    ...     '''Hold a fixed weight.'''
    ...
    ...     weight: float = param(default=1.0)
    ...
    ...     def targets(self, bars):
    ...         return np.full(bars.close.shape, self.weight)
    >>> mean = Mean(strategies=(Hold(weight=1.0), Hold(weight=0.5)))
    >>> mean.targets(Bars.from_arrays([10.0, 11.0])).ravel()
    array([0.75, 0.75])
    """

    source: ClassVar[str] = (
        "Bates and Granger, The Combination of Forecasts, Operational Research Quarterly 1969"
    )
    strategies: tuple[HasTargets, ...] = param(default=(), doc="the strategies that are averaged")

    def check(self) -> None:
        """Refuse an empty mean, and members that are no strategies."""
        children: object = self.strategies
        if not isinstance(children, tuple) or not children:
            raise ParameterError(
                f"Mean found {children!r}, expected a tuple of at least one strategy",
                hint="write Mean(strategies=(first, second))",
            )
        for child in children:
            if not isinstance(child, HasTargets) or isinstance(child, type):
                raise StrategyError(
                    f"{child!r} in Mean is not a strategy",
                    hint="give objects with a method targets(bars)",
                )

    @property
    def warmup(self) -> int:
        """The longest warm-up of the strategies, in rows."""
        return max(warmup_of(child) for child in self.strategies)

    def targets(self, bars: Bars) -> Targets:
        """The mean of the strategies' standing targets, (T, N) fractions of equity."""
        total = np.zeros(bars.close.shape)
        stated = np.zeros(bars.close.shape, dtype=np.bool_)
        for child in self.strategies:
            found = target_array(child, bars).astype(np.float64, copy=False)
            found.flags.writeable = False
            rolling.add_standing(found, total, stated)
        total /= len(self.strategies)
        total[~stated] = np.nan
        return total
