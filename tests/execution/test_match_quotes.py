"""The matcher on trades and books: queues against a plain queue of orders, levels that are walked."""

from dataclasses import replace

import numpy as np
import pytest
from execution.match_scenes import Ticks
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.domain.errors import ParameterError
from peak_trade.domain.event import OrderReport
from peak_trade.domain.ledger import Fill
from peak_trade.domain.matching import Matching
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason, TimeInForce
from peak_trade.execution.matching import Matcher, Outcome
from peak_trade.execution.quote_matching import QuoteMatching

IOC, FOK = TimeInForce.IOC, TimeInForce.FOK


def buy(lots: int, price: int, name: str = "a") -> Order:
    """A limit order at a price in ticks of 1."""
    return Order(name, 0, lots, OrderKind.LIMIT, Reason.ORDER, 0, price_ticks=price, tick=1.0)


def market(lots: int, name: str = "m") -> Order:
    return Order(name, 0, lots, OrderKind.MARKET, Reason.ORDER, 0, tick=1.0)


def matcher_of(**chosen: int) -> tuple[Matcher, Ticks]:
    clearing = Ticks()
    return Matcher(clearing, Matching(**chosen)), clearing


def with_book(**chosen: int) -> tuple[Matcher, Ticks]:
    """A matcher that knows bids of 5 at 99 and 9 at 98, asks of 4 at 101 and 6 at 102."""
    matcher, clearing = matcher_of(**chosen)
    matcher.on_book(0, [(99.0, 5), (98.0, 9)], [(101.0, 4), (102.0, 6)], 0, tick=1.0)
    return matcher, clearing


def fills(outcomes: list[Outcome]) -> list[tuple[str, int, float]]:
    return [(o.client_id, o.lots, o.price) for o in outcomes if isinstance(o, Fill)]


def ends(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(o.client_id, o.state.value) for o in outcomes if isinstance(o, OrderReport)]


# --- queues -------------------------------------------------------------------------------------


def queued(seed: int, *, cancels: bool) -> list[tuple[int, int]]:
    """Lots filled so far after every event: by the matcher, and in a plain queue of orders.

    A level is a list of orders: trades eat its front, others join its end or cancel anywhere.
    """
    rng = np.random.default_rng(seed)
    queue = [["other", int(rng.integers(1, 6))] for _ in range(int(rng.integers(0, 5)))]
    matcher = Matcher(Ticks())

    def visible() -> int:
        return sum(lots for name, lots in queue if name == "other")

    matcher.on_book(0, [(99.0, visible())], [(110.0, 1)], 0, tick=1.0)
    mine = int(rng.integers(1, 8))
    matcher.place(buy(mine, 99), 0)
    queue.append(["mine", mine])
    got, true, seen = 0, 0, []
    for k in range(1, 30):
        what = rng.random()
        if what < 0.5:
            lots = int(rng.integers(1, 7))
            got += sum(f[1] for f in fills(matcher.on_trade(0, 99.0, lots, k, aggressor=-1)))
            while lots and queue:
                eaten = min(lots, queue[0][1])
                true += eaten if queue[0][0] == "mine" else 0
                queue[0][1] -= eaten
                lots -= eaten
                if queue[0][1] == 0:
                    queue.pop(0)
        elif what < 0.7 or not cancels:
            queue.append(["other", int(rng.integers(1, 6))])
        else:
            others = [n for n, (name, _) in enumerate(queue) if name == "other"]
            if others:
                queue.pop(int(rng.choice(others)))
        got += sum(f[1] for f in fills(matcher.on_level(0, 1, 99.0, visible(), k)))
        seen.append((got, true))
    return seen


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_resting_order_in_a_queue_without_cancels_is_filled_exactly_as_the_queue_has_it(
    seed: int,
) -> None:
    assert all(got == true for got, true in queued(seed, cancels=False))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_resting_order_in_a_queue_with_cancels_is_never_filled_before_what_is_ahead(
    seed: int,
) -> None:
    assert all(got <= true for got, true in queued(seed, cancels=True))


