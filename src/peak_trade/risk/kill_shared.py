"""The kill switch that processes share: its flag, its files, and what a trip does.

It holds on one machine: its flag is shared memory, its locks are those of one kernel.
"""

import logging
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from peak_trade.domain.errors import RiskError
from peak_trade.risk.file_locks import POLL_S, locked
from peak_trade.risk.kill_flags import Flags, FlagsError, Pending
from peak_trade.risk.kill_store import Disk, Head, KillStateError, KillStore, Record
from peak_trade.risk.kill_switch import KilledError
from peak_trade.risk.kills import (
    GLOBAL,
    LIVE,
    Kill,
    KillState,
    Reason,
    Scope,
    Standing,
    Trip,
    kill_to_plain,
    worst_of,
)
from peak_trade.risk.senders import Senders

DRAIN_S = 0.25
"""How long a trip waits for senders, and again for those that it had to end."""

LOCK_S = 1.0
"""How long a change waits for another one."""

SENTINEL = "KILL"
_LOOKS = 5
_ALIVE_S = 0.05
_LOGGER = logging.getLogger("peak_trade.kill")


def _alert(trip: Trip) -> None:
    _LOGGER.critical(
        "%s %s at epoch %d by %s: %s %s",
        trip.status,
        trip.scope,
        trip.epoch,
        trip.by,
        trip.reason,
        "; ".join(trip.problems),
    )


