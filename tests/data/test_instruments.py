"""Ticks and calendars told from bars."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.data.instruments import infer_calendar, infer_tick
from peak_trade.data.load import load
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import ParameterError


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=30), st.integers(0, 8))
def test_tick_is_the_coarsest_of_the_decimals_written(units: list[int], places: int) -> None:
    decimals = [Decimal(unit).scaleb(-places).normalize() for unit in units]
    exponent = max(0, *(-int(d.as_tuple().exponent) for d in decimals), 0)
    assert infer_tick(np.array([float(d) for d in decimals])) == float(f"1e-{exponent}")


def test_tick_beyond_eight_decimals_is_the_smallest() -> None:
    assert infer_tick(np.array([1 / 3, 1.0])) == 1e-8


def test_tick_looks_at_every_row() -> None:
    prices = np.full(200_000, 100.5)
    prices[-1] = 100.125
    assert infer_tick(prices) == 0.001
    assert infer_tick(np.array([1.0]), prices) == 0.001


def opens(start: str, periods: int, freq: str) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return (
        pd.date_range(start, periods=periods, freq=freq).to_numpy("datetime64[ns]").astype(np.int64)
    )


@pytest.mark.parametrize(
    ("start", "periods", "freq", "interval", "calendar"),
    [
        ("2024-01-01", 7, "D", "1d", "24/7"),
        ("2024-01-01", 20, "B", "1d", "XNYS"),
        ("2024-01-06 12:00", 2, "min", "1m", "24/7"),  # Saturday
        ("2024-01-07 12:00", 2, "min", "1m", "24/7"),  # Sunday noon
        ("2024-01-07 22:00", 40, "h", "1h", "24/5"),  # foreign exchange opens on Sunday evening
        ("2024-01-07", 1, "D", "1d", "24/7"),
        ("2024-01-08 14:30", 390, "min", "1m", "XNYS"),  # winter
        ("2024-07-08 13:30", 390, "min", "1m", "XNYS"),  # summer
        ("2024-07-08 13:29", 390, "min", "1m", "24/5"),
        ("2024-07-08 13:00", 7, "h", "1h", "XNYS"),  # whole hours, the first with the open in it
        ("2024-07-08 12:00", 8, "h", "1h", "24/5"),
        ("2024-01-08 20:59", 2, "min", "1m", "24/5"),
    ],
)
def test_calendar_is_told_from_the_opens(
    start: str, periods: int, freq: str, interval: str, calendar: str
) -> None:
    assert infer_calendar(opens(start, periods, freq), Interval.parse(interval)) == calendar


def test_rules_given_hold_for_every_instrument() -> None:
    times = pd.date_range("2024-01-01", periods=3)
    frame = pd.DataFrame({"A": [1.0, 2.0, 3.0], "B": [1.5, 2.5, 3.5]}, index=times)
    told = load(frame)
    assert [i.tick for i in told.instruments] == [1.0, 0.1]
    assert [i.asset_class for i in told.instruments] == ["other", "other"]
    given_ = load(
        frame, tick=0.5, lot=0.01, order_step=10, multiplier=2.0, min_notional=5.0,
        asset_class="crypto", quote="USDT", calendar="24/7",
    )  # fmt: skip
    for one in given_.instruments:
        assert (one.tick, one.lot, one.order_step, one.multiplier) == (0.5, 0.01, 10, 2.0)
        assert (one.min_notional, one.asset_class, one.quote) == (5.0, "crypto", "USDT")


def test_symbol_given_names_base_and_quote() -> None:
    frame = pd.DataFrame({"close": [1.0, 2.0]}, index=pd.date_range("2024-01-01", periods=2))
    (instrument,) = load(frame, symbol="ETH/BTC").instruments
    assert (instrument.base, instrument.quote) == ("ETH", "BTC")


def test_rules_not_valid_are_an_error() -> None:
    frame = pd.DataFrame({"close": [1.0, 2.0]}, index=pd.date_range("2024-01-01", periods=2))
    with pytest.raises(ParameterError, match="lot 0"):
        load(frame, lot=0.0)
    with pytest.raises(ParameterError, match="calendar 'XNYZ' is not known; did you mean XNYS"):
        load(frame, calendar="XNYZ")
