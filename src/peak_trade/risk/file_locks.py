"""Locks between processes of one machine, and who a process is; POSIX only."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from peak_trade.domain.errors import RiskError

POLL_S = 0.0002
"""How often a lock that another process holds is asked for again."""

_PS_S = 2.0


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock of an open file, if nobody holds it against that."""
    import fcntl

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_shared(descriptor: int) -> None:
    """Take the shared side of an open file's lock; waits for who holds it alone."""
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_SH)


def unlock(descriptor: int) -> None:
    """Let go of the lock of an open file."""
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_UN)


def wait_lock(
    descriptor: int, deadline_s: float, *, meanwhile: Callable[[], None] | None = None
) -> bool:
    """Take the lock alone before ``deadline_s`` of ``time.monotonic``; False where that fails."""
    while not try_lock(descriptor):
        if meanwhile is not None:
            meanwhile()
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(POLL_S)
    return True


@contextmanager
def locked(
    path: Path, *, wait_s: float, meanwhile: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold a lock file, alone; it is let go of when the process ends, however it ends.

    Parameters
    ----------
    path : Path
        The file; made where there is none, never removed.
    wait_s : float
        How long to wait for another process.
    meanwhile : callable, optional
        Called at each vain attempt.

    Raises
    ------
    RiskError
        Another process holds it too long.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not wait_lock(descriptor, time.monotonic() + wait_s, meanwhile=meanwhile):
            raise RiskError(
                f"another process holds {path.name} for over {wait_s:g} s",
                hint="see which one it is with: fuser -v on that file",
            )
        yield
    finally:
        os.close(descriptor)


def started(pid: int) -> str | None:
    """When a process was started, in a form of this machine; None where it is not alive.

    Together with the number it names one process: numbers are used again, these pairs are not.
    """
    if Path("/proc/self/stat").exists():
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        fields = text.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    return _started_by_ps(pid)


def _started_by_ps(pid: int) -> str | None:
    done = subprocess.run(  # noqa: S603 - a number, no text
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        timeout=_PS_S,
        check=False,
    )
    return "".join(filter(str.isalnum, done.stdout)) or None


def end_process(pid: int, start: str) -> bool:
    """End a process at once, where it is still the one that was started then.

    False where it is gone already or is another one now.

    Raises
    ------
    OSError
        It belongs to somebody else.
    """
    import signal

    if not hasattr(os, "pidfd_open"):
        if started(pid) != start:
            return False
        os.kill(pid, signal.SIGKILL)
        return True
    try:
        handle = os.pidfd_open(pid)  # from here on the number cannot become another's
    except ProcessLookupError:
        return False
    try:
        if started(pid) != start:
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True
