"""The faulty venue in a process of its own: it outlives the sessions that trade there."""

import heapq
import json
import os
import select
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO, cast

import numpy as np

from peak_trade.domain.errors import PeakTradeError
from peak_trade.engine.clock import now_ns
from peak_trade.simulation.exchange import Exchange
from peak_trade.simulation.faults import Faults
from peak_trade.simulation.faulty_venue import FaultyVenue, Reply

TICK_S = 0.003
"""How often prices move while orders are open and nobody asks for anything."""

HELD_S = 5.0
"""How long the venue stands still for a controller that does not come back."""

LOOPBACK = "127.0.0.1"
CASH_CENTS = 100_000_000


@dataclass(slots=True, eq=False)
class Line:
    """One connection, and what of it has come in so far."""

    socket: socket.socket
    pending: bytearray = field(default_factory=bytearray)

    def texts(self) -> list[str] | None:
        """The whole lines that have come in; None once the other side has gone."""
        try:
            more = self.socket.recv(1 << 16)
        except OSError:
            return None
        if not more:
            return None
        self.pending += more
        *whole, rest = self.pending.split(b"\n")
        self.pending = bytearray(rest)
        return [line.decode("utf-8", "replace") for line in whole]

    def write(self, text: str) -> None:
        """Answer; a client that has gone is no concern of the venue's."""
        try:
            self.socket.sendall(text.encode() + b"\n")
        except OSError:
            return

    def reset(self) -> None:
        """End the connection at once, with a reset where the system can."""
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # on, 0 seconds
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        finally:
            self.socket.close()


class VenueServer:
    """Listens on the loopback, hands each line to the venue, and gives its answers when they are due.

    One thread does everything, so that what the venue does has one order. Beside a venue's requests it
    understands a controller's: ``calm`` (no more faults), ``hold`` (stand still when the order after
    so many arrives, ``before`` or ``after`` it is acted on, until told ``go``), ``stop``.
    """

    def __init__(self, venue: FaultyVenue) -> None:
        self._venue = venue
        self._listener = socket.create_server((LOOPBACK, 0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._answers: list[tuple[int, int, Line, str]] = []
        self._count = 0
        self._hold: tuple[int, str, Line] | None = None
        self._goes_on = True

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.getsockname()[1])

    def run(self) -> None:
        """Serve until a controller says ``stop``."""
        while self._goes_on:
            for key, _ in self._selector.select(self._patience_s()):
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._hear(cast(Line, key.data))
            self._pass()

    def _patience_s(self) -> float | None:
        """How long nothing need be done."""
        times = [self._answers[0][0]] if self._answers else []
        times += [due] if (due := self._venue.next_ns) is not None else []
        soonest = (min(times) - now_ns()) / 1e9 if times else None
        if self._venue.exchange.open_count:
            return max(min(soonest or TICK_S, TICK_S), 0.0)
        return None if soonest is None else max(soonest, 0.0)

    def _pass(self) -> None:
        time_ns = now_ns()
        self._venue.advance(time_ns)
        while self._answers and self._answers[0][0] <= time_ns:
            _, _, line, text = heapq.heappop(self._answers)
            line.write(text)

    def _accept(self) -> None:
        connected, _ = self._listener.accept()
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connected, selectors.EVENT_READ, Line(connected))

    def _hear(self, line: Line) -> None:
        texts = line.texts()
        if texts is None:
            self._forget(line)
            return
        for text in texts:
            if line.socket.fileno() == -1:
                return
            self._take(line, text)

    def _forget(self, line: Line) -> None:
        self._selector.unregister(line.socket)
        line.socket.close()

    def _take(self, line: Line, text: str) -> None:
        if '"control"' in text:
            self._control(line, json.loads(text))
            return
        held = self._is_held(text)
        if held == "before":
            self._stand_still()
        reply = self._venue.receive(text, now_ns())
        if held == "after":
            self._stand_still()
        self._answer(line, reply)

    def _answer(self, line: Line, reply: Reply) -> None:
        if reply.is_reset:
            self._selector.unregister(line.socket)
            line.reset()
        elif reply.text is not None and reply.after_ns:
            self._count += 1
            due = now_ns() + reply.after_ns
            heapq.heappush(self._answers, (due, self._count, line, reply.text))
        elif reply.text is not None:
            line.write(reply.text)

    # --- the controller --------------------------------------------------------------------------

    def _control(self, line: Line, request: Mapping[str, object]) -> None:
        what = request["control"]
        if what == "calm":
            self._venue.calm()
        elif what == "hold":
            self._hold = (cast(int, request["orders"]), str(request["where"]), line)
        elif what == "go":
            self._hold = None
        elif what == "stop":
            self._goes_on = False
        line.write(json.dumps({"done": what, "restarts": self._venue.restarts}))

    def _is_held(self, text: str) -> str:
        """Where the venue is to stand still for this request; nowhere for most."""
        if self._hold is None or '"do": "order"' not in text:
            return ""
        left, where, line = self._hold
        self._hold = (left - 1, where, line)
        return where if left <= 0 else ""

    def _stand_still(self) -> None:
        """Tell the controller, and do nothing until it answers."""
        if self._hold is None:
            return
        line, self._hold = self._hold[2], None
        line.write(json.dumps({"held": True}))
        line.socket.settimeout(HELD_S)
        texts = line.texts() or []
        line.socket.settimeout(None)
        for text in texts:
            self._control(line, json.loads(text))


