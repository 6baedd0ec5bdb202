"""The one road from targets to orders; nothing else may call a venue's ``submit``."""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import InputError
from peak_trade.domain.ledger import Fill, Ledger
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason
from peak_trade.domain.terms import Terms
from peak_trade.execution.protect import Protection
from peak_trade.execution.venue import Venue
from peak_trade.kernels import accounting, limits

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(slots=True)
class OrderRules:
    """The venue's order rules in force: ticks, quantity steps in lots, minimum notionals (N,)."""

    ticks: Floats
    steps: Ints
    minima: Floats


@dataclass(frozen=True, slots=True)
class Decision:
    """What a row of targets is decided on, at its close.

    ``equity`` in the account's currency; ``marks`` (N,) the last closes, NaN before the first;
    ``units`` (N,) value of one lot at a price of 1 in the account's currency; ``factors`` (N,) what a
    sizer multiplies targets by, or None; ``real`` (N,) instruments with a real bar in the row;
    ``looks`` whether a calendar has every standing target looked at; ``volumes`` (N,) of the last real
    bars; ``is_called`` after a margin call at this close.
    """

    time_ns: int
    equity: float
    marks: Floats
    units: Floats
    factors: Floats | None = None
    real: Bools | None = None
    looks: bool = False
    volumes: Floats | None = None
    is_called: bool = False


