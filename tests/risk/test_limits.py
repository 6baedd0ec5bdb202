"""Limits as values and as files: every one is there, in its range, and a scope only tightens."""

import math
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.app import limits_files
from peak_trade.app.config import configure, file_of
from peak_trade.app.settings import Settings
from peak_trade.domain.errors import ConfigError, PeakTradeError, RiskError
from peak_trade.domain.limits import Limits
from peak_trade.risk.limit_tables import ENVIRONMENTS, limits_of
from peak_trade.risk.limits import (
    COUNTS,
    MAY_BE_ZERO,
    NAMES,
    OF_ACCOUNT,
    Portfolio,
    RiskLimits,
    ScopedLimits,
    is_tighter,
)
from peak_trade.risk.rules import RULES


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def whole(**changed: object) -> dict[str, object]:
    """A table with every limit, some of them changed."""
    table = RiskLimits.wide()
    account = {name: getattr(table, name) for name in NAMES} | changed
    return {"account": account, "portfolio": {"name": "p", "max_exposure": 1e6}}


# --- values ----------------------------------------------------------------------------------------


def test_no_limit_has_a_default() -> None:
    with pytest.raises(TypeError):
        RiskLimits()  # type: ignore[call-arg]
    assert all(field.default is field.default_factory for field in fields(RiskLimits))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, "1", None, True, 0.0])
def test_limit_that_is_no_number_in_its_range_is_refused(name: str, value: object) -> None:
    if value == 0.0 and value is not False and name in MAY_BE_ZERO:
        assert getattr(replace(RiskLimits.wide(), **{name: value}), name) == 0.0
        return
    with pytest.raises(RiskError, match=name):
        replace(RiskLimits.wide(), **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_count_is_a_whole_number(name: str) -> None:
    with pytest.raises(RiskError, match="whole number"):
        replace(RiskLimits.wide(), **{name: 1.5})
    assert type(getattr(replace(RiskLimits.wide(), **{name: 3.0}), name)) is int


def test_every_rule_reads_a_limit_that_there_is_and_every_limit_is_read() -> None:
    read = {rule.limit for rule in RULES} - {""}
    assert read <= set(NAMES)
    beside = {"max_data_age_bars", "repeat_window_s"}  # of data_age and repeated_execution
    assert set(NAMES) - read == beside


@given(
    st.sampled_from([name for name in NAMES if name not in OF_ACCOUNT]),
    st.floats(0.001, 0.9),
    st.floats(0.001, 0.9),
)
def test_tightest_of_all_scopes_is_in_force(name: str, one: float, other: float) -> None:
    start = 1.0 if name not in COUNTS else 100
    scale = 100 if name in COUNTS else 1.0

    def value(share: float) -> float:
        number = max(share * scale, 1) if name in COUNTS else share
        return int(number) if name in COUNTS else number

    account = replace(RiskLimits.wide(), **{name: start})
    values = {"strategies": value(one), "symbols": value(other)}
    scoped = {
        kind: {"x": {name: v}} for kind, v in values.items() if not is_tighter(name, start, v)
    }
    found = ScopedLimits(account, **scoped).of("x", "x")
    all_ = [start, *(next(iter(s.values()))[name] for s in scoped.values())]
    expected = all_[0]
    for v in all_[1:]:
        expected = v if is_tighter(name, v, expected) else expected
    assert getattr(found.limits, name) == expected
    assert (found.scope_of(name) == "account") == (expected == start)


def test_scope_that_is_looser_than_the_account_is_refused() -> None:
    with pytest.raises(RiskError, match=r"max_order 2000 of symbol:X is looser than the .* 1000"):
        ScopedLimits(
            replace(RiskLimits.wide(), max_order=1000.0), symbols={"X": {"max_order": 2000.0}}
        )
    with pytest.raises(RiskError, match="looser"):
        ScopedLimits(
            replace(RiskLimits.wide(), duplicate_window_s=2.0),
            strategies={"x": {"duplicate_window_s": 1.0}},
        )


@pytest.mark.parametrize("name", sorted(OF_ACCOUNT))
def test_limit_of_the_account_alone_is_refused_in_a_scope(name: str) -> None:
    with pytest.raises(RiskError, match="account alone"):
        ScopedLimits(RiskLimits.wide(), symbols={"X": {name: 1.0}})


def test_limits_of_a_backtest_go_there_and_back() -> None:
    limits = Limits(max_position=0.5, max_gross=2.0, max_daily_loss=0.1, flatten=True)
    assert RiskLimits.of_backtest(limits).to_backtest(flatten=True) == limits


@pytest.mark.parametrize(("name", "most"), [("", 1.0), (" ", 1.0), ("p", 0.0), ("p", math.nan)])
def test_portfolio_that_is_none_is_refused(name: str, most: float) -> None:
    with pytest.raises(RiskError):
        Portfolio(name, most)


def test_fingerprint_tells_limits_apart_and_nothing_else() -> None:
    one = ScopedLimits(RiskLimits.wide(), source="a")
    assert one.fingerprint == ScopedLimits(RiskLimits.wide(), source="b").fingerprint
    others = [
        ScopedLimits(replace(RiskLimits.wide(), max_order=1.0)),
        ScopedLimits(RiskLimits.wide(), symbols={"X": {"max_order": 1.0}}),
        ScopedLimits(RiskLimits.wide(), strategies={"X": {"max_order": 1.0}}),
        ScopedLimits(RiskLimits.wide(), portfolio=Portfolio("other", 1e15)),
    ]
    assert len({one.fingerprint, *(other.fingerprint for other in others)}) == 5


# --- tables and files ------------------------------------------------------------------------------


def test_table_is_read_as_it_is_written() -> None:
    table = whole(max_order=1000.0) | {"symbol": {"BTC/USD": {"max_order": 10.0}}}
    limits = limits_of(table, "x")
    assert limits.of("", "BTC/USD").limits.max_order == 10.0
    assert limits_of(limits.to_plain(), "y").fingerprint == limits.fingerprint


@pytest.mark.parametrize("name", NAMES)
def test_table_without_a_limit_is_refused_by_name(name: str) -> None:
    table = whole()
    del table["account"][name]  # type: ignore[attr-defined]
    with pytest.raises(RiskError, match=rf"{name} of \[account\] of paper.toml missing"):
        limits_of(table, "paper.toml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"acount": {}}, "did you mean account"),
        ({"account": 1}, "a table expected"),
        ({"portfolio": {"name": "p"}}, "max_exposure of .portfolio. of x missing"),
        ({"portfolio": {"name": 1, "max_exposure": 1.0, "more": 1}}, "'more' of .portfolio."),
        ({"symbol": {"X": {}}}, "at least one limit"),
        ({"symbol": {"X": {"max_order": "1"}}}, "a number expected"),
        ({"symbol": {"X": {"max_ordr": 1.0}}}, "did you mean max_order"),
        ({"strategy": {"X": {"max_order": math.nan}}}, "strategy:X: max_order nan"),
        (whole(max_net=-1.0), "max_net -1.0 is not valid"),
        (whole(more=1.0), "'more' of .account. of x is not known"),
    ],
)
def test_table_that_is_wrong_is_refused_with_what_is_wrong(change, message: str) -> None:
    with pytest.raises(RiskError, match=message):
        limits_of(whole() | change, "x")


