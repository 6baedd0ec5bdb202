"""The store of market data: many readers and writers, commits that are all or nothing, versions."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from peak_trade.data.series import KINDS, SeriesKey
from peak_trade.data.source import Listed
from peak_trade.data.store.compaction import compacted
from peak_trade.data.store.expiry import expired
from peak_trade.data.store.history import difference, versions_of
from peak_trade.data.store.instruments import instrument_at, keep_listed, listed_at
from peak_trade.data.store.layout import Layout
from peak_trade.data.store.parts import check_parts
from peak_trade.data.store.patience import patient, steady
from peak_trade.data.store.place import Place
from peak_trade.data.store.reading import (
    Panel,
    Range,
    chosen_columns,
    chosen_texts,
    read_panel,
    read_series,
    read_several,
    stream,
)
from peak_trade.data.store.removal import remove_rows
from peak_trade.data.store.results import Commit, Compaction, Expiry, Stored, Version
from peak_trade.data.store.rows import fitted
from peak_trade.data.store.state import Head, State
from peak_trade.data.store.table import Snapshot, Table
from peak_trade.data.store.tables import Name, Tables, table_of
from peak_trade.data.store.upsert import Incoming
from peak_trade.data.store.writing import commit_rows
from peak_trade.domain.errors import DataError
from peak_trade.domain.instrument import Instrument

if TYPE_CHECKING:
    import polars as pl

_DAY_NS = 86_400_000_000_000


class Store:
    """Market data in a folder or an object store.

    A table holds the series of one kind, venue and interval, and has one row of versions. Every
    commit is all or nothing, and makes a version; a reader sees one version from begin to end. Open
    one with :meth:`open`. A store may be used by several threads; a process opens its own.

    Examples
    --------
    >>> import tempfile, polars as pl
    >>> folder = tempfile.TemporaryDirectory()
    >>> store = Store.open(folder.name)
    >>> key = SeriesKey("bars", "kraken", "BTC/USD", "1d")
    >>> day = 86_400_000_000_000
    >>> rows = pl.DataFrame({"open_ns": [0, day], "close_ns": [day, 2 * day], "close": [9.0, 8.0]})
    >>> store.upsert(key, rows, source="example", received_ns=0).added
    2
    >>> store.read(key, start_ns=day)["close"].to_list()
    [8.0]
    >>> folder.cleanup()
    """

    def __init__(self, place: Place) -> None:
        self._tables = Tables(place)

    @classmethod
    def open(cls, place: str | Path, *, options: Mapping[str, str] | None = None) -> "Store":
        """Open the store at a place; a folder that is not there is made by the first commit.

        Parameters
        ----------
        place : str or Path
            A folder, or a URL such as ``s3://bucket/prefix``.
        options : mapping of str to str, optional
            What an object store needs, such as ``aws_region`` or ``aws_endpoint_url``. Credentials
            are better left to the environment; they are never shown.

        Raises
        ------
        DataError
            A place that cannot be a store.
        """
        return cls(Place.parse(place, options))

    @property
    def place(self) -> str:
        """Its folder or URL."""
        return self._tables.place.root

    def __repr__(self) -> str:
        return f"Store({self.place})"

    # --- writing ---------------------------------------------------------------------------------

    def upsert(
        self,
        key: SeriesKey,
        rows: "pl.DataFrame",
        *,
        source: str,
        received_ns: int,
        cursor: str = "",
        note: str = "",
        covered: tuple[int, int] | None = None,
    ) -> Commit:
        """Add rows to a series and correct those that differ, in one commit.

        Parameters
        ----------
        key : SeriesKey
            The series.
        rows : polars.DataFrame
            Columns of its kind in any order; optional ones may be absent. Rows may be late, and may
            be there already: equal rows are not written again, a changed row gets ``revision`` + 1.
            A bar that was filled in never replaces one that a source gave.
        source : str
            Where they are from, such as ``kraken``.
        received_ns : int
            When they were received, UTC nanoseconds.
        cursor : str
            Where the source goes on; empty leaves what is kept.
        note : str
            What the commit is to be remembered by.
        covered : pair of int, optional
            Range of time, end left out, for which these are all the rows that the source has.

        Returns
        -------
        Commit
            The version, and how many rows were new, changed and equal. Without anything new no
            version is made.

        Raises
        ------
        DataError
            Rows that are not of the kind, or a store that cannot be written; nothing has changed then.
        """
        item = Incoming(fitted(key, rows), cursor, covered)
        return self._commit(
            table_of(key), {key: item}, source=source, received_ns=received_ns, note=note
        )[0]

    def upsert_many(
        self,
        items: "Mapping[SeriesKey, pl.DataFrame]",
        *,
        source: str,
        received_ns: int,
        note: str = "",
        covered: tuple[int, int] | None = None,
    ) -> tuple[Commit, ...]:
        """Add and correct rows of several series; those of one table in one commit.

        Returns
        -------
        tuple of Commit
            One a series, in the order of ``items``.

        Raises
        ------
        DataError
            As for :meth:`upsert`; rows are checked before the first commit is made.
        """
        groups: dict[Name, dict[SeriesKey, Incoming]] = {}
        for key, rows in items.items():
            item = Incoming(fitted(key, rows), "", covered)
            groups.setdefault(table_of(key), {})[key] = item
        made = {
            commit.key: commit
            for name, group in groups.items()
            for commit in self._commit(
                name, group, source=source, received_ns=received_ns, note=note
            )
        }
        return tuple(made[key] for key in items)

    def _commit(
        self,
        name: Name,
        items: Mapping[SeriesKey, Incoming],
        *,
        source: str,
        received_ns: int,
        note: str,
    ) -> list[Commit]:
        rows = {key.symbol: item for key, item in items.items()}
        version, plan = commit_rows(
            self._tables, name, rows, source=source, received_ns=received_ns, note=note
        )
        return [Commit(key, version, *plan.counts[key.symbol]) for key in items]

    def remove(
        self,
        key: SeriesKey,
        *,
        start_ns: int,
        stop_ns: int,
        source: str,
        received_ns: int,
        note: str = "",
    ) -> Commit:
        """Take the rows of a range of time out of a series; earlier versions still have them.

        Parameters
        ----------
        key : SeriesKey
            The series.
        start_ns, stop_ns : int
            Range of the kind's time, UTC nanoseconds; the start is taken in, the stop left out.
        source, received_ns, note : str, int, str
            Who wanted it, when, and why.

        Raises
        ------
        DataError
            A series that is not kept, or a store that cannot be written.
        """
        version, gone = remove_rows(
            self._tables,
            key,
            (start_ns, stop_ns),
            source=source,
            received_ns=received_ns,
            note=note,
        )
        return Commit(key, version, 0, 0, 0, gone)

    # --- reading ---------------------------------------------------------------------------------

    def read(
        self,
        key: SeriesKey,
        *,
        start_ns: int | None = None,
        stop_ns: int | None = None,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        where: Mapping[str, str] | None = None,
    ) -> "pl.DataFrame":
        """Read rows of a series, ordered by its key.

        Parameters
        ----------
        key : SeriesKey
            The series.
        start_ns, stop_ns : int, optional
            Range of the kind's time, UTC nanoseconds; the start is taken in, the stop left out.
        version : int, optional
            The version to read; the newest where left out.
        columns : sequence of str, optional
            Of the kind's columns and ``source``, ``received_ns``, ``revision`` those that are wanted.
        where : mapping of str to str, optional
            Texts that columns must have, such as ``{"feature": ...}``; other rows are not read into
            memory.

        Raises
        ------
        DataError
            A series, a version or a column that there is not, a file that is damaged.
        """
        wanted = chosen_columns(key, columns)
        span = Range(start_ns, stop_ns, version, chosen_texts(key, where))
        return steady(lambda: read_series(self._tables, key, wanted, span))

    def verify(self, key: SeriesKey, *, version: int | None = None) -> int:
        """Check that the files of a series hold the bytes that were written, and give how many.

        Raises
        ------
        DataError
            A series or a version that there is not, a file that is damaged or missing.
        """

        def checked() -> int:
            table, snapshot = self._tables.found(key, version)
            parts = snapshot.find(key.symbol)
            check_parts(table, parts)
            return len(parts)

        return steady(checked)

    def read_many(
        self,
        keys: Sequence[SeriesKey],
        *,
        start_ns: int | None = None,
        stop_ns: int | None = None,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> "dict[SeriesKey, pl.DataFrame]":
        """Read rows of several series of one kind, venue and interval, all at one version.

        Files that series share are read once.

        Raises
        ------
        DataError
            As for :meth:`read`, and series of different tables.
        """
        wanted = chosen_columns(keys[0], columns) if keys else []
        span = Range(start_ns, stop_ns, version)
        return steady(lambda: read_several(self._tables, keys, wanted, span))

    def panel(
        self,
        keys: Sequence[SeriesKey],
        *,
        columns: Sequence[str] = ("open", "high", "low", "close", "volume"),
        start_ns: int | None = None,
        stop_ns: int | None = None,
        version: int | None = None,
    ) -> Panel:
        """Read numbers of several series of one kind, venue and interval as (T, N) arrays.

        Raises
        ------
        DataError
            As for :meth:`read_many`.
        """
        for key in keys[:1]:
            chosen_columns(key, columns)
        span = Range(start_ns, stop_ns, version)
        return steady(lambda: read_panel(self._tables, keys, columns, span))

    def scan(
        self,
        keys: Sequence[SeriesKey],
        *,
        start_ns: int | None = None,
        stop_ns: int | None = None,
        version: int | None = None,
        rows: int = 500_000,
    ) -> "Iterator[pl.DataFrame]":
        """Stream rows of many series through bounded memory, one series after the other.

        Parameters
        ----------
        keys : sequence of SeriesKey
            The series; of one kind.
        start_ns, stop_ns, version : int, optional
            As for :meth:`read`; a version belongs to a table, so that it needs series of one.
        rows : int
            The most rows of a frame.

        Yields
        ------
        polars.DataFrame
            ``venue``, ``symbol`` and the columns of the kind, ordered by its key within a series.

        Raises
        ------
        DataError
            As for :meth:`read`, and series of several kinds.
        """
        if rows < 1:
            raise DataError(f"frames of {rows} rows cannot be given", hint="give 1 or more")
        if len({key.kind for key in keys}) > 1 or len(set(keys)) < len(keys):
            raise DataError(
                "a stream has series of one kind, each once", hint="read the others on their own"
            )
        return stream(self._tables, keys, Range(start_ns, stop_ns, version), rows=rows)

    # --- what there is ---------------------------------------------------------------------------

    def stored(self, key: SeriesKey) -> Stored | None:
        """Tell what is kept of a series; None where there is nothing."""
        if table_of(key) not in self._tables.names():
            return None
        table = self._tables.table(table_of(key))
        state = table.state()
        if not state.heads.get(key.symbol, Head()).rows:
            return None
        return _stored(key, state, _sizes(table.pinned(state.version), state))

    def series(self, *, kind: str | None = None, venue: str | None = None) -> tuple[Stored, ...]:
        """List the series that are kept, by kind, venue, interval and symbol."""
        found: list[Stored] = []
        for name in self._tables.names():
            if name[0] in KINDS and kind in (None, name[0]) and venue in (None, name[1]):
                found.extend(self._series_of(name))
        return tuple(found)

    def _series_of(self, name: Name) -> Iterator[Stored]:
        table = self._tables.table(name)
        state = table.state()
        if state.version < 0:
            return
        sizes = _sizes(table.pinned(state.version), state)
        for symbol, head in sorted(state.heads.items()):
            if head.rows:
                yield _stored(SeriesKey(name[0], name[1], symbol, name[2]), state, sizes)

    def cursor(self, key: SeriesKey) -> str:
        """Where the source of a series goes on; empty where nothing is known."""
        return self._head(key).cursor

    def covered(self, key: SeriesKey) -> tuple[tuple[int, int], ...]:
        """Ranges of time, ends left out, that a source has answered for, whether with rows or not."""
        return self._head(key).covered

    def received_ns(self, key: SeriesKey) -> int | None:
        """When a series was last heard of, with rows or without; None where it never was."""
        head = self._head(key)
        return head.received_ns if head.version >= 0 else None

    def _head(self, key: SeriesKey) -> Head:
        if table_of(key) not in self._tables.names():
            return Head()
        return self._tables.table(table_of(key)).state().heads.get(key.symbol, Head())

    def versions(self, key: SeriesKey) -> tuple[Version, ...]:
        """List the versions that touched a series and have not expired, oldest first.

        Raises
        ------
        DataError
            A series that is not kept.
        """
        return steady(lambda: versions_of(self._tables, key))

    def diff(self, key: SeriesKey, old: int, new: int) -> "pl.DataFrame":
        """Show what differs in a series between two versions.

        Parameters
        ----------
        key : SeriesKey
            The series.
        old, new : int
            Versions of its table.

        Returns
        -------
        polars.DataFrame
            One row a difference: ``change`` (``added``, ``corrected`` or ``removed``), the key, each
            column as it is in the new version, and as ``was_`` in the old one; null where there is none.

        Raises
        ------
        DataError
            A series or a version that there is not.
        """
        return steady(lambda: difference(self._tables, key, old, new))

    # --- keeping house ---------------------------------------------------------------------------

    def compact(self, key: SeriesKey | None = None) -> Compaction:
        """Put the files of a series' table, or of all tables, together as far as they can be.

        Commits do so by themselves past a bound; this leaves as few files as there can be. Versions
        and rows stay as they are.

        Raises
        ------
        DataError
            A series that is not kept, a file that is missing or damaged, no room.
        """
        names = self._tables.names()
        if key is not None:
            self._tables.found(key, None)
            names = (table_of(key),)
        before = after = 0
        for name in names:
            table = self._tables.table(name)
            before += _files(table)
            compacted(table, Layout.of(name[0], name[2]), whole=True)
            after += _files(table)
        return Compaction(before, after)

    def expire(
        self,
        *,
        now_ns: int,
        keep_versions: int | None = None,
        keep_days: float | None = None,
        grace_hours: int = 24,
        key: SeriesKey | None = None,
    ) -> Expiry:
        """Let old versions go, and delete the files that none of those kept needs.

        Parameters
        ----------
        now_ns : int
            The time, UTC nanoseconds.
        keep_versions : int, optional
            So many of the newest versions of each table are kept.
        keep_days : float, optional
            Versions that were the newest at any time in so many days are kept. Of two rules, what
            either keeps is kept.
        grace_hours : int
            Files younger than this stay, because a writer may be about to commit them.
        key : SeriesKey, optional
            A series whose table alone is meant.

        Raises
        ------
        DataError
            No rule at all, or one that would keep nothing.
        """
        since = None if keep_days is None else now_ns - round(keep_days * _DAY_NS)
        names = self._tables.names()
        if key is not None:
            self._tables.found(key, None)
            names = (table_of(key),)
        totals = [0, 0, 0]
        for name in names:
            table = self._tables.table(name)
            gone = patient(
                lambda table=table: expired(  # type: ignore[misc]
                    table,
                    keep_versions=keep_versions,
                    keep_since_ns=since,
                    grace_hours=grace_hours,
                )
            )
            totals = [totals[0] + gone.versions, totals[1] + gone.files, totals[2] + gone.bytes]
        return Expiry(*totals)

    # --- instruments -----------------------------------------------------------------------------

    def keep_instruments(
        self, venue: str, listed: Sequence[Listed], *, received_ns: int, source: str = ""
    ) -> int:
        """Keep what a venue lists and the rules of its orders; give how many were new or changed.

        Earlier rules are kept with the time at which the change was heard of.
        """
        return keep_listed(
            self._tables, venue, listed, source=source or venue, received_ns=received_ns
        )

    def listed(self, venue: str, *, known_ns: int | None = None) -> tuple[Listed, ...]:
        """Give what a venue lists, by symbol, as it was known at a time (now)."""
        return listed_at(self._tables, venue, known_ns)

    def instrument(
        self, venue: str, symbol: str, *, known_ns: int | None = None
    ) -> Instrument | None:
        """Give an instrument with its order rules by date; None where it was never kept.

        Parameters
        ----------
        venue, symbol : str
            Its names.
        known_ns : int, optional
            What was known at this time; what was heard first where that is later.
        """
        return instrument_at(self._tables, venue, symbol, known_ns)

    def committed_ns(self, key: SeriesKey, version: int | None = None) -> int:
        """When the newest version of a series' table, or one before, was written; UTC nanoseconds.

        Raises
        ------
        DataError
            A series or a version that there is not.
        """
        table, snapshot = self._tables.found(key, version)
        return table.committed_ns(snapshot.version)


def _files(table: Table) -> int:
    snapshot = table.latest()
    return 0 if snapshot is None else snapshot.parts.height


def _sizes(snapshot: Snapshot, state: State) -> dict[str, int]:
    """Bytes of each series: of its own files, and its share of those that it shares."""
    sizes = dict.fromkeys(state.heads, 0.0)
    shared = 0
    for part in snapshot.find():
        if part.is_single and part.first_symbol in sizes:
            sizes[part.first_symbol] += part.bytes
        else:
            shared += part.bytes
    total = sum(head.rows for head in state.heads.values()) or 1
    return {
        symbol: round(size + shared * state.heads[symbol].rows / total)
        for symbol, size in sizes.items()
    }


def _stored(key: SeriesKey, state: State, sizes: Mapping[str, int]) -> Stored:
    head = state.heads[key.symbol]
    return Stored(
        key,
        head.rows,
        head.first_ns,
        head.last_ns,
        state.version,
        sizes[key.symbol],
        head.received_ns,
    )
