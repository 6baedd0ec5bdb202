"""What the page of a sweep says: the best beside the number of trials, the surface, the margins."""

import json
import math

import numpy as np
import numpy.typing as npt

from peak_trade.observe import plots, tables
from peak_trade.observe.page import SweepPage
from peak_trade.observe.surface import (
    LINES,
    Places,
    axes,
    figure_of,
    groups,
    luck,
    margins,
    neighbours,
    places,
    surface,
)
from peak_trade.observe.text import DASH, figure_named, number, plural, value_of

Floats = npt.NDArray[np.float64]

ROWS_SHOWN = 25
MARGINS_SHOWN = 80
_COLUMNS = ("sharpe", "total_return", "cagr", "volatility", "max_drawdown", "trades")


def sweep_context(page: SweepPage) -> dict[str, object]:
    """Gather all that the template of a sweep shows."""
    found, values = places(page.grid, page.rows), figure_of(page.rows, page.sort)
    sort = figure_named(page.sort)
    chosen = axes(found)
    sharpes = figure_of(page.rows, "sharpe")
    best = float(np.nanmax(sharpes)) if np.isfinite(sharpes).any() else float("nan")
    return {
        "page": page,
        "title": f"Sweep of {page.strategy} over {page.data}",
        "sort": sort,
        "trials": plural(page.trials, "trial"),
        "best_sharpe": number(best),
        "best_sharpe_value": repr(best),
        "best_value": sort.show(float(values[0])) if len(values) else DASH,
        "best_params": _named(page, 0),
        "bias": bias_of(page, sharpes),
        "surface_note": surface_note(found, chosen),
        "surface_heights": heights(found, chosen),
        "top": top_rows(page),
        "margins": margin_rows(page, found, values),
        "margins_note": margins_note(found),
        "stability": stability_of(page, found, values),
        "grid": {name: f"{plural(len(v), 'value')}: {_listed(v)}" for name, v in page.grid.items()},
        "provenance": {
            "Strategy": page.strategy,
            "Data": page.data,
            "Period": page.period,
            "Data fingerprint": page.fingerprint,
            "Trials": f"{page.trials:,}",
            "Skipped, because the strategy refuses them": f"{page.skipped:,}",
            "Code version": page.code_version,
            **page.facts,
        },
        "glossary": [figure_named(name) for name in dict.fromkeys((page.sort, *_COLUMNS))],
        "figures": json.dumps(_figures(page, found, values, chosen), separators=(",", ":")),
    }


def bias_of(page: SweepPage, sharpes: Floats) -> list[str]:
    """Say why the best of many trials looks better than it is."""
    if page.trials < 2:
        return ["One combination was tried: nothing was selected."]
    said = [
        (
            f"This is the best of {page.trials:,}: whoever tries many combinations finds a "
            "good-looking one by luck, so expect less of it on new data than it shows here."
        ),
    ]
    chance = luck(sharpes, page.trials)
    if np.isfinite(chance):
        said.append(
            f"Had no combination any merit, the best of {page.trials:,} independent tries that "
            f"differ as these do would still show a Sharpe ratio of about {number(chance)} "
            "(Bailey and Lopez de Prado, 2014)."
        )
    return said


def surface_note(found: Places, chosen: list[int]) -> str:
    """Say what the surface shows, and what it leaves out."""
    if not chosen:
        return ""
    others = [
        name for k, name in enumerate(found.names) if k not in chosen and len(found.labels[k]) > 1
    ]
    text = " against ".join(found.names[k] for k in chosen)
    text += f"; each {'cell' if len(chosen) == 2 else 'point'} is "
    text += f"the median over {', '.join(others)}." if others else "one combination."
    if any(len(found.labels[k]) > LINES for k in chosen):
        text = text.removesuffix("one combination.").removesuffix(".")
        text += " the median" if text.endswith("is") else ""
        text += f" of neighbouring values, put in at most {LINES} groups a side."
    return text + (" The circle is the best combination." if len(chosen) == 2 else "")


