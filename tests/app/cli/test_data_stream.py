"""`peak data stream` against simulated venues, and with what cannot be listened to."""

import _thread
import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Sequence

import pytest
from adapters.feeds.simulated import market, served
from data.live.made_trades import MINUTE

from peak_trade.data.live.events import Candle, ClosedBar, FeedEvent, Missing
from peak_trade.data.live.source import FeedOptions
from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store

STREAM = ("data", "stream")


@pytest.fixture
def nobody() -> str:
    """An address that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"ws://127.0.0.1:{taken.getsockname()[1]}"


def test_stream_shows_bars_and_keeps_what_it_shows(peak, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PEAK__DATA__STORE", str(tmp_path / "store"))
    with served("kraken", market("kraken", 300.0), "") as (url, _, _running):
        ran = peak(
            *STREAM, "kraken", "BTC/USD,ETH/USD", "1m", "--bars", "6",
            "--base-url", url, "--save",
        )  # fmt: skip
    assert ran.code == 0, ran.err
    heading, *rows = ran.out.splitlines()
    assert heading.split()[:2] == ["closed", "(UTC)"]
    assert {row.split()[2] for row in rows} == {"BTC/USD", "ETH/USD"}
    assert "connected" in ran.err
    assert f"{len(rows)} bars, 0 missing, {len(rows)} saved." in ran.err
    assert len(rows) == 6
    store = Store.open(tmp_path / "store")
    stored = [store.read(SeriesKey("bars", "kraken", s, "1m")) for s in ("BTC/USD", "ETH/USD")]
    assert sum(len(frame) for frame in stored) == len(rows)
    assert set(stored[0]["source"]) == {"kraken stream"}
    assert not stored[0]["is_filled"].any()


def test_stream_as_json_is_one_object_a_line(peak) -> None:
    with served("binance", market("binance", 300.0), "") as (url, rest, _):
        ran = peak(
            *STREAM, "binance", "BTC/USDT", "1m", "--bars", "3", "--base-url", url,
            "--rest-url", rest, "--json",
        )  # fmt: skip
    assert ran.code == 0, ran.err
    lines = [json.loads(line) for line in ran.out.splitlines()]
    bars = [line for line in lines if line["event"] == "bar"]
    assert lines[-1] == {
        "event": "end", "bars": len(bars), "corrected": 0, "no_trades": 0, "missing": 0, "saved": 0,
        "held": 0, "held_now": {},
    }  # fmt: skip
    assert len(bars) == 3
    assert {"symbol", "open_ns", "close_ns", "open", "close", "volume", "basis"} <= set(bars[0])
    # The first is of a symbol that nothing was heard of before.
    assert [(bar["is_tradable"], bar["held"]) for bar in bars] == [
        (False, []), (True, []), (True, []),
    ]  # fmt: skip
    assert "connected" in [line["event"] for line in lines]


def bar(minute: int, close: float) -> ClosedBar:
    candle = Candle(
        minute * MINUTE, (minute + 1) * MINUTE, close, close, close, close, minute + 1.0
    )
    return ClosedBar("kraken", "BTC/USD", "1m", candle, "trades", True, 0, candle.close_ns)


class Leaping:
    """A feed whose price leaps in its fourth bar and stays; it goes on when it was asked about."""

    venue, environment, intervals = "kraken", "simulated", ("1m",)

    def __init__(self, options: FeedOptions) -> None:
        self.server = options.backfill

    async def bars(self, symbols: Sequence[str], interval: str) -> AsyncIterator[FeedEvent]:
        yield Missing("kraken", "BTC/USD", "1m", 0, MINUTE, MINUTE, "begun inside")
        for minute, price in enumerate((100.0, 100.1, 100.2, 150.0, 150.1), start=1):
            yield bar(minute, price)
        if isinstance(self.server, Answering):
            await asyncio.to_thread(self.server.was_told.wait, 10)
        for minute, price in enumerate((150.0, 150.1, 150.2, 150.1, 150.0), start=6):
            yield bar(minute, price)


class Answering:
    """A venue that answers with the price that it leapt to."""

    def __init__(self, venue: str, url: str) -> None:
        self.was_told = threading.Event()

    def bars(self, symbol: str, interval: str, *, start_ns: int, stop_ns: int) -> list[Candle]:
        asking = threading.current_thread()

        def follow() -> None:
            asking.join()
            self.was_told.set()

        threading.Thread(target=follow).start()
        return [Candle(stop_ns - MINUTE, stop_ns, 150.0, 150.0, 150.0, 150.0, 1.0)]

    def close(self) -> None:
        pass


@pytest.fixture
def leaping(monkeypatch, tmp_path) -> SeriesKey:
    monkeypatch.setenv("PEAK__DATA__STORE", str(tmp_path / "store"))
    monkeypatch.setattr("peak_trade.app.feeds.found_feed", lambda venue: Leaping)
    monkeypatch.setattr("peak_trade.app.feeds.StoredVenueBackfill", Answering)
    return SeriesKey("bars", "kraken", "BTC/USD", "1m")


def test_symbol_that_leaps_is_held_until_the_venue_says_so_too(peak, leaping, tmp_path) -> None:
    ran = peak(*STREAM, "kraken", "BTC/USD", "1m", "--save", "--json")
    assert ran.code == 1, ran.err  # the first bar is missing
    lines = [json.loads(line) for line in ran.out.splitlines()]
    bars = [line for line in lines if line["event"] == "bar"]
    held = {bar["open_ns"] // MINUTE: bar["held"] for bar in bars}
    assert held == {
        1: [], 2: [], 3: [], 4: ["jump"], 5: ["jump", "gap"], 6: ["jump", "gap"],
        7: ["jump", "gap"], 8: [], 9: [], 10: [],
    }  # fmt: skip
    assert [bar["open_ns"] // MINUTE for bar in bars if bar["is_tradable"]] == [2, 3, 9, 10]
    told = [line["event"] for line in lines if line["event"] not in ("bar", "missing")]
    assert told == ["quarantined", "quarantined", "snapshot", "released", "end"]
    assert lines[-1]["held"] == 4
    assert lines[-1]["held_now"] == {}
    # The two that were the trouble are left out; those before the release are kept with it.
    saved = Store.open(tmp_path / "store").read(leaping)
    assert (saved["open_ns"] // MINUTE).to_list() == [1, 2, 3, 6, 7, 8, 9, 10]
    assert lines[-1]["saved"] == 8


def test_symbol_that_is_held_at_the_end_is_a_finding_and_not_saved(peak, leaping, tmp_path) -> None:
    ran = peak(*STREAM, "kraken", "BTC/USD", "1m", "--save", "--no-backfill")
    assert ran.code == 1
    assert "BTC/USD: held: jump: +49.7% from 100.2 to 150, which no second source" in ran.err
    assert ran.err.splitlines()[-1] == "BTC/USD is still held: jump, gap."
    assert "10 bars, 1 missing, 7 of held symbols, 3 saved." in ran.err
    rows = ran.out.splitlines()[1:]
    assert ["held: jump" in row for row in rows] == [False] * 3 + [True] * 7
    saved = Store.open(tmp_path / "store").read(leaping)
    assert saved["close"].to_list() == [100.0, 100.1, 100.2]


def test_stream_that_is_interrupted_ends_with_what_there_was(peak) -> None:
    with served("kraken", market("kraken", 300.0), "") as (url, _, _running):
        timer = threading.Timer(1.0, _thread.interrupt_main)
        timer.start()
        ran = peak(*STREAM, "kraken", "BTC/USD", "1m", "--base-url", url)
        timer.join()
    assert ran.code == 0
    assert ran.err.splitlines()[-1].endswith("missing.")


def test_stream_with_bars_missing_at_the_end_is_a_finding(peak) -> None:
    with served("kraken", market("kraken", 300.0), "drop=0.2") as (url, _, _running):
        ran = peak(
            *STREAM, "kraken", "BTC/USD", "1m", "--bars", "6", "--base-url", url,
            "--no-backfill",
        )  # fmt: skip
    assert ran.code == 1, ran.err
    assert "missing from" in ran.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("krakn", "BTC/USD", "1m"), "did you mean kraken?"),
        (("kraken", "BTC/USD", "7m"), "kraken has no candles of 7m"),
        (("kraken", "BTC/USD", "1m", "--environment", "testnet"), "simulated environment"),
        (("kraken", ",", "1m"), "each is named once"),
        (("kraken", "BTC/USD", "1m", "--seconds", "0"), "a length above 0"),
        (("kraken", "BTC/USD", "1m"), "cannot be reached"),
        (("binance", "BTC/USDT", "1m"), "cannot be reached"),
    ],
)
def test_what_cannot_be_listened_to_is_bad_input(
    peak, nobody: str, arguments: tuple[str, ...], says: str
) -> None:
    ran = peak(*STREAM, *arguments, "--base-url", nobody)
    assert ran.code == 2
    assert says in ran.err
    assert not ran.out


def test_address_that_is_no_websocket_is_bad_input(peak) -> None:
    ran = peak(*STREAM, "kraken", "BTC/USD", "1m", "--base-url", "http://127.0.0.1:1")
    assert ran.code == 2
    assert "ws://" in ran.err


def test_symbol_that_a_simulated_venue_does_not_know_is_bad_input(peak) -> None:
    for venue, known in (("kraken", "BTC/USD"), ("binance", "BTC/USDT")):
        with served(venue, market(venue, 1.0), "") as (url, rest, _):
            ran = peak(
                *STREAM, venue, f"{known},NO/PE", "1m", "--base-url", url, "--rest-url", rest
            )
        assert ran.code == 2
        assert "NO/PE" in ran.err


def test_help_of_the_stream_shows_its_examples(peak) -> None:
    from peak_trade.app.cli.examples import AT_A_VENUE

    ran = peak(*STREAM, "--help")
    lines = [line.strip() for line in ran.out.splitlines()]
    assert all(example in lines for example in AT_A_VENUE["data stream"])
