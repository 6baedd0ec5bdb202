"""`peak sweep`: every combination of a grid, best first."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import (
    Progress,
    announce_compilation,
    print_json,
    print_table,
    progress,
)
from peak_trade.app.cli.outputs import PAGES, check_path, check_wanted, open_page, outputs

if TYPE_CHECKING:
    import polars as pl

    from peak_trade.app.config import Configuration
    from peak_trade.app.recording import Asked
    from peak_trade.app.settings import Settings
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
    data_version: options.DataVersion = None,
    columns: options.Columns = None,
    interval: options.Interval = None,
    stamp: options.Stamp = None,
    timezone: options.Timezone = None,
    calendar: options.Calendar = None,
    lot: options.Lot = None,
    tick: options.Tick = None,
    actions: options.Actions = None,
    detail: options.Detail = None,
    detail_interval: options.DetailInterval = None,
    cash: options.Cash = None,
    currency: options.Currency = None,
    shortfall: options.Shortfall = None,
    commission: options.Commission = None,
    slippage: options.Slippage = None,
    fees: options.Fees = None,
    borrow: options.Borrow = None,
    stop_loss: options.StopLoss = None,
    take_profit: options.TakeProfit = None,
    trailing: options.Trailing = None,
    trailing_arm: options.TrailingArm = None,
    break_even: options.BreakEven = None,
    max_bars: options.MaxBars = None,
    roi: options.Roi = None,
    partials: options.Partials = None,
    stop_atr: options.StopAtr = None,
    take_atr: options.TakeAtr = None,
    trailing_atr: options.TrailingAtr = None,
    convention: options.Convention = None,
    reentry: options.Reentry = None,
    max_drawdown: options.MaxDrawdown = None,
    max_daily_loss: options.MaxDailyLoss = None,
    leverage: options.Leverage = None,
    cash_buffer: options.CashBuffer = None,
    min_change: options.MinChange = None,
    rebalance: options.Rebalance = None,
    band: options.Band = None,
    sizer: options.Sizer = None,
    report: options.Report = None,
    tables: options.Tables = False,
    open_: options.Open = False,
    record: options.Record = None,
    label: options.Label = "",
    tag: options.Tag = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Backtest every combination of a grid and rank them."""
    given = dict(locals())
    from peak_trade.app import recording, request
    from peak_trade.app.wiring import split_settings
    from peak_trade.engine.clock import now_ns

    begun = now_ns()
    found = request.configured(given, split_settings(settings or [])[1], config)
    chosen = found.values
    page = request.in_folder(report, chosen.report.folder)
    check_wanted(page, tables=tables, open_=open_)
    check_path("--report", page, PAGES, data)
    options.check_words(label, tag)
    asked = request.pinned(recording.Asked.of(given), found)
    with progress("Sweeping", wanted=chosen.flags.show_progress) as watch:
        kind, result = search(asked, found, watch)
    lasted = (begun, now_ns())
    if page is not None:
        with outputs() as files:
            files.write(page, result.report)
            if tables:
                rows = cast("pl.DataFrame", result.frame())  # the command line loads polars
                files.write_beside(page, result.to_dict(top=chosen.sweep.top), {"rows": rows})
    kept = recording.keep(
        result, asked, found, lasted_ns=lasted, kind=kind, label=label, tags=tag or ()
    )
    if json:
        told = {**result.to_dict(top=chosen.sweep.top), "strategy": strategy}
        told["report"] = str(page) if page else None
        print_json({**told, "run": kept.id if kept else None, "recorded": kept is not None})
    else:
        _show(result, chosen.sweep.top)
        if kept is not None:
            print(f"Run: {kept.id}")
        if page is not None:
            print(page)
    if page is not None and open_:
        open_page(page)


def search(
    asked: "Asked", found: "Configuration[Settings]", watch: Progress | None = None
) -> tuple[type, "Sweep"]:
    """Make the sweep that is asked for, and name its strategy; a recorded one is made likewise."""
    from peak_trade.app import request
    from peak_trade.app.terms import terms_of
    from peak_trade.app.wiring import parse_grid, split_settings, strategy_class
    from peak_trade.domain.errors import ParameterError

    parameters = split_settings(asked.settings or [])[0]
    axes = request.grid_for_research(parse_grid(asked.grid or []))
    both = sorted(set(axes) & set(parameters))
    if both:
        raise ParameterError(f"{both[0]} stands in --grid and in --set", hint="give it once")
    axes = {**{name: (value,) for name, value in parameters.items()}, **axes}
    kind = strategy_class(asked.strategy)
    terms = terms_of(found.values)
    from peak_trade.research.sweep import sweep

    bars = request.load_bars(
        asked.data,
        found,
        columns=asked.columns,
        symbols=asked.symbol,
        version=asked.data_version,
    )
    chosen = found.values
    announce_compilation()
    return kind, sweep(
        kind,
        bars,
        axes,
        cash=terms.cash,
        costs=terms.costs,
        exits=terms.exits,
        start=asked.start,
        end=asked.end,
        cash_buffer=terms.cash_buffer,
        min_change=terms.min_change,
        shortfall=terms.shortfall,
        limits=terms.limits,
        margin=terms.margin,
        rebalance=terms.rebalance,
        band=terms.band,
        sizer=terms.sizer,
        currency=terms.currency,
        actions=request.load_actions(asked.actions, found, bars),
        detail=request.load_detail(
            asked.detail, found, bars, columns=asked.columns, interval=asked.detail_interval
        ),
        sort=chosen.sweep.sort,
        threads=chosen.sweep.threads or None,
        progress=watch,
    )


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
