"""What a feature may read: bars, other features, and stored rows that were known by the last close."""

import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.address import Address
from peak_trade.data.series import SeriesKey
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    import polars as pl

    from peak_trade.data.store import Store

Floats = npt.NDArray[np.float64]

_EVER = 2**63 - 1
_MORE = ",... ("  # in the name of bars of many instruments
_VERSION = re.compile(r"@\d+$")


class Shelf:
    """Rows of stored series that features read, each series read from the store once.

    Parameters
    ----------
    opened : callable
        Opens the store, when the first series is asked for.
    start_ns, stop_ns : int, optional
        Rows outside are not read: a stretch of a long series at a time.
    """

    def __init__(
        self,
        opened: "Callable[[], Store]",
        *,
        start_ns: int | None = None,
        stop_ns: int | None = None,
    ) -> None:
        self._opened, self._start_ns, self._stop_ns = opened, start_ns, stop_ns
        self._store: Store | None = None
        self._held: dict[tuple[SeriesKey, int, str], pl.DataFrame] = {}
        self._newest: dict[SeriesKey, int] = {}
        self._versions: dict[SeriesKey, int] = {}
        self._lock = threading.RLock()

    @property
    def versions(self) -> dict[SeriesKey, int]:
        """The versions of the series that were read."""
        with self._lock:
            return dict(self._versions)

    def store(self) -> "Store":
        """The store, opened the first time."""
        with self._lock:
            if self._store is None:
                self._store = self._opened()
            return self._store

    def rows(self, key: SeriesKey, version: int = 0, feature: str = "") -> "pl.DataFrame":
        """Every row of a series, or those of one stored feature, in the order of its key.

        Raises
        ------
        DataError
            A series that is not stored.
        """
        with self._lock:
            if (key, version, feature) not in self._held:
                self._held[key, version, feature] = self._read(key, version, feature)
            return self._held[key, version, feature]

    def first_ns(self, key: SeriesKey) -> int:
        """When a stored series begins."""
        stored = self.store().stored(key)
        if stored is None:
            raise missing(key)
        return int(stored.first_ns)

    def _read(self, key: SeriesKey, version: int, feature: str) -> "pl.DataFrame":
        store = self.store()
        stored = store.stored(key)
        if stored is None:
            raise missing(key)
        newest = stored.version
        if feature:  # those of one series are read one after the other, and all at one version
            version = version or self._newest.setdefault(key, newest)
        self._versions[key] = version or newest
        return store.read(
            key,
            start_ns=self._start_ns,
            stop_ns=self._stop_ns,
            version=version or None,
            columns=list(key.shape.columns),
            where={"feature": feature} if feature else None,
        )


def missing(key: SeriesKey) -> DataError:
    """The error of a series that a feature reads and that is not stored."""
    if key.kind == "features":
        return DataError(
            f"no features of {key.venue}:{key.symbol} {key.interval} are stored",
            hint=f"peak features materialize TEXT --data {key.venue}:{key.symbol} "
            f"--interval {key.interval}",
            series=str(key),
        )
    return DataError(
        f"{key.kind} of {key.venue}:{key.symbol} are not stored, and a feature reads them",
        hint=f"fetch them, or read a file: peak data import FILE --as {key.venue}:{key.symbol} "
        f"--kind {key.kind}",
        series=str(key),
    )


