"""What a user does with market data, from an exchange's answer to a run that is made again."""

import contextlib
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from adapters.feeds.simulated import market, served
from typer.main import get_command

from peak_trade.app.cli.main import app
from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store

VENUES = {"kraken": "BTC/USD", "binance": "BTC/USDT"}
SECRET = "c2VjcmV0LW9mLW5vYm9keS1hdC1hbGw="
MA = ("ma_cross", "--set", "fast=3", "--set", "slow=8")
SOON = 10**9


@pytest.fixture
def store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "home"))
    monkeypatch.setenv("PEAK__DATA__STORE", str(folder / "store"))
    return folder / "store"


def contents(store: Path) -> dict[str, str]:
    """Every file of a store with a digest of what is in it."""
    files = sorted(path for path in store.rglob("*") if path.is_file())
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.fixture(params=sorted(VENUES))
def venue(request: pytest.FixtureRequest) -> Iterator[tuple[str, str, str]]:
    """A simulated venue: its name, an instrument, where it is asked."""
    name = str(request.param)
    with served(name, market(name, 1.0), "") as (_, rest, _running):
        yield name, VENUES[name], rest


def test_fetched_bars_are_traded_corrected_expired_and_made_again(peak, store, venue, folder):
    name, symbol, url = venue
    series, fetch = f"{name}:{symbol}", ("data", "fetch", name, symbol, "1m", "--base-url", url)
    first = peak(*fetch, "--json")
    assert first.code == 0, first.err
    rows = first.json["fetched"][0]["stored"]["rows"]
    assert first.json["fetched"][0]["added"] == rows >= 59
    again = peak(*fetch, "--json").json["fetched"][0]
    assert (again["added"] <= 1, again["corrected"]) == (True, 0)
    peak("data", "export", series, "1m", "--data-version", "1", "--out", "a.csv")
    copied = peak("data", "import", "a.csv", "--as", f"copy:{symbol}", "--interval", "1m", "--json")
    assert copied.code == 0, copied.err
    assert copied.json["series"][0]["added"] == rows

    data = ("--data", f"copy:{symbol}", "--interval", "1m")
    ran = peak("backtest", *MA, *data, "--data-version", "1", "--report", "r.html", "--json")
    assert ran.json["data"]["name"] == f"copy:{symbol}@1"
    assert f"copy:{symbol}@1" in (folder / "r.html").read_text(encoding="utf-8")
    run = ran.json["run"]
    later = pl.read_csv("a.csv").with_columns(pl.col("volume") * 2)
    later.write_csv("b.csv")
    peak("data", "import", "b.csv", "--as", f"copy:{symbol}", "--interval", "1m")
    changed = peak("data", "diff", f"copy:{symbol}", "1m", "--json").json
    assert (changed["old"], changed["new"], changed["corrected"]) == (1, 2, rows)
    assert peak("reproduce", run).code == 0
    assert f"copy:{symbol}@1" in peak("runs", "list").out

    assert peak("data", "expire", "--keep-versions", "1", f"copy:{symbol}").code == 0
    gone = peak("reproduce", run)
    assert gone.code == 2
    assert "version 1 of bars/copy/1m has expired" in gone.err


def test_versions_that_changed_a_series_may_all_have_expired(peak, store, bars_csv):
    for symbol in ("A", "B"):
        done = peak("data", "import", "bars.csv", "--as", f"demo:{symbol}", "--interval", "1d")
        assert done.code == 0, done.err
    told = peak("data", "expire", "--keep-versions", "1", "demo:A")
    assert told.out.startswith("2 versions expired, 0 files deleted")
    shown = peak("data", "versions", "demo:A")
    assert (shown.code, shown.out) == (
        0,
        "The versions that changed it have expired; its rows are all there.\n",
    )
    assert "60" in peak("data", "show", "demo:A").out
    refused = peak("data", "diff", "demo:A")
    assert refused.code == 2
    assert "no version that is kept has changed demo:A 1d" in refused.err
    assert "bug" not in refused.err


