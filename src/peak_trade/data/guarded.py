"""A live feed with its quarantine: what may be traded on, and fresh answers for what is held."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from peak_trade.data.live.asking import in_thread
from peak_trade.data.live.events import Candle, ClosedBar, FeedEvent, Missing, NoTrades
from peak_trade.data.live.source import Backfill
from peak_trade.data.quarantine import Quarantine
from peak_trade.data.quarantine_terms import SECOND_NS, Snapshot, Vetted
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError, ParameterError

LOOK_S = 1.0
"""How often it is looked for symbols that are silent, seconds."""

_BARS = 10  # how far back a snapshot's price may lie
_ASKED_AGAIN_S = 5.0
_SOONEST_S = 1.0  # where there was an answer
_GRACE_NS = 2 * SECOND_NS  # a venue takes a while to have its last bar


async def guarded(
    feed: AsyncIterator[FeedEvent],
    quarantine: Quarantine,
    *,
    now_ns: Callable[[], int],
    backfills: Mapping[str, Backfill] | None = None,
    asked_again_s: float = _ASKED_AGAIN_S,
) -> AsyncIterator[Vetted]:
    """Give what a feed tells, each with whether it may be traded on.

    A symbol that is held is asked for anew: the price of its last closed bar, as the venue answers,
    is the fresh snapshot that it takes to come back. An answer to what was asked before the last
    trouble does not count. Close it (``aclose``) to close the feed.

    Parameters
    ----------
    feed : async iterator of FeedEvent
        Of one venue or, merged, of several.
    quarantine : Quarantine
        What decides; it may be asked meanwhile, in the thread that the feed runs in.
    now_ns : callable
        The own clock, UTC nanoseconds.
    backfills : mapping of str to Backfill, optional
        By venue where snapshots are asked for. Without one a symbol comes back by a restored book or by bars
        that the feed itself asked for, or not at all.
    asked_again_s : float
        How soon a symbol is asked for again where there was no answer, seconds; after a second where
        the answer came too late.

    Examples
    --------
    >>> from peak_trade.data.live.events import Stale
    >>> async def feed():
    ...     yield Stale("kraken", "BTC/USD", 90, 60, 0)
    >>> async def main():
    ...     vetted = guarded(feed(), Quarantine(), now_ns=lambda: 0)
    ...     return [one.changes[0].reason.value async for one in vetted]
    >>> asyncio.run(main())
    ['stale']
    """
    if not asked_again_s > 0:
        raise ParameterError(f"asked_again_s {asked_again_s} is not above 0")
    guard = _Guard(quarantine, now_ns, backfills or {}, asked_again_s)
    ticking = asyncio.create_task(guard.tick())
    reading = asyncio.create_task(guard.read(feed))
    try:
        while (vetted := await guard.told.get()) is not None:
            yield vetted
        if guard.error is not None:
            raise guard.error
        await reading
    finally:
        tasks = (reading, ticking, *guard.asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(slots=True)
class _Guard:
    """A guarded feed while it runs."""

    quarantine: Quarantine
    now_ns: Callable[[], int]
    backfills: Mapping[str, Backfill]
    asked_again_s: float
    told: "asyncio.Queue[Vetted | None]" = field(default_factory=asyncio.Queue)
    asking: "dict[tuple[str, str], asyncio.Task[None]]" = field(default_factory=dict)
    ends: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By venue its interval, and how far its bars have come."""
    error: BaseException | None = None

    async def read(self, feed: AsyncIterator[FeedEvent]) -> None:
        try:
            async for event in feed:
                now_ns = self.now_ns()
                self._note_end(event, now_ns)
                vetted = self.quarantine.vetted(event, now_ns=now_ns)
                self.told.put_nowait(vetted)
                if vetted.changes or vetted.is_refused:
                    self._ask(now_ns)
        finally:
            close = getattr(feed, "aclose", None)
            if close is not None:
                await close()
            self.told.put_nowait(None)

    async def tick(self) -> None:
        """Tell what time alone changes, and ask for what is wanted still."""
        while True:
            await asyncio.sleep(LOOK_S)
            now_ns = self.now_ns()
            changes = self.quarantine.on_time(now_ns)
            if changes:
                self.told.put_nowait(Vetted(None, False, changes))
            self._ask(now_ns)

    def _note_end(self, event: FeedEvent, now_ns: int) -> None:
        if isinstance(event, ClosedBar):
            end_ns = event.candle.close_ns
        elif isinstance(event, NoTrades):
            end_ns = event.close_ns
        elif isinstance(event, Missing):
            end_ns = event.stop_ns
        else:
            return
        if self.quarantine.is_possible(event.venue, end_ns, now_ns=now_ns):
            _, before_ns = self.ends.get(event.venue, ("", 0))
            self.ends[event.venue] = event.interval, max(before_ns, end_ns)

    def _ask(self, now_ns: int) -> None:
        """Ask for a price of every symbol that cannot come back without."""
        for key in self.quarantine.wants_snapshot:
            backfill = self.backfills.get(key[0])
            if backfill is not None and key[0] in self.ends and key not in self.asking:
                task = asyncio.create_task(self._asked(backfill, *key, now_ns))
                self.asking[key] = task
                task.add_done_callback(partial(self._answered, key))

    def _answered(self, key: tuple[str, str], done: "asyncio.Task[None]") -> None:
        del self.asking[key]
        if done.cancelled():
            return
        if (error := done.exception()) is not None:
            self.error = error
            self.told.put_nowait(None)

    async def _asked(self, backfill: Backfill, venue: str, symbol: str, now_ns: int) -> None:
        quarantine = self.quarantine
        troubles = quarantine.troubles(venue, symbol)
        start_ns, stop_ns, interval = self._range(venue, now_ns)
        candles: Sequence[Candle] = ()
        with contextlib.suppress(DataError, OSError):  # it is asked for again
            candles = await in_thread(
                lambda: backfill.bars(symbol, interval, start_ns=start_ns, stop_ns=stop_ns)
            )
        if candles and quarantine.troubles(venue, symbol) == troubles:
            last = candles[-1]
            snapshot = Snapshot(venue, symbol, last.close, last.close_ns)
            self.told.put_nowait(quarantine.vetted(snapshot, now_ns=self.now_ns()))
        await asyncio.sleep(min(_SOONEST_S, self.asked_again_s) if candles else self.asked_again_s)

    def _range(self, venue: str, now_ns: int) -> tuple[int, int, str]:
        """The last bars that have ended: by what was heard, and by the clock where it holds."""
        interval, stop_ns = self.ends[venue]
        step_ns = Interval.parse(interval).ns
        if self.quarantine.is_of_our_time(venue):
            stop_ns = max(stop_ns, (now_ns - _GRACE_NS) // step_ns * step_ns)
        return stop_ns - _BARS * step_ns, stop_ns, interval
