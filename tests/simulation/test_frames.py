"""Faults of messages: how they are written, and how often each befalls what."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.errors import ParameterError
from peak_trade.simulation.frames import FrameFaults, MessageFaults

CHANCE = st.floats(0.0, 1.0).map(lambda x: round(x, 3))


@given(CHANCE, CHANCE, st.integers(0, 99), st.integers(0, 600), st.integers(-30, 30))
def test_faults_written_out_are_read_back(
    drop: float, stale: float, lose: int, restart: int, clock: int
) -> None:
    faults = MessageFaults(
        drop=drop, stale=stale, stale_s=3.0, lose_frame=lose, restart_s=restart, clock_s=clock
    )
    again = MessageFaults.parse(str(faults))
    assert str(again) == str(faults)
    assert (again.drop, again.stale, again.lose_frame) == (drop, stale, lose)
    assert (again.restart_s, again.clock_s) == (restart, clock)


def test_every_fault_has_a_name_in_text() -> None:
    text = (
        "drop=0.1,double=0.2,late=0.3:250ms,reorder=0.4,lose_frame=5,http_429=0.5,http_5xx=0.6,"
        "reset=0.7,stale=0.8:4s,restart=1m,clock=-10s"
    )
    found = MessageFaults.parse(text)
    assert found == MessageFaults(
        drop=0.1, double=0.2, late=0.3, reorder=0.4, lose_frame=5, http_429=0.5, http_5xx=0.6,
        reset=0.7, stale=0.8, restart_s=60.0, clock_s=-10.0, late_s=0.25, stale_s=4.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["drop", "drop=x", "drop=1.5", "drop=-0.1", "late=0.1:soon", "nope=1", "drop=0.1:2s",
     "restart=often", "lose_frame=1.5", "lose_frame=-1", "late=nan"],
)  # fmt: skip
def test_faults_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ParameterError):
        MessageFaults.parse(text)


def sent(faults: MessageFaults, count: int, seed: int = 3) -> list[tuple[float, str]]:
    wire = FrameFaults(faults, np.random.default_rng(seed))
    out = [frame for k in range(count) for frame in wire.deliver(str(k))]
    return out + [(0.0, text) for text in wire.forget(0)]


def test_wire_without_faults_delivers_everything_in_order() -> None:
    assert sent(MessageFaults(), 50) == [(0.0, str(k)) for k in range(50)]


@pytest.mark.parametrize(
    ("faults", "low", "high"),
    [(MessageFaults(drop=0.2), 1_500, 1_700), (MessageFaults(double=0.2), 2_300, 2_500)],
)
def test_share_of_frames_that_are_lost_or_doubled_is_as_asked(
    faults: MessageFaults, low: int, high: int
) -> None:
    assert low < len(sent(faults, 2_000)) < high


def test_one_frame_is_lost_once_and_no_other() -> None:
    out = [text for _, text in sent(MessageFaults(lose_frame=7), 100)]
    assert out == [str(k) for k in range(100) if k != 6]


def test_reordered_frames_all_arrive_some_after_their_follower() -> None:
    out = [int(text) for _, text in sent(MessageFaults(reorder=0.3), 500)]
    assert sorted(out) == list(range(500))
    swapped = [b for a, b in itertools.pairwise(out) if b < a]
    assert 80 < len(swapped) < 180


def test_late_frames_are_late_within_their_bound_and_none_is_lost() -> None:
    out = sent(MessageFaults(late=0.5, late_s=0.1), 400)
    late = [delay for delay, _ in out if delay > 0.0]
    assert len(out) == 400
    assert 150 < len(late) < 250
    assert max(late) <= 0.1


def test_same_seed_draws_the_same_faults() -> None:
    faults = MessageFaults(drop=0.2, late=0.2, double=0.1, reorder=0.1)
    assert sent(faults, 300, seed=8) == sent(faults, 300, seed=8) != sent(faults, 300, seed=9)


def test_requests_fail_as_often_as_asked_before_and_after() -> None:
    wire = FrameFaults(
        MessageFaults(http_429=0.1, http_5xx=0.2, reset=0.1), np.random.default_rng(1)
    )
    drawn = [wire.request() for _ in range(4_000)]
    shares = {name: drawn.count(name) / 4_000 for name in set(drawn)}
    assert set(shares) == {"", "429", "5xx before", "5xx after", "reset before", "reset after"}
    assert shares["429"] == pytest.approx(0.1, abs=0.02)
    assert shares["5xx before"] == pytest.approx(shares["5xx after"], abs=0.02)
