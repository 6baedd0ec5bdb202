"""Mean reversion: buy what has fallen, sell what has risen."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.domain.strategy import Strategy, Targets, param
from peak_trade.kernels import rolling
from peak_trade.stats import indicators as ind
from peak_trade.strategies.share import equal_share, held_between

Floats = npt.NDArray[np.float64]


class RsiReversion(Strategy):
    """Long from a relative strength index below ``low`` until it is above ``high``.

    With ``allow_short`` the position above ``high`` is short instead of flat, until the index is
    below ``low`` again. In between the position is kept, so it depends on the whole history. Each of
    N instruments gets 1/N of equity.

    Raises
    ------
    ParameterError
        If ``low`` is not below ``high``.

    Examples
    --------
    >>> bars = Bars.from_arrays([10.0, 9.0, 8.0, 9.0, 12.0, 11.5])
    >>> RsiReversion(n=2, low=30, high=70).targets(bars).ravel()
    array([False, False,  True,  True, False, False])
    """

    source: ClassVar[str] = "Wilder, New Concepts in Technical Trading Systems, 1978"
    n: int = param(default=14, low=1, high=1_000, doc="rows in the index")
    low: float = param(default=30.0, low=0, high=100, doc="long below this index")
    high: float = param(default=70.0, low=0, high=100, doc="flat (or short) above this index")
    allow_short: bool = param(default=False, doc="go short above high instead of flat")

    def check(self) -> None:
        """Refuse thresholds that are not in order."""
        if self.low >= self.high:
            raise ParameterError(
                f"low {self.low} is not below high {self.high}",
                hint="the index must rise between entry and exit",
                low=self.low,
                high=self.high,
            )

    @property
    def warmup(self) -> int:
        """Ten times n rows, after which the index's seed weighs less than 1e-4."""
        return 10 * self.n

    def indicators(self, bars: Bars) -> dict[str, Floats]:
        """The index, (T, N) from 0 to 100."""
        return {f"RSI {self.n}": ind.rsi(bars, self.n)}

    def targets(self, bars: Bars) -> Targets:
        """1/N where long, -1/N where short, else 0: (T, N)."""
        index = ind.rsi(bars, self.n)
        above = -1.0 if self.allow_short else 0.0
        held = np.empty(index.shape)
        rolling.hysteresis(index, float(self.low), float(self.high), above, held)
        return equal_share(held if self.allow_short else held > 0)


class BollingerReversion(Strategy):
    """Long from a close below the lower Bollinger band until one at or above the middle.

    With ``allow_short`` it is also short from a close above the upper band until one at or below the
    middle. In between the position is kept. Each of N instruments gets 1/N of equity.

    Examples
    --------
    >>> bars = Bars.from_arrays([10.0, 10.0, 10.0, 8.0, 8.5, 10.0])
    >>> BollingerReversion(n=4, width=1.5).targets(bars).ravel()
    array([False, False, False,  True,  True, False])
    """

    source: ClassVar[str] = "Bollinger, Bollinger on Bollinger Bands, 2001"
    n: int = param(default=20, low=2, high=10_000, doc="rows in the average and the deviation")
    width: float = param(default=2.0, low=0.1, high=10, doc="deviations from middle to band")
    allow_short: bool = param(default=False, doc="go short above the upper band too")

    @property
    def warmup(self) -> int:
        """Rows before the bands have their first value."""
        return self.n - 1

    def indicators(self, bars: Bars) -> dict[str, Floats]:
        """The bands and their middle, (T, N) in units of price."""
        lower, middle, upper = ind.bollinger(bars, self.n, self.width)
        return {"lower band": lower, f"SMA {self.n}": middle, "upper band": upper}

    def targets(self, bars: Bars) -> Targets:
        """1/N where long, -1/N where short, else 0: (T, N)."""
        lower, middle, upper = ind.bollinger(bars, self.n, self.width)
        long = held_between(bars.close < lower, bars.close >= middle)
        if not self.allow_short:
            return equal_share(long)
        short = held_between(bars.close > upper, bars.close <= middle)
        return equal_share(long.astype(np.float64) - short)
