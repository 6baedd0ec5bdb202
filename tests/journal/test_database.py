"""The database: made, brought up to date, shared by processes, and plain about its troubles."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, inspect, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from peak_trade.domain.errors import JournalError
from peak_trade.journal import database as opened
from peak_trade.journal import migrate
from peak_trade.journal.database import Database, default_url, open_database, shown_url
from peak_trade.journal.schema import HEAD, VERSION_TABLE, metadata, run_tags, runs

ROW: dict[str, object] = {
    "kind": "backtest",
    "label": "",
    "finished_ns": 1,
    "strategy": "s",
    "strategy_name": "S",
    "strategy_digest": "",
    "params": {"fast": 1},
    "terms": {},
    "data_source": "d",
    "data_fingerprint": "f",
    "data": {},
    "config_digest": "",
    "code_version": "1",
    "engine": "fast",
    "trials": 1,
    "stats": {"sharpe": None},
    "result_digest": "r",
    "warnings": [],
}
WRITER = """
import sys
from sqlalchemy import insert
from peak_trade.journal.database import open_database
from peak_trade.journal.schema import runs
url, name, row = sys.argv[1], sys.argv[2], {row!r}
for k in range(5):
    with open_database(url).writing() as connection:
        connection.execute(insert(runs), {{**row, "id": f"{{name}}{{k}}"}})
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "journal.sqlite"


def at(path: Path) -> str:
    return f"sqlite:///{path}"


def differences(database: Database) -> list[object]:
    """What Alembic finds between the tables that are there and those that are declared."""
    with database.reading() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))


def revision(database: Database) -> str | None:
    with database.reading() as connection:
        options = {"version_table": VERSION_TABLE}
        return MigrationContext.configure(connection, opts=options).get_current_revision()


def test_open_database_of_nothing_makes_the_declared_tables(path: Path) -> None:
    database = open_database(at(path))
    assert differences(database) == []
    assert revision(database) == HEAD
    assert path.parent.stat().st_mode & 0o077 == 0


def test_head_is_the_last_migration_that_is_shipped() -> None:
    assert migrate.scripts().get_heads() == [HEAD]


def test_open_database_again_changes_nothing(path: Path) -> None:
    open_database(at(path))
    before = path.read_bytes()
    open_database(at(path))
    assert path.read_bytes() == before


def test_open_database_of_an_older_revision_keeps_its_runs(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(opened, "HEAD", "0001")
        upgrade = migrate.upgrade
        patch.setattr(migrate, "upgrade", lambda *given: upgrade(*given, revision="0001"))
        older = open_database(at(path))
        with older.writing() as connection:
            connection.execute(insert(runs), {**ROW, "id": "a"})
            assert not inspect(connection).has_table("run_tags")
    database = open_database(at(path))
    assert (revision(database), differences(database)) == (HEAD, [])
    with database.writing() as connection:
        connection.execute(insert(run_tags), {"run_id": "a", "tag": "kept"})
        found = connection.execute(select(runs.c.id, runs.c.params, runs.c.stats)).all()
    assert found == [("a", {"fast": 1}, {"sharpe": None})]


def test_open_database_of_a_newer_version_is_refused(path: Path) -> None:
    with open_database(at(path)).writing() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(JournalError, match="newer version") as found:
        open_database(at(path))
    assert "upgrade" in found.value.hint


def test_failed_migration_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:  # in the way of the second migration
        connection.execute("CREATE TABLE run_tags (a)")
        connection.commit()
    with pytest.raises(JournalError, match="run_tags"):
        open_database(at(path))
    with closing(sqlite3.connect(path)) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert names == {"run_tags"}


def test_writing_that_fails_keeps_nothing(path: Path) -> None:
    database = open_database(at(path))

    def fail() -> None:
        with database.writing() as connection:
            connection.execute(insert(runs), {**ROW, "id": "a"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.reading() as connection:
        assert connection.execute(select(runs)).all() == []


def test_tag_of_no_run_is_refused_and_goes_with_its_run(path: Path) -> None:
    from sqlalchemy.exc import IntegrityError

    database = open_database(at(path))
    with pytest.raises(IntegrityError), database.writing() as connection:
        connection.execute(insert(run_tags), {"run_id": "none", "tag": "t"})
    with database.writing() as connection:
        connection.execute(insert(runs), {**ROW, "id": "a"})
        connection.execute(insert(run_tags), {"run_id": "a", "tag": "t"})
        connection.execute(runs.delete())
        assert connection.execute(select(run_tags)).all() == []


def test_database_is_readable_while_another_writes(path: Path) -> None:
    database = open_database(at(path))
    with database.writing() as writer:
        writer.execute(insert(runs), {**ROW, "id": "a"})
        with database.reading() as reader:
            assert reader.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert reader.execute(select(runs)).all() == []
    with database.reading() as reader:
        assert len(reader.execute(select(runs)).all()) == 1


def test_processes_that_make_and_write_one_database_all_keep_their_runs(path: Path) -> None:
    code = WRITER.format(row=ROW)
    workers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, at(path), name],
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "abcd"
    ]
    errors = [worker.communicate()[1] for worker in workers]
    assert errors == [""] * 4
    with open_database(at(path)).reading() as connection:
        found = {row.id for row in connection.execute(select(runs.c.id))}
    assert found == {f"{name}{k}" for name in "abcd" for k in range(5)}


def test_open_database_of_a_new_file_that_another_holds_waits_for_its_turn(path: Path) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with closing(other):
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.2, other.rollback)
        release.start()
        assert revision(open_database(at(path))) == HEAD
        release.join()


