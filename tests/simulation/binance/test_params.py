"""Parameters are read as what they should be, or refused in Binance's words."""

from decimal import Decimal

import pytest

from peak_trade.simulation.binance.params import Params
from peak_trade.simulation.binance.refusals import Refusal


def _refused(call: object) -> tuple[int, str]:
    assert callable(call)
    with pytest.raises(Refusal) as refused:
        call()
    return refused.value.code, refused.value.message


def test_params_give_numbers_flags_and_defaults() -> None:
    params = Params([("limit", "5"), ("price", "0.10"), ("flag", "TRUE"), ("name", "a.B:/_-1")])

    assert params.whole("limit", 9) == 5
    assert params.whole("other", 9) == 9
    assert params.whole("limit", 9, most=3, is_capped=True) == 3
    assert params.decimal("price") == Decimal("0.10")
    assert params.decimal("other") is None
    assert params.is_true("flag")
    assert not params.is_true("other")
    assert params.client_id("name") == "a.B:/_-1"


def test_params_that_cannot_be_read_are_refused_in_the_documented_words() -> None:
    params = Params(
        [("empty", ""), ("price", "1e-5"), ("limit", "-1"), ("id", "a b"), ("huge", "9" * 20)]
    )

    assert _refused(lambda: params.text("empty")) == (-1105, "Parameter 'empty' was empty.")
    assert _refused(lambda: params.need("empty")) == (
        -1102, "Mandatory parameter 'empty' was not sent, was empty/null, or malformed.",
    )  # fmt: skip
    assert _refused(lambda: params.decimal("price")) == (
        -1100,
        r"Illegal characters found in parameter 'price'; legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'.",
    )
    assert _refused(lambda: params.whole("limit", 1))[0] == -1100
    assert _refused(lambda: params.client_id("id"))[0] == -1100
    assert _refused(lambda: params.whole("huge", 1)) == (-1108, "Parameter 'huge' overflowed.")
    assert _refused(lambda: Params([("a", "1"), ("a", "2")]))[0] == -1101


def test_params_beyond_those_that_a_request_takes_are_refused() -> None:
    params = Params([("symbol", "A"), ("limit", "1"), ("more", "1")])

    params.check_known({"symbol", "limit", "more", "other"}, is_signed=False)
    assert _refused(lambda: params.check_known({"symbol", "limit"}, is_signed=False)) == (
        -1101, "Too many parameters; expected '2' and received '3'.",
    )  # fmt: skip
    assert _refused(lambda: params.check_known({"symbol"}, is_signed=True)) == (
        -1104, "Not all sent parameters were read; read '1' parameter(s) but was sent '3'.",
    )  # fmt: skip
