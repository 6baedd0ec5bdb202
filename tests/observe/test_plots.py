import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from peak_trade.observe.plots import drawn_ns, invested, packed, plain, sparkline, thinned

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


def test_invested_against_positions_row_by_row_agree(record_of):
    record, _ = record_of(rows=200, width=4, start=30)
    net, gross = invested(record)
    lots = np.zeros(4)
    fills = record.fills
    for row in range(record.start, record.stop):
        for k in np.flatnonzero(fills.row == row):
            lots[fills.instrument[k]] += fills.lots[k]
        value = lots * record.bars.close[row]
        equity = record.equity[row - record.start]
        assert net[row - record.start] == pytest.approx(value.sum() / equity)
        assert gross[row - record.start] == pytest.approx(np.abs(value).sum() / equity)


def test_sparkline_of_one_point_is_empty():
    assert sparkline([np.array([1.0])]) == []
