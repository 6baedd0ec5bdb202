"""A compiled order strategy on one instrument: its requests, their fills and its account, in one loop.

A substitute of the Session for what ``engine.compiled`` does not decline; ``docs/orders.md`` says
what orders do. Orders are rows of two tables in the order of acceptance, by the ``O_*`` and ``P_*``
positions; fills are rows by the ``FILL_*`` positions of ``kernels.simulate``.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from peak_trade.kernels import asked as a
from peak_trade.kernels.accounting import cash_after, spendable, value_of
from peak_trade.kernels.costs import fee_at, scale_to_cash, slippage_paid
from peak_trade.kernels.fills import market_price
from peak_trade.kernels.jit import kernel
from peak_trade.kernels.limits import PASSED, day_of, halts
from peak_trade.kernels.match import (
    LIMIT,
    MARKET,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
    best_after,
    goes_up_first,
    limit_price,
    nearer_trigger,
    reaches,
    reducing_lots,
    trades_through,
    trailing_trigger,
    triggers,
    volume_left,
)
from peak_trade.kernels.simulate import (
    FILL_AT_OPEN,
    FILL_BAR,
    FILL_CASH,
    FILL_FEE,
    FILL_INSTRUMENT,
    FILL_LOTS,
    FILL_PRICE,
    FILL_REASON,
    FILL_ROW,
    FILL_SLIPPAGE,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Market = tuple[Floats, Floats, Floats, Floats, Floats]
Account = tuple[Floats, Floats, Floats, Ints]
Book = tuple[Ints, Floats, Ints, Floats]
Booked = tuple[Ints, Floats]

O_SERIAL, O_KIND, O_LOTS, O_LEFT, O_DECIDED, O_FORCE, O_EXPIRES = 0, 1, 2, 3, 4, 5, 6
O_POST, O_REDUCE, O_TAG, O_GROUP, O_PARENT, O_REASON, O_FILLED = 7, 8, 9, 10, 11, 12, 13
O_HAS_COME, O_IS_INSIDE, O_IS_OUT, O_REST, O_IS_AWAKE = 14, 15, 16, 17, 18
ORDER_INTS = 19
P_PRICE, P_LIMIT, P_TRAIL, P_BEST = 0, 1, 2, 3
ORDER_FLOATS = 4

R_UNIT, R_LOT, R_TICK, R_SLIP, R_SHARE = 0, 1, 2, 3, 4
RULES = 5

M_CASH, M_MARK, M_PEAK, M_YESTERDAY, M_EQUITY, M_VOLUME = 0, 1, 2, 3, 4, 5
MONEY = 6

N_HELD, N_OPEN, N_SERIAL, N_FILLS, N_ORDERED, N_FILLED = 0, 1, 2, 3, 4, 5
N_SHORTFALLS, N_SHORTFALL_LOTS, N_RUINED, N_HALTED, N_HALTED_ROW, N_DAY = 6, 7, 8, 9, 10, 11
N_ERROR, N_ERROR_ROW, N_TAKEN, N_MAX_ORDERS, N_TOUCH, N_REJECTS, N_CAN_HALT = range(12, 19)
N_REPEATS, N_ROW, N_AT_OPEN = 19, 20, 21
COUNTS = 22

NO_ERROR, BAD_ROWS, BAD_LOTS, BAD_PRICE, BAD_KIND, TOO_MANY_ORDERS = 0, 1, 2, 3, 4, 5

CAN_HALT, HALT_CLOSES = 1, 2

REASON_RUIN, REASON_HALT, REASON_ORDER = 3, 11, 13

FILLS_OF_A_BAR = 8
"""Fills that one order makes of one bar at most: at its open and on three ways, to flat and beyond."""


@kernel
def run(
    on_bar: Callable[[Floats, Floats, Floats, Floats, Floats, Floats], int],
    state: Floats,
    params: Floats,
    market: Market,
    opened: Ints,
    closed: Ints,
    tradable: Bools,
    start: int,
    row: int,
    stop: int,
    settings: Account,
    book: Book,
    shown: tuple[Floats, Floats, Floats, Floats],
    booked: Booked,
    equity: Floats,
    is_held: Bools,
) -> int:
    """Trade rows from ``row`` up to ``stop``; the first row that is not traded yet.

    It comes back early where ``booked`` may not have room for the fills of one more row, and where
    ``counts[N_ERROR]`` says what the strategy asked for wrongly.

    Parameters
    ----------
    on_bar, state, params
        The compiled strategy (``domain.compiled``).
    market : five (T,) float64
        Opens, highs, lows, closes, volumes.
    opened, closed : (T,) int64
        When bars opened and closed, UTC nanoseconds.
    tradable : (T,) bool
        Rows that are real bars.
    start, row, stop : int
        First row traded, first row of this call, and the row after the last.
    settings : (RULES,), (FEES,), (LIMITS,) float64, (COUNTS,) int64
        The instrument's and the account's rules, and the counts by the ``N_*`` positions.
    book : (K, ORDER_INTS) int64, (K, ORDER_FLOATS) float64, (3,) int64, (MONEY + 4,) float64
        Orders, room to work in, and the money by the ``M_*`` positions.
    shown : (BAR,), (ACCOUNT,), (K, ORDERS), (room, ASKED) float64
        What the strategy is shown, and what it asks for.
    booked : (F, FILL_INTS) int64, (F, FILL_FLOATS) float64
        Fills.
    equity, is_held : (stop - start,) float64, bool
        Equity at each close, and whether anything was held.
    """
    counts, money = settings[3], book[3]
    unit = settings[0][R_UNIT]
    needed = FILLS_OF_A_BAR * (counts[N_MAX_ORDERS] + 1)
    for t in range(row, stop):
        if counts[N_FILLS] + needed > len(booked[0]):
            return t
        is_real = tradable[t]
        if is_real:
            if counts[N_OPEN] > 0:
                _match(t, market, opened[t], closed[t], settings, book, booked)
            money[M_MARK] = market[3][t]
        held, value = counts[N_HELD], money[M_CASH]
        if held != 0:
            value += value_of(held, unit, money[M_MARK])
        equity[t - start], is_held[t - start] = value, held != 0
        if counts[N_RUINED] != 0 or value <= 0.0:
            counts[N_RUINED] = 1
            _close_account(closed[t], REASON_RUIN, counts, book)
            continue
        if counts[N_CAN_HALT] != 0 and _is_halted(t, value, closed[t], settings[2], counts, money):
            counts[N_OPEN] = 0
            if counts[N_CAN_HALT] == HALT_CLOSES:
                _close_account(closed[t], REASON_HALT, counts, book)
            continue
        if not is_real:
            continue
        _show(t, market, closed[t], value, counts, book, shown)
        n = on_bar(state, params, shown[0], shown[1], shown[2], shown[3])
        if n != 0:
            error = _take(shown[3], n, closed[t], settings, book)
            if error != NO_ERROR:
                counts[N_ERROR], counts[N_ERROR_ROW] = error, t
                return t
    return stop


@kernel
def _show(
    t: int,
    market: Market,
    closed_ns: int,
    value: float,
    counts: Ints,
    book: Book,
    shown: tuple[Floats, Floats, Floats, Floats],
) -> None:
    """Write what the strategy sees of a closed bar, its account and its open orders."""
    bar, account, orders, _ = shown
    ints, floats = book[0], book[1]
    bar[a.ROW], bar[a.TIME_S], bar[a.VOLUME] = t, closed_ns * 1e-9, market[4][t]
    bar[a.OPEN], bar[a.HIGH], bar[a.LOW] = market[0][t], market[1][t], market[2][t]
    bar[a.CLOSE] = market[3][t]
    account[a.HELD], account[a.CASH] = counts[N_HELD], book[3][M_CASH]
    account[a.EQUITY], account[a.OPEN_ORDERS] = value, counts[N_OPEN]
    for k in range(counts[N_OPEN]):
        left = ints[k, O_LEFT]
        orders[k, a.ORDER_TAG] = ints[k, O_TAG]
        orders[k, a.ORDER_LEFT] = left if ints[k, O_LOTS] > 0 else -left
        orders[k, a.ORDER_PRICE] = floats[k, P_PRICE]


@kernel
def _is_halted(
    t: int, value: float, closed_ns: int, bounds: Floats, counts: Ints, money: Floats
) -> bool:
    """Whether a loss limit has halted trading, at this close or before."""
    if value > money[M_PEAK]:
        money[M_PEAK] = value
    day = day_of(closed_ns)
    if day != counts[N_DAY]:
        counts[N_DAY], money[M_YESTERDAY] = day, money[M_EQUITY]
    money[M_EQUITY] = value
    if counts[N_HALTED] == PASSED:
        counts[N_HALTED] = halts(bounds, value, money[M_PEAK], money[M_YESTERDAY])
        if counts[N_HALTED] != PASSED:
            counts[N_HALTED_ROW] = t
    return bool(counts[N_HALTED] != PASSED)


@kernel
def _close_account(closed_ns: int, reason: int, counts: Ints, book: Book) -> None:
    """Let one market order that closes the position stand, and no other order."""
    ints, floats = book[0], book[1]
    if counts[N_OPEN] == 1 and ints[0, O_REASON] == reason:
        return
    counts[N_OPEN] = 0
    held = counts[N_HELD]
    if held == 0:
        return
    k = _new_order(MARKET, -held, closed_ns, counts, ints, floats)
    ints[k, O_REASON], ints[k, O_REDUCE] = reason, 1


# --- what is asked for --------------------------------------------------------------------------


@kernel
def _take(asked: Floats, n: int, closed_ns: int, settings: Account, book: Book) -> int:
    """Cancel and accept what ``n`` rows ask for, in their order; an error code or NO_ERROR."""
    rules, counts = settings[0], settings[3]
    tick = rules[R_TICK]
    first = counts[N_SERIAL]
    if n < 0 or n > len(asked):
        return BAD_ROWS
    for r in range(n):
        kind = int(asked[r, a.KIND])
        if kind == a.CANCEL:
            _cancel_tag(int(asked[r, a.TAG]), counts, book[0], book[1])
            continue
        if not 0 <= kind <= a.TAKE_PROFIT or not a.GTC <= asked[r, a.FORCE] <= a.GTD:
            return BAD_KIND
        size = asked[r, a.LOTS]
        if not 0.0 < abs(size) < 9e15 or size != np.floor(size):
            return BAD_LOTS
        if not _are_prices_right(asked, r, kind, tick):
            return BAD_PRICE
        if counts[N_OPEN] + 3 > counts[N_MAX_ORDERS]:
            return TOO_MANY_ORDERS
        if _is_refused(asked, r, kind, counts):
            continue
        _accept(asked, r, kind, closed_ns, first, settings, book)
    return NO_ERROR


@kernel
def _is_refused(asked: Floats, r: int, kind: int, counts: Ints) -> bool:
    """Whether the gate or the venue refuses an order: its fields contradict each other or the book.

    What the gate lets through counts as ordered, and so do legs that the venue refuses for want of
    their parent.
    """
    force, lots, held = asked[r, a.FORCE], int(asked[r, a.LOTS]), counts[N_HELD]
    legs = int(asked[r, a.STOP_LOSS] > 0.0) + int(asked[r, a.PROFIT] > 0.0)
    is_post_only = asked[r, a.POST_ONLY] != 0.0
    if is_post_only and kind != LIMIT:
        if reducing_lots(held, -lots) == -lots:
            counts[N_ORDERED] += legs
        return True
    if asked[r, a.REDUCE_ONLY] != 0.0 and reducing_lots(held, lots) != lots:
        counts[N_ORDERED] += legs
        return True
    is_late = force == a.GTD and np.rint(asked[r, a.EXPIRES_S] * 1e9) <= 0.0
    if is_late or (is_post_only and (force == a.IOC or force == a.FOK)):
        counts[N_ORDERED] += 1 + legs
        return True
    return False


@kernel
def _are_prices_right(asked: Floats, r: int, kind: int, tick: float) -> bool:
    """Whether a row states the prices that its kind needs, above zero and on the tick."""
    needs_price = kind in (LIMIT, STOP, STOP_LIMIT, a.TAKE_PROFIT)
    if needs_price and not _is_on_tick(asked[r, a.PRICE], tick):
        return False
    if kind == STOP_LIMIT and not _is_on_tick(asked[r, a.LIMIT_PRICE], tick):
        return False
    if kind == TRAILING_STOP and not _is_on_tick(asked[r, a.TRAIL], tick):
        return False
    for column in (a.PRICE, a.STOP_LOSS, a.PROFIT):
        price = asked[r, column]
        if price == price and not _is_on_tick(price, tick):
            return False
    return True


@kernel
def _is_on_tick(price: float, tick: float) -> bool:
    if not 0.0 < price < 4e18 * tick:
        return False
    ticks = price / tick
    whole: float = np.rint(ticks)
    return abs(ticks - whole) <= 1e-6 * max(abs(whole), 1.0)


@kernel
def _accept(
    asked: Floats, r: int, kind: int, closed_ns: int, first: int, settings: Account, book: Book
) -> None:
    """Take a request in, with the two legs of its bracket. ``first`` is the batch's first serial."""
    rules, counts = settings[0], settings[3]
    ints, floats = book[0], book[1]
    tick, lots = rules[R_TICK], int(asked[r, a.LOTS])
    k = _new_order(kind, lots, closed_ns, counts, ints, floats)
    parent, tag = ints[k, O_SERIAL], int(asked[r, a.TAG])
    counts[N_ORDERED] += 1
    ints[k, O_FORCE], ints[k, O_TAG] = int(asked[r, a.FORCE]), tag
    if ints[k, O_FORCE] == a.GTD:
        ints[k, O_EXPIRES] = closed_ns + int(np.rint(asked[r, a.EXPIRES_S] * 1e9))
    ints[k, O_POST], ints[k, O_REDUCE] = int(asked[r, a.POST_ONLY]), int(asked[r, a.REDUCE_ONLY])
    group = int(asked[r, a.GROUP])
    ints[k, O_GROUP] = 0 if group == 0 else first * 1000 + group  # a group is one of its batch
    if kind != MARKET and asked[r, a.PRICE] == asked[r, a.PRICE]:
        floats[k, P_PRICE] = a.on_tick(asked[r, a.PRICE], tick)
    if kind == STOP_LIMIT:
        floats[k, P_LIMIT] = a.on_tick(asked[r, a.LIMIT_PRICE], tick)
    if kind == TRAILING_STOP:
        floats[k, P_TRAIL] = a.ticks_of(asked[r, a.TRAIL], tick) * tick
    for column in (a.STOP_LOSS, a.PROFIT):
        price = asked[r, column]
        if price == price:
            leg = STOP if column == a.STOP_LOSS else LIMIT
            j = _new_order(leg, -lots, closed_ns, counts, ints, floats)
            counts[N_ORDERED] += 1
            floats[j, P_PRICE] = a.on_tick(price, tick)
            ints[j, O_LEFT], ints[j, O_PARENT], ints[j, O_REDUCE] = 0, parent, 1
            ints[j, O_IS_AWAKE] = 0
            ints[j, O_GROUP], ints[j, O_TAG] = -parent, tag


