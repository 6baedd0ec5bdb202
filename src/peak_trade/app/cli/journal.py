"""`peak journal`: whether a session's journal is what was written, what it says, and what it makes again."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import print_json, working
from peak_trade.app.cli.orders import Pairs

if TYPE_CHECKING:
    from peak_trade.app.config import Configuration
    from peak_trade.app.session_records import SessionRecords
    from peak_trade.app.settings import Settings
    from peak_trade.app.trading import Replay
    from peak_trade.journal.record import Entry
    from peak_trade.journal.verify import Verification
    from peak_trade.observe.account import Account

Reference = Annotated[
    str,
    typer.Argument(
        metavar="SESSION", help="An id, the beginning of one, last, or last~1 before it."
    ),
]
OneOrAll = Annotated[
    str | None,
    typer.Argument(metavar="[SESSION]", help="One session; every journal where left out."),
]
Count = Annotated[int, typer.Option("-n", "--lines", min=1, help="Records to show.")]
Follow = Annotated[
    bool,
    typer.Option("--follow", "-f", help="Go on with what is written, until the session ends."),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", metavar="KIND", help="Records of this kind, such as fill. Repeatable."),
]
Target = Annotated[Path, typer.Argument(metavar="PATH", help="A file, .jsonl or .parquet.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")]
Most = Annotated[int, typer.Option("--limit", min=1, help="Differences to show.")]

FOUND = 1
ENDINGS = (".jsonl", ".parquet")


def verify(
    session: OneOrAll = None,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> int:
    """Verify journals against themselves and their anchors; exit code 1 where one is not whole."""
    found = _configured(pairs, config)
    from peak_trade.app.session_records import SessionRecords
    from peak_trade.journal.anchor import Anchors
    from peak_trade.journal.verify import verify as verified
    from peak_trade.journal.verify import verify_all

    records = SessionRecords.of(found)
    with working("Verifying", wanted=found.values.flags.show_progress and not json):
        if session is None:
            results = verify_all(records.database, records.folder)
        else:
            stream = records.find(session).id
            anchor = Anchors(records.folder).of(stream)
            results = [verified(records.database, stream, anchor)]
    are_whole = all(result.is_whole for result in results)
    if json:
        print_json({"is_whole": are_whole, "journals": [one.to_dict() for one in results]})
    else:
        _show_verified(results, records)
    return 0 if are_whole else FOUND


def tail(
    session: Reference = "last",
    count: Count = 20,
    follow: Follow = False,
    kind: Kinds = None,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Show the last records of a session's journal in words; with --follow as they come."""
    found = _configured(pairs, config)
    from peak_trade.app.session_records import SessionRecords
    from peak_trade.journal.reader import tail as last_ones

    records = SessionRecords.of(found)
    row = records.find(session)
    shown = last_ones(records.database, row.id, count, kinds=kind or ())[::-1]
    if json and not follow:
        print_json({"session": row.id, "records": [_facts(entry) for entry in shown]})
        return
    account = _opening(records, row.id)
    _tell(shown, account, json=json)
    if follow:
        start = shown[-1].seq + 1 if shown else 1
        _tell(_coming(records, row.id, start, kind or []), account, json=json)


