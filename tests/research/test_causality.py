"""Planted look-aheads are caught at the right bar and column."""

import itertools
import json

import numpy as np
import pytest

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError, StrategyError
from peak_trade.research.causality import check_causality
from peak_trade.stats import indicators as ind
from peak_trade.strategies import CrossSectionalMomentum, EmaCross, Grid, MaCross, RsiReversion


def random_bars(rows=120, width=1, seed=3, close_only=False):
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.standard_normal((rows, width)) * 0.01, axis=0))
    if close_only:
        return Bars.from_arrays(close)
    opened = close * np.exp(rng.standard_normal((rows, width)) * 0.005)
    return Bars.from_arrays(
        close,
        open=opened,
        high=np.maximum(opened, close) * (1 + rng.random((rows, width)) * 0.01),
        low=np.minimum(opened, close) * (1 - rng.random((rows, width)) * 0.01),
        volume=rng.lognormal(5, 1, (rows, width)),
    )


class Rule:
    """A strategy made of a function."""

    def __init__(self, function):
        self.function = function

    def targets(self, bars):
        return self.function(bars)


def full_sample_mean(bars):
    return bars.close > bars.close.mean(axis=0)


def one_bar_shift(bars):
    return np.concatenate((bars.close[1:] > bars.close[:-1], np.zeros((1, 1), dtype=bool)))


def volume_scaled_by_its_maximum(bars):
    return bars.volume / bars.volume.max(axis=0)


def centred_mean(bars):
    mean = np.full(bars.close.shape, np.nan)
    if len(bars) > 4:
        windows = np.lib.stride_tricks.sliding_window_view(bars.close[:, 0], 5)
        mean[2:-2, 0] = windows.mean(axis=1)
    return np.nan_to_num((bars.close > mean).astype(float))


def next_high_or_low(bars):
    higher = np.append(bars.high[1:, 0] > bars.high[:-1, 0], False)
    lower = np.append(bars.low[1:, 0] < bars.low[:-1, 0], False)
    return higher.astype(float) - lower


def length_of_the_history(bars):
    return np.full(bars.close.shape, 1 / len(bars))


PLANTED = {
    full_sample_mean: ("close",),
    one_bar_shift: ("close",),
    volume_scaled_by_its_maximum: ("volume",),
    centred_mean: ("close",),
    next_high_or_low: ("high", "low"),
    length_of_the_history: ("rows",),
}


def first_leaking_row(rule, bars):
    """The plain definition, as slow as it is."""
    whole = np.asarray(rule(bars), dtype=float).ravel()
    for t in itertools.count():
        cut = np.asarray(rule(bars[: t + 1]), dtype=float).ravel()
        if not np.array_equal(cut[t], whole[t], equal_nan=True):
            return t, cut[t], whole[t]
    raise AssertionError


@pytest.mark.parametrize("rule", PLANTED)
def test_planted_look_ahead_is_caught_at_its_first_bar_and_column(rule):
    bars = random_bars()
    report = check_causality(Rule(rule), bars)
    row, expected, found = first_leaking_row(rule, bars)
    leak = report.first_leak
    assert not report.is_causal
    assert (leak.row, leak.columns) == (row, PLANTED[rule])
    assert (leak.expected, leak.found, leak.symbol) == (expected, found, "A")
    assert leak.time == f"{np.datetime64(int(bars.time[row]), 'ns').astype('M8[s]')}Z"
    assert report.checked == report.rows == 120


@pytest.mark.parametrize("start", [0, 1, 40, 77])
def test_look_ahead_that_begins_late_is_caught_where_it_begins(start):
    def late(bars):
        weights = np.full(bars.close.shape, 0.5)
        ahead = np.append(bars.close[1:, 0], bars.close[-1, 0]) / 1000
        weights[start:, 0] = ahead[start:]
        return weights

    report = check_causality(Rule(late), random_bars())
    assert report.first_leak.row == start
    assert report.leaks == 119 - start


def test_look_ahead_on_one_column_of_a_panel_names_its_symbol():
    def rule(bars):
        weights = np.zeros(bars.close.shape)
        weights[:, 2] = bars.close[:, 1] > bars.close[:, 1].mean()
        return weights

    leak = check_causality(Rule(rule), random_bars(width=3)).first_leak
    assert (leak.symbol, leak.columns) == ("C", ("close",))


def test_look_ahead_on_a_close_only_series_names_the_close():
    report = check_causality(Rule(one_bar_shift), random_bars(close_only=True))
    assert report.first_leak.columns == ("close",)


