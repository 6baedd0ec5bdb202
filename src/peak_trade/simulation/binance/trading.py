"""Orders and accounts: place, cancel, replace, change, and ask what became of them."""

from decimal import Decimal

from peak_trade.simulation.binance import order_shapes as shapes
from peak_trade.simulation.binance import refusals
from peak_trade.simulation.binance.accounts import no_discount, rates_of
from peak_trade.simulation.binance.decimals import text_of
from peak_trade.simulation.binance.order_entry import Entry, entry_of, translated
from peak_trade.simulation.binance.order_shapes import (
    BY_CLIENT,
    Json,
    milliseconds,
    status_of,
)
from peak_trade.simulation.binance.params import Params
from peak_trade.simulation.binance.refusals import Refusal
from peak_trade.simulation.binance.venue import Call, Venue, as_of
from peak_trade.simulation.market.account import Account
from peak_trade.simulation.market.listing import AskRefusedError
from peak_trade.simulation.market.orders import SimOrder

DAY_MS = 86_400_000
MOST_ROWS = 1_000

REPLACE_MODES = ("STOP_ON_FAILURE", "ALLOW_FAILURE")
_RESTRICTIONS = {"ONLY_NEW": "NEW", "ONLY_PARTIALLY_FILLED": "PARTIALLY_FILLED"}


# --- new orders ----------------------------------------------------------------------------------


def new_order(venue: Venue, call: Call) -> Json:
    """Place an order."""
    account = venue.account(call)
    entry = entry_of(venue, account, call.params)
    venue.limits.check_orders(account.name, venue.wall_s)
    return _placed(venue, account, entry)


def _placed(venue: Venue, account: Account, entry: Entry) -> Json:
    venue.limits.count_orders(account.name, 1, venue.wall_s)
    try:
        order = venue.market.place(account, entry.ask)
    except AskRefusedError as error:
        raise translated(error) from error
    if entry.response == "ACK":
        return shapes.ack(order)
    make = shapes.full if entry.response == "FULL" else shapes.result
    return make(order, is_working=venue.is_working(order))


def try_order(venue: Venue, call: Call) -> Json:
    """Say whether an order would be taken, without taking it."""
    account = venue.account(call)
    entry = entry_of(venue, account, call.params)
    try:
        venue.market.check(account, entry.ask)
    except AskRefusedError as error:
        raise translated(error) from error
    if not call.params.is_true("computeCommissionRates"):
        return {}
    listing = venue.market.listing(entry.ask.symbol)
    none = {"maker": text_of(Decimal(0)), "taker": text_of(Decimal(0))}
    return {
        "standardCommissionForOrder": rates_of(listing),
        "specialCommissionForOrder": none,
        "taxCommissionForOrder": none,
        "discount": no_discount(),
    }


# --- cancels and changes -------------------------------------------------------------------------


def cancel_order(venue: Venue, call: Call) -> Json:
    """Cancel an open order."""
    account, params = venue.account(call), call.params
    order = _open_order(venue, account, params, "orderId", "origClientOrderId")
    return _cancel(venue, account, order, params)


def _cancel(
    venue: Venue, account: Account, order: SimOrder, params: Params, name: str = "newClientOrderId"
) -> Json:
    only = params.text("cancelRestrictions")
    if only is not None and only not in _RESTRICTIONS:
        raise Refusal(-1145, "Invalid cancelRestrictions")
    if only is not None and status_of(order) != _RESTRICTIONS[only]:
        raise Refusal(-2011, "Order was not canceled due to cancel restrictions.")
    cancel_id = params.client_id(name) or venue.new_id()
    venue.cancel_ids[order.serial] = cancel_id
    try:
        venue.market.cancel(account, order, reason=BY_CLIENT)
    except AskRefusedError as error:
        raise refusals.unknown_order() from error
    if status_of(order) != "CANCELED":  # it was filled at that very moment
        raise refusals.unknown_order()
    return shapes.canceled(order, cancel_id, venue.market.now_ns)


