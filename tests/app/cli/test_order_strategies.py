"""Order strategies on the command line: listed with their kind, traded, checked, not swept."""

from pathlib import Path

MINE = '''
from peak_trade.domain.order_strategy import OrderStrategy, Request


class Once(OrderStrategy):
    """Buy one lot after the first bar."""

    def on_bar(self, bar, view):
        return [Request(1)] if bar.row == 0 else ()


class Chance(OrderStrategy):
    """Asks for more every time that it is made."""

    made = 0

    def on_start(self, view):
        Chance.made += 1

    def on_bar(self, bar, view):
        return [Request(Chance.made)]


class Half:
    """Has on_bar, and is no OrderStrategy."""

    def on_bar(self, bar, view):
        return ()
'''


def test_strategies_says_what_kind_each_is(peak):
    found = {item["name"]: item["kind"] for item in peak("strategies", "--json").json["strategies"]}
    assert found["grid"] == found["market_maker"] == "orders"
    assert found["ma_cross"] == "targets"
    assert peak("strategies", "grid", "--json").json["kind"] == "orders"


def test_an_order_strategy_of_a_file_is_described_and_traded(peak, bars_csv: Path):
    Path("mine.py").write_text(MINE, encoding="utf-8")
    assert "Buy one lot after the first bar." in peak("strategies", "mine.py:Once").out
    ran = peak("backtest", "mine.py:Once", "--data", f"file:{bars_csv}", "--json")
    assert ran.code == 0, ran.err


def test_causality_takes_an_order_strategy(peak, bars_csv: Path):
    ran = peak("causality", "grid", "--data", f"file:{bars_csv}", "--every", "50", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["is_causal"] is True
    assert ran.json["strategy"] == "grid"
    plain = peak("causality", "grid", "--data", f"file:{bars_csv}", "--every", "50")
    assert "No look-ahead was found" in plain.out


def test_causality_of_a_strategy_that_differs_from_run_to_run_is_bad_input(peak, bars_csv: Path):
    Path("mine.py").write_text(MINE, encoding="utf-8")
    ran = peak("causality", "mine.py:Chance", "--data", f"file:{bars_csv}")
    assert ran.code == 2
    assert "asks for other orders on the same bars" in ran.err


def test_a_sweep_says_that_it_takes_targets(peak, bars_csv: Path):
    ran = peak("sweep", "grid", "--data", f"file:{bars_csv}", "--grid", "levels=2,3")
    assert ran.code == 2
    assert "targets" in ran.err


def test_a_class_with_on_bar_alone_is_no_strategy(peak):
    Path("mine.py").write_text(MINE, encoding="utf-8")
    ran = peak("strategies", "mine.py:Half")
    assert ran.code == 2
    assert "make an OrderStrategy" in ran.err
