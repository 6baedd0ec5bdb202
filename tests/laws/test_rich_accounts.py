"""Laws 1 and 5 with every cost, exit, limit, sizer, margin and action switched on at random."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from laws.markets import Case
from laws.rich_markets import rich_cases
from laws.test_causal_session import with_another_future

from peak_trade.domain.bars import Bars
from peak_trade.domain.event import BarsClosed
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session
from peak_trade.engine.sheet import Sheet


def session(case: Case, bars: Bars | None = None) -> Session:
    bars = bars or case.bars
    return Session(
        bars, StoredRows(case.targets), start=case.start, stop=len(bars), terms=case.terms,
        sheet=Sheet.of(bars, case.terms, case.actions, case.start),
    )  # fmt: skip


@settings(max_examples=600)
@given(rich_cases())
def test_books_add_up_after_every_event_with_everything_on(case: Case) -> None:
    run = session(case)
    ledger, venue = run.ledger, run.venue
    for row in range(case.start, len(case.bars)):
        run.step(BarsClosed(row, int(case.bars.time[row])))
        assert ledger.cash[ledger.currency] == venue.cash
        assert (ledger.lots == venue.held).all()
        assert ledger.holds == bool(ledger.lots.any())
        assert (ledger.average[ledger.lots != 0] > 0).all() or case.terms.costs.slips
    record = run.record()
    units = np.array([i.lot * i.multiplier for i in case.bars.instruments])
    values = record.fills.lots * units[record.fills.instrument] * record.fills.price
    paid = float(record.flows.amount.sum())
    turnover = case.terms.cash + np.abs(values).sum() + record.fills.fee.sum()
    turnover += np.abs(record.flows.amount).sum()
    cash = case.terms.cash - values.sum() - record.fills.fee.sum() + paid
    assert abs(cash - ledger.cash[ledger.currency]) <= 1e-9 * turnover
    assert (record.fills.fee >= 0).all()
    assert (record.fills.slippage >= 0).all()


@settings(max_examples=600)
@given(case=rich_cases(), seed=st.integers(0, 2**32 - 1))
def test_later_bars_change_no_earlier_entry_with_everything_on(case: Case, seed: int) -> None:
    rng = np.random.default_rng(seed)
    row = int(rng.integers(case.start, len(case.bars) - 1))
    changed = with_another_future(case.bars, row, rng)
    ours, theirs = session(case).run(), session(case, changed).run()
    for column in ("row", "time", "instrument", "lots", "price", "fee", "reason", "cash"):
        before = getattr(ours.fills, column)[ours.fills.row <= row]
        assert before.tobytes() == getattr(theirs.fills, column)[theirs.fills.row <= row].tobytes()
    for column in ("row", "time", "instrument", "amount"):
        before = getattr(ours.flows, column)[ours.flows.row <= row]
        assert before.tobytes() == getattr(theirs.flows, column)[theirs.flows.row <= row].tobytes()
    traded = row + 1 - case.start
    assert ours.equity[:traded].tobytes() == theirs.equity[:traded].tobytes()
