"""Readers of a journal: in order and checked, the last ones, or as they come."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from peak_trade.domain.errors import JournalError
from peak_trade.journal.record import (
    GENESIS,
    Entry,
    Row,
    entry_of,
    fault_of,
    payload_of,
    snapshot_payload,
)
from peak_trade.journal.store import EventStore, Source, StreamRow, store_of

POLL_SECONDS = 0.25
"""How often :func:`follow` looks for new records."""


class Snapshot(NamedTuple):
    """A state that was kept: it is what the records up to ``seq`` lead to."""

    seq: int
    hash: str
    state: Mapping[str, object]


def read(
    source: Source,
    stream: str,
    *,
    start: int = 1,
    stop: int | None = None,
    kinds: Sequence[str] = (),
) -> Iterator[Entry]:
    """The records of a session in order, each checked before it is handed out.

    Without ``kinds`` the chain is checked: sequence numbers, checksums and hashes. With ``kinds`` other records are
    left out and the checksums alone are. No lock is held between records, so a reader never holds up the writer.

    Parameters
    ----------
    source : Database or EventStore
        Where the journal is.
    stream : str
        The id of the session.
    start, stop : int
        The first sequence number, and the one before which to end; to the end where left out.
    kinds : sequence of str
        Words such as ``fill``; all where empty.

    Raises
    ------
    JournalError
        A record is missing or damaged; those before it were handed out.
    """
    with store_of(source) as store:
        rows = store.rows(stream, start=start, kinds=kinds)
        for row in rows if kinds else _chained(store, rows, stream, start):
            if stop is not None and row.seq >= stop:
                return
            yield entry_of(row, stream)


def _chained(store: EventStore, rows: Iterator[Row], stream: str, start: int) -> Iterator[Row]:
    seq, prev, epoch = start - 1, GENESIS, 0
    for row in rows:
        if seq == start - 1 and start > 1:
            prev = _hash_at(store, stream, start - 1)
        fault = fault_of(row, stream, prev=prev, seq=seq + 1, epoch=epoch)
        if fault:
            raise JournalError(
                f"record {seq + 1} of {stream} cannot be read: {fault}",
                hint="stop; peak journal verify shows the extent",
                stream=stream,
                seq=seq + 1,
            )
        yield row
        seq, prev, epoch = row.seq, row.hash, row.epoch


def _hash_at(store: EventStore, stream: str, seq: int) -> str:
    row = next(iter(store.rows(stream, start=seq)))
    return row.hash if row.seq == seq else ""


def tail(source: Source, stream: str, count: int, *, kinds: Sequence[str] = ()) -> list[Entry]:
    """The last records of a session, the newest first.

    Raises
    ------
    JournalError
        One of them is damaged.
    """
    with store_of(source) as store:
        return [entry_of(row, stream) for row in store.tail(stream, count, kinds=kinds)]


def head(source: Source, stream: str) -> Entry | None:
    """The last record of a session; None where there is none."""
    found = tail(source, stream, 1)
    return found[0] if found else None


def streams(source: Source) -> list[StreamRow]:
    """The sessions that have records, with how many, and the times of the first and the last."""
    with store_of(source) as store:
        return store.streams()


def follow(
    source: Source,
    stream: str,
    *,
    start: int = 1,
    kinds: Sequence[str] = (),
    is_over: Callable[[], bool] = lambda: False,
    poll_s: float = POLL_SECONDS,
) -> Iterator[Entry]:
    """The records of a session as they come, until ``is_over`` says so; then those that are left.

    Parameters
    ----------
    is_over : callable
        Asked whenever there is nothing new; such as whether the session has ended.
    poll_s : float
        Seconds between two looks.
    """
    following = start
    with store_of(source) as store:
        while True:
            is_last = is_over()
            for entry in read(store, stream, start=following, kinds=kinds):
                following = entry.seq + 1
                yield entry
            if is_last:
                return
            time.sleep(poll_s)


def latest_snapshot(source: Source, stream: str) -> Snapshot | None:
    """The last state that was kept of a session; None where none was.

    It is checked against its record and against the record after which it was taken.

    Raises
    ------
    JournalError
        It is not what its record tells of, or the records before it are not there any more.
    """
    with store_of(source) as store:
        for row in store.snapshots(stream):
            told = next(read(store, stream, start=row.recorded, kinds=("snapshot",)), None)
            at = GENESIS if row.seq == 0 else _hash_at(store, stream, row.seq)
            expected = snapshot_payload(row.seq, row.hash, row.state)
            if (
                told is None
                or told.payload != expected
                or told.seq != row.recorded
                or at != row.hash
            ):
                raise JournalError(
                    f"the snapshot of {stream} after record {row.seq} is not what its record tells of",
                    hint="read the records instead; peak journal verify shows the extent",
                )
            where = f"snapshot {row.recorded} of {stream}"
            return Snapshot(row.seq, row.hash, payload_of(row.state, where))
    return None
