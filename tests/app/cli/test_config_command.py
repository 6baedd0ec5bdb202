"""`peak config`, `peak doctor`, `peak data list` and `peak strategies`."""

from pathlib import Path

import pytest


def test_config_show_names_the_layer_of_every_value(
    peak, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "peak.toml").write_text("[backtest]\ncash = 5000\n")
    monkeypatch.setenv("PEAK__SWEEP__TOP", "3")
    found = peak("config", "show", "--set", "data.lot=1", "--json").json["settings"]
    changed = {item["key"]: (item["value"], item["layer"]) for item in found}
    assert changed["backtest.cash"] == (5000, "peak.toml:2")
    assert changed["sweep.top"] == (3, "PEAK__SWEEP__TOP")
    assert changed["data.lot"] == (1, "--set")
    assert changed["backtest.slippage"] == (0, "default")
    plain = peak("config", "show", "--set", "data.lot=1").out
    assert "peak.toml:2" in plain


def test_config_explain_says_value_layer_range_and_meaning(peak) -> None:
    ran = peak("config", "explain", "backtest.commission")
    assert ran.code == 0
    for part in ("default", "a number of at least 0 and below 10000", "basis points"):
        assert part in ran.out


def test_config_explain_unknown_key_ends_with_2(peak) -> None:
    ran = peak("config", "explain", "backtest.comission")
    assert ran.code == 2
    assert "did you mean backtest.commission" in ran.err


def test_config_check_tells_good_from_bad(peak, folder: Path) -> None:
    (folder / "good.toml").write_text("[backtest]\ncash = 5\n")
    (folder / "bad.toml").write_text("[backtest]\n\ncash = -5\n")
    good = peak("config", "check", "good.toml", "--json")
    assert (good.code, good.json["valid"], good.json["keys"]) == (0, True, ["backtest.cash"])
    bad = peak("config", "check", "bad.toml")
    assert bad.code == 2
    assert "bad.toml:3" in bad.err
    assert peak("config", "check", "none.toml").code == 2


def test_config_check_of_a_section_file_knows_its_section(peak, folder: Path) -> None:
    (folder / "config").mkdir()
    (folder / "config" / "sweep.toml").write_text("top = 5\n")
    assert peak("config", "check", "config/sweep.toml", "--json").json["keys"] == ["sweep.top"]


def test_broken_config_of_the_folder_ends_with_2(peak, folder: Path) -> None:
    (folder / "peak.toml").write_text("[backtest]\ncsh = 5\n")
    ran = peak("backtest", "ma_cross", "--data", "builtin:sp500")
    assert ran.code == 2
    assert "peak.toml:2" in ran.err


def test_doctor_reports_what_it_looked_at(peak) -> None:
    ran = peak("doctor", "--json")
    assert ran.code == 0
    assert ran.json["ok"] is True
    assert {"name", "state", "found"} == set(ran.json["checks"][0])
    assert "Everything required is there." in peak("doctor").out


def test_data_list_names_every_series(peak) -> None:
    found = peak("data", "list", "--json").json["data"]
    assert {"builtin:sp500", "builtin:nasdaq", "builtin:vix"} <= {item["data"] for item in found}
    assert {"rows", "interval", "first", "last", "source", "available"} <= set(found[0])
    assert "sp500_stocks" in peak("data", "list").out


def test_strategies_lists_the_registry(peak) -> None:
    found = peak("strategies", "--json").json["strategies"]
    assert {"ma_cross", "rsi_reversion"} <= {item["name"] for item in found}
    assert all(item["description"] for item in found)
    assert "ma_cross" in peak("strategies").out


def test_strategies_one_shows_parameters_and_ranges(peak) -> None:
    found = peak("strategies", "ma_cross", "--json").json
    fast = next(item for item in found["parameters"] if item["name"] == "fast")
    assert fast["type"] == "int"
    assert fast["low"] is not None
    assert found["warmup"] > 0
    assert found["description"]
    plain = peak("strategies", "ma_cross").out
    assert "fast" in plain
    assert "slow" in plain


def test_strategies_of_a_file_without_defaults_shows_what_is_required(peak, folder: Path) -> None:
    (folder / "mine.py").write_text(
        "class Mine:\n    '''Hold.'''\n    def __init__(self, weight, lag=2): ...\n"
        "    def targets(self, bars): ...\n"
    )
    ran = peak("strategies", "mine.py:Mine")
    assert ran.code == 0
    assert "required" in ran.out
