"""Windows in one pass against NumPy, a window at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.kernels import windows

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(0, 80), st.integers(1, 100), st.floats(0.0, 1.0))
def test_window_moments_equal_numpy_in_each_window(seed, rows, n, missing):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(1.0, 0.1, rows), rng.normal(-2.0, 3.0, rows)
    x[rng.random(rows) < missing] = np.nan
    found = windows.window_moments(x, y, n)
    assert found.shape == (windows.MOMENTS, rows)
    assert np.isnan(found[:, : n - 1]).all()
    for t in range(n - 1, rows):
        there = ~np.isnan(x[t + 1 - n : t + 1])
        a, b = x[t + 1 - n : t + 1][there], y[t + 1 - n : t + 1][there]
        assert found[windows.COUNT, t] == there.sum()
        if there.any():
            assert found[windows.MEAN_X, t] == pytest.approx(a.mean(), rel=1e-12)
            assert found[windows.MEAN_Y, t] == pytest.approx(b.mean(), rel=1e-10, abs=1e-12)
            away = a - a.mean(), b - b.mean()
            expected = [away[0] @ away[0], away[1] @ away[1], away[0] @ away[1]]
            ours = found[[windows.SQUARES_X, windows.SQUARES_Y, windows.PRODUCTS], t]
            np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-11)


@given(SEEDS, st.integers(1, 60), st.integers(1, 60))
def test_window_moments_of_a_constant_have_no_scatter_at_all(seed, rows, n):
    value = np.random.default_rng(seed).normal()
    found = windows.window_moments(np.full(rows, value), np.full(rows, value), n)
    assert (found[3:, n - 1 :] == 0.0).all()


@given(SEEDS, st.integers(0, 80), st.integers(1, 100))
def test_window_drawdowns_are_the_worst_of_all_pairs_in_each_window(seed, rows, n):
    rng = np.random.default_rng(seed)
    returns = np.exp(rng.normal(0, 0.3, rows)) - 1.0
    returns[rng.random(rows) < 0.1] = -1.0
    found = windows.window_drawdowns(returns, n)
    assert np.isnan(found[: n - 1]).all()
    for t in range(n - 1, rows):
        wealth = np.concatenate([[1.0], np.cumprod(1.0 + returns[t + 1 - n : t + 1])])
        worst = min(wealth[b] / wealth[: b + 1].max() - 1.0 for b in range(n + 1))
        assert found[t] == pytest.approx(worst, abs=1e-12)