@kernel
def _new_order(
    kind: int, lots: int, closed_ns: int, counts: Ints, ints: Ints, floats: Floats
) -> int:
    """Append an order, good till cancelled and without prices; its row."""
    k = counts[N_OPEN]
    counts[N_OPEN] += 1
    counts[N_SERIAL] += 1
    for column in range(ORDER_INTS):
        ints[k, column] = 0
    for column in range(ORDER_FLOATS):
        floats[k, column] = np.nan
    ints[k, O_SERIAL], ints[k, O_KIND] = counts[N_SERIAL], kind
    ints[k, O_LOTS], ints[k, O_LEFT], ints[k, O_REST] = lots, abs(lots), abs(lots)
    ints[k, O_IS_AWAKE] = 1
    ints[k, O_DECIDED], ints[k, O_REASON] = closed_ns, REASON_ORDER
    return int(k)


_GONE = -(2**62)  # what is left of an order that has ended, until it is swept


@kernel
def _cancel_tag(tag: int, counts: Ints, ints: Ints, floats: Floats) -> None:
    """End every order of a tag, or all, and the legs that wait for one of them."""
    for k in range(counts[N_OPEN]):
        if tag == 0 or ints[k, O_TAG] == tag:
            ints[k, O_LEFT] = _GONE
    _sweep(counts, ints, floats)