class Given:
    """What is handed to a feature: everything in it was known by the close of the last row.

    Attributes
    ----------
    bars : Bars
        The bars; (T, N) arrays, T times ascending.
    """

    __slots__ = ("_compute", "_shelf", "bars")

    def __init__(self, bars: Bars, shelf: Shelf, compute: Callable[[str], Floats]) -> None:
        self.bars, self._shelf, self._compute = bars, shelf, compute

    def feature(self, text: str) -> Floats:
        """Another feature's values, (T, 1) or (T, N)."""
        return self._compute(text)

    def rows(
        self,
        kind: str,
        series: str = "",
        *,
        column: int = 0,
        interval: str = "",
        version: int = 0,
        feature: str = "",
    ) -> "pl.DataFrame":
        """Stored rows that were known by the last close, ordered by the kind's key.

        Parameters
        ----------
        kind : str
            Such as ``trades``, ``quotes``, ``series`` or ``news``.
        series : str
            ``VENUE:SYMBOL``; left out, the bars' venue and the instrument of ``column``.
        column : int
            Which of the bars' instruments.
        interval : str
            Of kinds that have one.
        version : int
            Of the stored series; 0 for the newest.
        feature : str
            Of ``features`` the one that is wanted, by its id; all where left out.

        Raises
        ------
        DataError
            A series that is not stored, or bars that are not of a venue where none is named.
        """
        import polars as pl

        key = self.key(kind, series, column, interval)
        found = self._shelf.rows(key, version, feature)
        known = next(
            (name for name in ("known_ns", "close_ns") if name in key.shape.columns),
            key.shape.time,
        )
        until = int(self.bars.time[-1]) if len(self.bars) else -_EVER
        return found.filter(pl.col(known) <= until)

    def is_stored(self, name: str, series: str, column: int, interval: str, version: int) -> bool:
        """Whether any value of a materialized feature is stored, whenever it was known."""
        key = self.key("features", series, column, interval)
        return len(self._shelf.rows(key, version, name)) > 0

    def first_ns(self, kind: str, series: str = "", *, column: int = 0) -> int:
        """When a stored series begins, UTC nanoseconds."""
        return self._shelf.first_ns(self.key(kind, series, column, ""))

    def key(self, kind: str, series: str, column: int, interval: str = "") -> SeriesKey:
        """The name of a stored series: the one that is named, or the one of an instrument."""
        if series:
            venue, colon, symbol = series.partition(":")
            if not (colon and venue and symbol):
                raise DataError(
                    f"series {series!r} is not VENUE:SYMBOL", hint="write it like fred:CPIAUCSL"
                )
            return SeriesKey(kind, venue, symbol, interval)
        return SeriesKey(kind, *place_of(self.bars, column), interval)


def place_of(bars: Bars, column: int = 0) -> tuple[str, str]:
    """Venue and symbol that an instrument of stored bars is kept under.

    Raises
    ------
    DataError
        Bars that did not come from the store.

    Examples
    --------
    >>> place_of(Bars.from_arrays([1.0], name="kraken:BTC/USD@12", instruments=["BTC/USD"]))
    ('kraken', 'BTC/USD')
    """
    label = bars.instruments[column].symbol
    places = _places(bars.name)
    for venue, symbol in places:
        if label in (symbol, f"{venue}:{symbol}"):
            return venue, symbol
    if len(places) == 1 and len(bars.instruments) == 1:  # it was given another name
        return places[0]
    venues = {venue for venue, _ in places}
    if len(venues) == 1 and _MORE in bars.name:
        return venues.pop(), label
    raise DataError(
        f"{label} of bars {bars.name!r} is of no venue of the store, and a feature reads what is "
        "stored beside it",
        hint="load them with pt.load('VENUE:SYMBOL', interval=...), or name the series: "
        "series='kraken:BTC/USD'",
    )


def _places(name: str) -> list[tuple[str, str]]:
    """The stored series that the name of bars spells out, such as ``kraken:BTC/USD,ETH/USD@3``."""
    found: list[tuple[str, str]] = []
    for piece in name.split(","):
        text = _VERSION.sub("", piece)
        try:
            address = Address.parse(text)
        except DataError:  # a symbol of the venue before
            if found and not text.startswith("... "):
                found.append((found[-1][0], text))
            continue
        if address.kind == "store" and not (found and _is_pair(address)):
            found.append((address.venue, address.place))
        elif found:
            found.append((found[-1][0], text))
    return found


def _is_pair(address: Address) -> bool:
    """Whether what looks like a venue is the pair of a contract, such as ``BTC-USD:USD``."""
    return not address.venue.islower()
