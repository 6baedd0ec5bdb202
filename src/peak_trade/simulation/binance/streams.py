"""Market streams: what happens in the market, at the pace of each stream that somebody listens to."""

from collections.abc import Callable
from dataclasses import dataclass, field

from peak_trade.simulation.binance import market_shapes as shapes
from peak_trade.simulation.binance.decimals import text_of
from peak_trade.simulation.binance.intervals import next_ns, opened_ns
from peak_trade.simulation.binance.order_shapes import Json, milliseconds
from peak_trade.simulation.binance.reads import candles
from peak_trade.simulation.binance.stream_names import StreamName
from peak_trade.simulation.binance.venue import AVERAGE_MINUTES, Venue
from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.orders import BookChanged, Told, TradeSeen
from peak_trade.simulation.market.quotes import Levels

Hear = Callable[[str, object], None]
"""Told of a stream's name and of one of its messages."""

MOST_CLOSED = 1_000
"""Candles that may close between two looks at the market; of more, the last ones are told."""


@dataclass(slots=True, eq=False)
class Stream:
    """A stream that is listened to, and what it has not told yet."""

    name: StreamName
    listing: Listing | None
    hears: list[Hear] = field(default_factory=list)
    due_ns: int = 0
    is_new: bool = True
    first_id: int = 0
    last_id: int = 0
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    opened_ns: int = 0
    told: object = None

    def tell(self, message: object) -> None:
        """Tell everybody who listens."""
        for hear in tuple(self.hears):
            hear(self.name.text, message)


