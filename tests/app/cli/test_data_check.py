"""`peak data check`: what it prints, what it writes, and how it ends."""

import json
from pathlib import Path

import pytest

ROWS = (
    "time,open,high,low,close,volume",
    "2024-01-02,10,11,9,10.5,100",
    "2024-01-04,11,12,10,11.5,120",
    "2024-01-03,10.5,10.6,10,11,110",
    "2024-01-03,10.5,10.6,10,11,110",
    "2024-01-05,11.5,12,0,11.8,130",
    "2024-01-08,11.8,12.5,11.5,12,140",
)


@pytest.fixture
def broken(folder: Path) -> Path:
    path = folder / "broken.csv"
    path.write_text("\n".join(ROWS) + "\n")
    return path


def test_data_check_of_sound_data_ends_well(peak) -> None:
    ran = peak("data", "check", "builtin:sp500", "--strict")
    assert (ran.code, ran.err) == (0, "")
    assert "0 errors, 0 warnings, 0 notes" in ran.out
    assert "Nothing was found." in ran.out


def test_data_check_of_warnings_fails_only_where_strict(peak) -> None:
    assert peak("data", "check", "builtin:nasdaq").code == 0
    ran = peak("data", "check", "builtin:nasdaq", "--strict")
    assert ran.code == 1
    assert "runs of bars without any volume: 2" in ran.out
    assert "row 4114 (2015-05-12)" in ran.out


def test_data_check_of_errors_fails_and_shows_their_lines(peak, broken: Path) -> None:
    ran = peak("data", "check", "broken.csv")
    assert ran.code == 1
    assert "row 4 (line 6) (2024-01-05): open 11.5, high 12.0, low 0.0, close 11.8" in ran.out


def test_data_check_json_is_one_object(peak, broken: Path) -> None:
    ran = peak("data", "check", "broken.csv", "--json")
    assert (ran.code, ran.err) == (1, "")
    assert {"name", "rows", "interval", "findings", "unchecked", "is_loadable"} <= set(ran.json)
    findings = ran.json["findings"]
    assert isinstance(findings, list)
    assert {one["kind"] for one in findings if one["severity"] == "error"} == {
        "unsorted", "duplicate", "price", "inconsistent",
    }  # fmt: skip


def test_data_check_repair_writes_what_a_backtest_takes(peak, broken: Path, folder: Path) -> None:
    before = broken.read_bytes()
    ran = peak("data", "check", "broken.csv", "--repair", "mended.csv")
    assert ran.code == 0, ran.out
    assert ran.out.splitlines()[-1] == "mended.csv"
    assert "rows dropped that repeated another row: 1; row 3 (2024-01-03)" in ran.out
    assert (folder / "mended.csv").read_text().splitlines() == [
        ROWS[0], ROWS[1], "2024-01-03,10.5,11.0,10.0,11,110", ROWS[2], ROWS[6],
    ]  # fmt: skip
    assert broken.read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["broken.csv", "mended.csv"]
    assert peak("data", "check", "mended.csv").code == 0


def test_data_check_repair_json_counts_each_repair(peak, broken: Path) -> None:
    found = peak("data", "check", "broken.csv", "--repair", "m.parquet", "--json").json
    done = found["repair"]
    assert isinstance(done, dict)
    assert done["path"] == "m.parquet"
    assert {one["kind"]: one["rows"] for one in done["repairs"]} == {
        "sorted": [2], "duplicate dropped": [3], "row dropped": [4], "high or low widened": [2],
    }  # fmt: skip
    assert done["left"]["is_loadable"] is True
    assert found["is_loadable"] is False


def test_data_check_repair_with_contradictions_left_fails(peak, broken: Path) -> None:
    broken.write_text("\n".join([*ROWS, "2024-01-08,11,12,10,11,140"]) + "\n")
    ran = peak("data", "check", "broken.csv", "--repair", "mended.csv")
    assert ran.code == 1
    assert "left: DataReport(file:mended.csv: 5 rows, 1 error" in ran.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gone.csv",), "is not there"),
        (("builtin:sp50",), "did you mean sp500"),
        (("broken.csv", "--repair", "broken.csv"), "is the file that the data are read from"),
        (("broken.csv", "--repair", "out.xlsx"), "ends in .xlsx"),
        (("broken.csv", "--repair", "no/out.csv"), "does not exist"),
        (("broken.csv", "--calendar", "XNYZ"), "did you mean XNYS"),
        (("broken.csv", "--columns", "close=gone"), "'gone'"),
        (("broken.csv", "--interval", "1x"), "1x"),
        (("builtin:sp500", "--interval", "1h"), "has bars of 1d"),
        (("builtin:sp500_stocks", "--symbol", "APPL"), "did you mean AAPL"),
        ((), "SOURCE"),
    ],
)
def test_data_check_of_bad_input_ends_with_two(peak, broken, arguments, message) -> None:
    ran = peak("data", "check", *arguments)
    assert ran.code == 2
    assert message in ran.err
    assert "Traceback" not in ran.err
    told = peak("data", "check", *arguments, "--json")
    assert json.loads(told.out)["error"]["exit_code"] == 2


def test_data_check_reads_as_the_configuration_says(peak, folder: Path) -> None:
    (folder / "peak.toml").write_text('[data]\ncalendar = "24/7"\ntimezone = "Asia/Tokyo"\n')
    lines = [f"2024-01-{day:02d},{100 + day % 3}" for day in (1, 2, 3, 6, 7)]
    (folder / "days.csv").write_text("\n".join(["time,close", *lines]) + "\n")
    found = peak("data", "check", "days.csv", "--json").json
    assert found["calendars"] == ["24/7"]
    assert found["findings"][0]["bars"] == 2
    assert peak("data", "check", "builtin:sp500").code == 0
