"""When a bar is closed, and what has to be asked for before it can be."""

from dataclasses import dataclass
from typing import Literal

from peak_trade.domain.errors import ParameterError

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Ask:
    """Bars that have to be asked for: from ``start_ns`` to ``stop_ns`` (left out)."""

    symbol: str
    interval: str
    start_ns: int
    stop_ns: int
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class Closing:
    """When a bar is closed.

    Attributes
    ----------
    grace_ns : int
        How long after its end, by the venue's time, its trades are waited for.
    patience_ns : int
        How long after that, by the own clock, a bar that is not whole is asked for before it is
        called missing.
    retry_ns : int
        How soon it is asked for again the first time; each time twice as long.
    proof : {"always", "doubt"}
        Whether every bar that its trades do not prove is asked for, or only one of which something
        is known to be missing. The first costs a request for each bar of a symbol in which nobody
        traded after its end; the second tells such a bar without proof, and again if it was wrong.
    """

    grace_ns: int = 2 * SECOND_NS
    patience_ns: int = 60 * SECOND_NS
    retry_ns: int = SECOND_NS // 2
    proof: Literal["always", "doubt"] = "always"

    def __post_init__(self) -> None:
        if min(self.grace_ns, self.patience_ns) < 0 or self.retry_ns <= 0:
            raise ParameterError(
                f"grace {self.grace_ns} ns, patience {self.patience_ns} ns, retry {self.retry_ns} ns",
                hint="give lengths of 0 or more, and a retry above 0",
            )
