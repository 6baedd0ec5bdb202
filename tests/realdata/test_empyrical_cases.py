"""The statistics on the series that empyrical-reloaded's own tests use, and their expectations."""

import json
import math

import numpy as np
import pytest

from peak_trade.stats import performance

YEAR = {"daily": 252.0, "weekly": 52.0, "monthly": 12.0, "quarterly": 4.0, "yearly": 1.0}
DECIMALS = {"cum_returns_final": 4}
OFFERED = {
    "cum_returns_final": (3, lambda r, year, rate: performance.total_return(r)),
    "annual_ret": (2, lambda r, year, rate: performance.cagr(r, year)),
    "cagr": (3, lambda r, year, rate: performance.cagr(r, year)),
    "annual_volatility": (2, lambda r, year, rate: performance.volatility(r, year)),
    "sharpe_ratio": (4, lambda r, year, rate: performance.sharpe(r, year, risk_free=rate)),
    "sortino": (6, lambda r, year, rate: performance.sortino(r, year, required=rate)),
    "max_drawdown": (4, lambda r, year, rate: performance.max_drawdown(r)),
}


@pytest.fixture(scope="module")
def published(shared):
    return json.loads((shared / "cases" / "empyrical_metrics.json").read_text(encoding="utf-8"))


def numbers(values):
    return np.array([math.nan if value == "nan" else float(value) for value in values])


def columns(published, name):
    """One series, or the columns of a table, as arrays."""
    values = published["series"][name]["values"]
    if isinstance(values, dict):
        return [numbers(column) for column in values.values()]
    return [numbers(values)]


def required(published, given):
    """A rate a period, or a series of them."""
    if isinstance(given, dict):
        return columns(published, given["series"])[0]
    return float(given)


@pytest.mark.parametrize("metric", OFFERED)
def test_figure_of_a_published_series_equals_the_published_one(published, metric):
    count, figure = OFFERED[metric]
    found = [case for case in published["cases"] if case["metric"] == metric]
    assert len(found) == count
    for case in found:
        given = case["inputs"]
        year = YEAR[given.get("period", "daily")]
        rate = required(published, given.get("required_return", given.get("risk_free", 0.0)))
        expected = case["expected"]
        expected = expected if isinstance(expected, list) else [expected]
        series = columns(published, given["returns"]["series"])
        assert len(series) == len(expected)
        for returns, value in zip(series, expected, strict=True):
            ours = figure(returns, year, rate)
            if value in ("nan", "inf", "-inf"):
                assert str(ours) == value, case
            else:
                assert round(abs(ours - value), DECIMALS.get(metric, 8)) == 0, case
