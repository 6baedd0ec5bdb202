"""Instruments and the order rules of their venue."""

import numpy as np
import pytest

from peak_trade.domain.errors import ParameterError
from peak_trade.domain.instrument import Instrument, TradingRules

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("given", "base", "quote"),
    [
        ({"symbol": "BTC/EUR"}, "BTC", "EUR"),
        ({"symbol": "AAPL"}, "AAPL", "USD"),
        ({"symbol": "AAPL", "quote": "CHF"}, "AAPL", "CHF"),
        ({"symbol": "XBT/USD", "base": "BTC"}, "BTC", "USD"),
    ],
)
def test_instrument_reads_base_and_quote_from_its_symbol(given, base, quote):
    instrument = Instrument(**given)
    assert (instrument.base, instrument.quote) == (base, quote)


def test_unit_is_lot_times_multiplier():
    assert Instrument("ES", lot=0.5, multiplier=50).unit == 25.0


@pytest.mark.parametrize("name", ["tick", "lot", "multiplier"])
@pytest.mark.parametrize("value", [0, -1.0, NAN, INF])
def test_instrument_with_a_size_that_is_not_positive_is_refused(name, value):
    with pytest.raises(ParameterError, match=f"{name} .* of X is not a positive number"):
        Instrument("X", **{name: value})


@pytest.mark.parametrize(
    "rule",
    [
        {"order_step": 0}, {"order_step": -1}, {"order_step": 1.5}, {"order_step": NAN},
        {"min_notional": -1.0}, {"min_notional": INF}, {"min_notional": NAN},
    ],
)  # fmt: skip
def test_instrument_with_rules_that_cannot_be_kept_is_refused(rule):
    with pytest.raises(ParameterError, match="order rules of X are not valid"):
        Instrument("X", **rule)
    later = {"tick": 0.01, "order_step": 1, "min_notional": 0.0} | rule
    with pytest.raises(ParameterError, match="order rules of X are not valid"):
        Instrument("X", rules=(TradingRules(5, **later),))


@pytest.mark.parametrize("tick", [0.0, -1.0, NAN, INF])
def test_instrument_with_a_later_tick_that_is_not_positive_is_refused(tick):
    with pytest.raises(ParameterError, match="order rules of X are not valid"):
        Instrument("X", rules=(TradingRules(5, tick, 1, 0.0),))


@pytest.mark.parametrize("dates", [(5, 5), (6, 5)])
def test_instrument_with_rules_out_of_order_is_refused(dates):
    with pytest.raises(ParameterError, match="do not ascend"):
        Instrument("X", rules=tuple(TradingRules(date, 0.01, 1, 0.0) for date in dates))


def test_instrument_with_an_unknown_name_is_refused():
    with pytest.raises(ParameterError, match="calendar 'NYSE' is not known"):
        Instrument("X", calendar="NYSE")
    with pytest.raises(ParameterError, match=r"asset_class 'cripto'.*did you mean crypto"):
        Instrument("X", asset_class="cripto")
    with pytest.raises(ParameterError, match="no symbol"):
        Instrument("")


def test_rules_at_a_date_are_the_last_that_came_into_force():
    rules = (TradingRules(100, 0.5, 10, 5.0), TradingRules(200, 1.0, 20, 6.0))
    instrument = Instrument("X", tick=0.25, order_step=2, min_notional=1.0, rules=rules)
    ticks = {moment: instrument.rules_at(moment).tick for moment in (-1, 99, 100, 199, 200, 10**18)}
    assert ticks == {-1: 0.25, 99: 0.25, 100: 0.5, 199: 0.5, 200: 1.0, 10**18: 1.0}
    assert instrument.rules_at(99).order_step == 2


def test_instruments_of_equal_numbers_are_equal_and_read_alike():
    plain = Instrument("X", tick=1.0, lot=0.5, order_step=2)
    other = Instrument("X", tick=np.float64(1), lot=np.float64(0.5), order_step=np.int64(2))
    assert plain == other
    assert repr(plain) == repr(other)
