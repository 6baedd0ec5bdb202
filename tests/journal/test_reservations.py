"""Reservations: what all sessions hold together never exceeds a limit, whoever is quickest or dies."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peak_trade.domain.errors import JournalError
from peak_trade.journal.database import Database, open_database
from peak_trade.journal.reservations import Reservations

RACER = """
import sys
from peak_trade.journal.database import open_database
from peak_trade.journal.reservations import Reservations
url, owner, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
held = Reservations(open_database(url))
print("ready", flush=True)
sys.stdin.readline()
won = 0
for k in range(rounds):
    if held.reserve(f"round{k}", owner, "order", 1.0, 1.0) is not None:
        won += 1
print(won, flush=True)
held.close()
"""
KILLED = """
import sys
from peak_trade.journal.database import open_database
from peak_trade.journal.reservations import Reservations
held = Reservations(open_database(sys.argv[1]))
k = 0
while True:
    total = held.reserve("key", "victim", f"t{k}", 1.0, 1e9)
    print(k, total, flush=True)
    k += 1
"""


@pytest.fixture
def held(database: Database) -> Iterator[Reservations]:
    found = Reservations(database)
    yield found
    found.close()


def test_reserve_up_to_the_limit_and_not_above(held: Reservations) -> None:
    assert held.reserve("k", "a", "t1", 60, 100) == 60
    assert held.reserve("k", "b", "t2", 40, 100) == 100
    assert held.reserve("k", "a", "t3", 0.5, 100) is None
    assert held.reserve("other", "a", "t3", 100, 100) == 100
    assert held.total("k") == 100


def test_release_makes_room_again(held: Reservations) -> None:
    held.reserve("k", "a", "t1", 100, 100)
    held.release("k", "t1")
    held.release("k", "t1")
    held.release("k", "unknown")
    assert held.reserve("k", "b", "t2", 100, 100) == 100


def test_same_order_again_takes_the_place_of_its_amount(held: Reservations) -> None:
    assert held.reserve("k", "a", "t1", 60, 100) == 60
    assert held.reserve("k", "a", "t1", 60, 100) == 60
    assert held.reserve("k", "a", "t1", 101, 100) is None
    assert held.total("k") == 60
    assert held.reserve("k", "a", "t1", 100, 100) == 100
    assert held.reserve("k", "a", "t1", 10, 5) == 10, "less than before is no harm"


def test_what_adds_nothing_is_taken_though_the_limit_is_exceeded(held: Reservations) -> None:
    held.settle("k", "a", 500)
    assert held.reserve("k", "a", "t", 0, 100) == 500
    assert held.reserve("k", "a", "u", 0.1, 100) is None


def test_settle_moves_a_fill_from_its_order_without_a_gap(held: Reservations) -> None:
    held.reserve("k", "a", "t1", 60, 100)
    held.settle("k", "a", 60, tokens=["t1"])
    assert held.held("k") == [("k", "a", "", 60.0)]
    held.settle("k", "a", 25)
    held.settle("k", "b", 5)
    assert held.total("k") == 30
    assert held.reserve("k", "b", "t2", 71, 100) is None
    assert held.reserve("k", "b", "t2", 70, 100) == 100


def test_clear_forgets_one_owner_alone(held: Reservations) -> None:
    for key in ("k", "l"):
        held.settle(key, "a", 10)
        held.reserve(key, "a", "t1", 5, 100)
        held.reserve(key, "b", "t2", 3, 100)
    held.clear("a")
    assert (held.total("k"), held.total("l")) == (3, 3)


@pytest.mark.parametrize(
    ("amount", "limit"),
    [(float("nan"), 1), (float("inf"), 1), (-1, 1), (float("-inf"), 1), (1, float("nan"))],
)
def test_reserve_of_no_number_is_refused(held: Reservations, amount: float, limit: float) -> None:
    with pytest.raises(JournalError, match="cannot be reserved"):
        held.reserve("k", "a", "t", amount, limit)
    assert held.total("k") == 0


def test_names_that_are_empty_are_refused(held: Reservations) -> None:
    with pytest.raises(JournalError, match="cannot be reserved"):
        held.reserve("k", "a", "", 1, 1)
    held.settle("k", "a", 1)
    with pytest.raises(JournalError, match="without a name"):
        held.release("k", "")
    with pytest.raises(JournalError, match="cannot hold nan"):
        held.settle("k", "a", float("nan"))
    assert held.total("k") == 1


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "release", "settle", "clear"]),
        st.sampled_from("ab"),
        st.sampled_from("uv"),
        st.sampled_from(["t1", "t2", "t3"]),
        st.integers(0, 8),
    ),
    max_size=20,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPERATIONS)
def test_reservations_are_those_of_a_plain_dictionary(
    held: Reservations, operations: list[tuple[str, str, str, str, int]]
) -> None:
    for owner in "uv":
        held.clear(owner)
    twin: dict[tuple[str, str, str], int] = {}
    for what, key, owner, token, amount in operations:
        if what == "reserve":
            before = sum(v for k, v in twin.items() if k[0] == key)
            after = before - twin.get((key, owner, token), 0) + amount
            found = held.reserve(key, owner, token, amount, 10)
            assert found == (after if after <= 10 or after <= before else None)
            if found is not None:
                twin[key, owner, token] = amount
        elif what == "release":
            held.release(key, token)
            twin = {k: v for k, v in twin.items() if (k[0], k[2]) != (key, token)}
        elif what == "settle":
            held.settle(key, owner, amount)
            twin[key, owner, ""] = amount
        else:
            held.clear(owner)
            twin = {k: v for k, v in twin.items() if k[1] != owner}
    for key in "ab":
        expected = sorted((k[1], k[2], v) for k, v in twin.items() if k[0] == key)
        assert [row[1:] for row in held.held(key)] == expected


def test_threads_of_one_process_share_the_last_unit(held: Reservations) -> None:
    won: list[str] = []

    def race(name: str) -> None:
        keys = [f"r{k}" for k in range(20)]
        won.extend(key for key in keys if held.reserve(key, name, "t", 1, 1) is not None)

    threads = [threading.Thread(target=race, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(won) == sorted(f"r{k}" for k in range(20))


def test_processes_that_race_for_the_last_unit_never_exceed_it(url: str) -> None:
    rounds = 60
    found = Reservations(open_database(url))
    racers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", RACER, url, f"s{k}", str(rounds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for k in range(4)
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        won = [int(racer.communicate(timeout=120)[0]) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.wait()
    assert sum(won) == rounds
    assert [found.total(f"round{k}") for k in range(rounds)] == [1.0] * rounds
    found.close()


def test_process_that_is_killed_leaves_what_it_was_told(url: str) -> None:
    found = Reservations(open_database(url))
    for round_ in range(3):
        found.clear("victim")
        victim = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", KILLED, url], stdout=subprocess.PIPE, text=True
        )
        assert victim.stdout is not None
        told = [victim.stdout.readline() for _ in range(20 + 7 * round_)]
        victim.send_signal(signal.SIGKILL)
        told += victim.stdout.readlines()
        victim.stdout.close()
        victim.wait(30)
        last = int(next(line for line in reversed(told) if line.endswith("\n")).split()[0])
        assert found.total("key") in (last + 1, last + 2)  # one more may stand that it did not tell
        assert found.reserve("key", "me", "mine", 0, 0) is not None, "no lock is left behind"


def test_reservations_do_not_wait_for_the_disk_and_the_journal_does(tmp_path: Path) -> None:
    found = Reservations(open_database(f"sqlite:///{tmp_path / 'j.sqlite'}"))
    assert found._connection.all("PRAGMA synchronous") == [(1,)], "NORMAL: whole, but not at once"
    found.close()
