"""A run's terms and the venue's order rules as the arrays that kernels read, and what they refuse."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError, StrategyError
from peak_trade.domain.terms import Terms
from peak_trade.engine.currency import conversion_rates
from peak_trade.kernels import simulate
from peak_trade.kernels.accounting import MAX_LOTS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RuleTable:
    """Order rules of N instruments, in R stretches of rows.

    ``rows`` (R,) is the first row of each stretch, the first 0; ``ticks``, ``steps`` and ``minima``
    (R, N) hold within it; ``units`` (N,) is the value of one lot at a price of 1.
    """

    rows: Ints
    ticks: Floats
    steps: Ints
    minima: Floats
    units: Floats

    @classmethod
    def of(cls, bars: Bars) -> "RuleTable":
        """Read the rules of the bars' instruments; a rule holds from the first row it is in force."""
        dates = {rule.since_ns for instrument in bars.instruments for rule in instrument.rules}
        rows = {0} | {int(np.searchsorted(bars.time, date)) for date in dates}
        starts = np.array(sorted(row for row in rows if row < max(len(bars), 1)), np.int64)
        table = [
            [instrument.rules_at(int(bars.time[row])) for instrument in bars.instruments]
            for row in starts
            if len(bars)
        ]
        return cls(
            rows=starts,
            ticks=np.array([[rule.tick for rule in line] for line in table]),
            steps=np.array([[rule.order_step for rule in line] for line in table], np.int64),
            minima=np.array([[rule.min_notional for rule in line] for line in table]),
            units=np.array([instrument.unit for instrument in bars.instruments]),
        )

    def at(self, row: int) -> int:
        """Which stretch a row lies in."""
        return (
            self._last
            if row >= self._last_row
            else int(np.searchsorted(self.rows, row, "right")) - 1
        )

    @cached_property
    def _last(self) -> int:
        return len(self.rows) - 1

    @cached_property
    def _last_row(self) -> int:
        return int(self.rows[-1])


@lru_cache(maxsize=64)
def packed(terms: Terms) -> Floats:
    """The terms as the one float array of ``kernels.simulate``; what is unset is NaN."""
    values = np.full(simulate.TERMS, np.nan)
    values[simulate.TERM_CASH] = terms.cash
    values[simulate.TERM_COMMISSION] = terms.costs.commission
    values[simulate.TERM_SLIPPAGE] = terms.costs.slippage
    values[simulate.TERM_BUFFER] = terms.cash_buffer
    if terms.min_change is not None:
        values[simulate.TERM_MIN_CHANGE] = terms.min_change
    if terms.exits.stop_loss is not None:
        values[simulate.TERM_STOP] = terms.exits.stop_loss
    if terms.exits.take_profit is not None:
        values[simulate.TERM_TAKE] = terms.exits.take_profit
    values[simulate.TERM_STATED] = terms.exits.reentry == "stated"
    values[simulate.TERM_REJECT] = terms.shortfall == "reject"
    values.flags.writeable = False
    return values


def check_tradable(bars: Bars, start: int, stop: int, terms: Terms) -> None:
    """Refuse bars that the terms cannot be traded on.

    Raises
    ------
    InputError
        Nothing to trade, a currency that nothing converts, or exits on a series without highs and
        lows.
    """
    if stop - start < 2:
        raise InputError(
            f"{max(stop - start, 0)} rows of {bars.name} are left to trade, at least 2 expected",
            hint="give more data or a wider --from and --to",
            rows=stop - start,
        )
    conversion_rates(bars, terms.currency)
    if terms.exits.have_levels:
        _check_exits(bars, terms)


def _check_exits(bars: Bars, terms: Terms) -> None:
    if bars.close_only.any():
        symbol = bars.symbols[int(np.argmax(bars.close_only))]
        raise InputError(
            f"exits inside the bar need open, high and low, and {symbol} of {bars.name} has closes alone",
            hint="drop the exits at prices, or load bars with open, high and low",
        )
    if not bars.tradable.any():
        return
    widest = 2.0 * float(bars.high[bars.tradable].max()) * (1.0 + _widest_profit(terms))
    finest = min(
        tick for i in bars.instruments for tick in (i.tick, *(rule.tick for rule in i.rules))
    )
    if widest / finest > 9e18:
        raise InputError(
            f"prices up to {widest / 2:g} do not fit ticks of {finest:g}",
            hint="give the instrument a larger tick",
        )


def _widest_profit(terms: Terms) -> float:
    exits = terms.exits
    profits = [profit for _, profit in exits.roi] + [profit for profit, _ in exits.partials]
    return max(exits.take_profit or 0.0, *profits, 0.0)


def check_counts(counts: Ints, bars: Bars, name: str) -> None:
    """Raise what a kernel found in the targets of strategy ``name`` and could only count."""
    found = int(counts[simulate.TOO_LARGE])
    if found > 0:
        raise InputError(
            f"a target at {_stamp(bars, found - 1)} ({name}) asks for more than "
            f"{MAX_LOTS:.0e} lots",
            hint="give the instrument a larger lot",
        )
    if found < 0:
        raise target_error(bars, -1 - found, name)


def target_error(
    bars: Bars, row: int, name: str, total: float | None = None, most: float = 1.0
) -> StrategyError:
    """The error for a row whose targets add up to more than they may, or are infinite."""
    shown = "" if total is None else f"{total:.4g} "
    return StrategyError(
        f"absolute weights {shown}exceed {most:.1f} at {_stamp(bars, row)} ({name}.targets)",
        hint=f"scale to a sum of at most {most:.4g}, or give a margin model with more leverage",
        row=row,
    )


def _stamp(bars: Bars, row: int) -> str:
    return str(np.datetime64(int(bars.time[row]), "ns").astype("datetime64[s]"))
