"""Every recorded file goes into a store, and what is said of it is what the data's own list counts."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from peak_trade.data.candles import candles_of
from peak_trade.data.holes import holes_of
from peak_trade.data.imports import Form, Import, Mend, import_file, store_import
from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store
from peak_trade.domain.calendar import Interval

DAY_NS = 86_400_000_000_000
INTERVALS = {"1m": "1m", "5m": "5m", "1h": "1h", "8h": "8h", "1d": "1d"}
LEFT = {  # what the list does not count, found on import, and why it is right
    "l2/binance_futures_btcusdt_depth_update_20221101.parquet": {"duplicate": 37},
}


@dataclass(frozen=True)
class Listed:
    """A line of the data's list."""

    file: str
    instrument: str
    interval: str
    first: str
    last: str
    rows: int
    checks: str

    def count(self, pattern: str) -> int | None:
        """A number that the list gives; None where it gives none."""
        found = re.search(pattern, self.checks)
        return None if found is None else int(found[1])

    @property
    def kind(self) -> str:
        """What its rows are."""
        words = {
            "funding": "funding", "ticks/.*quotes": "quotes", "ticks/": "trades", "l2/": "book",
            "econ/|factors": "series", "_actions": "actions", "news/": "news",
        }  # fmt: skip
        return next((kind for word, kind in words.items() if re.search(word, self.file)), "bars")


@cache
def listed(readme: Path) -> tuple[Listed, ...]:
    lines = readme.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return tuple(
        Listed(file, instrument, interval, *span.split(" .. "), int(rows), checks)
        for file, instrument, interval, span, rows, _, checks in
        (row for row in cells if len(row) == 7 and row[0].endswith(".parquet"))
    )  # fmt: skip


FILES = [
    "crypto/bitfinex_7coins_1d_2013_2018", "crypto/bitfinex_7coins_1h_2016_2018",
    "crypto/bitfinex_btcusd_1m_2017", "crypto/bitfinex_btcusd_1m_2018",
    "crypto/bitfinex_ethusd_1m_2018h2", "crypto/freqtrade_eth_btc_5m",
    "crypto/freqtrade_ltc_btc_5m", "crypto/freqtrade_xrp_eth_1m", "crypto/freqtrade_xrp_eth_5m",
    "crypto/freqtrade_xrp_usdt_usdt_1h_futures", "crypto/freqtrade_xrp_usdt_usdt_5m_futures",
    "crypto/freqtrade_xrp_usdt_usdt_8h_funding_rate", "crypto/freqtrade_xrp_usdt_usdt_8h_mark",
    "crypto/kraken_xbtusdt_1m_720", "crypto/lean_coinbase_btcusd_1d",
    "crypto/lean_coinbase_btcusd_1m_quote", "crypto/lean_coinbase_btcusd_1m_trade",
    "crypto/nautilus_btc_perp_1m_202201", "econ/macro_series", "equity/bokeh_4stocks_1d_2000_2013",
    "equity/djia_21stocks_1d_2006_2017", "equity/lean_aapl_1m_20140605_20140609_trade",
    "equity/lean_spy_1m_20131004_20131011_quote", "equity/lean_spy_1m_20131004_20131011_trade",
    "equity/lean_spy_aapl_1h_raw", "equity/lean_us_equity_1d_raw",
    "equity/lean_us_equity_adjust_factors", "equity/lean_us_equity_corporate_actions",
    "equity/skfolio_20stocks_adjclose_1990_2022", "fx/lean_oanda_eurusd_1h_2012_2018",
    "fx/nautilus_fxcm_gbpusd_1m_201202", "index/sp500_1d_1999_2018",
    "index/sp500_close_1990_2022", "l2/binance_futures_btcusdt_depth_snap_20221101",
    "l2/binance_futures_btcusdt_depth_update_20221101", "l2/bybit_xrpusdt_ob500_20241201",
    "misc/backtestingpy_goog_1d", "news/fomc_statements_1994_2012",
    "ticks/binance_btcusdt_quotes_20210108", "ticks/binance_btcusdt_trades_20210108",
    "ticks/freqtrade_xrp_eth_trades_20191011_13", "ticks/kraken_xbtusdt_trades_1000",
    "ticks/lean_bac_quotes_20131007_open30m", "ticks/lean_spy_trades_20131007",
]  # fmt: skip


