"""`peak causality`: does a strategy look ahead, and is its warm-up long enough."""

import math
from typing import TYPE_CHECKING, Annotated, cast

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import announce_compilation, print_facts, print_json, progress

if TYPE_CHECKING:
    from peak_trade.research.causality import CausalityReport
    from peak_trade.research.order_causality import OrderCausalityReport

LEAKS = 1

_WARMUP_NOTE = (
    "With a history of its warm-up alone the strategy would decide otherwise at some bars: its "
    "warm-up is too short, or it remembers (a recursive average, a position that it keeps)."
)

Every = Annotated[
    int | None, typer.Option(min=1, help="Check every so many bars; without it, every bar.")
]


def run(
    strategy: options.Strategy,
    data: options.Data,
    settings: options.Settings = None,
    every: Every = None,
    symbol: options.Symbol = None,
    data_version: options.DataVersion = None,
    columns: options.Columns = None,
    interval: options.Interval = None,
    stamp: options.Stamp = None,
    timezone: options.Timezone = None,
    calendar: options.Calendar = None,
    lot: options.Lot = None,
    tick: options.Tick = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Compare targets, or requested orders, with what the bars up to them give; exit 1 for a leak."""
    given = dict(locals())
    from peak_trade.app import request
    from peak_trade.app.wiring import split_settings, strategy_class
    from peak_trade.domain.strategy import make

    parameters, pairs = split_settings(settings or [])
    found = request.configured(given, pairs, config)
    chosen = found.values
    kind = strategy_class(strategy)
    made = make(kind, parameters)
    from peak_trade.domain.order_strategy import OrderStrategy
    from peak_trade.domain.strategy import HasTargets
    from peak_trade.research.causality import check_causality
    from peak_trade.research.order_causality import check_order_causality

    bars = request.load_bars(data, found, columns=columns, symbols=symbol, version=data_version)
    announce_compilation()
    report: CausalityReport | OrderCausalityReport
    with progress("Checking", wanted=chosen.flags.show_progress) as watch:
        if isinstance(made, OrderStrategy):
            report = check_order_causality(made, bars, every=every, progress=watch)
        else:
            report = check_causality(cast(HasTargets, made), bars, every=every, progress=watch)
    if json:
        print_json({**report.to_dict(), "strategy": strategy})
    else:
        _show(report, bars.name)
    if not report.is_causal:
        raise typer.Exit(LEAKS)


def _difference(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "unknown"


def _show(report: "CausalityReport | OrderCausalityReport", name: str) -> None:
    from peak_trade.research.causality import CausalityReport

    chosen = ", ".join(f"{key}={value}" for key, value in report.params.items())
    print(f"{report.strategy}({chosen}) on {name}")
    if isinstance(report, CausalityReport):
        _show_targets(report)
    else:
        _show_orders(report)


def _show_orders(report: "OrderCausalityReport") -> None:
    facts = {
        "Bars": f"{report.rows:,}",
        "Shorter histories checked": f"{report.checked:,}",
        "Shorter histories that differ": f"{report.leaks:,}",
        "Events": f"{report.events:,}",
    }
    print_facts(facts, numbers=True)
    leak = report.first_leak
    if leak is None:
        where = "" if report.checked == report.rows else " at the bars that were checked"
        print(f"No look-ahead was found{where}.")
        return
    print(
        f"LOOK-AHEAD: after the {leak.event} of {leak.symbol} at {leak.time} (row {leak.row}) it asks "
        f"for {leak.found} with all bars and for {leak.expected} with the bars up to it."
    )


def _show_targets(report: "CausalityReport") -> None:
    facts = {
        "Bars": f"{report.rows:,}",
        "Bars checked": f"{report.checked:,}",
        "Bars that leak": f"{report.leaks:,}",
        "Warm-up, in bars": f"{report.warmup:,}",
        "Largest difference after the warm-up": f"{_difference(report.warmup_difference)}",
        "Bars at which that was measured": f"{report.warmup_rows:,}",
    }
    print_facts(facts, numbers=True)
    leak = report.first_leak
    if leak is None:
        where = "" if report.checked == report.rows else " at the bars that were checked"
        print(f"No look-ahead was found{where}.")
        if report.warmup_difference > 0:
            print(_WARMUP_NOTE)
        return
    print(
        f"LOOK-AHEAD: the target of {leak.symbol} at {leak.time} (row {leak.row}) is {leak.found} "
        f"with all bars and {leak.expected} with the bars up to it."
    )
    print(f"It reads later values of: {', '.join(leak.columns) or 'the number of bars'}.")
