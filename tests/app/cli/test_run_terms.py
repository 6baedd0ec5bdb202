"""Costs, exits, limits, margin and sizing by command line and configuration, up to the result."""

import tomllib
from pathlib import Path

import pytest

import peak_trade as pt
from peak_trade.data.fees import venue_fees
from peak_trade.portfolio.size import Chain, DrawdownScaled, FixedFraction

MINE = """
import numpy as np


class Mine:
    '''Hold a weight from the third bar on.'''

    def __init__(self, weight=1.0):
        self.weight = weight

    def targets(self, bars):
        found = np.full(len(bars), self.weight)
        found[:2] = 0.0
        return found
"""
MA = ("ma_cross", "--set", "fast=3", "--set", "slow=8", "--data", "file:bars.csv")
HOLD = ("mine.py:Mine", "--data", "file:bars.csv")


@pytest.fixture(autouse=True)
def mine(folder: Path) -> None:
    (folder / "mine.py").write_text(MINE)


@pytest.fixture
def falling_csv(folder: Path) -> Path:
    """30 days that fall by 2 a day from 100."""
    lines = ["time,open,high,low,close,volume"]
    for day in range(30):
        price = 100 - 2 * day
        lines.append(f"2024-01-{day + 1:02d},{price},{price + 1},{price - 3},{price - 2},1000")
    path = folder / "falling.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("options", "place", "value"),
    [
        (("--fees", "us_equities"), "costs.fees.0.per_unit", 0.005),
        (("--borrow", "0.03"), "costs.borrow", 0.03),
        (("--set", "costs.interest=0.02"), "costs.interest", 0.02),
        (("--set", "costs.half_spread=0.01"), "costs.half_spread", 0.01),
        (("--set", "costs.volume_share=0.1"), "costs.volume_share", 0.1),
        (("--set", "costs.impact=1"), "costs.impact", 1.0),
        (("--trailing", "0.05"), "exits.trailing", 0.05),
        (("--trailing", "0.05", "--trailing-arm", "0.02"), "exits.trailing_arm", 0.02),
        (("--break-even", "0.02"), "exits.break_even", 0.02),
        (("--max-bars", "3"), "exits.max_bars", 3),
        (("--roi", "0:0.1,60:0.02"), "exits.roi", [[0.0, 0.1], [60.0, 0.02]]),
        (("--partials", "0.02:0.5"), "exits.partials", [[0.02, 0.5]]),
        (("--stop-atr", "2"), "exits.stop_atr", 2.0),
        (("--take-atr", "2"), "exits.take_atr", 2.0),
        (("--trailing-atr", "2"), "exits.trailing_atr", 2.0),
        (("--convention", "favourable", "--stop-loss", "0.1"), "exits.convention", "favourable"),
        (("--max-drawdown", "0.2"), "limits.max_drawdown", 0.2),
        (("--max-daily-loss", "0.03"), "limits.max_daily_loss", 0.03),
        (("--set", "risk.backtest.max_gross=0.5"), "limits.max_gross", 0.5),
        (("--leverage", "2"), "margin.max_leverage", 2.0),
        (("--leverage", "2", "--set", "margin.rate=0.05"), "margin.rate", 0.05),
        (("--rebalance", "week"), "rebalance", "week"),
        (("--rebalance", "band", "--band", "0.05"), "band", 0.05),
        (("--sizer", "volatility,target=0.1,window=5"), "sizer.target", 0.1),
        (("--sizer", "kelly", "--sizer", "drawdown,limit=0.2"), "sizer.sizers.1.limit", 0.2),
        (("--currency", "USD"), "currency", "USD"),
    ],
)
def test_option_is_among_the_terms_of_the_result(
    peak, bars_csv: Path, options: tuple[str, ...], place: str, value: object
) -> None:
    ran = peak("backtest", *MA, "--engine", "session", "--no-record", *options, "--json")
    assert ran.code == 0, ran.out
    found = ran.json["terms"]
    for part in place.split("."):
        found = found[int(part)] if isinstance(found, list) else found[part]
    assert found == value


def test_terms_of_the_result_have_every_term_at_its_default(peak, bars_csv: Path) -> None:
    terms = peak("backtest", *MA, "--no-record", "--json").json["terms"]
    assert terms["limits"]["max_drawdown"] == 1.0
    assert set(terms["exits"]) >= {"trailing", "roi", "partials", "max_bars", "convention"}
    assert (terms["margin"], terms["sizer"], terms["rebalance"]) == (None, None, "change")


