"""What a run leaves behind: equity, fills, provenance."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.terms import Terms

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Fills:
    """K fills in the order they were booked, as columns.

    ``row`` is the row of the bars that booked it, ``time`` when it happened (UTC nanoseconds),
    ``instrument`` its column, ``lots`` signed, ``price`` in quote currency with slippage in it,
    ``fee`` in quote currency, ``reason`` a code of :class:`~peak_trade.domain.order.Reason`,
    ``cash`` the account's cash after it.
    """

    row: Ints
    time: Ints
    instrument: Ints
    lots: Ints
    price: Floats
    fee: Floats
    reason: Ints
    cash: Floats

    def __len__(self) -> int:
        return len(self.row)

    def differs_from(self, other: "Fills") -> str:
        """Name the first column that is not equal bit for bit; empty where all are."""
        for column in fields(self):
            mine, theirs = getattr(self, column.name), getattr(other, column.name)
            if mine.shape != theirs.shape or mine.tobytes() != theirs.tobytes():
                return column.name
        return ""


@dataclass(frozen=True, slots=True)
class OrderCounts:
    """What became of the orders of a run.

    ``ordered`` and ``filled`` count market orders of targets; ``shortfall_lots`` were cancelled
    because cash did not pay for them, ``below_minimum`` orders were refused as too small, and
    ``unfilled`` had no bar left to fill at.
    """

    ordered: int
    filled: int
    shortfalls: int
    shortfall_lots: int
    below_minimum: int
    unfilled: int


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One run over bars: what was traded and what the account was worth.

    Attributes
    ----------
    bars : Bars
        All rows the strategy saw; its first row is the run's anchor.
    start, stop : int
        Rows traded: ``start`` included, ``stop`` not.
    terms : Terms
        The account and its costs.
    engine : str
        ``fast`` or ``session``.
    equity : (stop - start,) float64
        Cash plus positions at the close of each traded row, quote currency.
    held : (stop - start,) bool
        Whether any position was open at the close of the row.
    fills : Fills
        Every fill; rows count from the anchor.
    lots : (N,) int64
        Positions at the end.
    counts : OrderCounts
        What became of the orders.
    ruined : bool
        Whether equity fell to zero or below, after which the account was closed.
    """

    bars: Bars
    start: int
    stop: int
    terms: Terms
    engine: str
    equity: Floats
    held: npt.NDArray[np.bool_]
    fills: Fills
    lots: Ints
    counts: OrderCounts
    ruined: bool

    @property
    def time(self) -> Ints:
        """(stop - start,) Close stamps of the traded rows, UTC nanoseconds."""
        return self.bars.time[self.start : self.stop]


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """K round trips, each from flat to flat or through zero, at average cost, as columns.

    ``instrument`` is a column of the bars, ``side`` 1 for long and -1 for short, ``lots`` the
    largest position (unsigned), ``entry_row`` and ``exit_row`` rows of the bars, ``entry_time``
    and ``exit_time`` UTC nanoseconds, ``entry_price`` and ``exit_price`` averages in quote
    currency, ``pnl`` net of ``fees`` in quote currency, ``return_`` the pnl over the entry value,
    ``reason`` the code of the last fill. Where ``is_open`` is True the trade was still open at the
    end: its exit columns are the last row, its last close as price, and its pnl is marked there.
    """

    instrument: Ints
    side: Ints
    lots: Ints
    entry_row: Ints
    exit_row: Ints
    entry_time: Ints
    exit_time: Ints
    entry_price: Floats
    exit_price: Floats
    pnl: Floats
    fees: Floats
    return_: Floats
    reason: Ints
    is_open: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.instrument)
