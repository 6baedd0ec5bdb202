"""The loop of every mode: bars close, orders fill, the books are marked, targets become orders."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.event import BarsClosed
from peak_trade.domain.ledger import Fill, Ledger
from peak_trade.domain.record import Fills, OrderCounts, Record
from peak_trade.domain.strategy import HasTargets
from peak_trade.domain.terms import Terms
from peak_trade.engine.account import RuleTable, target_error
from peak_trade.execution.pipeline import OrderRules, Pipeline
from peak_trade.execution.sim import SimVenue
from peak_trade.kernels.accounting import mark_row
from peak_trade.portfolio.weights import target_array

Floats = npt.NDArray[np.float64]


class RowSource(Protocol):
    """Where a session takes a row of targets from."""

    def row(self, t: int) -> Floats:
        """(N,) targets decided at the close of row t; NaN: the last ones stand."""
        ...

    def standing(self, t: int) -> Floats:
        """(N,) targets that stand before row t, 0 where none was stated."""
        ...


class StoredRows:
    """Target rows of a strategy, computed in one call over stored bars."""

    def __init__(self, targets: npt.NDArray[np.float64] | npt.NDArray[np.bool_]) -> None:
        self._targets = np.ascontiguousarray(targets, dtype=np.float64)

    def row(self, t: int) -> Floats:
        """Row t of the targets."""
        row: Floats = self._targets[t]
        return row

    def standing(self, t: int) -> Floats:
        """The last targets stated before row t."""
        return _last_stated(self._targets[:t])


class LiveRows:
    """Target rows as a live session gets them: the strategy sees the history up to each row alone."""

    def __init__(self, strategy: HasTargets, bars: Bars) -> None:
        self._strategy, self._bars = strategy, bars

    def row(self, t: int) -> Floats:
        """The last row of the strategy's targets over rows 0 to t."""
        targets = target_array(self._strategy, self._bars[: t + 1])
        return np.asarray(targets[-1], dtype=np.float64)

    def standing(self, t: int) -> Floats:
        """The last targets that the strategy states over the rows before t."""
        if t == 0:
            return np.zeros(len(self._bars.instruments))
        return _last_stated(np.asarray(target_array(self._strategy, self._bars[:t]), np.float64))


def _last_stated(targets: Floats) -> Floats:
    states = ~np.isnan(targets)
    behind = np.argmax(states[::-1], axis=0) if len(targets) else np.zeros(targets.shape[1], int)
    last = targets[len(targets) - 1 - behind, np.arange(targets.shape[1])] if len(targets) else 0.0
    return np.where(states.any(axis=0), last, 0.0)


