"""The fast path: a run's target rows in one call, then one compiled loop.

A proven substitute for the Session: the same fills, fees and equity, bit for bit
(``tests/laws/test_substitution.py``).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.record import Fills, OrderCounts, Record
from peak_trade.domain.terms import Terms
from peak_trade.engine.account import RuleTable, check_counts, packed, target_error
from peak_trade.kernels import simulate, stats

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Targets = npt.NDArray[np.float64] | npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Trading:
    """Rows ``start`` to ``stop`` of bars, prepared once for any number of fast runs."""

    bars: Bars
    start: int
    stop: int
    rules: RuleTable
    is_single: bool

    @classmethod
    def of(cls, bars: Bars, start: int, stop: int) -> "Trading":
        """Prepare a stretch of bars; one instrument without gaps takes the quicker loop."""
        is_single = bars.close.shape[1] == 1 and bars.is_aligned and bool(bars.tradable.all())
        return cls(bars, start, stop, RuleTable.of(bars), is_single)


    @property
    def open(self) -> Floats:
        """(T,) opens of the first instrument; so are high, low and close."""
        return self.bars.open.reshape(-1)

    @property
    def high(self) -> Floats:
        """(T,)"""
        return self.bars.high.reshape(-1)

    @property
    def low(self) -> Floats:
        """(T,)"""
        return self.bars.low.reshape(-1)

    @property
    def close(self) -> Floats:
        """(T,)"""
        return self.bars.close.reshape(-1)


@dataclass(frozen=True, slots=True)
class FastFills:
    """What a fast run booked: fill columns of ``kernels.simulate`` and its counts."""

    ints: Ints
    floats: Floats
    counts: Ints


class Scratch:
    """Arrays that fast runs of one instrument write to; kept from one run to the next by a sweep."""

    __slots__ = ("floats", "ints", "rows", "values")

    def __init__(self, trading: Trading) -> None:
        length = trading.stop - trading.start
        self.rows: Ints = np.empty(length, np.int64)
        self.values: Floats = np.empty(length)
        self.ints: Ints = np.empty((0, simulate.FILL_INTS), np.int64)
        self.floats: Floats = np.empty((0, simulate.FILL_FLOATS))

    def fills_for(self, due: int) -> tuple[Ints, Floats]:
        """Room for the fills of a number of due targets."""
        needed = 3 * due + 3
        if needed > len(self.ints):
            self.ints = np.empty((2 * needed, simulate.FILL_INTS), np.int64)
            self.floats = np.empty((2 * needed, simulate.FILL_FLOATS))
        return self.ints, self.floats


def trade_single(
    trading: Trading, targets: Targets, terms: Terms, name: str, scratch: Scratch
) -> FastFills:
    """Trade (T, 1) targets of one instrument whose rows are all real bars.

    The fills lie in ``scratch`` and last until its next use.

    Raises
    ------
    StrategyError
        A target beyond 1 or infinite.
    InputError
        A position too large for the books.
    """
    bars, rules = trading.bars, trading.rules
    found = _find_due(targets.reshape(-1), trading, terms, name, scratch)
    counts = np.zeros(simulate.COUNTS, np.int64)
    ints, floats = scratch.fills_for(found)
    used = simulate.single(
        trading.open,
        trading.high,
        trading.low,
        trading.close,
        scratch.rows[:found],
        scratch.values[:found],
        trading.stop,
        packed(terms),
        rules.units[0],
        rules.rows,
        rules.ticks[:, 0],
        rules.steps[:, 0],
        rules.minima[:, 0],
        counts,
        ints,
        floats,
    )
    check_counts(counts, bars, name)
    return FastFills(ints[:used], floats[:used], counts)


def _find_due(
    targets: Targets, trading: Trading, terms: Terms, name: str, scratch: Scratch
) -> int:
    """Write the rows whose target is due, and the targets, to the scratch; how many there are."""
    rows, values = scratch.rows, scratch.values
    stated = terms.exits.reentry == "stated"
    if targets.dtype == np.bool_ and not stated:
        words = targets[: len(targets) // 8 * 8].view(np.uint64)
        return simulate.changes_of_bools(
            targets, words, trading.start, trading.stop, rows, values
        )
    floats = np.ascontiguousarray(targets, dtype=np.float64)
    found = simulate.changes_of_floats(floats, trading.start, trading.stop, stated, rows, values)
    if found < 0:
        raise target_error(trading.bars, -1 - found, name, float(abs(floats[-1 - found])))
    return found


def run(trading: Trading, targets: Targets, terms: Terms, name: str) -> Record:
    """Trade (T, N) targets over prepared bars.

    Raises
    ------
    StrategyError
        Targets of a row that add up to more than 1, or are infinite.
    InputError
        A position too large for the books.
    """
    bars, start, stop = trading.bars, trading.start, trading.stop
    equity, held = np.empty(stop - start), np.empty(stop - start, np.bool_)
    if trading.is_single:
        fast = trade_single(trading, targets, terms, name, Scratch(trading))
        lots = np.array(
            [
                stats.equity_of_fills(
                    fast.ints,
                    fast.floats,
                    trading.close,
                    trading.rules.units[0],
                    terms.cash,
                    start,
                    equity,
                    held,
                )
            ],
            np.int64,
        )
    else:
        fast, lots = trade_panel(trading, targets, terms, name, equity, held)
    return Record(
        bars=bars,
        start=start,
        stop=stop,
        terms=terms,
        engine="fast",
        equity=equity,
        held=held,
        fills=fills_of(fast, bars),
        lots=lots,
        counts=OrderCounts(*(int(count) for count in fast.counts[: simulate.RUINED])),
        ruined=bool(fast.counts[simulate.RUINED]),
    )


def trade_panel(
    trading: Trading,
    targets: Targets,
    terms: Terms,
    name: str,
    equity: Floats,
    held: npt.NDArray[np.bool_],
) -> tuple[FastFills, Ints]:
    """Trade (T, N) targets row by row, writing equity and whether anything was held."""
    bars, rules = trading.bars, trading.rules
    counts = np.zeros(simulate.COUNTS, np.int64)
    ints, floats, used, lots = simulate.panel(
        bars.time,
        bars.fill_time,
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.tradable,
        bars.is_aligned,
        np.ascontiguousarray(targets, dtype=np.float64),
        trading.start,
        trading.stop,
        packed(terms),
        rules.units,
        rules.rows,
        rules.ticks,
        rules.steps,
        rules.minima,
        counts,
        equity,
        held,
    )
    check_counts(counts, bars, name)
    return FastFills(ints[:used], floats[:used], counts), lots


def fills_of(fast: FastFills, bars: Bars) -> Fills:
    """Name the columns of what a kernel booked, and stamp it."""
    column = {name: np.ascontiguousarray(fast.ints[:, k]) for name, k in _INT_COLUMNS.items()}
    bar, i = column["bar"], column["instrument"]
    opened = bars.fill_time[bar, i] if bars.close_only.any() else bars.open_time[bar, i]
    return Fills(
        row=column["row"],
        time=np.where(column["at_open"] > 0, opened, bars.time[column["row"]]),
        instrument=i,
        lots=column["lots"],
        price=np.ascontiguousarray(fast.floats[:, simulate.FILL_PRICE]),
        fee=np.ascontiguousarray(fast.floats[:, simulate.FILL_FEE]),
        reason=column["reason"],
        cash=np.ascontiguousarray(fast.floats[:, simulate.FILL_CASH]),
    )


_INT_COLUMNS = {
    "row": simulate.FILL_ROW,
    "bar": simulate.FILL_BAR,
    "at_open": simulate.FILL_AT_OPEN,
    "instrument": simulate.FILL_INSTRUMENT,
    "lots": simulate.FILL_LOTS,
    "reason": simulate.FILL_REASON,
}
