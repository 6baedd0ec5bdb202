"""Checks 10 to 18: the price of an order, its size, what it leads to, and what was lost."""

import math
from collections.abc import Callable

from peak_trade.domain.approval import Breach
from peak_trade.domain.order import Order, OrderKind
from peak_trade.kernels import limits as arithmetic
from peak_trade.risk.book import Book
from peak_trade.risk.case import Case

# --- 10: prices ------------------------------------------------------------------------------------


def reference(case: Case) -> Breach | None:
    """Whether there is no price to compare an order with."""
    for what, price in (("middle", case.mid), ("last good close", case.mark)):
        if not 0.0 < price < math.inf:
            detail = f"{case.symbol} has no {what} to compare with"
            return Breach("reference_price", 0.0, price, f"symbol:{case.symbol}", detail)
    if not 0.0 < case.unit < math.inf:
        detail = f"a lot of {case.symbol} has no value in the account's currency"
        return Breach("reference_price", 0.0, case.unit, f"symbol:{case.symbol}", detail)
    return None


def _asked_price(case: Case) -> tuple[float, float | None] | None:
    """The worst price that an order may trade at, and what it is compared with besides the market.

    None for what waits for a trigger and states no price.
    """
    order = case.order
    if order.kind is OrderKind.MARKET:
        return case.mid, None
    if order.kind is OrderKind.LIMIT:
        return order.price, None
    if order.kind is OrderKind.STOP_LIMIT:
        return order.limit_price, order.price
    return None


def _collar(case: Case, rule: str, share: float, market: float) -> Breach | None:
    asked = _asked_price(case)
    if asked is None:
        return None
    price, trigger = asked
    reference = market if trigger is None else trigger
    if not arithmetic.is_worse(case.side, price, reference, share):
        return None
    worst = reference * (1.0 + case.side * share)
    return case.breach(rule, worst, price, detail=f"a price against {reference:g}")


def collar_mid(case: Case) -> Breach | None:
    """Whether an order's price is much worse than the middle of the best prices."""
    return _collar(case, "collar_mid", case.limits.collar_mid, case.mid)


def collar_close(case: Case) -> Breach | None:
    """Whether an order's price is much worse than the last good close."""
    return _collar(case, "collar_close", case.limits.collar_close, case.mark)


# --- 11 and 12: the size of an order, and of a batch -----------------------------------------------


def _quantity(case: Case) -> float:
    return float(case.lots * case.book.lot_sizes.item(case.i))


def max_quantity(case: Case) -> Breach | None:
    """Whether an order's quantity is too large."""
    most, quantity = case.limits.max_quantity, abs(_quantity(case))
    return None if quantity <= most else case.breach("max_quantity", most, quantity)


def max_order(case: Case) -> Breach | None:
    """Whether an order is worth too much."""
    most = case.limits.max_order
    return None if case.value <= most else case.breach("max_order", most, case.value)


def max_participation(case: Case) -> Breach | None:
    """Whether an order is too much of the last bar's volume."""
    share = case.limits.max_participation
    return _volume(case, "max_participation", share, case.book.volumes.item(case.i))


def max_volume_share(case: Case) -> Breach | None:
    """Whether an order is too much of the average daily volume."""
    share = case.limits.max_volume_share
    return _volume(case, "max_volume_share", share, case.book.daily_volumes.item(case.i))


def _volume(case: Case, rule: str, share: float, volume: float) -> Breach | None:
    quantity = abs(_quantity(case))
    if not arithmetic.is_over_volume(share, quantity, volume):
        return None
    detail = f"of a volume of {volume:g}"
    return case.breach(rule, share, quantity / volume if volume else math.inf, detail=detail)


def max_batch(case: Case) -> Breach | None:
    """Whether all that came together is worth too much."""
    most, value = case.limits.max_batch, case.batch.value
    if value <= most or case.only_reduces:
        return None
    return case.breach("max_batch", most, value)


def parent(case: Case) -> Breach | None:
    """Whether an order is more than its parent has left, or its parent was refused."""
    order, left = case.order, case.proposal.parent_left
    if not order.parent:
        return None
    if case.batch.parents.get(order.parent) is False:
        return Breach("parent", 0.0, abs(order.lots), detail=f"{order.parent} was refused")
    if left is None or abs(order.lots) > left:
        detail = f"lots, its parent {order.parent} has {left or 0} left"
        return Breach("parent", left or 0.0, abs(order.lots), detail=detail)
    return None


# --- 13: own orders --------------------------------------------------------------------------------


def self_trade(case: Case) -> Breach | None:
    """Whether an order would meet one of our own."""
    own = _reach(case.order, case)
    if own is None or case.order.parent:  # it trades after its parent, at a better price
        return None
    for other in (*case.batch.working(case.i), *case.batch.orders):
        is_opposite = other.instrument == case.i and (other.lots > 0) != (case.side > 0)
        if not is_opposite or _is_bound(case, other):
            continue
        theirs = _reach(other, case)
        if theirs is None:
            continue
        bid, ask = (own, theirs) if case.side > 0 else (theirs, own)
        if not bid < ask:
            detail = f"it would trade with {other.client_id}"
            return Breach("self_trade", theirs, own, f"symbol:{case.symbol}", detail)
    return None


def _is_bound(case: Case, other: Order) -> bool:
    """Whether another order is not there when this one trades: replaced by it, or waiting for it."""
    replaces = case.proposal.replaces
    is_replaced = other.kind is OrderKind.MARKET and replaces * other.lots > 0
    return is_replaced or bool(other.parent)