@pytest.mark.parametrize("environment", ["paper", "testnet", "live"])
def test_shipped_files_are_whole_and_of_their_environment(environment: str) -> None:
    table = tomllib.loads(limits_files.example(environment))
    assert limits_of(table, "x").portfolio.name == environment


def test_shipped_paper_limits_are_as_wide_as_a_backtest() -> None:
    limits = limits_files.risk_limits("paper", Path("no/such/folder"))
    assert limits.account.to_backtest() == Limits()
    found = limits.account
    assert (found.collar_mid, found.collar_close) == (0.02, 0.05)
    assert (found.max_clock_skew_s, found.duplicate_window_s) == (0.5, 1.0)
    assert (found.max_data_age_s, found.max_data_age_bars) == (2.0, 2.0)


@pytest.mark.parametrize("environment", ["testnet", "live"])
def test_real_environment_without_limits_or_policy_is_refused(
    environment: str, tmp_path: Path
) -> None:
    with pytest.raises(RiskError, match=f"no limits for {environment}"):
        limits_files.risk_limits(environment, tmp_path)
    with pytest.raises(RiskError, match=f"no policy for {environment}"):
        limits_files.live_policy(environment, tmp_path)


def test_environment_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RiskError, match="did you mean paper"):
        limits_files.risk_limits("papr", tmp_path)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_file_of_an_environment_takes_the_place_of_what_is_shipped(
    environment: str, tmp_path: Path
) -> None:
    text = limits_files.example("live").replace("max_order = 1000.0", "max_order = 77.0")
    put(tmp_path, f"config/risk/{environment}.toml", text)
    limits = limits_files.risk_limits(environment, tmp_path)
    assert limits.account.max_order == 77.0
    assert limits.source == f"config/risk/{environment}.toml"


