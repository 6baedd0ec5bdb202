"""The writer: in order, durable in groups, one at a time, and silent after a failure."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal.journals import STREAM, all_rows, changed, opened, verified, written
from sqlalchemy import create_engine, text

from peak_trade.domain.errors import JournalError, RefusedError
from peak_trade.domain.event import Recorder
from peak_trade.journal.anchor import Anchor, Anchors
from peak_trade.journal.database import Database, open_database
from peak_trade.journal.reader import head, latest_snapshot, read
from peak_trade.journal.record import Row, SnapshotRow, payload_of, payload_text
from peak_trade.journal.store import DatabaseStore, FencedError
from peak_trade.journal.virtual import VirtualAnchor, VirtualDisk, VirtualStore
from peak_trade.journal.writer import JournalWriter

KEY = bytes(range(32))


def virtual(disk: VirtualDisk) -> JournalWriter:
    anchor = VirtualAnchor(disk, STREAM, key=KEY)
    return JournalWriter.over(VirtualStore(disk), anchor, stream=STREAM, holder="t", now_ns=1)


def test_records_are_read_as_they_were_appended(database: Database, state: Path) -> None:
    with opened(database, state) as journal:
        recorder: Recorder = journal
        assert recorder.append("order.intent", {"lots": -3, "price": 0.1}, 10) == 1
        assert recorder.append("fill", {"raw": 'é"\n\0', "none": None}, 9) == 2
        recorder.sync()
        assert [entry[0] for entry in read(database, STREAM)] == [1, 2]
    assert [tuple(entry) for entry in read(database, STREAM)] == [
        (1, 1, 10, "order.intent", {"lots": -3, "price": 0.1}),
        (2, 1, 9, "fill", {"raw": 'é"\n\0', "none": None}),
    ]


def test_append_alone_is_not_seen_until_sync(database: Database, state: Path) -> None:
    with opened(database, state) as journal:
        journal.append("fill", {}, 1)
        assert all_rows(database) == []
        assert (journal.seq, journal.synced) == (1, 0)
        journal.sync()
        assert len(all_rows(database)) == 1
        assert (journal.seq, journal.synced) == (1, 1)


def test_close_makes_durable_what_was_appended(database: Database, state: Path) -> None:
    with opened(database, state) as journal:
        journal.append("stop", {}, 1)
    assert [entry.kind for entry in read(database, STREAM)] == ["stop"]
    with pytest.raises(JournalError, match="closed"):
        journal.append("fill", {}, 1)


def test_writer_that_is_opened_again_goes_on_with_a_higher_epoch(
    database: Database, state: Path
) -> None:
    written(database, state, records=4)
    with opened(database, state) as journal:
        assert journal.epoch == 2
        assert journal.append("fill", {}, 1) == 5
    assert [entry.epoch for entry in read(database, STREAM)] == [1, 1, 1, 1, 2]
    assert verified(database, state).is_whole


def test_second_writer_is_refused_with_the_name_of_the_first(
    database: Database, state: Path
) -> None:
    first = JournalWriter.open(database, STREAM, state_dir=state, holder="peak run on box")
    with pytest.raises(RefusedError, match=f"{STREAM} is in use by peak run on box"):
        opened(database, state)
    first.close()
    opened(database, state).close()


def test_refused_writer_does_not_fence_the_one_that_runs(
    database: Database, state: Path, tmp_path: Path
) -> None:
    with opened(database, state) as journal:
        with pytest.raises(RefusedError):
            opened(database, state)
        with pytest.raises(JournalError, match="its anchor is missing"):
            opened(database, tmp_path / "another machine")
        journal.append("fill", {}, 1)
        journal.sync()


def test_writer_that_was_taken_over_is_fenced_and_writes_nothing(
    database: Database, state: Path
) -> None:
    old = opened(database, state)
    old.append("fill", {"of": "old"}, 1)
    DatabaseStore(database).claim(STREAM, "the new one", since_ns=2)
    with pytest.raises(FencedError, match="taken over by the new one"):
        old.sync()
    assert all_rows(database) == []
    with pytest.raises(JournalError, match="stopped"):
        old.append("fill", {}, 2)
    old.close()


def test_writer_that_slept_while_its_anchor_was_rewritten_is_fenced(
    database: Database, state: Path
) -> None:
    old = opened(database, state)
    old.append("fill", {}, 1)
    old.sync()
    other = Anchors(state).of(STREAM)
    found = other.read()
    assert found is not None
    other.write(found._replace(epoch=2))
    other.close()
    old.append("fill", {}, 1)
    with pytest.raises(FencedError, match="written by another"):
        old.sync()
    after = Anchors(state).of(STREAM).read()
    assert after == found._replace(epoch=2)
    old.close()


def test_threads_that_sync_at_once_share_commits(
    database: Database, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[int] = []
    is_writing, go_on = threading.Event(), threading.Event()
    commit = DatabaseStore.commit

    def slow(
        self: DatabaseStore, stream: str, epoch: int, rows: Sequence[Row], *, snapshots: Sequence[SnapshotRow] = ()
    ) -> None:  # fmt: skip
        if not commits:
            is_writing.set()
            assert go_on.wait(30)
        commits.append(len(rows))
        commit(self, stream, epoch, rows, snapshots=snapshots)

    monkeypatch.setattr(DatabaseStore, "commit", slow)
    with opened(database, state) as journal:
        seen: list[int] = []

        def send(k: int) -> None:
            seq = journal.append("order.intent", {"k": k}, k)
            journal.sync()
            seen.append(seq)

        threads = [threading.Thread(target=send, args=(0,))]
        threads[0].start()
        assert is_writing.wait(30)
        threads += [threading.Thread(target=send, args=(k,)) for k in range(1, 9)]
        for thread in threads[1:]:
            thread.start()
        while journal.seq < 9:
            pass
        go_on.set()
        for thread in threads:
            thread.join(30)
    assert commits == [1, 8]
    assert sorted(seen) == list(range(1, 10))
    assert verified(database, state).records == 9


def test_many_threads_leave_one_whole_chain(database: Database, state: Path) -> None:
    with opened(database, state) as journal:

        def send(name: int) -> None:
            for k in range(25):
                seq = journal.append("order.intent", {"name": name, "k": k}, k)
                journal.sync()
                assert journal.synced >= seq

        threads = [threading.Thread(target=send, args=(name,)) for name in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert verified(database, state).is_whole
    found = list(read(database, STREAM))
    for name in range(6):  # nothing lost, each thread's records in its order
        assert [e.payload["k"] for e in found if e.payload["name"] == name] == list(range(25))


@pytest.mark.parametrize("fault", ["full", "sync"])
def test_writer_after_a_disk_error_takes_nothing_more(fault: str) -> None:
    disk = VirtualDisk()
    journal = virtual(disk)
    journal.append("fill", {}, 1)
    journal.sync()
    journal.append("fill", {}, 2)
    disk.is_full, disk.failing_syncs = fault == "full", int(fault == "sync")
    with pytest.raises(JournalError, match="could not be made durable") as found:
        journal.sync()
    assert "nothing may be sent" in found.value.hint
    disk.is_full = False
    before = disk.read(f"{STREAM}.log")
    for _ in range(2):
        with pytest.raises(JournalError, match="stopped after record 1"):
            journal.sync()
        with pytest.raises(JournalError, match="stopped after record 1"):
            journal.append("fill", {}, 3)
    journal.close()
    assert disk.read(f"{STREAM}.log") == before, "a second try"
    assert journal.failure is not None


def test_full_disk_under_sqlite_stops_the_writer_and_loses_nothing(
    tmp_path: Path, state: Path
) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'j.sqlite'}")
    journal = opened(database, state)
    raw = journal._store.connection.raw  # type: ignore[attr-defined]
    pages = raw.execute("PRAGMA page_count").fetchone()[0]
    raw.execute(f"PRAGMA max_page_count = {pages + 5}")

    def fill() -> None:
        for k in range(100):
            journal.append("fill", {"raw": "x" * 1000, "k": k}, k)
            journal.sync()

    with pytest.raises(JournalError, match="full"):
        fill()
    promised = journal.synced
    raw.execute("PRAGMA max_page_count = 1000000")
    for _ in range(2):
        with pytest.raises(JournalError, match="stopped"):
            journal.sync()
    journal.close()
    assert promised > 0
    with opened(database, state) as again:
        assert again.seq == promised, "what failed was undone as a whole"
    assert verified(database, state).is_whole


def test_connection_that_the_server_ends_stops_the_writer(postgres: str, state: Path) -> None:
    database = open_database(postgres)
    journal = opened(database, state)
    journal.append("fill", {}, 1)
    journal.sync()
    with database.writing() as connection:
        ended = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )
        connection.execute(text(ended + " AND datname = current_database()"))
    journal.append("fill", {}, 2)
    with pytest.raises(JournalError, match="cannot be used"):
        journal.sync()
    with pytest.raises(JournalError, match="stopped after record 1"):
        journal.append("fill", {}, 3)
    journal.close()
    with opened(database, state) as again:
        assert again.seq == 1


def test_server_that_is_not_there_is_told(state: Path, tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'j.sqlite'}")
    gone = create_engine(f"postgresql+psycopg://me:secret@/x?host={tmp_path}")
    with pytest.raises(JournalError, match="cannot be used") as found:
        opened(Database(gone, "the server"), state)
    assert "secret" not in str(found.value)
    opened(database, state).close()  # the lock was let go of


def test_error_of_the_anchor_stops_the_writer_too(
    database: Database, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peak_trade.journal import files

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    journal = opened(database, state)
    journal.append("fill", {}, 1)
    with monkeypatch.context() as patch:
        patch.setattr(files, "sync_data", fail)
        with pytest.raises(JournalError, match="No space left"):
            journal.sync()
    with pytest.raises(JournalError, match="stopped"):
        journal.sync()
    journal.close()
    with opened(database, state) as again:  # the commit stands, the anchor may be old or new
        assert again.seq == 1


def test_sync_that_is_interrupted_stops_the_writer(
    database: Database, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    journal = opened(database, state)
    journal.append("fill", {}, 1)
    with monkeypatch.context() as patch:
        patch.setattr(DatabaseStore, "commit", interrupt)
        with pytest.raises(KeyboardInterrupt):
            journal.sync()
    with pytest.raises(JournalError, match="stopped"):
        journal.sync()
    journal.close()


def test_records_that_a_crash_left_behind_the_anchor_are_accepted_and_counted(
    database: Database, state: Path
) -> None:
    journal = opened(database, state)
    journal.append("fill", {"k": 1}, 1)
    journal.sync()
    at = Anchors(state).of(STREAM).read()
    assert at == Anchor(1, journal._hash, 1)
    path = state / "anchors" / f"{STREAM}.anchor"
    before = path.read_bytes()
    journal.append("fill", {"k": 2}, 2)
    journal.append("fill", {"k": 3}, 3)
    journal.sync()
    journal._failure = "the machine went down"  # so that closing writes nothing
    journal.close()
    path.write_bytes(before)  # as if the machine went down between commit and anchor
    assert verified(database, state).unanchored == 2
    with opened(database, state) as again:
        assert (again.recovered, again.seq, again.epoch) == (2, 3, 2)
        assert Anchors(state).of(STREAM).read() == Anchor(3, again._hash, 2)
    assert verified(database, state).is_whole


FORGED = (
    "INSERT INTO events SELECT stream, seq + 1, epoch, time_ns, kind, payload, checksum, hash, hash "
    "FROM events WHERE seq = 12"
)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("DELETE FROM events WHERE seq = 12", "ends at record 11, but its anchor is at 12"),
        ("DELETE FROM events", "ends at record 0, but its anchor is at 12"),
        ("UPDATE events SET payload = '{}' WHERE seq = 12", "another record 12"),
        ("UPDATE events SET hash = prev WHERE seq = 12", "another record 12"),
        (FORGED, "cannot be continued at record 13"),
        ("DELETE FROM writers", "was written by epoch 1, of which it knows nothing"),
    ],
)
def test_journal_that_does_not_fit_its_anchor_is_not_opened(
    database: Database, state: Path, change: str, what: str
) -> None:
    written(database, state)
    changed(database, change)
    before = all_rows(database), all_rows(database, "writers")
    with pytest.raises(JournalError, match=what):
        opened(database, state)
    assert (all_rows(database), all_rows(database, "writers")) == before, "it was changed"


def test_journal_whose_anchor_is_gone_is_not_opened(database: Database, state: Path) -> None:
    written(database, state)
    (state / "anchors" / f"{STREAM}.anchor").unlink()
    with pytest.raises(JournalError, match="its anchor is missing") as found:
        opened(database, state)
    assert "state.dir" in found.value.hint


def test_journal_that_was_emptied_with_its_anchor_is_not_opened(
    database: Database, state: Path
) -> None:
    written(database, state)
    (state / "anchors" / f"{STREAM}.anchor").unlink()
    changed(database, "DELETE FROM events")
    with pytest.raises(JournalError, match="its anchor is missing"):
        opened(database, state)


def test_snapshot_stands_with_its_record_in_one_commit(database: Database, state: Path) -> None:
    with opened(database, state) as journal:
        journal.append("fill", {"lots": 3}, 1)
        assert journal.snapshot({"lots": 3}, 2) == 2
        assert all_rows(database, "snapshots") == []
        journal.sync()
        journal.append("fill", {"lots": -1}, 3)
    found = latest_snapshot(database, STREAM)
    assert found is not None
    assert (found.seq, found.state) == (1, {"lots": 3})
    assert [e.seq for e in read(database, STREAM, start=found.seq + 1)] == [2, 3]
    assert verified(database, state).snapshots == 1


def test_database_in_memory_takes_no_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="does not keep what it acknowledges"):
        opened(open_database("sqlite://"), tmp_path)


def test_writer_brings_each_transaction_to_the_disk(tmp_path: Path) -> None:
    store = DatabaseStore(open_database(f"sqlite:///{tmp_path / 'j.sqlite'}"))
    assert store.connection.all("PRAGMA synchronous") == [(2,)]  # FULL
    assert store.connection.all("PRAGMA journal_mode") == [("wal",)]
    store.check_durable()
    store.connection.raw.execute("PRAGMA synchronous = NORMAL")
    with pytest.raises(JournalError, match="synchronous=1"):
        store.check_durable()
    store.close()


def test_writer_in_postgresql_waits_for_the_disk(postgres: str) -> None:
    database = open_database(postgres)
    with database.writing() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar()
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    store = DatabaseStore(database)
    assert store.connection.all("SHOW synchronous_commit") == [("on",)]
    store.check_durable()
    store.connection.raw.execute("SET synchronous_commit = off")
    with pytest.raises(JournalError, match="synchronous_commit=off"):
        store.check_durable()
    store.close()


@pytest.mark.parametrize(
    ("kind", "time_ns"), [("", 1), ("Fill", 1), ("a b", 1), ("a\nb", 1), ("fill", 2**63)]
)
def test_append_of_no_kind_or_time_is_refused_and_does_no_harm(kind: str, time_ns: int) -> None:
    journal = virtual(VirtualDisk())
    with pytest.raises(JournalError, match="no record can be"):
        journal.append(kind, {}, time_ns)
    assert journal.append("fill", {}, 1) == 1
    journal.sync()


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", ".x", "x" * 101, "é"])
def test_stream_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(JournalError, match="no name of a journal"):
        JournalWriter.open(open_database("sqlite://"), name, state_dir=tmp_path, holder="t")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text(), plain, max_size=4))
def test_payload_of_its_text_is_the_payload(payload: dict[str, object]) -> None:
    text_ = payload_text(payload)
    assert payload_of(text_, "here") == payload
    assert payload_text(payload_of(text_, "here")) == text_
    assert "\n" not in text_
    assert "\0" not in text_


def test_payload_with_half_a_pair_of_surrogates_is_kept(database: Database, state: Path) -> None:
    with opened(database, state) as journal:
        journal.append("fill", {"raw": "\ud800x"}, 1)
    last = head(database, STREAM)
    assert last is not None
    assert last.payload == {"raw": "\ud800x"}
    assert verified(database, state).is_whole
