"""`peak backtest`: one strategy over stored bars."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import announce_compilation, print_facts, print_json, working
from peak_trade.app.cli.options import OUTPUT
from peak_trade.app.cli.outputs import PAGES, TABLES, check_distinct, check_path, outputs

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from peak_trade.research.backtest import Backtest

Table = Annotated[Path | None, typer.Option(help="Write .csv or .parquet.", rich_help_panel=OUTPUT)]
Engine = Annotated[
    Literal["auto", "fast", "session"] | None,
    typer.Option(help="auto takes the fast path where it can.", rich_help_panel=options.ACCOUNT),
]


def run(
    strategy: options.Strategy,
    data: options.Data,
    settings: options.Settings = None,
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
    engine: Engine = None,
    report: options.Report = None,
    trades: Table = None,
    equity: Table = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Trade a strategy over stored bars and show what came of it."""
    given = dict(locals())
    from peak_trade.app.cli import request
    from peak_trade.app.wiring import split_settings, strategy_class
    from peak_trade.domain.strategy import make

    parameters, pairs = split_settings(settings or [])
    found = request.configured(given, pairs, config)
    chosen = found.values
    page = request.in_folder(report, chosen.report.folder)
    _check_paths(data, page, trades, equity)
    kind = strategy_class(strategy)
    made = make(kind, parameters)
    account = chosen.backtest
    from peak_trade.research.backtest import backtest

    announce_compilation()
    with working("Trading", wanted=chosen.flags.show_progress):
        bars = request.load_bars(data, found, columns=columns, symbols=symbol)
        result = backtest(
            made,
            bars,
            cash=account.cash,
            costs=request.costs(account),
            exits=request.exits(account),
            start=start,
            end=end,
            engine=account.engine,
            cash_buffer=account.cash_buffer,
            min_change=account.min_change,
            shortfall=account.shortfall,
        )
        _write(result, page, trades, equity)
    if json:
        print_json(
            {**result.to_dict(), "strategy": strategy, "report": str(page) if page else None}
        )
    else:
        _show(result, page, (trades, equity))


def _check_paths(source: str, page: Path | None, trades: Path | None, equity: Path | None) -> None:
    check_path("--report", page, PAGES, source)
    check_path("--trades", trades, TABLES, source)
    check_path("--equity", equity, TABLES, source)
    check_distinct((page, trades, equity))


def _write(result: "Backtest", page: Path | None, trades: Path | None, equity: Path | None) -> None:
    with outputs() as files:
        if trades is not None:
            files.write(trades, lambda path: _write_table(_polars(result.trades), path))
        if equity is not None:
            files.write(equity, lambda path: _write_table(_polars(result.equity), path))
        if page is not None:
            files.write(page, result.report)


def _polars(frame: "pl.DataFrame | pd.DataFrame") -> "pl.DataFrame":
    return cast("pl.DataFrame", frame)  # results of files and built-in data are polars


def _write_table(frame: "pl.DataFrame", path: Path) -> None:
    if path.suffix.lower() == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S%.fZ")


def _show(result: "Backtest", page: Path | None, tables: tuple[Path | None, ...]) -> None:
    from peak_trade.observe.text import FINAL_EQUITY, figure_named, value_of

    bars = result.bars
    currency = bars.instruments[0].quote
    chosen = ", ".join(f"{name}={value_of(value)}" for name, value in result.params.items())
    facts = result.to_dict()["data"]
    print(f"{result.name}({chosen}) on {bars.name}")
    print(f"{_span(facts)}, {bars.interval}, fingerprint {bars.fingerprint}")
    print_facts(
        {
            FINAL_EQUITY.label: FINAL_EQUITY.show(result.equity_final, currency),
            **{
                figure_named(name).label: figure_named(name).show(value, currency)
                for name, value in result.stats.items()
            },
        },
        numbers=True,
    )
    note = f" (the fast path declined: {result.engine_note})" if result.engine_note else ""
    print(f"Engine: {result.engine}{note}")
    for warning in result.warnings:
        print(f"Warning: {warning}")
    for path in (*tables, page):
        if path is not None:
            print(path)


def _span(facts: object) -> str:
    if not isinstance(facts, dict):
        return ""
    first, last = (str(facts[key]).removesuffix("T00:00:00Z") for key in ("from", "to"))
    return f"{facts['bars']:,} bars from {first} to {last}"
