"""Faults that are planted into the gate, each of which the tests must find."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from risk.gate_rule_scenes import SCENES
from risk.gate_scenes import book_of, broken, gate_of, order_of

from benchmarks.safety.gate import run_hostile
from peak_trade.domain.approval import Breach
from peak_trade.kernels import limits as arithmetic
from peak_trade.risk import gate as gate_module
from peak_trade.risk.book import Proposal
from peak_trade.risk.case import Batch, Case
from peak_trade.risk.gate import RiskGate
from peak_trade.risk.limits import InForce, Portfolio, ScopedLimits
from peak_trade.risk.rules import RULES
from peak_trade.risk.throttle import Memory

# --- what looks for faults -------------------------------------------------------------------------


def rules_refuse_alone() -> bool:
    """Whether each rule refuses its own scene, and nothing else does."""
    return all(scene.refusal() == [rule] for rule, scene in SCENES.items())


def all_are_named() -> bool:
    gate = gate_of(max_quantity=4.0, max_order=400.0)
    return broken(gate, order_of(5)) == ["max_quantity", "max_order"]


def limits_are_reached() -> bool:
    """Whether what lies on a limit passes, and what lies beyond it does not."""
    at = broken(gate_of(max_position=0.05, max_gross=0.05), order_of(5))
    return at == [] and bool(broken(gate_of(max_position=0.05), order_of(6)))


def batch_counts() -> bool:
    orders = [order_of(4, name="a"), order_of(4, name="b", decided_ns=0)]
    gate = gate_of(max_position=0.05)
    approved, _ = gate.review([Proposal(order) for order in orders], book_of())
    return len(approved) == 1


def refused_ones_count() -> bool:
    orders = [order_of(6, name="a"), order_of(5, name="b")]
    approved, _ = gate_of(max_position=0.05).review([Proposal(o) for o in orders], book_of())
    return not approved


def open_orders_count() -> bool:
    return bool(broken(gate_of(max_gross=0.05), order_of(1), book_of(buying=[0, 5])))


def no_number_is_a_refusal() -> bool:
    """Whether equity, marks and volumes that are not numbers let nothing grow."""
    scenes = (
        ({"max_position": 1.0}, {"equity": math.nan}),
        ({"max_gross": 5.0}, {"held": [0, 9], "marks": np.array([100.0, math.nan])}),
        ({"max_participation": 0.5}, {"volumes": np.full(2, math.nan)}),
        ({"max_drawdown": 0.5}, {"peak": math.nan}),
        ({"collar_mid": 0.5}, {"mids": np.full(2, math.nan)}),
    )
    return all(
        next(iter(limits)) in broken(gate_of(**limits), order_of(1), book_of(**world))
        for limits, world in scenes
    )


def promises_are_verified() -> bool:
    return not any(
        broken(gate_of(), order_of(lots, reduce_only=True), book_of(held=[5, 0])) == []
        for lots in (1, -6)
    )


def reducing_passes() -> bool:
    """Whether an account beyond every limit may still reduce."""
    gate = gate_of(
        max_position=0.01, max_gross=0.01, max_net=0.01, max_leverage=0.01, max_concentration=0.01,
        max_borrowed=0.0, max_daily_loss=0.01, max_drawdown=0.01,
    )  # fmt: skip
    book = book_of(held=[150, 0], equity=5_000.0)
    return broken(gate, order_of(-10), book) == []


def exposure_is_reserved() -> bool:
    gate = gate_of(portfolio=Portfolio("p", 500.0))
    return broken(gate, order_of(6)) == ["reservation"]


def scopes_tighten() -> bool:
    gate = gate_of(symbols={"S0/USD": {"max_order": 400.0}})
    return broken(gate, order_of(5)) == ["max_order"]


def own_rules_refuse() -> bool:
    class Broken:
        name = "broken"

        def check(self, order, book) -> Breach | None:
            raise ValueError("it always fails")

    return broken(gate_of(gate={"rules": [Broken()]}), order_of(5)) == ["own:broken"]


def rules_that_fail_refuse() -> bool:
    """Whether a rule of the house that raises is a refusal."""
    return bool(broken(gate_of(), order_of(5), book_of(closed=np.zeros(0, np.bool_))))


def hostile_orders_pass_nothing() -> bool:
    _, past, raised = run_hostile(1_500, seed=11)
    return past == raised == 0


def losses_are_told() -> bool:
    gate, told = gate_of(max_drawdown=0.1), []
    gate.on_loss = told.append
    gate.review([], book_of(peak=20_000.0))
    return [loss.rule for loss in told] == ["max_drawdown"]


LOOKS: tuple[Callable[[], bool], ...] = (
    rules_refuse_alone,
    all_are_named,
    limits_are_reached,
    batch_counts,
    refused_ones_count,
    open_orders_count,
    no_number_is_a_refusal,
    promises_are_verified,
    reducing_passes,
    exposure_is_reserved,
    scopes_tighten,
    own_rules_refuse,
    rules_that_fail_refuse,
    losses_are_told,
    hostile_orders_pass_nothing,
)


def is_found() -> bool:
    """Whether any of them sees that something is wrong; what raises has seen it."""
    for look in LOOKS:
        try:
            if not look():
                return True
        except Exception:  # noqa: BLE001 - a fault that breaks the gate is found too
            return True
    return False


# --- the faults ------------------------------------------------------------------------------------

Plant = Callable[[pytest.MonkeyPatch], None]
_review = RiskGate.review
_breaches = RiskGate._breaches
_take = Batch.take


def _swap(owner: object, name: str, other: object) -> Plant:
    return lambda patch: patch.setattr(owner, name, other)


def _blind(**emptied: object) -> Plant:
    """A gate that does not see a part of the books."""

    def review(self, proposals, book):
        return _review(self, proposals, replace(book, **emptied))

    return _swap(RiskGate, "review", review)


def _take_approved_only(self, case, *, is_approved: bool) -> None:
    if is_approved:
        _take(self, case, is_approved=True)


def _swallow(self, proposal, batch):
    """A rule that raises is passed over."""
    return [item for item in _breaches(self, proposal, batch) if "it failed" not in item.detail]


FAULTS: dict[str, Plant] = {
    "at least for above": _swap(arithmetic, "exceeds", lambda limit, a, b: b >= limit and b > a),
    "what was there before is forgotten": _swap(
        arithmetic, "exceeds", lambda limit, a, b: b > limit
    ),
    "not a number compared with above": _swap(
        arithmetic, "exceeds", lambda limit, a, b: b > limit and b > a
    ),
    "unknown volume compared with above": _swap(
        arithmetic,
        "is_over_volume",
        lambda share, q, volume: share < 1e9 and abs(q) > share * volume,
    ),
    "unknown peak compared with below": _swap(
        arithmetic, "is_lost", lambda limit, now, then: limit < 1 and now / then - 1 < -limit
    ),
    "collar on one side alone": _swap(
        arithmetic,
        "is_worse",
        lambda side, price, mid, share: side < 0 and price < mid * (1 - share),
    ),
    "earlier orders of a batch dropped": _swap(Batch, "take", lambda self, case, is_approved: None),
    "refused orders of a batch dropped": _swap(Batch, "take", _take_approved_only),
    "open orders ignored": _blind(buying=np.zeros(2, np.int64), selling=np.zeros(2, np.int64)),
    "open and unknown orders not met": _swap(Batch, "working", lambda self, i: []),
    "promise to reduce trusted": _swap(Case, "_broken_promise", lambda self: ""),
    "limits of narrower scopes not read": _swap(
        ScopedLimits, "of", lambda self, strategy, symbol: InForce(self.account, {})
    ),
    "names forgotten": _swap(Memory, "knows", lambda self, name: False),
    "duplicate window off": _swap(Memory, "since_same", lambda self, key, now, window: None),
    "throttle off": _swap(Memory, "is_throttled", lambda self, now, most, window: False),
    "repetitions not counted": _swap(
        Memory, "is_repeated", lambda self, k, now, most, window: False
    ),
    "schema trusted": _swap(gate_module, "fault_of", lambda item, book, is_backtest: ""),
    "nothing reserved": _swap(RiskGate, "_reserve", lambda self, case, is_wanted: None),
    "own rules not asked": _swap(gate_module, "_asked", lambda rule, order, book: None),
    "a rule that fails passes": _swap(RiskGate, "_breaches", _swallow),
    "only the first rule named": _swap(
        RiskGate, "_breaches", lambda self, proposal, batch: _breaches(self, proposal, batch)[:1]
    ),
    "losses not told": _swap(RiskGate, "losses", lambda self, book: []),
}


def test_gate_without_a_fault_shows_none() -> None:
    assert [look.__name__ for look in LOOKS if not look()] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS[fault](monkeypatch)
    assert is_found()


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_rule_that_is_left_out_is_missed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tuple(item for item in RULES if item.name != rule)
    monkeypatch.setattr(gate_module, "RULES", left)
    assert SCENES[rule].refusal() == []


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_rule_refuses_its_own_scene_alone(rule: str) -> None:
    assert SCENES[rule].refusal() == [rule]
