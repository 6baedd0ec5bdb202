"""Live market data: closed bars of a venue's messages, and what is known to be wrong with them."""

from peak_trade.data.live.events import ClosedBar, FeedEvent, Missing, NoTrades
from peak_trade.data.live.source import Backfill, FeedOptions, LiveCandleSource
from peak_trade.data.live.thread import FeedThread

__all__ = [
    "Backfill",
    "ClosedBar",
    "FeedEvent",
    "FeedOptions",
    "FeedThread",
    "LiveCandleSource",
    "Missing",
    "NoTrades",
]
