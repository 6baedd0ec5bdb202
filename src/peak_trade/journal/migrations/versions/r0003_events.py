"""The journals of sessions: their events, writers, snapshots and reservations.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of sessions, events, writers, snapshots and reservations."""
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(100), nullable=False),
        sa.Column("account", sa.String(100), nullable=False),
        sa.Column("venue", sa.String(100), nullable=False),
        sa.Column("environment", sa.String(16), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("strategy", sa.String(500), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.Column("updated_ns", sa.BigInteger, nullable=False),
        sa.Column("ended_ns", sa.BigInteger),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("result", sa.Text),
        sa.Column("config_digest", sa.String(64), nullable=False),
        sa.Column("code_version", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_started_ns", "sessions", ["started_ns"])
    op.create_index("ix_sessions_account", "sessions", ["account"])
    op.create_index("ix_sessions_state", "sessions", ["state"])
    op.create_table(
        "writers",
        sa.Column("stream", sa.String(100), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.String(200), nullable=False),
        sa.Column("since_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("stream", name="pk_writers"),
    )
    op.create_table(
        "events",
        sa.Column("stream", sa.String(100), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("checksum", sa.BigInteger, nullable=False),
        sa.Column("prev", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("stream", "seq", name="pk_events"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "snapshots",
        sa.Column("stream", sa.String(100), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("recorded", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("stream", "recorded", name="pk_snapshots"),
    )
    op.create_table(
        "reservations",
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("token", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("amount", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("key", "token", "owner", name="pk_reservations"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_reservations_owner", "reservations", ["owner"])


def downgrade() -> None:
    """Remove them; what stands in them is lost."""
    for table in ("reservations", "snapshots", "events", "writers", "sessions"):
        op.drop_table(table)
