"""How a venue is reached through ccxt: its address, its clock, its limits and its keys."""

import logging
import subprocess
import sys

import pytest
from adapters.source_contract import KEY, SECRET
from adapters.truths import HASTY
from adapters.venues import KrakenLike, told

from peak_trade.adapters.addresses import checked_url, moved
from peak_trade.adapters.ccxt_bridge import Bridge, ClockReading
from peak_trade.adapters.ccxt_rules import DECIMAL_PLACES, SIGNIFICANT_DIGITS, listed_of
from peak_trade.adapters.credentials import Credentials
from peak_trade.adapters.patience import Patience, patiently
from peak_trade.data.source import Setup, SourceError, Trouble

KEYS = {"PEAK_KRAKEN_KEY": KEY, "PEAK_KRAKEN_SECRET": SECRET}


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "ftp://127.0.0.1",
        "127.0.0.1:8900",
        "https://",
        "http://localhost.org:1",
    ],
)
def test_an_address_that_is_not_safe_is_refused(url: str) -> None:
    with pytest.raises(SourceError, match="https"):
        checked_url(url)


def test_an_address_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(SourceError) as caught:
        checked_url("https://user:hunter2@example.org")
    assert "hunter2" not in repr(caught.value)


def test_addresses_move_and_keep_their_paths() -> None:
    urls = {"a": {"b": "https://api.{hostname}/v5"}, "c": "https://x.y", "d": None}
    there = "http://127.0.0.1:1"
    assert moved(urls, there) == {"a": {"b": f"{there}/v5"}, "c": there, "d": None}


def test_a_venue_on_this_machine_is_not_paced_and_its_own_is() -> None:
    assert not Bridge("kraken", Setup(base_url="http://127.0.0.1:1")).is_paced
    assert Bridge("kraken", Setup()).is_paced
    assert Bridge("kraken", Setup(base_url="http://127.0.0.1:1", is_paced=True)).is_paced


def test_keys_are_read_and_never_shown() -> None:
    bridge = Bridge("kraken", Setup(environment=KEYS))
    assert (bridge.keys.key, bridge.keys.secret) == (KEY, SECRET)
    shown = repr(bridge) + repr(bridge.keys) + str(Setup(environment=KEYS))
    assert KEY not in shown
    assert SECRET not in shown


def test_no_log_shows_a_key(kraken: KrakenLike, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bridge = Bridge("kraken", Setup(base_url=kraken.url, environment=KEYS), patience=HASTY)
    with pytest.raises(SourceError):
        bridge.check_keys()
    bridge.close()
    assert "Balance" in " ".join(path for path, _ in kraken.asked)
    assert KEY not in caplog.text
    assert SECRET not in caplog.text


def test_keys_go_nowhere_without_a_lock() -> None:
    with pytest.raises(SourceError):
        Bridge("kraken", Setup(base_url="http://192.0.2.1", environment=KEYS))


@pytest.mark.parametrize(
    ("offset_s", "error_s", "is_off"), [(4.9, 0.1, False), (6.5, 1.0, True), (6.5, 2.0, False), (-10, 1, True)]
)  # fmt: skip
def test_a_clock_is_off_only_where_that_is_sure(offset_s, error_s, is_off) -> None:
    assert ClockReading(int(offset_s * 1e9), int(error_s * 1e9)).is_off is is_off


def test_what_a_venue_asks_for_is_waited_and_told(kraken: KrakenLike, monkeypatch, caplog) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    kraken.faults.append(told(429, "{}", Retry_After="7"))
    patience = Patience(attempts=3, first_wait_s=0.001, longest_limit_s=10)
    bridge = Bridge("kraken", Setup(base_url=kraken.url), patience=patience)
    bridge.raw("bars", "publicGetOHLC", {"pair": "XXBTZUSD", "interval": "1"})
    bridge.close()
    assert 7 in waits
    assert "kraken, bars: limit reached; asked again in 7 s" in caplog.text


def test_a_read_is_asked_no_more_often_than_said() -> None:
    asked = []

    def fail() -> None:
        asked.append(1)
        raise OSError("down")

    with pytest.raises(OSError, match="down"):
        patiently(fail, Patience(attempts=4, first_wait_s=0.0), retry=lambda error: True)
    assert len(asked) == 4


def test_an_interrupt_is_not_asked_again() -> None:
    asked = []

    def stop() -> None:
        asked.append(1)
        raise KeyboardInterrupt

    bridge = Bridge("kraken", Setup(base_url="http://127.0.0.1:1"), patience=HASTY)
    with pytest.raises(KeyboardInterrupt):
        bridge.call("anything", lambda exchange: stop())
    bridge.close()
    assert len(asked) == 1


def test_without_ccxt_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with pytest.raises(SourceError, match=r"pip install 'peak-trade\[exchanges\]'") as caught:
        Bridge("kraken", Setup()).markets()
    assert caught.value.trouble is Trouble.NOT_OFFERED


def test_ccxt_is_loaded_only_when_it_is_asked() -> None:
    code = (
        "import sys\n"
        "from peak_trade.adapters.kraken import KrakenSource\n"
        "from peak_trade.data.source import Setup\n"
        "KrakenSource(Setup())\n"
        "print('ccxt' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


@pytest.mark.parametrize(
    ("mode", "price", "tick"), [(DECIMAL_PLACES, 2, 0.01), (SIGNIFICANT_DIGITS, 5, 1e-8), (4, 0.5, 0.5)]
)  # fmt: skip
def test_a_step_is_read_as_the_venue_writes_it(mode: int, price: float, tick: float) -> None:
    market = {
        "symbol": "A/B", "id": "AB", "base": "A", "quote": "B",
        "precision": {"price": price, "amount": 3 if mode != 4 else 0.001}, "limits": {},
    }  # fmt: skip
    listed = listed_of(market, mode)
    assert (listed.instrument.tick, listed.instrument.lot) == (tick, 0.001)
    assert (listed.min_size, listed.maker_fee) == (0.0, None)


def test_keys_are_taken_out_of_a_text_but_not_words() -> None:
    keys = Credentials("x", "abcd1234", "a")
    assert keys.masked("bad abcd1234 and a") == "bad *** and a"
