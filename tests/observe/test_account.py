"""The account that a journal tells of is the session's own, to the last bit."""

import math
from dataclasses import replace

import numpy as np
import pytest
from execution.scenes import FLAT, HOUR, bars_of, terms
from hypothesis import given
from hypothesis import strategies as st
from laws.markets import Case, cases
from laws.order_scripts import Scripted, minutes
from laws.rich_markets import rich_cases
from observe.recorded import Listed, run, run_case, started

from peak_trade.domain.errors import JournalError
from peak_trade.domain.event import BarsClosed, KillCleared, KillSeen, StopAsked
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.ledger import Adjust, CashFlow, Fill
from peak_trade.domain.limits import Limits
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session
from peak_trade.execution.records import entry_record, order_record
from peak_trade.journal.record import Entry
from peak_trade.observe.account import LAST_LOOK, Account, fold

S = OrderState
RISING = [(100.0 + k, 102.0 + k, 99.0 + k, 101.0 + k) for k in range(8)]


def check_against_session(session: Session, entries: list[Entry]) -> Account:
    """Cash, lots, averages, fees, equity and fills are the session's, bit for bit."""
    account = fold(entries)
    ledger, record = session.ledger, session.record()
    assert account.ledger.cash == ledger.cash
    assert account.ledger.lots.tolist() == ledger.lots.tolist()
    assert account.ledger.average.tobytes() == ledger.average.tobytes()
    assert account.ledger.fees == ledger.fees
    assert [point.equity for point in account.equity] == record.equity.tolist()
    fills = [item.entry for item in account.fills]
    assert [fill.time_ns for fill in fills] == record.fills.time.tolist()
    assert [fill.lots for fill in fills] == record.fills.lots.tolist()
    assert [fill.price for fill in fills] == record.fills.price.tolist()
    assert account.rows == len(record.equity)
    return account


def check_orders(session: Session, account: Account) -> None:
    """Every order that the session knows is where the journal says, and no other is open."""
    for life in session.orders:
        told = account.orders[life.order.client_id].life
        assert (told.state, told.filled, told.left) == (life.state, life.filled, life.left)
        assert told.order == life.order
    opened = {story.order.client_id for story in account.open_orders}
    assert opened == {life.order.client_id for life in session.orders.open}


def check_conservation(account: Account) -> None:
    """The running cash adds up from entry to entry, and lots from fill to fill."""
    cash = {account.currency: account.cash}
    lots = dict.fromkeys(range(len(account.instruments)), 0)
    for item in account.booked:
        before = cash.get(item.currency, 0.0)
        scale = max(abs(before), abs(item.cash), 1e-9)
        assert item.cash - before == pytest.approx(item.amount, abs=1e-9 * scale)
        cash[item.currency] = item.cash
        if isinstance(item.entry, Fill):
            lots[item.instrument] += item.entry.lots
        if item.instrument >= 0:
            if item.kind not in ("split", "adjust"):
                assert item.lots == lots[item.instrument]
            lots[item.instrument] = item.lots


@given(cases())
def test_fold_of_any_session_gives_its_ledger_and_its_orders(case: Case) -> None:
    session, entries = run_case(case)
    account = check_against_session(session, entries)
    check_orders(session, account)
    check_conservation(account)
    assert account.oddities == []


@given(rich_cases(everything=True))
def test_fold_of_a_session_with_actions_margin_and_currencies_gives_its_ledger(case: Case) -> None:
    session, entries = run_case(case)
    account = check_against_session(session, entries)
    check_orders(session, account)
    check_conservation(account)
    assert account.oddities == []


@given(st.integers(0, 2**31), st.sampled_from([300.0, 1e6]), st.booleans())
def test_fold_of_a_session_of_orders_of_every_kind_gives_its_ledger_and_its_orders(
    seed: int, cash: float, gaps: bool
) -> None:
    bars = minutes(200, seed, jumpy=True, gaps=gaps)
    session, entries = run(bars, Scripted(seed=seed), terms(cash=cash, commission=0.001))
    account = check_against_session(session, entries)
    check_orders(session, account)
    check_conservation(account)
    assert account.oddities == []


