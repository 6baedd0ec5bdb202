"""Roles, second factors and one-time passwords: what is not allowed is denied."""

from pathlib import Path

import pyotp
import pytest

from peak_trade.domain.errors import RefusedError, RiskError
from peak_trade.risk.operators import (
    MOST_FAILURES,
    PERMITS,
    Action,
    Operator,
    Role,
    Roster,
    UsedPasswords,
    Verified,
    authorise,
    new_secret,
    password_hash,
    secret_uri,
)

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # of RFC 6238, appendix B: "12345678901234567890"
SECOND = 1_000_000_000
NOW = 1_700_000_010 * SECOND

# Section 8 of the safety semantics, as a table of its own: - denied, y allowed, m with a second
# factor, a with a second factor and in live a second person, o what is one's own.
TABLE = {
    "see positions": "y o y y - y",
    "start a backtest or a paper session": "- y y - - -",
    "trip the kill switch": "- - y y y -",
    "cancel orders": "- - y y - -",
    "request a recovery": "- - m - - -",
    "arm live trading": "- - m - - -",
    "approve a recovery": "- - - m - -",
    "approve arming": "- - - m - -",
    "tighten limits": "- - y y - -",
    "loosen limits": "- - - a - -",
    "flatten positions": "- - a a - -",
    "manage users and keys": "- - - - a -",
    "read the audit log": "- - - y - y",
    "complete a recovery": "- - m m - -",
    "reset the peak of a drawdown": "- - - a - -",
}
ROLES = (Role.VIEWER, Role.RESEARCHER, Role.OPERATOR, Role.RISK, Role.ADMIN, Role.AUDITOR)
CELLS = [
    (action, role, mark)
    for action, marks in TABLE.items()
    for role, mark in zip(ROLES, marks.split(), strict=True)
]


def roster(tmp_path: Path, *operators: Operator) -> Roster:
    return Roster(operators, lambda reference: SECRET, UsedPasswords(tmp_path / "operators"))


