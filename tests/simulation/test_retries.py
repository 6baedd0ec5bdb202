"""What becomes of orders nobody answered, by what their sender does: only waiting out the deadline is safe."""

from collections import Counter
from collections.abc import Callable

import pytest
from simulation.places import Place, market, place

from peak_trade.domain.order import Order
from peak_trade.execution.venue import Failure, VenueError
from peak_trade.simulation.faults import Faults

ORDERS = 3_000
FAULTS = Faults(lost_request=0.03, lost_answer=0.08, late_request=0.08, late_s=0.02, stale_s=0.0)
MOST_ATTEMPTS = 20


def under_a_new_id(at: Place, order: Order) -> str:
    """Send it again, as another order."""
    return "new"


def under_the_same_id(at: Place, order: Order) -> str:
    """Send it again, and trust the venue to see that it is the same."""
    return "same"


def query_then_retry(at: Place, order: Order) -> str:
    """Look for it, and send it again where it is not there."""
    return "new" if at.client.find(order.client_id) is None else "there"


def query_after_the_deadline(at: Place, order: Order) -> str:
    """Wait until it cannot be taken any more, and look for it then."""
    at.clock.sleep(at.client.settle_s + 1e-3)
    return query_then_retry(at, order)


def duplicates(retry: Callable[[Place, Order], str]) -> int:
    """Of so many wishes, how many the venue took more than once."""
    at = place(FAULTS, seed=11)
    for wish in range(ORDERS):
        attempt, side = 0, 1 if wish % 2 else -1
        for _ in range(MOST_ATTEMPTS):
            order = market(f"{wish}.{attempt}", side * (1 + wish % 5))
            try:
                at.client._place(order)
                break
            except VenueError as error:
                if error.failure is Failure.DUPLICATE:
                    break  # the venue has it
                done = retry(at, order)
                if done == "there":
                    break
                attempt += done == "new"
    at.clock.sleep(1.0)
    at.venue.advance(at.clock.now_ns())
    wishes = Counter(name.partition(".")[0] for name in at.truth.accepted)
    assert len(wishes) == ORDERS, "every wish reached the venue in the end"
    return sum(count - 1 for count in wishes.values())


@pytest.mark.parametrize("retry", [under_a_new_id, under_the_same_id, query_then_retry])
def test_retry_that_does_not_wait_makes_duplicates(retry) -> None:
    assert duplicates(retry) > 0


def test_query_after_the_deadline_makes_no_duplicate() -> None:
    assert duplicates(query_after_the_deadline) == 0


def test_waiting_less_than_the_bound_of_late_orders_makes_duplicates() -> None:
    def too_soon(at: Place, order: Order) -> str:
        at.clock.sleep(FAULTS.late_s / 8)
        return query_then_retry(at, order)

    assert duplicates(too_soon) > 0
