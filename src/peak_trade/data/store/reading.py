"""Rows out of the store: one series, several at once, a panel of arrays, or a stream."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.series import SeriesKey
from peak_trade.data.store.layout import Layout
from peak_trade.data.store.parts import joined, read_parts
from peak_trade.data.store.table import Part, Snapshot, Table
from peak_trade.data.store.tables import Tables, table_of
from peak_trade.domain.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_AT_ONCE = 64  # instruments of shared files that a stream reads at once at most


@dataclass(frozen=True, slots=True)
class Range:
    """Which rows are wanted: times from ``start_ns`` (taken in) to ``stop_ns`` (left out), a version.

    ``where`` gives texts that columns must have.
    """

    start_ns: int | None = None
    stop_ns: int | None = None
    version: int | None = None
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Values of N series of one table at the T times that any of them has a row.

    Attributes
    ----------
    keys : tuple of SeriesKey
        The N series.
    time : (T,) int64
        Times of the rows, of bars their opens; UTC nanoseconds, ascending.
    values : mapping of str to (T, N) float64
        The columns that were asked for; NaN where a series has no row.
    version : int
        The version that was read.
    """

    keys: tuple[SeriesKey, ...]
    time: Ints
    values: Mapping[str, Floats]
    version: int


def chosen_columns(key: SeriesKey, columns: Sequence[str] | None) -> list[str]:
    """Give the columns that are wanted, all where none are named.

    Raises
    ------
    DataError
        A column that the kind does not have.
    """
    known = list(key.shape.stored)
    for name in columns or ():
        if name not in known:
            raise DataError(
                f"{key.kind} have no column {name!r}", hint=did_you_mean(name, known), found=name
            )
    return known if columns is None else list(columns)


