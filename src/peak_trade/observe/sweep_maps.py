"""Charts of a sweep: maps over two parameters, curves over one, and lines across all of them."""

from itertools import combinations

import numpy as np
import numpy.typing as npt

from peak_trade.observe import plots
from peak_trade.observe.page import SweepPage
from peak_trade.observe.plots import Figure, css, packed, plain
from peak_trade.observe.surface import Places, groups, medians, profile, surface
from peak_trade.observe.text import figure_named

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

AXES_OFFERED = 4
"""Parameters that maps can be drawn over, those with the most values first."""
LINES_DRAWN = 1_500
"""Combinations that the lines across all parameters show at most."""
BEST_DRAWN = 300
"""Of these, so many are the best; the others stand evenly among the rest."""
AXES_DRAWN = 8
"""Parameters among these lines at most."""


def offered(found: Places) -> list[tuple[int, ...]]:
    """Choose what maps can be drawn over: pairs of parameters first, then each alone."""
    counts = [len(values) for values in found.labels]
    several = [k for k in range(len(counts)) if counts[k] > 1]
    kept = sorted(several, key=lambda k: (-counts[k], k))[:AXES_OFFERED]
    return [*combinations(kept, 2), *((k,) for k in kept)]


def key_of(columns: tuple[int, ...], figure: str) -> str:
    """Name a map: what it is drawn over, and the figure."""
    return f"{'-'.join(str(k) for k in columns)}:{figure}"


def maps(page: SweepPage, found: Places) -> dict[str, Figure]:
    """Draw every figure over every pair of parameters and over each one."""
    drawn: dict[str, Figure] = {}
    for name, values in page.figures.items():
        if not np.isfinite(values).any():
            continue
        for columns in offered(found):
            make = heatmap if len(columns) == 2 else curve
            drawn[key_of(columns, name)] = make(found, values, columns, shown(name))
    return drawn


def shown(name: str) -> str:
    """d3 format of a figure."""
    return {"percent": ".1%", "count": ",.0f", "money": ",.0f"}.get(figure_named(name).kind, ".2f")


def curve(found: Places, values: Floats, columns: tuple[int, ...], form: str) -> Figure:
    """Draw the median over one parameter, and the range of all combinations around it."""
    (column,) = columns
    names, group_of = groups(found.labels[column])
    known = (found.index[:, column] >= 0) & np.isfinite(values)
    place, mine = group_of[found.index[known, column]], values[known]
    low, high = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    np.minimum.at(low, place, mine)
    np.maximum.at(high, place, mine)
    x, label = [plain(name) for name in names], plain(found.names[column])
    lines = (
        ("lowest", np.where(np.isfinite(low), low, np.nan), "quiet", None),
        ("highest", np.where(np.isfinite(high), high, np.nan), "quiet", "tonexty"),
        ("median", medians(place, mine, len(names)), "accent", None),
    )
    traces: list[Figure] = []
    for name, line, colour, fill in lines:
        trace: Figure = {
            "type": "scatter", "mode": "lines+markers" if name == "median" else "lines",
            "x": x, "y": packed(line), "name": name,
            "line": {"color": css(colour), "width": 2 if name == "median" else 1},
            "hovertemplate": f"{label} %{{x}}: {name} %{{y:{form}}}<extra></extra>",
        }  # fmt: skip
        if fill:
            trace.update(fill=fill, fillcolor=css("range"))
        traces.append(trace)
    return {
        "height": 320,
        "data": traces,
        "layout": {
            "xaxis": {"type": "category", "title": {"text": label}},
            "yaxis": {"tickformat": form},
        },
    }


def heatmap(found: Places, values: Floats, columns: tuple[int, ...], form: str) -> Figure:
    """Draw the median over two parameters as colours; a circle marks the best combination."""
    across, down = columns
    cells, across_names, down_names = surface(found, values, across, down)
    x_name, y_name = plain(found.names[across]), plain(found.names[down])
    x, y = [plain(name) for name in across_names], [plain(name) for name in down_names]
    group_of = [groups(found.labels[k])[1] for k in columns]
    mark = [int(of[found.index[0, k]]) for of, k in zip(group_of, columns, strict=True)]
    cell = {"x": x, "y": y, "z": packed(cells) | {"shape": f"{cells.shape[0]}, {cells.shape[1]}"}}
    data: list[Figure] = [
        {
            "type": "heatmap", **cell, "xgap": 1, "ygap": 1, "hoverongaps": False,
            "colorbar": {"tickformat": form, "thickness": 10, "outlinewidth": 0, "len": 1},
            "hovertemplate": f"{x_name} %{{x}}, {y_name} %{{y}}: %{{z:{form}}}<extra></extra>",
            **_spread(cells),
        },
        {
            "type": "scatter", "mode": "markers", "x": [x[mark[0]]], "y": [y[mark[1]]],
            "marker": {
                "symbol": "circle", "size": 13, "color": css("paper"),
                "line": {"width": 2, "color": css("ink")},
            },
            "hoverinfo": "skip",
        },
    ]  # fmt: skip
    layout: Figure = {"hovermode": "closest"}
    for axis, name, size in (("xaxis", x_name, len(x)), ("yaxis", y_name, len(y))):
        layout[axis] = {
            "type": "category", "title": {"text": name}, "showgrid": False,
            "range": [-0.5, size - 0.5],
        }  # fmt: skip
    height = int(np.clip(140 + 26 * len(y), 300, 640))
    return {"height": height, "data": data, "layout": layout}


