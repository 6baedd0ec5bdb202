"""Paper sessions in memory for the laws: run, cut off at any record, gone on with, made again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from peak_trade.app.limits_files import risk_limits
from peak_trade.domain.bars import Bars
from peak_trade.domain.event import BarsClosed, Event, Recorder
from peak_trade.domain.order_strategy import OrderStrategy
from peak_trade.domain.record import Record
from peak_trade.domain.terms import Terms
from peak_trade.engine.recorded import RecordedKill, RecordedReservations
from peak_trade.engine.replay import Retracing, retrace
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session
from peak_trade.engine.sheet import Sheet
from peak_trade.journal.canonical import canonical_json, parsed_json
from peak_trade.journal.record import Entry
from peak_trade.risk.gate import RiskGate
from peak_trade.risk.kill_switch import MemoryKillSwitch
from peak_trade.risk.limits import RiskLimits, ScopedLimits

SHIPPED = risk_limits("paper", Path("no/such/folder"))
"""The limits that come with the package."""

NO_COLLAR = replace(SHIPPED, account=replace(SHIPPED.account, collar_mid=1e6, collar_close=1e6))
"""The same, without a collar: for orders whose limits lie far beyond the market."""


class Memory:
    """A journal in memory: records as they are read again, and how many of them a crash leaves."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self.entries = list(entries)
        self.durable = len(self.entries)

    def append(self, kind: str, payload: Mapping[str, object], time_ns: int) -> int:
        text = parsed_json(canonical_json(payload))
        self.entries.append(Entry(len(self.entries) + 1, 1, time_ns, kind, text))
        return len(self.entries)

    def sync(self) -> None:
        self.durable = len(self.entries)


@dataclass(frozen=True)
class Paper:
    """What a session trades, under which limits; ``events`` come after the bars of a row."""

    bars: Bars
    source: np.ndarray | OrderStrategy
    terms: Terms
    start: int = 0
    sheet: Sheet | None = None
    limits: ScopedLimits = SHIPPED
    kill: MemoryKillSwitch = field(default_factory=lambda: MemoryKillSwitch("paper"))
    events: Mapping[int, Callable[[int], Event]] = field(default_factory=dict)

    def open(self, trace: Retracing, kill: MemoryKillSwitch | None = None) -> Session:
        """The session before its first event."""
        gate = RiskGate(
            self.limits,
            RecordedKill(trace, self.bars.symbols, kill),
            environment="paper",
            account="a1",
            reservations=RecordedReservations(trace),
        )
        is_asking = isinstance(self.source, OrderStrategy)
        return Session(
            self.bars,
            self.source if is_asking else StoredRows(self.source),
            start=self.start,
            stop=len(self.bars),
            terms=self.terms,
            sheet=self.sheet,
            name="case",
            run="case",
            gate=gate,
            recorder=trace,
        )

    def go_on(self, entries: Sequence[Entry] = (), onward: Recorder | None = None) -> "Ran":
        """Run from the first record or behind the last one to the end."""
        journal = onward or Memory(entries)
        trace = Retracing(list(entries), journal)
        session = self.open(trace, self.kill)
        retrace(session, trace)
        assert not trace.parted, str(trace.differences[0])
        stamps = self.bars.time
        told = _told(entries)
        for row in range(session.next_row - 1, len(self.bars)):
            if row >= session.next_row:
                session.step(BarsClosed(row, int(stamps[row])))
            if row in self.events and row >= self.start:
                event = self.events[row](session.book.now_ns)
                if (type(event).__name__, event.time_ns) not in told:
                    session.step(event)
        trace.sync()
        return Ran(session, journal, session.record())

    def replay(self, entries: Sequence[Entry]) -> Retracing:
        """Make the session again from its journal alone."""
        trace = Retracing(list(entries))
        retrace(self.open(trace), trace)
        return trace


_KINDS = {"kill": "KillSeen", "kill.cleared": "KillCleared", "stop": "StopAsked"}


def _told(entries: Sequence[Entry]) -> set[tuple[str, int]]:
    return {(_KINDS[e.kind], e.time_ns) for e in entries if e.kind in _KINDS}


@dataclass(frozen=True)
class Ran:
    """A session that has run, its journal and its record."""

    session: Session
    journal: Memory
    record: Record

    @property
    def entries(self) -> list[Entry]:
        return self.journal.entries

    @property
    def consequences(self) -> list[tuple[str, str, int]]:
        return [(e.kind, canonical_json(e.payload), e.time_ns) for e in self.entries]

    def kinds(self, prefix: str) -> list[Entry]:
        return [e for e in self.entries if e.kind.startswith(prefix)]

    @property
    def denied(self) -> dict[str, int]:
        """How often each rule refused first."""
        found: dict[str, int] = {}
        for entry in self.kinds("order.denied"):
            rule = entry.payload["breaches"][0]["rule"]
            found[rule] = found.get(rule, 0) + 1
        return found


def limits_of(terms: Terms) -> ScopedLimits:
    """The limits of a backtest, and nothing else that binds."""
    return ScopedLimits(RiskLimits.of_backtest(terms.limits))
