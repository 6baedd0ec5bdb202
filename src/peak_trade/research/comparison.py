"""Several runs side by side: their figures, how alike they moved, what was asked differently."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import ParameterError
from peak_trade.domain.record import Record
from peak_trade.observe.page import ComparedRun, ComparisonPage
from peak_trade.observe.terms_text import terms_facts
from peak_trade.observe.text import value_of
from peak_trade.research.backtest import Backtest, stats_json
from peak_trade.research.frames import frame_of
from peak_trade.research.span import code_version, stamp_text
from peak_trade.stats.compare import Curve
from peak_trade.stats.compare import compare as side_by_side
from peak_trade.stats.measures import measures_of

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    Frame = pl.DataFrame | pd.DataFrame

Floats = npt.NDArray[np.float64]

HELD = "Buy and hold"
MOST_FEW = 3
"""Closes that runs share at least for a correlation."""
FURTHER = (
    "calmar", "omega", "probabilistic_sharpe", "longest_drawdown", "value_at_risk",
    "conditional_value_at_risk", "skew", "worst_day", "worst_month", "positive_months",
)  # fmt: skip
"""Measures that stand beside the figures of every run."""
ACTIVE = ("active_return", "alpha", "beta", "tracking_error", "information_ratio")
"""What a run did against the first one."""


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes
    ----------
    runs : tuple of ComparedRun
        Names, equity and figures, in the order they were given; buy-and-hold last where wanted.
    correlations : (R, R) float64
        Correlation of their returns from bar to bar, over the closes that all have; NaN where
        fewer than three are shared or one never moved.
    active : dict of str to list of float
        ``active_return``, ``alpha``, ``beta``, ``tracking_error`` and ``information_ratio`` of the
        second and later runs against the first.
    warnings : tuple of str
        What a reader should know before leaning on the figures.
    """

    runs: tuple[ComparedRun, ...]
    correlations: Floats
    active: Mapping[str, Sequence[float]]
    warnings: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Comparison({', '.join(run.name for run in self.runs)})"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What the runs are called."""
        return tuple(run.name for run in self.runs)

    def table(self, *, frame: Literal["polars", "pandas"] = "polars") -> "Frame":
        """One row a figure, one column a run."""
        rows = list(self.runs[0].stats)
        columns: dict[str, npt.NDArray[Any]] = {"figure": np.array(rows)}
        for run in self.runs:
            columns[run.name] = np.array([run.stats.get(name, np.nan) for name in rows])
        return frame_of(columns, frame)

    def equity(self, *, frame: Literal["polars", "pandas"] = "polars") -> "Frame":
        """One row a close that any run has, UTC, one column a run; NaN where it has none."""
        time = np.unique(np.concatenate([run.time for run in self.runs]))
        columns: dict[str, npt.NDArray[Any]] = {"time": time}
        for run in self.runs:
            values = np.full(len(time), np.nan)
            values[np.searchsorted(time, run.time)] = run.equity
            columns[run.name] = values
        return frame_of(columns, frame)

    def to_dict(self) -> dict[str, Any]:
        """Figures, correlations and what was asked, ready for JSON; NaN becomes None."""
        return {
            "runs": [
                {
                    "name": run.name,
                    "data": run.data,
                    "asked": dict(run.asked),
                    "stats": stats_json(run.stats),
                    "equity_final": float(run.equity[-1]),
                }
                for run in self.runs
            ],
            "correlations": [
                [float(value) if np.isfinite(value) else None for value in row]
                for row in self.correlations
            ],
            "active": {
                name: [value if np.isfinite(value) else None for value in values]
                for name, values in self.active.items()
            },
            "warnings": list(self.warnings),
            "report": None,
        }

    def report(self, path: str | Path) -> Path:
        """Write the comparison's report, one HTML file, and give its path."""
        from peak_trade.observe.report import write_comparison

        page = ComparisonPage(
            runs=self.runs,
            correlations=self.correlations,
            active=self.active,
            code_version=code_version(),
            warnings=self.warnings,
        )
        return write_comparison(page, path)


