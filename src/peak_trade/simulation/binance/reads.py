"""What Binance tells everybody: symbols, trades, candles, books, tickers."""

import json
from collections.abc import Callable, Sequence

from peak_trade.simulation.binance import market_shapes as shapes
from peak_trade.simulation.binance import refusals
from peak_trade.simulation.binance.decimals import text_of
from peak_trade.simulation.binance.intervals import (
    DAY_NS,
    INTERVALS,
    SECOND_NS,
    base_ns,
    next_ns,
    opened_ns,
)
from peak_trade.simulation.binance.order_shapes import (
    KINDS,
    MILLISECOND_NS,
    price_of,
    venue_symbol_of,
)
from peak_trade.simulation.binance.params import Params
from peak_trade.simulation.binance.venue import AVERAGE_MINUTES, Call, Venue
from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.quotes import Levels
from peak_trade.simulation.market.track import Candle

Json = dict[str, object]

WEEK_ORIGIN_NS = opened_ns("1w", 7 * DAY_NS)
LATEST_NS = 7_258_118_400 * SECOND_NS
"""2200-01-01: times beyond are taken for it."""

MOST_TRADES, MOST_KLINES, MOST_LEVELS = 1_000, 1_000, 5_000


def ping(_: Venue, __: Call) -> Json:
    """Nothing: the venue is there."""
    return {}


def time(venue: Venue, _: Call) -> Json:
    """The time by which requests are judged."""
    return {"serverTime": venue.now_ms}


# --- symbols -------------------------------------------------------------------------------------


def exchange_info(venue: Venue, call: Call) -> Json:
    """What is listed, by which rules, and how much may be asked."""
    chosen = _chosen(venue, call.params) or list(venue.market.listings.values())
    return {
        "timezone": "UTC",
        "serverTime": venue.now_ms,
        "rateLimits": venue.limits.described(),
        "exchangeFilters": [],
        "symbols": [_symbol(venue, listing) for listing in chosen],
    }


