"""Money that is not a fill: dividends, funding, splits, delistings, borrow cost and interest."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from peak_trade.domain.ledger import CashFlow, Entry, Fill, Ledger, Split
from peak_trade.domain.record import HeldSplit
from peak_trade.domain.terms import Terms
from peak_trade.engine.sheet import DELISTING, DIVIDEND, FUNDING, SPLIT, Act
from peak_trade.execution.desk import Desk
from peak_trade.execution.sim import SimVenue
from peak_trade.kernels import costs
from peak_trade.kernels.accounting import value_of

Floats = npt.NDArray[np.float64]


class Payments:
    """Books what happens to positions and cash without an order, here and at the venue.

    Parameters
    ----------
    ledger, venue, desk : Ledger, SimVenue, Desk
        The books, the venue's own, and the orders that a split or a delisting changes.
    terms : Terms
        Rates of borrow, interest and financing.
    marks : (N,) float64
        Last closes; a split changes them.
    written : callable, optional
        Told of every entry that is booked here.

    Attributes
    ----------
    flows : list of CashFlow
        What was paid, in order.
    splits : list of HeldSplit
        Splits of positions held.
    """

    def __init__(
        self,
        ledger: Ledger,
        venue: SimVenue,
        desk: Desk,
        *,
        terms: Terms,
        marks: Floats,
        written: Callable[[Entry], None] | None = None,
    ) -> None:
        self.flows: list[CashFlow] = []
        self.splits: list[HeldSplit] = []
        self.has_carry = bool(
            terms.costs.borrow
            or terms.costs.interest
            or (terms.margin is not None and terms.margin.rate)
        )
        self._ledger, self._venue, self._desk = ledger, venue, desk
        self._terms, self._marks, self._written = terms, marks, written

    def act_before(self, act: Act, *, is_stale: bool) -> None:
        """Take an action of a row that does not trade; ``is_stale`` where no bar has followed it."""
        if act.kind == SPLIT and is_stale:
            self._marks[act.instrument] *= act.second / act.first
        elif act.kind == DELISTING:
            self._desk.on_delisting(act.instrument)

    def act(self, act: Act, fills_before: int) -> Fill | None:
        """Take an action; a delisting gives the fill that closes the position, still to be booked.

        ``fills_before`` is how many fills the run has booked.
        """
        i = act.instrument
        held, mark = int(self._ledger.lots[i]), float(self._marks[i])
        if act.kind == DIVIDEND:
            instrument = self._ledger.instruments[i]
            amount = held * instrument.lot * act.first * instrument.multiplier
            self._pay(act.row, act.time_ns, i, "dividend", amount * float(self._venue.rates[i]))
        elif act.kind == FUNDING:
            price = mark if np.isnan(act.second) else act.second
            if held:
                value = value_of(held, float(self._venue.units[i]), price)
                self._pay(act.row, act.time_ns, i, "funding", -(value * act.first))
        elif act.kind == SPLIT:
            self._split(act, held, mark, fills_before)
        elif held:
            price = mark if np.isnan(act.first) else act.first
            return self._venue.deliver(i, price, act.row, act.time_ns)
        return None

    def _split(self, act: Act, held: int, mark: float, fills_before: int) -> None:
        i, numerator, denominator = act.instrument, int(act.first), int(act.second)
        self._marks[i] = mark * (denominator / numerator)
        if held:
            whole, left = divmod(abs(held) * numerator, denominator)
            sign = 1 if held > 0 else -1
            split = Split(i, numerator, denominator, 0.0, act.time_ns)
            self._ledger.apply(split)
            if self._written is not None:
                self._written(split)
            self._venue.split(i, sign * whole)
            self.splits.append(HeldSplit(act.row, i, numerator, denominator, fills_before))
            if left:
                part = sign * left / denominator * float(self._venue.units[i])
                self._pay(act.row, act.time_ns, i, "split", part * float(self._marks[i]))
        else:
            self._venue.split(i, 0)
        self._desk.on_split(i, numerator, denominator)

    def accrue(self, row: int, time_ns: int, dt_ns: int, *, closes: Floats, units: Floats) -> None:
        """Book borrow cost, interest and financing for the time since the row before.

        ``closes`` and ``units`` (N,) are last closes, and values of a lot at a price of 1.
        """
        terms, ledger = self._terms, self._ledger
        shorts = 0.0
        for i in map(int, np.flatnonzero(ledger.lots < 0)):
            value = value_of(int(ledger.lots[i]), units[i], closes[i])
            shorts += value
            cost = costs.borrow_cost(value, terms.costs.borrow, dt_ns)
            self._pay(row, time_ns, i, "borrow", -cost)
        free = ledger.cash[ledger.currency] + shorts
        if free > 0.0:
            earned = costs.carry_of(free, terms.costs.interest, dt_ns)
            self._pay(row, time_ns, -1, "interest", earned)
        cash = ledger.cash[ledger.currency]
        if cash < 0.0 and terms.margin is not None:
            self._pay(row, time_ns, -1, "financing", costs.carry_of(cash, terms.margin.rate, dt_ns))

    def _pay(self, row: int, time_ns: int, i: int, kind: str, amount: float) -> None:
        if amount == 0.0:
            return
        flow = CashFlow(self._ledger.currency, float(amount), kind, time_ns, i, row)
        self._ledger.apply(flow)
        self._venue.credit(float(amount))
        self.flows.append(flow)
        if self._written is not None:
            self._written(flow)
