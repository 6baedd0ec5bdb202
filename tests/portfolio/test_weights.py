"""What a strategy may return, and what is refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import StrategyError
from peak_trade.portfolio.weights import target_array

ONE = Bars.from_arrays([10.0, 11.0, 12.0])
TWO = Bars.from_arrays(np.full((3, 2), 10.0))
WIDE = np.array([[0, 1], [1, 0], [0, 0]])


class Gives:
    def __init__(self, value):
        self.value = value

    def targets(self, bars):
        return self.value


@pytest.mark.parametrize(
    "value",
    [
        [0, 1, 0],
        np.array([0, 1, 0]),
        np.array([[0], [1], [0]], dtype=np.int8),
        np.array([0, 1, 0], dtype=np.float32),
        pd.Series([0.0, 1.0, 0.0]),
        pd.DataFrame({"a": [0, 1, 0]}),
        pl.Series([0.0, 1.0, 0.0]),
        pl.DataFrame({"a": [0.0, 1.0, 0.0]}),
    ],
)
def test_target_array_of_one_instrument_is_a_column_of_floats(value):
    found = target_array(Gives(value), ONE)
    assert found.dtype == np.float64
    assert found.tolist() == [[0.0], [1.0], [0.0]]


@pytest.mark.parametrize("wrap", [list, np.asarray, np.asfortranarray, pd.DataFrame, pl.DataFrame])
def test_target_array_of_a_panel_is_contiguous(wrap):
    found = target_array(Gives(wrap(WIDE)), TWO)
    assert found.flags.c_contiguous
    assert not found.flags.writeable
    np.testing.assert_array_equal(found, WIDE)


def test_target_array_of_bools_stays_bool_and_is_not_copied():
    value = np.array([True, False, True])
    found = target_array(Gives(value), ONE)
    assert found.dtype == np.bool_
    assert np.shares_memory(found, value)
    assert value.flags.writeable


def test_target_array_keeps_nan():
    assert np.isnan(target_array(Gives([np.nan, 0.5, np.nan]), ONE)).sum() == 2


@pytest.mark.parametrize(
    ("value", "bars", "message"),
    [
        ([1.0, 0.0], ONE, r"targets of Gives have shape \(2,\), expected \(3,\) or \(3, 1\)"),
        ([1.0, 0.0, 1.0], TWO, r"have shape \(3,\), expected \(3, 2\)"),
        (WIDE.T, TWO, r"have shape \(2, 3\), expected \(3, 2\)"),
        (1.0, ONE, r"have shape \(\)"),
        (None, ONE, "are None, expected bool, integer or float"),
        (["buy", "sell", "buy"], ONE, "a list of <U4"),
        (pl.Series([True, None, False]), ONE, "a Series of object"),
        ([1j, 0, 0], ONE, "complex"),
        ([0.0, np.inf, 0.0], ONE, r"target inf of Gives for A at 1970-01-03T.* \(row 1\)"),
        (np.where(WIDE, -np.inf, 0), TWO, r"target -inf of Gives for B at .* \(row 0\)"),
    ],
)
def test_target_array_of_what_cannot_be_traded_says_why(value, bars, message):
    with pytest.raises(StrategyError, match=message):
        target_array(Gives(value), bars)
