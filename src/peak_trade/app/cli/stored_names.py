"""The stored series that a command names, its versions and times."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from peak_trade.app.config import Configuration
    from peak_trade.app.settings import Settings
    from peak_trade.data.series import SeriesKey
    from peak_trade.data.store import Store, Stored


def opened(
    name: str, interval: str | None, kind: str | None, config: Path | None
) -> "tuple[Store, SeriesKey, Stored, Configuration[Settings]]":
    """The store, and the one of its series that is meant."""
    from peak_trade.app import request
    from peak_trade.app.stores import opened_store

    found = request.configured({}, {}, config)
    store = opened_store(found)
    stored = _meant(store, name, interval, kind)
    return store, stored.key, stored, found


def one_or_all(
    name: str | None, interval: str | None, kind: str | None, config: Path | None
) -> "tuple[SeriesKey | None, Store]":
    """A series that was named, or none where all are meant, and the store."""
    if name is not None:
        store, key, _, _ = opened(name, interval, kind, config)
        return key, store
    from peak_trade.app import request
    from peak_trade.app.stores import opened_store

    return None, opened_store(request.configured({}, {}, config))


def two_versions(
    store: "Store", key: "SeriesKey", old: int | None, new: int | None
) -> tuple[int, int]:
    """The versions to compare: the newest and the one before it that touched the series."""
    from peak_trade.domain.errors import DataError

    known = [one.version for one in store.versions(key)]
    if not known and (old is None or new is None):
        raise DataError(
            f"no version that is kept has changed {key}",
            hint="those that did have expired; --old and --new compare two that are kept",
        )
    after = known[-1] if new is None else new
    earlier = [version for version in known if version < after]
    if old is None and not earlier:
        raise DataError(
            f"{key} has no version before {after}", hint="peak data versions lists those it has"
        )
    return earlier[-1] if old is None else old, after


def _meant(store: "Store", name: str, interval: str | None, kind: str | None) -> "Stored":
    """The series that was named; of a name alone the only one there is."""
    from peak_trade.data.series import KINDS, SeriesKey
    from peak_trade.domain.calendar import Interval
    from peak_trade.domain.errors import DataError, did_you_mean

    if kind is not None and kind not in KINDS:
        raise DataError(f"kind {kind!r} of data is not known", hint=did_you_mean(kind, KINDS))
    venue, colon, symbol = name.partition(":")
    if not colon or not symbol:
        raise DataError(
            f"{name!r} names no stored series", hint="write VENUE:SYMBOL, as peak data list does"
        )
    if interval is not None:
        interval = str(Interval.parse(interval))
        key = SeriesKey(kind or "bars", venue, symbol, interval)
        there = store.stored(key)
        if there is not None:
            return there
    every = store.series()
    fitting = [
        one
        for one in every
        if (one.key.venue, one.key.symbol) == (venue, symbol)
        and kind in (None, one.key.kind)
        and interval in (None, one.key.interval)
    ]
    if len(fitting) == 1:
        return fitting[0]
    what = " ".join(word for word in (name, interval or "", kind or "") if word)
    beside = [str(one.key) for one in every if (one.key.venue, one.key.symbol) == (venue, symbol)]
    if fitting:
        raise DataError(f"{what} may be {', '.join(map(str, beside))}", hint="say which: "
                        "the interval of its bars, or --kind")  # fmt: skip
    if beside:
        raise DataError(f"{what} is not stored", hint=f"there is {', '.join(beside)}")
    names = {f"{one.key.venue}:{one.key.symbol}" for one in every}
    hint = did_you_mean(name, names) if names else "the store is empty: peak data import fills it"
    raise DataError(f"{what} is not in {store.place}", hint=hint)


def last_rows_from(times: "pl.Series", rows: int) -> int | None:
    """From which time on the last rows lie."""
    return int(times[-rows]) if 0 < rows <= len(times) else None


def time_ns(text: str | None, option: str) -> int | None:
    """A date or time as UTC nanoseconds."""
    if text is None:
        return None
    from peak_trade.data.stored import instant
    from peak_trade.domain.errors import DataError, InputError

    try:
        return instant(text)
    except DataError as error:
        raise InputError(f"{option} {error.message}", hint=error.hint) from error
