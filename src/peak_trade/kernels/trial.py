"""One combination of a sweep in one call: due targets, fills, and the sums of its statistics.

Nothing new is computed here; the parts are called in a row, so that a thread lets go of the
interpreter once a combination and not once a part.
"""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.accounting import MAX_WEIGHT
from peak_trade.kernels.books import (
    W_CASH,
    W_UNIT,
    Acts,
    Bars,
    Charges,
    Exits,
    Fills,
    Flows,
    Room,
    Sizing,
)
from peak_trade.kernels.jit import kernel
from peak_trade.kernels.simulate import (
    FILL_FEE,
    FILL_INSTRUMENT,
    FILL_LOTS,
    FILL_PRICE,
    TERM_CASH,
    TOO_LARGE,
    Market,
    Rules,
    changes_of_bools,
    changes_of_floats,
    changes_of_words,
    single,
)
from peak_trade.kernels.stats import sums_of_equity, sums_of_fills, trade_sums
from peak_trade.kernels.walk import walk

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

CROSSING_BLOCK = 1024  # rows compared at a time; a multiple of 8
Work = tuple[Ints, Floats, Ints, Floats, Floats, Ints, Ints, Floats]
Setting = tuple[Bars, Floats, Rules, Charges, Exits, Sizing, Floats, Acts, Ints, Bools]
WalkWork = tuple[
    Ints, Floats, tuple[Floats, Ints], Room, Fills, Flows, Ints, Floats, Bools, Ints, Floats
]


@kernel
def changes_of_crossing(
    sums: Floats,
    fast: int,
    slow: int,
    start: int,
    stop: int,
    flags: Bools,
    words: Words,
    rows: Ints,
    values: Floats,
) -> int:
    """Due rows of "the mean of the last ``fast`` rows is above that of the last ``slow``".

    Compares exact window sums, each times the other's length, which is what comparing the means
    comes to. The target is False before row ``slow`` - 1.

    Parameters
    ----------
    sums : (T + 1,) float64
        Sum of the first t prices in ticks: whole numbers, so small that every product is exact.
    flags, words : (CROSSING_BLOCK,) bool, (CROSSING_BLOCK / 8,) uint64
        The same memory twice, to work in.
    """
    found = 0
    before = 0
    fast_rows, slow_rows = float(fast), float(slow)
    for first in range(max(start, slow - 1), stop, CROSSING_BLOCK):
        length = min(CROSSING_BLOCK, stop - first)
        now = sums[first + 1 : first + 1 + length]
        behind_fast = sums[first + 1 - fast : first + 1 - fast + length]
        behind_slow = sums[first + 1 - slow : first + 1 - slow + length]
        for i in range(length):
            fast_sum, slow_sum = now[i] - behind_fast[i], now[i] - behind_slow[i]
            flags[i] = fast_sum * slow_rows > slow_sum * fast_rows
        whole = (length + 7) // 8
        for i in range(length, 8 * whole):
            flags[i] = flags[length - 1]
        found += changes_of_words(words[:whole], before, first, rows[found:], values[found:])
        before = 1 if flags[length - 1] else 0
    return found


@kernel
def trials_of_crossings(
    sums_of_ticks: Floats,
    windows: Ints,
    first: int,
    start: int,
    stop: int,
    market: Market,
    bits: Ints,
    terms: Floats,
    rules: Rules,
    flags: Bools,
    words: Words,
    work: Work,
    sums: Floats,
    fill_sums: Floats,
) -> int:
    """Trade crossings of two means, one after another, without computing the means.

    ``windows`` (K, 2) holds the shorter and the longer one of each, ``sums`` and ``fill_sums``
    (K, ...) are written; the rest is as in ``trial_of_floats``. Begins at crossing ``first`` and
    returns at which one it stopped: K, or one that the books or the room cannot hold.
    """
    for k in range(first, len(windows)):
        found = changes_of_crossing(
            sums_of_ticks, windows[k, 0], windows[k, 1], start, stop, flags, words, work[0], work[1]
        )
        needed = _finish(
            found, start, stop, market, bits, terms, rules, work, sums[k], fill_sums[k]
        )
        if needed > 0 or work[5][TOO_LARGE] != 0:
            return k
    return len(windows)


@kernel
def trial_of_bools(
    targets: Bools,
    words: Words,
    start: int,
    stop: int,
    market: Market,
    bits: Ints,
    terms: Floats,
    rules: Rules,
    work: Work,
    sums: Floats,
    fill_sums: Floats,
) -> int:
    """Trade boolean targets of one instrument, and sum up; see ``trial_of_floats``.

    ``words`` is the memory of ``targets``, eight rows to a word.
    """
    found = changes_of_bools(targets, words, start, stop, work[0], work[1])
    return _finish(found, start, stop, market, bits, terms, rules, work, sums, fill_sums)


