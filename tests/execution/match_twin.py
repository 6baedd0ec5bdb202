"""A plain twin of the matcher on bars: it walks a bar tick by tick, in whole numbers.

Nothing of the program is used: prices are ticks, an order is a small mutable record, and at every tick
of the path each order is looked at. ``docs/orders.md`` says what both do.
"""

from dataclasses import dataclass, field
from itertools import pairwise

UP = {"stop": 1, "stop_limit": 1, "trailing_stop": 1, "take_profit": -1}


@dataclass
class Plain:
    """An order: ``lots`` is signed, prices are ticks."""

    name: str
    lots: int
    kind: str
    at: int
    price: int | None = None
    limit: int | None = None
    trail: int | None = None
    force: str = "gtc"
    until: int = 10**9
    post: bool = False
    reduce: bool = False
    group: str = ""
    parent: str = ""
    cancelled_at: int = 10**9

    done: int = 0
    gone: int = 0
    state: str = "open"
    mode: str = ""
    met: bool = False
    best: int | None = None
    met_inside: bool = False
    owner: "Plain | None" = field(default=None, repr=False)

    @property
    def sign(self) -> int:
        return 1 if self.lots > 0 else -1

    @property
    def size(self) -> int:
        return abs(self.lots)

    def may(self) -> int:
        """Lots that it may trade now."""
        if self.state != "open":
            return 0
        rest = self.size - self.done - self.gone
        if self.owner is None or self.owner.state != "open":
            return rest
        # what it may have traded by now is what its parent has, and the group has had its part
        return min(rest, self.owner.done - self.done - self.gone)


