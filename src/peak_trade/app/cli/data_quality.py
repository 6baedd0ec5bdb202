"""`peak data quality` and `peak data repair`: how good stored bars are, and what can be mended."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import Progress, print_json, progress, working
from peak_trade.app.cli.listing import Column, print_list
from peak_trade.app.cli.stored_checks import compared, stored_key

if TYPE_CHECKING:
    from peak_trade.data.coverage import Coverage
    from peak_trade.data.quality import Quality
    from peak_trade.data.repair import Repair
    from peak_trade.data.series import SeriesKey
    from peak_trade.data.store import Store
    from peak_trade.data.stored_bars import StoredBars
    from peak_trade.data.stored_repair import StoredRepair

Name = Annotated[
    str, typer.Argument(metavar="SOURCE", help="A file, or VENUE:SYMBOL of the store.")
]
Every = Annotated[
    str | None, typer.Argument(metavar="INTERVAL", help="Length of stored bars, such as 1h.")
]
Venue = Annotated[str | None, typer.Argument(metavar="VENUE", help="Only series of this venue.")]
OneInterval = Annotated[
    str | None,
    typer.Option("--interval", help="Only series of this interval.", rich_help_panel=options.DATA),
]
Fill = Annotated[
    bool,
    typer.Option(
        "--fill", help="Fill gaps of a stored series with bars that are marked and never traded."
    ),
]
Write = Annotated[
    bool,
    typer.Option("--write", help="Write the repair as a new version; without it, only show it."),
]
To = Annotated[
    Path | None,
    typer.Option("--to", metavar="OUT", help="Of a file: where the mended copy goes."),
]
Page = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write the coverage as a page.",
        rich_help_panel=options.OUTPUT,
    ),
]


def repair(
    source: Name,
    interval: Every = None,
    to: To = None,
    fill: Fill = False,
    write: Write = False,
    calendar: options.Calendar = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Mend a file into a copy, or a stored series into a new version; invents no price to trade."""
    from peak_trade.data.stored import names_store

    if not names_store(source):
        _repair_file(source, interval, to, fill=fill, write=write, calendar=calendar, config=config,
                     json=json)  # fmt: skip
        return
    from peak_trade.app import request
    from peak_trade.app.stores import opened_store
    from peak_trade.data.stored_bars import stored_bars
    from peak_trade.data.stored_repair import plan_repair, write_repair
    from peak_trade.domain.errors import InputError

    if to is not None:
        raise InputError(
            "--to is of files; a stored series is mended in its store",
            hint="peak data export writes it to a file",
        )
    found = request.configured({"calendar": calendar}, {}, config)
    store = opened_store(found)
    with working("Repairing", wanted=found.values.flags.show_progress and not json):
        key = stored_key(store, source, interval)
        bars = stored_bars(store, key, calendar=calendar)
        done = plan_repair(bars, fill=fill)
        version = None
        if write and done.rows.height:
            version = write_repair(store, bars, done, received_ns=time.time_ns()).version
    _tell_stored(bars, done, version, is_written=write, json=json)


def _repair_file(
    source: str,
    interval: str | None,
    to: Path | None,
    *,
    fill: bool,
    write: bool,
    calendar: str | None,
    config: Path | None,
    json: bool,
) -> None:
    from peak_trade.app.cli.data import check
    from peak_trade.domain.errors import InputError

    if fill:
        raise InputError(
            "a file cannot say that a bar was filled in, so it would be traded on",
            hint="import it into the store, and fill it there",
        )
    if write or to is None:
        raise InputError(
            f"{source} is a file, which stays as it is", hint="write a copy with --to mended.csv"
        )
    check(source, repair=to, interval=interval, calendar=calendar, config=config, json=json)


def _tell_stored(
    bars: "StoredBars",
    done: "StoredRepair",
    version: int | None,
    *,
    is_written: bool,
    json: bool,
) -> None:
    if json:
        print_json(
            {
                "series": str(bars.key),
                "calendar": bars.calendar,
                "repairs": [_facts(one) for one in done.repairs],
                "rows": done.rows.height,
                "left": done.left,
                "is_written": version is not None,
                "version": version,
            }
        )
        return
    for one in done.repairs:
        times = ", ".join(one.times[:3]) + (", ..." if one.count > 3 else "")
        print(f"{one.message}; {times}")
    if done.left:
        print(f"left: {done.left:,} bars without a sound price; fetch or import them anew")
    if not done.repairs:
        print(f"{bars.key}: nothing can be mended, or needs to be.")
    elif version is not None:
        print(f"{bars.key}: version {version}, {done.rows.height:,} rows; the one before stays.")
    elif not is_written:
        print("Nothing was written; --write makes it a new version.")


