"""The kill switch in real processes: no order after the acknowledgement, no way back to ACTIVE."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.safety import Figure
from benchmarks.safety.kill_damage import DAMAGES, damaged_switch_blocks
from peak_trade.risk.kill_files import KillSwitch
from peak_trade.risk.kills import GLOBAL, Instant, Trip
from peak_trade.risk.operators import Role, Verified
from peak_trade.risk.recovery import Fact, RecoveryFacts

ROOT = Path(__file__).resolve().parents[2]
SENDERS = 8
TRIPS = 1_000
ROUNDS = 200
SEED = 20_240_131
WATCHED_S = 0.004
NAIVE_S = 0.08
LATEST_S = 0.02
CLEAR = RecoveryFacts(*[Fact(True, "nothing was traded")] * 3)
RISK = Verified("rita", Role.RISK, has_second_factor=True)
OPERATOR = Verified("olaf", Role.OPERATOR, has_second_factor=True)


@dataclass(frozen=True, slots=True)
class Trial:
    """What one load came to: trips, those not confirmed, orders after them, latencies in seconds."""

    trips: int
    unconfirmed: int
    late_orders: int
    idle_trials: int
    latencies_s: tuple[float, ...]

    def percentile_ms(self, share: float) -> float:
        """A percentile of the latencies, in milliseconds."""
        return float(np.quantile(self.latencies_s, share) * 1e3)


@contextmanager
def process(role: str, folder: Path, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start one process of the measurement; it is gone when the block ends."""
    command = [sys.executable, "-m", "benchmarks.safety.kill_sender", role, str(folder), *more]
    child = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate(timeout=30)


def hear(child: subprocess.Popen[bytes], word: str) -> None:
    """Wait until a process says a word."""
    line = child.stdout.readline() if child.stdout else b""
    if line.decode().strip() != word:
        error = child.stderr.read().decode() if child.stderr else ""
        raise RuntimeError(f"{word!r} was expected, {line!r} came: {error[-2000:]}")


def recover(switch: KillSwitch, number: int = 0) -> None:
    """Take the road back to ACTIVE, with no cooldown."""
    now = Instant(number, number, "measured")
    code = switch.issue_code(GLOBAL, operator=RISK, config="c", now=now)
    switch.request_recovery(
        code,
        scope=GLOBAL,
        cause="the measurement goes on",
        operator=OPERATOR,
        facts=CLEAR,
        config="c",
        now=now,
    )
    switch.complete_recovery(scope=GLOBAL, operator=RISK, facts=CLEAR, now=now, cooldown_s=0.0)


