"""One strategy over one stretch of bars: what it would have traded, and what that was worth."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from peak_trade.data.features.supply import check_features, feature_facts, supplied
from peak_trade.domain.actions import Actions, StockSplit
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError, ParameterError, StrategyError, did_you_mean
from peak_trade.domain.matching import Matching
from peak_trade.domain.order import Reason
from peak_trade.domain.order_strategy import OrderStrategy
from peak_trade.domain.record import Record, Trades
from peak_trade.domain.sizer import Sizer
from peak_trade.domain.strategy import HasTargets, parameter_values, warmup_of
from peak_trade.domain.terms import Costs, Exits, Limits, Margin, Rebalance, Terms
from peak_trade.engine.account import check_tradable
from peak_trade.engine.clock import new_run_id
from peak_trade.engine.scene import Scene
from peak_trade.journal.canonical import plain
from peak_trade.portfolio.weights import target_array
from peak_trade.research.frames import frame_of
from peak_trade.research.span import Span, code_version, stamp_text
from peak_trade.stats import performance
from peak_trade.stats.costs import CostSplit, costs_of
from peak_trade.stats.measures import measures_of
from peak_trade.stats.trades import (
    Excursions,
    TradeStatistics,
    excursions,
    grouped,
    trade_statistics,
)

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    Frame = pl.DataFrame | pd.DataFrame

Engine = Literal["auto", "fast", "session"]
FEW_TRADES = 30


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """How much of a result depends on which extreme came first inside bars.

    Attributes
    ----------
    bars : int
        Bars whose range reached both a stop and a profit of one position.
    worst, best : float
        Total return where the adverse and where the favourable extreme always came first.
    """

    bars: int
    worst: float
    best: float

    @property
    def turns_sign(self) -> bool:
        """Whether it decides between a gain and a loss."""
        return self.worst < 0.0 < self.best


@dataclass(frozen=True)
class Backtest:
    """What a backtest found.

    Attributes
    ----------
    run : str
        Unique id, ordered by time.
    strategy : HasTargets
        What was traded.
    bars : Bars
        What it was traded on.
    record : Record
        Equity and fills.
    stats : dict of str to float
        ``total_return``, ``cagr``, ``volatility``, ``sharpe``, ``sortino``, ``max_drawdown``,
        ``trades``, ``win_rate``, ``fees``, ``exposure``, ``turnover``; NaN where not defined.
    engine_note : str
        Why the fast path declined, empty where it did not.
    ambiguity : Ambiguity, optional
        How much depends on what came first inside bars; None where nothing does.
    warnings : tuple of str
        What a reader should know before leaning on the figures.
    actions : Actions, optional
        Dividends, splits, delistings and funding that were given.
    detail : Bars, optional
        Finer bars that were given.
    signals : Bars, optional
        What the strategy read instead of the bars.
    kind : str
        What its report is headed: a backtest, or a session that was measured alike.
    """

    run: str
    strategy: HasTargets | OrderStrategy
    bars: Bars
    record: Record
    stats: Mapping[str, float]
    engine_note: str = ""
    ambiguity: Ambiguity | None = None
    warnings: tuple[str, ...] = field(default=())
    actions: Actions | None = None
    detail: Bars | None = None
    signals: Bars | None = None
    kind: str = "Backtest"

    def __repr__(self) -> str:
        figures = ", ".join(f"{name} {self.stats[name]:.4g}" for name in _SHOWN)
        return f"Backtest({self.strategy!r} on {self.bars.name}: {figures})"

    @property
    def name(self) -> str:
        """The strategy's class name."""
        return type(self.strategy).__name__

    @property
    def params(self) -> dict[str, object]:
        """The strategy's parameters."""
        return parameter_values(self.strategy)

    @property
    def engine(self) -> str:
        """Which engine ran: ``fast`` or ``session``."""
        return self.record.engine

    @property
    def equity_final(self) -> float:
        """Equity at the last close, quote currency."""
        return float(self.record.equity[-1])

    @cached_property
    def trade_columns(self) -> Trades:
        """The trades as arrays, the open ones last."""
        return performance.trades_of(self.record)

    @cached_property
    def measures(self) -> Mapping[str, float]:
        """All measures of the run, under the names of ``stats.measures.MEASURES``.

        ``stats.measures.measures_of(result.record, benchmark=..., risk_free=...)`` gives them
        against a benchmark, or with other rates.
        """
        return measures_of(self.record)

    @cached_property
    def excursions(self) -> Excursions:
        """How far each trade went against and for its entry on the way (MAE and MFE)."""
        return excursions(self.record, self.trade_columns)

    @cached_property
    def trade_stats(self) -> TradeStatistics:
        """Profit factor, expectancy, streaks and the like of the closed trades."""
        return trade_statistics(self.trade_columns, way=self.excursions)

    def trade_stats_by(
        self, group: Literal["reason", "side", "symbol"]
    ) -> dict[str, TradeStatistics]:
        """The trades' statistics by exit reason, by side or by instrument.

        Raises
        ------
        InputError
            Another group.
        """
        trades = self.trade_columns
        groups: dict[str, tuple[npt.NDArray[np.int64], Sequence[str]]] = {
            "reason": (trades.reason, _REASONS.tolist()),
            "side": ((trades.side < 0).astype(np.int64), ("long", "short")),
            "symbol": (trades.instrument, self.bars.symbols),
        }
        if group not in groups:
            raise InputError(f"trades have no group {group!r}", hint=did_you_mean(group, groups))
        codes, names = groups[group]
        return grouped(trades, codes, names, way=self.excursions)

    @cached_property
    def costs(self) -> CostSplit:
        """What the run cost by kind: commission, slippage, and each kind of flow."""
        return costs_of(self.record)

    @cached_property
    def equity(self) -> "Frame":
        """Equity at each close: ``open_time`` and ``time`` (the close) of the row, UTC, and ``equity``.

        A daily bar of 31 December closes at midnight, on 1 January; ``open_time`` has its day.
        """
        record = self.record
        rows = slice(record.start, record.stop)
        opens = record.bars.open_time[rows]
        opens = opens[:, 0] if opens.shape[1] == 1 else opens.max(axis=1)
        columns = {"open_time": opens, "time": record.time, "equity": record.equity}
        return frame_of(columns, self.bars.frame)

    @cached_property
    def trades(self) -> "Frame":
        """One row a trade, from flat to flat or through zero; open ones last, marked at the end."""
        trades, symbols = self.trade_columns, np.array(self.bars.symbols)
        lot = np.array([instrument.lot for instrument in self.bars.instruments])
        columns = {
            "symbol": symbols[trades.instrument],
            "side": np.where(trades.side > 0, "long", "short"),
            "quantity": trades.lots * lot[trades.instrument],
            "entry_time": trades.entry_time,
            "exit_time": trades.exit_time,
            "entry_price": trades.entry_price,
            "exit_price": trades.exit_price,
            "pnl": trades.pnl,
            "return": trades.return_,
            "fees": trades.fees,
            "mae": self.excursions.mae,
            "mfe": self.excursions.mfe,
            "bars": trades.exit_row - trades.entry_row,
            "exit_reason": np.where(trades.is_open, "open", _REASONS[trades.reason]),
        }
        return frame_of(columns, self.bars.frame)

    @cached_property
    def fills(self) -> "Frame":
        """One row a fill, in the order they were booked."""
        fills, symbols = self.record.fills, np.array(self.bars.symbols)
        lot = np.array([instrument.lot for instrument in self.bars.instruments])
        columns = {
            "time": fills.time,
            "symbol": symbols[fills.instrument],
            "quantity": fills.lots * lot[fills.instrument],
            "lots": fills.lots,
            "price": fills.price,
            "fee": fills.fee,
            "cash": fills.cash,
            "reason": _REASONS[fills.reason],
        }
        return frame_of(columns, self.bars.frame)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the series, ready for JSON; NaN and infinities become None.

        A parameter that is a strategy itself becomes its class name and its parameters.
        """
        record, terms = self.record, self.record.terms
        return {
            "run": self.run,
            "strategy": self.name,
            "params": {name: plain_value(value) for name, value in self.params.items()},
            "engine": self.engine,
            "engine_note": self.engine_note,
            "data": {
                **data_of(record),
                **beside_of(self.actions, self.detail),
                **feature_facts(self.strategy, self.signals or self.bars),
            },
            "terms": plain(terms),
            "stats": stats_json(self.stats),
            "orders": {name: getattr(record.counts, name) for name in record.counts.__slots__},
            "cash": plain_value(terms.cash),
            "equity_final": plain_value(self.equity_final),
            "halted": halt_of(record),
            "ambiguity": None if self.ambiguity is None else asdict(self.ambiguity),
            "warnings": list(self.warnings),
            "code_version": code_version(),
            "report": None,
        }

    def report(self, path: str | Path) -> Path:
        """Write the run's report, one HTML file, and give its path.

        Raises
        ------
        InputError
            A path that cannot be written.
        """
        from peak_trade.research.pages import write_backtest_report

        return write_backtest_report(self, path)


_ORDER_LIMITS = ("position", "gross", "net", "order", "participation")
_SHOWN = ("total_return", "sharpe", "max_drawdown", "trades")
_REASONS = np.array([reason.name.lower() for reason in sorted(Reason)])


def backtest(
    strategy: HasTargets | OrderStrategy,
    bars: Bars,
    *,
    cash: float = 100_000.0,
    costs: Costs | None = None,
    exits: Exits | None = None,
    start: str | int | None = None,
    end: str | int | None = None,
    engine: Engine = "auto",
    cash_buffer: float = 0.0,
    min_change: float | None = None,
    shortfall: Literal["scale", "reject"] = "scale",
    limits: Limits | None = None,
    margin: Margin | None = None,
    rebalance: Rebalance = "change",
    band: float | None = None,
    sizer: Sizer | None = None,
    currency: str = "",
    matching: Matching | None = None,
    actions: Actions | None = None,
    detail: Bars | None = None,
    signals: Bars | None = None,
) -> Backtest:
    """Trade a strategy over bars, as a session would have, and measure what came of it.

    Parameters
    ----------
    strategy : HasTargets or OrderStrategy
        Any object with ``targets(bars)``, or an order strategy.
    bars : Bars
        From ``pt.load``.
    cash : float
        Starting cash in quote currency.
    costs : Costs, optional
        Commission and slippage; none where left out, and a warning says so.
    exits : Exits, optional
        Stop-loss and take-profit.
    start, end : str or int, optional
        First and last bar to trade by their opens: an ISO date or time (UTC), or UTC nanoseconds.
        Bars before ``start`` feed indicators only; bars after ``end`` are not seen at all.
    engine : {"auto", "fast", "session"}
        ``session`` steps bar by bar; ``fast`` is its compiled substitute, equal bit for bit.
    cash_buffer : float
        Fraction of equity that sizing leaves out.
    min_change : float, optional
        Smallest change of a target that is acted on; one order step where left out.
    shortfall : {"scale", "reject"}
        What happens to increases that cash does not pay in full.
    limits : Limits, optional
        What the account may hold and lose; wide where left out.
    margin : Margin, optional
        Leverage, its price and liquidation; none where left out.
    rebalance, band
        When a target that stands is looked at again, as in :class:`Terms`.
    sizer : Sizer, optional
        What scales targets before they become lots (``portfolio.size``).
    currency : str
        The account's currency; left out, the one that all instruments are quoted in.
    matching : Matching, optional
        Latency, touches and shares of volume for the orders of order strategies.
    actions : Actions, optional
        Dividends, splits, delistings and funding of the instruments.
    detail : Bars, optional
        Finer bars of the same instruments, by which exits inside a bar are decided.
    signals : Bars, optional
        What the strategy reads instead of ``bars``: the same rows and instruments in another view,
        such as ``pt.adjusted(bars, actions)``, so that a split in raw bars is no crash to it. Orders
        fill on ``bars``.

    Raises
    ------
    InputError
        Bars, targets or terms that cannot be traded.

    Examples
    --------
    >>> from peak_trade.strategies import MaCross
    >>> bars = Bars.from_arrays([10.0, 11.0, 12.0, 13.0, 12.0, 11.0, 10.0], open=[10.0] * 7)
    >>> result = backtest(MaCross(fast=1, slow=2), bars, cash=1000.0)
    >>> result.stats["trades"], result.equity_final
    (1.0, 1000.0)
    """
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
        matching=matching or Matching(),
    )
    _check_request(strategy, bars, engine)
    check_features(strategy, bars)
    bars = supplied(bars)
    span = Span.of(bars, start, end)
    check_tradable(span.bars, span.start, span.stop, terms)
    check_warmup(strategy, span)
    seen = span.bars if signals is None else supplied(_seen(signals, span.bars))
    scene = Scene.of(
        span.bars, start=span.start, stop=span.stop, terms=terms, actions=actions, detail=detail
    )
    name, ambiguity = type(strategy).__name__, None
    if isinstance(strategy, OrderStrategy):
        record, note = scene.run_orders(strategy, name, engine)
    else:
        targets = target_array(strategy, seen)
        record, note = scene.run(targets, name, engine)
        ambiguity = _ambiguity_of(scene, record, targets, engine)
    found = measured(record, strategy, bars, run=new_run_id(), actions=actions)
    split = split_warnings(record, actions) if signals is None else ()
    return replace(
        found,
        engine_note=note,
        ambiguity=ambiguity,
        warnings=(*found.warnings, *path_warnings(ambiguity), *split),
        detail=detail,
        signals=None if signals is None else replace(signals, supply=seen.supply),
    )


def measured(
    record: Record,
    strategy: HasTargets | OrderStrategy,
    bars: Bars,
    *,
    run: str,
    actions: Actions | None = None,
) -> Backtest:
    """Measure what came of a run over bars, whoever ran it: a backtest or a session.

    Parameters
    ----------
    record : Record
        What was traded, over at least two rows.
    strategy, bars
        What was run, and what it was run over.
    run : str
        The run's id.
    actions : Actions, optional
        Dividends, splits, delistings and funding of the instruments.
    """
    stats = performance.summary_of(record)
    return Backtest(
        run=run,
        strategy=strategy,
        bars=bars,
        record=record,
        stats=stats,
        warnings=warnings_of(record, stats),
        actions=actions,
    )


def _seen(signals: Bars, bars: Bars) -> Bars:
    """The rows of another view of the bars that a run covers."""
    seen = signals[: len(bars)]
    is_same = (
        signals.symbols == bars.symbols
        and seen.time.shape == bars.time.shape
        and bool((seen.time == bars.time).all())
    )
    if not is_same:
        raise InputError(
            f"signals {signals!r} do not have the rows and instruments of {bars.name}",
            hint="give another view of the same bars, such as pt.adjusted(bars, actions)",
        )
    return seen


def split_warnings(record: Record, actions: Actions | None) -> tuple[str, ...]:
    """Say that a strategy reads raw prices where splits were given."""
    bars = record.bars
    if actions is None:
        return ()
    first, last = int(bars.open_time[0].min()), int(bars.time[record.stop - 1])
    splits = [a for a in actions.between(first, last) if isinstance(a, StockSplit)]
    if not splits:
        return ()
    found = (
        f"{counted(len(splits), 'split')} given: the strategy reads raw prices, in which a split looks "
        "like a crash. Hand it adjusted ones: --signals split, or signals=pt.adjusted(bars, actions)."
    )
    return (found,)


def _ambiguity_of(
    scene: Scene,
    record: Record,
    targets: npt.NDArray[np.float64] | npt.NDArray[np.bool_],
    engine: Engine,
) -> Ambiguity | None:
    """Both paths inside bars where they may differ: one more run, by the other convention."""
    if not record.ambiguous:
        return None
    is_worst = scene.terms.exits.convention == "adverse"
    other = replace(scene.terms.exits, convention="favourable" if is_worst else "adverse")
    twin, _ = scene.with_terms(replace(scene.terms, exits=other)).run(
        targets, "strategy", "session" if engine == "session" else "auto"
    )
    found = [float(run.equity[-1] / run.terms.cash - 1.0) for run in (record, twin)]
    worst, best = found if is_worst else reversed(found)
    return Ambiguity(record.ambiguous, worst, best)


def _check_request(strategy: object, bars: object, engine: str) -> None:
    if isinstance(strategy, str):
        raise StrategyError(
            f"{strategy!r} is the name of a strategy, not a strategy",
            hint="hand in an object, such as pt.strategies.MaCross(fast=20, slow=100)",
        )
    if isinstance(strategy, type):
        raise StrategyError(
            f"{strategy.__name__} is a class, not a strategy",
            hint=f"make an object of it: {strategy.__name__}(...)",
        )
    if not isinstance(strategy, HasTargets | OrderStrategy):
        raise StrategyError(
            f"{strategy!r} has no method targets(bars)",
            hint="hand in an object, such as pt.strategies.MaCross(fast=20, slow=100)",
        )
    if not isinstance(bars, Bars):
        raise InputError(
            f"bars is a {type(bars).__name__}, expected Bars",
            hint="make them with pt.load(...) or pt.Bars.from_arrays(...)",
        )
    if engine not in ("auto", "fast", "session"):
        raise ParameterError(f"engine {engine!r} is not known", hint="choose auto, fast or session")


def check_warmup(strategy: HasTargets | OrderStrategy, span: Span) -> None:
    """Refuse bars that end before a strategy's first target that means something."""
    warmup = warmup_of(strategy)
    if warmup >= span.stop:
        raise InputError(
            f"the warm-up of {type(strategy).__name__} is {warmup:,} rows, and {span.bars.name} "
            f"has {span.stop:,} up to the end",
            hint="give more data or shorter windows",
            warmup=warmup,
            rows=span.stop,
        )


