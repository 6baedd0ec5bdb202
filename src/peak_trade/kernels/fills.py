"""At which price orders fill: market orders, stops and limits inside a bar."""

import numpy as np

from peak_trade.kernels.jit import kernel

NO_EXIT = 0
STOP_LOSS = 1
TAKE_PROFIT = 2

_TICK_SLACK = 1e-9  # a level this close to a tick lies on it


@kernel
def market_price(price: float, lots: int, slippage: float) -> float:
    """Fill price of an order of signed lots that meets the market: worse than ``price`` by a fraction.

    A sale is never below zero.
    """
    return price * (1.0 + slippage) if lots > 0 else price * (1.0 - min(slippage, 1.0))


@kernel
def away_ticks(price: float, side: int, tick: float) -> int:
    """Ticks of ``price`` rounded up (``side`` 1) or down (-1)."""
    exact = price / tick
    return int(np.ceil(exact - _TICK_SLACK) if side > 0 else np.floor(exact + _TICK_SLACK))


@kernel
def tick_price(ticks: int, tick: float) -> float:
    """Price of a number of ticks, rounded right where the tick is a decimal such as 0.01."""
    scale: float = np.rint(1.0 / tick)
    if abs(scale * tick - 1.0) < 1e-12:
        return float(ticks / scale)
    return ticks * tick


@kernel
def stop_ticks(average: float, side: int, fraction: float, tick: float) -> int:
    """Trigger of a stop-loss in ticks, rounded away from the entry. ``side``: 1 long, -1 short."""
    return away_ticks(average * (1.0 - side * fraction), -side, tick)


@kernel
def take_ticks(average: float, side: int, fraction: float, tick: float) -> int:
    """Limit of a take-profit in ticks, rounded away from the entry. ``side``: 1 long, -1 short."""
    return away_ticks(average * (1.0 + side * fraction), side, tick)


@kernel
def stop_level(average: float, side: int, fraction: float, tick: float) -> float:
    """Trigger price of a stop-loss; NaN where ``fraction`` is NaN."""
    if np.isnan(fraction):
        return np.nan
    return tick_price(stop_ticks(average, side, fraction, tick), tick)


@kernel
def take_level(average: float, side: int, fraction: float, tick: float) -> float:
    """Limit price of a take-profit; NaN where ``fraction`` is NaN."""
    if np.isnan(fraction):
        return np.nan
    return tick_price(take_ticks(average, side, fraction, tick), tick)


@kernel
def opens_beyond(side: int, open_: float, stop: float, take: float) -> int:
    """Which exit the open alone triggers: NO_EXIT, STOP_LOSS or TAKE_PROFIT. NaN levels are unset."""
    if side > 0:
        if open_ <= stop:
            return STOP_LOSS
        return TAKE_PROFIT if open_ >= take else NO_EXIT
    if open_ >= stop:
        return STOP_LOSS
    return TAKE_PROFIT if open_ <= take else NO_EXIT


@kernel
def reaches(side: int, high: float, low: float, stop: float, take: float) -> int:
    """Which exit the bar's range triggers, the adverse extreme first."""
    if side > 0:
        if low <= stop:
            return STOP_LOSS
        return TAKE_PROFIT if high >= take else NO_EXIT
    if high >= stop:
        return STOP_LOSS
    return TAKE_PROFIT if low <= take else NO_EXIT


@kernel
def reaches_both(side: int, high: float, low: float, stop: float, take: float) -> bool:
    """Whether the bar's range triggers both exits, so that it matters which extreme came first."""
    if side > 0:
        return low <= stop and high >= take
    return high >= stop and low <= take


@kernel
def exit_price(kind: int, side: int, level: float, slippage: float) -> float:
    """Fill price of an exit at ``level``: a stop slips as a market order, a limit does not."""
    return market_price(level, -side, slippage) if kind == STOP_LOSS else level
