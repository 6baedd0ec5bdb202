"""Faults that are put into the road of orders on purpose, and the checks that each of them fails."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from engine import test_recovery
from engine.test_recovery import Remote, with_events
from execution.roads import NOW_NS, Log, Road, ScriptedVenue, found_of, report_of
from laws import papers

from peak_trade.domain.approval import Approvals
from peak_trade.domain.errors import ApprovalError
from peak_trade.domain.event import KillSeen
from peak_trade.domain.lifecycle import FOLLOWERS, TERMINAL
from peak_trade.domain.order import OrderState, Reason
from peak_trade.engine import recovery, replay
from peak_trade.engine.intake import Intake
from peak_trade.engine.replay import Retracing
from peak_trade.execution import reconcile as reconciling
from peak_trade.execution.orders import Orders
from peak_trade.execution.pipeline import Pipeline
from peak_trade.execution.reconcile import reconcile
from peak_trade.execution.venue import Answer, Balances, Failure, VenueError
from peak_trade.journal.record import Entry
from peak_trade.risk.case import Case
from peak_trade.risk.kill_switch import MemoryKillSwitch
from peak_trade.risk.kills import Scope

S = OrderState
EVERY: list[Entry] = []
LONG = 10.0
"""Seconds that are beyond every deadline."""


# --- the checks: each passes on the road as it is ----------------------------------------------------


def check_trade_is_counted_once() -> None:
    road = Road()
    life = road.send_one(10)
    assert [road.fill(life, 4, "t1"), road.fill(life, 4, "t1")] == [True, False]
    assert (life.filled, life.left) == (4, 6)


class TripsAfterReview(MemoryKillSwitch):
    def __init__(self) -> None:
        super().__init__("paper")

    def sending(self, account: str, strategy: str, symbol: str):
        self.trip("now", by="somebody", now_ns=NOW_NS)
        return super().sending(account, strategy, symbol)


def check_kill_after_the_review_stops_the_order() -> None:
    road = Road(kill=TripsAfterReview())
    assert road.send_one().state is S.DENIED
    assert road.sent == []


def check_epoch_after_the_review_stops_the_order() -> None:
    class Elsewhere(MemoryKillSwitch):
        def sending(self, account: str, strategy: str, symbol: str):
            self.trip("now", by="somebody", now_ns=NOW_NS, scope=Scope("live"))
            return super().sending(account, strategy, symbol)

    road = Road(kill=Elsewhere("paper"))
    assert road.send_one().state is S.DENIED
    assert road.sent == []


class Forgetful(ScriptedVenue):
    """Takes the first order, and loses the answer: it stands in the book from then on."""

    def _place(self, order):
        is_first = not self.placed
        answer = super()._place(order)
        if is_first:
            self.known[order.client_id] = found_of(order, S.ACCEPTED)
            raise VenueError("the answer was lost", Failure.NO_ANSWER)
        return answer


def check_lost_answer_makes_no_second_order() -> None:
    road = Road(venue=Forgetful)
    life = road.send_one(10)
    assert len(road.venue.placed) == 1
    assert life.state is S.UNKNOWN
    road.later(LONG)
    road.resolve()
    assert (life.state, len(road.venue.placed)) == (S.ACCEPTED, 1)


def check_late_order_is_waited_for() -> None:
    road = Road()
    road.venue.answers.append(Failure.NO_ANSWER)
    life = road.send_one(10)
    road.later(1.0)  # it arrives after this, before its deadline
    road.resolve()
    assert life.state is S.UNKNOWN
    road.venue.known["o1"] = found_of(life.order, S.ACCEPTED)
    road.later(LONG)
    road.resolve()
    assert life.state is S.ACCEPTED


def check_duplicate_that_is_not_found_is_asked_for_again() -> None:
    road = Road()
    road.venue.answers.append(Failure.DUPLICATE)
    life = road.send_one(10)
    road.resolve()  # an answer to a query may be older than the order
    assert life.state is S.UNKNOWN
    road.venue.known["o1"] = found_of(life.order, S.ACCEPTED)
    road.later(LONG)
    road.resolve()
    assert life.state is S.ACCEPTED


def check_unknown_counts_in_the_worst_case() -> None:
    road = Road(max_position=0.15)
    road.venue.answers.append(Failure.NO_ANSWER)
    road.send_one(10)
    road.later(1.0)
    assert road.send_one(10).rule == "max_position"


def check_intent_is_durable_before_the_order_leaves() -> None:
    road = Road()
    durable: list[int] = []
    place = road.venue._place

    def looked(order):
        intents = [kind for kind, _, _ in road.log.records[: road.log.durable]]
        durable.append(intents.count("order.intent"))
        return place(order)

    road.venue._place = looked
    road.send_one()
    assert durable == [1]


def check_crash_before_the_answer_sends_nothing_twice() -> None:
    remote = Remote()
    session = remote.live()
    assert remote.settle(session).is_clean
    remote.bar(session)
    (order,) = remote.venue.placed
    kinds = [entry.kind for entry in remote.journal.entries]
    remote.crash(kinds.index("order.intent") + 1)
    remote.venue.known[order.client_id] = found_of(order, S.ACCEPTED)
    again = remote.live()
    assert remote.settle(again).is_clean
    remote.bar(again)
    assert [placed.client_id for placed in remote.venue.placed] == [order.client_id]


def check_cancel_that_finds_nothing_keeps_the_order() -> None:
    road = Road()
    life = road.send_one(10)
    road.venue.cancels.append(Answer(S.UNKNOWN))
    road.pipeline.cancel("o1", NOW_NS)
    assert life.is_open
    assert road.orders.buying[0] == 10
    road.venue.known["o1"] = found_of(life.order, S.FILLED, 10)
    road.resolve()
    assert (life.state, life.filled) == (S.FILLED, 10)


def check_cancel_is_tried_again() -> None:
    road = Road()
    life = road.send_one(10)
    road.venue.cancels.append(Failure.NO_ANSWER)
    road.pipeline.cancel("o1", NOW_NS)
    road.pipeline.on_report(report_of(life.order, S.ACCEPTED))
    assert road.pipeline.cancelling == [life]


def check_foreign_orders_are_found() -> None:
    road = Road()
    stranger = road.order()
    found = reconcile(
        Orders(1),
        symbols=["X"],
        lots=[0],
        cash={},
        open_orders=[found_of(stranger, S.ACCEPTED)],
        fills=[],
        balances=Balances((0,), {}),
    )
    assert not found.is_clean
    assert [item.report.client_id for item in found.foreign] == [stranger.client_id]


def check_cash_and_positions_are_compared() -> None:
    for lots, cash in (((1,), 5.0), ((0,), 5.01)):
        found = reconcile(
            Orders(1),
            symbols=["X"],
            lots=[0],
            cash={"USD": 5.0},
            open_orders=[],
            fills=[],
            balances=Balances(lots, {"USD": cash}),
        )
        assert not found.is_clean


def check_replay_sees_an_order_that_was_changed() -> None:
    paper = with_events({})
    entries = paper.go_on().entries
    k = [k for k, entry in enumerate(entries) if entry.kind == "order.intent"][3]
    order = dict(entries[k].payload["order"])
    order["lots"] += 1
    entries[k] = entries[k]._replace(payload={"order": order})
    trace = paper.replay(entries)
    assert trace.parted
    assert trace.differences[0].seq == entries[k].seq


def check_snapshot_is_not_taken_for_the_truth() -> None:
    paper = with_events({})
    whole = paper.go_on()
    entries = whole.entries[: len(whole.entries) // 2]
    lie = {"row": 7, "lots": [12345], "cash": {"USD": 1e9}, "equity": 1e9, "orders": []}
    last = entries[-1]
    entries.append(last._replace(seq=last.seq + 1, kind="snapshot", payload=lie))
    EVERY[:] = entries
    assert paper.go_on(entries).session.state() == whole.session.state()


def check_reduce_only_is_verified() -> None:
    road = Road()
    assert road.send_one(10, reduce_only=True, reason=Reason.FLATTEN).state is S.DENIED
    assert road.sent == []


def check_overfill_halts() -> None:
    road = Road()
    life = road.send_one(10)
    road.fill(life, 8, "t1")
    road.fill(life, 8, "t2")
    assert road.send_one(5).state is S.DENIED


def check_late_fill_is_booked() -> None:
    road = Road()
    life = road.send_one(10)
    road.pipeline.cancel("o1", NOW_NS)
    road.fill(life, 4, "late")
    assert life.filled == 4


def check_lock_out_stops_sending() -> None:
    road = Road()
    road.venue.answers.append(Failure.LOCKED_OUT)
    road.send_one()
    road.send_one()
    assert road.sent == ["o1"]


def check_failed_query_is_no_empty_answer() -> None:
    remote = Remote()
    session = remote.live()
    assert remote.settle(session).is_clean
    remote.venue.answers.append(Failure.NO_ANSWER)
    remote.bar(session)
    remote.venue.is_deaf = True
    remote.clock += 10**12
    recovery.follow(session, remote.venue, remote.now_ns)
    assert [life.state for life in session.orders.open] == [S.UNKNOWN]


def check_kill_cancels_protective_orders_too() -> None:
    paper = with_events({})
    session = paper.open(Retracing((), Log()))
    events = list(session._events())
    for event in events:
        session.step(event)
        if len(session.orders.open) >= 2:
            break
    session.step(KillSeen("strategy:case,symbol:I", "too hot", 2, session.book.now_ns))
    assert session.orders.open == []


def check_order_changed_after_review_is_not_sent() -> None:
    road = Road()
    wish = road.order(5)
    sync = road.log.sync

    def change() -> None:
        sync()
        object.__setattr__(wish, "lots", 5_000)

    road.log.sync = change
    with pytest.raises(ApprovalError, match="changed after its review"):
        road.send(wish)


CHECKS = [value for name, value in sorted(globals().items()) if name.startswith("check_")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__[6:])
def test_check_passes_on_the_road_as_it_is(check: Callable[[], None]) -> None:
    check()


# --- the faults --------------------------------------------------------------------------------------


def counts_every_trade(self, life, lots, now_ns, trade_id=""):
    before = life.left
    life.fill(lots, now_ns, "")
    self._shift(life, life.left - before)
    self._sort(life)
    return True


def sends_without_a_last_look(self, approved, book):
    gate = self.gate
    gate.approvals.release(approved, book_version=book.version, kill_epoch=approved.kill_epoch)
    return self.venue.submit(approved)


def ignores_the_epoch(self, approved, book):
    gate, order = self.gate, approved.order
    with gate.kill.sending(gate.account, order.strategy, book.symbols[order.instrument]):
        gate.approvals.release(approved, book_version=book.version, kill_epoch=approved.kill_epoch)
        return self.venue.submit(approved)


submit_as_it_is = Pipeline._submit


def sends_again_under_another_id(self, approved, book):
    try:
        return submit_as_it_is(self, approved, book)
    except VenueError:
        other = replace(approved.order, client_id=approved.order.client_id + "b")
        again = self.gate.approvals.issue(other, book.version, self.gate.kill.epoch)
        return submit_as_it_is(self, again, book)


def sends_again_under_its_id(self, approved, book):
    try:
        return submit_as_it_is(self, approved, book)
    except VenueError:
        again = self.gate.approvals.issue(approved.order, book.version, self.gate.kill.epoch)
        return submit_as_it_is(self, again, book)


def rejects_what_nobody_answered(self, life, error, now_ns):
    life.state = S.SENT
    self.orders.move(life, S.REJECTED, now_ns)


def ended_when_unknown(self, life, state, now_ns, detail=""):
    before = life.left
    life.move(state, now_ns, detail)
    if state in TERMINAL or state is S.UNKNOWN:
        self._shift(life, -before)
    self._sort(life)


def appends_without_sync(self, approved, now_ns):
    for _ in approved:
        self._recorder.append("order.intent", {"order": {}}, now_ns)


def takes_not_found_for_cancelled(self, client_id, now_ns):
    life = self.orders.of(client_id)
    self.venue.cancel(client_id)
    self.orders.move(life, S.CANCELED, now_ns)


def follows_every_report(self, report):
    life = self.orders.of(report.client_id)
    if report.state in FOLLOWERS[life.state]:
        self.orders.move(life, report.state, report.time_ns)
    return life


append_as_it_is = Retracing.append


def passes_over_orders(self, kind, payload, time_ns):
    if kind.startswith("order.") and not self.is_exhausted:
        return self._take().seq
    return append_as_it_is(self, kind, payload, time_ns)


retrace_as_it_is = replay.retrace


def believes_the_snapshot(session, trace):
    inputs = retrace_as_it_is(session, trace)
    for entry in EVERY:
        if entry.kind == "snapshot":
            session.ledger.cash[session.ledger.currency] = entry.payload["cash"]["USD"]
    return inputs


def resolves_on_a_failed_query(session, venue, now_ns):
    for life in session.pipeline.due(now_ns()):
        try:
            answer = venue.find(life.order.client_id)
        except VenueError:
            answer = None
        session.take_found(life.order.client_id, answer, now_ns())
    return 0


def reads_the_first_part_of_a_scope(self, order, scope):
    kind, _, name = scope.partition(":")
    if kind == "symbol":
        return self._book.symbols[order.instrument] == name
    return kind != "strategy" or name == order.strategy


def spends_whatever_was_released(self, approved):
    return self._released.pop(id(approved))[1]


def counts_fills_while_open(self, life, lots, now_ns, trade_id=""):
    if not life.is_open:
        return True
    return counts_every_trade(self, life, lots, now_ns, trade_id)


def compares_positions_alone(symbols, lots, cash, balances):
    return []


FAULTS: list[tuple[str, object, str, object, Callable[[], None]]] = [
    ("fill de-duplication removed", Orders, "fill", counts_every_trade, check_trade_is_counted_once),
    (
        "sent without a last look",
        Pipeline, "_submit", sends_without_a_last_look,
        check_kill_after_the_review_stops_the_order,
    ),
    (
        "kill epoch ignored",
        Pipeline, "_submit", ignores_the_epoch, check_epoch_after_the_review_stops_the_order,
    ),
    (
        "sent again under another id",
        Pipeline, "_submit", sends_again_under_another_id, check_lost_answer_makes_no_second_order,
    ),
    (
        "sent again under the same id",
        Pipeline, "_submit", sends_again_under_its_id, check_lost_answer_makes_no_second_order,
    ),
    (
        "asked at once instead of after the deadline",
        Pipeline, "_deadline_ns", lambda self: 0, check_late_order_is_waited_for,
    ),
    (
        "absence believed at any time",
        Pipeline, "is_proof", lambda self, life, asked_ns: True,
        check_duplicate_that_is_not_found_is_asked_for_again,
    ),
    (
        "unknown turned into rejected",
        Pipeline, "_without_answer", rejects_what_nobody_answered,
        check_lost_answer_makes_no_second_order,
    ),
    (
        "unknown dropped from the worst case",
        Orders, "move", ended_when_unknown, check_unknown_counts_in_the_worst_case,
    ),
    (
        "intent appended and not synchronised",
        Pipeline, "_make_durable", appends_without_sync,
        check_intent_is_durable_before_the_order_leaves,
    ),
    (
        "doubtful intents forgotten",
        test_recovery, "unanswered", lambda entries: set(),
        check_crash_before_the_answer_sends_nothing_twice,
    ),
    (
        "not found taken for cancelled",
        Pipeline, "cancel", takes_not_found_for_cancelled,
        check_cancel_that_finds_nothing_keeps_the_order,
    ),
    (
        "a wish to cancel undone by an old report",
        Pipeline, "on_report", follows_every_report, check_cancel_is_tried_again,
    ),
    (
        "foreign orders ignored",
        reconciling.Reconciliation, "is_clean",
        property(lambda self: not (self.missed or self.ask or self.mismatches)),
        check_foreign_orders_are_found,
    ),
    (
        "balances not compared",
        reconciling, "_of_balances", compares_positions_alone, check_cash_and_positions_are_compared,
    ),
    (
        "replay passes over orders",
        Retracing, "append", passes_over_orders, check_replay_sees_an_order_that_was_changed,
    ),
    (
        "a snapshot taken for the truth",
        papers, "retrace", believes_the_snapshot, check_snapshot_is_not_taken_for_the_truth,
    ),
    (
        "reduce-only trusted",
        Case, "_broken_promise", lambda self: "", check_reduce_only_is_verified,
    ),
    (
        "no halt after an overfill",
        Pipeline, "_why_not", lambda self, order: "", check_overfill_halts,
    ),
    (
        "a late fill dropped",
        Orders, "fill", counts_fills_while_open, check_late_fill_is_booked,
    ),
    (
        "a lock-out forgotten",
        Pipeline, "_why_not", lambda self, order: "", check_lock_out_stops_sending,
    ),
    (
        "a failed query taken for an empty answer",
        recovery, "follow", resolves_on_a_failed_query, check_failed_query_is_no_empty_answer,
    ),
    (
        "half of a scope read",
        Intake, "_is_covered", reads_the_first_part_of_a_scope,
        check_kill_cancels_protective_orders_too,
    ),
    (
        "orders not compared when they are spent",
        Approvals, "spend", spends_whatever_was_released,
        check_order_changed_after_review_is_not_sent,
    ),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault[0])
def test_fault_is_caught(fault, monkeypatch: pytest.MonkeyPatch) -> None:
    _, place, name, wrong, check = fault
    check()
    monkeypatch.setattr(place, name, wrong)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check()
