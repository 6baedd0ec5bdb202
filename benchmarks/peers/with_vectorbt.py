"""The jobs on vectorbt (numba engine): signals shifted by a bar, filled at the open."""

import numpy as np
import pandas as pd
import vectorbt as vbt

from benchmarks import made_up
from benchmarks.job import (
    CASH,
    FAST,
    FEE,
    MOMENTUM_EVERY,
    MOMENTUM_LOOKBACK,
    MOMENTUM_TOP,
    SLIPPAGE,
    SLOW,
    SWEEP_BARS,
    Job,
    Prepare,
    combinations,
)
from benchmarks.peers.signals import Bools, Floats, cross, figures, momentum_weights

vbt.settings["engine"] = "numba"
CHUNK = 100  # the whole sweep in one batch holds 12 GB


def _minutes(rows: int = made_up.MINUTES) -> tuple[pd.Series, pd.Series]:
    time, columns = made_up.minutes(rows)
    index = pd.to_datetime(time)
    return pd.Series(columns[0], index=index), pd.Series(columns[3], index=index)


def _later(signals: Bools) -> Bools:
    shifted = np.zeros_like(signals)
    shifted[1:] = signals[:-1]
    return shifted


def _portfolio(opens: pd.Series, close: pd.Series, entries: Bools, exits: Bools) -> "vbt.Portfolio":
    return vbt.Portfolio.from_signals(
        close,
        _later(entries),
        _later(exits),
        price=opens.to_numpy() if entries.ndim == 1 else opens.to_numpy()[:, None],
        fees=FEE,
        slippage=SLIPPAGE,
        init_cash=CASH,
        freq="1min",
    )


def one_backtest() -> Job:
    """W1."""
    opens, close = _minutes()

    def work() -> dict[str, float]:
        fast, slow = (vbt.MA.run(close, window).ma.to_numpy().ravel() for window in (FAST, SLOW))
        done = _portfolio(opens, close, *cross(fast, slow, SLOW - 1))
        equity, trades = done.value(), done.trades
        _ = trades.records
        growth = np.log(equity.iloc[-1] / CASH)
        return figures(growth, trades.count(), done.sharpe_ratio(), done.max_drawdown())

    return Job(work, bars=len(close))


def sweep() -> Job:
    """W2, in chunks."""
    opens, close = _minutes(SWEEP_BARS)
    pairs = combinations()

    def some(chunk: list[tuple[int, int]]) -> Floats:
        fasts, slows = (list(windows) for windows in zip(*chunk, strict=True))
        fast = vbt.MA.run(close, fasts, short_name="fast").ma.to_numpy()
        slow = vbt.MA.run(close, slows, short_name="slow").ma.to_numpy()
        done = _portfolio(opens, close, *cross(fast, slow, 0))
        return np.column_stack(
            [
                np.log1p(done.total_return()),
                done.trades.count(),
                done.sharpe_ratio(),
                done.max_drawdown(),
            ]
        )

    def work() -> dict[str, float]:
        table = np.vstack([some(pairs[i : i + CHUNK]) for i in range(0, len(pairs), CHUNK)])
        growth, _, sharpe, drawdown = table.mean(axis=0)
        return figures(growth, table[:, 1].sum(), sharpe, drawdown)

    return Job(work, bars=SWEEP_BARS, combos=len(pairs))


def panel() -> Job:
    """W4: targets of every rebalancing in percent, shared cash, filled at the close."""
    time, columns = made_up.days()
    close = pd.DataFrame(columns[3], index=pd.to_datetime(time))

    def work() -> dict[str, float]:
        rows, weights = momentum_weights(
            columns[3], MOMENTUM_LOOKBACK, MOMENTUM_EVERY, MOMENTUM_TOP
        )
        size = np.full(close.shape, np.nan)
        size[rows] = weights
        done = vbt.Portfolio.from_orders(
            close,
            size=size,
            size_type="targetpercent",
            fees=FEE,
            cash_sharing=True,
            group_by=True,
            call_seq="auto",
            init_cash=1e6,
            freq="1D",
        )
        returns = done.value().pct_change().to_numpy()[1:]
        sharpe = returns.mean() / returns.std(ddof=1) * np.sqrt(252)
        growth = np.log1p(done.total_return())
        return figures(growth, done.trades.count(), sharpe, done.max_drawdown())

    return Job(work, bars=close.size)


JOBS: dict[str, Prepare] = {"W1": one_backtest, "W2": sweep, "W4": panel}
