"""The WebSocket, spoken to frame by frame, and by ccxt.pro."""

import asyncio
import binascii
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt
import ccxt.pro
import pytest

from peak_trade.simulation.frames import MessageFaults
from peak_trade.simulation.market.orders import Ask, Kind
from tests.simulation.kraken.krakens_at_hand import Bench, Wire, bench, wired

Scene = Callable[[Bench], Coroutine[Any, Any, None]]


def play(scene: Scene, **more: Any) -> None:
    """Run a scene at a venue of its own, and nothing of it for longer than half a minute."""
    with bench(symbols=("BTC/USD", "ETH/USD"), history=80, **more) as shop:
        asyncio.run(asyncio.wait_for(scene(shop), 30))


async def waited(shop: Bench, seconds: float) -> None:
    """Let market time pass without holding up the client."""
    await asyncio.to_thread(shop.pass_time, seconds)


async def subscribed(line: Wire, channel: str, **params: object) -> Any:
    await line.say(method="subscribe", params={"channel": channel, **params}, req_id=5)
    return await line.until(method="subscribe", req_id=5)


class Book:
    """A book kept from messages as a client keeps it: by text, cut to its depth, checked."""

    def __init__(self, depth: int) -> None:
        self.depth, self.sides = depth, {"bids": {}, "asks": {}}
        self.is_right = True

    def take(self, message: Any) -> None:
        (data,) = message["data"]
        for name, side in self.sides.items():
            if message["type"] == "snapshot":
                side.clear()
            for level in data[name]:
                side[level["price"]] = level["qty"]
                if Decimal(level["qty"]) == 0:
                    side.pop(level["price"])
            best = sorted(side, key=Decimal, reverse=name == "bids")[: self.depth]
            self.sides[name] = {price: side[price] for price in best}
        text = "".join(
            part.replace(".", "").lstrip("0")
            for name in ("asks", "bids")
            for level in list(self.sides[name].items())[:10]
            for part in level
        )
        self.is_right = binascii.crc32(text.encode()) == data["checksum"]


# --- what every connection does ------------------------------------------------------------------


def test_status_comes_first_and_pings_are_answered() -> None:
    async def scene(shop: Bench) -> None:
        async with wired(shop.venue.urls.ws) as line:
            first = await line.next()
            assert (first["channel"], first["data"][0]["system"]) == ("status", "online")
            assert first["data"][0]["connection_id"] > 2**53
            await line.say(method="ping", req_id=101)
            pong = await line.next()
            assert (pong["method"], pong["req_id"]) == ("pong", 101)
            assert pong["time_in"] <= pong["time_out"]

    play(scene)


def test_heartbeats_come_once_subscribed_and_idle_connections_are_dropped() -> None:
    async def scene(shop: Bench) -> None:
        async with wired(shop.venue.urls.ws) as line, wired(shop.venue.urls.ws) as idle:
            await subscribed(line, "instrument")
            beats = asyncio.ensure_future(line.until(channel="heartbeat"))
            while not beats.done():
                await waited(shop, 0.6)
                await asyncio.sleep(0.02)
            assert await beats == {"channel": "heartbeat"}
            await idle.next()
            await waited(shop, 61.0)
            closed = await asyncio.wait_for(idle.socket.receive(), 10)
            assert closed.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
            assert not line.socket.closed

    play(scene)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"method": "subscribe", "params": {"channel": "trade", "symbol": ["AAA/YYY"]}}, "Currency pair not supported AAA/YYY"),
        ({"method": "subscribe", "params": {"channel": "nope", "symbol": ["BTC/USD"]}}, "Subscription name invalid"),
        ({"method": "subscribe", "params": {"channel": "book", "symbol": ["BTC/USD"], "depth": 11}}, "Subscription depth not supported"),
        ({"method": "subscribe", "params": {"channel": "ohlc", "symbol": ["BTC/USD"], "interval": 2}}, "Subscription ohlc interval not supported"),
        ({"method": "subscribe", "params": {"channel": "trade", "symbol": [{}]}}, "Currency pair not supported {}"),
        ({"method": "subscribe"}, "Subscription name invalid"),
        ({"method": "unsubscribe", "params": {"channel": "trade", "symbol": ["BTC/USD"]}}, "Subscription Not Found"),
        ({"method": "dance"}, "Unsupported method"),
        ({"no": "method"}, "Malformed request"),
        ([1, 2], "Malformed request"),
    ],
)  # fmt: skip
def test_message_that_is_wrong_has_an_error_and_the_line_goes_on(message: Any, error: str) -> None:
    async def scene(shop: Bench) -> None:
        async with wired(shop.venue.urls.ws) as line:
            await line.next()
            await line.socket.send_json(message)
            answer = await line.next()
            assert (answer["error"], answer["success"]) == (error, False)
            await line.say(method="ping")
            await line.until(method="pong")

    play(scene)


