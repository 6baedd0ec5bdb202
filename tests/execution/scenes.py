"""Small markets by hand, which the examples of execution and engine share."""

from collections.abc import Sequence

import numpy as np

from peak_trade.domain.bars import Bars
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.record import Record
from peak_trade.domain.terms import Costs, Exits, Terms
from peak_trade.engine import fast
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session

HOUR = 3_600_000_000_000
Bar = tuple[float, float, float, float]
FLAT: Bar = (100.0, 100.0, 100.0, 100.0)


def bars_of(*columns: Sequence[Bar], instruments: Sequence[Instrument] | None = None) -> Bars:
    """Hourly bars from (open, high, low, close) per row, one column an instrument."""
    table = np.array(columns, dtype=np.float64)  # (N, T, 4)
    open_, high, low, close = (np.ascontiguousarray(table[:, :, k].T) for k in range(4))
    known = instruments or [Instrument(f"I{i}", tick=0.01, lot=1.0) for i in range(len(columns))]
    return Bars.from_arrays(close, open=open_, high=high, low=low, instruments=known, interval="1h")


def terms(
    cash: float = 1000.0,
    commission: float = 0.0,
    slippage: float = 0.0,
    stop_loss: float | None = None,
    take_profit: float | None = None,
    shortfall: str = "scale",
) -> Terms:
    return Terms(
        cash, Costs(commission, slippage), Exits(stop_loss, take_profit), shortfall=shortfall
    )


def session_of(bars: Bars, targets: Sequence, chosen: Terms) -> Session:
    rows = np.array(targets, dtype=np.float64).reshape(bars.close.shape)
    return Session(bars, StoredRows(rows), start=0, stop=len(bars), terms=chosen)


def run_both(bars: Bars, targets: Sequence, chosen: Terms) -> Record:
    """The record of a run; both engines have booked the same."""
    rows = np.array(targets, dtype=np.float64).reshape(bars.close.shape)
    by_session = session_of(bars, targets, chosen).run()
    by_fast_path = fast.run(fast.Trading.of(bars, 0, len(bars)), rows, chosen, "scene")
    assert by_session.fills.differs_from(by_fast_path.fills) == ""
    assert by_session.equity.tobytes() == by_fast_path.equity.tobytes()
    assert by_session.counts == by_fast_path.counts
    return by_session


def booked(record: Record) -> list[tuple[int, int, int, float, str]]:
    """Row, instrument, lots, price and reason of every fill."""
    names = ["target", "stop_loss", "take_profit", "ruin"]
    fills = record.fills
    return [
        (int(fills.row[k]), int(fills.instrument[k]), int(fills.lots[k]),
         round(float(fills.price[k]), 9), names[int(fills.reason[k])])
        for k in range(len(fills))
    ]  # fmt: skip
