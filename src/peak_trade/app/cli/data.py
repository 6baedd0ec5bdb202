"""`peak data check`: what in a file, or in stored bars, would break or distort a backtest, and what can be mended."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import print_json, working
from peak_trade.domain.errors import InputError

if TYPE_CHECKING:
    from peak_trade.app.config import Configuration
    from peak_trade.app.settings import Settings
    from peak_trade.data.findings import DataReport
    from peak_trade.data.reading import Format, Reading
    from peak_trade.data.repair import Repair

FOUND = 1

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="A path, builtin:NAME, or VENUE:SYMBOL of the store with INTERVAL."
    ),
]
Every = Annotated[
    str | None, typer.Argument(metavar="INTERVAL", help="Length of stored bars, such as 1h.")
]
Against = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="SOURCE",
        help="Another source of a stored series: who misses what, differs, lags, is off.",
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit code 1 for a warning too, and for what is unchecked.")
]
RepairTo = Annotated[
    Path | None,
    typer.Option(
        "--repair",
        metavar="OUT",
        help="Write a mended copy (.csv or .parquet): sorted, exact duplicates and rows without a "
        "sound price dropped, highs and lows widened to take in open and close.",
        rich_help_panel=options.OUTPUT,
    ),
]
OneSymbol = Annotated[
    str | None,
    typer.Option(
        metavar="SYMBOL",
        help="Of several instruments the one to check.",
        rich_help_panel=options.DATA,
    ),
]


def check(
    source: Source,
    every: Every = None,
    strict: Strict = False,
    against: Against = None,
    repair: RepairTo = None,
    symbol: OneSymbol = None,
    columns: options.Columns = None,
    interval: options.Interval = None,
    stamp: options.Stamp = None,
    timezone: options.Timezone = None,
    calendar: options.Calendar = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Check a file or stored bars before a backtest leans on them; exit code 1 where it would refuse."""
    interval = _one_interval(every, interval)
    given = dict(locals())
    from peak_trade.app import request
    from peak_trade.app.cli.outputs import TABLES, check_path
    from peak_trade.data.stored import names_store

    found = request.configured(given, {}, config)
    if names_store(source):
        of_files = {"--repair": repair, "--columns": columns, "--symbol": symbol, "--stamp": stamp}
        _check_stored(
            source, interval, found, of_files, calendar, against=against, strict=strict, json=json
        )
        return
    if against is not None:
        raise InputError(
            "--against compares a stored series", hint="import the file, or use pt.compare_data"
        )
    check_path("--repair", repair, TABLES, source)
    from peak_trade.data.check import check_reading
    from peak_trade.data.reading import read

    form = _form(source, found, columns=columns, symbol=symbol)
    with working("Checking", wanted=found.values.flags.show_progress and not json):
        reading = read(source, form)
        report = check_reading(reading)
    if repair is None:
        _tell(report, json=json)
        left = report
    else:
        repairs, left = _repaired(reading, form, repair)
        _tell_repair(report, repairs, left, repair, json=json)
    if not (left.is_clean if strict else left.is_loadable):
        raise typer.Exit(FOUND)


def _one_interval(every: str | None, interval: str | None) -> str | None:
    if every is not None and interval is not None and every != interval:
        raise InputError(
            f"the interval is given as {every} and as --interval {interval}", hint="give it once"
        )
    return every or interval


def _check_stored(
    source: str,
    interval: str | None,
    found: "Configuration[Settings]",
    of_files: Mapping[str, object],
    calendar: str | None,
    *,
    against: str | None,
    strict: bool,
    json: bool,
) -> None:
    from peak_trade.app.cli.stored_checks import checked_stored

    for option, value in of_files.items():
        if value is not None:
            hint = "peak data repair mends it" if option == "--repair" else "leave it out"
            raise InputError(f"{option} is of files; {source} is a stored series", hint=hint)
    with working("Checking", wanted=found.values.flags.show_progress and not json):
        report, compared = checked_stored(
            source, interval, found, calendar=calendar, against=against
        )
    if json:
        more = {} if compared is None else {"against": compared.to_dict()}
        print_json({**report.to_dict(), **more})
    else:
        _tell(report, json=False)
        if compared is not None:
            print(compared)
    if not (report.is_clean if strict else report.is_loadable):
        raise typer.Exit(FOUND)


def _form(
    source: str, found: "Configuration[Settings]", *, columns: str | None, symbol: str | None
) -> "Format":
    """How the source is to be read; of a built-in series that is known, and what is stated refused."""
    from peak_trade.app.wiring import parse_settings
    from peak_trade.data.reading import Format

    data = found.values.data
    stated = {
        key
        for key in ("interval", "stamp", "timezone")
        if found.explain(f"data.{key}").layer.startswith("--")
    }
    mapping = parse_settings(columns.split(",")) if columns else None
    if source.startswith("builtin:") and not stated:
        return Format(calendar=data.calendar, columns=mapping, symbol=symbol)
    is_default_zone = found.explain("data.timezone").layer == "default"
    return Format(
        data.interval,
        data.stamp,
        None if is_default_zone else data.timezone,
        data.calendar,
        mapping,
        symbol,
    )


def _repaired(
    reading: "Reading", form: "Format", path: Path
) -> tuple[tuple["Repair", ...], "DataReport"]:
    """Write a mended copy, and check the file that was written."""
    from dataclasses import replace

    from peak_trade.app.cli.outputs import outputs
    from peak_trade.data.check import check_reading
    from peak_trade.data.reading import read
    from peak_trade.data.repair import repair, write_table

    done = repair(reading)
    with outputs() as files:
        files.write(path, lambda part: write_table(done.reading, part))
    is_single = reading.columns.symbol is None and not reading.columns.tickers
    again = replace(
        form,
        symbol=reading.series[0].symbol if is_single else form.symbol,
        calendar=reading.calendar,
        interval=reading.interval,
    )
    return done.repairs, check_reading(read(path, again))


def _tell(report: "DataReport", *, json: bool) -> None:
    if json:
        print_json(report.to_dict())
        return
    print(str(report))
    if report.is_clean and not report.findings:
        print("Nothing was found.")


def _tell_repair(
    report: "DataReport",
    repairs: tuple["Repair", ...],
    left: "DataReport",
    path: Path,
    *,
    json: bool,
) -> None:
    if json:
        done = [one.to_dict() for one in repairs]
        print_json(
            {**report.to_dict(), "repair": {"path": path, "repairs": done, "left": left.to_dict()}}
        )
        return
    print(str(report))
    print("repairs:" if repairs else "repairs: none was needed")
    for one in repairs:
        shown = ", ".join(
            f"{row} ({time})" for row, time in zip(one.rows[:3], one.times[:3], strict=True)
        )
        more = ", ..." if one.count > 3 else ""
        print(f"    {one.message}; row{'' if one.count == 1 else 's'} {shown}{more}")
    print(f"left: {left!r}")
    print(path)
