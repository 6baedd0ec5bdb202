"""Who may do what: operators, their roles, their second factor. What is not allowed is denied."""

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from peak_trade.domain.errors import RefusedError, RiskError, did_you_mean
from peak_trade.risk.file_locks import locked
from peak_trade.risk.kill_store import Disk

STEP_S = 30
WINDOW = 1
MOST_FAILURES = 5
LOCKOUT_NS = 300 * 1_000_000_000
_WAIT_S = 5.0


class Role(Enum):
    """What an operator is there for; each has one."""

    VIEWER = "viewer"
    RESEARCHER = "researcher"
    OPERATOR = "operator"
    RISK = "risk"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Action(Enum):
    """What a role may be allowed to do."""

    SEE_POSITIONS = "see positions"
    START_SESSION = "start a backtest or a paper session"
    TRIP = "trip the kill switch"
    CANCEL_ORDERS = "cancel orders"
    REQUEST_RECOVERY = "request a recovery"
    COMPLETE_RECOVERY = "complete a recovery"
    APPROVE_RECOVERY = "approve a recovery"
    RESET_PEAK = "reset the peak of a drawdown"
    ARM = "arm live trading"
    APPROVE_ARMING = "approve arming"
    TIGHTEN_LIMITS = "tighten limits"
    LOOSEN_LIMITS = "loosen limits"
    FLATTEN = "flatten positions"
    MANAGE_USERS = "manage users and keys"
    READ_AUDIT = "read the audit log"


@dataclass(frozen=True, slots=True)
class Permit:
    """On what terms a role may do something.

    ``is_own_only``: what is one's own; ``needs_second_factor``; ``needs_second_person``: in LIVE
    another person has to agree.
    """

    needs_second_factor: bool = False
    needs_second_person: bool = False
    is_own_only: bool = False


_PLAIN, _MFA, _MFA_A = Permit(), Permit(True), Permit(True, True)

PERMITS: Mapping[Action, Mapping[Role, Permit]] = {
    Action.SEE_POSITIONS: {
        Role.VIEWER: _PLAIN,
        Role.RESEARCHER: Permit(is_own_only=True),
        Role.OPERATOR: _PLAIN,
        Role.RISK: _PLAIN,
        Role.AUDITOR: _PLAIN,
    },
    Action.START_SESSION: {Role.RESEARCHER: _PLAIN, Role.OPERATOR: _PLAIN},
    Action.TRIP: {Role.OPERATOR: _PLAIN, Role.RISK: _PLAIN, Role.ADMIN: _PLAIN},
    Action.CANCEL_ORDERS: {Role.OPERATOR: _PLAIN, Role.RISK: _PLAIN},
    Action.REQUEST_RECOVERY: {Role.OPERATOR: _MFA},
    Action.COMPLETE_RECOVERY: {Role.OPERATOR: _MFA, Role.RISK: _MFA},
    Action.APPROVE_RECOVERY: {Role.RISK: _MFA},
    Action.RESET_PEAK: {Role.RISK: _MFA_A},
    Action.ARM: {Role.OPERATOR: _MFA},
    Action.APPROVE_ARMING: {Role.RISK: _MFA},
    Action.TIGHTEN_LIMITS: {Role.OPERATOR: _PLAIN, Role.RISK: _PLAIN},
    Action.LOOSEN_LIMITS: {Role.RISK: _MFA_A},
    Action.FLATTEN: {Role.OPERATOR: _MFA_A, Role.RISK: _MFA_A},
    Action.MANAGE_USERS: {Role.ADMIN: _MFA_A},
    Action.READ_AUDIT: {Role.RISK: _PLAIN, Role.AUDITOR: _PLAIN},
}
"""Who may do what (section 8 of the safety semantics); a pair that is not here is denied."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: a name, a role, and where the proofs of who it is come from.

    Parameters
    ----------
    name : str
        By which records call them.
    role : Role
        What they are there for.
    totp : str
        Where the secret of their one-time passwords is: ``env:VARIABLE`` or ``file:PATH``.
    password : str
        argon2 hash of their password; empty where they have none. Never shown.
    """

    name: str
    role: Role
    totp: str
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Verified:
    """Somebody who showed who they are; only :meth:`Roster.verify` should make one."""

    name: str
    role: Role
    has_second_factor: bool


def authorise(
    action: Action, who: Verified, *, is_live: bool = False, second: Verified | None = None
) -> None:
    """Let somebody do something, or refuse.

    Parameters
    ----------
    is_live : bool
        Whether live orders are concerned: some actions then take two persons.
    second : Verified, optional
        The other person, of a role that may do it as well.

    Raises
    ------
    RefusedError
        The role may not, the second factor or the second person is missing, or it is the same person.
    """
    permit = _permit(action, who)
    if second is not None:
        _permit(action, second)
        if second.name == who.name:
            raise RefusedError(
                f"{who.name} cannot approve what they ask for themselves",
                hint="another person has to",
            )
    if is_live and permit.needs_second_person and second is None:
        raise RefusedError(
            f"to {action.value} in live takes two persons", hint="name an approver as well"
        )


def _permit(action: Action, who: Verified) -> Permit:
    permit = PERMITS[action].get(who.role)
    if permit is None:
        allowed = " or ".join(sorted(role.value for role in PERMITS[action]))
        raise RefusedError(
            f"{who.name} is {who.role.value} and may not {action.value}",
            hint=f"it takes the role {allowed}",
            operator=who.name,
        )
    if permit.needs_second_factor and not who.has_second_factor:
        raise RefusedError(
            f"to {action.value} takes a second factor", hint="give a one-time password"
        )
    return permit


