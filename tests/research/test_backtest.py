"""Backtests: what they are given back as, and what they refuse."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest

import peak_trade as pt
from peak_trade.domain.errors import InputError, ParameterError, StrategyError
from peak_trade.domain.record import OrderCounts
from peak_trade.research.backtest import plain_value, stats_json, warnings_of

DAY = 86_400_000_000_000


def walk(rows=400, width=1, seed=3, **named):
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0.0005, 0.01, (rows, width)), axis=0)), 2)
    opens = np.vstack([close[:1], close[:-1]])
    return pt.Bars.from_arrays(close, open=opens, name="walk", **named)


class Fixed(pt.Strategy):
    """One weight for every instrument, always."""

    weight: float = pt.param(default=1.0)

    def targets(self, bars):
        return np.full(bars.close.shape, self.weight)


class Given:
    """Targets that were worked out before; no subclass of anything."""

    def __init__(self, values):
        self.values = values

    def targets(self, bars):
        return self.values


# ---------------------------------------------------------------- what is refused


class WithoutTargets:
    pass


BAD = {
    "negative cash": ({"cash": -1.0}, ParameterError, "cash -1.0 is not a positive number"),
    "no cash": ({"cash": 0}, ParameterError, "cash 0 is not a positive number"),
    "cash in words": ({"cash": "much"}, ParameterError, "cash 'much' is not a positive number"),
    "costs as a number": ({"costs": 0.001}, ParameterError, "costs 0.001 is no Costs; write costs="),
    "exits as a number": ({"exits": 0.05}, ParameterError, "exits 0.05 is no Exits; write exits="),
    "unknown engine": (
        {"engine": "quick"}, ParameterError, "engine 'quick' is not known; choose auto, fast or session",
    ),
    "unknown shortfall": ({"shortfall": "borrow"}, ParameterError, "shortfall 'borrow' is not known"),
    "start after the data": (
        {"start": "2030-01-01"}, InputError,
        "no bar of walk opens from 2030-01-01 to its last; it has 1970-01-01T00:00:00Z to 1971-02-04",
    ),
    "end before the data": ({"end": "1969-01-01"}, InputError, "no bar of walk opens from its first"),
    "end before start": (
        {"start": "1970-06-01", "end": "1970-05-01"}, InputError,
        "no bar of walk opens from 1970-06-01 to 1970-05-01",
    ),
    "start that is no date": ({"start": "soon"}, ParameterError, "'soon' is not an ISO date or time"),
    "one row": (
        {"start": "1970-02-01", "end": "1970-02-01"}, InputError,
        "1 rows of walk are left to trade, at least 2 expected",
    ),
    "name of a strategy": (
        {"strategy": "ma_cross"}, StrategyError,
        "'ma_cross' is the name of a strategy, not a strategy; hand in an object, such as pt.strat",
    ),
    "class of a strategy": (
        {"strategy": pt.strategies.MaCross}, StrategyError,
        "MaCross is a class, not a strategy; make an object of it: MaCross(...)",
    ),
    "no strategy": ({"strategy": WithoutTargets()}, StrategyError, "has no method targets(bars)"),
    "nothing": ({"strategy": None}, StrategyError, "None has no method targets(bars)"),
    "a frame": (
        {"bars": pd.DataFrame({"close": [1.0]})}, InputError, "bars is a DataFrame, expected Bars",
    ),
    "warm-up": (
        {"strategy": pt.strategies.MaCross(fast=5, slow=401)}, InputError,
        "the warm-up of MaCross is 400 rows, and walk has 400 up to the end",
    ),
    "warm-up before the end": (
        {"strategy": pt.strategies.MaCross(fast=5, slow=50), "end": "1970-02-10"}, InputError,
        "the warm-up of MaCross is 49 rows, and walk has 41 up to the end",
    ),
    "targets too short": (
        {"strategy": Given(np.ones(399))}, StrategyError,
        "targets of Given have shape (399,), expected (400,) or (400, 1)",
    ),
    "targets of two": (
        {"strategy": Given(np.ones((400, 2)))}, StrategyError, "targets of Given have shape (400, 2)",
    ),
    "targets of nothing": ({"strategy": Given(None)}, StrategyError, "targets of Given are None"),
    "targets of text": ({"strategy": Given(["a"] * 400)}, StrategyError, "expected bool, integer"),
    "infinite targets": (
        {"strategy": Given(np.append(np.zeros(399), np.inf))}, StrategyError,
        "target inf of Given for A at 1971-02-05T00:00:00.000000000 (row 399) is not finite",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_backtest_of_bad_input_says_what_and_where(case):
    given, kind, message = BAD[case]
    named = {"strategy": Fixed(), "bars": walk()} | given
    with pytest.raises(kind) as caught:
        pt.backtest(named.pop("strategy"), named.pop("bars"), **named)
    assert message in str(caught.value)
    assert caught.value.hint
    assert isinstance(caught.value, InputError)


@pytest.mark.parametrize("engine", ["fast", "session"])
def test_target_above_one_names_row_strategy_and_total(engine):
    values = np.append(np.zeros(398), [1.25, 0.0])
    with pytest.raises(StrategyError) as caught:
        pt.backtest(Given(values), walk(), engine=engine)
    assert "absolute weights 1.25 exceed 1.0 at 1971-02-04T00:00:00 (Given" in str(caught.value)


@pytest.mark.parametrize("engine", ["fast", "session"])
def test_targets_that_add_up_to_more_than_one_name_row_and_strategy(engine):
    values = np.full((400, 2), np.nan)
    values[3] = [0.6, 0.4]  # exactly one
    values[7, 1] = -0.5  # with the 0.6 that still stands: 1.1
    with pytest.raises(StrategyError, match=r"exceed 1.0 at 1970-01-09T00:00:00 \(Given"):
        pt.backtest(Given(values), walk(width=2), engine=engine)
    values[7, 1] = -0.4
    assert pt.backtest(Given(values), walk(width=2), engine=engine).stats["trades"] >= 2


def test_exits_on_closes_alone_are_refused():
    bars = pt.Bars.from_arrays(np.linspace(10, 12, 50), name="closes")
    with pytest.raises(InputError, match="A of closes has closes alone"):
        pt.backtest(Fixed(), bars, exits=pt.Exits(stop_loss=0.05))


def test_instruments_of_two_currencies_are_refused():
    bars = walk(width=2, instruments=["X/USD", "Y/EUR"])
    with pytest.raises(
        InputError, match="quoted in EUR, USD, and the account's currency is not named"
    ):
        pt.backtest(Fixed(weight=0.5), bars)


@pytest.mark.parametrize("rows", [0, 1])
def test_bars_of_less_than_two_rows_are_refused(rows):
    bars = pt.Bars.from_arrays(np.ones(rows), name="short")
    with pytest.raises(InputError, match=f"{rows} rows of short are left to trade"):
        pt.backtest(Fixed(), bars)


class Broken(pt.Strategy):
    n: int = pt.param(default=1)

    def targets(self, bars):
        raise ZeroDivisionError("a fault of the user's own")


def test_exception_of_the_users_own_code_passes_unchanged():
    with pytest.raises(ZeroDivisionError, match="a fault of the user's own"):
        pt.backtest(Broken(), walk())
    with pytest.raises(ZeroDivisionError, match="a fault of the user's own"):
        pt.sweep(Broken, walk(), {"n": [1, 2, 3]}, threads=2)


# ---------------------------------------------------------------- warnings


COSTS = pt.Costs(commission=0.001)


def told(closed, is_open=0, fills=10, costs=COSTS, **counts):
    result = pt.backtest(Fixed(), walk(), costs=costs)
    zero = dict.fromkeys(OrderCounts.__slots__, 0)
    record = replace(
        result.record,
        lots=np.full(1, is_open),
        counts=OrderCounts(**(zero | counts)),
        fills=result.record.fills if fills else pt.backtest(Fixed(weight=0), walk()).record.fills,
    )
    return warnings_of(record, {"trades": float(closed + is_open)})


def test_warnings_of_a_run_below_a_year_say_that_annual_figures_are_extrapolated():
    warnings = pt.backtest(Fixed(weight=1), walk(73), costs=pt.Costs(0.001)).warnings
    assert (
        "The run covers 0.20 years: annual figures are extrapolated from less than one." in warnings
    )


@pytest.mark.parametrize(
    ("closed", "is_open", "sentence"),
    [
        (0, 1, "No trade was closed: there is no win rate, and the ratios say little."),
        (1, 0, "Only 1 trade was closed, fewer than 30: the win rate and the ratios say little."),
        (
            29,
            1,
            "Only 29 trades were closed, fewer than 30: the win rate and the ratios say little.",
        ),
    ],
)
def test_warnings_of_few_trades_count_the_closed_ones(closed, is_open, sentence):
    assert told(closed, is_open) == (sentence,)


def test_warnings_of_a_sound_run_are_none():
    assert told(30) == ()


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({"below_minimum": 1}, "1 order was refused as below the minimum notional."),
        ({"below_minimum": 1200}, "1,200 orders were refused as below the minimum notional."),
        ({"unfilled": 1}, "1 order was still open: the data ended before the next bar."),
        ({"unfilled": 2}, "2 orders were still open: the data ended before the next bar."),
    ],
)
def test_warnings_of_orders_say_what_became_of_them(counts, sentence):
    assert told(30, **counts) == (sentence,)


def test_warnings_of_a_run_without_costs_and_fills_say_so():
    assert told(0, fills=0, costs=pt.Costs()) == (
        "No costs were set: the figures are before commission and slippage.",
        "No order was filled: the strategy never held a position.",
    )


# ---------------------------------------------------------------- what is given back

STRATEGIES = [
    pt.strategies.MaCross(fast=5, slow=20),
    pt.strategies.EmaCross(fast=3, slow=9),
    pt.strategies.RsiReversion(n=5, allow_short=True),
    pt.strategies.CrossSectionalMomentum(lookback=20, top=1, every=5),
    pt.Mean(strategies=(pt.strategies.MaCross(fast=5, slow=20), Fixed(weight=0.5))),
    pt.from_signals(np.arange(400) % 20 == 3, np.arange(400) % 20 == 12),
    Given(np.full(400, 0.5)),
]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: type(s).__name__)
def test_dict_of_a_backtest_is_json(strategy):
    result = pt.backtest(strategy, walk(), cash=np.int64(10_000), start="1970-03-01")
    found = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert {
        "run", "strategy", "params", "engine", "data", "stats", "equity_final", "warnings", "report",
    } <= set(found)  # fmt: skip
    assert found["strategy"] == type(strategy).__name__
    assert list(found["stats"]) == list(result.stats)
    assert found["data"]["bars"] == len(result.record.equity) == 400 - 59
    assert found["data"]["from"] == "1970-03-01T00:00:00Z"
    assert isinstance(found["stats"]["trades"], int)


def test_params_of_a_mean_are_nested():
    found = pt.backtest(STRATEGIES[4], walk()).to_dict()["params"]
    assert found == {
        "strategies": [
            {"strategy": "MaCross", "params": {"fast": 5, "slow": 20}},
            {"strategy": "Fixed", "params": {"weight": 0.5}},
        ]
    }


def test_figures_that_are_not_defined_become_none():
    result = pt.backtest(Fixed(weight=0.0), walk(3))
    assert math.isnan(result.stats["win_rate"])
    assert result.to_dict()["stats"]["win_rate"] is None
    assert stats_json({"trades": 2.0, "sharpe": math.inf}) == {"trades": 2, "sharpe": None}


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(0.5), 0.5), (np.int64(3), 3), (np.bool_(True), True), (math.nan, None),
        (-math.inf, None), (np.float32("nan"), None), (None, None), ("x", "x"),
        ((1, [2.0, "a"]), [1, [2.0, "a"]]), ({1: np.int64(2)}, {"1": 2}),
        (np.arange(2), "array([0, 1])"), (Fixed, repr(Fixed)),
    ],
)  # fmt: skip
def test_plain_value_of_anything_is_json(value, plain):
    found = plain_value(value)
    assert found == plain
    assert type(found) is type(plain)
    json.dumps(found, allow_nan=False)


FRAME = {"pandas": pd.DataFrame, "polars": pl.DataFrame}


@pytest.mark.parametrize("frame", FRAME)
@pytest.mark.parametrize("rows", [3, 400])
def test_frames_are_of_the_kind_that_the_bars_came_from(frame, rows):
    values = np.where(np.arange(rows) % 20 < 10, 0.5, -0.5)
    result = pt.backtest(Given(values[:rows]), walk(rows, frame=frame))
    for table in (result.trades, result.equity, result.fills):
        assert isinstance(table, FRAME[frame])
        stamps = [name for name in table.columns if name.endswith("time")]
        assert stamps
        for name in stamps:
            kind = table[name].dtype
            if frame == "pandas":
                assert str(kind) == "datetime64[ns, UTC]"
            else:
                assert kind == pl.Datetime("ns", "UTC")
    assert len(result.equity) == rows
    assert len(result.fills) == len(result.record.fills)


def test_trades_frame_reads_as_the_trades_do():
    values = np.where(np.arange(40) < 10, 1.0, np.where(np.arange(40) < 20, -1.0, 0.0))
    values[30:] = 1.0
    result = pt.backtest(Given(values), walk(40), costs=pt.Costs(commission=0.001))
    trades = result.trades
    assert trades["side"].to_list() == ["long", "short", "long"]
    assert trades["exit_reason"].to_list() == ["target", "target", "open"]
    assert trades["bars"].to_list() == [10, 10, 8]
    assert trades["symbol"].unique().to_list() == ["A"]
    assert trades["entry_time"].dt.epoch("ns").to_list() == [DAY, 11 * DAY, 31 * DAY]
    np.testing.assert_allclose(trades["quantity"], result.trade_columns.lots * 0.0001)
    np.testing.assert_allclose(trades["pnl"].sum(), result.equity_final - 100_000, rtol=1e-9)
    np.testing.assert_allclose(trades["fees"].sum(), result.stats["fees"], rtol=1e-12)


@pytest.mark.parametrize("engine", ["auto", "fast", "session"])
def test_engine_is_the_one_that_was_asked_for(engine):
    result = pt.backtest(Fixed(), walk(50), engine=engine)
    assert result.engine == {"auto": "fast"}.get(engine, engine)


def test_repr_of_a_backtest_is_one_line_of_figures():
    result = pt.backtest(Fixed(), walk(50))
    assert repr(result).startswith("Backtest(Fixed(weight=1.0) on walk: total_return ")


def test_bars_after_the_end_are_not_seen():
    seen = []

    class Looks:
        def targets(self, bars):
            seen.append(len(bars))
            return np.zeros(len(bars))

    result = pt.backtest(Looks(), walk(100), start="1970-01-11", end="1970-01-20")
    assert seen == [20]
    assert len(result.record.equity) == 10
    assert len(result.bars) == 100
