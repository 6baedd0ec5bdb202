"""Instruments with different rows side by side."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.data.load import load
from peak_trade.domain.errors import DataError

MINUTE_NS = 60_000_000_000


def long_frame(rows: dict[str, list[int]]) -> pl.DataFrame:
    """Bars whose prices are told by symbol and minute."""
    flat = [(minute, name) for name, minutes in rows.items() for minute in minutes]
    close = [100.0 * (ord(name) - 64) + minute for minute, name in flat]
    return pl.DataFrame(
        {
            "time": [60 * minute for minute, _ in flat],
            "ticker": [name for _, name in flat],
            "open": [price - 1 for price in close],
            "high": [price + 2 for price in close],
            "low": [price - 2 for price in close],
            "close": close,
            "volume": [float(minute) for minute, _ in flat],
        }
    )


def test_panel_row_without_a_bar_carries_the_last_close() -> None:
    bars = load(long_frame({"A": [0, 1, 2, 3], "B": [1, 3]}), interval="1m")
    assert bars.time.tolist() == [MINUTE_NS * k for k in (1, 2, 3, 4)]
    assert bars.tradable[:, 1].tolist() == [False, True, False, True]
    for name in ("open", "high", "low", "close"):
        column = getattr(bars, name)[:, 1]
        assert np.isnan(column[0])
        assert column[2] == bars.close[1, 1] == 201
    assert bars.volume[:, 1].tolist() == [0, 1, 0, 3]
    assert (bars.open_time == bars.time[:, None] - MINUTE_NS).all()
    assert not bars.close_only.any()


def test_panel_order_of_rows_in_the_file_does_not_matter() -> None:
    frame = long_frame({"B": [1, 3], "A": [0, 1, 2, 3]})
    by_time = frame.sort("time", "ticker")
    assert load(frame).fingerprint == load(by_time).fingerprint
    assert load(frame).symbols == ("A", "B")


def test_panel_symbol_given_selects() -> None:
    frame = long_frame({"A": [0, 1, 2, 3], "B": [1, 3]})
    one = load(frame, symbol="B", interval="1m")
    assert one.symbols == ("B",)
    assert one.close[:, 0].tolist() == [201, 203]
    with pytest.raises(DataError, match="'C' is not in polars frame; choose one of A, B"):
        load(frame, symbol="C")


def test_panel_row_without_symbol_is_an_error() -> None:
    frame = long_frame({"A": [0, 1]}).with_columns(ticker=pl.Series(["A", None]))
    with pytest.raises(DataError, match="no ticker at row 1"):
        load(frame)


def test_panel_interval_is_told_within_instruments() -> None:
    assert str(load(long_frame({"A": [0, 10, 20], "B": [1, 11, 21]})).interval) == "10m"


def test_panel_calendar_and_tick_are_told_for_each() -> None:
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 1, 14), eager=True)
    weekday = days.dt.weekday() <= 5
    frame = pl.concat(
        [
            pl.DataFrame({"date": days, "symbol": "BTC", "close": 40000.5}),
            pl.DataFrame({"date": days.filter(weekday), "symbol": "SPY", "close": 470.25}),
        ]
    )
    bars = load(frame)
    assert [i.calendar for i in bars.instruments] == ["24/7", "XNYS"]
    assert [i.tick for i in bars.instruments] == [0.1, 0.01]
    assert len(bars) == 14
    assert bars.tradable[:, 1].sum() == 10
    assert bars.bars_per_year == 365


def test_wide_empty_cell_is_a_day_without_a_bar() -> None:
    frame = pl.DataFrame(
        {
            "Date": ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"],
            "AAPL": [None, 10.0, float("nan"), 12.0],
            "C": [1.0, 2.0, 3.0, 4.0],
        }
    )
    bars = load(frame)
    assert bars.symbols == ("AAPL", "C")
    assert bars.tradable[:, 0].tolist() == [False, True, False, True]
    assert bars.close[1:, 0].tolist() == [10, 10, 12]
    assert bars.close_only.all()
    assert bars.open is not None
    assert bars.volume[:, 0].tolist()[0] == 0
    assert np.isnan(bars.volume[1, 0])


def test_wide_column_without_a_price_is_an_error() -> None:
    frame = pl.DataFrame({"date": ["2024-01-02", "2024-01-03"], "A": [1.0, 2.0], "B": [None, None]})
    with pytest.raises(DataError, match="B of polars frame has no price; leave the column out"):
        load(frame)


def test_wide_price_not_above_zero_is_an_error() -> None:
    frame = pl.DataFrame({"date": ["2024-01-02", "2024-01-03"], "A": [1.0, 2.0], "B": [1.0, 0.0]})
    with pytest.raises(
        DataError, match=r"close is 0\.0 at row 1 of polars frame \(B, 2024-01-03\)"
    ):
        load(frame)


MINUTES = st.lists(st.integers(0, 30), min_size=1, max_size=20, unique=True).map(sorted)


@given(st.dictionaries(st.sampled_from("ABC"), MINUTES, min_size=1, max_size=3))
def test_panel_each_instrument_is_what_it_is_alone(rows: dict[str, list[int]]) -> None:
    bars = load(long_frame(rows), interval="1m")
    assert bars.time.tolist() == [MINUTE_NS * (m + 1) for m in sorted(set().union(*rows.values()))]
    for column, name in enumerate(sorted(rows)):
        alone = load(long_frame({name: rows[name]}), interval="1m")
        real = bars.tradable[:, column]
        for field in ("open", "high", "low", "close", "volume", "open_time"):
            assert (getattr(bars, field)[real, column] == getattr(alone, field)[:, 0]).all()
        last = float("nan")
        for row in range(len(bars)):
            if real[row]:
                last = bars.close[row, column]
            np.testing.assert_equal(bars.close[row, column], last)