@kernel
def trial_of_floats(
    targets: Floats,
    is_stated: bool,
    start: int,
    stop: int,
    market: Market,
    bits: Ints,
    terms: Floats,
    rules: Rules,
    work: Work,
    sums: Floats,
    fill_sums: Floats,
) -> int:
    """Trade targets (T,) of one instrument, and sum up.

    Parameters
    ----------
    targets : (T,) float64
    is_stated : bool
        Whether every stated row is due; see ``changes_of_floats``.
    start, stop : int
        Rows traded.
    market : tuple
        Open, high, low and close, (T,) float64 each.
    bits : (T,) int64
        The close seen as int64.
    terms : (TERMS,) float64
    rules : tuple
        Unit, and rows, ticks, steps and minima of the order rules.
    work : tuple
        Room for due rows and targets (T,), fills as integers and floats, prices (T, 2), counts
        (COUNTS,), lots (1,) and flow (1,).
    sums, fill_sums : (SUMS,), (TRADE_SUMS,) float64
        Written.

    Returns
    -------
    int
        0; or -1 - row of a target beyond 1 or infinite; or the number of due targets that the room
        for fills is too small for.
    """
    found = changes_of_floats(targets, start, stop, is_stated, MAX_WEIGHT, work[0], work[1])
    if found < 0:
        return found
    return _finish(found, start, stop, market, bits, terms, rules, work, sums, fill_sums)


@kernel
def _finish(
    found: int,
    start: int,
    stop: int,
    market: Market,
    bits: Ints,
    terms: Floats,
    rules: Rules,
    work: Work,
    sums: Floats,
    fill_sums: Floats,
) -> int:
    rows, values, ints, floats, prices, counts, held, flow = work
    counts[:] = 0
    if 3 * found + 3 > len(ints):
        return found
    used = single(
        market, rows[:found], values[:found], stop, terms, rules, counts, ints, floats, prices
    )
    sums_of_fills(
        ints[:used], floats[:used], market[3], bits, rules[0], terms[TERM_CASH], start, stop, sums
    )
    units = prices[:1, 0]
    units[0] = rules[0]
    trade_sums(
        ints[:used, FILL_INSTRUMENT], ints[:used, FILL_LOTS], floats[:used, FILL_PRICE],
        floats[:used, FILL_FEE], units, held, flow, fill_sums,
    )  # fmt: skip
    return 0


# --- under any terms ----------------------------------------------------------------------------


@kernel
def walk_of_bools(
    targets: Bools,
    words: Words,
    start: int,
    stop: int,
    setting: Setting,
    work: WalkWork,
    sums: Floats,
    fill_sums: Floats,
) -> int:
    """Trade boolean targets of one instrument under any terms; see ``walk_of_floats``."""
    found = changes_of_bools(targets, words, start, stop, work[0], work[1])
    return _finish_walk(found, start, stop, setting, work, sums, fill_sums)


@kernel
def walk_of_floats(
    targets: Floats,
    is_stated: bool,
    start: int,
    stop: int,
    setting: Setting,
    work: WalkWork,
    sums: Floats,
    fill_sums: Floats,
) -> int:
    """Trade targets (T,) of one instrument under any terms, and sum up.

    Parameters
    ----------
    targets, is_stated, start, stop
        As in ``trial_of_floats``.
    setting : tuple
        What ``walk`` takes from the bars to the actions; then the close seen as int64 (T,) and
        which of the traded rows have a real bar.
    work : tuple
        Room for due rows and targets (T,); the state, room, fills, flows, counts, equity and rows
        held of ``walk``; lots (1,) and flow (1,). Equity is empty where nothing but fills and prices
        moves it.
    sums, fill_sums : (SUMS,), (TRADE_SUMS,) float64
        Written, unless the walk ended at a target that cannot be traded.

    Returns
    -------
    int
        0, or 1 where the room for fills is too small.
    """
    found = changes_of_floats(targets, start, stop, is_stated, np.inf, work[0], work[1])
    return _finish_walk(found, start, stop, setting, work, sums, fill_sums)


@kernel
def walks_of_crossings(
    sums_of_ticks: Floats,
    windows: Ints,
    first: int,
    start: int,
    stop: int,
    setting: Setting,
    flags: Bools,
    words: Words,
    work: WalkWork,
    sums: Floats,
    fill_sums: Floats,
) -> int:
    """Trade crossings of two means under any terms; as ``trials_of_crossings`` does."""
    for k in range(first, len(windows)):
        found = changes_of_crossing(
            sums_of_ticks, windows[k, 0], windows[k, 1], start, stop, flags, words, work[0], work[1]
        )
        needed = _finish_walk(found, start, stop, setting, work, sums[k], fill_sums[k])
        if needed > 0 or work[6][TOO_LARGE] != 0:
            return k
    return len(windows)


@kernel
def _finish_walk(
    found: int,
    start: int,
    stop: int,
    setting: Setting,
    work: WalkWork,
    sums: Floats,
    fill_sums: Floats,
) -> int:
    bars, w, rules, charges, exits, sizing, bounds, acts, bits, real = setting
    rows, values, state, room, fills, flows, counts, equity, held, lots, flow = work
    used = walk(
        rows[:found], values[:found], start, stop, bars, w, rules, charges, exits, sizing, bounds,
        acts, state, room, fills, flows, counts, equity, held,
    )  # fmt: skip
    if used < 0:
        return 1
    if counts[TOO_LARGE] != 0:
        return 0
    ints, floats = fills[0][:used], fills[1][:used]
    if len(equity) > 0:
        sums_of_equity(equity, real, held, w[W_CASH], sums)
    else:
        sums_of_fills(ints, floats, bars[3], bits, rules[0], w[W_CASH], start, stop, sums)
    trade_sums(
        ints[:, FILL_INSTRUMENT], ints[:, FILL_LOTS], floats[:, FILL_PRICE], floats[:, FILL_FEE],
        w[W_UNIT : W_UNIT + 1], lots, flow, fill_sums,
    )  # fmt: skip
    return 0
