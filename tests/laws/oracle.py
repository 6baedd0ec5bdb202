"""A second simulation, written from docs/simulation.md alone: plain Python, bar by bar, slow.

It shares nothing with the engines but the domain's inputs, so that what it books is a witness. It
also counts what happened (``events``), so that a test can see that its markets are not too tame.
"""

import math
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from peak_trade.domain.bars import Bars
from peak_trade.domain.instrument import TradingRules
from peak_trade.domain.record import Record
from peak_trade.domain.terms import Terms

TARGET, STOP_LOSS, TAKE_PROFIT, RUIN = range(4)
MOST_LOTS = 4 * 10**18


class LeverageError(Exception):
    """The absolute targets of a row add up to more than 1."""


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


@dataclass
class Outcome:
    """What the account did: the columns of a Record that the document speaks of."""

    fills: list[Fill] = field(default_factory=list)
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
    events: Counter = field(default_factory=Counter)


def simulate(
    bars: Bars, targets: np.ndarray, start: int, terms: Terms, stop: int | None = None
) -> Outcome:
    """Trade ``targets`` over the rows ``start`` to ``stop`` as the document says."""
    account = Account(bars, targets, start, terms, len(bars) if stop is None else stop)
    for row in range(start, account.stop):
        account.trade(row)
    return account.finish()


def sign(x: float) -> int:
    """-1, 0 or 1."""
    return (x > 0) - (x < 0)


