"""The jobs on raptorbt (Rust): signals in NumPy, fills at the next bar's open."""

import os
from collections import deque

os.environ["RAPTORBT_NO_VERSION_CHECK"] = "1"

import numpy as np
import raptorbt

from benchmarks import made_up
from benchmarks.job import (
    CASH,
    FAST,
    FEE,
    MINUTES_PER_YEAR,
    SLIPPAGE,
    SLOW,
    SWEEP_BARS,
    Job,
    Prepare,
    combinations,
)
from benchmarks.peers.signals import Floats, cross, figures


def _account(cash: float, fee: float, slippage: float) -> "raptorbt.BacktestConfig":
    return raptorbt.BacktestConfig(
        initial_capital=cash,
        fees=fee,
        slippage=slippage,
        apply_slippage=slippage > 0,
        fill_timing="next_bar_open",
        periods_per_year=float(MINUTES_PER_YEAR),
    )


def one_backtest() -> Job:
    """W1."""
    time, columns = made_up.minutes()
    close = columns[3]

    def work() -> dict[str, float]:
        entries, exits = cross(raptorbt.sma(close, FAST), raptorbt.sma(close, SLOW), SLOW - 1)
        done = raptorbt.run_single_backtest(
            time, *columns, entries, exits, config=_account(CASH, FEE, SLIPPAGE)
        )
        done.equity_curve()
        done.trades()
        m = done.metrics
        growth = np.log(m.end_value / m.start_value)
        return figures(growth, m.total_trades, m.sharpe_ratio, -m.max_drawdown_pct / 100)

    return Job(work, bars=len(close))


def sweep() -> Job:
    """W2, in batches of 100: all at once would hold 200 MB of signals."""
    time, columns = made_up.minutes(SWEEP_BARS)
    columns = np.ascontiguousarray(columns)
    close, pairs = columns[3], combinations()

    def work() -> dict[str, float]:
        means: dict[int, Floats] = {}
        rows = []
        for start in range(0, len(pairs), 100):
            items = []
            for fast, slow in pairs[start : start + 100]:
                for window in (fast, slow):
                    if window not in means:
                        means[window] = raptorbt.sma(close, window)
                signals = cross(means[fast], means[slow], slow - 1)
                account = _account(CASH, FEE, SLIPPAGE)
                items.append(raptorbt.BatchSingleItem(f"{fast},{slow}", *signals, config=account))
            done = raptorbt.batch_single_backtest(
                time, *columns, items, config=_account(CASH, FEE, SLIPPAGE)
            )
            rows += [
                (
                    np.log(m.end_value / m.start_value),
                    m.total_trades,
                    m.sharpe_ratio,
                    m.max_drawdown_pct,
                )
                for m in (result.metrics for _, result in done)
            ]
        table = np.array(rows)
        growth, _, sharpe, drawdown = table.mean(axis=0)
        return figures(growth, table[:, 1].sum(), sharpe, -drawdown / 100)

    return Job(work, bars=SWEEP_BARS, combos=len(pairs))


class RollingCross(raptorbt.Strategy):  # type: ignore[misc]  # the library has no types
    """A callback each bar that keeps its own means."""

    def on_start(self, _context: object) -> None:
        """Begin with empty windows."""
        self.windows: tuple[deque[float], deque[float]] = (deque(), deque())
        self.sums = [0.0, 0.0]
        self.is_long = False

    def on_bar(self, context: "raptorbt.Context") -> None:
        """Take the bar in, and trade where the means cross."""
        price = context.close[context.idx]
        for i, (window, length) in enumerate(zip(self.windows, (FAST, SLOW), strict=True)):
            window.append(price)
            self.sums[i] += price
            if len(window) > length:
                self.sums[i] -= window.popleft()
        if len(self.windows[1]) < SLOW:
            return
        above = self.sums[0] / FAST > self.sums[1] / SLOW
        if above and not self.is_long:
            self.enter()
        elif not above and self.is_long:
            self.close_position()
        self.is_long = above


def bar_by_bar() -> Job:
    """W3, with a callback in Python."""
    return _bar_by_bar(CASH, FEE, SLIPPAGE)


def without_costs() -> Job:
    """W3-orders: the same without costs; it knows no orders of one unit, and is all in."""
    return _bar_by_bar(1e6, 0.0, 0.0)


def _bar_by_bar(cash: float, fee: float, slippage: float) -> Job:
    time, columns = made_up.minutes()

    def work() -> dict[str, float]:
        done = raptorbt.run_strategy_backtest(
            RollingCross(), time, *columns, config=_account(cash, fee, slippage)
        )
        m = done.metrics
        growth = np.log(m.end_value / m.start_value)
        return figures(growth, m.total_trades, m.sharpe_ratio, -m.max_drawdown_pct / 100)

    return Job(work, bars=columns.shape[1])


JOBS: dict[str, Prepare] = {
    "W1": one_backtest,
    "W2": sweep,
    "W3": bar_by_bar,
    "W3-orders": without_costs,
}
