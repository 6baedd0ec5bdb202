"""A session that is cut off anywhere goes on as if it had not been; at a remote venue it asks first."""

from dataclasses import replace

import numpy as np
import pytest
from execution.roads import ScriptedVenue, found_of, report_of
from hypothesis import given, settings
from hypothesis import strategies as st
from laws.markets import Case, cases
from laws.order_scripts import Scripted, minutes
from laws.papers import NO_COLLAR, Memory, Paper, Ran
from laws.test_substitution import difference

from peak_trade.domain.approval import Approvals
from peak_trade.domain.costs import Costs
from peak_trade.domain.errors import InputError
from peak_trade.domain.event import BarsClosed, KillCleared, KillSeen, Resumed, StopAsked
from peak_trade.domain.exits import Exits
from peak_trade.domain.order import OrderState
from peak_trade.domain.terms import Terms
from peak_trade.engine.drive import Drive
from peak_trade.engine.recorded import RecordedKill
from peak_trade.engine.recovery import follow, settle
from peak_trade.engine.replay import RecordedVenue, Retracing, retrace, unanswered
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session
from peak_trade.execution.venue import Answer, Failure
from peak_trade.journal.record import Entry
from peak_trade.risk.gate import RiskGate
from peak_trade.risk.kill_switch import MemoryKillSwitch
from peak_trade.risk.kills import Scope
from peak_trade.risk.limits import RiskLimits, ScopedLimits

S = OrderState
HOUR = 3_600_000_000_000


def same(cut: Ran, whole: Ran) -> None:
    assert cut.consequences == whole.consequences
    assert difference(cut.record, whole.record) == ""
    assert cut.session.state() == whole.session.state()


# --- on paper: cut off after any record --------------------------------------------------------------


@settings(max_examples=150)
@given(cases(), st.data())
def test_session_cut_off_after_any_record_ends_as_the_uninterrupted_one(
    case: Case, data: st.DataObject
) -> None:
    paper = Paper(case.bars, case.targets, case.terms, case.start, limits=NO_COLLAR)
    try:
        whole = paper.go_on()
    except InputError:
        return
    left = data.draw(st.integers(0, len(whole.entries)))
    same(paper.go_on(whole.entries[:left]), whole)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.data())
def test_order_session_cut_off_after_any_record_ends_as_the_uninterrupted_one(
    seed: int, data: st.DataObject
) -> None:
    bars = minutes(80, seed, jumpy=seed % 2 == 0, gaps=seed % 3 == 0)
    paper = Paper(bars, Scripted(seed=seed), Terms(costs=Costs(commission=0.001)))
    whole = paper.go_on()
    left = data.draw(st.integers(0, len(whole.entries)))
    same(paper.go_on(whole.entries[:left]), whole)


@pytest.mark.parametrize("seed", range(3))
def test_session_cut_off_again_and_again_ends_as_the_uninterrupted_one(seed: int) -> None:
    paper = with_events({})
    whole = paper.go_on()
    rng = np.random.default_rng(seed)
    entries: list[Entry] = []
    for more in sorted(rng.integers(1, len(whole.entries), 5).tolist()):
        entries = paper.go_on(entries).entries[:more]
    same(paper.go_on(entries), whole)


def with_events(events) -> Paper:
    bars = minutes(200, 3, jumpy=True)
    targets = np.where(np.arange(200) % 30 < 20, 0.9, -0.4)[:, None]
    terms = Terms(costs=Costs(commission=0.001), exits=Exits(stop_loss=0.04, take_profit=0.06))
    return Paper(bars, targets, terms, events=events)


def kill(name: str):
    return lambda now_ns: KillSeen(name, "too hot", 2, now_ns)


@settings(max_examples=60)
@given(st.data())
def test_session_with_kills_and_a_stop_cut_off_after_any_record_ends_the_same(data) -> None:
    events = {
        60: kill("global"),
        75: lambda now_ns: KillCleared("global", now_ns),
        120: kill("symbol:I"),
        140: lambda now_ns: KillCleared("symbol:I", now_ns),
        180: lambda now_ns: StopAsked("flatten", now_ns),
    }
    paper = with_events(events)
    whole = paper.go_on()
    left = data.draw(st.integers(0, len(whole.entries)))
    same(paper.go_on(whole.entries[:left]), whole)


