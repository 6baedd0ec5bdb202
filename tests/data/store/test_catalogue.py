"""The catalogue of a store that was deleted or damaged: nothing that is stored is lost from sight."""

import shutil
from pathlib import Path

import pytest

from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store
from peak_trade.domain.errors import DataError

TRADES = SeriesKey("trades", "krak/en", "BTC/USD")


def _fill(store, bars) -> list[SeriesKey]:
    import polars as pl

    other = SeriesKey("bars", "binance", "BTC/USDT", "1m")
    trade = pl.DataFrame({"time_ns": [5], "seq": [1], "price": [2.0], "size": [1.0], "side": [1]})
    store.upsert(bars.key, bars([1, 2]), source="a", received_ns=1)
    store.upsert(other, bars([1]), source="a", received_ns=1)
    store.upsert(TRADES, trade, source="a", received_ns=1)
    return [bars.key, other, TRADES]


def test_catalogue_deleted_is_read_off_the_folder_and_made_again(store, bars):
    keys = _fill(store, bars)
    before = {one.key: one.rows for one in store.series()}
    shutil.rmtree(Path(store.place) / "catalogue")
    again = Store.open(store.place)
    assert {one.key: one.rows for one in again.series()} == before
    assert again.read(TRADES)["price"].to_list() == [2.0]
    new = SeriesKey("bars", "kraken", "BTC/USD", "5m")
    again.upsert(new, bars([1]), source="a", received_ns=2)
    assert (Path(store.place) / "catalogue").is_dir()
    found = {one.key for one in Store.open(store.place).series()}
    assert found == {*keys, new}
    assert {one.key for one in again.series()} == found


def test_catalogue_damaged_is_told_with_what_mends_it(store, bars):
    keys = _fill(store, bars)
    for entry in (Path(store.place) / "catalogue" / "_delta_log").glob("*.json"):
        entry.write_text("x", encoding="utf-8")
    with pytest.raises(DataError, match="catalogue") as told:
        Store.open(store.place).read(bars.key)
    assert "made again from the tables" in told.value.hint
    assert "<unknown>" not in told.value.message
    shutil.rmtree(Path(store.place) / "catalogue")
    assert {one.key for one in Store.open(store.place).series()} == set(keys)
