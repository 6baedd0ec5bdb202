"""Indicators against TA-Lib, exact fractions, and their own shorter histories."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.domain.instrument import Instrument
from peak_trade.stats import indicators as ind

talib = pytest.importorskip("talib", reason="needs TA-Lib, a development dependency")


def random_bars(seed, rows=300, width=1, decimals=2, tick=0.01):
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.standard_normal((rows, width)) * 0.01, axis=0))
    opened = close * np.exp(rng.standard_normal((rows, width)) * 0.005)
    high = np.maximum(opened, close) * (1 + rng.random((rows, width)) * 0.01)
    low = np.minimum(opened, close) * (1 - rng.random((rows, width)) * 0.01)
    rounded = {
        "close": close,
        "open": opened,
        "high": high,
        "low": low,
    }
    if decimals is not None:
        rounded = {name: np.round(values, decimals) for name, values in rounded.items()}
    return Bars.from_arrays(
        rounded["close"],
        open=rounded["open"],
        high=rounded["high"],
        low=rounded["low"],
        instruments=[Instrument(f"I{i}", tick=tick) for i in range(width)],
    )


def same_bits(one, other):
    np.testing.assert_array_equal(one.view(np.int64), other.view(np.int64))


ON_CLOSE = {
    "sma": (ind.sma, talib.SMA),
    "ema": (ind.ema, talib.EMA),
    "rsi": (ind.rsi, talib.RSI),
    "std": (ind.std, talib.STDDEV),
    "highest": (ind.highest, talib.MAX),
    "lowest": (ind.lowest, talib.MIN),
    "momentum": (ind.momentum, talib.ROCP),
}


@pytest.mark.parametrize("decimals", [2, None], ids=["on tick", "off tick"])
@pytest.mark.parametrize("n", [2, 3, 14, 50])
@pytest.mark.parametrize("name", ON_CLOSE)
def test_indicator_of_bars_equals_talib(name, n, decimals):
    ours, theirs = ON_CLOSE[name]
    bars = random_bars(11, decimals=decimals)
    expected = theirs(np.ascontiguousarray(bars.close[:, 0]), n)
    np.testing.assert_allclose(ours(bars, n)[:, 0], expected, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("n", [2, 14, 40])
def test_atr_equals_talib(n):
    bars = random_bars(12)
    columns = (np.ascontiguousarray(x[:, 0]) for x in (bars.high, bars.low, bars.close))
    np.testing.assert_allclose(ind.atr(bars, n)[:, 0], talib.ATR(*columns, n), rtol=1e-9)


def with_gaps(seed=21, rows=200):
    """Bars of two instruments that both skip rows, and the same rows by themselves."""
    whole = random_bars(seed, rows=rows, width=2)
    real = np.random.default_rng(seed).random((rows, 2)) < 0.7
    prices = {name: np.array(getattr(whole, name)) for name in ("open", "high", "low", "close")}
    gappy = Bars.from_arrays(prices.pop("close"), **prices, tradable=real)
    alone = [
        Bars.from_arrays(
            whole.close[real[:, i], i],
            open=whole.open[real[:, i], i],
            high=whole.high[real[:, i], i],
            low=whole.low[real[:, i], i],
        )
        for i in range(2)
    ]
    return gappy, alone


@pytest.mark.parametrize("indicator", [ind.atr, ind.volatility])
def test_movement_of_an_instrument_with_gaps_is_that_of_its_real_bars(indicator):
    gappy, alone = with_gaps()
    for i, bars in enumerate(alone):
        real = gappy.tradable[:, i]
        found = indicator(gappy, 5)[:, i]
        same_bits(np.array(found[real]), np.array(indicator(bars, 5)[:, 0]))
        before = np.flatnonzero(~real[1:]) + 1
        same_bits(np.array(found[before]), np.array(found[before - 1]))


@pytest.mark.parametrize(("calendar", "years"), [("24/7", 365), ("XNYS", 252)])
def test_volatility_is_the_annual_deviation_that_pandas_finds(calendar, years):
    closes = np.array(random_bars(30).close[:, 0])
    bars = Bars.from_arrays(closes, instruments=[Instrument("A", calendar=calendar)])
    expected = pd.Series(closes).pct_change().rolling(20).std() * years**0.5
    np.testing.assert_allclose(ind.volatility(bars, 20)[:, 0], expected, rtol=1e-9)


def test_volatility_of_an_unchanged_price_is_exactly_zero():
    found = ind.volatility(Bars.from_arrays(np.full(30, 0.1)), 10)[:, 0]
    assert np.isnan(found[:10]).all()
    assert (found[10:] == 0.0).all()


def test_volatility_of_an_instrument_without_bars_is_unknown():
    bars = Bars.from_arrays(np.column_stack((np.arange(1.0, 20.0), np.full(19, np.nan))))
    assert np.isnan(ind.volatility(bars, 3)[:, 1]).all()
    assert np.isnan(ind.atr(bars, 3)[:, 1]).all()


@pytest.mark.parametrize(("fast", "slow", "signal"), [(12, 26, 9), (2, 3, 1), (5, 34, 5)])
def test_macd_equals_talib(fast, slow, signal):
    bars = random_bars(15)
    line, average = ind.macd(bars, fast, slow, signal=signal)
    theirs = talib.MACD(np.ascontiguousarray(bars.close[:, 0]), fast, slow, signal)
    known = ~np.isnan(theirs[0])  # TA-Lib shows the line from the signal's first row on
    assert known.sum() == 300 - (slow + signal - 2)
    np.testing.assert_allclose(line[known, 0], theirs[0][known], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(average[:, 0], theirs[1], rtol=1e-9, atol=1e-9)
    assert np.flatnonzero(~np.isnan(line[:, 0]))[0] == slow - 1


def test_macd_of_bars_and_of_their_closes_have_the_same_bits():
    bars = random_bars(16, width=2)
    for one, other in zip(ind.macd(bars), ind.macd(np.array(bars.close)), strict=True):
        same_bits(np.array(one), other)


def test_macd_of_a_pair_of_spans_is_remembered_for_every_signal():
    bars = random_bars(17)
    assert ind.macd(bars, signal=5)[0] is ind.macd(bars, signal=9)[0]
    assert ind.macd(bars, signal=5)[1] is ind.macd(bars, signal=5)[1]


def test_macd_with_fast_not_below_slow_is_refused():
    with pytest.raises(ParameterError, match="fast 26 of macd is not below slow 26"):
        ind.macd(random_bars(1), 26, 26)


@pytest.mark.parametrize(("n", "width"), [(20, 2.0), (5, 0.5)])
def test_bollinger_bands_equal_talib(n, width):
    bars = random_bars(18)
    closes = np.ascontiguousarray(bars.close[:, 0])
    upper, middle, lower = talib.BBANDS(closes, n, nbdevup=width, nbdevdn=width, matype=0)
    for ours, theirs in zip(ind.bollinger(bars, n, width), (lower, middle, upper), strict=True):
        np.testing.assert_allclose(ours[:, 0], theirs, rtol=1e-9)


@pytest.mark.parametrize("n", [1, 20])
def test_donchian_channel_equals_talib(n):
    bars = random_bars(19)
    high, low = (np.ascontiguousarray(x[:, 0]) for x in (bars.high, bars.low))
    bottom, top = (talib.MIN(low, n), talib.MAX(high, n)) if n > 1 else (low, high)
    lower, middle, upper = ind.donchian(bars, n)
    np.testing.assert_array_equal(lower[:, 0], bottom)
    np.testing.assert_array_equal(upper[:, 0], top)
    np.testing.assert_allclose(
        middle[:, 0], talib.MIDPRICE(high, low, n) if n > 1 else (high + low) / 2
    )


@pytest.mark.parametrize("indicator", [ind.donchian, ind.volatility])
def test_indicator_that_needs_bars_given_an_array_says_so(indicator):
    with pytest.raises(ParameterError, match="takes bars"):
        indicator(np.ones(5), 2)


def test_volatility_over_one_return_is_refused():
    with pytest.raises(ParameterError, match="2 or more"):
        ind.volatility(random_bars(1), 1)


@pytest.mark.parametrize("series", [[5.0] * 30, list(range(1, 31)), list(range(30, 0, -1))])
def test_rsi_of_a_flat_or_one_way_price_is_what_talib_says(series):
    prices = np.array(series, dtype=np.float64)
    np.testing.assert_array_equal(ind.rsi(prices, 14), talib.RSI(prices, 14))


@given(seed=st.integers(0, 2**32), n=st.integers(1, 60))
def test_sma_of_prices_on_tick_is_the_exact_mean_rounded(seed, n):
    bars = random_bars(seed, rows=80)
    exact = [Fraction(f"{price:.2f}") for price in bars.close[:, 0]]
    expected = [float(sum(exact[t + 1 - n : t + 1]) / n) for t in range(n - 1, 80)]
    assert ind.sma(bars, n)[n - 1 :, 0].tolist() == expected


def test_sma_of_bars_and_of_their_closes_have_the_same_bits():
    bars = random_bars(4, width=3)
    same_bits(ind.sma(bars, 20), ind.sma(np.array(bars.close), 20))


@pytest.mark.parametrize("tick", [0.25, 0.1, 1e-5, 1e-8, 1e-12, 100.0, 0.3])
def test_sma_with_any_tick_is_close_to_the_mean(tick):
    bars = random_bars(5, rows=60, tick=tick)
    windows = np.lib.stride_tricks.sliding_window_view(bars.close[:, 0], 7)
    np.testing.assert_allclose(ind.sma(bars, 7)[6:, 0], windows.mean(axis=1), rtol=1e-14)


def test_sma_of_an_extremely_long_window_is_close_to_the_mean(monkeypatch):
    monkeypatch.setattr("peak_trade.kernels.rolling.MAX_EXACT_WINDOW", 10)
    values = np.round(np.random.default_rng(1).uniform(1, 2, 50), 2)
    np.testing.assert_allclose(ind.sma(values, 30)[-1], values[-30:].mean(), rtol=1e-14)


ALL = {
    **{name: pair[0] for name, pair in ON_CLOSE.items()},
    "atr": ind.atr,
    "sample std": lambda source, n: ind.std(source, n + 1, ddof=1),
    "returns": lambda source, n: ind.returns(source),
}


SEVERAL = {  # those that give more than one line, or that are worked out from others each time
    "macd": lambda bars, n: ind.macd(bars, n, 2 * n, signal=n + 1)[0],
    "macd signal": lambda bars, n: ind.macd(bars, n, 2 * n, signal=n + 1)[1],
    "lower band": lambda bars, n: ind.bollinger(bars, n, 1.5)[0],
    "upper band": lambda bars, n: ind.bollinger(bars, n, 1.5)[2],
    "lower channel": lambda bars, n: ind.donchian(bars, n)[0],
    "middle channel": lambda bars, n: ind.donchian(bars, n)[1],
    "volatility": lambda bars, n: ind.volatility(bars, n + 1),
}
EVERY = {**ALL, **SEVERAL}


@pytest.mark.parametrize("name", EVERY)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(1, 20),
    cut=st.integers(0, 60),
    off_tick=st.integers(0, 60),
)
def test_indicator_of_a_shorter_history_has_the_same_bits(name, seed, n, cut, off_tick):
    bars = random_bars(seed, rows=60, width=2)
    closes = np.array(bars.close)
    closes[off_tick:, 1] *= 1.000001
    tradable = np.random.default_rng(seed).random(closes.shape) < 0.8
    tradable[0] = True
    bars = Bars.from_arrays(closes, tradable=tradable)
    same_bits(EVERY[name](bars[:cut], n), EVERY[name](bars, n)[:cut])


@pytest.mark.parametrize("name", EVERY)
def test_indicator_of_a_panel_equals_its_columns_one_by_one(name):
    bars = random_bars(6, width=3)
    together = EVERY[name](bars, 9)
    for i, symbol in enumerate(bars.symbols):
        same_bits(EVERY[name](bars.select(symbol), 9)[:, 0], np.array(together[:, i]))


@pytest.mark.parametrize("name", ALL)
def test_indicator_of_bars_is_remembered_and_read_only(name):
    bars = random_bars(8)
    first = ALL[name](bars, 5)
    assert ALL[name](bars, 5) is first
    assert ALL[name](bars[:], 5) is not first
    assert first.shape == bars.close.shape
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1.0


@pytest.mark.parametrize("name", [name for name in ALL if name != "atr"])
@pytest.mark.parametrize("shape", [(40,), (40, 1), (40, 3), (3,), (0,), (0, 2)])
def test_indicator_of_an_array_keeps_its_shape(name, shape):
    values = np.random.default_rng(2).uniform(1, 2, shape)
    found = ALL[name](values, 5)
    assert found.shape == shape
    assert found.dtype == np.float64
    assert np.isnan(found[:1]).all()
    found[:] = 0.0


def test_indicators_of_an_instrument_that_joins_late_start_with_it():
    bars = random_bars(9, rows=50, width=2)
    closes = np.array(bars.close)
    closes[:20, 1] = np.nan
    late = Bars.from_arrays(closes)
    for name in ("sma", "ema", "rsi", "std", "highest", "momentum"):
        expected = ALL[name](np.array(closes[20:, 1]), 5)
        same_bits(np.array(ALL[name](late, 5)[20:, 1]), expected)


@pytest.mark.parametrize("name", [name for name in ALL if name != "returns"])
@pytest.mark.parametrize("n", [0, -1, 2.0, True, "5", None])
def test_indicator_with_a_bad_window_says_so(name, n):
    if name == "sample std":
        n = 0 if n == 0 else n
    with pytest.raises(ParameterError, match="whole number of at least 1"):
        (ind.std if name == "sample std" else ALL[name])(random_bars(1, rows=5), n)


def test_std_with_too_small_a_window_for_its_ddof_says_so():
    with pytest.raises(ParameterError, match="ddof 1"):
        ind.std(np.ones(5), 1, ddof=1)


def test_atr_of_an_array_says_that_it_takes_bars():
    with pytest.raises(ParameterError, match="takes bars"):
        ind.atr(np.ones(5), 2)


def test_indicator_of_a_cube_says_what_it_expected():
    with pytest.raises(ParameterError, match="3 dimensions"):
        ind.ema(np.ones((2, 2, 2)), 1)
