"""Heartbeats: a session shows that its loop goes round, the watchdog that it watches."""

import hashlib
import json
import mmap
import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from peak_trade.domain.errors import RiskError
from peak_trade.risk.kills import Scope

PERIOD_S = 0.25
SILENT_S = 2.0
DEAD_S = 5.0
WATCHDOG = "watchdog"

_SIZE = 4_096
_TEXT = 64
_MAGIC = int.from_bytes(b"PEAKBEAT", "little")
_MAGIC_AT, _BEAT, _STATE, _BLOCKED, _LENGTH = range(5)
_RUNNING, _STOPPED, _TRIPPED = 1, 2, 3


class Pulse(Enum):
    """What the age of a heartbeat means: nothing, that its session is blocked, or that it is dead."""

    BEATING = "beating"
    SILENT = "silent"
    DEAD = "dead"


def pulse_of(age_s: float) -> Pulse:
    """Judge a heartbeat by its age in seconds; one that cannot be told is dead.

    Examples
    --------
    >>> [pulse_of(age).value for age in (0.3, 2.0, 5.0, float("nan"))]
    ['beating', 'silent', 'dead', 'dead']
    """
    if age_s < SILENT_S:
        return Pulse.BEATING
    return Pulse.SILENT if age_s < DEAD_S else Pulse.DEAD


class Heartbeat:
    """One heartbeat: a page of memory that its owner writes and the others read; no call of the system.

    Parameters
    ----------
    path : Path
        Its file; :meth:`make` makes it.

    Raises
    ------
    RiskError
        It is missing or is no heartbeat.
    """

    __slots__ = ("_cells", "_memory", "account", "boot", "environment", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("r+b") as file:
                self._memory = mmap.mmap(file.fileno(), _SIZE)
            self._cells = memoryview(self._memory)[:_TEXT].cast("Q")
            length = self._cells[_LENGTH] if self._cells[_MAGIC_AT] == _MAGIC else 0
            found = json.loads(bytes(self._memory[_TEXT : _TEXT + length]))
            self.environment, self.account, self.boot = map(str, found)
        except (OSError, ValueError, TypeError) as error:
            raise RiskError(
                f"{path.name} is no heartbeat: {error}", hint="start its session again"
            ) from None

    @classmethod
    def make(
        cls, folder: Path, *, environment: str, account: str, boot: str, monotonic_ns: int
    ) -> "Heartbeat":
        """Begin to beat for an account, in the place of an earlier session of it.

        Parameters
        ----------
        folder : Path
            The state folder.
        boot : str
            Which start of the machine the monotonic clock counts from.
        """
        key = hashlib.blake2b(f"{environment}\0{account}".encode(), digest_size=8).hexdigest()
        name = WATCHDOG if account == WATCHDOG and not environment else key
        return cls._made(folder / "heartbeat" / name, (environment, account, boot), monotonic_ns)

    @classmethod
    def _made(cls, path: Path, told: tuple[str, str, str], monotonic_ns: int) -> "Heartbeat":
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = json.dumps(told).encode()
        if len(text) > _SIZE - _TEXT:
            raise RiskError("the account's name is too long", hint="give it a shorter one")
        cells = (_MAGIC, monotonic_ns, _RUNNING, 0, len(text), 0, 0, 0)
        data = b"".join(cell.to_bytes(8, "little") for cell in cells) + text
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.write_bytes(data.ljust(_SIZE, b"\0"))
        fresh.chmod(0o600)
        fresh.replace(path)
        return cls(path)

    def beat(self, monotonic_ns: int) -> None:
        """Say that the loop went round."""
        self._cells[_BEAT] = monotonic_ns

    def stop(self) -> None:
        """Say that there will be no more: the session ended in order."""
        self._cells[_STATE] = _STOPPED

    @property
    def is_running(self) -> bool:
        """Whether its owner has not ended in order, nor was tripped for its silence."""
        return self._cells[_STATE] == _RUNNING

    @property
    def is_blocked(self) -> bool:
        """Whether the watchdog holds its owner back."""
        return bool(self._cells[_BLOCKED])

    def block(self, *, wanted: bool) -> None:
        """Hold its owner back, or let it go on; the watchdog's business."""
        self._cells[_BLOCKED] = int(wanted)

    def note_trip(self) -> None:
        """Note that its silence tripped the switch; once is enough."""
        self._cells[_STATE] = _TRIPPED

    def age_s(self, monotonic_ns: int, boot: str) -> float:
        """Seconds since the last beat; NaN where it is of an earlier start of the machine."""
        if boot != self.boot:
            return float("nan")
        return max(0.0, (monotonic_ns - self._cells[_BEAT]) / 1e9)

    @property
    def scope(self) -> Scope:
        """Whose orders its silence stops."""
        return Scope(self.environment, account=self.account)


def heartbeats(folder: Path) -> tuple[tuple[Path, Heartbeat | None], ...]:
    """Every session's heartbeat in a state folder; None for a file that is none."""
    found: list[tuple[Path, Heartbeat | None]] = []
    for path in sorted((folder / "heartbeat").glob("[0-9a-f]*")):
        try:
            found.append((path, Heartbeat(path)))
        except RiskError:
            found.append((path, None))
    return tuple(found)


class Lifeline:
    """Why a session must not send: the watchdog holds it back, is silent, or is not there.

    Handed to the kill switch as its ``vital``; two reads of shared memory a send.

    Parameters
    ----------
    own : Heartbeat
        The session's own.
    boot : str
        Which start of the machine this is.
    monotonic_ns : callable
        Reads the monotonic clock.
    """

    __slots__ = ("_boot", "_monotonic_ns", "_own", "_watchdog")

    def __init__(self, own: Heartbeat, *, boot: str, monotonic_ns: Callable[[], int]) -> None:
        self._own, self._boot, self._monotonic_ns = own, boot, monotonic_ns
        self._watchdog: Heartbeat | None = None

    def __call__(self) -> str:
        """The reason, or nothing."""
        if self._own.is_blocked:
            return f"this session was silent for over {SILENT_S:g} s"
        if not self._is_watched():
            self._watchdog = None  # another one may have begun
            if not self._is_watched():
                return "no watchdog is running"
        return ""

    def _is_watched(self) -> bool:
        if self._watchdog is None:
            try:
                self._watchdog = Heartbeat(self._own.path.with_name(WATCHDOG))
            except RiskError:
                return False
        age_s = self._watchdog.age_s(self._monotonic_ns(), self._boot)
        return self._watchdog.is_running and pulse_of(age_s) is Pulse.BEATING
