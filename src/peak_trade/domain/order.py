"""Orders and their states."""

from dataclasses import dataclass
from enum import Enum, IntEnum

from peak_trade.kernels.fills import tick_price


class OrderKind(Enum):
    """How an order meets the market."""

    MARKET = "market"
    STOP = "stop"
    LIMIT = "limit"


class OrderState(Enum):
    """Where an order stands with its venue."""

    INTENT = "intent"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    DENIED = "denied"
    CANCELED = "canceled"
    EXPIRED = "expired"


class Reason(IntEnum):
    """Why a fill happened."""

    TARGET = 0
    STOP_LOSS = 1
    TAKE_PROFIT = 2
    RUIN = 3
    TRAILING_STOP = 4
    TIME_STOP = 5
    ROI = 6
    BREAK_EVEN = 7
    PARTIAL = 8
    LIQUIDATION = 9
    DELISTING = 10
    HALT = 11
    END = 12

    @property
    def blocks(self) -> bool:
        """Whether a position that this closed may not be opened again by the target that stands."""
        return self not in (Reason.TARGET, Reason.RUIN, Reason.HALT, Reason.END)


@dataclass(frozen=True, slots=True)
class Order:
    """A wish to trade a signed number of lots of one instrument.

    Parameters
    ----------
    client_id : str
        Unique in its run, at most 18 ASCII characters, derived from run, leg and sequence.
    instrument : int
        Column of the instrument in the run's bars.
    lots : int
        Signed quantity in lots; positive buys.
    kind : OrderKind
        Market orders fill at the next open; stop and limit orders rest at ``price_ticks``.
    reason : Reason
        What asked for it.
    decided_ns : int
        When it was decided, UTC nanoseconds; it never fills on a bar that opened before.
    price_ticks : int, optional
        Trigger or limit price in ticks; None for market orders.
    tick : float
        The tick that ``price_ticks`` counts.
    group : str
        Orders of one group cancel one another (OCO); empty for none.
    reduce_only : bool
        The order may only bring a position closer to flat.
    """

    client_id: str
    instrument: int
    lots: int
    kind: OrderKind
    reason: Reason
    decided_ns: int
    price_ticks: int | None = None
    tick: float = 0.0
    group: str = ""
    reduce_only: bool = False

    @property
    def price(self) -> float:
        """Trigger or limit price in quote currency, NaN for a market order."""
        return float("nan") if self.price_ticks is None else tick_price(self.price_ticks, self.tick)
