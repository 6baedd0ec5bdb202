"""Whether a symbol is heard of as often as is usual for it."""

from peak_trade.data.live.events import FeedEvent, Fresh, Stale

NS = 1_000_000_000
_MEMORY = 0.05  # weight of the newest pause in the usual one


class Health:
    """When a symbol was last heard of, and whether its silence is longer than usual.

    The bound is ``bound_ns`` where it is given; else ``times`` what is usual between two updates:
    their mean pause plus four mean deviations, in both of which the newest weighs 5 %. It is never
    below ``least_ns`` nor above ``most_ns``.

    Examples
    --------
    >>> health = Health("kraken", "BTC/USD", bound_ns=5 * NS)
    >>> health.on_update(10 * NS)
    []
    >>> health.check(16 * NS)[0].silent_ns // NS
    6
    >>> type(health.on_update(17 * NS)[0]).__name__
    'Fresh'
    """

    def __init__(
        self,
        venue: str,
        symbol: str,
        *,
        bound_ns: int | None = None,
        times: float = 10.0,
        least_ns: int = 5 * NS,
        most_ns: int = 300 * NS,
    ) -> None:
        self.venue, self.symbol = venue, symbol
        self._bound = bound_ns
        self._times, self._least, self._most = times, least_ns, most_ns
        self._last: int | None = None
        self._mean: float | None = None
        self._spread = 0.0
        self.is_stale = False

    @property
    def last_ns(self) -> int | None:
        """When it was last heard of, by the own clock."""
        return self._last

    @property
    def bound_ns(self) -> int:
        """How long it may be silent."""
        if self._bound is not None:
            return self._bound
        if self._mean is None:
            return self._most
        usual = self._times * (self._mean + 4 * self._spread)
        return int(min(max(usual, self._least), self._most))

    def watch_from(self, now_ns: int) -> None:
        """Begin to count silence, where nothing was heard yet."""
        if self._last is None:
            self._last = now_ns

    def on_update(self, now_ns: int) -> list[FeedEvent]:
        """Note that it was heard of."""
        if self._last is not None and not self.is_stale:
            pause = max(0, now_ns - self._last)
            if self._mean is None:
                self._mean = float(pause)
            self._spread += _MEMORY * (abs(pause - self._mean) - self._spread)
            self._mean += _MEMORY * (pause - self._mean)
        self._last = now_ns
        if not self.is_stale:
            return []
        self.is_stale = False
        return [Fresh(self.venue, self.symbol, now_ns)]

    def check(self, now_ns: int) -> list[FeedEvent]:
        """Say once that it has been silent for too long."""
        if self.is_stale or self._last is None:
            return []
        silent, bound = now_ns - self._last, self.bound_ns
        if silent <= bound:
            return []
        self.is_stale = True
        return [Stale(self.venue, self.symbol, silent, bound, now_ns)]
