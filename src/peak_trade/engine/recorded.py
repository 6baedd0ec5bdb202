"""What others did to a session while it ran, as its journal tells: kills, and room that was taken."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from peak_trade.domain.errors import RefusedError
from peak_trade.domain.order import OrderState
from peak_trade.engine.replay import Retracing
from peak_trade.risk.gate import Reserving
from peak_trade.risk.kill_switch import KillControl
from peak_trade.risk.kills import GLOBAL, Kill, KillState, Reason, Scope, Trip


class RecordedKill:
    """The kill switch as a journal saw it; behind the journal's end, the switch itself.

    Parameters
    ----------
    trace : Retracing
        The journal.
    symbols : tuple of str
        Names of the session's instruments.
    switch : KillControl, optional
        The switch itself; left out, nothing is tripped behind the end.
    """

    def __init__(
        self, trace: Retracing, symbols: tuple[str, ...], switch: KillControl | None = None
    ) -> None:
        self._trace, self._symbols, self._switch = trace, symbols, switch
        self._began = switch.epoch if switch is not None else 0

    @property
    def epoch(self) -> int:
        """The switch's own epoch; before the journal's end, the one at which retracing began."""
        if self._switch is None or not self._trace.is_exhausted:
            return self._began
        return self._switch.epoch

    def blocking(self, account: str, strategy: str, symbols: Collection[str]) -> Kill | None:
        """The kill that stopped those orders then, or stops them now."""
        if self._trace.is_exhausted:
            if self._switch is None:
                return None
            return self._switch.blocking(account, strategy, symbols)
        for order, rules in self._trace.denials():
            symbol = self._symbols[cast(int, order["instrument"])]
            if "kill_switch" in rules and symbol in symbols:
                return Kill(GLOBAL, KillState.KILLED, 0, (Reason("as recorded", "journal", 0),))
        return None

    @contextmanager
    def sending(self, account: str, strategy: str, symbol: str) -> Iterator[None]:
        """Let an order be sent where it was sent then, or may be sent now."""
        entry = self._trace.peek()
        if entry is None:
            if self._switch is None:
                yield
                return
            with self._switch.sending(account, strategy, symbol):
                yield
            return
        if entry.kind == "order.state" and entry.payload["state"] == OrderState.DENIED.value:
            raise RefusedError(str(entry.payload.get("detail", "")))
        yield

    def trip(self, reason: str, *, by: str, now_ns: int, scope: Scope = GLOBAL) -> Trip:
        """Trip the switch itself; what the journal tells of was tripped then."""
        if self._trace.is_exhausted and self._switch is not None:
            return self._switch.trip(reason, by=by, now_ns=now_ns, scope=scope)
        return Trip(scope, reason, by, self.epoch, now_ns)


class RecordedReservations:
    """Room in a shared limit as a journal saw it; behind its end, the reservations themselves."""

    def __init__(self, trace: Retracing, own: Reserving | None = None) -> None:
        self._trace, self._own = trace, own

    def reserve(
        self, key: str, owner: str, token: str, amount: float, limit: float
    ) -> float | None:
        """Take what was taken then, or what there is room for now."""
        if self._trace.is_exhausted and self._own is not None:
            return self._own.reserve(key, owner, token, amount, limit)
        for order, rules in self._trace.denials():
            if order["client_id"] == token and "reservation" in rules:
                return None
        return amount

    def release(self, key: str, token: str) -> None:
        """Give back what was taken, which recovery settles anew."""
        if self._trace.is_exhausted and self._own is not None:
            self._own.release(key, token)

    def settle(self, key: str, owner: str, amount: float, *, tokens: Sequence[str] = ()) -> None:
        """State what is held, once the journal's end is reached."""
        if self._trace.is_exhausted and self._own is not None:
            self._own.settle(key, owner, amount, tokens=tokens)
