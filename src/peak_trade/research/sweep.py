"""Many parameter combinations of one strategy over the same bars, in parallel."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from peak_trade.data.features.supply import supplied
from peak_trade.domain.actions import Actions
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError, StrategyError, did_you_mean
from peak_trade.domain.sizer import Sizer
from peak_trade.domain.strategy import (
    HasTargets,
    Targets,
    check_required,
    parameters,
    warmup_of,
)
from peak_trade.domain.terms import Costs, Exits, Limits, Margin, Rebalance, Terms
from peak_trade.engine import fast, walk
from peak_trade.engine.account import check_tradable
from peak_trade.engine.scene import Scene
from peak_trade.journal.canonical import plain
from peak_trade.kernels import simulate, stats
from peak_trade.portfolio.weights import target_array
from peak_trade.research.backtest import beside_of, stats_json
from peak_trade.research.frames import frame_of
from peak_trade.research.span import Span, stamp_text
from peak_trade.stats import performance
from peak_trade.stats.exact import exact_sums

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Floats = npt.NDArray[np.float64]
Values = tuple[object, ...]

TERM_KEYS = tuple(
    f"{owner}.{name}"
    for owner, names in {
        "costs": (
            "commission", "slippage", "half_spread", "volume_share", "impact", "impact_window",
            "borrow", "interest",
        ),
        "exits": (
            "stop_loss", "take_profit", "trailing", "trailing_arm", "trailing_offset",
            "trailing_after", "break_even", "max_bars", "stop_atr", "take_atr", "trailing_atr",
            "atr_window",
        ),
        "limits": (
            "max_position", "max_gross", "max_net", "max_order", "max_participation",
            "max_daily_loss", "max_drawdown",
        ),
    }.items()
    for name in names
)  # fmt: skip
"""What can be swept besides a strategy's parameters: numbers of the terms."""

_LOWEST_FIRST = ("volatility", "fees", "turnover")
_PORTIONS = 16  # pieces of work a thread, so that the last ones finish together


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One combination: its parameters and its statistics, as of a backtest."""

    params: dict[str, object]
    stats: dict[str, float]


class SweepRows(Sequence[SweepRow]):
    """The rows of a sweep, made when they are looked at."""

    def __init__(
        self, grid: Mapping[str, Values], combinations: npt.NDArray[np.int64], table: Floats
    ) -> None:
        self._grid, self._combinations, self._table = grid, combinations, table

    def __len__(self) -> int:
        return len(self._combinations)

    @overload
    def __getitem__(self, index: int) -> SweepRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[SweepRow]: ...
    def __getitem__(self, index: int | slice) -> SweepRow | list[SweepRow]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        figures = (float(value) for value in self._table[index])
        return SweepRow(
            _combination(self._grid, int(self._combinations[index])),
            dict(zip(performance.STATISTICS, figures, strict=True)),
        )

    def column(self, name: str) -> Floats:
        """One statistic of all rows."""
        return self._table[:, performance.STATISTICS.index(name)]

    @property
    def positions(self) -> npt.NDArray[np.int64]:
        """(K,) Which combination of the grid each row is; the last name varies fastest."""
        return self._combinations

    @property
    def places(self) -> npt.NDArray[np.int64]:
        """(rows, parameters) Place of each row's values among those of the grid."""
        shape = [len(values) for values in self._grid.values()]
        return np.stack(np.unravel_index(self._combinations, shape), axis=1).astype(np.int64)

    def parameter(self, name: str) -> list[object]:
        """One parameter of all rows."""
        return [_combination(self._grid, int(k))[name] for k in self._combinations]


