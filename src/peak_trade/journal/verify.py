"""The offline verifier: whether a journal is what was written, and the first record that is not."""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from peak_trade.domain.errors import JournalError
from peak_trade.journal.anchor import Anchor, Anchors, AnchorStore
from peak_trade.journal.database import Database
from peak_trade.journal.record import (
    GENESIS,
    Row,
    SnapshotRow,
    entry_of,
    fault_of,
    is_kind,
    snapshot_payload,
)
from peak_trade.journal.store import EventStore, Source, store_of


@dataclass(frozen=True, slots=True)
class Fault:
    """A record that is not what was written: its sequence number, and what is wrong.

    ``seq`` is None where the fault is one of the whole stream.
    """

    seq: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What the verifier found in one stream.

    Attributes
    ----------
    stream : str
        The session.
    records : int
        Records that are whole, up to the first fault.
    head : str
        The hash of the last of them.
    anchored : int or None
        How far the anchor reaches; None where it cannot be read.
    unanchored : int
        Whole records behind the anchor, of a writer that runs, or that crashed between commit and anchor. The
        anchor does not vouch for them; a journal that was closed may have none.
    is_closed : bool
        Whether its writer ended in order.
    snapshots : int
        Snapshots that are what their records tell of.
    faults : tuple of Fault
        The first bad record, bad snapshots, and what does not fit the anchor.
    """

    stream: str
    records: int
    head: str
    anchored: int | None
    unanchored: int
    is_closed: bool
    snapshots: int
    faults: tuple[Fault, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing was altered, removed, swapped, cut or added."""
        return not self.faults

    def to_dict(self) -> dict[str, object]:
        """The findings as plain values, ready for JSON."""
        return {
            "stream": self.stream,
            "is_whole": self.is_whole,
            "records": self.records,
            "head": self.head,
            "anchored": self.anchored,
            "unanchored": self.unanchored,
            "is_closed": self.is_closed,
            "snapshots": self.snapshots,
            "faults": [{"seq": fault.seq, "what": fault.what} for fault in self.faults],
        }


@dataclass(slots=True)
class _Walk:
    """How far the chain holds."""

    seq: int = 0
    head: str = GENESIS
    epoch: int = 0
    at_anchor: str | None = None
    after_anchor: set[int] = field(default_factory=set)
    fault: Fault | None = None


def verify(source: Source, stream: str, anchors: AnchorStore) -> Verification:
    """Verify one journal against itself and its anchor; nothing is changed.

    Every record's checksum and hash are made again, each must follow the one before, sequence numbers have no gap,
    and the record at the anchor must be the one that the anchor names: so whoever rewrites a
    journal from some record on, hashes and all, is found. It may run while the journal is written.

    Parameters
    ----------
    source : Database or EventStore
        Where the journal is.
    stream : str
        The session.
    anchors : AnchorStore
        Its anchor, such as ``Anchors(state_dir).of(stream)``.
    """
    faults: list[Fault] = []
    try:
        anchor = anchors.read()  # before the records: these may grow meanwhile
    except JournalError as error:
        anchor = None
        faults.append(Fault(None, error.message))
    with store_of(source) as store:
        walk = _walked(store, stream, anchor.seq if anchor else 0)
        if walk.fault:
            faults.append(walk.fault)
        if anchor is not None:
            faults.extend(_anchor_faults(store, stream, anchor, walk))
        elif not faults:
            faults.append(Fault(None, "the anchor is missing"))
        try:
            snapshots, bad = _snapshot_faults(store, stream, walk)
        except JournalError as error:
            snapshots, bad = 0, [Fault(None, f"snapshots cannot be read: {error.message}")]
    faults.extend(bad)
    return Verification(
        stream, walk.seq, walk.head, anchor.seq if anchor else None,
        max(walk.seq - anchor.seq, 0) if anchor else walk.seq,
        anchor.is_closed if anchor else False, snapshots, tuple(faults),
    )  # fmt: skip


def verify_all(database: Database, state_dir: Path) -> list[Verification]:
    """Verify every journal that a database holds, or of which an anchor is left.

    Raises
    ------
    JournalError
        The key of the anchors is missing or open to others.
    """
    anchors = Anchors(state_dir)
    with store_of(database) as store:
        names = {row.stream for row in store.streams()} | set(anchors.streams())
        return [verify(store, name, anchors.of(name)) for name in sorted(names)]


