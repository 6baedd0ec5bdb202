"""LEAN's own regression algorithms, replayed: end equity, fees and number of orders.

All four cases of the file can be said. LEAN fills a market order at the bid or ask of the bar that
decided it, and sizes by the quote; here an order fills at the next bar's open with half a spread, so
the minute bars are given the mid quote of the minute before as their open and half its spread as a
feature, and the mid quote as the close of the first. LEAN's
statistics are sampled daily over its own calendar with its own risk-free rate, and are not compared.
"""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import peak_trade as pt

IB_FEES = pt.Fees(per_unit=0.005, minimum=1.0, cap=0.005)
BUFFER = 0.0025


class Hold(pt.Strategy):
    """A weight from the first bar on."""

    weight: float = pt.param(default=1.0, low=0.0, high=1.0)

    def targets(self, bars):
        return np.full(bars.close.shape, self.weight)


class OneBar(pt.Strategy):
    """Everything in at the first bar, everything out at the second."""

    def targets(self, bars):
        targets = np.zeros(bars.close.shape)
        targets[0] = 1.0
        return targets


def expected(shared: Path, case: str) -> dict:
    text = (shared / "cases" / "lean_regression.json").read_text(encoding="utf-8")
    return next(found for found in json.loads(text)["cases"] if found["id"] == case)


def factor(shared: Path, symbol: str, stamps: pl.Series) -> np.ndarray:
    """LEAN's cumulative factor: that of the first factor row with a date at or after the bar's."""
    table = pl.read_parquet(shared / "data" / "equity" / "lean_us_equity_adjust_factors.parquet")
    rows = table.filter(pl.col("symbol") == symbol).sort("ts")
    dates = rows["ts"].dt.date().to_numpy()
    place = np.searchsorted(dates, stamps.dt.date().to_numpy())
    values = rows["price_factor"].to_numpy() * rows["split_factor"].to_numpy()
    return values[place]


def minute_bars(shared: Path) -> pt.Bars:
    folder = shared / "data" / "equity"
    trades = pl.read_parquet(folder / "lean_spy_1m_20131004_20131011_trade.parquet")
    quotes = pl.read_parquet(folder / "lean_spy_1m_20131004_20131011_quote.parquet")
    both = trades.join(quotes, on="ts").sort("ts")
    local = pl.col("ts").dt.convert_time_zone("America/New_York")
    in_session = local.dt.time().is_between(pl.time(9, 30), pl.time(15, 59))
    both = both.filter(in_session & (local.dt.date() >= pl.date(2013, 10, 7)))
    scale = factor(shared, "SPY", both["ts"])
    close = both["close"].to_numpy() * scale
    bid, ask = (both[name].to_numpy() * scale for name in ("bid_close", "ask_close"))
    close[0] = (bid[0] + ask[0]) / 2  # what LEAN sizes the first order by
    middle = np.concatenate(([close[0]], ((bid + ask) / 2)[:-1]))  # what stood when the bar opened
    spread = np.concatenate(([0.0], ((ask - bid) / 2)[:-1]))
    opens = both["ts"].dt.epoch("ns").to_numpy()
    return pt.Bars.from_arrays(
        close,
        open=middle,
        high=np.maximum(both["high"].to_numpy() * scale, np.maximum(middle, close)),
        low=np.minimum(both["low"].to_numpy() * scale, np.minimum(middle, close)),
        time=opens + 60_000_000_000,
        open_time=opens,
        interval="1m",
        instruments=[pt.Instrument("SPY", lot=1.0, calendar="XNYS")],
        features={"half_spread": spread},
    )


def daily_bars(shared: Path, first: str, last: str, *, adjust: bool) -> pt.Bars:
    table = pl.read_parquet(shared / "data" / "equity" / "lean_us_equity_1d_raw.parquet")
    dates = (
        pl.col("ts").dt.date().is_between(pl.lit(first).str.to_date(), pl.lit(last).str.to_date())
    )
    table = table.filter((pl.col("symbol") == "SPY") & dates).sort("ts")
    scale = factor(shared, "SPY", table["ts"]) if adjust else 1.0
    opens = table["ts"].dt.epoch("ns").to_numpy()
    prices = {name: table[name].to_numpy() * scale for name in ("open", "high", "low", "close")}
    return pt.Bars.from_arrays(
        prices.pop("close"),
        **prices,
        time=opens + 86_400_000_000_000,
        open_time=opens,
        interval="1d",
        instruments=[pt.Instrument("SPY", lot=1.0, calendar="XNYS")],
    )


def check(result: pt.Backtest, case: dict, *, tolerance: float) -> None:
    figures, replayed = case["expected_statistics"], case["replay"]
    assert result.equity_final == pytest.approx(figures["End Equity"], abs=tolerance)
    assert result.stats["fees"] == pytest.approx(figures["Total Fees"], abs=0.01)
    assert result.record.counts.ordered == figures["Total Orders"]
    assert int(result.record.fills.lots[0]) == replayed["shares"]


def test_lean_buy_and_hold_of_minutes_replayed_gives_its_equity(shared: Path) -> None:
    case = expected(shared, "lean_buy_hold_minute")
    result = pt.backtest(
        Hold(), minute_bars(shared), cash=100_000.0, cash_buffer=BUFFER, min_change=2 * BUFFER,
        costs=pt.Costs(fees=IB_FEES, half_spread="half_spread"),
    )  # fmt: skip
    check(result, case, tolerance=0.01)
    assert float(result.record.fills.price[0]) == pytest.approx(
        case["replay"]["fill_price"], abs=1e-6
    )


def test_lean_buy_and_hold_of_days_replayed_gives_its_equity(shared: Path) -> None:
    case = expected(shared, "lean_buy_hold_daily_moo")
    bars = daily_bars(shared, "2013-10-08", "2013-10-17", adjust=True)
    result = pt.backtest(
        Hold(), bars, cash=100_000.0, cash_buffer=BUFFER, costs=pt.Costs(fees=IB_FEES)
    )
    check(result, case, tolerance=0.01)


def test_lean_raw_dividends_replayed_give_its_equity(shared: Path) -> None:
    case = expected(shared, "lean_raw_dividends")
    bars = daily_bars(shared, "1998-01-01", "2005-12-31", adjust=False)
    path = shared / "data" / "equity" / "lean_us_equity_corporate_actions.parquet"
    actions = pt.load_actions(path).within(bars)
    result = pt.backtest(
        Hold(weight=0.5), bars, cash=100_000.0, cash_buffer=BUFFER,
        costs=pt.Costs(fees=IB_FEES), actions=actions,
    )  # fmt: skip
    check(result, case, tolerance=case["tolerance"])
    paid = result.record.flows
    assert set(paid.kind) == {"dividend"}


def test_lean_round_trip_without_fees_replayed_gives_its_equity(shared: Path) -> None:
    case = expected(shared, "lean_zero_fee_roundtrip")
    result = pt.backtest(
        OneBar(), minute_bars(shared), cash=100_000.0, cash_buffer=BUFFER,
        costs=pt.Costs(half_spread="half_spread"),
    )  # fmt: skip
    check(result, case, tolerance=case["tolerance"])
