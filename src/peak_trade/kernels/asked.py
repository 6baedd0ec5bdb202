"""What a compiled order strategy reads and writes: a bar, its account, and a row a request or cancel.

A table is (rows, ASKED) float64; whole numbers in it are exact up to 2**53.
"""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.fills import tick_price
from peak_trade.kernels.jit import kernel

Floats = npt.NDArray[np.float64]

CANCEL, MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP, TAKE_PROFIT = -1, 0, 1, 2, 3, 4, 5
"""What a row asks for: to cancel, or an order of a kind."""

GTC, IOC, FOK, GTD = 0, 1, 2, 3
"""How long an order works."""

KIND, LOTS, PRICE, LIMIT_PRICE, TRAIL, FORCE, EXPIRES_S = 0, 1, 2, 3, 4, 5, 6
POST_ONLY, REDUCE_ONLY, TAG, GROUP, STOP_LOSS, PROFIT = 7, 8, 9, 10, 11, 12
ASKED = 13
"""Columns of what is asked: the fields of a ``Request``; ``EXPIRES_S`` counts from the bar's close."""

ROW, TIME_S, OPEN, HIGH, LOW, CLOSE, VOLUME = 0, 1, 2, 3, 4, 5, 6
BAR = 7
"""Columns of a bar: row from the run's anchor, close in seconds since 1970 (UTC), prices, volume."""

HELD, CASH, EQUITY, OPEN_ORDERS = 0, 1, 2, 3
ACCOUNT = 4
"""What a strategy sees of its account at a close: lots, cash, equity, and how many orders are open."""

ORDER_TAG, ORDER_LEFT, ORDER_PRICE = 0, 1, 2
ORDERS = 3
"""Columns of the open orders: tag, signed lots that may still trade, price (NaN for none)."""


@kernel
def ask(asked: Floats, n: int, kind: int, lots: int, price: float, tag: int) -> int:
    """Write a request as row ``n``, good till cancelled; the next row's number.

    What else it says is set on the row afterwards: ``asked[n, POST_ONLY] = 1.0``.
    """
    asked[n, KIND] = kind
    asked[n, LOTS] = lots
    asked[n, PRICE] = price
    asked[n, LIMIT_PRICE] = np.nan
    asked[n, TRAIL] = np.nan
    asked[n, FORCE] = GTC
    asked[n, EXPIRES_S] = 0.0
    asked[n, POST_ONLY] = 0.0
    asked[n, REDUCE_ONLY] = 0.0
    asked[n, TAG] = tag
    asked[n, GROUP] = 0.0
    asked[n, STOP_LOSS] = np.nan
    asked[n, PROFIT] = np.nan
    return n + 1


@kernel
def cancel(asked: Floats, n: int, tag: int) -> int:
    """Write a cancel of every open order of a tag (0: of all) as row ``n``; the next row's number."""
    return ask(asked, n, CANCEL, 0, np.nan, tag)


@kernel
def is_working(orders: Floats, account: Floats, tag: int) -> bool:
    """Whether an order of a tag is among the open orders."""
    found = False
    for k in range(int(account[OPEN_ORDERS])):
        found |= orders[k, ORDER_TAG] == tag
    return found


@kernel
def ticks_of(price: float, tick: float) -> int:
    """The whole number of ticks that is nearest to a price; of two, the even one."""
    return int(np.rint(price / tick))


@kernel
def on_tick(price: float, tick: float) -> float:
    """The price on the tick that is nearest to ``price``."""
    return tick_price(ticks_of(price, tick), tick)
