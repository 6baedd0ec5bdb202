"""`peak data fetch` and `peak data sources`, against servers with the venues' shapes."""

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from adapters.venues import (
    MINUTE_NS,
    SECOND_NS,
    BinanceLike,
    KrakenLike,
    Trade,
    Venue,
    made_trades,
    told,
)
from pytest_httpserver import HTTPServer

import peak_trade as pt
from peak_trade.app.cli.examples import AT_A_VENUE

SECRET = "c2VjcmV0LW9mLW5vYm9keS1hdC1hbGw="


@pytest.fixture(scope="module")
def one_server() -> Iterator[HTTPServer]:
    with HTTPServer("127.0.0.1", 0, threaded=True) as one:
        yield one


@pytest.fixture
def server(one_server: HTTPServer) -> HTTPServer:
    one_server.clear()
    return one_server


def trades_until_now() -> list[Trade]:
    made = made_trades(3_000)
    shift = (time.time_ns() - 60 * SECOND_NS - made[-1].time_ns) // MINUTE_NS * MINUTE_NS
    return [dataclasses.replace(one, time_ns=one.time_ns + shift) for one in made]


class _Ticking:
    """A clock that runs with this machine's, some time ahead of it."""

    ahead_ns = 0

    @property
    def now_ns(self) -> int:
        return time.time_ns() + self.ahead_ns

    @now_ns.setter
    def now_ns(self, time_ns: int) -> None:
        """It is not set: it runs."""


class TickingKraken(_Ticking, KrakenLike):
    """Kraken, now."""


class TickingBinance(_Ticking, BinanceLike):
    """Binance, now."""


def set_up(kind: type[Venue], server: HTTPServer, name: str, patch: pytest.MonkeyPatch) -> Venue:
    venue = kind(server, trades_until_now())
    patch.setenv(f"PEAK_{name.upper()}_URL", venue.url)
    return venue