def test_backtest_of_many_terms_equals_that_of_python(peak, bars_csv: Path) -> None:
    options = (
        *("--fees", "kraken", "--slippage", "5", "--borrow", "0.05", "--trailing", "0.06"),
        *("--trailing-arm", "0.01", "--break-even", "0.03", "--max-bars", "9", "--roi", "0:0.2"),
        *("--partials", "0.03:0.5", "--max-drawdown", "0.3", "--leverage", "2"),
        *("--rebalance", "band", "--band", "0.02", "--sizer", "fixed_fraction,fraction=0.9"),
        *("--sizer", "drawdown,limit=0.5"),
    )
    told = peak("backtest", *MA, *options, "--engine", "session", "--no-record", "--json").json
    alone = pt.backtest(
        pt.strategies.MaCross(fast=3, slow=8),
        pt.load("file:bars.csv"),
        costs=pt.Costs(slippage=0.0005, fees=venue_fees("kraken"), borrow=0.05),
        exits=pt.Exits(
            trailing=0.06,
            trailing_arm=0.01,
            break_even=0.03,
            max_bars=9,
            roi=((0.0, 0.2),),
            partials=((0.03, 0.5),),
        ),
        limits=pt.Limits(max_drawdown=0.3),
        margin=pt.Margin(max_leverage=2.0),
        rebalance="band",
        band=0.02,
        sizer=Chain(FixedFraction(0.9), DrawdownScaled(0.5)),
        engine="session",
    )
    assert told["equity_final"] == alone.equity_final
    assert told["stats"]["trades"] == alone.stats["trades"] > 2
    free = peak("backtest", *MA, "--no-record", "--json").json
    assert told["equity_final"] != free["equity_final"]


def test_terms_of_files_reach_the_run(peak, bars_csv: Path) -> None:
    folder = bars_csv.parent
    (folder / "peak.toml").write_text(
        '[exits]\nmax_bars = 4\n[sizing]\nsizer = "fixed_fraction,fraction=0.5"\n'
    )
    (folder / "config" / "risk").mkdir(parents=True)
    (folder / "config" / "risk" / "backtest.toml").write_text("max_position = 0.7\n")
    terms = peak("backtest", *MA, "--engine", "session", "--no-record", "--json").json["terms"]
    assert terms["exits"]["max_bars"] == 4
    assert terms["sizer"] == {"type": "FixedFraction", "fraction": 0.5}
    assert terms["limits"]["max_position"] == 0.7


def test_limit_that_halts_is_told_with_its_bar(peak, falling_csv: Path) -> None:
    arguments = ("backtest", "mine.py:Mine", "--data", "file:falling.csv", "--max-drawdown", "0.1")
    # Bought at 94 on 4 January; 84 at the close of the 8th is the first below 0.9 x 94.
    ran = peak(*arguments, "--no-record")
    assert "Trading halted at the close of the bar of 2024-01-08: max_drawdown 0.1" in ran.out
    told = peak(*arguments, "--no-record", "--json").json
    assert told["halted"] == {
        "limit": "max_drawdown",
        "value": 0.1,
        "bar": "2024-01-08T00:00:00Z",
    }
    flat = ("--set", "risk.backtest.flatten=true")
    assert "positions were closed" in peak(*arguments, *flat, "--no-record").out


def test_orders_that_limits_refuse_are_told(peak, bars_csv: Path) -> None:
    limit = ("--set", "risk.backtest.max_position=0.5")
    ran = peak("backtest", *HOLD, *limit, "--no-record")
    assert "1 order was refused by limits: 1 by max_position." in ran.out
    told = peak("backtest", *HOLD, *limit, "--no-record", "--json").json
    assert told["orders"]["over_position"] == 1


def test_liquidations_are_told(peak, falling_csv: Path) -> None:
    arguments = ("mine.py:Mine", "--set", "weight=3", "--data", "file:falling.csv")
    ran = peak("backtest", *arguments, "--leverage", "3", "--no-record")
    assert "1 position was liquidated for lack of margin" in ran.out


