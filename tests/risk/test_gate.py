"""The gate, rule by rule: what it refuses, what it lets through, and what it says."""

import math
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from risk.gate_scenes import (
    NOW_NS,
    SECOND_NS,
    book_of,
    broken,
    gate_of,
    order_of,
    rules_of,
)

from benchmarks.safety.gate import run_hostile
from benchmarks.safety.gate_twin import HOSTILE
from peak_trade.domain.approval import Breach
from peak_trade.domain.errors import ApprovalError, JournalError
from peak_trade.domain.limits import Limits
from peak_trade.domain.order import Order, OrderKind, Reason, TimeInForce
from peak_trade.journal.database import open_database
from peak_trade.journal.reservations import Reservations
from peak_trade.kernels import limits as arithmetic
from peak_trade.risk.book import Proposal
from peak_trade.risk.gate import RiskGate
from peak_trade.risk.kill_switch import MemoryKillSwitch
from peak_trade.risk.kills import Scope
from peak_trade.risk.limits import Portfolio
from peak_trade.risk.policy import Hours, Policy
from peak_trade.risk.rules import RULES

# --- what is let through, and what is named ---------------------------------------------------------


def test_order_within_all_limits_is_approved_for_this_book_and_epoch() -> None:
    gate, book = gate_of(), book_of()
    approved, refused = gate.review([Proposal(order_of(5))], book)
    assert not refused
    assert (approved[0].book_version, approved[0].kill_epoch) == (7, gate.kill.epoch)
    gate.approvals.release(approved[0], book_version=7, kill_epoch=gate.kill.epoch)
    assert gate.approvals.spend(approved[0]).lots == 5


def test_approval_of_another_gate_is_worth_nothing() -> None:
    (approved,), _ = gate_of().review([Proposal(order_of(5))], book_of())
    with pytest.raises(ApprovalError):
        gate_of().approvals.release(approved, book_version=7, kill_epoch=1)


def test_refusal_names_every_rule_with_limit_and_value() -> None:
    gate = gate_of(max_order=400.0, max_quantity=4.0, max_position=0.02, max_gross=0.03)
    _, refused = gate.review([Proposal(order_of(5))], book_of())
    assert rules_of(refused) == ["max_quantity", "max_order", "max_position", "max_gross"]
    quantity, value, position, gross = refused[0].breaches
    assert (quantity.limit, quantity.value) == (4.0, 5.0)
    assert (value.limit, value.value) == (400.0, 500.0)
    assert (position.limit, position.value) == (0.02, 0.05)
    assert (gross.limit, gross.value) == (0.03, 0.05)


def test_rules_stand_in_the_order_of_the_checks() -> None:
    numbers = [rule.number for rule in RULES]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(2, 19))
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    ("limits", "lots", "at", "beyond"),
    [
        ({"max_quantity": 5.0}, 1, 5, 6),
        ({"max_order": 500.0}, 1, 5, 6),
        ({"max_participation": 0.005}, 1, 5, 6),
        ({"max_volume_share": 0.0005}, 1, 5, 6),
        ({"max_batch": 500.0}, 1, 5, 6),
        ({"max_position": 0.05}, 1, 5, 6),
        ({"max_position_value": 500.0}, 1, 5, 6),
        ({"max_gross": 0.05}, 1, 5, 6),
        ({"max_net": 0.05}, 1, 5, 6),
        ({"max_concentration": 0.05}, 1, 5, 6),
        ({"max_leverage": 0.05}, 1, 5, 6),
    ],
)
@pytest.mark.parametrize("side", [1, -1])
def test_limit_lets_through_what_reaches_it_and_no_more(
    limits: dict[str, float], lots: int, at: int, beyond: int, side: int
) -> None:
    (name,) = limits
    assert broken(gate_of(**limits), order_of(side * at)) == []
    assert broken(gate_of(**limits), order_of(side * beyond)) == [name]


# --- 1: what is no order ---------------------------------------------------------------------------


@pytest.mark.parametrize("field", Order.__dataclass_fields__)
def test_hostile_value_in_a_field_is_refused_or_harmless(field: str) -> None:
    gate = gate_of(max_quantity=1e6)
    for k, value in enumerate(HOSTILE):
        order = replace(order_of(5, name=f"h{k}"), **{field: value})
        approved, refused = gate.review([Proposal(order)], book_of())
        assert len(approved) + len(refused) == 1
        if approved:
            same = getattr(order_of(5, name=f"h{k}"), field)
            meant = {"client_id": str, "group": str, "parent": str, "strategy": str}.get(field)
            assert (
                value == same
                or (meant and type(value) is meant)
                or field == "reduce_only"
                or (
                    field in ("tick", "instrument", "lots", "decided_ns", "expires_ns")
                    and type(value) is type(same)
                )
                or (field == "tick" and isinstance(value, float))
            ), (field, value)


