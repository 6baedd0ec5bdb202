"""What a job is. Standard library only: every peer's interpreter imports this."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

FEE = 0.001
SLIPPAGE = 0.0005
FAST, SLOW = 20, 50
CASH = 1e20  # costs wipe an account out on minutes; this one lasts
FASTS = range(5, 45)
SLOWS = range(50, 300, 10)
SWEEP_BARS = 100_000
MINUTES_PER_YEAR = 365 * 24 * 60
MOMENTUM_LOOKBACK, MOMENTUM_EVERY, MOMENTUM_TOP = 126, 21, 50


def _nothing() -> None:
    """Nothing to forget."""


@dataclass(frozen=True, slots=True)
class Job:
    """A prepared job: its data is loaded, ``work`` is what is timed.

    ``work`` gives figures by which results are compared, ``reset`` drops between two repeats what
    was remembered, ``bars`` and ``combos`` are what time is divided by.
    """

    work: Callable[[], Mapping[str, float]]
    bars: int
    combos: int = 1
    reset: Callable[[], None] = _nothing


Prepare = Callable[[], Job]


def combinations() -> list[tuple[int, int]]:
    """The 1,000 pairs of windows of W2."""
    return [(fast, slow) for slow in SLOWS for fast in FASTS]
