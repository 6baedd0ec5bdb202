"""Records: what tells two apart."""

from dataclasses import fields, replace

import numpy as np
import pytest

from peak_trade.domain.bars import Bars
from peak_trade.domain.record import Fills, OrderCounts, Record
from peak_trade.domain.terms import Terms


def fills(count=2):
    whole = {name: np.arange(count) for name in ("row", "time", "instrument", "lots", "reason")}
    return Fills(
        **whole, **{name: np.arange(count) + 0.5 for name in ("price", "fee", "cash", "slippage")}
    )


def test_fills_of_equal_columns_do_not_differ():
    assert fills().differs_from(fills()) == ""
    assert len(fills(3)) == 3


@pytest.mark.parametrize("column", [column.name for column in fields(Fills)])
def test_fills_that_differ_in_the_last_bit_name_the_column(column):
    values = getattr(fills(), column).copy()
    values[1] = values[1] + 1 if values.dtype.kind == "i" else np.nextafter(values[1], 9.0)
    assert fills().differs_from(replace(fills(), **{column: values})) == column


def test_fills_of_other_lengths_and_signs_of_zero_differ():
    assert fills(2).differs_from(fills(3)) == "row"
    zero = replace(fills(), fee=np.array([0.0, 0.0]))
    assert zero.differs_from(replace(zero, fee=np.array([0.0, -0.0]))) == "fee"


def test_time_of_a_record_is_that_of_the_traded_rows():
    bars = Bars.from_arrays([1.0, 2.0, 3.0, 4.0])
    record = Record(
        bars=bars, start=1, stop=3, terms=Terms(), engine="fast", equity=np.ones(2),
        held=np.zeros(2, bool), fills=fills(0), lots=np.zeros(1, np.int64),
        counts=OrderCounts(0, 0, 0, 0, 0, 0), ruined=False,
    )  # fmt: skip
    assert record.time.tolist() == bars.time[1:3].tolist()
