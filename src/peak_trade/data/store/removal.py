"""Rows taken out of a series; earlier versions still have them."""

from typing import TYPE_CHECKING

from peak_trade.data.series import SeriesKey
from peak_trade.data.store.parts import check_parts, discard, read_parts, write_part
from peak_trade.data.store.patience import patient
from peak_trade.data.store.state import Head, Ranges
from peak_trade.data.store.table import Part, Snapshot, Table
from peak_trade.data.store.tables import Tables, committed
from peak_trade.data.store.upsert import Plan, guards
from peak_trade.data.store.writing import note_of

if TYPE_CHECKING:
    import polars as pl


def remove_rows(
    tables: Tables,
    key: SeriesKey,
    span: tuple[int, int],
    *,
    source: str,
    received_ns: int,
    note: str,
) -> tuple[int, int]:
    """Take the rows of a range of time out of a series; give the version and how many went."""

    def attempt() -> tuple[int, int]:
        table, snapshot = tables.found(key, None)
        state = table.state(snapshot.version)
        plan, gone = Plan(), 0
        try:
            for part in snapshot.find(key.symbol, *span):
                gone += _without(plan, table, part, key, span)
            if not gone:
                return snapshot.version, 0
            left = _times_left(table, snapshot, plan, key)
            before = state.heads[key.symbol]
            plan.heads[key.symbol] = _head(before, left, span, received_ns)
            plan.counts[key.symbol] = (0, 0, 0, gone)
        except BaseException:
            discard(table, plan.adds)
            raise
        said = note_of(plan, state, what="remove", source=source, received_ns=received_ns)
        said["note"] = note
        names = guards([key.symbol])
        made = committed(table, snapshot, plan.adds, plan.removes, note=said, guards=names)
        return made, gone

    return patient(attempt)


def _without(plan: Plan, table: Table, part: Part, key: SeriesKey, span: tuple[int, int]) -> int:
    import polars as pl

    check_parts(table, [part])
    (rows,) = read_parts(table, [part], columns=list(table.types))
    time = pl.col(table.time_column)
    is_gone = (pl.col("symbol") == key.symbol) & (time >= span[0]) & (time < span[1])
    kept = rows.filter(~is_gone)
    gone = rows.height - kept.height
    if gone:
        plan.removes.append(part)
        if kept.height:
            plan.adds.append(write_part(table, kept))
    return gone


def _times_left(table: Table, snapshot: Snapshot, plan: Plan, key: SeriesKey) -> "pl.Series":
    import polars as pl

    removed = {part.path for part in plan.removes}
    parts = [part for part in snapshot.find(key.symbol) if part.path not in removed]
    frames = read_parts(
        table, [*parts, *plan.adds], columns=[table.time_column], symbols=(key.symbol,)
    )
    empty = pl.Series(table.time_column, [], dtype=pl.Int64)
    return pl.concat([empty, *(frame[table.time_column] for frame in frames)])


def _head(before: Head, times: "pl.Series", span: tuple[int, int], received_ns: int) -> Head:
    first, last = times.min(), times.max()
    return Head(
        rows=len(times),
        first_ns=first if isinstance(first, int) else 0,
        last_ns=last if isinstance(last, int) else 0,
        cursor=before.cursor,
        covered=without_range(before.covered, span),
        received_ns=received_ns,
    )


def without_range(ranges: Ranges, span: tuple[int, int]) -> Ranges:
    """Cut a range out of others.

    Examples
    --------
    >>> without_range(((0, 10),), (3, 5))
    ((0, 3), (5, 10))
    """
    cut = []
    for start, stop in ranges:
        cut += [(start, min(stop, span[0])), (max(start, span[1]), stop)]
    return tuple((start, stop) for start, stop in cut if start < stop)
