"""Our books against the venue's: what differs, and what would mend it. It decides; it does nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from peak_trade.domain.event import FillReport
from peak_trade.domain.lifecycle import WORKING, Lifecycle
from peak_trade.domain.order import OrderState
from peak_trade.execution.orders import Orders
from peak_trade.execution.venue import Balances, Found

CASH_TOLERANCE = 0.005
"""Half a cent: cash that differs by more is a mismatch."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is not the same here and at the venue.

    ``kind`` is ``position``, ``cash``, ``foreign_order``, ``lost_order``, ``ended_order``,
    ``overfill`` or ``unknown``; ``what`` names it, ``ours`` and ``theirs`` say how it stands.
    """

    kind: str
    what: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        return f"{self.kind} {self.what}: {self.ours} here, {self.theirs} at the venue"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What a comparison of the two books found.

    Parameters
    ----------
    missed : tuple of FillReport
        Trades of our orders that the venue lists and that were not reported here: to be applied, and
        the books compared again.
    foreign : tuple of Found
        Open orders that were not made here.
    ask : tuple of str
        Client ids of orders that are open here and not at the venue: to be looked for one by one.
    mismatches : tuple of Mismatch
        What is left that does not agree: no trading with any of them.
    """

    missed: tuple[FillReport, ...]
    foreign: tuple[Found, ...]
    ask: tuple[str, ...]
    mismatches: tuple[Mismatch, ...]

    @property
    def is_clean(self) -> bool:
        """Whether the two agree, and trading may go on."""
        return not (self.missed or self.foreign or self.ask or self.mismatches)

    def record(self) -> dict[str, object]:
        """The findings as plain values, for the journal."""
        return {
            "clean": self.is_clean,
            "missed": [fill.trade_id for fill in self.missed],
            "foreign": [found.report.client_id for found in self.foreign],
            "ask": list(self.ask),
            "mismatches": [str(item) for item in self.mismatches],
        }


def reconcile(
    orders: Orders,
    *,
    symbols: Sequence[str],
    lots: Sequence[int],
    cash: Mapping[str, float],
    open_orders: Sequence[Found],
    fills: Sequence[FillReport],
    balances: Balances,
) -> Reconciliation:
    """Compare an account's orders, positions and cash with what the venue lists.

    Parameters
    ----------
    orders : Orders
        Ours.
    symbols : sequence of str
        Names of the N instruments.
    lots, cash
        Our positions by column and our cash by currency.
    open_orders, fills, balances
        The venue's open orders, all its trades of the account since we began, and its balances.

    Examples
    --------
    >>> found = reconcile(
    ...     Orders(1),
    ...     symbols=["X"],
    ...     lots=[5],
    ...     cash={"USD": 10.0},
    ...     open_orders=[],
    ...     fills=[],
    ...     balances=Balances((4,), {"USD": 10.0}),
    ... )
    >>> found.is_clean, str(found.mismatches[0])
    (False, 'position X: 5 lots here, 4 lots at the venue')
    """
    missed = tuple(fill for fill in fills if _is_missed(orders, fill))
    found = list(_of_fills(orders, fills, symbols))
    theirs = {item.report.client_id: item for item in open_orders}
    foreign = tuple(item for name, item in theirs.items() if name not in orders)
    ask = tuple(
        life.order.client_id
        for life in orders.open
        if life.state in WORKING and life.order.client_id not in theirs
    )
    found += _of_orders(orders.open, theirs)
    found += _of_ended(orders, theirs)
    if not missed:
        found += _of_balances(symbols, lots, cash, balances)
    return Reconciliation(missed, foreign, ask, tuple(found))


def _is_missed(orders: Orders, fill: FillReport) -> bool:
    life = orders.find(fill.client_id)
    return life is not None and fill.trade_id not in life.trades


def _of_fills(
    orders: Orders, fills: Sequence[FillReport], symbols: Sequence[str]
) -> list[Mismatch]:
    foreign = [
        Mismatch("foreign_order", fill.client_id or "without an id", "not made", "traded")
        for fill in fills
        if fill.client_id not in orders
    ]
    over = [
        Mismatch("overfill", symbols[i], "no more than asked for", "more was filled")
        for i in sorted(orders.halted)
    ]
    return foreign + over


def _of_orders(ours: Sequence[Lifecycle], theirs: Mapping[str, Found]) -> list[Mismatch]:
    found = []
    for life in ours:
        name = life.order.client_id
        if life.state is OrderState.UNKNOWN:
            found.append(Mismatch("unknown", name, "unknown", "not asked yet"))
        elif life.state in (OrderState.INTENT, OrderState.SENT):
            found.append(Mismatch("lost_order", name, life.state.value, _state(theirs.get(name))))
    return found


def _of_ended(ours: Orders, theirs: Mapping[str, Found]) -> list[Mismatch]:
    """Orders that have ended here and that the venue still lists as open."""
    found = []
    for name, item in theirs.items():
        life = ours.find(name)
        if life is not None and not life.is_open:
            found.append(Mismatch("ended_order", name, life.state.value, _state(item)))
    return found


def _state(found: Found | None) -> str:
    return found.report.state.value if found else "not there"


def _of_balances(
    symbols: Sequence[str], lots: Sequence[int], cash: Mapping[str, float], balances: Balances
) -> list[Mismatch]:
    found = [
        Mismatch("position", symbol, f"{ours} lots", f"{theirs} lots")
        for symbol, ours, theirs in zip(symbols, lots, balances.lots, strict=True)
        if ours != theirs
    ]
    for currency in sorted({*cash, *balances.cash}):
        ours, theirs = cash.get(currency, 0.0), balances.cash.get(currency, 0.0)
        if not abs(ours - theirs) <= CASH_TOLERANCE:
            found.append(Mismatch("cash", currency, f"{ours:.2f}", f"{theirs:.2f}"))
    return found
