"""What is printed: JSON without NaN, tables without anything cut off."""

import json

import numpy as np
import pytest

from peak_trade.app.cli.console import as_json, print_json, print_table, progress


def test_print_json_not_finite_becomes_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": float("nan"), "b": float("-inf"), "c": [np.float64("nan"), 1.5]})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": None, "c": [None, 1.5]}


def test_as_json_numpy_values_become_plain() -> None:
    found = as_json({"i": np.int64(3), "b": np.bool_(True), "a": np.arange(2), "t": (1, None)})
    assert found == {"i": 3, "b": True, "a": [0, 1], "t": [1, None]}
    assert json.dumps(found)


def test_print_table_wide_cells_stay_whole_on_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_table(("name", "value"), [("x" * 150, "1.50"), ("[b]y", "-10.25")], words={0})
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("x" * 150)
    assert lines[2].startswith("[b]y")
    assert lines[1].endswith("  1.50")
    assert lines[2].endswith("-10.25")
    assert len({len(line) for line in lines}) == 1


def test_progress_where_nobody_watches_gives_none() -> None:
    with progress("x", wanted=True) as watch:
        assert watch is None


def test_print_table_wider_than_the_terminal_loses_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    names = [f"measure_{k}" for k in range(8)]
    print_table(names, [["1,234,567.89"] * 8])
    shown = capsys.readouterr().out
    assert shown.count("1,234,567.89") == 8
    assert all(name in shown for name in names)
