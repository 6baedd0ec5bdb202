"""Protective exits as orders: what rests at the venue is what the levels say, and nothing else."""

import math
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.bars import Bars
from peak_trade.domain.exits import Exits
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason
from peak_trade.domain.terms import Terms
from peak_trade.engine.sheet import Sheet
from peak_trade.execution.protect import Protection
from peak_trade.kernels import exits as levels

HOUR = 3_600_000_000_000
BARS = Bars.from_arrays([10.0], open=[10.0])
STOP, LIMIT = OrderKind.STOP, OrderKind.LIMIT


@dataclass
class Book:
    """A venue's book: what rests there, and how often it was written to."""

    answer: OrderState = OrderState.ACCEPTED
    resting: dict[str, Order] = field(default_factory=dict)
    sent: int = 0

    def submit(self, orders: list[Order]) -> list[OrderState]:
        for order in orders:
            self.sent += 1
            if self.answer is OrderState.ACCEPTED:
                assert order.client_id not in self.resting
                self.resting[order.client_id] = order
        return [self.answer] * len(orders)

    def cancel(self, client_id: str) -> None:
        del self.resting[client_id]  # one that does not rest is a fault

    def seen(self, i: int = 0) -> list[tuple]:
        return sorted(
            (order.kind.value, order.reason.name, round(order.price, 9), order.lots)
            for order in self.resting.values()
            if order.instrument == i
        )


def protection_of(declared: Exits, book: Book, width: int = 1) -> Protection:
    sheet = Sheet.of(BARS, Terms(exits=declared), None, 0)
    numbers = count()
    return Protection(
        declared, width, params=sheet.exits, roi=sheet.roi, partials=sheet.partials,
        submit=book.submit, cancel=book.cancel, next_id=lambda leg: f"{leg}{next(numbers)}",
    )  # fmt: skip


def fill(protection: Protection, held: int, average: float, i: int = 0, **more) -> None:
    given_ = {
        "tick": 0.01, "step": 1, "opened": True, "grew": True, "fill_ns": 0, "last_close_ns": 0,
        "atr": math.nan,
    } | more  # fmt: skip
    protection.after_market_fill(i, held=held, average=average, **given_)


def close(protection: Protection, held: int, average: float, high: float, low: float, hours=1):
    return protection.after_close(
        0, held=held, average=average, tick=0.01, high=high, low=low, time_ns=hours * HOUR
    )


BOTH = Exits(stop_loss=0.1, take_profit=0.2)


@pytest.mark.parametrize(
    ("held", "stop", "take"), [(7, (90.0, -7), (120.0, -7)), (-7, (110.0, 7), (80.0, 7))]
)
def test_position_rests_its_stop_and_its_profit_as_one_group(held, stop, take) -> None:
    book = Book()
    fill(protection_of(BOTH, book), held, 100.0, fill_ns=5)
    assert book.seen() == [
        ("limit", "TAKE_PROFIT", *take), ("stop", "STOP_LOSS", *stop),
    ]  # fmt: skip
    orders = list(book.resting.values())
    assert len({order.group for order in orders}) == 1
    assert orders[0].group
    assert all(order.reduce_only and order.decided_ns == 5 for order in orders)
    assert len({order.client_id for order in orders}) == 2


def test_position_without_exits_rests_nothing() -> None:
    book = Book()
    protection = protection_of(Exits(), book)
    fill(protection, 7, 100.0)
    assert book.sent == 0
    assert not protection.are_set


def test_changed_position_replaces_what_rested() -> None:
    book = Book()
    protection = protection_of(BOTH, book)
    fill(protection, 7, 100.0)
    fill(protection, 10, 110.0, opened=False)
    assert book.seen() == [("limit", "TAKE_PROFIT", 132.0, -10), ("stop", "STOP_LOSS", 99.0, -10)]


def test_flip_protects_the_other_side() -> None:
    book = Book()
    protection = protection_of(BOTH, book)
    fill(protection, 7, 100.0)
    fill(protection, -3, 100.0)
    assert book.seen() == [("limit", "TAKE_PROFIT", 80.0, 3), ("stop", "STOP_LOSS", 110.0, 3)]


def test_close_that_moves_nothing_sends_nothing() -> None:
    book = Book()
    protection = protection_of(Exits(trailing=0.1), book)
    fill(protection, 7, 100.0)
    sent = book.sent
    assert not close(protection, 7, 100.0, high=100.0, low=95.0)
    assert book.sent == sent
    assert not close(protection, 7, 100.0, high=110.0, low=95.0)
    assert book.sent == sent + 1
    assert book.seen() == [("stop", "TRAILING_STOP", 99.0, -7)]


