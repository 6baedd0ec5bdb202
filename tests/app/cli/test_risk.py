"""`peak risk`: the limits in force, every rule, and what the gate says to an order."""

import json
from pathlib import Path

import pytest

from peak_trade.app import limits_files
from peak_trade.risk.limits import NAMES
from peak_trade.risk.rules import EDGES, RULES


@pytest.fixture
def order(peak, folder: Path):
    """Write the example's order with some of it changed."""
    example = json.loads(peak("risk", "check", "--example").out)

    def write(book: dict | None = None, row: dict | None = None, **order: object) -> None:
        found = json.loads(json.dumps(example))
        found["order"] |= order
        found["book"] |= book or {}
        found["book"]["instruments"][0] |= row or {}
        (folder / "order.json").write_text(json.dumps(found))

    return write


def live(folder: Path, **changed: str) -> None:
    (folder / "config" / "risk").mkdir(parents=True)
    text = limits_files.example("live")
    for old, new in changed.items():
        text = text.replace(f"{old} = ", f"{old} = {new} # ")
    (folder / "config" / "risk" / "live.toml").write_text(text)
    policies = limits_files.example_policies().replace("strategies = []", 'strategies = ["trend"]')
    policies = policies.replace('promotion = "live"', 'promotion = ""')
    (folder / "config" / "live_policies.toml").write_text(
        policies.replace('["mon-fri 13:30-20:00"]', "[]")
    )


def test_show_has_every_limit_its_scope_and_its_source(peak, folder: Path) -> None:
    found = peak("risk", "show", "--json").json
    assert list(found["limits"]) == list(NAMES)
    assert {limit["scope"] for limit in found["limits"].values()} == {"account"}
    assert found["source"] == found["policy"]["source"] == "the package"
    out = peak("risk", "show").out
    assert all(name in out for name in (*NAMES, "max_exposure", "restricted"))


def test_show_of_a_strategy_and_symbol_names_whose_limits_hold(peak, folder: Path) -> None:
    live(folder)
    path = folder / "config" / "risk" / "live.toml"
    path.write_text(path.read_text() + '[symbol."BTC/USD"]\nmax_order = 50.0\n')
    found = peak("risk", "show", "live", "--symbol", "BTC/USD", "--json").json
    assert found["limits"]["max_order"] == {"value": 50.0, "scope": "symbol:BTC/USD"}
    assert found["scopes"] == {"symbol:BTC/USD": {"max_order": 50.0}}
    assert found["source"] == "config/risk/live.toml"
    assert "symbol:BTC/USD tightens max_order 50." in peak("risk", "show", "live").out


@pytest.mark.parametrize("environment", ["testnet", "live"])
def test_show_of_an_environment_without_limits_is_bad_input(peak, environment: str) -> None:
    ran = peak("risk", "show", environment)
    assert ran.code == 2
    assert f"no limits for {environment}" in ran.err
    assert f"peak risk show {environment} --example" in ran.err


def test_example_is_a_file_that_is_taken_as_it_stands(peak, folder: Path) -> None:
    (folder / "config" / "risk").mkdir(parents=True)
    for name in ("paper", "testnet", "live"):
        text = peak("risk", "show", name, "--example").out
        (folder / "config" / "risk" / f"{name}.toml").write_text(text)
        assert peak("config", "check", f"config/risk/{name}.toml").code == 0
    assert peak("risk", "explain", "max_order", "--environment", "live").code == 0


def test_wrong_limits_are_an_error_of_every_command(peak, folder: Path) -> None:
    live(folder, max_order='"much"')
    for arguments in (("risk", "show", "paper"), ("config", "show"), ("risk", "limits", "--json")):
        ran = peak(*arguments)
        if arguments[1] == "limits":
            assert ran.code == 0  # what the rules are does not depend on files
            continue
        assert ran.code == 2
        assert "risk.live (a table) from config/risk/live.toml" in ran.err
        assert "max_order 'much' is not valid: a number above 0 expected" in ran.err


