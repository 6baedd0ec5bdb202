"""A session at a venue that loses, delays and repeats, cut off now and then: books and journal agree.

Everything is in this process and in a time of its own, so that any seed can be looked at again.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws.papers import Memory
from simulation.places import Place, place

from peak_trade.domain.bars import Bars
from peak_trade.domain.event import StopAsked
from peak_trade.domain.order import OrderKind, TimeInForce
from peak_trade.domain.order_strategy import Asked, Bar, Cancel, OrderStrategy, Request, View
from peak_trade.domain.terms import Terms
from peak_trade.engine import recovery
from peak_trade.engine.drive import Drive
from peak_trade.engine.recorded import RecordedKill
from peak_trade.engine.recovery import settle
from peak_trade.engine.replay import RecordedVenue, Retracing, retrace, unanswered
from peak_trade.engine.session import Session
from peak_trade.risk.gate import RiskGate
from peak_trade.risk.kill_switch import MemoryKillSwitch
from peak_trade.risk.limits import RiskLimits, ScopedLimits
from peak_trade.simulation.faults import CALM, ROUGH
from peak_trade.simulation.faulty_client import listed

SYMBOLS = ("X", "Y")
ROWS = 40
CASH = 1_000_000.0


class Trades(OrderStrategy):
    """Quotes near the market, takes now and then, and cancels: decided by the row's number alone."""

    def on_bar(self, bar: Bar, view: View) -> Iterable[Asked]:
        rng = np.random.default_rng([bar.row, bar.instrument])
        what, lots = rng.random(), int(rng.integers(1, 20)) * int(rng.choice([-1, 1]))
        if what < 0.2:
            return [Cancel(instrument=bar.instrument)]
        if what < 0.5:
            return [Request(lots, bar.instrument, time_in_force=TimeInForce.IOC)]
        price = view.on_tick(bar.close - 0.01 * float(rng.integers(-30, 30)), bar.instrument)
        return [Request(lots, bar.instrument, OrderKind.LIMIT, price)]


class CrashError(BaseException):
    """The program ends here: nothing catches it."""


class Fragile:
    """A wire at one of whose requests the program ends, before or after the venue heard of it."""

    def __init__(self, wire, left: int, *, is_heard: bool) -> None:
        self._wire, self._left, self._is_heard = wire, left, is_heard

    def ask(self, text: str, timeout_s: float) -> str:
        self._left -= 1
        if self._left == 0:
            if self._is_heard:
                self._wire.ask(text, timeout_s)
            raise CrashError
        return self._wire.ask(text, timeout_s)


class Lives:
    """One session over its lives at one venue."""

    def __init__(self, seed: int, faults=ROUGH) -> None:
        self.seed, self.faults = seed, faults
        self.place: Place = place(faults, seed=seed, symbols=SYMBOLS)
        close = np.full((ROWS, 2), 100.0)
        time = self.place.clock.now_ns() + np.arange(ROWS, dtype=np.int64) * 1_000_000_000
        self.bars = Bars.from_arrays(
            close, open=close, time=time, interval="1s", instruments=listed(SYMBOLS)
        )
        self.journal = Memory()
        self.crashes = 0

    def open(self, trace: Retracing, client=None, doubtful=()) -> Session:
        limits = ScopedLimits(replace(RiskLimits.wide(), max_clock_skew_s=0.001))
        kill = RecordedKill(trace, SYMBOLS, MemoryKillSwitch("paper"))
        gate = RiskGate(limits, kill, environment="paper", account="a1")
        return Session(
            self.bars,
            Trades(),
            start=0,
            stop=ROWS,
            terms=Terms(cash=CASH),
            name="trades",
            run="faulty",
            gate=gate,
            recorder=trace,
            remote=RecordedVenue(gate.approvals, trace, client, doubtful=doubtful),
        )

    def live(self, rows: int) -> Session:
        """One life: retrace, settle, trade a few rows."""
        here, entries = self.place, list(self.journal.entries)
        trace = Retracing(entries, self.journal)
        session = self.open(trace, here.client, unanswered(entries))
        retrace(session, trace)
        assert not trace.parted, str(trace.differences[0])
        self.settle(session)
        first = session.next_row
        Drive(
            session,
            recorder=trace,
            kill=MemoryKillSwitch("paper"),
            account="a1",
            strategy="trades",
            stop_asked=lambda: "",
            now_ns=here.clock.now_ns,
            venue=here.client,
            progress=lambda row: here.clock.sleep(0.02),
        ).run(first, min(first + rows, ROWS), self.bars.time.tolist())
        return session

    def settle(self, session: Session) -> None:
        clock = self.place.clock
        stopped = SimpleNamespace(sleep=clock.sleep, monotonic=lambda: clock.now_ns() / 1e9)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recovery, "time", stopped)
            found = settle(
                session, self.place.client, now_ns=clock.now_ns, since_ns=0, seconds=60.0
            )
        assert found.is_clean, found.record()

    def crash(self, rng: np.random.Generator) -> None:
        """Live, end at any request, and lose what was not durable, or some of it."""
        client = self.place.client
        wire = client._wire
        client._wire = Fragile(wire, int(rng.integers(1, 40)), is_heard=bool(rng.integers(2)))
        try:
            self.live(int(rng.integers(1, 20)))
        except CrashError:
            self.crashes += 1
        finally:
            client._wire = wire
        left = int(rng.integers(self.journal.durable, len(self.journal.entries) + 1))
        self.journal = Memory(self.journal.entries[:left])

    def end(self) -> Session:
        session = self.live(ROWS)
        session.step(StopAsked("cancel", self.place.clock.now_ns()))
        self.settle(session)
        return session


def assert_agrees(lives: Lives, session: Session) -> None:
    truth = lives.place.exchange
    assert [int(lots) for lots in session.ledger.lots] == truth.lots
    assert round(session.ledger.cash["USD"] * 100) == truth.cash_cents
    assert truth.open_count == 0
    assert session.orders.open == []
    kinds = Counter(entry.kind for entry in lives.journal.entries)
    assert kinds["fill"] == session.fill_count
    intents = [
        entry.payload["order"]["client_id"]
        for entry in lives.journal.entries
        if entry.kind == "order.intent"
    ]
    assert len(intents) == len(set(intents))
    placed = Counter(row["id"] for row in lives.place.log if row["do"] == "accepted")
    assert placed
    assert max(placed.values()) == 1


def assert_replays(lives: Lives) -> None:
    trace = Retracing(list(lives.journal.entries))
    retrace(lives.open(trace), trace)
    assert trace.parted == 0, str(trace.differences[0])


def test_calm_session_trades_and_agrees() -> None:
    lives = Lives(1, CALM)
    session = lives.end()
    assert_agrees(lives, session)
    assert_replays(lives)
    assert session.fill_count > 10


@settings(max_examples=60)
@given(st.integers(0, 2**20))
def test_session_at_a_rough_venue_agrees_and_is_replayed(seed: int) -> None:
    lives = Lives(seed)
    session = lives.end()
    assert_agrees(lives, session)
    assert_replays(lives)


@settings(max_examples=60)
@given(st.integers(0, 2**20))
def test_session_cut_off_at_a_rough_venue_agrees_and_is_replayed(seed: int) -> None:
    lives, rng = Lives(seed), np.random.default_rng(seed)
    for _ in range(4):
        lives.crash(rng)
    session = lives.end()
    assert_agrees(lives, session)
    assert_replays(lives)
