"""Does an order strategy look ahead? It is run again on shorter histories, and asked the same."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError, PeakTradeError, StrategyError
from peak_trade.domain.ledger import Fill
from peak_trade.domain.order import Order, OrderState
from peak_trade.domain.order_strategy import Asked, Bar, OrderStrategy, View
from peak_trade.domain.strategy import parameter_values
from peak_trade.domain.terms import Terms
from peak_trade.engine.session import Session

Ints = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]

_LAST_ROWS = 200


@dataclass(frozen=True, slots=True)
class OrderLeak:
    """The first event at which an order strategy asked for something else with all bars.

    Attributes
    ----------
    row : int
        Row of the bars that it had seen last.
    time : str
        Its close, ISO 8601, UTC.
    event : str
        ``bar``, ``fill`` or ``end``.
    symbol : str
        The instrument of the event.
    expected, found : str
        What it asked for with the bars up to ``row``, and with all of them.
    """

    row: int
    time: str
    event: str
    symbol: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class OrderCausalityReport:
    """What a check of an order strategy for look-ahead found.

    Attributes
    ----------
    strategy : str
        Name of its class.
    params : dict
        Its parameters.
    rows, checked : int
        Rows of the bars, and with how many shorter histories it was run again.
    events : int
        Events that it was told of in the whole run.
    leaks : int
        How many of the shorter runs differ from the whole one.
    first_leak : OrderLeak or None
        The first difference of the shortest of them.
    """

    strategy: str
    params: dict[str, object]
    rows: int
    checked: int
    events: int
    leaks: int
    first_leak: OrderLeak | None

    @property
    def is_causal(self) -> bool:
        """Whether every shorter run asked for the same."""
        return self.leaks == 0

    def to_dict(self) -> dict[str, object]:
        """The report as values that JSON can hold."""
        return {"is_causal": self.is_causal, **asdict(self)}


@dataclass(frozen=True, slots=True)
class _Event:
    kind: str
    row: int
    instrument: int
    asked: str


def check_order_causality(
    strategy: OrderStrategy,
    bars: Bars,
    *,
    terms: Terms | None = None,
    every: int | None = None,
    seconds: float = 60.0,
    progress: Progress | None = None,
) -> OrderCausalityReport:
    """Check that what an order strategy asks for after an event does not depend on later bars.

    It is traded over all bars, and again over the bars up to row k, for each k that is checked: up
    to the close of row k it must be told the same events and ask for the same, in the same order.

    Parameters
    ----------
    strategy : OrderStrategy
    bars : Bars
    terms : Terms, optional
        The account that it trades; a plain one where left out.
    every : int, optional
        Run again at every so many rows, and the last. Left out: at every row, or, where that would
        take longer than ``seconds``, at the first rows, evenly spaced ones and the last.
    seconds : float
        How long the check may take, about; above 0.
    progress : callable, optional
        Called with the runs done and the runs to do.

    Raises
    ------
    ParameterError
        If ``every`` is below 1 or ``seconds`` is not above 0.
    StrategyError
        If the strategy fails, or asks for other orders on the same bars.

    Examples
    --------
    >>> from peak_trade.domain.order_strategy import Request
    >>> class BuyFirst(OrderStrategy):
    ...     '''Buy one lot after the first bar.'''
    ...
    ...     def on_bar(self, bar, view):
    ...         return [Request(1)] if bar.row == 0 else ()
    >>> report = check_order_causality(BuyFirst(), Bars.from_arrays([10.0, 11.0, 12.0]))
    >>> report.is_causal, report.events
    (True, 4)
    """
    if every is not None and every < 1:
        raise ParameterError(f"every {every} is not at least 1", hint="1 checks every row")
    if not seconds > 0:
        raise ParameterError(f"seconds {seconds} is not above 0", hint="60 is the default")
    account = terms or Terms()
    began = time.perf_counter()
    whole = _told(strategy, bars, account)
    took = time.perf_counter() - began
    if _told(strategy, bars, account) != whole:
        raise StrategyError(
            f"{type(strategy).__name__} asks for other orders on the same bars",
            hint="it must depend on its events and parameters alone: keep state on self, seed chance",
        )
    rows = _rows_to_check(len(bars), every, seconds / max(took, 1e-9))
    leaks, first = 0, None
    for done, row in enumerate(map(int, rows), 1):
        part = _told(strategy, bars[: row + 1], account)
        found = _first_difference(whole, part, row)
        if found is not None:
            leaks += 1
            first = first or _leak(bars, whole, part, found)
        if progress is not None:
            progress(done, len(rows))
    return OrderCausalityReport(
        strategy=type(strategy).__name__,
        params=parameter_values(strategy),
        rows=len(bars),
        checked=len(rows),
        events=len(whole),
        leaks=leaks,
        first_leak=first,
    )


class _Listening(OrderStrategy):
    """Hands events on to a strategy, and notes them with what it asked for."""

    def __init__(self, strategy: OrderStrategy, noted: list[_Event]) -> None:
        self._strategy, self._noted, self._row = strategy, noted, -1

    def fresh(self) -> Self:
        return type(self)(self._strategy.fresh(), self._noted)

    def on_start(self, view: View) -> None:
        self._strategy.on_start(view)

    def on_bar(self, bar: Bar, view: View) -> Iterable[Asked]:
        self._row = bar.row
        return self._note("bar", bar.instrument, self._strategy.on_bar(bar, view))

    def on_fill(self, fill: Fill, tag: str, view: View) -> Iterable[Asked]:
        return self._note("fill", fill.instrument, self._strategy.on_fill(fill, tag, view))

    def on_end(self, order: Order, state: OrderState, tag: str, view: View) -> Iterable[Asked]:
        return self._note("end", order.instrument, self._strategy.on_end(order, state, tag, view))

    def _note(self, kind: str, instrument: int, asked: Iterable[Asked]) -> Iterable[Asked]:
        found = list(asked)
        self._noted.append(_Event(kind, self._row, instrument, repr(found) if found else "nothing"))
        return found


def _told(strategy: OrderStrategy, bars: Bars, terms: Terms) -> list[_Event]:
    """Every event of a run, with what the strategy asked for."""
    noted: list[_Event] = []
    name = type(strategy).__name__
    try:
        Session(
            bars, _Listening(strategy, noted), start=0, stop=len(bars), terms=terms, name=name
        ).run()
    except PeakTradeError:
        raise
    except Exception as error:
        raise StrategyError(
            f"{name} raised {type(error).__name__}: {error} on {len(bars)} rows",
            hint="a strategy must take any number of bars",
            strategy=name,
            rows=len(bars),
        ) from error
    return noted


def _rows_to_check(count: int, every: int | None, affordable: float) -> Ints:
    """Rows at which to run again; the runs together cost as much as ``affordable`` whole ones."""
    if every is not None:
        return np.unique(np.append(np.arange(0, count, every), count - 1))
    most = max(int(2 * affordable), 3)  # a run over evenly spaced lengths costs half a whole one
    if most >= count:
        return np.arange(count)
    share = most // 3
    first, last = np.arange(share), np.arange(count - min(share, _LAST_ROWS), count)
    between = np.linspace(0, count - 1, max(most - len(first) - len(last), 1)).astype(np.int64)
    return np.unique(np.concatenate((first, between, last)))


def _first_difference(whole: list[_Event], part: list[_Event], row: int) -> int | None:
    """The first event of a shorter run that the whole one has otherwise, or has besides."""
    for k, (one, other) in enumerate(zip(whole, part, strict=False)):
        if one != other:
            return k
    after = whole[len(part)] if len(part) < len(whole) else None
    if len(part) > len(whole) or (after is not None and after.kind == "bar" and after.row <= row):
        return min(len(part), len(whole))
    return None


def _leak(bars: Bars, whole: list[_Event], part: list[_Event], k: int) -> OrderLeak:
    found = whole[k] if k < len(whole) else None
    expected = part[k] if k < len(part) else None
    event = found or expected
    row = max(event.row, 0) if event is not None else 0
    return OrderLeak(
        row=row,
        time=f"{np.datetime64(int(bars.time[row]), 'ns').astype('datetime64[s]')}Z",
        event=event.kind if event is not None else "bar",
        symbol=bars.symbols[event.instrument] if event is not None else "",
        expected=expected.asked if expected is not None else "no such event",
        found=found.asked if found is not None else "no such event",
    )