def test_fold_counts_cash_of_a_purchase_by_hand() -> None:
    session, entries = run(bars_of(RISING), np.full((8, 1), 0.5), terms(commission=0.001))
    account = fold(entries)
    (story,) = account.orders.values()
    # half of 1,000 at the close of 101 buys 4 lots, which fill at the next open of 101
    assert [(i.entry.lots, i.entry.price, i.amount, i.cash) for i in account.fills] == [
        (4, 101.0, pytest.approx(-404.404), pytest.approx(595.596))
    ]
    assert (story.average, story.fees) == (101.0, pytest.approx(0.404))
    assert [step.state for step in story.steps] == [S.INTENT, S.ACCEPTED, S.FILLED]
    (held,) = account.positions()
    assert (held.symbol, held.lots, held.quantity, held.average) == ("I0", 4, 4.0, 101.0)
    assert held.mark == pytest.approx(108.0)  # the last close
    assert held.value == pytest.approx(432.0)
    assert held.unrealised == pytest.approx(28.0)
    assert held.cost == 404.0
    assert account.last_equity == session.record().equity[-1]


def test_positions_of_several_instruments_have_a_value_together_and_no_mark_each() -> None:
    _, entries = run(bars_of(RISING, RISING), np.full((8, 2), 0.4), terms())
    account = fold(entries)
    found = account.positions()
    assert [(held.symbol, held.lots, held.cost) for held in found] == [
        ("I0", 3, 303.0), ("I1", 3, 303.0),
    ]  # fmt: skip
    assert all(math.isnan(held.mark) and math.isnan(held.unrealised) for held in found)
    assert account.held_value == pytest.approx(6 * 108.0)  # the last close of both
    assert account.unrealised == pytest.approx(6 * 7.0)


def test_position_that_was_traded_after_the_last_close_has_no_mark() -> None:
    _, entries = run(bars_of(RISING), np.full((8, 1), 0.5), terms())
    fill = entry_record(Fill("x", 0, 1, 108.0, 0.0, Reason.TARGET, 9 * HOUR))
    account = fold([*entries, Entry(len(entries) + 1, 1, 9 * HOUR, "fill", fill)])
    assert [(held.lots, math.isnan(held.mark)) for held in account.positions()] == [(5, True)]
    assert math.isnan(account.held_value)
    assert math.isnan(account.unrealised)


def test_fold_of_an_exit_tells_which_order_closed_the_position() -> None:
    falling = [*RISING[:3], (103.0, 104.0, 80.0, 82.0), FLAT, FLAT]
    _, entries = run(bars_of(falling), np.full((6, 1), 0.5), terms(stop_loss=0.1))
    account = fold(entries)
    assert [item.entry.reason for item in account.fills] == [Reason.TARGET, Reason.STOP_LOSS]
    stop = account.orders[account.fills[1].entry.client_id]
    assert (stop.order.kind, stop.life.state, stop.life.left) == (OrderKind.STOP, S.FILLED, 0)
    assert account.positions() == []


def test_refused_orders_are_counted_by_rule() -> None:
    limited = replace(terms(), limits=Limits(max_order=100.0))
    session, entries = run(bars_of(RISING), np.full((8, 1), 0.5), limited)
    account = fold(entries)
    assert session.pipeline.denied == sum(account.refusals.values()) > 0
    assert set(account.refusals) == {"max_order"}
    story = next(iter(account.orders.values()))
    assert (story.life.state, story.life.rule, story.breaches[0].limit) == (
        S.DENIED, "max_order", 100.0,
    )  # fmt: skip
    assert account.booked == []
    assert account.open_orders == []


