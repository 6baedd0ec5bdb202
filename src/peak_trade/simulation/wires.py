"""Ways for a text to reach a venue and for its answer to come back: a socket, or this process."""

import select
import socket
import time
from collections.abc import Callable
from typing import Protocol

from peak_trade.domain.errors import PeakTradeError
from peak_trade.simulation.faulty_venue import FaultyVenue

LOOPBACK = "127.0.0.1"


class WireError(PeakTradeError):
    """No answer came over a wire; ``is_sent`` says whether a byte of the request may have left."""

    def __init__(self, message: str, *, is_sent: bool) -> None:
        super().__init__(message)
        self.is_sent = is_sent


class Wire(Protocol):
    """Carries one request at a time."""

    def ask(self, text: str, timeout_s: float) -> str:
        """Send a line and give the line that answers it.

        Raises
        ------
        WireError
            No answer came in time.
        """
        ...


class SocketWire:
    """A connection to a venue on this machine; broken ones are left, and made anew when needed.

    Parameters
    ----------
    port : int
        Where the venue listens on 127.0.0.1.

    Attributes
    ----------
    connections : int
        How often a connection was made.
    """

    def __init__(self, port: int) -> None:
        self.connections = 0
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, text: str, timeout_s: float) -> str:
        """Send a line and give the line that answers it.

        A request that nobody answered in time ends its connection, so that a late answer is never
        taken for the next one's.
        """
        until = time.monotonic() + timeout_s
        connected = self._connected(timeout_s)
        try:
            connected.settimeout(timeout_s)
            connected.sendall(text.encode() + b"\n")
            return self._line(connected, until)
        except OSError as error:
            self.close()
            raise WireError(f"no answer: {error}", is_sent=True) from None

    def close(self) -> None:
        """Leave the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self, timeout_s: float) -> socket.socket:
        if self._socket is not None and _has_ended(self._socket):
            self.close()
        if self._socket is None:
            try:
                self._socket = socket.create_connection((LOOPBACK, self._port), timeout=timeout_s)
            except OSError as error:
                raise WireError(f"no connection: {error}", is_sent=False) from None
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
        return self._socket

    def _line(self, connected: socket.socket, until: float) -> str:
        found = bytearray()
        while not found.endswith(b"\n"):
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            connected.settimeout(left)
            more = connected.recv(1 << 16)
            if not more:
                raise ConnectionResetError("the venue ended the connection")
            found += more
        return found.decode("utf-8", "replace")


def _has_ended(connected: socket.socket) -> bool:
    """Whether the other side has ended it: nothing is on its way, so what can be read is the end."""
    ready, _, _ = select.select([connected], [], [], 0)
    return bool(ready)


class SteppedClock:
    """A time that passes only when it is told to; UTC nanoseconds.

    Examples
    --------
    >>> clock = SteppedClock(1_000)
    >>> clock.sleep(1e-6)
    >>> clock.now_ns()
    2000
    """

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        """The time."""
        return self._now_ns

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._now_ns += round(seconds * 1e9)


class LocalWire:
    """A wire to a venue in this process, with a time that passes only while something is on its way.

    Parameters
    ----------
    venue : FaultyVenue
        Who answers.
    now_ns : callable
        The time.
    sleep : callable
        Lets time pass.
    latency_s : float
        What a request and its answer take together, where nothing goes wrong.
    """

    def __init__(
        self,
        venue: FaultyVenue,
        *,
        now_ns: Callable[[], int],
        sleep: Callable[[float], None],
        latency_s: float = 1e-4,
    ) -> None:
        self._venue, self._now_ns, self._sleep = venue, now_ns, sleep
        self._latency_s = latency_s

    def ask(self, text: str, timeout_s: float) -> str:
        """Hand a line to the venue and give the line that answers it."""
        self._sleep(self._latency_s / 2)
        reply = self._venue.receive(text, self._now_ns())
        if reply.is_reset:
            raise WireError("no answer: the venue reset the connection", is_sent=True)
        waits_s = self._latency_s / 2 + reply.after_ns / 1e9
        if reply.text is None or waits_s > timeout_s:
            self._sleep(timeout_s)
            raise WireError("no answer: timed out", is_sent=True)
        self._sleep(waits_s)
        return reply.text
