"""An approval is good once, for one order, one state of the books and one epoch; nothing else is."""

import copy
import pickle
from collections.abc import Callable

import pytest
from execution.roads import ACCEPTED, NOW_NS, Road, ScriptedVenue

from peak_trade.domain.approval import Approvals, Approved
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ApprovalError
from peak_trade.domain.order import Order, OrderKind, Reason
from peak_trade.domain.terms import Terms
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session
from peak_trade.execution.venue import Answer, Venue, VenueError

VENUES = ("simulated", "remote")


def order(name: str = "a1", lots: int = 5) -> Order:
    return Order(
        name, 0, lots, OrderKind.LIMIT, Reason.ORDER, NOW_NS, price_ticks=10_000, tick=0.01
    )


class Place:
    """A venue, the approvals that it spends, and how many orders it holds."""

    def __init__(self, kind: str) -> None:
        if kind == "remote":
            self.approvals = Approvals()
            remote = ScriptedVenue(self.approvals)
            self.venue: Venue = remote
            self.held: Callable[[], int] = lambda: len(remote.placed)
            return
        bars = Bars.from_arrays([100.0] * 4)
        session = Session(bars, StoredRows([[0.0]] * 4), start=0, stop=4, terms=Terms())
        self.approvals = session.pipeline.gate.approvals
        self.venue = session.venue
        self.held = lambda: int(session.venue.has_orders)

    def issue(self, lots: int = 5) -> Approved:
        return self.approvals.issue(order(lots=lots), 7, 1)

    def release(self, approved: Approved, book_version: int = 7, kill_epoch: int = 1) -> None:
        self.approvals.release(approved, book_version=book_version, kill_epoch=kill_epoch)


@pytest.fixture(params=VENUES)
def place(request: pytest.FixtureRequest) -> Place:
    return Place(request.param)


def forged(approved: Approved) -> Approved:
    """An approval that no gate has made, with the values of one that it has."""
    made = object.__new__(Approved)
    for name in Approved.__slots__:
        object.__setattr__(made, name, getattr(approved, name))
    return made


def subclassed(approved: Approved) -> Approved:
    class Mine(Approved):
        __slots__ = ()

        def __init__(self) -> None:
            for name in Approved.__slots__:
                object.__setattr__(self, name, getattr(approved, name))

    return Mine()


def unpickled(approved: Approved) -> Approved:
    return pickle.loads(pickle.dumps(approved))


TWINS = [copy.copy, copy.deepcopy, forged, subclassed, unpickled]


def test_approval_that_was_released_is_good_once(place: Place) -> None:
    approved = place.issue()
    place.release(approved)
    assert place.venue.submit(approved).state is ACCEPTED.state
    assert place.held() == 1
    with pytest.raises(ApprovalError, match="is spent"):
        place.venue.submit(approved)
    with pytest.raises(ApprovalError, match="is used"):
        place.release(approved)


def test_approval_that_was_not_released_is_refused(place: Place) -> None:
    with pytest.raises(ApprovalError, match="not released"):
        place.venue.submit(place.issue())
    assert place.held() == 0


@pytest.mark.parametrize("twin", TWINS)
def test_twin_of_an_approval_is_refused_at_its_release(place: Place, twin) -> None:
    approved = place.issue()
    with pytest.raises(ApprovalError):
        place.release(twin(approved))


@pytest.mark.parametrize("twin", TWINS)
def test_twin_of_a_released_approval_is_refused_by_the_venue(place: Place, twin) -> None:
    approved = place.issue()
    place.release(approved)
    with pytest.raises(ApprovalError):
        place.venue.submit(twin(approved))
    assert place.held() == 0


@pytest.mark.parametrize(("version", "epoch"), [(8, 1), (7, 2), (6, 1), (8, 2)])
def test_approval_of_other_books_or_another_epoch_is_stale(
    place: Place, version: int, epoch: int
) -> None:
    approved = place.issue()
    with pytest.raises(ApprovalError, match="stale"):
        place.release(approved, version, epoch)
    with pytest.raises(ApprovalError):  # and is not to be had by asking again
        place.release(approved)


