"""The whole set of measures: the same figures as one by one, and as pandas has them by calendar."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws.markets import Case, cases

from peak_trade.domain.errors import InputError, ParameterError
from peak_trade.engine import fast
from peak_trade.stats import benchmark, performance, tail
from peak_trade.stats import returns as shape
from peak_trade.stats.measures import AGAINST_BENCHMARK, MEASURES, measures, measures_of

HOUR = 3_600_000_000_000
YEAR = 8760.0


def account(seed, rows=3000, scale=0.01):
    """Hours from an afternoon in 2020 on, and an account over them."""
    rng = np.random.default_rng(seed)
    time = 1_583_074_800_000_000_000 + np.arange(rows) * HOUR
    return time, 1000.0 * np.cumprod(np.concatenate([[1.0], 1 + rng.normal(1e-4, scale, rows - 1)]))


def test_measures_of_an_account_equal_each_measure_by_itself():
    time, equity = account(1)
    _, market = account(2)
    returns, other = np.diff(equity) / equity[:-1], np.diff(market) / market[:-1]
    safe, wanted = 1.03 ** (1 / YEAR) - 1, 1.1 ** (1 / YEAR) - 1
    found = measures(time, equity, YEAR, benchmark=market, risk_free=0.03, required=0.1)
    assert tuple(found) == (*MEASURES, *AGAINST_BENCHMARK)
    expected = {
        "total_return": equity[-1] / equity[0] - 1,
        "sharpe": performance.sharpe(returns, YEAR, risk_free=safe),
        "sortino": performance.sortino(returns, YEAR, required=wanted),
        "calmar": shape.calmar(returns, YEAR),
        "martin": shape.martin_ratio(returns, YEAR, risk_free=safe),
        "omega": shape.omega(returns, YEAR, required_annual=0.1),
        "recovery_factor": shape.recovery_factor(returns),
        "value_at_risk": tail.value_at_risk(returns),
        "alpha": benchmark.alpha(returns, other, YEAR, risk_free=safe),
        "treynor": benchmark.treynor(returns, other, YEAR, risk_free=safe),
        "capture_ratio": benchmark.up_down_capture(returns, other, YEAR),
        "active_return": equity[-1] / equity[0] - market[-1] / market[0],
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-8, abs=1e-12), name
    assert found["sharpe_low"] < found["sharpe"] < found["sharpe_high"]
    assert 0 < found["probabilistic_sharpe"] < 1


@given(st.integers(0, 2**32 - 1), st.integers(1, 3000))
def test_calendar_measures_equal_those_of_pandas(seed, rows):
    time, equity = account(seed, rows)
    found = measures(time, equity, YEAR)
    index = pd.to_datetime(time - 1, utc=True)  # a close at midnight ends its day
    steps = pd.Series(np.concatenate([[np.nan], equity[1:] / equity[:-1]]), index)
    for name, rule in (("day", "D"), ("month", "MS"), ("year", "YS")):
        grouped = steps.resample(rule)
        parts = (grouped.prod() - 1)[grouped.count() > 0]
        if not len(parts):
            assert math.isnan(found[f"best_{name}"])
            continue
        assert found[f"best_{name}"] == pytest.approx(parts.max(), abs=1e-12)
        assert found[f"worst_{name}"] == pytest.approx(parts.min(), abs=1e-12)
        assert found[f"positive_{name}s"] == pytest.approx((parts > 0).sum() / (parts != 0).sum())


@given(cases())
def test_measures_of_random_runs_equal_their_summary(case: Case):
    trading = fast.Trading.of(case.bars, case.start, len(case.bars))
    record = fast.run(trading, case.targets, case.terms, "case")
    found, summary = measures_of(record), performance.summary_of(record)
    if not record.ruined:
        for name in ("total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown"):
            if math.isfinite(summary[name]) and math.isfinite(found[name]):
                assert found[name] == pytest.approx(summary[name], rel=1e-5, abs=1e-7), name
    assert performance.returns_of(record).shape == (
        max(int(performance.real_rows(record)[1:].sum()), 0),
    )


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_measures_of_a_few_rows_are_not_defined_rather_than_wrong(rows):
    time, equity = account(3, max(rows, 1))
    found = measures(time[:rows], equity[:rows], YEAR)
    assert tuple(found) == tuple(MEASURES)
    assert math.isnan(found["sharpe"])
    assert found["longest_drawdown"] >= 0


def test_measures_of_an_account_that_stands_still_have_no_ratios():
    time, equity = account(4, 100, scale=0.0)
    found = measures(time, np.full_like(equity, 5.0), YEAR)
    assert (found["total_return"], found["volatility"], found["max_drawdown"]) == (0, 0, 0)
    for name in ("sharpe", "sortino", "calmar", "omega", "skew", "probabilistic_sharpe"):
        assert math.isnan(found[name]), name


def test_measures_after_ruin_count_returns_as_zero():
    time, _ = account(5, 4)
    found = measures(time, np.array([100.0, 50.0, -10.0, -10.0]), YEAR)
    assert found["max_drawdown"] <= -1.0
    assert found["cagr"] == -1.0


def test_measures_of_two_lengths_and_rates_below_minus_one_are_refused():
    time, equity = account(6, 10)
    with pytest.raises(InputError, match="benchmark has 3 values at 10 times"):
        measures(time, equity, YEAR, benchmark=equity[:3])
    with pytest.raises(InputError, match="account has 3 values"):
        measures(time, equity[:3], YEAR)
    with pytest.raises(ParameterError, match="above -1"):
        measures(time, equity, YEAR, risk_free=-1.0)
