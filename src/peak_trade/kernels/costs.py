"""What trading costs: fees by schedule and tier, slip and impact, carry.

``docs/simulation.md`` ("Costs") says each formula in words. Parameters come as float arrays by the
positions below, so that one call serves every engine.
"""

import numpy as np
import numpy.typing as npt

from peak_trade.kernels.accounting import value_of
from peak_trade.kernels.jit import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FEE_FIXED, FEE_PER_UNIT, FEE_MINIMUM, FEE_CAP, FEE_MAKER, FEE_TAKER = 0, 1, 2, 3, 4, 5
FEES = 6
TIER_VOLUME, TIER_MAKER, TIER_TAKER = 0, 1, 2
SLIP_FRACTION, SLIP_HALF_SPREAD, SLIP_SHARE, SLIP_IMPACT = 0, 1, 2, 3
SLIPS = 4

VOLUME_WINDOW_NS = 30 * 86_400_000_000_000
YEAR_NS = 365 * 86_400_000_000_000


@kernel
def fees_at(
    since: Ints, schedules: Floats, tiers: Floats, time_ns: int, volume: float, out: Floats
) -> None:
    """Write the fee parameters (FEES,) of a row: its schedule, at the tier of a 30-day volume.

    ``since`` (S,), ``schedules`` (S, FEES) and ``tiers`` (S, K, 3) hold the schedules by date; tiers
    that are not there have an infinite volume.
    """
    s = 0
    while s + 1 < len(since) and since[s + 1] <= time_ns:
        s += 1
    for k in range(FEES):
        out[k] = schedules[s, k]
    for k in range(tiers.shape[1]):
        if tiers[s, k, TIER_VOLUME] <= volume:
            out[FEE_MAKER] = tiers[s, k, TIER_MAKER]
            out[FEE_TAKER] = tiers[s, k, TIER_TAKER]


@kernel
def fee_at(fees: Floats, rests: bool, quantity: float, value: float) -> float:
    """Fee of a fill of a quantity and a value, by a row's fee parameters (FEES,)."""
    rate = fees[FEE_MAKER] if rests else fees[FEE_TAKER]
    worth = abs(value)
    fee: float = fees[FEE_FIXED] + fees[FEE_PER_UNIT] * abs(quantity) + rate * worth
    if fee < fees[FEE_MINIMUM]:
        fee = fees[FEE_MINIMUM]
    if fee > fees[FEE_CAP] * worth:  # never where the cap is NaN
        fee = fees[FEE_CAP] * worth
    return fee


@kernel
def slip_of(
    slips: Floats,
    price: float,
    quantity: float,
    half_spread: float,
    volume: float,
    sigma: float,
    mean_volume: float,
) -> float:
    """By which fraction a fill of a quantity is worse than ``price``.

    ``half_spread``, ``volume``, ``sigma`` and ``mean_volume`` are those of the fill's bar; the last
    two NaN while there is too little history.
    """
    slip: float = slips[SLIP_FRACTION]
    if slips[SLIP_HALF_SPREAD] != 0.0:
        slip += half_spread / price
    if slips[SLIP_SHARE] != 0.0:
        share = 1.0 if volume <= 0.0 else min(abs(quantity) / volume, 1.0)
        slip += slips[SLIP_SHARE] * share * share
    if slips[SLIP_IMPACT] != 0.0 and mean_volume > 0.0 and sigma == sigma:
        slip += slips[SLIP_IMPACT] * sigma * np.sqrt(abs(quantity) / mean_volume)
    return slip


