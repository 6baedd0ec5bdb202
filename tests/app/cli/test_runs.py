"""`peak runs` and `peak reproduce`, and how `peak backtest` and `peak sweep` record."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import peak_trade as pt

MA = ("ma_cross", "--set", "fast=3", "--set", "slow=8", "--data", "file:bars.csv")
MINE = (
    "import numpy as np\n\n"
    "class Mine:\n    '''Hold.'''\n"
    "    def targets(self, bars):\n        return np.full(len(bars), {weight})\n"
)


@pytest.fixture(autouse=True)
def database(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database for each test; gives the path that the default has."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_DATA_HOME", str(home))
    return home / "peak-trade" / "journal.sqlite"


def test_backtest_is_recorded_under_its_run_and_label(peak, bars_csv: Path) -> None:
    told = peak("backtest", *MA, "--label", "first", "--tag", "a", "--tag", "b", "--json").json
    assert told["recorded"] is True
    found = peak("runs", "show", "last", "--json").json
    assert (found["id"], found["label"], found["tags"]) == (told["run"], "first", ["a", "b"])
    assert (found["strategy"], found["data_source"]) == ("ma_cross", "file:bars.csv")
    assert found["params"] == told["params"]
    assert found["data_fingerprint"] == told["data"]["fingerprint"]
    for name, value in told["stats"].items():
        assert found["stats"][name] == value
    assert found["started"] <= found["finished"]
    assert 0 < found["duration_s"] < 600


def test_backtest_names_its_run_before_its_files(peak, bars_csv: Path) -> None:
    lines = peak("backtest", *MA, "--report", "out.html").out.splitlines()
    assert lines[-2].startswith("Run: ")
    assert lines[-1] == "out.html"
    assert lines[-2].removeprefix("Run: ") in peak("runs", "list").out


@pytest.mark.parametrize(
    "how", [("--no-record",), ("--set", "journal.record=false"), ("--config", "off.toml")]
)
def test_backtest_that_is_not_to_be_recorded_leaves_no_database(
    peak, bars_csv: Path, database: Path, how: tuple[str, ...]
) -> None:
    (bars_csv.parent / "off.toml").write_text("[journal]\nrecord = false\n")
    ran = peak("backtest", *MA, *how, "--json")
    assert (ran.code, ran.json["recorded"], ran.err) == (0, False, "")
    assert not database.parent.exists()


def test_backtest_whose_record_fails_keeps_its_result_and_warns(
    peak, bars_csv: Path, database: Path
) -> None:
    database.parent.mkdir(parents=True)
    database.write_bytes(b"no database" * 1000)
    ran = peak("backtest", *MA, "--json", "--report", "out.html")
    assert ran.code == 0
    assert ran.json["stats"]["trades"] > 0
    assert ran.json["recorded"] is False
    assert "Warning: the run is not recorded" in ran.err
    assert "journal.url" in ran.err
    assert (bars_csv.parent / "out.html").is_file()
    assert "Run: " not in peak("backtest", *MA).out


def test_backtest_whose_record_cannot_be_written_out_keeps_its_result_and_warns(
    peak, bars_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> Path:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "cwd", gone)
    ran = peak("backtest", *MA, "--json")
    assert (ran.code, ran.json["recorded"]) == (0, False)
    assert "Warning: the run is not recorded" in ran.err


def test_backtest_while_another_process_holds_the_database_keeps_its_result(
    peak, bars_csv: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peak("backtest", *MA)
    monkeypatch.setattr("peak_trade.journal.database.BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ran = peak("backtest", *MA, "--json")
        assert len(peak("runs", "list", "--json").json["runs"]) == 1
    assert (ran.code, ran.json["recorded"]) == (0, False)
    assert "locked by another process" in ran.err


def test_backtest_with_a_label_that_is_too_long_stops_before_it_runs(peak, bars_csv: Path) -> None:
    ran = peak("backtest", *MA, "--label", "x" * 201, "--report", "out.html")
    assert ran.code == 2
    assert not (bars_csv.parent / "out.html").exists()


def test_backtest_records_where_the_configuration_says(
    peak, bars_csv: Path, database: Path
) -> None:
    (bars_csv.parent / "peak.toml").write_text('[journal]\nurl = "sqlite:///here.sqlite"\n')
    peak("backtest", *MA)
    assert (bars_csv.parent / "here.sqlite").is_file()
    assert not database.exists()
    assert len(peak("runs", "list", "--json").json["runs"]) == 1
    assert "here.sqlite" not in peak("config", "show").out


def test_password_of_the_database_is_shown_nowhere(
    peak, bars_csv: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    pair = ("--set", "journal.url=postgresql://me:hush@host/name")
    for command in (("runs", "list"), ("backtest", *MA), ("config", "show"), ("reproduce", "x")):
        ran = peak(*command, *pair, "--debug")
        assert "hush" not in ran.out + ran.err
    peak("backtest", *MA, "--set", "journal.record=true")
    with closing(sqlite3.connect(database)) as connection:
        assert "hush" not in "".join(connection.iterdump())


def test_backtests_of_several_processes_at_once_are_all_recorded(
    peak, bars_csv: Path, database: Path
) -> None:
    code = "from peak_trade.app.cli.main import main; raise SystemExit(main())"
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", code, "backtest", *MA, "--label", label],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for label in "abc"
    ]
    assert [worker.communicate()[1] for worker in workers] == [""] * 3
    assert {run["label"] for run in peak("runs", "list", "--json").json["runs"]} == set("abc")


def test_runs_list_filters_and_limits(peak, bars_csv: Path) -> None:
    peak("backtest", *MA, "--label", "one")
    peak("backtest", *MA, "--tag", "t")
    peak("sweep", "ma_cross", "--grid", "fast=2,3", "--set", "slow=8", "--data", "file:bars.csv")
    runs = peak("runs", "list", "--json").json["runs"]
    assert [run["kind"] for run in runs] == ["sweep", "backtest", "backtest"]
    for how, count in (
        (("--label", "one"), 1),
        (("--tag", "t"), 1),
        (("--kind", "sweep"), 1),
        (("--limit", "2"), 2),
        (("--strategy", "ma_cross"), 3),
        (("--strategy", "other"), 0),
        (("--since", "2020-01-01"), 3),
        (("--since", "2200-01-01"), 0),
    ):
        assert len(peak("runs", "list", *how, "--json").json["runs"]) == count
    shown = peak("runs", "list").out
    assert "ma_cross(fast=3, slow=8)" in shown
    assert "ma_cross(sweep of 2)" in shown


def test_runs_list_without_runs_says_how_to_get_one(peak) -> None:
    ran = peak("runs", "list")
    assert ran.code == 0
    assert "peak backtest" in ran.out


@pytest.mark.parametrize(
    "command",
    [("runs", "show", "x"), ("runs", "compare", "x", "y"), ("reproduce", "x")],
)
def test_unknown_run_ends_with_2(peak, bars_csv: Path, command: tuple[str, ...]) -> None:
    peak("backtest", *MA)
    ran = peak(*command)
    assert ran.code == 2
    assert "'x' is not recorded" in ran.err
    assert peak(*command, "--json").json["error"]["type"] == "JournalError"


def test_misspelt_run_gets_the_one_that_is_meant(peak, bars_csv: Path) -> None:
    run = peak("backtest", *MA, "--json").json["run"]
    assert f"did you mean {run}" in peak("runs", "show", run[:-1] + "!").err


def test_runs_show_has_what_was_asked_and_what_came_of_it(peak, bars_csv: Path) -> None:
    peak("backtest", *MA, "--commission", "10")
    shown = peak("runs", "show", "last").out
    for part in (
        "params.fast",
        "settings.backtest.commission",
        "data.fingerprint",
        "result digest",
        "Sharpe ratio",
    ):
        assert part in shown


def test_runs_compare_shows_differences_and_statistics(peak, bars_csv: Path) -> None:
    peak("backtest", *MA, "--label", "free")
    peak("backtest", *MA, "--label", "paid", "--commission", "10")
    ran = peak("runs", "compare", "last~1", "last")
    assert ran.code == 0
    assert "free" in ran.out.splitlines()[0]
    assert "terms.costs.commission" in ran.out
    assert "params.fast" not in ran.out
    found = peak("runs", "compare", "last~1", "last", "--json").json
    assert found["differences"]["settings.backtest.commission"] == [0, 10]
    assert found["labels"] == ["free", "paid"]
    assert peak("runs", "compare", "last").code == 2


def test_reproduce_of_a_backtest_gives_the_same(peak, bars_csv: Path) -> None:
    options = ("--commission", "10", "--stop-loss", "0.02", "--from", "2024-01-10")
    peak("backtest", *MA, *options, "--calendar", "24/7", "--symbol", "X")
    ran = peak("reproduce", "last")
    assert (ran.code, ran.err) == (0, "")
    assert "The same result" in ran.out
    told = peak("reproduce", "last", "--json").json
    assert (told["same"], told["differences"], told["stats"]) == (True, {}, {})
    assert len(peak("runs", "list", "--json").json["runs"]) == 1


def test_reproduce_of_a_sweep_gives_the_same(peak, bars_csv: Path) -> None:
    grid = ("--grid", "fast=2:6:2", "--grid", "backtest.commission=0,10", "--set", "slow=8")
    swept = peak("sweep", "ma_cross", *grid, "--data", "file:bars.csv", "--json").json
    assert swept["recorded"] is True
    found = peak("runs", "show", swept["run"], "--json").json
    assert (found["kind"], found["trials"]) == ("sweep", 6)
    ran = peak("reproduce", "last", "--set", "sweep.threads=1", "--json")
    assert (ran.code, ran.json["same"]) == (0, True)


def test_reproduce_ignores_the_settings_of_today(peak, bars_csv: Path) -> None:
    peak("backtest", *MA, "--commission", "10")
    (bars_csv.parent / "peak.toml").write_text("[backtest]\ncommission = 50\ncash = 7\n")
    assert peak("reproduce", "last").code == 0


def test_reproduce_from_another_folder_finds_its_files(
    peak, bars_csv: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    peak("backtest", *MA)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    assert peak("reproduce", "last").code == 0
    assert Path.cwd() == elsewhere


def test_reproduce_where_the_folder_is_gone_looks_in_the_working_one(
    peak, folder: Path, bars_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "old").mkdir()
    shutil.copy(bars_csv, folder / "old")
    monkeypatch.chdir(folder / "old")
    peak("backtest", *MA)
    monkeypatch.chdir(folder)
    shutil.rmtree(folder / "old")
    assert peak("reproduce", "last").code == 0


def test_reproduce_over_changed_data_ends_with_1_and_names_them(peak, bars_csv: Path) -> None:
    peak("backtest", *MA)
    lines = bars_csv.read_text().splitlines()
    lines[30] = "2024-02-02,105,200,100,150,1000"
    bars_csv.write_text("\n".join(lines) + "\n")
    ran = peak("reproduce", "last")
    assert ran.code == 1
    assert "ANOTHER RESULT" in ran.out
    assert "data.fingerprint" in ran.out
    told = peak("reproduce", "last", "--json")
    assert told.code == 1
    assert told.json["same"] is False
    assert set(told.json["differences"]) == {"data.fingerprint"}
    assert "total_return" in told.json["stats"]


def test_reproduce_of_a_changed_strategy_names_its_digest(peak, bars_csv: Path) -> None:
    mine = bars_csv.parent / "mine.py"
    mine.write_text(MINE.format(weight=1.0))
    peak("backtest", "mine.py:Mine", "--data", "file:bars.csv")
    assert peak("reproduce", "last").code == 0
    mine.write_text(MINE.format(weight=0.5))
    told = peak("reproduce", "last", "--json")
    assert told.code == 1
    assert set(told.json["differences"]) == {"strategy_digest"}


def test_reproduce_by_other_code_with_the_same_result_names_the_code(
    peak, bars_csv: Path, database: Path
) -> None:
    peak("backtest", *MA)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE runs SET code_version = '0.0.1+00000000'")
        connection.commit()
    told = peak("reproduce", "last", "--json")
    assert (told.code, told.json["same"]) == (0, True)
    assert told.json["differences"]["code_version"]["recorded"] == "0.0.1+00000000"
    assert "code_version" in peak("reproduce", "last").out


def test_reproduce_by_code_that_measures_more_compares_what_was_measured(
    peak, bars_csv: Path, database: Path
) -> None:
    peak("backtest", *MA)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE runs SET stats = '{\"total_return\":9.0}'")
        connection.commit()
    told = peak("reproduce", "last", "--json").json
    assert told["same"] is True
    assert set(told["stats"]) == {"total_return"}
    assert told["stats"]["total_return"]["recorded"] == 9.0


def test_reproduce_of_a_strategy_of_chance_says_that_nothing_else_differs(
    peak, bars_csv: Path
) -> None:
    (bars_csv.parent / "dice.py").write_text(
        "import numpy as np\n\nrng = np.random.default_rng()\n\n"
        "class Dice:\n    '''Gamble.'''\n"
        "    def targets(self, bars):\n        return rng.random(len(bars))\n"
    )
    peak("backtest", "dice.py:Dice", "--data", "file:bars.csv")
    ran = peak("reproduce", "last")
    assert ran.code == 1
    assert "the strategy may use chance" in ran.out


def test_reproduce_of_what_cannot_be_read_any_more_ends_with_2(peak, bars_csv: Path) -> None:
    peak("backtest", *MA)
    bars_csv.unlink()
    ran = peak("reproduce", "last")
    assert ran.code == 2
    assert "bars.csv" in ran.err


def test_reproduce_of_a_run_from_python_ends_with_2(peak, folder: Path) -> None:
    result = pt.backtest(
        pt.strategies.MaCross(fast=1, slow=2), pt.Bars.from_arrays([1.0, 2.0, 3.0])
    )
    pt.record_run(result, label="mine")
    assert "mine" in peak("runs", "list").out
    ran = peak("reproduce", result.run)
    assert ran.code == 2
    assert "recorded from Python" in ran.err
