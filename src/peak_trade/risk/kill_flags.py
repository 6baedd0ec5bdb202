"""The flag that every sender reads: one page of memory that the processes of a machine share."""

import json
import mmap
import os
from dataclasses import dataclass
from pathlib import Path

from peak_trade.domain.errors import PeakTradeError
from peak_trade.risk.kills import GLOBAL, LONGEST_TEXT, Reason, Scope

SIZE = 16_384
_MAGIC = int.from_bytes(b"PEAKKIL1", "little")
_TEXT = 64
_MAGIC_AT, _WORD, _EPOCH, _WRITING, _ALARM, _LENGTH, _STUCK = range(7)
_PART = 200
_MOST_EPOCH = 2**62


class FlagsError(ValueError):
    """The file of flags is missing or is none."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A trip that has begun: its flag is up, and it may not be durable yet."""

    scope: Scope
    reason: Reason


class Flags:
    """Cells that are written under the switch's lock, and read by senders without one.

    ``word`` changes with everything a sender must look at; while it is odd a trip is under way, and
    :attr:`pending` says which. An alarm is put up by a trip that cannot have the lock at once, and stops
    everything.

    Parameters
    ----------
    path : Path
        The file; :meth:`make` makes it.

    Raises
    ------
    FlagsError
        It is missing, or is no file of flags.
    """

    __slots__ = ("_cells", "_inode", "_memory", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise FlagsError(f"the file of flags cannot be opened: {error.strerror}") from None
        try:
            found = os.fstat(descriptor)
            if found.st_size != SIZE:
                raise FlagsError(f"the file of flags has {found.st_size} bytes, not {SIZE}")
            self._memory = mmap.mmap(descriptor, SIZE)
        finally:
            os.close(descriptor)
        self._inode = (found.st_dev, found.st_ino)
        self._cells = memoryview(self._memory)[:_TEXT].cast("Q")
        if self._cells[_MAGIC_AT] != _MAGIC or not 0 < self._cells[_EPOCH] < _MOST_EPOCH:
            raise FlagsError("the file of flags does not begin as one")

    @classmethod
    def make(cls, path: Path, *, epoch: int) -> "Flags":
        """Write the file anew, whole before it has its name, and open it."""
        fresh = path.with_name(path.name + ".new")
        cells = [_MAGIC, 2, epoch, 0, 0, 0, 0, 0]
        data = b"".join(cell.to_bytes(8, "little") for cell in cells)
        descriptor = os.open(
            fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            os.write(descriptor, data.ljust(SIZE, b"\0"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.replace(path)
        return cls(path)

    @property
    def word(self) -> int:
        """What changes whenever a sender has to look again; odd while a trip is under way."""
        return self._cells[_WORD]

    @property
    def epoch(self) -> int:
        """The epoch of the last transition that is durable."""
        return self._cells[_EPOCH]

    @property
    def writing(self) -> int:
        """The number of the record that is being written; 0 where none is."""
        return self._cells[_WRITING]

    @property
    def is_alarmed(self) -> bool:
        """Whether a trip waits for the lock, or could not be made durable."""
        cells = self._cells
        return bool(cells[_ALARM] or cells[_STUCK])

    @property
    def waiting(self) -> int:
        """Grows while a trip waits for the lock; 0 where none does."""
        return self._cells[_ALARM]

    @property
    def is_stuck(self) -> bool:
        """Whether a trip gave up before it was durable."""
        return bool(self._cells[_STUCK])

    @property
    def is_in_place(self) -> bool:
        """Whether the file that is mapped here is still the one that others would open."""
        try:
            found = self.path.stat(follow_symlinks=False)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._inode and found.st_size == SIZE

    @property
    def pending(self) -> Pending | None:
        """The trip that is under way; a global one where it cannot be read or could not be written."""
        if self.is_stuck:
            return Pending(GLOBAL, Reason("a trip could not be made durable", "kill switch", 0))
        if not self.word % 2:
            return None
        try:
            length = self._cells[_LENGTH]
            found = json.loads(bytes(self._memory[_TEXT : _TEXT + length]))
            scope, reason = found
            return Pending(Scope(*scope), Reason(*reason))
        except (ValueError, TypeError, PeakTradeError):
            return Pending(GLOBAL, Reason("a trip began and cannot be read", "kill switch", 0))

    def raise_alarm(self) -> None:
        """Stop everything while a trip waits for the lock; said again and again, so that it is seen to live."""
        self._cells[_ALARM] = (self._cells[_ALARM] + 1) % 2**62 or 1

    def get_stuck(self) -> None:
        """Stop everything until a global kill is durable."""
        self._cells[_STUCK] = 1

    def clear_waiting(self) -> None:
        """Take back the alarm of a trip that has the lock now; others that wait say it again."""
        self._cells[_ALARM] = 0

    def clear_alarm(self) -> None:
        """Take back every alarm: what they were for is durable."""
        self._cells[_ALARM] = 0
        self._cells[_STUCK] = 0

    def hold(self, scope: Scope, reason: Reason) -> None:
        """Put the flag up: whoever looks from now on is stopped."""
        parts = (scope.environment, scope.account, scope.strategy, scope.symbol)
        told = [reason.text[:LONGEST_TEXT], reason.by[:_PART], reason.time_ns]
        text = json.dumps([list(parts), told]).encode()
        if len(text) > SIZE - _TEXT:
            text = json.dumps([["", "", "", ""], ["a trip of a long reason", "", 0]]).encode()
        if not self.word % 2:
            self._memory[_TEXT : _TEXT + len(text)] = text
            self._cells[_LENGTH] = len(text)
        else:  # one was left unfinished: both at once is everything
            self._cells[_LENGTH] = 0
        self._cells[_WORD] = self.word | 1

    def begin(self, number: int) -> None:
        """Note which record is about to be written."""
        self._cells[_WRITING] = number

    def publish(self, epoch: int) -> None:
        """Let senders look again: what was written is durable."""
        self._cells[_EPOCH] = epoch
        self._cells[_WRITING] = 0
        self._cells[_WORD] = (self.word | 1) + 1
