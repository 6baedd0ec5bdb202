"""What was known at each row of the bars of another interval."""

import gc
import weakref

import numpy as np
import pytest
from data.test_resample import HOUR_NS, MARKETS, MINUTE_NS, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.data.align import align, at_interval
from peak_trade.data.resample import resample
from peak_trade.domain.errors import DataError


@given(
    fine=st.lists(st.integers(1, 60), min_size=1, max_size=20, unique=True),
    coarse=st.lists(st.integers(1, 60), min_size=1, max_size=20, unique=True),
)
def test_align_gives_the_last_row_that_has_closed(fine: list[int], coarse: list[int]) -> None:
    ours, theirs = (
        walk(np.array(sorted(closes)) * MINUTE_NS - MINUTE_NS) for closes in (fine, coarse)
    )
    rows = align(ours, theirs).rows
    for row, time in enumerate(ours.time):
        closed = [k for k, close in enumerate(theirs.time) if close <= time]
        assert rows[row] == (closed[-1] if closed else -1)


def test_align_bar_that_closes_with_a_row_is_known_in_it() -> None:
    bars = walk(np.arange(0, 2 * HOUR_NS, 30 * MINUTE_NS), "30m")
    assert at_interval(bars, "1h").rows.tolist() == [-1, 0, 0, 1]


def test_spread_keeps_what_is_not_known_as_nan_and_takes_flags() -> None:
    bars = walk(np.arange(0, 2 * HOUR_NS, 30 * MINUTE_NS), "30m")
    hourly = at_interval(bars, "1h")
    assert np.isnan(hourly.spread(hourly.bars.close)[0]).all()
    assert hourly.spread([True, False]).tolist()[1:] == [1.0, 1.0, 0.0]
    with pytest.raises(DataError, match=r"values of the shape \(4, 1\) are not one row for each"):
        hourly.spread(bars.close)


def test_with_features_lets_coarse_values_ride_along() -> None:
    bars = walk(np.arange(0, 2 * HOUR_NS, 30 * MINUTE_NS), "30m")
    hourly = at_interval(bars, "1h")
    joined = hourly.with_features({"hour": hourly.bars.close, "n": [1.0, 2.0]})
    assert joined.features["hour"][1:].ravel().tolist() == hourly.bars.close[[0, 0, 1], 0].tolist()
    assert joined.features["n"].shape == (4, 1)
    assert joined.close is bars.close or (joined.close == bars.close).all()
    with pytest.raises(DataError, match=r"feature .n. is in .* already"):
        align(joined, hourly.bars).with_features({"n": [1.0, 2.0]})
    with pytest.raises(DataError, match="has 2 columns for the 1 instruments"):
        hourly.with_features({"two": np.ones((2, 2))})


def test_at_interval_is_made_once_for_the_same_bars() -> None:
    bars = walk(MARKETS["24/7"])
    assert at_interval(bars, "1h").bars is at_interval(bars, "1h").bars
    assert at_interval(bars, "1h").bars is not at_interval(bars, "1h", anchor="utc").bars
    assert at_interval(bars[:600], "1h").bars is not at_interval(bars, "1h").bars


def test_at_interval_remembers_the_last_few_alone() -> None:
    bars = walk(MARKETS["24/7"])
    first = at_interval(bars, "2m").bars
    for step in range(3, 10):
        at_interval(bars, f"{step}m")
    assert at_interval(bars, "2m").bars is first
    for step in range(10, 18):
        at_interval(bars, f"{step}m")
    assert at_interval(bars, "2m").bars is not first


def test_at_interval_leaves_no_cycle_behind() -> None:
    bars = walk(MARKETS["24/7"])
    gc.collect()
    gc.disable()
    try:
        values = at_interval(bars, "1d").bars.close
        alive = weakref.ref(values)
        del bars, values
        assert alive() is None, "the days of bars that are gone wait for the garbage collector"
    finally:
        gc.enable()


@settings(max_examples=25)
@given(
    calendar=st.sampled_from(sorted(MARKETS)),
    step=st.sampled_from(["15m", "1h", "1d"]),
    cut=st.integers(1, 2000),
)
def test_at_interval_row_depends_on_rows_up_to_it(calendar: str, step: str, cut: int) -> None:
    bars = walk(MARKETS[calendar][:2000], calendar=calendar)
    whole, part = (at_interval(some, step) for some in (bars, bars[:cut]))
    spread = whole.spread(whole.bars.close)[:cut]
    assert part.spread(part.bars.close).tobytes() == spread.tobytes()


def test_align_with_days_of_another_source_knows_them_when_they_close() -> None:
    minutes = walk(MARKETS["XNYS"], calendar="XNYS")
    days = resample(minutes, "1d")
    known = align(minutes, days).spread(days.close)[:, 0]
    closes = minutes.close[:, 0]
    assert np.isnan(known[:389]).all()
    assert (known[389:779] == closes[389]).all()
    assert known[779] == closes[779]
