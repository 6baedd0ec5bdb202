"""From targets to orders: what is due, how much of it, and the exits of what is held."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import InputError
from peak_trade.domain.ledger import Fill, Ledger
from peak_trade.domain.lifecycle import TERMINAL, Lifecycle
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason
from peak_trade.domain.terms import Terms
from peak_trade.execution.pipeline import Pipeline
from peak_trade.execution.protect import Protection
from peak_trade.kernels import accounting
from peak_trade.risk.book import Book, Proposal

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


class Desk:
    """Turns due targets into market orders, and positions into protective exits.

    Parameters
    ----------
    pipeline : Pipeline
        The road that orders take.
    ledger : Ledger
        The books that sizes are read from.
    book : Book
        The account as the gate sees it.
    terms : Terms
        Sizing, costs and exits.
    rules : OrderRules
        Replaced by the session when the venue's rules change.
    run : str
        The run's id, from which client order ids derive.
    exits, roi, partials : (EXITS,), (R, 2), (P, 2) float64
        The exits as arrays of ``kernels.exits``.
    amends : bool
        Whether a further decision amends an order that still waits (a simulated venue's do until their
        bar opens); else a further order goes beside it.
    strategy : str
        The strategy's name, which its orders carry.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        ledger: Ledger,
        book: Book,
        *,
        terms: Terms,
        rules: OrderRules,
        run: str,
        exits: Floats,
        roi: Floats,
        partials: Floats,
        amends: bool = True,
        strategy: str = "",
    ) -> None:
        width = len(ledger.lots)
        self.rules = rules
        self.last: Floats = np.zeros(width)
        self.has_waiting = False
        self.ordered = 0
        self.filled = 0
        self.below_minimum = 0
        self.over: dict[str, int] = {}
        self._pipeline, self._ledger, self._book, self._terms = pipeline, ledger, book, terms
        self._amends, self.strategy = amends, strategy
        self._stated = terms.exits.reentry == "stated"
        self._min_change = float("nan") if terms.min_change is None else terms.min_change
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
            cancel=self._cancel,
            next_id=self.next_id,
            strategy=strategy,
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
        is_priced = ~np.isnan(decision.marks) & ~np.isnan(decision.units)
        wanted: list[tuple[int, int]] = []
        for i in np.flatnonzero(self._waiting & is_priced & ~self._leaving):
            self._waiting[i] = False
            if self._latch[i] == 0 or np.sign(self.last[i]) != self._latch[i]:
                quantity = self._quantity(int(i), float(targets[i]), decision)
                if quantity:
                    wanted.append((int(i), quantity))
        self.has_waiting = bool(self._waiting.any())
        if wanted:
            self._order(wanted, decision.time_ns)
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
        self._acted[flat] = 0.0
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

    def _quantity(self, i: int, target: float, decision: Decision) -> int:
        """Lots that a due target asks for beyond what is held and on its way; 0 for none."""
        terms = self._terms
        unit, step = float(decision.units[i]), int(self.rules.steps[i])
        mark, equity = float(decision.marks[i]), decision.equity
        held = int(self._ledger.lots[i])
        working = self._on_its_way(i)
        acted = float(self._acted[i])
        if self._by_weight:
            acted = self._weight(i, decision, working)
            is_banded = terms.band is not None and target != 0.0
            if is_banded and not self._is_off_one(i, target, decision):
                return 0
        if not accounting.is_worth_acting(
            target, acted, equity, terms.cash_buffer, mark, unit, step, self._min_change
        ):
            return 0
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
            return 0
        if abs(accounting.value_of(quantity, unit, mark)) < self.rules.minima[i]:
            self.below_minimum += 1
            return 0
        return quantity

    def _on_its_way(self, i: int) -> int:
        """Signed lots that market orders of an instrument may still trade."""
        if self._amends:
            order = self._working.get(i)
            return order.lots if order else 0
        return sum(life.worst for life in self._open_market(i))

    def _open_market(self, i: int) -> list[Lifecycle]:
        """Market orders of an instrument that may still trade; a remote venue may hold several."""
        return [
            life
            for life in self._pipeline.orders.open
            if life.order.instrument == i and life.order.kind is OrderKind.MARKET
        ]

    # --- orders ----------------------------------------------------------------------------------

    def _order(self, wanted: list[tuple[int, int]], time_ns: int) -> None:
        """Send what a row's targets ask for, (instrument, lots) each, reviewed together."""
        proposals, taken_back = [], []
        for i, quantity in wanted:
            before = self._on_its_way(i) if self._amends else 0
            if before + quantity == 0:  # what waits is taken back, which no limit stands against
                taken_back.append(i)
                continue
            order = self._market(i, before + quantity, Reason.TARGET, time_ns)
            proposals.append(Proposal(order, replaces=before))
        if proposals:
            self._send_together(proposals)
        for i in taken_back:  # until then they count against the others
            self.ordered += 1
            self.cancel_market(i)

    def _send_together(self, proposals: list[Proposal]) -> None:
        lives = self._pipeline.send(proposals, self._book, before_sending=self._make_room)
        for proposal, life in zip(proposals, lives, strict=True):
            if life.state is OrderState.DENIED:
                self._count_refusal(life)
            elif life.state is OrderState.NOT_PLACED:
                self.try_again(proposal.order.instrument)
            else:
                self.ordered += 1
                self._follow(proposal.order, life.state)

    def _make_room(self, order: Order) -> None:
        """An approved order takes over what the one that waited had left."""
        if self._amends and order.kind is OrderKind.MARKET:
            self.cancel_market(order.instrument)

    def _count_refusal(self, life: Lifecycle) -> None:
        rule = life.rule
        self.over[rule] = self.over.get(rule, 0) + 1

    def _follow(self, order: Order, state: OrderState) -> None:
        if state not in TERMINAL:
            self._working[order.instrument] = order

    def _market(self, i: int, lots: int, reason: Reason, time_ns: int) -> Order:
        return Order(
            client_id=self.next_id("m"),
            instrument=i,
            lots=lots,
            kind=OrderKind.MARKET,
            reason=reason,
            decided_ns=time_ns,
            reduce_only=reason is not Reason.TARGET,
            strategy=self.strategy,
        )

    def _send(self, orders: list[Order]) -> list[OrderState]:
        lives = self._pipeline.send([Proposal(order) for order in orders], self._book)
        return [life.state for life in lives]

    def _cancel(self, client_id: str) -> None:
        self._pipeline.cancel(client_id, self._book.now_ns)

    def _replace_market(self, i: int, lots: int, reason: Reason, time_ns: int) -> bool:
        """Let one market order work for an instrument: a new one takes over what the old had left.

        Gives whether it works, or was refused.
        """
        self.cancel_market(i)
        order = self._market(i, lots, reason, time_ns)
        state = self._send([order])[0]
        self._follow(order, state)
        return state not in TERMINAL

    def cancel_market(self, i: int) -> None:
        """Cancel the market orders of an instrument that are open."""
        order = self._working.pop(i, None)
        if not self._amends:
            for life in self._open_market(i):
                self._cancel(life.order.client_id)
        elif order is not None:
            self._cancel(order.client_id)

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
        for i in map(int, np.flatnonzero(self._ledger.lots)):
            self._leaving[i] |= i in self._working

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
                self._leaving[i] = self._replace_market(i, -held, Reason.TIME_STOP, time_ns)

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
            if self._amends:
                self._end_waiting(i)
            else:
                self.forget_ended()
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

    def _end_waiting(self, i: int) -> None:
        """The market order of an instrument has met its open: what it did not fill is cancelled."""
        order = self._working.pop(i, None)
        if order is not None:
            self._pipeline.end(
                order.client_id, OrderState.CANCELED, self._book.now_ns, "cash did not pay"
            )

    def on_split(self, i: int, numerator: int, denominator: int) -> None:
        """Follow a split that is already booked: the open order and the exits change with it."""
        order = self._working.get(i)
        if order is not None:
            lots = abs(order.lots) * numerator // denominator
            if lots == 0:
                self.cancel_market(i)
            else:
                self._working[i] = replace(order, lots=lots if order.lots > 0 else -lots)
                self._pipeline.adjust(self._working[i], self._book.now_ns)
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

    def try_again(self, i: int) -> None:
        """An order proved never to have been placed: what stands is looked at anew."""
        self._acted[i] = np.inf
        self._waiting[i] = self.has_waiting = True

    def forget_ended(self) -> None:
        """Let go of orders that were cancelled from outside; levels of exits stay known."""
        for i in list(self._working):
            life = self._pipeline.orders.find(self._working[i].client_id)
            if life is None or not life.is_open:
                del self._working[i]

    def protect_again(self, time_ns: int, instruments: Iterable[int] | None = None) -> None:
        """Let the exits of what is held, all of it where none are named, rest at the venue again."""
        for i in range(len(self.last)) if instruments is None else instruments:
            held = int(self._ledger.lots[i])
            if held and self.protection.are_set:
                self.protection.rest(i, held, float(self.rules.ticks[i]), time_ns)

    def next_id(self, leg: str) -> str:
        """A client order id: the run, the leg and the next number of its sequence."""
        self._sequence += 1
        return f"{self._prefix}{leg}{self._sequence:x}"
