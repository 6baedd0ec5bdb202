"""Rolling measures against the plain measure of every window."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stats.series import pairs, series

from peak_trade.domain.errors import InputError, ParameterError
from peak_trade.stats import benchmark, performance, rolling

YEAR = 252.0
WINDOWS = st.integers(1, 25)


def by_window(figure, window, *columns):
    """The figure of every window, a window at a time."""
    rows = len(columns[0])
    return [
        figure(*(column[t + 1 - window : t + 1] for column in columns))
        if t + 1 >= window
        else math.nan
        for t in range(rows)
    ]


def agree(found, expected, rel=1e-7, tiny=1e-8):
    assert len(found) == len(expected)
    for t, (ours, plain) in enumerate(zip(found, expected, strict=True)):
        if math.isfinite(plain):
            assert ours == pytest.approx(plain, rel=rel, abs=tiny), t
        else:
            assert math.isnan(ours) == math.isnan(plain), t
            assert math.isinf(ours) == math.isinf(plain), t


@given(series(), WINDOWS)
def test_rolling_volatility_equals_the_volatility_of_each_window(returns, window):
    found = rolling.rolling_volatility(returns, window, YEAR)
    agree(found, by_window(lambda r: performance.volatility(r, YEAR), window, returns))


@given(series(), WINDOWS, st.sampled_from([0.0, 0.001]))
def test_rolling_sharpe_equals_the_ratio_of_each_window(returns, window, rate):
    found = rolling.rolling_sharpe(returns, window, YEAR, risk_free=rate)
    agree(found, by_window(lambda r: performance.sharpe(r, YEAR, risk_free=rate), window, returns))


@given(series(), WINDOWS, st.sampled_from([0.0, 0.001]))
def test_rolling_sortino_equals_the_ratio_of_each_window(returns, window, rate):
    found = rolling.rolling_sortino(returns, window, YEAR, required=rate)
    agree(found, by_window(lambda r: performance.sortino(r, YEAR, required=rate), window, returns))


@given(series(), WINDOWS)
def test_rolling_max_drawdown_equals_the_drawdown_of_each_window(returns, window):
    found = rolling.rolling_max_drawdown(returns, window)
    agree(found, by_window(performance.max_drawdown, window, returns), tiny=1e-12)


@given(pairs(), st.integers(2, 25))
def test_rolling_alpha_and_beta_equal_those_of_each_window(pair, window):
    alphas, betas = rolling.rolling_alpha_beta(*pair, window, YEAR)
    spread = by_window(
        lambda r, b: np.nanvar(b[~np.isnan(r)]) if (~np.isnan(r) & ~np.isnan(b)).any() else 0.0,
        window,
        *pair,
    )
    moved = [s > 1e-12 for s in spread]  # the rounding of a market that stands still is no move
    for found, place in ((alphas, 0), (betas, 1)):
        plain = by_window(lambda r, b, k=place: benchmark.alpha_beta(r, b, YEAR)[k], window, *pair)
        agree(found[moved], np.array(plain)[moved], rel=1e-6)
    assert np.isnan(betas[: window - 1]).all()
    np.testing.assert_array_equal(rolling.rolling_beta(*pair, window), betas)


@given(pairs(), st.integers(2, 25))
def test_rolling_correlation_equals_that_of_each_window(pair, window):
    found = rolling.rolling_correlation(*pair, window)
    agree(found, by_window(benchmark.correlation, window, *pair), rel=1e-6)


@given(pairs(), WINDOWS)
def test_rolling_captures_equal_those_of_each_window(pair, window):
    for ours, plain in (
        (rolling.rolling_up_capture, benchmark.up_capture),
        (rolling.rolling_down_capture, benchmark.down_capture),
    ):
        found = ours(*pair, window, YEAR)
        agree(found, by_window(lambda r, b, f=plain: f(r, b, YEAR), window, *pair), rel=1e-6)


def test_rolling_capture_of_a_total_loss_is_a_total_loss():
    market, mine = np.array([0.1, 0.1, 0.1]), np.array([-1.0, 0.1, 0.1])
    found = rolling.rolling_up_capture(mine, market, 2, 1.0)
    assert found[1] == pytest.approx(-1.0 / 0.1)
    assert found[2] == pytest.approx(1.0)


def test_rolling_max_drawdown_loses_at_most_everything():
    found = rolling.rolling_max_drawdown(np.array([0.1, -1.5, 0.2]), 2)
    np.testing.assert_array_equal(found[1:], [-1.0, -1.0])


def test_rolling_figures_far_from_zero_keep_their_digits():
    rng = np.random.default_rng(2)
    returns = 1e6 + rng.normal(0, 1e-3, 5_000)
    found = rolling.rolling_volatility(returns, 50, 1.0)
    assert found[-1] == pytest.approx((returns[-50:] - 1e6).std(ddof=1), rel=1e-5)


@pytest.mark.parametrize("window", [0, -1, 2.5, "many"])
def test_window_that_is_no_whole_number_is_refused(window):
    with pytest.raises(ParameterError, match="window"):
        rolling.rolling_sharpe(np.zeros(5), window, YEAR)
    with pytest.raises(ParameterError, match="window"):
        rolling.rolling_max_drawdown(np.zeros(5), window)


def test_two_lengths_are_refused():
    with pytest.raises(InputError, match="benchmark"):
        rolling.rolling_correlation(np.zeros(5), np.zeros(4), 2)


def test_window_longer_than_the_series_gives_nothing():
    assert np.isnan(rolling.rolling_volatility(np.zeros(3), 4, YEAR)).all()
    assert np.isnan(rolling.rolling_max_drawdown(np.zeros(3), 4)).all()
