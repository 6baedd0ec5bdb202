"""Trades made by chance, what they are as bars (a plain twin), and wires that lose and mix them."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

import numpy as np

from peak_trade.data.live.events import Candle
from peak_trade.data.live.messages import Trade

SECOND = 1_000_000_000
MINUTE = 60 * SECOND


def made_trades(
    rng: np.random.Generator, count: int, *, mean_gap_s: float = 7.0, symbol: str = "BTC/USD"
) -> list[Trade]:
    """Trades with consecutive ids, in bursts and pauses, some of which are minutes long."""
    gaps = rng.exponential(mean_gap_s, count) * np.where(rng.random(count) < 0.03, 30, 1)
    times = 1_700_000_000 * SECOND + (np.cumsum(gaps) * 1e6).astype(np.int64) * 1_000
    steps = np.cumsum(rng.integers(-5, 6, count))
    sizes = rng.integers(1, 10_000_000, count)
    first = int(rng.integers(1_000, 9_000_000))
    return [
        Trade(symbol, first + k, int(times[k]), (500_000 + int(steps[k])) / 10,
              Decimal(int(sizes[k])).scaleb(-8), 1 if k % 2 else -1)
        for k in range(count)
    ]  # fmt: skip


def true_bars(trades: Sequence[Trade], step: int = MINUTE) -> dict[int, Candle]:
    """The bars of trades, one after the other in the order of their ids; by their opens."""
    bars: dict[int, list[Trade]] = {}
    for trade in sorted(trades, key=lambda trade: trade.trade_id):
        bars.setdefault(trade.time_ns // step * step, []).append(trade)
    return {
        at: Candle(
            at, at + step, some[0].price, max(t.price for t in some), min(t.price for t in some),
            some[-1].price, float(sum((t.size for t in some), Decimal(0))), len(some),
        )
        for at, some in bars.items()
    }  # fmt: skip


def wire(
    rng: np.random.Generator,
    trades: Sequence[Trade],
    *,
    lost: float = 0.0,
    doubled: float = 0.0,
    late: float = 0.0,
    late_s: float = 5.0,
) -> Iterator[tuple[int, Trade]]:
    """When each trade comes in, and in which order: some never, some twice, some late."""
    arrivals: list[tuple[int, int, Trade]] = []
    for k, trade in enumerate(trades):
        if rng.random() < lost:
            continue
        for _ in range(2 if rng.random() < doubled else 1):
            delay = 0.03 + (rng.random() * late_s if rng.random() < late else 0.0)
            arrivals.append((trade.time_ns + int(delay * SECOND), k, trade))
    arrivals.sort(key=lambda arrival: arrival[:2])
    for at, _, trade in arrivals:
        yield at, trade
