"""A backtest of one instrument under any terms, row by row; quiet rows are passed over quickly.

A substitute for the Session that books what it books, bit for bit, for an instrument whose every
row is a real bar. The order of a row is that of ``docs/simulation.md``. A row is *quiet* where no
order waits, no exit is reached, no limit is near, and no action, change of rules or due target
lies: there only the price moves, and the best price with it.
"""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.accounting import (
    spendable,
    value_of,
)
from peak_trade.kernels.books import (
    ACT_ROW,
    BORROW,
    F_AVERAGE,
    F_BEFORE,
    F_CASH,
    F_FEES,
    F_LEVELS,
    F_LIQUIDATION,
    F_MARK,
    F_PEAK,
    F_PRICE,
    F_X,
    F_YESTERDAY,
    FINANCING,
    INTEREST,
    N_ACT,
    N_CALLED,
    N_DAY,
    N_FEE_ROW,
    N_FILLED,
    N_FLOWS,
    N_GREW,
    N_HALTED,
    N_HALTED_ROW,
    N_HELD,
    N_LEAVING,
    N_MOVED,
    N_OPENED,
    N_ORDER,
    N_PARTIALS,
    N_REASON,
    N_RUINED,
    N_RULE,
    N_USED,
    N_WAITING,
    N_WANTED,
    REASON_HALT,
    W_BORROW,
    W_CARRIES,
    W_CASH,
    W_EVERY_BAR,
    W_FAVOURABLE,
    W_FLATTEN,
    W_HALTS,
    W_HAS_EXITS,
    W_INTEREST,
    W_LEVERAGE,
    W_LOT,
    W_MAINTENANCE,
    W_MARGIN,
    W_MOVES,
    W_RATE,
    W_REJECT,
    W_REPEATS,
    W_UNIT,
    Acts,
    Bars,
    Charges,
    Exits,
    Fills,
    Flows,
    Room,
    Sizing,
    book,
    find_liquidation,
    forget,
    pay,
    reach,
    take_acts,
    take_fees,
    worse,
)
from peak_trade.kernels.costs import (
    FEES,
    borrow_cost,
    buying_power,
    carry_of,
    scale_to_cash,
)
from peak_trade.kernels.due import react
from peak_trade.kernels.exits import (
    LIQUIDATION,
    STATES,
    TIME_STOP,
    X_ATR,
    X_BARS,
    X_BEST,
    X_ENTRY_NS,
    clear,
    close_bar,
    exits_at_open,
    exits_in_bar,
    is_ambiguous,
    is_stop,
    set_levels,
    set_partials,
)
from peak_trade.kernels.jit import kernel, part
from peak_trade.kernels.limits import (
    LIMIT_DAILY_LOSS,
    PASSED,
    day_of,
    halts,
)
from peak_trade.kernels.quiet import glide
from peak_trade.kernels.simulate import (
    AMBIGUOUS,
    COUNTS,
    FILLED,
    REASON_RUIN,
    REASON_TARGET,
    RUINED,
    SHORTFALL_LOTS,
    SHORTFALLS,
    UNFILLED,
    Rules,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

HALTED, HALTED_ROW, FLOWS_BOOKED = COUNTS + 5, COUNTS + 6, COUNTS + 7
WALK_COUNTS = COUNTS + 8


@kernel
def walk(
    rows: Ints,
    values: Floats,
    start: int,
    stop: int,
    bars: Bars,
    w: Floats,
    rules: Rules,
    charges: Charges,
    exits: Exits,
    sizing: Sizing,
    bounds: Floats,
    acts: Acts,
    state: tuple[Floats, Ints],
    room: Room,
    fills: Fills,
    flows: Flows,
    counts: Ints,
    equity: Floats,
    held: Bools,
) -> int:
    """Trade one instrument whose every row is a real bar, under any terms.

    Parameters
    ----------
    rows, values : (K,) int64, (K,) float64
        Rows whose target is stated anew, ascending, and the targets.
    start, stop : int
        Rows traded.
    bars : tuple of (T,)
        Open, high, low, close, volume (float64), close stamps and fill stamps (int64).
    w : (WALKS,) float64
        Terms by the ``W_*`` positions of ``kernels.books``.
    rules : tuple
        As in ``kernels.simulate.single``.
    charges : tuple
        Slips; half spread, sigma and mean volume, (T,) each or empty; dates, parameters and tiers of
        the fee schedules (``kernels.costs``).
    exits : tuple
        Exits, return on investment, partials (``kernels.exits``), and the ATR (T,) or empty.
    sizing : tuple
        Factors (T,) or empty, the account's part (``kernels.size``), and the rows of the calendar.
    bounds : (LIMITS,) float64
        Limits, by the positions of ``kernels.limits``.
    acts : tuple
        Actions as integers (A, ACT_INTS) and floats (A, 2).
    state : tuple
        Room for the ``F_*`` floats and, P times, partial levels; and for the ``N_*`` integers and,
        P times, partial lots.
    room : tuple
        (P + 1,) int64 twice and float64, to work in.
    fills : (.., BOOK_INTS) int64, (.., BOOK_FLOATS) float64
        Written.
    flows : (.., FLOW_INTS) int64, (..,) float64, (A,) int64
        Written; payments that there is no room for are booked but not kept. The last holds, for
        splits, the number of fills before them, or -1 where no position was held.
    counts : (WALK_COUNTS,) int64
        Written. ``TOO_LARGE`` is row + 1 of a target beyond the books, or -1 - row of one beyond
        what the account may hold; the walk ends there.
    equity, held : (stop - start,) float64, bool
        Written, unless they are empty.

    Returns
    -------
    int
        How many fills there are; -1 where the room for them is too small.
    """
    f, n = state
    _begin(start, bars, w, f, n)
    counts[:] = 0
    counts[HALTED] = counts[HALTED_ROW] = -1
    most = 6 + 3 * len(room[0])
    writes = len(equity) > 0
    open_, high, low, close, volume, time, _ = bars
    rule_rows, ticks = rules[1], rules[2]
    may_glide = not (w[W_CARRIES] > 0.0 or w[W_EVERY_BAR] > 0.0)
    t = start
    while t < stop:
        if n[N_USED] + most > len(fills[0]):
            return -1
        while n[N_RULE] + 1 < len(rule_rows) and rule_rows[n[N_RULE] + 1] <= t:
            n[N_RULE] += 1
        tick = ticks[n[N_RULE]]
        f[F_MARK] = close[t - 1] if t > 0 else np.nan
        has_acts = n[N_ACT] < len(acts[0]) and acts[0][n[N_ACT], ACT_ROW] <= t
        if has_acts:
            take_acts(t, 0, bars, w, tick, charges, acts, f, n, fills, flows)
        if n[N_ORDER] != 0:
            _match_open(t, bars, w, rules, charges, exits, f, n, room, fills, counts)
        elif n[N_HELD] != 0:
            under, over = reach(f, n)
            if open_[t] <= under or open_[t] >= over:
                _exit_at_open(t, bars, w, charges, f, n, room, fills)
                find_liquidation(w, f, n)
        if has_acts:
            take_acts(t, 1, bars, w, tick, charges, acts, f, n, fills, flows)
        if n[N_HELD] != 0:
            under, over = reach(f, n)
            if low[t] <= under or high[t] >= over:
                _exit_inside(t, bars, w, charges, f, n, room, fills, counts)
        if w[W_CARRIES] > 0.0 and t > start:
            _accrue(t, time[t] - time[t - 1], bars, w, f, n, flows)
        lots = n[N_HELD]
        worth = value_of(lots, w[W_UNIT], close[t]) if lots != 0 else 0.0
        now = f[F_CASH] + worth if lots != 0 else f[F_CASH]
        f[F_PEAK] = max(f[F_PEAK], now)
        if writes:
            equity[t - start] = now
            held[t - start] = lots != 0
        if not _stops(t, now, worth, time, w, bounds, f, n):
            if w[W_MOVES] > 0.0 and lots != 0 and n[N_LEAVING] == 0:
                _close_bar(t, bars, exits, tick, f, n)
            if not react(
                t, now, rows, values, close[t], volume, w, rules, sizing, bounds, f, n, counts
            ):
                break
        t += 1
        if may_glide and n[N_ORDER] == 0 and n[N_WAITING] == 0:
            t = glide(
                t, start, stop, rows, bars, w, rules, exits, sizing, bounds, acts, f, n,
                equity, held,
            )  # fmt: skip
    counts[FILLED] = n[N_FILLED]
    counts[UNFILLED] = n[N_ORDER] != 0 and n[N_REASON] == REASON_TARGET
    counts[RUINED] = n[N_RUINED]
    counts[HALTED], counts[HALTED_ROW] = n[N_HALTED], n[N_HALTED_ROW]
    counts[FLOWS_BOOKED] = n[N_FLOWS]
    used: int = n[N_USED]
    return used


@kernel
def _begin(start: int, bars: Bars, w: Floats, f: Floats, n: Ints) -> None:
    n[:] = 0
    f[:] = 0.0
    clear(f[F_X : F_X + STATES], n[N_PARTIALS:])
    f[F_CASH] = f[F_PEAK] = f[F_YESTERDAY] = f[F_BEFORE] = w[W_CASH]
    f[F_LIQUIDATION] = f[F_MARK] = np.nan
    n[N_HALTED] = n[N_HALTED_ROW] = n[N_FEE_ROW] = -1
    n[N_DAY] = day_of(bars[5][start])


# --- fills --------------------------------------------------------------------------------------


@part
def _match_open(
    t: int,
    bars: Bars,
    w: Floats,
    rules: Rules,
    charges: Charges,
    exits: Exits,
    f: Floats,
    n: Ints,
    room: Room,
    fills: Fills,
    counts: Ints,
) -> None:
    """Fill what a row's open fills: what reduces, exits that it has passed, then what increases."""
    open_, when = bars[0][t], bars[6][t]
    order, reason, before = n[N_ORDER], n[N_REASON], n[N_HELD]
    price = worse(open_, order, t, bars, w, charges)
    left = order
    if before != 0 and (before > 0) != (order > 0):
        less = -before if abs(order) >= abs(before) else order
        left = order - less
        book(t, when, 1, less, reason, price, open_, bars, w, charges, f, n, fills)
    if n[N_HELD] != 0:
        under, over = reach(f, n)
        if open_ <= under or open_ >= over:
            _exit_at_open(t, bars, w, charges, f, n, room, fills)
    if n[N_ORDER] != 0 and reason == REASON_TARGET and left != 0:
        _increase(t, left, price, bars, w, rules, charges, f, n, fills, counts)
    n[N_ORDER] = 0
    if n[N_MOVED] != 0 and n[N_HELD] != 0 and w[W_HAS_EXITS] > 0.0:
        _protect(t, bars[5], when, rules, exits, f, n)
    n[N_MOVED] = 0
    find_liquidation(w, f, n)


@part
def _increase(
    t: int,
    lots: int,
    price: float,
    bars: Bars,
    w: Floats,
    rules: Rules,
    charges: Charges,
    f: Floats,
    n: Ints,
    fills: Fills,
    counts: Ints,
) -> None:
    rule = n[N_RULE]
    take_fees(t, bars, w, charges, f, n, fills)
    f[F_PRICE], n[N_WANTED] = price, lots
    prices, wanted = f[F_PRICE : F_PRICE + 1], n[N_WANTED : N_WANTED + 1]
    units, held = w[W_UNIT : W_UNIT + 1], n[N_HELD : N_HELD + 1]
    if w[W_MARGIN] > 0.0:
        pays = buying_power(f[F_CASH], held, units, prices, w[W_LEVERAGE])
    else:
        pays = spendable(f[F_CASH], held, units, prices)
    scale_to_cash(
        wanted, units, w[W_LOT : W_LOT + 1], prices, rules[3][rule : rule + 1],
        rules[4][rule : rule + 1], f[F_FEES : F_FEES + FEES], w[W_LEVERAGE], pays,
        w[W_REJECT] > 0.0, w[W_REPEATS] > 0.0,
    )  # fmt: skip
    filled = n[N_WANTED]
    if filled != lots:
        counts[SHORTFALLS] += 1
        counts[SHORTFALL_LOTS] += abs(lots) - abs(filled)
    if filled != 0:
        book(
            t,
            bars[6][t],
            1,
            filled,
            REASON_TARGET,
            price,
            bars[0][t],
            bars,
            w,
            charges,
            f,
            n,
            fills,
        )


@part
def _protect(t: int, time: Ints, when: int, rules: Rules, exits: Exits, f: Floats, n: Ints) -> None:
    """Set the exits of a position that a market order has opened or changed."""
    e, roi, partials, atr = exits
    rule, held, average = n[N_RULE], n[N_HELD], f[F_AVERAGE]
    x, levels, lots = f[F_X : F_X + STATES], f[F_LEVELS:], n[N_PARTIALS:]
    side = 1 if held > 0 else -1
    passed = 0
    if n[N_OPENED] != 0:
        clear(x, lots)
        x[X_BEST], x[X_ENTRY_NS], x[X_BARS] = average, when, 0.0
        x[X_ATR] = atr[t - 1] if len(atr) > 0 else np.nan
    else:
        passed = time[t - 1] - int(x[X_ENTRY_NS])
    set_levels(x, e, roi, side, average, rules[2][rule], passed)
    if n[N_OPENED] != 0 or n[N_GREW] != 0:
        set_partials(partials, side, held, average, rules[2][rule], rules[3][rule], levels, lots)


@kernel
def _exit_at_open(
    t: int,
    bars: Bars,
    w: Floats,
    charges: Charges,
    f: Floats,
    n: Ints,
    room: Room,
    fills: Fills,
) -> None:
    count = exits_at_open(
        f[F_X : F_X + STATES], f[F_LEVELS:], n[N_PARTIALS:], f[F_LIQUIDATION], n[N_HELD],
        bars[0][t], room[0], room[1], room[2],
    )  # fmt: skip
    _leave(t, count, 1, bars, w, charges, f, n, room, fills)


@part
def _exit_inside(
    t: int,
    bars: Bars,
    w: Floats,
    charges: Charges,
    f: Floats,
    n: Ints,
    room: Room,
    fills: Fills,
    counts: Ints,
) -> None:
    under, over = reach(f, n)
    if bars[0][t] <= under or bars[0][t] >= over:  # what an action or a fill at this open has set
        _exit_at_open(t, bars, w, charges, f, n, room, fills)
    held = n[N_HELD]
    if held == 0:
        return
    x, levels, lots = f[F_X : F_X + STATES], f[F_LEVELS:], n[N_PARTIALS:]
    high, low = bars[1][t], bars[2][t]
    counts[AMBIGUOUS] += is_ambiguous(x, levels, lots, f[F_LIQUIDATION], held, high, low)
    count = exits_in_bar(
        x, levels, lots, f[F_LIQUIDATION], w[W_FAVOURABLE] > 0.0, held, high, low,
        room[0], room[1], room[2],
    )  # fmt: skip
    _leave(t, count, 0, bars, w, charges, f, n, room, fills)


@part
def _leave(
    t: int,
    count: int,
    at_open: int,
    bars: Bars,
    w: Floats,
    charges: Charges,
    f: Floats,
    n: Ints,
    room: Room,
    fills: Fills,
) -> None:
    """Book the exits that a kernel has written to ``room``."""
    when = bars[6][t] if at_open else bars[5][t]
    for k in range(count):
        lots, reason, level = room[0][k], room[1][k], room[2][k]
        price = worse(level, lots, t, bars, w, charges) if is_stop(reason) else level
        book(t, when, at_open, lots, reason, price, level, bars, w, charges, f, n, fills)


# --- the close ----------------------------------------------------------------------------------


@kernel
def _accrue(t: int, dt: int, bars: Bars, w: Floats, f: Floats, n: Ints, flows: Flows) -> None:
    """Borrow cost, interest and financing since the row before."""
    held, when = n[N_HELD], bars[5][t]
    shorts = 0.0
    if held < 0:
        value = value_of(held, w[W_UNIT], bars[3][t])
        shorts += value
        pay(t, when, 0, BORROW, -borrow_cost(value, w[W_BORROW], dt), f, n, flows)
    cash = f[F_CASH]
    free = cash + shorts
    if free > 0.0:
        pay(t, when, -1, INTEREST, carry_of(free, w[W_INTEREST], dt), f, n, flows)
    if cash < 0.0 and w[W_MARGIN] > 0.0:
        pay(t, when, -1, FINANCING, carry_of(cash, w[W_RATE], dt), f, n, flows)


@part
def _close_account(reason: int, n: Ints) -> None:
    if n[N_HELD] != 0 and n[N_ORDER] == 0:
        n[N_ORDER], n[N_REASON] = -n[N_HELD], reason


@part
def _stops(
    t: int, now: float, worth: float, time: Ints, w: Floats, bounds: Floats, f: Floats, n: Ints
) -> bool:
    """Whether the account takes no more targets: ruined, or halted by a limit."""
    if n[N_RUINED] != 0 or now <= 0.0:
        n[N_RUINED] = 1
        _close_account(REASON_RUIN, n)
        return True
    n[N_CALLED] = 0
    if w[W_MARGIN] > 0.0:
        find_liquidation(w, f, n)
        if n[N_HELD] != 0 and now < w[W_MAINTENANCE] * abs(worth):
            _close_account(LIQUIDATION, n)
            n[N_LEAVING] = n[N_CALLED] = 1
    if not w[W_HALTS] > 0.0:
        return False
    if bounds[LIMIT_DAILY_LOSS] < 1.0:
        day = day_of(time[t])
        if day != n[N_DAY]:
            n[N_DAY], f[F_YESTERDAY] = day, f[F_BEFORE]
    f[F_BEFORE] = now
    if n[N_HALTED] == PASSED:
        rule = halts(bounds, now, f[F_PEAK], f[F_YESTERDAY])
        if rule == PASSED:
            return False
        n[N_HALTED], n[N_HALTED_ROW] = rule, t
        forget(f, n)
    if w[W_FLATTEN] > 0.0:
        _close_account(REASON_HALT, n)
    return True


@part
def _close_bar(t: int, bars: Bars, exits: Exits, tick: float, f: Floats, n: Ints) -> None:
    held = n[N_HELD]
    side = 1 if held > 0 else -1
    is_time = close_bar(
        f[F_X : F_X + STATES], exits[0], exits[1], side, f[F_AVERAGE], tick, bars[1][t], bars[2][t],
        bars[5][t],
    )  # fmt: skip
    if is_time:
        n[N_ORDER], n[N_REASON], n[N_LEAVING] = -held, TIME_STOP, 1
