"""A simulated Kraken for tests, and small clients that share no code with it."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp

from peak_trade.simulation.frames import MessageFaults
from peak_trade.simulation.kraken.server import RunningKraken, listings, running
from peak_trade.simulation.market.clock import ManualClock
from tests.simulation.market.markets_at_hand import SECOND, wave_market

START = 1_700_000_000


@dataclass
class Bench:
    """A venue, its clock, and a REST client of its first key."""

    venue: RunningKraken
    clock: ManualClock
    nonce: int = field(default=0)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and the market come to it."""
        self.clock.pass_time(seconds)
        self.venue.running.call(self.venue.server.market.advance)

    def public(self, name: str, **query: object) -> Any:
        with urllib.request.urlopen(
            f"{self.venue.urls.rest}/0/public/{name}?{urlencode(query)}", timeout=10
        ) as answer:
            return json.load(answer)

    def private(
        self, name: str, *, key: str = "", secret: str = "", nonce: int = 0, **more: object
    ) -> Any:
        """Sign as documented, with nothing of the venue's own code."""
        own = self.venue.keys[0]
        self.nonce = nonce or self.nonce + 1
        body = urlencode({"nonce": self.nonce, **more})
        path = f"/0/private/{name}"
        digest = hashlib.sha256(f"{self.nonce}{body}".encode()).digest()
        signed = hmac.new(base64.b64decode(secret or own.secret), path.encode() + digest, "sha512")
        request = urllib.request.Request(
            self.venue.urls.rest + path, body.encode(),
            {"API-Key": key or own.key, "API-Sign": base64.b64encode(signed.digest()).decode(),
             "Content-Type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def done(self, name: str, **more: object) -> Any:
        """The result of a private call that must succeed."""
        answer = self.private(name, **more)
        assert answer["error"] == []
        return answer["result"]


@contextlib.contextmanager
def bench(
    *,
    faults: MessageFaults | None = None,
    tier: str = "none",
    symbols: tuple[str, ...] = ("BTC/USD", "ETH/USD"),
    usd: str = "100000",
    btc: str = "5",
    history: int = 900,
) -> Iterator[Bench]:
    clock = ManualClock(START * SECOND)
    market = wave_market(clock=clock, listings=listings(symbols), history=history)
    market.open_account("me", {"USD": usd, "BTC": btc})
    with running(market, faults=faults, tier=tier) as venue:
        yield Bench(venue, clock)


class Wire:
    """A WebSocket client that keeps every number as the text it came as."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.kept: list[Any] = []
        self.parse_float: type = str

    async def say(self, **message: object) -> None:
        await self.socket.send_str(json.dumps(message))

    async def next(self) -> Any:
        frame = await asyncio.wait_for(self.socket.receive_str(), 10)
        return json.loads(frame, parse_float=self.parse_float)

    async def until(self, **fields: object) -> Any:
        """The next message with such fields; those before it are kept."""
        while True:
            message = await self.next()
            if all(message.get(name) == value for name, value in fields.items()):
                return message
            self.kept.append(message)


@contextlib.asynccontextmanager
async def wired(url: str) -> AsyncIterator[Wire]:
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        yield Wire(socket)
