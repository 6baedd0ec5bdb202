"""What the page of a sweep says: the best beside the number of trials, the maps, the margins."""

import json
import math

import numpy as np
import numpy.typing as npt

from peak_trade.observe import plots, sweep_maps, tables
from peak_trade.observe.page import SweepPage
from peak_trade.observe.surface import (
    LINES,
    Places,
    axes,
    luck,
    margins,
    neighbours,
    places,
    steadiest,
)
from peak_trade.observe.text import DASH, figure_named, number, plural, value_of

Floats = npt.NDArray[np.float64]

ROWS_SHOWN = 300
"""Rows of the table of combinations at most."""
ROWS_OPEN = 25
"""Rows of it that are seen at once."""
MARGINS_SHOWN = 80
RINGS = 3
"""How many grid steps around the best are looked at."""
_COLUMNS = ("sharpe", "total_return", "cagr", "volatility", "max_drawdown", "trades")

SECTIONS = (
    ("best", "Best"),
    ("maps-section", "Maps"),
    ("stability-section", "Stability"),
    ("luck-section", "Luck"),
    ("parallel-section", "All parameters"),
    ("table-section", "Table"),
    ("provenance", "Origin"),
    ("glossary", "Definitions"),
)
"""Places of the page and their names in its bar."""


def sweep_context(page: SweepPage) -> dict[str, object]:
    """Gather all that the template of a sweep shows."""
    found, values = places(page.grid, page.index), figure_of(page, page.sort)
    sort = figure_named(page.sort)
    chosen = tuple(axes(found))
    sharpes = figure_of(page, "sharpe")
    best = float(np.nanmax(sharpes)) if np.isfinite(sharpes).any() else float("nan")
    figures, moves = _figures(page, found, values, sharpes)
    drawn = sweep_maps.lines_drawn(values)
    return {
        "page": page,
        "sections": SECTIONS,
        "title": f"Sweep of {page.strategy} over {page.data}",
        "sort": sort,
        "trials": plural(page.trials, "trial"),
        "best_sharpe": number(best),
        "best_sharpe_value": repr(best),
        "best_value": sort.show(float(values[0])) if len(values) else DASH,
        "best_params": _named(page, 0) if len(page.index) else "",
        "bias": bias_of(page, sharpes),
        "surface": sweep_maps.key_of(chosen, page.sort) if "chosen" in figures else "",
        "surface_note": surface_note(found, list(chosen)),
        "surfaces": _choices(found),
        "measures": _measures(page),
        "moves": moves,
        "charts": figures,
        "parallel_note": parallel_note(len(page.index), drawn),
        "top": top_rows(page),
        "top_open": ROWS_OPEN,
        "margins": margin_rows(page, found, values),
        "margins_note": margins_note(found),
        "stability": stability_of(page, found, values),
        "rings": ring_rows(page, found, values),
        "steadiest": steadiest_of(page, found, values),
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
        "glossary": [figure_named(name) for name in dict.fromkeys((page.sort, *page.figures))],
        "figures": json.dumps(
            {key: figure for key, figure in figures.items() if key != "chosen"},
            separators=(",", ":"),
        ),
    }


def figure_of(page: SweepPage, name: str) -> Floats:
    """(K,) One figure of every combination; NaN where it is not there or not finite."""
    values = page.figures.get(name, np.full(len(page.index), np.nan))
    return np.where(np.isfinite(values), values, np.nan)


def _choices(found: Places) -> list[tuple[str, str]]:
    return [
        ("-".join(str(k) for k in columns), " against ".join(found.names[k] for k in columns))
        for columns in sweep_maps.offered(found)
    ]


def _measures(page: SweepPage) -> list[tuple[str, str]]:
    return [
        (name, figure_named(name).label)
        for name, values in page.figures.items()
        if np.isfinite(values).any()
    ]


