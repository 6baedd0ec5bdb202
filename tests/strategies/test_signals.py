"""Signals as a strategy."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import peak_trade as pt
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import StrategyError
from peak_trade.strategies.signals import from_signals

NAN = float("nan")


def test_signals_state_targets_where_something_is_asked_for():
    strategy = from_signals([1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1])
    targets = strategy.targets(Bars.from_arrays(np.ones(4)))
    np.testing.assert_array_equal(targets[:, 0], [1, NAN, -1, 0])


def test_signals_of_a_panel_share_equity_among_its_instruments():
    entries = np.array([[True, False], [False, True]])
    strategy = from_signals(entries, np.zeros((2, 2)))
    targets = strategy.targets(Bars.from_arrays(np.ones((2, 2))))
    np.testing.assert_array_equal(targets, [[0.5, NAN], [NAN, 0.5]])


SIGNALS = {
    "bools": lambda x: np.array(x, bool),
    "integers": list,
    "floats": lambda x: np.array(x, float),
    "pandas": lambda x: pd.Series(np.array(x, bool)),
    "pandas frame": lambda x: pd.DataFrame({"x": np.array(x, bool)}),
    "polars": lambda x: pl.Series(np.array(x, bool)),
    "objects": lambda x: np.array([bool(i) for i in x], object),
}


@pytest.mark.parametrize("kind", SIGNALS)
def test_signals_of_any_array_like_are_taken(kind):
    strategy = from_signals(SIGNALS[kind]([1, 0, 0]), SIGNALS[kind]([0, 0, 1]))
    targets = strategy.targets(Bars.from_arrays(np.ones(3)))
    np.testing.assert_array_equal(targets[:, 0], [1, NAN, 0])


@pytest.mark.parametrize(
    "signal",
    [[1, 2, 0], [0.5, 0, 0], [NAN, 0, 1], [None, True, False], ["a", "b", "c"], "yes",
     pd.array([True, None, False], dtype="boolean")],
)  # fmt: skip
def test_signals_that_are_not_true_or_false_are_refused(signal):
    with pytest.raises(StrategyError, match="something else than True and False"):
        from_signals(signal, [0, 0, 0])


@pytest.mark.parametrize("signal", [True, np.zeros((2, 1, 1), bool)])
def test_signals_of_no_or_three_dimensions_are_refused(signal):
    with pytest.raises(StrategyError, match=r"expected .rows,. or"):
        from_signals(signal, signal)


def test_signals_of_different_shapes_are_refused():
    with pytest.raises(StrategyError, match=r"signals have shapes \(2, 1\), \(3, 1\)"):
        from_signals([0, 1], [0, 1, 0])


def test_signals_of_nothing_are_refused():
    with pytest.raises(StrategyError, match="no signals; give all signals"):
        from_signals(None, None)


@pytest.mark.parametrize("shape", [(2,), (3, 2)])
def test_signals_that_do_not_fit_the_bars_are_refused(shape):
    strategy = from_signals(np.zeros(shape), np.zeros(shape))
    with pytest.raises(StrategyError, match=r"the bars \(3, 1\)"):
        strategy.targets(Bars.from_arrays(np.ones(3)))


def test_signals_longer_than_the_bars_are_cut_at_their_end():
    strategy = from_signals([1, 0, 0, 1], [0, 0, 1, 0])
    whole = strategy.targets(Bars.from_arrays(np.ones(4)))
    np.testing.assert_array_equal(strategy.targets(Bars.from_arrays(np.ones(3))), whole[:3])


def test_changing_the_given_signals_does_not_change_the_strategy():
    entries, exits = np.array([True, False, False]), np.zeros(3, bool)
    strategy = from_signals(entries, exits)
    entries[2] = True
    targets = strategy.targets(Bars.from_arrays(np.ones(3)))
    np.testing.assert_array_equal(targets[:, 0], [1, NAN, NAN])


def test_signals_count_themselves_in_their_repr():
    strategy = from_signals([1, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 1])
    assert repr(strategy) == "Signals(2 entries, 1 exits, 0 short entries, 1 short exits)"


@pytest.mark.parametrize(("reentry", "trades"), [("zero", 1), ("stated", 2)])
def test_entry_after_a_stop_enters_again_where_it_is_stated(reentry, trades):
    bars = Bars.from_arrays(
        [100.0, 100, 90, 90, 100, 101], open=[100.0, 100, 100, 90, 90, 100]
    )  # fmt: skip
    strategy = from_signals([1, 0, 0, 1, 0, 0], np.zeros(6))
    exits = pt.Exits(stop_loss=0.05, reentry=reentry)
    result = pt.backtest(strategy, bars, cash=1000.0, exits=exits)
    assert result.stats["trades"] == trades
    assert result.trades["exit_reason"][0] == "stop_loss"
