"""General orders that work at a venue: what is left of each, what ends it, what waits for what."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Protocol

from peak_trade.domain.event import OrderReport
from peak_trade.domain.ledger import Fill
from peak_trade.domain.order import Order, OrderKind, OrderState, TimeInForce
from peak_trade.kernels import match

MEETS, RESTS, WAITS = 0, 1, 2
"""How an order stands to the market: it takes what is there, rests at its limit, or waits for a trigger."""

NEVER_NS = 2**63 - 1
"""A time that does not come."""

KEPT = 4_096
"""How many orders that have ended are remembered, for cancels and children that come late."""

KINDS = {
    OrderKind.MARKET: match.MARKET,
    OrderKind.LIMIT: match.LIMIT,
    OrderKind.STOP: match.STOP,
    OrderKind.STOP_LIMIT: match.STOP_LIMIT,
    OrderKind.TRAILING_STOP: match.TRAILING_STOP,
    OrderKind.TAKE_PROFIT: match.TAKE_PROFIT,
}

_AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)
_NAN = float("nan")

Outcome = Fill | OrderReport


class Clearing(Protocol):
    """Who keeps the account that orders are filled for: positions, prices, cash."""

    @property
    def rejects(self) -> bool:
        """Whether an increase that cash does not pay in full is refused as a whole."""
        ...

    def position(self, instrument: int) -> int:
        """Signed lots held."""
        ...

    def worse(self, price: float, instrument: int, lots: int) -> float:
        """What an order of signed lots that meets the market at ``price`` is filled at."""
        ...

    def affordable(self, instrument: int, lots: int, price: float) -> int:
        """How many of signed lots the account can pay at a price, signed.

        What reduces the position is always paid; what goes beyond flat is paid from what is spendable
        once the reduction and its fee are booked.
        """
        ...

    def book(
        self,
        order: Order,
        lots: int,
        price: float,
        *,
        reference: float,
        rests: bool,
        at_open: bool,
        time_ns: int,
    ) -> Fill:
        """Book a fill of signed lots; ``reference`` is the price before the slip."""
        ...


class Working:
    """An order at the venue and how far it has come; lots are unsigned.

    ``cut`` are lots taken off it (OCO, a parent that filled less). ``level`` is the price at which the
    market acts on it, ``rises`` whether it must rise to it; NaN where nothing does.
    """

    __slots__ = (
        "active_ns", "ahead", "best", "children", "cut", "end_detail", "end_state", "ends_ns", "filled",
        "fills_whole", "has_arrived", "has_ended", "is_instant", "kind", "level", "limit", "lots",
        "order", "parent", "rises", "serial", "side", "since_ns", "stance", "through",
        "trail", "trigger",
    )  # fmt: skip

    def __init__(self, order: Order, *, serial: int, latency_ns: int, touch: bool) -> None:
        self.order, self.serial = order, serial
        self.kind = KINDS[order.kind]
        self.side = 1 if order.lots > 0 else -1
        self.lots = abs(order.lots)
        self.filled = self.cut = self.ahead = 0
        self.active_ns = order.decided_ns + latency_ns
        is_dated = order.time_in_force is TimeInForce.GTD
        self.ends_ns = order.expires_ns if is_dated else NEVER_NS
        self.end_state, self.end_detail = OrderState.EXPIRED, "its time has come"
        self.is_instant = order.time_in_force in _AT_ONCE
        self.fills_whole = order.time_in_force is TimeInForce.FOK
        self.has_arrived = self.has_ended = False
        self.since_ns = 0
        self.parent: Working | None = None
        self.children: list[Working] = []
        self.limit, self.through, self.trigger = order.limit_price, _NAN, _NAN
        self.best, self.trail = _NAN, 0.0
        if self.limit == self.limit:
            self.through = match.trades_through(self.side, self.limit, order.tick, touch)
        if self.kind == match.MARKET:
            self.stance = MEETS
        elif self.kind == match.LIMIT:
            self.stance = RESTS
        else:
            self.stance, self.trigger = WAITS, order.price
            if order.trail_ticks is not None:
                self.trail = order.trail_ticks * order.tick
        self.set_level()

    def set_level(self) -> None:
        """Note at which price the market acts on it, as it stands now."""
        if self.stance == WAITS:
            self.level = self.trigger
            self.rises = (self.side > 0) != (self.kind == match.TAKE_PROFIT)
        else:
            self.level = self.through if self.stance == RESTS else _NAN
            self.rises = self.side < 0

    @property
    def left(self) -> int:
        """Lots that may trade now: for a child no more than its parent has filled."""
        all_in, parent = self.lots, self.parent
        if parent is not None and not parent.has_ended:  # its end has cut its children already
            all_in = min(all_in, parent.filled)
        return all_in - self.filled - self.cut

    @property
    def sleeps(self) -> bool:
        """Whether it waits for its parent."""
        return self.parent is not None and self.parent.filled == 0

    def is_at(self, price: float) -> bool:
        """Whether a market at ``price`` has reached its level."""
        return price >= self.level if self.rises else price <= self.level

    def arrive(self, price: float, since_ns: int) -> None:
        """Meet the market for the first time, at a price: a trailing stop follows it from here."""
        self.has_arrived, self.since_ns = True, since_ns
        if self.kind == match.TRAILING_STOP:
            self.best = price
            if self.trigger != self.trigger and price == price:
                self.follow(price, price)

    def follow(self, high: float, low: float) -> None:
        """Move a trailing stop's trigger after the best price, never away from the market."""
        self.best = match.best_after(self.side, self.best, high, low)
        moved = match.trailing_trigger(self.side, self.best, self.trail, self.order.tick)
        self.trigger = match.nearer_trigger(self.side, self.trigger, moved)
        self.set_level()


