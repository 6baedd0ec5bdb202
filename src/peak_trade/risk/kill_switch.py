"""What a sender asks of a kill switch, and the switch of a backtest, which lives in memory alone."""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from peak_trade.domain.errors import RefusedError
from peak_trade.risk.kills import GLOBAL, Kill, Reason, Scope, Standing, Trip, worst_of

if TYPE_CHECKING:
    from peak_trade.domain.event import KillSeen


class KilledError(RefusedError):
    """The kill switch is tripped for what was to be sent."""

    def __init__(self, kill: Kill) -> None:
        super().__init__(
            f"the kill switch is tripped: {kill}",
            hint="peak kill status shows it; peak kill request-recovery begins its recovery",
            scope=str(kill.scope),
            reason=kill.reason,
            epoch=kill.epoch,
        )
        self.kill = kill


class KillGuard(Protocol):
    """What every sender of orders looks at; cancels and queries do not."""

    @property
    def epoch(self) -> int:
        """Counts every transition of any scope, and never falls; approvals are bound to it."""
        ...

    def blocking(self, account: str, strategy: str, symbols: Collection[str]) -> Kill | None:
        """The kill that stops orders of that strategy for any of those symbols, if any; cheap."""
        ...

    def sending(self, account: str, strategy: str, symbol: str) -> AbstractContextManager[None]:
        """Hold off a trip's acknowledgement from the last check until the bytes are written.

        Raises
        ------
        KilledError
            On entering, where the switch is tripped.
        """
        ...


class KillControl(KillGuard, Protocol):
    """A switch that can be tripped too, by the risk engine among others."""

    def trip(self, reason: str, *, by: str, now_ns: int, scope: Scope = GLOBAL) -> Trip:
        """Stop every order of a scope; needs no approval, and may be repeated."""
        ...


class MemoryKillSwitch:
    """The kill switch of a backtest: the same rules, no files, one thread.

    Parameters
    ----------
    environment : str
        Whose kills stop its orders.

    Examples
    --------
    >>> switch = MemoryKillSwitch()
    >>> switch.blocking("a1", "trend", ("X",)) is None
    True
    >>> switch.trip("daily loss", by="risk engine", now_ns=0, scope=Scope(symbol="X")).epoch
    2
    >>> switch.blocking("a1", "trend", ("X", "Y")).reason
    'daily loss'
    >>> switch.blocking("a1", "trend", ("Y",)) is None
    True
    """

    __slots__ = ("_environment", "_standing")

    def __init__(self, environment: str = "backtest") -> None:
        self._environment = environment
        self._standing = Standing()

    @property
    def epoch(self) -> int:
        """Counts every transition of any scope."""
        return self._standing.epoch

    @property
    def kills(self) -> tuple[Kill, ...]:
        """Every scope that is stopped."""
        return self._standing.kills

    def blocking(self, account: str, strategy: str, symbols: Collection[str]) -> Kill | None:
        """The kill that stops those orders, if any."""
        kills = self._standing.kills
        return worst_of(kills, self._environment, account, strategy, symbols) if kills else None

    @contextmanager
    def sending(self, account: str, strategy: str, symbol: str) -> Iterator[None]:
        """Let an order be sent, where nothing stops it; raises KilledError otherwise."""
        kill = self.blocking(account, strategy, (symbol,))
        if kill is not None:
            raise KilledError(kill)
        yield

    def trip(self, reason: str, *, by: str, now_ns: int, scope: Scope = GLOBAL) -> Trip:
        """Stop every order of a scope."""
        self._standing = self._standing.killed(scope, Reason(reason, by, now_ns))
        return Trip(scope, reason, by, self._standing.epoch, now_ns)


def kill_seen(
    guard: KillGuard, account: str, strategy: str, symbols: Collection[str], now_ns: int
) -> "KillSeen | None":
    """The event that tells a session of a kill that stops it; it cancels its orders on it."""
    # It comes with orders and kernels, which whoever only trips does not wait for.
    from peak_trade.domain.event import KillSeen

    kill = guard.blocking(account, strategy, symbols)
    if kill is None:
        return None
    return KillSeen(kill.scope.name, kill.reason, kill.epoch, now_ns)
