"""What looks after a running session once a second: the kill switch's files, its resets, vital signs."""

import time
from typing import TYPE_CHECKING

from peak_trade.domain.event import PeakReset

if TYPE_CHECKING:
    from peak_trade.app.settings import KillSection
    from peak_trade.engine.session import Session
    from peak_trade.risk.kill_files import KillSwitch
    from peak_trade.risk.trip_rules import Vitals


class Minder:
    """Called between the rows of a session, never while one of its orders is being sent.

    Parameters
    ----------
    session : Session
        What is looked after.
    kill : KillSwitch
        The switch: its sentinel file and its state are looked at, and it is tripped where a vital sign
        is beyond its limit.
    limits : KillSection
        From where on the account is killed.
    account : str
        Whose session it is.
    """

    def __init__(
        self, session: "Session", kill: "KillSwitch", limits: "KillSection", account: str
    ) -> None:
        self._session, self._kill, self._limits, self._account = session, kill, limits, account
        self._offset_ns = time.time_ns() - time.monotonic_ns()
        self._seen_resets = max((item.seq for item in kill.peak_resets(account)), default=0)

    def __call__(self) -> None:
        """Look once."""
        from peak_trade.risk.trip_rules import TripLimits, causes_of, trip_for

        now_ns = time.time_ns()
        self._kill.look(now_ns)
        self._take_resets()
        limits = TripLimits(rejects=self._limits.rejects, unknown_s=self._limits.unknown_s)
        causes = causes_of(
            self._vitals(now_ns),
            limits,
            environment=self._kill.environment,
            account=self._account,
        )
        if causes:
            trip_for(self._kill, causes, now_ns=now_ns)

    def _take_resets(self) -> None:
        for item in self._kill.peak_resets(self._account, after_seq=self._seen_resets):
            self._seen_resets = item.seq
            self._session.step(PeakReset(item.reason, item.by, self._session.book.now_ns))

    def _vitals(self, now_ns: int) -> "Vitals":
        from peak_trade.risk.trip_rules import Vitals

        session, orders = self._session, self._session.orders
        unknown = [session.book.now_ns - life.changed_ns for life in orders.unknown]
        offset_ns = time.time_ns() - time.monotonic_ns()
        step_s = (offset_ns - self._offset_ns) / 1e9
        self._offset_ns = offset_ns
        return Vitals(
            rejects=session.pipeline.rejects_in_a_row,
            unknown_s=max(unknown, default=0) / 1e9,
            journal_error=session.pipeline.stopped if "journal" in session.pipeline.stopped else "",
            overfilled=tuple(session.book.symbols[i] for i in sorted(orders.halted)),
            clock_step_s=step_s,
        )
