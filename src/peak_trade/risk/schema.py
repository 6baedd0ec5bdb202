"""Check 1: whether something is an order at all, with every number in it a number."""

import math

from peak_trade.domain.order import Order, OrderKind, Reason, TimeInForce
from peak_trade.kernels.accounting import MAX_LOTS
from peak_trade.risk.book import Book, Proposal

MOST_LOTS = int(MAX_LOTS)
MOST_TICKS = 2**53
MOST_PRICE = 1e15
MOST_TIME_NS = 2**63 - 1
LONGEST_ID = 18
LONGEST_NAME = 200

_NO_PRICES = (None, None, None)
_ON_TICK = 1e-6
_K = OrderKind

# which of price, limit and trail each kind has: True must, False must not, None may
_PRICES: dict[OrderKind, tuple[bool | None, bool, bool]] = {
    _K.MARKET: (False, False, False),
    _K.STOP: (True, False, False),
    _K.LIMIT: (True, False, False),
    _K.STOP_LIMIT: (True, True, False),
    _K.TRAILING_STOP: (None, False, True),
    _K.TAKE_PROFIT: (True, False, False),
}


def fault_of(proposal: object, book: Book, *, is_backtest: bool = False) -> str:
    """What makes an order unfit to be looked at any further; empty where nothing does.

    Of whatever type and value the order's fields are, this raises nothing. A backtest's own orders
    may lie beside today's tick and order step: their levels were set before those changed.
    """
    if not isinstance(proposal, Proposal):
        return f"a proposal is expected, found {_shown(proposal)}"
    order = proposal.order
    if not _is_a(Order, order):
        return f"an order is expected, found {_shown(order)}"
    try:
        return (
            _fault_of_size(order, book, is_backtest=is_backtest)
            or _fault_of_words(order)
            or _fault_of_prices(order, book, is_backtest=is_backtest)
            or ("" if is_backtest else _fault_of_times(order, book))
            or _fault_of_proposal(proposal, book, is_backtest=is_backtest)
        )
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        return f"it cannot be read: {type(error).__name__}"


def _fault_of_size(order: Order, book: Book, *, is_backtest: bool) -> str:
    i, lots = order.instrument, order.lots
    if type(i) is not int or not 0 <= i < len(book.symbols):
        return f"instrument {_shown(i)} is none of the {len(book.symbols)}"
    if type(lots) is not int or lots == 0:
        return f"lots {_shown(lots)} is not a whole number other than 0"
    if abs(lots) + abs(int(book.held[i])) + int(book.buying[i]) + int(book.selling[i]) > MOST_LOTS:
        return f"lots {_shown(lots)} do not fit the books"
    if not is_backtest and lots % int(book.steps[i]):
        return f"lots {lots} is no multiple of the order step of {int(book.steps[i])}"
    return ""


def _fault_of_words(order: Order) -> str:
    name = order.client_id
    if type(name) is not str or not 1 <= len(name) <= LONGEST_ID:
        return f"client id {_shown(name)} is not a text of 1 to {LONGEST_ID} characters"
    if not (name.isascii() and name.isprintable() and " " not in name):
        return f"client id {_shown(name)} is not plain ASCII"
    for text in (order.group, order.parent, order.strategy):
        if type(text) is not str or len(text) > LONGEST_NAME:
            return f"a name {_shown(text)} is not a text of at most {LONGEST_NAME} characters"
    if order.parent == name:
        return "it waits for itself"
    if not (_is_a(_K, order.kind) and _is_a(Reason, order.reason)):
        return f"kind {_shown(order.kind)} or reason {_shown(order.reason)} is not known"
    if not (_is_a(bool, order.post_only) and _is_a(bool, order.reduce_only)):
        return "post_only or reduce_only is neither True nor False"
    return ""