@pytest.mark.parametrize("name", ["book_version", "kill_epoch"])
def test_approval_cannot_be_made_fresh_by_writing_into_it(place: Place, name: str) -> None:
    approved = place.issue()
    with pytest.raises(ApprovalError, match="cannot be changed"):
        setattr(approved, name, 8)
    with pytest.raises(ApprovalError, match="cannot be removed"):
        delattr(approved, name)
    object.__setattr__(approved, name, 8)
    later = {"book_version": 7, "kill_epoch": 1} | {name: 8}
    with pytest.raises(ApprovalError, match="stale"):
        place.release(approved, **later)


def test_approval_of_one_order_cannot_carry_another(place: Place) -> None:
    before, after = place.issue(), place.issue()
    object.__setattr__(before, "order", order("a1", 5_000))
    with pytest.raises(ApprovalError):
        place.release(before)
    place.release(after)
    object.__setattr__(after, "order", order("a1", 5_000))
    with pytest.raises(ApprovalError):
        place.venue.submit(after)
    assert place.held() == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lots", 5_000),
        ("lots", -5),
        ("instrument", 1),
        ("price_ticks", 20_000),
        ("kind", OrderKind.MARKET),
        ("reduce_only", True),
        ("client_id", "b2"),
        ("parent", "b2"),
    ],
)
@pytest.mark.parametrize("is_released", [False, True])
def test_order_that_was_changed_after_its_review_is_refused(
    place: Place, name: str, value: object, is_released: bool
) -> None:
    approved = place.issue()
    if is_released:
        place.release(approved)
    object.__setattr__(approved.order, name, value)
    if not is_released:
        place.release(approved)
    with pytest.raises(ApprovalError, match="changed after its review"):
        place.venue.submit(approved)
    assert place.held() == 0


@pytest.mark.parametrize("key", [None, object(), "key"])
def test_approval_is_not_made_by_hand(key: object) -> None:
    with pytest.raises(ApprovalError, match="outside the gate"):
        Approved(key, order(), 7, 1)


def test_approval_of_one_gate_is_nothing_to_another(place: Place) -> None:
    approved = Approvals().issue(order(), 7, 1)
    with pytest.raises(ApprovalError):
        place.release(approved)
    with pytest.raises(ApprovalError):
        place.venue.submit(approved)


def test_approval_is_not_given_back_unless_it_was_spent_last(place: Place) -> None:
    first, second = place.issue(), place.issue()
    with pytest.raises(ApprovalError, match="was not spent"):
        place.approvals.give_back(first)
    for approved in (first, second):
        place.release(approved)
        place.approvals.spend(approved)
    with pytest.raises(ApprovalError, match="was not spent"):
        place.approvals.give_back(first)
    place.approvals.give_back(second)
    with pytest.raises(ApprovalError, match="was not spent"):
        place.approvals.give_back(second)


def test_approvals_that_are_withdrawn_or_dropped_are_good_no_more(place: Place) -> None:
    issued, released, dropped = place.issue(), place.issue(), place.issue()
    place.release(released)
    place.approvals.drop(dropped)
    with pytest.raises(ApprovalError):
        place.release(dropped)
    place.approvals.withdraw()
    with pytest.raises(ApprovalError):
        place.release(issued)
    with pytest.raises(ApprovalError):
        place.venue.submit(released)
    assert place.held() == 0


def test_pipeline_does_not_send_what_its_gate_approved_and_somebody_replaced() -> None:
    road = Road()
    review = road.gate.review

    def with_twins(proposals, book):
        approved, refused = review(proposals, book)
        return [copy.copy(yes) for yes in approved], refused

    road.gate.review = with_twins
    with pytest.raises(ApprovalError):
        road.send_one()
    assert road.sent == []


def test_pipeline_does_not_send_an_order_that_was_changed_while_it_became_durable() -> None:
    road = Road()
    wish = road.order(5)
    sync = road.log.sync

    def change() -> None:
        sync()
        object.__setattr__(wish, "lots", 5_000)

    road.log.sync = change
    with pytest.raises(ApprovalError, match="changed after its review"):
        road.send(wish)
    assert road.sent == []


def test_venue_of_ones_own_cannot_answer_without_an_approval() -> None:
    class Mine(ScriptedVenue):
        def _place(self, order: Order) -> Answer:
            self.placed.append(order)
            return ACCEPTED

    road = Road(venue=Mine)
    with pytest.raises(ApprovalError):
        road.venue.submit(road.order())  # an order is no approval
    with pytest.raises((ApprovalError, VenueError)):
        road.venue.submit(forged(Approvals().issue(road.order(), 0, 1)))
    assert road.venue.placed == []
