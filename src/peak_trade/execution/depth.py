"""A visible order book of one instrument, by level."""

from bisect import bisect_left, insort
from collections.abc import Iterable

Level = tuple[float, int]


class Depth:
    """Bids and asks of one instrument: lots by price.

    Parameters
    ----------
    tick : float
        By which prices are told apart.
    bids, asks : iterable of (float, int)
        Price and lots of every level.

    Examples
    --------
    >>> depth = Depth(0.5, bids=[(99.5, 4), (99.0, 7)], asks=[(100.0, 3)])
    >>> depth.best(1), depth.best(-1), depth.size(1, 99.0)
    (99.5, 100.0, 7)
    >>> depth.set(-1, 100.0, 0)
    >>> depth.best(-1)
    nan
    """

    __slots__ = ("_keys", "_lots", "_prices", "_tick")

    def __init__(
        self, tick: float, *, bids: Iterable[Level] = (), asks: Iterable[Level] = ()
    ) -> None:
        self._tick = tick
        self._lots: dict[int, dict[int, int]] = {1: {}, -1: {}}
        self._prices: dict[int, dict[int, float]] = {1: {}, -1: {}}
        self._keys: dict[int, list[int]] = {1: [], -1: []}
        for side, levels in ((1, bids), (-1, asks)):
            for price, lots in levels:
                self.set(side, price, lots)

    def set(self, side: int, price: float, lots: int) -> None:
        """Set a level of the bids (side 1) or asks (-1); 0 lots take it away."""
        key = -side * round(price / self._tick)  # the best level has the lowest key
        if lots > 0:
            if key not in self._lots[side]:
                insort(self._keys[side], key)
            self._lots[side][key], self._prices[side][key] = lots, price
        elif key in self._lots[side]:
            del self._lots[side][key]
            keys = self._keys[side]
            del keys[bisect_left(keys, key)]

    def best(self, side: int) -> float:
        """Best price of the bids (side 1) or asks (-1); NaN where there is none."""
        keys = self._keys[side]
        return self._prices[side][keys[0]] if keys else float("nan")

    def size(self, side: int, price: float) -> int:
        """Lots at a price."""
        return self._lots[side].get(-side * round(price / self._tick), 0)

    def levels(self, side: int) -> list[Level]:
        """Price and lots of every level of a side, the best first."""
        return [(self._prices[side][key], self._lots[side][key]) for key in self._keys[side]]
