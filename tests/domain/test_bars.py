"""Bars: what they take, what they refuse, and that they never change."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError
from peak_trade.domain.instrument import Instrument

DAY = 86_400_000_000_000
CLOSE = [10.0, 11.0, 12.0, 11.5]
COLUMNS = ("open", "high", "low", "close", "volume")


def ohlc(**changed):
    columns = {
        "close": [10.0, 11.0, 12.0],
        "open": [9.5, 10.0, 11.0],
        "high": [10.5, 11.5, 12.5],
        "low": [9.0, 9.5, 10.5],
    }
    return Bars.from_arrays(**(columns | changed))


# ---------------------------------------------------------------- what is taken


def test_bars_of_closes_alone_are_close_only_with_daily_stamps():
    bars = Bars.from_arrays(CLOSE)
    assert bars.close.shape == (4, 1)
    assert bars.close_only.tolist() == [True]
    assert bars.time.tolist() == [DAY, 2 * DAY, 3 * DAY, 4 * DAY]
    assert bars.open_time[:, 0].tolist() == [0, DAY, 2 * DAY, 3 * DAY]
    assert np.isnan(bars.volume).all()
    assert bars.symbols == ("A",)
    np.testing.assert_array_equal(bars.fill_time, bars.time[:, None])


def test_bars_with_opens_have_high_and_low_around_open_and_close():
    bars = Bars.from_arrays([10.0, 9.0], open=[9.0, 9.5])
    assert bars.high.ravel().tolist() == [10.0, 9.5]
    assert bars.low.ravel().tolist() == [9.0, 9.0]
    assert not bars.close_only.any()
    assert bars.fill_time is bars.open_time


FRAMES = {
    "list": lambda x: x,
    "integers": lambda x: np.array(x).astype(int),
    "float32": lambda x: np.array(x, np.float32),
    "fortran": lambda x: np.asfortranarray(np.array(x)[:, None]),
    "strided": lambda x: np.repeat(x, 2)[::2],
    "pandas series": pd.Series,
    "pandas frame": lambda x: pd.DataFrame({"close": x}),
    "pandas nullable": lambda x: pd.Series(x, dtype="Float64"),
    "polars series": pl.Series,
    "polars frame": lambda x: pl.DataFrame({"close": x}),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_bars_of_any_array_like_hold_its_numbers(kind):
    prices = [10.0, 11.0, 12.0]
    bars = Bars.from_arrays(FRAMES[kind](prices), open=FRAMES[kind](prices))
    for column in ("open", "close"):
        assert getattr(bars, column).tolist() == [[10.0], [11.0], [12.0]]
        assert getattr(bars, column).flags.c_contiguous


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_bars_of_a_frame_have_one_instrument_a_column(frame):
    bars = Bars.from_arrays(frame({"x": [1.0, 2.0], "y": [3.0, 4.0]}), instruments=["X", "Y"])
    assert bars.close.tolist() == [[1.0, 3.0], [2.0, 4.0]]


STAMPS = {
    "int64": lambda x: x.astype("datetime64[ns]").astype(np.int64),
    "ns": lambda x: x.astype("datetime64[ns]"),
    "seconds": lambda x: x.astype("datetime64[s]"),
    "pandas": pd.DatetimeIndex,
    "pandas in UTC": lambda x: pd.DatetimeIndex(x).tz_localize("UTC"),
    "pandas elsewhere": lambda x: pd.Series(
        pd.DatetimeIndex(x).tz_localize("UTC").tz_convert("Asia/Tokyo")
    ),
    "polars": lambda x: pl.Series(x.astype("datetime64[us]")),
}


@pytest.mark.parametrize("kind", STAMPS)
def test_bars_take_stamps_as_nanoseconds_and_as_datetimes(kind):
    days = np.array(["2024-01-02", "2024-01-03", "2024-01-04"], dtype="datetime64[D]")
    bars = ohlc(time=STAMPS[kind](days))
    assert bars.time.tolist() == days.astype("datetime64[ns]").astype(np.int64).tolist()
    assert repr(bars) == "Bars(arrays: 3 rows x 1 instrument, 1d, 2024-01-01 .. 2024-01-03)"


def test_bars_without_rows_are_empty():
    bars = Bars.from_arrays([])
    assert len(bars) == 0
    assert repr(bars) == "Bars(arrays: 0 rows x 1 instrument, 1d, empty)"


def test_rows_without_a_price_carry_the_last_close_and_are_not_tradable():
    nan = np.nan
    close = np.array([[nan, 5.0], [10.0, nan], [nan, nan], [12.0, 6.0]])
    bars = Bars.from_arrays(close, open=close, volume=np.ones((4, 2)))
    assert bars.tradable.tolist() == [[False, True], [True, False], [False, False], [True, True]]
    for column in ("open", "high", "low", "close"):
        expected = [[nan, 5.0], [10.0, 5.0], [10.0, 5.0], [12.0, 6.0]]
        np.testing.assert_array_equal(getattr(bars, column), expected)
    assert bars.volume.tolist() == [[0, 1], [1, 0], [0, 0], [1, 1]]


def test_rows_that_are_marked_as_filled_lose_the_prices_they_came_with():
    bars = Bars.from_arrays([10.0, 99.0, 12.0], tradable=[True, False, True])
    assert bars.close.ravel().tolist() == [10.0, 10.0, 12.0]
    before = Bars.from_arrays([99.0, 10.0, 12.0], tradable=[False, True, True])
    np.testing.assert_array_equal(before.close.ravel(), [np.nan, 10.0, 12.0])


# ---------------------------------------------------------------- what never changes


@pytest.mark.parametrize("column", [*COLUMNS, "time", "open_time"])
@pytest.mark.parametrize("two_dimensional", [False, True])
def test_changing_the_callers_array_does_not_change_the_bars(column, two_dimensional):
    given = {name: np.array(CLOSE) for name in COLUMNS}
    given["high"] += 2.0
    given["low"] -= 2.0
    given |= {"time": (np.arange(4) + 1) * DAY, "open_time": np.arange(4) * DAY}
    if two_dimensional:
        given = {k: v if k == "time" else v[:, None] for k, v in given.items()}
    bars = Bars.from_arrays(**given)
    before, kept = bars.fingerprint, getattr(bars, column).copy()
    given[column][1:] += 1
    np.testing.assert_array_equal(getattr(bars, column), kept)
    assert Bars.from_arrays(**given).fingerprint != before


def test_changing_the_array_behind_a_read_only_view_does_not_change_the_bars():
    prices = np.array(CLOSE)
    view = prices[:]
    view.flags.writeable = False
    bars = Bars.from_arrays(view)
    prices[0] = 99.0
    assert bars.close[0, 0] == 10.0


def test_changing_a_pandas_series_does_not_change_the_bars():
    prices = pd.Series(CLOSE)
    bars = Bars.from_arrays(prices)
    prices.iloc[0] = 99.0
    assert bars.close[0, 0] == 10.0


def test_read_only_arrays_are_not_copied():
    prices = np.array(CLOSE)
    prices.flags.writeable = False
    assert np.shares_memory(Bars.from_arrays(prices).close, prices)


@pytest.mark.parametrize("name", [*COLUMNS, "time", "open_time", "tradable", "close_only"])
def test_arrays_of_bars_are_read_only(name):
    with pytest.raises(ValueError, match="read-only"):
        getattr(ohlc(), name)[0] = 1


# ---------------------------------------------------------------- what is refused

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"open": [9.5, NAN, 11.0]}, r"open is nan: A at 1970-01-02.*row 1 of arrays"),
        ({"high": [10.5, INF, 12.5]}, r"high is inf: A at 1970-01-02"),
        ({"close": [10.0, INF, 12.0]}, r"close is inf: A at 1970-01-02"),
        ({"close": [10.0, -INF, 12.0]}, r"close is -inf: A at 1970-01-02"),
        ({"low": [9.0, -1.0, 10.5]}, r"low -1.0 is not above zero: A"),
        ({"close": [10.0, 0.0, 12.0]}, r"close 0.0 is not above zero"),
        ({"high": [10.5, 10.5, 12.5]}, r"high is below or low above another price"),
        ({"low": [9.0, 10.5, 10.5]}, r"high is below or low above another price"),
        ({"close": [10.0, NAN, 12.0], "tradable": [1, 1, 1]}, r"close is nan"),
        ({"open": [9.5, 10.0]}, r"open of arrays has shape \(2, 1\), expected \(3, 1\)"),
        ({"volume": np.ones((3, 2))}, r"volume of arrays has shape \(3, 2\)"),
        ({"tradable": [True]}, r"tradable of arrays has shape \(1, 1\)"),
        ({"close": np.ones((3, 1, 1))}, r"close of arrays has shape \(3, 1, 1\)"),
        ({"close": ["a", "b", "c"]}, r"close of arrays is no array of numbers"),
        ({"close": [[1.0], [1.0, 2.0]]}, r"close of arrays is no array of numbers"),
        ({"close": {"a": 1}}, r"close of arrays is no array of numbers"),
        ({"time": [1, 2]}, r"time of arrays has shape \(2,\), expected \(3,\)"),
        ({"time": [3 * DAY, DAY, 2 * DAY]}, r"unsorted close stamp 1970-01-02.* at row 1"),
        ({"time": [DAY, DAY, 2 * DAY]}, r"duplicate close stamp 1970-01-02.* at row 1"),
        ({"time": [1.0, 2.0, 3.0]}, r"time of arrays holds values of float64"),
        ({"time": ["x", "y", "z"]}, r"time of arrays holds values of <U1"),
        ({"time": np.array(["NaT"] * 3, "datetime64[ns]")}, r"holds missing stamps"),
        ({"time": [None] * 3}, r"holds missing stamps|values of object"),
        ({"time": np.ones((3, 1), int)}, r"time of arrays has shape \(3, 1\), expected \(3,\)"),
        ({"open_time": [0, DAY, 4 * DAY]}, r"a bar at row 2 of arrays opens after it closes"),
        ({"instruments": ["X", "Y"]}, r"2 instruments are named for 1 columns"),
        ({"instruments": []}, r"0 instruments are named for 1 columns"),
        ({"instruments": "BTC/USD"}, r"the single 'BTC/USD', expected a sequence"),
        ({"instruments": Instrument("X")}, r"the single Instrument\(.*expected a sequence"),
    ],
)  # fmt: skip
def test_bars_of_bad_input_are_refused_with_what_and_where(changed, message):
    with pytest.raises(DataError, match=message) as caught:
        ohlc(**changed)
    assert caught.value.hint


def test_bars_with_an_instrument_twice_are_refused():
    with pytest.raises(DataError, match="instrument 'X' stands twice in arrays"):
        Bars.from_arrays(np.ones((2, 2)), instruments=["X", "X"])


def test_bars_without_instruments_are_refused():
    with pytest.raises(DataError, match="no instrument"):
        Bars.from_arrays(np.ones((2, 0)))


def test_default_stamps_beyond_the_range_of_nanoseconds_ask_for_times():
    closes = np.ones(106_752)
    with pytest.raises(DataError, match=r"106,752 rows of 1d .* end after 2262.*as time"):
        Bars.from_arrays(closes)
    assert len(Bars.from_arrays(closes[:-1])) == 106_751
    assert len(Bars.from_arrays(closes, interval="1m")) == 106_752


def test_bars_built_whole_with_features_of_another_length_are_refused():
    bars = ohlc()
    parts = {name: getattr(bars, name) for name in (*COLUMNS, "time", "open_time", "tradable")}
    rest = {"instruments": bars.instruments, "interval": bars.interval}
    with pytest.raises(DataError, match=r"feature 'vix' of bars has shape \(2,\), expected \(3,\)"):
        Bars(**parts, **rest, close_only=bars.close_only, features={"vix": np.ones(2)})
    with pytest.raises(DataError, match=r"close_only of bars has shape \(2,\), expected \(1,\)"):
        Bars(**parts, **rest, close_only=np.zeros(2, bool))


# ---------------------------------------------------------------- rows and columns


def panel():
    return Bars.from_arrays(
        np.arange(1.0, 13.0).reshape(4, 3), instruments=["X", "Y", "Z"], name="panel"
    )


def test_slice_of_bars_is_a_view_of_its_rows():
    bars = panel()
    part = bars[1:3]
    assert np.shares_memory(part.close, bars.close)
    assert part.close.tolist() == [[4, 5, 6], [7, 8, 9]]
    assert part.time.tolist() == bars.time[1:3].tolist()
    assert part.memory is not bars.memory
    assert part.fingerprint != bars.fingerprint
    assert bars[:].fingerprint == bars.fingerprint


@pytest.mark.parametrize("rows", [0, "X", slice(None, None, 2), slice(None, None, -1), (0, 1)])
def test_bars_take_slices_without_a_step_alone(rows):
    with pytest.raises(DataError, match="slice of rows without a step"):
        panel()[rows]


def test_select_gives_columns_in_the_order_named():
    chosen = panel().select("Z", "X")
    assert chosen.symbols == ("Z", "X")
    assert chosen.close.tolist() == [[3, 1], [6, 4], [9, 7], [12, 10]]
    assert chosen.close.flags.c_contiguous


def test_select_of_unknown_repeated_or_no_symbols_is_refused():
    with pytest.raises(DataError, match="'W' is not in panel"):
        panel().select("W")
    with pytest.raises(DataError, match="'X' stands twice"):
        panel().select("X", "X")
    with pytest.raises(DataError, match="no instrument of panel was named"):
        panel().select()


# ---------------------------------------------------------------- facts


def test_fingerprint_changes_with_every_value_stamp_and_rule_but_not_with_the_name():
    base = ohlc()
    assert ohlc(name="other", frame="pandas").fingerprint == base.fingerprint
    others = [
        ohlc(close=[10.0, 11.0, np.nextafter(12.0, 13.0)]),
        ohlc(volume=[1.0, 1.0, 1.0]),
        ohlc(time=(np.arange(3) + 2) * DAY),
        ohlc(open_time=np.arange(3) * DAY - 1),
        ohlc(instruments=["B"]),
        ohlc(instruments=[Instrument("A", tick=0.5)]),
        ohlc(interval="2d", time=base.time),
        Bars.from_arrays([10.0, 11.0, 12.0]),
    ]
    prints = {bars.fingerprint for bars in (base, *others)}
    assert len(prints) == len(others) + 1
    assert all(len(text) == 16 for text in prints)


def test_fingerprint_is_the_same_for_equal_numbers_of_any_type():
    given = [Instrument("A", tick=tick, lot=1, min_notional=0) for tick in (1, 1.0, np.float64(1))]
    assert len({ohlc(instruments=[instrument]).fingerprint for instrument in given}) == 1


def test_bars_that_overlap_are_not_aligned():
    assert ohlc().is_aligned
    overlapping = ohlc(open_time=np.array([0, DAY, DAY]))
    assert not overlapping.is_aligned
    unreal = ohlc(open_time=np.array([0, DAY, DAY]), tradable=[True, True, False])
    assert unreal.is_aligned


def test_last_open_is_that_of_the_last_rows_real_bars():
    opened = np.array([[0, 0], [-5, DAY]])
    close = np.array([[1.0, 1.0], [np.nan, 1.0]])
    bars = Bars.from_arrays(close, open_time=opened)
    assert (bars.first_open, bars.last_open) == (0, DAY)


def test_bars_per_year_are_those_of_the_busiest_calendar():
    both = [Instrument("A", calendar="XNYS"), Instrument("B", calendar="24/7")]
    bars = Bars.from_arrays(np.ones((2, 2)), instruments=both, interval=Interval.parse("1h"))
    assert bars.bars_per_year == 365 * 24
    assert bars.select("A").bars_per_year == 252 * 6.5
