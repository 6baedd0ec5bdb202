"""The mean of strategies."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError, StrategyError
from peak_trade.portfolio.recipe import Mean
from peak_trade.strategies import CrossSectionalMomentum, MaCross


class Gives:
    def __init__(self, value):
        self.value = value

    def targets(self, bars):
        return self.value


@given(seed=st.integers(0, 2**32), children=st.integers(1, 4))
def test_mean_equals_the_average_of_children_filled_forward(seed, children):
    rng = np.random.default_rng(seed)
    values = rng.uniform(-1, 1, (children, 30, 2))
    values[rng.random(values.shape) < 0.5] = np.nan
    found = Mean(strategies=tuple(Gives(value) for value in values)).targets(
        Bars.from_arrays(np.ones((30, 2)))
    )
    filled = [pd.DataFrame(value).ffill().fillna(0.0).to_numpy() for value in values]
    expected = np.where(np.isnan(values).all(axis=0), np.nan, np.mean(filled, axis=0))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_mean_of_bools_integers_and_floats_is_float():
    children = (Gives(np.array([True, False])), Gives([1, 1]), Gives([[0.25], [-1.0]]))
    found = Mean(strategies=children).targets(Bars.from_arrays([1.0, 1.0]))
    assert found.ravel().tolist() == [0.75, 0.0]


def test_mean_of_means_is_a_strategy():
    bars = Bars.from_arrays(np.ones((4, 2)))
    inner = Mean(strategies=(Gives(np.ones((4, 2))), Gives(np.zeros((4, 2)))))
    assert (Mean(strategies=(inner, inner)).targets(bars) == 0.5).all()


def test_warmup_of_a_mean_is_the_longest_of_its_children():
    children = (MaCross(fast=2, slow=30), CrossSectionalMomentum(lookback=60), Gives(None))
    assert Mean(strategies=children).warmup == 60


@pytest.mark.parametrize("strategies", [(), [], MaCross()])
def test_mean_of_nothing_or_of_no_tuple_is_refused(strategies):
    with pytest.raises(ParameterError, match="expected a tuple of at least one strategy"):
        Mean(strategies=strategies)


@pytest.mark.parametrize("child", [MaCross, 3, "ma_cross"])
def test_mean_of_what_is_no_strategy_is_refused(child):
    with pytest.raises(StrategyError, match="in Mean is not a strategy"):
        Mean(strategies=(child,))


def test_mean_names_the_child_whose_targets_cannot_be_traded():
    with pytest.raises(StrategyError, match="targets of Gives have shape"):
        Mean(strategies=(Gives([1.0]),)).targets(Bars.from_arrays([1.0, 2.0]))