class MarketStreams:
    """The streams of a venue's market.

    Parameters
    ----------
    venue : Venue
        Whose market.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._streams: dict[str, Stream] = {}
        venue.market.subscribe(self._hear)

    @property
    def names(self) -> tuple[str, ...]:
        """The streams that somebody listens to."""
        return tuple(self._streams)

    def add(self, name: StreamName, hear: Hear) -> None:
        """Begin to tell a function of a stream; one of a symbol that is not listed stays silent."""
        stream = self._streams.get(name.text)
        if stream is None:
            symbol = self._venue.symbols.get(name.venue_symbol)
            if symbol is None and name.venue_symbol:
                return
            listing = self._venue.market.listing(symbol) if symbol else None
            stream = self._streams[name.text] = Stream(name, listing)
            if name.interval:
                stream.opened_ns = opened_ns(name.interval, self._venue.market.now_ns)
        if hear not in stream.hears:
            stream.hears.append(hear)

    def remove(self, name: str, hear: Hear) -> None:
        """Tell it no more."""
        stream = self._streams.get(name)
        if stream is not None and hear in stream.hears:
            stream.hears.remove(hear)
            if not stream.hears:
                del self._streams[name]

    # --- as it happens ---------------------------------------------------------------------------

    def _hear(self, told: Told) -> None:
        if isinstance(told, TradeSeen):
            for stream in self._of(told.trade.symbol):
                self._on_trade(stream, told)
        elif isinstance(told, BookChanged):
            for stream in self._of(told.symbol):
                self._on_book(stream, told)

    def _of(self, symbol: str) -> list[Stream]:
        return [
            one for one in self._streams.values() if one.listing and one.listing.symbol == symbol
        ]

    def _on_trade(self, stream: Stream, told: TradeSeen) -> None:
        if stream.listing is None:
            return
        now_ms = milliseconds(self._venue.market.now_ns)
        if stream.name.kind == "trade":
            stream.tell(shapes.trade_event(stream.listing, told.trade, now_ms))
        elif stream.name.kind == "aggTrade":
            stream.tell(shapes.agg_trade_event(stream.listing, told.trade, now_ms))
        else:
            stream.is_new = True

    def _on_book(self, stream: Stream, told: BookChanged) -> None:
        if stream.name.kind == "depth":
            stream.first_id = stream.first_id or told.before_id + 1
            stream.last_id = told.update_id
            stream.bids.update(told.bids)
            stream.asks.update(told.asks)
        elif stream.name.kind == "bookTicker" and stream.listing is not None:
            best = self._levels(stream.listing, 1)
            if best != stream.told:
                stream.told = best
                stream.tell(shapes.book_ticker_event(stream.listing, best, told.update_id))
        elif stream.name.kind == "levels":
            stream.is_new = True

    def _levels(self, listing: Listing, depth: int) -> Levels:
        view = self._venue.market.book(listing.symbol, depth=depth)
        return Levels(view.bids, view.asks)

    # --- at its pace -----------------------------------------------------------------------------

    def flush(self) -> None:
        """Tell what is due by the market's clock."""
        now_ns = self._venue.market.now_ns
        for stream in list(self._streams.values()):
            pace = stream.name.every_ns
            if not pace:
                continue
            if stream.name.kind == "kline" and stream.listing is not None:
                self._tell_closed(stream, stream.listing, now_ns)
            if now_ns >= stream.due_ns and self._tell_due(stream, now_ns):
                stream.due_ns = now_ns - now_ns % pace + pace

    def _tell_closed(self, stream: Stream, listing: Listing, now_ns: int) -> None:
        """Tell of the candles that have closed since the last look."""
        interval, opened = stream.name.interval, stream.opened_ns
        current = opened_ns(interval, now_ns)
        if current <= opened:
            return
        stream.opened_ns, stream.is_new, stream.due_ns = current, True, now_ns
        found = candles(
            self._venue.market, listing, interval, stop_ns=current - 1, limit=MOST_CLOSED
            if (now_ns - opened) > 2 * (next_ns(interval, opened) - opened) else 1,
        )  # fmt: skip
        for candle in found:
            if opened <= candle.open_ns < current:
                stream.tell(
                    shapes.kline_event(
                        listing, candle, interval, now_ms=milliseconds(now_ns), is_closed=True
                    )
                )

    def _tell_due(self, stream: Stream, now_ns: int) -> bool:
        """Tell what a stream has to tell; whether there was anything."""
        kind, listing, now_ms = stream.name.kind, stream.listing, milliseconds(now_ns)
        if kind == "depth" and listing is not None:
            return self._tell_depth(stream, listing, now_ms)
        if not stream.is_new and stream.listing is not None:
            return False
        stream.is_new = False
        if listing is None:
            make = self._mini if kind == "miniTicker" else self._full
            stream.tell([make(one, now_ms) for one in self._venue.market.listings.values()])
        elif kind == "kline":
            self._tell_forming(stream, listing, now_ms)
        elif kind == "levels":
            self._tell_levels(stream, listing)
        elif kind == "miniTicker":
            stream.tell(self._mini(listing, now_ms))
        elif kind == "ticker":
            stream.tell(self._full(listing, now_ms))
        else:
            average = text_of(self._venue.average(listing))
            stream.tell(shapes.average_event(listing, average, AVERAGE_MINUTES, now_ms))
        return True

    def _tell_depth(self, stream: Stream, listing: Listing, now_ms: int) -> bool:
        if not stream.first_id:
            return False
        event = shapes.depth_event(
            listing, list(stream.bids.items()), list(stream.asks.items()),
            first_id=stream.first_id, last_id=stream.last_id, now_ms=now_ms,
        )  # fmt: skip
        stream.first_id = 0
        stream.bids.clear()
        stream.asks.clear()
        stream.tell(event)
        return True

    def _tell_forming(self, stream: Stream, listing: Listing, now_ms: int) -> None:
        interval = stream.name.interval
        for candle in candles(self._venue.market, listing, interval):
            event = shapes.kline_event(listing, candle, interval, now_ms=now_ms, is_closed=False)
            stream.tell(event)

    def _tell_levels(self, stream: Stream, listing: Listing) -> None:
        view = self._venue.market.book(listing.symbol, depth=stream.name.levels)
        stream.tell(shapes.book(listing, Levels(view.bids, view.asks), view.update_id))

    def _mini(self, listing: Listing, now_ms: int) -> Json:
        return shapes.mini_ticker_event(
            listing, self._venue.market.ticker(listing.symbol).day, now_ms
        )

    def _full(self, listing: Listing, now_ms: int) -> Json:
        seen = self._venue.market.ticker(listing.symbol)
        return shapes.ticker_event(listing, seen.day, seen.last, self._levels(listing, 1), now_ms)
