"""What a report is given to show."""

import json
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

import peak_trade as pt
from peak_trade.research.backtest import Ambiguity
from peak_trade.research.pages import (
    buy_and_hold,
    description_of,
    indicators_of,
    noted,
    recipe_of,
)


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


def noisy(rows=300, **named):
    close = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.02, rows)))
    return bars_of(close, **named)


def test_recipe_makes_the_same_run_again(monkeypatch):
    bars = noisy()
    parts = [pt.strategies.MaCross(fast=2, slow=9), pt.strategies.RsiReversion(n=5)]
    first, last = bars.open_time[[20, 250], 0].tolist()
    costs = pt.Costs(commission=0.001)
    result = pt.backtest(
        pt.Mean(strategies=tuple(parts)), bars, cash=5e3, costs=costs, start=first, end=last
    )
    text = recipe_of(result)
    assert f"peak reproduce {result.run}" in text
    monkeypatch.setattr(pt, "load", lambda *_: bars)
    space = {}
    exec(text, space)
    again = space["result"]
    np.testing.assert_array_equal(again.record.equity, result.record.equity)
    assert again.record.fills.differs_from(result.record.fills) == ""


def test_page_shows_the_numbers_of_the_json(tmp_path):
    result = pt.backtest(pt.strategies.MaCross(fast=2, slow=9), noisy())
    text = unescape(result.report(tmp_path / "a.html").read_text("utf-8"))
    told = result.to_dict()
    for name, value in told["stats"].items():
        shown = "nan" if value is None else repr(float(value))
        assert f'data-stat="{name}" data-value="{shown}"' in text
    assert f'data-stat="final_equity" data-value="{told["equity_final"]!r}"' in text
    for warning in told["warnings"]:
        assert warning in text


def test_page_of_a_strategy_with_markup_in_its_name_is_harmless(tmp_path):
    hostile = type("<script>alert(1)</script>", (pt.strategies.MaCross,), {})
    result = pt.backtest(hostile(fast=2, slow=9), noisy(name="<img src=x onerror=alert(2)>"))
    text = result.report(tmp_path / "a.html").read_text("utf-8")
    assert "<script>alert(1)" not in text
    assert "<img src=x" not in text
    found = pt.compare([result], buy_and_hold=False).report(tmp_path / "b.html").read_text("utf-8")
    assert "<script>alert(1)" not in found


def test_noted_suspect_bars_that_were_traded_are_named():
    close = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.01, 300)))
    spiked = close.copy()
    spiked[150] *= 3.0
    for prices, expected in ((close, False), (spiked, True)):
        result = pt.backtest(pt.strategies.MaCross(fast=2, slow=5), bars_of(prices))
        assert any(text.startswith("Suspect data") for text in noted(result)) == expected


def test_noted_survivors_and_paths_inside_bars():
    result = pt.backtest(pt.strategies.MaCross(fast=2, slow=9), noisy(name="builtin:sp500_stocks"))
    assert any("survivorship" in text for text in noted(result))
    unclear = replace(result, ambiguity=Ambiguity(3, -0.2, -0.1))
    assert any("In 3 bars" in text and "-20.00% and -10.00%" in text for text in noted(unclear))
    decisive = replace(result, ambiguity=Ambiguity(3, -0.2, 0.1))  # the run's own warning says it
    assert not any("In 3 bars" in text for text in noted(decisive))


def test_sweep_page_holds_what_the_sweep_found(tmp_path):
    grid = {"fast": [2, 3, 4], "slow": [9, 12]}
    found = pt.sweep(pt.strategies.MaCross, noisy(), grid)
    text = found.report(tmp_path / "s.html").read_text("utf-8")
    assert f'data-value="{found.best.stats["sharpe"]!r}"' in text
    assert f'id="trials" data-value="{found.trials}"' in text
    start = text.index('id="figures">') + len('id="figures">')
    figures = json.loads(text[start : text.index("</script>", start)])
    assert len(figures["parallel"]["axes"]) == 3


def test_sweep_places_name_each_rows_parameters():
    grid = {"fast": [2, 3, 4], "slow": [3, 9]}
    found = pt.sweep(pt.strategies.MaCross, noisy(), grid)
    for row, place in zip(found.rows, found.rows.places.tolist(), strict=True):
        named = zip(grid.values(), place, strict=True)
        assert list(row.params.values()) == [values[k] for values, k in named]
