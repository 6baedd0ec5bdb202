"""Backtests, sweeps and sessions over stored series: pinned to a version, and made again from it."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import peak_trade as pt
from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store

DAY_NS = 86_400_000_000_000
FIRST_NS = 19_723 * DAY_NS  # 2024-01-01
MA = ("ma_cross", "--set", "fast=3", "--set", "slow=8")
STORED = ("--data", "demo:BTC/USD", "--interval", "1d")


@pytest.fixture(autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with two versions of a daily series: the second has a later and a corrected bar."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_DATA_HOME", str(home))
    monkeypatch.setenv("PEAK__DATA__STORE", str(home / "store"))
    made = Store.open(home / "store")
    rows = _rows(60)
    made.upsert(_key(), rows, source="test", received_ns=1)
    corrected = rows.with_columns(
        pl.when(pl.col("open_ns") == FIRST_NS + 50 * DAY_NS)
        .then(pl.col("close") * 1.01)
        .otherwise(pl.col("close"))
        .alias("close")
    ).with_columns(pl.max_horizontal("high", "close").alias("high"))
    made.upsert(_key(), pl.concat([corrected, _rows(61).tail(1)]), source="test", received_ns=2)
    return made


def _key(symbol: str = "BTC/USD") -> SeriesKey:
    return SeriesKey("bars", "demo", symbol, "1d")


def _rows(days: int, seed: int = 5) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.03, 200)))[:days]
    opens = np.round(np.concatenate([[100.0], close[:-1]]), 2)
    close = np.round(close, 2)
    start = FIRST_NS + DAY_NS * np.arange(days, dtype=np.int64)
    return pl.DataFrame(
        {
            "open_ns": start,
            "close_ns": start + DAY_NS,
            "open": opens,
            "high": np.maximum(opens, close) + 1,
            "low": np.minimum(opens, close) - 1,
            "close": close,
            "volume": np.full(days, 1e6),
        }
    )


def test_backtest_of_a_version_differs_from_the_newest_and_says_which(peak) -> None:
    newest = peak("backtest", *MA, *STORED, "--json").json
    pinned = peak("backtest", *MA, *STORED, "--data-version", "1", "--json").json
    assert newest["data"]["name"] == "demo:BTC/USD@2"
    assert pinned["data"]["name"] == "demo:BTC/USD@1"
    assert (pinned["data"]["to"], newest["data"]["to"]) == (
        "2024-02-29T00:00:00Z",
        "2024-03-01T00:00:00Z",
    )
    assert newest["data"]["fingerprint"] != pinned["data"]["fingerprint"]
    again = peak("backtest", *MA, *STORED, "--data-version", "2", "--json").json
    assert again["stats"] == newest["stats"]


def test_report_names_the_version(peak, folder: Path) -> None:
    peak("backtest", *MA, *STORED, "--report", "out.html")
    assert "demo:BTC/USD@2" in (folder / "out.html").read_text(encoding="utf-8")


def test_stored_series_trades_as_its_file_does(peak, folder: Path) -> None:
    frame = _rows(60).with_columns(
        pl.from_epoch("open_ns", "ns").cast(pl.Date).alias("time")
    )  # fmt: skip
    frame.select("time", "open", "high", "low", "close", "volume").write_csv(folder / "same.csv")
    stored = peak("backtest", *MA, *STORED, "--data-version", "1", "--json").json
    filed = peak("backtest", *MA, "--data", "file:same.csv", "--calendar", "24/7", "--json").json
    assert stored["stats"] == filed["stats"]
    assert stored["orders"] == filed["orders"]


def test_recorded_run_is_made_again_from_its_version_after_the_data_changed(
    peak, store: Store
) -> None:
    peak("backtest", *MA, *STORED)
    store.upsert(_key(), _rows(90), source="test", received_ns=3)
    same = peak("reproduce", "last", "--json")
    assert (same.code, same.json["same"]) == (0, True)
    assert peak("runs", "show", "last", "--json").json["request"]["asked"]["data_version"] == 2


def test_sweep_compare_and_causality_take_a_version(peak) -> None:
    row = peak("sweep", "ma_cross", *STORED, "--data-version", "1", "--grid", "fast=3:4:1",
               "--grid", "slow=8", "--json").json  # fmt: skip
    assert row["data"]["name"] == "demo:BTC/USD@1"
    both = peak(
        "compare",
        "ma_cross,fast=3,slow=8",
        "ma_cross,fast=2,slow=9",
        *STORED,
        "--data-version",
        "1",
    )
    assert both.code == 0
    assert peak("causality", *MA, *STORED, "--data-version", "1").code == 0


def test_session_on_stored_bars_is_pinned_and_replayed(peak, store: Store) -> None:
    ran = peak("run", "--mode", "paper", "--strategy", "ma_cross,fast=3,slow=8", *STORED, "--json")
    assert ran.code == 0
    store.upsert(_key(), _rows(90), source="test", received_ns=3)
    told = peak("journal", "replay", "last", "--json")
    assert told.code == 0, told.err
    assert peak("sessions", "show", "last", "--json").json


def test_panel_of_stored_series_trades_both(peak, store: Store) -> None:
    store.upsert(_key("ETH/USD"), _rows(60, seed=6), source="test", received_ns=3)
    told = peak(
        "backtest", *MA, "--data", "demo:BTC/USD,ETH/USD", "--interval", "1d", "--json"
    ).json
    assert told["data"]["symbols"] == ["BTC/USD", "ETH/USD"]
    loaded = pt.load("demo:BTC/USD,ETH/USD", interval="1d", store=store)
    assert loaded.symbols == ("BTC/USD", "ETH/USD")


def test_actions_and_detail_may_be_stored(peak, store: Store) -> None:
    split = pl.DataFrame(
        {"time_ns": [FIRST_NS + 30 * DAY_NS], "action": ["dividend"], "value": [0.5]}
    )
    store.upsert(SeriesKey("actions", "demo", "BTC/USD"), split, source="test", received_ns=3)
    plain = peak("backtest", *MA, *STORED, "--json").json
    paid = peak("backtest", *MA, *STORED, "--actions", "demo:BTC/USD", "--json").json
    assert paid["stats"] != plain["stats"] or paid["data"] != plain["data"]
    assert "actions" in json.dumps(paid["data"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--data", "demo:BTC/EUR", "--interval", "1d"), "BTC/USD"),
        (("--data", "nowhere:BTC/USD", "--interval", "1d"), "nowhere"),
        (("--data", "demo:BTC/USD", "--interval", "1h"), "1d"),
        (("--data", "demo:BTC/USD", "--interval", "1d", "--data-version", "9"), "9"),
        (("--data", "builtin:sp500", "--data-version", "1"), "has no versions"),
        (("--data", "demo:BTC/USD", "--interval", "1d", "--timezone", "UTC"), "are known"),
        (("--data", "demo:BTC/USD", "--interval", "1d", "--actions", "demo:BTC/USD"), "neither"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    peak, arguments: tuple[str, ...], said: str
) -> None:
    ran = peak("backtest", *MA, *arguments)
    assert ran.code == 2
    assert said in ran.err
