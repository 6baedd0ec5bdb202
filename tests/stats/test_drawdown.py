import empyrical
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.errors import ParameterError
from peak_trade.stats.drawdown import (
    drawdown_table,
    longest_drawdown,
    monthly_returns,
    period_returns,
    underwater,
)

DAY = 86_400_000_000_000


def account(seed=0, days=900, first="2019-11-20"):
    """Business days, stamped at the midnight that ends them, and an account over them."""
    index = pd.bdate_range(first, periods=days)
    steps = np.random.default_rng(seed).normal(0.0003, 0.012, days)
    steps[0] = 0.0
    return index, index.as_unit("ns").asi8 + DAY, 100_000.0 * np.exp(np.cumsum(steps))


def test_monthly_returns_against_empyrical_agree():
    index, time, equity = account()
    table = monthly_returns(time, equity)
    returns = pd.Series(equity, index).pct_change().dropna()
    monthly = empyrical.aggregate_returns(returns, "monthly")
    yearly = empyrical.aggregate_returns(returns, "yearly")
    for (year, month), expected in monthly.items():
        row = list(table.years).index(year)
        assert table.months[row, month - 1] == pytest.approx(expected, abs=1e-12)
    assert np.isfinite(table.months).sum() == len(monthly)
    assert list(table.years) == list(yearly.index)
    assert table.totals == pytest.approx(yearly.to_numpy(), abs=1e-12)


def test_monthly_returns_bar_closing_at_midnight_counts_for_the_month_it_ends():
    time = np.array(["2024-01-31", "2024-02-01"], "datetime64[ns]").astype(np.int64)
    table = monthly_returns(time, np.array([100.0, 101.0]))
    assert table.months[0, 0] == pytest.approx(0.01)
    assert np.isnan(table.months[0, 1])


@pytest.mark.parametrize("rows", [0, 1])
def test_monthly_returns_without_a_return_is_empty(rows):
    table = monthly_returns(np.arange(rows) * DAY, np.full(rows, 100.0))
    assert table.years.shape == (0,)
    assert table.months.shape == (0, 12)


def test_monthly_returns_of_a_ruined_account_are_nan_afterwards():
    time = np.array(["2024-01-10", "2024-01-20", "2024-02-20"], "datetime64[ns]").astype(np.int64)
    table = monthly_returns(time, np.array([100.0, 0.0, 0.0]))
    assert table.months[0, 0] == -1.0
    assert np.isnan(table.months[0, 1])


@given(st.integers(0, 2**32 - 1), st.integers(2, 500))
def test_monthly_returns_compound_to_the_total_return(seed, days):
    _, time, equity = account(seed, days)
    table = monthly_returns(time, equity)
    total = equity[-1] / equity[0]
    assert np.nanprod(1 + table.months) == pytest.approx(total, rel=1e-10)
    assert np.prod(1 + table.totals) == pytest.approx(total, rel=1e-10)


def test_drawdown_table_worst_agrees_with_empyrical():
    index, time, equity = account(5)
    worst = drawdown_table(time, equity)[0]
    returns = pd.Series(equity, index).pct_change().dropna()
    assert worst.depth == pytest.approx(empyrical.max_drawdown(returns), abs=1e-12)


def test_drawdown_table_against_pandas_stretches_agree():
    index, time, equity = account(7)
    series = pd.Series(equity, index)
    below = series / series.cummax() - 1
    stretch = (below == 0).cumsum()[below < 0]
    expected = below[below < 0].groupby(stretch).min().sort_values().head(5)
    found = drawdown_table(time, equity)
    assert [item.depth for item in found] == pytest.approx(list(expected), abs=1e-12)
    lowest = [below[below < 0].groupby(stretch).idxmin()[k] for k in expected.index]
    assert [item.trough_time for item in found] == [day.value + DAY for day in lowest]


def test_drawdown_table_not_recovered_has_no_recovery_and_counts_to_the_end():
    found = drawdown_table(np.arange(4) * DAY, np.array([100.0, 110.0, 99.0, 105.0]))
    assert len(found) == 1
    assert found[0].recovery_time is None
    assert (found[0].peak_time, found[0].trough_time, found[0].days) == (DAY, 2 * DAY, 2.0)


def test_drawdown_table_of_a_rising_account_is_empty():
    assert drawdown_table(np.arange(3) * DAY, np.array([1.0, 1.0, 2.0])) == ()


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=60))
def test_drawdown_table_covers_every_row_below_a_high(values):
    time, equity = np.arange(len(values)) * DAY, np.array(values, dtype=float)
    found = drawdown_table(time, equity, top=1000)
    below = underwater(equity)
    assert min(below.min(), 0.0) == (found[0].depth if found else 0.0)
    covered = np.zeros(len(values), bool)
    for item in found:
        stop = len(values) if item.recovery_time is None else item.recovery_time // DAY
        inside = slice(item.peak_time // DAY + 1, stop)
        assert not covered[inside].any()
        covered[inside] = True
    assert (covered == (below < 0)).all()


@pytest.mark.parametrize(
    ("every", "theirs"),
    [("week", "weekly"), ("month", "monthly"), ("quarter", "quarterly"), ("year", "yearly")],
)
def test_period_returns_against_empyrical_agree(every, theirs):
    index, time, equity = account(3)
    returns = pd.Series(equity, index).pct_change().dropna()
    expected = empyrical.aggregate_returns(returns, theirs)
    found = period_returns(time, equity, every)
    assert found.returns == pytest.approx(expected.to_numpy(), abs=1e-12)
    assert (np.diff(found.start.astype(np.int64)) > 0).all()
    if every == "week":
        assert all(day.weekday() == 0 for day in found.start.astype(object))
    elif every != "year":
        assert all(day.day == 1 for day in found.start.astype(object))


def test_period_returns_by_day_end_at_midnight():
    time = np.array([6, 24, 30, 48]) * DAY // 24
    found = period_returns(time, np.array([100.0, 110.0, 121.0, 133.1]), "day")
    assert found.start.astype(str).tolist() == ["1970-01-01", "1970-01-02"]
    assert found.returns == pytest.approx([0.1, 0.21])


def test_period_returns_of_an_unknown_period_are_refused():
    with pytest.raises(ParameterError, match="did you mean month"):
        period_returns(np.arange(3) * DAY, np.ones(3), "monthly")


@given(st.lists(st.integers(1, 50), max_size=60))
def test_longest_drawdown_is_the_longest_of_the_table(values):
    time, equity = np.arange(len(values)) * DAY, np.array(values, dtype=float)
    table = drawdown_table(time, equity, top=1000)
    assert longest_drawdown(time, equity) == max((item.days for item in table), default=0.0)
