"""What a source gave, checked before it is kept: its columns, its order, and what no market quotes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.faults import bad_bar, bad_price, bad_volume
from peak_trade.data.findings import stamp_text
from peak_trade.data.series import Kind
from peak_trade.data.source import Page, SourceError, Trouble, Want

if TYPE_CHECKING:
    import polars as pl

Bools = npt.NDArray[np.bool_]

_SHOWN = 3
_ANY_VALUE = ("value",)  # of an economic series: NaN says that a figure was withdrawn


def checked_rows(page: Page, want: Want, *, source: str) -> "pl.DataFrame":
    """Give the rows of a page that are wanted, once each, or refuse the page.

    Equal rows that stand twice are given once. Rows outside of what was wanted are left out.

    Parameters
    ----------
    page : Page
        What a source gave.
    want : Want
        What it was asked for.
    source : str
        Its name, for errors.

    Raises
    ------
    SourceError
        Columns that the kind does not have or that lack values, rows out of order or that
        contradict each other, and prices, sizes and rates that cannot be: nothing of such a page
        is kept.
    """
    import polars as pl

    kind, name = want.key.shape, f"{source}, asked for {want.key},"
    rows = _typed(page.rows, kind, name).unique(maintain_order=True)
    begin = want.start_ns if want.start_ns is not None else -(2**63)
    rows = rows.filter(pl.col(kind.time) >= begin, pl.col(kind.time) < want.stop_ns)
    keys = [column for column in kind.key if column in rows.columns]
    times = rows[kind.time].to_numpy()
    _refuse(times[1:] < times[:-1], times[1:], name, "gave rows that go back in time")
    doubled = rows.select(keys).is_duplicated().to_numpy()
    _refuse(doubled, times, name, "gave rows that contradict each other")
    for what, fault in _FAULTS.get(kind.name, ()):
        _refuse(fault(rows), times, name, f"gave {what}")
    return rows


def _typed(rows: "pl.DataFrame", kind: Kind, name: str) -> "pl.DataFrame":
    """The columns of the kind in its types; what is not optional has a value in every row."""
    import polars as pl

    schema = kind.schema()
    foreign = [column for column in rows.columns if column not in schema]
    absent = [c for c in schema if c not in rows.columns and c not in kind.optional]
    if foreign or absent:
        what = f"unknown column {foreign[0]!r}" if foreign else f"no column {absent[0]!r}"
        raise _bad(f"{name} gave {what}; {kind.name} have {', '.join(schema)}")
    columns = [column for column in schema if column in rows.columns]
    try:
        rows = rows.select(pl.col(column).cast(schema[column]) for column in columns)
    except pl.exceptions.PolarsError as error:
        raise _bad(f"{name} gave values of another type: {error}") from None
    for column in columns:
        values = rows[column]
        is_needed = column not in kind.optional and column not in _ANY_VALUE
        if is_needed and (
            values.null_count() or (values.dtype.is_float() and values.is_nan().any())
        ):
            raise _bad(f"{name} gave rows without {column}")
    return rows


def _refuse(mask: Bools, times: "npt.NDArray[np.int64]", name: str, what: str) -> None:
    places = np.flatnonzero(mask)
    if not len(places):
        return
    shown = ", ".join(stamp_text(int(times[k])) for k in places[:_SHOWN])
    more = f" and {len(places) - _SHOWN:,} more" if len(places) > _SHOWN else ""
    raise _bad(f"{name} {what}: at {shown}{more}")


def _bad(message: str) -> SourceError:
    return SourceError(
        Trouble.BAD_ANSWER,
        message,
        "what came before is kept; ask again, and if it stays so, tell the source",
    )


def _floats(rows: "pl.DataFrame", column: str) -> "npt.NDArray[np.float64]":
    values = rows[column] if column in rows.columns else None
    if values is None:
        return np.full(rows.height, np.nan)
    return values.fill_null(float("nan")).to_numpy()


def _unsound_price(rows: "pl.DataFrame") -> Bools:
    sides = [column for column in ("open", "high", "low") if column in rows.columns]
    fault = bad_price(_floats(rows, "close"))
    for column in sides:
        values = _floats(rows, column)
        fault |= bad_price(values) & ~np.isnan(values)
    return fault


def _unsound_bar(rows: "pl.DataFrame") -> Bools:
    fault = bad_bar(*(_floats(rows, column) for column in ("open", "high", "low", "close")))
    fault |= (rows["close_ns"] <= rows["open_ns"]).to_numpy()
    return fault


def _bad_size(column: str) -> "Callable[[pl.DataFrame], Bools]":
    return lambda rows: bad_volume(_floats(rows, column))


def _bad_price_of(column: str) -> "Callable[[pl.DataFrame], Bools]":
    return lambda rows: bad_price(_floats(rows, column))


def _wild_rate(rows: "pl.DataFrame") -> Bools:
    return ~(np.abs(_floats(rows, "rate")) < 1.0)


_FAULTS: "dict[str, tuple[tuple[str, Callable[[pl.DataFrame], Bools]], ...]]" = {
    "bars": (
        ("prices that are zero, negative or infinite", _unsound_price),
        ("bars whose high, low or close time contradicts them", _unsound_bar),
        ("volumes that are negative or infinite", _bad_size("volume")),
    ),
    "trades": (
        ("prices that are zero, negative or infinite", _bad_price_of("price")),
        ("sizes that are negative or infinite", _bad_size("size")),
    ),
    "quotes": (
        ("bids that are zero, negative or infinite", _bad_price_of("bid")),
        ("asks that are zero, negative or infinite", _bad_price_of("ask")),
    ),
    "funding": (("funding rates of 100 % and more", _wild_rate),),
}
