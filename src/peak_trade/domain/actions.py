"""What happens to a holding without a trade: dividends, splits, delistings and funding."""

import hashlib
import math
import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from peak_trade.domain.bars import Bars
from peak_trade.domain.checks import is_number
from peak_trade.domain.errors import DataError, did_you_mean

_LAST_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Dividend:
    """Cash that each unit held pays at the ex-date; who is short pays it.

    Parameters
    ----------
    symbol : str
        The instrument.
    time_ns : int
        The ex-date: the first instant without a claim to the dividend, UTC nanoseconds.
    amount : float
        Cash per unit (share) as held at that time, in quote currency, 0 or more.

    Raises
    ------
    DataError
        No symbol, a time that is no whole number, an amount that is negative or not finite.

    Examples
    --------
    >>> Dividend("SPY", 1_616_112_000_000_000_000, 1.277791).amount
    1.277791
    """

    symbol: str
    time_ns: int
    amount: float

    def __post_init__(self) -> None:
        _settle(self, "amount")


@dataclass(frozen=True, slots=True)
class StockSplit:
    """``numerator`` new units for every ``denominator`` old ones: 7 and 1, or 1 and 8 in reverse.

    Parameters
    ----------
    symbol : str
        The instrument.
    time_ns : int
        The first instant at which new units trade, UTC nanoseconds.
    numerator, denominator : int
        New units, and the old ones they replace; 1 or more.

    Raises
    ------
    DataError
        No symbol, or a time or a count that is no whole number or too small.

    Examples
    --------
    >>> StockSplit("AAPL", 1_402_272_000_000_000_000, 7, 1).ratio
    7.0
    """

    symbol: str
    time_ns: int
    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        _settle(self)
        for name in ("numerator", "denominator"):
            count = _whole(self, name)
            if count < 1:
                raise _fault(self, f"{name} {count}", "1 or more", "a 7 for 1 split is (7, 1)")
            object.__setattr__(self, name, count)

    @property
    def ratio(self) -> float:
        """New units for one old unit."""
        return self.numerator / self.denominator


@dataclass(frozen=True, slots=True)
class Delisting:
    """The end of an instrument: what is held is closed at ``price``, and it never trades again.

    Parameters
    ----------
    symbol : str
        The instrument.
    time_ns : int
        When holdings are closed, UTC nanoseconds.
    price : float, optional
        What a unit is paid for, quote currency, 0 or more; the last close where left out.

    Raises
    ------
    DataError
        No symbol, a time that is no whole number, a price that is negative or not finite.

    Examples
    --------
    >>> Delisting("LEH", 1_221_609_600_000_000_000, 0.03).price
    0.03
    """

    symbol: str
    time_ns: int
    price: float | None = None

    def __post_init__(self) -> None:
        _settle(self, "price")


@dataclass(frozen=True, slots=True)
class FundingRate:
    """What longs of a perpetual future pay to shorts: ``rate`` of the position at ``mark``.

    Parameters
    ----------
    symbol : str
        The instrument.
    time_ns : int
        When it is paid, UTC nanoseconds.
    rate : float
        Fraction of the position's value, for this one payment; negative where shorts pay.
    mark : float, optional
        Mark price, quote currency, above 0; the last close before where left out.

    Raises
    ------
    DataError
        No symbol, a time that is no whole number, a rate that is not finite, a mark that is not
        above 0.

    Examples
    --------
    >>> FundingRate("XRP/USDT", 1_637_193_600_017_000_000, 0.0001, 1.0959).mark
    1.0959
    """

    symbol: str
    time_ns: int
    rate: float
    mark: float | None = None

    def __post_init__(self) -> None:
        _settle(self, "mark")
        object.__setattr__(self, "rate", _number(self, "rate"))
        if self.mark == 0:
            raise _fault(self, "mark 0.0", "a price above 0", "leave it out for the last close")


Action = Dividend | StockSplit | Delisting | FundingRate


