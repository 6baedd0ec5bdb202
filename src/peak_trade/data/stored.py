"""Bars of the store on their way into a backtest: which series, which version, whose rules."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.address import Address, is_venue
from peak_trade.data.normalise import Series
from peak_trade.data.series import SeriesKey
from peak_trade.data.stamps import Stamps
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError, did_you_mean
from peak_trade.domain.instrument import Instrument

if TYPE_CHECKING:
    import polars as pl

    from peak_trade.data.store import Store, Stored

Ints = npt.NDArray[np.int64]

Moment = str | datetime | int
"""A time: ISO text or a datetime, UTC where it names no zone, or UTC nanoseconds."""

_PRICES = ("open", "high", "low", "close")
_COLUMNS = ("open_ns", "close_ns", *_PRICES, "volume", "is_filled")
_NAMED = 3  # symbols that a name spells out


@dataclass(frozen=True, slots=True)
class Pick:
    """Which rows of the store are wanted.

    Attributes
    ----------
    store : Store, str, Path or None
        The store or its place; None is the user's own.
    version : int, optional
        The version of the table; the newest where left out.
    start, stop : optional
        Bars that open at ``start`` or later, and before ``stop``.
    max_age : str or Interval, optional
        How long ago the series may have been last received at most.
    """

    store: "Store | str | Path | None" = None
    version: int | None = None
    start: Moment | None = None
    stop: Moment | None = None
    max_age: str | Interval | None = None

    @property
    def is_used(self) -> bool:
        """Whether anything was said that stored series alone have."""
        said = (self.version, self.start, self.stop, self.max_age)
        return any(one is not None for one in said)

    def opened(self) -> "Store":
        """Open the store."""
        from peak_trade.data.store import Store, default_store

        if isinstance(self.store, Store):
            return self.store
        return Store.open(self.store or default_store())


@dataclass(frozen=True, slots=True, eq=False)
class StoredRows:
    """Bars of one or several stored series, as they were read.

    Attributes
    ----------
    name : str
        What they are called, with the versions that were read, such as ``kraken:BTC/USD@12``.
    interval : Interval
        Length of a bar.
    series : tuple of Series
        The real bars of each.
    spans : tuple of pairs of (K,) int64
        Their opens and closes, UTC nanoseconds.
    idle : tuple of (K,) int64
        Closes of the bars that were filled in, which do not trade.
    instruments : tuple of Instrument or None
        Their rules as they were known when the version was written; None where they were not kept.
    frame : polars.DataFrame
        The real bars of all, one series after the other.
    """

    name: str
    interval: Interval
    series: tuple[Series, ...]
    spans: tuple[tuple[Ints, Ints], ...]
    idle: tuple[Ints, ...]
    instruments: tuple[Instrument | None, ...]
    frame: "pl.DataFrame"


def names_store(source: object) -> bool:
    """Whether a source names series of the store: an address of one, or a list of addresses."""
    if isinstance(source, str):
        return Address.parse(source).kind == "store"
    return _is_list(source)


def _is_list(source: object) -> bool:
    return (
        isinstance(source, Sequence)
        and not isinstance(source, str | bytes)
        and len(source) > 0
        and all(isinstance(one, str) for one in source)
    )


def addresses(source: str | Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Give venue and symbol of each series that a source names.

    Examples
    --------
    >>> addresses("kraken:BTC/USD,ETH/USD")
    (('kraken', 'BTC/USD'), ('kraken', 'ETH/USD'))
    >>> addresses(["kraken:BTC/USD", "binance:BTC/USDT:USDT"])
    (('kraken', 'BTC/USD'), ('binance', 'BTC/USDT:USDT'))
    """
    found: list[tuple[str, str]] = []
    for text in [source] if isinstance(source, str) else source:
        venue = ""
        for piece in text.split(","):
            own, _, symbol = piece.strip().partition(":")
            if symbol and is_venue(own):
                venue = own
            else:
                symbol = piece.strip()
            if not venue or not symbol:
                raise DataError(
                    f"{text!r} names no series of the store",
                    hint="write VENUE:SYMBOL, or VENUE:SYMBOL,SYMBOL",
                )
            found.append((venue, symbol))
    twice = next((one for one in found if found.count(one) > 1), None)
    if twice is not None:
        raise DataError(f"{':'.join(twice)} is named twice", hint="name each series once")
    return tuple(found)


