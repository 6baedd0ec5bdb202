"""Serving a simulated market on loopback: its pace, its WebSocket lines, and what befalls messages."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from peak_trade.domain.errors import ParameterError
from peak_trade.simulation.frames import NO_FAULTS, FrameFaults, MessageFaults
from peak_trade.simulation.market.market import Market

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Middleware

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

Made = TypeVar("Made")
_AS_OF: ContextVar[int | None] = ContextVar("as_of_ns", default=None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens: ``http`` and ``ws`` addresses without a path."""

    host: str
    port: int

    @property
    def http(self) -> str:
        """Such as ``http://127.0.0.1:8900``."""
        return f"http://{self.host}:{self.port}"

    @property
    def ws(self) -> str:
        """Such as ``ws://127.0.0.1:8900``."""
        return f"ws://{self.host}:{self.port}"


class Line:
    """One WebSocket connection: what is sent goes out in order, unless a fault befalls it.

    Parameters
    ----------
    service : Service
        Whose it is.
    socket : aiohttp.web.WebSocketResponse
        The connection, prepared.
    """

    def __init__(self, service: "Service", socket: "web.WebSocketResponse") -> None:
        self.socket, self._service = socket, service
        self.number = service.next_line()
        self.is_open = True
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._task = asyncio.get_running_loop().create_task(self._write())
        self._timers: set[asyncio.TimerHandle] = set()
        self.sent = 0

    def send(self, text: str, *, is_data: bool = False) -> None:
        """Send a frame; ``is_data`` ones may be lost, doubled, late or reordered."""
        self.sent += 1
        if not is_data:
            self._queue.put_nowait(text)
            return
        for delay_s, frame in self._service.wire.deliver(text, self.number):
            if delay_s > 0.0:
                timer = asyncio.get_running_loop().call_later(
                    delay_s, self._queue.put_nowait, frame
                )
                self._timers.add(timer)
            else:
                self._queue.put_nowait(frame)

    async def _write(self) -> None:
        while (frame := await self._queue.get()) is not None:
            try:
                await self.socket.send_str(frame)
            except (ConnectionError, RuntimeError):
                self.is_open = False
                return

    async def end(self) -> None:
        """Stop writing."""
        self.is_open = False
        for timer in self._timers:
            timer.cancel()
        self._service.wire.forget(self.number)
        self._queue.put_nowait(None)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