def test_close_at_which_an_unarmed_stop_arms_rests_the_first_order() -> None:
    book = Book()
    protection = protection_of(Exits(trailing=0.1, trailing_arm=0.05), book)
    fill(protection, 7, 100.0)
    assert book.seen() == []
    close(protection, 7, 100.0, high=105.0, low=100.0)
    assert book.seen() == [("stop", "TRAILING_STOP", 94.5, -7)]


def test_time_stop_is_told_at_its_close_alone() -> None:
    book = Book()
    protection = protection_of(Exits(max_bars=2), book)
    fill(protection, 7, 100.0)
    told = [close(protection, 7, 100.0, 100.0, 100.0, hours) for hours in (1, 2)]
    assert told == [False, True]
    fill(protection, 9, 100.0, opened=False)  # a larger position keeps its entry
    assert close(protection, 9, 100.0, 100.0, 100.0, 3)
    fill(protection, -9, 100.0)  # a flip does not
    assert not close(protection, -9, 100.0, 100.0, 100.0, 4)


def test_return_on_investment_counts_from_the_entry_that_opened() -> None:
    book = Book()
    protection = protection_of(Exits(roi=((0, 0.1), (60, 0.02))), book)
    fill(protection, 7, 100.0, fill_ns=0)
    assert book.seen() == [("limit", "ROI", 110.0, -7)]
    fill(protection, 9, 100.0, opened=False, fill_ns=90 * HOUR, last_close_ns=HOUR)
    assert book.seen() == [("limit", "ROI", 102.0, -9)]
    fill(protection, -9, 100.0, fill_ns=91 * HOUR, last_close_ns=91 * HOUR)
    assert book.seen() == [("limit", "ROI", 90.0, 9)]


def test_entry_long_after_the_last_close_begins_its_return_on_investment_at_once() -> None:
    book = Book()
    fill(
        protection_of(Exits(roi=((0, 0.1),)), book), 7, 100.0, fill_ns=9 * HOUR, last_close_ns=HOUR
    )
    assert book.seen() == [("limit", "ROI", 110.0, -7)]


def test_levels_in_atr_keep_that_of_the_entry() -> None:
    book = Book()
    protection = protection_of(Exits(stop_atr=2.0), book)
    fill(protection, 7, 100.0, atr=1.5)
    fill(protection, 9, 101.0, opened=False, atr=50.0)
    assert book.seen() == [("stop", "STOP_LOSS", 98.0, -9)]
    fill(protection, 9, 101.0, atr=math.nan)
    assert book.seen() == []


# --- partial take-profits -------------------------------------------------------------------------

PARTS = Exits(take_profit=0.3, partials=((0.1, 0.25), (0.2, 0.5)))


def test_partials_rest_beside_the_last_profit_in_whole_steps() -> None:
    book = Book()
    fill(protection_of(PARTS, book), 30, 100.0, step=2)
    assert book.seen() == [
        ("limit", "PARTIAL", 110.0, -6), ("limit", "PARTIAL", 120.0, -14),
        ("limit", "TAKE_PROFIT", 130.0, -30),
    ]  # fmt: skip
    assert len({order.group for order in book.resting.values()}) == 1


def test_partial_that_was_filled_does_not_rest_again() -> None:
    book = Book()
    protection = protection_of(PARTS, book)
    fill(protection, -40, 100.0)
    protection.take_partial(0)
    protection.rest(0, -30, 0.01, HOUR)
    assert book.seen() == [("limit", "PARTIAL", 80.0, 20), ("limit", "TAKE_PROFIT", 70.0, 30)]
    protection.take_partial(0)
    protection.rest(0, -10, 0.01, HOUR)
    assert book.seen() == [("limit", "TAKE_PROFIT", 70.0, 10)]


def test_reduction_leaves_the_partials_where_they_lay_and_growth_sets_them_again() -> None:
    book = Book()
    protection = protection_of(Exits(partials=PARTS.partials), book)
    fill(protection, 40, 100.0)
    fill(protection, 15, 100.0, opened=False, grew=False)
    assert book.seen() == [("limit", "PARTIAL", 110.0, -10), ("limit", "PARTIAL", 120.0, -15)]
    fill(protection, 80, 50.0, opened=False, grew=True)
    assert book.seen() == [("limit", "PARTIAL", 55.0, -20), ("limit", "PARTIAL", 60.0, -40)]


def test_split_moves_levels_and_lots_and_rests_them_again() -> None:
    book = Book()
    protection = protection_of(Exits(stop_loss=0.1, take_profit=0.3, partials=((0.1, 0.25),)), book)
    fill(protection, 40, 100.0)
    protection.after_split(0, held=120, ratio=1 / 3, tick=0.01, time_ns=HOUR)
    assert book.seen() == [
        ("limit", "PARTIAL", 36.67, -30), ("limit", "TAKE_PROFIT", 43.34, -120),
        ("stop", "STOP_LOSS", 30.0, -120),
    ]  # fmt: skip


# --- ends -----------------------------------------------------------------------------------------


