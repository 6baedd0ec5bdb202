"""What is killed, why and since when, as values: scopes, kills, and where the whole switch stands."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from peak_trade.domain.errors import RiskError
from peak_trade.domain.order import strategies_of

ENVIRONMENTS = ("backtest", "paper", "shadow", "testnet", "live")
"""Where a session can run; kill state is kept apart for each."""

LIVE = "live"
MOST_REASONS = 50
"""Reasons that a kill keeps; the audit file keeps every one."""

LONGEST_TEXT = 2_000
"""Characters of a reason or a cause that are kept."""

_PARTS = ("account", "strategy", "symbol")


class KillState(Enum):
    """Where one scope stands; all but ACTIVE block."""

    ACTIVE = "ACTIVE"
    RECOVERING = "RECOVERING"
    KILLED = "KILLED"


_RANK = {KillState.ACTIVE: 0, KillState.RECOVERING: 1, KillState.KILLED: 2}


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Whose orders a kill stops; what is left empty means every one.

    ``environment`` is one of :data:`ENVIRONMENTS`; empty, as in :data:`GLOBAL`, it is every account
    that shares the state folder.

    Examples
    --------
    >>> str(Scope.parse("account:a1,symbol:BTC-USD", environment="paper"))
    'account:a1,symbol:BTC-USD in paper'
    >>> Scope(symbol="X").covers("live", "a1", "trend", ("X", "Y"))
    True
    """

    environment: str = ""
    account: str = ""
    strategy: str = ""
    symbol: str = ""

    def __post_init__(self) -> None:
        if self.environment and self.environment not in ENVIRONMENTS:
            raise RiskError(
                f"environment {self.environment!r} is not known",
                hint=f"choose one of {', '.join(ENVIRONMENTS)}",
            )

    @classmethod
    def parse(cls, text: str, *, environment: str = "") -> "Scope":
        """Read ``global``, or parts such as ``account:a1``, divided by commas.

        Raises
        ------
        RiskError
            A part that is none of account, strategy and symbol, is empty, or stands twice.
        """
        if text in ("", "global"):
            return cls(environment)
        parts: dict[str, str] = {}
        for part in text.split(","):
            kind, _, name = (piece.strip() for piece in part.partition(":"))
            if kind not in _PARTS or not name or kind in parts:
                raise RiskError(
                    f"scope {text!r} is not valid at {part.strip()!r}",
                    hint="write global, account:NAME, strategy:NAME or symbol:NAME, or several with commas",
                )
            parts[kind] = name
        return cls(environment, **parts)

    def covers(
        self, environment: str, account: str, strategy: str, symbols: Collection[str]
    ) -> bool:
        """Whether orders of that strategy for any of the symbols are stopped by it."""
        return (
            self.environment in ("", environment)
            and self.account in ("", account)
            and (not self.strategy or self.strategy in strategies_of(strategy))
            and (not self.symbol or self.symbol in symbols)
        )

    @property
    def name(self) -> str:
        """The scope without its environment, as :meth:`parse` reads it."""
        parts = [f"{kind}:{getattr(self, kind)}" for kind in _PARTS if getattr(self, kind)]
        return ",".join(parts) or "global"

    def __str__(self) -> str:
        return f"{self.name} in {self.environment}" if self.environment else self.name