def test_bars_that_leave_the_result_open_are_told(peak, bars_csv: Path) -> None:
    exits = ("--stop-loss", "0.015", "--take-profit", "0.015")
    ran = peak("backtest", *HOLD, *exits, "--no-record")
    assert "Inside 1 bar a stop and a profit were both in reach: total return -1." in ran.out
    found = peak("backtest", *HOLD, *exits, "--no-record", "--json").json["ambiguity"]
    assert found["bars"] == 1
    assert found["worst"] < 0 < found["best"]


def test_stop_that_is_never_reached_changes_nothing(peak, bars_csv: Path) -> None:
    free = peak("backtest", *MA, "--no-record", "--json").json
    far = peak("backtest", *MA, "--stop-atr", "1000", "--no-record", "--json").json
    assert far["stats"] == free["stats"]


def test_run_that_the_fast_path_declines_says_why(peak, bars_csv: Path) -> None:
    ran = peak("backtest", *MA, "--convention", "freqtrade", "--stop-loss", "0.05", "--no-record")
    assert "Engine: session (the fast path declined: " in ran.out


def test_actions_of_a_file_are_paid(peak, bars_csv: Path) -> None:
    (bars_csv.parent / "paid.csv").write_text("date,kind,value\n2024-02-01,dividend,2.0\n")
    plain = peak("backtest", *HOLD, "--no-record", "--json").json
    paid = peak("backtest", *HOLD, "--actions", "paid.csv", "--no-record", "--json").json
    gain = paid["equity_final"] - plain["equity_final"]
    assert gain == pytest.approx(2.0 * 970.8737, abs=1e-3)  # 100,000 at 103 are 970.8737 units
    assert paid["data"]["actions"]["count"] == 1
    assert "actions" not in plain["data"]


def test_finer_bars_decide_what_came_first(peak, folder: Path) -> None:
    head = "time,open,high,low,close,volume\n"
    days = "".join(
        f"2024-01-{day:02d},100,{high},{low},100,10\n"
        for day, high, low in [(1, 101, 99), (2, 101, 99), (3, 101, 99), (4, 101, 99), (5, 110, 90)]
    )
    (folder / "days.csv").write_text(head + days + "2024-01-06,100,101,99,100,10\n")
    # On the fifth day the price rises first: the profit at 105 comes before the stop at 95.
    hours = "2024-01-05T00:00,100,110,100,108,5\n2024-01-05T12:00,108,108,90,100,5\n"
    (folder / "hours.csv").write_text(head + hours)
    exits = ("--stop-loss", "0.05", "--take-profit", "0.05", "--interval", "1d")
    arguments = ("mine.py:Mine", "--data", "file:days.csv", *exits, "--no-record", "--json")
    blind = peak("backtest", *arguments).json
    seen = peak("backtest", *arguments, "--detail", "file:hours.csv").json
    assert blind["stats"]["total_return"] == pytest.approx(-0.05, abs=1e-4)
    assert seen["stats"]["total_return"] == pytest.approx(0.05, abs=1e-4)
    assert seen["data"]["detail"]["interval"] == "12h"
    assert seen["ambiguity"] is None


def test_shipped_limits_may_be_copied_and_change_nothing(peak, bars_csv: Path) -> None:
    import peak_trade.app.settings as settings

    shipped = Path(settings.__file__).with_name("defaults") / "risk" / "backtest.toml"
    copy = bars_csv.parent / "config" / "risk" / "backtest.toml"
    copy.parent.mkdir(parents=True)
    copy.write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
    keys = len(tomllib.loads(copy.read_text(encoding="utf-8")))
    assert peak("config", "check", str(copy.relative_to(bars_csv.parent))).out.endswith(
        f"is valid: {keys} keys.\n"
    )
    told = peak("backtest", *MA, "--no-record", "--json").json
    copy.unlink()
    assert told["stats"] == peak("backtest", *MA, "--no-record", "--json").json["stats"]


def figures(stats: dict[str, float | None]) -> object:
    """What the statistics of a sweep's row are compared with."""
    return pytest.approx(numbers(stats), rel=1e-12, nan_ok=True)


def numbers(stats: dict[str, float | None]) -> dict[str, float]:
    """Statistics, NaN where one is not defined."""
    return {name: float("nan") if value is None else value for name, value in stats.items()}


