"""Prices that are possible but suspect: spikes, jumps, splits, stale and empty stretches.

Every test is robust: scales are medians, so that what is looked for does not hide itself. They are
made for checking a file as a whole and look to both sides; they are no signals.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MAD_TO_SIGMA = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

SPLIT_SIGMAS = 8.0
JUMP_SIGMAS = 12.0
WICK_RANGES = 15.0
FEWEST = 20
"""Moves below which nothing is said about outliers."""

_BLOCK = 64
_SPIKE_BARS = 3
_REVERTED = 0.25
_WHOLE = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50, 100)
_RATIOS = (*((n, 1) for n in _WHOLE), (3, 2), (4, 3), (5, 2), (5, 3), (5, 4))
_LEAST, _MOST_WHOLE, _MOST_OTHER = 0.01, 0.05, 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """Large moves of a series of K closes.

    Attributes
    ----------
    spike : (K,) bool
        Bars that lie far off and are gone again within three bars.
    jump : (K,) bool
        Bars of a large move that stayed and is no split-like one.
    split : (K,) bool
        Bars of a move that stayed and is close to n:1, 1:n or n:m.
    ratio : (K,) int64
        For a split-like move the place in :func:`ratio_named`; -1 elsewhere.
    """

    spike: Bools
    jump: Bools
    split: Bools
    ratio: Ints


def local_median(values: Floats) -> Floats:
    """Give the median size of what lies around each value, and at least that of all.

    Zeros are left out of the median of all, so that a price that seldom moves has a scale too.

    Parameters
    ----------
    values : (K,) float64
        Sizes, 0 or more.

    Returns
    -------
    (K,) float64
        The largest of the medians of the value's block of 64 and the two beside it.

    Examples
    --------
    >>> local_median(np.array([1.0, 0.0, 3.0]))
    array([2., 2., 2.])
    """
    moved = values[values > 0]
    if len(moved) == 0:
        return np.zeros_like(values)
    floor = float(np.median(moved))
    blocks = len(values) // _BLOCK
    if blocks < 2:
        return np.full_like(values, floor)
    own = np.median(values[: blocks * _BLOCK].reshape(blocks, _BLOCK), axis=1)
    around = own.copy()
    around[1:] = np.maximum(around[1:], own[:-1])
    around[:-1] = np.maximum(around[:-1], own[1:])
    place = np.minimum(np.arange(len(values)) // _BLOCK, blocks - 1)
    return np.maximum(around[place], floor)


def find_moves(opens: Floats, closes: Floats, elapsed: Floats) -> Moves:
    """Find spikes, jumps and split-like jumps.

    A move is large above 12 robust standard deviations of log returns (1.4826 times the median
    absolute return, see :func:`local_median`), times the square root of the bars' time that passed.
    It is a spike if a quarter of it or less is left within three bars. One that stays is split-like
    above 8 already, where close to close, or close to open, it is near a ratio: within three
    robust standard deviations, at least 1 %, at most 5 % of n:1 and 2 % of n:m. A rise is near 1:n
    alone, as reverse splits are.

    Parameters
    ----------
    opens, closes : (K,) float64
        Finite prices above zero.
    elapsed : (K,) float64
        Bars' lengths from the close of the bar before to the close of each, at least 1.

    Examples
    --------
    >>> closes = 100 + np.sin(np.arange(100.0))
    >>> closes[50:] /= 7
    >>> found = find_moves(closes, closes, np.ones(100))
    >>> np.flatnonzero(found.split), ratio_named(found.ratio[50]), found.jump.any()
    (array([50]), '7:1', np.False_)
    """
    count = len(closes)
    nothing = np.zeros(count, dtype=np.bool_)
    none = np.full(count, -1, dtype=np.int64)
    logs = np.log(closes)
    moves = np.diff(logs, prepend=logs[:1])
    if np.count_nonzero(moves) < FEWEST:
        return Moves(nothing, nothing, nothing, none)
    sigma = MAD_TO_SIGMA * local_median(np.abs(moves) / np.sqrt(elapsed)) * np.sqrt(elapsed)
    large = np.flatnonzero(np.abs(moves) > SPLIT_SIGMAS * sigma)
    huge = np.abs(moves) > JUMP_SIGMAS * sigma
    spike, reverted = _spikes(logs, moves, large, huge=huge)
    stayed = large[~reverted[large]]
    at_open = np.log(opens[stayed]) - logs[stayed - 1]
    near = _near_ratio(np.stack((moves[stayed], at_open)), sigma[stayed])
    split, jump, ratio = nothing.copy(), nothing.copy(), none
    split[stayed[near >= 0]] = True
    jump[stayed[near < 0]] = huge[stayed[near < 0]]
    ratio[stayed] = near
    return Moves(spike, jump, split, ratio)


def _spikes(logs: Floats, moves: Floats, large: Ints, *, huge: Bools) -> tuple[Bools, Bools]:
    """Bars that are far off for a while, and all that belongs to a large move that reverted."""
    spike, reverted = np.zeros(len(logs), dtype=np.bool_), np.zeros(len(logs), dtype=np.bool_)
    for row in large:
        if reverted[row]:
            continue
        ahead = logs[row + 1 : row + 1 + _SPIKE_BARS] - logs[row - 1]
        back = np.flatnonzero(np.abs(ahead) <= _REVERTED * abs(moves[row]))
        if len(back):
            end = row + 1 + back[0]
            spike[row:end] = huge[row]
            reverted[row : end + 1] = True
    return spike, reverted


def _near_ratio(candidates: Floats, sigma: Floats) -> Ints:
    """Place of the ratio that one of the candidate moves (2, M) is near to; -1 for none."""
    logs = np.log([new / old for new, old in _RATIOS])
    wholes = len(_WHOLE)
    most = np.where(np.arange(len(logs)) < wholes, _MOST_WHOLE, _MOST_OTHER)
    reach = np.clip(3 * sigma[:, None], _LEAST, most)
    apart = np.abs(-candidates[:, :, None] - logs)
    reverse = np.abs(candidates[:, :, None] - logs[:wholes])
    apart[:, :, :wholes] = np.minimum(apart[:, :, :wholes], reverse)
    off = apart.min(axis=0) / reach
    place = off.argmin(axis=1)
    return np.where(off[np.arange(len(place)), place] <= 1, place, -1)


def ratio_named(place: int, *, is_rise: bool = False) -> str:
    """Write a split's ratio, new units to old ones; a price that rises is of a reverse split.

    Examples
    --------
    >>> ratio_named(0), ratio_named(0, is_rise=True)
    ('2:1', '1:2')
    """
    new, old = _RATIOS[place]
    return f"{old}:{new}" if is_rise else f"{new}:{old}"


def find_wicks(opens: Floats, highs: Floats, lows: Floats, closes: Floats) -> Bools:
    """Find bars whose high or low lies far off both their open and their close.

    A wick is its log distance from the nearer of the two, and far off above 15 times the median
    log range of high over low (see :func:`local_median`). Stop and limit orders would fill there.

    Parameters
    ----------
    opens, highs, lows, closes : (K,) float64
        Finite prices above zero.

    Examples
    --------
    >>> price = 100 + np.sin(np.arange(100.0))
    >>> lows = price - 0.5
    >>> lows[7] = 50
    >>> np.flatnonzero(find_wicks(price, price + 0.5, lows, price))
    array([7])
    """
    top, bottom = np.log(highs), np.log(lows)
    ranges = np.maximum(top - bottom, 0.0)
    if np.count_nonzero(ranges) < FEWEST:
        return np.zeros(len(closes), dtype=np.bool_)
    over = top - np.log(np.maximum(opens, closes))
    under = np.log(np.minimum(opens, closes)) - bottom
    return np.asarray(np.maximum(over, under) > WICK_RANGES * local_median(ranges))


def runs_of(flags: Bools) -> tuple[Ints, Ints]:
    """Give the first and the last place of each unbroken run of True.

    Examples
    --------
    >>> runs_of(np.array([True, True, False, True]))
    (array([0, 3]), array([1, 3]))
    """
    edges = np.diff(np.concatenate(([False], flags, [False])).astype(np.int8))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1


def find_stale(closes: Floats) -> Bools:
    """Find runs of equal closes that are too long for chance.

    With a share p of unchanged closes, a run of L unchanged ones is told where K p^L is below
    1/1000: chance would show one in a thousand such series; and L is at least 4.

    Parameters
    ----------
    closes : (K,) float64
        Prices in quote currency.

    Returns
    -------
    (K,) bool
        The bars of the runs but the first of each, whose price was news.

    Examples
    --------
    >>> closes = np.concatenate((np.arange(1.0, 90.0), np.full(8, 90.0)))
    >>> np.flatnonzero(find_stale(closes))
    array([90, 91, 92, 93, 94, 95, 96])
    """
    same = np.concatenate(([False], closes[1:] == closes[:-1]))[: len(closes)]
    share = same.mean() if len(closes) else 0.0
    if share == 0:
        return same
    # Unchanged closes come in clusters, so a share above a half says nothing about chance.
    fewest = 4 if share < 1e-6 else np.log(0.001 / len(closes)) / np.log(min(share, 0.999))
    first, last = runs_of(same)
    is_long = (last - first + 1) >= max(4, np.ceil(fewest))
    return _filled(len(closes), first[is_long], last[is_long])


def find_repeated(prices: Floats, volume: Floats) -> Bools:
    """Find bars that repeat the whole bar before them.

    A bar without a range (open = high = low = close) is no copy, it may have had no trade. Equal
    prices and an equal volume above zero are a copy at once; where the volume is not known, three
    equal bars in a row are.

    Parameters
    ----------
    prices : (4, K) float64
        Open, high, low and close.
    volume : (K,) float64
        Units traded; NaN where not known.

    Returns
    -------
    (K,) bool
        The copies, not the bars that they copy.

    Examples
    --------
    >>> prices = np.array([[1.0, 1.0, 2.0], [3.0, 3.0, 3.0], [1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    >>> find_repeated(prices, np.array([5.0, 5.0, 5.0]))
    array([False,  True, False])
    """
    count = prices.shape[1]
    same = np.zeros(count, dtype=np.bool_)
    same[1:] = (prices[:, 1:] == prices[:, :-1]).all(axis=0) & (prices[1, 1:] > prices[2, 1:])
    if not same.any():
        return same
    known = same.copy()
    known[1:] &= (volume[1:] == volume[:-1]) & (volume[1:] > 0)
    first, last = runs_of(same & np.isnan(volume))
    is_long = last > first
    return known | _filled(count, first[is_long], last[is_long])


def _filled(count: int, first: Ints, last: Ints) -> Bools:
    steps = np.zeros(count + 1, dtype=np.int64)
    steps[first] += 1
    steps[last + 1] -= 1
    return np.cumsum(steps[:-1]) > 0
