"""The arithmetic of money: sizes, fees, what cash pays, average prices, equity.

Every engine calls these functions, so that a number means the same in each of them. ``unit`` is
the value of one lot at a price of 1; lots are whole numbers; everything else is float64.
"""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.jit import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MAX_LOTS = 4.0e18
"""Positions beyond this many lots do not fit the books; engines refuse them."""

MAX_WEIGHT = 1.0 + 1e-9
"""Absolute weights may add up to 1, and to what rounding adds to it."""


@kernel
def count_due(targets: Floats, last: Floats) -> int:
    """How many of a row's targets are stated (not NaN) and differ from the last ones."""
    count = 0
    for i in range(len(last)):
        count += (targets[i] == targets[i]) & (targets[i] != last[i])
    return count


@kernel
def gross_weight(weights: Floats) -> float:
    """Sum of absolute weights, in the order of the instruments."""
    total = 0.0
    for i in range(len(weights)):
        total += abs(weights[i])
    return total


@kernel
def value_of(lots: int, unit: float, price: float) -> float:
    """Signed value of lots at a price, quote currency: (lots x unit) x price."""
    return lots * unit * price


@kernel
def fee_of(value: float, commission: float) -> float:
    """Commission on a fill's value, quote currency."""
    return abs(value) * commission


@kernel
def sized_lots(
    target: float, equity: float, buffer: float, price: float, unit: float, step: int
) -> int:
    """Lots of a target: trunc(target x equity x (1 - buffer) / (price x unit)), to the step.

    Returns ``MAX_LOTS`` lots, signed, where the books could not hold the position.
    """
    if target == 0.0:
        return 0
    wanted = target * equity * (1.0 - buffer) / (price * unit)
    if not abs(wanted) < MAX_LOTS:
        return int(MAX_LOTS) if wanted > 0 else -int(MAX_LOTS)
    lots = int(wanted)
    whole = _whole_steps(abs(lots), step)
    return whole if lots > 0 else -whole


@kernel
def _whole_steps(lots: int, step: int) -> int:
    return lots if step == 1 else lots // step * step  # a division costs more than the rest


@kernel
def is_worth_acting(
    target: float,
    acted: float,
    equity: float,
    buffer: float,
    price: float,
    unit: float,
    step: int,
    min_change: float,
) -> bool:
    """Whether a target differs enough from the last acted one for an order.

    By more than ``min_change`` (a fraction of equity) or, where that is NaN, by at least one order
    step. A target of zero is always acted on: flat means exactly flat.
    """
    if target == 0.0:
        return True
    change = abs(target - acted)
    if np.isnan(min_change):
        return change * equity * (1.0 - buffer) / (price * unit) >= step
    return change > min_change


@kernel
def cash_after(cash: float, value: float, fee: float) -> float:
    """Cash once a fill of a signed value and its fee are paid for."""
    return cash - (value + fee)


@kernel
def average_price(held: int, average: float, lots: int, price: float) -> float:
    """Average entry price after a fill; 0 when it leaves nothing."""
    after = held + lots
    if after == 0:
        return 0.0
    if held == 0 or (held > 0) != (after > 0):
        return price
    if abs(after) <= abs(held):
        return average
    return (abs(held) * average + abs(lots) * price) / abs(after)


TALLY_ENTRY, TALLY_PNL = 0, 1
TALLY_WINS, TALLY_WON, TALLY_LOSSES, TALLY_LOST = 0, 1, 2, 3


@kernel
def tally_fill(
    trade: Floats, closed: Floats, held: int, lots: int, value: float, fee: float
) -> None:
    """Follow the trade of one instrument through a fill, and count it where that closes it.

    ``trade`` (2,) holds the value of its increases and its pnl so far, ``closed`` (4,) the number of
    winning trades, the sum of their returns, that of the others, and the sum of their losses. A
    return is pnl, net of fees, over the value of the increases. ``held`` is the position before.
    """
    if held == 0 or (held > 0) == (lots > 0):
        trade[TALLY_ENTRY] += abs(value)
    trade[TALLY_PNL] -= value + fee
    if held + lots != 0:
        return
    gain = trade[TALLY_PNL] / trade[TALLY_ENTRY] if trade[TALLY_ENTRY] > 0.0 else 0.0
    if gain > 0.0:
        closed[TALLY_WINS] += 1.0
        closed[TALLY_WON] += gain
    else:
        closed[TALLY_LOSSES] += 1.0
        closed[TALLY_LOST] -= gain
    trade[TALLY_ENTRY], trade[TALLY_PNL] = 0.0, 0.0


