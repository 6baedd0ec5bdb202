"""Sharpe ratios' errors against simulation, probabilities against scipy, properties by Hypothesis."""

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from stats.series import series

from peak_trade.domain.errors import ParameterError
from peak_trade.stats import deflation, performance

RATIOS = st.floats(-1.0, 1.0)
COUNTS = st.integers(2, 100_000)
SKEWS = st.floats(-3.0, 3.0)
HEAVIER = st.floats(0.0, 20.0)  # kurtosis above its least, skew ** 2 + 1


def moments(skew, heavier):
    return {"skew": skew, "kurtosis": skew * skew + 1.0 + heavier}


@pytest.mark.parametrize("draw", ["normal", "skewed"])
def test_sharpe_standard_error_is_the_scatter_of_simulated_ratios(draw):
    rng = np.random.default_rng(11)
    size = (20_000, 250)
    if draw == "normal":
        returns = rng.normal(0.1, 1.0, size)
        skew, kurtosis = 0.0, 3.0
    else:  # a gamma distribution, mirrored: its skew is -2 / sqrt(k), its kurtosis 3 + 6 / k
        returns = 0.4 - (rng.gamma(4.0, 0.5, size) - 2.0)
        skew, kurtosis = -1.0, 4.5
    ratios = returns.mean(axis=1) / returns.std(axis=1, ddof=1)
    truth = {"normal": 0.1, "skewed": 0.4}[draw]
    found = deflation.sharpe_standard_error(truth, 250, skew=skew, kurtosis=kurtosis)
    assert found == pytest.approx(ratios.std(), rel=0.03)


def test_sharpe_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(12)
    returns = rng.normal(0.05, 1.0, (4_000, 400))
    held = 0
    for row in returns:
        ratio = row.mean() / row.std(ddof=1)
        low, high = deflation.sharpe_interval(ratio, 400, level=0.9)
        held += low <= 0.05 <= high
    assert held / len(returns) == pytest.approx(0.9, abs=0.02)


@given(RATIOS, RATIOS, COUNTS, SKEWS, HEAVIER)
def test_probabilistic_sharpe_equals_the_formula_by_scipy(ratio, beaten, count, skew, heavier):
    given_moments = moments(skew, heavier)
    found = deflation.probabilistic_sharpe(ratio, count, benchmark=beaten, **given_moments)
    inner = 1 - skew * ratio + (given_moments["kurtosis"] - 1) / 4 * ratio**2
    if inner > 1e-9:
        expected = scipy.special.ndtr((ratio - beaten) * math.sqrt(count - 1) / math.sqrt(inner))
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert 0.0 <= found <= 1.0


@given(RATIOS, SKEWS, HEAVIER, st.floats(0.6, 0.999), st.floats(0.01, 1.0))
def test_min_track_record_is_where_the_probability_reaches_the_level(
    ratio, skew, heavier, level, ahead
):
    given_moments, beaten = moments(skew, heavier), ratio - ahead
    count = deflation.min_track_record_length(ratio, benchmark=beaten, level=level, **given_moments)
    if count > 1.0 + 1e-6:
        found = deflation.probabilistic_sharpe(ratio, count, benchmark=beaten, **given_moments)
        assert found == pytest.approx(level, abs=1e-6)


def test_min_track_record_without_an_advantage_never_comes():
    assert deflation.min_track_record_length(0.1, benchmark=0.1) == math.inf
    assert math.isnan(deflation.min_track_record_length(math.nan))


def test_expected_max_sharpe_is_the_mean_of_simulated_best_trials():
    rng = np.random.default_rng(13)
    for trials in (50, 500):
        best = rng.normal(0, 0.5, (20_000, trials)).max(axis=1).mean()
        assert deflation.expected_max_sharpe(0.5, trials) == pytest.approx(best, rel=0.02)
    assert math.isnan(deflation.expected_max_sharpe(0.5, 1))


@given(RATIOS, COUNTS, st.integers(1, 1000), st.floats(0.0, 1.0))
def test_deflated_sharpe_is_at_most_what_fewer_trials_give(ratio, count, trials, scatter):
    few = deflation.deflated_sharpe(ratio, count, trials=trials, deviation=scatter)
    many = deflation.deflated_sharpe(ratio, count, trials=trials + 50, deviation=scatter)
    assert many <= few + 1e-12
    if trials == 1:
        assert few == deflation.probabilistic_sharpe(ratio, count)


@given(series(least=2, most=200), st.sampled_from([12.0, 252.0]))
def test_sharpe_inference_of_random_series_agrees_with_itself_and_scipy(returns, year):
    found = deflation.sharpe_inference(returns, year, benchmark=0.5, level=0.9)
    known = returns[~np.isnan(returns)]
    if len(known) < 2 or known.min() == known.max():
        assert math.isnan(found.sharpe)
        assert math.isnan(found.probability)
        return
    assert found.sharpe == pytest.approx(performance.sharpe(returns, year))
    assert found.low <= found.sharpe <= found.high
    assert found.observations == len(known)
    assert found.skew == pytest.approx(scipy.stats.skew(known), abs=1e-7)
    assert found.kurtosis == pytest.approx(scipy.stats.kurtosis(known, fisher=False), abs=1e-7)
    if found.standard_error > 1e-9:
        z = (found.sharpe - 0.5) / found.standard_error
        assert found.probability == pytest.approx(scipy.special.ndtr(z), abs=1e-9)
        wide = (found.high - found.low) / 2 / found.standard_error
        assert wide == pytest.approx(scipy.special.ndtri(0.95), rel=1e-9)


def test_moments_that_no_distribution_has_are_refused():
    with pytest.raises(ParameterError, match="not the excess"):
        deflation.probabilistic_sharpe(0.1, 100, kurtosis=0.0)
    with pytest.raises(ParameterError, match=r"skew \*\* 2"):
        deflation.sharpe_standard_error(0.1, 100, skew=-3.0, kurtosis=4.0)


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5, -1.0])
def test_level_outside_0_and_1_is_refused(level):
    with pytest.raises(ParameterError, match="level"):
        deflation.min_track_record_length(0.1, level=level)
    if level != 0.0:
        with pytest.raises(ParameterError, match="level"):
            deflation.sharpe_interval(0.1, 100, level=level)


def test_one_observation_says_nothing():
    assert math.isnan(deflation.sharpe_standard_error(0.1, 1))
    assert math.isnan(deflation.probabilistic_sharpe(0.1, 1))
