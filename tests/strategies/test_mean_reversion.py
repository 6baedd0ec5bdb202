"""RSI reversion against a loop over TA-Lib's index."""

import numpy as np
import pytest

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.strategies import RsiReversion

talib = pytest.importorskip("talib", reason="needs TA-Lib, a development dependency")


def closes(rows=600, width=1, seed=5):
    rng = np.random.default_rng(seed)
    return 100 * np.exp(np.cumsum(rng.standard_normal((rows, width)) * 0.02, axis=0))


def plain(close, n, low, high, above):
    held, positions = 0.0, []
    for index in talib.RSI(np.ascontiguousarray(close), n):
        if index < low:
            held = 1.0
        if index > high:
            held = above
        positions.append(held)
    return positions


def test_rsi_reversion_long_only_is_held_between_its_thresholds():
    close = closes()
    targets = RsiReversion(n=7, low=30, high=60).targets(Bars.from_arrays(close))
    assert targets.dtype == np.bool_
    np.testing.assert_array_equal(targets[:, 0], plain(close[:, 0], 7, 30, 60, 0.0))
    assert len(np.flatnonzero(np.diff(targets[:, 0]))) > 10


def test_rsi_reversion_with_shorts_is_short_above_high():
    close = closes()
    targets = RsiReversion(n=7, allow_short=True).targets(Bars.from_arrays(close))
    np.testing.assert_array_equal(targets[:, 0], plain(close[:, 0], 7, 30, 70, -1.0))
    assert set(np.unique(targets)) == {-1.0, 0.0, 1.0}


def test_rsi_reversion_of_a_panel_gives_each_instrument_its_share():
    close = closes(width=4)
    targets = RsiReversion(n=7, allow_short=True).targets(Bars.from_arrays(close))
    expected = [plain(column, 7, 30, 70, -1.0) for column in close.T]
    np.testing.assert_array_equal(targets, np.transpose(expected) / 4)


@pytest.mark.parametrize(("low", "high"), [(70, 30), (50, 50)])
def test_rsi_reversion_with_thresholds_out_of_order_is_refused(low, high):
    with pytest.raises(ParameterError, match="not below high"):
        RsiReversion(low=low, high=high)


def test_indicators_of_rsi_reversion_are_the_index():
    lines = RsiReversion(n=7).indicators(Bars.from_arrays(closes(50)))
    assert list(lines) == ["RSI 7"]