def test_queue_that_is_left_out_is_seen_by_the_plain_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QuoteMatching, "_queue", lambda self, w: None)
    found = [pair for seed in range(50) for pair in queued(seed, cancels=True)]
    assert any(got > true for got, true in found)


def test_cancels_that_all_count_as_ahead_are_seen_by_the_plain_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = QuoteMatching.on_level

    def on_level(
        self: QuoteMatching, instrument: int, side: int, price: float, lots: int, time_ns: int
    ) -> None:
        gone = self.books[instrument].size(side, price) - lots
        for w in self._register.of(instrument):
            w.ahead = max(w.ahead - max(gone, 0), 0)
        original(self, instrument, side, price, lots, time_ns)

    monkeypatch.setattr(QuoteMatching, "on_level", on_level)
    found = [pair for seed in range(50) for pair in queued(seed, cancels=True)]
    assert any(got > true for got, true in found)


def test_resting_order_when_what_is_ahead_has_traded_fills_the_rest_of_the_trade() -> None:
    matcher, _ = with_book()
    matcher.place(buy(3, 99), 0)
    assert fills(matcher.on_trade(0, 99.0, 4, 1, aggressor=-1)) == []
    assert fills(matcher.on_trade(0, 99.0, 3, 2, aggressor=-1)) == [("a", 2, 99.0)]
    assert fills(matcher.on_trade(0, 99.0, 9, 3, aggressor=-1)) == [("a", 1, 99.0)]


def test_resting_order_when_a_trade_goes_through_fills_in_full_at_its_price() -> None:
    matcher, clearing = with_book()
    matcher.place(buy(3, 99), 0)
    assert fills(matcher.on_trade(0, 98.0, 1, 1)) == [("a", 3, 99.0)]
    assert clearing.rested == [True]


def test_resting_order_when_the_aggressor_is_on_its_own_side_stays() -> None:
    matcher, _ = with_book()
    matcher.place(buy(3, 99), 0)
    assert fills(matcher.on_trade(0, 99.0, 50, 1, aggressor=1)) == []


def test_resting_order_when_the_book_shrinks_below_what_is_ahead_moves_up() -> None:
    matcher, _ = with_book()
    matcher.place(buy(3, 99), 0)
    matcher.on_level(0, 1, 99.0, 1, 1)
    assert fills(matcher.on_trade(0, 99.0, 2, 2)) == [("a", 1, 99.0)]


def test_two_resting_orders_at_one_price_share_a_trade_in_the_order_of_acceptance() -> None:
    matcher, _ = with_book()
    matcher.place(buy(2, 99, "a"), 0)
    matcher.place(buy(2, 99, "b"), 0)
    assert fills(matcher.on_trade(0, 99.0, 8, 1)) == [("a", 2, 99.0), ("b", 1, 99.0)]


def test_resting_order_without_a_book_waits_for_a_trade_through_unless_the_queue_is_given() -> None:
    unknown, _ = matcher_of()
    unknown.place(buy(2, 99), 0)
    unknown.on_trade(0, 100.0, 1, 1)
    assert fills(unknown.on_trade(0, 99.0, 1000, 2)) == []
    assert fills(unknown.on_trade(0, 98.0, 1, 3)) == [("a", 2, 99.0)]
    known, _ = matcher_of(queue_lots=10)
    known.place(buy(2, 99), 0)
    known.on_trade(0, 100.0, 1, 1)
    assert fills(known.on_trade(0, 99.0, 11, 2)) == [("a", 1, 99.0)]


# --- levels -------------------------------------------------------------------------------------


def test_market_order_at_a_book_walks_its_levels_as_a_taker() -> None:
    matcher, clearing = with_book()
    assert matcher.place(market(7), 0).state is OrderState.ACCEPTED
    assert fills(matcher.drain()) == [("m", 4, 101.0), ("m", 3, 102.0)]
    assert clearing.rested == [False, False]


