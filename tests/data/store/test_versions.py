"""Versions: listed, compared, let go; and files put together without any of it changing."""

import os
from pathlib import Path

import polars as pl
import pytest

from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store, Version, writing
from peak_trade.domain.errors import DataError

MINUTE_NS = 60_000_000_000
DAY_NS = 86_400_000_000_000
OTHER = SeriesKey("bars", "kraken", "ETH/USD", "1m")


def _files(store: Store) -> set[Path]:
    table = Path(store.place) / "bars" / "kraken" / "1m"
    return {path for path in table.rglob("*.parquet") if "_delta_log" not in path.parts}


def test_versions_are_those_that_touched_the_series(store, bars):
    store.upsert(bars.key, bars([1, 2]), source="a", received_ns=1, note="first")
    store.upsert(OTHER, bars([1]), source="a", received_ns=2)
    store.upsert(bars.key, bars([2, 3], 7.0), source="b", received_ns=3)
    first, last = store.versions(bars.key)
    assert (first.version, first.source, first.note, first.received_ns) == (1, "a", "first", 1)
    assert (first.added, first.corrected, first.rows) == (2, 0, 2)
    assert last == Version(3, last.committed_ns, 3, "b", "", 1, 1, 0, 0, 3)
    assert first.committed_ns <= last.committed_ns
    assert store.committed_ns(bars.key, 1) == first.committed_ns