def test_negative_zero_is_not_zero():
    def rule(bars):
        weights = np.zeros(bars.close.shape)
        weights[0] = -0.0 if len(bars) > 5 else 0.0
        return weights

    assert check_causality(Rule(rule), random_bars(10)).first_leak.row == 0


@pytest.mark.parametrize(
    "strategy",
    [
        MaCross(fast=3, slow=9),
        EmaCross(fast=3, slow=9),
        RsiReversion(n=5),
        CrossSectionalMomentum(lookback=9, top=1, every=4),
    ],
    ids=lambda strategy: type(strategy).__name__,
)
def test_built_in_strategy_is_causal(strategy):
    report = check_causality(strategy, random_bars(width=2))
    assert report.is_causal
    assert report.first_leak is None
    assert report.params["every" if "every" in report.params else next(iter(report.params))]


def test_every_checks_that_many_rows_and_the_last():
    calls = []
    report = check_causality(
        MaCross(fast=2, slow=3),
        random_bars(100),
        every=30,
        progress=lambda done, rows: calls.append((done, rows)),
    )
    assert (report.checked, report.rows) == (5, 100)
    assert calls == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_check_with_too_little_time_says_how_few_rows_it_compared():
    report = check_causality(Rule(one_bar_shift), random_bars(3000), seconds=1e-6)
    assert 1 <= report.checked < 20
    assert report.rows == 3000


def test_warmup_of_a_windowed_strategy_makes_no_difference():
    report = check_causality(MaCross(fast=3, slow=9), random_bars(400))
    assert (report.warmup, report.warmup_rows, report.warmup_difference) == (8, 200, 0.0)


def test_warmup_of_a_recursive_strategy_is_measured():
    class Average:
        warmup = 20

        def targets(self, bars):
            return ind.ema(bars, 10) / 1000

    report = check_causality(Average(), random_bars(300))
    assert report.is_causal
    assert 0 < report.warmup_difference < 1e-2


def test_warmup_longer_than_the_data_is_not_measured():
    report = check_causality(MaCross(fast=3, slow=500), random_bars(100))
    assert report.warmup_rows == 0
    assert np.isnan(report.warmup_difference)
    assert report.to_dict()["warmup_difference"] is None


def test_report_is_json():
    facts = json.loads(json.dumps(check_causality(Rule(one_bar_shift), random_bars()).to_dict()))
    assert facts["is_causal"] is False
    assert facts["first_leak"]["columns"] == ["close"]
    assert json.loads(json.dumps(check_causality(MaCross(), random_bars()).to_dict()))["leaks"] == 0


def test_strategy_that_fails_on_a_short_history_is_told_what_is_expected():
    def rule(bars):
        return np.convolve(bars.close[:, 0], np.ones(5) / 5)[: bars.close[4:].size + 4] / [
            0 if bars.close[4, 0] < 0 else 1
        ]

    with pytest.raises(StrategyError, match=r"raised IndexError: .* on 1 of 120 rows; a strategy"):
        check_causality(Rule(rule), random_bars())


def test_strategy_that_is_not_a_function_of_its_bars_is_refused():
    rng = np.random.default_rng(1)
    with pytest.raises(StrategyError, match="gives other targets for the same bars"):
        check_causality(Rule(lambda bars: rng.random(len(bars))), random_bars())


@pytest.mark.parametrize("wrong", [{"every": 0}, {"seconds": 0.0}])
def test_check_with_a_bad_setting_says_so(wrong):
    with pytest.raises(ParameterError, match=r"not (at least 1|above 0)"):
        check_causality(MaCross(), random_bars(), **wrong)


def test_check_of_no_rows_finds_nothing():
    report = check_causality(MaCross(), random_bars()[:0])
    assert (report.rows, report.checked, report.leaks) == (0, 0, 0)


def test_a_leaking_feature_is_named():
    bars = random_bars()
    object.__setattr__(bars, "features", {"news": np.random.default_rng(1).random(120)})
    rule = Rule(lambda bars: bars.features["news"] / bars.features["news"].sum())
    assert check_causality(rule, bars).first_leak.columns == ("features.news",)


def test_an_order_strategy_is_sent_to_its_own_check():
    bars = Bars.from_arrays([10.0, 11.0, 12.0])
    with pytest.raises(StrategyError, match="Grid asks for orders"):
        check_causality(Grid(), bars)
