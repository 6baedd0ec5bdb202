"""What an indicator is given, one contiguous column an instrument at a time."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Source = Bars | npt.NDArray[np.float64]
Fill = Callable[[Floats, Floats], None]
"""Reads a column of T prices and writes T values."""

Prices = tuple[Floats, Floats, Floats]
"""High, low and close of one instrument's real bars."""


def window_rows(name: str, n: object) -> int:
    """The window n of an indicator as an int.

    Raises
    ------
    ParameterError
        Anything but a whole number of at least 1.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ParameterError(
            f"n {n!r} of {name} is not a whole number of at least 1",
            hint="n counts rows",
            n=n,
        )
    return int(n)


def check_bars(name: str, bars: object, reason: str) -> None:
    """Refuse an array where an indicator needs more than one price a row.

    Raises
    ------
    ParameterError
        Anything but bars.
    """
    if not isinstance(bars, Bars):
        raise ParameterError(f"{name} takes bars, not an array", hint=reason)


def applied(key: tuple[str | int, ...], source: Source, needs: int, fill: Fill) -> Floats:
    """Fill every column of bars or of an array; what is made of bars is remembered under the key.

    Fewer rows than the indicator ``needs`` give NaN throughout.
    """
    if isinstance(source, Bars):
        bars = source
        return bars.memory.recall(key, lambda: filled(by_instrument(bars), needs, fill))
    return of_array(str(key[0]), source, needs, fill)


def of_array(name: str, source: Floats, needs: int, fill: Fill) -> Floats:
    """Fill every column of an array, and give the array's own shape."""
    array = as_array(name, source)
    return filled(transposed(array), needs, fill).reshape(array.shape)


def as_array(name: str, source: npt.ArrayLike) -> Floats:
    """Read a (T,) or (T, N) array of numbers.

    Raises
    ------
    ParameterError
        An array of other dimensions.
    """
    array = np.ascontiguousarray(source, dtype=np.float64)
    if np.ndim(source) not in (1, 2):
        raise ParameterError(
            f"{name} found an array of {np.ndim(source)} dimensions, expected bars, (T,) or (T, N)",
            hint="rows go down, instruments across",
        )
    return array


def transposed(array: Floats) -> Floats:
    """An array with one contiguous row an instrument, (N, T), read-only: kernels are compiled for that."""
    rows = np.ascontiguousarray(np.atleast_2d(array.T)).view()
    rows.flags.writeable = False
    return rows


def by_instrument(bars: Bars) -> Floats:
    """The closes with one row an instrument, (N, T), remembered where there are several."""
    if len(bars.instruments) == 1:
        return transposed(bars.close)
    return bars.memory.recall("close by instrument", lambda: transposed(bars.close))


def filled(columns: Floats, needs: int, fill: Fill) -> Floats:
    """Fill each of (N, T) columns, and give them as (T, N)."""
    width, rows = columns.shape
    if rows < needs:
        return np.full((rows, width), np.nan)
    out = np.empty((width, rows))
    for values, result in zip(columns, out, strict=True):
        fill(values, result)
    return out.reshape(rows, 1) if width == 1 else np.ascontiguousarray(out.T)


def of_real_bars(bars: Bars, fill: Callable[[Prices, Floats], None]) -> Floats:
    """Measure high, low and close of each instrument's real bars; filled rows keep the last value."""
    out = np.full(bars.close.shape, np.nan)
    for column in range(len(bars.instruments)):
        real = bars.tradable[:, column]
        found = np.full(int(np.count_nonzero(real)), np.nan)
        if len(found) == 0:
            continue
        high, low, close = (_column(x, column, real) for x in (bars.high, bars.low, bars.close))
        fill((high, low, close), found)
        if len(found) == len(real):
            out[:, column] = found
        else:
            count = np.cumsum(real)
            out[:, column] = np.where(count > 0, found[count - 1], np.nan)
    return out


def _column(prices: Floats, column: int, real: Bools) -> Floats:
    chosen = prices[:, column] if real.all() else prices[real, column]
    values = np.ascontiguousarray(chosen).view()
    values.flags.writeable = False
    return values
