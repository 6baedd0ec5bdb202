"""How a simulated venue matches the orders of order strategies."""

from dataclasses import dataclass

from peak_trade.domain.errors import ParameterError
from peak_trade.kernels import match


@dataclass(frozen=True, slots=True)
class Matching:
    """How a simulated venue matches orders that no target stands behind.

    Parameters
    ----------
    latency_ns : int
        How long an order or a cancel is on its way, nanoseconds.
    touch : bool
        Whether a bar that only touches a resting limit fills it; else it must trade a tick through.
    max_fill_share : float
        Which share of a bar's volume the orders of an instrument may be filled for in it, all together;
        1e9 (the default) does not bound it at all.
    queue_lots : int, optional
        Lots that are ahead of a resting order where no book says how many; left out, a trade at its
        price never fills it.

    Raises
    ------
    ParameterError
        A latency or queue below 0, a share that is not above 0.
    """

    latency_ns: int = 0
    touch: bool = False
    max_fill_share: float = match.NO_VOLUME_LIMIT
    queue_lots: int | None = None

    def __post_init__(self) -> None:
        if self.latency_ns < 0 or (self.queue_lots or 0) < 0:
            raise ParameterError(
                f"latency_ns {self.latency_ns} and queue_lots {self.queue_lots}, expected 0 or more",
                hint="leave them out for none",
            )
        if not self.max_fill_share > 0.0:
            raise ParameterError(
                f"max_fill_share {self.max_fill_share}, expected a number above 0",
                hint="0.1 lets orders take a tenth of a bar's volume",
            )
