"""Checks of what would break a backtest, in the terms of the file; nothing is repaired."""

import numpy as np

from peak_trade.data.faults import bad_bar, bad_price, bad_volume
from peak_trade.data.normalise import Floats, Ints, Series
from peak_trade.data.table import Table
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError


def validate(table: Table, series: Series) -> None:
    """Check the stamps and prices of one instrument.

    Raises
    ------
    DataError
        Duplicate or unsorted stamps; prices that are missing, not finite, zero or negative; a
        high below or a low above another price of its bar; a negative volume. The message names
        row and value.

    Examples
    --------
    >>> import polars as pl
    >>> from peak_trade.data.columns import find_columns
    >>> from peak_trade.data.normalise import normalise
    >>> from peak_trade.data.stamps import read_stamps
    >>> table = Table(pl.DataFrame({"time": [0, 60], "close": [1.0, -2.0]}), "frame", "asset")
    >>> (series,) = normalise(table, find_columns(table), read_stamps(table, "time"))
    >>> validate(table, series)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    peak_trade.domain.errors.DataError: close is -2.0 at row 1 of frame (asset, ...
    """
    _check_order(table, series)
    for name, values in series.prices.items():
        _check_price(table, series, name, values)
    if "open" in series.prices:
        _check_bars(table, series)
    if series.volume is not None:
        wrong = bad_volume(series.volume)
        if wrong.any():
            row = int(wrong.argmax())
            raise _fault(
                table,
                series,
                row,
                f"volume is {float(series.volume[row])}",
                "0 or more is expected",
            )


def check_spacing(
    table: Table, series: Series, opens: Ints, closes: Ints, *, interval: Interval
) -> None:
    """Check that no bar opens before the one before it has closed.

    Raises
    ------
    DataError
        Two bars that are closer together than ``interval``.
    """
    early = opens[1:] < closes[:-1]
    if early.any():
        row = int(early.argmax()) + 1
        gap = _length(int(series.stamps.utc[row] - series.stamps.utc[row - 1]))
        raise _fault(
            table, series, row, f"only {gap} after the row before",
            f"bars of {interval} are expected",
            hint="give another interval, or check the stamps; ticks are no bars",
        )  # fmt: skip


def _check_order(table: Table, series: Series) -> None:
    steps = np.diff(series.stamps.utc)
    if not (steps <= 0).any():
        return
    if (steps <= 0).all() and (steps < 0).any():
        hint = "the rows run from new to old: turn them round"
    else:
        hint = "sort the rows by time and keep one row a stamp"
    row = int((steps <= 0).argmax()) + 1
    back = int((steps < 0).argmax()) + 1
    if steps[row - 1] == 0:
        raise _fault(
            table, series, row, "duplicate stamp", "one row a stamp is expected", hint=hint
        )
    raise _fault(
        table, series, back, "unsorted stamps: earlier than the row before",
        "rising stamps are expected", hint=hint,
    )  # fmt: skip


def _check_price(table: Table, series: Series, name: str, values: Floats) -> None:
    wrong = bad_price(values)
    if wrong.any():
        row = int(wrong.argmax())
        value = float(values[row])
        found = f"{name} is missing (NaN)" if np.isnan(value) else f"{name} is {value}"
        raise _fault(table, series, row, found, "a price above zero is expected")


def _check_bars(table: Table, series: Series) -> None:
    o, h, lo, c = (series.prices[name] for name in ("open", "high", "low", "close"))
    wrong = bad_bar(o, h, lo, c)
    if wrong.any():
        row = int(wrong.argmax())
        shown = ", ".join(f"{name} {float(v[row])}" for name, v in series.prices.items())
        count = int(wrong.sum())
        more = f"; {count} such rows of {series.symbol}" if count > 1 else ""
        raise _fault(
            table, series, row, f"inconsistent bar: {shown}",
            f"low <= open and close <= high is expected{more}",
        )  # fmt: skip


def _fault(
    table: Table,
    series: Series,
    row: int,
    found: str,
    expected: str,
    *,
    hint: str = "mend or drop the row",
) -> DataError:
    stamp = _iso(int(series.stamps.utc[row]))
    at = int(series.rows[row])
    return DataError(
        f"{found} at {table.at(at)} ({series.symbol}, {stamp}): {expected}",
        hint=hint,
        row=at,
        symbol=series.symbol,
        time=stamp,
    )


def _iso(stamp: int) -> str:
    text = str(np.datetime64(stamp, "ns"))
    return text.rstrip("0").rstrip(".").removesuffix("T00:00:00")


def _length(ns: int) -> str:
    for size, unit in ((86_400_000_000_000, "d"), (3_600_000_000_000, "h"), (60_000_000_000, "m")):
        if ns >= size and ns % size == 0:
            return f"{ns // size}{unit}"
    return f"{ns / 1e9:g} s"