def read_stored(
    source: str | Sequence[str],
    *,
    interval: Interval | None,
    pick: Pick,
    symbol: str | None = None,
) -> StoredRows:
    """Read bars of stored series, those of a table in one pass and at one version.

    Parameters
    ----------
    source : str or sequence of str
        ``VENUE:SYMBOL``, several symbols of a venue with commas, or a list of such.
    interval : Interval, optional
        Length of a bar; may be left out where only one is kept of all of them.
    pick : Pick
        Which rows, and of which store.
    symbol : str, optional
        Of several the one to keep; of one what to call it.

    Raises
    ------
    DataError
        A series, an interval or a version that there is not, with what there is; a version for
        series of several tables; rows that are older than is allowed.
    """
    store, named = pick.opened(), addresses(source)
    named, called = _chosen(named, symbol)
    step = interval or _only_interval(store, named)
    keys = [SeriesKey("bars", venue, name, str(step)) for venue, name in named]
    tables: dict[str, list[SeriesKey]] = {}
    for key in keys:
        tables.setdefault(key.venue, []).append(key)
    if pick.version is not None and len(tables) > 1:
        raise DataError(
            f"version {pick.version} of {' and '.join(tables)}: each venue has versions of its own",
            hint="leave the version out, or load the venues one by one",
        )
    frames: dict[SeriesKey, pl.DataFrame] = {}
    names: list[str] = []
    rules: dict[SeriesKey, Instrument | None] = {}
    for venue, group in tables.items():
        version = _version(store, group, pick)
        _check_age(store, group, pick.max_age)
        frames |= store.read_many(
            group,
            start_ns=None if pick.start is None else instant(pick.start),
            stop_ns=None if pick.stop is None else instant(pick.stop),
            version=version,
            columns=_COLUMNS,
        )
        known_ns = store.committed_ns(group[0], version)
        kept = {one.symbol: one.instrument for one in store.listed(venue, known_ns=known_ns)}
        rules |= {key: kept.get(key.symbol) for key in group}
        names.append(_name(venue, [key.symbol for key in group], version))
    return _assembled(",".join(names), step, keys, frames, rules, called)


def version_of(source: str | Sequence[str], *, interval: Interval | None, pick: Pick) -> int | None:
    """Give the version that a source is read at now; None for series of several tables.

    Raises
    ------
    DataError
        A series or an interval that there is not, with what there is.
    """
    store, named = pick.opened(), addresses(source)
    step = interval or _only_interval(store, named)
    keys = [SeriesKey("bars", venue, name, str(step)) for venue, name in named]
    if len({key.venue for key in keys}) > 1:
        return None
    return _version(store, keys, pick)


def _chosen(
    named: tuple[tuple[str, str], ...], symbol: str | None
) -> tuple[tuple[tuple[str, str], ...], str | None]:
    """Keep the series of a symbol; of a single one it is the new name."""
    if symbol is None or len(named) == 1:
        return named, symbol
    kept = tuple(one for one in named if one[1] == symbol)
    if not kept:
        raise DataError(
            f"{symbol!r} is not among {', '.join(':'.join(one) for one in named)}",
            hint=did_you_mean(symbol, [one[1] for one in named]),
        )
    return kept, None


def _only_interval(store: "Store", named: Sequence[tuple[str, str]]) -> Interval:
    kept: dict[tuple[str, str], set[str]] = {one: set() for one in named}
    for stored in _kept_bars(store, {venue for venue, _ in named}):
        place = (stored.key.venue, stored.key.symbol)
        if place in kept:
            kept[place].add(stored.key.interval)
    common = set.intersection(*kept.values())
    if len(common) == 1:
        return Interval.parse(common.pop())
    first = next((one for one in named if not kept[one]), None)
    if first is not None:  # says what there is instead
        store.read(SeriesKey("bars", *first, "1d"), stop_ns=0)
    shown = ", ".join(sorted(common, key=lambda text: Interval.parse(text).ns))
    what = ":".join(named[0]) + (" and the others" if len(named) > 1 else "")
    found = f"bars of {shown}" if common else "no interval in common"
    raise DataError(f"of {what} there are {found}", hint="name an interval, such as 1h")


def _kept_bars(store: "Store", venues: set[str]) -> "list[Stored]":
    return [one for venue in sorted(venues) for one in store.series(kind="bars", venue=venue)]


