"""What comes in at a server: requests of REST, connections to streams and to the WebSocket API."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl

from peak_trade.simulation.binance import refusals
from peak_trade.simulation.binance.operations import ROUTES, check_params, found
from peak_trade.simulation.binance.params import Params
from peak_trade.simulation.binance.refusals import Refusal
from peak_trade.simulation.binance.signing import (
    account_of,
    check_signature,
    check_time,
    rest_payload,
)
from peak_trade.simulation.binance.socket_api import SocketApi
from peak_trade.simulation.binance.stream_lines import StreamLine
from peak_trade.simulation.binance.streams import MarketStreams
from peak_trade.simulation.binance.user_events import UserEvents
from peak_trade.simulation.binance.venue import Call, Venue
from peak_trade.simulation.market.service import Line, Service, as_of

if TYPE_CHECKING:
    from aiohttp import web

PING_S = 20.0
MOST_MESSAGES, MESSAGES_S = 5, 1.0
WARNING_S = 10.0


class Warned(Protocol):
    """A connection that is told before the server goes down."""

    def warn(self, now_ms: int) -> None:
        """Say that the server goes down."""
        ...


@dataclass(slots=True)
class Door:
    """What a server's requests are handed to."""

    service: Service
    venue: Venue
    users: UserEvents
    streams: MarketStreams
    lines: set[Warned] = field(default_factory=set)

    async def rest(self, request: "web.Request") -> "web.Response":
        """Answer a request of REST."""
        path, _, query = request.raw_path.partition("?")
        body = await request.text()
        address = request.remote or "127.0.0.1"
        try:
            said, headers = self._answer(request, path, query, body, address)
        except Refusal as refused:
            headers = self.venue.limits.weight_header(address, self.venue.wall_s)
            return _response(refused.body(), refused.status, headers | refused.headers)
        self.users.flush()
        return _response(said, 200, headers)

    def _answer(
        self, request: "web.Request", path: str, query: str, body: str, address: str
    ) -> tuple[object, dict[str, str]]:
        venue, headers = self.venue, request.headers
        operation = found(ROUTES.get((request.method, path)))
        if headers.get("X-MBX-TIME-UNIT", "MILLISECOND").upper() != "MILLISECOND":
            raise refusals.Refusal(-1020, "This operation is not supported.")
        params = _params(query, body)
        said = venue.limits.charge(address, operation.weight(params), venue.wall_s)
        key = None
        if operation.is_signed:
            key = venue.keys[account_of(headers.get("X-MBX-APIKEY"), venue.keys)]
            check_time(params, venue.clocks_ms)
            check_signature(key.secret, rest_payload(query, body), params)
        check_params(operation, params)
        as_of_ns = as_of(request) if request.method == "GET" else None
        result = operation.run(venue, Call(params, address, key, as_of_ns))
        if operation.is_order and key is not None:
            said |= venue.limits.order_headers(key.account, venue.wall_s)
        return result, said

    # --- sockets ---------------------------------------------------------------------------------

    async def market_socket(self, request: "web.Request") -> "web.StreamResponse":
        """Serve a connection to the market streams."""
        path = request.path
        is_combined = path.endswith("/stream")
        text = request.query.get("streams", "") if is_combined else path.partition("/ws")[2]
        async with self._line(request) as line:
            listener = StreamLine(
                self.streams, lambda said, is_data: line.send(said, is_data=is_data),
                is_combined=is_combined,
            )  # fmt: skip
            listener.listen(name for name in text.split("/") if name)
            self.lines.add(listener)
            times: deque[float] = deque(maxlen=MOST_MESSAGES + 1)
            try:
                async for message in line.socket:
                    if _is_too_many(times):
                        await line.socket.close(code=1008, message=b"Too many requests")
                        break
                    if isinstance(message.data, str):
                        self.service.market.advance()
                        listener.take(message.data)
            finally:
                self.lines.discard(listener)
                listener.end()
        return line.socket

    async def api_socket(self, request: "web.Request") -> "web.StreamResponse":
        """Serve a connection to the WebSocket API."""
        wire = self.service.wire
        async with self._line(request) as line:
            api = SocketApi(
                self.venue, self.users, lambda said, is_data: line.send(said, is_data=is_data),
                address=request.remote or "127.0.0.1",
            )  # fmt: skip
            self.lines.add(api)
            try:
                async for message in line.socket:
                    if not isinstance(message.data, str):
                        continue
                    fault = wire.request()
                    if fault == "reset before":
                        break
                    self.service.market.advance()
                    old_ns = wire.stale_ns()
                    as_of_ns = self.service.market.now_ns - old_ns if old_ns else None
                    api.take(message.data, fault, as_of_ns=as_of_ns)
                    self.users.flush()
                    if fault == "reset after":
                        break
                if isinstance(request.transport, asyncio.Transport) and not line.socket.closed:
                    request.transport.abort()
            finally:
                self.lines.discard(api)
                api.end()
        return line.socket

    @contextlib.asynccontextmanager
    async def _line(self, request: "web.Request") -> AsyncIterator[Line]:
        """A connection that is pinged as long as it stands."""
        async with self.service.line(request) as line:
            pings = asyncio.get_running_loop().create_task(self._ping(line))
            try:
                yield line
            finally:
                pings.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                    await pings

    async def _ping(self, line: Line) -> None:
        while not line.socket.closed:
            await asyncio.sleep(PING_S)
            await line.socket.ping(str(self.venue.now_ms).encode())

    def warn(self) -> None:
        """Say on every connection that the server goes down."""
        for line in tuple(self.lines):
            line.warn(self.venue.now_ms)


def _is_too_many(times: deque[float]) -> bool:
    """Whether a message that comes now is one too many for its second."""
    times.append(asyncio.get_running_loop().time())
    return len(times) > MOST_MESSAGES and times[-1] - times[0] < MESSAGES_S


def _params(query: str, body: str) -> Params:
    """Parameters of query string and body; of one that is in both, the query string's."""
    first = parse_qsl(query, keep_blank_values=True)
    names = {name for name, _ in first}
    return Params(
        first + [item for item in parse_qsl(body, keep_blank_values=True) if item[0] not in names]
    )


def _response(said: object, status: int, headers: Mapping[str, str]) -> "web.Response":
    from aiohttp import web

    text = json.dumps(said, separators=(",", ":"))
    return web.Response(text=text, status=status, headers=headers, content_type="application/json")


def fault_answer(status: int) -> "web.Response":
    """The venue's answer where its wire is faulty: 429, or a 5xx that says nothing of what was done."""
    if status == 429:
        refused = refusals.Refusal(-1003, "Too many requests queued.", status=429)
        return _response(refused.body(), 429, {"Retry-After": "1"})
    refused = refusals.unknown_outcome()
    return _response(refused.body(), refused.status, {})


class RestartNotice:
    """Says that the server goes down some time before each restart."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._began_s, self._restarts, self._has_warned = -1.0, 0, False

    def look(self) -> None:
        """Warn where the next restart is near."""
        service, now_s = self._door.service, asyncio.get_running_loop().time()
        span = service.wire.faults.restart_s
        if self._began_s < 0.0 or service.restarts != self._restarts:
            self._began_s, self._restarts, self._has_warned = now_s, service.restarts, False
        left = span - (now_s - self._began_s)
        if span and not self._has_warned and left <= min(WARNING_S, span / 2):
            self._has_warned = True
            self._door.warn()
