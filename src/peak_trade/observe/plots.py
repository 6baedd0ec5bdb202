"""Charts as plain values: arrays thinned out for drawing, and the figures that a page draws.

A figure is what plotly.js takes, with two kinds of reference that the page's script resolves:
``{"css": "--name"}`` is a colour of the page, so that charts follow its light or dark scheme, and
``{"time": "key"}`` an entry of the figure's own ``times``, milliseconds since 1970, UTC.
"""

import base64
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from peak_trade.domain.calendar import DAY_NS
from peak_trade.domain.record import Record

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Figure = dict[str, object]

FULL_ROWS = 6_000
"""Runs of one instrument with no more rows than this are drawn in full."""
BUCKETS = 1_000
"""Longer lines keep the lowest and the highest value of each of so many stretches."""
PANEL_BUCKETS = 250
"""The same for each instrument of a panel."""
_SAME = 1e-9
SERIES = tuple(f"series-{k}" for k in range(1, 11))
"""Colours of the page for lines that stand side by side."""


def thinned(lines: Sequence[Floats], buckets: int) -> Ints:
    """Choose rows that keep every line's extremes: the first, the last, and of each of ``buckets``
    stretches the row of the lowest and of the highest value.

    Parameters
    ----------
    lines : sequence of (T,) float64
        Lines that are drawn together; NaN is passed over.
    buckets : int
        Number of stretches.

    Returns
    -------
    (K,) int64
        Ascending rows, K at most ``2 * buckets * len(lines) + 2``; all where there are not more.

    Examples
    --------
    >>> thinned([np.array([1.0, 5.0, 2.0, 0.0, 3.0, 4.0])], 1)
    array([0, 1, 3, 5])
    """  # noqa: D205 - one sentence
    rows = len(lines[0])
    if rows <= 2 * buckets * len(lines) + 2:
        return np.arange(rows, dtype=np.int64)
    width = -(-rows // buckets)
    starts = np.arange(0, rows, width, dtype=np.int64)
    chosen = [np.array([0, rows - 1], dtype=np.int64)]
    for line in lines:
        for sign in (1.0, -1.0):
            padded = np.full(len(starts) * width, np.inf)
            padded[:rows] = np.where(np.isnan(line), np.inf, sign * line)
            chosen.append(starts + padded.reshape(-1, width).argmin(axis=1))
    return np.unique(np.concatenate(chosen))


def rows_drawn(lines: Sequence[Floats], width: int) -> Ints:
    """Choose the rows to draw of lines of a run over ``width`` instruments."""
    if width == 1 and len(lines[0]) <= FULL_ROWS:
        return np.arange(len(lines[0]), dtype=np.int64)
    base = BUCKETS if width == 1 else PANEL_BUCKETS
    return thinned(lines, 2 * base // (1 + len(lines)))  # each line brings rows of its own


def packed(values: npt.ArrayLike, kind: str = "f4") -> dict[str, str]:
    """Pack numbers as plotly's typed array, little-endian, in base64.

    Examples
    --------
    >>> packed([1.0])
    {'dtype': 'f4', 'bdata': 'AACAPw=='}
    """
    data = np.ascontiguousarray(values, dtype=f"<{kind}").tobytes()
    return {"dtype": kind, "bdata": base64.b64encode(data).decode("ascii")}


def drawn_ns(time: Ints, interval_ns: int) -> Ints:
    """Where a bar stands on the axis: on its day for bars of a day and longer, else at its close.

    Parameters
    ----------
    time : (T,) int64
        Close stamps, UTC nanoseconds.
    interval_ns : int
        Length of a bar.
    """
    return (time - 1) // DAY_NS * DAY_NS if interval_ns >= DAY_NS else time


def css(name: str) -> dict[str, str]:
    """Refer to a colour of the page."""
    return {"css": f"--{name}"}


def plain(text: str) -> str:
    """Keep plotly.js from reading a text as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def milliseconds(ns: Ints) -> dict[str, str]:
    """Pack stamps as milliseconds since 1970."""
    return packed(ns / 1e6, "f8")


def line(
    values: Floats, name: str, colour: str, *, width: float = 1.5, dash: str = "solid"
) -> Figure:
    """Make a line over the figure's time ``t``."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": {"time": "t"},
        "y": packed(values),
        "name": plain(name),
        "line": {"color": css(colour), "width": width, "dash": dash},
    }


def _at(record: Record, rows: Ints) -> dict[str, str]:
    return milliseconds(drawn_ns(record.time[rows], record.bars.interval.ns))


def equity_figure(record: Record, benchmark: tuple[str, Floats] | None) -> Figure:
    """Draw the account's value, and buy-and-hold beside it."""
    lines = [record.equity] + ([benchmark[1]] if benchmark else [])
    rows = rows_drawn(lines, 1)
    traces = [line(record.equity[rows], "Strategy", "accent", width=2)]
    if benchmark:
        traces.insert(0, line(benchmark[1][rows], benchmark[0], "quiet"))
    for trace in traces:
        trace["hovertemplate"] = "%{y:,.0f}"
    return {
        "times": {"t": _at(record, rows)},
        "data": traces,
        "layout": {"yaxis": {"tickformat": "~s"}},
    }


def area_figure(record: Record, lines: Mapping[str, tuple[Floats, str]]) -> Figure:
    """Draw fractions of equity as areas from zero, each with its name and colour."""
    rows = rows_drawn([values for values, _ in lines.values()], 1)
    traces = []
    for name, (values, colour) in lines.items():
        trace = line(values[rows], name, colour, width=1)
        trace.update(fill="tozeroy", fillcolor=css(f"{colour}-soft"), hovertemplate="%{y:.1%}")
        traces.append(trace)
    return {
        "times": {"t": _at(record, rows)},
        "data": traces,
        "layout": {"yaxis": {"tickformat": ".0%", "rangemode": "tozero"}},
    }


def thinned_note(rows: int) -> str:
    """Say that long lines are thinned out for drawing."""
    return (
        f"Long lines are thinned out for drawing: of {rows:,} bars they show the lowest and "
        "the highest value of every stretch. Figures and tables use every bar."
    )


def bars_of(edges: Floats, counts: Ints, name: str, *, shown: str) -> Figure:
    """Draw a histogram: gains and losses in colours of their own.

    Parameters
    ----------
    edges : (K + 1,) float64
        Where the stretches begin and end, fractions.
    counts : (K,) int64
        How many fell in each.
    name : str
        What was counted, in the plural.
    shown : str
        d3 format of the edges.
    """
    middle = (edges[:-1] + edges[1:]) / 2
    tones = [css("gain" if value > 0 else "loss") for value in middle]
    return {
        "data": [
            {
                "type": "bar",
                "x": packed(middle),
                "y": packed(counts),
                "width": packed(np.diff(edges) * 0.94),
                "customdata": [[float(a), float(b)] for a, b in pairwise(edges.tolist())],
                "marker": {"color": tones},
                "hovertemplate": f"%{{customdata[0]:{shown}}} to %{{customdata[1]:{shown}}}: "
                f"%{{y}} {plain(name)}<extra></extra>",
            }
        ],
        "layout": {"xaxis": {"tickformat": shown}, "yaxis": {"rangemode": "tozero"}},
    }


def histogram(values: Floats, most: int = 60) -> tuple[Floats, Ints]:
    """Count values in equal stretches, one of which begins at zero.

    Parameters
    ----------
    values : (K,) float64
        What is not finite is left out. Of more than 100 the outermost stretches hold all that
        lies beyond the five (or, of few, 1 %) lowest and highest.
    most : int
        Stretches at most.

    Returns
    -------
    edges : (S + 1,) float64
    counts : (S,) int64
        Their sum is the number of finite values.

    Examples
    --------
    >>> edges, counts = histogram(np.array([-0.01, 0.01, 0.02, 0.02]), most=4)
    >>> edges.round(3), counts
    (array([-0.01,  0.  ,  0.01,  0.02]), array([1, 0, 3]))
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return np.zeros(1), np.zeros(0, np.int64)
    tail = min(0.01, 5 / len(known)) if len(known) > 100 else 0.0
    low, high = (float(q) for q in np.quantile(known, [tail, 1.0 - tail]))
    low, high = min(low, 0.0), max(high, 0.0)
    wanted = int(np.clip(2 * len(known) ** 0.5, 4, most))
    span = high - low if high - low > _SAME else 1.0
    step = span / max(wanted - 1, 1)
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    edges = np.arange(first, max(last, first + 1) + 1) * step
    counts, _ = np.histogram(np.clip(known, edges[0], edges[-1]), edges)
    return edges, counts.astype(np.int64)
