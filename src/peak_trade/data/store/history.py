"""The versions of a series, and what differs between two of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from peak_trade.data.series import SeriesKey
from peak_trade.data.store.parts import joined, read_parts
from peak_trade.data.store.results import Version
from peak_trade.data.store.table import Part, Snapshot, Table
from peak_trade.data.store.tables import Tables

if TYPE_CHECKING:
    import polars as pl


def versions_of(tables: Tables, key: SeriesKey) -> tuple[Version, ...]:
    """List the versions that touched a series and have not expired, oldest first."""
    table, snapshot = tables.found(key, None)
    kept_from = table.state(snapshot.version).kept_from
    found = [
        _version(note, key.symbol)
        for note in table.notes(snapshot.version, kept_from)
        if key.symbol in cast("dict[str, object]", note.get("series", {}))
    ]
    return tuple(reversed(found))


def _version(note: dict[str, object], symbol: str) -> Version:
    entry = cast("dict[str, dict[str, list[int]]]", note["series"])[symbol]
    added, corrected, unchanged, removed = entry["counts"]
    return Version(
        version=cast(int, note["version"]),
        committed_ns=cast(int, note["committed_ns"]),
        received_ns=cast(int, note["received_ns"]),
        source=str(note["source"]),
        note=str(note["note"]),
        added=added,
        corrected=corrected,
        unchanged=unchanged,
        removed=removed,
        rows=entry["head"][0],
    )


def difference(tables: Tables, key: SeriesKey, old: int, new: int) -> "pl.DataFrame":
    """Rows of a series that differ between two versions, with the values of both.

    Only files that are not part of both versions are read.
    """
    import polars as pl

    table, before = tables.found(key, old)
    after = table.pinned(new)
    order = list(key.shape.key)
    rest = [name for name in key.shape.stored if name not in order]
    was = _own_rows(table, before, after, key).rename({name: f"was_{name}" for name in rest})
    now = _own_rows(table, after, before, key)
    both = now.with_columns(pl.lit(True).alias("_now")).join(
        was.with_columns(pl.lit(True).alias("_was")), on=order, how="full", coalesce=True
    )
    change = (
        pl.when(pl.col("_was").is_null())
        .then(pl.lit("added"))
        .when(pl.col("_now").is_null())
        .then(pl.lit("removed"))
        .otherwise(pl.lit("corrected"))
        .alias("change")
    )
    differs = pl.any_horizontal(
        change != "corrected", *(pl.col(name).ne_missing(pl.col(f"was_{name}")) for name in rest)
    )
    columns = [*order, *rest, *(f"was_{name}" for name in rest)]
    return both.filter(differs).sort(order).select(change, *columns)


def _own_rows(table: Table, one: Snapshot, other: Snapshot, key: SeriesKey) -> "pl.DataFrame":
    """Rows of a series in the files that only one of two versions has."""
    shared = set(other.parts["path"])
    parts: Sequence[Part] = [part for part in one.find(key.symbol) if part.path not in shared]
    columns = list(key.shape.stored)
    frames = read_parts(table, parts, columns=columns, symbols=(key.symbol,))
    return joined(frames, {name: table.types[name] for name in columns})
