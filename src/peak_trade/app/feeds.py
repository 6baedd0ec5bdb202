"""From names to live feeds: those that installed packages register."""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.metadata import EntryPoint, entry_points
from typing import cast
from urllib.parse import urlsplit

from peak_trade.data.live.events import Candle
from peak_trade.data.live.source import FeedFactory, SourceBackfill
from peak_trade.data.source import Setup, SourceError, Trouble
from peak_trade.domain.errors import DataError, did_you_mean

GROUP = "peak_trade.feeds"


def feed_names() -> tuple[str, ...]:
    """The venues that have a live feed.

    Examples
    --------
    >>> isinstance(feed_names(), tuple)
    True
    """
    return tuple(sorted(_points()))


def found_feed(venue: str) -> FeedFactory:
    """Find what makes the live feed of a venue.

    Raises
    ------
    SourceError
        The venue has none; the hint names close ones.
    DataError
        A library that it needs is missing.
    """
    points = _points()
    if venue not in points:
        raise SourceError(
            Trouble.NOT_OFFERED,
            f"there is no live feed of {venue!r}",
            hint=did_you_mean(venue, points),
            found=venue,
        )
    return cast(Callable[[], FeedFactory], points[venue].load())()


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def requests_url(base_url: str, rest_url: str) -> str | None:
    """Where a venue is asked whose stream is at ``base_url``; None where that is not known.

    A simulator on this machine answers both at one address; of another address it has to be said, so
    that no bars of another environment come in.

    Examples
    --------
    >>> requests_url("", ""), requests_url("ws://127.0.0.1:8900/v2", "")
    ('', 'http://127.0.0.1:8900')
    >>> requests_url("wss://stream.testnet.binance.vision", "") is None
    True
    """
    if rest_url or not base_url:
        return rest_url
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if host != "localhost" and not host.startswith("127."):
        return None
    scheme = "https" if parts.scheme == "wss" else "http"
    return f"{scheme}://{parts.netloc.rpartition('@')[2]}"


class StoredVenueBackfill:
    """Closed bars of a registered source, which is made at the first question.

    Parameters
    ----------
    venue : str
        The source's name.
    url : str
        Its address; its own where empty.
    """

    def __init__(self, venue: str, url: str) -> None:
        self._venue, self._url = venue, url
        self._stack = ExitStack()
        self._backfill: SourceBackfill | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    def bars(self, symbol: str, interval: str, *, start_ns: int, stop_ns: int) -> Sequence[Candle]:
        """Give the closed bars from ``start_ns`` to ``stop_ns`` (left out), oldest first."""
        with self._lock:
            try:
                return self._made().bars(symbol, interval, start_ns=start_ns, stop_ns=stop_ns)
            finally:
                if self._is_closed:
                    self._stack.close()

    def _made(self) -> SourceBackfill:
        if self._is_closed:
            raise DataError(f"the backfill of {self._venue} is closed")
        if self._backfill is None:
            from peak_trade.app.sources import opened_source

            setup = Setup(base_url=self._url, is_clock_checked=not self._url)
            source = self._stack.enter_context(opened_source(self._venue, setup))
            self._backfill = SourceBackfill(source)
        return self._backfill

    def close(self) -> None:
        """Close the source's connections; where it is still being asked, when that is answered."""
        self._is_closed = True
        if self._lock.acquire(timeout=0.5):
            try:
                self._stack.close()
            finally:
                self._lock.release()
