"""The REST interface, asked by a client that signs for itself, and by ccxt."""

import http.client
import urllib.error
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from peak_trade.simulation.frames import MessageFaults
from tests.simulation.kraken.krakens_at_hand import START, Bench, bench


@pytest.fixture(scope="module")
def shop() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture
def fresh() -> Iterator[Bench]:
    with bench(symbols=("BTC/USD",), history=60) as made:
        yield made


def exchange(shop: Bench) -> Any:
    own = shop.venue.keys[0]
    found = ccxt.kraken({"apiKey": own.key, "secret": own.secret, "enableRateLimit": False})
    found.urls["api"] = shop.venue.urls.for_ccxt()
    return found


def bid(shop: Bench) -> Decimal:
    return Decimal(shop.public("Depth", pair="XBTUSD", count=1)["result"]["XXBTZUSD"]["bids"][0][0])


# --- public --------------------------------------------------------------------------------------


def test_candles_are_the_last_720_and_one_that_forms_whatever_is_asked(shop: Bench) -> None:
    now = shop.venue.server.market.now_ns // 10**9
    for since in (0, 1, now - 10**7):
        result = shop.public("OHLC", pair="XBTUSD", interval=1, since=since)["result"]
        rows = result["XXBTZUSD"]
        assert len(rows) == 721
        assert rows[-1][0] == now - now % 60
        assert result["last"] == rows[-2][0]
    later = shop.public("OHLC", pair="XBTUSD", interval=1, since=result["last"])["result"]
    assert [row[0] for row in later["XXBTZUSD"]] == [rows[-2][0], rows[-1][0]]


def test_trades_are_paged_by_their_cursor_to_the_end(shop: Bench) -> None:
    since, ids = "0", []
    for _ in range(20):
        result = shop.public("Trades", pair="XBTUSD", since=since)["result"]
        rows = result["XXBTZUSD"]
        if not rows:
            break
        assert len(rows) <= 1_000
        ids += [row[6] for row in rows]
        since = result["last"]
    last = shop.public("Trades", pair="XBTUSD")["result"]["XXBTZUSD"]
    assert ids == list(range(1, len(ids) + 1))
    assert ids[-1] == last[-1][6]
    assert len(ids) > 2_000


@pytest.mark.parametrize(
    ("name", "query", "error"),
    [
        ("OHLC", {"pair": "NOPE"}, "EQuery:Unknown asset pair"),
        ("OHLC", {"pair": "XBTUSD", "interval": 7}, "EGeneral:Invalid arguments:interval"),
        ("OHLC", {}, "EGeneral:Invalid arguments:pair"),
        ("Trades", {"pair": "XBTUSD", "since": "x"}, "EGeneral:Invalid arguments:since"),
        ("Trades", {"pair": "XBTUSD", "count": 1001}, "EGeneral:Invalid arguments:count"),
        ("Depth", {"pair": "XBTUSD", "count": 0}, "EGeneral:Invalid arguments:count"),
        ("Assets", {"asset": "NOPE"}, "EQuery:Unknown asset"),
        ("Nothing", {}, "EGeneral:Unknown method"),
    ],
)
def test_public_call_that_is_wrong_has_krakens_error(
    shop: Bench, name: str, query: dict[str, Any], error: str
) -> None:
    assert shop.public(name, **query)["error"] == [error]


def test_time_is_the_markets(shop: Bench) -> None:
    result = shop.public("Time")["result"]
    assert result["unixtime"] == shop.clock.now_ns() // 10**9 >= START
    assert shop.public("SystemStatus")["result"]["status"] == "online"
    assert shop.public("Spread", pair="XBTUSD")["error"] == []


# --- private -------------------------------------------------------------------------------------


def test_private_call_is_refused_with_krakens_words(shop: Bench) -> None:
    assert shop.private("Balance", key="nobody")["error"] == ["EAPI:Invalid key"]
    assert shop.private("Balance", secret="AAAA")["error"] == ["EAPI:Invalid signature"]
    shop.done("Balance", nonce=10**6)
    assert shop.private("Balance", nonce=10**6)["error"] == ["EAPI:Invalid nonce"]
    assert shop.private("Nothing")["error"] == ["EGeneral:Unknown method"]


