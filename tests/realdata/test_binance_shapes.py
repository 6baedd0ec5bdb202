"""The simulator's messages have the keys and types of those that Binance documents and sends.

Keys that only one side has are named here, each with its reason; anything else fails.
"""

import asyncio
import hmac
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simulation.binance.worlds import Asker, Socket, connected, market_at, pass_time_beside

from peak_trade.simulation.binance.limits import Limits
from peak_trade.simulation.binance.server import REHEARSAL, Running, running

Json = Any

NOT_LISTED = {"sors"}  # smart order routing is not offered
LATER = {"brokered", "requireSelfTradePrevention", "preventSor", "uid", "commissionRates"}
PREVENTED = {"v"}  # only where self-trade prevention did something
OPTIONAL_ORDER = {
    "trailingDelta", "trailingTime", "strategyId", "strategyType", "preventedMatchId",
    "preventedQuantity", "icebergQty", "stopPrice", "transactTime",
}  # fmt: skip  # sent where the order has them, so the examples say


def shape(value: Json) -> Json:
    """What a message looks like: keys, and the types of what they hold."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "null" if value is None else type(value).__name__


def differences(ours: Json, theirs: Json, where: str = "$") -> list[str]:
    """Where two messages differ in keys or types; a list's items are held to its first example."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = [f"{where}.{name} is missing" for name in theirs.keys() - ours.keys()]
        found += [f"{where}.{name} is extra" for name in ours.keys() - theirs.keys()]
        for name in ours.keys() & theirs.keys():
            found += differences(ours[name], theirs[name], f"{where}.{name}")
        return found
    if isinstance(ours, list) and isinstance(theirs, list):
        if len(theirs) > 1 and len({json.dumps(shape(item)) for item in theirs}) > 1:
            pairs = zip(ours, theirs, strict=False)  # a row of columns
            found = [] if len(ours) == len(theirs) else [f"{where} has {len(ours)} columns"]
            return found + [
                text for k, pair in enumerate(pairs) for text in differences(*pair, f"{where}[{k}]")
            ]
        return [
            text
            for k, item in enumerate(ours if theirs else [])
            for text in differences(item, theirs[0], f"{where}[{k}]")
        ]
    same = shape(ours) == shape(theirs)
    return [] if same else [f"{where} is {shape(ours)}, not {shape(theirs)}"]


def check(ours: Json, theirs: Json, but: set[str] | None = None) -> None:
    """Hold a message of ours to one of theirs; ``but`` are keys that may be on one side only."""
    allowed = but or set()
    left = [
        text
        for text in differences(ours, theirs)
        if not (text.endswith((" is missing", " is extra")) and _last(text) in allowed)
    ]
    assert left == []


def _last(text: str) -> str:
    return text.rpartition(" is ")[0].rpartition(".")[2]


@pytest.fixture(scope="module")
def fixtures(shared: Path) -> Path:
    return shared / "shapes" / "fixtures"


@pytest.fixture(scope="module")
def documented(fixtures: Path) -> dict[str, Json]:
    found = json.loads((fixtures / "binance_docs_payloads.json").read_text())
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def recorded(fixtures: Path) -> dict[str, Json]:
    found = json.loads((fixtures / "binance_spot_messages.json").read_text())["messages"]
    assert isinstance(found, dict)
    return found


@pytest.fixture
def venue() -> Iterator[Running]:
    market, _ = market_at(history=60)
    with running(market, limits=Limits(orders=10**4)) as served:
        yield served


@pytest.fixture
def asker(venue: Running) -> Asker:
    return Asker(venue)


PRICE = {"timeInForce": "GTC", "quantity": "0.01", "price": "29000"}


def test_public_answers_are_like_those_documented(
    asker: Asker, documented: dict[str, Json]
) -> None:
    rest, symbol = documented["rest"], {"symbol": "BTCUSDT"}
    info = asker.get("exchangeInfo")
    (theirs,) = rest["Exchange information"]
    check(info, theirs | {"rateLimits": info["rateLimits"]}, NOT_LISTED | {"filters"} | _keys(info))
    check(asker.get("time"), rest["Check server time"][0])
    check(asker.get("depth", **symbol), rest["Order book"][0])
    check(asker.get("trades", **symbol), rest["Recent trades list"][0])
    check(asker.get("aggTrades", **symbol), rest["Compressed/Aggregate trades list"][0])
    check(asker.get("klines", interval="1m", **symbol), rest["Kline/Candlestick data"][0])
    check(asker.get("avgPrice", **symbol), rest["Current average price"][0])
    for path, name in (("ticker/price", "Symbol price ticker"),
                       ("ticker/bookTicker", "Symbol order book ticker")):  # fmt: skip
        check(asker.get(path, **symbol), rest[name][0])
        check(asker.get(path), rest[name][1])
    check(asker.get("klines")["code"], rest["Error Codes"][0]["code"])


