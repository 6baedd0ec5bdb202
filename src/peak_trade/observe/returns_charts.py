"""How returns were spread: over the days, over the years beside a benchmark."""

import numpy as np
import numpy.typing as npt

from peak_trade.domain.calendar import DAY_NS
from peak_trade.domain.record import Record
from peak_trade.observe.plots import Figure, bars_of, histogram
from peak_trade.observe.tables import Cell, Table, table
from peak_trade.observe.text import percent
from peak_trade.stats.drawdown import monthly_returns

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def daily(record: Record) -> tuple[str, Floats]:
    """Give the returns of each day with a bar, or of each bar where bars are longer than a day.

    Returns
    -------
    name : str
        What one of them is, in the plural: ``days`` or ``bars``.
    returns : (D,) float64
        Simple returns; NaN where the account was not above zero before.
    """
    equity, time = record.equity, record.time
    name = "days" if record.bars.interval.ns <= DAY_NS else "bars"
    if record.bars.interval.ns < DAY_NS and len(time):
        day = (time - 1) // DAY_NS
        ends = np.append(np.flatnonzero(np.diff(day)), len(day) - 1)
        equity = np.concatenate([equity[:1], equity[ends]])
    before = np.where(equity[:-1] > 0, equity[:-1], np.nan)
    return name, np.asarray(equity[1:] / before - 1.0, dtype=np.float64)


def returns_figure(record: Record) -> Figure | None:
    """Draw how many days brought which return; None where there are fewer than ten."""
    name, returns = daily(record)
    moved = returns[returns != 0]
    if len(moved) < 10:
        return None
    edges, counts = histogram(moved)
    return bars_of(edges, counts, name, shown=".2%")


def year_rows(record: Record, benchmark: tuple[str, Floats] | None) -> Table:
    """Return of each calendar year, and the benchmark's beside it."""
    mine = monthly_returns(record.time, record.equity)
    heads, kinds = ["Year", "Strategy"], "tn"
    columns = [mine.totals]
    if benchmark:
        other = monthly_returns(record.time, benchmark[1]).totals
        heads += [benchmark[0], "Difference"]
        kinds += "nn"
        columns += [other, mine.totals - other]
    rows: list[list[str | Cell]] = [
        [str(year), *(_toned(float(column[k])) for column in columns)]
        for k, year in enumerate(mine.years)
    ]
    return table(heads, kinds, rows, title="Returns by year")


def _toned(value: float) -> Cell:
    return Cell(percent(value, 1), "up" if value > 0 else "down" if value < 0 else "")
