"""When bars open and close, and the interval that stamps tell."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest

from peak_trade.data.load import load
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import DataError, ParameterError


def bars_of(stamps: Iterable[object], **options: str) -> Bars:
    values = pl.Series(stamps)
    frame = pl.DataFrame({"time": values, "close": np.arange(len(values)) + 1.0})
    return load(frame, **options)  # type: ignore[arg-type]


def spans(bars: Bars) -> list[tuple[str, str]]:
    opens, closes = bars.open_time[:, 0], bars.time
    return [
        (str(np.datetime64(int(a), "ns"))[:16], str(np.datetime64(int(b), "ns"))[:16])
        for a, b in zip(opens, closes, strict=True)
    ]


@pytest.mark.parametrize(
    ("freq", "interval"),
    [("s", "1s"), ("min", "1m"), ("15min", "15m"), ("h", "1h"), ("4h", "4h"), ("D", "1d"), ("B", "1d"),
     ("W-MON", "1w"), ("W-FRI", "1w"), ("MS", "1mo"), ("ME", "1mo"), ("BME", "1mo"), ("BMS", "1mo"),
     ("QS", "3mo"), ("QE", "3mo"), ("YS", "1y"), ("YE", "1y")],
)  # fmt: skip
def test_interval_of_usual_stamps_is_told(freq: str, interval: str) -> None:
    times = pd.date_range("2019-01-01", periods=60, freq=freq)
    bars = load(pd.DataFrame({"close": 1.0}, index=times))
    assert str(bars.interval) == interval
    assert bars.is_aligned


def test_interval_with_gaps_is_the_most_common_distance() -> None:
    assert str(bars_of([0, 60, 120, 600, 660, 7200]).interval) == "1m"


def test_interval_of_one_row_must_be_given() -> None:
    with pytest.raises(DataError, match=r"single row.*give the interval"):
        bars_of([0])
    assert len(bars_of([0], interval="1h")) == 1


def test_interval_of_ticks_is_an_error() -> None:
    with pytest.raises(DataError, match=r"mostly 0\.25 s apart.*ticks are no bars"):
        bars_of([1.7e9, 1.7e9 + 0.25, 1.7e9 + 0.5])


def test_interval_longer_than_the_distance_is_an_error() -> None:
    with pytest.raises(DataError, match=r"only 1m after the row before at row 1 .*bars of 1h"):
        bars_of([0, 60, 120], interval="1h")
    with pytest.raises(DataError, match="only 1d after the row before at row 1"):
        bars_of([date(2024, 1, 1), date(2024, 1, 2)], interval="1mo")
    with pytest.raises(DataError, match="only 1h after the row before at row 1"):
        bars_of([1800, 5400, 9000], interval="1d")


def test_interval_not_valid_is_an_error() -> None:
    with pytest.raises(ParameterError, match="write it like 1m"):
        bars_of([0, 60], interval="minute")


def test_stamp_not_known_is_an_error() -> None:
    with pytest.raises(DataError, match="stamp 'clos' is not known; did you mean close"):
        bars_of([0, 60], stamp="clos")


def test_intraday_stamp_is_open_or_close() -> None:
    assert spans(bars_of([3600, 7200]))[0] == ("1970-01-01T01:00", "1970-01-01T02:00")
    assert spans(bars_of([3600, 7200], stamp="close"))[0] == (
        "1970-01-01T00:00",
        "1970-01-01T01:00",
    )


@pytest.mark.parametrize("stamp", ["open", "close"])
def test_daily_date_runs_over_its_day(stamp: str) -> None:
    found = spans(bars_of([date(2024, 1, 5), date(2024, 1, 8), date(2024, 1, 9)], stamp=stamp))
    assert found[0] == ("2024-01-05T00:00", "2024-01-06T00:00")


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "UTC"])
def test_daily_local_midnight_names_the_local_date(zone: str) -> None:
    days = [datetime(2024, 3, day) for day in range(28, 32)] + [datetime(2024, 4, 1)]  # noqa: DTZ001
    assert spans(bars_of(days, timezone=zone))[0] == ("2024-03-28T00:00", "2024-03-29T00:00")
    aware = pl.Series(days).dt.replace_time_zone(zone)
    assert spans(bars_of(aware)) == spans(bars_of(days))


def test_daily_epoch_of_a_local_midnight_names_the_local_date() -> None:
    midnights = [
        int(pd.Timestamp(f"2024-03-{d}", tz="Europe/Berlin").timestamp()) for d in (28, 29)
    ]
    found = spans(bars_of(midnights, timezone="Europe/Berlin"))
    assert found[0] == ("2024-03-28T00:00", "2024-03-29T00:00")


def test_daily_close_midnight_ends_the_day_before() -> None:
    days = [datetime(2024, 1, 2), datetime(2024, 1, 3)]  # noqa: DTZ001
    assert spans(bars_of(days, stamp="close"))[0] == ("2024-01-01T00:00", "2024-01-02T00:00")


@pytest.mark.parametrize("stamp", ["open", "close"])
def test_daily_with_time_of_day_keeps_it_over_the_change_of_clocks(stamp: str) -> None:
    days = [datetime(2024, 3, 7, 17) + timedelta(days=k) for k in range(6)]  # noqa: DTZ001
    bars = bars_of(days, timezone="America/New_York", stamp=stamp)
    assert str(bars.interval) == "1d"
    assert bars.is_aligned
    lengths = (bars.time - bars.open_time[:, 0]) // 3_600_000_000_000
    assert sorted(lengths.tolist()) == [23, 24, 24, 24, 24, 24]


def test_weekly_date_runs_for_seven_days() -> None:
    weeks = [date(2024, 1, 1) + timedelta(days=7 * k) for k in range(3)]
    assert spans(bars_of(weeks))[0] == ("2024-01-01T00:00", "2024-01-08T00:00")


@pytest.mark.parametrize("days", [(1, 1, 1), (31, 29, 31), (15, 15, 15)])
def test_monthly_date_runs_over_its_month(days: tuple[int, ...]) -> None:
    months = [date(2024, month, day) for month, day in enumerate(days, 1)]
    assert spans(bars_of(months)) == [
        ("2024-01-01T00:00", "2024-02-01T00:00"),
        ("2024-02-01T00:00", "2024-03-01T00:00"),
        ("2024-03-01T00:00", "2024-04-01T00:00"),
    ]


def test_monthly_close_stamp_ends_the_month() -> None:
    months = [datetime(2024, month, 1) for month in (2, 3, 4)]  # noqa: DTZ001
    assert spans(bars_of(months, stamp="close"))[0] == ("2024-01-01T00:00", "2024-02-01T00:00")


def test_quarterly_date_may_name_first_or_last_month() -> None:
    first = [date(2024, 1, 1), date(2024, 4, 1), date(2024, 7, 1), date(2024, 10, 1)]
    last = [date(2024, 3, 31), date(2024, 6, 30), date(2024, 9, 30), date(2024, 12, 31)]
    assert spans(bars_of(first)) == spans(bars_of(last))
    assert spans(bars_of(last))[0] == ("2024-01-01T00:00", "2024-04-01T00:00")
