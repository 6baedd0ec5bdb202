"""Input that cannot be used: a clear error, exit code 2, and no file left behind."""

from pathlib import Path

import pytest

HEAD = "time,open,high,low,close,volume\n"
ROW = "2024-01-0{day},{price},{price},{price},{price},10\n"
GOOD = HEAD + "".join(ROW.format(day=day, price=100 + day) for day in range(1, 8))

BAD_FILES = {
    "empty file": ("", "empty"),
    "header alone": (HEAD, "empty"),
    "missing column": ("time,open,high,low\n2024-01-01,1,1,1\n2024-01-02,1,1,1\n", "close"),
    "mixed time zones": (
        "time,close\n2024-01-01T00:00:00+01:00,1\n2024-01-02T00:00:00,2\n",
        "time zone",
    ),
    "duplicate stamps": (GOOD + ROW.format(day=7, price=107), "2024-01-07"),
    "unsorted stamps": (
        HEAD + "".join(ROW.format(day=day, price=100) for day in (1, 3, 2)),
        "2024-01-02",
    ),
    "NaN": (GOOD.replace("103,103,103,103", "103,103,103,NaN"), "2024-01-03"),
    "empty price": (GOOD.replace("103,103,103,103", "103,103,103,"), "2024-01-03"),
    "negative price": (GOOD.replace("103,103,103,103", "-3,-3,-3,-3"), "-3"),
    "zero price": (GOOD.replace("103,103,103,103", "0,0,0,0"), "0"),
    "high below low": (GOOD.replace("103,103,103,103", "103,102,104,103"), "2024-01-03"),
    "text for a price": (GOOD.replace("103,103,103,103", "103,103,103,abc"), "abc"),
}

COMMANDS = {
    "backtest": ("backtest", "ma_cross", "--set", "fast=2", "--set", "slow=3"),
    "sweep": ("sweep", "ma_cross", "--grid", "fast=2:3:1", "--grid", "slow=4"),
    "causality": ("causality", "ma_cross", "--set", "fast=2", "--set", "slow=3"),
}
WRITES = {
    "backtest": ("--report", "out.html", "--trades", "trades.csv", "--equity", "equity.csv"),
    "sweep": ("--report", "out.html"),
    "causality": (),
}


