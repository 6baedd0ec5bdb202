"""A small session of its own, by which the crash harness is shown to work: whole, or with a planted fault."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.safety.crash_plan import SYMBOLS, Plan, Subject
from peak_trade.domain.approval import Approvals
from peak_trade.domain.event import FillReport, OrderReport
from peak_trade.domain.ledger import Fill
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason, TimeInForce
from peak_trade.engine.clock import now_ns
from peak_trade.execution.records import entry_record, order_of, order_record
from peak_trade.execution.venue import Failure, Found, VenueError
from peak_trade.journal.database import Database, open_database
from peak_trade.journal.reader import read
from peak_trade.journal.writer import JournalWriter
from peak_trade.simulation.exchange import TICK
from peak_trade.simulation.faulty_client import FaultyClient
from peak_trade.simulation.judge import ENDED, Told
from peak_trade.simulation.wires import SocketWire

STREAM = "crash"
MARGIN_NS = 5_000_000
END_S = 8.0
PAUSE_S = 0.002
MOST_OPEN = 6

PLANTED = {
    "retries_under_a_new_id": "an order that nobody answered is sent again at once, as another one",
    "books_every_report": "a fill that is reported twice is booked twice",
    "sends_before_the_intent_is_durable": "the journal is made durable after the send",
    "forgets_unknown_at_restart": "orders without an answer count as never placed after a restart",
    "does_not_ask_for_fills_at_restart": "what traded while nobody listened is not asked for",
}
"""The faults that this session can be given, by name."""


@dataclass(slots=True)
class Ours:
    """An order as this session knows it; ``due_ns`` is when it may be looked for, 0 for never."""

    order: Order
    state: str
    filled: int = 0
    due_ns: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it is not known to have ended."""
        return self.state not in ENDED and self.filled < abs(self.order.lots)


