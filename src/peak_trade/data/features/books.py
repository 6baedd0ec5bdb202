"""The best prices and their sizes at moments, replayed from stored changes of an order book."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Tops:
    """The best levels of a book at T moments.

    Attributes
    ----------
    bid, bid_size, ask, ask_size : (T,) float64
        Best prices and their sizes; NaN where a side is empty or nothing was known yet.
    bid_depth, ask_depth : (T,) float64
        Units in the best levels of each side.
    changed_ns : (T,) int64
        When the book last changed by then; -1 where nothing was known yet.
    """

    bid: Floats
    bid_size: Floats
    ask: Floats
    ask_size: Floats
    bid_depth: Floats
    ask_depth: Floats
    changed_ns: Ints


def tops_of(
    times: Ints,
    sides: npt.NDArray[np.int8],
    prices: Floats,
    sizes: Floats,
    snapshots: npt.NDArray[np.bool_],
    *,
    at: Ints,
    levels: int,
    batches: Ints,
) -> Tops:
    """Replay the changes of a book, and look at it at moments.

    Parameters
    ----------
    times, sides, prices, sizes, snapshots : (K,) arrays
        Changes in order: UTC nanoseconds, 1 bid or -1 ask, price, size (0 removes the level), and
        whether the row is part of a snapshot, which replaces the whole book.
    at : (T,) int64
        Moments, ascending, UTC nanoseconds; changes at a moment count.
    levels : int
        Levels a side that are added up to the depth.
    batches : (K,) int64
        Which message each row came with: the first row of a snapshot's message empties the book.

    Returns
    -------
    Tops
        NaN until a first snapshot: changes alone do not tell what a book holds.

    Examples
    --------
    >>> tops = tops_of(
    ...     np.array([1, 1, 2]), np.array([1, -1, 1], np.int8), np.array([9.0, 11.0, 10.0]),
    ...     np.array([1.0, 2.0, 3.0]), np.array([True, True, False]),
    ...     at=np.array([0, 1, 5]), levels=2, batches=np.array([0, 0, 1]),
    ... )
    >>> tops.bid, tops.bid_depth
    (array([nan,  9., 10.]), array([nan,  1.,  4.]))
    """  # fmt: skip
    out = np.full((6, len(at)), np.nan)
    changed = np.full(len(at), -1, np.int64)
    ends = np.searchsorted(times, at, side="right")
    bids: dict[float, float] = {}
    asks: dict[float, float] = {}
    is_known, done, batch = False, 0, -1
    for t, end in enumerate(ends.tolist()):
        rows = zip(
            sides[done:end].tolist(), prices[done:end].tolist(), sizes[done:end].tolist(),
            snapshots[done:end].tolist(), batches[done:end].tolist(), strict=True,
        )  # fmt: skip
        for side, price, size, is_snapshot, number in rows:
            if is_snapshot and number != batch:
                bids.clear()
                asks.clear()
                is_known = True
            batch = number
            book = bids if side > 0 else asks
            if size > 0.0:
                book[price] = size
            else:
                book.pop(price, None)
        done = end
        if is_known:
            out[:, t] = _top(bids, asks, levels)
            changed[t] = times[end - 1]
    bid, bid_size, ask, ask_size, bid_depth, ask_depth = out
    return Tops(bid, bid_size, ask, ask_size, bid_depth, ask_depth, changed)


def _top(
    bids: dict[float, float], asks: dict[float, float], levels: int
) -> tuple[float, float, float, float, float, float]:
    best = sorted(bids, reverse=True)[:levels]
    worst = sorted(asks)[:levels]
    bid, ask = (best[0] if best else np.nan), (worst[0] if worst else np.nan)
    return (
        bid, bids.get(bid, np.nan), ask, asks.get(ask, np.nan),
        sum(bids[price] for price in best), sum(asks[price] for price in worst),
    )  # fmt: skip
