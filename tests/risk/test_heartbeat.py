"""Heartbeats, what their age means, and who may send by them."""

from pathlib import Path

import pytest

from peak_trade.domain.errors import RiskError
from peak_trade.risk.heartbeat import (
    WATCHDOG,
    Heartbeat,
    Lifeline,
    Pulse,
    heartbeats,
    pulse_of,
)
from peak_trade.risk.kill_switch import MemoryKillSwitch
from peak_trade.risk.kills import Scope
from peak_trade.risk.trip_rules import Cause, TripLimits, Vitals, causes_of, trip_for

SECOND = 1_000_000_000
LIMITS = TripLimits(rejects=5, unknown_s=60.0)


def made(folder: Path, account: str = "a1", *, at_s: float = 0.0, boot: str = "b") -> Heartbeat:
    environment = "" if account == WATCHDOG else "paper"
    return Heartbeat.make(
        folder,
        environment=environment,
        account=account,
        boot=boot,
        monotonic_ns=int(at_s * SECOND),
    )


@pytest.mark.parametrize(
    ("age_s", "pulse"),
    [
        (0.0, Pulse.BEATING),
        (1.999, Pulse.BEATING),
        (2.0, Pulse.SILENT),
        (4.999, Pulse.SILENT),
        (5.0, Pulse.DEAD),
        (float("inf"), Pulse.DEAD),
        (float("nan"), Pulse.DEAD),
    ],
)
def test_pulse_is_that_of_the_semantics(age_s: float, pulse: Pulse) -> None:
    assert pulse_of(age_s) is pulse


def test_beat_is_seen_by_who_opened_it_before(tmp_path: Path) -> None:
    own = made(tmp_path)
    theirs = Heartbeat(own.path)
    own.beat(7 * SECOND)
    assert theirs.age_s(10 * SECOND, "b") == 3.0
    assert theirs.scope == Scope("paper", account="a1")
    own.stop()
    assert not theirs.is_running


def test_age_of_an_earlier_boot_cannot_be_told(tmp_path: Path) -> None:
    assert pulse_of(made(tmp_path).age_s(10 * SECOND, "another boot")) is Pulse.DEAD


def test_heartbeats_of_a_folder_are_one_an_account(tmp_path: Path) -> None:
    made(tmp_path, "a1")
    made(tmp_path, "a2")
    made(tmp_path, "a1", at_s=5)
    made(tmp_path, WATCHDOG)
    found = {beat.account for _, beat in heartbeats(tmp_path) if beat}
    assert found == {"a1", "a2"}


@pytest.mark.parametrize("data", [b"", b"x" * 10, b"\0" * 4096, b"PEAKBEAT" + b"\xff" * 4088])
def test_heartbeat_given_another_file_is_refused(tmp_path: Path, data: bytes) -> None:
    beat = made(tmp_path)
    beat.path.write_bytes(data)
    with pytest.raises(RiskError, match="no heartbeat"):
        Heartbeat(beat.path)
    assert [found for _, found in heartbeats(tmp_path)] == [None]


def test_heartbeat_of_a_long_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RiskError, match="too long"):
        made(tmp_path, "a" * 5_000)


def test_lifeline_says_why_nothing_may_be_sent(tmp_path: Path) -> None:
    now = [0]
    own = made(tmp_path)
    lifeline = Lifeline(own, boot="b", monotonic_ns=lambda: now[0])
    assert lifeline() == "no watchdog is running"
    watchdog = made(tmp_path, WATCHDOG)
    assert lifeline() == ""
    now[0] = 2 * SECOND
    assert "no watchdog" in lifeline()
    watchdog.beat(now[0])
    assert lifeline() == ""
    own.block(wanted=True)
    assert "silent" in lifeline()
    own.block(wanted=False)
    watchdog.stop()
    assert "no watchdog" in lifeline()
    made(tmp_path, WATCHDOG, at_s=2)  # another one begins
    assert lifeline() == ""


# --- rules that trip -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vitals", "said"),
    [
        (Vitals(rejects=5), "5 orders in a row"),
        (Vitals(unknown_s=60.0), "UNKNOWN for 60 s"),
        (Vitals(unknown_s=float("nan")), "UNKNOWN for nan s"),
        (Vitals(mismatches=("cash 1 against 2",)), "cash 1 against 2"),
        (Vitals(journal_error="disk full"), "disk full"),
        (Vitals(clock_step_s=-1.5), "jumped by -1.5 s"),
        (Vitals(clock_step_s=float("nan")), "jumped"),
    ],
)
def test_causes_given_a_breach_stop_the_account(vitals: Vitals, said: str) -> None:
    (found,) = causes_of(vitals, LIMITS, environment="paper", account="a1")
    assert found.scope == Scope("paper", account="a1")
    assert said in found.reason


def test_causes_below_every_limit_are_none() -> None:
    vitals = Vitals(rejects=4, unknown_s=59.9, clock_step_s=1.0)
    assert causes_of(vitals, LIMITS, environment="paper", account="a1") == ()


def test_overfill_stops_its_symbol_alone() -> None:
    found = causes_of(Vitals(overfilled=("X", "Y")), LIMITS, environment="live", account="a1")
    assert [cause.scope.symbol for cause in found] == ["X", "Y"]


@pytest.mark.parametrize(
    "given",
    [
        {"rejects": 0},
        {"unknown_s": 0.0},
        {"unknown_s": float("nan")},
        {"clock_step_s": float("inf")},
    ],
)
def test_limits_that_are_no_limits_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(RiskError, match="limit"):
        TripLimits(**{"rejects": 5, "unknown_s": 60.0, **given})


def test_trip_for_causes_trips_each_once() -> None:
    switch = MemoryKillSwitch("paper")
    causes = (
        Cause(Scope("paper", account="a1", symbol="X"), "overfill"),
        Cause(Scope("paper", account="a1"), "rejects"),
    )
    assert [trip.reason for trip in trip_for(switch, causes, now_ns=1)] == ["overfill", "rejects"]
    assert trip_for(switch, causes, now_ns=2) == ()
    assert switch.epoch == 3