def test_streamed_bars_are_those_that_the_venue_tells_afterwards(peak, store):
    """The stream and the requests are two ways to the same bars; the store keeps one of each."""
    with served("binance", market("binance", 300.0), "") as (stream, rest, _):
        live = peak(
            "data", "stream", "binance", "BTC/USDT", "1m", "--bars", "4", "--save",
            "--base-url", stream, "--rest-url", rest,
        )  # fmt: skip
        assert live.code == 0, live.err
        streamed = Store.open(store).read(SeriesKey("bars", "binance", "BTC/USDT", "1m"))
        asked = peak(
            "data", "fetch", "binance", "BTC/USDT", "1m", "--base-url", rest, "--any-clock",
            "--refresh", "--json",
        )  # fmt: skip
    assert asked.code == 0, asked.err
    assert streamed.height >= 4
    assert asked.json["fetched"][0]["corrected"] == 0
    found = Store.open(store).read(SeriesKey("bars", "binance", "BTC/USDT", "1m"))
    assert found.height > streamed.height
    same = found.join(streamed, on="open_ns", how="semi").select("open", "high", "low", "close")
    assert same.equals(streamed.select("open", "high", "low", "close"))
    gaps = peak("data", "gaps", "binance:BTC/USDT", "1m", "--json").json
    assert gaps["missing"] == 0


