"""What must be true before trading begins again after a kill, and how long it takes."""

from dataclasses import dataclass

from peak_trade.risk.kills import Instant, Scope

COOLDOWN_S = 300.0
CODE_S = 600.0
CODE_FAILURES = 5
SHORTEST_CAUSE = 10


@dataclass(frozen=True, slots=True)
class Fact:
    """Whether something is in order, and how that is known; None, or no evidence: nobody knows."""

    is_clear: bool | None
    evidence: str = ""

    def problem(self, name: str) -> str:
        """What speaks against a recovery, or nothing; what is not known speaks against it."""
        if self.is_clear is None or not self.evidence.strip():
            told = f": {self.evidence}" if self.evidence else ""
            return f"{name} is not known{told}"
        return "" if self.is_clear else f"{name} is not in order: {self.evidence}"


@dataclass(frozen=True, slots=True)
class RecoveryFacts:
    """What was found of an account before it may trade again.

    Parameters
    ----------
    reconciliation : Fact
        Whether positions, orders and cash equal the venue's.
    unknown_orders : Fact
        Whether no order is UNKNOWN.
    limits : Fact
        Whether no limit is in breach, measured after the last reset of the peak.

    Examples
    --------
    >>> flat = Fact(True, "no session of this account has a journal")
    >>> RecoveryFacts(flat, flat, Fact(None)).problems()
    ('limits is not known',)
    """

    reconciliation: Fact
    unknown_orders: Fact
    limits: Fact

    def problems(self) -> tuple[str, ...]:
        """Everything that speaks against a recovery."""
        found = (
            self.reconciliation.problem("reconciliation"),
            self.unknown_orders.problem("unknown orders"),
            self.limits.problem("limits"),
        )
        return tuple(filter(None, found))

    def to_dict(self) -> dict[str, object]:
        """The facts as plain values, with their evidence."""
        return {
            name: {"is_clear": fact.is_clear, "evidence": fact.evidence}
            for name, fact in (
                ("reconciliation", self.reconciliation),
                ("unknown_orders", self.unknown_orders),
                ("limits", self.limits),
            )
        }


def cooldown_left_s(since: Instant, now: Instant, cooldown_s: float) -> float:
    """Seconds that a cooldown still takes: it has to pass on both clocks.

    A wall clock that was set forward shortens nothing, for the monotonic one goes on; one that was set
    back makes it longer. After a restart of the machine the monotonic clock begins anew, so that the
    whole of it is left.

    Examples
    --------
    >>> since = Instant(wall_ns=0, monotonic_ns=0, boot="a")
    >>> cooldown_left_s(since, Instant(9_000_000_000_000, 100_000_000_000, "a"), 300.0)
    200.0
    >>> cooldown_left_s(since, Instant(9_000_000_000_000, 100_000_000_000, "b"), 300.0)
    300.0
    """
    wall_s = (now.wall_ns - since.wall_ns) / 1e9
    monotonic_s = (now.monotonic_ns - since.monotonic_ns) / 1e9 if now.boot == since.boot else 0.0
    return max(0.0, cooldown_s - min(wall_s, monotonic_s))


def is_fresh(since: Instant, now: Instant, within_s: float) -> bool:
    """Whether both clocks say that no more than that has passed, on a machine that has not restarted."""
    wall_s = (now.wall_ns - since.wall_ns) / 1e9
    monotonic_s = (now.monotonic_ns - since.monotonic_ns) / 1e9
    return now.boot == since.boot and 0 <= wall_s <= within_s and 0 <= monotonic_s <= within_s


@dataclass(frozen=True, slots=True)
class Recovered:
    """A scope that is ACTIVE again; live trading has to be armed anew."""

    scope: Scope
    epoch: int
    needs_arming: bool


@dataclass(frozen=True, slots=True)
class PeakReset:
    """RESET_PEAK: an account's drawdown is measured from its present equity on; its session journals it.

    ``seq`` is its record in the kill switch's audit file, by which a session knows it again.
    """

    seq: int
    environment: str
    account: str
    reason: str
    by: str
    approver: str
    time_ns: int
