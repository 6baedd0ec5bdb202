"""`peak simulate-venue`: what it prints, what answers there, how it ends."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import ccxt
import pytest

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


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
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