class Pipeline:
    """Turns due targets into market orders, and positions into protective exits.

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
    exits, roi, partials : (EXITS,), (R, 2), (P, 2) float64
        The exits as arrays of ``kernels.exits``.
    bounds : (LIMITS,) float64
        The limits as an array of ``kernels.limits``.
    """

    def __init__(
        self,
        venue: Venue,
        ledger: Ledger,
        *,
        terms: Terms,
        rules: OrderRules,
        run: str,
        exits: Floats,
        roi: Floats,
        partials: Floats,
        bounds: Floats,
    ) -> None:
        width = len(ledger.lots)
        self.rules = rules
        self.last: Floats = np.zeros(width)
        self.has_waiting = False
        self.ordered = 0
        self.filled = 0
        self.below_minimum = 0
        self.over = [0] * limits.LIMITS
        self._venue, self._ledger, self._terms = venue, ledger, terms
        self._stated = terms.exits.reentry == "stated"
        self._min_change = float("nan") if terms.min_change is None else terms.min_change
        self._bounds = None if terms.limits.are_wide else bounds
        self._by_weight = terms.rebalance != "change" or terms.sizer is not None
        self._looks_always = terms.rebalance in ("bar", "band")
        self._by_calendar = terms.rebalance not in ("change", "bar", "band")
        self._acted = np.zeros(width)
        self._latch = np.zeros(width, np.int64)
        self._waiting: Bools = np.zeros(width, np.bool_)
        self._capped = np.zeros(width, np.int64)  # side of a partial exit, 0 for none
        self._leaving: Bools = np.zeros(width, np.bool_)
        self._dead: Bools = np.zeros(width, np.bool_)
        self._working: dict[int, Order] = {}
        self._moved: dict[int, tuple[bool, bool]] = {}
        self._now_ns = 0
        self._fill_ns = 0
        self._sequence = 0
        self._prefix = hashlib.blake2b(run.encode(), digest_size=4).hexdigest()
        self.protection = Protection(
            terms.exits,
            width,
            params=exits,
            roi=roi,
            partials=partials,
            submit=self._send,
            cancel=venue.cancel,
            next_id=self._next_id,
        )

    @property
    def unfilled(self) -> int:
        """Market orders of targets that are still open."""
        return sum(order.reason is Reason.TARGET for order in self._working.values())

    def start_from(self, last: Floats) -> None:
        """Take over targets (N,) that were stated before trading began; 0 is flat."""
        self.last = last
        self._waiting = last != 0.0
        self.has_waiting = bool(self._waiting.any())

    # --- targets ---------------------------------------------------------------------------------

    def is_idle(self, row: Floats) -> bool:
        """Whether a row of targets (N,) asks for nothing new."""
        return (
            not self._stated
            and not self.has_waiting
            and not self._by_weight
            and accounting.count_due(row, self.last) == 0
        )

    def react(self, row: Floats, decision: Decision) -> bool:
        """Order what a row of targets (N,) asks for; False where they add up to too much.

        NaN states nothing: the last target stands. An instrument without a price yet waits.

        Raises
        ------
        InputError
            A position too large for the books.
        """
        self._now_ns = decision.time_ns
        states = ~np.isnan(row)
        moves = states & (row != self.last)
        self._capped[moves] = 0
        self.last = np.where(states, row, self.last)
        if not accounting.gross_weight(self.last) <= self._terms.max_weight:
            return False
        is_latched = self._latch != 0
        is_freed = is_latched & (states if self._stated else np.sign(self.last) != self._latch)
        self._latch[is_freed] = 0
        targets = self._sized(decision)
        self._find_due(moves | is_latched & states & self._stated, targets, decision)
        if decision.is_called:
            self._block_flat()
            return True
        if self._bounds is not None:
            self._look_at_exposure(decision)
        is_priced = ~np.isnan(decision.marks) & ~np.isnan(decision.units)
        for i in np.flatnonzero(self._waiting & is_priced & ~self._leaving):
            self._waiting[i] = False
            if self._latch[i] == 0 or np.sign(self.last[i]) != self._latch[i]:
                self._act(int(i), float(targets[i]), decision)
        self.has_waiting = bool(self._waiting.any())
        return True

    def _find_due(self, changed: Bools, targets: Floats, decision: Decision) -> None:
        if self._by_calendar:
            if decision.looks:
                self._waiting[:] = True
        else:
            self._waiting |= changed
        if self._looks_always and decision.real is not None:
            self._waiting |= decision.real & self._is_off(targets, decision)
        self._waiting &= ~self._dead

    def _is_off(self, targets: Floats, decision: Decision) -> Bools:
        """Where a position's weight lies outside the band around its target; all without a band."""
        places = range(len(targets))
        return np.array([self._is_off_one(i, targets[i], decision) for i in places], np.bool_)

    def _is_off_one(self, i: int, target: float, decision: Decision) -> bool:
        band = self._terms.band
        return band is None or abs(self._weight(i, decision) - target) > band

    def _weight(self, i: int, decision: Decision, working: int = 0) -> float:
        """Weight of a position at the close, with what is on its way."""
        lots = int(self._ledger.lots[i]) + working
        if lots == 0:
            return 0.0
        value = accounting.value_of(lots, float(decision.units[i]), float(decision.marks[i]))
        return float(value / decision.equity)

    def _block_flat(self) -> None:
        """After a margin call: nothing is ordered, and what stands for a flat instrument is blocked."""
        flat = self._ledger.lots == 0
        self._latch[flat] = np.sign(self.last[flat])
        self._waiting &= ~flat
        self.has_waiting = bool(self._waiting.any())

    def _sized(self, decision: Decision) -> Floats:
        """The targets that stand, times what a sizer makes of them."""
        if decision.factors is None:
            return self.last
        scaled = self.last * decision.factors
        gross, most = accounting.gross_weight(scaled), self._terms.max_weight
        if gross > most:
            top = 1.0 if self._terms.margin is None else self._terms.margin.max_leverage
            scaled = scaled / gross * top
        return scaled

    def _act(self, i: int, target: float, decision: Decision) -> None:
        terms = self._terms
        unit, step = float(decision.units[i]), int(self.rules.steps[i])
        mark, equity = float(decision.marks[i]), decision.equity
        held = int(self._ledger.lots[i])
        open_order = self._working.get(i)
        working = open_order.lots if open_order else 0
        acted = float(self._acted[i])
        if self._by_weight:
            acted = self._weight(i, decision, working)
            is_banded = terms.band is not None and target != 0.0
            if is_banded and not self._is_off_one(i, target, decision):
                return
        if not accounting.is_worth_acting(
            target, acted, equity, terms.cash_buffer, mark, unit, step, self._min_change
        ):
            return
        self._acted[i] = target
        want = int(accounting.sized_lots(target, equity, terms.cash_buffer, mark, unit, step))
        if abs(want) >= accounting.MAX_LOTS:
            raise InputError(
                f"a target of {target:g} asks for more than {accounting.MAX_LOTS:.0e} lots of "
                f"{self._ledger.instruments[i].symbol}",
                hint="give the instrument a larger lot",
            )
        side = int(self._capped[i])
        if side and held and side * want > abs(held):
            want = side * abs(held)
        quantity = want - held - working
        if quantity == 0:
            return
        if abs(accounting.value_of(quantity, unit, mark)) < self.rules.minima[i]:
            self.below_minimum += 1
            return
        if self._bounds is not None and self._is_refused(i, quantity, decision, self._bounds):
            return
        self.ordered += 1
        self._replace_market(i, working + quantity, Reason.TARGET, decision.time_ns)

    # --- limits ----------------------------------------------------------------------------------

    def _look_at_exposure(self, decision: Decision) -> None:
        """Gross and net of what is held and on its way, which the row's orders add to."""
        self._gross = net = 0.0
        for i in range(len(self.last)):
            lots = int(self._ledger.lots[i])
            order = self._working.get(i)
            lots += order.lots if order else 0
            if lots:
                value = accounting.value_of(lots, decision.units[i], decision.marks[i])
                self._gross += abs(value)
                net += value
        self._net_high = self._net_low = net

    def _is_refused(self, i: int, quantity: int, decision: Decision, bounds: Floats) -> bool:
        unit, mark = float(decision.units[i]), float(decision.marks[i])
        order = self._working.get(i)
        lots = int(self._ledger.lots[i]) + (order.lots if order else 0)
        before = accounting.value_of(lots, unit, mark)
        after = accounting.value_of(lots + quantity, unit, mark)
        rule = limits.violated(
            bounds,
            decision.equity,
            accounting.value_of(quantity, unit, mark),
            quantity * self._ledger.instruments[i].lot,
            float("nan") if decision.volumes is None else float(decision.volumes[i]),
            before,
            after,
            self._gross,
            self._net_high if after > before else self._net_low,
        )
        # the worst case for the later orders: only what adds comes about
        self._gross += max(abs(after) - abs(before), 0.0)
        self._net_high += max(after - before, 0.0)
        self._net_low += min(after - before, 0.0)
        if rule == limits.PASSED:
            return False
        self.over[rule] += 1
        return True

    # --- orders ----------------------------------------------------------------------------------

    def _send(self, order: Order) -> OrderState:
        return self._venue.submit(order)

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
            reduce_only=reason is not Reason.TARGET,
        )
        if self._send(order) is OrderState.ACCEPTED:
            self._working[i] = order

    def cancel_market(self, i: int) -> None:
        """Cancel the market order of an instrument, if one is open."""
        order = self._working.pop(i, None)
        if order is not None:
            self._venue.cancel(order.client_id)

    def close_account(self, time_ns: int, reason: Reason = Reason.RUIN) -> None:
        """Close every position at the next open; what else is on its way is cancelled."""
        kept = (reason,) if reason is Reason.RUIN else (reason, Reason.LIQUIDATION)
        for i in list(self._working):
            if self._working[i].reason not in kept:
                self.cancel_market(i)
        for i in map(int, np.flatnonzero(self._ledger.lots)):
            if i not in self._working:
                self._replace_market(i, -int(self._ledger.lots[i]), reason, time_ns)

    def cancel_all(self) -> None:
        """Cancel every order, protective ones too, but for a liquidation's; positions stay."""
        for i in list(self._working):
            if self._working[i].reason is not Reason.LIQUIDATION:
                self.cancel_market(i)
        for i in range(len(self.last)):
            self.protection.forget(i)

    def liquidate(self, time_ns: int) -> None:
        """Close every position at the next open, and block the targets of their sides."""
        self.close_account(time_ns, Reason.LIQUIDATION)
        self._leaving |= self._ledger.lots != 0

    def after_closes(self, row_highs: Floats, row_lows: Floats, real: Bools, time_ns: int) -> None:
        """Move the exits of positions whose bars have closed; those whose time is over leave."""
        for i in map(int, np.flatnonzero(self._ledger.lots)):
            if not real[i] or self._leaving[i]:
                continue
            held = int(self._ledger.lots[i])
            is_time = self.protection.after_close(
                i,
                held=held,
                average=float(self._ledger.average[i]),
                tick=float(self.rules.ticks[i]),
                high=float(row_highs[i]),
                low=float(row_lows[i]),
                time_ns=time_ns,
            )
            if is_time:
                self._replace_market(i, -held, Reason.TIME_STOP, time_ns)
                self._leaving[i] = True

    # --- what the venue reports ------------------------------------------------------------------

    def on_fill(self, fill: Fill) -> None:
        """Follow a fill that is already booked; after an exit the instrument is latched flat."""
        i, now = fill.instrument, int(self._ledger.lots[fill.instrument])
        before = now - fill.lots
        self._fill_ns = fill.time_ns
        if fill.reason.blocks and now == 0:
            self._end_position(i, before)
            return
        if fill.reason is Reason.PARTIAL:
            self.cancel_market(i)
            self._capped[i] = 1 if now > 0 else -1
            self.protection.take_partial(i)
            self.protection.rest(i, now, float(self.rules.ticks[i]), fill.time_ns)
            return
        if now == 0:
            self.protection.forget(i)
        if i not in self._moved:
            self.filled += fill.reason is Reason.TARGET
        opened, grew = self._moved.get(i, (False, False))
        self._moved[i] = (
            opened or before == 0 or (before > 0) != (now > 0),
            grew or abs(now) > abs(before),
        )

    def _end_position(self, i: int, before: int) -> None:
        self.cancel_market(i)
        self.protection.forget(i)
        self._moved.pop(i, None)
        self._acted[i] = 0.0
        self._leaving[i], self._capped[i] = False, 0
        side = 1 if before > 0 else -1
        is_blocked = self._stated or np.sign(self.last[i]) == side
        self._latch[i] = side if is_blocked else 0

    def on_end(self, ended: tuple[int, ...], *, last_close_ns: int, atr: Floats | None) -> None:
        """End the market orders of instruments; where one filled, exits follow the new position.

        ``last_close_ns`` is the close of the row before, ``atr`` (N,) the average true range known at
        the fill, where levels need it.
        """
        for i in ended:
            self._working.pop(i, None)
            moved = self._moved.pop(i, None)
            held = int(self._ledger.lots[i])
            if moved is None or held == 0 or not self.protection.are_set:
                continue
            self.protection.after_market_fill(
                i,
                held=held,
                average=float(self._ledger.average[i]),
                tick=float(self.rules.ticks[i]),
                step=int(self.rules.steps[i]),
                opened=moved[0],
                grew=moved[1],
                fill_ns=self._fill_ns,
                last_close_ns=last_close_ns,
                atr=float("nan") if atr is None else float(atr[i]),
            )

    def on_split(self, i: int, numerator: int, denominator: int) -> None:
        """Follow a split that is already booked: the open order and the exits change with it."""
        order = self._working.get(i)
        if order is not None:
            lots = abs(order.lots) * numerator // denominator
            lots = lots if order.lots > 0 else -lots
            self._replace_market(i, lots, order.reason, order.decided_ns)
        held = int(self._ledger.lots[i])
        if not held:
            self.protection.forget(i)
            self._leaving[i] = False
        elif self.protection.are_set:
            self.protection.after_split(
                i,
                held=held,
                ratio=denominator / numerator,
                tick=float(self.rules.ticks[i]),
                time_ns=self._now_ns,
            )

    def on_delisting(self, i: int) -> None:
        """Cancel an instrument's orders for good: it never trades again."""
        self.cancel_market(i)
        self._moved.pop(i, None)
        self.protection.forget(i)
        self._dead[i], self._waiting[i] = True, False

    def _next_id(self, leg: str) -> str:
        self._sequence += 1
        return f"{self._prefix}{leg}{self._sequence:x}"
