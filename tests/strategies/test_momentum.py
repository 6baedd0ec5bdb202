"""Cross-sectional momentum against a plain sort, row by row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.bars import Bars
from peak_trade.strategies import CrossSectionalMomentum


def plain(bars, lookback, top, every):
    weights = np.full(bars.close.shape, np.nan)
    for t in range(0, len(bars), every):
        if t < lookback:
            continue
        change = bars.close[t] / bars.close[t - lookback] - 1
        ranked = [j for j in range(len(change)) if bars.tradable[t, j] and np.isfinite(change[j])]
        ranked.sort(key=lambda j: -change[j])
        weights[t] = 0.0
        weights[t, ranked[:top]] = 1 / top
    return weights


@given(
    seed=st.integers(0, 2**32),
    lookback=st.integers(1, 15),
    top=st.integers(1, 7),
    every=st.integers(1, 12),
)
def test_momentum_targets_equal_a_plain_sort(seed, lookback, top, every):
    rng = np.random.default_rng(seed)
    close = rng.integers(1, 6, (40, 6)).astype(np.float64)  # many ties
    close[: seed % 30, 0] = np.nan
    tradable = (rng.random((40, 6)) < 0.8) & np.isfinite(close)
    bars = Bars.from_arrays(close, tradable=tradable)
    found = CrossSectionalMomentum(lookback=lookback, top=top, every=every).targets(bars)
    np.testing.assert_array_equal(found, plain(bars, lookback, top, every))


def test_momentum_of_equals_takes_the_columns_from_the_left():
    bars = Bars.from_arrays(np.ones((3, 5)))
    found = CrossSectionalMomentum(lookback=1, top=2, every=1).targets(bars)
    assert found[1].tolist() == [0.5, 0.5, 0, 0, 0]


def test_momentum_of_fewer_instruments_than_top_leaves_the_rest_in_cash():
    bars = Bars.from_arrays(np.ones((3, 2)))
    found = CrossSectionalMomentum(lookback=1, top=4, every=1).targets(bars)
    assert found[2].tolist() == [0.25, 0.25]


@pytest.mark.parametrize("rows", [0, 1, 5, 6])
def test_momentum_of_too_short_a_history_states_nothing(rows):
    bars = Bars.from_arrays(np.ones((10, 2)))[:rows]
    found = CrossSectionalMomentum(lookback=5, top=1, every=6).targets(bars)
    assert found.shape == (rows, 2)
    assert np.isnan(found).all()
