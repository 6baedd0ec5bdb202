"""The public REST answers of the simulated Kraken."""

from collections.abc import Callable, Mapping
from email.utils import formatdate
from types import MappingProxyType

from peak_trade.simulation.kraken.access import KrakenError
from peak_trade.simulation.kraken.names import Pair, Pairs, altname, asset_id, seconds, stamp
from peak_trade.simulation.market.listing import AskRefusedError, Listing, Refusal, number_of
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.track import Candle, Print

INTERVALS = (1, 5, 15, 30, 60, 240, 1_440, 10_080, 21_600)
"""Lengths of candles in minutes."""

MOST_CANDLES, MOST_TRADES = 720, 1_000
_MINUTE_NS = 60_000_000_000
_SECOND_NS = 1_000_000_000
Query = Mapping[str, str]


def _wrong(what: str) -> AskRefusedError:
    return AskRefusedError(Refusal.BAD_ARGUMENT, what)


def long_price(listing: Listing, ticks: int) -> str:
    """A price as tickers, trades and books have it: with five decimals at least."""
    text = listing.price_text(ticks)
    return text + "0" * max(5 - listing.price_decimals, 0)


def average_price(listing: Listing, candle: Candle, *, decimals: int) -> str:
    """A candle's average price by volume; 0.0 without trades."""
    if not candle.lots:
        return "0.0"
    return f"{candle.average * listing.tick:.{decimals}f}"


