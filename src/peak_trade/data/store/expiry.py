"""Old versions let go: which are kept, and the files that nothing needs any more."""

from typing import cast

from peak_trade.data.store.results import Expiry
from peak_trade.data.store.table import Snapshot, Table
from peak_trade.data.store.upsert import every_guard
from peak_trade.domain.errors import DataError


def expired(
    table: Table, *, keep_versions: int | None, keep_since_ns: int | None, grace_hours: int
) -> Expiry:
    """Let versions of a table go that neither rule keeps.

    Parameters
    ----------
    table : Table
        The table.
    keep_versions : int, optional
        So many of the newest versions are kept.
    keep_since_ns : int, optional
        Versions that were in force at this time or later are kept.
    grace_hours : int
        Files younger than this are never deleted: a writer may be about to commit them.

    Raises
    ------
    ConflictError
        Another writer was first.
    """
    newest = table.latest()
    if newest is None:
        return Expiry(0, 0, 0)
    state = table.state(newest.version)
    first = max(
        state.kept_from, _first_kept(table, newest, state.kept_from, keep_versions, keep_since_ns)
    )
    if first > state.kept_from:
        note = {"what": "expire", **state.summary(), "kept_from": first}
        table.commit(newest, [], [], note=note, guards=every_guard())
    unneeded = table.unneeded(first, grace_hours)
    size = sum(table.objects.size(path) for path in unneeded)
    for path in unneeded:
        table.objects.delete(path)
    if first > state.kept_from:
        table.checkpoint(first)
        for version in range(state.kept_from, first):
            for end in (".json", ".checkpoint.parquet"):
                table.objects.delete(f"_delta_log/{version:020d}{end}")
    return Expiry(first - state.kept_from, len(unneeded), size)


def _first_kept(
    table: Table,
    newest: Snapshot,
    kept_from: int,
    keep_versions: int | None,
    keep_since_ns: int | None,
) -> int:
    """The oldest version that a rule keeps."""
    limits = []
    if keep_versions is not None:
        if keep_versions < 1:
            raise DataError(
                f"{keep_versions} versions cannot be kept", hint="the newest one always is: keep 1"
            )
        limits.append(newest.version - keep_versions + 1)
    if keep_since_ns is not None:
        earlier = [
            cast(int, note["version"])
            for note in table.notes(newest.version, kept_from)
            if cast(int, note["committed_ns"]) <= keep_since_ns
        ]
        limits.append(max(earlier, default=0))
    if not limits:
        raise DataError(
            "nothing says which versions are to be kept", hint="give keep_versions or keep_days"
        )
    return max(0, min(limits))
