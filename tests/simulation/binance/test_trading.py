"""Orders over REST: what is taken, what is refused in which words, and what becomes of it."""

import hmac
from collections.abc import Iterator
from decimal import Decimal

import pytest
from simulation.binance.worlds import Asker, market_at, pass_time

from peak_trade.simulation.binance.limits import Limits
from peak_trade.simulation.binance.server import REHEARSAL, Running, running


@pytest.fixture
def venue() -> Iterator[Running]:
    market, _ = market_at(history=60)
    with running(market, limits=Limits(weight=10**6, orders=10**4)) as served:
        yield served


@pytest.fixture
def asker(venue: Running) -> Asker:
    return Asker(venue)


def _best(asker: Asker) -> tuple[Decimal, Decimal]:
    best = asker.get("ticker/bookTicker", symbol="BTCUSDT")
    return Decimal(best["bidPrice"]), Decimal(best["askPrice"])


def _price(asker: Asker, share: str) -> Decimal:
    """A share of the best bid, on the tick."""
    return (_best(asker)[0] * Decimal(share)).quantize(Decimal("0.01"))


def _limit(asker: Asker, share: str = "0.98", **params: object) -> dict[str, object]:
    said = asker.order(
        "BUY", "LIMIT", timeInForce="GTC", quantity="0.01", price=_price(asker, share), **params
    )
    assert isinstance(said, dict)
    return said


def _balances(asker: Asker) -> dict[str, tuple[Decimal, Decimal]]:
    rows = asker.done("GET", "account")["balances"]
    return {row["asset"]: (Decimal(row["free"]), Decimal(row["locked"])) for row in rows}


# --- money ---------------------------------------------------------------------------------------


def test_market_order_pays_the_best_ask_and_its_fee_in_what_it_brings(asker: Asker) -> None:
    _, ask = _best(asker)
    said = asker.order("BUY", "MARKET", quantity="0.01")

    assert (said["status"], said["executedQty"]) == ("FILLED", "0.01000000")
    (fill,) = said["fills"]
    assert fill["commissionAsset"] == "BTC"
    assert fill["commission"] == "0.00001000"  # 0.1 % of 0.01
    assert Decimal(fill["price"]) == ask
    cost = ask * Decimal("0.01")
    assert Decimal(said["cummulativeQuoteQty"]) == cost
    balances = _balances(asker)
    assert balances["BTC"] == (Decimal("10.00999"), 0)
    assert balances["USDT"] == (100_000 - cost, 0)

    bid, _ = _best(asker)
    sold = asker.order("SELL", "MARKET", quantity="0.01")["fills"][0]
    assert (sold["commissionAsset"], Decimal(sold["price"])) == ("USDT", bid)
    assert Decimal(sold["commission"]) == (bid / 100 / 1_000).quantize(Decimal("1e-8"))


def test_market_order_by_value_spends_no_more_than_asked(asker: Asker) -> None:
    said = asker.order("BUY", "MARKET", quoteOrderQty="300")
    spent = Decimal(said["cummulativeQuoteQty"])

    assert said["origQuoteOrderQty"] == "300.00000000"
    assert said["status"] == "FILLED"
    assert 299 < spent <= 300
    assert _balances(asker)["USDT"][0] == 100_000 - spent


def test_limit_order_holds_its_cost_until_it_is_cancelled(asker: Asker) -> None:
    order = _limit(asker)
    held = Decimal(str(order["price"])) * Decimal("0.01")
    assert _balances(asker)["USDT"] == (100_000 - held, held)

    asker.done("DELETE", "order", symbol="BTCUSDT", orderId=order["orderId"])
    assert _balances(asker)["USDT"] == (100_000, 0)


def test_money_is_conserved_with_the_street(venue: Running, asker: Asker) -> None:
    for k in range(12):
        asker.order("BUY" if k % 3 else "SELL", "MARKET", quantity="0.02")
        _limit(asker, "0.9995")
        pass_time(venue, 17.0)
    market = venue.service.market

    def sums() -> list[int]:
        account = market.accounts[REHEARSAL]
        return [
            account.total(asset) + market.street.amounts.get(asset, 0) - account.deposits[asset]
            for asset in market.decimals
        ]

    assert venue.served.call(sums) == [0, 0, 0]
    assert len(asker.done("GET", "myTrades", symbol="BTCUSDT")) > 12  # limits filled too


# --- answers -------------------------------------------------------------------------------------


