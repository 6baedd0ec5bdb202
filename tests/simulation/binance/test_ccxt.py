"""ccxt and ccxt.pro, as they are but for their addresses, work against the simulator."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import ccxt
import ccxt.pro
import pytest
from simulation.binance.worlds import Asker, made_market, market_at

from peak_trade.domain.errors import ConfigError
from peak_trade.simulation.binance.limits import Limits
from peak_trade.simulation.binance.server import Running, point, running
from peak_trade.simulation.frames import MessageFaults

SYMBOL = "BTC/USDT"


@pytest.fixture(scope="module")
def venue() -> Iterator[Running]:
    with running(made_market(speed=60.0), limits=Limits(weight=10**6)) as served:
        yield served


@pytest.fixture
def exchange(venue: Running) -> Iterator[Any]:
    made = ccxt.binance({"apiKey": venue.key, "secret": venue.secret, "enableRateLimit": False})
    point(made, venue.urls)
    yield made
    made.session.close()


def _worked(venue: Running, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Do something with ccxt.pro, which is closed behind it."""

    async def worked() -> Any:
        made = ccxt.pro.binance(
            {"apiKey": venue.key, "secret": venue.secret, "enableRateLimit": False}
        )
        point(made, venue.urls)
        try:
            return await asyncio.wait_for(work(made), 60)
        finally:
            await made.close()

    return asyncio.run(worked())


def test_every_address_of_ccxt_is_the_simulators(venue: Running) -> None:
    made = ccxt.pro.binance()
    point(made, venue.urls)

    def addresses(found: object) -> list[str]:
        if isinstance(found, dict):
            return [text for value in found.values() for text in addresses(value)]
        return [str(found)]

    host = venue.urls.rest.removeprefix("http://")
    assert all(text.partition("://")[2].startswith(host) for text in addresses(made.urls["api"]))
    made.urls = {}
    with pytest.raises(ConfigError, match="no ccxt addresses"):
        point(made, venue.urls)


def test_ccxt_reads_markets_with_their_rules(exchange: Any) -> None:
    markets = exchange.load_markets()
    assert set(markets) == {SYMBOL, "ETH/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT"}
    spot = markets[SYMBOL]
    assert spot["precision"]["price"] == 0.01
    assert spot["precision"]["amount"] == 0.00001
    assert spot["limits"]["cost"]["min"] == 5.0
    assert spot["active"] is True
    assert markets["BTC/USDT:USDT"]["swap"] is True
    assert {"BTC", "ETH", "USDT"} <= set(exchange.currencies)


def test_ccxt_reads_public_data(venue: Running, exchange: Any) -> None:
    rows = exchange.fetch_ohlcv(SYMBOL, "1m", limit=50)
    raw = Asker(venue).get(
        "klines", symbol="BTCUSDT", interval="1m", startTime=rows[0][0], limit=40
    )
    assert rows[:40] == [[row[0], *(float(value) for value in row[1:6])] for row in raw]
    since = rows[10][0]
    assert exchange.fetch_ohlcv(SYMBOL, "1m", since, 3) == rows[10:13]

    trades = exchange.fetch_trades(SYMBOL, limit=20)
    assert len(trades) == 20
    assert {trade["side"] for trade in trades} <= {"buy", "sell"}
    book = exchange.fetch_order_book(SYMBOL, 10)
    assert book["bids"][0][0] < book["asks"][0][0]
    assert book["nonce"] >= int(trades[-1]["id"])
    ticker = exchange.fetch_ticker(SYMBOL)
    assert ticker["bid"] < ticker["ask"]
    assert set(exchange.fetch_tickers()) == {SYMBOL, "ETH/USDT"}
    assert exchange.fetch_bids_asks([SYMBOL])[SYMBOL]["bid"] > 0
    assert abs(exchange.fetch_time() - ticker["timestamp"]) < 60_000 * 60


