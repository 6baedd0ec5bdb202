"""For every rule a gate, an account and an order that it, and nothing else, refuses."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from risk.gate_scenes import NOW_NS, book_of, gate_of, order_of, rules_of

from peak_trade.domain.order import Order, OrderKind
from peak_trade.risk.book import Book, Proposal
from peak_trade.risk.gate import RiskGate
from peak_trade.risk.kill_switch import MemoryKillSwitch
from peak_trade.risk.policy import Hours, Policy


@dataclass(frozen=True)
class Scene:
    """What is reviewed in turn; the last order is the one that is refused."""

    gate: Callable[[], RiskGate]
    orders: tuple[Proposal | Order, ...]
    book: Callable[[], Book] = book_of

    def refusal(self) -> list[str]:
        """The rules that refuse the last order."""
        gate, book = self.gate(), self.book()
        for item in self.orders:
            proposal = item if isinstance(item, Proposal) else Proposal(item)
            _, refused = gate.review([proposal], book)
        return rules_of(refused) if refused else []


def limited(*, gate: dict | None = None, **limits: float) -> Callable[[], RiskGate]:
    return lambda: gate_of(gate=gate, **limits)


def under(**policy: object) -> Callable[[], RiskGate]:
    return lambda: gate_of(gate={"policy": Policy(**policy)})


def world(**given: object) -> Callable[[], Book]:
    return lambda: book_of(**given)


def killed() -> RiskGate:
    kill = MemoryKillSwitch("paper")
    kill.trip("test", by="test", now_ns=0)
    return gate_of(gate={"kill": kill})


OWN = order_of(-3, price_ticks=200, name="own")
FIVE = order_of(5)

SCENES: dict[str, Scene] = {
    "kill_switch": Scene(killed, (FIVE,)),
    "permit": Scene(limited(gate={"permit": lambda now_ns: "not armed"}), (FIVE,)),
    "strategy": Scene(under(strategies=("grid",)), (FIVE,)),
    "restricted": Scene(under(restricted=frozenset({"S0/USD"})), (FIVE,)),
    "promotion": Scene(under(promotions={"paper": "reviewed"}), (FIVE,)),
    "policy_notional": Scene(under(max_notional=499.0), (FIVE,)),
    "trading_hours": Scene(under(hours=(Hours.parse("sat 00:00-24:00"),)), (FIVE,)),
    "venue_closed": Scene(limited(), (FIVE,), world(closed=np.array([True, False]))),
    "clock_skew": Scene(limited(max_clock_skew_s=0.5), (FIVE,), world(clock_skew_ns=10**9)),
    "data_age": Scene(
        limited(max_data_age_s=2.0, max_data_age_bars=2.0),
        (FIVE,),
        world(data_ns=np.full(2, NOW_NS - 3 * 10**9)),
    ),
    "quarantine": Scene(limited(), (FIVE,), world(quarantined=np.array([True, False]))),
    "duplicate_intent": Scene(limited(), (order_of(5, name="a"), order_of(6, name="a"))),
    "duplicate_order": Scene(
        limited(duplicate_window_s=1.0), (order_of(5, name="a"), order_of(5, name="b"))
    ),
    "message_rate": Scene(limited(max_messages_per_s=1), (order_of(5), order_of(6))),
    "repeated_execution": Scene(
        limited(max_repeats=1, repeat_window_s=9.0), (order_of(5, name="a"), order_of(5, name="b"))
    ),
    "reference_price": Scene(
        limited(),
        (order_of(5, price_ticks=220, kind=OrderKind.STOP),),
        world(mids=np.array([0.0, 100.0])),
    ),
    "collar_mid": Scene(limited(collar_mid=0.02), (order_of(5, price_ticks=206),)),
    "collar_close": Scene(limited(collar_close=0.02), (order_of(5, price_ticks=206),)),
    "max_quantity": Scene(limited(max_quantity=4.0), (FIVE,)),
    "max_order": Scene(limited(max_order=499.0), (FIVE,)),
    "max_participation": Scene(limited(max_participation=0.004), (FIVE,)),
    "max_volume_share": Scene(limited(max_volume_share=0.0004), (FIVE,)),
    "max_batch": Scene(limited(max_batch=499.0), (FIVE,)),
    "parent": Scene(
        limited(),
        (Proposal(order_of(-5, price_ticks=220, parent="p", reduce_only=True), parent_left=4),),
        world(held=[9, 0]),
    ),
    "self_trade": Scene(limited(), (FIVE,), world(working=[OWN], selling=[3, 0])),
    "max_position": Scene(limited(max_position=0.049), (FIVE,)),
    "max_position_value": Scene(limited(max_position_value=499.0), (FIVE,)),
    "reduce_only": Scene(limited(), (order_of(-5, reduce_only=True),), world(held=[4, 0])),
    "max_gross": Scene(limited(max_gross=0.049), (FIVE,)),
    "max_net": Scene(limited(max_net=0.049), (FIVE,)),
    "max_concentration": Scene(limited(max_concentration=0.049), (FIVE,)),
    "max_leverage": Scene(limited(max_leverage=0.049), (FIVE,)),
    "buying_power": Scene(limited(max_borrowed=0.0), (order_of(101),)),
    "max_daily_loss": Scene(limited(max_daily_loss=0.02), (FIVE,), world(yesterday=11_000.0)),
    "max_realised_loss": Scene(limited(max_realised_loss=0.02), (FIVE,), world(realised=-500.0)),
    "max_drawdown": Scene(limited(max_drawdown=0.02), (FIVE,), world(peak=11_000.0)),
}