def read(shared: Path, one: Listed, mend: Mend = Mend()) -> Import:  # noqa: B008 - it is frozen
    """Import a file by its own names; calendar time throughout, as the list counts gaps."""
    path = shared / "data" / one.file
    columns = set(pl.read_parquet_schema(path))
    own = columns & {"symbol", "series"} or not columns & {
        "close", "price", "bid", "bid_close", "funding_rate", "headline"
    }  # fmt: skip
    form = Form(
        interval=one.interval if one.kind == "bars" else None,
        calendar="24/7" if one.kind == "bars" else None,
        known_after="14d" if one.kind in ("series", "news") else None,
    )
    return import_file(path, one.kind, "v:*" if own else "v:X", form=form, mend=mend)


def summed(found: Import, kind: str) -> tuple[int, int]:
    findings = [one for one in found.report.findings if one.kind == kind]
    return sum(one.count for one in findings), sum(one.bars for one in findings)


def test_every_file_of_the_list_is_tried(shared: Path) -> None:
    assert [f"{name}.parquet" for name in FILES] == [
        one.file for one in listed(shared / "data" / "README.md")
    ]


@pytest.mark.parametrize("name", FILES)
def test_recorded_file_goes_into_a_store_with_all_that_its_list_counts(
    shared: Path, tmp_path: Path, name: str
) -> None:
    (one,) = [row for row in listed(shared / "data" / "README.md") if row.file == f"{name}.parquet"]
    found = read(shared, one)
    assert found.read == one.rows
    flawed = dict(found.flaws.group_by("kind").len().rows())
    bad = flawed.pop("inconsistent", 0) + flawed.pop("price", 0)
    assert bad == (one.count(r"bad OHLC (\d+)") or 0)
    assert flawed == LEFT.get(one.file, {})
    assert found.is_refused == bool(found.flaws.height)
    goes_back = any("goes back in time" in note for note in found.notes)
    is_ordered = "NOT monotonic" not in one.checks and "per symbol" not in one.checks
    if found.kind != "actions" and "sorted by" not in one.checks:
        assert goes_back == (not is_ordered and len(found.series) > 1)
    if (zero := one.count(r"zero-volume (\d+)")) is not None:
        assert summed(found, "zero_volume")[1] == zero
    if (missing := one.count(r"/ (\d+) missing bars")) is not None:
        assert summed(found, "gap") == (one.count(r"gaps: (\d+) runs"), missing)
    mended = read(shared, one, Mend(repairs=True)) if found.is_refused else found
    longest = one.count(r"longest (\d+)")
    if longest is not None:
        holes = [holes_of(s.key, s.rows, calendar="24/7").holes["missing"] for s in mended.series]
        most = max((int(hole.max()) for hole in holes if len(hole)), default=0)
        assert (most + 1 if most else 0) == longest  # the list counts the step across
        if "gaps >5" in one.checks:
            assert sum(int((hole + 1 > 5).sum()) for hole in holes) == one.count(r"(\d+) gaps >5")
    store = Store.open(tmp_path / "store")
    commits = store_import(store, mended, source="recorded", received_ns=1)
    assert sum(commit.added for commit in commits) == mended.rows
    assert {kept.key for kept in store.series()} == {s.key for s in mended.series}
    assert mended.rows >= one.rows - found.flaws.height or found.kind == "actions"


