"""`peak sweep`: every combination of a grid, best first."""

from typing import TYPE_CHECKING, Annotated

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import announce_compilation, print_json, print_table, progress
from peak_trade.app.cli.outputs import PAGES, check_path, outputs

if TYPE_CHECKING:
    from peak_trade.research.sweep import Sweep

Grid = Annotated[
    list[str],
    typer.Option(
        metavar="NAME=RANGE",
        help="start:stop:step, stop included, or a list such as 5,10,20. Repeatable.",
    ),
]
Sort = Annotated[str | None, typer.Option(help="The measure that ranks.")]
Top = Annotated[int | None, typer.Option(help="Rows to show.")]
Threads = Annotated[int | None, typer.Option(help="0: one a processor.")]

SHOWN = ("total_return", "cagr", "sharpe", "max_drawdown", "trades")


def run(
    strategy: options.Strategy,
    data: options.Data,
    grid: Grid,
    settings: options.Settings = None,
    sort: Sort = None,
    top: Top = None,
    threads: Threads = None,
    start: options.Start = None,
    end: options.End = None,
    symbol: options.Symbol = None,
    columns: options.Columns = None,
    interval: options.Interval = None,
    stamp: options.Stamp = None,
    timezone: options.Timezone = None,
    calendar: options.Calendar = None,
    lot: options.Lot = None,
    tick: options.Tick = None,
    cash: options.Cash = None,
    commission: options.Commission = None,
    slippage: options.Slippage = None,
    cash_buffer: options.CashBuffer = None,
    min_change: options.MinChange = None,
    shortfall: options.Shortfall = None,
    stop_loss: options.StopLoss = None,
    take_profit: options.TakeProfit = None,
    reentry: options.Reentry = None,
    report: options.Report = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Backtest every combination of a grid and rank them."""
    given = dict(locals())
    from peak_trade.app.cli import request
    from peak_trade.app.wiring import parse_grid, split_settings, strategy_class
    from peak_trade.domain.errors import ParameterError

    parameters, pairs = split_settings(settings or [])
    found = request.configured(given, pairs, config)
    chosen = found.values
    page = request.in_folder(report, chosen.report.folder)
    check_path("--report", page, PAGES, data)
    axes = request.grid_for_research(parse_grid(grid))
    both = sorted(set(axes) & set(parameters))
    if both:
        raise ParameterError(f"{both[0]} stands in --grid and in --set", hint="give it once")
    axes = {**{name: (value,) for name, value in parameters.items()}, **axes}
    kind = strategy_class(strategy)
    from peak_trade.research.sweep import sweep

    bars = request.load_bars(data, found, columns=columns, symbols=symbol)
    account = chosen.backtest
    announce_compilation()
    with progress("Sweeping", wanted=chosen.flags.show_progress) as watch:
        result = sweep(
            kind,
            bars,
            axes,
            cash=account.cash,
            costs=request.costs(account),
            exits=request.exits(account),
            start=start,
            end=end,
            cash_buffer=account.cash_buffer,
            min_change=account.min_change,
            shortfall=account.shortfall,
            sort=chosen.sweep.sort,
            threads=chosen.sweep.threads or None,
            progress=watch,
        )
    if page is not None:
        with outputs() as files:
            files.write(page, result.report)
    if json:
        found_rows = result.to_dict(top=chosen.sweep.top)
        print_json({**found_rows, "strategy": strategy, "report": str(page) if page else None})
        return
    _show(result, chosen.sweep.top)
    if page is not None:
        print(page)


def _show(result: "Sweep", top: int) -> None:
    from peak_trade.observe.text import figure_named, plural, value_of

    rows = result.rows[:top]
    names = [name for name, values in result.grid.items() if len(values) > 1]
    measures = [*SHOWN, *({result.sort} - set(SHOWN))]
    skipped = f", {result.skipped:,} skipped ({result.refusal})" if result.skipped else ""
    print(f"{result.name} on {result.bars.name}: {plural(result.trials, 'trial')}{skipped}")
    print_table(
        [*names, *measures],
        [
            [
                *(value_of(row.params[name]) for name in names),
                *(figure_named(name).show(row.stats[name]) for name in measures),
            ]
            for row in rows
        ],
    )
    for warning in result.warnings:
        print(f"Warning: {warning}")
    if len(rows) < len(result.rows):
        print(f"Best {len(rows):,} of {len(result.rows):,} by {result.sort}; --top shows more.")
