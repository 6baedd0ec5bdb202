"""The arithmetic of limits: which rule an order violates, and when losses halt trading.

One place for backtests and for live trading. A limit binds what exceeds it *and* exceeds what was
there before, so that an order that reduces passes without any bypass.
"""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.jit import kernel

Floats = npt.NDArray[np.float64]

LIMIT_POSITION, LIMIT_GROSS, LIMIT_NET, LIMIT_ORDER, LIMIT_PARTICIPATION = 0, 1, 2, 3, 4
LIMIT_DAILY_LOSS, LIMIT_DRAWDOWN = 5, 6
LIMITS = 7

PASSED = -1

NO_PARTICIPATION_LIMIT = 1e9
"""A share of volume from which on orders are not compared with volume at all."""

DAY_NS = 86_400_000_000_000


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
    if abs(order_value) > limits[LIMIT_ORDER]:
        return LIMIT_ORDER
    share = limits[LIMIT_PARTICIPATION]  # a volume that is not known passes nothing
    if share < NO_PARTICIPATION_LIMIT and not abs(order_quantity) <= share * volume:
        return LIMIT_PARTICIPATION
    if abs(after) > limits[LIMIT_POSITION] * equity and abs(after) > abs(before):
        return LIMIT_POSITION
    gross_after = gross + (abs(after) - abs(before))
    if gross_after > limits[LIMIT_GROSS] * equity and gross_after > gross:
        return LIMIT_GROSS
    reduces = abs(after) <= abs(before) and after * before >= 0.0
    net_after = net + (after - before)
    if not reduces and abs(net_after) > limits[LIMIT_NET] * equity and abs(net_after) > abs(net):
        return LIMIT_NET
    return PASSED


@kernel
def halts(limits: Floats, equity: float, peak: float, yesterday: float) -> int:
    """Which loss limit equity has breached at a close, or PASSED. A limit of 1 or more never does."""
    if limits[LIMIT_DRAWDOWN] < 1.0 and equity / peak - 1.0 < -limits[LIMIT_DRAWDOWN]:
        return LIMIT_DRAWDOWN
    if limits[LIMIT_DAILY_LOSS] < 1.0 and equity / yesterday - 1.0 < -limits[LIMIT_DAILY_LOSS]:
        return LIMIT_DAILY_LOSS
    return PASSED


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
