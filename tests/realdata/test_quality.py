"""Resampling, comparison and scores over recorded data, against what others made of the same trades."""

from pathlib import Path

import numpy as np
import pytest

from peak_trade.data.agreement import compare_data
from peak_trade.data.coverage import Covered, coverage
from peak_trade.data.joined import panel
from peak_trade.data.load import load
from peak_trade.data.quality import data_quality
from peak_trade.data.resample import resample
from peak_trade.domain.bars import Bars

SIDES = ("open", "high", "low", "close")


def found(shared: Path, name: str) -> Path:
    path = shared / "data" / f"{name}.parquet"
    if not path.is_file():
        pytest.skip(f"needs {name}.parquet among the shared data, which is not there")
    return path


def real(bars: Bars, symbol: str) -> Bars:
    """One instrument's real bars alone."""
    one = bars.select(symbol)
    rows = np.flatnonzero(one.tradable[:, 0])
    return Bars.from_arrays(
        one.close[rows],
        **{name: getattr(one, name)[rows] for name in ("open", "high", "low", "volume")},
        time=one.time[rows],
        open_time=one.open_time[rows],
        interval=one.interval,
        instruments=one.instruments,
    )


def test_recorded_minutes_make_the_hours_that_were_recorded(shared: Path) -> None:
    minutes = load(found(shared, "crypto/bitfinex_btcusd_1m_2017"))
    hours = resample(minutes, "1h")
    theirs = real(load(found(shared, "crypto/bitfinex_7coins_1h_2016_2018")), "BTCUSD")
    rows = np.searchsorted(theirs.time, hours.time)
    assert len(hours) == 8760
    assert (theirs.time[rows] == hours.time).all()
    for name in SIDES:
        assert (getattr(hours, name) == getattr(theirs, name)[rows]).all()
    assert np.abs(hours.volume - theirs.volume[rows]).max() < 1e-8
    days = real(load(found(shared, "crypto/bitfinex_7coins_1d_2013_2018")), "BTCUSD")
    ours = resample(minutes, "1d")
    rows = np.searchsorted(days.time, ours.time)
    assert (days.time[rows] == ours.time).all()
    for name in SIDES:
        assert (getattr(ours, name) == getattr(days, name)[rows]).all()


def test_recorded_minutes_make_the_five_minutes_that_were_recorded(shared: Path) -> None:
    fine = load(found(shared, "crypto/freqtrade_xrp_eth_1m"))
    theirs = load(found(shared, "crypto/freqtrade_xrp_eth_5m"))
    ours = resample(fine, "5m")
    assert ours.time.tolist() == theirs.time.tolist()
    for name in SIDES:
        assert (getattr(ours, name) == getattr(theirs, name)).all()
    assert ours.volume == pytest.approx(theirs.volume)


def test_minutes_with_extended_hours_make_the_exchange_s_days(shared: Path) -> None:
    minutes = load(found(shared, "equity/lean_spy_1m_20131004_20131011_trade"), calendar="XNYS")
    theirs = real(load(found(shared, "equity/lean_us_equity_1d_raw")), "SPY")
    days = resample(minutes, "1d")
    rows = np.searchsorted(theirs.open_time[:, 0], days.open_time[:, 0], side="right") - 1
    assert len(days) == 6
    for name in SIDES:
        assert np.abs(getattr(days, name) - getattr(theirs, name)[rows]).max() < 0.011
    assert (days.volume == theirs.volume[rows]).all()
    assert (days.features["present"] == 1).all()


def test_two_records_of_one_market_agree(shared: Path) -> None:
    hours = resample(load(found(shared, "crypto/bitfinex_btcusd_1m_2017")), "1h")
    theirs = load(found(shared, "crypto/bitfinex_7coins_1h_2016_2018")).select("BTCUSD")
    same = compare_data(hours, theirs)
    assert (same.common, same.agreement, same.lag) == (8760, 1.0, 0)
    apart = compare_data(
        hours, load(found(shared, "crypto/bitfinex_7coins_1h_2016_2018")).select("ETHUSD")
    )
    assert apart.agreement < 0.01


@pytest.mark.parametrize(
    ("name", "missing", "rows"),
    [  # as the list of the data counts them
        ("crypto/bitfinex_btcusd_1m_2017", 20_391, 505_209),
        ("crypto/freqtrade_xrp_eth_1m", 1_091, 2_469),
        ("crypto/freqtrade_eth_btc_5m", 0, None),
    ],
)
def test_completeness_is_what_the_list_of_the_data_counts(
    shared: Path, name: str, missing: int, rows: int | None
) -> None:
    bars = load(found(shared, name))
    (score,) = data_quality(bars)
    assert score.missing == missing
    assert score.rows == (rows or len(bars))
    assert score.parts["completeness"] == pytest.approx(100 * score.rows / (score.rows + missing))


def test_coverage_shows_the_isolated_days(shared: Path) -> None:
    bars = load(found(shared, "crypto/lean_coinbase_btcusd_1m_trade"))
    one = Covered("btc", bars.open_time[:, 0], bars.time, bars.interval, "24/7")
    assert coverage([one]).shades() == ("░······░",)


def test_panel_of_crypto_shares_and_currencies_has_every_close_in_its_row(shared: Path) -> None:
    coins = load(found(shared, "crypto/bitfinex_7coins_1h_2016_2018")).select("BTCUSD", "ETHUSD")
    shares = load(found(shared, "equity/lean_spy_aapl_1h_raw"), calendar="XNYS")
    euro = load(found(shared, "fx/lean_oanda_eurusd_1h_2012_2018"), symbol="EURUSD")
    made = panel([coins, shares, euro])
    assert made.symbols == ("BTCUSD", "ETHUSD", "AAPL", "SPY", "EURUSD")
    for part in (coins, shares, euro):
        for column, symbol in enumerate(part.symbols):
            place = made.symbols.index(symbol)
            rows = np.flatnonzero(part.tradable[:, column])
            at = np.flatnonzero(made.tradable[:, place])
            assert made.time[at].tolist() == part.time[rows].tolist()
            assert (made.close[at, place] == part.close[rows, column]).all()
