"""The kill switch of sessions: what it stops stays stopped, and the guarded road back."""

import os
from collections.abc import Mapping
from dataclasses import replace

from peak_trade.domain.errors import RefusedError
from peak_trade.risk import approval_codes
from peak_trade.risk.kill_shared import SENTINEL, SharedKill
from peak_trade.risk.kill_store import Head
from peak_trade.risk.kills import (
    LIVE,
    Instant,
    Kill,
    KillState,
    Recovery,
    Scope,
    Standing,
)
from peak_trade.risk.operators import Action, Verified, authorise
from peak_trade.risk.recovery import (
    COOLDOWN_S,
    SHORTEST_CAUSE,
    PeakReset,
    Recovered,
    RecoveryFacts,
    cooldown_left_s,
)


class KillSwitch(SharedKill):
    """The kill switch in a folder that sessions, the watchdog and the command line share.

    Opening it looks at everything there is: state, sentinel file, audit file and a trip that was not
    finished, and takes the worst of them; what is missing, broken or contradicts itself is a kill.

    Parameters
    ----------
    folder : Path
        The state folder; made where there is none. ``folder/KILL`` is the sentinel file.
    environment : str
        Where this process trades; kills of other environments do not stop it.
    now_ns : int
        The time, UTC nanoseconds, for what opening has to record.
    disk : Disk, optional
        What files are written with.
    vital : callable, optional
        Says why nothing may be sent just now, such as a watchdog that is silent, or nothing.
    alert : callable, optional
        Is told of every trip; a critical log where left out.
    drain_s : float
        How long a trip waits for senders, in seconds.

    Raises
    ------
    RiskError
        The folder cannot be written; nothing may be sent without a switch.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     switch = KillSwitch(
    ...         Path(folder), environment="paper", now_ns=0, alert=lambda trip: None
    ...     )
    ...     with switch.sending("a1", "trend", "X"):
    ...         pass
    ...     trip = switch.trip("a test", by="operator anna", now_ns=1)
    ...     again = KillSwitch(Path(folder), environment="paper", now_ns=2)
    ...     trip.status, again.blocking("a1", "trend", ("X",)).reason
    ('KILLED', 'a test')
    """

    def issue_code(self, scope: Scope, *, operator: Verified, config: str, now: Instant) -> str:
        """Approve the recovery of one scope: a code, shown once, good for 10 minutes and one use.

        Parameters
        ----------
        scope : Scope
            What is to recover; exactly as it was killed.
        operator : Verified
            Who approves: the role Risk, with a second factor.
        config : str
            Digest of the configuration in force; with another one the code is worth nothing.

        Raises
        ------
        RefusedError
            The role may not, or nothing of that scope is killed.
        """
        authorise(Action.APPROVE_RECOVERY, operator)
        with self._lock():
            head, standing = self._settled(now.wall_ns)
            self._must_be(standing, scope, KillState.KILLED)
            text, code = approval_codes.issue(
                self._store.seal,
                epoch=standing.epoch,
                scope=scope,
                config=config,
                issuer=operator.name,
                now=now,
            )
            after = replace(standing, codes=(*standing.codes_without(scope), code))
            self._note(head, after, "code", operator, now, {"scope": str(scope)})
        return text

    def request_recovery(
        self,
        code: str,
        *,
        scope: Scope,
        cause: str,
        operator: Verified,
        facts: RecoveryFacts,
        config: str,
        now: Instant,
    ) -> Kill:
        """KILLED to RECOVERING: with an approval code, a written cause, and nothing that speaks against it.

        Returns
        -------
        Kill
            As it stands; the cooldown runs from ``now``.

        Raises
        ------
        RefusedError
            Any condition that is not met; a wrong code is counted.
        """
        authorise(Action.REQUEST_RECOVERY, operator)
        if len(cause.strip()) < SHORTEST_CAUSE:
            raise RefusedError(
                f"the cause {cause.strip()!r} is too short", hint="write down what went wrong"
            )
        with self._lock():
            head, standing = self._settled(now.wall_ns)
            self._must_be(standing, scope, KillState.KILLED)
            self._must_be_clear(facts)
            self._spend(code, head, standing, scope, operator, config, now)
            recovery = Recovery(operator.name, cause.strip(), now)
            after = standing.recovering(scope, recovery)
            detail = {"scope": str(scope), "cause": recovery.cause, "facts": facts.to_dict()}
            self._note(head, after, "recovering", operator, now, detail)
        return self._must_be(after, scope, KillState.RECOVERING)

    def complete_recovery(
        self,
        *,
        scope: Scope,
        operator: Verified,
        facts: RecoveryFacts,
        now: Instant,
        cooldown_s: float = COOLDOWN_S,
    ) -> Recovered:
        """RECOVERING to ACTIVE: after the cooldown, with the facts looked at again.

        Raises
        ------
        RefusedError
            Something speaks against it, the cooldown runs, or in LIVE it is the same person.
        """
        authorise(Action.COMPLETE_RECOVERY, operator)
        with self._lock():
            head, standing = self._settled(now.wall_ns)
            kill = self._must_be(standing, scope, KillState.RECOVERING)
            is_live = standing.is_live(scope)
            recovery = kill.recovery
            if recovery is None or (is_live and recovery.by == operator.name):
                raise RefusedError(
                    f"{operator.name} requested this recovery of live trading themselves",
                    hint="another person has to complete it",
                )
            self._must_be_clear(facts)
            self._cool_down(head, standing, kill, now, cooldown_s)
            after = standing.active(scope)
            detail = {"scope": str(scope), "facts": facts.to_dict()}
            self._note(head, after, "active", operator, now, detail)
        return Recovered(scope, after.epoch, needs_arming=is_live)

    def reset_peak(
        self,
        *,
        environment: str,
        account: str,
        reason: str,
        operator: Verified,
        approver: Verified | None = None,
        now: Instant,
    ) -> PeakReset:
        """RESET_PEAK: let an account's drawdown be measured from its present equity on.

        A drawdown from a persisted peak cannot heal while nothing trades. The account's session reads
        it with :meth:`peak_resets` and journals it; breaches are evaluated after it.

        Raises
        ------
        RefusedError
            Not the role Risk, no reason, or in LIVE no second person.
        """
        is_live = environment == LIVE
        authorise(Action.RESET_PEAK, operator, is_live=is_live, second=approver)
        if len(reason.strip()) < SHORTEST_CAUSE:
            raise RefusedError(
                f"the reason {reason.strip()!r} is too short",
                hint="say why the peak does not count",
            )
        name = approver.name if approver else ""
        with self._lock():
            head, standing = self._settled(now.wall_ns)
            detail = {
                "environment": Scope(environment).environment,
                "account": account,
                "reason": reason.strip(),
                "approver": name,
            }
            new = self._note(head, standing, "reset_peak", operator, now, detail)
        return PeakReset(
            new.seq, environment, account, reason.strip(), operator.name, name, now.wall_ns
        )

    def peak_resets(
        self, account: str, *, after_seq: int = 0, environment: str | None = None
    ) -> tuple[PeakReset, ...]:
        """The resets of an account that came after a record; oldest first.

        ``environment`` is that of this switch where it is left out.
        """
        where = self.environment if environment is None else environment
        return tuple(
            PeakReset(
                record["seq"],
                where,
                account,
                str(record["detail"].get("reason", "")),
                record["by"].removeprefix("operator "),
                str(record["detail"].get("approver", "")),
                record["time_ns"],
            )
            for record in self.history()
            if record["kind"] == "reset_peak"
            and record["seq"] > after_seq
            and record["detail"].get("account") == account
            and record["detail"].get("environment") == where
        )

    def _must_be(self, standing: Standing, scope: Scope, state: KillState) -> Kill:
        kill = standing.kill_of(scope)
        if kill is not None and kill.state is state:
            return kill
        found = kill.state.value if kill else KillState.ACTIVE.value
        named = ", ".join(str(other.scope) for other in standing.kills) or "nothing is killed"
        raise RefusedError(
            f"{scope} is {found}, not {state.value}", hint=f"what is stopped: {named}"
        )

    def _must_be_clear(self, facts: RecoveryFacts) -> None:
        problems = list(facts.problems())
        if os.path.lexists(self.sentinel):
            problems.append(f"the file {SENTINEL} is still in the state folder")
        if problems:
            raise RefusedError(
                "trading cannot begin again: " + "; ".join(problems),
                hint="mend what is named, then ask again",
                problems=problems,
            )

    def _spend(
        self,
        text: str,
        head: Head,
        standing: Standing,
        scope: Scope,
        operator: Verified,
        config: str,
        now: Instant,
    ) -> None:
        """Check a code; a wrong one is counted, durably, before it is refused."""
        found = next((code for code in standing.codes if code.scope == scope), None)
        problem, kept = approval_codes.check(
            self._store.seal,
            found,
            text,
            epoch=standing.epoch,
            scope=scope,
            config=config,
            now=now,
        )
        if not problem and found and standing.is_live(scope) and found.issuer == operator.name:
            problem, kept = f"{operator.name} issued this code themselves", None
        if not problem:
            return
        if kept != found:
            codes = (*standing.codes_without(scope), *((kept,) if kept else ()))
            detail = {"scope": str(scope), "reason": problem}
            self._note(head, replace(standing, codes=codes), "code_failed", operator, now, detail)
        raise RefusedError(
            problem, hint="the role Risk issues another one: peak kill approval-code"
        )

    def _cool_down(
        self, head: Head, standing: Standing, kill: Kill, now: Instant, cooldown_s: float
    ) -> None:
        """Refuse while the cooldown runs; after a restart of the machine it is counted from now."""
        recovery = kill.recovery
        if recovery is None:
            return
        left_s = cooldown_left_s(recovery.since, now, cooldown_s)
        if left_s <= 0:
            return
        if recovery.since.boot != now.boot:
            anchored = replace(
                recovery, since=Instant(recovery.since.wall_ns, now.monotonic_ns, now.boot)
            )
            kept = replace(kill, recovery=anchored)
            kills = tuple(kept if other == kill else other for other in standing.kills)
            self._write(
                head,
                replace(standing, kills=kills),
                kind="cooldown",
                by="kill switch",
                time_ns=now.wall_ns,
                detail={"scope": str(kill.scope), "reason": "the machine was restarted"},
            )
        raise RefusedError(
            f"the cooldown runs for {left_s:.0f} s more", hint="complete the recovery after it"
        )

    def _note(
        self,
        head: Head,
        standing: Standing,
        kind: str,
        operator: Verified,
        now: Instant,
        detail: Mapping[str, object],
    ) -> Head:
        return self._write(
            head,
            standing,
            kind=kind,
            by=f"operator {operator.name}",
            time_ns=now.wall_ns,
            detail=detail,
        )
