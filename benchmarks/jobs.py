"""The jobs on Peak Trade, through its public surface and with its own semantics."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

import peak_trade as pt
from benchmarks import made_up
from benchmarks.job import (
    CASH,
    FAST,
    FASTS,
    FEE,
    MOMENTUM_EVERY,
    MOMENTUM_LOOKBACK,
    MOMENTUM_TOP,
    SLIPPAGE,
    SLOW,
    SLOWS,
    SWEEP_BARS,
    Job,
    Prepare,
)
from benchmarks.rolling import RollingCross
from peak_trade.domain.strategy import Targets

COSTS = pt.Costs(commission=FEE, slippage=SLIPPAGE)
GRID = {"fast": tuple(FASTS), "slow": tuple(SLOWS)}
BRACKET = pt.Exits(stop_loss=0.01, take_profit=0.02)
TERMS: Mapping[str, Any] = {
    "costs": pt.Costs(
        slippage=1e-6,
        fees=pt.Fees(
            maker=2e-6,
            taker=1e-5,
            tiers=(pt.FeeTier(CASH, 2e-6, 9e-6), pt.FeeTier(100 * CASH, 1e-6, 8e-6)),
        ),
    ),
    "exits": pt.Exits(trailing=0.01),
    "limits": pt.Limits(max_drawdown=0.9, max_order=1e30),
}
"""A trailing stop, fees by tier and a drawdown limit; so cheap that the limit is never met."""


class Cross(pt.Strategy):
    """A strategy as a user writes it: Python, on remembered indicators."""

    fast: int = pt.param(default=FAST, low=1)
    slow: int = pt.param(default=SLOW, low=2)

    @property
    def warmup(self) -> int:
        """Rows before the slow average is there."""
        return self.slow - 1

    def targets(self, bars: pt.Bars) -> Targets:
        """All in while the fast average stands above the slow one."""
        return pt.ind.sma(bars, self.fast) > pt.ind.sma(bars, self.slow)


class Momentum(pt.Strategy):
    """Equal weights in the strongest instruments, stated at every rebalancing."""

    lookback: int = pt.param(default=MOMENTUM_LOOKBACK, low=1)
    every: int = pt.param(default=MOMENTUM_EVERY, low=1)
    top: int = pt.param(default=MOMENTUM_TOP, low=1)

    def targets(self, bars: pt.Bars) -> Targets:
        """(T, N) weights at the rows that decide, NaN between: what was stated stands."""
        weights = np.full(bars.close.shape, np.nan)
        for row in range(self.lookback, len(bars), self.every):
            momentum = bars.close[row] / bars.close[row - self.lookback] - 1
            weights[row] = 0.0
            weights[row, np.argpartition(-momentum, self.top - 1)[: self.top]] = 1.0 / self.top
        return weights


def minutes(rows: int = made_up.MINUTES) -> pt.Bars:
    """M1 as bars, in whole units: 1e20 of cash buys too many lots of a smaller size."""
    stamps, (opens, high, low, close, volume) = made_up.minutes(rows)
    return pt.Bars.from_arrays(
        close,
        open=opens,
        high=high,
        low=low,
        volume=volume,
        time=stamps + made_up.MINUTE_NS,
        open_time=stamps,
        instruments=[pt.Instrument("M1", asset_class="crypto", tick=0.0001, lot=1.0)],
        interval="1m",
        name="M1",
    )


def days() -> pt.Bars:
    """D1 as closes: what row t - 1 decides fills at the close of row t, as at the peers."""
    stamps, columns = made_up.days()
    symbols = [f"S{i:03d}" for i in range(columns.shape[2])]
    return pt.Bars.from_arrays(
        columns[3],
        time=stamps,
        instruments=[pt.Instrument(s, asset_class="equity", calendar="XNYS") for s in symbols],
        interval="1d",
        name="D1",
    )


def _of_backtest(done: pt.Backtest, cash: float) -> Mapping[str, float]:
    names = ("trades", "sharpe", "max_drawdown")
    return {
        "log_return": math.log(done.equity_final / cash),
        **{name: float(done.stats[name]) for name in names},
    }


def _of_sweep(done: pt.Sweep) -> Mapping[str, float]:
    column = done.rows.column
    means = {name: float(column(name).mean()) for name in ("sharpe", "max_drawdown")}
    growth = float(np.log1p(column("total_return")).mean())
    return {"log_return": growth, "trades": float(column("trades").sum()), **means}


def one_backtest() -> Job:
    """W1: equity, trades and statistics of one backtest, as arrays."""
    return _one_backtest(lambda done: (done.record.equity, done.trade_columns))


def one_backtest_in_frames() -> Job:
    """W1-frames: the same, with equity and trades as data frames."""
    return _one_backtest(lambda done: (done.equity, done.trades))


def one_backtest_under_terms() -> Job:
    """W1-terms: the same with a trailing stop, fees by tier and a drawdown limit."""
    return _one_backtest(lambda done: (done.record.equity, done.trade_columns), TERMS)


def _one_backtest(
    look: Callable[[pt.Backtest], object], terms: Mapping[str, Any] | None = None
) -> Job:
    bars = minutes()
    given = {"costs": COSTS} if terms is None else terms

    def work() -> Mapping[str, float]:
        done = pt.backtest(pt.strategies.MaCross(fast=FAST, slow=SLOW), bars, cash=CASH, **given)
        look(done)
        return _of_backtest(done, CASH)

    return Job(work, bars=len(bars), reset=bars.memory.forget)


def _sweep(kind: type, terms: Mapping[str, Any] | None = None) -> Job:
    bars = minutes(SWEEP_BARS)
    given = {"costs": COSTS} | dict(terms or {})

    def work() -> Mapping[str, float]:
        return _of_sweep(pt.sweep(kind, bars, GRID, cash=CASH, **given))

    return Job(work, bars=len(bars), combos=len(FASTS) * len(SLOWS), reset=bars.memory.forget)


def sweep() -> Job:
    """W2: 1,000 combinations."""
    return _sweep(pt.strategies.MaCross)


def sweep_with_exits() -> Job:
    """W2 with a stop-loss and a take-profit."""
    return _sweep(pt.strategies.MaCross, {"exits": BRACKET})


def sweep_under_terms() -> Job:
    """W2 with a trailing stop, fees by tier and a drawdown limit."""
    return _sweep(pt.strategies.MaCross, TERMS)


def sweep_of_python() -> Job:
    """W2 with a user's strategy."""
    return _sweep(Cross)