def test_bars_in_the_store_are_those_of_the_file(shared: Path, tmp_path: Path) -> None:
    (one,) = [r for r in listed(shared / "data" / "README.md") if "7coins_1d" in r.file]
    store = Store.open(tmp_path)
    store_import(store, read(shared, one), source="recorded", received_ns=1)
    frame = pl.read_parquet(shared / "data" / one.file)
    for (symbol,), rows in frame.group_by("symbol"):
        kept = store.read(SeriesKey("bars", "v", str(symbol), "1d"))
        assert kept["open_ns"].to_list() == rows["ts"].dt.epoch("ns").to_list()
        for column in ("open", "high", "low", "close", "volume"):
            np.testing.assert_array_equal(kept[column].to_numpy(), rows[column].to_numpy())


def trades(shared: Path, name: str) -> pl.DataFrame:
    (one,) = import_file(shared / "data" / "ticks" / f"{name}.parquet", "trades", "v:X").series
    return one.rows


@pytest.mark.parametrize("interval", ["1m", "5m"])
def test_recorded_candles_are_made_again_from_their_trades(shared: Path, interval: str) -> None:
    made = candles_of(
        trades(shared, "freqtrade_xrp_eth_trades_20191011_13"), Interval.parse(interval)
    )
    path = shared / "data" / "crypto" / f"freqtrade_xrp_eth_{interval}.parquet"
    (kept,) = import_file(path, "bars", "v:X", form=Form(interval=interval)).series
    assert made.drop("is_filled").equals(kept.rows)


def test_recorded_kraken_candles_are_made_again_silent_minutes_too(shared: Path) -> None:
    rows = trades(shared, "kraken_xbtusdt_trades_1000")
    first, last = int(rows["time_ns"][0]), int(rows["time_ns"][-1])
    made = candles_of(rows, Interval.parse("1m"), start_ns=first, stop_ns=last, fill=True)
    path = shared / "data" / "crypto" / "kraken_xbtusdt_1m_720.parquet"
    (kept,) = import_file(path, "bars", "v:X", form=Form(interval="1m")).series
    same = kept.rows.filter(pl.col("open_ns").is_in(made["open_ns"].to_list()))
    assert made.height == 409
    assert made["is_filled"].sum() > 100
    assert made.equals(same)


def test_recorded_quotes_and_trades_of_one_minute_agree(shared: Path) -> None:
    paid = trades(shared, "binance_btcusdt_trades_20210108")
    path = shared / "data" / "ticks" / "binance_btcusdt_quotes_20210108.parquet"
    (quotes,) = import_file(path, "quotes", "v:X").series
    low, high = quotes.rows["bid"].min(), quotes.rows["ask"].max()
    inside = paid.filter(pl.col("time_ns").is_between(*quotes.rows["time_ns"].to_numpy()[[0, -1]]))
    assert inside["price"].is_between(float(low) - 20, float(high) + 20).all()  # type: ignore[arg-type]
    # Trades at the ask were bought, those at the bid sold: the sides are not swapped.
    at = inside.sort("time_ns").join_asof(quotes.rows.sort("time_ns"), on="time_ns")
    mid = (at["bid"] + at["ask"]) / 2
    assert (((at["price"] > mid) == (at["side"] == 1)).mean() or 0) > 0.9


def test_recorded_holes_of_the_notes_are_reported(shared: Path) -> None:
    path = shared / "data" / "equity" / "lean_us_equity_1d_raw.parquet"
    found = import_file(path, "bars", "us:*", form=Form(interval="1d", calendar="XNYS"))
    gaps = {one.instrument: one for one in found.report.findings if one.kind == "gap"}
    assert set(gaps) == {"EEM", "FB", "QQQ"}  # as the notes of the data name them
    assert (gaps["QQQ"].count, gaps["QQQ"].bars) == (1, 1_588)
    assert "since 2004-11-30" in gaps["QQQ"].examples[0].text
    (fb,) = [one for one in found.series if one.key.symbol == "FB"]
    listing = np.datetime64("2012-05-18", "ns").astype(np.int64)
    assert (fb.rows["open_ns"] < listing).sum() > 0
    assert gaps["FB"].first_ns < listing  # the stray rows stand apart, each after a gap
    sparse = np.datetime64("2004-01-01", "ns").astype(np.int64)
    assert (gaps["EEM"].close_ns < sparse).mean() > 0.9
