"""The arithmetic of limits: which rule an order violates, and when losses halt trading.

One place for backtests and for live trading. A limit binds what exceeds it *and* exceeds what was
there before, so that an order that reduces passes without any bypass.
"""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.accounting import value_of
from peak_trade.kernels.jit import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LIMIT_POSITION, LIMIT_GROSS, LIMIT_NET, LIMIT_ORDER, LIMIT_PARTICIPATION = 0, 1, 2, 3, 4
LIMIT_DAILY_LOSS, LIMIT_DRAWDOWN = 5, 6
LIMITS = 7

PASSED = -1

NO_PARTICIPATION_LIMIT = 1e9
"""A share of volume from which on orders are not compared with volume at all."""

DAY_NS = 86_400_000_000_000


@kernel
def exceeds(limit: float, before: float, after: float) -> bool:
    """Whether a figure is beyond its limit and beyond what it was before; what is not a number is."""
    return not (after <= limit or after <= before)


@kernel
def is_over_volume(share: float, quantity: float, volume: float) -> bool:
    """Whether an order is more than a share of a volume; a volume that is not known passes nothing."""
    return share < NO_PARTICIPATION_LIMIT and not abs(quantity) <= share * volume


@kernel
def is_over_net(limit: float, before: float, after: float, net: float) -> bool:
    """Whether a change of one position takes the net exposure beyond its limit.

    An order that only brings its position closer to flat never does.
    """
    reduces = abs(after) <= abs(before) and after * before >= 0.0
    return not reduces and exceeds(limit, abs(net), abs(net + (after - before)))


@kernel
def is_lost(limit: float, now: float, reference: float) -> bool:
    """Whether more than a fraction of ``reference`` is lost. A limit of 1 or more never is."""
    return limit < 1.0 and not now / reference - 1.0 >= -limit


@kernel
def is_worse(side: int, price: float, reference: float, share: float) -> bool:
    """Whether a price is worse than ``reference`` by more than a fraction, for a buy (1) or sale (-1)."""
    if side > 0:
        return not price <= reference * (1.0 + share)
    return not price >= reference * (1.0 - share)


@kernel
def violated(
    limits: Floats,
    equity: float,
    order_value: float,
    order_quantity: float,
    volume: float,
    before: float,
    after: float,
    gross: float,
    net: float,
) -> int:
    """The first limit that an order violates, or PASSED.

    Parameters
    ----------
    limits : (LIMITS,) float64
        Fractions of equity, but the order's value (quote currency) and its share of volume.
    equity : float
        Equity at the decision.
    order_value, order_quantity : float
        Signed value of the order at the close, and its quantity in units of the instrument.
    volume : float
        Volume of the instrument's last real bar.
    before, after : float
        Signed value of the position, with what is on its way, without and with the order.
    gross, net : float
        Sum of the absolute and of the signed values of all positions with what is on its way,
        before the order; the worst that the earlier orders of a batch can make of it.
    """
    if not abs(order_value) <= limits[LIMIT_ORDER]:
        return LIMIT_ORDER
    if is_over_volume(limits[LIMIT_PARTICIPATION], order_quantity, volume):
        return LIMIT_PARTICIPATION
    if exceeds(limits[LIMIT_POSITION] * equity, abs(before), abs(after)):
        return LIMIT_POSITION
    if exceeds(limits[LIMIT_GROSS] * equity, gross, gross + (abs(after) - abs(before))):
        return LIMIT_GROSS
    if is_over_net(limits[LIMIT_NET] * equity, before, after, net):
        return LIMIT_NET
    return PASSED


@kernel
def halts(limits: Floats, equity: float, peak: float, yesterday: float) -> int:
    """Which loss limit equity has breached at a close, or PASSED. A limit of 1 or more never does."""
    if is_lost(limits[LIMIT_DRAWDOWN], equity, peak):
        return LIMIT_DRAWDOWN
    if is_lost(limits[LIMIT_DAILY_LOSS], equity, yesterday):
        return LIMIT_DAILY_LOSS
    return PASSED


SUM_HELD, SUM_GROSS, SUM_HIGH, SUM_LOW = 0, 1, 2, 3
SUMS = 4


@kernel
def add_up(
    held: Ints, buying: Ints, selling: Ints, units: Floats, marks: Floats, sums: Floats
) -> None:
    """Add up an account's exposure, in the order of the instruments, into ``sums`` (SUMS,).

    Gross of what is held, and the worst that open orders can make of it: gross with the larger of each
    instrument's sides, net with all that is bought, net with all that is sold. A position without a
    price makes the sums NaN.

    Parameters
    ----------
    held, buying, selling : (N,) int64
        Signed positions, and what open orders may still buy and sell (unsigned), in lots.
    units, marks : (N,) float64
        Value of one lot at a price of 1, and prices.
    """
    sums[:] = 0.0
    for i in range(len(held)):
        if held[i] == 0 and buying[i] == 0 and selling[i] == 0:
            continue
        high = value_of(held[i] + buying[i], units[i], marks[i])
        low = value_of(held[i] - selling[i], units[i], marks[i])
        sums[SUM_HELD] += abs(value_of(held[i], units[i], marks[i]))
        sums[SUM_GROSS] += max(abs(high), abs(low))
        sums[SUM_HIGH] += high
        sums[SUM_LOW] += low


@kernel
def day_of(close_ns: int) -> int:
    """UTC day of a close; midnight belongs to the day that ends there."""
    return (close_ns - 1) // DAY_NS


@kernel
def liquidation_price(
    held_units: float, maintenance: float, rest: float, gross_rest: float
) -> float:
    """Price of one instrument at which equity is ``maintenance`` times gross; NaN where none is.

    ``held_units`` is its signed lots times the value of one, ``rest`` cash plus the value of the
    others, ``gross_rest`` the gross of the others.
    """
    below = held_units - maintenance * abs(held_units)
    if below == 0.0:
        return np.nan
    price = (maintenance * gross_rest - rest) / below
    return price if price > 0.0 else np.nan
