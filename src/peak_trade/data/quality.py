"""How good a series is, in one number and the parts that it is made of."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from peak_trade.data.agreement import DataComparison, compare_data
from peak_trade.data.check import check_data
from peak_trade.data.findings import DataReport
from peak_trade.data.sessions import Sessions
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import DAY_NS, Interval
from peak_trade.domain.errors import DataError

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"completeness": 3.0, "validity": 3.0, "consistency": 2.0, "freshness": 1.0, "agreement": 1.0}
)
"""What each part counts in the score."""

BAD_COST, SUSPECT_COST = 10.0, 5.0
"""Points that each percent of broken, and of suspect, bars costs its part."""

FRESH_BARS = 2.0
"""Age of the newest bar, in bars of trading time, up to which a series is fresh."""

LEAST_FRESHNESS = 10.0
"""What freshness is worth at least: old bars may be good ones."""

_BROKEN = ("unsorted", "duplicate", "conflict", "price", "inconsistent", "volume")
_SUSPECT = ("overlap", "split", "spike", "wick", "repeated", "stale")


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """How good one series is.

    Attributes
    ----------
    name : str
        What it is called.
    rows : int
        Its real bars.
    missing : int
        Bars that are missing in trading hours between the first and the last.
    parts : mapping of str to float
        Completeness, validity, consistency, freshness and agreement from 0 to 100; NaN for what
        was not looked at.
    report : DataReport
        What was found.

    Examples
    --------
    >>> clean = Quality("X", 100, 0, {"completeness": 100.0, "validity": 25.0}, None)
    >>> round(clean.score, 1)
    50.0
    """

    name: str
    rows: int
    missing: int
    parts: Mapping[str, float]
    report: DataReport | None

    @property
    def score(self) -> float:
        """From 0 to 100: the weighted geometric mean of the parts that are known; 0 without bars.

        One part that is worth nothing therefore makes the whole worth nothing.
        """
        known = {name: value for name, value in self.parts.items() if not math.isnan(value)}
        if not known or self.rows == 0 or min(known.values()) <= 0:
            return 0.0
        total = sum(WEIGHTS[name] for name in known)
        logs = sum(WEIGHTS[name] * math.log(value) for name, value in known.items())
        return math.exp(logs / total)

    def to_dict(self) -> dict[str, object]:
        """Give what ``--json`` prints."""
        return {
            "name": self.name,
            "score": self.score,
            "rows": self.rows,
            "missing": self.missing,
            **{name: self.parts.get(name, math.nan) for name in WEIGHTS},
            "report": None if self.report is None else self.report.to_dict(),
        }

    def __str__(self) -> str:
        shown = ", ".join(
            f"{name} {value:.0f}"
            for name in WEIGHTS
            if not math.isnan(value := self.parts.get(name, math.nan))
        )
        return f"{self.name}: {self.score:.0f} of 100 ({shown})"


def data_quality(
    bars: Bars,
    *,
    now_ns: int | None = None,
    other: Bars | None = None,
    calendar: str | None = None,
) -> tuple[Quality, ...]:
    """Score the bars of each instrument from 0 to 100, with the parts of the score.

    ============  =======================================================================
    Part          100 less what is wrong
    ============  =======================================================================
    completeness  share of the bars of trading hours, first to last, that are there; bars
                  that were filled in are not
    validity      each percent of bars that loading would refuse costs 10
    consistency   each percent of suspect bars (far moves that reverted, split-like jumps,
                  far wicks, repeated and stale bars, overlaps) costs 5
    freshness     100 up to an age of 2 bars of trading time, then 100 times 2 over the age,
                  at least 10
    agreement     share of the bars common with another source whose closes agree
    ============  =======================================================================

    Bars without volume cost nothing: in a thin market they are true.

    Parameters
    ----------
    bars : Bars
        (T, N).
    now_ns : int, optional
        Now, UTC nanoseconds; freshness is not looked at where left out.
    other : Bars, optional
        Another source of the same single instrument; agreement is not looked at where left out.
    calendar : str, optional
        When it trades; each instrument's own where left out.

    Raises
    ------
    DataError
        ``other`` with several instruments.
    ParameterError
        A calendar that is not known.

    Examples
    --------
    >>> closes = 100 + np.sin(np.arange(300.0))
    >>> (good,) = data_quality(Bars.from_arrays(closes, instruments=["X"]))
    >>> print(good)
    X: 100 of 100 (completeness 100, validity 100, consistency 100)
    """
    found = None if other is None else compare_data(bars, other)
    scores = []
    for column, instrument in enumerate(bars.instruments):
        one = bars if len(bars.instruments) == 1 else bars.select(instrument.symbol)
        known = calendar or instrument.calendar
        real = np.flatnonzero(one.tradable[:, 0])
        age = math.nan
        if now_ns is not None and len(real):
            age = age_in_bars(int(one.time[real[-1]]), now_ns, one.interval, known)
        report = check_data(one, calendar=known)
        name = bars.symbols[column]
        scores.append(
            score_report(report, name=name, rows=len(real), age_bars=age, comparison=found)
        )
    return tuple(scores)


def score_report(
    report: DataReport,
    *,
    name: str,
    rows: int,
    age_bars: float = math.nan,
    comparison: DataComparison | None = None,
) -> Quality:
    """Score what a check of one series found, as :func:`data_quality` does.

    Parameters
    ----------
    report : DataReport
        Of one series.
    name : str
        What to call it.
    rows : int
        Its real bars.
    age_bars : float
        Age of its newest bar, see :func:`age_in_bars`; NaN is not known.
    comparison : DataComparison, optional
        With another source.
    """
    missing = sum(one.bars for one in report.findings if one.kind == "gap")
    if any(one.startswith("gaps:") for one in report.unchecked):
        complete = math.nan
    else:
        complete = 100.0 * rows / (rows + missing) if rows else 0.0
    freshness = math.nan
    if not math.isnan(age_bars):
        freshness = max(100.0 * FRESH_BARS / max(age_bars, FRESH_BARS), LEAST_FRESHNESS)
    parts = {
        "completeness": complete,
        "validity": _less(report, rows, _BROKEN, BAD_COST),
        "consistency": _less(report, rows, _SUSPECT, SUSPECT_COST),
        "freshness": freshness,
        "agreement": math.nan if comparison is None else 100.0 * comparison.agreement,
    }
    return Quality(name, rows, missing, MappingProxyType(parts), report)


def _less(report: DataReport, total: int, kinds: tuple[str, ...], cost: float) -> float:
    """100 less what each percent of rows with findings of some kinds costs."""
    rows = [one.rows for one in report.findings if one.kind in kinds]
    if total == 0:
        return 0.0
    count = len(np.unique(np.concatenate(rows))) if rows else 0
    return max(0.0, 100.0 - cost * 100.0 * count / total)


def age_in_bars(close_ns: int, now_ns: int, interval: Interval, calendar: str) -> float:
    """Give how many bars of trading time have passed since a bar closed; 0 where it is yet to.

    NaN where the calendar's holidays are not known.

    Parameters
    ----------
    close_ns, now_ns : int
        UTC nanoseconds.
    interval : Interval
        Length of a bar.
    calendar : str
        When it trades.

    Examples
    --------
    >>> age_in_bars(0, 3 * DAY_NS, Interval.parse("1d"), "24/7")
    3.0
    """
    if now_ns <= close_ns:
        return 0.0
    if calendar == "24/7" or interval.unit in ("w", "mo", "y"):
        return (now_ns - close_ns) / interval.ns
    daily = interval.unit == "d"
    try:
        sessions = Sessions.of(calendar, close_ns - 30 * DAY_NS, now_ns, daily=daily)
    except DataError:
        return math.nan
    times = np.array([close_ns, now_ns])
    if daily:
        before, after = np.searchsorted(sessions.day_closes, times, side="right")
        return float(after - before) / interval.count
    before, after = sessions.traded(times)
    return float(after - before) / interval.ns
