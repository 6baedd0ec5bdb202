import math

import numpy as np
import pytest
from stats.series import same

from peak_trade.domain.errors import InputError
from peak_trade.stats import benchmark
from peak_trade.stats.compare import Curve, compare
from peak_trade.stats.measures import measures

DAY = 86_400_000_000_000


def curve(seed, rows=400, first=0, year=252.0):
    rng = np.random.default_rng(seed)
    equity = 100.0 * np.cumprod(1 + rng.normal(5e-4, 0.01, rows))
    return Curve((first + np.arange(rows)) * DAY, equity, year)


def test_compare_gives_each_run_its_measures_and_its_distance_from_the_base():
    curves = {"a": curve(1), "b": curve(2), "c": curve(3)}
    found = compare(curves, base="b")
    returns = {name: np.diff(c.equity) / c.equity[:-1] for name, c in curves.items()}
    assert (found.names, found.base, found.rows) == (("a", "b", "c"), "b", 400)
    for k, (name, c) in enumerate(curves.items()):
        alone = measures(c.time, c.equity, 252.0)
        assert all(same(found.statistics[key][k], value) for key, value in alone.items())
        mine, base = returns[name], returns["b"]
        growth = c.equity[-1] / c.equity[0] - curves["b"].equity[-1] / curves["b"].equity[0]
        assert found.active_return[k] == pytest.approx(growth, abs=1e-12)
        assert found.beta[k] == pytest.approx(benchmark.beta(mine, base), abs=1e-9)
        assert found.tracking_error[k] == pytest.approx(
            benchmark.tracking_error(mine, base, 252.0), abs=1e-9
        )
    np.testing.assert_allclose(
        found.correlation, np.corrcoef([returns[name] for name in curves]), rtol=1e-9
    )
    assert math.isnan(found.information_ratio[1])


def test_compare_of_runs_over_other_days_takes_the_days_that_all_have():
    early, late = curve(1, 100), curve(2, 100, first=40)
    found = compare({"early": early, "late": late})
    assert (found.rows, found.base) == (60, "early")
    assert found.statistics["total_return"][0] == pytest.approx(
        early.equity[-1] / early.equity[40] - 1
    )
    assert found.statistics["total_return"][1] == pytest.approx(
        late.equity[59] / late.equity[0] - 1
    )


def test_compare_of_hours_and_days_counts_days():
    daily = curve(1, 50)
    hours = np.arange(24 * 50) * (DAY // 24)
    hourly = Curve(hours, np.linspace(100, 200, len(hours)), 8760.0)
    found = compare({"hourly": hourly, "daily": daily})
    assert found.rows == 50
    steps = np.diff(hourly.equity[::24]) / hourly.equity[::24][:-1]
    assert found.statistics["volatility"][0] == pytest.approx(steps.std(ddof=1) * math.sqrt(252))


def test_compare_of_what_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="at least one"):
        compare({})
    with pytest.raises(InputError, match="did you mean"):
        compare({"trend": curve(1)}, base="trand")
    with pytest.raises(InputError, match="rows in common"):
        compare({"a": curve(1, 10), "b": curve(2, 10, first=50)})
