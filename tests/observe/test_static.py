"""Drawings without scripts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.observe.static import drawing, ticks

DAY = 86_400_000_000_000


def points(text):
    return np.array([[float(x) for x in pair.split(",")] for pair in text.split()])


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_are_evenly_spaced_round_values_inside_the_range(low, span, count):
    found = ticks(low, low + span, count)
    slack = 1e-6 * (abs(low) + span)
    assert (found >= low - slack).all()
    assert (found <= low + span + slack).all()
    assert len(found) <= count + 2
    if len(found) > 2:
        steps = np.diff(found)
        assert steps == pytest.approx(steps[0], rel=1e-6, abs=slack)


def test_drawing_puts_the_highest_value_at_the_top_and_spans_the_time():
    time = np.arange(4) * DAY
    found = drawing(time, [(np.array([1.0, 5.0, 3.0, 1.0]), "accent")], label="x", show=str)
    line = points(found.lines[0].points)
    assert line[0].tolist() == [0.0, found.height]
    assert line[1, 1] == 0.0
    assert line[-1].tolist() == [found.width, found.height]


def test_drawing_filled_reaches_down_to_zero():
    time = np.arange(3) * DAY
    found = drawing(
        time, [(np.array([0.0, -0.4, -0.2]), "loss")], label="x", show=str, filled=True, height=100
    )
    area = points(found.lines[0].area)
    assert area[0, 1] == area[-1, 1] == 0.0
    assert area[:, 1].max() == 100.0


def test_drawing_uneven_time_is_drawn_to_scale():
    time = np.array([0, 1, 10]) * DAY
    found = drawing(time, [(np.array([1.0, 2.0, 3.0]), "accent")], label="x", show=str)
    assert points(found.lines[0].points)[1, 0] == pytest.approx(found.width / 10)


@pytest.mark.parametrize("values", [[1.0], [np.nan, np.nan]])
def test_drawing_of_nothing_to_draw_is_none(values):
    time = np.arange(len(values)) * DAY
    assert drawing(time, [(np.array(values), "accent")], label="x", show=str) is None


def test_drawing_leaves_gaps_of_nan_out():
    time = np.arange(3) * DAY
    found = drawing(time, [(np.array([1.0, np.nan, 3.0]), "accent")], label="x", show=str)
    assert len(points(found.lines[0].points)) == 2
