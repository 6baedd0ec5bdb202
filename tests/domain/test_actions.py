"""Actions: what they take, what they refuse, how they are kept, and which fit given bars."""

import dataclasses
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.actions import (
    Actions,
    Delisting,
    Dividend,
    FundingRate,
    StockSplit,
    check_actions,
)
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import DataError, InputError

DAY = 86_400_000_000_000
MADE = {
    Dividend: {"amount": 0.5},
    StockSplit: {"numerator": 7, "denominator": 1},
    Delisting: {"price": 3.0},
    FundingRate: {"rate": -0.0001, "mark": 100.0},
}


def made(kind, **changed):
    return kind(**({"symbol": "A", "time_ns": DAY} | MADE[kind] | changed))


def panel():
    """A has bars on days 0 to 3, B on days 2 and 3, C none."""
    gone = float("nan")
    closes = [[10.0, gone, gone], [11.0, gone, gone], [12.0, 5.0, gone], [13.0, 6.0, gone]]
    return Bars.from_arrays(closes, instruments=["A", "B", "C"], name="three stocks")


# ---------------------------------------------------------------- single actions


@pytest.mark.parametrize("kind", MADE)
def test_action_of_numpy_numbers_equals_one_of_plain_numbers(kind):
    values = {
        name: np.int64(value) if isinstance(value, int) else np.float64(value)
        for name, value in MADE[kind].items()
    }
    from_numpy = kind("A", np.int64(DAY), **values)
    assert repr(from_numpy) == repr(made(kind))
    assert hash(from_numpy) == hash(made(kind))


@pytest.mark.parametrize("kind", MADE)
def test_action_is_frozen(kind):
    with pytest.raises(dataclasses.FrozenInstanceError):
        made(kind).time_ns = 0


@pytest.mark.parametrize(
    ("kind", "changed", "message"),
    [
        (Dividend, {"amount": -0.1}, "amount -0.1 of the dividend of A at 1970-01-02"),
        (Dividend, {"amount": float("nan")}, "amount nan .*: a finite number expected"),
        (Dividend, {"amount": None}, "amount None .*: a finite number expected"),
        (Dividend, {"amount": True}, "amount True .*: a finite number expected"),
        (Dividend, {"symbol": ""}, "a dividend has the symbol ''"),
        (Dividend, {"symbol": 7}, "a dividend has the symbol 7"),
        (Dividend, {"time_ns": 1.5}, "time_ns 1.5 of the dividend of A is no whole number"),
        (Dividend, {"time_ns": 2**63}, "time_ns 9223372036854775808 .* between 1677 and 2262"),
        (StockSplit, {"numerator": 0}, "numerator 0 of the split of A .*: 1 or more expected"),
        (StockSplit, {"denominator": -2}, "denominator -2 of the split of A .*: 1 or more"),
        (StockSplit, {"numerator": 1.5}, "numerator 1.5 of the split of A is no whole number"),
        (StockSplit, {"denominator": True}, "denominator True of the split of A is no whole"),
        (Delisting, {"price": -1.0}, "price -1.0 of the delisting of A .*: 0 or more expected"),
        (Delisting, {"price": float("inf")}, "price inf of the delisting"),
        (FundingRate, {"rate": float("nan")}, "rate nan of the funding rate of A"),
        (FundingRate, {"mark": 0.0}, "mark 0.0 of the funding rate .*: a price above 0 expected"),
        (FundingRate, {"mark": -1.0}, "mark -1.0 of the funding rate of A"),
    ],
)
def test_action_with_a_wrong_value_is_refused_with_its_place(kind, changed, message):
    with pytest.raises(DataError, match=message) as caught:
        made(kind, **changed)
    assert caught.value.hint


@pytest.mark.parametrize("kind", [Delisting, FundingRate])
def test_action_without_its_optional_price_keeps_none(kind):
    name = "price" if kind is Delisting else "mark"
    assert getattr(made(kind, **{name: None}), name) is None


# ---------------------------------------------------------------- collections


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 4)), unique=True, max_size=15))
def test_actions_in_any_order_are_kept_by_time_then_symbol(keys):
    actions = Actions.of(FundingRate(symbol, time_ns, 0.1) for symbol, time_ns in keys)
    assert [(a.time_ns, a.symbol) for a in actions] == sorted((t, s) for s, t in keys)
    assert actions == Actions.of(reversed(actions.rows))
    assert actions.fingerprint == Actions.of(reversed(actions.rows)).fingerprint


def test_actions_of_one_symbol_and_time_stay_in_the_order_given():
    split, dividend = made(StockSplit), made(Dividend)
    assert Actions.of([split, dividend]).rows == (split, dividend)
    assert Actions.of([dividend, split]).rows == (dividend, split)


