"""Donchian breakouts against a plain loop over the bars before each one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.strategies import DonchianBreakout


def random_bars(seed, rows=300, width=1):
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.standard_normal((rows, width)) * 0.02, axis=0)), 1)
    opened = np.round(close * np.exp(rng.standard_normal((rows, width)) * 0.01), 1)
    high = np.maximum(opened, close) + np.round(rng.random((rows, width)), 1)
    low = np.minimum(opened, close) - np.round(rng.random((rows, width)), 1)
    return Bars.from_arrays(close, open=opened, high=high, low=low)


def plain(high, low, close, entry, exit_, allow_short):
    side, sides = 0, []
    for t, price in enumerate(close):
        if side > 0 and t >= exit_ and price < min(low[t - exit_ : t]):
            side = 0
        if side < 0 and t >= exit_ and price > max(high[t - exit_ : t]):
            side = 0
        if t >= entry and price > max(high[t - entry : t]):
            side = 1
        if allow_short and t >= entry and price < min(low[t - entry : t]):
            side = -1
        sides.append(side)
    return sides


@pytest.mark.parametrize("allow_short", [False, True])
@given(seed=st.integers(0, 2**32), exit_=st.integers(1, 12), more=st.integers(0, 12))
def test_breakout_targets_equal_the_rules_row_by_row(allow_short, seed, exit_, more):
    bars = random_bars(seed, rows=120)
    strategy = DonchianBreakout(entry=exit_ + more, exit=exit_, allow_short=allow_short)
    columns = (x[:, 0].tolist() for x in (bars.high, bars.low, bars.close))
    expected = plain(*columns, exit_ + more, exit_, allow_short)
    np.testing.assert_array_equal(strategy.targets(bars)[:, 0], expected)


def test_breakout_with_shorts_takes_all_three_sides():
    targets = DonchianBreakout(entry=10, exit=4, allow_short=True).targets(random_bars(3))
    assert set(np.unique(targets)) == {-1.0, 0.0, 1.0}


def test_breakout_of_a_panel_gives_each_instrument_its_share():
    bars = random_bars(4, width=4)
    strategy = DonchianBreakout(entry=10, exit=4)
    alone = [strategy.targets(bars.select(symbol))[:, 0] for symbol in bars.symbols]
    assert strategy.targets(bars.select(bars.symbols[0])).dtype == np.bool_
    np.testing.assert_array_equal(strategy.targets(bars), np.transpose(alone) / 4)


def test_breakout_at_the_highest_high_before_does_not_enter():
    bars = Bars.from_arrays([10.0, 12.0, 11.0, 12.0, 12.1])
    assert DonchianBreakout(entry=3, exit=3).targets(bars).ravel().tolist() == [0, 0, 0, 0, 1]


def test_breakout_beyond_the_close_but_within_the_high_does_not_enter():
    close = [10.0, 10.0, 10.0, 11.0]
    bars = Bars.from_arrays(close, open=close, high=[10.0, 11.5, 10.0, 11.0])
    assert not DonchianBreakout(entry=3, exit=1).targets(bars).any()


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_breakout_of_too_short_a_history_is_flat(rows):
    targets = DonchianBreakout(entry=5, exit=2).targets(random_bars(1)[:rows])
    assert targets.shape == (rows, 1)
    assert not targets.any()


def test_breakout_warmup_is_the_first_row_that_may_enter():
    rising = Bars.from_arrays(np.arange(1.0, 100.0))
    strategy = DonchianBreakout(entry=40, exit=7)
    assert np.flatnonzero(strategy.targets(rising))[0] == strategy.warmup == 40


def test_breakout_with_exit_above_entry_is_refused():
    with pytest.raises(ParameterError, match="exit 21 is above entry 20"):
        DonchianBreakout(entry=20, exit=21)


@pytest.mark.parametrize(
    ("allow_short", "names"),
    [
        (False, {"high 9", "low 3"}),
        (True, {"high 9", "low 3", "low 9", "high 3"}),
    ],
)
def test_indicators_of_a_breakout_are_the_edges_that_closes_cross(allow_short, names):
    bars = random_bars(2, rows=60)
    lines = DonchianBreakout(entry=9, exit=3, allow_short=allow_short).indicators(bars)
    assert set(lines) == names
    assert lines["high 9"][30, 0] == bars.high[21:30].max()
    assert lines["low 3"][30, 0] == bars.low[27:30].min()
