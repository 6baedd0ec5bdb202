"""What the page of a backtest says: its figures, tables, charts and words."""

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.domain.record import Record
from peak_trade.observe import (
    plots,
    returns_charts,
    rolling_charts,
    tables,
    trade_charts,
    trade_tables,
    weights,
)
from peak_trade.observe.confidence import confidence_of
from peak_trade.observe.measure_text import measure_named
from peak_trade.observe.page import BacktestPage
from peak_trade.observe.price_chart import (
    INDICATOR_COLOURS,
    PANEL_TRADES_DRAWN,
    TRADES_DRAWN,
    marks_used,
    price_figure,
)
from peak_trade.observe.static import Drawing, drawing
from peak_trade.observe.terms_text import terms_of
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
    short,
    stamp,
    value_of,
)
from peak_trade.stats.drawdown import underwater
from peak_trade.stats.trades import Excursions, excursions

Floats = npt.NDArray[np.float64]

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


SECTIONS = (
    ("figures-section", "Figures"),
    ("account", "Account"),
    ("returns", "Returns"),
    ("price-section", "Price"),
    ("positions", "Positions"),
    ("trades-section", "Trades"),
    ("terms-section", "Terms"),
    ("provenance", "Origin"),
    ("glossary", "Definitions"),
)
"""Places of the page and their names in its bar."""


def backtest_context(page: BacktestPage) -> dict[str, object]:
    """Gather all that the template of a backtest shows."""
    record = page.record
    shown = charted(page)
    way = excursions(record, page.trades) if len(page.trades) else None
    charts = Charts.of(page, shown, way)
    return {
        "page": page,
        "title": page.title,
        "sections": SECTIONS,
        "rows": record.stop - record.start,
        "currency": currency_of(record),
        "period": period_of(record),
        "summary": summary_of(page),
        "cards": cards_of(page),
        "months": tables.month_rows(record),
        "month_names": tables.MONTHS,
        "years": returns_charts.year_rows(record, page.benchmark),
        "measures": measure_rows(page),
        "all_trades": trade_tables.overall(page.trades, way, currency_of(record)),
        "groups": trade_tables.group_tables(record, page.trades, way),
        "costs": trade_tables.cost_rows(record),
        "confidence": confidence_of(record, page.benchmark),
        "drawdowns": tables.drawdown_rows(record),
        "trades": tables.trade_rows(record, page.trades),
        "trades_open": tables.TRADES_OPEN,
        "extremes": trade_charts.extremes(page.trades),
        "instruments": tables.instrument_rows(record, page.trades),
        "is_panel": len(record.bars.instruments) > 1,
        "charted": [(f"price-{column}", record.bars.symbols[column]) for column in shown],
        "charts": charts,
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
        "stills": stills_of(page),
        "figures": json.dumps(charts.figures, separators=(",", ":")),
    }


@dataclass(frozen=True, slots=True)
class Charts:
    """All charts of a page, by the id of the place they are drawn in or of their choice there.

    ``layers`` are the names and colours of the stack of weights, ``scatters`` the choices of what
    trades are drawn against, ``views`` and ``windows`` those of the moving figures.
    """

    figures: dict[str, plots.Figure]
    layers: list[tuple[str, str]]
    scatters: list[tuple[str, str]]
    views: list[tuple[str, str]]
    windows: list[tuple[str, str]]

    @classmethod
    def of(cls, page: BacktestPage, shown: list[int], way: Excursions | None) -> "Charts":
        """Make the charts of a run; none where it has no rows."""
        record, trades = page.record, page.trades
        if record.stop == record.start:
            return cls({}, [], [], [], [])
        figures = _account_figures(page)
        for column in shown:
            figures[f"price-{column}"] = price_figure(
                record, trades, page.indicators, column=column
            )
        layers: list[tuple[str, str]] = []
        if len(record.bars.instruments) > 1 and len(record.fills):
            figures["weights"], layers = weights.weights_figure(record, page.rates)
        spread = returns_charts.returns_figure(record)
        if spread:
            figures["days"] = spread
        scatters: list[tuple[str, str]] = []
        if len(trades) > 1:
            figures["outcomes"] = trade_charts.distribution(trades)
            found = trade_charts.scatters(record, trades, _measured(page, way))
            figures |= {f"way-{name}": figure for name, figure in found.items()}
            scatters = [(f"way-{name}", trade_charts.AGAINST[name][0]) for name in found]
        rolled, views, windows = rolling_charts.rolling_figures(record, page.benchmark)
        return cls(figures | rolled, layers, scatters, views, windows)


