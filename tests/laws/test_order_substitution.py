"""Law 3 for order strategies: the compiled loop books what the Session books, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import peak_trade as pt
from peak_trade.domain.compiled import MARKET, ROW, CompiledStrategy, ask
from peak_trade.domain.order_strategy import Request
from peak_trade.strategies import Grid, MarketMaker
from tests.laws.order_scripts import Scripted, minutes

COSTS = {
    "free": pt.Costs(),
    "flat": pt.Costs(commission=0.001, slippage=0.0005),
    "maker and taker": pt.Costs(fees=pt.Fees(maker=0.0002, taker=0.001), slippage=0.0002),
    "fixed and least": pt.Costs(fees=pt.Fees(fixed=0.01, per_unit=0.02, minimum=0.05, cap=0.1)),
}
LIMITS = {
    "wide": pt.Limits(),
    "drawdown": pt.Limits(max_drawdown=0.01),
    "daily loss, flatten": pt.Limits(max_daily_loss=0.003, flatten=True),
}


def any_grid(rng):
    return Grid(
        anchor=float(rng.choice([0.0, 99.5, 101.23])),
        spacing=float(rng.choice([0.00005, 0.001, 0.004])),
        lots=int(rng.integers(1, 30)),
        levels=int(rng.integers(1, 12)),
        allow_short=bool(rng.integers(2)),
    )


def any_maker(rng):
    lots = int(rng.integers(1, 30))
    return MarketMaker(
        half_spread=float(rng.choice([1e-6, 0.0005, 0.002])),
        atr=float(rng.choice([0.0, 0.5])),
        n=int(rng.integers(1, 20)),
        lots=lots,
        max_lots=lots * int(rng.integers(1, 6)),
        skew=float(rng.uniform(0, 3)),
        allow_short=bool(rng.integers(2)),
    )


STRATEGIES = {
    "script": lambda rng: Scripted(seed=int(rng.integers(2**31))),
    "grid": any_grid,
    "market maker": any_maker,
}


def assert_same(strategy, bars, **terms):
    slow = pt.backtest(strategy, bars, engine="session", **terms).record
    fast = pt.backtest(strategy, bars, engine="fast", **terms).record
    assert (slow.engine, fast.engine) == ("session", "compiled")
    assert fast.fills.differs_from(slow.fills) == ""
    assert fast.equity.tobytes() == slow.equity.tobytes()
    assert fast.held.tobytes() == slow.held.tobytes()
    assert fast.lots.tolist() == slow.lots.tolist()
    assert (fast.ruined, fast.halted, fast.halted_row) == (
        slow.ruined, slow.halted, slow.halted_row,
    )  # fmt: skip
    assert fast.counts == slow.counts
    return fast


@pytest.mark.parametrize("name", STRATEGIES)
@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    jumpy=st.booleans(),
    gaps=st.booleans(),
    costs=st.sampled_from(sorted(COSTS)),
    limits=st.sampled_from(sorted(LIMITS)),
    cash=st.sampled_from([1e6, 1e6, 4.0]),
    shortfall=st.sampled_from(["scale", "reject"]),
)
def test_compiled_orders_book_what_the_session_books(
    name, seed, jumpy, gaps, costs, limits, cash, shortfall
):
    bars = minutes(200, seed, jumpy=jumpy, gaps=gaps)
    strategy = STRATEGIES[name](np.random.default_rng(seed))
    assert_same(
        strategy,
        bars,
        cash=cash,
        costs=COSTS[costs],
        limits=LIMITS[limits],
        shortfall=shortfall,
    )


def test_the_scripts_of_the_law_meet_every_kind_of_fill():
    """At opens and inside bars, as maker and as taker; and each kind of order trades."""
    met = set()
    for seed in range(30):
        bars = minutes(200, seed)
        costs = pt.Costs(fees=pt.Fees(maker=0.0, taker=0.001))
        fills = assert_same(Scripted(seed=seed), bars, cash=1e6, costs=costs).fills
        at_open = fills.time != bars.time[fills.row]
        met |= set(zip(at_open.tolist(), (fills.fee > 0.0).tolist(), strict=True))
    assert met == {(True, True), (True, False), (False, True), (False, False)}


class Flips(Scripted):
    """Turns from long to short and back with one order each, and is all in."""

    def on_bar(self, bar, view):
        lots = 100 + 20 * bar.row
        return [Request(lots if bar.row % 2 else -lots)] if bar.row % 3 == 0 else ()

    def compiled(self, instrument):
        return CompiledStrategy(flips, np.zeros(1), np.zeros(1))


def flips(_state, _params, bar, _account, _orders, asked):
    row = int(bar[ROW])
    if row % 3:
        return 0
    lots = 100 + 20 * row
    return ask(asked, 0, MARKET, lots if row % 2 else -lots, np.nan, 0)


def test_an_order_that_turns_the_position_is_booked_in_two_fills():
    for cash in (80.0, 200.0):
        costs = pt.Costs(commission=0.001)
        record = assert_same(Flips(), minutes(60, 3), cash=cash, costs=costs)
        held = np.cumsum(record.fills.lots)
        before = held - record.fills.lots
        assert (held * before >= 0).all()
        assert (held > 0).any()
        assert (held < 0).any()
