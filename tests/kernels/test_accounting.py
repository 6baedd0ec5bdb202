"""The arithmetic of money, against exact arithmetic, plain twins and properties."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.kernels import accounting

prices = st.floats(0.01, 1e5)
steps = st.integers(1, 50)
lots = st.integers(-(10**6), 10**6)


@given(st.floats(-1, 1), st.floats(0, 1e7), st.floats(0, 0.5), prices, steps)
def test_sized_lots_fit_the_target_and_the_step(target, equity, buffer, price, step) -> None:
    found = accounting.sized_lots(target, equity, buffer, price, 0.01, step)
    exact = Fraction(target) * Fraction(equity) * (1 - Fraction(buffer)) / Fraction(price * 0.01)
    assert found % step == 0
    assert found * target >= 0
    assert abs(found) <= abs(exact) * (1 + Fraction(1, 10**12))
    assert abs(found) + step >= abs(exact) * (1 - Fraction(1, 10**12))


@pytest.mark.parametrize("target", [1.0, -1.0])
def test_lots_beyond_the_books_are_named_not_wrapped(target: float) -> None:
    found = accounting.sized_lots(target, 1e30, 0.0, 1.0, 1.0, 1)
    assert found == target * accounting.MAX_LOTS


@pytest.mark.parametrize(
    ("target", "acted", "min_change", "acts"),
    [
        (0.5, 0.49, math.nan, True),  # 0.01 x 1,000 buys one lot at 10
        (0.5, 0.495, math.nan, False),
        (0.5, 0.0, 0.5, False),  # more than min_change, not as much
        (0.5, -0.01, 0.5, True),
        (0.0, 1e-9, 0.5, True),
        (0.0, 0.0, math.nan, True),
    ],
)
def test_change_is_worth_acting(target, acted, min_change, acts) -> None:
    found = accounting.is_worth_acting(target, acted, 1000.0, 0.0, 9.999, 1.0, 1, min_change)
    assert found == acts


def test_due_targets_are_stated_and_new() -> None:
    row, last = np.array([np.nan, 0.5, 0.5, 0.0]), np.array([0.1, 0.5, 0.4, 0.0])
    assert accounting.count_due(row, last) == 1


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=6))
def test_gross_weight_adds_absolute_weights(weights: list[float]) -> None:
    assert math.isclose(accounting.gross_weight(np.array(weights)), math.fsum(map(abs, weights)))


@given(lots, prices, st.floats(0, 0.1), st.floats(-1e6, 1e6))
def test_value_fee_and_cash_are_what_the_document_writes(quantity, price, rate, cash) -> None:
    value = accounting.value_of(quantity, 0.01, price)
    fee = accounting.fee_of(value, rate)
    assert value == (quantity * 0.01) * price
    assert fee == abs(value) * rate
    assert accounting.cash_after(cash, value, fee) == cash - (value + fee)


@given(st.lists(st.tuples(lots.filter(bool), st.integers(1, 1000)), min_size=1, max_size=12))
def test_average_price_is_that_of_the_lots_still_held(trades: list[tuple[int, int]]) -> None:
    """Against exact fractions: what increases cost, kept in proportion by reductions."""
    held, average = 0, 0.0
    exact_held, exact = 0, Fraction(0)
    for quantity, price in trades:
        average = accounting.average_price(held, average, quantity, float(price))
        held += quantity
        if exact_held * quantity >= 0:
            paid = abs(exact_held) * exact + abs(quantity) * price
            exact = paid / (abs(exact_held) + abs(quantity))
        elif abs(quantity) > abs(exact_held):
            exact = Fraction(price)
        exact_held += quantity
        if exact_held == 0:
            exact = Fraction(0)
        assert math.isclose(average, float(exact), rel_tol=1e-12)


def test_proceeds_of_shorts_pay_for_nothing() -> None:
    held, units = np.array([-10, 5]), np.array([1.0, 1.0])
    # 1,000 of equity, 500 short at 50: cash 1,500, and 500 are left; the long pays for itself
    assert accounting.spendable(1500.0, held, units, np.array([50.0, 9.0])) == 500.0


@given(lots.filter(bool), prices, steps, st.floats(0, 0.1), st.floats(-1e3, 1e7), st.floats(0, 99))
def test_scaled_increase_is_paid_whole_and_the_most(
    wanted, price, step, rate, left, minimum
) -> None:
    wanted = wanted // step * step or step
    found = accounting.scale_increase(wanted, 0.01, price, step, minimum, rate, left, False)
    cost = accounting.cost_of(wanted, 0.01, price, rate)
    if cost <= left:
        assert found == wanted
        return
    assert found * wanted >= 0
    assert abs(found) < abs(wanted)
    assert found % step == 0
    assert found == 0 or accounting.cost_of(found, 0.01, price, rate) <= left
    more = found + 2 * step * (1 if wanted > 0 else -1)
    value = abs(accounting.value_of(more, 0.01, price))
    assert accounting.cost_of(more, 0.01, price, rate) > left or value < minimum + 2 * cost
    assert accounting.scale_increase(wanted, 0.01, price, step, minimum, rate, left, True) == 0


several = st.lists(st.tuples(lots, prices, steps, st.floats(0, 50)), min_size=1, max_size=4)


@given(several, st.floats(0, 0.1), st.floats(-1e3, 1e7), st.booleans())
def test_scaled_increases_share_one_factor(orders, rate: float, left: float, reject) -> None:
    wanted = np.array([quantity // step * step for quantity, _, step, _ in orders], np.int64)
    price = np.array([x[1] for x in orders])
    step = np.array([x[2] for x in orders], np.int64)
    minima, units = np.array([x[3] for x in orders]), np.full(len(orders), 0.01)
    asked = wanted.copy()
    accounting.scale_increases(wanted, units, price, step, minima, rate, left, reject)
    cost = sum(accounting.cost_of(q, 0.01, p, rate) for q, p in zip(asked, price, strict=True) if q)
    if cost <= left:
        assert (wanted == asked).all()
        return
    if reject:
        assert not wanted.any()
        return
    after = sum(
        accounting.cost_of(q, 0.01, p, rate) for q, p in zip(wanted, price, strict=True) if q
    )
    assert after <= max(left, 0.0)
    assert (wanted * asked >= 0).all()
    assert (wanted % step == 0).all()
    factor = max(left, 0.0) / cost
    for q, a, p, s, low in zip(wanted, asked, price, step, minima, strict=True):
        assert abs(q) <= abs(a) * factor + 1e-6
        too_small = (abs(a) * factor - 2 * s) * 0.01 * p < low
        assert abs(q) >= abs(a) * factor - 2 * s or too_small


@given(several, st.floats(0, 0.1), st.floats(-1e3, 1e7), st.booleans())
def test_one_increase_is_scaled_as_several_are(orders, rate: float, left: float, reject) -> None:
    quantity, price, step, minimum = orders[0]
    quantity = quantity // step * step
    if quantity == 0:
        return
    wanted = np.array([quantity], np.int64)
    accounting.scale_increases(
        wanted, np.array([0.01]), np.array([price]), np.array([step]), np.array([minimum]),
        rate, left, reject,
    )  # fmt: skip
    alone = accounting.scale_increase(quantity, 0.01, price, step, minimum, rate, left, reject)
    assert wanted[0] == alone


def test_marks_move_with_real_bars_only() -> None:
    close = np.array([[10.0, 20.0], [11.0, 21.0]])
    tradable = np.array([[True, True], [True, False]])
    marks, held, units = np.array([10.0, 20.0]), np.array([2, -3]), np.array([1.0, 0.5])
    found = accounting.mark_row(close, tradable, 1, marks, 100.0, held, units)
    assert marks.tolist() == [11.0, 20.0]
    assert found == 100.0 + 2 * 11.0 - 3 * 0.5 * 20.0


def test_equity_leaves_out_what_is_not_held() -> None:
    held, marks = np.array([0, 1]), np.array([np.nan, 5.0])
    assert accounting.equity_of(10.0, held, np.ones(2), marks) == 15.0
