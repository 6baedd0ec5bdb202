"""How long the feed itself takes from a message to the closed bar, and whether anything is lost."""

import asyncio
import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import numpy as np
from aiohttp import WSMsgType, web

from benchmarks.figures import Figure
from peak_trade.app.feeds import found_feed
from peak_trade.data.live.events import Candle, ClosedBar, FeedEvent, Missing
from peak_trade.data.live.source import FeedOptions
from peak_trade.data.live.thread import FeedThread

MINUTES = 10
RATE = 1_000
"""Messages a second, over all symbols."""
SYMBOLS = tuple(f"C{k}/USDT" for k in range(10))
SECOND = 1_000_000_000
TARGET_MS = 5.0
SEED = 20_261
BATCH_S = 0.01


def measure(scale: float) -> list[Figure]:
    """Listen to a made-up venue at 1,000 messages a second; ``scale`` 1 is ten minutes."""
    seconds = max(3.0, MINUTES * 60 * scale)
    venue = MadeVenue(seconds)
    with venue.running() as url:
        told, taken_ms = _heard(venue, url)
    truth = venue.bars()
    bars = {(e.symbol, e.candle.open_ns): e.candle for e in told if isinstance(e, ClosedBar)}
    opens = [at for e in told if isinstance(e, Missing) for at in e.opens]
    began_inside = min([*opens, *(at for _, at in bars)], default=0)
    missing = sum(at > began_inside for at in opens)  # nobody is asked for the first one
    wrong = sum(_differs(candle, truth[key]) for key, candle in bars.items())
    wanted = {key for key in truth if key[1] + SECOND <= venue.last_ns and key in venue.whole(bars)}
    lost = len(wanted - set(bars)) + missing
    p50, p99 = (float(np.percentile(taken_ms, q)) for q in (50, 99)) if taken_ms else (0.0, 0.0)
    what = f"message read to closed bar handed over, {venue.sent:,} messages at {RATE:,}/s"
    found = f"p99 {p99:.2f} ms, median {p50:.2f} ms of {len(taken_ms):,} bars"
    return [
        Figure("feed", what, f"p99 at most {TARGET_MS:g} ms", found, p99 <= TARGET_MS, True),
        Figure(
            "feed",
            f"bars over {seconds:,.0f} s of 10 symbols",
            "all of them, none wrong",
            f"{len(bars):,} bars, {lost} missing, {wrong} wrong",
            bool(bars) and lost == wrong == 0,
        ),
    ]


def _differs(found: Candle, real: Candle) -> bool:
    mine = (found.open, found.high, found.low, found.close, found.volume, found.trades)
    return mine != (real.open, real.high, real.low, real.close, real.volume, real.trades)


def _heard(venue: "MadeVenue", url: str) -> tuple[list[FeedEvent], list[float]]:
    """Everything that was told, and how long each bar took to be handed to a synchronous reader."""
    told: list[FeedEvent] = []
    taken_ms: list[float] = []
    options = FeedOptions(base_url=url)
    make = found_feed("binance")
    with FeedThread(lambda: make(options).bars(SYMBOLS, "1s")) as events:
        while not venue.is_over.is_set():
            event = events.get(timeout_s=0.2)
            if event is None:
                continue
            if isinstance(event, ClosedBar):
                taken_ms.append((time.time_ns() - event.received_ns) / 1e6)
            told.append(event)
    return told, taken_ms