def test_ccxt_reads_funding_rates_and_bars_of_perpetuals(exchange: Any) -> None:
    perpetual = "BTC/USDT:USDT"
    assert exchange.fetch_funding_rate(perpetual)["fundingRate"] is not None
    history = exchange.fetch_funding_rate_history(perpetual)
    assert all(row["timestamp"] % 28_800_000 == 0 for row in history)
    assert len(exchange.fetch_ohlcv(perpetual, "1m", limit=5)) == 5


def test_ccxt_places_lists_edits_and_cancels_orders(exchange: Any) -> None:
    before = exchange.fetch_balance()
    bought = exchange.create_order(SYMBOL, "market", "buy", 0.01)
    assert (bought["status"], bought["filled"]) == ("closed", 0.01)
    assert bought["fee"]["currency"] == "BTC"
    after = exchange.fetch_balance()
    assert after["BTC"]["total"] == pytest.approx(before["BTC"]["total"] + 0.01 * 0.999)
    assert after["USDT"]["total"] == pytest.approx(before["USDT"]["total"] - bought["cost"])

    last = bought["average"]
    limit = exchange.create_order(SYMBOL, "limit", "buy", 0.01, last * 0.8)
    maker = exchange.create_order(SYMBOL, "limit", "buy", 0.01, last * 0.7, {"postOnly": True})
    stop = exchange.create_order(SYMBOL, "market", "sell", 0.01, None, {"stopPrice": last * 0.5})
    take = exchange.create_order(
        SYMBOL, "limit", "sell", 0.01, last * 2, {"takeProfitPrice": last * 2}
    )
    assert [one["type"] for one in (limit, maker, stop, take)] == [
        "limit", "limit", "market", "limit",
    ]  # fmt: skip
    assert (maker["postOnly"], stop["triggerPrice"]) == (True, pytest.approx(last * 0.5, rel=1e-6))
    listed = [one["id"] for one in exchange.fetch_open_orders(SYMBOL)]
    assert listed == [limit["id"], maker["id"], stop["id"], take["id"]]

    edited = exchange.edit_order(limit["id"], SYMBOL, "limit", "buy", 0.02, last * 0.75)
    assert (edited["amount"], edited["status"]) == (0.02, "open")
    assert exchange.fetch_order(limit["id"], SYMBOL)["status"] == "canceled"
    assert exchange.cancel_order(maker["id"], SYMBOL)["status"] == "canceled"
    assert len(exchange.cancel_all_orders(SYMBOL)) == 3
    assert exchange.fetch_open_orders(SYMBOL) == []
    closed = exchange.fetch_closed_orders(SYMBOL)
    assert bought["id"] in [one["id"] for one in closed]
    trades = exchange.fetch_my_trades(SYMBOL)
    assert trades[-1]["order"] == bought["id"]
    assert trades[-1]["takerOrMaker"] == "taker"
    assert exchange.fetch_trading_fee(SYMBOL)["taker"] == 0.001


def test_ccxt_knows_the_simulators_refusals(venue: Running, exchange: Any) -> None:
    last = exchange.fetch_ticker(SYMBOL)["last"]
    with pytest.raises(ccxt.InsufficientFunds):
        exchange.create_order(SYMBOL, "limit", "buy", 100, last * 0.9)
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order("987654", SYMBOL)
    with pytest.raises(ccxt.OrderNotFound):
        exchange.fetch_order("987654", SYMBOL)
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        exchange.create_order(SYMBOL, "limit", "buy", 0.01, last * 1.1, {"postOnly": True})
    with pytest.raises(ccxt.BadRequest, match="NOTIONAL"):
        exchange.create_order(SYMBOL, "limit", "buy", 0.00001, last * 0.9)
    with pytest.raises(ccxt.BadSymbol):
        exchange.public_get_depth({"symbol": "NOPE"})
    wrong = ccxt.binance({"apiKey": venue.key, "secret": "wrong", "enableRateLimit": False})
    point(wrong, venue.urls)
    with pytest.raises(ccxt.AuthenticationError):
        wrong.private_get_account()
    wrong.session.close()
    venue.service.wire.faults = MessageFaults(http_5xx=1.0)
    with pytest.raises(ccxt.NetworkError):
        exchange.fetch_order_book(SYMBOL)
    venue.service.wire.faults = MessageFaults(http_429=1.0)
    with pytest.raises(ccxt.DDoSProtection):
        exchange.fetch_order_book(SYMBOL)
    venue.service.wire.faults = MessageFaults()


