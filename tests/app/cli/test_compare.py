"""`peak compare`, and what stands beside a report."""

import json
import webbrowser
from pathlib import Path

import polars as pl
import pytest

from peak_trade.app.cli.outputs import check_wanted, open_page
from peak_trade.domain.errors import InputError

TWO = ("ma_cross,fast=2,slow=5", "ma_cross,fast=3,slow=9")
DATA = ("--data", "file:bars.csv", "--interval", "1d")


def test_compare_prints_every_run_beside_the_others(peak, bars_csv: Path) -> None:
    ran = peak("compare", *TWO, *DATA)
    assert ran.code == 0, ran.err
    head = ran.out.splitlines()[0]
    assert head.split("  ")[-1].strip() == "Buy and hold"
    assert "MaCross fast=2, slow=5" in head
    assert "Correlation of returns" in ran.out


def test_compare_figures_equal_those_of_each_backtest(peak, bars_csv: Path) -> None:
    found = peak("compare", *TWO, *DATA, "--no-hold", "--commission", "10", "--json").json
    assert len(found["runs"]) == 2
    for run, (fast, slow) in zip(found["runs"], ((2, 5), (3, 9)), strict=True):
        alone = peak(
            "backtest", "ma_cross", *DATA, "--set", f"fast={fast}", "--set", f"slow={slow}",
            "--commission", "10", "--json",
        ).json  # fmt: skip
        assert {name: run["stats"][name] for name in alone["stats"]} == alone["stats"]
        assert run["equity_final"] == alone["equity_final"]


def test_compare_shared_settings_reach_every_strategy(peak, bars_csv: Path) -> None:
    found = peak(
        "compare", "ma_cross,fast=2", "ma_cross,fast=3", *DATA, "--set", "slow=9", "--json"
    ).json
    assert [run["asked"].get("Parameter slow") for run in found["runs"][:2]] == ["9", "9"]


def test_compare_writes_the_page_and_the_tables_beside_it(peak, bars_csv: Path) -> None:
    ran = peak("compare", *TWO, *DATA, "--report", "c.html", "--tables")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == "c.html"
    folder = bars_csv.parent
    told = json.loads((folder / "c.json").read_text("utf-8"))
    figures = pl.read_parquet(folder / "c.figures.parquet")
    final = figures.filter(pl.col("figure") == "total_return")
    for run in told["runs"]:
        assert final[run["name"]][0] == pytest.approx(run["stats"]["total_return"])
    equity = pl.read_parquet(folder / "c.equity.parquet")
    assert len(equity) == 60
    assert not [path for path in folder.iterdir() if ".part" in path.name]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ma_cros",), "is not known"),
        (("ma_cross,fast",), "is not name=value"),
        (("ma_cross,fst=3",), "fst"),
        (("ma_cross", "--open"), "without --report"),
        (("ma_cross", "--report", "c.txt"), ".html"),
    ],
)
def test_compare_of_bad_input_says_what_to_do(arguments, message, peak, bars_csv: Path) -> None:
    ran = peak("compare", *arguments, *DATA)
    assert ran.code == 2
    assert message in ran.err
    assert "Hint:" in ran.err


def test_backtest_tables_stand_beside_the_report(peak, bars_csv: Path) -> None:
    set_ = ("--set", "fast=2", "--set", "slow=5")
    ran = peak("backtest", "ma_cross", *DATA, *set_, "--report", "out.html", "--tables", "--json")
    assert ran.code == 0, ran.err
    folder = bars_csv.parent
    told, kept = ran.json, json.loads((folder / "out.json").read_text("utf-8"))
    assert kept["stats"] == told["stats"]
    equity = pl.read_parquet(folder / "out.equity.parquet")
    assert equity["equity"][-1] == told["equity_final"]
    assert len(pl.read_parquet(folder / "out.trades.parquet")) == told["stats"]["trades"]
    fills = pl.read_parquet(folder / "out.fills.parquet")
    assert fills["fee"].sum() == pytest.approx(told["stats"]["fees"])


def test_sweep_tables_hold_every_combination(peak, bars_csv: Path) -> None:
    grid = ("--grid", "fast=2,3", "--grid", "slow=5,9")
    ran = peak("sweep", "ma_cross", *DATA, *grid, "--report", "s.html", "--tables", "--top", "1")
    assert ran.code == 0, ran.err
    assert len(pl.read_parquet(bars_csv.parent / "s.rows.parquet")) == 4


def test_open_shows_the_page_in_the_browser(
    peak, bars_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    ran = peak("compare", *TWO, *DATA, "--report", "c.html", "--open")
    assert ran.code == 0, ran.err
    assert opened == [(bars_csv.parent / "c.html").resolve().as_uri()]


def test_open_without_a_browser_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    open_page(tmp_path / "c.html")
    assert "c.html" in capsys.readouterr().err


def test_wanted_without_a_report_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="--tables is given without --report"):
        check_wanted(None, tables=True, open_=False)
    check_wanted(None, tables=False, open_=False)


def test_configuration_key_after_a_strategy_is_refused(peak, bars_csv: Path) -> None:
    ran = peak("compare", "ma_cross,exits.trailing=0.1", *DATA)
    assert ran.code == 2
    assert "--set exits.trailing=0.1" in ran.err
