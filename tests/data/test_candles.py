"""Bars from trades, against decimals, a plain loop and polars' own windows."""

from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.data.candles import bar_closes, bar_opens, candles_of
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError

MINUTE_NS = 60_000_000_000
MINUTE = Interval.parse("1m")


def trades(rows: list[tuple[int, str, str]]) -> pl.DataFrame:
    """Trades of (seconds, price, size), the numbers as text."""
    return pl.DataFrame(
        {
            "time_ns": [second * 1_000_000_000 for second, _, _ in rows],
            "seq": list(range(len(rows))),
            "price": [float(price) for _, price, _ in rows],
            "size": [float(size) for _, _, size in rows],
        },
        schema={"time_ns": pl.Int64, "seq": pl.Int64, "price": pl.Float64, "size": pl.Float64},
    )


def by_hand(rows: list[tuple[int, str, str]]) -> list[tuple[float, ...]]:
    """The bars of minutes, one trade after the other, sizes added as decimals."""
    bars: dict[int, list[Decimal]] = {}
    for second, price, size in sorted(rows, key=lambda row: row[0]):
        paid, lots = Decimal(price), Decimal(size)
        bar = bars.setdefault(second // 60, [paid, paid, paid, paid, Decimal(0)])
        bar[1], bar[2], bar[3] = max(bar[1], paid), min(bar[2], paid), paid
        bar[4] += lots
    return [tuple(map(float, bars[minute])) for minute in sorted(bars)]


OHLCV = ("open", "high", "low", "close", "volume")
SIZES = st.integers(1, 10**11).map(lambda steps: f"{Decimal(steps).scaleb(-8):f}")
PRICES = st.integers(1, 10**7).map(lambda cents: f"{Decimal(cents).scaleb(-2):f}")
ROWS = st.lists(st.tuples(st.integers(0, 900), PRICES, SIZES), max_size=60)


@settings(max_examples=40)
@given(rows=ROWS)
def test_candles_equal_those_of_a_loop_over_decimals(rows: list[tuple[int, str, str]]) -> None:
    found = candles_of(trades(sorted(rows, key=lambda row: row[0])), MINUTE)
    assert found.select(OHLCV).rows() == by_hand(rows)
    assert not found["is_filled"].any()


@settings(max_examples=40)
@given(rows=ROWS)
def test_candles_of_any_order_are_those_of_the_venue(rows: list[tuple[int, str, str]]) -> None:
    ordered = trades(sorted(rows, key=lambda row: row[0]))
    assert candles_of(ordered.reverse(), MINUTE).equals(candles_of(ordered, MINUTE))


@settings(max_examples=40)
@given(rows=ROWS.filter(bool))
def test_filled_candles_leave_no_minute_out_and_change_none(rows) -> None:
    plain, full = (candles_of(trades(rows), MINUTE, fill=fill) for fill in (False, True))
    assert full.filter(~pl.col("is_filled")).equals(plain)
    assert set(full["open_ns"].diff().drop_nulls()) <= {MINUTE_NS}
    made_up = full.with_columns(pl.col("close").shift(1).alias("before")).filter("is_filled")
    for name in ("open", "high", "low", "close"):
        assert (made_up[name] == made_up["before"]).all()
    assert (made_up["volume"] == 0).all()


@settings(max_examples=40)
@given(rows=ROWS, interval=st.sampled_from(["1s", "7m", "1h", "8h", "1d", "1w", "1mo"]))
def test_candles_equal_the_windows_of_polars(rows, interval: str) -> None:
    frame = trades(sorted(rows, key=lambda row: row[0]))
    found = candles_of(frame, Interval.parse(interval))
    stamps = pl.col("time_ns").cast(pl.Datetime("ns")).alias("at")
    windows = (
        frame.with_columns(stamps)
        .group_by_dynamic("at", every=interval)
        .agg(pl.first("price").alias("open"), pl.max("price").alias("high"),
             pl.min("price").alias("low"), pl.last("price").alias("close"))
    )  # fmt: skip
    assert found["open_ns"].to_list() == windows["at"].cast(pl.Int64).to_list()
    assert found.select(OHLCV[:4]).rows() == windows.select(OHLCV[:4]).rows()


def test_volume_of_tenths_is_the_decimal_sum() -> None:
    found = candles_of(trades([(0, "1", "0.1")] * 3), MINUTE)
    assert 0.1 + 0.1 + 0.1 != 0.3
    assert found["volume"][0] == 0.3


def test_volume_of_sizes_finer_than_steps_is_their_sum() -> None:
    sizes = ["0.1234567891", "0.0000000001", "5"]
    found = candles_of(trades([(0, "1", size) for size in sizes]), MINUTE)
    assert found["volume"][0] == (0.1234567891 + 0.0000000001) + 5


def test_candles_before_start_or_beyond_stop_are_left_out_whole() -> None:
    frame = trades([(30, "1", "1"), (61, "2", "1"), (125, "3", "1")])
    found = candles_of(frame, MINUTE, start_ns=30_000_000_000, stop_ns=150_000_000_000)
    assert found["open"].to_list() == [2.0]
    until = candles_of(frame, MINUTE, stop_ns=5 * MINUTE_NS, fill=True)
    assert until["is_filled"].to_list() == [False, False, False, True, True]


def test_candles_of_months_follow_the_calendar() -> None:
    days = pl.datetime_range(pl.datetime(2024, 1, 31), pl.datetime(2024, 4, 1), "1d", eager=True)
    frame = pl.DataFrame({"time_ns": days.dt.epoch("ns"), "price": 1.0, "size": 1.0})
    found = candles_of(frame, Interval.parse("1mo"))
    assert found["volume"].to_list() == [1.0, 29.0, 31.0, 1.0]
    opens = found["open_ns"].cast(pl.Datetime("ns")).dt.strftime("%Y-%m-%d").to_list()
    assert opens == ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"]
    assert found["close_ns"][:-1].to_list() == found["open_ns"][1:].to_list()


def test_weeks_begin_on_mondays() -> None:
    sunday = np.array([np.datetime64("2024-03-03T23:59", "ns").astype(np.int64)])
    opens = bar_opens(sunday, Interval.parse("1w"))
    assert str(opens.astype("datetime64[ns]")[0])[:10] == "2024-02-26"
    assert bar_closes(opens, Interval.parse("1w"))[0] - opens[0] == 7 * 24 * 60 * MINUTE_NS


@pytest.mark.parametrize("before_1970", [-1, -MINUTE_NS, -MINUTE_NS - 1])
def test_minutes_before_1970_begin_before_their_times(before_1970: int) -> None:
    opens = bar_opens(np.array([before_1970]), MINUTE)
    assert opens[0] <= before_1970 < opens[0] + MINUTE_NS


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame({"time_ns": [1], "price": [1.0]}), "no column 'size'"),
        (trades([(0, "0", "1")]), "price 0.0"),
        (trades([(0, "1", "-1")]), "size -1.0"),
        (trades([(0, "nan", "1")]), "price nan"),
        (pl.DataFrame({"time_ns": [1], "price": [None], "size": [1.0]},
                      schema_overrides={"price": pl.Float64}), "lacks a value"),
    ],
)  # fmt: skip
def test_candles_of_what_no_trade_is_are_refused(frame: pl.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        candles_of(frame, MINUTE)
