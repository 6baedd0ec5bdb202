"""Order books kept from a venue's messages, each checked against what the venue says of it."""

import zlib
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import nan
from typing import Literal

from peak_trade.data.live.events import BookTop
from peak_trade.data.live.messages import BookMessage, Level

CHECKED_LEVELS = 10
"""How many levels of each side go into Kraken's checksum, whatever the depth."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """One side of a book, best price first, as the venue wrote prices and sizes."""

    levels: tuple[Level, ...]

    @property
    def best(self) -> Level | None:
        """Price and size of the first level."""
        return self.levels[0] if self.levels else None


class Book:
    """The levels of an order book by price, exact to the last digit the venue wrote.

    Parameters
    ----------
    depth : int, optional
        How many levels of a side are kept: those that fall out are forgotten, as a venue that sends
        a book of that depth does. All where left out.

    Examples
    --------
    >>> book = Book(depth=2)
    >>> book.replace([(Decimal("9.9"), Decimal("1"))], [(Decimal("10.1"), Decimal("2"))])
    >>> book.update([(Decimal("10.0"), Decimal("3")), (Decimal("9.9"), Decimal("0"))], [])
    >>> book.bids.levels
    ((Decimal('10.0'), Decimal('3')),)
    """

    def __init__(self, *, depth: int | None = None) -> None:
        self._depth = depth
        self._bids: list[Decimal] = []  # rising, so that the best is the last
        self._asks: list[Decimal] = []  # rising, so that the best is the first
        self._bid_levels: dict[Decimal, Level] = {}
        self._ask_levels: dict[Decimal, Level] = {}

    def replace(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Begin with a snapshot."""
        self._bid_levels = {level[0]: level for level in bids if level[1]}
        self._ask_levels = {level[0]: level for level in asks if level[1]}
        self._bids, self._asks = sorted(self._bid_levels), sorted(self._ask_levels)
        self._cut()

    def update(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Set levels; a size of 0 removes one."""
        _set(self._bids, self._bid_levels, bids)
        _set(self._asks, self._ask_levels, asks)
        self._cut()

    def _cut(self) -> None:
        if self._depth is None:
            return
        while len(self._bids) > self._depth:
            del self._bid_levels[self._bids.pop(0)]
        while len(self._asks) > self._depth:
            del self._ask_levels[self._asks.pop()]

    @property
    def bids(self) -> Ladder:
        """What is bid, the highest price first."""
        return Ladder(tuple(self._bid_levels[price] for price in reversed(self._bids)))

    @property
    def asks(self) -> Ladder:
        """What is asked, the lowest price first."""
        return Ladder(tuple(self._ask_levels[price] for price in self._asks))

    @property
    def best_bid(self) -> Level | None:
        """The highest bid; None where there is none."""
        return self._bid_levels[self._bids[-1]] if self._bids else None

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask; None where there is none."""
        return self._ask_levels[self._asks[0]] if self._asks else None

    @property
    def is_crossed(self) -> bool:
        """Whether somebody bids as much as another asks, or more."""
        return bool(self._bids and self._asks) and self._bids[-1] >= self._asks[0]

    def top(self, venue: str, symbol: str, time_ns: int) -> BookTop:
        """Give the best bid and ask as numbers."""
        bid, ask = self.best_bid, self.best_ask
        return BookTop(
            venue, symbol,
            float(bid[0]) if bid else nan, float(bid[1]) if bid else nan,
            float(ask[0]) if ask else nan, float(ask[1]) if ask else nan,
            time_ns,
        )  # fmt: skip

    def checksum(self) -> int:
        """Give the CRC32 that Kraken sends with a book (WebSocket v2, book checksum guide).

        Of the ten best asks, then the ten best bids, price and size as written, without the point and
        without zeros in front, one after the other.

        Examples
        --------
        >>> book = Book()
        >>> level = lambda price, size: (Decimal(price), Decimal(size))
        >>> book.replace(
        ...     [
        ...         level("45283.5", "0.10000000"),
        ...         level("45283.4", "1.20000000"),
        ...         level("45283.0", "0.00500000"),
        ...     ],
        ...     [
        ...         level("45284.1", "0.05000000"),
        ...         level("45284.5", "2.00000000"),
        ...         level("45290.0", "0.30000000"),
        ...     ],
        ... )
        >>> book.checksum()
        2158453468
        """
        asks = (self._ask_levels[price] for price in self._asks[:CHECKED_LEVELS])
        bids = (self._bid_levels[price] for price in self._bids[: -CHECKED_LEVELS - 1 : -1])
        parts = [_digits(number) for side in (asks, bids) for level in side for number in level]
        return zlib.crc32("".join(parts).encode())


def _digits(number: Decimal) -> str:
    return f"{number:f}".replace(".", "").lstrip("0")


def _set(prices: list[Decimal], levels: dict[Decimal, Level], changes: Iterable[Level]) -> None:
    for level in changes:
        price, size = level
        known = price in levels
        if size:
            if known:
                del levels[price]  # so that the key is written as this level is
            else:
                prices.insert(bisect_left(prices, price), price)
            levels[price] = level
        elif known:
            del levels[price]
            del prices[bisect_left(prices, price)]


Outcome = Literal["sound", "waiting", "broken"]


class CheckedBook:
    """A book whose every message carries a checksum of what should stand after it, as Kraken's do.

    Examples
    --------
    >>> book = CheckedBook(depth=10)
    >>> book.on_message(BookMessage("X", (), (), is_snapshot=False, stamp_ns=0, checksum=1))
    'waiting'
    """

    needs_snapshot = False
    """The venue sends one by itself where it is subscribed to."""

    def __init__(self, *, depth: int) -> None:
        self._depth = depth
        self.book = Book(depth=depth)
        self.is_sound = False
        self.why = ""

    def on_message(self, message: BookMessage) -> Outcome:
        """Take in a snapshot or a change: whether the book is sound after it.

        ``waiting``: there is no snapshot yet. ``broken``: the checksum differs; the book is thrown
        away, and whoever asks has to subscribe anew.
        """
        if message.is_snapshot:
            self.book.replace(message.bids, message.asks)
        elif not self.is_sound:
            return "waiting"
        else:
            self.book.update(message.bids, message.asks)
        found = self.book.checksum()
        if message.checksum is not None and found != message.checksum:
            self.why = f"the book's checksum is {found}, the venue's {message.checksum}"
            self.drop()
            return "broken"
        self.is_sound = True
        return "sound"

    def drop(self) -> None:
        """Throw the book away."""
        self.book = Book(depth=self._depth)
        self.is_sound = False


class NumberedBook:
    """A book whose changes are numbered in one chain from a snapshot on, as Binance's are.

    Changes that come before the snapshot are kept. The first that is used must hold the number after
    the snapshot's; each later one must begin with the number after the one before.

    Examples
    --------
    >>> one = (Decimal("10"), Decimal("1"))
    >>> book = NumberedBook()
    >>> book.on_message(BookMessage("X", (one,), (), False, 0, first_id=5, last_id=7))
    'waiting'
    >>> book.on_message(BookMessage("X", (), (), True, 0, last_id=6))
    'sound'
    >>> book.last_id
    7
    """

    needs_snapshot = True
    """A snapshot has to be asked for."""

    KEPT = 10_000
    """Changes that are kept while a snapshot is waited for."""

    def __init__(self) -> None:
        self.book = Book()
        self.is_sound = False
        self.why = ""
        self.last_id = 0
        self._is_first = True
        self._early: deque[BookMessage] = deque(maxlen=self.KEPT)

    def on_message(self, message: BookMessage) -> Outcome:
        """Take in a snapshot or a change: whether the book is sound after it.

        ``waiting``: there is no snapshot yet, or it is older than the first change that is kept, and
        another has to be asked for. ``broken``: a change is missing; the book is thrown away.
        """
        if message.is_snapshot:
            return self._begin(message)
        if not self.is_sound:
            self._early.append(message)
            return "waiting"
        return self._follow(message)

    def _begin(self, snapshot: BookMessage) -> Outcome:
        while self._early and self._early[0].last_id <= snapshot.last_id:
            self._early.popleft()
        if self._early and self._early[0].first_id > snapshot.last_id + 1:
            return "waiting"
        self.book.replace(snapshot.bids, snapshot.asks)
        self.last_id, self.is_sound, self._is_first = snapshot.last_id, True, True
        while self._early:
            if self._follow(self._early.popleft()) == "broken":
                return "broken"
        return "sound"

    def _follow(self, change: BookMessage) -> Outcome:
        if change.last_id <= self.last_id:
            return "sound"  # it is in the book already
        fits = change.first_id <= self.last_id + 1
        if not fits or (not self._is_first and change.first_id != self.last_id + 1):
            self.why = f"change {change.first_id} came after {self.last_id}"
            self.drop()
            self._early.append(change)
            return "broken"
        self.book.update(change.bids, change.asks)
        self.last_id, self._is_first = change.last_id, False
        return "sound"

    def drop(self) -> None:
        """Throw the book away."""
        self.book = Book()
        self.is_sound = False
        self._early.clear()
