"""One interval of one symbol while its trades come in, in any order."""

from dataclasses import dataclass, field
from decimal import Decimal
from math import inf, nan

from peak_trade.data.live.events import Candle, ClosedBar
from peak_trade.data.live.messages import Trade

VOLUME_TOLERANCE = 1e-9
"""Share by which two volumes that were summed differently may differ and still be the same."""


@dataclass(slots=True)
class Tally:
    """What is known of one interval: its trades by id, the venue's candle, and what was told of it.

    The first price is that of the lowest id and the last that of the highest, so that it does not
    matter in which order trades arrive; sizes are summed exactly.
    """

    open_ns: int
    close_ns: int
    first_id: int = 0
    first_ns: int = 0
    last_id: int = -1
    count: int = 0
    first: float = nan
    last: float = nan
    high: float = -inf
    low: float = inf
    size: Decimal = field(default=Decimal(0))
    venue: Candle | None = None
    is_final: bool = False
    answer: Candle | None = None
    is_answered: bool = False
    told: ClosedBar | None = None
    is_told: bool = False
    is_doubted: bool = False
    is_audited: bool = False

    def add(self, trade: Trade) -> None:
        """Take in a trade that has not been seen."""
        number, price = trade.trade_id, trade.price
        if not self.count or number < self.first_id:
            self.first_id, self.first, self.first_ns = number, price, trade.time_ns
        if number > self.last_id:
            self.last_id, self.last = number, price
        if price > self.high:
            self.high = price
        if price < self.low:
            self.low = price
        self.size += trade.size
        self.count += 1

    @property
    def is_whole(self) -> bool:
        """Whether no id is missing between its first and its last trade."""
        return self.count == self.last_id - self.first_id + 1

    @property
    def is_sound_final(self) -> bool:
        """Whether the venue's candle is closed, and counts no fewer trades than came."""
        return self.is_final and self.venue is not None and self.count <= self.venue.trades

    @property
    def candle(self) -> Candle:
        """What its trades make."""
        return Candle(
            self.open_ns, self.close_ns, self.first, self.high, self.low, self.last,
            float(self.size), self.count,
        )  # fmt: skip

    def take(self, candle: Candle, *, is_final: bool) -> None:
        """Keep the venue's candle where it says more than the one before."""
        if self.is_final:
            return
        if is_final or self.venue is None or candle.trades >= self.venue.trades:
            self.venue, self.is_final = candle, is_final

    def agrees(self, candle: Candle) -> bool:
        """Whether a candle holds at least what was seen here; one that does not is out of date."""
        for mine in (self.candle if self.count else None, self.venue):
            if mine is not None and mine.trades != 0 and not holds(candle, mine):
                return False
        return True


def holds(whole: Candle, part: Candle) -> bool:
    """Whether one candle can hold all the trades of another of the same interval.

    Examples
    --------
    >>> part = Candle(0, 60, 10.0, 12.0, 9.0, 11.0, 5.0, 3)
    >>> holds(Candle(0, 60, 10.0, 12.0, 9.0, 11.5, 5.5), part)
    True
    >>> holds(Candle(0, 60, 10.0, 11.0, 9.0, 11.5, 5.5), part)
    False
    """
    if 0 <= whole.trades < part.trades:
        return False
    return (
        whole.volume >= part.volume * (1 - VOLUME_TOLERANCE)
        and whole.high >= part.high
        and whole.low <= part.low
    )


def is_same(one: Candle, other: Candle) -> bool:
    """Whether two candles of one interval say the same prices, and the same volume but for rounding."""
    if (one.open, one.high, one.low, one.close) != (other.open, other.high, other.low, other.close):
        return False
    return abs(one.volume - other.volume) <= VOLUME_TOLERANCE * max(one.volume, other.volume)
