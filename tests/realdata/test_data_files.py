"""Recorded market data of many venues and shapes, loaded as it stands."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from peak_trade.data.load import load
from peak_trade.domain.errors import DataError

MINUTE_NS = 60_000_000_000
SINGLE = [
    ("crypto/bitfinex_btcusd_1m_2017", "1m", 505_209, "24/7"),
    ("crypto/bitfinex_ethusd_1m_2018h2", "1m", 249_869, "24/7"),
    ("crypto/freqtrade_eth_btc_5m", "5m", 5_760, "24/7"),
    ("crypto/freqtrade_xrp_usdt_usdt_1h_futures", "1h", 100, "24/7"),
    ("crypto/freqtrade_xrp_usdt_usdt_8h_mark", "8h", 91, "24/7"),
    ("crypto/lean_coinbase_btcusd_1d", "1d", 1_318, "24/7"),
    ("crypto/lean_coinbase_btcusd_1m_trade", "1m", 6_767, "24/7"),
    ("equity/lean_spy_1m_20131004_20131011_trade", "1m", 4_839, "24/5"),
    ("fx/lean_oanda_eurusd_1h_2012_2018", "1h", 43_265, "24/5"),
    ("fx/nautilus_fxcm_gbpusd_1m_201202", "1m", 30_117, "24/5"),
    ("misc/backtestingpy_goog_1d", "1d", 2_148, "XNYS"),
]
PANELS = [
    ("crypto/bitfinex_7coins_1d_2013_2018", "1d"),
    ("crypto/bitfinex_7coins_1h_2016_2018", "1h"),
    ("equity/bokeh_4stocks_1d_2000_2013", "1d"),
    ("equity/lean_spy_aapl_1h_raw", "1h"),
    ("equity/lean_us_equity_1d_raw", "1d"),
]


def found(shared: Path, name: str) -> Path:
    path = shared / "data" / f"{name}.parquet"
    if not path.is_file():
        pytest.skip(f"needs {name}.parquet among the shared data, which is not there")
    return path


@pytest.mark.parametrize(("name", "interval", "rows", "calendar"), SINGLE)
def test_recorded_series_is_loaded_as_pandas_reads_it(
    shared: Path, name: str, interval: str, rows: int, calendar: str
) -> None:
    path = found(shared, name)
    bars, frame = load(path), pd.read_parquet(path)
    assert (str(bars.interval), len(bars)) == (interval, rows)
    assert bars.instruments[0].calendar == calendar
    opens = frame["ts"].dt.tz_localize(None).to_numpy("datetime64[ns]").astype(np.int64)
    assert (bars.open_time[:, 0] == opens).all()
    for column in ("open", "high", "low", "close"):
        assert (getattr(bars, column)[:, 0] == frame[column].to_numpy()).all()
    assert bars.is_aligned


def test_recorded_minutes_keep_their_gaps(shared: Path) -> None:
    bars = load(found(shared, "crypto/bitfinex_btcusd_1m_2017"))
    steps = np.diff(bars.time) // MINUTE_NS
    assert (steps > 1).sum() == 14_203  # runs of missing bars, by the data's own list
    assert (steps - 1).sum() == 20_391
    assert (bars.time - bars.open_time[:, 0] == MINUTE_NS).all()


@pytest.mark.parametrize(("name", "interval"), PANELS)
def test_recorded_panel_equals_a_pivot(shared: Path, name: str, interval: str) -> None:
    path = found(shared, name)
    bars, frame = load(path), pd.read_parquet(path)
    assert str(bars.interval) == interval
    closes = frame.pivot(index="ts", columns="symbol", values="close")
    assert bars.symbols == tuple(closes.columns)
    assert (bars.tradable == closes.notna().to_numpy()).all()
    np.testing.assert_array_equal(bars.close, closes.ffill().to_numpy())
    volume = frame.pivot(index="ts", columns="symbol", values="volume").fillna(0)
    np.testing.assert_array_equal(bars.volume, volume.to_numpy(np.float64))


def test_recorded_panel_mapped_to_adjusted_close_is_close_only(shared: Path) -> None:
    path = found(shared, "equity/bokeh_4stocks_1d_2000_2013")
    bars = load(path, columns={"close": "adj_close"}, symbol="AAPL")
    frame = pd.read_parquet(path).query("symbol == 'AAPL'")
    assert bars.close_only.all()
    assert (bars.close[:, 0] == frame["adj_close"].to_numpy()).all()


def test_recorded_wide_closes_equal_the_builtin(shared: Path) -> None:
    wide = load(found(shared, "equity/skfolio_20stocks_adjclose_1990_2022"))
    builtin = load("builtin:sp500_stocks")
    assert wide.symbols == builtin.symbols
    assert (wide.close == builtin.close).all()
    assert (wide.time == builtin.time).all()


def test_recorded_index_equals_the_builtin(shared: Path) -> None:
    index, builtin = load(found(shared, "index/sp500_1d_1999_2018")), load("builtin:sp500")
    assert (index.time == builtin.time).all()
    for column in ("open", "high", "low", "close", "volume"):
        assert (getattr(index, column) == getattr(builtin, column)).all()


def test_recorded_day_is_made_of_its_hours(shared: Path) -> None:
    days = load(found(shared, "crypto/bitfinex_7coins_1d_2013_2018"), symbol="BTCUSD")
    hours = load(found(shared, "crypto/bitfinex_7coins_1h_2016_2018"), symbol="BTCUSD")
    row = int(np.searchsorted(days.time, hours.time[0]))
    day = (hours.open_time[:, 0] >= days.open_time[row, 0]) & (hours.time <= days.time[row])
    assert days.open[row, 0] == hours.open[day][0, 0]
    assert days.high[row, 0] == hours.high[day].max()
    assert days.low[row, 0] == hours.low[day].min()
    assert days.close[row, 0] == hours.close[day][-1, 0]


@pytest.mark.parametrize(
    "name",
    [
        "crypto/lean_coinbase_btcusd_1m_quote",
        "equity/lean_spy_1m_20131004_20131011_quote",
        "crypto/freqtrade_xrp_usdt_usdt_8h_funding_rate",
        "ticks/binance_btcusdt_quotes_20210108",
        "equity/lean_us_equity_adjust_factors",
        "econ/macro_series",
        "news/fomc_statements_1994_2012",
    ],
)
def test_recorded_file_without_closes_is_refused(shared: Path, name: str) -> None:
    with pytest.raises(DataError, match="has no close column; its columns are 'ts'"):
        load(found(shared, name))


def test_recorded_quotes_with_a_mapping_are_closes(shared: Path) -> None:
    path = found(shared, "crypto/lean_coinbase_btcusd_1m_quote")
    assert load(path, columns={"close": "bid_close"}).close_only.all()


@pytest.mark.parametrize(
    "name",
    [
        "ticks/binance_btcusdt_trades_20210108",
        "ticks/freqtrade_xrp_eth_trades_20191011_13",
        "ticks/lean_spy_trades_20131007",
        "l2/binance_futures_btcusdt_depth_snap_20221101",
    ],
)
def test_recorded_ticks_are_refused(shared: Path, name: str) -> None:
    with pytest.raises(DataError, match="duplicate stamp at row"):
        load(found(shared, name))


def test_recorded_stocks_with_bad_bars_are_refused(shared: Path) -> None:
    path = found(shared, "equity/djia_21stocks_1d_2006_2017")
    with pytest.raises(
        DataError, match=r"inconsistent bar: open .* high .* low .* close"
    ) as caught:
        load(path)
    frame = pd.read_parquet(path)
    row = frame.iloc[caught.value.fields["row"]]  # type: ignore[call-overload]
    high, low = row[["open", "close"]].max(), row[["open", "close"]].min()
    assert row["high"] < high or row["low"] > low
    assert row["symbol"] == caught.value.fields["symbol"]
