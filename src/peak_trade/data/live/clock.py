"""How far the own clock and a venue's are apart, with bounds, from the messages themselves."""

from collections import deque

from peak_trade.data.live.events import ClockAgrees, ClockSkewed, FeedEvent

NS = 1_000_000_000
_SLOTS = 12


class VenueClock:
    """A venue's time by the own clock: an offset and its bounds, from stamps and round trips.

    A message stamped at ``s`` by the venue and received at ``r`` by the own clock left before it came:
    the offset (venue minus own) is at least ``s - r``. An answer stamped ``s`` to what was sent at ``t``
    was made after that: the offset is at most ``s - t``. The tightest bounds of the last ``window_ns``
    hold (the minimum filter of the Network Time Protocol: Mills, RFC 5905, section 10); where they
    contradict each other a clock has stepped, and only what came since counts.

    Parameters
    ----------
    venue : str
        Whose clock it is.
    allowed_ns : int
        By how much the clocks may differ before `check` says so.
    window_ns : int
        How long a message counts.

    Examples
    --------
    >>> clock = VenueClock("kraken", allowed_ns=NS)
    >>> clock.on_stamp(5_000_000_000, 5_030_000_000)
    >>> clock.on_round_trip(
    ...     sent_ns=6_000_000_000, stamp_ns=6_010_000_000, received_ns=6_020_000_000
    ... )
    >>> clock.low_ns, clock.high_ns, clock.offset_ns
    (-10000000, 10000000, 0)
    """

    def __init__(self, venue: str, *, allowed_ns: int = NS, window_ns: int = 300 * NS) -> None:
        self.venue = venue
        self._allowed = allowed_ns
        self._slot_ns = max(1, window_ns // _SLOTS)
        self._lows: deque[tuple[int, int]] = deque()  # slot of the own clock, tightest in it
        self._highs: deque[tuple[int, int]] = deque()
        self._low: int | None = None
        self._high: int | None = None
        self._is_skewed = False
        self.steps = 0

    def on_stamp(self, stamp_ns: int, received_ns: int) -> None:
        """Take in a message that the venue stamped."""
        low = stamp_ns - received_ns
        if self._high is not None and low > self._high:
            self._step()
        slot = received_ns // self._slot_ns
        if self._lows and self._lows[-1][0] == slot:
            if low > self._lows[-1][1]:
                self._lows[-1] = (slot, low)
                if self._low is None or low > self._low:
                    self._low = low
            return
        self._lows.append((slot, low))
        self._forget(slot)

    def on_round_trip(self, *, sent_ns: int, stamp_ns: int, received_ns: int) -> None:
        """Take in the answer to a question that the venue stamped in between."""
        high = stamp_ns - sent_ns
        if self._low is not None and high < self._low:
            self._step()
        slot = received_ns // self._slot_ns
        self._highs.append((slot, high))
        self._forget(slot)
        self.on_stamp(stamp_ns, received_ns)

    def _forget(self, slot: int) -> None:
        for bounds in (self._lows, self._highs):
            while bounds and (bounds[0][0] <= slot - _SLOTS or bounds[0][0] > slot):
                bounds.popleft()
        self._low = max((low for _, low in self._lows), default=None)
        self._high = min((high for _, high in self._highs), default=None)

    def _step(self) -> None:
        """A clock has stepped: forget what was measured before."""
        self._lows.clear()
        self._highs.clear()
        self._low = self._high = None
        self.steps += 1

    @property
    def low_ns(self) -> int | None:
        """The venue is ahead of us by at least this much; None where nothing is known."""
        return self._low

    @property
    def high_ns(self) -> int | None:
        """The venue is ahead of us by at most this much; None where no answer has come."""
        return self._high

    @property
    def offset_ns(self) -> int | None:
        """The venue's time minus our own: the middle of the bounds; None where nothing is known."""
        if self._low is None or self._high is None:
            return self._low
        return (self._low + self._high) // 2

    def passed_ns(self, now_ns: int) -> int | None:
        """What time has surely passed at the venue; None where nothing is known."""
        return None if self._low is None else now_ns + self._low

    def check(self, now_ns: int) -> list[FeedEvent]:
        """Say where the clocks surely differ by more than is allowed, and where they agree again."""
        low, high, offset = self._low, self._high, self.offset_ns
        if low is None or offset is None:
            return []
        is_skewed = low > self._allowed or (high is not None and high < -self._allowed)
        if is_skewed == self._is_skewed:
            return []
        if not is_skewed and not (low >= -self._allowed or high is not None):
            return []
        self._is_skewed = is_skewed
        if not is_skewed:
            return [ClockAgrees(self.venue, offset, now_ns)]
        return [ClockSkewed(self.venue, offset, low, offset if high is None else high, now_ns)]

    @property
    def is_skewed(self) -> bool:
        """Whether the clocks were found to differ by more than is allowed."""
        return self._is_skewed
