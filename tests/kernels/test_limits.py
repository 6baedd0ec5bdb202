"""The arithmetic of limits: a plain twin, the law of the gate, halts and liquidation prices."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.kernels import limits
from peak_trade.kernels.limits import (
    LIMIT_DAILY_LOSS,
    LIMIT_DRAWDOWN,
    LIMIT_GROSS,
    LIMIT_NET,
    LIMIT_ORDER,
    LIMIT_PARTICIPATION,
    LIMIT_POSITION,
    PASSED,
)  # fmt: skip

WIDE = np.array([1e6, 1e6, 1e6, 1e15, 1e9, 1.0, 1.0])
EQUITY = 1000.0
EXPOSURE = (LIMIT_POSITION, LIMIT_GROSS, LIMIT_NET)


def bounds(**given: float) -> np.ndarray:
    values = WIDE.copy()
    for name, value in given.items():
        values[getattr(limits, f"LIMIT_{name.upper()}")] = value
    return values


# --- one order ------------------------------------------------------------------------------------


def violated_in_words(limit, equity, value, quantity, volume, before, after, gross, net) -> int:
    """The first violated rule in the document's order; exact, over whole numbers."""
    gross_after, net_after = gross - abs(before) + abs(after), net - before + after
    is_closer = min(before, 0) <= after <= max(before, 0)
    rules = (
        (LIMIT_ORDER, abs(value) > limit[LIMIT_ORDER]),
        (LIMIT_PARTICIPATION,
         limit[LIMIT_PARTICIPATION] < 1e9
         and not abs(quantity) <= limit[LIMIT_PARTICIPATION] * volume),
        (LIMIT_POSITION, max(limit[LIMIT_POSITION] * equity, abs(before)) < abs(after)),
        (LIMIT_GROSS, max(limit[LIMIT_GROSS] * equity, gross) < gross_after),
        (LIMIT_NET,
         not is_closer and max(limit[LIMIT_NET] * equity, abs(net)) < abs(net_after)),
    )  # fmt: skip
    return next((rule for rule, is_broken in rules if is_broken), PASSED)


whole = st.integers(-2000, 2000).map(float)
shares = st.integers(1, 16).map(lambda k: k / 8)  # of 1,000: exact in floats
tables = st.builds(
    lambda position, gross, net, order, share: bounds(
        position=position, gross=gross, net=net, order=order, participation=share
    ),
    st.one_of(shares, st.just(1e6)), st.one_of(shares, st.just(1e6)),
    st.one_of(shares, st.just(1e6)), st.one_of(st.integers(1, 2000), st.just(1e15)),
    st.one_of(shares, st.just(1e9)),
)  # fmt: skip


@given(tables, whole, whole, st.integers(0, 2000), whole, st.sampled_from([0, 500, math.nan]))
def test_first_violated_rule_is_that_of_the_document(table, before, value, others, rest, volume):
    gross, net = others + abs(before), max(-others, min(others, rest)) + before
    after, quantity = before + value, value / 4
    given_ = (table, EQUITY, value, quantity, volume, before, after, gross, net)
    assert limits.violated(*given_) == violated_in_words(*given_)


def test_order_exactly_at_every_limit_passes() -> None:
    table = bounds(position=0.5, gross=0.5, net=0.5, order=500.0, participation=0.1)
    assert limits.violated(table, EQUITY, 500.0, 50.0, 500.0, 0.0, 500.0, 0.0, 0.0) == PASSED


def test_volume_that_is_not_known_passes_nothing_where_participation_is_limited() -> None:
    order = (EQUITY, 1.0, 1.0, math.nan, 0.0, 1.0, 0.0, 0.0)
    assert limits.violated(bounds(participation=0.5), *order) == LIMIT_PARTICIPATION
    assert limits.violated(WIDE, *order) == PASSED


@given(tables, whole.filter(bool), st.floats(0, 1), st.integers(0, 2000), st.integers(-2000, 2000))
def test_order_that_reduces_passes_every_limit_of_exposure(
    table, before, part, others, rest
) -> None:
    after = before * part
    net = before + max(-others, min(others, rest))
    table[LIMIT_ORDER], table[LIMIT_PARTICIPATION] = 1e15, 1e9
    found = limits.violated(
        table, EQUITY, after - before, 1.0, 1.0, before, after, others + abs(before), net
    )
    assert found == PASSED


# --- a batch of orders, as the pipeline looks at them ---------------------------------------------


@dataclass(frozen=True)
class Batch:
    """Positions with what is on its way, and one order for each instrument; values at the closes."""

    held: tuple[float, ...]
    orders: tuple[float, ...]
    volumes: tuple[float, ...]
    equity: float

    def approved(self, table: np.ndarray) -> set[int]:
        """Which orders pass; the worst of one counts for the later ones, refused or not."""
        gross, high = sum(map(abs, self.held)), sum(self.held)
        low = high
        passed = set()
        for i, (before, value) in enumerate(zip(self.held, self.orders, strict=True)):
            after, net = before + value, high if value > 0 else low
            rule = limits.violated(
                table, self.equity, value, value / 10, self.volumes[i], before, after, gross, net
            )
            gross += max(abs(after) - abs(before), 0.0)
            high, low = high + max(after - before, 0.0), low + min(after - before, 0.0)
            passed |= {i} if rule == PASSED else set()
        return passed


