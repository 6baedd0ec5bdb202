"""New orders: what was asked becomes what the market takes, or is refused in Binance's words."""

from dataclasses import dataclass
from decimal import Decimal

from peak_trade.domain.order import TimeInForce
from peak_trade.simulation.binance import refusals
from peak_trade.simulation.binance.decimals import PLACES, places_of
from peak_trade.simulation.binance.filters import ALGO_TYPES, Asked
from peak_trade.simulation.binance.order_shapes import KINDS, type_of
from peak_trade.simulation.binance.params import Params
from peak_trade.simulation.binance.refusals import Refusal
from peak_trade.simulation.binance.venue import Venue
from peak_trade.simulation.market.account import Account
from peak_trade.simulation.market.listing import AskRefusedError, Listing
from peak_trade.simulation.market.listing import Refusal as Why
from peak_trade.simulation.market.orders import Ask

NEEDS = {
    "LIMIT": ("timeInForce", "quantity", "price"),
    "LIMIT_MAKER": ("quantity", "price"),
    "MARKET": (),
    "STOP_LOSS": ("quantity", "stopPrice"),
    "STOP_LOSS_LIMIT": ("timeInForce", "quantity", "price", "stopPrice"),
    "TAKE_PROFIT": ("quantity", "stopPrice"),
    "TAKE_PROFIT_LIMIT": ("timeInForce", "quantity", "price", "stopPrice"),
}
"""What each type of order must come with."""

ORDER_PARAMS = frozenset({
    "symbol", "side", "type", "timeInForce", "quantity", "quoteOrderQty", "price", "stopPrice",
    "newClientOrderId", "newOrderRespType", "icebergQty", "trailingDelta",
    "selfTradePreventionMode",
})  # fmt: skip
"""Everything that an order may come with."""

RESPONSES = ("ACK", "RESULT", "FULL")

