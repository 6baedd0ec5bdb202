"""How long to wait before the next try."""

from dataclasses import dataclass, field

import numpy as np

from peak_trade.domain.errors import ParameterError


@dataclass(slots=True)
class Backoff:
    """Waits that double from ``first_s`` up to ``most_s``, each drawn from its upper half.

    Examples
    --------
    >>> backoff = Backoff(np.random.default_rng(7), first_s=1.0, most_s=4.0)
    >>> waits = [backoff.next_s() for _ in range(5)]
    >>> [round(wait) <= most for wait, most in zip(waits, (1, 2, 4, 4, 4))]
    [True, True, True, True, True]
    """

    rng: np.random.Generator
    first_s: float = 0.5
    most_s: float = 30.0
    attempts: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.most_s:
            raise ParameterError(f"waits from {self.first_s} s to {self.most_s} s are none")

    def next_s(self) -> float:
        """Give the next wait in seconds."""
        whole = min(self.first_s * 2.0 ** min(self.attempts, 60), self.most_s)
        self.attempts += 1
        return float(whole * (0.5 + 0.5 * self.rng.random()))

    def reset(self) -> None:
        """Begin with the shortest wait again."""
        self.attempts = 0
