"""How much may be asked: weight and requests per address, new orders per account."""

from collections import defaultdict
from dataclasses import dataclass, field

from peak_trade.simulation.binance.refusals import Refusal

FIRST_BAN_S, LONGEST_BAN_S = 120.0, 3 * 86_400.0
INSISTENCE = 10
"""Requests after a 429, within its window, that end in a ban."""

_SECONDS = {"SECOND": 1, "MINUTE": 60, "DAY": 86_400}


@dataclass(frozen=True, slots=True)
class Limit:
    """So many of something in an interval that begins on the clock.

    Examples
    --------
    >>> Limit("ORDERS", "SECOND", 10, 50).described()["limit"]
    50
    """

    kind: str
    interval: str
    times: int
    most: int

    @property
    def seconds(self) -> int:
        """The length of its interval."""
        return _SECONDS[self.interval] * self.times

    @property
    def header(self) -> str:
        """How headers name its interval, such as ``1M``."""
        return f"{self.times}{self.interval[0]}"

    def described(self, count: int | None = None) -> dict[str, object]:
        """As exchangeInfo lists it, and as answers count it."""
        said: dict[str, object] = {
            "rateLimitType": self.kind,
            "interval": self.interval,
            "intervalNum": self.times,
            "limit": self.most,
        }
        return said if count is None else said | {"count": count}


