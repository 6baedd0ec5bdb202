"""What trades in a simulated market: recorded trades, or trades that rebuild bars exactly."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import DataError, ParameterError
from peak_trade.simulation.market.listing import Listing

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_MOST_LOTS = 100_000_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Trades in the order they happen.

    Attributes
    ----------
    time_ns, ticks, lots : (n,) int64
        When, at which price, how much (unsigned).
    side : (n,) int8
        1 where a buyer took, -1 where a seller did.
    """

    time_ns: Ints
    ticks: Ints
    lots: Ints
    side: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.time_ns)


class Tape(Protocol):
    """Trades of one symbol, part by part, oldest first."""

    def part(self, k: int) -> Trades | None:
        """The k-th part, counted from 0; None once it has ended. The same again for the same k."""
        ...


class TradeTape:
    """Replays recorded trades at their own times.

    Parameters
    ----------
    listing : Listing
        Its tick and lot: prices and sizes are rounded to them.
    time_ns : (n,) int64
        When, ascending.
    price, size : (n,) float64
        In quote currency and in units.
    side : (n,) int8, optional
        1 a buyer took, -1 a seller; where it is 0 or left out, a trade above the last one is taken
        for a buyer's and one below it for a seller's.
    shift_ns : int
        Added to every time.

    Raises
    ------
    DataError
        No trades, columns of several lengths, times that step back, prices or sizes below a tick or
        a lot.

    Examples
    --------
    >>> listing = Listing("X/USD", price_decimals=1, lot_decimals=2)
    >>> tape = TradeTape(listing, np.array([1, 2]), np.array([9.9, 10.0]), np.array([0.5, 1.25]))
    >>> part = tape.part(0)
    >>> part.ticks.tolist(), part.lots.tolist(), part.side.tolist(), tape.part(1)
    ([99, 100], [50, 125], [1, 1], None)
    """

    def __init__(
        self,
        listing: Listing,
        time_ns: Ints,
        price: Floats,
        size: Floats,
        *,
        side: npt.NDArray[np.int8] | None = None,
        shift_ns: int = 0,
    ) -> None:
        times = np.asarray(time_ns, np.int64) + shift_ns
        ticks = np.rint(np.asarray(price, float) / listing.tick)
        lots = np.rint(np.asarray(size, float) * 10**listing.lot_decimals)
        if not len(times) or len({len(times), len(ticks), len(lots)}) != 1:
            raise DataError(
                f"{len(times)} times, {len(ticks)} prices and {len(lots)} sizes of {listing.symbol}",
                hint="hand in one of each for every trade",
            )
        if np.any(np.diff(times) < 0) or not (np.all(ticks >= 1) and np.all(lots >= 1)):
            raise DataError(
                f"trades of {listing.symbol} step back in time, or one is below a tick or a lot",
                hint="sort them, and list the symbol with a smaller tick or lot",
            )
        whole = ticks.astype(np.int64)
        self._all = Trades(times, whole, lots.astype(np.int64), _sides(whole, side))

    def part(self, k: int) -> Trades | None:
        """All of them at once."""
        return self._all if k == 0 else None


def _sides(ticks: Ints, side: npt.NDArray[np.int8] | None) -> npt.NDArray[np.int8]:
    """Known sides; the others by the way that the price went."""
    moved = np.sign(np.diff(ticks, prepend=ticks[:1])).astype(np.int8)
    at = np.maximum.accumulate(np.where(moved != 0, np.arange(len(ticks)), 0))
    guessed = np.where(moved[at] == 0, np.int8(1), moved[at]).astype(np.int8)
    if side is None:
        return guessed
    known = np.sign(np.asarray(side)).astype(np.int8)
    both: npt.NDArray[np.int8] = np.where(known == 0, guessed, known).astype(np.int8)
    return both


@dataclass(frozen=True, slots=True, eq=False)
class TapeBars:
    """Bars that a tape is made from, oldest first: prices in quote currency, volume in units.

    A NaN in ``volume`` leaves the size to the tape. All are (n,) float64.
    """

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.close)