def _figures(
    page: SweepPage, found: Places, values: Floats, sharpes: Floats
) -> tuple[dict[str, plots.Figure], list[tuple[str, str]]]:
    if not axes(found) or not np.isfinite(values).any():
        return {}, []
    form = sweep_maps.shown(page.sort)
    figures = sweep_maps.maps(page, found)
    chosen = sweep_maps.key_of(tuple(axes(found)), page.sort)
    if chosen in figures:
        figures["chosen"] = {}
    moved, moves = sweep_maps.profiles(found, values, form)
    if moved:
        figures["profiles"] = moved
    if np.isfinite(sharpes).sum() > 4:
        chance = luck(sharpes, page.trials)
        marks = [("luck alone", chance), ("the best", float(np.nanmax(sharpes)))]
        figures["spread"] = sweep_maps.trials_figure(sharpes, ".2f", marks)
    lines = sweep_maps.parallel(page, found, values)
    if lines:
        figures["parallel"] = lines
    return figures, moves


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


def top_rows(page: SweepPage) -> tables.Table:
    """The best combinations, best first."""
    names = [name for name in (page.sort, *_COLUMNS, *page.figures) if name in page.figures]
    figures = [figure_named(name) for name in dict.fromkeys(names)]
    shown = range(min(len(page.index), ROWS_SHOWN))
    rows = [
        [
            str(row + 1),
            *(value_of(value) for value in _params(page, row).values()),
            *(figure.show(float(page.figures[figure.name][row])) for figure in figures),
        ]
        for row in shown
    ]
    heads = ["Rank", *page.grid, *(figure.label for figure in figures)]
    meanings = {figure.label: figure.meaning for figure in figures}
    title = "Combinations, best first"
    return tables.table(heads, "n" * len(heads), rows, title=title, meanings=meanings)


def _params(page: SweepPage, row: int) -> dict[str, object]:
    return {
        name: values[place] if place >= 0 else None
        for (name, values), place in zip(page.grid.items(), page.index[row].tolist(), strict=True)
    }


def ring_rows(page: SweepPage, found: Places, values: Floats) -> tables.Table:
    """What the combinations one, two and three grid steps around the best reach."""
    sort = figure_named(page.sort)
    rings = [(steps, neighbours(found, values, steps)) for steps in range(1, RINGS + 1)]
    rows = [
        [str(steps), f"{near.count:,}", sort.show(near.median), sort.show(near.low),
         sort.show(near.high)]
        for steps, near in rings
        if near is not None
    ]  # fmt: skip
    heads = ["At most so many steps away", "Combinations", "Median", "Lowest", "Highest"]
    return tables.table(heads, "nnnnn", rows, title="Around the best combination")


def steadiest_of(page: SweepPage, found: Places, values: Floats) -> str:
    """Name the combination whose neighbourhood does best; empty where it is not known."""
    rising = not (len(values) > 1 and values[0] < values[-1])
    around = steadiest(found, values, rising=rising)
    if around is None:
        return ""
    row, near = around
    sort = figure_named(page.sort)
    if row == 0:
        return "The best combination also has the best neighbourhood."
    return (
        f"The best neighbourhood is that of {_named(page, row)} (rank {row + 1:,}): there "
        f"{plural(near.count, 'combination')} have a median of {sort.show(near.median)}; the "
        f"combination itself has {sort.show(near.best)}. A choice from the middle of such a "
        "plateau usually holds better on new data than a lone peak."
    )


def parallel_note(ran: int, drawn: int) -> str:
    """Say which combinations are drawn as lines."""
    if drawn >= ran:
        return ""
    return (
        f"Of {ran:,} combinations {drawn:,} are drawn: the best {sweep_maps.BEST_DRAWN:,}, and "
        "others evenly from the rest."
    )


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
    return ", ".join(f"{name} {value_of(value)}" for name, value in _params(page, row).items())


def _listed(values: tuple[object, ...]) -> str:
    shown = [value_of(value) for value in values]
    return ", ".join(shown if len(shown) <= 12 else [*shown[:5], "...", *shown[-2:]])
