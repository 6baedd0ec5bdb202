"""Small files put together, so that a series is not read from hundreds of them."""

from collections.abc import Sequence

from peak_trade.data.store.layout import Layout
from peak_trade.data.store.parts import check_parts, discard, read_parts, write_part
from peak_trade.data.store.table import Part, Snapshot, Table
from peak_trade.data.store.tables import committed
from peak_trade.data.store.troubles import ConflictError, GoneError

_FEW = 16  # instruments whose files are looked up one by one


def compacted(
    table: Table, layout: Layout, symbols: Sequence[str] | None = None, *, whole: bool = False
) -> int:
    """Put small files of some instruments (all) together where there are too many; give how many went.

    A concurrent commit goes first: then nothing is done, and a later commit sees to it.
    """
    went = 0
    for _ in range(8):
        snapshot = table.latest()
        if snapshot is None:
            break
        groups = layout.crowded(_parts_of(snapshot, layout, symbols), whole=whole)
        if not groups:
            break
        for group in groups:
            went += put_together(table, layout, group)
    return went


def _parts_of(snapshot: Snapshot, layout: Layout, symbols: Sequence[str] | None) -> list[Part]:
    if symbols is None or layout.is_wide or len(symbols) > _FEW:
        return list(snapshot.find())
    return [part for symbol in symbols for part in snapshot.find(symbol)]


def put_together(table: Table, layout: Layout, group: Sequence[Part]) -> int:
    """Replace files by one with the same rows, or by one a period; give how many went."""
    import polars as pl

    snapshot = table.latest()
    held = set() if snapshot is None else set(snapshot.parts["path"])
    if snapshot is None or any(part.path not in held for part in group):
        return 0
    adds: list[Part] = []
    try:
        check_parts(table, group)
        rows = pl.concat(read_parts(table, group, columns=list(table.types))).sort(table.order)
        for piece in layout.split(rows, table.time_column):
            adds.append(write_part(table, piece))  # noqa: PERF401  # what is written is discarded
    except GoneError:
        return 0
    except BaseException:
        discard(table, adds)
        raise
    try:
        committed(table, snapshot, adds, group, note={"what": "compact", "files": len(group)})
    except ConflictError:
        return 0
    return len(group)
