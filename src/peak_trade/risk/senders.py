"""Who is sending just now: each process holds its own lock while it sends, so that a trip can wait for it."""

import os
import threading
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from peak_trade.risk.file_locks import end_process, lock_shared, started, unlock, wait_lock

_NUMBERS = count()


@dataclass(frozen=True, slots=True)
class Drained:
    """What came of waiting for senders: processes that were ended, and what was not proven."""

    ended: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class Senders:
    """The senders of one machine that share a folder; each has a file in it, named after its process.

    A sender takes the shared side of its file's lock from its last check until its bytes are written;
    a trip takes the other side of each.

    Parameters
    ----------
    folder : Path
        Where the files are.
    """

    folder: Path
    _file: int = -1
    _pid: int = 0
    _inside: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def enter(self) -> None:
        """Begin to send: hold this process's lock, with every thread that sends."""
        with self._guard:
            if self._pid != os.getpid():
                self._register()
            if self._inside == 0:
                lock_shared(self._file)
                while os.fstat(self._file).st_nlink == 0:  # a trip would not find it
                    self._register()
                    lock_shared(self._file)
            self._inside += 1

    def leave(self) -> None:
        """Have sent: the last thread lets go."""
        with self._guard:
            self._inside -= 1
            if self._inside == 0:
                unlock(self._file)

    def _register(self) -> None:
        """Make this process's file; a forked child's own, for it shares its parent's lock."""
        pid = os.getpid()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{pid}-{started(pid)}-{next(_NUMBERS)}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(self.folder / name, flags, 0o600)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._pid, self._inside = descriptor, pid, 0

    def close(self) -> None:
        """Send no more."""
        if self._file >= 0 and self._pid == os.getpid():
            for path in self.folder.glob(f"{self._pid}-*"):
                if path.stat().st_ino == os.fstat(self._file).st_ino:
                    path.unlink()
            os.close(self._file)
        self._file, self._pid = -1, 0

    def drain(self, wait_s: float) -> Drained:
        """Wait until every sender has let go once; end those that do not.

        Parameters
        ----------
        wait_s : float
            How long all of them have together; those that are ended have as long again.
        """
        deadline_s = time.monotonic() + wait_s
        ended: list[int] = []
        problems: list[str] = []
        late: list[tuple[Path, int]] = []
        if not self.folder.is_dir():
            self.folder.mkdir(mode=0o700, parents=True)
            problems.append("the files of the senders were taken away: nobody knows who sends")
        for path in sorted(self.folder.iterdir()):
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # its process has just ended in order
            if wait_lock(descriptor, deadline_s):
                _let_go(path, descriptor)
            else:
                late.append((path, descriptor))
        for path, descriptor in late:
            problem = self._end(path, ended)
            if not problem and not wait_lock(descriptor, time.monotonic() + wait_s):
                problem = f"the lock of sender {path.name} is still held"
            if problem:
                problems.append(problem)
                os.close(descriptor)
            else:
                _let_go(path, descriptor)
        return Drained(tuple(ended), tuple(problems))

    def _end(self, path: Path, ended: list[int]) -> str:
        """End the process of a file; why that was not done, or nothing."""
        number, _, start = path.name.rpartition("-")[0].partition("-")
        if not number.isdigit():
            return f"{path.name} among the senders is not one"
        pid = int(number)
        if pid == os.getpid():
            return "another thread of this very process still sends"
        try:
            if end_process(pid, start):
                ended.append(pid)
        except OSError as error:
            return f"sender {pid} holds on and cannot be ended: {error.strerror}"
        return ""


def _let_go(path: Path, descriptor: int) -> None:
    """Let go of a sender's lock; the file of a process that is gone goes with it."""
    number = path.name.partition("-")[0]
    try:
        if not number.isdigit() or not _is_there(int(number)):
            path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