@pytest.mark.parametrize(
    "order",
    [
        order_of(0),
        replace(order_of(5), lots=True),
        replace(order_of(5), lots=5.0),
        replace(order_of(5), lots=np.int64(5)),
        replace(order_of(5), lots=10**400),
        replace(order_of(5), instrument=2),
        replace(order_of(5), instrument=-1),
        order_of(5, price_ticks=0),
        order_of(5, price_ticks=200, tick=math.nan),
        order_of(5, price_ticks=200, tick=1e308),
        order_of(5, price_ticks=200, tick=5e-324),
        order_of(5, price_ticks=200, tick=-0.0),
        order_of(5, price_ticks=333, tick=0.1),
        order_of(5, kind=OrderKind.LIMIT),
        order_of(5, kind=OrderKind.STOP_LIMIT, price_ticks=200),
        order_of(5, kind=OrderKind.TRAILING_STOP),
        order_of(5, kind=OrderKind.MARKET, price_ticks=200),
        order_of(5, kind=OrderKind.TRAILING_STOP, trail_ticks=-1, tick=0.5),
        order_of(5, post_only=True),
        order_of(5, price_ticks=200, post_only=True, time_in_force=TimeInForce.IOC),
        order_of(5, time_in_force=TimeInForce.GTD),
        order_of(5, time_in_force=TimeInForce.GTD, expires_ns=NOW_NS),
        order_of(5, expires_ns=NOW_NS + 1),
        order_of(5, decided_ns=NOW_NS + 1),
        order_of(5, name="\uff11\uff12"),
        order_of(5, name="a" * 19),
        order_of(5, name="a b"),
        order_of(5, name="p1", parent="p1"),
        order_of(5, strategy="s" * 201),
    ],
)  # fmt: skip
def test_what_is_no_order_is_refused_by_the_schema_alone(order: Order) -> None:
    gate = gate_of(max_quantity=1.0)
    assert broken(gate, order) == ["schema"]


@pytest.mark.parametrize("what", [None, 1, "order", object(), Proposal("order")])
def test_what_is_no_proposal_is_refused(what: object) -> None:
    approved, refused = gate_of().review([what], book_of())
    assert not approved
    assert rules_of(refused) == ["schema"]


def test_lots_beside_the_order_step_are_refused() -> None:
    book = book_of(steps=np.array([5, 1]))
    assert broken(gate_of(), order_of(10), book) == []
    assert broken(gate_of(), order_of(12), book) == ["schema"]


def test_order_that_replaces_more_than_is_open_is_refused() -> None:
    book = book_of(buying=[10, 0])
    assert broken(gate_of(), Proposal(order_of(12), replaces=10), book) == []
    assert broken(gate_of(), Proposal(order_of(12), replaces=11), book) == ["schema"]
    assert broken(gate_of(), Proposal(order_of(12), replaces=-10), book) == ["schema"]


def test_hostile_orders_never_pass_a_limit_and_never_raise() -> None:
    approved, past, raised = run_hostile(4_000, seed=3)
    assert approved > 50
    assert (past, raised) == (0, 0)


# --- 2 to 7: may anything be sent ------------------------------------------------------------------


@pytest.mark.parametrize(
    "scope", [Scope(), Scope("paper"), Scope(account="a1"), Scope(strategy="trend"), Scope(symbol="S0/USD")]
)  # fmt: skip
def test_kill_that_covers_an_order_refuses_it_even_where_it_reduces(scope: Scope) -> None:
    kill = MemoryKillSwitch("paper")
    kill.trip("test", by="test", now_ns=0, scope=scope)
    book = book_of(held=[10, 0])
    assert broken(gate_of(gate={"kill": kill}), order_of(5), book) == ["kill_switch"]
    closing = order_of(-10, reduce_only=True)
    assert broken(gate_of(gate={"kill": kill}), closing, book) == ["kill_switch"]


def test_kill_of_something_else_refuses_nothing() -> None:
    kill = MemoryKillSwitch("paper")
    kill.trip("test", by="test", now_ns=0, scope=Scope(symbol="S1/USD"))
    kill.trip("test", by="test", now_ns=0, scope=Scope("live"))
    assert broken(gate_of(gate={"kill": kill}), order_of(5)) == []


def test_session_without_permit_sends_nothing() -> None:
    asked: list[int] = []

    def permit(now_ns: int) -> str:
        asked.append(now_ns)
        return "the session is not armed"

    assert broken(gate_of(gate={"permit": permit}), order_of(5)) == ["permit"]
    assert asked == [NOW_NS]


def test_permit_that_fails_is_none() -> None:
    def permit(now_ns: int) -> str:
        raise OSError("the token cannot be read")

    assert broken(gate_of(gate={"permit": permit}), order_of(5)) == ["permit"]


@pytest.mark.parametrize(
    "part", ["held", "marks", "mids", "units", "data_ns", "closed", "volumes", "lot_sizes"]
)
def test_book_that_is_not_whole_refuses(part: str) -> None:
    book = book_of(**{part: getattr(book_of(), part)[:0]})
    assert broken(gate_of(max_participation=0.5), order_of(5), book)


