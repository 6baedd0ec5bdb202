"""What is missing of stored series, against gaps that were cut by hand."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.data.holes import holes_of
from peak_trade.data.series import SeriesKey
from peak_trade.domain.errors import DataError

MINUTE_NS = 60_000_000_000
BARS = SeriesKey("bars", "k", "A", "1m")


def bars(minutes: list[int]) -> pl.DataFrame:
    opens = np.array(minutes, dtype=np.int64) * MINUTE_NS
    return pl.DataFrame({"open_ns": opens, "close_ns": opens + MINUTE_NS, "is_filled": False})


@given(missing=st.sets(st.integers(1, 98), max_size=40))
def test_holes_are_the_minutes_that_were_taken_out(missing: set[int]) -> None:
    kept = [k for k in range(100) if k not in missing]
    found = holes_of(BARS, bars(kept), calendar="24/7")
    assert found.missing == len(missing)
    inside = {
        k
        for after, before, _ in found.holes.rows()
        for k in range(after // MINUTE_NS + 1, before // MINUTE_NS)
    }
    assert inside == missing


def test_nights_and_weekends_of_an_exchange_are_no_holes() -> None:
    days = pl.Series([f"2024-01-{day:02d}" for day in (11, 12, 16, 18)]).str.to_datetime()
    opens = days.dt.epoch("ns").to_numpy()
    rows = pl.DataFrame({"open_ns": opens, "close_ns": opens + 86_400_000_000_000})
    key = SeriesKey("bars", "us", "A", "1d")
    assert holes_of(key, rows, calendar="XNYS").missing == 1  # the 17th; the 15th is a holiday
    assert holes_of(key, rows, calendar="24/7").missing == 4


def test_bars_that_were_filled_in_are_counted_and_no_holes() -> None:
    rows = bars([0, 1, 2]).with_columns(pl.Series("is_filled", [False, True, False]))
    found = holes_of(BARS, rows, calendar="24/7")
    assert (found.missing, found.filled) == (0, 1)


@pytest.mark.parametrize("count", [0, 1])
def test_series_of_a_bar_or_none_misses_nothing(count: int) -> None:
    assert holes_of(BARS, bars(list(range(count)))).missing == 0


def test_trades_and_rates_miss_ids_and_beats() -> None:
    ids = [*range(40), *range(43, 60)]
    rows = pl.DataFrame({"time_ns": ids, "trade_id": [str(k) for k in ids]})
    found = holes_of(SeriesKey("trades", "k", "A"), rows)
    assert found.holes.rows() == [(39, 43, 3)]
    hour = 3_600_000_000_000
    times = np.array([0, 8, 16, 32, 40], dtype=np.int64) * hour + 7_000_000
    found = holes_of(SeriesKey("funding", "k", "A"), pl.DataFrame({"time_ns": times, "rate": 0.0}))
    assert found.holes["missing"].to_list() == [1]


def test_kinds_that_nothing_is_expected_of_are_refused() -> None:
    with pytest.raises(DataError, match="nothing says what is missing of k:A news"):
        holes_of(SeriesKey("news", "k", "A"), pl.DataFrame())