def _version(store: "Store", group: Sequence[SeriesKey], pick: Pick) -> int:
    """The version that is read: that which is wanted, else the newest, named so that it stays so."""
    if pick.version is not None:
        return pick.version
    kept = store.stored(group[0])
    if kept is None:
        store.read(group[0], stop_ns=0)  # says what there is instead
    return 0 if kept is None else kept.version


def _check_age(store: "Store", group: Sequence[SeriesKey], max_age: str | Interval | None) -> None:
    if max_age is None:
        return
    longest = Interval.parse(max_age) if isinstance(max_age, str) else max_age
    now_ns = time.time_ns()
    for key in group:
        received_ns = store.received_ns(key)
        if received_ns is not None and now_ns - received_ns > longest.ns:
            raise DataError(
                f"{key} was last received at {_second(received_ns)} UTC, more than {longest} ago",
                hint=f"peak data fetch {key.venue} {key.symbol} {key.interval}",
                received_ns=received_ns,
            )


def _second(time_ns: int) -> str:
    return str(np.datetime64(time_ns, "ns").astype("datetime64[s]"))


def _name(venue: str, symbols: Sequence[str], version: int) -> str:
    shown = ",".join(symbols[:_NAMED])
    more = f",... ({len(symbols)})" if len(symbols) > _NAMED else ""
    return f"{venue}:{shown}{more}@{version}"


def _assembled(
    name: str,
    step: Interval,
    keys: Sequence[SeriesKey],
    frames: "Mapping[SeriesKey, pl.DataFrame]",
    rules: Mapping[SeriesKey, Instrument | None],
    called: str | None,
) -> StoredRows:
    import polars as pl

    labels = [called] if called is not None else _labels(keys)
    series, spans, idle, kept, real_frames = [], [], [], [], []
    offset = 0
    for key, label in zip(keys, labels, strict=True):
        frame = frames[key]
        filled = frame["is_filled"]
        real = frame.filter(~filled) if filled.any() else frame
        if real.height == 0:
            raise DataError(f"{key} has no bar in this range", hint="ask for another range")
        opens, closes = _ints(real, "open_ns"), _ints(real, "close_ns")
        rows = np.arange(offset, offset + real.height)
        series.append(_series(label, rows, opens, real))
        spans.append((opens, closes))
        idle.append(_ints(frame.filter(filled), "close_ns"))
        instrument = rules[key]
        kept.append(None if instrument is None else replace(instrument, symbol=label))
        real_frames.append(real)
        offset += real.height
    whole = pl.concat(real_frames, rechunk=False)
    return StoredRows(name, step, tuple(series), tuple(spans), tuple(idle), tuple(kept), whole)


def _labels(keys: Sequence[SeriesKey]) -> list[str]:
    """Symbols; with their venue where two venues have the same."""
    symbols = [key.symbol for key in keys]
    return [
        key.symbol if symbols.count(key.symbol) == 1 else f"{key.venue}:{key.symbol}"
        for key in keys
    ]


def _series(label: str, rows: Ints, opens: Ints, real: "pl.DataFrame") -> Series:
    """Numbers of the real bars; a column without any number is none."""
    values = {name: real[name].to_numpy() for name in (*_PRICES, "volume")}
    known = {name: not bool(np.isnan(column).all()) for name, column in values.items()}
    sides = _PRICES if all(known[side] for side in _PRICES) else ("close",)
    return Series(
        label,
        rows,
        Stamps(opens, opens, are_dates=False),
        {side: values[side] for side in sides},
        values["volume"] if known["volume"] else None,
    )


def _ints(frame: "pl.DataFrame", column: str) -> Ints:
    return np.asarray(frame[column].to_numpy(), dtype=np.int64)


def instant(moment: Moment) -> int:
    """Give a time in UTC nanoseconds.

    Raises
    ------
    DataError
        Text that is no time.

    Examples
    --------
    >>> instant("1970-01-02"), instant("1970-01-01T02:00+01:00"), instant(5)
    (86400000000000, 3600000000000, 5)
    """
    if isinstance(moment, int):
        return moment
    try:
        stamp = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    except ValueError:
        raise DataError(
            f"{moment!r} is no time", hint="write it like 2024-01-31 or 2024-01-31T12:30"
        ) from None
    aware = stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000
