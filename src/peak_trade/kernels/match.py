"""How orders meet a market: what triggers them, what a limit trades at, which way a bar went.

Prices of orders are prices on the tick; ``side`` is 1 for an order that buys and -1 for one that
sells. One matcher in Python and one compiled loop are made of these.
"""

import numpy as np

from peak_trade.kernels.fills import away_ticks, tick_price
from peak_trade.kernels.jit import kernel

MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP, TAKE_PROFIT = 0, 1, 2, 3, 4, 5

NO_VOLUME_LIMIT = 1e9
"""A share of a bar's volume from which on what is filled in it is not bounded at all."""


@kernel
def goes_up_first(held: int, open_: float, high: float, low: float) -> bool:
    """Whether a bar's high is taken to come before its low.

    The extreme that is adverse to the position comes first; to no position the one that is nearer
    to the open does, and the low where both are as near.
    """
    if held != 0:
        return held < 0
    return high - open_ < open_ - low


@kernel
def trades_through(side: int, limit: float, tick: float, touch: bool) -> float:
    """The price that a market must reach for a limit order to trade: a tick beyond it, or the limit.

    It trades where the market is there or beyond: at or below it for a buy, at or above for a sale.
    """
    if touch:
        return limit
    return tick_price(int(np.rint(limit / tick)) - side, tick)


@kernel
def reaches(side: int, price: float, level: float) -> bool:
    """Whether a market at ``price`` is at ``level`` or better for an order of a side."""
    return price <= level if side > 0 else price >= level


@kernel
def triggers(kind: int, side: int, price: float, trigger: float) -> bool:
    """Whether a market at ``price`` triggers an order that waits for ``trigger``.

    Stops wait for a price that is as bad or worse, take-profits for one that is as good or better.
    """
    if kind == TAKE_PROFIT:
        return reaches(side, price, trigger)
    return price >= trigger if side > 0 else price <= trigger


@kernel
def limit_price(side: int, limit: float, price: float) -> float:
    """What a limit order trades at where the market comes to ``price`` at once: the better of both."""
    return min(limit, price) if side > 0 else max(limit, price)


@kernel
def best_after(side: int, best: float, high: float, low: float) -> float:
    """The best price since a trailing stop was accepted, once a bar has closed.

    Highest for a stop that sells, lowest for one that buys; a NaN is no price yet.
    """
    if side < 0:
        return high if np.isnan(best) or high > best else best
    return low if np.isnan(best) or low < best else best


@kernel
def trailing_trigger(side: int, best: float, trail: float, tick: float) -> float:
    """The trigger of a trailing stop at a distance from the best price, rounded away from it."""
    return tick_price(away_ticks(best + side * trail, side, tick), tick)


@kernel
def nearer_trigger(side: int, now: float, moved: float) -> float:
    """Of two triggers of a trailing stop the one nearer to the market: it never moves away."""
    if np.isnan(now):
        return moved
    return min(now, moved) if side > 0 else max(now, moved)


@kernel
def volume_left(share: float, volume: float, lot: float, taken: int) -> int:
    """Lots that may still be filled in a bar of a volume of which ``taken`` lots are used."""
    if share >= NO_VOLUME_LIMIT:
        return 4_000_000_000_000_000_000
    most = share * volume / lot
    if not most > 0.0:
        return 0
    return max(int(min(most * (1.0 + 1e-12), 4e18)) - taken, 0)


@kernel
def reducing_lots(held: int, lots: int) -> int:
    """Signed lots of an order that bring a position closer to flat; 0 where it would grow."""
    if held == 0 or (held > 0) == (lots > 0):
        return 0
    return lots if abs(lots) <= abs(held) else -held
