"""The book of a symbol: made around the last price, or recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import DataError, ParameterError
from peak_trade.simulation.market.track import NEVER_NS, Track

Level = tuple[int, int]
"""A level: its price in ticks and its lots."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Both sides of a book, the best level first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    def top(self, depth: int) -> "Levels":
        """The best levels of both sides."""
        return Levels(self.bids[:depth], self.asks[:depth])


def changed(before: Sequence[Level], after: Sequence[Level]) -> tuple[Level, ...]:
    """Levels that are new or differ; 0 lots for those that are gone.

    Examples
    --------
    >>> changed([(5, 1), (4, 2)], [(5, 1), (3, 9)])
    ((3, 9), (4, 0))
    """
    old, new = dict(before), dict(after)
    put = [(ticks, lots) for ticks, lots in after if old.get(ticks) != lots]
    return (*put, *((ticks, 0) for ticks, _ in before if ticks not in new))


class Quotes(Protocol):
    """The books that a symbol goes through, counted by ``epoch``; an epoch's book is always the same."""

    def epoch(self, trades: int, time_ns: int) -> int:
        """Which book stands once a number of trades has happened, at a time."""
        ...

    def next_ns(self, epoch: int) -> int:
        """When the next book comes where no trade brings it; far away where only trades do."""
        ...

    def levels(self, epoch: int) -> Levels:
        """A book."""
        ...


class SeededQuotes:
    """A book around each trade's price: a buyer took its best ask, a seller its best bid.

    A level's lots are drawn from the seed, its price and a number that rises every few trades, so that
    from one trade to the next only some levels change.

    Parameters
    ----------
    track : Track
        The trades.
    depth : int
        Levels of a side.
    spread_ppm : int
        Distance of the best levels in millionths of the price, a tick at least; levels are as far
        from one another.
    usual_lots : int
        About what a level holds.
    seed : int
        Of the sizes.

    Raises
    ------
    ParameterError
        Counts that are not positive.
    """

    def __init__(
        self,
        track: Track,
        *,
        depth: int = 30,
        spread_ppm: int = 50,
        usual_lots: int = 0,
        seed: int = 0,
    ) -> None:
        if depth < 1 or spread_ppm < 0 or usual_lots < 0:
            raise ParameterError("depth, spread and usual lots of a book must be positive")
        self._track, self._depth, self._ppm, self._seed = track, depth, spread_ppm, seed
        first = track.print(0)
        listing = track.listing
        usual = 20_000 / (first.ticks * listing.tick) * 10**listing.lot_decimals
        self._usual = usual_lots or max(int(usual), 1)
        self._step = max(first.ticks * spread_ppm // 1_000_000, 1)
        self._last: tuple[int, Levels] | None = None

    def epoch(self, trades: int, time_ns: int) -> int:
        """As many as trades have happened."""
        return trades

    def next_ns(self, epoch: int) -> int:
        """Only trades move it."""
        return NEVER_NS

    def levels(self, epoch: int) -> Levels:
        """The book around a trade."""
        if self._last is None or self._last[0] != epoch:
            self._last = (epoch, self._made(epoch))
        return self._last[1]

    def _made(self, epoch: int) -> Levels:
        trade = self._track.print(max(epoch - 1, 0))
        bid = trade.ticks if trade.side < 0 else trade.ticks - self._step
        return Levels(
            self._side(max(bid, 1), epoch, -1), self._side(max(bid, 1) + self._step, epoch, 1)
        )

    def _side(self, best: int, epoch: int, way: int) -> tuple[Level, ...]:
        step = self._step
        next_ = best // step * step + (step if way > 0 else 0 if best % step else -step)
        prices = np.concatenate(
            ([best], next_ + way * step * np.arange(self._depth - 1, dtype=np.int64))
        )
        prices = prices[prices >= 1]
        age = (epoch + _mixed(prices.astype(np.uint64)) % np.uint64(8)) // np.uint64(8)
        drawn = _mixed(
            prices.astype(np.uint64) * np.uint64(4) + np.uint64(way + 1) + (age << np.uint64(40))
            + np.uint64(self._seed % 2**20 << 20)
        )  # fmt: skip
        share = (drawn >> np.uint64(11)).astype(float) / 2.0**53
        lots = np.maximum((self._usual * (0.05 + 2.0 * share**2)).astype(np.int64), 1)
        lots += lots % 10 == 0  # no zero at the end: a client that reads floats loses no digit
        return tuple(zip(prices.tolist(), lots.tolist(), strict=True))


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Well-spread numbers of whole numbers (the finaliser of SplitMix64)."""
    with np.errstate(over="ignore"):
        z = values + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


@dataclass(frozen=True, slots=True)
class Frame:
    """A recorded message of a book: levels that it sets (0 lots: it is gone), or all of them."""

    time_ns: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    is_snapshot: bool = False


class RecordedQuotes:
    """A recorded book: a snapshot, then changes at their own times.

    Parameters
    ----------
    frames : sequence of Frame
        What was recorded, oldest first, a snapshot at first.
    depth : int
        Levels of a side that are kept after each change.

    Raises
    ------
    DataError
        No frames, no snapshot at first, or times that step back.

    Examples
    --------
    >>> quotes = RecordedQuotes(
    ...     [Frame(1, ((9, 5),), ((10, 5),), True), Frame(4, (), ((10, 0), (11, 2)))]
    ... )
    >>> quotes.levels(quotes.epoch(0, 4)).asks, quotes.next_ns(1)
    (((11, 2),), 4)
    """

    def __init__(self, frames: Sequence[Frame], *, depth: int = 1_000) -> None:
        times = [frame.time_ns for frame in frames]
        if not frames or not frames[0].is_snapshot or times != sorted(times):
            raise DataError(
                "a recorded book begins with no snapshot, or its times step back",
                hint="hand in a snapshot first, then its changes in order",
            )
        self._times = times
        self._books = []
        sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        for frame in frames:
            sides = _after(sides, frame, depth)
            self._books.append(
                Levels(
                    tuple(sorted(sides[0].items(), reverse=True)), tuple(sorted(sides[1].items()))
                )
            )

    def epoch(self, trades: int, time_ns: int) -> int:
        """How many frames have come; the first one stands before its time too."""
        return max(int(np.searchsorted(self._times, time_ns, side="right")), 1)

    def next_ns(self, epoch: int) -> int:
        """When the next frame comes."""
        return self._times[epoch] if epoch < len(self._times) else NEVER_NS

    def levels(self, epoch: int) -> Levels:
        """The book after so many frames."""
        return self._books[epoch - 1]


def _after(
    sides: tuple[dict[int, int], dict[int, int]], frame: Frame, depth: int
) -> tuple[dict[int, int], dict[int, int]]:
    """Both sides after a frame, cut to their depth."""
    kept: list[dict[int, int]] = []
    for way, side, levels in ((-1, sides[0], frame.bids), (1, sides[1], frame.asks)):
        now = {} if frame.is_snapshot else dict(side)
        now.update(levels)
        there = sorted((ticks for ticks, lots in now.items() if lots > 0), reverse=way < 0)
        kept.append({ticks: now[ticks] for ticks in there[:depth]})
    return kept[0], kept[1]