# --- kills and stops in a session --------------------------------------------------------------------


def holding(seed: int = 3) -> tuple[Session, Memory, Paper]:
    """A session that holds a position with a stop and a take-profit resting."""
    bars = minutes(60, seed)
    targets = np.full((60, 1), 0.9)
    paper = Paper(bars, targets, Terms(exits=Exits(stop_loss=0.2, take_profit=0.2)))
    journal = Memory()
    session = paper.open(Retracing((), journal), paper.kill)
    for row in range(3):
        session.step(BarsClosed(row, int(bars.time[row])))
    assert session.ledger.holds
    assert len(session.orders.open) == 2
    return session, journal, paper


def drive_of(session: Session, paper: Paper, journal: Memory, stop: str = "") -> Drive:
    return Drive(
        session,
        recorder=journal,
        kill=paper.kill,
        account="a1",
        strategy="case",
        stop_asked=lambda: stop,
        now_ns=lambda: session.book.now_ns,
    )


@pytest.mark.parametrize(
    "scope",
    [
        Scope(),
        Scope("paper"),
        Scope("paper", account="a1"),
        Scope(strategy="case"),
        Scope(symbol="I"),
        Scope(strategy="case", symbol="I"),
        Scope("paper", account="a1", strategy="case", symbol="I"),
    ],
)
def test_kill_cancels_everything_and_leaves_positions(scope: Scope) -> None:
    session, journal, paper = holding()
    lots = int(session.ledger.lots[0])
    paper.kill.trip("too hot", by="olaf", now_ns=0, scope=scope)
    drive_of(session, paper, journal).look()
    assert session.orders.open == []
    assert int(session.ledger.lots[0]) == lots
    assert not session.venue.has_orders


@pytest.mark.parametrize(
    "scope", [Scope("live"), Scope(strategy="other"), Scope(symbol="J"), Scope(account="a2")]
)
def test_kill_of_others_leaves_a_session_alone(scope: Scope) -> None:
    session, journal, paper = holding()
    paper.kill.trip("too hot", by="olaf", now_ns=0, scope=scope)
    drive_of(session, paper, journal).look()
    assert len(session.orders.open) == 2


def recovered(paper: Paper) -> None:
    switch = paper.kill
    for each in switch.kills:
        switch._standing = switch._standing.active(each.scope)


def test_session_goes_on_after_a_recovery_and_its_exits_rest_again() -> None:
    session, journal, paper = holding()
    levels = sorted(life.order.price_ticks for life in session.orders.open)
    driven = drive_of(session, paper, journal)
    paper.kill.trip("too hot", by="olaf", now_ns=0)
    driven.look()
    for row in (3, 4):
        session.step(BarsClosed(row, int(paper.bars.time[row])))
    assert session.orders.open == []
    recovered(paper)
    driven.look()
    assert sorted(life.order.price_ticks for life in session.orders.open) == levels
    assert driven.run(5, 60, paper.bars.time.tolist()).state == "done"


def test_time_stop_that_a_kill_refused_is_taken_after_the_recovery() -> None:
    bars = minutes(40, 3)
    paper = Paper(bars, np.full((40, 1), 0.9), Terms(exits=Exits(max_bars=5)))
    journal = Memory()
    session = paper.open(Retracing((), journal), paper.kill)
    driven = drive_of(session, paper, journal)
    for row in range(12):
        if row == 3:
            paper.kill.trip("too hot", by="olaf", now_ns=0)
        driven.look()
        session.step(BarsClosed(row, int(bars.time[row])))
    assert session.ledger.holds
    recovered(paper)
    driven.run(12, 20, bars.time.tolist())
    assert not session.ledger.holds