@dataclass(frozen=True)
class Sweep:
    """What a sweep found.

    Attributes
    ----------
    name : str
        The strategy's class name.
    bars : Bars
        What was traded on; from row ``start`` on.
    grid : dict of str to tuple
        The values tried.
    rows : sequence of SweepRow
        The combinations that ran, best by ``sort`` first.
    trials, skipped : int
        Combinations that ran, and those that the strategy refused.
    refusal : str
        Why one of them was refused; empty where none was.
    engine_note : str
        Why combinations went through the Session; empty where none did.
    actions : Actions, optional
        Dividends, splits, delistings and funding that were given.
    detail : Bars, optional
        Finer bars that were given.
    """

    name: str
    bars: Bars
    start: int
    grid: Mapping[str, Values]
    rows: SweepRows
    sort: str
    skipped: int
    terms: Terms
    refusal: str = ""
    warnings: tuple[str, ...] = field(default=())
    engine_note: str = ""
    actions: Actions | None = None
    detail: Bars | None = None

    def __repr__(self) -> str:
        best = self.rows[0]
        return (
            f"Sweep({self.name} on {self.bars.name}: {self.trials:,} trials, best {self.sort} "
            f"{best.stats[self.sort]:.4g} at {best.params})"
        )

    @property
    def trials(self) -> int:
        """Combinations that ran."""
        return len(self.rows)

    @property
    def best(self) -> SweepRow:
        """The first row."""
        return self.rows[0]

    @cached_property
    def _columns(self) -> dict[str, npt.NDArray[Any]]:
        found: dict[str, npt.NDArray[Any]] = {
            name: np.array(self.rows.parameter(name)) for name in self.grid
        }
        return found | {name: self.rows.column(name) for name in performance.STATISTICS}

    def frame(self) -> "pl.DataFrame | pd.DataFrame":
        """One row a combination, best first: parameters, then statistics."""
        return frame_of(self._columns, self.bars.frame)

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        """Everything, or the ``top`` rows, ready for JSON; NaN and infinities become None."""
        return {
            "strategy": self.name,
            "sort": self.sort,
            "trials": self.trials,
            "skipped": self.skipped,
            "refusal": self.refusal,
            "data": {
                "name": self.bars.name,
                "fingerprint": self.bars.fingerprint,
                "bars": len(self.bars) - self.start,
                "from": stamp_text(self.bars, self.start),
                "to": stamp_text(self.bars, len(self.bars) - 1),
                **beside_of(self.actions, self.detail),
            },
            "terms": plain(self.terms),
            "rows": [
                {"params": row.params, "stats": stats_json(row.stats)} for row in self.rows[:top]
            ],
            "warnings": list(self.warnings),
        }

    def report(self, path: str | Path) -> Path:
        """Write the sweep's report, one HTML file, and give its path."""
        from peak_trade.research.pages import write_sweep_report

        return write_sweep_report(self, path)