def cancel_open_orders(venue: Venue, call: Call) -> list[Json]:
    """Cancel every open order of a symbol."""
    account, listing = venue.account(call), venue.listing(call.params)
    open_ = [o for o in account.open.values() if o.ask.symbol == listing.symbol]
    if not open_:
        raise refusals.unknown_order()
    none = Params([])
    return [_cancel(venue, account, order, none) for order in open_ if order.is_open]


def cancel_replace(venue: Venue, call: Call) -> Json:
    """Cancel an open order and place another; what came of both."""
    account, params = venue.account(call), call.params
    manner = params.need("cancelReplaceMode")
    if manner not in REPLACE_MODES:
        raise refusals.invalid("cancelReplaceMode")
    if "cancelOrderId" not in params and "cancelOrigClientOrderId" not in params:
        raise refusals.either("cancelOrigClientOrderId", "cancelOrderId")
    entry = entry_of(venue, account, params)
    venue.limits.check_orders(account.name, venue.wall_s)
    said: Json = {"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS"}
    try:
        order = _open_order(venue, account, params, "cancelOrderId", "cancelOrigClientOrderId")
        said["cancelResponse"] = _cancel(venue, account, order, params, "cancelNewClientOrderId")
    except Refusal as refused:
        said |= {"cancelResult": "FAILURE", "cancelResponse": refused.body()}
    is_canceled = said["cancelResult"] == "SUCCESS"
    if not is_canceled and manner == "STOP_ON_FAILURE":
        said |= {"newOrderResult": "NOT_ATTEMPTED", "newOrderResponse": None}
        raise Refusal(-2022, "Order cancel-replace failed.", data=said)
    try:
        said["newOrderResponse"] = _placed(venue, account, entry)
    except Refusal as refused:
        said |= {"newOrderResult": "FAILURE", "newOrderResponse": refused.body()}
    is_placed = said["newOrderResult"] == "SUCCESS"
    if is_canceled and is_placed:
        return said
    if not is_canceled and not is_placed:
        raise Refusal(-2022, "Order cancel-replace failed.", data=said)
    raise Refusal(-2021, "Order cancel-replace partially failed.", status=409, data=said)


def amend_order(venue: Venue, call: Call) -> Json:
    """Make an open order smaller; it keeps its place."""
    account, params = venue.account(call), call.params
    wanted = params.need_decimal("newQty")
    try:
        order = _open_order(venue, account, params, "orderId", "origClientOrderId")
    except Refusal as refused:
        if refused.code == -2011:
            raise Refusal(-2038, "Unknown order sent.") from refused
        raise
    venue.filters[order.ask.symbol].check_quantity(wanted)
    lots = int(wanted.scaleb(order.listing.lot_decimals))
    if lots > order.ask.lots:
        raise Refusal(-2038, "Order amend (quantity increase) is not supported.")
    if lots == order.ask.lots:
        raise Refusal(-2038, "The requested action would change no state; rejecting.")
    before_id = order.ask.client_id
    venue.earlier_ids[order.serial] = before_id
    new_id = params.client_id("newClientOrderId") or venue.new_id()
    try:
        venue.market.amend(account, order, lots=lots, client_id=new_id)
    except AskRefusedError as error:
        refusal = translated(error)
        raise refusal from error
    return shapes.amended(
        order, before_id, execution=venue.next_execution(), time_ns=venue.market.now_ns
    )


def _open_order(
    venue: Venue, account: Account, params: Params, id_name: str, client_name: str
) -> SimOrder:
    """The open order that a request names.

    Raises
    ------
    Refusal
        -1102 where it names none, -2011 where there is none.
    """
    found = _find(venue, account, params, id_name, client_name, is_open=True)
    if found is None:
        raise refusals.unknown_order()
    return found


