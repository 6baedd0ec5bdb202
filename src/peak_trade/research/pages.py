"""Results as the pages of ``observe.report``."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.record import Record
from peak_trade.domain.strategy import HasTargets
from peak_trade.domain.terms import Exits, Terms
from peak_trade.engine import fast
from peak_trade.observe.page import BacktestPage, SweepPage
from peak_trade.observe.report import write_backtest, write_sweep
from peak_trade.research.span import code_version, stamp_text
from peak_trade.stats import performance

if TYPE_CHECKING:
    from peak_trade.research.backtest import Backtest
    from peak_trade.research.sweep import Sweep

Floats = npt.NDArray[np.float64]


def write_backtest_report(result: "Backtest", path: str | Path) -> Path:
    """Write a backtest's report and give its path."""
    record = result.record
    held = buy_and_hold(record)
    page = BacktestPage(
        title=f"{result.name} on {result.bars.name}",
        run=result.run,
        strategy=result.name,
        description=description_of(result.strategy),
        source=str(getattr(result.strategy, "source", "")),
        params=result.params,
        engine=result.engine,
        engine_note=result.engine_note,
        record=record,
        trades=result.trade_columns,
        stats=result.stats,
        benchmark=("Buy and hold", held.equity),
        benchmark_stats=performance.summary_of(held),
        indicators=indicators_of(result.strategy, record.bars),
        warnings=result.warnings,
        data=result.bars.name,
        interval=str(result.bars.interval),
        fingerprint=record.bars.fingerprint,
        code_version=code_version(),
    )
    return write_backtest(page, path)


def write_sweep_report(result: "Sweep", path: str | Path) -> Path:
    """Write a sweep's report and give its path."""
    bars = result.bars
    page = SweepPage(
        strategy=result.name,
        data=bars.name,
        fingerprint=bars.fingerprint,
        code_version=code_version(),
        grid=result.grid,
        rows=[(row.params, row.stats) for row in result.rows],
        sort=result.sort,
        trials=result.trials,
        skipped=result.skipped,
        warnings=result.warnings,
        period=f"{stamp_text(bars, result.start)[:10]} to {stamp_text(bars, len(bars) - 1)[:10]}",
    )
    return write_sweep(page, path)


def buy_and_hold(record: Record) -> Record:
    """What the same account would have done by buying equal parts of everything and holding."""
    bars, terms = record.bars, record.terms
    targets = np.full(bars.close.shape, np.nan)
    targets[record.start] = 1.0 / bars.close.shape[1]
    plain = Terms(cash=terms.cash, costs=terms.costs, exits=Exits())
    trading = fast.Trading.of(bars, record.start, record.stop)
    return fast.run(trading, targets, plain, "buy and hold")


def description_of(strategy: HasTargets) -> str:
    """First paragraph of a strategy's docstring, on one line."""
    text = inspect.getdoc(type(strategy)) or ""
    return " ".join(text.split("\n\n")[0].split())


def indicators_of(strategy: HasTargets, bars: Bars) -> Mapping[str, Floats]:
    """What the strategy offers to be drawn over the price, or below it in a pane of its own."""
    offered = getattr(strategy, "indicators", None)
    if not callable(offered):
        return {}
    return cast("Mapping[str, Floats]", offered(bars))
