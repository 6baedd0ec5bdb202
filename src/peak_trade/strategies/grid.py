"""A grid: buy a little at every line below, sell it again one line higher."""

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from peak_trade.domain.compiled import (
    CLOSE,
    HELD,
    LIMIT,
    CompiledStrategy,
    ask,
    cancel,
    is_working,
    on_tick,
)
from peak_trade.domain.errors import ParameterError
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.order import OrderKind
from peak_trade.domain.order_strategy import Asked, Bar, Cancel, OrderStrategy, Request, View
from peak_trade.domain.strategy import param

Floats = npt.NDArray[np.float64]

_ANCHOR, _SPACING, _LOTS, _LEVELS, _LOWEST, _TICK = 0, 1, 2, 3, 4, 5
_S_ANCHOR, _S_HELD = 0, 1


class Grid(OrderStrategy):
    """Rest limit orders on evenly spaced lines: each purchase is sold again one line higher.

    Between two lines lies a cell of ``lots`` lots. A cell that is empty has a buy order on its lower
    line, one that is held a sell order on its upper line; what a fill changes is put in place at the
    next close. The lines stand around an anchor and do not move. Each instrument has its own grid.

    Raises
    ------
    ParameterError
        If the lowest line would not lie above zero.

    Examples
    --------
    >>> Grid(anchor=100.0, spacing=0.01, lots=5, levels=3)
    Grid(anchor=100.0, spacing=0.01, lots=5, levels=3, allow_short=False)
    """

    anchor: float = param(default=0.0, low=0.0, doc="price of the middle line; 0: the first close")
    spacing: float = param(
        default=0.01, low=1e-6, high=0.5, doc="distance of two lines, a fraction of the anchor"
    )
    lots: int = param(default=1, low=1, high=1_000_000_000, doc="lots of one cell")
    levels: int = param(default=5, low=1, high=500, doc="most cells held on one side")
    allow_short: bool = param(default=False, doc="sell short on the lines above the anchor")

    def check(self) -> None:
        """Refuse a grid that reaches down to zero."""
        if self.spacing * self.levels >= 1.0:
            raise ParameterError(
                f"{self.levels} levels of {self.spacing:g} reach down to zero",
                hint="keep spacing x levels below 1",
            )

    def on_start(self, view: View) -> None:
        """Begin without a grid."""
        width = len(view.instruments)
        self._anchors = [math.nan] * width
        self._held = [0] * width

    def on_bar(self, bar: Bar, view: View) -> Iterable[Asked]:
        """Set the grid at the first close, then put in place what fills have changed."""
        i = bar.instrument
        held = view.lots(i)
        if self._anchors[i] != self._anchors[i]:
            self._anchors[i] = view.on_tick(self.anchor or bar.close, i)
            self._held[i] = held
            return self._placed(i, held, None, view)
        before = self._held[i]
        if held == before:
            return ()
        self._held[i] = held
        return self._placed(i, held, before, view)

    def _placed(self, i: int, held: int, before: int | None, view: View) -> list[Asked]:
        """Cancels, then orders, of the cells that differ from what should rest on their lines."""
        cancels: list[Asked] = []
        orders: list[Asked] = []
        for cell in range(self._lowest, self.levels):
            filled = _filled(held, cell, self.lots)
            is_new = before is None or _filled(before, cell, self.lots) != filled
            for side, lots, line in ((1, self.lots - filled, -cell - 1), (-1, filled, -cell)):
                tag = f"{i}{'b' if side > 0 else 's'}{cell}"
                works = before is not None and bool(view.orders(tag))
                if works and is_new:
                    cancels.append(Cancel(tag, i))
                if lots > 0 and (is_new or not works):
                    price = self._line(i, line, view)
                    if price > 0.0:
                        orders.append(
                            Request(side * lots, i, OrderKind.LIMIT, price=price, tag=tag)
                        )
        return cancels + orders

    def _line(self, i: int, line: int, view: View) -> float:
        anchor = self._anchors[i]
        distance = max(anchor * self.spacing, view.instruments[i].tick)
        return view.on_tick(anchor + line * distance, i)

    @property
    def _lowest(self) -> int:
        return -self.levels if self.allow_short else 0

    def compiled(self, instrument: Instrument) -> CompiledStrategy:
        """The grid of one instrument as a compiled function."""
        cells = self.levels - self._lowest
        return CompiledStrategy(
            on_bar=grid_on_bar,
            state=np.array([math.nan, 0.0]),
            params=np.array(
                [
                    self.anchor, self.spacing, self.lots, self.levels, self._lowest,
                    instrument.tick,
                ]
            ),
            room=4 * cells,
            max_orders=2 * cells,
        )  # fmt: skip


def _filled(held: int, cell: int, lots: int) -> int:
    """Lots of a cell that a position fills: it fills them from the anchor outwards."""
    return min(max(held - cell * lots, 0), lots)


def grid_on_bar(
    state: Floats, params: Floats, bar: Floats, account: Floats, orders: Floats, asked: Floats
) -> int:
    """``Grid.on_bar`` as numba compiles it."""
    tick, size, held = params[_TICK], int(params[_LOTS]), int(account[HELD])
    is_first = np.isnan(state[_S_ANCHOR])
    before = int(state[_S_HELD])
    if is_first:
        state[_S_ANCHOR] = on_tick(params[_ANCHOR] if params[_ANCHOR] != 0.0 else bar[CLOSE], tick)
    elif held == before:
        return 0
    state[_S_HELD] = held
    anchor, lowest, levels = state[_S_ANCHOR], int(params[_LOWEST]), int(params[_LEVELS])
    distance = max(anchor * params[_SPACING], tick)
    n = 0
    for is_order in range(2):  # cancels first
        for cell in range(lowest, levels):
            filled = min(max(held - cell * size, 0), size)
            is_new = is_first or min(max(before - cell * size, 0), size) != filled
            for sells in range(2):
                left, line = (filled, -cell) if sells else (size - filled, -cell - 1)
                tag = 2 * (cell - lowest) + sells + 1
                works = not is_first and is_working(orders, account, tag)
                if not is_order:
                    if works and is_new:
                        n = cancel(asked, n, tag)
                elif left > 0 and (is_new or not works):
                    price = on_tick(anchor + line * distance, tick)
                    if price > 0.0:
                        n = ask(asked, n, LIMIT, -left if sells else left, price, tag)
    return n
