"""Bars of several markets side by side: crypto, shares and currencies in one panel."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from peak_trade.data.normalise import Series
from peak_trade.data.panel import build_bars
from peak_trade.data.stamps import Stamps
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def panel(parts: Sequence[Bars], *, name: str = "") -> Bars:
    """Join bars of several sources into one panel, each bar in the row in which it closes.

    The rows are the union of all close times, so nothing is there before it was known. In a row in
    which an instrument has no bar of its own it carries its last close and is not tradable.
    Calendars and intervals may differ: ``interval`` of the result is the shortest, and a daily bar
    among minutes stands in the row of its close, with its own open time.

    Parameters
    ----------
    parts : sequence of Bars
        One or more, each with one or several instruments.
    name : str
        What to call the panel; the names of its parts where left out.

    Returns
    -------
    Bars
        (T, N), the instruments in the order of the parts. Features ride along with their last
        value known; of a part that does not have one NaN.

    Raises
    ------
    DataError
        No bars, or one symbol in two of them.

    Examples
    --------
    >>> hour = 3_600_000_000_000
    >>> crypto = Bars.from_arrays([1.0, 2.0, 3.0], interval="1h", instruments=["BTC/USD"])
    >>> share = Bars.from_arrays([50.0], interval="2h", instruments=["AAPL"], time=[2 * hour])
    >>> both = panel([crypto, share])
    >>> both.close[:, 1], both.tradable[:, 1], str(both.interval)
    (array([nan, 50., 50.]), array([False,  True, False]), '1h')
    """
    given: object = parts
    if isinstance(given, Bars) or not parts:
        raise DataError(
            "a panel is made of several bars, in a list", hint="write pt.panel([one, other])"
        )
    symbols = [symbol for part in parts for symbol in part.symbols]
    twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
    if twice:
        raise DataError(
            f"instrument {twice[0]!r} is in more than one of the bars of the panel",
            hint="leave one out, or load it under another symbol",
        )
    series, spans = [], []
    for part in parts:
        for column in range(len(part.instruments)):
            one, span = _series(part, column)
            series.append(one)
            spans.append(span)
    made = build_bars(
        series,
        spans,
        [instrument for part in parts for instrument in part.instruments],
        interval=min((part.interval for part in parts), key=lambda interval: interval.ns),
        name=name or " + ".join(part.name for part in parts),
        frame=parts[0].frame,
    )
    return replace(made, features=_features(parts, made.time))


def _series(part: Bars, column: int) -> tuple[Series, tuple[Ints, Ints]]:
    """The real bars of one instrument."""
    rows = np.flatnonzero(part.tradable[:, column])
    opens, closes = part.open_time[rows, column], part.time[rows]
    names = ("close",) if part.close_only[column] else ("open", "high", "low", "close")
    prices: dict[str, Floats] = {name: getattr(part, name)[rows, column] for name in names}
    stamps = Stamps(opens, opens, are_dates=False)
    volume = part.volume[rows, column]
    return Series(part.symbols[column], rows, stamps, prices, volume), (opens, closes)


def _features(parts: Sequence[Bars], time: Ints) -> dict[str, Floats]:
    names = dict.fromkeys(name for part in parts for name in part.features)
    return {name: _feature(name, parts, time) for name in names}


def _feature(name: str, parts: Sequence[Bars], time: Ints) -> Floats:
    """(T, N) values of a feature; NaN for the instruments of parts that do not have it."""
    if len(parts) == 1:
        return parts[0].features[name]
    columns = []
    for part in parts:
        found = _known(part, name, time) if name in part.features else np.full((1, 1), np.nan)
        columns.append(np.broadcast_to(found, (len(time), len(part.instruments))))
    return np.ascontiguousarray(np.concatenate(columns, axis=1))


def _known(part: Bars, name: str, time: Ints) -> Floats:
    """Values of a part's feature at other times: the last known, NaN before the first."""
    rows = np.searchsorted(part.time, time, side="right") - 1
    values = part.features[name]
    out = np.full((len(time), values.shape[1]), np.nan)
    out[rows >= 0] = values[rows[rows >= 0]]
    return out
