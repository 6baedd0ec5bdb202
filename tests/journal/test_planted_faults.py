"""The tests are tested: a journal with a fault in it is caught by what the tests look at.

Each fault is planted on its own, in a journal that otherwise works; the checks are those that the sound journal passes.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest
from journal.crashes import (
    STREAM,
    OpenAnchor,
    OpenStore,
    anchor_on,
    store_on,
    survives,
)
from journal.journals import opened, verified

from peak_trade.domain.errors import JournalError
from peak_trade.journal import files
from peak_trade.journal import writer as writing
from peak_trade.journal.anchor import Anchor, AnchorStore
from peak_trade.journal.database import Database, open_database
from peak_trade.journal.record import GENESIS, Row, SnapshotRow, hash_of
from peak_trade.journal.store import DatabaseStore, EventStore, FencedError
from peak_trade.journal.virtual import VirtualAnchor, VirtualDisk, VirtualStore
from peak_trade.journal.writer import JournalWriter

SEEDS = range(60)


class Unsynced(VirtualDisk):
    """The view of a disk whose synchronisation is dropped for some files."""

    def __init__(self, disk: VirtualDisk) -> None:
        self.disk = disk

    def read(self, name: str) -> bytes:
        return self.disk.read(name)

    def write(self, name: str, offset: int, data: bytes) -> None:
        self.disk.write(name, offset, data)

    def append(self, name: str, data: bytes) -> None:
        self.disk.append(name, data)

    def truncate(self, name: str, size: int) -> None:
        self.disk.truncate(name, size)

    def sync(self, name: str) -> None:
        if name.endswith(".writer"):
            self.disk.sync(name)


class UnanchoredAnchor(VirtualAnchor):
    """Writes its anchor when it is opened, and never again."""

    def write(self, anchor: Anchor) -> None:
        if anchor.seq == 0:
            super().write(anchor)


class AcknowledgesEarly(VirtualStore):
    """Puts a batch where the next one will take it along, and says that it is durable."""

    waiting: tuple[str, int, list[Row]] | None = None

    def commit(
        self, stream: str, epoch: int, rows: Sequence[Row], *, snapshots: Sequence[SnapshotRow] = ()
    ) -> None:
        before = self.waiting[2] if self.waiting else []
        self.waiting = (stream, epoch, list(rows))
        if before:
            super().commit(stream, epoch, before)


class KeepsApart(VirtualStore):
    """Keeps the first record of a batch and forgets the rest."""

    def commit(
        self, stream: str, epoch: int, rows: Sequence[Row], *, snapshots: Sequence[SnapshotRow] = ()
    ) -> None:
        super().commit(stream, epoch, rows[:1])


class TriesAgain(VirtualStore):
    """Synchronises a second time where the first time failed."""

    def _add(self, name: str, lines: Sequence[list[object]]) -> None:
        try:
            super()._add(name, lines)
        except OSError:
            self.disk.sync(name)


def caught(store: OpenStore = store_on, anchor: OpenAnchor = anchor_on) -> list[str]:
    """What a journal with these parts breaks, over the seeds that the sound one survives."""
    return [fault for seed in SEEDS if (fault := survives(seed, store=store, anchor=anchor))]


def test_sound_journal_is_not_caught() -> None:
    assert caught() == []


STORES: dict[str, OpenStore] = {
    "fsync of the records dropped": lambda disk: VirtualStore(Unsynced(disk)),
    "acknowledged before it is durable": AcknowledgesEarly,
    "partial batch": KeepsApart,
    "second try after a failed sync": TriesAgain,
}
ANCHORS: dict[str, OpenAnchor] = {
    "fsync of the anchor dropped": lambda disk: VirtualAnchor(
        Unsynced(disk), STREAM, key=bytes(range(32))
    ),
    "anchor not written": lambda disk: UnanchoredAnchor(disk, STREAM, key=bytes(range(32))),
}


@pytest.mark.parametrize("fault", STORES)
def test_fault_of_the_store_is_caught(fault: str) -> None:
    assert caught(store=STORES[fault])


@pytest.mark.parametrize("fault", ANCHORS)
def test_fault_of_the_anchor_is_caught(fault: str) -> None:
    assert caught(anchor=ANCHORS[fault])


class Persistent(JournalWriter):
    """A writer that forgets that it failed, and goes on."""

    def _check(self) -> None:
        self._failure = None
        self._taken = self._synced

    def sync(self) -> None:
        if self._rows:
            super().sync()


def test_writer_that_goes_on_after_an_error_is_caught() -> None:
    def over(store: EventStore, anchor: AnchorStore) -> JournalWriter:
        return Persistent.over(store, anchor, stream=STREAM, holder="t", now_ns=1)

    assert [fault for seed in SEEDS if (fault := survives(seed, writer=over))]


def is_fenced(database: Database, state: Path) -> bool:
    """Whether a writer that was taken over is refused and leaves nothing."""
    old = opened(database, state)
    DatabaseStore(database).claim(old.stream, "new", since_ns=1)
    old.append("fill", {}, 1)
    try:
        old.sync()
    except FencedError:
        return True
    finally:
        old._failure = "the end"
        old.close()
    return False


def test_epoch_check_dropped_is_caught(
    database: Database, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_fenced(database, state)
    monkeypatch.setattr(DatabaseStore, "_fence", lambda *_: None)
    (state / "anchors" / "01JOURNAL.anchor").unlink()
    assert not is_fenced(open_database(f"sqlite:///{tmp_path / 'new.sqlite'}"), tmp_path / "new")


def test_hash_that_is_not_chained_is_caught(
    database: Database, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def alone(prev: str, stream: str, **fields: object) -> str:
        return hash_of(GENESIS, stream, **fields)  # type: ignore[arg-type]

    monkeypatch.setattr(writing, "hash_of", alone)
    with opened(database, state) as journal:
        journal.append("fill", {}, 1)
        journal.append("fill", {}, 1)
    assert [fault.seq for fault in verified(database, state).faults] == [2]


def order_of_a_sync(database: Database, state: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What one sync does, in order: commits, and synchronisations of the anchor's file."""
    seen: list[str] = []
    commit, sync_data = DatabaseStore.commit, files.sync_data

    def noting_commit(self: DatabaseStore, *args: object, **named: object) -> None:
        commit(self, *args, **named)  # type: ignore[arg-type]
        seen.append("commit")

    def noting_sync(descriptor: int) -> None:
        sync_data(descriptor)
        seen.append("fdatasync")

    with monkeypatch.context() as patch, opened(database, state) as journal:
        patch.setattr(DatabaseStore, "commit", noting_commit)
        patch.setattr(files, "sync_data", noting_sync)
        journal.append("fill", {}, 1)
        journal.sync()
        return list(seen)


