"""The public channels of the simulated Kraken's WebSocket: who hears what, and in which words."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from peak_trade.simulation.kraken.names import stamp
from peak_trade.simulation.kraken.public import INTERVALS
from peak_trade.simulation.kraken.wire import Number, checksum, scoped, text_of
from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.orders import BookChanged, Told, TradeSeen
from peak_trade.simulation.market.quotes import Level, Levels
from peak_trade.simulation.market.service import Line
from peak_trade.simulation.market.track import Candle, Print

DEPTHS = (10, 25, 100, 500, 1_000)
CHANNELS = ("ticker", "book", "trade", "ohlc", "instrument")
_MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Topic:
    """What one can subscribe to: a channel of a symbol, with its depth, interval or trigger."""

    channel: str
    symbol: str = ""
    depth: int = 0
    interval: int = 0
    trigger: str = ""


class Feed:
    """Tells lines of trades, books, candles and tickers as they change.

    Parameters
    ----------
    market : Market
        What is told of.
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self._lines: dict[Topic, list[Line]] = {}
        self._books: dict[Topic, Levels] = {}
        self._bests: dict[str, tuple[Level | None, Level | None]] = {}
        market.subscribe(self._told)

    # --- who hears what --------------------------------------------------------------------------

    def join(self, line: Line, topic: Topic) -> None:
        """Let a line hear a topic."""
        self._lines.setdefault(topic, []).append(line)
        if topic.channel == "book" and topic not in self._books:
            self._books[topic] = self._levels(topic)

    def leave(self, line: Line, topic: Topic) -> bool:
        """Let a line hear a topic no longer; False where it did not hear it."""
        lines = self._lines.get(topic, [])
        if line not in lines:
            return False
        lines.remove(line)
        if not lines:
            self._lines.pop(topic)
            self._books.pop(topic, None)
        return True

    def leave_all(self, line: Line) -> None:
        """A line has gone."""
        for topic in self.heard(line):
            self.leave(line, topic)

    def heard(self, line: Line) -> list[Topic]:
        """What a line hears."""
        return [topic for topic, lines in self._lines.items() if line in lines]

    # --- what has happened -----------------------------------------------------------------------

    def _told(self, told: Told) -> None:
        if isinstance(told, TradeSeen):
            self._traded(told.trade)
        elif isinstance(told, BookChanged):
            self._book_changed(told)

    def _traded(self, trade: Print) -> None:
        symbol = trade.symbol
        for topic in [t for t in self._lines if t.symbol == symbol]:
            if topic.channel == "trade":
                self._send(topic, lambda: self.trades([trade], "update"))
            elif topic.channel == "ohlc":
                self._send(topic, lambda topic=topic: self.candles(topic, "update"))  # type: ignore[misc]
            elif topic.channel == "ticker" and topic.trigger != "bbo":
                self._send(topic, lambda: self.ticker(symbol, "update"))

    def _book_changed(self, change: BookChanged) -> None:
        topics = [t for t in self._lines if t.symbol == change.symbol]
        for topic in topics:
            if topic.channel == "book":
                before, after = self._books[topic], self._levels(topic)
                self._books[topic] = after
                bids, asks = scoped(before, after, topic.depth)
                if bids or asks:
                    self._send(
                        topic,
                        lambda b=bids, a=asks, now=after: self._book(  # type: ignore[misc]
                            change.symbol, "update", b, a, now, change.time_ns
                        ),
                    )
        if any(t.trigger == "bbo" for t in topics):
            book = self.market.book(change.symbol, depth=1)
            best = (next(iter(book.bids), None), next(iter(book.asks), None))
            if self._bests.get(change.symbol) != best:
                self._bests[change.symbol] = best
                for topic in topics:
                    if topic.trigger == "bbo":
                        self._send(topic, lambda: self.ticker(change.symbol, "update"))

    def _send(self, topic: Topic, made: Callable[[], str]) -> None:
        text = made()
        for line in list(self._lines.get(topic, ())):
            line.send(text, is_data=True)

    # --- in words --------------------------------------------------------------------------------

    def snapshot(self, topic: Topic) -> str:
        """How a topic stands, as the first message of a subscription."""
        if topic.channel == "trade":
            return self.trades(self.market.trades(topic.symbol, limit=50), "snapshot")
        if topic.channel == "ohlc":
            return self.candles(topic, "snapshot")
        if topic.channel == "ticker":
            return self.ticker(topic.symbol, "snapshot")
        if topic.channel == "instrument":
            return instruments_text(self.market)
        now = self._books.get(topic) or self._levels(topic)
        return self._book(topic.symbol, "snapshot", now.bids, now.asks, now, self.market.now_ns)

    def trades(self, found: Iterable[Print], kind: str) -> str:
        """Public trades."""
        return text_of({"channel": "trade", "type": kind, "data": [self._trade(t) for t in found]})

    def _trade(self, trade: Print) -> dict[str, object]:
        listing = self.market.listings[trade.symbol]
        return {
            "symbol": trade.symbol, "side": "buy" if trade.side > 0 else "sell",
            "price": Number(listing.price_text(trade.ticks)),
            "qty": Number(listing.size_text(trade.lots)), "ord_type": "market",
            "trade_id": trade.trade_id, "timestamp": stamp(trade.time_ns),
        }  # fmt: skip

    def candles(self, topic: Topic, kind: str) -> str:
        """The candle that forms; in a snapshot those before it too."""
        limit = 720 if kind == "snapshot" else 1
        span = topic.interval * _MINUTE_NS
        found = self.market.candles(topic.symbol, span, limit=limit)
        listing = self.market.listings[topic.symbol]
        rows = [_candle(listing, candle, topic.interval) for candle in found if candle.trades]
        return text_of(
            {
                "channel": "ohlc", "type": kind,
                "timestamp": stamp(self.market.now_ns, digits=9), "data": rows,
            }
        )  # fmt: skip

    def ticker(self, symbol: str, kind: str) -> str:
        """Best levels, last price, and the figures of the last 24 hours."""
        listing, found = self.market.listings[symbol], self.market.ticker(symbol)
        day, last = found.day, found.last
        price, size = listing.price_text, listing.size_text
        change = (last.ticks if last else 0) - day.open
        share = 100.0 * change / day.open if day.open else 0.0
        row = {
            "symbol": symbol, "bid": Number(price(found.bid[0])),
            "bid_qty": Number(size(found.bid[1])), "ask": Number(price(found.ask[0])),
            "ask_qty": Number(size(found.ask[1])), "last": Number(price(last.ticks if last else 0)),
            "volume": Number(size(day.lots)),
            "vwap": Number(f"{day.average * listing.tick:.{listing.price_decimals}f}"),
            "low": Number(price(day.low)), "high": Number(price(day.high)),
            "change": Number(price(change)), "change_pct": Number(f"{share:.2f}"),
            "timestamp": stamp(found.time_ns),
        }  # fmt: skip
        return text_of({"channel": "ticker", "type": kind, "data": [row]})

    def _levels(self, topic: Topic) -> Levels:
        book = self.market.book(topic.symbol, depth=topic.depth)
        return Levels(book.bids, book.asks)

    def _book(
        self,
        symbol: str,
        kind: str,
        bids: tuple[Level, ...],
        asks: tuple[Level, ...],
        now: Levels,
        time_ns: int,
    ) -> str:
        listing = self.market.listings[symbol]

        def side(levels: tuple[Level, ...]) -> list[dict[str, Number]]:
            return [
                {"price": Number(listing.price_text(t)), "qty": Number(listing.size_text(n))}
                for t, n in levels
            ]

        row = {
            "symbol": symbol, "bids": side(bids), "asks": side(asks),
            "checksum": checksum(listing, now), "timestamp": stamp(time_ns),
        }  # fmt: skip
        return text_of({"channel": "book", "type": kind, "data": [row]})


