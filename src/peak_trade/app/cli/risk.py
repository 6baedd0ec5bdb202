"""`peak risk`: the limits in force, every rule, and what the gate says to an order."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.config import Pairs
from peak_trade.app.cli.console import print_facts, print_json, print_table

if TYPE_CHECKING:
    from peak_trade.app.config import Configuration
    from peak_trade.app.settings import Settings
    from peak_trade.domain.approval import Breach, Refused
    from peak_trade.risk.limits import InForce, ScopedLimits
    from peak_trade.risk.policy import Policy

Environment = Annotated[
    str, typer.Argument(metavar="[ENVIRONMENT]", help="paper, shadow, testnet or live.")
]
Where = Annotated[
    str, typer.Option("--environment", metavar="NAME", help="paper, shadow, testnet or live.")
]
ByStrategy = Annotated[
    str, typer.Option("--strategy", metavar="NAME", help="Limits in force for a strategy.")
]
BySymbol = Annotated[
    str, typer.Option("--symbol", metavar="NAME", help="Limits in force for a symbol.")
]
Example = Annotated[
    bool, typer.Option("--example", help="Print the file that comes with the package.")
]
File = Annotated[
    Path | None, typer.Argument(metavar="ORDER.json", help="An order and its account.")
]
RuleName = Annotated[str, typer.Argument(metavar="RULE", help="Such as max_order.")]

REFUSED = 1


def show(
    environment: Environment = "paper",
    strategy: ByStrategy = "",
    symbol: BySymbol = "",
    example: Example = False,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Show the limits and the policy in force in an environment, whose each is, and its file."""
    from peak_trade.app import limits_files

    limits_files.check_environment(environment)
    if example:
        _show_example(environment, json=json)
        return
    found = _configured(pairs, config)
    limits = limits_files.limits_in_force(found, environment)
    policy = limits_files.policy_in_force(found, environment)
    force = limits.of(strategy, symbol)
    if json:
        print_json(
            {
                "environment": environment,
                "limits": _plain(force),
                "scopes": {name: dict(x) for name, x in _scopes(limits).items()},
                "portfolio": limits.to_plain()["portfolio"],
                "source": limits.source,
                "fingerprint": limits.fingerprint,
                "policy": _plain_policy(policy),
            }
        )
        return
    _show_limits(environment, limits, force)
    _show_policy(policy)


def _show_example(environment: str, *, json: bool) -> None:
    from peak_trade.app import limits_files

    limits, policies = limits_files.example(environment), limits_files.example_policies()
    if json:
        print_json({"limits": limits, "policies": policies})
        return
    print(limits, end="")


def _plain(force: "InForce") -> dict[str, dict[str, object]]:
    from peak_trade.risk.limits import NAMES

    return {
        name: {"value": getattr(force.limits, name), "scope": force.scope_of(name)}
        for name in NAMES
    }


def _scopes(limits: "ScopedLimits") -> "dict[str, dict[str, float]]":
    return {
        f"{kind}:{name}": dict(given)
        for kind, scopes in (("strategy", limits.strategies), ("symbol", limits.symbols))
        for name, given in scopes.items()
    }


def _plain_policy(policy: "Policy") -> dict[str, object]:
    return {
        "strategies": None if policy.strategies is None else list(policy.strategies),
        "restricted": sorted(policy.restricted),
        "hours": [str(span) for span in policy.hours],
        "promotions": dict(policy.promotions),
        "max_notional": policy.max_notional,
        "source": policy.source,
        "fingerprint": policy.fingerprint,
    }


def _show_limits(environment: str, limits: "ScopedLimits", force: "InForce") -> None:
    print(f"Limits of {environment}, from {limits.source}.")
    rows = [(name, f"{row['value']:g}", str(row["scope"])) for name, row in _plain(force).items()]
    portfolio = limits.portfolio
    rows.append(("max_exposure", f"{portfolio.max_exposure:g}", f"portfolio:{portfolio.name}"))
    print_table(("limit", "value", "scope"), rows, words={0, 2})
    for scope, given in _scopes(limits).items():
        tighter = ", ".join(f"{name} {value:g}" for name, value in given.items())
        print(f"{scope} tightens {tighter}.")


def _show_policy(policy: "Policy") -> None:
    print()
    print(f"Policy, from {policy.source}.")
    named = "any" if policy.strategies is None else ", ".join(policy.strategies) or "none"
    print_facts(
        {
            "strategies": named,
            "restricted": ", ".join(sorted(policy.restricted)) or "none",
            "hours": ", ".join(map(str, policy.hours)) or "any",
            "promotion": ", ".join(policy.promotions.values()) or "none",
            "max_notional": f"{policy.max_notional:g}",
        }
    )


