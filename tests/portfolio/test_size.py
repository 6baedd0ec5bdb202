"""Sizers: against TA-Lib and pandas, by hand, and by what must hold in any market."""

import math
from dataclasses import FrozenInstanceError, astuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws.test_causality import KINDS, market

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.sizer import AccountScale
from peak_trade.domain.terms import Terms
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session
from peak_trade.kernels.size import account_scale
from peak_trade.portfolio.size import (
    SIZERS,
    AtrRisk,
    Chain,
    DrawdownScaled,
    FixedFraction,
    Kelly,
    VolatilitySize,
)

talib = pytest.importorskip("talib", reason="needs TA-Lib, a development dependency")

MADE = {
    "fixed_fraction": FixedFraction(0.3),
    "volatility": VolatilitySize(target=0.2, window=10),
    "atr_risk": AtrRisk(risk=0.01, window=10),
    "kelly": Kelly(),
    "drawdown": DrawdownScaled(limit=0.2),
    "chain": Chain(VolatilitySize(target=0.2, window=5), AtrRisk(risk=0.02, window=7), Kelly()),
}


def random_bars(seed=1, rows=200, calendar="24/7"):
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.standard_normal(rows) * 0.02))
    high = close * (1 + rng.random(rows) * 0.02)
    low = close * (1 - rng.random(rows) * 0.02)
    return Bars.from_arrays(
        close, open=close, high=high, low=low, instruments=[Instrument("A", calendar=calendar)]
    )


def moved_by(bars, factor):
    return Bars.from_arrays(
        bars.close * factor,
        open=bars.open * factor,
        high=bars.high * factor,
        low=bars.low * factor,
        instruments=bars.instruments,
    )


def test_sizers_by_name_are_those_that_are_tested():
    assert {name: type(sizer) for name, sizer in MADE.items() if name in SIZERS} == dict(SIZERS)


@pytest.mark.parametrize("name", MADE)
@given(
    seed=st.integers(0, 2**32),
    kinds=st.frozensets(st.sampled_from(KINDS)),
    rows=st.integers(1, 60),
    width=st.integers(1, 3),
    cut=st.integers(0, 60),
)
def test_scale_of_a_sizer_is_causal_and_never_negative_in_any_market(
    name, seed, kinds, rows, width, cut
):
    bars = market(seed, kinds, rows, width)
    whole = MADE[name].scale(bars)
    assert whole.shape == (rows, width)
    assert whole.dtype == np.float64
    known = whole[~np.isnan(whole)]
    assert (np.isfinite(known) & (known >= 0) & (known <= 1)).all()
    part = MADE[name].scale(bars[:cut])
    np.testing.assert_array_equal(part.view(np.int64), whole[:cut].view(np.int64))


@pytest.mark.parametrize("name", MADE)
def test_sizer_is_a_frozen_value_whose_account_is_plain_floats(name):
    sizer = MADE[name]
    assert hash(sizer) == hash(sizer)
    assert isinstance(sizer.account, AccountScale)
    assert all(type(value) is float for value in astuple(sizer.account))
    field = next(iter(sizer.__dataclass_fields__))
    with pytest.raises((FrozenInstanceError, TypeError)):
        setattr(sizer, field, 0.1)


@pytest.mark.parametrize("name", ["volatility", "atr_risk"])
@pytest.mark.parametrize("factor", [0.5, 64.0])
def test_scale_of_rescaled_prices_is_the_same(name, factor):
    bars = random_bars()
    np.testing.assert_array_equal(MADE[name].scale(bars), MADE[name].scale(moved_by(bars, factor)))


def test_fixed_fraction_is_its_fraction_in_every_row():
    assert np.unique(FixedFraction(0.3).scale(random_bars())).tolist() == [0.3]


