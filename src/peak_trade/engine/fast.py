"""The fast path: a run's target rows in one call, then one compiled loop.

A proven substitute for the Session: the same fills, fees and equity, bit for bit
(``tests/laws/test_substitution.py``).
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import StrategyError
from peak_trade.domain.record import Fills, OrderCounts, Record
from peak_trade.domain.terms import Terms
from peak_trade.engine import walk
from peak_trade.engine.account import RuleTable, check_counts, packed, target_error
from peak_trade.engine.sheet import Sheet
from peak_trade.kernels import simulate, stats, trial
from peak_trade.kernels.accounting import MAX_WEIGHT

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Targets = npt.NDArray[np.float64] | npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Trading:
    """Rows ``start`` to ``stop`` of bars, prepared once for any number of fast runs."""

    bars: Bars
    start: int
    stop: int
    rules: RuleTable
    is_single: bool
    market: tuple[Floats, Floats, Floats, Floats]
    close_bits: Ints
    single_rules: tuple[float, Ints, Floats, Ints, Floats]

    @classmethod
    def of(cls, bars: Bars, start: int, stop: int) -> "Trading":
        """Prepare a stretch of bars; one instrument without gaps takes the quicker loop."""
        rules = RuleTable.of(bars)
        return cls(
            bars=bars,
            start=start,
            stop=stop,
            rules=rules,
            is_single=bars.close.shape[1] == 1 and bars.is_aligned and bool(bars.tradable.all()),
            market=(
                bars.open.reshape(-1),
                bars.high.reshape(-1),
                bars.low.reshape(-1),
                bars.close.reshape(-1),
            ),
            close_bits=bars.close.reshape(-1).view(np.int64),
            single_rules=(
                float(rules.units[0]),
                rules.rows,
                np.ascontiguousarray(rules.ticks[:, 0]),
                np.ascontiguousarray(rules.steps[:, 0]),
                np.ascontiguousarray(rules.minima[:, 0]),
            ),
        )


@dataclass(frozen=True, slots=True)
class FastFills:
    """What a fast run booked: fill columns of ``kernels.simulate`` and its counts."""

    ints: Ints
    floats: Floats
    counts: Ints


class Scratch:
    """Arrays that fast runs of one instrument write to; kept from one run to the next by a sweep.

    ``sums`` and ``fill_sums`` are what ``summarise_single`` found last.
    """

    __slots__ = (
        "counts", "fill_sums", "flags", "floats", "ints", "prices", "rows", "sums", "values",
        "words", "work",
    )  # fmt: skip

    def __init__(self, trading: Trading) -> None:
        length = trading.stop - trading.start
        self.rows: Ints = np.empty(length, np.int64)
        self.values: Floats = np.empty(length)
        self.prices: Floats = np.empty((length, 2))
        self.counts: Ints = np.zeros(simulate.COUNTS, np.int64)
        self.sums: Floats = np.empty(stats.SUMS)
        self.fill_sums: Floats = np.empty(stats.TRADE_SUMS)
        self.flags: Bools = np.empty(trial.CROSSING_BLOCK, np.bool_)
        self.words = self.flags.view(np.uint64)
        self.make_room(0)

    def make_room(self, due: int) -> None:
        """Make room for twice the fills of a number of due targets."""
        room = 2 * (3 * due + 3)
        self.ints: Ints = np.empty((room, simulate.FILL_INTS), np.int64)
        self.floats: Floats = np.empty((room, simulate.FILL_FLOATS))
        self.work = (
            self.rows, self.values, self.ints, self.floats, self.prices, self.counts,
            np.empty(1, np.int64), np.empty(1),
        )  # fmt: skip


def summarise_single(
    trading: Trading, targets: Targets, terms: Terms, name: str, scratch: Scratch
) -> None:
    """Trade (T, 1) targets as ``trade_single`` does, and write the sums of its statistics.

    The sums are those of ``kernels.stats`` and lie in ``scratch.sums`` and ``scratch.fill_sums``.

    Raises
    ------
    StrategyError, InputError
        As ``trade_single``.
    """
    while (found := _summarise(trading, targets.reshape(-1), terms, scratch)) > 0:
        scratch.make_room(found)
    if found < 0:
        raise _beyond_one(trading, targets, -1 - found, name)
    check_counts(scratch.counts, trading.bars, name)


def summarise_crossings(
    trading: Trading, tick_sums: Floats, windows: Ints, terms: Terms, name: str, scratch: Scratch
) -> tuple[Floats, Floats]:
    """Summarise "the mean over the first window is above that over the second" K times in one call.

    Equals ``summarise_single`` of those targets, where ``stats.exact.exact_sums`` gave
    ``tick_sums`` (T + 1,). ``windows`` is (K, 2), the shorter window first. Returns the sums
    (K, SUMS) and the sums of fills (K, TRADE_SUMS).
    """
    count = len(windows)
    sums, fill_sums = np.empty((count, stats.SUMS)), np.empty((count, stats.TRADE_SUMS))
    done = 0
    while True:
        done = trial.trials_of_crossings(
            tick_sums, windows, done, trading.start, trading.stop, trading.market,
            trading.close_bits, packed(terms), trading.single_rules, scratch.flags, scratch.words,
            scratch.work, sums, fill_sums,
        )  # fmt: skip
        check_counts(scratch.counts, trading.bars, name)
        if done == count:
            return sums, fill_sums
        scratch.make_room(len(scratch.ints))


def _summarise(trading: Trading, targets: Targets, terms: Terms, scratch: Scratch) -> int:
    stated = terms.exits.reentry == "stated"
    if targets.dtype == np.bool_ and not stated:
        flags = cast("Bools", targets)
        return trial.trial_of_bools(
            flags, _words(flags), trading.start, trading.stop, trading.market, trading.close_bits,
            packed(terms), trading.single_rules, scratch.work, scratch.sums, scratch.fill_sums,
        )  # fmt: skip
    return trial.trial_of_floats(
        np.ascontiguousarray(targets, dtype=np.float64), stated, trading.start, trading.stop,
        trading.market, trading.close_bits, packed(terms), trading.single_rules, scratch.work,
        scratch.sums, scratch.fill_sums,
    )  # fmt: skip


def _words(flags: Bools) -> npt.NDArray[np.uint64]:
    """The memory of booleans, eight to a word, for as many whole words as there are."""
    return flags[: len(flags) // 8 * 8].view(np.uint64)


def _beyond_one(trading: Trading, targets: Targets, row: int, name: str) -> StrategyError:
    return target_error(trading.bars, row, name, float(abs(targets.reshape(-1)[row])))


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
    found = _find_due(targets.reshape(-1), trading, terms, name, scratch)
    counts = np.zeros(simulate.COUNTS, np.int64)
    if 3 * found + 3 > len(scratch.ints):
        scratch.make_room(found)
    ints, floats = scratch.ints, scratch.floats
    used = simulate.single(
        trading.market,
        scratch.rows[:found],
        scratch.values[:found],
        trading.stop,
        packed(terms),
        trading.single_rules,
        counts,
        ints,
        floats,
        scratch.prices,
    )
    check_counts(counts, trading.bars, name)
    return FastFills(ints[:used], floats[:used], counts)


def _find_due(targets: Targets, trading: Trading, terms: Terms, name: str, scratch: Scratch) -> int:
    """Write the rows whose target is due, and the targets, to the scratch; how many there are."""
    rows, values = scratch.rows, scratch.values
    stated = terms.exits.reentry == "stated"
    if targets.dtype == np.bool_ and not stated:
        flags = cast("Bools", targets)
        return simulate.changes_of_bools(
            flags, _words(flags), trading.start, trading.stop, rows, values
        )
    floats = np.ascontiguousarray(targets, dtype=np.float64)
    found = simulate.changes_of_floats(
        floats, trading.start, trading.stop, stated, MAX_WEIGHT, rows, values
    )
    if found < 0:
        raise _beyond_one(trading, targets, -1 - found, name)
    return found


def run(
    trading: Trading, targets: Targets, terms: Terms, name: str, sheet: Sheet | None = None
) -> Record:
    """Trade (T, N) targets over prepared bars; terms beyond a plain account come with their sheet.

    Raises
    ------
    StrategyError
        Targets of a row that add up to more than 1, or are infinite.
    InputError
        A position too large for the books.
    """
    bars, start, stop = trading.bars, trading.start, trading.stop
    if sheet is not None and not is_plain(terms, sheet):
        return walk.run(walk.Setting.of(bars, start, stop, terms, sheet), targets, name)
    equity, held = np.empty(stop - start), np.empty(stop - start, np.bool_)
    if trading.is_single:
        fast = trade_single(trading, targets, terms, name, Scratch(trading))
        lots = np.array(
            [
                stats.equity_of_fills(
                    fast.ints,
                    fast.floats,
                    bars.close.reshape(-1),
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
        ambiguous=int(fast.counts[simulate.AMBIGUOUS]),
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


def is_plain(terms: Terms, sheet: Sheet) -> bool:
    """Whether the loops for a plain account trade these terms and actions."""
    return terms.are_plain and not sheet.acts and not sheet.fx.size


def declines(bars: Bars, terms: Terms, sheet: Sheet | None, *, has_detail: bool) -> str:
    """Why the fast path does not trade these bars under these terms, or nothing.

    A plain account is traded whatever the bars; all else is for one instrument whose every row is
    a real bar.
    """
    if has_detail:
        return "it does not read finer bars"
    if sheet is None or is_plain(terms, sheet):
        return ""
    if sheet.fx.size:
        return "it keeps an account in one currency"
    if terms.exits.convention == "freqtrade":
        return "it does not know freqtrade's convention inside bars"
    if bars.close.shape[1] > 1:
        return "it trades several instruments under plain terms alone"
    if not (bars.is_aligned and bool(bars.tradable.all())):
        return "it trades an instrument whose bars have gaps or overlap under plain terms alone"
    return ""


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
        slippage=np.ascontiguousarray(fast.floats[:, simulate.FILL_SLIPPAGE]),
    )


_INT_COLUMNS = {
    "row": simulate.FILL_ROW,
    "bar": simulate.FILL_BAR,
    "at_open": simulate.FILL_AT_OPEN,
    "instrument": simulate.FILL_INSTRUMENT,
    "lots": simulate.FILL_LOTS,
    "reason": simulate.FILL_REASON,
}