class MadeVenue:
    """Speaks Binance's streams on this machine: trades, and a closed candle every other second.

    Every second candle is left out, so that half of the bars are built from trades.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._rng = np.random.default_rng(SEED)
        self._trades: dict[tuple[str, int], list[tuple[float, Decimal]]] = defaultdict(list)
        self.is_over = threading.Event()
        self.sent = 0
        self.last_ns = 0

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await socket.send_str(json.dumps({"result": None, "id": 1}))
                await self._play(socket)
        return socket

    async def _play(self, socket: web.WebSocketResponse) -> None:
        """Send at the rate, by a clock that does not drift."""
        begin, number, told_second = time.monotonic(), 0, 0
        begin_ns = time.time_ns()
        while (passed := time.monotonic() - begin) < self._seconds:
            while number < passed * RATE:
                at_ns = begin_ns + int(number / RATE * 1e9)
                second = at_ns // SECOND
                if told_second and second != told_second:
                    await self._candles(socket, told_second * SECOND)
                told_second = second
                await socket.send_str(self._trade(number, at_ns))
                number += 1
            await asyncio.sleep(BATCH_S)
        self.sent += number
        await asyncio.sleep(3.0)
        self.is_over.set()

    def _trade(self, number: int, at_ns: int) -> str:
        symbol = SYMBOLS[number % len(SYMBOLS)]
        cents, size = (int(n) for n in self._rng.integers(1, 1_000_000, 2))
        at_ms = at_ns // 1_000_000
        self.last_ns = at_ms * 1_000_000
        exact = Decimal(size).scaleb(-8)
        self._trades[symbol, at_ms // 1000 * SECOND].append((cents / 100, exact))
        name = symbol.replace("/", "")
        return (
            f'{{"stream":"{name.lower()}@trade","data":{{"e":"trade","E":{at_ms},"s":"{name}",'
            f'"t":{1 + number // len(SYMBOLS)},"p":"{cents / 100:.2f}","q":"{exact:.8f}","T":{at_ms},'
            f'"m":true,"M":true}}}}'
        )

    async def _candles(self, socket: web.WebSocketResponse, open_ns: int) -> None:
        for k, symbol in enumerate(SYMBOLS):
            candle = self._candle(symbol, open_ns)
            if candle is None or (open_ns // SECOND + k) % 2:
                continue
            self.sent += 1
            name = symbol.replace("/", "")
            k_ = {"t": open_ns // 1_000_000, "T": open_ns // 1_000_000 + 999, "s": name, "i": "1s",
                  "f": 1, "L": 2, "o": str(candle.open), "c": str(candle.close),
                  "h": str(candle.high), "l": str(candle.low), "v": str(candle.volume),
                  "n": candle.trades, "x": True}  # fmt: skip
            data = {"e": "kline", "E": open_ns // 1_000_000 + 1000, "s": name, "k": k_}
            await socket.send_str(json.dumps({"stream": f"{name.lower()}@kline_1s", "data": data}))

    def _candle(self, symbol: str, open_ns: int) -> Candle | None:
        some = self._trades.get((symbol, open_ns))
        if not some:
            return None
        prices = [price for price, _ in some]
        volume = float(sum((size for _, size in some), Decimal(0)))
        close_ns = open_ns + SECOND
        return Candle(
            open_ns, close_ns, prices[0], max(prices), min(prices), prices[-1], volume, len(some)
        )

    def bars(self) -> dict[tuple[str, int], Candle]:
        """The true bars."""
        made = {(symbol, at): self._candle(symbol, at) for symbol, at in self._trades}
        return {key: candle for key, candle in made.items() if candle is not None}

    def whole(self, found: dict[tuple[str, int], Candle]) -> set[tuple[str, int]]:
        """Bars from the first on that each symbol was told of: the feed began inside one."""
        first: dict[str, int] = {}
        for symbol, at in sorted(found):
            first.setdefault(symbol, at)
        return {(s, at) for s, at in self._trades if s in first and at >= first[s]}

    @contextmanager
    def running(self) -> Iterator[str]:
        """Serve on this machine, in a thread of its own, until the block ends."""
        is_up, is_done = threading.Event(), asyncio.Event()
        place: list[str] = []
        loops: list[asyncio.AbstractEventLoop] = []

        async def serve() -> None:
            app = web.Application()
            app.router.add_get("/stream", self._socket)
            runner = web.AppRunner(app, shutdown_timeout=1.0)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            place.append(f"ws://127.0.0.1:{runner.addresses[0][1]}")
            loops.append(asyncio.get_running_loop())
            is_up.set()
            await is_done.wait()
            await runner.cleanup()

        thread = threading.Thread(target=lambda: asyncio.run(serve()), name="made venue")
        thread.start()
        is_up.wait(30)
        try:
            yield place[0]
        finally:
            loops[0].call_soon_threadsafe(is_done.set)
            thread.join(30)