SWEPT = [
    ("exits.trailing", "0.02,0.05", ("--trailing", "{}")),
    ("exits.max_bars", "2,5", ("--max-bars", "{}")),
    ("exits.stop_atr", "1,2.5", ("--stop-atr", "{}")),
    ("backtest.take_profit", "0.02,0.05", ("--take-profit", "{}")),
    ("costs.half_spread", "0.05,0.5", ("--set", "costs.half_spread={}")),
    ("costs.borrow", "0,0.5", ("--borrow", "{}")),
    ("costs.volume_share", "0,0.5", ("--set", "costs.volume_share={}")),
    ("risk.backtest.max_drawdown", "0.03,0.5", ("--max-drawdown", "{}")),
]


@pytest.mark.parametrize(("key", "values", "option"), SWEPT, ids=[key for key, _, _ in SWEPT])
def test_sweep_row_of_a_term_equals_the_backtest_of_its_option(
    peak, bars_csv: Path, key: str, values: str, option: tuple[str, ...]
) -> None:
    common = ("--fees", "kraken", "--sizer", "fixed_fraction,fraction=0.9", "--no-record", "--json")
    ran = peak("sweep", *MA, "--grid", f"{key}={values}", *common)
    assert ran.code == 0, ran.out
    assert ran.json["trials"] == 2
    for row in ran.json["rows"]:
        (value,) = (found for name, found in row["params"].items() if name not in ("fast", "slow"))
        chosen = [part.format(value) for part in option]
        alone = peak("backtest", *MA, *chosen, *common).json
        assert numbers(row["stats"]) == figures(alone["stats"])


def test_sweep_takes_actions_margin_and_finer_bars(peak, bars_csv: Path) -> None:
    (bars_csv.parent / "paid.csv").write_text("date,kind,value\n2024-02-01,dividend,2.0\n")
    head, *days = bars_csv.read_text().splitlines()
    halves = [day.replace(",", f"T{hour}:00,", 1) for day in days for hour in ("00", "12")]
    (bars_csv.parent / "half.csv").write_text("\n".join([head, *halves]) + "\n")
    common = ("--leverage", "2", "--set", "margin.rate=0.05", "--rebalance", "week", "--no-record")
    for more in (("--actions", "paid.csv"), ("--detail", "half.csv", "--stop-loss", "0.02")):
        options = (*MA[:3], *MA[5:], *common, *more, "--json")
        ran = peak("sweep", *options, "--grid", "slow=8,12")
        assert ran.code == 0, ran.out
        for row in ran.json["rows"]:
            slow = f"slow={row['params']['slow']}"
            alone = peak("backtest", *options, "--set", slow).json
            assert numbers(row["stats"]) == figures(alone["stats"])


def test_sweep_that_the_fast_path_declines_says_why(peak, bars_csv: Path) -> None:
    options = ("--convention", "freqtrade", "--stop-loss", "0.05", "--no-record")
    ran = peak("sweep", *MA[:3], *MA[5:], *options, "--grid", "slow=8,12")
    assert "Warning: Each combination went through the Session" in ran.out


def test_account_in_another_currency_is_converted_by_the_bars(peak, folder: Path) -> None:
    lines = ["time,symbol,open,high,low,close,volume"]
    for day in range(1, 9):
        rate = 1.0 if day < 6 else 1.25  # dollars for a euro
        lines.append(f"2024-01-{day:02d},AAA/EUR,100,100,100,100,10")
        lines.append(f"2024-01-{day:02d},EUR/USD,{rate},{rate},{rate},{rate},10")
    (folder / "two.csv").write_text("\n".join(lines) + "\n")
    (folder / "first.py").write_text(
        "import numpy as np\n\nclass First:\n    '''Hold the first.'''\n"
        "    def targets(self, bars):\n        return np.tile([0.5, 0.0], (len(bars), 1))\n"
    )
    arguments = ("backtest", "first.py:First", "--data", "file:two.csv", "--no-record", "--json")
    ran = peak(*arguments, "--currency", "USD")
    assert ran.code == 0, ran.out
    assert ran.json["equity_final"] == pytest.approx(112_500)  # half of it gains a quarter
    refused = peak(*arguments)
    assert refused.code == 2
    assert "are quoted in EUR, USD" in refused.json["error"]["message"]
    unknown = peak(*arguments, "--currency", "CHF")
    assert unknown.code == 2
    assert "to CHF" in unknown.json["error"]["message"]