@pytest.mark.parametrize(
    ("policy", "rule"),
    [
        (Policy(strategies=()), "strategy"),
        (Policy(strategies=("grid",)), "strategy"),
        (Policy(restricted=frozenset({"S0/USD"})), "restricted"),
        (Policy(promotions={"paper": "reviewed"}), "promotion"),
        (Policy(max_notional=499.0), "policy_notional"),
        (Policy(hours=(Hours.parse("sat,sun 00:00-24:00"),)), "trading_hours"),
    ],
)
def test_policy_that_does_not_allow_it_refuses(policy: Policy, rule: str) -> None:
    assert broken(gate_of(gate={"policy": policy}), order_of(5)) == [rule]


def test_policy_that_allows_it_lets_it_through() -> None:
    policy = Policy(
        strategies=("trend",),
        restricted=frozenset({"S1/USD"}),
        hours=(Hours.parse("tue 22:00-22:30"),),  # 2023-11-14 22:13:20 UTC is a Tuesday
        promotions={"paper": "reviewed", "live": "approved"},
        max_notional=500.0,
    )
    held = {"trend": frozenset({"reviewed"})}
    assert broken(gate_of(gate={"policy": policy, "promotions": held}), order_of(5)) == []


@pytest.mark.parametrize(
    ("world", "rule"),
    [
        ({"closed": np.array([True, False])}, "venue_closed"),
        ({"quarantined": np.array([True, False])}, "quarantine"),
        ({"clock_skew_ns": 500_000_001}, "clock_skew"),
        ({"clock_skew_ns": -500_000_001}, "clock_skew"),
        ({"data_ns": np.full(2, NOW_NS - 2 * SECOND_NS - 1)}, "data_age"),
        ({"data_ns": np.full(2, NOW_NS + SECOND_NS)}, "data_age"),
        ({"data_ns": np.zeros(2, np.int64)}, "data_age"),
    ],
)
def test_world_that_is_not_sound_refuses(world: dict[str, object], rule: str) -> None:
    limits = {"max_clock_skew_s": 0.5, "max_data_age_s": 2.0, "max_data_age_bars": 2.0}
    assert broken(gate_of(**limits), order_of(5), book_of(**world)) == [rule]


def test_data_may_be_two_bars_old_where_bars_are_long() -> None:
    limits = {"max_data_age_s": 2.0, "max_data_age_bars": 2.0}
    old = {"interval_ns": 60 * SECOND_NS, "data_ns": np.full(2, NOW_NS - 120 * SECOND_NS)}
    assert broken(gate_of(**limits), order_of(5), book_of(**old)) == []
    old["data_ns"] = np.full(2, NOW_NS - 121 * SECOND_NS)
    assert broken(gate_of(**limits), order_of(5), book_of(**old)) == ["data_age"]


# --- 8 and 9: once, and not too often --------------------------------------------------------------


def test_same_client_id_is_never_let_through_twice() -> None:
    gate, book = gate_of(), book_of()
    assert broken(gate, order_of(5, name="a1"), book) == []
    book.now_ns += 10**18
    book.data_ns[:] = book.now_ns
    assert broken(gate, order_of(6, name="a1"), book) == ["duplicate_intent"]


def test_same_wish_is_never_let_through_twice_under_another_name() -> None:
    gate = gate_of()
    assert broken(gate, Proposal(order_of(5, name="a1"), intent="w")) == []
    assert broken(gate, Proposal(order_of(6, name="a2"), intent="w")) == ["duplicate_intent"]
    assert broken(gate, Proposal(order_of(7, name="a3"), intent="v")) == []


def test_names_of_an_earlier_process_are_remembered() -> None:
    gate = gate_of()
    gate.remember([order_of(5, name="a1")], ["w"])
    assert broken(gate, order_of(5, name="a1")) == ["duplicate_intent"]
    assert broken(gate, Proposal(order_of(6, name="a2"), intent="w")) == ["duplicate_intent"]


@pytest.mark.parametrize(
    ("other", "after_ns", "expected"),
    [
        ({}, SECOND_NS - 1, ["duplicate_order"]),
        ({}, SECOND_NS, []),
        ({"price_ticks": 199}, 0, []),
        ({"lots": 6}, 0, []),
        ({"instrument": 1}, 0, []),
    ],
)
def test_same_order_within_a_second_is_refused(other, after_ns: int, expected: list[str]) -> None:
    gate, book = gate_of(duplicate_window_s=1.0), book_of()
    order = order_of(5, price_ticks=200, name="a1")
    assert broken(gate, order, book) == []
    book.now_ns += after_ns
    assert broken(gate, replace(order, client_id="a2", **other), book) == expected


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"tick": 1e308}),
        ({"price_ticks": 200, "tick": 0.5}, {"price_ticks": 100, "tick": 1.0}),
        ({"price_ticks": 200, "tick": 0.5, "strategy": "other"}, {"price_ticks": 200, "tick": 0.5}),
    ],
)
def test_same_order_in_other_words_is_a_duplicate(first, second) -> None:
    gate = gate_of(duplicate_window_s=1.0)
    assert broken(gate, order_of(5, name="a1", **first)) == []
    assert broken(gate, order_of(5, name="a2", **second)) == ["duplicate_order"]