def test_one_of_two_kills_that_is_recovered_frees_what_the_other_does_not_name() -> None:
    bars = minutes(30, 3)
    two = type(bars).from_arrays(
        np.hstack([bars.close] * 2),
        open=np.hstack([bars.open] * 2),
        high=np.hstack([bars.high] * 2),
        low=np.hstack([bars.low] * 2),
        instruments=[bars.instruments[0], replace(bars.instruments[0], symbol="J")],
    )
    terms = Terms(exits=Exits(stop_loss=0.2, take_profit=0.2))
    paper = Paper(two, np.full((30, 2), 0.4), terms)
    session = paper.open(Retracing((), Memory()), paper.kill)
    for row in range(3):
        session.step(BarsClosed(row, int(two.time[row])))
    now_ns = session.book.now_ns
    session.step(KillSeen("global", "all", 2, now_ns))
    session.step(KillSeen("symbol:J", "one", 3, now_ns))
    assert session.orders.open == []
    session.step(KillCleared("global", now_ns))
    assert {life.order.instrument for life in session.orders.open} == {0}
    session.step(KillCleared("symbol:J", now_ns))
    assert {life.order.instrument for life in session.orders.open} == {0, 1}


@pytest.mark.parametrize(
    ("how", "orders", "holds"), [("cancel", 0, True), ("keep", 2, True), ("flatten", 0, False)]
)
def test_stop_ends_as_it_was_asked_to(how: str, orders: int, holds: bool) -> None:
    session, journal, paper = holding()
    ended = drive_of(session, paper, journal, how).run(3, 60, paper.bars.time.tolist())
    assert (ended.state, ended.detail) == ("stopped", how)
    assert len(session.orders.open) == orders
    assert session.ledger.holds is holds
    assert session.next_row == (4 if how == "flatten" else 3)


def test_flatten_without_a_bar_to_trade_at_has_failed() -> None:
    session, journal, paper = holding()
    ended = drive_of(session, paper, journal, "flatten").run(3, 3, paper.bars.time.tolist())
    assert ended.state == "done"
    session.step(StopAsked("flatten", session.book.now_ns))
    assert drive_of(session, paper, journal)._how().state == "failed"


def test_stopped_session_that_is_resumed_protects_what_it_holds_and_trades_on() -> None:
    session, journal, paper = holding()
    drive_of(session, paper, journal, "cancel").run(3, 60, paper.bars.time.tolist())
    trace = Retracing(list(journal.entries), journal)
    again = paper.open(trace, paper.kill)
    retrace(again, trace)
    assert (trace.parted, again.stopped) == (0, "cancel")
    again.step(Resumed(again.book.now_ns))
    assert again.stopped == ""
    assert len(again.orders.open) == 2
    assert drive_of(again, paper, journal).run(3, 60, paper.bars.time.tolist()).state == "done"
    assert paper.replay(journal.entries).parted == 0


# --- at a remote venue -------------------------------------------------------------------------------


class Remote:
    """Lives of one session at a scripted venue that outlives them."""

    def __init__(self, venue: type[ScriptedVenue] = ScriptedVenue) -> None:
        self.bars = minutes(30, 3)
        self.targets = np.full((30, 1), 0.5)
        self.venue = venue(Approvals())
        self.venue.settle_s = 0.02
        self.venue.lots, self.venue.cash = (0,), {"USD": 100_000.0}
        self.journal = Memory()
        self.clock = int(self.bars.time[-1])

    def now_ns(self) -> int:
        self.clock += 1_000_000  # the clock goes on while it is looked at
        return self.clock

    def live(self) -> Session:
        """A new life: the journal that is left is made again."""
        entries = self.journal.entries
        trace = Retracing(list(entries), self.journal)
        limits = ScopedLimits(replace(RiskLimits.wide(), max_clock_skew_s=0.001))
        kill = RecordedKill(trace, self.bars.symbols, MemoryKillSwitch("paper"))
        gate = RiskGate(limits, kill, environment="paper", account="a1")
        road = RecordedVenue(gate.approvals, trace, self.venue, doubtful=unanswered(list(entries)))
        session = Session(
            self.bars,
            StoredRows(self.targets),
            start=0,
            stop=30,
            terms=Terms(),
            gate=gate,
            recorder=trace,
            remote=road,
            run="remote",
        )
        retrace(session, trace)
        assert not trace.parted, str(trace.differences[0])
        return session

    def settle(self, session: Session, seconds: float = 2.0):
        return settle(session, self.venue, now_ns=self.now_ns, since_ns=0, seconds=seconds)

    def bar(self, session: Session) -> None:
        session.step(BarsClosed(session.next_row, self.now_ns()))

    def crash(self, records: int) -> None:
        """Leave so many records."""
        self.journal = Memory(self.journal.entries[:records])


