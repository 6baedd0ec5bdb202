"""Protective exits of one position: where their levels lie, how they move, what a bar reaches.

``docs/simulation.md`` ("Exits") says it in words. An account keeps for each instrument a row of
floats by the ``X_*`` positions and, for partial take-profits, one of levels and one of lots; the
declaration is one float array by the ``E_*`` positions and two tables. NaN means unset.
"""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.fills import away_ticks, tick_price
from peak_trade.kernels.jit import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

E_STOP, E_TAKE, E_TRAIL, E_ARM, E_OFFSET, E_AFTER, E_BREAK_EVEN = 0, 1, 2, 3, 4, 5, 6
E_MAX_BARS, E_STOP_ATR, E_TAKE_ATR, E_TRAIL_ATR, E_CONVENTION = 7, 8, 9, 10, 11
EXITS = 12

ADVERSE, FAVOURABLE, FREQTRADE = 0, 1, 2

X_STOP, X_TAKE, X_STOP_REASON, X_TAKE_REASON, X_BEST, X_ENTRY_NS, X_BARS, X_ATR = range(8)
X_PROFIT = 8  # the take-profit's own level, which a return on investment may be nearer than
STATES = 9

STOP_LOSS, TAKE_PROFIT, TRAILING_STOP, TIME_STOP, ROI, BREAK_EVEN, PARTIAL, LIQUIDATION = (
    1, 2, 4, 5, 6, 7, 8, 9,
)  # fmt: skip

MINUTE_NS = 60_000_000_000


@kernel
def is_stop(reason: int) -> bool:
    """Whether an exit for this reason meets the market, and slips; the others rest at their level."""
    return reason != TAKE_PROFIT and reason != ROI and reason != PARTIAL


@kernel
def clear(x: Floats, lots: Ints) -> None:
    """Forget the exits of a position that is no more."""
    for k in range(STATES):
        x[k] = np.nan
    for k in range(len(lots)):
        lots[k] = 0


@kernel
def level_of(price: float, side: int, tick: float) -> float:
    """``price`` in whole ticks, rounded up (``side`` 1) or down (-1)."""
    return tick_price(away_ticks(price, side, tick), tick)


@kernel
def _tighten(x: Floats, side: int, level: float, reason: int) -> None:
    if not level > 0.0:
        return
    now = x[X_STOP]
    if np.isnan(now) or side * (level - now) > 0.0:
        x[X_STOP] = level
        x[X_STOP_REASON] = reason


@kernel
def trail(x: Floats, e: Floats, side: int, average: float, tick: float) -> None:
    """Move the stop to break-even and after the best price, where they are nearer."""
    best = x[X_BEST]
    if side * (best - average * (1.0 + side * e[E_BREAK_EVEN])) >= 0.0:  # never where it is NaN
        _tighten(x, side, level_of(average, -side, tick), BREAK_EVEN)
    if not (e[E_TRAIL] == e[E_TRAIL] or e[E_TRAIL_ATR] == e[E_TRAIL_ATR]):
        return
    if e[E_ARM] == e[E_ARM] and side * (best - average * (1.0 + side * e[E_ARM])) < 0.0:
        return
    if e[E_OFFSET] == e[E_OFFSET] and side * (best - average * (1.0 + side * e[E_OFFSET])) > 0.0:
        price = best * (1.0 - side * e[E_AFTER])
    elif e[E_TRAIL] == e[E_TRAIL]:
        price = best * (1.0 - side * e[E_TRAIL])
    else:
        price = best - side * (e[E_TRAIL_ATR] * x[X_ATR])
    if price > 0.0:  # false for a distance that is not known
        _tighten(x, side, level_of(price, -side, tick), TRAILING_STOP)


@kernel
def rest_take(
    x: Floats, roi: Floats, side: int, average: float, tick: float, since_entry_ns: int
) -> None:
    """Let the take-profit or, where it is nearer, the return on investment rest at the market."""
    x[X_TAKE], x[X_TAKE_REASON] = x[X_PROFIT], TAKE_PROFIT
    profit = np.nan
    for k in range(len(roi)):
        if roi[k, 0] * MINUTE_NS <= since_entry_ns:
            profit = roi[k, 1]
    if profit == profit:
        level = level_of(average * (1.0 + side * profit), side, tick)
        if np.isnan(x[X_TAKE]) or side * (x[X_TAKE] - level) > 0.0:
            x[X_TAKE], x[X_TAKE_REASON] = level, ROI


