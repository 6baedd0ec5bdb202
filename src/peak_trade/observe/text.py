"""Numbers, dates and figures in words, as a report shows them."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from peak_trade.domain.calendar import DAY_NS

DASH = "\N{EN DASH}"
"""Stands where a figure is not defined."""

Kind = Literal["percent", "ratio", "count", "money", "times"]


def percent(value: float, digits: int = 2) -> str:
    """Write a fraction as percent; a dash where it is not a number.

    Examples
    --------
    >>> percent(0.12345), percent(-1.5, 0), percent(float("nan"))
    ('12.35%', '-150%', '–')
    """  # noqa: RUF002 - the dash is what is shown
    return _fixed(value * 100.0, digits, "%")


def number(value: float, digits: int = 2) -> str:
    """Write a number with thousands apart; a dash where it is not one.

    Examples
    --------
    >>> number(1234567.891), number(-0.001)
    ('1,234,567.89', '0.00')
    """
    return _fixed(value, digits, "")


def _fixed(value: float, digits: int, suffix: str) -> str:
    if not math.isfinite(value):
        return DASH
    shown = f"{value:,.{digits}f}"
    if not any(digit in shown for digit in "123456789"):
        shown = shown.removeprefix("-")  # no minus before a zero
    return shown + suffix


def short(value: float) -> str:
    """Write a large number in few signs.

    Examples
    --------
    >>> short(150_000.0), short(2_500_000.0), short(-75.0)
    ('150k', '2.5M', '-75')
    """
    for size, sign in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{sign}"
    return f"{value:.4g}"


def price(value: float) -> str:
    """Write a price with as many decimals as its size needs.

    Examples
    --------
    >>> price(65432.1), price(1.08345), price(0.00001234)
    ('65,432.10', '1.0835', '0.00001234')
    """
    if not math.isfinite(value):
        return DASH
    size = abs(value)
    if size >= 10 or size == 0:
        return f"{value:,.2f}"
    digits = 4 if size >= 1 else 3 - math.floor(math.log10(size))
    whole, _, rest = f"{value:.{digits}f}".partition(".")
    return f"{whole}.{rest.rstrip('0').ljust(2, '0')}"


def quantity(value: float) -> str:
    """Write a quantity without trailing zeros.

    Examples
    --------
    >>> quantity(1234.5000000002), quantity(100)
    ('1,234.5', '100')
    """
    return f"{value:,.8f}".rstrip("0").rstrip(".")


def value_of(value: object) -> str:
    """Write a parameter's value: numbers short, nothing as ``none``.

    Examples
    --------
    >>> value_of(0.30000000000000004), value_of(None), value_of("close")
    ('0.3', 'none', 'close')
    """
    if value is None:
        return "none"
    if isinstance(value, float | np.floating):
        return f"{value:.10g}"
    return str(value)


def stamp(close_ns: int, interval_ns: int) -> str:
    """Name a bar by its close: the day for bars of a day and longer, else day and time (UTC).

    Examples
    --------
    >>> stamp(86_400_000_000_000, 86_400_000_000_000), stamp(5_400_000_000_000, 60_000_000_000)
    ('1970-01-01', '1970-01-01 01:30')
    """
    if interval_ns >= DAY_NS:
        return str(np.datetime64(close_ns - 1, "ns").astype("datetime64[D]"))
    return moment(close_ns, "m" if interval_ns % 60_000_000_000 == 0 else "s")


def moment(ns: int, unit: Literal["m", "s"] = "m") -> str:
    """Write a stamp as day and time, UTC."""
    return str(np.datetime64(ns, "ns").astype(f"datetime64[{unit}]")).replace("T", " ")


def plural(count: int, one: str, many: str = "") -> str:
    """Count things in words.

    Examples
    --------
    >>> plural(1, "trade"), plural(1200, "trade")
    ('1 trade', '1,200 trades')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a run: how it is called, shown, explained and defined, and which way is better."""

    name: str
    label: str
    kind: Kind
    meaning: str
    definition: str
    better: Literal["more", "less", ""] = ""

    def show(self, value: float, currency: str = "") -> str:
        """Write a value of this figure."""
        if not math.isfinite(value):
            return DASH
        match self.kind:
            case "percent":
                return percent(value)
            case "count":
                return number(value, 0)
            case "money":
                return f"{number(value)} {currency}".strip()
            case "times":
                return number(value) + "x"
            case _:
                return number(value)


FIGURES = (
    Figure(
        "total_return",
        "Total return",
        "percent",
        "What the account gained or lost over the whole period, after costs.",
        "Last equity over first equity, minus 1.",
        "more",
    ),
    Figure(
        "cagr",
        "Growth a year (CAGR)",
        "percent",
        "The steady yearly growth that leads to the total return.",
        "(1 + total return) to the power of 1 / years, minus 1; years are returns over bars "
        "in a usual year.",
        "more",
    ),
    Figure(
        "volatility",
        "Volatility",
        "percent",
        "How much the account swings in a usual year.",
        "Standard deviation of the returns from bar to bar, times the square root of the bars "
        "in a usual year.",
        "less",
    ),
    Figure(
        "sharpe",
        "Sharpe ratio",
        "ratio",
        "Return for each unit of swing; above 1 is good, above 2 is rare.",
        "Mean return over its standard deviation, times the square root of the bars in a usual "
        "year; no interest on cash is taken off.",
        "more",
    ),
    Figure(
        "sortino",
        "Sortino ratio",
        "ratio",
        "Like Sharpe, but counting only the swings that lose.",
        "Mean return over the downside deviation (root of the mean square of the returns below "
        "zero), times the square root of the bars in a usual year.",
        "more",
    ),
    Figure(
        "max_drawdown",
        "Largest drawdown",
        "percent",
        "The deepest fall from a high before a new one.",
        "The lowest value of equity over its highest value so far, minus 1.",
        "more",
    ),
    Figure(
        "trades",
        "Trades",
        "count",
        "Times a position was taken, the ones still open included.",
        "A trade runs from no position to no position, or through it. One that is still open at the end counts.",
    ),
    Figure(
        "win_rate",
        "Win rate",
        "percent",
        "Share of closed trades that made money, after costs.",
        "Closed trades with a profit above zero over all closed trades.",
        "more",
    ),
    Figure(
        "fees",
        "Fees paid",
        "money",
        "Commission over the whole period; slippage comes on top, in the prices.",
        "Sum of the commission of every fill.",
        "less",
    ),
    Figure(
        "exposure",
        "Time in the market",
        "percent",
        "Share of bars that ended with a position.",
        "Bars with any open position at their close over all traded bars.",
    ),
    Figure(
        "turnover",
        "Turnover a year",
        "times",
        "How often the account's value is traded in a year.",
        "Traded value over mean equity, a year.",
    ),
)
"""Every figure of a run, in the order of its statistics."""

BY_NAME = {figure.name: figure for figure in FIGURES}
"""The figures by name."""

FINAL_EQUITY = Figure(
    "final_equity",
    "Final equity",
    "money",
    "What the account was worth at the end.",
    "Cash plus positions at the last close.",
    "more",
)
"""What the account ended with; not one of the statistics."""


def figure_named(name: str) -> Figure:
    """Find a figure; one that is not known is shown as a plain number under its own name."""
    return BY_NAME.get(name, Figure(name, name.replace("_", " ").capitalize(), "ratio", "", ""))
