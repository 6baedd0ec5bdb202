"""`peak simulate-venue`: what it prints, what answers there, how it ends."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import ccxt
import numpy as np
import polars as pl
import pytest

from peak_trade.app.cli import simulate
from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store

PEAK = Path(sys.executable).with_name("peak")


@pytest.mark.parametrize("venue", ["kraken", "binance"])
def test_venue_says_where_it_is_and_which_key_it_takes(peak, venue: str) -> None:
    ran = peak(
        "simulate-venue",
        venue,
        "--port",
        "0",
        "--seconds",
        "0",
        "--faults",
        "late=0.1:50ms",
        "--json",
    )
    assert (ran.code, ran.err) == (0, "")
    said = ran.json
    assert str(said["rest"]).startswith("http://127.0.0.1:")
    assert said["key"]
    assert said["secret"]
    assert said["faults"] == "late=0.1:0.05s"


def test_venue_shown_to_people_says_how_to_point_ccxt_at_it(peak) -> None:
    shown = peak("simulate-venue", "kraken", "--port", "0", "--seconds", "0")
    assert shown.code == 0
    assert "Ctrl-C ends it." in shown.out
    assert "ccxt.pro.kraken" in shown.out


def test_venue_in_a_process_answers_ccxt_and_ends_at_an_interrupt(tmp_path: Path) -> None:
    command = [
        str(PEAK), "simulate-venue", "kraken", "--port", "0", "--json", "--symbols", "BTC/USD,SOL/USD",
        "--balance", "USD=500,BTC=1", "--key", "mine", "--secret", "c2VjcmV0", "--tier", "none",
    ]  # fmt: skip
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = []
        while not lines or lines[-1].rstrip() != "}":
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read()
        said = json.loads("".join(lines))
        venue = ccxt.kraken({"apiKey": "mine", "secret": "c2VjcmV0", "enableRateLimit": False})
        venue.urls["api"] = {"public": said["rest"], "private": said["rest"]}
        assert set(venue.load_markets()) == {"BTC/USD", "SOL/USD"}
        balance = venue.fetch_balance()
        assert (balance["USD"]["free"], balance["BTC"]["free"]) == (500.0, 1.0)
        with urllib.request.urlopen(f"{said['rest']}/0/public/Time", timeout=10) as answer:
            assert json.load(answer)["error"] == []
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def recorded() -> pl.DataFrame:
    count = 40
    return pl.DataFrame(
        {
            "time_ns": 1_600_000_000_250_000_000 + np.arange(count) * 7_500_000_000,
            "price": (20_000 + np.arange(count) % 7 / 100).round(2),
            "size": ((1 + np.arange(count)) / 1_000).round(3),
            "side": np.where(np.arange(count) % 3, 1, -1),
        }
    ).cast({"side": pl.Int8})


def test_recorded_trades_of_the_store_are_played(peak, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PEAK__DATA__STORE", str(tmp_path / "store"))
    store, rows = Store.open(tmp_path / "store"), recorded()
    for symbol in ("BTC/USD", "ETH/USD"):
        key = SeriesKey("trades", "kraken", symbol)
        store.upsert(key, rows, source="test", received_ns=1)
    played = ("--data", "kraken:BTC/USD,ETH/USD", "--kind", "trades", "--port", "0")
    ran = peak(
        "simulate-venue", "kraken", *played, "--start", "2020-09-13T12:31", "--seconds", "0",
        "--json",
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    assert (ran.json["trades"], ran.json["symbols"]) == (80, ["BTC/USD", "ETH/USD"])
    assert int(str(ran.json["shift_ns"])) % 60_000_000_000 == 0
    found = simulate._recorded("kraken", "kraken:BTC/USD,ETH/USD", (), None)
    assert list(found) == ["BTC/USD", "ETH/USD"]
    assert found["ETH/USD"].equals(rows.select("time_ns", "price", "size", "side"))


@pytest.mark.parametrize("venue", ["kraken", "binance"])
def test_trades_of_a_file_are_played(peak, tmp_path: Path, venue: str) -> None:
    path = tmp_path / "trades.parquet"
    recorded().select("time_ns", "price", "size").rename({"time_ns": "time"}).write_parquet(path)
    played = ("--data", f"file:{path}", "--kind", "trades", "--port", "0", "--seconds", "0")
    ran = peak("simulate-venue", venue, *played, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["trades"] == 40
    assert ran.json["symbols"] == ["BTC/USD" if venue == "kraken" else "BTC/USDT"]
    named = peak("simulate-venue", venue, *played, "--json", "--symbols", "ETH/BTC")
    assert named.json["symbols"] == ["ETH/BTC"]
    (found,) = simulate._recorded(venue, f"file:{path}", ("ETH/BTC",), None).values()
    assert found.select("time_ns", "price", "size").equals(
        recorded().select("time_ns", "price", "size")
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--kind", "trades"), "builtin:sp500 has no trades"),
        (("--kind", "trades", "--data", "kraken:NO/PE"), "NO/PE"),
        (("--kind", "trades", "--data", "file:nowhere.parquet"), "nowhere.parquet"),
        (("--start", "2020-01-01"), "--start is of trades"),
        (("--kind", "trades", "--start", "soon", "--data", "kraken:A/B"), "'soon' is no time"),
        (("--faults", "drpo=0.1"), "did you mean drop"),
        (("--faults", "drop=2"), "a chance from 0 to 1"),
        (("--symbols", ","), "no symbols"),
        (("--symbols", "BTC"), "is no pair"),
        (("--balance", "USD=much"), "is no amount"),
        (("--balance", "XYZ=1"), "is in no listed pair"),
        (("--key", "k"), "a key without its secret"),
        (("--key", "k", "--secret", "???"), "is not base64"),
        (("--data", "builtin:nothing"), "builtin 'nothing'"),
        (("--bar", "soon"), "is not a number and a unit"),
        (("--speed", "0"), "--speed"),
    ],
)
def test_venue_given_bad_input_ends_with_2_and_says_why(
    peak, arguments: tuple[str, ...], text: str
) -> None:
    ran = peak("simulate-venue", "kraken", "--port", "0", "--seconds", "0", *arguments)
    assert ran.code == 2
    assert text in ran.err
    assert ran.out == ""


def test_tier_of_another_venue_is_refused(peak) -> None:
    ran = peak("simulate-venue", "binance", "--tier", "pro", "--seconds", "0")
    assert ran.code == 2
    assert "tiers are Kraken's" in ran.err


def test_port_that_is_taken_is_named(peak) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = peak("simulate-venue", "kraken", "--port", port, "--seconds", "0.1")
    assert ran.code == 2
    assert f"port {port}" in ran.err