@dataclass(frozen=True, slots=True)
class Actions:
    """Corporate actions and funding of any instruments, by time and then by symbol.

    Parameters
    ----------
    rows : tuple of Action
        In any order; they are sorted. Those of one symbol at one time stay in the order given,
        which is the order they take effect in.

    Raises
    ------
    DataError
        Something that is no action, and two splits, delistings, funding rates or equal dividends
        of one symbol at one time.

    Examples
    --------
    >>> actions = Actions.of([Dividend("B", 20, 0.5), StockSplit("A", 10, 2, 1)])
    >>> [action.symbol for action in actions]
    ['A', 'B']
    >>> len(actions.between(15, 30)), len(actions.for_symbols("A", "C"))
    (1, 1)
    """

    rows: tuple[Action, ...] = ()

    def __post_init__(self) -> None:
        rows = tuple(self.rows)
        for row in rows:
            if not isinstance(row, Action):
                raise DataError(
                    f"{row!r} is no action",
                    hint="give Dividend, StockSplit, Delisting or FundingRate values",
                )
        ordered = sorted(rows, key=lambda row: (row.time_ns, row.symbol))
        _check_once(ordered)
        object.__setattr__(self, "rows", tuple(ordered))

    @classmethod
    def of(cls, actions: Iterable[Action]) -> "Actions":
        """Collect actions in any order; several collections join as ``Actions.of([*a, *b])``."""
        return cls(tuple(actions))

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Action]:
        return iter(self.rows)

    def __repr__(self) -> str:
        if not self.rows:
            return "Actions(none)"
        counts: dict[str, int] = {}
        for row in self.rows:
            counts[type(row).__name__] = counts.get(type(row).__name__, 0) + 1
        shown = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
        span = f"{_day(self.rows[0].time_ns)} .. {_day(self.rows[-1].time_ns)}"
        return f"Actions({shown}, {span})"

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the instruments that have actions, sorted."""
        return tuple(sorted({row.symbol for row in self.rows}))

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change when any action does."""
        return hashlib.blake2b(repr(self.rows).encode(), digest_size=8).hexdigest()

    def for_symbols(self, *symbols: str) -> "Actions":
        """Keep the actions of some instruments; symbols without actions are fine."""
        return Actions(tuple(row for row in self.rows if row.symbol in symbols))

    def between(self, first_ns: int, last_ns: int) -> "Actions":
        """Keep the actions from ``first_ns`` to ``last_ns``, both included, UTC nanoseconds."""
        return Actions(tuple(row for row in self.rows if first_ns <= row.time_ns <= last_ns))

    def within(self, bars: Bars) -> "Actions":
        """Keep what can take effect on ``bars``: of their instruments, and while there are bars.

        That is from the open of an instrument's own first bar to before the last close of all.

        Examples
        --------
        >>> bars = Bars.from_arrays([10.0, 11.0], instruments=["A"])
        >>> actions = Actions.of([Dividend("A", -5, 0.1), Dividend("A", 5, 0.1)])
        >>> actions.within(bars)
        Actions(1 Dividend, 1970-01-01 .. 1970-01-01)
        """
        first, end = _first_opens(bars), _end(bars)
        return Actions(
            tuple(row for row in self.rows if first.get(row.symbol, end) <= row.time_ns < end)
        )


def check_actions(actions: Actions, bars: Bars) -> Actions:
    """Refuse actions that cannot be meant for ``bars``, and give those that take effect.

    An action takes effect in the first row that closes after its time. One at or after the last
    close has no such row: a series may end before its list of actions does, so it is left out
    and not an error; ``len(actions) - len(check_actions(actions, bars))`` counts them.

    Parameters
    ----------
    actions : Actions
        What was given.
    bars : Bars
        What is traded.

    Raises
    ------
    DataError
        An action of an instrument that ``bars`` do not have, or before the open of its first bar;
        ``actions.within(bars)`` leaves both out.

    Examples
    --------
    >>> bars = Bars.from_arrays([10.0, 11.0], instruments=["A"], name="two days")
    >>> len(check_actions(Actions.of([Dividend("A", bars.time[-1], 1.0)]), bars))
    0
    >>> check_actions(Actions.of([Dividend("A", -1, 1.0)]), bars)
    Traceback (most recent call last):
    peak_trade.domain.errors.DataError: the dividend of A at 1969-12-31T23:59:59.999999999 lies before its first bar in two days, which opens at 1970-01-01T00:00:00.000000000; ...
    """
    first, end, symbols = _first_opens(bars), _end(bars), bars.symbols
    for action in actions:
        if action.symbol not in symbols:
            raise DataError(
                f"the {_kind(action)} of {action.symbol} at {_when(action.time_ns)} is of no "
                f"instrument of {bars.name}",
                hint=f"{did_you_mean(action.symbol, symbols)}; "
                "actions.within(bars) keeps those of the bars",
                symbol=action.symbol,
                time_ns=action.time_ns,
            )
        if action.symbol not in first or action.time_ns < first[action.symbol]:
            raise _too_early(action, bars, first.get(action.symbol))
    return Actions(tuple(action for action in actions if action.time_ns < end))


