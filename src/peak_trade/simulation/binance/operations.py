"""Everything that can be asked, once: REST and the WebSocket API share it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from peak_trade.simulation.binance import accounts, futures, reads, refusals, trading
from peak_trade.simulation.binance.order_entry import ORDER_PARAMS
from peak_trade.simulation.binance.params import Params
from peak_trade.simulation.binance.signing import SIGNED_WITH
from peak_trade.simulation.binance.venue import Call, Venue

Run = Callable[[Venue, Call], object]
Weight = Callable[[Params], int]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked.

    Attributes
    ----------
    run : callable
        Does it, and gives the answer.
    takes : frozenset of str
        Parameters that it reads, those of signing aside.
    weight : callable
        What it costs, by its parameters.
    is_signed : bool
        Whether it is asked of an account.
    is_order : bool
        Whether it places orders: its answers carry their count.
    """

    run: Run
    takes: frozenset[str] = frozenset()
    weight: Weight = field(default=lambda _: 1)
    is_signed: bool = False
    is_order: bool = False


def _flat(number: int) -> Weight:
    return lambda _: number


def _by_symbol(one: int, all_: int) -> Weight:
    return lambda params: one if "symbol" in params else all_


def _depth_weight(params: Params) -> int:
    limit = params.whole("limit", 100, most=5_000, is_capped=True)
    return next(weight for most, weight in _DEPTH_WEIGHTS if limit <= most)


_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1_000, 50), (5_000, 250))


def _ticker_weight(params: Params) -> int:
    if "symbol" in params:
        return 2
    named = (params.values().get("symbols") or "").count('"') // 2
    return 80 if named == 0 or named > 100 else 2 if named <= 20 else 40


def _read(run: Run, weight: int | Weight, *takes: str) -> Operation:
    cost = weight if callable(weight) else _flat(weight)
    return Operation(run, frozenset(takes), cost)


def _signed(run: Run, weight: int | Weight, *takes: str, is_order: bool = False) -> Operation:
    cost = weight if callable(weight) else _flat(weight)
    return Operation(run, frozenset(takes), cost, is_signed=True, is_order=is_order)


_CANCEL = ("symbol", "orderId", "origClientOrderId", "newClientOrderId", "cancelRestrictions")
_REPLACE = (
    "cancelReplaceMode", "cancelOrderId", "cancelOrigClientOrderId", "cancelNewClientOrderId",
    "cancelRestrictions", "orderRateLimitExceededMode",
)  # fmt: skip
_KLINES = ("symbol", "interval", "startTime", "endTime", "limit")
_PAGE = ("startTime", "endTime", "limit")

OPERATIONS = {
    "ping": _read(reads.ping, 1),
    "time": _read(reads.time, 1),
    "exchangeInfo": _read(
        reads.exchange_info, 20, "symbol", "symbols", "permissions", "showPermissionSets"
    ),
    "depth": _read(reads.depth, _depth_weight, "symbol", "limit"),
    "trades": _read(reads.trades, 25, "symbol", "limit"),
    "historicalTrades": _read(reads.historical_trades, 25, "symbol", "limit", "fromId"),
    "aggTrades": _read(reads.agg_trades, 4, "symbol", "fromId", *_PAGE),
    "klines": _read(reads.klines, 2, *_KLINES),
    "avgPrice": _read(reads.average_price, 2, "symbol"),
    "tickerPrice": _read(reads.price_tickers, _by_symbol(2, 4), "symbol", "symbols"),
    "tickerBook": _read(reads.book_tickers, _by_symbol(2, 4), "symbol", "symbols"),
    "ticker24h": _read(reads.day_tickers, _ticker_weight, "symbol", "symbols", "type"),
    "placeOrder": _signed(trading.new_order, 1, *ORDER_PARAMS, is_order=True),
    "testOrder": _signed(
        trading.try_order,
        lambda params: 20 if "computeCommissionRates" in params else 1,
        *ORDER_PARAMS,
        "computeCommissionRates",
    ),
    "cancelOrder": _signed(trading.cancel_order, 1, *_CANCEL),
    "queryOrder": _signed(trading.query_order, 4, "symbol", "orderId", "origClientOrderId"),
    "openOrders": _signed(trading.open_orders, _by_symbol(6, 80), "symbol"),
    "cancelOpenOrders": _signed(trading.cancel_open_orders, 1, "symbol"),
    "allOrders": _signed(trading.all_orders, 20, "symbol", "orderId", *_PAGE),
    "cancelReplace": _signed(
        trading.cancel_replace, 1, *ORDER_PARAMS, *_REPLACE, is_order=True
    ),
    "amendOrder": _signed(
        trading.amend_order, 4, "symbol", "orderId", "origClientOrderId", "newClientOrderId", "newQty"
    ),
    "account": _signed(accounts.account_status, 20, "omitZeroBalances"),
    "myTrades": _signed(
        trading.my_trades,
        lambda params: 5 if "orderId" in params else 20,
        "symbol", "orderId", "fromId", *_PAGE,
    ),
    "orderCounts": _signed(accounts.order_counts, 40),
    "commission": _signed(accounts.commission, 20, "symbol"),
    "coins": _signed(accounts.coins, 10),
    "marginPairs": _signed(accounts.margin_pairs, 1),
    "tradeFees": _signed(accounts.trade_fees, 1, "symbol"),
    "contracts": _read(futures.contracts, 1),
    "noContracts": _read(futures.no_contracts, 1),
    "fundingRates": _read(futures.funding_rates, 1, "symbol", *_PAGE),
    "premiumIndex": _read(futures.premium_index, 1, "symbol"),
}  # fmt: skip
"""What can be asked, by name."""