def test_duplicate_of_a_refused_order_is_refused_too() -> None:
    gate = gate_of(duplicate_window_s=1.0)
    assert broken(gate, order_of(5, name="a1"), book_of(closed=np.array([True, True])))
    assert broken(gate, order_of(5, name="a2")) == ["duplicate_order"]


def test_exits_of_a_position_may_be_placed_anew_at_once() -> None:
    gate, book = gate_of(duplicate_window_s=1.0), book_of(held=[10, 0])
    for name in ("a1", "a2"):
        exit_ = order_of(-10, price_ticks=240, group="g" + name, reduce_only=True, name=name)
        assert broken(gate, exit_, book) == []


def test_more_orders_than_a_second_allows_are_refused() -> None:
    gate, book = gate_of(max_messages_per_s=3), book_of()
    found = [broken(gate, order_of(k + 1, name=f"a{k}"), book) for k in range(5)]
    assert found == [[], [], [], ["message_rate"], ["message_rate"]]
    book.now_ns += SECOND_NS
    assert broken(gate, order_of(9, name="b"), book) == []


def test_same_action_too_often_is_refused() -> None:
    gate, book = gate_of(max_repeats=2, repeat_window_s=10.0), book_of()
    names = iter("abcdefg")

    def sent(lots: int, after_s: int = 1) -> list[str]:
        book.now_ns += after_s * SECOND_NS
        book.data_ns[:] = book.now_ns
        return broken(gate, order_of(lots, name=next(names)), book)

    assert [sent(5), sent(5), sent(5)] == [[], [], ["repeated_execution"]]
    assert sent(-5) == sent(6) == []
    assert sent(5, 20) == []


# --- 10: prices ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (order_of(5, price_ticks=204), []),
        (order_of(5, price_ticks=205), ["collar_mid"]),
        (order_of(5, price_ticks=211), ["collar_mid", "collar_close"]),
        (order_of(5, price_ticks=20), []),
        (order_of(-5, price_ticks=196), []),
        (order_of(-5, price_ticks=195), ["collar_mid"]),
        (order_of(-5, price_ticks=400), []),
        (order_of(-5, price_ticks=40, kind=OrderKind.STOP), []),
        (order_of(-5, price_ticks=100, limit_ticks=98, kind=OrderKind.STOP_LIMIT), []),
        (order_of(-5, price_ticks=100, limit_ticks=97, kind=OrderKind.STOP_LIMIT), ["collar_mid"]),
    ],
)
def test_price_may_not_be_much_worse_than_the_market(order: Order, expected: list[str]) -> None:
    assert broken(gate_of(collar_mid=0.02, collar_close=0.05), order) == expected


def test_market_order_is_refused_where_the_market_left_the_last_good_close() -> None:
    book = book_of(mids=np.array([106.0, 100.0]))
    assert broken(gate_of(collar_close=0.05), order_of(5), book) == ["collar_close"]
    assert broken(gate_of(collar_close=0.05), order_of(-5), book) == []


@pytest.mark.parametrize("price", [math.nan, 0.0, -1.0, math.inf])
@pytest.mark.parametrize("which", ["marks", "mids"])
def test_order_without_a_reference_price_is_refused(which: str, price: float) -> None:
    book = book_of(**{which: np.array([price, 100.0])})
    assert "reference_price" in broken(gate_of(), order_of(5), book)


def test_order_is_worth_its_dearest_price() -> None:
    gate = gate_of(max_order=1000.0)
    assert broken(gate, order_of(10)) == []
    assert broken(gate, order_of(10, price_ticks=201, name="a")) == ["max_order"]
    assert broken(gate, order_of(10, name="b"), book_of(mids=np.full(2, 101.0))) == ["max_order"]


# --- 11 and 12: sizes ------------------------------------------------------------------------------


def test_size_limits_bind_what_reduces_too() -> None:
    book = book_of(held=[100, 0])
    gate = gate_of(max_quantity=5.0, max_order=500.0, max_participation=0.005)
    closing = order_of(-6, reduce_only=True)
    assert broken(gate, closing, book) == ["max_quantity", "max_order", "max_participation"]


def test_volume_that_is_not_known_passes_nothing_under_a_limit() -> None:
    book = book_of(daily_volumes=np.full(2, np.nan), volumes=np.full(2, np.nan))
    assert broken(gate_of(), order_of(5), book) == []
    assert broken(gate_of(max_volume_share=0.01), order_of(1, name="b"), book) == [
        "max_volume_share"
    ]
    assert broken(gate_of(max_participation=0.1), order_of(1), book) == ["max_participation"]


