"""At which price orders fill, against exact arithmetic and properties."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.kernels import fills

prices = st.floats(0.01, 1e6)
fractions = st.floats(0.001, 0.99)
ticks = st.sampled_from([0.01, 0.05, 0.5, 1.0, 1e-4, 0.25])
sides = st.sampled_from([1, -1])


@pytest.mark.parametrize(("lots", "expected"), [(5, 101.0), (-5, 99.0)])
def test_market_order_fills_worse_by_the_slippage(lots: int, expected: float) -> None:
    assert fills.market_price(100.0, lots, 0.01) == expected


@given(prices, sides, st.floats(0, 0.5))
def test_slippage_never_helps(price: float, side: int, slippage: float) -> None:
    assert side * (fills.market_price(price, side, slippage) - price) >= 0


@given(st.integers(1, 10**7), ticks)
def test_tick_price_is_the_float_nearest_to_the_decimal(count: int, tick: float) -> None:
    assert fills.tick_price(count, tick) == float(count * Fraction(repr(tick)))


@given(prices, sides, fractions, ticks)
def test_levels_lie_on_ticks_at_or_beyond_the_exact_level(price, side, fraction, tick) -> None:
    exact = price * (1 - side * fraction)
    stop = fills.stop_ticks(price, side, fraction, tick)
    assert -1e-6 < side * (exact / tick - stop) < 1 + 1e-6
    exact = price * (1 + side * fraction)
    take = fills.take_ticks(price, side, fraction, tick)
    assert -1e-6 < side * (take - exact / tick) < 1 + 1e-6


def test_level_that_rounding_moved_off_its_tick_lies_on_it() -> None:
    assert 100.0 * (1 - 0.35) != 65.0 or 110.0 * 1.1 != 121.0  # floats that miss their decimal
    assert fills.stop_level(100.0, 1, 0.35, 0.01) == 65.0
    assert fills.take_level(110.0, 1, 0.1, 0.01) == 121.0


@pytest.mark.parametrize(
    ("average", "side", "stop", "take"),
    [(10.10505, 1, 9.59, 10.62), (10.10505, -1, 10.62, 9.59)],
)
def test_levels_are_rounded_away_from_the_entry(average, side, stop, take) -> None:
    assert fills.stop_level(average, side, 0.05, 0.01) == stop
    assert fills.take_level(average, side, 0.05, 0.01) == take


def test_unset_exit_has_no_level() -> None:
    assert math.isnan(fills.stop_level(100.0, 1, np.nan, 0.01))
    assert math.isnan(fills.take_level(100.0, -1, np.nan, 0.01))


def twin_open(side: int, open_: float, stop: float, take: float) -> int:
    if side * open_ <= side * stop:
        return fills.STOP_LOSS
    return fills.TAKE_PROFIT if side * open_ >= side * take else fills.NO_EXIT


def twin_range(side: int, high: float, low: float, stop: float, take: float) -> int:
    worst, best = (low, high) if side > 0 else (high, low)
    if side * worst <= side * stop:
        return fills.STOP_LOSS
    return fills.TAKE_PROFIT if side * best >= side * take else fills.NO_EXIT


levels = st.one_of(st.just(math.nan), st.integers(90, 110).map(float))


@given(sides, st.integers(90, 110), levels, levels)
def test_open_beyond_equals_its_twin(side: int, open_: int, stop: float, take: float) -> None:
    found = fills.opens_beyond(side, float(open_), stop, take)
    assert found == twin_open(side, open_, stop, take)


@given(sides, st.integers(90, 110), st.integers(0, 10), levels, levels)
def test_reach_equals_its_twin(side, low: int, width: int, stop: float, take: float) -> None:
    found = fills.reaches(side, float(low + width), float(low), stop, take)
    assert found == twin_range(side, low + width, low, stop, take)


def test_stop_slips_and_take_profit_does_not() -> None:
    assert fills.exit_price(fills.STOP_LOSS, 1, 95.0, 0.01) == 95.0 * 0.99
    assert fills.exit_price(fills.STOP_LOSS, -1, 105.0, 0.01) == 105.0 * 1.01
    assert fills.exit_price(fills.TAKE_PROFIT, 1, 110.0, 0.01) == 110.0
