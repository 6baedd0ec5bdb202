"""Binance's source against the simulated venue: the contract, and a venue that misbehaves."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from adapters.source_contract import SourceTruths, World, same
from adapters.truths import HASTY, true_bars, true_trades
from adapters.venues import MINUTE_NS, SECOND_NS, Trade, made_trades

from peak_trade.adapters.binance import BinanceSource
from peak_trade.data.fetch import fetch
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Setup, SourceError, Trouble, Want
from peak_trade.data.store import Store
from peak_trade.simulation.binance.server import Running, listings, running
from peak_trade.simulation.frames import MessageFaults
from peak_trade.simulation.market.clock import Clock, ManualClock, SimClock
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.tape import TradeTape

MS = 1_000_000
TRADES = SeriesKey("trades", "binance", "BTC/USDT")
MINUTES = SeriesKey("bars", "binance", "BTC/USDT", "1m")
SEEN = [replace(one, time_ns=one.time_ns // MS * MS) for one in made_trades(2_600, seed=9)]
NOW_NS = SEEN[-1].time_ns + 30 * SECOND_NS


def market(clock: Clock) -> Market:
    (listing,) = listings(["BTC/USDT"])
    tape = TradeTape(
        listing,
        np.array([trade.time_ns for trade in SEEN]),
        np.array([trade.price for trade in SEEN]),
        np.array([trade.size for trade in SEEN]),
        side=np.array([1 if trade.buys else -1 for trade in SEEN], dtype=np.int8),
    )
    return Market([listing], {"BTC/USDT": tape}, clock)


@pytest.fixture(scope="module")
def venue() -> Iterator[Running]:
    """A simulated Binance whose clock stands still, half a minute behind the last trade."""
    with running(market(ManualClock(NOW_NS))) as one:
        yield one


def made(setup: Setup) -> BinanceSource:
    return BinanceSource(setup, patience=replace(HASTY, attempts=12), now_ns=lambda: NOW_NS)


def befall(venue: Running, text: str) -> None:
    faults = MessageFaults.parse(text) if text else MessageFaults()

    def change() -> None:
        venue.served.service.wire.faults = faults

    venue.served.call(change)


@pytest.fixture
def sound(venue: Running) -> Iterator[Running]:
    """The same, and free of faults again after the test."""
    yield venue
    befall(venue, "")


class TestSimulatedBinance(SourceTruths):
    """The contract, over bars."""

    @pytest.fixture
    def world(self, venue: Running) -> World:
        truth = true_bars(SEEN, MINUTE_NS, until_ns=NOW_NS)
        return World(
            venue.urls.rest,
            made,
            MINUTES,
            truth["open_ns"][0],
            truth["close_ns"][-1],
            truth,
            SeriesKey("bars", "binance", "BTX/USDT", "1m"),
            lambda *_: None,
            lambda: None,
            lambda: 0,
        )


class TestSimulatedBinanceTrades(SourceTruths):
    """The contract, over aggregate trades."""

    @pytest.fixture
    def world(self, venue: Running) -> World:
        stop = SEEN[-1].time_ns
        seen: list[Trade] = [trade for trade in SEEN if trade.time_ns < stop]
        return World(
            venue.urls.rest,
            made,
            TRADES,
            SEEN[0].time_ns,
            stop,
            true_trades(seen, unit_ns=MS),
            SeriesKey("trades", "binance", "BTX/USDT"),
            lambda *_: None,
            lambda: None,
            lambda: 0,
        )


def test_a_bar_that_forms_is_absent(venue: Running) -> None:
    with made(Setup(base_url=venue.urls.rest)) as source:
        pages = list(source.pages(Want(MINUTES, NOW_NS - 30 * MINUTE_NS, NOW_NS + MINUTE_NS)))
    assert pages[-1].rows["close_ns"][-1] <= NOW_NS
    assert pages[-1].reached_ns == NOW_NS // MINUTE_NS * MINUTE_NS


def test_funding_of_the_perpetual_is_given(venue: Running) -> None:
    key = SeriesKey("funding", "binance", "BTC/USDT:USDT")
    hours = 3600 * SECOND_NS
    with made(Setup(base_url=venue.urls.rest)) as source:
        pages = source.pages(Want(key, NOW_NS - 30 * hours, NOW_NS))
        given = pl.concat(page.rows for page in pages)
    assert given.height in (3, 4)
    assert set(given["time_ns"].diff().drop_nulls()) == {8 * hours}
    assert given["rate"].abs().max() < 0.01


@pytest.mark.parametrize("text", ["http_429=0.3", "http_5xx=0.3", "reset=0.3"])
def test_a_venue_that_misbehaves_gives_its_bars_all_the_same(sound: Running, text: str) -> None:
    befall(sound, text)
    truth = true_bars(SEEN, MINUTE_NS, until_ns=NOW_NS)
    want = Want(MINUTES, int(truth["open_ns"][0]), NOW_NS)
    with made(Setup(base_url=sound.urls.rest)) as source:
        given = pl.concat(page.rows for page in source.pages(want))
    same(given, truth)


def test_all_that_there_is_is_given(venue: Running) -> None:
    with made(Setup(base_url=venue.urls.rest)) as source:
        given = pl.concat(page.rows for page in source.pages(Want(MINUTES, None, NOW_NS)))
    same(given, true_bars(SEEN, MINUTE_NS, until_ns=NOW_NS))


def test_stale_answers_lose_nothing(sound: Running, tmp_path) -> None:
    """An answer that is some seconds old may lack what came since, never hide it for good."""
    store, begin = Store.open(tmp_path), SEEN[-800].time_ns
    befall(sound, "stale=0.7")
    with made(Setup(base_url=sound.urls.rest)) as source:
        for _ in range(2):
            for key in (TRADES, MINUTES):
                fetch(source, store, Want(key, begin, NOW_NS))
            befall(sound, "")
    bars = store.read(MINUTES)
    same(bars, true_bars(SEEN, MINUTE_NS, until_ns=NOW_NS).tail(bars.height))
    assert store.read(TRADES)["seq"].to_list() == list(range(len(SEEN) - 799, len(SEEN) + 1))


def test_a_wrong_key_is_refused_and_the_right_one_taken() -> None:
    with running(market(SimClock())) as venue:
        sound = {"PEAK_BINANCE_KEY": venue.key, "PEAK_BINANCE_SECRET": venue.secret}
        for wrong in ({"PEAK_BINANCE_SECRET": "x" * 64}, {"PEAK_BINANCE_KEY": "y" * 64}):
            with (
                made(Setup(base_url=venue.urls.rest, environment=sound | wrong)) as source,
                pytest.raises(SourceError) as caught,
            ):
                source.check_keys()
            assert caught.value.trouble is Trouble.NO_PERMISSION
            assert venue.secret not in str(caught.value)
        with made(Setup(base_url=venue.urls.rest, environment=sound)) as source:
            source.check_keys()
