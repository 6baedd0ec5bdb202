"""Migrations, up and down again with data in the tables, on both databases."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from journal.journals import STREAM, all_rows, verified, written
from sqlalchemy import create_engine, inspect, text

from peak_trade.domain.errors import JournalError
from peak_trade.journal import migrate
from peak_trade.journal.database import Database, open_database
from peak_trade.journal.schema import HEAD, VERSION_TABLE, metadata

TABLES = {
    "0001": {"runs"},
    "0002": {"runs", "run_tags"},
    "0003": {
        "runs", "run_tags", "sessions", "writers", "events", "snapshots", "reservations",
    },
}  # fmt: skip
RUN = (
    "INSERT INTO runs (id, kind, label, finished_ns, strategy, strategy_name, strategy_digest, "
    "params, terms, data_source, data_fingerprint, data, config_digest, code_version, engine, "
    "trials, stats, result_digest, warnings) VALUES ('R1', 'backtest', 'kept', 1, 's', 'S', '', "
    "'{\"fast\":1}', '{}', 'd', 'f', '{}', '', '1', 'fast', 1, '{}', 'r', '[]')"
)


def unopened(url: str) -> Database:
    """The database of a URL as it stands, without the migrations that opening it brings."""
    from sqlalchemy import make_url

    from peak_trade.journal.database import _engine, _parsed, shown_url

    parsed = _parsed(url)
    assert make_url(url)
    return Database(_engine(parsed, shown_url(parsed)), "the database")


def tables(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(inspect(connection).get_table_names()) - {VERSION_TABLE}


def version(database: Database) -> str | None:
    with database.reading() as connection:
        options = {"version_table": VERSION_TABLE}
        return MigrationContext.configure(connection, opts=options).get_current_revision()


def test_steps_up_and_down_keep_what_the_older_version_holds(url: str, state: Path) -> None:
    database = unopened(url)
    with database.writing() as connection:
        migrate.upgrade(connection, "", revision="0001")
        connection.execute(text(RUN.replace(":", r"\:")))
    assert tables(database) == TABLES["0001"]
    with database.writing() as connection:
        migrate.upgrade(connection, "", revision="0002")
        connection.execute(text("INSERT INTO run_tags VALUES ('R1', 'good')"))
    assert tables(database) == TABLES["0002"]
    assert open_database(url).engine.url == database.engine.url  # to the head, by being opened
    assert (tables(database), version(database)) == (TABLES["0003"], HEAD)
    written(database, state)
    assert verified(database, state).is_whole
    for revision in ("0002", "0001"):
        with database.writing() as connection:
            migrate.downgrade(connection, "", revision=revision)
            assert connection.execute(text("SELECT label FROM runs")).all() == [("kept",)]
        assert (tables(database), version(database)) == (TABLES[revision], revision)
    with open_database(url).reading() as connection:
        assert connection.execute(text("SELECT label FROM runs")).all() == [("kept",)]
        assert connection.execute(text("SELECT * FROM events")).all() == []
        assert connection.execute(text("SELECT * FROM run_tags")).all() == []


def test_migrations_make_what_is_declared(database: Database) -> None:
    with database.reading() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert list(compare_metadata(context, metadata)) == []


def test_journal_survives_being_opened_again(url: str, state: Path) -> None:
    written(open_database(url), state)
    before = all_rows(open_database(url))
    assert len(before) == 12
    assert all_rows(open_database(url)) == before


@pytest.mark.parametrize("found", ["0004", "9999", "junk"])
def test_database_of_an_unknown_version_is_refused_and_stays_as_it_is(
    url: str, state: Path, found: str
) -> None:
    database = open_database(url)
    written(database, state)
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE of_the_future (a INTEGER)"))
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{found}'"))
    before = (tables(database), all_rows(database), version(database))
    with pytest.raises(JournalError, match="written by a newer version"):
        open_database(url)
    with database.writing() as connection, pytest.raises(JournalError, match="newer version"):
        migrate.downgrade(connection, "the database", revision="0001")
    assert (tables(database), all_rows(database), version(database)) == before


def test_migration_that_fails_midway_leaves_the_old_schema(url: str) -> None:
    database = unopened(url)
    with database.writing() as connection:
        migrate.upgrade(connection, "", revision="0002")
        connection.execute(text(RUN.replace(":", r"\:")))
        connection.execute(text("CREATE TABLE reservations (in_the_way INTEGER)"))
    with pytest.raises(JournalError, match="reservations"):
        open_database(url)
    assert version(database) == "0002"
    assert tables(database) == TABLES["0002"] | {"reservations"}


def test_records_of_a_stream_lie_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    open_database(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        made = dict(connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"))
    assert "WITHOUT ROWID" in made["events"]
    declared = create_engine(f"sqlite:///{tmp_path / 'declared.sqlite'}")
    metadata.create_all(declared)
    declared.dispose()
    with closing(sqlite3.connect(tmp_path / "declared.sqlite")) as connection:
        again = dict(connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"))
    assert "WITHOUT ROWID" in again["events"]


def test_stream_and_number_of_a_record_stand_once(database: Database, state: Path) -> None:
    written(database, state)
    copy = "INSERT INTO events SELECT * FROM events WHERE stream = :stream AND seq = 3"
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError), database.writing() as connection:
        connection.execute(text(copy), {"stream": STREAM})
