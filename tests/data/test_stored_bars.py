"""Checks, scores and repairs of stored series."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from peak_trade.data.check import check_data
from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store
from peak_trade.data.stored_bars import StoredBars, bars_of, check_stored, quality_of, stored_bars
from peak_trade.data.stored_repair import plan_repair, write_repair
from peak_trade.domain.calendar import DAY_NS
from peak_trade.domain.errors import DataError

HOUR = 3_600_000_000_000
KEY = SeriesKey("bars", "kraken", "BTC/USD", "1h")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def rows(count: int = 200) -> pl.DataFrame:
    close = 100 + np.sin(np.arange(count))
    opens = np.arange(count) * HOUR
    return pl.DataFrame(
        {
            "open_ns": opens,
            "close_ns": opens + HOUR,
            "open": close + 0.1,
            "high": close + 0.5,
            "low": close - 0.5,
            "close": close,
            "volume": 1.0 + np.arange(count) % 7,
        }
    )


def without(frame: pl.DataFrame, *hours: int) -> pl.DataFrame:
    return frame.filter(~pl.col("open_ns").is_in([hour * HOUR for hour in hours]))


def changed(frame: pl.DataFrame, hour: int, **values: float) -> pl.DataFrame:
    is_row = pl.col("open_ns") == hour * HOUR
    return frame.with_columns(
        pl.when(is_row).then(value).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    )


def kept(store: Store, frame: pl.DataFrame, key: SeriesKey = KEY) -> StoredBars:
    store.upsert(key, frame, source="kraken", received_ns=1)
    return stored_bars(store, key)


def test_check_of_sound_bars_finds_nothing(store: Store) -> None:
    report = check_stored(kept(store, rows()))
    assert report.is_clean
    assert not report.findings
    assert report.name == "kraken:BTC/USD 1h"
    assert report.calendars == ("24/7",)


def test_check_finds_gaps_and_broken_bars_where_they_are(store: Store) -> None:
    frame = changed(without(rows(), 20, 21, 22), 50, high=1.0)
    report = check_stored(kept(store, frame))
    found = {one.kind: one for one in report.findings}
    assert set(found) == {"inconsistent", "gap"}
    assert (found["gap"].bars, found["gap"].first_ns) == (3, 23 * HOUR)
    assert found["inconsistent"].first_ns == 50 * HOUR
    assert not report.is_loadable


def test_check_takes_filled_bars_for_missing_and_tells_of_them(store: Store) -> None:
    filled = rows().with_columns(is_filled=pl.col("open_ns").is_in([20 * HOUR, 21 * HOUR]))
    report = check_stored(kept(store, filled))
    found = {one.kind: one for one in report.findings}
    assert found["gap"].bars == 2
    assert (found["filled"].severity, found["filled"].count) == ("note", 2)
    assert found["filled"].close_ns.tolist() == [21 * HOUR, 22 * HOUR]


def test_check_by_name_finds_what_the_check_of_the_series_finds(store: Store) -> None:
    frame = changed(without(rows(), 20, 21, 22), 50, high=1.0)
    frame = frame.with_columns(is_filled=pl.col("open_ns") == 90 * HOUR)
    ours = check_stored(kept(store, frame))
    named = check_data("kraken:BTC/USD", interval="1h", store=store)
    assert [one.to_dict() for one in named.findings] == [one.to_dict() for one in ours.findings]
    first = check_data("kraken:BTC/USD", interval="1h", store=store, version=1)
    assert len(first.findings) == len(named.findings) == 3
    with pytest.raises(DataError, match="version belongs to series of the store"):
        check_data(bars_of(kept(store, rows())), version=1)


def test_check_of_closes_alone_and_of_unknown_volume(store: Store) -> None:
    assert check_stored(kept(store, rows().select("open_ns", "close_ns", "close"))).is_clean


def test_check_of_filled_bars_alone_is_unchecked(store: Store) -> None:
    bars = kept(store, rows(3).with_columns(is_filled=pl.lit(value=True)))
    assert check_stored(bars).unchecked == ("gaps: there is no real bar",)
    assert quality_of(bars, now_ns=9 * HOUR).score == 0.0


def test_stored_bars_of_another_kind_or_name_are_refused(store: Store) -> None:
    kept(store, rows())
    with pytest.raises(DataError, match="kraken:BTC/USD trades are no bars"):
        stored_bars(store, SeriesKey("trades", "kraken", "BTC/USD"))
    with pytest.raises(DataError):
        stored_bars(store, SeriesKey("bars", "kraken", "BTC/USD", "1d"))


def test_quality_of_a_stored_series_by_hand(store: Store) -> None:
    frame = changed(without(rows(), *range(20, 40)), 50, high=1.0)
    found = quality_of(kept(store, frame), now_ns=204 * HOUR)
    assert found.parts["completeness"] == pytest.approx(90.0)
    assert found.parts["validity"] == pytest.approx(100 - 10 * 100 / 180)
    assert found.parts["freshness"] == pytest.approx(50.0)
    assert found.rows == 180


def test_repair_widens_and_empties_and_leaves_the_rest(store: Store) -> None:
    frame = changed(changed(rows(), 50, high=1.0), 60, volume=-5.0)
    bars = kept(store, frame)
    done = plan_repair(bars)
    assert [(one.kind, one.rows) for one in done.repairs] == [
        ("high or low widened", (50,)), ("volume emptied", (60,)),
    ]  # fmt: skip
    commit = write_repair(store, bars, done, received_ns=2)
    assert (commit.added, commit.corrected) == (0, 2)
    after = stored_bars(store, KEY)
    assert check_stored(after).is_loadable
    mended = after.rows.filter(pl.col("source") == "repair")
    assert mended["open_ns"].to_list() == [50 * HOUR, 60 * HOUR]
    assert mended["revision"].to_list() == [1, 1]
    same = after.rows.filter(pl.col("source") != "repair").select(rows().columns)
    assert same.equals(rows().filter(~pl.col("open_ns").is_in([50 * HOUR, 60 * HOUR])))
    before = store.read(KEY, version=commit.version - 1)
    assert before["high"][50] == 1.0
    assert store.versions(KEY)[-1].note == "high or low widened: 1; volume emptied: 1"
    assert plan_repair(after).rows.height == 0


def test_repair_fills_gaps_with_bars_that_are_not_tradable(store: Store) -> None:
    bars = kept(store, without(rows(), 20, 21, 22, 90))
    assert plan_repair(bars).rows.height == 0
    done = plan_repair(bars, fill=True)
    commit = write_repair(store, bars, done, received_ns=2)
    assert (commit.added, commit.corrected) == (4, 0)
    after = stored_bars(store, KEY)
    assert after.filled["open_ns"].to_list() == [hour * HOUR for hour in (20, 21, 22, 90)]
    close = after.rows["close"].to_list()
    assert close[20:23] == [close[19]] * 3
    assert after.filled["volume"].to_list() == [0.0] * 4
    assert plan_repair(after, fill=True).rows.height == 0
    assert len(bars_of(after)) == 196
    assert quality_of(after).parts["completeness"] == pytest.approx(98.0)


def test_repair_cannot_mend_a_price_and_says_so(store: Store) -> None:
    bars = kept(store, changed(rows(), 50, close=-1.0, low=-2.0))
    done = plan_repair(bars, fill=True)
    assert (done.left, done.rows.height) == (1, 0)


def test_repair_of_dated_days_fills_trading_days_alone(store: Store) -> None:
    days = np.arange("2024-03-01", "2024-04-10", dtype="datetime64[D]")
    days = days[np.is_busday(days) & (days != np.datetime64("2024-03-29"))]
    opens = np.delete(days, [4, 5, 12]).astype("datetime64[ns]").astype(np.int64)
    key = SeriesKey("bars", "us", "SPY", "1d")
    frame = pl.DataFrame({"open_ns": opens, "close_ns": opens + DAY_NS, "close": 5.0 + 0 * opens})
    store.upsert(key, frame, source="file", received_ns=1)
    bars = stored_bars(store, key, calendar="XNYS")
    done = plan_repair(bars, fill=True)
    found = done.rows["open_ns"].to_numpy().astype("datetime64[ns]").astype("datetime64[D]")
    assert found.tolist() == days[[4, 5, 12]].tolist()
    write_repair(store, bars, done, received_ns=2)
    assert bars_of(stored_bars(store, key)).close_only.all()
    assert store.read(key)["open"].is_nan().all()
