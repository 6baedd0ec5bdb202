"""Compiled order strategies: what is declined, what is refused, and that a run leaves nothing behind."""

import numpy as np
import pytest

import peak_trade as pt
from peak_trade.domain.compiled import (
    CLOSE,
    EQUITY,
    FORCE,
    HELD,
    KIND,
    LIMIT,
    LOTS,
    MARKET,
    OPEN_ORDERS,
    ORDER_LEFT,
    ORDER_PRICE,
    ORDER_TAG,
    PRICE,
    ROW,
    CompiledStrategy,
    ask,
    cancel,
)
from peak_trade.domain.errors import ParameterError, StrategyError
from peak_trade.domain.order_strategy import OrderStrategy, Request
from peak_trade.engine import compiled
from tests.laws.order_scripts import Scripted, minutes


def buys_first(_state, _params, bar, _account, _orders, asked):
    return ask(asked, 0, MARKET, 5, np.nan, 0) if bar[ROW] == 0.0 else 0


class Made(OrderStrategy):
    """An order strategy of a compiled function alone."""

    function: object = buys_first
    memory: int = pt.param(default=1)
    params: tuple = ()
    max_orders: int = pt.param(default=4)

    def compiled(self, instrument):
        return CompiledStrategy(
            on_bar=self.function,
            state=np.zeros(self.memory),
            params=np.array(self.params, dtype=np.float64),
            room=2,
            max_orders=self.max_orders,
        )


class PythonAlone(OrderStrategy):
    """Buys one lot after the first bar."""

    def on_bar(self, bar, view):
        return [Request(1)] if bar.row == 0 else ()


def panel():
    return pt.Bars.from_arrays(np.full((5, 2), 100.0), open=np.full((5, 2), 100.0))


def with_instrument(**changes):
    plain = {"tick": 0.01, "lot": 0.001}
    return pt.Bars.from_arrays(
        [100.0] * 5, open=[100.0] * 5, instruments=[pt.Instrument("I", **{**plain, **changes})]
    )


PLAIN = minutes(20, 1)

DECLINED = {
    "no compiled form": (PythonAlone(), PLAIN, {}, "PythonAlone has no compiled form"),
    "two instruments": (Made(), panel(), {}, "it trades one instrument"),
    "closes alone": (Made(), pt.Bars.from_arrays([1.0, 2.0, 3.0]), {}, "needs open, high and low"),
    "smallest orders": (Made(), with_instrument(min_notional=5.0), {}, "smallest orders"),
    "steps": (Made(), with_instrument(order_step=10), {}, "order steps"),
    "margin": (Made(), PLAIN, {"margin": pt.Margin()}, "margin"),
    "exits": (Made(), PLAIN, {"exits": pt.Exits(stop_loss=0.1)}, "exits"),
    "borrow": (Made(), PLAIN, {"costs": pt.Costs(borrow=0.01)}, "cash and shorts"),
    "spread": (Made(), PLAIN, {"costs": pt.Costs(half_spread=0.01)}, "one fraction alone"),
    "tiers": (
        Made(),
        PLAIN,
        {"costs": pt.Costs(fees=pt.Fees(taker=0.01, tiers=(pt.FeeTier(10, 0.0, 0.001),)))},
        "fees that change",
    ),
    "actions": (
        Made(),
        PLAIN,
        {"actions": pt.Actions([pt.Dividend("I", int(PLAIN.open_time[3, 0]), 0.1)])},
        "dividends",
    ),
}


@pytest.mark.parametrize("case", DECLINED)
def test_what_is_declined_says_why_and_runs_in_the_session(case):
    strategy, bars, terms, reason = DECLINED[case]
    with pytest.raises(ParameterError, match=reason):
        pt.backtest(strategy, bars, engine="fast", **terms)
    if isinstance(strategy, PythonAlone):
        done = pt.backtest(strategy, bars, **terms)
        assert done.record.engine == "session"
        assert reason in done.engine_note


def test_a_compiled_strategy_is_taken_where_nothing_is_declined():
    done = pt.backtest(Made(), PLAIN)
    assert (done.record.engine, done.engine_note) == ("compiled", "")
    assert done.record.fills.lots.tolist() == [5]
    assert done.record.fills.row.tolist() == [1]
    assert done.record.fills.price.tolist() == [PLAIN.open[1, 0]]


def counts_calls(state, _params, bar, account, orders, asked):
    state[0] += 1.0
    if state[0] == 1.0:
        n = ask(asked, 0, LIMIT, 7, bar[CLOSE] - 50.0, 3)
        return ask(asked, n, LIMIT, -2, bar[CLOSE] + 50.0, 4)
    if state[0] == 2.0:
        for k in range(int(account[OPEN_ORDERS])):
            state[1 + 3 * k] = orders[k, ORDER_TAG]
            state[2 + 3 * k] = orders[k, ORDER_LEFT]
            state[3 + 3 * k] = orders[k, ORDER_PRICE] - bar[CLOSE]
        state[7] = account[EQUITY]
        # buy what the memory says, so that the run shows it
        return ask(asked, 0, MARKET, int(state[1] * 100 + state[4] * 10 + state[2]), np.nan, 0)
    return 0


