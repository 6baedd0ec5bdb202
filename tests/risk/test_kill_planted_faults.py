"""The checks are checked: a switch with one fault planted is caught by a check that the whole one passes.

Each check is a function of a kind of switch; each fault is a kind of switch that differs from the
whole one in a single thing.
"""

import hmac
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from peak_trade.domain.errors import RefusedError
from peak_trade.risk import approval_codes, kill_files, kill_shared, kill_store, recovery
from peak_trade.risk.kill_files import KillSwitch
from peak_trade.risk.kill_store import Disk, KillStore
from peak_trade.risk.kill_switch import KilledError
from peak_trade.risk.kills import GLOBAL, Instant, Scope
from peak_trade.risk.operators import Role, Verified
from peak_trade.risk.recovery import Fact, RecoveryFacts
from peak_trade.risk.senders import Senders

Check = Callable[[type[KillSwitch], Path], None]
Plant = Callable[[pytest.MonkeyPatch], type[KillSwitch]]

CLEAR = RecoveryFacts(*[Fact(True, "nothing was traded")] * 3)
RISK = Verified("rita", Role.RISK, has_second_factor=True)
OPERATOR = Verified("olaf", Role.OPERATOR, has_second_factor=True)
SECOND = 1_000_000_000
NOW = Instant(1_000 * SECOND, 1_000 * SECOND, "boot")


def opened(kind: type[KillSwitch], folder: Path, disk: Disk | None = None) -> KillSwitch:
    return kind(
        folder, environment="paper", now_ns=0, alert=lambda _: None, disk=disk, drain_s=0.02
    )


def later(wall_s: float, monotonic_s: float) -> Instant:
    return Instant(
        NOW.wall_ns + int(wall_s * SECOND), NOW.monotonic_ns + int(monotonic_s * SECOND), "boot"
    )


def requested(switch: KillSwitch, code: str, scope: Scope = GLOBAL, config: str = "c") -> None:
    switch.request_recovery(
        code,
        scope=scope,
        cause="it was only a test",
        operator=OPERATOR,
        facts=CLEAR,
        config=config,
        now=NOW,
    )


def code_of(switch: KillSwitch, scope: Scope = GLOBAL) -> str:
    return switch.issue_code(scope, operator=RISK, config="c", now=NOW)


# --- the checks ------------------------------------------------------------------------------------


def check_no_order_after_acknowledgement(kind: type[KillSwitch], folder: Path) -> None:
    """A trip that is made at any moment of a send is refused by it, or waits for it."""
    for moment in ("before the lock", "inside"):
        sender = opened(kind, folder / moment)
        tripper = opened(KillSwitch, folder / moment)
        trips = []

        def trip(tripper=tripper, trips=trips) -> None:
            if not trips:
                trips.append(tripper.trip("because", by="t", now_ns=1))

        orders = []
        enter = Senders.enter

        def enter_late(self, enter=enter, trip=trip, sender=sender) -> None:
            if self is sender._senders:
                trip()
            enter(self)

        with pytest.MonkeyPatch.context() as patch:
            if moment == "before the lock":
                patch.setattr(Senders, "enter", enter_late)
            try:
                with sender.sending("a", "s", "X"):
                    if moment == "inside":
                        trip()
                    orders.append(bool(trips) and trips[0].is_confirmed)
            except KilledError:
                pass
        assert trips, "no trip was made"
        assert True not in orders, "an order was sent after the acknowledgement"


def check_trip_survives_a_power_cut(kind: type[KillSwitch], folder: Path) -> None:
    """After the acknowledgement the disk may lose what was never synchronised."""
    disk = LossyDisk()
    switch = opened(kind, folder, disk)
    disk.settle(folder / "kill")
    switch.trip("because", by="t", now_ns=1)
    disk.cut_power()
    assert opened(kind, folder).blocking("a", "s", ("X",)) is not None


