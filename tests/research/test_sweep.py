"""Sweeps: order, ranking, counting, and equality with backtests."""

import itertools
import json
import math
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest

import peak_trade as pt
from peak_trade.domain.errors import InputError, ParameterError, StrategyError
from peak_trade.stats.performance import STATISTICS
from peak_trade.strategies import MaCross

LOWEST_FIRST = {"volatility", "fees", "turnover"}


def walk(rows=500, seed=5, width=1, **named):
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0.0003, 0.01, (rows, width)), axis=0)), 2)
    opens = np.vstack([close[:1], close[:-1]])
    wick = rng.exponential(0.3, (2, rows, width))
    return pt.Bars.from_arrays(
        close, open=opens, high=np.maximum(close, opens) + wick[0],
        low=np.minimum(close, opens) - wick[1], name="walk", **named,
    )  # fmt: skip


GRID = {"fast": [2, 3, 5, 20], "slow": [5, 10, 20]}


class Breakout:
    """A plain class: long above the close ``n`` rows before, with a weight."""

    def __init__(self, n, weight=1.0):
        if n < 1:
            raise ParameterError(f"n {n} is below 1")
        self.n, self.weight = n, weight

    def targets(self, bars):
        close = bars.close[:, 0]
        before = np.concatenate([np.full(self.n, np.inf), close[: -self.n]])
        return np.where(close > before, self.weight, 0.0)


# ---------------------------------------------------------------- rows


def test_rows_of_equal_figures_stand_in_grid_order():
    flat = pt.Bars.from_arrays(np.full(60, 10.0), open=np.full(60, 10.0))
    found = pt.sweep(MaCross, flat, GRID)
    expected = [
        {"fast": fast, "slow": slow}
        for fast, slow in itertools.product(GRID["fast"], GRID["slow"])
        if fast < slow
    ]
    assert [row.params for row in found.rows] == expected


@pytest.mark.parametrize("sort", STATISTICS)
def test_rows_are_ranked_by_any_statistic_best_first(sort):
    found = pt.sweep(MaCross, walk(), GRID, sort=sort, costs=pt.Costs(commission=0.001))
    figures = [row.stats[sort] for row in found.rows]
    known = [value for value in figures if not math.isnan(value)]
    assert figures[: len(known)] == known, "what is not defined comes last"
    assert known == sorted(known, reverse=sort not in LOWEST_FIRST)
    assert found.best.stats[sort] == known[0]
    assert found.sort == sort


def test_rows_that_are_not_defined_come_last():
    class Weighted(pt.Strategy):
        weight: float = pt.param(default=0.0)

        def targets(self, bars):
            return np.full(bars.close.shape, self.weight)

    found = pt.sweep(Weighted, walk(), {"weight": [0.0, 1.0, 0.5]}, sort="sharpe")
    assert found.rows[2].params == {"weight": 0.0}
    assert math.isnan(found.rows[2].stats["sharpe"])


def test_combinations_that_the_strategy_refuses_are_skipped_and_counted():
    found = pt.sweep(MaCross, walk(), GRID)
    assert (found.trials, found.skipped) == (8, 4)
    assert len(found.rows) == 8
    assert all(row.params["fast"] < row.params["slow"] for row in found.rows)


def test_combinations_whose_warm_up_is_longer_than_the_data_are_skipped():
    found = pt.sweep(MaCross, walk(100), {"fast": [5], "slow": [10, 100, 101]})
    assert (found.trials, found.skipped) == (2, 1)


def test_rows_are_read_one_by_one_and_by_slices():
    found = pt.sweep(MaCross, walk(), GRID)
    rows = list(found.rows)
    assert [row.params for row in found.rows[:3]] == [row.params for row in rows[:3]]
    assert found.rows[-1].params == rows[-1].params
    assert found.best.params == rows[0].params
    with pytest.raises(IndexError):
        found.rows[8]
    np.testing.assert_array_equal(found.rows.column("fees"), [r.stats["fees"] for r in rows])
    assert found.rows.parameter("slow") == [r.params["slow"] for r in rows]


# ---------------------------------------------------------------- equal to backtests

