"""Law 6: adding a rule or tightening a limit never lets more through, and a batch counts at its worst."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))  # the random accounts, which the measurement shares

from benchmarks.safety.gate_twin import (  # noqa: E402
    hostile,
    random_book,
    random_limits,
    random_proposal,
)
from peak_trade.app.limits_files import registered_rules  # noqa: E402
from peak_trade.domain.approval import Breach  # noqa: E402
from peak_trade.risk.book import Book, Proposal  # noqa: E402
from peak_trade.risk.gate import RiskGate  # noqa: E402
from peak_trade.risk.kill_switch import MemoryKillSwitch  # noqa: E402
from peak_trade.risk.limits import (  # noqa: E402
    COUNTS,
    GROWING,
    MAY_BE_ZERO,
    NAMES,
    Portfolio,
    ScopedLimits,
)
from peak_trade.risk.policy import Policy  # noqa: E402
from peak_trade.risk.rules import RULES  # noqa: E402

SEEDS = st.integers(0, 2**32 - 1)
LAW = settings(max_examples=25, deadline=None)
EXAMPLES = 8  # of each rule and each limit

Story = list[tuple[Book, list[Proposal]]]


def story_of(seed: int) -> tuple[ScopedLimits, Story]:
    """Random limits, and some batches of orders for accounts that change between them."""
    rng = np.random.default_rng(seed)
    limits, story, now_ns = random_limits(rng), [], 0
    for k in range(5):
        book = random_book(rng)
        later_ns = max(now_ns - book.now_ns, 0) + int(rng.integers(0, 3)) * 700_000_000
        book.now_ns += later_ns
        book.data_ns += later_ns
        now_ns = book.now_ns
        batch = []
        for j in range(int(rng.integers(1, 7))):
            proposal = random_proposal(rng, book, "twice" if rng.random() < 0.05 else f"{k}.{j}")
            batch.append(hostile(rng, proposal) if rng.random() < 0.1 else proposal)
        story.append((book, batch))
    return limits, story


def let_through(gate: RiskGate, story: Story) -> set[int]:
    """The orders, by identity, that a gate lets through in a story."""
    passed = set()
    for book, batch in story:
        approved, refused = gate.review(batch, book)
        assert len(approved) + len(refused) == len(batch)
        passed |= {id(item.order) for item in approved}
    return passed


def gate_of(limits: ScopedLimits, **given: object) -> RiskGate:
    terms = {"environment": "paper", "account": "a", **given}
    return RiskGate(limits, terms.pop("kill", MemoryKillSwitch("paper")), **terms)


def tighter(limits: ScopedLimits, name: str, factor: float) -> ScopedLimits:
    value = getattr(limits.account, name)
    if name in GROWING:
        value = value / factor + (0.1 if name == "market_reach" else 0.0)
    elif name in COUNTS:
        value = max(int(value * factor), 1)
    else:
        value = value * factor
        if name in MAY_BE_ZERO and factor < 0.1:
            value = 0.0
    account = replace(limits.account, **{name: value})
    return replace(limits, account=account, symbols={})


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=SEEDS, factor=st.sampled_from([0.9, 0.5, 0.01]))
@pytest.mark.parametrize("name", NAMES)
def test_tighter_limit_lets_no_more_through(name: str, seed: int, factor: float) -> None:
    limits, story = story_of(seed)
    limits = replace(limits, symbols={})
    before = let_through(gate_of(limits), story)
    assert let_through(gate_of(tighter(limits, name, factor)), story) <= before


@LAW
@given(seed=SEEDS, factor=st.sampled_from([0.5, 0.01]))
def test_tighter_portfolio_and_tighter_scope_let_no_more_through(seed: int, factor: float) -> None:
    limits, story = story_of(seed)
    before = let_through(gate_of(limits), story)
    most = limits.portfolio.max_exposure * factor
    assert let_through(gate_of(replace(limits, portfolio=Portfolio("p", most))), story) <= before
    scope = {"max_quantity": limits.account.max_quantity * factor, "max_position": 0.1}
    scoped = replace(limits, strategies={"s": scope})
    assert let_through(gate_of(scoped), story) <= before


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=SEEDS)
@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_added_rule_lets_no_more_through(rule: str, seed: int) -> None:
    limits, story = story_of(seed)
    gate = gate_of(limits)
    gate._rules = tuple(item for item in RULES if item.name != rule)
    without = let_through(gate, story)
    assert let_through(gate_of(limits), story) <= without


class Odd:
    """A rule that refuses some, raises on some, and answers nonsense to others."""

    name = "odd"

    def check(self, order, book) -> Breach | None:
        if order.lots % 7 == 0:
            raise ValueError(order.lots)
        if order.lots % 5 == 0:
            return "yes"  # type: ignore[return-value]
        return Breach("odd", 0.0, 1.0) if order.lots % 3 == 0 else None


@LAW
@given(seed=SEEDS)
def test_rules_of_ones_own_let_no_more_through(seed: int) -> None:
    limits, story = story_of(seed)
    before = let_through(gate_of(limits), story)
    for rules in ([Odd()], [*registered_rules(), Odd()]):
        assert let_through(gate_of(limits, rules=rules), story) <= before


@LAW
@given(seed=SEEDS)
def test_narrower_policy_and_a_kill_let_no_more_through(seed: int) -> None:
    limits, story = story_of(seed)
    before = let_through(gate_of(limits), story)
    policy = Policy(restricted=frozenset({"AAA/USD"}), max_notional=1_000.0)
    assert let_through(gate_of(limits, policy=policy), story) <= before
    kill = MemoryKillSwitch("paper")
    kill.trip("test", by="test", now_ns=0)
    assert let_through(gate_of(limits, kill=kill), story) == set()


@LAW
@given(seed=SEEDS, data=st.data())
def test_earlier_order_of_a_batch_never_makes_room_for_a_later_one(seed: int, data) -> None:
    """Leaving an earlier order out lets no later one fail that passed with it."""
    limits, story = story_of(seed)
    left_out = []
    for book, batch in story:
        gone = data.draw(st.integers(0, len(batch) - 1))
        left_out.append((book, batch[:gone] + batch[gone + 1 :]))
    remaining = {id(item.order) for _, batch in left_out for item in batch}
    with_all = let_through(gate_of(limits), story) & remaining
    assert with_all <= let_through(gate_of(limits), left_out)


@LAW
@given(seed=SEEDS)
def test_same_story_is_reviewed_alike(seed: int) -> None:
    limits, story = story_of(seed)
    assert let_through(gate_of(limits), story) == let_through(gate_of(limits), story)


def test_stories_let_some_through_and_refuse_by_most_rules() -> None:
    """The laws would say nothing of stories in which all or nothing passes."""
    passed, reasons, shown = 0, set(), 0
    for seed in range(150):
        limits, story = story_of(seed)
        gate: Callable = gate_of(limits).review
        for book, batch in story:
            approved, refused = gate(batch, book)
            passed, shown = passed + len(approved), shown + len(batch)
            reasons |= {breach.rule for item in refused for breach in item.breaches}
    assert 0.05 < passed / shown < 0.9
    missing = {rule.name for rule in RULES} - reasons
    assert missing <= {"kill_switch", "permit", "strategy", "restricted", "promotion", "trading_hours",
                       "policy_notional", "parent"}  # fmt: skip
