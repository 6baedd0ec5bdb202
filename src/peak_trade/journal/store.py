"""Where records are kept: the seam between a journal and what it is written to."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, Protocol, cast

from peak_trade.domain.errors import JournalError
from peak_trade.journal import database as opened
from peak_trade.journal.database import Database
from peak_trade.journal.record import Row, SnapshotRow

PAGE = 5000
"""Records that are read at once; a reader holds no lock and no snapshot between two pages."""

_SPIN_SECONDS = 0.0002
_COLUMNS = "seq, epoch, time_ns, kind, payload, checksum, prev, hash"
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class FencedError(JournalError):
    """Another writer has taken the journal over; this one may not write any more."""


class WriterRow(NamedTuple):
    """Who wrote a stream last, and since when."""

    epoch: int
    holder: str
    since_ns: int


class StreamRow(NamedTuple):
    """A stream and how much it holds."""

    stream: str
    records: int
    last_seq: int
    first_ns: int
    last_ns: int


class EventStore(Protocol):
    """Where the records of journals are kept.

    ``commit`` keeps all of a batch or, after a crash, at most whole records from its beginning;
    it returns once the batch is durable. A store that can be torn cuts an incomplete record at its end
    by itself and refuses a bad one before a good one.
    """

    @property
    def shown(self) -> str:
        """How messages call it."""
        ...

    def writer(self, stream: str) -> WriterRow | None:
        """Who wrote a stream last; None where nobody did."""
        ...

    def claim(self, stream: str, holder: str, *, since_ns: int) -> int:
        """Take a stream over, durably, and give the new epoch, one above the last."""
        ...

    def commit(
        self, stream: str, epoch: int, rows: Sequence[Row], *, snapshots: Sequence[SnapshotRow] = ()
    ) -> None:
        """Keep records, durably.

        Raises
        ------
        FencedError
            The epoch is not the stream's any more; nothing was kept.
        """
        ...

    def rows(
        self, stream: str, *, start: int | None = None, kinds: Sequence[str] = ()
    ) -> Iterator[Row]:
        """The records of a stream in order, from a sequence number on, of these kinds or of all."""
        ...

    def tail(self, stream: str, count: int, *, kinds: Sequence[str] = ()) -> list[Row]:
        """The last records, the newest first."""
        ...

    def snapshots(self, stream: str) -> Iterator[SnapshotRow]:
        """The states that are kept, the newest first."""
        ...

    def streams(self) -> list[StreamRow]:
        """The streams that hold records."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class _Cursor(Protocol):
    def fetchone(self) -> tuple[object, ...] | None: ...
    def fetchall(self) -> list[tuple[object, ...]]: ...


class Connection(Protocol):
    """What a connection of ``sqlite3`` and one of ``psycopg`` have in common."""

    def execute(self, query: str, params: Sequence[object] = (), /) -> _Cursor:
        """Run one statement."""
        ...

    def cursor(self) -> "_BatchCursor":
        """A cursor, for many rows at once."""
        ...


class _BatchCursor(Protocol):
    def executemany(self, query: str, rows: Sequence[Sequence[object]], /) -> object: ...