def test_new_session_sends_nothing_before_the_books_were_compared() -> None:
    remote = Remote()
    session = remote.live()
    remote.bar(session)
    assert remote.venue.placed == []
    assert [life.state for life in session.orders] == [S.NOT_PLACED]
    assert remote.settle(session).is_clean
    remote.bar(session)  # what was not placed is wanted still
    assert len(remote.venue.placed) == 1
    assert len({life.order.client_id for life in session.orders}) == 2


def sent() -> tuple[Remote, Session]:
    remote = Remote()
    session = remote.live()
    assert remote.settle(session).is_clean
    remote.bar(session)
    assert len(remote.venue.placed) == 1
    return remote, session


def test_order_whose_answer_a_crash_took_is_unknown_and_adopted_not_sent_again() -> None:
    remote, _ = sent()
    order = remote.venue.placed[0]
    kinds = [entry.kind for entry in remote.journal.entries]
    remote.crash(kinds.index("order.intent") + 1)
    again = remote.live()
    assert [life.state for life in again.orders.open] == [S.UNKNOWN]
    assert again.orders.buying[0] == order.lots
    remote.venue.known[order.client_id] = found_of(order, S.ACCEPTED)
    found = remote.settle(again)
    assert found.is_clean
    assert [life.state for life in again.orders.open] == [S.ACCEPTED]
    remote.bar(again)
    assert len(remote.venue.placed) == 1


def test_order_that_a_crash_kept_from_leaving_is_proved_absent_before_a_new_attempt() -> None:
    remote, _ = sent()
    kinds = [entry.kind for entry in remote.journal.entries]
    remote.crash(kinds.index("order.intent") + 1)
    remote.venue.placed.clear()  # it never arrived
    again = remote.live()
    remote.bar(again)
    assert remote.venue.placed == []
    assert remote.settle(again).is_clean
    remote.bar(again)
    first, second = again.orders
    assert {first.state, second.state} == {S.ACCEPTED, S.NOT_PLACED}
    assert len(remote.venue.placed) == 1
    assert first.order.client_id != second.order.client_id


def test_order_that_was_filled_while_nobody_looked_is_booked_once() -> None:
    remote, _ = sent()
    order = remote.venue.placed[0]
    kinds = [entry.kind for entry in remote.journal.entries]
    remote.crash(kinds.index("order.intent") + 1)
    filled = found_of(order, S.FILLED, order.lots)
    remote.venue.known[order.client_id] = filled
    remote.venue.listed = list(filled.fills)
    remote.venue.reports = [*filled.fills, filled.report]
    remote.venue.lots = (order.lots,)
    remote.venue.cash = {"USD": 100_000.0 - order.lots * 0.001 * 100.0}
    again = remote.live()
    assert remote.settle(again).is_clean
    assert int(again.ledger.lots[0]) == order.lots
    assert again.fill_count == 1
    third = remote.live()  # and the journal tells it all
    assert (third.ledger.lots[0], third.fill_count) == (order.lots, 1)


@pytest.mark.parametrize("failure", [Failure.RATE_LIMITED, Failure.LOCKED_OUT, Failure.BAD_NONCE])
def test_pauses_and_halts_are_retraced(failure: Failure) -> None:
    remote = Remote()
    session = remote.live()
    remote.settle(session)
    remote.venue.answers += [failure, failure]
    for _ in range(3):
        remote.bar(session)
    again = remote.live()
    assert again.pipeline.stopped == session.pipeline.stopped
    assert bool(again.pipeline.stopped) is (failure is not Failure.RATE_LIMITED)
    assert [life.state for life in again.orders] == [life.state for life in session.orders]


