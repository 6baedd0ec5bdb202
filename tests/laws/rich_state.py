"""What the second simulation remembers: fills, flows, holdings, and the run's data as lists."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from peak_trade.domain.actions import Action
from peak_trade.domain.bars import Bars
from peak_trade.domain.instrument import TradingRules
from peak_trade.domain.terms import Terms
from peak_trade.stats.indicators import atr

(TARGET, STOP_LOSS, TAKE_PROFIT, RUIN, TRAILING_STOP, TIME_STOP, ROI, BREAK_EVEN, PARTIAL,
 LIQUIDATION, DELISTING, HALT, END) = range(13)  # fmt: skip
STOPS = (STOP_LOSS, TRAILING_STOP, BREAK_EVEN, LIQUIDATION)
RESTING = (TAKE_PROFIT, ROI, PARTIAL)
MOST_LOTS = 4 * 10**18
DAY = 86_400_000_000_000
YEAR = 365 * DAY


class LeverageError(Exception):
    """The absolute targets of a row add up to more than the account may hold."""


class TooLargeError(Exception):
    """A target asks for more lots than the books hold."""


@dataclass(frozen=True)
class Fill:
    """One fill, in the order booked."""

    row: int
    instrument: int
    lots: int
    price: float
    fee: float
    reason: int
    cash: float
    slippage: float = 0.0
    time: int = 0


@dataclass(frozen=True)
class Flow:
    """Money that came or went without a fill; instrument -1 for the account's own."""

    row: int
    time: int
    instrument: int
    kind: str
    amount: float


@dataclass
class Outcome:
    """What the account did: the columns of a Record that the document speaks of."""

    fills: list[Fill] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)
    lots: list[int] = field(default_factory=list)
    ordered: int = 0
    filled: int = 0
    shortfalls: int = 0
    shortfall_lots: int = 0
    below_minimum: int = 0
    unfilled: int = 0
    ruined: bool = False
    halted: str = ""
    refused: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LIMITS, 0))
    events: Counter = field(default_factory=Counter)


LIMITS = ("position", "gross", "net", "order", "participation")


@dataclass
class Level:
    """A price at which something rests, and what is booked there; partials say how much."""

    price: float
    reason: int
    lots: int = 0
    tick: float = 0.0


@dataclass
class Holding:
    """One instrument: its position, its orders and levels, and what its target waits for."""

    lots: int = 0
    working: int = 0
    forced: int | None = None  # the reason of a closing that waits for the next open
    average: float = 0.0
    atr: float = math.nan
    best: float = 0.0
    opened: int = 0  # when the position was opened
    entered: int = -1  # the bar that opened it
    bars: int = 0
    minutes: float = 0.0
    stop: Level | None = None
    take: Level | None = None
    base_take: Level | None = None
    partials: list[Level] = field(default_factory=list)
    rules: TradingRules | None = None
    standing: float = 0.0
    acted: float = 0.0
    waiting: bool = False
    blocked: int = 0
    awaits: bool = False  # a nonzero statement, under reentry="stated"
    capped: int = 0  # the side that a partial exit has left
    delisted: bool = False
    last: float = math.nan  # last close, splits taken in
    traded: float | None = None  # price of the last fill at the present instant
    earned: float = 0.0  # cash of the open trade
    entry_value: float = 0.0