def test_public_and_private_channels_have_their_own_addresses() -> None:
    async def scene(shop: Bench) -> None:
        async with wired(shop.venue.urls.ws) as public, wired(shop.venue.urls.ws_auth) as private:
            assert not (await subscribed(private, "trade", symbol=["BTC/USD"]))["success"]
            token = shop.done("GetWebSocketsToken")["token"]
            assert not (await subscribed(public, "executions", token=token))["success"]
            wrong = await subscribed(private, "executions", token="x" * 20)
            assert wrong["error"] == "ESession:Invalid session"

    play(scene)


# --- public channels -----------------------------------------------------------------------------


def test_one_ack_comes_for_each_symbol_and_a_second_subscription_is_refused() -> None:
    async def scene(shop: Bench) -> None:
        async with wired(shop.venue.urls.ws) as line:
            await line.say(
                method="subscribe", params={"channel": "ticker", "symbol": ["BTC/USD", "ETH/USD"]}
            )
            acks = [await line.until(method="subscribe") for _ in range(2)]
            assert [ack["result"]["symbol"] for ack in acks] == ["BTC/USD", "ETH/USD"]
            again = await subscribed(line, "ticker", symbol=["BTC/USD"])
            assert again["error"] == "Already subscribed"
            await line.say(
                method="unsubscribe", params={"channel": "ticker", "symbol": ["BTC/USD"]}
            )
            assert (await line.until(method="unsubscribe"))["success"]

    play(scene)


@pytest.mark.parametrize("depth", [10, 25, 100])
def test_book_followed_from_its_messages_has_every_checksum(depth: int) -> None:
    async def scene(shop: Bench) -> None:
        async with wired(shop.venue.urls.ws) as line:
            await subscribed(line, "book", symbol=["BTC/USD"], depth=depth)
            book = Book(depth)
            book.take(await line.until(channel="book", type="snapshot"))
            assert book.is_right
            await waited(shop, 120.0)
            for _ in range(60):
                book.take(await line.until(channel="book", type="update"))
                assert book.is_right

    play(scene)


def test_frame_that_is_silently_lost_shows_in_the_checksum_and_a_snapshot_mends_it() -> None:
    async def scene(shop: Bench) -> None:
        async with wired(shop.venue.urls.ws) as line:
            await subscribed(line, "book", symbol=["BTC/USD"])
            book = Book(10)
            book.take(await line.until(channel="book", type="snapshot"))
            shop.venue.running.service.wire.faults = MessageFaults(lose_frame=20)
            await waited(shop, 120.0)
            for _ in range(60):
                book.take(await line.until(channel="book", type="update"))
                if not book.is_right:
                    break
            assert not book.is_right
            assert shop.venue.running.service.wire.lost == 1
            await line.say(method="unsubscribe", params={"channel": "book", "symbol": ["BTC/USD"]})
            await line.until(method="unsubscribe")
            await subscribed(line, "book", symbol=["BTC/USD"])
            book.take(await line.until(channel="book", type="snapshot"))
            assert book.is_right

    play(scene)


