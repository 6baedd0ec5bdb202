"""Operators as files have them, and where their secrets are."""

from pathlib import Path

import pytest

from peak_trade.app.config import configure
from peak_trade.app.operators import add_operator, operators_of, secret_of, variable_of
from peak_trade.app.settings import Settings
from peak_trade.domain.errors import ConfigError, RefusedError, RiskError
from peak_trade.risk.operators import Role, password_hash

GOOD = {"name": "anna", "role": "risk", "totp": "env:X"}


def test_added_operators_are_read_as_they_were_added(tmp_path: Path) -> None:
    hashed = password_hash("x")
    add_operator(tmp_path, "anna", Role.RISK, password_hash=hashed)
    add_operator(tmp_path, "bert.b", Role.OPERATOR)
    anna, bert = configure(Settings, tmp_path, environ={}).values.operators.operator
    assert (anna.name, anna.role, anna.password) == ("anna", Role.RISK, hashed)
    assert (bert.name, bert.role, bert.password) == ("bert.b", Role.OPERATOR, "")
    assert bert.totp == "env:" + variable_of("bert.b") == "env:PEAK_TOTP_BERT_B"


def test_add_given_a_name_that_is_there_refuses(tmp_path: Path) -> None:
    add_operator(tmp_path, "anna", Role.RISK)
    before = (tmp_path / "config" / "operators.toml").read_text("utf-8")
    with pytest.raises(RefusedError, match="already"):
        add_operator(tmp_path, "anna", Role.ADMIN)
    assert (tmp_path / "config" / "operators.toml").read_text("utf-8") == before


@pytest.mark.parametrize("name", ["", "a b", 'a"\nrole = "admin', "-a", "ä", "a" * 65])
def test_add_given_no_name_refuses(tmp_path: Path, name: str) -> None:
    with pytest.raises(RefusedError, match="no name"):
        add_operator(tmp_path, name, Role.RISK)
    assert not (tmp_path / "config").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("anna", "tables"),
        ([1], "a table of texts"),
        ([{**GOOD, "name": 1}], "a table of texts"),
        ([{"name": "anna"}], "lacks role and lacks totp"),
        ([{**GOOD, "otp": "x"}], "otp, which is not known"),
        ([{**GOOD, "role": "boss"}], "boss"),
        ([{**GOOD, "totp": "JBSWY3DPEHPK3PXP"}], "never itself"),
        ([{**GOOD, "password": "hunter2"}], "never the password"),
        ([{**GOOD, "name": "a b"}], "no name"),
        ([GOOD, GOOD], "twice"),
    ],
)
def test_operators_given_what_is_none_say_so(given: object, said: str) -> None:
    with pytest.raises(ValueError, match=said) as raised:
        operators_of(given)
    assert "hunter2" not in str(raised.value)
    assert "JBSWY3DP" not in str(raised.value)


def test_operators_cannot_be_given_as_text() -> None:
    with pytest.raises(ConfigError, match="operators"):
        configure(Settings, Path("no/folder"), environ={"PEAK__OPERATORS__OPERATOR": "anna"})


def test_secret_is_found_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEAK_TOTP_ANNA", " JBSWY3DPEHPK3PXP ")
    assert secret_of("env:PEAK_TOTP_ANNA") == "JBSWY3DPEHPK3PXP"
    monkeypatch.delenv("PEAK_TOTP_ANNA")
    with pytest.raises(RiskError, match="PEAK_TOTP_ANNA"):
        secret_of("env:PEAK_TOTP_ANNA")


def test_secret_in_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("JBSWY3DPEHPK3PXP\n", encoding="utf-8")
    path.chmod(0o644)
    with pytest.raises(RiskError, match="others may read"):
        secret_of(f"file:{path}")
    path.chmod(0o600)
    assert secret_of(f"file:{path}") == "JBSWY3DPEHPK3PXP"
    with pytest.raises(RiskError, match="cannot be read"):
        secret_of(f"file:{tmp_path / 'none'}")
