"""What trips the kill switch besides people: rejects in a row, orders that nobody knows of, books that differ."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from peak_trade.domain.errors import RiskError
from peak_trade.risk.kill_switch import KillControl
from peak_trade.risk.kills import Scope, Trip


@dataclass(frozen=True, slots=True)
class TripLimits:
    """From where on an account is killed; each limit is mandatory.

    Parameters
    ----------
    rejects : int
        Orders in a row that the venue rejects.
    unknown_s : float
        Seconds that an order may be UNKNOWN.
    clock_step_s : float
        Seconds that the wall clock may jump against the monotonic one.

    Raises
    ------
    RiskError
        One that is no positive number.
    """

    rejects: int
    unknown_s: float
    clock_step_s: float = 1.0

    def __post_init__(self) -> None:
        for name in ("rejects", "unknown_s", "clock_step_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise RiskError(
                    f"the limit {name} of the kill switch is {value}", hint="give a number above 0"
                )


@dataclass(frozen=True, slots=True)
class Vitals:
    """How an account does, as its session sees it; what cannot be told is NaN, and counts as a breach.

    Parameters
    ----------
    rejects : int
        Orders in a row that the venue has rejected.
    unknown_s : float
        Age of the oldest UNKNOWN order in seconds; 0 where there is none.
    mismatches : tuple of str
        What reconciliation found to differ.
    journal_error : str
        Why the journal cannot be written, or nothing.
    overfilled : tuple of str
        Symbols of which more was filled than was asked for.
    clock_step_s : float
        How far the wall clock jumped against the monotonic one.
    """

    rejects: int = 0
    unknown_s: float = 0.0
    mismatches: tuple[str, ...] = ()
    journal_error: str = ""
    overfilled: tuple[str, ...] = ()
    clock_step_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason to trip, and whose orders it stops."""

    scope: Scope
    reason: str


def causes_of(
    vitals: Vitals, limits: TripLimits, *, environment: str, account: str
) -> tuple[Cause, ...]:
    """Everything that speaks for a trip now; an overfill stops its symbol, the rest the account.

    Examples
    --------
    >>> limits = TripLimits(rejects=5, unknown_s=60.0)
    >>> found = causes_of(Vitals(rejects=5), limits, environment="paper", account="a1")
    >>> found[0].reason
    '5 orders in a row were rejected, the limit is 5'
    >>> causes_of(Vitals(), limits, environment="paper", account="a1")
    ()
    """
    reasons: list[str] = []
    if not vitals.rejects < limits.rejects:
        reasons.append(
            f"{vitals.rejects} orders in a row were rejected, the limit is {limits.rejects}"
        )
    if not vitals.unknown_s < limits.unknown_s:
        reasons.append(
            f"an order is UNKNOWN for {vitals.unknown_s:.0f} s, the limit is {limits.unknown_s:g} s"
        )
    if vitals.mismatches:
        reasons.append("the books differ from the venue's: " + "; ".join(vitals.mismatches))
    if vitals.journal_error:
        reasons.append(f"the journal cannot be written: {vitals.journal_error}")
    if not abs(vitals.clock_step_s) <= limits.clock_step_s:
        reasons.append(
            f"the clock jumped by {vitals.clock_step_s:g} s, the limit is {limits.clock_step_s:g} s"
        )
    whole = Scope(environment, account=account)
    return (
        *(Cause(whole, reason) for reason in reasons),
        *(
            Cause(
                Scope(environment, account=account, symbol=symbol),
                f"more of {symbol} was filled than was asked for",
            )
            for symbol in vitals.overfilled
        ),
    )


def trip_for(
    control: KillControl, causes: Iterable[Cause], *, now_ns: int, by: str = "risk engine"
) -> tuple[Trip, ...]:
    """Trip the switch for every cause whose scope it does not yet stop."""
    trips = []
    for cause in causes:
        scope = cause.scope
        symbols = (scope.symbol,) if scope.symbol else ()
        if control.blocking(scope.account, scope.strategy, symbols) is None:
            trips.append(control.trip(cause.reason, by=by, now_ns=now_ns, scope=scope))
    return tuple(trips)
