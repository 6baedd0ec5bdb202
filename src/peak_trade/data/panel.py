"""Putting series side by side: the rows of a panel are the union of close times."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from peak_trade.data.normalise import Floats, Ints, Series
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import Interval
from peak_trade.domain.instrument import Instrument

Spans = Sequence[tuple[Ints, Ints]]


def build_bars(
    series: Sequence[Series],
    spans: Spans,
    instruments: Sequence[Instrument],
    *,
    interval: Interval,
    name: str,
    frame: Literal["polars", "pandas"] = "polars",
    idle: Sequence[Ints] = (),
) -> Bars:
    """Make bars of N checked series.

    A row in which an instrument has no bar carries its last close (open = high = low = close),
    volume 0, ``tradable`` False and an open one interval before the row; before its first bar the
    prices are NaN.

    Parameters
    ----------
    series : sequence of Series
        The N instruments' prices.
    spans : sequence of pairs of (K,) int64
        Opens and closes of their bars, UTC nanoseconds, ascending.
    instruments : sequence of Instrument
        The N columns.
    interval : Interval
        Nominal length of a bar.
    name : str
        Where the bars came from.
    frame : {"polars", "pandas"}
        The kind of frame that results are given back in.
    idle : sequence of (K,) int64
        Closes of rows without a bar, such as those that were filled in.
    """
    time = _union([*(closes for _, closes in spans), *idle])
    rows = [np.searchsorted(time, closes) for _, closes in spans]
    shape = (len(time), len(series))
    tradable = np.zeros(shape, dtype=np.bool_)
    for column, places in enumerate(rows):
        tradable[places, column] = True
    opened = np.repeat((time - interval.ns)[:, None], len(series), axis=1)
    for column, (begins, _) in enumerate(spans):
        opened[rows[column], column] = begins

    def spread(pick: Callable[[Series], Floats], filler: Floats) -> Floats:
        panel = filler.copy()
        for column, one in enumerate(series):
            panel[rows[column], column] = pick(one)
        return panel

    close = _carried(spread(lambda one: one.prices["close"], np.full(shape, np.nan)), tradable)
    is_close_only = ["open" not in one.prices for one in series]
    opens, highs, lows = (
        close
        if all(is_close_only)
        else spread(lambda one, side=side: one.prices.get(side, one.prices["close"]), close)  # type: ignore[misc]
        for side in ("open", "high", "low")
    )
    volume = spread(_volume, np.zeros(shape))
    return Bars(
        instruments=tuple(instruments),
        time=time,
        open_time=opened,
        open=opens,
        high=highs,
        low=lows,
        close=close,
        volume=volume,
        tradable=tradable,
        close_only=np.array(is_close_only),
        interval=interval,
        name=name,
        frame=frame,
    )


def _volume(series: Series) -> Floats:
    return np.full(len(series.rows), np.nan) if series.volume is None else series.volume


def _carried(close: Floats, tradable: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]") -> Floats:
    """Carry the last close of each column into the rows without a bar."""
    if tradable.all():
        return close
    last = np.where(tradable, np.arange(len(close))[:, None], 0)
    np.maximum.accumulate(last, axis=0, out=last)
    return np.take_along_axis(close, last, axis=0)


def _union(times: Sequence[Ints]) -> Ints:
    """All times, ascending, each once; most of a panel's instruments have the same."""
    first = times[0]
    others = [own for own in times[1:] if len(own) and not np.array_equal(own, first)]
    return np.unique(np.concatenate([first, *others])) if others else first
