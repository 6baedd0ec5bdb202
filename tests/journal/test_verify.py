"""The verifier: a whole journal passes, and whatever was changed is found where it was changed."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from journal.journals import STREAM, all_rows, changed, opened, verified, written
from sqlalchemy import text

from peak_trade.domain.errors import JournalError
from peak_trade.journal.anchor import Anchors
from peak_trade.journal.database import Database, open_database
from peak_trade.journal.record import GENESIS, Row, checksum_of, hash_of
from peak_trade.journal.store import DatabaseStore
from peak_trade.journal.verify import verify, verify_all

INSERT = (
    "INSERT INTO events (stream, seq, epoch, time_ns, kind, payload, checksum, prev, hash) "
    "VALUES (:stream, :seq, :epoch, :time_ns, :kind, :payload, :checksum, :prev, :hash)"
)
Rows = list[Row]
Change = Callable[[Rows, int, np.random.Generator], Rows]


def rechained(rows: Rows, start: int) -> Rows:
    """What somebody does who knows the code but not the key: all hashes from a row on are made anew."""
    prev = rows[start - 1].hash if start else GENESIS
    for k in range(start, len(rows)):
        row = rows[k]
        digest = hash_of(
            prev, STREAM, seq=row.seq, epoch=row.epoch, time_ns=row.time_ns, kind=row.kind,
            payload=row.payload,
        )  # fmt: skip
        rows[k] = row._replace(prev=prev, hash=digest, checksum=checksum_of(row.payload))
        prev = digest
    return rows


def altered(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    place = int(rng.integers(len(rows[k].payload)))
    old = rows[k].payload
    sign = chr(33 + (ord(old[place]) - 33 + int(rng.integers(1, 90))) % 94)
    rows[k] = rows[k]._replace(payload=old[:place] + sign + old[place + 1 :])
    return rows


def altered_with_checksum(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    row = altered(rows, k, rng)[k]
    rows[k] = row._replace(checksum=checksum_of(row.payload))
    return rows


def altered_and_rehashed(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    return rechained(altered(rows, k, rng), k)


def retimed(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    rows[k] = rows[k]._replace(time_ns=rows[k].time_ns + int(rng.integers(1, 1000)))
    return rows


def rekinded(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    rows[k] = rows[k]._replace(kind=rows[k].kind + "x")
    return rows


def of_another_writer(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    rows[k] = rows[k]._replace(epoch=rows[k].epoch + 1)
    return rows


def removed(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    del rows[k]
    return rows


def removed_and_rehashed(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    rest = [row._replace(seq=n) for n, row in enumerate(removed(rows, k, rng), 1)]
    return rechained(rest, k) if k < len(rest) else rest


def swapped(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    other = (k + int(rng.integers(1, len(rows)))) % len(rows)
    one, two = rows[k], rows[other]
    rows[k], rows[other] = two._replace(seq=one.seq), one._replace(seq=two.seq)
    return rows


def swapped_and_rehashed(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    return rechained(swapped(rows, k, rng), 0)


def cut(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    return rows[:k]


def duplicated(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    return [*rows, rows[k]._replace(seq=len(rows) + 1)]


def duplicated_and_rehashed(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    return rechained(duplicated(rows, k, rng), len(rows))


def inserted(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    more = [*rows[: k + 1], rows[k], *rows[k + 1 :]]
    return rechained([row._replace(seq=n) for n, row in enumerate(more, 1)], k)


def renumbered(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    rows[k] = rows[k]._replace(seq=int(rng.choice([-1, 0, len(rows) + 7])))
    return rows


def shifted(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    return rows[:k] + [row._replace(seq=row.seq + 1) for row in rows[k:]]


def begun_anew(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    rest = [row._replace(seq=n) for n, row in enumerate(rows[k + 1 :], 1)]
    return rechained(rest, 0)


CHANGES: tuple[Change, ...] = (
    altered, altered_with_checksum, altered_and_rehashed, retimed, rekinded, of_another_writer,
    removed, removed_and_rehashed, swapped, swapped_and_rehashed, cut, duplicated,
    duplicated_and_rehashed, inserted, renumbered, shifted, begun_anew,
)  # fmt: skip


def test_whole_journal_is_found_whole(database: Database, state: Path) -> None:
    written(database, state)
    found = verified(database, state)
    assert found.is_whole
    assert (found.records, found.anchored, found.unanchored, found.snapshots) == (12, 12, 0, 1)
    assert found.is_closed
    assert found.head == all_rows(database)[-1][-1]
    assert found.to_dict()["faults"] == []


def test_journal_that_is_being_written_is_found_whole(database: Database, state: Path) -> None:
    with opened(database, state) as journal:
        assert verified(database, state).is_whole
        for k in range(5):
            journal.append("fill", {"k": k}, k)
            journal.sync()
            found = verified(database, state)
            assert found.is_whole
            assert (found.records, found.is_closed) == (k + 1, False)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_changed_journal_is_found_at_its_first_changed_record(
    database: Database, state: Path, change: Change
) -> None:
    written(database, state)
    before = [Row(*row[1:]) for row in all_rows(database)]  # type: ignore[arg-type]
    anchors = Anchors(state).of(STREAM)
    store = DatabaseStore(database)
    insert = store.connection.sql(
        "INSERT INTO events (stream, seq, epoch, time_ns, kind, payload, checksum, prev, hash) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    )
    raw = store.connection.raw
    for seed in range(12):
        rng = np.random.default_rng(seed)
        rows = change(list(before), int(rng.integers(len(before))), rng)
        raw.execute("BEGIN")
        raw.execute("DELETE FROM events")
        raw.cursor().executemany(insert, [(STREAM, *row) for row in rows])
        found = verify(store, STREAM, anchors)
        raw.execute("ROLLBACK")
        assert not found.is_whole, (change.__name__, seed)
        first = found.faults[0]
        by_seq = sorted(rows)
        different = [k for k, row in enumerate(before) if k >= len(by_seq) or by_seq[k] != row]
        expected = different[0] + 1 if different else len(before) + 1
        if by_seq and by_seq[0].seq < 1:
            expected = 1
        assert first.seq is not None
        if not change.__name__.endswith(("rehashed", "inserted", "begun_anew")):
            assert first.seq == expected, (change.__name__, seed, found.faults)
        assert first.what
    assert verify(store, STREAM, anchors).is_whole, "the changes were taken back"
    store.close()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("DELETE FROM snapshots", "missing"),
        ("UPDATE snapshots SET state = '{}'", "not what its record tells of"),
        ("UPDATE snapshots SET seq = seq - 1", "not what its record tells of"),
        ("UPDATE snapshots SET hash = '0'", "not what its record tells of"),
        ("UPDATE snapshots SET recorded = 3", "not what its record tells of"),
        ("DELETE FROM writers", "epoch"),
    ],
)
def test_change_beside_the_records_is_found(
    database: Database, state: Path, change: str, what: str
) -> None:
    written(database, state)
    changed(database, change)
    found = verified(database, state)
    assert not found.is_whole
    assert any(what in fault.what for fault in found.faults)


def test_journal_that_is_gone_is_found_by_its_anchor(database: Database, state: Path) -> None:
    written(database, state)
    written(database, state, stream="kept")
    for table in ("events", "writers", "snapshots"):
        changed(database, f"DELETE FROM {table} WHERE stream = :stream")
    found = {one.stream: one for one in verify_all(database, state)}
    assert found["kept"].is_whole
    assert found[STREAM].faults[0].seq == 1
    assert "cut" in found[STREAM].faults[0].what


def test_journal_without_its_anchor_is_not_whole(database: Database, state: Path) -> None:
    written(database, state)
    written(database, state, stream="kept")
    (state / "anchors" / f"{STREAM}.anchor").unlink()
    found = {one.stream: one.is_whole for one in verify_all(database, state)}
    assert found == {STREAM: False, "kept": True}


def test_anchor_of_an_older_state_of_the_journal_is_found(database: Database, state: Path) -> None:
    """Cutting the records and forging the anchor needs the key; another's anchor does not do."""
    written(database, state)
    written(database, state, records=6, stream="other")
    other = (state / "anchors" / "other.anchor").read_bytes()
    (state / "anchors" / f"{STREAM}.anchor").write_bytes(other)
    found = verified(database, state)
    assert "that of another journal" in found.faults[0].what


