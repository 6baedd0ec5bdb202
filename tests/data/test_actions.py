"""Actions from files and frames: the shapes that are read, and what is refused with its row."""

import gzip
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.data.actions import load_actions, split_ratio
from peak_trade.domain.actions import Delisting, Dividend, FundingRate, StockSplit
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import DataError, ParameterError

HOUR = 3_600_000_000_000


def ns(text):
    return int(np.datetime64(text, "ns").astype(np.int64))


def rows(**columns):
    return pl.DataFrame(columns)


LONG = """ex_date,Ticker,type,value,price
2014-06-09,AAPL,Split,7:1,
2014-05-08,AAPL,Dividend,3.29,
2008-09-17,LEH,delisted,,0.03
2009-01-02,GONE,DELISTING,,
"""
LONG_ACTIONS = (
    Delisting("LEH", ns("2008-09-17"), 0.03),
    Delisting("GONE", ns("2009-01-02"), None),
    Dividend("AAPL", ns("2014-05-08"), 3.29),
    StockSplit("AAPL", ns("2014-06-09"), 7, 1),
)


# ---------------------------------------------------------------- shapes


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
@pytest.mark.parametrize("kind", ["path", "text", "file:"])
def test_file_with_an_action_a_row_is_read_whatever_its_format(tmp_path, suffix, kind):
    path = tmp_path / f"actions{suffix}"
    if suffix == ".parquet":
        pl.read_csv(LONG.encode()).write_parquet(path)
    else:
        path.write_bytes(gzip.compress(LONG.encode()) if suffix == ".csv.gz" else LONG.encode())
    source = {"path": path, "text": str(path), "file:": f"file:{path}"}[kind]
    assert load_actions(source).rows == LONG_ACTIONS


def test_frame_of_several_symbols_with_one_named_keeps_that_one():
    frame = pl.read_csv(LONG.encode())
    assert load_actions(frame, symbol="AAPL").rows == LONG_ACTIONS[2:]
    with pytest.raises(DataError, match="'APPL' is not in polars frame; did you mean AAPL"):
        load_actions(frame, symbol="APPL")


def test_frame_with_a_column_a_kind_as_yahoo_gives_it_is_read():
    index = pd.DatetimeIndex(["2020-08-07", "2020-08-10", "2020-08-31"], tz="America/New_York")
    frame = pd.DataFrame(
        {"Dividends": [0.82, 0.0, 0.0], "Stock Splits": [0.0, 0.0, 4.0], "Close": 1.0},
        index=index.rename("Date"),
    )
    # A day is named by the exchange's midnight; bars of it open at 00:00 UTC of that date.
    assert load_actions(frame, symbol="AAPL").rows == (
        Dividend("AAPL", ns("2020-08-07"), 0.82),
        StockSplit("AAPL", ns("2020-08-31"), 4, 1),
    )


def test_frame_with_split_coefficients_takes_one_as_no_split():
    frame = rows(date=["2024-01-02", "2024-01-03"], split_coefficient=["1.0", "0.1"])
    assert load_actions(frame, symbol="A").rows == (StockSplit("A", ns("2024-01-03"), 1, 10),)


def test_frame_with_kinds_keeps_a_dividend_of_zero():
    frame = rows(date=["2024-01-02"], kind=["dividend"], value=[0.0])
    assert load_actions(frame, symbol="A").rows == (Dividend("A", ns("2024-01-02"), 0.0),)


def test_funding_as_a_venue_sends_it_is_read_with_its_mark():
    frame = rows(
        symbol=["BTCUSDT", "BTCUSDT"],
        fundingTime=[1_637_193_600_017, 1_637_222_400_007],
        fundingRate=["0.0001", "-0.0002"],
        markPrice=["60000.5", ""],
    )
    assert load_actions(frame).rows == (
        FundingRate("BTCUSDT", 1_637_193_600_017_000_000, 0.0001, 60000.5),
        FundingRate("BTCUSDT", 1_637_222_400_007_000_000, -0.0002, None),
    )


def test_funding_of_zero_is_kept_and_an_empty_cell_is_not():
    frame = rows(
        ts=["2024-01-01 00:00", "2024-01-01 08:00", "2024-01-01 16:00"],
        funding_rate=[0.0, None, float("nan")],
    )
    assert load_actions(frame, symbol="X").rows == (FundingRate("X", ns("2024-01-01"), 0.0),)


