"""Kraken's WebSocket v2: trades, candles and books."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from peak_trade.adapters.feeds.running import VenueFeed
from peak_trade.adapters.feeds.stamps import rfc3339_ns
from peak_trade.data.live.book import CheckedBook
from peak_trade.data.live.events import Candle
from peak_trade.data.live.messages import (
    Accepted,
    BookMessage,
    Declined,
    Frame,
    Heartbeat,
    Message,
    Pong,
    Status,
    Trade,
    Unreadable,
    VenueCandle,
)
from peak_trade.data.live.source import Environment, FeedOptions, LiveCandleSource
from peak_trade.domain.errors import ParameterError

if TYPE_CHECKING:
    import aiohttp

_MINUTES = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440}
_DEPTHS = (10, 25, 100, 500, 1000)
_MINUTE_NS = 60_000_000_000
_UNKNOWN = "currency pair not supported"


class _Envelope(msgspec.Struct):
    channel: str = ""
    type: str = ""
    method: str = ""
    success: bool | None = None
    error: str = ""
    symbol: str = ""
    req_id: int = 0
    timestamp: str = ""
    time_in: str = ""
    time_out: str = ""
    result: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()


class _Result(msgspec.Struct):
    channel: str = ""
    symbol: str = ""


class _Trade(msgspec.Struct):
    symbol: str
    side: str
    price: float
    qty: Decimal
    trade_id: int
    timestamp: str


class _Candle(msgspec.Struct):
    symbol: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int
    interval: int
    interval_begin: str


class _Level(msgspec.Struct):
    price: Decimal
    qty: Decimal


class _Book(msgspec.Struct):
    symbol: str
    bids: list[_Level]
    asks: list[_Level]
    checksum: int
    timestamp: str = ""


class _Status(msgspec.Struct):
    system: str = ""


_envelope = msgspec.json.Decoder(_Envelope)
_result = msgspec.json.Decoder(_Result)
_trades = msgspec.json.Decoder(list[_Trade])
_candles = msgspec.json.Decoder(list[_Candle])
_books = msgspec.json.Decoder(list[_Book])
_status = msgspec.json.Decoder(list[_Status])


class KrakenDialect:
    """How Kraken's public stream is spoken (WebSocket API v2).

    A trade's id is one more than the one before it of its pair. A candle comes while it is formed, with
    no word that it is closed, and counts its trades. Prices and sizes are read to the last digit, which
    the checksum of a book needs.

    Examples
    --------
    >>> KrakenDialect().address("ws://127.0.0.1:8900")
    'ws://127.0.0.1:8900/v2'
    """

    venue = "kraken"
    intervals: tuple[str, ...] = tuple(_MINUTES)
    url = "wss://ws.kraken.com/v2"
    rest_url = ""
    environments: Mapping[str, Environment] = MappingProxyType({"ws.kraken.com": "live"})
    silence_ns = 10_000_000_000  # it sends a heartbeat every second
    renew_after_s: float | None = None

    def address(self, base_url: str) -> str:
        """Give the address to connect to."""
        base = base_url.rstrip("/")
        return base if base.endswith("/v2") else f"{base}/v2"

    def subscriptions(self, symbols: Sequence[str], interval: str, depth: int) -> list[bytes]:
        """Ask for trades with the last 50, for candles, and for books."""
        wanted: list[tuple[str, dict[str, object]]] = [
            ("trade", {"snapshot": True}),
            ("ohlc", {"interval": _MINUTES[interval], "snapshot": True}),
        ]
        if depth:
            wanted.append(("book", {"depth": _depth(depth), "snapshot": True}))
        return [
            _asked("subscribe", channel, list(symbols), number, more)
            for number, (channel, more) in enumerate(wanted, 1)
        ]

    def expected(self, symbols: Sequence[str], depth: int) -> set[tuple[str, str]]:
        """One answer a channel and symbol."""
        channels = ("trade", "ohlc", "book") if depth else ("trade", "ohlc")
        return {(channel, symbol) for channel in channels for symbol in symbols}

    def resubscribe_book(self, symbol: str, depth: int) -> list[bytes]:
        """Leave the book's channel and come back, which brings a snapshot."""
        more: dict[str, object] = {"depth": _depth(depth), "snapshot": True}
        return [
            _asked("unsubscribe", "book", [symbol], 8, {"depth": _depth(depth)}),
            _asked("subscribe", "book", [symbol], 9, more),
        ]

    def ping(self, number: int) -> bytes:
        """Ask for a pong."""
        return msgspec.json.encode({"method": "ping", "req_id": number})

    def new_book(self, depth: int) -> CheckedBook:
        """Make an empty book, checked by its checksum."""
        return CheckedBook(depth=_depth(depth))

    def requests(self, session: "aiohttp.ClientSession", rest_url: str) -> None:
        """Nothing needs to be asked: the stream answers everything."""

    def decode(self, data: str | bytes) -> Frame:
        """Read a frame; what cannot be read is said to be so."""
        try:
            said = _envelope.decode(data)
            if said.method:
                return _answer(said)
            return _CHANNELS.get(said.channel, _other)(said)
        except (msgspec.DecodeError, ValueError) as error:
            text = data if isinstance(data, str) else data.decode(errors="replace")
            return Frame((Unreadable(text, str(error)),))