@dataclass(frozen=True, slots=True)
class Roster:
    """Every operator, and how they show who they are.

    Parameters
    ----------
    operators : sequence of Operator
        From ``config/operators.toml``.
    secret_of : callable
        Gives the secret that a reference such as ``env:VARIABLE`` names.
    used : UsedPasswords
        The one-time passwords that were used already.
    """

    operators: Sequence[Operator]
    secret_of: Callable[[str], str]
    used: "UsedPasswords"

    def find(self, name: str) -> Operator:
        """The operator of that name.

        Raises
        ------
        RefusedError
            There is none.
        """
        for operator in self.operators:
            if operator.name == name:
                return operator
        names = [operator.name for operator in self.operators]
        hint = did_you_mean(name, names)
        if not names:
            hint = (
                "make one: peak kill operator add NAME --role operator (and one with --role risk)"
            )
        raise RefusedError(f"operator {name!r} is not known", hint=hint)

    def verify(self, name: str, *, otp: str, password: str = "", wall_ns: int) -> Verified:
        """Check the password, where one is set, and the one-time password, which is then used up.

        Raises
        ------
        RefusedError
            Somebody unknown, a wrong or used password, or too many wrong ones.
        """
        operator = self.find(name)
        self.used.check_open(name, wall_ns)
        if not _is_password(operator, password):
            self.used.failed(name, wall_ns)
            raise RefusedError(
                f"the password of {name} is wrong or missing",
                hint="give it when asked, or as PEAK_OPERATOR_PASSWORD",
            )
        self.used.spend(name, _step_of(self.secret_of(operator.totp), otp, wall_ns), wall_ns)
        return Verified(name, operator.role, has_second_factor=True)


def _is_password(operator: Operator, password: str) -> bool:
    if not operator.password:
        return True
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return PasswordHasher().verify(operator.password, password)
    except (Argon2Error, InvalidHashError):
        return False


def _step_of(secret: str, otp: str, wall_ns: int) -> int:
    """The time step that a one-time password is of; 0 where it is of none that is near."""
    import pyotp

    now = wall_ns // 1_000_000_000 // STEP_S
    generator = pyotp.TOTP(secret)
    given = "".join(filter(str.isdigit, otp))
    found = 0
    for step in range(now - WINDOW, now + WINDOW + 1):
        if hmac.compare_digest(generator.at(step * STEP_S).encode(), given.encode()):
            found = step
    return found


@dataclass(frozen=True, slots=True)
class UsedPasswords:
    """Which one-time passwords were used, and how often somebody was wrong; kept in a file.

    Parameters
    ----------
    folder : Path
        A folder of its own; made where there is none.
    """

    folder: Path

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / "used.json"

    def check_open(self, name: str, wall_ns: int) -> None:
        """Refuse somebody who was wrong too often a short while ago."""
        with self._lock():
            until_ns = self._read().get(name, {}).get("locked_until_ns", 0)
        if wall_ns < until_ns:
            raise RefusedError(
                f"{name} was wrong {MOST_FAILURES} times", hint="wait 5 minutes and try again"
            )

    def spend(self, name: str, step: int, wall_ns: int) -> None:
        """Use up the one-time password of a time step (0: it was a wrong one).

        Raises
        ------
        RefusedError
            It is wrong, or was used before; an earlier one than the last counts as used.
        """
        with self._lock():
            found = self._read()
            mine = found.get(name, {})
            is_good = step > mine.get("step", 0)
            if is_good:
                found[name] = {"step": step, "failures": 0, "locked_until_ns": 0}
                self._write(found)
        if not is_good:
            self.failed(name, wall_ns)
            reason = "was used before" if step else "is wrong"
            raise RefusedError(
                f"the one-time password of {name} {reason}",
                hint="take the next one, and see that this machine's clock is right",
            )

    def failed(self, name: str, wall_ns: int) -> None:
        """Count a wrong password; too many in a row lock the operator out for a while."""
        with self._lock():
            found = self._read()
            mine = found.get(name, {})
            failures = mine.get("failures", 0) + 1
            is_locked = failures >= MOST_FAILURES
            found[name] = {
                "step": mine.get("step", 0),
                "failures": 0 if is_locked else failures,
                "locked_until_ns": wall_ns + LOCKOUT_NS if is_locked else 0,
            }
            self._write(found)

    def _lock(self) -> AbstractContextManager[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return locked(self.folder / "used.lock", wait_s=_WAIT_S)

    def _read(self) -> dict[str, dict[str, int]]:
        if not self.path.exists():
            return {}
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            return {
                str(name): {str(key): int(value) for key, value in row.items()}
                for name, row in found.items()
            }
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise RiskError(
                f"{self.path.name} of the operators cannot be read: {error}",
                hint="without it a one-time password could be used twice: restore the file, or "
                "remove it and give every operator a new secret",
            ) from None

    def _write(self, found: Mapping[str, Mapping[str, int]]) -> None:
        disk, fresh = Disk(), self.path.with_name("used.json.new")
        disk.write(fresh, json.dumps(found, sort_keys=True).encode())
        disk.sync(fresh)
        disk.rename(fresh, self.path)
        disk.sync(self.folder)


def new_secret() -> str:
    """Make the secret of an operator's one-time passwords."""
    import pyotp

    return pyotp.random_base32()


def secret_uri(name: str, secret: str) -> str:
    """What an authenticator takes as a QR code or a link."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Peak Trade")


def password_hash(password: str) -> str:
    """The argon2 hash of a password, for ``config/operators.toml``."""
    from argon2 import PasswordHasher

    return PasswordHasher().hash(password)
