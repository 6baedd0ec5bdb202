"""What a run leaves behind: equity, fills, provenance."""

from dataclasses import dataclass, field, fields
from typing import NamedTuple

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
    ``fee`` in the account's currency, ``reason`` a code of :class:`~peak_trade.domain.order.Reason`,
    ``cash`` the account's cash after it, ``slippage`` what it paid against the open or the level it
    was made at (account's currency, 0 or more).
    """

    row: Ints
    time: Ints
    instrument: Ints
    lots: Ints
    price: Floats
    fee: Floats
    reason: Ints
    cash: Floats
    slippage: Floats

    def __len__(self) -> int:
        return len(self.row)

    def differs_from(self, other: "Fills") -> str:
        """Name the first column that is not equal bit for bit; empty where all are."""
        for column in fields(self):
            mine, theirs = getattr(self, column.name), getattr(other, column.name)
            if mine.shape != theirs.shape or mine.tobytes() != theirs.tobytes():
                return column.name
        return ""


@dataclass(frozen=True, slots=True, eq=False)
class Flows:
    """K payments other than fills, in the order they were booked, as columns.

    ``row`` is the row of the bars that booked it, ``time`` when it was due (UTC nanoseconds),
    ``instrument`` its column or -1, ``kind`` one of ``dividend``, ``funding``, ``split`` (a fraction
    paid out), ``borrow``, ``interest``, ``financing``, ``amount`` what came in, in the account's
    currency, negative for what was paid.
    """

    row: Ints
    time: Ints
    instrument: Ints
    kind: tuple[str, ...]
    amount: Floats

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def none(cls) -> "Flows":
        """No payments."""
        empty = np.zeros(0, np.int64)
        return cls(empty, empty, empty, (), np.zeros(0))

    def differs_from(self, other: "Flows") -> str:
        """Name the first column that is not equal bit for bit; empty where all are."""
        if self.kind != other.kind:
            return "kind"
        for name in ("row", "time", "instrument", "amount"):
            if getattr(self, name).tobytes() != getattr(other, name).tobytes():
                return name
        return ""


class HeldSplit(NamedTuple):
    """A split of a position that was held: ``numerator`` new lots for ``denominator`` old ones.

    ``row`` is the row that booked it, ``fills_before`` how many of the run's fills came before it.
    """

    row: int
    instrument: int
    numerator: int
    denominator: int
    fills_before: int

    @property
    def ratio(self) -> float:
        """New lots for an old one."""
        return self.numerator / self.denominator


@dataclass(frozen=True, slots=True)
class OrderCounts:
    """What became of the orders of a run.

    ``ordered`` and ``filled`` count market orders of targets; ``shortfall_lots`` were cancelled
    because cash did not pay for them, ``below_minimum`` orders were refused as too small, and
    ``unfilled`` had no bar left to fill at. ``over_position`` to ``over_participation`` were refused by
    that limit.
    """

    ordered: int
    filled: int
    shortfalls: int
    shortfall_lots: int
    below_minimum: int
    unfilled: int
    over_position: int = 0
    over_gross: int = 0
    over_net: int = 0
    over_order: int = 0
    over_participation: int = 0

    @property
    def refused(self) -> int:
        """Orders that a limit refused."""
        return (
            self.over_position
            + self.over_gross
            + self.over_net
            + self.over_order
            + self.over_participation
        )


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
    flows : Flows
        Payments other than fills.
    splits : tuple of HeldSplit
        Splits of positions held, in the order booked.
    halted, halted_row : str, int
        The loss limit that halted trading (``max_drawdown`` or ``max_daily_loss``), or nothing, and
        the row at whose close it did, or -1.
    rates : (T, N) float64
        Value of each quote currency in the account's at every close; (0, 0) where all are the same.
    ambiguous : int
        Bars in which a position's exits depend on what came first inside them.
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
    flows: Flows = field(default_factory=Flows.none)
    splits: tuple[HeldSplit, ...] = ()
    halted: str = ""
    halted_row: int = -1
    ambiguous: int = 0
    rates: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def opening_rates(self) -> Floats:
        """(T, N) Rates as they were known while each row's bars were open; ones where all are one."""
        if not self.rates.size:
            return np.ones(self.bars.close.shape)
        return np.concatenate((np.full((1, self.rates.shape[1]), np.nan), self.rates[:-1]))

    @property
    def fill_prices(self) -> Floats:
        """(K,) Prices of the fills in the account's currency."""
        if not self.rates.size:
            return self.fills.price
        return self.fills.price * self.opening_rates[self.fills.row, self.fills.instrument]

    @property
    def time(self) -> Ints:
        """(stop - start,) Close stamps of the traded rows, UTC nanoseconds."""
        return self.bars.time[self.start : self.stop]


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """K round trips, each from flat to flat or through zero, at average cost, as columns.

    ``instrument`` is a column of the bars, ``side`` 1 for long and -1 for short, ``lots`` the
    largest position (unsigned), ``entry_row`` and ``exit_row`` rows of the bars, ``entry_time``
    and ``exit_time`` UTC nanoseconds, ``entry_price`` and ``exit_price`` averages in the account's
    currency, ``pnl`` net of ``fees``, ``return_`` the pnl over the entry value,
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