def _keys(info: Json) -> set[str]:
    """Keys of filters: they are held to the documented filters one by one."""
    return {name for one in info["symbols"] for item in one["filters"] for name in item}


def test_filters_are_like_those_documented(asker: Asker, documented: dict[str, Json]) -> None:
    rules = asker.get("exchangeInfo", symbol="BTCUSDT")["symbols"][0]["filters"]
    for rule in rules:
        check(rule, documented["filters"][rule["filterType"]][0])
    assert {rule["filterType"] for rule in rules} >= {
        "PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "NOTIONAL", "PERCENT_PRICE_BY_SIDE",
    }  # fmt: skip


def test_public_answers_are_like_those_recorded(asker: Asker, recorded: dict[str, Json]) -> None:
    symbol = {"symbol": "BTCUSDT"}
    pairs = {
        "agg_trades": asker.get("aggTrades", **symbol),
        "book_ticker": asker.get("ticker/bookTicker", **symbol),
        "depth": asker.get("depth", **symbol),
        "historical_trades": asker.get("historicalTrades", **symbol),
        "klines": asker.get("klines", interval="1m", **symbol),
        "ping": asker.get("ping"),
        "ticker_price": asker.get("ticker/price", **symbol),
        "time": asker.get("time"),
        "trades": asker.get("trades", **symbol),
    }
    for name, ours in pairs.items():
        check(ours, recorded[f"http_responses/http_spot_market_{name}"])
    check(asker.get("avgPrice", **symbol), recorded["http_responses/http_spot_market_avg_price"],
          {"closeTime"})  # fmt: skip  # newer than the recording
    check(asker.get("ticker/24hr", **symbol), recorded["http_json/ticker_24hr_response"])
    decimals = recorded["http_responses/http_spot_market_klines"][0][1]
    assert len(decimals.partition(".")[2]) == len(pairs["klines"][0][1].partition(".")[2])


def test_answers_to_orders_are_like_those_documented(
    asker: Asker, documented: dict[str, Json], recorded: dict[str, Json]
) -> None:
    rest = documented["rest"]
    for kind, theirs in zip(("ACK", "RESULT", "FULL"), rest["New order (TRADE)"], strict=True):
        ours = asker.order("BUY", "MARKET", quantity="0.01", newOrderRespType=kind)
        check(ours, theirs)
    check(
        asker.order("BUY", "MARKET", quantity="0.01"), recorded["http_json/new_order_full_response"]
    )
    order = {"symbol": "BTCUSDT", "orderId": asker.order("BUY", "LIMIT", **PRICE)["orderId"]}
    queried = asker.done("GET", "order", **order)
    check(queried, rest["Query order (USER_DATA)"][0])
    check(queried, recorded["http_json/order_response"])
    check(asker.done("GET", "openOrders"), rest["Current open orders (USER_DATA)"][0])
    check(asker.done("GET", "allOrders", symbol="BTCUSDT"), rest["All orders (USER_DATA)"][0])
    check(asker.done("DELETE", "order", **order), rest["Cancel order (TRADE)"][0])
    asker.order("BUY", "LIMIT", **PRICE)
    cancelled = asker.done("DELETE", "openOrders", symbol="BTCUSDT")
    check(cancelled, rest["Cancel All Open Orders on a Symbol (TRADE)"][0][:1])
    check(
        asker.done("GET", "myTrades", symbol="BTCUSDT"), rest["Account trade list (USER_DATA)"][0]
    )
    stop = asker.order(
        "SELL", "STOP_LOSS_LIMIT", stopPrice="28000", newOrderRespType="RESULT", **PRICE
    )
    leg = rest["New Order list - OCO (TRADE)"][0]["orderReports"][0]
    check(stop, leg, {"icebergQty"})