def otp_at(now_ns: int) -> str:
    return pyotp.TOTP(SECRET).at(now_ns // SECOND)


@pytest.fixture
def one(tmp_path: Path) -> Roster:
    return roster(tmp_path, Operator("anna", Role.OPERATOR, "env:X"))


def test_table_names_every_action() -> None:
    assert set(TABLE) == {action.value for action in Action}
    assert set(PERMITS) == set(Action)


@pytest.mark.parametrize(("action", "role", "mark"), CELLS)
def test_permit_is_that_of_the_table(action: str, role: Role, mark: str) -> None:
    wanted = Action(action)
    full, bare = (Verified("x", role, has_second_factor=has) for has in (True, False))
    second = Verified("y", role, has_second_factor=True)
    if mark == "-":
        with pytest.raises(RefusedError, match="may not"):
            authorise(wanted, full, second=second)
        return
    authorise(wanted, full, is_live=True, second=second)
    assert PERMITS[wanted][role].is_own_only == (mark == "o")
    if mark in "ma":
        with pytest.raises(RefusedError, match="second factor"):
            authorise(wanted, bare)
    else:
        authorise(wanted, bare)
    if mark == "a":
        with pytest.raises(RefusedError, match="two persons"):
            authorise(wanted, full, is_live=True)
        with pytest.raises(RefusedError, match="themselves"):
            authorise(wanted, full, is_live=True, second=full)
        with pytest.raises(RefusedError, match="second factor"):
            authorise(wanted, full, second=Verified("y", role, has_second_factor=False))
    authorise(wanted, full)


@pytest.mark.parametrize(
    ("second", "otp"),
    # RFC 6238, appendix B (SHA-1), the last six of the eight digits
    [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
    ],
)
def test_verify_takes_the_published_passwords(one: Roster, second: int, otp: str) -> None:
    found = one.verify("anna", otp=otp, wall_ns=second * SECOND)
    assert found == Verified("anna", Role.OPERATOR, has_second_factor=True)


@pytest.mark.parametrize("otp", ["", "000000", "28708", "2870820", "x"])
def test_verify_given_a_wrong_password_refuses(one: Roster, otp: str) -> None:
    with pytest.raises(RefusedError, match="is wrong"):
        one.verify("anna", otp=otp, wall_ns=59 * SECOND)


def test_verify_takes_no_password_twice_over_restarts(tmp_path: Path, one: Roster) -> None:
    one.verify("anna", otp=otp_at(NOW), wall_ns=NOW)
    again = roster(tmp_path, *one.operators)
    with pytest.raises(RefusedError, match="used before"):
        again.verify("anna", otp=otp_at(NOW), wall_ns=NOW + SECOND)
    with pytest.raises(RefusedError, match="used before"):  # nor an earlier one
        again.verify("anna", otp=otp_at(NOW - 30 * SECOND), wall_ns=NOW)
    later = NOW + 30 * SECOND
    assert again.verify("anna", otp=otp_at(later), wall_ns=later)


def test_verify_allows_one_step_of_skew_and_no_more(one: Roster) -> None:
    with pytest.raises(RefusedError):
        one.verify("anna", otp=otp_at(NOW - 60 * SECOND), wall_ns=NOW)
    assert one.verify("anna", otp=otp_at(NOW - 30 * SECOND), wall_ns=NOW)
    assert one.verify("anna", otp=otp_at(NOW + 30 * SECOND), wall_ns=NOW)


def test_verify_locks_out_who_is_wrong_too_often(tmp_path: Path, one: Roster) -> None:
    for _ in range(MOST_FAILURES):
        with pytest.raises(RefusedError, match="wrong"):
            roster(tmp_path, *one.operators).verify("anna", otp="1", wall_ns=NOW)
    with pytest.raises(RefusedError, match="wrong 5 times"):
        one.verify("anna", otp=otp_at(NOW), wall_ns=NOW)
    later = NOW + 301 * SECOND
    assert one.verify("anna", otp=otp_at(later), wall_ns=later)


def test_verify_asks_for_the_password_where_one_is_set(tmp_path: Path) -> None:
    hashed = password_hash("correct horse")
    found = roster(tmp_path, Operator("anna", Role.RISK, "env:X", hashed))
    for wrong in ("", "wrong horse"):
        with pytest.raises(RefusedError, match="password of anna"):
            found.verify("anna", otp=otp_at(NOW), password=wrong, wall_ns=NOW)
    assert found.verify("anna", otp=otp_at(NOW), password="correct horse", wall_ns=NOW)


def test_verify_given_a_hash_that_is_none_refuses(tmp_path: Path) -> None:
    found = roster(tmp_path, Operator("anna", Role.RISK, "env:X", "$argon2what"))
    with pytest.raises(RefusedError, match="password"):
        found.verify("anna", otp=otp_at(NOW), password="x", wall_ns=NOW)


def test_verify_given_somebody_unknown_says_how_to_make_one(tmp_path: Path, one: Roster) -> None:
    with pytest.raises(RefusedError, match="did you mean anna"):
        one.verify("ana", otp="1", wall_ns=NOW)
    with pytest.raises(RefusedError, match="peak kill operator add"):
        roster(tmp_path).verify("anna", otp="1", wall_ns=NOW)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"anna": 1}', '{"anna": {"step": "x"}}'])
def test_verify_given_broken_records_of_used_passwords_blocks(
    tmp_path: Path, one: Roster, text: str
) -> None:
    one.verify("anna", otp=otp_at(NOW), wall_ns=NOW)
    (tmp_path / "operators" / "used.json").write_text(text, encoding="utf-8")
    later = NOW + 30 * SECOND
    with pytest.raises(RiskError, match=r"used\.json"):
        one.verify("anna", otp=otp_at(later), wall_ns=later)


def test_hash_of_a_password_is_never_shown() -> None:
    hashed = password_hash("correct horse")
    assert hashed.startswith("$argon2id$")
    assert hashed not in repr(Operator("anna", Role.RISK, "env:X", hashed))


def test_new_secret_goes_into_an_authenticator() -> None:
    secret = new_secret()
    assert secret != new_secret()
    parsed = pyotp.parse_uri(secret_uri("anna", secret))
    assert parsed.at(59) == pyotp.TOTP(secret).at(59)
