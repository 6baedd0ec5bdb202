"""Small markets for tests of Binance's simulator."""

import asyncio
import contextlib
import hmac
import http.client
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
import numpy as np

from peak_trade.simulation.binance.server import Running, listings
from peak_trade.simulation.market.clock import Clock, ManualClock, SimClock
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.tape import BarTape, TapeBars

MINUTE_NS = 60_000_000_000


def bars(price: float, count: int = 400, *, seed: int = 1) -> TapeBars:
    """Bars of a seeded walk."""
    rng = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(rng.normal(0.0, 0.001, count)))
    open_ = np.concatenate(([price], close[:-1]))
    high, low = np.maximum(open_, close) * 1.0005, np.minimum(open_, close) * 0.9995
    return TapeBars(open_, high, low, close, rng.uniform(5.0, 50.0, count))


def made_market(clock: Clock | None = None, *, speed: float = 1.0, history: int = 300) -> Market:
    """BTC/USDT about 30,000 and ETH/USDT about 2,000, in bars of a minute."""
    clock = clock or SimClock(speed=speed)
    listed = listings(["BTC/USDT", "ETH/USDT"])
    tapes = {
        one.symbol: BarTape(
            one, bars(price, seed=k), start_ns=clock.now_ns(), bar_ns=MINUTE_NS, history=history,
            trades=60, history_trades=6, seed=k,
        )
        for k, (one, price) in enumerate(zip(listed, (30_000.0, 2_000.0), strict=True))
    }  # fmt: skip
    return Market(listed, tapes, clock)


class Asker:
    """A plain client: signs and asks, and gives (status, answer, headers)."""

    def __init__(self, running: Running, *, key: str = "", secret: str = "") -> None:
        self._host = running.urls.rest.removeprefix("http://")
        self._clock = running.service.market.clock
        self.key, self.secret = key or running.key, secret or running.secret

    def ask(
        self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        connection = http.client.HTTPConnection(self._host, timeout=20)
        with contextlib.closing(connection):
            sent = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
            connection.request(method, path, body or None, sent | dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), dict(answer.getheaders())

    @property
    def now_ms(self) -> int:
        """What it is now in the market."""
        return self._clock.now_ns() // 1_000_000

    def get(self, path: str, **params: object) -> Any:
        """The answer to a public question."""
        return self.ask("GET", f"/api/v3/{path}?{urlencode(params)}")[1]

    def signed(
        self, method: str, path: str, **params: object
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Ask with a signature over the query string."""
        params.setdefault("timestamp", self.now_ms)
        query = urlencode(params)
        mac = hmac.new(self.secret.encode(), query.encode(), "sha256").hexdigest()
        return self.ask(
            method, f"/api/v3/{path}?{query}&signature={mac}", headers={"X-MBX-APIKEY": self.key}
        )

    def done(self, method: str, path: str, **params: object) -> Any:
        """The same, where it must be done."""
        status, said, _ = self.signed(method, path, **params)
        assert status == 200, said
        return said

    def refused(self, method: str, path: str, **params: object) -> tuple[int, int, str]:
        """The same, where it must be refused: status, code and text."""
        status, said, _ = self.signed(method, path, **params)
        assert status != 200, said
        return status, said["code"], said["msg"]

    def order(self, side: str, kind: str, **params: object) -> Any:
        """Place an order on BTCUSDT."""
        return self.done("POST", "order", symbol="BTCUSDT", side=side, type=kind, **params)


def market_at(text: str = "2024-03-01T00:30:00", **options: Any) -> tuple[Market, ManualClock]:
    """A market whose clock stands still, and the clock."""
    start = np.datetime64(text, "ns").astype(np.int64)
    clock = ManualClock(int(start))
    return made_market(clock, **options), clock


def pass_time(running: Running, seconds: float) -> None:
    """Let time pass in a market whose clock stands still, and let it happen."""
    market = running.service.market

    def passed() -> None:
        clock = market.clock
        assert isinstance(clock, ManualClock)
        clock.pass_time(seconds)
        market.advance()
        for act in running.service.on_tick:
            act()

    running.served.call(passed)


class Socket:
    """A plain WebSocket client: what comes is a JSON message; silence for long is a failure."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next(self, wait_s: float = 10.0) -> Any:
        """The next message."""
        message = await self.socket.receive(timeout=wait_s)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return json.loads(message.data)

    async def ask(self, said: object) -> Any:
        """Send a message, and give the next one that comes with an id."""
        await self.socket.send_str(said if isinstance(said, str) else json.dumps(said))
        while "id" not in (answer := await self.next()):
            pass
        return answer

    async def until(self, key: str, value: object) -> Any:
        """The next message that has this value."""
        while (message := await self.next()).get(key) != value:
            pass
        return message


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[Socket]:
    """A connection for as long as the block lasts."""
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        yield Socket(socket)


async def pass_time_beside(running: Running, seconds: float) -> None:
    """Let time pass without standing in the way of this loop."""
    await asyncio.to_thread(pass_time, running, seconds)
