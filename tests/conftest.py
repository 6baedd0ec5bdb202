"""What holds for every test: no network, no kept randomness in CI, and shared data where it lies."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from peak_trade.kernels.accounting import value_of

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

# Compiling a kernel in the middle of an example is slow and no fault: no deadline.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "fixed", settings.get_profile("local"), derandomize=True, database=None, print_blob=True
)
settings.load_profile("fixed" if os.environ.get("CI") else "local")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the shared data where there is none, and say so."""
    if SHARED.is_dir():
        return
    absent = pytest.mark.skip(reason="needs ../shared beside the repository, which is not there")
    for item in items:
        if "realdata" in item.path.parts:
            item.add_marker(absent)


@pytest.fixture(autouse=True, scope="session")
def _offline() -> Iterator[None]:
    """Refuse every connection that leaves the machine."""
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family != socket.AF_UNIX and host not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test reaches for the network: {address!r}")
        connect(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        yield


@pytest.fixture(autouse=True, scope="session")
def _runs_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Record the runs of tests, and of processes that they start, away from the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(autouse=True, scope="session")
def _compiled() -> None:
    """Compile something, so that no command announces that it compiles for the first time."""
    value_of(1, 1.0, 1.0)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared data beside the repository; a test that asks for it skips where there is none."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared beside the repository, which is not there")
    return SHARED
