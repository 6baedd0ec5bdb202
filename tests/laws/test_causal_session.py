"""A session that calls the strategy on its history alone books what stored targets book."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws.markets import Case, cases
from laws.test_causality import NAMES, make
from laws.test_substitution import difference

from peak_trade.domain.bars import Bars
from peak_trade.domain.strategy import HasTargets
from peak_trade.engine.rows import LiveRows, RowSource, StoredRows
from peak_trade.engine.session import Session
from peak_trade.portfolio.weights import target_array


def session(case: Case, source: RowSource, bars: Bars | None = None) -> Session:
    return Session(
        bars or case.bars, source, start=case.start, stop=len(case.bars), terms=case.terms
    )


def stored(strategy: HasTargets, bars: Bars) -> StoredRows:
    return StoredRows(target_array(strategy, bars))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60)
@given(case=cases(), seed=st.integers(0, 2**32 - 1))
def test_live_rows_book_what_stored_rows_book(name: str, case: Case, seed: int) -> None:
    strategy = make(name, np.random.default_rng(seed))
    live = session(case, LiveRows(strategy, case.bars)).run()
    assert difference(live, session(case, stored(strategy, case.bars)).run()) == ""


def with_another_future(bars: Bars, row: int, rng: np.random.Generator) -> Bars:
    """The same bars up to a row, and others from there on; opens that were seen by then stay."""
    factor = np.exp(rng.normal(0, 0.3, bars.close.shape))
    later = (np.arange(len(bars)) > row)[:, None]
    unseen = later & (bars.open_time >= bars.time[row])
    columns = {
        "open": np.where(unseen, bars.open * factor, bars.open),
        "close": np.where(later, bars.close * factor[::-1], bars.close),
    }
    columns["high"] = np.fmax(np.where(later, 0.0, bars.high), np.fmax(*columns.values()))
    columns["low"] = np.fmin(
        np.where(later, np.inf, bars.low), np.fmin(columns["open"], columns["close"])
    )
    return replace(bars, memory=type(bars.memory)(), _facts={}, **columns)


@settings(max_examples=500)
@given(case=cases(), name=st.sampled_from(NAMES), seed=st.integers(0, 2**32 - 1))
def test_later_bars_change_no_earlier_fill(case: Case, name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    strategy = make(name, rng)
    row = int(rng.integers(case.start, len(case.bars) - 1))
    changed = with_another_future(case.bars, row, rng)
    ours = session(case, stored(strategy, case.bars)).run()
    theirs = session(case, stored(strategy, changed), changed).run()
    for column in ("row", "time", "instrument", "lots", "price", "fee", "reason", "cash"):
        before = getattr(ours.fills, column)[ours.fills.row <= row]
        assert before.tobytes() == getattr(theirs.fills, column)[theirs.fills.row <= row].tobytes()
    traded = row + 1 - case.start
    assert ours.equity[:traded].tobytes() == theirs.equity[:traded].tobytes()
