"""Whole backtests as loops over arrays: one instrument by segments, several row by row.

Both are substitutes for the Session and book the same fills, bit for bit. What happens in a row,
in this order (``docs/simulation.md`` says it in words):

1. market orders that reduce fill at the open, then exits that the open has passed, then increases,
   scaled to what cash pays;
2. exits inside the bar, the adverse extreme first;
3. positions are marked at the close, and a ruined account is closed;
4. targets that changed become market orders for the next bar.

Terms are one float array, by the ``TERM_*`` positions; fills are two arrays, by the ``FILL_*`` ones.
"""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.accounting import (
    MAX_LOTS,
    MAX_WEIGHT,
    average_price,
    cash_after,
    count_due,
    equity_of,
    fee_of,
    gross_weight,
    is_worth_acting,
    scale_increase,
    scale_increases,
    short_claim,
    sized_lots,
    spendable,
    value_of,
)
from peak_trade.kernels.fills import (
    NO_EXIT,
    STOP_LOSS,
    exit_price,
    market_price,
    opens_beyond,
    reaches,
    reaches_both,
    stop_level,
    take_level,
)
from peak_trade.kernels.jit import allocating, kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Market = tuple[Floats, Floats, Floats, Floats]
Rules = tuple[float, Ints, Floats, Ints, Floats]

TERM_CASH, TERM_COMMISSION, TERM_SLIPPAGE, TERM_BUFFER = 0, 1, 2, 3
TERM_MIN_CHANGE, TERM_STOP, TERM_TAKE, TERM_STATED, TERM_REJECT = 4, 5, 6, 7, 8
TERMS = 9

FILL_ROW, FILL_BAR, FILL_AT_OPEN, FILL_INSTRUMENT, FILL_LOTS, FILL_REASON = 0, 1, 2, 3, 4, 5
FILL_INTS = 6
FILL_PRICE, FILL_FEE, FILL_CASH, FILL_SLIPPAGE = 0, 1, 2, 3
FILL_FLOATS = 4

ORDERED, FILLED, SHORTFALLS, SHORTFALL_LOTS, BELOW_MINIMUM, UNFILLED, RUINED, TOO_LARGE = range(8)
AMBIGUOUS = 8
COUNTS = 9

REASON_TARGET = 0  # 1 and 2 are kernels.fills.STOP_LOSS and TAKE_PROFIT
REASON_RUIN = 3

_NEVER = 9_223_372_036_854_775_807

_BLOCK = 128  # rows looked at together before any of them is looked at alone


@kernel
def _sign(value: float) -> int:
    return 1 if value > 0 else (-1 if value < 0 else 0)


@allocating
def _grown(ints: Ints, floats: Floats, used: int) -> tuple[Ints, Floats]:
    if used < len(ints):
        return ints, floats
    more_ints = np.empty((2 * len(ints), FILL_INTS), np.int64)
    more_floats = np.empty((2 * len(ints), FILL_FLOATS))
    more_ints[:used] = ints[:used]
    more_floats[:used] = floats[:used]
    return more_ints, more_floats


@kernel
def _book(
    ints: Ints,
    floats: Floats,
    k: int,
    row: int,
    bar: int,
    at_open: int,
    i: int,
    lots: int,
    reason: int,
    price: float,
    reference: float,
    unit: float,
    commission: float,
    cash: float,
) -> float:
    """Write fill k of instrument i, made at a reference price, and give the cash after it."""
    value = value_of(lots, unit, price)
    fee = fee_of(value, commission)
    after = cash_after(cash, value, fee)
    ints[k, FILL_ROW] = row
    ints[k, FILL_BAR] = bar
    ints[k, FILL_AT_OPEN] = at_open
    ints[k, FILL_INSTRUMENT] = i
    ints[k, FILL_LOTS] = lots
    ints[k, FILL_REASON] = reason
    floats[k, FILL_PRICE] = price
    floats[k, FILL_FEE] = fee
    floats[k, FILL_CASH] = after
    floats[k, FILL_SLIPPAGE] = abs(value - value_of(lots, unit, reference))
    return after