def check_forged_state_blocks(kind: type[KillSwitch], folder: Path) -> None:
    switch = opened(kind, folder)
    before = {path: path.read_bytes() for path in (folder / "kill").iterdir() if path.is_file()}
    key = (folder / "kill" / "key").read_bytes()
    switch.trip("because", by="t", now_ns=1)
    for path, data in before.items():  # a past in which nothing was killed, under another key
        path.write_bytes(data)
    (folder / "kill" / "key").write_bytes(bytes(reversed(key)))
    assert opened(kind, folder).blocking("a", "s", ("X",)) is not None


def check_rolled_back_state_blocks(kind: type[KillSwitch], folder: Path) -> None:
    switch = opened(kind, folder)
    names = ("state.json", "audit.log")
    before = {name: (folder / "kill" / name).read_bytes() for name in names}
    switch.trip("because", by="t", now_ns=1)
    for name, data in before.items():
        (folder / "kill" / name).write_bytes(data)
    assert opened(kind, folder).blocking("a", "s", ("X",)) is not None


def check_running_sender_sees_a_trip(kind: type[KillSwitch], folder: Path) -> None:
    sender = opened(kind, folder)
    assert sender.blocking("a", "s", ("X",)) is None
    opened(KillSwitch, folder).trip("because", by="t", now_ns=1)
    assert sender.blocking("a", "s", ("X",)) is not None


def check_sentinel_blocks(kind: type[KillSwitch], folder: Path) -> None:
    sender = opened(kind, folder)
    (folder / "KILL").touch()
    with pytest.raises(KilledError), sender.sending("a", "s", "X"):
        pass
    (folder / "KILL").unlink()
    assert opened(kind, folder).blocking("a", "s", ("X",)) is not None


def check_cooldown_needs_both_clocks(kind: type[KillSwitch], folder: Path) -> None:
    for number, now in enumerate((later(301, 10), later(10, 301))):
        switch = opened(kind, folder / str(number))
        switch.trip("because", by="t", now_ns=1)
        requested(switch, code_of(switch))
        with pytest.raises(RefusedError, match="cooldown"):
            switch.complete_recovery(scope=GLOBAL, operator=RISK, facts=CLEAR, now=now)


def check_code_is_good_once(kind: type[KillSwitch], folder: Path) -> None:
    switch = opened(kind, folder)
    switch.trip("because", by="t", now_ns=1)
    code = code_of(switch)
    requested(switch, code)
    switch.trip("again", by="t", now_ns=2)
    with pytest.raises(RefusedError, match="code"):
        requested(switch, code)


def check_code_is_bound(kind: type[KillSwitch], folder: Path) -> None:
    other = Scope(symbol="X")
    for what in ("scope", "epoch", "config"):
        switch = opened(kind, folder / what)
        switch.trip("because", by="t", now_ns=1)
        switch.trip("because", by="t", now_ns=1, scope=other)
        code = code_of(switch)
        if what == "epoch":
            switch.trip("because", by="t", now_ns=1, scope=Scope(symbol="Y"))
        if what == "scope":
            code_of(switch, other)
        with pytest.raises(RefusedError, match="wrong"):
            requested(
                switch,
                code,
                other if what == "scope" else GLOBAL,
                "another" if what == "config" else "c",
            )


def check_wrong_codes_are_counted_over_restarts(kind: type[KillSwitch], folder: Path) -> None:
    switch = opened(kind, folder)
    switch.trip("because", by="t", now_ns=1)
    code = code_of(switch)
    for _ in range(recovery.CODE_FAILURES):
        with pytest.raises(RefusedError):
            requested(opened(kind, folder), approval_codes.new_code())
    with pytest.raises(RefusedError):
        requested(opened(kind, folder), code)


def check_recovery_is_refused_by_what_is_not_known(kind: type[KillSwitch], folder: Path) -> None:
    switch = opened(kind, folder)
    switch.trip("because", by="t", now_ns=1)
    requested(switch, code_of(switch))
    facts = replace(CLEAR, limits=Fact(None))
    with pytest.raises(RefusedError, match="limits"):
        switch.complete_recovery(scope=GLOBAL, operator=RISK, facts=facts, now=later(400, 400))


