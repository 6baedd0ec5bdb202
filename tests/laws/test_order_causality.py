"""Law 1 for order strategies: what is asked for after an event depends on the events up to it."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import peak_trade as pt
from peak_trade.app.wiring import registered_strategies, strategy_class
from peak_trade.domain.errors import ParameterError, StrategyError
from peak_trade.domain.order_strategy import Cancel, OrderStrategy, Request
from peak_trade.domain.strategy import ORDERS, kind_of
from peak_trade.domain.terms import Costs, Terms
from peak_trade.research.order_causality import check_order_causality
from tests.laws.order_scripts import Scripted, minutes
from tests.laws.test_order_substitution import any_grid, any_maker

MAKERS = {
    "grid": any_grid,
    "market_maker": any_maker,
    "script": lambda rng: Scripted(seed=int(rng.integers(2**31))),
}


def test_laws_cover_every_registered_order_strategy():
    ours = [item.name for item in registered_strategies() if item.package == "peak-trade"]
    ours = [name for name in ours if kind_of(strategy_class(name)) == ORDERS]
    assert sorted([*ours, "script"]) == sorted(MAKERS)
    for name in ours:
        assert type(MAKERS[name](np.random.default_rng(1))) is strategy_class(name)


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), jumpy=st.booleans(), gaps=st.booleans())
def test_requests_of_a_strategy_are_causal_in_any_market(name, seed, jumpy, gaps):
    bars = minutes(40, seed, jumpy=jumpy, gaps=gaps)
    strategy = MAKERS[name](np.random.default_rng(seed))
    terms = Terms(cash=1e6, costs=Costs(commission=0.001, slippage=0.0005))
    report = check_order_causality(strategy, bars, terms=terms, every=1)
    assert report.is_causal, report
    assert report.checked == 40
    assert report.events >= int(bars.tradable.sum())


BARS = minutes(30, 8)


class Longer(OrderStrategy):
    """Buys more where more bars are to come: it was handed all of them beside the events."""

    def on_start(self, view):
        self.rows = Longer.known

    def on_bar(self, bar, view):
        return [Request(2 if bar.row + 1 < self.rows else 1)] if bar.row == 3 else ()

    known = 0


class Unseeded(OrderStrategy):
    """Depends on how often it was run."""

    runs = itertools.count()

    def on_start(self, view):
        self.lots = 1 + next(Unseeded.runs) % 2

    def on_bar(self, bar, view):
        return [Request(self.lots)]


class Fails(OrderStrategy):
    """Needs ten bars."""

    def on_bar(self, bar, view):
        return [Request(10 // (20 - bar.row))]


def test_a_strategy_that_knows_how_many_bars_there_are_is_found(monkeypatch):
    real = pt.Bars.__getitem__

    def told(bars, index):
        found = real(bars, index)
        Longer.known = len(found)
        return found

    Longer.known = len(BARS)
    monkeypatch.setattr(pt.Bars, "__getitem__", told)
    report = check_order_causality(Longer(), BARS, every=1)
    assert not report.is_causal
    leak = report.first_leak
    assert (leak.row, leak.event, leak.symbol) == (3, "bar", "I")
    assert "lots=2" in leak.found
    assert "lots=1" in leak.expected
    assert report.to_dict()["first_leak"]["row"] == 3


def test_a_strategy_that_differs_from_run_to_run_is_an_error():
    with pytest.raises(StrategyError, match="other orders on the same bars"):
        check_order_causality(Unseeded(), BARS)


def test_a_strategy_that_fails_is_an_error_that_names_it():
    with pytest.raises(StrategyError, match="Fails raised ZeroDivisionError"):
        check_order_causality(Fails(), BARS)


@pytest.mark.parametrize("wrong", [{"every": 0}, {"seconds": 0.0}])
def test_a_check_of_nothing_is_refused(wrong):
    with pytest.raises(ParameterError):
        check_order_causality(Scripted(), BARS, **wrong)


def test_a_short_budget_checks_the_first_rows_and_the_last():
    report = check_order_causality(Scripted(seed=2), minutes(60, 2), seconds=1e-9)
    assert report.is_causal
    assert 2 <= report.checked < 60


class TellsAll(OrderStrategy):
    """Asks again in every kind of event."""

    def on_bar(self, bar, view):
        return [Request(1, tag="a"), Cancel("b")] if bar.row % 5 == 0 else ()

    def on_fill(self, fill, tag, view):
        return [Request(-1, price=None, tag="b")] if tag == "a" else ()

    def on_end(self, order, state, tag, view):
        return ()


def test_fills_and_ends_are_events_too():
    report = check_order_causality(TellsAll(), BARS, every=1)
    assert report.is_causal
    assert report.events > len(BARS) + 6
