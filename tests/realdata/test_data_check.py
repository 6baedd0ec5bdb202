"""Checks over recorded data, against the holes and faults that the data's own list counts."""

from pathlib import Path

import numpy as np
import pytest

from peak_trade.data.check import check_data
from peak_trade.data.findings import DataReport, Finding
from peak_trade.data.leaning import suspect_rows
from peak_trade.data.load import load
from peak_trade.data.reading import Format, read
from peak_trade.data.repair import repair


def found(shared: Path, name: str) -> Path:
    path = shared / "data" / f"{name}.parquet"
    if not path.is_file():
        pytest.skip(f"needs {name}.parquet among the shared data, which is not there")
    return path


def of(report: DataReport, kind: str) -> list[Finding]:
    return [one for one in report.findings if one.kind == kind]


def days(finding: Finding, report_name: Path) -> list[str]:
    bars = load(report_name, symbol=finding.instrument)
    mask = np.isin(bars.time, finding.close_ns)
    return [str(day)[:10] for day in bars.open_time[mask, 0].astype("datetime64[ns]")]


@pytest.mark.parametrize(
    ("name", "runs", "bars"),
    [
        ("crypto/bitfinex_btcusd_1m_2017", 14_203, 20_391),
        ("crypto/bitfinex_btcusd_1m_2018", 3_992, 5_101),
        ("crypto/bitfinex_ethusd_1m_2018h2", 11_511, 15_091),
        ("crypto/bitfinex_7coins_1h_2016_2018", 1_072, 6_878),
        ("crypto/freqtrade_xrp_eth_1m", 676, 1_091),
        ("crypto/freqtrade_xrp_eth_5m", 6, 6),
        ("crypto/lean_coinbase_btcusd_1m_trade", 3, 304_273),
        ("crypto/freqtrade_eth_btc_5m", 0, 0),
        ("crypto/freqtrade_xrp_usdt_usdt_8h_mark", 0, 0),
        # Nights and weekends count in the list of the data, so here too where nothing closes.
        ("fx/lean_oanda_eurusd_1h_2012_2018", 373, 18_079),
    ],
)
def test_recorded_gaps_are_those_of_the_list(shared: Path, name: str, runs: int, bars: int) -> None:
    gaps = of(check_data(found(shared, name), calendar="24/7"), "gap")
    assert sum(one.count for one in gaps) == runs
    assert sum(one.bars for one in gaps) == bars


def test_recorded_currencies_have_few_gaps_in_their_week(shared: Path) -> None:
    (gap,) = of(check_data(found(shared, "fx/lean_oanda_eurusd_1h_2012_2018")), "gap")
    assert (gap.count, gap.bars) == (19, 555)
    assert "103 missing before it, since 2016-12-09T21:00:00" in gap.examples[0].text


def test_recorded_inconsistent_bars_are_as_many_as_the_list_counts(shared: Path) -> None:
    path = found(shared, "equity/djia_21stocks_1d_2006_2017")
    report = check_data(path)
    inconsistent = sum(one.count for one in of(report, "inconsistent"))
    (price,) = of(report, "price")
    assert inconsistent + price.count == 97
    assert price.instrument == "HD"
    assert "low 0.0" in price.examples[0].text
    assert not report.is_loadable
    done = repair(read(path, Format()))
    assert sum(one.count for one in done.repairs) == 97
    assert check_data(done.reading.table.frame).is_loadable


def test_recorded_bars_without_volume_are_as_many_as_the_list_counts(shared: Path) -> None:
    (silent,) = of(check_data(found(shared, "crypto/kraken_xbtusdt_1m_720")), "zero_volume")
    assert silent.bars == 216


@pytest.mark.parametrize(
    ("symbol", "splits"),
    [
        # By the list of corporate actions; AAPL fell by half on 2000-09-29 without one.
        ("AAPL", ["2000-06-21", "2000-09-29", "2005-02-28", "2014-06-09", "2020-08-31"]),
        ("BAC", ["2004-08-30"]),
        ("IWM", ["2005-06-09"]),
        ("QQQ", ["2000-03-20"]),
        ("GOOG", ["2014-04-03"]),
        ("SPY", []),
    ],
)
def test_recorded_splits_of_raw_prices_are_found(shared: Path, symbol: str, splits) -> None:
    path = found(shared, "equity/lean_us_equity_1d_raw")
    report = check_data(path, symbol=symbol)
    assert [day for one in of(report, "split") for day in days(one, path)] == splits


def test_recorded_split_of_minutes_is_named(shared: Path) -> None:
    (split,) = of(check_data(found(shared, "equity/lean_aapl_1m_20140605_20140609_trade")), "split")
    assert split.count == 1
    assert "2014-06-09T08:00:00): -85.7% to 92.42, near 7:1" in split.examples[0].text


def test_recorded_halt_of_nasdaq_is_the_only_gap_of_its_hours(shared: Path) -> None:
    # On 2013-08-22 Nasdaq halted its stocks for three hours; SPY, listed elsewhere, went on.
    gaps = of(check_data(found(shared, "equity/lean_spy_aapl_1h_raw")), "gap")
    assert [(one.instrument, one.bars) for one in gaps] == [("AAPL", 2)]
    assert "2013-08-22T19:00:00): 2 missing before it" in gaps[0].examples[0].text


def test_recorded_bad_prints_are_wicks(shared: Path) -> None:
    report = check_data(found(shared, "equity/lean_us_equity_1d_raw"), symbol="GOOG")
    (wick,) = of(report, "wick")
    assert wick.count == 2
    assert any("low 0.01" in one.text for one in wick.examples)


@pytest.mark.parametrize("name", ["index/sp500_1d_1999_2018", "misc/backtestingpy_goog_1d"])
def test_recorded_sound_days_give_no_finding(shared: Path, name: str) -> None:
    report = check_data(found(shared, name))
    assert report.findings == ()
    assert report.calendars == ("XNYS",)


def test_recorded_findings_of_a_file_mark_the_rows_of_its_bars(shared: Path) -> None:
    path = found(shared, "crypto/bitfinex_7coins_1h_2016_2018")
    bars, report = load(path), check_data(path)
    mask = suspect_rows(report, bars)
    assert (mask == suspect_rows(check_data(bars), bars)).all()
    assert not (mask & ~bars.tradable).any()
    assert mask.any(axis=0).all()
