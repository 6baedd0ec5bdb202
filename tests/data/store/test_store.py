"""The store: what goes in comes out, at every version, whatever was put together meanwhile."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.data.series import KINDS, SeriesKey
from peak_trade.data.store import Store, parts
from peak_trade.data.store import layout as layouts
from peak_trade.domain.errors import DataError

DAY_NS = 86_400_000_000_000
MINUTE_NS = 60_000_000_000


def test_upsert_new_rows_adds_them_with_their_provenance(store, bars):
    commit = store.upsert(bars.key, bars([1, 2]), source="kraken", received_ns=7, note="first")
    rows = store.read(bars.key)
    assert (commit.added, commit.corrected, commit.unchanged, commit.version) == (2, 0, 0, 1)
    assert list(rows.columns) == list(bars.key.shape.stored)
    assert rows["source"].to_list() == ["kraken"] * 2
    assert rows["received_ns"].to_list() == [7, 7]
    assert rows["revision"].to_list() == [0, 0]
    assert rows["is_filled"].to_list() == [False, False]
    assert rows["open"].is_nan().all()
    assert rows.null_count().sum_horizontal().item() == 0


def test_upsert_equal_rows_writes_nothing(store, bars):
    first = store.upsert(bars.key, bars([1, 2]), source="a", received_ns=1)
    again = store.upsert(bars.key, bars([1, 2]), source="b", received_ns=2)
    assert (again.version, again.unchanged, again.is_change) == (first.version, 2, False)
    assert store.read(bars.key)["source"].to_list() == ["a", "a"]


def test_upsert_changed_rows_raises_their_revision_and_keeps_what_was_said(store, bars):
    old = store.upsert(bars.key, bars([1, 2, 3]), source="a", received_ns=1).version
    new = store.upsert(bars.key, bars([2], 5.0), source="b", received_ns=2)
    assert (new.added, new.corrected) == (0, 1)
    now, then = store.read(bars.key), store.read(bars.key, version=old)
    assert now["close"].to_list() == [1.0, 5.0, 1.0]
    assert now["revision"].to_list() == [0, 1, 0]
    assert now["source"].to_list() == ["a", "b", "a"]
    assert then["close"].to_list() == [1.0, 1.0, 1.0]
    third = store.upsert(bars.key, bars([2], 6.0), source="c", received_ns=3)
    assert third.corrected == 1
    assert store.read(bars.key)["revision"].to_list() == [0, 2, 0]


def test_upsert_late_rows_puts_them_in_their_place(store, bars):
    store.upsert(bars.key, bars([10, 20, 30]), source="a", received_ns=1)
    store.upsert(bars.key, bars([5, 15, 25, 35]), source="a", received_ns=2)
    opens = store.read(bars.key)["open_ns"].to_numpy() // MINUTE_NS
    assert opens.tolist() == [5, 10, 15, 20, 25, 30, 35]
    some = store.read(bars.key, start_ns=15 * MINUTE_NS, stop_ns=30 * MINUTE_NS)
    assert (some["open_ns"].to_numpy() // MINUTE_NS).tolist() == [15, 20, 25]


def test_upsert_rows_that_were_filled_in_never_replace_real_ones(store, bars):
    filled = bars([1, 2], 9.0).with_columns(is_filled=True)
    store.upsert(bars.key, bars([1]), source="a", received_ns=1)
    commit = store.upsert(bars.key, filled, source="fill", received_ns=2)
    assert (commit.added, commit.corrected, commit.unchanged) == (1, 0, 1)
    assert store.read(bars.key)["close"].to_list() == [1.0, 9.0]
    real = store.upsert(bars.key, bars([2], 3.0), source="a", received_ns=3)
    assert real.corrected == 1
    assert store.read(bars.key)["is_filled"].to_list() == [False, False]


def test_upsert_many_makes_one_commit_a_table(store, bars):
    other = SeriesKey("bars", "kraken", "ETH/USD", "1m")
    daily = SeriesKey("bars", "kraken", "ETH/USD", "1d")
    items = {bars.key: bars([1]), other: bars([1, 2]), daily: bars([0])}
    commits = store.upsert_many(items, source="a", received_ns=1)
    assert [commit.key for commit in commits] == [bars.key, other, daily]
    assert [commit.added for commit in commits] == [1, 2, 1]
    assert commits[0].version == commits[1].version == 1
    assert len(store.versions(bars.key)) == 1


def test_cursor_and_covered_ranges_go_with_the_rows(store, bars):
    none = bars([])
    store.upsert(bars.key, bars([1]), source="a", received_ns=1, cursor="x", covered=(0, 50))
    store.upsert(bars.key, none, source="a", received_ns=2, covered=(50, 90))
    store.upsert(bars.key, none, source="a", received_ns=3, covered=(95, 99))
    assert store.cursor(bars.key) == "x"
    assert store.covered(bars.key) == ((0, 90), (95, 99))
    assert store.received_ns(bars.key) == 3
    other = SeriesKey("bars", "kraken", "ETH/USD", "1m")
    assert (store.cursor(other), store.covered(other), store.received_ns(other)) == ("", (), None)
    assert store.stored(other) is None


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_comes_back_as_it_went_in(store, kind):
    shape = KINDS[kind]
    key = SeriesKey(kind, "v", "A/B", "1h" if shape.has_interval else "")
    rng = np.random.default_rng(3)
    made = {"int64": lambda: rng.permutation(50), "int32": lambda: rng.integers(0, 9, 50),
            "int8": lambda: rng.choice([-1, 1], 50), "float64": lambda: rng.normal(size=50),
            "string": lambda: [f"ü{k}" for k in rng.integers(0, 99, 50)],
            "bool": lambda: rng.random(50) < 0.5}  # fmt: skip
    frame = pl.DataFrame({name: made[column]() for name, column in shape.columns.items()})
    if kind == "bars":
        frame = frame.with_columns(close_ns=pl.col("open_ns") + 1)
    frame = frame.cast(dict(shape.schema()))
    half = frame.sample(25, seed=1, shuffle=True)
    store.upsert(key, half, source="s", received_ns=1)
    store.upsert(key, frame.sample(50, seed=2, shuffle=True), source="s", received_ns=2)
    rows = store.read(key, columns=list(shape.columns))
    assert rows.equals(frame.sort(shape.key))
    assert store.read(key)["received_ns"].to_list().count(1) == 25


@pytest.mark.parametrize(
    "symbol",
    ["BTC/USD", "BRK.B", "BTC/USDT:USDT", "日経/¥", "..", "a b", "x" * 300, "~", "%2f", "-"],
)
def test_any_symbol_and_venue_can_be_kept(tmp_path, bars, symbol):
    store = Store.open(tmp_path / "in" / "store")
    venue = symbol[:60]
    key = SeriesKey("bars", venue, symbol, "1m")
    store.upsert(key, bars([1]), source="a", received_ns=1)
    assert store.read(key).height == 1
    assert [one.key for one in Store.open(store.place).series()] == [key]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["store"]


def test_symbols_that_differ_in_case_alone_stay_apart(store, bars):
    keys = [SeriesKey("bars", venue, "x/usd", "1m") for venue in ("abc", "ABC")]
    keys.append(SeriesKey("bars", "abc", "X/USD", "1m"))
    for number, key in enumerate(keys):
        store.upsert(key, bars([number]), source="a", received_ns=1)
    assert [store.read(key)["open_ns"][0] // MINUTE_NS for key in keys] == [0, 1, 2]


def test_series_says_rows_times_and_bytes(store, bars):
    store.upsert(bars.key, bars(range(100)), source="a", received_ns=4)
    (kept,) = store.series(kind="bars", venue="kraken")
    assert (kept.rows, kept.first_ns, kept.last_ns) == (100, 0, 99 * MINUTE_NS)
    assert (kept.version, kept.updated_ns) == (1, 4)
    written = sum(f.stat().st_size for f in Path(store.place).rglob("*.parquet")
                  if "_delta_log" not in f.parts and "bars" in f.parts)  # fmt: skip
    assert kept.bytes == written
    assert store.series(venue="binance") == ()
    assert store.stored(bars.key) == kept


def test_read_of_what_is_not_there_says_what_is(store, bars):
    with pytest.raises(DataError, match="which is empty; fetch it"):
        store.read(bars.key)
    store.upsert(bars.key, bars([1]), source="a", received_ns=1)
    for key, hint in (
        (SeriesKey("bars", "kraken", "BTC/USD", "1h"), "of BTC/USD there is 1m"),
        (SeriesKey("bars", "kraken", "BTC/US", "1m"), "did you mean BTC/USD"),
        (SeriesKey("bars", "kraaken", "BTC/USD", "1m"), "venues: did you mean kraken"),
        (SeriesKey("trades", "kraken", "BTC/USD"), "there is kraken 1m"),
    ):
        with pytest.raises(DataError, match=hint):
            store.read(key)
    with pytest.raises(DataError, match="no column 'clse'; did you mean close"):
        store.read(bars.key, columns=["clse"])
    with pytest.raises(
        DataError, match="no version 9 of bars/kraken/1m; there are versions 0 to 1"
    ):
        store.read(bars.key, version=9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop("close"), "no column 'close'"),
        (lambda f: f.with_columns(clse=1.0), "column 'clse' that bars do not have; did you mean"),
        (
            lambda f: f.with_columns(close=pl.lit(None, dtype=pl.Float64)),
            "close .* missing at row 0",
        ),
        (lambda f: f.with_columns(close=float("nan")), "close .* missing at row 0"),
        (lambda f: f.with_columns(close=pl.lit("x")), "do not have the types"),
        (lambda f: f.with_columns(close_ns=pl.col("open_ns")), "closes at or before it opens"),
        (lambda f: pl.concat([f, f.with_columns(close=2.0)]), "contradict each other"),
    ],
)
def test_upsert_of_unsound_rows_changes_nothing(store, bars, change, message):
    store.upsert(bars.key, bars([9]), source="a", received_ns=1)
    other = SeriesKey("bars", "kraken", "A", "1m")
    with pytest.raises(DataError, match=message):
        store.upsert_many(
            {other: bars([1]), bars.key: change(bars([1, 2]))}, source="a", received_ns=2
        )
    assert len(store.versions(bars.key)) == 1
    assert store.stored(other) is None


def test_upsert_of_rows_that_repeat_keeps_one(store, bars):
    doubled = pl.concat([bars([2, 1]), bars([1])])
    assert store.upsert(bars.key, doubled, source="a", received_ns=1).added == 2


def test_table_can_be_read_by_another_program(store, bars):
    """delta-rs reads the files by the log alone, without a line of ours."""
    store.upsert(bars.key, bars(range(50)), source="a", received_ns=1)
    store.upsert(bars.key, bars([3], 4.0), source="b", received_ns=2)
    table = DeltaTable(str(Path(store.place) / "bars" / "kraken" / "1m"))
    rows = pl.DataFrame(table.to_pyarrow_table()).sort("open_ns")
    assert rows.drop("symbol").equals(store.read(bars.key))
    assert rows["symbol"].unique().to_list() == ["BTC/USD"]


def test_commit_says_in_the_log_what_it_was(store, bars):
    store.upsert(bars.key, bars([1]), source="a", received_ns=5, note="by hand")
    log = Path(store.place) / "bars" / "kraken" / "1m" / "_delta_log" / f"{1:020d}.json"
    info = json.loads(log.read_text().splitlines()[0])["commitInfo"]
    said = json.loads(info["peak"])
    assert (said["source"], said["note"], said["received_ns"]) == ("a", "by hand", 5)


# --- the law: whatever is done, each version reads as it was ---------------------------------------

SYMBOLS = ("A/USD", "B/USD", "Ω")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["one", "one", "one", "many", "remove", "compact"]),
        st.sampled_from(SYMBOLS),
        st.integers(0, 120),
        st.integers(1, 40),
        st.integers(1, 5),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=10,
)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("interval", ["1s", "1d"])
def test_every_version_reads_as_a_plain_twin_kept_it(tmp_path_factory, interval):
    assert layouts.SMALL_ROWS == 24 and parts.GROUP_ROWS == 4  # noqa: PT018
    step_ns = {"1s": 1_000_000_000 * 9_000, "1d": 30 * DAY_NS}[interval]

    @settings(max_examples=4, deadline=None)
    @given(STEPS)
    def holds(steps):
        place = tmp_path_factory.mktemp("law")
        store, twin = Store.open(place), {}
        history = {}
        for number, (what, symbol, start, length, stride, close) in enumerate(steps):
            times = range(start, start + length, stride)
            rows = pl.DataFrame(
                {"open_ns": [t * step_ns for t in times],
                 "close_ns": [t * step_ns + 1 for t in times],
                 "close": [float(close + (t % 3 == 0)) for t in times]}
            )  # fmt: skip
            version = _done(store, what, symbol, interval, rows, number)
            _twin(twin, what, symbol, rows, number)
            if version is not None:
                history[version] = {name: dict(kept) for name, kept in twin.items()}
            if number % 4 == 3:
                store = Store.open(place)
        for version, kept in history.items():
            _check(store, interval, version, kept)
        _check(store, interval, None, twin)

    holds()


def _key(symbol, interval):
    return SeriesKey("bars", "v", symbol, interval)


def _done(store, what, symbol, interval, rows, number):
    key = _key(symbol, interval)
    if what == "one":
        return store.upsert(key, rows, source=f"s{number}", received_ns=number).version
    if what == "many":
        items = {_key(name, interval): rows for name in SYMBOLS}
        return store.upsert_many(items, source=f"s{number}", received_ns=number)[0].version
    if store.stored(key) is None:
        return None
    if what == "remove":
        span = {"start_ns": rows["open_ns"][0], "stop_ns": rows["open_ns"][-1] + 1}
        return store.remove(key, **span, source="s", received_ns=number).version
    store.compact(key)
    return None


def _twin(twin, what, symbol, rows, number):
    """The same with dictionaries: time to close, source, revision."""
    first, last = rows["open_ns"][0], rows["open_ns"][-1]
    if what == "remove":
        for time in [t for t in twin.get(symbol, {}) if first <= t <= last]:
            del twin[symbol][time]
    if what not in ("one", "many"):
        return
    for name in SYMBOLS if what == "many" else (symbol,):
        kept = twin.setdefault(name, {})
        for time, close in rows.select("open_ns", "close").iter_rows():
            if time not in kept:
                kept[time] = (close, f"s{number}", 0)
            elif kept[time][0] != close:
                kept[time] = (close, f"s{number}", kept[time][2] + 1)


def _check(store, interval, version, twin):
    full = [_key(name, interval) for name, kept in twin.items() if kept]
    living = [key for key in full if store.stored(key) is not None]
    for key in living:
        expected = [(t, *twin[key.symbol][t]) for t in sorted(twin[key.symbol])]
        columns = ["open_ns", "close", "source", "revision"]
        rows = store.read(key, version=version, columns=columns)
        assert list(rows.iter_rows()) == expected
        if len(expected) > 2:
            low, high = expected[1][0], expected[-1][0]
            some = store.read(key, version=version, start_ns=low, stop_ns=high, columns=columns)
            assert list(some.iter_rows()) == expected[1:-1]
        if version is None:
            kept = store.stored(key)
            assert (kept.rows, kept.first_ns, kept.last_ns) == (
                len(expected), expected[0][0], expected[-1][0],
            )  # fmt: skip
    if not living:
        return
    many = store.read_many(living, version=version)
    for key in living:
        assert many[key].equals(store.read(key, version=version))
    panel = store.panel(living, columns=["close"], version=version)
    times = sorted({time for key in living for time in twin[key.symbol]})
    assert panel.time.tolist() == times
    for column, key in enumerate(living):
        cells = [twin[key.symbol].get(time, (np.nan,))[0] for time in times]
        np.testing.assert_array_equal(panel.values["close"][:, column], cells)
    streamed = list(store.scan(living, version=version, rows=7))
    assert max(frame.height for frame in streamed) <= 7
    for key in living:
        own = pl.concat(f for f in streamed if f["symbol"][0] == key.symbol)
        assert own.drop("venue", "symbol").equals(many[key])


@pytest.mark.parametrize("in_groups_of", [7, 65_536])
def test_read_of_one_text_gives_the_rows_that_have_it(store, monkeypatch, in_groups_of):
    monkeypatch.setattr(parts, "GROUP_ROWS", in_groups_of)
    key = SeriesKey("features", "kraken", "BTC/USD", "1m")
    times = np.repeat(np.arange(40), 3) * MINUTE_NS
    names = np.tile(["a", "b", "c"], 40)
    rows = pl.DataFrame(
        {"time_ns": times, "feature": names, "known_ns": times, "value": np.arange(120.0)}
    )
    for first in (0, 60, 30, 90):  # files that lie apart, and then some that overlap
        store.upsert(key, rows[first : first + 45], source="s", received_ns=first + 1)
    whole = store.read(key)
    for span in ({}, {"start_ns": 5 * MINUTE_NS, "stop_ns": 33 * MINUTE_NS}):
        expected = store.read(key, **span).filter(feature="b")
        assert 0 < len(expected) < 41
        assert store.read(key, where={"feature": "b"}, **span).equals(expected)
        values = store.read(key, where={"feature": "b"}, columns=["value"], **span)
        assert values.equals(expected.select("value"))
    both = {"feature": "a", "source": "s"}
    assert len(store.read(key, where=both)) == 40
    assert not len(store.read(key, where=both | {"source": "t"}))
    old = store.read(key, where={"feature": "c"}, version=1)
    assert old["time_ns"].to_list() == whole.filter(feature="c")["time_ns"][:15].to_list()
    with pytest.raises(DataError, match="no column 'featur' of text") as error:
        store.read(key, where={"featur": "a"})
    assert "feature" in str(error.value.hint)
    with pytest.raises(DataError, match="no column 'value' of text"):
        store.read(key, where={"value": "1"})
