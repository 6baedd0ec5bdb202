"""What an order strategy asks for becomes orders: it is handed events, its answers go to the pipeline."""

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import StrategyError
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.ledger import Fill, Ledger
from peak_trade.domain.lifecycle import Lifecycle
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason
from peak_trade.domain.order_strategy import Asked, Bar, Cancel, OrderStrategy, Request
from peak_trade.execution.pipeline import Pipeline
from peak_trade.kernels import asked
from peak_trade.risk.book import Book, Proposal

MOST_ANSWERS = 50
"""How often a strategy may ask again in answer to what became of its own orders, within one event."""


PlainBar = tuple[int, int, float, float, float, float, float, bool]
"""Row, close stamp, open, high, low, close, volume, and whether the bar is real."""


class AccountView:
    """An account as an order strategy may look at it."""

    __slots__ = ("_book", "_ledger", "_orders", "_tags", "instruments")

    def __init__(self, ledger: Ledger, book: Book, tags: dict[str, str], orders: Pipeline) -> None:
        self.instruments: tuple[Instrument, ...] = ledger.instruments
        self._ledger, self._book, self._tags, self._orders = ledger, book, tags, orders.orders

    @property
    def cash(self) -> float:
        """Cash in the account's currency."""
        return self._ledger.cash[self._ledger.currency]

    @property
    def equity(self) -> float:
        """Cash plus positions at the last closes, account's currency."""
        return self._ledger.equity(self._book.marks)

    def lots(self, instrument: int = 0) -> int:
        """Signed position in lots."""
        return int(self._ledger.lots[instrument])

    def orders(self, tag: str = "") -> Sequence[Order]:
        """Open orders of a tag; all where it is empty."""
        tags = self._tags
        return [
            life.order
            for life in self._orders.open
            if life.order.client_id in tags and (not tag or tags[life.order.client_id] == tag)
        ]

    def on_tick(self, price: float, instrument: int = 0) -> float:
        """The price on the instrument's tick that is nearest to ``price``."""
        return float(asked.on_tick(price, float(self._book.ticks[instrument])))