class State:
    """Cash, holdings and the run's data; the parts that act on them build on this."""

    def __init__(
        self,
        bars: Bars,
        targets: np.ndarray,
        start: int,
        terms: Terms,
        stop: int,
        actions: Iterable[Action] = (),
        detail: Bars | None = None,
    ) -> None:
        self.instruments, self.terms, self.margin = bars.instruments, terms, terms.margin
        self.n, self.start, self.stop = len(bars.instruments), start, stop
        self.time = bars.time[:stop].tolist()
        self.open, self.high = bars.open[:stop].tolist(), bars.high[:stop].tolist()
        self.low, self.close = bars.low[:stop].tolist(), bars.close[:stop].tolist()
        self.volume = bars.volume[:stop].tolist()
        self.opened = bars.open_time[:stop].tolist()
        self.tradable, self.close_only = bars.tradable[:stop].tolist(), bars.close_only.tolist()
        self.targets = [[float(x) for x in line] for line in np.asarray(targets)[:stop]]
        self.features = {name: values[:stop].tolist() for name, values in bars.features.items()}
        self.unit = [i.lot * i.multiplier for i in bars.instruments]
        self.rate = [1.0] * self.n
        self.detail = [] if detail is None else self._finer(bars, detail)
        self.real = [[t for t in range(stop) if self.tradable[t][i]] for i in range(self.n)]
        self.instants = self._instants()
        self.actions = self._actions(actions)
        self.at = [Holding() for _ in range(self.n)]
        self.cash = self.peak = self.yesterday = terms.cash
        self.returns: list[float] = []  # of closed trades
        self.scales = self._scales(bars[:stop])
        self.atr = self._atr(bars[:stop])
        self.out = Outcome()
        self.events = self.out.events

    def _instants(self) -> dict[int, list[tuple[int, int, int]]]:
        """By the row that books: (time of the fill, instrument, row of the bar)."""
        found: dict[int, list[tuple[int, int, int]]] = {}
        for i, rows in enumerate(self.real):
            for bar in rows:
                when = self.time[bar] if self.close_only[i] else self.opened[bar][i]
                row = min(bisect_right(self.time, when), bar)
                found.setdefault(row, []).append((when, i, bar))
        return {row: sorted(events) for row, events in found.items()}

    def _actions(self, actions: Iterable[Action]) -> dict[int, list[tuple[int, Action]]]:
        """By the first row that closes after them: (instrument, action)."""
        column = {instrument.symbol: i for i, instrument in enumerate(self.instruments)}
        found: dict[int, list[tuple[int, Action]]] = {}
        for action in sorted(actions, key=lambda a: a.time_ns):
            row = bisect_right(self.time, action.time_ns)
            found.setdefault(row, []).append((column[action.symbol], action))
        return found

    def _finer(self, bars: Bars, detail: Bars) -> list[list[list[tuple[float, float, float]]]]:
        """By row and instrument: open, high and low of the finer bars inside each real bar."""
        columns = [detail.symbols.index(symbol) for symbol in bars.symbols]
        return [
            [
                [
                    (float(detail.open[k, j]), float(detail.high[k, j]), float(detail.low[k, j]))
                    for k in range(len(detail))
                    if detail.tradable[k, j] and self.tradable[row][i]
                    and detail.open_time[k, j] >= self.opened[row][i]
                    and detail.time[k] <= self.time[row]
                ]
                for i, j in enumerate(columns)
            ]
            for row in range(self.stop)
        ]  # fmt: skip

    def convert(self) -> None:
        """Take the last closes of the instruments that convert currencies."""
        home = self.terms.currency or self.instruments[0].quote
        for i, instrument in enumerate(self.instruments):
            if instrument.quote == home:
                continue
            for other, h in zip(self.instruments, self.at, strict=True):
                if (other.base, other.quote) == (instrument.quote, home):
                    self.rate[i] = h.last
                elif (other.base, other.quote) == (home, instrument.quote):
                    self.rate[i] = 1 / h.last
            self.unit[i] = instrument.lot * instrument.multiplier * self.rate[i]

    def _scales(self, bars: Bars) -> list[list[float]] | None:
        if self.terms.sizer is None:
            return None
        return np.nan_to_num(self.terms.sizer.scale(bars), nan=0.0).tolist()

    def _atr(self, bars: Bars) -> list[list[float]]:
        exits = self.terms.exits
        return atr(bars, exits.atr_window).tolist() if exits.need_atr else []

    def rules(self, row: int, i: int) -> TradingRules:
        """Tick, order step and minimum notional in force in a row."""
        return self.instruments[i].rules_at(self.time[row])

    def value(self, i: int, lots: int, price: float) -> float:
        """Signed value of lots at a price."""
        return (lots * self.unit[i]) * price

    def marked(self, i: int) -> float:
        """Signed value of a position at its last close."""
        return self.value(i, self.at[i].lots, self.at[i].last) if self.at[i].lots else 0.0

    def cut(self, row: int, i: int, lots: int) -> int:
        """Lots cut towards zero to whole order steps."""
        step = self.rules(row, i).order_step
        return sign(lots) * (abs(lots) // step * step)

    def flow(self, row: int, time: int, i: int, kind: str, amount: float) -> None:
        """Money in or out; nothing is booked where it is zero."""
        if amount:
            self.cash = self.cash + amount
            self.out.flows.append(Flow(row, time, i, kind, amount))
            self.events[kind] += 1
            self.events[f"{kind} of a short"] += i >= 0 and self.at[i].lots < 0


def sign(x: float) -> int:
    """-1, 0 or 1."""
    return (x > 0) - (x < 0)


def on_tick(level: float, tick: float, direction: int) -> float:
    """The tick at or beyond a level; a level within 1e-9 of a tick lies on it."""
    ticks = level / tick
    whole = math.floor(ticks + 1e-9) if direction < 0 else math.ceil(ticks - 1e-9)
    return float(whole * Fraction(repr(tick)))
