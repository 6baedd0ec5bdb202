import base64
import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given as given_
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from peak_trade.observe.report import SweepPage, write_sweep
from peak_trade.observe.surface import (
    axes,
    luck,
    medians,
    neighbours,
    places,
    steadiest,
    surface,
)

NAMES = (
    "total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "trades",
    "win_rate", "fees", "exposure", "turnover",
)  # fmt: skip


def sweep_page(grid, score, sort="sharpe", **changes):
    rows = [
        (place, score(*(values[k] for values, k in zip(grid.values(), place, strict=True))))
        for place in itertools.product(*(range(len(values)) for values in grid.values()))
    ]
    rows = [(place, value) for place, value in rows if value is not None]
    rows.sort(key=lambda row: (math.isnan(row[1]), -row[1]))
    figures = {name: np.full(len(rows), 0.1) for name in NAMES}
    figures[sort] = np.array([value for _, value in rows], dtype=np.float64)
    given = {
        "strategy": "ma_cross", "data": "made", "fingerprint": "0123456789abcdef", "grid": grid,
        "index": np.array([place for place, _ in rows], np.int64).reshape(len(rows), len(grid)),
        "figures": figures, "sort": sort, "trials": len(rows), "skipped": 7,
        "code_version": "1.2.3",
    }  # fmt: skip
    return SweepPage(**(given | changes))


def figures_in(page):
    return json.loads(page.one("script", id="figures")["text"])


def numbers(packed):
    found = np.frombuffer(base64.b64decode(packed["bdata"]), f"<{packed['dtype']}")
    shape = [int(size) for size in packed.get("shape", str(len(found))).split(",")]
    return found.reshape(shape)


def drawn(page, name="surface"):
    """The figure that a chart shows first."""
    place = page.one("div", id=name)
    return figures_in(page)[place["attrs"].get("data-figure", name)]


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
    given.figures["sharpe"][-1] = 2.5
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
    assert len(page.all("script")) == 4
    for element in page.elements:
        assert not element["attrs"].get("src")
        assert element["attrs"].get("href", "#").startswith("#")
    assert hostile in page.one("h1")["text"]


def test_sweep_report_surface_is_the_median_over_the_other_parameters(read, tmp_path):
    page = read(write_sweep(sweep_page(GRID, hill), tmp_path / "s.html"))
    heat = drawn(page)["data"][0]
    assert heat["x"] == ["20", "40", "60", "80"]
    assert heat["y"] == ["5", "10", "15"]
    assert numbers(heat["z"])[1, 2] == pytest.approx(np.median([1.0, 0.75]))
    assert "the median over exits.stop_loss" in page.one("main")["text"]


def test_sweep_report_of_one_parameter_draws_a_curve(read, tmp_path):
    page = read(
        write_sweep(sweep_page({"fast": (5, 10, 15)}, lambda f: f / 10), tmp_path / "s.html")
    )
    (curve,) = (trace for trace in drawn(page)["data"] if trace["name"] == "median")
    assert numbers(curve["y"]).tolist() == [0.5, 1.0, 1.5]


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
    assert figures_in(page) == {}
    assert "nan" not in page.one("main")["text"].lower()


def test_sweep_report_of_a_large_grid_stays_small(read, tmp_path):
    grid = {"a": tuple(range(150)), "b": tuple(range(140))}
    path = write_sweep(sweep_page(grid, lambda a, b: math.sin(a / 9) + b / 99), tmp_path / "s.html")
    assert path.stat().st_size < 6_000_000
    page = read(path)
    heat = drawn(page)["data"][0]
    assert len(heat["x"]) == len(heat["y"]) == 40
    assert "at most 40 groups a side" in page.one("main")["text"]
    assert "21,000 combinations 1,500 are drawn" in page.one("main")["text"]
    assert len(page.cells("top")) == 300


def test_surface_skipped_combinations_are_nan():
    given = sweep_page({"fast": (5, 10), "slow": (5, 10)}, lambda f, s: 1.0 if f < s else None)
    found = places(given.grid, given.index)
    cells, _, _ = surface(found, np.ones(1), *axes(found))
    assert np.isfinite(cells).sum() == 1


def test_neighbours_are_one_step_away_in_every_parameter():
    given = sweep_page(GRID, hill)
    found = places(given.grid, given.index)
    values = given.figures["sharpe"]
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


def test_sweep_report_offers_every_pair_and_figure_as_a_map(read, tmp_path):
    page = read(write_sweep(sweep_page(GRID, hill), tmp_path / "s.html"))
    figures = figures_in(page)
    homes = page.all("select", data_chart="surface")
    first, second = (
        [e["attrs"]["value"] for e in page.all("option") if home in e["inside"]] for home in homes
    )
    assert len(first) == 6  # three pairs, three single ones
    assert set(second) == set(NAMES)
    assert all(f"{a}:{b}" in figures for a in first for b in second)


def test_sweep_report_curve_has_the_range_around_its_median(read, tmp_path):
    page = read(write_sweep(sweep_page(GRID, hill), tmp_path / "s.html"))
    place = list(GRID).index("fast")
    low, high, median = figures_in(page)[f"{place}:sharpe"]["data"]
    scores = {f: [hill(f, s, x) for s in GRID["slow"] for x in (None, 0.05)] for f in GRID["fast"]}
    for trace, of in ((low, min), (high, max), (median, np.median)):
        np.testing.assert_allclose(numbers(trace["y"]), [of(v) for v in scores.values()], rtol=1e-6)