def test_trades_and_candles_say_what_the_market_did() -> None:
    async def scene(shop: Bench) -> None:
        async with wired(shop.venue.urls.ws) as line:
            await subscribed(line, "trade", symbol=["BTC/USD"], snapshot=True)
            snapshot = await line.until(channel="trade")
            assert (snapshot["type"], len(snapshot["data"])) == ("snapshot", 50)
            await subscribed(line, "ohlc", symbol=["BTC/USD"], interval=1)
            candles = {
                row["interval_begin"]: row for row in (await line.until(channel="ohlc"))["data"]
            }
            start = snapshot["data"][-1]["trade_id"]
            await waited(shop, 200.0)
            market = shop.venue.server.market
            expected = shop.venue.running.call(lambda: market.trades("BTC/USD", after_id=start))
            seen = []
            while len(seen) < len(expected):
                message = await line.next()
                if message.get("channel") == "trade":
                    seen += message["data"]
                elif message.get("channel") == "ohlc":
                    candles |= {row["interval_begin"]: row for row in message["data"]}
            assert [row["trade_id"] for row in seen] == [trade.trade_id for trade in expected]
            assert [Decimal(row["price"]) * 10 for row in seen] == [
                trade.ticks for trade in expected
            ]
            rows = shop.public("OHLC", pair="XBTUSD")["result"]["XXBTZUSD"][-3:-1]
            for row in rows:
                found = next(c for name, c in candles.items() if int(row[0]) == _seconds(name))
                assert [found[n] for n in ("open", "high", "low", "close", "volume", "trades")] == [
                    *row[1:5], row[6], row[7]
                ]  # fmt: skip

    play(scene)


def _seconds(text: str) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(text).timestamp())


def test_frames_with_faults_are_lost_doubled_and_late_but_acks_are_not() -> None:
    faults = MessageFaults(drop=0.2, double=0.2, reorder=0.1, late=0.1, late_s=0.01)

    async def scene(shop: Bench) -> None:
        async with wired(shop.venue.urls.ws) as line:
            assert (await subscribed(line, "trade", symbol=["BTC/USD"]))["success"]
            await waited(shop, 200.0)
            await line.say(method="ping")
            pong = await line.until(method="pong")
            assert pong["method"] == "pong"
            await asyncio.sleep(0.05)
            await line.say(method="ping")
            await line.until(method="pong")
            ids = [
                row["trade_id"]
                for m in line.kept
                if m.get("channel") == "trade"
                for row in m["data"]
            ]
            wire = shop.venue.running.service.wire
            assert min(wire.lost, wire.doubled, wire.delayed, wire.reordered) > 5
            assert len(ids) > len(set(ids))
            assert ids != sorted(ids)
            assert max(ids) - min(ids) + 1 > len(set(ids))

    play(scene, faults=faults)


def test_restart_cuts_connections_and_keeps_what_is_known() -> None:
    async def scene(shop: Bench) -> None:
        (txid,) = shop.done(
            "AddOrder", pair="XBTUSD", type="buy", ordertype="limit", volume="1", price="50"
        )["txid"]
        async with wired(shop.venue.urls.ws) as line:
            await subscribed(line, "trade", symbol=["BTC/USD"])
            await asyncio.to_thread(shop.venue.running.call, shop.venue.running.service.cut)
            with pytest.raises((TypeError, ConnectionError)):
                await line.until(method="never")
        async with wired(shop.venue.urls.ws) as line:
            assert (await line.next())["channel"] == "status"
        assert txid in shop.done("OpenOrders")["open"]

    play(scene)


# --- private channels and trading ----------------------------------------------------------------


def test_executions_tell_an_orders_life_in_numbered_sparse_messages() -> None:
    async def scene(shop: Bench) -> None:
        async with wired(shop.venue.urls.ws_auth) as line:
            token = shop.done("GetWebSocketsToken")["token"]
            await subscribed(line, "executions", token=token)
            first = await line.until(channel="executions")
            assert (first["type"], first["data"], first["sequence"]) == ("snapshot", [], 1)
            order = {"order_type": "limit", "side": "buy", "order_qty": 0.5, "symbol": "BTC/USD",
                     "limit_price": 50.0, "cl_ord_id": "one", "token": token}  # fmt: skip
            await line.say(method="add_order", params=order, req_id=1)
            ack = await line.until(method="add_order")
            assert ack["success"]
            txid = ack["result"]["order_id"]
            change = {"order_id": txid, "limit_price": 51.0, "order_qty": 0.6, "token": token}
            await line.say(method="amend_order", params=change, req_id=2)
            assert (await line.until(method="amend_order"))["result"]["order_id"] == txid
            await line.say(
                method="cancel_order", params={"order_id": [txid], "token": token}, req_id=3
            )
            assert (await line.until(method="cancel_order"))["result"] == {"order_id": txid}
            market_order = {
                "order_type": "market",
                "side": "buy",
                "order_qty": 0.5,
                "symbol": "BTC/USD",
                "token": token,
            }
            await line.say(method="add_order", params=market_order, req_id=4)
            await line.until(method="add_order", req_id=4)
            told = [m for m in line.kept if m.get("channel") == "executions"]
            assert [m["sequence"] for m in told] == list(range(2, 2 + len(told)))
            rows = [row for m in told for row in m["data"]]
            kinds = [row["exec_type"] for row in rows]
            assert kinds == [
                "pending_new",
                "new",
                "amended",
                "canceled",
                "pending_new",
                "new",
                "trade",
                "filled",
            ]
            assert "symbol" in rows[0]
            assert "symbol" not in rows[1]
            assert rows[2]["limit_price"] == "51.0"
            assert rows[3]["cancel_reason"] == "User requested"
            trade = rows[6]
            assert (trade["order_status"], trade["liquidity_ind"]) == ("partially_filled", "t")
            assert Decimal(trade["cost"]) == Decimal(trade["last_qty"]) * Decimal(
                trade["last_price"]
            )
            assert Decimal(trade["fees"][0]["qty"]) == Decimal(trade["cost"]) * Decimal("0.004")

    play(scene)


