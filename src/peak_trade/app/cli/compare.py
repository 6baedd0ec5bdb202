"""`peak compare`: several strategies over the same bars, side by side."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import announce_compilation, print_json, print_table, progress
from peak_trade.app.cli.outputs import PAGES, check_path, check_wanted, open_page, outputs
from peak_trade.domain.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from peak_trade.research.comparison import Comparison

Strategies = Annotated[
    list[str],
    typer.Argument(
        metavar="STRATEGY[,NAME=VALUE...]...",
        help="Registered names or FILE.py:CLASS, each with parameters of its own after commas.",
    ),
]
Held = Annotated[
    bool, typer.Option("--hold/--no-hold", help="Whether buy-and-hold stands beside them.")
]


def run(
    strategies: Strategies,
    data: options.Data,
    settings: options.Settings = None,
    hold: Held = True,
    start: options.Start = None,
    end: options.End = None,
    symbol: options.Symbol = None,
    data_version: options.DataVersion = None,
    columns: options.Columns = None,
    interval: options.Interval = None,
    stamp: options.Stamp = None,
    timezone: options.Timezone = None,
    calendar: options.Calendar = None,
    cash: options.Cash = None,
    commission: options.Commission = None,
    slippage: options.Slippage = None,
    report: options.Report = None,
    tables: options.Tables = False,
    open_: options.Open = False,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Trade several strategies over the same bars and set them side by side."""
    given = dict(locals())
    from peak_trade.app import recording, request
    from peak_trade.app.cli import backtest
    from peak_trade.app.wiring import split_settings

    found = request.configured(given, split_settings(settings or [])[1], config)
    page = request.in_folder(report, found.values.report.folder)
    check_wanted(page, tables=tables, open_=open_)
    check_path("--report", page, PAGES, data)
    wanted = [split_reference(text) for text in strategies]
    for name, own in wanted:
        check_own(name, own)
    asked = request.pinned(recording.Asked.of({**given, "strategy": ""}), found)
    from peak_trade.research.comparison import compare

    announce_compilation()
    bars = request.load_bars(
        data, found, columns=columns, symbols=symbol, version=asked.data_version
    )
    results = []
    with progress("Trading", wanted=found.values.flags.show_progress) as watch:
        for name, own in wanted:
            one = replace(asked, strategy=name, settings=[*(asked.settings or []), *own])
            results.append(backtest.trade(one, found, bars))
            if watch is not None:
                watch(len(results), len(wanted))
    compared = compare(results, buy_and_hold=hold)
    _write(compared, page, tables=tables)
    if json:
        print_json({**compared.to_dict(), "report": str(page) if page else None})
    else:
        _show(compared)
        if page is not None:
            print(page)
    if page is not None and open_:
        open_page(page)


def split_reference(text: str) -> tuple[str, list[str]]:
    """Part a strategy's name from its own parameters.

    Examples
    --------
    >>> split_reference("ma_cross,fast=10,slow=50"), split_reference("mine.py:Mine")
    (('ma_cross', ['fast=10', 'slow=50']), ('mine.py:Mine', []))
    """
    name, *own = (part.strip() for part in text.split(","))
    return name, own


def check_own(name: str, own: list[str]) -> None:
    """Refuse what is no parameter of one strategy: configuration is for all of them.

    Raises
    ------
    InputError
        A key with a dot.
    """
    for item in own:
        if "." in item.partition("=")[0]:
            raise InputError(
                f"{item} after {name} is a configuration key, and those are for all strategies",
                hint=f"give it once, as --set {item}",
            )


def _write(compared: "Comparison", page: Path | None, *, tables: bool) -> None:
    if page is None:
        return
    with outputs() as files:
        files.write(page, compared.report)
        if tables:
            frames = {"figures": compared.table(), "equity": compared.equity()}
            found = {name: cast("pl.DataFrame", frame) for name, frame in frames.items()}
            files.write_beside(page, compared.to_dict(), found)


def _show(compared: "Comparison") -> None:
    from peak_trade.observe.measure_text import known_figure
    from peak_trade.observe.text import FINAL_EQUITY, number

    runs = compared.runs
    rows = [
        [
            known_figure(name).label,
            *(known_figure(name).show(run.stats[name], run.currency) for run in runs),
        ]
        for name in runs[0].stats
    ]
    final = [FINAL_EQUITY.show(float(run.equity[-1]), run.currency) for run in runs]
    print_table(["", *compared.names], [*rows, [FINAL_EQUITY.label, *final]], words={0})
    print("Correlation of returns")
    print_table(
        ["", *compared.names],
        [
            [name, *(number(value) for value in row)]
            for name, row in zip(compared.names, compared.correlations.tolist(), strict=True)
        ],
        words={0},
    )
    for warning in compared.warnings:
        print(f"Warning: {warning}")