ORDER: dict[str, object] = {
    "pair": "XBTUSD",
    "type": "buy",
    "ordertype": "limit",
    "volume": "0.1",
    "price": "50",
}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"pair": "NOPE"}, "EQuery:Unknown asset pair"),
        ({"type": "hold"}, "EGeneral:Invalid arguments:type"),
        ({"ordertype": "iceberg"}, "EGeneral:Invalid arguments:ordertype"),
        ({"ordertype": "trailing-stop-limit"}, "EGeneral:Invalid arguments:ordertype"),
        ({"volume": "abc"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "-1"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "0.00001"}, "EOrder:Order minimum not met"),
        ({"volume": "0.0001", "price": "50"}, "EOrder:Cost minimum not met"),
        ({"volume": "99999"}, "EOrder:Insufficient funds"),
        ({"price": "50.01"}, "EOrder:Tick size check failed"),
        ({"price": ""}, "EGeneral:Invalid arguments:price"),
        ({"price": "9999", "oflags": "post"}, "EOrder:Post only order"),
        ({"oflags": "what"}, "EGeneral:Invalid arguments:oflags"),
        ({"leverage": "5"}, "EGeneral:Invalid arguments:leverage"),
        ({"close[ordertype]": "limit"}, "EGeneral:Invalid arguments:close"),
        ({"timeinforce": "FOK"}, "EGeneral:Invalid arguments:timeinforce"),
        ({"timeinforce": "GTD"}, "EGeneral:Invalid arguments:expiretm"),
        ({"userref": "x"}, "EGeneral:Invalid arguments:userref"),
        ({"deadline": "2020-01-01T00:00:00Z"}, "EService:Deadline elapsed"),
        ({"deadline": "soon"}, "EGeneral:Invalid arguments:deadline"),
    ],
)
def test_order_that_breaks_a_rule_has_krakens_error(
    shop: Bench, change: dict[str, object], error: str
) -> None:
    before = shop.done("OpenOrders")
    for more in ({}, {"validate": "true"}):
        assert shop.private("AddOrder", **(ORDER | change | more))["error"] == [error]
    assert shop.done("OpenOrders") == before


def test_order_that_is_only_validated_is_not_placed(shop: Bench) -> None:
    result = shop.done("AddOrder", **ORDER, validate="true")
    assert result == {"descr": {"order": "buy 0.10000000 XBTUSD @ limit 50.0"}}
    assert shop.done("OpenOrders") == {"open": {}}


def test_limit_order_is_listed_held_amended_and_cancelled(fresh: Bench) -> None:
    (txid,) = fresh.done("AddOrder", **ORDER, cl_ord_id="mine")["txid"]
    order = fresh.done("OpenOrders")["open"][txid]
    assert (order["status"], order["vol"], order["cl_ord_id"]) == ("open", "0.10000000", "mine")
    assert order["descr"]["order"] == "buy 0.10000000 XBTUSD @ limit 50.0"
    assert fresh.done("BalanceEx")["ZUSD"] == {"balance": "100000.00000", "hold_trade": "5.02000"}
    assert fresh.private("AddOrder", **ORDER, cl_ord_id="mine")["error"] == [
        "EGeneral:Invalid arguments:cl_ord_id"
    ]
    fresh.done("AmendOrder", txid=txid, order_qty="0.2", limit_price="60")
    order = fresh.done("QueryOrders", txid=txid)[txid]
    assert (order["vol"], order["descr"]["price"]) == ("0.20000000", "60.0")
    edited = fresh.done("EditOrder", txid=txid, pair="XBTUSD", price="61")
    assert edited["originaltxid"] == txid
    assert fresh.done("CancelOrder", txid=edited["txid"]) == {"count": 1}
    assert fresh.private("CancelOrder", txid=edited["txid"])["error"] == ["EOrder:Unknown order"]
    closed = fresh.done("ClosedOrders")
    assert closed["count"] == 2
    assert {one["status"] for one in closed["closed"].values()} == {"canceled"}
    assert fresh.done("BalanceEx")["ZUSD"]["hold_trade"] == "0.00000"
    assert fresh.done("AddOrder", **ORDER, cl_ord_id="mine")["txid"]


