"""From columns of a table to one series of numbers an instrument."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.data.columns import Columns
from peak_trade.data.stamps import Stamps
from peak_trade.data.table import Table
from peak_trade.domain.errors import DataError, did_you_mean

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """The rows of one instrument, in the order of the file.

    Attributes
    ----------
    symbol : str
        Name of the instrument.
    rows : (K,) int64
        Rows of the table, counted from 0.
    stamps : Stamps
        Their K times.
    prices : dict of str to (K,) float64
        ``close``, and ``open``, ``high`` and ``low`` where there are any; quote currency, NaN
        where the table has no value.
    volume : (K,) float64, optional
        Units traded; None where the table has no such column.
    """

    symbol: str
    rows: Ints
    stamps: Stamps
    prices: dict[str, Floats]
    volume: Floats | None = None


def normalise(
    table: Table, columns: Columns, stamps: Stamps, *, symbol: str | None = None
) -> tuple[Series, ...]:
    """Split a table into its instruments.

    Parameters
    ----------
    table : Table
        What was read.
    columns : Columns
        What its columns mean.
    stamps : Stamps
        Times of its rows.
    symbol : str, optional
        Of a table with several instruments the one to keep; otherwise what to call it.

    Returns
    -------
    tuple of Series
        In the order of their columns (wide) or names (long). A row without a value in a wide
        table is no row of that instrument.

    Raises
    ------
    DataError
        Text in a column of numbers, a row without a symbol, a symbol that is not there.

    Examples
    --------
    >>> import polars as pl
    >>> from peak_trade.data.columns import find_columns
    >>> from peak_trade.data.stamps import read_stamps
    >>> table = Table(pl.DataFrame({"t": [0, 60], "A": [1.0, 2.0]}), "frame", "asset")
    >>> columns = find_columns(table, {"time": "t"})
    >>> normalise(table, columns, read_stamps(table, "t"))[0].symbol
    'A'
    """
    if columns.tickers:
        return tuple(_wide(table, columns.tickers, stamps, symbol))
    prices = {role: read_numbers(table, name) for role, name in columns.prices.items()}
    volume = read_numbers(table, columns.volume) if columns.volume else None
    everything = np.arange(table.frame.height)
    if columns.symbol is None:
        return (Series(symbol or table.symbol, everything, stamps, prices, volume),)
    return tuple(
        Series(
            name,
            rows,
            Stamps(stamps.utc[rows], stamps.wall[rows], stamps.are_dates),
            {role: values[rows] for role, values in prices.items()},
            None if volume is None else volume[rows],
        )
        for name, rows in _groups(table, columns.symbol, symbol)
    )


def read_numbers(table: Table, column: str) -> Floats:
    """Read a column as float64, NaN where it has no value.

    Raises
    ------
    DataError
        A value that is no number; the message shows it and its row.

    Examples
    --------
    >>> import polars as pl
    >>> read_numbers(Table(pl.DataFrame({"close": ["1.5", "n/a"]}), "frame", "asset"), "close")
    Traceback (most recent call last):
    peak_trade.domain.errors.DataError: close is 'n/a' at row 1 of frame: a number is expected
    """
    import polars as pl

    values = table.frame[column]
    if values.dtype == pl.String:
        text, values = values, values.cast(pl.Float64, strict=False)
        wrong = values.is_null() & text.is_not_null()
        if wrong.any():
            text = text.str.strip_chars()
            values = text.cast(pl.Float64, strict=False)
            wrong = values.is_null() & text.is_not_null() & (text != "")
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise _no_number(table, column, row, text[row])
    elif not values.dtype.is_numeric() and values.dtype != pl.Null:
        raise DataError(
            f"column {column!r} of {table.name} is {values.dtype}, not numbers",
            hint="give numbers, or map another column",
        )
    filled = values.cast(pl.Float64).fill_null(float("nan"))
    return np.ascontiguousarray(filled.to_numpy(), dtype=np.float64)


def _no_number(table: Table, column: str, row: int, found: str) -> DataError:
    comma = "," in found and found.replace(",", "").replace(".", "").strip("-").isdigit()
    return DataError(
        f"{column} is {found!r} at {table.at(row)}: a number is expected",
        hint="write a decimal point and no thousands separator" if comma else "",
        row=row,
        column=column,
        found=found,
    )


def _wide(
    table: Table, tickers: tuple[str, ...], stamps: Stamps, symbol: str | None
) -> Iterator[Series]:
    _check_symbol(table, symbol, tickers)
    for ticker in tickers if symbol is None else (symbol,):
        closes = read_numbers(table, ticker)
        rows = np.flatnonzero(~np.isnan(closes))
        if len(rows) == 0:
            raise DataError(f"{ticker} of {table.name} has no price", hint="leave the column out")
        if len(rows) < len(closes):
            own = Stamps(stamps.utc[rows], stamps.wall[rows], stamps.are_dates)
            yield Series(ticker, rows, own, {"close": closes[rows]})
        else:
            yield Series(ticker, rows, stamps, {"close": closes})


def _groups(table: Table, column: str, symbol: str | None) -> Iterator[tuple[str, Ints]]:
    """Rows of each symbol, in the order of the table; the symbols sorted."""
    import polars as pl

    names = table.frame[column].cast(pl.String)
    empty = names.is_null() | (names.str.strip_chars() == "")
    if empty.any():
        row = int(empty.arg_max() or 0)
        raise DataError(f"no {column} at {table.at(row)}", hint="give each row one", row=row)
    ranks = names.rank("dense").to_numpy().astype(np.int64)
    order = np.argsort(ranks, kind="stable")
    ends = np.flatnonzero(np.diff(ranks[order])) + 1
    groups = {names[int(rows[0])]: rows for rows in np.split(order, ends)}
    _check_symbol(table, symbol, groups)
    for name, rows in groups.items():
        if symbol in (None, name):
            yield name, rows


def _check_symbol(table: Table, symbol: str | None, known: Iterable[str]) -> None:
    names = list(known)
    if symbol is not None and symbol not in names:
        raise DataError(
            f"{symbol!r} is not in {table.name}", did_you_mean(symbol, names), found=symbol
        )
