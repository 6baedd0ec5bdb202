"""What everybody sees of a market: its trades, candles, books and figures, up to now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from peak_trade.domain.errors import ParameterError
from peak_trade.simulation.market.clock import Clock
from peak_trade.simulation.market.listing import (
    AskRefusedError,
    Listing,
    Refusal,
    decimals_by_asset,
    listed_by_symbol,
)
from peak_trade.simulation.market.quotes import Quotes, SeededQuotes
from peak_trade.simulation.market.tape import Tape
from peak_trade.simulation.market.track import DAY_NS, Candle, Print, Track


@dataclass(frozen=True, slots=True)
class BookView:
    """A book as of an update."""

    symbol: str
    time_ns: int
    update_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Ticker:
    """The figures of a symbol: best levels, last trade, the last 24 hours and the UTC day so far."""

    symbol: str
    time_ns: int
    bid: tuple[int, int]
    ask: tuple[int, int]
    last: Print | None
    day: Candle
    today: Candle


class PublicMarket:
    """Symbols that trade by their tapes, as anybody may read them at the time that the market has.

    Parameters
    ----------
    listings : sequence of Listing
        What is listed.
    tapes : mapping of str to Tape
        The trades of each symbol.
    clock : Clock
        Its time; what lies before it has happened.
    quotes : mapping of str to (callable of Track to Quotes), optional
        How books are made; by :class:`SeededQuotes` where left out.
    seed : int
        Of the books.

    Raises
    ------
    ParameterError
        Listings that contradict each other, or a symbol without a tape.
    """

    def __init__(
        self,
        listings: Sequence[Listing],
        tapes: Mapping[str, Tape],
        clock: Clock,
        *,
        quotes: Mapping[str, Callable[[Track], Quotes]] | None = None,
        seed: int = 0,
    ) -> None:
        self.listings = listed_by_symbol(list(listings))
        self.decimals = decimals_by_asset(self.listings)
        missing = [symbol for symbol in self.listings if symbol not in tapes]
        if missing or not self.listings:
            raise ParameterError(
                f"no tape for {', '.join(missing) or 'any symbol'}", hint="hand in one for each"
            )
        self.clock = clock
        self.now_ns = clock.now_ns()
        self.symbols = tuple(self.listings)
        self._tracks = {s: Track(one, tapes[s]) for s, one in self.listings.items()}
        makers = quotes or {}
        self._quotes: dict[str, Quotes] = {}
        self._epochs: dict[str, int] = {}
        for k, (symbol, track) in enumerate(self._tracks.items()):
            track.begin(self.now_ns)
            made = makers.get(symbol)
            own = made(track) if made else SeededQuotes(track, seed=seed * 1_000 + k)
            self._quotes[symbol] = own
            self._epochs[symbol] = own.epoch(track.seen, self.now_ns)

    def listing(self, symbol: str) -> Listing:
        """The rules of a symbol.

        Raises
        ------
        AskRefusedError
            A symbol that is not listed.
        """
        found = self.listings.get(symbol)
        if found is None:
            raise AskRefusedError(Refusal.UNKNOWN_SYMBOL, symbol)
        return found

    def trades(
        self,
        symbol: str,
        *,
        since_ns: int | None = None,
        after_id: int | None = None,
        until_ns: int | None = None,
        limit: int = 1_000,
        as_of_ns: int | None = None,
    ) -> list[Print]:
        """Public trades, oldest first.

        From ``since_ns`` on (taken in), or after the trade ``after_id``: the first ``limit`` of them.
        With neither, the last ``limit``. None after ``until_ns`` (taken in). ``as_of_ns``: as one who
        asked then would have seen it.
        """
        track = self._track(symbol)
        stop = track.count_at(as_of_ns)
        if until_ns is not None:
            stop = min(stop, track.count_at(until_ns))
        if after_id is not None:
            start = max(after_id, 0)
        elif since_ns is not None:
            start = track.first_from(since_ns)
        else:
            return track.prints(max(stop - limit, 0), stop)
        return track.prints(start, min(start + limit, stop))

    def candles(
        self,
        symbol: str,
        interval_ns: int,
        *,
        since_ns: int | None = None,
        limit: int = 720,
        newest: bool = True,
        origin_ns: int = 0,
        as_of_ns: int | None = None,
    ) -> list[Candle]:
        """Candles, oldest first; the last one is still forming.

        Those that open at ``since_ns`` or later: the last ``limit`` of them where ``newest``, else the
        first. Candles begin at ``origin_ns`` and whole intervals from there. One without trades is
        flat at the close before it.
        """
        track = self._track(symbol)
        until = self.now_ns if as_of_ns is None else min(as_of_ns, self.now_ns)
        first = until - limit * interval_ns + 1
        if since_ns is not None:
            first = max(first, since_ns) if newest else since_ns
        if not newest:
            first_known = track.print(0).time_ns if track.seen else until
            first = max(first, first_known - interval_ns + 1)
            opens = -(-(first - origin_ns) // interval_ns) * interval_ns + origin_ns
            until = min(until, opens + limit * interval_ns - 1)
        found = track.candles(
            interval_ns, first_ns=first, stop=track.count_at(until), until_ns=until,
            origin_ns=origin_ns,
        )  # fmt: skip
        return found[-limit:] if newest else found[:limit]

    def book(self, symbol: str, *, depth: int = 1_000, as_of_ns: int | None = None) -> BookView:
        """The best levels of both sides."""
        track = self._track(symbol)
        quotes, when = self._quotes[symbol], self.now_ns if as_of_ns is None else as_of_ns
        epoch = self._epochs[symbol]
        if as_of_ns is not None:
            epoch = min(epoch, max(quotes.epoch(track.count_at(as_of_ns), as_of_ns), 1))
        levels = quotes.levels(epoch).top(depth)
        return BookView(symbol, when, epoch, levels.bids, levels.asks)

    def ticker(self, symbol: str, *, as_of_ns: int | None = None) -> Ticker:
        """Best levels, last trade, the last 24 hours and the UTC day so far."""
        track = self._track(symbol)
        when = self.now_ns if as_of_ns is None else min(as_of_ns, self.now_ns)
        stop = track.count_at(when)
        book = self.book(symbol, depth=1, as_of_ns=as_of_ns)
        none = (0, 0)
        return Ticker(
            symbol, when, (book.bids or (none,))[0], (book.asks or (none,))[0],
            track.print(stop - 1) if stop else None, track.span(when - DAY_NS, stop, when),
            track.span(when // DAY_NS * DAY_NS, stop, when),
        )  # fmt: skip

    def span(self, symbol: str, since_ns: int) -> Candle:
        """Everything that has traded from a time to now, as one candle."""
        track = self._track(symbol)
        return track.span(since_ns, track.seen, self.now_ns)

    def _track(self, symbol: str) -> Track:
        self.listing(symbol)
        return self._tracks[symbol]
