"""What the page of a backtest says: its figures, tables, charts and words."""

import json
from dataclasses import dataclass

import numpy as np

from peak_trade.domain.record import Record
from peak_trade.observe import plots, tables
from peak_trade.observe.page import BacktestPage
from peak_trade.observe.price_chart import (
    INDICATOR_COLOURS,
    PANEL_TRADES_DRAWN,
    TRADES_DRAWN,
    marks_used,
    price_figure,
)
from peak_trade.observe.text import (
    DASH,
    FIGURES,
    FINAL_EQUITY,
    Figure,
    figure_named,
    number,
    percent,
    plural,
    quantity,
    stamp,
    value_of,
)
from peak_trade.stats.drawdown import underwater

PANEL_CHARTS = 6
"""Instruments of a panel whose price can be looked at, the most traded first."""


@dataclass(frozen=True, slots=True)
class Card:
    """A key figure: its name, label, text, exact value, explanation and the benchmark's text."""

    name: str
    label: str
    text: str
    value: str
    meaning: str
    beside: str


def backtest_context(page: BacktestPage) -> dict[str, object]:
    """Gather all that the template of a backtest shows."""
    record = page.record
    shown = charted(page)
    return {
        "page": page,
        "title": page.title,
        "rows": record.stop - record.start,
        "currency": currency_of(record),
        "period": period_of(record),
        "summary": summary_of(page),
        "cards": cards_of(page),
        "months": tables.month_rows(record),
        "month_names": tables.MONTHS,
        "drawdowns": tables.drawdown_rows(record),
        "trades": tables.trade_rows(record, page.trades),
        "instruments": tables.instrument_rows(record, page.trades),
        "is_panel": len(record.bars.instruments) > 1,
        "charted": [(f"price-{column}", record.bars.symbols[column]) for column in shown],
        "marks": marks_used(page.trades),
        "indicators": [
            (name, INDICATOR_COLOURS[k % len(INDICATOR_COLOURS)])
            for k, name in enumerate(page.indicators)
        ],
        "notes": notes_of(page, shown),
        "terms": terms_of(record),
        "params": {name: value_of(value) for name, value in page.params.items()},
        "provenance": provenance_of(page),
        "glossary": [figure_named(name) for name in page.stats],
        "bars_per_year": quantity(record.bars.bars_per_year),
        "sparkline": plots.sparkline(
            [record.equity, *([page.benchmark[1]] if page.benchmark else [])]
        ),
        "figures": json.dumps(figures_of(page, shown), separators=(",", ":")),
    }


def figures_of(page: BacktestPage, shown: list[int]) -> dict[str, plots.Figure]:
    """All charts of the page, by the id of the place they are drawn in."""
    record = page.record
    if record.stop == record.start:
        return {}
    net, gross = plots.invested(record)
    areas = {"Net": (net, "accent")}
    if not np.array_equal(net, gross, equal_nan=True):
        areas = {"Gross": (gross, "quiet"), **areas}
    charts = {
        "equity": plots.equity_figure(record, page.benchmark),
        "underwater": plots.area_figure(record, {"Drawdown": (underwater(record.equity), "loss")}),
        "invested": plots.area_figure(record, areas),
    }
    for column in shown:
        charts[f"price-{column}"] = price_figure(
            record, page.trades, page.indicators, column=column
        )
    return charts


def charted(page: BacktestPage) -> list[int]:
    """Columns whose price is drawn: the only one, or the most traded of a panel."""
    width = len(page.record.bars.instruments)
    count = np.bincount(page.record.fills.instrument, minlength=width)
    return [int(k) for k in np.argsort(-count, kind="stable")[:PANEL_CHARTS]]


def currency_of(record: Record) -> str:
    """The account's currency: that of the instruments."""
    return record.bars.instruments[0].quote


def period_of(record: Record) -> str:
    """First and last traded bar."""
    if record.stop == record.start:
        return "no bars"
    interval = record.bars.interval.ns
    first, last = (stamp(int(record.time[k]), interval) for k in (0, -1))
    return first if first == last else f"{first} to {last}"


def cards_of(page: BacktestPage) -> list[Card]:
    """The key figures, in the order of the statistics, and what the account ended with."""
    record = page.record
    final = float(record.equity[-1]) if len(record.equity) else float("nan")
    shown = [(figure, page.stats[figure.name]) for figure in FIGURES if figure.name in page.stats]
    return [_card(figure, value, page) for figure, value in [*shown, (FINAL_EQUITY, final)]]


def _card(figure: Figure, value: float, page: BacktestPage) -> Card:
    currency = currency_of(page.record)
    beside = ""
    if page.benchmark and figure.name in page.benchmark_stats:
        other = figure.show(page.benchmark_stats[figure.name], currency)
        beside = f"{page.benchmark[0]}: {other}"
    return Card(
        figure.name, figure.label, figure.show(value, currency), repr(float(value)),
        figure.meaning, beside,
    )  # fmt: skip


def summary_of(page: BacktestPage) -> str:
    """The result in one or two sentences."""
    record, currency = page.record, currency_of(page.record)
    if not len(record.equity):
        return "The period holds no bars."
    start, end = number(record.terms.cash, 0), number(float(record.equity[-1]), 0)
    text = f"{start} {currency} became {end} {currency}"
    if page.benchmark and len(page.benchmark[1]):
        text += (
            f". {page.benchmark[0]} ended at {number(float(page.benchmark[1][-1]), 0)} {currency}"
        )
    if record.ruined:
        text += ". The account was ruined: its value fell to zero, and it was closed"
    if not len(page.trades):
        text += ". The strategy never traded in this period"
    return text + "."


