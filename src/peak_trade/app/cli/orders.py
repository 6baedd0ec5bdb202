"""`peak orders`, `fills`, `positions` and `ledger`: a session's account, read from its journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import print_facts, print_json
from peak_trade.domain.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from peak_trade.app.cli.listing import Column
    from peak_trade.domain.order import OrderState
    from peak_trade.journal.sessions import SessionRow
    from peak_trade.observe.account import Account

SessionOf = Annotated[
    str,
    typer.Option(
        "--session", metavar="ID", help="An id, the beginning of one, last, or last~1 before it."
    ),
]
BySymbol = Annotated[
    str | None, typer.Option("--symbol", metavar="SYMBOL", help="Of this instrument alone.")
]
ByState = Annotated[
    str | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help="open, or a state: accepted, filled, canceled, denied, rejected, unknown, ...",
    ),
]
ByKind = Annotated[
    str | None,
    typer.Option("--kind", metavar="KIND", help="fill, split, adjust, dividend, funding, ..."),
]
Limit = Annotated[int, typer.Option(min=1, help="Lines to show, newest first.")]
Pairs = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A configuration key. Repeatable."),
]

OPEN = "open"


@dataclass(frozen=True, slots=True)
class Opened:
    """A session whose account is looked at."""

    row: "SessionRow"
    state: str
    account: "Account"

    @property
    def title(self) -> str:
        """The session in a line: its id, what it is, and to when its account is told."""
        account = self.account
        what = f"{account.strategy}, {account.environment} account {account.name}"
        return f"{self.row.id}: {what}, {self.state}, {self.until}"

    @property
    def until(self) -> str:
        """To which close the account is told."""
        from peak_trade.observe.text import moment

        marked = self.account.equity
        return f"to {moment(marked[-1].time_ns)} UTC" if marked else "before its first close"

    @property
    def facts(self) -> dict[str, object]:
        """The session as the head of a JSON object."""
        return {"session": self.row.id, "account": self.account.name, "state": self.state}


def orders(
    session: SessionOf = "last",
    symbol: BySymbol = None,
    state: ByState = None,
    limit: Limit = 20,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """List a session's orders, newest first, refused ones too."""
    from peak_trade.app.cli import account_lists as lists

    states = _states(state)
    opened = _opened(session, pairs, config, symbol)
    account = opened.account
    found = [
        story
        for story in reversed(account.orders.values())
        if _is_of(account, story.order.instrument, symbol)
        and (story.life.is_open if state == OPEN else not states or story.life.state in states)
    ]
    if json:
        listed = [lists.order_facts(account, story) for story in found[:limit]]
        print_json({**opened.facts, "total": len(found), "orders": listed})
        return
    rows = [lists.order_cells(account, story) for story in found[:limit]]
    _print_listed(opened, lists.ORDER_COLUMNS, rows, total=len(found), noun="order")
    for oddity in account.oddities:
        print(f"Warning: {oddity}")