def test_diff_shows_what_was_added_corrected_and_removed(store, bars):
    store.upsert(OTHER, bars([2], 3.0), source="a", received_ns=1)
    old = store.upsert(bars.key, bars(range(5)), source="a", received_ns=1).version
    store.upsert(bars.key, bars([2], 7.0), source="b", received_ns=2)
    store.upsert(bars.key, bars([9]), source="b", received_ns=2)
    gone = store.remove(
        bars.key, start_ns=0, stop_ns=MINUTE_NS, source="me", received_ns=3, note="wrong"
    )
    assert (gone.removed, gone.is_change) == (1, True)
    found = store.diff(bars.key, old, gone.version)
    assert found["change"].to_list() == ["removed", "corrected", "added"]
    assert (found["open_ns"] // MINUTE_NS).to_list() == [0, 2, 9]
    assert found["close"].to_list() == [None, 7.0, 1.0]
    assert found["was_close"].to_list() == [1.0, 1.0, None]
    assert found["was_revision"].to_list() == [0, 0, None]
    assert store.diff(bars.key, old, old).height == 0
    back = store.diff(bars.key, gone.version, old)
    assert back["change"].to_list() == ["added", "corrected", "removed"]


def test_diff_over_a_compaction_shows_nothing(store, bars):
    for minute in range(5):
        version = store.upsert(bars.key, bars([minute]), source="a", received_ns=1).version
    made = store.compact(bars.key)
    assert (made.files_before, made.files_after) == (5, 1)
    after = store.stored(bars.key)
    assert after is not None
    assert after.version == version + 1
    assert store.diff(bars.key, version, after.version).height == 0


def test_commits_put_small_files_together_by_themselves(store, bars):
    for minute in range(20):
        store.upsert(bars.key, bars([minute]), source="a", received_ns=1)
    snapshot = store._tables.found(bars.key, None)[1]
    assert snapshot.parts.height < 8
    assert store.read(bars.key).height == 20
    assert [store.read(bars.key, version=v.version).height for v in store.versions(bars.key)] == [
        *range(1, 21)
    ]


def test_state_is_told_from_summaries_without_the_whole_log(store, bars, monkeypatch):
    monkeypatch.setattr(writing, "SUMMARY_EVERY", 8)
    for minute in range(30):
        store.upsert(bars.key, bars([minute]), source="a", received_ns=minute, cursor=str(minute))
    store.upsert(OTHER, bars([3]), source="a", received_ns=99)
    fresh = Store.open(store.place)
    read: list[int] = []
    table = fresh._tables.table(("bars", "kraken", "1m"))
    original = table._note_of
    monkeypatch.setattr(table, "_note_of", lambda v: (read.append(v), original(v))[1])
    assert fresh.cursor(bars.key) == "29"
    assert fresh.stored(OTHER) is not None
    assert len(read) < 20
    assert fresh.stored(bars.key) == store.stored(bars.key)


def test_expire_lets_versions_go_and_says_so(store, bars):
    for minute in range(12):
        store.upsert(bars.key, bars([5, minute], float(minute)), source="a", received_ns=1)
    store.upsert(OTHER, bars([3]), source="a", received_ns=9, cursor="c", covered=(0, 7))
    kept = [one.version for one in store.versions(bars.key)][-3:]
    newest = store.stored(bars.key)
    assert newest is not None
    expected = {version: store.read(bars.key, version=version) for version in kept}
    before = _files(store)
    reader = Store.open(store.place)
    reader.read(bars.key)
    found = store.expire(
        now_ns=0, keep_versions=newest.version - kept[0] + 1, grace_hours=0, key=bars.key
    )
    assert found.versions == kept[0]
    assert found.files == len(before) - len(_files(store)) > 0
    assert found.bytes > 0
    for one in (store, reader, Store.open(store.place)):
        for version, rows in expected.items():
            assert one.read(bars.key, version=version).equals(rows)
        with pytest.raises(DataError, match=r"version 1 .* has expired; versions from .* are kept"):
            one.read(bars.key, version=1)
        assert [entry.version for entry in one.versions(bars.key)] == kept
        assert (one.cursor(OTHER), one.covered(OTHER)) == ("c", ((0, 7),))
    logs = Path(store.place, "bars", "kraken", "1m", "_delta_log").glob("*.json")
    assert min(int(log.stem) for log in logs) == kept[0]
    store.upsert(bars.key, bars([77]), source="a", received_ns=1)
    reader.upsert(bars.key, bars([78]), source="a", received_ns=1)
    assert store.read(bars.key).height == 14
    again = store.expire(now_ns=0, keep_versions=1, grace_hours=0)
    assert again.versions > 0
    assert store.read(bars.key).height == 14


def test_expire_by_days_keeps_the_version_in_force_then(store, bars):
    versions = [
        store.upsert(bars.key, bars([minute]), source="a", received_ns=1).version
        for minute in range(4)
    ]
    second = store.committed_ns(bars.key, versions[1])
    store.expire(now_ns=second + DAY_NS, keep_days=1, grace_hours=0)
    # Commits of one millisecond cannot be told apart: the last of them was in force.
    first = store.versions(bars.key)[0].version
    assert first >= versions[1]
    assert store.committed_ns(bars.key, first) == second


def test_expire_leaves_young_files_and_needs_a_rule(store, bars):
    store.upsert(bars.key, bars([1]), source="a", received_ns=1)
    store.upsert(bars.key, bars([1], 2.0), source="a", received_ns=1)
    before = _files(store)
    assert store.expire(now_ns=0, keep_versions=1).files == 0
    assert _files(store) == before
    table = next(iter(before)).parent
    orphan = table / "left-by-a-writer.parquet"
    orphan.write_bytes(b"half")
    store.expire(now_ns=0, keep_versions=1, grace_hours=24)
    assert orphan.exists()
    os.utime(orphan, (0, 0))
    store.expire(now_ns=0, keep_versions=1, grace_hours=24)
    assert not orphan.exists()
    assert store.read(bars.key).height == 1
    with pytest.raises(DataError, match="nothing says which versions"):
        store.expire(now_ns=0)
    with pytest.raises(DataError, match="0 versions cannot be kept"):
        store.expire(now_ns=0, keep_versions=0)


def test_remove_of_everything_leaves_no_series_but_its_versions(store, bars):
    kept = store.upsert(bars.key, bars([1, 2]), source="a", received_ns=1, covered=(0, 99)).version
    store.remove(bars.key, start_ns=0, stop_ns=10**18, source="me", received_ns=2)
    assert store.stored(bars.key) is None
    assert store.series() == ()
    assert store.covered(bars.key) == ()
    with pytest.raises(DataError, match="is not in the store"):
        store.read(bars.key)
    store.upsert(bars.key, bars([3]), source="a", received_ns=3)
    assert store.read(bars.key, version=kept).height == 2


def test_scan_of_several_tables_streams_one_series_after_the_other(store, bars):
    daily = SeriesKey("bars", "kraken", "ETH/USD", "1d")
    store.upsert(bars.key, bars(range(20)), source="a", received_ns=1)
    store.upsert(daily, bars([0, 1440]), source="a", received_ns=1)
    frames = list(store.scan([bars.key, daily], rows=8))
    assert [(f["symbol"][0], f.height) for f in frames] == [
        ("BTC/USD", 8), ("BTC/USD", 8), ("BTC/USD", 4), ("ETH/USD", 2),
    ]  # fmt: skip
    assert pl.concat(frames[:3]).drop("venue", "symbol").equals(store.read(bars.key))
    with pytest.raises(DataError, match="of one kind"):
        store.scan([bars.key, bars.key])
    with pytest.raises(DataError, match="do not lie in one table"):
        store.read_many([bars.key, daily])
