"""What the page of a comparison says: several runs over one another and side by side."""

import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from peak_trade.observe import plots, tables
from peak_trade.observe.measure_text import known_figure
from peak_trade.observe.page import ComparedRun, ComparisonPage
from peak_trade.observe.static import Drawing, drawing
from peak_trade.observe.tables import Cell, Table, table
from peak_trade.observe.text import (
    DASH,
    FINAL_EQUITY,
    Figure,
    number,
    percent,
    short,
    stamp,
)
from peak_trade.stats.drawdown import monthly_returns, underwater

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BUCKETS = 400
"""Each line keeps the lowest and the highest value of each of so many stretches."""

SECTIONS = (
    ("figures-section", "Figures"),
    ("account", "Growth"),
    ("returns", "Years"),
    ("correlations-section", "Correlation"),
    ("differences", "Differences"),
    ("glossary", "Definitions"),
)
"""Places of the page and their names in its bar."""


def comparison_context(page: ComparisonPage) -> dict[str, object]:
    """Gather all that the template of a comparison shows."""
    runs = page.runs
    keys = [(run.name, colour_of(k)) for k, run in enumerate(runs)]
    differing, alike = difference_rows(runs)
    rows = max(len(run.equity) for run in runs)
    return {
        "page": page,
        "title": page.title or title_of(runs),
        "sections": SECTIONS,
        "summary": summary_of(runs),
        "meta": list(dict.fromkeys(f"{run.data}, {period_of(run)}" for run in runs)),
        "keys": keys,
        "figures_table": figure_rows(runs),
        "years": year_rows(runs),
        "correlations": correlation_cells(page.correlations),
        "active": active_rows(runs, page.active),
        "differing": differing,
        "alike": alike,
        "glossary": [known_figure(name) for name in names_of(runs)],
        "stills": stills_of(runs),
        "thinned_note": plots.thinned_note(rows) if rows > 2 * BUCKETS else "",
        "figures": json.dumps(
            {"growth": _overlay(runs, growth), "falls": _overlay(runs, _fall)},
            separators=(",", ":"),
        ),
    }


def title_of(runs: Sequence[ComparedRun]) -> str:
    """Headline of a comparison."""
    if len(runs) == 2:
        return f"{runs[0].name} against {runs[1].name}"
    return f"{len(runs)} runs compared" if len(runs) > 1 else runs[0].name


def colour_of(place: int) -> str:
    """Colour of the run at a place; they begin again after the tenth."""
    return plots.SERIES[place % len(plots.SERIES)]


def period_of(run: ComparedRun) -> str:
    """First and last bar of a run."""
    if not len(run.time):
        return "no bars"
    return " to ".join(stamp(int(run.time[k]), run.interval_ns) for k in (0, -1))


def growth(run: ComparedRun) -> Floats:
    """(T,) The account's value over its first, times 100; NaN where that was 0 or below."""
    start = run.equity[0] if len(run.equity) and run.equity[0] > 0 else np.nan
    return np.asarray(run.equity / start * 100.0, dtype=np.float64)


def _fall(run: ComparedRun) -> Floats:
    return underwater(run.equity)


def summary_of(runs: Sequence[ComparedRun]) -> str:
    """Say which run did best by growth, by the Sharpe ratio and in its drawdown."""
    said = []
    for name, words in (
        ("total_return", "earned the most"),
        ("sharpe", "had the best Sharpe ratio"),
        ("max_drawdown", "lost least from a high"),
    ):
        figure = known_figure(name)
        values = np.array([run.stats.get(name, np.nan) for run in runs])
        if np.isfinite(values).any():
            best = int(np.nanargmax(values))
            said.append(f"{runs[best].name} {words} ({figure.show(float(values[best]))})")
    return "; ".join(said) + "." if said else ""


def names_of(runs: Sequence[ComparedRun]) -> list[str]:
    """Figures that any of the runs has, in order."""
    return list(dict.fromkeys(name for run in runs for name in run.stats))


def figure_rows(runs: Sequence[ComparedRun]) -> Table:
    """Each figure of each run; the best of a row is marked."""
    figures = [known_figure(name) for name in names_of(runs)]
    rows: list[list[str | Cell]] = []
    for figure in [*figures, FINAL_EQUITY]:
        values = [_value(run, figure) for run in runs]
        best = best_of(values, figure.better)
        rows.append(
            [
                figure.label,
                *(
                    Cell(figure.show(value, run.currency), "top" if k in best else "")
                    for k, (value, run) in enumerate(zip(values, runs, strict=True))
                ),
            ]
        )
    heads = ["Figure", *(run.name for run in runs)]
    return table(heads, "t" + "n" * len(runs), rows, title="Figures of each run")


def _value(run: ComparedRun, figure: Figure) -> float:
    if figure is FINAL_EQUITY:
        return float(run.equity[-1]) if len(run.equity) else float("nan")
    return float(run.stats.get(figure.name, float("nan")))


