"""`peak sessions`: what trades and what has traded; look at one, end it, go on with it."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from peak_trade.app.cli import options, trade
from peak_trade.app.cli.console import print_facts, print_json
from peak_trade.app.cli.orders import Pairs
from peak_trade.domain.errors import RefusedError

if TYPE_CHECKING:
    from peak_trade.app.config import Configuration
    from peak_trade.app.session_records import SessionLine, SessionRecords
    from peak_trade.app.settings import Settings
    from peak_trade.observe.account import Account

Reference = Annotated[
    str,
    typer.Argument(
        metavar="SESSION", help="An id, the beginning of one, last, or last~1 before it."
    ),
]
ByAccount = Annotated[str | None, typer.Option("--account", metavar="NAME", help="Of this one.")]
ByStrategy = Annotated[
    str | None, typer.Option("--strategy", metavar="NAME", help="Of this strategy.")
]
ByState = Annotated[
    str | None,
    typer.Option(
        "--state", metavar="STATE", help="running, cut off, done, stopped, killed, failed."
    ),
]
Limit = Annotated[int, typer.Option(min=1, help="Sessions to show, newest first.")]
How = Annotated[
    Literal["cancel", "keep", "flatten"],
    typer.Option(
        help="What becomes of orders and positions: cancel the orders, keep them, or cancel them and "
        "close every position."
    ),
]
Wait = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait for its end.")
]

FOUND = 1
POLL_S = 0.1


def newest(context: typer.Context) -> None:
    """List the newest sessions, where no other command is named."""
    if context.invoked_subcommand is None:
        list_()


def list_(
    account: ByAccount = None,
    strategy: ByStrategy = None,
    state: ByState = None,
    limit: Limit = 20,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """List the sessions, newest first."""
    from peak_trade.app.session_records import SessionRecords
    from peak_trade.journal.sessions import Sessions

    records = SessionRecords.of(_configured(pairs, config))
    rows = Sessions(records.database).list(
        account=account, strategy=strategy, limit=limit if state is None else _ALL
    )
    if state is not None:
        rows = [row for row in rows if records.state_of(row) == state][:limit]
    found = records.lines(rows)
    if json:
        print_json({"sessions": [_line_facts(line) for line in found]})
    elif found:
        _show_list(found)
    else:
        print("No session is recorded that matches; peak run starts one.")


_ALL = 1_000_000


def show(
    session: Reference = "last",
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Show one session: what it trades, where it stands, and what stood in its way."""
    from peak_trade.app.session_records import SessionRecords

    records = SessionRecords.of(_configured(pairs, config))
    row = records.find(session)
    line, account = records.line(row), records.account(row)
    if json:
        print_json(_line_facts(line) | _account_facts(account) | {"request": row.request})
    else:
        _show_session(line, account)