@kernel
def _sweep(counts: Ints, ints: Ints, floats: Floats) -> None:
    """Take ended orders out; a leg whose parent has ended works for what that has filled."""
    n = counts[N_OPEN]
    for k in range(n):
        if ints[k, O_PARENT] > 0 and ints[k, O_LEFT] != _GONE:
            is_waiting = False
            for j in range(k):
                is_waiting |= ints[j, O_SERIAL] == ints[k, O_PARENT] and ints[j, O_LEFT] != _GONE
            if not is_waiting:
                ints[k, O_PARENT] = -1  # there is no more to come
                ints[k, O_REST] = ints[k, O_LEFT]
            if ints[k, O_REST] <= 0:
                ints[k, O_LEFT] = _GONE
    kept = 0
    for k in range(n):
        if ints[k, O_LEFT] == _GONE:
            continue
        if kept != k:
            for column in range(ORDER_INTS):
                ints[kept, column] = ints[k, column]
            for column in range(ORDER_FLOATS):
                floats[kept, column] = floats[k, column]
        kept += 1
    counts[N_OPEN] = kept


# --- what a bar fills ---------------------------------------------------------------------------


@kernel
def _match(
    t: int,
    market: Market,
    opened_ns: int,
    closed_ns: int,
    settings: Account,
    book: Book,
    booked: Booked,
) -> None:
    """Fill what a bar fills: at its open, then on the way over its extremes to its close."""
    counts, ints = settings[3], book[0]
    open_, high, low, close = market[0][t], market[1][t], market[2][t], market[3][t]
    book[3][M_VOLUME] = market[4][t]
    counts[N_TAKEN], counts[N_ROW], counts[N_AT_OPEN] = 0, t, 1
    _expire(opened_ns, counts, book)
    _at_open(open_, opened_ns, settings, book, booked)
    counts[N_AT_OPEN] = 0
    _expire(closed_ns - 1, counts, book)
    if counts[N_OPEN] == 0:
        return
    for k in range(counts[N_OPEN]):
        ints[k, O_IS_OUT] = ints[k, O_DECIDED] > opened_ns
    up = goes_up_first(counts[N_HELD], open_, high, low)
    _leg(open_, high if up else low, settings, book, booked)
    _leg(high if up else low, low if up else high, settings, book, booked)
    _leg(low if up else high, close, settings, book, booked)
    _trail(high, low, close, settings, book)
    _expire(closed_ns, counts, book)