class Service:
    """A market that is served: it runs by itself, and its lines can all be cut.

    Parameters
    ----------
    market : Market
        What is served; it is touched in the server's thread alone (:meth:`Running.call`).
    faults : MessageFaults, optional
        What befalls messages.
    seed : int
        Of the faults.
    tick_s : float
        How often the market is brought to its clock.

    Attributes
    ----------
    market : Market
        What is served.
    wire : FrameFaults
        Draws faults; ``wire.faults`` may be replaced while it runs.
    lines : set of Line
        Open WebSocket connections.
    """

    def __init__(
        self,
        market: Market,
        *,
        faults: MessageFaults | None = None,
        seed: int = 0,
        tick_s: float = 0.01,
    ) -> None:
        self.market = market
        self.wire = FrameFaults(faults or NO_FAULTS, np.random.default_rng(seed))
        self.lines: set[Line] = set()
        self.restarts = 0
        self._tick_s, self._lines_made = tick_s, 0
        self._transports: set[asyncio.Transport] = set()
        self.on_tick: list[Callable[[], None]] = []

    def next_line(self) -> int:
        """The number of a new connection."""
        self._lines_made += 1
        return self._lines_made

    @contextlib.asynccontextmanager
    async def line(self, request: "web.Request") -> AsyncIterator[Line]:
        """Take a WebSocket connection."""
        from aiohttp import web

        socket = web.WebSocketResponse(autoping=True, max_msg_size=2**20)
        await socket.prepare(request)
        line = Line(self, socket)
        self.lines.add(line)
        try:
            yield line
        finally:
            self.lines.discard(line)
            await line.end()

    def cut(self) -> None:
        """Restart: every connection is reset; what the venue knows is kept."""
        self.restarts += 1
        for transport in list(self._transports):
            transport.abort()

    async def run(self) -> None:
        """Bring the market to its clock again and again, and restart where faults say so."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            self.market.advance()
            for act in self.on_tick:
                act()
            span = self.wire.faults.restart_s
            if span and loop.time() - began >= span:
                began = loop.time()
                self.cut()
            await asyncio.sleep(self._tick_s)

    def middleware(self, error: "Callable[[int], web.Response]") -> "Middleware":
        """What befalls requests, as an aiohttp middleware; ``error`` makes the venue's 429 and 5xx.

        :func:`as_of` gives the market time that a query is to be answered for.
        """
        from aiohttp import web

        @web.middleware
        async def befall(request: "web.Request", handler: "Handler") -> "web.StreamResponse":
            transport = request.transport
            if isinstance(transport, asyncio.Transport):
                self._transports.add(transport)
                self._transports = {t for t in self._transports if not t.is_closing()}
            self.market.advance()
            _AS_OF.set(None)
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await handler(request)
            old_ns = self.wire.stale_ns()
            if old_ns:
                _AS_OF.set(self.market.now_ns - old_ns)
            fault = self.wire.request()
            if fault == "429":
                return error(429)
            if fault == "5xx before":
                return error(503)
            if fault == "reset before":
                return _reset(request)
            answer = await handler(request)
            if fault == "5xx after":
                return error(504)
            return _reset(request) if fault == "reset after" else answer

        return befall


def as_of(request: "web.Request") -> int | None:  # noqa: ARG001 - the one that is answered now
    """The market time that a request is to be answered for; None for now."""
    return _AS_OF.get()


def _reset(request: "web.Request") -> "web.Response":
    from aiohttp import web

    if isinstance(request.transport, asyncio.Transport):
        request.transport.abort()
    return web.Response(status=500)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs in a thread of its own.

    Attributes
    ----------
    place : Place
        Where it listens.
    service : Service
        What it serves.
    """

    place: Place
    service: Service
    loop: asyncio.AbstractEventLoop

    def call(self, act: Callable[[], Made]) -> Made:
        """Do something in the server's thread, where its market may be touched; gives what it gives."""

        async def acted() -> Made:
            return act()

        return asyncio.run_coroutine_threadsafe(acted(), self.loop).result(timeout=30)


@contextlib.contextmanager
def serving(
    service: Service, app: "web.Application", *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Running]:
    """Serve an application in a thread of its own until the block ends.

    Raises
    ------
    ParameterError
        A port that is taken.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulated-venue", daemon=True)
    thread.start()
    try:
        begun = asyncio.run_coroutine_threadsafe(_begin(service, app, host, port), loop)
        taken, end = begun.result(timeout=30)
        try:
            yield Running(Place(host, taken), service, loop)
        finally:
            asyncio.run_coroutine_threadsafe(end(), loop).result(timeout=30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=30)
        loop.close()


async def _begin(
    service: Service, app: "web.Application", host: str, port: int
) -> tuple[int, Callable[[], Coroutine[None, None, None]]]:
    from aiohttp import web

    runner = web.AppRunner(app, shutdown_timeout=0.2, access_log=None)
    try:
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
    except BaseException as error:  # cancelled too: nothing is left listening
        await runner.cleanup()
        if isinstance(error, OSError):
            raise ParameterError(
                f"port {port} of {host} cannot be listened on: {error.strerror}",
                hint="choose another one with --port, or 0 for any that is free",
            ) from error
        raise
    pace = asyncio.get_running_loop().create_task(service.run())

    async def end() -> None:
        pace.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pace
        for line in list(service.lines):
            await line.socket.close()
        await runner.cleanup()

    return int(runner.addresses[0][1]), end


async def serve(
    service: Service,
    app: "web.Application",
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    ready: Callable[[Place], None],
) -> None:
    """Serve an application until it is cancelled; tells where it listens once it does.

    Raises
    ------
    ParameterError
        A port that is taken.
    """
    taken, end = await _begin(service, app, host, port)
    try:
        ready(Place(host, taken))
        await asyncio.Event().wait()
    finally:
        await end()