class BarTape:
    """Makes trades that rebuild bars exactly: open, high, low, close and volume.

    The bars are played one after another without gaps, each for ``bar_ns``, whatever spans they had.
    ``history`` bars lie before ``start_ns``, with few trades each; an endless tape plays its bars to
    and fro, so that the price never jumps.

    Parameters
    ----------
    listing : Listing
        Its tick and lot: prices and volumes are rounded to them.
    bars : TapeBars
        What is played.
    start_ns : int
        Where the history ends and the market begins; moved back to a whole ``bar_ns``.
    bar_ns : int
        How long a bar lasts.
    history : int
        Bars before ``start_ns``; no more than there are, unless it is endless.
    trades, history_trades : int
        About how many trades a bar has, after and before ``start_ns``.
    seed : int
        Of the path inside a bar.
    is_endless : bool
        Whether it goes on after the last bar.

    Raises
    ------
    DataError
        No bars, prices that are not positive or contradict each other, or a volume of fewer lots than
        the prices it must have traded at.
    ParameterError
        Counts that are not positive.

    Examples
    --------
    >>> one = [np.array([price]) for price in (10.0, 12.0, 9.0, 11.0, 3.0)]
    >>> listing = Listing("X/USD", price_decimals=1, lot_decimals=2)
    >>> tape = BarTape(listing, TapeBars(*one), start_ns=0, bar_ns=60, history=0, trades=20)
    >>> part = tape.part(0)
    >>> (
    ...     part.ticks[[0, -1]].tolist(),
    ...     int(part.ticks.max()),
    ...     int(part.ticks.min()),
    ...     int(part.lots.sum()),
    ... )
    ([100, 110], 120, 90, 300)
    """

    def __init__(
        self,
        listing: Listing,
        bars: TapeBars,
        *,
        start_ns: int,
        bar_ns: int,
        history: int = 1_000,
        trades: int = 120,
        history_trades: int = 12,
        seed: int = 0,
        is_endless: bool = True,
    ) -> None:
        if bar_ns < 1 or history < 0 or trades < 1 or history_trades < 1:
            raise ParameterError("bars, trades and times of a tape must be positive")
        self._ticks = _checked(listing, bars)
        self._lots = np.where(
            np.isnan(bars.volume), -1.0, np.rint(bars.volume * 10**listing.lot_decimals)
        ).astype(np.int64)
        self._is_endless, self._seed, self._bar_ns = is_endless, seed, bar_ns
        self._history = history if is_endless else min(history, len(bars))
        self._trades, self._history_trades = trades, history_trades
        self._first_ns = start_ns // bar_ns * bar_ns - self._history * bar_ns
        self._usual = max(int(np.median(self._ticks[3])), 1)
        self._listing = listing
        if self._lots.max() > _MOST_LOTS:
            raise DataError(
                f"a bar of {listing.symbol} has {self._lots.max()} lots, more than {_MOST_LOTS}",
                hint="list it with fewer decimals of size, or scale the volume down",
            )
        self._needed = _needed(*self._ticks)
        is_short = (self._lots > 0) & (self._lots < self._needed)
        if np.any(is_short):
            k = int(np.argmax(is_short))
            raise DataError(
                f"bar {k} of {listing.symbol} needs {self._needed[k]} trades and has "
                f"{self._lots[k]} lots",
                hint="list it with more decimals of size",
            )

    def part(self, k: int) -> Trades | None:
        """The trades of the k-th bar."""
        count = len(self._lots)
        if not self._is_endless and k >= count:
            return None
        lap, at = divmod(k, count)
        is_back = lap % 2 == 1
        row = count - 1 - at if is_back else at
        open_, high, low, close = (int(prices[row]) for prices in self._ticks)
        if is_back:
            open_, close = close, open_
        rng = np.random.default_rng((self._seed, k))
        wanted = self._history_trades if k < self._history else self._trades
        path = _path(rng, open_, high, low, close, self._count(row, wanted))
        lots = self._split(rng, row, len(path))
        if not len(lots):
            empty = np.empty(0, np.int64)
            return Trades(empty, empty, empty, np.empty(0, np.int8))
        times = np.sort(rng.integers(0, max(self._bar_ns - len(path), 1), len(path)))
        times += np.arange(len(path)) + self._first_ns + k * self._bar_ns
        drawn = rng.choice(np.array([1, -1], np.int8), len(path))
        moved = np.sign(np.diff(path, prepend=path[:1])).astype(np.int8)
        return Trades(times, path, lots, np.where(moved == 0, drawn, moved).astype(np.int8))

    def _count(self, row: int, wanted: int) -> int:
        """How many trades a bar is made of: one a price at least, a lot each at most."""
        lots = int(self._lots[row])
        return max(wanted if lots < 0 else min(wanted, lots), int(self._needed[row]))

    def _split(self, rng: np.random.Generator, row: int, count: int) -> Ints:
        """Share a bar's volume among its trades, a lot at least to each."""
        total = int(self._lots[row])
        if total == 0:
            return np.empty(0, np.int64)
        if total < 0:  # no volume is known: about a thousand units of money a trade
            usual = 1_000 / (self._usual * self._listing.tick) * 10**self._listing.lot_decimals
            drawn: Ints = np.maximum(usual * rng.exponential(1.0, count), 1.0).astype(np.int64)
            return drawn
        cuts: Ints = np.sort(rng.integers(0, total - count + 1, count - 1))
        parts: Ints = np.diff(np.concatenate(([0], cuts, [total - count]))) + 1
        return parts


