"""Decisions on prices: against whole numbers of ticks, and exact fractions."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.kernels import match

SIDES = st.sampled_from([1, -1])
TICKS = st.integers(1, 10_000_000)
TICK_SIZES = st.sampled_from(["0.01", "0.1", "0.05", "0.5", "1", "0.25", "0.00001"])


def price_of(ticks: int, tick: str) -> float:
    """The float nearest to a whole number of decimal ticks."""
    return float(ticks * Decimal(tick))


@given(SIDES, st.integers(2, 10_000_000), TICK_SIZES, st.integers(-3, 3))
def test_limit_is_through_exactly_one_tick_beyond_it(
    side: int, ticks: int, tick: str, off: int
) -> None:
    limit, market = price_of(ticks, tick), price_of(max(ticks + off, 1), tick)
    beyond = side * (ticks - max(ticks + off, 1))
    size = float(tick)
    through = match.trades_through(side, limit, size, False)
    assert match.reaches(side, market, through) == (beyond >= 1)
    assert match.reaches(side, market, match.trades_through(side, limit, size, True)) == (
        beyond >= 0
    )


@given(SIDES, TICKS, TICKS)
def test_limit_price_is_never_worse_than_the_limit_nor_than_the_market(
    side: int, limit: int, market: int
) -> None:
    made = match.limit_price(side, float(limit), float(market))
    assert side * (limit - made) >= 0
    assert side * (market - made) >= 0
    assert made in (limit, market)


@given(SIDES, TICKS, TICKS)
def test_stop_and_take_profit_wait_on_opposite_sides_of_their_trigger(
    side: int, market: int, trigger: int
) -> None:
    stop = match.triggers(match.STOP, side, float(market), float(trigger))
    take = match.triggers(match.TAKE_PROFIT, side, float(market), float(trigger))
    assert stop or take
    assert (stop and take) == (market == trigger)
    assert match.triggers(match.TRAILING_STOP, side, float(market), float(trigger)) == stop
    if market != trigger:
        assert stop == (side * (market - trigger) > 0)  # worse: higher for who buys


@given(st.integers(-3, 3), st.integers(90, 110), st.integers(0, 9), st.integers(0, 9))
def test_path_of_a_bar_goes_to_what_hurts_first(held: int, open_: int, up: int, down: int) -> None:
    is_up = match.goes_up_first(held, float(open_), float(open_ + up), float(open_ - down))
    assert is_up == {1: False, -1: True, 0: up < down}[(held > 0) - (held < 0)]


@given(SIDES, st.lists(st.tuples(TICKS, TICKS), min_size=1, max_size=6), st.integers(1, 500))
def test_trailing_trigger_follows_the_best_price_and_never_goes_back(
    side: int, bars: list[tuple[int, int]], trail: int
) -> None:
    best, trigger, seen = float("nan"), float("nan"), []
    for a, b in bars:
        high, low = max(a, b), min(a, b)
        seen.append(low if side > 0 else high)
        best = match.best_after(side, best, high * 0.5, low * 0.5)
        moved = match.trailing_trigger(side, best, trail * 0.5, 0.5)
        before, trigger = trigger, match.nearer_trigger(side, trigger, moved)
        if before == before:
            assert side * (before - trigger) >= 0
    exact = (min(seen) + trail) if side > 0 else (max(seen) - trail)
    assert trigger == exact * 0.5


@given(
    st.fractions(0, 2).map(float),
    st.integers(0, 10**6),
    st.sampled_from([1.0, 0.5, 0.25, 2.0]),
    st.integers(0, 1000),
)
def test_volume_left_is_the_whole_lots_of_the_share(
    share: float, volume: int, lot: float, taken: int
) -> None:
    exact = Fraction(share) * volume / Fraction(lot)
    left = match.volume_left(share, float(volume), lot, taken)
    assert abs(left - max(int(exact) - taken, 0)) <= 1
    assert left <= max(exact * (1 + Fraction(1, 10**11)) - taken, 0)


def test_volume_left_of_a_decimal_share_loses_no_lot() -> None:
    assert match.volume_left(0.1, 30.0, 0.1, 0) == 30
    assert match.volume_left(0.1, 70.0, 1.0, 3) == 4
    assert match.volume_left(0.1, 70.0, 1.0, 9) == 0


@pytest.mark.parametrize("volume", [0.0, -1.0, np.nan])
def test_volume_left_without_volume_is_nothing_unless_it_is_unbounded(volume: float) -> None:
    assert match.volume_left(0.5, volume, 1.0, 0) == 0
    assert match.volume_left(1e9, volume, 1.0, 5) > 10**18


@given(st.integers(-50, 50), st.integers(-50, 50).filter(bool))
def test_reducing_lots_bring_a_position_closer_to_flat_and_no_further(held: int, lots: int) -> None:
    less = match.reducing_lots(held, lots)
    best = min((lots * k // abs(lots) for k in range(abs(lots) + 1)), key=lambda n: abs(held + n))
    assert less == best
