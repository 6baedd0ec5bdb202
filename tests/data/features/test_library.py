"""The library of features against what else computes them: TA-Lib, loops, exchanges' own hours."""

import numpy as np
import polars as pl
import pytest
import talib
from laws.feature_market import beside, market
from talib import abstract

from peak_trade.data.features import features_known, supplied, with_features
from peak_trade.data.features.talib_features import LEFT_OUT
from peak_trade.data.series import SeriesKey
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import DataError
from peak_trade.domain.instrument import Instrument

HOUR, MINUTE = 3_600_000_000_000, 60_000_000_000


def feature_values(bars, text, kept=None):
    return with_features(bars, {"x": text}, store=lambda: kept).features["x"]


# --- TA-Lib --------------------------------------------------------------------------------------


def test_every_function_of_talib_is_a_feature_or_left_out_for_a_reason():
    ours = {kind.name for kind in features_known() if kind.name.startswith("talib.")}
    theirs = set(talib.get_functions()) - set(talib.get_function_groups()["Math Transform"])
    assert ours == {f"talib.{name.lower()}" for name in theirs - set(LEFT_OUT)}


def test_talib_features_equal_talibs_own_frames():
    bars = market(1, frozenset(), 150, 1)
    frame = pl.DataFrame(
        {name: getattr(bars, name)[:, 0] for name in ("open", "high", "low", "close", "volume")}
    )
    for kind in features_known():
        if not kind.name.startswith("talib."):
            continue
        function = abstract.Function(kind.function)
        found = function(frame)
        columns = found.to_dict(as_series=True) if isinstance(found, pl.DataFrame) else {"": found}
        for output, column in columns.items():
            text = kind.name + (f"(output={output!r})" if len(kind.outputs) > 1 else "")
            ours = feature_values(bars, text)[:, 0]
            theirs = column.cast(pl.Float64).to_numpy().copy()
            theirs[: function.lookback] = np.nan
            np.testing.assert_array_equal(ours, theirs, err_msg=text)


def test_our_indicators_equal_talibs():
    bars = market(2, frozenset(), 200, 1)
    for ours, theirs in (
        ("rsi(period=9)", "talib.rsi(timeperiod=9)"),
        ("ema(period=9)", "talib.ema(timeperiod=9)"),
        ("sma(period=9)", "talib.sma(timeperiod=9)"),
        ("atr(period=9)", "talib.atr(timeperiod=9)"),
        ("std(period=9)", "talib.stddev(timeperiod=9)"),
        ("highest(of='high', period=9)", "talib.max(of='high', timeperiod=9)"),
        ("macd(output='signal')", "talib.macd(output='macdsignal')"),
        ("bollinger(output='upper', period=20)", "talib.bbands(output='upperband')"),
        ("momentum(period=10)", "talib.rocp(timeperiod=10)"),
        ("returns(log=True)", "returns(log=True)"),
    ):
        np.testing.assert_allclose(
            feature_values(bars, ours),
            feature_values(bars, theirs),
            rtol=1e-8,
            atol=1e-7,
            err_msg=ours,
        )


def test_talib_is_given_real_bars_alone_and_other_rows_keep_the_value():
    bars = market(3, frozenset({"missing", "late"}), 150, 2)
    found = feature_values(bars, "talib.adx(timeperiod=5)")
    for k in range(2):
        real = bars.tradable[:, k]
        columns = [np.array(x[real, k]) for x in (bars.high, bars.low, bars.close)]
        alone = talib.ADX(*columns, timeperiod=5)
        np.testing.assert_array_equal(found[real, k], alone)
        stale = np.flatnonzero(~real)
        stale = stale[stale > np.argmax(real)]
        np.testing.assert_array_equal(found[stale, k], found[stale - 1, k])


def test_unknown_volumes_give_no_value_and_no_error():
    closes = np.linspace(10, 12, 60)
    bars = Bars.from_arrays(closes, open=closes)
    assert np.isnan(feature_values(bars, "talib.obv")).all()
    assert np.isnan(feature_values(bars, "talib.mfi")).all()
    assert np.isnan(feature_values(bars[:0], "talib.rsi")).shape == (0, 1)


# --- prices --------------------------------------------------------------------------------------


