"""A disk in memory that fails as disks do: the journal's seam for simulations and tests."""

import errno
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from peak_trade.domain.errors import JournalError
from peak_trade.journal.anchor import SLOT_BYTES, Anchor, anchor_of, latest_of, slot_of
from peak_trade.journal.record import Row, SnapshotRow
from peak_trade.journal.store import FencedError, StreamRow, WriterRow


@dataclass(slots=True)
class _File:
    """What programs read, what the disk holds, and the writes between the two, in order."""

    seen: bytearray = field(default_factory=bytearray)
    kept: bytearray = field(default_factory=bytearray)
    waiting: list[tuple[int, bytes]] = field(default_factory=list)


class VirtualDisk:
    """Files in memory that keep only what was synchronised, and fail when they are told to.

    Attributes
    ----------
    is_full : bool
        While it is set every write is refused, as by a full disk.
    failing_syncs : int
        So many of the next synchronisations fail. What they should have written is lost at the next crash though it is
        still read before, and though a later one reports success: so Linux does it.
    power_left : int or None
        After so many more writes and synchronisations the power is gone: every further one fails, until the
        crash. None where it is not counted.

    Examples
    --------
    >>> disk = VirtualDisk()
    >>> disk.append("log", b"kept ")
    >>> disk.sync("log")
    >>> disk.append("log", b"lost")
    >>> disk.read("log")
    b'kept lost'
    >>> disk.crash()
    >>> disk.read("log")
    b'kept '
    """

    def __init__(self) -> None:
        self.is_full = False
        self.failing_syncs = 0
        self.power_left: int | None = None
        self._files: dict[str, _File] = {}

    def read(self, name: str) -> bytes:
        """What a program finds in a file; nothing where there is none."""
        return bytes(self._files[name].seen) if name in self._files else b""

    def append(self, name: str, data: bytes) -> None:
        """Write at the end of a file; an OSError where the disk is full."""
        self.write(name, len(self._files.get(name, _File()).seen), data)

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write at a place of a file; an OSError where the disk is full."""
        self._spend()
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        file = self._files.setdefault(name, _File())
        _put(file.seen, offset, data)
        file.waiting.append((offset, data))

    def truncate(self, name: str, size: int) -> None:
        """Cut a file, durably."""
        file = self._files[name]
        del file.seen[size:]
        file.kept[:] = file.seen
        file.waiting.clear()

    def sync(self, name: str) -> None:
        """Bring a file's writes to the disk; an OSError where that fails."""
        self._spend()
        file = self._files.setdefault(name, _File())
        waiting, file.waiting = file.waiting, []
        if self.failing_syncs > 0:
            self.failing_syncs -= 1
            raise OSError(errno.EIO, "Input/output error")
        for offset, data in waiting:
            _put(file.kept, offset, data)

    def _spend(self) -> None:
        if self.power_left is not None:
            self.power_left -= 1
            if self.power_left < 0:
                raise OSError(errno.EIO, "The power is gone")

    def crash(self, rng: np.random.Generator | None = None) -> None:
        """The machine goes down: of what was not synchronised a random part is left, torn anywhere.

        Parameters
        ----------
        rng : numpy.random.Generator, optional
            What decides how much is left; nothing where there is none.
        """
        self.power_left = None
        for file in self._files.values():
            count = int(rng.integers(len(file.waiting) + 1)) if rng is not None else 0
            for offset, data in file.waiting[:count]:
                _put(file.kept, offset, data)
            if rng is not None and count < len(file.waiting):
                offset, data = file.waiting[count]
                _put(file.kept, offset, data[: int(rng.integers(len(data) + 1))])
            file.waiting.clear()
            file.seen[:] = file.kept


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class VirtualStore:
    """Records on a :class:`VirtualDisk`: an :class:`~peak_trade.journal.store.EventStore`.

    Each stream is a log of lines with a CRC-32 each. An incomplete last line is cut when it is read; a bad one
    before a good one is refused.
    """

    def __init__(self, disk: VirtualDisk) -> None:
        self.disk = disk

    @property
    def shown(self) -> str:
        """How messages call it."""
        return "a simulated disk"

    def writer(self, stream: str) -> WriterRow | None:
        """Who wrote a stream last; None where nobody did."""
        found = self._lines(f"{stream}.writer")
        return WriterRow(*found[-1][1:]) if found else None  # type: ignore[arg-type]

    def claim(self, stream: str, holder: str, *, since_ns: int) -> int:
        """Take a stream over, durably, and give the new epoch."""
        last = self.writer(stream)
        epoch = (last.epoch if last else 0) + 1
        self._add(f"{stream}.writer", [["writer", epoch, holder, since_ns]])
        self._register(stream)
        return epoch

    def commit(
        self, stream: str, epoch: int, rows: Sequence[Row], *, snapshots: Sequence[SnapshotRow] = ()
    ) -> None:
        """Keep records, durably; a crash on the way leaves whole records from their beginning."""
        last = self.writer(stream)
        if last is None or last.epoch != epoch:
            raise FencedError(
                f"{stream} was taken over (epoch {last.epoch if last else 'none'}, ours is {epoch})",
                hint="stop this session; only one may write",
            )
        states = {row.recorded: row for row in snapshots}
        lines: list[list[object]] = []
        for row in rows:
            if row.seq in states:
                lines.append(["snapshot", *states[row.seq]])
            lines.append(["event", *row])
        self._add(f"{stream}.log", lines)

    def rows(
        self, stream: str, *, start: int | None = None, kinds: Sequence[str] = ()
    ) -> Iterator[Row]:
        """The records of a stream in order."""
        for what, *values in self._lines(f"{stream}.log"):
            if what == "event":
                row = Row(*values)  # type: ignore[arg-type]
                if (start is None or row.seq >= start) and (not kinds or row.kind in kinds):
                    yield row

    def tail(self, stream: str, count: int, *, kinds: Sequence[str] = ()) -> list[Row]:
        """The last records, the newest first."""
        return list(self.rows(stream, kinds=kinds))[::-1][:count]

    def snapshots(self, stream: str) -> Iterator[SnapshotRow]:
        """The states that are kept, the newest first; one whose record was torn off is none."""
        recorded = {row.seq for row in self.rows(stream, kinds=("snapshot",))}
        found = [
            SnapshotRow(*values)  # type: ignore[arg-type]
            for what, *values in self._lines(f"{stream}.log")
            if what == "snapshot"
        ]
        yield from (row for row in reversed(found) if row.recorded in recorded)

    def streams(self) -> list[StreamRow]:
        """The streams that hold records, in the order of their names."""
        names = sorted({str(line[1]) for line in self._lines("streams")})
        found = [(name, list(self.rows(name))) for name in names]
        return [
            StreamRow(
                name, len(rows), rows[-1].seq, min(r.time_ns for r in rows), max(r.time_ns for r in rows)
            )
            for name, rows in found
            if rows
        ]  # fmt: skip

    def close(self) -> None:
        """Nothing to let go of."""

    def _register(self, stream: str) -> None:
        if all(line[1] != stream for line in self._lines("streams")):
            self._add("streams", [["stream", stream]])

    def _add(self, name: str, lines: Sequence[list[object]]) -> None:
        self.disk.append(name, b"".join(_framed(line) for line in lines))
        self.disk.sync(name)

    def _lines(self, name: str) -> list[list[object]]:
        found: list[list[object]] = []
        content = self.disk.read(name)
        whole, bad = 0, None
        for number, line in enumerate(content.splitlines(keepends=True), 1):
            value = _unframed(line)
            if value is None:
                bad = bad or number
            elif bad is not None:
                raise JournalError(
                    f"line {bad} of {name} is damaged, and whole ones follow it",
                    hint="the journal cannot be trusted as it stands: keep it, start a new session",
                )
            else:
                found.append(value)
                whole += len(line)
        if bad is not None:
            self.disk.truncate(name, whole)
        return found


