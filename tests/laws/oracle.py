"""A second simulation, written from docs/simulation.md alone: plain Python, bar by bar, slow.

It shares nothing with the engines but the domain's inputs, so that what it books is a witness. It
also counts what happened (``events``), so that a test can see that its markets are not too tame. The
parts are in ``rich_*``; here stand the order of a row, and the comparison with a record.
"""

import math
from collections.abc import Iterable
from itertools import zip_longest

import numpy as np
from laws.rich_actions import ActionTaking
from laws.rich_opens import Opens
from laws.rich_state import (
    DAY,
    HALT,
    LIQUIDATION,
    RUIN,
    TIME_STOP,
    Fill,
    LeverageError,
    Outcome,
    TooLargeError,
)
from laws.rich_targets import Deciding

from peak_trade.domain.actions import Action
from peak_trade.domain.bars import Bars
from peak_trade.domain.record import Record
from peak_trade.domain.terms import Terms

__all__ = ["Fill", "LeverageError", "Outcome", "TooLargeError", "difference", "simulate"]


def simulate(
    bars: Bars,
    targets: np.ndarray,
    start: int,
    terms: Terms,
    stop: int | None = None,
    actions: Iterable[Action] = (),
    detail: Bars | None = None,
) -> Outcome:
    """Trade ``targets`` over the rows ``start`` to ``stop`` as the document says."""
    stop = len(bars) if stop is None else stop
    account = Account(bars, targets, start, terms, stop, actions, detail)
    account.look_back()
    for row in range(start, account.stop):
        account.trade(row)
    return account.finish()


class Account(ActionTaking, Opens, Deciding):
    """One run, row by row."""

    def look_back(self) -> None:
        """What rows before the first traded one leave: last closes, and the delisted."""
        self.traded_values, self.too_old, self.row_fees = [0.0], 0, None
        for row in range(self.start):
            self.act(row, first=True)
            self.act(row, first=False)
            self.mark(row)
        self.know_liquidations()

    def mark(self, row: int) -> None:
        """Take the closes of the row's real bars."""
        for i, h in enumerate(self.at):
            h.last = self.close[row][i] if self.tradable[row][i] else h.last
        self.convert()

    def trade(self, row: int) -> None:
        """One row, in the order of the document."""
        self.take_fees(row)
        if self.act(row, first=True):
            self.know_liquidations()
        events = self.instants.get(row, [])
        for when in sorted({event[0] for event in events}):
            self.open_instant(row, when, [(i, bar) for time, i, bar in events if time == when])
        if self.act(row, first=False):
            self.know_liquidations()
        for i in range(self.n):
            if self.tradable[row][i]:
                self.inside(row, i)
        self.mark(row)
        self.accrue(row)
        equity = self.cash
        for i, h in enumerate(self.at):
            if h.lots:
                equity = equity + self.marked(i)
        self.peak = max(self.peak, equity)
        self.out.equity.append(equity)
        self.out.held.append(any(h.lots for h in self.at))
        self.at_close(row, equity)
        self.know_liquidations()

    def at_close(self, row: int, equity: float) -> None:
        """Ruin, a margin call, a halt; then levels move and targets become orders."""
        if self.out.ruined:
            return
        if equity <= 0:
            self.out.ruined = True
            self.events["ruin"] += 1
            self.events["ruin of a short"] += any(h.lots < 0 for h in self.at)
            self.close_all(RUIN)
            return
        called = self.call(equity)
        if not self.out.halted:
            self.halt(row, equity)
        if not self.out.halted:
            for i in range(self.n):
                if self.tradable[row][i]:
                    self.at_close_of_bar(row, i)
            self.decide(row, equity, called=called)

    def close_all(self, reason: int) -> None:
        """Cancel what works, and close every position at its next open."""
        for h in self.at:
            h.working, h.forced = 0, reason if h.lots else None

    def call(self, equity: float) -> bool:
        """Whether equity is below the maintenance of gross: everything is closed."""
        gross = sum(abs(self.marked(i)) for i in range(self.n))
        if self.margin is None or not gross or equity >= self.margin.maintenance * gross:
            return False
        self.events["margin call"] += 1
        self.events["margin call over a time stop"] += any(h.forced == TIME_STOP for h in self.at)
        self.close_all(LIQUIDATION)
        return True

    def halt(self, row: int, equity: float) -> None:
        """Stop trading for good where the losses of a limit are exceeded."""
        limits = self.terms.limits
        if row > self.start and (self.time[row] - 1) // DAY > (self.time[row - 1] - 1) // DAY:
            self.yesterday = self.out.equity[-2]
        if limits.max_drawdown < 1 and equity / self.peak - 1 < -limits.max_drawdown:
            self.out.halted = "max_drawdown"
        elif limits.max_daily_loss < 1 and equity / self.yesterday - 1 < -limits.max_daily_loss:
            self.out.halted = "max_daily_loss"
        if not self.out.halted:
            return
        self.events[f"halt by {self.out.halted}"] += 1
        self.events["halt while working"] += any(h.working for h in self.at)
        self.events["halt while held"] += any(h.lots for h in self.at)
        for h in self.at:
            h.working, h.partials = 0, []
            h.stop = h.take = h.base_take = None
            if h.forced != LIQUIDATION:
                h.forced = HALT if limits.flatten and h.lots else None

    def finish(self) -> Outcome:
        """What is left at the end."""
        self.out.lots = [h.lots for h in self.at]
        self.out.unfilled = sum(h.working != 0 for h in self.at)
        self.events["unfilled at the end"] += self.out.unfilled
        return self.out