def test_fetch_that_is_killed_loses_nothing_and_goes_on(peak, store):
    """The process is killed when its first rows are there, and what is there is whole."""
    command = (
        "data", "fetch", "binance", "BTC/USDT,ETH/USDT", "1m", "--kind", "bars",
    )  # fmt: skip
    with served("binance", market("binance", 1.0), "") as (_, rest, _running):
        peak_of_here = Path(sys.executable).with_name("peak")
        child = subprocess.Popen(
            [peak_of_here, *command, "--base-url", rest],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with child:
            while not list(store.glob("bars/*/*/_delta_log/*1.json")):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(0.01)
                    break
            child.kill()
            child.communicate(timeout=30)
        seen = {one.key.symbol: one.rows for one in Store.open(store).series(kind="bars")}
        assert seen["BTC/USDT"] >= 59
        done = peak(*command, "--base-url", rest, "--json")
    assert done.code == 0, done.err
    for one in done.json["fetched"]:
        assert one["stored"]["rows"] >= 59
        assert one["corrected"] == 0
        assert peak("data", "gaps", one["series"].split()[0], "1m", "--json").json["missing"] == 0


BAD = {
    "a symbol that is not listed": ("data fetch binance NO/PE 1m --base-url {url}", "NO/PE"),
    "an interval that is not made": ("data fetch binance BTC/USDT 7m --base-url {url}", "7m"),
    "a kind that is not offered": (
        "data fetch binance BTC/USDT --kind quotes --base-url {url}",
        "offers no quotes",
    ),
    "a password in the address": (
        "data fetch binance BTC/USDT 1m --base-url http://me:{secret}@127.0.0.1:9",
        "a user or a password in it",
    ),
    "a stream of nobody": ("data stream binance BTC/USDT 1m --save --base-url {ws}", "reached"),
    "half a Parquet file": ("data import half.parquet --as demo:B --interval 1d", "half.parquet"),
    "bytes of no meaning": ("data import noise.csv --as demo:B --interval 1d", "noise.csv"),
    "rows of no meaning": ("data import rows.csv --as demo:B --interval 1d", "cannot be right"),
    "nothing": ("data import empty.csv --as demo:B --interval 1d", "empty"),
    "a version that is not": ("data show demo:A --data-version 9", "no version 9"),
    "a run on no version": (
        "backtest ma_cross --data demo:A --interval 1d --data-version 9",
        "no version 9",
    ),
    "a feature that is not": ("features compute nosuch --data demo:A --interval 1d", "nosuch"),
    "an export to nowhere": ("data export demo:A --out nosuch/a.csv", "nosuch"),
}


@pytest.fixture
def bad(peak, store: Path, bars_csv: Path, folder: Path, monkeypatch) -> dict[str, str]:
    """A store with a series, files that are no data, and addresses."""
    monkeypatch.setenv("BINANCE_API_KEY", SECRET)
    peak("data", "import", "bars.csv", "--as", "demo:A", "--interval", "1d")
    peak("data", "export", "demo:A", "--out", "whole.parquet")
    whole = (folder / "whole.parquet").read_bytes()
    (folder / "half.parquet").write_bytes(whole[: len(whole) // 2])
    (folder / "noise.csv").write_bytes(bytes(range(128, 256)) * 40)
    text = bars_csv.read_text(encoding="utf-8")
    (folder / "rows.csv").write_text(text + "2024-04-01,1,2,-3,x,5\n", encoding="utf-8")
    (folder / "empty.csv").write_text("", encoding="utf-8")
    return {"ws": "ws://127.0.0.1:9", "secret": SECRET}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_with_exit_code_two_and_nothing_is_written(peak, store, bad, case):
    line, said = BAD[case]
    before = contents(store)
    with contextlib.ExitStack() as servers:
        if "{url}" in line:
            venue = served("binance", market("binance", 1.0), "")
            bad["url"] = servers.enter_context(venue)[1]
        ran = peak(*line.format(**bad).split())
    assert ran.code == 2, ran.err
    assert said in ran.err
    assert "Hint:" in ran.err
    for word in ("Traceback", "bug in Peak Trade", SECRET):
        assert word not in ran.err + ran.out
    assert contents(store) == before


def test_a_clock_ten_seconds_off_is_told_and_nothing_is_written(peak, store):
    with served("kraken", market("kraken", 1.0), "") as (_, url, running):
        running.call(lambda: setattr(running.service.market.clock, "offset_ns", 10 * SOON))
        ran = peak("data", "fetch", "kraken", "BTC/USD", "1m", "--base-url", url)
    assert ran.code == 2
    assert "ahead of this machine's" in ran.err
    assert contents(store) == {}


def test_every_command_on_data_says_json_as_one_object(peak, store, bars_csv):
    series = ("demo:A", "1d")
    peak("data", "import", "bars.csv", "--as", "demo:A", "--interval", "1d")
    for words in (
        ("data", "list"),
        ("data", "sources"),
        ("data", "import", "bars.csv", "--as", "demo:B", "--interval", "1d"),
        ("data", "show", *series),
        ("data", "gaps", *series),
        ("data", "versions", *series),
        ("data", "diff", *series, "--old", "0", "--new", "1"),
        ("data", "check", *series),
        ("data", "repair", *series),
        ("data", "export", *series, "--out", "x.csv"),
        ("data", "quality"),
        ("data", "compact"),
        ("data", "expire", "--keep-versions", "9"),
        ("features", "list"),
        ("features", "show", "rsi"),
        ("features", "compute", "rsi", "--data", "demo:A", "--interval", "1d"),
        ("features", "materialize", "rsi", "--data", "demo:A", "--interval", "1d"),
        ("data", "show", "demo:NOPE"),
    ):
        ran = peak(*words, "--json")
        assert ran.code in (0, 1, 2), words
        assert isinstance(json.loads(ran.out), dict), words


@pytest.mark.parametrize("group", ["data", "features"])
def test_every_command_on_data_has_an_example_in_its_help(peak, group):
    commands = get_command(app).commands[group].commands  # type: ignore[attr-defined]
    assert commands
    for name in commands:
        told = peak(group, name, "--help").out
        assert "Example:" in told, name
        assert f"peak {group} {name}" in told, name
        assert max(len(line) for line in told.splitlines()) <= 80, name
