"""The orders of an account: what the open ones may still do, whatever happens to them."""

import pytest
from execution.roads import NOW_NS
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.errors import LifecycleError
from peak_trade.domain.lifecycle import FOLLOWERS, TERMINAL
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason
from peak_trade.execution.orders import Orders

S = OrderState


def order(name: str, lots: int, instrument: int = 0, **given) -> Order:
    return Order(name, instrument, lots, OrderKind.MARKET, Reason.ORDER, NOW_NS, **given)


def test_open_orders_count_at_their_worst() -> None:
    orders = Orders(2)
    orders.add(order("a", 10), 0)
    orders.add(order("b", -4), 0)
    orders.add(order("c", 3, 1), 0)
    orders.add(order("d", -7, 1, reduce_only=True), 0)
    assert orders.buying.tolist() == [10, 3]
    assert orders.selling.tolist() == [4, 0]


def test_client_id_is_used_once_even_after_its_order_has_ended() -> None:
    orders = Orders(1)
    life = orders.add(order("a", 1), 0)
    orders.move(life, S.DENIED, 1)
    with pytest.raises(LifecycleError, match="used twice"):
        orders.add(order("a", 1), 2)


def test_state_that_cannot_follow_changes_nothing() -> None:
    orders = Orders(1)
    life = orders.add(order("a", 5), 0)
    with pytest.raises(LifecycleError, match="cannot go from intent to accepted"):
        orders.move(life, S.ACCEPTED, 1)
    assert (life.state, orders.buying.tolist()) == (S.INTENT, [5])


def test_ended_orders_are_remembered_where_that_is_wanted() -> None:
    for keeps in (True, False):
        orders = Orders(1, keeps_ended=keeps)
        orders.move(orders.add(order("a", 1), 0), S.DENIED, 1)
        assert ("a" in orders) is keeps
        assert (orders.find("a") is not None) is keeps
        assert orders.open == []


def test_split_lets_an_open_order_stand_for_other_lots() -> None:
    orders = Orders(1)
    orders.add(order("a", 10), 0)
    orders.adjust(order("a", 20))
    assert orders.buying.tolist() == [20]
    with pytest.raises(LifecycleError, match="not made by this account"):
        orders.adjust(order("b", 1))


events = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.one_of(
            st.sampled_from([state for state in S if state is not S.INTENT]),
            st.tuples(st.integers(1, 12), st.integers(0, 5)),
        ),
    ),
    max_size=60,
)


@given(events)
def test_any_course_of_events_keeps_the_worst_case_and_never_unfills(course) -> None:
    orders = Orders(2)
    lots = [10, -7, 5, -9]
    lives = [orders.add(order(f"o{k}", n, k % 2), 0) for k, n in enumerate(lots)]
    filled, seen = [0] * 4, [set() for _ in lots]
    for k, what in course:
        life, before, state = lives[k], lives[k].filled, lives[k].state
        if isinstance(what, tuple):
            traded, trade = what
            is_new = orders.fill(life, traded, 1, f"t{trade}")
            assert is_new is (trade not in seen[k])
            filled[k] += traded if is_new else 0
            seen[k].add(trade)
        else:
            try:
                orders.move(life, what, 1)
            except LifecycleError:
                assert what not in FOLLOWERS[state]
                assert life.state is state
            else:
                assert what is state or what in FOLLOWERS[state]
        assert life.filled == filled[k] >= before
        worst = [[0, 0], [0, 0]]  # counted anew from nothing but states and fills
        for i, each in enumerate(lives):
            if each.state not in TERMINAL:
                worst[lots[i] < 0][i % 2] += abs(lots[i]) - filled[i]
        assert [orders.buying.tolist(), orders.selling.tolist()] == worst
        assert min(map(min, worst)) >= 0
        assert {each.order.client_id for each in orders.open} == {
            each.order.client_id for each in lives if each.state not in TERMINAL
        }
        over = {i % 2 for i, n in enumerate(lots) if filled[i] > abs(n)}
        assert orders.halted == over
