"""What quarantine speaks of: its reasons, its rules, and what it says."""

import math
from dataclasses import dataclass
from enum import StrEnum

from peak_trade.data.live.events import FeedEvent
from peak_trade.domain.errors import ParameterError

SECOND_NS = 1_000_000_000


class Reason(StrEnum):
    """Why a symbol was put into quarantine."""

    STALE = "stale"
    GAP = "gap"
    CROSSED = "crossed book"
    BROKEN_BOOK = "broken book"
    BAD_PRICE = "bad price"
    JUMP = "jump"
    OUT_OF_ORDER = "out of order"
    FROZEN_VOLUME = "frozen volume"
    WRONG_ENVIRONMENT = "wrong environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineRules:
    """What is too much, and what it takes to come back.

    Attributes
    ----------
    stale_ns : int
        Silence of a book that is too long, nanoseconds of trading time.
    stale_bars : float
        Silence after the close of a bar that is too long, in bars; a bar that closed longer ago than
        that is not to be traded on.
    jump_share : float
        A price that is off by more, as a fraction, is a jump.
    jump_sigmas : float
        So is one off by more robust standard deviations of the last moves, unless it is smaller
        than ``least_jump``.
    least_jump : float
        Moves up to this fraction are no jumps.
    moves, fewest_moves : int
        How many last moves are remembered, and how many it takes to know a standard deviation.
    second_share : float
        A jump is believed where another source's price is as near to it, as a fraction ...
    second_ns : int
        ... and no older, nanoseconds.
    frozen_bars : int
        So many bars in a row with one and the same volume are too many.
    ahead_ns : int
        A bar may close so far ahead of the own clock, nanoseconds.
    good_updates : int
        Good updates that it takes to come back, beside a fresh snapshot.

    Raises
    ------
    ParameterError
        A number that is negative, or zero where something has to happen.
    """

    stale_ns: int = 60 * SECOND_NS
    stale_bars: float = 2.0
    jump_share: float = 0.2
    jump_sigmas: float = 10.0
    least_jump: float = 0.005
    moves: int = 200
    fewest_moves: int = 20
    second_share: float = 0.02
    second_ns: int = 60 * SECOND_NS
    frozen_bars: int = 5
    ahead_ns: int = 10 * SECOND_NS
    good_updates: int = 3

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            least = 0 if name in ("least_jump", "second_share", "second_ns", "ahead_ns") else None
            if not (value >= 0 if least is not None else value > 0) or not math.isfinite(value):
                raise ParameterError(
                    f"{name} {value} of the quarantine is not "
                    + ("0 or more" if least is not None else "above 0"),
                    hint="leave it out for the default",
                )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a venue says of a symbol when it is asked anew: its price in quote currency, and when."""

    venue: str
    symbol: str
    price: float
    time_ns: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A symbol may not be traded on from now on, or for one more reason."""

    venue: str
    symbol: str
    reason: Reason
    detail: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class Released:
    """A symbol may be traded on again; ``reasons`` are those that it was held for."""

    venue: str
    symbol: str
    reasons: tuple[Reason, ...]
    time_ns: int


Change = Quarantined | Released
Input = FeedEvent | Snapshot


@dataclass(frozen=True, slots=True)
class Vetted:
    """An event of a feed, and what the quarantine made of it.

    Attributes
    ----------
    event : FeedEvent or Snapshot, optional
        As it came; None where time alone changed something.
    is_tradable : bool
        Whether it is a bar or a book top of a symbol that was sound before it and with it, and no
        bar that closed too long ago.
    changes : tuple of Quarantined or Released
        What changed with it.
    is_refused : bool
        Whether it was itself the trouble: it is not to be relied upon later either.
    held : tuple of Reason
        What the symbol of a bar or of a book top is held for, after it.
    """

    event: Input | None
    is_tradable: bool
    changes: tuple[Change, ...]
    is_refused: bool = False
    held: tuple[Reason, ...] = ()
