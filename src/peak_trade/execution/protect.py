"""Protective exits of positions: levels that follow fills and closes, resting as orders."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from peak_trade.domain.exits import Exits
from peak_trade.domain.lifecycle import TERMINAL
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason
from peak_trade.kernels import exits as levels

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Protection:
    """Knows where the exits of N positions lie, and keeps them at the venue as groups (OCO).

    Parameters
    ----------
    declared : Exits
        What is wanted.
    width : int
        Number of instruments.
    params, roi, partials : (EXITS,), (R, 2), (P, 2) float64
        The same as arrays of ``kernels.exits``.
    submit, cancel, next_id : callable
        The pipeline's ways to the venue.
    strategy : str
        The strategy's name, which its orders carry.

    Attributes
    ----------
    states : (N, STATES) float64
        Levels and what they come from, by the positions of ``kernels.exits``.
    partial_levels, partial_lots : (N, P) float64, int64
        Partial take-profits that are left.
    refused : set of int
        Instruments of which an exit was refused, and does not rest: it is asked for again.
    """

    def __init__(
        self,
        declared: Exits,
        width: int,
        *,
        params: Floats,
        roi: Floats,
        partials: Floats,
        submit: Callable[[list[Order]], list[OrderState]],
        cancel: Callable[[str], None],
        next_id: Callable[[str], str],
        strategy: str = "",
    ) -> None:
        self.states: Floats = np.full((width, levels.STATES), np.nan)
        self.partial_levels: Floats = np.full((width, len(partials)), np.nan)
        self.partial_lots: Ints = np.zeros((width, len(partials)), np.int64)
        self.are_set = declared.are_set
        self.move = bool(
            declared.roi
            or declared.max_bars is not None
            or declared.trailing is not None
            or declared.trailing_atr is not None
            or declared.break_even is not None
        )
        self._params, self._roi, self._partials = params, roi, partials
        self._submit, self._cancel, self._next_id = submit, cancel, next_id
        self._strategy = strategy
        self._resting: dict[int, list[Order]] = {}
        self.refused: set[int] = set()

    def after_market_fill(
        self,
        i: int,
        *,
        held: int,
        average: float,
        tick: float,
        step: int,
        opened: bool,
        grew: bool,
        fill_ns: int,
        last_close_ns: int,
        atr: float,
    ) -> None:
        """Set the levels of a position that a market order has opened or changed."""
        x, side = self.states[i], (1 if held > 0 else -1)
        if opened:
            levels.clear(x, self.partial_lots[i])
            x[levels.X_BEST], x[levels.X_ENTRY_NS] = average, fill_ns
            x[levels.X_BARS], x[levels.X_ATR] = 0.0, atr
        passed = 0 if opened else last_close_ns - int(x[levels.X_ENTRY_NS])
        levels.set_levels(x, self._params, self._roi, side, average, tick, passed)
        if opened or grew:
            levels.set_partials(
                self._partials, side, held, average, tick, step,
                self.partial_levels[i], self.partial_lots[i],
            )  # fmt: skip
        self.rest(i, held, tick, fill_ns)

    def after_close(
        self,
        i: int,
        *,
        held: int,
        average: float,
        tick: float,
        high: float,
        low: float,
        time_ns: int,
    ) -> bool:
        """Move the levels after a real bar; whether it is time to close the position."""
        x, side = self.states[i], (1 if held > 0 else -1)
        before = x[levels.X_STOP], x[levels.X_TAKE]
        is_time = levels.close_bar(
            x, self._params, self._roi, side, average, tick, high, low, time_ns
        )
        after = x[levels.X_STOP], x[levels.X_TAKE]
        if before != after and str(before) != str(after):  # NaN equals NaN here
            self.rest(i, held, tick, time_ns)
        return bool(is_time)

    def after_split(self, i: int, *, held: int, ratio: float, tick: float, time_ns: int) -> None:
        """Follow a split: ``ratio`` old units for a new one."""
        side = 1 if held > 0 else -1
        levels.split_levels(
            self.states[i], side, ratio, tick, self.partial_levels[i], self.partial_lots[i]
        )
        self.rest(i, held, tick, time_ns)

    def forget(self, i: int) -> None:
        """Cancel what rests for an instrument: its position is no more."""
        levels.clear(self.states[i], self.partial_lots[i])
        self.refused.discard(i)
        for order in self._resting.pop(i, []):
            self._cancel(order.client_id)

    def rest(self, i: int, held: int, tick: float, time_ns: int) -> None:
        """Replace an instrument's orders at the venue by what its levels are now."""
        self.refused.discard(i)
        before = self._resting.pop(i, [])
        for order in before:
            self._cancel(order.client_id)
        ticks = {order.price: (order.price_ticks, order.tick) for order in before}
        x, side = self.states[i], (1 if held > 0 else -1)
        wanted: list[tuple[OrderKind, Reason, float, int]] = []
        if x[levels.X_STOP] == x[levels.X_STOP]:
            reason = Reason(int(x[levels.X_STOP_REASON]))
            wanted.append((OrderKind.STOP, reason, x[levels.X_STOP], -held))
        if x[levels.X_TAKE] == x[levels.X_TAKE]:
            reason = Reason(int(x[levels.X_TAKE_REASON]))
            wanted.append((OrderKind.LIMIT, reason, x[levels.X_TAKE], -held))
        for k in range(len(self._partials)):
            lots = min(int(self.partial_lots[i, k]), abs(held))
            if lots:
                price = self.partial_levels[i, k]
                wanted.append((OrderKind.LIMIT, Reason.PARTIAL, price, -side * lots))
        if not wanted:
            return
        group, orders = self._next_id("g"), []
        for kind, reason, price, lots in wanted:
            # a level lies on the tick that it was set under, which may not be today's
            price_ticks, own_tick = ticks.get(price, (round(price / tick), tick))
            order = Order(
                client_id=self._next_id("p"),
                instrument=i,
                lots=lots,
                kind=kind,
                reason=reason,
                decided_ns=time_ns,
                price_ticks=price_ticks,
                tick=own_tick,
                group=group,
                reduce_only=True,
                strategy=self._strategy,
            )
            orders.append(order)
        states = self._submit(orders)
        self._resting[i] = [
            order for order, state in zip(orders, states, strict=True) if state not in TERMINAL
        ]
        if len(self._resting[i]) < len(orders):
            self.refused.add(i)

    def take_partial(self, i: int) -> None:
        """Strike out the nearest partial take-profit that is left: it was filled."""
        left = np.flatnonzero(self.partial_lots[i])
        self.partial_lots[i, left[0]] = 0
