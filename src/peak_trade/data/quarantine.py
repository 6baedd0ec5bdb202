"""Which symbols may not be traded on, because what a feed says of them cannot be relied upon."""

import math
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from peak_trade.data.anomalies import MAD_TO_SIGMA
from peak_trade.data.live.events import (
    BookBroken,
    BookRestored,
    BookTop,
    ClosedBar,
    FeedEvent,
    Missing,
    NoTrades,
    Stale,
    WrongEnvironment,
)
from peak_trade.data.quarantine_terms import (
    Change,
    Input,
    Quarantined,
    QuarantineRules,
    Reason,
    Released,
    Snapshot,
    Vetted,
)
from peak_trade.data.sessions import Sessions
from peak_trade.domain.calendar import DAY_NS, Interval, calendar_named

_BOOK = "book"


@dataclass(slots=True)
class _Track:
    """What good updates of one channel of a symbol (its bars, or its book) have said."""

    price: float = math.nan
    end_ns: int | None = None
    heard_ns: int | None = None
    step_ns: int = 0
    volume: float = math.nan
    volume_run: int = 0
    logs: deque[float] = field(default_factory=deque)


@dataclass(slots=True)
class _Symbol:
    """Whether a symbol is held, for what, and how far it is back."""

    reasons: list[Reason] = field(default_factory=list)
    good: int = 0
    bad: int = 0
    is_fresh: bool = False
    tracks: dict[str, _Track] = field(default_factory=dict)


