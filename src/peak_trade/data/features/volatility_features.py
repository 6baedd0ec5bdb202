"""Features of volatility: what prices moved in the last bars, a fraction a year."""

import numpy as np
import numpy.typing as npt

from peak_trade.data.features.definition import Feature, feature, param
from peak_trade.data.features.given import Given
from peak_trade.stats import range_volatility
from peak_trade.stats.indicators import volatility

Floats = npt.NDArray[np.float64]

VOLATILITY = "volatility"
_ROWS = 100_000


class _OverReturns(Feature):
    period: int = param(default=20, low=2, high=_ROWS, doc="bars in the window")

    @property
    def warmup(self) -> int:
        """Rows before its first value."""
        return self.period


class _OverBars(_OverReturns):
    @property
    def warmup(self) -> int:
        """Rows before its first value."""
        return self.period - 1


@feature("volatility", group="indicators")
class Volatility(_OverReturns):
    """Annual volatility of simple returns from close to close."""

    def values(self, given: Given) -> Floats:
        """A fraction a year."""
        return volatility(given.bars, self.period)


@feature("close_to_close", group=VOLATILITY)
class CloseToClose(_OverReturns):
    """Annual volatility of log returns from close to close."""

    def values(self, given: Given) -> Floats:
        """A fraction a year."""
        return range_volatility.close_to_close(given.bars, self.period)


@feature("parkinson", group=VOLATILITY)
class Parkinson(_OverBars):
    """Annual volatility from highs and lows (Parkinson, 1980)."""

    def values(self, given: Given) -> Floats:
        """A fraction a year."""
        return range_volatility.parkinson(given.bars, self.period)


@feature("garman_klass", group=VOLATILITY)
class GarmanKlass(_OverBars):
    """Annual volatility from open, high, low and close (Garman and Klass, 1980)."""

    def values(self, given: Given) -> Floats:
        """A fraction a year."""
        return range_volatility.garman_klass(given.bars, self.period)


@feature("rogers_satchell", group=VOLATILITY)
class RogersSatchell(_OverBars):
    """Annual volatility that a trend does not make too high (Rogers and Satchell, 1991)."""

    def values(self, given: Given) -> Floats:
        """A fraction a year."""
        return range_volatility.rogers_satchell(given.bars, self.period)


@feature("yang_zhang", group=VOLATILITY)
class YangZhang(_OverReturns):
    """Annual volatility that sees jumps between bars (Yang and Zhang, 2000)."""

    def values(self, given: Given) -> Floats:
        """A fraction a year."""
        return range_volatility.yang_zhang(given.bars, self.period)
