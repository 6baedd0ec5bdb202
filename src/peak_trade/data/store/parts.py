"""Parquet files of the store: how they are written, and how a range of them is read."""

import io
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from peak_trade.data.store.place import short_name
from peak_trade.data.store.table import Part, Table
from peak_trade.data.store.troubles import told

if TYPE_CHECKING:
    import polars as pl

GROUP_ROWS = 65_536
"""Rows of a row group: what is skipped, or read, at once."""


def write_part(table: Table, rows: "pl.DataFrame") -> Part:
    """Write rows, sorted by symbol and key, as a file that no version names yet.

    Raises
    ------
    DataError
        No room, no permission, a place that cannot be reached; the file is taken away again.
    """
    first, last = str(rows["symbol"].min()), str(rows["symbol"].max())
    times = rows[table.time_column]
    first_ns, last_ns = _bound(times.min()), _bound(times.max())
    folder = short_name(first) if first == last else "many"
    path = f"{folder}/{secrets.token_hex(12)}.parquet"
    with told(table.place, f"writing {table.path}"):
        size = _written(table, path, rows)
    return Part(path, rows.height, size, first, last, first_ns, last_ns)


def _bound(value: object) -> int:
    return value if isinstance(value, int) else 0


def _written(table: Table, path: str, rows: "pl.DataFrame") -> int:
    """Write a file and give its size."""
    statistics = {"min": True, "max": True, "null_count": True, "distinct_count": False}
    if not table.place.is_local:
        buffer = io.BytesIO()
        rows.write_parquet(
            buffer, compression="lz4", row_group_size=GROUP_ROWS, statistics=statistics
        )
        table.objects.write(path, buffer.getvalue())
        return buffer.tell()
    place = Path(table.uri, path)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        rows.write_parquet(
            place, compression="lz4", row_group_size=GROUP_ROWS, statistics=statistics
        )
        return int(place.stat().st_size)
    except BaseException:
        place.unlink(missing_ok=True)
        raise


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

    Raises
    ------
    GoneError
        A file that is not there.
    DataError
        A file that is damaged.
    """
    with told(table.place, f"reading {table.path}"):
        return [_read(table, part, columns, symbols, start_ns, stop_ns) for part in parts]


def _read(
    table: Table,
    part: Part,
    columns: Sequence[str],
    symbols: Sequence[str] | None,
    start_ns: int | None,
    stop_ns: int | None,
) -> "pl.DataFrame":
    import polars as pl

    target, names = f"{table.uri}/{part.path}", list(columns)
    options = None if table.place.is_local else dict(table.place.options)
    time = pl.col(table.time_column)
    wanted: list[pl.Expr] = []
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
