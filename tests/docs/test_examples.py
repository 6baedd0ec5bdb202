"""Every example runs as its first lines say, in a folder that is not its own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
PEAK = Path(sys.executable).with_name("peak")


def ran(command: list[str], folder: Path) -> str:
    """Standard output of a command that must end well and complain of nothing."""
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert not done.stderr
    return done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_example_runs_from_any_folder(script: Path, tmp_path: Path) -> None:
    assert ran([sys.executable, "-W", "error", str(script)], tmp_path)


def test_quickstart_writes_its_report_where_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    out = ran([sys.executable, str(EXAMPLES / "quickstart.py"), "here"], tmp_path)
    report = tmp_path / out.splitlines()[-1]
    assert report.parent.name == "here"
    assert report.read_text("utf-8").startswith("<!")


def test_own_strategy_is_traded_by_the_command_that_it_names(tmp_path: Path) -> None:
    script = EXAMPLES / "own_strategy.py"
    named = re.search(r"peak (backtest .*)", script.read_text("utf-8"))
    assert named
    arguments = named[1].replace("examples/", f"{EXAMPLES.as_posix()}/").split()
    assert "Breakout(n=100" in ran([str(PEAK), *arguments], tmp_path)
    checked = ran([str(PEAK), "causality", *arguments[1:4], "--every", "200"], tmp_path)
    assert "No look-ahead was found at the bars that were checked." in checked
