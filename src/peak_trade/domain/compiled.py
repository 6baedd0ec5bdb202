"""An order strategy's compiled form: one function of numbers, called at every close.

The function is plain Python that numba can compile; how to write one is in
``docs/guide-order-strategy.md``. Importing this module loads numba.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.domain.checks import check_count
from peak_trade.domain.errors import StrategyError
from peak_trade.kernels.asked import (
    ACCOUNT,
    ASKED,
    BAR,
    CANCEL,
    CASH,
    CLOSE,
    EQUITY,
    EXPIRES_S,
    FOK,
    FORCE,
    GROUP,
    GTC,
    GTD,
    HELD,
    HIGH,
    IOC,
    KIND,
    LIMIT,
    LIMIT_PRICE,
    LOTS,
    LOW,
    MARKET,
    OPEN,
    OPEN_ORDERS,
    ORDER_LEFT,
    ORDER_PRICE,
    ORDER_TAG,
    ORDERS,
    POST_ONLY,
    PRICE,
    PROFIT,
    REDUCE_ONLY,
    ROW,
    STOP,
    STOP_LIMIT,
    STOP_LOSS,
    TAG,
    TAKE_PROFIT,
    TIME_S,
    TRAIL,
    TRAILING_STOP,
    VOLUME,
    ask,
    cancel,
    is_working,
    on_tick,
)

__all__ = [
    "ACCOUNT",
    "ASKED",
    "BAR",
    "CANCEL",
    "CASH",
    "CLOSE",
    "EQUITY",
    "EXPIRES_S",
    "FOK",
    "FORCE",
    "GROUP",
    "GTC",
    "GTD",
    "HELD",
    "HIGH",
    "IOC",
    "KIND",
    "LIMIT",
    "LIMIT_PRICE",
    "LOTS",
    "LOW",
    "MARKET",
    "OPEN",
    "OPEN_ORDERS",
    "ORDERS",
    "ORDER_LEFT",
    "ORDER_PRICE",
    "ORDER_TAG",
    "POST_ONLY",
    "PRICE",
    "PROFIT",
    "REDUCE_ONLY",
    "ROW",
    "STOP",
    "STOP_LIMIT",
    "STOP_LOSS",
    "TAG",
    "TAKE_PROFIT",
    "TIME_S",
    "TRAIL",
    "TRAILING_STOP",
    "VOLUME",
    "CompiledStrategy",
    "ask",
    "cancel",
    "is_working",
    "on_tick",
]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CompiledStrategy:
    """An order strategy as a function of numbers that numba compiles.

    Parameters
    ----------
    on_bar : callable
        A plain function (or one that ``numba.njit`` made) of ``state, params, bar, account, orders,
        asked``, called after each bar has closed; all are float64 arrays. It reads the bar (BAR,), its
        account (ACCOUNT,) and its open orders (max_orders, ORDERS), may change ``state``, writes what
        it asks for to ``asked`` (room, ASKED) with ``ask`` and ``cancel``, and returns the number of
        rows that it wrote.
    state : (S,) float64
        What it remembers, as it stands before the first bar; a run works on a copy.
    params : (P,) float64
        Its parameters.
    room : int
        Rows that it writes at most in one call.
    max_orders : int
        Orders that may be open at once; a run that needs more is an error.

    Raises
    ------
    StrategyError
        If ``on_bar`` is no function, or the arrays are not one-dimensional.
    ParameterError
        If ``room`` or ``max_orders`` is below 1.
    """

    on_bar: Callable[[Floats, Floats, Floats, Floats, Floats, Floats], int]
    state: Floats
    params: Floats
    room: int = 16
    max_orders: int = 64

    def __post_init__(self) -> None:
        check_count("CompiledStrategy", "room", self.room, least=1)
        check_count("CompiledStrategy", "max_orders", self.max_orders, least=1)
        if not callable(self.on_bar):
            raise StrategyError(
                f"on_bar {self.on_bar!r} of CompiledStrategy is no function",
                hint="give a plain function of numbers and arrays",
            )
        for name in ("state", "params"):
            array = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            if array.ndim != 1:
                raise StrategyError(
                    f"{name} of CompiledStrategy has {array.ndim} dimensions, one expected",
                    hint="lay it out in one row of numbers",
                )
            object.__setattr__(self, name, array)
