"""Approval codes: 128 bits of chance, shown once, kept as an HMAC of what they are good for."""

import base64
import hmac
import secrets
from collections.abc import Callable
from dataclasses import replace

from peak_trade.risk.kills import Code, Instant, Scope
from peak_trade.risk.recovery import CODE_FAILURES, CODE_S, is_fresh

BITS = 128
_GROUP = 5
Seal = Callable[..., str]


def new_code() -> str:
    """Make a code: 26 letters and digits in groups.

    Examples
    --------
    >>> len(new_code().replace("-", "")), new_code() == new_code()
    (26, False)
    """
    text = base64.b32encode(secrets.token_bytes(BITS // 8)).decode().rstrip("=")
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def seal_of(seal: Seal, code: str, *, epoch: int, scope: Scope, config: str) -> str:
    """The HMAC over code, epoch, scope and configuration: the only thing of a code that is kept."""
    plain = "".join(filter(str.isalnum, code)).upper()
    parts = (scope.environment, scope.account, scope.strategy, scope.symbol)
    return seal("code", plain, str(epoch), *parts, config)


def issue(
    seal: Seal, *, epoch: int, scope: Scope, config: str, issuer: str, now: Instant
) -> tuple[str, Code]:
    """Make a code for one scope at one epoch: the text to show once, and what is kept."""
    text = new_code()
    mac = seal_of(seal, text, epoch=epoch, scope=scope, config=config)
    return text, Code(mac, scope, epoch, issuer, now)


def check(
    seal: Seal,
    found: Code | None,
    text: str,
    *,
    epoch: int,
    scope: Scope,
    config: str,
    now: Instant,
) -> tuple[str, Code | None]:
    """Compare a code with the one that is open for a scope.

    Returns
    -------
    problem : str
        Why it is refused, or nothing.
    code : Code or None
        What is to be kept of the open one: with one more failure, or None where it is burnt or spent.
    """
    if found is None:
        return "no approval code is open for this scope", None
    if not is_fresh(found.since, now, CODE_S):
        return f"the approval code is older than {CODE_S / 60:g} minutes", None
    mac = seal_of(seal, text, epoch=epoch, scope=scope, config=config)
    if hmac.compare_digest(mac.encode(), found.mac.encode()):
        return "", None
    failed = replace(found, failures=found.failures + 1)
    if failed.failures >= CODE_FAILURES:
        return f"the approval code is wrong for the {CODE_FAILURES}th time, and burnt", None
    left = CODE_FAILURES - failed.failures
    return f"the approval code is wrong, or not for this state; {left} tries are left", failed
