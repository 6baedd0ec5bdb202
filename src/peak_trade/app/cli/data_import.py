"""`peak data import`: a file of your own into the store, checked row by row, all of it or nothing."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import print_json, print_table, progress, working

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peak_trade.app.config import Configuration
    from peak_trade.app.settings import Settings
    from peak_trade.data.findings import Finding
    from peak_trade.data.imports import Form, Import, Mend
    from peak_trade.data.series import SeriesKey
    from peak_trade.data.store import Commit, Store

SHOWN = 20
"""Series that are listed before the rest is counted."""

MENDING = "Rows that cannot be right"

Source = Annotated[
    str, typer.Argument(metavar="FILE", help="A CSV, CSV.gz or Parquet file, or builtin:NAME.")
]
As = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="VENUE:SYMBOL",
        help="What it is called in the store; VENUE:* keeps the names of a file of several.",
    ),
]
Kind = Annotated[
    Literal["bars", "trades", "quotes", "book", "funding", "actions", "series", "news"],
    typer.Option("--kind", help="What its rows are."),
]
OneSymbol = Annotated[
    str | None,
    typer.Option(
        metavar="SYMBOL",
        help="Of several instruments the one to take.",
        rich_help_panel=options.DATA,
    ),
]
Layout = Annotated[
    Literal[
        "kraken-ohlcvt", "kraken-trades", "binance-klines", "binance-trades", "binance-aggtrades"
    ]
    | None,
    typer.Option(help="An exchange's archive without column names.", rich_help_panel=options.DATA),
]
Unit = Annotated[
    Literal["s", "ms", "us", "ns"] | None,
    typer.Option(
        help="What numbers of a stamp count since 1970; told from their size.",
        rich_help_panel=options.DATA,
    ),
]
KnownAfter = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="How long after its stamp a value or news was known, such as 14d; 0s: at once.",
        rich_help_panel=options.DATA,
    ),
]
Repair = Annotated[
    bool,
    typer.Option(
        "--repair",
        help="Sort, drop repeated rows and those without a sound value, widen highs and lows.",
        rich_help_panel=MENDING,
    ),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave them out.", rich_help_panel=MENDING)
]
Show = Annotated[int, typer.Option(min=1, help="How many to list.", rich_help_panel=MENDING)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and check alone; store nothing.")]


def run(
    file: Source,
    name: As,
    kind: Kind = "bars",
    interval: options.Interval = None,
    columns: options.Columns = None,
    layout: Layout = None,
    stamp: options.Stamp = None,
    timezone: options.Timezone = None,
    unit: Unit = None,
    calendar: options.Calendar = None,
    symbol: OneSymbol = None,
    known_after: KnownAfter = None,
    repair: Repair = False,
    skip_bad: SkipBad = False,
    show: Show = 20,
    dry_run: DryRun = False,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Put a file into the store; exit code 2, and nothing stored, where a row cannot be right."""
    stated = {"interval": interval, "stamp": stamp, "timezone": timezone, "calendar": calendar}
    from peak_trade.app import request
    from peak_trade.app.stores import opened_store
    from peak_trade.app.wiring import parse_settings
    from peak_trade.data.imports import Form, Mend, Target, is_large

    found = request.configured(stated, {}, config)
    data = found.values.data
    is_builtin = file.startswith("builtin:")
    zone = None if found.explain("data.timezone").layer == "default" else data.timezone
    form = Form(
        interval=interval if is_builtin else data.interval,
        stamp=(stamp or "open") if is_builtin else data.stamp,
        timezone=timezone if is_builtin else zone,
        unit=unit,
        calendar=data.calendar,
        columns=parse_settings(columns.split(",")) if columns else None,
        layout=layout,
        symbol=symbol,
        known_after=known_after,
    )
    Target.parse(name)
    mend = Mend(repairs=repair, skips=skip_bad)
    wanted = found.values.flags.show_progress and not json
    place = file.removeprefix("file:")
    if is_large(place, kind):
        _in_parts(place, kind, name, form, mend, found, show=show, dry_run=dry_run, json=json)
        return
    from peak_trade.data.imports import import_file, store_import

    with working("Reading", wanted=wanted):
        read = import_file(place, kind, name, form=form, mend=mend)
    read.check(shown=show)
    commits: tuple[Commit, ...] = ()
    store = None if dry_run else opened_store(found)
    if store is not None:
        with working("Storing", wanted=wanted):
            commits = store_import(
                store, read, source=_source(read), received_ns=_now(), note=f"import of {read.kind}"
            )
    _tell(read, commits, store, json=json)