def driven(*, kill_after: int, clear_after: int | None = None) -> tuple[Session, list[Entry]]:
    """A session with a stop resting, whose kill switch is seen after some row."""
    bars, listed = bars_of(RISING), Listed()
    listed.append("session.started", started(bars.instruments, 1000.0, "USD"), 1)
    session = Session(
        bars,
        StoredRows(np.full((8, 1), 0.5)),
        start=0,
        stop=8,
        terms=terms(stop_loss=0.2),
        recorder=listed,
    )
    for row in range(6):
        session.step(BarsClosed(row, int(bars.time[row])))
        if row == kill_after:
            session.step(KillSeen("account:main", "drill", 2, int(bars.time[row])))
        if row == clear_after:
            session.step(KillCleared("account:main", int(bars.time[row])))
    session.step(StopAsked("cancel", int(bars.time[5])))
    return session, listed.entries


def test_kill_is_told_with_what_it_cancelled() -> None:
    session, entries = driven(kill_after=3)
    account = check_against_session(session, entries)
    check_orders(session, account)
    assert [(k.scope, k.reason, k.epoch, k.cleared_ns) for k in account.kills] == [
        ("account:main", "drill", 2, None)
    ]
    (stop,) = [s for s in account.orders.values() if s.order.kind is OrderKind.STOP]
    assert stop.life.state is S.CANCELED
    assert [step.state for step in stop.steps][-2:] == [S.PENDING_CANCEL, S.CANCELED]


def test_kill_that_was_recovered_from_says_since_when() -> None:
    session, entries = driven(kill_after=2, clear_after=4)
    account = fold(entries)
    check_orders(session, account)
    assert [kill.cleared_ns for kill in account.kills] == [5 * HOUR]


# --- journals written by hand --------------------------------------------------------------------


def journal(*records: tuple[str, dict[str, object], int], epoch: int = 1) -> list[Entry]:
    """A session of one instrument, and these records after its start."""
    begun = started([Instrument("BTC/USD", lot=0.01, tick=0.1)], 1000.0, "USD")
    head = Entry(1, 1, 5, "session.started", begun)
    return [head, *(Entry(k, epoch, t, kind, p) for k, (kind, p, t) in enumerate(records, 2))]


def bought(lots: int = 10) -> dict[str, object]:
    order = Order("a1", 0, lots, OrderKind.LIMIT, Reason.ORDER, 6, price_ticks=5000, tick=0.1)
    return {"order": order_record(order)}


def filled(lots: int, trade_id: str) -> dict[str, object]:
    return entry_record(Fill("a1", 0, lots, 500.0, 0.1, Reason.ORDER, 8, trade_id=trade_id))


def test_order_that_nobody_answered_is_unknown_and_open() -> None:
    said = {"id": "a1", "state": "unknown", "detail": "timed out"}
    account = fold(journal(("order.intent", bought(), 6), ("order.state", said, 7)))
    (story,) = account.open_orders
    assert (story.life.state, story.life.detail, story.life.left) == (S.UNKNOWN, "timed out", 10)
    assert account.oddities == []


def test_order_that_fills_in_parts_and_is_cancelled_keeps_what_it_filled() -> None:
    account = fold(
        journal(
            ("order.intent", bought(), 6),
            ("order.state", {"id": "a1", "state": "accepted", "venue_id": "V7"}, 7),
            ("fill", filled(4, "t1"), 8),
            ("order.cancel", {"id": "a1"}, 9),
            ("order.state", {"id": "a1", "state": "canceled"}, 10),
        )
    )
    story = account.orders["a1"]
    assert [step.state for step in story.steps] == [
        S.INTENT, S.ACCEPTED, S.PARTIALLY_FILLED, S.PENDING_CANCEL, S.CANCELED,
    ]  # fmt: skip
    assert (story.life.filled, story.life.left, story.life.venue_id) == (4, 0, "V7")
    assert account.oddities == []


def test_order_held_back_at_the_last_look_counts_as_such() -> None:
    said = {"id": "a1", "state": "denied", "detail": "killed"}
    account = fold(journal(("order.intent", bought(), 6), ("order.state", said, 7)))
    assert account.refusals == {LAST_LOOK: 1}
    assert account.orders["a1"].life.rule == LAST_LOOK


