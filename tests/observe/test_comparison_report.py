import json
from dataclasses import replace

import numpy as np
import pytest

from peak_trade.observe.comparison_page import best_of
from peak_trade.observe.report import ComparedRun, ComparisonPage, write_comparison

DAY = 86_400_000_000_000
HOSTILE = "</script><script>alert(1)</script><b>"


def run_of(name, seed=1, rows=900, **changes):
    rng = np.random.default_rng(seed)
    given = {
        "name": name, "time": np.arange(1, rows + 1) * DAY,
        "equity": 1000 * np.exp(np.cumsum(rng.normal(0, 0.01, rows))),
        "stats": {"total_return": 0.1 * seed, "volatility": 0.2 / seed, "trades": 5.0 * seed},
        "asked": {"Parameter n": str(seed), "costs.commission": "0.001"},
        "data": "made", "currency": "USD", "interval_ns": DAY,
    }  # fmt: skip
    return ComparedRun(**(given | changes))


def page_of(*runs, **changes):
    matrix = np.full((len(runs), len(runs)), 0.25)
    np.fill_diagonal(matrix, 1.0)
    return ComparisonPage(runs=runs, correlations=matrix, code_version="1.2.3", **changes)


@pytest.fixture
def written(read, tmp_path):
    return lambda page: read(write_comparison(page, tmp_path / "c.html"))


def test_comparison_report_marks_the_best_of_each_row(written):
    page = written(page_of(run_of("a"), run_of("b", 2)))
    table = page.one("table", id="figures-table")
    rows = {}
    for row in [e for e in page.all("tr") if table in e["inside"]][1:]:
        cells = [e for e in page.all("td") if row in e["inside"]]
        marks = ["top" in e["attrs"].get("class", "").split() for e in cells[1:]]
        rows[cells[0]["text"]] = marks
    assert rows["Total return"] == [False, True]
    assert rows["Volatility"] == [False, True]
    assert rows["Trades"] == [False, False]  # neither way is better


def test_comparison_report_overlays_every_run_from_100(written):
    runs = (run_of("a"), run_of("b", 2), run_of("c", 3))
    page = written(page_of(*runs))
    figures = json.loads(page.one("script", id="figures")["text"])
    for chart in ("growth", "falls"):
        assert [trace["name"] for trace in figures[chart]["data"]] == ["a", "b", "c"]
    keys = [e["attrs"]["data-trace"] for e in page.all("button") if "data-trace" in e["attrs"]]
    assert keys == ["a", "b", "c"]


def test_comparison_report_runs_of_other_times_have_their_own_axis(written):
    early, late = run_of("early"), run_of("late", 2, rows=300)
    late = replace(late, time=late.time + 2000 * DAY)
    page = written(page_of(early, late))
    growth = json.loads(page.one("script", id="figures")["text"])["growth"]
    assert [trace["x"]["time"] for trace in growth["data"]] == ["t0", "t1"]
    assert not page.all("polyline")  # the drawing without scripts is for one time axis


def test_comparison_report_says_what_differs_and_what_does_not(written):
    page = written(page_of(run_of("a"), run_of("b", 2)))
    assert page.cells("differing") == [["Parameter n", "1", "2"]]
    assert page.cells("alike") == [["costs.commission", "0.001"]]


def test_comparison_report_years_agree_with_the_accounts(written):
    runs = (run_of("a"), run_of("b", 2))
    page = written(page_of(*runs))
    rows = page.cells("years")
    assert [row[0] for row in rows] == ["1970", "1971", "1972"]
    for k, run in enumerate(runs, 1):
        shown = [float(row[k].split("%")[0]) / 100 for row in rows]
        growth = np.prod([1 + value for value in shown])
        assert growth == pytest.approx(run.equity[-1] / run.equity[0], rel=0.005)


def test_comparison_report_shows_correlations_and_active_figures(written):
    page = written(page_of(run_of("a"), run_of("b", 2), active={"beta": [0.75]}))
    matrix = page.one("table", id="correlations")
    cells = [e["text"] for e in page.all("td") if matrix in e["inside"]]
    assert cells == ["1.00", "0.25", "0.25", "1.00"]
    assert page.cells("active") == [["Beta", "0.75"]]


def test_comparison_report_escapes_names_and_loads_nothing(written):
    page = written(page_of(run_of(HOSTILE), run_of("b", 2), warnings=(HOSTILE,)))
    assert len(page.all("script")) == 4
    assert not any(e["attrs"].get("src") for e in page.elements)
    assert not any("alert(1)" in e["text"] for e in page.all("script") if not e["attrs"])
    figures = json.loads(page.one("script", id="figures")["text"])
    assert "<" not in figures["growth"]["data"][0]["name"]


def test_comparison_report_of_one_run_is_written(written):
    page = written(page_of(run_of("alone")))
    assert page.one("h1")["text"] == "alone"


def test_best_of_given_ties_marks_all_of_them():
    assert best_of([2.0, 1.0, 2.0], "more") == {0, 2}