@pytest.mark.parametrize(("calendar", "years"), [("24/7", 365), ("XNYS", 252)])
def test_volatility_size_is_the_target_over_what_pandas_finds(calendar, years):
    bars = random_bars(calendar=calendar)
    returns = pd.Series(bars.close[:, 0]).pct_change()
    expected = 0.2 / (returns.rolling(30).std() * math.sqrt(years))
    found = VolatilitySize(target=0.2, window=30, cap=100.0).scale(bars)[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    capped = VolatilitySize(target=0.2, window=30, cap=0.6).scale(bars)[:, 0]
    np.testing.assert_allclose(capped, expected.clip(upper=0.6), rtol=1e-9)
    assert 0.1 < (capped[30:] == 0.6).mean() < 0.9


def test_position_of_volatility_size_moves_by_the_target():
    bars = random_bars(rows=400)
    scale = VolatilitySize(target=0.05, window=60).scale(bars)[:, 0]
    returns = np.diff(bars.close[:, 0]) / bars.close[:-1, 0]
    held = scale[300] * returns[240:300]  # the returns of rows 241 to 300, at the size of row 300
    assert held.std(ddof=1) * math.sqrt(365) == pytest.approx(0.05)


def test_atr_risk_loses_the_risk_when_the_stop_is_hit():
    bars = random_bars()
    columns = (np.ascontiguousarray(x[:, 0]) for x in (bars.high, bars.low, bars.close))
    stop = 3.0 * talib.ATR(*columns, 14)
    sizer = AtrRisk(risk=0.02, window=14, multiple=3.0, cap=10.0)
    units = sizer.scale(bars)[:, 0] / bars.close[:, 0]  # of an equity of 1
    np.testing.assert_allclose(units[14:] * stop[14:], 0.02, rtol=1e-9)
    assert np.isnan(units[:14]).all()


def test_turtle_unit_of_heating_oil_is_the_published_one():
    # Faith, Way of the Turtle: N 0.0141, 42,000 gallons, 1 % of an account of 1,000,000: 16.88
    # contracts. With N as the range of every bar the average is N.
    close = np.full(30, 0.6)
    bars = Bars.from_arrays(close, open=close, high=close + 0.0141, low=close)
    weight = AtrRisk(risk=0.01, window=20, multiple=1.0, cap=5.0).scale(bars)[-1, 0]
    assert weight * 1_000_000 / (42_000 * 0.6) == pytest.approx(16.88, abs=0.01)


def test_scale_of_a_price_that_does_not_move_is_the_cap():
    bars = Bars.from_arrays(np.full(30, 7.0))
    assert VolatilitySize(target=0.1, window=5, cap=0.8).scale(bars)[-1, 0] == 0.8
    assert AtrRisk(risk=0.01, window=5, cap=0.6).scale(bars)[-1, 0] == 0.6


def test_volatility_size_of_an_instrument_with_gaps_is_that_of_its_real_bars():
    whole = random_bars()
    real = np.arange(200) % 7 < 5
    closes = np.column_stack((whole.close[:, 0], whole.close[:, 0]))
    panel = Bars.from_arrays(closes, tradable=np.column_stack((np.ones(200, bool), real)))
    found = VolatilitySize(target=0.1, window=20).scale(panel)[real, 1]
    alone = VolatilitySize(target=0.1, window=20).scale(Bars.from_arrays(whole.close[real, 0]))
    np.testing.assert_array_equal(found, alone[:, 0])


def account_of(sizer, *facts):
    return account_scale(*facts, np.array(astuple(sizer.account)))


def test_kelly_before_its_trades_is_the_start_and_then_the_share():
    sizer = Kelly(fraction=0.5, cap=0.3, min_trades=10, start=0.05)
    assert account_of(sizer, 0.0, 9, 0.9, 0, 0.0) == 0.05
    assert account_of(sizer, 0.0, 6, 0.06, 4, 0.04) == pytest.approx(0.1)  # even money, 60 %
    assert account_of(sizer, 0.0, 9, 0.9, 1, 0.01) == 0.3
    assert account_of(sizer, 0.0, 1, 0.01, 9, 0.9) == 0.0
    assert (sizer.scale(random_bars()) == 1.0).all()


def test_drawdown_scaled_account_is_halved_half_way_to_the_limit():
    sizer = DrawdownScaled(limit=0.2, floor=0.25)
    assert account_of(sizer, 0.1, 0, 0.0, 0, 0.0) == pytest.approx(0.5)
    assert account_of(sizer, 0.5, 0, 0.0, 0, 0.0) == 0.25
    assert (sizer.scale(random_bars()) == 1.0).all()


def test_chain_multiplies_scales_and_joins_accounts():
    bars = random_bars()
    parts = (FixedFraction(0.5), VolatilitySize(target=0.2, window=9), Kelly(), MADE["drawdown"])
    chain = Chain(*parts)
    np.testing.assert_array_equal(chain.scale(bars), 0.5 * parts[1].scale(bars))
    facts = (0.05, 20, 0.4, 20, 0.2)
    expected = account_of(parts[2], *facts) * account_of(parts[3], *facts)
    assert account_of(chain, *facts) == pytest.approx(expected)
    assert 0 < expected < 1
    nested = Chain(Chain(parts[0], parts[1]), Chain(parts[2], parts[3]))
    assert nested.account == chain.account
    np.testing.assert_array_equal(nested.scale(bars), chain.scale(bars))


@pytest.mark.parametrize(
    ("sizers", "said"),
    [
        ((Kelly(), Kelly(fraction=0.2)), "two sizers .* set kelly_fraction"),
        ((DrawdownScaled(0.2), Chain(DrawdownScaled(0.1))), "two sizers .* set drawdown_limit"),
        ((), "no sizers"),
        ((FixedFraction(0.5), 0.5), "0.5 in Chain is no sizer"),
        ((FixedFraction,), "in Chain is no sizer"),
    ],
)
def test_chain_of_what_does_not_go_together_is_refused(sizers, said):
    with pytest.raises(ParameterError, match=said):
        Chain(*sizers)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (FixedFraction, {"fraction": 0.0}),
        (FixedFraction, {"fraction": 1.5}),
        (FixedFraction, {"fraction": "half"}),
        (VolatilitySize, {"target": 0.0}),
        (VolatilitySize, {"target": math.nan}),
        (VolatilitySize, {"target": 0.1, "window": 1}),
        (VolatilitySize, {"target": 0.1, "window": 2.5}),
        (VolatilitySize, {"target": 0.1, "cap": 0.0}),
        (AtrRisk, {"risk": 0.0}),
        (AtrRisk, {"risk": 0.01, "multiple": -1.0}),
        (AtrRisk, {"risk": 0.01, "window": 0}),
        (AtrRisk, {"risk": 0.01, "cap": math.inf}),
        (Kelly, {"fraction": 1.1}),
        (Kelly, {"min_trades": 0}),
        (Kelly, {"start": 0.0}),
        (Kelly, {"start": 0.5, "cap": 0.4}),
        (DrawdownScaled, {"limit": 0.0}),
        (DrawdownScaled, {"limit": 0.2, "floor": 1.0}),
        (DrawdownScaled, {"limit": 0.2, "floor": -0.1}),
    ],
)
def test_sizer_with_a_parameter_out_of_range_says_which(kind, values):
    with pytest.raises(ParameterError, match=rf"{list(values)[-1]}|start"):
        kind(**values)