def _in_parts(
    file: str,
    kind: str,
    name: str,
    form: "Form",
    mend: "Mend",
    found: "Configuration[Settings]",
    *,
    show: int,
    dry_run: bool,
    json: bool,
) -> None:
    """Check a large file part by part, and store it only when all of it is sound."""
    from peak_trade.app.stores import opened_store
    from peak_trade.data.imports import import_parts, joined, store_import

    wanted = found.values.flags.show_progress and not json
    parts, total = [], 0
    with progress("Checking", wanted=wanted) as bar:
        for part in import_parts(file, kind, name, form=form, mend=mend):
            parts.append(part.without_rows())
            total += part.read
            if bar is not None:
                bar(total, total)
    read = joined(parts)
    read.check(shown=show)
    store = None if dry_run else opened_store(found)
    commits: dict[SeriesKey, Commit] = {}
    done = 0
    with progress("Storing", wanted=wanted and not dry_run) as bar:
        for part in import_parts(file, kind, name, form=form, mend=mend):
            if store is None:
                break
            note = f"import of {kind}, rows {done:,} on"
            made = store_import(store, part, source=_source(part), received_ns=_now(), note=note)
            for one in made:
                commits[one.key] = _added(commits.get(one.key), one)
            done += part.read
            if bar is not None:
                bar(done, total)
    _tell(read, tuple(commits.values()), store, json=json)


def _added(before: "Commit | None", commit: "Commit") -> "Commit":
    """Sum up commits of one series."""
    from dataclasses import replace

    if before is None:
        return commit
    return replace(
        commit,
        added=before.added + commit.added,
        corrected=before.corrected + commit.corrected,
        unchanged=before.unchanged + commit.unchanged,
    )


def _source(read: "Import") -> str:
    """Where rows come from, without the folders of the one who imports them."""
    from pathlib import PurePath

    if read.name.startswith("builtin:"):
        return read.name
    return f"file:{PurePath(read.name.removeprefix('file:')).name}"


def _now() -> int:
    import time

    return time.time_ns()


def _tell(
    read: "Import", commits: "Sequence[Commit]", store: "Store | None", *, json: bool
) -> None:
    if json:
        print_json(
            {
                **read.to_dict(),
                "store": None if store is None else store.place,
                "series": [_facts(commit) for commit in commits],
            }
        )
        return
    for note in read.notes:
        print(f"note: {note}")
    if read.left_out:
        print(f"note: columns that were not read: {', '.join(read.left_out)}")
    mended = [("mended", one.what, one.symbol, one.count, one.message) for one in read.mended]
    found = [
        (one.severity, _words(one), one.instrument, one.count, one.message)
        for one in read.report.findings
        if one.severity != "error"
    ]
    for line in (*_by_kind(mended), *_by_kind(found)):
        print(line)
    for reason in read.report.unchecked:
        print(f"unchecked: {reason}")
    rows = f"{read.rows:,} row{'' if read.rows == 1 else 's'}"
    if read.rows < read.read:
        rows = f"{read.rows:,} of {read.read:,} rows"
    verb = "is" if rows == "1 row" else "are"
    if store is None:
        print(f"{rows} {verb} sound; nothing was stored (--dry-run)")
        return
    _table(commits)
    print(f"{rows} of {read.name} {verb} in {store.place}")


def _words(found: "Finding") -> str:
    """What was found, without the instrument and the count."""
    return found.message.removeprefix(f"{found.instrument}: ").partition(":")[0]


def _by_kind(said: "Sequence[tuple[str, str, str, int, str]]") -> "list[str]":
    """One line a kind of finding: its message, or of several instruments how many and which."""
    kinds: dict[tuple[str, str], list[tuple[str, int, str]]] = {}
    for severity, words, symbol, count, message in said:
        kinds.setdefault((severity, words), []).append((symbol, count, message))
    lines = []
    for (severity, words), each in kinds.items():
        if len(each) == 1:
            lines.append(f"{severity}: {each[0][2]}")
            continue
        names = ", ".join(symbol for symbol, _, _ in each[:3])
        more = f" and {len(each) - 3:,} more" if len(each) > 3 else ""
        total = sum(count for _, count, _ in each)
        lines.append(f"{severity}: {words}: {total:,} of {names}{more}")
    return lines


def _facts(commit: "Commit") -> dict[str, object]:
    key = commit.key
    return {
        "series": str(key),
        "kind": key.kind,
        "venue": key.venue,
        "symbol": key.symbol,
        "interval": key.interval,
        "version": commit.version,
        "added": commit.added,
        "corrected": commit.corrected,
        "unchanged": commit.unchanged,
    }


def _table(commits: "Sequence[Commit]") -> None:
    print_table(
        ("series", "version", "added", "corrected", "there"),
        [
            (
                str(one.key),
                str(one.version),
                f"{one.added:,}",
                f"{one.corrected:,}",
                f"{one.unchanged:,}",
            )
            for one in commits[:SHOWN]
        ],
        words={0},
    )
    if len(commits) > SHOWN:
        print(f"... and {len(commits) - SHOWN:,} more; --json has all.")