def test_answers_of_the_account_are_like_those_documented(
    asker: Asker, documented: dict[str, Json], recorded: dict[str, Json]
) -> None:
    rest = documented["rest"]
    account = asker.done("GET", "account")
    check(account, rest["Account information (USER_DATA)"][0])
    check(account, recorded["http_responses/http_spot_wallet_account"], LATER)
    check(asker.done("GET", "rateLimit/order"), rest["Query Unfilled Order Count (USER_DATA)"][0])
    rates = asker.done("GET", "account/commission", symbol="BTCUSDT")
    check(rates, rest["Query Commission Rates (USER_DATA)"][0])
    sent = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    plain, with_rates = rest["Test new order (TRADE)"]
    check(asker.done("POST", "order/test", **sent), plain)
    check(asker.done("POST", "order/test", computeCommissionRates="true", **sent), with_rates)


def test_codes_of_refusals_are_documented_ones(asker: Asker, fixtures: Path) -> None:
    known = {
        row[0]: row[2] for row in json.loads((fixtures / "binance_error_codes.json").read_text())
    }
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", **PRICE}
    changes: list[dict[str, object]] = [
        {"symbol": "NOPE"}, {"side": "X"}, {"type": "X"}, {"timeInForce": "X"}, {"price": "x"},
        {"price": ""}, {"quantity": "0.000000001"}, {"stopPrice": "1"}, {"more": "1"},
        {"timestamp": 1}, {"signature": "00"},
    ]  # fmt: skip
    for change in changes:
        _, code, text = asker.refused("POST", "order", **order | change)
        assert code in known
        assert any(re.search(_pattern(one), text) for one in known[code].split(". ")), text


def _pattern(sentence: str) -> str:
    """What a documented sentence looks like once its gaps are filled in."""
    return ".*".join(re.escape(part) for part in sentence.rstrip(". ").split("%s"))


# --- streams -------------------------------------------------------------------------------------

STREAMS = {
    "btcusdt@aggTrade": "Aggregate Trade Streams",
    "btcusdt@trade": "Trade Streams",
    "btcusdt@kline_1m": "Kline/Candlestick Streams for UTC",
    "btcusdt@miniTicker": "Individual Symbol Mini Ticker Stream",
    "btcusdt@ticker": "Individual Symbol Ticker Streams",
    "btcusdt@bookTicker": "Individual Symbol Book Ticker Streams",
    "btcusdt@avgPrice": "Average Price",
    "btcusdt@depth5": "Partial Book Depth Streams",
    "btcusdt@depth": "Diff. Depth Stream",
}


def test_streams_are_like_those_documented(venue: Running, documented: dict[str, Json]) -> None:
    async def heard() -> dict[str, Json]:
        found: dict[str, Json] = {}
        url = f"{venue.urls.streams}/stream?streams={'/'.join(STREAMS)}"
        async with connected(url) as socket:
            await pass_time_beside(venue, 5.0)
            while set(found) != set(STREAMS):
                message = await socket.next()
                found[message["stream"]] = message["data"]
            for name in ("Subscribe to a stream", "Listing Subscriptions", "Setting Properties"):
                asked, theirs = documented["streams"][name]
                check(await socket.ask(asked), theirs)
        return found

    for name, ours in asyncio.run(heard()).items():
        check(ours, documented["streams"][STREAMS[name]][0])


def _signed(venue: Running, **params: object) -> dict[str, object]:
    now_ms = venue.service.market.clock.now_ns() // 1_000_000
    sent = {"apiKey": venue.key, "timestamp": now_ms, **params}
    text = "&".join(f"{name}={value}" for name, value in sorted(sent.items()))
    return {
        **sent,
        "signature": hmac.new(venue.secret.encode(), text.encode(), "sha256").hexdigest(),
    }


