"""What a live feed tells: bars that are closed, bars that are missing, and the health of it all."""

from dataclasses import dataclass
from typing import Literal

Basis = Literal["trades", "venue", "backfill"]


@dataclass(frozen=True, slots=True)
class Candle:
    """Prices and volume of one interval of one symbol.

    Attributes
    ----------
    open_ns, close_ns : int
        Begin and end of the interval, UTC nanoseconds; the end is the next one's begin.
    open, high, low, close : float
        Prices in quote currency; NaN where ``trades`` is 0.
    volume : float
        Units traded.
    trades : int
        How many trades there were; -1 where it is not known.
    """

    open_ns: int
    close_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int = -1


@dataclass(frozen=True, slots=True)
class ClosedBar:
    """A bar that is over.

    Attributes
    ----------
    venue, symbol, interval : str
        What it is of, such as ``kraken``, ``BTC/USD`` and ``1m``.
    candle : Candle
        Its prices and volume.
    basis : {"trades", "venue", "backfill"}
        Whether it was built from trades, is the venue's own candle, or was asked for afterwards.
    is_proven : bool
        Whether the trades' ids, the venue's own candle or its answer afterwards show that nothing is
        missing. A bar without proof rests on a connection that told of no loss.
    revision : int
        0 for the first word on this bar; a later one replaces it.
    received_ns : int
        When that which closed it was received, by the own clock.
    """

    venue: str
    symbol: str
    interval: str
    candle: Candle
    basis: Basis
    is_proven: bool
    revision: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class NoTrades:
    """Nothing was traded in the interval: there is no bar, and none is missing."""

    venue: str
    symbol: str
    interval: str
    open_ns: int
    close_ns: int


@dataclass(frozen=True, slots=True)
class Missing:
    """Bars that could not be had, from ``start_ns`` to ``stop_ns`` (left out), and why."""

    venue: str
    symbol: str
    interval: str
    start_ns: int
    stop_ns: int
    step_ns: int
    why: str

    @property
    def opens(self) -> tuple[int, ...]:
        """Begin of each bar that is missing, UTC nanoseconds."""
        return tuple(range(self.start_ns, self.stop_ns, self.step_ns))


@dataclass(frozen=True, slots=True)
class Stale:
    """A symbol has been silent for longer than is usual for it."""

    venue: str
    symbol: str
    silent_ns: int
    bound_ns: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class Fresh:
    """A symbol that was stale is heard of again."""

    venue: str
    symbol: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class Connected:
    """The feed is connected for the first time."""

    venue: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone; the feed tries again."""

    venue: str
    why: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class Reconnected:
    """The connection is back, after ``attempts`` tries and ``away_ns`` without one."""

    venue: str
    attempts: int
    away_ns: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class BookTop:
    """The best bid and ask of a book that is sound; a price is NaN where that side is empty."""

    venue: str
    symbol: str
    bid: float
    bid_size: float
    ask: float
    ask_size: float
    time_ns: int


@dataclass(frozen=True, slots=True)
class BookBroken:
    """A book did not add up: it was thrown away, and a fresh one is asked for."""

    venue: str
    symbol: str
    why: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class BookRestored:
    """A fresh book has come and is sound."""

    venue: str
    symbol: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class ClockSkewed:
    """The own clock and the venue's differ by more than is allowed.

    ``offset_ns`` is the venue's time minus our own, between ``low_ns`` and ``high_ns``.
    """

    venue: str
    offset_ns: int
    low_ns: int
    high_ns: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class ClockAgrees:
    """The own clock and the venue's agree again."""

    venue: str
    offset_ns: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class WrongEnvironment:
    """What comes in is not of the environment that was asked for."""

    venue: str
    why: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class VenueStatus:
    """What a venue says of itself, such as ``online`` or ``maintenance``."""

    venue: str
    status: str
    time_ns: int


FeedEvent = (
    ClosedBar
    | NoTrades
    | Missing
    | Stale
    | Fresh
    | Connected
    | Disconnected
    | Reconnected
    | BookTop
    | BookBroken
    | BookRestored
    | ClockSkewed
    | ClockAgrees
    | WrongEnvironment
    | VenueStatus
)
"""Anything that a feed tells."""