def _framed(value: list[object]) -> bytes:
    text = json.dumps(value).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _unframed(line: bytes) -> list[object] | None:
    if not line.endswith(b"\n") or line[:9] != b"%08x " % zlib.crc32(line[9:-1]):
        return None
    found: list[object] = json.loads(line[9:-1])
    return found


class VirtualAnchor:
    """The anchor of one stream on a :class:`VirtualDisk`, laid out as on a real one."""

    def __init__(self, disk: VirtualDisk, stream: str, *, key: bytes) -> None:
        self._disk = disk
        self._stream = stream
        self._key = key
        self._count = 0

    @property
    def name(self) -> str:
        """The name of its file on the disk."""
        return f"{self._stream}.anchor"

    def read(self) -> Anchor | None:
        """The anchor; None where none was ever written whole."""
        content = self._disk.read(self.name)
        if len(content) <= SLOT_BYTES and anchor_of(content, self._stream, key=self._key) is None:
            return None  # the very first write was torn
        self._count, anchor = latest_of(content, self._stream, key=self._key)
        return anchor

    def write(self, anchor: Anchor) -> None:
        """Put a new anchor in place; it is on the disk when this returns."""
        slot = slot_of(anchor, self._stream, count=self._count + 1, key=self._key)
        self._disk.write(self.name, self._count % 2 * SLOT_BYTES, slot)
        self._disk.sync(self.name)
        self._count += 1

    def close(self) -> None:
        """Nothing to let go of."""
