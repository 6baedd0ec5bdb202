"""One Delta table of the store: the files of a version, and commits that are all or nothing."""

import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, cast

from peak_trade.data.store.objects import Objects
from peak_trade.data.store.place import Place
from peak_trade.data.store.state import State, folded
from peak_trade.data.store.troubles import ConflictError, GoneError, told
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    import polars as pl
    from deltalake import DeltaTable
    from deltalake.schema import Schema
    from deltalake.transaction import AddAction

FORMAT = 1
"""The format that this version writes, and the newest that it reads."""

_FORMAT_KEY = "peak.format"
_NOTE = "peak"
_RETRIES = 50  # commits of others that do not touch ours may go first so often
_NOTES_KEPT = 4096
_CHECKPOINT = "20"


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file of a table, and the range of its rows.

    ``path`` is relative to the table; symbols and times (``first_ns`` to ``last_ns``, both taken in)
    are those of its rows.
    """

    path: str
    rows: int
    bytes: int
    first_symbol: str
    last_symbol: str
    first_ns: int
    last_ns: int

    @property
    def is_single(self) -> bool:
        """Whether it holds a single instrument."""
        return self.first_symbol == self.last_symbol


Note = Mapping[str, object]
"""What a commit says of itself, in the log."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The files of one version of a table: ``parts`` has a row a file."""

    version: int
    parts: "pl.DataFrame"

    def find(
        self, symbol: str | None = None, start_ns: int | None = None, stop_ns: int | None = None
    ) -> tuple[Part, ...]:
        """Give the files that may hold rows of an instrument and a range of time, earliest first."""
        import polars as pl

        chosen = self.parts
        if symbol is not None:
            chosen = chosen.filter(
                (pl.col("first_symbol") <= symbol) & (pl.col("last_symbol") >= symbol)
            )
        if start_ns is not None:
            chosen = chosen.filter(pl.col("last_ns") >= start_ns)
        if stop_ns is not None:
            chosen = chosen.filter(pl.col("first_ns") < stop_ns)
        return tuple(Part(*row) for row in chosen.iter_rows())


