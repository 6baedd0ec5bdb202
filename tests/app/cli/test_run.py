"""Commands that run: what they print, what they write, and that their options arrive."""

import csv
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from peak_trade.app.cli.examples import EXAMPLES

STATS = {
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "trades",
    "win_rate",
    "fees",
    "exposure",
    "turnover",
}
MA = ("ma_cross", "--set", "fast=3", "--set", "slow=8", "--data", "file:bars.csv")


@pytest.mark.parametrize("example", [line for lines in EXAMPLES.values() for line in lines])
def test_example_of_the_help_runs(peak, folder: Path, example: str) -> None:
    (folder / "peak.toml").write_text("[backtest]\ncash = 50000\n")
    if "last" in example:  # of the runs that were made before it
        for fast in ("fast=10", "fast=20"):
            assert peak("backtest", "ma_cross", "--data", "builtin:sp500", "--set", fast).code == 0
    if "order.json" in example:
        order = peak("risk", "check", "--example").out
        (folder / "order.json").write_text(order)
    ran = peak(*example.split()[1:])
    assert ran.code == 0, ran.err
    assert ran.out


def test_backtest_json_has_the_promised_keys(peak, bars_csv: Path) -> None:
    found = peak("backtest", *MA, "--json").json
    assert {
        "run",
        "strategy",
        "params",
        "engine",
        "data",
        "stats",
        "equity_final",
        "warnings",
        "report",
    } <= set(found)
    assert {"name", "fingerprint", "bars", "from", "to"} <= set(found["data"])
    assert set(found["stats"]) == STATS
    assert found["params"] == {"fast": 3, "slow": 8}
    assert found["data"]["bars"] == 60
    assert found["report"] is None
    assert found["stats"]["max_drawdown"] <= 0


def test_backtest_without_trades_has_null_not_nan(peak, folder: Path) -> None:
    lines = ["time,close", *(f"2024-01-{day:02d},100" for day in range(1, 31))]
    (folder / "flat.csv").write_text("\n".join(lines) + "\n")
    found = peak("backtest", *MA[:-1], "file:flat.csv", "--json").json["stats"]
    assert found["win_rate"] is None
    assert found["trades"] == 0


def test_backtest_options_reach_the_run(peak, bars_csv: Path) -> None:
    free = peak("backtest", *MA, "--json").json
    paid = peak("backtest", *MA, "--commission", "10", "--json").json
    assert free["stats"]["fees"] == 0
    notional = paid["stats"]["fees"] / 0.001
    assert notional > 10_000
    half = peak("backtest", *MA, "--cash-buffer", "0.5", "--json").json["stats"]
    assert 0.4 < half["volatility"] / free["stats"]["volatility"] < 0.6
    stopped = peak("backtest", *MA, "--stop-loss", "0.01", "--json").json["stats"]
    assert stopped["exposure"] < free["stats"]["exposure"]
    rich = peak("backtest", *MA, "--cash", "200000", "--json").json
    assert rich["equity_final"] == pytest.approx(2 * free["equity_final"], rel=1e-6)
    slow = peak("backtest", *MA, "--engine", "session", "--json").json
    assert slow["engine"] == "session"
    assert slow["stats"] == free["stats"]


def test_backtest_layers_of_configuration_reach_the_run(
    peak, bars_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bars_csv.parent / "peak.toml").write_text("[backtest]\ncash = 1000\n")
    assert peak("backtest", *MA, "--json").json["equity_final"] < 3000
    monkeypatch.setenv("PEAK__BACKTEST__CASH", "10000")
    assert 3000 < peak("backtest", *MA, "--json").json["equity_final"] < 30_000
    set_ = ("--set", "backtest.cash=100000")
    assert 30_000 < peak("backtest", *MA, *set_, "--json").json["equity_final"] < 300_000
    option = ("--cash", "1000000")
    assert peak("backtest", *MA, *set_, *option, "--json").json["equity_final"] > 300_000


def test_backtest_writes_every_file_and_names_the_report_last(peak, bars_csv: Path) -> None:
    folder = bars_csv.parent
    ran = peak(
        "backtest", *MA, "--report", "out.html", "--trades", "t.csv", "--equity", "e.parquet"
    )
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == "out.html"
    assert {path.name for path in folder.iterdir()} == {
        "bars.csv",
        "out.html",
        "t.csv",
        "e.parquet",
    }
    assert "<html" in (folder / "out.html").read_text(encoding="utf-8")
    with (folder / "t.csv").open() as file:
        trades = list(csv.DictReader(file))
    assert trades
    equity = pl.read_parquet(folder / "e.parquet")
    told = peak("backtest", *MA, "--report", "out.html", "--json").json
    assert equity["equity"][-1] == told["equity_final"]
    assert told["report"] == "out.html"
    assert len(trades) >= told["stats"]["trades"]


def test_backtest_report_goes_into_the_configured_folder(peak, bars_csv: Path) -> None:
    (bars_csv.parent / "reports").mkdir()
    ran = peak("backtest", *MA, "--report", "out.html", "--set", "report.folder=reports")
    assert ran.out.splitlines()[-1] == str(Path("reports") / "out.html")
    assert (bars_csv.parent / "reports" / "out.html").is_file()


def test_backtest_summary_shows_every_figure(peak, bars_csv: Path) -> None:
    ran = peak("backtest", *MA)
    for part in (
        "MaCross(fast=3, slow=8)",
        "2024-01-01 to",
        "Sharpe ratio",
        "Largest drawdown",
        "Engine: fast",
    ):
        assert part in ran.out
    assert ran.err == ""


