"""Kraken's source against the simulated venue: the contract, and a venue that misbehaves."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from adapters.source_contract import SourceTruths, World, same
from adapters.truths import HASTY, true_bars, true_trades
from adapters.venues import MINUTE_NS, SECOND_NS, Trade, made_trades

from peak_trade.adapters.kraken import KrakenSource
from peak_trade.data.fetch import fetch
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Setup, SourceError, Want
from peak_trade.data.store import Store
from peak_trade.simulation.frames import MessageFaults
from peak_trade.simulation.kraken.server import RunningKraken, listings, running
from peak_trade.simulation.market.clock import ManualClock
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.tape import TradeTape

TRADES = SeriesKey("trades", "kraken", "BTC/USD")
MINUTES = SeriesKey("bars", "kraken", "BTC/USD", "1m")
PRINTED_NS = 500_000_000  # a time that a float of seconds holds, as the venue prints it
SEEN = [replace(one, time_ns=one.time_ns // PRINTED_NS * PRINTED_NS) for one in made_trades(2_600)]
NOW_NS = SEEN[-1].time_ns + 30 * SECOND_NS


@pytest.fixture(scope="module")
def venue() -> Iterator[RunningKraken]:
    """A simulated Kraken whose clock stands still, half a minute behind the last trade."""
    (listing,) = listings(["BTC/USD"])
    tape = TradeTape(
        listing,
        np.array([trade.time_ns for trade in SEEN]),
        np.array([trade.price for trade in SEEN]),
        np.array([trade.size for trade in SEEN]),
        side=np.array([1 if trade.buys else -1 for trade in SEEN], dtype=np.int8),
    )
    clock = ManualClock(NOW_NS)
    with running(Market([listing], {"BTC/USD": tape}, clock), tier="none") as one:
        yield one


@pytest.fixture
def sound(venue: RunningKraken) -> Iterator[RunningKraken]:
    """The same, and free of faults again after the test."""
    yield venue
    venue.running.call(lambda: _befall(venue, MessageFaults()))


def _befall(venue: RunningKraken, faults: MessageFaults) -> None:
    venue.server.service.wire.faults = faults


def made(setup: Setup) -> KrakenSource:
    return KrakenSource(setup, patience=replace(HASTY, attempts=12), now_ns=lambda: NOW_NS)


def seen_before(stop_ns: int) -> list[Trade]:
    return [trade for trade in SEEN if trade.time_ns < stop_ns]


class TestSimulatedKraken(SourceTruths):
    """The contract, over trades."""

    @pytest.fixture
    def world(self, venue: RunningKraken) -> World:
        stop = SEEN[-1].time_ns
        truth = true_trades(seen_before(stop), unit_ns=1)
        return World(
            venue.urls.rest,
            made,
            TRADES,
            SEEN[0].time_ns,
            stop,
            truth,
            SeriesKey("trades", "kraken", "BTX/USD"),
            lambda *_: None,
            lambda: None,
            lambda: 0,
        )


def test_bars_of_the_window_are_those_of_its_trades(venue: RunningKraken) -> None:
    with made(Setup(base_url=venue.urls.rest)) as source:
        given = pl.concat(page.rows for page in source.pages(Want(MINUTES, None, NOW_NS)))
    same(given, true_bars(SEEN, MINUTE_NS, until_ns=NOW_NS).tail(given.height))
    assert given.height >= 719


def test_bars_built_from_its_trades_are_its_bars(venue: RunningKraken, tmp_path) -> None:
    store = Store.open(tmp_path)
    begin = SEEN[0].time_ns // MINUTE_NS * MINUTE_NS
    with made(Setup(base_url=venue.urls.rest)) as source:
        done = fetch(source, store, Want(MINUTES, begin, NOW_NS), from_trades=True)
    truth = true_bars(SEEN, MINUTE_NS, until_ns=done.reached_ns)
    same(store.read(MINUTES), truth.filter(~pl.col("is_filled")))


@pytest.mark.parametrize(
    "text", ["http_429=0.3", "http_5xx=0.3", "reset=0.3", "http_429=0.2,http_5xx=0.2,reset=0.2"]
)
def test_a_venue_that_misbehaves_gives_its_trades_all_the_same(
    sound: RunningKraken, text: str
) -> None:
    sound.running.call(lambda: _befall(sound, MessageFaults.parse(text)))
    with made(Setup(base_url=sound.urls.rest)) as source:
        given = pl.concat(p.rows for p in source.pages(Want(TRADES, SEEN[0].time_ns, NOW_NS)))
    assert given["seq"].to_list() == list(range(1, len(SEEN) + 1))


def test_stale_answers_lose_nothing(sound: RunningKraken, tmp_path) -> None:
    """An answer that is some seconds old may lack what came since, never hide it for good."""
    sound.running.call(lambda: _befall(sound, MessageFaults.parse("stale=0.7")))
    store, begin = Store.open(tmp_path), SEEN[-800].time_ns
    with made(Setup(base_url=sound.urls.rest)) as source:
        for key in (TRADES, MINUTES):
            fetch(source, store, Want(key, begin if key is TRADES else None, NOW_NS))
        sound.running.call(lambda: _befall(sound, MessageFaults()))
        for key in (TRADES, MINUTES):
            fetch(source, store, Want(key, begin if key is TRADES else None, NOW_NS))
    bars = store.read(MINUTES)
    same(bars, true_bars(SEEN, MINUTE_NS, until_ns=NOW_NS).tail(bars.height))
    assert store.read(TRADES)["seq"].to_list() == list(range(len(SEEN) - 799, len(SEEN) + 1))


def test_a_clock_that_is_off_is_found(venue: RunningKraken) -> None:
    late = KrakenSource(
        Setup(base_url=venue.urls.rest), patience=HASTY, now_ns=lambda: NOW_NS - 11 * SECOND_NS
    )
    with late, pytest.raises(SourceError, match=r"\d s ahead of this machine"):
        list(late.pages(Want(MINUTES, None, NOW_NS)))
