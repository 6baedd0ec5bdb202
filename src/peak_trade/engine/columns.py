"""What a session booked, as the columns of its record."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from peak_trade.domain.ledger import CashFlow, Fill
from peak_trade.domain.record import Fills, Flows

Floats = npt.NDArray[np.float64]


def fill_columns(fills: Sequence[Fill]) -> Fills:
    """Fills as columns."""

    def ints(name: str) -> npt.NDArray[np.int64]:
        return np.array([getattr(fill, name) for fill in fills], np.int64)

    def floats(name: str) -> Floats:
        return np.array([getattr(fill, name) for fill in fills], np.float64)

    return Fills(
        row=ints("row"),
        time=ints("time_ns"),
        instrument=ints("instrument"),
        lots=ints("lots"),
        price=floats("price"),
        fee=floats("fee"),
        reason=ints("reason"),
        cash=floats("cash"),
        slippage=floats("slippage"),
    )


def flow_columns(flows: Sequence[CashFlow]) -> Flows:
    """Payments as columns."""
    return Flows(
        row=np.array([flow.row for flow in flows], np.int64),
        time=np.array([flow.time_ns for flow in flows], np.int64),
        instrument=np.array([flow.instrument for flow in flows], np.int64),
        kind=tuple(flow.kind for flow in flows),
        amount=np.array([flow.amount for flow in flows], np.float64),
    )
