"""The account of one instrument as a loop over its rows keeps it: state, fills, payments, actions.

The state is two arrays, floats by the ``F_*`` positions and integers by the ``N_*`` ones, and what
``kernels.exits`` keeps lies among the floats. ``kernels.walk`` is the loop.
"""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.accounting import average_price, cash_after, tally_fill, value_of
from peak_trade.kernels.costs import (
    FEES,
    VOLUME_WINDOW_NS,
    fee_at,
    fees_at,
    slip_of,
    slippage_paid,
)
from peak_trade.kernels.exits import (
    LIQUIDATION,
    PARTIAL,
    STATES,
    X_STOP,
    X_TAKE,
    clear,
    is_stop,
    nearer_stop,
    split_levels,
)
from peak_trade.kernels.fills import market_price
from peak_trade.kernels.jit import kernel, part
from peak_trade.kernels.limits import liquidation_price
from peak_trade.kernels.simulate import (
    FILL_AT_OPEN,
    FILL_BAR,
    FILL_CASH,
    FILL_FEE,
    FILL_FLOATS,
    FILL_INSTRUMENT,
    FILL_INTS,
    FILL_LOTS,
    FILL_PRICE,
    FILL_REASON,
    FILL_ROW,
    FILL_SLIPPAGE,
    REASON_RUIN,
    REASON_TARGET,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bars = tuple[Floats, Floats, Floats, Floats, Floats, Ints, Ints]
Charges = tuple[Floats, Floats, Floats, Floats, Ints, Floats, Floats]
Fills = tuple[Ints, Floats]
Flows = tuple[Ints, Floats, Ints]
Acts = tuple[Ints, Floats]
Exits = tuple[Floats, Floats, Floats, Floats]
Sizing = tuple[Floats, Floats, Ints]
Room = tuple[Ints, Ints, Floats]

FILL_TIME = FILL_INTS
BOOK_INTS = FILL_INTS + 1
FILL_VOLUME = FILL_FLOATS
BOOK_FLOATS = FILL_FLOATS + 1

(W_UNIT, W_LOT, W_MULTIPLIER, W_MAX_WEIGHT, W_LEVERAGE, W_MAINTENANCE, W_RATE, W_LIQUIDATION_FEE,
 W_BORROW, W_INTEREST, W_BAND, W_BUFFER, W_MIN_CHANGE, W_CASH, W_STATED, W_REJECT, W_REPEATS,
 W_FEES_CHANGE, W_FLAT_SLIP, W_LIMITED, W_BY_WEIGHT, W_EVERY_BAR, W_CALENDAR, W_SIZED, W_MARGIN,
 W_CARRIES, W_HALTS, W_FLATTEN, W_HAS_EXITS, W_MOVES, W_FAVOURABLE, W_CLOSE_ONLY) = range(32)  # fmt: skip
WALKS = 32
"""Positions of a walk's terms: amounts and rates, then flags that are 0 or 1. ``W_LEVERAGE`` and
``W_MAX_WEIGHT`` are 1 (rounding included) without a margin model; ``W_BAND`` is NaN without one."""

(F_CASH, F_AVERAGE, F_LAST, F_ACTED, F_PEAK, F_YESTERDAY, F_BEFORE, F_LIQUIDATION, F_MARK,
 F_TRADED, F_OLD, F_PRICE) = range(12)  # fmt: skip
F_TRADE, F_CLOSED, F_FEES, F_X = 12, 14, 18, 18 + FEES
F_LEVELS = F_X + STATES
"""Positions of the state's floats: cash, average, last and last acted target, peak, equity of
yesterday and of the row before, liquidation price, last close, value traded so far and that of it
which is too old, price of the instant; then ``tally_fill``'s two, fees, exits, partial levels."""

(N_HELD, N_ORDER, N_REASON, N_LATCH, N_WAITING, N_CAPPED, N_LEAVING, N_DEAD, N_RUINED, N_HALTED,
 N_HALTED_ROW, N_CALLED, N_RULE, N_OLDEST, N_FEE_ROW, N_USED, N_FLOWS, N_ACT, N_DUE, N_LOOK,
 N_MOVED, N_OPENED, N_GREW, N_FILLED, N_DAY, N_WANTED) = range(26)  # fmt: skip
N_PARTIALS = 26

DIVIDEND, FUNDING, SPLIT, DELISTING = range(4)
BORROW, INTEREST, FINANCING = 4, 5, 6
"""Kinds of payments; the first four are those of actions."""

ACT_ROW, ACT_INSIDE, ACT_KIND, ACT_TIME = range(4)
ACT_INTS = 4
FLOW_ROW, FLOW_TIME, FLOW_INSTRUMENT, FLOW_KIND = range(4)
FLOW_INTS = 4

REASON_DELISTING, REASON_HALT = 10, 11
_END = 12


@part
def sign(value: float) -> int:
    """1, -1 or 0."""
    return 1 if value > 0 else (-1 if value < 0 else 0)


@part
def worse(price: float, lots: int, t: int, bars: Bars, w: Floats, charges: Charges) -> float:
    """What an order of signed lots that meets the market at ``price`` in row t is filled at."""
    slips, half_spread, sigma, mean_volume = charges[:4]
    if w[W_FLAT_SLIP] > 0.0:
        return market_price(price, lots, slips[0])
    half = half_spread[t] if len(half_spread) > 0 else 0.0
    deviation = sigma[t] if len(sigma) > 0 else np.nan
    mean = mean_volume[t] if len(sigma) > 0 else np.nan
    slip = slip_of(slips, price, lots * w[W_LOT], half, bars[4][t], deviation, mean)
    return market_price(price, lots, slip)


@part
def take_fees(
    t: int, bars: Bars, w: Floats, charges: Charges, f: Floats, n: Ints, fills: Fills
) -> None:
    """Know the fee rates of a row, before its first fill: volume traded in it does not count yet."""
    if n[N_FEE_ROW] == t or (n[N_FEE_ROW] >= 0 and not w[W_FEES_CHANGE] > 0.0):
        return
    n[N_FEE_ROW] = t
    time_ns = bars[5][t]
    while (
        n[N_OLDEST] < n[N_USED] and fills[0][n[N_OLDEST], FILL_TIME] <= time_ns - VOLUME_WINDOW_NS
    ):
        f[F_OLD] = fills[1][n[N_OLDEST], FILL_VOLUME]
        n[N_OLDEST] += 1
    volume = f[F_TRADED] - f[F_OLD]
    fees_at(charges[4], charges[5], charges[6], time_ns, volume, f[F_FEES : F_FEES + FEES])


@part
def book(
    t: int,
    time_ns: int,
    at_open: int,
    lots: int,
    reason: int,
    price: float,
    reference: float,
    bars: Bars,
    w: Floats,
    charges: Charges,
    f: Floats,
    n: Ints,
    fills: Fills,
) -> None:
    """Write a fill, and let cash, position and order state follow it."""
    value = value_of(lots, w[W_UNIT], price)
    fee = 0.0
    if reason != REASON_DELISTING:
        take_fees(t, bars, w, charges, f, n, fills)
        rests = not is_stop(reason)
        fee = fee_at(f[F_FEES : F_FEES + FEES], rests, lots * w[W_LOT], value)
        if reason == LIQUIDATION and w[W_MARGIN] > 0.0:
            fee += w[W_LIQUIDATION_FEE] * abs(value)
    before = n[N_HELD]
    if w[W_SIZED] > 0.0:
        tally_fill(f[F_TRADE:F_CLOSED], f[F_CLOSED:F_FEES], before, lots, value, fee)
    f[F_CASH] = cash_after(f[F_CASH], value, fee)
    f[F_TRADED] += abs(value)
    f[F_AVERAGE] = average_price(before, f[F_AVERAGE], lots, price)
    n[N_HELD] = before + lots
    ints, floats = fills
    k = n[N_USED]
    ints[k, FILL_ROW] = t
    ints[k, FILL_BAR] = t
    ints[k, FILL_AT_OPEN] = at_open
    ints[k, FILL_INSTRUMENT] = 0
    ints[k, FILL_LOTS] = lots
    ints[k, FILL_REASON] = reason
    ints[k, FILL_TIME] = time_ns
    floats[k, FILL_PRICE] = price
    floats[k, FILL_FEE] = fee
    floats[k, FILL_CASH] = f[F_CASH]
    floats[k, FILL_SLIPPAGE] = 0.0
    if reason != REASON_DELISTING:
        floats[k, FILL_SLIPPAGE] = slippage_paid(lots, w[W_UNIT], reference, price)
    floats[k, FILL_VOLUME] = f[F_TRADED]
    n[N_USED] = k + 1
    _follow(before, reason, w, f, n)


@part
def _blocks(reason: int) -> bool:
    return reason not in (REASON_TARGET, REASON_RUIN, REASON_HALT, _END)


@part
def _follow(before: int, reason: int, w: Floats, f: Floats, n: Ints) -> None:
    """What a fill does to the instrument's order, its exits and its latch."""
    now = n[N_HELD]
    if _blocks(reason) and now == 0:
        side = 1 if before > 0 else -1
        n[N_ORDER] = n[N_MOVED] = n[N_LEAVING] = n[N_CAPPED] = 0
        forget(f, n)
        f[F_ACTED] = 0.0
        n[N_LATCH] = side if w[W_STATED] > 0.0 or sign(f[F_LAST]) == side else 0
        return
    if reason == PARTIAL:
        n[N_ORDER] = 0
        n[N_CAPPED] = 1 if now > 0 else -1
        return
    if now == 0:
        forget(f, n)
    if n[N_MOVED] == 0:
        n[N_FILLED] += reason == REASON_TARGET
        n[N_MOVED], n[N_OPENED], n[N_GREW] = 1, 0, 0
    if before == 0 or (before > 0) != (now > 0):
        n[N_OPENED] = 1
    if abs(now) > abs(before):
        n[N_GREW] = 1


@part
def forget(f: Floats, n: Ints) -> None:
    """Cancel what protects a position."""
    clear(f[F_X : F_X + STATES], n[N_PARTIALS:])


@part
def find_liquidation(w: Floats, f: Floats, n: Ints) -> None:
    """Know anew at which price the position would be liquidated."""
    f[F_LIQUIDATION] = np.nan
    if w[W_MARGIN] > 0.0 and n[N_HELD] != 0 and not w[W_CLOSE_ONLY] > 0.0:
        f[F_LIQUIDATION] = liquidation_price(
            n[N_HELD] * w[W_UNIT], w[W_MAINTENANCE], f[F_CASH], 0.0
        )


@part
def reach(f: Floats, n: Ints) -> tuple[float, float]:
    """At or below which and at or above which price an exit of the position is reached."""
    x = f[F_X : F_X + STATES]
    side = 1 if n[N_HELD] > 0 else -1
    stop = nearer_stop(side, x[X_STOP], f[F_LIQUIDATION])
    take = x[X_TAKE]
    for k in range(len(n) - N_PARTIALS):
        level = f[F_LEVELS + k]
        if n[N_PARTIALS + k] > 0 and not side * (level - take) >= 0.0:
            take = level
    stop = -side * np.inf if np.isnan(stop) else stop
    take = side * np.inf if np.isnan(take) else take
    return (stop, take) if side > 0 else (take, stop)


@kernel
def pay(
    t: int, time_ns: int, instrument: int, kind: int, amount: float, f: Floats, n: Ints,
    flows: Flows,
) -> None:  # fmt: skip
    """Book a payment that is no fill; nothing where it is zero."""
    if amount == 0.0:
        return
    f[F_CASH] += amount
    ints, amounts, _ = flows
    k = n[N_FLOWS]
    if k < len(ints):
        ints[k, FLOW_ROW], ints[k, FLOW_TIME] = t, time_ns
        ints[k, FLOW_INSTRUMENT], ints[k, FLOW_KIND] = instrument, kind
        amounts[k] = amount
        n[N_FLOWS] = k + 1


@kernel
def take_acts(
    t: int,
    inside: int,
    bars: Bars,
    w: Floats,
    tick: float,
    charges: Charges,
    acts: Acts,
    f: Floats,
    n: Ints,
    fills: Fills,
    flows: Flows,
) -> None:
    """Let the actions of row t take effect that come before its open, or inside its bar."""
    ints, floats = acts
    while n[N_ACT] < len(ints):
        k = n[N_ACT]
        if ints[k, ACT_ROW] > t or (ints[k, ACT_ROW] == t and ints[k, ACT_INSIDE] > inside):
            break
        n[N_ACT] = k + 1
        held, kind, when = n[N_HELD], ints[k, ACT_KIND], ints[k, ACT_TIME]
        if kind == DIVIDEND:
            amount = held * w[W_LOT] * floats[k, 0] * w[W_MULTIPLIER]
            pay(t, when, 0, DIVIDEND, amount, f, n, flows)
        elif kind == FUNDING:
            mark = f[F_MARK] if np.isnan(floats[k, 1]) else floats[k, 1]
            if held != 0:
                amount = -(value_of(held, w[W_UNIT], mark) * floats[k, 0])
                pay(t, when, 0, FUNDING, amount, f, n, flows)
        elif kind == SPLIT:
            flows[2][k] = n[N_USED] if held != 0 else -1
            _split(t, when, int(floats[k, 0]), int(floats[k, 1]), w, tick, f, n, flows)
        else:
            price = f[F_MARK] if np.isnan(floats[k, 0]) else floats[k, 0]
            if held != 0:
                book(
                    t, when, 0, -held, REASON_DELISTING, price, price, bars, w, charges, f, n, fills
                )
            n[N_ORDER] = n[N_MOVED] = n[N_WAITING] = 0
            n[N_DEAD] = 1
            forget(f, n)
        find_liquidation(w, f, n)


@kernel
def _times(lots: int, numerator: int, denominator: int) -> tuple[int, int]:
    """Lots times a fraction, cut to whole lots, and what is left in parts of the denominator."""
    whole, rest = lots // denominator, lots % denominator
    return whole * numerator + rest * numerator // denominator, rest * numerator % denominator


@kernel
def _split(
    t: int,
    when: int,
    numerator: int,
    denominator: int,
    w: Floats,
    tick: float,
    f: Floats,
    n: Ints,
    flows: Flows,
) -> None:
    ratio = denominator / numerator
    f[F_MARK] *= ratio
    held = n[N_HELD]
    if held != 0:
        side = 1 if held > 0 else -1
        whole, left = _times(abs(held), numerator, denominator)
        n[N_HELD] = side * whole
        f[F_AVERAGE] *= ratio
        if left != 0:
            amount = side * left / denominator * w[W_UNIT] * f[F_MARK]
            pay(t, when, 0, SPLIT, amount, f, n, flows)
    lots = n[N_ORDER]
    if lots != 0:
        n[N_ORDER] = (1 if lots > 0 else -1) * _times(abs(lots), numerator, denominator)[0]
    if n[N_HELD] == 0:  # what it leaves nothing of is no trade
        forget(f, n)
        n[N_LEAVING] = 0
        f[F_TRADE:F_CLOSED] = 0.0
    elif w[W_HAS_EXITS] > 0.0:
        side = 1 if n[N_HELD] > 0 else -1
        levels = f[F_LEVELS:]
        split_levels(f[F_X : F_X + STATES], side, ratio, tick, levels, n[N_PARTIALS:])
