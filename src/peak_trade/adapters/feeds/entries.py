"""What stands in the entry points ``peak_trade.feeds``: the feeds, once what they need is there."""

from typing import TYPE_CHECKING

from peak_trade.adapters.feeds.extras import check_installed

if TYPE_CHECKING:
    from peak_trade.data.live.source import FeedFactory


def kraken() -> "FeedFactory":
    """Give what makes Kraken's live feed.

    Raises
    ------
    DataError
        A library that it needs is missing.
    """
    check_installed()
    from peak_trade.adapters.feeds.kraken import kraken_feed

    return kraken_feed


def binance() -> "FeedFactory":
    """Give what makes Binance's live feed.

    Raises
    ------
    DataError
        A library that it needs is missing.
    """
    check_installed()
    from peak_trade.adapters.feeds.binance import binance_feed

    return binance_feed