def trial(
    trips: int, *, pace_s: float = 0.0, role: str = "send", watched_s: float = WATCHED_S
) -> Trial:
    """Trip again and again while processes send, and count what reaches the venue after it.

    The venue is a file that every sender appends to; its length at the acknowledgement and a while
    later are compared, which asks no sender for anything.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        venue = folder / "venue"
        venue.touch()
        switch = KillSwitch(folder / "state", environment="paper", now_ns=0, alert=_nobody)
        with ExitStack() as stack:
            running = [
                stack.enter_context(process(role, folder / "state", str(venue), str(pace_s)))
                for _ in range(SENDERS)
            ]
            for child in running:
                hear(child, "ready")
            return _tripped(switch, venue, trips, watched_s)


def _tripped(switch: KillSwitch, venue: Path, trips: int, watched_s: float) -> Trial:
    latencies, unconfirmed, late, idle, before = [], 0, 0, 0, 0
    for number in range(trips):
        limit = time.monotonic() + 2.0
        while venue.stat().st_size == before and time.monotonic() < limit:
            time.sleep(0.0005)  # until somebody sends again
        idle += venue.stat().st_size == before
        begun = time.perf_counter()
        trip = switch.trip(f"trip {number}", by="measurement", now_ns=number)
        latencies.append(time.perf_counter() - begun)
        at_acknowledgement = venue.stat().st_size
        time.sleep(watched_s)
        before = venue.stat().st_size
        late += before - at_acknowledgement
        unconfirmed += not trip.is_confirmed
        recover(switch, number)
    return Trial(trips, unconfirmed, late, idle, tuple(latencies))


def killed_rounds(rounds: int, seed: int = SEED) -> tuple[int, int, int]:
    """End a tripping process at a random moment, start again, reload; count acknowledged and ACTIVE.

    Returns
    -------
    acknowledged, active, changed : int
        Rounds whose trip was acknowledged before the end; those of them that came back ACTIVE; and
        rounds in which a later start or reload gave another answer than the first one.
    """
    rng = np.random.default_rng(seed)
    acknowledged = active = changed = 0
    with TemporaryDirectory() as name:
        for number in range(rounds):
            folder = Path(name) / str(number)
            KillSwitch(folder, environment="paper", now_ns=0).close()
            heard = _ended_at_random(folder, rng, is_heard=bool(number % 2))
            first = KillSwitch(folder, environment="paper", now_ns=1, alert=_nobody)
            is_blocked = first.blocking("a1", "s1", ("X",)) is not None
            again = KillSwitch(folder, environment="paper", now_ns=2, alert=_nobody)
            again.look(3, is_whole=True)
            acknowledged += heard
            active += heard and not is_blocked
            changed += (again.blocking("a1", "s1", ("X",)) is not None) != is_blocked
    return acknowledged, active, changed


def _ended_at_random(folder: Path, rng: np.random.Generator, *, is_heard: bool) -> bool:
    """Let a process trip again and again, and end it; whether it had acknowledged a trip.

    The moment is counted from the start, or, where ``is_heard``, from the first acknowledgement.
    """
    with process("trip", folder) as child:
        hear(child, "ready")
        if child.stdin is None or child.stdout is None:
            return False
        child.stdin.write(b"go\n")
        child.stdin.flush()
        if is_heard:
            hear(child, "acknowledged")
        limit = time.perf_counter() + rng.uniform(0.0, LATEST_S)
        while time.perf_counter() < limit:
            pass
        child.kill()
        return b"acknowledged" in child.stdout.read() or is_heard


def _nobody(_: Trip) -> None:
    """Tell nobody."""


def measure(scale: float) -> list[Figure]:
    """The figures of the kill switch; ``scale`` 1 is all trips and rounds, less is a sample of them."""
    trips = max(10, round(TRIPS * scale))
    rounds = max(5, round(ROUNDS * scale))
    normal, busy = trial(trips, pace_s=0.01), trial(trips)
    naive = trial(max(5, trips // 20), role="naive", watched_s=NAIVE_S)
    acknowledged, active, changed = killed_rounds(rounds)
    blocked = sum(damaged_switch_blocks(name) for name in DAMAGES)
    late = normal.late_orders + busy.late_orders
    unconfirmed = normal.unconfirmed + busy.unconfirmed
    return [
        Figure(
            "kill",
            f"{SENDERS} processes, 2 x {trips:,} trips: orders at the venue after the acknowledgement",
            "0",
            f"{late}, {unconfirmed} trips not confirmed; a check without the lock: {naive.late_orders}",
            late == 0 and unconfirmed == 0 and naive.late_orders > 0,
        ),
        _latency("normal load", normal, 5.0),
        _latency("saturated", busy, 250.0),
        Figure(
            "kill",
            f"{rounds} x (kill -9, restart, reload): come back ACTIVE",
            "0",
            f"{active} of {acknowledged} acknowledged; {changed} answers changed",
            active == 0 and changed == 0,
        ),
        Figure(
            "kill",
            "kinds of corrupted state that block",
            f"{len(DAMAGES)} of {len(DAMAGES)}",
            f"{blocked} of {len(DAMAGES)}",
            blocked == len(DAMAGES),
        ),
    ]


def _latency(load: str, found: Trial, target_ms: float) -> Figure:
    p99 = found.percentile_ms(0.99)
    return Figure(
        "kill",
        f"latency of a trip to its acknowledgement, {load}, 99th percentile",
        f"at most {target_ms:g} ms",
        f"{p99:.2f} ms (median {found.percentile_ms(0.5):.2f} ms)",
        p99 <= target_ms,
        is_speed=True,
    )
