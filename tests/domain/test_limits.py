"""Limits and margin as they are declared."""

import math
from dataclasses import fields

import pytest

from peak_trade.domain.errors import ParameterError
from peak_trade.domain.limits import Limits, Margin

NAN, INF = math.nan, math.inf
NAMES = [field.name for field in fields(Limits) if field.name != "flatten"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, -0.5, NAN, INF, "1", None, True])
def test_limit_that_is_not_above_zero_is_refused(name, value) -> None:
    with pytest.raises(ParameterError) as caught:
        Limits(**{name: value})
    assert str(caught.value) == (
        f"{name} {value!r} of Limits is out of range: above 0 expected; give a limit above 0"
    )


@pytest.mark.parametrize("value", ["no", 1, None])
def test_flatten_that_is_no_truth_value_is_refused(value) -> None:
    with pytest.raises(ParameterError, match=r"flatten .* of Limits is neither True nor False"):
        Limits(flatten=value)


@pytest.mark.parametrize("name", NAMES)
def test_any_limit_below_its_default_is_not_wide(name) -> None:
    limits = Limits(**{name: getattr(Limits(), name) / 2})
    assert not limits.are_wide
    assert limits.halt == (name in ("max_daily_loss", "max_drawdown"))


def test_limits_are_wide_by_default_whether_or_not_a_halt_would_flatten() -> None:
    assert Limits().are_wide
    assert Limits(flatten=True).are_wide
    assert not Limits().halt


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_leverage": 0}, "max_leverage 0 of Margin is out of range: above 0 expected"),
        ({"max_leverage": INF}, "max_leverage inf of Margin is out of range"),
        ({"max_leverage": 0.5}, "max_leverage 0.5 with a maintenance of 0.25 is not possible"),
        ({"maintenance": 0}, "maintenance 0 of Margin is out of range: above 0 and below 1"),
        ({"maintenance": 1.0}, "maintenance 1.0 of Margin is out of range"),
        ({"rate": -0.1}, "rate -0.1 of Margin is out of range: 0 or more expected"),
        ({"liquidation_fee": 1}, "liquidation_fee 1 of Margin is out of range"),
        ({"liquidation_fee": "x"}, "liquidation_fee 'x' of Margin is not a number"),
        (
            {"max_leverage": 4, "maintenance": 0.25},
            "max_leverage 4 with a maintenance of 0.25 is not possible: 1 <= max_leverage < 1 / m",
        ),
    ],
)
def test_margin_that_is_not_possible_is_refused(given, message) -> None:
    with pytest.raises(ParameterError) as caught:
        Margin(**given)
    assert str(caught.value).startswith(message)


def test_margin_just_below_what_maintenance_forbids_is_taken() -> None:
    assert Margin(max_leverage=3.99, maintenance=0.25).max_leverage == 3.99
    assert Margin(max_leverage=1).max_leverage == 1