def warnings_of(record: Record, stats: Mapping[str, float]) -> tuple[str, ...]:
    """What a reader should know before leaning on a run's figures."""
    counts, terms = record.counts, record.terms
    closed = int(stats["trades"]) - int(np.count_nonzero(record.lots))
    found = []
    if terms.costs.are_free:
        found.append("No costs were set: the figures are before commission and slippage.")
    if record.ruined:
        found.append("Equity fell to zero or below: the account was closed and stayed flat.")
    if not len(record.fills):
        found.append("No order was filled: the strategy never held a position.")
    elif not closed:
        found.append("No trade was closed: there is no win rate, and the ratios say little.")
    elif closed < FEW_TRADES:
        found.append(
            f"Only {counted(closed, 'trade')} closed, fewer than {FEW_TRADES}: the win rate and the "
            "ratios say little."
        )
    years = (record.stop - record.start) / record.bars.bars_per_year
    if years < 1:
        found.append(
            f"The run covers {years:.2f} years: annual figures are extrapolated from less than one."
        )
    found += [*limit_warnings(record), *liquidation_warnings(record)]
    if counts.below_minimum:
        orders = counted(counts.below_minimum, "order")
        found.append(f"{orders} refused as below the minimum notional.")
    if counts.unfilled:
        orders = counted(counts.unfilled, "order")
        found.append(f"{orders} still open: the data ended before the next bar.")
    return tuple(found)


