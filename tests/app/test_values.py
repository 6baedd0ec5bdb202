"""Lists in the configuration: rows of a file, one text of the command line, and what is neither."""

from pathlib import Path

import pytest

from peak_trade.app.config import Assignment, configure
from peak_trade.app.settings import Settings
from peak_trade.domain.errors import ConfigError


def value_of(key: str, given: object, *, is_text: bool) -> object:
    override = Assignment(key, given, "--set", is_text=is_text)
    found = configure(Settings, Path("no/such/folder"), environ={}, overrides=[override])
    return found.explain(key).value


@pytest.mark.parametrize(
    ("given", "is_text", "expected"),
    [
        ("0:0.1,60:0.02", True, ((0.0, 0.1), (60.0, 0.02))),
        (" 0 : 0.1 , 60 : 2e-2 ", True, ((0.0, 0.1), (60.0, 0.02))),
        ("0:-1", True, ((0.0, -1.0),)),
        ("", True, ()),
        ([[0, 0.1], [60, 0.02]], False, ((0.0, 0.1), (60.0, 0.02))),
        ([], False, ()),
        ("0:0.1", False, ((0.0, 0.1),)),
    ],
)
def test_pairs_are_read_from_rows_and_from_text(
    given: object, is_text: bool, expected: object
) -> None:
    assert value_of("exits.roi", given, is_text=is_text) == expected


@pytest.mark.parametrize(
    ("given", "is_text", "message"),
    [
        ("5", True, "5 is no pair"),
        ("0:1:2", True, "0:1:2 is no pair"),
        ("0:x", True, "x is not a finite number"),
        ("0:", True, "nothing is not a finite number"),
        ("0:nan", True, "nan is not a finite number"),
        ("0:inf", True, "inf is not a finite number"),
        ([[0]], False, "0 is no pair"),
        ([0, 1], False, "0 is no pair"),
        ([["0", 0.1]], False, "0 is not a finite number"),
        ([[True, 0.1]], False, "True is not a finite number"),
        (5, False, "pairs are expected"),
    ],
)
def test_pairs_that_are_none_are_refused(given: object, is_text: bool, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        value_of("exits.roi", given, is_text=is_text)


@pytest.mark.parametrize(
    ("given", "is_text", "expected"),
    [
        ("0.02", True, 0.02),
        ("spread", True, "spread"),
        (0, False, 0.0),
        (0.5, False, 0.5),
        ("spread", False, "spread"),
    ],
)
def test_half_spread_is_a_number_or_a_feature(
    given: object, is_text: bool, expected: object
) -> None:
    assert value_of("costs.half_spread", given, is_text=is_text) == expected


@pytest.mark.parametrize("given", ["-1", "nan", "inf", ""])
def test_half_spread_that_is_no_number_of_at_least_0_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match=r"costs\.half_spread"):
        value_of("costs.half_spread", given, is_text=True)


def test_half_spread_of_true_is_refused() -> None:
    with pytest.raises(ConfigError, match="a number of at least 0, or a name"):
        value_of("costs.half_spread", True, is_text=False)


@pytest.mark.parametrize(
    ("given", "is_text", "expected"),
    [
        ("kelly", True, ("kelly",)),
        ("kelly; drawdown,limit=0.2", True, ("kelly", "drawdown,limit=0.2")),
        (["kelly", "drawdown,limit=0.2"], False, ("kelly", "drawdown,limit=0.2")),
        ("", True, ()),
        ([], False, ()),
    ],
)
def test_sizers_are_read_from_a_list_and_from_text(
    given: object, is_text: bool, expected: object
) -> None:
    assert value_of("sizing.sizer", given, is_text=is_text) == expected


@pytest.mark.parametrize(
    ("given", "message"), [(["kely"], "did you mean kelly"), (5, "a list of texts"), ([5], "texts")]
)
def test_sizers_that_are_none_are_refused_with_the_configuration(
    given: object, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        value_of("sizing.sizer", given, is_text=False)
