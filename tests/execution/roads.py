"""A scripted remote venue, a recorder that remembers the order of things, and the road between them."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from peak_trade.domain.approval import Approvals
from peak_trade.domain.errors import JournalError
from peak_trade.domain.event import FillReport, OrderReport
from peak_trade.domain.lifecycle import Lifecycle
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason
from peak_trade.execution.orders import Orders
from peak_trade.execution.pipeline import Pipeline
from peak_trade.execution.venue import Answer, Balances, Failure, Found, RemoteVenue, VenueError
from peak_trade.risk.book import Book, Proposal
from peak_trade.risk.gate import RiskGate
from peak_trade.risk.kill_switch import MemoryKillSwitch
from peak_trade.risk.limits import RiskLimits, ScopedLimits

NOW_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000
ACCEPTED = Answer(OrderState.ACCEPTED, "v1", raw="raw accepted")
CANCELED = Answer(OrderState.CANCELED, raw="raw canceled")
Scripted = Answer | Failure | VenueError


class ScriptedVenue(RemoteVenue):
    """Answers what the script says, first come first served; accepts and cancels where it is empty."""

    name, settle_s = "scripted", 2.0

    def __init__(self, approvals: Approvals, log: list[str] | None = None) -> None:
        super().__init__(approvals)
        self.log = [] if log is None else log
        self.answers: deque[Scripted] = deque()
        self.cancels: deque[Scripted] = deque()
        self.reports: list[OrderReport | FillReport] = []
        self.known: dict[str, Found] = {}
        self.is_deaf = False
        self.placed: list[Order] = []
        self.listed: list[FillReport] = []
        self.lots: tuple[int, ...] = (0, 0)
        self.cash: dict[str, float] = {}

    def _place(self, order: Order) -> Answer:
        self.log.append(f"submit {order.client_id}")
        answer = _said(self.answers.popleft() if self.answers else ACCEPTED)
        self.placed.append(order)
        return answer

    def cancel(self, client_id: str) -> Answer:
        self.log.append(f"cancel {client_id}")
        return _said(self.cancels.popleft() if self.cancels else CANCELED)

    def poll(self) -> Sequence[OrderReport | FillReport]:
        self._hear()
        found, self.reports = self.reports, []
        return found

    def find(self, client_id: str) -> Found | None:
        self.log.append(f"find {client_id}")
        self._hear()
        return self.known.get(client_id)

    def open_orders(self) -> Sequence[Found]:
        self._hear()
        working = (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)
        return [found for found in self.known.values() if found.report.state in working]

    def fills(self, since_ns: int) -> Sequence[FillReport]:
        self._hear()
        return self.listed

    def balances(self) -> Balances:
        self._hear()
        return Balances(self.lots, dict(self.cash))

    def _hear(self) -> None:
        if self.is_deaf:
            raise VenueError("no answer to a query", Failure.NO_ANSWER)


def _said(answer: Scripted) -> Answer:
    if isinstance(answer, Failure):
        raise VenueError(f"scripted {answer.value}", answer, raw="raw failure")
    if isinstance(answer, VenueError):
        raise answer
    return answer


class Log:
    """A recorder in memory; what is synchronised is what a crash leaves."""

    def __init__(self, events: list[str] | None = None) -> None:
        self.records: list[tuple[str, Mapping[str, object], int]] = []
        self.events = [] if events is None else events
        self.fails = False
        self.durable = 0

    def append(self, kind: str, payload: Mapping[str, object], time_ns: int) -> int:
        self.events.append(f"append {kind}")
        self.records.append((kind, payload, time_ns))
        return len(self.records)

    def sync(self) -> None:
        self.events.append("sync")
        if self.fails:
            raise JournalError("the disk is full")
        self.durable = len(self.records)

    def states(self, client_id: str) -> list[str]:
        """The states of an order that were written down."""
        return [
            str(payload["state"])
            for kind, payload, _ in self.records
            if kind == "order.state" and payload["id"] == client_id
        ]


class Road:
    """A pipeline to a scripted venue, with everything around it at hand."""

    def __init__(
        self,
        *,
        kill: MemoryKillSwitch | None = None,
        venue: Callable[[Approvals, list[str]], ScriptedVenue] = ScriptedVenue,
        pipeline: type[Pipeline] = Pipeline,
        orders: type[Orders] = Orders,
        **limits: float,
    ) -> None:
        self.events: list[str] = []
        self.kill = kill or MemoryKillSwitch("paper")
        scoped = ScopedLimits(replace(RiskLimits.wide(), max_clock_skew_s=0.5, **limits))
        self.gate = RiskGate(scoped, self.kill, environment="paper", account="a1")
        self.log = Log(self.events)
        self.venue = venue(self.gate.approvals, self.events)
        self.orders = orders(2)
        self.pipeline = pipeline(self.venue, gate=self.gate, orders=self.orders, recorder=self.log)
        self.book = book_of(self.orders)
        self._names = 0

    def order(self, lots: int = 10, instrument: int = 0, **given) -> Order:
        """A market order with the next name."""
        self._names += 1
        terms = {"kind": OrderKind.MARKET, "reason": Reason.TARGET, "strategy": "trend"}
        return Order(
            f"o{self._names}", instrument, lots, decided_ns=self.book.now_ns, **{**terms, **given}
        )

    def send(self, *orders: Order) -> list[Lifecycle]:
        """Send orders together; the session's time is a moment later then."""
        self.book.version += 1
        return self.pipeline.send([Proposal(order) for order in orders], self.book)

    def send_one(self, lots: int = 10, **given) -> Lifecycle:
        return self.send(self.order(lots, **given))[0]

    def later(self, seconds: float) -> int:
        """Let time pass."""
        self.book.now_ns += int(seconds * SECOND_NS)
        self.book.data_ns[:] = self.book.now_ns
        return self.book.now_ns

    def fill(self, life: Lifecycle, lots: int, trade_id: str) -> bool:
        """Report a trade of an order, as a session would pass it on."""
        return self.pipeline.on_fill(fill_of(life.order, lots, trade_id))

    def resolve(self) -> list[Lifecycle]:
        """Ask for the UNKNOWN orders whose time has come, as the shell of a session does."""
        now_ns = self.book.now_ns
        asked = []
        for life in self.pipeline.due(now_ns):
            try:
                found = self.venue.find(life.order.client_id)
            except VenueError:
                continue
            if found is None and not self.pipeline.is_proof(life, now_ns):
                continue
            for fill in found.fills if found else ():
                self.pipeline.on_fill(fill)
            self.pipeline.resolved(life, found, now_ns)
            asked.append(life)
        return asked

    @property
    def sent(self) -> list[str]:
        """Client ids in the order in which the venue was handed them, answered or not."""
        return [event.split()[1] for event in self.events if event.startswith("submit")]


