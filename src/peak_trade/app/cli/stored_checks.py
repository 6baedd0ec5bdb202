"""Stored bars as `peak data check` sees them: which series is meant, and what is found in it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peak_trade.app.config import Configuration
    from peak_trade.app.settings import Settings
    from peak_trade.data.agreement import DataComparison
    from peak_trade.data.findings import DataReport
    from peak_trade.data.series import SeriesKey
    from peak_trade.data.store import Store
    from peak_trade.data.stored_bars import StoredBars


def stored_key(store: "Store", name: str, interval: str | None) -> "SeriesKey":
    """The stored bars that ``VENUE:SYMBOL`` and an interval name; the only ones where it is left out.

    Raises
    ------
    DataError
        None, or several; the hint names what there is.
    """
    from peak_trade.data.address import Address
    from peak_trade.data.series import SeriesKey
    from peak_trade.domain.errors import DataError, did_you_mean

    place = Address.parse(name)
    there = store.series(kind="bars", venue=place.venue)
    fitting = [one.key for one in there if one.key.symbol == place.place]
    if interval is not None:
        key = SeriesKey("bars", place.venue, place.place, interval)
        if key in fitting:
            return key
    elif len(fitting) == 1:
        return fitting[0]
    known = ", ".join(key.interval for key in fitting)
    if fitting and interval is None:
        raise DataError(f"{name} is stored as bars of {known}", hint="say which, such as 1h")
    if fitting:
        raise DataError(f"{name} has no bars of {interval}", hint=f"there are bars of {known}")
    names = [f"{one.key.venue}:{one.key.symbol}" for one in store.series(kind="bars")]
    hint = did_you_mean(name, names) if names else "peak data fetch and peak data import fill it"
    raise DataError(f"no bars of {name} are in {store.place}", hint=hint)


def checked_stored(
    source: str,
    interval: str | None,
    found: "Configuration[Settings]",
    *,
    calendar: str | None,
    against: str | None,
) -> "tuple[DataReport, DataComparison | None]":
    """Check a stored series, and compare it with another source where one is named."""
    from peak_trade.app.stores import opened_store
    from peak_trade.data.stored_bars import check_stored, stored_bars

    store = opened_store(found)
    key = stored_key(store, source, interval)
    store.verify(key)
    bars = stored_bars(store, key, calendar=calendar)
    return check_stored(bars), compared(store, bars, against)


def compared(store: "Store", bars: "StoredBars", against: str | None) -> "DataComparison | None":
    """Compare a stored series with another source of its instrument, where one is named."""
    from peak_trade.data.agreement import compare_data
    from peak_trade.data.load import load
    from peak_trade.data.stored import names_store
    from peak_trade.data.stored_bars import bars_of, stored_bars

    if against is None:
        return None
    if names_store(against):
        key = stored_key(store, against, bars.key.interval)
        other = bars_of(stored_bars(store, key, calendar=bars.calendar))
    else:
        other = load(against, interval=bars.key.interval, calendar=bars.calendar)
    return compare_data(bars_of(bars), other)
