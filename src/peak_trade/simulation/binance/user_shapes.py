"""What an account is told of its own orders and balances, in Binance's words."""

from collections.abc import Iterable

from peak_trade.simulation.binance.order_shapes import (
    NO_LIST,
    Json,
    fee_of,
    force_of,
    milliseconds,
    money_of,
    price_of,
    side_of,
    size_of,
    type_of,
    venue_symbol_of,
)
from peak_trade.simulation.market.orders import SimFill, SimOrder

NO_TRADE = -1


def execution_report(
    order: SimOrder,
    execution: str,
    status: str,
    *,
    fill: SimFill | None,
    serial: int,
    time_ns: int,
    client_id: str,
    original_id: str = "",
    is_working: bool = True,
    expiry: str = "",
) -> Json:
    """What became of an order.

    Parameters
    ----------
    order : SimOrder
        Which.
    execution, status : str
        What happened (``x``: NEW, TRADE, CANCELED, EXPIRED, REPLACED), and where it stands now (``X``).
    fill : SimFill, optional
        The trade, where it was one.
    serial : int
        Number of the report.
    time_ns : int
        When.
    client_id, original_id : str
        The order's client id; for a cancel or a change, its own id and the order's before.
    is_working : bool
        Whether the order is on the book.
    expiry : str
        Why it expired.
    """
    listing, ask = order.listing, order.ask
    now_ms = milliseconds(time_ns)
    done = [one for one in order.fills if fill is None or one.serial <= fill.serial]
    spent = sum(one.cost for one in done)
    said: Json = {
        "e": "executionReport",
        "E": now_ms,
        "s": venue_symbol_of(listing),
        "c": client_id,
        "S": side_of(ask.side),
        "o": type_of(ask),
        "f": force_of(ask),
        "q": size_of(listing, ask.lots),
        "p": price_of(listing, ask.limit_ticks),
        "P": price_of(listing, ask.trigger_ticks),
        "F": size_of(listing, 0),
        "g": NO_LIST,
        "C": original_id,
        "x": execution,
        "X": status,
        "r": "NONE",
        "i": order.serial,
        "l": size_of(listing, fill.lots if fill else 0),
        "z": size_of(listing, sum(one.lots for one in done)),
        "L": price_of(listing, fill.ticks if fill else 0),
        "n": fee_of(order, fill) if fill else "0",
        "N": fill.fee_asset if fill else None,
        "T": now_ms,
        "t": fill.serial if fill else NO_TRADE,
        "I": serial,
        "w": is_working and status in ("NEW", "PARTIALLY_FILLED"),
        "m": bool(fill and fill.is_maker),
        "M": bool(fill),
        "O": milliseconds(order.created_ns),
        "Z": money_of(spent, listing.quote_decimals),
        "Y": money_of(fill.cost if fill else 0, listing.quote_decimals),
        "Q": money_of(ask.quote_atoms, listing.quote_decimals),
    }
    if is_working:
        said["W"] = milliseconds(order.created_ns)
    said["V"] = "NONE"
    return said | {"eR": expiry} if expiry else said


def position_event(balances: Iterable[tuple[str, str, str]], time_ns: int) -> Json:
    """Balances that changed: asset, what is free, what is locked."""
    now_ms = milliseconds(time_ns)
    return {
        "e": "outboundAccountPosition",
        "E": now_ms,
        "u": now_ms,
        "B": [{"a": asset, "f": free, "l": locked} for asset, free, locked in balances],
    }


def balance_event(asset: str, change: str, time_ns: int) -> Json:
    """A deposit or a withdrawal."""
    now_ms = milliseconds(time_ns)
    return {"e": "balanceUpdate", "E": now_ms, "a": asset, "d": change, "T": now_ms}
