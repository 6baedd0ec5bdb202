"""The price of an instrument with the strategy's indicators and its trades."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.domain.order import Reason
from peak_trade.domain.record import Record, Trades
from peak_trade.observe.plots import (
    Figure,
    css,
    drawn_ns,
    line,
    milliseconds,
    packed,
    plain,
    rows_drawn,
)
from peak_trade.observe.text import percent, price, stamp

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CANDLES = 400
"""Runs of one instrument with no more rows than this are drawn as candles."""
TRADES_DRAWN = 400
"""Trades marked on a chart at most; the largest profits and losses come first."""
PANEL_TRADES_DRAWN = 150
"""The same for each instrument of a panel."""
INDICATOR_COLOURS = ("line-1", "line-2", "line-3", "line-4")

REASONS = {
    Reason.TARGET: "the strategy's target",
    Reason.STOP_LOSS: "stop-loss",
    Reason.TAKE_PROFIT: "take-profit",
}
"""Why a position was closed, in words; other reasons go by their names."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A kind of marker on the chart: its name, plotly symbol, colour and sign in the legend."""

    name: str
    symbol: str
    colour: str
    sign: str


LONG = Mark("Long entry", "triangle-up", "gain", "\N{BLACK UP-POINTING TRIANGLE}")
SHORT = Mark("Short entry", "triangle-down", "loss", "\N{BLACK DOWN-POINTING TRIANGLE}")
EXITS = {
    Reason.TARGET: Mark("Exit by target", "circle-open", "ink", "\N{WHITE CIRCLE}"),
    Reason.STOP_LOSS: Mark("Exit by stop-loss", "x", "loss", "\N{HEAVY MULTIPLICATION X}"),
    Reason.TAKE_PROFIT: Mark("Exit by take-profit", "diamond", "gain", "\N{BLACK DIAMOND}"),
}
"""How exits are marked, by reason; all others alike."""


def reason_text(code: int) -> str:
    """Say why a position was closed.

    Examples
    --------
    >>> reason_text(1), reason_text(3)
    ('stop-loss', 'ruin')
    """
    reason = Reason(code)
    return REASONS.get(reason, reason.name.lower().replace("_", " "))


def exit_mark(code: int) -> Mark:
    """How an exit for a reason is marked."""
    other = Mark(f"Exit by {reason_text(code)}", "square", "line-2", "\N{BLACK SQUARE}")
    return EXITS.get(Reason(code), other)


def largest(trades: Trades, rows: Ints, count: int) -> Ints:
    """Choose at most ``count`` of some trades, by absolute profit or loss, in time's order."""
    if len(rows) <= count:
        return rows
    order = np.argsort(-np.abs(trades.pnl[rows]), kind="stable")
    return np.sort(rows[order[:count]])


def price_figure(
    record: Record,
    trades: Trades,
    indicators: Mapping[str, Floats],
    *,
    column: int,
) -> Figure:
    """Draw an instrument's price over the traded rows, with indicators, entries and exits."""
    span = slice(record.start, record.stop)
    width = len(record.bars.instruments)
    close = record.bars.close[span, column]
    over, below = _placed(indicators, record, column)
    rows = rows_drawn([close, *over.values(), *below.values()], width)
    traces = [_prices(record, rows, column)]
    for panes, axis in ((over, "y"), (below, "y2")):
        for name, values in panes.items():
            colour = INDICATOR_COLOURS[list(indicators).index(name) % len(INDICATOR_COLOURS)]
            trace = line(values[rows], name, colour, width=1.2)
            trace.update(yaxis=axis, hovertemplate="%{y:,.6~g}")
            traces.append(trace)
    mine = np.flatnonzero(trades.instrument == column)
    cap = TRADES_DRAWN if width == 1 else PANEL_TRADES_DRAWN
    traces += _marks(record, trades, largest(trades, mine, cap))
    layout: Figure = {"yaxis": {"tickformat": ",.6~g"}}
    if below:
        layout = {
            "yaxis": {"tickformat": ",.6~g", "domain": [0.3, 1.0]},
            "xaxis": {"anchor": "y2"},
            "yaxis2": {"tickformat": ",.6~g", "domain": [0.0, 0.24], "anchor": "x"},
        }
    stamps = milliseconds(drawn_ns(record.time[rows], record.bars.interval.ns))
    return {"times": {"t": stamps}, "data": traces, "layout": layout}