_NOT_SUPPORTED = {
    "icebergQty": "Iceberg orders are not supported for this symbol.",
    "trailingDelta": "Trailing stop orders are not supported for this symbol.",
}
_FORCES = {force.name: force for force in (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)}
_REFUSED = {
    Why.NO_FUNDS: refusals.INSUFFICIENT_BALANCE,
    Why.POST_ONLY: refusals.WOULD_MATCH,
    Why.DUPLICATE_CLIENT_ID: refusals.DUPLICATE,
    Why.IS_CLOSED: "Market is closed.",
    Why.UNKNOWN_ORDER: "Unknown order sent.",
}
_FILTERS = {
    Why.BAD_PRICE: "PRICE_FILTER",
    Why.BAD_SIZE: "LOT_SIZE",
    Why.BELOW_MIN_SIZE: "LOT_SIZE",
    Why.BELOW_MIN_COST: "NOTIONAL",
    Why.TOO_MANY_ORDERS: "MAX_NUM_ORDERS",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """An order that may be placed, and how its answer is to look."""

    ask: Ask
    response: str


def translated(error: AskRefusedError) -> Refusal:
    """What the market refuses, in Binance's words."""
    if error.why in _FILTERS:
        return refusals.filter_failure(_FILTERS[error.why])
    if error.why in _REFUSED:
        return refusals.rejected(_REFUSED[error.why])
    if error.why is Why.UNKNOWN_SYMBOL:
        return Refusal(-1121, "Invalid symbol.")
    return Refusal(-1013, "Unsupported order combination.")


def entry_of(venue: Venue, account: Account, params: Params) -> Entry:
    """Read a new order, and hold it to the rules of its symbol.

    Raises
    ------
    Refusal
        A parameter is missing, malformed or not for this type, or a rule is broken.
    """
    listing = venue.listing(params)
    side = {"BUY": 1, "SELL": -1}.get(params.need("side"))
    if side is None:
        raise Refusal(-1117, "Invalid side.")
    kind = params.need("type")
    if kind not in KINDS:
        raise Refusal(-1116, "Invalid orderType.")
    _check_shape(params, kind)
    asked = _asked(venue, account, listing, params, kind, side)
    venue.filters[listing.symbol].check(asked)
    _check_trigger(venue, listing, asked, side)
    ask = Ask(
        listing.symbol,
        side,
        KINDS[kind],
        lots=_whole(asked.quantity, listing.lot_decimals),
        limit_ticks=_whole(asked.price, listing.price_decimals) // listing.tick_units,
        trigger_ticks=_whole(asked.stop, listing.price_decimals) // listing.tick_units,
        quote_atoms=_quote_atoms(venue, listing, params),
        force=_FORCES[params.text("timeInForce") or "GTC"],
        post_only=kind == "LIMIT_MAKER",
        client_id=params.client_id("newClientOrderId") or venue.new_id(),
        fee_in="received",
    )
    return Entry(ask, _response(params, kind))


def _check_shape(params: Params, kind: str) -> None:
    """Refuse an order that lacks what its type needs, or has what it does not take."""
    force = params.text("timeInForce")
    if force is not None and force not in _FORCES:
        raise Refusal(-1115, "Invalid timeInForce.")
    for name, message in _NOT_SUPPORTED.items():
        if params.decimal(name):
            raise Refusal(-1013, message)
    prevention = params.text("selfTradePreventionMode")
    if prevention not in (None, "NONE"):
        raise Refusal(-1013, "This symbol does not allow the specified self-trade prevention mode.")
    for name in NEEDS[kind]:
        params.need(name)
    if kind == "MARKET":
        if "quantity" not in params and "quoteOrderQty" not in params:
            raise refusals.either("quantity", "quoteOrderQty")
        if "quantity" in params and "quoteOrderQty" in params:
            raise refusals.not_required("quoteOrderQty")
    taken = (*NEEDS[kind], *(("quantity", "quoteOrderQty") if kind == "MARKET" else ()))
    for name in ("timeInForce", "price", "stopPrice", "quoteOrderQty"):
        if name in params and name not in taken:
            raise refusals.not_required(name)


def _asked(
    venue: Venue, account: Account, listing: Listing, params: Params, kind: str, side: int
) -> Asked:
    mine = [o for o in account.open.values() if o.ask.symbol == listing.symbol]
    return Asked(
        kind=kind,
        is_buy=side > 0,
        quantity=params.decimal("quantity"),
        price=params.decimal("price"),
        stop=params.decimal("stopPrice"),
        average=venue.average(listing),
        open_orders=len(mine),
        open_algos=sum(type_of(order.ask) in ALGO_TYPES for order in mine),
    )


def _check_trigger(venue: Venue, listing: Listing, asked: Asked, side: int) -> None:
    """Refuse a stop or a take-profit that the last price has reached already."""
    last = venue.market.trades(listing.symbol, limit=1)
    if asked.stop is None or not last:
        return
    price = Decimal(last[-1].ticks * listing.tick_units).scaleb(-listing.price_decimals)
    rises = (side > 0) == asked.kind.startswith("STOP_LOSS")
    if price >= asked.stop if rises else price <= asked.stop:
        raise refusals.rejected(refusals.WOULD_TRIGGER)


def _quote_atoms(venue: Venue, listing: Listing, params: Params) -> int:
    wanted = params.decimal("quoteOrderQty")
    if wanted is None:
        return 0
    if places_of(wanted) > min(PLACES, listing.quote_decimals):
        raise refusals.too_precise("quoteOrderQty")
    if wanted <= 0 or wanted < venue.filters[listing.symbol].min_notional:
        raise refusals.filter_failure("NOTIONAL")
    return _whole(wanted, listing.quote_decimals)


def _whole(number: Decimal | None, decimals: int) -> int:
    return 0 if number is None else int(number.scaleb(decimals))


def _response(params: Params, kind: str) -> str:
    asked = params.text("newOrderRespType")
    if asked is None:
        return "FULL" if kind in ("MARKET", "LIMIT") else "ACK"
    if asked not in RESPONSES:
        raise Refusal(-1136, "Invalid newOrderRespType.")
    return asked
