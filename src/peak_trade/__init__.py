"""Peak Trade: research, backtest and trade strategies with one engine.

A strategy is a pure array function from bars to target weights; ``import peak_trade as pt`` is all
that research needs. Names are loaded when they are first used, so that importing costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peak_trade import strategies
    from peak_trade.data.actions import load_actions
    from peak_trade.data.adjust import adjusted, total_return
    from peak_trade.data.agreement import compare_data
    from peak_trade.data.align import align, at_interval
    from peak_trade.data.check import check_data
    from peak_trade.data.features.definition import Feature, feature
    from peak_trade.data.features.supply import with_features
    from peak_trade.data.fees import venue_fees
    from peak_trade.data.findings import DataReport
    from peak_trade.data.joined import panel
    from peak_trade.data.leaning import leaning, suspect_rows
    from peak_trade.data.load import load
    from peak_trade.data.quality import data_quality
    from peak_trade.data.resample import resample
    from peak_trade.domain.actions import Actions, Delisting, Dividend, FundingRate, StockSplit
    from peak_trade.domain.bars import Bars
    from peak_trade.domain.costs import Costs, Fees, FeeTier
    from peak_trade.domain.errors import PeakTradeError
    from peak_trade.domain.exits import Exits
    from peak_trade.domain.instrument import Instrument
    from peak_trade.domain.limits import Limits, Margin
    from peak_trade.domain.order import OrderKind, TimeInForce
    from peak_trade.domain.order_strategy import Cancel, OrderStrategy, Request
    from peak_trade.domain.strategy import Strategy, param
    from peak_trade.portfolio import size
    from peak_trade.portfolio.overlay import VolatilityTarget
    from peak_trade.portfolio.recipe import Mean
    from peak_trade.research.backtest import Backtest, backtest
    from peak_trade.research.causality import CausalityReport, check_causality
    from peak_trade.research.comparison import Comparison, compare
    from peak_trade.research.experiments import compare_runs, get_run, list_runs, record_run
    from peak_trade.research.run import Run
    from peak_trade.research.sweep import Sweep, sweep
    from peak_trade.stats import indicators as ind
    from peak_trade.strategies.signals import from_signals

__all__ = [
    "Actions",
    "Backtest",
    "Bars",
    "Cancel",
    "CausalityReport",
    "Comparison",
    "Costs",
    "DataReport",
    "Delisting",
    "Dividend",
    "Exits",
    "Feature",
    "FeeTier",
    "Fees",
    "FundingRate",
    "Instrument",
    "Limits",
    "Margin",
    "Mean",
    "OrderKind",
    "OrderStrategy",
    "PeakTradeError",
    "Request",
    "Run",
    "StockSplit",
    "Strategy",
    "Sweep",
    "TimeInForce",
    "VolatilityTarget",
    "adjusted",
    "align",
    "at_interval",
    "backtest",
    "check_causality",
    "check_data",
    "compare",
    "compare_data",
    "compare_runs",
    "data_quality",
    "feature",
    "from_signals",
    "get_run",
    "ind",
    "leaning",
    "list_runs",
    "load",
    "load_actions",
    "panel",
    "param",
    "record_run",
    "resample",
    "size",
    "strategies",
    "suspect_rows",
    "sweep",
    "total_return",
    "venue_fees",
    "with_features",
]

_HOMES = {
    "Actions": "domain.actions",
    "Backtest": "research.backtest",
    "Bars": "domain.bars",
    "Cancel": "domain.order_strategy",
    "CausalityReport": "research.causality",
    "Comparison": "research.comparison",
    "Costs": "domain.costs",
    "DataReport": "data.findings",
    "Delisting": "domain.actions",
    "Dividend": "domain.actions",
    "Exits": "domain.exits",
    "Feature": "data.features.definition",
    "FeeTier": "domain.costs",
    "Fees": "domain.costs",
    "FundingRate": "domain.actions",
    "Instrument": "domain.instrument",
    "Limits": "domain.limits",
    "Margin": "domain.limits",
    "Mean": "portfolio.recipe",
    "OrderKind": "domain.order",
    "OrderStrategy": "domain.order_strategy",
    "PeakTradeError": "domain.errors",
    "Request": "domain.order_strategy",
    "Run": "research.run",
    "StockSplit": "domain.actions",
    "Strategy": "domain.strategy",
    "Sweep": "research.sweep",
    "TimeInForce": "domain.order",
    "VolatilityTarget": "portfolio.overlay",
    "adjusted": "data.adjust",
    "align": "data.align",
    "at_interval": "data.align",
    "backtest": "research.backtest",
    "check_causality": "research.causality",
    "check_data": "data.check",
    "compare": "research.comparison",
    "compare_data": "data.agreement",
    "compare_runs": "research.experiments",
    "data_quality": "data.quality",
    "feature": "data.features.definition",
    "from_signals": "strategies.signals",
    "get_run": "research.experiments",
    "leaning": "data.leaning",
    "list_runs": "research.experiments",
    "load": "data.load",
    "load_actions": "data.actions",
    "panel": "data.joined",
    "param": "domain.strategy",
    "record_run": "research.experiments",
    "resample": "data.resample",
    "suspect_rows": "data.leaning",
    "sweep": "research.sweep",
    "total_return": "data.adjust",
    "venue_fees": "data.fees",
    "with_features": "data.features.supply",
}
_MODULES = {"ind": "stats.indicators", "size": "portfolio.size", "strategies": "strategies"}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        found: object = import_module(f"peak_trade.{_MODULES[name]}")
    elif name in _HOMES:
        found = getattr(import_module(f"peak_trade.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'peak_trade' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
