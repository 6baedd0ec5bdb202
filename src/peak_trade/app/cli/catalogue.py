"""`peak data list` and `peak strategies`: what there is to trade, and with what."""

import inspect
import math
from typing import TYPE_CHECKING, Annotated

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import print_facts, print_json, print_table
from peak_trade.app.cli.stored_text import print_stored, stored_facts

if TYPE_CHECKING:
    from peak_trade.domain.strategy import Parameter

Name = Annotated[
    str | None, typer.Argument(help="A registered name, or FILE.py:CLASS; without it, all.")
]


Every = Annotated[
    bool, typer.Option("--all", help="Of a venue with many instruments each on a line of its own.")
]
MANY = 20
"""Instruments of a venue and interval from which on they are one line."""


def data(
    every: Every = False, config: options.ConfigFile = None, json: options.Json = False
) -> None:
    """List the built-in series and those of the store: range, interval, rows, where they are from."""
    from peak_trade.app import request
    from peak_trade.app.stores import opened_store
    from peak_trade.data.catalogue import catalogue

    series = catalogue()
    store = opened_store(request.configured({}, {}, config))
    stored = store.series()
    if json:
        print_json(
            {
                "data": [{**_fields(item), "data": f"builtin:{item.name}"} for item in series],
                "store": store.place,
                "stored": [stored_facts(one) for one in stored],
            }
        )
        return
    print_table(
        ("name", "bars", "every", "from", "to", "columns", "source"),
        [
            (
                item.name,
                f"{item.rows:,}",
                item.interval,
                item.first,
                item.last,
                _columns(item.columns, item.symbols),
                item.source if item.available else f"missing: {item.install}",
            )
            for item in series
        ],
        words={0, 5, 6},
    )
    print("Use one with --data builtin:NAME, a file of your own with --data file:PATH.")
    print()
    if not stored:
        print(f"Nothing is stored in {store.place}; peak data fetch and peak data import fill it.")
        return
    print_stored(stored, most=len(stored) if every else MANY)
    print(f"Stored in {store.place}; use bars with --data VENUE:SYMBOL --interval.")


def _fields(item: object) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(item)  # type: ignore[call-overload, no-any-return]


def _columns(columns: tuple[str, ...], symbols: tuple[str, ...]) -> str:
    shape = "OHLCV" if len(columns) == 5 else ", ".join(columns)
    return shape if len(symbols) == 1 else f"{shape} x {len(symbols)}"


def strategies(name: Name = None, json: options.Json = False) -> None:
    """List the registered strategies, or describe one with its parameters and ranges."""
    if name is None:
        _all(json=json)
    else:
        _one(name, json=json)


def _all(*, json: bool) -> None:
    from peak_trade.app.wiring import registered_strategies, strategy_class
    from peak_trade.domain.strategy import kind_of

    found = [(item, strategy_class(item.name)) for item in registered_strategies()]
    if json:
        print_json(
            {
                "strategies": [
                    {
                        "name": item.name,
                        "kind": kind_of(kind),
                        "description": _summary(kind),
                        "location": item.location,
                        "package": item.package,
                    }
                    for item, kind in found
                ]
            }
        )
        return
    print_table(
        ("name", "kind", "what it does"),
        [(item.name, kind_of(kind), _summary(kind)) for item, kind in found],
        words={0, 1, 2},
    )
    print("Parameters of one: peak strategies NAME. One of your own: FILE.py:CLASS.")


def _one(name: str, *, json: bool) -> None:
    from peak_trade.app.wiring import location_of, strategy_class
    from peak_trade.domain.strategy import kind_of, parameters, warmup_of

    kind = strategy_class(name)
    listed = parameters(kind)
    signature = inspect.signature(kind).parameters
    optional = {key for key, item in signature.items() if item.default is not item.empty}
    complete = all(item.name in optional for item in listed)
    warmup = warmup_of(kind()) if complete else None
    facts = {
        "name": name,
        "kind": kind_of(kind),
        "description": _summary(kind),
        "source": str(getattr(kind, "source", "")),
        "location": location_of(kind),
        "warmup": warmup,
    }
    if json:
        print_json({**facts, "parameters": [_parameter(item) for item in listed]})
        return
    shown = {key: "unknown" if value is None else str(value) for key, value in facts.items()}
    print_facts({key: value for key, value in shown.items() if value})
    print()
    print_table(
        ("parameter", "type", "default", "from", "to", "meaning"),
        [
            (
                item.name,
                item.kind,
                str(item.default) if item.name in optional else "required",
                _bound(item.low),
                _bound(item.high),
                item.doc,
            )
            for item in listed
        ],
        words={0, 1, 5},
    )


def _summary(kind: type) -> str:
    paragraph = (inspect.getdoc(kind) or "").split("\n\n")[0]
    return " ".join(paragraph.split()).replace("``", "")


def _bound(value: float) -> str:
    return f"{value:g}" if math.isfinite(value) else ""


def _parameter(item: "Parameter") -> dict[str, object]:
    return {
        "name": item.name,
        "type": item.kind,
        "default": item.default,
        "low": item.low,
        "high": item.high,
        "description": item.doc,
    }