# --- a disk that forgets ---------------------------------------------------------------------------


class LossyDisk(Disk):
    """A disk that, when the power is cut, has only what was synchronised: contents and names."""

    def __init__(self) -> None:
        self.durable: dict[Path, bytes] = {}  # what names lead to after a power cut
        self.synced: dict[int, bytes] = {}  # what files hold after it, by inode
        self.folder = Path()

    def settle(self, folder: Path) -> None:
        """All that is there now is durable."""
        self.folder = folder
        for path in folder.iterdir():
            if path.is_file():
                self.durable[path] = path.read_bytes()
                self.synced[path.stat().st_ino] = path.read_bytes()

    def sync(self, path: Path) -> None:
        super().sync(path)
        if path.is_file():
            self.synced[path.stat().st_ino] = path.read_bytes()
            if path in self.durable:
                self.durable[path] = path.read_bytes()
            return
        for name in path.iterdir():
            if name.is_file() and name.name not in ("flags", "lock"):
                self.durable[name] = self.synced.get(name.stat().st_ino, b"")

    def cut_power(self) -> None:
        """Lose the rest."""
        for path in self.folder.iterdir():
            if path.is_file() and path not in self.durable:
                path.unlink()
        for path, data in self.durable.items():
            path.write_bytes(data)


# --- the faults ------------------------------------------------------------------------------------


