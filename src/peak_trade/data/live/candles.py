"""Closed bars from a stream of trades, each shown to be whole or said to be missing."""

from collections import deque
from collections.abc import Iterable, Mapping

from peak_trade.data.live.closing import Ask, Closing
from peak_trade.data.live.events import Basis, Candle, ClosedBar, FeedEvent, Missing, NoTrades
from peak_trade.data.live.ids import SeenIds
from peak_trade.data.live.messages import Trade
from peak_trade.data.live.tally import Tally, is_same
from peak_trade.domain.calendar import Interval

KEPT = 32
"""How many bars that were told are still known, for what comes late."""

MOST_ASKED = 5_000
"""How many bars are asked for at once."""


class CandleBuilder:
    """Bars of one symbol from its trades, closed in order, each shown to be whole or asked for.

    A venue numbers the trades of a symbol one by one. So a bar is proven where its ids have no hole,
    its first follows the last one before it, and its last is followed by the first one after it. The
    venue's own candle closes a bar where it says that it is final, or where it counts as many trades
    as the ids on both sides leave room for. What is not proven ``grace_ns`` after its end is asked
    for (`ask`, `answer`); what cannot be had within ``patience_ns`` is `Missing`. A bar that turns
    out to be wrong after it was told is told again with a higher revision. Where there was no trade
    there is no bar: `NoTrades`.

    Parameters
    ----------
    venue, symbol : str
        What the bars are of.
    interval : str
        Such as ``1m``: of a fixed length, counted from 1970.
    start_ns : int
        The first bar is the one that this time lies in.
    heard_ns : int, optional
        Since when the stream is listened to; ``start_ns`` where left out.
    closing : Closing, optional
        When a bar is closed.
    has_backfill : bool
        Whether anybody answers what is asked for. Where nobody does, a bar of which nothing is known
        to be missing is told without proof.

    Examples
    --------
    >>> from decimal import Decimal
    >>> minute = 60_000_000_000
    >>> builder = CandleBuilder("kraken", "BTC/USD", "1m", start_ns=minute)
    >>> for number, (time_ns, price) in enumerate(
    ...     [(minute - 1, 100.0), (minute, 101.0), (2 * minute - 1, 99.0), (2 * minute, 98.0)]
    ... ):
    ...     told = builder.on_trade(Trade("BTC/USD", number, time_ns, price, Decimal("0.5")), 0)
    >>> told[0].candle
    Candle(open_ns=60000000000, close_ns=120000000000, open=101.0, high=101.0, low=99.0, close=99.0, volume=1.0, trades=2)
    """

    def __init__(
        self,
        venue: str,
        symbol: str,
        interval: str,
        *,
        start_ns: int,
        heard_ns: int | None = None,
        closing: Closing | None = None,
        has_backfill: bool = False,
    ) -> None:
        self.venue, self.symbol = venue, symbol
        self.closing = closing or Closing()
        self.interval = str(Interval.parse(interval))
        self._step = Interval.parse(interval).ns
        self._has_backfill = has_backfill
        self._next = start_ns - start_ns % self._step
        self._start = self._next
        self._heard = start_ns if heard_ns is None else heard_ns
        self._tallies: dict[int, Tally] = {}
        self._kept: dict[int, Tally] = {}
        self._seen = SeenIds()
        self._tail: int | None = None  # the highest id before the next bar
        self._tail_open = self._next  # the bar that it is of
        self._away: list[list[int | None]] = []  # spans without a connection, venue's time
        self._joined_ns = 0
        self._over_marks: deque[tuple[int, int]] = deque()  # up to which bar, and since when
        self._asked: Ask | None = None
        self._asked_ns = 0
        self._tries = 0
        self._waiting_ns: dict[int, int] = {}  # since when a doubted bar is asked for
        self.duplicates = 0
        self.late = 0

    # ---- what comes in

    def on_trade(self, trade: Trade, received_ns: int) -> list[FeedEvent]:
        """Take in a trade, in any order and any number of times; gives the bars that it closes."""
        open_ns = trade.time_ns - trade.time_ns % self._step
        if self._tail is not None and trade.trade_id <= self._tail and open_ns >= self._next:
            self._number_anew(trade)
        elif not self._seen.add(trade.trade_id):
            self.duplicates += 1
            return []
        if open_ns < self._next:
            return self._on_late(trade, open_ns, received_ns)
        tally = self._tallies.get(open_ns)
        if tally is None:
            tally = self._tallies[open_ns] = Tally(open_ns, open_ns + self._step)
        tally.add(trade)
        is_beyond = open_ns > self._next or len(self._tallies) > 1
        return self._closed(received_ns, None) if is_beyond else []

    def on_candle(self, candle: Candle, received_ns: int, *, is_final: bool) -> list[FeedEvent]:
        """Take in the venue's own candle; one that is final closes its bar at once."""
        if candle.open_ns < self._next:
            return self._on_late_candle(candle, received_ns) if is_final else []
        self._tally(candle.open_ns).take(candle, is_final=is_final)
        return self._closed(received_ns, None) if is_final else []

    def on_away(self, venue_ns: int) -> None:
        """Note that nothing is heard from now on."""
        if not self._away or self._away[-1][1] is not None:
            self._away.append([venue_ns, None])

    def on_back(self, venue_ns: int, now_ns: int) -> None:
        """Note that the venue is heard again, from now on."""
        if self._away and self._away[-1][1] is None:
            self._away[-1][1] = max(venue_ns, self._away[-1][0] or 0)
        self._joined_ns = now_ns

    def advance(self, venue_ns: int, now_ns: int) -> list[FeedEvent]:
        """Let time pass: ``venue_ns`` has passed at the venue, ``now_ns`` by the own clock."""
        stop_ns = self._over(venue_ns).stop
        if stop_ns > (self._over_marks[-1][0] if self._over_marks else self._next):
            self._over_marks.append((stop_ns, now_ns))
        return self._audit(venue_ns, now_ns) + self._closed(now_ns, venue_ns)

    def _number_anew(self, trade: Trade) -> None:
        """The venue's ids began again: what was seen of the bars that are open proves nothing."""
        self._seen = SeenIds()
        self._seen.add(trade.trade_id)
        self._tail = None
        self._tallies.clear()
        self._away.append([self._next, trade.time_ns + 1])

    # ---- what has to be asked for

    def ask(self, venue_ns: int, now_ns: int) -> Ask | None:
        """Give the bars that have to be asked for now; None where there are none, or one is out."""
        if not self._has_backfill or self._asked is not None:
            return None
        if self._tries and now_ns < self._asked_ns + self._delay():
            return None
        doubted = sorted(open_ns for open_ns, tally in self._kept.items() if tally.is_doubted)
        if doubted:
            self._asked = Ask(
                self.symbol, self.interval, doubted[0], doubted[-1] + self._step, is_again=True
            )
        else:
            over = self._over(venue_ns)
            wanted = [open_ns for open_ns in over if self._is_wanted(open_ns, venue_ns)]
            if not wanted:
                return None
            stop_ns = min(wanted[-1] + self._step, wanted[0] + MOST_ASKED * self._step)
            self._asked = Ask(self.symbol, self.interval, wanted[0], stop_ns)
        self._asked_ns = now_ns
        return self._asked

    def _delay(self) -> int:
        return int(self.closing.retry_ns * 2 ** min(self._tries - 1, 6))

    def _is_wanted(self, open_ns: int, venue_ns: int) -> bool:
        tally = self._tallies.get(open_ns)
        if (tally is not None and tally.is_answered) or self._may_come(open_ns, venue_ns):
            return False
        return self.closing.proof == "always" or self._doubt(open_ns, tally) != ""

    def answer(
        self, asked: Ask, candles: Iterable[Candle] | None, received_ns: int
    ) -> list[FeedEvent]:
        """Take in what was asked for; None where there was no answer."""
        self._asked = None
        found = None if candles is None else {candle.open_ns: candle for candle in candles}
        is_sound = found is not None and self._take(asked, found)
        self._tries = 0 if is_sound else self._tries + 1
        told = self._revised(asked, received_ns) if asked.is_again else []
        return told + self._closed(received_ns, None)

    def _take(self, asked: Ask, found: Mapping[int, Candle]) -> bool:
        """Keep what an answer says; False where some of it is older than what was seen."""
        if not self._accounts(asked, found):
            return False
        is_sound = True
        for open_ns in range(asked.start_ns, asked.stop_ns, self._step):
            tally = self._kept.get(open_ns) if open_ns < self._next else self._tally(open_ns)
            if tally is None:
                continue
            candle = found.get(open_ns)
            if candle is not None and not candle.volume and candle.trades <= 0:
                candle = None  # a venue that writes a row where nothing was traded
            has_traded = bool(tally.count) or _counts(tally)
            if not has_traded if candle is None else tally.agrees(candle):
                tally.answer, tally.is_answered = candle, True
            else:
                is_sound = False
        return is_sound

    def _accounts(self, asked: Ask, found: Mapping[int, Candle]) -> bool:
        """Whether an answer has more than was seen where ids say that there is more."""
        spans = {**self._kept, **self._tallies}
        inside = [
            spans[open_ns]
            for open_ns in sorted(spans)
            if asked.start_ns <= open_ns < asked.stop_ns and spans[open_ns].count
        ]
        if not inside:
            return True
        lost = inside[-1].last_id - inside[0].first_id + 1 - sum(tally.count for tally in inside)
        if lost <= 0:
            return True
        seen = sum(float(tally.size) for tally in inside)
        opens = range(asked.start_ns, asked.stop_ns, self._step)
        said = sum(found[open_ns].volume for open_ns in opens if open_ns in found)
        return said > seen * (1 + 1e-12)

    # ---- closing

    def _tally(self, open_ns: int) -> Tally:
        tally = self._tallies.get(open_ns)
        if tally is None:
            tally = self._tallies[open_ns] = Tally(open_ns, open_ns + self._step)
        return tally

    def _over(self, venue_ns: int) -> range:
        """Begins of the bars from the next one on whose end and grace have passed."""
        passed = venue_ns - self.closing.grace_ns
        return range(self._next, passed - passed % self._step, self._step)

    def _following(self, open_ns: int) -> Tally | None:
        """The first bar after this one that has trades."""
        later = [at for at, tally in self._tallies.items() if at > open_ns and tally.count]
        return self._tallies[min(later)] if later else None

    def _may_come(self, open_ns: int, venue_ns: int) -> bool:
        """Whether trades right before the first one after a bar are missing, and may only be late."""
        following = self._following(open_ns)
        if following is None or venue_ns >= following.first_ns + self.closing.grace_ns:
            return False
        tally = self._tallies.get(open_ns)
        last = tally.last_id if tally is not None and tally.count else self._tail
        return last is not None and last + 1 != following.first_id

    def _closed(self, received_ns: int, venue_ns: int | None) -> list[FeedEvent]:
        """Close bars in order, as far as they are known."""
        told: list[FeedEvent] = []
        while True:
            event = self._verdict(received_ns, venue_ns)
            if event is None:
                return _joined(told)
            told.append(event)
            self._pass(event)

    def _verdict(self, received_ns: int, venue_ns: int | None) -> FeedEvent | None:
        """What is known of the next bar; None as long as it has to be waited for."""
        open_ns = self._next
        tally = self._tallies.get(open_ns)
        proven = self._proven(open_ns, tally)
        if proven is not None:
            candle, basis = proven
            return self._event(open_ns, candle, basis, received_ns)
        if venue_ns is None or venue_ns < open_ns + self._step + self.closing.grace_ns:
            return None
        if self._may_come(open_ns, venue_ns):
            self._joined_ns = max(self._joined_ns, received_ns)  # patience begins after that
            return None
        doubt = self._doubt(open_ns, tally)
        waits = self._has_backfill and (doubt or self.closing.proof == "always")
        if not (waits or doubt):
            candle = tally.candle if tally is not None and tally.count else None
            return self._event(open_ns, candle, "trades", received_ns, is_proven=False)
        if self._is_away() or received_ns < self._deadline(open_ns):
            return None
        if not doubt and tally is not None and tally.count:
            return self._event(open_ns, tally.candle, "trades", received_ns, is_proven=False)
        why = doubt or "nothing was heard, and nobody answered whether there were trades"
        return self._missing(open_ns, why)

    def _proven(self, open_ns: int, tally: Tally | None) -> tuple[Candle | None, Basis] | None:
        """The bar, where it is shown to be whole; its candle is None where there was no trade."""
        if tally is not None and tally.is_answered:
            return tally.answer, "backfill"
        if tally is not None and tally.venue is not None and tally.is_sound_final:
            return (tally.venue if tally.venue.trades else None), "venue"
        following = self._following(open_ns)
        if following is None or self._tail is None:
            return None
        if tally is None or not tally.count:
            is_empty = self._tail + 1 == following.first_id and not _counts(tally)
            return (None, "trades") if is_empty else None
        if self._tail + 1 != tally.first_id or tally.last_id + 1 != following.first_id:
            return None
        if tally.is_whole:
            return tally.candle, "trades"
        room = tally.last_id - tally.first_id + 1
        if tally.venue is not None and tally.venue.trades == room:
            return tally.venue, "venue"
        return None

    def _doubt(self, open_ns: int, tally: Tally | None) -> str:
        """What is known to be wrong with a bar, in words; empty where nothing is."""
        following = self._following(open_ns)
        close_ns = open_ns + self._step
        if any(
            begin is not None and begin < close_ns and (end is None or end > open_ns)
            for begin, end in self._away
        ):
            return "the connection was gone, and the bars were not to be had afterwards"
        if open_ns < self._heard:
            return "the feed began after the bar, or inside it"
        seen = tally.count if tally is not None else 0
        if tally is not None and tally.venue is not None and tally.venue.trades > seen:
            return f"the venue counts {tally.venue.trades} trades, {seen} came"
        return _hole(self._tail, tally, following)

    def _is_away(self) -> bool:
        return bool(self._away) and self._away[-1][1] is None

    def _deadline(self, open_ns: int) -> int:
        """When a bar is given up, by the own clock."""
        if not self._has_backfill:
            return 0
        over_ns = next((since for stop, since in self._over_marks if stop > open_ns), 0)
        return max(over_ns, self._joined_ns) + self.closing.patience_ns

    def _event(
        self,
        open_ns: int,
        candle: Candle | None,
        basis: Basis,
        received_ns: int,
        *,
        is_proven: bool = True,
        revision: int = 0,
    ) -> FeedEvent:
        if candle is None:
            close_ns = open_ns + self._step
            return NoTrades(self.venue, self.symbol, self.interval, open_ns, close_ns)
        return ClosedBar(
            self.venue, self.symbol, self.interval, candle, basis, is_proven, revision, received_ns
        )

    def _missing(self, open_ns: int, why: str) -> Missing:
        stop_ns = open_ns + self._step
        return Missing(self.venue, self.symbol, self.interval, open_ns, stop_ns, self._step, why)

    def _pass(self, event: FeedEvent) -> None:
        """Go on to the next bar, and keep this one for what may come late."""
        open_ns = self._next
        tally = self._tallies.pop(open_ns, None) or Tally(open_ns, open_ns + self._step)
        tally.is_told, tally.is_answered = True, False
        tally.told = event if isinstance(event, ClosedBar) else None
        if isinstance(event, Missing):
            tally.is_audited = True  # it was said that it is not known
        if tally.count:
            self._tail = max(self._tail or 0, tally.last_id)
            self._tail_open = open_ns
        self._kept[open_ns] = tally
        self._next = open_ns + self._step
        while self._over_marks and self._over_marks[0][0] <= self._next:
            self._over_marks.popleft()
        if len(self._kept) > KEPT:
            oldest = self._kept.pop(min(self._kept))
            self._waiting_ns.pop(oldest.open_ns, None)
            if oldest.count:
                self._seen.forget(oldest.last_id)
        self._away = [span for span in self._away if span[1] is None or span[1] > self._next]

    # ---- what turns out to be wrong after it was told

    def _on_late(self, trade: Trade, open_ns: int, received_ns: int) -> list[FeedEvent]:
        if open_ns < self._start:
            self._tail = max(trade.trade_id, -1 if self._tail is None else self._tail)
            return []
        self.late += 1
        tally = self._kept.get(open_ns)
        if tally is None:
            return []
        was = tally.told
        tally.add(trade)
        if self._tail is None or trade.trade_id > self._tail:
            self._tail, self._tail_open = trade.trade_id, open_ns
        is_settled = tally.is_audited if was is None else was.basis != "trades"
        return [] if is_settled else self._doubted(tally, received_ns)

    def _doubted(self, tally: Tally, received_ns: int) -> list[FeedEvent]:
        if self._has_backfill:
            tally.is_doubted, tally.is_answered = True, False
            self._waiting_ns.setdefault(tally.open_ns, received_ns)
            return []
        return self._told_again(tally, tally.candle, "trades", received_ns, is_proven=False)

    def _on_late_candle(self, candle: Candle, received_ns: int) -> list[FeedEvent]:
        """A final candle of the venue that comes after its bar was told without it."""
        tally = self._kept.get(candle.open_ns)
        if tally is None or tally.is_final or candle.trades <= 0 or candle.trades < tally.count:
            return []
        tally.take(candle, is_final=True)
        tally.is_doubted = False
        return self._told_again(tally, candle, "venue", received_ns, is_proven=True)

    def _told_again(
        self, tally: Tally, candle: Candle, basis: Basis, received_ns: int, *, is_proven: bool
    ) -> list[FeedEvent]:
        if tally.told is not None and is_same(tally.told.candle, candle):
            return []
        revision = tally.told.revision + 1 if tally.told is not None else 1
        event = self._event(
            tally.open_ns, candle, basis, received_ns, is_proven=is_proven, revision=revision
        )
        tally.told = event if isinstance(event, ClosedBar) else None
        return [event]

    def _audit(self, venue_ns: int, now_ns: int) -> list[FeedEvent]:
        """Doubt what was told where the next trade shows that some were lost before it."""
        following = self._following(self._next - 1)
        if following is None or following.is_audited or self._tail is None:
            return []
        if following.first_id == self._tail + 1:
            return []
        if venue_ns < following.open_ns + self.closing.grace_ns:
            return []  # it may still come
        following.is_audited = True
        told: list[FeedEvent] = []
        for open_ns, tally in self._kept.items():
            is_authority = tally.is_final or tally.is_audited
            if open_ns < self._tail_open or is_authority:
                continue
            if self._has_backfill:
                tally.is_doubted, tally.is_answered = True, False
                self._waiting_ns.setdefault(open_ns, now_ns)
            else:
                tally.is_audited = True
                told.append(self._missing(open_ns, _LOST))
        return _joined(told)

    def _revised(self, asked: Ask, received_ns: int) -> list[FeedEvent]:
        """Tell again what was told wrongly; give up what cannot be had."""
        told: list[FeedEvent] = []
        for open_ns in range(asked.start_ns, asked.stop_ns, self._step):
            tally = self._kept.get(open_ns)
            if tally is None or not tally.is_doubted:
                continue
            if tally.is_answered:
                tally.is_doubted = tally.is_answered = False
                self._waiting_ns.pop(open_ns, None)
                if tally.answer is not None:
                    told += self._told_again(
                        tally, tally.answer, "backfill", received_ns, is_proven=True
                    )
            elif received_ns - self._waiting_ns[open_ns] > self.closing.patience_ns:
                tally.is_doubted = False
                tally.is_audited = True
                told.append(self._missing(open_ns, _LOST))
        return _joined(told)


