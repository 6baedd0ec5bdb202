"""Wires carry a text there and back, or say whether it may have left."""

import socket
import threading
from contextlib import closing

import pytest
from simulation.places import START_NS, place

from peak_trade.simulation.faults import Faults
from peak_trade.simulation.wires import LocalWire, SocketWire, WireError


def wired(faults: Faults) -> tuple[LocalWire, object]:
    at = place(faults)
    return LocalWire(at.venue, now_ns=at.clock.now_ns, sleep=at.clock.sleep, latency_s=0.001), at


def test_local_wire_takes_its_latency() -> None:
    wire, at = wired(Faults())
    assert '"status": 200' in wire.ask('{"n": 1, "do": "balances"}', 1.0)
    assert at.clock.now_ns() - START_NS == 1_000_000


def test_local_wire_without_an_answer_waits_its_time_out() -> None:
    wire, at = wired(Faults(lost_request=1.0))
    with pytest.raises(WireError) as caught:
        wire.ask('{"n": 1, "do": "balances"}', 0.25)
    assert caught.value.is_sent
    assert at.clock.now_ns() - START_NS == 250_500_000


def test_local_wire_whose_answer_comes_too_late_has_none() -> None:
    wire, _ = wired(Faults(late_answer=1.0, late_s=0.5))
    with pytest.raises(WireError, match="timed out"):
        wire.ask('{"n": 1, "do": "balances"}', 0.0005)


class Peer:
    """The other end of a socket, which answers each connection by a script."""

    def __init__(self, *scripts) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.heard: list[bytes] = []
        self.thread = threading.Thread(target=self._serve, args=(scripts,))
        self.thread.start()

    @property
    def port(self) -> int:
        return self.listener.getsockname()[1]

    def _serve(self, scripts) -> None:
        self.listener.settimeout(10)
        for script in scripts:
            connected, _ = self.listener.accept()
            with connected:
                connected.settimeout(10)
                for answer in script:
                    self.heard.append(connected.recv(1 << 16))
                    if answer is None:
                        connected.recv(1)  # until the other side gives up
                        return
                    connected.sendall(answer)

    def close(self) -> None:
        self.thread.join(timeout=10)
        self.listener.close()


def test_socket_wire_puts_an_answer_in_pieces_together() -> None:
    with (
        closing(Peer([b"one\n"], [b"half", b""])) as peer,
        closing(SocketWire(peer.port)) as wire,
    ):
        assert wire.ask("a", 5.0) == "one\n"
        wire.close()
        with pytest.raises(WireError) as caught:
            wire.ask("b", 0.2)
        assert caught.value.is_sent


def test_socket_wire_that_timed_out_never_takes_the_late_answer_for_the_next() -> None:
    with closing(Peer([None])) as peer, closing(SocketWire(peer.port)) as wire:
        with pytest.raises(WireError, match="timed out"):
            wire.ask("a", 0.02)
        assert wire._socket is None
        assert peer.heard == [b"a\n"]


def test_socket_wire_whose_other_side_has_gone_connects_before_it_sends() -> None:
    with closing(Peer([b"one\n"], [b"two\n"])) as peer, closing(SocketWire(peer.port)) as wire:
        assert wire.ask("a", 5.0) == "one\n"
        assert wire.ask("b", 5.0) == "two\n"
        assert wire.connections == 2
        assert peer.heard == [b"a\n", b"b\n"]
