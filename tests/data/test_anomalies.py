"""Planted spikes, jumps, splits and stale stretches are found where they are, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.data.anomalies import (
    find_moves,
    find_repeated,
    find_stale,
    find_wicks,
    local_median,
    ratio_named,
    runs_of,
)

SEEDS = st.integers(0, 2**32 - 1)


def walk(seed: int, count: int = 400, sigma: float = 0.01) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.asarray(100 * np.exp(np.cumsum(rng.normal(0, sigma, count))))


def moves(closes: np.ndarray, opens: np.ndarray | None = None, elapsed: float = 1.0):
    return find_moves(closes if opens is None else opens, closes, np.full(len(closes), elapsed))


@given(seed=SEEDS, sigma=st.sampled_from([1e-5, 0.001, 0.03]), count=st.integers(1, 500))
def test_moves_of_a_random_walk_are_none(seed, sigma, count) -> None:
    found = moves(walk(seed, count, sigma))
    assert not (found.spike | found.jump | found.split).any()


@given(seed=SEEDS, row=st.integers(5, 390), length=st.integers(1, 3), up=st.booleans())
def test_spike_planted_is_found_on_its_bars(seed, row, length, up) -> None:
    closes = walk(seed)
    closes[row : row + length] *= 1.9 if up else 0.4
    found = moves(closes)
    assert np.flatnonzero(found.spike).tolist() == list(range(row, row + length))
    assert not (found.jump | found.split).any()


@given(
    seed=SEEDS,
    row=st.integers(5, 390),
    ratio=st.sampled_from([(2, 1), (3, 1), (7, 1), (20, 1), (3, 2), (5, 4), (1, 2), (1, 10)]),
)
def test_split_planted_is_found_and_named(seed, row, ratio) -> None:
    new, old = ratio
    closes = walk(seed, sigma=0.005)
    closes[row:] *= old / new
    opens = np.concatenate((closes[:1], closes[:-1]))
    opens[row] *= old / new  # as the market opens after a split
    found = moves(closes, opens)
    assert np.flatnonzero(found.split).tolist() == [row]
    assert ratio_named(int(found.ratio[row]), is_rise=new < old) == f"{new}:{old}"
    assert not (found.spike | found.jump).any()


@given(seed=SEEDS, row=st.integers(5, 390), factor=st.sampled_from([0.55, 0.72, 1.4, 2.5]))
def test_jump_that_is_no_ratio_is_a_jump(seed, row, factor) -> None:
    closes = walk(seed, sigma=0.005)
    closes[row:] *= factor
    found = moves(closes)
    assert np.flatnonzero(found.jump).tolist() == [row]
    assert not (found.spike | found.split).any()


def test_jump_after_a_long_time_is_no_jump() -> None:
    closes = walk(3)
    closes[200:] *= 1.4
    elapsed = np.ones(400)
    assert find_moves(closes, closes, elapsed).jump[200]
    elapsed[200] = 500
    assert not find_moves(closes, closes, elapsed).jump.any()


def test_moves_of_a_coarse_price_are_measured_by_its_tick() -> None:
    rng = np.random.default_rng(5)
    closes = 0.0003 + 0.0001 * (rng.random(2000) < 0.02)  # mostly still, one tick up and back
    found = moves(closes)
    assert not (found.spike | found.jump | found.split).any()


def test_moves_that_are_few_are_not_judged() -> None:
    found = moves(np.array([1.0, 1.01, 1.0, 1.02, 50.0]))
    assert not (found.spike | found.jump | found.split).any()


def test_moves_in_a_wild_stretch_are_measured_by_it() -> None:
    calm, wild = walk(1, 640, 0.001), walk(2, 640, 0.03)
    found = moves(np.concatenate((calm, calm[-1] / wild[0] * wild, walk(4, 640, 0.001))))
    inside = slice(660, 1260)
    assert not (found.spike | found.jump | found.split)[inside].any()


def test_local_median_of_blocks_is_the_largest_of_three() -> None:
    values = np.repeat([1.0, 1.0, 5.0, 1.0, 1.0], 64)
    found = local_median(values)[::64]
    assert found.tolist() == [1.0, 5.0, 5.0, 5.0, 1.0]


@given(seed=SEEDS, row=st.integers(0, 399), low=st.booleans())
def test_wick_planted_is_found_and_no_other(seed, row, low) -> None:
    closes = walk(seed)
    rng = np.random.default_rng(seed)
    highs, lows = closes * (1 + 0.01 * rng.random(400)), closes * (1 - 0.01 * rng.random(400))
    assert not find_wicks(closes, highs, lows, closes).any()
    if low:
        lows[row] *= 0.5
    else:
        highs[row] *= 2
    assert np.flatnonzero(find_wicks(closes, highs, lows, closes)).tolist() == [row]


@given(seed=SEEDS, row=st.integers(1, 380), length=st.integers(5, 20))
def test_stale_run_planted_is_found_but_its_first_bar(seed, row, length) -> None:
    closes = walk(seed)
    assert not find_stale(closes).any()
    closes[row : row + length] = closes[row]
    assert np.flatnonzero(find_stale(closes)).tolist() == list(range(row + 1, row + length))


def test_stale_runs_where_closes_often_repeat_must_be_longer() -> None:
    rng = np.random.default_rng(11)
    steps = np.where(rng.random(5000) < 0.4, 0, rng.choice([-1, 1], 5000))
    closes = 1000.0 + np.cumsum(steps)
    assert not find_stale(closes).any()
    closes[3000:3040] = closes[3000]
    assert find_stale(closes)[3001:3040].all()


def test_stale_series_of_one_price_is_found() -> None:
    closes = np.full(20_000, 7.0)
    assert find_stale(closes)[1:].all()
    assert not find_stale(closes[:1]).any()


@pytest.mark.parametrize(
    ("volumes", "copies"),
    [
        ([5.0, 5.0, 5.0, 9.0], [1, 2]),
        ([5.0, 6.0, 7.0, 9.0], []),
        ([0.0, 0.0, 0.0, 9.0], []),
        ([np.nan] * 4, [1, 2]),
        ([np.nan, np.nan, 5.0, np.nan], []),  # one copy alone may be chance
    ],
)
def test_repeated_bar_needs_its_volume_or_a_second_copy(volumes, copies) -> None:
    bar = np.array([[10.0], [12.0], [9.0], [11.0]])
    prices = np.concatenate((bar, bar, bar, bar + 1), axis=1)
    assert np.flatnonzero(find_repeated(prices, np.array(volumes))).tolist() == copies


def test_repeated_bar_without_a_range_is_no_copy() -> None:
    assert not find_repeated(np.full((4, 9), 3.0), np.full(9, 5.0)).any()


@given(st.lists(st.booleans(), max_size=40))
def test_runs_cover_the_flags_and_nothing_else(flags) -> None:
    first, last = runs_of(np.array(flags, dtype=bool))
    covered = [place for a, b in zip(first, last, strict=True) for place in range(a, b + 1)]
    assert covered == [place for place, flag in enumerate(flags) if flag]
    assert all(first[1:] > last[:-1] + 1)
