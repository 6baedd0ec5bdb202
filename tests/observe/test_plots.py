import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from peak_trade.observe.plots import drawn_ns, histogram, packed, plain, thinned

lines = hnp.arrays(np.float64, st.integers(1, 400), elements=st.floats(-1e6, 1e6) | st.just(np.nan))


@given(lines, st.integers(1, 40))
def test_thinned_keeps_ends_and_extremes(values, buckets):
    rows = thinned([values], buckets)
    assert (np.diff(rows) > 0).all()
    assert rows[0] == 0
    assert rows[-1] == len(values) - 1
    assert len(rows) <= max(2 * buckets + 2, 1)
    if np.isfinite(values).any():
        assert np.nanmax(values[rows]) == np.nanmax(values)
        assert np.nanmin(values[rows]) == np.nanmin(values)


def test_thinned_keeps_a_lone_spike_of_each_line():
    quiet, spiky = np.zeros(100_000), np.zeros(100_000)
    spiky[54_321] = -1.0
    assert 54_321 in thinned([quiet, spiky], 100)


def test_packed_decodes_to_the_same_numbers():
    values = np.array([1.5, np.nan, -3e10])
    found = packed(values, "f8")
    decoded = np.frombuffer(base64.b64decode(found["bdata"]), "<f8")
    np.testing.assert_array_equal(decoded, values)


def test_drawn_ns_daily_bar_stands_on_its_own_day():
    day = 86_400_000_000_000
    assert drawn_ns(np.array([day]), day)[0] == 0
    assert drawn_ns(np.array([3_600_000_000_000]), 60_000_000_000)[0] == 3_600_000_000_000


def test_plain_leaves_no_markup():
    assert plain("<b>a&b</b>") == "&lt;b&gt;a&amp;b&lt;/b&gt;"


@given(
    hnp.arrays(np.float64, st.integers(1, 300), elements=st.floats(-0.5, 0.5)), st.integers(4, 80)
)
def test_histogram_counts_every_value_and_splits_at_zero(values, most):
    edges, counts = histogram(values, most)
    assert counts.sum() == len(values)
    assert (np.diff(edges) > 0).all()
    assert len(counts) <= most + 1
    if (values < 0).any() and (values > 0).any():
        assert np.abs(edges).min() == pytest.approx(0.0, abs=1e-12)


def test_histogram_of_nothing_finite_is_empty():
    edges, counts = histogram(np.array([np.nan, np.inf]))
    assert len(counts) == 0
    assert len(edges) == 1
