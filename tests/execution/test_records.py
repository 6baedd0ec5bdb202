"""What is written of orders, fills and payments is read again as it was."""

import math
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.errors import JournalError
from peak_trade.domain.ledger import Fill
from peak_trade.domain.order import Order, OrderKind, Reason, TimeInForce
from peak_trade.execution.records import entry_of, entry_record, order_of, order_record
from peak_trade.journal.canonical import canonical_json, parsed_json

names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=18)
whole = st.integers(-(2**60), 2**60)
orders = st.builds(
    Order,
    client_id=names,
    instrument=st.integers(0, 500),
    lots=whole,
    kind=st.sampled_from(OrderKind),
    reason=st.sampled_from(Reason),
    decided_ns=whole,
    price_ticks=st.none() | whole,
    tick=st.floats(0, 1e6),
    group=st.just("") | names,
    reduce_only=st.booleans(),
    limit_ticks=st.none() | whole,
    trail_ticks=st.none() | whole,
    time_in_force=st.sampled_from(TimeInForce),
    expires_ns=whole,
    post_only=st.booleans(),
    parent=st.just("") | names,
    strategy=st.just("") | names,
)
numbers = st.floats(allow_nan=True, allow_infinity=False)
fills = st.builds(
    Fill,
    client_id=names,
    instrument=st.integers(0, 500),
    lots=whole,
    price=numbers,
    fee=numbers,
    reason=st.sampled_from(Reason),
    time_ns=whole,
    row=st.integers(0, 10**9),
    trade_id=st.just("") | names,
)


def through_json(record: dict[str, object]) -> dict[str, object]:
    found = parsed_json(canonical_json(record))
    assert isinstance(found, dict)
    return found


@given(orders)
def test_order_is_read_again_as_it_was(order: Order) -> None:
    again = order_of(through_json(order_record(order)))
    assert again == order
    for item in fields(Order):  # 1 and True, 0 and 0.0 are equal, and not the same
        assert type(getattr(again, item.name)) is type(getattr(order, item.name)), item.name


@given(fills)
def test_fill_is_read_again_as_it_was(fill: Fill) -> None:
    again = entry_of("fill", through_json(entry_record(fill)))
    for item in fields(Fill):
        ours, theirs = getattr(fill, item.name), getattr(again, item.name)
        is_nan = isinstance(ours, float) and math.isnan(ours)
        assert math.isnan(theirs) if is_nan else ours == theirs, item.name


@pytest.mark.parametrize(
    "record", [{}, {"client_id": "a"}, {"kind": "odd", "reason": "TARGET"}, {"reason": "ODD"}]
)
def test_record_that_is_no_order_says_so(record: dict[str, object]) -> None:
    with pytest.raises(JournalError, match="is no order"):
        order_of(record)
    with pytest.raises(JournalError, match="is no fill"):
        entry_of("fill", record)


def test_record_of_a_kind_that_is_none_says_so() -> None:
    with pytest.raises(JournalError, match="is no gift"):
        entry_of("gift", {})
