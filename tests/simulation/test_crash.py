"""A session that is killed at random moments loses nothing, sends nothing twice, and its books are the venue's."""

import os

import pytest

from benchmarks.safety.crash import SMALL, TRADING, soaked

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="sessions are forked")


@pytest.mark.parametrize("session", [SMALL, TRADING])
def test_session_killed_again_and_again_is_whole(session: str) -> None:
    found = soaked(1, 12, session=session, seed=3)
    assert found["failures"] == []
    assert found["faults"] == []
    assert found["kills"] == 12
    assert found["held"] > 0
    assert found["fills"] > 0
