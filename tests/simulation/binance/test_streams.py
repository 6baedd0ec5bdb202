"""Market streams: chains of updates, closed candles, and what a connection may ask."""

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from simulation.binance.worlds import (
    Asker,
    Socket,
    connected,
    market_at,
    pass_time,
    pass_time_beside,
)

from peak_trade.simulation.binance.server import Running, running
from peak_trade.simulation.binance.stream_names import stream_named
from peak_trade.simulation.frames import MessageFaults

Book = dict[str, dict[str, str]]
TEXT = aiohttp.WSMsgType.TEXT


@pytest.fixture
def venue() -> Iterator[Running]:
    market, _ = market_at(history=30)
    with running(market) as served:
        yield served


def _apply(book: Book, event: dict[str, Any]) -> None:
    for side in ("bids", "asks"):
        for price, size in event[side[0]]:
            if Decimal(size):
                book[side][price] = size
            else:
                book[side].pop(price, None)


def _sorted(book: Book) -> list[list[list[str]]]:
    return [
        [list(row) for row in sorted(book[side].items(), key=lambda r: sign * Decimal(r[0]))]
        for side, sign in (("bids", -1), ("asks", 1))
    ]


def _last_trade(asker: Asker, symbol: str) -> int:
    return int(asker.get("trades", symbol=symbol, limit=1)[0]["id"])


@pytest.mark.parametrize("pace", ["", "@100ms"])
def test_depth_updates_chain_and_keep_a_book_that_rest_snapshots_confirm(
    venue: Running, pace: str
) -> None:
    asker = Asker(venue)

    async def followed() -> int:
        async with connected(f"{venue.urls.streams}/ws/btcusdt@depth{pace}") as socket:
            await pass_time_beside(venue, 20.0)
            first = await socket.next()
            snapshot = await asyncio.to_thread(asker.get, "depth", symbol="BTCUSDT", limit=5000)
            book: Book = {side: dict(snapshot[side]) for side in ("bids", "asks")}
            last, event, used = snapshot["lastUpdateId"], first, 0
            for _ in range(40):
                await pass_time_beside(venue, 2.0)
            end = await asyncio.to_thread(asker.get, "depth", symbol="BTCUSDT", limit=5000)
            while True:
                if event["u"] > last:  # as Binance documents how a local book is kept
                    if used == 0:
                        assert event["U"] <= last + 1 <= event["u"]
                    else:
                        assert event["U"] == last + 1
                    _apply(book, event)
                    last, used = event["u"], used + 1
                if last >= end["lastUpdateId"]:
                    break
                event = await socket.next()
            assert last == end["lastUpdateId"]
            assert _sorted(book) == [end["bids"], end["asks"]]
            return used

    assert asyncio.run(followed()) > 10


def test_candles_close_once_each_and_are_those_of_rest(venue: Running) -> None:
    asker = Asker(venue)

    async def closed() -> list[list[Any]]:
        found: list[list[Any]] = []
        async with connected(f"{venue.urls.streams}/ws/btcusdt@kline_1m") as socket:
            for _ in range(20):
                await pass_time_beside(venue, 25.0)
            await pass_time_beside(venue, 190.0)  # several close between two looks
            while len(found) < 11:
                event = await socket.next()
                k = event["k"]
                assert (event["e"], event["s"], k["i"]) == ("kline", "BTCUSDT", "1m")
                if k["x"]:
                    names = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")
                    found.append([k[name] for name in names])
                    assert event["E"] > k["T"]
                else:
                    assert event["E"] <= k["T"]
        return found

    rows = asyncio.run(closed())
    assert rows == asker.get("klines", symbol="BTCUSDT", interval="1m", startTime=rows[0][0])[:11]