def limit_warnings(record: Record) -> tuple[str, ...]:
    """What limits refused, and when one of them halted trading."""
    counts, said = record.counts, []
    if counts.refused:
        by = {name: getattr(counts, f"over_{name}") for name in _ORDER_LIMITS}
        named = ", ".join(f"{number:,} by max_{name}" for name, number in by.items() if number)
        said.append(f"{counted(counts.refused, 'order')} refused by limits: {named}.")
    halt = halt_of(record)
    if halt is not None:
        kept = "were closed" if record.terms.limits.flatten else "were kept (flatten closes them)"
        said.append(
            f"Trading halted at the close of the bar of {_bar_text(record, record.halted_row)}: "
            f"{halt['limit']} {halt['value']} was exceeded; positions {kept}."
        )
    return tuple(said)


def liquidation_warnings(record: Record) -> tuple[str, ...]:
    """How many positions the margin model closed, and when it began to."""
    forced = record.fills.reason == Reason.LIQUIDATION
    number = int(np.count_nonzero(forced))
    if not number:
        return ()
    first = _bar_text(record, int(record.fills.row[forced][0]))
    positions = counted(number, "position")
    return (f"{positions} liquidated for lack of margin, the first in the bar of {first}.",)


def _bar_text(record: Record, row: int) -> str:
    return stamp_text(record.bars, row).removesuffix("T00:00:00Z")


