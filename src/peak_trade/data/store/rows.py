"""Rows on their way into the store: given the types they are kept in, and compared with what is there."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from peak_trade.data.series import Column, Kind, SeriesKey
from peak_trade.domain.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

_EMPTY: Mapping[Column, Any] = {
    "int64": 0, "int32": 0, "int8": 0, "float64": float("nan"), "string": "", "bool": False,
}  # fmt: skip

_WITHDRAWN = ("features", "series")  # NaN: there is no value from then on


def stored_types(kind: Kind) -> "dict[str, pl.DataType]":
    """Types of the columns as they are stored, the symbol before them."""
    import polars as pl

    own: dict[str, pl.DataType] = {"symbol": pl.String(), **kind.schema()}
    return {**own, "source": pl.String(), "received_ns": pl.Int64(), "revision": pl.Int32()}


def fitted(key: SeriesKey, rows: "pl.DataFrame") -> "pl.DataFrame":
    """Give rows in the columns, types and order that they are stored in.

    Optional columns that are absent, and nulls in them, become NaN, an empty text or 0. Rows that
    repeat another are left out.

    Raises
    ------
    DataError
        Columns that are missing or not known, values of another type or missing, and two rows of
        one key that contradict each other.
    """
    return fitted_to(key.shape, str(key), rows)


def fitted_to(kind: Kind, key: str, rows: "pl.DataFrame") -> "pl.DataFrame":
    """Give rows of a kind, as :func:`fitted` does; ``key`` is what messages call them."""
    import polars as pl

    _check_columns(kind, key, rows)
    columns = []
    for name, dtype in kind.schema().items():
        empty = _EMPTY[kind.columns[name]]
        if name not in rows.columns:
            columns.append(pl.lit(empty, dtype=dtype).alias(name))
        elif name in kind.optional:
            columns.append(pl.col(name).cast(dtype).fill_null(empty))
        else:
            columns.append(pl.col(name).cast(dtype))
    try:
        frame = rows.select(columns)
    except pl.exceptions.PolarsError as error:
        types = {name: str(rows.schema[name]) for name in kind.columns if name in rows.columns}
        raise DataError(
            f"rows of {key} do not have the types of {kind.name}: {types}",
            hint=f"give {dict(kind.columns)}",
        ) from error
    _check_nulls(kind, key, frame)
    _check_spans(kind, key, frame)
    return _unique(kind, key, frame)


def _check_columns(kind: Kind, key: str, rows: "pl.DataFrame") -> None:
    for name in kind.columns:
        if name not in rows.columns and name not in kind.optional:
            raise DataError(
                f"rows of {key} have no column {name!r}",
                hint=f"{kind.name} have the columns {', '.join(kind.columns)}",
            )
    for name in rows.columns:
        if name not in kind.columns:
            raise DataError(
                f"rows of {key} have a column {name!r} that {kind.name} do not have",
                hint=did_you_mean(name, kind.columns),
            )


def _check_nulls(kind: Kind, key: str, frame: "pl.DataFrame") -> None:
    import polars as pl

    for name in frame.columns:
        values = frame[name]
        if name in kind.optional:
            continue
        wrong = values.is_null()
        if values.dtype == pl.Float64 and kind.name not in _WITHDRAWN:
            wrong = wrong | values.is_nan()
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise DataError(f"{name} of {key} is missing at row {row}", hint="leave the row out")


def _check_spans(kind: Kind, key: str, frame: "pl.DataFrame") -> None:
    if kind.name != "bars":
        return
    wrong = frame["close_ns"] <= frame["open_ns"]
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        raise DataError(
            f"a bar of {key} closes at or before it opens at row {row}", hint="check the stamps"
        )


def _unique(kind: Kind, key: str, frame: "pl.DataFrame") -> "pl.DataFrame":
    names = list(kind.key)
    if len(names) == 1:
        steps = frame[names[0]].diff().drop_nulls()
        if bool((steps > 0).all()):
            return frame
    frame = frame.sort(names, maintain_order=True)
    doubled = frame.select(names).is_duplicated()
    if not doubled.any():
        return frame
    frame = frame.unique(maintain_order=True)
    doubled = frame.select(names).is_duplicated()
    if doubled.any():
        where = dict(zip(names, frame.select(names).row(int(doubled.arg_max() or 0)), strict=True))
        raise DataError(
            f"two rows of {key} contradict each other at {where}", hint="keep one row of each"
        )
    return frame


class Compared(NamedTuple):
    """Rows beside what is stored of them.

    ``new`` rows have no stored row of their key; ``changed`` differ from it, and carry ``part``, the
    place of the stored row, and ``revision``, one above its; ``same`` counts the others.
    """

    new: "pl.DataFrame"
    changed: "pl.DataFrame"
    same: int


def compared(kind: Kind, rows: "pl.DataFrame", stored: "pl.DataFrame") -> Compared:
    """Compare rows with stored ones by symbol and key.

    A bar that was filled in never replaces one that a source gave.

    Parameters
    ----------
    kind : Kind
        What they are.
    rows : polars.DataFrame
        ``symbol`` and the kind's columns, unique by symbol and key.
    stored : polars.DataFrame
        The same, with ``revision`` and ``part``.
    """
    import polars as pl

    names = ["symbol", *kind.key]
    values = [name for name in kind.columns if name not in kind.key]
    was = stored.select(*names, *(pl.col(name).alias(f"was_{name}") for name in values),
                        "revision", "part")  # fmt: skip
    both = rows.join(was, on=names, how="left", maintain_order="left")
    is_new = both["part"].is_null()
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"was_{name}")) for name in values)
    if "is_filled" in values:
        differs &= ~(pl.col("is_filled") & ~pl.col("was_is_filled"))
    changed = both.filter(~is_new).filter(differs)
    new = both.filter(is_new).select(rows.columns)
    changed = changed.select(*rows.columns, pl.col("revision") + 1, "part")
    return Compared(new, changed, rows.height - new.height - changed.height)