class Session:
    """Trades a strategy's target rows on a simulated venue, one event at a time.

    Parameters
    ----------
    bars : Bars
        All rows from the anchor on.
    source : RowSource
        Where target rows come from.
    start, stop : int
        Rows to trade; those before ``start`` feed indicators only.
    terms : Terms
        The account.
    name : str
        The strategy's name, for errors.
    run : str
        The run's id, from which client order ids derive.

    Attributes
    ----------
    ledger : Ledger
        The session's books.
    venue : SimVenue
        The venue, which keeps books of its own.
    """

    def __init__(
        self,
        bars: Bars,
        source: RowSource,
        *,
        start: int,
        stop: int,
        terms: Terms,
        name: str = "strategy",
        run: str = "backtest",
    ) -> None:
        self._bars, self._source, self._terms, self._name = bars, source, terms, name
        self._start, self._stop = start, stop
        self._table = RuleTable.of(bars)
        stretch = self._table.at(start)
        rules = self._rules(stretch)
        self.ledger = Ledger(bars.instruments, terms.cash)
        self.venue = SimVenue(bars, terms, rules.steps, rules.minima)
        self.pipeline = Pipeline(self.venue, self.ledger, terms=terms, rules=rules, run=run)
        self._next_rules = self._row_of(stretch + 1)
        self._marks = self._marks_before(start)
        self.venue.mark(self._marks)
        self._fills: list[Fill] = []
        self._equity = np.empty(stop - start)
        self._held = np.empty(stop - start, np.bool_)
        self._is_ruined = False
        self.pipeline.start_from(source.standing(start))

    def run(self) -> Record:
        """Step through all rows and give the record."""
        for event in self._events():
            self.step(event)
        return self.record()

    def step(self, event: BarsClosed) -> None:
        """Take one event: fills first, then marks, then new orders.

        Raises
        ------
        StrategyError
            Targets that add up to more than 1, or are infinite.
        """
        row = event.row
        if row >= self._next_rules:
            self._change_rules(row)
        if self.venue.has_orders:
            self._match(row)
        ledger, k = self.ledger, row - self._start
        cash = ledger.cash[ledger.currency]
        equity = mark_row(
            self._bars.close, self._bars.tradable, row, self._marks, cash, ledger.lots, ledger.units
        )
        self._equity[k] = equity
        self._held[k] = ledger.holds
        if self._is_ruined or equity <= 0.0:
            self._is_ruined = True
            self.pipeline.close_account(event.time_ns)
            return
        targets = self._source.row(row)
        if self.pipeline.is_idle(targets):
            return
        if not self.pipeline.react(
            targets, equity=equity, marks=self._marks, time_ns=event.time_ns
        ):
            raise target_error(self._bars, row, self._name, float(np.abs(self.pipeline.last).sum()))

    def record(self) -> Record:
        """What happened so far."""
        return Record(
            bars=self._bars,
            start=self._start,
            stop=self._stop,
            terms=self._terms,
            engine="session",
            equity=self._equity,
            held=self._held,
            fills=_columns(self._fills),
            lots=self.ledger.lots.copy(),
            counts=OrderCounts(
                ordered=self.pipeline.ordered,
                filled=self.pipeline.filled,
                shortfalls=self.venue.shortfalls,
                shortfall_lots=self.venue.cancelled_lots,
                below_minimum=self.pipeline.below_minimum,
                unfilled=self.pipeline.unfilled,
            ),
            ruined=self._is_ruined,
        )

    def _events(self) -> Iterator[BarsClosed]:
        stamps = self._bars.time
        for row in range(self._start, self._stop):
            yield BarsClosed(row, int(stamps[row]))

    def _match(self, row: int) -> None:
        for matched in self.venue.match_open(row):
            self._book(matched.fills)
            if matched.ended:
                self.pipeline.on_end(matched.ended)
        self._book(self.venue.match_inside(row))

    def _book(self, fills: list[Fill]) -> None:
        for fill in fills:
            self.ledger.apply(fill)
            self._fills.append(fill)
            self.pipeline.on_fill(fill)

    def _marks_before(self, start: int) -> Floats:
        marks = np.full(len(self._bars.instruments), np.nan)
        for i in range(len(marks)):
            real = np.flatnonzero(self._bars.tradable[:start, i])
            if len(real):
                marks[i] = self._bars.close[real[-1], i]
        return marks

    def _change_rules(self, row: int) -> None:
        stretch = self._table.at(row)
        rules = self._rules(stretch)
        self.pipeline.rules = rules
        self.venue.steps, self.venue.minima = rules.steps, rules.minima
        self._next_rules = self._row_of(stretch + 1)

    def _rules(self, stretch: int) -> OrderRules:
        table = self._table
        return OrderRules(table.ticks[stretch], table.steps[stretch], table.minima[stretch])

    def _row_of(self, stretch: int) -> int:
        return int(self._table.rows[stretch]) if stretch < len(self._table.rows) else self._stop


def _columns(fills: list[Fill]) -> Fills:
    def ints(name: str) -> npt.NDArray[np.int64]:
        return np.array([getattr(fill, name) for fill in fills], np.int64)

    def floats(name: str) -> Floats:
        return np.array([getattr(fill, name) for fill in fills], np.float64)

    return Fills(
        row=ints("row"),
        time=ints("time_ns"),
        instrument=ints("instrument"),
        lots=ints("lots"),
        price=floats("price"),
        fee=floats("fee"),
        reason=ints("reason"),
        cash=floats("cash"),
    )
