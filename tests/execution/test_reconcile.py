"""Our books against the venue's: whatever differs is found, and nothing else."""

from dataclasses import replace

import pytest
from execution.roads import NOW_NS, fill_of, found_of

from peak_trade.domain.order import Order, OrderKind, OrderState, Reason
from peak_trade.execution.orders import Orders
from peak_trade.execution.reconcile import CASH_TOLERANCE, reconcile
from peak_trade.execution.venue import Balances

S = OrderState


def order(name: str, lots: int = 10) -> Order:
    return Order(name, 0, lots, OrderKind.MARKET, Reason.ORDER, NOW_NS)


class Books:
    """Two books that agree: one open order of which 4 lots are filled."""

    def __init__(self) -> None:
        self.orders = Orders(1)
        self.order = order("a")
        life = self.orders.add(self.order, 0)
        self.life = life
        for state in (S.SENT, S.ACCEPTED):
            self.orders.move(life, state, 1)
        self.trade = fill_of(self.order, 4, "t1")
        self.orders.fill(life, 4, 2, "t1")
        self.theirs = {
            "open_orders": [found_of(self.order, S.PARTIALLY_FILLED, 4)],
            "fills": [self.trade],
            "balances": Balances((4,), {"USD": 600.0}),
        }

    def compare(self, **theirs):
        return reconcile(
            self.orders, symbols=["X"], lots=[4], cash={"USD": 600.0}, **{**self.theirs, **theirs}
        )


def test_books_that_agree_are_clean() -> None:
    found = Books().compare()
    assert found.is_clean
    assert found.record() == {
        "clean": True, "missed": [], "foreign": [], "ask": [], "mismatches": [],
    }  # fmt: skip


def test_trade_that_was_not_reported_is_missed_and_balances_wait_for_it() -> None:
    books = Books()
    more = fill_of(books.order, 2, "t2")
    found = books.compare(fills=[books.trade, more], balances=Balances((6,), {"USD": 400.0}))
    assert found.missed == (more,)
    assert (found.is_clean, found.mismatches) == (False, ())


def test_order_and_trade_that_were_not_made_here_are_foreign() -> None:
    books, stranger = Books(), order("x")
    open_ = [*books.theirs["open_orders"], found_of(stranger, S.ACCEPTED)]
    found = books.compare(open_orders=open_)
    assert [item.report.client_id for item in found.foreign] == ["x"]
    found = books.compare(fills=[books.trade, fill_of(stranger, 1, "t9")])
    assert [item.kind for item in found.mismatches] == ["foreign_order"]


def test_open_order_that_the_venue_does_not_list_is_to_be_asked_for() -> None:
    found = Books().compare(open_orders=[])
    assert (found.ask, found.is_clean) == (("a",), False)


@pytest.mark.parametrize("state", [S.INTENT, S.SENT, S.UNKNOWN])
def test_order_that_nobody_knows_the_state_of_is_a_mismatch(state: S) -> None:
    books = Books()
    life = books.orders.add(order("b"), 0)
    if state is not S.INTENT:
        books.orders.move(life, S.SENT, 0)
    if state is S.UNKNOWN:
        books.orders.move(life, S.UNKNOWN, 0)
    kind = "unknown" if state is S.UNKNOWN else "lost_order"
    assert [item.kind for item in books.compare().mismatches] == [kind]


@pytest.mark.parametrize("theirs", [3, 5, -4, 0])
def test_position_that_differs_by_one_lot_is_a_mismatch(theirs: int) -> None:
    found = Books().compare(balances=Balances((theirs,), {"USD": 600.0}))
    assert [item.kind for item in found.mismatches] == ["position"]
    assert str(theirs) in str(found.mismatches[0])


@pytest.mark.parametrize(
    ("cash", "is_clean"),
    [
        ({"USD": 600.0}, True),
        ({"USD": 600.0 + CASH_TOLERANCE / 2}, True),
        ({"USD": 600.01}, False),
        ({"USD": 599.99}, False),
        ({"USD": float("nan")}, False),
        ({}, False),
        ({"USD": 600.0, "EUR": 1.0}, False),
        ({"USD": 600.0, "EUR": 0.0}, True),
    ],
)
def test_cash_that_differs_by_a_cent_is_a_mismatch(cash: dict[str, float], is_clean: bool) -> None:
    found = Books().compare(balances=Balances((4,), cash))
    assert found.is_clean is is_clean
    assert {item.kind for item in found.mismatches} <= {"cash"}


def test_overfill_stays_a_mismatch() -> None:
    books = Books()
    more = fill_of(books.order, 7, "t2")
    books.orders.fill(books.life, 7, 3, "t2")
    theirs = {"open_orders": [], "fills": [books.trade, more]}
    assert [item.kind for item in books.compare(**theirs).mismatches] == ["overfill"]


def test_trade_of_an_order_that_has_ended_is_missed_too() -> None:
    books = Books()
    books.orders.move(books.life, S.CANCELED, 3)
    late = replace(books.trade, trade_id="late")
    found = books.compare(open_orders=[], fills=[books.trade, late])
    assert found.missed == (late,)


@pytest.mark.parametrize("state", [S.CANCELED, S.EXPIRED, S.REJECTED])
def test_order_that_has_ended_here_and_is_open_there_is_a_mismatch(state: S) -> None:
    books = Books()
    other = books.orders.add(order("b"), 0)
    books.orders.move(other, S.SENT, 0)
    books.orders.move(other, state, 1)
    open_ = [*books.theirs["open_orders"], found_of(order("b"), S.ACCEPTED)]
    found = books.compare(open_orders=open_)
    assert [(item.kind, item.what) for item in found.mismatches] == [("ended_order", "b")]