def test_batch_beyond_its_value_is_refused_whole_but_for_what_reduces() -> None:
    gate, book = gate_of(max_batch=900.0), book_of(held=[0, 10])
    orders = [order_of(5), order_of(4), order_of(1, name="c"), order_of(-9, 1, reduce_only=True)]
    approved, refused = gate.review([Proposal(order) for order in orders], book)
    assert [item.order.lots for item in approved] == [-9]
    assert [rules_of(refused, k) for k in range(3)] == [["max_batch"]] * 3


def test_child_works_for_no_more_than_its_parent_has_left() -> None:
    book = book_of(held=[10, 0])
    child = order_of(-6, price_ticks=220, parent="p", reduce_only=True)
    assert broken(gate_of(), Proposal(child, parent_left=6), book) == []
    assert broken(gate_of(), Proposal(child, parent_left=5), book) == ["parent"]
    assert broken(gate_of(), Proposal(child), book) == ["parent", "reduce_only"]


def test_children_of_a_refused_parent_are_refused_with_it() -> None:
    parent = order_of(10, name="p")
    legs = [
        Proposal(order_of(-10, price_ticks=t, parent="p", group="g", reduce_only=True, name=f"c{t}",
                          kind=kind), parent_left=10)
        for t, kind in ((180, OrderKind.STOP), (220, OrderKind.LIMIT))
    ]  # fmt: skip
    approved, refused = gate_of().review([Proposal(parent), *legs], book_of())
    assert len(approved) == 3
    approved, refused = gate_of(max_gross=0.01).review([Proposal(parent), *legs], book_of())
    assert not approved
    assert [rules_of(refused, k) for k in range(3)] == [["max_gross"], ["parent"], ["parent"]]


# --- 13: own orders --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "lots", "ticks", "expected"),
    [
        (-200, 5, 200, ["self_trade"]),
        (-200, 5, 199, []),
        (-200, 5, None, ["self_trade"]),
        (-201, 5, None, []),
        (200, -5, 200, ["self_trade"]),
        (200, -5, 201, []),
        (200, 5, 200, []),
    ],
)
def test_order_that_would_meet_our_own_is_refused(
    ours: int, lots: int, ticks: int | None, expected: list[str]
) -> None:
    side = 1 if ours > 0 else -1
    own = order_of(side * 3, price_ticks=abs(ours), name="own")
    book = book_of(working=[own], buying=[3 * (side > 0), 0], selling=[3 * (side < 0), 0])
    order = order_of(lots, price_ticks=ticks)
    assert broken(gate_of(), order, book) == expected
    assert broken(gate_of(), replace(order, instrument=1, client_id="other"), book) == []


def test_market_order_meets_own_orders_within_its_reach() -> None:
    own = order_of(-3, price_ticks=204, name="own")
    book = book_of(working=[own], selling=[3, 0])
    assert broken(gate_of(), order_of(5), book) == []
    assert broken(gate_of(market_reach=0.02), order_of(5), book) == ["self_trade"]


def test_orders_of_one_batch_may_not_meet_each_other() -> None:
    orders = [order_of(5, price_ticks=201, name="a"), order_of(-5, price_ticks=200, name="b")]
    _, refused = gate_of().review([Proposal(order) for order in orders], book_of())
    assert [rules_of(refused, k) for k in range(len(refused))] == [["self_trade"]]


def test_order_does_not_meet_the_one_that_it_replaces() -> None:
    waiting = order_of(-10, name="w")
    book = book_of(held=[10, 0], selling=[10, 0], working=[waiting])
    assert broken(gate_of(), Proposal(order_of(5), replaces=-10), book) == []
    assert broken(gate_of(), order_of(5), book) == ["self_trade"]


# --- 14 to 16: what is held, with all that is on its way --------------------------------------------


@pytest.mark.parametrize(
    ("held", "buying", "selling", "lots", "expected"),
    [
        (0, 4, 0, 1, []),
        (0, 4, 0, 2, ["max_position"]),  # with what is on its way
        (0, 0, 4, -2, ["max_position"]),
        (0, 0, 4, 5, []),  # the other side's orders do not make room
        (0, 0, 4, 6, ["max_position"]),
        (-4, 4, 0, 5, []),
        (-4, 4, 0, 6, ["max_position"]),
        (9, 0, 0, -4, []),  # beyond the limit already: it reduces
        (9, 0, 0, 1, ["max_position"]),
        (9, 0, 0, -14, []),
        (9, 0, 0, -18, []),  # through flat, to no more than there was
        (9, 0, 0, -19, ["max_position"]),
        (-9, 0, 0, 4, []),
    ],
)
def test_position_limit_counts_open_orders_at_their_worst(
    held: int, buying: int, selling: int, lots: int, expected: list[str]
) -> None:
    book = book_of(held=[held, 0], buying=[buying, 0], selling=[selling, 0])
    assert broken(gate_of(max_position=0.05), order_of(lots), book) == expected