@kernel
def impact_inputs(
    close: Floats,
    volume: Floats,
    tradable: npt.NDArray[np.bool_],
    window: int,
    rows: Ints,
    logs: Floats,
    sigma: Floats,
    mean_volume: Floats,
) -> None:
    """Write, at each real bar of one instrument, sigma and V of the ``window`` real bars before it.

    ``rows`` and ``logs`` (T,) are room to work in; ``sigma`` and ``mean_volume`` (T,) are NaN where
    fewer than three real bars lie before.
    """
    count = 0
    for t in range(len(close)):
        sigma[t], mean_volume[t] = np.nan, np.nan
        if not tradable[t]:
            continue
        first = max(count - window, 0)
        if count - first >= 3:
            total, traded = 0.0, 0.0
            returns = count - first - 1
            for k in range(first, count):
                traded += volume[rows[k]]
            for k in range(first + 1, count):
                total += logs[k] - logs[k - 1]
            mean = total / returns
            squares = 0.0
            for k in range(first + 1, count):
                off = logs[k] - logs[k - 1] - mean
                squares += off * off
            sigma[t] = np.sqrt(squares / (returns - 1))
            mean_volume[t] = traded / (returns + 1)
        rows[count], logs[count] = t, np.log(close[t])
        count += 1


@kernel
def slippage_paid(lots: int, unit: float, reference: float, price: float) -> float:
    """What a fill at ``price`` cost against its reference price, quote currency, 0 or more."""
    return abs(value_of(lots, unit, price) - value_of(lots, unit, reference))


@kernel
def borrow_cost(value: float, rate: float, dt_ns: int) -> float:
    """Cost of borrowing a short of a negative value for a time; 0 for a long."""
    return abs(value) * rate * dt_ns / YEAR_NS if value < 0.0 else 0.0


@kernel
def carry_of(amount: float, rate: float, dt_ns: int) -> float:
    """What an amount of cash earns or, where negative, pays at a yearly rate over a time."""
    return amount * rate * dt_ns / YEAR_NS


@kernel
def total_cost(
    wanted: Ints,
    units: Floats,
    lots: Floats,
    prices: Floats,
    fees: Floats,
    leverage: float,
) -> float:
    """What increases take from what is spendable: their values, and ``leverage`` times their fees."""
    total = 0.0
    for i in range(len(wanted)):
        if wanted[i] != 0:
            value = abs(value_of(wanted[i], units[i], prices[i]))
            total += value + leverage * fee_at(fees, False, wanted[i] * lots[i], value)
    return total


@kernel
def scale_to_cash(
    wanted: Ints,
    units: Floats,
    lots: Floats,
    prices: Floats,
    steps: Ints,
    minima: Floats,
    fees: Floats,
    leverage: float,
    left: float,
    reject: bool,
    repeat: bool,
) -> None:
    """Scale the increases of one instant to what is spendable, in place.

    ``kernels.accounting.scale_increases`` for any fees: with ``repeat`` the common factor is taken
    again while they are too dear, up to 64 times, because such fees do not shrink with the size.
    """
    cost = total_cost(wanted, units, lots, prices, fees, leverage)
    if cost <= left:
        return
    rounds = 64 if repeat else 1
    for _ in range(rounds):
        factor = 0.0 if reject or left <= 0.0 else left / cost
        for i in range(len(wanted)):
            if wanted[i] != 0:
                whole = int(abs(wanted[i]) * factor) // steps[i] * steps[i]
                wanted[i] = whole if wanted[i] > 0 else -whole
        cost = total_cost(wanted, units, lots, prices, fees, leverage)
        if cost <= left or cost == 0.0:
            break
    while cost > left and cost > 0.0:
        for i in range(len(wanted)):
            if wanted[i] != 0:
                fewer = 0 if repeat else max(abs(wanted[i]) - steps[i], 0)
                wanted[i] = fewer if wanted[i] > 0 else -fewer
                cost = total_cost(wanted, units, lots, prices, fees, leverage)
                if cost <= left:
                    break
    for i in range(len(wanted)):
        if abs(value_of(wanted[i], units[i], prices[i])) < minima[i]:
            wanted[i] = 0


@kernel
def buying_power(cash: float, held: Ints, units: Floats, prices: Floats, leverage: float) -> float:
    """What increases may take with a margin model: leverage x equity - gross exposure."""
    equity, gross = cash, 0.0
    for i in range(len(held)):
        if held[i] != 0:
            value = value_of(held[i], units[i], prices[i])
            equity += value
            gross += abs(value)
    return leverage * equity - gross
