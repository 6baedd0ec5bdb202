"""Checks of numbers: what passes, and what the refusal says."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.checks import check_amount, check_count, check_fraction, is_number
from peak_trade.domain.errors import ParameterError

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize("value", [0, 1.5, np.float64(2), np.int64(3), NAN])
def test_real_numbers_are_numbers(value) -> None:
    assert is_number(value)


@pytest.mark.parametrize("value", [True, np.True_, "1", None, 1j, Decimal(1), [1.0]])
def test_truth_values_and_texts_are_no_numbers(value) -> None:
    assert not is_number(value)


@given(st.floats(0, 1, exclude_max=True), st.booleans())
def test_fraction_in_its_range_passes(value, zero) -> None:
    if value > 0 or zero:
        check_fraction("Costs", "commission", value, 1.0, zero=zero)


@pytest.mark.parametrize(
    ("value", "top", "zero", "message"),
    [
        (-0.1, 1.0, True, "rate -0.1 of Account is out of range: 0 or more and below 1 expected"),
        (1.0, 1.0, True, "rate 1.0 of Account is out of range: 0 or more and below 1 expected"),
        (0.0, 1.0, False, "rate 0.0 of Account is out of range: above 0 and below 1 expected"),
        (-1, INF, False, "rate -1 of Account is out of range: above 0 expected"),
        (NAN, INF, True, "rate nan of Account is out of range: 0 or more expected"),
        (INF, INF, True, "rate inf of Account is out of range: 0 or more expected"),
        ("0.1", 1.0, True, "rate '0.1' of Account is not a number"),
        (True, 1.0, True, "rate True of Account is not a number"),
        (None, 1.0, True, "rate None of Account is not a number"),
    ],
)
def test_what_is_no_fraction_is_refused_by_name(value, top, zero, message) -> None:
    with pytest.raises(ParameterError) as caught:
        check_fraction("Account", "rate", value, top, zero=zero)
    assert str(caught.value) == f"{message}; fractions are expected: 0.01 is 1 %"


@pytest.mark.parametrize("value", [-1, -1e-300, NAN, INF, "5", None, True])
def test_what_is_no_amount_is_refused_by_name(value) -> None:
    with pytest.raises(ParameterError) as caught:
        check_amount("Account", "fee", value, unit="an amount in dollars")
    assert caught.value.message == f"fee {value!r} of Account is out of range: 0 or more expected"
    assert caught.value.hint == "give an amount in dollars"
    assert caught.value.fields.keys() == {"fee"}


def test_amount_of_zero_is_refused_where_it_must_be_above() -> None:
    check_amount("Account", "fee", 0, unit="dollars")
    with pytest.raises(ParameterError, match=r"fee 0 of Account is out of range: above 0 expected"):
        check_amount("Account", "fee", 0, unit="dollars", zero=False)


@pytest.mark.parametrize("value", [3, 3.0, np.int64(4), 10**30])
def test_whole_number_passes_as_a_count(value) -> None:
    check_count("Account", "bars", value, least=3)


@pytest.mark.parametrize("value", [2, 3.5, NAN, INF, -INF, "3", None, True])
def test_what_is_no_count_is_refused_by_name(value) -> None:
    with pytest.raises(ParameterError) as caught:
        check_count("Account", "bars", value, least=3)
    assert str(caught.value) == (
        f"bars {value!r} of Account is out of range: a whole number of at least 3 expected; "
        "give 3 or more"
    )