def test_table_of_the_one_file_is_read_too(tmp_path: Path) -> None:
    text = limits_files.example("paper")
    for name in ("account", "portfolio"):
        text = text.replace(f"[{name}]", f"[risk.paper.{name}]")
    put(tmp_path, "peak.toml", text + '[risk.paper.symbol."BTC/USD"]\nmax_order = 5.0\n')
    limits = limits_files.risk_limits("paper", tmp_path)
    assert limits.of("", "BTC/USD").limits.max_order == 5.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("max_order = 1000.0", "", "max_order of .account. of the table missing"),
        ("max_order = 1000.0", "max_order = nan", "max_order nan is not valid"),
        ("max_order = 1000.0", "max_order = -5", "max_order -5 is not valid"),
        ("max_order = 1000.0", 'max_order = "5"', "max_order '5' is not valid"),
        ("max_order = 1000.0", "max_order = 5\nmax_ordr = 5", "'max_ordr' of .account."),
        ("[portfolio]", "[portfoliio]", "'portfoliio'"),
    ],
)
def test_file_that_is_wrong_is_an_error_of_every_command(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    path = put(tmp_path, "config/risk/live.toml", limits_files.example("live").replace(old, new, 1))
    for read in (
        lambda: configure(Settings, tmp_path, environ={}),
        lambda: file_of(Settings, path, tmp_path),
        lambda: limits_files.risk_limits("live", tmp_path),
    ):
        with pytest.raises(ConfigError, match=message) as error:
            read()
        assert "config/risk/live.toml" in str(error.value)


def test_limits_of_a_session_come_from_no_variable(tmp_path: Path) -> None:
    with pytest.raises(PeakTradeError):
        configure(Settings, tmp_path, environ={"PEAK__RISK__PAPER__MAX_ORDER": "5"})


# --- policies --------------------------------------------------------------------------------------


def test_shipped_policies_are_valid_and_let_nobody_trade_live(tmp_path: Path) -> None:
    put(tmp_path, "config/live_policies.toml", limits_files.example_policies())
    paper, live = (limits_files.live_policy(name, tmp_path) for name in ("paper", "live"))
    assert paper.allows("anything")
    assert not live.allows("anything")
    assert live.promotions == {"live": "live"}
    assert live.source.startswith("config/live_policies.toml:")
    with pytest.raises(RiskError, match="no policy for testnet"):
        limits_files.live_policy("testnet", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('strategies = "any"', "strategies = 1", "a list of texts"),
        ('strategies = "any"', "", "strategies of the table missing"),
        ("restricted = []", "restricted = [1]", "a list of texts"),
        ("hours = []", 'hours = ["mon-fri 25:00-26:00"]', "trading hours"),
        ("hours = []", 'hours = ["fri-mon 09:00-10:00"]', "trading hours"),
        ("max_notional = 1e15", "max_notional = nan", "max_notional nan"),
        ("[paper]", "[papr]", "did you mean live_policies.paper"),
        ('promotion = ""', "promotion = 1", "a text expected"),
    ],
)
def test_policy_that_is_wrong_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    text = limits_files.example_policies().replace(old, new, 1)
    put(tmp_path, "config/live_policies.toml", text)
    with pytest.raises(ConfigError, match=message):
        limits_files.live_policy("paper", tmp_path)


# --- rules of one's own ----------------------------------------------------------------------------


class Point:
    """An entry point of a package."""

    name, value = "theirs", "theirs:Rule"

    def __init__(self, made: object) -> None:
        self.made = made

    def load(self) -> object:
        if isinstance(self.made, Exception):
            raise self.made
        return self.made

    def __lt__(self, other: object) -> bool:
        return False


class Good:
    """A rule."""

    name = "good"

    def check(self, order, book) -> None:
        return None


def test_registered_rules_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_files, "entry_points", lambda group: [Point(Good)])
    assert [rule.name for rule in limits_files.registered_rules()] == ["good"]


@pytest.mark.parametrize("made", [ImportError("gone"), int, lambda: 1 / 0])
def test_registered_rule_that_cannot_be_made_is_an_error(
    made: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_files, "entry_points", lambda group: [Point(made)])
    with pytest.raises(RiskError, match="theirs"):
        limits_files.registered_rules()
