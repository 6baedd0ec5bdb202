"""`peak run`: a session, on paper, with a live table and a report at its end."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import announce_compilation, print_facts, print_json
from peak_trade.app.cli.options import OUTPUT
from peak_trade.app.cli.outputs import PAGES, check_path, open_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

    from peak_trade.app.trading import Outcome, Progress

SESSION = "Session"

Strategies = Annotated[
    list[str],
    typer.Option(
        "--strategy",
        "-s",
        metavar="NAME",
        help="A registered name, or FILE.py:CLASS, with its parameters after commas "
        "(ma_cross,fast=20). Several share the account equally.",
    ),
]
Mode = Annotated[
    str, typer.Option(help="How it trades: paper.", metavar="MODE", rich_help_panel=SESSION)
]
Speed = Annotated[
    str,
    typer.Option(
        help="How many times faster than the bars' own time, or max.", rich_help_panel=SESSION
    ),
]
Account = Annotated[
    str,
    typer.Option(
        help="The account, whose limits and kills it is under; one session at a time.",
        rich_help_panel=SESSION,
    ),
]
Watchdog = Annotated[
    bool,
    typer.Option(
        "--watchdog",
        help="Send nothing unless a watchdog is running (peak watchdog).",
        rich_help_panel=SESSION,
    ),
]
NoReport = Annotated[
    bool, typer.Option("--no-report", help="Write no report at the end.", rich_help_panel=OUTPUT)
]


def run(
    strategy: Strategies,
    data: options.Data,
    mode: Mode = "paper",
    speed: Speed = "max",
    account: Account = "paper",
    watchdog: Watchdog = False,
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
    max_bars: options.MaxBars = None,
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
    no_report: NoReport = False,
    open_: options.Open = False,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Trade strategies on paper, every order through gate and journal."""
    given = dict(locals())
    from peak_trade.app import recording, request, trading
    from peak_trade.app.wiring import split_settings

    given["strategy"] = trading.PARTS.join(strategy)
    found = request.configured(given, split_settings(settings or [])[1], config)
    check_path("--report", report, PAGES, data)
    asked = request.pinned(recording.Asked.of(given), found)
    announce_compilation()
    with watching(wanted=found.values.flags.show_progress) as progress:
        outcome = trading.start(
            asked,
            found,
            mode=mode,
            account=account,
            speed=speed_of(speed),
            watched=watchdog,
            progress=progress,
        )
    show(outcome, report, found.values.report.folder, no_report=no_report, open_=open_, json=json)


def speed_of(text: str) -> float:
    """How many times faster than real time: a number above 0, or ``max``.

    Examples
    --------
    >>> speed_of("max"), speed_of("60")
    (inf, 60.0)
    """
    from peak_trade.domain.errors import InputError

    try:
        speed = float("inf") if text == "max" else float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise InputError(
            f"speed {text!r} is no number above 0", hint="write max, 1 for real time, or 60"
        )
    return speed


class watching:  # noqa: N801 - a context manager, used like a function
    """A live table on standard error where that is a terminal, else nothing."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted and sys.stderr.isatty()

    def __enter__(self) -> "Callable[[Progress], None] | None":
        if not self._wanted:
            return None
        import time

        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(stderr=True), transient=True, auto_refresh=False)
        self._live.__enter__()
        last = [0.0]

        def show_progress(now: "Progress") -> None:
            if now.row < now.rows and time.monotonic() - last[0] < 0.1:
                return
            last[0] = time.monotonic()
            self._live.update(_live_table(now), refresh=True)

        return show_progress

    def __exit__(self, *_: object) -> None:
        if self._wanted:
            self._live.__exit__(None, None, None)


def _live_table(now: "Progress") -> "Table":
    from datetime import UTC, datetime

    from rich.table import Table

    table = Table(title=f"Session {now.session}", title_justify="left", box=None, show_header=False)
    when = datetime.fromtimestamp(now.time_ns / 1e9, UTC)
    held = ", ".join(f"{symbol} {lots:+,}" for symbol, lots in now.positions[:6]) or "flat"
    more = len(now.positions) - 6
    facts = {
        "Bars": f"{now.row:,} of {now.rows:,}  ({now.row / now.rows:.0%})",
        "Time": f"{when:%Y-%m-%d %H:%M} UTC",
        "Equity": f"{now.equity:,.2f}",
        "Positions (lots)": held + (f" and {more} more" if more > 0 else ""),
        "Orders": f"{now.open_orders:,} open, {now.fills:,} fills, {now.denied:,} denied",
        "Kill switch": f"[red]TRIPPED: {now.kill}[/red]" if now.kill else "not tripped",
    }
    for name, value in facts.items():
        table.add_row(name, value)
    return table


def show(
    outcome: "Outcome",
    report: Path | None,
    folder: str,
    *,
    no_report: bool,
    open_: bool,
    json: bool,
) -> None:
    """Write the report and tell how a session ended; exit 1 where it did not end as it was meant to."""
    page = None
    if outcome.result is not None and not no_report:
        page = Path(folder) / (report or Path(f"session-{outcome.session}.html"))
        outcome.result.report(page)
    if json:
        print_json({**_told(outcome), "report": str(page) if page else None})
    else:
        _print(outcome, page)
    if page is not None and open_:
        open_page(page)
    if not outcome.is_good:
        raise typer.Exit(1)


def _told(outcome: "Outcome") -> dict[str, object]:
    result = outcome.result
    return {
        "session": outcome.session,
        "account": outcome.account,
        "mode": outcome.mode,
        "state": outcome.state,
        "detail": outcome.detail,
        "equity": outcome.equity,
        **outcome.counts,
        "stats": None if result is None else result.to_dict()["stats"],
        "warnings": [] if result is None else list(result.warnings),
    }


def _print(outcome: "Outcome", page: Path | None) -> None:
    from peak_trade.observe.text import FINAL_EQUITY, figure_named

    result = outcome.result
    print(
        f"Session {outcome.session} of account {outcome.account}, {outcome.mode}: {outcome.state}"
    )
    if outcome.detail:
        print(f"Why: {outcome.detail}")
    facts = {
        "Bars": f"{outcome.rows:,}",
        "Orders": f"{outcome.counts['ordered']:,}",
        "Fills": f"{outcome.counts['fills']:,}",
        "Denied": f"{outcome.counts['denied']:,}",
        "Open orders": f"{outcome.counts['open_orders']:,}",
    }
    if result is not None:
        terms, bars = result.record.terms, result.bars
        currency = terms.currency or bars.instruments[0].quote
        facts[FINAL_EQUITY.label] = FINAL_EQUITY.show(outcome.equity, currency)
        facts |= {
            figure_named(name).label: figure_named(name).show(value, currency)
            for name, value in result.stats.items()
        }
    print_facts(facts, numbers=True)
    for warning in result.warnings if result is not None else ():
        print(f"Warning: {warning}")
    print(f"Journal: peak journal tail {outcome.session}")
    if page is not None:
        print(page)
