"""A kill switch in a folder of its own, people who may do things, and the measurement's processes."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from peak_trade.risk.kill_files import KillSwitch
from peak_trade.risk.operators import Role, Verified
from peak_trade.risk.recovery import Fact, RecoveryFacts

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))  # the measurements, which tests sample


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def opened(state: Path) -> Callable[..., KillSwitch]:
    """Open the switch of the test's folder, as another process would."""

    def open_(kind: type[KillSwitch] = KillSwitch, **given) -> KillSwitch:
        terms = {"environment": "paper", "now_ns": 0, "alert": lambda trip: None, **given}
        return kind(state, **terms)

    return open_


@pytest.fixture
def olaf() -> Verified:
    return Verified("olaf", Role.OPERATOR, has_second_factor=True)


@pytest.fixture
def rita() -> Verified:
    return Verified("rita", Role.RISK, has_second_factor=True)


@pytest.fixture
def clear() -> RecoveryFacts:
    return RecoveryFacts(*[Fact(True, "nothing was traded")] * 3)