def test_market_order_moves_money_as_its_trades_say(fresh: Bench) -> None:
    order: dict[str, object] = {
        "pair": "XBTUSD",
        "type": "buy",
        "ordertype": "market",
        "volume": "250.5",
    }
    (txid,) = fresh.done("AddOrder", **order)["txid"]
    record = fresh.done("QueryOrders", txid=txid, trades="true")[txid]
    trades = fresh.done("TradesHistory")["trades"]
    assert sorted(record["trades"]) == sorted(trades)
    cost = sum(Decimal(one["cost"]) for one in trades.values())
    fee = sum(Decimal(one["fee"]) for one in trades.values())
    assert len(trades) > 1
    assert Decimal(record["cost"]) == cost
    assert sum(Decimal(one["vol"]) for one in trades.values()) == Decimal("250.5")
    exact = sum(Decimal(one["vol"]) * Decimal(one["price"]) for one in trades.values())
    assert abs(cost - exact) < Decimal("0.001")
    assert abs(fee - cost * Decimal("0.004")) < Decimal("0.001")
    balance = fresh.done("Balance")
    assert Decimal(balance["ZUSD"]) == 100_000 - cost - fee
    assert Decimal(balance["XXBT"]) == Decimal("255.5")
    ledger = fresh.done("Ledgers")["ledger"]
    assert (
        sum(
            Decimal(e["amount"]) - Decimal(e["fee"])
            for e in ledger.values()
            if e["asset"] == "ZUSD"
        )
        == -cost - fee
    )
    assert set(fresh.done("QueryTrades", txid=",".join(trades))) == set(trades)
    assert Decimal(fresh.done("TradeBalance")["eb"]) > 90_000


def test_fee_in_base_is_taken_from_what_was_bought(fresh: Bench) -> None:
    fresh.done("AddOrder", pair="XBTUSD", type="buy", ordertype="market", volume="1", oflags="fcib")
    assert Decimal(fresh.done("Balance")["XXBT"]) == Decimal("5.996")


def test_volume_in_quote_currency_spends_about_that(fresh: Bench) -> None:
    fresh.done(
        "AddOrder", pair="XBTUSD", type="buy", ordertype="market", volume="5000", oflags="viqc"
    )
    spent = 100_000 - Decimal(fresh.done("Balance")["ZUSD"])
    assert Decimal(5_019) < spent <= Decimal(5_020)


def test_everything_is_cancelled_after_the_timeout(fresh: Bench) -> None:
    fresh.done("AddOrder", **ORDER)
    when = fresh.done("CancelAllOrdersAfter", timeout=60)
    assert when["triggerTime"] > when["currentTime"]
    fresh.pass_time(59)
    assert fresh.done("OpenOrders")["open"]
    fresh.pass_time(1)
    assert fresh.done("OpenOrders")["open"] == {}
    fresh.done("AddOrder", **ORDER)
    assert fresh.done("CancelAll") == {"count": 1}


def test_orders_of_a_user_number_are_cancelled_together(fresh: Bench) -> None:
    for price in (50, 51):
        fresh.done("AddOrder", **(ORDER | {"price": price}), userref=7)
    fresh.done("AddOrder", **ORDER)
    assert len(fresh.done("OpenOrders", userref=7)["open"]) == 2
    assert fresh.done("CancelOrder", txid=7) == {"count": 2}
    assert len(fresh.done("OpenOrders")["open"]) == 1


def test_order_until_a_time_expires(fresh: Bench) -> None:
    (txid,) = fresh.done("AddOrder", **ORDER, timeinforce="GTD", expiretm="+30")["txid"]
    fresh.pass_time(31)
    assert fresh.done("QueryOrders", txid=txid)[txid]["status"] == "expired"