@pytest.mark.parametrize("kind", MADE)
def test_actions_with_the_same_one_twice_are_refused(kind):
    with pytest.raises(DataError, match=r"of A at 1970-01-02T\S+ stands twice"):
        Actions.of([made(kind), made(kind)])


def test_actions_with_two_ratios_at_one_time_are_refused():
    with pytest.raises(DataError, match=r"the split of A at .* stands twice"):
        Actions.of([made(StockSplit), made(StockSplit, numerator=2)])


def test_actions_with_a_regular_and_a_special_dividend_keep_both():
    assert len(Actions.of([made(Dividend), made(Dividend, amount=5.0)])) == 2


def test_actions_with_something_else_are_refused():
    with pytest.raises(DataError, match="'dividend' is no action"):
        Actions.of(["dividend"])


def test_actions_between_includes_both_ends_and_symbols_may_be_unknown():
    actions = Actions.of(made(Dividend, time_ns=day * DAY) for day in range(5))
    assert [a.time_ns // DAY for a in actions.between(DAY, 3 * DAY)] == [1, 2, 3]
    assert len(actions.for_symbols("B")) == 0
    assert actions.for_symbols("B", "A") == actions
    assert actions.symbols == ("A",)


def test_actions_repr_counts_kinds():
    actions = Actions.of([made(Dividend), made(StockSplit, time_ns=3 * DAY)])
    assert repr(actions) == "Actions(1 Dividend, 1 StockSplit, 1970-01-02 .. 1970-01-04)"
    assert repr(Actions()) == "Actions(none)"


def test_fingerprint_when_any_field_changes_changes():
    one = [made(kind) for kind in MADE]
    prints = {Actions.of(one).fingerprint, Actions().fingerprint, Actions.of(one[1:]).fingerprint}
    for i, action in enumerate(one):
        for field, value in (("time_ns", 5), ("symbol", "B")):
            changed = dataclasses.replace(action, **{field: value})
            prints.add(Actions.of([*one[:i], changed, *one[i + 1 :]]).fingerprint)
    assert len(prints) == 3 + 2 * len(one)
    assert all(re.fullmatch("[0-9a-f]{16}", value) for value in prints)


def test_fingerprint_in_another_process_is_the_same():
    code = (
        "from peak_trade.domain.actions import Actions, Dividend;"
        "print(Actions.of([Dividend('A', 5, 0.5)]).fingerprint)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == Actions.of([Dividend("A", 5, 0.5)]).fingerprint


# ---------------------------------------------------------------- against bars


def test_check_actions_given_those_of_the_bars_gives_them_back():
    actions = Actions.of([made(Dividend, time_ns=0), made(StockSplit, symbol="B", time_ns=2 * DAY)])
    assert check_actions(actions, panel()) == actions


def test_check_actions_before_the_series_starts_names_symbol_date_and_first_bar():
    early = Actions.of([made(Dividend, symbol="B", time_ns=2 * DAY - 1)])
    with pytest.raises(InputError) as caught:
        check_actions(early, panel())
    assert str(caught.value) == (
        "the dividend of B at 1970-01-02T23:59:59.999999999 lies before its first bar in three "
        "stocks, which opens at 1970-01-03T00:00:00.000000000; load earlier bars, or leave it out "
        "with actions.within(bars)"
    )


def test_check_actions_of_an_unknown_symbol_suggests_the_near_one():
    bars = Bars.from_arrays([1.0, 2.0], instruments=["AAPL"])
    with pytest.raises(InputError, match=r"dividend of APPL .* of no instrument .*mean AAPL"):
        check_actions(Actions.of([made(Dividend, symbol="APPL")]), bars)


def test_check_actions_of_an_instrument_without_bars_is_refused():
    with pytest.raises(InputError, match=r"dividend of C at .* but there is no bar of it"):
        check_actions(Actions.of([made(Dividend, symbol="C")]), panel())


def test_check_actions_at_or_after_the_last_close_leaves_them_out():
    last, end = made(Dividend, time_ns=4 * DAY - 1), made(Dividend, time_ns=4 * DAY)
    assert check_actions(Actions.of([last, end]), panel()).rows == (last,)


@given(st.lists(st.tuples(st.sampled_from("ABCX"), st.integers(-2, 6)), unique=True, max_size=20))
def test_within_gives_exactly_what_check_actions_takes(keys):
    bars = panel()
    actions = Actions.of(FundingRate(symbol, day * DAY, 0.1) for symbol, day in keys)
    kept = actions.within(bars)
    assert check_actions(kept, bars) == kept
    for action in actions:
        if action not in kept.rows:
            try:
                assert len(check_actions(Actions.of([action]), bars)) == 0
            except DataError:
                continue


def test_within_of_empty_bars_is_empty():
    bars = panel()[:0]
    assert len(Actions.of([made(Dividend)]).within(bars)) == 0