class LongConnection:
    """One connection that stays open, its statements and its turns; for one thread at a time.

    Parameters
    ----------
    database : Database
        Where it leads.
    is_durable : bool
        Whether a transaction is on the disk when it ends (``synchronous=FULL``); otherwise it
        outlives the process, but the last ones may be lost with the machine.
    """

    def __init__(self, database: Database, *, is_durable: bool) -> None:
        self.shown = database.shown
        self.is_sqlite = database.engine.dialect.name == "sqlite"
        self.lock = threading.RLock()
        dbapi = database.engine.dialect.loaded_dbapi
        self._error = cast("type[Exception]", dbapi.Error)
        with opened.told(self.shown), self.told():
            self._held = database.engine.raw_connection()
        self.raw = cast("Connection", self._held.driver_connection)
        with self.told():
            self._prepare(is_durable=is_durable)

    def _prepare(self, *, is_durable: bool) -> None:
        if self.is_sqlite:
            self.raw.execute("PRAGMA busy_timeout = 0")
            self.raw.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'NORMAL'}")
            return
        self._held.driver_connection.autocommit = True  # type: ignore[union-attr]
        found = self.raw.execute("SHOW synchronous_commit").fetchone()
        if not is_durable or found == ("off",):
            self.raw.execute(f"SET synchronous_commit = {'on' if is_durable else 'off'}")
        self.raw.execute(f"SET lock_timeout = {int(opened.BUSY_SECONDS * 1000)}")

    def sql(self, query: str) -> str:
        """A statement with the placeholders of this database."""
        return query if self.is_sqlite else query.replace("?", "%s")

    def all(self, query: str, *params: object) -> list[tuple[object, ...]]:
        """All rows of a query."""
        with self.lock, self.told():
            return self.patiently(query, params).fetchall()

    def patiently(self, query: str, params: Sequence[object] = ()) -> _Cursor:
        """Run a statement; SQLite's own way to wait for its turn sleeps too long."""
        query = self.sql(query)
        until = time.monotonic() + opened.BUSY_SECONDS
        while True:
            try:
                return self.raw.execute(query, params)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() > until:
                    raise
            time.sleep(_SPIN_SECONDS)

    @contextmanager
    def turn(self) -> Iterator[Connection]:
        """A transaction that writes: kept when its block ends well, undone otherwise."""
        with self.lock, self.told():
            try:
                with self._together():
                    self.patiently("BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN")
                    yield self.raw
                    done = self.raw.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(self._error):
                    self.raw.execute("ROLLBACK")
                raise
            if not self.is_sqlite and getattr(done, "statusmessage", "") != "COMMIT":
                raise JournalError(
                    f"the database {self.shown} undid a transaction", hint="look into its log"
                )

    def _together(self) -> AbstractContextManager[object]:
        """PostgreSQL: statements travel together, up to one whose answer is looked at."""
        pipeline = getattr(self.raw, "pipeline", contextlib.nullcontext)
        return cast("AbstractContextManager[object]", pipeline())

    @contextmanager
    def told(self) -> Iterator[None]:
        """Say what an error of the driver means."""
        try:
            yield
        except self._error as error:
            raise opened.meaning(str(error), self.shown) from None

    def close(self) -> None:
        """Close the connection."""
        with self.lock, contextlib.suppress(self._error):
            self._held.close()