def _symbol(venue: Venue, listing: Listing) -> Json:
    return {
        "symbol": venue_symbol_of(listing),
        "status": "TRADING",
        "baseAsset": listing.base,
        "baseAssetPrecision": 8,
        "quoteAsset": listing.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(KINDS),
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": venue.filters[listing.symbol].described(),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def _chosen(venue: Venue, params: Params) -> list[Listing]:
    """The symbols that a request names, by ``symbol`` or ``symbols``; none where it names none."""
    if "symbol" in params and "symbols" in params:
        raise refusals.Refusal(-1128, "Combination of optional parameters invalid.")
    if "symbol" in params:
        return [venue.listing(params)]
    text = params.text("symbols")
    if text is None:
        return []
    try:
        names = json.loads(text)
    except ValueError:
        raise refusals.illegal("symbols", '^\\["[A-Z0-9-_.]{1,20}"...\\]$') from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or not names:
        raise refusals.invalid("symbols")
    if len(set(names)) != len(names):
        raise refusals.Refusal(-1151, "Symbol is present multiple times in the list.")
    return [venue.named(name, "symbols") for name in names]


# --- trades and candles --------------------------------------------------------------------------


def trades(venue: Venue, call: Call) -> list[Json]:
    """The last trades."""
    listing = venue.listing(call.params)
    limit = _limit(call.params, 500, MOST_TRADES)
    found = venue.market.trades(listing.symbol, limit=limit, as_of_ns=call.as_of_ns)
    return [shapes.trade(listing, seen) for seen in found]


def historical_trades(venue: Venue, call: Call) -> list[Json]:
    """Trades from an id on; the last ones without."""
    listing = venue.listing(call.params)
    limit, first = _limit(call.params, 500, MOST_TRADES), call.params.maybe_whole("fromId")
    found = venue.market.trades(
        listing.symbol,
        after_id=None if first is None else max(first - 1, 0),
        limit=limit,
        as_of_ns=call.as_of_ns,
    )
    return [shapes.trade(listing, seen) for seen in found]


def agg_trades(venue: Venue, call: Call) -> list[Json]:
    """Trades from an id or a time on, each an aggregate of one; the last ones without."""
    listing, params = venue.listing(call.params), call.params
    limit, first = _limit(params, 500, MOST_TRADES), params.maybe_whole("fromId")
    start, stop = _span(params)
    if first is not None and (start is not None or stop is not None):
        raise refusals.Refusal(-1128, "Combination of optional parameters invalid.")
    found = venue.market.trades(
        listing.symbol,
        after_id=None if first is None else max(first - 1, 0),
        since_ns=start,
        until_ns=stop,
        limit=limit,
        as_of_ns=call.as_of_ns,
    )
    return [shapes.agg_trade(listing, seen) for seen in found]


def klines(venue: Venue, call: Call) -> list[list[object]]:
    """Candles, the oldest first; the last one may be forming still."""
    listing, params = venue.listing(call.params), call.params
    interval = params.need("interval")
    if interval not in INTERVALS:
        raise refusals.Refusal(-1120, "Invalid interval.")
    start, stop = _span(params)
    found = candles(
        venue.market, listing, interval, start_ns=start, stop_ns=stop,
        limit=_limit(params, 500, MOST_KLINES), as_of_ns=call.as_of_ns,
    )  # fmt: skip
    return [shapes.kline(listing, candle) for candle in found]


def candles(
    market: Market,
    listing: Listing,
    interval: str,
    *,
    start_ns: int | None = None,
    stop_ns: int | None = None,
    limit: int = 1,
    as_of_ns: int | None = None,
) -> list[Candle]:
    """Candles that open from ``start_ns`` to ``stop_ns``, both taken in, the oldest first.

    The first ``limit`` of them where ``start_ns`` is given, else the last. Those of a month are made
    of days.
    """
    width, origin = base_ns(interval), 0
    if interval == "1w":
        width, origin = 7 * DAY_NS, WEEK_ORIGIN_NS
    count = limit * 31 + 1 if interval == "1M" else limit
    last = market.now_ns if as_of_ns is None else min(as_of_ns, market.now_ns)
    if stop_ns is not None:
        last = min(last, stop_ns)
    first = _back(interval, last, limit - 1) if start_ns is None else start_ns
    opened = opened_ns(interval, first)
    first = opened if opened == first else next_ns(interval, opened)
    known = market.trades(listing.symbol, after_id=0, limit=1)
    if known:
        first = max(first, opened_ns(interval, known[0].time_ns))
    found = market.candles(
        listing.symbol, width, since_ns=first, limit=count, newest=False, origin_ns=origin,
        as_of_ns=as_of_ns,
    )  # fmt: skip
    if interval == "1M":
        found = _months(found)
    kept = [one for one in found if stop_ns is None or one.open_ns <= stop_ns]
    return kept[:limit]


def _back(interval: str, time_ns: int, count: int) -> int:
    """When the candle began that is so many before the one that holds a time."""
    opened = opened_ns(interval, time_ns)
    if interval != "1M":
        return opened - count * (next_ns(interval, opened) - opened)
    for _ in range(count):
        opened = opened_ns(interval, opened - 1)
    return opened


def _months(days: Sequence[Candle]) -> list[Candle]:
    """Candles of days put together by month."""
    groups: dict[int, list[Candle]] = {}
    for day in days:
        groups.setdefault(opened_ns("1M", day.open_ns), []).append(day)
    return [_together(opened, parts) for opened, parts in groups.items()]


def _together(opened: int, parts: Sequence[Candle]) -> Candle:
    ids = [one for one in parts if one.trades]
    return Candle(
        open_ns=opened,
        close_ns=next_ns("1M", opened),
        open=parts[0].open,
        high=max(one.high for one in parts),
        low=min(one.low for one in parts),
        close=parts[-1].close,
        lots=sum(one.lots for one in parts),
        value=sum(one.value for one in parts),
        trades=sum(one.trades for one in parts),
        bought_lots=sum(one.bought_lots for one in parts),
        bought_value=sum(one.bought_value for one in parts),
        first_id=ids[0].first_id if ids else -1,
        last_id=ids[-1].last_id if ids else -1,
    )


def average_price(venue: Venue, call: Call) -> Json:
    """The average price of the last minutes."""
    listing = venue.listing(call.params)
    last = venue.market.trades(listing.symbol, limit=1)
    return {
        "mins": AVERAGE_MINUTES,
        "price": text_of(venue.average(listing)),
        "closeTime": last[-1].time_ns // MILLISECOND_NS if last else 0,
    }


# --- books and tickers ---------------------------------------------------------------------------


def depth(venue: Venue, call: Call) -> Json:
    """The book."""
    listing = venue.listing(call.params)
    limit = _limit(call.params, 100, MOST_LEVELS)
    view = venue.market.book(listing.symbol, depth=limit, as_of_ns=call.as_of_ns)
    return shapes.book(listing, Levels(view.bids, view.asks), view.update_id)


def price_tickers(venue: Venue, call: Call) -> object:
    """Last prices."""

    def one(listing: Listing) -> Json:
        last = venue.market.trades(listing.symbol, limit=1, as_of_ns=call.as_of_ns)
        price = price_of(listing, last[-1].ticks if last else 0)
        return {"symbol": venue_symbol_of(listing), "price": price}

    return _each(venue, call, one)


def book_tickers(venue: Venue, call: Call) -> object:
    """Best bids and asks."""
    return _each(
        venue, call, lambda listing: shapes.book_ticker(listing, _top(venue, call, listing))
    )


def day_tickers(venue: Venue, call: Call) -> object:
    """The last 24 hours."""
    kind = call.params.text("type") or "FULL"
    if kind not in ("FULL", "MINI"):
        raise refusals.Refusal(-1139, "Invalid ticker type.")

    def one(listing: Listing) -> Json:
        seen = venue.market.ticker(listing.symbol, as_of_ns=call.as_of_ns)
        said = shapes.ticker(listing, seen.day, seen.last, _top(venue, call, listing))
        if kind == "FULL":
            return said
        return {name: value for name, value in said.items() if name not in _NOT_MINI}

    return _each(venue, call, one)


_NOT_MINI = frozenset({
    "priceChange", "priceChangePercent", "weightedAvgPrice", "prevClosePrice", "lastQty",
    "bidPrice", "bidQty", "askPrice", "askQty",
})  # fmt: skip


def _top(venue: Venue, call: Call, listing: Listing) -> Levels:
    view = venue.market.book(listing.symbol, depth=1, as_of_ns=call.as_of_ns)
    return Levels(view.bids, view.asks)


def _each(venue: Venue, call: Call, one: Callable[[Listing], Json]) -> object:
    """An answer for the symbol that is named, or a list of them."""
    chosen = _chosen(venue, call.params)
    if "symbol" in call.params:
        return one(chosen[0])
    return [one(listing) for listing in chosen or venue.market.listings.values()]


# --- parameters ----------------------------------------------------------------------------------


def _limit(params: Params, default: int, most: int) -> int:
    return params.whole("limit", default, least=1, most=most, is_capped=True)


def _span(params: Params) -> tuple[int | None, int | None]:
    """``startTime`` and ``endTime`` in nanoseconds, both taken in with their whole millisecond."""
    start, stop = params.maybe_whole("startTime"), params.maybe_whole("endTime")
    if start is not None and stop is not None and start > stop:
        raise refusals.Refusal(-1023, "Start time is greater than end time.")
    return (
        None if start is None else min(start * MILLISECOND_NS, LATEST_NS),
        None if stop is None else min(stop * MILLISECOND_NS + MILLISECOND_NS - 1, LATEST_NS),
    )