class Asking:
    """Hands events to an order strategy, and what it asks for to the pipeline.

    Parameters
    ----------
    strategy : OrderStrategy
        A fresh copy of it is run.
    bars : Bars
        What it is told of.
    ledger, book, pipeline : Ledger, Book, Pipeline
        The account, and the road of its orders.
    next_id : callable
        Gives client order ids.
    name : str
        The strategy's name, which its orders carry.
    """

    def __init__(
        self,
        strategy: OrderStrategy,
        bars: Bars,
        *,
        ledger: Ledger,
        book: Book,
        pipeline: Pipeline,
        next_id: Callable[[str], str],
        name: str,
    ) -> None:
        self._strategy, self._bars, self._name = strategy.fresh(), bars, name
        self._book, self._pipeline = book, pipeline
        self._tags: dict[str, str] = {}
        self._next_id = next_id
        self.view = AccountView(ledger, book, self._tags, pipeline)
        self._bar = Bar()
        self.ordered = self.filled = self._depth = 0
        self._strategy.on_start(self.view)

    def on_bars(self, row: int, time_ns: int) -> None:
        """Tell the strategy of the real bars of a row, in the order of the instruments."""
        bars, bar = self._bars, self._bar
        for i in range(len(self.view.instruments)):
            if not bars.tradable.item(row, i):
                continue
            bar.row, bar.time_ns, bar.instrument = row, time_ns, i
            bar.open, bar.high = bars.open.item(row, i), bars.high.item(row, i)
            bar.low, bar.close = bars.low.item(row, i), bars.close.item(row, i)
            bar.volume = bars.volume.item(row, i)
            wishes = self._strategy.on_bar(bar, self.view)
            if wishes:
                self.take(wishes)

    def first_wish(self, bars: Iterator[PlainBar]) -> tuple[int, int, Iterable[Asked] | None]:
        """Tell the strategy of bars of the only instrument, until it asks for something.

        Gives the row and its close stamp, and what is asked for there; None where the row has no real
        bar, and row -1 where the bars are over.
        """
        bar, view, marks, on_bar = self._bar, self.view, self._book.marks, self._strategy.on_bar
        bar.instrument = 0
        for row, time_ns, open_, high, low, close, volume, is_real in bars:
            if not is_real:
                return row, time_ns, None
            bar.row, bar.time_ns, bar.volume = row, time_ns, volume
            bar.open, bar.high, bar.low, bar.close = open_, high, low, close
            marks[0] = close
            wishes = on_bar(bar, view)
            if wishes:
                return row, time_ns, wishes
        return -1, 0, None

    def on_fill(self, fill: Fill) -> None:
        """Tell the strategy of a fill of one of its orders, already booked."""
        tag = self._tags.get(fill.client_id)
        if tag is not None:
            self.filled += 1
            if wishes := self._strategy.on_fill(fill, tag, self.view):
                self.take(wishes)
            self._forget(fill.client_id)

    def on_end(self, life: Lifecycle) -> None:
        """Tell the strategy that one of its orders ended without being filled."""
        tag = self._tags.get(life.order.client_id)
        if tag is not None and life.state is not OrderState.FILLED:
            if wishes := self._strategy.on_end(life.order, life.state, tag, self.view):
                self.take(wishes)
            self._forget(life.order.client_id)

    def _forget(self, client_id: str) -> None:
        life = self._pipeline.orders.find(client_id)
        if life is None or not life.is_open:
            self._tags.pop(client_id, None)

    # --- orders ----------------------------------------------------------------------------------

    def take(self, wishes: Iterable[Asked]) -> None:
        """Cancel and order what is asked for, in its order; requests in a row are reviewed together.

        Raises
        ------
        StrategyError
            It asks for what is no request, or again and again for what is refused.
        """
        self._depth += 1
        if self._depth > MOST_ANSWERS:
            raise StrategyError(
                f"{self._name} answered the end of its own orders {MOST_ANSWERS} times at one event",
                hint="do not ask again in on_end for what was refused; wait for the next bar",
            )
        try:
            self._take_each(wishes)
        finally:
            self._depth -= 1

    def _take_each(self, wishes: Iterable[Asked]) -> None:
        proposals: list[Proposal] = []
        groups: dict[str, str] = {}
        for item in wishes:
            if isinstance(item, Cancel):
                self._send(proposals)
                proposals = []
                self._cancel(item)
            elif isinstance(item, Request):
                proposals += self._proposals(item, groups)
            else:
                raise StrategyError(
                    f"{self._name} asked for {item!r}, expected requests and cancels",
                    hint="return Request(...) and Cancel(...) from on_bar, on_fill and on_end",
                )
        self._send(proposals)

    def _send(self, proposals: list[Proposal]) -> None:
        if not proposals:
            return
        for life in self._pipeline.send(proposals, self._book):
            if life.state is OrderState.DENIED or not life.is_open:
                self.on_end(life)
            self.ordered += life.state is not OrderState.DENIED

    def _cancel(self, item: Cancel) -> None:
        for order in self.view.orders(item.tag):
            if order.instrument == item.instrument:
                life = self._pipeline.orders.find(order.client_id)
                self._pipeline.cancel(order.client_id, self._book.now_ns)
                if life is not None and not life.is_open:
                    self.on_end(life)

    def _proposals(self, item: Request, groups: dict[str, str]) -> list[Proposal]:
        group = groups.setdefault(item.group, self._next_id("g")) if item.group else ""
        order = self._order(item, group)
        self._tags[order.client_id] = item.tag
        found = [Proposal(order)]
        legs = (
            (OrderKind.STOP, item.stop_loss, Reason.STOP_LOSS),
            (OrderKind.LIMIT, item.take_profit, Reason.TAKE_PROFIT),
        )
        if item.stop_loss is None and item.take_profit is None:
            return found
        own_group = self._next_id("g")
        for kind, price, _ in legs:
            if price is not None:
                child = Request(-item.lots, item.instrument, kind, price, tag=item.tag)
                leg = self._order(child, own_group, parent=order.client_id)
                self._tags[leg.client_id] = item.tag
                found.append(Proposal(leg, parent_left=abs(item.lots)))
        return found

    def _order(self, item: Request, group: str, *, parent: str = "") -> Order:
        i = item.instrument
        if not 0 <= i < len(self.view.instruments):
            raise StrategyError(
                f"{self._name} asks for instrument {i}, there are {len(self.view.instruments)}",
                hint="count instruments from 0, as the columns of the bars do",
            )
        tick = float(self._book.ticks[i])
        return Order(
            client_id=self._next_id("o"),
            instrument=i,
            lots=self._lots(item.lots),
            kind=item.kind,
            reason=Reason.ORDER,
            decided_ns=self._book.now_ns,
            price_ticks=self._ticks(item.price, tick, item),
            tick=0.0 if item.price is item.limit is item.trail is None else tick,
            group=group,
            reduce_only=item.reduce_only or bool(parent),
            limit_ticks=self._ticks(item.limit, tick, item),
            trail_ticks=self._ticks(item.trail, tick, item),
            time_in_force=item.time_in_force,
            expires_ns=item.expires_ns,
            post_only=item.post_only,
            parent=parent,
            strategy=self._name,
        )

    def _lots(self, lots: int) -> int:
        """A quantity as Python's own whole number; anything else is an error of the strategy."""
        try:
            return operator.index(lots)
        except TypeError:
            raise StrategyError(
                f"{self._name} asks for {lots!r} lots, a whole number expected",
                hint="round towards zero: int(quantity / lot)",
            ) from None

    def _ticks(self, price: float | None, tick: float, item: Request) -> int | None:
        """A price in ticks; one that lies on none is an error of the strategy."""
        if price is None:
            return None
        if not (np.isfinite(price) and abs(price / tick) < 2**62):
            raise StrategyError(
                f"{self._name} asks for a price of {price!r}", hint="give finite prices"
            )
        ticks = round(price / tick)
        if abs(price / tick - ticks) > 1e-6 * max(abs(ticks), 1):
            raise StrategyError(
                f"{self._name} asks for a price of {price!r}, which lies on no tick of {tick:g}",
                hint="round it with view.on_tick(price)",
            )
        return ticks