@kernel
def _expire(now_ns: int, counts: Ints, book: Book) -> None:
    """End the orders whose time has come."""
    ints, found = book[0], False
    for k in range(counts[N_OPEN]):
        if ints[k, O_FORCE] == a.GTD and ints[k, O_EXPIRES] <= now_ns:
            ints[k, O_LEFT] = _GONE
            found = True
    if found:
        _sweep(counts, ints, book[1])


@kernel
def _trail(high: float, low: float, close: float, settings: Account, book: Book) -> None:
    """Move trailing stops to what a bar has reached; one that began inside it saw its close alone."""
    counts, ints, floats = settings[3], book[0], book[1]
    tick = settings[0][R_TICK]
    for k in range(counts[N_OPEN]):
        if ints[k, O_KIND] == TRAILING_STOP and ints[k, O_HAS_COME] != 0:
            side, best = (1 if ints[k, O_LOTS] > 0 else -1), floats[k, P_BEST]
            if ints[k, O_IS_INSIDE] != 0:
                best = best_after(side, best, close, close)
            else:
                best = best_after(side, best, high, low)
            moved = trailing_trigger(side, best, floats[k, P_TRAIL], tick)
            floats[k, P_BEST] = best
            floats[k, P_PRICE] = nearer_trigger(side, floats[k, P_PRICE], moved)
        ints[k, O_IS_INSIDE] = 0