def test_order_that_a_split_adjusts_is_full_with_its_new_lots() -> None:
    account = fold(
        journal(
            ("order.intent", bought(10), 6),
            ("order.state", {"id": "a1", "state": "accepted"}, 6),
            ("order.adjusted", bought(5), 7),
            ("fill", filled(5, "t1"), 8),
        )
    )
    assert account.orders["a1"].life.state is S.FILLED
    assert account.oddities == []


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([("fill", filled(11, "t1"), 8)], "filled by 1 lots too many"),
        ([("order.intent", bought(), 7)], "made twice"),
        ([("order.state", {"id": "zz", "state": "accepted"}, 7)], "never made"),
        (
            [
                ("order.state", {"id": "a1", "state": "rejected"}, 7),
                ("order.state", {"id": "a1", "state": "accepted"}, 8),
            ],
            "cannot go from rejected to accepted",
        ),
    ],
)
def test_what_no_order_does_is_pointed_out(
    records: list[tuple[str, dict[str, object], int]], said: str
) -> None:
    account = fold(journal(("order.intent", bought(), 6), *records))
    assert len(account.oddities) == 1
    assert said in account.oddities[0]


def test_payments_and_corrections_have_a_line_each() -> None:
    flow, adjust = CashFlow("USD", 2.5, "dividend", 8, 0), Adjust(0, 3, "USD", -1.0, "recount", 9)
    account = fold(
        journal(("cash_flow", entry_record(flow), 8), ("adjust", entry_record(adjust), 9))
    )
    assert [(i.kind, i.amount, i.cash, i.lots) for i in account.booked] == [
        ("dividend", 2.5, 1002.5, 0),
        ("adjust", -1.0, 1001.5, 3),
    ]


def test_incarnations_tell_a_crash_and_a_recovery() -> None:
    stopped = {"state": "stopped", "detail": "cancel"}
    account = fold(
        journal(("session.recovered", {"epoch": 2}, 20), ("session.stopped", stopped, 30), epoch=2)
    )
    first, second = account.incarnations
    assert (first.epoch, first.ended_ns, first.state) == (1, None, "")
    assert (second.epoch, second.is_recovery, second.ended_ns) == (2, True, 30)
    assert (second.state, second.detail) == ("stopped", "cancel")


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("order.intent", {}),
        ("order.intent", {"order": {"client_id": "a"}}),
        ("order.denied", {"order": bought()["order"], "breaches": [{"rule": "x"}]}),
        ("order.state", {"id": "a1", "state": "sleeping"}),
        ("fill", {"client_id": "a"}),
        ("fill", filled(1, "t") | {"instrument": 7}),
        ("equity", {"row": 1}),
        ("kill", {"scope": "global"}),
        ("session.stopped", {}),
    ],
)
def test_record_that_is_none_of_its_kind_is_named(kind: str, payload: dict[str, object]) -> None:
    with pytest.raises(JournalError, match="verify"):
        fold(journal(("order.intent", bought(), 6), (kind, payload, 7)))


def test_fold_of_nothing_and_of_a_journal_without_its_start_says_so() -> None:
    with pytest.raises(JournalError, match="no records"):
        fold([])
    with pytest.raises(JournalError, match=r"begins with bars, session\.started expected"):
        fold([Entry(1, 1, 1, "bars", {})])
    with pytest.raises(JournalError, match="does not say what the session trades"):
        fold([Entry(1, 1, 1, "session.started", {})])


def test_take_follows_a_journal_that_grows_as_fold_reads_it_at_once() -> None:
    _, entries = run(bars_of(RISING), np.full((8, 1), 0.5), terms(stop_loss=0.2))
    growing = fold(entries[:5])
    for entry in entries[5:]:
        growing.take(entry)
    whole = fold(entries)
    assert growing.ledger.cash == whole.ledger.cash
    assert growing.booked == whole.booked
    assert growing.orders == whole.orders
    assert growing.last_seq == whole.last_seq == len(entries)