# --- where targets change -----------------------------------------------------------------------


@kernel
def changes_of_words(
    words: npt.NDArray[np.uint64], before: int, row: int, rows: Ints, values: Floats
) -> int:
    """Rows at which a boolean series, seen eight rows to a word, differs from the row before.

    ``before`` is the value (0 or 1) before the first word, ``row`` the first word's first row.
    Writes the rows and the values from there on, and returns how many there are.
    """
    found = 0
    ones = np.uint64(0x0101010101010101)
    last = np.uint64(before)
    for w in range(len(words)):
        word = words[w]
        differs = word ^ ((word << np.uint64(8)) | last)
        last = word >> np.uint64(56)
        while differs != 0:
            lowest = differs & (~differs + np.uint64(1))
            byte = (((lowest - np.uint64(1)) & ones) * ones) >> np.uint64(56)  # set bytes below it
            rows[found] = row + 8 * w + int(byte)
            values[found] = np.float64((word >> (byte << np.uint64(3))) & np.uint64(1))
            found += 1
            differs ^= lowest
    return found


@kernel
def changes_of_bools(
    targets: Bools,
    words: npt.NDArray[np.uint64],
    start: int,
    stop: int,
    rows: Ints,
    values: Floats,
) -> int:
    """Rows of ``start`` to ``stop`` at which a boolean target is due; the first only where True.

    ``words`` is the same memory, eight rows to a word, for as many whole words as there are.
    """
    found = 0
    if start >= stop:
        return 0
    if targets[start]:
        rows[0], values[0] = start, 1.0
        found = 1
    t = start + 1
    while t < stop and t % 8 != 0:
        if targets[t] != targets[t - 1]:
            rows[found], values[found] = t, targets[t]
            found += 1
        t += 1
    if t // 8 < stop // 8:
        first = t // 8
        found += changes_of_words(
            words[first : stop // 8], targets[t - 1], t, rows[found:], values[found:]
        )
        t = stop // 8 * 8
    while t < stop:
        if targets[t] != targets[t - 1]:
            rows[found], values[found] = t, targets[t]
            found += 1
        t += 1
    return found


@kernel
def _count_changes(now: Floats, before: Floats) -> int:
    count = 0
    for i in range(len(now)):
        count += now[i] != before[i]
    return count


@kernel
def changes_of_floats(
    targets: Floats, start: int, stop: int, stated: bool, most: float, rows: Ints, values: Floats
) -> int:
    """Rows of ``start`` to ``stop`` whose target is due, and what it is.

    A target is due where it differs from the last one stated (NaN states nothing), the last one
    before ``start`` counting as flat; with ``stated`` every row that states one is due. Returns the
    number found, or -1 - row where a target is beyond ``most``.
    """
    last = 0.0
    for t in range(start - 1, -1, -1):
        if targets[t] == targets[t]:
            last = targets[t]
            break
    found = 0
    if start < stop:
        now = targets[start]
        states = now == now
        if states:
            last = now
        if last != 0.0 or (stated and states):
            if not abs(last) <= most:
                return -1 - start
            rows[0], values[0] = start, last
            found = 1
    for first in range(start + 1, stop, _BLOCK):
        end = min(first + _BLOCK, stop)
        if not stated and _count_changes(targets[first:end], targets[first - 1 : end - 1]) == 0:
            continue
        for t in range(first, end):
            now = targets[t]
            if now == now and (stated or now != last):
                if not abs(now) <= most:
                    return -1 - t
                rows[found], values[found] = t, now
                found += 1
                last = now
    return found


# --- one instrument, by segments ----------------------------------------------------------------


@kernel
def _any_reach(low: Floats, high: Floats, under: float, over: float) -> int:
    count = 0
    for i in range(len(low)):
        count += (low[i] <= under) | (high[i] >= over)
    return count


@kernel
def _first_exit(
    side: int, high: Floats, low: Floats, first: int, end: int, stop: float, take: float
) -> int:
    """First row of ``first`` to ``end`` whose range reaches a level, or ``end``."""
    if side > 0:
        under = -np.inf if np.isnan(stop) else stop
        over = np.inf if np.isnan(take) else take
    else:
        over = np.inf if np.isnan(stop) else stop
        under = -np.inf if np.isnan(take) else take
    for a in range(first, end, _BLOCK):
        b = min(a + _BLOCK, end)
        if _any_reach(low[a:b], high[a:b], under, over) > 0:
            for t in range(a, b):
                if low[t] <= under or high[t] >= over:
                    return t
    return end


@kernel
def _any_ruin(close: Floats, cash: float, units: float) -> int:
    count = 0
    for i in range(len(close)):
        count += cash + units * close[i] <= 0.0
    return count


@kernel
def _first_ruin(close: Floats, first: int, end: int, cash: float, units: float) -> int:
    """First row of ``first`` to ``end`` at whose close equity is zero or less, or ``end``."""
    if units > 0.0 and cash >= 0.0:
        return end
    for a in range(first, end, _BLOCK):
        b = min(a + _BLOCK, end)
        if _any_ruin(close[a:b], cash, units) > 0:
            for t in range(a, b):
                if cash + units * close[t] <= 0.0:
                    return t
    return end


@kernel
def single(
    market: Market,
    rows: Ints,
    values: Floats,
    stop_row: int,
    terms: Floats,
    rules: Rules,
    counts: Ints,
    ints: Ints,
    floats: Floats,
    prices: Floats,
) -> int:
    """Trade one instrument whose every row is a real bar, from one change of target to the next.

    Parameters
    ----------
    market : tuple of (T,) float64
        Open, high, low and close, quote currency.
    rows, values : (K,) int64, (K,) float64
        Rows whose target is due, ascending, and the targets.
    stop_row : int
        Rows from here on are not traded.
    terms : (TERMS,) float64
        The account's terms.
    rules : tuple
        Value of one lot at a price of 1; then, (R,) each, the first rows of the stretches of order
        rules (the first 0), their ticks, quantity steps in lots, and minimum notionals.
    counts : (COUNTS,) int64
        Written: what became of the orders.
    ints, floats : (at least 3 K + 3, FILL_INTS) int64, (.., FILL_FLOATS) float64
        Written: the fills. A due target books at most a reduction, an increase and their exit.
    prices : (at least K, 2) float64
        Written: the close of each due row and the open of the next.

    Returns
    -------
    int
        How many fills there are.
    """
    open_, high, low, close = market
    unit, rule_rows, rule_ticks, rule_steps, rule_minima = rules
    cash, commission, slippage = terms[TERM_CASH], terms[TERM_COMMISSION], terms[TERM_SLIPPAGE]
    buffer, min_change = terms[TERM_BUFFER], terms[TERM_MIN_CHANGE]
    stop_loss, take_profit = terms[TERM_STOP], terms[TERM_TAKE]
    stated, reject = terms[TERM_STATED] > 0.0, terms[TERM_REJECT] > 0.0
    has_exits = not (np.isnan(stop_loss) and np.isnan(take_profit))
    used = 0
    held = 0
    average = 0.0
    acted = 0.0
    last = 0.0
    latch = 0
    seen = 0  # rows below this one have been searched for exits and ruin
    rule = 0
    stop, take = np.nan, np.nan
    for k in range(len(rows)):  # one after another they would each wait for memory
        prices[k, 0] = close[rows[k]]
        prices[k, 1] = open_[min(rows[k] + 1, len(open_) - 1)]
    j = 0
    while j <= len(rows):
        d = rows[j] if j < len(rows) else stop_row - 1
        ruin = d + 1
        if held == 0 and cash <= 0.0:
            counts[RUINED] = 1
            break
        if held != 0:
            end = d + 1
            leaves = (
                _first_exit(_sign(held), high, low, seen, end, stop, take) if has_exits else end
            )
            ruin = _first_ruin(close, seen, min(leaves, end), cash, held * unit)
            if ruin < leaves:
                d = ruin  # the account is closed before the next change
            elif leaves < end:
                side = _sign(held)
                kind = opens_beyond(side, open_[leaves], stop, take)
                at_open = kind != NO_EXIT
                if at_open:
                    level = open_[leaves]
                else:
                    kind = reaches(side, high[leaves], low[leaves], stop, take)
                    level = stop if kind == STOP_LOSS else take
                    counts[AMBIGUOUS] += reaches_both(side, high[leaves], low[leaves], stop, take)
                price = exit_price(kind, side, level, slippage)
                cash = _book(
                    ints,
                    floats,
                    used,
                    leaves,
                    leaves,
                    at_open,
                    0,
                    -held,
                    kind,
                    price,
                    level,
                    unit,
                    commission,
                    cash,
                )
                used += 1
                held, average, acted = 0, 0.0, 0.0
                latch = side if stated or _sign(last) == side else 0
                seen = leaves
                continue  # the rows from the exit to the change are searched for nothing
        if j == len(rows) and ruin > d:
            break
        seen = d + 1
        if ruin <= d:
            counts[RUINED] = 1
            want = 0
            price_now, price_next = close[d], open_[min(d + 1, len(open_) - 1)]
            reason = REASON_RUIN
        else:
            target, price_now, price_next = values[j], prices[j, 0], prices[j, 1]
            j += 1
            if stated and latch == 0 and target == last:
                continue
            last = target
            if latch != 0:
                if stated or _sign(target) != latch:
                    latch = 0
                else:
                    continue
            while rule + 1 < len(rule_rows) and rule_rows[rule + 1] <= d:
                rule += 1
            step = rule_steps[rule]
            equity = cash + value_of(held, unit, price_now) if held != 0 else cash
            if not is_worth_acting(
                target, acted, equity, buffer, price_now, unit, step, min_change
            ):
                continue
            acted = target
            want = sized_lots(target, equity, buffer, price_now, unit, step)
            if abs(want) >= int(MAX_LOTS):
                counts[TOO_LARGE] = d + 1
                break
            reason = REASON_TARGET
        quantity = want - held
        if quantity == 0:
            if counts[RUINED]:
                break
            continue
        if reason == REASON_TARGET:
            if abs(value_of(quantity, unit, price_now)) < rule_minima[rule]:
                counts[BELOW_MINIMUM] += 1
                continue
            counts[ORDERED] += 1
        f = d + 1
        if f >= stop_row:
            counts[UNFILLED] += reason == REASON_TARGET
            break
        while rule + 1 < len(rule_rows) and rule_rows[rule + 1] <= f:
            rule += 1
        filled = False
        if held != 0 and (held > 0) != (quantity > 0):
            less = -held if abs(quantity) >= abs(held) else quantity
            price = market_price(price_next, less, slippage)
            cash = _book(
                ints,
                floats,
                used,
                f,
                f,
                1,
                0,
                less,
                reason,
                price,
                price_next,
                unit,
                commission,
                cash,
            )
            used += 1
            average = average_price(held, average, less, price)
            held += less
            quantity -= less
            filled = True
        if reason == REASON_RUIN:
            break
        if has_exits and held != 0:
            side = _sign(held)
            kind = opens_beyond(side, price_next, stop, take)
            if kind != NO_EXIT:
                price = exit_price(kind, side, price_next, slippage)
                cash = _book(
                    ints,
                    floats,
                    used,
                    f,
                    f,
                    1,
                    0,
                    -held,
                    kind,
                    price,
                    price_next,
                    unit,
                    commission,
                    cash,
                )
                used += 1
                held, average, acted = 0, 0.0, 0.0
                latch = side if stated or _sign(last) == side else 0
                quantity = 0
        if quantity != 0:
            price = market_price(price_next, quantity, slippage)
            asked = quantity
            left = cash + short_claim(held, unit, price)
            quantity = scale_increase(
                asked, unit, price, rule_steps[rule], rule_minima[rule], commission, left, reject
            )
            if quantity != asked:
                counts[SHORTFALLS] += 1
                counts[SHORTFALL_LOTS] += abs(asked) - abs(quantity)
            if quantity != 0:
                cash = _book(
                    ints,
                    floats,
                    used,
                    f,
                    f,
                    1,
                    0,
                    quantity,
                    reason,
                    price,
                    price_next,
                    unit,
                    commission,
                    cash,
                )
                used += 1
                average = average_price(held, average, quantity, price)
                held += quantity
                filled = True
        counts[FILLED] += filled
        if has_exits and filled and held != 0:
            stop = stop_level(average, _sign(held), stop_loss, rule_ticks[rule])
            take = take_level(average, _sign(held), take_profit, rule_ticks[rule])
    return used


# --- several instruments, row by row ------------------------------------------------------------


@kernel
def bar_opening(
    time: Ints, fill_time: Ints, tradable: Bools, aligned: bool, instrument: int, row: int
) -> int:
    """Row of the instrument's bar whose order prices are known by the close of ``row``, or -1.

    That is its bar of this row, or one that closes later and has opened before this row closes.
    """
    bar = row if aligned else next_bar(tradable, instrument, row)
    if bar >= len(tradable) or not tradable[bar, instrument]:
        return -1
    return bar if bar == row or fill_time[bar, instrument] < time[row] else -1


@kernel
def opens_since(time: Ints, fill_time: Ints, instrument: int, bar: int, row: int) -> bool:
    """Whether a bar has opened since the close of the row before ``row``."""
    return row == 0 or fill_time[bar, instrument] >= time[row - 1]


@kernel
def next_bar(tradable: Bools, instrument: int, row: int) -> int:
    """First row from ``row`` on at which the instrument has a real bar, or the number of rows."""
    for t in range(row, len(tradable)):
        if tradable[t, instrument]:
            return t
    return len(tradable)


@kernel
def _leave(
    ints: Ints,
    floats: Floats,
    used: int,
    row: int,
    bar: int,
    at_open: int,
    i: int,
    kind: int,
    level: float,
    slippage: float,
    commission: float,
    cash: float,
    units: Floats,
    held: Ints,
    average: Floats,
    acted: Floats,
    last: Floats,
    latch: Ints,
    stated: bool,
) -> float:
    """Close an instrument's position by an exit, and latch it; returns the cash after it."""
    side = _sign(held[i])
    price = exit_price(kind, side, level, slippage)
    cash = _book(
        ints,
        floats,
        used,
        row,
        bar,
        at_open,
        i,
        -held[i],
        kind,
        price,
        level,
        units[i],
        commission,
        cash,
    )
    held[i], average[i], acted[i] = 0, 0.0, 0.0
    latch[i] = side if stated or _sign(last[i]) == side else 0
    return cash


@allocating
def panel(
    time: Ints,
    fill_time: Ints,
    open_: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    tradable: Bools,
    aligned: bool,
    targets: Floats,
    start: int,
    stop_row: int,
    terms: Floats,
    units: Floats,
    rule_rows: Ints,
    rule_ticks: Floats,
    rule_steps: Ints,
    rule_minima: Floats,
    counts: Ints,
    equity_out: Floats,
    held_out: Bools,
) -> tuple[Ints, Floats, int, Ints]:
    """Trade any number of instruments with any calendars, row by row.

    Parameters
    ----------
    time, fill_time : (T,), (T, N) int64
        Close stamps of the rows, and when market orders fill on each bar; UTC nanoseconds.
    open_, high, low, close : (T, N) float64
        Prices in quote currency.
    tradable : (T, N) bool
        Real bars.
    aligned : bool
        Whether every bar opens at or after the close of the row before.
    targets : (T, N) float64
        Signed fractions of equity; NaN: the last one stands.
    start, stop_row : int
        Rows traded.
    terms, counts
        As in ``single``.
    units : (N,) float64
        Value of one lot at a price of 1.
    rule_rows, rule_ticks, rule_steps, rule_minima : (R,), (R, N), (R, N), (R, N)
        Order rules and the rows they hold from.
    equity_out, held_out : (stop_row - start,) float64, bool
        Written: equity at each close, and whether any position was open.

    Returns
    -------
    tuple
        Fill integers, fill floats, how many rows of them count, and lots at the end (N,).
        ``counts[TOO_LARGE]`` is 1 + the row of a position that the books cannot hold, or
        -1 - the row whose targets add up to more than 1.
    """
    cash, commission, slippage = terms[TERM_CASH], terms[TERM_COMMISSION], terms[TERM_SLIPPAGE]
    buffer, min_change = terms[TERM_BUFFER], terms[TERM_MIN_CHANGE]
    stop_loss, take_profit = terms[TERM_STOP], terms[TERM_TAKE]
    stated, reject = terms[TERM_STATED] > 0.0, terms[TERM_REJECT] > 0.0
    has_exits = not (np.isnan(stop_loss) and np.isnan(take_profit))
    width = close.shape[1]
    ints = np.empty((1024, FILL_INTS), np.int64)
    floats = np.empty((1024, FILL_FLOATS))
    used = 0
    held = np.zeros(width, np.int64)
    average = np.zeros(width)
    last = np.zeros(width)
    acted = np.zeros(width)
    latch = np.zeros(width, np.int64)
    waiting = np.zeros(width, np.bool_)  # due, but without a price yet
    working = np.zeros(width, np.int64)  # lots of the market order that waits for its bar
    working_since = np.zeros(width, np.int64)
    is_ruin = False
    n_working = 0
    n_waiting = 0
    n_held = 0
    mark = np.full(width, np.nan)
    stop, take = np.full(width, np.nan), np.full(width, np.nan)
    fills_now = np.zeros(width, np.int64)  # bar whose price fills the working order now, or -1
    wanted = np.zeros(width, np.int64)
    price_now = np.zeros(width)
    opens_now = np.zeros(width, np.int64)  # bar that opens now, or -1
    moved = np.zeros(width, np.bool_)
    rule = 0
    for t in range(start):
        for i in range(width):
            if targets[t, i] == targets[t, i]:
                last[i] = targets[t, i]
    for i in range(width):
        for t in range(start - 1, -1, -1):
            if tradable[t, i]:
                mark[i] = close[t, i]
                break
        if start < stop_row and last[i] != 0.0:
            waiting[i] = True
            n_waiting += 1
    for t in range(start, stop_row):
        while rule + 1 < len(rule_rows) and rule_rows[rule + 1] <= t:
            rule += 1
        # 1. market orders at their opens, instant by instant
        if n_working > 0 or (has_exits and n_held > 0):
            n_now = 0
            for i in range(width):
                fills_now[i], opens_now[i] = -1, -1
                if working[i] == 0 and not (has_exits and held[i] != 0):
                    continue
                bar = bar_opening(time, fill_time, tradable, aligned, i, t)
                if bar < 0:
                    continue
                if working[i] != 0 and fill_time[bar, i] >= working_since[i]:
                    fills_now[i] = bar
                if fills_now[i] >= 0 or opens_since(time, fill_time, i, bar, t):
                    opens_now[i] = bar
                    n_now += 1
            while n_now > 0:
                instant = _NEVER
                for i in range(width):
                    if opens_now[i] >= 0:
                        instant = min(instant, fill_time[opens_now[i], i])
                for i in range(width):  # market orders that reduce
                    wanted[i], moved[i] = 0, False
                    price_now[i] = mark[i]
                    if fills_now[i] >= 0 and fill_time[fills_now[i], i] == instant:
                        bar = fills_now[i]
                        price_now[i] = market_price(open_[bar, i], working[i], slippage)
                        wanted[i] = working[i]
                        if held[i] != 0 and (held[i] > 0) != (working[i] > 0):
                            whole = abs(working[i]) >= abs(held[i])
                            less = -held[i] if whole else working[i]
                            price = price_now[i]
                            ints, floats = _grown(ints, floats, used)
                            reason = REASON_RUIN if is_ruin else REASON_TARGET
                            cash = _book(
                                ints,
                                floats,
                                used,
                                t,
                                bar,
                                1,
                                i,
                                less,
                                reason,
                                price,
                                open_[bar, i],
                                units[i],
                                commission,
                                cash,
                            )
                            used += 1
                            average[i] = average_price(held[i], average[i], less, price)
                            held[i] += less
                            n_held -= held[i] == 0
                            wanted[i] -= less
                            counts[FILLED] += not is_ruin
                            moved[i] = True
                if has_exits:
                    for i in range(width):  # exits that the open has passed
                        bar = opens_now[i]
                        if held[i] == 0 or bar < 0 or fill_time[bar, i] != instant:
                            continue
                        kind = opens_beyond(_sign(held[i]), open_[bar, i], stop[i], take[i])
                        if kind != NO_EXIT:
                            ints, floats = _grown(ints, floats, used)
                            cash = _leave(
                                ints, floats, used, t, bar, 1, i, kind, open_[bar, i], slippage,
                                commission, cash, units, held, average, acted, last, latch, stated,
                            )  # fmt: skip
                            used += 1
                            n_held -= 1
                            wanted[i] = 0
                            n_working -= working[i] != 0
                            working[i], fills_now[i] = 0, -1
                asked = 0
                for i in range(width):
                    asked += abs(wanted[i])
                if asked > 0:  # increases, scaled to what cash pays
                    left = spendable(cash, held, units, price_now)
                    steps, minima = rule_steps[rule], rule_minima[rule]
                    before = wanted.copy()
                    scale_increases(
                        wanted, units, price_now, steps, minima, commission, left, reject
                    )
                    for i in range(width):
                        if before[i] == 0:
                            continue
                        if wanted[i] != before[i]:
                            counts[SHORTFALLS] += 1
                            counts[SHORTFALL_LOTS] += abs(before[i]) - abs(wanted[i])
                        if wanted[i] != 0:
                            price = price_now[i]
                            ints, floats = _grown(ints, floats, used)
                            cash = _book(
                                ints,
                                floats,
                                used,
                                t,
                                fills_now[i],
                                1,
                                i,
                                wanted[i],
                                REASON_TARGET,
                                price,
                                open_[fills_now[i], i],
                                units[i],
                                commission,
                                cash,
                            )
                            used += 1
                            average[i] = average_price(held[i], average[i], wanted[i], price)
                            n_held += held[i] == 0
                            held[i] += wanted[i]
                            counts[FILLED] += before[i] == working[i]
                            moved[i] = True
                for i in range(width):
                    bar = opens_now[i]
                    if bar < 0 or fill_time[bar, i] != instant:
                        continue
                    opens_now[i] = -1
                    n_now -= 1
                    if fills_now[i] < 0:
                        continue
                    n_working -= 1
                    working[i] = 0
                    if has_exits and moved[i] and held[i] != 0:
                        side, tick = _sign(held[i]), rule_ticks[rule, i]
                        stop[i] = stop_level(average[i], side, stop_loss, tick)
                        take[i] = take_level(average[i], side, take_profit, tick)
                        kind = opens_beyond(side, open_[bar, i], stop[i], take[i])
                        if kind != NO_EXIT and bar > t:  # else it is found inside its own row
                            ints, floats = _grown(ints, floats, used)
                            cash = _leave(
                                ints, floats, used, t, bar, 1, i, kind, open_[bar, i], slippage,
                                commission, cash, units, held, average, acted, last, latch, stated,
                            )  # fmt: skip
                            used += 1
                            n_held -= 1
        # 2. exits inside the bar
        if has_exits and n_held > 0:
            for i in range(width):
                if held[i] == 0 or not tradable[t, i]:
                    continue
                side = _sign(held[i])
                kind = opens_beyond(side, open_[t, i], stop[i], take[i])
                at_open = kind != NO_EXIT
                level = open_[t, i]
                if not at_open:
                    kind = reaches(side, high[t, i], low[t, i], stop[i], take[i])
                    level = stop[i] if kind == STOP_LOSS else take[i]
                    counts[AMBIGUOUS] += reaches_both(side, high[t, i], low[t, i], stop[i], take[i])
                if kind != NO_EXIT:
                    ints, floats = _grown(ints, floats, used)
                    cash = _leave(
                        ints, floats, used, t, t, at_open, i, kind, level, slippage,
                        commission, cash, units, held, average, acted, last, latch, stated,
                    )  # fmt: skip
                    used += 1
                    n_held -= 1
                    n_working -= working[i] != 0
                    working[i] = 0
        # 3. marks, equity, ruin
        for i in range(width):
            mark[i] = close[t, i] if tradable[t, i] else mark[i]
        equity = equity_of(cash, held, units, mark) if n_held > 0 else cash
        equity_out[t - start] = equity
        held_out[t - start] = n_held > 0
        if not is_ruin and equity <= 0.0:
            is_ruin = True
            counts[RUINED] = 1
            for i in range(width):
                if working[i] != 0:
                    working[i] = 0
                    n_working -= 1
        if is_ruin:
            for i in range(width):
                if held[i] != 0 and working[i] == 0:
                    working[i] = -held[i]
                    working_since[i] = time[t]
                    n_working += 1
            continue
        # 4. targets that are due
        row = targets[t]
        if not stated and n_waiting == 0 and count_due(row, last) == 0:
            continue
        for i in range(width):
            states = row[i] == row[i]
            is_due = states and (row[i] != last[i] or (stated and latch[i] != 0))
            if is_due and not waiting[i]:
                waiting[i] = True
                n_waiting += 1
            if states:
                last[i] = row[i]
        if not gross_weight(last) <= MAX_WEIGHT:
            counts[TOO_LARGE] = -1 - t
            break
        for i in range(width):
            if not waiting[i] or np.isnan(mark[i]):
                continue
            waiting[i] = False
            n_waiting -= 1
            target = last[i]
            if latch[i] != 0:
                if _sign(target) != latch[i] or (stated and row[i] == row[i]):
                    latch[i] = 0
                else:
                    continue
            step = rule_steps[rule, i]
            if not is_worth_acting(
                target, acted[i], equity, buffer, mark[i], units[i], step, min_change
            ):
                continue
            acted[i] = target
            want = sized_lots(target, equity, buffer, mark[i], units[i], step)
            if abs(want) >= int(MAX_LOTS):
                counts[TOO_LARGE] = t + 1
                return ints, floats, used, held
            quantity = want - held[i] - working[i]
            if quantity == 0:
                continue
            if abs(value_of(quantity, units[i], mark[i])) < rule_minima[rule, i]:
                counts[BELOW_MINIMUM] += 1
                continue
            counts[ORDERED] += 1
            n_working += working[i] == 0
            working[i] += quantity
            working_since[i] = time[t]
            n_working -= working[i] == 0
    for i in range(width):
        counts[UNFILLED] += working[i] != 0 and not is_ruin
    return ints, floats, used, held
