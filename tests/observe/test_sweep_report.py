import itertools
import json
import math

import numpy as np
import pytest

from peak_trade.observe.report import SweepPage, write_sweep
from peak_trade.observe.surface import axes, luck, neighbours, places, surface

NAMES = (
    "total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "trades",
    "win_rate", "fees", "exposure", "turnover",
)  # fmt: skip


def sweep_page(grid, score, sort="sharpe", **changes):
    rows = [
        (dict(zip(grid, values, strict=True)), dict.fromkeys(NAMES, 0.1) | {sort: score(*values)})
        for values in itertools.product(*grid.values())
        if score(*values) is not None
    ]
    rows.sort(key=lambda row: (math.isnan(row[1][sort]), -row[1][sort]))
    given = {
        "strategy": "ma_cross", "data": "made", "fingerprint": "0123456789abcdef", "grid": grid,
        "rows": rows, "sort": sort, "trials": len(rows), "skipped": 7, "code_version": "1.2.3",
    }  # fmt: skip
    return SweepPage(**(given | changes))


GRID = {"fast": (5, 10, 15), "slow": (20, 40, 60, 80), "exits.stop_loss": (None, 0.05)}


def hill(fast, slow, stop):
    return 1.0 - abs(fast - 10) / 10 - abs(slow - 60) / 100 - (0.25 if stop else 0.0)


def test_sweep_report_shows_trials_right_beside_the_best_sharpe(read, tmp_path):
    given = sweep_page(GRID, hill)
    page = read(write_sweep(given, tmp_path / "s.html"))
    best, trials = page.one(id="best-sharpe"), page.one(id="trials")
    assert best["text"] == "1.00"
    assert float(best["attrs"]["data-value"]) == 1.0
    assert trials["text"] == "24 trials"
    assert best["inside"][-2] is trials["inside"][-2]  # the same box
    order = [e["attrs"].get("id") for e in page.all("strong")]
    assert order[:2] == ["best-sharpe", "trials"]
    text = page.one("section", id="best")["text"]
    assert "by luck" in text
    assert "7 more combinations were skipped" in text


def test_sweep_report_sorted_by_another_figure_still_shows_the_best_sharpe(read, tmp_path):
    given = sweep_page(GRID, lambda *v: hill(*v) - 1, sort="max_drawdown")
    given.rows[-1][1]["sharpe"] = 2.5
    page = read(write_sweep(given, tmp_path / "s.html"))
    assert page.one(id="best-sharpe")["text"] == "2.50"
    assert page.one(id="best-sort")["text"] == "0.00%"


def test_sweep_report_table_lists_the_best_first(read, tmp_path):
    page = read(write_sweep(sweep_page(GRID, hill), tmp_path / "s.html"))
    rows = page.cells("top")
    assert rows[0][:5] == ["1", "10", "60", "none", "1.00"]
    shown = [float(row[4]) for row in rows]
    assert shown == sorted(shown, reverse=True)


def test_sweep_report_loads_nothing_and_escapes_names(read, tmp_path):
    hostile = "</script><script>alert(1)</script>"
    grid = {hostile: (hostile, "b"), "slow": (1, 2)}
    given = sweep_page(grid, lambda a, b: float(b), strategy=hostile, warnings=(hostile,))
    page = read(write_sweep(given, tmp_path / "s.html"))
    assert len(page.all("script")) == 3
    for element in page.elements:
        assert not any(element["attrs"].get(name) for name in ("src", "href"))
    assert hostile in page.one("h1")["text"]


def test_sweep_report_surface_is_the_median_over_the_other_parameters(read, tmp_path):
    page = read(write_sweep(sweep_page(GRID, hill), tmp_path / "s.html"))
    heat = json.loads(page.one("script", id="figures")["text"])["surface"]["data"][0]
    assert heat["x"] == ["20", "40", "60", "80"]
    assert heat["y"] == ["5", "10", "15"]
    assert heat["z"][1][2] == pytest.approx(np.median([1.0, 0.75]))
    assert "the median over exits.stop_loss" in page.one("main")["text"]


