"""What the targets of one instrument ask for at a close: when they are due, and what they order."""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.accounting import (
    MAX_LOTS,
    is_worth_acting,
    sized_lots,
    value_of,
)
from peak_trade.kernels.books import (
    F_ACTED,
    F_CLOSED,
    F_LAST,
    F_PEAK,
    N_CALLED,
    N_CAPPED,
    N_DEAD,
    N_DUE,
    N_HELD,
    N_LATCH,
    N_LEAVING,
    N_LOOK,
    N_ORDER,
    N_REASON,
    N_RULE,
    N_WAITING,
    W_BAND,
    W_BUFFER,
    W_BY_WEIGHT,
    W_CALENDAR,
    W_EVERY_BAR,
    W_LEVERAGE,
    W_LIMITED,
    W_LOT,
    W_MAX_WEIGHT,
    W_MIN_CHANGE,
    W_SIZED,
    W_STATED,
    W_UNIT,
    Sizing,
    sign,
)
from peak_trade.kernels.jit import part
from peak_trade.kernels.limits import (
    LIMIT_PARTICIPATION,
    NO_PARTICIPATION_LIMIT,
    PASSED,
    violated,
)
from peak_trade.kernels.simulate import (
    BELOW_MINIMUM,
    COUNTS,
    ORDERED,
    REASON_TARGET,
    TOO_LARGE,
    Rules,
)
from peak_trade.kernels.size import account_scale

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

OVER = COUNTS
"""From here on a walk's counts are orders that a limit refused, by ``kernels.limits``."""


@part
def react(
    t: int,
    now: float,
    rows: Ints,
    values: Floats,
    close: float,
    volume: Floats,
    w: Floats,
    rules: Rules,
    sizing: Sizing,
    bounds: Floats,
    f: Floats,
    n: Ints,
    counts: Ints,
) -> bool:
    """Order what the targets of a row ask for; False where the run cannot go on."""
    while n[N_DUE] < len(rows) and rows[n[N_DUE]] < t:
        n[N_DUE] += 1
    states = n[N_DUE] < len(rows) and rows[n[N_DUE]] == t
    was_latched = n[N_LATCH] != 0
    is_due = False
    if states:
        target = values[n[N_DUE]]
        n[N_DUE] += 1
        if target != f[F_LAST]:
            n[N_CAPPED] = 0
            is_due = True
        f[F_LAST] = target
        if not abs(target) <= w[W_MAX_WEIGHT]:
            counts[TOO_LARGE] = -1 - t
            return False
    if was_latched:
        by_statement = w[W_STATED] > 0.0
        is_due = is_due or (by_statement and states)
        if states if by_statement else sign(f[F_LAST]) != n[N_LATCH]:
            n[N_LATCH] = 0
    if not (is_due or n[N_WAITING] != 0 or w[W_BY_WEIGHT] > 0.0):
        return True
    return _look(t, now, is_due, close, volume, w, rules, sizing, bounds, f, n, counts)


@part
def _look(
    t: int,
    now: float,
    is_due: bool,
    close: float,
    volume: Floats,
    w: Floats,
    rules: Rules,
    sizing: Sizing,
    bounds: Floats,
    f: Floats,
    n: Ints,
    counts: Ints,
) -> bool:
    """Size the target that stands, where it is looked at, and act on it."""
    target = f[F_LAST]
    if w[W_SIZED] > 0.0:
        target = _sized(t, now, target, w, sizing, f)
    weight = value_of(n[N_HELD], w[W_UNIT], close) / now if n[N_HELD] != 0 else 0.0
    is_off = np.isnan(w[W_BAND]) or abs(weight - target) > w[W_BAND]
    if w[W_CALENDAR] > 0.0:
        looks = sizing[2]
        while n[N_LOOK] < len(looks) and looks[n[N_LOOK]] < t:
            n[N_LOOK] += 1
        if n[N_LOOK] < len(looks) and looks[n[N_LOOK]] == t:
            n[N_WAITING] = 1
    elif is_due or (w[W_EVERY_BAR] > 0.0 and is_off):
        n[N_WAITING] = 1
    if n[N_DEAD] != 0:
        n[N_WAITING] = 0
    if n[N_CALLED] != 0 or n[N_LEAVING] != 0 or n[N_WAITING] == 0:
        return True
    n[N_WAITING] = 0
    if n[N_LATCH] != 0 and sign(f[F_LAST]) == n[N_LATCH]:
        return True
    if target != 0.0 and not is_off:
        return True
    acted = weight if w[W_BY_WEIGHT] > 0.0 else f[F_ACTED]
    return _act(t, target, acted, now, close, volume, w, rules, bounds, f, n, counts)


@part
def _sized(t: int, now: float, last: float, w: Floats, sizing: Sizing, f: Floats) -> float:
    scale, account, _ = sizing
    drawdown = max(1.0 - now / f[F_PEAK], 0.0)
    wins, won, losses, lost = f[F_CLOSED], f[F_CLOSED + 1], f[F_CLOSED + 2], f[F_CLOSED + 3]
    target = last * (scale[t] * account_scale(drawdown, int(wins), won, int(losses), lost, account))
    gross = abs(target)
    if gross > w[W_MAX_WEIGHT]:
        target = target / gross * w[W_LEVERAGE]
    return float(target)


@part
def _act(
    t: int,
    target: float,
    acted: float,
    now: float,
    close: float,
    volume: Floats,
    w: Floats,
    rules: Rules,
    bounds: Floats,
    f: Floats,
    n: Ints,
    counts: Ints,
) -> bool:
    """Order what a target asks for; False where the books cannot hold it."""
    unit, step, held = w[W_UNIT], rules[3][n[N_RULE]], n[N_HELD]
    if not is_worth_acting(
        target, acted, now, w[W_BUFFER], close, unit, step, w[W_MIN_CHANGE]
    ):  # fmt: skip
        return True
    f[F_ACTED] = target
    want = sized_lots(target, now, w[W_BUFFER], close, unit, step)
    if abs(want) >= int(MAX_LOTS):
        counts[TOO_LARGE] = t + 1
        return False
    capped_side = n[N_CAPPED]  # of a partial exit; 0 for none
    if capped_side != 0 and held != 0 and capped_side * want > abs(held):
        want = capped_side * abs(held)
    quantity = want - held
    if quantity == 0:
        return True
    order_value = value_of(quantity, unit, close)
    if abs(order_value) < rules[4][n[N_RULE]]:
        counts[BELOW_MINIMUM] += 1
        return True
    if w[W_LIMITED] > 0.0:
        before = value_of(held, unit, close) if held != 0 else 0.0
        after = value_of(want, unit, close)
        traded = volume[t] if bounds[LIMIT_PARTICIPATION] < NO_PARTICIPATION_LIMIT else 0.0
        rule = violated(
            bounds,
            now,
            order_value,
            quantity * w[W_LOT],
            traded,
            before,
            after,
            abs(before),
            before,
        )
        if rule != PASSED:
            counts[OVER + rule] += 1
            return True
    counts[ORDERED] += 1
    n[N_ORDER], n[N_REASON] = quantity, REASON_TARGET
    return True