def _candle(listing: Listing, candle: Candle, interval: int) -> dict[str, object]:
    price = listing.price_text
    return {
        "symbol": listing.symbol, "open": Number(price(candle.open)),
        "high": Number(price(candle.high)), "low": Number(price(candle.low)),
        "close": Number(price(candle.close)), "trades": candle.trades,
        "volume": Number(listing.size_text(candle.lots)),
        "vwap": Number(f"{candle.average * listing.tick:.{listing.price_decimals}f}"),
        "interval_begin": stamp(candle.open_ns, digits=9), "interval": interval,
        "timestamp": stamp(candle.close_ns),
    }  # fmt: skip


def instruments_text(market: Market) -> str:
    """Everything that is listed, with its rules."""
    pairs = []
    for one in market.listings.values():
        tick, step = Number(one.price_text(1)), Number(one.size_text(one.step_lots))
        pairs.append(
            {
                "symbol": one.symbol, "base": one.base, "quote": one.quote, "status": "online",
                "qty_precision": one.lot_decimals, "qty_increment": step,
                "price_precision": one.price_decimals, "cost_precision": one.quote_decimals,
                "marginable": False, "has_index": False, "cost_min": Number(one.min_cost),
                "tick_size": tick, "price_increment": tick,
                "qty_min": Number(one.size_text(one.min_lots)),
            }
        )  # fmt: skip
    assets = [
        {
            "id": name, "status": "enabled", "precision": decimals,
            "precision_display": 5 if decimals > 5 else 2, "borrowable": False,
            "collateral_value": Number("0.00"),
        }
        for name, decimals in market.decimals.items()
    ]  # fmt: skip
    data = {"assets": assets, "pairs": pairs}
    return text_of({"channel": "instrument", "type": "snapshot", "data": data})


def topic_of(channel: str, symbol: str, params: "dict[str, object]") -> Topic | str:
    """The topic that a subscription names, or the text of what is wrong with it."""
    if channel == "book":
        depth = params.get("depth", 10)
        if not isinstance(depth, int) or depth not in DEPTHS:
            return "Subscription depth not supported"
        return Topic(channel, symbol, depth=depth)
    if channel == "ohlc":
        interval = params.get("interval", 1)
        if not isinstance(interval, int) or interval not in INTERVALS:
            return "Subscription ohlc interval not supported"
        return Topic(channel, symbol, interval=interval)
    if channel == "ticker":
        trigger = params.get("event_trigger", "trades")
        if trigger not in ("trades", "bbo"):
            return "Subscription event_trigger not supported"
        return Topic(channel, symbol, trigger=str(trigger))
    return Topic(channel, symbol)
