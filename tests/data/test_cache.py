"""What the store has of a range, and what a source is still to be asked for."""

from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.data.cache import cached, missing_ranges
from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store
from peak_trade.data.store.removal import without_range
from peak_trade.data.store.upsert import merged

HOUR_NS = 3_600_000_000_000
KEY = SeriesKey("bars", "kraken", "BTC/USD", "1h")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path)


def _bars(*hours: int, filled: bool = False) -> pl.DataFrame:
    opens = [hour * HOUR_NS for hour in hours]
    closes = [open_ns + HOUR_NS for open_ns in opens]
    ones = [1.0] * len(opens)
    rows = pl.DataFrame({"open_ns": opens, "close_ns": closes, "close": ones})
    return rows.with_columns(is_filled=filled)


def _hours(ranges: list[tuple[int, int]]) -> list[tuple[float, float]]:
    return [(start / HOUR_NS, stop / HOUR_NS) for start, stop in ranges]


def test_missing_ranges_of_an_empty_store_are_all(store):
    assert missing_ranges(store, KEY, 0, 5 * HOUR_NS) == [(0, 5 * HOUR_NS)]
    found = cached(store, KEY, 0, 5)
    assert (found.rows, found.received_ns, found.age_ns(9), found.is_whole) == (
        0,
        None,
        None,
        False,
    )


def test_missing_ranges_leave_out_bars_that_are_there(store):
    store.upsert(KEY, _bars(2, 3, 6), source="file", received_ns=1)
    assert _hours(missing_ranges(store, KEY, 0, 8 * HOUR_NS)) == [(0, 2), (4, 6), (7, 8)]
    half = HOUR_NS // 2
    assert _hours(missing_ranges(store, KEY, 2 * HOUR_NS + half, 7 * HOUR_NS)) == [(4, 6)]


def test_missing_ranges_leave_out_gaps_that_the_source_has_confirmed(store):
    store.upsert(KEY, _bars(2, 6), source="kraken", received_ns=4, covered=(0, 7 * HOUR_NS))
    assert missing_ranges(store, KEY, 0, 7 * HOUR_NS) == []
    found = cached(store, KEY, HOUR_NS, 9 * HOUR_NS)
    assert _hours(list(found.missing)) == [(7, 9)]
    assert (found.age_ns(10), found.rows) == (6, 2)


def test_missing_ranges_ask_again_for_bars_that_were_filled_in(store):
    store.upsert(KEY, _bars(0, 1, 3), source="file", received_ns=1)
    store.upsert(KEY, _bars(2, filled=True), source="fill", received_ns=1)
    assert _hours(missing_ranges(store, KEY, 0, 4 * HOUR_NS)) == [(2, 3)]


def test_missing_ranges_of_trades_know_only_what_was_declared(store):
    key = SeriesKey("trades", "kraken", "BTC/USD")
    rows = pl.DataFrame({"time_ns": [5, 9], "price": [1.0, 1.0], "size": [1.0, 1.0]})
    store.upsert(key, rows, source="file", received_ns=1)
    assert missing_ranges(store, key, 0, 20) == [(0, 20)]
    store.upsert(key, rows, source="kraken", received_ns=2, covered=(3, 10))
    assert missing_ranges(store, key, 0, 20) == [(0, 3), (10, 20)]


def test_removed_rows_are_asked_for_again(store):
    store.upsert(KEY, _bars(0, 1, 2, 3), source="kraken", received_ns=1, covered=(0, 4 * HOUR_NS))
    store.remove(KEY, start_ns=HOUR_NS, stop_ns=2 * HOUR_NS, source="me", received_ns=2)
    assert _hours(missing_ranges(store, KEY, 0, 4 * HOUR_NS)) == [(1, 2)]


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6)


@given(SPANS, st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_ranges_joined_and_cut_hold_the_same_moments_as_sets(spans, hole):
    moments = {t for start, stop in spans for t in range(start, stop)}
    joined = merged(tuple(spans))
    assert {t for start, stop in joined for t in range(start, stop)} == moments
    assert all(one[1] < two[0] for one, two in pairwise(joined))
    cut = without_range(joined, (min(hole), max(hole)))
    left = {t for start, stop in cut for t in range(start, stop)}
    assert left == moments - set(range(min(hole), max(hole)))
