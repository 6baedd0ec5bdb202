"""Sources over messages that were recorded at the venues, or are printed in their documentation."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from adapters.truths import HASTY
from adapters.venues import MINUTE_NS, SECOND_NS, Trade, Venue, as_json
from pytest_httpserver import HTTPServer

from peak_trade.adapters.binance import BinanceSource
from peak_trade.adapters.kraken import KrakenSource
from peak_trade.data.fetch import built_from_trades
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Setup, Want

PAIR = "XBTUSDT"
MS = 1_000_000


class Recorded(Venue):
    """A server that answers what was recorded, by the last word of the path."""

    def __init__(self, server: HTTPServer, answers: dict[str, Any], now_ns: int) -> None:
        super().__init__(server, [Trade(1, 0, 1.0, 1.0, True)], now_ns)
        self.answers = answers

    def respond(self, path: str, asked: dict[str, str], request: object) -> Any:
        answer = self.answers[path.rpartition("/")[2]]
        return as_json(answer(asked) if callable(answer) else answer)


@pytest.fixture(scope="module")
def venue_server() -> Iterator[HTTPServer]:
    with HTTPServer("127.0.0.1", 0, threaded=True) as one:
        yield one


@pytest.fixture
def server(venue_server: HTTPServer) -> HTTPServer:
    venue_server.clear()
    return venue_server


@pytest.fixture
def fixtures(shared: Path) -> Path:
    place = shared / "shapes" / "fixtures"
    if not place.is_dir():
        pytest.skip("needs the recorded messages among the shared files, which are not there")
    return place


def messages(fixtures: Path, name: str, part: str) -> dict[str, Any]:
    return json.loads((fixtures / name).read_text())[part]


def kraken_of(server: HTTPServer, fixtures: Path, **answers: Any) -> tuple[KrakenSource, Recorded]:
    spot = messages(fixtures, "kraken_spot_messages.json", "messages")
    time = spot["http_server_time"]
    shared = {"Time": time, "Assets": {"error": [], "result": ASSETS}}
    recorded = Recorded(
        server,
        {**shared, "AssetPairs": spot["http_asset_pairs"], **answers},
        time["result"]["unixtime"] * SECOND_NS,
    )
    source = KrakenSource(
        Setup(base_url=recorded.url), patience=HASTY, now_ns=lambda: recorded.now_ns
    )
    return source, recorded


ASSETS = {
    "XXBT": {"aclass": "currency", "altname": "XBT", "decimals": 10, "status": "enabled"},
    "USDT": {"aclass": "currency", "altname": "USDT", "decimals": 8, "status": "enabled"},
}


def bars_of_table(shared: Path) -> pl.DataFrame:
    table = pl.read_parquet(shared / "data" / "crypto" / "kraken_xbtusdt_1m_720.parquet")
    return table.with_columns(open_ns=pl.col("ts").dt.epoch("ns"))


def recorded_trades(shared: Path):
    """One recorded answer, given from any cursor on."""
    table = pl.read_parquet(shared / "data" / "ticks" / "kraken_xbtusdt_trades_1000.parquet")
    rows = [
        [
            f"{row['price']:.5f}", f"{row['size']:.8f}", row["ts"].timestamp(), row["side"],
            row["order_type"], "", row["trade_id"],
        ]
        for row in table.iter_rows(named=True)
    ]  # fmt: skip
    times = table["ts"].dt.epoch("ns").to_list()

    def answer(asked: dict[str, str]) -> dict[str, Any]:
        since = int(asked.get("since", 0))
        page = [row for row, at in zip(rows, times, strict=True) if at > since]
        last = str(times[-1]) if page else asked["since"]
        return {"error": [], "result": {PAIR: page, "last": last}}

    return answer, table


def test_recorded_bars_of_kraken_are_read_as_they_were_recorded(shared, fixtures, server) -> None:
    table = bars_of_table(shared)
    wire = [
        [row["open_ns"] // SECOND_NS, *(str(row[k]) for k in ("open", "high", "low", "close")),
         str(row["vwap"]), f"{row['volume']:.8f}", row["count"]]
        for row in table.iter_rows(named=True)
    ]  # fmt: skip
    source, recorded = kraken_of(
        server, fixtures, OHLC={"error": [], "result": {PAIR: wire, "last": wire[-2][0]}}
    )
    with source:
        key = SeriesKey("bars", "kraken", "BTC/USDT", "1m")
        given = pl.concat(p.rows for p in source.pages(Want(key, None, recorded.now_ns)))
    closed = table[:-1]  # recorded at 00:17:04: the bar of 00:17 was forming
    assert given.height == closed.height
    for name in ("open_ns", "open", "high", "low", "close", "volume"):
        assert given[name].to_list() == closed[name].to_list()
    assert given["is_filled"].to_list() == (closed["count"] == 0).to_list()


def test_bars_built_of_recorded_trades_are_the_recorded_bars(shared, fixtures, server) -> None:
    answer, trades = recorded_trades(shared)
    source, recorded = kraken_of(server, fixtures, Trades=answer)
    first, last = (int(trades["ts"].dt.epoch("ns")[k]) for k in (0, -1))
    begin = first // MINUTE_NS * MINUTE_NS + MINUTE_NS
    key = SeriesKey("bars", "kraken", "BTC/USDT", "1m")
    with source:
        built = pl.concat(
            p.rows for p in built_from_trades(source, Want(key, begin, recorded.now_ns))
        )
    there = bars_of_table(shared).filter(
        pl.col("open_ns") >= begin, pl.col("open_ns") < last // MINUTE_NS * MINUTE_NS
    )
    traded = there.filter(pl.col("count") > 0)
    built = built.filter(pl.col("open_ns") < last // MINUTE_NS * MINUTE_NS)
    assert traded.height > 250
    assert built["open_ns"].to_list() == traded["open_ns"].to_list()
    for name in ("open", "high", "low", "close"):
        assert built[name].to_list() == traded[name].to_list()
    # The table of trades keeps six decimals of the sizes.
    np.testing.assert_allclose(built["volume"], traded["volume"], rtol=0, atol=6e-6 * 40)


def test_recorded_trades_of_kraken_are_read_as_they_were_recorded(shared, fixtures, server) -> None:
    answer, table = recorded_trades(shared)
    source, recorded = kraken_of(server, fixtures, Trades=answer)
    key = SeriesKey("trades", "kraken", "BTC/USDT")
    with source:
        given = pl.concat(p.rows for p in source.pages(Want(key, 0, recorded.now_ns)))
    assert given["seq"].to_list() == table["trade_id"].to_list()
    assert given["time_ns"].to_list() == table["ts"].dt.epoch("ns").to_list()
    assert given["price"].to_list() == table["price"].to_list()
    assert given["side"].to_list() == [1 if side == "b" else -1 for side in table["side"]]


def test_a_recorded_answer_keeps_the_times_of_trades(fixtures, server) -> None:
    kept = messages(fixtures, "ccxt_kraken_http.json", "responses")["Trades"]
    row = kept["result"][PAIR][0]
    source, recorded = kraken_of(server, fixtures, Trades=kept)
    with source:
        key = SeriesKey("trades", "kraken", "BTC/USDT")
        page = next(source.pages(Want(key, 0, recorded.now_ns)))
    assert page.rows.row(0) == (1710327959173346800, 6324366, "6324366", 73324.4, 0.010309, 1)
    assert page.cursor == f"{kept['result']['last']}:{row[6]}"


def test_recorded_rules_of_kraken_are_read(fixtures, server) -> None:
    source, _ = kraken_of(server, fixtures)
    with source:
        listed = source.listed("BTC/USDT")
    held = listed.instrument
    assert (held.tick, held.lot, held.min_notional, listed.min_size) == (0.1, 1e-8, 0.5, 5e-5)
    assert (listed.venue_symbol, listed.maker_fee, listed.taker_fee) == (PAIR, 0.0025, 0.004)


def test_recorded_messages_of_binance_are_read(fixtures, server) -> None:
    spot = messages(fixtures, "binance_spot_messages.json", "messages")
    klines = spot["http_responses/http_spot_market_klines"]
    trades = spot["http_responses/http_spot_market_agg_trades"]
    info = spot["http_responses/http_spot_market_exchange_info"]
    now = klines[-1][6] + 1 + 60_000  # the last one ended a minute ago

    def from_id(asked: dict[str, str]) -> list[Any]:
        return [row for row in trades if row["a"] >= int(asked.get("fromId", 0))]

    def from_time(asked: dict[str, str]) -> list[Any]:
        return [row for row in klines if row[0] >= int(asked["startTime"])]

    recorded = Recorded(
        server,
        {"exchangeInfo": info, "klines": from_time, "aggTrades": from_id, "time": {"serverTime": now}},
        now * MS,
    )  # fmt: skip
    with BinanceSource(
        Setup(base_url=recorded.url), patience=HASTY, now_ns=lambda: recorded.now_ns
    ) as source:
        held = source.listed("BTC/USDT")
        key = SeriesKey("bars", "binance", "BTC/USDT", "1m")
        stop = (klines[-1][6] + 1) * MS
        bars = pl.concat(p.rows for p in source.pages(Want(key, klines[0][0] * MS, stop)))
        key = SeriesKey("trades", "binance", "BTC/USDT")
        seen = pl.concat(p.rows for p in source.pages(Want(key, 1, (trades[-1]["T"] + 1) * MS)))
    assert (held.instrument.tick, held.instrument.lot, held.min_size) == (0.01, 1e-5, 1e-5)
    assert held.instrument.min_notional == 10.0
    assert bars["open_ns"].to_list() == [row[0] * MS for row in klines]
    assert bars["close_ns"].to_list() == [(row[6] + 1) * MS for row in klines]
    for place, name in enumerate(("open", "high", "low", "close", "volume"), start=1):
        assert bars[name].to_list() == [float(row[place]) for row in klines]
    assert seen["seq"].to_list() == [row["a"] for row in trades]
    assert seen["side"].to_list() == [-1 if row["m"] else 1 for row in trades]