@kernel
def _at_open(open_: float, opened_ns: int, settings: Account, book: Book, booked: Booked) -> None:
    """Let an open meet the orders, in the order of acceptance."""
    rules, counts, ints, floats = settings[0], settings[3], book[0], book[1]
    for k in range(counts[N_OPEN]):
        if ints[k, O_LEFT] <= 0 or ints[k, O_DECIDED] > opened_ns:
            continue
        side, kind = (1 if ints[k, O_LOTS] > 0 else -1), ints[k, O_KIND]
        if ints[k, O_HAS_COME] == 0:
            _arrive(k, open_, settings, book, booked)
        elif kind == MARKET:
            made = market_price(open_, side, rules[R_SLIP])
            _execute(k, made, open_, False, settings, book, booked)
        elif kind == LIMIT:
            limit = floats[k, P_PRICE]
            if reaches(
                side, open_, trades_through(side, limit, rules[R_TICK], counts[N_TOUCH] != 0)
            ):
                made = limit_price(side, limit, open_)
                _execute(k, made, made, True, settings, book, booked)
        elif triggers(kind, side, open_, floats[k, P_PRICE]):
            _trigger(k, open_, settings, book, booked)
    _sweep(counts, ints, floats)


@kernel
def _leg(start: float, end: float, settings: Account, book: Book, booked: Booked) -> None:
    """Fill what the way from one price to another reaches: the nearest first, then as accepted."""
    counts, ints, floats = settings[3], book[0], book[1]
    here = start
    while start != end:
        k, there = _next_on(here, end, settings, book)
        if k < 0:
            break
        here = there
        if ints[k, O_HAS_COME] == 0:
            ints[k, O_IS_INSIDE] = 1
            _arrive(k, here, settings, book, booked)
        elif ints[k, O_KIND] == LIMIT:
            _execute(k, floats[k, P_PRICE], floats[k, P_PRICE], True, settings, book, booked)
        else:
            _trigger(k, here, settings, book, booked)
    _sweep(counts, ints, floats)


