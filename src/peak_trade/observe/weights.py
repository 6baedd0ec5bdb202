"""What the account held over time: its share in each instrument."""

import numpy as np
import numpy.typing as npt

from peak_trade.domain.record import HeldSplit, Record
from peak_trade.observe.plots import (
    BUCKETS,
    SERIES,
    Figure,
    css,
    drawn_ns,
    line,
    milliseconds,
    thinned,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STACKED = len(SERIES) - 1
"""Instruments with a colour of their own, those with the largest shares; the others are one."""
OTHERS = "All others"
ONE: Floats = np.zeros((0, 0))
"""Rates where all instruments are quoted in the account's currency."""


def weights_at(record: Record, column: int, rows: Ints, rates: Floats = ONE) -> Floats:
    """Give an instrument's share of the account at some closes.

    Parameters
    ----------
    record : Record
        The run.
    column : int
        Which of its instruments.
    rows : (K,) int64
        Traded rows, counted from the first traded one.
    rates : (T, N) float64
        Value of each instrument's quote currency in the account's; empty where all are the same.

    Returns
    -------
    (K,) float64
        Value of the position over equity, negative for a short; NaN where equity is 0 or below.
    """
    bars = record.bars
    lots = lots_at(record, column, rows + record.start)
    value = lots * bars.instruments[column].unit * bars.close[record.start + rows, column]
    if rates.size:
        value = value * rates[record.start + rows, column]
    equity = np.where(record.equity[rows] > 0, record.equity[rows], np.nan)
    return np.asarray(np.where(lots == 0, 0.0 * equity, value / equity), dtype=np.float64)


def lots_at(record: Record, column: int, rows: Ints) -> Ints:
    """Give the lots of an instrument that were held at the closes of some rows of the bars."""
    mine = np.flatnonzero(record.fills.instrument == column)
    events: list[tuple[float, int, HeldSplit | None]] = [
        (float(k), int(record.fills.row[k]), None) for k in mine
    ]
    events += [
        (split.fills_before - 0.5, split.row, split)
        for split in record.splits
        if split.instrument == column
    ]
    held, booked, after = 0, [-1], [0]
    for place, row, happened in sorted(events, key=lambda event: event[0]):
        if happened is None:
            held += int(record.fills.lots[int(place)])
        else:  # what it leaves of a lot is paid out
            whole = abs(held) * happened.numerator // happened.denominator
            held = whole if held > 0 else -whole
        booked.append(row)
        after.append(held)
    return np.array(after, np.int64)[np.searchsorted(booked, rows, side="right") - 1]


def largest_shares(record: Record, rows: Ints, rates: Floats = ONE) -> list[tuple[str, Floats]]:
    """Give the shares of the instruments that were held most, and of all others together."""
    traded = np.unique(record.fills.instrument)
    shares = {int(k): weights_at(record, int(k), rows, rates) for k in traded}
    size = {k: float(np.nansum(np.abs(values))) for k, values in shares.items()}
    order = sorted(shares, key=lambda k: -size[k])
    kept = order if len(order) <= len(SERIES) else order[:STACKED]
    found = [(record.bars.symbols[k], shares[k]) for k in kept]
    if len(order) > len(kept):
        rest = np.sum([shares[k] for k in order[len(kept) :]], axis=0)
        found.append((OTHERS, rest))
    return found


def invested(record: Record, rates: Floats = ONE) -> tuple[Floats, Floats]:
    """Net and gross value of the positions over equity at each traded close.

    Returns
    -------
    net, gross : (rows,) float64
        Fractions of equity; NaN where equity is 0 or below. They differ where there were shorts.
    """
    rows = np.arange(record.stop - record.start)
    net, gross = np.zeros(len(rows)), np.zeros(len(rows))
    for column in np.unique(record.fills.instrument):
        share = weights_at(record, int(column), rows, rates)
        net += share
        gross += np.abs(share)
    return net, gross


def weights_figure(record: Record, rates: Floats = ONE) -> tuple[Figure, list[tuple[str, str]]]:
    """Draw each instrument's share of the account, stacked; shorts are stacked below zero.

    Returns
    -------
    figure : dict
        The chart.
    names : list of (str, str)
        Symbol and colour of each layer.
    """
    rows = thinned([record.equity], BUCKETS)
    shares = largest_shares(record, rows, rates)
    traces = []
    for (name, values), colour in zip(shares, SERIES, strict=False):
        for side, part in (("long", np.maximum(values, 0)), ("short", np.minimum(values, 0))):
            if side == "short" and not np.nanmin(part, initial=0.0) < 0:
                continue
            trace = line(np.nan_to_num(part), name, colour, width=0.5)
            trace.update(
                stackgroup=side, fillcolor=css(colour), hovertemplate="%{y:.1%}", hoveron="points"
            )
            traces.append(trace)
    stamps = milliseconds(drawn_ns(record.time[rows], record.bars.interval.ns))
    layout: Figure = {"yaxis": {"tickformat": ".0%", "rangemode": "tozero"}}
    names = [(name, colour) for (name, _), colour in zip(shares, SERIES, strict=False)]
    return {"times": {"t": stamps}, "data": traces, "layout": layout}, names
