"""What the venues would send for some trades, written by hand in their documented shapes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
from data.live.made_trades import MINUTE, SECOND, true_bars

from peak_trade.data.live.events import Candle
from peak_trade.data.live.messages import Trade


def when(ns: int) -> str:
    """A time as Kraken writes it."""
    whole = datetime.fromtimestamp(ns // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{ns % SECOND // 1000:06d}Z"


def kraken_trade(trades: Sequence[Trade], kind: str = "update") -> str:
    rows = ",".join(
        f'{{"symbol":"{t.symbol}","side":"{"buy" if t.side > 0 else "sell"}","price":{t.price:.1f},'
        f'"qty":{t.size:.8f},"ord_type":"limit","trade_id":{t.trade_id},"timestamp":"{when(t.time_ns)}"}}'
        for t in trades
    )
    return f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}'


def kraken_candle(symbol: str, some: Sequence[Trade], at_ns: int) -> str:
    """The forming candle after some trades of one minute."""
    open_ns = some[0].time_ns // MINUTE * MINUTE
    volume = sum((t.size for t in some), Decimal(0))
    prices = [t.price for t in some]
    return (
        f'{{"channel":"ohlc","type":"update","timestamp":"{when(at_ns)}","data":[{{"symbol":"{symbol}",'
        f'"open":{prices[0]:.1f},"high":{max(prices):.1f},"low":{min(prices):.1f},"close":{prices[-1]:.1f},'
        f'"trades":{len(some)},"volume":{volume:.8f},"vwap":{prices[0]:.1f},'
        f'"interval_begin":"{when(open_ns)[:-1]}000Z","interval":1,"timestamp":"{when(open_ns + MINUTE)}"}}]}}'
    )


def binance_trade(trade: Trade) -> str:
    name = trade.symbol.replace("/", "")
    ms = trade.time_ns // 1_000_000
    return (
        f'{{"stream":"{name.lower()}@trade","data":{{"e":"trade","E":{ms},"s":"{name}","t":{trade.trade_id},'
        f'"p":"{trade.price:.2f}","q":"{trade.size:.8f}","T":{ms},"m":{str(trade.side < 0).lower()},"M":true}}}}'
    )


def binance_candle(symbol: str, candle: Candle, at_ns: int, *, is_final: bool) -> str:
    name = symbol.replace("/", "")
    return (
        f'{{"stream":"{name.lower()}@kline_1m","data":{{"e":"kline","E":{at_ns // 1_000_000},"s":"{name}","k":{{'
        f'"t":{candle.open_ns // 1_000_000},"T":{candle.close_ns // 1_000_000 - 1},"s":"{name}","i":"1m","f":1,"L":2,'
        f'"o":"{candle.open:.2f}","c":"{candle.close:.2f}","h":"{candle.high:.2f}","l":"{candle.low:.2f}",'
        f'"v":"{candle.volume:.8f}","n":{max(candle.trades, 0)},"x":{str(is_final).lower()},"q":"1.0","V":"1.0","Q":"1.0","B":"0"}}}}}}'
    )


Sent = tuple[int, str, str]
"""When a message is sent, by the venue's time; of which symbol; its text."""


def kraken_tape(trades: Sequence[Trade]) -> list[Sent]:
    """Each trade, and the forming candle after it."""
    sent: list[Sent] = []
    minute: list[Trade] = []
    for trade in trades:
        if minute and trade.time_ns // MINUTE != minute[0].time_ns // MINUTE:
            minute = []
        minute.append(trade)
        sent.append((trade.time_ns + 1_000_000, trade.symbol, kraken_trade([trade])))
        at = trade.time_ns + 10_000_000
        sent.append((at, trade.symbol, kraken_candle(trade.symbol, minute, at)))
    return sent


def binance_tape(trades: Sequence[Trade]) -> list[Sent]:
    """Each trade, the forming candle now and then, and the closed one of every minute."""
    symbol = trades[0].symbol
    sent = [(trade.time_ns + 1_000_000, symbol, binance_trade(trade)) for trade in trades]
    bars = true_bars(trades)
    last = trades[0].price
    for open_ns in range(min(bars), max(bars), MINUTE):
        candle = bars.get(open_ns)
        close_ns = open_ns + MINUTE
        if candle is None:
            candle = Candle(open_ns, close_ns, last, last, last, last, 0.0, 0)
        last = candle.close
        at = close_ns + 40_000_000
        sent.append((at, symbol, binance_candle(symbol, candle, at, is_final=True)))
        for later in (20, 40):
            seen = [t for t in trades if open_ns <= t.time_ns < open_ns + later * SECOND]
            if seen:
                forming = true_bars(seen)[open_ns]
                at = open_ns + later * SECOND
                sent.append((at, symbol, binance_candle(symbol, forming, at, is_final=False)))
    sent.sort(key=lambda one: one[0])
    return sent


@dataclass
class Faults:
    """What a wire does to messages, each with its chance."""

    drop: float = 0.0
    double: float = 0.0
    late: float = 0.0
    late_s: float = 5.0
    reorder: float = 0.0
    breaks: int = 0
    break_s: float = 60.0
    spans: list[tuple[int, int]] = field(default_factory=list)

    def over(self, rng: np.random.Generator, sent: Sequence[Sent]) -> list[Sent]:
        """What arrives, and when; what is sent while the connection is gone never does."""
        first, last = sent[0][0], sent[-1][0]
        length = int(self.break_s * SECOND)
        self.spans = sorted(
            (at, at + int(rng.integers(length // 4, length)))
            for at in rng.integers(first + (last - first) // 10, last, self.breaks).tolist()
        )
        arrived: list[Sent] = []
        for at, symbol, text in sent:
            if rng.random() < self.drop or any(a <= at < b for a, b in self.spans):
                continue
            for _ in range(2 if rng.random() < self.double else 1):
                delay = 5_000_000
                if rng.random() < self.late:
                    delay += int(rng.random() * self.late_s * SECOND)
                elif rng.random() < self.reorder:
                    delay += int(rng.random() * 0.2 * SECOND)
                arrived.append((at + delay, symbol, text))
        arrived = [one for one in arrived if not any(a <= one[0] < b for a, b in self.spans)]
        return sorted(arrived, key=lambda one: one[0])
