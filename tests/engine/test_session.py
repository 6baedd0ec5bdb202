"""A session, one event at a time."""

import numpy as np
import pytest
from execution.scenes import FLAT, HOUR, bars_of, run_both, session_of, terms

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import StrategyError
from peak_trade.domain.event import BarsClosed
from peak_trade.domain.strategy import Strategy
from peak_trade.engine.rows import LiveRows, StoredRows
from peak_trade.engine.session import Session


def test_step_books_what_the_row_fills_and_marks_it() -> None:
    bars = bars_of([FLAT, (110.0, 120.0, 105.0, 115.0), FLAT])
    session = session_of(bars, [0.5, 0.5, 0.5], terms())
    session.step(BarsClosed(0, HOUR))
    assert session.ledger.lots.tolist() == [0]
    session.step(BarsClosed(1, 2 * HOUR))
    assert session.ledger.lots.tolist() == session.venue.held.tolist() == [5]
    assert session.ledger.cash["USD"] == session.venue.cash == 450.0
    assert session.record().equity[:2].tolist() == [1000.0, 1025.0]


def test_record_carries_the_run() -> None:
    bars = bars_of([FLAT] * 3)
    record = session_of(bars, [0.5, 0.5, 0.5], terms()).run()
    assert (record.engine, record.start, record.stop, len(record.equity)) == ("session", 0, 3, 3)
    assert record.fills.time.tolist() == [HOUR]
    assert record.held.tolist() == [False, True, True]


def test_rows_before_the_start_never_trade_and_their_target_stands() -> None:
    bars = bars_of([FLAT] * 5)
    rows = np.array([[0.5], [np.nan], [np.nan], [np.nan], [np.nan]])
    record = Session(bars, StoredRows(rows), start=2, stop=5, terms=terms()).run()
    assert record.fills.row.tolist() == [3]
    assert record.fills.lots.tolist() == [5]


def test_rows_after_the_stop_are_not_traded() -> None:
    bars = bars_of([FLAT] * 5)
    record = Session(bars, StoredRows(np.full((5, 1), 0.5)), start=0, stop=1, terms=terms()).run()
    assert len(record.fills) == 0
    assert record.counts.unfilled == 1


@pytest.mark.parametrize("rows", [[1.2, 1.2, 1.2], [-1.2, 0.0, 0.0]])
def test_target_beyond_one_ends_the_run_with_its_row(rows: list[float]) -> None:
    with pytest.raises(StrategyError, match=r"exceed 1\.0") as caught:
        session_of(bars_of([FLAT] * 3), rows, terms()).run()
    assert caught.value.fields["row"] == 0


def test_targets_of_a_row_that_add_up_to_more_than_one_are_refused() -> None:
    bars = bars_of([FLAT] * 3, [FLAT] * 3)
    with pytest.raises(StrategyError, match=r"1\.1 exceed"):
        session_of(bars, [[0.5, 0.5], [0.6, np.nan], [0.0, 0.0]], terms()).run()


def test_instrument_without_a_price_yet_waits_for_its_first_bar() -> None:
    close = np.array([[100.0, np.nan], [100.0, np.nan], [100.0, 50.0], [100.0, 50.0]])
    bars = Bars.from_arrays(
        close, open=close, tradable=np.isfinite(close), instruments=bars_of([FLAT], [FLAT]).instruments,
        interval="1h",
    )  # fmt: skip
    targets = [[0.0, 0.5], [np.nan, np.nan], [np.nan, np.nan], [np.nan, np.nan]]
    record = run_both(bars, targets, terms())
    assert record.fills.row.tolist() == [3]
    assert record.fills.lots.tolist() == [10]


class Higher(Strategy):
    """Half in where the close rose."""

    def targets(self, bars: Bars):
        rose = np.diff(bars.close[:, 0], prepend=bars.close[0, 0]) > 0
        return np.where(rose, 0.5, 0.0)


def test_live_rows_show_the_strategy_its_history_alone() -> None:
    bars = bars_of([(p, p, p, p) for p in (100.0, 101.0, 100.0, 102.0)])
    live = LiveRows(Higher(), bars)
    assert [float(live.row(t)[0]) for t in range(4)] == [0.0, 0.5, 0.0, 0.5]
    assert live.standing(0).tolist() == [0.0]
    assert live.standing(2).tolist() == [0.5]
