"""Migrations: step by step from whatever a database holds to the schema of this version."""

from collections.abc import Callable
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from peak_trade.domain.errors import JournalError
from peak_trade.journal.schema import VERSION_TABLE, metadata

_LOCK = 0x7065616B  # any number that no other program takes for an advisory lock
FOLDER = Path(__file__).parent / "migrations"


def scripts() -> ScriptDirectory:
    """The migrations that are shipped, in order."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def upgrade(connection: Connection, shown: str, *, revision: str = "head") -> None:
    """Bring the database of an open transaction to a revision; all of it, or nothing.

    Processes that open a new database at once take turns: the second finds the work done.

    Raises
    ------
    JournalError
        The database is of a newer version than this program.
    """
    folder = scripts()

    def steps(current: str | tuple[str, ...], _: MigrationContext) -> list[RevisionStep]:
        return folder._upgrade_revs(revision, current)  # type: ignore[arg-type]

    _run(connection, shown, folder, steps)


def downgrade(connection: Connection, shown: str, *, revision: str) -> None:
    """Take the database of an open transaction back to an older revision.

    What the newer revisions alone hold is lost: tables of theirs are dropped with what is in them.

    Raises
    ------
    JournalError
        The database is of a newer version than this program.
    """
    folder = scripts()

    def steps(current: str | tuple[str, ...], _: MigrationContext) -> list[RevisionStep]:
        return folder._downgrade_revs(revision, current)  # type: ignore[arg-type]

    _run(connection, shown, folder, steps)


Steps = Callable[[str | tuple[str, ...], MigrationContext], list[RevisionStep]]


def _run(connection: Connection, shown: str, folder: ScriptDirectory, steps: Steps) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    try:
        with EnvironmentContext(Config(), folder, fn=steps) as environment:
            environment.configure(
                connection=connection,
                target_metadata=metadata,
                version_table=VERSION_TABLE,
                transactional_ddl=True,
            )
            environment.run_migrations()
    except CommandError:
        raise JournalError(
            f"the database {shown} was written by a newer version of Peak Trade",
            hint="upgrade Peak Trade, or name another database: --set journal.url=sqlite:///PATH",
        ) from None
