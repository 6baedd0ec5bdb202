"""Market making: quote both sides of the close, leaning against the inventory."""

import math
from collections.abc import Iterable
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from peak_trade.domain.compiled import (
    CLOSE,
    HELD,
    HIGH,
    LIMIT,
    LOW,
    POST_ONLY,
    CompiledStrategy,
    ask,
    cancel,
    on_tick,
)
from peak_trade.domain.errors import ParameterError
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.order import OrderKind
from peak_trade.domain.order_strategy import Asked, Bar, Cancel, OrderStrategy, Request, View
from peak_trade.domain.strategy import param

Floats = npt.NDArray[np.float64]

_HALF, _ATR, _N, _LOTS, _SKEW, _CAP, _FLOOR, _TICK = 0, 1, 2, 3, 4, 5, 6, 7
_S_CLOSE, _S_ATR, _S_BARS = 0, 1, 2

_BID, _ASK = "bid", "ask"


class MarketMaker(OrderStrategy):
    """Quote a bid and an ask around the close, moved against the inventory, anew at every bar.

    The quotes stand a half-spread h from a middle m, and are post-only::

        h = half_spread x close, or atr x average true range of n bars; at least one tick
        m = close - skew x h x inventory / max_lots

    A quote is at most ``lots``, and never more than what the cap on the inventory leaves. With ``atr``
    nothing is quoted before n bars. Each instrument is quoted for itself.

    Raises
    ------
    ParameterError
        If one quote exceeds the cap on the inventory.

    Examples
    --------
    >>> MarketMaker(half_spread=0.001, lots=2, max_lots=10).warmup
    0
    """

    source: ClassVar[str] = (
        "Avellaneda and Stoikov, High-Frequency Trading in a Limit Order Book, Quantitative Finance "
        "2008 (a middle that leans against the inventory); Wilder, New Concepts in Technical Trading "
        "Systems, 1978 (average true range)"
    )
    half_spread: float = param(
        default=0.002, low=1e-6, high=0.5, doc="distance of a quote, a fraction of the close"
    )
    atr: float = param(
        default=0.0, low=0.0, high=20.0, doc="distance in average true ranges; 0: half_spread"
    )
    n: int = param(default=14, low=1, high=1_000, doc="bars of the average true range")
    lots: int = param(default=1, low=1, high=1_000_000_000, doc="lots of a quote")
    max_lots: int = param(default=10, low=1, high=1_000_000_000, doc="largest inventory, lots")
    skew: float = param(
        default=1.0,
        low=0.0,
        high=10.0,
        doc="half-spreads that a full inventory moves the middle by",
    )
    allow_short: bool = param(default=True, doc="let the inventory fall below zero")

    def check(self) -> None:
        """Refuse a quote that is larger than the cap."""
        if self.lots > self.max_lots:
            raise ParameterError(
                f"lots {self.lots} exceed max_lots {self.max_lots}",
                hint="a quote must fit into the largest inventory",
            )

    @property
    def warmup(self) -> int:
        """Bars before the first quote."""
        return self.n - 1 if self.atr > 0.0 else 0

    def on_start(self, view: View) -> None:
        """Begin without a history."""
        width = len(view.instruments)
        self._closes = [math.nan] * width
        self._ranges = [0.0] * width
        self._bars = [0] * width

    def on_bar(self, bar: Bar, view: View) -> Iterable[Asked]:
        """Cancel the last quotes and quote around this close."""
        i, close = bar.instrument, bar.close
        half = self.half_spread * close
        if self.atr > 0.0:
            half = self.atr * self._average_range(i, bar)
            if self._bars[i] < self.n:
                return ()
        half = max(half, view.instruments[i].tick)
        held = view.lots(i)
        middle = close - self.skew * half * (held / self.max_lots)
        asked: list[Asked] = [Cancel(f"{_BID}{i}", i), Cancel(f"{_ASK}{i}", i)]
        bid, offer = view.on_tick(middle - half, i), view.on_tick(middle + half, i)
        buys = min(self.lots, self.max_lots - held)
        sells = min(self.lots, held - self._floor)
        if buys > 0 and bid > 0.0:
            asked.append(
                Request(buys, i, OrderKind.LIMIT, price=bid, post_only=True, tag=f"{_BID}{i}")
            )
        if sells > 0 and offer > 0.0:
            asked.append(
                Request(-sells, i, OrderKind.LIMIT, price=offer, post_only=True, tag=f"{_ASK}{i}")
            )
        return asked

    def _average_range(self, i: int, bar: Bar) -> float:
        """Wilder's average true range: the mean of the first n, then smoothed by 1/n."""
        before = self._closes[i]
        span = bar.high - bar.low
        if before == before:
            span = max(span, abs(bar.high - before), abs(bar.low - before))
        self._closes[i] = bar.close
        self._bars[i] += 1
        k = min(self._bars[i], self.n)
        self._ranges[i] += (span - self._ranges[i]) / k
        return self._ranges[i]

    @property
    def _floor(self) -> int:
        return -self.max_lots if self.allow_short else 0

    def compiled(self, instrument: Instrument) -> CompiledStrategy:
        """The quotes of one instrument as a compiled function."""
        return CompiledStrategy(
            on_bar=market_maker_on_bar,
            state=np.array([math.nan, 0.0, 0.0]),
            params=np.array(
                [
                    self.half_spread, self.atr, self.n, self.lots, self.skew, self.max_lots,
                    self._floor, instrument.tick,
                ]
            ),
            room=4,
            max_orders=8,
        )  # fmt: skip


def market_maker_on_bar(
    state: Floats, params: Floats, bar: Floats, account: Floats, _orders: Floats, asked: Floats
) -> int:
    """``MarketMaker.on_bar`` as numba compiles it."""
    tick, close, held = params[_TICK], bar[CLOSE], int(account[HELD])
    half = params[_HALF] * close
    if params[_ATR] > 0.0:
        before, span = state[_S_CLOSE], bar[HIGH] - bar[LOW]
        if before == before:
            span = max(span, abs(bar[HIGH] - before), abs(bar[LOW] - before))
        state[_S_CLOSE] = close
        state[_S_BARS] += 1.0
        state[_S_ATR] += (span - state[_S_ATR]) / min(state[_S_BARS], params[_N])
        if state[_S_BARS] < params[_N]:
            return 0
        half = params[_ATR] * state[_S_ATR]
    half = max(half, tick)
    middle = close - params[_SKEW] * half * (held / params[_CAP])
    bid, offer = on_tick(middle - half, tick), on_tick(middle + half, tick)
    buys = min(int(params[_LOTS]), int(params[_CAP]) - held)
    sells = min(int(params[_LOTS]), held - int(params[_FLOOR]))
    n = cancel(asked, 0, 1)
    n = cancel(asked, n, 2)
    if buys > 0 and bid > 0.0:
        n = ask(asked, n, LIMIT, buys, bid, 1)
        asked[n - 1, POST_ONLY] = 1.0
    if sells > 0 and offer > 0.0:
        n = ask(asked, n, LIMIT, -sells, offer, 2)
        asked[n - 1, POST_ONLY] = 1.0
    return n
