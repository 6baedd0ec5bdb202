"""A strategy of one's own, for the command line and for Python.

Run it with: peak backtest examples/own_strategy.py:Breakout --data builtin:sp500 --set n=100
or with:     python examples/own_strategy.py
"""

import numpy as np
import numpy.typing as npt

import peak_trade as pt

Floats = npt.NDArray[np.float64]


class Breakout(pt.Strategy):
    """Long from a new n-day high on, flat from a new m-day low on; each instrument gets 1/N."""

    source = "Donchian's channels, as in Faith, Way of the Turtle, 2007"
    n: int = pt.param(default=100, low=2, high=500, doc="days of the high")
    m: int = pt.param(default=50, low=2, high=500, doc="days of the low")

    @property
    def warmup(self) -> int:
        return max(self.n, self.m) - 1

    def indicators(self, bars: pt.Bars) -> dict[str, Floats]:
        return {
            f"high of {self.n}": pt.ind.highest(bars, self.n),
            f"low of {self.m}": pt.ind.lowest(bars, self.m),
        }

    def targets(self, bars: pt.Bars) -> Floats:
        share = 1.0 / bars.close.shape[1]
        is_high = bars.close >= pt.ind.highest(bars, self.n)
        is_low = bars.close <= pt.ind.lowest(bars, self.m)
        return np.where(is_high, share, np.where(is_low, 0.0, np.nan))  # NaN: the last one stands


if __name__ == "__main__":
    bars = pt.load("builtin:sp500")
    print(pt.backtest(Breakout(), bars, costs=pt.Costs(commission=0.001)))
    print(pt.check_causality(Breakout(), bars, every=50))