def export(
    session: Reference,
    path: Target,
    overwrite: Overwrite = False,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Write a session's journal as JSON Lines or Parquet, hashes and all, whole or not at all."""
    found = _configured(pairs, config)
    from peak_trade.app.cli.outputs import check_path
    from peak_trade.app.session_records import SessionRecords
    from peak_trade.journal.export import export_jsonl, export_parquet

    check_path("PATH", path, ENDINGS)
    records = SessionRecords.of(found)
    row = records.find(session)
    write = export_parquet if path.suffix.lower() == ".parquet" else export_jsonl
    count = write(records.database, row.id, path, overwrite=overwrite)
    if json:
        print_json({"session": row.id, "records": count, "path": str(path)})
    else:
        print(f"{count:,} records of session {row.id}.")
        print(path)


def replay(
    session: Reference = "last",
    limit: Most = 20,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> int:
    """Decide and book a session again from its journal; exit code 1 where a record differs."""
    found = _configured(pairs, config)
    from peak_trade.app.session_records import SessionRecords
    from peak_trade.app.trading import replay as run_again

    row = SessionRecords.of(found).find(session)
    with working("Making it again", wanted=found.values.flags.show_progress and not json):
        again = run_again(found, row.id)
    if json:
        print_json(_replay_facts(again, limit))
    else:
        _show_replay(again, limit)
    return FOUND if again.parted else 0


# --- verify --------------------------------------------------------------------------------------


def _show_verified(results: "list[Verification]", records: "SessionRecords") -> None:
    from peak_trade.app.cli.listing import Column, print_list
    from peak_trade.journal.sessions import Sessions

    running = Sessions(records.database).list(state="running")
    states = {row.id: records.state_of(row) for row in running}

    if not results:
        print("There is no journal yet; peak run writes one.")
        return
    print_list(
        [
            Column("session", is_words=True),
            Column("records"),
            Column("anchored", spare=2),
            Column("snapshots", spare=1),
            Column("ended", is_words=True),
            Column("journal", is_words=True),
        ],
        [
            [
                one.stream,
                f"{one.records:,}",
                "none" if one.anchored is None else f"{one.anchored:,}",
                f"{one.snapshots:,}",
                "in order" if one.is_closed else states.get(one.stream, "cut off"),
                "whole" if one.is_whole else "NOT WHOLE",
            ]
            for one in results
        ],
    )
    for one in results:
        if one.unanchored and one.is_whole:
            print(
                f"{one.stream}: the last {one.unanchored:,} records are behind the anchor, as a writer "
                "that runs or was cut off leaves them; nothing vouches for these yet."
            )
        if not one.is_whole:
            _show_faults(one)


def _show_faults(one: "Verification") -> None:
    print()
    print(f"{one.stream} is not what was written:")
    for fault in one.faults:
        place = "the whole journal" if fault.seq is None else f"record {fault.seq:,}"
        print(f"  {place}: {fault.what}")
    print(f"Records 1 to {one.records:,} are whole." if one.records else "No record is whole.")
    print("It was altered, cut or put back from a backup, or its disk fails. Do not resume it;")
    print(
        "keep database and state folder as they are; docs/runbooks/divergence.md tells how to go on."
    )


# --- tail ----------------------------------------------------------------------------------------


def _opening(records: "SessionRecords", stream: str) -> "Account | None":
    """What the first record says is traded; None where it is not there to say so."""
    from peak_trade.journal.reader import read
    from peak_trade.observe.account import Account

    first = next(read(records.database, stream, stop=2), None)
    return Account(first.payload) if first and first.kind == "session.started" else None


def _coming(
    records: "SessionRecords", stream: str, start: int, kinds: list[str]
) -> "Iterable[Entry]":
    from peak_trade.journal.reader import follow

    def is_over() -> bool:
        return records.state_of(records.find(stream)) != "running"

    return follow(records.database, stream, start=start, kinds=kinds, is_over=is_over)


def _tell(entries: "Iterable[Entry]", account: "Account | None", *, json: bool) -> None:
    import json as form

    from peak_trade.app.cli.console import as_json
    from peak_trade.observe.journal_text import record_text
    from peak_trade.observe.text import moment

    instruments = account.instruments if account else ()
    for entry in entries:
        if json:
            print(form.dumps(as_json(_facts(entry)), allow_nan=False), flush=True)
            continue
        said = record_text(entry, instruments)
        line = f"{entry.seq:>7,}  {moment(entry.time_ns, 's')}  {entry.kind:<17}  {said}"
        print(line.rstrip(), flush=True)


def _facts(entry: "Entry") -> dict[str, object]:
    from peak_trade.research.run import iso_text

    return {**entry._asdict(), "time": iso_text(entry.time_ns)}


# --- replay --------------------------------------------------------------------------------------


def _replay_facts(again: "Replay", limit: int) -> dict[str, object]:
    return {
        "session": again.session,
        "is_same": not again.parted,
        "compared": again.compared,
        "parted": again.parted,
        "differences": [
            {"seq": one.seq, "kind": one.kind, "written": one.written, "made": one.made}
            for one in again.differences[:limit]
        ],
    }


def _show_replay(again: "Replay", limit: int) -> None:
    if not again.parted:
        print(
            f"The same: {again.compared:,} records of session {again.session} were made again alike."
        )
        return
    print(f"DIFFERENT: session {again.session} makes {again.parted:,} records otherwise now.")
    for one in again.differences[:limit]:
        print(f"record {one.seq:,} ({one.kind})")
        print(f"  written  {one.written}")
        print(f"  made     {one.made}")
    left = again.parted - min(limit, len(again.differences))
    if left:
        print(f"... and {left:,} more.")
    print(
        f"{again.compared:,} records were compared; docs/runbooks/divergence.md tells what it means."
    )


def _configured(pairs: list[str] | None, file: Path | None) -> "Configuration[Settings]":
    from peak_trade.app import request
    from peak_trade.app.wiring import parse_settings

    return request.configured({}, parse_settings(pairs or []), file)
