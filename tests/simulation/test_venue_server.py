"""The venue as a process: it outlives its clients, stands still when told to, and ends with its parent."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from simulation.places import limit, market

from peak_trade.domain.approval import Approvals
from peak_trade.domain.errors import PeakTradeError
from peak_trade.execution.venue import Failure, VenueError
from peak_trade.simulation.faults import CALM, ROUGH, Faults
from peak_trade.simulation.faulty_client import FaultyClient
from peak_trade.simulation.judge import Truth
from peak_trade.simulation.venue_server import VenueProcess
from peak_trade.simulation.wires import SocketWire

WAIT_S = 10.0


@contextmanager
def client_of(venue: VenueProcess, timeout_s: float = 2.0) -> Iterator[FaultyClient]:
    with closing(SocketWire(venue.port)) as wire:
        yield FaultyClient(
            wire, Approvals(), symbols=["X", "Y"], faults=venue.faults, timeout_s=timeout_s
        )


def started(folder: Path, faults: Faults = CALM) -> VenueProcess:
    return VenueProcess(folder / "truth.jsonl", symbols=["X", "Y"], faults=faults, seed=1)


def test_process_serves_one_client_after_another_and_keeps_the_truth(tmp_path: Path) -> None:
    with started(tmp_path) as venue:
        with client_of(venue) as first:
            first._place(limit("a", 5, 5_000))
        with client_of(venue) as second:
            assert [one.report.client_id for one in second.open_orders()] == ["a"]
            assert second.cancel("a").venue_id == "V1"
    truth = Truth.read(tmp_path / "truth.jsonl")
    assert truth.accepted == ["a"]
    assert truth.open == {}


def test_orders_trade_while_nobody_asks(tmp_path: Path) -> None:
    with started(tmp_path) as venue, client_of(venue) as client:
        for i in range(10):
            client._place(market(f"a{i}", 5))
        until = time.monotonic() + WAIT_S
        while Truth.read(tmp_path / "truth.jsonl").lots.get(0) != 50 and time.monotonic() < until:
            time.sleep(0.005)
        assert client.balances().lots == (50, 0)


@pytest.mark.parametrize("where", ["before", "after"])
def test_held_venue_stands_still_before_or_after_it_acts(tmp_path: Path, where: str) -> None:
    with started(tmp_path) as venue, client_of(venue, timeout_s=0.05) as client:
        client._place(limit("a", 1, 5_000))
        venue.hold(1, where)
        client._place(limit("b", 1, 5_000))
        assert not venue.is_holding(0.0)
        with pytest.raises(VenueError) as caught:
            client._place(limit("c", 1, 5_000))
        assert caught.value.failure is Failure.NO_ANSWER
        assert venue.is_holding(WAIT_S)
        accepted = Truth.read(tmp_path / "truth.jsonl").accepted
        assert accepted == (["a", "b", "c"] if where == "after" else ["a", "b"])
        time.sleep(venue.faults.late_s)
        venue.go()
        client.find("c")
        accepted = Truth.read(tmp_path / "truth.jsonl").accepted
        assert ("c" in accepted) == (where == "after"), "its deadline passed while nobody read it"


def test_calmed_process_answers_everything(tmp_path: Path) -> None:
    with started(tmp_path, ROUGH) as venue, client_of(venue) as client:
        venue.calm()
        answers = [client._place(limit(f"a{i}", 1, 5_000)) for i in range(60)]
        assert len({answer.venue_id for answer in answers}) == 60


def test_client_of_no_venue_has_sent_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = FaultyClient(SocketWire(port), Approvals(), symbols=["X"], faults=CALM)
    with pytest.raises(VenueError) as caught:
        client._place(market("a", 1))
    assert caught.value.failure is Failure.NOT_SENT


def test_client_of_a_venue_that_hangs_up_connects_anew_before_the_next_order(
    tmp_path: Path,
) -> None:
    with started(tmp_path, Faults(restart=1.0)) as venue, client_of(venue) as client:
        client._is_known = True
        with pytest.raises(VenueError) as caught:
            client._place(market("a", 1))
        assert caught.value.failure is Failure.NO_ANSWER
        venue.calm()
        client._place(market("b", 1))
        assert client._wire.connections == 2
    assert Truth.read(tmp_path / "truth.jsonl").accepted == ["b"]


def test_process_that_cannot_start_says_so(tmp_path: Path) -> None:
    with pytest.raises(PeakTradeError, match="did not start"), started(tmp_path / "nowhere"):
        pass


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a POSIX signal")
def test_process_ends_with_its_parent(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from peak_trade.simulation.faults import CALM\n"
        "from peak_trade.simulation.venue_server import VenueProcess\n"
        "with VenueProcess(Path(sys.argv[1]), symbols=['X'], faults=CALM, seed=1) as venue:\n"
        "    print(venue.port, flush=True)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    died = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "truth.jsonl")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ},
    )
    assert died.returncode == -signal.SIGKILL
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", int(died.stdout)), timeout=1).close()
        except OSError:
            return
        time.sleep(0.02)
    pytest.fail("the venue's process still listens")