def test_trades_come_in_order_without_gaps_on_a_combined_stream(venue: Running) -> None:
    names = "btcusdt@trade/ethusdt@aggTrade/btcusdt@bookTicker/btcusdt@depth5/nope@trade"
    asker = Asker(venue)

    async def heard() -> list[dict[str, Any]]:
        async with connected(f"{venue.urls.streams}/stream?streams={names}") as socket:
            for _ in range(12):
                await pass_time_beside(venue, 5.0)
            ends = [_last_trade(asker, symbol) for symbol in ("BTCUSDT", "ETHUSDT")]
            found: list[dict[str, Any]] = []
            lasts: dict[str, Any] = {}
            while [lasts.get("btcusdt@trade"), lasts.get("ethusdt@aggTrade")] != ends:
                found.append(await socket.next())
                said = found[-1]["data"]
                lasts[found[-1]["stream"]] = said.get("t", said.get("a"))
            while found[-1]["stream"] != "btcusdt@depth5":
                found.append(await socket.next())
            return found

    found = asyncio.run(heard())
    by_name: dict[str, list[dict[str, Any]]] = {}
    for message in found:
        by_name.setdefault(message["stream"], []).append(message["data"])
    assert set(by_name) == set(names.split("/")) - {"nope@trade"}
    trades = by_name["btcusdt@trade"]
    rows = asker.get("aggTrades", symbol="BTCUSDT", fromId=trades[0]["t"], limit=1000)
    assert [(t["t"], t["p"], t["q"], t["T"], t["m"]) for t in trades] == [
        (r["a"], r["p"], r["q"], r["T"], r["m"]) for r in rows
    ]
    aggregates = by_name["ethusdt@aggTrade"]
    ids = [one["a"] for one in aggregates]
    assert ids == list(range(ids[0], ids[-1] + 1))
    last, best = by_name["btcusdt@depth5"][-1], by_name["btcusdt@bookTicker"][-1]
    assert len(last["bids"]) == 5
    assert (last["bids"][0], last["asks"][0]) == ([best["b"], best["B"]], [best["a"], best["A"]])


def test_tickers_come_at_their_pace_with_the_figures_of_rest(venue: Running) -> None:
    names = "btcusdt@ticker/btcusdt@miniTicker/!miniTicker@arr/!ticker@arr/btcusdt@avgPrice"

    async def heard() -> dict[str, Any]:
        found: dict[str, Any] = {}
        async with connected(f"{venue.urls.streams}/stream?streams={names}") as socket:
            await pass_time_beside(venue, 30.0)
            now_ms = venue.service.market.clock.now_ns() // 1_000_000
            while len(found) < 5:
                message = await socket.next()
                said = message["data"]
                if (said[0] if isinstance(said, list) else said)["E"] == now_ms:
                    found[message["stream"]] = said
        return found

    found, rest = asyncio.run(heard()), Asker(venue).get("ticker/24hr")
    full, mini = found["btcusdt@ticker"], found["btcusdt@miniTicker"]
    assert [full[name] for name in "cohlvqpPwxQbBaAFLn"] == [
        rest[0][name]
        for name in (
            "lastPrice", "openPrice", "highPrice", "lowPrice", "volume", "quoteVolume",
            "priceChange", "priceChangePercent", "weightedAvgPrice", "prevClosePrice", "lastQty",
            "bidPrice", "bidQty", "askPrice", "askQty", "firstId", "lastId", "count",
        )
    ]  # fmt: skip
    assert [mini[name] for name in "cohlvq"] == [full[name] for name in "cohlvq"]
    assert [one["s"] for one in found["!miniTicker@arr"]] == ["BTCUSDT", "ETHUSDT"]
    assert [one["e"] for one in found["!ticker@arr"]] == ["24hrTicker", "24hrTicker"]
    average = Asker(venue).get("avgPrice", symbol="BTCUSDT")
    assert found["btcusdt@avgPrice"]["w"] == average["price"]


def test_connection_subscribes_lists_and_unsubscribes(venue: Running) -> None:
    async def asked(socket: Socket, method: str, *params: object) -> Any:
        said = await socket.ask({"method": method, "params": list(params), "id": 7})
        assert said["id"] == 7
        return said.get("result", said.get("error"))

    async def talk() -> None:
        async with connected(f"{venue.urls.streams}/ws/0") as socket:  # no stream's name: silent
            assert await asked(socket, "LIST_SUBSCRIPTIONS") == []
            assert await asked(socket, "SUBSCRIBE", "btcusdt@trade", "ethusdt@trade") is None
            assert await asked(socket, "UNSUBSCRIBE", "ethusdt@trade") is None
            assert await asked(socket, "LIST_SUBSCRIPTIONS") == ["btcusdt@trade"]
            await pass_time_beside(venue, 5.0)
            assert (await socket.next())["s"] == "BTCUSDT"
        async with connected(f"{venue.urls.streams}/ws") as socket:
            assert await asked(socket, "GET_PROPERTY", "combined") is False
            assert await asked(socket, "SET_PROPERTY", "combined", True) is None
            assert await asked(socket, "SUBSCRIBE", "btcusdt@trade") is None
            await pass_time_beside(venue, 5.0)
            message = await socket.next()
            assert message["stream"] == "btcusdt@trade"

    asyncio.run(talk())


