"""`peak backtest`: one strategy over stored bars."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import announce_compilation, print_facts, print_json, working
from peak_trade.app.cli.options import OUTPUT
from peak_trade.app.cli.outputs import (
    PAGES,
    TABLES,
    check_distinct,
    check_path,
    check_wanted,
    open_page,
    outputs,
)

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from peak_trade.app.config import Configuration
    from peak_trade.app.recording import Asked
    from peak_trade.app.settings import Settings
    from peak_trade.domain.bars import Bars
    from peak_trade.domain.order_strategy import OrderStrategy
    from peak_trade.domain.strategy import HasTargets
    from peak_trade.research.backtest import Ambiguity, Backtest
    from peak_trade.research.run import Run

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
    data_version: options.DataVersion = None,
    columns: options.Columns = None,
    interval: options.Interval = None,
    stamp: options.Stamp = None,
    timezone: options.Timezone = None,
    calendar: options.Calendar = None,
    lot: options.Lot = None,
    tick: options.Tick = None,
    actions: options.Actions = None,
    signals: options.Signals = None,
    detail: options.Detail = None,
    detail_interval: options.DetailInterval = None,
    cash: options.Cash = None,
    currency: options.Currency = None,
    shortfall: options.Shortfall = None,
    engine: Engine = None,
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
    trades: Table = None,
    equity: Table = None,
    record: options.Record = None,
    label: options.Label = "",
    tag: options.Tag = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Trade a strategy over stored bars and show what came of it."""
    given = dict(locals())
    from peak_trade.app import recording, request
    from peak_trade.app.wiring import split_settings
    from peak_trade.engine.clock import now_ns

    begun = now_ns()
    found = request.configured(given, split_settings(settings or [])[1], config)
    chosen = found.values
    page = request.in_folder(report, chosen.report.folder)
    check_wanted(page, tables=tables, open_=open_)
    _check_paths(data, page, trades, equity)
    options.check_words(label, tag)
    asked = request.pinned(recording.Asked.of(given), found)
    with working("Trading", wanted=chosen.flags.show_progress):
        result = trade(asked, found)
        lasted = (begun, now_ns())
        _write(result, page, trades, equity, tables=tables)
        kept = recording.keep(result, asked, found, lasted_ns=lasted, label=label, tags=tag or ())
    if json:
        told = {**result.to_dict(), "strategy": strategy, "report": str(page) if page else None}
        print_json({**told, "recorded": kept is not None})
    else:
        _show(result, page, (trades, equity), kept)
    if page is not None and open_:
        open_page(page)


def trade(
    asked: "Asked", found: "Configuration[Settings]", bars: "Bars | None" = None
) -> "Backtest":
    """Make the backtest that is asked for; a recorded one is made again by the same way.

    ``bars`` are what ``asked`` names, where they are loaded already.
    """
    from peak_trade.app import request
    from peak_trade.app.terms import terms_of
    from peak_trade.app.wiring import split_settings, strategy_class
    from peak_trade.domain.strategy import make

    made = make(strategy_class(asked.strategy), split_settings(asked.settings or [])[0])
    terms = terms_of(found.values)
    from peak_trade.research.backtest import backtest

    announce_compilation()
    if bars is None:
        bars = request.load_bars(
            asked.data,
            found,
            columns=asked.columns,
            symbols=asked.symbol,
            version=asked.data_version,
        )
    actions = request.load_actions(asked.actions, found, bars)
    return backtest(
        cast("HasTargets | OrderStrategy", made),
        bars,
        cash=terms.cash,
        costs=terms.costs,
        exits=terms.exits,
        start=asked.start,
        end=asked.end,
        engine=found.values.backtest.engine,
        cash_buffer=terms.cash_buffer,
        min_change=terms.min_change,
        shortfall=terms.shortfall,
        limits=terms.limits,
        margin=terms.margin,
        rebalance=terms.rebalance,
        band=terms.band,
        sizer=terms.sizer,
        currency=terms.currency,
        matching=terms.matching,
        actions=actions,
        detail=request.load_detail(
            asked.detail, found, bars, columns=asked.columns, interval=asked.detail_interval
        ),
        signals=request.signals_of(asked.signals, bars, actions),
    )


def _check_paths(source: str, page: Path | None, trades: Path | None, equity: Path | None) -> None:
    check_path("--report", page, PAGES, source)
    check_path("--trades", trades, TABLES, source)
    check_path("--equity", equity, TABLES, source)
    check_distinct((page, trades, equity))


def _write(
    result: "Backtest",
    page: Path | None,
    trades: Path | None,
    equity: Path | None,
    *,
    tables: bool = False,
) -> None:
    with outputs() as files:
        if trades is not None:
            files.write(trades, lambda path: _write_table(_polars(result.trades), path))
        if equity is not None:
            files.write(equity, lambda path: _write_table(_polars(result.equity), path))
        if page is not None:
            files.write(page, result.report)
        if page is not None and tables:
            frames = {"equity": result.equity, "trades": result.trades, "fills": result.fills}
            found = {name: _polars(frame) for name, frame in frames.items()}
            files.write_beside(page, result.to_dict(), found)


def _polars(frame: "pl.DataFrame | pd.DataFrame") -> "pl.DataFrame":
    return cast("pl.DataFrame", frame)  # results of files and built-in data are polars


def _write_table(frame: "pl.DataFrame", path: Path) -> None:
    if path.suffix.lower() == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S%.fZ")


def _show(
    result: "Backtest", page: Path | None, tables: tuple[Path | None, ...], kept: "Run | None"
) -> None:
    from peak_trade.observe.text import FINAL_EQUITY, figure_named, value_of

    bars = result.bars
    currency = result.record.terms.currency or bars.instruments[0].quote
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
    if result.ambiguity is not None:
        print(ambiguity_text(result.ambiguity))
    for warning in result.warnings:
        print(f"Warning: {warning}")
    if kept is not None:
        print(f"Run: {kept.id}")
    for path in (*tables, page):
        if path is not None:
            print(path)


def ambiguity_text(found: "Ambiguity") -> str:
    """Say how much of a result depends on what came first inside bars.

    Examples
    --------
    >>> from peak_trade.research.backtest import Ambiguity
    >>> ambiguity_text(Ambiguity(3, -0.02, 0.05))
    'Inside 3 bars a stop and a profit were both in reach: total return -2.00% to 5.00%'
    """
    bars = f"{found.bars:,} {'bar' if found.bars == 1 else 'bars'}"
    span = f"{found.worst:.2%} to {found.best:.2%}"
    return f"Inside {bars} a stop and a profit were both in reach: total return {span}"


def _span(facts: object) -> str:
    if not isinstance(facts, dict):
        return ""
    first, last = (str(facts[key]).removesuffix("T00:00:00Z") for key in ("from", "to"))
    return f"{facts['bars']:,} bars from {first} to {last}"
