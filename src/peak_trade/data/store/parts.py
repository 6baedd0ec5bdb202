"""Parquet files of the store: how they are written, and how a range of them is read."""

import hashlib
import io
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from peak_trade.data.store.place import short_name
from peak_trade.data.store.table import Part, Table
from peak_trade.data.store.troubles import told
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    import polars as pl

GROUP_ROWS = 65_536
"""Rows of a row group: what is skipped, or read, at once."""


def write_part(table: Table, rows: "pl.DataFrame") -> Part:
    """Write rows, sorted by symbol and key, as a file that no version names yet.

    The name of the file ends in a digest of its bytes, by which damage is found.

    Raises
    ------
    DataError
        No room, no permission, a place that cannot be reached; the file is taken away again.
    """
    first, last = str(rows["symbol"].min()), str(rows["symbol"].max())
    times = rows[table.time_column]
    first_ns, last_ns = _bound(times.min()), _bound(times.max())
    folder = short_name(first) if first == last else "many"
    with told(table.place, f"writing {table.path}"):
        data = _encoded(rows)
        path = f"{folder}/{secrets.token_hex(8)}-{_digest(data)}.parquet"
        _write(table, path, data)
    return Part(path, rows.height, len(data), first, last, first_ns, last_ns)


def _bound(value: object) -> int:
    return value if isinstance(value, int) else 0


def _encoded(rows: "pl.DataFrame") -> bytes:
    """The bytes of a Parquet file."""
    buffer = io.BytesIO()
    statistics = {"min": True, "max": True, "null_count": True, "distinct_count": False}
    rows.write_parquet(buffer, compression="lz4", row_group_size=GROUP_ROWS, statistics=statistics)
    return buffer.getvalue()


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def _write(table: Table, path: str, data: bytes) -> None:
    """Write a file whole, or leave none."""
    if not table.place.is_local:
        table.objects.write(path, data)
        return
    place = Path(table.uri, path)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        place.write_bytes(data)
    except BaseException:
        place.unlink(missing_ok=True)
        raise


def check_parts(table: Table, parts: Sequence[Part]) -> None:
    """Check that files hold the bytes that were written, before they are trusted or written anew.

    Raises
    ------
    GoneError
        A file that is not there.
    DataError
        A file with other bytes than were written.
    """
    for part in parts:
        _, _, digest = Path(part.path).stem.partition("-")
        with told(table.place, f"checking {table.path}"):
            data = table.objects.read(part.path)
        if digest and _digest(data) != digest:
            raise DataError(
                f"{part.path} of {table.path} is damaged: its bytes are not those that were written",
                hint="an earlier version may still be whole (peak data versions); put the file back "
                "from a copy, or export what is whole and fetch the rest again",
                path=part.path,
            )


def discard(table: Table, parts: Sequence[Part]) -> None:
    """Take away files that no version names; one that stays is found when versions expire."""
    for part in parts:
        table.objects.delete(part.path)


def read_parts(
    table: Table,
    parts: Sequence[Part],
    *,
    columns: Sequence[str],
    symbols: Sequence[str] | None = None,
    start_ns: int | None = None,
    stop_ns: int | None = None,
    where: Sequence[tuple[str, str]] = (),
) -> "list[pl.DataFrame]":
    """Read rows of some files, one frame a file; only the row groups that may hold them are read.

    Parameters
    ----------
    table : Table
        Whose files they are.
    parts : sequence of Part
        The files.
    columns : sequence of str
        What is wanted of them.
    symbols : sequence of str, optional
        Instruments that are wanted, all where left out.
    start_ns, stop_ns : int, optional
        Range of the time column; the start is taken in, the stop left out.
    where : sequence of (column, text)
        Texts that columns must have; rows without them are dropped as the files are read.

    Raises
    ------
    GoneError
        A file that is not there.
    DataError
        A file that is damaged.
    """
    with told(table.place, f"reading {table.path}"):
        return [_read(table, part, columns, symbols, start_ns, stop_ns, where) for part in parts]


def _read(
    table: Table,
    part: Part,
    columns: Sequence[str],
    symbols: Sequence[str] | None,
    start_ns: int | None,
    stop_ns: int | None,
    where: Sequence[tuple[str, str]],
) -> "pl.DataFrame":
    import polars as pl

    target, names = f"{table.uri}/{part.path}", list(columns)
    options = None if table.place.is_local else dict(table.place.options)
    time = pl.col(table.time_column)
    wanted = [pl.col(name) == text for name, text in where]
    if symbols is not None and not (part.is_single and part.first_symbol in symbols):
        wanted.append(
            pl.col("symbol") == symbols[0]
            if len(symbols) == 1
            else pl.col("symbol").is_in(list(symbols))
        )
    if start_ns is not None and part.first_ns < start_ns:
        wanted.append(time >= start_ns)
    if stop_ns is not None and part.last_ns >= stop_ns:
        wanted.append(time < stop_ns)
    if not wanted:
        return pl.read_parquet(target, columns=names, storage_options=options, glob=False)
    lazy = pl.scan_parquet(target, storage_options=options, glob=False)
    return lazy.filter(*wanted).select(names).collect()


def joined(frames: "Sequence[pl.DataFrame]", types: "Mapping[str, pl.DataType]") -> "pl.DataFrame":
    """Put frames of the same columns below each other."""
    import polars as pl

    if not frames:
        return pl.DataFrame(schema=dict(types))
    return frames[0] if len(frames) == 1 else pl.concat(frames)