def marks_used(trades: Trades) -> list[Mark]:
    """The kinds of markers that these trades need."""
    closed = ~trades.is_open
    used = [mark for mark, side in ((LONG, 1), (SHORT, -1)) if (trades.side == side).any()]
    return used + [exit_mark(int(code)) for code in np.unique(trades.reason[closed])]


def _placed(
    indicators: Mapping[str, Floats], record: Record, column: int
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    # an oscillator on the price's axis would flatten the price, so it gets a pane of its own
    close = record.bars.close[record.start : record.stop, column]
    low, high = (float(f(close)) if len(close) else 0.0 for f in (np.nanmin, np.nanmax))
    over: dict[str, Floats] = {}
    below: dict[str, Floats] = {}
    for name, values in indicators.items():
        whole = values if values.ndim == 1 else values[:, column]
        drawn = np.asarray(whole[record.start : record.stop], dtype=np.float64)
        finite = drawn[np.isfinite(drawn)]
        fits = not len(finite) or low / 2 <= float(np.median(finite)) <= high * 2
        (over if fits else below)[name] = drawn
    return over, below


def _prices(record: Record, rows: Ints, column: int) -> Figure:
    bars, span = record.bars, slice(record.start, record.stop)
    name = bars.symbols[column]
    if len(rows) > CANDLES or len(bars.instruments) > 1 or bars.close_only[column]:
        trace = line(bars.close[span, column][rows], f"{name} close", "price", width=1.3)
        trace["hovertemplate"] = "%{y:,.6~g}"
        return trace
    prices = {
        field: packed(getattr(bars, field)[span, column][rows])
        for field in ("open", "high", "low", "close")
    }
    return {
        "type": "candlestick",
        "x": {"time": "t"},
        "name": plain(name),
        "increasing": {"line": {"color": css("gain"), "width": 1}, "fillcolor": css("gain-soft")},
        "decreasing": {"line": {"color": css("loss"), "width": 1}, "fillcolor": css("loss-soft")},
        **prices,
    }


def _marks(record: Record, trades: Trades, chosen: Ints) -> list[Figure]:
    traces = []
    for mark, side in ((LONG, 1), (SHORT, -1)):
        rows = chosen[trades.side[chosen] == side]
        traces.append(
            _markers(record, mark, trades.entry_row[rows], trades.entry_time[rows],
                     _quoted(record, trades, rows, trades.entry_row, trades.entry_price),
                     [""] * len(rows))
        )  # fmt: skip
    closed = chosen[~trades.is_open[chosen]]
    for code in np.unique(trades.reason[closed]).tolist():
        rows = closed[trades.reason[closed] == code]
        gains = [f", {percent(float(trades.return_[row]))}" for row in rows]
        traces.append(
            _markers(record, exit_mark(code), trades.exit_row[rows], trades.exit_time[rows],
                     _quoted(record, trades, rows, trades.exit_row, trades.exit_price), gains)
        )  # fmt: skip
    return [trace for trace in traces if trace["text"]]


def _quoted(record: Record, trades: Trades, chosen: Ints, rows: Ints, prices: Floats) -> Floats:
    """Prices of chosen trades in the currency that the instrument is quoted in, as its bars are."""
    if not record.rates.size:
        return prices[chosen]
    return prices[chosen] / record.opening_rates[rows[chosen], trades.instrument[chosen]]


def _markers(
    record: Record, mark: Mark, rows: Ints, time: Ints, prices: Floats, notes: list[str]
) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": milliseconds(_where(record, rows, time)) | {"is": "time"},
        "y": packed(prices),
        "name": mark.name,
        "marker": {
            "symbol": mark.symbol,
            "size": 7,
            "color": css(mark.colour),
            "line": {"width": 1.2, "color": css(mark.colour)},
        },
        "text": [
            f"{mark.name} at {price(float(value))}{note}"
            for value, note in zip(prices, notes, strict=True)
        ],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _where(record: Record, rows: Ints, time: Ints) -> Ints:
    interval = record.bars.interval.ns
    daily = interval >= 86_400_000_000_000
    return drawn_ns(record.bars.time[rows], interval) if daily else time


def when(record: Record, row: int, time: int) -> str:
    """Name the time of a fill: its day for bars of a day and longer, else day and minute (UTC)."""
    interval = record.bars.interval.ns
    daily = interval >= 86_400_000_000_000
    return stamp(int(record.bars.time[row]) if daily else time, interval)
