"""A page that shows how much of each month is stored, one row a series; it needs nothing else."""

from collections.abc import Sequence
from html import escape

import numpy as np
import numpy.typing as npt

_STYLE = """
:root { color-scheme: light dark; }
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem; }
h1 { font-size: 1.4rem; }
.wide { overflow-x: auto; }
table { border-collapse: separate; border-spacing: 1px; }
th { font-weight: 500; text-align: left; white-space: nowrap; padding: 0 .5rem 0 0; }
thead th { font-size: 11px; padding: 0; }
td.score { text-align: right; padding: 0 .75rem 0 0; font-variant-numeric: tabular-nums; }
td.cell { width: 14px; min-width: 14px; height: 18px; }
td.none { background: color-mix(in srgb, CanvasText 6%, Canvas); }
td.unknown { background: repeating-linear-gradient(45deg, #8884 0 3px, transparent 3px 6px); }
p.note { color: color-mix(in srgb, CanvasText 65%, Canvas); }
"""


def coverage_page(
    *,
    names: Sequence[str],
    periods: Sequence[str],
    share: npt.NDArray[np.float64],
    bars: npt.NDArray[np.int64],
    scores: Sequence[float],
    title: str = "Coverage of stored bars",
) -> str:
    """Write a page with one row a series and one cell a period, darker where more is there.

    Parameters
    ----------
    names : sequence of S str
        The series.
    periods : sequence of P str
        The columns, such as ``2024-03``.
    share : (S, P) float64
        What is covered, as a fraction; NaN is not known.
    bars : (S, P) int64
        Bars in each.
    scores : sequence of S float
        Quality of each series, 0 to 100.
    title : str
        Headline.

    Examples
    --------
    >>> page = coverage_page(
    ...     names=["X"],
    ...     periods=["2024-03"],
    ...     share=np.array([[0.5]]),
    ...     bars=np.array([[372]]),
    ...     scores=[70.7],
    ... )
    >>> "X, 2024-03: 372 bars, 50.0 % of trading time" in page
    True
    """
    heads = "".join(
        f"<th>{escape(period[:4])}</th>"
        if place == 0 or period[:4] != periods[place - 1][:4]
        else "<th></th>"
        for place, period in enumerate(periods)
    )
    rows = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="score">{score:.1f}</td>'
        + "".join(
            _cell(f"{name}, {period}", float(part), int(count))
            for period, part, count in zip(periods, share[row], bars[row], strict=True)
        )
        + "</tr>"
        for row, (name, score) in enumerate(zip(names, scores, strict=True))
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n"
        '<p class="note">A cell is a period: the darker, the more of its trading time is there. '
        "Striped: the calendar is not known. The number is the score, from 0 to 100.</p>\n"
        f'<div class="wide"><table>\n<thead><tr><th>series</th><th>score</th>{heads}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>\n</body>\n</html>\n"
    )


def _cell(where: str, share: float, bars: int) -> str:
    if np.isnan(share):
        return f'<td class="cell unknown" title="{escape(where)}: {bars:,} bars"></td>'
    words = escape(f"{where}: {bars:,} bars, {share:.1%} of trading time".replace("%", " %"))
    if share <= 0:
        return f'<td class="cell none" title="{words}"></td>'
    strength = 15 + round(85 * share)
    colour = f"color-mix(in srgb, #1b7f5c {strength}%, Canvas)"
    return f'<td class="cell" style="background: {colour}" title="{words}"></td>'
