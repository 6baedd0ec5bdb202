"""The tables of the database, as SQLAlchemy knows them; migrations bring a file to this state.

Names: tables are plural nouns, columns say their unit (``_ns`` UTC nanoseconds, ``_s`` seconds),
digests are hexadecimal texts, and whatever has fields of its own is canonical JSON.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

from peak_trade.journal.canonical import canonical_json, parsed_json

HEAD = "0003"
"""The revision that this version reads and writes."""

VERSION_TABLE = "peak_trade_version"
"""Where the revision of a database stands; a name of its own, so that a schema can be shared."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class CanonicalJson(TypeDecorator[object]):
    """Plain values kept as canonical JSON, the same text for the same values everywhere."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        """Write a value as its text; None stays NULL."""
        return None if value is None else canonical_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> object:
        """Read the value of a text."""
        return None if value is None else parsed_json(value)


runs = Table(
    "runs",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("label", String(200), nullable=False),
    Column("started_ns", BigInteger),
    Column("finished_ns", BigInteger, nullable=False),
    Column("duration_s", Float),
    Column("strategy", String(500), nullable=False),
    Column("strategy_name", String(200), nullable=False),
    Column("strategy_digest", String(32), nullable=False),
    Column("params", CanonicalJson, nullable=False),
    Column("terms", CanonicalJson, nullable=False),
    Column("data_source", String(1000), nullable=False),
    Column("data_fingerprint", String(64), nullable=False),
    Column("data", CanonicalJson, nullable=False),
    Column("request", CanonicalJson),
    Column("config_digest", String(32), nullable=False),
    Column("code_version", String(100), nullable=False),
    Column("engine", String(16), nullable=False),
    Column("trials", Integer, nullable=False),
    Column("stats", CanonicalJson, nullable=False),
    Column("result_digest", String(40), nullable=False),
    Column("warnings", CanonicalJson, nullable=False),
    Index(None, "finished_ns"),
    Index(None, "strategy_name"),
    Index(None, "label"),
)

run_tags = Table(
    "run_tags",
    metadata,
    Column("run_id", ForeignKey(runs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("tag", String(100), primary_key=True),
    Index(None, "tag"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("account", String(100), nullable=False),
    Column("venue", String(100), nullable=False),
    Column("environment", String(16), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("strategy", String(500), nullable=False),
    Column("label", String(200), nullable=False),
    Column("state", String(32), nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    Column("updated_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger),
    Column("detail", Text, nullable=False),
    Column("request", CanonicalJson, nullable=False),
    Column("result", CanonicalJson),
    Column("config_digest", String(64), nullable=False),
    Column("code_version", String(100), nullable=False),
    Index(None, "started_ns"),
    Index(None, "account"),
    Index(None, "state"),
)

writers = Table(
    "writers",
    metadata,
    Column("stream", String(100), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", String(200), nullable=False),
    Column("since_ns", BigInteger, nullable=False),
)
"""Who may write a stream: each that opens it raises the epoch, and the one before is refused."""

events = Table(
    "events",
    metadata,
    Column("stream", String(100), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("payload", Text, nullable=False),
    Column("checksum", BigInteger, nullable=False),
    Column("prev", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    sqlite_with_rowid=False,  # the records of a stream lie side by side
)
"""The records of all streams; a payload is kept as its text, of which checksum and hash are made."""

snapshots = Table(
    "snapshots",
    metadata,
    Column("stream", String(100), primary_key=True),
    Column("recorded", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("state", Text, nullable=False),
)
"""States that were reached after record ``seq``, whose hash is ``hash``; ``recorded`` is the
sequence number of the record that tells of it."""

reservations = Table(
    "reservations",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("token", String(200), primary_key=True),
    Column("owner", String(200), primary_key=True),
    Column("amount", Float, nullable=False),
    Index(None, "owner"),
    sqlite_with_rowid=False,
)
"""Exposure that is spoken for, over all sessions of an account."""
