"""The account of a session as lists: columns and cells for people, facts for JSON."""

from collections.abc import Sequence
from dataclasses import asdict

from peak_trade.app.cli.listing import Column
from peak_trade.domain.ledger import Fill
from peak_trade.execution.records import entry_record, order_record
from peak_trade.observe.account import Account
from peak_trade.observe.account_parts import Booked, OrderStory, Position
from peak_trade.observe.journal_text import kind_text, printable
from peak_trade.observe.text import DASH, moment, number, price, quantity
from peak_trade.research.run import iso_text

ORDER_COLUMNS = [
    Column("time UTC", is_words=True),
    Column("order", is_words=True, spare=2),
    Column("symbol", is_words=True),
    Column("side", is_words=True),
    Column("quantity"),
    Column("kind", is_words=True),
    Column("state", is_words=True),
    Column("filled", spare=3),
    Column("average", spare=4),
    Column("why", is_words=True, spare=1),
]


def order_cells(account: Account, story: OrderStory) -> list[str]:
    """An order as a line."""
    order, life = story.order, story.life
    return [
        moment(story.made_ns),
        order.client_id,
        account.symbol(order.instrument),
        _side(order.lots),
        quantity(account.quantity(order.instrument, abs(order.lots))),
        kind_text(order),
        life.state.value,
        quantity(account.quantity(order.instrument, life.filled)),
        price(story.average),
        _why(story),
    ]


def _why(story: OrderStory) -> str:
    """What asked for an order; of one that did not get its way, who said so."""
    reason = story.order.reason.name.lower()
    said = ", ".join(breach.rule for breach in story.breaches) or story.life.detail
    return f"{reason}: {printable(said)}" if said else reason


def order_facts(account: Account, story: OrderStory) -> dict[str, object]:
    """An order with all its steps and what refused it, for JSON."""
    order, life = story.order, story.life
    return {
        "id": order.client_id,
        "symbol": account.symbol(order.instrument),
        "side": _side(order.lots),
        "quantity": account.quantity(order.instrument, abs(order.lots)),
        "kind": order.kind.value,
        "price": None if order.price_ticks is None else order.price,
        "limit_price": order.limit_price,
        "reason": order.reason.name.lower(),
        "state": life.state.value,
        "is_open": life.is_open,
        "filled": account.quantity(order.instrument, life.filled),
        "average": story.average,
        "fees": story.fees,
        "made": iso_text(story.made_ns),
        "changed": iso_text(life.changed_ns),
        "venue_id": life.venue_id,
        "detail": life.detail,
        "breaches": [asdict(breach) for breach in story.breaches],
        "steps": [
            {
                "seq": step.seq,
                "time": iso_text(step.time_ns),
                "state": step.state.value,
                "detail": step.detail,
            }
            for step in story.steps
        ],
        "record": order_record(order),
    }


# --- fills and entries ---------------------------------------------------------------------------


FILL_COLUMNS = [
    Column("time UTC", is_words=True),
    Column("order", is_words=True, spare=3),
    Column("symbol", is_words=True),
    Column("side", is_words=True),
    Column("quantity"),
    Column("price"),
    Column("fee"),
    Column("position after", spare=2),
    Column("cash after", spare=1),
    Column("reason", is_words=True),
]


def fill_cells(account: Account, item: Booked) -> list[str]:
    """A fill as a line."""
    fill = _fill(item)
    return [
        moment(fill.time_ns),
        fill.client_id,
        account.symbol(fill.instrument),
        _side(fill.lots),
        quantity(account.quantity(fill.instrument, abs(fill.lots))),
        price(fill.price),
        number(fill.fee),
        quantity(account.quantity(fill.instrument, item.lots)),
        number(item.cash),
        fill.reason.name.lower(),
    ]


def fill_facts(account: Account, item: Booked) -> dict[str, object]:
    """A fill for JSON."""
    fill = _fill(item)
    return {
        "seq": item.seq,
        "time": iso_text(fill.time_ns),
        "time_ns": fill.time_ns,
        "order": fill.client_id,
        "trade": fill.trade_id,
        "symbol": account.symbol(fill.instrument),
        "side": _side(fill.lots),
        "lots": fill.lots,
        "quantity": account.quantity(fill.instrument, abs(fill.lots)),
        "price": fill.price,
        "fee": fill.fee,
        "slippage": fill.slippage,
        "reason": fill.reason.name.lower(),
        "row": fill.row,
        "position": account.quantity(fill.instrument, item.lots),
        "cash": item.cash,
    }


def _fill(item: Booked) -> Fill:
    entry = item.entry
    if not isinstance(entry, Fill):  # fills() of an account gives nothing else
        raise TypeError(f"record {item.seq} is a {item.kind}")
    return entry


ENTRY_COLUMNS = [
    Column("record", spare=3),
    Column("time UTC", is_words=True),
    Column("kind", is_words=True),
    Column("symbol", is_words=True),
    Column("quantity", spare=1),
    Column("amount"),
    Column("cash after"),
    Column("position after", spare=2),
]


def entry_cells(account: Account, item: Booked) -> list[str]:
    """An entry of the ledger as a line."""
    lots = getattr(item.entry, "lots", None)
    has_position = item.instrument >= 0
    return [
        f"{item.seq:,}",
        moment(item.time_ns),
        item.kind,
        account.symbol(item.instrument) or DASH,
        DASH if lots is None else quantity(account.quantity(item.instrument, lots)),
        number(item.amount) + _other(account, item.currency),
        number(item.cash) + _other(account, item.currency),
        quantity(account.quantity(item.instrument, item.lots)) if has_position else DASH,
    ]


def _other(account: Account, currency: str) -> str:
    return "" if currency == account.currency else f" {currency}"


def entry_facts(account: Account, item: Booked) -> dict[str, object]:
    """An entry of the ledger for JSON."""
    return {
        "seq": item.seq,
        "time": iso_text(item.time_ns),
        "kind": item.kind,
        "symbol": account.symbol(item.instrument) or None,
        "currency": item.currency,
        "amount": item.amount,
        "cash": item.cash,
        "position": (
            account.quantity(item.instrument, item.lots) if item.instrument >= 0 else None
        ),
        "record": entry_record(item.entry),
    }


# --- positions -----------------------------------------------------------------------------------


POSITION_COLUMNS = [
    Column("symbol", is_words=True),
    Column("quantity"),
    Column("lots", spare=1),
    Column("average"),
    Column("cost", spare=2),
    Column("mark"),
    Column("value"),
    Column("unrealised"),
]


def position_cells(held: Position) -> list[str]:
    """A position as a line."""
    return [
        held.symbol,
        quantity(held.quantity),
        f"{held.lots:,}",
        price(held.average),
        number(held.cost),
        price(held.mark),
        number(held.value),
        number(held.unrealised),
    ]


def positions_facts(account: Account, held: Sequence[Position]) -> dict[str, object]:
    """Positions, cash and equity for JSON."""
    return {
        "positions": [asdict(item) | {"unrealised": item.unrealised} for item in held],
        "held_value": account.held_value,
        "unrealised": account.unrealised,
        "cash": account.ledger.cash,
        "currency": account.currency,
        "equity": account.last_equity,
        "time": iso_text(account.equity[-1].time_ns) if account.equity else None,
        "fees": account.ledger.fees,
    }


def _side(lots: int) -> str:
    return "buy" if lots > 0 else "sell"
