"""What is known of an account before it may trade again after a kill, read from its sessions' journals."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from peak_trade.domain.errors import PeakTradeError
from peak_trade.risk.kills import Kill, Scope
from peak_trade.risk.recovery import Fact, PeakReset, RecoveryFacts

if TYPE_CHECKING:
    from peak_trade.app.config import Configuration
    from peak_trade.app.settings import Settings
    from peak_trade.journal.database import Database
    from peak_trade.journal.sessions import SessionRow
    from peak_trade.risk.kill_files import KillSwitch

SIMULATED = ("", "simulated")
_MOST_SESSIONS = 1_000


def facts_of(
    found: "Configuration[Settings]", switch: "KillSwitch", kill: Kill, now_ns: int
) -> RecoveryFacts:
    """What speaks for or against the recovery of a kill; what cannot be told speaks against it.

    Looked at is the last session of every account that the kill stops. Where there is none, nothing
    is open and nothing is lost.

    Parameters
    ----------
    switch : KillSwitch
        Its audit file has the resets of peaks.
    kill : Kill
        What is to recover.
    now_ns : int
        UTC nanoseconds.
    """
    try:
        from peak_trade.app.recording import url_of
        from peak_trade.journal.database import open_database

        database = open_database(url_of(found))
        rows = _last_sessions(database, kill.scope)
        if not rows:
            nothing = Fact(True, f"no session is recorded under {kill.scope}")
            return RecoveryFacts(nothing, nothing, nothing)
        return RecoveryFacts(
            _all(_reconciled(row) for row in rows),
            _all(_unknown_orders(database, row) for row in rows),
            _all(_limits(found, database, row, switch, kill, now_ns) for row in rows),
        )
    except PeakTradeError as error:
        unread = Fact(None, error.message)
        return RecoveryFacts(unread, unread, unread)


def _last_sessions(database: "Database", scope: Scope) -> "list[SessionRow]":
    """The newest session of each account and environment under a scope."""
    from peak_trade.journal.sessions import Sessions

    rows = Sessions(database).list(
        account=scope.account or None,
        environment=scope.environment or None,
        limit=_MOST_SESSIONS,
    )
    newest: dict[tuple[str, str], SessionRow] = {}
    for row in rows:
        newest.setdefault((row.environment, row.account), row)
    return list(newest.values())


def _all(facts: Iterable[Fact]) -> Fact:
    """One fact of several: the worst decides, and every piece of evidence is kept."""
    found = list(facts)
    states = {fact.is_clear for fact in found}
    worst = False if False in states else None if None in states else True
    kept = [fact for fact in found if fact.is_clear is worst]
    return Fact(worst, "; ".join(fact.evidence for fact in kept))


def _reconciled(row: "SessionRow") -> Fact:
    """A simulated venue has no books but the session's own; another one must have been compared."""
    if row.venue in SIMULATED:
        return Fact(
            True, f"session {row.id} trades at a simulated venue: its books are the venue's"
        )
    return Fact(None, f"session {row.id} was not compared with venue {row.venue} since the kill")


def _unknown_orders(database: "Database", row: "SessionRow") -> Fact:
    from peak_trade.journal.reader import read

    states: dict[str, str] = {}
    for entry in read(database, row.id, kinds=("order.state",)):
        states[str(entry.payload["id"])] = str(entry.payload["state"]).upper()
    unknown = [client_id for client_id, state in states.items() if state == "UNKNOWN"]
    if unknown:
        return Fact(False, f"UNKNOWN in session {row.id}: {', '.join(unknown[:10])}")
    return Fact(True, f"no order of session {row.id} is UNKNOWN")


def _limits(
    found: "Configuration[Settings]",
    database: "Database",
    row: "SessionRow",
    switch: "KillSwitch",
    kill: Kill,
    now_ns: int,
) -> Fact:
    """Drawdown since the last reset of the peak, and the loss of a day that is not over yet."""
    from peak_trade.app.limits_files import limits_in_force
    from peak_trade.journal.reader import read

    limits = limits_in_force(found, row.environment).account
    peak = equity = day_began = 0.0
    day = -1
    reset_ns = 0
    for entry in read(database, row.id, kinds=("equity", "peak.reset")):
        if entry.kind == "peak.reset":
            peak, reset_ns = equity, entry.time_ns
            continue
        today = entry.time_ns // 86_400_000_000_000
        if today != day:
            day, day_began = today, equity
        value = entry.payload["equity"]
        equity = float(value) if isinstance(value, int | float | str) else float("nan")
        peak = max(peak, equity)
    if not peak > 0:
        return Fact(True, f"session {row.id} has closed no bar")
    problems = []
    drawdown = 1.0 - equity / peak
    pending = _pending_reset(switch, row, kill, reset_ns)
    if not drawdown < limits.max_drawdown and pending is None:
        problems.append(
            f"drawdown {drawdown:.1%} against {limits.max_drawdown:.1%} (peak kill reset-peak)"
        )
    loss = 1.0 - equity / day_began if day_began > 0 else 0.0
    is_same_day = _day_of(kill.reasons[0].time_ns) == _day_of(now_ns)
    if not loss < limits.max_daily_loss and is_same_day:
        problems.append(f"loss of the day {loss:.1%} against {limits.max_daily_loss:.1%}")
    if problems:
        return Fact(False, f"session {row.id}: " + "; ".join(problems))
    told = f", its reset of record {pending.seq} is due" if pending else ""
    return Fact(
        True, f"session {row.id}: drawdown {drawdown:.1%}, loss of the day {loss:.1%}{told}"
    )


def _pending_reset(
    switch: "KillSwitch", row: "SessionRow", kill: Kill, reset_ns: int
) -> PeakReset | None:
    """A reset of the peak that came after the kill and that the session has yet to journal."""
    resets = switch.peak_resets(row.account, environment=row.environment)
    after_ns = max(kill.reasons[0].time_ns, reset_ns)
    return next((reset for reset in reversed(resets) if reset.time_ns >= after_ns), None)


def _day_of(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).date().isoformat()
