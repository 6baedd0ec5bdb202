"""Does a strategy look ahead? Its targets are asked for again, without what came later."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from peak_trade.data.features.supply import check_features, supplied
from peak_trade.domain.bars import COLUMNS, Bars
from peak_trade.domain.errors import ParameterError, PeakTradeError, StrategyError
from peak_trade.domain.memory import Memory
from peak_trade.domain.strategy import (
    ORDERS,
    HasTargets,
    Targets,
    kind_of,
    parameter_values,
    warmup_of,
)
from peak_trade.portfolio.weights import target_array

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Progress = Callable[[int, int], None]

_LAST_ROWS = 200
_WARMUP_ROWS = 200
_SEED = 20_010_910  # fixed, so that a check says the same twice
_HISTORY = "rows"
_FEATURE = "features."


@dataclass(frozen=True, slots=True)
class Leak:
    """The first target that knew what came later.

    Attributes
    ----------
    row : int
        Row of the bars.
    time : str
        Its close, ISO 8601, UTC.
    symbol : str
        The instrument whose target changed.
    columns : tuple of str
        Columns of the bars whose later rows change the target; ``features.NAME`` for a feature,
        ``rows`` where only the length of the history does.
    expected : float
        The target from the rows up to this one.
    found : float
        The target from all rows.
    """

    row: int
    time: str
    symbol: str
    columns: tuple[str, ...]
    expected: float
    found: float


@dataclass(frozen=True, slots=True)
class CausalityReport:
    """What a check for look-ahead found.

    Attributes
    ----------
    strategy : str
        Name of its class.
    params : dict
        Its parameters.
    rows, checked : int
        Rows of the bars, and how many of them were compared.
    leaks : int
        How many of those changed when the later rows were taken away.
    first_leak : Leak or None
        The first of them.
    warmup : int
        Rows that the strategy says it needs before its targets mean something.
    warmup_difference : float
        Largest difference between a standing target and the same one from a history that begins
        ``warmup`` rows earlier, a fraction of equity; NaN where there are too few rows to tell.
    warmup_rows : int
        Rows at which that was measured.
    """

    strategy: str
    params: dict[str, object]
    rows: int
    checked: int
    leaks: int
    first_leak: Leak | None
    warmup: int
    warmup_difference: float
    warmup_rows: int

    @property
    def is_causal(self) -> bool:
        """Whether no compared row changed."""
        return self.leaks == 0

    def to_dict(self) -> dict[str, object]:
        """The report as values that JSON can hold; NaN becomes None."""
        facts: dict[str, object] = {"is_causal": self.is_causal, **asdict(self)}
        facts["params"] = {key: _plain(value) for key, value in self.params.items()}
        facts["warmup_difference"] = _plain(self.warmup_difference)
        if self.first_leak is not None:
            leak = asdict(self.first_leak)
            facts["first_leak"] = {key: _plain(value) for key, value in leak.items()}
        return facts


def check_causality(
    strategy: HasTargets,
    bars: Bars,
    *,
    every: int | None = None,
    seconds: float = 60.0,
    progress: Progress | None = None,
) -> CausalityReport:
    """Check at every bar that a strategy's target does not depend on what comes later.

    Row t of the targets from the bars up to t must equal row t of the targets from all bars, bit for
    bit (NaN equals NaN). Of the first row that does not, the later rows of each column are changed
    in turn to find out which of them the strategy had read.

    Parameters
    ----------
    strategy : HasTargets
    bars : Bars
    every : int, optional
        Compare every so many rows, and the last. Left out: every row, or, where that would take
        longer than ``seconds``, the first rows, evenly spaced ones and the last 200.
    seconds : float
        How long the comparison may take, about; above 0.
    progress : callable, optional
        Called with the rows done and the rows to do.

    Returns
    -------
    CausalityReport

    Raises
    ------
    ParameterError
        If ``every`` is below 1 or ``seconds`` is not above 0.
    StrategyError
        If the strategy fails on a short history, or gives other targets for the same bars.

    Examples
    --------
    >>> class Ahead:
    ...     '''Long when the next close is higher.'''
    ...
    ...     def targets(self, bars):
    ...         close = bars.close[:, 0]
    ...         return np.append(close[1:] > close[:-1], False)
    >>> bars = Bars.from_arrays([10.0, 11.0, 12.0, 9.0], open=[10.0, 10.0, 11.0, 12.0])
    >>> report = check_causality(Ahead(), bars)
    >>> report.leaks, report.first_leak.row, report.first_leak.columns
    (2, 0, ('close',))
    """
    if kind_of(strategy) == ORDERS:
        raise StrategyError(
            f"{type(strategy).__name__} asks for orders, targets are expected",
            hint="check it with check_order_causality, or peak causality",
        )
    if every is not None and every < 1:
        raise ParameterError(f"every {every} is not at least 1", hint="1 checks every row")
    if not seconds > 0:
        raise ParameterError(f"seconds {seconds} is not above 0", hint="60 is the default")
    check_features(strategy, bars)
    bars = supplied(bars)  # declared features are computed anew without the later rows
    whole = _weights(strategy, bars, len(bars)).astype(np.float64)
    affordable = int(seconds / _mean_seconds(strategy, bars, whole))
    rows = _rows_to_check(len(bars), every, affordable)
    leaking = []
    for done, row in enumerate(rows, 1):
        if _differs(_last(strategy, bars, int(row)), whole[row]).any():
            leaking.append(int(row))
        if progress is not None:
            progress(done, len(rows))
    first = _first_leaking(strategy, bars, whole, rows, leaking)
    warmup = warmup_of(strategy)
    difference, measured = _warmup_difference(strategy, bars, whole, warmup)
    return CausalityReport(
        strategy=type(strategy).__name__,
        params=parameter_values(strategy),
        rows=len(bars),
        checked=len(rows),
        leaks=len(leaking),
        first_leak=_leak(strategy, bars, whole, first) if first is not None else None,
        warmup=warmup,
        warmup_difference=difference,
        warmup_rows=measured,
    )


def _weights(strategy: HasTargets, bars: Bars, whole: int) -> Targets:
    try:
        return target_array(strategy, bars)
    except PeakTradeError:
        raise
    except Exception as error:
        name = type(strategy).__name__
        raise StrategyError(
            f"{name}.targets raised {type(error).__name__}: {error} on {len(bars)} of {whole} rows",
            hint="a strategy must take any number of rows; give NaN or 0 before its warm-up",
            strategy=name,
            rows=len(bars),
        ) from error


def _last(strategy: HasTargets, bars: Bars, row: int) -> Floats:
    last: Floats = _weights(strategy, bars[: row + 1], len(bars))[row].astype(np.float64)
    return last


def _differs(one: Floats, other: Floats) -> Bools:
    # Bits, because 0.0 and -0.0 are equal; any NaN is as good as another.
    bits: Bools = one.view(np.int64) != other.view(np.int64)
    return bits & ~(np.isnan(one) & np.isnan(other))


def _mean_seconds(strategy: HasTargets, bars: Bars, whole: Floats) -> float:
    # A call costs some for itself and some for each row: the mean of the shortest and the longest.
    start = time.perf_counter()
    again = _weights(strategy, bars[:], len(bars))
    took = time.perf_counter() - start
    if _differs(again.astype(np.float64), whole).any():
        raise StrategyError(
            f"{type(strategy).__name__} gives other targets for the same bars",
            hint="targets(bars) must depend on its bars and parameters alone; seed what is random",
        )
    start = time.perf_counter()
    _weights(strategy, bars[:1], len(bars))
    return max((time.perf_counter() - start + took) / 2, 1e-9)


def _rows_to_check(count: int, every: int | None, affordable: int) -> Ints:
    if count == 0 or (every is None and affordable >= count):
        return np.arange(count)
    if every is not None:
        return np.unique(np.append(np.arange(0, count, every), count - 1))
    share = max(affordable // 3, 1)
    first = np.arange(min(share, count))
    last = np.arange(max(count - min(share, _LAST_ROWS), 0), count)
    between = np.linspace(0, count - 1, max(affordable - len(first) - len(last), 1))
    return np.unique(np.concatenate((first, between.astype(np.int64), last)))


def _first_leaking(
    strategy: HasTargets, bars: Bars, whole: Floats, rows: Ints, leaking: list[int]
) -> int | None:
    """The first row that leaks: rows that were passed over before the first one found may too."""
    if not leaking:
        return None
    passed = int(np.searchsorted(rows, leaking[0]))
    before = int(rows[passed - 1]) if passed else -1
    for row in range(before + 1, leaking[0]):
        if _differs(_last(strategy, bars, row), whole[row]).any():
            return row
    return leaking[0]


def _leak(strategy: HasTargets, bars: Bars, whole: Floats, row: int) -> Leak:
    honest = _last(strategy, bars, row)
    column = int(np.argmax(_differs(honest, whole[row])))
    return Leak(
        row=row,
        time=f"{np.datetime64(int(bars.time[row]), 'ns').astype('datetime64[s]')}Z",
        symbol=bars.symbols[column],
        columns=_leaking_columns(strategy, bars, whole, row),
        expected=float(honest[column]),
        found=float(whole[row, column]),
    )


def _leaking_columns(strategy: HasTargets, bars: Bars, whole: Floats, row: int) -> tuple[str, ...]:
    names = (*COLUMNS, *(_FEATURE + name for name in bars.features))
    found = []
    for name in names:
        for changed in _changed(bars, name, row):
            try:
                target = _weights(strategy, changed, len(bars))[row].astype(np.float64)
            except PeakTradeError:  # prices that no market quotes may be too much for it
                continue
            if _differs(target, whole[row]).any():
                found.append(name)
                break
    return tuple(found) or (_HISTORY,)


def _changed(bars: Bars, name: str, row: int) -> Iterator[Bars]:
    # The later rows of one column alone, so a high may fall below a close: columns stay apart.
    feature = name.removeprefix(_FEATURE) if name.startswith(_FEATURE) else ""
    values: Floats = bars.features[feature] if feature else getattr(bars, name)
    later = values[row + 1 :]
    rng = np.random.default_rng(_SEED)
    factors = [np.full(later.shape, factor) for factor in (0.5, 2.0, 0.01, 100.0)]
    factors += [4.0 ** rng.uniform(-1.0, 1.0, later.shape) for _ in range(8)]
    for factor in factors:
        altered = values.copy()
        altered[row + 1 :] = np.where(np.isfinite(later), later, 1.0) * factor
        if feature:
            features = {**bars.features, feature: altered}
            yield replace(bars, memory=Memory(), _facts={"checked": True}, features=features)
        else:
            column: dict[str, Any] = {name: altered}
            yield replace(bars, memory=Memory(), _facts={"checked": True}, **column)


def _warmup_difference(
    strategy: HasTargets, bars: Bars, whole: Floats, warmup: int
) -> tuple[float, int]:
    count = len(bars) - warmup
    if count < 1:
        return math.nan, 0
    rows = np.unique(np.linspace(warmup, len(bars) - 1, min(_WARMUP_ROWS, count)).astype(np.int64))
    standing = _standing(whole)
    largest = 0.0
    for row in rows:
        late = _weights(strategy, bars[row - warmup : row + 1], len(bars))
        gap = np.abs(_standing(late.astype(np.float64))[-1] - standing[row])
        largest = max(largest, float(gap.max()))
    return largest, len(rows)


def _standing(weights: Floats) -> Floats:
    # NaN means that the last target stands; before the first it is flat.
    stated = np.where(np.isnan(weights), -1, np.arange(len(weights))[:, None])
    last = np.maximum.accumulate(stated, axis=0)
    filled = np.take_along_axis(weights, np.maximum(last, 0), axis=0)
    return np.where(last < 0, 0.0, filled)


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str | tuple | None) else repr(value)