def best_of(values: Sequence[float], better: str) -> set[int]:
    """Places of the best values; none where all are equal or no way is better.

    Examples
    --------
    >>> (
    ...     best_of([1.0, 3.0, float("nan")], "more"),
    ...     best_of([1.0, 3.0], "less"),
    ...     best_of([2.0, 2.0], "more"),
    ... )
    ({1}, {0}, set())
    """
    known = [value for value in values if np.isfinite(value)]
    if not better or len(set(known)) < 2:
        return set()
    top = max(known) if better == "more" else min(known)
    return {k for k, value in enumerate(values) if value == top}


def year_rows(runs: Sequence[ComparedRun]) -> Table:
    """Return of each calendar year of each run; the best of a year is marked."""
    found = [monthly_returns(run.time, run.equity) for run in runs]
    years = sorted({int(year) for one in found for year in one.years})
    rows: list[list[str | Cell]] = []
    for year in years:
        values = [
            dict(zip(one.years.tolist(), one.totals.tolist(), strict=True)).get(year, float("nan"))
            for one in found
        ]
        best = best_of(values, "more")
        rows.append(
            [
                str(year),
                *(
                    Cell(percent(v, 1), "top" if k in best else "down" if v < 0 else "")
                    for k, v in enumerate(values)
                ),
            ]
        )
    heads = ["Year", *(run.name for run in runs)]
    return table(heads, "t" + "n" * len(runs), rows, title="Returns by year")


def correlation_cells(matrix: Floats) -> list[list[Cell]]:
    """Correlations with their colours."""
    return [[Cell(number(v), tables.tone(v, 1.0)) for v in row] for row in matrix.tolist()]


def active_rows(runs: Sequence[ComparedRun], active: Mapping[str, Sequence[float]]) -> Table:
    """What each run did against the first: one row a figure."""
    figures = [known_figure(name) for name in active]
    rows = [
        [figure.label, *(figure.show(float(value)) for value in active[figure.name])]
        for figure in figures
    ]
    heads = ["Figure", *(run.name for run in runs[1:])]
    title = f"Against {runs[0].name}"
    return table(heads, "t" + "n" * (len(runs) - 1), rows, title=title)


def difference_rows(runs: Sequence[ComparedRun]) -> tuple[Table, Table]:
    """What was asked for and on what: what differs among the runs, and what does not."""
    asked = [run.asked for run in runs]
    names = list(dict.fromkeys(name for facts in asked for name in facts))
    heads, kinds = ["", *(run.name for run in runs)], "t" * (len(runs) + 1)
    rows = {name: [facts.get(name, DASH) for facts in asked] for name in names}
    differ = [[name, *values] for name, values in rows.items() if len(set(values)) > 1]
    same = [[name, values[0]] for name, values in rows.items() if len(set(values)) == 1]
    return (
        table(heads, kinds, differ, title="What differs"),
        table(["", "In all runs"], "tt", same, title="What is the same"),
    )


def stills_of(runs: Sequence[ComparedRun]) -> dict[str, Drawing | None]:
    """Draw growth and drawdowns without scripts, for runs over the same bars."""
    time = runs[0].time
    if any(len(run.time) != len(time) or (run.time != time).any() for run in runs):
        return {"growth": None, "falls": None}
    colours = [colour_of(k) for k in range(len(runs))]
    return {
        "growth": drawing(
            time,
            list(zip(map(growth, runs), colours, strict=True)),
            label=f"Growth of each account. {summary_of(runs)}",
            show=short,
        ),
        "falls": drawing(
            time,
            list(zip(map(_fall, runs), colours, strict=True)),
            label="Drawdown of each account.",
            show=lambda value: percent(value, 0),
            height=160,
        ),
    }


def _overlay(runs: Sequence[ComparedRun], of: Callable[[ComparedRun], Floats]) -> plots.Figure:
    times: dict[str, object] = {}
    traces = []
    for place, run in enumerate(runs):
        values = of(run)
        rows = plots.thinned([values], BUCKETS)
        stamps = plots.drawn_ns(run.time[rows], run.interval_ns)
        times[f"t{place}"] = plots.milliseconds(stamps)
        trace = plots.line(values[rows], run.name, colour_of(place))
        trace["x"] = {"time": f"t{place}"}
        trace["hovertemplate"] = "%{y:,.1f}" if of is growth else "%{y:.1%}"
        traces.append(trace)
    ends = [run.time[[0, -1]] for run in runs if len(run.time)]
    span = np.array([min(e[0] for e in ends), max(e[1] for e in ends)]) if ends else np.zeros(0)
    times["t"] = plots.milliseconds(plots.drawn_ns(span.astype(np.int64), runs[0].interval_ns))
    shown = {"tickformat": "~s"} if of is growth else {"tickformat": ".0%", "rangemode": "tozero"}
    return {"times": times, "data": traces, "layout": {"yaxis": shown}}
