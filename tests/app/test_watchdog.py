"""The watchdog: silence blocks, then trips; there is one, and it is seen when it is gone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from peak_trade.app.moment import boot_id, now
from peak_trade.app.watchdog import LOCK, Watchdog, watch
from peak_trade.domain.errors import RiskError
from peak_trade.risk.file_locks import locked
from peak_trade.risk.heartbeat import WATCHDOG, Heartbeat, Lifeline
from peak_trade.risk.kill_files import KillSwitch
from peak_trade.risk.kills import Scope

SECOND = 1_000_000_000
PEAK = Path(sys.executable).with_name("peak")


class Scene:
    """A watchdog, a session, and a clock that is set by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.switch = KillSwitch(folder, environment="", now_ns=0, alert=lambda _: None)
        self.watchdog = Watchdog(folder, self.switch, boot="b", monotonic_ns=0)
        self.session = Heartbeat.make(
            folder, environment="paper", account="a1", boot="b", monotonic_ns=0
        )

    def until(self, begin_s: float, end_s: float):
        """Rounds every 250 ms; gives the trips of all of them."""
        trips = []
        for quarter in range(int(begin_s * 4), int(end_s * 4) + 1):
            trips += self.watchdog.look(quarter * SECOND // 4, 1)
        return trips


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_silence_of_two_seconds_blocks_and_of_five_trips(scene: Scene) -> None:
    assert not scene.until(0, 1.75)
    assert not scene.session.is_blocked
    assert not scene.until(2, 4.75)
    assert scene.session.is_blocked
    (trip,) = scene.until(5, 9)
    assert trip.scope == Scope("paper", account="a1")
    assert trip.by == "watchdog"
    assert trip.is_confirmed


def test_session_that_beats_again_is_let_go(scene: Scene) -> None:
    scene.until(0, 3)
    assert scene.session.is_blocked
    scene.session.beat(3 * SECOND)
    assert not scene.until(3.25, 4)
    assert not scene.session.is_blocked
    assert not scene.switch.kills


def test_session_that_ended_in_order_trips_nothing(scene: Scene) -> None:
    scene.session.stop()
    assert not scene.until(0, 20)


def test_session_that_is_begun_again_trips_anew(scene: Scene) -> None:
    assert len(scene.until(0, 6)) == 1
    Heartbeat.make(
        scene.folder, environment="paper", account="a1", boot="b", monotonic_ns=6 * SECOND
    )
    assert len(scene.until(6.25, 12)) == 1


def test_stand_still_of_the_whole_machine_counts_anew(scene: Scene) -> None:
    scene.until(0, 1)
    assert not scene.watchdog.look(60 * SECOND, 1)  # nobody ran for a minute
    scene.session.beat(60 * SECOND)
    assert not scene.until(60.25, 61)


def test_session_of_an_earlier_boot_trips_unless_it_is_begun_again(tmp_path: Path) -> None:
    Heartbeat.make(tmp_path, environment="paper", account="a1", boot="a", monotonic_ns=900)
    scene = Scene.__new__(Scene)
    scene.switch = KillSwitch(tmp_path, environment="", now_ns=0, alert=lambda _: None)
    scene.watchdog = Watchdog(tmp_path, scene.switch, boot="b", monotonic_ns=0)
    assert not scene.until(0, 4.75)
    assert len(scene.until(5, 6)) == 1


def test_heartbeat_that_cannot_be_read_trips_everything_once(scene: Scene) -> None:
    scene.session.path.write_bytes(b"")
    (trip,) = scene.until(0, 2)
    assert trip.scope == Scope()


def test_watchdog_sees_a_sentinel_within_a_round(scene: Scene) -> None:
    scene.until(0, 1)
    (scene.folder / "KILL").touch()
    scene.until(1.25, 1.25)
    (scene.folder / "KILL").unlink()
    assert KillSwitch(scene.folder, environment="live", now_ns=0).kills


def test_watchdog_goes_on_where_the_switch_is_busy(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("peak_trade.risk.kill_shared.LOCK_S", 0.01)
    with locked(scene.folder / "kill" / "lock", wait_s=1):
        scene.until(0, 0)
    assert "cannot be looked at" in caplog.text
    assert not scene.until(0.25, 1)


def test_watch_ends_after_its_time_and_says_so_to_sessions(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert watch(tmp_path, seconds=0.0) == ()
    assert not Heartbeat(tmp_path / "heartbeat" / WATCHDOG).is_running
    assert signal.getsignal(signal.SIGTERM) is before


def test_watch_beside_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "heartbeat").mkdir()
    with (
        locked(tmp_path / "heartbeat" / LOCK, wait_s=1),
        pytest.raises(RiskError, match="another watchdog"),
    ):
        watch(tmp_path, seconds=0.0)


def test_engine_stops_where_the_watchdog_process_dies(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [str(PEAK), "watchdog", "--state", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        own = Heartbeat.make(
            tmp_path,
            environment="paper",
            account="a1",
            boot=boot_id(),
            monotonic_ns=time.monotonic_ns(),
        )
        ahead = [0]
        lifeline = Lifeline(
            own, boot=boot_id(), monotonic_ns=lambda: time.monotonic_ns() + ahead[0]
        )
        limit = time.monotonic() + 30
        while lifeline() and time.monotonic() < limit:
            own.beat(time.monotonic_ns())
            time.sleep(0.01)
        assert lifeline() == ""
        child.send_signal(signal.SIGKILL)
        child.wait(30)
        ahead[0] = 2 * SECOND  # two seconds later
        assert lifeline() == "no watchdog is running"
    finally:
        child.kill()
        child.wait(30)


def test_watchdog_process_ends_in_order_on_a_signal(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [str(PEAK), "watchdog", "--state", str(tmp_path), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        limit = time.monotonic() + 30
        path = tmp_path / "heartbeat" / WATCHDOG
        while not path.exists() and time.monotonic() < limit:
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGTERM)
        out, _ = child.communicate(timeout=30)
        assert child.returncode == 0
        assert '"trips": []' in out
        assert not Heartbeat(path).is_running
    finally:
        child.kill()
        child.wait(30)


def test_watchdog_process_kills_everything_on_a_signal(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [str(PEAK), "watchdog", "--state", str(tmp_path), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        limit = time.monotonic() + 30
        while not (tmp_path / "heartbeat" / WATCHDOG).exists() and time.monotonic() < limit:
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGUSR1)
        mine = KillSwitch(tmp_path, environment="paper", now_ns=0)
        while mine.blocking("a1", "s1", ("X",)) is None and time.monotonic() < limit:
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGTERM)
        out, _ = child.communicate(timeout=30)
        assert child.returncode == 1
        assert '"by": "signal"' in out
        assert mine.kills[0].scope == Scope()
    finally:
        child.kill()
        child.wait(30)


def test_now_is_of_one_boot() -> None:
    first, second = now(), now()
    assert first.boot == second.boot != ""
    assert second.monotonic_ns >= first.monotonic_ns
