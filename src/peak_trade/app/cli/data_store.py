"""`peak data show`, `gaps`, `versions`, `diff`, `export`, `compact` and `expire`: what is stored."""

from pathlib import Path
from typing import Annotated

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import print_json, print_table, working
from peak_trade.app.cli.listing import Column, print_list
from peak_trade.app.cli.stored_names import (
    last_rows_from,
    one_or_all,
    opened,
    time_ns,
    two_versions,
)
from peak_trade.app.cli.stored_text import (
    difference_text,
    moment,
    print_rows,
    print_versions,
    second,
    short_source,
    size_text,
    tell_series,
    version_facts,
)

ENDINGS = (".csv", ".parquet", ".jsonl")
"""Endings of files that a series is written to."""

LISTED = 5
"""Versions that ``show`` lists."""

Name = Annotated[
    str, typer.Argument(metavar="VENUE:SYMBOL", help="A stored series (see peak data list).")
]
Every = Annotated[
    str | None, typer.Argument(metavar="INTERVAL", help="Length of its bars, such as 1h.")
]
Kind = Annotated[
    str | None,
    typer.Option(
        "--kind", metavar="KIND", help="bars, trades, quotes, book, funding, actions, series, news."
    ),
]
AtVersion = Annotated[
    int | None,
    typer.Option("--data-version", min=0, help="The version to read; the newest if left out."),
]
Rows = Annotated[int, typer.Option("--rows", min=0, help="Last rows to show.")]
Start = Annotated[str | None, typer.Option("--from", metavar="TIME", help="First time, UTC.")]
End = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Time before which to end.")]
Limit = Annotated[int, typer.Option(min=1, help="How many to show.")]
Old = Annotated[
    int | None, typer.Option("--old", min=0, help="A version; the one before if left out.")
]
New = Annotated[
    int | None, typer.Option("--new", min=0, help="A later one; the newest if left out.")
]
MaybeName = Annotated[
    str | None,
    typer.Argument(metavar="VENUE:SYMBOL", help="A series, whose table is meant; without it, all."),
]
KeepVersions = Annotated[
    int | None, typer.Option("--keep-versions", min=1, help="So many of the newest are kept.")
]
KeepDays = Annotated[
    float | None,
    typer.Option(
        "--keep-days", min=0, help="Versions that were the newest in so many days are kept."
    ),
]
Out = Annotated[
    Path, typer.Option("--out", metavar="FILE", help="Where to: .csv, .parquet or .jsonl.")
]