TERM_GRID = {
    "slow": [10, 30],
    "costs.commission": [0.0, 0.002],
    "exits.stop_loss": [0.02, None],
    "fast": [2, 12],
    "exits.take_profit": [None, 0.05],
    "costs.slippage": [0.001],
}


@pytest.mark.parametrize("width", [1, 2])
def test_rows_with_exits_and_costs_equal_backtests_of_their_parameters(width):
    bars = walk(width=width)
    found = pt.sweep(MaCross, bars, TERM_GRID, cash=5000.0, start="1970-03-01", cash_buffer=0.01)
    assert (found.trials, found.skipped) == (24, 8)
    assert found.warnings == ()
    for row in found.rows:
        params = row.params
        assert list(params) == list(TERM_GRID)
        result = pt.backtest(
            MaCross(fast=params["fast"], slow=params["slow"]), bars, cash=5000.0,
            start="1970-03-01", cash_buffer=0.01,
            costs=pt.Costs(params["costs.commission"], params["costs.slippage"]),
            exits=pt.Exits(params["exits.stop_loss"], params["exits.take_profit"]),
        )  # fmt: skip
        for name in STATISTICS:
            assert row.stats[name] == pytest.approx(
                result.stats[name], rel=1e-12, abs=1e-12, nan_ok=True
            ), (name, params)


def test_terms_given_to_a_sweep_hold_where_the_grid_does_not_name_them():
    bars = walk()
    costs, exits = pt.Costs(commission=0.003), pt.Exits(stop_loss=0.03, reentry="stated")
    found = pt.sweep(
        MaCross, bars, {"fast": [3], "slow": [9], "exits.take_profit": [0.04]},
        costs=costs, exits=exits,
    )  # fmt: skip
    both = pt.Exits(stop_loss=0.03, take_profit=0.04, reentry="stated")
    result = pt.backtest(MaCross(fast=3, slow=9), bars, costs=costs, exits=both)
    assert found.best.stats == pytest.approx(dict(result.stats), rel=1e-12)


def test_sweep_of_a_plain_class_equals_its_backtests():
    bars = walk()
    found = pt.sweep(Breakout, bars, {"n": [0, 3, 10], "weight": [0.5, -1.0]})
    assert (found.name, found.trials, found.skipped) == ("Breakout", 4, 2)
    for row in found.rows:
        result = pt.backtest(Breakout(**row.params), bars)
        assert row.stats == pytest.approx(dict(result.stats), rel=1e-12)


@pytest.mark.parametrize("width", [1, 3])
def test_sweep_on_one_thread_equals_that_on_two(width):
    bars = walk(width=width)
    one, two = (pt.sweep(MaCross, bars, TERM_GRID, threads=threads) for threads in (1, 2))
    assert [row.params for row in one.rows] == [row.params for row in two.rows]
    for name in STATISTICS:
        assert one.rows.column(name).tobytes() == two.rows.column(name).tobytes()


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("kind", "grid", "named", "error", "message"),
    [
        (MaCross, {"fats": [1]}, {}, ParameterError, "no parameter 'fats'; did you mean fast"),
        (MaCross, {"costs.comission": [0]}, {}, ParameterError, "did you mean costs.commission"),
        (MaCross, {"exits.reentry": ["zero"]}, {}, ParameterError, "no parameter 'exits.reentry'"),
        (MaCross, {}, {}, ParameterError, "the grid is empty"),
        (MaCross, {"fast": []}, {}, ParameterError, "the grid has no value for fast"),
        (MaCross, GRID, {"sort": "sharp"}, ParameterError, "did you mean sharpe"),
        (MaCross, {"fast": [9], "slow": [3, 5]}, {}, ParameterError, "none of the 2 combinations"),
        (MaCross, {"fast": [5.5]}, {}, ParameterError, "fast 5.5 of MaCross is not a whole number"),
        (MaCross, {"slow": [9000]}, {}, ParameterError, "a warm-up of 8999 rows on 500 rows"),
        (MaCross, {"fast": [5], "costs.commission": [2.0]}, {}, ParameterError, "commission 2.0"),
        (MaCross, {"fast": [5], "exits.stop_loss": [-1.0]}, {}, ParameterError, "stop_loss -1.0"),
        (MaCross, GRID, {"cash": -5}, ParameterError, "cash -5 is not a positive number"),
        (MaCross, GRID, {"start": "2050-01-01"}, InputError, "no bar of walk opens"),
        (dict, {"a": [1]}, {}, StrategyError, "has no method targets"),
        ("ma_cross", GRID, {}, StrategyError, "'ma_cross' has no method targets"),
    ],
)  # fmt: skip
def test_sweep_of_bad_input_says_what(kind, grid, named, error, message):
    with pytest.raises(error) as caught:
        pt.sweep(kind, walk(), grid, **named)
    assert message in str(caught.value)
    assert isinstance(caught.value, InputError)


