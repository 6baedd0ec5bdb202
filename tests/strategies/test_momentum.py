"""Momentum against a plain sort, and against the rule of each row by itself."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.bars import Bars
from peak_trade.strategies import CrossSectionalMomentum, TimeSeriesMomentum


def plain(bars, lookback, top, every):
    weights = np.full(bars.close.shape, np.nan)
    for t in range(0, len(bars), every):
        if t < lookback:
            continue
        change = bars.close[t] / bars.close[t - lookback] - 1
        ranked = [j for j in range(len(change)) if bars.tradable[t, j] and np.isfinite(change[j])]
        ranked.sort(key=lambda j: -change[j])
        weights[t] = 0.0
        weights[t, ranked[:top]] = 1 / top
    return weights


@given(
    seed=st.integers(0, 2**32),
    lookback=st.integers(1, 15),
    top=st.integers(1, 7),
    every=st.integers(1, 12),
)
def test_momentum_targets_equal_a_plain_sort(seed, lookback, top, every):
    rng = np.random.default_rng(seed)
    close = rng.integers(1, 6, (40, 6)).astype(np.float64)  # many ties
    close[: seed % 30, 0] = np.nan
    tradable = (rng.random((40, 6)) < 0.8) & np.isfinite(close)
    bars = Bars.from_arrays(close, tradable=tradable)
    found = CrossSectionalMomentum(lookback=lookback, top=top, every=every).targets(bars)
    np.testing.assert_array_equal(found, plain(bars, lookback, top, every))


def test_momentum_of_equals_takes_the_columns_from_the_left():
    bars = Bars.from_arrays(np.ones((3, 5)))
    found = CrossSectionalMomentum(lookback=1, top=2, every=1).targets(bars)
    assert found[1].tolist() == [0.5, 0.5, 0, 0, 0]


def test_momentum_of_fewer_instruments_than_top_leaves_the_rest_in_cash():
    bars = Bars.from_arrays(np.ones((3, 2)))
    found = CrossSectionalMomentum(lookback=1, top=4, every=1).targets(bars)
    assert found[2].tolist() == [0.25, 0.25]


@pytest.mark.parametrize("rows", [0, 1, 5, 6])
def test_momentum_of_too_short_a_history_states_nothing(rows):
    bars = Bars.from_arrays(np.ones((10, 2)))[:rows]
    found = CrossSectionalMomentum(lookback=5, top=1, every=6).targets(bars)
    assert found.shape == (rows, 2)
    assert np.isnan(found).all()


def walk(rows, width, seed=3):
    rng = np.random.default_rng(seed)
    return 100 * np.exp(np.cumsum(rng.standard_normal((rows, width)) * 0.01, axis=0))


def plain_trend(close, strategy, *, years):
    """Each deciding row by itself, with pandas for the deviation."""
    rows, width = close.shape
    weights = np.full(close.shape, np.nan)
    returns = pd.DataFrame(close).pct_change()
    for t in range(strategy.warmup, rows):
        if t % strategy.every:
            continue
        for j in range(width):
            moved = close[t, j] - close[t - strategy.lookback, j]
            side = 1.0 if moved > 0 else -1.0 if moved < 0 else 0.0
            if side < 0 and not strategy.allow_short:
                side = 0.0
            factor = 1.0
            if strategy.target > 0:
                window = returns[j].iloc[t - strategy.window + 1 : t + 1]
                factor = min(1.0, strategy.target / (window.std() * years**0.5))
            weights[t, j] = side * factor / width
    return weights


@pytest.mark.parametrize("target", [0.0, 0.15])
@pytest.mark.parametrize("allow_short", [False, True])
@pytest.mark.parametrize(("lookback", "window", "every"), [(60, 20, 7), (10, 30, 5), (1, 2, 1)])
def test_trend_targets_equal_the_paper_row_by_row(target, allow_short, lookback, window, every):
    strategy = TimeSeriesMomentum(
        lookback=lookback, window=window, every=every, target=target, allow_short=allow_short
    )
    close = walk(200, 3)
    found = strategy.targets(Bars.from_arrays(close))
    expected = plain_trend(close, strategy, years=365)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)
    assert np.nanmax(np.abs(found)) <= 1 / 3


def test_trend_of_a_quiet_market_is_held_in_full_and_of_a_wild_one_in_part():
    calm = 100 * 1.0001 ** np.arange(100.0)
    wild = calm * np.where(np.arange(100) % 2, 1.05, 1.0)
    bars = Bars.from_arrays(np.column_stack((calm, wild)))
    found = TimeSeriesMomentum(lookback=50, every=1, target=0.1, window=20).targets(bars)
    assert found[-1, 0] == 0.5
    assert 0 < found[-1, 1] < 0.1


def test_trend_of_instruments_without_history_is_flat():
    close = walk(60, 2)
    close[:30, 1] = np.nan
    found = TimeSeriesMomentum(lookback=20, every=10, target=0.2, window=10).targets(
        Bars.from_arrays(close)
    )
    assert found[[20, 30, 40], 1].tolist() == [0.0, 0.0, 0.0]
    assert found[50, 1] != 0.0
    assert (found[20:60:10, 0] != 0).all()


def test_trend_of_an_unchanged_price_is_flat():
    bars = Bars.from_arrays(np.full((40, 2), 7.0))
    found = TimeSeriesMomentum(lookback=20, every=10, target=0.2, window=10).targets(bars)
    assert found[[20, 30]].tolist() == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("rows", [0, 1, 20])
def test_trend_of_too_short_a_history_states_nothing(rows):
    found = TimeSeriesMomentum(lookback=20, every=3).targets(Bars.from_arrays(walk(60, 2))[:rows])
    assert found.shape == (rows, 2)
    assert np.isnan(found).all()