def compare(
    results: Sequence[Backtest] | Mapping[str, Backtest], *, buy_and_hold: bool = True
) -> Comparison:
    """Put backtests side by side: figures, equity, correlations and what was asked differently.

    Parameters
    ----------
    results : sequence of Backtest, or mapping of str to Backtest
        The runs; the keys of a mapping are their names on the page. Those of a sequence are called
        by their strategy, and by the parameters in which strategies of one class differ.
    buy_and_hold : bool
        Whether buying equal parts of everything and holding, under the first run's costs, stands
        beside them.

    Raises
    ------
    ParameterError
        No run at all, or something that is no backtest.

    Examples
    --------
    >>> from peak_trade.domain.bars import Bars
    >>> from peak_trade.research.backtest import backtest
    >>> from peak_trade.strategies import MaCross
    >>> bars = Bars.from_arrays([10.0, 11.0, 12.0, 13.0, 12.0, 11.0, 10.0, 12.0, 13.0])
    >>> runs = [backtest(MaCross(fast=1, slow=slow), bars) for slow in (2, 3)]
    >>> compare(runs).names
    ('MaCross slow=2', 'MaCross slow=3', 'Buy and hold')
    """
    found = list(results.values()) if isinstance(results, Mapping) else list(results)
    for result in found:
        if not isinstance(result, Backtest):
            raise ParameterError(
                f"{type(result).__name__} is no Backtest", hint="hand in what pt.backtest gives"
            )
    if not found:
        raise ParameterError("there is no run to compare", hint="hand in two backtests or more")
    names = list(results) if isinstance(results, Mapping) else names_of(found)
    taken = sorted({"figure", "time", HELD} & set(names))
    if taken:
        raise ParameterError(
            f"a run cannot be called {taken[0]!r}", hint="that name stands for a column"
        )
    runs = [_run(name, result) for name, result in zip(names, found, strict=True)]
    years = [result.record.bars.bars_per_year for result in found]
    if buy_and_hold:
        runs.append(_held(found[0]))
        years.append(years[0])
    correlations, active = _beside(runs, years)
    noted = [
        (name, warning)
        for name, result in zip(names, found, strict=True)
        for warning in result.warnings
    ]
    return Comparison(tuple(runs), correlations, active, tuple(_shared(noted, len(found))))


def names_of(results: Sequence[Backtest]) -> list[str]:
    """Names of runs by their strategies, and by what differs among those of one class."""
    names = []
    for result in results:
        alike = [other.params for other in results if other.name == result.name]
        differ = [key for key in result.params if len({value_of(p[key]) for p in alike}) > 1]
        shown = ", ".join(f"{key}={value_of(result.params[key])}" for key in differ)
        names.append(f"{result.name} {shown}".strip())
    named = [
        f"{name} ({result.bars.name})" if names.count(name) > 1 else name
        for name, result in zip(names, results, strict=True)
    ]
    return [
        f"{name} #{named[: k + 1].count(name)}" if named.count(name) > 1 else name
        for k, name in enumerate(named)
    ]


def _beside(
    runs: Sequence[ComparedRun], bars_per_year: Sequence[float]
) -> tuple[Floats, dict[str, list[float]]]:
    """Correlations, and what each but the first did against it, over the closes that all have."""
    shared = runs[0].time
    for run in runs[1:]:
        shared = np.intersect1d(shared, run.time, assume_unique=True)
    if len(shared) < MOST_FEW:
        return np.full((len(runs), len(runs)), np.nan), {}
    found = side_by_side(
        {
            run.name: Curve(run.time, run.equity, year)
            for run, year in zip(runs, bars_per_year, strict=True)
        }
    )
    active = {name: [float(v) for v in getattr(found, name)[1:]] for name in ACTIVE}
    return found.correlation, active if len(runs) > 1 else {}


def _run(name: str, result: Backtest) -> ComparedRun:
    record = result.record
    return ComparedRun(
        name=name,
        time=record.time,
        equity=record.equity,
        stats={**result.stats, **_further(record)},
        asked=_asked(result),
        data=result.bars.name,
        currency=record.terms.currency or record.bars.instruments[0].quote,
        interval_ns=record.bars.interval.ns,
    )


def _asked(result: Backtest) -> dict[str, str]:
    """What was asked for and on what, in words."""
    record = result.record
    bars = record.bars
    return {
        "Strategy": result.name,
        **{f"Parameter {key}": value_of(value) for key, value in result.params.items()},
        "Data": result.bars.name,
        "Data fingerprint": bars.fingerprint,
        "First bar": stamp_text(bars, record.start),
        "Last bar": stamp_text(bars, record.stop - 1),
        "Engine": result.engine,
        **terms_facts(record.terms),
    }


def _further(record: Record) -> dict[str, float]:
    found = measures_of(record)
    return {name: found[name] for name in FURTHER}


def _held(first: Backtest) -> ComparedRun:
    from peak_trade.research.pages import buy_and_hold
    from peak_trade.stats import performance

    record: Record = buy_and_hold(first.record, first.actions)
    return ComparedRun(
        name=HELD,
        time=record.time,
        equity=record.equity,
        stats={**performance.summary_of(record), **_further(record)},
        asked={
            **{k: v for k, v in _asked(first).items() if not k.startswith("Parameter ")},
            "Strategy": HELD,
        },
        data=first.bars.name,
        currency=record.terms.currency or record.bars.instruments[0].quote,
        interval_ns=record.bars.interval.ns,
    )


def _shared(noted: Sequence[tuple[str, str]], runs: int) -> list[str]:
    """Warnings that all runs have stand once, without a name."""
    texts = [text for _, text in noted]
    shown = [text if texts.count(text) == runs > 1 else f"{name}: {text}" for name, text in noted]
    return list(dict.fromkeys(shown))


__all__ = ["Comparison", "compare"]
