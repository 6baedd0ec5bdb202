"""Feeds, sources and venue simulators together: bad wires, and the bars of the market all the same."""

import time

import pytest
from adapters.feeds.simulated import SYMBOLS, market, served
from data.live.made_trades import MINUTE

from peak_trade.adapters.feeds.binance import binance_feed
from peak_trade.adapters.feeds.kraken import kraken_feed
from peak_trade.app.feeds import StoredVenueBackfill
from peak_trade.data.live.events import BookTop, Candle, ClosedBar, FeedEvent, Missing, NoTrades
from peak_trade.data.live.source import FeedOptions
from peak_trade.data.live.thread import FeedThread
from peak_trade.simulation.market.market import Market

FEEDS = {"kraken": kraken_feed, "binance": binance_feed}
ROUGH = "drop=0.01,double=0.02,late=0.02:20ms,lose_frame=40,reset=0.01"


def heard(
    venue: str, made: Market, faults: str, kind: type[FeedEvent], count: int, *, depth: int = 0
) -> tuple[list[FeedEvent], dict[str, dict[int, Candle]]]:
    """What the feed told until there were so many events of a kind, and the market's candles."""
    with served(venue, made, faults) as (url, rest, running):
        backfill = StoredVenueBackfill(venue, rest)
        options = FeedOptions(
            base_url=url, rest_url=rest, backfill=backfill, book_depth=depth,
            first_wait_s=0.02, most_wait_s=0.1,
        )  # fmt: skip
        told: list[FeedEvent] = []
        with FeedThread(lambda: FEEDS[venue](options).bars(SYMBOLS[venue], "1m")) as events:
            end = time.monotonic() + 60
            while sum(isinstance(event, kind) for event in told) < count:
                assert time.monotonic() < end, "the feed told too little in a minute"
                event = events.get(timeout_s=0.1)
                if event is not None:
                    told.append(event)
        backfill.close()
        truth = {}
        for symbol in SYMBOLS[venue]:
            rows = running.call(lambda s=symbol: made.candles(s, MINUTE, limit=300))
            scale = next(one for one in made.listings.values() if one.symbol == symbol)
            price, lot = 10.0**scale.price_decimals, 10.0**scale.lot_decimals
            truth[symbol] = {
                row.open_ns: Candle(
                    row.open_ns, row.close_ns, row.open / price, row.high / price,
                    row.low / price, row.close / price, row.lots / lot, row.trades,
                )
                for row in rows[:-1]
                if row.trades
            }  # fmt: skip
        return told, truth


@pytest.mark.parametrize("venue", ["kraken", "binance"])
def test_bars_of_a_simulated_venue_over_a_rough_wire_are_those_of_its_market(venue: str) -> None:
    told, truth = heard(venue, market(venue, 300.0), ROUGH, ClosedBar, 14)
    last: dict[tuple[str, int], Candle] = {}
    for event in told:
        assert not isinstance(event, Missing), event
        if isinstance(event, ClosedBar):
            last[event.symbol, event.candle.open_ns] = event.candle
        elif isinstance(event, NoTrades):
            assert event.open_ns not in truth[event.symbol]
    for (symbol, at), candle in last.items():
        real = truth[symbol][at]
        assert (candle.open, candle.high, candle.low, candle.close, candle.volume) == (
            real.open, real.high, real.low, real.close, real.volume,
        )  # fmt: skip
    for symbol in SYMBOLS[venue]:
        opens = sorted(at for name, at in last if name == symbol)
        assert [at for at in truth[symbol] if opens[0] <= at <= opens[-1]] == opens


@pytest.mark.parametrize("venue", ["kraken", "binance"])
def test_books_of_a_simulated_venue_stay_sound_over_a_rough_wire(venue: str) -> None:
    told, _ = heard(venue, market(venue, 60.0), "drop=0.02,double=0.02", BookTop, 20, depth=10)
    tops = [event for event in told if isinstance(event, BookTop)]
    assert all(not top.bid >= top.ask for top in tops)