def halt_of(record: Record) -> dict[str, object] | None:
    """The loss limit that halted trading, its value, and the bar at whose close it did."""
    if not record.halted:
        return None
    value: float = getattr(record.terms.limits, record.halted)
    bar = stamp_text(record.bars, record.halted_row)
    return {"limit": record.halted, "value": value, "bar": bar}


def beside_of(actions: Actions | None, detail: Bars | None) -> dict[str, object]:
    """What was given besides the bars: actions, finer bars; nothing where there are none."""
    found: dict[str, object] = {}
    if actions is not None:
        found["actions"] = {"count": len(actions), "fingerprint": actions.fingerprint}
    if detail is not None:
        facts = {"name": detail.name, "interval": str(detail.interval)}
        found["detail"] = {**facts, "bars": len(detail), "fingerprint": detail.fingerprint}
    return found


def path_warnings(ambiguity: Ambiguity | None) -> tuple[str, ...]:
    """What a reader should know of bars whose inside decides the result."""
    if ambiguity is None or not ambiguity.turns_sign:
        return ()
    said = (
        f"Whether the run gains or loses depends on what came first inside "
        f"{ambiguity.bars:,} bars: from {ambiguity.worst:.2%} to {ambiguity.best:.2%}. "
        "Finer bars decide it (detail)."
    )
    return (said,)