def _spread(cells: Floats) -> Figure:
    known = cells[np.isfinite(cells)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    if low < 0 < high:  # losses and gains in colours of their own, pale at zero
        size = max(-low, high)
        scale = [[0, css("heat-loss")], [0.5, css("heat-0")], [1, css("heat-1")]]
        return {"zmin": -size, "zmax": size, "colorscale": scale}
    if low < 0:
        return {"colorscale": [[0, css("heat-loss")], [1, css("heat-0")]]}
    return {"colorscale": [[0, css("heat-0")], [1, css("heat-1")]]}


def trials_figure(values: Floats, form: str, marks: list[tuple[str, float]]) -> Figure:
    """Draw how many trials reached which value, with marks at some values."""
    edges, counts = plots.histogram(values)
    figure = plots.bars_of(edges, counts, "trials", shown=form)
    layout: Figure = figure["layout"]  # type: ignore[assignment]  # a figure is plain values
    known = [(name, at) for name, at in marks if np.isfinite(at)]
    layout["shapes"] = [
        {
            "type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper",
            "line": {"color": css("ink"), "width": 1.5, "dash": "dot"},
        }
        for _, at in known
    ]  # fmt: skip
    layout["annotations"] = [
        {
            "x": at, "y": 1.0 - 0.11 * place, "yref": "paper", "text": plain(name),
            "showarrow": False, "xanchor": "right", "yanchor": "top", "xshift": -4,
            "font": {"color": css("ink")},
        }
        for place, (name, at) in enumerate(known)
    ]  # fmt: skip
    return figure


def profiles(
    found: Places, values: Floats, form: str, height: int = 280
) -> tuple[Figure | None, list[tuple[str, str]]]:
    """Draw a figure where each parameter alone moves away from the best combination.

    Returns
    -------
    figure : dict or None
        None where no parameter can move.
    names : list of (str, str)
        Parameter and colour of each line.
    """
    traces: list[Figure] = []
    names: list[tuple[str, str]] = []
    for column, name in enumerate(found.names):
        steps, figures = profile(found, values, column)
        if len(steps) < 2 or len(names) == len(plots.SERIES):
            continue
        colour = plots.SERIES[len(names)]
        names.append((name, colour))
        labels = [plain(found.labels[column][int(found.index[0, column] + k)]) for k in steps]
        traces.append(
            {
                "type": "scatter", "mode": "lines+markers", "x": packed(steps),
                "y": packed(figures), "text": labels, "name": plain(name),
                "line": {"color": css(colour), "width": 1.5}, "marker": {"size": 5},
                "hovertemplate": f"{plain(name)} %{{text}}: %{{y:{form}}}<extra></extra>",
            }
        )  # fmt: skip
    if not traces:
        return None, []
    layout = {
        "xaxis": {"title": {"text": "grid steps from the best"}, "zeroline": True},
        "yaxis": {"tickformat": form},
    }
    return {"height": height, "data": traces, "layout": layout}, names


def parallel(page: SweepPage, found: Places, values: Floats) -> Figure | None:
    """Lay every combination as a line across the parameters and the figure.

    Values stand between 0 and 1: a parameter by its place in the grid, the figure by its value.
    None for fewer than two combinations or parameters with several values.
    """
    several = [k for k, labels in enumerate(found.labels) if len(labels) > 1][:AXES_DRAWN]
    rows = _rows_drawn(values)
    if len(several) < 2 or len(rows) < 2:
        return None
    axes: list[Figure] = []
    for column in several:
        labels = found.labels[column]
        top = len(labels) - 1
        ticks = np.unique(np.linspace(0, top, min(6, top + 1)).round().astype(int)).tolist()
        axes.append(
            {
                "name": found.names[column],
                "values": packed(found.index[rows, column] / top),
                "ticks": [[k / top, labels[k]] for k in ticks],
            }
        )
    low, high = float(values[rows].min()), float(values[rows].max())
    figure = figure_named(page.sort)
    span = (high - low) or 1.0
    axes.append(
        {
            "name": figure.label,
            "values": packed((values[rows] - low) / span),
            "ticks": [[k / 4, figure.show(low + span * k / 4)] for k in range(5)],
        }
    )
    return {"kind": "parallel", "axes": axes}


def lines_drawn(values: Floats) -> int:
    """How many combinations the lines across all parameters show."""
    return len(_rows_drawn(values))


def _rows_drawn(values: Floats) -> Ints:
    known: Ints = np.flatnonzero(np.isfinite(values))
    if len(known) <= LINES_DRAWN:
        return known
    rest = np.linspace(BEST_DRAWN, len(known) - 1, LINES_DRAWN - BEST_DRAWN).astype(np.int64)
    chosen: Ints = known[np.concatenate([np.arange(BEST_DRAWN), rest])]
    return chosen
