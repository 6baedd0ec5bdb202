"""What a report is given to show."""

import numpy as np
import pytest

import peak_trade as pt
from peak_trade.research.pages import buy_and_hold, description_of, indicators_of


def bars_of(close, **named):
    return pt.Bars.from_arrays(close, open=close, **named)


def test_indicators_of_any_scale_are_shown():
    bars = bars_of(np.linspace(50_000, 60_000, 60))
    assert list(indicators_of(pt.strategies.RsiReversion(n=5), bars)) == ["RSI 5"]
    assert list(indicators_of(pt.strategies.MaCross(fast=2, slow=9), bars)) == ["SMA 2", "SMA 9"]


def test_strategy_without_indicators_shows_none():
    signals = pt.from_signals([True, False], [False, True])
    assert indicators_of(signals, bars_of([1.0, 2.0])) == {}


def test_description_is_the_first_paragraph_on_one_line():
    class Wordy:
        """Buy low,
        sell high.

        And more.
        """

    assert description_of(Wordy()) == "Buy low, sell high."


def test_buy_and_hold_buys_equal_parts_at_the_first_open_and_keeps_them():
    close = np.column_stack([[10.0, 10, 20, 40], [50.0, 50, 50, 25]])
    bars = bars_of(close, instruments=[pt.Instrument(name, lot=1.0) for name in "XY"])
    result = pt.backtest(pt.strategies.MaCross(fast=1, slow=2), bars, cash=1000.0)
    held = buy_and_hold(result.record)
    assert held.fills.lots.tolist() == [50, 10]
    assert held.fills.row.tolist() == [1, 1]
    assert held.equity.tolist() == [1000.0, 1000.0, 1500.0, 2250.0]


def test_buy_and_hold_pays_the_runs_costs_but_has_no_exits():
    close = np.array([10.0, 10, 5, 2.5, 10])
    bars = bars_of(close, instruments=[pt.Instrument("X", lot=1.0)])
    terms = {"costs": pt.Costs(commission=0.01), "exits": pt.Exits(stop_loss=0.1)}
    result = pt.backtest(pt.strategies.MaCross(fast=1, slow=2), bars, cash=1000.0, **terms)
    held = buy_and_hold(result.record)
    assert len(held.fills) == 1
    assert held.fills.fee[0] == pytest.approx(0.01 * 99 * 10)
    assert held.equity[-1] == pytest.approx(1000 - 9.9)


@pytest.mark.parametrize("what", ["backtest", "sweep"])
def test_report_is_one_page_that_names_what_ran(what, tmp_path):
    bars = bars_of(np.linspace(10, 20, 80) + np.sin(np.arange(80)), name="waves")
    if what == "backtest":
        result = pt.backtest(pt.strategies.RsiReversion(n=3), bars)
    else:
        result = pt.sweep(pt.strategies.MaCross, bars, {"fast": [2, 3], "slow": [5, 9]})
    path = result.report(tmp_path / "page.html")
    text = path.read_text(encoding="utf-8")
    assert path == tmp_path / "page.html"
    assert "waves" in text
    assert ("RsiReversion" if what == "backtest" else "MaCross") in text