def test_features_of_prices_equal_those_of_polars():
    bars = market(4, frozenset(), 120, 1)
    close = pl.Series(bars.close[:, 0])
    expected = {
        "returns": close.pct_change(),
        "returns(period=5, log=True)": close.log().diff(5),
        "lag(by=3)": close.shift(3),
        "difference(by=2)": close.diff(2),
        "zscore(period=10)": (close - close.rolling_mean(10)) / close.rolling_std(10, ddof=0),
        "bollinger(period=10, output='bandwidth')": 4
        * close.rolling_std(10, ddof=0)
        / close.rolling_mean(10),
        "sma(of='lag(by=2)', period=4)": close.shift(2).rolling_mean(4),
    }
    for text, series in expected.items():
        right = series.fill_null(np.nan).to_numpy()
        np.testing.assert_allclose(
            feature_values(bars, text)[:, 0], right, rtol=1e-7, atol=1e-10, err_msg=text
        )


# --- trades --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def traded():
    bars = market(5, frozenset({"missing", "holes"}), 60, 2)
    kept = beside(bars, 5)
    for symbol in ("I0", "I1"):  # trades begin after the bars
        key = SeriesKey("trades", "sim", symbol)
        kept.frames[key] = kept.frames[key].filter(pl.col("time_ns") > bars.time[4])
    return bars, kept


def bucketed(bars, rows, column, first):
    """What a plain loop over bars and trades counts."""
    out = []
    for t in range(len(bars)):
        begin, end = bars.open_time[t, column], bars.time[t]
        mine = [row for row in rows if begin <= row["time_ns"] < end]
        out.append(mine if begin >= first else None)
    return out


@pytest.mark.parametrize("column", [0, 1])
def test_measures_of_trades_equal_a_loop_over_bars(traded, column):
    bars, kept = traded
    frame = kept.frames[SeriesKey("trades", "sim", f"I{column}")]
    parts = bucketed(bars, frame.to_dicts(), column, frame["time_ns"].min())
    buy = [None if p is None else sum(r["size"] for r in p if r["side"] > 0) for p in parts]
    sell = [None if p is None else sum(r["size"] for r in p if r["side"] < 0) for p in parts]
    count = [None if p is None else len(p) for p in parts]
    value = [None if p is None else sum(r["size"] * r["price"] for r in p) for p in parts]
    size = [None if p is None else sum(r["size"] for r in p) for p in parts]
    assert None in count

    def last(values, t, n):
        window = values[t - n + 1 : t + 1] if t >= n - 1 else [None]
        return np.nan if None in window else float(sum(window))

    n = 3
    rows = range(len(bars))
    with np.errstate(invalid="ignore", divide="ignore"):
        b, s = (np.array([last(x, t, n) for t in rows]) for x in (buy, sell))
        expected = {
            f"trade_count(period={n})": np.array([last(count, t, n) for t in rows]),
            f"signed_volume(period={n})": b - s,
            f"order_flow_imbalance(period={n})": np.where(b + s > 0, (b - s) / (b + s), np.nan),
            f"vwap(period={n})": np.array(
                [last(value, t, n) / last(size, t, n) if last(size, t, n) else np.nan for t in rows]
            ),
            f"trade_size(period={n})": np.array(
                [
                    last(size, t, n) / last(count, t, n) if last(count, t, n) else np.nan
                    for t in rows
                ]
            ),
        }
    for text, right in expected.items():
        found = feature_values(bars, text, kept)[:, column]
        np.testing.assert_allclose(found, right, rtol=1e-9, atol=1e-9, err_msg=text)


# --- quotes and books ----------------------------------------------------------------------------