def test_position_that_is_no_more_takes_its_orders_along_and_no_other_s() -> None:
    book = Book()
    protection = protection_of(BOTH, book, width=2)
    fill(protection, 7, 100.0, i=0)
    fill(protection, 8, 50.0, i=1)
    protection.forget(0)
    protection.forget(0)  # twice is once
    assert book.seen(0) == []
    assert book.seen(1) == [("limit", "TAKE_PROFIT", 60.0, -8), ("stop", "STOP_LOSS", 45.0, -8)]
    assert np.isnan(protection.states[0]).all()


@pytest.mark.parametrize("answer", [OrderState.DENIED, OrderState.CANCELED])
def test_order_that_the_venue_does_not_take_is_not_cancelled_later(answer) -> None:
    book = Book(answer=answer)
    protection = protection_of(BOTH, book)
    fill(protection, 7, 100.0)
    book.answer = OrderState.ACCEPTED
    fill(protection, 8, 100.0, opened=False)
    assert book.seen() == [("limit", "TAKE_PROFIT", 120.0, -8), ("stop", "STOP_LOSS", 90.0, -8)]


@pytest.mark.parametrize(
    ("declared", "move"),
    [
        (BOTH, False),
        (Exits(stop_atr=1.0, take_atr=1.0), False),
        (PARTS, False),
        (Exits(trailing=0.1), True),
        (Exits(trailing_atr=1.0), True),
        (Exits(break_even=0.1), True),
        (Exits(max_bars=3), True),
        (Exits(roi=((0, 0.1),)), True),
    ],
)
def test_only_exits_that_move_or_count_follow_closes(declared, move) -> None:
    protection = protection_of(declared, Book())
    assert protection.are_set
    assert protection.move == move


# --- whatever happens -----------------------------------------------------------------------------

declarations = st.sampled_from(
    [
        BOTH,
        PARTS,
        Exits(trailing=0.05, trailing_arm=0.02, break_even=0.1, partials=((0.02, 0.3),)),
        Exits(stop_loss=0.2, trailing=0.1, trailing_offset=0.1, trailing_after=0.02),
        Exits(stop_atr=2.0, take_atr=3.0, trailing_atr=1.0, max_bars=3),
        Exits(take_profit=0.2, roi=((0, 0.3), (60, 0.1), (120, -0.05)), partials=((0.01, 0.2),)),
    ]
)
lots = st.integers(-60, 60).filter(bool)
price = st.integers(8000, 12000).map(lambda k: k / 100)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("fill"), lots, price),
        st.tuples(st.just("close"), price, st.floats(0.9, 1.0)),
        st.tuples(st.just("partial")),
        st.tuples(st.just("forget")),
    ),
    max_size=12,
)


@given(declarations, steps)
def test_book_holds_exactly_what_the_levels_say(declared, path) -> None:
    """After every event: one order a level, on its tick, that can only close the position."""
    book = Book()
    protection = protection_of(declared, book)
    held, average = 0, 0.0
    for k, (event, *given_) in enumerate(path):
        if event == "fill":
            before, (held, average) = held, given_
            opened = before * held <= 0
            fill(
                protection, held, average, opened=opened, grew=abs(held) > abs(before),
                fill_ns=k * HOUR, last_close_ns=k * HOUR, atr=2.0,
            )  # fmt: skip
        elif held and event == "close":
            close(protection, held, average, given_[0], given_[0] * given_[1], k + 1)
        elif held and event == "partial" and protection.partial_lots[0].any():
            left = np.flatnonzero(protection.partial_lots[0])
            if min(protection.partial_lots[0, left[0]], abs(held)) < abs(held):
                side = 1 if held > 0 else -1
                held -= side * int(protection.partial_lots[0, left[0]])
                protection.take_partial(0)
                protection.rest(0, held, 0.01, k * HOUR)
        elif event == "forget":
            held = 0
            protection.forget(0)
        assert_book_is_right(book, protection, held)


def assert_book_is_right(book: Book, protection: Protection, held: int) -> None:
    x, side = protection.states[0], (1 if held > 0 else -1)
    wanted = []
    for kind, level, reason in (
        (STOP, levels.X_STOP, levels.X_STOP_REASON), (LIMIT, levels.X_TAKE, levels.X_TAKE_REASON),
    ):  # fmt: skip
        if held and not math.isnan(x[level]):
            wanted.append((kind.value, Reason(int(x[reason])).name, round(x[level], 9), -held))
    for level, left in zip(protection.partial_levels[0], protection.partial_lots[0], strict=True):
        if held and left:
            wanted.append(("limit", "PARTIAL", round(level, 9), -side * min(int(left), abs(held))))
    assert book.seen() == sorted(wanted)
    for order in book.resting.values():
        assert order.reduce_only
        assert order.lots * held < 0
        assert order.price == pytest.approx(round(order.price / 0.01) * 0.01, rel=1e-12)
