"""Corporate actions and funding in backtests over recorded data."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import peak_trade as pt


class Always(pt.Strategy):
    """The same weight at every bar."""

    weight: float = pt.param(default=1.0, low=-1.0, high=1.0)

    def targets(self, bars):
        return np.full(bars.close.shape, self.weight)


def stock(shared: Path, symbol: str, first: str, last: str) -> tuple[pt.Bars, pt.Actions]:
    folder = shared / "data" / "equity"
    table = pl.read_parquet(folder / "lean_us_equity_1d_raw.parquet").sort("ts")
    dates = (
        pl.col("ts").dt.date().is_between(pl.lit(first).str.to_date(), pl.lit(last).str.to_date())
    )
    table = table.filter((pl.col("symbol") == symbol) & dates)
    opens = table["ts"].dt.epoch("ns").to_numpy()
    bars = pt.Bars.from_arrays(
        table["close"].to_numpy(), open=table["open"].to_numpy(), high=table["high"].to_numpy(),
        low=table["low"].to_numpy(), time=opens + 86_400_000_000_000, open_time=opens,
        interval="1d", instruments=[pt.Instrument(symbol, calendar="XNYS", lot=1e-4)],
        name=symbol,
    )  # fmt: skip
    actions = pt.load_actions(folder / "lean_us_equity_corporate_actions.parquet")
    return bars, actions.for_symbols(symbol).within(bars)


def test_split_of_apple_in_raw_bars_leaves_what_adjusted_bars_leave(shared: Path) -> None:
    bars, actions = stock(shared, "AAPL", "2014-05-19", "2014-07-31")
    splits = pt.Actions.of(a for a in actions if isinstance(a, pt.StockSplit))
    assert [(a.numerator, a.denominator) for a in splits] == [(7, 1)]
    raw = pt.backtest(Always(weight=0.9), bars, actions=splits)
    adjusted = pt.backtest(Always(weight=0.9), pt.adjusted(bars, splits, view="split"))
    naive = pt.backtest(Always(weight=0.9), bars)
    assert raw.record.splits[0][2] == 7.0
    assert int(raw.record.lots[0]) == 7 * int(raw.record.fills.lots[0])
    assert np.allclose(raw.record.equity, adjusted.record.equity, rtol=1e-5)
    assert naive.equity_final < 0.3 * raw.equity_final


def test_dividends_of_spy_paid_in_cash_are_what_was_held_times_the_amounts(shared: Path) -> None:
    bars, actions = stock(shared, "SPY", "2010-01-04", "2020-12-31")
    result = pt.backtest(Always(weight=0.5), bars, actions=actions)
    flows = result.record.flows
    shares = int(result.record.fills.lots[0]) * 1e-4
    amounts = [a.amount for a in actions if isinstance(a, pt.Dividend)]
    assert len(flows) == len(amounts) == 44
    assert np.allclose(flows.amount, shares * np.array(amounts), rtol=1e-12)
    stamps = [np.datetime64(int(time), "ns").astype("datetime64[D]") for time in flows.time]
    assert stamps[0] == np.datetime64("2010-03-19")


def test_spy_held_with_dividends_reinvested_returns_what_its_total_return_view_returns(
    shared: Path,
) -> None:
    bars, actions = stock(shared, "SPY", "2010-01-04", "2020-12-31")
    held = pt.backtest(Always(), bars, actions=actions, rebalance="bar", cash_buffer=0.0)
    index = pt.total_return(bars, actions)[:, 0]
    first = int(held.record.fills.row[0])
    ours = held.record.equity[-1] / held.record.equity[first]
    assert ours == pytest.approx(index[-1] / index[first], rel=2e-3)


def test_funding_of_the_xrp_perpetual_settles_every_stamp_within_the_bars(shared: Path) -> None:
    folder = shared / "data" / "crypto"
    marks = pl.read_parquet(folder / "freqtrade_xrp_usdt_usdt_8h_mark.parquet")
    rates = pl.read_parquet(folder / "freqtrade_xrp_usdt_usdt_8h_funding_rate.parquet")
    before = pl.read_parquet(folder / "freqtrade_xrp_usdt_usdt_5m_futures.parquet").filter(
        (pl.col("ts") >= pl.datetime(2021, 11, 17, 16, time_zone="UTC"))
        & (pl.col("ts") < pl.datetime(2021, 11, 18, time_zone="UTC"))
    )  # the eight hours before the first stamp, so that a position is held at it
    first = before.select(
        pl.col("ts").first(), pl.col("open").first(), pl.col("high").max(), pl.col("low").min(),
        pl.col("close").last(),
    )  # fmt: skip
    candles = pl.concat([first, marks.select(first.columns)])
    opens = candles["ts"].dt.epoch("ns").to_numpy()
    bars = pt.Bars.from_arrays(
        candles["close"].to_numpy(), open=candles["open"].to_numpy(),
        high=candles["high"].to_numpy(), low=candles["low"].to_numpy(),
        time=opens + 8 * 3_600_000_000_000, open_time=opens, interval="8h",
        instruments=[pt.Instrument("XRP/USDT:USDT", quote="USDT", lot=0.1)],
    )  # fmt: skip
    actions = pt.load_actions(
        folder / "freqtrade_xrp_usdt_usdt_8h_funding_rate.parquet", symbol="XRP/USDT:USDT",
        mark=folder / "freqtrade_xrp_usdt_usdt_8h_mark.parquet",
    )  # fmt: skip
    assert len(actions) == 91
    short = pt.backtest(
        Always(weight=-0.5), bars, actions=actions, costs=pt.Costs(commission=0.0004)
    )
    flows, sold = short.record.flows, short.record.fills
    assert len(flows) == 91
    assert set(flows.kind) == {"funding"}
    units = int(sold.lots[0]) * 0.1
    expected = -units * marks["open"].to_numpy() * rates["funding_rate"].to_numpy()
    assert np.allclose(flows.amount, expected, rtol=1e-12)
    assert len(np.unique(flows.row)) == 91
