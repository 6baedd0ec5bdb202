"""State that is missing, broken or contradicts itself is a kill, and stays one."""

import pytest

from benchmarks.safety.kill_damage import DAMAGES, damaged_switch_blocks, made
from peak_trade.risk.kills import GLOBAL


def test_there_are_forty_kinds_of_damage_at_least() -> None:
    assert len(DAMAGES) >= 40


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_state_blocks_at_every_start(name: str) -> None:
    assert damaged_switch_blocks(name)


def test_undamaged_state_is_active(opened, state) -> None:
    made(state)
    assert opened().blocking("a1", "s1", ("X",)) is None


def test_damage_is_kept_as_evidence_and_the_epoch_rises(opened, state) -> None:
    made(state)
    (state / "kill" / "state.json").write_text("what", encoding="utf-8")
    switch = opened()
    assert (state / "kill" / "damaged-1" / "state.json").read_text("utf-8") == "what"
    assert (state / "kill" / "damaged-1" / "audit.log").exists()
    assert switch.kills[0].scope == GLOBAL
    assert "state.json" in switch.kills[0].reason
    assert switch.epoch > 7
    assert opened().kills == switch.kills
    assert not (state / "kill" / "damaged-2").exists()


def test_damage_while_running_is_seen_by_the_next_look(opened, state) -> None:
    switch = opened()
    (state / "kill" / "audit.log").write_bytes(b"")
    switch.look(5)
    assert switch.blocking("a1", "s1", ("X",)) is not None
