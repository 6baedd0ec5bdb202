"""The store as a cache in front of a source: what is there of a range, what is missing, how old it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store
from peak_trade.data.store.state import Ranges
from peak_trade.data.store.upsert import merged
from peak_trade.domain.calendar import Interval


@dataclass(frozen=True, slots=True)
class Cached:
    """What the store has of a range of a series.

    Attributes
    ----------
    key : SeriesKey
        The series.
    start_ns, stop_ns : int
        The range, UTC nanoseconds; the end is left out.
    covered : tuple of pairs of int
        Parts of it that were asked for and answered, or that are full of bars.
    missing : tuple of pairs of int
        The other parts: what a source is still to be asked for.
    rows : int
        Rows of the series, in and outside of the range.
    received_ns : int, optional
        When the series was last heard of; None where there is nothing.
    """

    key: SeriesKey
    start_ns: int
    stop_ns: int
    covered: Ranges
    missing: Ranges
    rows: int
    received_ns: int | None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing

    def age_ns(self, now_ns: int) -> int | None:
        """Nanoseconds since the series was last heard of; None where it never was."""
        return None if self.received_ns is None else now_ns - self.received_ns


def cached(store: Store, key: SeriesKey, start_ns: int, stop_ns: int) -> Cached:
    """Tell what the store has of a range of a series, and what is missing of it.

    A range counts as covered when a commit said so (``covered=`` of :meth:`Store.upsert`), with or
    without rows: so a gap that the source has confirmed is not asked for again. Bars cover the time
    from their open to their close too, whoever brought them; bars that were filled in cover nothing.

    Parameters
    ----------
    store : Store
        The store.
    key : SeriesKey
        The series.
    start_ns, stop_ns : int
        The range, UTC nanoseconds; the end is left out.

    Examples
    --------
    >>> import tempfile, polars as pl
    >>> folder = tempfile.TemporaryDirectory()
    >>> store = Store.open(folder.name)
    >>> key = SeriesKey("funding", "binance", "BTC/USDT")
    >>> rows = pl.DataFrame({"time_ns": [3], "rate": [0.0001]})
    >>> store.upsert(key, rows, source="binance", received_ns=9, covered=(0, 5)).added
    1
    >>> cached(store, key, 2, 8).missing
    ((5, 8),)
    >>> folder.cleanup()
    """
    kept = store.stored(key)
    known = [*store.covered(key)]
    if key.kind == "bars" and kept is not None:
        known += _runs_of_bars(store, key, start_ns, stop_ns)
    covered = merged(
        tuple((max(start, start_ns), min(stop, stop_ns)) for start, stop in known if stop > start)
    )
    return Cached(
        key,
        start_ns,
        stop_ns,
        covered,
        _between(covered, start_ns, stop_ns),
        0 if kept is None else kept.rows,
        store.received_ns(key),
    )


def missing_ranges(
    store: Store, key: SeriesKey, start_ns: int, stop_ns: int
) -> list[tuple[int, int]]:
    """Give the parts of a range that a source is still to be asked for, earliest first.

    See :func:`cached` for what counts as there.
    """
    return list(cached(store, key, start_ns, stop_ns).missing)


def _runs_of_bars(store: Store, key: SeriesKey, start_ns: int, stop_ns: int) -> Ranges:
    """Stretches of time that real bars fill without a gap."""
    longest = 2 * Interval.parse(key.interval).ns
    rows = store.read(
        key,
        start_ns=start_ns - longest,
        stop_ns=stop_ns,
        columns=["open_ns", "close_ns", "is_filled"],
    )
    real = rows.filter(~rows["is_filled"])
    if real.height == 0:
        return ()
    opens, closes = real["open_ns"].to_numpy(), real["close_ns"].to_numpy()
    breaks = np.flatnonzero(opens[1:] > closes[:-1])
    starts, stops = np.append(0, breaks + 1), np.append(breaks, len(opens) - 1)
    pairs = zip(opens[starts].tolist(), closes[stops].tolist(), strict=True)
    return tuple((start, stop) for start, stop in pairs)


def _between(covered: Sequence[tuple[int, int]], start_ns: int, stop_ns: int) -> Ranges:
    missing, reached = [], start_ns
    for start, stop in covered:
        if start > reached:
            missing.append((reached, start))
        reached = max(reached, stop)
    if reached < stop_ns:
        missing.append((reached, stop_ns))
    return tuple(missing)
