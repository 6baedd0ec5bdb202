"""One order under review: the figures that the rules read, and what a batch has added up so far."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peak_trade.domain.approval import Breach
from peak_trade.domain.errors import RiskError
from peak_trade.domain.order import Order, OrderKind
from peak_trade.kernels.accounting import value_of
from peak_trade.kernels.fills import tick_price
from peak_trade.kernels.limits import SUMS, add_up
from peak_trade.risk.book import Book, Proposal
from peak_trade.risk.kill_switch import KillGuard
from peak_trade.risk.limits import InForce
from peak_trade.risk.policy import Policy
from peak_trade.risk.throttle import Memory

Floats = npt.NDArray[np.float64]


def is_exit(order: Order) -> bool:
    """Whether an order waits in a group, of which one ends the others: a level of a position's exits."""
    return bool(order.group) and order.reduce_only and order.kind is not OrderKind.MARKET


def worst_price(order: Order, mark: float, mid: float) -> float:
    """The highest price that an order may be worth something at; NaN where nothing is known."""
    prices = [price for price in (mark, mid) if math.isfinite(price)]
    stated = (order.price_ticks, order.limit_ticks)
    prices += [tick_price(ticks, order.tick) for ticks in stated if ticks is not None]
    return max(prices, default=math.nan)


@dataclass(slots=True)
class Setting:
    """What a gate knows besides orders and books: where it stands, who may trade, what it remembers.

    ``permit`` says why nothing may be sent now, or nothing (a session that is not armed, a writer that
    was replaced); ``promotions`` which promotions each strategy holds.
    """

    environment: str
    account: str
    kill: KillGuard
    policy: Policy
    promotions: Mapping[str, frozenset[str]]
    memory: Memory
    permit: Callable[[int], str] | None = None
    is_backtest: bool = False
    kin: "Kin | None" = None

    def kin_of(self, symbols: tuple[str, ...]) -> "Kin":
        """Which instruments share an underlying; found once for the same symbols."""
        if self.kin is None or self.kin.symbols is not symbols:
            self.kin = Kin(symbols)
        return self.kin


class Kin:
    """Which of an account's instruments share an underlying: what stands before the slash.

    Examples
    --------
    >>> kin = Kin(("BTC/USD", "ETH/USD", "BTC/EUR"))
    >>> kin.of(0), kin.of(1)
    ((0, 2), (1,))
    """

    __slots__ = ("_places", "_underlying", "symbols")

    def __init__(self, symbols: tuple[str, ...]) -> None:
        self.symbols = symbols
        self._underlying = [symbol.partition("/")[0] for symbol in symbols]
        self._places: dict[str, list[int]] = {}
        for i, name in enumerate(self._underlying):
            self._places.setdefault(name, []).append(i)

    def of(self, i: int) -> tuple[int, ...]:
        """Columns with the underlying of column ``i``, itself among them."""
        return tuple(self._places[self._underlying[i]])


class Batch:
    """What the orders that are reviewed together add up to, each at its worst, let through or not.

    Attributes
    ----------
    value : float
        Value of all of them, those that only reduce left out.
    added : float
        Value that those which were refused would have added to exposure.
    held_value, gross, high, low : float
        Gross of what is held; gross and net with all that may be bought, and all that may be sold.
    permit : str
        Why nothing may be sent now; empty where nothing speaks against it.
    open_claims : float
        What open orders, and the earlier ones of the batch, may still take from buying power.
    """

    __slots__ = (
        "_working",
        "added",
        "book",
        "bought",
        "gross",
        "held_value",
        "high",
        "is_summed",
        "low",
        "open_claims",
        "orders",
        "parents",
        "permit",
        "setting",
        "sold",
        "value",
    )

    def __init__(self, book: Book, setting: Setting, permit: str = "") -> None:
        self.book, self.setting, self.permit = book, setting, permit
        self.value = self.added = 0.0
        self.bought: dict[int, int] = {}
        self.sold: dict[int, int] = {}
        self.orders: list[Order] = []
        self.parents: dict[str, bool] = {}
        self.is_summed = False
        self._working: dict[int, list[Order]] | None = None

    def sum_up(self) -> None:
        """Add up the account's exposure, with open orders at their worst."""
        book, sums = self.book, np.empty(SUMS)
        held, units, width = book.held, book.units, len(book.symbols)
        if not (len(held) == len(book.buying) == len(book.selling) == width):
            raise RiskError("the book has columns of other lengths", hint="a bug: report it")
        if not (len(units) == len(book.marks) == width):
            raise RiskError("the book has columns of other lengths", hint="a bug: report it")
        add_up(held, book.buying, book.selling, units, book.marks, sums)
        self.is_summed = True
        self.held_value, self.gross, self.high, self.low = sums.tolist()
        self.open_claims = self.gross - self.held_value

    def working(self, i: int) -> list[Order]:
        """Open and UNKNOWN orders of an instrument."""
        if self._working is None:
            self._working = {}
            for order in self.book.working:
                self._working.setdefault(order.instrument, []).append(order)
        return self._working.get(i, [])

    def worst_value(self, i: int) -> float:
        """The largest absolute value that an instrument's position can come to."""
        book = self.book
        high = book.held.item(i) + book.buying.item(i) + self.bought.get(i, 0)
        low = book.held.item(i) - book.selling.item(i) - self.sold.get(i, 0)
        if high == 0 and low == 0:
            return 0.0
        return max(abs(high), abs(low)) * book.units.item(i) * book.marks.item(i)

    def take(self, case: "Case", *, is_approved: bool) -> None:
        """Count a reviewed order against the later ones, let through or not."""
        order = case.order
        self.parents[order.client_id] = is_approved
        self.orders.append(order)
        if not self.is_summed:
            return
        before, after = case.before, case.after
        more = max(abs(after) - abs(before), 0.0)
        self.gross += more
        self.high += max(after - before, 0.0)
        self.low += min(after - before, 0.0)
        self.open_claims += case.cost
        if not is_approved:
            self.added += more
        if not case.only_reduces:
            side = self.bought if order.lots > 0 else self.sold
            side[order.instrument] = side.get(order.instrument, 0) + abs(order.lots)