def fills(
    session: SessionOf = "last",
    symbol: BySymbol = None,
    limit: Limit = 20,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """List a session's fills, newest first."""
    from peak_trade.app.cli import account_lists as lists

    opened = _opened(session, pairs, config, symbol)
    account = opened.account
    found = [item for item in reversed(account.fills) if _is_of(account, item.instrument, symbol)]
    if json:
        listed = [lists.fill_facts(account, item) for item in found[:limit]]
        print_json({**opened.facts, "total": len(found), "fills": listed})
        return
    rows = [lists.fill_cells(account, item) for item in found[:limit]]
    _print_listed(opened, lists.FILL_COLUMNS, rows, total=len(found), noun="fill")


def positions(
    session: SessionOf = "last",
    symbol: BySymbol = None,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Show what a session holds: positions, cash by currency, equity."""
    from peak_trade.app.cli import account_lists as lists
    from peak_trade.app.cli.listing import print_list

    opened = _opened(session, pairs, config, symbol)
    account = opened.account
    held = [item for item in account.positions() if symbol in (None, item.symbol)]
    if json:
        print_json({**opened.facts, **lists.positions_facts(account, held)})
        return
    print(opened.title)
    if held:
        print_list(lists.POSITION_COLUMNS, [lists.position_cells(item) for item in held])
    else:
        print("No position is open.")
    print()
    _print_money(account)


def ledger(
    session: SessionOf = "last",
    symbol: BySymbol = None,
    kind: ByKind = None,
    limit: Limit = 20,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """List every entry of a session's ledger with the cash after it, newest first."""
    from peak_trade.app.cli import account_lists as lists

    opened = _opened(session, pairs, config, symbol)
    account = opened.account
    kinds = sorted({item.kind for item in account.booked})
    if kind is not None and kind not in kinds:
        raise InputError(
            f"the ledger has no entry of kind {kind!r}",
            hint=did_you_mean(kind, kinds),
        )
    found = [
        item
        for item in reversed(account.booked)
        if _is_of(account, item.instrument, symbol) and kind in (None, item.kind)
    ]
    if json:
        facts: dict[str, object] = {
            "start": {account.currency: account.cash},
            "cash": account.ledger.cash,
            "fees": account.ledger.fees,
        }
        listed = [lists.entry_facts(account, item) for item in found[:limit]]
        print_json({**opened.facts, **facts, "total": len(found), "entries": listed})
        return
    rows = [lists.entry_cells(account, item) for item in found[:limit]]
    _print_listed(opened, lists.ENTRY_COLUMNS, rows, total=len(found), noun="entry")
    if found:
        print()
    _print_money(account)


def _print_money(account: "Account") -> None:
    from peak_trade.observe.text import number

    facts = {"started with": f"{number(account.cash)} {account.currency}"}
    for currency, amount in account.ledger.cash.items():
        facts["cash" if currency == account.currency else f"cash in {currency}"] = (
            f"{number(amount)} {currency}"
        )
    if account.ledger.holds:
        facts["positions"] = f"{number(account.held_value)} {account.currency}"
        facts["unrealised"] = f"{number(account.unrealised)} {account.currency}"
    facts["equity"] = f"{number(account.last_equity)} {account.currency}"
    facts["fees paid"] = f"{number(account.ledger.fees)} {account.currency}"
    print_facts(facts, numbers=True)


def _opened(
    reference: str, pairs: list[str] | None, file: Path | None, symbol: str | None
) -> Opened:
    from peak_trade.app import request
    from peak_trade.app.session_records import SessionRecords
    from peak_trade.app.wiring import parse_settings

    records = SessionRecords.of(request.configured({}, parse_settings(pairs or []), file))
    row = records.find(reference)
    account = records.account(row)
    symbols = [instrument.symbol for instrument in account.instruments]
    if symbol is not None and symbol not in symbols:
        raise InputError(
            f"session {row.id} does not trade {symbol!r}", hint=did_you_mean(symbol, symbols)
        )
    return Opened(row, records.state_of(row), account)


def _states(given: str | None) -> "list[OrderState]":
    """The states that are asked for; none for all of them and for those that are open."""
    from peak_trade.domain.order import OrderState

    if given in (None, OPEN):
        return []
    known = [state.value for state in OrderState]
    if given not in known:
        raise InputError(
            f"{given!r} is no state of an order", hint=did_you_mean(given, [OPEN, *known])
        )
    return [OrderState(given)]


def _is_of(account: "Account", instrument: int, symbol: str | None) -> bool:
    return symbol is None or account.symbol(instrument) == symbol


def _print_listed(
    opened: Opened,
    columns: "Sequence[Column]",
    rows: Sequence[Sequence[str]],
    *,
    total: int,
    noun: str,
) -> None:
    from peak_trade.app.cli.listing import print_list, print_more

    print(opened.title)
    if not rows:
        print(f"No {noun} matches.")
        return
    print_list(columns, rows)
    print_more(len(rows), total)
