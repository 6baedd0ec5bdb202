"""The one road from targets to orders; nothing else may call a venue's ``submit``."""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import InputError
from peak_trade.domain.ledger import Fill, Ledger
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason
from peak_trade.domain.terms import Terms
from peak_trade.execution.venue import Venue
from peak_trade.kernels import accounting, fills

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(slots=True)
class OrderRules:
    """The venue's order rules in force: ticks, quantity steps in lots, minimum notionals (N,)."""

    ticks: Floats
    steps: Ints
    minima: Floats


class Pipeline:
    """Turns changed targets into market orders, and positions into protective exits.

    Parameters
    ----------
    venue : Venue
        Where orders go.
    ledger : Ledger
        The books that sizes are read from.
    terms : Terms
        Sizing, costs and exits.
    rules : OrderRules
        Replaced by the session when the venue's rules change.
    run : str
        The run's id, from which client order ids derive.
    """

    def __init__(
        self, venue: Venue, ledger: Ledger, *, terms: Terms, rules: OrderRules, run: str
    ) -> None:
        width = len(ledger.lots)
        self.rules = rules
        self.last: Floats = np.zeros(width)
        self.has_waiting = False
        self.ordered = 0
        self.filled = 0
        self.below_minimum = 0
        self._venue, self._ledger, self._terms = venue, ledger, terms
        self._stated = terms.exits.reentry == "stated"
        self._min_change = float("nan") if terms.min_change is None else terms.min_change
        self._acted = np.zeros(width)
        self._latch = np.zeros(width, np.int64)
        self._waiting = np.zeros(width, np.bool_)
        self._working: dict[int, Order] = {}
        self._protective: dict[int, list[Order]] = {}
        self._moved: set[int] = set()
        self._now_ns = 0
        self._sequence = 0
        self._prefix = hashlib.blake2b(run.encode(), digest_size=4).hexdigest()

    @property
    def unfilled(self) -> int:
        """Market orders of targets that are still open."""
        return sum(order.reason is Reason.TARGET for order in self._working.values())

    def start_from(self, last: Floats) -> None:
        """Take over targets (N,) that were stated before trading began; 0 is flat."""
        self.last = last
        self._waiting = last != 0.0
        self.has_waiting = bool(self._waiting.any())

    def is_idle(self, row: Floats) -> bool:
        """Whether a row of targets (N,) asks for nothing new."""
        return (
            not self._stated and not self.has_waiting and accounting.count_due(row, self.last) == 0
        )

    def react(self, row: Floats, *, equity: float, marks: Floats, time_ns: int) -> bool:
        """Order what a row of targets (N,) asks for; False where they add up to more than 1.

        NaN states nothing: the last target stands. An instrument without a price yet waits.

        Raises
        ------
        InputError
            A position too large for the books.
        """
        self._now_ns = time_ns
        states = ~np.isnan(row)
        changed = states & ((row != self.last) | (self._latch != 0) & self._stated)
        self._waiting |= changed
        self.last = np.where(states, row, self.last)
        if not accounting.gross_weight(self.last) <= accounting.MAX_WEIGHT:
            return False
        for i in np.flatnonzero(self._waiting & ~np.isnan(marks)):
            self._waiting[i] = False
            self._act(int(i), equity, float(marks[i]), time_ns, is_stated=bool(states[i]))
        self.has_waiting = bool(self._waiting.any())
        return True

    def _act(self, i: int, equity: float, mark: float, time_ns: int, *, is_stated: bool) -> None:
        target, terms = float(self.last[i]), self._terms
        if self._latch[i] != 0:
            if np.sign(target) == self._latch[i] and not (self._stated and is_stated):
                return
            self._latch[i] = 0
        unit, step = float(self._ledger.units[i]), int(self.rules.steps[i])
        if not accounting.is_worth_acting(
            target, self._acted[i], equity, terms.cash_buffer, mark, unit, step, self._min_change
        ):
            return
        self._acted[i] = target
        want = accounting.sized_lots(target, equity, terms.cash_buffer, mark, unit, step)
        if abs(want) >= accounting.MAX_LOTS:
            raise InputError(
                f"a target of {target:g} asks for more than {accounting.MAX_LOTS:.0e} lots of "
                f"{self._ledger.instruments[i].symbol}",
                hint="give the instrument a larger lot",
            )
        open_order = self._working.get(i)
        working = open_order.lots if open_order else 0
        quantity = int(want) - int(self._ledger.lots[i]) - working
        if quantity == 0:
            return
        if abs(accounting.value_of(quantity, unit, mark)) < self.rules.minima[i]:
            self.below_minimum += 1
            return
        self.ordered += 1
        self._replace_market(i, working + quantity, Reason.TARGET, time_ns)

    def _replace_market(self, i: int, lots: int, reason: Reason, time_ns: int) -> None:
        """Let one market order work for an instrument: a new one takes over what the old had left."""
        self.cancel_market(i)
        if lots == 0:
            return
        order = Order(
            client_id=self._next_id("m"),
            instrument=i,
            lots=lots,
            kind=OrderKind.MARKET,
            reason=reason,
            decided_ns=time_ns,
            reduce_only=reason is Reason.RUIN,
        )
        if self._venue.submit(order) is OrderState.ACCEPTED:
            self._working[i] = order

    def cancel_market(self, i: int) -> None:
        """Cancel the market order of an instrument, if one is open."""
        order = self._working.pop(i, None)
        if order is not None:
            self._venue.cancel(order.client_id)

    def close_account(self, time_ns: int) -> None:
        """Close every position at the next open; what else is on its way is cancelled."""
        for i in list(self._working):
            if self._working[i].reason is not Reason.RUIN:
                self.cancel_market(i)
        for i in map(int, np.flatnonzero(self._ledger.lots)):
            if i not in self._working:
                self._replace_market(i, -int(self._ledger.lots[i]), Reason.RUIN, time_ns)

    def on_fill(self, fill: Fill) -> None:
        """Follow a fill that is already booked; after an exit the instrument is latched flat."""
        i = fill.instrument
        if fill.reason in (Reason.STOP_LOSS, Reason.TAKE_PROFIT):
            self.cancel_market(i)
            self._protective.pop(i, None)
            self._moved.discard(i)
            self._acted[i] = 0.0
            side = -1 if fill.lots > 0 else 1
            is_blocked = self._stated or np.sign(self.last[i]) == side
            self._latch[i] = side if is_blocked else 0
            return
        if i not in self._moved:
            self._moved.add(i)
            self.filled += fill.reason is Reason.TARGET

    def on_end(self, ended: tuple[int, ...]) -> None:
        """End the market orders of instruments; where one filled, exits follow the new position."""
        for i in ended:
            self._working.pop(i, None)
            if i in self._moved:
                self._moved.discard(i)
                if self._terms.exits.are_set:
                    self._protect(i)

    def _protect(self, i: int) -> None:
        """Rest a stop-loss and a take-profit, one cancelling the other, for the whole position."""
        held = int(self._ledger.lots[i])
        before = self._protective.pop(i, [])
        if held == 0:
            return  # reduce-only orders end with the position
        for order in before:
            self._venue.cancel(order.client_id)
        exits, side, tick = self._terms.exits, (1 if held > 0 else -1), float(self.rules.ticks[i])
        average, group = float(self._ledger.average[i]), self._next_id("g")
        levels = [
            (OrderKind.STOP, Reason.STOP_LOSS, exits.stop_loss, fills.stop_ticks),
            (OrderKind.LIMIT, Reason.TAKE_PROFIT, exits.take_profit, fills.take_ticks),
        ]
        for kind, reason, fraction, ticks in levels:
            if fraction is None:
                continue
            order = Order(
                client_id=self._next_id("p"),
                instrument=i,
                lots=-held,
                kind=kind,
                reason=reason,
                decided_ns=self._now_ns,
                price_ticks=int(ticks(average, side, fraction, tick)),
                tick=tick,
                group=group,
                reduce_only=True,
            )
            if self._venue.submit(order) is OrderState.ACCEPTED:
                self._protective.setdefault(i, []).append(order)

    def _next_id(self, leg: str) -> str:
        self._sequence += 1
        return f"{self._prefix}{leg}{self._sequence:x}"