def test_answers_are_as_long_as_asked_for(asker: Asker) -> None:
    price = _price(asker, "0.98")
    params = {"timeInForce": "GTC", "quantity": "0.01", "price": price}
    ack = asker.order("BUY", "LIMIT", newOrderRespType="ACK", **params)
    result = asker.order("BUY", "LIMIT", newOrderRespType="RESULT", **params)
    full = asker.order("BUY", "LIMIT", **params)

    assert set(ack) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    assert set(result) > set(ack)
    assert set(full) == {*result, "fills"}
    assert full["fills"] == []
    assert result["orderId"] == ack["orderId"] + 1
    maker = asker.order("BUY", "LIMIT_MAKER", quantity="0.01", price=price)
    assert set(maker) == set(ack)
    ids = {one["clientOrderId"] for one in (ack, result, full, maker)}
    assert len(ids) == 4
    assert all(len(one) == 22 for one in ids)


def test_order_is_found_by_its_number_and_by_its_client_id(asker: Asker) -> None:
    placed = _limit(asker, newClientOrderId="mine-1")
    by_number = asker.done("GET", "order", symbol="BTCUSDT", orderId=placed["orderId"])
    by_name = asker.done("GET", "order", symbol="BTCUSDT", origClientOrderId="mine-1")

    assert by_number == by_name
    assert (by_name["status"], by_name["isWorking"], by_name["stopPrice"]) == (
        "NEW", True, "0.00000000",
    )  # fmt: skip
    assert asker.done("GET", "openOrders") == [by_name]
    assert asker.done("GET", "openOrders", symbol="ETHUSDT") == []
    assert asker.refused("GET", "order", symbol="ETHUSDT", origClientOrderId="mine-1") == (
        400, -2013, "Order does not exist.",
    )  # fmt: skip


def test_client_id_is_free_again_once_its_order_is_closed(asker: Asker) -> None:
    first = _limit(asker, newClientOrderId="again")
    assert asker.refused(
        "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01",
        newClientOrderId="again",
    ) == (400, -2010, "Duplicate order sent.")  # fmt: skip
    asker.done("DELETE", "order", symbol="BTCUSDT", origClientOrderId="again")

    second = _limit(asker, newClientOrderId="again")
    found = asker.done("GET", "order", symbol="BTCUSDT", origClientOrderId="again")
    assert found["orderId"] == second["orderId"] != first["orderId"]


def test_lists_of_orders_and_trades_page_by_id_and_time(venue: Running, asker: Asker) -> None:
    for _ in range(4):
        asker.order("BUY", "MARKET", quantity="0.01")
        pass_time(venue, 1.0)
    orders = asker.done("GET", "allOrders", symbol="BTCUSDT")
    ids = [row["orderId"] for row in orders]

    def listed(**params: object) -> list[int]:
        rows = asker.done("GET", "allOrders", symbol="BTCUSDT", **params)
        return [row["orderId"] for row in rows]

    assert ids == [1, 2, 3, 4]
    assert listed(orderId=3) == [3, 4]
    assert listed(limit=2) == [3, 4]
    assert listed(startTime=orders[1]["time"], limit=2) == [2, 3]
    assert listed(startTime=orders[1]["time"], endTime=orders[1]["time"]) == [2]
    assert asker.refused("GET", "allOrders", symbol="BTCUSDT", startTime=0, endTime=86_400_001)[
        1:
    ] == (-1127, "More than 24 hours between startTime and endTime.")

    trades = asker.done("GET", "myTrades", symbol="BTCUSDT")
    assert [row["orderId"] for row in trades] == ids
    assert asker.done("GET", "myTrades", symbol="BTCUSDT", fromId=3) == trades[2:]
    assert asker.done("GET", "myTrades", symbol="BTCUSDT", orderId=2) == trades[1:2]
    assert asker.done("GET", "myTrades", symbol="ETHUSDT") == []


# --- what becomes of orders ----------------------------------------------------------------------


def test_resting_order_fills_once_the_market_comes_to_it(venue: Running, asker: Asker) -> None:
    order = _limit(asker, "0.9995")
    for _ in range(60):
        pass_time(venue, 60.0)
        found = asker.done("GET", "order", symbol="BTCUSDT", orderId=order["orderId"])
        if found["status"] == "FILLED":
            break
    assert found["status"] == "FILLED"
    trades = asker.done("GET", "myTrades", symbol="BTCUSDT", orderId=order["orderId"])
    assert all(row["isMaker"] and row["price"] == order["price"] for row in trades)
    assert sum(Decimal(row["qty"]) for row in trades) == Decimal("0.01")