class SharedKill:
    """What stops orders in every process of a machine, and stays so after a restart.

    :class:`peak_trade.risk.kill_files.KillSwitch` is it with the road back.
    """

    def __init__(
        self,
        folder: Path,
        *,
        environment: str,
        now_ns: int,
        disk: Disk | None = None,
        vital: Callable[[], str] | None = None,
        alert: Callable[[Trip], None] = _alert,
        drain_s: float = DRAIN_S,
    ) -> None:
        self.folder = folder
        self.environment = Scope(environment).environment
        self.sentinel = folder / SENTINEL
        self._own = folder / "kill"
        self._disk = disk or Disk()
        self._vital = vital
        self._alert = alert
        self._drain_s = drain_s
        self._store = KillStore(self._own, folder / "kill.made", self._disk)
        self._senders = Senders(self._own / "senders")
        self._flags: Flags
        self._word = -1
        self._kills: tuple[Kill, ...] = ()
        self._last_epoch = 0
        try:
            for path in (folder, self._own, self._senders.folder):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.look(now_ns, is_whole=True)
        except OSError as error:
            raise RiskError(
                f"the state folder of the kill switch cannot be used: {error}",
                hint="set state.dir to a folder that you may write",
            ) from error

    # --- what a sender asks ----------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """Counts every transition of any scope, and never falls."""
        return self._flags.epoch

    def blocking(self, account: str, strategy: str, symbols: Collection[str]) -> Kill | None:
        """The kill that stops those orders, if any: two reads of shared memory where nothing changed."""
        flags = self._flags
        if flags.word != self._word or flags.is_alarmed:
            return worst_of(self._now_known(), self.environment, account, strategy, symbols)
        if not self._kills:
            return None
        return worst_of(self._kills, self.environment, account, strategy, symbols)

    @contextmanager
    def sending(self, account: str, strategy: str, symbol: str) -> Iterator[None]:
        """Check, take this process's lock, check again, send, let go.

        The second check is what makes a trip's acknowledgement true: a trip that puts up its flag
        before it stops this sender, and one that does so after it waits for it.

        Raises
        ------
        KilledError
            On entering, where the switch is tripped, its files are not in place, or the watchdog is
            silent.
        """
        self._check(account, strategy, symbol)
        if os.path.lexists(self.sentinel):
            self.look(self.sentinel.lstat().st_mtime_ns)  # its removal clears nothing
            self._check(account, strategy, symbol)
        self._senders.enter()
        try:
            self._check(account, strategy, symbol)
            self._check_surroundings()
            yield
        finally:
            self._senders.leave()

    def _check(self, account: str, strategy: str, symbol: str) -> None:
        kill = self.blocking(account, strategy, (symbol,))
        if kill is not None:
            raise KilledError(kill)

    def _check_surroundings(self) -> None:
        """What the flag does not tell: a sentinel, files that were taken away, a silent watchdog."""
        if os.path.lexists(self.sentinel):
            raise KilledError(_kill_of(f"the file {SENTINEL} is there", "sentinel", self.epoch))
        if not self._flags.is_in_place:
            self._open_flags(repair=False)
            raise KilledError(_kill_of("its files were taken away", "kill switch", self.epoch))
        reason = self._vital() if self._vital is not None else ""
        if reason:
            raise KilledError(_kill_of(reason, "watchdog", self.epoch))

    def _now_known(self) -> tuple[Kill, ...]:
        """Read again what is killed: the signed state, and a trip that is not durable yet."""
        for _ in range(_LOOKS):
            word, pending = self._flags.word, self._flags.pending
            if not self._flags.is_in_place:
                break
            try:
                _, standing = self._store.read_state()
            except KillStateError as error:
                return (_kill_of(str(error), "kill switch", self._flags.epoch),)
            if word != self._flags.word:
                continue
            if standing.epoch < max(self._flags.epoch, self._last_epoch):
                told = f"its epoch fell to {standing.epoch}"
                return (_kill_of(told, "kill switch", self._flags.epoch),)
            if pending is not None:
                return (*standing.kills, _pending_kill(pending, standing.epoch))
            if self._flags.is_alarmed:
                return (*standing.kills, _kill_of("a trip begins", "kill switch", standing.epoch))
            self._kills, self._word, self._last_epoch = standing.kills, word, standing.epoch
            return standing.kills
        return (_kill_of("its state does not hold still", "kill switch", self._flags.epoch),)

    @property
    def kills(self) -> tuple[Kill, ...]:
        """Every scope that is stopped, of every environment, as of now."""
        return self._now_known()

    def close(self) -> None:
        """Send no more from this process."""
        self._senders.close()

    # --- looking at everything -------------------------------------------------------------------

    def look(self, now_ns: int, *, is_whole: bool = False) -> tuple[Kill, ...]:
        """Take the worst of all there is, and make it durable; gives every scope that is stopped.

        The session and the watchdog call it now and then: it sees the sentinel file, a trip that was
        begun and never finished, and files that were changed by somebody else.

        Parameters
        ----------
        now_ns : int
            UTC nanoseconds.
        is_whole : bool
            Check every record of the audit file, and not the last one alone.
        """
        with self._lock():
            head, standing = self._settled(now_ns, is_whole=is_whole)
            if self.environment == LIVE and not standing.knows_live:
                live = replace(standing, knows_live=True)
                self._write(head, live, kind="live", by="session", time_ns=now_ns)
        return self._now_known()

    def _lock(self, meanwhile: Callable[[], None] | None = None) -> AbstractContextManager[None]:
        self._own.mkdir(mode=0o700, parents=True, exist_ok=True)
        return locked(self._own / "lock", wait_s=LOCK_S, meanwhile=meanwhile)

    def _settled(self, now_ns: int, *, is_whole: bool = False) -> tuple[Head, Standing]:
        """What stands on disk, after everything that speaks for a kill was written to it; locked."""
        head, standing = self._found(now_ns, is_whole=is_whole)
        pending = self._flags.pending or self._left_waiting()
        if pending is not None:
            head, standing = self._killed(head, standing, pending.reason, pending.scope)
            self._flags.clear_alarm()
        elif self._flags.writing:
            head = self._write(head, standing, kind="finished", by="kill switch", time_ns=now_ns)
        if os.path.lexists(self.sentinel):
            reason = Reason(f"the file {SENTINEL} is there", "sentinel", now_ns)
            head, standing = self._killed(head, standing, reason)
        return head, standing

    def _left_waiting(self) -> Pending | None:
        """A trip that waited for the lock and is no more; one that lives has its turn next."""
        seen = self._flags.waiting
        if not seen:
            return None
        limit_s = time.monotonic() + _ALIVE_S
        while time.monotonic() < limit_s:
            time.sleep(POLL_S)
            if self._flags.waiting != seen:
                return None
        return Pending(GLOBAL, Reason("a trip began and is not finished", "kill switch", 0))

    def _found(self, now_ns: int, *, is_whole: bool = False) -> tuple[Head, Standing]:
        """What the files say; a kill, made durable, where they say nothing sensible. Locked."""
        if self._store.is_new and not os.path.lexists(self._own / "flags"):
            self._make(now_ns)
        problem = self._open_flags()
        writing = 0 if problem else self._flags.writing
        try:
            head, standing = self._store.read(writing=writing, is_whole=is_whole)
        except KillStateError as error:
            return self._begun_again("; ".join(filter(None, (str(error), problem))), now_ns)
        known = max(self._flags.epoch, self._last_epoch)
        if not problem and standing.epoch < known:
            problem = f"its epoch fell from {known} to {standing.epoch}"
            standing = replace(standing, epoch=known)
        if not os.path.lexists(self._store.marker):
            self._store.make_marker()
        if problem:
            return self._killed(head, standing, _reason(f"kill state: {problem}", now_ns))
        return head, standing

    def _make(self, now_ns: int) -> None:
        """Write the state of a first start: ACTIVE."""
        self._store.make_key()
        self._flags = Flags.make(self._own / "flags", epoch=1)
        self._disk.sync(self._own)
        self._write(Head(), Standing(), kind="made", by="kill switch", time_ns=now_ns)
        self._store.make_marker()

    def _open_flags(self, *, repair: bool = True) -> str:
        """Map the file of flags as it is now; what is wrong with it, or nothing."""
        path = self._own / "flags"
        known = getattr(self, "_flags", None)
        if known is not None and known.is_in_place:
            return ""
        self._word = -1
        try:
            self._flags = Flags(path)
        except FlagsError as error:
            if repair:
                if path.is_dir() and not path.is_symlink():
                    path.rename(path.with_name(f"flags-{time.monotonic_ns()}"))
                self._flags = Flags.make(path, epoch=max(1, self._last_epoch))
            return str(error)
        return ""

    def _begun_again(self, problem: str, now_ns: int) -> tuple[Head, Standing]:
        """Write a new state over a broken one, which is kept aside: KILLED, at a later epoch."""
        epoch = max(self._flags.epoch, self._last_epoch, 1)
        try:
            _, readable = self._store.read_state()
            epoch = max(epoch, readable.epoch)
            before = replace(readable, epoch=epoch, codes=(), knows_live=True)
        except KillStateError:
            before = Standing(epoch, knows_live=True)
        aside = self._store.set_aside()
        self._store.make_key()
        if not os.path.lexists(self._store.marker):
            self._store.make_marker()
        reason = _reason(f"kill state: {problem}", now_ns)
        return self._killed(Head(), before, reason, detail={"kept": aside})

    def _killed(
        self,
        head: Head,
        standing: Standing,
        reason: Reason,
        scope: Scope = GLOBAL,
        *,
        detail: Mapping[str, object] | None = None,
    ) -> tuple[Head, Standing]:
        after = standing.killed(scope, reason)
        if after == standing and not self._flags.word % 2 and not self._flags.is_alarmed:
            return head, standing
        self._flags.hold(scope, reason)
        told = {"scope": str(scope), "reason": reason.text, **(detail or {})}
        by, time_ns = reason.by, reason.time_ns
        head = self._write(head, after, kind="kill", by=by, time_ns=time_ns, detail=told)
        self._alert(Trip(scope, reason.text, by, after.epoch, time_ns))
        return head, after

    def _write(
        self,
        head: Head,
        standing: Standing,
        *,
        kind: str,
        by: str,
        time_ns: int,
        detail: Mapping[str, object] | None = None,
    ) -> Head:
        self._flags.begin(head.seq + 1)
        new = self._store.write(
            head, standing, kind=kind, by=by, time_ns=time_ns, detail=detail or {}
        )
        self._flags.publish(standing.epoch)
        return new

    # --- tripping --------------------------------------------------------------------------------

    def trip(self, reason: str, *, by: str, now_ns: int, scope: Scope = GLOBAL) -> Trip:
        """Stop every order of a scope: needs no approval, and may be repeated.

        In this order: the flag that every sender reads; the durable state; each sender's lock, whose
        other side it holds while it sends, and the end of a process that does not let go; then this
        returns, and whoever asked cancels and tells.

        Parameters
        ----------
        reason : str
            Why; of the first trip it is kept as the reason, of later ones appended.
        by : str
            ``operator NAME``, ``risk engine``, ``watchdog``, ``sentinel`` or ``signal``.
        now_ns : int
            UTC nanoseconds.
        scope : Scope
            Whose orders; every one where left out.

        Returns
        -------
        Trip
            Confirmed, or ``KILL_UNCONFIRMED`` with what was not proven: never assume then.
        """
        begun_s = time.monotonic()
        problems: list[str] = []
        given = Reason(reason, by, now_ns)
        try:
            with self._lock(self._flags.raise_alarm):
                self._flags.clear_waiting()
                self._make_durable(scope, given)
        except (OSError, RiskError, KillStateError) as error:
            self._flags.get_stuck()
            problems.append(f"the kill is not durable: {error}")
        drained = self._senders.drain(self._drain_s)
        trip = Trip(
            scope,
            reason,
            by,
            self.epoch,
            now_ns,
            time.monotonic() - begun_s,
            drained.ended,
            (*problems, *drained.problems),
        )
        self._alert(trip)
        return trip

    def _make_durable(self, scope: Scope, given: Reason) -> None:
        """The flag, then the disk; locked. A trip that was left unfinished is finished with it."""
        earlier = self._flags.pending
        self._flags.hold(scope, given)
        head, standing = self._found(given.time_ns)
        after = standing.killed(scope, given)
        if earlier is not None:
            after = after.killed(earlier.scope, earlier.reason)
        detail = {"scope": str(scope), "reason": given.text}
        self._write(head, after, kind="kill", by=given.by, time_ns=given.time_ns, detail=detail)
        if earlier is not None:
            self._flags.clear_alarm()

    def history(self) -> tuple[Record, ...]:
        """Everything that ever happened to the switch, oldest first, every seal checked.

        Raises
        ------
        RiskError
            The audit file is broken.
        """
        try:
            with self._lock():
                return tuple(self._store.records())
        except KillStateError as error:
            raise RiskError(
                f"the audit file of the kill switch is broken: {error}",
                hint="peak kill status sets it aside and keeps the kill",
            ) from error

    def status(self) -> dict[str, object]:
        """Where the switch stands, as plain values."""
        kills = self._now_known()
        states = {kill.state for kill in kills}
        worst = next((s for s in (KillState.KILLED, KillState.RECOVERING) if s in states), None)
        return {
            "state": (worst or KillState.ACTIVE).value,
            "epoch": self.epoch,
            "kills": [kill_to_plain(kill) | {"name": str(kill.scope)} for kill in kills],
        }


def _reason(text: str, now_ns: int) -> Reason:
    return Reason(text, "kill switch", now_ns)


def _kill_of(text: str, by: str, epoch: int) -> Kill:
    return Kill(GLOBAL, KillState.KILLED, epoch, (Reason(text, by, 0),))


def _pending_kill(pending: Pending, epoch: int) -> Kill:
    return Kill(pending.scope, KillState.KILLED, epoch, (pending.reason,))
