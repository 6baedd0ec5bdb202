"""Peak Trade: research, backtest and trade strategies with one engine.

A strategy is a pure array function from bars to target weights; ``import peak_trade as pt`` is all
that research needs. Names are loaded when they are first used, so that importing costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peak_trade import strategies
    from peak_trade.data.load import load
    from peak_trade.domain.bars import Bars
    from peak_trade.domain.errors import PeakTradeError
    from peak_trade.domain.instrument import Instrument
    from peak_trade.domain.strategy import Strategy, param
    from peak_trade.domain.terms import Costs, Exits
    from peak_trade.portfolio.recipe import Mean
    from peak_trade.research.backtest import Backtest, backtest
    from peak_trade.research.causality import CausalityReport, check_causality
    from peak_trade.research.sweep import Sweep, sweep
    from peak_trade.stats import indicators as ind
    from peak_trade.strategies.signals import from_signals

__all__ = [
    "Backtest",
    "Bars",
    "CausalityReport",
    "Costs",
    "Exits",
    "Instrument",
    "Mean",
    "PeakTradeError",
    "Strategy",
    "Sweep",
    "backtest",
    "check_causality",
    "from_signals",
    "ind",
    "load",
    "param",
    "strategies",
    "sweep",
]

_HOMES = {
    "Backtest": "research.backtest",
    "Bars": "domain.bars",
    "CausalityReport": "research.causality",
    "Costs": "domain.terms",
    "Exits": "domain.terms",
    "Instrument": "domain.instrument",
    "Mean": "portfolio.recipe",
    "PeakTradeError": "domain.errors",
    "Strategy": "domain.strategy",
    "Sweep": "research.sweep",
    "backtest": "research.backtest",
    "check_causality": "research.causality",
    "from_signals": "strategies.signals",
    "load": "data.load",
    "param": "domain.strategy",
    "sweep": "research.sweep",
}
_MODULES = {"ind": "stats.indicators", "strategies": "strategies"}


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
