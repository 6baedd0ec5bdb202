"""Sessions run in memory, with everything that they write down, as a journal gives it back."""

from collections.abc import Mapping, Sequence

import numpy as np
from laws.markets import Case

from peak_trade.domain.bars import Bars
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.order_strategy import OrderStrategy
from peak_trade.domain.terms import Terms
from peak_trade.engine.detail import Detail
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session
from peak_trade.engine.sheet import Sheet
from peak_trade.journal.canonical import canonical_json, parsed_json
from peak_trade.journal.record import Entry


class Listed:
    """A recorder that keeps a list; a payload goes through its text, as in a journal."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, kind: str, payload: Mapping[str, object], time_ns: int) -> int:
        seq = len(self.entries) + 1
        said = parsed_json(canonical_json(payload))
        assert isinstance(said, dict)
        self.entries.append(Entry(seq, 1, time_ns, kind, said))
        return seq

    def sync(self) -> None:
        """Nothing to do."""


def started(
    instruments: Sequence[Instrument], cash: float, currency: str, *, strategy: str = "mine"
) -> dict[str, object]:
    names = ("symbol", "lot", "tick", "multiplier", "quote")
    return {
        "run": "S1",
        "account": "main",
        "environment": "paper",
        "strategy": strategy,
        "instruments": [{name: getattr(i, name) for name in names} for i in instruments],
        "cash": cash,
        "currency": currency,
    }


def run(
    bars: Bars,
    source: OrderStrategy | np.ndarray,
    terms: Terms,
    *,
    start: int = 0,
    sheet: Sheet | None = None,
    detail: Detail | None = None,
) -> tuple[Session, list[Entry]]:
    """A session that is run to its end, and its journal."""
    listed = Listed()
    currency = terms.currency or bars.instruments[0].quote
    listed.append("session.started", started(bars.instruments, terms.cash, currency), 1)
    session = Session(
        bars,
        source if isinstance(source, OrderStrategy) else StoredRows(source),
        start=start,
        stop=len(bars),
        terms=terms,
        sheet=sheet,
        detail=detail,
        recorder=listed,
    )
    session.run()
    return session, listed.entries


def run_case(case: Case) -> tuple[Session, list[Entry]]:
    """A case of the laws, with its actions and finer bars."""
    return run(
        case.bars,
        case.targets,
        case.terms,
        start=case.start,
        sheet=Sheet.of(case.bars, case.terms, case.actions, case.start),
        detail=None if case.detail is None else Detail(case.bars, case.detail),
    )