def test_sweep_report_of_one_parameter_draws_a_curve(read, tmp_path):
    page = read(
        write_sweep(sweep_page({"fast": (5, 10, 15)}, lambda f: f / 10), tmp_path / "s.html")
    )
    curve = json.loads(page.one("script", id="figures")["text"])["surface"]["data"][0]
    assert curve["y"] == [0.5, 1.0, 1.5]


@pytest.mark.parametrize(
    ("grid", "score"),
    [
        ({"fast": (5,)}, lambda f: 0.5),
        ({}, lambda: 0.5),
        ({"fast": (5, 6), "slow": (1, 2)}, lambda f, s: math.nan),
        ({"fast": (5, 6), "slow": (1, 2)}, lambda f, s: None),
    ],
)
def test_sweep_report_of_nothing_to_draw_is_written(grid, score, read, tmp_path):
    page = read(write_sweep(sweep_page(grid, score), tmp_path / "s.html"))
    assert json.loads(page.one("script", id="figures")["text"]) == {}
    assert "nan" not in page.one("main")["text"].lower()


def test_sweep_report_of_a_large_grid_stays_small(read, tmp_path):
    grid = {"a": tuple(range(150)), "b": tuple(range(140))}
    path = write_sweep(sweep_page(grid, lambda a, b: math.sin(a / 9) + b / 99), tmp_path / "s.html")
    assert path.stat().st_size < 6_000_000
    heat = json.loads(read(path).one("script", id="figures")["text"])["surface"]["data"][0]
    assert len(heat["x"]) == len(heat["y"]) == 60
    assert "at most 60 groups a side" in read(path).one("main")["text"]


def test_surface_skipped_combinations_are_nan():
    given = sweep_page({"fast": (5, 10), "slow": (5, 10)}, lambda f, s: 1.0 if f < s else None)
    found = places(given.grid, given.rows)
    cells, _, _ = surface(found, np.ones(1), *axes(found))
    assert np.isfinite(cells).sum() == 1


def test_neighbours_are_one_step_away_in_every_parameter():
    given = sweep_page(GRID, hill)
    found = places(given.grid, given.rows)
    values = np.array([stats["sharpe"] for _, stats in given.rows])
    near = neighbours(found, values)
    around = [
        hill(f, s, x)
        for f, s, x in itertools.product((5, 10, 15), (40, 60, 80), (None, 0.05))
        if (f, s, x) != (10, 60, None)
    ]
    assert near.count == len(around) == 17
    assert near.median == pytest.approx(np.median(around))
    assert (near.low, near.high) == pytest.approx((min(around), max(around)))


def test_sweep_report_best_at_the_edge_of_the_grid_says_so(read, tmp_path):
    edge = sweep_page({"fast": (5, 10, 15), "slow": (20, 40, 60)}, lambda f, s: f / 10 - (s != 40))
    text = read(write_sweep(edge, tmp_path / "a.html")).one("p", id="stability")["text"]
    assert "edge of the grid in fast:" in text
    inside = sweep_page(GRID | {"exits.stop_loss": (None, 0.05, 0.1)}, hill)  # none is no edge
    text = read(write_sweep(inside, tmp_path / "b.html")).one("p", id="stability")["text"]
    assert "edge of the grid" not in text


def test_luck_against_simulated_best_of_many_agrees():
    rng = np.random.default_rng(11)
    best = rng.normal(0.0, 0.3, (4000, 200)).max(axis=1).mean()
    spread = rng.normal(0.0, 0.3, 200_000)
    assert luck(spread, 200) == pytest.approx(best, rel=0.02)


def test_luck_of_one_trial_is_not_defined():
    assert math.isnan(luck(np.array([1.0]), 1))
