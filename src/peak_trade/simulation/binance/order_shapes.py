"""Orders and trades of an account in Binance's words: answers of REST and of the WebSocket API."""

from decimal import Decimal

from peak_trade.domain.order import OrderState, TimeInForce
from peak_trade.simulation.binance.decimals import text_of
from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.orders import Ask, Kind, SimFill, SimOrder

Json = dict[str, object]

MILLISECOND_NS = 1_000_000
BY_CLIENT = "User requested"
"""Why an order ended that its client cancelled."""

NO_LIST = -1
"""The ``orderListId`` of an order that belongs to no list."""

KINDS = {
    "MARKET": Kind.MARKET,
    "LIMIT": Kind.LIMIT,
    "LIMIT_MAKER": Kind.LIMIT,
    "STOP_LOSS": Kind.STOP,
    "STOP_LOSS_LIMIT": Kind.STOP_LIMIT,
    "TAKE_PROFIT": Kind.TAKE_PROFIT,
    "TAKE_PROFIT_LIMIT": Kind.TAKE_PROFIT_LIMIT,
}
"""Order types that are offered, and the market's kinds."""

_NAMES = {kind: name for name, kind in KINDS.items() if name != "LIMIT_MAKER"}

STATES = {
    OrderState.ACCEPTED: "NEW",
    OrderState.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderState.FILLED: "FILLED",
    OrderState.CANCELED: "CANCELED",
    OrderState.EXPIRED: "EXPIRED",
    OrderState.REJECTED: "REJECTED",
}


def milliseconds(time_ns: int) -> int:
    """A time as messages carry it."""
    return time_ns // MILLISECOND_NS


def venue_symbol_of(listing: Listing) -> str:
    """Binance's name of a symbol: ``BTCUSDT``."""
    return listing.base + listing.quote


def price_of(listing: Listing, ticks: float) -> str:
    """A price in ticks as text."""
    units = Decimal(repr(ticks)) * listing.tick_units
    return text_of(units.scaleb(-listing.price_decimals))


def size_of(listing: Listing, lots: int) -> str:
    """A size in lots as text."""
    return text_of(Decimal(lots).scaleb(-listing.lot_decimals))


def money_of(atoms: int, decimals: int) -> str:
    """An amount in atoms as text."""
    return text_of(Decimal(atoms).scaleb(-decimals))


def value_of(listing: Listing, product: float) -> str:
    """Ticks times lots as text, in the quote asset."""
    places = listing.price_decimals + listing.lot_decimals
    return text_of((Decimal(product) * listing.tick_units).scaleb(-places))


def type_of(ask: Ask) -> str:
    """An order's type: ``LIMIT``, ``LIMIT_MAKER``, ``STOP_LOSS_LIMIT``, ..."""
    return "LIMIT_MAKER" if ask.post_only else _NAMES[ask.kind]


def side_of(side: int) -> str:
    """``BUY`` or ``SELL``."""
    return "BUY" if side > 0 else "SELL"


def force_of(ask: Ask) -> str:
    """How long an order works: ``GTC``, ``IOC`` or ``FOK``."""
    is_plain = ask.kind is Kind.MARKET
    return TimeInForce.GTC.name if is_plain else ask.force.name


def status_of(order: SimOrder) -> str:
    """Where an order stands: ``NEW``, ``PARTIALLY_FILLED``, ...

    One that the client did not cancel, and that ended without being filled, has expired.
    """
    if order.state is OrderState.CANCELED and order.reason != BY_CLIENT:
        return "EXPIRED"
    return STATES[order.state]


def _quote_wanted(order: SimOrder) -> str:
    return money_of(order.ask.quote_atoms, order.listing.quote_decimals)


def _figures(order: SimOrder) -> Json:
    """What is asked and what was done: in every answer but the shortest."""
    listing, ask = order.listing, order.ask
    return {
        "price": price_of(listing, ask.limit_ticks),
        "origQty": size_of(listing, ask.lots),
        "executedQty": size_of(listing, order.filled_lots),
        "origQuoteOrderQty": _quote_wanted(order),
        "cummulativeQuoteQty": money_of(order.cost, listing.quote_decimals),
        "status": status_of(order),
        "timeInForce": force_of(ask),
        "type": type_of(ask),
        "side": side_of(ask.side),
    }


def ack(order: SimOrder) -> Json:
    """The shortest answer to a new order."""
    return {
        "symbol": venue_symbol_of(order.listing),
        "orderId": order.serial,
        "orderListId": NO_LIST,
        "clientOrderId": order.ask.client_id,
        "transactTime": milliseconds(order.created_ns),
    }