def test_sizer_takes_the_ends_of_its_ranges():
    bars = random_bars(rows=20)
    assert (FixedFraction(1).scale(bars) == 1.0).all()
    assert DrawdownScaled(1).account.drawdown_limit == 1.0
    assert Kelly(fraction=1, cap=2, min_trades=1, start=2).account.kelly_start == 2.0


def lots_traded(sizer, rebalance):
    """An account of 1000 that is long at 100, falls to 80, leaves in row 5 and enters again."""
    bars = Bars.from_arrays(
        [100.0, 100.0, 80.0, 80.0, 80.0, 80.0, 80.0],
        open=[100.0, 100.0, 100.0, 80.0, 80.0, 80.0, 80.0],
        instruments=[Instrument("A", lot=0.0001)],
    )
    rows = StoredRows(np.array([[1.0], [1.0], [1.0], [1.0], [0.0], [1.0], [1.0]]))
    terms = Terms(cash=1000.0, sizer=sizer, rebalance=rebalance)
    fills = Session(bars, rows, start=0, stop=7, terms=terms).run().fills
    return dict(zip(fills.row.tolist(), (fills.lots / 10_000).tolist(), strict=True))


@pytest.mark.parametrize(
    ("sizer", "rebalance", "expected"),
    [
        (FixedFraction(0.5), "change", {1: 5.0, 5: -5.0, 6: 5.625}),  # half of 900 over 80
        (DrawdownScaled(limit=0.4), "change", {1: 10.0, 5: -10.0, 6: 5.0}),  # 20 % of 40 %
        (DrawdownScaled(limit=0.4), "bar", {1: 10.0, 3: -5.0, 5: -5.0, 6: 5.0}),
        (Kelly(min_trades=1, start=0.3), "change", {1: 3.0, 5: -3.0}),  # its only trade lost
        (
            Chain(DrawdownScaled(0.4), FixedFraction(0.5)),
            "change",
            {1: 5.0, 5: -5.0, 6: 4.2187},  # 10 % of 40 %: 0.75 of half of 900 over 80
        ),
    ],
)
def test_session_holds_what_a_sizer_leaves_of_a_target(sizer, rebalance, expected):
    assert lots_traded(sizer, rebalance) == expected