class DatabaseStore:
    """The records in a database: SQLite or PostgreSQL.

    Parameters
    ----------
    database : Database
        As :func:`~peak_trade.journal.database.open_database` gives it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: LongConnection | None = None
        self._turn = threading.Lock()

    @property
    def shown(self) -> str:
        """How messages call it."""
        return self._database.shown

    @property
    def connection(self) -> LongConnection:
        """The connection, made when it is first needed."""
        with self._turn:
            if self._connection is None:
                self._connection = LongConnection(self._database, is_durable=True)
            return self._connection

    def check_durable(self) -> None:
        """Refuse a database that does not bring its transactions to a disk.

        Raises
        ------
        JournalError
            A database in memory, SQLite that did not take ``synchronous=FULL`` or write-ahead mode,
            PostgreSQL that runs with ``fsync`` off.
        """
        connection = self.connection
        if connection.is_sqlite:
            kept = connection.all("PRAGMA journal_mode")[0][0]
            level = connection.all("PRAGMA synchronous")[0][0]
            is_durable = kept == "wal" and level == 2
            found = f"journal_mode={kept}, synchronous={level}"
        else:
            level = connection.all("SHOW synchronous_commit")[0][0]
            found = f"fsync={connection.all('SHOW fsync')[0][0]}, synchronous_commit={level}"
            is_durable = found.startswith("fsync=on") and level != "off"
        if not is_durable:
            raise JournalError(
                f"{self.shown} does not keep what it acknowledges ({found})",
                hint="a journal needs a SQLite file, or PostgreSQL with fsync = on",
            )

    def writer(self, stream: str) -> WriterRow | None:
        """Who wrote a stream last; None where nobody did."""
        found = self.connection.all(
            "SELECT epoch, holder, since_ns FROM writers WHERE stream = ?", stream
        )
        return WriterRow(*found[0]) if found else None  # type: ignore[arg-type]

    def claim(self, stream: str, holder: str, *, since_ns: int) -> int:
        """Take a stream over, durably, and give the new epoch."""
        connection = self.connection
        query = connection.sql(
            "INSERT INTO writers (stream, epoch, holder, since_ns) VALUES (?, 1, ?, ?) "
            "ON CONFLICT (stream) DO UPDATE SET epoch = writers.epoch + 1, "
            "holder = excluded.holder, since_ns = excluded.since_ns RETURNING epoch"
        )
        with connection.turn() as raw:
            found = raw.execute(query, (stream, holder[:200], since_ns)).fetchall()
        return cast("int", found[0][0])

    def commit(
        self, stream: str, epoch: int, rows: Sequence[Row], *, snapshots: Sequence[SnapshotRow] = ()
    ) -> None:
        """Keep records in one transaction, which is durable when this returns."""
        connection = self.connection
        with connection.turn() as raw:
            self._fence(raw, stream, epoch)
            raw.cursor().executemany(
                connection.sql(f"INSERT INTO events (stream, {_COLUMNS}) VALUES ({_marks(9)})"),  # noqa: S608 - ours
                [(stream, *row) for row in rows],
            )
            if snapshots:
                raw.cursor().executemany(
                    connection.sql(
                        "INSERT INTO snapshots (stream, recorded, seq, hash, state) "  # noqa: S608
                        f"VALUES ({_marks(5)})"
                    ),
                    [(stream, *row) for row in snapshots],
                )

    def _fence(self, raw: Connection, stream: str, epoch: int) -> None:
        query = "SELECT epoch, holder FROM writers WHERE stream = ?"
        if not self.connection.is_sqlite:
            query += " FOR SHARE"
        found = raw.execute(self.connection.sql(query), (stream,)).fetchone()
        if found is None or found[0] != epoch:
            now, holder = found or ("none", "nobody")
            raise FencedError(
                f"{stream} was taken over by {holder} (epoch {now}, ours is {epoch})",
                hint="stop this session; only one may write",
            )

    def rows(
        self, stream: str, *, start: int | None = None, kinds: Sequence[str] = ()
    ) -> Iterator[Row]:
        """The records of a stream in order, in pages that hold no lock between them."""
        chosen = f" AND kind IN ({_marks(len(kinds))})" if kinds else ""
        query = (
            f"SELECT {_COLUMNS} FROM events WHERE stream = ? AND seq >= ?{chosen} "  # noqa: S608
            "ORDER BY seq LIMIT ?"
        )
        place: object = -(2**63) if start is None else start
        size = PAGE
        while True:
            try:
                page = self.connection.all(query, stream, place, *kinds, size)
            except JournalError:
                if size == 1:
                    raise
                size = 1  # up to the one that cannot be read
                continue
            yield from (Row(*row) for row in page)  # type: ignore[arg-type]
            if len(page) < size:
                return
            place = page[-1][0]
            query = query.replace("seq >= ?", "seq > ?")

    def tail(self, stream: str, count: int, *, kinds: Sequence[str] = ()) -> list[Row]:
        """The last records, the newest first."""
        chosen = f" AND kind IN ({_marks(len(kinds))})" if kinds else ""
        found = self.connection.all(
            f"SELECT {_COLUMNS} FROM events WHERE stream = ?{chosen} "  # noqa: S608
            "ORDER BY seq DESC LIMIT ?",
            stream, *kinds, count,
        )  # fmt: skip
        return [Row(*row) for row in found]  # type: ignore[arg-type]

    def snapshots(self, stream: str) -> Iterator[SnapshotRow]:
        """The states that are kept, the newest first; one of them in memory at a time."""
        query = "SELECT recorded, seq, hash, state FROM snapshots WHERE stream = ? AND recorded = ?"
        found = self.connection.all(
            "SELECT recorded FROM snapshots WHERE stream = ? ORDER BY recorded DESC", stream
        )
        for (recorded,) in found:
            for row in self.connection.all(query, stream, recorded):
                yield SnapshotRow(*row)  # type: ignore[arg-type]

    def streams(self) -> list[StreamRow]:
        """The streams that hold records, in the order of their names."""
        found = self.connection.all(
            "SELECT stream, count(*), max(seq), min(time_ns), max(time_ns) FROM events "
            "GROUP BY stream ORDER BY stream"
        )
        return [StreamRow(*row) for row in found]  # type: ignore[arg-type]

    def close(self) -> None:
        """Close the connection; it is made again when it is needed."""
        with self._turn:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _marks(count: int) -> str:
    return ", ".join("?" * count)


Source = Database | EventStore
"""What records are read from."""


def store_of(source: Source) -> AbstractContextManager[EventStore]:
    """The store of a database, closed when its block ends; a store stands for itself."""
    if isinstance(source, Database):
        return contextlib.closing(DatabaseStore(source))
    return contextlib.nullcontext(source)
