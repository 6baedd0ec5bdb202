"""The framework's own session at the faulty venue, as it is killed and begins again."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.safety.crash_plan import CASH_CENTS, SYMBOLS, Plan, Subject
from peak_trade.domain.approval import Approvals
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import RefusedError
from peak_trade.domain.event import StopAsked
from peak_trade.domain.order import OrderKind, TimeInForce
from peak_trade.domain.order_strategy import Asked, Bar, Cancel, OrderStrategy, Request, View
from peak_trade.domain.terms import Terms
from peak_trade.engine.clock import now_ns
from peak_trade.engine.drive import Drive
from peak_trade.engine.recorded import RecordedKill
from peak_trade.engine.recovery import settle
from peak_trade.engine.replay import RecordedVenue, Retracing, retrace, unanswered
from peak_trade.engine.session import Session
from peak_trade.journal.database import Database, open_database
from peak_trade.journal.reader import read
from peak_trade.journal.writer import JournalWriter
from peak_trade.risk.gate import RiskGate
from peak_trade.risk.kill_switch import MemoryKillSwitch
from peak_trade.risk.limits import RiskLimits, ScopedLimits
from peak_trade.simulation.faulty_client import FaultyClient, listed
from peak_trade.simulation.judge import Told
from peak_trade.simulation.wires import SocketWire

RUN = "crash"
ROWS = 50_000
FIRST_NS = 1_700_000_000_000_000_000
SETTLE_S = 10.0
SKEW_S = 0.001
PRICE = 100.0


class QuoteAndTake(OrderStrategy):
    """Quotes a few ticks away, takes now and then, and cancels: decided by the row's number alone."""

    def on_bar(self, bar: Bar, view: View) -> Iterable[Asked]:
        """After a bar has closed: what to order or cancel."""
        rng = np.random.default_rng([bar.row, bar.instrument])
        what = rng.random()
        side = -1 if view.lots(bar.instrument) > 0 else 1
        if rng.random() < 0.3:
            side = -side
        lots = side * int(rng.integers(1, 20))
        if what < 0.25:
            return [Cancel(instrument=bar.instrument)]
        if what < 0.5:
            force = TimeInForce.IOC if rng.random() < 0.5 else TimeInForce.GTC
            return [Request(lots, bar.instrument, time_in_force=force)]
        if what < 0.8:
            price = view.on_tick(PRICE - side * 0.01 * int(rng.integers(-40, 60)), bar.instrument)
            return [Request(lots, bar.instrument, OrderKind.LIMIT, price)]
        return ()


def _bars() -> Bars:
    """Bars of a second at prices that stand still; the venue's own walk around them."""
    time = FIRST_NS + np.arange(ROWS, dtype=np.int64) * 1_000_000_000
    close = np.full((ROWS, len(SYMBOLS)), PRICE)
    return Bars.from_arrays(
        close, open=close, time=time, interval="1s", instruments=listed(SYMBOLS)
    )


def _database(folder: Path) -> Database:
    return open_database(f"sqlite:///{folder / 'journal.sqlite'}")


def _session(trace: Retracing, client: FaultyClient | None, doubtful: set[str]) -> Session:
    kill = RecordedKill(trace, SYMBOLS, MemoryKillSwitch("paper"))
    limits = ScopedLimits(replace(RiskLimits.wide(), max_clock_skew_s=SKEW_S))
    gate = RiskGate(limits, kill, environment="paper", account=RUN)
    return Session(
        _bars(),
        QuoteAndTake(),
        start=0,
        stop=ROWS,
        terms=Terms(cash=CASH_CENTS / 100),
        name="quote_and_take",
        run=RUN,
        gate=gate,
        recorder=trace,
        remote=RecordedVenue(gate.approvals, trace, client, doubtful=doubtful),
    )


def prepare(folder: Path) -> None:
    """Step a session once, so that no life need compile or import what it takes."""
    with JournalWriter.open(_database(folder), RUN, state_dir=folder, holder=RUN) as journal:
        journal.append("session.started", {}, now_ns())
        session = _session(Retracing((), journal), None, set())
        session.step(StopAsked("cancel", now_ns()))


def trade(plan: Plan) -> None:
    """Live one life: retrace the journal, settle with the venue, then trade until killed or stopped."""
    database = _database(plan.folder)
    client = FaultyClient(SocketWire(plan.port), Approvals(), symbols=SYMBOLS, faults=plan.faults)
    with JournalWriter.open(database, RUN, state_dir=plan.folder, holder=RUN) as journal:
        entries = list(read(database, RUN))
        trace = Retracing(entries, journal)
        session = _session(trace, client, unanswered(entries))
        retrace(session, trace)
        if trace.parted:
            raise RefusedError(f"the session and its journal part at {trace.differences[0]}")
        journal.append("session.started", {}, now_ns())
        _settled(session, client)
        if plan.is_last:
            session.step(StopAsked("cancel", now_ns()))
            _settled(session, client)
            return
        _drive(session, trace, client)


def _settled(session: Session, client: FaultyClient) -> None:
    found = settle(session, client, now_ns=now_ns, since_ns=0, seconds=SETTLE_S)
    if not found.is_clean:
        raise RefusedError(f"the books do not agree with the venue's: {found.record()}")


def _drive(session: Session, trace: Retracing, client: FaultyClient) -> None:
    Drive(
        session,
        recorder=trace,
        kill=MemoryKillSwitch("paper"),
        account=RUN,
        strategy="quote_and_take",
        stop_asked=lambda: "",
        now_ns=now_ns,
        venue=client,
    ).run(session.next_row, ROWS, _bars().time.tolist())


def told(plan: Plan) -> Told:
    """What its journal tells, once it has ended."""
    return Told.of(read(_database(plan.folder), RUN))


SUBJECT = Subject(prepare, trade, told)
