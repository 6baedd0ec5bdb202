"""The one writer of a journal: records in order, durable in groups, and none after a failure."""

import contextlib
import operator
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from peak_trade.domain.errors import JournalError
from peak_trade.journal import files
from peak_trade.journal.anchor import Anchor, Anchors, AnchorStore
from peak_trade.journal.database import Database
from peak_trade.journal.record import (
    Row,
    SnapshotRow,
    checked_stream,
    checksum_of,
    fault_of,
    hash_of,
    is_kind,
    payload_text,
    snapshot_payload,
)
from peak_trade.journal.store import DatabaseStore, EventStore

_INT64 = 2**63


class JournalWriter:
    """Writes the journal of one session: a :class:`~peak_trade.domain.event.Recorder`.

    Append puts a record behind the last one in memory; sync makes all of them durable in one
    transaction, then their anchor, and returns. Threads that sync at once share one transaction. After any
    failure of either the writer has stopped: it takes no more records and does not try again, for what the disk
    holds is not known any more; the session ends and is opened anew.

    Made by :meth:`open`; :meth:`over` puts it on another store.

    Attributes
    ----------
    stream : str
        The session whose journal it is.
    epoch : int
        Which writer of the stream this is, from 1.
    recovered : int
        Records that were found behind the anchor when it was opened: a crash came between the two.

    Examples
    --------
    >>> import tempfile
    >>> from peak_trade.journal.database import open_database
    >>> from peak_trade.journal.reader import read
    >>> folder = Path(tempfile.mkdtemp())
    >>> database = open_database(f"sqlite:///{folder / 'journal.sqlite'}")
    >>> with JournalWriter.open(database, "S1", state_dir=folder, holder="doctest") as journal:
    ...     journal.append("order.intent", {"lots": 3}, 1_700_000_000_000_000_000)
    ...     journal.sync()
    1
    >>> [(entry.seq, entry.kind, entry.payload) for entry in read(database, "S1")]
    [(1, 'order.intent', {'lots': 3})]
    """

    def __init__(
        self,
        store: EventStore,
        anchors: AnchorStore,
        *,
        stream: str,
        epoch: int,
        start: Anchor,
        recovered: int = 0,
        lock: files.FileLock | None = None,
    ) -> None:
        self.stream = stream
        self.epoch = epoch
        self.recovered = recovered
        self._store = store
        self._anchors = anchors
        self._lock = lock
        self._turn = threading.Lock()  # over what is in memory
        self._leading = threading.Lock()  # over the store: one thread writes for all that wait
        self._rows: list[Row] = []
        self._snapshots: list[SnapshotRow] = []
        self._seq, self._hash = start.seq, start.hash
        self._synced = self._taken = start.seq
        self._is_closed = False
        self._failure: str | None = None

    @classmethod
    def open(
        cls, database: Database, stream: str, *, state_dir: Path, holder: str, now_ns: int = 0
    ) -> Self:
        """Become the writer of a stream: begin it, or go on behind its last record.

        Parameters
        ----------
        database : Database
            A SQLite file, or PostgreSQL.
        stream : str
            The id of the session.
        state_dir : Path
            The folder of ``state.dir``: ``anchors/`` and ``writers/`` in it are this module's.
        holder : str
            Who writes, for messages to others, such as ``peak run (pid 4711 on box)``.
        now_ns : int
            The time, UTC; the machine's own where left out.

        Raises
        ------
        RefusedError
            Another writer of the stream is running on this machine.
        JournalError
            The database does not keep what it acknowledges, or database and anchor do not fit: records were cut,
            changed or added, or the anchor is missing or forged.
        """
        checked_stream(stream)
        lock = files.FileLock(
            files.private_folder(state_dir / "writers") / f"{stream}.lock", holder
        )
        store = DatabaseStore(database)
        try:
            store.check_durable()
            anchors = Anchors(state_dir).of(stream)
            return cls.over(
                store, anchors, stream=stream, holder=holder, now_ns=now_ns or time.time_ns(), lock=lock
            )  # fmt: skip
        except BaseException:
            store.close()
            lock.release()
            raise

    @classmethod
    def over(
        cls,
        store: EventStore,
        anchors: AnchorStore,
        *,
        stream: str,
        holder: str,
        now_ns: int,
        lock: files.FileLock | None = None,
    ) -> Self:
        """Become the writer of a stream that is kept elsewhere, such as on a simulated disk.

        The lock, where there is one, is let go when the writer is closed.
        """
        checked_stream(stream)
        try:
            anchor = anchors.read()
            if anchor is None:
                anchor = _first_anchor(store, anchors, stream)
            recovered_end(store, stream, anchor)  # before the claim: who is refused fences nobody
            epoch = store.claim(stream, holder, since_ns=now_ns)
            end, recovered = recovered_end(store, stream, anchor)
            anchors.write(end._replace(epoch=epoch, is_closed=False))
        except OSError as error:
            anchors.close()
            raise _cannot_write(stream, error) from None
        except BaseException:
            anchors.close()
            raise
        return cls(
            store, anchors, stream=stream, epoch=epoch, start=end, recovered=recovered, lock=lock
        )

    def __repr__(self) -> str:
        return f"JournalWriter({self.stream!r}, epoch={self.epoch}, seq={self._seq})"

    @property
    def seq(self) -> int:
        """The sequence number of the last record appended; 0 where there is none."""
        return self._seq

    @property
    def synced(self) -> int:
        """The sequence number of the last durable record."""
        return self._synced

    @property
    def failure(self) -> str | None:
        """Why it has stopped; None while it writes."""
        return self._failure

    def append(self, kind: str, payload: Mapping[str, object], time_ns: int) -> int:
        """Add a record behind the last one and give its sequence number; it is not durable yet.

        Raises
        ------
        JournalError
            The writer has stopped or is closed, or this is no kind or no time.
        """
        text = payload_text(payload)
        checksum = checksum_of(text)
        with self._turn:
            return self._append(kind, text, checksum, time_ns)

    def _append(self, kind: str, text: str, checksum: int, time_ns: int) -> int:
        self._check()
        time_ns = operator.index(time_ns)
        if not is_kind(kind) or not -_INT64 <= time_ns < _INT64:
            raise JournalError(
                f"no record can be of kind {kind!r} at {time_ns}",
                hint="a kind is a word such as order.intent, a time is UTC nanoseconds",
            )
        seq, prev = self._seq + 1, self._hash
        self._hash = hash_of(
            prev, self.stream, seq=seq, epoch=self.epoch, time_ns=time_ns, kind=kind, payload=text
        )
        self._rows.append(
            Row(seq, self.epoch, time_ns, kind, text, checksum, prev, self._hash)
        )  # fmt: skip
        self._seq = seq
        return seq

    def snapshot(self, state: Mapping[str, object], time_ns: int) -> int:
        """Keep the state that was reached after the last record, and give the number of its record.

        A record ``snapshot`` tells of it (the offset, the hash there, the digest of the state), and it goes to the disk
        in the same transaction. It is never the only copy: no record is removed.
        """
        text = payload_text(state)
        with self._turn:
            self._check()
            seq, head = self._seq, self._hash
            told = payload_text(snapshot_payload(seq, head, text))
            recorded = self._append("snapshot", told, checksum_of(told), time_ns)
            self._snapshots.append(SnapshotRow(recorded, seq, head, text))
            return recorded

    def sync(self) -> None:
        """Make everything appended durable, with its anchor; returns once it is.

        Raises
        ------
        JournalError
            It could not be made durable, now or before. Nothing may be sent after that.
        FencedError
            Another writer has taken the stream over.
        """
        with self._turn:
            self._check()
            wanted = self._seq
        with self._leading:  # who waited here may find that it was done for him
            with self._turn:
                self._check()
                if self._taken != self._synced:
                    self._failure = "a commit was interrupted"
                    self._check()
                if self._synced >= wanted:
                    return
                rows, snapshots = self._rows, self._snapshots
                self._rows, self._snapshots = [], []
                self._taken = rows[-1].seq
            self._write(rows, snapshots)

    def _write(self, rows: list[Row], snapshots: list[SnapshotRow]) -> None:
        last = rows[-1]
        try:
            self._store.commit(self.stream, self.epoch, rows, snapshots=snapshots)
            self._anchors.write(Anchor(last.seq, last.hash, self.epoch))
        except BaseException as error:
            with self._turn:
                self._failure = str(error) or type(error).__name__
            if isinstance(error, OSError):
                raise _cannot_write(self.stream, error) from error
            raise
        with self._turn:
            self._synced = last.seq

    def _check(self) -> None:
        if self._failure is not None:
            raise JournalError(
                f"the journal of {self.stream} has stopped after record {self._synced}: {self._failure}",
                hint="nothing may be sent any more; end the session, repair the cause, start it anew",
            )
        if self._is_closed:
            raise JournalError(
                f"the journal of {self.stream} is closed", hint="open it anew to go on"
            )

    def close(self) -> None:
        """Make everything durable, mark the end, and let others write; again is no harm.

        A writer that has stopped is let go of as it is.
        """
        if self._is_closed:
            return
        try:
            if self._failure is None:
                self.sync()
                with self._turn:
                    self._mark_end()
        finally:
            self._is_closed = True
            self._anchors.close()
            self._store.close()
            if self._lock is not None:
                self._lock.release()

    def _mark_end(self) -> None:
        try:
            self._anchors.write(Anchor(self._synced, self._hash, self.epoch, is_closed=True))
        except OSError as error:
            raise _cannot_write(self.stream, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(JournalError) if error else contextlib.nullcontext():
            self.close()


def _first_anchor(store: EventStore, anchors: AnchorStore, stream: str) -> Anchor:
    """Lay the anchor of a new stream; one that was written before must have had one."""
    if store.tail(stream, 1) or store.writer(stream) is not None:
        raise JournalError(
            f"{stream} was written before, but its anchor is missing",
            hint="name the state.dir of the machine that wrote it, or put anchors/ back from a backup",
        )
    anchor = Anchor()
    anchors.write(anchor)
    return anchor


def recovered_end(store: EventStore, stream: str, anchor: Anchor) -> tuple[Anchor, int]:
    """Where a stream ends, and how many records a crash left behind its anchor.

    Raises
    ------
    JournalError
        Stream and anchor do not fit: records were cut, changed, or added to a journal that was closed.
    """
    writer = store.writer(stream)
    if (writer.epoch if writer else 0) < anchor.epoch:
        raise _unfit(stream, f"was written by epoch {anchor.epoch}, of which it knows nothing")
    seq, head, epoch = anchor.seq, anchor.hash, anchor.epoch
    rows = iter(store.rows(stream, start=max(anchor.seq, 1)))
    if anchor.seq:
        at = next(rows, None)
        if at is None or at.seq != anchor.seq:
            last = store.tail(stream, 1)
            raise _unfit(
                stream, f"ends at record {last[0].seq if last else 0}, but its anchor is at {seq}"
            )
        fault = fault_of(at, stream, prev=at.prev, seq=seq, epoch=0)
        if at.hash != anchor.hash or fault:
            raise _unfit(stream, f"has another record {seq} than its anchor")
    for row in rows:
        fault = fault_of(row, stream, prev=head, seq=seq + 1, epoch=epoch)
        if row.epoch != anchor.epoch:
            fault = fault or f"epoch {row.epoch} did not write after the anchor"
        if fault or anchor.is_closed:
            what = fault or "the journal was closed before it"
            raise _unfit(stream, f"cannot be continued at record {seq + 1}: {what}")
        seq, head = row.seq, row.hash
    return Anchor(seq, head, anchor.epoch), seq - anchor.seq


def _unfit(stream: str, what: str) -> JournalError:
    return JournalError(
        f"the journal of {stream} {what}",
        hint="it was changed, or put back from a backup; peak journal verify shows where",
        stream=stream,
    )


def _cannot_write(stream: str, error: OSError) -> JournalError:
    reason = error.strerror or str(error)
    return JournalError(
        f"the journal of {stream} could not be made durable: {reason}",
        hint="nothing may be sent any more; end the session, repair the cause, start it anew",
    )
