"""Values as they were known: at each close the last one that was out by then and is not too old."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError, ParameterError

if TYPE_CHECKING:
    import polars as pl

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def joined(bars: Bars, rows: "pl.DataFrame", *, ttl: str | int | None = None) -> Floats:
    """Join values to bars point in time: at each close the one in force then.

    In force at a close is, of the values that were known by then (``known_ns`` at or before the
    close), the one of the latest event (``time_ns``), and of several of that event the one known
    last: a revision of an old event never hides a newer one. It counts while its age, the time since
    it was known, is at most ``ttl``.

    Parameters
    ----------
    bars : Bars
    rows : polars.DataFrame
        Columns ``time_ns``, ``known_ns`` and ``value``, in any order.
    ttl : str or int, optional
        Largest age, such as ``60d``, or nanoseconds; without one any age counts.

    Returns
    -------
    (T,) float64
        NaN where nothing is in force.

    Raises
    ------
    DataError
        Rows without those columns, or with missing values in the times.
    ParameterError
        A time to live that is none.

    Examples
    --------
    >>> import polars as pl
    >>> bars = Bars.from_arrays(
    ...     [1.0, 1.0, 1.0, 1.0], time=[10, 20, 30, 40], open_time=[0, 10, 20, 30]
    ... )
    >>> rows = pl.DataFrame({"time_ns": [0, 5], "known_ns": [12, 30], "value": [1.5, 1.6]})
    >>> joined(bars, rows), joined(bars, rows, ttl=9)
    (array([nan, 1.5, 1.6, 1.6]), array([nan, 1.5, 1.6, nan]))
    """
    for name in ("time_ns", "known_ns", "value"):
        if name not in rows.columns:
            raise DataError(
                f"rows to join have no column {name!r}: {', '.join(rows.columns) or 'none'}",
                hint="give time_ns, known_ns and value",
            )
        if name != "value" and rows[name].null_count():
            raise DataError(f"{name} of rows to join is missing", hint="leave such rows out")
    return in_force(
        bars.time,
        rows["time_ns"].to_numpy().astype(np.int64),
        rows["known_ns"].to_numpy().astype(np.int64),
        rows["value"].fill_null(np.nan).to_numpy().astype(np.float64),
        live_ns=ttl if isinstance(ttl, int) else ttl_ns(ttl or ""),
    )


def in_force(
    closes: Ints, times: Ints, known: Ints, values: Floats, *, live_ns: int | None = None
) -> Floats:
    """The value in force at each close; see :func:`joined`.

    Parameters
    ----------
    closes : (T,) int64
        UTC nanoseconds.
    times, known : (K,) int64
        When what was measured happened, and when that was known, UTC nanoseconds.
    values : (K,) float64
    live_ns : int, optional
        Largest age in nanoseconds.
    """
    if live_ns is not None and live_ns < 0:
        raise ParameterError(f"time to live {live_ns} is below 0", hint="give a length of time")
    place, released = _places(closes, times, known)
    found = np.where(
        place >= 0, values[released][np.maximum(place, 0)] if len(released) else 0, np.nan
    )
    if live_ns is not None and len(released):
        found = np.where(closes - known[released][np.maximum(place, 0)] <= live_ns, found, np.nan)
    return found


def ages(closes: Ints, times: Ints, known: Ints) -> Floats:
    """Nanoseconds since the value in force at each close was known; NaN where there is none."""
    place, released = _places(closes, times, known)
    if not len(released):
        return np.full(len(closes), np.nan)
    return np.where(place >= 0, closes - known[released][np.maximum(place, 0)], np.nan)


def _places(closes: Ints, times: Ints, known: Ints) -> tuple[Ints, Ints]:
    """At each close which of the releases is in force, -1 for none; and the rows of the releases."""
    order = np.lexsort((times, known))
    latest = np.maximum.accumulate(times[order]) if len(order) else times
    released = order[times[order] >= latest]  # no release is of an older event than one before it
    place = np.searchsorted(known[released], closes, side="right") - 1
    return place.astype(np.int64), released


def ttl_ns(text: str) -> int | None:
    """A time to live in nanoseconds; None where the text is empty.

    Raises
    ------
    ParameterError
        A text that is no length of time.

    Examples
    --------
    >>> ttl_ns("60d") == 60 * 86_400_000_000_000, ttl_ns("")
    (True, None)
    """
    return Interval.parse(text).ns if text else None