def _facts(one: "Repair") -> dict[str, object]:
    return {**one.to_dict(), "rows": list(one.rows[:3]), "times": list(one.times[:3])}


def quality(
    venue: Venue = None,
    interval: OneInterval = None,
    calendar: options.Calendar = None,
    html: Page = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Score every stored series of bars from 0 to 100, and show what is covered."""
    from peak_trade.app import request
    from peak_trade.app.cli.outputs import PAGES, check_path
    from peak_trade.app.stores import opened_store
    from peak_trade.domain.errors import DataError

    check_path("--html", html, PAGES)
    found = request.configured({"calendar": calendar}, {}, config)
    store = opened_store(found)
    keys = [
        one.key
        for one in store.series(kind="bars", venue=venue)
        if interval in (None, one.key.interval)
    ]
    if not keys:
        what = " ".join(word for word in (venue, interval) if word) or "any venue"
        raise DataError(
            f"no bars of {what} are in {store.place}",
            hint="peak data list shows what is stored; peak data fetch and peak data import fill it",
        )
    now_ns = time.time_ns()
    with progress("Scoring", wanted=found.values.flags.show_progress and not json) as tell:
        scores, cover = _scored(store, keys, calendar, now_ns, tell)
    if html is not None:
        _write_page(html, scores, cover)
    if json:
        print_json(
            {
                "store": store.place,
                "quality": [one.to_dict() for one in scores],
                "coverage": cover.to_dict(),
                "page": html,
            }
        )
        return
    _print_scores(scores)
    print()
    print(cover)
    if html is not None:
        print(html)


def _scored(
    store: "Store",
    keys: "list[SeriesKey]",
    calendar: str | None,
    now_ns: int,
    tell: Progress | None,
) -> "tuple[list[Quality], Coverage]":
    from peak_trade.data.coverage import coverage
    from peak_trade.data.stored_bars import quality_of, stored_bars

    scores, covered = [], []
    others = [one.key for one in store.series(kind="bars")]
    for done, key in enumerate(keys, 1):
        bars = stored_bars(store, key, calendar=calendar)
        found = compared(store, bars, _elsewhere(key, others))
        scores.append(quality_of(bars, now_ns=now_ns, comparison=found))
        covered.append(bars.covered)
        if tell is not None:
            tell(done, len(keys))
    return scores, coverage(covered, until_ns=now_ns, columns=48)


def _elsewhere(key: "SeriesKey", others: "list[SeriesKey]") -> str | None:
    """The same symbol and interval at another venue, the first by name."""
    same = sorted(
        f"{one.venue}:{one.symbol}"
        for one in others
        if (one.symbol, one.interval) == (key.symbol, key.interval) and one.venue != key.venue
    )
    return same[0] if same else None


def _print_scores(scores: "list[Quality]") -> None:
    names = ("completeness", "validity", "consistency", "freshness", "agreement")
    columns = [
        Column("series", is_words=True),
        Column("score"),
        Column("bars", spare=1),
        Column("missing", spare=2),
        *(Column(name, spare=3 + place) for place, name in enumerate(names)),
    ]
    print_list(
        columns,
        [
            (
                one.name,
                f"{one.score:.1f}",
                f"{one.rows:,}",
                f"{one.missing:,}",
                *(_points(one.parts[name]) for name in names),
            )
            for one in scores
        ],
    )


def _points(value: float) -> str:
    return "-" if value != value else f"{value:.1f}"


def _write_page(path: Path, scores: "list[Quality]", cover: "Coverage") -> None:
    from peak_trade.app.cli.outputs import outputs
    from peak_trade.observe.coverage_page import coverage_page

    text = coverage_page(
        names=cover.names,
        periods=cover.periods,
        share=cover.share,
        bars=cover.bars,
        scores=[one.score for one in scores],
    )
    with outputs() as files:
        files.write(path, lambda part: part.write_text(text, encoding="utf-8"))
