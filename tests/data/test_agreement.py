"""Two sources of one instrument: what one lacks, how far they differ, what lags, which is off."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.data.agreement import compare_data
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import DAY_NS
from peak_trade.domain.errors import DataError


def walk(count: int, seed: int = 0) -> np.ndarray:
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, count)))


def bars(closes: np.ndarray, name: str, days: np.ndarray | None = None) -> Bars:
    days = np.arange(len(closes)) if days is None else days
    return Bars.from_arrays(closes, time=(days + 1) * DAY_NS, instruments=["X"], name=name)


def days(times: np.ndarray) -> list[int]:
    return (times // DAY_NS - 1).tolist()


def test_sources_that_are_equal_agree_in_everything() -> None:
    found = compare_data(bars(walk(100), "a"), bars(walk(100), "b"))
    assert (found.agreement, found.median_bps, found.lag) == (1.0, 0.0, 0)
    assert found.correlation == pytest.approx(1.0)
    assert len(found.only_one) + len(found.only_other) + len(found.off_one) == 0


def test_missing_on_either_side_is_told_within_what_both_cover() -> None:
    closes, every = walk(20), np.arange(20)
    ours = np.setdiff1d(every, [5, 6])
    theirs = np.setdiff1d(every, [0, 1, 9])
    found = compare_data(bars(closes[ours], "a", ours), bars(closes[theirs], "b", theirs))
    assert days(found.only_one) == [9]
    assert days(found.only_other) == [5, 6]
    assert found.common == 15


@pytest.mark.parametrize("side", ["one", "other"])
def test_source_that_is_off_is_named(side: str) -> None:
    closes = walk(100)
    wrong = closes.copy()
    wrong[[0, 40, 99]] *= [1.2, 0.8, 1.3]
    pair = (wrong, closes) if side == "one" else (closes, wrong)
    found = compare_data(bars(pair[0], "a"), bars(pair[1], "b"))
    assert days(found.off_one if side == "one" else found.off_other) == [0, 40, 99]
    assert len(found.off_other if side == "one" else found.off_one) == 0
    assert {day for time, _ in found.worst for day in days(np.array([time]))} == {0, 40, 99}


def test_constant_bias_cannot_be_ascribed() -> None:
    closes = 100 + np.sin(np.arange(50.0))
    found = compare_data(bars(closes, "a"), bars(closes * 1.05, "b"))
    assert len(found.unclear) >= 40
    assert found.median_bps == pytest.approx(500)
    assert found.agreement == 0


@settings(max_examples=40)
@given(lag=st.integers(-5, 5), seed=st.integers(0, 1000))
def test_lag_is_found_with_its_sign(lag: int, seed: int) -> None:
    closes = walk(120, seed)
    ours, theirs = closes[10:110], closes[10 - lag : 110 - lag]
    found = compare_data(bars(ours, "a"), bars(theirs, "b"))
    assert found.lag == lag
    assert found.correlation == pytest.approx(1.0)


def test_lag_is_not_told_from_few_or_flat_prices() -> None:
    assert compare_data(bars(walk(20), "a"), bars(walk(20), "b")).lag is None
    assert compare_data(bars(np.full(99, 1.0), "a"), bars(walk(99), "b")).lag is None


def test_comparison_reads_well_and_says_all_in_json() -> None:
    closes = walk(60)
    wrong = closes.copy()
    wrong[7] = 150.0
    found = compare_data(bars(closes[1:], "a", np.arange(1, 60)), bars(wrong[:-1], "b"))
    text = str(found)
    assert text.startswith("DataComparison(a and b: 58 common bars, 98.28% within 25 bps)")
    assert "missing in b: 0; in a: 0" in text
    assert "off what both say around it: a 0, b 1, cannot be told 0" in text
    facts = found.to_dict()
    assert facts["off_other"] == 1
    assert facts["lag"] == 0


def test_sources_without_common_bars_say_so() -> None:
    found = compare_data(bars(walk(5), "a"), bars(walk(5), "b", np.arange(10, 15)))
    assert found.common == 0
    assert np.isnan(found.agreement)
    assert "none within" in repr(found)
    assert len(str(found).splitlines()) == 2


def test_comparison_of_what_is_not_the_same_kind_is_refused() -> None:
    two = Bars.from_arrays(np.ones((3, 2)))
    with pytest.raises(DataError, match="has 2 instruments"):
        compare_data(two, two)
    hours = Bars.from_arrays(np.ones(3), interval="1h")
    with pytest.raises(DataError, match="bars of 1h, arrays of 1d"):
        compare_data(hours, Bars.from_arrays(np.ones(3)))