def heights(found: Places, chosen: list[int]) -> int:
    """Height of the surface in pixels, from its number of rows."""
    rows = min(len(found.labels[chosen[1]]), LINES) if len(chosen) == 2 else 0
    return int(np.clip(140 + 26 * rows, 300, 640))


def _figures(
    page: SweepPage, found: Places, values: Floats, chosen: list[int]
) -> dict[str, plots.Figure]:
    if not chosen or not np.isfinite(values).any():
        return {}
    if len(chosen) == 1:
        return {"surface": _curve(page, found, values, chosen[0])}
    return {"surface": _heatmap(page, found, values, *chosen)}


def _format(page: SweepPage) -> str:
    return {"percent": ".1%", "count": ",.0f", "money": ",.0f"}.get(
        figure_named(page.sort).kind, ".2f"
    )


def _curve(page: SweepPage, found: Places, values: Floats, column: int) -> plots.Figure:
    names, group_of = groups(found.labels[column])
    known = (found.index[:, column] >= 0) & np.isfinite(values)
    place = group_of[found.index[known, column]]
    medians = [
        float(np.median(values[known][place == k])) if (place == k).any() else None
        for k in range(len(names))
    ]
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": [plots.plain(name) for name in names],
                "y": medians,
                "line": {"color": plots.css("accent"), "width": 2},
                "hovertemplate": f"{plots.plain(found.names[column])} %{{x}}: "
                f"%{{y:{_format(page)}}}<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {"type": "category", "title": {"text": plots.plain(found.names[column])}},
            "yaxis": {"tickformat": _format(page)},
        },
    }


def _heatmap(
    page: SweepPage, found: Places, values: Floats, across: int, down: int
) -> plots.Figure:
    cells, across_names, down_names = surface(found, values, across, down)
    low, high = (
        float(f(cells)) if np.isfinite(cells).any() else 0.0 for f in (np.nanmin, np.nanmax)
    )
    spread: dict[str, object] = {"colorscale": [[0, plots.css("heat-0")], [1, plots.css("heat-1")]]}
    if low < 0 < high:  # losses and gains in colours of their own, pale at zero
        size = max(-low, high)
        spread = {
            "zmin": -size,
            "zmax": size,
            "colorscale": [
                [0, plots.css("heat-loss")], [0.5, plots.css("heat-0")], [1, plots.css("heat-1")],
            ],
        }  # fmt: skip
    x_name, y_name = plots.plain(found.names[across]), plots.plain(found.names[down])
    best = found.index[0, [across, down]]
    group_of = [groups(found.labels[k])[1] for k in (across, down)]
    mark = [int(where[k]) for where, k in zip(group_of, best, strict=True)]
    return {
        "data": [
            {
                "type": "heatmap",
                "x": [plots.plain(name) for name in across_names],
                "y": [plots.plain(name) for name in down_names],
                "z": [[None if np.isnan(z) else float(f"{z:.6g}") for z in row] for row in cells],
                "xgap": 1,
                "ygap": 1,
                "hoverongaps": False,
                "colorbar": {
                    "tickformat": _format(page), "thickness": 10, "outlinewidth": 0, "len": 1,
                },
                "hovertemplate": f"{x_name} %{{x}}, {y_name} %{{y}}: "
                f"%{{z:{_format(page)}}}<extra></extra>",
                **spread,
            },
            {
                "type": "scatter",
                "mode": "markers",
                "x": [plots.plain(across_names[mark[0]])],
                "y": [plots.plain(down_names[mark[1]])],
                "marker": {
                    "symbol": "circle", "size": 13, "color": plots.css("paper"),
                    "line": {"width": 2, "color": plots.css("ink")},
                },
                "hoverinfo": "skip",
            },
        ],
        "layout": {
            "xaxis": {"type": "category", "title": {"text": x_name}, "showgrid": False, "range": [-0.5, len(across_names) - 0.5]},
            "yaxis": {"type": "category", "title": {"text": y_name}, "showgrid": False, "range": [-0.5, len(down_names) - 0.5]},
            "hovermode": "closest",
        },
    }  # fmt: skip


