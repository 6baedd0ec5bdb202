"""Features of prices: the indicators of ``pt.ind``, returns, lags and z-scores."""

import numpy as np
import numpy.typing as npt

from peak_trade.data.features.definition import Feature, feature, one_of, param
from peak_trade.data.features.given import Given
from peak_trade.data.features.sourced import Sourced
from peak_trade.domain.errors import ParameterError
from peak_trade.stats import indicators as ind
from peak_trade.stats.microstructure import amihud, roll_spread

Floats = npt.NDArray[np.float64]

INDICATORS, RETURNS, LIQUIDITY = "indicators", "returns", "liquidity"
_ROWS = 100_000


@feature("sma", group=INDICATORS)
class Sma(Sourced):
    """Simple moving average."""

    period: int = param(default=20, low=1, high=_ROWS, doc="rows in the mean")

    @property
    def lead(self) -> int:
        """Rows before its first value."""
        return self.period - 1

    @property
    def rows(self) -> int | None:
        """Rows before a row that its value depends on."""
        return self.period - 1

    def values(self, given: Given) -> Floats:
        """The mean of the last rows, in units of its source."""
        return ind.sma(self.source(given), self.period)


@feature("ema", group=INDICATORS)
class Ema(Sourced):
    """Exponential moving average, seeded with the simple one."""

    period: int = param(default=20, low=1, high=_ROWS, doc="span in rows")

    @property
    def lead(self) -> int:
        """Rows before its first value."""
        return self.period - 1

    def values(self, given: Given) -> Floats:
        """The average, in units of its source."""
        return ind.ema(self.source(given), self.period)


@feature("rsi", group=INDICATORS)
class Rsi(Sourced):
    """Relative strength index (Wilder, 1978), 0 to 100."""

    period: int = param(default=14, low=1, high=_ROWS, doc="changes in the first average")

    @property
    def lead(self) -> int:
        """Rows before its first value."""
        return self.period

    def values(self, given: Given) -> Floats:
        """The index, 0 to 100."""
        return ind.rsi(self.source(given), self.period)


@feature("std", group=INDICATORS)
class Std(Sourced):
    """Standard deviation of the last rows (the population's)."""

    period: int = param(default=20, low=1, high=_ROWS, doc="rows in the window")

    @property
    def lead(self) -> int:
        """Rows before its first value."""
        return self.period - 1

    @property
    def rows(self) -> int | None:
        """Rows before a row that its value depends on."""
        return self.period - 1

    def values(self, given: Given) -> Floats:
        """The deviation, in units of its source."""
        return ind.std(self.source(given), self.period)


@feature("highest", group=INDICATORS)
class Highest(Std):
    """Highest of the last rows."""

    def values(self, given: Given) -> Floats:
        """The highest, in units of its source."""
        return ind.highest(self.source(given), self.period)


@feature("lowest", group=INDICATORS)
class Lowest(Std):
    """Lowest of the last rows."""

    def values(self, given: Given) -> Floats:
        """The lowest, in units of its source."""
        return ind.lowest(self.source(given), self.period)


@feature("macd", group=INDICATORS)
class Macd(Sourced):
    """Moving average convergence/divergence: its line, signal line or histogram (Appel)."""

    fast: int = param(default=12, low=1, high=_ROWS, doc="span of the fast average in rows")
    slow: int = param(default=26, low=2, high=_ROWS, doc="span of the slow average in rows")
    signal: int = param(default=9, low=1, high=_ROWS, doc="span of the signal line in rows")
    output: str = param(default="line", doc="line, signal or histogram")

    def check(self) -> None:
        """Refuse a fast span that is not below the slow one."""
        super().check()
        one_of(self, "output", ("line", "signal", "histogram"))
        if self.fast >= self.slow:
            raise ParameterError(f"fast {self.fast} of macd is not below slow {self.slow}")

    @property
    def lead(self) -> int:
        """Rows before its first value."""
        return self.slow - 1 + (0 if self.output == "line" else self.signal - 1)

    def values(self, given: Given) -> Floats:
        """The line that ``output`` names, in units of its source."""
        line, signal = ind.macd(self.source(given), self.fast, self.slow, signal=self.signal)
        return {"line": line, "signal": signal, "histogram": line - signal}[self.output]


@feature("bollinger", group=INDICATORS)
class Bollinger(Sourced):
    """Bollinger bands: a band, the width between them, or where the price stands between them."""

    period: int = param(default=20, low=2, high=_ROWS, doc="rows in the window")
    width: float = param(default=2.0, low=0.0, high=100.0, doc="deviations to each band")
    output: str = param(default="percent", doc="lower, middle, upper, bandwidth or percent")

    def check(self) -> None:
        """Refuse an output that is not offered."""
        super().check()
        one_of(self, "output", ("lower", "middle", "upper", "bandwidth", "percent"))

    @property
    def lead(self) -> int:
        """Rows before its first value."""
        return self.period - 1

    @property
    def rows(self) -> int | None:
        """Rows before a row that its value depends on."""
        return self.period - 1

    def values(self, given: Given) -> Floats:
        """A band in units of its source; bandwidth over the middle; percent 0 to 1 in the bands."""
        lower, middle, upper = ind.bollinger(self.source(given), self.period, self.width)
        if self.output == "bandwidth":
            return _ratio(upper - lower, middle)
        if self.output == "percent":
            return _ratio(self.array(given) - lower, upper - lower)
        return {"lower": lower, "middle": middle, "upper": upper}[self.output]