class VenueProcess:
    """A faulty venue in another process, for as long as the block lasts.

    Parameters
    ----------
    log : Path
        The file to which the venue adds what it truly does, a JSON object a line.
    symbols : sequence of str
        What is listed.
    faults : Faults
        What goes wrong.
    seed : int
        Seed of everything that is left to chance.
    cash_cents : int
        The account's cash at the start.

    Attributes
    ----------
    port : int
        Where it listens on 127.0.0.1, once the block has begun.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with VenueProcess(
    ...         Path(folder) / "truth.jsonl", symbols=["X"], faults=Faults(), seed=1
    ...     ) as it:
    ...         it.port > 0, it.calm()
    (True, 0)
    """

    def __init__(
        self,
        log: Path,
        *,
        symbols: Sequence[str],
        faults: Faults,
        seed: int,
        cash_cents: int = CASH_CENTS,
    ) -> None:
        self.log, self.faults = log, faults
        self.port = 0
        self._settings = json.dumps(
            {"log": str(log), "symbols": list(symbols), "faults": asdict(faults)}
            | {"seed": seed, "cash_cents": cash_cents}
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Line | None = None
        self._holds = False

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "peak_trade.simulation.venue_server", self._settings]
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and a module of ours
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            said = self._process.stdout.readline() if self._process.stdout else b""
            self.port = _port(said)
            self._line = Line(socket.create_connection((LOOPBACK, self.port), timeout=10))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._line is not None:
            self._line.socket.close()
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def calm(self) -> int:
        """Let nothing go wrong from now on; how often the venue has restarted until now."""
        return cast(int, self._ask(control="calm")["restarts"])

    def hold(self, orders: int, where: str) -> None:
        """Let it stand still when an order comes after so many others.

        ``where`` is ``before`` or ``after`` it is acted on; it goes on with :meth:`go`.
        """
        self._ask(control="hold", orders=orders, where=where)

    def is_holding(self, seconds: float) -> bool:
        """Wait until it stands still; whether it does."""
        line, until = self._connected(), time.monotonic() + seconds
        while not self._holds and (left := until - time.monotonic()) > 0:
            ready, _, _ = select.select([line.socket], [], [], left)
            if ready:
                self._hear()
        return self._holds

    def go(self) -> None:
        """Let it go on, and hold no more."""
        self._ask(control="go")
        self._holds = False

    def _ask(self, **request: object) -> Mapping[str, object]:
        self._connected().write(json.dumps(request))
        while True:
            for answer in self._hear():
                if "done" in answer:
                    return answer

    def _hear(self) -> list[Mapping[str, object]]:
        texts = self._connected().texts()
        if texts is None:
            raise PeakTradeError("the venue's process does not answer", hint="it has ended")
        answers = [json.loads(text) for text in texts]
        self._holds = self._holds or any("held" in answer for answer in answers)
        return answers

    def _connected(self) -> Line:
        if self._line is None:
            raise PeakTradeError("the venue's process does not run", hint="use it in a with block")
        return self._line


def _port(said: bytes) -> int:
    if not said.strip().isdigit():
        raise PeakTradeError(
            "the venue's process did not start", hint="its error is on standard error"
        )
    return int(said)


def _serve(settings: Mapping[str, object], log: TextIO) -> None:
    """Be the venue's process."""

    def tell(record: Mapping[str, object]) -> None:
        log.write(json.dumps(record) + "\n")
        log.flush()

    truth_seed, fault_seed = np.random.SeedSequence(cast(int, settings["seed"])).spawn(2)
    exchange = Exchange(
        cast("Sequence[str]", settings["symbols"]),
        cash_cents=cast(int, settings["cash_cents"]),
        rng=np.random.Generator(np.random.PCG64(truth_seed)),
        log=tell,
    )
    faults = Faults(**cast("Mapping[str, float]", settings["faults"]))
    venue = FaultyVenue(exchange, faults, rng=np.random.Generator(np.random.PCG64(fault_seed)))
    server = VenueServer(venue)
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    server.run()


def _end_with_parent() -> None:
    """End when whoever started this process has gone."""
    while os.read(0, 1):
        pass
    os._exit(0)


def main(text: str) -> None:
    """Run a venue by its settings, until it is stopped or its parent ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    settings = json.loads(text)
    with Path(settings["log"]).open("a", encoding="utf-8") as log:
        _serve(settings, log)


if __name__ == "__main__":
    main(sys.argv[1])
