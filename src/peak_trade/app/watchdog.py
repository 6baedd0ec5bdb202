"""The watchdog: a process of its own that trips the kill switch where a session falls silent."""

import logging
import math
import signal
import threading
import time
from pathlib import Path

from peak_trade.app.moment import boot_id
from peak_trade.domain.errors import RiskError
from peak_trade.risk.file_locks import locked
from peak_trade.risk.heartbeat import (
    DEAD_S,
    PERIOD_S,
    SILENT_S,
    WATCHDOG,
    Heartbeat,
    Pulse,
    heartbeats,
    pulse_of,
)
from peak_trade.risk.kill_files import KillSwitch
from peak_trade.risk.kills import GLOBAL, Trip

LOCK = ".watchdog.lock"
_LOGGER = logging.getLogger("peak_trade.watchdog")


class Watchdog:
    """Looks after every session of a state folder: silence of 2 s blocks one, of 5 s trips its account.

    It beats itself, so that sessions stop where it died, and looks at the kill switch's files, so that
    a sentinel file or damage to them is seen within one round.

    Parameters
    ----------
    folder : Path
        The state folder.
    switch : KillSwitch
        The switch of that folder.
    boot : str
        Which start of the machine this is.
    monotonic_ns : int
        The monotonic clock as it begins: a silence from before counts from then.
    """

    def __init__(self, folder: Path, switch: KillSwitch, *, boot: str, monotonic_ns: int) -> None:
        self._folder, self._switch, self._boot = folder, switch, boot
        self._since_ns = self._last_ns = monotonic_ns
        self._own = Heartbeat.make(
            folder, environment="", account=WATCHDOG, boot=boot, monotonic_ns=monotonic_ns
        )
        self._unreadable: set[Path] = set()

    def look(self, monotonic_ns: int, wall_ns: int) -> tuple[Trip, ...]:
        """One round: beat, look at the switch and at every session; gives the trips that it made.

        After a round that came late itself (the whole machine stood still) silence counts anew.
        """
        if monotonic_ns - self._last_ns > SILENT_S * 1e9:
            self._since_ns = monotonic_ns
        self._last_ns = monotonic_ns
        self._own.beat(monotonic_ns)
        try:
            self._switch.look(wall_ns)
        except RiskError as error:  # somebody holds its lock: the next round looks again
            _LOGGER.error("the kill switch cannot be looked at: %s", error)  # noqa: TRY400
        trips = [
            trip
            for path, beat in heartbeats(self._folder)
            if (trip := self._look_at(path, beat, monotonic_ns, wall_ns)) is not None
        ]
        return tuple(trips)

    def _look_at(
        self, path: Path, beat: Heartbeat | None, monotonic_ns: int, wall_ns: int
    ) -> Trip | None:
        if beat is None:
            if path in self._unreadable:
                return None
            self._unreadable.add(path)
            return self._switch.trip(
                "a heartbeat cannot be read", by="watchdog", now_ns=wall_ns, scope=GLOBAL
            )
        if not beat.is_running:
            return None
        watched_s = (monotonic_ns - self._since_ns) / 1e9
        age_s = beat.age_s(monotonic_ns, self._boot)
        pulse = pulse_of(watched_s if math.isnan(age_s) else min(age_s, watched_s))
        beat.block(wanted=pulse is not Pulse.BEATING)
        if pulse is not Pulse.DEAD:
            return None
        beat.note_trip()
        return self._switch.trip(
            f"the session of account {beat.account} is silent for over {DEAD_S:g} s",
            by="watchdog",
            now_ns=wall_ns,
            scope=beat.scope,
        )

    def close(self) -> None:
        """Watch no more; sessions stop sending."""
        self._own.stop()


def watch(folder: Path, *, seconds: float | None = None) -> tuple[Trip, ...]:
    """Watch a state folder until a signal to end comes, or for so many seconds.

    SIGTERM and SIGINT end it; SIGUSR1 kills everything that shares the folder.

    Returns
    -------
    tuple of Trip
        What was tripped meanwhile.

    Raises
    ------
    RiskError
        Another watchdog looks after that folder already.
    """
    asked = _Asked()
    before = {kind: signal.signal(kind, asked.end) for kind in (signal.SIGTERM, signal.SIGINT)}
    before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, asked.kill)
    (folder / "heartbeat").mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with locked(folder / "heartbeat" / LOCK, wait_s=0.0):
            return _rounds(folder, asked, seconds)
    except RiskError as error:
        if LOCK not in error.message:
            raise
        raise RiskError(
            "another watchdog looks after this state folder already",
            hint="one is enough; end it before you start another",
        ) from None
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


class _Asked:
    """What signals have asked for: the end, or a kill. They only leave word; the rounds act on it."""

    def __init__(self) -> None:
        self.awake = threading.Event()
        self.is_ended = self.is_kill = False

    def end(self, *_: object) -> None:
        self.is_ended = True
        self.awake.set()

    def kill(self, *_: object) -> None:
        self.is_kill = True
        self.awake.set()


def _rounds(folder: Path, asked: _Asked, seconds: float | None) -> tuple[Trip, ...]:
    switch = KillSwitch(folder, environment="", now_ns=time.time_ns())
    began_ns = time.monotonic_ns()
    watchdog = Watchdog(folder, switch, boot=boot_id(), monotonic_ns=began_ns)
    trips: list[Trip] = []
    _LOGGER.info("watching %s", folder)
    try:
        while not asked.is_ended:
            asked.awake.clear()
            if asked.is_kill:
                asked.is_kill = False
                trips.append(switch.trip("SIGUSR1 came", by="signal", now_ns=time.time_ns()))
            now_ns = time.monotonic_ns()
            if seconds is not None and now_ns - began_ns >= seconds * 1e9:
                break
            trips += watchdog.look(now_ns, time.time_ns())
            asked.awake.wait(PERIOD_S)
    finally:
        watchdog.close()
    return tuple(trips)
