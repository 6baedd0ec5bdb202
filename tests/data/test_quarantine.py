"""Symbols that may not be traded on: what holds them, what frees them, and what never does."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.data.live.events import (
    BookBroken,
    BookRestored,
    BookTop,
    Candle,
    ClosedBar,
    Fresh,
    Missing,
    NoTrades,
    Stale,
    WrongEnvironment,
)
from peak_trade.data.quarantine import Quarantine
from peak_trade.data.quarantine_terms import (
    Input,
    Quarantined,
    QuarantineRules,
    Reason,
    Released,
    Snapshot,
)
from peak_trade.domain.errors import ParameterError

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
KEY = ("kraken", "BTC/USD")


def bar(minute: int, close: float, *, venue: str = "kraken", **changes: object) -> ClosedBar:
    """A bar that closed on time; its volume is told by its minute."""
    candle = Candle(
        minute * MINUTE, (minute + 1) * MINUTE, close, close, close, close, minute + 1.0
    )
    fields = {k: v for k, v in changes.items() if k in ("open", "high", "low", "volume")}
    rest = {k: v for k, v in changes.items() if k not in fields}
    made = ClosedBar(
        venue, "BTC/USD", "1m", replace(candle, **fields), "trades", True, 0, candle.close_ns
    )
    return replace(made, **rest)


def top(second: int, bid: float, ask: float, venue: str = "kraken") -> BookTop:
    return BookTop(venue, "BTC/USD", bid, 1.0, ask, 1.0, second * SECOND)


def moment(event: Input) -> int:
    if isinstance(event, ClosedBar):
        return event.received_ns
    return event.close_ns if isinstance(event, NoTrades) else getattr(event, "time_ns", 0)


def told(quarantine: Quarantine, *events: Input) -> list[object]:
    return [one for event in events for one in quarantine.on(event, now_ns=moment(event))]


def steady(first: int, count: int, price: float = 100.0) -> list[ClosedBar]:
    return [bar(first + k, price + 0.01 * (k % 3)) for k in range(count)]


def held(quarantine: Quarantine) -> tuple[Reason, ...]:
    return quarantine.reasons(*KEY)


BAD: dict[str, tuple[Input, Reason]] = {
    "zero": (bar(30, 0.0), Reason.BAD_PRICE),
    "negative": (bar(30, 100.0, low=-1.0), Reason.BAD_PRICE),
    "nan": (bar(30, math.nan), Reason.BAD_PRICE),
    "infinite": (bar(30, 100.0, high=math.inf), Reason.BAD_PRICE),
    "high below low": (bar(30, 100.0, high=99.0, low=99.5), Reason.BAD_PRICE),
    "negative volume": (bar(30, 100.0, volume=-1.0), Reason.BAD_PRICE),
    "a fifth up": (bar(30, 121.0), Reason.JUMP),
    "a fifth down": (bar(30, 79.0), Reason.JUMP),
    "wick": (bar(30, 100.0, low=70.0), Reason.JUMP),
    "sigmas": (bar(30, 101.0), Reason.JUMP),
    "gap": (bar(31, 100.0), Reason.GAP),
    "doubled": (bar(29, 100.0, received_ns=31 * MINUTE), Reason.OUT_OF_ORDER),
    "old": (bar(3, 100.0, received_ns=31 * MINUTE), Reason.OUT_OF_ORDER),
    "from tomorrow": (bar(30, 100.0, received_ns=20 * MINUTE), Reason.OUT_OF_ORDER),
    "crossed": (top(1800, 100.0, 100.0), Reason.CROSSED),
    "empty side": (top(1800, math.nan, 100.0), Reason.BAD_PRICE),
    "broken book": (BookBroken(*KEY, "checksum", 1800 * SECOND), Reason.BROKEN_BOOK),
    "stale": (Stale(*KEY, 9, 5, 1800 * SECOND), Reason.STALE),
    "missing": (Missing(*KEY, "1m", 0, MINUTE, MINUTE, "lost"), Reason.GAP),
    "testnet": (WrongEnvironment("kraken", "testnet", 1800 * SECOND), Reason.WRONG_ENVIRONMENT),
    "zero snapshot": (Snapshot(*KEY, 0.0, 1800 * SECOND), Reason.BAD_PRICE),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_bad_holds_the_symbol_with_its_reason(name: str) -> None:
    quarantine = Quarantine()
    assert told(quarantine, *steady(0, 30)) == []
    assert not quarantine.is_quarantined(*KEY)
    event, reason = BAD[name]
    (change,) = told(quarantine, event)
    assert isinstance(change, Quarantined)
    assert change.reason is reason
    assert change.detail
    assert held(quarantine) == (reason,)
    assert told(quarantine, event) == []  # said once
    assert quarantine.wants_snapshot == (KEY,)


def test_good_bars_of_all_kinds_hold_nothing() -> None:
    quarantine = Quarantine()
    events: list[Input] = [
        *steady(0, 10),
        NoTrades(*KEY, "1m", 10 * MINUTE, 11 * MINUTE),
        bar(11, 100.4),
        bar(11, 100.5, revision=1),
        bar(12, 100.2, volume=math.nan),
        top(800, 100.0, 100.5),
        Fresh(*KEY, 800 * SECOND),
    ]
    assert told(quarantine, *events) == []
    assert not quarantine.is_quarantined(*KEY)


def test_symbol_that_was_never_heard_of_is_not_to_be_traded() -> None:
    quarantine = Quarantine()
    assert quarantine.is_quarantined(*KEY)
    told(quarantine, Fresh(*KEY, 0), NoTrades(*KEY, "1m", 0, MINUTE))
    assert quarantine.is_quarantined(*KEY)
    assert not quarantine.held("kraken")
    told(quarantine, bar(1, 100.0))
    assert not quarantine.is_quarantined(*KEY)


@pytest.mark.parametrize("where", [0, 1, 2, 3])
def test_return_takes_three_good_updates_and_a_snapshot_in_any_order(where: int) -> None:
    quarantine = Quarantine()
    told(quarantine, *steady(0, 30), bar(30, 0.0))
    events: list[Input] = list(steady(30, 3))
    events.insert(where, Snapshot(*KEY, 100.0, 31 * MINUTE))
    if where:  # a snapshot lets the bars before it be forgotten, not counted twice
        assert told(quarantine, *events[:-1]) == []
    changes = told(quarantine, *(events if where == 0 else events[-1:]))
    assert changes == [Released(*KEY, (Reason.BAD_PRICE,), moment(events[-1]))]
    assert not quarantine.is_quarantined(*KEY)


@pytest.mark.parametrize("good", [0, 1, 2])
def test_return_is_not_for_fewer_updates_nor_without_a_snapshot(good: int) -> None:
    quarantine = Quarantine()
    told(quarantine, *steady(0, 30), bar(30, 0.0))
    told(quarantine, Snapshot(*KEY, 100.0, 31 * MINUTE), *steady(30, good))
    assert quarantine.is_quarantined(*KEY)
    other = Quarantine()
    told(other, *steady(0, 30), bar(30, 0.0), *steady(30, 50))
    assert other.is_quarantined(*KEY)


def test_bad_update_on_the_way_back_begins_anew() -> None:
    quarantine = Quarantine()
    told(quarantine, *steady(0, 30), bar(30, 0.0), Snapshot(*KEY, 100.0, 31 * MINUTE))
    told(quarantine, *steady(30, 2), bar(32, -1.0), *steady(32, 5))
    assert held(quarantine) == (Reason.BAD_PRICE,)
    assert told(quarantine, Snapshot(*KEY, 100.0, 37 * MINUTE)) != []


def test_jump_that_stays_needs_a_snapshot_of_the_new_price() -> None:
    quarantine = Quarantine()
    told(quarantine, *steady(0, 30), *steady(30, 9, price=150.0))
    assert held(quarantine) == (Reason.JUMP, Reason.GAP)  # a bar that is refused is not there
    told(quarantine, Snapshot(*KEY, 150.0, 39 * MINUTE), *steady(39, 3, price=150.0))
    assert not quarantine.is_quarantined(*KEY)


def test_jump_that_a_second_source_confirms_is_believed() -> None:
    quarantine = Quarantine()
    told(quarantine, *steady(0, 30), bar(30, 149.0, venue="binance"))
    assert told(quarantine, bar(30, 150.0)) == []


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (bar(30, 100.0, venue="binance"), "it disagrees"),
        (bar(27, 150.0, venue="binance"), "it is old"),
    ],
)
def test_jump_that_no_second_source_confirms_is_not(other: ClosedBar, why: str) -> None:
    quarantine = Quarantine()
    told(quarantine, *steady(0, 30))
    quarantine.on(other, now_ns=moment(other))
    assert told(quarantine, bar(30, 150.0)), why


def test_second_source_may_be_named_and_is_not_of_a_wrong_environment() -> None:
    pair = {"kraken:BTC/USD": ["binance:BTC/USDT"]}
    named = Quarantine(seconds=pair)
    told(named, *steady(0, 30), replace(bar(30, 150.0, venue="binance"), symbol="BTC/USDT"))
    assert told(named, bar(30, 150.0)) == []
    wrong = Quarantine()
    told(wrong, *steady(0, 30), bar(30, 150.0, venue="binance"))
    told(wrong, WrongEnvironment("binance", "testnet", 31 * MINUTE))
    assert told(wrong, bar(30, 150.0))


def test_wrong_environment_holds_every_symbol_of_the_venue_and_later_ones() -> None:
    quarantine = Quarantine()
    told(quarantine, *steady(0, 3), bar(0, 1.0, venue="binance"))
    told(quarantine, WrongEnvironment("kraken", "testnet", 3 * MINUTE))
    told(quarantine, replace(bar(3, 10.0), symbol="ETH/USD"))
    assert quarantine.is_quarantined(*KEY)
    assert quarantine.is_quarantined("kraken", "ETH/USD")
    assert not quarantine.is_quarantined("binance", "BTC/USD")
    assert quarantine.held("kraken") == {"BTC/USD", "ETH/USD"}
    assert quarantine.held("binance") == frozenset()


@pytest.mark.parametrize(("volume", "is_frozen"), [(7.0, True), (math.nan, False), (0.0, False)])
def test_volume_that_stands_still_is_frozen(volume: float, is_frozen: bool) -> None:
    quarantine = Quarantine()
    told(quarantine, *(bar(k, 100.0, volume=volume) for k in range(4)))
    assert not quarantine.is_quarantined(*KEY)
    told(quarantine, bar(4, 100.0, volume=volume))
    assert held(quarantine) == ((Reason.FROZEN_VOLUME,) if is_frozen else ())


def test_prices_that_move_without_volume_are_frozen() -> None:
    quarantine = Quarantine()
    told(quarantine, *(bar(k, 100.0, high=101.0, volume=0.0) for k in range(6)))
    assert held(quarantine)[0] is Reason.FROZEN_VOLUME


def test_silence_holds_after_two_bars_and_after_a_minute_of_a_book() -> None:
    quarantine = Quarantine()
    told(quarantine, *steady(0, 3))
    assert quarantine.on_time(5 * MINUTE) == ()
    (change,) = quarantine.on_time(5 * MINUTE + 1)
    assert isinstance(change, Quarantined)
    assert change.reason is Reason.STALE
    assert change.detail == "bars of 1m silent for 120 s, 120 s allowed"
    books = Quarantine()
    told(books, top(0, 99.0, 100.0))
    assert books.on_time(60 * SECOND) == ()
    assert books.on_time(61 * SECOND) != ()


def test_market_that_is_closed_is_neither_silent_nor_has_gaps() -> None:
    # New York closes at 21:00 UTC on Friday 2024-03-08 and opens at 13:30 on Monday.
    friday = int(np.datetime64("2024-03-08T20:55", "ns").astype(np.int64)) // MINUTE
    monday = int(np.datetime64("2024-03-11T13:30", "ns").astype(np.int64)) // MINUTE
    quarantine = Quarantine(calendars={"BTC/USD": "XNYS"})
    assert told(quarantine, *steady(friday, 5)) == []
    assert quarantine.on_time((monday + 2) * MINUTE) == ()
    assert quarantine.on_time((monday + 3) * MINUTE) != ()
    other = Quarantine(calendars={"BTC/USD": "XNYS"})
    assert told(other, *steady(friday, 5), *steady(monday, 3)) == []
    assert told(Quarantine(), *steady(friday, 5), *steady(monday, 3)) != []


def test_bar_that_was_asked_for_afterwards_is_a_snapshot() -> None:
    quarantine = Quarantine()
    told(quarantine, *steady(0, 30), Missing(*KEY, "1m", 0, MINUTE, MINUTE, "lost"))
    asked = [replace(one, basis="backfill") for one in steady(30, 1)]
    assert told(quarantine, *asked, *steady(31, 1)) == []
    assert told(quarantine, *steady(32, 1)) == [Released(*KEY, (Reason.GAP,), 33 * MINUTE)]


def test_restored_book_is_a_snapshot_of_the_book_alone() -> None:
    quarantine = Quarantine()
    tops = [top(k, 99.0, 100.0) for k in range(3)]
    told(quarantine, *tops, BookBroken(*KEY, "checksum", 3 * SECOND))
    told(quarantine, BookRestored(*KEY, 4 * SECOND), *(top(4 + k, 149.0, 150.0) for k in range(3)))
    assert not quarantine.is_quarantined(*KEY)
    bars = Quarantine()
    told(bars, *steady(0, 30), BookRestored(*KEY, 30 * MINUTE))
    assert told(bars, bar(30, 150.0)) != []


@pytest.mark.parametrize(
    "wrong",
    [{"stale_ns": 0}, {"good_updates": 0}, {"jump_share": -0.1}, {"second_share": math.nan}],
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match="of the quarantine is not"):
        QuarantineRules(**wrong)  # type: ignore[arg-type]


def test_rules_are_what_is_judged_by() -> None:
    quarantine = Quarantine(QuarantineRules(jump_share=0.6, jump_sigmas=1e9, good_updates=1))
    assert told(quarantine, *steady(0, 30), bar(30, 150.0)) == []
    told(quarantine, bar(31, 0.0), Snapshot(*KEY, 150.0, 32 * MINUTE))
    assert len(told(quarantine, bar(31, 150.0))) == 1


def test_filtered_passes_on_all_and_says_what_may_be_traded() -> None:
    quarantine = Quarantine()
    events: list[Input] = [*steady(0, 3), bar(3, 0.0), *steady(3, 1)]
    events += [Snapshot(*KEY, 100.0, 4 * MINUTE), *steady(4, 3)]
    vetted = list(quarantine.filtered((event, moment(event)) for event in events))
    assert [one.event for one in vetted] == events
    # The first is of a symbol that was never heard of; the one that frees it is not to be used yet.
    assert [one.is_tradable for one in vetted] == [
        False, True, True, False, False, False, False, False, True,
    ]  # fmt: skip
    assert [type(change).__name__ for one in vetted for change in one.changes] == [
        "Quarantined", "Released",
    ]  # fmt: skip


def scenario(rng: np.random.Generator, count: int) -> list[Input]:
    """Bars, tops and snapshots of a walk, some of them bad."""
    events: list[Input] = []
    price, minute = 100.0, 0
    for _ in range(count):
        kind = rng.choice(["bar", "bar", "bar", "bar", "top", "snapshot", "bad", "none", "asked"])
        price *= float(np.exp(rng.normal(0, 0.001)))
        if rng.random() < 0.03:
            price *= float(rng.choice([0.7, 1.4]))
        now = minute * MINUTE
        if kind == "top":
            events.append(replace(top(0, price, price * 1.001), time_ns=now))
        elif kind == "snapshot":
            events.append(Snapshot(*KEY, price, now))
        elif kind == "bad":
            events.append(bad_event(rng, minute, price))
        elif kind == "none":
            events.append(NoTrades(*KEY, "1m", now, now + MINUTE))
            minute += 1
        else:
            made = bar(minute, price, volume=float(rng.integers(1, 4)))
            events.append(replace(made, basis="backfill") if kind == "asked" else made)
            minute += 1 + int(rng.random() < 0.03)
    return events


ALWAYS_BAD = (0, 1, 2, 3, 4, 5, 6)
"""Places of those that are bad whatever was before them."""


def bad_event(
    rng: np.random.Generator, minute: int, price: float, places: tuple[int, ...] = tuple(range(9))
) -> Input:
    now = minute * MINUTE
    return [
        bar(minute, 0.0),
        bar(minute, price, low=-price),
        bar(minute + 40, price, received_ns=now),
        replace(top(0, price, price * 0.9), time_ns=now),
        Stale(*KEY, 9, 5, now),
        Missing(*KEY, "1m", now, now + MINUTE, MINUTE, "lost"),
        BookBroken(*KEY, "checksum", now),
        replace(bar(max(minute - 9, 0), price), received_ns=now),
        bar(minute, price * 10, received_ns=now + MINUTE),
    ][int(rng.choice(places))]


def trail(events: list[Input]) -> list[tuple[Input, bool, bool]]:
    """Each event, whether the symbol was held after it, and whether it was to be traded on."""
    quarantine = Quarantine(QuarantineRules(frozen_bars=4))
    return [
        (one.event, quarantine.is_quarantined(*KEY), one.is_tradable)
        for one in quarantine.filtered((event, moment(event)) for event in events)
    ]


@settings(max_examples=100)
@given(seed=st.integers(0, 2**32 - 1), where=st.integers(0, 60))
def test_adding_a_bad_update_never_frees(seed: int, where: int) -> None:
    rng = np.random.default_rng(seed)
    events = [*steady(0, 1), *(shifted(one, 1) for one in scenario(rng, 60))]
    where = max(1, where)
    clock = max(moment(one) for one in events[:where])
    bad = bad_event(rng, 0, 100.0, ALWAYS_BAD)
    if isinstance(bad, ClosedBar):
        later = replace(bad.candle, open_ns=clock + 40 * MINUTE, close_ns=clock + 41 * MINUTE)
        bad = replace(bad, received_ns=clock, candle=later)
    elif not isinstance(bad, Missing):
        bad = replace(bad, time_ns=clock)
    without = trail(events)
    added = trail([*events[:where], bad, *events[where:]])
    for (_, before, used), (event, after, kept) in zip(
        without[where:], added[where + 1 :], strict=True
    ):
        assert after >= before, event
        assert kept <= used, event


def shifted(event: Input, minutes: int) -> Input:
    """The same event so many minutes later."""
    by = minutes * MINUTE
    if isinstance(event, ClosedBar):
        candle = event.candle
        later = replace(candle, open_ns=candle.open_ns + by, close_ns=candle.close_ns + by)
        return replace(event, candle=later, received_ns=event.received_ns + by)
    if isinstance(event, NoTrades):
        return replace(event, open_ns=event.open_ns + by, close_ns=event.close_ns + by)
    return event if isinstance(event, Missing) else replace(event, time_ns=event.time_ns + by)  # type: ignore[union-attr]


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1))
def test_held_symbol_never_yields_a_tradable_bar(seed: int) -> None:
    events = scenario(np.random.default_rng(seed), 80)
    was_held = True
    for event, is_held, is_tradable in trail(events):
        if is_tradable:
            assert not was_held
            assert not is_held
            assert isinstance(event, ClosedBar | BookTop)
        was_held = is_held
