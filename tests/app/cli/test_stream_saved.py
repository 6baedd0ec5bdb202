"""Which bars of a live feed reach the store, and when."""

import pytest

from peak_trade.app.cli.stream_saved import SavedBars
from peak_trade.data.live.events import Candle, ClosedBar
from peak_trade.data.quarantine_terms import Reason, Released, Snapshot, Vetted
from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store

MINUTE = 60_000_000_000
KEY = ("kraken", "BTC/USD")
HELD = (Reason.CROSSED,)


def bar(minute: int, *, close: float = 1.0, is_proven: bool = True, revision: int = 0) -> ClosedBar:
    candle = Candle(minute * MINUTE, (minute + 1) * MINUTE, close, close, close, close, 1.0)
    return ClosedBar(*KEY, "1m", candle, "trades", is_proven, revision, candle.close_ns)


def sound(minute: int) -> Vetted:
    return Vetted(bar(minute), True, ())


def held(minute: int, *, is_refused: bool = False, is_proven: bool = True) -> Vetted:
    return Vetted(bar(minute, is_proven=is_proven), False, (), is_refused=is_refused, held=HELD)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store.open(tmp_path)


def kept(store: Store, *told: Vetted) -> list[int]:
    saved = SavedBars(store)
    for one in told:
        saved.take(one)
        saved.keep()
    key = SeriesKey("bars", *KEY, "1m")
    rows = [] if store.stored(key) is None else (store.read(key)["open_ns"] // MINUTE).to_list()
    assert saved.kept == len(rows)
    assert not saved.has_unkept
    return rows


def test_sound_bars_are_kept_at_once_and_held_ones_not(store) -> None:
    assert kept(store, sound(1), held(2), held(3)) == [1]


def test_held_bars_are_kept_at_the_release_where_they_are_proven_and_were_not_refused(
    store,
) -> None:
    freed = Vetted(Snapshot(*KEY, 1.0, 0), False, (Released(*KEY, HELD, 0),))
    told = (sound(1), held(2, is_refused=True), held(3), held(4, is_proven=False), held(5), freed)
    assert kept(store, *told) == [1, 3, 5]


def test_bar_that_frees_its_symbol_is_kept_with_those_before_it(store) -> None:
    freeing = Vetted(bar(4), False, (Released(*KEY, HELD, 0),))
    assert kept(store, held(2), held(3), freeing) == [2, 3, 4]


def test_release_of_another_symbol_keeps_nothing(store) -> None:
    other = Vetted(None, False, (Released("kraken", "ETH/USD", HELD, 0),))
    assert kept(store, held(2), other) == []


def test_correction_of_a_bar_that_waits_is_what_is_kept(store) -> None:
    later = Vetted(bar(2, close=2.0, revision=1), False, (), held=HELD)
    saved = SavedBars(store)
    for one in (held(2), later, sound(3)):
        saved.take(one)
    saved.keep()
    assert store.read(SeriesKey("bars", *KEY, "1m"))["close"].to_list() == [2.0, 1.0]
