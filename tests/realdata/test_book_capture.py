"""A recorded book of Kraken, and recorded messages of both venues, read as they came."""

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from peak_trade.adapters.feeds.binance import BinanceDialect
from peak_trade.adapters.feeds.kraken import KrakenDialect
from peak_trade.data.live.book import CheckedBook
from peak_trade.data.live.candles import CandleBuilder
from peak_trade.data.live.closing import Closing
from peak_trade.data.live.events import ClosedBar
from peak_trade.data.live.messages import (
    BookMessage,
    GoingDown,
    Status,
    Trade,
    Unreadable,
    VenueCandle,
)

CAPTURE = "kraken_ws_v2_book_capture.json"


def found(shared: Path, name: str) -> dict[str, object]:
    path = shared / "shapes" / "fixtures" / name
    if not path.is_file():
        pytest.skip(f"needs {name} among the shared shapes, which is not there")
    read: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return read


@pytest.fixture
def capture(shared: Path) -> list[str]:
    messages = found(shared, CAPTURE)["messages"]
    assert isinstance(messages, list)
    return messages


def test_recorded_book_verifies_every_checksum(capture: list[str]) -> None:
    dialect, book = KrakenDialect(), CheckedBook(depth=10)
    outcomes = []
    for text in capture:
        (message,) = dialect.decode(text).messages
        assert isinstance(message, BookMessage)
        assert message.checksum == json.loads(text)["data"][0]["checksum"]
        outcomes.append(book.on_message(message))
        assert book.book.checksum() == message.checksum
        assert not book.book.is_crossed
    assert outcomes == ["sound"] * 41


def test_recorded_book_with_any_message_left_out_is_found_broken_or_is_the_same(
    capture: list[str],
) -> None:
    """A lost message shows at the next one, unless what it changed was changed again by then."""
    dialect = KrakenDialect()
    read = [dialect.decode(text).messages[0] for text in capture]
    broken = 0
    for lost in range(1, len(read)):
        book = CheckedBook(depth=10)
        outcomes = [
            book.on_message(message)
            for k, message in enumerate(read)
            if k != lost and isinstance(message, BookMessage)
        ]
        broken += "broken" in outcomes
    assert broken >= 30


def test_recorded_book_read_through_floats_fails_its_checksums(capture: list[str]) -> None:
    book, dialect = CheckedBook(depth=10), KrakenDialect()
    through_floats = json.dumps(json.loads(capture[0]))
    (message,) = dialect.decode(through_floats).messages
    assert isinstance(message, BookMessage)
    assert book.on_message(message) == "broken"


@pytest.mark.parametrize("interval", ["1m", "5m"])
def test_recorded_trades_mixed_up_and_doubled_are_the_recorded_bars(
    shared: Path, interval: str
) -> None:
    folder = shared / "data"
    ticks = folder / "ticks" / "freqtrade_xrp_eth_trades_20191011_13.parquet"
    bars = folder / "crypto" / f"freqtrade_xrp_eth_{interval}.parquet"
    if not (ticks.is_file() and bars.is_file()):
        pytest.skip("needs the recorded trades of XRP/ETH among the shared data")
    ns = pl.col("ts").dt.epoch("ns")
    rows = pl.read_parquet(ticks).with_columns(ns).sort("trade_id")
    recorded = pl.read_parquet(bars).with_columns(ns)
    columns = (rows[name].to_list() for name in ("trade_id", "ts", "price", "size"))
    trades = [
        Trade("XRP/ETH", number, at, price, Decimal(str(size)))
        for number, at, price, size in zip(*columns, strict=True)
    ]
    ids = np.array([trade.trade_id for trade in trades])
    holes = int((np.diff(ids) != 1).sum())
    start = int(recorded["ts"][0])
    maker = CandleBuilder(
        "binance", "XRP/ETH", interval, start_ns=start, closing=Closing(grace_ns=30 * 10**9)
    )
    rng = np.random.default_rng(1)
    arrivals = np.array([trade.time_ns for trade in trades]) + rng.integers(0, 20 * 10**9, len(ids))
    told = []
    for k in np.argsort(arrivals, kind="stable").tolist():
        told += maker.on_trade(trades[k], 0)
        if rng.random() < 0.1:
            told += maker.on_trade(trades[max(0, k - 3)], 0)
        told += maker.advance(int(arrivals[k]), 0)
    names = ("open", "high", "low", "close", "volume")
    real = {row[0]: row[1:] for row in recorded.select("ts", *names).rows()}
    made = {
        event.candle.open_ns: tuple(getattr(event.candle, name) for name in names)
        for event in told
        if isinstance(event, ClosedBar)
    }
    assert holes == 0
    assert {at: real[at] for at in made} == made
    assert len(made) >= len(real) - 3  # the first, which no trade came before, and the last


def texts(value: object) -> list[dict[str, object]]:
    """Every object with messages' marks in a fixture, however deep."""
    if isinstance(value, dict):
        here = [value] if "channel" in value or "e" in value else []
        return here + [one for item in value.values() for one in texts(item)]
    if isinstance(value, list):
        return [one for item in value for one in texts(item)]
    return []


def test_recorded_messages_of_kraken_are_read(shared: Path) -> None:
    read = {"trade": 0, "ohlc": 0, "status": 0}
    for one in texts(found(shared, "kraken_spot_messages.json")):
        if one.get("channel") not in ("trade", "ohlc", "status", "heartbeat", "book"):
            continue
        frame = KrakenDialect().decode(json.dumps(one))
        assert not [m for m in frame.messages if isinstance(m, Unreadable)], one
        for message in frame.messages:
            read["trade"] += isinstance(message, Trade)
            read["ohlc"] += isinstance(message, VenueCandle)
            read["status"] += isinstance(message, Status)
    assert read["trade"] >= 1
    assert read["ohlc"] >= 1


def test_documented_messages_of_binance_are_read(shared: Path) -> None:
    dialect = BinanceDialect()
    streams = {"trade": "bnbbtc@trade", "kline": "bnbbtc@kline_1m", "depthUpdate": "bnbbtc@depth"}
    seen: dict[str, int] = {}
    for one in texts(found(shared, "binance_docs_payloads.json")["streams"]):
        kind = str(one.get("e"))
        if kind == "serverShutdown":
            frame = dialect.decode(json.dumps(one))
            assert isinstance(frame.messages[0], GoingDown)
        elif kind in streams:
            if kind == "kline" and "@" in str(one.get("k", {})):
                continue
            frame = dialect.decode(json.dumps({"stream": streams[kind], "data": one}))
            (message,) = frame.messages
            assert isinstance(message, Trade | VenueCandle | BookMessage), message
            assert frame.stamp_ns is not None
        else:
            continue
        seen[kind] = seen.get(kind, 0) + 1
    assert {"trade", "kline", "depthUpdate"} <= set(seen)
