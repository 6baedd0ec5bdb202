"""W3's order strategy: rolling means kept by hand, one unit bought or sold where they cross."""

from collections import deque
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

import peak_trade as pt
from benchmarks.job import FAST, SLOW
from peak_trade.domain.compiled import CLOSE, HELD, MARKET, CompiledStrategy, ask
from peak_trade.domain.order_strategy import Asked, Bar, OrderStrategy, Request, View

Floats = npt.NDArray[np.float64]

_BARS, _FAST, _SLOW, _WAS_ABOVE, _WAS_BELOW, _PRICES = 0, 1, 2, 3, 4, 5


class RollingCross(OrderStrategy):
    """Buy one unit where the fast mean crosses above the slow one, and sell it where it falls below."""

    def on_start(self, view: View) -> None:
        """Begin with empty windows."""
        self.fast: deque[float] = deque()
        self.slow: deque[float] = deque()
        self.sums = [0.0, 0.0]
        self.was_above = self.was_below = True
        self.is_long = False

    def on_bar(self, bar: Bar, view: View) -> Iterable[Asked]:
        """Take the close in, and ask for an order where the means cross."""
        price, fast, slow, sums = bar.close, self.fast, self.slow, self.sums
        fast.append(price)
        slow.append(price)
        sums[0] += price
        sums[1] += price
        if len(fast) > FAST:
            sums[0] -= fast.popleft()
        if len(slow) > SLOW:
            sums[1] -= slow.popleft()
        if len(slow) < SLOW:
            return ()
        one, other = sums[0] / FAST, sums[1] / SLOW
        above, below = one > other, one < other
        rises, falls = above and not self.was_above, below and not self.was_below
        self.was_above, self.was_below = above, below
        if rises and not self.is_long:
            self.is_long = True
            return (Request(1),)
        if falls and self.is_long:
            self.is_long = False
            return (Request(-1),)
        return ()

    def compiled(self, instrument: pt.Instrument) -> CompiledStrategy:
        """The same as a compiled function."""
        state = np.zeros(_PRICES + SLOW)
        state[[_WAS_ABOVE, _WAS_BELOW]] = 1.0
        return CompiledStrategy(rolling_cross, state, np.array([FAST, SLOW], np.float64), room=1)


def rolling_cross(
    state: Floats, params: Floats, bar: Floats, account: Floats, _orders: Floats, asked: Floats
) -> int:
    """``RollingCross.on_bar`` as numba compiles it; prices lie in a ring."""
    fast, slow, n = int(params[0]), int(params[1]), int(state[_BARS])
    price = bar[CLOSE]
    state[_BARS] = n + 1
    state[_FAST] += price
    state[_SLOW] += price
    if n >= fast:
        state[_FAST] -= state[_PRICES + (n - fast) % slow]
    if n >= slow:
        state[_SLOW] -= state[_PRICES + n % slow]
    state[_PRICES + n % slow] = price
    if n + 1 < slow:
        return 0
    one, other = state[_FAST] / fast, state[_SLOW] / slow
    above, below = one > other, one < other
    rises, falls = above and state[_WAS_ABOVE] == 0.0, below and state[_WAS_BELOW] == 0.0
    state[_WAS_ABOVE], state[_WAS_BELOW] = above, below
    if rises and account[HELD] == 0.0:
        return ask(asked, 0, MARKET, 1, np.nan, 0)
    if falls and account[HELD] > 0.0:
        return ask(asked, 0, MARKET, -1, np.nan, 0)
    return 0
