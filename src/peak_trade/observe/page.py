"""What a report is made of: plain values that the caller fills in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from peak_trade.domain.record import Record, Trades

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BacktestPage:
    """Everything that the report of one backtest shows.

    Attributes
    ----------
    title : str
        Headline.
    run : str
        Id of the run.
    strategy, description, source : str
        Name of the strategy, what it does in a sentence, where it was published.
    params : mapping of str to object
        Its parameters.
    engine, engine_note : str
        Which engine ran, and why the fast one declined (empty where it did not).
    record : Record
        The run itself.
    trades : Trades
        Its round trips.
    stats : mapping of str to float
        The figures, by name; NaN where one is not defined. Fractions, not percent.
    benchmark : (str, (rows,) float64), optional
        Label and account values of buy-and-hold on the traded rows, quote currency.
    benchmark_stats : mapping of str to float
        Figures of the benchmark, shown beside those of the strategy of the same name.
    measures, benchmark_measures : mapping of str to float
        Further figures of the run and of the benchmark, by the names of ``stats.measures``.
    indicators : mapping of str to (T, N) or (T,) float64
        Drawn over the price; T counts from the first row of the record's bars, NaN is a gap.
    warnings : sequence of str
        What a reader has to know before trusting the numbers.
    data, interval, fingerprint : str
        Where the bars came from, the length of a bar, the fingerprint of the bars.
    code_version : str
        Version of the code that ran.
    kind : str
        What the page tells of: a backtest, or a session.
    facts : mapping of str to str
        Anything else about how the page came to be, such as the command.
    recipe : str
        Python that makes the run again; may be empty.
    rates : (T, N) float64
        Value of each instrument's quote currency in the account's at every close of the bars; empty
        where all are the same.
    """

    title: str
    run: str
    strategy: str
    record: Record
    trades: Trades
    stats: Mapping[str, float]
    data: str
    interval: str
    fingerprint: str
    code_version: str
    kind: str = "Backtest"
    engine: str = ""
    engine_note: str = ""
    description: str = ""
    source: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    benchmark: tuple[str, Floats] | None = None
    benchmark_stats: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)
    benchmark_measures: Mapping[str, float] = field(default_factory=dict)
    indicators: Mapping[str, Floats] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    recipe: str = ""
    rates: Floats = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SweepPage:
    """Everything that the report of a sweep shows.

    Attributes
    ----------
    strategy, data, fingerprint, code_version : str
        What was swept, over which bars, with which code.
    grid : mapping of str to tuple
        The values of each parameter, in order.
    index : (K, P) int64
        The K combinations that ran, best first: the place of each one's value of each of the P
        parameters in the grid, and -1 where the grid does not have it.
    figures : mapping of str to (K,) float64
        Their figures by name; NaN where one is not defined.
    sort : str
        The figure that the rows are sorted by.
    trials, skipped : int
        Combinations that ran, and those that the strategy refused.
    warnings : sequence of str
        What a reader has to know before trusting the numbers.
    period : str
        First and last day of the data, in words; may be empty.
    facts : mapping of str to str
        Anything else about how the page came to be.
    """

    strategy: str
    data: str
    fingerprint: str
    grid: Mapping[str, tuple[object, ...]]
    index: Ints
    figures: Mapping[str, Floats]
    sort: str
    trials: int
    skipped: int
    code_version: str
    warnings: Sequence[str] = ()
    period: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ComparedRun:
    """One of the runs that a comparison shows.

    Attributes
    ----------
    name : str
        How it is called on the page; unlike those of the others.
    time : (T,) int64
        Close stamps of its traded rows, UTC nanoseconds.
    equity : (T,) float64
        Value of its account there, in ``currency``.
    stats : mapping of str to float
        Its figures by name; NaN where one is not defined.
    asked : mapping of str to str
        What was asked for and on what, in words: parameters, terms, data.
    data, currency : str
        Where its bars came from, and the account's currency.
    interval_ns : int
        Length of a bar.
    """

    name: str
    time: Ints
    equity: Floats
    stats: Mapping[str, float]
    asked: Mapping[str, str]
    data: str
    currency: str
    interval_ns: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ComparisonPage:
    """Everything that the report of a comparison shows.

    Attributes
    ----------
    runs : sequence of ComparedRun
        At least one.
    correlations : (R, R) float64
        Correlation of their returns; NaN where it is not known.
    active : mapping of str to sequence of float
        Figures of the second and later runs against the first, by name; may be empty.
    code_version : str
        Version of the code that ran.
    title : str
        Headline; the names where left out.
    warnings : sequence of str
        What a reader has to know before trusting the numbers.
    """

    runs: Sequence[ComparedRun]
    correlations: Floats
    code_version: str
    active: Mapping[str, Sequence[float]] = field(default_factory=dict)
    title: str = ""
    warnings: Sequence[str] = ()
