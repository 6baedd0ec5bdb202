"""The volatility target, against pandas row by row, and by what must hold in any market."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws.test_causality import KINDS, market

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError, StrategyError
from peak_trade.portfolio.overlay import VolatilityTarget
from peak_trade.strategies import CrossSectionalMomentum, MaCross


class Gives:
    def __init__(self, value):
        self.value = np.asarray(value)

    def targets(self, bars):
        return self.value[: len(bars)]


def walk(rows, width=1, seed=2):
    rng = np.random.default_rng(seed)
    return 100 * np.exp(np.cumsum(rng.standard_normal((rows, width)) * 0.02, axis=0))


def by_covariance(close, weights, annual, window, leverage):
    """The same by Markowitz: w' S w, with the sample covariance of the window."""
    returns = pd.DataFrame(close).pct_change()
    held = np.zeros(weights.shape)
    for t in range(window, len(close)):
        w = weights[t]
        sigma = returns.iloc[t - window + 1 : t + 1].cov().to_numpy()
        volatility = math.sqrt(w @ sigma @ w * 365)
        if np.abs(w).sum() > 0:
            held[t] = w * min(annual / volatility, leverage / np.abs(w).sum())
    return held


@pytest.mark.parametrize(("annual", "leverage"), [(0.1, 1.0), (0.2, 0.5), (2.0, 1.0)])
def test_volatility_target_equals_the_covariance_formula(annual, leverage):
    close = walk(150, 3)
    weights = np.random.default_rng(5).choice([-0.4, -0.1, 0.0, 0.1, 0.3], (150, 3))
    strategy = VolatilityTarget(
        strategy=Gives(weights), annual=annual, window=20, max_leverage=leverage
    )
    found = strategy.targets(Bars.from_arrays(close))
    expected = by_covariance(close, weights, annual, 20, leverage)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_volatility_target_of_what_never_was_stated_states_nothing():
    stated = np.full((40, 2), np.nan)
    stated[10, 0], stated[30, 0] = 1.0, 0.0
    found = VolatilityTarget(strategy=Gives(stated), window=5).targets(
        Bars.from_arrays(walk(40, 2))
    )
    assert np.isnan(found[:10, 0]).all()
    assert np.isnan(found[:, 1]).all()
    assert (found[10:30, 0] > 0).all()
    assert (found[30:, 0] == 0).all()


def test_volatility_target_before_its_window_is_flat():
    found = VolatilityTarget(strategy=Gives(np.ones((30, 1))), window=10).targets(
        Bars.from_arrays(walk(30))
    )
    assert (found[:10] == 0).all()
    assert (found[10:] > 0).all()


def test_volatility_target_of_something_held_without_history_is_flat():
    close = walk(30, 2)
    close[:20, 1] = np.nan
    strategy = VolatilityTarget(strategy=Gives(np.full((30, 2), 0.5)), window=5)
    found = strategy.targets(Bars.from_arrays(close))
    assert (found[:25] == 0).all()
    assert (found[25:] > 0).all()
    alone = VolatilityTarget(strategy=Gives(np.tile([0.5, 0.0], (30, 1))), window=5)
    assert (alone.targets(Bars.from_arrays(close))[5:, 0] > 0).all()


@given(
    seed=st.integers(0, 2**32),
    kinds=st.frozensets(st.sampled_from(KINDS)),
    leverage=st.floats(0.1, 1.0),
)
def test_exposure_of_a_volatility_target_stays_within_its_leverage(seed, kinds, leverage):
    bars = market(seed, kinds, 50, 3)
    child = MaCross(fast=2, slow=5)
    strategy = VolatilityTarget(strategy=child, annual=0.5, window=6, max_leverage=leverage)
    found, before = strategy.targets(bars), child.targets(bars)
    assert np.isfinite(found).all()
    assert (np.abs(found).sum(axis=1) <= leverage * (1 + 1e-12)).all()
    assert (found[before == 0] == 0).all()
    assert (found >= 0).all()


@given(seed=st.integers(0, 2**32), low=st.floats(0.01, 0.5), more=st.floats(0.01, 0.5))
def test_exposure_never_falls_when_the_target_rises(seed, low, more):
    bars, child = Bars.from_arrays(walk(60, 2, seed)), MaCross(fast=2, slow=5)
    less = VolatilityTarget(strategy=child, annual=low, window=10).targets(bars)
    most = VolatilityTarget(strategy=child, annual=low + more, window=10).targets(bars)
    assert (most >= less).all()


def test_volatility_target_makes_no_difference_of_the_size_it_is_given():
    bars = Bars.from_arrays(walk(80))
    half, whole = (
        VolatilityTarget(strategy=Gives(np.full((80, 1), size)), annual=0.1, window=20)
        for size in (0.5, 1.0)
    )
    np.testing.assert_allclose(half.targets(bars), whole.targets(bars), rtol=1e-12)


def test_warmup_of_a_volatility_target_is_the_longer_one():
    child = CrossSectionalMomentum(lookback=90)
    assert VolatilityTarget(strategy=child, window=60).warmup == 90
    assert VolatilityTarget(strategy=child, window=120).warmup == 120


@pytest.mark.parametrize("child", [MaCross, 3, None])
def test_volatility_target_of_what_is_no_strategy_is_refused(child):
    with pytest.raises(StrategyError, match="in VolatilityTarget is not a strategy"):
        VolatilityTarget(strategy=child)


@pytest.mark.parametrize("values", [{"annual": 0.0}, {"window": 1}, {"max_leverage": 1.5}])
def test_volatility_target_with_a_parameter_out_of_range_is_refused(values):
    with pytest.raises(ParameterError, match="out of range"):
        VolatilityTarget(strategy=MaCross(), **values)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_volatility_target_of_a_short_history_is_flat(rows):
    strategy = VolatilityTarget(strategy=MaCross(fast=1, slow=2), window=5)
    found = strategy.targets(Bars.from_arrays(walk(10))[:rows])
    assert found.shape == (rows, 1)
    assert not found.any()