class Walk:
    """A venue of one instrument with a flat slip in ticks and unbounded cash."""

    def __init__(
        self, *, slip: int = 0, latency: int = 0, touch: bool = False, per_bar: int = 10**9
    ) -> None:
        self.slip, self.latency, self.touch, self.per_bar = slip, latency, touch, per_bar
        self.orders: list[Plain] = []
        self.held = 0
        self.fills: list[tuple[str, int, int, bool]] = []
        self.room = 0

    def place(self, order: Plain) -> None:
        owners = [other for other in self.orders if other.name == order.parent]
        order.owner = owners[0] if owners else None
        order.mode = {"market": "meets", "limit": "rests"}.get(order.kind, "waits")
        if order.kind == "stop_limit":
            pass
        elif order.kind == "limit":
            order.limit = order.price
        self.orders.append(order)

    def cancel(self, name: str, now: int) -> None:
        for order in self.orders:
            if order.name == name and order.state == "open":
                if self.latency == 0:
                    self.finish(order, "canceled")
                else:
                    order.cancelled_at = min(order.cancelled_at, now + self.latency)

    def end_of(self, order: Plain) -> int:
        return min(order.until, order.cancelled_at)

    def clock(self, now: int) -> None:
        over = [o for o in self.orders if o.state == "open" and self.end_of(o) <= now]
        for order in sorted(over, key=self.end_of):
            if order.state == "open":
                is_late = order.until <= order.cancelled_at
                self.finish(order, "expired" if is_late else "canceled")

    def finish(self, order: Plain, state: str) -> None:
        order.state = state
        for child in self.orders:
            if child.owner is order and child.state == "open":
                short = child.size - order.done
                if short > 0:
                    child.gone += short
                self.settle(child)

    def settle(self, order: Plain) -> None:
        """End an order of which nothing is left."""
        if order.state == "open" and order.size - order.done - order.gone <= 0:
            self.finish(order, "filled" if order.done == order.size else "canceled")

    # --- a bar -----------------------------------------------------------------------------------

    def bar(self, opens: int, high: int, low: int, close: int, begin: int, end: int) -> None:
        self.room = self.per_bar
        self.clock(begin)
        for order in list(self.orders):
            if order.at + self.latency <= begin and order.may() > 0:
                if not order.met:
                    self.come(order, opens, inside=False)
                elif order.mode == "meets":
                    self.meet(order, opens)
                elif order.mode == "waits":
                    if self.is_triggered(order, opens):
                        self.fire(order, opens)
                elif self.is_through(order, opens) and self.room > 0:
                    self.trade(order, opens, maker=True)
        first, second = (low, high)
        if self.held < 0 or (self.held == 0 and high - opens < opens - low):
            first, second = high, low
        inside = [o for o in self.orders if o.at + self.latency <= begin and self.end_of(o) >= end]
        spots = [opens, first, second, close]
        for start, stop in pairwise(spots):
            if start != stop:
                step = 1 if stop > start else -1
                for tick in range(start, stop + step, step):
                    while self.one_act(inside, tick):
                        pass
        for order in self.orders:
            if (
                order.kind == "trailing_stop"
                and order.mode == "waits"
                and order.met
                and order.state == "open"
            ):
                seen = close if order.met_inside else (high if order.sign < 0 else low)
                self.follow(order, seen)
            order.met_inside = False
        self.clock(end)

    def one_act(self, orders: list[Plain], tick: int) -> bool:
        for order in orders:
            if order.may() > 0 and not order.met:
                self.come(order, tick, inside=True)
                return True
        for order in orders:
            if order.may() <= 0:
                continue
            if order.mode == "waits" and self.is_triggered(order, tick):
                self.fire(order, tick)
                return True
            if order.mode == "rests" and self.room > 0 and self.is_through(order, tick):
                assert order.limit is not None
                self.trade(order, order.limit, maker=True)
                return True
        return False

    def is_triggered(self, order: Plain, tick: int) -> bool:
        assert order.price is not None
        way = order.sign * UP[order.kind]
        return (tick - order.price) * way >= 0

    def is_through(self, order: Plain, tick: int) -> bool:
        assert order.limit is not None
        return (order.limit - tick) * order.sign >= (0 if self.touch else 1)

    def come(self, order: Plain, tick: int, *, inside: bool) -> None:
        order.met, order.met_inside = True, inside
        if order.kind == "trailing_stop":
            order.best = tick
            if order.price is None:
                assert order.trail is not None
                order.price = tick + order.sign * order.trail
        if order.mode == "meets":
            self.meet(order, tick)
        elif order.mode == "rests":
            self.arrive(order, tick)
        elif self.is_triggered(order, tick):
            self.fire(order, tick)

    def follow(self, order: Plain, seen: int) -> None:
        assert order.best is not None
        assert order.trail is not None
        assert order.price is not None
        if order.sign < 0:
            order.best = max(order.best, seen)
            order.price = max(order.price, order.best - order.trail)
        else:
            order.best = min(order.best, seen)
            order.price = min(order.price, order.best + order.trail)

    def fire(self, order: Plain, tick: int) -> None:
        if order.kind == "stop_limit":
            order.mode = "rests"
            self.arrive(order, tick)
        else:
            order.mode = "meets"
            self.meet(order, tick)

    def meet(self, order: Plain, tick: int) -> None:
        if self.room > 0:
            self.trade(order, tick + order.sign * self.slip, maker=False)
        self.close_instant(order)

    def arrive(self, order: Plain, tick: int) -> None:
        assert order.limit is not None
        asked = tick + order.sign * self.slip
        if (order.limit - asked) * order.sign >= 0:
            if order.post:
                self.finish(order, "rejected")
                return
            if self.room > 0:
                self.trade(order, asked, maker=False)
        self.close_instant(order)

    def close_instant(self, order: Plain) -> None:
        if order.state == "open" and order.force in ("ioc", "fok"):
            self.finish(order, "canceled")

    def trade(self, order: Plain, price: int, *, maker: bool) -> None:
        lots = min(order.may(), self.room)
        if order.reduce:
            opposite = max(-order.sign * self.held, 0)
            lots = min(lots, opposite)
            if lots == 0:
                self.finish(order, "canceled")
                return
        if order.force == "fok" and lots < order.size:
            self.finish(order, "canceled")
            return
        back = min(lots, max(-order.sign * self.held, 0))
        for part in (back, lots - back):
            if part:
                self.fills.append((order.name, order.sign * part, price, maker))
        self.held += order.sign * lots
        self.room -= lots
        order.done += lots
        if order.group:
            for other in self.orders:
                if other is order or other.group != order.group or other.state != "open":
                    continue
                other.gone += min(lots, other.size - other.done - other.gone)
                if order.done >= order.size:
                    self.finish(other, "canceled")
                else:
                    self.settle(other)
        self.settle(order)
        for other in list(self.orders):
            sleeps = other.owner is not None and other.owner.done == 0
            is_useless = other.sign * self.held >= 0
            if other.reduce and other.state == "open" and not sleeps and is_useless:
                self.finish(other, "canceled")
