"""Checks of the installation: what is missing is told apart from what is broken."""

import importlib.metadata
from pathlib import Path

import pytest

from peak_trade.app import doctor


def states() -> dict[str, str]:
    return {item.name: item.state for item in doctor.examine()}


def test_examine_looks_at_everything_that_matters() -> None:
    named = {"python", "numba", "processors", "kernel cache", "disk", "clock", "time zones"}
    assert named | {"extra research", "working folder", "strategies"} <= set(states())


def test_examine_here_finds_nothing_broken() -> None:
    assert [item for item in doctor.examine() if item.state == "broken"] == []


def test_examine_missing_extra_gives_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def without(name: str) -> str:
        if name == "arch":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(doctor, "version", without)
    found = next(item for item in doctor.examine() if item.name == "extra research")
    assert found.state == "missing"
    assert found.text == "arch missing: pip install 'peak-trade[research]'"


def test_examine_missing_requirement_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def without(name: str) -> str:
        if name == "polars":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(doctor, "version", without)
    assert states()["polars"] == "broken"


def test_examine_unwritable_cache_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert states()["kernel cache"] == "warning"