def test_engine_counter_refuses_adds_and_never_cancels() -> None:
    with bench(tier="starter", symbols=("BTC/USD",), history=30) as shop:
        placed = []
        while True:
            answer = shop.private("AddOrder", **ORDER)
            if answer["error"]:
                break
            placed += answer["result"]["txid"]
        assert answer["error"] == ["EOrder:Rate limit exceeded"]
        assert len(placed) == 60
        assert shop.done("CancelOrder", txid=placed[0]) == {"count": 1}
        shop.pass_time(7)
        assert shop.private("AddOrder", **ORDER)["error"]  # 60 + 8 - 7 + 1 is still above 60
        shop.pass_time(2)
        assert shop.private("AddOrder", **ORDER)["error"] == []


def test_calls_above_the_limit_are_refused() -> None:
    with bench(tier="starter", symbols=("BTC/USD",), history=30) as shop:
        answers = [shop.private("Balance")["error"] for _ in range(17)]
    assert answers == [[]] * 15 + [["EAPI:Rate limit exceeded"]] * 2


# --- faults --------------------------------------------------------------------------------------


def place(shop: Bench, faults: MessageFaults) -> object:
    """Place an order over a wire with faults; gives the status, or the name of what was raised."""
    shop.venue.running.service.wire.faults = faults
    try:
        shop.private("AddOrder", **ORDER)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except (ConnectionError, http.client.HTTPException, urllib.error.URLError):
        return "reset"
    finally:
        shop.venue.running.service.wire.faults = MessageFaults()
    return 200


def test_failed_requests_were_taken_or_not_and_the_client_cannot_tell(fresh: Bench) -> None:
    assert place(fresh, MessageFaults(http_429=1.0)) == 429
    assert fresh.done("OpenOrders")["open"] == {}
    codes = {place(fresh, MessageFaults(http_5xx=1.0)) for _ in range(12)}
    assert codes == {503, 504}
    after_5xx = len(fresh.done("OpenOrders")["open"])
    assert 0 < after_5xx < 12
    assert {place(fresh, MessageFaults(reset=1.0)) for _ in range(12)} == {"reset"}
    assert after_5xx < len(fresh.done("OpenOrders")["open"]) < after_5xx + 12


def test_stale_read_answers_as_of_some_seconds_ago(fresh: Bench) -> None:
    fresh.venue.running.service.wire.faults = MessageFaults(stale=1.0, stale_s=30.0)
    fresh.pass_time(40)
    fresh_id = fresh.venue.running.call(
        lambda: fresh.venue.server.market.trades("BTC/USD", limit=1)
    )[0]
    seen = {fresh.public("Trades", pair="XBTUSD")["result"]["XXBTZUSD"][-1][6] for _ in range(20)}
    assert max(seen) <= fresh_id.trade_id
    assert len(seen) > 5


# --- ccxt ----------------------------------------------------------------------------------------


