"""The WebSocket API: signed requests, and what an account is told of its orders and money."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from simulation.binance.worlds import (
    Asker,
    Socket,
    connected,
    market_at,
    pass_time_beside,
)

from peak_trade.simulation.binance.limits import Limits
from peak_trade.simulation.binance.server import REHEARSAL, Running, running

BUY = {"symbol": "BTCUSDT", "side": "BUY"}


@pytest.fixture
def venue() -> Iterator[Running]:
    market, _ = market_at(history=60)
    with running(market, limits=Limits(orders=10**4)) as served:
        yield served


def _signed(venue: Running, **params: object) -> dict[str, object]:
    now_ms = venue.service.market.clock.now_ns() // 1_000_000
    sent = {"apiKey": venue.key, "timestamp": now_ms, **params}
    text = "&".join(
        f"{name}={str(value).lower() if isinstance(value, bool) else value}"
        for name, value in sorted(sent.items())
    )
    mac = hmac.new(venue.secret.encode(), text.encode(), "sha256").hexdigest()
    return {**sent, "signature": mac}


def _talk(venue: Running, talk: Callable[[Socket], Awaitable[Any]]) -> Any:
    async def talked() -> Any:
        async with connected(venue.urls.socket_api) as socket:
            return await talk(socket)

    return asyncio.run(talked())


def _asked(venue: Running, method: str, **params: object) -> dict[str, Any]:
    async def talk(socket: Socket) -> Any:
        return await socket.ask({"id": "a", "method": method, "params": params})

    said = _talk(venue, talk)
    assert isinstance(said, dict)
    return said


async def _events(socket: Socket, count: int) -> list[dict[str, Any]]:
    return [(await socket.next())["event"] for _ in range(count)]


def test_public_answers_are_those_of_rest(venue: Running) -> None:
    asker = Asker(venue)
    klines = {"symbol": "BTCUSDT", "interval": "5m", "limit": 3}
    assert _asked(venue, "klines", **klines)["result"] == asker.get("klines", **klines)
    depth = {"symbol": "BTCUSDT", "limit": 5}
    said = _asked(venue, "depth", **depth)
    assert said["result"] == asker.get("depth", **depth)
    assert (said["id"], said["status"]) == ("a", 200)
    assert said["rateLimits"][0] == {
        "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000,
        "count": said["rateLimits"][0]["count"],
    }  # fmt: skip
    assert "rateLimits" not in _asked(venue, "ping", returnRateLimits=False)
    both = ["ETHUSDT", "BTCUSDT"]
    info = _asked(venue, "exchangeInfo", symbols=both)["result"]["symbols"]
    assert [one["symbol"] for one in info] == both


def test_ids_come_back_as_they_were_sent(venue: Running) -> None:
    async def talk(socket: Socket) -> list[Any]:
        sent: list[object] = [1, "1", None]
        return [(await socket.ask({"id": one, "method": "ping"}))["id"] for one in sent]

    assert _talk(venue, talk) == [1, "1", None]


def test_orders_over_the_socket_are_those_of_rest(venue: Running) -> None:
    asker = Asker(venue)
    params = {
        **BUY, "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "29000.00",
        "newClientOrderId": "w", "returnRateLimits": True,
    }  # fmt: skip
    placed = _asked(venue, "order.place", **_signed(venue, **params))
    assert placed["status"] == 200
    assert [row["rateLimitType"] for row in placed["rateLimits"]] == [
        "ORDERS", "ORDERS", "REQUEST_WEIGHT",
    ]  # fmt: skip
    named = {"symbol": "BTCUSDT", "orderId": placed["result"]["orderId"]}
    status = _asked(venue, "order.status", **_signed(venue, **named))["result"]
    assert status == asker.done("GET", "order", **named)
    open_ = _asked(venue, "openOrders.status", **_signed(venue))["result"]
    assert open_ == asker.done("GET", "openOrders")
    assert (
        _asked(venue, "order.cancel", **_signed(venue, **named))["result"]["status"] == "CANCELED"
    )
    again = _asked(venue, "order.cancel", **_signed(venue, **named))
    assert (again["status"], again["error"]) == (400, {"code": -2011, "msg": "Unknown order sent."})
    account = _asked(venue, "account.status", **_signed(venue, omitZeroBalances=True))["result"]
    assert account == asker.done("GET", "account", omitZeroBalances="true")


def test_numbers_are_signed_as_they_were_written(venue: Running) -> None:
    now_ms = venue.service.market.clock.now_ns() // 1_000_000
    text = f"apiKey={venue.key}&price=29000.10&quantity=0.0100&side=BUY&symbol=BTCUSDT"
    text += f"&timeInForce=GTC&timestamp={now_ms}&type=LIMIT"
    mac = hmac.new(venue.secret.encode(), text.encode(), "sha256").hexdigest()
    message = (
        '{"id":1,"method":"order.test","params":{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT",'
        '"timeInForce":"GTC","quantity":0.0100,"price":29000.10,'
        f'"apiKey":"{venue.key}","timestamp":{now_ms},"signature":"{mac}"}}}}'
    )

    async def talk(socket: Socket) -> Any:
        return await socket.ask(message)

    assert _talk(venue, talk)["result"] == {}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"signature": "00"}, 400, -1022),
        ({"apiKey": "unknown"}, 401, -2015),
        ({"apiKey": ""}, 400, -1105),
        ({"timestamp": 5}, 400, -1021),
        ({"more": "1"}, 400, -1022),
    ],
)
def test_signed_requests_that_are_wrong_are_refused(
    venue: Running, change: dict[str, object], status: int, code: int
) -> None:
    said = _asked(venue, "account.status", **_signed(venue) | change)
    assert (said["status"], said["error"]["code"]) == (status, code)


def test_what_is_no_request_and_what_is_not_offered_is_refused(venue: Running) -> None:
    async def talk(socket: Socket) -> list[int]:
        texts = ["{", "[]", '{"id":1}', '{"id":1,"method":"ping","params":[1]}']
        texts.append('{"id":1,"method":"sor.order.place"}')
        return [(await socket.ask(text))["error"]["code"] for text in texts]

    assert _talk(venue, talk) == [-1135, -1135, -1135, -1135, -1020]
    said = _asked(venue, "session.logon", **_signed(venue))
    assert said["error"] == {"code": -4056, "msg": "HMAC_SHA256 API key is not supported."}
    assert _asked(venue, "session.status")["result"]["apiKey"] is None


def test_weight_beyond_the_limit_is_refused_on_the_socket_too() -> None:
    market, _ = market_at(history=10)
    with running(market, limits=Limits(weight=4)) as served:

        async def talk(socket: Socket) -> list[int]:
            said = [await socket.ask({"id": k, "method": "ping"}) for k in range(6)]
            return [one["status"] for one in said]

        assert _talk(served, talk) == [200, 200, 200, 200, 429, 429]


# --- user data -----------------------------------------------------------------------------------


def test_events_of_an_order_come_in_the_order_they_happen(venue: Running) -> None:
    asker = Asker(venue)

    async def talk(socket: Socket) -> list[dict[str, Any]]:
        said = await socket.ask(
            {"id": 1, "method": "userDataStream.subscribe.signature", "params": _signed(venue)}
        )
        assert said["result"] == {"subscriptionId": 0}
        await asyncio.to_thread(
            asker.order, "BUY", "MARKET", quantity="0.01", newClientOrderId="first"
        )
        return await _events(socket, 3)

    new, trade, position = _talk(venue, talk)
    assert (new["x"], new["X"], new["z"], new["t"], new["N"]) == (
        "NEW",
        "NEW",
        "0.00000000",
        -1,
        None,
    )
    assert (trade["x"], trade["X"], trade["z"], trade["N"]) == (
        "TRADE",
        "FILLED",
        "0.01000000",
        "BTC",
    )
    assert new["c"] == trade["c"] == "first"
    assert new["I"] < trade["I"]
    (mine,) = asker.done("GET", "myTrades", symbol="BTCUSDT")
    assert [trade[name] for name in "tLlYnN"] == [
        mine[name] for name in ("id", "price", "qty", "quoteQty", "commission", "commissionAsset")
    ]
    assert trade["Z"] == trade["Y"]
    balances = {row["asset"]: row for row in asker.done("GET", "account")["balances"]}
    assert {row["a"]: row["f"] for row in position["B"]} == {
        asset: balances[asset]["free"] for asset in ("BTC", "USDT")
    }


def test_cancels_changes_and_expiries_are_told_with_both_ids(venue: Running) -> None:
    asker = Asker(venue)

    def act() -> None:
        price = {"price": "29000", "quantity": "0.01", "timeInForce": "GTC"}
        asker.order("BUY", "LIMIT", newClientOrderId="a", **price)
        asker.done(
            "PUT", "order/amend/keepPriority", symbol="BTCUSDT", origClientOrderId="a",
            newClientOrderId="b", newQty="0.005",
        )  # fmt: skip
        asker.done("DELETE", "order", symbol="BTCUSDT", origClientOrderId="b", newClientOrderId="c")
        asker.order("BUY", "LIMIT", **price | {"timeInForce": "IOC"})

    async def talk(socket: Socket) -> list[dict[str, Any]]:
        await socket.ask(
            {"id": 1, "method": "userDataStream.subscribe.signature", "params": _signed(venue)}
        )
        await asyncio.to_thread(act)
        found: list[dict[str, Any]] = []
        while not found or found[-1]["x"] != "EXPIRED":
            found += [e for e in await _events(socket, 1) if e["e"] == "executionReport"]
        return found

    found = _talk(venue, talk)
    assert [(e["x"], e["X"], e["c"], e["C"]) for e in found[:3]] == [
        ("NEW", "NEW", "a", ""),
        ("REPLACED", "NEW", "b", "a"),
        ("CANCELED", "CANCELED", "c", "b"),
    ]
    assert [e["q"] for e in found[:3]] == ["0.01000000", "0.00500000", "0.00500000"]
    assert found[-1]["eR"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    assert [e["w"] for e in found[:3]] == [True, True, False]


def test_deposits_are_told_and_other_accounts_hear_nothing(venue: Running) -> None:
    async def talk(socket: Socket) -> list[dict[str, Any]]:
        await socket.ask(
            {"id": 1, "method": "userDataStream.subscribe.signature", "params": _signed(venue)}
        )
        await asyncio.to_thread(venue.deposit, REHEARSAL, "ETH", "1.5")
        return await _events(socket, 2)

    balance, position = _talk(venue, talk)
    assert (balance["e"], balance["a"], balance["d"]) == ("balanceUpdate", "ETH", "1.50000000")
    assert position["B"] == [{"a": "ETH", "f": "11.50000000", "l": "0.00000000"}]


def test_partial_fills_add_up(venue: Running) -> None:
    asker = Asker(venue)
    asks = asker.get("depth", symbol="BTCUSDT", limit=10)["asks"]
    wanted = sum(Decimal(size) for _, size in asks[:3])

    async def talk(socket: Socket) -> list[dict[str, Any]]:
        await socket.ask(
            {"id": 1, "method": "userDataStream.subscribe.signature", "params": _signed(venue)}
        )
        await asyncio.to_thread(asker.order, "BUY", "MARKET", quantity=wanted)
        found: list[dict[str, Any]] = []
        while not found or found[-1]["X"] != "FILLED":
            found += [e for e in await _events(socket, 1) if e["e"] == "executionReport"]
        return found

    found = [e for e in _talk(venue, talk) if e["x"] == "TRADE"]
    assert [(e["L"], e["l"]) for e in found] == [tuple(row) for row in asks[:3]]
    sums = [sum(Decimal(e["l"]) for e in found[: k + 1]) for k in range(3)]
    assert [Decimal(e["z"]) for e in found] == sums
    assert Decimal(found[-1]["Z"]) == sum(Decimal(e["Y"]) for e in found)
    assert [e["X"] for e in found] == ["PARTIALLY_FILLED", "PARTIALLY_FILLED", "FILLED"]


def test_subscriptions_are_listed_once_each_and_end(venue: Running) -> None:
    async def talk(socket: Socket) -> None:
        async def asked(method: str, **params: object) -> Any:
            said = await socket.ask({"id": 1, "method": method, "params": params})
            return said.get("result", said.get("error"))

        subscribe = "userDataStream.subscribe.signature"
        assert await asked(subscribe, **_signed(venue)) == {"subscriptionId": 0}
        assert (await asked(subscribe, **_signed(venue)))["code"] == -2035
        assert await asked("session.subscriptions") == [{"subscriptionId": 0}]
        assert await asked("userDataStream.unsubscribe", subscriptionId=0) == {}
        assert (await asked("userDataStream.unsubscribe"))["code"] == -2036
        assert await asked(subscribe, **_signed(venue)) == {"subscriptionId": 1}
        assert (await asked("userDataStream.subscribe"))["code"] == -4056

    _talk(venue, talk)


def test_resting_order_is_told_of_when_the_market_comes_to_it(venue: Running) -> None:
    asker = Asker(venue)
    bid = Decimal(asker.get("ticker/bookTicker", symbol="BTCUSDT")["bidPrice"])
    price = (bid * Decimal("0.9998")).quantize(Decimal("0.01"))

    async def talk(socket: Socket) -> dict[str, Any]:
        await socket.ask(
            {"id": 1, "method": "userDataStream.subscribe.signature", "params": _signed(venue)}
        )
        await asyncio.to_thread(
            asker.order, "BUY", "LIMIT", timeInForce="GTC", quantity="0.01", price=price
        )
        for _ in range(40):
            await pass_time_beside(venue, 30.0)
        while True:
            event = (await socket.next())["event"]
            if event.get("x") == "TRADE":
                return dict(event)

    event = _talk(venue, talk)
    assert (event["m"], Decimal(event["L"])) == (True, price)
