"""Rows of a walk in which only the price moves, and the best price with it, passed over quickly.

A row is quiet where no order waits, no exit is reached, no limit is near, and no action, change of
rules or due target lies. Nothing is decided here: a row that may not be quiet is left to the walk.
"""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.books import (
    ACT_ROW,
    F_AVERAGE,
    F_BEFORE,
    F_CASH,
    F_PEAK,
    F_X,
    F_YESTERDAY,
    N_ACT,
    N_DAY,
    N_DUE,
    N_HALTED,
    N_HELD,
    N_LEAVING,
    N_LOOK,
    N_RUINED,
    N_RULE,
    W_MAINTENANCE,
    W_MOVES,
    W_UNIT,
    Acts,
    Bars,
    Exits,
    Sizing,
    reach,
)
from peak_trade.kernels.exits import (
    E_BREAK_EVEN,
    E_MAX_BARS,
    E_OFFSET,
    E_TRAIL,
    E_TRAIL_ATR,
    MINUTE_NS,
    STATES,
    X_ATR,
    X_BARS,
    X_BEST,
    X_ENTRY_NS,
    trail,
)
from peak_trade.kernels.jit import extreme, part
from peak_trade.kernels.limits import (
    DAY_NS,
    LIMIT_DAILY_LOSS,
    LIMIT_DRAWDOWN,
    PASSED,
)
from peak_trade.kernels.simulate import (
    Rules,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_NEVER = 9_223_372_036_854_775_807
_BLOCK = 16  # rows looked at together before any of them is looked at alone
_NEAR = 1e-9  # a loss this close to its limit is looked at exactly


@part
def glide(
    t: int,
    start: int,
    stop: int,
    rows: Ints,
    bars: Bars,
    w: Floats,
    rules: Rules,
    exits: Exits,
    sizing: Sizing,
    bounds: Floats,
    acts: Acts,
    f: Floats,
    n: Ints,
    equity: Floats,
    held: Bools,
) -> int:
    """Pass over quiet rows from row t on; the first one that is not, or ``stop``."""
    until = stop
    takes = n[N_RUINED] == 0 and n[N_HALTED] == PASSED
    if takes and n[N_DUE] < len(rows):
        until = min(until, rows[n[N_DUE]])
    if takes and n[N_LOOK] < len(sizing[2]):
        until = min(until, _next_of(sizing[2], n, t))
    if n[N_ACT] < len(acts[0]):
        until = min(until, acts[0][n[N_ACT], ACT_ROW])
    if until <= t:
        return t
    if n[N_HELD] == 0:
        if len(equity) > 0:
            equity[t - start : until - start] = f[F_CASH]
            held[t - start : until - start] = False
        return until
    if n[N_RULE] + 1 < len(rules[1]):
        until = min(until, rules[1][n[N_RULE] + 1])
    follows = takes and w[W_MOVES] > 0.0 and n[N_LEAVING] == 0
    if follows and exits[0][E_MAX_BARS] == exits[0][E_MAX_BARS]:
        until = min(until, t + int(exits[0][E_MAX_BARS] - f[F_X + X_BARS]) - 1)
    if until <= t:
        return t
    reached = _glide_held(
        t, until, start, follows, takes, bars, w, rules, exits, bounds, f, n, equity
    )
    if len(equity) > 0:
        held[t - start : reached - start] = True
    if follows:
        f[F_X + X_BARS] += reached - t
    return reached


@part
def _next_of(looks: Ints, n: Ints, t: int) -> int:
    while n[N_LOOK] < len(looks) and looks[n[N_LOOK]] < t:
        n[N_LOOK] += 1
    return looks[n[N_LOOK]] if n[N_LOOK] < len(looks) else _NEVER


@part
def _wakes(
    time: Ints, t: int, follows: bool, exits: Exits, bounds: Floats, f: Floats, n: Ints
) -> int:
    """The first time at which the clock alone matters: a new day, or a return that suffices then."""
    wake = _NEVER
    if bounds[LIMIT_DAILY_LOSS] < 1.0:
        wake = (n[N_DAY] + 1) * DAY_NS + 1
    if follows:
        roi, entry = exits[1], int(f[F_X + X_ENTRY_NS])
        for k in range(len(roi)):
            after = roi[k, 0] * MINUTE_NS
            if after > time[t - 1] - entry and after < 4e18:
                wake = min(wake, entry + int(after) - 4096)  # early rather than late
    return wake


@part
def _floor(takes: bool, bounds: Floats, peak: float, yesterday: float) -> float:
    """Equity above this is far from every limit on losses; 0 or more."""
    floor = 0.0
    if takes and bounds[LIMIT_DRAWDOWN] < 1.0:
        floor = max(floor, peak * (1.0 - bounds[LIMIT_DRAWDOWN] + _NEAR))
    if takes and bounds[LIMIT_DAILY_LOSS] < 1.0:
        floor = max(floor, yesterday * (1.0 - bounds[LIMIT_DAILY_LOSS] + _NEAR))
    return floor


@part
def _glide_held(
    t: int,
    until: int,
    start: int,
    follows: bool,
    takes: bool,
    bars: Bars,
    w: Floats,
    rules: Rules,
    exits: Exits,
    bounds: Floats,
    f: Floats,
    n: Ints,
    equity: Floats,
) -> int:
    _, high, low, close, _, time, _ = bars
    wake = _wakes(time, t, follows, exits, bounds, f, n)
    has_clock, writes = wake < _NEVER, len(equity) > 0
    e, side = exits[0], 1 if n[N_HELD] > 0 else -1
    cash, units, maintenance = f[F_CASH], n[N_HELD] * w[W_UNIT], w[W_MAINTENANCE]
    x, tick, average = f[F_X : F_X + STATES], rules[2][n[N_RULE]], f[F_AVERAGE]
    under, over = reach(f, n)
    best = x[X_BEST] if follows else side * np.inf
    waits = np.isnan(e[E_BREAK_EVEN]) and np.isnan(
        e[E_OFFSET]
    )  # levels follow the best price alone
    is_behind = False
    peak, now = f[F_PEAK], f[F_BEFORE]
    floor = _floor(takes, bounds, peak, f[F_YESTERDAY])
    extremes = high if side > 0 else low
    row = looked = t
    while row < until:
        end = row + _BLOCK
        if row >= looked and end <= until and not (has_clock and time[end - 1] >= wake):
            looked = end  # a block that is not quiet is passed row by row
            lowest, highest, cheapest, dearest = _extremes(
                high[row:end], low[row:end], close[row:end]
            )
            top, lower, upper = best, under, over
            leads = highest > best if side > 0 else lowest < best
            if leads and waits:
                top = highest if side > 0 else lowest
                lower, upper = _nearest(e, x[X_ATR], side, top, tick, under, over)
            worst = units * (cheapest if side > 0 else dearest)
            most = max(peak, cash + units * (dearest if side > 0 else cheapest))
            least = _floor(takes, bounds, most, f[F_YESTERDAY])
            least = max(least, (maintenance + _NEAR) * abs(worst) if maintenance > 0.0 else 0.0)
            if (waits or not leads) and lowest > lower and highest < upper and cash + worst > least:
                is_behind = is_behind or leads
                best, under, over, peak = top, lower, upper, most
                floor = _floor(takes, bounds, peak, f[F_YESTERDAY])
                if writes:
                    _value(close[row:end], cash, units, equity[row - start : end - start])
                now = cash + units * close[end - 1]
                row = end
                continue
        if low[row] <= under or high[row] >= over:
            if is_behind:
                x[X_BEST], is_behind = best, False
                trail(x, e, side, average, tick)
                under, over = reach(f, n)
            if low[row] <= under or high[row] >= over:
                break
        if has_clock and time[row] >= wake:
            break
        worth = units * close[row]
        value = cash + worth
        if value <= floor or value < maintenance * abs(worth):
            break
        now = value
        if now > peak:
            peak = now
            floor = _floor(takes, bounds, peak, f[F_YESTERDAY])
        if writes:
            equity[row - start] = now
        if side * (extremes[row] - best) > 0.0:
            best = extremes[row]
            if waits:
                is_behind = True
                under, over = _nearest(e, x[X_ATR], side, best, tick, under, over)
            else:
                x[X_BEST] = best
                trail(x, e, side, average, tick)
                under, over = reach(f, n)
        row += 1
    if is_behind:
        x[X_BEST] = best
        trail(x, e, side, average, tick)
    f[F_PEAK], f[F_BEFORE] = peak, now
    return row


@extreme
def _extremes(high: Floats, low: Floats, close: Floats) -> tuple[float, float, float, float]:
    """Lowest low, highest high, lowest and highest close of a block."""
    lowest, highest, cheapest, dearest = low[0], high[0], close[0], close[0]
    for i in range(_BLOCK):
        lowest, highest = min(lowest, low[i]), max(highest, high[i])
        cheapest, dearest = min(cheapest, close[i]), max(dearest, close[i])
    return lowest, highest, cheapest, dearest


@part
def _value(close: Floats, cash: float, units: float, equity: Floats) -> None:
    for i in range(len(close)):
        equity[i] = cash + units * close[i]


@part
def _nearest(
    e: Floats, atr: float, side: int, best: float, tick: float, under: float, over: float
) -> tuple[float, float]:
    """Where the stop may lie that follows a best price: there, or further away."""
    distance = best * e[E_TRAIL] if e[E_TRAIL] == e[E_TRAIL] else e[E_TRAIL_ATR] * atr
    if np.isnan(distance):
        return under, over
    price = best - side * (distance - 1e-6 * tick - 1e-12 * best)
    return (max(under, price), over) if side > 0 else (under, min(over, price))