def _account_figures(page: BacktestPage) -> dict[str, plots.Figure]:
    record = page.record
    net, gross = weights.invested(record, page.rates)
    areas = {"Net": (net, "accent")}
    if not np.array_equal(net, gross, equal_nan=True):
        areas = {"Gross": (gross, "quiet"), **areas}
    falls = {"Drawdown": (underwater(record.equity), "loss")}
    if page.benchmark:
        falls = {page.benchmark[0]: (underwater(page.benchmark[1]), "quiet"), **falls}
    return {
        "equity": plots.equity_figure(record, page.benchmark),
        "underwater": plots.area_figure(record, falls),
        "invested": plots.area_figure(record, areas),
    }


def _measured(page: BacktestPage, way: Excursions | None) -> dict[str, Floats]:
    trades = page.trades
    bars = (trades.exit_row - trades.entry_row).astype(np.float64)
    return ({"mae": way.mae, "mfe": way.mfe} if way else {}) | {"bars": bars}


def measure_rows(page: BacktestPage) -> tables.Table:
    """The further measures, each with the benchmark's and its meaning."""
    held = page.benchmark[0] if page.benchmark else ""
    heads = ["Measure", "Strategy", *([held] if held else []), "Meaning"]
    rows = []
    for name, value in page.measures.items():
        figure = measure_named(name)
        other = [figure.show(page.benchmark_measures.get(name, float("nan")))] if held else []
        rows.append([figure.label, figure.show(value), *other, figure.meaning])
    kinds = "tnnt" if held else "tnt"
    return tables.table(heads, kinds, rows, title="Further measures")


def stills_of(page: BacktestPage) -> dict[str, Drawing | None]:
    """Draw the account's value and its drawdowns without scripts."""
    record = page.record
    values = [(record.equity, "accent")]
    if page.benchmark:
        values.append((page.benchmark[1], "quiet"))
    return {
        "equity": drawing(
            record.time, values, label=f"Value of the account. {summary_of(page)}", show=short
        ),
        "underwater": drawing(
            record.time,
            [(underwater(record.equity), "loss")] if len(record.equity) else [],
            label="How far the account stood below its highest value so far.",
            show=lambda value: percent(value, 0),
            height=140,
            filled=True,
        ),
    }


def charted(page: BacktestPage) -> list[int]:
    """Columns whose price is drawn: the only one, or the most traded of a panel."""
    width = len(page.record.bars.instruments)
    count = np.bincount(page.record.fills.instrument, minlength=width)
    return [int(k) for k in np.argsort(-count, kind="stable")[:PANEL_CHARTS]]


def currency_of(record: Record) -> str:
    """The account's currency: that of the instruments."""
    return record.terms.currency or record.bars.instruments[0].quote


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


def notes_of(page: BacktestPage, shown: list[int]) -> dict[str, str]:
    """Where the page shows less than there is, it says how much."""
    record, trades = page.record, page.trades
    rows, width = record.stop - record.start, len(record.bars.instruments)
    notes = dict.fromkeys(("lines", "marks", "panel", "dots", "trades", "open"), "")
    if rows > plots.FULL_ROWS or (width > 1 and rows > 2 * plots.PANEL_BUCKETS):
        notes["lines"] = plots.thinned_note(rows)
    cap = TRADES_DRAWN if width == 1 else PANEL_TRADES_DRAWN
    most = int(np.bincount(trades.instrument, minlength=1).max()) if len(trades) else 0
    if most > cap:
        each = "" if width == 1 else " of each instrument"
        notes["marks"] = (
            f"The chart marks the {cap:,} trades{each} with the largest profit or loss"
            + (f", of {most:,}." if width == 1 else f", of up to {most:,}.")
        )
    if len(trades) > trade_charts.DOTS:
        notes["dots"] = (
            f"Drawn are the {trade_charts.DOTS:,} of {len(trades):,} with the largest profit or loss."
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
