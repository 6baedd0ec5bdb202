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
        (("backtest", "ma_cross", "--stop-loss", "1.2"), "above 0 and below 1"),
        (("backtest", "ma_cross", "--trailing", "1.2"), "above 0 and below 1"),
        (("backtest", "ma_cross", "--trailing-arm", "0.1"), "without a trailing stop"),
        (("backtest", "ma_cross", "--trailing", "0.1", "--trailing-atr", "3"), "both trailing"),
        (("backtest", "ma_cross", "--max-bars", "0"), "--max-bars"),
        (("backtest", "ma_cross", "--roi", "60"), "is no pair"),
        (("backtest", "ma_cross", "--roi", "60:0.1,0:0.2"), "does not ascend"),
        (("backtest", "ma_cross", "--partials", "0.1:0.6,0.2:0.6"), "add up to 1.2"),
        (("backtest", "ma_cross", "--fees", "krakn"), "did you mean kraken"),
        (("backtest", "ma_cross", "--fees", "none.toml"), "none.toml"),
        (("backtest", "ma_cross", "--fees", "kraken", "--commission", "5"), "both a commission"),
        (("backtest", "ma_cross", "--borrow", "-1"), "--borrow"),
        (("backtest", "ma_cross", "--currency", "XYZ"), "converts USD to XYZ"),
        (("backtest", "ma_cross", "--set", "costs.half_spread=gap"), "feature 'gap'"),
        (("backtest", "ma_cross", "--leverage", "0.5"), "--leverage"),
        (("backtest", "ma_cross", "--leverage", "5"), "maintenance of 0.25"),
        (("backtest", "ma_cross", "--set", "margin.rate=0.05"), "--leverage"),
        (("backtest", "ma_cross", "--max-drawdown", "0"), "--max-drawdown"),
        (("backtest", "ma_cross", "--band", "0.1"), "do not go together"),
        (("backtest", "ma_cross", "--rebalance", "band"), "do not go together"),
        (("backtest", "ma_cross", "--sizer", "kely"), "did you mean kelly"),
        (("backtest", "ma_cross", "--sizer", "kelly,fracton=1"), "did you mean fraction"),
        (("backtest", "ma_cross", "--sizer", "volatility"), "needs a value for target"),
        (("backtest", "ma_cross", "--actions", "none.csv"), "none.csv"),
        (("backtest", "ma_cross", "--detail", "none.csv"), "none.csv"),
        (("backtest", "ma_cross", "--detail", "builtin:sp500"), "not finer"),
        (("backtest", "ma_cross", "--detail", "builtin:nasdaq"), "not SP500"),
        (("sweep", "ma_cross", "--grid", "exits.trailng=0.1"), "did you mean exits.trailing"),
        (("sweep", "ma_cross", "--grid", "exits.convention=adverse"), "cannot be swept"),
        (("sweep", "ma_cross", "--grid", "exits.roi=1"), "cannot be swept"),
        (("sweep", "ma_cross", "--grid", "exits.trailing=wide"), "no number"),
        (("sweep", "ma_cross", "--grid", "exits.trailing=0.1,1.2"), "trailing 1.2"),
        (("sweep", "ma_cross", "--grid", "risk.backtest.flatten=1"), "cannot be swept"),
        (
            (
                "sweep",
                "ma_cross",
                "--grid",
                "exits.stop_loss=0.1",
                "--grid",
                "backtest.stop_loss=1",
            ),
            "two names",
        ),
        (("sweep", "ma_cross", "--grid", "fast=5", "--fees", "krakn"), "did you mean kraken"),
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


def hold(folder: Path, weight: float) -> None:
    (folder / "bars.csv").write_text(GOOD, encoding="utf-8")
    (folder / "mine.py").write_text(
        f"class Mine:\n    def targets(self, bars):\n        return bars.close * 0 + {weight}\n"
    )


def test_dividend_before_the_first_bar_is_refused(peak, folder: Path) -> None:
    hold(folder, 1.0)
    (folder / "paid.csv").write_text("date,dividend\n2023-12-31,1.5\n")
    arguments = ("backtest", "mine.py:Mine", "--data", "file:bars.csv", "--actions", "paid.csv")
    message = refused(peak, folder, *arguments)
    assert "the dividend of bars at 2023-12-31" in message
    assert "before its first bar" in message


def test_actions_of_another_instrument_are_refused(peak, folder: Path) -> None:
    hold(folder, 1.0)
    (folder / "paid.csv").write_text("date,symbol,dividend\n2024-01-03,KO,1.5\n")
    arguments = ("backtest", "mine.py:Mine", "--data", "file:bars.csv", "--actions", "paid.csv")
    assert "'bars' is not in" in refused(peak, folder, *arguments)


def test_weights_above_1_without_a_margin_model_are_refused(peak, folder: Path) -> None:
    hold(folder, 1.5)
    message = refused(peak, folder, "backtest", "mine.py:Mine", "--data", "file:bars.csv")
    assert "absolute weights 1.5 exceed 1.0" in message
    assert "margin model" in message


@pytest.mark.parametrize("cost", ["volume_share=0.1", "impact=1"])
def test_volume_costs_on_bars_without_volume_are_refused(peak, folder: Path, cost: str) -> None:
    hold(folder, 1.0)
    lines = [line.rpartition(",")[0] for line in GOOD.splitlines()]
    (folder / "bars.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    arguments = ("backtest", "mine.py:Mine", "--data", "file:bars.csv", "--set", f"costs.{cost}")
    assert "need volumes" in refused(peak, folder, *arguments)


def test_fee_schedule_whose_tiers_overlap_is_refused(peak, folder: Path) -> None:
    hold(folder, 1.0)
    (folder / "fees.toml").write_text("[[schedule]]\ntiers = [[9, 0.1, 0.2], [5, 0.1, 0.2]]\n")
    arguments = ("backtest", "mine.py:Mine", "--data", "file:bars.csv", "--fees", "fees.toml")
    message = refused(peak, folder, *arguments)
    assert "fees.toml: fee tiers overlap" in message


def test_exits_on_closes_alone_are_refused(peak, folder: Path) -> None:
    hold(folder, 1.0)
    arguments = ("backtest", "mine.py:Mine", "--data", "builtin:vix", "--trailing", "0.1")
    assert "closes alone" in refused(peak, folder, *arguments)
