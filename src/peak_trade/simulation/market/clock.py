"""The time of a simulated venue: as quick as is wanted, or moved by hand."""

import time
from typing import Protocol

from peak_trade.domain.errors import ParameterError
from peak_trade.engine import clock as machine

SECOND_NS = 1_000_000_000


class Clock(Protocol):
    """The two times of a simulated venue, both in UTC nanoseconds."""

    def now_ns(self) -> int:
        """Time in the market: of trades, candles, books and orders."""
        ...

    def wall_ns(self) -> int:
        """Time of requests: of nonces, limits of pace, tokens, timeouts; never runs faster."""
        ...


class SimClock:
    """Runs by itself, as quick as is wanted.

    Parameters
    ----------
    start_ns : int, optional
        Market time at first; the machine's time where left out.
    speed : float
        Seconds of the market in a second.
    offset_s : float
        By how much the venue's clock is ahead of the machine's; may be changed later (``offset_ns``).

    Raises
    ------
    ParameterError
        A speed that is not above 0.

    Examples
    --------
    >>> clock = SimClock(0, speed=1000.0)
    >>> clock.now_ns() <= clock.now_ns()
    True
    """

    def __init__(
        self, start_ns: int | None = None, *, speed: float = 1.0, offset_s: float = 0.0
    ) -> None:
        if not 0.0 < speed < 1e9:
            raise ParameterError(f"speed {speed}, a number above 0 was expected")
        self.speed, self.offset_ns = speed, int(offset_s * SECOND_NS)
        self._start_ns = machine.now_ns() if start_ns is None else start_ns
        self._began_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        """Time in the market."""
        passed = time.monotonic_ns() - self._began_ns
        return self._start_ns + self.offset_ns + int(passed * self.speed)

    def wall_ns(self) -> int:
        """The machine's time, with the offset."""
        return machine.now_ns() + self.offset_ns


class ManualClock:
    """Stands still until it is moved.

    Parameters
    ----------
    start_ns : int
        Its time at first.

    Examples
    --------
    >>> clock = ManualClock(5)
    >>> clock.pass_time(1.5)
    >>> clock.now_ns()
    1500000005
    """

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """Its time."""
        return self._now_ns

    def wall_ns(self) -> int:
        """Its time."""
        return self._now_ns

    def pass_time(self, seconds: float) -> None:
        """Let seconds pass."""
        self._now_ns += int(seconds * SECOND_NS)

    def move_to(self, time_ns: int) -> None:
        """Move it on to a time; never back."""
        self._now_ns = max(self._now_ns, time_ns)
