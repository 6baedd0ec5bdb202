"""What a session's account is made of: orders with their steps, entries, kills, processes, positions."""

from dataclasses import dataclass, field

from peak_trade.domain.approval import Breach
from peak_trade.domain.ledger import Entry, Fill
from peak_trade.domain.lifecycle import Lifecycle
from peak_trade.domain.order import Order, OrderState


@dataclass(frozen=True, slots=True)
class Step:
    """One change of an order: the record that tells of it, when, to what, and what was said."""

    seq: int
    time_ns: int
    state: OrderState
    detail: str = ""


@dataclass(slots=True)
class OrderStory:
    """An order and everything that became of it.

    Attributes
    ----------
    life : Lifecycle
        Where it stands.
    seq, made_ns : int
        The record of its intent or refusal, and when that was.
    steps : list of Step
        Its states, in order.
    fills : list of Fill
        Its trades.
    breaches : tuple of Breach
        The rules that refused it.
    """

    life: Lifecycle
    seq: int
    made_ns: int
    steps: list[Step] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    breaches: tuple[Breach, ...] = ()

    @property
    def order(self) -> Order:
        """What was asked for."""
        return self.life.order

    @property
    def average(self) -> float:
        """Mean price of its trades, weighted by lots; NaN before the first."""
        lots = sum(abs(fill.lots) for fill in self.fills)
        paid = sum(abs(fill.lots) * fill.price for fill in self.fills)
        return paid / lots if lots else float("nan")

    @property
    def fees(self) -> float:
        """What its trades cost in fees."""
        return sum((fill.fee for fill in self.fills), 0.0)


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry of the ledger, and the account after it.

    ``kind`` is ``fill``, ``split``, ``adjust`` or that of a payment (``dividend``, ``funding``, ...);
    ``amount`` and ``cash`` are the change of cash in ``currency`` and what there is after it, ``lots``
    the position in the entry's instrument after it.
    """

    seq: int
    time_ns: int
    kind: str
    entry: Entry
    currency: str
    amount: float
    cash: float
    lots: int

    @property
    def instrument(self) -> int:
        """Column of the instrument, -1 where it is about none."""
        return self.entry.instrument


@dataclass(frozen=True, slots=True)
class Point:
    """Equity at the close of a row."""

    row: int
    time_ns: int
    equity: float


@dataclass(frozen=True, slots=True)
class KillMark:
    """A kill that reached the session; ``cleared_ns`` is None while it stands."""

    seq: int
    time_ns: int
    scope: str
    reason: str
    epoch: int
    cleared_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Incarnation:
    """One process that ran the session: from its start or recovery to its end, where it told of one.

    Stamps are those of the wall clock; ``state`` is empty while it runs and where it was cut off.
    """

    epoch: int
    begun_ns: int
    is_recovery: bool
    ended_ns: int | None = None
    state: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """What is held of an instrument.

    ``average`` is the mean entry price, ``cost`` what the position is worth at it, in ``currency``, that
    of the instrument. ``mark`` is the price that it is valued at, ``value`` what it is worth there in
    the account's currency; NaN where the journal alone does not tell.
    """

    symbol: str
    lots: int
    quantity: float
    average: float
    currency: str
    cost: float
    mark: float
    value: float

    @property
    def unrealised(self) -> float:
        """What it has gained since its entry; NaN without a mark."""
        return self.value - self.cost if self.mark == self.mark else float("nan")
