"""The public history of one symbol: its trades so far, and the candles and figures made of them."""

from dataclasses import dataclass

import numpy as np

from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.tape import Tape, Trades

NEVER_NS = 2**63 - 1
DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Print:
    """A public trade: ``trade_id`` counts from 1, ``side`` is 1 where a buyer took."""

    symbol: str
    trade_id: int
    time_ns: int
    ticks: int
    lots: int
    side: int


@dataclass(frozen=True, slots=True)
class Candle:
    """Trades of an interval, prices in ticks and volume in lots.

    One without trades has the close before it, and no volume. ``value`` is the sum of price x lots in
    ticks x lots, ``bought_lots`` and ``bought_value`` what takers bought.
    """

    open_ns: int
    close_ns: int
    open: int
    high: int
    low: int
    close: int
    lots: int
    value: float
    trades: int
    bought_lots: int
    bought_value: float
    first_id: int
    last_id: int

    @property
    def average(self) -> float:
        """Average price by volume in ticks; 0 without trades."""
        return self.value / self.lots if self.lots else 0.0


class Track:
    """Trades of one symbol; what lies behind ``seen`` has not happened yet.

    Parameters
    ----------
    listing : Listing
        The symbol.
    tape : Tape
        Where its trades come from.
    """

    def __init__(self, listing: Listing, tape: Tape) -> None:
        self.listing = listing
        self.seen = 0
        self._tape, self._parts, self._is_over = tape, 0, False
        self._room = 1_024
        self._count = 0
        self._time = np.zeros(self._room, np.int64)
        self._ticks = np.zeros(self._room, np.int64)
        self._lots = np.zeros(self._room, np.int64)
        self._side = np.zeros(self._room, np.int8)
        self._load()

    # --- what comes ------------------------------------------------------------------------------

    @property
    def next_ns(self) -> int:
        """When the next trade happens; far away where the tape has ended."""
        while self.seen >= self._count and not self._is_over:
            self._load()
        return int(self._time[self.seen]) if self.seen < self._count else NEVER_NS

    def begin(self, time_ns: int) -> None:
        """Take all that lies before a time as having happened."""
        while self.next_ns < time_ns:
            self.seen = int(np.searchsorted(self._time[: self._count], time_ns))

    def step(self) -> Print:
        """Let the next trade happen."""
        self.seen += 1
        return self.print(self.seen - 1)

    def _load(self) -> None:
        part = self._tape.part(self._parts)
        self._parts += 1
        if part is None:
            self._is_over = True
            return
        stop = self._count + len(part)
        if stop > self._room:
            self._grow(stop)
        self._put(part, stop)
        self._count = stop

    def _grow(self, least: int) -> None:
        self._room = max(2 * self._room, least)
        self._time = np.resize(self._time, self._room)
        self._ticks = np.resize(self._ticks, self._room)
        self._lots = np.resize(self._lots, self._room)
        self._side = np.resize(self._side, self._room)

    def _put(self, part: Trades, stop: int) -> None:
        self._time[self._count : stop] = part.time_ns
        self._ticks[self._count : stop] = part.ticks
        self._lots[self._count : stop] = part.lots
        self._side[self._count : stop] = part.side

    # --- what was --------------------------------------------------------------------------------

    def print(self, k: int) -> Print:
        """The k-th trade, counted from 0."""
        return Print(
            self.listing.symbol, k + 1, int(self._time[k]), int(self._ticks[k]), int(self._lots[k]),
            int(self._side[k]),
        )  # fmt: skip

    def count_at(self, time_ns: int | None) -> int:
        """How many trades have happened at a time; by now where it is None."""
        if time_ns is None:
            return self.seen
        found = int(np.searchsorted(self._time[: self._count], time_ns, side="right"))
        return min(found, self.seen)

    def first_from(self, time_ns: int) -> int:
        """The first trade at a time or later, counted from 0."""
        return int(np.searchsorted(self._time[: self.seen], time_ns))

    def prints(self, start: int, stop: int) -> list[Print]:
        """Trades from one, counted from 0, to another that is left out."""
        return [self.print(k) for k in range(max(start, 0), stop)]

    def candles(
        self, interval_ns: int, *, first_ns: int, stop: int, until_ns: int, origin_ns: int = 0
    ) -> list[Candle]:
        """Candles from the one that opens at or after ``first_ns`` to the one ``until_ns`` lies in.

        Of the first ``stop`` trades. Candles without trades are flat; none lie before the first trade.
        """
        if stop == 0:
            return []
        floor = _floor(int(self._time[0]), interval_ns, origin_ns)
        open_ns = max(-(-(first_ns - origin_ns) // interval_ns) * interval_ns + origin_ns, floor)
        last_ns = _floor(until_ns, interval_ns, origin_ns)
        begin = int(np.searchsorted(self._time[:stop], open_ns))
        close = int(self._ticks[begin - 1]) if begin else 0
        edges = np.arange(open_ns, last_ns + interval_ns + 1, interval_ns)
        cuts = np.searchsorted(self._time[:stop], edges)
        found = []
        for k in range(len(edges) - 1):
            found.append(
                self._candle(int(edges[k]), interval_ns, int(cuts[k]), int(cuts[k + 1]), close)
            )
            close = found[-1].close
        return found

    def _candle(self, open_ns: int, interval_ns: int, start: int, stop: int, before: int) -> Candle:
        end = open_ns + interval_ns
        if start == stop:
            return Candle(
                open_ns, end, before, before, before, before, 0, 0.0, 0, 0, 0.0, -1, -1
            )  # fmt: skip
        ticks, lots = self._ticks[start:stop], self._lots[start:stop]
        is_bought = self._side[start:stop] > 0
        value = ticks.astype(float) * lots
        return Candle(
            open_ns, end, int(ticks[0]), int(ticks.max()), int(ticks.min()), int(ticks[-1]),
            int(lots.sum()), float(value.sum()), stop - start, int(lots[is_bought].sum()),
            float(value[is_bought].sum()), start + 1, stop,
        )  # fmt: skip

    def span(self, start_ns: int, stop: int, until_ns: int) -> Candle:
        """Everything from a time to now as one candle."""
        begin = int(np.searchsorted(self._time[:stop], start_ns))
        before = int(self._ticks[begin - 1]) if begin else 0
        return self._candle(start_ns, max(until_ns - start_ns, 1), begin, stop, before)


def _floor(time_ns: int, interval_ns: int, origin_ns: int) -> int:
    return (time_ns - origin_ns) // interval_ns * interval_ns + origin_ns
