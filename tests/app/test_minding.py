"""What looks after a running session: vital signs that kill, the sentinel file, resets of the peak."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from peak_trade.app.minding import Minder
from peak_trade.app.settings import KillSection
from peak_trade.domain.bars import Bars
from peak_trade.domain.event import BarsClosed, PeakReset
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason
from peak_trade.domain.terms import Terms
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session
from peak_trade.risk.kill_files import KillSwitch

BARS = Bars.from_arrays([100.0, 90.0, 80.0, 85.0, 99.0], open=[100.0, 100.0, 90.0, 80.0, 85.0])


def session() -> Session:
    return Session(BARS, StoredRows(np.full((5, 1), 0.5)), start=0, stop=5, terms=Terms(1000.0))


@pytest.fixture
def kill(tmp_path: Path) -> KillSwitch:
    return KillSwitch(tmp_path, environment="paper", now_ns=time.time_ns(), alert=lambda trip: None)


def stopped(kill: KillSwitch) -> str:
    found = kill.blocking("a1", "strategy", BARS.symbols)
    return "" if found is None else found.reason


def test_minder_of_a_healthy_session_trips_nothing(kill: KillSwitch) -> None:
    mind = Minder(session(), kill, KillSection(), "a1")
    mind()
    mind()
    assert stopped(kill) == ""


def test_rejects_in_a_row_kill_the_account_alone(kill: KillSwitch) -> None:
    found = session()
    found.pipeline.rejects_in_a_row = 4
    mind = Minder(found, kill, KillSection(rejects=5), "a1")
    mind()
    assert stopped(kill) == ""
    found.pipeline.rejects_in_a_row = 5
    mind()
    assert "5 orders in a row" in stopped(kill)
    assert kill.blocking("another", "strategy", BARS.symbols) is None


def test_order_that_is_unknown_for_too_long_kills(kill: KillSwitch) -> None:
    found = session()
    life = found.orders.add(Order("x1", 0, 5, OrderKind.MARKET, Reason.ORDER, 0), 0)
    found.orders.move(life, OrderState.SENT, 0)
    found.orders.move(life, OrderState.UNKNOWN, 0)
    mind = Minder(found, kill, KillSection(unknown_s=60.0), "a1")
    found.book.now_ns = 59 * 10**9
    mind()
    assert stopped(kill) == ""
    found.book.now_ns = 61 * 10**9
    mind()
    assert "UNKNOWN for 61 s" in stopped(kill)


def test_overfill_kills_its_symbol(kill: KillSwitch) -> None:
    found = session()
    found.orders.halted.add(0)
    Minder(found, kill, KillSection(), "a1")()
    assert "more of" in stopped(kill)
    assert kill.blocking("a1", "strategy", ("ANOTHER",)) is None


def test_sentinel_file_is_seen_within_one_look(kill: KillSwitch) -> None:
    mind = Minder(session(), kill, KillSection(), "a1")
    kill.sentinel.touch()
    mind()
    assert "KILL" in stopped(kill)


@dataclass
class Resets:
    """A switch whose operators reset the peak: what the minder asks it for."""

    environment: str = "paper"
    resets: list[SimpleNamespace] = field(default_factory=list)

    def look(self, now_ns: int) -> None:
        return None

    def peak_resets(self, account: str, *, after_seq: int = 0) -> list[SimpleNamespace]:
        return [item for item in self.resets if item.seq > after_seq]


def test_reset_of_the_peak_reaches_the_session_once() -> None:
    found, seen = session(), []
    for row in range(3):
        found.step(BarsClosed(row, int(BARS.time[row])))
    step = found.step
    found.step = lambda event: (seen.append(event), step(event))[1]  # type: ignore[method-assign]
    kill = Resets(resets=[SimpleNamespace(seq=3, reason="before it began", by="ann")])
    mind = Minder(found, kill, KillSection(), "a1")  # type: ignore[arg-type]
    mind()
    assert seen == []
    kill.resets.append(SimpleNamespace(seq=7, reason="the peak was a wrong price", by="ann"))
    mind()
    mind()
    assert seen == [PeakReset("the peak was a wrong price", "ann", found.book.now_ns)]
    assert found.book.peak == found.book.equity < 1000.0