def test_quotes_at_the_close_equal_polars_as_of_join(traded):
    bars, kept = traded
    quotes = kept.frames[SeriesKey("quotes", "sim", "I0")].sort("time_ns", "seq")
    closes = pl.DataFrame({"close": bars.time}).set_sorted("close")
    for ttl, text in ((None, ""), (20 * MINUTE, "ttl='20m'")):
        at = closes.join_asof(
            quotes.set_sorted("time_ns"), left_on="close", right_on="time_ns", tolerance=ttl
        )
        both = pl.col("bid_size") + pl.col("ask_size")
        expected = at.select(
            mid=(pl.col("bid") + pl.col("ask")) / 2,
            spread=(pl.col("ask") - pl.col("bid")) / ((pl.col("bid") + pl.col("ask")) / 2),
            microprice=(pl.col("bid") * pl.col("ask_size") + pl.col("ask") * pl.col("bid_size"))
            / both,
            book_imbalance=(pl.col("bid_size") - pl.col("ask_size")) / both,
            depth=both,
        )
        for name in expected.columns:
            found = feature_values(bars, f"{name}({text})", kept)[:, 0]
            right = expected[name].fill_null(np.nan).to_numpy()
            np.testing.assert_allclose(found, right, rtol=1e-12, err_msg=name)
    assert np.isnan(found).any()


def test_a_replayed_book_equals_one_that_is_built_anew_at_each_close(traded):
    bars, kept = traded
    rows = kept.frames[SeriesKey("book", "sim", "I0")].sort("time_ns", "seq", "side", "price")
    depth = feature_values(bars, "depth(source='book', depth=3, side='ask')", kept)[:, 0]
    imbalance = feature_values(bars, "book_imbalance(source='book', depth=2)", kept)[:, 0]
    for t, close in enumerate(bars.time.tolist()):
        known = rows.filter(pl.col("time_ns") <= close)
        begin = known.filter(pl.col("is_snapshot"))["seq"].max()
        if begin is None:
            assert np.isnan(depth[t])
            continue
        levels = (
            known.filter(pl.col("seq") >= begin)
            .group_by("side", "price", maintain_order=True)
            .last()
            .filter(pl.col("size") > 0)
        )
        bids = levels.filter(pl.col("side") > 0).sort("price", descending=True)["size"]
        asks = levels.filter(pl.col("side") < 0).sort("price")["size"]
        assert depth[t] == pytest.approx(asks.head(3).sum())
        bid, ask = bids.head(2).sum(), asks.head(2).sum()
        if bid + ask:
            assert imbalance[t] == pytest.approx((bid - ask) / (bid + ask))


def test_changes_without_a_snapshot_tell_nothing(traded):
    bars, kept = traded
    key = SeriesKey("book", "sim", "I0")
    changes = kept.frames[key].with_columns(is_snapshot=pl.lit(value=False))
    kept = type(kept)({**kept.frames, key: changes})
    assert np.isnan(feature_values(bars[:20].select("I0"), "mid(source='book')", kept)).all()


# --- calendars -----------------------------------------------------------------------------------


def hours(stamps, calendar="XNYS", interval="30m", length=30 * MINUTE):
    closes = np.array([np.datetime64(s, "ns").astype(np.int64) for s in stamps])
    return Bars.from_arrays(
        np.full(len(closes), 10.0),
        open=np.full(len(closes), 10.0),
        time=closes,
        open_time=closes - length,
        interval=interval,
        instruments=[Instrument("A", calendar=calendar)],
    )


def test_hours_of_new_york_follow_summer_time_holidays_and_half_days():
    stamps = [
        "2024-03-08T15:00", "2024-03-08T21:00",  # Friday, winter: 14:30 to 21:00 UTC
        "2024-03-11T14:00", "2024-03-11T20:00",  # Monday, summer: 13:30 to 20:00 UTC
        "2024-03-28T20:00",  # Maundy Thursday, the month's last session
        "2024-07-03T16:00", "2024-07-03T17:00",  # closes at 13:00, 17:00 UTC
        "2024-07-03T18:00",  # after that
        "2024-11-29T18:00",  # after Thanksgiving: closes at 13:00, 18:00 UTC
    ]  # fmt: skip
    bars = hours(stamps)
    expected = {
        "minutes_to_close": [360, 0, 360, 0, 0, 60, 0, np.nan, 0],
        "minutes_since_open": [30, 390, 30, 390, 390, 150, 210, np.nan, 210],
        "session_hour": [0, 6, 0, 6, 6, 2, 3, np.nan, 3],
        "half_day": [0, 0, 0, 0, 0, 1, 1, 0, 1],
        "day_of_week": [4, 4, 0, 0, 3, 2, 2, 4, 4],
        "month_end": [0, 0, 0, 0, 1, 0, 0, 0, 1],
        "days_to_month_end": [14, 14, 13, 13, 0, 19, 19, 18, 0],
        "month": [3, 3, 3, 3, 3, 7, 7, 7, 11],
        "local_hour(timezone='America/New_York')": [9, 15, 9, 15, 15, 11, 12, 13, 12],
    }
    for text, right in expected.items():
        np.testing.assert_array_equal(feature_values(bars, text)[:, 0], right, err_msg=text)