def test_sweep_report_profiles_move_one_parameter_alone(read, tmp_path):
    page = read(write_sweep(sweep_page(GRID, hill), tmp_path / "s.html"))
    lines = {trace["name"]: trace for trace in figures_in(page)["profiles"]["data"]}
    assert set(lines) == set(GRID)
    assert numbers(lines["slow"]["x"]).tolist() == [-2, -1, 0, 1]
    expected = [hill(10, slow, None) for slow in GRID["slow"]]
    np.testing.assert_allclose(numbers(lines["slow"]["y"]), expected, rtol=1e-6)


def test_sweep_report_rings_widen_around_the_best(read, tmp_path):
    page = read(write_sweep(sweep_page(GRID, hill), tmp_path / "s.html"))
    rows = page.cells("rings")
    assert [row[:2] for row in rows] == [["1", "17"], ["2", "23"], ["3", "23"]]
    near = [
        hill(f, s, x)
        for f, s, x in itertools.product((5, 10, 15), (40, 60, 80), (None, 0.05))
        if (f, s, x) != (10, 60, None)
    ]
    assert float(rows[0][2]) == pytest.approx(np.median(near), abs=0.005)


def test_steadiest_prefers_a_plateau_to_a_lone_peak(read, tmp_path):
    def land(a, b):
        return 3.0 if (a, b) == (1, 1) else 2.0 if a >= 6 and b >= 6 else 0.0

    given = sweep_page({"a": tuple(range(10)), "b": tuple(range(10))}, land)
    found = places(given.grid, given.index)
    row, near = steadiest(found, given.figures["sharpe"], rising=True)
    assert (found.index[row] >= 6).all()
    assert near.median == 2.0
    page = read(write_sweep(given, tmp_path / "s.html"))
    assert "best neighbourhood is that of a" in page.one("p", id="steadiest")["text"]
    assert "best stands alone" in page.one("p", id="stability")["text"]


def test_steadiest_of_a_huge_grid_is_not_looked_for():
    given = sweep_page({"a": (1, 2, 3), "b": (1, 2, 3)}, lambda a, b: float(a + b))
    huge = {"a": tuple(range(3000)), "b": tuple(range(3000))}
    found = places(huge, given.index)
    assert steadiest(found, given.figures["sharpe"], rising=True) is None


@given_(hnp.arrays(np.int64, 200, elements=st.integers(0, 9)), st.integers(0, 2**32 - 1))
def test_medians_against_numpy_agree(place, seed):
    values = np.random.default_rng(seed).normal(size=200)
    found = medians(place, values, 10)
    for k in range(10):
        mine = values[place == k]
        expected = np.median(mine) if len(mine) else np.nan
        np.testing.assert_equal(found[k], expected)


def test_sweep_report_parallel_lines_hold_places_and_figures(read, tmp_path):
    page = read(write_sweep(sweep_page(GRID, hill), tmp_path / "s.html"))
    axes_drawn = figures_in(page)["parallel"]["axes"]
    assert [axis["name"] for axis in axes_drawn] == [*GRID, "Sharpe ratio"]
    best = [float(numbers(axis["values"])[0]) for axis in axes_drawn]
    assert best == pytest.approx([0.5, 2 / 3, 0.0, 1.0])
    assert axes_drawn[1]["ticks"] == [[0.0, "20"], [1 / 3, "40"], [2 / 3, "60"], [1.0, "80"]]


def test_sweep_report_histogram_counts_every_trial_and_marks_luck(read, tmp_path):
    given = sweep_page(GRID, hill)
    page = read(write_sweep(given, tmp_path / "s.html"))
    figure = figures_in(page)["spread"]
    assert numbers(figure["data"][0]["y"]).sum() == 24
    marks = {note["text"]: note["x"] for note in figure["layout"]["annotations"]}
    assert marks["the best"] == pytest.approx(1.0)
    assert marks["luck alone"] == pytest.approx(luck(given.figures["sharpe"], 24))


def test_sweep_report_table_can_be_sorted_and_hides_its_tail(read, tmp_path):
    grid = {"a": tuple(range(8)), "b": tuple(range(8))}
    page = read(write_sweep(sweep_page(grid, lambda a, b: a - b / 9), tmp_path / "s.html"))
    table = page.one("table", id="top")
    assert "sortable" in table["attrs"]["class"].split()
    rows = [e for e in page.all("tr") if table in e["inside"]][1:]
    assert [e["attrs"].get("class") == "more" for e in rows] == [k >= 25 for k in range(64)]
    assert page.one("button", data_all="top")["attrs"]["aria-expanded"] == "false"


def test_luck_against_simulated_best_of_many_agrees():
    rng = np.random.default_rng(11)
    best = rng.normal(0.0, 0.3, (4000, 200)).max(axis=1).mean()
    spread = rng.normal(0.0, 0.3, 200_000)
    assert luck(spread, 200) == pytest.approx(best, rel=0.02)


def test_luck_of_one_trial_is_not_defined():
    assert math.isnan(luck(np.array([1.0]), 1))
