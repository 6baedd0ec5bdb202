"""Instruments of a venue: kept with every change of their rules, and when it was heard of."""

from dataclasses import replace

from peak_trade.data.source import Listed
from peak_trade.domain.instrument import Instrument

BTC = Instrument("BTC/USD", asset_class="crypto", tick=0.1, lot=1e-8, min_notional=0.5)


def _listed(instrument: Instrument, **more: object) -> Listed:
    return Listed(instrument.symbol, "XXBTZUSD", instrument, **more)  # type: ignore[arg-type]


def test_instruments_come_back_as_they_were_listed(store):
    eth = _listed(Instrument("ETH/USD", tick=0.01), is_active=False, taker_fee=0.004, min_size=2.0)
    assert store.keep_instruments("kraken", [_listed(BTC), eth], received_ns=5) == 2
    assert store.keep_instruments("kraken", [_listed(BTC), eth], received_ns=9) == 0
    assert store.instrument("kraken", "BTC/USD") == BTC
    assert store.instrument("kraken", "SOL/USD") is None
    assert store.instrument("binance", "BTC/USD") is None
    assert store.listed("kraken") == (_listed(BTC), eth)
    assert store.listed("binance") == ()
    assert store.series() == ()


def test_order_rules_that_change_hold_from_when_it_was_heard(store):
    store.keep_instruments("kraken", [_listed(BTC)], received_ns=100)
    finer = replace(BTC, tick=0.01, min_notional=1.0)
    assert store.keep_instruments("kraken", [_listed(finer)], received_ns=200) == 1
    now = store.instrument("kraken", "BTC/USD")
    assert now is not None
    assert (now.rules_at(199).tick, now.rules_at(200).tick) == (0.1, 0.01)
    assert (now.rules_at(199).min_notional, now.rules_at(200).min_notional) == (0.5, 1.0)
    assert store.instrument("kraken", "BTC/USD", known_ns=150) == BTC
    assert store.instrument("kraken", "BTC/USD", known_ns=1) == BTC
    store.keep_instruments("kraken", [_listed(BTC)], received_ns=300)
    back = store.instrument("kraken", "BTC/USD")
    assert back is not None
    assert [back.rules_at(time).tick for time in (100, 250, 300)] == [0.1, 0.01, 0.1]


def test_a_lot_that_changes_replaces_the_instrument(store):
    store.keep_instruments("kraken", [_listed(BTC)], received_ns=100)
    other = replace(BTC, lot=0.01, tick=0.5)
    store.keep_instruments("kraken", [_listed(other)], received_ns=200)
    assert store.instrument("kraken", "BTC/USD") == other
    assert store.instrument("kraken", "BTC/USD", known_ns=199) == BTC
