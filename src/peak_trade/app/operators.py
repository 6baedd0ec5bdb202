"""Operators as configuration has them: read, checked, their secrets found, a new one written down."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from peak_trade.domain.errors import RefusedError, RiskError
from peak_trade.risk.operators import Operator, Role, Roster, UsedPasswords

FILE = Path("config") / "operators.toml"
PASSWORD = "PEAK_OPERATOR_PASSWORD"  # noqa: S105 - the name of a variable
APPROVER_PASSWORD = "PEAK_APPROVER_PASSWORD"  # noqa: S105
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FIELDS = {"name", "role", "totp", "password"}


def operators_of(given: object) -> tuple[Operator, ...]:
    """Read the tables of ``config/operators.toml``.

    Raises
    ------
    ValueError
        A table that lacks a name, a role or a secret's place, has something else, or a name twice.

    Examples
    --------
    >>> operators_of([{"name": "anna", "role": "risk", "totp": "env:PEAK_TOTP_ANNA"}])[0].role.value
    'risk'
    """
    if not isinstance(given, list | tuple):
        raise ValueError("operators are given as tables, in config/operators.toml")  # noqa: TRY004
    found = tuple(row if isinstance(row, Operator) else _operator_of(row) for row in given)
    names = [operator.name for operator in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"operator {twice} stands there twice")
    return found


def _operator_of(row: object) -> Operator:
    if not isinstance(row, Mapping) or not all(isinstance(value, str) for value in row.values()):
        raise ValueError("an operator is a table of texts")
    missing = {"name", "role", "totp"} - set(row)
    unknown = set(row) - _FIELDS
    if missing or unknown:
        words = [f"lacks {name}" for name in sorted(missing)]
        words += [f"has {name}, which is not known" for name in sorted(map(str, unknown))]
        raise ValueError(f"an operator {' and '.join(words)}")
    roles = [role.value for role in Role]
    if row["role"] not in roles:
        raise ValueError(f"role {row['role']} is not one of {', '.join(roles)}")
    if not _NAME.fullmatch(row["name"]):
        raise ValueError(f"{row['name']!r} is no name: letters, digits, dots and dashes are")
    if not row["totp"].startswith(("env:", "file:")):
        raise ValueError("totp names where the secret is: env:VARIABLE or file:PATH, never itself")
    password = row.get("password", "")
    if password and not password.startswith("$argon2"):
        raise ValueError("password is an argon2 hash, never the password itself")
    return Operator(row["name"], Role(row["role"]), row["totp"], password)


def secret_of(reference: str) -> str:
    """The secret that ``env:VARIABLE`` or ``file:PATH`` names.

    Raises
    ------
    RiskError
        It is not there, or a file that others may read.
    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        found = os.environ.get(name, "")
        if not found:
            raise RiskError(f"the variable {name} is not set", hint="it holds an operator's secret")
        return found.strip()
    path = Path(name)
    try:
        if path.stat().st_mode & 0o077:
            raise RiskError(f"others may read {path.name}", hint="chmod 600 it")
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise RiskError(
            f"the secret in {path.name} cannot be read: {error.strerror}", hint="check totp"
        ) from None


def roster_of(operators: tuple[Operator, ...], state: Path) -> Roster:
    """The operators of a configuration, with the passwords that were used in a state folder."""
    return Roster(operators, secret_of, UsedPasswords(state / "operators"))


def variable_of(name: str) -> str:
    """The environment variable that a new operator's secret is to be in.

    Examples
    --------
    >>> variable_of("anna.b")
    'PEAK_TOTP_ANNA_B'
    """
    return "PEAK_TOTP_" + re.sub(r"[^A-Z0-9]", "_", name.upper())


def add_operator(folder: Path, name: str, role: Role, *, password_hash: str = "") -> None:
    """Write a new operator behind those of ``config/operators.toml``; the secret is not part of it.

    Raises
    ------
    RefusedError
        The name is no name, or one of that file already.
    """
    if not _NAME.fullmatch(name):
        raise RefusedError(f"{name!r} is no name", hint="take letters, digits, dots and dashes")
    path = folder / FILE
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if f'name = "{name}"' in before:
        raise RefusedError(f"operator {name} is there already", hint=f"see {FILE}")
    lines = [
        "[[operator]]",
        f'name = "{name}"',
        f'role = "{role.value}"',
        f'totp = "env:{variable_of(name)}"',
        *([f'password = "{password_hash}"'] if password_hash else []),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    gap = "\n" if before else ""
    fresh = path.with_suffix(".toml.new")
    fresh.write_text(f"{before}{gap}" + "\n".join(lines) + "\n", encoding="utf-8")
    fresh.replace(path)
