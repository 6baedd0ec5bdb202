"""Feeds over sockets: connect, lose the connection, come back, and end without a trace."""

import asyncio
import json
import queue
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from adapters.feeds.scripted import START, Listener, ScriptedBinance, ScriptedKraken, played
from adapters.feeds.wires import binance_candle, binance_trade, kraken_trade
from aiohttp import web
from data.live.made_trades import MINUTE, SECOND, true_bars

from peak_trade.adapters.feeds.binance import binance_feed
from peak_trade.adapters.feeds.kraken import kraken_feed
from peak_trade.data.live.closing import Closing
from peak_trade.data.live.events import (
    BookBroken,
    BookRestored,
    BookTop,
    Candle,
    ClockSkewed,
    ClosedBar,
    Connected,
    Disconnected,
    Missing,
    Reconnected,
)
from peak_trade.data.live.merge import merged
from peak_trade.data.live.messages import Trade
from peak_trade.data.live.source import FeedOptions
from peak_trade.data.live.thread import FeedThread
from peak_trade.data.source import SourceError, Trouble

QUICK = {"first_wait_s": 0.01, "most_wait_s": 0.05}


def trade(number: int, second: float, price: float = 100.0, symbol: str = "BTC/USD") -> Trade:
    return Trade(symbol, number, START + int(second * SECOND), price, Decimal("0.25"), 1)


class Archive:
    """Answers with the true bars of some trades."""

    def __init__(self, trades: Sequence[Trade]) -> None:
        self._bars = true_bars(trades)
        self.asked: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()

    def bars(self, symbol: str, interval: str, *, start_ns: int, stop_ns: int) -> list[Candle]:
        assert (symbol, interval) == ("BTC/USD", "1m")
        self.asked.put((start_ns, stop_ns))
        return [self._bars[at] for at in sorted(self._bars) if start_ns <= at < stop_ns]


@asynccontextmanager
async def kraken(
    symbols: Sequence[str] = ("BTC/USD",), **options: Any
) -> AsyncIterator[tuple[ScriptedKraken, Listener]]:
    venue = ScriptedKraken()
    async with venue.running():
        feed = kraken_feed(FeedOptions(base_url=venue.base, **{**QUICK, **options}))
        listener = Listener(feed.bars(symbols, "1m"))
        try:
            yield venue, listener
        finally:
            await listener.close()


def test_trades_over_a_socket_make_a_closed_bar() -> None:
    async def script() -> None:
        async with kraken() as (venue, told):
            await told.until(Connected)
            some = [trade(1, -1), trade(2, 1, 101.0), trade(3, 30, 99.0), trade(4, 61)]
            for one in some:
                await venue.send(kraken_trade([one]))
            bar = await told.until(ClosedBar)
            assert bar.candle == true_bars(some)[START]
            assert (bar.venue, bar.symbol, bar.interval) == ("kraken", "BTC/USD", "1m")
            channels = [a["params"]["channel"] for a in venue.asked if a["method"] == "subscribe"]
            assert channels == ["trade", "ohlc"]

    played(script())


def test_symbol_that_the_venue_does_not_know_is_named_in_the_error() -> None:
    async def script() -> None:
        async with kraken(["BTC/USD", "NO/PE"]) as (venue, told):
            venue.unknown = frozenset({"NO/PE"})
            with pytest.raises(SourceError, match="NO/PE") as caught:
                await told.until(Connected)
            assert caught.value.trouble is Trouble.UNKNOWN_SYMBOL

    played(script())


def test_venue_that_is_not_there_is_unreachable_after_a_few_tries() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

    async def script() -> None:
        url = f"ws://127.0.0.1:{port}"
        feed = kraken_feed(FeedOptions(base_url=url, first_tries=2, **QUICK))
        with pytest.raises(SourceError, match=f"cannot be reached at {url}/v2") as caught:
            await Listener(feed.bars(["BTC/USD"], "1m")).until(Connected)
        assert caught.value.trouble is Trouble.UNREACHABLE

    played(script())


def test_venue_that_refuses_at_first_is_asked_again() -> None:
    async def script() -> None:
        async with kraken(first_tries=1000) as (venue, told):
            venue.is_refusing = True
            waiting = asyncio.create_task(told.until(Connected))
            await asyncio.sleep(0)
            assert not waiting.done()
            asyncio.get_running_loop().call_later(0.1, setattr, venue, "is_refusing", False)
            assert isinstance(await waiting, Connected)

    played(script())