class Register:
    """The orders that work at a venue, in the order of acceptance, and what one does to the others."""

    def __init__(self, clearing: Clearing) -> None:
        self.clearing = clearing
        self.outcomes: list[Outcome] = []
        self._all: dict[str, Working] = {}
        self._by_instrument: dict[int, dict[str, Working]] = {}
        self._groups: dict[str, list[Working]] = {}
        self._past: OrderedDict[str, Working] = OrderedDict()
        self._earliest_end_ns = NEVER_NS

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Working]:
        return iter(self._all.values())

    def find(self, client_id: str) -> Working | None:
        """A working order, by client id."""
        return self._all.get(client_id)

    def past(self, client_id: str) -> Working | None:
        """An order that has ended not long ago."""
        return self._past.get(client_id)

    def of(self, instrument: int) -> list[Working]:
        """The working orders of an instrument, in the order of acceptance."""
        found = self._by_instrument.get(instrument)
        return list(found.values()) if found else []

    @property
    def instruments(self) -> list[int]:
        """Instruments with working orders."""
        return list(self._by_instrument)

    def add(self, working: Working) -> None:
        """Take an order in."""
        order = working.order
        self._all[order.client_id] = working
        self._by_instrument.setdefault(order.instrument, {})[order.client_id] = working
        if order.group:
            self._groups.setdefault(order.group, []).append(working)
        if order.parent:
            parent = self.find(order.parent) or self.past(order.parent)
            if parent is not None:
                working.parent = parent
                parent.children.append(working)
                if parent.has_ended:
                    working.cut = max(working.lots - parent.filled, 0)
        self._earliest_end_ns = min(self._earliest_end_ns, working.ends_ns)

    # --- endings ---------------------------------------------------------------------------------

    def end_later(self, working: Working, when_ns: int, detail: str) -> None:
        """Let a cancel take effect at a time, unless the order ends before."""
        if when_ns < working.ends_ns:
            working.ends_ns = when_ns
            working.end_state, working.end_detail = OrderState.CANCELED, detail
            self._earliest_end_ns = min(self._earliest_end_ns, when_ns)

    def expire(self, now_ns: int, instrument: int | None = None) -> None:
        """End the orders whose end has come, each at its own time."""
        if now_ns < self._earliest_end_ns:
            return
        over = [
            w
            for w in self._all.values()
            if w.ends_ns <= now_ns and (instrument is None or w.order.instrument == instrument)
        ]
        for w in sorted(over, key=lambda w: (w.ends_ns, w.serial)):
            if not w.has_ended:
                self.end(w, w.end_state, w.ends_ns, w.end_detail)
        self._earliest_end_ns = min((w.ends_ns for w in self._all.values()), default=NEVER_NS)

    def end(
        self, working: Working, state: OrderState, time_ns: int, detail: str, *, told: bool = True
    ) -> None:
        """Take an order out; children that wait for more of it than it filled are cut to that."""
        order = working.order
        working.has_ended, working.end_state = True, state
        del self._all[order.client_id]
        mine = self._by_instrument[order.instrument]
        del mine[order.client_id]
        if not mine:
            del self._by_instrument[order.instrument]
        self._past[order.client_id] = working
        if len(self._past) > KEPT:
            self._past.popitem(last=False)
        if order.group:
            self._leave_group(working)
        if told and state is not OrderState.FILLED:
            self.outcomes.append(OrderReport(order.client_id, state, time_ns, detail=detail))
        for child in list(working.children):
            if not child.has_ended:
                child.cut += max(child.lots - max(working.filled, 0), 0)
                self._end_if_done(child, time_ns, "its parent filled no more")
        if working.filled == 0 or not any(not child.has_ended for child in working.children):
            working.children = []

    def _leave_group(self, working: Working) -> None:
        members = self._groups.get(working.order.group, [])
        if working in members:
            members.remove(working)
        if not members:
            self._groups.pop(working.order.group, None)

    def _end_if_done(self, w: Working, time_ns: int, detail: str) -> None:
        if w.lots - w.filled - w.cut > 0:
            return
        state = OrderState.FILLED if w.filled == w.lots else OrderState.CANCELED
        self.end(w, state, time_ns, detail)

    # --- fills -----------------------------------------------------------------------------------

    def fill(
        self,
        w: Working,
        lots: int,
        price: float,
        *,
        reference: float,
        rests: bool,
        at_open: bool,
        time_ns: int,
    ) -> int:
        """Fill up to unsigned lots at a price; gives what was filled.

        What reduce-only, fill-or-kill and the account's cash do not allow is cut, and the rest of the
        order ended.
        """
        order, i = w.order, w.order.instrument
        lots = min(lots, w.left)
        held = self.clearing.position(i)
        if order.reduce_only:
            lots = min(lots, abs(match.reducing_lots(held, w.side * lots)))
            if lots == 0:
                self.end(w, OrderState.CANCELED, time_ns, "reduce-only, and nothing to reduce")
                return 0
        paid = abs(self.clearing.affordable(i, w.side * lots, price))
        if w.fills_whole and paid < w.lots:
            self.end(w, OrderState.CANCELED, time_ns, f"fill or kill: {paid} of {w.lots} lots")
            return 0
        if paid:
            less = match.reducing_lots(held, w.side * paid)
            for part in (less, w.side * paid - less):  # no fill crosses flat
                if part:
                    done = self.clearing.book(
                        order, part, price, reference=reference, rests=rests, at_open=at_open,
                        time_ns=time_ns,
                    )  # fmt: skip
                    self.outcomes.append(done)
            w.filled += paid
            self._others(w, paid, time_ns)
        if paid < lots and not w.has_ended:
            is_refused = self.clearing.rejects and w.filled == 0
            state = OrderState.REJECTED if is_refused else OrderState.CANCELED
            self.end(w, state, time_ns, f"cash pays for {paid} of {lots} lots")
        elif not w.has_ended:
            self._end_if_done(w, time_ns, "the rest of it was cut")
        if paid:
            self.drop_useless(i, time_ns)
        return paid

    def _others(self, w: Working, lots: int, time_ns: int) -> None:
        """Take a fill's lots off the other orders of its group."""
        if not w.order.group:
            return
        is_full = w.filled >= w.lots
        for other in list(self._groups.get(w.order.group, ())):
            if other is w or other.has_ended:
                continue
            other.cut += min(lots, other.lots - other.filled - other.cut)
            if is_full:
                name = w.order.client_id
                self.end(other, OrderState.CANCELED, time_ns, f"{name} of its group filled")
            else:
                self._end_if_done(other, time_ns, "its group filled")

    def drop_useless(self, instrument: int, time_ns: int) -> None:
        """Cancel reduce-only orders that a change of the position has left nothing to reduce."""
        held = self.clearing.position(instrument)
        for w in self.of(instrument):
            useless = w.order.reduce_only and not w.sleeps and not w.has_ended
            if useless and match.reducing_lots(held, w.side) == 0:
                self.end(w, OrderState.CANCELED, time_ns, "reduce-only, and nothing to reduce")