def test_earlier_orders_of_a_batch_count_for_later_ones_approved_or_not() -> None:
    gate = gate_of(max_position=0.05)
    orders = [order_of(4, name="a"), order_of(3, name="b"), order_of(1, name="c"), order_of(1, 1)]
    approved, refused = gate.review([Proposal(order) for order in orders], book_of())
    assert [item.order.client_id for item in approved] == ["a", "n1.1"]
    assert [rules_of(refused, k) for k in range(2)] == [["max_position"]] * 2


def test_gross_counts_both_sides_and_net_each_by_itself() -> None:
    book = book_of(held=[3, -3])
    assert broken(gate_of(max_gross=0.07), order_of(1), book) == []
    assert broken(gate_of(max_gross=0.07), order_of(2), book) == ["max_gross"]
    assert broken(gate_of(max_net=0.02), order_of(2), book) == []
    assert broken(gate_of(max_net=0.02), order_of(3), book) == ["max_net"]
    assert broken(gate_of(max_net=0.02), order_of(-3, 1), book) == ["max_net"]
    open_ = book_of(held=[3, -3], buying=[0, 2])
    assert broken(gate_of(max_net=0.02), order_of(1), open_) == ["max_net"]


def test_one_underlying_is_limited_over_all_its_instruments() -> None:
    book = book_of(symbols=("BTC/USD", "BTC/EUR", "ETH/USD"), held=[3, -2, 9])
    assert broken(gate_of(max_concentration=0.06), order_of(1), book) == []
    assert broken(gate_of(max_concentration=0.06), order_of(2), book) == ["max_concentration"]
    assert broken(gate_of(max_concentration=0.06), order_of(2, 2), book) == ["max_concentration"]


def test_leverage_is_over_the_lower_of_equity_and_yesterdays() -> None:
    gate = gate_of(max_leverage=1.0)
    assert broken(gate, order_of(100)) == []
    assert broken(gate, order_of(81, name="a"), book_of(yesterday=8_000.0)) == ["max_leverage"]


def test_buying_power_is_equity_less_what_is_held_and_on_its_way() -> None:
    gate = gate_of(max_borrowed=0.0)
    book = book_of(held=[-40, 0], buying=[0, 30])
    assert broken(gate, order_of(30, 1, name="a"), book) == []
    assert broken(gate, order_of(31, 1, name="b"), book) == ["buying_power"]
    assert broken(gate_of(max_borrowed=0.5), order_of(80, 1), book) == []
    assert broken(gate, order_of(40, name="c"), book) == []  # it closes the short


def test_position_without_a_price_lets_nothing_grow_and_everything_shrink() -> None:
    book = book_of(held=[10, 10], marks=np.array([100.0, np.nan]))
    assert "max_gross" in broken(gate_of(max_gross=5.0), order_of(1), book)
    assert broken(gate_of(max_gross=5.0), order_of(-10), book) == []


@pytest.mark.parametrize(
    ("held", "lots", "more", "is_true"),
    [
        (10, -10, {}, True),
        (10, -11, {}, False),
        (10, 1, {}, False),
        (0, -1, {}, False),
        (-10, 10, {}, True),
        (10, -6, {"selling": [5, 0]}, False),
        (10, -5, {"selling": [5, 0]}, True),
        (10, -6, {"working": [order_of(-5, reduce_only=True, name="w")]}, False),
    ],
)
def test_promise_to_reduce_is_verified(held: int, lots: int, more, is_true: bool) -> None:
    book = book_of(held=[held, 0], **more)
    expected = [] if is_true else ["reduce_only"]
    assert broken(gate_of(), order_of(lots, reduce_only=True), book) == expected


@pytest.mark.parametrize("groups", ["", "gh"])
def test_two_orders_that_close_one_position_are_not_both_let_through(groups: str) -> None:
    orders = [
        order_of(-6, reduce_only=True, name=name, group=groups[k : k + 1])
        for k, name in enumerate("ab")
    ]
    approved, refused = gate_of().review([Proposal(o) for o in orders], book_of(held=[10, 0]))
    assert [item.order.client_id for item in approved] == ["a"]
    assert rules_of(refused) == ["reduce_only"]


# --- 17 and 18: losses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "at", "beyond"),
    [
        ({"max_daily_loss": 0.25}, {"equity": 7_500.0}, {"equity": 7_499.0}),
        ({"max_realised_loss": 0.25}, {"realised": -2_500.0}, {"realised": -2_501.0}),
        ({"max_drawdown": 0.5}, {"peak": 20_000.0}, {"peak": 20_001.0}),
    ],
)
def test_loss_beyond_its_limit_stops_what_grows_and_is_told(limits, at, beyond) -> None:
    (name,) = limits
    gate = gate_of(**limits)
    told: list[Breach] = []
    gate.on_loss = told.append
    assert broken(gate, order_of(1, name="a"), book_of(held=[5, 0], **at)) == []
    assert not told
    book = book_of(held=[5, 0], **beyond)
    assert broken(gate, order_of(1, name="b"), book) == [name]
    assert [loss.rule for loss in told] == [name]
    assert [loss.rule for loss in gate.losses(book)] == [name]
    assert broken(gate, order_of(-5, name="c"), book) == []
    assert broken(gate, order_of(-5, reduce_only=True, name="d"), book) == []