class PublicApi:
    """Answers public calls from a market.

    Parameters
    ----------
    market : Market
        What is asked about.
    pairs : Pairs
        What is listed.
    """

    def __init__(self, market: Market, pairs: Pairs) -> None:
        self.market, self.pairs = market, pairs
        self.status = "online"

    @property
    def calls(self) -> Mapping[str, Callable[[Query, int | None], object]]:
        """What may be called, by name: each takes a query and the market time to answer for."""
        return MappingProxyType(
            {
                "Time": self.time, "SystemStatus": self.system_status, "Assets": self.assets,
                "AssetPairs": self.asset_pairs, "Ticker": self.ticker, "OHLC": self.candles,
                "Depth": self.depth, "Trades": self.trades, "Spread": self.spread,
            }
        )  # fmt: skip

    def time(self, query: Query, as_of_ns: int | None) -> object:
        """The venue's time."""
        now = self.market.now_ns // _SECOND_NS
        return {"unixtime": now, "rfc1123": f"{formatdate(now)[:-5]}+0000"}

    def system_status(self, query: Query, as_of_ns: int | None) -> object:
        """Whether it is up."""
        return {"status": self.status, "timestamp": stamp(self.market.now_ns, digits=0)}

    def assets(self, query: Query, as_of_ns: int | None) -> object:
        """What can be owned."""
        wanted = {name.upper() for name in query.get("asset", "").split(",") if name}
        known = {
            asset_id(name): {
                "aclass": "currency", "altname": altname(name), "decimals": decimals,
                "display_decimals": 5 if decimals > 5 else 2, "status": "enabled",
            }
            for name, decimals in self.market.decimals.items()
        }  # fmt: skip
        if wanted:
            known = {
                key: value for key, value in known.items() if wanted & {key, str(value["altname"])}
            }
            if not known:
                raise KrakenError("EQuery:Unknown asset")
        return known

    def asset_pairs(self, query: Query, as_of_ns: int | None) -> object:
        """What can be traded, with its rules."""
        return {pair.key: pair_record(pair) for pair in self._wanted(query)}

    def _wanted(self, query: Query) -> list[Pair]:
        names = [name for name in query.get("pair", "").split(",") if name]
        return [self.pairs.named(n) for n in names] if names else list(self.pairs.all.values())

    def _one(self, query: Query) -> Pair:
        if not query.get("pair"):
            raise _wrong("pair")
        return self.pairs.named(query["pair"])

    def ticker(self, query: Query, as_of_ns: int | None) -> object:
        """Best levels, last trade, and the figures of today and of the last 24 hours."""
        return {pair.key: self._ticker(pair, as_of_ns) for pair in self._wanted(query)}

    def _ticker(self, pair: Pair, as_of_ns: int | None) -> object:
        listing = pair.listing
        found = self.market.ticker(listing.symbol, as_of_ns=as_of_ns)
        spans = (found.today, found.day)

        def level(ticks: int, lots: int) -> list[str]:
            whole = max(lots // 10**listing.lot_decimals, 1)
            return [long_price(listing, ticks), str(whole), f"{whole}.000"]

        last = found.last
        return {
            "a": level(*found.ask), "b": level(*found.bid),
            "c": [
                long_price(listing, last.ticks if last else 0),
                listing.size_text(last.lots if last else 0),
            ],
            "v": [listing.size_text(one.lots) for one in spans],
            "p": [average_price(listing, one, decimals=5) for one in spans],
            "t": [one.trades for one in spans],
            "l": [long_price(listing, one.low) for one in spans],
            "h": [long_price(listing, one.high) for one in spans],
            "o": long_price(listing, found.today.open),
        }  # fmt: skip

    def candles(self, query: Query, as_of_ns: int | None) -> object:
        """The last 720 candles at most, whatever ``since`` says; the last one is still forming."""
        pair = self._one(query)
        try:
            minutes = int(query.get("interval", "1"))
        except ValueError:
            raise _wrong("interval") from None
        if minutes not in INTERVALS:
            raise _wrong("interval")
        since_ns = None
        if query.get("since"):
            since_ns = int(number_of(query["since"], "since") * _SECOND_NS)
            since_ns -= minutes * _MINUTE_NS - 1  # the candle that it lies in is given too
        found = self.market.candles(
            pair.listing.symbol, minutes * _MINUTE_NS, since_ns=since_ns,
            limit=MOST_CANDLES + 1, as_of_ns=as_of_ns,
        )  # fmt: skip
        rows = [candle_row(pair.listing, candle) for candle in found]
        now = self.market.now_ns if as_of_ns is None else as_of_ns
        last = now // (minutes * _MINUTE_NS) * minutes * 60 - minutes * 60
        return {pair.key: rows, "last": last}

    def trades(self, query: Query, as_of_ns: int | None) -> object:
        """Up to 1,000 trades after ``since``, with the cursor behind them."""
        pair = self._one(query)
        limit = MOST_TRADES
        if query.get("count"):
            limit = int(number_of(query["count"], "count"))
            if not 1 <= limit <= MOST_TRADES:
                raise _wrong("count")
        symbol, since_ns = pair.listing.symbol, None
        if query.get("since"):
            since_ns = cursor_ns(query["since"]) + 1
        found = self.market.trades(symbol, since_ns=since_ns, limit=limit + 1, as_of_ns=as_of_ns)
        page = _page(found, limit, newest=since_ns is None)
        last = page[-1].time_ns if page else (since_ns or self.market.now_ns + 1) - 1
        return {pair.key: [trade_row(pair.listing, trade) for trade in page], "last": str(last)}

    def depth(self, query: Query, as_of_ns: int | None) -> object:
        """The book."""
        pair = self._one(query)
        count = int(number_of(query.get("count", "100"), "count"))
        if not 1 <= count <= 500:
            raise _wrong("count")
        listing = pair.listing
        book = self.market.book(listing.symbol, depth=count, as_of_ns=as_of_ns)
        when = book.time_ns // _SECOND_NS

        def side(levels: tuple[tuple[int, int], ...]) -> list[object]:
            return [[long_price(listing, t), f"{_sized(listing, n)}", when] for t, n in levels]

        return {pair.key: {"asks": side(book.asks), "bids": side(book.bids)}}

    def spread(self, query: Query, as_of_ns: int | None) -> object:
        """The best levels now; the simulated venue keeps no history of them."""
        pair = self._one(query)
        found = self.market.ticker(pair.listing.symbol, as_of_ns=as_of_ns)
        now = found.time_ns // _SECOND_NS
        row = [now, long_price(pair.listing, found.bid[0]), long_price(pair.listing, found.ask[0])]
        return {pair.key: [row], "last": now}


def _sized(listing: Listing, lots: int) -> str:
    """A size of a level, with three decimals at least."""
    text = listing.size_text(lots).rstrip("0")
    whole, _, part = text.partition(".")
    return f"{whole}.{part.ljust(3, '0')}"


def _page(found: list[Print], limit: int, *, newest: bool) -> list[Print]:
    """At most so many, never cut between two of one instant: a cursor could not go on there."""
    if len(found) <= limit:
        return found
    if newest:
        return found[-limit:]
    edge = found[limit].time_ns
    whole = [trade for trade in found[:limit] if trade.time_ns < edge]
    return whole or found[:limit]


def cursor_ns(text: str) -> int:
    """What ``since`` of trades means: nanoseconds, or seconds where it is short."""
    value = number_of(text, "since")
    return int(value * _SECOND_NS) if abs(value) < 10**12 else int(value)


def candle_row(listing: Listing, candle: Candle) -> list[object]:
    """A candle as a row."""
    prices = [listing.price_text(p) for p in (candle.open, candle.high, candle.low, candle.close)]
    average = average_price(listing, candle, decimals=listing.price_decimals)
    return [
        candle.open_ns // _SECOND_NS, *prices, average, listing.size_text(candle.lots),
        candle.trades,
    ]  # fmt: skip


def trade_row(listing: Listing, trade: Print) -> list[object]:
    """A public trade as a row; the takers of a simulated market use market orders."""
    return [
        long_price(listing, trade.ticks), listing.size_text(trade.lots), seconds(trade.time_ns),
        "b" if trade.side > 0 else "s", "m", "", trade.trade_id,
    ]  # fmt: skip


def pair_record(pair: Pair) -> dict[str, object]:
    """The rules of a pair; margin is not offered, and fees do not fall with volume."""
    listing = pair.listing
    return {
        "altname": pair.altname, "wsname": pair.wsname, "aclass_base": "currency",
        "base": asset_id(listing.base), "aclass_quote": "currency",
        "quote": asset_id(listing.quote), "lot": "unit", "cost_decimals": listing.quote_decimals,
        "pair_decimals": listing.price_decimals, "lot_decimals": listing.lot_decimals,
        "lot_multiplier": 1, "leverage_buy": [], "leverage_sell": [],
        "fees": [[0, listing.taker_ppm / 10_000]], "fees_maker": [[0, listing.maker_ppm / 10_000]],
        "fee_volume_currency": "ZUSD", "margin_call": 80, "margin_stop": 40,
        "ordermin": _plain(listing.size_text(listing.min_lots)), "costmin": listing.min_cost,
        "tick_size": listing.price_text(1), "status": "online",
    }  # fmt: skip


def _plain(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
