"""What a command was asked for is recorded whole, without secrets, and restored as it was."""

import inspect
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from peak_trade.app.cli import backtest, sweep
from peak_trade.app.config import Assignment, configure
from peak_trade.app.keys import KEYS
from peak_trade.app.recording import Asked, origin_of, request_of, settings_of
from peak_trade.app.settings import Settings
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ConfigError, InputError, JournalError
from peak_trade.research.backtest import backtest as traded
from peak_trade.research.run import Run, run_of
from peak_trade.strategies import MaCross

NOT_OF_THE_RESULT = {
    *("report", "tables", "open_", "trades", "equity"),
    *("label", "tag", "config", "json"),
}
SECRET = "postgresql://me:hush@host/name"


def configured(folder: Path, *overrides: Assignment):
    return configure(Settings, folder, environ={}, overrides=overrides)


def recorded(asked: Asked, found) -> Run:
    """A run as the database gives it back: through JSON."""
    result = traded(MaCross(fast=1, slow=2), Bars.from_arrays([10.0, 11.0, 12.0, 11.0]))
    run = run_of(result, origin=origin_of(asked, found))
    run_request = json.loads(json.dumps(run.request))
    return Run(
        **{item.name: getattr(run, item.name) for item in fields(run)} | {"request": run_request}
    )


@pytest.mark.parametrize("command", [backtest.run, sweep.run])
def test_every_option_of_a_command_is_recorded_or_known_not_to_matter(
    command: Callable[..., None],
) -> None:
    known = set(KEYS) | {item.name for item in fields(Asked)} | NOT_OF_THE_RESULT
    unknown = set(inspect.signature(command).parameters) - known
    assert not unknown, f"{unknown} would not be restored: see app.recording.Asked"


def test_asked_keeps_parameters_and_leaves_settings_out() -> None:
    given = {
        "strategy": "ma_cross",
        "data": "builtin:sp500",
        "settings": ["fast=20", f"journal.url={SECRET}", "note=a.b"],
        "symbol": ["A"],
        "report": Path("x.html"),
    }
    asked = Asked.of(given)
    assert asked.settings == ["fast=20", "note=a.b"]
    assert (asked.symbol, asked.grid) == (["A"], None)


def test_origin_holds_no_secret_and_nothing_of_reports(tmp_path: Path) -> None:
    found = configured(
        tmp_path,
        Assignment("journal.url", SECRET, "--set", is_text=True),
        Assignment("report.folder", "out", "--set"),
    )
    origin = origin_of(Asked("s", "d"), found)
    assert "hush" not in json.dumps(origin.request)
    assert not any(key.startswith(("journal.", "report.")) for key in origin.settings)
    assert not any(key.startswith("sweep.") for key in origin.settings)
    assert "sweep.sort" in settings_of(found, is_sweep=True)


def test_request_of_a_run_restores_values_and_layers(tmp_path: Path) -> None:
    (tmp_path / "peak.toml").write_text('[data]\nstamp = "close"\n[backtest]\ncash = 5\n')
    found = configured(tmp_path, Assignment("data.interval", "1h", "--interval"))
    asked = Asked("ma_cross", "file:bars.csv", ["fast=3"], None, "2024-01-01")
    with request_of(recorded(asked, found)) as (again, restored):
        assert again == asked
        assert restored.values.backtest == found.values.backtest
        assert restored.values.data == found.values.data
        for key in settings_of(found, is_sweep=False):
            assert restored.explain(key).layer == found.explain(key).layer


def test_request_of_a_run_ignores_the_configuration_of_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = recorded(Asked("s", "d"), configured(tmp_path))
    monkeypatch.setenv("PEAK__BACKTEST__CASH", "7")
    with request_of(run) as (_, restored):
        assert restored.values.backtest.cash == 100_000.0


def test_request_of_a_run_keeps_a_default_that_has_changed_since(tmp_path: Path) -> None:
    run = recorded(Asked("s", "d"), configured(tmp_path))
    run.request["settings"]["backtest.cash"] = 12_345.0
    with request_of(run) as (_, restored):
        assert restored.values.backtest.cash == 12_345.0


def test_request_of_a_run_with_a_setting_that_is_gone_names_it(tmp_path: Path) -> None:
    run = recorded(Asked("s", "d"), configured(tmp_path))
    run.request["settings"]["backtest.gone"] = 1
    with pytest.raises(ConfigError, match=r"backtest\.gone.*the record"), request_of(run):
        pass


def test_request_of_a_run_of_a_newer_version_names_what_it_has(tmp_path: Path) -> None:
    run = recorded(Asked("s", "d"), configured(tmp_path))
    run.request["asked"]["leverage"] = 2
    with pytest.raises(JournalError, match="leverage"), request_of(run):
        pass


def test_request_of_a_run_from_python_is_refused() -> None:
    result = traded(MaCross(fast=1, slow=2), Bars.from_arrays([10.0, 11.0, 12.0, 11.0]))
    with pytest.raises(InputError, match="recorded from Python"), request_of(run_of(result)):
        pass
