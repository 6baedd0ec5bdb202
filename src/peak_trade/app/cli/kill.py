"""`peak kill`: stop trading at once, and the guarded road back. `peak watchdog`: the process that watches."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import print_facts, print_json, print_table

if TYPE_CHECKING:
    from peak_trade.app.config import Configuration
    from peak_trade.app.settings import Settings
    from peak_trade.risk.kill_files import KillSwitch
    from peak_trade.risk.kills import Kill, Scope, Trip
    from peak_trade.risk.operators import Verified

UNCONFIRMED = 1
Roles = Literal["viewer", "researcher", "operator", "risk", "admin", "auditor"]
Environments = Literal["backtest", "paper", "shadow", "testnet", "live"]

Pairs = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A configuration key. Repeatable."),
]
State = Annotated[
    Path | None,
    typer.Option("--state", metavar="FOLDER", help="The state folder, instead of state.dir."),
]
ScopeText = Annotated[
    str,
    typer.Option(
        "--scope", help="global, account:NAME, strategy:NAME or symbol:NAME; several with commas."
    ),
]
Environment = Annotated[
    Environments | None,
    typer.Option("--environment", help="One environment; every one if left out."),
]
By = Annotated[str, typer.Option("--operator", metavar="NAME", help="Who asks.")]
Otp = Annotated[str, typer.Option("--otp", metavar="DIGITS", help="Their one-time password.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")]


def trip(
    reason: Reason,
    scope: ScopeText = "global",
    environment: Environment = None,
    operator: Annotated[
        str | None, typer.Option("--operator", metavar="NAME", help="Who does it, for the record.")
    ] = None,
    state: State = None,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> int:
    """Stop every order of a scope; exit code 1 where that is not proven (KILL_UNCONFIRMED)."""
    import time

    whose = _scope(scope, environment)
    switch = _switch(state, pairs, config)
    found = switch.trip(
        reason, by=f"operator {operator or _user()}", now_ns=time.time_ns(), scope=whose
    )
    if json:
        print_json(found.to_dict())
    else:
        _show_trip(found)
    return 0 if found.is_confirmed else UNCONFIRMED


def status(
    state: State = None,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Show what is stopped, since when and why."""
    switch = _switch(state, pairs, config)
    if json:
        print_json({**switch.status(), "state_folder": str(switch.folder)})
        return
    kills = switch.kills
    if not kills:
        print(f"ACTIVE at epoch {switch.epoch}: nothing is stopped.")
        return
    print_table(
        ("scope", "state", "epoch", "since (UTC)", "by", "reason"),
        [_row(kill) for kill in kills],
        words={0, 1, 3, 4, 5},
    )


