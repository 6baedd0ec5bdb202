"""Two sources of one instrument, bar by bar: where they differ, what lags, which of them is off."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.data.findings import stamp_text
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_FEWEST = 30
_CLEARER = 0.05
_FARTHER = 2.0
_SHOWN = 3


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DataComparison:
    """How two sources of one instrument differ.

    Attributes
    ----------
    one, other : str
        What they are called.
    common : int
        Bars that both have, by their closing time.
    only_one, only_other : (K,) int64
        Closing times that the other source lacks within the time that both cover, UTC nanoseconds.
    time : (M,) int64
        Closing times of the common bars, UTC nanoseconds.
    bps : (M,) float64
        How far the other's close is above ours, in basis points.
    tolerance_bps : float
        What is agreed upon.
    lag : int or None
        By how many bars the other one runs behind, from the correlation of returns; negative where
        it runs ahead; None with fewer than 30 common returns, or where prices do not move.
    correlation : float
        Correlation of returns at that lag; NaN where ``lag`` is None.
    off_one, off_other, unclear : (K,) int64
        Closing times of bars that disagree, by which source lies off what both say around them.
    """

    one: str
    other: str
    common: int
    only_one: Ints
    only_other: Ints
    time: Ints
    bps: Floats
    tolerance_bps: float
    lag: int | None
    correlation: float
    off_one: Ints
    off_other: Ints
    unclear: Ints

    @property
    def agreement(self) -> float:
        """Share of the common bars whose closes agree; NaN where there are none."""
        if self.common == 0:
            return math.nan
        return float((np.abs(self.bps) <= self.tolerance_bps).mean())

    @property
    def median_bps(self) -> float:
        """Middle of the differences, which a constant bias moves; NaN without common bars."""
        return float(np.median(self.bps)) if self.common else math.nan

    @property
    def p95_bps(self) -> float:
        """Size of a difference that 95 % of the common bars stay below; NaN without them."""
        return float(np.quantile(np.abs(self.bps), 0.95)) if self.common else math.nan

    @property
    def worst(self) -> tuple[tuple[int, float], ...]:
        """The three largest differences: closing time, and basis points."""
        order = np.argsort(-np.abs(self.bps), kind="stable")[:_SHOWN]
        return tuple((int(self.time[k]), float(self.bps[k])) for k in order)

    def to_dict(self) -> dict[str, object]:
        """Give what ``--json`` prints; of the bars that are off, how many."""
        return {
            "one": self.one,
            "other": self.other,
            "common": self.common,
            "only_one": len(self.only_one),
            "only_other": len(self.only_other),
            "tolerance_bps": self.tolerance_bps,
            "agreement": self.agreement,
            "median_bps": self.median_bps,
            "p95_bps": self.p95_bps,
            "worst": [{"time": stamp_text(time), "bps": bps} for time, bps in self.worst],
            "lag": self.lag,
            "correlation": self.correlation,
            "off_one": len(self.off_one),
            "off_other": len(self.off_other),
            "unclear": len(self.unclear),
        }

    def __str__(self) -> str:
        absent = (len(self.only_one), len(self.only_other))
        lines = [
            repr(self),
            f"missing in {self.other}: {absent[0]:,}; in {self.one}: {absent[1]:,}",
        ]
        if self.common:
            far = [one for one in self.worst if abs(one[1]) > self.tolerance_bps] or self.worst[:1]
            worst = ", ".join(f"{bps:+.1f} at {stamp_text(time)}" for time, bps in far)
            lines.append(
                f"differences of closes in bps: median {self.median_bps:+.1f}, 95 % within "
                f"{self.p95_bps:.1f}, worst {worst}"
            )
        if self.lag:
            behind = self.other if self.lag > 0 else self.one
            bars = "1 bar" if abs(self.lag) == 1 else f"{abs(self.lag)} bars"
            lines.append(f"{behind} runs {bars} behind (correlation {self.correlation:.2f})")
        if len(self.off_one) + len(self.off_other) + len(self.unclear):
            lines.append(
                f"off what both say around it: {self.one} {len(self.off_one):,}, {self.other} "
                f"{len(self.off_other):,}, cannot be told {len(self.unclear):,}"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        share = f"{self.agreement:.2%}" if self.common else "none"
        return (
            f"DataComparison({self.one} and {self.other}: {self.common:,} common bars, {share} "
            f"within {self.tolerance_bps:g} bps)"
        )


def compare_data(
    one: Bars, other: Bars, *, tolerance_bps: float = 25.0, most_lag: int = 5
) -> DataComparison:
    """Compare two sources of one instrument: who misses what, who differs, who lags, who is off.

    A bar that disagrees is ascribed to the source that lies at least twice as far as the other
    from the median of both sources' closes before and after it. Where both lie equally far, such
    as in a constant bias, it cannot be told.

    Parameters
    ----------
    one, other : Bars
        Each with one instrument, of one interval.
    tolerance_bps : float
        Closes that are as near to each other agree; basis points.
    most_lag : int
        Bars by which one may run behind the other to be found.

    Raises
    ------
    DataError
        Several instruments, or two intervals.

    Examples
    --------
    >>> ours = Bars.from_arrays([100.0, 101.0, 102.0, 103.0], name="ours")
    >>> theirs = Bars.from_arrays([100.0, 101.0, 150.0, 103.0], name="theirs")
    >>> found = compare_data(ours, theirs)
    >>> found
    DataComparison(ours and theirs: 4 common bars, 75.00% within 25 bps)
    >>> len(found.off_one), len(found.off_other)
    (0, 1)
    """
    for bars in (one, other):
        if len(bars.instruments) != 1:
            raise DataError(
                f"{bars.name} has {len(bars.instruments)} instruments, and two sources of one are "
                "compared",
                hint="choose it with .select(symbol)",
            )
    if one.interval != other.interval:
        raise DataError(
            f"{one.name} has bars of {one.interval}, {other.name} of {other.interval}",
            hint="resample the finer ones",
        )
    sides = [(bars.time[real], bars.close[real, 0]) for bars in (one, other)
             for real in (np.flatnonzero(bars.tradable[:, 0]),)]  # fmt: skip
    (times, closes), (other_times, other_closes) = sides
    common, left, right = np.intersect1d(times, other_times, return_indices=True)
    ours, theirs = closes[left], other_closes[right]
    bps = (theirs / ours - 1) * 1e4
    lag, correlation = _lag(np.log(ours), np.log(theirs), most_lag)
    off = _who_is_off(np.log(ours), np.log(theirs), np.flatnonzero(np.abs(bps) > tolerance_bps))
    return DataComparison(
        one.name,
        other.name,
        len(common),
        _within(np.setdiff1d(times, other_times), other_times),
        _within(np.setdiff1d(other_times, times), times),
        common,
        bps,
        tolerance_bps,
        lag,
        correlation,
        *(common[rows] for rows in off),
    )


def _within(times: Ints, covered: Ints) -> Ints:
    """Times that lie in the span of others."""
    if len(covered) == 0:
        return times[:0]
    inside: Ints = times[(times >= covered[0]) & (times <= covered[-1])]
    return inside


def _lag(ours: Floats, theirs: Floats, most: int) -> tuple[int | None, float]:
    moves, others = np.diff(ours), np.diff(theirs)
    if len(moves) < max(_FEWEST, 2 * most + 2) or not (moves.any() and others.any()):
        return None, math.nan
    found = {}
    for lag in range(-most, most + 1):
        a = moves[max(0, -lag) : len(moves) - max(0, lag)]
        b = others[max(0, lag) : len(others) - max(0, -lag)]
        if a.std() > 0 and b.std() > 0:
            found[lag] = float(np.corrcoef(a, b)[0, 1])
    if not found:
        return None, math.nan
    best = max(found, key=lambda lag: (found[lag], -abs(lag)))
    if found[best] - found.get(0, -1.0) < _CLEARER:
        best = 0 if 0 in found else best
    return best, found[best]


def _who_is_off(ours: Floats, theirs: Floats, rows: Ints) -> tuple[Ints, Ints, Ints]:
    """Rows at which ours, theirs, or it cannot be told which, lies off what is around them."""
    if len(rows) == 0:
        return rows, rows, rows
    around = np.full((4, len(rows)), np.nan)
    for place, (side, step) in enumerate(((ours, -1), (theirs, -1), (ours, 1), (theirs, 1))):
        near = rows + step
        inside = (near >= 0) & (near < len(ours))
        around[place, inside] = side[near[inside]]
    known = ~np.isnan(around).all(axis=0)
    middle = np.full(len(rows), np.nan)
    middle[known] = np.nanmedian(around[:, known], axis=0)
    mine, other = np.abs(ours[rows] - middle), np.abs(theirs[rows] - middle)
    is_mine, is_other = mine > _FARTHER * other, other > _FARTHER * mine
    return rows[is_mine], rows[is_other], rows[~(is_mine | is_other)]