def limits(json: options.Json = False) -> None:
    """List every rule in the order of the checks, with the limit that it reads."""
    rows = _rules()
    if json:
        print_json({"rules": rows})
        return
    print_table(
        ("check", "rule", "limit", "unit", "what it asks"),
        [
            tuple(str(row[key]) for key in ("check", "rule", "limit", "unit", "meaning"))
            for row in rows
        ],
        words={1, 2, 3, 4},
    )


def _rules() -> list[dict[str, object]]:
    from peak_trade.app.limits_files import registered_rules
    from peak_trade.risk.rules import EDGES, RULES

    rows: list[dict[str, object]] = [
        {
            "check": rule.number,
            "rule": rule.name,
            "limit": rule.limit,
            "unit": rule.unit,
            "meaning": rule.meaning,
        }
        for rule in RULES
    ]
    for name, number, meaning in EDGES:
        limit, unit = ("max_exposure", "account's currency") if number > 1 else ("", "")
        rows.append(
            {"check": number, "rule": name, "limit": limit, "unit": unit, "meaning": meaning}
        )
    rows.sort(key=lambda row: int(str(row["check"])))
    for own in registered_rules():
        meaning = (type(own).__doc__ or "").strip().partition("\n")[0]
        rows.append(
            {"check": 19, "rule": f"own:{own.name}", "limit": "", "unit": "", "meaning": meaning}
        )
    return rows


def explain(
    rule: RuleName,
    environment: Where = "paper",
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Explain one rule: what it asks, the limit that it reads, and what that is here."""
    from peak_trade.app.limits_files import limits_in_force
    from peak_trade.domain.errors import InputError, did_you_mean

    rows = {str(row["rule"]): row for row in _rules()}
    if rule not in rows:
        raise InputError(f"rule {rule!r} is not known", hint=did_you_mean(rule, rows))
    row, name = rows[rule], str(rows[rule]["limit"])
    found = limits_in_force(_configured(pairs, config), environment)
    value = getattr(found.account, name, found.portfolio.max_exposure) if name else None
    if json:
        print_json({**row, "environment": environment, "value": value, "source": found.source})
        return
    print_facts(
        {
            "rule": rule,
            "check": str(row["check"]),
            "asks": str(row["meaning"]),
            "limit": name or "none",
            "unit": str(row["unit"]) or "none",
            "value": "none" if value is None else f"{value:g} ({environment}, {found.source})",
        }
    )


def check(
    file: File = None,
    environment: Where = "paper",
    example: Example = False,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> int:
    """Show what the gate says to an order; exit code 1 where it refuses.

    The rules and limits are those of the environment. Its kill switch, its arming and what other
    accounts have reserved are not asked, nothing is sent and nothing is kept.
    """
    from peak_trade.app.limits_files import limits_in_force, policy_in_force, registered_rules
    from peak_trade.app.order_files import example_order, read_orders
    from peak_trade.domain.errors import InputError
    from peak_trade.risk.gate import RiskGate
    from peak_trade.risk.kill_switch import MemoryKillSwitch

    if example:
        print(example_order(), end="")
        return 0
    if file is None:
        raise InputError("no order is given", hint="peak risk check --example prints one")
    found = _configured(pairs, config)
    limits = limits_in_force(found, environment)
    policy = policy_in_force(found, environment)
    proposals, book = read_orders(file)
    gate = RiskGate(
        limits,
        MemoryKillSwitch(environment),
        environment=environment,
        account="check",
        policy=policy,
        rules=registered_rules(),
    )
    approved, refused = gate.review(proposals, book)
    if json:
        print_json(
            {
                "approved": [yes.order.client_id for yes in approved],
                "refused": [_plain_refusal(no) for no in refused],
            }
        )
    else:
        for yes in approved:
            print(f"{yes.order.client_id}: approved.")
        for no in refused:
            _show_refusal(no)
    return REFUSED if refused else 0


def _plain_refusal(no: "Refused") -> dict[str, object]:
    return {"order": str(no.order.client_id), "breaches": [_plain_breach(x) for x in no.breaches]}


def _plain_breach(breach: "Breach") -> dict[str, object]:
    return {
        "rule": breach.rule,
        "limit": breach.limit,
        "value": breach.value,
        "scope": breach.scope,
        "detail": breach.detail,
    }


def _show_refusal(no: "Refused") -> None:
    print(f"{no.order.client_id}: REFUSED.")
    print_table(
        ("rule", "limit", "value", "scope", "detail"),
        [(x.rule, f"{x.limit:g}", f"{x.value:g}", x.scope, x.detail) for x in no.breaches],
        words={0, 3, 4},
    )


def _configured(pairs: list[str] | None, file: Path | None) -> "Configuration[Settings]":
    from peak_trade.app import request
    from peak_trade.app.wiring import parse_settings

    return request.configured({}, parse_settings(pairs or []), file)
