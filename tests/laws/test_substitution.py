"""Law 3: the fast path books what the Session books, bit for bit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from laws.markets import Case, cases

from peak_trade.domain.errors import InputError
from peak_trade.domain.record import Record
from peak_trade.engine import fast
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session


def by_session(case: Case) -> Record:
    source = StoredRows(case.targets)
    stop = len(case.bars)
    return Session(case.bars, source, start=case.start, stop=stop, terms=case.terms).run()


def by_fast(case: Case) -> Record:
    trading = fast.Trading.of(case.bars, case.start, len(case.bars))
    return fast.run(trading, case.targets, case.terms, "case")


def both(case: Case) -> tuple[Record, Record]:
    return by_session(case), by_fast(case)


def difference(ours: Record, theirs: Record) -> str:
    column = ours.fills.differs_from(theirs.fills)
    if column:
        return f"fills.{column}"
    for name in ("equity", "held", "lots"):
        if getattr(ours, name).tobytes() != getattr(theirs, name).tobytes():
            return name
    column = ours.flows.differs_from(theirs.flows)
    if column:
        return f"flows.{column}"
    for name in ("counts", "ruined", "halted", "halted_row", "ambiguous", "splits"):
        if getattr(ours, name) != getattr(theirs, name):
            return f"{name}: {getattr(ours, name)} {getattr(theirs, name)}"
    return ""


@settings(max_examples=1500)
@given(cases())
def test_fast_path_books_what_the_session_books(case: Case) -> None:
    try:
        session, by_kernel = both(case)
    except InputError:  # a position too large for the books: neither engine trades it
        for engine in (by_session, by_fast):
            with pytest.raises(InputError, match="more than 4e\\+18 lots"):
                engine(case)
    else:
        assert difference(session, by_kernel) == ""


@settings(max_examples=1000)
@given(cases(width=1))
def test_segments_book_what_the_row_loop_books(case: Case) -> None:
    trading = fast.Trading.of(case.bars, case.start, len(case.bars))
    by_rows = fast.run(replace(trading, is_single=False), case.targets, case.terms, "case")
    assert difference(fast.run(trading, case.targets, case.terms, "case"), by_rows) == ""


@settings(max_examples=500)
@given(cases(width=1))
def test_boolean_targets_book_what_their_floats_book(case: Case) -> None:
    flags = np.nan_to_num(case.targets) > 0
    trading = fast.Trading.of(case.bars, case.start, len(case.bars))
    floats = fast.run(trading, flags.astype(float), case.terms, "case")
    assert difference(fast.run(trading, flags, case.terms, "case"), floats) == ""