def test_limits_list_every_rule_in_the_order_of_the_checks(peak) -> None:
    rows = peak("risk", "limits", "--json").json["rules"]
    assert [row["check"] for row in rows] == sorted(row["check"] for row in rows)
    names = {row["rule"] for row in rows}
    assert {rule.name for rule in RULES} | {name for name, _, _ in EDGES} <= names
    assert "reservation" in peak("risk", "limits").out


@pytest.mark.parametrize("rule", [*(rule.name for rule in RULES), "schema", "reservation"])
def test_every_rule_is_explained(peak, rule: str) -> None:
    found = peak("risk", "explain", rule, "--json").json
    assert found["rule"] == rule
    assert (found["value"] is None) == (found["limit"] == "")
    assert peak("risk", "explain", rule).out


def test_unknown_rule_names_the_close_one(peak) -> None:
    ran = peak("risk", "explain", "max_ordr")
    assert ran.code == 2
    assert "max_order" in ran.err


def test_check_approves_with_code_0(peak, order) -> None:
    order()
    ran = peak("risk", "check", "order.json")
    assert (ran.code, ran.out) == (0, "example1: approved.\n")
    found = peak("risk", "check", "order.json", "--json").json
    assert found == {"approved": ["example1"], "refused": []}


def test_check_refuses_with_code_1_and_every_breach(peak, order, folder: Path) -> None:
    live(folder)
    order(price_ticks=1_100_000)
    ran = peak("risk", "check", "order.json", "--environment", "live", "--json")
    assert ran.code == 1
    (refused,) = ran.json["refused"]
    rules = [breach["rule"] for breach in refused["breaches"]]
    assert {"max_order", "policy_notional", "collar_mid", "collar_close", "self_trade"} <= set(
        rules
    )
    text = peak("risk", "check", "order.json", "--environment", "live")
    assert text.code == 1
    assert all(rule in text.out for rule in rules)


@pytest.mark.parametrize(
    "change",
    [
        {"lots": 1.5},
        {"lots": True},
        {"lots": "50"},
        {"lots": 0},
        {"kind": "odd"},
        {"price_ticks": None},
        {"price_ticks": -1},
        {"client_id": ""},
        {"time_in_force": "gtd"},
        {"reason": "NONE"},
        {"replaces": "1"},
    ],
)
def test_check_refuses_what_is_no_order(peak, order, change: dict[str, object]) -> None:
    order(**change)
    ran = peak("risk", "check", "order.json", "--json")
    assert ran.code == 1
    assert [b["rule"] for b in ran.json["refused"][0]["breaches"]] == ["schema"]


@pytest.mark.parametrize(
    ("book", "row", "message"),
    [
        ({"equity": None, "peak": "x"}, {}, "peak 'x'"),
        ({"equty": 1}, {}, "did you mean equity"),
        ({"instruments": []}, None, "instruments"),
        ({}, {"tick": 0}, "tick of BTC/USD"),
        ({}, {"lot": -1}, "lot of BTC/USD"),
        ({}, {"symbol": ""}, "symbol ''"),
        ({}, {"held": "many"}, "held 'many'"),
        ({"working": 1}, {}, "working"),
    ],
)
def test_check_of_a_book_that_is_wrong_is_bad_input(
    peak, order, folder, book, row, message
) -> None:
    if row is None:
        order()
        found = json.loads((folder / "order.json").read_text())
        found["book"] |= book
        (folder / "order.json").write_text(json.dumps(found))
    else:
        order(book=book, row=row)
    ran = peak("risk", "check", "order.json")
    assert ran.code == 2
    assert message in ran.err


@pytest.mark.parametrize("text", ["", "[]", "{", '{"order": {}}', '{"book": {}}', '{"orders": []}'])
def test_check_of_a_file_that_is_none_is_bad_input(peak, folder: Path, text: str) -> None:
    (folder / "order.json").write_text(text)
    assert peak("risk", "check", "order.json").code == 2


def test_check_without_a_file_says_what_to_do(peak) -> None:
    assert "--example" in peak("risk", "check").err
    assert peak("risk", "check", "gone.json").code == 2
