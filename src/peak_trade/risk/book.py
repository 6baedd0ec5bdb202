"""What the gate looks at besides the order: the books, open orders, prices and the state of the world."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from peak_trade.domain.order import Order

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(slots=True)
class Book:
    """An account as it stands when orders are reviewed; the session keeps it up to date.

    Parameters
    ----------
    symbols : tuple of str
        Names of the N instruments.
    ticks, steps, minima : (N,) float64, int64, float64
        Price steps, quantity steps in lots, and smallest order values in force.
    units : (N,) float64
        Value of one lot at a price of 1, account's currency; NaN where no rate is known.
    lot_sizes : (N,) float64
        Quantity of one lot, in units of the instrument.
    held : (N,) int64
        Signed positions in lots.
    buying, selling : (N,) int64
        Lots that open and UNKNOWN orders may still buy and sell (both unsigned), those of reduce-only
        orders left out.
    marks : (N,) float64
        Last good closes, NaN where there was none.
    mids : (N,) float64
        Middles of the current best prices; the marks where no quotes are there.
    volumes, daily_volumes : (N,) float64
        Volume of the last real bar, and average daily volume; NaN where not known.
    equity, cash, peak, yesterday : float
        Equity at the marks, cash, highest equity since the last reset, and equity at the last close of
        the day before; account's currency.
    version : int
        Counts every change of positions, open orders and cash; approvals are bound to it.
    now_ns : int
        The session's time, UTC nanoseconds.
    data_ns : (N,) int64
        When each instrument's data was last good, UTC nanoseconds.
    interval_ns : int
        Length of a bar, for the age of data; 0 where there is none.
    quarantined, closed : (N,) bool
        Instruments whose data is not trusted, and those whose trading hours or venue are not open.
    clock_skew_ns : int
        How far the venue's clock is from ours.
    working : list of Order
        Open and UNKNOWN orders, for self-trades.
    realised : float
        What closed trades have made since the last close of the day before, account's currency.
    """

    symbols: tuple[str, ...]
    ticks: Floats
    steps: Ints
    minima: Floats
    units: Floats
    lot_sizes: Floats
    held: Ints
    buying: Ints
    selling: Ints
    marks: Floats
    mids: Floats
    volumes: Floats
    daily_volumes: Floats
    equity: float
    cash: float
    peak: float
    yesterday: float
    version: int = 0
    now_ns: int = 0
    data_ns: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    interval_ns: int = 0
    quarantined: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    closed: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    clock_skew_ns: int = 0
    working: list[Order] = field(default_factory=list)
    realised: float = 0.0


@dataclass(frozen=True, slots=True)
class Proposal:
    """An order to be reviewed, and what it changes.

    ``replaces`` signed lots of an order that is cancelled for it at the same moment: the order then adds
    only what it exceeds them by. ``intent`` names the wish that it comes from; the same wish is never
    approved twice. ``parent_left`` are the lots that its parent order still has to give, where it is a
    child of one.
    """

    order: Order
    replaces: int = 0
    intent: str = ""
    parent_left: int | None = None