def test_market_order_larger_than_the_book_goes_on_with_the_next_one() -> None:
    matcher, _ = with_book()
    matcher.place(market(12), 0)
    assert sum(lots for _, lots, _ in fills(matcher.drain())) == 10
    assert fills(matcher.on_book(0, [], [(103.0, 9)], 1, tick=1.0)) == [("m", 2, 103.0)]
    assert not matcher.has_orders


def test_two_market_orders_at_one_book_do_not_take_the_same_lots() -> None:
    matcher, _ = with_book()
    matcher.place(market(4, "a"), 0)
    matcher.place(market(4, "b"), 0)
    assert fills(matcher.drain()) == [("a", 4, 101.0), ("b", 4, 102.0)]


def test_marketable_limit_at_a_book_takes_up_to_its_limit_and_rests_with_the_remainder() -> None:
    matcher, clearing = with_book()
    matcher.place(buy(7, 101), 0)
    assert fills(matcher.drain()) == [("a", 4, 101.0)]
    assert fills(matcher.on_trade(0, 101.0, 1, 1, aggressor=-1)) == [("a", 1, 101.0)]
    assert clearing.rested == [False, True]


def test_immediate_order_at_a_book_cancels_its_remainder() -> None:
    matcher, _ = with_book()
    matcher.place(replace(buy(7, 101), time_in_force=IOC), 0)
    outcomes = matcher.drain()
    assert fills(outcomes) == [("a", 4, 101.0)]
    assert ends(outcomes) == [("a", "canceled")]


def test_fill_or_kill_at_a_book_fills_all_or_nothing() -> None:
    matcher, _ = with_book()
    matcher.place(replace(buy(5, 101, "a"), time_in_force=FOK), 0)
    matcher.place(replace(buy(8, 102, "b"), time_in_force=FOK), 0)
    outcomes = matcher.drain()
    assert ends(outcomes) == [("a", "canceled")]
    assert fills(outcomes) == [("b", 8, (4 * 101 + 4 * 102) / 8)]
    assert fills(matcher.on_level(0, -1, 103.0, 1, 1)) == []


def test_post_only_at_a_book_is_refused_at_once_where_it_would_trade() -> None:
    matcher, _ = with_book()
    answer = matcher.place(replace(buy(1, 101), post_only=True), 0)
    assert answer.state is OrderState.REJECTED
    assert "post-only" in answer.detail
    assert matcher.drain() == []
    assert matcher.place(replace(buy(1, 100, "b"), post_only=True), 0).state is OrderState.ACCEPTED


def test_resting_order_that_the_other_side_comes_to_trades_at_its_own_price() -> None:
    matcher, clearing = with_book()
    matcher.place(buy(3, 100), 0)
    assert fills(matcher.on_level(0, -1, 99.0, 2, 1)) == [("a", 2, 100.0)]
    assert clearing.rested == [True]


def test_stop_at_a_book_is_triggered_by_a_trade_and_walks_the_levels() -> None:
    matcher, _ = with_book()
    matcher.place(replace(market(5), kind=OrderKind.STOP, price_ticks=101), 0)
    assert fills(matcher.on_trade(0, 100.0, 1, 1)) == []
    assert fills(matcher.on_trade(0, 101.0, 1, 2)) == [("m", 4, 101.0), ("m", 1, 102.0)]


def test_trailing_stop_on_trades_follows_each_of_them() -> None:
    matcher, _ = matcher_of()
    trailing = replace(market(-1), kind=OrderKind.TRAILING_STOP, trail_ticks=3)
    matcher.place(trailing, 0)
    for k, price in enumerate((100.0, 104.0, 102.0)):
        assert fills(matcher.on_trade(0, price, 1, k)) == []
    assert fills(matcher.on_trade(0, 101.0, 1, 9)) == [("m", -1, 101.0)]