def test_backtest_session_engine_is_named(peak, bars_csv: Path) -> None:
    assert "Engine: session" in peak("backtest", *MA, "--engine", "session").out


def test_backtest_of_a_strategy_of_ones_own(peak, bars_csv: Path) -> None:
    (bars_csv.parent / "mine.py").write_text(
        "import numpy as np\n\n"
        "class Mine:\n    '''Hold.'''\n    def __init__(self, weight=1.0):\n"
        "        self.weight = weight\n"
        "    def targets(self, bars):\n        return np.full(len(bars), self.weight)\n"
    )
    found = peak(
        "backtest", "mine.py:Mine", "--set", "weight=0.5", "--data", "file:bars.csv", "--json"
    ).json
    assert found["params"] == {"weight": 0.5}
    assert found["stats"]["exposure"] > 0.9


def test_backtest_maps_columns_and_stamps(peak, bars_csv: Path) -> None:
    text = bars_csv.read_text().replace("time,open,high,low,close", "when,o,h,l,px")
    bars_csv.write_text(text)
    columns = "time=when,open=o,high=h,low=l,close=px"
    found = peak("backtest", *MA, "--columns", columns, "--calendar", "24/7", "--json")
    assert found.code == 0, found.out
    assert found.json["data"]["bars"] == 60


def test_backtest_settings_for_files_leave_builtin_data_alone(peak, folder: Path) -> None:
    (folder / "peak.toml").write_text('[data]\ntimezone = "Europe/Berlin"\nstamp = "close"\n')
    ran = peak("backtest", "ma_cross", "--data", "builtin:sp500", "--json")
    assert ran.code == 0, ran.out
    refused = peak("backtest", "ma_cross", "--data", "builtin:sp500", "--stamp", "close")
    assert refused.code == 2


def test_sweep_json_has_trials_and_rows(peak, bars_csv: Path) -> None:
    grid = ("--grid", "fast=2:6:2", "--grid", "slow=4,8", "--data", "file:bars.csv")
    found = peak("sweep", "ma_cross", *grid, "--json").json
    assert found["trials"] + found["skipped"] == 6
    assert found["skipped"] == 2
    assert found["report"] is None
    for row in found["rows"]:
        assert set(row) >= {"params", "stats"}
        assert set(row["stats"]) == STATS
    sharpe = [row["stats"]["sharpe"] for row in found["rows"]]
    ranked = [-np.inf if value is None else value for value in sharpe]
    assert ranked == sorted(ranked, reverse=True)


def test_sweep_row_equals_its_backtest(peak, bars_csv: Path) -> None:
    data = ("--data", "file:bars.csv", "--commission", "5", "--json")
    swept = peak("sweep", "ma_cross", "--grid", "fast=2,3", "--set", "slow=8", *data).json
    for row in swept["rows"]:
        pairs = [
            item for name, value in row["params"].items() for item in ("--set", f"{name}={value}")
        ]
        alone = peak("backtest", "ma_cross", *pairs, *data).json
        assert row["stats"] == pytest.approx(alone["stats"], rel=1e-12, nan_ok=True)


def test_sweep_of_costs_in_basis_points_equals_the_option(peak, bars_csv: Path) -> None:
    fixed = ("--set", "fast=3", "--set", "slow=8", "--data", "file:bars.csv", "--json")
    swept = peak("sweep", "ma_cross", "--grid", "backtest.commission=0,20", *fixed).json
    fees = sorted(row["stats"]["fees"] for row in swept["rows"])
    alone = peak("backtest", "ma_cross", *fixed, "--commission", "20").json["stats"]["fees"]
    assert fees == pytest.approx([0.0, alone])


def test_sweep_of_stops_counts_every_combination(peak, bars_csv: Path) -> None:
    fixed = ("--set", "fast=3", "--set", "slow=8", "--data", "file:bars.csv", "--json")
    grid = ("--grid", "backtest.stop_loss=0.01:0.05:0.02")
    assert peak("sweep", "ma_cross", *grid, *fixed).json["trials"] == 3


def test_sweep_prints_the_best_rows_and_writes_its_report(peak, bars_csv: Path) -> None:
    grid = ("--grid", "fast=2:6:1", "--grid", "slow=8,12", "--data", "file:bars.csv")
    ran = peak("sweep", "ma_cross", *grid, "--top", "3", "--report", "sweep.html")
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert "10 trials" in lines[0]
    assert "Best 3 of 10" in ran.out
    assert lines[-1] == "sweep.html"
    assert (bars_csv.parent / "sweep.html").is_file()


def test_causality_clean_strategy_ends_with_0(peak, bars_csv: Path) -> None:
    ran = peak("causality", *MA)
    assert ran.code == 0
    assert "No look-ahead" in ran.out
    found = peak("causality", *MA, "--json").json
    assert (found["leaks"], found["checked"], found["first_leak"]) == (0, 60, None)


def test_causality_look_ahead_ends_with_1_and_names_row_and_column(peak, bars_csv: Path) -> None:
    (bars_csv.parent / "ahead.py").write_text(
        "class Ahead:\n    '''Long below the mean of the whole sample.'''\n"
        "    def targets(self, bars):\n        return bars.close < bars.close.mean()\n"
    )
    arguments = ("causality", "ahead.py:Ahead", "--data", "file:bars.csv")
    ran = peak(*arguments)
    assert ran.code == 1
    assert "LOOK-AHEAD" in ran.out
    assert "close" in ran.out
    told = peak(*arguments, "--json")
    assert told.code == 1
    assert told.json["first_leak"]["columns"] == ["close"]
    assert json.loads(told.out)["is_causal"] is False