def test_a_strategy_sees_its_open_orders_and_a_run_works_on_a_copy_of_its_state():
    bars = minutes(6, 3)
    strategy = Made(function=counts_calls, memory=8)
    first, again = (pt.backtest(strategy, bars).record.fills.lots.tolist() for _ in range(2))
    assert first == again == [3 * 100 + 4 * 10 + 7]


def test_room_for_fills_grows_without_a_trace(monkeypatch):
    bars = minutes(200, 5, jumpy=True)
    strategy = Scripted(seed=5)
    whole = pt.backtest(strategy, bars, cash=1e6).record
    monkeypatch.setattr(compiled, "_FIRST_FILLS", 1)
    grown = pt.backtest(strategy, bars, cash=1e6).record
    assert len(whole.fills) > 20
    assert grown.fills.differs_from(whole.fills) == ""
    assert grown.equity.tobytes() == whole.equity.tobytes()


def asks(_state, params, bar, _account, _orders, asked):
    if bar[ROW] != 2.0:
        return 0
    ask(asked, 0, MARKET, 1, np.nan, 0)
    asked[0, KIND], asked[0, LOTS], asked[0, PRICE] = params[0], params[1], params[2]
    asked[0, FORCE] = params[3]
    return int(params[4])


WRONG = {
    "too many rows": ((0, 1, np.nan, 0, 9), "a number of rows"),
    "rows below none": ((0, 1, np.nan, 0, -1), "a number of rows"),
    "no lots": ((0, 0, np.nan, 0, 1), "whole number"),
    "half a lot": ((0, 1.5, np.nan, 0, 1), "whole number"),
    "lots without number": ((0, np.nan, np.nan, 0, 1), "whole number"),
    "endless lots": ((0, np.inf, np.nan, 0, 1), "whole number"),
    "a limit without price": ((1, 1, np.nan, 0, 1), "a price"),
    "a price off the tick": ((1, 1, 99.123, 0, 1), "a price"),
    "a price below zero": ((1, 1, -5.0, 0, 1), "a price"),
    "a price without end": ((1, 1, np.inf, 0, 1), "a price"),
    "an unknown kind": ((9, 1, np.nan, 0, 1), "a kind"),
    "an unknown force": ((0, 1, np.nan, 7, 1), "time in force"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_order_is_an_error_that_says_when(case):
    params, reason = WRONG[case]
    with pytest.raises(StrategyError, match=reason) as caught:
        pt.backtest(Made(function=asks, params=params), PLAIN)
    assert str(np.datetime64(int(PLAIN.time[2]), "ns").astype("datetime64[s]")) in str(caught.value)


def never_stops(_state, _params, bar, _account, _orders, asked):
    return ask(asked, 0, LIMIT, 1, bar[CLOSE] - 50.0, 1)


def test_more_open_orders_than_were_declared_are_an_error():
    with pytest.raises(StrategyError, match="max_orders"):
        pt.backtest(Made(function=never_stops), PLAIN)
    assert len(pt.backtest(Made(function=never_stops, max_orders=20), PLAIN).record.fills) == 0


def cannot_compile(_state, _params, _bar, _account, _orders, asked):
    return asked.nothing_of_that_name


def test_a_function_that_numba_does_not_know_is_an_error_that_names_it():
    with pytest.raises(StrategyError, match="cannot_compile cannot be compiled"):
        pt.backtest(Made(function=cannot_compile), PLAIN)


def cancels_all(_state, _params, bar, account, _orders, asked):
    if bar[ROW] == 0.0:
        return ask(asked, 0, LIMIT, 1, bar[CLOSE] - 0.5, 1)
    return cancel(asked, 0, 0) if account[HELD] == 0.0 else 0


def test_an_order_that_was_cancelled_never_fills():
    close = np.array([100.0, 100.0, 99.0, 98.0, 97.0])
    bars = pt.Bars.from_arrays(
        close,
        open=[100.0, 100.0, 100.0, 99.0, 98.0],
        instruments=[pt.Instrument("I", tick=0.01, lot=0.001)],
    )
    assert len(pt.backtest(Made(function=cancels_all), bars).record.fills) == 0


@pytest.mark.parametrize(
    "changed",
    [{"on_bar": 3}, {"state": np.zeros((2, 2))}, {"params": np.zeros((1, 1))}],
)
def test_a_compiled_strategy_refuses_what_is_no_function_or_no_row(changed):
    with pytest.raises(StrategyError):
        CompiledStrategy(
            **{"on_bar": buys_first, "state": np.zeros(1), "params": np.zeros(1)} | changed
        )


@pytest.mark.parametrize("name", ["room", "max_orders"])
def test_a_compiled_strategy_needs_room(name):
    with pytest.raises(ParameterError, match=name):
        CompiledStrategy(
            **{"on_bar": buys_first, "state": np.zeros(1), "params": np.zeros(1), name: 0}
        )