def test_ccxt_refuses_a_clock_that_is_off() -> None:
    market, clock = market_at("2020-01-01")  # years behind: no clock of the venue's is near
    assert clock.now_ns() < 1_600_000_000 * 10**9
    with running(market) as served:
        late = ccxt.binance({"apiKey": served.key, "secret": served.secret})
        point(late, served.urls)
        with pytest.raises(ccxt.InvalidNonce):
            late.private_get_account()
        assert late.load_time_difference() > 0
        assert late.private_get_account()["canTrade"] is True
        late.session.close()


def test_ccxt_pro_watches_public_data(venue: Running) -> None:
    async def watch(made: Any) -> None:
        candles: dict[int, list[float]] = {}
        while len(candles) < 3:
            for row in await made.watch_ohlcv(SYMBOL, "1m"):
                candles[row[0]] = row
        raw = await made.fetch_ohlcv(SYMBOL, "1m", min(candles), 2)
        assert [candles[row[0]] for row in raw] == raw  # those that have closed

        trades = await made.watch_trades(SYMBOL)
        assert trades[-1]["price"] > 0
        for _ in range(10):  # ccxt checks the chain of updates, and raises where it breaks
            book = await made.watch_order_book(SYMBOL, 10)
            assert book["bids"][0][0] < book["asks"][0][0]
        assert (await made.watch_ticker(SYMBOL))["last"] > 0
        assert (await made.watch_bids_asks([SYMBOL]))[SYMBOL]["ask"] > 0

    _worked(venue, watch)


def test_ccxt_pro_watches_orders_trades_and_balances(venue: Running) -> None:
    async def watch(made: Any) -> None:
        await made.load_markets()
        await made.authenticate()
        watched = asyncio.gather(
            made.watch_orders(SYMBOL), made.watch_my_trades(SYMBOL), made.watch_balance()
        )
        bought = await made.create_order(SYMBOL, "market", "buy", 0.01)
        orders, trades, balance = await watched
        assert orders[-1]["id"] == trades[-1]["order"] == bought["id"]
        assert trades[-1]["amount"] == 0.01
        assert trades[-1]["fee"]["currency"] == "BTC"
        assert balance["USDT"]["total"] == (await made.fetch_balance())["USDT"]["total"]

    _worked(venue, watch)


def test_ccxt_pro_trades_over_the_socket(venue: Running) -> None:
    async def trade(made: Any) -> None:
        await made.load_markets()
        last = (await made.fetch_ticker(SYMBOL))["last"]
        placed = await made.create_order_ws(SYMBOL, "limit", "buy", 0.01, last * 0.8)
        assert placed["status"] == "open"
        edited = await made.edit_order_ws(placed["id"], SYMBOL, "limit", "buy", 0.02, last * 0.7)
        assert edited["id"] != placed["id"]
        assert [one["id"] for one in await made.fetch_open_orders_ws(SYMBOL)] == [edited["id"]]
        assert (await made.fetch_order_ws(placed["id"], SYMBOL))["status"] == "canceled"
        assert (await made.cancel_order_ws(edited["id"], SYMBOL))["status"] == "canceled"
        assert len(await made.fetch_ohlcv_ws(SYMBOL, "1m", limit=2)) == 2
        assert (await made.fetch_trades_ws(SYMBOL, limit=2))[-1]["price"] > 0
        with pytest.raises(ccxt.InsufficientFunds):
            await made.create_order_ws(SYMBOL, "limit", "buy", 100, last * 0.8)

    _worked(venue, trade)


def test_ccxt_pro_notices_a_lost_frame_of_the_book() -> None:
    with running(made_market(speed=60.0), faults=MessageFaults(lose_frame=20)) as served:

        async def watch(made: Any) -> None:
            while True:
                await made.watch_order_book(SYMBOL)

        with pytest.raises(ccxt.ChecksumError):
            _worked(served, watch)