def test_cancel_that_found_nothing_is_retraced_as_it_was() -> None:
    remote, session = sent()
    remote.venue.cancels.append(Answer(S.UNKNOWN))
    session.step(StopAsked("cancel", remote.now_ns()))
    assert [life.state for life in session.orders.open] == [S.UNKNOWN]
    assert [life.state for life in remote.live().orders.open] == [S.UNKNOWN]


def test_cancel_that_timed_out_is_asked_for_again_when_the_session_is_followed() -> None:
    remote, session = sent()
    remote.venue.cancels.append(Failure.NO_ANSWER)
    session.step(StopAsked("cancel", remote.now_ns()))
    assert [life.state for life in session.cancelling] == [S.PENDING_CANCEL]
    follow(session, remote.venue, remote.now_ns)
    assert session.orders.open == []


def test_order_beside_another_is_not_ended_by_the_others_end() -> None:
    remote, session = sent()
    remote.targets[:] = 0.9
    session.desk.try_again(0)
    remote.bar(session)
    first, second = session.orders.open
    session.step(report_of(first.order, S.CANCELED))
    assert [life.order.client_id for life in session.orders.open] == [second.order.client_id]
    assert second.state is S.ACCEPTED


def test_kill_cancels_an_unknown_order_once_it_is_found() -> None:
    remote = Remote()
    session = remote.live()
    remote.settle(session)
    remote.venue.answers.append(Failure.NO_ANSWER)
    remote.bar(session)
    session.step(KillSeen("global", "too hot", 2, remote.now_ns()))
    (life,) = session.orders.open
    remote.venue.known[life.order.client_id] = found_of(life.order, S.ACCEPTED)
    remote.clock += HOUR
    follow(session, remote.venue, remote.now_ns)
    assert life.state is S.CANCELED


def test_books_that_differ_let_nothing_be_sent() -> None:
    remote = Remote()
    remote.venue.lots = (7,)
    session = remote.live()
    found = remote.settle(session, seconds=0.05)
    assert [item.kind for item in found.mismatches] == ["position"]
    remote.bar(session)
    assert remote.venue.placed == []


def test_query_that_fails_is_no_empty_result() -> None:
    remote = Remote()
    remote.venue.is_deaf = True
    session = remote.live()
    found = remote.settle(session, seconds=0.05)
    assert not found.is_clean
    remote.bar(session)
    assert remote.venue.placed == []


def test_answer_about_an_order_that_is_not_unknown_is_taken_once() -> None:
    remote, session = sent()
    (life,) = session.orders.open
    found = found_of(life.order, S.CANCELED, 3)
    for _ in range(2):
        session.take_found(life.order.client_id, found, remote.now_ns())
    assert (life.state, life.filled, int(session.ledger.lots[0])) == (S.CANCELED, 3, 3)
    assert session.fill_count == 1


def test_trade_that_turns_a_position_around_is_booked_as_two() -> None:
    remote, session = sent()
    (life,) = session.orders.open
    session.step(found_of(life.order, S.FILLED, 10).fills[0])
    session.step(report_of(life.order, S.CANCELED))
    remote.targets[:] = -0.5
    session.desk.try_again(0)
    remote.bar(session)
    sold = session.orders.open[-1].order
    trade = replace(found_of(sold, S.FILLED, 25).fills[0], fee=5.0, trade_id="turn")
    session.step(trade)
    session.step(trade)
    last = session.record().fills
    assert [int(n) for n in last.lots[-2:]] == [-10, -15]
    assert float(last.fee[-2:].sum()) == 5.0
    assert int(session.ledger.lots[0]) == -15


def test_exits_at_a_remote_venue_are_refused_at_the_start() -> None:
    remote = Remote()
    with pytest.raises(InputError, match="not offered"):
        Session(
            remote.bars,
            StoredRows(remote.targets),
            start=0,
            stop=30,
            terms=Terms(exits=Exits(stop_loss=0.1)),
            remote=remote.venue,
        )
