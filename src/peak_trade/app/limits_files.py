"""The limits, policies and rules of one's own that sessions trade under, from the files that set them."""

import tomllib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, cast

from peak_trade.domain.errors import RiskError, did_you_mean

if TYPE_CHECKING:
    from peak_trade.app.config import Configuration
    from peak_trade.app.settings import Settings
    from peak_trade.risk.limits import ScopedLimits
    from peak_trade.risk.policy import Policy
    from peak_trade.risk.rules import RiskRule

RULE_GROUP = "peak_trade.rules"
"""Entry points of rules of one's own: classes that are made without arguments."""

_FOLDER = Path(__file__).with_name("defaults")
_ON_PAPER = ("paper", "shadow")
_SHIPPED = "the package"


def risk_limits(environment: str, folder: Path) -> "ScopedLimits":
    """The limits in force in an environment, by the files of a folder; see :func:`limits_in_force`."""
    return limits_in_force(_configured(folder), environment)


def live_policy(environment: str, folder: Path) -> "Policy":
    """What the house allows in an environment, by the files of a folder; see :func:`policy_in_force`."""
    return policy_in_force(_configured(folder), environment)


def _configured(folder: Path) -> "Configuration[Settings]":
    from peak_trade.app.config import configure
    from peak_trade.app.settings import Settings

    return configure(Settings, folder)


def limits_in_force(found: "Configuration[Settings]", environment: str) -> "ScopedLimits":
    """The limits that a session of an environment trades under.

    They are the whole table ``risk.ENVIRONMENT``, such as ``config/risk/live.toml``; for paper
    trading and shadow sessions, where there is none, those that come with the package.

    Raises
    ------
    RiskError
        There are none for a testnet or live, or the environment is not known.

    Examples
    --------
    >>> risk_limits("paper", Path("no/such/folder")).account.max_clock_skew_s
    0.5
    >>> risk_limits("live", Path("no/such/folder"))
    Traceback (most recent call last):
    peak_trade.domain.errors.RiskError: there are no limits for live: nothing may trade without; ...
    """
    from peak_trade.risk.limit_tables import limits_of

    check_environment(environment)
    table = cast("Mapping[str, object] | None", getattr(found.values.risk, environment))
    if table is not None:
        return limits_of(table, found.explain(f"risk.{environment}").layer)
    if environment not in _ON_PAPER:
        raise RiskError(
            f"there are no limits for {environment}: nothing may trade without",
            hint=f"save what peak risk show {environment} --example prints as "
            f"config/risk/{environment}.toml, and set every limit in it",
            environment=environment,
        )
    return limits_of(tomllib.loads(example(environment)), _SHIPPED)


def policy_in_force(found: "Configuration[Settings]", environment: str) -> "Policy":
    """What the house allows in an environment: its table of ``config/live_policies.toml``.

    Raises
    ------
    RiskError
        There is none for a testnet or live, or the environment is not known.

    Examples
    --------
    >>> live_policy("paper", Path("no/such/folder")).allows("anything")
    True
    """
    from peak_trade.risk.limit_tables import policy_of
    from peak_trade.risk.policy import Policy

    check_environment(environment)
    table = cast("Mapping[str, object] | None", getattr(found.values.live_policies, environment))
    if table is not None:
        return policy_of(table, environment, found.explain(f"live_policies.{environment}").layer)
    if environment in _ON_PAPER:
        return Policy(source=_SHIPPED)
    raise RiskError(
        f"there is no policy for {environment}: nothing may trade without",
        hint=f"write a table [{environment}] into config/live_policies.toml; "
        "docs/risk.md shows one",
        environment=environment,
    )


def example(environment: str) -> str:
    """The text of the limits that come with the package; a shadow session's are those of paper."""
    name = "paper" if environment == "shadow" else environment
    return (_FOLDER / "risk" / f"{name}.toml").read_text(encoding="utf-8")


def example_policies() -> str:
    """The text of the policies that come with the package, as an example."""
    return (_FOLDER / "live_policies.toml").read_text(encoding="utf-8")


def check_environment(environment: str) -> None:
    """Refuse a name that is no environment of sessions; raises RiskError."""
    from peak_trade.risk.limit_tables import ENVIRONMENTS

    if environment not in ENVIRONMENTS:
        raise RiskError(
            f"environment {environment!r} has no limits of its own",
            hint=did_you_mean(environment, ENVIRONMENTS),
        )


def registered_rules() -> "tuple[RiskRule, ...]":
    """Every rule of the entry-point group ``peak_trade.rules``, made, by name.

    Raises
    ------
    RiskError
        A rule that cannot be loaded, or is none: what was installed to refuse must not be missing.
    """
    return tuple(_made(point) for point in sorted(entry_points(group=RULE_GROUP)))


def _made(point: EntryPoint) -> "RiskRule":
    from peak_trade.risk.rules import RiskRule

    try:
        rule: object = point.load()()
    except Exception as error:
        raise RiskError(
            f"rule {point.name!r} cannot be made from {point.value}: {error}",
            hint="mend the package that brings it, or remove it",
            rule=point.name,
        ) from error
    if not isinstance(rule, RiskRule):
        raise RiskError(
            f"rule {point.name!r} of {point.value} is none: name and check(order, book) expected",
            hint="docs/guide-risk-rule.md shows one",
            rule=point.name,
        )
    return rule