@kernel
def _next_on(here: float, end: float, settings: Account, book: Book) -> tuple[int, float]:
    """The order that acts next on the way to ``end``, and where; -1 where none does."""
    rules, counts, ints, floats = settings[0], settings[3], book[0], book[1]
    budget = volume_left(rules[R_SHARE], book[3][M_VOLUME], rules[R_LOT], counts[N_TAKEN])
    found, place, nearest = -1, here, np.inf
    for k in range(counts[N_OPEN]):
        kind = ints[k, O_KIND]
        if ints[k, O_LEFT] <= 0 or ints[k, O_IS_OUT] != 0:
            continue
        if ints[k, O_HAS_COME] == 0:
            if nearest > 0.0:
                found, place, nearest = k, here, 0.0
            continue
        if kind == MARKET or (kind == LIMIT and budget == 0):
            continue
        side, level = (1 if ints[k, O_LOTS] > 0 else -1), floats[k, P_PRICE]
        if kind == LIMIT:
            level = trades_through(side, level, rules[R_TICK], counts[N_TOUCH] != 0)
            is_here, is_on_way = reaches(side, here, level), reaches(side, end, level)
        else:
            is_here, is_on_way = (
                triggers(kind, side, here, level),
                triggers(kind, side, end, level),
            )
        if is_here:
            level = here
        elif not is_on_way:
            continue
        if abs(level - here) < nearest:
            found, place, nearest = k, level, abs(level - here)
    return found, place