@pytest.mark.parametrize(
    ("make", "symbols", "interval", "trouble", "says"),
    [
        (kraken_feed, ["BTC/USD"], "7m", Trouble.NOT_OFFERED, "1m, 5m, 15m"),
        (binance_feed, ["BTC/USDT"], "1mo", Trouble.NOT_OFFERED, "1s, 1m"),
        (kraken_feed, [], "1m", Trouble.UNKNOWN_SYMBOL, "none"),
        (kraken_feed, ["A/B", "A/B"], "1m", Trouble.UNKNOWN_SYMBOL, "each is named once"),
    ],
)
def test_what_a_venue_does_not_offer_is_refused_before_it_is_asked(
    make: Any, symbols: list[str], interval: str, trouble: Trouble, says: str
) -> None:
    async def script() -> None:
        feed = make(FeedOptions(base_url="ws://127.0.0.1:9"))
        with pytest.raises(SourceError, match=says) as caught:
            await Listener(feed.bars(symbols, interval)).until(Connected)
        assert caught.value.trouble is trouble

    played(script())


def test_address_of_another_environment_is_refused() -> None:
    with pytest.raises(SourceError, match="testnet environment, live was asked for") as caught:
        binance_feed(
            FeedOptions(base_url="wss://stream.testnet.binance.vision", environment="live")
        )
    assert caught.value.trouble is Trouble.WRONG_ENVIRONMENT
    with pytest.raises(SourceError, match="simulated"):
        kraken_feed(FeedOptions(base_url="ws://127.0.0.1:1", environment="live"))


def test_address_shown_has_no_secret_of_it() -> None:
    feed = kraken_feed(FeedOptions(base_url="wss://anna:hidden@example.org/v2"))
    assert "hidden" not in repr(feed)


def test_connection_that_is_cut_comes_back_and_its_bars_are_asked_for() -> None:
    past = [trade(k, 10 * k - 5) for k in range(1, 40)]

    async def script() -> None:
        archive = Archive(past)
        async with kraken(backfill=archive, closing=Closing(grace_ns=SECOND)) as (venue, told):
            await told.until(Connected)
            for one in past[:8]:  # up to 75 s
                await venue.send(kraken_trade([one]))
            first = await told.until(ClosedBar)
            assert first.candle == true_bars(past)[START]
            await venue.cut()
            away = await told.until(Disconnected)
            assert "code 1000" in away.why
            back = await told.until(Reconnected)
            assert back.attempts >= 1
            for one in past[30:]:  # from 305 s on: what was between was lost
                await venue.send(kraken_trade([one]))
            bars = [await told.until(ClosedBar) for _ in range(4)]
            truth = true_bars(past)
            assert [bar.candle.open_ns for bar in bars] == [START + k * MINUTE for k in range(1, 5)]
            assert all(bar.candle == truth[bar.candle.open_ns] for bar in bars)
            assert {bar.basis for bar in bars} == {"backfill"}
            assert venue.connections == 2

    played(script())


def test_bars_lost_with_nobody_to_ask_are_missing() -> None:
    async def script() -> None:
        async with kraken() as (venue, told):
            await told.until(Connected)
            for one in (trade(1, -1), trade(2, 10), trade(4, 70), trade(5, 125)):
                await venue.send(kraken_trade([one]))
            first, second = await told.until(Missing), await told.until(Missing)
            assert first.opens + second.opens == (START, START + MINUTE)
            assert "began" in first.why
            assert "between ids 2 and 4" in second.why

    played(script())


def test_connection_without_a_heartbeat_is_given_up() -> None:
    async def script() -> None:
        options = {"silence_ns": SECOND // 5, "ping_every_ns": SECOND // 20}
        async with kraken(**options) as (venue, told):
            await told.until(Connected)
            await venue.until_asked(lambda asked: asked["method"] == "ping", 5)
            venue.is_answering_pings = False
            away = await told.until(Disconnected)
            assert "not even a heartbeat" in away.why
            assert venue.connections == 1
            await told.until(Reconnected)

    played(script())


def test_own_clock_ten_seconds_off_is_told() -> None:
    async def script() -> None:
        async with kraken(ping_every_ns=SECOND // 20) as (venue, told):
            import time

            venue.now_ns = time.time_ns() + 10 * SECOND
            event = await told.until(ClockSkewed)
            assert 9 * SECOND < event.low_ns <= event.offset_ns <= event.high_ns < 11 * SECOND

    played(script())


def kraken_book(kind: str, bids: str, asks: str, checksum: int) -> str:
    def side(text: str) -> str:
        pairs = (one.split("/") for one in text.split())
        return ",".join(f'{{"price":{price},"qty":{size}}}' for price, size in pairs)

    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{side(bids)}],'
        f'"asks":[{side(asks)}],"checksum":{checksum},"timestamp":"2023-11-14T22:14:00.000000Z"}}]}}'
    )


