# mypy: disable-error-code="arg-type,redundant-expr"
# What it is handed breaks every type on purpose.
"""Random accounts and hostile orders, and a plain judge of them that shares nothing with the gate.

The judge is written from the text of the checks: lists instead of sums, everything anew for each
order. It names the rules that an order which passed the gate would be past.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from peak_trade.domain.order import Order, OrderKind, Reason, TimeInForce
from peak_trade.risk.book import Book, Proposal
from peak_trade.risk.limits import Portfolio, RiskLimits, ScopedLimits

SYMBOLS = ("AAA/USD", "AAA/EUR", "BBB/USD", "CCC/USD")
NOW_NS = 1_700_000_000_000_000_000
TICK = 0.5

HOSTILE: tuple[object, ...] = (
    float("nan"), float("inf"), float("-inf"), -0.0, 0.0, 1e308, -1e308, 5e-324, True, False, None, 0, -1,
    10**400, -(10**400), 2**63, -(2**63), 2**62, "", "\uff11\uff12", "12", "1e5", b"1", (), [], {}, 1.5, 3.0,
    np.int64(3), np.float64("nan"), np.float64(2.0), np.bool_(True), 3 + 0j, object(),
)  # fmt: skip
"""What a field of an order may never be, or not where it stands."""

FIELDS = tuple(Order.__dataclass_fields__)


def random_book(rng: np.random.Generator) -> Book:
    """An account with whole prices, so that every sum of it is exact."""
    n = len(SYMBOLS)
    marks = rng.integers(20, 200, n).astype(float)
    mids = marks + rng.integers(-2, 3, n) * TICK
    gone = rng.random(n) < 0.03
    marks[gone & (rng.random(n) < 0.5)] = np.nan
    mids[gone] = rng.choice([np.nan, 0.0, -1.0, np.inf])
    held = rng.integers(-30, 31, n) * (rng.random(n) < 0.7)
    held[np.isnan(marks)] = 0
    working, buying, selling = _working(rng, marks)
    equity = float(rng.integers(2_000, 20_000))
    return Book(
        symbols=SYMBOLS,
        ticks=np.full(n, TICK),
        steps=np.array([1, 1, 2, 5]),
        minima=np.zeros(n),
        units=np.ones(n),
        lot_sizes=np.ones(n),
        held=held,
        buying=buying,
        selling=selling,
        marks=marks,
        mids=mids,
        volumes=rng.integers(0, 500, n).astype(float),
        daily_volumes=rng.integers(0, 5_000, n).astype(float),
        equity=equity,
        cash=equity,
        peak=equity * float(rng.choice([1.0, 1.0, 1.05, 1.5])),
        yesterday=equity * float(rng.choice([1.0, 1.0, 0.9, 1.1])),
        realised=float(rng.choice([0.0, 0.0, 100.0, -500.0])),
        version=1,
        now_ns=NOW_NS + int(rng.integers(0, 5)) * 400_000_000,
        data_ns=NOW_NS - rng.choice([0, 0, 0, 0, 0, 0, 1, 9], n) * 1_000_000_000,
        interval_ns=int(rng.choice([0, 2_000_000_000])),
        quarantined=rng.random(n) < 0.05,
        closed=rng.random(n) < 0.05,
        clock_skew_ns=int(rng.choice([0, 0, 0, 0, 0, 400_000_000, -900_000_000])),
        working=working,
    )


def _working(
    rng: np.random.Generator, marks: np.ndarray
) -> tuple[list[Order], np.ndarray, np.ndarray]:
    working: list[Order] = []
    buying, selling = np.zeros(len(SYMBOLS), np.int64), np.zeros(len(SYMBOLS), np.int64)
    for k in range(int(rng.integers(0, 4))):
        i = int(rng.integers(0, len(SYMBOLS)))
        if math.isnan(marks[i]):
            continue
        lots = int(rng.choice([-20, -10, 10, 20]))
        kind = OrderKind.LIMIT if rng.random() < 0.8 else OrderKind.MARKET
        ticks = int(marks[i] / TICK) + int(rng.integers(-6, 7))
        price = ticks if kind is OrderKind.LIMIT else None
        order = Order(f"w{k}", i, lots, kind, Reason.ORDER, 0, price, TICK)
        working.append(order)
        (buying if lots > 0 else selling)[i] += abs(lots)
    return working, buying, selling


def random_limits(rng: np.random.Generator) -> ScopedLimits:
    """Limits of which a few bind."""
    tight = {
        "max_quantity": 30.0,
        "max_order": 2_000.0,
        "max_participation": 0.25,
        "max_volume_share": 0.01,
        "max_batch": 6_000.0,
        "max_position": 0.5,
        "max_position_value": 2_500.0,
        "max_gross": 1.0,
        "max_net": 0.5,
        "max_concentration": 0.75,
        "max_leverage": 1.0,
        "max_borrowed": 0.0,
        "max_daily_loss": 0.05,
        "max_realised_loss": 0.05,
        "max_drawdown": 0.25,
    }
    chosen = {name: value for name, value in tight.items() if rng.random() < 0.2}
    account = replace(
        RiskLimits.wide(),
        **chosen,
        collar_mid=0.03125,
        collar_close=0.0625,
        max_data_age_s=2.0,
        max_data_age_bars=2.0,
        max_clock_skew_s=0.5,
        duplicate_window_s=1.0,
        max_messages_per_s=int(rng.choice([3, 500])),
        max_repeats=int(rng.choice([2, 50])),
        repeat_window_s=2.0,
    )
    symbols = (
        {"BBB/USD": {"max_order": min(account.max_order, 500.0)}} if rng.random() < 0.5 else {}
    )
    exposure = float(rng.choice([4_000.0, 1e9]))
    return ScopedLimits(account, symbols=symbols, portfolio=Portfolio("p", exposure))


def random_proposal(rng: np.random.Generator, book: Book, name: str) -> Proposal:
    """An order that makes sense, more or less."""
    i = int(rng.integers(0, len(SYMBOLS)))
    step = int(book.steps[i])
    lots = int(rng.integers(1, 41) if rng.random() < 0.7 else 2) * (1 if rng.random() < 0.5 else -1)
    lots *= step if rng.random() < 0.95 else 1
    kind = list(OrderKind)[int(rng.integers(0, 6))] if rng.random() < 0.5 else OrderKind.MARKET
    mark = book.marks[i] if math.isfinite(book.marks[i]) else 50.0
    near = int(mark / TICK) + int(rng.integers(-20, 21))
    force = list(TimeInForce)[int(rng.integers(0, 4))] if rng.random() < 0.2 else TimeInForce.GTC
    is_priced = kind not in (OrderKind.MARKET, OrderKind.TRAILING_STOP)
    return Proposal(
        Order(
            client_id=name,
            instrument=i,
            lots=lots,
            kind=kind,
            reason=Reason.ORDER,
            decided_ns=NOW_NS - 1,
            price_ticks=near if is_priced else None,
            tick=TICK,
            limit_ticks=near + int(rng.integers(-9, 10)) if kind is OrderKind.STOP_LIMIT else None,
            trail_ticks=int(rng.integers(1, 9)) if kind is OrderKind.TRAILING_STOP else None,
            time_in_force=force,
            expires_ns=NOW_NS + 10**10 if force is TimeInForce.GTD else 0,
            reduce_only=bool(rng.random() < 0.2),
            strategy="s",
        )
    )


def hostile(rng: np.random.Generator, proposal: Proposal) -> Proposal:
    """The same order with one or two of its fields turned into what they may not be."""
    order = proposal.order
    for _ in range(int(rng.integers(1, 3))):
        value = HOSTILE[int(rng.integers(0, len(HOSTILE)))]
        order = replace(order, **{FIELDS[int(rng.integers(0, len(FIELDS)))]: value})
    if rng.random() < 0.1:
        value = HOSTILE[int(rng.integers(0, len(HOSTILE)))]
        name = ("replaces", "intent", "parent_left")[int(rng.integers(0, 3))]
        return replace(proposal, order=order, **{name: value})
    return replace(proposal, order=order)


# --- the judge -------------------------------------------------------------------------------------


@dataclass
class Judge:
    """What an order that was let through is past, by the text alone.

    It is told of every order in turn, whether it was let through or not.
    """

    limits: ScopedLimits
    seen: list[tuple[int, Order]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def past(self, proposal: Proposal, batch: list[Proposal], book: Book) -> set[str]:
        """Rules that an order violates, given those of its batch before it; then it is remembered."""
        order = proposal.order
        if not is_order(proposal, book):
            return {"schema"}
        earlier = [item.order for item in batch if is_order(item, book)]
        found = {
            *self._world(order, book),
            *self._again(order, book),
            *self._size(order, book),
            *self._holdings(order, earlier, book),
        }
        self.seen.append((book.now_ns, order))
        self.names.add(order.client_id)
        return found

    def _of(self, order: Order) -> RiskLimits:
        limits = self.limits.account
        given = self.limits.symbols.get(SYMBOLS[order.instrument], {})
        return replace(limits, **given) if given else limits

    def _world(self, order: Order, book: Book) -> set[str]:
        limits, i, found = self._of(order), order.instrument, set()
        if abs(book.clock_skew_ns) > limits.max_clock_skew_s * 1e9:
            found.add("clock_skew")
        oldest = max(limits.max_data_age_s * 1e9, limits.max_data_age_bars * book.interval_ns)
        if book.now_ns - int(book.data_ns[i]) > oldest:
            found.add("data_age")
        if book.quarantined[i]:
            found.add("quarantine")
        if book.closed[i]:
            found.add("venue_closed")
        return found

    def _again(self, order: Order, book: Book) -> set[str]:
        limits, found, now = self._of(order), set(), book.now_ns
        if order.client_id in self.names:
            found.add("duplicate_intent")
        second = [old for t, old in self.seen if now - t < 1_000_000_000]
        if len(second) + 1 > limits.max_messages_per_s:
            found.add("message_rate")
        window = [old for t, old in self.seen if now - t < limits.repeat_window_s * 1e9]
        same = [o for o in window if _action(o) == _action(order)]
        if len(same) + 1 > limits.max_repeats:
            found.add("repeated_execution")
        for old in second:
            if _words(old) == _words(order) and not (
                order.reduce_only and order.group and order.kind is not OrderKind.MARKET
            ):
                found.add("duplicate_order")
        return found

    def _size(self, order: Order, book: Book) -> set[str]:
        limits, i, found = self._of(order), order.instrument, set()
        mark, mid = float(book.marks[i]), float(book.mids[i])
        if not (math.isfinite(mark) and math.isfinite(mid) and mark > 0 and mid > 0):
            return {"reference_price"}
        asked = {
            OrderKind.MARKET: mid,
            OrderKind.LIMIT: (order.price_ticks or 0) * order.tick,
        }.get(order.kind)
        for name, reference in (("collar_mid", mid), ("collar_close", mark)):
            worse = 0.0
            if asked is not None:
                worse = asked - reference if order.lots > 0 else reference - asked
            if worse > getattr(limits, name) * reference:
                found.add(name)
        quantity = abs(order.lots)
        prices = [mark, mid, *(t * order.tick for t in (order.price_ticks, order.limit_ticks) if t)]
        if quantity > limits.max_quantity:
            found.add("max_quantity")
        if quantity * max(prices) > limits.max_order:
            found.add("max_order")
        for name, volume in (
            ("max_participation", book.volumes[i]),
            ("max_volume_share", book.daily_volumes[i]),
        ):
            share = getattr(limits, name)
            if share < 1e9 and quantity > share * volume:
                found.add(name)
        return found

    def _holdings(self, order: Order, earlier: list[Order], book: Book) -> set[str]:
        found: set[str] = set()
        limits, i = self._of(order), order.instrument
        held = int(book.held[i])
        if order.reduce_only:
            if order.parent:
                return found
            if held * order.lots >= 0 or abs(order.lots) > abs(held):
                return {"reduce_only"}
            return found
        marks = [float(mark) if math.isfinite(mark) else 0.0 for mark in book.marks]
        adding = [o for o in earlier if not o.reduce_only]
        before = _worst(book, adding)
        after = _worst(book, [*adding, order])
        equity = book.equity

        def is_past(limit: float, old: float, new: float) -> bool:
            return new > limit and new > old

        one = [
            max(abs(low), abs(high)) * mark for (low, high), mark in zip(before, marks, strict=True)
        ]
        two = [
            max(abs(low), abs(high)) * mark for (low, high), mark in zip(after, marks, strict=True)
        ]
        if is_past(limits.max_position * equity, one[i], two[i]):
            found.add("max_position")
        if is_past(limits.max_position_value, one[i], two[i]):
            found.add("max_position_value")
        if is_past(limits.max_gross * equity, sum(one), sum(two)):
            found.add("max_gross")
        if is_past(limits.max_leverage * min(equity, book.yesterday), sum(one), sum(two)):
            found.add("max_leverage")
        if is_past(self.limits.portfolio.max_exposure, sum(one), sum(two)):
            found.add("reservation")
        kin = [j for j, name in enumerate(SYMBOLS) if name[:3] == SYMBOLS[i][:3]]
        if is_past(
            limits.max_concentration * equity, sum(one[j] for j in kin), sum(two[j] for j in kin)
        ):
            found.add("max_concentration")
        side = 1 if order.lots > 0 else 0
        old = sum(pair[side] * mark for pair, mark in zip(before, marks, strict=True))
        new = sum(pair[side] * mark for pair, mark in zip(after, marks, strict=True))
        closer = (
            abs(after[i][side]) <= abs(before[i][side]) and after[i][side] * before[i][side] >= 0
        )
        if not closer and is_past(limits.max_net * equity, abs(old), abs(new)):
            found.add("max_net")
        if sum(two) > sum(one):
            if sum(two) > (1.0 + limits.max_borrowed) * equity:
                found.add("buying_power")
            if limits.max_daily_loss < 1 and equity < book.yesterday * (1 - limits.max_daily_loss):
                found.add("max_daily_loss")
            if (
                limits.max_realised_loss < 1
                and -book.realised > limits.max_realised_loss * book.yesterday
            ):
                found.add("max_realised_loss")
            if limits.max_drawdown < 1 and equity < book.peak * (1 - limits.max_drawdown):
                found.add("max_drawdown")
        if self._meets_own(order, earlier, book):
            found.add("self_trade")
        return found

    def _meets_own(self, order: Order, earlier: list[Order], book: Book) -> bool:
        mid = float(book.mids[order.instrument])
        if order.parent:  # it waits for its parent
            return False

        def price(one: Order) -> float | None:
            if one.kind is OrderKind.MARKET:
                return mid
            return (
                one.price_ticks * one.tick
                if one.kind is OrderKind.LIMIT and one.price_ticks
                else None
            )

        mine = price(order)
        for other in (*book.working, *earlier):
            theirs = price(other)
            is_against = other.instrument == order.instrument and other.lots * order.lots < 0
            if mine is None or theirs is None or other.parent or not is_against:
                continue
            if (mine >= theirs) if order.lots > 0 else (mine <= theirs):
                return True
        return False


def _action(order: Order) -> tuple[object, ...]:
    return (order.strategy, order.instrument, order.lots)


def _words(order: Order) -> tuple[object, ...]:
    ticks = (order.price_ticks, order.limit_ticks, order.trail_ticks)
    prices = tuple(t and t * order.tick for t in ticks)
    return (order.instrument, order.lots, order.kind.value, prices, order.parent)


def _worst(book: Book, orders: list[Order]) -> list[tuple[int, int]]:
    """The lowest and highest position of each instrument, were every order of one side filled."""
    found = []
    for i in range(len(SYMBOLS)):
        buys = int(book.buying[i]) + sum(o.lots for o in orders if o.instrument == i and o.lots > 0)
        sells = int(book.selling[i]) - sum(
            o.lots for o in orders if o.instrument == i and o.lots < 0
        )
        found.append((int(book.held[i]) - sells, int(book.held[i]) + buys))
    return found


def is_order(proposal: Proposal, book: Book) -> bool:
    """Whether something is an order by the first check, judged field by field."""
    order = proposal.order
    try:
        whole = [
            order.instrument,
            order.lots,
            order.decided_ns,
            order.expires_ns,
            proposal.replaces,
        ]
        ticks = [order.price_ticks, order.limit_ticks, order.trail_ticks]
        whole += [t for t in ticks if t is not None]
        if any(type(number) is not int for number in whole):
            return False
        if not 0 <= order.instrument < len(SYMBOLS) or order.lots == 0 or abs(order.lots) > 10**17:
            return False
        named = (order.kind, OrderKind), (order.reason, Reason), (order.time_in_force, TimeInForce)
        if any(not isinstance(value, kind) for value, kind in named):
            return False
        if type(order.post_only) is not bool or (
            order.post_only
            and (
                order.kind is not OrderKind.LIMIT
                or order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
            )
        ):
            return False
        left = proposal.parent_left
        if left is not None and (type(left) is not int or not 0 <= left < 10**18):
            return False
        there = book.buying if proposal.replaces > 0 else book.selling
        if abs(proposal.replaces) > int(there[order.instrument]):
            return False
        texts = [order.client_id, order.group, order.parent, order.strategy, proposal.intent]
        if any(type(text) is not str for text in texts) or not order.client_id.isascii():
            return False
        needs = {
            OrderKind.MARKET: (False, False, False),
            OrderKind.TRAILING_STOP: (order.price_ticks is not None, False, True),
            OrderKind.STOP_LIMIT: (True, True, False),
        }.get(order.kind, (True, False, False))
        if not 1 <= len(order.client_id) <= 18 or needs != tuple(t is not None for t in ticks):
            return False
        if any(t is not None and not 1 <= t <= 2**53 for t in ticks):
            return False
        if order.lots % int(book.steps[order.instrument]) or type(order.reduce_only) is not bool:
            return False
        tick = order.tick
        if not isinstance(tick, float) or not 0 <= tick < math.inf or str(float(tick)) == "-0.0":
            return False
        if any(needs) and (tick == 0 or tick / TICK % 1 != 0):
            return False
        if not 0 <= order.expires_ns < 2**63 or order.parent == order.client_id:
            return False
        is_gtd = order.time_in_force is TimeInForce.GTD
        return bool(
            is_gtd == (order.expires_ns > book.now_ns) and 0 <= order.decided_ns <= book.now_ns
        )
    except (TypeError, ValueError, OverflowError, AttributeError):
        return False