@kernel
def _arrive(k: int, price: float, settings: Account, book: Book, booked: Booked) -> None:
    """Let an order reach the market, which is at ``price``."""
    rules, ints, floats = settings[0], book[0], book[1]
    ints[k, O_HAS_COME] = 1
    kind, lots = ints[k, O_KIND], ints[k, O_LOTS]
    side = 1 if lots > 0 else -1
    if kind == MARKET:
        _execute(k, market_price(price, lots, rules[R_SLIP]), price, False, settings, book, booked)
        return
    if kind == LIMIT:
        _arrive_as_limit(k, price, settings, book, booked)
        return
    if kind == TRAILING_STOP:
        floats[k, P_BEST] = price
        if np.isnan(floats[k, P_PRICE]):
            floats[k, P_PRICE] = trailing_trigger(side, price, floats[k, P_TRAIL], rules[R_TICK])
    if triggers(kind, side, price, floats[k, P_PRICE]):
        _trigger(k, price, settings, book, booked)


@kernel
def _arrive_as_limit(k: int, price: float, settings: Account, book: Book, booked: Booked) -> None:
    """Let a limit order reach the market: it trades at once, or rests where it may."""
    ints, floats, lots = book[0], book[1], book[0][k, O_LOTS]
    side = 1 if lots > 0 else -1
    made = market_price(price, lots, settings[0][R_SLIP])
    if reaches(side, made, floats[k, P_PRICE]):
        if ints[k, O_POST] != 0:
            ints[k, O_LEFT] = _GONE
        else:
            _execute(k, made, price, False, settings, book, booked)
    elif ints[k, O_FORCE] == a.IOC or ints[k, O_FORCE] == a.FOK:
        ints[k, O_LEFT] = _GONE


@kernel
def _trigger(k: int, price: float, settings: Account, book: Book, booked: Booked) -> None:
    """Let a triggered order, or what is left of it, meet the market at ``price``."""
    ints, floats, lots = book[0], book[1], book[0][k, O_LOTS]
    if ints[k, O_KIND] == STOP_LIMIT:
        ints[k, O_KIND], floats[k, P_PRICE] = LIMIT, floats[k, P_LIMIT]
        _arrive_as_limit(k, price, settings, book, booked)
        return
    ints[k, O_KIND] = MARKET
    _execute(
        k, market_price(price, lots, settings[0][R_SLIP]), price, False, settings, book, booked
    )


@kernel
def _execute(
    k: int,
    made: float,
    reference: float,
    rests: bool,
    settings: Account,
    book: Book,
    booked: Booked,
) -> None:
    """Fill what may be filled of an order at the price ``made``, and end what may not work on."""
    rules, counts, ints = settings[0], settings[3], book[0]
    side, force = (1 if ints[k, O_LOTS] > 0 else -1), ints[k, O_FORCE]
    most = volume_left(rules[R_SHARE], book[3][M_VOLUME], rules[R_LOT], counts[N_TAKEN])
    size = min(ints[k, O_LEFT], most)
    if size > 0:
        if ints[k, O_REDUCE] != 0:
            size = abs(reducing_lots(counts[N_HELD], side * size))
        paid = abs(_affordable(side * size, made, settings, book)) if size > 0 else 0
        if paid < size:
            counts[N_SHORTFALLS] += 1
            counts[N_SHORTFALL_LOTS] += size - paid
        if size == 0 or (force == a.FOK and paid < abs(ints[k, O_LOTS])):
            ints[k, O_LEFT] = _GONE
            return
        if paid > 0:
            less = reducing_lots(counts[N_HELD], side * paid)
            if less != 0:  # no fill crosses flat
                _write(k, less, made, reference, rests, settings, book, booked)
            if less != side * paid:
                _write(k, side * paid - less, made, reference, rests, settings, book, booked)
            ints[k, O_LEFT] -= paid
            ints[k, O_REST] -= paid
            ints[k, O_FILLED] += paid
            if counts[N_OPEN] > 1:
                _tell(k, paid, counts, ints)
        is_useless = ints[k, O_REDUCE] != 0 and reducing_lots(counts[N_HELD], side) == 0
        if paid < size or ints[k, O_REST] <= 0 or is_useless:
            ints[k, O_LEFT] = _GONE
            return
    if not rests and (force == a.IOC or force == a.FOK):
        ints[k, O_LEFT] = _GONE