class Case:
    """An order that passed check 1, with the figures that the other rules read.

    Attributes
    ----------
    before, after : float
        Signed value of its position at its worst, without and with it.
    value : float
        What it is worth, at the highest of last close, middle and its own prices.
    cost : float
        What it may take from buying power.
    only_reduces : bool
        Whether it says that it only reduces, and that is true.
    broken_promise : str
        Why it is not true, where it says so.
    """

    __slots__ = (
        "after",
        "batch",
        "before",
        "book",
        "broken_promise",
        "cost",
        "force",
        "i",
        "limits",
        "lots",
        "mark",
        "mid",
        "only_reduces",
        "order",
        "price",
        "proposal",
        "setting",
        "side",
        "symbol",
        "unit",
        "value",
    )

    def __init__(self, proposal: Proposal, batch: Batch, force: InForce) -> None:
        book, order = batch.book, proposal.order
        self.proposal, self.order, self.batch, self.book = proposal, order, batch, book
        self.setting, self.force, self.limits = batch.setting, force, force.limits
        i = self.i = order.instrument
        self.symbol = book.symbols[i]
        self.side = 1 if order.lots > 0 else -1
        self.mark, self.mid = book.marks.item(i), book.mids.item(i)
        self.unit = book.units.item(i)
        self.broken_promise = self._broken_promise() if order.reduce_only else ""
        self.only_reduces = order.reduce_only and not self.broken_promise
        self._find_positions()

    def _find_positions(self) -> None:
        order, book, batch, i = self.order, self.book, self.batch, self.i
        held, replaces = book.held.item(i), self.proposal.replaces
        change = self.lots = order.lots - replaces
        if self.only_reduces:
            base, change = held, 0 if order.parent else order.lots  # a child undoes its parent
        elif change > 0:
            others = book.buying.item(i) - max(replaces, 0) + batch.bought.get(i, 0)
            base = held + replaces + others
        else:
            others = book.selling.item(i) - max(-replaces, 0) + batch.sold.get(i, 0)
            base = held + replaces - others
        unit, mark = self.unit, self.mark
        self.before = value_of(base, unit, mark) if base else 0.0
        self.after = value_of(base + change, unit, mark) if base + change else 0.0
        self.price = worst_price(order, mark, self.mid)
        self.value = abs(value_of(self.lots, unit, self.price))
        more = abs(base + change) - abs(base)
        self.cost = abs(value_of(more, unit, self.price)) if more > 0 else 0.0

    @property
    def grows(self) -> bool:
        """Whether it may make its position larger."""
        return not abs(self.after) <= abs(self.before)

    def _broken_promise(self) -> str:
        """Why an order that says it only reduces might not; empty where it can only reduce."""
        order, held = self.order, self.book.held.item(self.i)
        parent = self._parent() if order.parent else None
        if parent is not None:
            return self._broken_to(parent)
        if order.parent and self.proposal.parent_left is None:
            return f"its parent {order.parent} is not known"
        if held == 0 or (held > 0) == (order.lots > 0):
            return f"{held} lots are held, it would add to them"
        is_alone = self.setting.is_backtest or is_exit(order)
        others = 0 if is_alone else self._others_closing()
        if abs(order.lots) + others > abs(held):
            also = f", {others} more are on their way" if others else ""
            return f"{held} lots are held, it trades {order.lots}{also}"
        return ""

    def _others_closing(self) -> int:
        """Lots that other orders may take from the same position already."""
        batch, i, side = self.batch, self.i, self.side
        open_ = self.book.buying if side > 0 else self.book.selling
        asked = batch.bought if side > 0 else batch.sold
        found = open_.item(i) + asked.get(i, 0)
        for other in (*batch.working(i), *batch.orders):
            is_same = other.instrument == i and (other.lots > 0) == (side > 0)
            if is_same and other.reduce_only and not is_exit(other) and not other.parent:
                found += abs(other.lots)
        return found

    def _parent(self) -> Order | None:
        places = (self.batch.orders, self.batch.working(self.i))
        name = self.order.parent
        return next((o for orders in places for o in orders if o.client_id == name), None)

    def _broken_to(self, parent: Order) -> str:
        order = self.order
        if parent.instrument != self.i or (parent.lots > 0) == (order.lots > 0):
            return f"it does not close what its parent {order.parent} opens"
        if abs(order.lots) > abs(parent.lots):
            return f"it trades {order.lots} lots, its parent {parent.lots}"
        return ""

    def breach(
        self, rule: str, limit: float, value: float, *, name: str = "", detail: str = ""
    ) -> Breach:
        """A breach of a rule; its scope is that of the limit's ``name``, the rule's where left out."""
        return Breach(rule, float(limit), float(value), self.force.scope_of(name or rule), detail)
