"""Run `peak` in a folder of its own and look at what it prints and leaves behind."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from peak_trade.app.cli.main import main


@dataclass(frozen=True)
class Ran:
    """Exit code and output of one command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        """The one JSON object on standard output."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


Peak = Callable[..., Ran]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def peak(folder: Path, capsys: pytest.CaptureFixture[str]) -> Peak:
    def run(*arguments: str) -> Ran:
        try:
            code = main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def bars_csv(folder: Path) -> Path:
    """60 days of bars that rise and fall."""
    lines = ["time,open,high,low,close,volume"]
    for day in range(60):
        price = 100 + 10 * ((day // 7) % 3) + day % 7
        month, date = 1 + day // 28, 1 + day % 28
        stamp = f"2024-{month:02d}-{date:02d}"
        lines.append(f"{stamp},{price},{price + 2},{price - 2},{price + 1},1000")
    path = folder / "bars.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