def sweep(
    strategy: type,
    bars: Bars,
    grid: Mapping[str, Sequence[object]],
    *,
    cash: float = 100_000.0,
    costs: Costs | None = None,
    exits: Exits | None = None,
    start: str | int | None = None,
    end: str | int | None = None,
    cash_buffer: float = 0.0,
    min_change: float | None = None,
    shortfall: Literal["scale", "reject"] = "scale",
    limits: Limits | None = None,
    margin: Margin | None = None,
    rebalance: Rebalance = "change",
    band: float | None = None,
    sizer: Sizer | None = None,
    currency: str = "",
    actions: Actions | None = None,
    detail: Bars | None = None,
    sort: str = "sharpe",
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Sweep:
    """Backtest every combination of a grid; each row equals ``backtest`` of its parameters.

    Parameters
    ----------
    strategy : type
        A strategy class.
    bars : Bars
        What to trade on.
    grid : mapping of str to sequence
        Values by name: parameters of the strategy, and numbers of the terms such as
        ``costs.commission``, ``exits.stop_loss`` or ``limits.max_drawdown``. Combinations that the
        strategy refuses are skipped and counted.
    cash, costs, exits, start, end, cash_buffer, min_change, shortfall
        As in ``backtest``.
    limits, margin, rebalance, band, sizer, currency, actions, detail
        As in ``backtest``. Where the fast path declines them, each combination goes through the
        Session, bar by bar, and a warning of the result says why.
    sort : str
        The statistic that ranks the rows, best first.
    threads : int, optional
        All processors where left out.
    progress : callable, optional
        Told how many combinations are done, and of how many.

    Raises
    ------
    ParameterError
        An unknown parameter or statistic, or a grid of no combination.
    InputError
        Bars or terms that cannot be traded.

    Examples
    --------
    >>> from peak_trade.strategies import MaCross
    >>> bars = Bars.from_arrays([10.0, 11.0, 12.0, 13.0, 12.0, 11.0, 10.0, 12.0])
    >>> found = sweep(MaCross, bars, {"fast": [1, 2, 3], "slow": [2, 3]})
    >>> found.trials, found.skipped
    (3, 3)
    """
    values = {name: _plain_values(name, found) for name, found in grid.items()}
    _check_request(bars, threads)
    _check_grid(strategy, values, sort)
    terms = Terms(
        cash=cash,
        costs=costs or Costs(),
        exits=exits or Exits(),
        cash_buffer=cash_buffer,
        min_change=min_change,
        shortfall=shortfall,
        limits=limits or Limits(),
        margin=margin,
        rebalance=rebalance,
        band=band,
        sizer=sizer,
        currency=currency,
    )
    span = Span.of(supplied(bars), start, end)
    plan = _Plan(strategy, values, terms, span, actions=actions, detail=detail)
    table, valid = plan.run(threads or cpu_count() or 1, progress)
    if not len(table):
        raise ParameterError(
            f"none of the {len(valid)} combinations of the grid is accepted by {strategy.__name__}",
            hint=f"the last one was refused: {plan.refusal}" if plan.refusal else "widen the grid",
        )
    combinations = np.flatnonzero(valid)
    order = _ranked(table[:, performance.STATISTICS.index(sort)], sort)
    return Sweep(
        name=strategy.__name__,
        bars=span.bars,
        start=span.start,
        grid=values,
        rows=SweepRows(values, combinations[order], table[order]),
        sort=sort,
        skipped=len(valid) - len(table),
        terms=terms,
        refusal=plan.refusal,
        warnings=_warnings(plan),
        engine_note=plan.declined,
        actions=actions,
        detail=detail,
    )


def _warnings(plan: "_Plan") -> tuple[str, ...]:
    found = []
    if plan.terms.costs.are_free and not any(name.startswith("costs.") for name in plan.grid):
        found.append("No costs were set: the figures are before commission and slippage.")
    if plan.declined:
        which = "Some combinations" if plan.is_mixed else "Each combination"
        found.append(
            f"{which} went through the Session, bar by bar: the fast path declines, "
            f"{plan.declined}."
        )
    return tuple(found)


def _plain_values(name: str, found: object) -> Values:
    """The values of one parameter; NumPy numbers become Python ones."""
    if isinstance(found, str) or not isinstance(found, Iterable):
        raise ParameterError(
            f"the grid of {name} is {found!r}, a sequence of values is expected",
            hint=f"write {{{name!r}: [{found!r}]}}",
        )
    return tuple(value.item() if isinstance(value, np.generic) else value for value in found)


def _check_request(bars: Bars, threads: int | None) -> None:
    if not isinstance(bars, Bars):
        raise ParameterError(
            f"bars are a {type(bars).__name__}, Bars are expected", hint="load them with pt.load"
        )
    if threads is not None and threads < 1:
        raise ParameterError(f"threads {threads} is not at least 1", hint="leave it out for all")


def _check_grid(strategy: type, grid: Mapping[str, Values], sort: str) -> None:
    if not callable(getattr(strategy, "targets", None)):
        raise StrategyError(
            f"{strategy!r} has no method targets(bars)",
            hint="hand in a strategy class, such as pt.strategies.MaCross",
        )
    if not isinstance(strategy, type):
        raise StrategyError(
            f"{strategy!r} is a strategy, and a sweep makes its own",
            hint=f"hand in the class, {type(strategy).__name__}",
        )
    own = [item.name for item in parameters(strategy)]
    for name, found in grid.items():
        if name not in own and name not in TERM_KEYS:
            near = TERM_KEYS if "." in name else own
            raise ParameterError(
                f"{strategy.__name__} has no parameter {name!r}", hint=did_you_mean(name, near)
            )
        if not found:
            raise ParameterError(
                f"the grid has no value for {name}", hint="give at least one value", name=name
            )
    if not grid:
        raise ParameterError("the grid is empty", hint="name a parameter and its values")
    check_required(strategy, grid)
    if sort not in performance.STATISTICS:
        raise ParameterError(
            f"{sort!r} is no statistic to sort by", hint=did_you_mean(sort, performance.STATISTICS)
        )


def _ranked(figures: Floats, sort: str) -> npt.NDArray[np.int64]:
    """Positions of the figures, best first; NaN last, and equal ones in grid order."""
    worst_last = np.where(np.isnan(figures), -math.inf, figures)
    if sort in _LOWEST_FIRST:
        worst_last = np.where(np.isnan(figures), -math.inf, -figures)
    return np.argsort(-worst_last, kind="stable")


def _combination(grid: Mapping[str, Values], index: int) -> dict[str, object]:
    """The index-th combination of a grid, the last name varying fastest."""
    found: dict[str, object] = {}
    for name in reversed(list(grid)):
        index, k = divmod(index, len(grid[name]))
        found[name] = grid[name][k]
    return {name: found[name] for name in grid}


class _Plan:
    """A sweep's combinations, grouped by what the strategy sees of them."""

    def __init__(
        self,
        strategy: type,
        grid: Mapping[str, Values],
        terms: Terms,
        span: Span,
        *,
        actions: Actions | None,
        detail: Bars | None,
    ) -> None:
        self.grid, self.terms, self.span = grid, terms, span
        self.refusal = ""
        self._strategy = strategy
        own = [name for name in grid if name not in TERM_KEYS]
        other = [name for name in grid if name in TERM_KEYS]
        self._own = own
        strides = self._strides()
        self._own_index = list(self._offsets(own, strides))
        self._other_index = list(self._offsets(other, strides))
        all_terms = [
            _with(terms, dict(zip(other, chosen, strict=True)))
            for chosen in itertools.product(*(grid[name] for name in other))
        ]
        check_tradable(span.bars, span.start, span.stop, _widest(all_terms))
        self._trading = fast.Trading.of(span.bars, span.start, span.stop)
        self._lanes = _lanes(span, all_terms, actions, detail)
        self._bars_per_year = span.bars.bars_per_year
        self._may_cross = self._trading.is_single and all(lane.may_cross for lane in self._lanes)
        self._real: npt.NDArray[np.bool_] = np.asarray(
            span.bars.tradable[span.start : span.stop].any(axis=1)
        )

    def __len__(self) -> int:
        return len(self._own_index) * len(self._other_index)

    @property
    def declined(self) -> str:
        """Why the fast path does not take some combinations, or nothing."""
        return next((lane.declined for lane in self._lanes if lane.declined), "")

    @property
    def is_mixed(self) -> bool:
        """Whether the fast path takes some combinations and declines others."""
        return len({bool(lane.declined) for lane in self._lanes}) > 1

    def run(
        self, threads: int, progress: Callable[[int, int], None] | None
    ) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Statistics of the combinations that ran, and which of all they were."""
        total = len(self)
        table = np.full((total, len(performance.STATISTICS)), np.nan)
        valid = np.zeros(total, np.bool_)
        done = 0
        bounds = self._portions(threads)
        with ThreadPoolExecutor(threads) as pool:
            work = [pool.submit(self._portion, a, b, table, valid) for a, b in bounds]
            try:
                for finished in as_completed(work):
                    done += finished.result()
                    if progress is not None:
                        progress(done, total)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return table[valid], valid

    def _portions(self, threads: int) -> Iterator[tuple[int, int]]:
        count = len(self._own_index)
        pieces = min(count, max(threads * _PORTIONS, count // 64))
        edges = np.linspace(0, count, pieces + 1).astype(int)
        return zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)

    def _portion(self, first: int, last: int, table: Floats, valid: npt.NDArray[np.bool_]) -> int:
        own_values = [self.grid[name] for name in self._own]
        chosen = itertools.islice(itertools.product(*own_values), first, last)
        scratch = _Scratch(self._trading)
        made = [
            (offset, strategy)
            for offset, values in zip(self._own_index[first:last], chosen, strict=True)
            if (strategy := self._made(dict(zip(self._own, values, strict=True)))) is not None
        ]
        if not self._cross(made, scratch, table, valid):
            self._trade(made, scratch, table, valid)
        return (last - first) * len(self._other_index)

    def _trade(
        self,
        made: Sequence[tuple[int, HasTargets]],
        scratch: "_Scratch",
        table: Floats,
        valid: npt.NDArray[np.bool_],
    ) -> None:
        """Ask each strategy for its targets, and trade them under all terms."""
        for offset, strategy in made:
            targets = target_array(strategy, self.span.bars)
            for extra, lane in zip(self._other_index, self._lanes, strict=True):
                table[offset + extra] = self._traded(lane, targets, scratch)
                valid[offset + extra] = True

    def _traded(self, lane: "_Lane", targets: Targets, scratch: "_Scratch") -> list[float]:
        """Statistics of (T, N) targets under one lane's terms."""
        name, trading, fills = self._strategy.__name__, self._trading, scratch.fills
        if lane.needs_record:
            record, _ = lane.scene.run(targets, name)
            return list(performance.summary_of(record).values())
        if lane.setting is not None:
            room = scratch.room(lane.setting)
            walk.summarise(lane.setting, targets, name, room)
            return self._figures(lane.terms, room.sums, room.fill_sums)
        if trading.is_single:
            fast.summarise_single(trading, targets, lane.terms, name, fills)
        else:
            self._summarise_panel(targets, lane.terms, scratch)
        return self._figures(lane.terms, fills.sums, fills.fill_sums)

    def _cross(
        self,
        made: Sequence[tuple[int, HasTargets]],
        scratch: "_Scratch",
        table: Floats,
        valid: npt.NDArray[np.bool_],
    ) -> bool:
        """Trade strategies that are crossings of means all at once; False where they are not."""
        found = [getattr(strategy, "crossing", None) for _, strategy in made]
        if not found or None in found or not self._may_cross:
            return False
        windows = np.array(found, np.int64)
        tick_sums = exact_sums(self.span.bars, int(windows.max()))
        if tick_sums is None:
            return False
        name = self._strategy.__name__
        for extra, lane in zip(self._other_index, self._lanes, strict=True):
            if lane.setting is not None:
                room = scratch.room(lane.setting)
                sums, fill_sums = walk.summarise_crossings(
                    lane.setting, tick_sums, windows, name, room
                )
            else:
                sums, fill_sums = fast.summarise_crossings(
                    self._trading, tick_sums, windows, lane.terms, name, scratch.fills
                )
            for k, (offset, _) in enumerate(made):
                table[offset + extra] = self._figures(lane.terms, sums[k], fill_sums[k])
                valid[offset + extra] = True
        return True

    def _made(self, values: Mapping[str, object]) -> HasTargets | None:
        try:
            strategy: HasTargets = self._strategy(**values)
        except ParameterError as error:
            self.refusal = error.message
            return None
        warmup = warmup_of(strategy)
        if warmup >= self.span.stop:
            self.refusal = f"a warm-up of {warmup} rows on {self.span.stop} rows of data"
            return None
        return strategy

    def _summarise_panel(self, targets: Targets, terms: Terms, scratch: "_Scratch") -> None:
        trading, fills, equity, held = self._trading, scratch.fills, scratch.equity, scratch.held
        booked, _ = fast.trade_panel(trading, targets, terms, self._strategy.__name__, equity, held)
        stats.sums_of_equity(equity, self._real, held, terms.cash, fills.sums)
        stats.trade_sums(
            booked.ints[:, simulate.FILL_INSTRUMENT],
            booked.ints[:, simulate.FILL_LOTS],
            booked.floats[:, simulate.FILL_PRICE],
            booked.floats[:, simulate.FILL_FEE],
            trading.rules.units,
            scratch.lots,
            scratch.flow,
            fills.fill_sums,
        )

    def _figures(self, terms: Terms, sums: Floats, fill_sums: Floats) -> list[float]:
        found = performance.summary(sums, fill_sums, terms.cash, self._bars_per_year)
        return list(found.values())

    def _strides(self) -> dict[str, int]:
        strides, step = {}, 1
        for name in reversed(list(self.grid)):
            strides[name] = step
            step *= len(self.grid[name])
        return strides

    def _offsets(self, names: list[str], strides: Mapping[str, int]) -> Iterator[int]:
        for places in itertools.product(*(range(len(self.grid[name])) for name in names)):
            yield sum(k * strides[name] for k, name in zip(places, names, strict=True))


@dataclass(frozen=True, slots=True)
class _Lane:
    """One choice of terms: which loop trades it.

    ``setting`` is there where the compiled loop for any terms takes it; without it and without
    ``needs_record`` the loops for a plain account do.
    """

    scene: Scene
    setting: walk.Setting | None
    declined: str

    @classmethod
    def of(cls, scene: Scene) -> "_Lane":
        """Choose the loop."""
        declined, sheet = scene.declined, scene.sheet
        if declined or sheet is None or fast.is_plain(scene.terms, sheet):
            return cls(scene, None, declined)
        return cls(
            scene, walk.Setting.of(scene.bars, scene.start, scene.stop, scene.terms, sheet), ""
        )

    @property
    def terms(self) -> Terms:
        """The account."""
        return self.scene.terms

    @property
    def needs_record(self) -> bool:
        """Whether statistics are taken from a whole record: the Session's, or one with splits."""
        return bool(self.declined) or (self.setting is not None and self.setting.splits)

    @property
    def may_cross(self) -> bool:
        """Whether targets need not be computed where they are crossings of means."""
        return not self.needs_record and self.terms.exits.reentry == "zero"


def _lanes(
    span: Span,
    all_terms: Sequence[Terms],
    actions: Actions | None,
    detail: Bars | None,
) -> list[_Lane]:
    first = Scene.of(
        span.bars, start=span.start, stop=span.stop, terms=all_terms[0], actions=actions,
        detail=detail,
    )  # fmt: skip
    return [_Lane.of(first), *(_Lane.of(first.with_terms(terms)) for terms in all_terms[1:])]


def _widest(all_terms: Sequence[Terms]) -> Terms:
    """Terms with exits, where any combination has them."""
    return max(
        all_terms, key=lambda terms: (terms.exits.have_levels, terms.exits.take_profit or 0.0)
    )


class _Scratch:
    """What one thread writes to, over and over."""

    def __init__(self, trading: fast.Trading) -> None:
        rows, width = trading.stop - trading.start, len(trading.bars.instruments)
        self.fills = fast.Scratch(trading)
        self.equity = np.empty(0 if trading.is_single else rows)
        self.held = np.empty(len(self.equity), np.bool_)
        self.lots, self.flow = np.empty(width, np.int64), np.empty(width)
        self._rooms: dict[tuple[int, bool], walk.Scratch] = {}

    def room(self, setting: walk.Setting) -> walk.Scratch:
        """Room for walks of a setting, and of all that need as much."""
        size = setting.partials, setting.moves_cash
        if size not in self._rooms:
            self._rooms[size] = walk.Scratch(setting, keeps=False)
        return self._rooms[size]


def _with(terms: Terms, chosen: Mapping[str, object]) -> Terms:
    """The terms with some costs, exits and limits replaced; a value out of range is an error."""
    changes: dict[str, dict[str, Any]] = {"costs": {}, "exits": {}, "limits": {}}
    for key, value in chosen.items():
        owner, _, name = key.partition(".")
        changes[owner][name] = value
    return replace(
        terms,
        costs=replace(terms.costs, **changes["costs"]),
        exits=replace(terms.exits, **changes["exits"]),
        limits=replace(terms.limits, **changes["limits"]),
    )


__all__ = ["Sweep", "SweepRow", "SweepRows", "sweep"]
