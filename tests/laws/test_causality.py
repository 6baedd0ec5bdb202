"""Law 1 and 2: no target of a built-in strategy, or of what is made of them, knows what comes later."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.app.wiring import registered_strategies, strategy_class
from peak_trade.domain.bars import Bars
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.strategy import TARGETS, kind_of
from peak_trade.portfolio.overlay import VolatilityTarget
from peak_trade.portfolio.recipe import Mean
from peak_trade.research.causality import check_causality
from peak_trade.strategies import (
    BollingerReversion,
    CrossSectionalMomentum,
    DonchianBreakout,
    EmaCross,
    Macd,
    MaCross,
    RsiReversion,
    TimeSeriesMomentum,
)

REGISTERED = (
    "ma_cross",
    "ema_cross",
    "macd",
    "rsi_reversion",
    "bollinger_reversion",
    "donchian_breakout",
    "xs_momentum",
    "ts_momentum",
)
NAMES = (*REGISTERED, "mean of three", "volatility target")
KINDS = ("flat", "missing", "gapping", "extreme", "late", "off tick", "plain")


def market(seed: int, kinds: frozenset[str], rows: int, width: int) -> Bars:
    """A random walk on a tick of 0.01, with what markets do to it."""
    rng = np.random.default_rng(seed)
    moves = rng.standard_normal((rows, width)) * 0.01
    if "flat" in kinds:
        moves[rng.random((rows, width)) < 0.7] = 0.0
    if "gapping" in kinds:
        moves += (rng.random((rows, width)) < 0.1) * rng.choice([-0.7, 0.7], (rows, width))
    scale = 10.0 ** rng.integers(-1, 13, width) if "extreme" in kinds else 100.0
    close = np.maximum(np.round(scale * np.exp(np.cumsum(moves, axis=0)), 2), 0.01)
    if "off tick" in kinds:
        close *= np.where(rng.random((rows, width)) < 0.2, 1.000003, 1.0)
    tradable = np.ones((rows, width), dtype=np.bool_)
    if "missing" in kinds:
        tradable[1:] = rng.random((rows - 1, width)) < 0.8
    if "late" in kinds:
        tradable[: rng.integers(0, rows), rng.integers(0, width)] = False
    for t in range(rows):
        before = close[t - 1] if t else np.full(width, np.nan)
        close[t] = np.where(tradable[t], close[t], before)
    return Bars.from_arrays(
        close,
        tradable=tradable,
        instruments=[Instrument(f"I{i}", tick=0.01) for i in range(width)],
    )


def make(name: str, rng: np.random.Generator) -> object:
    fast = int(rng.integers(1, 8))
    slow = fast + int(rng.integers(1, 20))
    short = bool(rng.integers(2))
    match name:
        case "ma_cross":
            return MaCross(fast=fast, slow=slow)
        case "ema_cross":
            return EmaCross(fast=fast, slow=slow)
        case "rsi_reversion":
            return RsiReversion(n=slow, low=40, high=55, allow_short=short)
        case "xs_momentum":
            return CrossSectionalMomentum(lookback=slow, top=fast, every=int(rng.integers(1, 10)))
        case "macd":
            return Macd(fast=fast, slow=slow, signal=int(rng.integers(1, 8)), allow_short=short)
        case "bollinger_reversion":
            return BollingerReversion(n=1 + slow, width=rng.uniform(0.5, 2), allow_short=short)
        case "donchian_breakout":
            return DonchianBreakout(entry=slow, exit=fast, allow_short=short)
        case "ts_momentum":
            target, every = rng.choice([0.0, 0.3]), int(rng.integers(1, 10))
            return TimeSeriesMomentum(
                lookback=slow, every=every, target=target, window=fast + 1, allow_short=short
            )
        case "volatility target":
            child = make(str(rng.choice((*REGISTERED, "mean of three"))), rng)
            return VolatilityTarget(strategy=child, annual=rng.uniform(0.05, 1), window=fast + 1)
        case _:
            return Mean(
                strategies=tuple(make(str(n), rng) for n in rng.permutation(REGISTERED)[:3])
            )


def test_laws_cover_every_registered_strategy():
    ours = [item.name for item in registered_strategies() if item.package == "peak-trade"]
    ours = [name for name in ours if kind_of(strategy_class(name)) == TARGETS]  # others: order laws
    assert sorted(ours) == sorted(REGISTERED)
    for name in ours:
        assert type(make(name, np.random.default_rng(1))) is strategy_class(name)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=500)
@given(
    seed=st.integers(0, 2**32),
    kinds=st.frozensets(st.sampled_from(KINDS)),
    rows=st.integers(30, 80),
    width=st.integers(1, 4),
)
def test_targets_of_a_strategy_are_causal_in_any_market(name, seed, kinds, rows, width):
    bars = market(seed, kinds, rows, width)
    strategy = make(name, np.random.default_rng(seed))
    report = check_causality(strategy, bars, every=1)
    assert report.is_causal, report
    assert report.checked == rows