GLOBAL = Scope()
"""Every account that shares the state folder."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was killed, by whom, and when (UTC nanoseconds)."""

    text: str
    by: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on both clocks: UTC nanoseconds, and nanoseconds since the machine's start.

    ``boot`` names that start: readings of the monotonic clock of another one mean nothing here.
    """

    wall_ns: int
    monotonic_ns: int
    boot: str


@dataclass(frozen=True, slots=True)
class Recovery:
    """A recovery that was requested: by whom, why it is safe, and since when the cooldown runs."""

    by: str
    cause: str
    since: Instant


@dataclass(frozen=True, slots=True)
class Kill:
    """One scope that is stopped: its first reason first, the epoch it began with, its recovery."""

    scope: Scope
    state: KillState
    epoch: int
    reasons: tuple[Reason, ...]
    recovery: Recovery | None = None

    @property
    def reason(self) -> str:
        """The reason that came first."""
        return self.reasons[0].text

    def __str__(self) -> str:
        first = self.reasons[0]
        return f"{self.scope} is {self.state.value} since epoch {self.epoch}: {first.text} (by {first.by})"


@dataclass(frozen=True, slots=True)
class Code:
    """An approval code that is open: its HMAC, what it is for, and how often a wrong one was tried."""

    mac: str
    scope: Scope
    epoch: int
    issuer: str
    since: Instant
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything the switch knows at one epoch.

    ``knows_live`` says whether a live session ever shared this state: a kill of every environment
    then takes two persons to recover from.
    """

    epoch: int = 1
    kills: tuple[Kill, ...] = ()
    codes: tuple[Code, ...] = ()
    knows_live: bool = False

    def kill_of(self, scope: Scope) -> Kill | None:
        """The kill of exactly that scope."""
        return next((kill for kill in self.kills if kill.scope == scope), None)

    def is_live(self, scope: Scope) -> bool:
        """Whether live orders are under that scope."""
        return scope.environment == LIVE or (not scope.environment and self.knows_live)

    def killed(self, scope: Scope, reason: Reason) -> "Standing":
        """The standing with that scope KILLED: the first reason stays, a later one is appended."""
        reason = replace(reason, text=reason.text[:LONGEST_TEXT])
        found = self.kill_of(scope)
        if found is not None and found.state is KillState.KILLED:
            is_known = any((r.text, r.by) == (reason.text, reason.by) for r in found.reasons)
            if is_known or len(found.reasons) >= MOST_REASONS:
                return self
            return self._with(replace(found, reasons=(*found.reasons, reason)))
        epoch = self.epoch + 1
        before = found.reasons[: MOST_REASONS - 1] if found else ()
        kill = Kill(scope, KillState.KILLED, epoch, (*before, reason))
        return replace(self._with(kill), epoch=epoch)

    def recovering(self, scope: Scope, recovery: Recovery) -> "Standing":
        """The standing with that scope RECOVERING, its codes spent."""
        found = self.kill_of(scope)
        if found is None:
            return self
        epoch = self.epoch + 1
        kill = replace(found, state=KillState.RECOVERING, epoch=epoch, recovery=recovery)
        return replace(self._with(kill), epoch=epoch, codes=self.codes_without(scope))

    def active(self, scope: Scope) -> "Standing":
        """The standing with that scope ACTIVE again."""
        kills = tuple(kill for kill in self.kills if kill.scope != scope)
        return replace(self, epoch=self.epoch + 1, kills=kills, codes=self.codes_without(scope))

    def codes_without(self, scope: Scope) -> tuple[Code, ...]:
        """The open codes of other scopes."""
        return tuple(code for code in self.codes if code.scope != scope)

    def worst_with(self, other: "Standing") -> "Standing":
        """Both standings at once: of each scope the worse state, of the epochs the higher one."""
        kills = {kill.scope: kill for kill in self.kills}
        for kill in other.kills:
            mine = kills.get(kill.scope)
            if mine is None or _RANK[kill.state] >= _RANK[mine.state]:
                kills[kill.scope] = kill
        return Standing(
            max(self.epoch, other.epoch),
            tuple(kills.values()),
            (),
            self.knows_live or other.knows_live,
        )

    def _with(self, kill: Kill) -> "Standing":
        others = tuple(other for other in self.kills if other.scope != kill.scope)
        return replace(self, kills=(*others, kill))


def worst_of(
    kills: Iterable[Kill], environment: str, account: str, strategy: str, symbols: Collection[str]
) -> Kill | None:
    """The kill that stops those orders, the most restrictive where several do; None where none does."""
    found: Kill | None = None
    for kill in kills:
        if kill.scope.covers(environment, account, strategy, symbols) and (
            found is None or _severity(kill) > _severity(found)
        ):
            found = kill
    return found


def _severity(kill: Kill) -> tuple[int, int]:
    scope = kill.scope
    named = sum(map(bool, (scope.environment, scope.account, scope.strategy, scope.symbol)))
    return _RANK[kill.state], -named


@dataclass(frozen=True, slots=True)
class Trip:
    """What came of a trip: confirmed only where it is durable and every sender has let go.

    ``latency_s`` runs from the call to the acknowledgement; ``ended`` are processes that were ended
    because they held on; ``problems`` say what was not proven.
    """

    scope: Scope
    reason: str
    by: str
    epoch: int
    time_ns: int
    latency_s: float = 0.0
    ended: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def is_confirmed(self) -> bool:
        """Whether nothing can be sent any more, and that will be so after a restart."""
        return not self.problems

    @property
    def status(self) -> str:
        """``KILLED``, or ``KILL_UNCONFIRMED``."""
        return "KILLED" if self.is_confirmed else "KILL_UNCONFIRMED"

    def to_dict(self) -> dict[str, object]:
        """The outcome as plain values."""
        return {
            "status": self.status,
            "scope": self.scope.name,
            "environment": self.scope.environment or "all",
            "reason": self.reason,
            "by": self.by,
            "epoch": self.epoch,
            "latency_s": self.latency_s,
            "ended_processes": list(self.ended),
            "problems": list(self.problems),
        }


# --- as plain values -------------------------------------------------------------------------------