@kernel
def _affordable(lots: int, price: float, settings: Account, book: Book) -> int:
    """What cash pays of signed lots at a price: what reduces always, what increases as it can."""
    rules, fees, counts, money = settings[0], settings[1], settings[3], book[3]
    held, unit = counts[N_HELD], rules[R_UNIT]
    less = reducing_lots(held, lots)
    more = lots - less
    if more == 0:
        return lots
    cash = money[M_CASH]
    if less != 0:
        value = value_of(less, unit, price)
        cash = cash_after(cash, value, fee_at(fees, False, less * rules[R_LOT], value))
    work, numbers = book[2], money
    work[0], work[1], work[2] = more, 1, held + less
    numbers[MONEY], numbers[MONEY + 1], numbers[MONEY + 2] = unit, rules[R_LOT], price
    numbers[MONEY + 3] = 0.0
    units, sizes = numbers[MONEY : MONEY + 1], numbers[MONEY + 1 : MONEY + 2]
    prices, minima = numbers[MONEY + 2 : MONEY + 3], numbers[MONEY + 3 : MONEY + 4]
    left = spendable(cash, work[2:3], units, prices)
    scale_to_cash(
        work[0:1], units, sizes, prices, work[1:2], minima, fees, 1.0, left,
        counts[N_REJECTS] != 0, counts[N_REPEATS] != 0,
    )  # fmt: skip
    return int(less + work[0])


@kernel
def _write(
    k: int,
    lots: int,
    price: float,
    reference: float,
    rests: bool,
    settings: Account,
    book: Book,
    booked: Booked,
) -> None:
    """Write a fill and move the money."""
    rules, fees, counts = settings[0], settings[1], settings[3]
    ints, money = book[0], book[3]
    unit, n, t = rules[R_UNIT], counts[N_FILLS], counts[N_ROW]
    value = value_of(lots, unit, price)
    fee = fee_at(fees, rests, lots * rules[R_LOT], value)
    money[M_CASH] = cash_after(money[M_CASH], value, fee)
    counts[N_HELD] += lots
    counts[N_TAKEN] += abs(lots)
    rows, numbers = booked
    rows[n, FILL_ROW], rows[n, FILL_BAR], rows[n, FILL_AT_OPEN] = t, t, counts[N_AT_OPEN]
    rows[n, FILL_INSTRUMENT], rows[n, FILL_LOTS], rows[n, FILL_REASON] = 0, lots, ints[k, O_REASON]
    numbers[n, FILL_PRICE], numbers[n, FILL_FEE], numbers[n, FILL_CASH] = price, fee, money[M_CASH]
    numbers[n, FILL_SLIPPAGE] = slippage_paid(lots, unit, reference, price)
    counts[N_FILLS] += 1
    counts[N_FILLED] += ints[k, O_REASON] == REASON_ORDER


@kernel
def _tell(k: int, size: int, counts: Ints, ints: Ints) -> None:
    """Follow a fill of order ``k``: its rivals lose what it traded, its legs wake, the useless end."""
    serial, group = ints[k, O_SERIAL], ints[k, O_GROUP]
    is_full = ints[k, O_FILLED] >= abs(ints[k, O_LOTS])
    for j in range(counts[N_OPEN]):
        if j == k or ints[j, O_LEFT] == _GONE:
            continue
        if group != 0 and ints[j, O_GROUP] == group:
            cut = min(size, ints[j, O_REST])
            ints[j, O_LEFT] -= cut
            ints[j, O_REST] -= cut
            if is_full or ints[j, O_REST] <= 0:
                ints[j, O_LEFT] = _GONE
                continue
        if ints[j, O_PARENT] == serial:
            ints[j, O_LEFT] += size
            ints[j, O_IS_AWAKE] = 1
        if ints[j, O_REDUCE] != 0 and ints[j, O_IS_AWAKE] != 0:
            side = 1 if ints[j, O_LOTS] > 0 else -1
            if reducing_lots(counts[N_HELD], side) == 0:
                ints[j, O_LEFT] = _GONE
