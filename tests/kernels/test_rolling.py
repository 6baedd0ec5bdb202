"""Kernels of windows and recursions against plain twins, and against their own shorter histories."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.kernels import rolling


def frozen(values):
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


def tick_means(prices, n, scale):
    sums, misses = (np.empty(len(prices) + 1, dtype=np.int64) for _ in range(2))
    missed = rolling.accumulate_ticks(prices, scale, sums)
    rolling.accumulate_misses(prices, scale, misses)
    assert missed == misses[-1]
    for array in (sums, misses):
        array.flags.writeable = False
    out = np.empty(len(prices))
    rolling.tick_means(prices, sums, misses if missed else misses[:0], n, scale, out)
    return out


def fresh_mean(window):
    total = 0.0
    for value in window:
        total += value
    return total / len(window)


def seeded(seed, rows, *, decimals, holes=0):
    rng = np.random.default_rng(seed)
    prices = np.round(100 * np.exp(np.cumsum(rng.standard_normal(rows) * 0.01)), decimals)
    prices[rng.integers(0, rows, holes)] = np.nan
    return frozen(prices)


@given(seed=st.integers(0, 2**32), n=st.integers(1, 40), decimals=st.integers(0, 8))
def test_tick_means_of_decimal_prices_are_the_rounded_exact_mean(seed, n, decimals):
    prices = seeded(seed, 60, decimals=decimals)
    exact = [Fraction(f"{price:.8f}") for price in prices]
    expected = [float(sum(exact[t + 1 - n : t + 1]) / n) for t in range(n - 1, 60)]
    assert tick_means(prices, n, 1e8)[n - 1 :].tolist() == expected


@given(seed=st.integers(0, 2**32), n=st.integers(1, 40), off=st.integers(0, 60))
def test_tick_means_with_prices_off_tick_depend_on_their_window_alone(seed, n, off):
    rng = np.random.default_rng(seed)
    prices = np.round(rng.uniform(1, 100, 60), 2)
    prices[rng.permutation(60)[:off]] += 0.001234567
    out = tick_means(frozen(prices), n, 100.0)
    for t in range(n - 1, 60):
        window = frozen(prices[t + 1 - n : t + 1])
        on_tick = all(float(f"{price:.2f}") == price for price in window)
        alone = tick_means(window, n, 100.0)[-1] if on_tick else fresh_mean(window)
        assert out[t] == alone


@pytest.mark.parametrize("extreme", [1e300, np.inf, 2.0**44, 1.7e13 + 0.5, np.nan])
def test_tick_means_of_prices_beyond_integers_are_summed_as_floats(extreme):
    prices = frozen([1.0, extreme, 2.0, 3.0])
    out = tick_means(prices, 2, 1.0)
    expected = [fresh_mean(prices[t - 1 : t + 1]) for t in range(1, 4)]
    np.testing.assert_array_equal(out[1:], expected)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 20, 1024, 1500])
def test_window_means_across_blocks_equal_each_window_summed_alone(n):
    values = frozen(np.random.default_rng(7).standard_normal(2600))
    out = np.empty(2600)
    rolling.window_means(values, n, out)
    rows = np.random.default_rng(8).integers(n - 1, 2600, 100)
    assert np.isnan(out[: n - 1]).all()
    for t in (n - 1, 2599, *rows):
        assert out[t] == fresh_mean(values[t + 1 - n : t + 1])


WINDOWED = {
    "mean": lambda x, n, out: rolling.window_means(x, n, out),
    "deviation": lambda x, n, out: rolling.window_deviations(x, n, 0, out),
    "highest": lambda x, n, out: rolling.window_extremes(x, n, 1.0, out),
    "lowest": lambda x, n, out: rolling.window_extremes(x, n, -1.0, out),
}
TWINS = {"mean": np.mean, "deviation": np.std, "highest": np.max, "lowest": np.min}


@pytest.mark.parametrize("name", WINDOWED)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 30), holes=st.integers(0, 6))
def test_windowed_kernel_depends_on_its_window_alone_and_equals_numpy(name, seed, n, holes):
    values = seeded(seed, 50, decimals=3, holes=holes)
    out, alone = np.empty(50), np.empty(n)
    WINDOWED[name](values, n, out)
    assert np.isnan(out[: n - 1]).all()
    for t in range(n - 1, 50):
        window = frozen(values[t + 1 - n : t + 1])
        WINDOWED[name](window, n, alone)
        np.testing.assert_array_equal(alone[-1:].view(np.int64), out[t : t + 1].view(np.int64))
        expected = np.nan if np.isnan(window).any() else TWINS[name](window)
        np.testing.assert_allclose(out[t], expected, rtol=1e-12, atol=1e-12)


def test_window_deviations_of_a_flat_window_are_exactly_zero():
    out = np.empty(30)
    rolling.window_deviations(frozen(np.full(30, 100.1)), 7, 1, out)
    assert out[6:].tolist() == [0.0] * 24


RECURSIVE = {
    "smoothed": lambda x, out: rolling.smoothed(x, 5, 0.2, out),
    "relative strength": lambda x, out: rolling.relative_strength(x, 5, out),
    "convergence": lambda x, out: rolling.convergence(x, 3, 5, out),
}


@pytest.mark.parametrize("name", RECURSIVE)
@given(seed=st.integers(0, 2**32), holes=st.integers(0, 3), cut=st.integers(1, 50))
def test_recursive_kernel_of_a_shorter_history_has_the_same_bits(name, seed, holes, cut):
    values = seeded(seed, 50, decimals=3, holes=holes)
    whole, part = np.empty(50), np.empty(cut)
    RECURSIVE[name](values, whole)
    RECURSIVE[name](frozen(values[:cut]), part)
    np.testing.assert_array_equal(part.view(np.int64), whole[:cut].view(np.int64))


@pytest.mark.parametrize("name", RECURSIVE)
def test_recursive_kernel_after_a_hole_starts_anew(name):
    values = seeded(3, 50, decimals=3).copy()
    values[20] = np.nan
    whole, tail = np.empty(50), np.empty(29)
    RECURSIVE[name](frozen(values), whole)
    RECURSIVE[name](frozen(values[21:]), tail)
    np.testing.assert_array_equal(whole[21:], tail)
    assert np.isnan(whole[20])


def test_smoothed_flat_price_stays_exactly_flat():
    out = np.empty(40)
    rolling.smoothed(frozen(np.full(40, 100.1)), 14, 2 / 15, out)
    assert out[13:].tolist() == [100.1] * 27


def test_convergence_of_a_flat_price_is_exactly_zero():
    out = np.empty(40)
    rolling.convergence(frozen(np.full(40, 100.1)), 5, 12, out)
    assert np.isnan(out[:11]).all()
    assert out[11:].tolist() == [0.0] * 29


@given(seed=st.integers(0, 2**32), fast=st.integers(1, 8), more=st.integers(1, 8))
def test_convergence_equals_two_averages_seeded_in_one_row(seed, fast, more):
    values, slow = seeded(seed, 50, decimals=3), fast + more
    out = np.empty(50)
    rolling.convergence(values, fast, slow, out)
    quick, level = np.mean(values[more:slow]), np.mean(values[:slow])
    expected = [quick - level]
    for value in values[slow:]:
        quick = quick * (1 - 2 / (fast + 1)) + value * 2 / (fast + 1)
        level = level * (1 - 2 / (slow + 1)) + value * 2 / (slow + 1)
        expected.append(quick - level)
    np.testing.assert_allclose(out[slow - 1 :], expected, rtol=1e-9, atol=1e-10)
    assert np.isnan(out[: slow - 1]).all()


def test_relative_strength_long_after_the_last_move_is_zero_not_noise():
    values = np.full(12_000, 5.0)
    values[:4] = [4.0, 6.0, 3.0, 5.0]
    out = np.empty(12_000)
    rolling.relative_strength(frozen(values), 3, out)
    assert 0 < out[100] < 100
    assert out[-1] == 0.0


def test_true_ranges_with_a_gap_reach_back_to_the_last_close():
    high, low, close = (frozen(x) for x in ([5, 9, 4], [3, 8, 2], [4, 8.5, np.nan]))
    out = np.empty(3)
    rolling.true_ranges(high, low, close, out)
    np.testing.assert_array_equal(out, [np.nan, 5.0, 6.5])


def test_hysteresis_between_its_thresholds_keeps_each_column():
    values = frozen([[50, np.nan], [20, 80], [50, 50], [np.nan, 20], [80, 80]])
    out = np.empty((5, 2))
    rolling.hysteresis(values, 30.0, 70.0, -1.0, out)
    assert out.tolist() == [[0, 0], [1, -1], [1, -1], [1, 1], [-1, -1]]


def test_add_standing_fills_forward_and_marks_what_was_stated():
    targets = frozen([[np.nan, 1], [0.5, np.nan], [np.nan, np.nan]])
    total, stated = np.ones((3, 2)), np.zeros((3, 2), dtype=np.bool_)
    rolling.add_standing(targets, total, stated)
    assert total.tolist() == [[1, 2], [1.5, 2], [1.5, 2]]
    assert stated.tolist() == [[False, True], [True, False], [False, False]]


@pytest.mark.parametrize("index", [0, 1023, 1024, 2999])
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_first_infinite_finds_the_first_of_several(index, value):
    values = np.zeros(3000)
    values[5:20] = np.nan
    values[[index, 2999]] = value
    assert rolling.first_infinite(frozen(values)) == index


def test_first_infinite_without_one_is_minus_one():
    assert rolling.first_infinite(frozen([1.0, np.nan, 1.7e308])) == -1
