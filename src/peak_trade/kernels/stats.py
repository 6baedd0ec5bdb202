"""Sums over equity curves and fills, from which statistics follow."""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.accounting import value_of
from peak_trade.kernels.jit import allocating, kernel, reduction
from peak_trade.kernels.simulate import (
    FILL_CASH,
    FILL_LOTS,
    FILL_ROW,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

RETURNS, SUM, SQUARES, DOWNSIDE, DRAWDOWN, EQUITY_SUM, ROWS, HELD_ROWS, FINAL = range(9)
SUMS = 9
"""Positions in the array that ``sums_of_equity`` and ``sums_of_fills`` write: number of returns,
their sum, sum of squares and sum of squares below zero; deepest drawdown (negative); sum of equity
over rows; rows; rows with a position; last equity."""

CLOSED, WINS, FEES, NOTIONAL, OPEN = range(5)
TRADE_SUMS = 5


@kernel
def equity_of_fills(
    ints: Ints,
    floats: Floats,
    close: Floats,
    unit: float,
    cash: float,
    start: int,
    equity: Floats,
    held: Bools,
) -> int:
    """Write equity and whether a position was open at each close of one instrument's run.

    ``equity`` and ``held`` have one element a traded row, the first being row ``start``. Returns
    the lots at the end.
    """
    lots = 0
    row = start
    stop = start + len(equity)
    for k in range(len(ints) + 1):
        end = ints[k, FILL_ROW] if k < len(ints) else stop
        if end > row:
            span = equity[row - start : end - start]
            held[row - start : end - start] = lots != 0
            if lots == 0:
                span[:] = cash
            else:
                units = lots * unit
                prices = close[row:end]
                for i in range(len(span)):
                    span[i] = cash + units * prices[i]
            row = end
        if k < len(ints):
            lots += ints[k, FILL_LOTS]
            cash = floats[k, FILL_CASH]
    return lots


@reduction
def _returns(now: Floats, before: Floats, real: Bools) -> tuple[int, float, float, float]:
    count, total, squares, downside = 0, 0.0, 0.0, 0.0
    for i in range(len(now)):
        r = now[i] / before[i] - 1.0 if before[i] > 0.0 else 0.0
        down = min(r, 0.0)
        count += real[i]
        total += r
        squares += r * r
        downside += down * down
    return count, total, squares, downside


@reduction
def _total(values: Floats) -> float:
    total = 0.0
    for i in range(len(values)):
        total += values[i]
    return total


@kernel
def deepest_drawdown(equity: Floats, peak: float) -> float:
    """Smallest equity / running peak - 1 (0 or negative), the peak starting at ``peak``."""
    deepest = 0.0
    for i in range(len(equity)):
        peak = max(peak, equity[i])
        if equity[i] < peak:
            deepest = min(deepest, equity[i] / peak - 1.0)
    return deepest


@kernel
def sums_of_equity(equity: Floats, real: Bools, held: Bools, cash: float, sums: Floats) -> None:
    """Write ``SUMS`` sums of an equity curve; ``real`` marks rows with a real bar (T,)."""
    count, total, squares, downside = _returns(equity[1:], equity[:-1], real[1:])
    sums[RETURNS], sums[SUM], sums[SQUARES], sums[DOWNSIDE] = count, total, squares, downside
    sums[DRAWDOWN] = deepest_drawdown(equity, cash)
    sums[EQUITY_SUM] = _total(equity)
    sums[ROWS] = len(equity)
    sums[HELD_ROWS] = held.sum()
    sums[FINAL] = equity[-1]


@reduction
def _stretch(
    now: Floats, before: Floats, cash: float, units: float
) -> tuple[float, float, float, float]:
    """Sums over a stretch in which only the price moves: of returns and of equity."""
    total, squares, downside, equity = 0.0, 0.0, 0.0, 0.0
    for i in range(len(now)):
        e = cash + units * now[i]
        r = e / (cash + units * before[i]) - 1.0
        down = r if r < 0.0 else 0.0  # noqa: FURB136 - min() does not vectorise here
        total += r
        squares += r * r
        downside += down * down
        equity += e
    return total, squares, downside, equity


@kernel
def _extremes(bits: Ints) -> tuple[int, int]:
    """Lowest and highest bit pattern; positive float64 are in the order of theirs as integers."""
    low, high = bits[0], bits[0]
    for i in range(len(bits)):
        low = min(low, bits[i])
        high = max(high, bits[i])
    return low, high


@kernel
def sums_of_fills(
    ints: Ints,
    floats: Floats,
    close: Floats,
    close_bits: Ints,
    unit: float,
    cash: float,
    start: int,
    stop: int,
    sums: Floats,
) -> None:
    """Write what ``sums_of_equity`` writes, for one instrument, at the cost of its held rows alone.

    Between fills equity is cash + units x close, so its extremes are at the price's; a stretch is
    only walked for its drawdown where a new peak and a new depth may both fall into it.
    ``close_bits`` is ``close`` seen as int64.
    """
    sums[:] = 0.0
    sums[RETURNS], sums[ROWS] = stop - start - 1, stop - start
    lots = 0
    row = start
    peak, deepest = cash, 0.0
    before = cash
    for k in range(len(ints) + 1):
        end = ints[k, FILL_ROW] if k < len(ints) else stop
        if end > row:
            units = lots * unit
            first = cash + units * close[row] if lots != 0 else cash
            r = first / before - 1.0 if before > 0.0 else 0.0
            down = min(r, 0.0)
            sums[SUM] += r
            sums[SQUARES] += r * r
            sums[DOWNSIDE] += down * down
            if lots == 0:
                sums[EQUITY_SUM] += cash * (end - row)
                lowest, highest = cash, cash
            else:
                sums[HELD_ROWS] += end - row
                total, squares, downside, equity = _stretch(
                    close[row + 1 : end], close[row : end - 1], cash, units
                )
                sums[SUM] += total
                sums[SQUARES] += squares
                sums[DOWNSIDE] += downside
                sums[EQUITY_SUM] += first + equity
                low_bits, high_bits = _extremes(close_bits[row:end])
                if lots < 0:
                    low_bits, high_bits = high_bits, low_bits
                lowest = cash + units * np.int64(low_bits).view(np.float64)
                highest = cash + units * np.int64(high_bits).view(np.float64)
            if highest <= peak:
                deepest = min(deepest, lowest / peak - 1.0)
            elif lowest / highest - 1.0 < deepest:
                for t in range(row, end):
                    now = cash + units * close[t] if lots != 0 else cash
                    peak = max(peak, now)
                    if now < peak:
                        deepest = min(deepest, now / peak - 1.0)
            peak = max(peak, highest)
            before = cash + units * close[end - 1] if lots != 0 else cash
            row = end
        if k < len(ints):
            lots += ints[k, FILL_LOTS]
            cash = floats[k, FILL_CASH]
    sums[DRAWDOWN] = deepest
    sums[FINAL] = before


@kernel
def trade_sums(
    instrument: Ints,
    lots: Ints,
    price: Floats,
    fee: Floats,
    units: Floats,
    held: Ints,
    flow: Floats,
    sums: Floats,
) -> None:
    """Write ``TRADE_SUMS`` sums of K fills: closed trades, winners, fees, traded value, open trades.

    ``held`` and ``flow`` (N,) are room to work in.
    """
    sums[:] = 0.0
    held[:] = 0
    flow[:] = 0.0
    for k in range(len(lots)):
        i = instrument[k]
        value = value_of(lots[k], units[i], price[k])
        sums[FEES] += fee[k]
        sums[NOTIONAL] += abs(value)
        flow[i] -= value + fee[k]
        held[i] += lots[k]
        if held[i] == 0:
            sums[CLOSED] += 1
            sums[WINS] += flow[i] > 0.0
            flow[i] = 0.0
    for i in range(len(units)):
        sums[OPEN] += held[i] != 0


TRIP_INSTRUMENT, TRIP_SIDE, TRIP_LOTS, TRIP_ENTRY, TRIP_EXIT, TRIP_REASON, TRIP_OPEN = range(7)
TRIP_INTS = 7
TRIP_ENTRY_PRICE, TRIP_EXIT_PRICE, TRIP_PNL, TRIP_FEES, TRIP_VALUE = range(5)
TRIP_FLOATS = 5


@allocating
def round_trips(
    instrument: Ints,
    lots: Ints,
    price: Floats,
    fee: Floats,
    reason: Ints,
    units: Floats,
    marks: Floats,
    split_at: Ints,
    split_instrument: Ints,
    split_terms: Ints,
    split_paid: Floats,
) -> tuple[Ints, Floats]:
    """Group K fills into trades from flat to flat; the open ones come last, marked at ``marks``.

    A split (S,) comes before the fill at ``split_at``, ascending: of so many lots, the
    second column of ``split_terms`` (S, 2), it makes the first, and pays ``split_paid`` for what is cut off. Lots and prices of a trade are those after its
    splits; one that a split leaves nothing of ends with the last fill before.

    Returns integers (trades, TRIP_INTS), whose entry and exit are positions in the fills (the exit
    of an open trade is -1), and floats (trades, TRIP_FLOATS).
    """
    width, count, splits = len(units), len(lots), len(split_at)
    ints = np.zeros((count + 1, TRIP_INTS), np.int64)
    floats = np.zeros((count + 1, TRIP_FLOATS))
    used, k, s = 0, 0, 0
    held, largest = np.zeros(width, np.int64), np.zeros(width, np.int64)
    first, latest = np.zeros(width, np.int64), np.zeros(width, np.int64)
    flow, fees = np.zeros(width), np.zeros(width)
    came, came_value = np.zeros(width), np.zeros(width)  # lots and value of increases
    left, left_value = np.zeros(width), np.zeros(width)  # and of reductions
    for step in range(count + splits + width):
        is_open = False
        if s < splits and (split_at[s] <= k or k == count):
            i, new, old = split_instrument[s], split_terms[s, 0], split_terms[s, 1]
            grown = new / old
            side = 1 if held[i] > 0 else -1
            shares = abs(held[i]) * grown
            whole = abs(held[i]) * new // old
            came[i] *= grown
            left[i] = left[i] * grown + max(shares - whole, 0.0)
            left_value[i] += abs(split_paid[s])
            flow[i] += split_paid[s]
            largest[i] = largest[i] * new // old
            was, held[i] = held[i], side * whole
            s += 1
            if was == 0 or held[i] != 0:
                continue
        elif k < count:
            i = instrument[k]
            value = abs(value_of(lots[k], units[i], price[k]))
            if held[i] == 0:
                first[i] = k
            if held[i] == 0 or (held[i] > 0) == (lots[k] > 0):
                came[i] += abs(lots[k])
                came_value[i] += value
            else:
                left[i] += abs(lots[k])
                left_value[i] += value
            flow[i] -= value_of(lots[k], units[i], price[k]) + fee[k]
            fees[i] += fee[k]
            held[i] += lots[k]
            largest[i] = max(largest[i], abs(held[i]))
            latest[i] = k
            k += 1
            if held[i] != 0:
                continue
        else:
            i = step - count - splits
            if held[i] == 0:
                continue
            value = value_of(held[i], units[i], marks[i])
            flow[i] += value
            left[i] += abs(held[i])
            left_value[i] += abs(value)
            is_open = True
        ints[used, TRIP_INSTRUMENT] = i
        ints[used, TRIP_SIDE] = 1 if lots[first[i]] > 0 else -1
        ints[used, TRIP_LOTS] = largest[i]
        ints[used, TRIP_ENTRY] = first[i]
        ints[used, TRIP_EXIT] = -1 if is_open else latest[i]
        ints[used, TRIP_REASON] = 0 if is_open else reason[latest[i]]
        ints[used, TRIP_OPEN] = is_open
        floats[used, TRIP_ENTRY_PRICE] = came_value[i] / (came[i] * units[i])
        floats[used, TRIP_EXIT_PRICE] = left_value[i] / (left[i] * units[i])
        floats[used, TRIP_PNL] = flow[i]
        floats[used, TRIP_FEES] = fees[i]
        floats[used, TRIP_VALUE] = came_value[i]
        used += 1
        flow[i], fees[i], largest[i] = 0.0, 0.0, 0
        came[i], came_value[i], left[i], left_value[i] = 0.0, 0.0, 0.0, 0.0
    return ints[:used], floats[:used]


@kernel
def excursions(
    instrument: Ints,
    side: Ints,
    entry_row: Ints,
    stop_row: Ints,
    entry_time: Ints,
    price: Floats,
    last: Floats,
    time: Ints,
    open_time: Ints,
    high: Floats,
    low: Floats,
    open_: Floats,
    real: Bools,
    worst: Floats,
    best: Floats,
) -> None:
    """Write how far each of K trades went against and for its average entry ``price``, as fractions.

    ``stop_row`` is the first row that a trade did not live through whole: of its bar there only the
    open counts, if the position was there by then, beside ``last``, what the trade left at. Bars are
    (T, N); rows before the entry's own bar opened do not count.
    """
    for k in range(len(side)):
        i, paid = instrument[k], price[k]
        top = max(paid, last[k])
        bottom = min(paid, last[k])
        for t in range(entry_row[k], stop_row[k]):
            if real[t, i] and open_time[t, i] >= entry_time[k]:
                top = max(top, high[t, i])
                bottom = min(bottom, low[t, i])
        t = stop_row[k]
        if t < len(time) and real[t, i] and open_time[t, i] >= entry_time[k]:
            top = max(top, open_[t, i])
            bottom = min(bottom, open_[t, i])
        up, down = top / paid - 1.0, bottom / paid - 1.0
        worst[k] = down if side[k] > 0 else -up
        best[k] = up if side[k] > 0 else -down
