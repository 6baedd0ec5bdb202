"""The simulated venue: matches orders on bars, and keeps books of its own."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.ledger import Fill
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason
from peak_trade.domain.terms import Terms
from peak_trade.kernels import accounting, fills
from peak_trade.kernels.simulate import bar_opening, opens_since

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Matched(NamedTuple):
    """Fills of one instant, and the instruments whose market orders ended with it."""

    fills: list[Fill]
    ended: tuple[int, ...]


class SimVenue:
    """Fills market orders at the open, then resting exits inside the bar.

    Orders that reach the market at one instant: those that reduce fill first, then exits that the
    open has passed, then increases, scaled by one factor to what the venue's cash pays.

    Attributes
    ----------
    cash : float
        The venue's own count of the account's cash.
    held : (N,) int64
        The venue's own count of its positions in lots.
    cancelled_lots, shortfalls : int
        Lots of increases that cash did not pay for, and how many orders were cut by them.
    """

    def __init__(self, bars: Bars, terms: Terms, steps: Ints, minima: Floats) -> None:
        self.cash = terms.cash
        self.held: Ints = np.zeros(len(bars.instruments), np.int64)
        self.shortfalls = 0
        self.cancelled_lots = 0
        self.steps, self.minima = steps, minima
        self._bars = bars
        self._fill_time = bars.fill_time
        self._units = np.array([instrument.unit for instrument in bars.instruments])
        self._commission, self._slippage = terms.costs.commission, terms.costs.slippage
        self._rejects = terms.shortfall == "reject"
        self._market: dict[int, Order] = {}
        self._resting: dict[int, dict[str, Order]] = {}
        self._marks: Floats = np.full(len(bars.instruments), np.nan)

    @property
    def has_orders(self) -> bool:
        """Whether any order is open."""
        return bool(self._market or self._resting)

    def submit(self, order: Order) -> OrderState:
        """Take an order; one market order of an instrument works at a time, the last one."""
        if order.kind is OrderKind.MARKET:
            self._market[order.instrument] = order
        else:
            self._resting.setdefault(order.instrument, {})[order.client_id] = order
        return OrderState.ACCEPTED

    def cancel(self, client_id: str) -> OrderState:
        """Cancel an open order; one that is not open was filled or cancelled before."""
        for i, order in self._market.items():
            if order.client_id == client_id:
                del self._market[i]
                return OrderState.CANCELED
        for i, orders in self._resting.items():
            if orders.pop(client_id, None) is not None:
                if not orders:
                    del self._resting[i]
                return OrderState.CANCELED
        return OrderState.FILLED

    def mark(self, marks: Floats) -> None:
        """Value positions that do not trade at these prices (N,)."""
        self._marks = marks

    def match_open(self, row: int) -> Iterator[Matched]:
        """Fill what a row's opens fill, an instant at a time; reductions come before increases.

        Each instant gives two matches, and between them the caller may cancel orders; with the
        second one the instant's market orders have ended, filled or not.
        """
        opening = self._opening(row)
        for when in sorted({when for when, _ in opening.values()}):
            bars = {i: bar for i, (moment, bar) in opening.items() if moment == when}
            due = [
                (self._market[i], bar)
                for i, bar in sorted(bars.items())
                if i in self._market and when >= self._market[i].decided_ns
            ]
            left: dict[int, int] = {}
            reductions = [
                fill for order, bar in due for fill in self._reduce(order, bar, row, left)
            ]
            yield Matched(reductions + self._gaps(bars, row), ())
            still = [(order, bar) for order, bar in due if order.instrument in self._market]
            increases = self._increase(still, left, row)
            for order, _ in still:
                del self._market[order.instrument]
            yield Matched(increases, tuple(order.instrument for order, _ in due))
            later = {order.instrument: bar for order, bar in still if bar > row}
            if later and self._resting:
                yield Matched(self._gaps(later, row), ())

    def match_inside(self, row: int) -> list[Fill]:
        """Fill the exits that a row's bars reach, open first, adverse extreme next."""
        booked: list[Fill] = []
        bars = self._bars
        for i in sorted(self._resting):
            if not bars.tradable[row, i]:
                continue
            side, stop, take = self._levels(i)
            kind = fills.opens_beyond(side, bars.open[row, i], stop, take)
            at_open = kind != fills.NO_EXIT
            level = float(bars.open[row, i])
            if not at_open:
                kind = fills.reaches(side, bars.high[row, i], bars.low[row, i], stop, take)
                level = stop if kind == fills.STOP_LOSS else take
            if kind != fills.NO_EXIT:
                booked.append(self._exit(i, kind, side, level, row, row, at_open=at_open))
        return booked

    def _opening(self, row: int) -> dict[int, tuple[int, int]]:
        """Open time and row of the bars that open for instruments with orders, by instrument."""
        bars, found = self._bars, {}
        for i in sorted({*self._market, *self._resting}):
            bar = int(
                bar_opening(bars.time, self._fill_time, bars.tradable, bars.is_aligned, i, row)
            )
            if bar < 0:
                continue
            when = int(self._fill_time[bar, i])
            order = self._market.get(i)
            fills_order = order is not None and when >= order.decided_ns
            if fills_order or opens_since(bars.time, self._fill_time, i, bar, row):
                found[i] = (when, bar)
        return found

    def _reduce(self, order: Order, bar: int, row: int, left: dict[int, int]) -> list[Fill]:
        i, held = order.instrument, int(self.held[order.instrument])
        left[i] = order.lots
        if held == 0 or (held > 0) == (order.lots > 0):
            return []
        less = -held if abs(order.lots) >= abs(held) else order.lots
        left[i] -= less
        price = fills.market_price(self._bars.open[bar, i], order.lots, self._slippage)
        return [self._book(order.client_id, i, less, price, order.reason, row, bar, at_open=True)]

    def _gaps(self, bars: Mapping[int, int], row: int) -> list[Fill]:
        """Fill the exits that the opens of some instruments' bars have reached or passed."""
        booked = []
        for i, bar in sorted(bars.items()):
            if i not in self._resting:
                continue
            side, stop, take = self._levels(i)
            open_ = float(self._bars.open[bar, i])
            kind = fills.opens_beyond(side, open_, stop, take)
            if kind != fills.NO_EXIT:
                booked.append(self._exit(i, kind, side, open_, row, bar, at_open=True))
        return booked

    def _increase(self, due: list[tuple[Order, int]], left: dict[int, int], row: int) -> list[Fill]:
        wanted = np.zeros(len(self.held), np.int64)
        prices = self._marks.copy()
        for order, bar in due:
            i = order.instrument
            wanted[i] = left[i]
            prices[i] = fills.market_price(self._bars.open[bar, i], order.lots, self._slippage)
        if not wanted.any():
            return []
        asked = wanted.copy()
        pays = accounting.spendable(self.cash, self.held, self._units, prices)
        accounting.scale_increases(
            wanted,
            self._units,
            prices,
            self.steps,
            self.minima,
            self._commission,
            pays,
            self._rejects,
        )
        cut = np.abs(asked) - np.abs(wanted)
        self.shortfalls += int(np.count_nonzero(cut))
        self.cancelled_lots += int(cut.sum())
        return [
            self._book(
                order.client_id,
                order.instrument,
                int(wanted[order.instrument]),
                float(prices[order.instrument]),
                order.reason,
                row,
                bar,
                at_open=True,
            )
            for order, bar in due
            if wanted[order.instrument] != 0
        ]

    def _levels(self, i: int) -> tuple[int, float, float]:
        """Side of the position, and trigger and limit of its resting exits; NaN for none."""
        stop = take = float("nan")
        for order in self._resting[i].values():
            price = fills.tick_price(order.price_ticks or 0, order.tick)
            if order.kind is OrderKind.STOP:
                stop = price
            else:
                take = price
        return (1 if self.held[i] > 0 else -1), stop, take

    def _exit(
        self, i: int, kind: int, side: int, level: float, row: int, bar: int, *, at_open: bool
    ) -> Fill:
        wanted = OrderKind.STOP if kind == fills.STOP_LOSS else OrderKind.LIMIT
        orders = self._resting.pop(i)  # one cancels the other
        order = next(order for order in orders.values() if order.kind is wanted)
        price = fills.exit_price(kind, side, level, self._slippage)
        lots = -int(self.held[i])
        return self._book(order.client_id, i, lots, price, order.reason, row, bar, at_open=at_open)

    def _book(
        self,
        client_id: str,
        i: int,
        lots: int,
        price: float,
        reason: Reason,
        row: int,
        bar: int,
        *,
        at_open: bool,
    ) -> Fill:
        value = accounting.value_of(lots, self._units[i], price)
        fee = accounting.fee_of(value, self._commission)
        self.cash = accounting.cash_after(self.cash, value, fee)
        self.held[i] += lots
        if self.held[i] == 0:
            self._resting.pop(i, None)  # reduce-only orders end with the position
        when = self._fill_time[bar, i] if at_open else self._bars.time[row]
        return Fill(client_id, i, lots, price, fee, reason, int(when), row, bar, at_open, self.cash)
