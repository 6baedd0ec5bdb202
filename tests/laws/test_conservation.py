"""Law 5: after every event the books add up, and say what the venue says."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from laws.markets import Case, cases

from peak_trade.domain.event import BarsClosed
from peak_trade.domain.ledger import Fill, Ledger
from peak_trade.domain.order import Reason
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session

EXITS = (Reason.STOP_LOSS, Reason.TAKE_PROFIT)


class Watched:
    """A session's ledger, which also keeps the fills that it was given."""

    def __init__(self, ledger: Ledger, fills: list[Fill]) -> None:
        self._ledger, self._fills = ledger, fills

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)

    def apply(self, entry: Fill) -> None:
        self._fills.append(entry)
        self._ledger.apply(entry)


class Steps:
    """A session taken one event at a time, and what each event added."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.stop = len(case.bars)
        self.session = Session(
            case.bars, StoredRows(case.targets), start=case.start, stop=self.stop, terms=case.terms
        )
        self.fills: list[Fill] = []
        self.ledger = self.session.ledger
        self.session.ledger = Watched(self.ledger, self.fills)

    def __iter__(self) -> Iterator[tuple[int, list[Fill], dict[int, int]]]:
        """Row, its fills, and when the orders that worked before it were decided."""
        for row in range(self.case.start, self.stop):
            decided = {i: o.decided_ns for i, o in self.session.venue._market.items()}
            before = len(self.fills)
            self.session.step(BarsClosed(row, int(self.case.bars.time[row])))
            yield row, self.fills[before:], decided


def value(case: Case, fill: Fill) -> float:
    instrument = case.bars.instruments[fill.instrument]
    return fill.lots * (instrument.lot * instrument.multiplier) * fill.price


def marks_at(case: Case, row: int) -> np.ndarray:
    """Last close of each instrument that had a bar, 0 where none had."""
    marks = np.zeros(len(case.bars.instruments))
    for i in range(len(marks)):
        real = np.flatnonzero(case.bars.tradable[: row + 1, i])
        marks[i] = case.bars.close[real[-1], i] if len(real) else 0.0
    return marks


@settings(max_examples=500)
@given(cases())
def test_books_add_up_after_every_event(case: Case) -> None:
    steps = Steps(case)
    ledger, venue = steps.ledger, steps.session.venue
    cash, turnover = case.terms.cash, case.terms.cash
    lots = np.zeros(len(case.bars.instruments), np.int64)
    units = np.array([i.lot * i.multiplier for i in case.bars.instruments])
    for row, fills, _ in steps:
        for fill in fills:
            cash -= value(case, fill) + fill.fee
            turnover += abs(value(case, fill)) + fill.fee
            lots[fill.instrument] += fill.lots
            assert fill.fee >= 0
        booked = ledger.cash[ledger.currency]
        assert booked == venue.cash
        assert (ledger.lots == venue.held).all()
        assert (ledger.lots == lots).all()
        assert abs(booked - cash) <= 1e-9 * turnover
        assert ledger.holds == bool(lots.any())
        equity = steps.session.record().equity[row - case.start]
        worth = lots * units * marks_at(case, row)
        assert abs(equity - (booked + worth.sum())) <= 1e-9 * (turnover + np.abs(worth).sum())


@settings(max_examples=500)
@given(cases())
def test_fills_come_from_real_bars_that_open_after_the_decision(case: Case) -> None:
    bars = case.bars
    for row, fills, decided in Steps(case):
        for fill in fills:
            i = fill.instrument
            assert fill.row == row
            assert bars.tradable[fill.bar, i]
            low, high = bars.low[fill.bar, i], bars.high[fill.bar, i]
            slack = case.terms.costs.slippage + 1e-12
            inside = low * (1 - slack) <= fill.price <= high * (1 + slack)
            assert inside or fill.reason in EXITS  # a stop of the entry bar may lie off the bar
            assert int(bars.open_time[fill.bar, i]) <= fill.time_ns <= int(bars.time[row])
            if fill.at_open:
                assert int(bars.time[row - 1]) <= fill.time_ns
            else:
                assert fill.reason in EXITS
                assert fill.bar == row
                assert fill.time_ns == int(bars.time[row])
            if fill.reason not in EXITS:
                assert decided[i] <= fill.time_ns


@settings(max_examples=500)
@given(cases())
def test_exits_only_close_and_take_everything(case: Case) -> None:
    lots = np.zeros(len(case.bars.instruments), np.int64)
    for _, fills, _ in Steps(case):
        for fill in fills:
            i = fill.instrument
            if fill.reason is not Reason.TARGET:
                assert lots[i] != 0
                assert fill.lots == -lots[i]
            lots[i] += fill.lots


@settings(max_examples=500)
@given(cases())
def test_cash_pays_for_every_increase(case: Case) -> None:
    """Long only, cash never falls below zero; with shorts, no fill that adds leaves it there."""
    long_only = replace(case, targets=np.abs(case.targets))
    for chosen in (case, long_only):
        turnover = case.terms.cash
        lots = np.zeros(len(case.bars.instruments), np.int64)
        for _, fills, _ in Steps(chosen):
            for fill in fills:
                turnover += abs(value(case, fill))
                adds = abs(lots[fill.instrument] + fill.lots) > abs(lots[fill.instrument])
                lots[fill.instrument] += fill.lots
                if chosen is long_only or adds:
                    assert fill.cash >= -1e-9 * turnover
