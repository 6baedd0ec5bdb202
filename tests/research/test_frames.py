"""Columns as frames."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from peak_trade.research.frames import frame_of

COLUMNS = {
    "entry_time": np.array([0, 1_700_000_000_123_456_789]),
    "bars": np.array([1, 2]),
    "pnl": np.array([0.5, np.nan]),
    "side": np.array(["long", "short"]),
}


@pytest.mark.parametrize("size", [2, 0])
def test_pandas_frame_has_utc_stamps_to_the_nanosecond(size):
    frame = frame_of({name: values[:size] for name, values in COLUMNS.items()}, "pandas")
    assert isinstance(frame, pd.DataFrame)
    assert str(frame["entry_time"].dtype) == "datetime64[ns, UTC]"
    assert frame["entry_time"].astype("int64").tolist() == COLUMNS["entry_time"][:size].tolist()
    assert (frame["bars"].dtype, frame["pnl"].dtype) == (np.int64, np.float64)


@pytest.mark.parametrize("size", [2, 0])
def test_polars_frame_has_utc_stamps_to_the_nanosecond(size):
    frame = frame_of({name: values[:size] for name, values in COLUMNS.items()}, "polars")
    assert frame.schema == {
        "entry_time": pl.Datetime("ns", "UTC"), "bars": pl.Int64, "pnl": pl.Float64,
        "side": pl.String,
    }  # fmt: skip
    assert frame["entry_time"].dt.epoch("ns").to_list() == COLUMNS["entry_time"][:size].tolist()


def test_frames_of_strided_columns_hold_their_values():
    table = np.arange(6.0).reshape(3, 2)
    assert frame_of({"x": table[:, 1]}, "polars")["x"].to_list() == [1, 3, 5]
    assert frame_of({"x": table[:, 1]}, "pandas")["x"].tolist() == [1, 3, 5]
