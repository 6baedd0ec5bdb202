"""Bars of the store in a backtest: which version, whose rules, what does not trade."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from peak_trade.data.check import check_data
from peak_trade.data.load import load
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Listed
from peak_trade.data.store import Store
from peak_trade.data.stored import addresses, instant
from peak_trade.domain.errors import DataError, ParameterError
from peak_trade.domain.instrument import Instrument

HOUR_NS = 3_600_000_000_000
BTC = SeriesKey("bars", "kraken", "BTC/USD", "1h")
ETH = SeriesKey("bars", "kraken", "ETH/USD", "1h")
USDT = SeriesKey("bars", "binance", "BTC/USD", "1h")


def _bars(first: int, closes: list[float], *, filled: tuple[int, ...] = ()) -> pl.DataFrame:
    opens = (first + np.arange(len(closes))) * HOUR_NS
    close = np.array(closes)
    marks = np.isin(np.arange(len(closes)), filled)
    return pl.DataFrame(
        {"open_ns": opens, "close_ns": opens + HOUR_NS, "open": close, "high": close + 1,
         "low": close - 1, "close": close, "volume": close * 2, "is_filled": marks}
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.open(tmp_path)
    store.upsert(BTC, _bars(10, [100.0, 101.0, 102.5, 103.0]), source="a", received_ns=1)
    store.upsert(ETH, _bars(11, [10.0, 11.0]), source="a", received_ns=1)
    store.upsert(USDT, _bars(9, [100.0, 100.0]), source="b", received_ns=1)
    return store


def test_load_of_a_stored_series_gives_its_bars_and_its_version(store):
    bars = load("kraken:BTC/USD", interval="1h", store=store)
    assert (bars.name, bars.symbols, str(bars.interval)) == ("kraken:BTC/USD@2", ("BTC/USD",), "1h")
    assert bars.time.tolist() == [hour * HOUR_NS for hour in (11, 12, 13, 14)]
    assert bars.open_time.ravel().tolist() == [hour * HOUR_NS for hour in (10, 11, 12, 13)]
    assert bars.high.ravel().tolist() == [101.0, 102.0, 103.5, 104.0]
    assert bars.volume.ravel().tolist() == [200.0, 202.0, 205.0, 206.0]
    assert bars.tradable.all()
    assert bars.instruments[0].tick == 0.1
    assert load("kraken:BTC/USD", store=store).fingerprint == bars.fingerprint


def test_load_of_a_pinned_version_does_not_change(store):
    before = load("kraken:BTC/USD", interval="1h", store=store)
    store.upsert(BTC, _bars(12, [99.0, 98.0, 97.0]), source="fix", received_ns=2)
    pinned = load("kraken:BTC/USD", interval="1h", version=2, store=store)
    assert pinned.fingerprint == before.fingerprint
    newest = load("kraken:BTC/USD", interval="1h", store=store)
    assert (newest.name, len(newest)) == ("kraken:BTC/USD@3", 5)


def test_load_of_a_pinned_version_keeps_the_rules_that_were_known(store):
    def keep(instrument: Instrument, received_ns: int) -> None:
        listed = Listed("BTC/USD", "XXBTZUSD", instrument)
        store.keep_instruments("kraken", [listed], received_ns=received_ns)

    rules = Instrument("BTC/USD", asset_class="crypto", tick=0.5, lot=0.001, calendar="24/7")
    keep(rules, 5)
    first = load("kraken:BTC/USD", interval="1h", store=store)
    assert first.instruments == (rules,)
    keep(replace(rules, lot=0.01), 2**62)  # heard of long after the version was written
    assert load("kraken:BTC/USD", interval="1h", store=store).fingerprint == first.fingerprint
    mine = load("kraken:BTC/USD", interval="1h", store=store, tick=0.25, calendar="XNYS")
    assert (mine.instruments[0].tick, mine.instruments[0].lot) == (0.25, 0.001)
    assert mine.instruments[0].calendar == "XNYS"


def test_load_of_bars_that_were_filled_in_does_not_trade_them(store):
    key = SeriesKey("bars", "kraken", "SOL/USD", "1h")
    rows = _bars(0, [5.0, 5.0, 6.0, 7.0, 7.0, 8.0], filled=(0, 3, 4))
    store.upsert(key, rows, source="a", received_ns=1)
    bars = load("kraken:SOL/USD", interval="1h", store=store)
    assert bars.tradable.ravel().tolist() == [False, True, True, False, False, True]
    np.testing.assert_array_equal(bars.close.ravel(), [np.nan, 5.0, 6.0, 6.0, 6.0, 8.0])
    assert bars.volume.ravel().tolist() == [0.0, 10.0, 12.0, 0.0, 0.0, 16.0]
    assert len(load("kraken:SOL/USD", interval="1h", store=store, start=5 * HOUR_NS)) == 1
    with pytest.raises(DataError, match="no bar in this range"):
        load("kraken:SOL/USD", interval="1h", store=store, stop=HOUR_NS)


def test_load_of_several_series_puts_them_side_by_side(store):
    bars = load("kraken:BTC/USD,ETH/USD", interval="1h", store=store)
    assert (bars.name, bars.symbols) == ("kraken:BTC/USD,ETH/USD@2", ("BTC/USD", "ETH/USD"))
    assert bars.tradable[:, 1].tolist() == [False, True, True, False]
    same = load(["kraken:BTC/USD", "kraken:ETH/USD"], interval="1h", store=store)
    assert same.fingerprint == bars.fingerprint
    eth = load("kraken:BTC/USD,ETH/USD", interval="1h", symbol="ETH/USD", store=store)
    assert eth.symbols == ("ETH/USD",)


def test_load_across_venues_names_instruments_that_share_a_symbol(store):
    bars = load(["kraken:BTC/USD", "binance:BTC/USD"], interval="1h", store=store)
    assert bars.symbols == ("kraken:BTC/USD", "binance:BTC/USD")
    assert bars.name == "kraken:BTC/USD@2,binance:BTC/USD@1"
    assert bars.tradable.sum(axis=0).tolist() == [4, 2]
    with pytest.raises(DataError, match="each venue has versions of its own"):
        load(["kraken:BTC/USD", "binance:BTC/USD"], interval="1h", version=1, store=store)


def test_load_of_a_range_takes_text_datetimes_and_nanoseconds(store):
    for start in ("1970-01-01T11:00", "1970-01-01T12:00:00+01:00", 11 * HOUR_NS):
        assert len(load("kraken:BTC/USD", store=store, start=start)) == 3
    assert len(load("kraken:BTC/USD", store=store, stop="1970-01-01T12:00")) == 2


def test_load_of_closes_alone_is_close_only(store):
    key = SeriesKey("bars", "kraken", "VIX", "1h")
    rows = _bars(0, [5.0, 6.0]).select("open_ns", "close_ns", "close")
    store.upsert(key, rows, source="a", received_ns=1)
    bars = load("kraken:VIX", interval="1h", store=store)
    assert bars.close_only.all()
    assert np.isnan(bars.volume).all()


def test_load_keeps_opens_and_closes_that_no_interval_tells(store):
    """A session of a stock exchange opens at 14:30 and closes at 21:00."""
    key = SeriesKey("bars", "x", "AAPL", "1d")
    opens = (np.arange(3) * 24 + 14) * HOUR_NS + HOUR_NS // 2
    rows = pl.DataFrame({"open_ns": opens, "close_ns": opens + 6 * HOUR_NS, "close": [1.0, 2, 3]})
    store.upsert(key, rows, source="a", received_ns=1)
    bars = load("x:AAPL", interval="1d", store=store)
    assert bars.time.tolist() == (opens + 6 * HOUR_NS).tolist()


def test_load_of_what_is_not_stored_says_what_is(store):
    store.upsert(replace(BTC, interval="1d"), _bars(0, [1.0]), source="a", received_ns=1)
    cases = {
        ("kraken:BTC/USD", "5m"): "of BTC/USD there is 1d, 1h",
        ("kraken:BTC/EUR", "1h"): "did you mean BTC/USD",
        ("kraken:BTC/USD", None): "there are bars of 1h, 1d; name an interval",
        ("krakn:BTC/USD", "1h"): "venues: did you mean kraken",
        ("kraken:XRP/USD", None): "is not in the store",
    }
    for (source, interval), message in cases.items():
        with pytest.raises(DataError, match=message):
            load(source, interval=interval, store=store)
    with pytest.raises(DataError, match="named twice"):
        load("kraken:BTC/USD,BTC/USD", interval="1h", store=store)
    with pytest.raises(DataError, match="no version 77"):
        load("kraken:BTC/USD", interval="1h", version=77, store=store)
    with pytest.raises(DataError, match="timezone and columns of the store are known"):
        load("kraken:BTC/USD", interval="1h", stamp="close", store=store)
    with pytest.raises(DataError, match="belong to series of the store"):
        load("builtin:sp500", version=3)
    with pytest.raises(ParameterError):
        load("kraken:BTC/USD", interval="1 hour", store=store)


def test_load_of_rows_that_are_too_old_says_how_to_fetch_them(store):
    with pytest.raises(
        DataError, match="1970-01-01T00:00:00 UTC, more than 2d ago; peak data fetch"
    ):
        load("kraken:BTC/USD", interval="1h", max_age="2d", store=store)
    store.upsert(BTC, _bars(14, [9.0]), source="a", received_ns=2**62)
    assert len(load("kraken:BTC/USD", interval="1h", max_age="2d", store=store)) == 5


def test_load_refuses_stored_prices_that_no_market_could_quote(store):
    key = SeriesKey("bars", "kraken", "BAD/USD", "1h")
    store.upsert(key, _bars(0, [5.0, -6.0]), source="a", received_ns=1)
    with pytest.raises(DataError, match=r"open is -6.0 at row 1 of kraken:BAD/USD@3 \(BAD/USD"):
        load("kraken:BAD/USD", interval="1h", store=store)


def test_load_and_check_use_the_store_of_the_environment(store, monkeypatch):
    monkeypatch.setenv("PEAK__DATA__STORE", store.place)
    assert len(load("kraken:BTC/USD")) == 4
    report = check_data("kraken:BTC/USD", interval="1h")
    assert (report.rows, report.interval, report.is_loadable) == (4, "1h", True)


@pytest.mark.parametrize("text", ["BTC/USD", "kraken:", "builtin:x", ""])
def test_addresses_of_no_store_are_refused(text):
    with pytest.raises(DataError, match="no series of the store"):
        addresses([text])


def test_instant_of_no_time_is_refused():
    with pytest.raises(DataError, match="is no time"):
        instant("yesterday")