@pytest.mark.parametrize("figure", ["equity", "peak", "yesterday"])
def test_account_that_is_not_a_number_lets_nothing_grow(figure: str) -> None:
    limits = {"max_daily_loss": 0.5, "max_drawdown": 0.5, "max_position": 1.0}
    book = book_of(held=[5, 0], **{figure: math.nan})
    assert broken(gate_of(**limits), order_of(1), book)
    assert broken(gate_of(**limits), order_of(-5), book) == []


# --- 19: what accounts share -----------------------------------------------------------------------


class Shared:
    """Reservations in memory, with everything that was asked of them."""

    def __init__(self, *, fails: bool = False) -> None:
        self.held: dict[str, float] = {}
        self.settled: list[float] = []
        self.fails = fails

    def reserve(self, key: str, owner: str, token: str, amount: float, limit: float):
        if self.fails:
            raise JournalError("the database is locked", hint="try again")
        total = sum(self.held.values()) + amount
        if total > limit:
            return None
        self.held[token] = amount
        return total

    def release(self, key: str, token: str) -> None:
        del self.held[token]

    def settle(self, key: str, owner: str, amount: float, *, tokens=()) -> None:
        self.settled.append(amount)
        for token in tokens:
            self.held.pop(token, None)


def sharing(shared: Shared, most: float = 1000.0, **limits: float) -> RiskGate:
    return gate_of(portfolio=Portfolio("p", most), gate={"reservations": shared}, **limits)


def test_accounts_that_share_a_limit_do_not_pass_it_together() -> None:
    shared = Shared()
    one, two = sharing(shared), sharing(shared)
    order = order_of(6, name="a")
    assert broken(one, order) == []
    assert broken(two, order_of(5, name="b")) == ["reservation"]
    one.release(order)
    assert shared.held == {}
    assert broken(two, order_of(5, name="c")) == []


def test_order_that_is_refused_reserves_nothing_and_leaves_no_room() -> None:
    shared = Shared()
    gate = sharing(shared, max_quantity=5.0)
    proposals = [Proposal(order_of(6, name="a")), Proposal(order_of(5, 1, name="b"))]
    _, refused = gate.review(proposals, book_of())
    assert [rules_of(refused, k) for k in range(2)] == [["max_quantity"], ["reservation"]]
    assert shared.held == {}


def test_order_that_reduces_reserves_nothing() -> None:
    shared = Shared()
    assert broken(sharing(shared), order_of(-10), book_of(held=[10, 0])) == []
    assert shared.held == {}


def test_reservation_that_fails_refuses() -> None:
    assert broken(sharing(Shared(fails=True)), order_of(1)) == ["reservation"]


def test_what_is_held_is_settled_with_the_orders_that_made_it() -> None:
    shared = Shared()
    gate, order = sharing(shared), order_of(6, name="a")
    broken(gate, order)
    gate.settle(600.0, orders=[order])
    assert (shared.settled, shared.held) == ([600.0], {})
    gate.release(order)  # it is given back already


def test_portfolio_limit_without_reservations_holds_for_the_account() -> None:
    gate = gate_of(portfolio=Portfolio("p", 1000.0))
    assert broken(gate, order_of(10, name="a")) == []
    assert broken(gate, order_of(11, name="b")) == ["reservation"]


# --- scopes and rules of one's own -----------------------------------------------------------------


def test_tighter_scope_is_named_as_whose_limit_it_is() -> None:
    gate = gate_of(
        max_order=1000.0,
        symbols={"S0/USD": {"max_order": 500.0}},
        strategies={"trend": {"max_quantity": 7.0}},
    )
    _, refused = gate.review([Proposal(order_of(8)), Proposal(order_of(8, 1))], book_of())
    first, second = ([(breach.rule, breach.scope) for breach in item.breaches] for item in refused)
    assert first == [("max_quantity", "strategy:trend"), ("max_order", "symbol:S0/USD")]
    assert second == [("max_quantity", "strategy:trend")]


class Says:
    """A rule of one's own that says what it is told to."""

    name = "says"

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def check(self, order, book):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, []),
        (Breach("anything", 1.0, 2.0), ["own:says"]),
        (ValueError("broken"), ["own:says"]),
        (True, ["own:says"]),
        (False, ["own:says"]),
        ("approved", ["own:says"]),
    ],
)
def test_own_rule_can_only_refuse(answer: object, expected: list[str]) -> None:
    assert broken(gate_of(gate={"rules": [Says(answer)]}), order_of(5)) == expected


def test_own_rule_that_says_nothing_frees_nothing() -> None:
    gate = gate_of(max_quantity=1.0, gate={"rules": [Says(None)]})
    assert broken(gate, order_of(5)) == ["max_quantity"]