@pytest.mark.parametrize(
    ("force", "quantity", "status"),
    [("IOC", "0.01", "EXPIRED"), ("FOK", "0.01", "EXPIRED"), ("GTC", "0.01", "NEW")],
)
def test_order_that_cannot_trade_now_ends_as_it_says(
    asker: Asker, force: str, quantity: str, status: str
) -> None:
    said = asker.order(
        "BUY", "LIMIT", timeInForce=force, quantity=quantity, price=_price(asker, "0.99")
    )
    assert (said["status"], said["executedQty"]) == (status, "0.00000000")
    assert len(asker.done("GET", "openOrders")) == (status == "NEW")


def test_ioc_order_larger_than_the_book_expires_with_what_it_got(asker: Asker) -> None:
    asks = asker.get("depth", symbol="BTCUSDT", limit=5)["asks"]
    room = sum(Decimal(size) for _, size in asks[:2])
    said = asker.order("BUY", "LIMIT", timeInForce="IOC", quantity=room + 1, price=asks[1][0])
    assert (said["status"], Decimal(said["executedQty"])) == ("EXPIRED", room)
    assert [(f["price"], f["qty"]) for f in said["fills"]] == [tuple(row) for row in asks[:2]]
    refused = asker.order("BUY", "LIMIT", timeInForce="FOK", quantity=room + 1, price=asks[1][0])
    assert (refused["status"], refused["fills"]) == ("EXPIRED", [])


def test_stop_works_once_a_trade_reaches_it(venue: Running, asker: Asker) -> None:
    last = Decimal(asker.get("ticker/price", symbol="BTCUSDT")["price"])
    stop = (last * Decimal("0.9997")).quantize(Decimal("0.01"))
    limit = (last * Decimal("1.05")).quantize(Decimal("0.01"))
    order = asker.order(
        "SELL", "STOP_LOSS_LIMIT", timeInForce="GTC", quantity="0.01", price=limit, stopPrice=stop,
        newOrderRespType="RESULT",
    )  # fmt: skip
    assert (order["status"], order["workingTime"]) == ("NEW", -1)
    assert Decimal(order["stopPrice"]) == stop
    found: dict[str, object] = {"isWorking": False}
    lowest = last
    while lowest > stop:
        assert found["isWorking"] is False
        pass_time(venue, 1.0)
        found = asker.done("GET", "order", symbol="BTCUSDT", orderId=order["orderId"])
        rows = asker.get("aggTrades", symbol="BTCUSDT", startTime=order["transactTime"], limit=1000)
        lowest = min([Decimal(row["p"]) for row in rows], default=last)
    assert (found["isWorking"], found["status"]) == (True, "NEW")


def test_stops_that_would_trigger_at_once_are_refused(asker: Asker) -> None:
    last = Decimal(asker.get("ticker/price", symbol="BTCUSDT")["price"])
    above, below = last * 2, (last / 2).quantize(Decimal("0.01"))
    wrong = [("SELL", "STOP_LOSS", above), ("BUY", "STOP_LOSS", below)]
    wrong += [("SELL", "TAKE_PROFIT", below), ("BUY", "TAKE_PROFIT", above)]
    for side, kind, stop in wrong:
        params = {"symbol": "BTCUSDT", "side": side, "quantity": "0.01", "stopPrice": stop}
        assert asker.refused("POST", "order", type=kind, **params) == (
            400, -2010, "Order would trigger immediately.",
        )  # fmt: skip
        other = {"STOP_LOSS": "TAKE_PROFIT", "TAKE_PROFIT": "STOP_LOSS"}[kind]
        assert asker.done("POST", "order", type=other, **params)["orderId"] > 0


