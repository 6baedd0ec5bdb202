"""Arrays that a caller hands in, read as the columns and stamps of bars."""

import numpy as np
import numpy.typing as npt

from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def columns_of(
    values: npt.ArrayLike, column: str, name: str, shape: tuple[int, ...] | None = None
) -> Floats:
    """Read a (T,) or (T, N) array of numbers as (T, N) float64 that nobody else can change.

    Raises
    ------
    DataError
        Values that are no numbers, or a shape other than ``shape`` (that of close).

    Examples
    --------
    >>> columns_of([1, 2], "close", "arrays")
    array([[1.],
           [2.]])
    """
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{column} of {name} is no array of numbers: {error}",
            hint="give one number a row, or one column an instrument",
        ) from None
    array = _own(values, array[:, None] if array.ndim == 1 else array)
    if array.ndim != 2 or (shape is not None and array.shape != shape):
        wanted = "(rows,) or (rows, instruments)" if shape is None else f"{shape}, that of close"
        raise DataError(
            f"{column} of {name} has shape {array.shape}, expected {wanted}",
            hint="give every column one value per row and instrument",
        )
    return array


def _own(given: object, array: Floats) -> Floats:
    """The array, or a copy where someone else could write to its memory."""
    is_fresh = isinstance(given, list | tuple) or (
        isinstance(given, np.ndarray) and not np.may_share_memory(given, array)
    )
    if is_fresh:
        return array
    owner: object = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return array.copy()
        owner = owner.base
    return array


def default_stamps(rows: int, step: Interval, name: str) -> Ints:
    """Give (T,) close stamps one interval apart from 1970 on, UTC nanoseconds.

    Raises
    ------
    DataError
        More rows than nanoseconds of int64 can count.

    Examples
    --------
    >>> default_stamps(2, Interval.parse("1s"), "arrays")
    array([1000000000, 2000000000])
    """
    if rows * step.ns > np.iinfo(np.int64).max:
        raise DataError(
            f"{rows:,} rows of {step} from 1970 on end after 2262, where nanoseconds end ({name})",
            hint="give the close stamps as time, or a shorter interval",
            rows=rows,
        )
    return (np.arange(rows, dtype=np.int64) + 1) * step.ns


def stamps_of(values: npt.ArrayLike, column: str, name: str) -> Ints:
    """Read (T,) or (T, N) stamps as UTC nanoseconds: whole numbers, or datetimes of any unit.

    Raises
    ------
    DataError
        Missing stamps, and values that are neither.

    Examples
    --------
    >>> stamps_of(np.array(["1970-01-02"], dtype="datetime64[D]"), "time", "arrays")
    array([86400000000000])
    """
    array = np.asarray(values)
    if array.dtype.kind == "O":  # pandas stamps with a time zone
        array = _datetimes(values, array)
    if array.dtype.kind == "M" and not np.isnat(array).any():
        return np.ascontiguousarray(array.astype("datetime64[ns]").astype(np.int64))
    if array.dtype.kind in "iu" or not array.size:
        stamps = np.ascontiguousarray(array, dtype=np.int64)
        return stamps.copy() if np.may_share_memory(stamps, array) else stamps
    found = "missing stamps" if array.dtype.kind == "M" else f"values of {array.dtype}"
    raise DataError(
        f"{column} of {name} holds {found}, expected int64 UTC nanoseconds or datetimes",
        hint="give numpy datetime64 or whole nanoseconds since 1970",
    )


def _datetimes(values: npt.ArrayLike, array: npt.NDArray[np.object_]) -> npt.NDArray[np.generic]:
    try:
        return np.asarray(values, dtype="datetime64[ns]")
    except (TypeError, ValueError):
        return array


def carried(prices: dict[str, Floats], real: Bools) -> dict[str, Floats]:
    """The columns with the last close, and no volume, in the rows that are not real bars."""
    if real.all():
        return prices
    last = np.where(real, np.arange(len(real))[:, None], 0)
    np.maximum.accumulate(last, axis=0, out=last)
    seen = np.logical_or.accumulate(real, axis=0)
    close = np.where(seen, np.take_along_axis(prices["close"], last, axis=0), np.nan)
    filler = {"volume": np.zeros_like(close)}
    return {
        column: (
            close
            if values is prices["close"]
            else np.where(real, values, filler.get(column, close))
        )
        for column, values in prices.items()
    }
