"""Several runs side by side."""

import numpy as np
import pytest

import peak_trade as pt
from peak_trade.domain.errors import ParameterError
from peak_trade.research.comparison import names_of

ROWS = 400


def bars_of(seed=1, rows=ROWS, **named):
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, rows)))
    return pt.Bars.from_arrays(close, open=close, **named)


@pytest.fixture(scope="module")
def runs():
    bars = bars_of()
    return [pt.backtest(pt.strategies.MaCross(fast=3, slow=slow), bars) for slow in (10, 30)]


def test_compare_keeps_each_runs_own_figures(runs):
    found = pt.compare(runs, buy_and_hold=False)
    for run, result in zip(found.runs, runs, strict=True):
        assert {name: run.stats[name] for name in result.stats} == pytest.approx(
            dict(result.stats), nan_ok=True
        )
        assert run.equity is result.record.equity


def test_compare_correlations_equal_numpys(runs):
    found = pt.compare(runs)
    returns = [np.diff(run.equity) / run.equity[:-1] for run in found.runs]
    np.testing.assert_allclose(found.correlations, np.corrcoef(returns), atol=1e-12)


def test_compare_active_return_is_against_the_first(runs):
    found = pt.compare(runs)
    first, second, held = (run.stats["total_return"] for run in found.runs)
    assert found.active["active_return"] == pytest.approx([second - first, held - first])


def test_compare_names_come_from_what_differs(runs):
    bars = runs[0].bars
    other = pt.backtest(pt.strategies.RsiReversion(), bars)
    assert names_of([*runs, other]) == ["MaCross slow=10", "MaCross slow=30", "RsiReversion"]
    assert names_of([runs[0], runs[0]]) == ["MaCross (arrays) #1", "MaCross (arrays) #2"]


def test_compare_mapping_gives_the_names(runs):
    found = pt.compare({"quick": runs[0], "slow": runs[1]}, buy_and_hold=False)
    assert found.names == ("quick", "slow")
    assert list(found.table().columns) == ["figure", "quick", "slow"]


def test_compare_runs_of_other_periods_over_the_closes_they_share():
    bars = bars_of()
    strategy, opens = pt.strategies.MaCross(fast=3, slow=10), bars.open_time[:, 0].tolist()
    early = pt.backtest(strategy, bars, end=opens[299])
    late = pt.backtest(strategy, bars, start=opens[100])
    found = pt.compare({"early": early, "late": late}, buy_and_hold=False)
    table = found.equity()
    shared = table.drop_nans()
    assert len(table) == len(np.union1d(early.record.time, late.record.time))
    assert len(shared) == 200
    curves = [shared[name].to_numpy() for name in found.names]
    returns = [np.diff(curve) / curve[:-1] for curve in curves]
    assert found.correlations[0, 1] == pytest.approx(np.corrcoef(returns)[0, 1])


def test_compare_runs_without_a_common_close_has_no_correlation(tmp_path):
    first, second = bars_of(rows=60), bars_of(2, rows=60)
    moved = pt.Bars.from_arrays(
        second.close[:, 0], open=second.close[:, 0], time=second.time + 10**18,
        open_time=second.open_time[:, 0] + 10**18,
    )  # fmt: skip
    results = [pt.backtest(pt.strategies.MaCross(fast=2, slow=5), one) for one in (first, moved)]
    found = pt.compare({"a": results[0], "b": results[1]}, buy_and_hold=False)
    assert np.isnan(found.correlations).all()
    assert found.active == {}
    assert found.report(tmp_path / "c.html").is_file()


def test_compare_shared_warnings_stand_once(runs):
    found = pt.compare(runs)
    free = [text for text in found.warnings if "No costs were set" in text]
    assert free == ["No costs were set: the figures are before commission and slippage."]


@pytest.mark.parametrize(
    ("given", "message"),
    [([], "no run to compare"), (["x"], "no Backtest"), ({"time": None}, "no Backtest")],
)
def test_compare_given_no_runs_says_so(given, message):
    with pytest.raises(ParameterError, match=message):
        pt.compare(given)


def test_compare_name_of_a_column_is_refused(runs):
    with pytest.raises(ParameterError, match="cannot be called 'time'"):
        pt.compare({"time": runs[0]})


def test_comparison_json_and_page_hold_the_same_figures(runs, tmp_path):
    found = pt.compare(runs)
    text = found.report(tmp_path / "c.html").read_text("utf-8")
    for run in found.to_dict()["runs"]:
        assert f"{100 * run['stats']['total_return']:,.2f}%" in text
        assert run["name"] in text
