"""Measures of trading: plain twins that loop, models whose answer is known, and cases by hand."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.stats.microstructure import amihud, flow_imbalance, kyle_lambda, roll_spread, vpin
from peak_trade.stats.windows import window_covariance, window_mean, window_sum, window_variance


def test_window_measures_equal_those_of_polars():
    rng = np.random.default_rng(1)
    x, y = rng.normal(5, 1, 300), rng.normal(0, 3, 300)
    frame = pl.DataFrame({"x": x, "y": y})
    for n in (2, 7, 50):
        expected = frame.select(
            mean=pl.col("x").rolling_mean(n),
            sum=pl.col("x").rolling_sum(n),
            variance=pl.col("x").rolling_var(n),
            covariance=pl.rolling_cov("x", "y", window_size=n),
        )
        found = {
            "mean": window_mean(x, n),
            "sum": window_sum(x, n),
            "variance": window_variance(x, n),
            "covariance": window_covariance(x, y, n),
        }
        for name, values in found.items():
            right = expected[name].fill_null(np.nan).to_numpy()
            np.testing.assert_allclose(values, right, rtol=1e-9, atol=1e-9, err_msg=name)


def test_window_covariance_of_blocks_equals_that_of_one(monkeypatch):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 200))
    whole = window_covariance(x, y, 10)
    monkeypatch.setattr("peak_trade.stats.windows._CELLS", 70)
    np.testing.assert_array_equal(window_covariance(x, y, 10), whole)


def test_amihud_of_a_market_by_hand():
    # 1 % on 20,000 and 2 % on 10,000 of value: the mean of 5e-7 and 2e-6
    bars = Bars.from_arrays(
        [100.0, 101.0, 98.98], open=[100.0] * 3, volume=[1.0, 20000 / 101, 10000 / 98.98]
    )
    np.testing.assert_allclose(amihud(bars, 2)[:, 0], [np.nan, np.nan, 1.25e-6])


def test_amihud_is_unknown_where_a_bar_had_no_volume():
    bars = Bars.from_arrays(
        [100.0, 101.0, 100.0, 101.0], open=[100.0] * 4, volume=[1.0, 0.0, 5.0, 5.0]
    )
    found = amihud(bars, 1)[:, 0]
    assert np.isnan(found[:2]).all()
    assert found[2:] == pytest.approx([1 / 101 / 500, 0.01 / 505])


def test_roll_spread_of_a_bouncing_price_is_the_spread():
    rng = np.random.default_rng(3)
    count, spread = 20_000, 0.08
    true = 100 + np.cumsum(rng.normal(0, 0.01, count))
    seen = true + spread / 2 * rng.choice([-1, 1], count)
    assert roll_spread(seen, count - 2)[-1] == pytest.approx(spread, rel=0.03)


def test_roll_spread_of_a_trend_is_not_defined():
    assert np.isnan(roll_spread(np.arange(10.0) ** 2 + 1, 4)).all()
    assert len(roll_spread(np.zeros(0), 4)) == 0


def test_kyle_lambda_is_the_slope_that_made_the_prices():
    rng = np.random.default_rng(4)
    flow = rng.normal(0, 100, 5000)
    change = 0.003 * flow + rng.normal(0, 0.05, 5000)
    assert kyle_lambda(change, flow, 4999)[-1] == pytest.approx(0.003, rel=0.02)


def test_kyle_lambda_equals_numpys_regression_in_each_window():
    rng = np.random.default_rng(5)
    flow, change = rng.normal(0, 1, 60), rng.normal(0, 1, 60)
    found = kyle_lambda(change, flow, 12)
    for t in range(11, 60):
        slope = np.polyfit(flow[t - 11 : t + 1], change[t - 11 : t + 1], 1)[0]
        assert found[t] == pytest.approx(slope, rel=1e-9)
    assert np.isnan(kyle_lambda(change, np.ones(60), 12)).all()


def test_flow_imbalance_by_hand():
    bought, sold = np.array([3.0, 0.0, 1.0]), np.array([1.0, 0.0, 3.0])
    np.testing.assert_allclose(flow_imbalance(bought, sold, 1), [0.5, np.nan, -0.5])
    np.testing.assert_allclose(flow_imbalance(bought, sold, 3), [np.nan, np.nan, 0.0])


def slow_vpin(sizes, sides, counts, bucket, buckets):
    """The same, filled unit by unit: sizes and bucket are whole numbers."""
    units = [side for size, side in zip(sizes, sides, strict=True) for _ in range(int(size))]
    ends = np.concatenate(([0], np.cumsum(sizes))).astype(int)
    out = []
    for count in counts:
        known = units[: ends[count]]
        full = [
            abs(sum(known[k : k + bucket])) / bucket
            for k in range(0, len(known) - bucket + 1, bucket)
        ]
        out.append(sum(full[-buckets:]) / buckets if len(full) >= buckets else np.nan)
    return np.array(out)


@given(st.integers(0, 2**32), st.integers(1, 7), st.integers(1, 4))
def test_vpin_equals_a_count_of_single_units(seed, bucket, buckets):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 30))
    sizes = rng.integers(0, 6, count).astype(float)
    sides = rng.choice([-1.0, 0.0, 1.0], count)
    counts = np.sort(rng.integers(0, count + 1, 10))
    found = vpin(sizes, sides, counts, bucket=float(bucket), buckets=buckets)
    expected = slow_vpin(sizes, sides, counts, bucket, buckets)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_impossible_windows_are_refused():
    with pytest.raises(ParameterError, match="bucket"):
        vpin(np.ones(1), np.ones(1), np.array([1]), bucket=0.0)
    for call in (
        lambda: roll_spread(np.ones(5), 1),
        lambda: kyle_lambda(np.ones(5), np.ones(5), 1),
    ):
        with pytest.raises(ParameterError, match="over 1 pair"):
            call()
