"""Coarse bars of fine ones, each known when it closes and not before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from peak_trade.data.buckets import ANCHORS, Anchor, Buckets, find_buckets
from peak_trade.data.normalise import Series
from peak_trade.data.panel import build_bars
from peak_trade.data.stamps import Stamps
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import ParameterError, did_you_mean

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PRESENT = "present"
"""Feature of resampled bars: the share of a bar's trading time that real fine bars cover."""


def resample(bars: Bars, interval: str | Interval, *, anchor: Anchor = "session") -> Bars:
    """Give the hours, days, weeks or months of finer bars, each whole and known at its close.

    A coarse bar opens with its first real fine bar's price and closes with its last one's; high
    and low are the extremes, volumes add up (and are not known where one of them is not). Rows
    that were filled in count for nothing. A coarse bar without any real fine bar is not there; one
    with gaps is, and its feature ``present`` says how much of its trading time was seen. Its close
    is the end of its time, such as the end of the session, and not the close of the last fine bar.
    The last bar is left out where the bars end before it does.

    Parameters
    ----------
    bars : Bars
        (T, N); each instrument by its own calendar.
    interval : str or Interval
        Length of a coarse bar, at least that of ``bars``; ``bars`` themselves where it is equal.
    anchor : {"session", "utc"}
        What coarse bars are counted from. ``session``: the sessions of each instrument's calendar,
        whose days run from open to close, early closes included; bars outside them are left out.
        Foreign exchange (``24/5``) has days that end at 17:00 in New York; what never closes, and
        bars stamped with dates, have those of UTC. ``utc``: by the clock alone, everything counts.

    Returns
    -------
    Bars
        (M, N), M the union of the coarse bars' closes. Features ride along with their last value
        known at each close, and with ``present`` (M, N): fractions, 0 where there is no real bar.

    Raises
    ------
    ParameterError
        An interval that is not known, or shorter than that of ``bars``; several trading days.
    DataError
        A fine bar that lies across the end of a coarse one; a stock exchange without the extra
        ``calendars``.

    Examples
    --------
    >>> minutes = Bars.from_arrays([1.0, 3.0, 2.0, 4.0, 5.0], interval="30m", volume=[1.0] * 5)
    >>> hours = resample(minutes, "1h")
    >>> print(hours.time.astype("datetime64[ns]").astype("datetime64[m]"))
    ['1970-01-01T01:00' '1970-01-01T02:00']
    >>> hours.close.ravel(), hours.volume.ravel()
    (array([3., 4.]), array([2., 2.]))
    """
    step = interval if isinstance(interval, Interval) else Interval.parse(interval)
    if anchor not in ANCHORS:
        raise ParameterError(f"anchor {anchor!r} is not known", did_you_mean(anchor, ANCHORS))
    if step == bars.interval:
        return bars
    if step.ns < bars.interval.ns:
        raise ParameterError(
            f"bars of {step} cannot be made of {bars.name}, whose bars are {bars.interval}",
            hint="ask for a longer interval",
        )
    end = int(bars.time[-1]) if len(bars) else 0
    columns = [_coarse(bars, k, step, anchor=anchor, end=end) for k in range(len(bars.instruments))]
    made = build_bars(
        [one.series for one in columns],
        [(one.opens, one.closes) for one in columns],
        bars.instruments,
        interval=step,
        name=f"{bars.name} in {step}",
        frame=bars.frame,
    )
    rows = np.searchsorted(bars.time, made.time, side="right") - 1
    features = {name: values[rows] for name, values in bars.features.items() if name != PRESENT}
    return replace(made, features={**features, PRESENT: _spread(made, columns)})


@dataclass(frozen=True, slots=True, eq=False)
class _Coarse:
    """The coarse bars of one instrument."""

    series: Series
    opens: Ints
    closes: Ints
    present: Floats


def _coarse(bars: Bars, column: int, step: Interval, *, anchor: Anchor, end: int) -> _Coarse:
    rows = np.flatnonzero(bars.tradable[:, column])
    opens, closes = bars.open_time[rows, column], bars.time[rows]
    name = f"{bars.symbols[column]} of {bars.name}"
    calendar = bars.instruments[column].calendar
    found = find_buckets(opens, closes, interval=step, calendar=calendar, anchor=anchor, name=name)
    kept = np.flatnonzero(found.inside & (found.closes <= end))
    rows, ends = rows[kept], found.closes[kept]
    starts = np.flatnonzero(np.diff(ends, prepend=ends[:1] - 1))
    series = Series(
        bars.symbols[column],
        np.arange(len(starts)),
        Stamps(found.opens[kept][starts], found.opens[kept][starts], are_dates=False),
        _prices(bars, column, rows, starts),
        _reduced(np.add, bars.volume[rows, column], starts),
    )
    spans = found.opens[kept][starts], ends[starts]
    lengths = (closes - opens)[kept].astype(np.float64)
    return _Coarse(series, *spans, _share(bars, column, rows, starts, found, spans, lengths))


def _prices(bars: Bars, column: int, rows: Ints, starts: Ints) -> dict[str, Floats]:
    lasts = np.append(starts[1:], len(rows))[: len(starts)] - 1
    prices = {"close": bars.close[rows[lasts], column]}
    if not bars.close_only[column]:
        prices["open"] = bars.open[rows[starts], column]
        prices["high"] = _reduced(np.maximum, bars.high[rows, column], starts)
        prices["low"] = _reduced(np.minimum, bars.low[rows, column], starts)
    return prices


def _share(
    bars: Bars,
    column: int,
    rows: Ints,
    starts: Ints,
    found: Buckets,
    spans: tuple[Ints, Ints],
    lengths: Floats,
) -> Floats:
    """Share of each coarse bar's trading time that real fine bars cover."""
    before = bars.features.get(PRESENT)
    if before is not None:
        lengths = lengths * before[rows, min(column, before.shape[1] - 1)]
    expected = found.length(*spans)
    covered = _reduced(np.add, lengths, starts)
    share = np.divide(covered, expected, out=np.ones_like(covered), where=expected > 0)
    return np.minimum(share, 1.0)


def _reduced(function: np.ufunc, values: Floats, starts: Ints) -> Floats:
    """One value a coarse bar; ``starts`` are the places of each one's first fine bar."""
    return np.asarray(function.reduceat(values, starts)) if len(starts) else values[:0]


def _spread(made: Bars, columns: Sequence[_Coarse]) -> Floats:
    values = np.zeros(made.close.shape)
    for column, one in enumerate(columns):
        values[np.searchsorted(made.time, one.closes), column] = one.present
    return values
