"""What the gate remembers of earlier orders: their names, what they were, and how many there were."""

from collections import deque

from peak_trade.domain.order import Order
from peak_trade.kernels.fills import tick_price

MOST_NAMES = 1_000_000
"""Names of orders and wishes that one session can remember; beyond it nothing new is let through."""

MOST_KEYS = 50_000
"""Different orders that can be remembered within one window; beyond it nothing new is let through."""

Key = tuple[object, ...]


class Memory:
    """Remembers every order that the gate was shown, let through or not, in bounded space.

    Nothing here reads a clock: times are those that the books state, and the same orders at the same
    times are remembered alike. Where it is full it says that everything was seen before, which refuses.

    Parameters
    ----------
    longest_ns : int
        The longest window that will be asked for, nanoseconds; what is older may be forgotten.
    """

    __slots__ = ("_longest_ns", "_names", "_recent", "_repeats", "_sent")

    def __init__(self, longest_ns: int) -> None:
        self._longest_ns = longest_ns
        self._names: set[str] = set()
        self._recent: dict[Key, int] = {}
        self._repeats: dict[Key, deque[int]] = {}
        self._sent: deque[int] = deque()

    def knows(self, name: str) -> bool:
        """Whether a name was used before; it is remembered for good."""
        if name in self._names or len(self._names) >= MOST_NAMES:
            return True
        self._names.add(name)
        return False

    def since_same(self, key: Key, now_ns: int, window_ns: int) -> int | None:
        """Nanoseconds since the same order was shown last, within a window; None where it was not."""
        recent = self._recent
        before = recent.pop(key, None)
        if before is None and len(recent) >= MOST_KEYS:
            self._forget_recent(now_ns - self._longest_ns)
            if len(recent) >= MOST_KEYS:
                return 0
        recent[key] = now_ns  # the newest stand last
        if before is None or now_ns - before >= window_ns:
            return None
        return now_ns - before

    def _forget_recent(self, oldest_ns: int) -> None:
        for key in list(self._recent):
            if self._recent[key] > oldest_ns:
                return
            del self._recent[key]

    def is_throttled(self, now_ns: int, most: int, window_ns: int) -> bool:
        """Whether ``most`` orders were shown within a window already; counts this one."""
        return _is_full(self._sent, now_ns, most, window_ns)

    def is_repeated(self, key: Key, now_ns: int, most: int, window_ns: int) -> bool:
        """Whether the same action was taken ``most`` times within a window; counts this one."""
        times = self._repeats.get(key)
        if times is None:
            if len(self._repeats) >= MOST_KEYS:
                self._forget_repeats(now_ns - self._longest_ns)
            if len(self._repeats) >= MOST_KEYS:
                return True
            times = self._repeats[key] = deque()
        return _is_full(times, now_ns, most, window_ns)

    def _forget_repeats(self, oldest_ns: int) -> None:
        for key in [key for key, times in self._repeats.items() if times[-1] <= oldest_ns]:
            del self._repeats[key]


def _is_full(times: deque[int], now_ns: int, most: int, window_ns: int) -> bool:
    """Whether the last ``most`` times all lie within the window; only they are kept."""
    while times and now_ns - times[0] >= window_ns:
        times.popleft()
    is_full = len(times) >= most
    if is_full:
        times.popleft()
    times.append(now_ns)
    return is_full


def identity(order: Order) -> Key:
    """What makes two orders the same: symbol, side and quantity, prices, and what they wait for."""
    stated = (order.price_ticks, order.limit_ticks, order.trail_ticks)
    prices = [None if ticks is None else tick_price(ticks, order.tick) for ticks in stated]
    return (order.instrument, order.lots, order.kind, *prices, order.parent)


def action(order: Order) -> Key:
    """What makes an order a repetition of another: strategy, symbol, side and quantity."""
    return (order.strategy, order.instrument, order.lots)
