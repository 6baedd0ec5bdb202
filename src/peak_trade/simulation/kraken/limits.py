"""How many requests and orders Kraken takes: a counter a key, and one an account and pair."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_SECOND = 1_000_000_000
_STEPS = (5, 10, 15, 45, 90, 300)
_PENALTIES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "amend": (3, 2, 1, 0, 0, 0),
        "edit": (6, 5, 4, 2, 1, 0),
        "cancel": (8, 6, 5, 4, 2, 1),
    }
)
_FIXED: Mapping[str, int] = MappingProxyType({"add": 1, "amend": 1, "edit": 1, "cancel": 0})
_CALLS: Mapping[str, int] = MappingProxyType(
    {
        "TradesHistory": 2, "Ledgers": 2, "QueryLedgers": 2, "AddOrder": 0, "AddOrderBatch": 0,
        "AmendOrder": 0, "EditOrder": 0, "CancelOrder": 0, "CancelOrderBatch": 0,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tier:
    """What a verified account may do: the height of both counters and what they lose in a second."""

    calls: float
    calls_decay: float
    orders: float
    orders_decay: float


TIERS: Mapping[str, Tier] = MappingProxyType(
    {
        "starter": Tier(15, 0.33, 60, 1.0),
        "intermediate": Tier(20, 0.5, 125, 2.34),
        "pro": Tier(20, 1.0, 180, 3.75),
        "none": Tier(1e9, 1e9, 1e9, 1e9),
    }
)
"""Tiers by name; ``none`` has no limits."""


class Counter:
    """Rises with every request, and sinks with time.

    Examples
    --------
    >>> counter = Counter(limit=2.0, decay=1.0)
    >>> counter.add(2.0, 0), counter.add(1.0, 0), counter.add(1.0, 2_000_000_000)
    (True, False, True)
    """

    __slots__ = ("_decay", "_level", "_limit", "_time_ns")

    def __init__(self, limit: float, decay: float) -> None:
        self._limit, self._decay, self._level, self._time_ns = limit, decay, 0.0, 0

    def level(self, now_ns: int) -> float:
        """Where it stands."""
        passed = max(now_ns - self._time_ns, 0) / _SECOND
        return max(self._level - passed * self._decay, 0.0)

    def add(self, cost: float, now_ns: int, *, always: bool = False) -> bool:
        """Charge a request; False, and nothing charged, where it would rise above its limit."""
        level = self.level(now_ns) + cost
        if level > self._limit and not always:
            return False
        self._level, self._time_ns = level, max(now_ns, self._time_ns)
        return True


def call_cost(name: str) -> int:
    """What a private call adds to its key's counter."""
    return _CALLS.get(name, 1)


def order_cost(what: str, age_s: float = 0.0) -> int:
    """What a transaction adds to the counter of its account and pair, by the order's age.

    Examples
    --------
    >>> (
    ...     order_cost("add"),
    ...     order_cost("amend", 7.0),
    ...     order_cost("cancel", 2.0),
    ...     order_cost("cancel", 400.0),
    ... )
    (1, 3, 8, 0)
    """
    steps = _PENALTIES.get(what, (0,) * len(_STEPS))
    extra = next((cost for limit, cost in zip(_STEPS, steps, strict=True) if age_s < limit), 0)
    return _FIXED[what] + extra
