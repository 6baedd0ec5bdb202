"""A feed with its quarantine: what is held, what is asked for anew, and what is told when."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace

import pytest

from peak_trade.data import guarded as guarding
from peak_trade.data.guarded import guarded
from peak_trade.data.live.events import (
    BookTop,
    Candle,
    ClosedBar,
    FeedEvent,
    Missing,
    NoTrades,
    Stale,
)
from peak_trade.data.quarantine import Quarantine
from peak_trade.data.quarantine_terms import Quarantined, Reason, Released, Snapshot, Vetted
from peak_trade.data.source import SourceError, Trouble
from peak_trade.domain.errors import ParameterError

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
KEY = ("kraken", "BTC/USD")

Step = FeedEvent | Callable[[], Awaitable[object]]


def bar(minute: int, close: float, *, basis: str = "trades") -> ClosedBar:
    candle = Candle(
        minute * MINUTE, (minute + 1) * MINUTE, close, close, close, close, minute + 1.0
    )
    return ClosedBar(*KEY, "1m", candle, basis, True, 0, candle.close_ns)  # type: ignore[arg-type]


def steady(first: int, count: int, price: float = 100.0) -> list[Step]:
    return [bar(first + k, price + 0.01 * (k % 3)) for k in range(count)]


class Server:
    """Answers with one price, and tells that it was asked."""

    def __init__(self, price: float = 100.0, errors: int = 0) -> None:
        self.price, self.errors = price, errors
        self.asked: list[tuple[str, str, int, int]] = []

    def bars(self, symbol: str, interval: str, *, start_ns: int, stop_ns: int) -> Sequence[Candle]:
        self.asked.append((symbol, interval, start_ns, stop_ns))
        if len(self.asked) <= self.errors:
            raise SourceError(Trouble.UNREACHABLE, "not now")
        price = self.price
        return [Candle(stop_ns - MINUTE, stop_ns, price, price, price, price, 1.0)]


class Scene:
    """A scripted feed under guard: its time is that of the last event."""

    def __init__(self, server: Server | None = None) -> None:
        self.now_ns, self.server = 0, server
        self.quarantine = Quarantine()
        self.told: list[Vetted] = []
        self.came = asyncio.Condition()
        self.is_closed = False

    async def feed(self, steps: Sequence[Step]) -> AsyncIterator[FeedEvent]:
        try:
            for step in steps:
                if callable(step):
                    await step()
                    continue
                if isinstance(step, ClosedBar):
                    self.now_ns = max(self.now_ns, step.received_ns)
                yield step
        finally:
            self.is_closed = True

    async def until(self, is_there: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self.came:
            await self.came.wait_for(is_there)

    def snapshot(self, count: int = 1) -> Callable[[], Awaitable[object]]:
        """Wait until so many snapshots were told."""
        return lambda: self.until(
            lambda: sum(isinstance(one.event, Snapshot) for one in self.told) >= count
        )

    async def run(self, *steps: Step, asked_again_s: float = 60.0) -> None:
        backfills = {} if self.server is None else {"kraken": self.server}
        events = guarded(
            self.feed(steps), self.quarantine, now_ns=lambda: self.now_ns, backfills=backfills,
            asked_again_s=asked_again_s,
        )  # fmt: skip
        async for one in events:
            async with self.came:
                self.told.append(one)
                self.came.notify_all()

    def bars(self) -> list[tuple[int, bool, tuple[Reason, ...]]]:
        return [
            (one.event.candle.open_ns // MINUTE, one.is_tradable, one.held)
            for one in self.told
            if isinstance(one.event, ClosedBar)
        ]

    def changes(self) -> list[Quarantined | Released]:
        return [change for one in self.told for change in one.changes]


TROUBLES: dict[str, tuple[FeedEvent, Reason]] = {
    "jump": (bar(3, 150.0), Reason.JUMP),
    "no price": (bar(3, math.nan), Reason.BAD_PRICE),
    "stale": (Stale(*KEY, 90 * SECOND, 60 * SECOND, 3 * MINUTE), Reason.STALE),
    "lost": (Missing(*KEY, "1m", 3 * MINUTE, 4 * MINUTE, MINUTE, "lost"), Reason.GAP),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_trouble_holds_until_a_fresh_answer_and_three_good_bars(name: str) -> None:
    trouble, reason = TROUBLES[name]
    server = Server()

    async def main() -> Scene:
        scene = Scene(server)
        await scene.run(*steady(0, 3), trouble, scene.snapshot(), *steady(4, 5))
        return scene

    scene = asyncio.run(main())
    after = [one for one in scene.bars() if one[0] > 3]
    assert after == [(4, False, (reason,)), (5, False, (reason,)), (6, False, ()), (7, True, ()), (8, True, ())]  # fmt: skip
    held, freed = scene.changes()
    assert isinstance(held, Quarantined)
    assert held.reason is reason
    assert isinstance(freed, Released)
    (asked,) = server.asked
    assert asked[:2] == ("BTC/USD", "1m")
    assert asked[3] % MINUTE == 0
    assert 3 * MINUTE <= asked[3] <= 4 * MINUTE
    assert asked[2] < asked[3]


def test_crossed_book_holds_until_a_fresh_answer_and_three_good_tops() -> None:
    def top(second: int, bid: float) -> BookTop:
        return BookTop(*KEY, bid, 1.0, 100.0, 1.0, 3 * MINUTE + second * SECOND)

    async def main() -> Scene:
        scene = Scene(Server())
        tops = [top(k, 99.9) for k in range(6)]
        await scene.run(*steady(0, 3), tops[0], top(1, 101.0), scene.snapshot(), *tops[2:])
        return scene

    scene = asyncio.run(main())
    tops = [one for one in scene.told if isinstance(one.event, BookTop)]
    assert [one.held for one in tops] == [(), *[(Reason.CROSSED,)] * 3, (), ()]
    assert [one.is_tradable for one in tops] == [True, False, False, False, False, True]


def test_without_anyone_to_ask_it_stays_held() -> None:
    async def main() -> Scene:
        scene = Scene()
        await scene.run(*steady(0, 3), bar(3, 150.0), *steady(4, 30))
        return scene

    scene = asyncio.run(main())
    assert not any(tradable for minute, tradable, _ in scene.bars() if minute >= 3)
    assert scene.quarantine.held("kraken") == {"BTC/USD"}


def test_answer_to_a_question_before_the_last_trouble_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guarding, "LOOK_S", 0.01)

    async def main() -> tuple[Scene, Server]:
        is_answering, was_asked = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        class Slow(Server):
            def bars(
                self, symbol: str, interval: str, *, start_ns: int, stop_ns: int
            ) -> Sequence[Candle]:
                found = super().bars(symbol, interval, start_ns=start_ns, stop_ns=stop_ns)
                if len(self.asked) == 1:
                    loop.call_soon_threadsafe(was_asked.set)
                    asyncio.run_coroutine_threadsafe(is_answering.wait(), loop).result(10)
                return found

        server = Slow()
        scene = Scene(server)

        async def answer() -> None:
            is_answering.set()

        steps = [*steady(0, 3), bar(3, 150.0), was_asked.wait, bar(4, 0.0), answer]
        await scene.run(*steps, scene.snapshot(), *steady(5, 3), asked_again_s=0.01)
        return scene, server

    scene, server = asyncio.run(main())
    assert len(server.asked) >= 2
    assert sum(isinstance(one.event, Snapshot) for one in scene.told) == 1
    assert isinstance(scene.changes()[-1], Released)


def test_server_that_fails_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarding, "LOOK_S", 0.01)
    server = Server(errors=2)

    async def main() -> Scene:
        scene = Scene(server)
        steps = [*steady(0, 3), bar(3, 150.0), scene.snapshot(), *steady(4, 3)]
        await scene.run(*steps, asked_again_s=0.01)
        return scene

    scene = asyncio.run(main())
    assert len(server.asked) == 3
    assert not scene.quarantine.held("kraken")


def test_silence_is_told_by_time_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarding, "LOOK_S", 0.01)
    server = Server()

    async def main() -> Scene:
        scene = Scene(server)

        async def pass_time() -> None:
            scene.now_ns += 10 * MINUTE
            await scene.until(lambda: any(one.event is None for one in scene.told))

        await scene.run(*steady(0, 3), pass_time, scene.snapshot())
        return scene

    scene = asyncio.run(main())
    (alone,) = [one for one in scene.told if one.event is None]
    assert not alone.is_tradable
    assert [change.reason for change in alone.changes if isinstance(change, Quarantined)] == [
        Reason.STALE
    ]
    # It is asked how things are now, not when they were last heard of.
    assert server.asked[0][3] == 12 * MINUTE


def test_error_of_the_feed_comes_through_and_closing_closes_it() -> None:
    async def main() -> None:
        async def lost() -> None:
            raise SourceError(Trouble.UNREACHABLE, "gone")

        scene = Scene()
        with pytest.raises(SourceError, match="gone"):
            await scene.run(*steady(0, 2), lost)
        assert len(scene.told) == 2
        other = Scene()
        events = guarded(
            other.feed([*steady(0, 2), asyncio.Event().wait]), Quarantine(), now_ns=lambda: 0
        )
        await anext(events)
        await events.aclose()  # type: ignore[attr-defined]
        assert other.is_closed

    asyncio.run(main())


def test_error_of_the_answer_that_nobody_expected_ends_the_feed() -> None:
    class Wrong(Server):
        def bars(
            self, symbol: str, interval: str, *, start_ns: int, stop_ns: int
        ) -> Sequence[Candle]:
            raise ValueError("not a number")

    async def main() -> None:
        scene = Scene(Wrong())
        await scene.run(*steady(0, 3), bar(3, 150.0), asyncio.Event().wait)

    with pytest.raises(ValueError, match="not a number"):
        asyncio.run(main())


def test_pause_of_nothing_is_refused() -> None:
    async def main() -> None:
        await Scene().run(asked_again_s=0.0)

    with pytest.raises(ParameterError, match="is not above 0"):
        asyncio.run(main())


def test_what_is_missing_before_anything_was_heard_holds_nothing() -> None:
    quarantine = Quarantine()
    lost = Missing(*KEY, "1m", 0, MINUTE, MINUTE, "begun inside")
    assert quarantine.vetted(lost, now_ns=MINUTE).changes == ()
    assert quarantine.is_quarantined(*KEY)  # nothing was heard of it
    assert quarantine.vetted(bar(1, 100.0), now_ns=2 * MINUTE).held == ()
    assert quarantine.vetted(bar(2, 100.0), now_ns=3 * MINUTE).is_tradable


def test_bar_that_closed_long_ago_is_not_traded_on_however_sound() -> None:
    quarantine = Quarantine()
    tradable = [
        quarantine.vetted(bar(k, 100.0 + k % 2, basis="backfill"), now_ns=8 * MINUTE).is_tradable
        for k in range(8)
    ]
    # Closes of the minutes 6 to 8 are at most two bars old at minute 8.
    assert tradable == [False] * 5 + [True] * 3
    other = Quarantine(other_time=["kraken"])
    free = [other.vetted(bar(k, 100.0 + k % 2), now_ns=8 * MINUTE) for k in range(8)]
    assert [one.is_tradable for one in free] == [False] + [True] * 7


def test_times_of_a_simulated_venue_may_lie_in_the_future() -> None:
    ours, theirs = Quarantine(), Quarantine(other_time=["kraken"])
    for quarantine in (ours, theirs):
        quarantine.vetted(bar(0, 100.0), now_ns=MINUTE)
    ahead = bar(1, 100.0)
    assert ours.vetted(ahead, now_ns=MINUTE).held == (Reason.OUT_OF_ORDER,)
    assert theirs.vetted(ahead, now_ns=MINUTE).is_tradable


def test_vetted_says_which_bars_were_themselves_the_trouble() -> None:
    quarantine = Quarantine()
    events = [bar(0, 100.0), bar(1, 150.0), bar(2, 0.0), replace(bar(1, 100.0), revision=1)]
    vetted = [quarantine.vetted(one, now_ns=one.received_ns) for one in events]
    vetted.append(
        quarantine.vetted(NoTrades(*KEY, "1m", 3 * MINUTE, 4 * MINUTE), now_ns=4 * MINUTE)
    )
    assert [one.is_refused for one in vetted] == [False, True, True, False, False]
    assert quarantine.troubles(*KEY) == 2
