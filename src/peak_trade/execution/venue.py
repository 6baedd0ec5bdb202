"""What a session needs of a place that executes orders, and what can go wrong there."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from peak_trade.domain.approval import Approvals, Approved
from peak_trade.domain.errors import PeakTradeError
from peak_trade.domain.event import FillReport, OrderReport
from peak_trade.domain.order import Order, OrderState


class Answer(NamedTuple):
    """A venue's definite answer to an order or a cancel, with its raw text."""

    state: OrderState
    venue_id: str = ""
    detail: str = ""
    raw: str = ""


class Failure(Enum):
    """Why there is no definite answer, which decides what may be done next.

    ``NOT_SENT``: failed before a byte left, the same order may be sent again. ``NO_ANSWER``: nobody
    knows what became of it (timeout, reset, 5xx, unreadable). ``DUPLICATE``: the venue knows the client
    id already. ``RATE_LIMITED``: back off, nothing was done. ``LOCKED_OUT``: stop sending. ``BAD_NONCE``:
    resynchronise once, then halt.
    """

    NOT_SENT = "not_sent"
    NO_ANSWER = "no_answer"
    DUPLICATE = "duplicate"
    RATE_LIMITED = "rate_limited"
    LOCKED_OUT = "locked_out"
    BAD_NONCE = "bad_nonce"


class VenueError(PeakTradeError):
    """A request to a venue that has no definite answer.

    Parameters
    ----------
    failure : Failure
        What is known of it.
    retry_after_s : float
        How long the venue wants to be left alone, where it says so.
    raw : str
        The raw text of what came back.
    """

    def __init__(
        self, message: str, failure: Failure, *, retry_after_s: float = 0.0, raw: str = ""
    ) -> None:
        super().__init__(message)
        self.failure, self.retry_after_s, self.raw = failure, retry_after_s, raw


@dataclass(frozen=True, slots=True)
class Found:
    """What a venue knows of an order when it is asked: its state, and the trades it knows of."""

    report: OrderReport
    fills: tuple[FillReport, ...] = ()


@dataclass(frozen=True, slots=True)
class Balances:
    """What a venue says is there: positions in lots by column, and cash by currency."""

    lots: tuple[int, ...]
    cash: dict[str, float]


class Venue(ABC):
    """A place that takes orders, real or simulated; only the pipeline may call ``submit``.

    Subclasses give ``_place`` and ``cancel``; what a remote one must answer besides is in
    :class:`RemoteVenue`.
    """

    def __init__(self, approvals: Approvals) -> None:
        self._approvals = approvals

    def submit(self, approved: Approved) -> Answer:
        """Send an order that passed the gate, once.

        Raises
        ------
        ApprovalError
            An approval that was copied, changed, used before or not released by the pipeline.
        VenueError
            There is no definite answer.
        """
        order = self._approvals.spend(approved)
        try:
            return self._place(order)
        except VenueError as error:
            if error.failure is Failure.NOT_SENT:
                self._approvals.give_back(approved)
            raise

    @abstractmethod
    def _place(self, order: Order) -> Answer:
        """Hand the order over."""

    @abstractmethod
    def cancel(self, client_id: str) -> Answer:
        """Cancel what is left of an open order.

        The answer is CANCELED where it was open, FILLED or another end where that is certain, and
        UNKNOWN where the venue does not know the order (any more): it may have been filled.
        """

    def adjust(self, order: Order) -> None:  # noqa: B027 - most have nothing to do
        """Follow what a split has made of an open order; a real venue does so by itself."""


class RemoteVenue(Venue):
    """A venue whose answers and fills come over a wire: what recovery and reconciliation ask it.

    Every query raises :class:`VenueError` where it fails: a failed query is not an empty result.
    """

    name: str
    """Its name, with which trade ids are unique."""

    settle_s: float
    """Seconds after which an order that was sent and is not found was never placed."""

    @abstractmethod
    def poll(self) -> Sequence[OrderReport | FillReport]:
        """What has come in since the last call, in the order it came; never blocks for long."""

    @abstractmethod
    def find(self, client_id: str) -> Found | None:
        """Look for an order among open and closed ones and trades, by client id; None: not there."""

    @abstractmethod
    def open_orders(self) -> Sequence[Found]:
        """Every open order of the account, foreign ones too."""

    @abstractmethod
    def fills(self, since_ns: int) -> Sequence[FillReport]:
        """Every trade of the account since a time, paged to its end."""

    @abstractmethod
    def balances(self) -> Balances:
        """Positions and cash."""