@kernel
def _set_profit(x: Floats, e: Floats, side: int, average: float, tick: float) -> None:
    x[X_PROFIT] = np.nan
    if e[E_TAKE] == e[E_TAKE]:
        x[X_PROFIT] = level_of(average * (1.0 + side * e[E_TAKE]), side, tick)
    elif e[E_TAKE_ATR] == e[E_TAKE_ATR] and x[X_ATR] == x[X_ATR]:
        price = average + side * (e[E_TAKE_ATR] * x[X_ATR])
        if price > 0.0:
            x[X_PROFIT] = level_of(price, side, tick)


@kernel
def set_levels(
    x: Floats, e: Floats, roi: Floats, side: int, average: float, tick: float, since_entry_ns: int
) -> None:
    """Set stop and take-profit of a position from its average; ``x`` knows best, entry and ATR."""
    x[X_STOP], x[X_STOP_REASON] = np.nan, STOP_LOSS
    if e[E_CONVENTION] == FREQTRADE:  # its levels move inside bars, and lie between ticks
        x[X_STOP] = average * (1.0 - side * e[E_STOP])
        x[X_TAKE], x[X_TAKE_REASON] = np.nan, TAKE_PROFIT
        return
    price = average * (1.0 - side * e[E_STOP])
    if price > 0.0:  # false where it is NaN
        x[X_STOP] = level_of(price, -side, tick)
    elif e[E_STOP_ATR] == e[E_STOP_ATR] and x[X_ATR] == x[X_ATR]:
        price = average - side * (e[E_STOP_ATR] * x[X_ATR])
        if price > 0.0:
            x[X_STOP] = level_of(price, -side, tick)
    trail(x, e, side, average, tick)
    _set_profit(x, e, side, average, tick)
    rest_take(x, roi, side, average, tick, since_entry_ns)


@kernel
def set_partials(
    partials: Floats,
    side: int,
    held: int,
    average: float,
    tick: float,
    step: int,
    levels: Floats,
    lots: Ints,
) -> None:
    """Set the levels and the (unsigned) lots of all partial take-profits of a position."""
    for k in range(len(partials)):
        levels[k] = level_of(average * (1.0 + side * partials[k, 0]), side, tick)
        lots[k] = int(partials[k, 1] * abs(held)) // step * step


@kernel
def close_bar(
    x: Floats,
    e: Floats,
    roi: Floats,
    side: int,
    average: float,
    tick: float,
    high: float,
    low: float,
    close_ns: int,
) -> bool:
    """Move the levels after a real bar; whether its close is a time stop."""
    if e[E_CONVENTION] == FREQTRADE:
        x[X_BARS] += 1.0
        return bool(x[X_BARS] >= e[E_MAX_BARS])
    best = high if side > 0 else low
    if side * (best - x[X_BEST]) > 0.0:
        x[X_BEST] = best
    trail(x, e, side, average, tick)
    if len(roi) > 0:
        rest_take(x, roi, side, average, tick, close_ns - int(x[X_ENTRY_NS]))
    x[X_BARS] += 1.0
    return bool(x[X_BARS] >= e[E_MAX_BARS])  # never where it is NaN


@kernel
def split_levels(
    x: Floats, side: int, ratio: float, tick: float, levels: Floats, lots: Ints
) -> None:
    """Multiply levels by a split's ``ratio`` (old units over new), and round them again."""
    x[X_BEST] *= ratio
    x[X_ATR] *= ratio
    if x[X_STOP] == x[X_STOP]:
        x[X_STOP] = level_of(x[X_STOP] * ratio, -side, tick)
    if x[X_TAKE] == x[X_TAKE]:
        x[X_TAKE] = level_of(x[X_TAKE] * ratio, side, tick)
    if x[X_PROFIT] == x[X_PROFIT]:
        x[X_PROFIT] = level_of(x[X_PROFIT] * ratio, side, tick)
    for k in range(len(levels)):
        levels[k] = level_of(levels[k] * ratio, side, tick)
        lots[k] = int(lots[k] / ratio * (1.0 + 4e-16))  # two roundings lose no whole lot


# --- what a bar reaches -------------------------------------------------------------------------


@kernel
def _passed(side: int, price: float, level: float) -> bool:
    """Whether a price has reached a take-profit's level (``side`` 1: from below)."""
    return price >= level if side > 0 else price <= level


