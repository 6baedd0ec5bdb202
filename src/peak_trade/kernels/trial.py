"""One combination of a sweep in one call: due targets, fills, and the sums of its statistics.

Nothing new is computed here; the parts are called in a row, so that a thread lets go of the
interpreter once a combination and not once a part.
"""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.jit import kernel
from peak_trade.kernels.simulate import (
    FILL_FEE,
    FILL_INSTRUMENT,
    FILL_LOTS,
    FILL_PRICE,
    TERM_CASH,
    Market,
    Rules,
    changes_of_bools,
    changes_of_floats,
    single,
)
from peak_trade.kernels.stats import sums_of_fills, trade_sums

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

Work = tuple[Ints, Floats, Ints, Floats, Floats, Ints, Ints, Floats]


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
    found = changes_of_floats(targets, start, stop, is_stated, work[0], work[1])
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
    if 3 * found + 3 > len(ints):
        return found
    counts[:] = 0
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
