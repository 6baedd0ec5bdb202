"""What may become of an order: its states, what may follow what, and what an open one can still do."""

from dataclasses import dataclass, field

from peak_trade.domain.errors import LifecycleError
from peak_trade.domain.order import Order, OrderState

S = OrderState

TERMINAL = frozenset((S.FILLED, S.DENIED, S.REJECTED, S.CANCELED, S.EXPIRED, S.NOT_PLACED))
"""States that an order ends in; each needs positive evidence."""

WORKING = frozenset((S.ACCEPTED, S.PARTIALLY_FILLED, S.PENDING_CANCEL, S.PENDING_REPLACE))
"""States in which the venue is known to hold the order."""

_LIVE = WORKING | {S.FILLED, S.CANCELED, S.EXPIRED}
_ANSWERS = _LIVE | {S.REJECTED, S.UNKNOWN, S.NOT_PLACED}

FOLLOWERS: dict[OrderState, frozenset[OrderState]] = {
    S.INTENT: frozenset((S.SENT, S.DENIED, S.NOT_PLACED)),
    S.SENT: _ANSWERS,
    S.UNKNOWN: _ANSWERS - {S.UNKNOWN} | {S.PENDING_CANCEL},
    S.ACCEPTED: _LIVE - {S.ACCEPTED} | {S.REJECTED, S.UNKNOWN},
    S.PARTIALLY_FILLED: _LIVE - {S.ACCEPTED} | {S.UNKNOWN},
    S.PENDING_CANCEL: _LIVE - {S.PENDING_CANCEL} | {S.UNKNOWN, S.NOT_PLACED, S.REJECTED},
    S.PENDING_REPLACE: _LIVE - {S.PENDING_REPLACE} | {S.UNKNOWN, S.REJECTED},
    # fills that the venue reports late complete an order that it had ended before
    S.CANCELED: frozenset((S.FILLED,)),
    S.EXPIRED: frozenset((S.FILLED,)),
    S.FILLED: frozenset(),
    S.DENIED: frozenset(),
    S.REJECTED: frozenset(),
    S.NOT_PLACED: frozenset(),
}
"""Which states may follow a state."""


@dataclass(slots=True)
class Lifecycle:
    """One order and all that is known of it.

    Parameters
    ----------
    order : Order
        What was asked for.
    state : OrderState
        Where it stands.
    filled : int
        Lots filled so far, unsigned; it only rises.
    venue_id : str
        The venue's own name of it.
    changed_ns : int
        When its state last changed, UTC nanoseconds.
    detail : str
        What the venue or the gate said.
    rule : str
        The first rule that refused it, where the gate did.

    Examples
    --------
    >>> from peak_trade.domain.order import OrderKind, Reason
    >>> buy = Order("a1", 0, 10, OrderKind.MARKET, Reason.ORDER, 0)
    >>> life = Lifecycle(buy)
    >>> life.move(OrderState.SENT, 1)
    >>> life.move(OrderState.ACCEPTED, 2)
    >>> life.fill(4, 3), life.state.value, life.left
    (0, 'partially_filled', 6)
    >>> life.move(OrderState.INTENT, 4)
    Traceback (most recent call last):
    peak_trade.domain.errors.LifecycleError: order a1 cannot go from partially_filled to intent; ...
    """

    order: Order
    state: OrderState = OrderState.INTENT
    filled: int = 0
    venue_id: str = ""
    changed_ns: int = 0
    detail: str = ""
    rule: str = ""
    trades: set[str] = field(default_factory=set)

    @property
    def is_open(self) -> bool:
        """Whether it may still trade: it is not known to have ended."""
        return self.state not in TERMINAL

    @property
    def left(self) -> int:
        """Lots that it may still trade, unsigned: 0 once it has ended."""
        return abs(self.order.lots) - self.filled if self.is_open else 0

    @property
    def worst(self) -> int:
        """Signed lots that it may still trade, in the worst case."""
        return self.left if self.order.lots > 0 else -self.left

    def move(self, state: OrderState, time_ns: int, detail: str = "") -> None:
        """Take it to a state.

        Raises
        ------
        LifecycleError
            A state that cannot follow the present one.
        """
        if state is not self.state and state not in FOLLOWERS[self.state]:
            raise LifecycleError(
                f"order {self.order.client_id} cannot go from {self.state.value} to {state.value}",
                hint="reconcile with the venue before anything is sent again",
                order=self.order.client_id,
            )
        self.state, self.changed_ns = state, time_ns
        if detail:
            self.detail = detail

    def fill(self, lots: int, time_ns: int, trade_id: str = "") -> int:
        """Count a fill of unsigned lots, whatever the state; gives the lots beyond what was asked for.

        A trade that was counted before changes nothing.
        """
        if trade_id:
            if trade_id in self.trades:
                return 0
            self.trades.add(trade_id)
        self.filled += lots
        over = max(self.filled - abs(self.order.lots), 0)
        self.changed_ns = time_ns
        if self.filled >= abs(self.order.lots):
            self.state = OrderState.FILLED
        elif self.state in (S.SENT, S.ACCEPTED, S.UNKNOWN, S.INTENT):
            self.state = OrderState.PARTIALLY_FILLED
        return over