def _walked(store: EventStore, stream: str, anchored: int) -> _Walk:
    """Follow the chain from its beginning to its end or its first fault.

    The loop does what :func:`~peak_trade.journal.record.fault_of` does, without a call for each record; where
    it finds a fault, that one names it.
    """
    walk = _Walk()
    seq, prev, epoch, kinds = 0, GENESIS, 0, set[str]()
    blake2b, crc32 = hashlib.blake2b, zlib.crc32
    for row in _readable(store, stream, walk):
        found, at_epoch, time_ns, kind, payload, checksum, before, digest = row
        try:
            text = payload.encode()
            made = blake2b(
                f"{prev}\n{stream}\n{found} {at_epoch} {time_ns} {kind}\n".encode() + text,
                digest_size=32,
            ).hexdigest()
            is_good = (
                found == seq + 1
                and made == digest
                and before == prev
                and crc32(text) == checksum
                and at_epoch >= epoch
            )
        except (AttributeError, TypeError, UnicodeError):
            is_good = False
        if is_good and kind not in kinds:
            is_good = is_kind(kind) and type(time_ns) is int and type(at_epoch) is int
            kinds.add(kind)
        if not is_good:
            what = fault_of(row, stream, prev=prev, seq=seq + 1, epoch=epoch)
            walk.fault = Fault(seq + 1, what or "it is not of its type")
            break
        seq, prev, epoch = found, digest, at_epoch
        if seq == anchored:
            walk.at_anchor = digest
        elif seq > anchored:
            walk.after_anchor.add(epoch)
    if walk.fault is not None and walk.fault.seq is None:
        walk.fault = Fault(seq + 1, walk.fault.what)
    walk.seq, walk.head, walk.epoch = seq, prev, epoch
    return walk


def _readable(store: EventStore, stream: str, walk: _Walk) -> Iterator[Row]:
    try:
        yield from store.rows(stream)
    except JournalError as error:
        walk.fault = Fault(None, f"a record cannot be read: {error.message}")


def _anchor_faults(store: EventStore, stream: str, anchor: Anchor, walk: _Walk) -> Iterator[Fault]:
    if walk.fault is None and walk.seq < anchor.seq:
        yield Fault(
            walk.seq + 1, f"records were cut: the anchor is at {anchor.seq}, the last is {walk.seq}"
        )
    if walk.seq >= anchor.seq and anchor.seq and walk.at_anchor != anchor.hash:
        yield Fault(anchor.seq, "the anchor names another record: hashes were made anew")
    if walk.seq > anchor.seq and anchor.is_closed:
        yield Fault(anchor.seq + 1, "records were added after the journal was closed")
    writer = store.writer(stream)
    last = writer.epoch if writer else 0
    if last < max(anchor.epoch, walk.epoch):
        yield Fault(None, f"the writer's epoch is {last}, but epoch {anchor.epoch} has written")
    elif walk.seq > anchor.seq and min(walk.after_anchor) < anchor.epoch:
        yield Fault(anchor.seq + 1, "an earlier writer added records behind the anchor")


def _snapshot_faults(store: EventStore, stream: str, walk: _Walk) -> tuple[int, list[Fault]]:
    """How many snapshots are good, and the others; each ``snapshot`` record must have its state."""
    told = {row.seq: row for row in store.rows(stream, kinds=("snapshot",)) if row.seq <= walk.seq}
    good, faults = 0, []
    for snapshot in store.snapshots(stream):
        if snapshot.recorded > walk.seq:
            continue  # written meanwhile, or behind a fault that is told already
        row = told.pop(snapshot.recorded, None)
        if row is None or not _is_told(snapshot, row, stream):
            faults.append(Fault(snapshot.recorded, "a snapshot is not what its record tells of"))
        else:
            good += 1
    faults.extend(Fault(seq, "the snapshot of this record is missing") for seq in sorted(told))
    return good, faults


def _is_told(snapshot: SnapshotRow, row: Row, stream: str) -> bool:
    """Whether a snapshot's record, itself verified, follows its offset and has its hash and digest."""
    expected = snapshot_payload(snapshot.seq, snapshot.hash, snapshot.state)
    return (
        entry_of(row, stream).payload == expected
        and row.seq == snapshot.seq + 1
        and row.prev == snapshot.hash
    )