def terms_of(record: Record) -> list[str]:
    """Under what terms the run traded, in sentences."""
    terms, costs, exits = record.terms, record.terms.costs, record.terms.exits
    currency = currency_of(record)
    said = [f"The account starts with {number(terms.cash)} {currency}."]
    if costs.are_free:
        said.append("No commission and no slippage were charged; real trading costs something.")
    else:
        said.append(
            f"Every fill pays {_share(costs.commission)} of its value as commission, and market "
            f"and stop orders fill {_share(costs.slippage)} worse than the price in the data."
        )
    said.append(_timing(record))
    if exits.stop_loss is not None:
        said.append(f"A position is closed once it loses {_share(exits.stop_loss)} (stop-loss).")
    if exits.take_profit is not None:
        said.append(
            f"A position is closed once it gains {_share(exits.take_profit)} (take-profit)."
        )
    if exits.are_set:
        said.append(
            "After such an exit the instrument stays flat until its target has passed through zero."
            if exits.reentry == "zero"
            else "After such an exit the instrument is entered again when a target is stated again."
        )
    if terms.cash_buffer:
        said.append(f"{_share(terms.cash_buffer)} of equity is left out when orders are sized.")
    if terms.min_change is not None:
        said.append(f"Targets that move by {_share(terms.min_change)} of equity or less are left.")
    return said + _counted(record)


def _timing(record: Record) -> str:
    close_only = record.bars.close_only
    if close_only.all():
        return "Orders are decided at a bar's close and fill at the close of the next bar."
    if close_only.any():
        return (
            "Orders are decided at a bar's close and fill at the next bar's open, or at its close "
            "where the data has closes alone."
        )
    return "Orders are decided at a bar's close and fill at the open of the next bar."


def _counted(record: Record) -> list[str]:
    counts = record.counts
    said = [
        f"{plural(counts.ordered, 'order')} followed from targets, {counts.filled:,} were filled."
    ]
    if counts.shortfalls:
        said.append(
            f"Cash did not pay for {plural(counts.shortfalls, 'order')} in full; "
            f"{plural(counts.shortfall_lots, 'lot')} were cancelled."
        )
    if counts.below_minimum:
        said.append(f"{plural(counts.below_minimum, 'order')} fell below the smallest order size.")
    if counts.unfilled:
        said.append(f"{plural(counts.unfilled, 'order')} had no bar left to fill at.")
    return said


def _share(fraction: float) -> str:
    return percent(fraction, 2) if abs(fraction) >= 0.0005 or not fraction else percent(fraction, 4)


def notes_of(page: BacktestPage, shown: list[int]) -> dict[str, str]:
    """Where the page shows less than there is, it says how much."""
    record, trades = page.record, page.trades
    rows, width = record.stop - record.start, len(record.bars.instruments)
    notes = dict.fromkeys(("lines", "marks", "panel", "trades", "open"), "")
    if rows > plots.FULL_ROWS or (width > 1 and rows > 2 * plots.PANEL_BUCKETS):
        notes["lines"] = (
            f"Long lines are thinned out for drawing: of {rows:,} bars they show the lowest and "
            "the highest value of every stretch. Figures and tables use every bar."
        )
    cap = TRADES_DRAWN if width == 1 else PANEL_TRADES_DRAWN
    most = int(np.bincount(trades.instrument, minlength=1).max()) if len(trades) else 0
    if most > cap:
        each = "" if width == 1 else " of each instrument"
        notes["marks"] = (
            f"The chart marks the {cap:,} trades{each} with the largest profit or loss"
            + (f", of {most:,}." if width == 1 else f", of up to {most:,}.")
        )
    if width > len(shown):
        notes["panel"] = f"The {len(shown)} most traded of {width:,} instruments can be chosen."
    if len(trades) > tables.TRADES_SHOWN:
        notes["trades"] = (
            f"The last {tables.TRADES_SHOWN:,} of {len(trades):,} trades, newest first."
        )
    still = int(trades.is_open.sum())
    if still:
        notes["open"] = (
            f"{plural(still, 'trade')} {'was' if still == 1 else 'were'} still open at the end: "
            "valued at the last close and left out of the win rate."
        )
    return notes


def provenance_of(page: BacktestPage) -> dict[str, str]:
    """How the numbers came to be, and what one needs to make them again."""
    record, bars = page.record, page.record.bars
    facts = {
        "Run": page.run,
        "Data": page.data,
        "Bars traded": f"{record.stop - record.start:,} of {page.interval or bars.interval}",
        "Bars before, for indicators alone": f"{record.start:,}",
        "Data fingerprint": page.fingerprint,
        "Engine": page.engine or record.engine,
        "Why not the fast engine": page.engine_note,
        "Code version": page.code_version,
        **page.facts,
    }
    if len(bars.instruments) == 1:
        item = bars.instruments[0]
        facts["Instrument"] = (
            f"{item.symbol}, smallest order {quantity(item.lot * item.order_step)} {item.base}"
        )
    else:
        facts["Instruments"] = f"{len(bars.instruments):,}"
    return {name: value or DASH for name, value in facts.items() if value or "Why" not in name}
