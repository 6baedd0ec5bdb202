"""How far clocks are apart, whether a symbol is silent for too long, and how long to wait."""

import numpy as np
import pytest

from peak_trade.data.live.backoff import Backoff
from peak_trade.data.live.clock import VenueClock
from peak_trade.data.live.events import ClockAgrees, ClockSkewed
from peak_trade.data.live.health import Health
from peak_trade.data.live.ids import SeenIds
from peak_trade.domain.errors import ParameterError

NS = 1_000_000_000
MS = NS // 1000


@pytest.mark.parametrize("offset_ms", [0, 700, -700, 10_000, -10_000])
@pytest.mark.parametrize("seed", range(3))
def test_bounds_hold_the_true_offset_whatever_the_latencies(offset_ms: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clock, offset = VenueClock("v"), offset_ms * MS
    now = 1_700_000_000 * NS
    for _ in range(400):
        now += int(rng.integers(1, 100)) * MS
        there, back = (int(rng.exponential(30) * MS) for _ in range(2))
        if rng.random() < 0.1:
            stamp = now + there + offset
            clock.on_round_trip(sent_ns=now, stamp_ns=stamp, received_ns=now + there + back)
        else:
            clock.on_stamp(now + offset, now + back)
        assert clock.low_ns is not None
        assert clock.low_ns <= offset
        assert clock.high_ns is None or offset <= clock.high_ns
    assert clock.steps == 0
    assert clock.offset_ns is not None
    assert abs(clock.offset_ns - offset) < 20 * MS
    passed = clock.passed_ns(now)
    assert passed is not None
    assert passed <= now + offset


def test_clock_ten_seconds_off_is_told_once_and_once_that_it_agrees_again() -> None:
    clock, now = VenueClock("v"), 1_700_000_000 * NS
    told = []
    for second in range(600):
        at = now + second * NS
        offset = 10 * NS if second < 100 else 0
        stamp = at + offset
        clock.on_round_trip(sent_ns=at - 20 * MS, stamp_ns=stamp, received_ns=at + 20 * MS)
        told += clock.check(at)
    assert [type(event) for event in told] == [ClockSkewed, ClockAgrees]
    assert told[0].low_ns <= 10 * NS <= told[0].high_ns
    assert clock.steps == 1


def test_latency_alone_is_no_skew() -> None:
    clock = VenueClock("v")
    clock.on_stamp(100 * NS, 105 * NS)
    assert clock.check(105 * NS) == []
    assert clock.high_ns is None


def test_old_measurements_are_forgotten() -> None:
    clock = VenueClock("v", window_ns=60 * NS)
    clock.on_stamp(100 * NS, 100 * NS)
    for second in range(101, 200):
        clock.on_stamp(second * NS - 50 * MS, second * NS)
    assert clock.low_ns == -50 * MS


def test_symbol_is_stale_after_its_own_usual_pace_and_fresh_with_the_next_update() -> None:
    quick, slow = (Health("v", name, least_ns=NS) for name in ("quick", "slow"))
    for second in range(600):
        assert quick.on_update(second * NS) == []
        if second % 20 == 0:
            slow.on_update(second * NS)
    end = 599 * NS
    assert quick.check(end + 9 * NS) == []
    (stale,) = quick.check(end + 15 * NS)
    assert stale.silent_ns == 15 * NS
    assert quick.check(end + 20 * NS) == []  # told once
    assert slow.check(end + 15 * NS) == []
    assert len(slow.check(end + 250 * NS)) == 1
    assert len(quick.on_update(end + 30 * NS)) == 1
    assert not quick.is_stale


def test_symbol_never_heard_of_is_stale_after_the_longest_bound() -> None:
    health = Health("v", "X", most_ns=30 * NS)
    assert health.check(100 * NS) == []
    health.watch_from(0)
    assert health.check(30 * NS) == []
    assert len(health.check(31 * NS)) == 1


def test_waits_double_to_the_longest_and_begin_again() -> None:
    backoff = Backoff(np.random.default_rng(1), first_s=1.0, most_s=8.0)
    waits = [backoff.next_s() for _ in range(6)]
    for wait, most in zip(waits, (1, 2, 4, 8, 8, 8), strict=True):
        assert most / 2 <= wait <= most
    again = Backoff(np.random.default_rng(1), first_s=1.0, most_s=8.0)
    assert [again.next_s() for _ in range(6)] == waits
    backoff.reset()
    assert backoff.next_s() <= 1.0
    with pytest.raises(ParameterError):
        Backoff(np.random.default_rng(1), first_s=0.0)


@pytest.mark.parametrize("seed", range(4))
def test_seen_ids_are_a_set(seed: int) -> None:
    rng = np.random.default_rng(seed)
    seen, plain = SeenIds(), set[int]()
    for number in rng.integers(0, 200, 500).tolist():
        assert seen.add(number) == (number not in plain)
        plain.add(number)
        held = {n for low, high in seen.ranges for n in range(low, high + 1)}
        assert held == plain
    seen.forget(100)
    assert not seen.add(50)
    assert all(high > 100 for _, high in seen.ranges)
