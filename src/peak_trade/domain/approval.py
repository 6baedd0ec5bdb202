"""The gate's answer to an order: an approval that is good once, or a refusal that says why."""

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import NoReturn

from peak_trade.domain.errors import ApprovalError
from peak_trade.domain.order import Order

_KEY = object()

_said = attrgetter(*(item.name for item in fields(Order)))
"""What an order says, by which one that was changed after its review is known."""

_Given = tuple["Approved", Order, int, int, object]
"""An approval as it was issued: order, book version, kill epoch, what the order said."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that an order violates: its name, the limit, and the value found.

    ``scope`` says whose limit it is (``account``, ``strategy:NAME``, ``symbol:NAME``, ``portfolio``),
    ``detail`` what a number alone does not tell.
    """

    rule: str
    limit: float
    value: float
    scope: str = "account"
    detail: str = ""

    def __str__(self) -> str:
        said = f"{self.rule} ({self.scope}): {self.value:g} against a limit of {self.limit:g}"
        return f"{said}, {self.detail}" if self.detail else said


@dataclass(frozen=True, slots=True)
class Refused:
    """An order that may not be sent, with every rule that it violates."""

    order: Order
    breaches: tuple[Breach, ...]

    def __str__(self) -> str:
        return f"{self.order.client_id}: " + "; ".join(map(str, self.breaches))


class Approved:
    """An order that passed the gate: good once, for this order, this state of the books, this epoch.

    Only :class:`Approvals` makes one that is worth anything; a copy is another object, and refused.
    """

    __slots__ = ("book_version", "kill_epoch", "order")

    order: Order
    book_version: int
    kill_epoch: int

    def __init__(self, key: object, order: Order, book_version: int, kill_epoch: int) -> None:
        if key is not _KEY:
            raise ApprovalError(
                "an approval was made outside the gate", hint="send orders through the pipeline"
            )
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "book_version", book_version)
        object.__setattr__(self, "kill_epoch", kill_epoch)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise ApprovalError(
            f"{name} of an approval cannot be changed", hint="review the order again"
        )

    def __delattr__(self, name: str) -> NoReturn:
        raise ApprovalError(
            f"{name} of an approval cannot be removed", hint="review the order again"
        )

    def __repr__(self) -> str:
        return f"Approved({self.order.client_id})"


class Approvals:
    """The approvals that one gate has given and that are still good: issued, then released, then spent.

    The gate issues, the pipeline releases once the intent is durable, and the venue's base class
    spends. Each step is done once and checks who it is handed: the very object that was issued, with
    the order, book version and kill epoch it was issued with.

    Examples
    --------
    >>> from peak_trade.domain.order import OrderKind, Reason
    >>> approvals = Approvals()
    >>> approved = approvals.issue(Order("a1", 0, 1, OrderKind.MARKET, Reason.ORDER, 0), 7, 1)
    >>> approvals.release(approved, book_version=7, kill_epoch=1)
    >>> approvals.spend(approved).client_id
    'a1'
    >>> approvals.spend(approved)
    Traceback (most recent call last):
    peak_trade.domain.errors.ApprovalError: the approval of a1 was not released, or is spent; ...
    """

    __slots__ = ("_issued", "_released", "_spent")

    def __init__(self) -> None:
        self._issued: dict[int, _Given] = {}
        self._released: dict[int, _Given] = {}
        self._spent: _Given | None = None

    def issue(self, order: Order, book_version: int, kill_epoch: int) -> Approved:
        """Approve an order; the gate's own business."""
        approved = Approved(_KEY, order, book_version, kill_epoch)
        self._issued[id(approved)] = (approved, order, book_version, kill_epoch, _said(order))
        return approved

    def release(self, approved: Approved, *, book_version: int, kill_epoch: int) -> None:
        """Let an approval go to the venue, where nothing has changed since it was given.

        Raises
        ------
        ApprovalError
            It was copied, made by hand, used before, or is stale.
        """
        found = self._issued.pop(id(approved), None)
        if found is None or found[0] is not approved:
            raise ApprovalError(
                f"the approval of {_named(approved)} was not given by this gate, or is used",
                hint="review the order again",
            )
        _, order, version, epoch, _ = found
        if approved.order is not order or (version, epoch) != (book_version, kill_epoch):
            raise ApprovalError(
                f"the approval of {order.client_id} is stale: given for book {version} and kill epoch "
                f"{epoch}, now {book_version} and {kill_epoch}",
                hint="review the order again",
            )
        self._released[id(approved)] = found

    def spend(self, approved: Approved) -> Order:
        """Take the order of a released approval, once; the venue's own business.

        Raises
        ------
        ApprovalError
            It was not released, was spent before, is another object, or its order was changed.
        """
        found = self._released.pop(id(approved), None)
        if found is None or found[0] is not approved or found[1] is not approved.order:
            raise ApprovalError(
                f"the approval of {_named(approved)} was not released, or is spent",
                hint="send orders through the pipeline",
            )
        order = found[1]
        if _said(order) != found[4]:
            raise ApprovalError(
                f"order {order.client_id} was changed after its review",
                hint="ask for another order instead",
            )
        self._spent = found
        return order

    def give_back(self, approved: Approved) -> None:
        """Make the approval that was spent last good again: its order failed before a byte was sent.

        It is the venue's base class that knows; the pipeline releases it again, under the same checks.

        Raises
        ------
        ApprovalError
            It is not the one that was spent last.
        """
        found = self._spent
        if found is None or found[0] is not approved:
            raise ApprovalError(
                f"the approval of {_named(approved)} was not spent", hint="review the order again"
            )
        self._issued[id(approved)], self._spent = found, None

    def drop(self, approved: Approved) -> None:
        """Forget an approval whose order is not sent after all."""
        self._issued.pop(id(approved), None)
        self._released.pop(id(approved), None)

    def withdraw(self) -> None:
        """Forget every approval that is not spent: after a kill, or when a batch is given up."""
        self._issued.clear()
        self._released.clear()


def _named(approved: object) -> str:
    order = getattr(approved, "order", None)
    return str(getattr(order, "client_id", "nothing"))