def test_balances_are_told_as_they_move() -> None:
    async def scene(shop: Bench) -> None:
        async with wired(shop.venue.urls.ws_auth) as line:
            token = shop.done("GetWebSocketsToken")["token"]
            await subscribed(line, "balances", token=token)
            first = await line.until(channel="balances")
            owned = {row["asset"]: Decimal(row["balance"]) for row in first["data"]}
            assert owned == {"USD": 100_000, "BTC": 5}
            shop.done("AddOrder", pair="XBTUSD", type="sell", ordertype="market", volume="1.5")
            while owned["BTC"] != Decimal("3.5"):
                (row,) = (await line.until(channel="balances", type="update"))["data"]
                moved = Decimal(row["amount"]) - Decimal(row["fee"])
                owned[row["asset"]] += moved
                assert owned[row["asset"]] == Decimal(row["balance"])

    play(scene)


def test_trading_over_the_socket_takes_batches_and_cancels_all() -> None:
    async def scene(shop: Bench) -> None:
        async with wired(shop.venue.urls.ws_auth) as line:
            token = shop.done("GetWebSocketsToken")["token"]
            orders = [
                {
                    "order_type": "limit",
                    "side": "buy",
                    "order_qty": 0.1,
                    "limit_price": price,
                    "cl_ord_id": f"c{k}",
                }
                for k, price in enumerate((50.0, 51.0, 50.01, 52.0))
            ]
            await line.say(
                method="batch_add", params={"symbol": "BTC/USD", "orders": orders, "token": token}
            )
            results = (await line.until(method="batch_add"))["result"]["orders"]
            assert [one["success"] for one in results] == [True, True, False, True]
            assert results[2]["error"] == "EOrder:Tick size check failed"
            await line.say(method="cancel_order", params={"cl_ord_id": ["c0"], "token": token})
            assert (await line.until(method="cancel_order"))["success"]
            names = [results[1]["order_id"], "nothing"]
            await line.say(method="batch_cancel", params={"orders": names, "token": token})
            assert (await line.until(method="batch_cancel"))["orders_cancelled"] == 1
            await line.say(method="cancel_all_orders_after", params={"timeout": 60, "token": token})
            assert (await line.until(method="cancel_all_orders_after"))["result"]["triggerTime"]
            await line.say(method="cancel_all", params={"token": token})
            assert (await line.until(method="cancel_all"))["result"] == {"count": 1}
            await line.say(method="cancel_all", params={"token": "no"})
            assert (await line.until(method="cancel_all"))["error"] == "ESession:Invalid session"

    play(scene)


# --- ccxt.pro ------------------------------------------------------------------------------------


class Shown(float):
    """A float that ccxt's check of Kraken's checksum can cut at its point: a plain one it cannot."""

    def split(self, mark: str) -> list[str]:
        return repr(float(self)).split(mark)


def pro(shop: Bench) -> Any:
    own = shop.venue.keys[0]
    venue = ccxt.pro.kraken({"apiKey": own.key, "secret": own.secret, "enableRateLimit": False})
    venue.urls["api"] = shop.venue.urls.for_ccxt()
    return venue


async def moving(shop: Bench) -> None:
    """Let the market move on, some seconds at a time, until it is cancelled."""
    while True:
        await waited(shop, 3.0)
        await asyncio.sleep(0.005)