class Quarantine:
    """Keeps symbols whose data are not to be relied upon from being traded on.

    A symbol is held where it is silent for too long, bars are missing, its book is crossed or
    broken, a price is missing, zero, negative or infinite, a price jumps without a second source
    that agrees, updates come out of order, the volume stands still, or a feed turns out to be of
    another environment. It comes back after three good updates and a fresh snapshot, all after
    the last bad one. What is bad leaves no trace but the hold itself, so that a bad update never
    makes a later one look good; a bar that was refused is therefore one that is missing.

    A snapshot is a :class:`Snapshot` from asking the venue anew, a restored book, or a bar that was
    asked for afterwards: prices are measured from it on.

    Parameters
    ----------
    rules : QuarantineRules
        What is too much.
    calendars : mapping of str to str
        By symbol when it trades, so that a closed market is neither silent nor has gaps; ``24/7``
        where left out.
    seconds : mapping of str to sequence of str
        By ``VENUE:SYMBOL`` those that can confirm its jumps; the same symbol at every other venue
        where left out.
    other_time : collection of str
        Venues whose time is not ours, such as simulated ones: their bars may close in what is the
        future here, or the past.

    Examples
    --------
    >>> quarantine = Quarantine()
    >>> top = BookTop("kraken", "BTC/USD", 101.0, 1.0, 100.0, 1.0, 0)
    >>> quarantine.on(top, now_ns=0)[0].detail
    'bid 101 is not below ask 100'
    >>> quarantine.is_quarantined("kraken", "BTC/USD")
    True
    """

    def __init__(
        self,
        rules: QuarantineRules | None = None,
        *,
        calendars: Mapping[str, str] | None = None,
        seconds: Mapping[str, Sequence[str]] | None = None,
        other_time: Collection[str] = (),
    ) -> None:
        self.rules = rules or QuarantineRules()
        self._calendars = dict(calendars or {})
        for calendar in self._calendars.values():
            calendar_named(calendar)
        self._seconds = dict(seconds or {})
        self._other_time = frozenset(other_time)
        self._symbols: dict[tuple[str, str], _Symbol] = {}
        self._wrong_venues: set[str] = set()
        self._sessions: dict[str, tuple[int, Sessions]] = {}

    def is_quarantined(self, venue: str, symbol: str) -> bool:
        """Whether a symbol may not be traded on; one that was never heard of may not."""
        state = self._symbols.get((venue, symbol))
        return state is None or bool(state.reasons) or not self._is_known(venue, symbol)

    def _is_known(self, venue: str, symbol: str) -> bool:
        """Whether anything good was heard of a symbol, or anything bad."""
        state = self._symbols.get((venue, symbol))
        if state is None:
            return False
        heard = (track.heard_ns is not None for track in state.tracks.values())
        return bool(state.reasons) or any(heard)

    def reasons(self, venue: str, symbol: str) -> tuple[Reason, ...]:
        """Why a symbol is held, in the order in which it came to be."""
        state = self._symbols.get((venue, symbol))
        return () if state is None else tuple(state.reasons)

    def troubles(self, venue: str, symbol: str) -> int:
        """How often something was wrong with a symbol: what was asked before the last time is old."""
        state = self._symbols.get((venue, symbol))
        return 0 if state is None else state.bad

    def is_possible(self, venue: str, end_ns: int, *, now_ns: int) -> bool:
        """Whether a bar of a venue may have ended at a time, by the own clock."""
        return not self.is_of_our_time(venue) or end_ns <= now_ns + self.rules.ahead_ns

    def is_of_our_time(self, venue: str) -> bool:
        """Whether the times of a venue are to be held against the own clock."""
        return venue not in self._other_time

    def held(self, venue: str) -> frozenset[str]:
        """The symbols of a venue that are held."""
        return frozenset(
            symbol for (of, symbol), state in self._symbols.items() if of == venue and state.reasons
        )

    @property
    def wants_snapshot(self) -> tuple[tuple[str, str], ...]:
        """Venue and symbol of those that cannot come back before the venue is asked anew."""
        return tuple(
            key for key, state in self._symbols.items() if state.reasons and not state.is_fresh
        )

    def on(self, event: Input, *, now_ns: int) -> tuple[Change, ...]:
        """Take in what a feed tells; gives what changed.

        Parameters
        ----------
        event : FeedEvent or Snapshot
            What was heard; events that say nothing of prices change nothing.
        now_ns : int
            The own clock, UTC nanoseconds.
        """
        if isinstance(event, ClosedBar):
            return self._on_bar(event, now_ns)
        if isinstance(event, BookTop):
            return self._on_top(event, now_ns)
        if isinstance(event, Snapshot):
            return self._on_snapshot(event, now_ns)
        if isinstance(event, NoTrades):
            return self._on_nothing(event, now_ns)
        if isinstance(event, BookRestored):
            return self._anchor(event.venue, event.symbol, math.nan, now_ns, channel=_BOOK)
        if isinstance(event, WrongEnvironment):
            self._wrong_venues.add(event.venue)
            keys = [key for key in self._symbols if key[0] == event.venue]
            return tuple(
                change
                for venue, symbol in keys
                for change in self._hold(venue, symbol, Reason.WRONG_ENVIRONMENT, event.why, now_ns)
            )
        return self._on_trouble(event, now_ns)

    def on_time(self, now_ns: int) -> tuple[Change, ...]:
        """Look for symbols that are silent for too long; to be called now and then."""
        return tuple(
            change
            for (venue, symbol), state in self._symbols.items()
            for change in self._look(venue, symbol, state, now_ns)
        )

    def _look(self, venue: str, symbol: str, state: _Symbol, now_ns: int) -> tuple[Change, ...]:
        """Hold a symbol that is silent for too long."""
        if Reason.STALE in state.reasons and not (state.good or state.is_fresh):
            return ()  # it is held for that, and nothing good was heard since
        for channel, track in state.tracks.items():
            silence = self._silence(symbol, track, now_ns)
            bound = self._bound(track)
            if silence > bound:
                words = f"{channel} silent for {silence / 1e9:g} s, {bound / 1e9:g} s allowed"
                return self._hold(venue, symbol, Reason.STALE, words, now_ns)
        return ()

    def filtered(self, events: Iterable[tuple[Input, int]]) -> Iterator[Vetted]:
        """Pass on what a feed tells, each with whether it may be traded on.

        Parameters
        ----------
        events : iterable of (event, now_ns)
            What was heard, and the own clock when it was.
        """
        for event, now_ns in events:
            late = self.on_time(now_ns)
            one = self.vetted(event, now_ns=now_ns)
            yield replace(one, changes=(*late, *one.changes))

    def vetted(self, event: Input, *, now_ns: int) -> Vetted:
        """Take in what a feed tells, and say whether it may be traded on.

        Of silence only that of the event's own symbol is looked for; see :meth:`on_time`.

        Parameters
        ----------
        event : FeedEvent or Snapshot
            What was heard.
        now_ns : int
            The own clock, UTC nanoseconds.
        """
        if not isinstance(event, ClosedBar | BookTop):
            return Vetted(event, False, self.on(event, now_ns=now_ns))
        venue, symbol = event.venue, event.symbol
        state = self._symbols.get((venue, symbol))
        late = () if state is None else self._look(venue, symbol, state, now_ns)
        was_held, troubles = self.is_quarantined(venue, symbol), self.troubles(venue, symbol)
        changes = (*late, *self.on(event, now_ns=now_ns))
        is_held = self.is_quarantined(venue, symbol)
        is_old = isinstance(event, ClosedBar) and self._is_old(event, now_ns)
        return Vetted(
            event,
            not (was_held or is_held or is_old),
            changes,
            is_refused=self.troubles(venue, symbol) > troubles,
            held=self.reasons(venue, symbol),
        )

    def _is_old(self, bar: ClosedBar, now_ns: int) -> bool:
        """Whether a bar closed too long ago, in trading time, to be traded on."""
        if not self.is_of_our_time(bar.venue):
            return False
        age = self._traded(bar.symbol, bar.candle.close_ns, now_ns)
        return age > self.rules.stale_bars * (bar.candle.close_ns - bar.candle.open_ns)

    def _on_bar(self, bar: ClosedBar, now_ns: int) -> tuple[Change, ...]:
        venue, symbol, candle = bar.venue, bar.symbol, bar.candle
        track = self._track(venue, symbol, f"bars of {bar.interval}")
        prices = (candle.open, candle.high, candle.low, candle.close)
        is_late_word = bar.revision > 0 and candle.close_ns <= (track.end_ns or 0)
        is_asked = bar.basis == "backfill"
        fault = _bad_prices(prices, candle.volume)
        if fault is None and not self.is_possible(venue, candle.close_ns, now_ns=now_ns):
            ahead = (candle.close_ns - now_ns) / 1e9
            fault = Reason.OUT_OF_ORDER, f"a bar that closes {ahead:g} s from now"
        if fault is None and not is_asked and not is_late_word:
            fault = (
                self._order_fault(symbol, track, bar)
                or self._jump(venue, symbol, track, prices, now_ns)
                or self._frozen(track, candle.volume, prices)
            )
        if fault is not None:
            return self._hold(venue, symbol, *fault, now_ns)
        if is_late_word or (is_asked and candle.close_ns <= (track.end_ns or 0)):
            return ()
        if is_asked:
            self._anchor(venue, symbol, candle.close, now_ns)
        self._note_volume(track, candle.volume, prices)
        track.end_ns, track.step_ns = candle.close_ns, candle.close_ns - candle.open_ns
        return self._good(venue, symbol, track, candle.close, now_ns)

    def _on_top(self, top: BookTop, now_ns: int) -> tuple[Change, ...]:
        track = self._track(top.venue, top.symbol, _BOOK)
        fault = _bad_prices((top.bid, top.ask), 0.0)
        if fault is None and top.bid >= top.ask:
            fault = Reason.CROSSED, f"bid {top.bid:g} is not below ask {top.ask:g}"
        if fault is None and track.end_ns is not None and top.time_ns < track.end_ns:
            late = (track.end_ns - top.time_ns) / 1e9
            fault = Reason.OUT_OF_ORDER, f"a book top {late:g} s older than the one before"
        middle = (top.bid + top.ask) / 2
        fault = fault or self._jump(top.venue, top.symbol, track, (middle,), now_ns)
        if fault is not None:
            return self._hold(top.venue, top.symbol, *fault, now_ns)
        track.end_ns = top.time_ns
        return self._good(top.venue, top.symbol, track, middle, now_ns)

    def _on_snapshot(self, snapshot: Snapshot, now_ns: int) -> tuple[Change, ...]:
        fault = _bad_prices((snapshot.price,), 0.0)
        if fault is not None:
            return self._hold(snapshot.venue, snapshot.symbol, *fault, now_ns)
        return self._anchor(snapshot.venue, snapshot.symbol, snapshot.price, now_ns)

    def _on_nothing(self, event: NoTrades, now_ns: int) -> tuple[Change, ...]:
        """An interval without a trade: the bars go on behind it."""
        track = self._track(event.venue, event.symbol, f"bars of {event.interval}")
        if track.end_ns is not None and event.open_ns == track.end_ns:
            track.end_ns, track.heard_ns = event.close_ns, now_ns
        return ()

    def _on_trouble(self, event: FeedEvent, now_ns: int) -> tuple[Change, ...]:
        if isinstance(event, Missing):
            if not self._is_known(event.venue, event.symbol):
                return ()  # nothing lies before it, and nobody trades on what was not heard of
            bars = len(event.opens)
            words = f"{bars:,} bar{'' if bars == 1 else 's'} of {event.interval}: {event.why}"
            return self._hold(event.venue, event.symbol, Reason.GAP, words, now_ns)
        if isinstance(event, Stale):
            words = f"silent for {event.silent_ns / 1e9:g} s, {event.bound_ns / 1e9:g} s allowed"
            return self._hold(event.venue, event.symbol, Reason.STALE, words, now_ns)
        if isinstance(event, BookBroken):
            return self._hold(event.venue, event.symbol, Reason.BROKEN_BOOK, event.why, now_ns)
        return ()

    def _order_fault(self, symbol: str, track: _Track, bar: ClosedBar) -> tuple[Reason, str] | None:
        candle, end = bar.candle, track.end_ns
        if end is None:
            return None
        if candle.open_ns < end:
            late = (end - candle.open_ns) / 1e9
            return Reason.OUT_OF_ORDER, f"a bar that opens {late:g} s before the end of the last"
        step = Interval.parse(bar.interval).ns
        missing = math.floor(self._traded(symbol, end, candle.open_ns) / step + 0.5)
        if missing > 0:
            return Reason.GAP, f"{missing:,} bar{'' if missing == 1 else 's'} not heard of"
        return None

    def _jump(
        self, venue: str, symbol: str, track: _Track, prices: tuple[float, ...], now_ns: int
    ) -> tuple[Reason, str] | None:
        """A move that no second source confirms."""
        if math.isnan(track.price):
            return None
        off = max(prices, key=lambda price: abs(math.log(price / track.price)))
        share = off / track.price - 1
        if abs(share) > self.rules.jump_share:
            words = f"{share:+.1%} from {track.price:g} to {off:g}"
        else:
            off = prices[-1]
            share = off / track.price - 1
            if abs(share) <= self.rules.least_jump:
                return None
            sigma = self._sigma(track)
            sigmas = abs(math.log(off / track.price)) / sigma if sigma > 0 else 0.0
            if sigmas <= self.rules.jump_sigmas:
                return None
            words = f"{share:+.2%} to {off:g}, {sigmas:.0f} standard deviations"
        if self._is_confirmed(venue, symbol, off, now_ns):
            return None
        return Reason.JUMP, f"{words}, which no second source confirms"

    def _sigma(self, track: _Track) -> float:
        moved = [abs(move) for move in track.logs if move]
        if len(moved) < self.rules.fewest_moves:
            return 0.0
        return MAD_TO_SIGMA * float(np.median(moved))

    def _is_confirmed(self, venue: str, symbol: str, price: float, now_ns: int) -> bool:
        named = self._seconds.get(f"{venue}:{symbol}")
        for (other, name), state in self._symbols.items():
            is_asked = name == symbol if named is None else f"{other}:{name}" in named
            if (other, name) == (venue, symbol) or not is_asked or other in self._wrong_venues:
                continue
            for track in state.tracks.values():
                age = math.inf if track.heard_ns is None else now_ns - track.heard_ns
                is_near = abs(track.price / price - 1) <= self.rules.second_share
                if age <= self.rules.second_ns and is_near:
                    return True
        return False

    def _frozen(
        self, track: _Track, volume: float, prices: tuple[float, ...]
    ) -> tuple[Reason, str] | None:
        run = track.volume_run + 1 if _stands_still(track, volume, prices) else 1
        if run >= self.rules.frozen_bars:
            return Reason.FROZEN_VOLUME, f"{run} bars in a row with a volume of {volume:g}"
        return None

    def _note_volume(self, track: _Track, volume: float, prices: tuple[float, ...]) -> None:
        track.volume_run = track.volume_run + 1 if _stands_still(track, volume, prices) else 1
        track.volume = volume

    def _good(
        self, venue: str, symbol: str, track: _Track, price: float, now_ns: int
    ) -> tuple[Change, ...]:
        if not math.isnan(track.price):
            track.logs.append(math.log(price / track.price))
            if len(track.logs) > self.rules.moves:
                track.logs.popleft()
        track.price, track.heard_ns = price, now_ns
        state = self._symbol(venue, symbol)
        if not state.reasons:
            return ()
        state.good += 1
        return self._released(venue, symbol, state, now_ns)

    def _anchor(
        self, venue: str, symbol: str, price: float, now_ns: int, *, channel: str = ""
    ) -> tuple[Change, ...]:
        """Measure from here on: what was known of price, order and volume does not bind any more."""
        state = self._symbol(venue, symbol)
        for name, track in state.tracks.items():
            if channel in ("", name):
                track.price, track.end_ns, track.heard_ns = price, None, now_ns
                track.volume, track.volume_run = math.nan, 0
        if not state.reasons:
            return ()
        state.is_fresh = True
        return self._released(venue, symbol, state, now_ns)

    def _released(self, venue: str, symbol: str, state: _Symbol, now_ns: int) -> tuple[Change, ...]:
        if not state.is_fresh or state.good < self.rules.good_updates:
            return ()
        reasons = tuple(state.reasons)
        state.reasons, state.good, state.is_fresh = [], 0, False
        return (Released(venue, symbol, reasons, now_ns),)

    def _hold(
        self, venue: str, symbol: str, reason: Reason, detail: str, now_ns: int
    ) -> tuple[Change, ...]:
        state = self._symbol(venue, symbol)
        state.good, state.is_fresh = 0, False
        state.bad += 1
        if reason in state.reasons:
            return ()
        state.reasons.append(reason)
        return (Quarantined(venue, symbol, reason, detail, now_ns),)

    def _symbol(self, venue: str, symbol: str) -> _Symbol:
        state = self._symbols.get((venue, symbol))
        if state is None:
            state = self._symbols[(venue, symbol)] = _Symbol()
            if venue in self._wrong_venues:
                state.reasons.append(Reason.WRONG_ENVIRONMENT)
        return state

    def _track(self, venue: str, symbol: str, channel: str) -> _Track:
        return self._symbol(venue, symbol).tracks.setdefault(channel, _Track())

    def _bound(self, track: _Track) -> float:
        return self.rules.stale_bars * track.step_ns if track.step_ns else self.rules.stale_ns

    def _silence(self, symbol: str, track: _Track, now_ns: int) -> float:
        return 0.0 if track.heard_ns is None else self._traded(symbol, track.heard_ns, now_ns)

    def _traded(self, symbol: str, start_ns: int, stop_ns: int) -> float:
        """Trading time between two times, nanoseconds."""
        calendar = self._calendars.get(symbol, "24/7")
        if calendar == "24/7" or stop_ns <= start_ns:
            return float(stop_ns - start_ns)
        until, sessions = self._sessions.get(calendar, (0, None))
        if sessions is None or stop_ns > until:
            until = stop_ns + 30 * DAY_NS
            sessions = Sessions.of(calendar, start_ns - 30 * DAY_NS, until, daily=False)
            self._sessions[calendar] = until, sessions
        before, after = sessions.traded(np.array([start_ns, stop_ns]))
        return float(after - before)


def _stands_still(track: _Track, volume: float, prices: tuple[float, ...]) -> bool:
    """Whether a bar repeats the volume before it; none at all only counts where prices moved."""
    return volume == track.volume and (volume > 0 or min(prices) < max(prices))


def _bad_prices(prices: tuple[float, ...], volume: float) -> tuple[Reason, str] | None:
    for price in prices:
        if not (math.isfinite(price) and price > 0):
            return Reason.BAD_PRICE, f"a price of {price:g}"
    if len(prices) == 4:
        first, high, low, last = prices
        if high < max(first, low, last) or low > min(first, last):
            return Reason.BAD_PRICE, f"open {first:g}, high {high:g}, low {low:g}, close {last:g}"
    if volume < 0 or volume == math.inf:
        return Reason.BAD_PRICE, f"a volume of {volume:g}"
    return None