def top_rows(page: SweepPage) -> tables.Table:
    """The best combinations, best first."""
    figures = [figure_named(name) for name in dict.fromkeys((page.sort, *_COLUMNS))]
    rows = [
        [
            str(place),
            *(value_of(params.get(name)) for name in page.grid),
            *(figure.show(float(stats.get(figure.name, float("nan")))) for figure in figures),
        ]
        for place, (params, stats) in enumerate(page.rows[:ROWS_SHOWN], 1)
    ]
    heads = ["Rank", *page.grid, *(figure.label for figure in figures)]
    return tables.table(heads, "n" * len(heads), rows)


def margin_rows(page: SweepPage, found: Places, values: Floats) -> tables.Table:
    """The figure for each value of each parameter."""
    sort = figure_named(page.sort)
    return tables.table(
        ["Parameter", "Value", "Trials", "Median", "Lowest", "Highest"],
        "tnnnnn",
        [
            [m.parameter, m.value, f"{m.count:,}", sort.show(m.median), sort.show(m.low),
             sort.show(m.high)]
            for m in margins(found, values)[:MARGINS_SHOWN]
        ],
    )  # fmt: skip


def margins_note(found: Places) -> str:
    """Say how many of the parameters' values the table leaves out."""
    many = sum(len(labels) for labels in found.labels if len(labels) > 1)
    return f"The first {MARGINS_SHOWN} of {many:,} values." if many > MARGINS_SHOWN else ""


def stability_of(page: SweepPage, found: Places, values: Floats) -> str:
    """Say how the neighbours of the best combination do."""
    near = neighbours(found, values)
    if near is None:
        return "The best combination has no neighbour on the grid to compare it with."
    sort = figure_named(page.sort)
    label = (
        sort.label if sort.label.startswith("Sharpe") else sort.label[0].lower() + sort.label[1:]
    )
    text = (
        f"{plural(near.count, 'combination')} on the grid {'is' if near.count == 1 else 'are'} at "
        f"most one step away from the best in every parameter. Their {label} has a median of "
        f"{sort.show(near.median)} (from {sort.show(near.low)} to {sort.show(near.high)}), against "
        f"{sort.show(near.best)} for the best."
    )
    return text + _verdict(near.best, near.median) + _edge(found)


def _verdict(best: float, median: float) -> str:
    if not best > 0:
        return ""
    if median >= 0.8 * best:
        return " The neighbours do nearly as well: the result does not hang on one exact value."
    if median >= 0.5 * best:
        return " The neighbours do clearly worse: part of the result hangs on the exact values."
    return " The best stands alone: such a peak is more often luck than knowledge."


def _edge(found: Places) -> str:
    ends = [
        name
        for name, labels, place in zip(found.names, found.labels, found.index[0], strict=True)
        if len(labels) > 2 and place in (0, len(labels) - 1) and _are_numbers(labels)
    ]
    if not ends:
        return ""
    return f" It stands at the edge of the grid in {' and '.join(ends)}: better may lie outside."


def _are_numbers(labels: tuple[str, ...]) -> bool:
    try:
        return all(math.isfinite(float(label)) for label in labels)
    except ValueError:
        return False


def _named(page: SweepPage, row: int) -> str:
    if not page.rows:
        return ""
    return ", ".join(f"{name} {value_of(value)}" for name, value in page.rows[row][0].items())


def _listed(values: tuple[object, ...]) -> str:
    shown = [value_of(value) for value in values]
    return ", ".join(shown if len(shown) <= 12 else [*shown[:5], "...", *shown[-2:]])