def _reach(order: Order, case: Case) -> float | None:
    """The worst price that an order may trade at; None for what waits for a trigger."""
    if order.kind is OrderKind.LIMIT:
        return order.price
    if order.kind is OrderKind.MARKET:
        side = 1 if order.lots > 0 else -1
        return case.mid * (1.0 + side * case.limits.market_reach)
    return None


# --- 14 to 16: what is held ------------------------------------------------------------------------


def max_position(case: Case) -> Breach | None:
    """Whether an order leads to a position that is too large for the equity."""
    share, equity = case.limits.max_position, case.book.equity
    before, after = abs(case.before), abs(case.after)
    if not arithmetic.exceeds(share * equity, before, after):
        return None
    return case.breach("max_position", share, after / equity if equity else math.inf)


def max_position_value(case: Case) -> Breach | None:
    """Whether an order leads to a position that is worth too much."""
    most, after = case.limits.max_position_value, abs(case.after)
    if not arithmetic.exceeds(most, abs(case.before), after):
        return None
    return case.breach("max_position_value", most, after)


def reduce_only(case: Case) -> Breach | None:
    """Whether an order that says it only reduces could do anything else."""
    why = case.broken_promise
    return Breach("reduce_only", 0.0, abs(case.order.lots), detail=why) if why else None


def _gross_after(case: Case) -> float:
    return case.batch.gross + (abs(case.after) - abs(case.before))


def max_gross(case: Case) -> Breach | None:
    """Whether all positions together become too large."""
    share, equity, gross = case.limits.max_gross, case.book.equity, case.batch.gross
    after = _gross_after(case)
    if not case.grows or not arithmetic.exceeds(share * equity, gross, after):
        return None
    return case.breach("max_gross", share, after / equity if equity else math.inf)


def max_net(case: Case) -> Breach | None:
    """Whether long less short positions become too large."""
    share, equity, batch = case.limits.max_net, case.book.equity, case.batch
    net = batch.high if case.after > case.before else batch.low
    if not arithmetic.is_over_net(share * equity, case.before, case.after, net):
        return None
    after = abs(net + (case.after - case.before))
    return case.breach("max_net", share, after / equity if equity else math.inf)


def max_concentration(case: Case) -> Breach | None:
    """Whether the positions in one underlying become too large."""
    share, equity, batch = case.limits.max_concentration, case.book.equity, case.batch
    if not case.grows:
        return None
    before = 0.0
    for i in case.setting.kin_of(case.book.symbols).of(case.i):
        before += batch.worst_value(i)
    after = before + (abs(case.after) - abs(case.before))
    if not arithmetic.exceeds(share * equity, before, after):
        return None
    detail = f"of equity in {case.symbol.partition('/')[0]}"
    value = after / equity if equity else math.inf
    return case.breach("max_concentration", share, value, detail=detail)


def max_leverage(case: Case) -> Breach | None:
    """Whether positions become too large for the lower of equity and yesterday's."""
    most, book, gross = case.limits.max_leverage, case.book, case.batch.gross
    equity, after = min(book.equity, book.yesterday), _gross_after(case)
    if not case.grows or not arithmetic.exceeds(most * equity, gross, after):
        return None
    return case.breach("max_leverage", most, after / equity if equity > 0 else math.inf)


def buying_power(case: Case) -> Breach | None:
    """Whether an order could not be paid for."""
    batch, equity = case.batch, case.book.equity
    power = (1.0 + case.limits.max_borrowed) * equity - batch.held_value
    claims = batch.open_claims + case.cost
    if not case.grows or claims <= power:
        return None
    detail = "what orders may take against what is there"
    return case.breach("buying_power", power, claims, name="max_borrowed", detail=detail)


# --- 17 and 18: losses -----------------------------------------------------------------------------


def daily_loss(limit: float, book: Book) -> float | None:
    """The loss since yesterday, marked at the last closes, where it is beyond its limit."""
    return _loss(limit, book.equity, book.yesterday)


def realised_loss(limit: float, book: Book) -> float | None:
    """The loss that the day's closed trades have made, where it is beyond its limit."""
    return _loss(limit, book.yesterday + book.realised, book.yesterday)


def drawdown(limit: float, book: Book) -> float | None:
    """The drawdown from the highest equity, where it is beyond its limit."""
    return _loss(limit, book.equity, book.peak)


def _loss(limit: float, now: float, reference: float) -> float | None:
    if not arithmetic.is_lost(limit, now, reference):
        return None
    return 1.0 - now / reference if reference else math.inf


LOSSES: tuple[tuple[str, Callable[[float, Book], float | None]], ...] = (
    ("max_daily_loss", daily_loss),
    ("max_realised_loss", realised_loss),
    ("max_drawdown", drawdown),
)
"""Losses that stop what grows and trip the kill switch, by the limit that they are measured by."""


def max_daily_loss(case: Case) -> Breach | None:
    """Whether the day's loss forbids that a position grows."""
    return _lost(case, "max_daily_loss", daily_loss)


def max_realised_loss(case: Case) -> Breach | None:
    """Whether the day's realised loss forbids that a position grows."""
    return _lost(case, "max_realised_loss", realised_loss)


def max_drawdown(case: Case) -> Breach | None:
    """Whether the drawdown forbids that a position grows."""
    return _lost(case, "max_drawdown", drawdown)


def _lost(case: Case, rule: str, measure: Callable[[float, Book], float | None]) -> Breach | None:
    if not case.grows:
        return None
    limit = getattr(case.limits, rule)
    lost = measure(limit, case.book)
    return None if lost is None else case.breach(rule, limit, lost)
