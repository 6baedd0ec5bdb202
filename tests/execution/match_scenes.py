"""Scenes for the matcher: orders, bars and cancels drawn at random, played by it and by its twin."""

from dataclasses import replace

import numpy as np
from execution.match_twin import Plain, Walk

from peak_trade.domain.event import OrderReport
from peak_trade.domain.ledger import Fill
from peak_trade.domain.matching import Matching
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason, TimeInForce
from peak_trade.execution.matching import BarSeen, Matcher

LENGTH = 60


class Ticks:
    """A clearing with a slip of whole ticks of 1.0, and as much cash as it takes."""

    rejects = False

    def __init__(self, slip: int = 0) -> None:
        self.slip, self.held, self.count = slip, 0, 0
        self.rested: list[bool] = []
        self.held_before: list[int] = []

    def position(self, instrument: int) -> int:
        return self.held

    def worse(self, price: float, instrument: int, lots: int) -> float:
        return price + (self.slip if lots > 0 else -self.slip)

    def affordable(self, instrument: int, lots: int, price: float) -> int:
        return lots

    def book(
        self, order: Order, lots: int, price: float, *, reference: float, rests: bool,
        at_open: bool, time_ns: int,
    ) -> Fill:  # fmt: skip
        self.held_before.append(self.held)
        self.held += lots
        self.count += 1
        self.rested.append(rests)
        return Fill(order.client_id, order.instrument, lots, price, 0.0, order.reason, time_ns,
                    at_open=at_open, trade_id=str(self.count))  # fmt: skip


def order_of(plain: Plain) -> Order:
    return Order(
        client_id=plain.name,
        instrument=0,
        lots=plain.lots,
        kind=OrderKind(plain.kind),
        reason=Reason.ORDER,
        decided_ns=plain.at,
        price_ticks=plain.price,
        tick=1.0,
        group=plain.group,
        reduce_only=plain.reduce,
        limit_ticks=plain.limit,
        trail_ticks=plain.trail,
        time_in_force=TimeInForce(plain.force),
        expires_ns=plain.until if plain.force == "gtd" else 0,
        post_only=plain.post,
        parent=plain.parent,
    )


def share_of(per_bar: int) -> float:
    return 1e9 if per_bar == 10**9 else 1.0


def volume_of(scene: dict, k: int) -> int:
    """Lots that may be filled in bar k: every other bar has three times as many."""
    return int(scene["per_bar"]) * (1 + 2 * (k % 2))


def play(scene: dict) -> tuple[list, dict, Ticks]:
    """What the matcher makes of a scene: fills, states of the orders, the clearing."""
    clearing = Ticks(scene["slip"])
    chosen = Matching(
        latency_ns=scene["latency"], touch=scene["touch"],
        max_fill_share=share_of(scene["per_bar"]),
    )  # fmt: skip
    matcher = Matcher(clearing, chosen)
    fills, states, done = [], {}, {}
    waiting = [order_of(plain) for plain in scene["orders"]]
    sizes = {order.client_id: abs(order.lots) for order in waiting}
    for k, (opens, high, low, close) in enumerate(scene["bars"]):
        begin, end = k * LENGTH, (k + 1) * LENGTH
        while waiting and waiting[0].decided_ns <= begin:
            order = waiting.pop(0)
            answer = matcher.place(order, order.decided_ns)
            states[order.client_id] = answer.state.value
        for row, name in scene["cancels"]:
            if row == k and name in matcher:
                answer = matcher.cancel(name, begin)
                if answer.state is OrderState.CANCELED:
                    states[name] = "canceled"
        bar = BarSeen(0, opens, high, low, close, float(volume_of(scene, k)), begin, end)
        for item in matcher.on_bar(bar):
            if isinstance(item, OrderReport):
                states[item.client_id] = item.state.value
                continue
            fills.append((item.client_id, item.lots, round(item.price)))
            assert item.price == round(item.price)
            done[item.client_id] = done.get(item.client_id, 0) + abs(item.lots)
            if done[item.client_id] == sizes[item.client_id]:
                states[item.client_id] = "filled"
    fills = [(*fill, rests) for fill, rests in zip(fills, clearing.rested, strict=True)]
    return fills, {n: "open" if s == "accepted" else s for n, s in states.items()}, clearing


