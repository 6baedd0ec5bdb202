"""Rows into a table: what is new is added, what differs is corrected, what is there is left alone."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from peak_trade.data.series import Kind
from peak_trade.data.store.layout import Layout
from peak_trade.data.store.parts import check_parts, discard, read_parts, write_part
from peak_trade.data.store.rows import compared
from peak_trade.data.store.state import Head, Ranges, State
from peak_trade.data.store.table import Part, Snapshot, Table

if TYPE_CHECKING:
    import polars as pl

_GUARDS = 16

Counts = tuple[int, int, int, int]
"""Rows added, corrected, unchanged and removed."""


@dataclass(frozen=True, slots=True, eq=False)
class Incoming:
    """Rows of one instrument, as they are to be stored, and what is known of them.

    ``cursor`` empty and ``covered`` None leave what is known as it is.
    """

    rows: "pl.DataFrame"
    cursor: str = ""
    covered: tuple[int, int] | None = None


@dataclass(slots=True, eq=False)
class Plan:
    """What a commit would change: files written, files to be left out, and counts an instrument."""

    adds: list[Part] = field(default_factory=list)
    removes: list[Part] = field(default_factory=list)
    heads: dict[str, Head] = field(default_factory=dict)
    counts: dict[str, Counts] = field(default_factory=dict)
    is_change: bool = False


def guards(symbols: Iterable[str]) -> list[str]:
    """Names that no two concurrent commits to one of these instruments both carry."""
    return sorted({f"peak-{zlib.crc32(symbol.encode()) % _GUARDS:02d}" for symbol in symbols})


def every_guard() -> list[str]:
    """Names that every commit of rows carries one of."""
    return [f"peak-{number:02d}" for number in range(_GUARDS)]


def planned(
    table: Table,
    snapshot: Snapshot,
    state: State,
    items: Mapping[str, Incoming],
    *,
    kind: Kind,
    layout: Layout,
    source: str,
    received_ns: int,
) -> Plan:
    """Write the files that a commit of some rows needs, on top of a version.

    Parameters
    ----------
    table, snapshot, state : Table, Snapshot, State
        Where they go, the version that they go on top of, and what is known of its series.
    items : mapping of symbol to Incoming
        The rows.
    kind, layout : Kind, Layout
        What they are, and how they are spread over files.
    source, received_ns : str, int
        Where they are from, and when they came.
    """
    import polars as pl

    plan = Plan()
    named = [one.rows.select(pl.lit(name).alias("symbol"), pl.all()) for name, one in items.items()]
    rows = pl.concat(named)
    parts = _touched(snapshot, rows, kind)
    stored = _stored_rows(table, parts, rows, kind)
    found = compared(kind, rows, stored)
    plan.counts = _counts(rows, found.new, found.changed)
    try:
        _write(plan, table, parts, found.new, found.changed, kind, layout, source, received_ns)
    except BaseException:
        discard(table, plan.adds)
        raise
    for symbol, one in items.items():
        before = state.heads.get(symbol, Head())
        counts = plan.counts.setdefault(symbol, (0, 0, 0, 0))
        after = _head(before, one, counts, kind, received_ns)
        plan.heads[symbol] = after
        is_touched = any(counts[:2])
        plan.is_change |= is_touched or (after.cursor, after.covered) != (
            before.cursor,
            before.covered,
        )
    return plan


def _touched(snapshot: Snapshot, rows: "pl.DataFrame", kind: Kind) -> list[Part]:
    """Files that may hold rows of the same keys."""
    if rows.height == 0:
        return []
    times = rows[kind.time]
    start, stop = int(times.min()), int(times.max()) + 1  # type: ignore[arg-type]
    symbols = rows["symbol"].unique().to_list()
    if len(symbols) == 1:
        return list(snapshot.find(symbols[0], start, stop))
    wanted, low, high = set(symbols), min(symbols), max(symbols)
    return [
        part
        for part in snapshot.find(None, start, stop)
        if part.first_symbol in wanted
        or (not part.is_single and part.first_symbol <= high and part.last_symbol >= low)
    ]


def _stored_rows(
    table: Table, parts: Sequence[Part], rows: "pl.DataFrame", kind: Kind
) -> "pl.DataFrame":
    import polars as pl

    columns = ["symbol", *kind.columns, "revision"]
    if not parts:
        types = {name: table.types[name] for name in columns}
        return pl.DataFrame(schema={**types, "part": pl.Int64()})
    times = rows[kind.time]
    frames = read_parts(
        table,
        parts,
        columns=columns,
        symbols=rows["symbol"].unique().to_list(),
        start_ns=int(times.min()),  # type: ignore[arg-type]
        stop_ns=int(times.max()) + 1,  # type: ignore[arg-type]
    )
    return pl.concat(
        frame.with_columns(pl.lit(number, dtype=pl.Int64).alias("part"))
        for number, frame in enumerate(frames)
    )


def _counts(
    rows: "pl.DataFrame", new: "pl.DataFrame", changed: "pl.DataFrame"
) -> dict[str, Counts]:
    def by_symbol(frame: "pl.DataFrame") -> dict[str, int]:
        return dict(frame["symbol"].value_counts().iter_rows())

    total, added, corrected = by_symbol(rows), by_symbol(new), by_symbol(changed)
    return {
        symbol: (
            added.get(symbol, 0),
            corrected.get(symbol, 0),
            count - added.get(symbol, 0) - corrected.get(symbol, 0),
            0,
        )
        for symbol, count in total.items()
    }


def _write(
    plan: Plan,
    table: Table,
    parts: Sequence[Part],
    new: "pl.DataFrame",
    changed: "pl.DataFrame",
    kind: Kind,
    layout: Layout,
    source: str,
    received_ns: int,
) -> None:
    import polars as pl

    order = ["symbol", *kind.key]
    columns = list(table.types)

    def marked(frame: "pl.DataFrame") -> "pl.DataFrame":
        return frame.with_columns(
            pl.lit(source).alias("source"),
            pl.lit(received_ns, dtype=pl.Int64).alias("received_ns"),
            pl.col("revision").cast(pl.Int32),
        ).select(columns)

    if new.height:
        fresh = marked(new.with_columns(pl.lit(0).alias("revision"))).sort(order)
        for piece in layout.split(fresh, kind.time):
            plan.adds.append(write_part(table, piece))
    for number in changed["part"].unique(maintain_order=True).to_list():
        part = parts[number]
        own = marked(changed.filter(pl.col("part") == number))
        check_parts(table, [part])
        (whole,) = read_parts(table, [part], columns=columns)
        kept = whole.join(own, on=order, how="anti", maintain_order="left")
        plan.adds.append(write_part(table, pl.concat([kept, own]).sort(order)))
        plan.removes.append(part)


def _head(before: Head, one: Incoming, counts: Counts, kind: Kind, received_ns: int) -> Head:
    rows, first, last = before.rows + counts[0], before.first_ns, before.last_ns
    if one.rows.height:
        times = one.rows[kind.time]
        low, high = int(times.min()), int(times.max())  # type: ignore[arg-type]
        first, last = (min(first, low), max(last, high)) if before.rows else (low, high)
    covered = before.covered if one.covered is None else merged((*before.covered, one.covered))
    return Head(rows, first, last, one.cursor or before.cursor, covered, received_ns)


def merged(ranges: Ranges) -> Ranges:
    """Join ranges that touch or overlap.

    Examples
    --------
    >>> merged(((0, 5), (9, 12), (5, 7)))
    ((0, 7), (9, 12))
    """
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if stop <= start:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
        else:
            joined.append((start, stop))
    return tuple(joined)
