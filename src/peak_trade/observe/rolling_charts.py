"""How a run's figures went over time, over windows that move along with it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from peak_trade.domain.record import Record
from peak_trade.observe.plots import (
    Figure,
    drawn_ns,
    line,
    milliseconds,
    thinned,
)
from peak_trade.stats.arithmetic import steps_of
from peak_trade.stats.performance import counted_rows, returns_of
from peak_trade.stats.rolling import (
    rolling_beta,
    rolling_max_drawdown,
    rolling_sharpe,
    rolling_volatility,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WINDOWS = (
    ("1 week", 1 / 52),
    ("1 month", 1 / 12),
    ("3 months", 1 / 4),
    ("1 year", 1.0),
    ("3 years", 3.0),
)
"""Windows in years; the longest three of which the run has twice over are offered."""
BUCKETS = 200
"""Each line keeps the lowest and the highest value of each of so many stretches."""
SHORTEST = 20
"""Bars that a window has at least."""
VIEWS = (
    ("sharpe", "Sharpe ratio", ".2f"),
    ("volatility", "Volatility", ".1%"),
    ("drawdown", "Largest drawdown", ".1%"),
    ("beta", "Beta", ".2f"),
)
"""What is drawn: its name, its label, its format."""


def windows_of(record: Record) -> list[tuple[str, int]]:
    """Choose windows that fit a run: their names and their lengths in bars."""
    rows = int(np.count_nonzero(counted_rows(record)))
    sized = [(name, round(years * record.bars.bars_per_year)) for name, years in WINDOWS]
    return [(name, bars) for name, bars in sized if SHORTEST <= bars <= rows // 2][-3:]


def rolling_figures(
    record: Record, benchmark: tuple[str, Floats] | None
) -> tuple[dict[str, Figure], list[tuple[str, str]], list[tuple[str, str]]]:
    """Draw figures over moving windows, and the benchmark's beside them.

    Returns
    -------
    figures : dict of str to Figure
        By ``roll-VIEW:BARS``.
    views, windows : list of (str, str)
        The two parts of these keys, each with its name.
    """
    windows = windows_of(record)
    if not windows:
        return {}, [], []
    counted = counted_rows(record)
    mine = returns_of(record)
    theirs = steps_of(benchmark[1][counted]) if benchmark else None
    time = record.time[counted][1:]  # a return is known at the close that ends it
    views = [view for view in VIEWS if theirs is not None or view[0] != "beta"]
    figures: dict[str, Figure] = {}
    for _, bars in windows:
        for view, _, shown in views:
            of = _measure(view, bars, record.bars.bars_per_year, theirs)
            lines = [("Strategy", of(mine), "accent")]
            if benchmark and theirs is not None and view != "beta":
                lines.insert(0, (benchmark[0], of(theirs), "quiet"))
            figures[f"roll-{view}:{bars}"] = _figure(record, time, lines, shown)
    named = [(f"roll-{view}", label) for view, label, _ in views]
    return figures, named, [(str(bars), name) for name, bars in windows]


def _measure(
    view: str, bars: int, bars_per_year: float, benchmark: Floats | None
) -> Callable[[Floats], Floats]:
    def of(returns: Floats) -> Floats:
        if view == "sharpe":
            return rolling_sharpe(returns, bars, bars_per_year)
        if view == "volatility":
            return rolling_volatility(returns, bars, bars_per_year)
        if view == "drawdown":
            return rolling_max_drawdown(returns, bars)
        return rolling_beta(returns, returns if benchmark is None else benchmark, bars)

    return of


def _figure(record: Record, time: Ints, lines: list[tuple[str, Floats, str]], shown: str) -> Figure:
    clean = [np.where(np.isfinite(values), values, np.nan) for _, values, _ in lines]
    rows = thinned(clean, BUCKETS)
    traces = []
    for (name, _, colour), values in zip(lines, clean, strict=True):
        trace = line(values[rows], name, colour)
        trace["hovertemplate"] = f"%{{y:{shown}}}"
        traces.append(trace)
    stamps = milliseconds(drawn_ns(time[rows], record.bars.interval.ns))
    return {"times": {"t": stamps}, "data": traces, "layout": {"yaxis": {"tickformat": shown}}}
