"""The command line's frame: help, start-up, exit codes, and how errors are told."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from peak_trade.app.cli import catalogue
from peak_trade.app.cli.examples import EXAMPLES
from peak_trade.domain.errors import DataError, LedgerError

MAIN = "from peak_trade.app.cli.main import main; raise SystemExit(main())"
HEAVY = ("numpy", "numba", "polars", "pandas", "pydantic", "plotly", "rich.table")


def process(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        check=False,
    )


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch):
    """Make `peak data list` raise."""

    def raise_(error: BaseException) -> None:
        def fail(_: object) -> None:
            raise error

        monkeypatch.setattr(catalogue, "print_json", fail)
        monkeypatch.setattr(catalogue, "print_table", lambda *_, **__: fail(None))

    return raise_


@pytest.mark.parametrize("command", EXAMPLES)
def test_help_of_every_command_shows_its_examples(peak, command: str) -> None:
    ran = peak(*command.split(), "--help")
    assert ran.code == 0
    lines = [line.strip() for line in ran.out.splitlines()]
    for example in EXAMPLES[command]:
        assert example in lines


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_lists_every_command(peak, arguments: tuple[str, ...]) -> None:
    ran = peak(*arguments)
    assert ran.code == 0
    for command in {line.split()[0] for line in EXAMPLES}:
        assert f" {command} " in ran.out


def test_version_is_printed(peak) -> None:
    assert peak("--version").out.startswith("peak-trade ")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from peak_trade.app.cli.main import main; main(['--help']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr.strip() in ("[]", "['rich.table']")  # help itself is drawn with rich


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("backtst",), "backtst"),
        (("backtest", "ma_cross"), "--data"),
        (("backtest", "ma_cross", "--data", "x", "--cahs", "5"), "--cash"),
        (("backtest", "ma_cross", "--data", "x", "--cash", "much"), "--cash"),
        (("backtest", "ma_cross", "--data", "x", "--engine", "fst"), "fst"),
        (("causality", "ma_cross", "--data", "x", "--every", "0"), "--every"),
        (("sweep", "ma_cross", "--data", "x"), "--grid"),
    ],
)
def test_usage_error_ends_with_2_and_says_why(
    peak, arguments: tuple[str, ...], message: str
) -> None:
    ran = peak(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert "--help" in ran.err
    told = peak(*arguments, "--json")
    assert told.code == 2
    assert message in told.json["error"]["message"]


def test_input_error_is_told_with_its_hint(peak, broken) -> None:
    broken(DataError("price -1 at row 3", hint="remove it", row=3))
    ran = peak("data", "list")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "Error: price -1 at row 3\nHint:  remove it\n"


def test_input_error_as_json_is_one_object_on_standard_output(peak, broken) -> None:
    broken(DataError("price -1 at row 3", hint="remove it", row=3, price=float("nan")))
    ran = peak("data", "list", "--json")
    assert (ran.code, ran.err) == (2, "")
    assert ran.json == {
        "error": {
            "type": "DataError",
            "message": "price -1 at row 3",
            "hint": "remove it",
            "exit_code": 2,
            "fields": {"row": 3, "price": None},
        }
    }


@pytest.mark.parametrize("error", [RuntimeError("boom"), LedgerError("boom")])
def test_fault_of_the_program_ends_with_1_and_owns_up(peak, broken, error: Exception) -> None:
    broken(error)
    ran = peak("data", "list")
    assert ran.code == 1
    assert "boom; this is a bug in Peak Trade" in ran.err
    assert "Traceback" not in ran.err
    assert "Traceback" in peak("--debug", "data", "list").err
    assert "Traceback" in peak("data", "list", "--debug").err
    assert peak("data", "list", "--json").json["error"]["exit_code"] == 1


def test_file_that_cannot_be_written_is_named(peak, broken) -> None:
    broken(PermissionError(13, "Permission denied", "out.html"))
    ran = peak("data", "list")
    assert ran.code == 1
    assert "out.html: Permission denied" in ran.err
    assert "bug" not in ran.err


def test_interrupt_ends_with_130(peak, broken) -> None:
    broken(KeyboardInterrupt())
    assert peak("data", "list").code == 130


def test_closed_pipe_is_quiet() -> None:
    command = f"sleep 0.1; {sys.executable} -c '{MAIN}' data list --json; echo $? >&2"
    ran = subprocess.run(
        ["bash", "-c", f"({command}) | true"], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in ran.stderr
    assert "Error" not in ran.stderr
    assert ran.stderr.split()[-1] == "141"


def test_output_that_cannot_be_encoded_is_replaced() -> None:
    ran = process("config", "explain", "data.lot", PYTHONIOENCODING="ascii")
    assert ran.returncode == 0


def test_interrupt_signal_while_trading_ends_with_130_and_writes_nothing(
    bars_csv: Path,
) -> None:
    (bars_csv.parent / "slow.py").write_text(
        "import sys, time\n\n"
        "class Slow:\n    def targets(self, bars):\n"
        "        print('ready', file=sys.stderr, flush=True)\n        time.sleep(60)\n"
    )
    command = ["backtest", "slow.py:Slow", "--data", "file:bars.csv", "--trades", "t.csv"]
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, *command], stderr=subprocess.PIPE, cwd=bars_csv.parent
    ) as running:
        assert running.stderr is not None
        assert running.stderr.readline() == b"ready\n"
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
        assert b"Traceback" not in running.stderr.read()
    assert not (bars_csv.parent / "t.csv").exists()