def counted(number: int, noun: str) -> str:
    """A number of things that something was done to, as a sentence has it.

    Examples
    --------
    >>> counted(1, "order"), counted(2, "order")
    ('1 order was', '2 orders were')
    """
    return f"{number:,} {noun} was" if number == 1 else f"{number:,} {noun}s were"


def data_of(record: Record) -> dict[str, object]:
    """What was traded on: name, fingerprint, traded bars, opens of the first and the last one."""
    bars = record.bars
    return {
        "name": bars.name,
        "fingerprint": bars.fingerprint,
        "bars": record.stop - record.start,
        "from": stamp_text(bars, record.start),
        "to": stamp_text(bars, record.stop - 1),
        "interval": str(bars.interval),
        "symbols": list(bars.symbols),
        "bars_per_year": bars.bars_per_year,
    }


def stats_json(stats: Mapping[str, float]) -> dict[str, float | int | None]:
    """Statistics as JSON has them: counts whole, what is not finite None."""
    return {
        name: (int(value) if name == "trades" else value) if np.isfinite(value) else None
        for name, value in stats.items()
    }


def plain_value(value: object) -> object:
    """A parameter as JSON has it: numbers, texts, lists, and strategies with their parameters.

    Examples
    --------
    >>> plain_value((np.int64(3), float("nan"), "close"))
    [3, None, 'close']
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, HasTargets) and not isinstance(value, type):
        found = parameter_values(value)
        params = {name: plain_value(item) for name, item in found.items()}
        return {"strategy": type(value).__name__, "params": params}
    return repr(value)
