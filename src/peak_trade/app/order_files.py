"""An order and an account as one JSON file, for a look at what the gate would say."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from peak_trade.domain.errors import InputError, did_you_mean
from peak_trade.domain.order import Order, OrderKind, Reason, TimeInForce
from peak_trade.risk.book import Book, Proposal

Table = Mapping[str, Any]

_BOOK = (
    "equity",
    "cash",
    "peak",
    "yesterday",
    "realised",
    "now_ns",
    "interval_ns",
    "clock_skew_ns",
)
_NEEDED = ("equity", "now_ns")
_INSTRUMENT: dict[str, float] = {
    "tick": math.nan,
    "step": 1,
    "lot": math.nan,
    "unit": math.nan,
    "held": 0,
    "buying": 0,
    "selling": 0,
    "mark": math.nan,
    "mid": math.nan,
    "volume": math.nan,
    "daily_volume": math.nan,
    "data_ns": -1,
    "quarantined": False,
    "closed": False,
}
_TOP = ("order", "orders", "book")
_PROPOSAL = ("replaces", "intent", "parent_left")
_SHAPE = "peak risk check --example prints a whole file"


def example_order() -> str:
    """An order and its account, as a file to begin with."""
    return (Path(__file__).with_name("defaults") / "order.json").read_text(encoding="utf-8")


def read_orders(path: Path) -> tuple[list[Proposal], Book]:
    """Read orders and the account that they are for.

    What the account's side has must make sense; the orders may be anything, as it is the gate's
    business to refuse them.

    Raises
    ------
    InputError
        The file cannot be read, is no JSON, or its book is not whole.
    """
    top = _top(path)
    given = top.get("orders", [top.get("order")])
    if not isinstance(given, list) or not given or not all(isinstance(x, dict) for x in given):
        raise InputError(f"{path} has no order", hint=_SHAPE)
    book = _book(_part(top, "book", path), path)
    return [_proposal(cast("Table", item), book, path) for item in given], book


def _top(path: Path) -> Table:
    try:
        top = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", hint="check its path and permissions"
        ) from None
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {error}", hint=_SHAPE) from None
    if not isinstance(top, dict):
        raise InputError(f"{path} holds no JSON object", hint=_SHAPE)
    _check_names(top, _TOP, str(path))
    return top


def _part(table: Table, name: str, path: Path) -> Table:
    found = table.get(name)
    if not isinstance(found, dict):
        raise InputError(f"{path} has no {name}", hint=_SHAPE)
    return found


def _check_names(table: Table, known: tuple[str, ...], where: str) -> None:
    for name in table:
        if name not in known:
            raise InputError(f"{name!r} of {where} is not known", hint=did_you_mean(name, known))


def _book(table: Table, path: Path) -> Book:
    where = f"book of {path}"
    _check_names(table, (*_BOOK, "instruments", "working"), where)
    for name in _NEEDED:
        if name not in table:
            raise InputError(f"{name} of the {where} is missing", hint=_SHAPE)
    rows = table.get("instruments")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"instruments of the {where} are missing", hint=_SHAPE)
    columns = _columns(
        [cast("Table", row) for row in rows], int(_number(table, "now_ns", 0, where))
    )
    equity = _number(table, "equity", math.nan, where)
    book = Book(
        **columns,
        equity=equity,
        cash=_number(table, "cash", equity, where),
        peak=_number(table, "peak", equity, where),
        yesterday=_number(table, "yesterday", equity, where),
        realised=_number(table, "realised", 0.0, where),
        now_ns=int(_number(table, "now_ns", 0, where)),
        interval_ns=int(_number(table, "interval_ns", 0, where)),
        clock_skew_ns=int(_number(table, "clock_skew_ns", 0, where)),
    )
    working = table.get("working", [])
    if not isinstance(working, list) or not all(isinstance(item, dict) for item in working):
        raise InputError(f"working of the {where} is no list of orders", hint=_SHAPE)
    book.working = [_proposal(cast("Table", item), book, path).order for item in working]
    return book


def _columns(rows: list[Table], now_ns: int) -> dict[str, Any]:
    found: dict[str, list[float]] = {name: [] for name in _INSTRUMENT}
    symbols = []
    for row in rows:
        symbol = row.get("symbol")
        if not isinstance(symbol, str) or not symbol or symbol in symbols:
            raise InputError(f"symbol {symbol!r} is missing or stands twice", hint=_SHAPE)
        symbols.append(symbol)
        _check_names(row, ("symbol", *_INSTRUMENT), symbol)
        for name, default in _INSTRUMENT.items():
            found[name].append(_number(row, name, default, symbol))
        for name in ("tick", "step", "lot"):
            if not 0 < found[name][-1] < math.inf:
                raise InputError(f"{name} of {symbol} is no number above 0", hint=_SHAPE)
        for name, other in (("unit", "lot"), ("mid", "mark")):
            if math.isnan(found[name][-1]):
                found[name][-1] = found[other][-1]
        if found["data_ns"][-1] < 0:
            found["data_ns"][-1] = now_ns
    floats = {name: np.array(values, np.float64) for name, values in found.items()}
    counts = {
        name: np.array([int(x) for x in values], np.int64)
        for name, values in found.items()
        if name in ("step", "held", "buying", "selling", "data_ns")
    }
    return {
        "symbols": tuple(symbols),
        "ticks": floats["tick"],
        "steps": counts["step"],
        "minima": np.zeros(len(rows)),
        "units": floats["unit"],
        "lot_sizes": floats["lot"],
        "held": counts["held"],
        "buying": counts["buying"],
        "selling": counts["selling"],
        "marks": floats["mark"],
        "mids": floats["mid"],
        "volumes": floats["volume"],
        "daily_volumes": floats["daily_volume"],
        "data_ns": counts["data_ns"],
        "quarantined": floats["quarantined"] > 0,
        "closed": floats["closed"] > 0,
    }


def _number(table: Table, name: str, default: float, where: str) -> float:
    found = table.get(name)
    if found is None:
        return default
    is_whole = isinstance(found, int) and abs(found) < 2**62
    if not isinstance(found, int | float) or not (is_whole or math.isfinite(found)):
        raise InputError(f"{name} {found!r} of {where} is no finite number", hint=_SHAPE)
    return found


def _proposal(table: Table, book: Book, path: Path) -> Proposal:
    """An order as it stands in the file: what it says is left to the gate to refuse."""
    fields = tuple(Order.__dataclass_fields__)
    _check_names(table, ("symbol", *fields, *_PROPOSAL), f"order of {path}")
    given = dict(table)
    symbol = given.pop("symbol", None)
    if symbol is not None:
        if symbol not in book.symbols:
            raise InputError(
                f"symbol {symbol!r} of {path} is none of the book's",
                hint=did_you_mean(str(symbol), book.symbols),
            )
        given["instrument"] = book.symbols.index(symbol)
    rest = {name: given.pop(name) for name in _PROPOSAL if name in given}
    place = given.get("instrument", 0)
    is_place = type(place) is int and 0 <= place < len(book.symbols)
    tick = float(book.ticks[place]) if is_place else 0.0
    order: dict[str, Any] = {
        "client_id": "order",
        "instrument": 0,
        "lots": 0,
        "kind": "market",
        "reason": "ORDER",
        "decided_ns": book.now_ns,
        "tick": tick,
        **given,
    }
    order["kind"] = _named(OrderKind, order["kind"])
    order["reason"] = Reason.__members__.get(str(order["reason"]), order["reason"])
    if "time_in_force" in order:
        order["time_in_force"] = _named(TimeInForce, order["time_in_force"])
    return Proposal(Order(**order), **rest)


def _named(kind: type[OrderKind] | type[TimeInForce], value: object) -> object:
    return next((member for member in kind if member.value == value), value)