def chosen_texts(key: SeriesKey, where: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    """Give the texts that columns of a kind must have.

    Raises
    ------
    DataError
        A column that the kind does not have, or that does not hold text.
    """
    texts = [name for name, held in key.shape.stored.items() if held == "string"]
    for name in where or ():
        if name not in texts:
            raise DataError(
                f"{key.kind} have no column {name!r} of text", hint=did_you_mean(name, texts),
                found=name,
            )  # fmt: skip
    return tuple((where or {}).items())


def read_series(tables: Tables, key: SeriesKey, columns: list[str], span: Range) -> "pl.DataFrame":
    """Read rows of a series, ordered by its key."""
    table, snapshot = tables.found(key, span.version)
    return _rows_of(table, snapshot, key, columns, span)


def _rows_of(
    table: Table, snapshot: Snapshot, key: SeriesKey, columns: list[str], span: Range
) -> "pl.DataFrame":
    parts = snapshot.find(key.symbol, span.start_ns, span.stop_ns)
    order = list(key.shape.key)
    is_apart = _are_apart(parts)
    needed = columns if is_apart else list(dict.fromkeys((*columns, *order)))
    frames = read_parts(
        table,
        parts,
        columns=needed,
        symbols=(key.symbol,),
        start_ns=span.start_ns,
        stop_ns=span.stop_ns,
        where=span.where,
    )
    if not is_apart:
        frames = [frame.select(columns) for frame in _in_order(frames, order)]
    return joined(frames, {name: table.types[name] for name in columns})


def _are_apart(parts: Sequence[Part]) -> bool:
    """Whether each file ends before the next begins."""
    return all(one.last_ns < two.first_ns for one, two in pairwise(parts))


def _in_order(frames: "Sequence[pl.DataFrame]", order: list[str]) -> "list[pl.DataFrame]":
    """Sort frames, each of which is in order, by putting those together that overlap."""
    import polars as pl

    ranges = sorted(
        ((int(f[order[0]][0]), int(f[order[0]][-1]), k) for k, f in enumerate(frames) if f.height)
    )
    groups: list[list[int]] = []
    reached = 0
    for first, last, place in ranges:
        if groups and first <= reached:
            groups[-1].append(place)
            reached = max(reached, last)
        else:
            groups.append([place])
            reached = last
    return [
        frames[group[0]]
        if len(group) == 1
        else pl.concat([frames[place] for place in group]).sort(order)
        for group in groups
    ]


def read_several(
    tables: Tables, keys: Sequence[SeriesKey], columns: list[str], span: Range
) -> "dict[SeriesKey, pl.DataFrame]":
    """Read rows of several series of one table at one version, files that they share once."""
    name = one_table(keys)
    table, snapshot = tables.found_all(keys, span.version)
    if not Layout.of(name[0], name[2]).is_wide or len(keys) == 1:
        return {key: _rows_of(table, snapshot, key, columns, span) for key in keys}
    return _split(table, snapshot, keys, columns, span)


def one_table(keys: Sequence[SeriesKey]) -> tuple[str, str, str]:
    """Give the table of some series.

    Raises
    ------
    DataError
        None at all, one twice, or series of several tables.
    """
    if not keys:
        raise DataError("no series is named", hint="name at least one")
    if len(set(keys)) != len(keys):
        raise DataError("a series is named twice", hint="name each once")
    names = {table_of(key) for key in keys}
    if len(names) > 1:
        raise DataError(
            f"{keys[0]} and {next(k for k in keys if table_of(k) != table_of(keys[0]))} do not "
            "lie in one table",
            hint="series of one kind, venue and interval have versions in common",
        )
    return names.pop()


def _split(
    table: Table, snapshot: Snapshot, keys: Sequence[SeriesKey], columns: list[str], span: Range
) -> "dict[SeriesKey, pl.DataFrame]":
    """Read files that instruments share, and give each its rows."""
    order = list(keys[0].shape.key)
    needed = list(dict.fromkeys((*columns, *order)))
    pieces: dict[str, list[pl.DataFrame]] = {key.symbol: [] for key in keys}
    for frame in _frames(table, snapshot, list(pieces), ["symbol", *needed], span):
        own, first = frame.select(needed), 0
        for length, symbol in frame["symbol"].rle().struct.unnest().iter_rows():
            if symbol in pieces:
                pieces[symbol].append(own.slice(first, length))
            first += length
    types = {name: table.types[name] for name in needed}
    whole = {key: joined(_in_order(pieces[key.symbol], order), types) for key in keys}
    if needed == columns:
        return whole
    return {key: frame.select(columns) for key, frame in whole.items()}


def _frames(
    table: Table, snapshot: Snapshot, symbols: list[str], columns: list[str], span: Range
) -> "Iterator[pl.DataFrame]":
    """Rows of some instruments, a frame a file."""
    low, high, wanted = min(symbols), max(symbols), set(symbols)
    # Where most of what there is is wanted, it is quicker to read all of it.
    is_most = len(wanted) * 2 > len(table.state().heads)
    for part in snapshot.find(None, span.start_ns, span.stop_ns):
        if part.last_symbol < low or part.first_symbol > high:
            continue
        if part.is_single and part.first_symbol not in wanted:
            continue
        yield from read_parts(
            table,
            [part],
            columns=columns,
            symbols=None if is_most else symbols,
            start_ns=span.start_ns,
            stop_ns=span.stop_ns,
        )


def read_panel(
    tables: Tables, keys: Sequence[SeriesKey], columns: Sequence[str], span: Range
) -> Panel:
    """Read columns of several series of one table as arrays side by side."""
    one_table(keys)
    table, snapshot = tables.found_all(keys, span.version)
    place = {key.symbol: column for column, key in enumerate(keys)}
    needed = ["symbol", table.time_column, *columns]
    frames = _frames(table, snapshot, list(place), needed, span)
    found = [_block(frame, table.time_column, columns, place) for frame in frames]
    blocks = [block for block in found if block is not None]
    times = [block.time for block in blocks] or [np.empty(0, dtype=np.int64)]
    time = np.unique(np.concatenate(times))
    # Instruments lie one after the other, as in the files: nothing is turned round.
    values = {name: np.full((len(time), len(keys)), np.nan, order="F") for name in columns}
    for block in blocks:
        block.spread(time, values)
    return Panel(tuple(keys), time, values, snapshot.version)


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Rows of a file: its distinct times, the series that each run of rows is of, and its columns.

    ``rows`` are the places of the rows among the times; None where each run has all of them.
    """

    time: Ints
    rows: Ints | None
    columns: Ints
    lengths: Ints
    values: Mapping[str, Floats]

    def spread(self, time: Ints, panel: Mapping[str, Floats]) -> None:
        """Write the values where they belong."""
        places = np.searchsorted(time, self.time)
        if self.rows is None:
            down, across = _run(places), _run(self.columns)
            if not isinstance(down, slice) and not isinstance(across, slice):
                down = places[:, None]
            for name, values in self.values.items():
                panel[name][down, across] = values.reshape(len(self.columns), -1).T
            return
        columns, rows = np.repeat(self.columns, self.lengths), places[self.rows]
        for name, values in self.values.items():
            panel[name][rows, columns] = values


def _run(places: Ints) -> slice | Ints:
    """A slice where places follow one another: it is quicker to write to."""
    if len(places) and (np.diff(places) == 1).all():
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


def _block(
    frame: "pl.DataFrame", time_column: str, columns: Sequence[str], place: Mapping[str, int]
) -> _Block | None:
    import polars as pl

    runs = frame["symbol"].rle().struct.unnest()
    if not runs["value"].is_in(list(place)).all():
        frame = frame.filter(pl.col("symbol").is_in(list(place)))
        runs = frame["symbol"].rle().struct.unnest()
    across = np.array([place[symbol] for symbol in runs["value"]], dtype=np.int64)
    lengths = runs["len"].to_numpy().astype(np.int64)
    values = {name: frame[name].to_numpy() for name in columns}
    times = frame[time_column].to_numpy()
    if len(lengths) == 0:
        return None
    length = int(lengths[0])
    if (lengths == length).all() and (times.reshape(-1, length) == times[:length]).all():
        return _Block(times[:length], None, across, lengths, values)
    distinct = frame[time_column].unique().sort().to_numpy()
    return _Block(distinct, np.searchsorted(distinct, times), across, lengths, values)


def stream(
    tables: Tables, keys: Sequence[SeriesKey], span: Range, *, rows: int
) -> "Iterator[pl.DataFrame]":
    """Give the rows of series one after the other, in frames of a bounded size."""
    groups: dict[tuple[str, str, str], list[SeriesKey]] = {}
    for key in keys:
        groups.setdefault(table_of(key), []).append(key)
    for name, group in groups.items():
        table, snapshot = tables.found_all(group, span.version)
        if Layout.of(name[0], name[2]).is_wide:
            pieces = _shared(table, snapshot, group, span, rows)
        else:
            pieces = _alone(table, snapshot, group, span)
        for key, frame in pieces:
            for part in frame.iter_slices(rows):
                yield _labelled(part, key)


def _labelled(frame: "pl.DataFrame", key: SeriesKey) -> "pl.DataFrame":
    import polars as pl

    return frame.select(
        pl.lit(key.venue).alias("venue"), pl.lit(key.symbol).alias("symbol"), pl.all()
    )


def _alone(
    table: Table, snapshot: Snapshot, keys: Sequence[SeriesKey], span: Range
) -> "Iterator[tuple[SeriesKey, pl.DataFrame]]":
    """Rows of series with files of their own, so many files at once as overlap."""
    for key in keys:
        columns, order = list(key.shape.stored), list(key.shape.key)
        for group in _overlapping(snapshot.find(key.symbol, span.start_ns, span.stop_ns)):
            frames = read_parts(
                table,
                group,
                columns=columns,
                symbols=(key.symbol,),
                start_ns=span.start_ns,
                stop_ns=span.stop_ns,
            )
            for frame in _in_order(frames, order):
                yield key, frame


def _overlapping(parts: Sequence[Part]) -> list[list[Part]]:
    groups: list[list[Part]] = []
    reached = 0
    for part in parts:
        if groups and part.first_ns <= reached:
            groups[-1].append(part)
            reached = max(reached, part.last_ns)
        else:
            groups.append([part])
            reached = part.last_ns
    return groups


def _shared(
    table: Table, snapshot: Snapshot, keys: Sequence[SeriesKey], span: Range, rows: int
) -> "Iterator[tuple[SeriesKey, pl.DataFrame]]":
    """Rows of series that share files, so many series at once as fit."""
    heads = table.state().heads
    batch: list[SeriesKey] = []
    held = 0
    for key in sorted(keys):
        own = heads[key.symbol].rows if key.symbol in heads else 0
        if batch and (held + own > rows or len(batch) >= _AT_ONCE):
            yield from _split(table, snapshot, batch, list(key.shape.stored), span).items()
            batch, held = [], 0
        batch.append(key)
        held += own
    if batch:
        yield from _split(table, snapshot, batch, list(batch[0].shape.stored), span).items()
