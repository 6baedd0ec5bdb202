"""How many bars a second an order strategy trades, in Python and compiled."""

import statistics
import time
from typing import Literal

import numpy as np

import peak_trade as pt
from benchmarks.jobs import minutes
from benchmarks.rolling import RollingCross
from benchmarks.safety import Figure
from peak_trade.domain.record import Record

PYTHON_BARS_PER_S = 350_000
COMPILED_BARS_PER_S = 10_000_000
BARS = 1_000_000
LEAST = 20_000
REPEATS = 5
PART = "order strategies"


def measure(scale: float) -> list[Figure]:
    """Trade W3 on ``scale`` x 1,000,000 minutes, warm, and compare what the two forms book."""
    bars = minutes(max(int(BARS * scale), LEAST))
    python, slow = _timed(bars, "session", 2)
    compiled, fast = _timed(bars, "fast", REPEATS)
    is_same = (
        slow.fills.differs_from(fast.fills) == ""
        and slow.equity.tobytes() == fast.equity.tobytes()
        and bool(np.array_equal(slow.lots, fast.lots))
    )
    found = f"{len(fast.fills):,} fills, {'equal' if is_same else 'NOT equal'}"
    return [
        _speed("Python, bars a second", PYTHON_BARS_PER_S, python),
        _speed("compiled, bars a second", COMPILED_BARS_PER_S, compiled),
        Figure(PART, "fills and equity of both", "equal bit for bit", found, is_same),
    ]


def _timed(bars: pt.Bars, engine: Literal["session", "fast"], repeats: int) -> tuple[float, Record]:
    """Median bars a second over repeats after a first run, and the record."""
    record = pt.backtest(RollingCross(), bars, cash=1e6, engine=engine).record
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        record = pt.backtest(RollingCross(), bars, cash=1e6, engine=engine).record
        seconds.append(time.perf_counter() - began)
    return len(bars) / statistics.median(seconds), record


def _speed(what: str, target: float, found: float) -> Figure:
    return Figure(
        PART, what, f"at least {target:,}", f"{found:,.0f}", found >= target, is_speed=True
    )
