"""What the trades of a run looked like: their returns, how far they went on the way, how long."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from peak_trade.domain.record import Record, Trades
from peak_trade.observe.plots import Figure, bars_of, css, histogram, packed
from peak_trade.observe.price_chart import largest
from peak_trade.observe.text import percent, stamp

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DOTS = 700
"""Trades drawn as dots at most; the largest profits and losses come first."""

AGAINST = {
    "mae": ("Worst loss on the way (MAE)", "worst loss on the way", ".1%"),
    "mfe": ("Best gain on the way (MFE)", "best gain on the way", ".1%"),
    "bars": ("Bars held", "bars held", ",.0f"),
}
"""What a trade's return can be drawn against: its name in the list, on the axis, its format."""


def distribution(trades: Trades) -> Figure:
    """Draw how many trades brought which return."""
    edges, counts = histogram(trades.return_)
    return bars_of(edges, counts, "trades", shown=".1%")


def scatters(record: Record, trades: Trades, measured: Mapping[str, Floats]) -> dict[str, Figure]:
    """Draw each trade's return against what is known of its way.

    Parameters
    ----------
    record : Record
        The run.
    trades : Trades
        Its round trips.
    measured : mapping of str to (K,) float64
        ``mae``, ``mfe`` (fractions of the entry price) and ``bars``, whichever there are.

    Returns
    -------
    dict of str to Figure
        One for each, by its name.
    """
    chosen = largest(trades, np.arange(len(trades)), DOTS)
    texts = _said(record, trades, chosen)
    return {
        name: _scatter(trades, chosen, values, texts, name)
        for name, values in measured.items()
        if np.isfinite(values[chosen]).any()
    }


def _scatter(trades: Trades, chosen: Ints, values: Floats, texts: list[str], name: str) -> Figure:
    _, label, shown = AGAINST[name]
    won = trades.pnl[chosen] > 0
    traces: list[Figure] = []
    for kind, mine, colour in (("Won", won, "gain"), ("Lost", ~won, "loss")):
        rows = chosen[mine]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": kind,
                "x": packed(values[rows]),
                "y": packed(trades.return_[rows]),
                "text": [text for text, keep in zip(texts, mine, strict=True) if keep],
                "marker": {"color": css(colour), "size": 6, "opacity": 0.7},
                "hovertemplate": f"%{{text}}<br>return %{{y:.2%}}, {label} %{{x:{shown}}}"
                "<extra></extra>",
            }
        )
    return {
        "data": traces,
        "layout": {
            "xaxis": {"tickformat": shown, "title": {"text": label}},
            "yaxis": {"tickformat": ".0%", "title": {"text": "return of the trade"}},
        },
    }


def _said(record: Record, trades: Trades, chosen: Ints) -> list[str]:
    interval, symbols = record.bars.interval.ns, record.bars.symbols
    return [
        f"{symbols[trades.instrument[k]]} {'long' if trades.side[k] > 0 else 'short'}, "
        f"{stamp(int(trades.entry_time[k]) + 1, interval)}"
        for k in chosen.tolist()
    ]


def extremes(trades: Trades) -> str:
    """Say how much of the profit hangs on a few trades; empty where there was none."""
    total = float(trades.pnl.sum())
    if len(trades) < 10 or not total > 0:
        return ""
    few = max(1, len(trades) // 20)
    best = float(np.sort(trades.pnl)[-few:].sum())
    share = best / total
    named = "best trade" if few == 1 else f"best {few:,}"
    return (
        f"The {named} of {len(trades):,} brought {percent(share, 0)} of the net profit; "
        f"without {'it' if few == 1 else 'them'} {percent(1 - share, 0)} of it is left."
    )