def test_sync_commits_and_then_brings_the_anchor_to_the_disk(
    database: Database, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert order_of_a_sync(database, state, monkeypatch) == ["commit", "fdatasync"]


def test_anchor_file_that_is_not_synchronised_is_caught(
    database: Database, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peak_trade.journal.anchor import AnchorFile

    monkeypatch.setattr(AnchorFile, "write", lambda *_: None)
    assert order_of_a_sync(database, state, monkeypatch) == ["commit"]


def test_store_that_does_not_wait_for_the_disk_is_caught(tmp_path: Path) -> None:
    store = DatabaseStore(open_database(f"sqlite:///{tmp_path / 'j.sqlite'}"))
    store.check_durable()
    for level in ("OFF", "NORMAL"):
        store.connection.raw.execute(f"PRAGMA synchronous = {level}")
        with pytest.raises(JournalError, match="does not keep what it acknowledges"):
            store.check_durable()
    store.close()


def test_anchor_before_the_commit_is_caught() -> None:
    """The other order promises in the anchor what a crash may take from the records."""

    class Swapped(JournalWriter):
        def _write(self, rows: list[Row], snapshots: list[SnapshotRow]) -> None:
            try:
                self._anchors.write(Anchor(rows[-1].seq, rows[-1].hash, self.epoch))
            except OSError as error:
                self._failure = str(error)
                raise JournalError(self._failure) from error
            super()._write(rows, snapshots)

    def over(store: EventStore, anchor: AnchorStore) -> JournalWriter:
        return Swapped.over(store, anchor, stream=STREAM, holder="t", now_ns=1)

    assert [fault for seed in SEEDS if (fault := survives(seed, writer=over))]