def test_test_order_changes_nothing(asker: Asker) -> None:
    params = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    assert asker.done("POST", "order/test", **params) == {}
    rates = asker.done("POST", "order/test", computeCommissionRates="true", **params)
    assert rates["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    assert asker.done("GET", "allOrders", symbol="BTCUSDT") == []
    assert asker.refused("POST", "order/test", **params | {"quantity": "1000"})[1] == -2010


# --- refusals ------------------------------------------------------------------------------------

LIMIT = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "29000"}


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        (
            {"symbol": None},
            -1102,
            "Mandatory parameter 'symbol' was not sent, was empty/null, or m",
        ),
        ({"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ({"side": "HOLD"}, -1117, "Invalid side."),
        ({"type": "STOP"}, -1116, "Invalid orderType."),
        ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ({"timeInForce": None}, -1102, "Mandatory parameter 'timeInForce'"),
        ({"price": None}, -1102, "Mandatory parameter 'price'"),
        ({"price": "1e3"}, -1100, "Illegal characters found in parameter 'price'; legal range is"),
        ({"price": "29000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "290000"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "0.0000000001"}, -1111, "Parameter 'quantity' has too much precision."),
        ({"quantity": "900"}, -2010, "Account has insufficient balance for requested action."),
        ({"type": "LIMIT_MAKER"}, -1106, "Parameter 'timeInForce' sent when not required."),
        (
            {"type": "LIMIT_MAKER", "timeInForce": None, "price": "33000"},
            -2010,
            "Order would immediately match and take.",
        ),
        ({"type": "MARKET"}, -1106, "Parameter 'timeInForce' sent when not required."),
        (
            {"type": "MARKET", "timeInForce": None, "price": None, "quantity": None},
            -1102,
            "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!",
        ),
        ({"stopPrice": "28000"}, -1106, "Parameter 'stopPrice' sent when not required."),
        ({"icebergQty": "0.001"}, -1013, "Iceberg orders are not supported for this symbol."),
        ({"trailingDelta": "10"}, -1013, "Trailing stop orders are not supported for this symbol."),
        ({"newClientOrderId": "no spaces"}, -1100, "Illegal characters found in parameter 'newCl"),
        ({"newOrderRespType": "ALL"}, -1136, "Invalid newOrderRespType."),
        (
            {"more": "1"},
            -1104,
            "Not all sent parameters were read; read '8' parameter(s) but was s",
        ),
        ({"recvWindow": "60001"}, -1131, "'recvWindow' must be less than 60000."),
        ({"timestamp": 1}, -1021, "Timestamp for this request is outside of the recvWindow."),
        (
            {"timestamp": 10**13},
            -1021,
            "Timestamp for this request was 1000ms ahead of the server's time.",
        ),
        ({"timestamp": ""}, -1102, "Mandatory parameter 'timestamp'"),
    ],
)
def test_orders_that_break_a_rule_are_refused_in_the_documented_words(
    asker: Asker, change: dict[str, object], code: int, text: str
) -> None:
    params = {"symbol": "BTCUSDT", **LIMIT} | change
    sent = {name: value for name, value in params.items() if value is not None}
    status, found, said = asker.refused("POST", "order", **sent)

    assert (status, found) == (400, code)
    assert said.startswith(text)
    assert asker.done("GET", "openOrders") == []


def test_wrong_signatures_and_keys_are_refused(venue: Running, asker: Asker) -> None:
    wrong = Asker(venue, secret="x" * 64)
    assert wrong.refused("GET", "account") == (
        400, -1022, "Signature for this request is not valid.",
    )  # fmt: skip
    assert Asker(venue, key="x" * 64).refused("GET", "account") == (
        401, -2015, "Invalid API-key, IP, or permissions for action.",
    )  # fmt: skip
    status, said, _ = asker.ask("GET", "/api/v3/account?timestamp=1&signature=00")
    assert (status, said) == (401, {"code": -2014, "msg": "API-key format invalid."})


def test_parameter_in_query_and_body_is_the_querys_and_both_are_signed(asker: Asker) -> None:
    query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=29000"
    body = f"quantity=0.01&price=1&timestamp={asker.now_ms}"
    mac = hmac.new(asker.secret.encode(), (query + body).encode(), "sha256").hexdigest()
    status, said, _ = asker.ask(
        "POST", f"/api/v3/order?{query}", f"{body}&signature={mac}", {"X-MBX-APIKEY": asker.key}
    )
    assert (status, said["price"], said["origQty"]) == (200, "29000.00000000", "0.01000000")


def test_too_many_open_orders_and_stops_are_refused(venue: Running, asker: Asker) -> None:
    for _ in range(5):
        asker.order("SELL", "STOP_LOSS", quantity="0.01", stopPrice=_price(asker, "0.9"))
    stop = {"side": "SELL", "type": "STOP_LOSS", "quantity": "0.01", "stopPrice": "28000"}
    assert asker.refused("POST", "order", symbol="BTCUSDT", **stop) == (
        400, -1013, "Filter failure: MAX_NUM_ALGO_ORDERS",
    )  # fmt: skip
    for _ in range(venue.service.market.max_open - 5):
        _limit(asker)
    assert asker.refused("POST", "order", symbol="BTCUSDT", **LIMIT)[1:] == (
        -1013, "Filter failure: MAX_NUM_ORDERS",
    )  # fmt: skip


# --- cancels and changes -------------------------------------------------------------------------


def test_cancel_has_an_id_of_its_own_and_works_once(asker: Asker) -> None:
    order = _limit(asker, newClientOrderId="a")
    said = asker.done(
        "DELETE", "order", symbol="BTCUSDT", orderId=order["orderId"], newClientOrderId="b"
    )
    assert (said["origClientOrderId"], said["clientOrderId"]) == ("a", "b")
    assert said["status"] == "CANCELED"
    for query in ({"orderId": order["orderId"]}, {"origClientOrderId": "a"}, {"orderId": 99}):
        assert asker.refused("DELETE", "order", symbol="BTCUSDT", **query) == (
            400, -2011, "Unknown order sent.",
        )  # fmt: skip
    assert asker.refused("DELETE", "order", symbol="BTCUSDT")[1:] == (
        -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
    )  # fmt: skip


def test_cancel_with_restrictions_spares_other_orders(asker: Asker) -> None:
    order = {"symbol": "BTCUSDT", "orderId": _limit(asker)["orderId"]}
    assert asker.refused(
        "DELETE", "order", cancelRestrictions="ONLY_PARTIALLY_FILLED", **order
    ) == (400, -2011, "Order was not canceled due to cancel restrictions.")
    assert asker.refused("DELETE", "order", cancelRestrictions="SOME", **order)[1] == -1145
    assert asker.done("DELETE", "order", cancelRestrictions="ONLY_NEW", **order)["status"] == (
        "CANCELED"
    )


def test_cancel_of_all_orders_is_by_symbol(asker: Asker) -> None:
    ids = [_limit(asker)["orderId"] for _ in range(3)]
    assert asker.refused("DELETE", "openOrders", symbol="ETHUSDT")[1] == -2011
    said = asker.done("DELETE", "openOrders", symbol="BTCUSDT")
    assert [row["orderId"] for row in said] == ids
    assert {row["status"] for row in said} == {"CANCELED"}
    assert asker.refused("DELETE", "openOrders", symbol="BTCUSDT")[1] == -2011


def _replaced(asker: Asker, mode: str, **params: object) -> tuple[int, dict[str, object]]:
    price = _price(asker, "0.97")
    sent = {"symbol": "BTCUSDT", **LIMIT, "price": price, "cancelReplaceMode": mode}
    status, said, _ = asker.signed("POST", "order/cancelReplace", **sent | params)
    assert isinstance(said, dict)
    return status, said


def test_replace_cancels_one_order_and_places_another(asker: Asker) -> None:
    old = _limit(asker)
    status, said = _replaced(asker, "STOP_ON_FAILURE", cancelOrderId=old["orderId"])
    assert status == 200
    assert (said["cancelResult"], said["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    (left,) = asker.done("GET", "openOrders")
    new = said["newOrderResponse"]
    assert isinstance(new, dict)
    assert left["orderId"] == new["orderId"] != old["orderId"]


def test_replace_that_fails_in_part_says_which_part(asker: Asker) -> None:
    status, said = _replaced(asker, "STOP_ON_FAILURE", cancelOrderId=77)
    assert (status, said["code"], said["msg"]) == (400, -2022, "Order cancel-replace failed.")
    assert said["data"] == {
        "cancelResult": "FAILURE",
        "newOrderResult": "NOT_ATTEMPTED",
        "cancelResponse": {"code": -2011, "msg": "Unknown order sent."},
        "newOrderResponse": None,
    }
    assert asker.done("GET", "openOrders") == []

    status, said = _replaced(asker, "ALLOW_FAILURE", cancelOrderId=77)
    data = said["data"]
    assert isinstance(data, dict)
    assert (status, said["code"]) == (409, -2021)
    assert (data["cancelResult"], data["newOrderResult"]) == ("FAILURE", "SUCCESS")
    (order,) = asker.done("GET", "openOrders")

    too_much = {"quantity": "900", "cancelOrderId": order["orderId"]}
    status, said = _replaced(asker, "STOP_ON_FAILURE", **too_much)
    data = said["data"]
    assert isinstance(data, dict)
    assert (status, said["code"], data["cancelResult"]) == (409, -2021, "SUCCESS")
    assert data["newOrderResponse"] == {
        "code": -2010, "msg": "Account has insufficient balance for requested action.",
    }  # fmt: skip
    status, said = _replaced(asker, "ALLOW_FAILURE", **too_much)
    assert (status, said["code"]) == (400, -2022)


def test_replace_checks_filters_before_it_cancels(asker: Asker) -> None:
    order = _limit(asker)
    status, said = _replaced(
        asker, "STOP_ON_FAILURE", cancelOrderId=order["orderId"], quantity="0.000001"
    )
    assert (status, said["code"]) == (400, -1013)
    assert len(asker.done("GET", "openOrders")) == 1
    assert _replaced(asker, "SOME", cancelOrderId=1)[1]["code"] == -1130
    assert _replaced(asker, "ALLOW_FAILURE")[1]["code"] == -1102


def test_amend_makes_an_order_smaller_and_nothing_else(asker: Asker) -> None:
    order = _limit(asker, newClientOrderId="a")
    named = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    said = asker.done(
        "PUT", "order/amend/keepPriority", newQty="0.004", newClientOrderId="b", **named
    )["amendedOrder"]
    assert (said["orderId"], said["qty"]) == (order["orderId"], "0.00400000")
    assert (said["origClientOrderId"], said["clientOrderId"]) == ("a", "b")
    held = Decimal(str(order["price"])) * Decimal("0.004")
    assert _balances(asker)["USDT"][1] == held

    def refused(quantity: str, **who: object) -> tuple[int, str]:
        return asker.refused("PUT", "order/amend/keepPriority", newQty=quantity, **who)[1:]

    assert refused("0.005", **named) == (-2038, "Order amend (quantity increase) is not supported.")
    assert refused("0.004", **named) == (
        -2038, "The requested action would change no state; rejecting.",
    )  # fmt: skip
    assert refused("0.0000001", **named) == (-1013, "Filter failure: LOT_SIZE")
    assert refused("0.001", symbol="BTCUSDT", orderId=99) == (-2038, "Unknown order sent.")


# --- the account and its limits ------------------------------------------------------------------


def test_account_and_commission_say_what_trades_cost(asker: Asker) -> None:
    account = asker.done("GET", "account", omitZeroBalances="true")
    assert account["commissionRates"]["taker"] == "0.00100000"
    assert account["makerCommission"] == 10
    rates = asker.done("GET", "account/commission", symbol="BTCUSDT")["standardCommission"]
    assert (rates["maker"], rates["buyer"]) == ("0.00100000", "0.00000000")
    asker.order("SELL", "MARKET", quantity="10")
    assert "BTC" not in {
        row["asset"] for row in asker.done("GET", "account", omitZeroBalances="true")["balances"]
    }


def test_limits_are_told_in_headers_and_end_in_429_and_418() -> None:
    market, _ = market_at(history=10)
    with running(market, limits=Limits(weight=50, orders=2)) as served:
        asker = Asker(served)
        params = {**LIMIT, "symbol": "BTCUSDT", "timestamp": market.clock.now_ns() // 10**6}
        _, _, headers = asker.signed("POST", "order", **params)
        assert headers["X-MBX-USED-WEIGHT-1M"] == "1"
        assert headers["X-MBX-ORDER-COUNT-10S"] == "1"
        asker.order("BUY", "MARKET", quantity="0.01")  # it fills, and counts no more
        assert [row["count"] for row in asker.done("GET", "rateLimit/order")] == [1, 1]
        asker.signed("POST", "order", **params)
        status, said, headers = asker.signed("POST", "order", **params)
        assert (status, said["code"]) == (429, -1015)
        assert "Retry-After" not in headers

        statuses, retries = [], []
        for _ in range(20):
            status, _, headers = asker.ask("GET", "/api/v3/ping")
            statuses.append(status)
            retries.append(headers.get("Retry-After"))
        assert statuses == sorted(statuses, key=[200, 429, 418].index)
        assert set(statuses) == {200, 429, 418}
        assert retries[-1] == "121"
        pass_time(served, 121.0)
        assert asker.ask("GET", "/api/v3/ping")[0] == 200
