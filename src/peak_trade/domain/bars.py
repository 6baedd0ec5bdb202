"""Market data as arrays: time down, instruments across."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from peak_trade.domain.arrays import carried, columns_of, default_stamps, stamps_of
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError, did_you_mean
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.memory import Memory

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Kind = TypeVar("Kind", bound=np.generic)

COLUMNS = ("open", "high", "low", "close", "volume")
_SLAB = 65_536  # rows checked at a time, so that the check stays in the cache


class Supply(Protocol):
    """What computes the features that a strategy declares, from the rows that it is given alone."""

    def features(self, bars: "Bars", wanted: Mapping[str, str]) -> Mapping[str, Floats]:
        """Values as known at each close, (T, 1) or (T, N), under the names that they are wanted by."""
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Bars:
    """Bars of N instruments at T times, checked once and never changed.

    Attributes
    ----------
    instruments : tuple of Instrument
        The N columns.
    time : (T,) int64
        Close of the bars of a row, UTC nanoseconds, ascending.
    open_time : (T, N) int64
        Open of each bar, UTC nanoseconds.
    open, high, low, close : (T, N) float64
        Prices in quote currency. Where ``tradable`` is False a price is the last close before, or
        NaN where there is none yet.
    volume : (T, N) float64
        Units traded; NaN where it is not known, 0 where the row was filled in.
    tradable : (T, N) bool
        True for a real bar, False for a row that another instrument's bar brought in.
    close_only : (N,) bool
        True for a series of closes alone; its market orders fill at the next close.
    interval : Interval
        Nominal length of a bar.
    name : str
        Where the bars came from, such as ``builtin:sp500``.
    features : mapping of str to (T, ...) float64
        Point-in-time values that ride along.
    frame : str
        ``polars`` or ``pandas``: the kind of frame that results are given back in.
    supply : Supply, optional
        What computes declared features; it goes along with slices, so that a history that ends
        earlier gets the features of that history.

    Raises
    ------
    DataError
        Shapes that do not fit, times out of order, and prices that no market could have quoted.

    Examples
    --------
    >>> bars = Bars.from_arrays([100.0, 101.0, 99.5], name="three days")
    >>> bars
    Bars(three days: 3 rows x 1 instrument, 1d, 1970-01-01 .. 1970-01-03)
    >>> bars[1:].close.ravel()
    array([101. ,  99.5])
    """

    instruments: tuple[Instrument, ...]
    time: Ints
    open_time: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    tradable: Bools
    close_only: Bools
    interval: Interval
    name: str = "bars"
    features: Mapping[str, Floats] = field(default_factory=dict)
    frame: Literal["polars", "pandas"] = "polars"
    supply: Supply | None = None
    memory: Memory = field(default_factory=Memory)
    _facts: dict[str, str | bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if "checked" not in self._facts:
            _check_shapes(self)
            _check_times(self)
            _check_prices(self)
            self._facts["checked"] = True
        for name in ("time", "open_time", "tradable", "close_only", *COLUMNS):
            view = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    @classmethod
    def from_arrays(
        cls,
        close: npt.ArrayLike,
        *,
        open: npt.ArrayLike | None = None,  # noqa: A002 - the field's own word
        high: npt.ArrayLike | None = None,
        low: npt.ArrayLike | None = None,
        volume: npt.ArrayLike | None = None,
        time: npt.ArrayLike | None = None,
        open_time: npt.ArrayLike | None = None,
        tradable: npt.ArrayLike | None = None,
        instruments: Sequence[Instrument | str] | None = None,
        interval: Interval | str = "1d",
        features: Mapping[str, npt.ArrayLike] | None = None,
        name: str = "arrays",
        frame: Literal["polars", "pandas"] = "polars",
    ) -> "Bars":
        """Make bars of arrays that are already in order.

        What the caller could still change is copied (about 50 ms for 1,000,000 rows of open, high,
        low, close and volume), so bars never change; read-only arrays are used as they are. Rows
        that are not tradable get the last close before them as prices and a volume of 0.

        Parameters
        ----------
        close : (T,) or (T, N) array
            Closing prices in quote currency: a list, an array, or a pandas or polars series or
            frame.
        open, high, low : like ``close``, optional
            Without ``open`` the series is close-only. ``high`` and ``low`` default to the larger
            and the smaller of open and close.
        volume : like ``close``, optional
            Units traded; NaN where left out.
        time : (T,) int64 or datetime64, optional
            Close stamps in UTC nanoseconds; one interval apart from 1970 on where left out.
        open_time : (T,) or (T, N) int64 or datetime64, optional
            Open stamps; one interval before ``time`` where left out.
        tradable : like ``close``, bool, optional
            Real bars; every row whose close is not NaN where left out.
        instruments : sequence of Instrument or str, optional
            Named ``A``, ``B``, ... where left out.
        interval : Interval or str
            Nominal length of a bar.
        features : mapping of str to (T,), (T, 1) or (T, N) array, optional
            What else was known at each close, by name.
        name : str
            Where the bars came from; errors and reports show it.
        frame : {"polars", "pandas"}
            The kind of frame that results are given back in.

        Raises
        ------
        DataError
            Values that are no numbers or stamps, shapes that do not fit, stamps out of order, and
            prices that no market could have quoted.

        Examples
        --------
        >>> bars = Bars.from_arrays([[10.0, 5.0], [10.5, np.nan]], instruments=["X", "Y"])
        >>> bars.tradable.tolist(), bars.close[1]
        ([[True, True], [True, False]], array([10.5,  5. ]))
        """
        closes = columns_of(close, "close", name)
        rows, width = closes.shape
        step = interval if isinstance(interval, Interval) else Interval.parse(interval)
        stamps = default_stamps(rows, step, name) if time is None else stamps_of(time, "time", name)
        opened = stamps - step.ns if open_time is None else stamps_of(open_time, "open_time", name)
        if opened.ndim == 1:
            opened = np.ascontiguousarray(np.broadcast_to(opened[:, None], (len(opened), width)))
        given = {
            column: columns_of(values, column, name, closes.shape)
            for column, values in (("open", open), ("high", high), ("low", low), ("volume", volume))
            if values is not None
        }
        real = (
            ~np.isnan(closes)
            if tradable is None
            else columns_of(tradable, "tradable", name, closes.shape) != 0
        )
        opens = given.get("open", closes)
        table = {
            "open": opens,
            "high": given.get("high", _extreme(opens, closes, np.fmax)),
            "low": given.get("low", _extreme(opens, closes, np.fmin)),
            "close": closes,
            "volume": given.get("volume", np.full_like(closes, np.nan)),
        }
        prices = carried(table, real)
        return cls(
            instruments=_named(instruments, width, name),
            time=stamps,
            open_time=opened,
            open=prices["open"],
            high=prices["high"],
            low=prices["low"],
            close=prices["close"],
            volume=prices["volume"],
            tradable=real,
            close_only=np.full(width, open is None),
            interval=step,
            name=name,
            frame=frame,
            features={
                key: _feature(values, key, closes.shape, name)
                for key, values in (features or {}).items()
            },
        )

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: slice) -> "Bars":
        """Bars of some rows, as views; what was remembered of the whole is not carried over."""
        asked: object = rows
        if not isinstance(asked, slice) or asked.step not in (None, 1):
            raise DataError(
                f"bars take a slice of rows without a step, not {rows!r}",
                hint="write bars[a:b]; one column is bars.select(symbol)",
            )
        return replace(
            self,
            time=self.time[rows],
            open_time=self.open_time[rows],
            tradable=self.tradable[rows],
            features={name: values[rows] for name, values in self.features.items()},
            open=self.open[rows],
            high=self.high[rows],
            low=self.low[rows],
            close=self.close[rows],
            volume=self.volume[rows],
            memory=Memory(),
            _facts={"checked": True},
        )

    def select(self, *symbols: str) -> "Bars":
        """Bars of some instruments, in the order named; the rows stay."""
        known = {instrument.symbol: i for i, instrument in enumerate(self.instruments)}
        for symbol in symbols:
            if symbol not in known:
                raise DataError(
                    f"{symbol!r} is not in {self.name}", hint=did_you_mean(symbol, known)
                )
        if not symbols:
            raise DataError(f"no instrument of {self.name} was named", hint=did_you_mean("", known))
        _check_unique(symbols, self.name)
        index = [known[symbol] for symbol in symbols]

        def chosen(values: npt.NDArray[Kind]) -> npt.NDArray[Kind]:
            return np.ascontiguousarray(values[:, index])

        return replace(
            self,
            instruments=tuple(self.instruments[i] for i in index),
            open_time=chosen(self.open_time),
            open=chosen(self.open),
            high=chosen(self.high),
            low=chosen(self.low),
            close=chosen(self.close),
            volume=chosen(self.volume),
            tradable=chosen(self.tradable),
            close_only=self.close_only[index],
            features={
                name: chosen(values) if values.shape == self.close.shape else values
                for name, values in self.features.items()
            },
            memory=Memory(),
            _facts={"checked": True},
        )

    def featured(self, wanted: Mapping[str, str]) -> "Bars":
        """Bars with the features that a strategy declares, computed from these rows alone.

        Without a supply those that ride along already are taken as they are.

        Raises
        ------
        DataError
            A feature that neither rides along nor can be computed.
        """
        if not wanted:
            return self
        if self.supply is not None:
            return replace(self, features={**self.features, **self.supply.features(self, wanted)})
        for name in wanted:
            if name not in self.features:
                raise DataError(
                    f"feature {name!r} does not ride along with {self.name}",
                    hint="attach it with peak_trade.data.features.with_features(bars, strategy)",
                    feature=name,
                )
        return self

    def __repr__(self) -> str:
        rows, width = self.close.shape
        span = "empty"
        if rows:
            first, last = (_day(stamp) for stamp in (self.first_open, self.last_open))
            span = f"{first} .. {last}"
        plural = "instrument" if width == 1 else "instruments"
        return f"Bars({self.name}: {rows:,} rows x {width} {plural}, {self.interval}, {span})"

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the N columns."""
        return tuple(instrument.symbol for instrument in self.instruments)

    @property
    def first_open(self) -> int:
        """Open of the first row's earliest bar, UTC nanoseconds."""
        return int(self.open_time[0].min())

    @property
    def last_open(self) -> int:
        """Open of the last row's earliest real bar, UTC nanoseconds."""
        real = self.open_time[-1][self.tradable[-1]]
        return int(real.min() if len(real) else self.open_time[-1].min())

    @property
    def fill_time(self) -> Ints:
        """(T, N) When a market order of each bar fills: at its open, or at the close of a close-only series."""
        if not self.close_only.any():
            return self.open_time
        return np.where(self.close_only[None, :], self.time[:, None], self.open_time)

    @property
    def is_aligned(self) -> bool:
        """Whether every bar opens at or after the close of the row before."""
        if "aligned" not in self._facts:
            early = self.open_time[1:] < self.time[:-1, None]
            self._facts["aligned"] = not bool((early & self.tradable[1:]).any())
        return bool(self._facts["aligned"])

    @property
    def bars_per_year(self) -> float:
        """Rows in a usual year, from the busiest instrument's calendar and the interval."""
        return max(self.interval.bars_per_year(i.calendar) for i in self.instruments)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change when any value, stamp or instrument rule changes."""
        if "fingerprint" not in self._facts:
            digest = hashlib.blake2b(digest_size=8)
            digest.update(repr((self.instruments, str(self.interval))).encode())
            for array in (self.time, self.open_time, self.tradable, self.close_only):
                digest.update(np.ascontiguousarray(array).data)
            for column in COLUMNS:
                digest.update(np.ascontiguousarray(getattr(self, column)).data)
            self._facts["fingerprint"] = digest.hexdigest()
        return str(self._facts["fingerprint"])


def _named(
    given: Sequence[Instrument | str] | None, width: int, name: str
) -> tuple[Instrument, ...]:
    if given is None:
        given = [chr(ord("A") + i % 26) * (1 + i // 26) for i in range(width)]
    if isinstance(given, str | Instrument):
        raise DataError(
            f"instruments of {name} is the single {given!r}, expected a sequence",
            hint="put it in a list",
        )
    if len(given) != width:
        raise DataError(
            f"{len(given)} instruments are named for {width} columns of {name}",
            hint="name one instrument a column",
        )
    return tuple(item if isinstance(item, Instrument) else Instrument(item) for item in given)


def _feature(values: npt.ArrayLike, key: str, shape: tuple[int, int], name: str) -> Floats:
    """A feature as (T, 1) or (T, N) floats."""
    column = columns_of(values, f"feature {key}", name)
    if column.shape not in ((shape[0], 1), shape):
        raise DataError(
            f"feature {key!r} of {name} has the shape {column.shape}, {(shape[0], 1)} or {shape} "
            "expected",
            hint="give one value for each row, or for each row and instrument",
        )
    return column


def _extreme(opens: Floats, closes: Floats, pick: np.ufunc) -> Floats:
    return closes if opens is closes else np.asarray(pick(opens, closes))


def _day(stamp: int) -> str:
    return str(np.datetime64(stamp, "ns").astype("datetime64[D]"))


def _check_shapes(bars: Bars) -> None:
    shape = (len(bars.close), len(bars.instruments))
    for name, found, expected in (
        ("time", bars.time.shape, shape[:1]),
        ("close_only", bars.close_only.shape, shape[1:]),
        *(
            (f"feature {name!r}", values.shape[:1], shape[:1])
            for name, values in bars.features.items()
        ),
    ):
        if found != expected:
            raise DataError(
                f"{name} of {bars.name} has shape {found}, expected {expected}",
                hint="give one stamp and one feature row a row, and one close_only an instrument",
            )
    for name in (*COLUMNS, "open_time", "tradable"):
        found = getattr(bars, name).shape
        if found != shape:
            raise DataError(
                f"{name} of {bars.name} has shape {found}, expected {shape} (rows, instruments)",
                hint="give every column one value per row and instrument",
            )
    if shape[1] == 0:
        raise DataError(f"{bars.name} has no instrument", hint="name at least one")
    _check_unique(bars.symbols, bars.name)


def _check_unique(symbols: Sequence[str], name: str) -> None:
    if len(set(symbols)) != len(symbols):
        twice = next(symbol for symbol in symbols if symbols.count(symbol) > 1)
        raise DataError(f"instrument {twice!r} stands twice in {name}", hint="name it once")


def _check_times(bars: Bars) -> None:
    steps = np.diff(bars.time)
    if (steps <= 0).any():
        row = int(np.argmax(steps <= 0)) + 1
        kind = "duplicate" if steps[row - 1] == 0 else "unsorted"
        raise DataError(
            f"{kind} close stamp {np.datetime64(int(bars.time[row]), 'ns')} at row {row} of {bars.name}",
            hint="sort the rows by time and keep one row a stamp",
            row=row,
        )
    late = bars.open_time > bars.time[:, None]
    if late.any():
        row = int(np.argmax(late.any(axis=1)))
        raise DataError(
            f"a bar at row {row} of {bars.name} opens after it closes",
            hint="check the stamps",
            row=row,
        )


def _check_prices(bars: Bars) -> None:
    for start in range(0, len(bars), _SLAB):
        slab = slice(start, start + _SLAB)
        o, h, lo, c = bars.open[slab], bars.high[slab], bars.low[slab], bars.close[slab]
        sound = (lo > 0) & (lo <= o) & (lo <= c) & (h >= o) & (h >= c) & (h < np.inf)
        wrong = bars.tradable[slab] & ~sound
        if wrong.any():
            row, column = (int(k) for k in np.argwhere(wrong)[0])
            raise _price_error(bars, start + row, column)


def _price_error(bars: Bars, row: int, column: int) -> DataError:
    prices = {name: float(getattr(bars, name)[row, column]) for name in COLUMNS[:4]}
    where = f"{bars.symbols[column]} at {np.datetime64(int(bars.open_time[row, column]), 'ns')} (row {row} of {bars.name})"
    for name, value in prices.items():
        if not np.isfinite(value):
            fault = f"{name} is {value}"
            break
        if value <= 0:
            fault = f"{name} {value} is not above zero"
            break
    else:
        shown = ", ".join(f"{name} {value}" for name, value in prices.items())
        fault = f"{shown}: high is below or low above another price"
    return DataError(
        f"{fault}: {where}",
        hint="mend or drop the row; prices must be finite and above zero",
        row=row,
        symbol=bars.symbols[column],
    )
