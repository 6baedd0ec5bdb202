"""Trades, quotes, books, funding rates, values and news of a file, judged row by row."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from peak_trade.data.findings import DataReport, ordered
from peak_trade.data.imports.cells import stamped
from peak_trade.data.imports.flaws import Flaws, findings_of, interleaved
from peak_trade.data.imports.form import Form, Target
from peak_trade.data.imports.found import Import, Imported, Mend
from peak_trade.data.imports.roles import find_roles, value_columns
from peak_trade.data.imports.rules import judge, mended
from peak_trade.data.imports.shapes import SHAPES, Given
from peak_trade.data.imports.suspects import suspects
from peak_trade.data.series import KINDS, SeriesKey
from peak_trade.data.table import Table

if TYPE_CHECKING:
    import polars as pl


def read_rows(
    table: Table,
    kind: str,
    form: Form,
    target: Target,
    mend: Mend,
    *,
    since: Mapping[str, int] | None = None,
) -> Import:
    """Read rows of a kind other than bars and actions, judge each, and mend what may be mended.

    Parameters
    ----------
    since : mapping of str to int, optional
        Of a part of a file: the last time of each instrument before it, UTC nanoseconds.

    Raises
    ------
    DataError
        A column that is missing, stamps that cannot be read, instruments that the target does not
        name, values without a time at which they were known.
    """
    read = table.frame.height
    roles = find_roles(table, kind, form.columns)
    flaws = Flaws(table)
    placed = stamped(
        table, roles["time"], clock=None, form=form, flaws=flaws, symbol=roles.get("symbol")
    )
    label = target.symbol or table.symbol
    made = SHAPES[kind](Given(kind, placed, roles, form, flaws, label))
    wanted = target.names(
        made.frame["name"].unique(maintain_order=True).to_list(),
        table.name,
        own=made.is_named,
        wanted=form.symbol,
    )
    frame = made.frame
    if len(wanted) < frame["name"].n_unique():
        frame = frame.filter(frame["name"].is_in(list(wanted)))
    judge(kind, frame, made.keys, flaws, since or {})
    every = flaws.frame()
    left, kept, done = mended(frame, made.keys, every, mend)
    series = _cut(kind, kept, target, wanted)
    notes = [placed.note] if placed.note else []
    notes.extend(made.notes)
    if made.is_named:
        notes.extend(f"{old} is stored as {new}" for old, new in wanted.items() if old != new)
        notes.extend(_interleaved(frame))
    doubtful = [found for part in kept.partition_by("name", maintain_order=True)
                for found in suspects(kind, part)]  # fmt: skip
    report = DataReport(
        table.name, read, "", tuple(wanted), (), ordered([*findings_of(every), *doubtful])
    )
    used = set(roles.values()) | set(value_columns(table, roles) if kind == "series" else ())
    left_out = tuple(name for name in table.frame.columns if name not in used)
    return Import(table.name, kind, read, series, report, every, left, done, tuple(notes), left_out)


def _cut(
    kind: str, kept: "pl.DataFrame", target: Target, wanted: Mapping[str, str]
) -> tuple[Imported, ...]:
    """One series an instrument, in order of time."""
    shape = KINDS[kind]
    columns = [name for name in shape.columns if name in kept.columns]
    parts = kept.partition_by("name", as_dict=True, maintain_order=True)
    series = []
    for name, symbol in wanted.items():
        rows = parts.get((name,))
        if rows is not None and rows.height:
            rows = rows.sort([key for key in shape.key if key in columns], maintain_order=True)
            key = SeriesKey(kind, target.venue, symbol)
            series.append(Imported(key, rows.select(columns)))
    return tuple(series)


def _interleaved(frame: "pl.DataFrame") -> list[str]:
    times = frame.sort("row", maintain_order=True)["time_ns"].to_numpy()
    late = int((np.diff(times) < 0).sum())
    return [interleaved(late)] if late else []
