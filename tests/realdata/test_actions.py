"""Recorded splits, dividends and funding rates: raw, adjusted and total-return views."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from peak_trade.data.actions import load_actions
from peak_trade.data.adjust import adjusted, total_return
from peak_trade.data.load import load
from peak_trade.domain.actions import Actions, Dividend, FundingRate, StockSplit
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import DataError

RAW = "equity/lean_us_equity_1d_raw"
ACTIONS = "equity/lean_us_equity_corporate_actions"
FACTORS = "equity/lean_us_equity_adjust_factors"
SPLIT_DAY = "2014-06-09"  # AAPL, 7 for 1


def found(shared: Path, name: str) -> Path:
    path = shared / "data" / f"{name}.parquet"
    if not path.is_file():
        pytest.skip(f"needs {name}.parquet among the shared data, which is not there")
    return path


@pytest.fixture(scope="module")
def actions(shared: Path) -> Actions:
    return load_actions(found(shared, ACTIONS))


@pytest.fixture(scope="module")
def raw(shared: Path) -> Bars:
    return load(found(shared, RAW))


def real_closes(bars: Bars, symbol: str, values: np.ndarray) -> pd.Series:
    """One column at its real bars, by the date on which they open."""
    column = bars.symbols.index(symbol)
    real = bars.tradable[:, column]
    dates = pd.DatetimeIndex(bars.open_time[real, column].astype("datetime64[ns]"))
    return pd.Series(values[real, column], dates)


def test_recorded_actions_are_read_as_ratios_and_cash(actions: Actions) -> None:
    kinds = [type(action) for action in actions]
    assert (kinds.count(Dividend), kinds.count(StockSplit)) == (409, 11)
    splits = [a for a in actions.for_symbols("AAPL") if isinstance(a, StockSplit)]
    assert [(a.numerator, a.denominator) for a in splits] == [(2, 1), (2, 1), (7, 1), (4, 1)]
    days = [str(np.datetime64(a.time_ns, "ns"))[:10] for a in splits]
    assert days == ["2000-06-21", "2005-02-28", SPLIT_DAY, "2020-08-31"]
    spy = actions.for_symbols("SPY")
    assert len(spy) == 94
    # What the fund paid in 2020, by its own list: 1.41 + 1.37 + 1.34 + 1.58 dollars a share.
    paid = [a.amount for a in spy if isinstance(a, Dividend)][-5:-1]
    assert paid == pytest.approx([1.4056, 1.3662, 1.3392, 1.5800], abs=2e-3)


@pytest.mark.parametrize(
    ("symbol", "since", "tolerance"),
    [
        ("SPY", "1998-01-02", 1e-7),
        ("IWM", "1998-01-02", 1e-7),
        ("AAPL", "1998-01-02", 5e-6),  # the factors of its splits are rounded to seven places
        ("EEM", "1998-01-02", 5e-6),
        ("GOOG", "1998-01-02", 5e-6),
        ("GOOGL", "1998-01-02", 1e-7),
        ("BAC", "1998-09-02", 1e-6),  # three earlier factors are of closes other than the file's
        ("QQQ", "2011-03-23", 1e-7),  # the file has no bars from 2004-12 to then
    ],
)
def test_recorded_views_equal_the_recorded_factors(
    shared: Path, actions: Actions, raw: Bars, symbol: str, since: str, tolerance: float
) -> None:
    own = raw.select(symbol)
    events = actions.within(raw).for_symbols(symbol)
    split, both = (adjusted(own, events, view=view) for view in ("split", "total_return"))
    factors = pd.read_parquet(found(shared, FACTORS)).query("symbol == @symbol")
    factors = factors.assign(ts=factors["ts"].dt.tz_localize(None)).sort_values("ts")
    for view, names in ((split, ["split_factor"]), (both, ["split_factor", "price_factor"])):
        seen = real_closes(own, symbol, view.close / own.close)[since:].rename("seen")
        # A factor holds for the bars up to and on its date.
        listed = pd.merge_asof(
            seen.rename_axis("ts").reset_index().astype({"ts": factors["ts"].dtype}),
            factors,
            on="ts",
            direction="forward",
        )
        expected = listed[names].prod(axis=1)
        np.testing.assert_allclose(listed["seen"], expected, rtol=tolerance)


def test_recorded_split_is_a_fall_in_raw_bars_and_a_day_like_others_in_views(
    actions: Actions, raw: Bars
) -> None:
    events = actions.within(raw)
    views = {view: adjusted(raw, events, view=view) for view in ("raw", "split", "total_return")}
    returns = {
        view: float(real_closes(bars, "AAPL", bars.close).pct_change()[SPLIT_DAY])
        for view, bars in views.items()
    }
    assert returns["raw"] == pytest.approx(93.70 / 645.57 - 1, abs=1e-4)  # -85 %
    assert returns["split"] == pytest.approx(0.0160, abs=1e-4)  # as the press had it
    assert returns["total_return"] == pytest.approx(returns["split"], abs=1e-12)
    index = real_closes(raw, "AAPL", total_return(raw, events)).pct_change()
    assert index[SPLIT_DAY] == pytest.approx(returns["split"], abs=1e-12)


def test_recorded_dividend_of_an_etf_is_in_the_total_return_alone(
    actions: Actions, raw: Bars
) -> None:
    events, day = actions.within(raw), "2020-12-18"
    closes = real_closes(raw, "SPY", raw.close)
    before, after = closes[:day].iloc[-2:]
    split, both = (adjusted(raw, events, view=view) for view in ("split", "total_return"))
    by_view = [
        float(real_closes(raw, "SPY", values).pct_change()[day])
        for values in (split.close, both.close, total_return(raw, events))
    ]
    paid = 1.579993
    expected = [after / before - 1, after / (before - paid) - 1, (after + paid) / before - 1]
    assert by_view == pytest.approx(expected, rel=1e-12)


def test_recorded_etf_returns_what_its_index_did(actions: Actions, raw: Bars) -> None:
    # S&P 500 total return by calendar year, S&P Dow Jones Indices; the fund costs 0.09 % a year
    # and its last trade may be some 0.2 % off the value of what it holds.
    published = {2004: 0.1088, 2005: 0.0491, 2006: 0.1579, 2007: 0.0549, 2008: -0.3700,
                 2009: 0.2646, 2010: 0.1506, 2011: 0.0211, 2012: 0.1600, 2013: 0.3239,
                 2014: 0.1369, 2015: 0.0138, 2016: 0.1196, 2017: 0.2183, 2018: -0.0438,
                 2019: 0.3149, 2020: 0.1840}  # fmt: skip
    values = real_closes(raw, "SPY", total_return(raw, actions.within(raw)))
    by_year = values.groupby(pd.DatetimeIndex(values.index).year).last().pct_change()
    for year, published_return in published.items():
        assert by_year[year] == pytest.approx(published_return, abs=0.004)
    closes = real_closes(raw, "SPY", raw.close)
    price = closes.groupby(pd.DatetimeIndex(closes.index).year).last().pct_change()
    assert ((by_year - price).loc[list(published)] > 0.011).all()


def test_recorded_total_return_equals_a_recorded_adjusted_close(
    shared: Path, actions: Actions
) -> None:
    path = found(shared, "equity/bokeh_4stocks_1d_2000_2013")
    names = ("open", "high", "low", "close", "volume")
    bars = load(path, symbol="AAPL", columns={name: name for name in names})
    events = actions.within(bars)
    assert [type(a) for a in events] == [StockSplit] * 2 + [Dividend] * 3
    listed = pd.read_parquet(path).query("symbol == 'AAPL'")["adj_close"].to_numpy()
    # Adjusted closes of 2013 count dividends as this index does, those of today as the view.
    index = total_return(bars, events)[:, 0]
    np.testing.assert_allclose(index / index[-1], listed / listed[-1], rtol=2e-7)
    view = adjusted(bars, events, view="total_return").close[:, 0]
    np.testing.assert_allclose(view / view[-1], listed / listed[-1], rtol=3e-4)
    assert abs(bars.close[0, 0] / bars.close[-1, 0] / (listed[0] / listed[-1]) - 1) > 2


@pytest.mark.parametrize("symbol", ["AAPL", "BAC"])
def test_recorded_view_keeps_its_distance_to_another_adjusted_close(
    shared: Path, actions: Actions, raw: Bars, symbol: str
) -> None:
    view = adjusted(raw, actions.within(raw), view="total_return")
    other = load(found(shared, "equity/skfolio_20stocks_adjclose_1990_2022"))
    both = pd.concat(
        [real_closes(view, symbol, view.close), real_closes(other, symbol, other.close)],
        axis=1,
        join="inner",
    )["1998-10":]
    # Closes differ from source to source by up to 4 % on odd days, hence medians of years.
    ratio = (both[0] / both[1]).resample("YE").median()
    assert len(ratio) == 24
    np.testing.assert_allclose(ratio / ratio.iloc[-1], 1.0, atol=1e-3)


def test_recorded_minutes_and_hours_over_a_split_have_no_jump(
    shared: Path, actions: Actions
) -> None:
    minutes = load(found(shared, "equity/lean_aapl_1m_20140605_20140609_trade"), symbol="AAPL")
    hours = load(found(shared, "equity/lean_spy_aapl_1h_raw"), symbol="AAPL")
    for bars in (minutes, hours):
        view = adjusted(bars, actions.within(bars).for_symbols("AAPL"))
        jumps = [np.abs(np.diff(np.log(close[:, 0]))) for close in (bars.close, view.close)]
        row = int(jumps[0].argmax()) + 1
        assert str(np.datetime64(int(bars.open_time[row, 0]), "ns"))[:10] == SPLIT_DAY
        assert jumps[0][row - 1] == pytest.approx(np.log(7), abs=0.02)
        assert jumps[1][row - 1] < 0.02


def test_recorded_actions_before_the_first_bar_are_refused_with_the_next_step(
    shared: Path, actions: Actions
) -> None:
    bars = load(found(shared, "equity/lean_spy_aapl_1h_raw"))
    with pytest.raises(DataError, match=r"lies before its first bar .* opens at 2010-01-04T14:00"):
        adjusted(bars, actions.for_symbols("SPY", "AAPL"))
    assert len(actions.within(bars)) == len(
        actions.for_symbols("SPY", "AAPL").between(int(bars.open_time[0, 0]), int(bars.time[-1]))
    )


def test_recorded_funding_is_matched_with_the_mark_candles(shared: Path) -> None:
    path = found(shared, "crypto/freqtrade_xrp_usdt_usdt_8h_funding_rate")
    marks = found(shared, "crypto/freqtrade_xrp_usdt_usdt_8h_mark")
    funding = load_actions(path, symbol="XRP/USDT", mark=marks)
    rates = [action for action in funding if isinstance(action, FundingRate)]
    frame = pd.read_parquet(path)
    candles = pd.read_parquet(marks).sort_values("ts")
    joined = pd.merge_asof(frame.sort_values("ts"), candles, on="ts")  # at or before the stamp
    assert len(rates) == len(funding) == 91
    assert [rate.rate for rate in rates] == joined["funding_rate"].tolist()
    assert [rate.mark for rate in rates] == joined["open"].tolist()
    late = np.array([rate.time_ns for rate in rates]) % (8 * 3_600_000_000_000)
    assert 0 < late.max() < 100_000_000  # some milliseconds
    with pytest.raises(DataError, match=r"no candle of .* opens within 60 s"):
        load_actions(path, symbol="XRP/USDT", mark=load(marks)[:-1])


def test_recorded_funding_over_recorded_hours_keeps_what_falls_on_them(shared: Path) -> None:
    path = found(shared, "crypto/freqtrade_xrp_usdt_usdt_8h_funding_rate")
    hours = load(found(shared, "crypto/freqtrade_xrp_usdt_usdt_1h_futures"), symbol="XRP")
    kept = load_actions(path, symbol="XRP").within(hours)
    assert len(kept) == 10  # 2021-11-18 00:00 to 2021-11-21 00:00, every 8 hours
