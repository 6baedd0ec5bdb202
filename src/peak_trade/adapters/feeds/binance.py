"""Binance's spot streams: trades, candles and changes of books."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from peak_trade.adapters.feeds.running import VenueFeed
from peak_trade.data.live.book import NumberedBook
from peak_trade.data.live.events import Candle
from peak_trade.data.live.messages import (
    Accepted,
    BookMessage,
    Declined,
    Frame,
    GoingDown,
    Heartbeat,
    Trade,
    Unreadable,
    VenueCandle,
)
from peak_trade.data.live.source import Environment, FeedOptions, LiveCandleSource
from peak_trade.data.source import SourceError, Trouble
from peak_trade.domain.calendar import Interval

if TYPE_CHECKING:
    import aiohttp

_MS = 1_000_000
_INTERVALS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d")
_BATCH = 200  # streams a subscription names; at most five messages a second may be sent
_UNKNOWN_SYMBOL = -1121


class _Envelope(msgspec.Struct):
    stream: str = ""
    e: str = ""
    id: int | None = None
    code: int = 0
    msg: str = ""
    error: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()


class _Error(msgspec.Struct):
    code: int = 0
    msg: str = ""


class _Trade(msgspec.Struct):
    E: int
    s: str
    t: int
    p: str
    q: Decimal
    T: int
    m: bool


class _Candle(msgspec.Struct):
    t: int
    i: str
    o: str
    c: str
    h: str
    l: str  # noqa: E741 - the venue's own name
    v: str
    n: int
    x: bool


class _Kline(msgspec.Struct):
    E: int
    s: str
    k: _Candle


class _Depth(msgspec.Struct):
    E: int
    s: str
    U: int
    u: int
    b: list[tuple[Decimal, Decimal]]
    a: list[tuple[Decimal, Decimal]]


class _Snapshot(msgspec.Struct, rename={"last_id": "lastUpdateId"}):
    last_id: int
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


class _Time(msgspec.Struct, rename={"time_ms": "serverTime"}):
    time_ms: int


_envelope = msgspec.json.Decoder(_Envelope)
_trade = msgspec.json.Decoder(_Trade)
_kline = msgspec.json.Decoder(_Kline)
_depth = msgspec.json.Decoder(_Depth)
_snapshot = msgspec.json.Decoder(_Snapshot)
_time = msgspec.json.Decoder(_Time)
_error = msgspec.json.Decoder(_Error)


class BinanceDialect:
    """How Binance's public spot streams are spoken.

    A trade's id is one more than the one before it of its symbol, a candle says when it is closed and
    counts its trades, and the changes of a book are numbered from a snapshot on.

    Examples
    --------
    >>> BinanceDialect().address("ws://127.0.0.1:8900")
    'ws://127.0.0.1:8900/stream'
    """

    venue = "binance"
    intervals: tuple[str, ...] = _INTERVALS
    url = "wss://stream.binance.com:9443"
    rest_url = "https://api.binance.com"
    environments: Mapping[str, Environment] = MappingProxyType(
        {
            "stream.binance.com": "live",
            "data-stream.binance.vision": "live",
            "stream.testnet.binance.vision": "testnet",
            "testnet.binance.vision": "testnet",
        }
    )
    silence_ns = 45_000_000_000  # a ping every 20 seconds, candles every two
    renew_after_s: float | None = 23.5 * 3600  # it cuts a connection after 24 hours

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def address(self, base_url: str) -> str:
        """Give the address to connect to."""
        base = base_url.rstrip("/").removesuffix("/ws")
        return base if base.endswith("/stream") else f"{base}/stream"

    def subscriptions(self, symbols: Sequence[str], interval: str, depth: int) -> list[bytes]:
        """Ask for trades, candles and changes of books, some hundred streams at a time."""
        streams = []
        for symbol in symbols:
            name = venue_symbol(symbol)
            self._names[name] = symbol
            streams += [f"{name.lower()}@trade", f"{name.lower()}@kline_{interval}"]
            if depth:
                streams.append(f"{name.lower()}@depth@100ms")
        return [
            msgspec.json.encode(
                {"method": "SUBSCRIBE", "params": streams[k : k + _BATCH], "id": 1 + k // _BATCH}
            )
            for k in range(0, len(streams), _BATCH)
        ]

    def expected(self, symbols: Sequence[str], depth: int) -> set[tuple[str, str]]:
        """One answer a batch of streams."""
        count = len(symbols) * (3 if depth else 2)
        return {(f"batch {1 + k // _BATCH}", "") for k in range(0, count, _BATCH)}

    def resubscribe_book(self, symbol: str, depth: int) -> list[bytes]:
        """Nothing to send: a snapshot is asked of the server."""
        return []

    def ping(self, number: int) -> None:
        """The streams have no ping that tells the time."""

    def new_book(self, depth: int) -> NumberedBook:
        """Make an empty book, checked by the numbers of its changes."""
        return NumberedBook()

    def requests(self, session: "aiohttp.ClientSession", rest_url: str) -> "BinanceRequests | None":
        """Ask the server for symbols, time and snapshots, where its address is known."""
        return BinanceRequests(session, rest_url) if rest_url else None

    def decode(self, data: str | bytes) -> Frame:
        """Read a frame; what cannot be read is said to be so."""
        try:
            said = _envelope.decode(data)
            if said.stream == "!serverShutdown" or said.e == "serverShutdown":
                return Frame((GoingDown(),))
            if said.stream:
                return self._streamed(said)
            return _answer(said)
        except (msgspec.DecodeError, ValueError, ArithmeticError) as error:
            text = data if isinstance(data, str) else data.decode(errors="replace")
            return Frame((Unreadable(text, str(error)),))

    def _streamed(self, said: _Envelope) -> Frame:
        kind = said.stream.partition("@")[2]
        if kind == "trade":
            one = _trade.decode(said.data)
            symbol = self._names.get(one.s, one.s)
            side = -1 if one.m else 1
            made = Trade(symbol, one.t, one.T * _MS, float(one.p), one.q, side)
            return Frame((made,), one.E * _MS)
        if kind.startswith("kline_"):
            return self._candle(_kline.decode(said.data))
        if kind.startswith("depth"):
            change = _depth.decode(said.data)
            message = BookMessage(
                self._names.get(change.s, change.s), tuple(change.b), tuple(change.a), False,
                change.E * _MS, first_id=change.U, last_id=change.u,
            )  # fmt: skip
            return Frame((message,), change.E * _MS)
        return Frame((Unreadable(said.stream, "a stream that is not known"),))

    def _candle(self, said: _Kline) -> Frame:
        k, begin = said.k, said.k.t * _MS
        candle = Candle(
            begin, begin + Interval.parse(k.i).ns, float(k.o), float(k.h), float(k.l),
            float(k.c), float(k.v), k.n,
        )  # fmt: skip
        stamp = said.E * _MS
        return Frame((VenueCandle(self._names.get(said.s, said.s), candle, k.x, stamp),), stamp)


def venue_symbol(symbol: str) -> str:
    """Give the venue's own name.

    Examples
    --------
    >>> venue_symbol("BTC/USDT")
    'BTCUSDT'
    """
    return symbol.replace("/", "").upper()


def _answer(said: _Envelope) -> Frame:
    problem = _error.decode(said.error) if bytes(said.error) else _Error(said.code, said.msg)
    if problem.code or problem.msg:
        return Frame((Declined(f"{problem.msg} ({problem.code})"),))
    if said.id is not None:
        return Frame((Accepted(f"batch {said.id}"),))
    return Frame((Heartbeat(),))


class BinanceRequests:
    """Symbols, time and snapshots of books, asked of Binance's server."""

    def __init__(self, session: "aiohttp.ClientSession", rest_url: str) -> None:
        self._session, self._base = session, rest_url.rstrip("/").removesuffix("/api/v3")

    async def check_symbols(self, symbols: Sequence[str]) -> None:
        """Refuse a symbol that is not traded there."""
        for symbol in symbols:
            params = {"symbol": venue_symbol(symbol)}
            status, text = await self._get("exchangeInfo", params)
            if status == 400 and _error.decode(text).code == _UNKNOWN_SYMBOL:
                raise SourceError(
                    Trouble.UNKNOWN_SYMBOL,
                    f"binance does not know {symbol}",
                    hint="name it as base and quote, such as BTC/USDT",
                    symbol=symbol,
                )

    async def time_ns(self) -> int:
        """Give the venue's time."""
        _, text = await self._get("time", {})
        return _time.decode(text).time_ms * _MS

    async def book(self, symbol: str) -> BookMessage:
        """Give a snapshot of a book."""
        params = {"symbol": venue_symbol(symbol), "limit": "1000"}
        _, text = await self._get("depth", params)
        read = _snapshot.decode(text)
        return BookMessage(
            symbol, tuple(read.bids), tuple(read.asks), True, 0, last_id=read.last_id
        )

    async def _get(self, name: str, params: Mapping[str, str]) -> tuple[int, bytes]:
        async with self._session.get(f"{self._base}/api/v3/{name}", params=params) as answer:
            return answer.status, await answer.read()


def binance_feed(options: FeedOptions) -> LiveCandleSource:
    """Give Binance's live feed.

    Examples
    --------
    >>> binance_feed(FeedOptions(base_url="wss://stream.testnet.binance.vision"))
    VenueFeed(binance testnet, wss://stream.testnet.binance.vision/stream)
    """
    return VenueFeed(BinanceDialect(), options)
