"""Every order of an account and where it stands; what the open ones may still do to its positions."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import LifecycleError
from peak_trade.domain.lifecycle import TERMINAL, Lifecycle
from peak_trade.domain.order import Order, OrderState

Ints = npt.NDArray[np.int64]


class Orders:
    """The orders of one account, by client id.

    Parameters
    ----------
    width : int
        Number of instruments.
    keeps_ended : bool
        Whether orders that have ended are remembered, for fills that are reported late.

    Attributes
    ----------
    buying, selling : (N,) int64
        Lots (unsigned) that open and UNKNOWN orders may still buy and sell, without those that only
        reduce.
    halted : set of int
        Instruments of which more was filled than was asked for: nothing may be sent for them.
    """

    __slots__ = ("_ended", "_keeps", "_open", "buying", "halted", "selling")

    def __init__(self, width: int, *, keeps_ended: bool = True) -> None:
        self.buying: Ints = np.zeros(width, np.int64)
        self.selling: Ints = np.zeros(width, np.int64)
        self.halted: set[int] = set()
        self._keeps = keeps_ended
        self._open: dict[str, Lifecycle] = {}
        self._ended: dict[str, Lifecycle] = {}

    def __iter__(self) -> Iterator[Lifecycle]:
        """Open ones in the order they were made, then those that have ended."""
        yield from self._open.values()
        yield from self._ended.values()

    def __contains__(self, client_id: object) -> bool:
        return client_id in self._open or client_id in self._ended

    @property
    def open(self) -> list[Lifecycle]:
        """Orders that may still trade, in the order they were made."""
        return list(self._open.values())

    @property
    def unknown(self) -> list[Lifecycle]:
        """Orders of which nobody knows what became of them."""
        return [life for life in self._open.values() if life.state is OrderState.UNKNOWN]

    def find(self, client_id: str) -> Lifecycle | None:
        """The order of a client id, where it is known."""
        return self._open.get(client_id) or self._ended.get(client_id)

    def of(self, client_id: str) -> Lifecycle:
        """The order of a client id.

        Raises
        ------
        LifecycleError
            No such order was made here.
        """
        found = self.find(client_id)
        if found is None:
            raise LifecycleError(
                f"order {client_id} was not made by this account",
                hint="another program trades the account; reconcile",
                order=client_id,
            )
        return found

    def add(self, order: Order, now_ns: int) -> Lifecycle:
        """Take an order in as an intent.

        Raises
        ------
        LifecycleError
            A client id that was used before.
        """
        if order.client_id in self:
            raise LifecycleError(
                f"client id {order.client_id} is used twice", hint="derive ids from a sequence"
            )
        life = Lifecycle(order, changed_ns=now_ns)
        self._open[order.client_id] = life
        self._shift(life, life.left)
        return life

    def move(self, life: Lifecycle, state: OrderState, now_ns: int, detail: str = "") -> None:
        """Take an order to a state; a state that cannot follow is a LifecycleError."""
        before = life.left
        life.move(state, now_ns, detail)
        if state in TERMINAL:
            self._shift(life, -before)
            self._sort(life)

    def fill(self, life: Lifecycle, lots: int, now_ns: int, trade_id: str = "") -> bool:
        """Count a fill of unsigned lots; False for a trade that was counted before.

        More than was asked for halts the instrument.
        """
        if trade_id and trade_id in life.trades:
            return False
        before = life.left
        over = life.fill(lots, now_ns, trade_id)
        self._shift(life, life.left - before)
        if over:
            self.halted.add(life.order.instrument)
        self._sort(life)
        return True

    def adjust(self, order: Order) -> None:
        """Let an open order stand for other lots, as a split has made them."""
        life = self.of(order.client_id)
        self._shift(life, -life.left)
        life.order = order
        self._shift(life, life.left)

    def _shift(self, life: Lifecycle, lots: int) -> None:
        """Count lots more (or less) that an order may still trade."""
        order = life.order
        if lots and not order.reduce_only:
            side = self.buying if order.lots > 0 else self.selling
            side[order.instrument] += lots

    def _sort(self, life: Lifecycle) -> None:
        if life.state in TERMINAL:
            key = life.order.client_id
            if self._open.pop(key, None) is not None and self._keeps:
                self._ended[key] = life
