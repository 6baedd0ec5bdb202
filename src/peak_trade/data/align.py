"""Bars of several intervals side by side: at each row what was known by then."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from peak_trade.data.buckets import Anchor
from peak_trade.data.resample import resample
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError
from peak_trade.domain.memory import Memory

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """Coarse bars beside fine ones, and at each fine row the last coarse row known by then.

    Attributes
    ----------
    fine, bars : Bars
        (T, N) the fine bars, (M, K) the coarse ones.
    rows : (T,) int64
        At each fine row the last coarse row that had closed; -1 where none had.

    Examples
    --------
    >>> fine = Bars.from_arrays([1.0, 3.0, 2.0, 4.0, 5.0], interval="30m")
    >>> hourly = at_interval(fine, "1h")
    >>> hourly.rows
    array([-1,  0,  0,  1,  1])
    >>> hourly.spread(hourly.bars.close).ravel()
    array([nan,  3.,  3.,  4.,  4.])
    """

    fine: Bars
    bars: Bars
    rows: Ints

    def spread(self, values: npt.ArrayLike) -> Floats:
        """Give at each fine row the coarse value that was known by then.

        Parameters
        ----------
        values : (M,) or (M, K) array
            One row for each coarse bar, such as an indicator of ``bars``.

        Returns
        -------
        (T,) or (T, K) float64
            NaN before the first coarse bar has closed.

        Raises
        ------
        DataError
            Values with another number of rows.
        """
        given = np.asarray(values, dtype=np.float64)
        if given.ndim not in (1, 2) or len(given) != len(self.bars):
            raise DataError(
                f"values of the shape {given.shape} are not one row for each of the "
                f"{len(self.bars)} rows of {self.bars.name}",
                hint="compute them from the coarse bars, .bars",
            )
        out = np.full((len(self.rows), *given.shape[1:]), np.nan)
        first = int(np.searchsorted(self.rows, 0))
        out[first:] = given[self.rows[first:]]
        return out

    def with_features(self, values: Mapping[str, npt.ArrayLike]) -> Bars:
        """Give the fine bars with coarse values riding along as features, by name.

        Parameters
        ----------
        values : mapping of str to (M,), (M, 1) or (M, N) array
            Coarse values; each becomes what :meth:`spread` gives.

        Raises
        ------
        DataError
            Values of another shape, or a name that the fine bars have already.
        """
        features = dict(self.fine.features)
        for name, given in values.items():
            if name in features:
                raise DataError(
                    f"feature {name!r} is in {self.fine.name} already", hint="give it another name"
                )
            found = self.spread(given)
            features[name] = found[:, None] if found.ndim == 1 else found
            if features[name].shape[1] not in (1, len(self.fine.instruments)):
                raise DataError(
                    f"feature {name!r} has {found.shape[1]} columns for the "
                    f"{len(self.fine.instruments)} instruments of {self.fine.name}",
                    hint="give one column, or one for each instrument",
                )
        return replace(self.fine, features=features, memory=Memory())


def align(fine: Bars, coarse: Bars) -> Aligned:
    """Set bars beside others, so that at each fine row the last closed coarse row is known.

    A coarse bar is known from the fine row on whose close is at or after its own: one that closes
    at the very moment of a fine row is known in it, as the fine bar itself is.

    Parameters
    ----------
    fine : Bars
        (T, N), the rows that a strategy trades on.
    coarse : Bars
        (M, K), such as stored days, or another market; longer or shorter bars.

    Examples
    --------
    >>> fine = Bars.from_arrays(
    ...     [1.0, 2.0, 3.0], time=[60, 120, 180], interval="1s", open_time=[0, 60, 120]
    ... )
    >>> other = Bars.from_arrays([7.0, 8.0], time=[120, 200], interval="1s", open_time=[0, 120])
    >>> align(fine, other).spread(other.close).ravel()
    array([nan,  7.,  7.])
    """
    return Aligned(fine, coarse, np.searchsorted(coarse.time, fine.time, side="right") - 1)


def at_interval(bars: Bars, interval: str | Interval, *, anchor: Anchor = "session") -> Aligned:
    """Give the days (or hours, weeks, ...) of bars, for use inside a strategy's ``targets``.

    The coarse bars are made by :func:`peak_trade.data.resample.resample` from the bars themselves;
    row t of what is spread depends on rows up to t alone, so a strategy that uses it is causal. The
    result is remembered with the bars, so that a sweep makes it once.

    Parameters
    ----------
    bars : Bars
        (T, N), as ``targets`` is given them.
    interval : str or Interval
        Length of the coarse bars.
    anchor : {"session", "utc"}
        What they are counted from.

    Raises
    ------
    ParameterError, DataError
        As for ``resample``.

    Examples
    --------
    >>> minutes = Bars.from_arrays(np.arange(1.0, 2882.0), interval="1m")
    >>> daily = at_interval(minutes, "1d")
    >>> len(daily.bars), daily.spread(daily.bars.close)[[1438, 1439, 2880]].ravel()
    (2, array([  nan, 1440., 2880.]))
    """
    step = interval if isinstance(interval, Interval) else Interval.parse(interval)

    def made() -> tuple[Bars, Ints]:
        coarse = resample(bars, step, anchor=anchor)
        return coarse, align(bars, coarse).rows

    return Aligned(bars, *bars.memory.keep(("at_interval", str(step), anchor), made))
