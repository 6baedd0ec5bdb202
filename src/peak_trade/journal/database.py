"""The database: where it is, how it is opened and brought up to date, and what its errors mean."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url, pool, text

from peak_trade.domain.errors import JournalError
from peak_trade.journal.schema import HEAD, VERSION_TABLE

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor

BUSY_SECONDS = 5.0
"""How long a connection waits for another process that writes."""

_LOCKED = ("database is locked", "database table is locked", "database is busy")
_BROKEN = ("not a database", "malformed", "file is encrypted")


def default_url() -> URL:
    """The database where none is configured: a SQLite file of the user's own."""
    from platformdirs import user_data_path

    path = user_data_path("peak-trade", appauthor=False) / "journal.sqlite"
    return URL.create("sqlite", database=str(path))


@dataclass(frozen=True, slots=True)
class Database:
    """An open database whose schema is that of this version.

    ``shown`` is how messages call it: its path, or its URL without password and options.
    """

    engine: Engine
    shown: str

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database throughout."""
        with told(self.shown), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is kept when its block ends well, and undone otherwise.

        SQLite lets one process write at a time; the others wait for it here.
        """
        with told(self.shown), self.engine.connect() as plain:
            connection = plain.execution_options(writes=True)
            with connection.begin():
                yield connection


def open_database(url: str | None = None) -> Database:
    """Open the database of a URL, make it where there is none, and bring it up to date.

    Parameters
    ----------
    url : str, optional
        ``sqlite:///PATH`` or ``postgresql://user:password@host/name``; a SQLite file in the
        user's data directory where left out.

    Raises
    ------
    JournalError
        No such kind of database, a file that is none or cannot be written, a database that another
        process holds for too long, or one of a newer version. A password is never shown.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "journal.sqlite"
    >>> open_database(f"sqlite:///{place}").shown == str(place)
    True
    """
    parsed = _parsed(url) if url else default_url()
    shown = shown_url(parsed)
    database = Database(_engine(parsed, shown), shown)
    with database.reading() as connection:
        revision = _revision(connection)
    if revision != HEAD:
        from peak_trade.journal.migrate import upgrade

        with database.writing() as connection:
            upgrade(connection, shown)
    return database


def shown_url(url: URL) -> str:
    """How a database is called in messages: the path of a file, else the URL without its secrets.

    Examples
    --------
    >>> shown_url(make_url("postgresql://me:secret@db.example.org/runs?password=other"))
    'postgresql://me:***@db.example.org/runs'
    """
    if url.get_backend_name() == "sqlite":
        return url.database or ":memory:"
    return url.set(query={}).render_as_string(hide_password=True)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise JournalError(
            "the database's address is no URL",
            hint="write journal.url like sqlite:///runs.sqlite or postgresql://user@host/name",
        ) from None
    backend = parsed.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise JournalError(
            f"databases of kind {backend!r} are not known",
            hint="write journal.url like sqlite:///runs.sqlite or postgresql://user@host/name",
        )
    return parsed


def _engine(url: URL, shown: str) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite(url, shown)
        return create_engine(url, hide_parameters=True, poolclass=pool.NullPool)
    except ImportError:
        raise JournalError(
            f"the driver for {shown} is not installed",
            hint="pip install 'peak-trade[postgres]'",
        ) from None


def _sqlite(url: URL, shown: str) -> Engine:
    if url.database and url.database != ":memory:":
        _make_folder(Path(url.database).parent, shown)
        pooling: type[pool.Pool] = pool.NullPool
    else:
        pooling = pool.StaticPool  # a database in memory lives as long as its one connection
    engine = create_engine(
        url,
        hide_parameters=True,
        poolclass=pooling,
        connect_args={"timeout": BUSY_SECONDS},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _make_folder(folder: Path, shown: str) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(
            f"the folder of the database {shown} cannot be made: {error.strerror}",
            hint=_ELSEWHERE,
        ) from None


_ELSEWHERE = (
    "check its permissions, or name another place: --set journal.url=sqlite:///PATH; "
    "--no-record keeps no run"
)


def _prepare(connection: "DBAPIConnection", _: object) -> None:
    """SQLite: transactions are begun by us, readers do not wait for the writer, keys are checked."""
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA foreign_keys = ON")
        _write_ahead(cursor)
    finally:
        cursor.close()


def _write_ahead(cursor: "DBAPICursor") -> None:
    """Change a new file to write-ahead mode; SQLite itself does not wait for its turn to do so."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode")
            if cursor.fetchone() != ("wal",):
                cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if str(error) not in _LOCKED or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    """A writer takes its turn at once; one that first read could not become a writer any more."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _revision(connection: Connection) -> str | None:
    """The revision of the schema; None where there is no schema yet."""
    from sqlalchemy import inspect

    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - ours
    return found.scalar_one_or_none()


@contextmanager
def told(shown: str) -> Iterator[None]:
    """Say what an error of the database means and what to do; its own text names no secret."""
    try:
        yield
    except exc.IntegrityError:
        raise
    except exc.DBAPIError as error:
        raise meaning(str(error.orig), shown) from None
    except exc.SQLAlchemyError as error:
        raise JournalError(
            f"the database {shown} cannot be used: {type(error).__name__}",
            hint="check journal.url with peak config explain journal.url",
        ) from None


def meaning(reason: str, shown: str) -> JournalError:
    """What the text of a driver's error means, and what to do about it."""
    if any(part in reason for part in _LOCKED):
        return JournalError(
            f"the database {shown} is locked by another process for more than "
            f"{BUSY_SECONDS:g} seconds",
            hint="wait for it to end and try again",
        )
    if any(part in reason for part in _BROKEN):
        return JournalError(
            f"{shown} is not a database of Peak Trade, or it is damaged: {reason}",
            hint="move it away, and a new one is made; or name another: "
            "--set journal.url=sqlite:///PATH",
        )
    return JournalError(
        f"the database {shown} cannot be used: {' '.join(reason.split())}", hint=_ELSEWHERE
    )
