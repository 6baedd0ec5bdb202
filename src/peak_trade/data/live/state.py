"""Everything that is known of a feed's symbols: what frames and time make of it, without a socket."""

from collections.abc import Callable, Sequence

from peak_trade.data.live.book import CheckedBook, NumberedBook
from peak_trade.data.live.candles import CandleBuilder
from peak_trade.data.live.clock import VenueClock
from peak_trade.data.live.closing import Ask
from peak_trade.data.live.events import (
    BookBroken,
    BookRestored,
    Candle,
    Connected,
    Disconnected,
    FeedEvent,
    Reconnected,
    VenueStatus,
    WrongEnvironment,
)
from peak_trade.data.live.health import Health
from peak_trade.data.live.messages import (
    BookMessage,
    Frame,
    Message,
    Status,
    Trade,
    Unreadable,
    VenueCandle,
)
from peak_trade.data.live.source import Environment, FeedOptions

CheckedOrNumbered = CheckedBook | NumberedBook

FOREIGN_NS = 3_600_000_000_000
"""How far the times of a venue may be from ours before they are those of another world."""

_EARLY = 5_000


class FeedState:
    """Bars, books, health and clock of the symbols of one feed.

    Parameters
    ----------
    venue : str
        Whose feed it is.
    symbols : sequence of str
        What it is of.
    interval : str
        Length of its bars.
    options : FeedOptions
        Its patience, its backfill, its bounds.
    environment : {"live", "testnet", "simulated"}
        The times of a simulated venue need not be ours, and may run faster.
    new_book : callable, optional
        Makes the books of the venue; without it messages of books are left alone.
    """

    def __init__(
        self,
        venue: str,
        symbols: Sequence[str],
        *,
        interval: str,
        options: FeedOptions,
        environment: Environment = "live",
        new_book: Callable[[], CheckedOrNumbered] | None = None,
    ) -> None:
        self.venue, self.symbols, self.interval = venue, tuple(symbols), interval
        self.clock = VenueClock(venue)
        self.unreadable = 0
        self.last_unreadable = ""
        self._options = options
        self._environment = environment
        self._builders: dict[str, CandleBuilder] = {}
        self._early: list[tuple[Message, int]] = []
        self._health = {
            symbol: Health(venue, symbol, bound_ns=options.stale_after_ns) for symbol in symbols
        }
        self._books = {symbol: new_book() for symbol in symbols} if new_book else {}
        self._tops: dict[str, tuple[object, object]] = {}
        self._to_resync: dict[str, bool] = {}
        self._was_sound: set[str] = set()
        self._is_up = False
        self._was_up = False
        self._last_ns: int | None = None
        self._away_ns = 0
        self.is_foreign = False

    # ---- what comes in

    def on_frame(self, frame: Frame, received_ns: int) -> list[FeedEvent]:
        """Take in what a venue said."""
        told: list[FeedEvent] = []
        self._last_ns = received_ns
        if frame.stamp_ns is not None:
            self.clock.on_stamp(frame.stamp_ns, received_ns)
            if not self._builders and self._is_up:
                told += self._begin(received_ns)
        for message in frame.messages:
            told += self._on_message(message, received_ns)
        return told

    def _on_message(self, message: Message, received_ns: int) -> Sequence[FeedEvent]:
        if isinstance(message, Trade | VenueCandle):
            builder = self._builders.get(message.symbol)
            if builder is not None:
                return self._on_market(builder, message, received_ns)
            if message.symbol in self._health and len(self._early) < _EARLY:
                self._early.append((message, received_ns))
            return ()
        if isinstance(message, BookMessage):
            return self._on_book(message, received_ns)
        if isinstance(message, Status):
            return (VenueStatus(self.venue, message.status, received_ns),)
        if isinstance(message, Unreadable):
            self.unreadable += 1
            self.last_unreadable = f"{message.why}: {message.text[:200]}"
        return ()

    def _on_market(
        self, builder: CandleBuilder, message: Trade | VenueCandle, received_ns: int
    ) -> list[FeedEvent]:
        told = self._health[message.symbol].on_update(received_ns)
        if isinstance(message, Trade):
            closed = builder.on_trade(message, received_ns)
        else:
            closed = builder.on_candle(message.candle, received_ns, is_final=message.is_final)
        return told + closed if told else closed

    def _begin(self, now_ns: int) -> list[FeedEvent]:
        """Begin to build bars: the venue's time is known, and the subscriptions hold."""
        heard = self.clock.passed_ns(now_ns)
        if heard is None:
            return []
        since = self._options.since_ns
        for symbol in self.symbols:
            self._builders[symbol] = CandleBuilder(
                self.venue,
                symbol,
                self.interval,
                start_ns=heard if since is None else since,
                heard_ns=heard,
                closing=self._options.closing,
                has_backfill=self._options.backfill is not None,
            )
            self._health[symbol].watch_from(now_ns)
        early, self._early = self._early, []
        return [
            event
            for message, received_ns in early
            for event in self._on_message(message, received_ns)
        ]

    # ---- books

    def _on_book(self, message: BookMessage, received_ns: int) -> list[FeedEvent]:
        checked = self._books.get(message.symbol)
        if checked is None:
            return []
        told = self._health[message.symbol].on_update(received_ns)
        was_sound = checked.is_sound
        outcome = checked.on_message(message)
        if outcome == "broken":
            self._ask_anew(message.symbol)
            return [*told, BookBroken(self.venue, message.symbol, checked.why, received_ns)]
        if outcome == "waiting":
            if message.is_snapshot or (checked.needs_snapshot and not was_sound):
                self._ask_anew(message.symbol)
            return told
        if not was_sound and message.symbol in self._was_sound:
            told.append(BookRestored(self.venue, message.symbol, received_ns))
        self._was_sound.add(message.symbol)
        self._to_resync.pop(message.symbol, None)
        best = (checked.book.best_bid, checked.book.best_ask)
        if best != self._tops.get(message.symbol):
            self._tops[message.symbol] = best
            stamp_ns = message.stamp_ns or received_ns
            told.append(checked.book.top(self.venue, message.symbol, stamp_ns))
        return told

    def _ask_anew(self, symbol: str) -> None:
        self._to_resync.setdefault(symbol, False)

    def books_to_resync(self) -> tuple[str, ...]:
        """Symbols whose book has to be asked for anew; each is given once until `resync_failed`."""
        wanted = tuple(symbol for symbol, is_out in self._to_resync.items() if not is_out)
        for symbol in wanted:
            self._to_resync[symbol] = True
        return wanted

    def resync_failed(self, symbol: str) -> None:
        """A fresh book could not be had: it is wanted again."""
        if symbol in self._to_resync:
            self._to_resync[symbol] = False

    def book(self, symbol: str) -> CheckedOrNumbered | None:
        """The book of a symbol; None where none is kept."""
        return self._books.get(symbol)

    # ---- the connection

    def on_up(self, now_ns: int, attempts: int = 1) -> list[FeedEvent]:
        """Every subscription holds."""
        if self._is_up:
            return []
        self._is_up = True
        told: list[FeedEvent] = []
        if not self._was_up:
            told.append(Connected(self.venue, now_ns))
        else:
            away_ns = now_ns - self._away_ns
            told.append(Reconnected(self.venue, attempts, away_ns, now_ns))
        self._was_up = True
        passed = self.clock.passed_ns(now_ns)
        if not self._builders:
            return told + self._begin(now_ns)
        for builder in self._builders.values():
            if passed is not None:
                builder.on_back(passed, now_ns)
        return told

    def on_down(self, why: str, now_ns: int) -> list[FeedEvent]:
        """Nothing is heard any more; what came after the last frame may be lost."""
        if not self._is_up:
            return []
        self._is_up = False
        last_ns = now_ns if self._last_ns is None else self._last_ns
        self._away_ns = last_ns
        passed = self.clock.passed_ns(last_ns)
        for builder in self._builders.values():
            if passed is not None:
                builder.on_away(passed)
        told: list[FeedEvent] = [Disconnected(self.venue, why, now_ns)]
        for symbol, checked in self._books.items():
            if checked.is_sound:
                told.append(BookBroken(self.venue, symbol, "the connection is gone", now_ns))
            checked.drop()
        self._to_resync.clear()
        self._tops.clear()
        return told

    def own_clock_stepped(self) -> None:
        """The own clock was set: what was measured of the venue's does not hold any more."""
        self.clock = VenueClock(self.venue)

    # ---- time

    def advance(self, now_ns: int) -> list[FeedEvent]:
        """Let time pass by the own clock."""
        told: list[FeedEvent] = []
        told += self._clock_told(now_ns)
        for health in self._health.values():
            told += health.check(now_ns)
        passed = self.clock.passed_ns(now_ns)
        if passed is not None:
            for builder in self._builders.values():
                told += builder.advance(passed, now_ns)
        return told

    def _clock_told(self, now_ns: int) -> list[FeedEvent]:
        offset = self.clock.offset_ns
        if offset is None or abs(offset) < FOREIGN_NS:
            return self.clock.check(now_ns)
        if self.is_foreign or self._environment == "simulated":
            return []  # a simulated venue may replay another time
        self.is_foreign = True
        hours = abs(offset) / FOREIGN_NS
        side = "ahead of" if offset > 0 else "behind"
        why = f"its times are {hours:,.1f} hours {side} ours: a replay, or a clock that is wrong"
        return [WrongEnvironment(self.venue, why, now_ns)]

    def asks(self, now_ns: int) -> list[Ask]:
        """Give the bars that have to be asked for now."""
        passed = self.clock.passed_ns(now_ns)
        if passed is None:
            return []
        asked = (builder.ask(passed, now_ns) for builder in self._builders.values())
        return [ask for ask in asked if ask is not None]

    def answer(
        self, asked: Ask, candles: Sequence[Candle] | None, received_ns: int
    ) -> list[FeedEvent]:
        """Take in what was asked for; None where there was no answer."""
        return self._builders[asked.symbol].answer(asked, candles, received_ns)

    def builder(self, symbol: str) -> CandleBuilder | None:
        """What builds the bars of a symbol; None before the feed has begun."""
        return self._builders.get(symbol)
