"""Exits as they are declared: ranges, tables, and what contradicts itself."""

import math

import pytest

from peak_trade.domain.errors import ParameterError
from peak_trade.domain.exits import Exits

NAN, INF = math.nan, math.inf


def refusal(**given) -> str:
    with pytest.raises(ParameterError) as caught:
        Exits(**given)
    assert caught.value.hint
    return str(caught.value)


@pytest.mark.parametrize("name", ["stop_loss", "trailing", "trailing_after"])
@pytest.mark.parametrize("value", [0, -0.1, 1, 1.5, NAN, INF, "0.1", True])
def test_distance_below_the_price_out_of_range_is_refused(name, value) -> None:
    beside = {"trailing": 0.1, "trailing_offset": 0.1} if name == "trailing_after" else {}
    assert f"{name} {value!r} of Exits is" in refusal(**{**beside, name: value})


@pytest.mark.parametrize(
    "name",
    ["take_profit", "trailing_arm", "trailing_offset", "break_even", "stop_atr", "take_atr",
     "trailing_atr"],
)  # fmt: skip
@pytest.mark.parametrize("value", [0, -0.1, NAN, INF, "0.1", True])
def test_profit_or_multiple_out_of_range_is_refused(name, value) -> None:
    assert f"{name} {value!r} of Exits is" in refusal(**{name: value})


@pytest.mark.parametrize("name", ["max_bars", "atr_window"])
@pytest.mark.parametrize("value", [0, -1, 1.5, NAN, INF, "3", True])
def test_number_of_bars_out_of_range_is_refused(name, value) -> None:
    said = refusal(**{name: value})
    assert said.startswith(f"{name} {value!r} of Exits is out of range: a whole number of at least")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"roi": 5}, "roi 5 is not a table of pairs; give pairs of minutes and profit"),
        ({"roi": (0, 0.1)}, "roi (0, 0.1) is not a table of pairs"),
        ({"roi": {0: 0.1}}, "roi {0: 0.1} is not a table of pairs"),
        ({"roi": ((0,),)}, "roi ((0,),) is not a table of pairs"),
        ({"roi": ((0, "a"),)}, "is not a table of pairs"),
        ({"roi": ((0, NAN),)}, "roi ((0, nan),) is not finite; give finite numbers"),
        ({"roi": ((INF, 0.1),)}, "is not finite"),
        ({"roi": ((60, 0.1), (0, 0.2))}, "does not ascend; sort by minutes, and give each once"),
        ({"roi": ((60, 0.1), (60, 0.2))}, "does not ascend"),
        ({"roi": ((-1, 0.1),)}, "roi entry (-1, 0.1) is out of range; give minutes of 0 or more"),
        ({"roi": ((0, -1.1),)}, "roi entry (0, -1.1) is out of range"),
        ({"partials": None}, "partials None is not a table of pairs; give pairs of profit and"),
        ({"partials": ((0.2, 0.1), (0.1, 0.1))}, "does not ascend; sort by profit"),
        ({"partials": ((0, 0.1),)}, "profit of partials 0.0 of Exits is out of range: above 0"),
        ({"partials": ((0.1, 0),)}, "share of partials 0.0 of Exits is out of range"),
        ({"partials": ((0.1, 1),)}, "share of partials 1.0 of Exits is out of range"),
        ({"partials": ((0.1, 0.5), (0.2, 0.5))}, "shares of partials add up to 1, less than 1"),
    ],
)
def test_table_that_is_ill_formed_is_refused(given, message) -> None:
    assert message in refusal(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stop_loss": 0.1, "stop_atr": 2}, "both stop_loss and stop_atr are given; drop one of"),
        ({"take_profit": 0.1, "take_atr": 2}, "both take_profit and take_atr are given"),
        ({"trailing": 0.1, "trailing_atr": 2}, "both trailing and trailing_atr are given"),
        ({"trailing": 0.1, "trailing_offset": 0.1}, "given together, and one is missing"),
        ({"trailing": 0.1, "trailing_after": 0.1}, "given together, and one is missing"),
        ({"trailing_arm": 0.1}, "trailing_arm is given without a trailing stop; give trailing too"),
        (
            {"stop_loss": 0.1, "trailing_offset": 0.1, "trailing_after": 0.1},
            "trailing_offset is given without a trailing stop",
        ),
        (
            {"take_profit": 0.1, "partials": ((0.1, 0.5),)},
            "a partial take-profit lies at or beyond take_profit 0.1; partial profits come before",
        ),
        ({"reentry": "zer"}, "reentry 'zer' is not known; did you mean zero?"),
        ({"reentry": None}, "reentry None is not known; choose one of stated, zero"),
        ({"convention": "favorable"}, "convention 'favorable' is not known; did you mean favour"),
    ],
)
def test_exits_that_contradict_one_another_are_refused(given, message) -> None:
    assert message in refusal(**given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("partials", ((0.1, 0.5),)),
        ("break_even", 0.05),
        ("stop_atr", 2.0),
        ("take_atr", 2.0),
        ("trailing_atr", 2.0),
    ],
)
def test_what_the_freqtrade_convention_does_not_read_is_refused(name, value) -> None:
    said = refusal(convention="freqtrade", **{name: value})
    assert (
        said == f"the freqtrade convention knows no {name}; drop {name}, or take convention adverse"
    )


@pytest.mark.parametrize(
    ("given", "are_set", "have_levels", "need_atr", "are_plain"),
    [
        ({}, False, False, False, True),
        ({"stop_loss": 0.1, "take_profit": 2.5, "reentry": "stated"}, True, True, False, True),
        ({"atr_window": 5}, False, False, False, True),
        ({"max_bars": 3}, True, False, False, False),
        ({"roi": ((0, -1),)}, True, True, False, False),
        ({"partials": ((0.1, 0.5),)}, True, True, False, False),
        ({"break_even": 0.1}, True, True, False, False),
        ({"trailing_atr": 2.0}, True, True, True, False),
        ({"stop_loss": 0.1, "convention": "favourable"}, True, True, False, False),
    ],
)
def test_exits_say_what_they_ask_for(given, are_set, have_levels, need_atr, are_plain) -> None:
    exits = Exits(**given)
    found = (exits.are_set, exits.have_levels, exits.need_atr, exits.are_plain)
    assert found == (are_set, have_levels, need_atr, are_plain)


def test_tables_given_as_lists_are_kept_as_floats() -> None:
    exits = Exits(roi=[[0, 1], [60, 0]], partials=[[1, 0.5]])  # type: ignore[arg-type]
    assert exits.roi == ((0.0, 1.0), (60.0, 0.0))
    assert hash(exits) == hash(Exits(roi=((0.0, 1.0), (60.0, 0.0)), partials=((1.0, 0.5),)))
    assert all(type(x) is float for pair in (*exits.roi, *exits.partials) for x in pair)


def test_window_written_as_a_float_counts_in_whole_bars() -> None:
    assert repr(Exits(stop_atr=2.0, atr_window=14.0).atr_window) == "14"