class Table:
    """A Delta table at a path below a place.

    Parameters
    ----------
    place : Place
        The store.
    path : str
        Where it lies within the store.
    types : mapping of str to polars type
        Its columns.
    key : sequence of str
        Columns that name a row of an instrument; the first is a time, whose range a file says.
    """

    def __init__(
        self, place: Place, path: str, types: "Mapping[str, pl.DataType]", key: Sequence[str]
    ) -> None:
        self.place, self.path, self.types = place, path, types
        self.order, self.time_column = ("symbol", *key), key[0]
        self.uri = place.within(path)
        self._lock = RLock()
        self._delta: DeltaTable | None = None
        self.objects = Objects(place, self.uri)
        self._notes: dict[int, dict[str, object]] = {}
        self._snapshots: dict[int, Snapshot] = {}
        self._state: State | None = None

    # --- reading ---------------------------------------------------------------------------------

    def latest(self) -> Snapshot | None:
        """Give the newest version; None where the table is not there."""
        with self._lock:
            delta = self._refreshed()
            return None if delta is None else self._snapshot(delta)

    def pinned(self, version: int) -> Snapshot:
        """Give an earlier version.

        Raises
        ------
        DataError
            A version that there is not, or that has expired.
        """
        from deltalake import DeltaTable

        with self._lock:
            is_open = self._state is not None and version >= self._state.kept_from
            if is_open and version in self._snapshots:
                return self._snapshots[version]
            newest, kept_from = self.latest(), self.state().kept_from
            if newest is None or not kept_from <= version <= newest.version:
                raise self._no_version(version, kept_from, newest)
            try:
                with told(self.place, f"reading version {version} of {self.path}"):
                    delta = DeltaTable(self.uri, version=version, storage_options=self._options)
            except GoneError:
                raise self._no_version(version, version + 1, newest) from None
            return self._snapshot(delta)

    def _no_version(self, version: int, kept_from: int, newest: Snapshot | None) -> DataError:
        last = -1 if newest is None else newest.version
        if 0 <= version < kept_from:
            return DataError(
                f"version {version} of {self.path} has expired",
                hint=f"versions from {kept_from} to {last} are kept",
                version=version,
            )
        return DataError(
            f"there is no version {version} of {self.path}",
            hint=f"there are versions {kept_from} to {last}",
            version=version,
        )

    def notes(self, newest: int, oldest: int = 0) -> Iterator[dict[str, object]]:
        """What the commits of some versions say of themselves, newest first, with ``version``.

        Raises
        ------
        DataError
            A file of the log that is missing or damaged.
        """
        for version in range(newest, oldest - 1, -1):
            if version not in self._notes:
                if len(self._notes) > _NOTES_KEPT:
                    self._notes.pop(min(self._notes, default=version), None)
                self._notes[version] = self._note_of(version)
            yield self._notes[version]

    def _note_of(self, version: int) -> dict[str, object]:
        """Read the log of a version; what another program committed says nothing."""
        try:
            with told(self.place, f"reading the log of {self.path}"):
                text = self.objects.read(f"_delta_log/{version:020d}.json").decode()
            line = next(line for line in text.splitlines() if line.startswith('{"commitInfo"'))
            info = json.loads(line)["commitInfo"]
            own = json.loads(info.get(_NOTE, "{}"))
            return {**own, "version": version, "committed_ns": info["timestamp"] * 1_000_000}
        except GoneError as error:
            raise self._broken(str(error)) from None
        except (StopIteration, ValueError, KeyError) as error:
            why = f": {error}" if str(error) else ""
            raise self._broken(f"version {version} cannot be read{why}") from None

    @property
    def _options(self) -> dict[str, str] | None:
        return dict(self.place.options) or None

    def _refreshed(self) -> "DeltaTable | None":
        from deltalake.exceptions import DeltaError, TableNotFoundError

        try:
            with told(self.place, f"opening {self.path}"):
                try:
                    if self._delta is not None:
                        self._delta.update_incremental()
                        return self._delta
                except DeltaError:  # the log may have been shortened under it: from the beginning
                    self._delta = None
                try:
                    self._delta = self._opened()
                except TableNotFoundError:
                    self._check_absent()
        except GoneError as error:
            self._delta = None
            raise self._broken(str(error)) from None
        return self._delta

    def _opened(self) -> "DeltaTable":
        from deltalake import DeltaTable

        return self._checked(DeltaTable(self.uri, storage_options=self._options))

    def _check_absent(self) -> None:
        """A folder with files and without a log is no table that is yet to be made."""
        if self.place.is_local and any(Path(self.uri).glob("*/*.parquet")):
            raise self._broken("there are Parquet files and no log")

    def _checked(self, delta: "DeltaTable") -> "DeltaTable":
        found = delta.metadata().configuration.get(_FORMAT_KEY, "0")
        if not found.isdigit() or not 1 <= int(found) <= FORMAT:
            raise DataError(
                f"{self.uri} has the format {found} of a store, {FORMAT} is known",
                hint="install a newer version of peak-trade, or name another folder",
            )
        return delta

    def _broken(self, text: str) -> DataError:
        return DataError(
            f"the log of {self.uri} is not whole: {text}",
            hint="put back the files of _delta_log from a copy; the Parquet files are untouched",
        )

    def _snapshot(self, delta: "DeltaTable") -> Snapshot:
        version = delta.version()
        if version not in self._snapshots:
            if len(self._snapshots) > 8:
                self._snapshots.pop(min(self._snapshots))
            with told(self.place, f"reading the files of {self.path}"):
                self._snapshots[version] = Snapshot(version, self._parts(delta))
        return self._snapshots[version]

    def _parts(self, delta: "DeltaTable") -> "pl.DataFrame":
        import polars as pl

        adds = pl.DataFrame(delta.get_add_actions(flatten=True))
        names = {
            "path": pl.String(), "num_records": pl.Int64(), "size_bytes": pl.Int64(),
            "min.symbol": pl.String(), "max.symbol": pl.String(),
            f"min.{self.time_column}": pl.Int64(), f"max.{self.time_column}": pl.Int64(),
        }  # fmt: skip
        if adds.height == 0:
            adds = pl.DataFrame(schema=names)
        fields = ("path", "rows", "bytes", "first_symbol", "last_symbol", "first_ns", "last_ns")
        parts = adds.select(
            pl.col(name).cast(dtype).alias(field)
            for (name, dtype), field in zip(names.items(), fields, strict=True)
        )
        return parts.sort("first_ns", "first_symbol", "path")

    def state(self, version: int | None = None) -> State:
        """What is known of each series at a version (the newest), without reading any row."""
        with self._lock:
            newest = self.latest()
            if newest is None:
                return State()
            wanted = newest.version if version is None else version
            if self._state is None or self._state.version > wanted:
                self._state = None
            self._state = folded(self.notes(wanted), wanted, known=self._state)
            return self._state

    def committed_ns(self, version: int) -> int:
        """When a version was written, UTC nanoseconds."""
        return cast(int, next(self.notes(version, version))["committed_ns"])

    def unneeded(self, first: int, grace_hours: int) -> list[str]:
        """Give the files that no version from ``first`` on needs, if they are old enough."""
        with self._lock, told(self.place, f"looking for old files of {self.path}"):
            delta = self._refreshed()
            if delta is None:
                return []
            return delta.vacuum(
                retention_hours=grace_hours,
                dry_run=True,
                enforce_retention_duration=False,
                full=True,
                keep_versions=list(range(first, delta.version() + 1)),
            )

    def checkpoint(self, version: int) -> None:
        """Write down all files of a version and of the newest, so that the log may begin there."""
        from deltalake import DeltaTable

        with self._lock, told(self.place, f"shortening the log of {self.path}"):
            for number in (version, None):
                DeltaTable(
                    self.uri, version=number, storage_options=self._options
                ).create_checkpoint()
            self._delta = None

    # --- writing ---------------------------------------------------------------------------------

    def ensure(self) -> Snapshot:
        """Create the table where it is not there, and give its newest version."""
        with self._lock:
            found = self.latest()
            if found is not None:
                return found
            with told(self.place, f"creating {self.path}"):
                self._create()
            created = self.latest()
            if created is None:
                raise self._broken("it was created and is not there")
            return created

    def _create(self) -> None:
        """Write version 0; where another writer does so at the same time, leave it to that one."""
        from deltalake import CommitProperties, DeltaTable
        from deltalake.exceptions import CommitFailedError

        try:
            DeltaTable.create(
                self.uri,
                self._schema(),
                mode="ignore",
                name=self.path,
                configuration={
                    _FORMAT_KEY: str(FORMAT),
                    "delta.checkpointInterval": _CHECKPOINT,
                    "delta.enableExpiredLogCleanup": "false",
                    "delta.logRetentionDuration": "interval 36500 days",
                    "delta.deletedFileRetentionDuration": "interval 36500 days",
                },
                storage_options=self._options,
                commit_properties=CommitProperties(max_commit_retries=0),
                raise_if_key_not_exists=False,
            )
        except CommitFailedError as error:
            if not _is_conflict(str(error)):
                raise

    def commit(
        self,
        base: Snapshot,
        adds: Sequence[Part],
        removes: Sequence[Part],
        *,
        note: Note,
        guards: Sequence[str] = (),
    ) -> int:
        """Make a new version: files added, files removed, all or nothing.

        Parameters
        ----------
        base : Snapshot
            What the change was planned on. Commits that others made since then are fine if they
            removed no file and share no guard.
        adds, removes : sequence of Part
            Files that are new, and files that are no longer part of the table.
        note : mapping
            What the commit says of itself.
        guards : sequence of str
            Names that no two concurrent commits may both carry.

        Raises
        ------
        ConflictError
            Another writer was first.
        """
        token = secrets.token_hex(8)
        with self._lock, told(self.place, f"committing to {self.path}"):
            delta = self._at(base)
            self._write(delta, adds, removes, {**note, "id": token}, guards)
            made = self._refreshed()
            for entry in self.notes(-1 if made is None else made.version(), base.version + 1):
                if entry.get("id") == token:
                    return cast(int, entry["version"])
        raise self._broken("a commit that was made is not there")

    def _at(self, base: Snapshot) -> "DeltaTable":
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        if self._delta is not None and self._delta.version() == base.version:
            return self._delta
        try:
            return DeltaTable(self.uri, version=base.version, storage_options=self._options)
        except DeltaError as error:  # it has expired since
            raise ConflictError(str(error)) from None

    def _write(
        self,
        delta: "DeltaTable",
        adds: Sequence[Part],
        removes: Sequence[Part],
        note: Note,
        guards: Sequence[str],
    ) -> None:
        from deltalake import CommitProperties, PostCommitHookProperties, Transaction
        from deltalake.exceptions import CommitFailedError
        from deltalake.transaction import RemoveAction

        stamp_ms = time.time_ns() // 1_000_000
        actions = [self._add_action(part, stamp_ms) for part in adds]
        # A removal is a change of data even where a compaction only moves rows: otherwise two
        # writers that both remove the file would both succeed.
        gone = [RemoveAction(part.path, True, stamp_ms, size=part.bytes) for part in removes]
        try:
            delta.create_write_transaction(
                [*actions, *gone],
                mode="append",
                schema=self._schema(),
                commit_properties=CommitProperties(
                    custom_metadata={_NOTE: json.dumps(note)},
                    max_commit_retries=_RETRIES,
                    app_transactions=[Transaction(name, 1) for name in guards],
                ),
                post_commithook_properties=PostCommitHookProperties(
                    create_checkpoint=True, cleanup_expired_logs=False
                ),
            )
        except CommitFailedError as error:
            self._delta = None
            if _is_conflict(str(error)):
                raise ConflictError(str(error)) from None
            raise

    def _add_action(self, part: Part, stamp_ms: int) -> "AddAction":
        from deltalake.transaction import AddAction

        time_column = self.time_column
        stats = {
            "numRecords": part.rows,
            "minValues": {"symbol": part.first_symbol, time_column: part.first_ns},
            "maxValues": {"symbol": part.last_symbol, time_column: part.last_ns},
            "nullCount": {"symbol": 0, time_column: 0},
        }
        return AddAction(part.path, part.bytes, {}, stamp_ms, True, json.dumps(stats))

    def _schema(self) -> "Schema":
        from deltalake.schema import Field, PrimitiveType, Schema

        names = {
            "Int64": "long",
            "Int32": "integer",
            "Int8": "byte",
            "Float64": "double",
            "String": "string",
            "Boolean": "boolean",
        }
        return Schema(
            [Field(name, PrimitiveType(names[str(dtype)])) for name, dtype in self.types.items()]
        )


_CONFLICT_WORDS = (
    "concurrent",
    "conflict",
    "already exists",
    "metadata changed",
    "protocol changed",
    "max",
    "exceeded",
)


def _is_conflict(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in _CONFLICT_WORDS) or lower.rsplit(" ", 1)[-1].isdigit()
