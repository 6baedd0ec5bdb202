"""A session made again from its journal: for recovery after a stop, and to show that it decides the same."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from peak_trade.domain.approval import Approvals
from peak_trade.domain.event import (
    BarsClosed,
    Event,
    FillReport,
    KillCleared,
    KillSeen,
    OrderReport,
    PeakReset,
    Recorder,
    Resumed,
    StopAsked,
    TimePassed,
)
from peak_trade.domain.order import Order, OrderState
from peak_trade.engine.session import Session
from peak_trade.execution.venue import (
    Answer,
    Balances,
    Failure,
    Found,
    RemoteVenue,
    VenueError,
)
from peak_trade.journal.canonical import canonical_json
from peak_trade.journal.record import Entry

Payload = Mapping[str, object]

META = ("session.", "snapshot", "reconcile")
"""Kinds of records that tell of the program and not of trading: a replay passes over them."""

MOST_DIFFERENCES = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay and its journal part: the record, what was written, what was made now."""

    seq: int
    kind: str
    written: str
    made: str

    def __str__(self) -> str:
        return f"record {self.seq} ({self.kind}): written {self.written}, made {self.made}"


class Retracing:
    """A recorder that compares what is written to it with a journal, and then goes on behind its end.

    Parameters
    ----------
    entries : iterable of Entry
        The journal's records, oldest first.
    onward : Recorder, optional
        Where records behind the journal's end go; left out, they are differences.

    Attributes
    ----------
    differences : list of Difference
        Where the two part; at most MOST_DIFFERENCES are kept, ``parted`` counts all.
    """

    def __init__(self, entries: Iterable[Entry], onward: Recorder | None = None) -> None:
        self.differences: list[Difference] = []
        self.parted = self.compared = 0
        self._entries = (entry for entry in entries if not entry.kind.startswith(META))
        self._ahead: deque[Entry] = deque()
        self._onward = onward
        self._last = 0

    @property
    def is_exhausted(self) -> bool:
        """Whether every record of the journal was met."""
        return self.peek() is None

    def peek(self) -> Entry | None:
        """The next record to be met."""
        if not self._ahead:
            entry = next(self._entries, None)
            if entry is None:
                return None
            self._ahead.append(entry)
        return self._ahead[0]

    def denials(self) -> Iterator[tuple[Mapping[str, object], set[str]]]:
        """The orders that are refused next, with the rules that they violate."""
        k = 0
        while True:
            if k == len(self._ahead):
                entry = next(self._entries, None)
                if entry is None:
                    return
                self._ahead.append(entry)
            entry = self._ahead[k]
            if entry.kind != "order.denied":
                return
            breaches = cast("list[Payload]", entry.payload["breaches"])
            yield cast(Payload, entry.payload["order"]), {str(b["rule"]) for b in breaches}
            k += 1

    def skip(self) -> None:
        """Pass over a record that the replay did not make."""
        entry = self._take()
        if entry is not None:
            self._part(entry.seq, entry.kind, _text(entry.payload), "nothing")

    def append(self, kind: str, payload: Mapping[str, object], time_ns: int) -> int:
        """Compare a record with the journal's next one, or write it behind the end."""
        if self._onward is not None and self.is_exhausted:
            return self._onward.append(kind, payload, time_ns)
        entry = self._take()
        made = _text(payload)
        if entry is None:
            self._part(self._last, kind, "nothing", made)
            return self._last
        self.compared += 1
        written = _text(entry.payload)
        if (entry.kind, written, entry.time_ns) != (kind, made, time_ns):
            self._part(entry.seq, f"{entry.kind} / {kind}", written, made)
        return entry.seq

    def sync(self) -> None:
        """Make durable what was written behind the end."""
        if self._onward is not None and self.is_exhausted:
            self._onward.sync()

    def _take(self) -> Entry | None:
        entry = self.peek()
        if entry is not None:
            self._ahead.popleft()
            self._last = entry.seq
        return entry

    def _part(self, seq: int, kind: str, written: str, made: str) -> None:
        self.parted += 1
        if len(self.differences) < MOST_DIFFERENCES:
            self.differences.append(Difference(seq, kind, written, made))


class RecordedVenue(RemoteVenue):
    """Answers as the journal says that the venue answered; behind its end, the venue itself.

    An order whose intent is the journal's but whose answer is not may have been sent before the crash:
    it is UNKNOWN. Nothing new is sent until the books were compared (:func:`engine.recovery.settle`).

    Parameters
    ----------
    approvals : Approvals
        The gate's, which orders are taken by.
    trace : Retracing
        The journal.
    venue : RemoteVenue, optional
        The venue itself; left out, nobody answers behind the journal's end.
    doubtful : collection of str
        Client ids that :func:`unanswered` finds.

    Attributes
    ----------
    is_settled : bool
        Whether the books were compared and agree: orders may be sent.
    """

    def __init__(
        self,
        approvals: Approvals,
        trace: Retracing,
        venue: RemoteVenue | None = None,
        *,
        doubtful: Collection[str] = (),
    ) -> None:
        super().__init__(approvals)
        self._venue, self._trace = venue, trace
        self.name = venue.name if venue else "recorded"
        self.settle_s = venue.settle_s if venue else 0.0
        self._doubtful = frozenset(doubtful)
        self.is_settled = False

    def _place(self, order: Order) -> Answer:
        written = self._answer(order.client_id)
        if written is not None:
            return _as_answered(written)
        if order.client_id in self._doubtful or self._venue is None:
            raise VenueError("the program ended before an answer came", Failure.NO_ANSWER)
        if not self.is_settled:
            raise VenueError("the books are not compared with the venue yet", Failure.NOT_SENT)
        return self._venue._place(order)

    def cancel(self, client_id: str) -> Answer:
        """What the venue answered to a cancel, or answers now."""
        written = self._answer(client_id)
        if written is not None:
            return _answer_of(written)
        if self._venue is None:
            raise VenueError("nobody answers in a replay", Failure.NO_ANSWER)
        return self._venue.cancel(client_id)

    def _answer(self, client_id: str) -> Payload | None:
        """The journal's next record, where it is what the venue answered; None behind its end."""
        entry = self._trace.peek()
        if entry is None:
            return None
        if entry.kind != "order.state" or entry.payload.get("id") != client_id:
            raise VenueError("the journal has no answer", Failure.NO_ANSWER)
        return entry.payload

    def poll(self) -> Sequence[OrderReport | FillReport]:
        """What has come in at the venue itself."""
        return self._venue.poll() if self._venue else ()

    def find(self, client_id: str) -> Found | None:
        """Ask the venue itself."""
        return self._open().find(client_id)

    def open_orders(self) -> Sequence[Found]:
        """Ask the venue itself."""
        return self._open().open_orders()

    def fills(self, since_ns: int) -> Sequence[FillReport]:
        """Ask the venue itself."""
        return self._open().fills(since_ns)

    def balances(self) -> Balances:
        """Ask the venue itself."""
        return self._open().balances()

    def _open(self) -> RemoteVenue:
        if self._venue is None:
            raise VenueError("nobody answers in a replay", Failure.NO_ANSWER)
        return self._venue