def test_bracket_at_a_book_begins_to_work_with_its_parent() -> None:
    matcher, _ = with_book()
    matcher.place(buy(2, 101, "p"), 0)
    leg = replace(market(-2, "s"), parent="p", reduce_only=True, group="g")
    matcher.place(replace(leg, kind=OrderKind.STOP, price_ticks=95), 0)
    matcher.place(replace(leg, client_id="t", kind=OrderKind.LIMIT, price_ticks=105), 0)
    matcher.drain()
    outcomes = matcher.on_trade(0, 106.0, 1, 1)
    assert fills(outcomes) == [("t", -2, 105.0)]
    assert ends(outcomes) == [("s", "canceled")]


# --- time ---------------------------------------------------------------------------------------


def test_order_on_its_way_meets_the_book_as_it_is_when_it_arrives() -> None:
    matcher, _ = with_book(latency_ns=10)
    matcher.place(market(1), 0)
    assert fills(matcher.on_level(0, -1, 100.0, 3, 5)) == []
    assert fills(matcher.on_level(0, -1, 90.0, 3, 20)) == [("m", 1, 100.0)]


def test_cancel_on_its_way_loses_against_a_fill_and_wins_afterwards() -> None:
    matcher, _ = matcher_of(latency_ns=10)
    matcher.place(buy(1, 99, "a"), 0)
    matcher.place(buy(1, 97, "b"), 0)
    matcher.on_trade(0, 100.0, 1, 10)
    for name in ("a", "b"):
        assert matcher.cancel(name, 20).state is OrderState.PENDING_CANCEL
    assert fills(matcher.on_trade(0, 98.0, 1, 29)) == [("a", 1, 99.0)]
    outcomes = matcher.on_trade(0, 90.0, 1, 30)
    assert fills(outcomes) == []
    assert ends(outcomes) == [("b", "canceled")]
    assert matcher.cancel("a", 31).state is OrderState.FILLED
    assert matcher.cancel("x", 31).state is OrderState.UNKNOWN


def test_order_that_expires_between_two_trades_ends_at_its_time() -> None:
    matcher, _ = matcher_of()
    order = replace(buy(1, 99), time_in_force=TimeInForce.GTD, expires_ns=50)
    matcher.place(order, 0)
    matcher.on_trade(0, 100.0, 1, 10)
    outcomes = matcher.on_trade(0, 90.0, 1, 60)
    assert ends(outcomes) == [("a", "expired")]
    assert isinstance(outcomes[0], OrderReport)
    assert outcomes[0].time_ns == 50


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"lots": 0}, "no lots"),
        ({"price_ticks": None}, "needs a price"),
        ({"kind": OrderKind.STOP_LIMIT}, "needs a limit"),
        ({"kind": OrderKind.TRAILING_STOP}, "needs a distance"),
        ({"price_ticks": -3}, "not above 0"),
        ({"tick": 0.0}, "no tick"),
        ({"kind": OrderKind.STOP, "post_only": True}, "post-only is for limit orders"),
        ({"post_only": True, "time_in_force": IOC}, "contradict"),
        ({"time_in_force": TimeInForce.GTD, "expires_ns": 5}, "time has passed"),
        ({"parent": "nobody"}, "is not there"),
        ({"client_id": "used"}, "used before"),
    ],
)
def test_order_that_contradicts_itself_is_rejected(changes: dict, why: str) -> None:
    matcher, _ = matcher_of()
    matcher.place(buy(1, 50, "used"), 0)
    answer = matcher.place(replace(buy(1, 99), **changes), 10)
    assert answer.state is OrderState.REJECTED
    assert why in answer.detail


def test_level_before_a_book_is_an_error() -> None:
    matcher, _ = matcher_of()
    with pytest.raises(ParameterError, match="before its book"):
        matcher.on_level(0, 1, 99.0, 1, 0)


def test_settings_out_of_range_are_an_error() -> None:
    for chosen in ({"latency_ns": -1}, {"queue_lots": -1}, {"max_fill_share": 0.0}):
        with pytest.raises(ParameterError):
            Matching(**chosen)
