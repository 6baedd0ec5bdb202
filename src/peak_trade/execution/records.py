"""Orders, fills and payments as plain values of a journal, and back again."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from enum import Enum
from typing import cast

from peak_trade.domain.errors import JournalError
from peak_trade.domain.event import FillReport, OrderReport
from peak_trade.domain.ledger import Adjust, CashFlow, Entry, Fill, Split
from peak_trade.domain.order import Order, OrderKind, Reason, TimeInForce

_ORDER = {item.name: None if item.default is MISSING else item.default for item in fields(Order)}
_ENUMS = {"kind": OrderKind, "time_in_force": TimeInForce}
_ENTRIES: dict[str, type] = {
    "fill": Fill, "cash_flow": CashFlow, "split": Split, "adjust": Adjust,
}  # fmt: skip
KIND_OF_ENTRY = {kind: name for name, kind in _ENTRIES.items()}


def order_record(order: Order) -> dict[str, object]:
    """An order as plain values; what has its default is left out.

    Examples
    --------
    >>> buy = Order("a1", 0, 5, OrderKind.LIMIT, Reason.ORDER, 7, price_ticks=100, tick=0.01)
    >>> order_record(buy)["kind"], order_of(order_record(buy)) == buy
    ('limit', True)
    """
    found: dict[str, object] = {}
    for name, default in _ORDER.items():
        value = getattr(order, name)
        if value != default or default is None:
            found[name] = value.name if isinstance(value, Reason) else _plain(value)
    return found


def order_of(record: Mapping[str, object]) -> Order:
    """The order of a record.

    Raises
    ------
    JournalError
        A record that is none of an order.
    """
    try:
        values = dict(record)
        for name, kind in _ENUMS.items():
            if name in values:
                values[name] = kind(values[name])
        values["reason"] = Reason[cast(str, values["reason"])]
        return Order(**values)  # type: ignore[arg-type]  # its own fields, written by order_record
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError(
            f"a record is no order: {error}", hint="verify the journal: peak journal verify"
        ) from None


def entry_record(entry: Entry) -> dict[str, object]:
    """An entry of the ledger as plain values."""
    found: dict[str, object] = {}
    for item in fields(entry):
        value = getattr(entry, item.name)
        if item.default is MISSING or not _is_same(value, item.default):
            found[item.name] = value.name if isinstance(value, Reason) else _plain(value)
    return found


def entry_of(kind: str, record: Mapping[str, object]) -> Entry:
    """The entry of a record of a kind (``fill``, ``cash_flow``, ``split``, ``adjust``).

    Raises
    ------
    JournalError
        A record that is none of that kind.
    """
    try:
        values = {name: _number(value) for name, value in record.items()}
        if "reason" in values:
            values["reason"] = Reason[cast(str, values["reason"])]
        return cast(Entry, _ENTRIES[kind](**values))
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError(
            f"a record is no {kind}: {error}", hint="verify the journal: peak journal verify"
        ) from None


def plain_report(report: OrderReport | FillReport) -> dict[str, object]:
    """What a venue reported as plain values; its time stands in the record itself."""
    found: dict[str, object] = {}
    for item in fields(report):
        value = getattr(report, item.name)
        if item.name != "time_ns" and (item.default is MISSING or value != item.default):
            found[item.name] = _plain(value)
    return found


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def _number(value: object) -> object:
    return float(value) if value in ("nan", "inf", "-inf") else value


def _is_same(value: object, default: object) -> bool:
    return value == default or (value != value and default != default)
