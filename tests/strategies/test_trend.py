"""Moving-average crosses against the comparison written out."""

import numpy as np
import pytest

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.strategies import EmaCross, Macd, MaCross

talib = pytest.importorskip("talib", reason="needs TA-Lib, a development dependency")
CROSSES = [(MaCross, talib.SMA), (EmaCross, talib.EMA)]


def walk(rows, width=1, seed=1):
    rng = np.random.default_rng(seed)
    return np.round(100 * np.exp(np.cumsum(rng.standard_normal((rows, width)) * 0.01, axis=0)), 2)


@pytest.mark.parametrize(("kind", "average"), CROSSES)
def test_cross_of_one_instrument_is_true_while_fast_is_above_slow(kind, average):
    close = walk(400)
    targets = kind(fast=5, slow=20).targets(Bars.from_arrays(close))
    expected = average(close[:, 0].copy(), 5) > average(close[:, 0].copy(), 20)
    assert targets.dtype == np.bool_
    assert targets.shape == (400, 1)
    np.testing.assert_array_equal(targets[:, 0], expected)
    assert 0.1 < targets.mean() < 0.9


@pytest.mark.parametrize(("kind", "average"), CROSSES)
def test_cross_of_a_panel_gives_each_instrument_its_share(kind, average):
    close = walk(200, 4)
    targets = kind(fast=5, slow=20).targets(Bars.from_arrays(close))
    alone = [kind(fast=5, slow=20).targets(Bars.from_arrays(column))[:, 0] for column in close.T]
    np.testing.assert_array_equal(targets, np.transpose(alone) / 4)


@pytest.mark.parametrize(("kind", "average"), CROSSES)
def test_cross_of_a_flat_price_is_never_long(kind, average):
    assert not kind(fast=3, slow=7).targets(Bars.from_arrays(np.full(100, 100.1))).any()


@pytest.mark.parametrize("kind", [MaCross, EmaCross])
@pytest.mark.parametrize(("fast", "slow"), [(20, 20), (50, 20)])
def test_cross_with_fast_not_below_slow_is_refused(kind, fast, slow):
    with pytest.raises(ParameterError, match=f"fast {fast} is not below slow {slow}"):
        kind(fast=fast, slow=slow)


def test_warmup_of_crosses_covers_the_slow_average():
    assert MaCross(fast=20, slow=50).warmup == 49
    assert EmaCross(fast=12, slow=26).warmup == 130
    first = MaCross(fast=1, slow=50).targets(Bars.from_arrays(np.arange(1.0, 100.0)))
    assert np.flatnonzero(first)[0] == 49


@pytest.mark.parametrize(("kind", "name"), [(MaCross, "SMA"), (EmaCross, "EMA")])
def test_indicators_of_a_cross_are_the_two_averages(kind, name):
    bars = Bars.from_arrays(walk(50))
    lines = kind(fast=5, slow=20).indicators(bars)
    assert list(lines) == [f"{name} 5", f"{name} 20"]
    assert all(line.shape == (50, 1) for line in lines.values())


def test_macd_is_held_while_the_line_is_above_its_signal():
    close = walk(600)
    line, signal, _ = talib.MACD(close[:, 0].copy(), 6, 13, 5)
    bars = Bars.from_arrays(close)
    targets = Macd(fast=6, slow=13, signal=5).targets(bars)
    assert targets.dtype == np.bool_
    np.testing.assert_array_equal(targets[:, 0], line > signal)
    both = Macd(fast=6, slow=13, signal=5, allow_short=True).targets(bars)
    np.testing.assert_array_equal(both[:, 0], np.nan_to_num(np.sign(line - signal)))
    assert 0.2 < targets.mean() < 0.8


def test_macd_of_a_panel_gives_each_instrument_its_share():
    close = walk(200, 4)
    strategy = Macd(fast=5, slow=20, signal=4, allow_short=True)
    alone = [strategy.targets(Bars.from_arrays(column))[:, 0] for column in close.T]
    np.testing.assert_array_equal(
        strategy.targets(Bars.from_arrays(close)), np.transpose(alone) / 4
    )


def test_macd_of_a_flat_price_is_never_held():
    strategy = Macd(fast=3, slow=7, signal=4, allow_short=True)
    assert not strategy.targets(Bars.from_arrays(np.full(100, 100.1))).any()


def test_macd_with_fast_not_below_slow_is_refused():
    with pytest.raises(ParameterError, match="fast 26 is not below slow 26"):
        Macd(fast=26, slow=26)


def test_macd_after_its_warmup_has_forgotten_where_it_began():
    strategy, close = Macd(fast=5, slow=12, signal=4, allow_short=True), walk(1000)
    assert strategy.warmup == 80
    late = strategy.targets(Bars.from_arrays(close[500:]))[strategy.warmup :]
    whole = strategy.targets(Bars.from_arrays(close))[500 + strategy.warmup :]
    np.testing.assert_array_equal(late, whole)


def test_indicators_of_macd_are_the_line_and_its_signal():
    lines = Macd(fast=5, slow=20, signal=4).indicators(Bars.from_arrays(walk(50)))
    assert list(lines) == ["MACD 5 20", "signal 4"]
