"""Features computed once and kept: values with the moment they are of and the moment they were known."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.features.definition import Feature
from peak_trade.data.features.given import Shelf, missing, place_of
from peak_trade.data.features.registry import feature_of, id_of_feature
from peak_trade.data.features.supply import FeatureSupply
from peak_trade.data.series import KINDS, SeriesKey
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from peak_trade.data.store import Store

Floats = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]

SOURCE = "features"
"""What the store calls the origin of computed values."""

_ROWS = 250_000  # bars a commit
_WINDOW = 262_144  # bars looked through at a time
_BEHIND = 4096  # bars behind the newest value that are looked through first
_LONG = ("trades",)  # kinds that are read a stretch at a time


@dataclass(frozen=True, slots=True)
class Materialized:
    """What came of materializing a feature.

    Attributes
    ----------
    feature : str
        Its id: the whole text and the digest of its definition.
    keys : tuple of SeriesKey
        The stored series, one an instrument.
    computed : int
        Bars that were computed.
    added, corrected : int
        Values that were new, and that replaced another.
    """

    feature: str
    keys: tuple[SeriesKey, ...]
    computed: int
    added: int
    corrected: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is stored of a feature in one series.

    ``is_current`` tells whether the values are those of the definition in force.
    """

    feature: str
    key: SeriesKey
    rows: int
    first_ns: int
    last_ns: int
    is_current: bool


def materialize(
    bars: Bars,
    texts: str | Sequence[str],
    store: "Store",
    *,
    received_ns: int,
    anew: bool = False,
    progress: Progress | None = None,
) -> tuple[Materialized, ...]:
    """Compute features over stored bars and keep the values that are not kept yet.

    Values are kept for each real bar, with its close as the moment they are of and were known.
    What is there already is not computed again, unless bars or other rows that the feature reads were
    received since: then everything from the first of them on is. The result is that of one go.

    Parameters
    ----------
    bars : Bars
        All bars of a stored series, as ``pt.load("VENUE:SYMBOL", interval=...)`` gives them.
    texts : str or sequence of str
        Features such as ``rsi(period=14)``.
    store : Store
        Where bars and what else is read are stored, and where values go.
    received_ns : int
        The time now, taken before the bars were read, UTC nanoseconds.
    anew : bool
        Compute every bar again; values that are equal stay as they are.
    progress : callable, optional
        Told how many bars are done, and of how many.

    Raises
    ------
    ParameterError, DataError
        A text that is no feature, bars that are not of the store, or something that is not stored.
    """
    wanted = [feature_of(text) for text in ([texts] if isinstance(texts, str) else texts)]
    keys = tuple(
        SeriesKey("features", *place_of(bars, column), str(bars.interval))
        for column in range(len(bars.instruments))
    )
    for one in wanted:
        _check_inputs(bars, one, store)
    begins = [0 if anew else _begin(bars, one, store, keys) for one in wanted]
    total, done = sum(len(bars) - begin for begin in begins), 0
    made = []
    for feature, begin in zip(wanted, begins, strict=True):
        name, added, corrected = id_of_feature(feature), 0, 0
        for first, stop, values in _computed(bars, feature, store, begin):
            items = _frames(bars, keys, name, first, stop, values)
            note = f"{feature.called}@{feature.version}"
            for commit in store.upsert_many(
                items, source=SOURCE, received_ns=received_ns, note=note
            ):
                added, corrected = added + commit.added, corrected + commit.corrected
            done += stop - first
            if progress is not None:
                progress(done, total)
        made.append(Materialized(name, keys, len(bars) - begin, added, corrected))
    return tuple(made)


def _computed(
    bars: Bars, feature: Feature, store: "Store", begin: int
) -> Iterator[tuple[int, int, Floats]]:
    """Values of the rows from ``begin`` on, a stretch of them at a time."""
    back = feature.lookback
    if begin >= len(bars):
        return
    in_parts = back is not None and set(feature.kinds) <= set(_LONG)
    whole = None if in_parts else _values(bars, feature, store, _from(begin, back))
    for first in range(begin, len(bars), _ROWS):
        stop = min(first + _ROWS, len(bars))
        start = _from(first, back) if in_parts else _from(begin, back)
        values = _values(bars[:stop], feature, store, start) if whole is None else whole
        yield first, stop, values[first - start : stop - start]


def _from(row: int, lookback: int | None) -> int:
    return 0 if lookback is None else max(0, row - lookback)


def _values(bars: Bars, feature: Feature, store: "Store", start: int) -> Floats:
    part = bars[start:]
    is_long = bool(feature.kinds) and set(feature.kinds) <= set(_LONG)
    bound = is_long and feature.lookback is not None
    shelf = Shelf(
        lambda: store,
        start_ns=part.first_open if bound else None,
        stop_ns=int(part.time[-1]) + 1 if bound else None,
    )
    return FeatureSupply(shelf).features(part, {"": feature.text})[""]