def bar_by_bar() -> Job:
    """W3: the Session, one bar at a time."""
    bars = minutes()

    def work() -> Mapping[str, float]:
        strategy = pt.strategies.MaCross(fast=FAST, slow=SLOW)
        done = pt.backtest(strategy, bars, cash=CASH, costs=COSTS, engine="session")
        return _of_backtest(done, CASH)

    return Job(work, bars=len(bars), reset=bars.memory.forget)


def of_orders() -> Job:
    """W3-orders: an order strategy in Python, told of one bar at a time."""
    return _of_orders("session")


def of_compiled_orders() -> Job:
    """W3-compiled: the same, as one compiled loop."""
    return _of_orders("fast")


def _of_orders(engine: Literal["session", "fast"]) -> Job:
    bars = minutes()

    def work() -> Mapping[str, float]:
        return _of_backtest(pt.backtest(RollingCross(), bars, cash=1e6, engine=engine), 1e6)

    return Job(work, bars=len(bars))


def panel() -> Job:
    """W4: 500 instruments, a month at a time."""
    bars = days()
    costs = pt.Costs(commission=FEE)
    strategy = Momentum(lookback=MOMENTUM_LOOKBACK, every=MOMENTUM_EVERY, top=MOMENTUM_TOP)

    def work() -> Mapping[str, float]:
        done = pt.backtest(strategy, bars, cash=1e6, costs=costs)
        return _of_backtest(done, 1e6)

    return Job(work, bars=bars.close.size, reset=bars.memory.forget)


JOBS: dict[str, Prepare] = {
    "W1": one_backtest,
    "W1-frames": one_backtest_in_frames,
    "W1-terms": one_backtest_under_terms,
    "W2": sweep,
    "W2-exits": sweep_with_exits,
    "W2-terms": sweep_under_terms,
    "W2-python": sweep_of_python,
    "W3": bar_by_bar,
    "W3-orders": of_orders,
    "W3-compiled": of_compiled_orders,
    "W4": panel,
}