def show(
    name: Name,
    interval: Every = None,
    kind: Kind = None,
    version: AtVersion = None,
    rows: Rows = 5,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Show a series: its span, its versions, where its rows are from, and the last of them."""
    store, key, stored, _ = opened(name, interval, kind, config)
    from peak_trade.data.provenance import origins

    columns = [key.shape.time, "source", "received_ns", "revision"]
    filled = ["is_filled"] if key.kind == "bars" else []
    said = store.read(key, version=version, columns=[*columns, *filled])
    times = said[key.shape.time]
    found = origins(said)
    versions = store.versions(key)
    last = store.read(key, start_ns=last_rows_from(times, rows), version=version).tail(rows)
    facts = {
        "series": str(key),
        "kind": key.kind,
        "rows": said.height,
        "first_ns": times.min(),
        "last_ns": times.max(),
        "version": stored.version if version is None else version,
        "bytes": stored.bytes,
        "updated_ns": stored.updated_ns,
        "filled": int(said["is_filled"].sum()) if filled else 0,
        "corrected": int((said["revision"] > 0).sum()),
    }
    if json:
        print_json(
            {
                **facts,
                "store": store.place,
                "origins": found.to_dicts(),
                "versions": [version_facts(one) for one in versions],
                "last": last.to_dicts(),
            }
        )
        return
    tell_series(facts, stored, version, filled=bool(filled))
    print()
    print_list(
        [
            Column("source", is_words=True),
            Column("rows"),
            Column("corrected", spare=1),
            Column("received from", is_words=True, spare=2),
            Column("to", is_words=True),
        ],
        [
            (
                short_source(one["source"]),
                f"{one['rows']:,}",
                f"{one['corrected']:,}",
                second(one["first_ns"]),
                second(one["last_ns"]),
            )
            for one in found.to_dicts()
        ],
    )
    print()
    print_versions(versions[-LISTED:][::-1])
    if len(versions) > LISTED:
        print(f"{LISTED} of {len(versions)} versions; peak data versions lists them all.")
    if last.height:
        print()
        print_rows(last)


def versions(
    name: Name,
    interval: Every = None,
    kind: Kind = None,
    limit: Limit = 20,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """List the commits that touched a series, the newest first."""
    store, key, _, _ = opened(name, interval, kind, config)
    found = store.versions(key)[::-1]
    if json:
        print_json({"series": str(key), "versions": [version_facts(one) for one in found]})
        return
    print_versions(found[:limit])
    if len(found) > limit:
        print(f"{limit} of {len(found):,}, the newest first; --limit {len(found)} shows all.")


def gaps(
    name: Name,
    interval: Every = None,
    kind: Kind = None,
    calendar: options.Calendar = None,
    version: AtVersion = None,
    limit: Limit = 20,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """List what is missing of a series, the longest stretches first: bars by the calendar."""
    store, key, _, _ = opened(name, interval, kind, config)
    from peak_trade.data.holes import holes_of

    rows = store.read(key, version=version)
    known = store.instrument(key.venue, key.symbol) if key.kind == "bars" else None
    said = calendar or (known.calendar if known is not None else None)
    found = holes_of(key, rows, calendar=said or None)
    longest = found.holes.sort("missing", descending=True, maintain_order=True)
    if json:
        print_json(
            {
                "series": str(key),
                "calendar": found.calendar,
                "rows": rows.height,
                "missing": found.missing,
                "filled": found.filled,
                "gaps": found.holes.to_dicts(),
            }
        )
        return
    by = f", by the calendar {found.calendar}" if found.calendar else ""
    count = found.holes.height
    if not count:
        print(f"{key}: {rows.height:,} rows, nothing is missing{by}.")
    else:
        print_table(
            ("after", "before", "missing"),
            [
                (moment(one["after_ns"]), moment(one["before_ns"]), f"{one['missing']:,}")
                for one in longest.head(limit).to_dicts()
            ],
            words={0, 1},
        )
        more = f", the longest {limit} shown (--limit)" if count > limit else ""
        noun = "gap" if count == 1 else "gaps"
        print(f"{key}: {count:,} {noun}, {found.missing:,} {found.what} missing{by}{more}.")
    if found.filled:
        print(f"{found.filled:,} bars are filled in: nothing traded, and nothing may.")


def export(
    name: Name,
    out: Out,
    interval: Every = None,
    kind: Kind = None,
    version: AtVersion = None,
    start: Start = None,
    end: End = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Write a series to a file, with where each row is from; peak data import reads it back."""
    from peak_trade.app.cli.outputs import check_path, outputs

    check_path("--out", out, ENDINGS)
    store, key, stored, found = opened(name, interval, kind, config)
    from peak_trade.data.exports import write_rows

    with working("Writing", wanted=found.values.flags.show_progress and not json):
        rows = store.read(
            key, start_ns=time_ns(start, "--from"), stop_ns=time_ns(end, "--to"), version=version
        )
        with outputs() as files:
            files.write(out, lambda path: write_rows(rows, path))
    if json:
        chosen = stored.version if version is None else version
        print_json({"series": str(key), "version": chosen, "rows": rows.height, "path": out})
        return
    print(f"{rows.height:,} rows of {key}")
    print(out)


def diff(
    name: Name,
    interval: Every = None,
    kind: Kind = None,
    old: Old = None,
    new: New = None,
    limit: Limit = 20,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Show what differs in a series between two versions: rows added, corrected, removed."""
    store, key, _, _ = opened(name, interval, kind, config)
    before, after = two_versions(store, key, old, new)
    found = store.diff(key, before, after)
    counts = {
        change: found.filter(found["change"] == change).height
        for change in ("added", "corrected", "removed")
    }
    if json:
        facts = {"series": str(key), "old": before, "new": after, **counts}
        print_json({**facts, "rows": found.to_dicts()})
        return
    if found.height:
        rows = [
            (str(one["change"]), moment(int(one[key.shape.time])), difference_text(key, one))
            for one in found.head(limit).to_dicts()
        ]
        print_table(("change", "time", "what"), rows, words={0, 1, 2})
    if found.height > limit:
        print(f"... and {found.height - limit:,} more; --limit {found.height} shows all.")
    said = ", ".join(f"{count:,} {change}" for change, count in counts.items())
    print(f"{key}, version {before} to {after}: {said}")


def compact(
    name: MaybeName = None,
    interval: Every = None,
    kind: Kind = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Put small files of the store together, so that it reads faster; no row changes, in any version."""
    key, store = one_or_all(name, interval, kind, config)
    with working("Putting files together", wanted=not json):
        done = store.compact(key)
    if json:
        print_json({"files_before": done.files_before, "files_after": done.files_after})
        return
    print(f"{done.files_before:,} files before, {done.files_after:,} after")


def expire(
    name: MaybeName = None,
    interval: Every = None,
    kind: Kind = None,
    keep_versions: KeepVersions = None,
    keep_days: KeepDays = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Let old versions go, with the files that no kept one needs; a pinned backtest needs its own."""
    import time

    from peak_trade.domain.errors import InputError

    if keep_versions is None and keep_days is None:
        raise InputError(
            "nothing says which versions are kept",
            hint="give --keep-versions, --keep-days, or both: what either keeps is kept",
        )
    key, store = one_or_all(name, interval, kind, config)
    with working("Deleting", wanted=not json):
        gone = store.expire(
            now_ns=time.time_ns(), keep_versions=keep_versions, keep_days=keep_days, key=key
        )
    if json:
        print_json({"versions": gone.versions, "files": gone.files, "bytes": gone.bytes})
        return
    versions, files = _counted(gone.versions, "version"), _counted(gone.files, "file")
    print(f"{versions} expired, {files} deleted ({size_text(gone.bytes)})")
    if gone.versions:
        print("Files that were needed until now go when a day is over, at the next expire.")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
