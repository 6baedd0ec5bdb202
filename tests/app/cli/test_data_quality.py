"""`peak data quality`, `repair`, and `check` of stored series: what they print, write and end with."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store

HOUR = 3_600_000_000_000
FIRST = int(np.datetime64("2024-01-01", "ns").astype(np.int64))


def rows(count: int = 400, *, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.001, count)))
    opens = FIRST + np.arange(count) * HOUR
    return pl.DataFrame(
        {
            "open_ns": opens,
            "close_ns": opens + HOUR,
            "open": close,
            "high": close + 0.1,
            "low": close - 0.1,
            "close": close,
            "volume": 1.0 + rng.random(count),
        }
    )


@pytest.fixture
def store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("PEAK__DATA__STORE", str(folder / "store"))
    store = Store.open(folder / "store")
    gaps = rows().filter(~pl.int_range(pl.len()).is_in(range(100, 120)))
    store.upsert(SeriesKey("bars", "kraken", "BTC/USD", "1h"), gaps, source="x", received_ns=1)
    spiked = rows().with_columns(
        high=pl.when(pl.int_range(pl.len()) == 50).then(1.0).otherwise("high"),
    )
    store.upsert(SeriesKey("bars", "binance", "BTC/USDT", "1h"), spiked, source="y", received_ns=1)
    return store


def test_check_of_stored_bars_tells_of_gaps(peak, store: Store) -> None:
    ran = peak("data", "check", "kraken:BTC/USD", "1h")
    assert (ran.code, ran.err) == (0, "")
    assert "20 of 1h in all, by the calendar 24/7" in ran.out
    assert peak("data", "check", "kraken:BTC/USD", "--interval", "1h", "--strict").code == 1
    assert peak("data", "check", "binance:BTC/USDT").code == 1  # the only interval there is


def test_check_against_another_source_tells_who_lacks_what(peak, store: Store) -> None:
    ran = peak("data", "check", "kraken:BTC/USD", "1h", "--against", "binance:BTC/USDT", "--json")
    assert ran.code == 0
    against = ran.json["against"]
    assert isinstance(against, dict)
    # The one broken bar of the other source is no bar.
    assert (against["only_other"], against["only_one"], against["lag"]) == (20, 1, 0)
    text = peak("data", "check", "kraken:BTC/USD", "1h", "--against", "binance:BTC/USDT").out
    assert "379 common bars, 100.00% within 25 bps" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "kraken:BTC/USD", "4h"), "has no bars of 4h"),
        (("check", "kraken:BTC/EUR", "1h"), "no bars of kraken:BTC/EUR are in"),
        (("check", "kraken:BTC/USD", "1h", "--interval", "2h"), "given as 1h and as --interval 2h"),
        (("check", "kraken:BTC/USD", "1h", "--repair", "x.csv"), "--repair is of files"),
        (("check", "builtin:sp500", "--against", "kraken:BTC/USD"), "compares a stored series"),
        (("repair", "kraken:BTC/USD", "1h", "--to", "x.csv"), "--to is of files"),
        (("repair", "x.csv", "--fill", "--to", "y.csv"), "a file cannot say that a bar was filled"),
        (("repair", "x.csv"), "is a file, which stays as it is"),
        (("quality", "bitstamp"), "no bars of bitstamp are in"),
        (("quality", "--html", "x.txt"), "expected .html"),
    ],
)
def test_bad_input_is_said_and_nothing_is_written(
    peak, store: Store, folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    ran = peak("data", *arguments)
    assert ran.code == 2
    assert message in ran.err
    assert [path.name for path in folder.iterdir()] == ["store"]


def test_repair_shows_first_and_writes_when_asked(peak, store: Store) -> None:
    key = SeriesKey("bars", "kraken", "BTC/USD", "1h")
    shown = peak("data", "repair", "kraken:BTC/USD", "1h", "--fill")
    assert shown.code == 0
    assert "bars filled in with the last close, none of them tradable: 20" in shown.out
    assert "Nothing was written; --write makes it a new version." in shown.out
    assert len(store.versions(key)) == 1
    done = peak("data", "repair", "kraken:BTC/USD", "1h", "--fill", "--write", "--json").json
    assert (done["rows"], done["is_written"]) == (20, True)
    assert Store.open(store.place).read(key)["is_filled"].sum() == 20
    again = peak("data", "repair", "kraken:BTC/USD", "1h", "--fill", "--write")
    assert "nothing can be mended" in again.out


def test_repair_mends_stored_bars_so_that_a_backtest_takes_them(peak, store: Store) -> None:
    assert peak("data", "check", "binance:BTC/USDT", "1h").code == 1
    ran = peak("data", "repair", "binance:BTC/USDT", "1h", "--write")
    assert "highs raised or lows lowered" in ran.out
    assert "version 2, 1 rows; the one before stays." in ran.out
    assert peak("data", "check", "binance:BTC/USDT", "1h").code == 0


def test_repair_of_a_file_writes_a_copy(peak, folder: Path) -> None:
    lines = ["time,close", "2024-01-02,10", "2024-01-01,9", "2024-01-03,11"]
    (folder / "mixed.csv").write_text("\n".join(lines) + "\n")
    ran = peak("data", "repair", "mixed.csv", "--to", "sorted.csv")
    assert ran.code == 0
    assert (folder / "sorted.csv").read_text().split()[1:] == [lines[2], lines[1], lines[3]]


def test_quality_scores_every_series_and_shows_what_is_covered(
    peak, store: Store, folder: Path
) -> None:
    ran = peak("data", "quality", "--html", "page.html")
    assert ran.code == 0
    heads, *lines = ran.out.splitlines()
    assert heads.split()[:3] == ["series", "score", "bars"]
    assert any(line.startswith("kraken:BTC/USD 1h") and "95.0" in line for line in lines)
    assert lines[-1] == "page.html"
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert "kraken:BTC/USD 1h, 2024-01: 380 bars" in page
    assert "<script" not in page
    found = peak("data", "quality", "kraken", "--interval", "1h", "--json").json
    (one,) = found["quality"]
    assert (one["completeness"], one["freshness"], one["missing"]) == (95.0, 10.0, 20)
    assert found["coverage"]["series"][0]["bars"][0] == 380


def test_quality_compares_one_symbol_across_venues(peak, store: Store) -> None:
    other = rows().with_columns(
        close=pl.when(pl.int_range(pl.len()) < 38).then(pl.col("close") * 1.01).otherwise("close"),
        high=pl.col("high") * 1.02,
    )
    store.upsert(SeriesKey("bars", "bitstamp", "BTC/USD", "1h"), other, source="z", received_ns=1)
    found = {one["name"]: one for one in peak("data", "quality", "--json").json["quality"]}
    assert found["kraken:BTC/USD 1h"]["agreement"] == pytest.approx(90.0)
    assert found["bitstamp:BTC/USD 1h"]["agreement"] == pytest.approx(90.0)
    assert found["binance:BTC/USDT 1h"]["agreement"] is None