def walk(scene: dict) -> tuple[list, dict, int]:
    """What the twin makes of it."""
    twin = Walk(
        slip=scene["slip"], latency=scene["latency"], touch=scene["touch"],
        per_bar=scene["per_bar"],
    )  # fmt: skip
    waiting = [replace(plain) for plain in scene["orders"]]
    refused = {}
    for k, (opens, high, low, close) in enumerate(scene["bars"]):
        begin, end = k * LENGTH, (k + 1) * LENGTH
        while waiting and waiting[0].at <= begin:
            plain = waiting.pop(0)
            parent = [o for o in twin.orders if o.name == plain.parent]
            dead = bool(parent) and parent[0].state != "open" and parent[0].done == 0
            if plain.parent and (not parent or dead):
                refused[plain.name] = "rejected"
                continue
            twin.place(plain)
            if parent and parent[0].state != "open":
                plain.gone += max(plain.size - parent[0].done, 0)
        for row, name in scene["cancels"]:
            if row == k:
                twin.cancel(name, begin)
        twin.per_bar = volume_of(scene, k)
        twin.bar(opens, high, low, close, begin, end)
    return twin.fills, {o.name: o.state for o in twin.orders} | refused, twin.held


Bar = tuple[int, int, int, int]


def _draw_bars(rng: np.random.Generator) -> list[Bar]:
    found, price = [], 100
    for _ in range(int(rng.integers(2, 7))):
        opens = price + int(rng.integers(-2, 3))
        close = opens + int(rng.integers(-5, 6))
        high = max(opens, close) + int(rng.integers(0, 4))
        low = min(opens, close) - int(rng.integers(0, 4))
        found.append((opens, high, low, close))
        price = close
    return found


def _draw_order(rng: np.random.Generator, name: str, earlier: list[Plain]) -> Plain:
    kind = str(rng.choice([kind.value for kind in OrderKind]))
    is_limit = kind in ("limit", "stop_limit")
    force = str(rng.choice(["gtc", "gtc", "gtc", "gtc", "ioc", "fok", "gtd"]))
    at = earlier[-1].at + int(rng.choice([0, 0, 0, LENGTH // 2])) if earlier else 0

    def price() -> int:
        return 100 + int(rng.integers(-6, 7))

    has_price = kind not in ("market", "trailing_stop") or (
        kind == "trailing_stop" and rng.random() < 0.5
    )
    return Plain(
        name=name,
        lots=int(rng.choice([-8, -5, -3, -2, -1, 1, 2, 3, 5, 8])),
        kind=kind,
        at=at,
        price=price() if has_price else None,
        limit=price() if kind == "stop_limit" else None,
        trail=int(rng.integers(1, 7)) if kind == "trailing_stop" else None,
        force=force,
        until=at + int(rng.integers(1, 300)) if force == "gtd" else 10**9,
        post=bool(is_limit and force in ("gtc", "gtd") and rng.random() < 0.4),
        reduce=bool(rng.random() < 0.25),
        group=str(rng.choice(["", "", "g", "h"])),
        parent=str(rng.choice([p.name for p in earlier])) if earlier and rng.random() < 0.4 else "",
    )


def _draw_bracket(rng: np.random.Generator) -> list[Plain]:
    """An entry, and a stop and a limit order for what it fills, one cancelling the other."""
    side = int(rng.choice([-1, 1]))
    entry = 100 - side * int(rng.integers(0, 3))
    parent = Plain("p", side * 8, str(rng.choice(["limit", "market"])), 0)
    parent.price = entry if parent.kind == "limit" else None
    legs = [
        Plain("s", -side * 8, "stop", 0, entry - side * int(rng.integers(1, 5))),
        Plain("t", -side * 8, "limit", 0, entry + side * int(rng.integers(1, 4))),
    ]
    for leg in legs:
        leg.parent, leg.group, leg.reduce = "p", "b", bool(rng.random() < 0.5)
    return [parent, *legs]


def draw_scene(seed: int) -> dict:
    """A scene of up to ten orders; most trade."""
    rng = np.random.default_rng(seed)
    placed = _draw_bracket(rng) if seed % 4 == 0 else []
    for k in range(int(rng.integers(2, 11))):
        placed.append(_draw_order(rng, f"o{k}", placed))
    cancels = [
        (int(rng.integers(0, 5)), placed[int(rng.integers(0, len(placed)))].name)
        for _ in range(int(rng.integers(0, 3)))
    ]
    return {
        "orders": placed,
        "bars": _draw_bars(rng),
        "slip": int(rng.choice([0, 0, 1])),
        "latency": int(rng.choice([0, 0, 10, 70])),
        "touch": bool(rng.random() < 0.3),
        "per_bar": int(rng.choice([10**9, 10**9, 3, 6])),
        "cancels": cancels,
    }


def difference(seeds: range) -> str:
    """Where the matcher and its twin part on the scenes of some seeds; empty where they never do."""
    for seed in seeds:
        scene = draw_scene(seed)
        fills, states, clearing = play(scene)
        if (fills, states, clearing.held) != walk(scene):
            return f"seed {seed}: {fills} {states}, expected {walk(scene)}"
    return ""