def fault_in(order: Order, now_ns: int) -> str:
    """Why a venue refuses an order as it stands; empty where nothing is wrong with it."""
    kind, force = order.kind, order.time_in_force
    is_limit = kind is OrderKind.LIMIT and order.tick > 0.0 and (order.price_ticks or 0) > 0
    is_plain = is_limit or (kind is OrderKind.MARKET and not order.post_only)
    if is_plain and order.lots and force is TimeInForce.GTC and not order.parent:
        return ""  # most orders
    needs_price = kind not in (OrderKind.MARKET, OrderKind.TRAILING_STOP)
    rules = (
        (order.lots == 0, "it has no lots"),
        (needs_price and order.price_ticks is None, f"a {kind.value} order needs a price"),
        (
            kind is OrderKind.STOP_LIMIT and order.limit_ticks is None,
            "a stop_limit order needs a limit",
        ),
        (
            kind is OrderKind.TRAILING_STOP and (order.trail_ticks or 0) <= 0,
            "a trailing_stop order needs a distance",
        ),
        (
            any(
                ticks is not None and ticks <= 0 for ticks in (order.price_ticks, order.limit_ticks)
            ),
            "a price is not above 0",
        ),
        (kind is not OrderKind.MARKET and not order.tick > 0.0, "it has no tick"),
        (
            order.post_only and kind not in (OrderKind.LIMIT, OrderKind.STOP_LIMIT),
            "post-only is for limit orders",
        ),
        (
            order.post_only and force in _AT_ONCE,
            f"post-only and {force.value} contradict each other",
        ),
        (force is TimeInForce.GTD and order.expires_ns <= now_ns, "its time has passed"),
        (bool(order.parent) and order.parent == order.client_id, "it is its own parent"),
    )
    return next((reason for is_wrong, reason in rules if is_wrong), "")
