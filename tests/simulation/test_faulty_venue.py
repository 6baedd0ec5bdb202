"""Each fault does what it says, within the bounds it names, and one seed gives one trace."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from simulation.places import START_NS, limit, market, place

from peak_trade.execution.venue import VenueError
from peak_trade.simulation.exchange import Exchange
from peak_trade.simulation.faults import CALM, ROUGH, Faults
from peak_trade.simulation.faulty_venue import FaultyVenue, Reply

MS = 1_000_000
SHARE = 400


def venue(faults: Faults = CALM, seed: int = 1) -> FaultyVenue:
    truth = Exchange(["X"], cash_cents=1_000_000, rng=np.random.default_rng(seed))
    return FaultyVenue(truth, faults, rng=np.random.default_rng(seed + 1))


def order(name: str = "a", *, now_ns: int = 0, lots: int = 5, **more) -> str:
    given = {"n": 1, "do": "order", "id": name, "symbol": 0, "lots": lots, "kind": "market"}
    given |= {"price": None, "tif": "gtc", "post_only": False, "reduce_only": False}
    given |= {"sent_ns": now_ns, "deadline_ns": now_ns + 20 * MS} | more
    return json.dumps(given)


def taken(made: FaultyVenue, name: str = "a") -> bool:
    return made.exchange.find(name, 10**18) is not None


@pytest.mark.parametrize(
    ("fault", "status", "acts"),
    [
        ("lost_request", None, {False}),
        ("lost_answer", None, {True}),
        ("reset", None, {True, False}),
        ("server_error", 503, {True, False}),
        ("rate_limited", 429, {False}),
        ("bad_nonce", 401, {False}),
        ("duplicate_answer", 409, {True}),
        ("late_answer", 200, {True}),
        ("restart", None, {False}),
    ],
)
def test_fault_answers_and_acts_as_it_says(fault: str, status: int | None, acts: set[bool]) -> None:
    acted = set()
    for seed in range(20):
        made = venue(Faults(**{fault: 1.0}), seed)
        reply = made.receive(order(), 0)
        assert (None if reply.text is None else json.loads(reply.text)["status"]) == status
        assert reply.is_reset == (fault in ("reset", "restart"))
        assert 0 <= reply.after_ns <= 20 * MS
        acted.add(taken(made))
    assert acted == acts


def test_late_order_is_taken_after_its_sender_gave_up_but_never_after_its_deadline() -> None:
    after = []
    for seed in range(60):
        made = venue(Faults(late_request=1.0, late_s=0.04), seed)
        assert made.receive(order(), 0) == Reply(None)
        assert not taken(made)
        for now_ns in range(0, 60 * MS, MS):
            made.advance(now_ns)
        after += [look.time_ns for look in [made.exchange.find("a", 10**18)] if look]
    looks = len(after)
    assert 10 < looks < 50, "some come in time, and some do not"
    assert made.next_ns is None


@pytest.mark.parametrize("delay_ms", [0, 19, 20, 21, 500])
def test_order_read_late_by_a_busy_venue_keeps_to_its_deadline(delay_ms: int) -> None:
    made = venue()
    made.receive(order(), delay_ms * MS)
    assert taken(made) == (delay_ms <= 20)


def test_stale_answer_is_what_was_true_at_most_so_long_ago() -> None:
    made = venue(Faults(stale_read=1.0, stale_s=0.02))
    made.receive(order(price=100, kind="limit", now_ns=100 * MS), 100 * MS)
    asked = json.dumps({"n": 1, "do": "find", "id": "a"})
    early = [json.loads(made.receive(asked, 111 * MS).text)["status"] for _ in range(60)]
    assert set(early) == {200, 404}
    late = [json.loads(made.receive(asked, 121 * MS).text)["status"] for _ in range(60)]
    assert set(late) == {200}


def test_clock_that_steps_back_changes_no_order_of_events() -> None:
    made = venue()
    made.receive(order("a"), 50 * MS)
    made.receive(order("b", now_ns=10 * MS, lots=3), 10 * MS)
    times = [trade.time_ns for trade in made.exchange.trades]
    assert times == sorted(times)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "7", '{"do": "dance"}', '{"n": 1}'),
        *(order(lots=1.5), order(lots="5"), order(id=7), order(deadline_ns=None)),
        '{"do": "fills", "since_ns": "x", "skip": 0}',
    ],
)
def test_request_that_is_none_is_refused_and_nothing_is_done(text: str) -> None:
    made = venue()
    assert json.loads(made.receive(text, 0).text)["status"] == 400
    assert made.exchange.open_count == 0
    assert made.exchange.trades == []


def reports(faults: Faults, seed: int = 3) -> tuple[list[dict], int]:
    """What is reported of many orders, and how many reports were made in all."""
    made = venue(faults, seed)
    made.receive('{"n": 1, "do": "hello"}', 0)
    got = []
    for turn in range(SHARE):
        now_ns = turn * MS
        made.receive(order(f"o{turn}", now_ns=now_ns), now_ns)
        answer = json.loads(made.receive('{"n": 1, "do": "reports"}', now_ns).text)
        got += [json.loads(text) for text in answer["reports"]]
    answer = json.loads(made.receive('{"n": 1, "do": "reports"}', 10**12).text)
    got += [json.loads(text) for text in answer["reports"]]
    return got, made._seq


def test_reports_of_a_calm_venue_come_once_and_in_order() -> None:
    got, made = reports(CALM)
    numbers = [report["seq"] for report in got]
    assert numbers == list(range(1, len(numbers) + 1))
    assert made - len(numbers) < 20, "but for the last look"


@pytest.mark.parametrize(
    ("fault", "lost", "twice", "disordered"),
    [
        ("lost_report", True, False, False),
        ("duplicate_report", False, True, False),
        ("reordered_report", False, False, True),
        ("late_report", False, False, True),
    ],
)
def test_report_fault_does_what_it_says_and_nothing_else(fault, lost, twice, disordered) -> None:
    got, made = reports(Faults(**{fault: 0.3}))
    numbers = [report["seq"] for report in got]
    unique = set(numbers)
    assert (len(unique) < 0.85 * made) == lost
    assert (len(unique) < len(numbers)) == twice
    assert (numbers != sorted(numbers)) == disordered


def test_calmed_venue_does_nothing_wrong_but_what_is_on_its_way_arrives() -> None:
    made = venue(Faults(late_request=1.0, cancel_race=1.0, late_s=0.001))
    made.receive(order("late"), 0)
    made.calm()
    replies = [made.receive(order(f"a{i}", now_ns=5 * MS), 5 * MS) for i in range(100)]
    assert all(json.loads(reply.text)["status"] == 200 and not reply.after_ns for reply in replies)
    assert taken(made, "late")


def scenario(seed: int) -> str:
    """A digest of everything that a rough venue truly does, and answers, to one sequence of requests."""
    at = place(ROUGH, seed=seed)
    said: list[object] = []
    for i in range(200):
        try:
            made = market(f"a{i}", 3) if i % 3 else limit(f"a{i}", -4, 10_002)
            said.append(at.client._place(made).raw)
            said.append(at.client.cancel(f"a{i}").raw if i % 5 == 0 else "")
        except VenueError as error:
            said.append(str(error))
        said += [report.raw for report in at.client.poll()]
    text = json.dumps([said, at.log, at.clock.now_ns() - START_NS])
    return hashlib.sha256(text.encode()).hexdigest()


def test_one_seed_gives_one_trace_in_another_process_too() -> None:
    code = "from simulation.test_faulty_venue import scenario; print(scenario(21))"
    folder = Path(__file__).resolve().parents[1]
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )  # fmt: skip
    assert scenario(21) == other.stdout.strip()
    assert scenario(21) != scenario(22)
