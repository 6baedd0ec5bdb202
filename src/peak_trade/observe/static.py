"""Lines drawn without scripts: what a page shows where its charts cannot run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.observe.plots import thinned

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WIDTH = 1000
_BUCKETS = 200
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: its place in the drawing, the same in percent, and its text."""

    at: str
    share: str
    text: str


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line as SVG points, its colour, and the polygon down to zero where it is filled."""

    points: str
    colour: str
    area: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart as plain shapes; ``label`` says in words what it shows."""

    width: int
    height: int
    label: str
    lines: tuple[Stroke, ...]
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]


def ticks(low: float, high: float, count: int = 4) -> Floats:
    """Round values that divide a range into about ``count`` steps.

    Examples
    --------
    >>> ticks(0.0, 97.0)
    array([ 0., 25., 50., 75.])
    """
    raw = (high - low) / count
    if not (np.isfinite(raw) and raw > 0):
        return np.array([low])
    size = 10.0 ** np.floor(np.log10(raw))
    step = size * next(s for s in _STEPS if s * size >= raw * (1 - 1e-9))
    first = np.ceil(low / step - 1e-9)
    return np.asarray(
        np.arange(first, np.floor(high / step + 1e-9) + 1) * step + 0.0, dtype=np.float64
    )


def drawing(
    time: Ints,
    lines: Sequence[tuple[Floats, str]],
    *,
    label: str,
    show: Callable[[float], str],
    height: int = 220,
    filled: bool = False,
) -> Drawing | None:
    """Draw lines over time in one box.

    Parameters
    ----------
    time : (T,) int64
        Stamps, UTC nanoseconds.
    lines : sequence of ((T,) float64, str)
        Values and colour; the first is drawn on top. NaN is left out.
    label : str
        What the drawing shows, for those who do not see it.
    show : callable
        Writes a value of the vertical axis.
    height : int
        Pixels.
    filled : bool
        Whether the space between a line and zero is filled; zero is then in the picture.

    Returns
    -------
    Drawing or None
        None for fewer than two rows, or where no value is finite.
    """
    values = [line for line, _ in lines]
    finite = np.concatenate([line[np.isfinite(line)] for line in values]) if values else np.empty(0)
    if len(time) < 2 or not len(finite):
        return None
    shown = np.append(finite, 0.0) if filled else finite
    low, high = float(shown.min()), float(shown.max())
    span = (high - low) or 1.0
    rows = thinned(values, _BUCKETS)
    across = (time[rows] - time[0]) / float(time[-1] - time[0]) * WIDTH
    zero = height * (high / span)
    strokes = [
        _stroke(across, height * ((high - line[rows]) / span), colour, zero if filled else None)
        for line, colour in reversed(lines)
    ]
    levels = [
        Tick(f"{height * (high - at) / span:.1f}", f"{100 * (high - at) / span:.2f}", show(at))
        for at in (float(at) for at in ticks(low, high))
    ]
    return Drawing(WIDTH, height, label, tuple(strokes), tuple(levels), _dates(time))


def _stroke(x: Floats, y: Floats, colour: str, zero: float | None) -> Stroke:
    keep = np.isfinite(y)
    x, y = x[keep], y[keep]
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    area = ""
    if zero is not None and len(x):
        area = f"{x[0]:.1f},{zero:.1f} {points} {x[-1]:.1f},{zero:.1f}"
    return Stroke(points, colour, area)


def _dates(time: Ints, count: int = 5) -> tuple[Tick, ...]:
    first, last = int(time[0]), int(time[-1])
    days = (last - first) / 86_400e9
    unit = "Y" if days > 3 * 366 else "M" if days > 120 else "D" if days > 4 else "m"
    marks = [first + (last - first) * k // count for k in range(count)]
    starts = np.unique(np.array(marks, "datetime64[ns]").astype(f"datetime64[{unit}]"))
    found = []
    for start in starts:
        share = (int(start.astype("datetime64[ns]").astype(np.int64)) - first) / (last - first)
        if share >= 0:
            text = str(start).replace("T", " ")
            found.append(Tick(f"{share * WIDTH:.1f}", f"{100 * share:.2f}", text))
    return tuple(found)
