"""Public market data in Binance's words: trades, candles, books, tickers, on REST and in streams."""

from collections.abc import Sequence
from decimal import Decimal

from peak_trade.simulation.binance.decimals import text_of
from peak_trade.simulation.binance.order_shapes import (
    Json,
    milliseconds,
    price_of,
    size_of,
    value_of,
    venue_symbol_of,
)
from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.quotes import Level, Levels
from peak_trade.simulation.market.track import Candle, Print


def trade(listing: Listing, seen: Print) -> Json:
    """A public trade."""
    return {
        "id": seen.trade_id,
        "price": price_of(listing, seen.ticks),
        "qty": size_of(listing, seen.lots),
        "quoteQty": value_of(listing, seen.ticks * seen.lots),
        "time": milliseconds(seen.time_ns),
        "isBuyerMaker": seen.side < 0,
        "isBestMatch": True,
    }


def agg_trade(listing: Listing, seen: Print) -> Json:
    """A public trade as an aggregate of one."""
    return {
        "a": seen.trade_id,
        "p": price_of(listing, seen.ticks),
        "q": size_of(listing, seen.lots),
        "f": seen.trade_id,
        "l": seen.trade_id,
        "T": milliseconds(seen.time_ns),
        "m": seen.side < 0,
        "M": True,
    }


def kline(listing: Listing, candle: Candle) -> list[object]:
    """A candle as REST answers it: a list of twelve."""
    return [
        milliseconds(candle.open_ns),
        price_of(listing, candle.open),
        price_of(listing, candle.high),
        price_of(listing, candle.low),
        price_of(listing, candle.close),
        size_of(listing, candle.lots),
        milliseconds(candle.close_ns) - 1,
        value_of(listing, candle.value),
        candle.trades,
        size_of(listing, candle.bought_lots),
        value_of(listing, candle.bought_value),
        "0",
    ]


def levels_of(listing: Listing, levels: Sequence[Level]) -> list[list[str]]:
    """One side of a book: price and size of each level."""
    return [[price_of(listing, ticks), size_of(listing, lots)] for ticks, lots in levels]


def book(listing: Listing, levels: Levels, update_id: int) -> Json:
    """A book, as REST and the streams of few levels have it."""
    return {
        "lastUpdateId": update_id,
        "bids": levels_of(listing, levels.bids),
        "asks": levels_of(listing, levels.asks),
    }


def _best(listing: Listing, side: Sequence[Level]) -> tuple[str, str]:
    ticks, lots = side[0] if side else (0, 0)
    return price_of(listing, ticks), size_of(listing, lots)


def book_ticker(listing: Listing, levels: Levels) -> Json:
    """The best bid and ask."""
    bid, bid_size = _best(listing, levels.bids)
    ask, ask_size = _best(listing, levels.asks)
    return {
        "symbol": venue_symbol_of(listing),
        "bidPrice": bid,
        "bidQty": bid_size,
        "askPrice": ask,
        "askQty": ask_size,
    }


def _change(listing: Listing, day: Candle) -> tuple[str, str]:
    """How far the last price is from the first: in quote currency and in percent."""
    percent = Decimal(day.close - day.open) * 100 / day.open if day.open else Decimal(0)
    return price_of(listing, day.close - day.open), text_of(percent, 3)


def ticker(listing: Listing, day: Candle, last: Print | None, levels: Levels) -> Json:
    """The last 24 hours of a symbol."""
    change, percent = _change(listing, day)
    quote = book_ticker(listing, levels)
    return {
        "symbol": quote.pop("symbol"),
        "priceChange": change,
        "priceChangePercent": percent,
        "weightedAvgPrice": price_of(listing, round(day.average, 9)),
        "prevClosePrice": price_of(listing, day.open),
        "lastPrice": price_of(listing, day.close),
        "lastQty": size_of(listing, last.lots if last else 0),
        **quote,
        **_day(listing, day),
        "openTime": milliseconds(day.open_ns),
        "closeTime": milliseconds(day.close_ns),
        "firstId": day.first_id,
        "lastId": day.last_id,
        "count": day.trades,
    }


def _day(listing: Listing, day: Candle) -> Json:
    return {
        "openPrice": price_of(listing, day.open),
        "highPrice": price_of(listing, day.high),
        "lowPrice": price_of(listing, day.low),
        "volume": size_of(listing, day.lots),
        "quoteVolume": value_of(listing, day.value),
    }


# --- streams -------------------------------------------------------------------------------------


