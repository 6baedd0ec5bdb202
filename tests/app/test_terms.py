"""Settings become the terms of a run: every one of them, in its unit, or an error that says why not."""

import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest

from peak_trade.app import settings as settings_module
from peak_trade.app.config import Assignment, configure
from peak_trade.app.settings import Settings
from peak_trade.app.terms import exits_of, limits_of, sizer_of, terms_of
from peak_trade.domain.costs import Costs, Fees
from peak_trade.domain.errors import ConfigError, InputError, ParameterError
from peak_trade.domain.exits import Exits
from peak_trade.domain.limits import Limits, Margin
from peak_trade.domain.terms import Terms
from peak_trade.portfolio.size import Chain, DrawdownScaled, Kelly, VolatilitySize

NOWHERE = Path("no/such/folder")


def settings(**keys: object) -> Settings:
    overrides = [Assignment(key.replace("__", "."), value, "test") for key, value in keys.items()]
    return configure(Settings, NOWHERE, environ={}, overrides=overrides).values


def from_file(folder: Path, text: str, name: str = "peak.toml") -> Settings:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return configure(Settings, folder, environ={}).values


def test_terms_of_the_defaults_are_those_of_the_library() -> None:
    assert terms_of(settings()) == Terms()


def test_terms_of_a_file_have_every_section(tmp_path: Path) -> None:
    found = from_file(
        tmp_path,
        """
        [backtest]
        cash = 5000
        commission = 10
        slippage = 5
        stop_loss = 0.1
        take_profit = 0.3
        reentry = "stated"
        cash_buffer = 0.02
        min_change = 0.01
        shortfall = "reject"
        currency = "EUR"
        [costs]
        half_spread = "spread"
        volume_share = 0.1
        impact = 1
        impact_window = 30
        borrow = 0.03
        interest = 0.02
        [exits]
        trailing = 0.05
        trailing_arm = 0.02
        trailing_offset = 0.1
        trailing_after = 0.03
        break_even = 0.04
        max_bars = 50
        roi = [[0, 0.2], [60, 0.02]]
        atr_window = 20
        partials = [[0.05, 0.5], [0.1, 0.25]]
        convention = "favourable"
        [margin]
        max_leverage = 3
        maintenance = 0.2
        rate = 0.06
        liquidation_fee = 0.01
        [sizing]
        rebalance = "band"
        band = 0.05
        sizer = ["volatility,target=0.1,window=30", "drawdown,limit=0.2"]
        [risk.backtest]
        max_position = 0.5
        max_gross = 2
        max_net = 1
        max_order = 1000
        max_participation = 0.1
        max_daily_loss = 0.03
        max_drawdown = 0.2
        flatten = true
        """,
    )
    assert terms_of(found) == Terms(
        cash=5000.0,
        costs=Costs(0.001, 0.0005, (), "spread", 0.1, 1.0, 30, 0.03, 0.02),
        exits=Exits(
            stop_loss=0.1,
            take_profit=0.3,
            reentry="stated",
            trailing=0.05,
            trailing_arm=0.02,
            trailing_offset=0.1,
            trailing_after=0.03,
            break_even=0.04,
            max_bars=50,
            roi=((0.0, 0.2), (60.0, 0.02)),
            atr_window=20,
            partials=((0.05, 0.5), (0.1, 0.25)),
            convention="favourable",
        ),
        cash_buffer=0.02,
        min_change=0.01,
        shortfall="reject",
        limits=Limits(0.5, 2.0, 1.0, 1000.0, 0.1, 0.03, 0.2, flatten=True),
        margin=Margin(3.0, 0.2, 0.06, 0.01),
        rebalance="band",
        band=0.05,
        sizer=Chain(VolatilitySize(0.1, 30), DrawdownScaled(0.2)),
        currency="EUR",
    )


def test_exits_of_average_true_ranges_reach_the_terms() -> None:
    found = settings(exits__stop_atr=2.0, exits__take_atr=4.0, exits__trailing_atr=3.0)
    assert exits_of(found) == Exits(stop_atr=2.0, take_atr=4.0, trailing_atr=3.0)


@pytest.mark.parametrize("kind", [Costs, Exits, Limits, Margin, Terms])
def test_every_field_of_the_terms_can_be_set(kind: type) -> None:
    known = {key.rpartition(".")[2] for key in configure(Settings, NOWHERE, environ={}).settings}
    said_by_sections = {"costs", "exits", "limits", "margin", "matching"}
    assert {item.name for item in fields(kind)} - known <= said_by_sections


def test_limits_that_ship_are_every_limit_and_those_of_the_library() -> None:
    shipped = Path(settings_module.__file__).with_name("defaults") / "risk" / "backtest.toml"
    table = tomllib.loads(shipped.read_text(encoding="utf-8"))
    assert Limits(**table) == Limits()
    assert set(table) == {item.name for item in fields(Limits)}


def test_limits_come_from_the_folders_own_file(tmp_path: Path) -> None:
    found = from_file(tmp_path, "max_drawdown = 0.25\n", "config/risk/backtest.toml")
    assert limits_of(found) == replace(Limits(), max_drawdown=0.25)


def test_fees_of_a_venue_take_the_place_of_a_commission() -> None:
    schedules = terms_of(settings(costs__fees="kraken")).costs.schedules
    assert schedules[0].taker == 0.0026  # Kraken's base rate until 2023
    with pytest.raises(ParameterError, match=r"both a commission of 0\.001 and a fee"):
        terms_of(settings(costs__fees="kraken", backtest__commission=10.0))


def test_fees_of_a_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[[schedule]]\ntaker = 0.002\nmaker = 0.001\n")
    assert terms_of(settings(costs__fees=str(path))).costs.fees == (Fees(0.001, 0.002),)


def test_fees_of_a_file_whose_tiers_overlap_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[[schedule]]\ntiers = [[1000, 0.1, 0.2], [500, 0.1, 0.2]]\n")
    with pytest.raises(InputError, match="fee tiers overlap"):
        terms_of(settings(costs__fees=str(path)))


@pytest.mark.parametrize("name", ["maintenance", "rate", "liquidation_fee"])
def test_margin_without_a_largest_leverage_is_refused(name: str) -> None:
    overrides: dict[str, object] = {f"margin__{name}": 0.3}
    with pytest.raises(ConfigError, match=f"margin.{name} is set, and margin.max_leverage is not"):
        terms_of(settings(**overrides))


def test_margin_that_is_set_to_what_it_is_anyway_is_no_contradiction() -> None:
    assert terms_of(settings(margin__rate=0.0)).margin is None


def test_sizer_of_one_name_is_that_one() -> None:
    assert sizer_of(["kelly"]) == Kelly()
    assert sizer_of(["kelly, fraction=0.25, min_trades=5"]) == Kelly(0.25, min_trades=5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kely", "did you mean kelly"),
        ("kelly,fracton=0.5", "did you mean fraction"),
        ("volatility", "needs a value for target"),
        ("volatility,target=high", "target 'high' of VolatilitySize"),
        ("volatility,target=-1", "target -1 of VolatilitySize"),
        ("volatility,target", "is not name=value"),
        ("drawdown,limit=2", "limit 2 of DrawdownScaled"),
    ],
)
def test_sizer_of_a_wrong_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        sizer_of([text])


def test_sizers_that_read_the_same_of_the_account_are_refused() -> None:
    with pytest.raises(ParameterError, match="two sizers"):
        sizer_of(["drawdown,limit=0.2", "drawdown,limit=0.3"])
