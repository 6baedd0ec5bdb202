"""Small markets for tests: by hand, or played from a few bars."""

from collections.abc import Sequence

import numpy as np

from peak_trade.simulation.market.clock import ManualClock
from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.quotes import Frame, Quotes, RecordedQuotes
from peak_trade.simulation.market.tape import BarTape, TapeBars, TradeTape
from peak_trade.simulation.market.track import Track

SECOND = 1_000_000_000
COIN = Listing(
    "COIN/USD", price_decimals=1, lot_decimals=2, maker_ppm=1_000, taker_ppm=2_000,
    base_decimals=4, quote_decimals=4,
)  # fmt: skip

Step = tuple[float, float, float, int]
"""Second, price, size, side of a trade."""


def wave(count: int = 60) -> TapeBars:
    """Bars that go up and down."""
    close = 100.0 + 10.0 * np.sin(np.arange(count) / 5.0).round(2)
    open_ = np.concatenate(([100.0], close[:-1]))
    high, low = np.maximum(open_, close) + 0.7, np.minimum(open_, close) - 0.9
    return TapeBars(
        open_.round(1), high.round(1), low.round(1), close.round(1), np.full(count, 40.0)
    )


def trades_market(
    steps: Sequence[Step],
    *,
    listing: Listing = COIN,
    book: Sequence[Frame] | None = None,
    clock: ManualClock | None = None,
) -> Market:
    """A market that replays a few trades, with a book that stands still or is given."""
    time_ns = np.array([int(step[0] * SECOND) for step in steps])
    prices, sizes = np.array([s[1] for s in steps]), np.array([s[2] for s in steps])
    sides = np.array([s[3] for s in steps], np.int8)
    tape = TradeTape(listing, time_ns, prices, sizes, side=sides)
    frames = book or [Frame(0, ((999, 500), (998, 800)), ((1001, 500), (1002, 800)), True)]

    def made(track: Track) -> Quotes:
        return RecordedQuotes(frames)

    own = clock or ManualClock(0)
    return Market([listing], {listing.symbol: tape}, own, quotes={listing.symbol: made})


def wave_market(
    symbols: Sequence[str] = ("BTC/USD",),
    *,
    clock: ManualClock | None = None,
    listings: Sequence[Listing] | None = None,
    history: int = 800,
    trades: int = 60,
) -> Market:
    """A market that plays a wave without end, a bar a minute."""
    own = clock or ManualClock(1_700_000_000 * SECOND)
    given = listings or [Listing(symbol, price_decimals=1) for symbol in symbols]
    tapes = {
        one.symbol: BarTape(
            one, wave(), start_ns=own.now_ns(), bar_ns=60 * SECOND, history=history, trades=trades,
            history_trades=6, seed=k,
        )
        for k, one in enumerate(given)
    }  # fmt: skip
    return Market(given, tapes, own)
