"""A live feed, as the rest of the framework asks it."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from peak_trade.data.live.closing import Closing
from peak_trade.data.live.events import Candle, FeedEvent
from peak_trade.domain.errors import ParameterError

if TYPE_CHECKING:
    from peak_trade.data.source import Source

Environment = Literal["live", "testnet", "simulated"]


class Backfill(Protocol):
    """Where closed bars are asked for that a stream did not give whole."""

    def bars(self, symbol: str, interval: str, *, start_ns: int, stop_ns: int) -> Sequence[Candle]:
        """Give the closed bars from ``start_ns`` to ``stop_ns`` (left out), oldest first.

        Called in a thread of its own. An interval without a row is one in which nothing was traded.

        Raises
        ------
        SourceError
            There was no answer, or none that reaches as far as was asked.
        """
        ...


class SourceBackfill:
    """Closed bars of a source of stored market data, for what a stream did not give whole.

    Parameters
    ----------
    source : Source
        It gives bars under the same venue's symbols as the stream.
    """

    def __init__(self, source: "Source") -> None:
        self._source = source

    def bars(self, symbol: str, interval: str, *, start_ns: int, stop_ns: int) -> Sequence[Candle]:
        """Give the closed bars from ``start_ns`` to ``stop_ns`` (left out), oldest first."""
        from peak_trade.data.series import SeriesKey
        from peak_trade.data.source import SourceError, Trouble, Want

        key = SeriesKey("bars", self._source.name, symbol, interval)
        found: list[Candle] = []
        reached = start_ns
        for page in self._source.pages(Want(key, start_ns, stop_ns)):
            reached = max(reached, page.reached_ns)
            names = ("open_ns", "close_ns", "open", "high", "low", "close", "volume")
            rows = page.rows.filter(~page.rows["is_filled"]) if "is_filled" in page.rows.columns else page.rows  # fmt: skip
            found += [Candle(*row) for row in rows.select(names).iter_rows()]
        if reached < stop_ns:
            raise SourceError(
                Trouble.BAD_ANSWER,
                f"bars of {key} reach to {reached}, asked for up to {stop_ns}",
                hint="they are asked for again",
            )
        return found


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """What a feed is pointed at, and when it loses patience.

    Attributes
    ----------
    base_url : str
        The WebSocket's address, such as ``ws://127.0.0.1:8900/v2``; the venue's own where empty.
    rest_url : str
        The address of the venue's requests, where the feed needs some itself (snapshots of a book,
        the time); the venue's own where empty.
    environment : {"live", "testnet", "simulated"}, optional
        What it must be; told by the address where left out.
    backfill : Backfill, optional
        Where bars are asked for that the stream did not give whole.
    closing : Closing
        When a bar is closed.
    book_depth : int
        Levels of the order books that are kept; 0 keeps none.
    since_ns : int, optional
        The first bar; the one that is being formed at the start where left out. Earlier ones are
        asked for.
    stale_after_ns : int, optional
        When a silent symbol is stale; by its own usual pace where left out.
    silence_ns : int, optional
        How long a connection may be silent before it is taken for dead; as the venue's heartbeat
        allows where left out.
    ping_every_ns : int
        How often the venue is pinged, which measures its clock.
    first_wait_s, most_wait_s : float
        The shortest and the longest wait before the next try to connect.
    first_tries : int
        Tries to connect the first time before the venue is called unreachable; later ones go on.
    renew_after_s : float, optional
        Age at which a connection is replaced by a fresh one while it still runs; before the venue's
        own limit where left out.
    seed : int
        Seed of the waits' chance.
    """

    base_url: str = ""
    rest_url: str = ""
    environment: Environment | None = None
    backfill: Backfill | None = None
    closing: Closing = field(default_factory=Closing)
    book_depth: int = 0
    since_ns: int | None = None
    stale_after_ns: int | None = None
    silence_ns: int | None = None
    ping_every_ns: int = 15_000_000_000
    first_wait_s: float = 0.5
    most_wait_s: float = 30.0
    first_tries: int = 3
    renew_after_s: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, text in (("base_url", self.base_url), ("rest_url", self.rest_url)):
            schemes = ("ws://", "wss://") if name == "base_url" else ("http://", "https://")
            if text and not text.startswith(schemes):
                raise ParameterError(
                    f"{name} {text!r} is no address of a {'WebSocket' if name == 'base_url' else 'server'}",
                    hint=f"it begins with {' or '.join(schemes)}",
                )
        if self.book_depth < 0 or self.first_tries < 1:
            raise ParameterError("book_depth is 0 or more, first_tries 1 or more")


class LiveCandleSource(Protocol):
    """Somewhere that closed bars come from while they are made."""

    @property
    def venue(self) -> str:
        """The venue of its bars, such as ``kraken``."""
        ...

    @property
    def environment(self) -> Environment:
        """What it listens to; the times of a simulated venue need not be ours."""
        ...

    @property
    def intervals(self) -> tuple[str, ...]:
        """The intervals that it offers."""
        ...

    def bars(self, symbols: Sequence[str], interval: str) -> AsyncIterator[FeedEvent]:
        """Give closed bars, and what else there is to know, as they come; until it is closed.

        Every bar from the first on is told once as a `ClosedBar`, as `NoTrades` or as `Missing`, the
        bars of a symbol in order; a `ClosedBar` of a higher revision replaces one told before.

        Raises
        ------
        SourceError
            The venue cannot be reached at all, does not know a symbol, or is another environment.
        """
        ...


FeedFactory = Callable[[FeedOptions], LiveCandleSource]
"""What stands under a venue's name in the entry points ``peak_trade.feeds``."""
