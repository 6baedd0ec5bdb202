"""The shell of a session: it waits, looks at kill switch and stop requests, and steps the session."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from peak_trade.domain.errors import PeakTradeError
from peak_trade.domain.event import (
    BarsClosed,
    KillCleared,
    KillSeen,
    Recorder,
    StopAsked,
)
from peak_trade.engine.recovery import follow
from peak_trade.engine.session import Session
from peak_trade.execution.venue import RemoteVenue
from peak_trade.risk.kill_switch import KillGuard

SYNC_ROWS = 256
"""Rows after which what was written is made durable, where nothing was sent meanwhile."""

MIND_S = 1.0
"""Seconds between two looks after the session."""

FLATTEN_ROWS = 10
"""Rows that a flatten may take before the session ends with positions still open."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a session ended: ``done``, ``stopped``, ``killed`` or ``failed``, and why."""

    state: str
    detail: str = ""


class Drive:
    """Steps a session through stored rows, or through what a remote venue reports between them.

    Parameters
    ----------
    session : Session
        What is driven.
    recorder : Recorder
        Made durable from time to time; before a send the pipeline does it.
    kill : KillGuard
        The kill switch.
    account, strategy : str
        The scopes that a kill may name.
    stop_asked : callable
        Gives ``cancel``, ``keep`` or ``flatten`` once somebody asked the session to end, else nothing.
    now_ns : callable
        The wall clock, UTC nanoseconds.
    speed : float
        How many times faster than the bars' own time; infinite for as fast as it goes.
    progress : callable, optional
        Told of each row that is done.
    beat : callable, optional
        Called between rows: the heartbeat that a watchdog listens to.
    venue : RemoteVenue, optional
        Where the session trades, if not here: it is followed between the rows.
    mind : callable, optional
        Called about once a second, between rows: what looks after the session besides the kill switch's
        own flag (its files, resets of the peak, vital signs).
    """

    def __init__(
        self,
        session: Session,
        *,
        recorder: Recorder,
        kill: KillGuard,
        account: str,
        strategy: str,
        stop_asked: Callable[[], str],
        now_ns: Callable[[], int],
        speed: float = float("inf"),
        progress: Callable[[int], None] | None = None,
        beat: Callable[[], None] | None = None,
        venue: RemoteVenue | None = None,
        mind: Callable[[], None] | None = None,
    ) -> None:
        self._session, self._recorder, self._kill = session, recorder, kill
        self._account, self._strategy = account, strategy
        self._symbols = session.book.symbols
        self._stop_asked, self._now_ns, self._speed = stop_asked, now_ns, speed
        self._progress, self._beat, self._venue = progress, beat, venue
        self._mind, self._minded = mind, 0.0
        self._epoch = -1
        self._seen = session.kills
        if venue is not None:
            session.pipeline.clock = now_ns

    def run(self, first: int, stop: int, stamps: Sequence[int]) -> Ended:
        """Step through rows from ``first`` on, before ``stop``; what ends it is told, not raised.

        Raises
        ------
        PeakTradeError
            What the session could not go on after, once nothing can be sent any more.
        """
        session, venue = self._session, self._venue
        begun, since = time.monotonic(), stamps[first] if first < stop else 0
        left = -1
        for row in range(first, stop):
            self._wait(begun, stamps[row] - since)
            self.look()
            if venue is not None:
                follow(session, venue, self._now_ns)
            if left < 0 and (how := self._stop_asked()):
                session.step(StopAsked(how, session.book.now_ns))
                if how != "flatten" or not session.ledger.holds:
                    break
                left = FLATTEN_ROWS
            when = int(stamps[row]) if venue is None else self._now_ns()
            session.step(BarsClosed(row, when))
            if self._progress is not None:
                self._progress(row)
            if self._beat is not None:
                self._beat()
            if (row + 1) % SYNC_ROWS == 0:
                self._recorder.sync()
            if left >= 0:
                left -= 1
                if not session.ledger.holds or left < 0:
                    break
        self._recorder.sync()
        return self._how()

    def _how(self) -> Ended:
        session = self._session
        if self._seen:
            said = "; ".join(f"{scope}: {reason}" for scope, reason in self._seen.items())
            return Ended("killed", said)
        if session.stopped == "flatten" and session.ledger.holds:
            return Ended("failed", "positions are still open: no bar was left to close them at")
        if session.stopped:
            return Ended("stopped", session.stopped)
        return Ended("done")

    def look(self) -> None:
        """See whether a kill came into force, or was recovered from."""
        now = time.monotonic()
        if self._mind is not None and now - self._minded >= MIND_S:
            self._minded = now
            self._mind()
        if self._kill.epoch == self._epoch:
            return
        self._epoch = self._kill.epoch
        kills = self._kills()
        time_ns = self._session.book.now_ns
        for scope in [scope for scope in self._seen if scope not in kills]:
            del self._seen[scope]
            self._session.step(KillCleared(scope, time_ns))
        for scope, reason in kills.items():
            if scope not in self._seen:
                self._seen[scope] = reason
                self._session.step(KillSeen(scope, reason, self._epoch, time_ns))

    def _kills(self) -> dict[str, str]:
        """Reasons of the kills that stop the session or one of its symbols, by scope."""
        found = [
            self._kill.blocking(self._account, self._strategy, (symbol,))
            for symbol in self._symbols
        ]
        return {kill.scope.name: kill.reason for kill in found if kill is not None}

    def _wait(self, begun: float, passed_ns: int) -> None:
        if self._speed == float("inf"):
            return
        until = begun + passed_ns / 1e9 / self._speed
        while (left := until - time.monotonic()) > 0 and not self._stop_asked():
            time.sleep(min(left, 0.25 if self._venue is None else self._venue.settle_s / 4))
            self.look()
            if self._venue is not None:
                follow(self._session, self._venue, self._now_ns)
            if self._beat is not None:
                self._beat()


def told(error: PeakTradeError) -> Ended:
    """How a session ends that an error has ended."""
    return Ended("failed", error.message)