def test_ccxt_reads_markets_candles_trades_ticker_and_book(shop: Bench) -> None:
    venue = exchange(shop)
    markets = venue.load_markets()
    assert set(markets) == {"BTC/USD", "ETH/USD"}
    assert markets["BTC/USD"]["precision"] == {"amount": 1e-8, "price": 0.1}
    assert (markets["BTC/USD"]["maker"], markets["BTC/USD"]["taker"]) == (0.0025, 0.004)
    market = shop.venue.server.market
    own = shop.venue.running.call(lambda: market.candles("BTC/USD", 60 * 10**9, limit=721))
    found = venue.fetch_ohlcv("BTC/USD", "1m")
    assert [row[0] for row in found] == [candle.open_ns // 10**6 for candle in own]
    assert found[-2][1:5] == [
        x / 10 for x in (own[-2].open, own[-2].high, own[-2].low, own[-2].close)
    ]
    assert venue.fetch_trades("BTC/USD", limit=5)[-1]["id"] == str(
        market.trades("BTC/USD", limit=1)[0].trade_id
    )
    book = venue.fetch_order_book("BTC/USD", 5)
    ticker = venue.fetch_ticker("BTC/USD")
    assert book["bids"][0][0] == ticker["bid"] < ticker["ask"] == book["asks"][0][0]
    assert set(venue.fetch_tickers()) == {"BTC/USD", "ETH/USD"}
    assert venue.fetch_time() == market.now_ns // 10**9 * 1_000
    assert venue.fetch_status()["status"] == "ok"
    assert venue.fetch_currencies()["BTC"]["id"] == "XXBT"


def test_ccxt_places_lists_amends_and_cancels(fresh: Bench) -> None:
    venue = exchange(fresh)
    order = venue.create_order("BTC/USD", "limit", "buy", 0.5, 50.1, {"clientOrderId": "abc"})
    (open_,) = venue.fetch_open_orders("BTC/USD")
    assert (open_["id"], open_["status"], open_["amount"], open_["price"]) == (
        order["id"],
        "open",
        0.5,
        50.1,
    )
    assert open_["clientOrderId"] == "abc"
    balance = venue.fetch_balance()
    assert (balance["USD"]["total"], balance["USD"]["used"]) == (100_000, pytest.approx(25.1502))
    venue.edit_order(order["id"], "BTC/USD", "limit", "buy", 0.6, 50.2)
    assert venue.fetch_order(order["id"])["amount"] == 0.6
    venue.cancel_order(order["id"])
    assert venue.fetch_order(order["id"])["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        venue.cancel_order(order["id"])
    bought = venue.fetch_order(venue.create_order("BTC/USD", "market", "buy", 0.5)["id"])
    assert (bought["status"], bought["filled"]) == ("closed", 0.5)
    (trade,) = venue.fetch_my_trades("BTC/USD")
    assert (trade["order"], trade["amount"], trade["takerOrMaker"]) == (bought["id"], 0.5, "taker")
    assert trade["fee"]["cost"] == pytest.approx(trade["cost"] * 0.004, abs=1e-5)
    assert [one["id"] for one in venue.fetch_closed_orders()] == [bought["id"], order["id"]]
    assert len(venue.fetch_ledger()) == 2


def test_ccxt_places_every_kind_of_order_that_is_offered(fresh: Bench) -> None:
    venue = exchange(fresh)
    asked = [
        ("market", None, {"stopLossPrice": 50}, "stop-loss"),
        ("limit", 49.5, {"stopLossPrice": 50}, "stop-loss-limit"),
        ("market", None, {"takeProfitPrice": 500.5}, "take-profit"),
        ("limit", 499.5, {"takeProfitPrice": 500.5}, "take-profit-limit"),
        ("market", None, {"trailingAmount": "40"}, "trailing-stop"),
        ("market", None, {"trailingPercent": "30"}, "trailing-stop"),
        ("limit", 499.5, {"postOnly": True}, "limit"),
    ]  # fmt: skip
    for kind, price, more, name in asked:
        made = venue.create_order("BTC/USD", kind, "sell", 0.1, price, more)
        assert venue.fetch_order(made["id"])["info"]["descr"]["ordertype"] == name
    assert len(venue.fetch_open_orders()) == len(asked)
    batch = venue.create_orders(
        [
            {"symbol": "BTC/USD", "type": "limit", "side": "buy", "amount": 0.1, "price": 40.0 + k}
            for k in range(3)
        ]
    )
    assert venue.cancel_orders([one["id"] for one in batch])[0]["info"]["result"] == {"count": 3}
    assert venue.cancel_all_orders()[0]["info"]["result"] == {"count": len(asked)}
    venue.cancel_all_orders_after(60_000)


def test_ccxt_raises_its_own_errors_for_krakens(fresh: Bench) -> None:
    venue = exchange(fresh)
    with pytest.raises(ccxt.InsufficientFunds):
        venue.create_order("BTC/USD", "limit", "buy", 5_000, 90.1)
    with pytest.raises(ccxt.InvalidOrder):
        venue.create_order("BTC/USD", "limit", "buy", 0.00001, 90.1)
    venue.secret = "AAAA"
    with pytest.raises(ccxt.BaseError, match="Invalid signature"):
        venue.fetch_balance()
    venue.apiKey = "nobody"
    with pytest.raises(ccxt.AuthenticationError):
        venue.fetch_balance()
