"""Kraken's messages as text: numbers with all their decimals, and the checksum of a book."""

import binascii
import json
from collections.abc import Mapping, Sequence

from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.quotes import Level, Levels


class Number(str):
    """A number as it is to stand in a message, such as ``0.00100000``."""

    __slots__ = ()


def text_of(value: object) -> str:
    """Write a message as JSON; a :class:`Number` stands in it as it is.

    Examples
    --------
    >>> text_of({"price": Number("64525.0"), "symbol": "BTC/USD", "bids": [], "ok": True})
    '{"price":64525.0,"symbol":"BTC/USD","bids":[],"ok":true}'
    """
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, Mapping):
        inner = (f"{json.dumps(str(key))}:{text_of(item)}" for key, item in value.items())
        return "{" + ",".join(inner) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ",".join(text_of(item) for item in value) + "]"
    return json.dumps(value)


def checksum(listing: Listing, levels: Levels) -> int:
    """The CRC32 over the ten best levels: asks from low to high, then bids from high to low.

    Of each its price and its size, without the point and without zeros at the front.

    Examples
    --------
    >>> listing = Listing("BTC/USD", price_decimals=1, lot_decimals=8)
    >>> asks = ((452841, 5_000_000), (452845, 200_000_000), (452900, 30_000_000))
    >>> bids = ((452835, 10_000_000), (452834, 120_000_000), (452830, 500_000))
    >>> checksum(listing, Levels(bids, asks))
    2158453468
    """
    parts = []
    for side in (levels.asks, levels.bids):
        for ticks, lots in side[:10]:
            parts.append(_bare(listing.price_text(ticks)) + _bare(listing.size_text(lots)))
    return binascii.crc32("".join(parts).encode())


def _bare(text: str) -> str:
    return text.replace(".", "").lstrip("0")


def scoped(
    before: Levels, after: Levels, depth: int
) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """What one who keeps ``before`` needs to know to have ``after``, both cut to ``depth`` levels.

    Levels that are pushed out at the far end are not spoken of: who keeps a book cuts it itself.

    Examples
    --------
    >>> scoped(Levels(((9, 1), (8, 1)), ()), Levels(((10, 5), (9, 1)), ()), 2)
    (((10, 5),), ())
    """
    return (
        _changes(before.bids, after.bids, depth, is_bid=True),
        _changes(before.asks, after.asks, depth, is_bid=False),
    )


def _changes(
    before: Sequence[Level], after: Sequence[Level], depth: int, *, is_bid: bool
) -> tuple[Level, ...]:
    old, new = dict(before), dict(after)
    put = [(ticks, lots) for ticks, lots in after if old.get(ticks) != lots]
    gone = [ticks for ticks, _ in before if ticks not in new]
    if len(after) == depth:
        last = after[-1][0]
        gone = [ticks for ticks in gone if (ticks > last if is_bid else ticks < last)]
    return (*((ticks, 0) for ticks in gone), *put)
