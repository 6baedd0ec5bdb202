"""The tables of a report as rows of ready words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from peak_trade.domain.record import Record, Trades
from peak_trade.observe.price_chart import reason_text, when
from peak_trade.observe.text import number, percent, price, quantity, stamp
from peak_trade.stats.drawdown import drawdown_table, monthly_returns

Floats = npt.NDArray[np.float64]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
TRADES_SHOWN = 200
"""Rows of the table of trades at most."""
TRADES_OPEN = 25
"""Rows of it that are seen at once."""
INSTRUMENTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: its text, the class that colours it, its heading on a narrow page, and
    what it is sorted by where that is not the number in its text.
    """  # noqa: D205 - one sentence

    text: str
    tone: str = ""
    head: str = ""
    order: str = ""


@dataclass(frozen=True, slots=True)
class YearRow:
    """A year of the monthly table."""

    year: str
    months: tuple[Cell, ...]
    total: Cell


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its headings; ``numeric`` says which columns hold numbers.

    ``title`` says what it is about to those who do not see where it stands, ``meanings`` explains
    each heading (empty where it explains itself).
    """

    heads: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    meanings: tuple[str, ...] = ()


def table(
    heads: Sequence[str],
    numeric: str,
    rows: Sequence[Sequence[str | Cell]],
    *,
    title: str = "",
    meanings: Mapping[str, str] | None = None,
) -> Table:
    """Make a table; ``numeric`` has an ``n`` for each column of numbers and a ``t`` for text.

    Examples
    --------
    >>> table(["Name", "Value"], "tn", [["a", "1"]]).rows[0][1]
    Cell(text='1', tone='', head='Value', order='')
    """
    filled = tuple(
        tuple(
            replace(Cell(cell) if isinstance(cell, str) else cell, head=head)
            for cell, head in zip(row, heads, strict=True)
        )
        for row in rows
    )
    explained = tuple((meanings or {}).get(head, "") for head in heads)
    return Table(tuple(heads), tuple(kind == "n" for kind in numeric), filled, title, explained)


def tone(value: float, scale: float) -> str:
    """Name the colour of a return: four steps of gain or loss up to ``scale``.

    Examples
    --------
    >>> tone(0.02, 0.08), tone(-0.5, 0.08), tone(0.0, 0.08)
    ('gain-1', 'loss-4', '')
    """
    if not np.isfinite(value) or value == 0 or not scale > 0:
        return ""
    step = min(4, max(1, int(np.ceil(abs(value) / scale * 4))))
    return f"{'gain' if value > 0 else 'loss'}-{step}"


def month_rows(record: Record) -> tuple[YearRow, ...]:
    """Returns by month and year, coloured by their size; the month's strongest tenth is darkest."""
    found = monthly_returns(record.time, record.equity)
    sizes = np.abs(found.months[np.isfinite(found.months)])
    scale = float(np.quantile(sizes, 0.9)) if len(sizes) else 0.0
    return tuple(
        YearRow(
            str(year),
            tuple(
                Cell("" if np.isnan(value) else percent(value, 1), tone(value, scale), head)
                for value, head in zip(months, MONTHS, strict=True)
            ),
            Cell(percent(total, 1), tone(total, 3 * scale), "Year"),
        )
        for year, months, total in zip(found.years, found.months, found.totals, strict=True)
    )


def drawdown_rows(record: Record) -> Table:
    """The five deepest drawdowns."""
    interval = record.bars.interval.ns
    return table(
        ["From", "Lowest", "Recovered", "Days", "Depth"],
        "tttnn",
        [
            [
                stamp(item.peak_time, interval),
                stamp(item.trough_time, interval),
                "not yet" if item.recovery_time is None else stamp(item.recovery_time, interval),
                number(item.days, 0 if interval >= 86_400_000_000_000 else 1),
                percent(item.depth),
            ]
            for item in drawdown_table(record.time, record.equity)
        ],
    )


def trade_rows(record: Record, trades: Trades) -> Table:
    """The last trades, newest first."""
    heads = [
        "Side",
        "Quantity",
        "In",
        "Price",
        "Out",
        "Price out",
        "Return",
        "Profit",
        "Fees",
        "Closed by",
    ]
    kinds = "tntntnnnnt"
    rows = [_trade(record, trades, row) for row in range(len(trades))[-TRADES_SHOWN:]][::-1]
    if len(record.bars.instruments) > 1:
        heads, kinds = ["Instrument", *heads], "t" + kinds
    else:
        rows = [row[1:] for row in rows]
    return table(heads, kinds, rows)


def _trade(record: Record, trades: Trades, row: int) -> list[str | Cell]:
    instrument = record.bars.instruments[trades.instrument[row]]
    is_open = bool(trades.is_open[row])
    out = when(record, int(trades.exit_row[row]), int(trades.exit_time[row]))
    pnl = float(trades.pnl[row])
    return [
        instrument.symbol,
        "long" if trades.side[row] > 0 else "short",
        quantity(float(trades.lots[row]) * instrument.lot),
        when(record, int(trades.entry_row[row]), int(trades.entry_time[row])),
        price(float(trades.entry_price[row])),
        "still open" if is_open else out,
        price(float(trades.exit_price[row])),
        percent(float(trades.return_[row])),
        Cell(number(pnl), "up" if pnl > 0 else "down" if pnl < 0 else ""),
        number(float(trades.fees[row])),
        "" if is_open else reason_text(int(trades.reason[row])),
    ]


def instrument_rows(record: Record, trades: Trades) -> Table:
    """What each instrument of a panel brought, the largest profits and losses first."""
    width = len(record.bars.instruments)
    count = np.bincount(trades.instrument, minlength=width)
    pnl = np.bincount(trades.instrument, weights=trades.pnl, minlength=width)
    fees = np.bincount(trades.instrument, weights=trades.fees, minlength=width)
    order = np.argsort(-np.abs(pnl), kind="stable")[:INSTRUMENTS_SHOWN]
    return table(
        ["Instrument", "Trades", "Profit", "Fees", "Held at the end"],
        "tnnnn",
        [
            [
                record.bars.symbols[k],
                str(count[k]),
                Cell(number(pnl[k]), "up" if pnl[k] > 0 else "down" if pnl[k] < 0 else ""),
                number(fees[k]),
                quantity(float(record.lots[k]) * record.bars.instruments[k].lot),
            ]
            for k in order
        ],
    )