def test_socket_answers_are_like_those_documented(
    venue: Running, documented: dict[str, Json]
) -> None:
    theirs = documented["ws_api"]

    async def talk() -> None:
        async with connected(venue.urls.socket_api) as socket:

            async def ask(method: str, /, **params: object) -> Json:
                return await socket.ask({"id": "x", "method": method, "params": params})

            order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", **PRICE}
            said = await ask("order.place", **_signed(venue, newOrderRespType="RESULT", **order))
            check(said, theirs["Response format"][0])
            acked = await ask("order.place", **_signed(venue, newOrderRespType="ACK", **order))
            check(acked, theirs["Place new order (TRADE)"][1])
            refused = await ask("order.place", **_signed(venue, **order | {"quantity": "900"}))
            check(refused, theirs["Response format"][1], {"rateLimits"} | _limit_keys())
            check(await ask("depth", symbol="BTCUSDT"), theirs["Order book"][1])
            check(await ask("klines", symbol="BTCUSDT", interval="1m"), theirs["Klines"][1])
            one = {"symbol": "BTCUSDT", "orderId": said["result"]["orderId"]}
            status = await ask("order.status", **_signed(venue, **one))
            check(status, theirs["Query order (USER_DATA)"][1], OPTIONAL_ORDER)
            open_ = await ask("openOrders.status", **_signed(venue))
            check(open_, theirs["Current open orders (USER_DATA)"][1])
            gone = await ask("order.cancel", **_signed(venue, **one))
            check(gone, theirs["Cancel order (TRADE)"][1], OPTIONAL_ORDER)
            account = await ask("account.status", **_signed(venue))
            check(account, theirs["Account information (USER_DATA)"][1])
            name = "Subscribe to User Data Stream through signature subscription (USER_STREAM)"
            said = await ask("userDataStream.subscribe.signature", **_signed(venue))
            check({k: said[k] for k in ("id", "status", "result")}, theirs[name][1])
            said = await ask("session.subscriptions")
            check({k: said[k] for k in ("id", "status", "result")},
                  theirs["Listing all subscriptions"][1])  # fmt: skip
            said = await ask("session.status")
            check({k: said[k] for k in ("id", "status", "result")},
                  theirs["Log out of the session"][1])  # fmt: skip

    asyncio.run(talk())


def _limit_keys() -> set[str]:
    return {"rateLimitType", "interval", "intervalNum", "limit", "count"}


def test_user_events_are_like_those_documented_and_recorded(
    venue: Running, asker: Asker, documented: dict[str, Json], recorded: dict[str, Json]
) -> None:
    def act() -> None:
        asker.order("BUY", "MARKET", quantity="0.01")
        asker.order("BUY", "LIMIT", newClientOrderId="a", **PRICE)
        asker.done("DELETE", "order", symbol="BTCUSDT", origClientOrderId="a")
        asker.order("BUY", "LIMIT", **PRICE | {"timeInForce": "IOC"})
        venue.deposit(REHEARSAL, "ETH", "1")

    async def heard() -> list[Json]:
        async with connected(venue.urls.socket_api) as socket:
            said = {"id": 1, "method": "userDataStream.subscribe.signature"}
            await socket.ask(said | {"params": _signed(venue)})
            await asyncio.to_thread(act)
            found: list[Json] = []
            while not found or found[-1]["event"]["e"] != "balanceUpdate":
                found.append(await _event(socket))
            return found

    user = documented["user_data"]
    recordings = {
        ("NEW", "NEW"): "new", ("TRADE", "FILLED"): "binance_us", ("CANCELED", "CANCELED"): "pending_cancel",
    }  # fmt: skip
    seen = set()
    for message in asyncio.run(heard()):
        event = message["event"]
        if event["e"] == "executionReport":
            kind = (event["x"], event["X"])
            seen.add(kind)
            null = {"N": None} if event["N"] is None else {"N": "BTC"}
            theirs = user["Order Update"][0]
            check(message, theirs | {"event": theirs["event"] | null}, PREVENTED | {"eR"})
            if kind in recordings:
                data = recorded[f"ws_messages/ws_spot_execution_report_{recordings[kind]}"]["data"]
                check(event, data, {"W", "V"})  # some were recorded before these two came
            if kind == ("EXPIRED", "EXPIRED"):
                check(event, recorded["user_data_json/execution_report_expired"],
                      {"F", "g", "I", "M", "Y", "Q", "W", "V"})  # fmt: skip  # a short example
        elif event["e"] == "outboundAccountPosition":
            check(message, user["Account Update"][0])
        else:
            check(message, user["Balance Update"][0])
    assert seen == {*recordings, ("EXPIRED", "EXPIRED")}


async def _event(socket: Socket) -> Json:
    while "event" not in (message := await socket.next()):
        pass
    return message


def test_differences_are_found() -> None:
    assert differences({"a": 1, "b": []}, {"a": 1, "b": ["x"]}) == []
    assert differences({"a": 1}, {"a": "1"}) == ["$.a is int, not str"]
    assert differences({"a": 1, "c": 2}, {"a": 1, "b": 1}) == ["$.b is missing", "$.c is extra"]
    assert differences([{"a": None}], [{"a": True}]) == ["$[0].a is null, not bool"]
    assert differences([1, "x"], [1, "x", 3]) == ["$ has 2 columns"]
    assert differences([[1, 2]], [[1, "x"]]) == ["$[0][1] is int, not str"]
    with pytest.raises(AssertionError):
        check({"a": 1}, {"a": 1, "b": 1})
    check({"a": 1}, {"a": 1, "b": 1}, {"b"})