def book_of(orders: Orders) -> Book:
    """An account of 10,000 with two instruments at 100; one lot is one unit."""
    return Book(
        symbols=("X", "Y"),
        ticks=np.full(2, 0.01),
        steps=np.ones(2, np.int64),
        minima=np.zeros(2),
        units=np.ones(2),
        lot_sizes=np.ones(2),
        held=np.zeros(2, np.int64),
        buying=orders.buying,
        selling=orders.selling,
        marks=np.full(2, 100.0),
        mids=np.full(2, 100.0),
        volumes=np.full(2, 1e6),
        daily_volumes=np.full(2, 1e6),
        equity=10_000.0,
        cash=10_000.0,
        peak=10_000.0,
        yesterday=10_000.0,
        now_ns=NOW_NS,
        data_ns=np.full(2, NOW_NS),
        quarantined=np.zeros(2, np.bool_),
        closed=np.zeros(2, np.bool_),
    )


def fill_of(order: Order, lots: int, trade_id: str, **given) -> FillReport:
    """A trade of an order at 100."""
    side = 1 if order.lots > 0 else -1
    terms = {"price": 100.0, "fee": 0.0, "time_ns": order.decided_ns + 1, "raw": "raw trade"}
    return FillReport(
        order.client_id, trade_id, order.instrument, side * lots, **{**terms, **given}
    )


def report_of(order: Order, state: OrderState, **given) -> OrderReport:
    """What the venue says of an order."""
    terms = {"time_ns": order.decided_ns + 1, "venue_id": "v1", "raw": "raw report"}
    return OrderReport(order.client_id, state, **{**terms, **given})


def found_of(order: Order, state: OrderState, *lots: int) -> Found:
    """What the venue knows of an order, with trades of so many lots."""
    fills = tuple(fill_of(order, n, f"t{order.client_id}.{k}") for k, n in enumerate(lots))
    return Found(report_of(order, state), fills)


def changed(order: Order, **given) -> Order:
    """An order with other values."""
    return replace(order, **given)