def difference(record: Record, outcome: Outcome, *, tolerance: float = 1e-9) -> str:
    """Name the first thing in which a record differs from the oracle; empty where nothing does.

    Fills of one row are compared in the order of their instruments, and each instrument's in the
    order booked. Money may differ by ``tolerance`` of what it is made of.
    """
    key = [(int(r), int(i)) for r, i in zip(record.fills.row, record.fills.instrument, strict=True)]
    theirs = [int(k) for k in sorted(range(len(key)), key=key.__getitem__)]
    ours = sorted(outcome.fills, key=lambda fill: (fill.row, fill.instrument))
    turnover = record.terms.cash + sum(abs(flow.amount) for flow in outcome.flows)
    for k, fill in zip(theirs, ours, strict=False):
        found = tuple(int(getattr(record.fills, name)[k]) for name in EXACT)
        wanted = tuple(getattr(fill, name) for name in EXACT)
        if found != wanted:
            return f"fill {dict(zip(EXACT, found, strict=True))}, expected {fill}"
        turnover += abs(fill.fee) + abs(fill.lots) * fill.price * _unit(record, fill.instrument)
        slack = tolerance * abs(fill.lots) * fill.price * _unit(record, fill.instrument)
        for name in ("price", "fee", "slippage"):
            money, wanted_money = float(getattr(record.fills, name)[k]), getattr(fill, name)
            room = slack if name == "slippage" else 0.0  # a difference of two values
            if not math.isclose(money, wanted_money, rel_tol=tolerance, abs_tol=room):
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
    for name, count in outcome.refused.items():
        if getattr(record.counts, f"over_{name}") != count:
            return f"{record.counts}, expected {count} refused by {name}"
    for name in ("ruined", "halted"):
        if getattr(record, name) != getattr(outcome, name):
            return f"{name} {getattr(record, name)!r}, expected {getattr(outcome, name)!r}"
    return _flows_difference(record, outcome, tolerance * turnover)


def _flows_difference(record: Record, outcome: Outcome, slack: float) -> str:
    """Name the first payment that differs: by row, then kind and instrument, as booked."""
    flows = record.flows
    columns = (flows.row.tolist(), flows.time.tolist(), flows.instrument.tolist(), flows.kind)
    keys = list(zip(*columns, strict=True))
    wanted = [(f.row, f.time, f.instrument, f.kind) for f in outcome.flows]
    if keys != wanted:
        parts = zip_longest(zip(keys, flows.amount.tolist(), strict=True), outcome.flows)
        return f"flows differ at (theirs, ours) {next((a, b) for a, b in parts if a is None or b is None or a[0] != (b.row, b.time, b.instrument, b.kind))}"
    for key, found, flow in zip(keys, flows.amount.tolist(), outcome.flows, strict=True):
        if abs(found - flow.amount) > slack:
            return f"flow {key} of {found!r}, expected {flow.amount!r}"
    return ""


EXACT = ("row", "instrument", "lots", "reason", "time")


def _unit(record: Record, i: int) -> float:
    return record.bars.instruments[i].lot * record.bars.instruments[i].multiplier
