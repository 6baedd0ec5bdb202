"""pandas and polars frames of many shapes give the same bars."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.data.load import load
from peak_trade.domain.errors import DataError

TIMES = pd.date_range("2024-03-08 14:30", periods=4, freq="h", tz="UTC")
VALUES = {
    "open": [1.0, 2.0, 3.0, 4.0],
    "high": [2.0, 3.0, 4.0, 5.0],
    "low": [0.5, 1.5, 2.5, 3.5],
    "close": [1.5, 2.5, 3.5, 4.5],
    "volume": [10.0, 0.0, 5.0, 1.0],
}
EXPECTED = TIMES.astype("datetime64[ns, UTC]").astype("int64").tolist()


@pytest.mark.parametrize(
    "index",
    [
        TIMES,
        TIMES.rename("Date"),
        TIMES.tz_convert("America/New_York"),
        TIMES.tz_convert(timezone(timedelta(hours=-5))),
        TIMES.tz_localize(None),
        TIMES.tz_localize(None).astype("datetime64[s]"),
        TIMES.tz_localize(None).astype("datetime64[ns]"),
    ],
)
def test_pandas_time_index_is_read(index: pd.DatetimeIndex) -> None:
    bars = load(pd.DataFrame(VALUES, index=index))
    assert bars.open_time[:, 0].tolist() == EXPECTED
    assert bars.frame == "pandas"
    assert str(bars.interval) == "1h"
    assert all(getattr(bars, name)[:, 0].tolist() == values for name, values in VALUES.items())


@pytest.mark.parametrize(
    "stamps",
    [
        TIMES.to_series(),
        TIMES.astype(str).to_series(),
        pd.Series([moment.to_pydatetime() for moment in TIMES], dtype=object),
        pd.Series(EXPECTED),
        pd.Series(EXPECTED, dtype="Int64"),
        pd.Series([stamp / 1e9 for stamp in EXPECTED]),
    ],
)
def test_pandas_time_column_is_read(stamps: "pd.Series[str]") -> None:
    bars = load(pd.DataFrame({"Timestamp": stamps.to_numpy(), **VALUES}))
    assert bars.open_time[:, 0].tolist() == EXPECTED


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "Float64", "object", "str", "double[pyarrow]"]
)
def test_pandas_number_types_are_read(dtype: str) -> None:
    frame = pd.DataFrame(VALUES, index=TIMES).astype(dict.fromkeys(VALUES, dtype))
    assert load(frame).close[:, 0].tolist() == VALUES["close"]


def test_pandas_index_of_times_and_symbols_is_a_panel() -> None:
    index = pd.MultiIndex.from_product([TIMES, ["B", "A"]], names=["time", "symbol"])
    frame = pd.DataFrame({"close": np.arange(8.0) + 1}, index=index)
    bars = load(frame)
    assert bars.symbols == ("A", "B")
    assert bars.close[:, 1].tolist() == [1, 3, 5, 7]


def test_pandas_period_index_is_read() -> None:
    index = pd.period_range("2024-01", periods=3, freq="M", name="date")
    bars = load(pd.DataFrame({"close": [1.0, 2.0, 3.0]}, index=index))
    assert str(bars.interval) == "1mo"
    assert str(np.datetime64(int(bars.time[-1]), "ns"))[:10] == "2024-04-01"


def test_pandas_missing_values_are_found() -> None:
    frame = pd.DataFrame({"time": TIMES, **VALUES}).astype({"close": "Float64"})
    frame.loc[2, "close"] = pd.NA
    with pytest.raises(DataError, match=r"close is missing.*at row 2 of pandas frame"):
        load(frame)
    frame.loc[1, "time"] = pd.NaT
    with pytest.raises(DataError, match="no stamp in 'time' at row 1"):
        load(frame)


def test_pandas_column_levels_are_an_error() -> None:
    columns = pd.MultiIndex.from_product([["AAPL"], list(VALUES)])
    frame = pd.DataFrame(np.ones((4, 5)), index=TIMES, columns=columns)
    with pytest.raises(DataError, match="column names of 2 levels"):
        load(frame)


def test_pandas_column_twice_is_an_error() -> None:
    frame = pd.DataFrame(np.ones((4, 2)), index=TIMES, columns=["close", "close"])
    with pytest.raises(DataError, match="two columns of the frame have the same name"):
        load(frame)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_polars_datetimes_are_read(unit: str, zone: str | None) -> None:
    stamps = pl.Series(EXPECTED).cast(pl.Datetime("ns")).cast(pl.Datetime(unit))  # type: ignore[arg-type]
    if zone is not None:
        stamps = stamps.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    bars = load(pl.DataFrame({"ts": stamps, **VALUES}))
    assert bars.open_time[:, 0].tolist() == EXPECTED
    assert bars.frame == "polars"


def test_polars_lazy_and_arrow_frames_are_read() -> None:
    frame = pl.DataFrame({"ts": EXPECTED, **VALUES})
    expected = load(frame).fingerprint
    assert load(frame.lazy()).fingerprint == expected
    assert load(pa.table({"ts": EXPECTED, **VALUES})).fingerprint == expected


def test_polars_decimal_prices_are_read() -> None:
    frame = pl.DataFrame({"ts": EXPECTED, "close": VALUES["close"]})
    bars = load(frame.with_columns(pl.col("close").cast(pl.Decimal(10, 2))))
    assert bars.close[:, 0].tolist() == VALUES["close"]


@pytest.mark.parametrize("source", [3, None, [1.0, 2.0], {"close": [1.0]}])
def test_frame_of_another_kind_is_an_error(source: object) -> None:
    with pytest.raises(DataError, match="is not a source of bars"):
        load(source)  # type: ignore[arg-type]


def test_frame_empty_is_an_error() -> None:
    with pytest.raises(DataError, match="the polars frame is empty"):
        load(pl.DataFrame({"time": [], "close": []}))
    with pytest.raises(DataError, match="the pandas frame is empty"):
        load(pd.DataFrame({"time": [], "close": []}))


PRICE = st.floats(min_value=1e-6, max_value=1e9)
ROWS = st.lists(st.tuples(PRICE, PRICE, PRICE, PRICE, st.floats(0, 1e12)), min_size=1, max_size=20)


@given(rows=ROWS, gaps=st.lists(st.integers(1, 90), min_size=20, max_size=20), pandas=st.booleans())
def test_frame_round_trip_keeps_every_number(
    rows: list[tuple[float, ...]], gaps: list[int], pandas: bool
) -> None:
    start = datetime(2020, 2, 28, tzinfo=UTC)
    minutes = np.cumsum([0, *gaps])[: len(rows)].tolist()
    columns = {
        "time": [start + timedelta(minutes=minute) for minute in minutes],
        "open": [row[0] for row in rows],
        "high": [max(row[:4]) for row in rows],
        "low": [min(row[:4]) for row in rows],
        "close": [row[3] for row in rows],
        "volume": [row[4] for row in rows],
    }
    bars = load(pd.DataFrame(columns) if pandas else pl.DataFrame(columns), interval="1m")
    for name in ("open", "high", "low", "close", "volume"):
        assert getattr(bars, name)[:, 0].tolist() == columns[name]
    base = int(start.timestamp()) * 10**9
    assert bars.open_time[:, 0].tolist() == [base + minute * 60 * 10**9 for minute in minutes]
    assert (bars.time - bars.open_time[:, 0] == 60 * 10**9).all()
