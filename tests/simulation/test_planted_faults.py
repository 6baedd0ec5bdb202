"""The harness is tested: a session with a fault of its own does not pass."""

import os

import pytest

from benchmarks.safety.crash import is_caught
from benchmarks.safety.crash_session import PLANTED

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="sessions are forked")


@pytest.mark.parametrize("planted", PLANTED)
def test_session_with_a_planted_fault_is_caught(planted: str) -> None:
    assert is_caught(planted, kills=15, attempts=4)