def test_book_whose_checksum_differs_is_subscribed_to_anew() -> None:
    bids = "45283.5/0.10000000 45283.4/1.20000000 45283.0/0.00500000"
    asks = "45284.1/0.05000000 45284.5/2.00000000 45290.0/0.30000000"
    whole = kraken_book("snapshot", bids, asks, 2158453468)

    def on_asked(asked: dict[str, Any]) -> list[str]:
        is_book = asked.get("params", {}).get("channel") == "book"
        return [whole] if asked["method"] == "subscribe" and is_book else []

    async def script() -> None:
        async with kraken(book_depth=10) as (venue, told):
            venue.on_asked = on_asked
            top = await told.until(BookTop)
            assert (top.bid, top.ask, top.ask_size) == (45283.5, 45284.1, 0.05)
            await venue.send(kraken_book("update", "45283.5/0.5", "", 1))
            broken = await told.until(BookBroken)
            assert "checksum" in broken.why
            await told.until(BookRestored)
            methods = [a["method"] for a in venue.asked if a.get("req_id") in (8, 9)]
            assert methods == ["unsubscribe", "subscribe"]

    played(script())


# ---- Binance


@asynccontextmanager
async def binance(
    **options: Any,
) -> AsyncIterator[tuple[ScriptedBinance, Listener]]:
    venue = ScriptedBinance()
    venue.rest["exchangeInfo"] = lambda r: (
        web.json_response({"symbols": []})
        if r.query["symbol"] == "BTCUSDT"
        else web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)
    )
    venue.rest["time"] = lambda _: web.json_response({"serverTime": venue.now_ns // 1_000_000})
    symbols = options.pop("symbols", ("BTC/USDT",))
    async with venue.running():
        rest = venue.base.replace("ws://", "http://")
        feed = binance_feed(FeedOptions(base_url=venue.base, rest_url=rest, **{**QUICK, **options}))
        listener = Listener(feed.bars(symbols, "1m"))
        try:
            yield venue, listener
        finally:
            await listener.close()


def final(minute: int, price: float = 100.0, trades: int = 3) -> tuple[Candle, str]:
    at = START + minute * MINUTE
    candle = Candle(at, at + MINUTE, price, price, price, price, 0.75, trades)
    return candle, binance_candle("BTC/USDT", candle, at + MINUTE + SECOND // 10, is_final=True)


def test_final_candle_over_a_socket_is_a_closed_bar() -> None:
    async def script() -> None:
        async with binance() as (venue, told):
            await told.until(Connected)
            one = trade(7, 0.5, symbol="BTC/USDT")
            await venue.send(binance_trade(one))
            candle, text = final(0)
            await venue.send(text)
            bar = await told.until(ClosedBar)
            assert (bar.candle, bar.basis) == (candle, "venue")
            (asked,) = venue.asked
            assert asked["params"] == ["btcusdt@trade", "btcusdt@kline_1m"]

    played(script())


def test_unknown_symbol_of_a_venue_that_keeps_silent_is_found_by_asking() -> None:
    async def script() -> None:
        async with binance(symbols=("BTC/USDT", "NO/PE")) as (_, told):
            with pytest.raises(SourceError, match="binance does not know NO/PE") as caught:
                await told.until(Connected)
            assert caught.value.trouble is Trouble.UNKNOWN_SYMBOL

    played(script())


@pytest.mark.parametrize("reason", ["shutdown", "age"])
def test_connection_about_to_end_is_replaced_without_a_break(reason: str) -> None:
    async def script() -> None:
        options = {"renew_after_s": 0.4} if reason == "age" else {}
        async with binance(**options) as (venue, told):
            await told.until(Connected)
            await venue.send(binance_trade(trade(7, 0.5, symbol="BTC/USDT")))
            await venue.send(final(0)[1])
            await told.until(ClosedBar)
            if reason == "shutdown":
                await venue.send('{"e":"serverShutdown","E":1770123456789}')
            await venue.until_asked(lambda asked: asked["method"] == "SUBSCRIBE", 2)
            # Both are open for a while: the same candle comes twice, and is told once.
            await venue.send(final(1)[1])
            await venue.send(final(2)[1])
            seen: list[Any] = []
            async with asyncio.timeout(30):
                while len(seen) < 2:
                    seen.append(await told.until(ClosedBar | Disconnected))  # type: ignore[arg-type]
            assert [bar.candle.open_ns for bar in seen] == [START + MINUTE, START + 2 * MINUTE]

    played(script())


def depth(first: int, last: int, bid: str) -> str:
    return json.dumps(
        {
            "stream": "btcusdt@depth@100ms",
            "data": {"e": "depthUpdate", "E": START // 1_000_000, "s": "BTCUSDT", "U": first,
                     "u": last, "b": [["99.00", bid]], "a": []},
        }
    )  # fmt: skip


def test_book_with_a_hole_in_its_numbers_is_begun_anew_from_a_snapshot() -> None:
    async def script() -> None:
        async with binance(book_depth=10) as (venue, told):
            number = {"last": 10}
            venue.rest["depth"] = lambda _: web.json_response(
                {"lastUpdateId": number["last"], "bids": [["99.00", "1.0"]], "asks": []}
            )
            top = await told.until(BookTop)
            assert (top.bid, top.bid_size) == (99.0, 1.0)
            await venue.send(depth(9, 12, "2.0"))
            assert (await told.until(BookTop)).bid_size == 2.0
            number["last"] = 20
            await venue.send(depth(15, 16, "3.0"))
            assert "15 came after 12" in (await told.until(BookBroken)).why
            await told.until(BookRestored)

    played(script())


# ---- for readers that are not asynchronous, and of several venues


def in_background(venue: ScriptedKraken, play: Callable[[], Any]) -> threading.Thread:
    """Run a scripted venue in a thread of its own, for tests that are not asynchronous."""
    is_up = threading.Event()

    async def serve() -> None:
        async with venue.running():
            is_up.set()
            await play()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert is_up.wait(30)
    return thread


def test_feed_thread_hands_bars_to_a_synchronous_reader_and_ends_at_once() -> None:
    venue = ScriptedKraken()
    is_done = threading.Event()

    async def play() -> None:
        await venue.until_asked(lambda a: a.get("params", {}).get("channel") == "ohlc")
        number = 0
        while not is_done.is_set():  # a trade a minute, so that bars come whenever the feed begins
            number += 1
            await venue.send(kraken_trade([trade(number, 60 * number)]))
            await asyncio.sleep(0.01)

    before = threading.active_count()
    server = in_background(venue, play)
    feed = kraken_feed(FeedOptions(base_url=venue.base))
    try:
        with FeedThread(lambda: feed.bars(["BTC/USD"], "1m")) as events:
            seen = [events.get(timeout_s=30) for _ in range(8)]
            bars = [event.candle.open_ns for event in seen if isinstance(event, ClosedBar)]
            assert len(bars) >= 3
            assert bars == list(range(bars[0], bars[-1] + 1, MINUTE))
        while not events.has_ended:
            events.get(timeout_s=1)
        assert threading.active_count() <= before + 1
    finally:
        is_done.set()
        server.join(30)


def test_feed_thread_gives_the_error_that_ended_its_feed() -> None:
    feed = kraken_feed(FeedOptions(base_url="ws://127.0.0.1:9", first_tries=1))
    with (
        FeedThread(lambda: feed.bars(["BTC/USD"], "1m")) as events,
        pytest.raises(SourceError, match="cannot be reached"),
    ):
        list(events)


def test_two_venues_merged_are_both_heard() -> None:
    async def script() -> None:
        one, two = ScriptedKraken(), ScriptedBinance()
        async with one.running(), two.running():
            first = kraken_feed(FeedOptions(base_url=one.base)).bars(["BTC/USD"], "1m")
            second = binance_feed(FeedOptions(base_url=two.base)).bars(["BTC/USDT"], "1m")
            told = Listener(merged(first, second))
            await told.until(Connected)
            await told.until(Connected)
            await two.send(binance_trade(trade(7, 0.5, symbol="BTC/USDT")))
            await two.send(final(0)[1])
            for k in range(1, 4):
                await one.send(kraken_trade([trade(k, 60 * k - 61)]))
            venues = {(await told.until(ClosedBar)).venue for _ in range(2)}
            assert venues == {"kraken", "binance"}
            await told.close()

    played(script())


def test_error_of_one_of_two_venues_ends_both() -> None:
    async def script() -> None:
        one = ScriptedKraken()
        async with one.running():
            good = kraken_feed(FeedOptions(base_url=one.base)).bars(["BTC/USD"], "1m")
            bad = kraken_feed(FeedOptions(base_url="ws://127.0.0.1:9", first_tries=1))
            with pytest.raises(SourceError):
                await Listener(merged(good, bad.bars(["BTC/USD"], "1m"))).until(Missing)

    played(script())
