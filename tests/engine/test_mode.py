"""Which modes there are, and which of them this version runs."""

import pytest

from peak_trade.domain.errors import InputError
from peak_trade.engine.mode import MODES, session_mode
from peak_trade.risk.kills import ENVIRONMENTS


def test_modes_are_the_environments_that_kills_know() -> None:
    assert set(MODES) == set(ENVIRONMENTS)


def test_modes_that_leave_the_machine_are_armed_by_persons() -> None:
    armed = {name: mode.persons for name, mode in MODES.items() if not mode.is_simulated}
    assert armed == {"testnet": 1, "live": 2}
    assert all(mode.persons == 0 for mode in MODES.values() if mode.is_simulated)


def test_modes_but_the_backtest_are_recorded() -> None:
    assert {name for name, mode in MODES.items() if not mode.is_recorded} == {"backtest"}


def test_paper_is_offered_and_nothing_else_is() -> None:
    assert session_mode("paper").is_offered
    for name in ("shadow", "testnet", "live"):
        with pytest.raises(InputError, match="not offered"):
            session_mode(name)


@pytest.mark.parametrize("name", ["backtest", "Paper", "", "lvie", "paper "])
def test_name_that_is_no_mode_of_a_session_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="is no mode of a session"):
        session_mode(name)