def _frames(
    bars: Bars, keys: Sequence[SeriesKey], name: str, first: int, stop: int, values: Floats
) -> "dict[SeriesKey, pl.DataFrame]":
    import polars as pl

    found = {}
    for column, key in enumerate(keys):
        real = bars.tradable[first:stop, column]
        closes = bars.time[first:stop][real]
        mine = values[:, column if values.shape[1] > 1 else 0][real]
        found[key] = pl.DataFrame(
            {"time_ns": closes, "feature": [name] * len(closes), "known_ns": closes, "value": mine},
            schema=KINDS["features"].schema(),
        )
    return found


def _begin(bars: Bars, feature: Feature, store: "Store", keys: Sequence[SeriesKey]) -> int:
    """The first row that has to be computed."""
    name, begin = id_of_feature(feature), len(bars)
    for column, key in enumerate(keys):
        newest = _newest(store, key, name)
        if newest is None:
            return 0
        last_ns, received_ns = newest
        changed = [last_ns + 1]
        for read in _inputs(bars, feature, column):
            first = _first_changed(store, read, received_ns)
            changed += [] if first is None else [first]
        begin = min(begin, int(np.searchsorted(bars.time, min(changed))))
    return begin


def _check_inputs(bars: Bars, feature: Feature, store: "Store") -> None:
    """Refuse a feature whose inputs are not stored, before anything is written."""
    for column in range(len(bars.instruments)):
        for key in _inputs(bars, feature, column):
            if store.stored(key) is None:
                raise missing(key)


def _inputs(bars: Bars, feature: Feature, column: int) -> list[SeriesKey]:
    """Stored series that a feature and its parts read, the bars among them."""
    venue, symbol = place_of(bars, column)
    found = [SeriesKey("bars", venue, symbol, str(bars.interval))]
    for kind in feature.kinds:
        series = str(getattr(feature, "series", ""))
        place, _, name = series.partition(":") if series else (venue, "", symbol)
        step = str(getattr(feature, "interval", "")) or str(bars.interval)
        found.append(SeriesKey(kind, place, name, step if KINDS[kind].has_interval else ""))
    for part in feature.parts:
        found += _inputs(bars, feature_of(part), column)
    return list(dict.fromkeys(found))


def _first_changed(store: "Store", key: SeriesKey, since_ns: int) -> int | None:
    """When the first row that was received after a moment was known."""
    stored = store.stored(key)
    if stored is None or stored.updated_ns <= since_ns:
        return None
    known = next(
        (name for name in ("known_ns", "close_ns") if name in key.shape.columns), key.shape.time
    )
    rows = store.read(key, columns=[known, "received_ns"])
    late = rows[known].to_numpy()[rows["received_ns"].to_numpy() > since_ns]
    return int(late.min()) if len(late) else None


def _newest(store: "Store", key: SeriesKey, name: str) -> tuple[int, int] | None:
    """When the newest value of a feature is of, and when it was received."""
    for rows in _backwards(store, key, ["time_ns", "received_ns"], name):
        if len(rows):
            last = rows.sort("time_ns").tail(1)
            return int(last["time_ns"][0]), int(last["received_ns"][0])
    return None


def _backwards(
    store: "Store", key: SeriesKey, columns: list[str], name: str = ""
) -> "Iterator[pl.DataFrame]":
    """Stored values, of one feature where it is named, the newest stretch first."""
    where = {"feature": name} if name else None
    stored = store.stored(key)
    if stored is None:
        return
    step = Interval.parse(key.interval).ns
    stop, size = stored.last_ns + 1, _BEHIND
    while stop > stored.first_ns:
        start = max(stored.first_ns, stop - size * step)
        yield store.read(key, start_ns=start, stop_ns=stop, columns=columns, where=where)
        stop, size = start, min(size * 8, _WINDOW)


def coverage(store: "Store", *, name: str = "") -> tuple[Coverage, ...]:
    """What is stored of features, by series.

    Parameters
    ----------
    store : Store
    name : str
        Of the features of this name alone, such as ``rsi``; of all where left out.
    """
    import polars as pl

    found = []
    for stored in store.series(kind="features"):
        parts = [
            rows.group_by("feature").agg(
                pl.len().alias("rows"),
                pl.col("time_ns").min().alias("first"),
                pl.col("time_ns").max().alias("last"),
            )
            for rows in _backwards(store, stored.key, ["time_ns", "feature"])
        ]
        if not parts:
            continue
        table = (
            pl.concat(parts)
            .group_by("feature")
            .agg(pl.col("rows").sum(), pl.col("first").min(), pl.col("last").max())
        )
        found += [
            Coverage(text, stored.key, rows, first, last, _is_current(text))
            for text, rows, first, last in table.sort("feature").iter_rows()
            if not name or text.partition("@")[0] == name
        ]
    return tuple(found)


def _is_current(stored_id: str) -> bool:
    text, _, _ = stored_id.rpartition("#")
    try:
        return id_of_feature(feature_of(text)) == stored_id
    except InputError:  # a name, a version or a parameter that there is no more
        return False
