"""Tails against empyrical-reloaded, and value at risk against a normal distribution."""

import math
import sys
from statistics import NormalDist

import empyrical
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stats.series import quietly, same, series

from peak_trade.domain.errors import InputError, ParameterError
from peak_trade.stats import tail

LEVELS = st.sampled_from([0.01, 0.05, 0.3, 0.5])


@given(series(), LEVELS)
def test_value_at_risk_of_random_series_equals_empyrical(returns, level):
    known = returns[~np.isnan(returns)]
    theirs = quietly(empyrical.value_at_risk, known, cutoff=level)
    assert same(tail.value_at_risk(returns, level=level), theirs)


@given(series(), LEVELS)
def test_conditional_value_at_risk_of_random_series_equals_empyrical(returns, level):
    theirs = quietly(empyrical.conditional_value_at_risk, returns, cutoff=level)
    assert same(tail.conditional_value_at_risk(returns, level=level), theirs)


@given(series(least=1), LEVELS)
def test_conditional_value_at_risk_is_no_better_than_the_value_at_risk(returns, level):
    known = returns[~np.isnan(returns)]
    if len(known):
        worst = tail.conditional_value_at_risk(returns, level=level)
        assert worst <= tail.value_at_risk(returns, level=level) + 1e-15


@given(series())
def test_tail_ratio_of_random_series_equals_empyrical(returns):
    assert same(tail.tail_ratio(returns), quietly(empyrical.tail_ratio, returns))


def test_value_at_risk_of_normal_returns_is_their_quantile():
    returns = np.random.default_rng(3).normal(0.001, 0.02, 400_000)
    normal = NormalDist(0.001, 0.02)
    for level in (0.01, 0.05):
        assert tail.value_at_risk(returns, level=level) == pytest.approx(
            normal.inv_cdf(level), abs=3e-4
        )
        z = NormalDist().inv_cdf(level)
        mean = 0.001 - 0.02 * NormalDist().pdf(z) / level
        assert tail.conditional_value_at_risk(returns, level=level) == pytest.approx(mean, abs=3e-4)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(0, 200))
def test_pareto_tail_of_random_series_equals_empyrical(seed, size):
    rng = np.random.default_rng(seed)
    returns = 0.01 * rng.standard_t(3, size)
    with np.errstate(all="ignore"):
        theirs = empyrical.gpd_risk_estimates(returns)
    found = tail.pareto_tail(returns)
    ours = [
        found.threshold,
        found.scale,
        found.shape,
        found.value_at_risk,
        found.expected_shortfall,
    ]
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-8)


def test_pareto_tail_without_a_loss_is_none():
    assert tail.pareto_tail(np.array([0.01, 0.02, 0.0])) == tail.ParetoTail(0, 0, 0, 0, 0)


def test_pareto_tail_without_scipy_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(InputError, match="pip install"):
        tail.pareto_tail(np.array([0.01, -0.3, -0.4, -0.25]))


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 5.0, math.nan])
def test_level_outside_0_and_1_is_refused(level):
    for figure in (tail.value_at_risk, tail.conditional_value_at_risk):
        with pytest.raises(ParameterError, match="between 0 and 1"):
            figure(np.array([0.01]), level=level)
    with pytest.raises(ParameterError, match="between 0 and 1"):
        tail.pareto_tail(np.array([0.01]), probability=level)
