"""What the tests of the journal share: writing some records, and changing a table behind its back."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import text

from peak_trade.journal.anchor import Anchors
from peak_trade.journal.database import Database
from peak_trade.journal.verify import Verification, verify
from peak_trade.journal.writer import JournalWriter

STREAM = "01JOURNAL"


def opened(database: Database, state: Path, *, stream: str = STREAM) -> JournalWriter:
    return JournalWriter.open(database, stream, state_dir=state, holder="a test", now_ns=1)


def written(
    database: Database, state: Path, *, records: int = 12, groups: int = 3, stream: str = STREAM
) -> None:
    """A closed journal of so many records, a snapshot in the middle among them, in so many groups."""
    with opened(database, state, stream=stream) as journal:
        for k in range(1, records + 1):
            if k == records // 2:
                journal.snapshot({"cash": 100.5, "lots": [k, 0]}, 1000 * k)
            else:
                journal.append(
                    ("fill", "order.sent")[k % 2], {"lots": k, "note": f"n{k}"}, 1000 * k
                )
            if k % max(records // groups, 1) == 0:
                journal.sync()


def changed(database: Database, *statements: str, **values: object) -> None:
    """Change the database as somebody would who has its password."""
    with database.writing() as connection:
        for statement in statements:
            connection.execute(text(statement), {"stream": STREAM, **values})


def all_rows(database: Database, table: str = "events") -> Sequence[tuple[object, ...]]:
    order = {"events": "stream, seq", "writers": "stream", "snapshots": "stream, recorded"}[table]
    with database.reading() as connection:
        found = connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}"))
        return [tuple(row) for row in found]


def verified(database: Database, state: Path, *, stream: str = STREAM) -> Verification:
    return verify(database, stream, Anchors(state).of(stream))
