"""Whatever would break a backtest is an error that names row and value."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.data.load import load
from peak_trade.domain.errors import DataError

GOOD: dict[str, list[float]] = {
    "time": [0, 60, 120, 180],
    "open": [10, 11, 12, 13],
    "high": [12, 13, 14, 15],
    "low": [9, 10, 11, 12],
    "close": [11, 12, 13, 14],
    "volume": [1, 2, 0, 4],
}


def spoilt(column: str, row: int, value: float | None) -> pl.DataFrame:
    values: list[float | None] = list(GOOD[column])
    values[row] = value
    return pl.DataFrame({**GOOD, column: values}, strict=False)


def test_good_rows_are_taken() -> None:
    assert len(load(pl.DataFrame(GOOD))) == 4


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, "is missing (NaN)"),
        (float("nan"), "is missing (NaN)"),
        (0.0, "is 0.0"),
        (-3.5, "is -3.5"),
        (float("inf"), "is inf"),
    ],
)
def test_price_not_above_zero_is_an_error(column: str, value: float | None, found: str) -> None:
    with pytest.raises(DataError) as caught:
        load(spoilt(column, 2, value))
    where = "at row 2 of polars frame (asset, 1970-01-01T00:02:00)"
    assert f"{column} {found} {where}" in str(caught.value)
    assert caught.value.fields["row"] == 2


@pytest.mark.parametrize(
    ("column", "value"), [("high", 10.5), ("low", 11.5), ("open", 50.0), ("close", 1.0)]
)
def test_bar_inconsistent_is_an_error(column: str, value: float) -> None:
    with pytest.raises(DataError, match=f"inconsistent bar: .*{column} {value}.* at row 1"):
        load(spoilt(column, 1, value))


def test_stamp_twice_is_an_error() -> None:
    with pytest.raises(DataError, match="duplicate stamp at row 2 of polars frame"):
        load(spoilt("time", 2, 60))


def test_stamps_unsorted_are_an_error() -> None:
    with pytest.raises(DataError, match=r"unsorted stamps.* at row 3 of polars frame"):
        load(spoilt("time", 3, 90))


def test_stamps_from_new_to_old_are_hinted() -> None:
    with pytest.raises(DataError, match="from new to old: turn them round"):
        load(pl.DataFrame(GOOD).reverse())


@pytest.mark.parametrize("value", [-1.0, float("inf")])
def test_volume_negative_is_an_error(value: float) -> None:
    with pytest.raises(DataError, match=f"volume is {value} at row 3"):
        load(spoilt("volume", 3, value))


def test_volume_unknown_is_fine() -> None:
    assert np.isnan(load(spoilt("volume", 1, None)).volume[1, 0])
    assert np.isnan(load(pl.DataFrame(GOOD).drop("volume")).volume).all()
    empty = pl.DataFrame(GOOD).with_columns(volume=pl.lit(None))
    assert np.isnan(load(empty).volume).all()


def test_panel_error_names_symbol_and_row_of_the_file() -> None:
    frame = pl.DataFrame(
        {"time": [0, 0, 60, 60], "symbol": ["B", "A", "B", "A"], "close": [1.0, 2.0, 3.0, -4.0]}
    )
    with pytest.raises(DataError, match=r"close is -4\.0 at row 3 of polars frame \(A, "):
        load(frame)


def test_boolean_prices_are_an_error() -> None:
    with pytest.raises(DataError, match="'close' of polars frame is Boolean, not numbers"):
        load(pl.DataFrame({"time": [0, 60], "close": [True, True]}))


@given(
    row=st.integers(0, 3),
    column=st.sampled_from(["open", "high", "low", "close"]),
    value=st.one_of(st.floats(max_value=0), st.just(float("nan")), st.just(float("inf"))),
)
def test_price_that_no_market_quotes_never_passes(row: int, column: str, value: float) -> None:
    with pytest.raises(DataError):
        load(spoilt(column, row, value))