@pytest.fixture
def kraken(server: HTTPServer, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Venue:
    monkeypatch.setenv("PEAK__DATA__STORE", str(folder / "store"))
    return set_up(TickingKraken, server, "kraken", monkeypatch)


@pytest.fixture
def binance(server: HTTPServer, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Venue:
    monkeypatch.setenv("PEAK__DATA__STORE", str(folder / "store"))
    return set_up(TickingBinance, server, "binance", monkeypatch)


def test_bars_are_fetched_shown_and_not_fetched_again(peak, kraken) -> None:
    ran = peak("data", "fetch", "kraken", "BTC/USD,ETH/USD", "1m")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].split() == ["series", "new", "corrected", "rows", "from", "to", "version"]
    assert [line.split()[:3] for line in lines[1:]] == [
        ["kraken:BTC/USD", "1m", "720"],
        ["kraken:ETH/USD", "1m", "720"],
    ]
    asked = kraken.calls("OHLC")
    again = peak("data", "fetch", "kraken", "BTC/USD", "1m", "--json").json
    (done,) = again["fetched"]
    assert (done["added"], done["corrected"]) == (0, 0)
    assert (done["stored"]["rows"], done["series"]) == (720, "kraken:BTC/USD 1m")
    assert kraken.calls("OHLC") - asked <= 1  # a bar may have ended since


def test_what_was_fetched_can_be_traded_with_its_rules(peak, kraken) -> None:
    assert peak("data", "fetch", "kraken", "BTC/USD", "1m").code == 0
    bars = pt.load("kraken:BTC/USD", interval="1m", store=str(Path("store").resolve()))
    assert (bars.instruments[0].tick, bars.instruments[0].lot) == (0.5, 1e-8)
    assert len(bars) == 720


def test_bars_before_the_window_are_refused_and_built_from_trades(peak, kraken) -> None:
    since = ["--since", "2020-01-01"]
    refused = peak("data", "fetch", "kraken", "BTC/USD", "1m", *since)
    assert refused.code == 2
    assert "last 720 bars" in refused.err
    assert "--from-trades (4 calls, about 4 s)" in refused.err
    built = peak("data", "fetch", "kraken", "BTC/USD", "1m", *since, "--from-trades", "--json")
    assert built.code == 0
    assert built.json["fetched"][0]["added"] > 1_000


def test_funding_and_trades_are_fetched_by_their_kind(peak, binance) -> None:
    begin = f"{time.strftime('%Y-%m-%d', time.gmtime(time.time() - 3 * 86_400))}"
    ran = peak("data", "fetch", "binance", "BTC/USDT", "--kind", "trades", "--since", begin)
    assert ran.code == 0, ran.err
    assert "binance:BTC/USDT trades 3,000" in ran.out
    ran = peak(
        "data", "fetch", "binance", "BTC/USDT:USDT", "--kind", "funding", "--since", "2023-01-01",
        "--until", "2024-01-01", "--json",
    )  # fmt: skip
    assert ran.json["fetched"][0]["added"] == 142


def test_instruments_are_kept_and_shown(peak, kraken) -> None:
    ran = peak("data", "fetch", "kraken", "--kind", "instruments")
    assert ran.code == 0
    assert "BTC/USD XXBTZUSD  0.5 0.00000001  0.00005       0.5 0.25% 0.40% yes" in ran.out
    one = peak("data", "fetch", "kraken", "ETH/USD", "--kind", "instruments", "--json").json
    assert [item["symbol"] for item in one["instruments"]] == ["ETH/USD"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("krakn", "BTC/USD", "1m"), "source 'krakn' is not known"),
        (("kraken", "BTX/USD", "1m"), "does not list 'BTX/USD'"),
        (("kraken", "BTC/USD", "7m"), "kraken has no bars of 7m"),
        (("kraken", "BTC/USD"), "bars need an interval"),
        (("kraken",), "no symbol is given"),
        (("kraken", "BTC/USD", "1m", "--since", "soon"), "--since 'soon' is no date"),
        (("kraken", "BTC/USD", "1m", "--since", "2999-01-01"), "is no date or time"),
        (("kraken", "BTC/USD", "1m", "--since", "2100-01-01"), "is not before"),
        (("kraken", "BTC/USD", "--kind", "funding"), "offers no funding"),
        (("kraken", "BTC/USD", "--kind", "fundings"), "kind 'fundings' of data is not known"),
        (("kraken", "BTC/USD", "1m", "--base-url", "http://192.0.2.1"), "is not https"),
    ],
)
def test_what_cannot_be_fetched_is_told_and_nothing_is_written(
    peak, kraken, folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    ran = peak("data", "fetch", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert "Hint:" in ran.err
    told = peak("data", "fetch", *arguments, "--json")
    assert said in told.json["error"]["message"]
    assert not list((folder / "store").rglob("*.parquet"))


def test_a_clock_that_is_off_is_told_and_may_be_taken(peak, kraken) -> None:
    kraken.ahead_ns = -10 * SECOND_NS
    ran = peak("data", "fetch", "kraken", "BTC/USD", "1m")
    assert ran.code == 2
    assert "behind this machine's" in ran.err
    assert peak("data", "fetch", "kraken", "BTC/USD", "1m", "--any-clock").code == 0


def test_a_refusal_shows_no_key(peak, kraken, monkeypatch) -> None:
    monkeypatch.setenv("PEAK_KRAKEN_KEY", "key-of-nobody-at-all")
    monkeypatch.setenv("PEAK_KRAKEN_SECRET", SECRET)
    kraken.always = told(403, f"you are key-of-nobody-at-all, {SECRET}")
    ran = peak("--debug", "data", "fetch", "kraken", "BTC/USD", "1m")
    assert ran.code == 2
    assert "key-of-nobody" not in ran.err + ran.out
    assert SECRET not in ran.err + ran.out


def test_sources_are_listed_with_what_they_offer(peak, monkeypatch) -> None:
    monkeypatch.setenv("PEAK_KRAKEN_KEY", "x")
    ran = peak("data", "sources")
    assert ran.code == 0
    assert any(line.startswith("kraken") and " set " in line for line in ran.out.splitlines())
    assert "Unverified, through ccxt:" in ran.out
    told = peak("data", "sources", "--json").json
    assert {one["source"] for one in told["sources"]} >= {"kraken", "binance"}
    assert "bybit" in told["families"]["ccxt"]
    one = peak("data", "sources", "bybit", "--json").json
    assert (one["verified"], one["family"]) == (False, "ccxt")
    assert one["keys"][0] == "PEAK_BYBIT_KEY"


def test_a_source_is_checked(peak, kraken, monkeypatch) -> None:
    told = peak("data", "sources", "kraken", "--check", "--json").json
    assert abs(told["clock_offset_s"]) < 5
    assert told["key"] == "no key of kraken is set"
    monkeypatch.setenv("PEAK_KRAKEN_KEY", "key-of-nobody")
    monkeypatch.setenv("PEAK_KRAKEN_SECRET", SECRET)
    told = peak("data", "sources", "kraken", "--check", "--json").json
    assert "refused" in told["key"]
    assert peak("data", "sources", "--check").code == 2


@pytest.mark.parametrize("command", ["data fetch"])
def test_help_shows_examples_that_name_what_there_is(peak, command: str) -> None:
    ran = peak(*command.split(), "--help")
    assert ran.code == 0
    lines = [line.strip() for line in ran.out.splitlines()]
    assert all(example in lines for example in AT_A_VENUE[command])


@pytest.mark.parametrize("example", [e for e in AT_A_VENUE["data fetch"] if "kraken" in e])
def test_an_example_of_kraken_runs(peak, kraken, example: str) -> None:
    ran = peak(*example.split()[1:])
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("example", [e for e in AT_A_VENUE["data fetch"] if "binance" in e])
def test_an_example_of_binance_runs(peak, binance, example: str) -> None:
    ran = peak(*example.split()[1:])
    assert ran.code == 0, ran.err