def test_exits_in_the_grid_on_closes_alone_are_refused():
    closes = pt.Bars.from_arrays(np.linspace(10, 12, 60))
    with pytest.raises(InputError, match="closes alone"):
        pt.sweep(MaCross, closes, {"fast": [2], "exits.stop_loss": [None, 0.05]})


# ---------------------------------------------------------------- progress, results, memory


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_rises_to_the_number_of_combinations(threads):
    told = []
    grid = {"fast": list(range(1, 31)), "slow": [10, 20], "costs.commission": [0.0, 0.001]}
    pt.sweep(MaCross, walk(), grid, threads=threads, progress=lambda a, b: told.append((a, b)))
    done = [a for a, _ in told]
    assert {b for _, b in told} == {120}
    assert done == sorted(done)
    assert done[-1] == 120
    assert len(done) > 1


@pytest.mark.parametrize(("frame", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_frame_has_a_row_a_combination_best_first(frame, kind):
    found = pt.sweep(MaCross, walk(frame=frame), GRID)
    table = found.frame()
    assert isinstance(table, kind)
    assert list(table.columns) == ["fast", "slow", *STATISTICS]
    assert len(table) == found.trials
    assert list(table["sharpe"]) == [row.stats["sharpe"] for row in found.rows]
    assert list(table["fast"]) == [row.params["fast"] for row in found.rows]


@pytest.mark.parametrize(("top", "rows"), [(None, 8), (3, 3), (0, 0), (100, 8)])
def test_dict_of_a_sweep_is_json_of_its_top_rows(top, rows):
    found = pt.sweep(MaCross, walk(), GRID)
    read = json.loads(json.dumps(found.to_dict(top), allow_nan=False))
    assert (read["trials"], read["skipped"], read["sort"]) == (8, 4, "sharpe")
    assert len(read["rows"]) == rows
    assert [row["params"] for row in read["rows"]] == [row.params for row in found.rows[:rows]]
    assert all(list(row["stats"]) == list(STATISTICS) for row in read["rows"])
    assert read["data"]["bars"] == 500


def test_sweep_without_costs_warns_of_it():
    assert "before commission" in pt.sweep(MaCross, walk(), GRID).warnings[0]
    assert pt.sweep(MaCross, walk(), GRID, costs=pt.Costs(slippage=0.001)).warnings == ()


def test_repr_of_a_sweep_names_the_best():
    found = pt.sweep(MaCross, walk(), GRID)
    assert repr(found).startswith("Sweep(MaCross on walk: 8 trials, best sharpe ")
    assert repr(found).endswith(f"at {found.best.params})")


@pytest.mark.parametrize("name", ["weight", "costs.commission"])
def test_peak_memory_does_not_grow_with_the_number_of_combinations(name):
    bars = walk(20_000)  # one array of targets: 160 kB

    def peak(count):
        grid = {"n": [5], name: np.linspace(0.1, 0.5, count).tolist()}
        tracemalloc.start()
        pt.sweep(Breakout, bars, grid, threads=1)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(2)  # compiled, imported
    assert peak(400) < peak(10) + 2_000_000


def test_sweep_of_an_object_asks_for_its_class() -> None:
    bars = pt.Bars.from_arrays([1.0, 2.0, 3.0])
    with pytest.raises(pt.PeakTradeError, match="hand in the class, MaCross"):
        pt.sweep(pt.strategies.MaCross(fast=1, slow=2), bars, {"fast": [1]})
