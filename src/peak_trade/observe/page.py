"""What a report is made of: plain values that the caller fills in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from peak_trade.domain.record import Record, Trades

Floats = npt.NDArray[np.float64]


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
    indicators : mapping of str to (T, N) or (T,) float64
        Drawn over the price; T counts from the first row of the record's bars, NaN is a gap.
    warnings : sequence of str
        What a reader has to know before trusting the numbers.
    data, interval, fingerprint : str
        Where the bars came from, the length of a bar, the fingerprint of the bars.
    code_version : str
        Version of the code that ran.
    facts : mapping of str to str
        Anything else about how the page came to be, such as the command.
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
    engine: str = ""
    engine_note: str = ""
    description: str = ""
    source: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    benchmark: tuple[str, Floats] | None = None
    benchmark_stats: Mapping[str, float] = field(default_factory=dict)
    indicators: Mapping[str, Floats] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SweepPage:
    """Everything that the report of a sweep shows.

    Attributes
    ----------
    strategy, data, fingerprint, code_version : str
        What was swept, over which bars, with which code.
    grid : mapping of str to tuple
        The values of each parameter, in order.
    rows : sequence of (mapping, mapping)
        Parameters and figures of every combination that ran, best first.
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
    rows: Sequence[tuple[Mapping[str, object], Mapping[str, float]]]
    sort: str
    trials: int
    skipped: int
    code_version: str
    warnings: Sequence[str] = ()
    period: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