def _depth(wanted: int) -> int:
    """The smallest depth offered that holds as many levels."""
    for depth in _DEPTHS:
        if wanted <= depth:
            return depth
    raise ParameterError(
        f"a book of {wanted} levels is not offered by kraken", hint=f"at most {_DEPTHS[-1]}"
    )


def _asked(
    method: str, channel: str, symbols: list[str], number: int, more: Mapping[str, object]
) -> bytes:
    params = {"channel": channel, "symbol": symbols, **more}
    return msgspec.json.encode({"method": method, "params": params, "req_id": number})


def _answer(said: _Envelope) -> Frame:
    text = said.time_out or said.time_in
    stamp = rfc3339_ns(text) if text else None
    if said.method == "pong":
        return Frame((Pong(said.req_id),), stamp)
    if said.method != "subscribe":
        return Frame((Heartbeat(),), stamp)
    if said.success:
        result = _result.decode(said.result) if bytes(said.result) else _Result()
        return Frame((Accepted(result.channel, result.symbol or said.symbol),), stamp)
    if said.error.startswith("Already subscribed"):
        return Frame((Heartbeat(),), stamp)
    is_unknown = said.error.lower().startswith(_UNKNOWN)
    return Frame((Declined(said.error, said.symbol, is_unknown),), stamp)


def _trade_frame(said: _Envelope) -> Frame:
    read = [
        Trade(
            one.symbol, one.trade_id, rfc3339_ns(one.timestamp), one.price, one.qty,
            1 if one.side == "buy" else -1,
        )
        for one in _trades.decode(said.data)
    ]  # fmt: skip
    is_new = said.type == "update" and bool(read)
    return Frame(tuple(read), max(trade.time_ns for trade in read) if is_new else None)


def _candle_frame(said: _Envelope) -> Frame:
    read: list[Message] = []
    stamp = rfc3339_ns(said.timestamp) if said.timestamp and said.type == "update" else None
    for one in _candles.decode(said.data):
        begin = rfc3339_ns(one.interval_begin)
        candle = Candle(
            begin, begin + one.interval * _MINUTE_NS, one.open, one.high, one.low, one.close,
            one.volume, one.trades,
        )  # fmt: skip
        read.append(VenueCandle(one.symbol, candle, False, stamp or begin))
    return Frame(tuple(read), stamp)


def _book_frame(said: _Envelope) -> Frame:
    read: list[Message] = []
    stamp: int | None = None
    for one in _books.decode(said.data):
        stamp = rfc3339_ns(one.timestamp) if one.timestamp else stamp
        read.append(
            BookMessage(
                one.symbol,
                tuple((level.price, level.qty) for level in one.bids),
                tuple((level.price, level.qty) for level in one.asks),
                said.type == "snapshot",
                stamp or 0,
                one.checksum,
            )
        )
    return Frame(tuple(read), stamp)


def _status_frame(said: _Envelope) -> Frame:
    return Frame(tuple(Status(one.system) for one in _status.decode(said.data) if one.system))


def _heartbeat_frame(said: _Envelope) -> Frame:  # noqa: ARG001 - it says nothing else
    return Frame((Heartbeat(),))


def _other(said: _Envelope) -> Frame:
    return Frame((Unreadable(said.channel, "a channel that is not known"),))


_CHANNELS = {
    "trade": _trade_frame,
    "ohlc": _candle_frame,
    "book": _book_frame,
    "status": _status_frame,
    "heartbeat": _heartbeat_frame,
}


def kraken_feed(options: FeedOptions) -> LiveCandleSource:
    """Give Kraken's live feed.

    Examples
    --------
    >>> kraken_feed(FeedOptions())
    VenueFeed(kraken live, wss://ws.kraken.com/v2)
    """
    return VenueFeed(KrakenDialect(), options)
