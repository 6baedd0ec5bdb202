"""Instruments as venues list them, with every change of their rules and when it was heard of."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING

from peak_trade.data.source import Listed
from peak_trade.data.store.parts import joined, read_parts
from peak_trade.data.store.rows import fitted_to
from peak_trade.data.store.table import Table
from peak_trade.data.store.tables import INSTRUMENTS, Name, Tables
from peak_trade.data.store.upsert import Incoming
from peak_trade.data.store.writing import commit_rows
from peak_trade.domain.errors import DataError
from peak_trade.domain.instrument import Instrument, TradingRules

if TYPE_CHECKING:
    import polars as pl

_COLUMNS = ("symbol", *INSTRUMENTS.columns)


def keep_listed(
    tables: Tables, venue: str, listed: Sequence[Listed], *, source: str, received_ns: int
) -> int:
    """Keep what a venue lists, where it differs from what is kept; give how many did."""
    import polars as pl

    known = {symbol: entries[-1][1] for symbol, entries in _entries(tables, venue).items()}
    items = {}
    for one in listed:
        said = json.dumps(asdict(one), sort_keys=True)
        if known.get(one.symbol) != said:
            row = pl.DataFrame({"time_ns": [received_ns], "listed": [said]})
            items[one.symbol] = Incoming(fitted_to(INSTRUMENTS, f"instruments of {venue}", row))
    if items:
        table = _table_name(venue)
        commit_rows(tables, table, items, source=source, received_ns=received_ns)
    return len(items)


def listed_at(tables: Tables, venue: str, known_ns: int | None) -> tuple[Listed, ...]:
    """Give what a venue lists as it was known at a time, by symbol."""
    return tuple(
        _listed(symbol, entries, known_ns)
        for symbol, entries in sorted(_entries(tables, venue).items())
    )


def instrument_at(
    tables: Tables, venue: str, symbol: str, known_ns: int | None
) -> Instrument | None:
    """Give an instrument as it was known at a time; what was heard first where that is later."""
    entries = _entries(tables, venue, symbol).get(symbol)
    return None if not entries else _listed(symbol, entries, known_ns).instrument


Entry = tuple[int, str]  # when it was heard of, and what was said


def _table_name(venue: str) -> Name:
    return INSTRUMENTS.name, venue, ""


def _entries(tables: Tables, venue: str, symbol: str | None = None) -> dict[str, list[Entry]]:
    """What was heard of each instrument, in the order of time."""
    if _table_name(venue) not in tables.names():
        return {}
    table: Table = tables.table(_table_name(venue))
    snapshot = table.latest()
    if snapshot is None:
        return {}
    symbols = None if symbol is None else (symbol,)
    frames = read_parts(table, snapshot.find(symbol), columns=_COLUMNS, symbols=symbols)
    rows: pl.DataFrame = joined(frames, {name: table.types[name] for name in _COLUMNS})
    entries: dict[str, list[Entry]] = {}
    for name, time_ns, said in rows.sort("symbol", "time_ns").iter_rows():
        entries.setdefault(name, []).append((time_ns, said))
    return entries


def _listed(symbol: str, entries: Sequence[Entry], known_ns: int | None) -> Listed:
    """Put together what was heard up to a time: later order rules hold from when they were heard."""
    heard = [entry for entry in entries if known_ns is None or entry[0] <= known_ns]
    first, *later = [(since_ns, _read(said)) for since_ns, said in heard or entries[:1]]
    newest, instrument = first[1], first[1].instrument
    for since_ns, one in later:
        newest, instrument = one, _changed(instrument, one.instrument, since_ns)
    return replace(newest, symbol=symbol, instrument=instrument)


def _changed(before: Instrument, after: Instrument, since_ns: int) -> Instrument:
    """Give an instrument whose order rules changed; any other change holds for all of the past."""
    now = TradingRules(since_ns, after.tick, after.order_step, after.min_notional)
    is_same = before == replace(
        after,
        tick=before.tick,
        order_step=before.order_step,
        min_notional=before.min_notional,
        rules=before.rules,
    )
    if not is_same or after.rules:
        return after
    last = before.rules_at(since_ns)
    if (last.tick, last.order_step, last.min_notional) == (
        now.tick,
        now.order_step,
        now.min_notional,
    ):
        return before
    return replace(before, rules=(*before.rules, now))


def _read(said: str) -> Listed:
    """Read what was kept; fields that a newer version of this program added are passed over."""
    try:
        found = json.loads(said)
        own = found.pop("instrument")
        rules = tuple(TradingRules(**rule) for rule in own.pop("rules"))
        names = {field.name for field in fields(Listed)}
        return Listed(
            instrument=Instrument(**own, rules=rules),
            **{name: value for name, value in found.items() if name in names},
        )
    except (TypeError, ValueError, KeyError) as error:
        raise DataError(
            f"an instrument of the store cannot be read: {error}",
            hint="fetch the instruments of its venue again with this version of peak-trade",
        ) from error
