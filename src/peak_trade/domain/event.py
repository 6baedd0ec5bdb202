"""What a session is told, one thing at a time, and where it writes down what happened."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from peak_trade.domain.order import OrderState


class BarsClosed(NamedTuple):
    """The bars of one row are complete."""

    row: int
    time_ns: int


class KillSeen(NamedTuple):
    """The kill switch was found tripped for one of the session's scopes."""

    scope: str
    reason: str
    epoch: int
    time_ns: int


class KillCleared(NamedTuple):
    """A kill of one of the session's scopes has been recovered from: trading may go on."""

    scope: str
    time_ns: int


class PeakReset(NamedTuple):
    """Drawdowns are measured from today's equity on, by order of an operator, with a reason."""

    reason: str
    operator: str
    time_ns: int


class Resumed(NamedTuple):
    """A session that was asked to end goes on again."""

    time_ns: int


class StopAsked(NamedTuple):
    """The session is to end: ``cancel`` its orders, ``keep`` them, or ``flatten`` its positions."""

    how: str
    time_ns: int


class TimePassed(NamedTuple):
    """Nothing but time has passed: deadlines are looked at."""

    time_ns: int


@dataclass(frozen=True, slots=True)
class OrderReport:
    """What a venue says of an order, unasked: a state and what is filled in all, with its raw text."""

    client_id: str
    state: OrderState
    time_ns: int
    venue_id: str = ""
    detail: str = ""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class FillReport:
    """What a venue says of one trade of an order, with its raw text.

    ``lots`` is signed, ``price`` in quote currency, ``fee`` in the account's currency; ``trade_id`` is
    the venue's own name of the trade, by which a second report of it is known.
    """

    client_id: str
    trade_id: str
    instrument: int
    lots: int
    price: float
    fee: float
    time_ns: int
    raw: str = ""


Event = (
    BarsClosed
    | KillSeen
    | KillCleared
    | PeakReset
    | Resumed
    | StopAsked
    | TimePassed
    | OrderReport
    | FillReport
)


class Recorder(Protocol):
    """Where a session writes what happened: appended in order, durable once synchronised.

    A kind is a word such as ``order.intent``; a payload holds plain values (texts, whole numbers, finite
    or named floats, lists, mappings).
    """

    def append(self, kind: str, payload: Mapping[str, object], time_ns: int) -> int:
        """Add a record and give its sequence number; it is not durable yet."""
        ...

    def sync(self) -> None:
        """Make everything appended durable; returns once it is.

        Raises
        ------
        JournalError
            It could not be made durable. Nothing may be sent after that; there is no second try.
        """
        ...


class Unrecorded:
    """Writes nothing: for a backtest that keeps no journal."""

    def append(self, kind: str, payload: Mapping[str, object], time_ns: int) -> int:
        """Forget it."""
        return 0

    def sync(self) -> None:
        """Nothing to do."""