def test_daily_bars_belong_to_their_day_however_they_are_stamped():
    dated = hours(["2024-07-04T00:00", "2024-11-30T00:00"], interval="1d", length=24 * HOUR)
    closed = hours(["2024-07-03T17:00", "2024-11-29T18:00"], interval="1d", length=210 * MINUTE)
    for bars in (dated, closed):
        assert feature_values(bars, "half_day").ravel().tolist() == [1, 1]
        assert feature_values(bars, "day_of_week").ravel().tolist() == [2, 4]
        assert feature_values(bars, "month_end").ravel().tolist() == [0, 1]
        assert feature_values(bars, "minutes_to_close").ravel().tolist() == [0, 0]


def test_round_the_clock_markets_have_no_half_days_and_weekends():
    bars = hours(["2024-03-02T00:30", "2024-03-31T23:30", "2024-04-01T00:00"], calendar="24/7")
    assert feature_values(bars, "day_of_week").ravel().tolist() == [5, 6, 6]
    assert feature_values(bars, "minutes_to_close").ravel().tolist() == [1410, 30, 0]
    assert feature_values(bars, "half_day").ravel().tolist() == [0, 0, 0]
    assert feature_values(bars, "month_end").ravel().tolist() == [0, 1, 1]


def test_each_instrument_has_its_own_calendar_unless_one_is_named():
    bars = market(6, frozenset(), 40, 2)
    apart = feature_values(bars, "minutes_to_close")
    assert apart.shape == (40, 2)
    assert np.isnan(apart[:, 1]).any()
    assert not np.isnan(apart[:, 0]).any()
    named = feature_values(bars, "minutes_to_close(calendar='XNYS')")
    np.testing.assert_array_equal(named, apart[:, [1]])


# --- releases ------------------------------------------------------------------------------------


def test_news_are_counted_from_when_they_were_known():
    bars = hours(["2024-03-08T10:00", "2024-03-08T11:00", "2024-03-08T12:00"], calendar="24/7")
    at = bars.time
    rows = pl.DataFrame(
        {
            "time_ns": at[0] - [5, 4, 3],
            "known_ns": [at[0], at[0] + 1, at[1]],
            "news_id": ["a", "b", "c"],
            "headline": ["Rates", "rates up", "Storm"],
            "body": ["", "", "RATES"],
            "url": [""] * 3,
        }
    )
    kept = beside(market(1, frozenset(), 10, 1), 1)
    kept.frames[SeriesKey("news", "rss", "markets")] = rows
    count = "news_count(series='rss:markets', window='1h'"
    assert feature_values(bars, count + ")", kept).ravel().tolist() == [1, 2, 0]
    assert feature_values(bars, count + ", contains='rates')", kept).ravel().tolist() == [1, 2, 0]
    assert feature_values(bars, count + ", contains='storm')", kept).ravel().tolist() == [0, 1, 0]


def test_what_is_not_stored_is_named_with_the_command_that_gets_it():
    bars = market(8, frozenset(), 10, 1)
    kept = type(beside(bars, 8))({})
    for text, wanted in (
        ("trade_count", "trades of sim:I0 are not stored"),
        ("macro(series='fred:CPI')", "series of fred:CPI are not stored"),
        ("stored(feature='rsi')", "no features of sim:I0 1h are stored"),
        ("macro(series='CPI')", "is not VENUE:SYMBOL"),
    ):
        with pytest.raises(DataError, match=wanted):
            supplied(bars, store=lambda: kept).featured({"x": text})
    apart = Bars.from_arrays([1.0, 2.0], name="arrays")
    with pytest.raises(DataError, match="is of no venue of the store"):
        feature_values(apart, "trade_count", kept)
