"""USD-M perpetuals, as far as their bars and funding rates: each trades by the tape of its spot pair."""

import zlib

from peak_trade.simulation.binance.intervals import SECOND_NS
from peak_trade.simulation.binance.order_shapes import (
    MILLISECOND_NS,
    milliseconds,
    price_of,
    size_of,
    venue_symbol_of,
)
from peak_trade.simulation.binance.venue import Call, Venue
from peak_trade.simulation.market.listing import Listing

Json = dict[str, object]

FUNDING_NS = 8 * 3_600 * SECOND_NS
NEVER_DELIVERED_MS = 4_133_404_800_000
USUAL_E8, SPREAD_E8 = 10_000, 20_000
"""The usual rate, and how far a rate may lie from it, in 10^-8: 0.01 % within 0.02 %."""


def funding_rate(venue: Venue, listing: Listing, time_ns: int) -> str:
    """The rate that is paid at a time: seeded, the same whenever it is asked for."""
    drawn = zlib.crc32(f"{venue.seed}:{listing.symbol}:{time_ns // FUNDING_NS}".encode())
    rate = USUAL_E8 + drawn % (2 * SPREAD_E8 + 1) - SPREAD_E8
    return f"{'-' if rate < 0 else ''}0.{abs(rate):08d}"


def funding_rates(venue: Venue, call: Call) -> list[Json]:
    """Rates that were paid: from a time on, else the last ones; the oldest first."""
    params = call.params
    limit = params.whole("limit", 100, least=1, most=1_000, is_capped=True)
    start, stop = params.maybe_whole("startTime"), params.maybe_whole("endTime")
    chosen = [venue.listing(params)] if "symbol" in params else list(venue.market.listings.values())
    rows = []
    for listing in chosen:
        rows += _paid(venue, listing, start, stop)
    rows.sort(key=lambda row: row[0])
    kept = rows[:limit] if start is not None else rows[-limit:]
    return [
        {
            "symbol": venue_symbol_of(listing),
            "fundingTime": milliseconds(time_ns),
            "fundingRate": funding_rate(venue, listing, time_ns),
            "markPrice": _price(venue, listing, time_ns),
        }
        for time_ns, listing in kept
    ]


def _paid(
    venue: Venue, listing: Listing, start_ms: int | None, stop_ms: int | None
) -> list[tuple[int, Listing]]:
    """When a symbol's rates were paid, from its first trade to now."""
    known = venue.market.trades(listing.symbol, after_id=0, limit=1)
    if not known:
        return []
    first = max(known[0].time_ns, (start_ms or 0) * MILLISECOND_NS)
    last = venue.market.now_ns
    if stop_ms is not None:
        last = min(last, stop_ms * MILLISECOND_NS)
    return [
        (k * FUNDING_NS, listing) for k in range(-(-first // FUNDING_NS), last // FUNDING_NS + 1)
    ]


def _price(venue: Venue, listing: Listing, time_ns: int) -> str:
    """The last price at a time."""
    found = venue.market.trades(listing.symbol, until_ns=time_ns, limit=1)
    return price_of(listing, found[-1].ticks if found else 0)


def premium_index(venue: Venue, call: Call) -> object:
    """Mark price and the rate that is paid next."""

    def one(listing: Listing) -> Json:
        price = _price(venue, listing, venue.market.now_ns)
        next_ns = (venue.market.now_ns // FUNDING_NS + 1) * FUNDING_NS
        return {
            "symbol": venue_symbol_of(listing),
            "markPrice": price,
            "indexPrice": price,
            "estimatedSettlePrice": price,
            "lastFundingRate": funding_rate(venue, listing, next_ns),
            "interestRate": "0.00010000",
            "nextFundingTime": milliseconds(next_ns),
            "time": venue.now_ms,
        }

    if "symbol" in call.params:
        return one(venue.listing(call.params))
    return [one(listing) for listing in venue.market.listings.values()]


def contracts(venue: Venue, _: Call) -> Json:
    """What is listed: a perpetual for each pair."""
    return {
        "timezone": "UTC",
        "serverTime": venue.now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": venue.limits.described()[:2],
        "exchangeFilters": [],
        "assets": [],
        "symbols": [_contract(venue, listing) for listing in venue.market.listings.values()],
    }


def _contract(venue: Venue, listing: Listing) -> Json:
    known = venue.market.trades(listing.symbol, after_id=0, limit=1)
    symbol, tick = venue_symbol_of(listing), price_of(listing, 1)
    step, least = size_of(listing, listing.step_lots), size_of(listing, listing.min_lots)
    return {
        "symbol": symbol,
        "pair": symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": NEVER_DELIVERED_MS,
        "onboardDate": milliseconds(known[0].time_ns) if known else venue.now_ms,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        "marginAsset": listing.quote,
        "pricePrecision": listing.price_decimals,
        "quantityPrecision": listing.lot_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": tick,
                "maxPrice": "1000000",
                "tickSize": tick,
            },
            {"filterType": "LOT_SIZE", "minQty": least, "maxQty": "1000000", "stepSize": step},
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": least,
                "maxQty": "1000000",
                "stepSize": step,
            },
            {"filterType": "MIN_NOTIONAL", "notional": listing.min_cost},
        ],
        "orderTypes": [],
        "timeInForce": [],
    }


def no_contracts(venue: Venue, _: Call) -> Json:
    """Coin-margined contracts: none are listed."""
    return {
        "timezone": "UTC",
        "serverTime": venue.now_ms,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [],
    }
