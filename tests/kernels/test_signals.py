"""Signals against the rules written out, one instrument and row at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.kernels.signals import stated_sides

NONE = [0, 0, 0, 0]
NAN = float("nan")


def sides(entries, exits, short_entries, short_exits, share=1.0):
    arrays = [
        np.array(signal, dtype=bool) for signal in (entries, exits, short_entries, short_exits)
    ]
    arrays = [a[:, None] if a.ndim == 1 else a for a in arrays]
    out = np.full(arrays[0].shape, -99.0)
    stated_sides(*arrays, share, out)
    return out


def plain(entries, exits, short_entries, short_exits, share):
    """A state machine over names of sides, one instrument."""
    state, found = "flat", []
    for buy, leave, short, cover in zip(entries, exits, short_entries, short_exits, strict=True):
        wanted = {("long", True): buy and not leave, ("short", True): short and not cover}
        stated = None
        if (state == "long" and leave) or (state == "short" and cover):
            state, stated = "flat", 0.0
        if wanted["long", True] and not wanted["short", True]:
            state, stated = "long", share
        if wanted["short", True] and not wanted["long", True]:
            state, stated = "short", -share
        found.append(NAN if stated is None else stated)
    return found


@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(1, 3))
def test_sides_of_random_signals_equal_the_rules_written_out(seed, rows, width):
    rng = np.random.default_rng(seed)
    signals = [rng.random((rows, width)) < 0.3 for _ in range(4)]
    out = sides(*signals, share=1 / width)
    for i in range(width):
        expected = plain(*(signal[:, i] for signal in signals), 1 / width)
        np.testing.assert_array_equal(out[:, i], expected)


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        (([1, 0, 0, 1], [0, 0, 1, 0], NONE, NONE), [1, NAN, 0, 1]),
        ((NONE, NONE, [0, 1, 0, 0], [0, 0, 0, 1]), [NAN, -1, NAN, 0]),
        (([1, 0, 0, 0], NONE, [0, 0, 1, 0], NONE), [1, NAN, -1, NAN]),  # turned
        (([1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], NONE), [1, NAN, -1, NAN]),  # out and turned
        (([1, 1, 0, 0], [1, 0, 0, 0], NONE, NONE), [NAN, 1, NAN, NAN]),  # both: no entry
        (([1, 0, 0, 0], NONE, [1, 0, 0, 0], NONE), [NAN] * 4),  # both sides: none
        (([0, 1, 0, 0], [1, 0, 0, 0], NONE, [0, 0, 1, 0]), [NAN, 1, NAN, NAN]),  # not its exit
        (([1, 0, 1, 0], NONE, NONE, NONE), [1, NAN, 1, NAN]),  # stated again
    ],
)
def test_sides_of_signals_by_hand(signals, expected):
    np.testing.assert_array_equal(sides(*signals)[:, 0], expected)