def watching(scene: Callable[[Bench, Any], Coroutine[Any, Any, None]]) -> None:
    async def whole(shop: Bench) -> None:
        venue, task = pro(shop), asyncio.ensure_future(moving(shop))
        try:
            await venue.load_markets()
            await scene(shop, venue)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await venue.close()

    play(whole)


def test_ccxt_pro_watches_candles_trades_and_tickers() -> None:
    async def scene(shop: Bench, venue: Any) -> None:
        candles = await venue.watch_ohlcv("BTC/USD", "1m")
        trades = await venue.watch_trades("BTC/USD")
        ticker = await venue.watch_ticker("BTC/USD")
        market = shop.venue.server.market
        own = {t.trade_id: t for t in shop.venue.running.call(lambda: market.trades("BTC/USD"))}
        found = own[int(trades[-1]["id"])]
        assert (trades[-1]["price"], trades[-1]["side"]) == (
            found.ticks / 10,
            "buy" if found.side > 0 else "sell",
        )
        assert candles[-1][0] % 60_000 == 0
        assert ticker["bid"] < ticker["ask"]

    watching(scene)


def test_ccxt_pro_checks_the_books_checksum() -> None:
    async def scene(shop: Bench, venue: Any) -> None:
        venue.number, venue.options["watchOrderBook"] = Shown, {"checksum": True}
        for _ in range(25):
            book = await venue.watch_order_book("BTC/USD", 25)
        assert len(book["bids"]) == len(book["asks"]) == 25
        wire = shop.venue.running.service.wire
        wire.faults = MessageFaults(drop=0.5)

        async def on() -> None:
            for _ in range(200):
                await venue.watch_order_book("BTC/USD", 25)

        with pytest.raises(ccxt.ChecksumError):
            await on()

    watching(scene)


def test_ccxt_pro_trades_and_watches_its_own_orders_trades_and_balance() -> None:
    async def scene(shop: Bench, venue: Any) -> None:
        orders = asyncio.ensure_future(venue.watch_orders())
        trades = asyncio.ensure_future(venue.watch_my_trades())
        await asyncio.sleep(0.1)
        made = await venue.create_order_ws(
            "BTC/USD", "limit", "buy", 0.2, 50.5, {"clientOrderId": "w"}
        )
        (seen,) = await orders
        assert (seen["id"], seen["status"], seen["price"]) == (made["id"], "open", 50.5)
        await venue.edit_order_ws(made["id"], "BTC/USD", "limit", "buy", 0.3, 51.5)
        (open_,) = await venue.fetch_open_orders()
        assert (open_["amount"], open_["price"]) == (0.3, 51.5)
        await venue.cancel_order_ws(made["id"])
        assert (await venue.watch_balance())["USD"]["total"] == 100_000
        moved = asyncio.ensure_future(venue.watch_balance())
        await asyncio.sleep(0.05)
        bought = await venue.create_order_ws("BTC/USD", "market", "buy", 0.2)
        (trade,) = await trades
        assert (trade["order"], trade["amount"], trade["fee"]["currency"]) == (
            bought["id"],
            0.2,
            "USD",
        )
        assert (await moved)["BTC"]["total"] == pytest.approx(5.2)
        with pytest.raises(ccxt.InsufficientFunds):
            await venue.create_order("BTC/USD", "limit", "buy", 9_000, 90.5)
        assert (await venue.cancel_all_orders_ws())["result"] == {"count": 0}

    watching(scene)


def test_orders_of_another_account_are_not_told() -> None:
    async def scene(shop: Bench) -> None:
        market = shop.venue.server.market

        def other() -> None:
            account = market.open_account("you", {"USD": "1000"})
            market.place(account, Ask("BTC/USD", 1, Kind.LIMIT, lots=10**7, limit_ticks=500))

        async with wired(shop.venue.urls.ws_auth) as line:
            token = shop.done("GetWebSocketsToken")["token"]
            await subscribed(line, "executions", token=token)
            await line.until(channel="executions", type="snapshot")
            await asyncio.to_thread(shop.venue.running.call, other)
            await line.say(method="ping")
            await line.until(method="pong")
            assert [m for m in line.kept if m.get("channel") == "executions"] == []
        assert shop.done("OpenOrders")["open"] == {}

    play(scene)