def result(order: SimOrder, *, is_working: bool) -> Json:
    """The answer to a new order, without its fills."""
    said = ack(order) | _figures(order)
    if order.ask.kind.has_trigger:
        said["stopPrice"] = price_of(order.listing, order.ask.trigger_ticks)
    said["workingTime"] = milliseconds(order.created_ns) if is_working else -1
    said["selfTradePreventionMode"] = "NONE"
    return said


def full(order: SimOrder, *, is_working: bool) -> Json:
    """The answer to a new order, with the fills it had at once."""
    return result(order, is_working=is_working) | {"fills": [_part(order, f) for f in order.fills]}


def _part(order: SimOrder, fill: SimFill) -> Json:
    return {
        "price": price_of(order.listing, fill.ticks),
        "qty": size_of(order.listing, fill.lots),
        "commission": fee_of(order, fill),
        "commissionAsset": fill.fee_asset,
        "tradeId": fill.serial,
    }


def fee_of(order: SimOrder, fill: SimFill) -> str:
    """What a fill cost beside its price, in the asset it was taken from."""
    listing = order.listing
    is_quote = fill.fee_asset == listing.quote
    return money_of(fill.fee, listing.quote_decimals if is_quote else listing.base_decimals)


def canceled(order: SimOrder, cancel_id: str, time_ns: int) -> Json:
    """The answer to a cancel: ``clientOrderId`` is the cancel's own."""
    return {
        "symbol": venue_symbol_of(order.listing),
        "origClientOrderId": order.ask.client_id,
        "orderId": order.serial,
        "orderListId": NO_LIST,
        "clientOrderId": cancel_id,
        "transactTime": milliseconds(time_ns),
        **_figures(order),
        **(
            {"stopPrice": price_of(order.listing, order.ask.trigger_ticks)}
            if order.ask.kind.has_trigger
            else {}
        ),
        "selfTradePreventionMode": "NONE",
    }


def queried(order: SimOrder, *, is_working: bool) -> Json:
    """The answer to a question for an order."""
    listing = order.listing
    figures = _figures(order)
    wanted = figures.pop("origQuoteOrderQty")
    return {
        "symbol": venue_symbol_of(listing),
        "orderId": order.serial,
        "orderListId": NO_LIST,
        "clientOrderId": order.ask.client_id,
        **figures,
        "stopPrice": price_of(listing, order.ask.trigger_ticks),
        "icebergQty": size_of(listing, 0),
        "time": milliseconds(order.created_ns),
        "updateTime": milliseconds(order.changed_ns),
        "isWorking": is_working,
        "workingTime": milliseconds(order.created_ns) if is_working else -1,
        "origQuoteOrderQty": wanted,
        "selfTradePreventionMode": "NONE",
    }


def amended(order: SimOrder, before_id: str, *, execution: int, time_ns: int) -> Json:
    """The answer to a change that keeps the order's place in the queue."""
    listing = order.listing
    return {
        "transactTime": milliseconds(time_ns),
        "executionId": execution,
        "amendedOrder": {
            "symbol": venue_symbol_of(listing),
            "orderId": order.serial,
            "orderListId": NO_LIST,
            "origClientOrderId": before_id,
            "clientOrderId": order.ask.client_id,
            "price": price_of(listing, order.ask.limit_ticks),
            "qty": size_of(listing, order.ask.lots),
            "executedQty": size_of(listing, order.filled_lots),
            "preventedQty": size_of(listing, 0),
            "quoteOrderQty": _quote_wanted(order),
            "cumulativeQuoteQty": money_of(order.cost, listing.quote_decimals),
            "status": status_of(order),
            "timeInForce": force_of(order.ask),
            "type": type_of(order.ask),
            "side": side_of(order.ask.side),
            "workingTime": milliseconds(order.created_ns),
            "selfTradePreventionMode": "NONE",
        },
    }


def my_trade(order: SimOrder, fill: SimFill) -> Json:
    """A trade of the account's own."""
    listing = order.listing
    return {
        "symbol": venue_symbol_of(listing),
        "id": fill.serial,
        "orderId": order.serial,
        "orderListId": NO_LIST,
        "price": price_of(listing, fill.ticks),
        "qty": size_of(listing, fill.lots),
        "quoteQty": money_of(fill.cost, listing.quote_decimals),
        "commission": fee_of(order, fill),
        "commissionAsset": fill.fee_asset,
        "time": milliseconds(fill.time_ns),
        "isBuyer": fill.side > 0,
        "isMaker": fill.is_maker,
        "isBestMatch": True,
    }
