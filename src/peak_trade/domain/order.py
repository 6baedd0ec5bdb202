"""Orders and their states."""

from dataclasses import dataclass
from enum import Enum, IntEnum

from peak_trade.kernels.fills import tick_price


class OrderKind(Enum):
    """How an order meets the market.

    A stop becomes a market order, and a stop-limit a limit order, once the market trades at its
    trigger or worse; a take-profit becomes a market order once it trades at its trigger or better. A
    trailing stop's trigger follows the best price since it was accepted, at a distance.
    """

    MARKET = "market"
    STOP = "stop"
    LIMIT = "limit"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"
    TAKE_PROFIT = "take_profit"


class TimeInForce(Enum):
    """How long an order works: until cancelled, at once or not, at once in full or not, to a time."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    GTD = "gtd"


class OrderState(Enum):
    """Where an order stands; what may follow what is in :mod:`peak_trade.domain.lifecycle`."""

    INTENT = "intent"
    SENT = "sent"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    DENIED = "denied"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    PENDING_CANCEL = "pending_cancel"
    PENDING_REPLACE = "pending_replace"
    CANCELED = "canceled"
    EXPIRED = "expired"
    NOT_PLACED = "not_placed"

    __hash__ = object.__hash__  # there is one of each; states are looked up at every order


def strategies_of(name: str) -> list[str]:
    """The strategies that an order's ``strategy`` names.

    Examples
    --------
    >>> strategies_of("ma_cross+macd"), strategies_of("grid")
    (['ma_cross', 'macd'], ['grid'])
    """
    return name.split("+")


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
    ORDER = 13
    FLATTEN = 14

    @property
    def blocks(self) -> bool:
        """Whether a position that this closed may not be opened again by the target that stands."""
        return self not in _FREE


_FREE = frozenset(
    (Reason.TARGET, Reason.RUIN, Reason.HALT, Reason.END, Reason.ORDER, Reason.FLATTEN)
)


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
        Market orders fill at the next open; the others rest at ``price_ticks``.
    reason : Reason
        What asked for it.
    decided_ns : int
        When it was decided, UTC nanoseconds; it never fills on a bar that opened before.
    price_ticks : int, optional
        Limit price of a limit order, trigger of the others, in ticks; None for market orders and,
        where the venue is to set it, for trailing stops.
    tick : float
        The tick that ``price_ticks`` counts.
    group : str
        Orders of one group cancel one another (OCO); empty for none.
    reduce_only : bool
        The order may only bring a position closer to flat.
    limit_ticks : int, optional
        Limit price of a stop-limit once it is triggered, in ticks.
    trail_ticks : int, optional
        Distance of a trailing stop's trigger from the best price, in ticks.
    time_in_force : TimeInForce
        How long it works.
    expires_ns : int
        When a GTD order ends, UTC nanoseconds; 0 for the others.
    post_only : bool
        A limit order that would trade at once is refused by the venue instead.
    parent : str
        Client id of the order whose fills this one waits for (bracket); empty for none. It then works
        for as many lots as its parent has filled.
    strategy : str
        The strategy that asked for it, by which limits and kills may name it; those of several that
        share an account, joined by ``+``.
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
    limit_ticks: int | None = None
    trail_ticks: int | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_ns: int = 0
    post_only: bool = False
    parent: str = ""
    strategy: str = ""

    @property
    def price(self) -> float:
        """Trigger or limit price in quote currency, NaN for a market order."""
        return float("nan") if self.price_ticks is None else tick_price(self.price_ticks, self.tick)

    @property
    def limit_price(self) -> float:
        """The worst price that it may trade at, quote currency; NaN where none is stated."""
        if self.kind is OrderKind.LIMIT:
            return self.price
        return float("nan") if self.limit_ticks is None else tick_price(self.limit_ticks, self.tick)