def test_funding_at_midnights_of_a_zone_stays_an_instant():
    stamps = pd.DatetimeIndex(["2024-01-01"], tz="Asia/Tokyo")
    frame = pd.DataFrame({"funding_rate": [0.1]}, index=stamps.rename("time"))
    assert load_actions(frame, symbol="X").rows[0].time_ns == ns("2023-12-31T15:00")


def test_columns_of_other_names_are_read_when_mapped():
    frame = rows(day=["2024-01-02"], what=["dividend"], cash=[0.5], of=["A"])
    columns = {"time": "day", "kind": "what", "value": "cash", "symbol": "of"}
    assert load_actions(frame, columns=columns).rows == (Dividend("A", ns("2024-01-02"), 0.5),)


# ---------------------------------------------------------------- marks


def candles(**changed):
    opens = np.array([0, 8, 16], np.int64) * HOUR
    given = {"close": [1.05, 1.1, 1.2], "open": [1.0, 1.07, 1.12], "instruments": ["X"]}
    return Bars.from_arrays(
        **(given | {"time": opens + 8 * HOUR, "interval": "8h", "name": "marks"} | changed)
    )


def funding(*stamps):
    return rows(ts=[f"{np.datetime64(stamp, 'ns')}Z" for stamp in stamps],
                funding_rate=[0.0001] * len(stamps))  # fmt: skip


def test_mark_is_the_open_of_the_candle_nearest_to_a_late_or_early_stamp():
    frame = funding(17_000_000, 8 * HOUR - 5_000_000, 16 * HOUR)
    found = load_actions(frame, symbol="X/USDT", mark=candles())
    assert [rate.mark for rate in found] == [1.0, 1.07, 1.12]


def test_mark_of_closes_alone_is_the_close_at_the_stamp():
    found = load_actions(funding(8 * HOUR + 1), symbol="X", mark=candles(open=None))
    assert found.rows[0].mark == 1.05


def test_mark_of_several_instruments_is_that_of_the_symbol():
    several = candles(
        close=[[1.0, 2.0], [np.nan, 3.0], [1.0, 4.0]],
        open=[[1.1, 2.1], [np.nan, 3.1], [1.1, 4.1]],
        instruments=["X", "Y"],
    )
    assert load_actions(funding(8 * HOUR), symbol="Y", mark=several).rows[0].mark == 3.1
    with pytest.raises(DataError, match="no candle of marks opens within 60 s"):
        load_actions(funding(8 * HOUR), symbol="X", mark=several)
    with pytest.raises(DataError, match="no mark prices of Z in marks"):
        load_actions(funding(8 * HOUR), symbol="Z", mark=several)


def test_mark_further_than_the_tolerance_is_refused_with_the_stamp():
    frame = funding(8 * HOUR + 90_000_000_000)
    with pytest.raises(DataError, match=r"funding rate of X at 1970-01-01T08:01:30"):
        load_actions(frame, symbol="X", mark=candles())
    assert load_actions(frame, symbol="X", mark=candles(), tolerance="2m").rows[0].mark == 1.07


def test_mark_without_a_funding_rate_is_refused():
    frame = rows(date=["2024-01-02"], dividend=[1.0])
    with pytest.raises(DataError, match="there is no funding rate; leave mark out"):
        load_actions(frame, symbol="A", mark=candles())