@kernel
def nearer_stop(side: int, stop: float, liquidation: float) -> float:
    """Of a stop and a liquidation price, the one that is reached first; NaN: there is none."""
    if np.isnan(stop):
        return liquidation
    if np.isnan(liquidation):
        return stop
    return max(stop, liquidation) if side > 0 else min(stop, liquidation)


@kernel
def _stops(
    side: int,
    price: float,
    stop: float,
    stop_reason: int,
    liquidation: float,
    lots: int,
    at_level: bool,
    n: int,
    out_lots: Ints,
    out_reasons: Ints,
    out_prices: Floats,
) -> int:
    """Write the stop that ``price`` reaches, if any; the number of exits so far."""
    first = nearer_stop(side, stop, liquidation)
    if not (price <= first if side > 0 else price >= first):
        return n
    out_lots[n] = -side * lots
    out_reasons[n] = stop_reason if first == stop else LIQUIDATION
    out_prices[n] = first if at_level else price
    return n + 1


@kernel
def _takes(
    side: int,
    price: float,
    take: float,
    take_reason: int,
    levels: Floats,
    partial_lots: Ints,
    left: int,
    at_level: bool,
    n: int,
    out_lots: Ints,
    out_reasons: Ints,
    out_prices: Floats,
) -> int:
    """Write the partial and last take-profits that ``price`` reaches, the nearest first."""
    for k in range(len(levels)):
        if partial_lots[k] == 0 or not _passed(side, price, levels[k]):
            continue
        if not np.isnan(take) and _passed(side, levels[k], take):
            break  # the take-profit, which a return on investment has brought nearer, is first
        lots = min(partial_lots[k], left)
        if lots > 0:
            out_lots[n] = -side * lots
            out_reasons[n] = PARTIAL
            out_prices[n] = levels[k] if at_level else price
            n += 1
        partial_lots[k] = 0
        left -= lots
    if left > 0 and _passed(side, price, take):
        out_lots[n] = -side * left
        out_reasons[n] = take_reason
        out_prices[n] = take if at_level else price
        n += 1
    return n


@kernel
def exits_at_open(
    x: Floats,
    levels: Floats,
    partial_lots: Ints,
    liquidation: float,
    held: int,
    open_: float,
    out_lots: Ints,
    out_reasons: Ints,
    out_prices: Floats,
) -> int:
    """Write the exits that an open has reached or passed, all at the open; how many there are.

    ``out_*`` have room for one more than there are partials. ``partial_lots`` of those that are
    written become 0.
    """
    side = 1 if held > 0 else -1
    stop_reason, take_reason = int(x[X_STOP_REASON]), int(x[X_TAKE_REASON])
    n = _stops(
        side, open_, x[X_STOP], stop_reason, liquidation, abs(held), False, 0,
        out_lots, out_reasons, out_prices,
    )  # fmt: skip
    if n > 0:
        return n
    if _passed(side, open_, x[X_TAKE]):
        out_lots[0], out_reasons[0], out_prices[0] = -held, take_reason, open_
        return 1
    return _takes(
        side, open_, np.nan, take_reason, levels, partial_lots, abs(held), False, 0,
        out_lots, out_reasons, out_prices,
    )  # fmt: skip


@kernel
def exits_in_bar(
    x: Floats,
    levels: Floats,
    partial_lots: Ints,
    liquidation: float,
    favourable: bool,
    held: int,
    high: float,
    low: float,
    out_lots: Ints,
    out_reasons: Ints,
    out_prices: Floats,
) -> int:
    """Write the exits that a bar's range reaches after its open, in their order; how many."""
    side = 1 if held > 0 else -1
    worst, best = (low, high) if side > 0 else (high, low)
    stop_reason, take_reason = int(x[X_STOP_REASON]), int(x[X_TAKE_REASON])
    n = 0
    left = abs(held)
    if not favourable:
        n = _stops(
            side, worst, x[X_STOP], stop_reason, liquidation, left, True, n,
            out_lots, out_reasons, out_prices,
        )  # fmt: skip
        if n > 0:
            return n
    n = _takes(
        side, best, x[X_TAKE], take_reason, levels, partial_lots, left, True, n,
        out_lots, out_reasons, out_prices,
    )  # fmt: skip
    for k in range(n):
        left -= abs(out_lots[k])
    if favourable and left > 0:
        n = _stops(
            side, worst, x[X_STOP], stop_reason, liquidation, left, True, n,
            out_lots, out_reasons, out_prices,
        )  # fmt: skip
    return n