# --- the gate of a backtest ------------------------------------------------------------------------

WHOLE = st.integers(-60, 60)


@settings(max_examples=300, deadline=None)
@given(
    held=st.tuples(WHOLE, WHOLE),
    waiting=st.tuples(st.integers(-20, 20), st.integers(-20, 20)),
    wanted=st.tuples(WHOLE.filter(bool), WHOLE.filter(bool)),
    bounds=st.tuples(*[st.sampled_from([0.05, 0.25, 0.5, 1e6])] * 3),
    value=st.sampled_from([1500.0, 1e15]),
    share=st.sampled_from([0.01, 1e9]),
)
def test_backtest_refuses_by_the_first_rule_of_the_compiled_walk(
    held, waiting, wanted, bounds, value, share
) -> None:
    """The walk's own function, over sums that are taken here, in the words of the document."""
    names = ("max_position", "max_gross", "max_net", "max_order", "max_participation")
    given_ = dict(zip(names, (*bounds, value, share), strict=True))
    array = np.array([*(given_[name] for name in names), 1.0, 1.0])
    buying, selling = [max(w, 0) for w in waiting], [max(-w, 0) for w in waiting]
    book = book_of(held=list(held), buying=buying, selling=selling)
    positions = [h + w for h, w in zip(held, waiting, strict=True)]
    both = list(zip(held, positions, strict=True))
    gross = sum(max(abs(h), abs(p)) * 100.0 for h, p in both)
    high, low = sum(max(pair) * 100.0 for pair in both), sum(min(pair) * 100.0 for pair in both)
    proposals, expected = [], []
    for i, quantity in enumerate(wanted):
        lots = waiting[i] + quantity
        if lots == 0:
            continue  # what waits is taken back
        before, after = positions[i] * 100.0, (positions[i] + quantity) * 100.0
        rule = arithmetic.violated(
            array, 10_000.0, quantity * 100.0, float(quantity), 1000.0, before, after, gross,
            high if after > before else low,
        )  # fmt: skip
        gross += max(abs(after) - abs(before), 0.0)
        high, low = high + max(after - before, 0.0), low + min(after - before, 0.0)
        expected.append("" if rule == arithmetic.PASSED else names[rule])
        proposals.append(Proposal(order_of(lots, i, reason=Reason.TARGET), replaces=waiting[i]))
    gate = RiskGate.for_backtest(Limits(**given_))
    _, refused = gate.review(proposals, book)
    found = {item.order.client_id: item.breaches[0].rule for item in refused}
    assert [found.get(p.order.client_id, "") for p in proposals] == expected


def test_backtest_with_wide_limits_refuses_only_broken_promises() -> None:
    gate = RiskGate.for_backtest(Limits())
    book = book_of(held=[5, 0], marks=np.array([100.0, np.nan]))
    assert broken(gate, order_of(10**12, reason=Reason.TARGET), book) == []
    assert broken(gate, order_of(1, 1, reason=Reason.TARGET), book) == []
    assert broken(gate, order_of(-5, reduce_only=True, reason=Reason.STOP_LOSS), book) == []
    closing = order_of(-6, reduce_only=True, reason=Reason.STOP_LOSS)
    assert broken(gate, closing, book) == ["reduce_only"]


def test_backtest_leaves_exits_without_limits() -> None:
    gate = RiskGate.for_backtest(Limits(max_order=100.0))
    book = book_of(held=[5, 0])
    assert broken(gate, order_of(-5, reduce_only=True, reason=Reason.TIME_STOP), book) == []
    assert broken(gate, order_of(-5, reason=Reason.TARGET), book) == ["max_order"]


def test_backtest_counts_the_open_orders_of_order_strategies_at_their_worst() -> None:
    gate = RiskGate.for_backtest(Limits(max_position=0.05))
    book = book_of(buying=[4, 0], selling=[4, 0])
    assert broken(gate, order_of(1, price_ticks=190), book) == []
    assert broken(gate, order_of(2, price_ticks=190), book) == ["max_position"]


def test_skew_of_a_backtest_is_none() -> None:
    assert RiskGate.for_backtest(Limits()).skew_ns == 0
    assert gate_of(max_clock_skew_s=0.5).skew_ns == 500_000_000


def test_accounts_share_a_limit_through_the_database(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/journal.sqlite")
    with closing(Reservations(database)) as first, closing(Reservations(database)) as second:
        one, two = sharing(first), sharing(second)
        order = order_of(6, name="a")
        assert broken(one, order) == []
        assert broken(two, order_of(5, name="b")) == ["reservation"]
        one.settle(600.0, orders=[order])  # filled: it is held now
        assert broken(two, order_of(5, name="c")) == ["reservation"]
        one.settle(100.0)
        assert broken(two, order_of(5, name="d")) == []
        assert broken(two, order_of(1, 1, name="e")) == []
        assert broken(two, order_of(4, 1, name="f")) == ["reservation"]