@pytest.mark.parametrize(
    ("said", "code", "text"),
    [
        ("{", 3, "Invalid JSON"),
        ("[]", 2, "Invalid request: an object"),
        (
            '{"method": "SHOUT", "id": 1}',
            2,
            "Invalid request: unknown variant `SHOUT`, expected on",
        ),
        ('{"method": "SUBSCRIBE", "params": [], "id": 1}', 2, "Invalid request: params must be"),
        ('{"method": "SUBSCRIBE", "params": ["x@y"], "id": 1}', 2, "Invalid request: invalid str"),
        ('{"method": "SUBSCRIBE", "params": [1], "id": 1}', 2, "Invalid request: invalid stream"),
        ('{"method": "LIST_SUBSCRIPTIONS", "id": [1]}', 2, "Invalid request: request ID must be"),
        ('{"method": "SET_PROPERTY", "params": ["combined", 1], "id": 1}', 1, "Invalid value type"),
        ('{"method": "GET_PROPERTY", "params": ["other"], "id": 1}', 0, "Unknown property"),
    ],
)
def test_messages_that_are_wrong_are_answered_with_why(
    venue: Running, said: str, code: int, text: str
) -> None:
    async def asked() -> Any:
        async with connected(f"{venue.urls.streams}/ws") as socket:
            return (await socket.ask(said))["error"]

    error = asyncio.run(asked())
    assert error["code"] == code
    assert error["msg"].startswith(text)


def test_sixth_message_of_a_second_ends_the_connection(venue: Running) -> None:
    async def flood() -> aiohttp.WSMessage:
        async with connected(f"{venue.urls.streams}/ws") as socket:
            for k in range(6):
                await socket.socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": k})
            while (message := await socket.socket.receive(timeout=10)).type is TEXT:
                assert json.loads(message.data)["id"] < 5
            return message

    message = asyncio.run(flood())
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)


def test_server_warns_before_it_restarts_and_keeps_what_it_knows() -> None:
    market, _ = market_at(history=10)
    with running(market, faults=MessageFaults(restart_s=4.0)) as venue:
        asker = Asker(venue)
        order = asker.order("BUY", "LIMIT", timeInForce="GTC", quantity="0.01", price="29000")

        async def heard() -> list[dict[str, Any]]:
            urls = venue.urls
            async with (
                connected(f"{urls.streams}/ws/ethusdt@trade") as raw,
                connected(f"{urls.streams}/stream?streams=ethusdt@trade") as combined,
                connected(urls.socket_api) as api,
            ):
                found = [await one.next() for one in (raw, combined, api)]
                await asyncio.to_thread(venue.served.call, venue.service.cut)
                ends = [await one.socket.receive(timeout=10) for one in (raw, combined, api)]
                assert all(end.type is not TEXT for end in ends)
            return found

        raw, combined, api = asyncio.run(heard())
        venue.service.wire.faults = MessageFaults()
        assert raw["e"] == "serverShutdown"
        assert (combined["stream"], combined["data"]["e"]) == ("!serverShutdown", "serverShutdown")
        assert api["event"]["e"] == "serverShutdown"
        assert asker.done("GET", "openOrders")[0]["orderId"] == order["orderId"]


def test_one_lost_frame_shows_as_a_gap_in_the_chain() -> None:
    market, _ = market_at(history=10)
    with running(market, faults=MessageFaults(lose_frame=5)) as served:

        async def updates() -> list[tuple[int, int]]:
            found = []
            async with connected(f"{served.urls.streams}/ws/btcusdt@depth@100ms") as socket:
                for _ in range(20):
                    await pass_time_beside(served, 2.0)
                while len(found) < 10:
                    event = await socket.next()
                    found.append((event["U"], event["u"]))
            return found

        chain = asyncio.run(updates())
    gaps = [k for k in range(1, len(chain)) if chain[k][0] != chain[k - 1][1] + 1]
    assert gaps == [4]


def test_names_of_streams_are_read_or_refused() -> None:
    one = stream_named("btcusdt@kline_1M")
    assert one is not None
    assert (one.venue_symbol, one.kind, one.interval) == ("BTCUSDT", "kline", "1M")
    for wrong in ("", "btcusdt", "@trade", "btcusdt@", "btcusdt@kline_7m", "btcusdt@depth7",
                  "btcusdt@trade@100ms", "BTCUSDT@trade", "!trade@arr", "btcusdt@depth@1s"):  # fmt: skip
        assert stream_named(wrong) is None


def test_a_stream_that_nobody_hears_costs_nothing(venue: Running) -> None:
    async def come_and_go() -> None:
        async with connected(f"{venue.urls.streams}/ws/btcusdt@depth") as socket:
            await pass_time_beside(venue, 5.0)
            await socket.next()

    asyncio.run(come_and_go())
    pass_time(venue, 5.0)
    assert venue.served.call(lambda: venue.door.streams.names) == ()