def test_anchor_signed_with_another_key_is_found(
    database: Database, state: Path, tmp_path: Path
) -> None:
    written(database, state)
    changed(database, "DELETE FROM events WHERE seq > 6", "DELETE FROM writers")
    elsewhere = open_database(f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")
    written(elsewhere, tmp_path / "forger", records=6)
    forged = (tmp_path / "forger" / "anchors" / f"{STREAM}.anchor").read_bytes()
    (state / "anchors" / f"{STREAM}.anchor").write_bytes(forged)
    assert "not signed" in verified(database, state).faults[0].what


def test_verifier_without_its_key_refuses(database: Database, state: Path) -> None:
    written(database, state)
    (state / "anchors" / "key").unlink()
    with pytest.raises(JournalError, match=r"key .* is missing"):
        verify_all(database, state)
    assert not (state / "anchors" / "key").exists(), "a new key would hide it"


@pytest.mark.skipif(os.name == "nt", reason="modes of files are those of POSIX")
def test_key_that_others_may_read_is_refused(database: Database, state: Path) -> None:
    written(database, state)
    (state / "anchors" / "key").chmod(0o644)
    with pytest.raises(JournalError, match="others may read") as found:
        verify_all(database, state)
    assert "chmod 600" in found.value.hint


@pytest.mark.parametrize("value", ["X'00'", "NULL", "X'FF'", "CAST(X'FFFE' AS TEXT)", "'x'", "7.5"])
@pytest.mark.parametrize(
    "column", ["seq", "epoch", "time_ns", "kind", "payload", "checksum", "hash"]
)
def test_value_of_another_type_is_found(tmp_path: Path, column: str, value: str) -> None:
    """SQLite lets any column hold anything, so somebody may write what we never would."""
    path = tmp_path / "j.sqlite"
    database = open_database(f"sqlite:///{path}")
    written(database, tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        if value == "NULL":
            connection.execute("UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '')")
            connection.commit()
    with closing(sqlite3.connect(path)) as connection:
        try:
            connection.execute(f"UPDATE events SET {column} = {value} WHERE seq = 7")
        except sqlite3.IntegrityError:
            return  # the database itself did not take it
        connection.commit()
    found = verified(database, tmp_path)
    assert not found.is_whole
    assert found.faults[0].seq == 7


def test_verifier_changes_nothing(database: Database, state: Path) -> None:
    written(database, state)
    files = {p: p.read_bytes() for p in state.rglob("*") if p.is_file()}
    before = [all_rows(database, name) for name in ("events", "writers", "snapshots")]
    verify_all(database, state)
    assert [all_rows(database, name) for name in ("events", "writers", "snapshots")] == before
    assert {p: p.read_bytes() for p in state.rglob("*") if p.is_file()} == files


def test_records_of_one_journal_are_no_fault_of_another(database: Database, state: Path) -> None:
    written(database, state)
    written(database, state, stream="other", records=30)
    with database.reading() as connection:
        count = connection.execute(text("SELECT count(*) FROM events")).scalar()
    assert count == 42
    assert all(one.is_whole for one in verify_all(database, state))