_LOST = "trades of a bar that was told turned out to be lost"


def _hole(tail: int | None, tally: Tally | None, following: Tally | None) -> str:
    """Where ids tell that trades of a bar, or at its edges, are missing; empty where none are."""
    ids = [] if tail is None else [tail]
    if tally is not None and tally.count:
        if not tally.is_whole:
            lost = tally.last_id - tally.first_id + 1 - tally.count
            return f"{lost} trades between ids {tally.first_id} and {tally.last_id} were lost"
        if tail is not None and tail + 1 != tally.first_id:
            return f"trades between ids {tail} and {tally.first_id} were lost"
        ids = [tally.last_id]
    if following is not None and ids and ids[0] + 1 != following.first_id:
        return f"trades between ids {ids[0]} and {following.first_id} were lost"
    return ""


def _counts(tally: Tally | None) -> bool:
    """Whether the venue's candle speaks of trades."""
    return tally is not None and tally.venue is not None and tally.venue.trades > 0


def _joined(told: list[FeedEvent]) -> list[FeedEvent]:
    """Tell bars that are missing side by side, for one reason, at once."""
    joined: list[FeedEvent] = []
    for event in told:
        last = joined[-1] if joined else None
        if (
            isinstance(event, Missing)
            and isinstance(last, Missing)
            and (last.stop_ns, last.why) == (event.start_ns, event.why)
        ):
            joined[-1] = Missing(
                last.venue, last.symbol, last.interval, last.start_ns, event.stop_ns,
                last.step_ns, last.why,
            )  # fmt: skip
        else:
            joined.append(event)
    return joined
