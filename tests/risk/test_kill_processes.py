"""The kill switch among real processes: a sample of what the measurement does in full."""

import os
import signal
import time
from pathlib import Path

from benchmarks.safety import kill as measured
from peak_trade.risk.kill_files import KillSwitch


def test_eight_senders_send_nothing_after_the_acknowledgement() -> None:
    found = measured.trial(12)
    assert (found.unconfirmed, found.late_orders) == (0, 0)
    assert found.idle_trials == 0, "nobody was sending: it showed nothing"


def test_check_without_the_lock_sends_after_the_acknowledgement() -> None:
    assert measured.trial(8, role="naive", watched_s=measured.NAIVE_S).late_orders > 0


def test_end_at_random_moments_never_comes_back_active() -> None:
    acknowledged, active, changed = measured.killed_rounds(8, seed=7)
    assert (active, changed) == (0, 0)
    assert acknowledged, "no trip was acknowledged: it showed nothing"


def test_sender_that_hangs_with_its_lock_is_ended(opened, state: Path, tmp_path: Path) -> None:
    switch = opened(drain_s=0.1)
    with measured.process("hang", state, str(tmp_path / "venue")) as child:
        measured.hear(child, "ready")
        measured.hear(child, "inside")
        trip = switch.trip("because", by="t", now_ns=1)
        assert trip.is_confirmed
        assert trip.ended == (child.pid,)
        assert child.wait(30) == -signal.SIGKILL


def test_sender_that_is_stopped_with_its_lock_is_ended(opened, state: Path, tmp_path: Path) -> None:
    switch = opened(drain_s=0.1)
    with measured.process("hang", state, str(tmp_path / "venue")) as child:
        measured.hear(child, "ready")
        measured.hear(child, "inside")
        os.kill(child.pid, signal.SIGSTOP)
        assert switch.trip("because", by="t", now_ns=1).ended == (child.pid,)


def test_process_that_bears_the_number_of_a_sender_is_left_alone(
    opened, state: Path, tmp_path: Path
) -> None:
    switch = opened(drain_s=0.1)
    folder = state / "kill" / "senders"
    with measured.process("send", tmp_path / "elsewhere", str(tmp_path / "venue"), "0.01") as child:
        measured.hear(child, "ready")
        name = folder / f"{child.pid}-1-0"  # as of a process that was started at another time
        with measured_lock(name):
            trip = switch.trip("because", by="t", now_ns=1)
        assert not trip.is_confirmed
        assert child.poll() is None


def measured_lock(path: Path):
    from peak_trade.risk.file_locks import locked

    return locked(path, wait_s=1)


def test_sender_that_ended_is_forgotten(opened, state: Path, tmp_path: Path) -> None:
    switch = opened()
    with measured.process("hang", state, str(tmp_path / "venue")) as child:
        measured.hear(child, "ready")
        measured.hear(child, "inside")
        assert len(list((state / "kill" / "senders").iterdir())) == 1
    assert switch.trip("because", by="t", now_ns=time.time_ns()).is_confirmed
    assert not list((state / "kill" / "senders").iterdir())


def test_trip_reaches_a_process_that_is_sending(opened, state: Path, tmp_path: Path) -> None:
    venue = tmp_path / "venue"
    with measured.process("send", state, str(venue), "0.001") as child:
        measured.hear(child, "ready")
        while not venue.stat().st_size:
            time.sleep(0.001)
        KillSwitch(state, environment="live", now_ns=0).trip("because", by="t", now_ns=1)
        size = venue.stat().st_size
        time.sleep(0.02)
        assert venue.stat().st_size == size
