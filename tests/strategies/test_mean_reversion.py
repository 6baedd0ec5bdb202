"""Reversion against loops over TA-Lib's index and bands."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.strategies import BollingerReversion, RsiReversion

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


def band_plain(close, n, width, *, allow_short):
    upper, middle, lower = talib.BBANDS(
        np.ascontiguousarray(close), n, nbdevup=width, nbdevdn=width, matype=0
    )
    side, sides = 0, []
    for t, price in enumerate(close):
        if (side > 0 and price >= middle[t]) or (side < 0 and price <= middle[t]):
            side = 0
        if price < lower[t]:
            side = 1
        if allow_short and price > upper[t]:
            side = -1
        sides.append(side)
    return sides


@pytest.mark.parametrize("allow_short", [False, True])
@pytest.mark.parametrize(("n", "width"), [(20, 2.0), (7, 1.3), (50, 1.0)])
def test_bollinger_reversion_is_held_from_the_band_to_the_middle(n, width, allow_short):
    close = closes(rows=2_000, seed=8)
    strategy = BollingerReversion(n=n, width=width, allow_short=allow_short)
    targets = strategy.targets(Bars.from_arrays(close))
    np.testing.assert_array_equal(
        targets[:, 0], band_plain(close[:, 0], n, width, allow_short=allow_short)
    )
    assert set(np.unique(targets)) == ({-1.0, 0.0, 1.0} if allow_short else {0, 1})


def test_bollinger_reversion_of_a_panel_gives_each_instrument_its_share():
    close = closes(width=4)
    strategy = BollingerReversion(n=10, width=1.5, allow_short=True)
    alone = [strategy.targets(Bars.from_arrays(column))[:, 0] for column in close.T]
    np.testing.assert_array_equal(
        strategy.targets(Bars.from_arrays(close)), np.transpose(alone) / 4
    )


def test_bollinger_reversion_of_a_flat_price_is_never_held():
    bars = Bars.from_arrays(np.full(60, 100.1))
    assert not BollingerReversion(n=5, allow_short=True).targets(bars).any()


@given(scale=st.sampled_from([0.25, 2.0, 1024.0]), seed=st.integers(0, 2**32))
def test_bollinger_reversion_of_rescaled_prices_holds_the_same(scale, seed):
    close = np.round(closes(rows=120, seed=seed), 2)
    strategy = BollingerReversion(n=10, width=1.2, allow_short=True)
    np.testing.assert_array_equal(
        strategy.targets(Bars.from_arrays(close)),
        strategy.targets(Bars.from_arrays(close * scale)),
    )


def test_indicators_of_bollinger_reversion_are_its_bands():
    lines = BollingerReversion(n=7).indicators(Bars.from_arrays(closes(50)))
    assert list(lines) == ["lower band", "SMA 7", "upper band"]
    assert (lines["lower band"][6:] < lines["upper band"][6:]).all()