SPOT = "/api/v3"

ROUTES = {
    ("GET", f"{SPOT}/ping"): "ping",
    ("GET", f"{SPOT}/time"): "time",
    ("GET", f"{SPOT}/exchangeInfo"): "exchangeInfo",
    ("GET", f"{SPOT}/depth"): "depth",
    ("GET", f"{SPOT}/trades"): "trades",
    ("GET", f"{SPOT}/historicalTrades"): "historicalTrades",
    ("GET", f"{SPOT}/aggTrades"): "aggTrades",
    ("GET", f"{SPOT}/klines"): "klines",
    ("GET", f"{SPOT}/avgPrice"): "avgPrice",
    ("GET", f"{SPOT}/ticker/price"): "tickerPrice",
    ("GET", f"{SPOT}/ticker/bookTicker"): "tickerBook",
    ("GET", f"{SPOT}/ticker/24hr"): "ticker24h",
    ("POST", f"{SPOT}/order"): "placeOrder",
    ("POST", f"{SPOT}/order/test"): "testOrder",
    ("GET", f"{SPOT}/order"): "queryOrder",
    ("DELETE", f"{SPOT}/order"): "cancelOrder",
    ("GET", f"{SPOT}/openOrders"): "openOrders",
    ("DELETE", f"{SPOT}/openOrders"): "cancelOpenOrders",
    ("GET", f"{SPOT}/allOrders"): "allOrders",
    ("POST", f"{SPOT}/order/cancelReplace"): "cancelReplace",
    ("PUT", f"{SPOT}/order/amend/keepPriority"): "amendOrder",
    ("GET", f"{SPOT}/account"): "account",
    ("GET", f"{SPOT}/myTrades"): "myTrades",
    ("GET", f"{SPOT}/rateLimit/order"): "orderCounts",
    ("GET", f"{SPOT}/account/commission"): "commission",
    ("GET", "/sapi/v1/capital/config/getall"): "coins",
    ("GET", "/sapi/v1/margin/allPairs"): "marginPairs",
    ("GET", "/sapi/v1/margin/isolated/allPairs"): "marginPairs",
    ("GET", "/sapi/v1/asset/tradeFee"): "tradeFees",
    ("GET", "/fapi/v1/ping"): "ping",
    ("GET", "/fapi/v1/time"): "time",
    ("GET", "/fapi/v1/exchangeInfo"): "contracts",
    ("GET", "/fapi/v1/klines"): "klines",
    ("GET", "/fapi/v1/fundingRate"): "fundingRates",
    ("GET", "/fapi/v1/premiumIndex"): "premiumIndex",
    ("GET", "/dapi/v1/exchangeInfo"): "noContracts",
}
"""REST: method and path, and what they ask."""

METHODS = {
    "ping": "ping",
    "time": "time",
    "exchangeInfo": "exchangeInfo",
    "depth": "depth",
    "trades.recent": "trades",
    "trades.historical": "historicalTrades",
    "trades.aggregate": "aggTrades",
    "klines": "klines",
    "avgPrice": "avgPrice",
    "ticker.price": "tickerPrice",
    "ticker.book": "tickerBook",
    "ticker.24hr": "ticker24h",
    "order.place": "placeOrder",
    "order.test": "testOrder",
    "order.status": "queryOrder",
    "order.cancel": "cancelOrder",
    "order.cancelReplace": "cancelReplace",
    "order.amend.keepPriority": "amendOrder",
    "openOrders.status": "openOrders",
    "openOrders.cancelAll": "cancelOpenOrders",
    "allOrders": "allOrders",
    "account.status": "account",
    "account.commission": "commission",
    "account.rateLimits.orders": "orderCounts",
    "myTrades": "myTrades",
}
"""The WebSocket API: its methods, and what they ask."""


def found(name: str | None) -> Operation:
    """What can be asked by a name.

    Raises
    ------
    Refusal
        -1020 where the venue does not offer it.
    """
    if name is None:
        raise refusals.unsupported()
    return OPERATIONS[name]


def check_params(operation: Operation, params: Params, *more: str) -> None:
    """Refuse parameters that an operation does not read; ``more`` come with the transport."""
    known = operation.takes | set(more)
    if operation.is_signed:
        known |= set(SIGNED_WITH)
    params.check_known(known, is_signed=operation.is_signed)
