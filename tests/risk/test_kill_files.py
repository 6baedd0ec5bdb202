"""The kill switch on files: what a trip does, in which order, and what a restart finds."""

import os
import threading
from pathlib import Path

import pytest

from peak_trade.domain.errors import RiskError
from peak_trade.risk.file_locks import end_process, locked, started
from peak_trade.risk.kill_files import KillSwitch
from peak_trade.risk.kill_store import Disk
from peak_trade.risk.kill_switch import KilledError
from peak_trade.risk.kills import GLOBAL, KillState, Scope


def is_blocked(switch: KillSwitch, account="a1", strategy="s1", symbol="X") -> bool:
    """Whether an order is stopped, by asking both ways, which must agree."""
    asked = switch.blocking(account, strategy, (symbol,)) is not None
    try:
        with switch.sending(account, strategy, symbol):
            sent = True
    except KilledError:
        sent = False
    assert asked != sent
    return asked


def test_first_start_is_active_and_writes_its_state(opened, state: Path) -> None:
    assert not is_blocked(opened())
    assert (state / "kill" / "state.json").stat().st_mode & 0o777 == 0o600
    assert (state / "kill" / "key").stat().st_mode & 0o777 == 0o600
    assert (state / "kill").stat().st_mode & 0o777 == 0o700


def test_trip_stops_every_switch_of_the_folder_at_once(opened) -> None:
    mine, theirs, live = opened(), opened(), opened(environment="live")
    assert not is_blocked(theirs)
    trip = mine.trip("because", by="operator anna", now_ns=7)
    assert trip.status == "KILLED"
    assert trip.to_dict()["problems"] == []
    for switch in (mine, theirs, live):
        assert is_blocked(switch)
        assert switch.epoch == trip.epoch


def test_trip_survives_restarts(opened) -> None:
    opened().trip("because", by="operator anna", now_ns=7)
    for _ in range(3):
        switch = opened()
        switch.look(9, is_whole=True)
        assert is_blocked(switch)
        assert switch.kills[0].reason == "because"


@pytest.mark.parametrize(
    ("scope", "stopped", "free"),
    [
        (Scope(account="a1"), {}, {"account": "a2"}),
        (Scope(strategy="s1"), {}, {"strategy": "s2"}),
        (Scope(symbol="X"), {}, {"symbol": "Y"}),
        (Scope("paper", account="a1", symbol="X"), {}, {"symbol": "Y"}),
    ],
)
def test_trip_of_a_scope_leaves_the_others(opened, scope, stopped, free) -> None:
    switch = opened()
    switch.trip("because", by="watchdog", now_ns=1, scope=scope)
    assert is_blocked(switch, **stopped)
    assert not is_blocked(switch, **free)
    assert is_blocked(opened(), **stopped)


def test_trip_of_one_environment_leaves_the_others(opened) -> None:
    opened().trip("because", by="watchdog", now_ns=1, scope=Scope("live"))
    assert not is_blocked(opened(environment="paper"))
    assert is_blocked(opened(environment="live"))


def test_trip_again_keeps_the_first_reason_and_the_epoch(opened) -> None:
    switch = opened()
    first = switch.trip("first", by="operator a", now_ns=1)
    second = switch.trip("second", by="operator b", now_ns=2)
    assert (first.epoch, second.epoch) == (2, 2)
    assert second.is_confirmed
    assert [reason.text for reason in opened().kills[0].reasons] == ["first", "second"]


