"""Features that are kept: what is added, what is computed again, and that it equals one go."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from laws.feature_market import HOUR, market, trades

from peak_trade.data.features import id_of, materialize, with_features
from peak_trade.data.features.definition import REGISTERED, Feature, feature, param
from peak_trade.data.features.materialized import coverage
from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store
from peak_trade.domain.errors import DataError

KEY = SeriesKey("features", "sim", "I0", "1h")
BARS = SeriesKey("bars", "sim", "I0", "1h")
TRADES = SeriesKey("trades", "sim", "I0")
TEXTS = ("rsi(period=5)", "sma(of='rsi(period=3)', period=4)", "signed_volume(period=3)")


def keep_bars(store, bars, rows=slice(None), *, received_ns):
    columns = {
        name: getattr(bars, name)[rows, 0] for name in ("open", "high", "low", "close", "volume")
    }
    frame = pl.DataFrame(
        {"open_ns": bars.open_time[rows, 0], "close_ns": bars.time[rows], **columns}
    )
    store.upsert(BARS, frame, source="test", received_ns=received_ns)


@pytest.fixture
def stocked(tmp_path):
    store = Store.open(tmp_path / "store")
    bars = market(1, frozenset(), 80, 1)
    keep_bars(store, bars, received_ns=10)
    store.upsert(TRADES, trades(bars, np.random.default_rng(1)), source="test", received_ns=10)
    return store, bars


def kept(store, text):
    rows = store.read(KEY).filter(pl.col("feature") == id_of(text)).sort("time_ns")
    return rows["time_ns"].to_numpy(), rows["known_ns"].to_numpy(), rows["value"].to_numpy()


@pytest.mark.parametrize("text", TEXTS)
def test_values_are_kept_with_event_and_known_time(stocked, text):
    store, bars = stocked
    (done,) = materialize(bars, text, store, received_ns=20)
    assert (done.feature, done.keys, done.computed, done.added) == (id_of(text), (KEY,), 80, 80)
    times, known, values = kept(store, text)
    np.testing.assert_array_equal(times, bars.time)
    np.testing.assert_array_equal(known, bars.time)
    whole = with_features(bars, text, store=store).features[text][:, 0]
    np.testing.assert_array_equal(values, whole)


@pytest.mark.parametrize("text", TEXTS)
def test_a_piece_at_a_time_equals_one_go(stocked, text, tmp_path):
    store, bars = stocked
    for stop in (20, 21, 50, 80):
        (done,) = materialize(bars[:stop], text, store, received_ns=20 + stop)
    assert (done.computed, done.added, done.corrected) == (30, 30, 0)
    whole = with_features(bars, text, store=store).features[text][:, 0]
    np.testing.assert_array_equal(kept(store, text)[2], whole)
    (again,) = materialize(bars, text, store, received_ns=200)
    assert (again.computed, again.added, again.corrected) == (0, 0, 0)


def test_long_histories_are_written_in_commits_of_some_rows(stocked, monkeypatch):
    store, bars = stocked
    monkeypatch.setattr("peak_trade.data.features.materialized._ROWS", 32)
    monkeypatch.setattr("peak_trade.data.features.materialized._BEHIND", 7)
    seen = []
    done = materialize(
        bars, TEXTS, store, received_ns=20, progress=lambda *where: seen.append(where)
    )
    assert [one.added for one in done] == [80, 80, 80]
    assert seen[-1] == (240, 240)
    assert len(seen) == 9
    for text in TEXTS:
        whole = with_features(bars, text, store=store).features[text][:, 0]
        np.testing.assert_array_equal(kept(store, text)[2], whole)
    assert [one.computed for one in materialize(bars, TEXTS, store, received_ns=30)] == [0, 0, 0]


def test_a_corrected_bar_makes_values_from_it_on_anew(stocked):
    store, bars = stocked
    materialize(bars, "rsi(period=5)", store, received_ns=20)
    corrected = market(1, frozenset(), 80, 1)
    close = np.array(corrected.close)
    close[40] *= 1.001
    high = np.maximum(corrected.high, close)
    corrected = replace(corrected, close=close, high=high, memory=type(corrected.memory)())
    keep_bars(store, corrected, slice(40, 41), received_ns=30)
    (done,) = materialize(corrected, "rsi(period=5)", store, received_ns=40)
    assert (done.computed, done.added) == (40, 0)
    assert done.corrected > 0
    whole = with_features(corrected, "rsi(period=5)").features["rsi(period=5)"][:, 0]
    np.testing.assert_array_equal(kept(store, "rsi(period=5)")[2], whole)


def test_late_trades_make_values_from_them_on_anew(stocked):
    store, bars = stocked
    text = "signed_volume(period=3)"
    materialize(bars, text, store, received_ns=20)
    late = (
        trades(bars, np.random.default_rng(1))
        .head(1)
        .with_columns(
            time_ns=pl.lit(int(bars.time[30]) - 5), trade_id=pl.lit("late"), side=pl.lit(1, pl.Int8)
        )
    )
    store.upsert(TRADES, late, source="test", received_ns=30)
    (done,) = materialize(bars, text, store, received_ns=40)
    assert done.computed == 50
    assert done.corrected == 3
    whole = with_features(bars, text, store=store).features[text][:, 0]
    np.testing.assert_array_equal(kept(store, text)[2], whole)


def test_everything_is_computed_again_where_that_is_asked_for(stocked):
    store, bars = stocked
    materialize(bars, "rsi", store, received_ns=20)
    (done,) = materialize(bars, "rsi", store, received_ns=30, anew=True)
    assert (done.computed, done.added, done.corrected) == (80, 0, 0)


def test_values_of_a_changed_definition_never_mix_with_old_ones(stocked):
    store, bars = stocked

    def define(scale):
        class Scaled(Feature):
            by: int = param(default=2)

            def values(self, given):
                return given.bars.close * self.by * scale

        class Other(Feature):
            by: int = param(default=2)

            def values(self, given):
                return given.bars.close * self.by + scale

        return feature("doc_scaled")(Scaled if scale == 1 else Other)

    try:
        define(1)
        old = id_of("doc_scaled")
        materialize(bars, "doc_scaled", store, received_ns=20)
        del REGISTERED["doc_scaled", 1]
        define(3)
        assert id_of("doc_scaled") != old
        with pytest.raises(DataError, match="not stored as it is defined now"):
            with_features(bars, "stored(feature='doc_scaled')", store=store)
        (held,) = coverage(store, name="doc_scaled")
        assert (held.feature, held.rows, held.is_current) == (old, 80, False)
        materialize(bars, "doc_scaled", store, received_ns=30)
        found = with_features(bars, "stored(feature='doc_scaled')", store=store)
        np.testing.assert_array_equal(
            found.features["stored(feature='doc_scaled')"], bars.close * 2 + 3
        )
        assert sorted(one.is_current for one in coverage(store, name="doc_scaled")) == [False, True]
    finally:
        REGISTERED.pop(("doc_scaled", 1), None)


def test_kept_values_are_read_on_bars_of_another_interval_and_instrument(stocked):
    store, bars = stocked
    materialize(bars, "rsi(period=5)", store, received_ns=20)
    fine = market(2, frozenset(), 80, 1)
    text = "stored(feature='rsi(period=5)', series='sim:I0', interval='1h', ttl='1h')"
    found = with_features(fine, text, store=store).features[text]
    whole = with_features(bars, "rsi(period=5)").features["rsi(period=5)"]
    np.testing.assert_array_equal(found, whole)
    later = bars[40:]
    shifted = with_features(
        type(bars).from_arrays(
            np.ones(3), time=later.time[:3] + HOUR // 2, interval="1h", name="arrays"
        ),
        text,
        store=store,
    )
    np.testing.assert_array_equal(shifted.features[text][:, 0], whole[40:43, 0])


def test_the_versions_that_were_read_are_told_and_can_be_asked_for_again(stocked):
    store, bars = stocked
    key = SeriesKey("series", "fred", "CPI")
    rows = pl.DataFrame({"time_ns": [0], "known_ns": [int(bars.time[3])], "value": [1.5]})
    first = store.upsert(key, rows, source="test", received_ns=1).version
    store.upsert(key, rows.with_columns(value=pl.lit(2.5)), source="test", received_ns=2)
    ready = with_features(bars, "macro(series='fred:CPI')", store=store)
    assert ready.features["macro(series='fred:CPI')"][-1, 0] == 2.5
    assert ready.supply.versions == {key: first + 1}
    pinned = f"macro(series='fred:CPI', data_version={first})"
    assert with_features(bars, pinned, store=store).features[pinned][-1, 0] == 1.5


def test_bars_of_no_venue_cannot_be_materialized(stocked):
    store, bars = stocked
    with pytest.raises(DataError, match="of no venue"):
        materialize(replace(bars, name="file:x.csv"), "rsi", store, received_ns=1)