def test_tolerance_that_is_no_interval_is_refused():
    with pytest.raises(ParameterError, match="interval '5 minutes'"):
        load_actions(funding(0), symbol="X", mark=candles(), tolerance="5 minutes")


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kind": ["dividend", "spinoff"]}, "kind 'spinoff' at row 1 of polars frame is not known"),
        ({"kind": ["dividend", None]}, "kind '' at row 1"),
        ({"value": ["0.5", ""]}, "the split of A at row 1 of polars frame has no value"),
        ({"value": ["", "2"]}, "the dividend of A at row 0 of polars frame has no value"),
        ({"value": ["0,5", "2"]}, "'0,5' of the dividend of A at row 0 .* is no number"),
        ({"value": ["-0.5", "2"]}, r"amount -0.5 of the dividend of A .* \(row 0 of polars frame"),
        ({"value": ["0.5", "3.14159265"]}, "split '3.14159265' of A at row 1 .* not near a ratio"),
        ({"value": ["0.5", "0"]}, "split '0' of A at row 1"),
        ({"value": ["0.5", "-2"]}, "split '-2' of A at row 1"),
        ({"value": ["0.5", "2:0"]}, "split '2:0' of A at row 1"),
        ({"value": ["0.5", "two"]}, "split 'two' of A at row 1"),
        ({"symbol": ["A", " "]}, "no symbol at row 1 of polars frame; give each row one"),
        ({"date": ["2024-01-02", None]}, "no stamp in 'date' at row 1"),
    ],
)
def test_frame_with_a_wrong_cell_is_refused_with_its_row(changed, message):
    good = {
        "date": ["2024-01-02", "2024-01-03"],
        "symbol": ["A", "A"],
        "kind": ["dividend", "split"],
        "value": ["0.5", "2"],
    }
    assert len(load_actions(pl.DataFrame(good))) == 2
    with pytest.raises(DataError, match=message) as caught:
        load_actions(pl.DataFrame(good | changed))
    assert caught.value.hint


def test_frame_with_the_same_action_twice_is_refused():
    frame = rows(date=["2024-01-02"] * 2, kind=["split"] * 2, value=[2.0, 3.0])
    with pytest.raises(DataError, match=r"the split of A at 2024-01-02T\S+ stands twice"):
        load_actions(frame, symbol="A")


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (rows(ts=[0], open=[1.0]), {"symbol": "A"}, "has no actions; its columns are 'ts', 'open'"),
        (rows(ts=[0], kind=["split"]), {"symbol": "A"}, "has no actions"),
        (rows(a=[0], dividend=[1.0]), {"symbol": "A"}, "no time column"),
        (rows(ts=[0], dividend=[1.0]), {}, "does not say of which instrument"),
        (rows(ts=[0], dividend=[1.0]), {"columns": {"tme": "ts"}}, "maps 'tme'.*did you mean time"),
        (rows(ts=[0], dividend=[1.0]), {"columns": {"time": "t"}}, "column 't', mapped to time"),
        ("builtin:sp500", {}, "builtin:sp500 holds bars, no actions"),
        ("nowhere/actions.csv", {}, "file:nowhere/actions.csv is not there"),
        ([1, 2], {}, "a list is not a source"),
    ],
)
def test_source_without_actions_is_refused(frame, options, message):
    with pytest.raises(DataError, match=message):
        load_actions(frame, **options)


# ---------------------------------------------------------------- ratios


@pytest.mark.parametrize(
    ("value", "ratio"),
    [
        (7.0, (7, 1)),
        ("7 for 1", (7, 1)),
        ("3-for-2", (3, 2)),
        ("1/8", (1, 8)),
        (" 1.5 : 1 ", (3, 2)),
        (0.125, (1, 8)),
        ("0.04", (1, 25)),
        (1.05, (21, 20)),  # a stock dividend of 5 %
        (1.25, (5, 4)),
        (0.333333, (1, 3)),
        (0.066667, (1, 15)),
        (1.999996, (2, 1)),  # as in factor files, rounded to seven places
        (3.000003, (3, 1)),
        (1.0027, (10027, 10000)),  # GOOG, 2015-04-27
        (0.970874, (100, 103)),  # a reverse of a stock dividend of 3 %, rounded
        (1.281, (1281, 1000)),  # as Yahoo shows some spin-offs
    ],
)
def test_split_ratio_of_usual_notations_is_the_ratio_meant(value, ratio):
    assert split_ratio(value) == Fraction(*ratio)


@pytest.mark.parametrize("value", [0.0, -2.0, float("nan"), float("inf"), 2.71828182, "", "1:1:1"])
def test_split_ratio_of_what_is_no_ratio_is_none(value):
    assert split_ratio(value) is None


@given(st.integers(1, 100), st.integers(1, 20))
def test_split_ratio_of_a_rounded_decimal_is_the_ratio_it_came_from(new, old):
    assert split_ratio(float(f"{new / old:.7g}")) == Fraction(new, old)
    assert split_ratio(f"{new}:{old}") == Fraction(new, old)
