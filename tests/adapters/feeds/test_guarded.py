"""A quarantine between a venue's feed and its reader, at a simulated venue whose price leaps."""

import time
from contextlib import closing

import numpy as np
from adapters.feeds.simulated import market, served
from data.live.made_trades import MINUTE

from peak_trade.adapters.feeds.kraken import kraken_feed
from peak_trade.app.feeds import StoredVenueBackfill
from peak_trade.data.guarded import guarded
from peak_trade.data.live.events import ClosedBar
from peak_trade.data.live.source import FeedOptions
from peak_trade.data.live.thread import FeedThread
from peak_trade.data.quarantine import Quarantine
from peak_trade.data.quarantine_terms import Quarantined, Reason, Released, Vetted
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.tape import BarTape, TapeBars

EVERY = 25


def leaping() -> Market:
    """A Kraken where the price of BTC/USD goes up by half every so many minutes, or comes back."""
    made = market("kraken", 300.0)
    (one, *_) = made.listings.values()
    rng = np.random.default_rng(7)
    close = 1000 * np.exp(np.cumsum(rng.normal(0, 0.0005, 300)))
    close *= np.where(np.arange(300) // EVERY % 2, 1.5, 1.0)
    open_ = np.concatenate((close[:1], close[:-1]))
    bars = TapeBars(
        open_, np.maximum(open_, close), np.minimum(open_, close), close, rng.uniform(5, 50, 300)
    )
    tape = BarTape(one, bars, start_ns=made.clock.now_ns(), bar_ns=MINUTE, history=12, trades=15)
    return Market([one], {one.symbol: tape}, made.clock)


def test_price_that_leaps_is_not_traded_on_before_the_venue_was_asked_anew() -> None:
    vetted: list[Vetted] = []
    with (
        served("kraken", leaping(), "") as (url, rest, _),
        closing(StoredVenueBackfill("kraken", rest)) as backfill,
    ):
        options = FeedOptions(base_url=url, rest_url=rest, backfill=backfill)
        feed = kraken_feed(options)
        assert feed.environment == "simulated"
        quarantine = Quarantine(other_time=[feed.venue])
        with FeedThread(
            lambda: guarded(
                feed.bars(["BTC/USD"], "1m"), quarantine, now_ns=time.time_ns,
                backfills={feed.venue: backfill},
            )
        ) as events:  # fmt: skip
            for one in events:
                vetted.append(one)
                if any(isinstance(change, Released) for change in one.changes):
                    break
    changes = [change for one in vetted for change in one.changes]
    assert isinstance(changes[0], Quarantined)
    assert changes[0].reason is Reason.JUMP
    bars = [one for one in vetted if isinstance(one.event, ClosedBar)]
    assert any(abs(one.event.candle.close / one.event.candle.open - 1) > 0.3 for one in bars)
    tradable = [one.event.candle for one in bars if one.is_tradable]
    assert all(abs(one.close / one.open - 1) < 0.3 for one in tradable)
    first = next(k for k, one in enumerate(bars) if one.held)
    assert not any(one.is_tradable for one in bars[first:])
