"""Law 1 over features: no value knows what comes later, neither in the bars nor in what is stored."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws.feature_market import Kept, beside, market

from peak_trade.data.features import Feature, feature_of, features_known, supplied
from peak_trade.data.features.definition import REGISTERED, feature
from peak_trade.domain.bars import Bars
from peak_trade.domain.strategy import Strategy
from peak_trade.engine.rows import LiveRows
from peak_trade.portfolio.weights import target_array
from peak_trade.research.causality import check_causality

KINDS = ("flat", "missing", "gapping", "late", "silent", "holes")

NEEDS = {
    "macro": ("macro(series='fred:CPI')", "macro(series='fred:CPI', ttl='20h', output='age')"),
    "news_count": (
        "news_count(series='rss:markets', window='5h')",
        "news_count(series='rss:markets', contains='rise')",
    ),
    "stored": ("stored(feature='rsi(period=14)')", "stored(feature='rsi(period=14)', ttl='2h')"),
}
"""Texts of the features that have to be told what they read."""

MORE = (
    "rsi(of='volume', period=5)",
    "sma(of='rsi(period=3)', period=4)",
    "zscore(of='talib.obv', period=10)",
    "lag(of='signed_volume(period=3)', by=2)",
    "returns(log=True, period=3)",
    "macd(fast=3, slow=8, signal=4, output='histogram')",
    "bollinger(output='bandwidth', period=5)",
    "signed_volume(period=4)",
    "vwap(series='sim:I0', period=3)",
    "vpin(bucket=5.0, buckets=3)",
    "kyle_lambda(period=4)",
    "spread(source='book')",
    "microprice(source='book', ttl='2h')",
    "book_imbalance(source='book', depth=3)",
    "depth(source='book', depth=5, side='bid')",
    "mid(ttl='30m')",
    "funding(ttl='3h')",
    "half_day(calendar='XNYS')",
    "local_hour(timezone='America/New_York')",
    "talib.macd(output='macdhist')",
    "talib.stochrsi(output='fastd')",
    "talib.sma(of='volume', timeperiod=3)",
    "talib.bbands(of='rsi(period=5)', timeperiod=5)",
)


def ours() -> tuple[type[Feature], ...]:
    """The features of this project; tests and examples register some of their own."""
    return tuple(kind for kind in features_known() if kind.__module__.endswith("_features"))


REGISTERED_TEXTS = tuple(text for kind in ours() for text in NEEDS.get(kind.name, (kind.name,)))


def values(bars: Bars, kept: Kept, text: str) -> np.ndarray:
    ready = supplied(bars, store=lambda: kept)
    return ready.supply.features(ready, {"x": text})["x"]


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    bits = one.view(np.int64) == other.view(np.int64)
    return bool((bits | (np.isnan(one) & np.isnan(other))).all())


def leaks(bars: Bars, kept: Kept, texts: tuple[str, ...], rows: tuple[int, ...]) -> list[str]:
    """Features whose value at a row is another one without what came later."""
    cuts = [(t, bars[: t + 1], kept.as_of(int(bars.time[t]))) for t in rows]
    found = []
    for text in texts:
        whole = values(bars, kept, text)
        if any(not same_bits(values(cut, then, text)[t], whole[t]) for t, cut, then in cuts):
            found.append(text)
    return found


def test_laws_cover_every_registered_feature():
    covered = {text.partition("(")[0] for text in REGISTERED_TEXTS}
    assert covered == {kind.name for kind in ours()}
    assert len(covered) > 200


@settings(max_examples=8)
@given(
    seed=st.integers(0, 2**32),
    kinds=st.frozensets(st.sampled_from(KINDS)),
    rows=st.integers(60, 130),
    width=st.integers(1, 2),
    interval=st.sampled_from(["1h", "1h", "1d"]),
    data=st.data(),
)
def test_no_feature_knows_what_comes_later_in_any_market(seed, kinds, rows, width, interval, data):
    bars = market(seed, kinds, rows, width, interval)
    cut = data.draw(st.integers(0, rows - 2))
    texts = REGISTERED_TEXTS + MORE
    assert leaks(bars, beside(bars, seed), texts, (cut, rows // 2)) == []


def test_every_feature_has_values_in_the_markets_of_the_law():
    bars = market(3, frozenset(), 130, 2)
    kept = beside(bars, 3)
    empty = [text for text in REGISTERED_TEXTS + MORE if np.isnan(values(bars, kept, text)).all()]
    assert empty == []


def test_a_value_depends_on_its_lookback_alone():
    bars = market(5, frozenset(), 120, 2)
    kept, row = beside(bars, 5), 100
    checked = 0
    for text in REGISTERED_TEXTS + MORE:
        back = feature_of(text).lookback
        if back is None or back > row:
            continue
        short = values(bars[row - back : row + 1], kept, text)
        assert same_bits(short[-1], values(bars, kept, text)[row]), text
        checked += 1
    assert checked > 30


def test_first_values_come_after_the_warm_up_in_a_market_without_gaps():
    bars = market(7, frozenset(), 200, 1)
    kept = beside(bars, 7)
    sparse = {"roll_spread", "stored", "news_count", "macro", "vpin", "talib.percentrank"}
    for text in REGISTERED_TEXTS:
        feature_made = feature_of(text)
        if feature_made.reads or feature_made.name in sparse:
            continue
        found = values(bars, kept, text)[:, 0]
        assert np.argmax(~np.isnan(found)) == feature_made.warmup, text


# --- planted faults ------------------------------------------------------------------------------


class Ahead(Feature):
    """The next close."""

    def values(self, given):
        return np.append(given.bars.close[1:, 0], np.nan)


class Centred(Feature):
    """A mean that reaches two rows ahead."""

    def values(self, given):
        close = np.concatenate((np.zeros(4), given.bars.close[:, 0]))
        return np.convolve(close, np.ones(5) / 5, mode="same")[4:]


class WholeScore(Feature):
    """A z-score by mean and deviation of all rows."""

    def values(self, given):
        close = given.bars.close
        return (close - close.mean(axis=0)) / (close.std(axis=0) + 1.0)


class Event(Feature):
    """The last release by the period it is of, not by its release."""

    reads = ("series",)

    def values(self, given):
        rows = given.rows("series", "fred:CPI")
        place = np.searchsorted(rows["time_ns"].to_numpy(), given.bars.time, side="right") - 1
        found = np.append(rows["value"].to_numpy(), np.nan)
        return np.where(place >= 0, found[np.maximum(place, 0)], np.nan)


class Counted(Feature):
    """How many bars there are."""

    def values(self, given):
        return np.full(len(given.bars), float(len(given.bars)))


PLANTED = {"ahead": Ahead, "centred": Centred, "whole": WholeScore, "event": Event, "rows": Counted}


@pytest.fixture(params=PLANTED)
def planted(request):
    kind = feature(f"planted.{request.param}")(PLANTED[request.param])
    yield kind.name
    del REGISTERED[kind.name, 1]


def test_a_planted_look_ahead_is_found(planted):
    bars = market(11, frozenset(), 80, 1)
    assert leaks(bars, beside(bars, 11), (planted, "rsi"), tuple(range(0, 78, 5))) == [planted]


class Follows(Strategy):
    """Long by how high a feature and its mean of the last rows are."""

    text: str = "rsi(period=5)"

    @property
    def features(self):
        return {"signal": self.text, "level": f"sma(of={self.text!r}, period=5)"}

    def targets(self, bars):
        sizes = np.tanh((bars.features["signal"] + bars.features["level"]) / 100.0)
        return np.nan_to_num(np.broadcast_to(sizes, bars.close.shape)) / bars.close.shape[1]


def test_the_check_for_look_ahead_finds_a_planted_feature_in_a_strategy(planted):
    bars = market(13, frozenset(), 80, 1)
    kept = beside(bars, 13)
    report = check_causality(Follows(text=planted), supplied(bars, store=lambda: kept), every=1)
    assert not report.is_causal
    honest = check_causality(Follows(), supplied(bars, store=lambda: kept), every=1)
    assert honest.is_causal
    assert honest.checked == 80


def test_the_check_does_not_trust_values_that_ride_along(planted):
    bars = supplied(market(17, frozenset(), 60, 1), store=lambda: kept)
    kept = beside(bars, 17)
    ready = bars.featured({"signal": planted})
    assert not check_causality(Follows(text=planted), ready, every=1).is_causal


@pytest.mark.parametrize("width", [1, 2])
def test_a_live_session_decides_what_the_batch_decides(width):
    bars = market(19, frozenset({"missing"}), 36, width)
    kept = beside(bars, 19)
    for text in (
        "talib.adx(timeperiod=5)",
        "signed_volume(period=3)",
        "macro(series='fred:CPI', ttl='30h')",
        "book_imbalance(source='book', depth=3)",
        "stored(feature='rsi(period=14)', ttl='3h')",
        "news_count(series='rss:markets', window='5h')",
        "minutes_to_close(calendar='XNYS')",
    ):
        strategy = Follows(text=text)
        ready = supplied(bars, store=lambda: kept)
        batch = np.asarray(target_array(strategy, ready), np.float64)
        live = LiveRows(strategy, ready)
        for t in range(len(bars)):
            then = kept.as_of(int(bars.time[t]))
            seen = supplied(bars[: t + 1], store=lambda then=then: then)
            assert same_bits(live.row(t), batch[t]), (text, t)
            fresh = np.asarray(target_array(strategy, seen), np.float64)
            assert same_bits(fresh[t], batch[t]), (text, t)


def test_the_markets_of_the_law_hold_rows_at_the_very_closes():
    bars = market(23, frozenset(), 60, 1)
    for key, rows in beside(bars, 23).frames.items():
        times = rows.select(pl.col(key.shape.time)).to_series()
        assert times.is_in(bars.time.tolist()).any(), key
