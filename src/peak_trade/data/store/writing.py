"""Commits of rows: planned on the newest version, and again where another writer was first."""

from collections.abc import Mapping

from peak_trade.data.store.compaction import compacted
from peak_trade.data.store.layout import Layout
from peak_trade.data.store.patience import patient
from peak_trade.data.store.state import SUMMARY_EVERY, State
from peak_trade.data.store.table import Table
from peak_trade.data.store.tables import Name, Tables, committed, kind_of
from peak_trade.data.store.upsert import Incoming, Plan, guards, planned


def commit_rows(
    tables: Tables,
    name: Name,
    items: Mapping[str, Incoming],
    *,
    source: str,
    received_ns: int,
    note: str = "",
) -> tuple[int, Plan]:
    """Add and correct rows of some instruments of a table in one commit.

    Returns
    -------
    tuple of int and Plan
        The version that holds them, and what was changed.
    """
    table, layout, kind = tables.made(name), Layout.of(name[0], name[2]), kind_of(name)

    def attempt() -> tuple[int, Plan]:
        snapshot = table.ensure()
        state = table.state(snapshot.version)
        plan = planned(
            table,
            snapshot,
            state,
            items,
            kind=kind,
            layout=layout,
            source=source,
            received_ns=received_ns,
        )
        if not plan.is_change:
            return snapshot.version, plan
        said = note_of(plan, state, what="upsert", source=source, received_ns=received_ns)
        said["note"] = note
        made = committed(table, snapshot, plan.adds, plan.removes, note=said, guards=guards(items))
        return made, plan

    version, plan = patient(attempt)
    if plan.adds:
        tidied(table, layout, list(items))
    return version, plan


def tidied(table: Table, layout: Layout, symbols: list[str]) -> None:
    """Put small files together after a commit that has succeeded whatever becomes of this."""
    from peak_trade.domain.errors import DataError

    try:
        compacted(table, layout, symbols)
    except DataError:
        return  # a full disk, say: the rows are in, and the next commit tries again


def note_of(
    plan: Plan, state: State, *, what: str, source: str, received_ns: int
) -> dict[str, object]:
    """Give what a commit says of itself, and from time to time of every series."""
    said: dict[str, object] = {
        "what": what,
        "source": source,
        "received_ns": received_ns,
        "note": "",
        "series": {
            symbol: {"head": head.to_note(), "counts": plan.counts.get(symbol, (0, 0, 0, 0))}
            for symbol, head in plan.heads.items()
        },
    }
    if state.version - state.summary_at >= SUMMARY_EVERY:
        said.update(state.summary())
    return said