@pytest.fixture
def held(path: Path) -> Iterator[None]:
    """Another connection that holds the database for itself."""
    open_database(at(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_writing_while_another_holds_the_database_says_so(
    path: Path, held: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "BUSY_SECONDS", 0.05)
    database = open_database(at(path))
    with pytest.raises(JournalError, match="locked by another process") as found:  # noqa: SIM117
        with database.writing():
            pass
    assert str(path) in found.value.message


def test_open_database_of_another_kind_of_file_says_so(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"time,close\n" * 1000)
    with pytest.raises(JournalError, match="not a database of Peak Trade, or it is damaged"):
        open_database(at(path))


def test_open_database_of_a_damaged_file_says_so(path: Path) -> None:
    with open_database(at(path)).writing() as connection:
        connection.execute(insert(runs), {**ROW, "id": "a"})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    path.write_bytes(bytes(content))
    with pytest.raises(JournalError, match="damaged"):
        open_database(at(path))


def test_open_database_where_no_file_can_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="folder of the database"):
        open_database(at(tmp_path / "file" / "journal.sqlite"))
    with pytest.raises(JournalError, match="cannot be used: unable to open"):
        open_database(at(tmp_path))


@pytest.mark.parametrize("url", ["runs.sqlite", "mysql://me:secret@host/name", "sqlite:/x:y@:z"])
def test_open_database_of_no_url_we_know_is_refused(url: str) -> None:
    with pytest.raises(JournalError) as found:
        open_database(url)
    assert "secret" not in str(found.value)
    assert "sqlite:///" in found.value.hint


def test_postgresql_without_its_driver_names_the_extra_and_no_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(JournalError, match=r"postgresql\+psycopg://me:\*\*\*@host/name") as found:
        open_database("postgresql://me:secret@host/name?password=secret")
    assert "peak-trade[postgres]" in found.value.hint
    assert "secret" not in str(found.value)


def test_tables_can_be_made_in_postgresql() -> None:
    dialect = postgresql.dialect()
    text = "".join(str(CreateTable(table).compile(dialect=dialect)) for table in (runs, run_tags))
    assert "finished_ns BIGINT NOT NULL" in text
    assert "REFERENCES runs (id) ON DELETE CASCADE" in text


def test_default_url_is_a_file_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "here"))
    database = open_database()
    assert database.shown == str(tmp_path / "here" / "peak-trade" / "journal.sqlite")
    assert Path(database.shown).is_file()
    assert default_url() == database.engine.url


def test_database_in_memory_lasts_as_long_as_it_is_open() -> None:
    database = open_database("sqlite://")
    with database.writing() as connection:
        connection.execute(insert(runs), {**ROW, "id": "a"})
    with database.reading() as connection:
        assert len(connection.execute(select(runs)).all()) == 1
    assert shown_url(database.engine.url) == ":memory:"
