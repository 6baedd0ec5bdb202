"""Measures against a benchmark, against empyrical-reloaded and NumPy's own least squares."""

import math

import empyrical
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stats.series import pairs, quietly, same

from peak_trade.domain.errors import InputError
from peak_trade.stats import benchmark

YEAR = 252.0
SINGLE = {
    "alpha": (lambda r, b: benchmark.alpha(r, b, YEAR), empyrical.alpha),
    "beta": (benchmark.beta, empyrical.beta),
    "up_capture": (lambda r, b: benchmark.up_capture(r, b, YEAR), empyrical.up_capture),
    "down_capture": (lambda r, b: benchmark.down_capture(r, b, YEAR), empyrical.down_capture),
    "information_ratio": (
        lambda r, b: benchmark.information_ratio(r, b, 1.0), empyrical.excess_sharpe
    ),
    "beta_fragility": (benchmark.beta_fragility, empyrical.beta_fragility_heuristic),
}  # fmt: skip


def moves(values):
    known = values[~np.isnan(values)]
    return len(known) > 1 and known.min() < known.max()


@pytest.mark.parametrize("name", SINGLE)
@given(pair=pairs())
def test_figure_of_random_pairs_equals_empyrical(name, pair):
    ours, theirs = SINGLE[name]
    market = pair[1]
    if name in ("alpha", "beta"):  # theirs is the rounding of the mean where a market stands still
        assume(moves(np.where(np.isnan(pair[0]), np.nan, market)) or np.isnan(market).all())
    if name == "beta_fragility":  # which of several equal days it takes is up to the sorting
        known = ~(np.isnan(pair[0]) | np.isnan(market))
        assume(len(set(market[known])) == known.sum())
    try:
        expected = quietly(theirs, *pair)
    except ZeroDivisionError:
        expected = math.nan
    if name.endswith("capture") and not math.isfinite(expected):
        assert not math.isfinite(ours(*pair))
    else:
        assert same(ours(*pair), expected, rel=1e-6, tiny=1e-9)


@given(pairs(least=3), st.sampled_from([0.0, 0.0005]))
def test_alpha_and_beta_of_random_pairs_equal_least_squares(pair, rate):
    mine, market = pair
    known = ~(np.isnan(mine) | np.isnan(market))
    assume(known.sum() > 2 and moves(market[known]))
    slope, own = np.polyfit(market[known] - rate, mine[known] - rate, 1)
    alpha, beta = benchmark.alpha_beta(mine, market, YEAR, risk_free=rate)
    assert beta == pytest.approx(slope, rel=1e-7, abs=1e-9)
    assert alpha == pytest.approx((1 + own) ** YEAR - 1, rel=1e-6, abs=1e-8)


@given(pairs(least=1))
def test_up_and_down_betas_are_those_of_their_days(pair):
    mine, market = pair
    for found, days in (
        (benchmark.up_alpha_beta(mine, market, YEAR), market > 0),
        (benchmark.down_alpha_beta(mine, market, YEAR), market < 0),
    ):
        expected = benchmark.alpha_beta(mine[days], market[days], YEAR)
        np.testing.assert_equal(found, expected)


def test_up_beta_with_a_rate_for_each_day_takes_the_rates_of_its_days():
    mine, market = np.array([0.03, -0.02, 0.07]), np.array([0.01, -0.05, 0.03])
    rates = np.array([0.001, 0.5, 0.002])
    chosen = np.array([0, 2])
    expected = benchmark.alpha_beta(mine[chosen], market[chosen], YEAR, risk_free=rates[chosen])
    assert benchmark.up_alpha_beta(mine, market, YEAR, risk_free=rates) == expected


@given(pairs(least=3))
def test_correlation_of_random_pairs_equals_numpy(pair):
    mine, market = pair
    known = ~(np.isnan(mine) | np.isnan(market))
    assume(known.sum() > 2 and moves(mine[known]) and moves(market[known]))
    expected = np.corrcoef(mine[known], market[known])[0, 1]
    assert benchmark.correlation(mine, market) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert benchmark.r_squared(mine, market) == pytest.approx(expected**2, rel=1e-9, abs=1e-12)


def test_figures_of_a_leveraged_market_are_its_leverage():
    market = np.random.default_rng(5).normal(0.0004, 0.01, 500)
    assert benchmark.beta(1.5 * market, market) == pytest.approx(1.5)
    assert benchmark.correlation(1.5 * market, market) == pytest.approx(1.0)
    scatter = 0.5 * market.std(ddof=1) * math.sqrt(YEAR)
    assert benchmark.tracking_error(1.5 * market, market, YEAR) == pytest.approx(scatter)


def test_treynor_is_the_growth_above_the_safe_rate_over_beta():
    market = np.array([0.01, -0.02, 0.03, 0.01])
    growth = float(np.prod(1 + 2 * market)) ** 0.5 - 1 - (1.001**2 - 1)
    found = benchmark.treynor(2 * market, market, 2, risk_free=0.001)
    assert found == pytest.approx(growth / 2)


def test_batting_average_equals_empyrical():
    mine = np.array([0.02, -0.01, 0.0, np.nan, 0.01])
    market = np.array([0.01, -0.02, 0.01, 0.02, -0.01])
    theirs = empyrical.batting_average(mine, market)
    found = benchmark.batting_average(mine, market)
    assert [found.all, found.up, found.down] == pytest.approx(theirs.to_list())


@given(pairs())
def test_figures_of_a_run_against_itself_are_neutral(pair):
    market = pair[1]
    assert math.isnan(benchmark.information_ratio(market, market, YEAR))
    if moves(market) and (market > 0).any() and (market < 0).any():
        assert benchmark.alpha_beta(market, market, YEAR) == pytest.approx((0.0, 1.0), abs=1e-9)
        assert benchmark.up_down_capture(market, market, YEAR) == pytest.approx(1.0)


@pytest.mark.parametrize("figure", [benchmark.beta, benchmark.correlation, benchmark.r_squared])
def test_figure_against_a_market_that_stands_still_is_not_defined(figure):
    assert math.isnan(figure(np.array([0.01, 0.02, 0.03]), np.full(3, 0.01)))


@pytest.mark.parametrize("figure", [benchmark.correlation, benchmark.batting_average])
def test_two_lengths_are_refused(figure):
    with pytest.raises(InputError, match="of a benchmark"):
        figure(np.zeros(3), np.zeros(4))