amounts = st.one_of(whole, st.floats(-2000, 2000))


@st.composite
def batches(draw) -> Batch:
    count = draw(st.integers(1, 6))
    many = st.lists(amounts, min_size=count, max_size=count).map(tuple)
    volumes = st.lists(st.sampled_from([0.0, 5.0, 100.0, math.nan]), min_size=count, max_size=count)
    equity = draw(st.sampled_from([1000.0, 1.0, 0.0, -50.0]))
    return Batch(draw(many), draw(many), tuple(draw(volumes)), equity)


tightened = st.lists(
    st.one_of(st.just(1.0), st.floats(0.001, 1)), min_size=limits.LIMITS, max_size=limits.LIMITS
)


@given(batches(), tables, tightened)
def test_tightening_any_limit_never_lets_an_order_through(batch, table, factors) -> None:
    assert batch.approved(table * np.array(factors)) <= batch.approved(table)


@given(batches(), tables, st.sampled_from([*EXPOSURE, LIMIT_ORDER, LIMIT_PARTICIPATION]))
def test_adding_a_limit_never_lets_an_order_through(batch, table, rule) -> None:
    without = table.copy()
    without[rule] = WIDE[rule]
    assert batch.approved(table) <= batch.approved(without)


@given(batches(), tables, st.sets(st.integers(0, 5)))
def test_gross_stays_in_its_limit_whichever_approved_orders_fill(batch, table, filled) -> None:
    most = max(table[LIMIT_GROSS] * batch.equity, sum(map(abs, batch.held)))
    done = batch.approved(table) & filled
    after = [h + (o if i in done else 0.0)
             for i, (h, o) in enumerate(zip(batch.held, batch.orders, strict=True))]  # fmt: skip
    assert sum(map(abs, after)) <= most * (1 + 1e-12) + 1e-9


@given(batches(), tables, st.sets(st.integers(0, 5)))
def test_net_stays_in_its_limit_whichever_approved_orders_fill(batch, table, filled) -> None:
    """But for orders that only reduce: they pass, wherever they take the rest."""
    adds = {
        i
        for i, (held, order) in enumerate(zip(batch.held, batch.orders, strict=True))
        if not min(held, 0) <= held + order <= max(held, 0)
    }
    most = max(table[LIMIT_NET] * batch.equity, abs(sum(batch.held)))
    done = batch.approved(table) & filled & adds
    net = sum(batch.held) + sum(batch.orders[i] for i in done)
    assert abs(net) <= most * (1 + 1e-12) + 1e-9


# --- losses ---------------------------------------------------------------------------------------

losses = st.one_of(st.floats(0.001, 0.999), st.sampled_from([1.0, 5.0]))


@given(losses, losses, st.integers(-100, 2000), st.integers(1, 2000), st.integers(1, 2000))
def test_halt_names_the_first_loss_beyond_its_limit(drawdown, daily, equity, peak, yesterday):
    peak = max(peak, equity)
    found = limits.halts(bounds(drawdown=drawdown, daily_loss=daily), equity, peak, yesterday)
    fell = Fraction(equity, peak) - 1
    lost = Fraction(equity, yesterday) - 1
    near = 1e-12  # rounding may decide at the very bound
    if found == LIMIT_DRAWDOWN:
        assert drawdown < 1
        assert fell < -drawdown + near
    else:
        assert drawdown >= 1 or fell >= -drawdown - near
    if found == LIMIT_DAILY_LOSS:
        assert daily < 1
        assert lost < -daily + near
    if found == PASSED:
        assert daily >= 1 or lost >= -daily - near


def test_loss_exactly_at_its_limit_does_not_halt() -> None:
    table = bounds(drawdown=0.5, daily_loss=0.25)
    assert limits.halts(table, 500.0, 1000.0, 500.0) == PASSED
    assert limits.halts(table, 499.0, 1000.0, 499.0) == LIMIT_DRAWDOWN
    assert limits.halts(table, 750.0, 1000.0, 1000.0) == PASSED
    assert limits.halts(table, 749.0, 1000.0, 1000.0) == LIMIT_DAILY_LOSS


@given(losses, losses, st.floats(0.01, 1), st.floats(0.01, 1), st.integers(-100, 2000),
       st.integers(1, 2000))  # fmt: skip
def test_tighter_loss_limits_halt_whatever_wider_ones_halt(one, two, first, second, equity, before):
    wide = bounds(drawdown=one, daily_loss=two)
    tight = bounds(drawdown=one * first, daily_loss=two * second)
    if limits.halts(wide, equity, 2000.0, before) != PASSED:
        assert limits.halts(tight, equity, 2000.0, before) != PASSED