@kernel
def short_claim(held: int, unit: float, price: float) -> float:
    """What a position takes from what cash pays: twice a short's value, nothing for a long."""
    return 2.0 * value_of(held, unit, price) if held < 0 else 0.0


@kernel
def spendable(cash: float, held: Ints, units: Floats, prices: Floats) -> float:
    """What cash pays: equity minus gross exposure, so that a short's proceeds pay for nothing."""
    left = cash
    for i in range(len(held)):
        if held[i] < 0:
            left += short_claim(held[i], units[i], prices[i])
    return left


@kernel
def cost_of(wanted: int, unit: float, price: float, commission: float) -> float:
    """What an increase takes from what is spendable: its value and its fee."""
    value = abs(value_of(wanted, unit, price))
    return value + fee_of(value, commission)


@kernel
def scaled(wanted: int, factor: float, step: int) -> int:
    """An increase times a factor, rounded down to the order step."""
    whole = _whole_steps(int(abs(wanted) * factor), step)
    return whole if wanted > 0 else -whole


@kernel
def one_step_less(wanted: int, step: int) -> int:
    """An increase one order step smaller, or none."""
    fewer = max(abs(wanted) - step, 0)
    return fewer if wanted > 0 else -fewer


@kernel
def scale_increase(
    wanted: int,
    unit: float,
    price: float,
    step: int,
    minimum: float,
    commission: float,
    left: float,
    reject: bool,
) -> int:
    """What is left of the only increase of an instant; see ``scale_increases``."""
    cost = cost_of(wanted, unit, price, commission)
    if cost <= left:
        return wanted
    if reject or left <= 0.0:
        return 0
    wanted = scaled(wanted, left / cost, step)
    while wanted != 0 and cost_of(wanted, unit, price, commission) > left:
        wanted = one_step_less(wanted, step)
    return wanted if abs(value_of(wanted, unit, price)) >= minimum else 0


@kernel
def scale_increases(
    wanted: Ints,
    units: Floats,
    prices: Floats,
    steps: Ints,
    minima: Floats,
    commission: float,
    left: float,
    reject: bool,
) -> None:
    """Scale the increases of one instant to what is spendable, in place.

    All by one common factor, rounded down to the order step; where rounding still leaves them too
    dear, each in turn gives up one step. What falls below the minimum notional by that is
    cancelled. With ``reject`` all are cancelled instead.
    """
    cost = _total_cost(wanted, units, prices, commission)
    if cost <= left:
        return
    factor = 0.0 if reject or left <= 0.0 else left / cost
    for i in range(len(wanted)):
        if wanted[i] != 0:
            wanted[i] = scaled(wanted[i], factor, steps[i])
    cost = _total_cost(wanted, units, prices, commission)
    while cost > left and cost > 0.0:
        for i in range(len(wanted)):
            if wanted[i] != 0:
                wanted[i] = one_step_less(wanted[i], steps[i])
                cost = _total_cost(wanted, units, prices, commission)
                if cost <= left:
                    break
    for i in range(len(wanted)):
        if abs(value_of(wanted[i], units[i], prices[i])) < minima[i]:
            wanted[i] = 0


@kernel
def _total_cost(wanted: Ints, units: Floats, prices: Floats, commission: float) -> float:
    total = 0.0
    for i in range(len(wanted)):
        if wanted[i] != 0:
            total += cost_of(wanted[i], units[i], prices[i], commission)
    return total


@kernel
def equity_of(cash: float, held: Ints, units: Floats, marks: Floats) -> float:
    """Cash plus positions at their marks, added in the order of the instruments."""
    total = cash
    for i in range(len(held)):
        if held[i] != 0:
            total += value_of(held[i], units[i], marks[i])
    return total


@kernel
def mark_row(
    close: Floats, tradable: Bools, row: int, marks: Floats, cash: float, held: Ints, units: Floats
) -> float:
    """Move ``marks`` (N,) to a row's real closes, and value the account at them."""
    for i in range(len(marks)):
        if tradable[row, i]:
            marks[i] = close[row, i]
    return equity_of(cash, held, units, marks)