def _fault_of_prices(order: Order, book: Book, *, is_backtest: bool) -> str:
    given = (order.price_ticks, order.limit_ticks, order.trail_ticks)
    tick, kind = order.tick, order.kind
    is_plain = kind is _K.MARKET and given == _NO_PRICES  # as most orders of a backtest are
    if is_plain and type(tick) is float and tick == 0.0 and math.copysign(1.0, tick) > 0:
        return "a market order is never post-only" if order.post_only else ""
    for what, ticks, wanted in zip(("price", "limit", "trail"), given, _PRICES[kind], strict=True):
        if ticks is None:
            if wanted:
                return f"a {kind.value} order needs a {what}"
            continue
        if wanted is False:
            return f"a {kind.value} order has no {what}"
        if type(ticks) is not int or abs(ticks) > MOST_TICKS:
            return f"{what} of {_shown(ticks)} ticks is not a whole number that counts them"
        if ticks <= 0 and not is_backtest:  # a level that is never reached may rest in a backtest
            return f"{what} of {_shown(ticks)} ticks is not above 0"
    if not (_is_a(float, tick) and 0.0 <= tick < math.inf and math.copysign(1.0, tick) > 0):
        return f"tick {_shown(tick)} is not a finite number"
    if given == _NO_PRICES:
        return "a market order is never post-only" if order.post_only else ""
    if tick == 0.0:
        return "the tick that its price counts is 0"
    if order.post_only and kind is not _K.LIMIT:
        return f"a {kind.value} order is never post-only"
    if is_backtest:
        return ""
    return _fault_of_grid([ticks for ticks in given if ticks is not None], tick, order, book)


def _fault_of_grid(given: list[int], tick: float, order: Order, book: Book) -> str:
    own = float(book.ticks[order.instrument])
    for ticks in given:
        price = ticks * tick
        if not price < MOST_PRICE:
            return f"a price of {price:g} is not below {MOST_PRICE:g}"
        if tick != own:
            steps = price / own
            whole = round(steps)  # what rounds to no tick at all is no price
            if whole < 1 or not abs(steps - whole) <= _ON_TICK * whole:
                return f"a price of {price:g} lies on no tick of {own:g}"
    return ""


def _fault_of_times(order: Order, book: Book) -> str:
    force, ends = order.time_in_force, order.expires_ns
    if type(force) is not TimeInForce:
        return f"time in force {_shown(force)} is not known"
    for what, time_ns in (("decided", order.decided_ns), ("expires", ends)):
        if type(time_ns) is not int or not 0 <= time_ns <= MOST_TIME_NS:
            return f"{what}_ns {_shown(time_ns)} is no time"
    if order.decided_ns > book.now_ns:
        return "it was decided after now"
    if (force is TimeInForce.GTD) != (ends > 0):
        return "a GTD order, and no other, says when it expires"
    if ends and ends <= book.now_ns:
        return "it has expired"
    if order.post_only and force in (TimeInForce.IOC, TimeInForce.FOK):
        return f"a post-only order cannot be {force.value}"
    return ""


def _fault_of_proposal(proposal: Proposal, book: Book, *, is_backtest: bool) -> str:
    replaces, left, i = proposal.replaces, proposal.parent_left, proposal.order.instrument
    if type(replaces) is not int or type(proposal.intent) is not str:
        return "what it replaces is not a whole number, or its intent no text"
    if len(proposal.intent) > LONGEST_NAME:
        return f"its intent has more than {LONGEST_NAME} characters"
    if left is not None and (type(left) is not int or not 0 <= left <= MOST_LOTS):
        return f"what its parent has left, {_shown(left)}, is not a whole number of lots"
    if is_backtest or replaces == 0:
        return ""
    there = int(book.buying[i]) if replaces > 0 else int(book.selling[i])
    if abs(replaces) > there:
        return f"it replaces {_shown(replaces)} lots, {there} are open on that side"
    return ""


def _is_a(kind: type, value: object) -> bool:
    """Whether a value is of a kind, whatever its declaration says."""
    return isinstance(value, kind)


def _shown(value: object) -> str:
    """A value for a message, of bounded length, whatever it is."""
    if type(value) is int:
        return str(value) if abs(value) < 10**20 else "a number of more than 20 digits"
    if type(value) in (bool, float, str):
        return repr(value)[:60]
    return f"a {type(value).__name__}"[:60]