def _checked(listing: Listing, bars: TapeBars) -> tuple[Ints, Ints, Ints, Ints]:
    """Prices of bars in ticks."""
    prices = (bars.open, bars.high, bars.low, bars.close)
    if not len(bars) or len({len(column) for column in (*prices, bars.volume)}) != 1:
        raise DataError(f"no bars of {listing.symbol}", hint="hand in columns of one length")
    if not all(np.all(np.isfinite(column)) for column in prices):
        raise DataError(f"a price of {listing.symbol} is missing", hint="drop such bars")
    ticks = [np.rint(column / listing.tick).astype(np.int64) for column in prices]
    open_, high, low, close = ticks
    is_right = (low >= 1) & (low <= np.minimum(open_, close)) & (high >= np.maximum(open_, close))
    if not np.all(is_right) or np.any(bars.volume < 0):
        row = int(np.argmin(is_right))
        raise DataError(
            f"bar {row} of {listing.symbol} is not valid: a price is below a tick, or its high or low "
            "is not the highest or lowest, or a volume is below 0",
            hint="repair the data, or list the symbol with a smaller tick",
        )
    return open_, high, low, close


def _extremes(open_: int, high: int, low: int) -> tuple[int, int]:
    """High and low in the order in which they come: the one that is nearer to the open first."""
    return (high, low) if high - open_ < open_ - low else (low, high)


def _needed(open_: Ints, high: Ints, low: Ints, close: Ints) -> Ints:
    """With how few trades bars can be rebuilt."""
    inner = ((high != open_) & (high != close)).astype(np.int64)
    inner += (low != open_) & (low != close)
    found: Ints = np.where(high == low, 1, 2 + inner)
    return found


def _turns(open_: int, high: int, low: int, close: int) -> list[int]:
    """The fewest prices that have such an open, high, low and close."""
    inner = [price for price in _extremes(open_, high, low) if price not in (open_, close)]
    is_still = open_ == close and not inner and high == low
    return [open_] if is_still else [open_, *inner, close]


def _path(
    rng: np.random.Generator, open_: int, high: int, low: int, close: int, count: int
) -> Ints:
    """Prices that begin at the open, end at the close and reach high and low in between."""
    turns = _turns(open_, high, low, close)
    if len(turns) < count:
        full = [open_, *_extremes(open_, high, low), close]
        full = [full[0]] + [b for a, b in pairwise(full) if a != b]
        turns = full if len(full) <= count else turns
    spare = rng.multinomial(count - len(turns), np.ones(len(turns)) / len(turns))
    legs = []
    for k, turn in enumerate(turns):
        after = turns[min(k + 1, len(turns) - 1)]
        way = np.linspace(turn, after, int(spare[k]) + 2)[:-1]
        noise = rng.normal(0.0, 0.08 * (high - low), len(way))
        way = np.clip(np.rint(way + noise), low, high).astype(np.int64)
        way[0] = turn
        legs.append(way)
    path: Ints = np.concatenate(legs)
    path[-1] = close
    return path
