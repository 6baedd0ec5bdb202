"""The error tree and its hints."""

import pytest

from peak_trade.domain import errors


@pytest.mark.parametrize("name", ["DataError", "ParameterError", "ConfigError", "StrategyError"])
def test_bad_input_of_any_kind_is_an_input_error(name):
    kind = getattr(errors, name)
    assert issubclass(kind, errors.InputError)
    assert issubclass(kind, errors.PeakTradeError)


def test_broken_books_are_no_input_error():
    assert issubclass(errors.LedgerError, errors.PeakTradeError)
    assert not issubclass(errors.LedgerError, errors.InputError)


def test_error_says_what_was_found_and_what_to_do():
    error = errors.DataError("price -1 at row 3", hint="drop the row", row=3)
    assert (str(error), error.message, error.hint) == (
        "price -1 at row 3; drop the row", "price -1 at row 3", "drop the row",
    )  # fmt: skip
    assert error.fields == {"row": 3}
    assert str(errors.DataError("alone")) == "alone"


@pytest.mark.parametrize(
    ("name", "options", "hint"),
    [
        ("fsat", ["fast", "slow"], "did you mean fast?"),
        ("ma_cros", ["ma_cross", "ema_cross", "rsi"], "did you mean ma_cross or ema_cross?"),
        ("q", ["slow", "fast"], "choose one of fast, slow"),
        ("q", [], "there is none to choose from"),
    ],
)
def test_did_you_mean_names_close_options_or_all(name, options, hint):
    assert errors.did_you_mean(name, options) == hint


def test_did_you_mean_of_many_options_names_the_first_dozen():
    hint = errors.did_you_mean("?", [f"k{i:02}" for i in range(30)])
    assert hint.endswith("k10, k11, ...")