class Small:
    """Quotes and takes at random, keeps a journal, and knows how to begin again."""

    def __init__(
        self, plan: Plan, journal: JournalWriter, client: FaultyClient, approvals: Approvals
    ) -> None:
        self._plan, self._journal, self._client = plan, journal, client
        self._approvals = approvals
        self._rng = np.random.default_rng(plan.seed)
        self._orders: dict[str, Ours] = {}
        self._trades: set[str] = set()
        self._heard = 0

    # --- beginning again -------------------------------------------------------------------------

    def recover(self, database: Database) -> None:
        """Take in what the journal holds, then what the venue knows."""
        for entry in read(database, STREAM):
            payload = entry.payload
            if entry.kind == "order.intent":
                order = order_of(payload["order"])  # type: ignore[arg-type]
                self._orders[order.client_id] = Ours(order, "intent")
            elif entry.kind == "order.state":
                self._orders[str(payload["id"])].state = str(payload["state"])
            elif entry.kind == "fill":
                self._trades.add(str(payload["trade_id"]))
                self._orders[str(payload["client_id"])].filled += abs(int(str(payload["lots"])))
        forgets = self._plan.planted == "forgets_unknown_at_restart"
        for ours in self._orders.values():
            if ours.is_open and ours.state in ("intent", "unknown"):
                if forgets:
                    self._move(ours, "not_placed")
                else:
                    self._doubt(ours)
        if self._plan.planted != "does_not_ask_for_fills_at_restart":
            self._catch_up()

    def _doubt(self, ours: Ours) -> None:
        """Nobody knows what became of it: it may be looked for once it cannot be taken any more."""
        wait_ns = int(self._client.settle_s * 1e9) + MARGIN_NS
        ours.due_ns = now_ns() + wait_ns

    def _catch_up(self) -> None:
        """Read every trade, and ask for the orders that are open here."""
        for fill in self._client.fills(0):
            self._book(fill, is_sure=True)
        for name, ours in self._orders.items():
            if ours.is_open and ours.state not in ("intent", "unknown"):
                self._adopt(ours, self._client.find(name))
        self._journal.sync()

    # --- going on --------------------------------------------------------------------------------

    def live(self) -> None:
        """Trade until somebody kills it."""
        while True:
            self._follow()
            if self._rng.random() < 0.5 and len(self._open) < MOST_OPEN:
                self._send(self._wishes())
            elif self._open and self._rng.random() < 0.5:
                self._cancel(self._open[int(self._rng.integers(len(self._open)))])
            time.sleep(PAUSE_S)

    def end(self) -> None:
        """Cancel everything, and go on until nothing is open or unknown."""
        until = time.monotonic() + END_S
        while self._open and time.monotonic() < until:
            self._follow()
            for ours in self._open:
                if ours.state not in ("intent", "unknown"):
                    self._cancel(ours)
            time.sleep(PAUSE_S)
        time.sleep(self._client.settle_s)
        if self._plan.planted != "does_not_ask_for_fills_at_restart":
            self._catch_up()
        self._follow()

    @property
    def _open(self) -> list[Ours]:
        return [ours for ours in self._orders.values() if ours.is_open]

    def _follow(self) -> None:
        """Book what was reported, ask what nobody answered, and read everything where reports were lost."""
        before = self._journal.seq
        for report in self._client.poll():
            if isinstance(report, FillReport):
                self._book(report, is_sure=False)
            else:
                self._heard_of(report)
        try:
            for ours in self._open:
                if ours.due_ns and ours.due_ns <= now_ns():
                    self._resolve(ours)
            if self._client.interruptions != self._heard:
                heard = self._client.interruptions
                if self._plan.planted != "does_not_ask_for_fills_at_restart":
                    self._catch_up()
                self._heard = heard
        except VenueError:
            time.sleep(PAUSE_S)  # asked again
        if self._journal.seq != before:
            self._journal.sync()

    def _heard_of(self, report: OrderReport) -> None:
        ours = self._orders.get(report.client_id)
        if ours and ours.is_open and report.state in (OrderState.CANCELED, OrderState.EXPIRED):
            self._move(ours, report.state.value, report.raw)

    def _resolve(self, ours: Ours) -> None:
        ours.due_ns = 0
        found = self._find(ours)
        if found is None:
            self._move(ours, "not_placed")
        else:
            self._adopt(ours, found)

    def _find(self, ours: Ours) -> Found | None:
        try:
            return self._client.find(ours.order.client_id)
        except VenueError:
            ours.due_ns = now_ns()
            raise

    def _adopt(self, ours: Ours, found: Found | None) -> None:
        if found is None:
            return  # an answer from before it was taken
        for fill in found.fills:
            self._book(fill, is_sure=True)
        state = found.report.state.value
        if state != ours.state and state != "filled":
            self._move(ours, state, found.report.raw)

    def _book(self, fill: FillReport, *, is_sure: bool) -> None:
        """Write a trade down, once."""
        if fill.client_id not in self._orders:
            return  # another's, or one whose intent was lost: the judge sees it
        is_known = fill.trade_id in self._trades
        if is_known and (is_sure or self._plan.planted != "books_every_report"):
            return
        self._trades.add(fill.trade_id)
        self._orders[fill.client_id].filled += abs(fill.lots)
        entry = Fill(
            fill.client_id,
            fill.instrument,
            fill.lots,
            fill.price,
            fill.fee,
            Reason.ORDER,
            fill.time_ns,
            trade_id=fill.trade_id,
        )
        self._journal.append("fill", entry_record(entry) | {"raw": fill.raw}, fill.time_ns)

    def _move(self, ours: Ours, state: str, raw: str = "") -> None:
        ours.state = state
        told = {"id": ours.order.client_id, "state": state, "raw": raw}
        self._journal.append("order.state", told, now_ns())

    # --- sending ---------------------------------------------------------------------------------

    def _wishes(self) -> list[Order]:
        """Quotes a few ticks away, and orders that trade at once."""
        try:
            marks = self._client.marks()
        except VenueError:
            return []
        count = int(self._rng.integers(1, 4))
        return [self._wish(len(self._orders) + 1 + i, marks) for i in range(count)]

    def _wish(self, number: int, marks: Sequence[float]) -> Order:
        rng = self._rng
        symbol, side = int(rng.integers(len(SYMBOLS))), 1 if rng.random() < 0.5 else -1
        takes = bool(rng.random() < 0.4)
        ticks = round(marks[symbol] / TICK) - side * int(rng.integers(-1, 4))
        return Order(
            f"{STREAM}-{number}",
            symbol,
            side * int(rng.integers(1, 20)),
            OrderKind.MARKET if takes else OrderKind.LIMIT,
            Reason.ORDER,
            now_ns(),
            price_ticks=None if takes else ticks,
            tick=TICK,
            time_in_force=TimeInForce.IOC if takes and rng.random() < 0.5 else TimeInForce.GTC,
        )

    def _send(self, orders: Sequence[Order]) -> None:
        """Write intents down, make them durable, then send them one by one."""
        for order in orders:
            self._intend(order, order.client_id)
        is_early = self._plan.planted == "sends_before_the_intent_is_durable"
        if orders and not is_early:
            self._journal.sync()
        for order in orders:
            self._hand_over(order, order.client_id)
        if orders:
            self._journal.sync()

    def _intend(self, order: Order, intent: str) -> None:
        self._orders[order.client_id] = Ours(order, "intent")
        record = {"order": order_record(order), "intent": intent}
        self._journal.append("order.intent", record, order.decided_ns)

    def _hand_over(self, order: Order, intent: str) -> None:
        ours = self._orders[order.client_id]
        approved = self._approvals.issue(order, 0, 0)
        self._approvals.release(approved, book_version=0, kill_epoch=0)
        try:
            answer = self._client.submit(approved)
        except VenueError as error:
            self._without_answer(ours, error, intent)
            return
        self._move(ours, answer.state.value, answer.raw)

    def _without_answer(self, ours: Ours, error: VenueError, intent: str) -> None:
        if error.failure is Failure.RATE_LIMITED:
            self._move(ours, "rejected", error.raw)
        elif error.failure is Failure.NOT_SENT:
            self._move(ours, "not_placed")
        elif self._plan.planted == "retries_under_a_new_id":
            again = replace(ours.order, client_id=f"{STREAM}-{len(self._orders) + 1}")
            self._move(ours, "rejected")
            self._intend(again, intent)
            self._journal.sync()
            self._hand_over(again, intent)
        else:
            self._move(ours, "unknown", error.raw)
            self._doubt(ours)

    def _cancel(self, ours: Ours) -> None:
        try:
            answer = self._client.cancel(ours.order.client_id)
        except VenueError:
            return  # asked again
        if answer.state is OrderState.CANCELED:
            self._move(ours, "canceled", answer.raw)
        elif self._plan.planted == "does_not_ask_for_fills_at_restart":
            self._move(ours, "canceled")  # it has ended, and why is not asked either
        else:
            with suppress(VenueError):
                self._adopt(ours, self._client.find(ours.order.client_id))


def _database(plan: Plan) -> Database:
    return open_database(f"sqlite:///{plan.folder / 'journal.sqlite'}")


def prepare(folder: Path) -> None:
    """Open a journal once, so that no life need import what it takes."""
    database = open_database(f"sqlite:///{folder / 'journal.sqlite'}")
    with JournalWriter.open(database, STREAM, state_dir=folder, holder="crash") as journal:
        journal.append("session.started", {}, now_ns())


def trade(plan: Plan) -> None:
    """Live one life: recover, then trade until killed, or come to an end."""
    database = _database(plan)
    approvals = Approvals()
    client = FaultyClient(SocketWire(plan.port), approvals, symbols=SYMBOLS, faults=plan.faults)
    with JournalWriter.open(database, STREAM, state_dir=plan.folder, holder="crash") as journal:
        session = Small(plan, journal, client, approvals)
        session.recover(database)
        if plan.is_last:
            session.end()
        else:
            session.live()


def told(plan: Plan) -> Told:
    """What its journal tells, once it has ended."""
    return Told.of(read(_database(plan), STREAM))


SUBJECT = Subject(prepare, trade, told)
