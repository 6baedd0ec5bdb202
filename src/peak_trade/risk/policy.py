"""What the house allows: which strategies and symbols, when, how much, and after which promotion."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from peak_trade.domain.errors import RiskError
from peak_trade.domain.order import strategies_of
from peak_trade.journal.canonical import canonical_json, plain
from peak_trade.risk.limits import WIDE

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Weekdays as hours name them."""

_MINUTE_NS = 60_000_000_000
_DAY_MINUTES = 1440
_THURSDAY = 3  # the weekday of the first day of 1970


@dataclass(frozen=True, slots=True)
class Hours:
    """A span of every named weekday, UTC, in which orders may be sent.

    ``days`` are of :data:`DAYS`; ``start`` and ``stop`` are minutes since midnight, the start
    included, the stop not; a span does not cross midnight.

    Examples
    --------
    >>> Hours.parse("mon-fri 13:30-20:00")
    Hours(days=('mon', 'tue', 'wed', 'thu', 'fri'), start=810, stop=1200)
    >>> str(Hours.parse("sat,sun 00:00-24:00"))
    'sat,sun 00:00-24:00'
    """

    days: tuple[str, ...]
    start: int
    stop: int

    def __post_init__(self) -> None:
        is_span = 0 <= self.start < self.stop <= _DAY_MINUTES
        if not self.days or not set(self.days) <= set(DAYS) or not is_span:
            raise RiskError(
                f"trading hours {self} are not valid",
                hint='write "mon-fri 13:30-20:00", in UTC; two spans where midnight is crossed',
            )

    @classmethod
    def parse(cls, text: str) -> "Hours":
        """Read days and a span: ``mon-fri 13:30-20:00``, ``sat,sun 00:00-24:00``.

        Raises
        ------
        RiskError
            A text that is none.
        """
        try:
            days, _, span = text.strip().partition(" ")
            start, stop = (_minutes(part) for part in span.split("-"))
            return cls(_days(days), start, stop)
        except (ValueError, AttributeError):
            raise RiskError(
                f"trading hours {text!r} are not valid",
                hint='write "mon-fri 13:30-20:00", in UTC',
            ) from None

    def __str__(self) -> str:
        span = (f"{minute // 60:02}:{minute % 60:02}" for minute in (self.start, self.stop))
        return f"{','.join(self.days)} {'-'.join(span)}"

    def holds(self, time_ns: int) -> bool:
        """Whether an instant, UTC nanoseconds, lies in the span."""
        day, minute = divmod(time_ns // _MINUTE_NS, _DAY_MINUTES)
        return DAYS[(day + _THURSDAY) % 7] in self.days and self.start <= minute < self.stop


def _days(text: str) -> tuple[str, ...]:
    found: list[str] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        low, high = DAYS.index(first), DAYS.index(last or first)
        if low > high:
            raise ValueError(part)
        found += DAYS[low : high + 1]
    return tuple(day for day in DAYS if day in found)


def _minutes(text: str) -> int:
    hour, _, minute = text.strip().partition(":")
    if len(minute) != 2 or not (hour + minute).isascii() or not (hour + minute).isdigit():
        raise ValueError(text)
    if int(minute) >= 60:
        raise ValueError(text)
    return int(hour) * 60 + int(minute)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the house allows in one environment.

    Parameters
    ----------
    strategies : tuple of str, optional
        The only strategies that may trade; None allows every one, an empty tuple none.
    restricted : frozenset of str
        Symbols that may not be traded.
    hours : tuple of Hours
        When orders may be sent; empty: at any time.
    promotions : mapping of str to str
        By environment, the promotion that a strategy needs to trade there.
    max_notional : float
        Largest value of one order, account's currency.
    source : str
        Where it was read, for messages.

    Examples
    --------
    >>> Policy(strategies=("trend",)).allows("grid"), Policy().allows("grid")
    (False, True)
    """

    strategies: tuple[str, ...] | None = None
    restricted: frozenset[str] = frozenset()
    hours: tuple[Hours, ...] = ()
    promotions: Mapping[str, str] = field(default_factory=dict)
    max_notional: float = WIDE
    source: str = ""

    def allows(self, strategy: str) -> bool:
        """Whether a strategy is on the list, and every one of several that share an order."""
        listed = self.strategies
        return listed is None or all(name in listed for name in strategies_of(strategy))

    def is_open(self, time_ns: int) -> bool:
        """Whether orders may be sent at an instant, UTC nanoseconds."""
        return not self.hours or any(span.holds(time_ns) for span in self.hours)

    @property
    def fingerprint(self) -> str:
        """A digest of all that it says; the place it was read from does not count."""
        parts = (self.strategies, self.restricted, self.hours, self.promotions, self.max_notional)
        return hashlib.blake2b(canonical_json(plain(parts)).encode(), digest_size=16).hexdigest()