def test_two_trips_at_once_are_both_confirmed_and_kept(opened) -> None:
    switches = [opened() for _ in range(4)]
    trips = []
    threads = [
        threading.Thread(
            target=lambda s=switch, n=n: trips.append(s.trip(f"r{n}", by="t", now_ns=n))
        )
        for n, switch in enumerate(switches)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [trip.is_confirmed for trip in trips] == [True] * 4
    again = opened()
    assert {reason.text for reason in again.kills[0].reasons} == {"r0", "r1", "r2", "r3"}
    assert len(again.kills) == 1


def test_epoch_of_a_new_kill_is_higher_than_any_before(opened) -> None:
    switch, epochs = opened(), []
    for n in range(4):
        scope = Scope(symbol=f"S{n}")
        epochs.append(switch.trip("r", by="t", now_ns=n, scope=scope).epoch)
    assert epochs == [2, 3, 4, 5]


# --- the sentinel ----------------------------------------------------------------------------------


def test_sentinel_stops_a_running_sender(opened, state: Path) -> None:
    switch = opened()
    (state / "KILL").touch()
    with pytest.raises(KilledError, match="KILL is there"), switch.sending("a1", "s1", "X"):
        pytest.fail("it was sent")


def test_sentinel_that_is_removed_clears_nothing(opened, state: Path) -> None:
    switch = opened()
    (state / "KILL").touch()
    with pytest.raises(KilledError), switch.sending("a1", "s1", "X"):
        pytest.fail("it was sent")
    (state / "KILL").unlink()
    assert is_blocked(switch)
    assert is_blocked(opened())
    assert switch.kills[0].reasons[0].by == "sentinel"


def test_sentinel_that_is_there_at_the_start_is_a_global_kill(opened, state: Path) -> None:
    opened()
    (state / "KILL").symlink_to("nowhere")  # anything of that name
    switch = opened()
    assert switch.kills[0].scope == GLOBAL
    assert is_blocked(switch)


# --- order and durability --------------------------------------------------------------------------


class Watched(Disk):
    """A disk that says what was asked of it, and asks back."""

    def __init__(self, told) -> None:
        self.told = told

    def append(self, path: Path, data: bytes) -> None:
        self.told("append", path)
        super().append(path, data)

    def rename(self, old: Path, new: Path) -> None:
        self.told("rename", new)
        super().rename(old, new)

    def sync(self, path: Path) -> None:
        super().sync(path)
        self.told("sync", path)


def test_flag_is_up_before_anything_is_written(opened) -> None:
    other, seen = opened(), []

    def told(what: str, path: Path) -> None:
        seen.append(other.blocking("a1", "s1", ("X",)) is not None)

    switch = opened(disk=Watched(told))
    seen.clear()
    switch.trip("because", by="t", now_ns=1)
    assert seen
    assert all(seen)


def test_trip_synchronises_audit_state_and_folder_before_it_returns(opened, state: Path) -> None:
    steps = []
    switch = opened(disk=Watched(lambda what, path: steps.append((what, path.name))))
    steps.clear()
    switch.trip("because", by="t", now_ns=1)
    assert steps == [
        ("append", "audit.log"),
        ("sync", "audit.log"),
        ("sync", "state.json.new"),
        ("rename", "state.json"),
        ("sync", "kill"),
    ]


class Full(Disk):
    """A disk that has no room any more."""

    is_full = False

    def append(self, path: Path, data: bytes) -> None:
        if self.is_full:
            raise OSError(28, "No space left on device")
        super().append(path, data)


def test_trip_on_a_full_disk_is_unconfirmed_and_stops_everything(opened) -> None:
    disk = Full()
    switch, other = opened(disk=disk), opened()
    disk.is_full = True
    trip = switch.trip("because", by="t", now_ns=1, scope=Scope(symbol="X"))
    assert trip.status == "KILL_UNCONFIRMED"
    assert "not durable" in trip.problems[0]
    assert is_blocked(other)
    assert is_blocked(other, symbol="Y")  # what is not durable stops everything
    disk.is_full = False
    assert is_blocked(opened())
    assert is_blocked(opened(), symbol="Y")
    assert opened().trip("again", by="t", now_ns=2).is_confirmed


def test_trip_while_the_lock_is_held_is_unconfirmed_and_stops_everything(
    opened, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peak_trade.risk.kill_shared.LOCK_S", 0.05)
    switch, other = opened(), opened()
    with locked(state / "kill" / "lock", wait_s=1):
        trip = switch.trip("because", by="t", now_ns=1)
        assert trip.status == "KILL_UNCONFIRMED"
        assert other.blocking("a1", "s1", ("X",)) is not None
    assert is_blocked(opened())


def test_trip_that_ended_after_its_flag_is_finished_by_the_next_start(opened) -> None:
    class Ended(BaseException):
        pass

    class Dying(Disk):
        def append(self, path: Path, data: bytes) -> None:
            raise Ended

    first = opened()
    first._store = type(first._store)(first._own, first._store.marker, Dying())
    with pytest.raises(Ended):
        first.trip("the reason", by="operator a", now_ns=1, scope=Scope(symbol="X"))
    switch = opened()
    assert is_blocked(switch)
    assert switch.kills[0].reason == "the reason"
    assert not is_blocked(switch, symbol="Y")


# --- senders ---------------------------------------------------------------------------------------


def test_trip_waits_for_a_sender_that_is_inside(opened) -> None:
    sender, switch, trips = opened(), opened(drain_s=20.0), []
    thread = threading.Thread(target=lambda: trips.append(switch.trip("r", by="t", now_ns=1)))
    with sender.sending("a1", "s1", "X"):
        thread.start()
        while sender.blocking("a1", "s1", ("X",)) is None:
            pass  # its flag is up
        assert not trips
    thread.join(30)
    assert trips[0].is_confirmed


def test_trip_that_its_own_process_holds_up_is_unconfirmed(opened) -> None:
    sender, switch = opened(), opened(drain_s=0.01)
    with sender.sending("a1", "s1", "X"):
        trip = switch.trip("r", by="t", now_ns=1)
    assert trip.status == "KILL_UNCONFIRMED"
    assert "this very process" in trip.problems[0]
    assert switch.trip("r", by="t", now_ns=2).is_confirmed


def test_sending_by_two_threads_holds_until_the_last(opened) -> None:
    sender, switch = opened(), opened(drain_s=0.01)
    inside, leave = threading.Event(), threading.Event()

    def send() -> None:
        with sender.sending("a1", "s1", "X"):
            inside.set()
            leave.wait(30)

    thread = threading.Thread(target=send)
    with sender.sending("a1", "s1", "Y"):
        thread.start()
        inside.wait(30)
    assert not switch.trip("r", by="t", now_ns=1).is_confirmed
    leave.set()
    thread.join(30)
    assert switch.trip("r", by="t", now_ns=2).is_confirmed


def test_trip_given_a_foreign_file_among_senders_that_is_held_says_so(opened, state: Path) -> None:
    switch = opened(drain_s=0.01)
    with locked(state / "kill" / "senders" / "what", wait_s=1):
        trip = switch.trip("r", by="t", now_ns=1)
    assert "is not one" in trip.problems[0]


def test_trip_given_senders_that_were_taken_away_is_unconfirmed(opened, state: Path) -> None:
    switch = opened()
    (state / "kill" / "senders").rmdir()
    assert "taken away" in switch.trip("r", by="t", now_ns=1).problems[0]
    assert switch.trip("r", by="t", now_ns=2).is_confirmed


def test_sender_whose_file_was_removed_makes_another(opened, state: Path) -> None:
    sender, switch = opened(), opened(drain_s=0.01)
    with sender.sending("a1", "s1", "X"):
        pass
    for path in (state / "kill" / "senders").iterdir():
        path.unlink()
    with sender.sending("a1", "s1", "X"):
        assert not switch.trip("r", by="t", now_ns=1).is_confirmed


def test_sender_whose_flags_were_taken_away_is_stopped_until_it_looks(opened, state: Path) -> None:
    sender = opened()
    (state / "kill" / "flags").unlink()
    with pytest.raises(KilledError, match="taken away"), sender.sending("a1", "s1", "X"):
        pytest.fail("it was sent")
    sender.look(3)
    assert is_blocked(sender)
    assert "flags" in sender.kills[0].reason


def test_sender_is_stopped_by_a_silent_watchdog(opened) -> None:
    told = ["the watchdog is silent"]
    sender = opened(vital=lambda: told[0])
    with pytest.raises(KilledError, match="watchdog is silent"), sender.sending("a1", "s1", "X"):
        pytest.fail("it was sent")
    told[0] = ""
    with sender.sending("a1", "s1", "X"):
        pass  # a silence that ends has killed nothing


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_child_has_a_lock_of_its_own(opened) -> None:
    sender, switch = opened(), opened(drain_s=0.01)
    with sender.sending("a1", "s1", "X"):
        child = os.fork()
        if child == 0:
            with sender.sending("a1", "s1", "X"):
                pass  # lets go of its own lock, not of its parent's
            os._exit(0)
        os.waitpid(child, 0)
        assert not switch.trip("r", by="t", now_ns=1).is_confirmed


def test_close_removes_the_sender(opened, state: Path) -> None:
    sender = opened()
    with sender.sending("a1", "s1", "X"):
        assert len(list((state / "kill" / "senders").iterdir())) == 1
    sender.close()
    assert not list((state / "kill" / "senders").iterdir())


def test_end_process_given_a_number_that_is_anothers_now_leaves_it() -> None:
    assert started(os.getpid())
    assert not end_process(os.getpid(), "an earlier start")
    assert not end_process(2**22 + 1, "1")


def test_folder_that_cannot_be_written_is_no_switch(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RiskError, match="state folder"):
        KillSwitch(tmp_path / "file" / "state", environment="paper", now_ns=0)


def test_history_has_every_trip_in_order(opened) -> None:
    switch = opened()
    for n in range(3):
        switch.trip(f"r{n}", by="t", now_ns=n, scope=Scope(symbol="X"))
    kinds = [(record["seq"], record["kind"], record["by"]) for record in switch.history()]
    assert kinds == [
        (1, "made", "kill switch"),
        (2, "kill", "t"),
        (3, "kill", "t"),
        (4, "kill", "t"),
    ]
    assert switch.status()["state"] == KillState.KILLED.value


def test_alert_is_told_of_every_trip(opened) -> None:
    told = []
    switch = opened(alert=told.append)
    switch.trip("r", by="t", now_ns=1)
    assert [(trip.reason, trip.is_confirmed) for trip in told] == [("r", True)]


def test_trip_is_logged_where_nobody_else_is_told(state: Path, caplog) -> None:
    KillSwitch(state, environment="paper", now_ns=0).trip("the reason", by="t", now_ns=1)
    assert "the reason" in caplog.text


def test_trip_that_waited_and_ended_is_finished_by_the_next_look(opened) -> None:
    switch = opened()
    switch._flags.raise_alarm()  # as by a process that was ended while it waited for the lock
    assert switch.blocking("a1", "s1", ("X",)) is not None
    opened()
    assert is_blocked(switch)
    assert "not finished" in switch.kills[0].reason


def test_look_beside_a_trip_that_waits_leaves_it_its_scope(opened, state: Path) -> None:
    switch, trips = opened(), []
    scope = Scope(symbol="X")
    thread = threading.Thread(
        target=lambda: trips.append(switch.trip("r", by="t", now_ns=1, scope=scope))
    )
    other = opened()
    with locked(state / "kill" / "lock", wait_s=1):
        thread.start()
        while not other._flags.waiting:
            pass
        other._settled(2)
    thread.join(30)
    assert trips[0].is_confirmed
    assert [kill.scope for kill in other.kills] == [scope]
