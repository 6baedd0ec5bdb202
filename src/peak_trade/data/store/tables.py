"""The tables of a store: which there are, and where a series lies."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import cast

from peak_trade.data.series import KINDS, Kind, SeriesKey
from peak_trade.data.store.parts import discard, write_part
from peak_trade.data.store.patience import patient
from peak_trade.data.store.place import Place, read_name, safe_name
from peak_trade.data.store.rows import stored_types
from peak_trade.data.store.table import Note, Part, Snapshot, Table
from peak_trade.data.store.troubles import ConflictError
from peak_trade.domain.errors import DataError, did_you_mean

Name = tuple[str, str, str]
"""Kind, venue and interval of a table."""

INSTRUMENTS = Kind(
    "instruments",
    {"time_ns": "int64", "listed": "string"},
    ("time_ns",),
)
"""What a venue said of its instruments, and when."""

_CATALOGUE = Kind("catalogue", {"time_ns": "int64"}, ("time_ns",))
_SEPARATOR = "\t"


def table_of(key: SeriesKey) -> Name:
    """Name the table that a series lies in."""
    return key.kind, key.venue, key.interval


def kind_of(name: Name) -> Kind:
    """Give the kind of a table's rows."""
    return INSTRUMENTS if name[0] == INSTRUMENTS.name else KINDS[name[0]]


class Tables:
    """The tables of a store, opened when they are first asked for.

    Which there are is itself kept in a table, so that an object store need not be searched.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._open: dict[Name, Table] = {}
        self._lock = Lock()
        types = stored_types(_CATALOGUE)
        self._catalogue = Table(place, _CATALOGUE.name, types, _CATALOGUE.key)

    def names(self) -> tuple[Name, ...]:
        """Name the tables that there are, sorted; where the catalogue is gone, those of the folder."""
        return self._entered() or self._lying()

    def _entered(self) -> tuple[Name, ...]:
        try:
            snapshot = self._catalogue.latest()
        except DataError as error:
            if not self.place.is_local:
                raise
            hint = f"delete {self.place.within('catalogue')}: it is made again from the tables"
            raise DataError(error.message, hint=hint) from error
        texts = [] if snapshot is None else snapshot.parts["first_symbol"].to_list()
        return tuple(sorted({cast(Name, tuple(text.split(_SEPARATOR))) for text in texts}))

    def _lying(self) -> tuple[Name, ...]:
        """Name the tables that lie in a folder, whatever the catalogue says."""
        if not self.place.is_local:
            return ()
        root, found = Path(self.place.root), set()
        for log in (*root.glob("*/*/_delta_log"), *root.glob("*/*/*/_delta_log")):
            kind, venue, *interval = log.parent.relative_to(root).parts
            if kind in KINDS or kind == INSTRUMENTS.name:
                found.add((kind, read_name(venue), "".join(interval)))
        return tuple(sorted(found))

    def table(self, name: Name) -> Table:
        """Give a table, whether it is there or not."""
        with self._lock:
            if name not in self._open:
                kind, venue, interval = name
                path = "/".join(part for part in (kind, safe_name(venue), interval) if part)
                shape = kind_of(name)
                self._open[name] = Table(self.place, path, stored_types(shape), shape.key)
            return self._open[name]

    def made(self, name: Name) -> Table:
        """Give a table, entered in the catalogue before it holds anything."""
        if name not in self._entered() or name not in self._open:
            if len(safe_name(name[1])) > 200:
                raise DataError(f"venue {name[1]!r} has too long a name", hint="shorten it")
            patient(lambda: self._enter(name))
        return self.table(name)

    def _enter(self, name: Name) -> None:
        import polars as pl

        snapshot = self._catalogue.ensure()
        entered = self._entered()
        if name in entered:
            return
        parts = []
        for each in [name] if entered else sorted({name, *self._lying()}):
            row = {"symbol": _SEPARATOR.join(each), "time_ns": 0, "source": "", "received_ns": 0}
            frame = pl.DataFrame([{**row, "revision": 0}], schema=self._catalogue.types)
            parts.append(write_part(self._catalogue, frame))
        committed(self._catalogue, snapshot, parts, [], note={"what": "enter"}, guards=["peak"])

    def found(self, key: SeriesKey, version: int | None) -> tuple[Table, Snapshot]:
        """Give the table and the version that hold a series.

        Raises
        ------
        DataError
            A series that is not kept, with what is; a version that is not, or has expired.
        """
        return self.found_all([key], version)

    def found_all(self, keys: Sequence[SeriesKey], version: int | None) -> tuple[Table, Snapshot]:
        """Give the table and the version that hold some series, all of that table.

        Raises
        ------
        DataError
            As for :meth:`found`, of the first that is not kept.
        """
        name, names = table_of(keys[0]), self.names()
        if name not in names:
            raise self._unknown(keys[0], names)
        table = self.table(name)
        state = table.state()
        for key in keys:
            if key.symbol not in state.heads or not state.heads[key.symbol].rows:
                raise self._unknown(key, names)
        return table, table.pinned(state.version if version is None else version)

    def _unknown(self, key: SeriesKey, names: tuple[Name, ...]) -> DataError:
        what = f"{key} is not in the store {self.place.root}"
        names = tuple(name for name in names if name[0] in KINDS)
        if not names:
            return DataError(
                f"{what}, which is empty",
                hint="fetch it with peak data fetch, or import a file with peak data import",
            )
        alike = [name for name in names if name[:2] == (key.kind, key.venue)]
        intervals = [n[2] for n in alike if key.symbol in self.table(n).state().heads]
        if key.interval and intervals:
            return DataError(what, hint=f"of {key.symbol} there is {', '.join(intervals)}")
        if table_of(key) in names:
            known = self.table(table_of(key)).state().heads
            return DataError(what, hint=did_you_mean(key.symbol, known))
        venues = {name[1] for name in names if name[0] == key.kind}
        if venues and key.venue not in venues:
            return DataError(what, hint=f"venues: {did_you_mean(key.venue, venues)}")
        have = ", ".join(f"{name[1]} {name[2] or name[0]}" for name in names[:12])
        return DataError(what, hint=f"there is {have}")


def committed(
    table: Table,
    snapshot: Snapshot,
    adds: Sequence[Part],
    removes: Sequence[Part],
    *,
    note: Note,
    guards: Sequence[str] = (),
) -> int:
    """Commit a change; where another writer was first, the files written for it go again.

    Raises
    ------
    ConflictError
        Another writer was first.
    """
    try:
        return table.commit(snapshot, adds, removes, note=note, guards=guards)
    except ConflictError:
        newest = table.latest()
        held = set() if newest is None else set(newest.parts["path"])
        discard(table, [part for part in adds if part.path not in held])
        raise