def trade_event(listing: Listing, seen: Print, now_ms: int) -> Json:
    """A public trade."""
    return {
        "e": "trade",
        "E": now_ms,
        "s": venue_symbol_of(listing),
        "t": seen.trade_id,
        "p": price_of(listing, seen.ticks),
        "q": size_of(listing, seen.lots),
        "T": milliseconds(seen.time_ns),
        "m": seen.side < 0,
        "M": True,
    }


def agg_trade_event(listing: Listing, seen: Print, now_ms: int) -> Json:
    """A public trade as an aggregate of one."""
    said = agg_trade(listing, seen)
    return {"e": "aggTrade", "E": now_ms, "s": venue_symbol_of(listing)} | said


def kline_event(
    listing: Listing, candle: Candle, interval: str, *, now_ms: int, is_closed: bool
) -> Json:
    """A candle: the forming one, or one that has closed."""
    symbol = venue_symbol_of(listing)
    return {
        "e": "kline",
        "E": now_ms,
        "s": symbol,
        "k": {
            "t": milliseconds(candle.open_ns),
            "T": milliseconds(candle.close_ns) - 1,
            "s": symbol,
            "i": interval,
            "f": candle.first_id,
            "L": candle.last_id,
            "o": price_of(listing, candle.open),
            "c": price_of(listing, candle.close),
            "h": price_of(listing, candle.high),
            "l": price_of(listing, candle.low),
            "v": size_of(listing, candle.lots),
            "n": candle.trades,
            "x": is_closed,
            "q": value_of(listing, candle.value),
            "V": size_of(listing, candle.bought_lots),
            "Q": value_of(listing, candle.bought_value),
            "B": "0",
        },
    }


def depth_event(
    listing: Listing,
    bids: Sequence[Level],
    asks: Sequence[Level],
    *,
    first_id: int,
    last_id: int,
    now_ms: int,
) -> Json:
    """Changes of a book, from one update to another."""
    return {
        "e": "depthUpdate",
        "E": now_ms,
        "s": venue_symbol_of(listing),
        "U": first_id,
        "u": last_id,
        "b": levels_of(listing, bids),
        "a": levels_of(listing, asks),
    }


def book_ticker_event(listing: Listing, levels: Levels, update_id: int) -> Json:
    """The best bid and ask after an update."""
    bid, bid_size = _best(listing, levels.bids)
    ask, ask_size = _best(listing, levels.asks)
    return {
        "u": update_id,
        "s": venue_symbol_of(listing),
        "b": bid,
        "B": bid_size,
        "a": ask,
        "A": ask_size,
    }


def mini_ticker_event(listing: Listing, day: Candle, now_ms: int) -> Json:
    """The last 24 hours in a few figures."""
    return {
        "e": "24hrMiniTicker",
        "E": now_ms,
        "s": venue_symbol_of(listing),
        "c": price_of(listing, day.close),
        "o": price_of(listing, day.open),
        "h": price_of(listing, day.high),
        "l": price_of(listing, day.low),
        "v": size_of(listing, day.lots),
        "q": value_of(listing, day.value),
    }


def ticker_event(
    listing: Listing, day: Candle, last: Print | None, levels: Levels, now_ms: int
) -> Json:
    """The last 24 hours of a symbol."""
    change, percent = _change(listing, day)
    bid, bid_size = _best(listing, levels.bids)
    ask, ask_size = _best(listing, levels.asks)
    return {
        "e": "24hrTicker",
        "E": now_ms,
        "s": venue_symbol_of(listing),
        "p": change,
        "P": percent,
        "w": price_of(listing, round(day.average, 9)),
        "x": price_of(listing, day.open),
        "c": price_of(listing, day.close),
        "Q": size_of(listing, last.lots if last else 0),
        "b": bid,
        "B": bid_size,
        "a": ask,
        "A": ask_size,
        "o": price_of(listing, day.open),
        "h": price_of(listing, day.high),
        "l": price_of(listing, day.low),
        "v": size_of(listing, day.lots),
        "q": value_of(listing, day.value),
        "O": milliseconds(day.open_ns),
        "C": milliseconds(day.close_ns),
        "F": day.first_id,
        "L": day.last_id,
        "n": day.trades,
    }


def average_event(listing: Listing, average: str, minutes: int, now_ms: int) -> Json:
    """The average price of the last minutes."""
    return {
        "e": "avgPrice",
        "E": now_ms,
        "s": venue_symbol_of(listing),
        "i": f"{minutes}m",
        "w": average,
        "T": now_ms,
    }
