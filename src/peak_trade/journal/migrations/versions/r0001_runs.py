"""The runs: one row a backtest or a sweep.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of runs."""
    op.create_table(
        "runs",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("started_ns", sa.BigInteger),
        sa.Column("finished_ns", sa.BigInteger, nullable=False),
        sa.Column("duration_s", sa.Float),
        sa.Column("strategy", sa.String(500), nullable=False),
        sa.Column("strategy_name", sa.String(200), nullable=False),
        sa.Column("strategy_digest", sa.String(32), nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("terms", sa.Text, nullable=False),
        sa.Column("data_source", sa.String(1000), nullable=False),
        sa.Column("data_fingerprint", sa.String(64), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("request", sa.Text),
        sa.Column("config_digest", sa.String(32), nullable=False),
        sa.Column("code_version", sa.String(100), nullable=False),
        sa.Column("engine", sa.String(16), nullable=False),
        sa.Column("trials", sa.Integer, nullable=False),
        sa.Column("stats", sa.Text, nullable=False),
        sa.Column("result_digest", sa.String(40), nullable=False),
        sa.Column("warnings", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_finished_ns", "runs", ["finished_ns"])
    op.create_index("ix_runs_strategy_name", "runs", ["strategy_name"])
    op.create_index("ix_runs_label", "runs", ["label"])


def downgrade() -> None:
    """Remove the table of runs."""
    op.drop_table("runs")