def approval_code(
    operator: By,
    otp: Otp,
    scope: ScopeText = "global",
    environment: Environment = None,
    state: State = None,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Approve a recovery (role risk): a code for the operator, shown once, good for 10 minutes."""
    from peak_trade.app.moment import now

    found = _configured(pairs, config)
    switch = _switch(state, pairs, config)
    who = _verified(found, switch, operator, otp)
    whose = _scope(scope, environment)
    code = switch.issue_code(whose, operator=who, config=_config_digest(found), now=now())
    if json:
        print_json({"code": code, "scope": str(whose), "minutes": 10})
        return
    print(code)
    print(f"Good for {whose}, once, for 10 minutes. It is not shown again.", file=sys.stderr)


def request_recovery(
    code: Annotated[str, typer.Option("--code", help="The approval code.")],
    cause: Annotated[str, typer.Option("--cause", metavar="TEXT", help="What went wrong.")],
    operator: By,
    otp: Otp,
    scope: ScopeText = "global",
    environment: Environment = None,
    state: State = None,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Begin the recovery of a scope (role operator); trading stays stopped for the cooldown."""
    from peak_trade.app.moment import now
    from peak_trade.app.recovery_facts import facts_of

    found = _configured(pairs, config)
    switch = _switch(state, pairs, config)
    who = _verified(found, switch, operator, otp)
    whose, moment = _scope(scope, environment), now()
    facts = facts_of(found, switch, _kill(switch, whose), moment.wall_ns)
    kill = switch.request_recovery(
        code,
        scope=whose,
        cause=cause,
        operator=who,
        facts=facts,
        config=_config_digest(found),
        now=moment,
    )
    wait_s = found.values.kill.cooldown_s
    if json:
        told = {"state": kill.state.value, "scope": str(whose), "epoch": kill.epoch}
        print_json({**told, "cooldown_s": wait_s, "facts": facts.to_dict()})
        return
    print(f"{whose} is {kill.state.value}. Complete the recovery in {wait_s:g} s or later.")


def complete_recovery(
    operator: By,
    otp: Otp,
    scope: ScopeText = "global",
    environment: Environment = None,
    state: State = None,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Let a scope trade again, after the cooldown (role operator or risk; in live another person)."""
    from peak_trade.app.moment import now
    from peak_trade.app.recovery_facts import facts_of

    found = _configured(pairs, config)
    switch = _switch(state, pairs, config)
    who = _verified(found, switch, operator, otp)
    whose, moment = _scope(scope, environment), now()
    facts = facts_of(found, switch, _kill(switch, whose), moment.wall_ns)
    recovered = switch.complete_recovery(
        scope=whose,
        operator=who,
        facts=facts,
        now=moment,
        cooldown_s=found.values.kill.cooldown_s,
    )
    if json:
        told = {"state": "ACTIVE", "scope": str(whose), "epoch": recovered.epoch}
        print_json({**told, "needs_arming": recovered.needs_arming, "facts": facts.to_dict()})
        return
    print(f"{whose} is ACTIVE again, at epoch {recovered.epoch}.")
    if recovered.needs_arming:
        print("Live trading is disarmed: arm it anew.")


def reset_peak(
    account: Annotated[str, typer.Option("--account", help="Whose drawdown.")],
    reason: Reason,
    operator: By,
    otp: Otp,
    environment: Annotated[Environments, typer.Option("--environment")] = "paper",
    approver: Annotated[
        str | None, typer.Option("--approver", metavar="NAME", help="The second person, for live.")
    ] = None,
    approver_otp: Annotated[
        str, typer.Option("--approver-otp", metavar="DIGITS", help="Their one-time password.")
    ] = "",
    state: State = None,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Measure an account's drawdown from its present equity on (role risk; in live two persons)."""
    from peak_trade.app.moment import now

    found = _configured(pairs, config)
    switch = _switch(state, pairs, config)
    who = _verified(found, switch, operator, otp)
    second = _verified(found, switch, approver, approver_otp, is_second=True) if approver else None
    done = switch.reset_peak(
        environment=environment,
        account=account,
        reason=reason,
        operator=who,
        approver=second,
        now=now(),
    )
    if json:
        print_json({name: getattr(done, name) for name in done.__slots__})
        return
    print(f"The peak of {account} in {environment} is reset by record {done.seq}.")


def history(
    limit: Annotated[int, typer.Option(min=1, help="Records to show, newest last.")] = 20,
    state: State = None,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Show what ever happened to the switch; every seal is checked."""
    switch = _switch(state, pairs, config)
    records = switch.history()[-limit:]
    if json:
        told = [{k: v for k, v in record.items() if k != "standing"} for record in records]
        print_json({"records": told})
        return
    print_table(
        ("record", "time (UTC)", "what", "by", "detail"),
        [
            [
                str(record["seq"]),
                _time(record["time_ns"]),
                record["kind"],
                record["by"],
                ", ".join(
                    f"{k}: {v}" for k, v in record["detail"].items() if not isinstance(v, dict)
                ),
            ]
            for record in records
        ],
        words={1, 2, 3, 4},
    )


def add_operator(
    name: Annotated[str, typer.Argument(metavar="NAME", help="By which records call them.")],
    role: Annotated[Roles, typer.Option("--role", help="What they are there for.")],
    password: Annotated[
        bool, typer.Option("--password", help="With a password too: asked, or in the environment.")
    ] = False,
    operator: Annotated[
        str | None, typer.Option("--operator", metavar="NAME", help="An admin, where there is one.")
    ] = None,
    otp: Annotated[
        str, typer.Option("--otp", metavar="DIGITS", help="Their one-time password.")
    ] = "",
    state: State = None,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Add an operator to config/operators.toml; the secret of the second factor is shown once."""
    from peak_trade.app import operators
    from peak_trade.risk.operators import Role, new_secret, password_hash, secret_uri

    found = _configured(pairs, config)
    _may_manage(found, operator, otp, state)
    given = _password(operators.PASSWORD, f"Password of {name}: ") if password else ""
    hashed = password_hash(given) if given else ""
    operators.add_operator(Path(), name, Role(role), password_hash=hashed)
    secret = new_secret()
    facts = {
        "operator": name,
        "role": role,
        "file": operators.FILE.as_posix(),
        "variable": operators.variable_of(name),
        "secret": secret,
        "uri": secret_uri(name, secret),
    }
    if json:
        print_json(facts)
        return
    print_facts(facts)
    print(
        f"Give the secret to {name}'s authenticator and set {facts['variable']} to it where peak runs."
        " It is not shown again.",
        file=sys.stderr,
    )


def list_operators(
    pairs: Pairs = None, config: options.ConfigFile = None, json: options.Json = False
) -> None:
    """List the operators, their roles, and where their secrets are to be found."""
    found = _configured(pairs, config).values.operators.operator
    if json:
        print_json(
            {
                "operators": [
                    {
                        "name": item.name,
                        "role": item.role.value,
                        "totp": item.totp,
                        "has_password": bool(item.password),
                    }
                    for item in found
                ]
            }
        )
    elif found:
        print_table(
            ("name", "role", "secret", "password"),
            [[o.name, o.role.value, o.totp, "yes" if o.password else "no"] for o in found],
            words={0, 1, 2, 3},
        )
    else:
        print("There is no operator; peak kill operator add makes one.")


def watchdog(
    seconds: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", min=0, help="End after so long.")
    ] = None,
    state: State = None,
    pairs: Pairs = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> int:
    """Watch the sessions of the state folder until it is ended; exit code 1 where it tripped one."""
    from peak_trade.app.watchdog import watch

    folder = _folder(state, pairs, config)
    print(f"Watching {folder}.", file=sys.stderr, flush=True)
    trips = watch(folder, seconds=seconds)
    if json:
        print_json({"state_folder": str(folder), "trips": [found.to_dict() for found in trips]})
    else:
        for found in trips:
            _show_trip(found)
        print(f"Watched {folder}: {len(trips)} trips.")
    return 1 if trips else 0


# --- what they share -------------------------------------------------------------------------------


def _folder(state: Path | None, pairs: list[str] | None, config: Path | None) -> Path:
    """The state folder; one that is named needs no configuration, which may be broken."""
    if state is not None:
        return state
    from peak_trade.app.trading import state_dir
    from peak_trade.domain.errors import ConfigError

    try:
        return state_dir(_configured(pairs, config))
    except ConfigError as error:
        raise ConfigError(
            error.message, hint=f"{error.hint}; or name the state folder with --state"
        ) from error


def _switch(state: Path | None, pairs: list[str] | None, config: Path | None) -> "KillSwitch":
    import time

    from peak_trade.risk.kill_files import KillSwitch

    folder = _folder(state, pairs, config)
    return KillSwitch(folder, environment="", now_ns=time.time_ns(), alert=_quiet)


def _quiet(_: "Trip") -> None:
    """The command itself tells what came of a trip."""


def _scope(text: str, environment: str | None) -> "Scope":
    from peak_trade.risk.kills import Scope

    return Scope.parse(text, environment=environment or "")


def _kill(switch: "KillSwitch", scope: "Scope") -> "Kill":
    from peak_trade.domain.errors import RefusedError

    for kill in switch.kills:
        if kill.scope == scope:
            return kill
    named = ", ".join(str(kill.scope) for kill in switch.kills) or "nothing is"
    raise RefusedError(f"{scope} is not stopped", hint=f"what is stopped: {named}")


def _verified(
    found: "Configuration[Settings]",
    switch: "KillSwitch",
    name: str,
    otp: str,
    *,
    is_second: bool = False,
) -> "Verified":
    """Somebody who gave their password, where they have one, and a one-time password."""
    import time

    from peak_trade.app import operators

    roster = operators.roster_of(found.values.operators.operator, switch.folder)
    variable = operators.APPROVER_PASSWORD if is_second else operators.PASSWORD
    has_password = bool(roster.find(name).password)
    password = _password(variable, f"Password of {name}: ") if has_password else ""
    return roster.verify(name, otp=otp, password=password, wall_ns=time.time_ns())


def _may_manage(
    found: "Configuration[Settings]", name: str | None, otp: str, state: Path | None
) -> None:
    """Where there is an admin, only an admin adds operators."""
    from peak_trade.domain.errors import RefusedError
    from peak_trade.risk.operators import Action, Role, authorise

    if not any(item.role is Role.ADMIN for item in found.values.operators.operator):
        return
    if name is None:
        raise RefusedError(
            "operators are added by an admin here", hint="give --operator and --otp of one"
        )
    switch = _switch(state, None, None) if state else _switch_of(found)
    authorise(Action.MANAGE_USERS, _verified(found, switch, name, otp))


def _switch_of(found: "Configuration[Settings]") -> "KillSwitch":
    from peak_trade.app.trading import state_dir

    return _switch(state_dir(found), None, None)


def _password(variable: str, prompt: str) -> str:
    given = os.environ.get(variable, "")
    if given or not sys.stdin.isatty():
        return given
    from getpass import getpass

    return getpass(prompt)


def _user() -> str:
    """Who runs this, as the system calls them."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"


def _configured(pairs: list[str] | None, file: Path | None) -> "Configuration[Settings]":
    from peak_trade.app import request
    from peak_trade.app.wiring import parse_settings

    return request.configured({}, parse_settings(pairs or []), file)


def _config_digest(found: "Configuration[Settings]") -> str:
    """What an approval code is bound to: every setting in force."""
    from peak_trade.journal.canonical import digest_of

    return digest_of({key: setting.value for key, setting in found.settings.items()})


def _row(kill: "Kill") -> list[str]:
    first = kill.reasons[0]
    more = f" (+{len(kill.reasons) - 1} more)" if len(kill.reasons) > 1 else ""
    return [
        str(kill.scope),
        kill.state.value,
        str(kill.epoch),
        _time(first.time_ns),
        first.by,
        first.text + more,
    ]


def _show_trip(found: "Trip") -> None:
    print(f"{found.status}: {found.scope}, epoch {found.epoch}, in {found.latency_s * 1e3:.1f} ms.")
    for pid in found.ended:
        print(f"Process {pid} held on while it sent, and was ended.")
    for problem in found.problems:
        print(f"NOT PROVEN: {problem}.")
    if not found.is_confirmed:
        print("Orders may still be sent. Cancel at the venue itself; see docs/runbooks/kill.md.")


def _time(time_ns: int) -> str:
    if time_ns <= 0:
        return "unknown"
    return datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")