def _answer_of(written: Payload) -> Answer:
    found = {name: str(written.get(name, "")) for name in ("venue_id", "detail", "raw")}
    return Answer(OrderState(str(written["state"])), **found)


def _as_answered(written: Payload) -> Answer:
    """The answer to an order, or the failure that came instead of one."""
    answer = _answer_of(written)
    if answer.state is OrderState.UNKNOWN or "failure" in written:
        failure = Failure(str(written.get("failure", Failure.NO_ANSWER.value)))
        pause_s = float(cast(float, written.get("retry_after_s", 0.0)))
        raise VenueError(answer.detail, failure, retry_after_s=pause_s, raw=answer.raw)
    return answer


def unanswered(entries: Iterable[Entry]) -> set[str]:
    """Client ids of the intents of a journal that it has no answer for: they may have been sent."""
    found: set[str] = set()
    for entry in entries:
        if entry.kind == "order.intent":
            found.add(str(cast(Payload, entry.payload["order"])["client_id"]))
        elif entry.kind == "order.state":
            found.discard(str(entry.payload["id"]))
    return found


def event_of(entry: Entry) -> Event | None:
    """The event that a record of an input tells of; None for a record of a consequence."""
    make = _INPUTS.get(entry.kind)
    return None if make is None else make(entry.payload, entry.time_ns)


def retrace(session: Session, trace: Retracing) -> int:
    """Step a session through every input of its journal; how many there were.

    Records that the session does not make are differences, and passed over.
    """
    inputs = 0
    while (entry := trace.peek()) is not None:
        if entry.kind == "report.found":
            found = _found_of(entry.payload)
            session.take_found(str(entry.payload["id"]), found, entry.time_ns)
            inputs += 1
            continue
        event = event_of(entry)
        if event is None:
            trace.skip()
            continue
        session.step(event)
        inputs += 1
    return inputs


def _whole(payload: Payload, name: str) -> int:
    return int(cast(int, payload[name]))


def _order_report(payload: Payload, time_ns: int) -> OrderReport:
    texts = {name: str(payload.get(name, "")) for name in ("venue_id", "detail", "raw")}
    return OrderReport(
        str(payload["client_id"]), OrderState(str(payload["state"])), time_ns, **texts
    )


def _fill_report(payload: Payload, time_ns: int) -> FillReport:
    return FillReport(
        client_id=str(payload["client_id"]),
        trade_id=str(payload["trade_id"]),
        instrument=_whole(payload, "instrument"),
        lots=_whole(payload, "lots"),
        price=float(cast(float, payload["price"])),
        fee=float(cast(float, payload["fee"])),
        time_ns=time_ns,
        raw=str(payload.get("raw", "")),
    )


def _found_of(payload: Payload) -> Found | None:
    if payload.get("report") is None:
        return None
    told = cast(Payload, payload["report"])
    report = _order_report(told, _whole(told, "time_ns"))
    fills = cast("list[Payload]", payload.get("fills", []))
    stamped = [_fill_report(fill, _whole(fill, "time_ns")) for fill in fills]
    return Found(report, tuple(stamped))


def _text(payload: Mapping[str, object]) -> str:
    """A payload's text; of a refusal by what others did, the rule alone is compared."""
    breaches = payload.get("breaches")
    if isinstance(breaches, list):
        told = [
            {"rule": breach["rule"]} if breach["rule"] in _OF_OTHERS else breach
            for breach in breaches
        ]
        payload = {**payload, "breaches": told}
    return canonical_json(payload)


_OF_OTHERS = ("kill_switch", "reservation")


_INPUTS: dict[str, Callable[[Payload, int], Event]] = {
    "bars": lambda p, t: BarsClosed(_whole(p, "row"), t),
    "kill": lambda p, t: KillSeen(str(p["scope"]), str(p["reason"]), _whole(p, "epoch"), t),
    "kill.cleared": lambda p, t: KillCleared(str(p["scope"]), t),
    "peak.reset": lambda p, t: PeakReset(str(p["reason"]), str(p["operator"]), t),
    "resumed": lambda _, t: Resumed(t),
    "stop": lambda p, t: StopAsked(str(p["how"]), t),
    "time": lambda _, t: TimePassed(t),
    "report.order": _order_report,
    "report.fill": _fill_report,
}