def second_check_dropped(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    class Faulty(KillSwitch):
        @contextmanager
        def sending(self, account: str, strategy: str, symbol: str) -> Iterator[None]:
            self._check(account, strategy, symbol)
            self._senders.enter()
            try:
                yield
            finally:
                self._senders.leave()

    return Faulty


def check_and_send_swapped(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    class Faulty(KillSwitch):
        @contextmanager
        def sending(self, account: str, strategy: str, symbol: str) -> Iterator[None]:
            self._senders.enter()
            try:
                yield
                self._check(account, strategy, symbol)
            finally:
                self._senders.leave()

    return Faulty


def lock_dropped(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    class Faulty(KillSwitch):
        @contextmanager
        def sending(self, account: str, strategy: str, symbol: str) -> Iterator[None]:
            self._check(account, strategy, symbol)
            yield

    return Faulty


def flag_cached_for_ever(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    class Faulty(KillSwitch):
        def _now_known(self):
            if self._word != -1:
                return self._kills
            return super()._now_known()

    return Faulty


def fsync_dropped(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    patch.setattr(LossyDisk, "sync", lambda self, path: None)
    return KillSwitch


def folder_sync_dropped(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    sync = LossyDisk.sync

    def files_alone(self, path: Path) -> None:
        if path.is_file() and path.name != "audit.log":
            sync(self, path)

    patch.setattr(LossyDisk, "sync", files_alone)
    return KillSwitch


def seal_not_checked(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    patch.setattr(KillStore, "_check_seal", lambda *_: None)
    patch.setattr(kill_shared.Flags, "epoch", property(lambda self: 1))
    return KillSwitch


def epoch_ignored(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    patch.setattr(kill_shared.Flags, "epoch", property(lambda self: 1))
    return KillSwitch


def sentinel_ignored(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    lexists = os.path.lexists

    def blind(path) -> bool:
        return Path(path).name != "KILL" and lexists(path)

    patch.setattr(kill_files.os.path, "lexists", blind)
    return KillSwitch


def cooldown_on_the_wall_clock_alone(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    def left(since: Instant, now: Instant, cooldown_s: float) -> float:
        return cooldown_s - (now.wall_ns - since.wall_ns) / 1e9

    patch.setattr(kill_files, "cooldown_left_s", left)
    return KillSwitch


def cooldown_on_the_monotonic_clock_alone(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    def left(since: Instant, now: Instant, cooldown_s: float) -> float:
        return cooldown_s - (now.monotonic_ns - since.monotonic_ns) / 1e9

    patch.setattr(kill_files, "cooldown_left_s", left)
    return KillSwitch


def code_reusable(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    patch.setattr(kill_files.Standing, "codes_without", lambda self, scope: self.codes)
    # One that is kept is of an earlier epoch: both of its locks have to be broken to use it again.
    _unbound(patch, "epoch")
    return KillSwitch


def _unbound(patch: pytest.MonkeyPatch, what: str) -> None:
    seal_of = approval_codes.seal_of
    same = {"epoch": 0, "scope": GLOBAL, "config": ""}[what]

    def loose(seal, code, **bound):
        return seal_of(seal, code, **{**bound, what: same})

    patch.setattr(approval_codes, "seal_of", loose)


def code_without_epoch(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    _unbound(patch, "epoch")
    return KillSwitch


def code_without_config(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    _unbound(patch, "config")
    return KillSwitch


def code_without_scope(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    _unbound(patch, "scope")
    check = approval_codes.check

    def any_of_them(seal, found, text, **terms):
        return ("", None) if found is not None else check(seal, found, text, **terms)

    patch.setattr(approval_codes, "check", any_of_them)
    return KillSwitch


def failures_not_kept(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    class Faulty(KillSwitch):
        def _note(self, head, standing, kind, *rest):
            return head if kind == "code_failed" else super()._note(head, standing, kind, *rest)

    return Faulty


def code_compared_by_its_length(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    class Lax:
        compare_digest = staticmethod(lambda one, other: len(one) == len(other))

    patch.setattr(approval_codes, "hmac", Lax)
    return KillSwitch


def facts_not_looked_at_again(patch: pytest.MonkeyPatch) -> type[KillSwitch]:
    class Faulty(KillSwitch):
        def _must_be_clear(self, facts: RecoveryFacts) -> None:
            pass

    return Faulty


CHECKS: dict[Check, tuple[Plant, ...]] = {
    check_no_order_after_acknowledgement: (
        second_check_dropped,
        check_and_send_swapped,
        lock_dropped,
    ),
    check_running_sender_sees_a_trip: (flag_cached_for_ever,),
    check_trip_survives_a_power_cut: (fsync_dropped, folder_sync_dropped),
    check_forged_state_blocks: (seal_not_checked,),
    check_rolled_back_state_blocks: (epoch_ignored,),
    check_sentinel_blocks: (sentinel_ignored,),
    check_cooldown_needs_both_clocks: (
        cooldown_on_the_wall_clock_alone,
        cooldown_on_the_monotonic_clock_alone,
    ),
    check_code_is_good_once: (code_reusable,),
    check_code_is_bound: (
        code_without_epoch,
        code_without_config,
        code_without_scope,
        code_compared_by_its_length,
    ),
    check_wrong_codes_are_counted_over_restarts: (failures_not_kept,),
    check_recovery_is_refused_by_what_is_not_known: (facts_not_looked_at_again,),
}
PAIRS = [(check, plant) for check, plants in CHECKS.items() for plant in plants]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_check_passes_the_whole_switch(check: Check, tmp_path: Path) -> None:
    check(KillSwitch, tmp_path)


@pytest.mark.parametrize(("check", "plant"), PAIRS, ids=[plant.__name__ for _, plant in PAIRS])
def test_check_catches_a_planted_fault(
    check: Check, plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = plant(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check(kind, tmp_path)


def test_lossy_disk_keeps_what_was_synchronised(tmp_path: Path) -> None:
    disk = LossyDisk()
    kept = tmp_path / "kept"
    kept.write_bytes(b"old")
    disk.settle(tmp_path)
    disk.append(kept, b" new")
    disk.write(tmp_path / "fresh", b"x")
    disk.cut_power()
    assert kept.read_bytes() == b"old"
    assert not (tmp_path / "fresh").exists()


def test_seals_and_codes_are_compared_in_constant_time() -> None:
    assert kill_store.hmac.compare_digest is hmac.compare_digest
    assert approval_codes.hmac.compare_digest is hmac.compare_digest
    for module in (kill_store, approval_codes):
        source = Path(module.__file__).read_text(encoding="utf-8")
        assert "compare_digest(" in source
        assert "mac ==" not in source
        assert ".mac !=" not in source
