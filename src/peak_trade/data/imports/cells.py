"""Cells of a file as times and numbers, where one that cannot be read does not hide the others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.imports.flaws import Flaws
from peak_trade.data.imports.form import UNITS, Form
from peak_trade.data.stamps import Stamps, read_stamps
from peak_trade.data.table import Table
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    import polars as pl

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_TRIES = 20
_EPOCH = r"^\s*\d{9,19}\s*$"
_DECIMAL = r"^\s*(\d{9,11})\.(\d{1,9})\s*$"
_MIXED = 100_000_000_000  # from here on numbers are milliseconds or finer, by their size
_LARGEST_NS = 2**63 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Stamped:
    """The rows of a table that have a time, with those times.

    ``note`` says what was told from the stamps, where it is worth knowing.
    """

    table: Table
    stamps: Stamps
    note: str = ""


def stamped(
    table: Table, time: str, *, clock: str | None, form: Form, flaws: Flaws, symbol: str | None
) -> Stamped:
    """Keep the rows whose stamp and instrument can be read; the others are flaws.

    Raises
    ------
    DataError
        A column of which no half can be read, mixed zones, an unknown zone, doubtful dates.
    """
    import polars as pl

    frame = table.frame
    blank = _blank(frame[time]) if clock is None else _blank(frame[time]) | _blank(frame[clock])
    table = _without(table, blank, "stamp", flaws, found=[""] * int(blank.sum()))
    if symbol is not None:
        nameless = _blank(table.frame[symbol])
        table = _without(table, nameless, "symbol", flaws, found=[""] * int(nameless.sum()))
    if not table.frame.height:
        raise DataError(f"{table.name} has no row with a time", hint="check the time column")
    values, note = _epochs(table.frame[time], form)
    table = replace(table, frame=table.frame.with_columns(values.alias(time)))
    for _ in range(_TRIES):
        try:
            stamps = read_stamps(table, time, clock=clock, timezone=form.timezone)
        except DataError as error:
            row = error.fields.get("row")
            bad = _alike(table.frame[time], row) if isinstance(row, int) else None
            if bad is None or 2 * bad.sum() >= len(bad):
                raise
            text = table.frame[time].filter(pl.Series(bad)).cast(pl.String).to_list()
            table = _without(table, bad, "stamp", flaws, found=[f"{cell!r}" for cell in text])
        else:
            return Stamped(table, stamps, note)
    raise DataError(
        f"stamps of {table.name} are written in more than {_TRIES} ways that cannot be read",
        hint="write them in one way, such as 2024-01-31T09:30:00Z",
    )


def numbers(
    table: Table, columns: Sequence[str], *, flaws: Flaws, stamps: Stamps, symbols: Sequence[str]
) -> Table:
    """Turn columns of text into numbers; what is none is a flaw, and emptied.

    Parameters
    ----------
    table : Table
        Its rows stand beside ``stamps``.
    symbols : sequence of str
        Instrument of each row; one for all of them where there is but one.
    """
    import polars as pl

    for name in columns:
        text = table.frame[name]
        if text.dtype != pl.String:
            continue
        values = text.cast(pl.Float64, strict=False)
        wrong = values.is_null() & text.is_not_null()
        if wrong.any():
            text = text.str.strip_chars()
            values = text.cast(pl.Float64, strict=False)
            wrong = values.is_null() & text.is_not_null() & (text != "")
            places = np.flatnonzero(wrong.to_numpy())
            flaws.add(
                "unreadable", rows_of(table, places), symbols=[_at(symbols, int(k)) for k in places],
                times=stamps.utc[places], found=[f"{name} {text[int(k)]!r}" for k in places],
            )  # fmt: skip
        table = replace(table, frame=table.frame.with_columns(values.alias(name)))
    return table


def rows_of(table: Table, places: Ints) -> Ints:
    """Where rows of a table stand in their file."""
    return places.astype(np.int64) if table.rows is None else table.rows[places]


def _at(symbols: Sequence[str], place: int) -> str:
    return symbols[0] if len(symbols) == 1 else symbols[place]


def _blank(values: "pl.Series") -> Bools:
    import polars as pl

    blank = values.is_null()
    if values.dtype == pl.String:
        blank = blank | (values.str.strip_chars() == "").fill_null(value=True)
    elif values.dtype.is_float():
        blank = blank | values.is_nan().fill_null(value=True)
    return blank.to_numpy()


def _without(table: Table, bad: Bools, kind: str, flaws: Flaws, *, found: Sequence[str]) -> Table:
    """Leave out rows that cannot be placed, and note them."""
    if not bad.any():
        return table
    places = np.flatnonzero(bad)
    flaws.add(kind, rows_of(table, places), symbols="", times=None, found=found)
    kept = np.flatnonzero(~bad)
    return replace(table, frame=table.frame[kept], rows=rows_of(table, kept))


def _alike(values: "pl.Series", row: int) -> Bools:
    """Rows that look like one that cannot be read: of the same shape, unless most have that shape."""
    import polars as pl

    text = values.cast(pl.String)
    shapes = text.str.replace_all(r"\d", "0")
    alike: Bools = (shapes == shapes[row]).to_numpy()
    if 2 * alike.sum() < len(alike):
        return alike
    same: Bools = (text == text[row]).to_numpy()
    return same


def _epochs(values: "pl.Series", form: Form) -> tuple["pl.Series", str]:
    """Stamps that are numbers as instants, where their unit is known; others as they are.

    Seconds with a fraction are read digit by digit: a float would round their nanoseconds. Numbers
    of one column may change their unit, as archives that were joined do: each is read by its size.
    """
    import polars as pl

    is_text = values.dtype == pl.String
    if is_text and values.str.contains(_DECIMAL).all() and form.unit in (None, "s"):
        whole = values.str.extract(_DECIMAL, 1).cast(pl.Int64)
        part = values.str.extract(_DECIMAL, 2).str.pad_end(9, "0").cast(pl.Int64)
        return _instants(whole * UNITS["s"] + part), ""
    if form.unit is not None:
        if is_text and not values.str.contains(r"^\s*[+-]?\d+(\.\d*)?\s*$").all():
            raise DataError(
                f"stamps such as {values[0]!r} are no numbers, so that no unit is theirs",
                hint="leave the unit out",
            )
        return _instants(_scaled(values, form.unit)), ""
    if is_text and values.str.contains(_EPOCH).all():
        values = values.str.strip_chars().cast(pl.Int64)
    if not values.dtype.is_integer() or (values < _MIXED).any():
        return values, ""
    scales = pl.select(
        pl.when(values < 100_000_000_000_000).then(UNITS["ms"])
        .when(values < 100_000_000_000_000_000).then(UNITS["us"])
        .otherwise(1)
    ).to_series()  # fmt: skip
    if scales.n_unique() == 1:
        return values, ""
    first = int((scales != scales[0]).arg_max() or 0)
    return _instants(values * scales), f"stamps change their unit at row {first}"


def _scaled(values: "pl.Series", unit: str) -> "pl.Series":
    """Numbers of a unit as nanoseconds; fractions are good to a float."""
    import polars as pl

    text = values.str.strip_chars() if values.dtype == pl.String else values
    whole = text.cast(pl.Int64, strict=False)
    scale = UNITS[unit]
    if text.dtype.is_float() or whole.null_count():
        floats = text.cast(pl.Float64)
        if not floats.is_finite().all() or float(floats.abs().max() or 0) * scale > _LARGEST_NS:  # type: ignore[arg-type]
            raise _too_far(unit)
        return (floats * scale).round().cast(pl.Int64)
    if int(whole.abs().max() or 0) * scale > _LARGEST_NS:  # type: ignore[arg-type]
        raise _too_far(unit)
    return whole * scale


def _too_far(unit: str) -> DataError:
    return DataError(
        f"stamps read as {unit} since 1970 lie after 2261", hint="give the unit they are in"
    )


def _instants(values: "pl.Series") -> "pl.Series":
    import polars as pl

    return values.cast(pl.Datetime("ns", "UTC"))
