"""Features of trades: who bought, who sold, at what price, and what that did to the price."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from peak_trade.data.features.definition import Feature, feature, param
from peak_trade.data.features.given import Given
from peak_trade.data.features.segments import Segments
from peak_trade.domain.errors import DataError
from peak_trade.stats.microstructure import flow_imbalance, kyle_lambda, vpin
from peak_trade.stats.windows import window_sum

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TRADES = "trades"
_ROWS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """Trades of one instrument, and which of them belong to which bar.

    Attributes
    ----------
    times, prices, sizes, sides : (K,) arrays
        UTC nanoseconds, quote currency, units, and 1 bought, -1 sold, 0 unknown by the taker.
    parts : Segments
        The trades of each bar.
    known : (T,) bool
        Bars that open at or after the first stored trade.
    """

    times: Ints
    prices: Floats
    sizes: Floats
    sides: Floats
    parts: Segments
    known: npt.NDArray[np.bool_]

    def per_bar(self, values: Floats) -> Floats:
        """Sums over each bar; NaN for bars that open before the first stored trade."""
        return np.where(self.known, self.parts.sums(values), np.nan)

    @property
    def bought(self) -> Floats:
        """Units that takers bought in each bar."""
        return self.per_bar(np.where(self.sides > 0, self.sizes, 0.0))

    @property
    def sold(self) -> Floats:
        """Units that takers sold in each bar."""
        return self.per_bar(np.where(self.sides < 0, self.sizes, 0.0))


class OfTrades(Feature):
    """Base of features of stored trades.

    A trade belongs to the bar that it falls into: from its open, taken in, to its close, left out. A
    bar without trades counts 0; bars that open before the first stored trade have no value.
    """

    reads: ClassVar[tuple[str, ...]] = ("trades",)
    series: str = param(default="", doc="VENUE:SYMBOL of the trades; the bars' own where left out")
    data_version: int = param(default=0, low=0, doc="version of the trades; 0 for the newest")

    def values(self, given: Given) -> Floats:
        """The measure of each instrument's trades, (T, N); (T, 1) of a named series."""
        width = 1 if self.series else len(given.bars.instruments)
        return np.column_stack([self.measured(given, self._tape(given, k)) for k in range(width)])

    def measured(self, given: Given, tape: Tape) -> Floats:
        """The measure of one tape, (T,)."""
        raise DataError(
            f"feature {self.called} does not define measured(given, tape)",
            hint="return one value a row",
        )

    def _tape(self, given: Given, column: int) -> Tape:
        rows = given.rows("trades", self.series, column=column, version=self.data_version)
        first = given.first_ns("trades", self.series, column=column)
        times = rows["time_ns"].to_numpy()
        opens = np.ascontiguousarray(given.bars.open_time[:, column])
        parts = Segments.between(times, opens, given.bars.time)
        return Tape(
            times,
            rows["price"].to_numpy(),
            rows["size"].to_numpy(),
            rows["side"].to_numpy().astype(np.float64),
            parts,
            opens >= first,
        )


class _Windowed(OfTrades):
    """A measure over the trades of the last bars."""

    period: int = param(default=1, low=1, high=_ROWS, doc="bars in the window")

    @property
    def warmup(self) -> int:
        """Rows before its first value."""
        return self.period - 1

    @property
    def lookback(self) -> int | None:
        """Rows before a row that its value depends on."""
        return self.period - 1


@feature("trade_count", group=TRADES)
class TradeCount(_Windowed):
    """How many trades there were."""

    def measured(self, given: Given, tape: Tape) -> Floats:
        """A count."""
        return window_sum(tape.per_bar(np.ones(len(tape.times))), self.period)


@feature("signed_volume", group=TRADES)
class SignedVolume(_Windowed):
    """Units that takers bought less those they sold."""

    def measured(self, given: Given, tape: Tape) -> Floats:
        """Units."""
        return window_sum(tape.bought - tape.sold, self.period)


@feature("order_flow_imbalance", group=TRADES)
class OrderFlowImbalance(_Windowed):
    """Units that takers bought less those they sold, over both."""

    def measured(self, given: Given, tape: Tape) -> Floats:
        """-1 to 1; NaN where nothing was traded."""
        return flow_imbalance(tape.bought, tape.sold, self.period)


@feature("vwap", group=TRADES)
class Vwap(_Windowed):
    """Volume-weighted average price of the trades."""

    def measured(self, given: Given, tape: Tape) -> Floats:
        """Quote currency; NaN where nothing was traded."""
        value = window_sum(tape.per_bar(tape.prices * tape.sizes), self.period)
        units = window_sum(tape.per_bar(tape.sizes), self.period)
        empty = np.full(len(units), np.nan)
        found: Floats = np.divide(value, units, out=empty, where=units > 0.0)
        return found


@feature("trade_size", group=TRADES)
class TradeSize(_Windowed):
    """Mean size of the trades."""

    def measured(self, given: Given, tape: Tape) -> Floats:
        """Units; NaN where nothing was traded."""
        units = window_sum(tape.per_bar(tape.sizes), self.period)
        count = window_sum(tape.per_bar(np.ones(len(tape.times))), self.period)
        empty = np.full(len(units), np.nan)
        found: Floats = np.divide(units, count, out=empty, where=count > 0.0)
        return found


@feature("kyle_lambda", group=TRADES)
class KyleLambda(OfTrades):
    """Price impact (Kyle, 1985): how far a unit that takers buy moves the close."""

    period: int = param(default=50, low=2, high=_ROWS, doc="bars in the regression")

    @property
    def warmup(self) -> int:
        """Rows before its first value."""
        return self.period

    @property
    def lookback(self) -> int | None:
        """Rows before a row that its value depends on."""
        return self.period

    def values(self, given: Given) -> Floats:
        """Quote currency per unit, (T, N)."""
        bars = given.bars
        out = np.empty(bars.close.shape)
        change = np.full(bars.close.shape, np.nan)
        change[1:] = np.diff(bars.close, axis=0)
        for k in range(len(bars.instruments)):
            tape = self._tape(given, k)
            out[:, k] = kyle_lambda(change[:, k], tape.bought - tape.sold, self.period)
        return out


@feature("vpin", group=TRADES)
class Vpin(OfTrades):
    """Toxic flow (Easley, Lopez de Prado and O'Hara, 2012), by the takers' sides."""

    bucket: float = param(default=1.0, low=1e-12, high=1e15, doc="units in a bucket")
    buckets: int = param(default=50, low=1, high=_ROWS, doc="buckets in the mean")

    def measured(self, given: Given, tape: Tape) -> Floats:
        """0 to 1; NaN until so many buckets are full."""
        return vpin(
            tape.sizes, tape.sides, tape.parts.stop, bucket=self.bucket, buckets=self.buckets
        )
