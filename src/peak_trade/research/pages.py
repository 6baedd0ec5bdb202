"""Results as the pages of ``observe.report``."""

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from peak_trade.data.adjust import adjusted
from peak_trade.data.check import check_data
from peak_trade.data.leaning import leaning
from peak_trade.domain.actions import Actions, StockSplit
from peak_trade.domain.bars import Bars
from peak_trade.domain.record import Record
from peak_trade.domain.strategy import HasTargets, parameter_values
from peak_trade.domain.terms import Exits, Terms
from peak_trade.engine.currency import conversion_rates
from peak_trade.engine.scene import Scene
from peak_trade.observe.page import BacktestPage, SweepPage
from peak_trade.observe.report import write_backtest, write_sweep
from peak_trade.research.span import code_version, stamp_text
from peak_trade.stats import performance
from peak_trade.stats.measures import measures_of

if TYPE_CHECKING:
    from peak_trade.research.backtest import Backtest
    from peak_trade.research.sweep import Sweep

Floats = npt.NDArray[np.float64]

CHOSEN_BY_SUCCESS = ("builtin:sp500_stocks",)
"""Built-in data of instruments that are there because they did well."""
SUSPECTS = 6
"""Findings about the data that a page names."""


def write_backtest_report(result: "Backtest", path: str | Path) -> Path:
    """Write a backtest's report and give its path."""
    record = result.record
    held = buy_and_hold(record, result.actions)
    measured = measures_of(record, benchmark=held.equity)
    page = BacktestPage(
        title=f"{result.name} on {result.bars.name}",
        kind=result.kind,
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
        measures={name: v for name, v in measured.items() if name not in result.stats},
        benchmark_measures=measures_of(held),
        indicators=indicators_of(result.strategy, record.bars),
        warnings=(*result.warnings, *noted(result)),
        recipe=recipe_of(result),
        rates=conversion_rates(record.bars, record.terms.currency),
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
        index=result.rows.places,
        figures={name: result.rows.column(name) for name in performance.STATISTICS},
        sort=result.sort,
        trials=result.trials,
        skipped=result.skipped,
        warnings=result.warnings,
        period=f"{stamp_text(bars, result.start)[:10]} to {stamp_text(bars, len(bars) - 1)[:10]}",
    )
    return write_sweep(page, path)


def buy_and_hold(record: Record, actions: Actions | None = None) -> Record:
    """What the same account would have done by buying equal parts of everything and holding.

    ``actions`` are the dividends, splits and the like that the run itself was given.
    """
    bars, terms = record.bars, record.terms
    targets = np.full(bars.close.shape, np.nan)
    targets[record.start] = 1.0 / bars.close.shape[1]
    plain = Terms(cash=terms.cash, costs=terms.costs, exits=Exits(), currency=terms.currency)
    scene = Scene.of(bars, start=record.start, stop=record.stop, terms=plain, actions=actions)
    return scene.run(targets, "buy and hold")[0]


def noted(result: "Backtest") -> tuple[str, ...]:
    """What the data and the bars leave open: survivors, paths inside bars, suspect bars."""
    record = result.record
    said = []
    if record.bars.name in CHOSEN_BY_SUCCESS:
        said.append(
            "These instruments were chosen because they are large today: those that failed on the "
            "way are missing (survivorship bias), so past returns look better than they were."
        )
    found = result.ambiguity
    if found is not None and not found.turns_sign:  # else it stands among the run's own warnings
        said.append(
            f"In {found.bars:,} bars the exits depend on what came first inside the bar, which the "
            f"data do not tell: the total return lies between {found.worst:.2%} and "
            f"{found.best:.2%}. Finer bars decide it (detail)."
        )
    leans = leaning(
        check_data(_explained(result)), record.bars, fills=record.fills, trades=result.trade_columns
    )
    said += [f"Suspect data: {lean.message}" for lean in leans[:SUSPECTS]]
    if len(leans) > SUSPECTS:
        said.append(f"Suspect data: {len(leans) - SUSPECTS:,} more findings; see peak data check.")
    return tuple(said)


def _explained(result: "Backtest") -> Bars:
    """The bars as their data are checked: a jump that a given split makes is none."""
    bars, actions = result.record.bars, result.actions
    if actions is None or not any(isinstance(action, StockSplit) for action in actions):
        return bars
    return adjusted(bars, actions.within(bars), view="split")


def recipe_of(result: "Backtest") -> str:
    """Python that makes a run again, and the command that does where it was recorded."""
    record = result.record
    terms = [
        f"    {field.name}={called(getattr(record.terms, field.name))},"
        for field in fields(record.terms)
        if getattr(record.terms, field.name) != _default_of(field)
    ]
    name = record.bars.name
    known = name.startswith("builtin:")
    return "\n".join(
        [
            f"# where the run was recorded: peak reproduce {result.run}",
            "import peak_trade as pt",
            *imports_of(result.strategy),
            f"bars = pt.load({name!r})" if known else f"bars = pt.load(...)  # {name}",
            "result = pt.backtest(",
            f"    {result.strategy!r},",
            "    bars,",
            f"    start={stamp_text(record.bars, record.start)!r},",
            f"    end={stamp_text(record.bars, record.stop - 1)!r},",
            *terms,
            *(["    actions=pt.load_actions(...),"] if result.actions is not None else []),
            *(["    detail=pt.load(...),"] if result.detail is not None else []),
            *(["    signals=pt.adjusted(...),"] if result.signals is not None else []),
            ")",
        ]
    )


def imports_of(strategy: object) -> list[str]:
    """Lines that import the classes of a strategy and of those that it is made of."""
    kind = type(strategy)
    module = kind.__module__
    lines = [f"from {module} import {kind.__name__}"]
    if module.startswith("peak_trade_user_"):
        lines = [f"# {kind.__name__} is in {module.removeprefix('peak_trade_user_')}.py"]
    for value in parameter_values(strategy).values():
        for part in value if isinstance(value, tuple | list) else (value,):
            lines += imports_of(part) if isinstance(part, HasTargets) else []
    return list(dict.fromkeys(lines))


def called(value: object) -> str:
    """Write a value as the call that makes it, with what differs from its defaults."""
    if isinstance(value, tuple):
        parts = ", ".join(map(called, value))
        return f"({parts},)" if len(value) == 1 else f"({parts})"
    if not is_dataclass(value) or isinstance(value, type):
        return repr(value)
    given = [
        f"{field.name}={called(getattr(value, field.name))}"
        for field in fields(value)
        if getattr(value, field.name) != _default_of(field)
    ]
    kind = type(value)
    home = "pt.size" if kind.__module__ == "peak_trade.portfolio.size" else "pt"
    return f"{home}.{kind.__name__}({', '.join(given)})"


def _default_of(field: "Field[object]") -> object:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def description_of(strategy: object) -> str:
    """First paragraph of a strategy's docstring, on one line."""
    text = inspect.getdoc(type(strategy)) or ""
    return " ".join(text.split("\n\n")[0].split())


def indicators_of(strategy: object, bars: Bars) -> Mapping[str, Floats]:
    """What the strategy offers to be drawn over the price, or below it in a pane of its own."""
    offered = getattr(strategy, "indicators", None)
    if not callable(offered):
        return {}
    return cast("Mapping[str, Floats]", offered(bars))
