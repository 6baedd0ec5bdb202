"""Measures of returns against empyrical-reloaded and scipy, and against hand-made series."""

import math

import empyrical
import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from stats.series import quietly, same, series

from peak_trade.domain.errors import ParameterError
from peak_trade.stats import returns as shape

YEAR = 252.0
FALLS = np.array([-0.1, 0.05, -0.2, 0.1])  # wealth 0.9, 0.945, 0.756, 0.8316


@given(series(), st.sampled_from([0.0, 0.001, -0.01]))
def test_downside_risk_of_random_series_equals_empyrical(returns, rate):
    theirs = quietly(empyrical.downside_risk, returns, required_return=rate, annualization=YEAR)
    assert same(shape.downside_risk(returns, YEAR, required=rate), theirs)


@given(series(), st.sampled_from([12.0, 252.0]))
def test_calmar_of_random_series_equals_empyrical(returns, year):
    theirs = quietly(empyrical.calmar_ratio, returns, annualization=year)
    assert same(shape.calmar(returns, year), theirs, rel=1e-8)


@given(series(), st.sampled_from([0.0, 0.001]), st.sampled_from([0.0, 0.1, 2.0, -0.5, -1.0]))
def test_omega_of_random_series_equals_empyrical(returns, rate, required):
    theirs = quietly(
        empyrical.omega_ratio, returns, risk_free=rate, required_return=required, annualization=YEAR
    )
    ours = shape.omega(returns, YEAR, risk_free=rate, required_annual=required)
    threshold = math.expm1(math.log1p(required) / YEAR) + rate if required > -1 else 0.0
    assume(not (np.abs(returns - threshold) < 1e-15).any())  # the rounding would decide
    assert same(ours, theirs, rel=1e-8)


@given(series(least=2))
def test_stability_of_random_series_equals_empyrical(returns):
    known = returns[~np.isnan(returns)]
    assume(len(known) >= 3)
    theirs = quietly(empyrical.stability_of_timeseries, returns)
    assert same(shape.stability(returns), theirs, rel=1e-7, tiny=1e-9)


@pytest.mark.parametrize("returns", [[], [0.01], [np.nan, 0.01], [0.01, -1.0, 0.02]])
def test_stability_without_a_line_is_not_defined(returns):
    assert math.isnan(shape.stability(np.array(returns)))


@given(series(least=3))
def test_moments_of_random_series_equal_scipy(returns):
    known = returns[~np.isnan(returns)]
    assume(len(known) >= 2 and known.min() < known.max())
    assert same(shape.skewness(returns), float(scipy.stats.skew(known)), rel=1e-8)
    assert same(shape.excess_kurtosis(returns), float(scipy.stats.kurtosis(known)), rel=1e-8)


@pytest.mark.parametrize("returns", [[], [0.01], [0.01, 0.01, 0.01], [np.nan, np.nan]])
def test_moments_of_what_does_not_move_are_not_defined(returns):
    assert math.isnan(shape.skewness(np.array(returns)))
    assert math.isnan(shape.excess_kurtosis(np.array(returns)))


@given(series())
def test_cumulative_returns_of_random_series_equal_empyrical(returns):
    for start in (0.0, 100.0):
        theirs = empyrical.cum_returns(returns, starting_value=start)
        np.testing.assert_allclose(
            shape.cumulative_returns(returns, start=start), theirs, rtol=1e-12, atol=1e-14
        )


def test_simple_returns_of_a_panel_go_column_by_column():
    found = shape.simple_returns([[100.0, 1.0], [110.0, 0.0], [99.0, 2.0]])
    np.testing.assert_allclose(found, [[0.1, -1.0], [-0.1, np.inf]], rtol=1e-12)


def test_ulcer_index_by_hand_is_the_root_mean_square_of_the_drawdowns():
    falls = [0.1, 1 - 0.945, 1 - 0.756, 1 - 0.8316]
    expected = math.sqrt(sum(x * x for x in falls) / 4)
    assert shape.ulcer_index(FALLS) == pytest.approx(expected, rel=1e-12)
    growth = (0.8316 ** (2 / 4) - 1) - (1.01**2 - 1)
    assert shape.martin_ratio(FALLS, 2, risk_free=0.01) == pytest.approx(growth / expected)


def test_gain_to_pain_and_recovery_by_hand():
    assert shape.gain_to_pain(FALLS) == pytest.approx(-0.15 / 0.3)
    assert shape.recovery_factor(FALLS) == pytest.approx((0.8316 - 1) / (1 - 0.756))
    assert shape.gain_to_pain(np.array([0.1, 0.0])) == math.inf
    assert shape.recovery_factor(np.array([0.1, 0.0])) == math.inf


@pytest.mark.parametrize(
    "figure",
    [
        shape.ulcer_index,
        shape.gain_to_pain,
        shape.recovery_factor,
        shape.positive_share,
        lambda r: shape.martin_ratio(r, YEAR),
        lambda r: shape.best_and_worst(r)[0],
        lambda r: shape.best_and_worst(r)[1],
    ],
)
def test_figure_of_no_returns_is_not_defined(figure):
    assert math.isnan(figure(np.empty(0)))


def test_figures_skip_periods_that_are_missing():
    gaps = np.array([-0.1, np.nan, 0.05, -0.2, np.nan, 0.1])
    assert shape.gain_to_pain(gaps) == shape.gain_to_pain(FALLS)
    assert shape.recovery_factor(gaps) == shape.recovery_factor(FALLS)
    assert shape.positive_share(gaps) == 0.5
    assert shape.best_and_worst(gaps) == (0.1, -0.2)


@given(st.floats(-0.9, 10.0), st.sampled_from([1.0, 12.0, 252.0, 525_600.0]))
def test_rate_per_bar_compounds_to_the_yearly_rate(annual, year):
    assert (1 + shape.rate_per_bar(annual, year)) ** year == pytest.approx(1 + annual, rel=1e-8)


@pytest.mark.parametrize("annual", [-1.0, -2.0, math.nan])
def test_rate_per_bar_of_a_total_loss_is_refused(annual):
    with pytest.raises(ParameterError, match="above -1"):
        shape.rate_per_bar(annual, 252)
