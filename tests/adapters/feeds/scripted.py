"""Venues that do as a test tells them, on sockets of this machine."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from adapters.feeds.wires import when
from aiohttp import WSMsgType, web
from data.live.made_trades import SECOND

from peak_trade.data.live.events import FeedEvent

START = 1_700_000_040 * SECOND  # on a minute


class ScriptedVenue:
    """A server that grants subscriptions and sends what it is told to, at a time of its own."""

    def __init__(self) -> None:
        self.now_ns = START
        self.sockets: list[web.WebSocketResponse] = []
        self.connections = 0
        self.asked: list[dict[str, Any]] = []
        self.is_refusing = False
        self.is_answering_pings = True
        self.on_asked: Callable[[dict[str, Any]], list[str]] = lambda _: []
        self.rest: dict[str, Callable[[web.Request], web.Response]] = {}
        self.came = asyncio.Condition()
        self.base = ""

    async def socket(self, request: web.Request) -> web.StreamResponse:
        if self.is_refusing:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        self.sockets.append(socket)
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await self.take(socket, json.loads(message.data))
        finally:
            self.sockets.remove(socket)
        return socket

    async def take(self, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        for answer in self.answers(asked) + self.on_asked(asked):
            await socket.send_str(answer)
        async with self.came:
            self.asked.append(asked)
            self.came.notify_all()

    def answers(self, asked: dict[str, Any]) -> list[str]:
        raise AssertionError("each venue answers in its own way")

    async def question(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return self.rest[name](request)

    async def send(self, text: str) -> None:
        for socket in list(self.sockets):
            await socket.send_str(text)

    async def until_asked(self, matches: Callable[[dict[str, Any]], bool], count: int = 1) -> None:
        async with asyncio.timeout(30), self.came:
            await self.came.wait_for(lambda: sum(map(matches, self.asked)) >= count)

    async def cut(self) -> None:
        for socket in list(self.sockets):
            await socket.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ScriptedVenue"]:
        app = web.Application()
        for path in ("/v2", "/stream"):
            app.router.add_get(path, self.socket)
        app.router.add_get("/api/v3/{name}", self.question)
        runner = web.AppRunner(app, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.base = f"ws://{host}:{port}"
        try:
            yield self
        finally:
            await self.cut()
            await runner.cleanup()


class ScriptedKraken(ScriptedVenue):
    unknown: frozenset[str] = frozenset()

    def answers(self, asked: dict[str, Any]) -> list[str]:
        now = when(self.now_ns)
        if asked["method"] == "ping":
            pong = {"method": "pong", "req_id": asked["req_id"], "time_in": now, "time_out": now}
            return [json.dumps(pong)] if self.is_answering_pings else []
        params = asked["params"]
        granted = []
        for symbol in params["symbol"]:
            said: dict[str, Any] = {"method": asked["method"], "req_id": asked["req_id"]}
            if symbol in self.unknown:
                said |= {"success": False, "symbol": symbol}
                said["error"] = f"Currency pair not supported {symbol}"
            else:
                said |= {"success": True, "time_in": now, "time_out": now}
                said["result"] = {"channel": params["channel"], "symbol": symbol}
            granted.append(json.dumps(said))
        return granted


class ScriptedBinance(ScriptedVenue):
    def answers(self, asked: dict[str, Any]) -> list[str]:
        return [json.dumps({"result": None, "id": asked["id"]})]


class Listener:
    """What a feed tells, taken by a test as it comes."""

    def __init__(self, feed: AsyncIterator[FeedEvent]) -> None:
        self._feed = feed

    async def until(self, kind: type[FeedEvent]) -> Any:
        """The next event of a kind; what comes before it is passed over."""
        async with asyncio.timeout(30):
            async for event in self._feed:
                if isinstance(event, kind):
                    return event
        raise AssertionError(f"the feed ended before a {kind.__name__}")

    async def close(self) -> None:
        await self._feed.aclose()  # type: ignore[attr-defined]


def played(script: Coroutine[Any, Any, None]) -> None:
    """Run a test's script."""
    asyncio.run(script, debug=False)
