"""The fast path for terms beyond a plain account: one instrument, row by row, in one compiled loop.

Packs what a ``Sheet`` lays out for ``kernels.walk``, and names what the kernel booked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import StrategyError
from peak_trade.domain.record import Fills, Flows, HeldSplit, OrderCounts, Record
from peak_trade.domain.terms import Terms
from peak_trade.engine.account import RuleTable, check_counts, target_error
from peak_trade.engine.sheet import SPLIT, Act, Sheet
from peak_trade.kernels import books, due, exits, limits, simulate, stats, trial, walk

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Targets = npt.NDArray[np.float64] | npt.NDArray[np.bool_]

_HALTS = {
    limits.PASSED: "",
    limits.LIMIT_DRAWDOWN: "max_drawdown",
    limits.LIMIT_DAILY_LOSS: "max_daily_loss",
}
_KINDS = ("dividend", "funding", "split", "delisting", "borrow", "interest", "financing")


@dataclass(frozen=True, slots=True)
class Setting:
    """Terms and actions on rows ``start`` to ``stop`` of one instrument, as ``kernels.walk`` reads them."""

    bars: Bars
    start: int
    stop: int
    terms: Terms
    packed: trial.Setting
    acts: tuple[Act, ...]
    partials: int

    @classmethod
    def of(cls, bars: Bars, start: int, stop: int, terms: Terms, sheet: Sheet) -> "Setting":
        """Pack what a sheet lays out."""
        table = RuleTable.of(bars)
        acts = _acts(sheet.acts)
        packed: trial.Setting = (
            (
                bars.open.reshape(-1),
                bars.high.reshape(-1),
                bars.low.reshape(-1),
                bars.close.reshape(-1),
                bars.volume.reshape(-1),
                bars.time,
                bars.fill_time.reshape(-1),
            ),
            _knobs(bars, terms, sheet),
            (
                float(table.units[0]),
                table.rows,
                np.ascontiguousarray(table.ticks[:, 0]),
                np.ascontiguousarray(table.steps[:, 0]),
                np.ascontiguousarray(table.minima[:, 0]),
            ),
            (
                sheet.slips,
                sheet.half_spread.reshape(-1),
                sheet.sigma.reshape(-1),
                sheet.mean_volume.reshape(-1),
                sheet.fee_since,
                sheet.fee_schedules,
                sheet.fee_tiers,
            ),
            (sheet.exits, sheet.roi, sheet.partials, sheet.atr.reshape(-1)),
            (sheet.scale.reshape(-1), sheet.account, np.flatnonzero(sheet.looks)),
            sheet.limits,
            acts,
            bars.close.reshape(-1).view(np.int64),
            bars.tradable[start:stop, 0],
        )
        return cls(bars, start, stop, terms, packed, sheet.acts, len(sheet.partials))

    @property
    def moves_cash(self) -> bool:
        """Whether anything but fills and prices may change equity."""
        return bool(self.acts) or self.packed[1][books.W_CARRIES] > 0.0

    @property
    def splits(self) -> bool:
        """Whether a split may change a position."""
        return any(act.kind == SPLIT for act in self.acts)


def _knobs(bars: Bars, terms: Terms, sheet: Sheet) -> Floats:
    instrument, margin, costs = bars.instruments[0], terms.margin, terms.costs
    values = np.zeros(books.WALKS)
    places: dict[int, float] = {
        books.W_UNIT: instrument.unit,
        books.W_LOT: instrument.lot,
        books.W_MULTIPLIER: instrument.multiplier,
        books.W_MAX_WEIGHT: terms.max_weight,
        books.W_LEVERAGE: 1.0 if margin is None else margin.max_leverage,
        books.W_MAINTENANCE: 0.0 if margin is None else margin.maintenance,
        books.W_RATE: 0.0 if margin is None else margin.rate,
        books.W_LIQUIDATION_FEE: 0.0 if margin is None else margin.liquidation_fee,
        books.W_BORROW: costs.borrow,
        books.W_INTEREST: costs.interest,
        books.W_BAND: np.nan if terms.band is None else terms.band,
        books.W_BUFFER: terms.cash_buffer,
        books.W_MIN_CHANGE: np.nan if terms.min_change is None else terms.min_change,
        books.W_CASH: terms.cash,
        books.W_STATED: terms.exits.reentry == "stated",
        books.W_REJECT: terms.shortfall == "reject",
        books.W_REPEATS: sheet.repeats,
        books.W_FEES_CHANGE: len(sheet.fee_since) > 1 or sheet.fee_tiers.shape[1] > 0,
        books.W_FLAT_SLIP: not sheet.slips[1:].any(),
        books.W_LIMITED: not terms.limits.are_wide,
        books.W_BY_WEIGHT: terms.rebalance != "change" or terms.sizer is not None,
        books.W_EVERY_BAR: terms.rebalance in ("bar", "band"),
        books.W_CALENDAR: terms.rebalance not in ("change", "bar", "band"),
        books.W_SIZED: terms.sizer is not None,
        books.W_MARGIN: margin is not None,
        books.W_CARRIES: bool(costs.borrow or costs.interest or (margin and margin.rate)),
        books.W_HALTS: terms.limits.halt,
        books.W_FLATTEN: terms.limits.flatten,
        books.W_HAS_EXITS: terms.exits.are_set,
        books.W_MOVES: _moves(sheet.exits, sheet.roi),
        books.W_FAVOURABLE: terms.exits.convention == "favourable",
        books.W_CLOSE_ONLY: bars.close_only[0],
    }
    for place, value in places.items():
        values[place] = value
    return values


def _moves(e: Floats, roi: Floats) -> bool:
    """Whether closes move levels, or may end a position."""
    moving = (exits.E_MAX_BARS, exits.E_TRAIL, exits.E_TRAIL_ATR, exits.E_BREAK_EVEN)
    return len(roi) > 0 or any(not np.isnan(e[place]) for place in moving)


def _acts(acts: Sequence[Act]) -> books.Acts:
    ints = np.array(
        [[act.row, act.inside, act.kind, act.time_ns] for act in acts], np.int64
    ).reshape(-1, books.ACT_INTS)
    floats = np.array([[act.first, act.second] for act in acts], np.float64).reshape(-1, 2)
    return ints, floats


class Scratch:
    """Arrays that walks of one stretch write to; kept from one to the next by a sweep.

    ``sums`` and ``fill_sums`` are what ``summarise`` found last.
    """

    __slots__ = (
        "_equity", "_flows", "_held", "_room", "_state", "counts", "fill_sums", "fills",
        "rows", "sums", "values",
    )  # fmt: skip

    def __init__(self, setting: Setting, *, keeps: bool) -> None:
        length = setting.stop - setting.start
        self.rows: Ints = np.empty(length, np.int64)
        self.values: Floats = np.empty(length)
        self.counts: Ints = np.zeros(walk.WALK_COUNTS, np.int64)
        self.sums: Floats = np.empty(stats.SUMS)
        self.fill_sums: Floats = np.empty(stats.TRADE_SUMS)
        parts = setting.partials
        self._state = (
            np.zeros(books.F_LEVELS + parts),
            np.zeros(books.N_PARTIALS + parts, np.int64),
        )
        self._room = (
            np.zeros(parts + 1, np.int64), np.zeros(parts + 1, np.int64), np.zeros(parts + 1),
        )  # fmt: skip
        writes = length if keeps or setting.moves_cash else 0
        self._equity, self._held = np.empty(writes), np.empty(writes, np.bool_)
        kept = _most_flows(setting) if keeps else 0
        self._flows = (
            np.empty((kept, books.FLOW_INTS), np.int64),
            np.empty(kept),
            np.full(len(setting.acts), -1, np.int64),
        )
        self.make_room(0)

    def make_room(self, fills: int) -> None:
        """Make room for a number of fills, and for those of one row more."""
        room = fills + 32 + 8 * len(self._room[0])
        self.fills: books.Fills = (
            np.empty((room, books.BOOK_INTS), np.int64),
            np.empty((room, books.BOOK_FLOATS)),
        )

    def grow(self) -> None:
        """Make room for four times the fills."""
        self.make_room(4 * len(self.fills[0]))

    @property
    def work(self) -> trial.WalkWork:
        """What ``kernels.trial`` writes to."""
        return (
            self.rows, self.values, self._state, self._room, self.fills, self._flows, self.counts,
            self._equity, self._held, np.empty(1, np.int64), np.empty(1),
        )  # fmt: skip


def _most_flows(setting: Setting) -> int:
    carries = setting.packed[1][books.W_CARRIES] > 0.0
    return len(setting.acts) + (2 * (setting.stop - setting.start) if carries else 0)


def _find_due(setting: Setting, targets: Targets, scratch: Scratch) -> int:
    """Write the rows whose target is stated anew, and the targets; how many there are."""
    flat, start, stop = targets.reshape(-1), setting.start, setting.stop
    stated = setting.terms.exits.reentry == "stated"
    if flat.dtype == np.bool_ and not stated:
        flags = cast("Bools", flat)
        return simulate.changes_of_bools(
            flags, _words(flags), start, stop, scratch.rows, scratch.values
        )
    floats = np.ascontiguousarray(flat, dtype=np.float64)
    return simulate.changes_of_floats(
        floats, start, stop, stated, np.inf, scratch.rows, scratch.values
    )


def _words(flags: Bools) -> npt.NDArray[np.uint64]:
    """The memory of booleans, eight to a word, for as many whole words as there are."""
    return flags[: len(flags) // 8 * 8].view(np.uint64)


def summarise(setting: Setting, targets: Targets, name: str, scratch: Scratch) -> None:
    """Trade (T, 1) targets, and write the sums of the run's statistics to the scratch.

    Raises
    ------
    StrategyError
        A target beyond what the account may hold, or infinite.
    InputError
        A position too large for the books.
    """
    while _summarise(setting, targets.reshape(-1), scratch):
        scratch.grow()
    check(setting, scratch.counts, name, targets)


def _summarise(setting: Setting, targets: Targets, scratch: Scratch) -> int:
    stated = setting.terms.exits.reentry == "stated"
    if targets.dtype == np.bool_ and not stated:
        flags = cast("Bools", targets)
        return trial.walk_of_bools(
            flags, _words(flags), setting.start, setting.stop, setting.packed, scratch.work,
            scratch.sums, scratch.fill_sums,
        )  # fmt: skip
    return trial.walk_of_floats(
        np.ascontiguousarray(targets, dtype=np.float64), stated, setting.start, setting.stop,
        setting.packed, scratch.work, scratch.sums, scratch.fill_sums,
    )  # fmt: skip


def summarise_crossings(
    setting: Setting,
    tick_sums: Floats,
    windows: Ints,
    name: str,
    scratch: Scratch,
) -> tuple[Floats, Floats]:
    """Summarise crossings of two means, as ``engine.fast.summarise_crossings`` does."""
    count = len(windows)
    sums, fill_sums = np.empty((count, stats.SUMS)), np.empty((count, stats.TRADE_SUMS))
    flags = np.empty(trial.CROSSING_BLOCK, np.bool_)
    done = 0
    while True:
        done = trial.walks_of_crossings(
            tick_sums, windows, done, setting.start, setting.stop, setting.packed, flags,
            flags.view(np.uint64), scratch.work, sums, fill_sums,
        )  # fmt: skip
        check(setting, scratch.counts, name, None)
        if done == count:
            return sums, fill_sums
        scratch.grow()


def check(setting: Setting, counts: Ints, name: str, targets: Targets | None) -> None:
    """Raise what the kernel found in the targets and could only count."""
    found = int(counts[simulate.TOO_LARGE])
    if found < 0 and targets is not None:
        raise _beyond(setting, -1 - found, name, targets)
    check_counts(counts, setting.bars, name)


def _beyond(setting: Setting, row: int, name: str, targets: Targets) -> StrategyError:
    stated = np.asarray(targets, np.float64).reshape(-1)[: row + 1]
    last = stated[~np.isnan(stated)][-1]
    return target_error(setting.bars, row, name, float(abs(last)), setting.terms.max_weight)


def run(setting: Setting, targets: Targets, name: str) -> Record:
    """Trade (T, 1) targets, and give the record.

    Raises
    ------
    StrategyError, InputError
        As ``summarise``.
    """
    scratch = Scratch(setting, keeps=True)
    found = _find_due(setting, targets, scratch)
    scratch.make_room(3 * found)
    rows, values, state, room, _, flows, counts, equity, held, _, _ = scratch.work
    while True:
        used = walk.walk(
            rows[:found], values[:found], setting.start, setting.stop, *setting.packed[:8], state,
            room, scratch.fills, flows, counts, equity, held,
        )  # fmt: skip
        if used >= 0:
            break
        scratch.grow()
    check(setting, counts, name, targets)
    ints, floats = scratch.fills[0][:used], scratch.fills[1][:used]
    done = int(counts[walk.FLOWS_BOOKED])
    over = [int(count) for count in counts[due.OVER : due.OVER + 5]]
    return Record(
        bars=setting.bars,
        start=setting.start,
        stop=setting.stop,
        terms=setting.terms,
        engine="fast",
        equity=equity,
        held=held,
        fills=_fills(ints, floats),
        lots=np.array([state[1][books.N_HELD]], np.int64),
        counts=OrderCounts(*(int(count) for count in counts[: simulate.RUINED]), *over),
        ruined=bool(counts[simulate.RUINED]),
        flows=_flows(flows[0][:done], flows[1][:done]),
        splits=_splits(setting, flows[2]),
        halted=_HALTS[int(counts[walk.HALTED])],
        halted_row=int(counts[walk.HALTED_ROW]),
        ambiguous=int(counts[simulate.AMBIGUOUS]),
    )


def _fills(ints: Ints, floats: Floats) -> Fills:
    def column(array: npt.NDArray[np.generic], k: int) -> npt.NDArray[np.generic]:
        return np.ascontiguousarray(array[:, k])

    return Fills(
        row=cast("Ints", column(ints, simulate.FILL_ROW)),
        time=cast("Ints", column(ints, books.FILL_TIME)),
        instrument=cast("Ints", column(ints, simulate.FILL_INSTRUMENT)),
        lots=cast("Ints", column(ints, simulate.FILL_LOTS)),
        price=cast("Floats", column(floats, simulate.FILL_PRICE)),
        fee=cast("Floats", column(floats, simulate.FILL_FEE)),
        reason=cast("Ints", column(ints, simulate.FILL_REASON)),
        cash=cast("Floats", column(floats, simulate.FILL_CASH)),
        slippage=cast("Floats", column(floats, simulate.FILL_SLIPPAGE)),
    )


def _flows(ints: Ints, amounts: Floats) -> Flows:
    return Flows(
        row=ints[:, books.FLOW_ROW].copy(),
        time=ints[:, books.FLOW_TIME].copy(),
        instrument=ints[:, books.FLOW_INSTRUMENT].copy(),
        kind=tuple(_KINDS[kind] for kind in ints[:, books.FLOW_KIND]),
        amount=amounts.copy(),
    )


def _splits(setting: Setting, fills_before: Ints) -> tuple[HeldSplit, ...]:
    return tuple(
        HeldSplit(act.row, act.instrument, int(act.first), int(act.second), int(before))
        for act, before in zip(setting.acts, fills_before, strict=True)
        if act.kind == SPLIT and before >= 0
    )
