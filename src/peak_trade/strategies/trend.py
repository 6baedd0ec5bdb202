"""Trend following: hold what has been rising."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.domain.strategy import Strategy, Targets, param
from peak_trade.stats import indicators as ind
from peak_trade.strategies.share import equal_share

Floats = npt.NDArray[np.float64]


class MaCross(Strategy):
    """Long while the fast simple moving average of the close is above the slow one, else flat.

    Each of N instruments gets 1/N of equity.

    Raises
    ------
    ParameterError
        If ``fast`` is not below ``slow``.

    Examples
    --------
    >>> bars = Bars.from_arrays([10.0, 11.0, 12.0, 9.0, 8.0])
    >>> MaCross(fast=1, slow=2).targets(bars).ravel()
    array([False,  True,  True, False, False])
    """

    source: ClassVar[str] = (
        "Brock, Lakonishok and LeBaron, Simple Technical Trading Rules and the Stochastic "
        "Properties of Stock Returns, Journal of Finance 1992"
    )
    fast: int = param(default=20, low=1, high=10_000, doc="rows in the fast average")
    slow: int = param(default=50, low=2, high=10_000, doc="rows in the slow average")

    def check(self) -> None:
        """Refuse a fast average that is not faster than the slow one."""
        _check_order(self.fast, self.slow)

    @property
    def warmup(self) -> int:
        """Rows before the slow average has its first value."""
        return self.slow - 1

    def indicators(self, bars: Bars) -> dict[str, Floats]:
        """The two averages, (T, N) in units of price."""
        return {f"SMA {n}": ind.sma(bars, n) for n in (self.fast, self.slow)}

    def targets(self, bars: Bars) -> Targets:
        """1/N where the fast average is above the slow one, else 0: (T, N)."""
        return equal_share(ind.sma(bars, self.fast) > ind.sma(bars, self.slow))

    @property
    def crossing(self) -> tuple[int, int]:
        """The two windows, by which a sweep compares exact sums instead of calling ``targets``."""
        return self.fast, self.slow


class EmaCross(Strategy):
    """Long while the fast exponential moving average of the close is above the slow one, else flat.

    Each of N instruments gets 1/N of equity.

    Raises
    ------
    ParameterError
        If ``fast`` is not below ``slow``.

    Examples
    --------
    >>> bars = Bars.from_arrays([10.0, 11.0, 12.0, 9.0, 8.0])
    >>> EmaCross(fast=1, slow=2).targets(bars).ravel()
    array([False,  True,  True, False, False])
    """

    source: ClassVar[str] = (
        "Appel, Technical Analysis: Power Tools for Active Investors, 2005 (the sign of MACD)"
    )
    fast: int = param(default=12, low=1, high=10_000, doc="span of the fast average in rows")
    slow: int = param(default=26, low=2, high=10_000, doc="span of the slow average in rows")

    def check(self) -> None:
        """Refuse a fast average that is not faster than the slow one."""
        _check_order(self.fast, self.slow)

    @property
    def warmup(self) -> int:
        """Five spans of the slow average, after which its seed weighs less than 1e-4."""
        return 5 * self.slow

    def indicators(self, bars: Bars) -> dict[str, Floats]:
        """The two averages, (T, N) in units of price."""
        return {f"EMA {n}": ind.ema(bars, n) for n in (self.fast, self.slow)}

    def targets(self, bars: Bars) -> Targets:
        """1/N where the fast average is above the slow one, else 0: (T, N)."""
        return equal_share(ind.ema(bars, self.fast) > ind.ema(bars, self.slow))


class Macd(Strategy):
    """Long while the MACD line is above its signal line, else flat.

    The line is the fast exponential average of the close less the slow one, the signal line the
    exponential average of that. With ``allow_short`` it is short while the line is below. Each of N
    instruments gets 1/N of equity.

    Raises
    ------
    ParameterError
        If ``fast`` is not below ``slow``.

    Examples
    --------
    >>> bars = Bars.from_arrays([10.0, 11.0, 12.0, 14.0, 13.0, 11.0])
    >>> Macd(fast=1, slow=2, signal=2).targets(bars).ravel()
    array([False, False, False,  True, False, False])
    """

    source: ClassVar[str] = "Appel, Technical Analysis: Power Tools for Active Investors, 2005"
    fast: int = param(default=12, low=1, high=10_000, doc="span of the fast average in rows")
    slow: int = param(default=26, low=2, high=10_000, doc="span of the slow average in rows")
    signal: int = param(default=9, low=1, high=10_000, doc="span of the signal line in rows")
    allow_short: bool = param(default=False, doc="go short while the line is below its signal")

    def check(self) -> None:
        """Refuse a fast average that is not faster than the slow one."""
        _check_order(self.fast, self.slow)

    @property
    def warmup(self) -> int:
        """Five spans of the slow average and of the signal line, after which seeds weigh < 1e-4."""
        return 5 * (self.slow + self.signal)

    def indicators(self, bars: Bars) -> dict[str, Floats]:
        """The line and its signal line, (T, N) in units of price."""
        line, signal = ind.macd(bars, self.fast, self.slow, signal=self.signal)
        return {f"MACD {self.fast} {self.slow}": line, f"signal {self.signal}": signal}

    def targets(self, bars: Bars) -> Targets:
        """1/N where the line is above its signal line, -1/N where short, else 0: (T, N)."""
        line, signal = ind.macd(bars, self.fast, self.slow, signal=self.signal)
        if not self.allow_short:
            return equal_share(line > signal)
        return equal_share((line > signal).astype(np.float64) - (line < signal))


def _check_order(fast: int, slow: int) -> None:
    if fast >= slow:
        raise ParameterError(
            f"fast {fast} is not below slow {slow}",
            hint="the fast average needs fewer rows than the slow one",
            fast=fast,
            slow=slow,
        )