def _find(
    venue: Venue,
    account: Account,
    params: Params,
    id_name: str,
    client_name: str,
    *,
    is_open: bool,
) -> SimOrder | None:
    """An order by its number, or by its client id: the newest of those that had it."""
    listing = venue.listing(params)
    serial, client_id = params.maybe_whole(id_name), params.text(client_name)
    if serial is None and client_id is None:
        raise refusals.either(client_name, id_name)
    for order in reversed(account.orders):
        if order.ask.symbol != listing.symbol or (is_open and not order.is_open):
            continue
        if serial is not None and order.serial != serial:
            continue
        if client_id is not None and order.ask.client_id != client_id:
            continue
        return order
    return None


# --- questions -----------------------------------------------------------------------------------


def query_order(venue: Venue, call: Call) -> Json:
    """What became of an order."""
    account = venue.account(call)
    found = _find(venue, account, call.params, "orderId", "origClientOrderId", is_open=False)
    seen = as_of(found, call.as_of_ns) if found else None
    if seen is None:
        raise refusals.no_such_order()
    return _queried(venue, seen)


def _queried(venue: Venue, order: SimOrder) -> Json:
    return shapes.queried(order, is_working=venue.is_working(order))


def _seen(account: Account, symbol: str, time_ns: int | None) -> list[SimOrder]:
    """An account's orders of a symbol (empty for all), as they stood at a time."""
    mine = (o for o in account.orders if symbol in ("", o.ask.symbol))
    return [seen for order in mine if (seen := as_of(order, time_ns)) is not None]


def open_orders(venue: Venue, call: Call) -> list[Json]:
    """Orders that are open, of a symbol or of all."""
    account = venue.account(call)
    symbol = venue.listing(call.params).symbol if "symbol" in call.params else ""
    found = _seen(account, symbol, call.as_of_ns)
    return [_queried(venue, order) for order in found if order.is_open]


def all_orders(venue: Venue, call: Call) -> list[Json]:
    """Orders of a symbol: from an id or a time on, else the last ones."""
    account, params = venue.account(call), call.params
    listing, limit = venue.listing(params), _limit(params)
    first, (start, stop) = params.maybe_whole("orderId"), _day_span(params)
    found = [
        order
        for order in _seen(account, listing.symbol, call.as_of_ns)
        if (first is None or order.serial >= first)
        and start <= milliseconds(order.created_ns) <= stop
    ]
    is_forward = first is not None or "startTime" in params
    chosen = found[:limit] if is_forward else found[-limit:]
    return [_queried(venue, order) for order in chosen]


def my_trades(venue: Venue, call: Call) -> list[Json]:
    """The account's own trades of a symbol: from an id or a time on, else the last ones."""
    account, params = venue.account(call), call.params
    listing, limit = venue.listing(params), _limit(params)
    first, order_id = params.maybe_whole("fromId"), params.maybe_whole("orderId")
    start, stop = _day_span(params)
    until_ns = call.as_of_ns
    found = [
        fill
        for fill in account.fills
        if fill.symbol == listing.symbol
        and (first is None or fill.serial >= first)
        and (order_id is None or fill.order == order_id)
        and start <= milliseconds(fill.time_ns) <= stop
        and (until_ns is None or fill.time_ns <= until_ns)
    ]
    is_forward = first is not None or "startTime" in params
    chosen = found[:limit] if is_forward else found[-limit:]
    return [shapes.my_trade(venue.market.order(account, fill.order), fill) for fill in chosen]


def _limit(params: Params) -> int:
    return params.whole("limit", 500, least=1, most=MOST_ROWS, is_capped=True)


def _day_span(params: Params) -> tuple[int, int]:
    """``startTime`` and ``endTime``, no more than a day apart where both are given."""
    start, stop = params.maybe_whole("startTime"), params.maybe_whole("endTime")
    if start is not None and stop is not None:
        if start > stop:
            raise Refusal(-1023, "Start time is greater than end time.")
        if stop - start > DAY_MS:
            raise Refusal(-1127, "More than 24 hours between startTime and endTime.")
    return start or 0, 2**63 if stop is None else stop