def _too_early(action: Action, bars: Bars, first: int | None) -> DataError:
    there = (
        f"but there is no bar of it in {bars.name}"
        if first is None
        else f"lies before its first bar in {bars.name}, which opens at {_when(first)}"
    )
    return DataError(
        f"the {_kind(action)} of {action.symbol} at {_when(action.time_ns)} {there}",
        hint="load earlier bars, or leave it out with actions.within(bars)",
        symbol=action.symbol,
        time_ns=action.time_ns,
    )


def _first_opens(bars: Bars) -> dict[str, int]:
    """Open of the first real bar of each instrument that has one."""
    rows = bars.tradable.argmax(axis=0) if len(bars) else np.zeros(0, np.int64)
    return {
        symbol: int(bars.open_time[row, column])
        for column, (symbol, row) in enumerate(zip(bars.symbols, rows, strict=False))
        if bars.tradable[row, column]
    }


def _end(bars: Bars) -> int:
    return int(bars.time[-1]) if len(bars) else np.iinfo(np.int64).min


def _check_once(ordered: list[Action]) -> None:
    seen: set[object] = set()
    for row in ordered:
        # A regular and a special dividend may go ex together; two equal ones are one read twice.
        key = row if isinstance(row, Dividend) else (type(row), row.symbol, row.time_ns)
        if key in seen:
            raise DataError(
                f"the {_kind(row)} of {row.symbol} at {_when(row.time_ns)} stands twice",
                hint="give it once",
                symbol=row.symbol,
                time_ns=row.time_ns,
            )
        seen.add(key)


def _settle(action: Action, *prices: str) -> None:
    """Check the symbol, the time and the prices (0 or more, or None) and keep plain numbers."""
    symbol: object = action.symbol
    if not isinstance(symbol, str) or not symbol:
        raise DataError(f"a {_kind(action)} has the symbol {symbol!r}", hint="name its instrument")
    time_ns = _whole(action, "time_ns")
    if not -_LAST_NS <= time_ns <= _LAST_NS:
        raise DataError(
            f"time_ns {time_ns} of the {_kind(action)} of {symbol} is not between 1677 and 2262",
            hint="give UTC nanoseconds since 1970",
        )
    object.__setattr__(action, "time_ns", time_ns)
    for name in prices:
        if getattr(action, name) is None and name != "amount":
            continue
        price = _number(action, name)
        if price < 0:
            raise _fault(action, f"{name} {price}", "0 or more", "check its sign")
        object.__setattr__(action, name, price)


def _whole(action: Action, name: str) -> int:
    value = getattr(action, name)
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    hint = "give UTC nanoseconds" if name == "time_ns" else "a 7 for 1 split is (7, 1)"
    raise DataError(
        f"{name} {value!r} of the {_kind(action)} of {action.symbol} is no whole number", hint=hint
    )


def _number(action: Action, name: str) -> float:
    value = getattr(action, name)
    if not is_number(value) or not math.isfinite(value):
        raise _fault(action, f"{name} {value!r}", "a finite number", "mend it or leave it out")
    return float(value)


def _fault(action: Action, found: str, expected: str, hint: str) -> DataError:
    where = f"the {_kind(action)} of {action.symbol} at {_when(action.time_ns)}"
    return DataError(f"{found} of {where}: {expected} expected", hint=hint, symbol=action.symbol)


def _kind(action: Action) -> str:
    return {
        Dividend: "dividend",
        StockSplit: "split",
        Delisting: "delisting",
        FundingRate: "funding rate",
    }[type(action)]


def _when(stamp: int) -> str:
    return str(np.datetime64(stamp, "ns"))


def _day(stamp: int) -> str:
    return _when(stamp)[:10]