def stop(
    session: Reference,
    how: How = "cancel",
    wait: Wait = 30.0,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> int:
    """Ask a running session to end, and wait for it; exit code 1 where it has not ended by then."""
    from peak_trade.app.session_records import SessionRecords
    from peak_trade.app.trading import request_stop

    found = _configured(pairs, config)
    records = SessionRecords.of(found)
    row = records.find(session)
    state = records.state_of(row)
    if state != "running":
        raise RefusedError(
            f"session {row.id} does not run: it is {state}",
            hint=f"peak sessions show {row.id} tells more",
            session=row.id,
        )
    request_stop(found, row.id, how)
    ended = _ended(records, row.id, wait)
    if json:
        print_json(_line_facts(records.line(records.find(row.id))) | {"has_ended": ended})
    elif ended:
        now = records.find(row.id)
        print(f"Session {row.id} has ended: {_state_text(records.state_of(now), now.detail)}.")
    else:
        print(f"Session {row.id} was asked to end ({how}) and runs on after {wait:g} s.")
        print(
            f"It looks between two bars; peak kill trip stops it at once. peak sessions show {row.id}"
        )
    return 0 if ended else FOUND


def resume(
    session: Reference,
    speed: trade.Speed = "max",
    watchdog: trade.Watchdog = False,
    report: options.Report = None,
    no_report: trade.NoReport = False,
    open_: options.Open = False,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Go on with a session that was stopped, killed or cut off, from where its journal ends."""
    from peak_trade.app import trading
    from peak_trade.app.cli.console import announce_compilation
    from peak_trade.app.cli.outputs import PAGES, check_path
    from peak_trade.app.session_records import SessionRecords

    found = _configured(pairs, config)
    check_path("--report", report, PAGES)
    row = SessionRecords.of(found).find(session)
    announce_compilation()
    with trade.watching(wanted=found.values.flags.show_progress and not json) as progress:
        outcome = trading.resume(
            row.id, found, speed=trade.speed_of(speed), watched=watchdog, progress=progress
        )
    trade.show(
        outcome, report, found.values.report.folder, no_report=no_report, open_=open_, json=json
    )


def _ended(records: "SessionRecords", session: str, wait: float) -> bool:
    """Whether a session ends within so many seconds."""
    until = time.monotonic() + wait
    while records.state_of(records.find(session)) == "running":
        if time.monotonic() >= until:
            return False
        time.sleep(POLL_S)
    return True


def _show_list(found: "list[SessionLine]") -> None:
    from peak_trade.app.cli.listing import Column, print_list
    from peak_trade.observe.text import DASH, moment, number

    print_list(
        [
            Column("session", is_words=True),
            Column("account", is_words=True, spare=3),
            Column("environment", is_words=True, spare=4),
            Column("strategy", is_words=True),
            Column("state", is_words=True),
            Column("started UTC", is_words=True),
            Column("ended UTC", is_words=True, spare=6),
            Column("rows", spare=2),
            Column("orders", spare=1),
            Column("equity"),
        ],
        [
            [
                line.row.id,
                line.row.account,
                line.row.environment,
                line.row.strategy,
                line.state,
                moment(line.row.started_ns),
                DASH if line.row.ended_ns is None or line.is_running else moment(line.row.ended_ns),
                f"{line.rows:,}",
                f"{line.orders:,}",
                number(line.equity),
            ]
            for line in found
        ],
    )


def _show_session(line: "SessionLine", account: "Account") -> None:
    from peak_trade.observe.text import moment, number, plural

    row = line.row
    data = cast("Mapping[str, object]", row.request.get("data", {}))
    counts = _order_counts(account)
    print_facts(
        {
            "session": row.id,
            "trades": f"{row.strategy} on {row.environment} account {row.account}",
            "state": _state_text(line.state, row.detail),
            "started": f"{moment(row.started_ns, 's')} UTC",
            "ended": _ended_text(line),
            "data": f"{data.get('source', 'unknown')}, fingerprint {data.get('fingerprint', 'unknown')}",
            "rows": f"{account.rows:,}" + _until(account),
            "equity": f"{number(account.last_equity)} {account.currency}, "
            f"started with {number(account.cash)}",
            "cash": ", ".join(
                f"{number(amount)} {currency}" for currency, amount in account.ledger.cash.items()
            ),
            "positions": _positions_text(account),
            "orders": ", ".join(f"{count:,} {state}" for state, count in counts.items()) or "none",
            "fills": f"{len(account.fills):,}, fees {number(account.ledger.fees)}",
            "refused by": ", ".join(f"{rule} {n:,}" for rule, n in account.refusals.most_common())
            or "nothing",
            "kills": "; ".join(_kill_text(account)) or "none",
            "processes": "; ".join(_incarnation_texts(account, line)),
            "journal": plural(account.records, "record"),
            "code": row.code_version,
        }
    )
    for oddity in account.oddities:
        print(f"Warning: {oddity}")
    _advise(line)


def _advise(line: "SessionLine") -> None:
    """What an operator does next."""
    session = line.row.id
    if line.state == "cut off":
        print(
            f"Its process ended without saying so. peak sessions resume {session} goes on with it."
        )
    elif line.state == "killed":
        print(
            "The kill switch stopped it. peak kill status tells why; docs/runbooks/recovery.md how to go on."
        )
    elif line.state in ("stopped", "failed"):
        print(f"peak sessions resume {session} goes on with it.")


def _until(account: "Account") -> str:
    from peak_trade.observe.text import moment

    return f", to {moment(account.equity[-1].time_ns)} UTC" if account.equity else ""


def _state_text(state: str, detail: str) -> str:
    from peak_trade.observe.journal_text import printable

    return f"{state}: {printable(detail)}" if detail else state


def _ended_text(line: "SessionLine") -> str:
    from peak_trade.observe.text import moment

    if line.is_running:
        return "it runs"
    return f"{moment(line.row.ended_ns, 's')} UTC" if line.row.ended_ns else "it did not say"


def _positions_text(account: "Account") -> str:
    from peak_trade.observe.text import price, quantity

    held = account.positions()
    texts = [f"{quantity(one.quantity)} {one.symbol} at {price(one.average)}" for one in held]
    return ", ".join(texts) or "none"


def _order_counts(account: "Account") -> dict[str, int]:
    """Orders by state, the most frequent first."""
    from collections import Counter

    counts = Counter(story.life.state.value for story in account.orders.values())
    return dict(counts.most_common())


def _kill_text(account: "Account") -> list[str]:
    from peak_trade.observe.journal_text import printable
    from peak_trade.observe.text import moment

    return [
        f"{kill.scope} at {moment(kill.time_ns)}: {printable(kill.reason)}"
        + ("" if kill.cleared_ns is None else f", cleared at {moment(kill.cleared_ns)}")
        for kill in account.kills
    ]


def _incarnation_texts(account: "Account", line: "SessionLine") -> list[str]:
    from peak_trade.observe.text import moment

    told = []
    for one in account.incarnations:
        begun = f"{'recovered' if one.is_recovery else 'started'} {moment(one.begun_ns, 's')}"
        end = "running" if one is account.incarnations[-1] and line.is_running else "cut off"
        told.append(f"{begun}, {one.state or end}")
    return told


def _line_facts(line: "SessionLine") -> dict[str, object]:
    from peak_trade.research.run import iso_text

    row = line.row
    return {
        "id": row.id,
        "account": row.account,
        "environment": row.environment,
        "strategy": row.strategy,
        "venue": row.venue,
        "label": row.label,
        "state": line.state,
        "detail": row.detail,
        "started": iso_text(row.started_ns),
        "ended": None if line.is_running else iso_text(row.ended_ns),
        "rows": line.rows,
        "orders": line.orders,
        "fills": line.fills,
        "denied": line.denied,
        "equity": None if math.isnan(line.equity) else line.equity,
        "config_digest": row.config_digest,
        "code_version": row.code_version,
    }


def _account_facts(account: "Account") -> dict[str, object]:
    from dataclasses import asdict

    from peak_trade.research.run import iso_text

    return {
        "records": account.records,
        "until": iso_text(account.equity[-1].time_ns) if account.equity else None,
        "cash": account.ledger.cash,
        "fees": account.ledger.fees,
        "equity": account.last_equity,
        "positions": [asdict(item) for item in account.positions()],
        "orders_by_state": _order_counts(account),
        "refusals": dict(account.refusals),
        "kills": [asdict(kill) for kill in account.kills],
        "incarnations": [asdict(one) for one in account.incarnations],
        "oddities": account.oddities,
    }


def _configured(pairs: list[str] | None, file: Path | None) -> "Configuration[Settings]":
    from peak_trade.app import request
    from peak_trade.app.wiring import parse_settings

    return request.configured({}, parse_settings(pairs or []), file)