def to_plain(standing: Standing) -> dict[str, object]:
    """The standing as plain values, for a file."""
    return {
        "epoch": standing.epoch,
        "knows_live": standing.knows_live,
        "kills": [kill_to_plain(kill) for kill in standing.kills],
        "codes": [
            {
                "mac": code.mac,
                "scope": _scope_to_plain(code.scope),
                "epoch": code.epoch,
                "issuer": code.issuer,
                "since": _instant_to_plain(code.since),
                "failures": code.failures,
            }
            for code in standing.codes
        ],
    }


def kill_to_plain(kill: Kill) -> dict[str, object]:
    """One kill as plain values."""
    recovery = kill.recovery
    return {
        "scope": _scope_to_plain(kill.scope),
        "state": kill.state.value,
        "epoch": kill.epoch,
        "reasons": [{"text": r.text, "by": r.by, "time_ns": r.time_ns} for r in kill.reasons],
        "recovery": recovery
        and {
            "by": recovery.by,
            "cause": recovery.cause,
            "since": _instant_to_plain(recovery.since),
        },
    }


def _scope_to_plain(scope: Scope) -> dict[str, object]:
    return {name: getattr(scope, name) for name in ("environment", *_PARTS)}


def _instant_to_plain(instant: Instant) -> dict[str, object]:
    return {name: getattr(instant, name) for name in ("wall_ns", "monotonic_ns", "boot")}


def from_plain(found: object) -> Standing:
    """Read a standing, and believe nothing: every field is there, of its type, and makes sense.

    Raises
    ------
    ValueError
        What is missing, unknown, of another type or contradicts itself.
    """
    top = _table(found, epoch=int, knows_live=bool, kills=list, codes=list)
    epoch = _count(top["epoch"], "epoch")
    kills = tuple(_kill_of(item) for item in _rows(top["kills"]))
    codes = tuple(_code_of(item) for item in _rows(top["codes"]))
    scopes = [kill.scope for kill in kills]
    if len(set(scopes)) < len(scopes):
        raise ValueError("one scope is killed twice")
    if any(found > epoch for found in (*(k.epoch for k in kills), *(c.epoch for c in codes))):
        raise ValueError(f"a kill is of a later epoch than {epoch}")
    return Standing(epoch, kills, codes, bool(top["knows_live"]))


def _kill_of(found: object) -> Kill:
    row = _table(found, scope=dict, state=str, epoch=int, reasons=list, recovery=(dict, type(None)))
    state = KillState(row["state"])
    reasons = tuple(_reason_of(item) for item in _rows(row["reasons"]))
    if state is KillState.ACTIVE or not reasons:
        raise ValueError("a kill is active, or has no reason")
    recovery = None
    if row["recovery"] is not None:
        part = _table(row["recovery"], by=str, cause=str, since=dict)
        recovery = Recovery(str(part["by"]), str(part["cause"]), _instant_of(part["since"]))
    if (state is KillState.RECOVERING) != (recovery is not None):
        raise ValueError("a recovery stands where there is none, or is missing")
    return Kill(_scope_of(row["scope"]), state, _count(row["epoch"], "epoch"), reasons, recovery)


def _code_of(found: object) -> Code:
    row = _table(found, mac=str, scope=dict, epoch=int, issuer=str, since=dict, failures=int)
    return Code(
        str(row["mac"]),
        _scope_of(row["scope"]),
        _count(row["epoch"], "epoch"),
        str(row["issuer"]),
        _instant_of(row["since"]),
        _count(row["failures"], "failures", least=0),
    )


def _reason_of(found: object) -> Reason:
    row = _table(found, text=str, by=str, time_ns=int)
    return Reason(str(row["text"]), str(row["by"]), _count(row["time_ns"], "time_ns", least=0))


def _scope_of(found: object) -> Scope:
    row = _table(found, environment=str, account=str, strategy=str, symbol=str)
    try:
        return Scope(**{name: str(value) for name, value in row.items()})
    except RiskError as error:
        raise ValueError(error.message) from None


def _instant_of(found: object) -> Instant:
    row = _table(found, wall_ns=int, monotonic_ns=int, boot=str)
    return Instant(
        _count(row["wall_ns"], "wall_ns", least=0),
        _count(row["monotonic_ns"], "monotonic_ns", least=0),
        str(row["boot"]),
    )


def _table(found: object, **kinds: type | tuple[type, ...]) -> Mapping[str, object]:
    if type(found) is not dict or set(found) != set(kinds):
        raise ValueError(f"fields {', '.join(kinds)} are expected")
    for name, kind in kinds.items():
        if type(found[name]) not in (kind if isinstance(kind, tuple) else (kind,)):
            raise ValueError(f"{name} is of the wrong type")
    return found


def _rows(found: object) -> list[object]:
    return found if isinstance(found, list) else []


def _count(found: object, name: str, *, least: int = 1) -> int:
    if type(found) is not int or not least <= found < 2**63:
        raise ValueError(f"{name} is out of its range")
    return found