@feature("donchian", group=INDICATORS)
class Donchian(Feature):
    """Donchian channel: the lowest low, the highest high, or their middle."""

    period: int = param(default=20, low=1, high=_ROWS, doc="bars in the window")
    output: str = param(default="middle", doc="lower, middle or upper")

    def check(self) -> None:
        """Refuse an output that is not offered."""
        one_of(self, "output", ("lower", "middle", "upper"))

    @property
    def warmup(self) -> int:
        """Rows before its first value."""
        return self.period - 1

    @property
    def lookback(self) -> int | None:
        """Rows before a row that its value depends on."""
        return self.period - 1

    def values(self, given: Given) -> Floats:
        """An edge or the middle of the channel, in units of price."""
        edges = ind.donchian(given.bars, self.period)
        return dict(zip(("lower", "middle", "upper"), edges, strict=True))[self.output]


@feature("atr", group=INDICATORS)
class Atr(Feature):
    """Average true range (Wilder, 1978), over real bars."""

    period: int = param(default=14, low=1, high=_ROWS, doc="true ranges in the first average")

    @property
    def warmup(self) -> int:
        """Rows before its first value."""
        return self.period

    def values(self, given: Given) -> Floats:
        """The range, in units of price."""
        return ind.atr(given.bars, self.period)


@feature("momentum", group=RETURNS)
class Momentum(Sourced):
    """Return over the last rows, as a fraction."""

    period: int = param(default=20, low=1, high=_ROWS, doc="rows looked back")

    @property
    def lead(self) -> int:
        """Rows before its first value."""
        return self.period

    @property
    def rows(self) -> int | None:
        """Rows before a row that its value depends on."""
        return self.period

    def values(self, given: Given) -> Floats:
        """``x[t] / x[t-period] - 1``."""
        return ind.momentum(self.source(given), self.period)


@feature("returns", group=RETURNS)
class Returns(Sourced):
    """Simple return over a row, or over several, as a fraction."""

    period: int = param(default=1, low=1, high=_ROWS, doc="rows looked back")
    log: bool = param(default=False, doc="ln(x[t] / x[t-period]) instead")

    @property
    def lead(self) -> int:
        """Rows before its first value."""
        return self.period

    @property
    def rows(self) -> int | None:
        """Rows before a row that its value depends on."""
        return self.period

    def values(self, given: Given) -> Floats:
        """``x[t] / x[t-period] - 1``, or its logarithm; NaN where a price is not above zero."""
        simple = ind.momentum(self.source(given), self.period)
        if not self.log:
            return simple
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log1p(np.where(simple > -1.0, simple, np.nan))


@feature("lag", group=RETURNS)
class Lag(Sourced):
    """What something was some rows ago."""

    by: int = param(default=1, low=1, high=_ROWS, doc="rows ago")

    @property
    def lead(self) -> int:
        """Rows before its first value."""
        return self.by

    @property
    def rows(self) -> int | None:
        """Rows before a row that its value depends on."""
        return self.by

    def values(self, given: Given) -> Floats:
        """``x[t - by]``."""
        values = self.array(given)
        out = np.full(values.shape, np.nan)
        out[self.by :] = values[: -self.by]
        return out


@feature("difference", group=RETURNS)
class Difference(Lag):
    """How far something moved in the last rows."""

    def values(self, given: Given) -> Floats:
        """``x[t] - x[t - by]``."""
        return np.asarray(self.array(given) - super().values(given))


@feature("zscore", group=RETURNS)
class ZScore(Sourced):
    """How many standard deviations something is from its mean of the last rows."""

    period: int = param(default=50, low=2, high=_ROWS, doc="rows in mean and deviation")

    @property
    def lead(self) -> int:
        """Rows before its first value."""
        return self.period - 1

    @property
    def rows(self) -> int | None:
        """Rows before a row that its value depends on."""
        return self.period - 1

    def values(self, given: Given) -> Floats:
        """``(x - mean) / deviation`` with the population's deviation; NaN where nothing moved."""
        source = self.source(given)
        return _ratio(
            self.array(given) - ind.sma(source, self.period), ind.std(source, self.period)
        )


@feature("amihud", group=LIQUIDITY)
class Amihud(Feature):
    """Illiquidity (Amihud, 2002): how far a unit of traded value moves the price."""

    period: int = param(default=20, low=1, high=_ROWS, doc="returns in the mean")

    @property
    def warmup(self) -> int:
        """Rows before its first value."""
        return self.period

    def values(self, given: Given) -> Floats:
        """A fraction per unit of quote currency."""
        return amihud(given.bars, self.period)


@feature("roll_spread", group=LIQUIDITY)
class RollSpread(Sourced):
    """The spread that prices bounce between (Roll, 1984), from how they go back and forth."""

    period: int = param(default=50, low=2, high=_ROWS, doc="pairs of changes")

    @property
    def lead(self) -> int:
        """Rows before its first value."""
        return self.period + 1

    @property
    def rows(self) -> int | None:
        """Rows before a row that its value depends on."""
        return self.period + 1

    def values(self, given: Given) -> Floats:
        """Units of its source; NaN where changes follow one another in the same direction."""
        columns = self.array(given).T
        return np.column_stack([roll_spread(column, self.period) for column in columns])


def _ratio(above: Floats, below: Floats) -> Floats:
    empty = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    found: Floats = np.divide(above, below, out=empty, where=below != 0.0)
    return found
