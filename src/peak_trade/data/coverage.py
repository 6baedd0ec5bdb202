"""How much of each month is there: coverage of series, and a picture of it in shades."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.data.sessions import Sessions
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHADES = ((0.995, "█"), (0.9, "▓"), (0.5, "▒"), (0.0, "░"))
"""The least share of a period, above the last one, that each shade stands for."""

LEGEND = "█ all  ▓ 90 %  ▒ half  ░ less  · nothing  ? not known"

_PERIODS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True, eq=False)
class Covered:
    """The bars of one series, as far as coverage asks.

    Attributes
    ----------
    name : str
        What the series is called.
    opens, closes : (K,) int64
        Of its real bars, ascending, UTC nanoseconds.
    interval : Interval
        Length of a bar.
    calendar : str
        When it trades.
    """

    name: str
    opens: Ints
    closes: Ints
    interval: Interval
    calendar: str


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """How much of each period is there, for S series over P periods.

    Attributes
    ----------
    names : tuple of str
        The series.
    period : {"month", "quarter", "year"}
        What a column is.
    periods : tuple of str
        The columns, such as ``2024-03``, ``2024-Q1`` or ``2024``.
    bars : (S, P) int64
        Bars that open in each.
    share : (S, P) float64
        Trading time that bars cover, as a fraction; NaN where the calendar is not known, or a
        period has no trading time.
    """

    names: tuple[str, ...]
    period: str
    periods: tuple[str, ...]
    bars: Ints
    share: Floats

    def shades(self) -> tuple[str, ...]:
        """One character a period, one text a series; :data:`LEGEND` says what they stand for."""
        return tuple(
            "".join(_shade(int(n), float(x)) for n, x in zip(*row, strict=True))
            for row in zip(self.bars, self.share, strict=True)
        )

    def __str__(self) -> str:
        if not self.periods:
            return "no bars"
        width = max(len(name) for name in self.names)
        lines = [f"{' ' * width}  {self._scale()}"]
        rows = zip(self.names, self.shades(), strict=True)
        lines += [f"{name:<{width}}  {shades}" for name, shades in rows]
        return "\n".join([*lines, LEGEND])

    def _scale(self) -> str:
        """Years where they begin."""
        marks = [" "] * len(self.periods)
        last = -9
        for place, period in enumerate(self.periods):
            is_new = place == 0 or period[:4] != self.periods[place - 1][:4]
            if is_new and place - last >= 5:
                marks[place : place + 4] = list(period[:4])
                last = place
        return "".join(marks).rstrip()

    def to_dict(self) -> dict[str, object]:
        """Give what ``--json`` prints."""
        return {
            "period": self.period,
            "periods": list(self.periods),
            "series": [
                {"name": name, "bars": bars.tolist(), "share": share.tolist()}
                for name, bars, share in zip(self.names, self.bars, self.share, strict=True)
            ],
        }


def coverage(
    series: Sequence[Covered], *, until_ns: int | None = None, columns: int = 60
) -> Coverage:
    """Give how much of each month, or of longer periods where there are many, is there.

    A month counts from its begin to its end, in trading time of each series' calendar; the last
    one to ``until_ns``, where that is given.

    Parameters
    ----------
    series : sequence of Covered
        What is looked at.
    until_ns : int, optional
        Now, UTC nanoseconds; the end of the last period where left out.
    columns : int
        Periods become quarters, then years, to be no more than these, as far as that goes.

    Examples
    --------
    >>> day = 86_400_000_000_000
    >>> opens = np.array([0, 1, 2, 31]) * day
    >>> days = Covered("X", opens, opens + day, Interval.parse("1d"), "24/7")
    >>> found = coverage([days], until_ns=32 * day)
    >>> found.periods, found.share.round(2).tolist(), found.shades()
    (('1970-01', '1970-02'), [[0.1, 1.0]], ('░█',))
    """
    held = [one for one in series if len(one.opens)]
    names = tuple(one.name for one in series)
    if not held:
        empty = np.zeros((len(series), 0))
        return Coverage(names, "month", (), empty.astype(np.int64), empty)
    first = min(_month(int(one.opens[0])) for one in held)
    last = max(_month(int(one.closes[-1]) - 1) for one in held)
    period = next(
        (name for name, size in _PERIODS.items() if last // size - first // size < columns), "year"
    )
    size = _PERIODS[period]
    starts = np.arange(first // size * size, last + 1, size)
    edges = _ns(np.append(starts, starts[-1] + size))
    if until_ns is not None:
        edges[-1] = min(int(edges[-1]), max(until_ns, *(int(one.closes[-1]) for one in held)))
    counts = np.zeros((len(series), len(starts)), dtype=np.int64)
    share = np.zeros(counts.shape)
    for row, one in enumerate(series):
        counts[row] = np.diff(np.searchsorted(one.opens, edges))
        if len(one.opens):
            share[row] = _share(one, edges, counts[row])
    return Coverage(names, period, tuple(_named(int(k), period) for k in starts), counts, share)


def _share(one: Covered, edges: Ints, counts: Ints) -> Floats:
    """Share of the trading time between edges that bars cover."""
    unit = one.interval.unit
    if unit in ("w", "mo", "y"):
        expected = np.diff(edges).astype(np.float64)
        covered = np.diff(_covered_before(one, edges))
    else:
        try:
            sessions = Sessions.of(one.calendar, int(edges[0]), int(edges[-1]), daily=unit == "d")
        except DataError:  # the calendar's extra is not installed
            return np.full(len(counts), np.nan)
        if unit == "d":
            expected = np.diff(np.searchsorted(sessions.day_closes, edges, side="right")) / (
                one.interval.count
            )
            covered = counts.astype(np.float64)
        else:
            expected = np.diff(sessions.traded(edges)).astype(np.float64)
            covered = np.diff(_covered_before(one, edges))
    share = np.full(len(counts), np.nan)
    np.divide(covered, expected, out=share, where=expected > 0)
    return np.asarray(np.minimum(share, 1.0))


def _covered_before(one: Covered, times: Ints) -> Floats:
    """Time that bars cover before each of ``times``, nanoseconds."""
    lengths = np.maximum(one.closes - one.opens, 0)
    before = np.concatenate(([0], np.cumsum(lengths)))
    place = np.searchsorted(one.opens, times, side="right") - 1
    inside = np.clip(times - one.opens[place], 0, lengths[place])
    return np.where(place < 0, 0, before[np.maximum(place, 0)] + inside).astype(np.float64)


def _shade(bars: int, share: float) -> str:
    if bars == 0 and not share > 0:
        return "·"
    if np.isnan(share):
        return "?"
    return next((shade for least, shade in SHADES if share >= least), "·")


def _month(stamp_ns: int) -> int:
    return int(np.datetime64(stamp_ns, "ns").astype("datetime64[M]").astype(np.int64))


def _ns(months: Ints) -> Ints:
    stamps: Ints = months.astype("datetime64[M]").astype("datetime64[ns]").astype(np.int64)
    return stamps


def _named(month: int, period: str) -> str:
    year, place = 1970 + month // 12, month % 12
    if period == "month":
        return f"{year}-{place + 1:02d}"
    return f"{year}-Q{place // 3 + 1}" if period == "quarter" else f"{year}"