class Account:
    """Cash, positions, levels and working orders of one run."""

    def __init__(
        self, bars: Bars, targets: np.ndarray, start: int, terms: Terms, stop: int
    ) -> None:
        self.instruments, self.terms = bars.instruments, terms
        self.n, self.start, self.stop = len(bars.instruments), start, stop
        self.time = bars.time[:stop].tolist()
        self.open, self.high = bars.open[:stop].tolist(), bars.high[:stop].tolist()
        self.low, self.close = bars.low[:stop].tolist(), bars.close[:stop].tolist()
        self.tradable, self.close_only = bars.tradable[:stop].tolist(), bars.close_only.tolist()
        self.targets = [[float(x) for x in line] for line in np.asarray(targets)[:stop]]
        self.unit = [i.lot * i.multiplier for i in bars.instruments]
        self.instants = self._instants(bars.open_time[:stop].tolist())
        self.cash = terms.cash
        self.lots, self.working, self.blocked = [0] * self.n, [0] * self.n, [0] * self.n
        self.average = [0.0] * self.n
        self.stop_level: list[float | None] = [None] * self.n
        self.take_level: list[float | None] = [None] * self.n
        self.standing, self.acted = [0.0] * self.n, [0.0] * self.n
        self.waiting, self.awaits_statement = [False] * self.n, [False] * self.n
        self.entered, self.level_rules = [-1] * self.n, [self.rules(0, i) for i in range(self.n)]
        self.out = Outcome()

    def _instants(self, opened: list[list[int]]) -> dict[int, list[tuple[int, int, int]]]:
        """By the row that books: (time of the fill, instrument, row of the bar)."""
        found: dict[int, list[tuple[int, int, int]]] = {}
        for bar in range(self.stop):
            for i in range(self.n):
                if self.tradable[bar][i]:
                    when = self.time[bar] if self.close_only[i] else opened[bar][i]
                    row = min(bisect_right(self.time, when), bar)
                    found.setdefault(row, []).append((when, i, bar))
        return {row: sorted(events) for row, events in found.items()}

    def rules(self, row: int, i: int) -> TradingRules:
        """Tick, order step and minimum notional in force in a row."""
        return self.instruments[i].rules_at(self.time[row])

    def value(self, i: int, lots: int, price: float) -> float:
        """Signed value of lots at a price."""
        return (lots * self.unit[i]) * price

    def trade(self, row: int) -> None:
        """One row: what opens before its close, what happens inside its bars, its close."""
        events = self.instants.get(row, [])
        for when in sorted({event[0] for event in events}):
            self.open_instant(row, [(i, bar) for time, i, bar in events if time == when])
        for i in range(self.n):
            if self.tradable[row][i]:
                self.inside(row, i)
        equity = self.cash
        for i in range(self.n):
            if self.lots[i]:
                equity = equity + self.value(i, self.lots[i], self.close[row][i])
        self.out.equity.append(equity)
        self.out.held.append(any(self.lots))
        self.at_close(row, equity)

    def at_close(self, row: int, equity: float) -> None:
        """Ruin, or the decisions of the row."""
        if self.out.ruined:
            return
        if equity <= 0:
            self.out.ruined = True
            self.working = [0] * self.n
            self.out.events["ruin"] += 1
            self.out.events["ruin of a short"] += any(x < 0 for x in self.lots)
        else:
            self.decide(row, equity)

    # The open.

    def open_instant(self, row: int, group: list[tuple[int, int]]) -> None:
        """Everything that fills at one instant: reductions, passed exits, increases."""
        price = {i: (self.close if self.close_only[i] else self.open)[bar][i] for i, bar in group}
        orders = [i for i, _ in group if self.working[i]]
        before = len(self.out.fills)
        traded = self.reduce(row, price)
        for i, bar in group:
            self.pass_levels(row, i, price[i], bar)
        self.increase(row, dict(group), price, traded)
        done = {f.instrument for f in self.out.fills[before:] if f.reason == TARGET}
        self.out.filled += sum(i in done for i in orders)
        for i, bar in group:
            self.working[i] = 0
            self.out.events["booked before its bar closes"] += i in done and bar > row
        for i, bar in group:  # a fill moves the levels, and the same open may lie beyond them
            if i in done and bar > row:
                self.pass_levels(row, i, price[i], bar)

    def slipped(self, price: float, lots: int) -> float:
        """The price made worse by the slippage."""
        slippage = self.terms.costs.slippage
        return price * (1 + slippage) if lots > 0 else price * (1 - slippage)

    def reduce(self, row: int, price: dict[int, float]) -> dict[int, float]:
        """Orders that bring a position closer to flat, and closings of the ruined."""
        traded = {}
        for i in sorted(price):
            position, order = self.lots[i], self.working[i]
            if self.out.ruined and position:
                traded[i] = self.slipped(price[i], -position)
                self.book(row, i, -position, traded[i], RUIN)
            elif position * order < 0:
                part = sign(order) * min(abs(order), abs(position))
                self.working[i] -= part
                traded[i] = self.slipped(price[i], part)
                self.book(row, i, part, traded[i], TARGET)
                self.out.events["flip"] += self.working[i] != 0
                self.out.events["partial reduction"] += self.lots[i] != 0
        return traded

    def pass_levels(self, row: int, i: int, open_: float, bar: int) -> None:
        """A level that the open has reached or passed fills at the open."""
        hit = self.passed(i, open_)
        if hit is None:
            return
        self.out.events["gap through a stop" if hit == STOP_LOSS else "gap through a target"] += 1
        self.out.events["gap of a bar that closes later"] += bar > row
        self.out.events["exit cancels an increase"] += self.working[i] != 0
        self.exit(row, i, hit, open_)

    def passed(self, i: int, open_: float) -> int | None:
        """The reason of the level that an open lies at or beyond."""
        side = sign(self.lots[i])
        stop, take = self.stop_level[i], self.take_level[i]
        if side and stop is not None and (open_ - stop) * side <= 0:
            return STOP_LOSS
        if side and take is not None and (open_ - take) * side >= 0:
            return TAKE_PROFIT
        return None

    def increase(
        self, row: int, bar: dict[int, int], price: dict[int, float], traded: dict[int, float]
    ) -> None:
        """Pay the increases of one instant from what is spendable."""
        wanted = {i: self.working[i] for i in sorted(bar) if self.working[i]}
        if not wanted:
            return
        fills = {i: self.slipped(price[i], lots) for i, lots in wanted.items()}
        shorts = 0.0
        for i in range(self.n):
            if self.lots[i] < 0:
                at = fills.get(i, traded.get(i, self.close[row - 1][i]))
                shorts += abs(self.value(i, self.lots[i], at))
        granted = self.grant(row, wanted, fills, self.cash - 2 * shorts)
        for i, lots in granted.items():
            if lots:
                self.entered[i] = bar[i] if self.lots[i] == 0 else self.entered[i]
                self.book(row, i, lots, fills[i], TARGET)
                self.out.events["huge lots"] += abs(lots) > 2**53
                self.out.events["close-only fill"] += self.close_only[i]

    def cost(self, orders: dict[int, int], fills: dict[int, float]) -> float:
        """Value plus commission."""
        total = 0.0
        for i, lots in orders.items():
            value = abs(self.value(i, lots, fills[i]))
            total += value + value * self.terms.costs.commission
        return total

    def grant(
        self, row: int, wanted: dict[int, int], fills: dict[int, float], spendable: float
    ) -> dict[int, int]:
        """What of the wanted increases cash pays."""
        cost = self.cost(wanted, fills)
        if cost <= spendable:
            return wanted
        events = self.out.events
        if self.terms.shortfall == "reject":
            events["reject"] += 1
            granted = dict.fromkeys(wanted, 0)
        else:
            granted = self.scaled(row, wanted, fills, spendable, cost)
            some = sum(lots != 0 for lots in granted.values())
            events["scaled"] += some > 0
            events["scaled several"] += some > 1
        for i, lots in wanted.items():
            self.out.shortfalls += granted[i] != lots
            self.out.shortfall_lots += abs(lots) - abs(granted[i])
        return granted

    def scaled(
        self,
        row: int,
        wanted: dict[int, int],
        fills: dict[int, float],
        spendable: float,
        cost: float,
    ) -> dict[int, int]:
        """Scale by a common factor, give up steps in turn, drop what is too small."""
        factor = max(spendable, 0.0) / cost
        size = {}
        for i, lots in wanted.items():
            step = self.rules(row, i).order_step
            size[i] = math.trunc(abs(lots) * factor) // step * step * sign(lots)
        while any(size.values()) and self.cost(size, fills) > spendable:
            for i in wanted:
                if size[i] and self.cost(size, fills) > spendable:
                    step = min(self.rules(row, i).order_step, abs(size[i]))
                    size[i] -= step * sign(size[i])
                    self.out.events["gave up a step"] += 1
        for i, lots in size.items():
            if lots and abs(self.value(i, lots, fills[i])) < self.rules(row, i).min_notional:
                size[i] = 0
                self.out.events["below minimum after scaling"] += 1
        return size

    # Inside the bar.

    def inside(self, row: int, i: int) -> None:
        """The open, then the adverse extreme, then the favourable one."""
        side = sign(self.lots[i])
        if not side:
            return
        adverse, favourable = (self.low, self.high) if side > 0 else (self.high, self.low)
        stop, take = self.stop_level[i], self.take_level[i]
        stopped = stop is not None and (adverse[row][i] - stop) * side <= 0
        taken = take is not None and (favourable[row][i] - take) * side >= 0
        hit = self.passed(i, self.open[row][i])
        if hit is None and not stopped and not taken:
            return
        events = self.out.events
        events["stop and target in one bar"] += stopped and taken
        events["entry bar exit"] += self.entered[i] == row
        events["entry beyond its stop"] += hit is not None
        if hit is not None:
            self.exit(row, i, hit, self.open[row][i])
        elif stopped:
            self.exit(row, i, STOP_LOSS, stop)
        else:
            self.exit(row, i, TAKE_PROFIT, take)

    def exit(self, row: int, i: int, reason: int, price: float) -> None:
        """Close a position by its level, and stay flat."""
        lots = -self.lots[i]
        events = self.out.events
        events["stop of a short"] += reason == STOP_LOSS and lots > 0
        events["order step not met by an exit"] += abs(lots) % self.rules(row, i).order_step != 0
        events["rules changed while held"] += self.rules(row, i) != self.level_rules[i]
        events["exit cancels an order"] += self.working[i] != 0
        self.book(row, i, lots, self.slipped(price, lots) if reason == STOP_LOSS else price, reason)
        self.working[i] = 0
        self.acted[i] = 0.0
        left_already = sign(self.standing[i]) != -sign(lots)
        self.blocked[i] = 0 if left_already else -sign(lots)
        events["exit of what its target had left"] += left_already
        self.awaits_statement[i] = True

    def book(self, row: int, i: int, lots: int, price: float, reason: int) -> None:
        """A fill, and the levels of the position it leaves."""
        value = self.value(i, lots, price)
        fee = abs(value) * self.terms.costs.commission
        self.cash = self.cash - (value + fee)
        held = self.lots[i]
        if held == 0:
            self.average[i] = price
        elif held * lots > 0:
            total = abs(held) + abs(lots)
            self.average[i] = (abs(held) * self.average[i] + abs(lots) * price) / total
        self.lots[i] = held + lots
        self.set_levels(row, i)
        self.out.fills.append(Fill(row, i, lots, price, fee, reason, self.cash))

    def set_levels(self, row: int, i: int) -> None:
        """Whole ticks, rounded away from the entry."""
        exits, side, average = self.terms.exits, sign(self.lots[i]), self.average[i]
        self.level_rules[i] = self.rules(row, i)
        tick = self.level_rules[i].tick
        self.stop_level[i] = self.take_level[i] = None
        if side and exits.stop_loss is not None:
            self.stop_level[i] = on_tick(average * (1 - side * exits.stop_loss), tick, -side)
        if side and exits.take_profit is not None:
            self.take_level[i] = on_tick(average * (1 + side * exits.take_profit), tick, side)

    # The close.

    def decide(self, row: int, equity: float) -> None:
        """State, check and act on the targets of a row."""
        before = list(self.standing)
        stated = [self.stated(row, i) for i in range(self.n)]
        for i, target in enumerate(stated):
            if not math.isnan(target):
                self.standing[i] = target
        if math.fsum(abs(x) for x in self.standing) > 1 + 1e-9:
            raise LeverageError(f"row {row}: {self.standing}")
        for i, target in enumerate(stated):
            is_stated = not math.isnan(target)
            due = is_stated and target != before[i]
            self.out.events["target left unsaid"] += not is_stated
            again = is_stated and self.awaits_again(i)
            if self.is_free(i, is_stated):
                self.due(row, i, equity, due or again)

    def stated(self, row: int, i: int) -> float:
        """The target of a row; at the first traded row, what stood before counts."""
        target = self.targets[row][i]
        if row == self.start:
            for line in self.targets[: row + 1]:
                target = line[i] if not math.isnan(line[i]) else target
            kept = math.isnan(self.targets[row][i]) and not math.isnan(target) and target != 0
            self.out.events["standing before the start"] += kept
        return target

    def is_free(self, i: int, is_stated: bool) -> bool:
        """Whether an instrument may trade again after its exit."""
        if self.terms.exits.reentry == "stated" or not self.blocked[i]:
            return True
        if is_stated and sign(self.standing[i]) != self.blocked[i]:
            self.blocked[i] = 0
            self.out.events["free again after zero"] += 1
            return True
        return False

    def awaits_again(self, i: int) -> bool:
        """Whether a statement of the same target enters again."""
        if self.terms.exits.reentry == "zero" or not self.awaits_statement[i]:
            return False
        if self.standing[i] == 0:
            return False
        self.awaits_statement[i] = False
        self.out.events["stated again"] += 1
        return True

    def due(self, row: int, i: int, equity: float, due: bool) -> None:
        """Act on a due target where it is worth it, and turn it into an order."""
        due = due or self.waiting[i]
        self.waiting[i] = due and math.isnan(self.close[row][i])
        self.out.events["waits for its first bar"] += self.waiting[i]
        if not due or self.waiting[i]:
            return
        target, rules = self.standing[i], self.rules(row, i)
        lot_price = self.close[row][i] * self.unit[i]
        change = abs(target - self.acted[i])
        if self.terms.min_change is not None:
            acts = change > self.terms.min_change
        else:
            room = change * equity * (1 - self.terms.cash_buffer) / lot_price
            acts = room >= rules.order_step
        if target != 0 and not acts:
            self.out.events["too small to act on"] += 1
            return
        self.acted[i] = target
        lots = math.trunc(target * equity * (1 - self.terms.cash_buffer) / lot_price)
        if abs(lots) >= MOST_LOTS:
            raise TooLargeError(f"row {row}: {lots} lots of instrument {i}")
        lots = sign(lots) * (abs(lots) // rules.order_step * rules.order_step)
        self.order(row, i, lots - self.lots[i] - self.working[i], rules.min_notional)

    def order(self, row: int, i: int, quantity: int, min_notional: float) -> None:
        """Send an order, or amend the one that waits for its bar."""
        if quantity == 0:
            return
        if abs(self.value(i, quantity, self.close[row][i])) < min_notional:
            self.out.below_minimum += 1
            self.out.events["below minimum at the order"] += 1
            return
        self.out.events["amendment"] += self.working[i] != 0
        self.out.events["amended to nothing"] += self.working[i] == -quantity
        self.out.events["ordered without a bar"] += not self.tradable[row][i]
        self.out.ordered += 1
        self.working[i] += quantity

    def finish(self) -> Outcome:
        """What is left at the end."""
        self.out.lots = list(self.lots)
        self.out.unfilled = sum(x != 0 for x in self.working)
        self.out.events["unfilled at the end"] += self.out.unfilled
        return self.out


def on_tick(level: float, tick: float, direction: int) -> float:
    """The tick at or beyond a level; a level within 1e-9 of a tick lies on it."""
    ticks = level / tick
    whole = math.floor(ticks + 1e-9) if direction < 0 else math.ceil(ticks - 1e-9)
    return float(whole * Fraction(repr(tick)))


def difference(record: Record, outcome: Outcome, *, tolerance: float = 1e-9) -> str:
    """Name the first thing in which a record differs from the oracle; empty where nothing does.

    Fills of one row are compared in the order of their instruments, and each instrument's in the
    order booked. Money may differ by ``tolerance`` of what it is made of.
    """
    key = [(int(r), int(i)) for r, i in zip(record.fills.row, record.fills.instrument, strict=True)]
    theirs = [int(k) for k in sorted(range(len(key)), key=key.__getitem__)]
    ours = sorted(outcome.fills, key=lambda fill: (fill.row, fill.instrument))
    turnover = record.terms.cash
    for k, fill in zip(theirs, ours, strict=False):
        found = tuple(int(getattr(record.fills, name)[k]) for name in EXACT)
        wanted = tuple(getattr(fill, name) for name in EXACT)
        if found != wanted:
            return f"fill {dict(zip(EXACT, found, strict=True))}, expected {fill}"
        turnover += abs(fill.fee) + abs(fill.lots) * fill.price * _unit(record, fill.instrument)
        for name in ("price", "fee"):
            money = float(getattr(record.fills, name)[k])
            if not math.isclose(money, getattr(fill, name), rel_tol=tolerance):
                return f"{name} {money!r}, expected {fill}"
    if len(theirs) != len(ours):
        return f"{len(theirs)} fills, expected {len(ours)}: {ours[len(theirs) :]}"
    if ours and abs(record.fills.cash[-1] - outcome.fills[-1].cash) > tolerance * turnover:
        return f"cash {record.fills.cash[-1]!r}, expected {outcome.fills[-1].cash!r}"
    for found, wanted in zip(record.equity.tolist(), outcome.equity, strict=True):
        if abs(found - wanted) > tolerance * turnover:
            return f"equity {found!r}, expected {wanted!r}"
    if record.held.tolist() != outcome.held or record.lots.tolist() != outcome.lots:
        return f"held {record.held}, {record.lots}, expected {outcome.held}, {outcome.lots}"
    for name in ("ordered", "filled", "shortfalls", "shortfall_lots", "below_minimum", "unfilled"):
        if getattr(record.counts, name) != getattr(outcome, name):
            return f"{name} {getattr(record.counts, name)}, expected {getattr(outcome, name)}"
    return "" if record.ruined == outcome.ruined else f"ruined {record.ruined}"


EXACT = ("row", "instrument", "lots", "reason")


def _unit(record: Record, i: int) -> float:
    return record.bars.instruments[i].lot * record.bars.instruments[i].multiplier