def refused(peak, folder: Path, *arguments: str) -> str:
    """Run a command both ways, look at what is left, and give the message."""
    before = sorted(folder.rglob("*"))
    ran = peak(*arguments)
    assert ran.code == 2, ran.out + ran.err
    assert ran.out == ""
    assert ran.err.startswith("Error: ")
    told = peak(*arguments, "--json")
    assert told.code == 2
    assert told.json["error"]["message"] in ran.err
    left = [path for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts]
    assert left == before
    return ran.err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_file_is_refused(peak, folder: Path, command: str, case: str) -> None:
    text, message = BAD_FILES[case]
    (folder / "bars.csv").write_text(text, encoding="utf-8")
    arguments = (*COMMANDS[command], "--data", "file:bars.csv", *WRITES[command])
    assert message in refused(peak, folder, *arguments)


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_file_is_refused(peak, folder: Path, command: str) -> None:
    arguments = (*COMMANDS[command], "--data", "file:none.csv", *WRITES[command])
    assert "none.csv" in refused(peak, folder, *arguments)


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_builtin_is_refused(peak, folder: Path, command: str) -> None:
    arguments = (*COMMANDS[command], "--data", "builtin:sp50", *WRITES[command])
    assert "sp500" in refused(peak, folder, *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("backtest", "ma_cros"), "did you mean ma_cross"),
        (("sweep", "ma_cros", "--grid", "fast=5"), "did you mean ma_cross"),
        (("causality", "ma_cros"), "did you mean ma_cross"),
        (("backtest", "none.py:Mine"), "does not exist"),
        (("backtest", "ma_cross", "--set", "fst=5"), "did you mean fast"),
        (("sweep", "ma_cross", "--grid", "fst=5:10:1"), "did you mean fast"),
        (("sweep", "ma_cross", "--grid", "fast=5:10:1", "--set", "slw=50"), "did you mean slow"),
        (("sweep", "ma_cross", "--grid", "fast=5", "--set", "fast=6"), "--grid and in --set"),
        (("causality", "ma_cross", "--set", "fst=5"), "did you mean fast"),
        (("backtest", "ma_cross", "--set", "fast=0"), "out of range"),
        (("backtest", "ma_cross", "--set", "fast=abc"), "fast"),
        (("backtest", "ma_cross", "--set", "fast=50", "--set", "slow=5"), "slow"),
        (("backtest", "ma_cross", "--set", "fast"), "name=value"),
        (("backtest", "ma_cross", "--cash", "-5"), "backtest.cash"),
        (("sweep", "ma_cross", "--grid", "fast=5", "--cash", "0"), "backtest.cash"),
        (("backtest", "ma_cross", "--commission", "-1"), "--commission"),
        (("backtest", "ma_cross", "--slippage", "nan"), "--slippage"),
        (("backtest", "ma_cross", "--stop-loss", "5"), "--stop-loss"),
        (("backtest", "ma_cross", "--take-profit", "0"), "--take-profit"),
        (("backtest", "ma_cross", "--cash-buffer", "1"), "--cash-buffer"),
        (("backtest", "ma_cross", "--lot", "0"), "--lot"),
        (("backtest", "ma_cross", "--set", "backtest.csh=5"), "did you mean backtest.cash"),
        (("backtest", "ma_cross", "--config", "none.toml"), "none.toml"),
        (("backtest", "ma_cross", "--from", "yesterday"), "yesterday"),
        (("backtest", "ma_cross", "--to", "2024-13-01"), "2024-13-01"),
        (("backtest", "ma_cross", "--from", "2018-01-01", "--to", "2017-01-01"), "2017"),
        (("backtest", "ma_cross", "--from", "2030-01-01"), "2030"),
        (("backtest", "ma_cross", "--interval", "1h"), "1d"),
        (("backtest", "ma_cross", "--symbol", "SP50"), "did you mean SP500"),
        (("backtest", "ma_cross", "--report", "out.txt"), ".html"),
        (("backtest", "ma_cross", "--report", "none/out.html"), "does not exist"),
        (("backtest", "ma_cross", "--trades", "t.xlsx"), ".csv or .parquet"),
        (("backtest", "ma_cross", "--trades", "a.csv", "--equity", "a.csv"), "two outputs"),
        (("sweep", "ma_cross", "--grid", "fast=5:50:0"), "empty"),
        (("sweep", "ma_cross", "--grid", "fast=50:5:5"), "empty"),
        (("sweep", "ma_cross", "--grid", "fast=50,60", "--grid", "slow=10,20"), "slow"),
        (("sweep", "ma_cross", "--grid", "backtest.cash=1,2"), "cannot be swept"),
        (("sweep", "ma_cross", "--grid", "costs.commission=1"), "backtest.commission"),
        (("sweep", "ma_cross", "--grid", "fast=5", "--sort", "sharp"), "did you mean sharpe"),
        (("sweep", "ma_cross", "--grid", "fast=5", "--top", "0"), "--top"),
        (("sweep", "ma_cross", "--grid", "fast=5", "--threads", "-1"), "--threads"),
    ],
)
def test_bad_option_is_refused(
    peak, folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in refused(peak, folder, *arguments, "--data", "builtin:sp500")


@pytest.mark.parametrize("command", ["backtest", "sweep"])
def test_warmup_longer_than_the_data_is_refused(peak, folder: Path, command: str) -> None:
    (folder / "bars.csv").write_text(GOOD, encoding="utf-8")
    choice = {
        "backtest": ("--set", "fast=2", "--set", "slow=50"),
        "sweep": ("--grid", "fast=2,3", "--grid", "slow=50"),
    }[command]
    arguments = (command, "ma_cross", *choice, "--data", "file:bars.csv", *WRITES[command])
    assert "warm-up" in refused(peak, folder, *arguments)


def test_strategy_whose_targets_fail_is_refused(peak, folder: Path) -> None:
    (folder / "bars.csv").write_text(GOOD, encoding="utf-8")
    (folder / "mine.py").write_text(
        "class Mine:\n    def targets(self, bars):\n        return bars.close[:2, 0]\n"
    )
    message = refused(peak, folder, "backtest", "mine.py:Mine", "--data", "file:bars.csv")
    assert "Mine" in message


def test_output_over_the_data_is_refused(peak, folder: Path) -> None:
    (folder / "bars.csv").write_text(GOOD, encoding="utf-8")
    arguments = (*COMMANDS["backtest"], "--data", "file:bars.csv", "--trades", "bars.csv")
    assert "data are read from" in refused(peak, folder, *arguments)
    assert (folder / "bars.csv").read_text() == GOOD


@pytest.mark.parametrize("command", ["backtest", "sweep", "causality"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def __init__(self, weight): self.weight = weight", "weight"),
        ("def __init__(self, weight=1): raise ValueError('wrong weight')", "wrong weight"),
    ],
)
def test_strategy_that_cannot_be_made_is_refused(
    peak, folder: Path, command: str, text: str, message: str
) -> None:
    (folder / "bars.csv").write_text(GOOD, encoding="utf-8")
    (folder / "mine.py").write_text(
        f"class Mine:\n    {text}\n    def targets(self, bars): return bars.close > 0\n"
    )
    grid = ("--grid", "backtest.stop_loss=0.1,0.2") if command == "sweep" else ()
    arguments = (command, "mine.py:Mine", *grid, "--data", "file:bars.csv")
    assert message in refused(peak, folder, *arguments)


@pytest.mark.parametrize("command", ["backtest", "sweep", "causality"])
def test_strategy_whose_targets_raise_is_refused(peak, folder: Path, command: str) -> None:
    (folder / "bars.csv").write_text(GOOD, encoding="utf-8")
    (folder / "mine.py").write_text(
        "class Mine:\n    def __init__(self, lag=1): self.lag = lag\n"
        "    def targets(self, bars): return bars.nonsense\n"
    )
    grid = ("--grid", "lag=1,2") if command == "sweep" else ()
    arguments = (command, "mine.py:Mine", *grid, "--data", "file:bars.csv")
    assert "nonsense" in refused(peak, folder, *arguments)