@kernel
def is_ambiguous(
    x: Floats, levels: Floats, partial_lots: Ints, liquidation: float, held: int,
    high: float, low: float,
) -> bool:  # fmt: skip
    """Whether a bar's range reaches both a stop and a profit level, so that the order matters."""
    side = 1 if held > 0 else -1
    worst, best = (low, high) if side > 0 else (high, low)
    first = nearer_stop(side, x[X_STOP], liquidation)
    if not (worst <= first if side > 0 else worst >= first):
        return False
    found = _passed(side, best, x[X_TAKE])
    for k in range(len(levels)):
        found |= partial_lots[k] > 0 and _passed(side, best, levels[k])
    return found


# --- another framework's convention -------------------------------------------------------------


@kernel
def _profit(side: int, price: float, average: float) -> float:
    exact = side * (price / average - 1.0)
    rounded: float = np.rint(exact * 1e8) / 1e8
    return rounded


@kernel
def freqtrade_exit(
    x: Floats,
    e: Floats,
    roi: Floats,
    side: int,
    average: float,
    open_: float,
    high: float,
    low: float,
    open_ns: int,
    is_entry_bar: bool,
    out_reasons: Ints,
    out_prices: Floats,
) -> bool:
    """Whether, why and at which price a position ends in a bar, as freqtrade's backtests assume.

    ``x[X_STOP]`` moves with the bar; only its first stop was set before, at the entry.
    """
    best, worst = (high, low) if side > 0 else (low, high)
    if e[E_TRAIL] == e[E_TRAIL]:
        _trail_in_bar(x, e, side, average, best, worst)
    stop = x[X_STOP]
    has_trailed = int(x[X_STOP_REASON]) == TRAILING_STOP
    is_hit = worst <= stop if side > 0 else worst >= stop
    stop_price = stop
    if is_hit and has_trailed and is_entry_bar:
        stop_price = _worst_first_stop(e, side, open_, worst)
    if is_hit and (stop > high if side > 0 else stop < low):
        stop_price = open_
    profit, began = np.nan, False
    for k in range(len(roi)):
        elapsed = open_ns - int(x[X_ENTRY_NS])
        if roi[k, 0] * MINUTE_NS <= elapsed:
            profit, began = roi[k, 1], roi[k, 0] * MINUTE_NS == elapsed and elapsed > 0
    reason = ROI
    if e[E_TAKE] == e[E_TAKE] and not profit <= e[E_TAKE]:
        profit, began, reason = e[E_TAKE], False, TAKE_PROFIT
    takes = _profit(side, best, average) > profit
    if is_hit and not (takes and has_trailed):
        out_reasons[0], out_prices[0] = int(x[X_STOP_REASON]), stop_price
        return True
    if not takes:
        return False
    level = average * (1.0 + side * profit)
    if began and side * (open_ - level) > 0.0:
        level = open_
    out_reasons[0], out_prices[0] = reason, min(max(level, low), high)
    return True


@kernel
def _trail_in_bar(
    x: Floats, e: Floats, side: int, average: float, best: float, worst: float
) -> None:
    stop = x[X_STOP]
    if not (np.isnan(stop) or side * (worst - stop) > 0.0):
        return  # the bar already reaches the stop that it found
    profit = _profit(side, best, average)
    if e[E_ARM] == e[E_ARM] and not profit > e[E_ARM]:
        return
    distance = e[E_TRAIL]
    if e[E_OFFSET] == e[E_OFFSET] and profit > e[E_OFFSET]:
        distance = e[E_AFTER]
    level = best * (1.0 - side * distance)
    if np.isnan(stop) or side * (level - stop) > 0.0:
        x[X_STOP], x[X_STOP_REASON] = level, TRAILING_STOP


@kernel
def _worst_first_stop(e: Floats, side: int, open_: float, worst: float) -> float:
    arm = e[E_ARM] if e[E_ARM] == e[E_ARM] else 0.0
    distance = e[E_TRAIL]
    if e[E_OFFSET] == e[E_OFFSET] and arm > e[E_OFFSET]:
        distance = e[E_AFTER]
    level: float = open_ * (1.0 + side * (arm - distance))
    return max(level, worst) if side > 0 else min(level, worst)