@pytest.mark.parametrize(
    ("close", "day"),
    [
        ("2024-03-01T00:00:00.000000001", "2024-03-01"),
        ("2024-03-01T23:59:59.999999999", "2024-03-01"),
        ("2024-03-02T00:00:00", "2024-03-01"),  # midnight belongs to the day that ends there
        ("1970-01-01T00:00:00", "1969-12-31"),
        ("1969-12-31T12:00:00", "1969-12-31"),
    ],
)
def test_day_of_a_close_is_the_utc_day_that_it_ends(close, day) -> None:
    stamp = int(np.datetime64(close, "ns").astype(np.int64))
    assert limits.day_of(stamp) == int(np.datetime64(day, "D").astype(np.int64))


# --- liquidation ----------------------------------------------------------------------------------


@given(
    st.integers(-1000, 1000), st.floats(0.01, 0.9), st.integers(-50_000, 50_000),
    st.integers(0, 50_000),
)  # fmt: skip
def test_liquidation_price_is_where_equity_is_the_maintenance_of_gross(units, m, rest, gross):
    found = limits.liquidation_price(float(units), m, float(rest), float(gross))
    if units == 0:
        assert math.isnan(found)
        return
    exact_m = Fraction(m)
    exact = (exact_m * gross - rest) / (units - exact_m * abs(units))
    if exact <= 0:
        assert math.isnan(found) or found < 1e-9
        return
    assert found == pytest.approx(float(exact), rel=1e-9, abs=1e-9)
    if abs(float(exact)) > 1e-6:
        equity = rest + units * exact
        assert equity == exact_m * (gross + abs(units) * exact)


def test_long_without_debt_and_short_without_equity_have_no_liquidation_price() -> None:
    assert math.isnan(limits.liquidation_price(10.0, 0.25, 100.0, 0.0))
    assert math.isnan(limits.liquidation_price(-10.0, 0.25, -5.0, 0.0))


# --- one figure, and all of an account ------------------------------------------------------------

NAN = math.nan
FIGURES = st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, math.inf])


@given(FIGURES, FIGURES, FIGURES)
def test_figure_exceeds_what_is_below_it_and_was_smaller_before(limit, before, after) -> None:
    assert limits.exceeds(limit, before, after) == (after > max(limit, before))


@pytest.mark.parametrize(
    "figures", [(1.0, 1.0, NAN), (NAN, NAN, 2.0), (NAN, 1.0, 2.0), (1.0, NAN, 2.0)]
)
def test_figure_that_is_no_number_exceeds(figures: tuple[float, float, float]) -> None:
    assert limits.exceeds(*figures)


def test_account_within_its_limit_exceeds_nothing_whatever_was_before() -> None:
    assert not limits.exceeds(1.0, NAN, 1.0)
    assert not limits.exceeds(NAN, 1.0, 1.0)


@pytest.mark.parametrize(
    ("limit", "now", "then", "expected"),
    [(0.25, 75.0, 100.0, False), (0.25, 74.0, 100.0, True), (1.0, 0.0, 100.0, False),
     (0.25, NAN, 100.0, True), (0.25, 100.0, NAN, True), (0.25, 0.0, 0.0, True)],
)  # fmt: skip
def test_loss_is_found_beyond_its_limit_and_where_nothing_is_known(
    limit, now, then, expected
) -> None:
    assert limits.is_lost(limit, now, then) == expected


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [(1, 102.0, False), (1, 102.5, True), (1, 1.0, False), (-1, 98.0, False), (-1, 97.5, True),
     (-1, 1e9, False), (1, NAN, True), (-1, NAN, True)],
)  # fmt: skip
def test_price_is_worse_on_its_own_side_alone(side: int, price: float, expected: bool) -> None:
    assert limits.is_worse(side, price, 100.0, 0.02) == expected


POSITIONS = st.lists(
    st.tuples(st.integers(-50, 50), st.integers(0, 30), st.integers(0, 30), st.integers(1, 20)),
    max_size=6,
)


@given(POSITIONS)
def test_account_is_added_up_at_its_worst(rows) -> None:
    """Every subset of the open orders filled: none is beyond what is added up, one reaches it."""
    held, buying, selling, marks = (
        (np.array(x) for x in zip(*rows, strict=True))
        if rows
        else (np.zeros(0, np.int64) for _ in range(4))
    )
    sums = np.empty(limits.SUMS)
    units = np.ones(len(rows))
    limits.add_up(held, buying, selling, units, marks.astype(float), sums)
    gross = high = low = mine = 0
    for h, b, s, mark in rows:
        ends = [h + x - y for x in (0, b) for y in (0, s)]
        gross += max(map(abs, ends)) * mark
        high, low = high + max(ends) * mark, low + min(ends) * mark
        mine += abs(h) * mark
    assert sums.tolist() == [mine, gross, high, low]


def test_position_without_a_price_is_no_number_in_the_sum_and_a_flat_one_nothing() -> None:
    sums = np.empty(limits.SUMS)
    none, one, price = np.zeros(2, np.int64), np.array([1, 0]), np.array([NAN, 1.0])
    limits.add_up(none, none, none, np.ones(2), price, sums)
    assert sums.tolist() == [0.0] * limits.SUMS
    for books in ((one, none, none), (none, one, none), (none, none, one)):
        limits.add_up(*books, np.ones(2), price, sums)
        assert np.isnan(sums[limits.SUM_GROSS])
