"""What venues say, in one vocabulary: what a venue's own messages are read as."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from peak_trade.data.live.events import Candle

Level = tuple[Decimal, Decimal]
"""Price and size as the venue wrote them, trailing zeros and all; size 0 removes the level."""


class Trade(NamedTuple):
    """One trade: consecutive ids a symbol, time of the event, price, and exact size.

    ``side`` is 1 where the taker bought and -1 where the taker sold.
    """

    symbol: str
    trade_id: int
    time_ns: int
    price: float
    size: Decimal
    side: int = 0


class VenueCandle(NamedTuple):
    """A venue's own candle, as far as it has come; ``is_final`` where the venue says it is closed."""

    symbol: str
    candle: Candle
    is_final: bool
    stamp_ns: int


@dataclass(frozen=True, slots=True)
class BookMessage:
    """A snapshot of a book, or what changed in it.

    ``checksum`` is the venue's own of the book after it, where it gives one; ``first_id`` and
    ``last_id`` number the changes in it, where it numbers them.
    """

    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    is_snapshot: bool
    stamp_ns: int
    checksum: int | None = None
    first_id: int = 0
    last_id: int = 0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The venue is there."""


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to our ping ``number``."""

    number: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """A subscription holds; ``symbol`` is empty where the venue answers for all at once."""

    channel: str
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Declined:
    """A subscription was refused."""

    reason: str
    symbol: str = ""
    is_unknown_symbol: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """The venue's own state."""

    status: str


@dataclass(frozen=True, slots=True)
class GoingDown:
    """The venue will cut this connection soon."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that is none of the above and should have been."""

    text: str
    why: str


Message = (
    Trade
    | VenueCandle
    | BookMessage
    | Heartbeat
    | Pong
    | Accepted
    | Declined
    | Status
    | GoingDown
    | Unreadable
)
"""Anything that a venue says on a public stream."""


class Frame(NamedTuple):
    """One frame of a stream: what it says, and when the venue sent it, where it tells."""

    messages: tuple[Message, ...]
    stamp_ns: int | None = None