class Counter:
    """What was counted in the present interval of a limit, for each of many."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._window = -1
        self._counts: dict[str, int] = defaultdict(int)

    def _turn(self, now_s: float) -> None:
        window = int(now_s // self.limit.seconds)
        if window != self._window:
            self._window = window
            self._counts.clear()

    def add(self, who: str, number: int, now_s: float) -> int:
        """Count, and give the new sum, at least 0."""
        self._turn(now_s)
        self._counts[who] = max(self._counts[who] + number, 0)
        return self._counts[who]

    def of(self, who: str, now_s: float) -> int:
        """What was counted."""
        self._turn(now_s)
        return self._counts.get(who, 0)

    def rest_s(self, now_s: float) -> float:
        """Seconds until its interval ends."""
        return self.limit.seconds - now_s % self.limit.seconds


@dataclass(slots=True)
class Ban:
    """An address that is shut out, and how often it was before."""

    until_s: float = 0.0
    times: int = 0
    ignored: int = 0


@dataclass(slots=True, eq=False)
class Limits:
    """Weight of requests by address and new orders by account, with Binance's answers beyond them.

    Parameters
    ----------
    weight : int
        Request weight per minute.
    requests : int
        Requests per five minutes.
    orders, orders_a_day : int
        New orders per ten seconds and per day; those that fill do not count for long.

    Examples
    --------
    >>> limits = Limits(weight=10)
    >>> limits.charge("127.0.0.1", 7, 60.0)["X-MBX-USED-WEIGHT-1M"]
    '7'
    >>> limits.charge("127.0.0.1", 7, 61.0)
    Traceback (most recent call last):
    peak_trade.simulation.binance.refusals.Refusal: Too much request weight used; ...
    """

    weight: int = 6_000
    requests: int = 61_000
    orders: int = 100
    orders_a_day: int = 200_000
    _weights: Counter = field(init=False)
    _requests: Counter = field(init=False)
    _orders: tuple[Counter, Counter] = field(init=False)
    _bans: dict[str, Ban] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._weights = Counter(Limit("REQUEST_WEIGHT", "MINUTE", 1, self.weight))
        self._requests = Counter(Limit("RAW_REQUESTS", "MINUTE", 5, self.requests))
        self._orders = (
            Counter(Limit("ORDERS", "SECOND", 10, self.orders)),
            Counter(Limit("ORDERS", "DAY", 1, self.orders_a_day)),
        )

    def described(self) -> list[dict[str, object]]:
        """All limits, as exchangeInfo lists them."""
        counters = (self._weights, *self._orders, self._requests)
        return [counter.limit.described() for counter in counters]

    # --- by address ------------------------------------------------------------------------------

    def charge(self, address: str, weight: int, now_s: float) -> dict[str, str]:
        """Count a request; the headers of its answer.

        Raises
        ------
        Refusal
            429 beyond a limit, 418 for an address that goes on regardless; both with Retry-After.
        """
        ban = self._bans.setdefault(address, Ban())
        if now_s < ban.until_s:
            raise _banned(ban.until_s, now_s)
        used = self._weights.add(address, weight, now_s)
        asked = self._requests.add(address, 1, now_s)
        if used <= self.weight and asked <= self.requests:
            ban.ignored = 0
            return self.weight_header(address, now_s)
        ban.ignored += 1
        if ban.ignored > INSISTENCE:
            length_s = min(FIRST_BAN_S * 2**ban.times, LONGEST_BAN_S)
            ban.until_s, ban.times, ban.ignored = now_s + length_s, ban.times + 1, 0
            raise _banned(ban.until_s, now_s)
        counter = self._weights if used > self.weight else self._requests
        raise _too_much(counter, now_s, self.weight_header(address, now_s))

    def weight_header(self, address: str, now_s: float) -> dict[str, str]:
        """The header that says how much weight an address has used."""
        limit = self._weights.limit
        return {f"X-MBX-USED-WEIGHT-{limit.header}": str(self._weights.of(address, now_s))}

    # --- by account ------------------------------------------------------------------------------

    def check_orders(self, account: str, now_s: float, number: int = 1) -> None:
        """Refuse new orders beyond the limits of an account.

        Raises
        ------
        Refusal
            429 with -1015, without Retry-After.
        """
        for counter in self._orders:
            limit = counter.limit
            if counter.of(account, now_s) + number > limit.most:
                raise Refusal(
                    -1015,
                    f"Too many new orders; current limit is {limit.most} orders"
                    f" per {limit.times} {limit.interval}.",
                    status=429,
                )

    def count_orders(self, account: str, number: int, now_s: float) -> None:
        """Count orders that were placed; fewer (below 0) for those that filled."""
        for counter in self._orders:
            counter.add(account, number, now_s)

    def order_headers(self, account: str, now_s: float) -> dict[str, str]:
        """The headers that say how many orders an account has placed."""
        return {
            f"X-MBX-ORDER-COUNT-{counter.limit.header}": str(counter.of(account, now_s))
            for counter in self._orders
        }

    def order_counts(self, account: str, now_s: float) -> list[dict[str, object]]:
        """The same as the answers of rateLimit/order and of the WebSocket API have it."""
        return [counter.limit.described(counter.of(account, now_s)) for counter in self._orders]

    def weight_counts(self, address: str, now_s: float) -> list[dict[str, object]]:
        """The weight an address has used, as answers of the WebSocket API have it."""
        return [self._weights.limit.described(self._weights.of(address, now_s))]


def _too_much(counter: Counter, now_s: float, headers: dict[str, str]) -> Refusal:
    limit, rest_s = counter.limit, counter.rest_s(now_s)
    what = "request weight" if limit.kind == "REQUEST_WEIGHT" else "requests"
    return Refusal(
        -1003,
        f"Too much request weight used; current limit is {limit.most} {what}"
        f" per {limit.times} {limit.interval}. Please use WebSocket Streams for live updates"
        " to avoid polling the API.",
        status=429,
        headers=headers | {"Retry-After": str(int(rest_s) + 1)},
    )


def _banned(until_s: float, now_s: float) -> Refusal:
    until_ms = int(until_s * 1e3)
    return Refusal(
        -1003,
        f"Way too much request weight used; IP banned until {until_ms}."
        " Please use WebSocket Streams for live updates to avoid bans.",
        status=418,
        data={"serverTime": int(now_s * 1e3), "retryAfter": until_ms},
        headers={"Retry-After": str(int(until_s - now_s) + 1)},
    )
