"""The one matcher of general orders, on bars, trades and books."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from peak_trade.domain.errors import ParameterError
from peak_trade.domain.event import OrderReport
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.ledger import Fill
from peak_trade.domain.matching import Matching
from peak_trade.domain.order import Order, OrderState
from peak_trade.execution.bar_matching import BarMatching, BarSeen
from peak_trade.execution.depth import Depth, Level
from peak_trade.execution.quote_matching import QuoteMatching
from peak_trade.execution.venue import Answer
from peak_trade.execution.working import Clearing, Outcome, Register, Working, fault_in
from peak_trade.kernels import accounting, costs, fills, match

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

__all__ = ["BarSeen", "Clearing", "Matcher", "Outcome", "PlainClearing"]

_ACCEPTED, _CANCELED = Answer(OrderState.ACCEPTED), Answer(OrderState.CANCELED)
_PENDING = Answer(OrderState.PENDING_CANCEL)


class Matcher:
    """Matches orders of every kind; what came of them is handed back in the order it happened.

    Parameters
    ----------
    clearing : Clearing
        Keeps the account: positions, prices with their slip, what cash pays, the bookings.
    settings : Matching
        Latency, touch, volume share, queue.

    Examples
    --------
    >>> from peak_trade.domain.order import OrderKind, Reason
    >>> matcher = Matcher(
    ...     PlainClearing(cash=1000.0, instruments=[Instrument("X", tick=0.5, lot=1.0)])
    ... )
    >>> buy = Order("a", 0, 2, OrderKind.LIMIT, Reason.ORDER, 0, price_ticks=198, tick=0.5)
    >>> matcher.place(buy, 0).state.value
    'accepted'
    >>> bar = BarSeen(0, 100.0, 101.0, 98.0, 100.0, 50.0, open_ns=0, close_ns=60)
    >>> [(fill.lots, fill.price) for fill in matcher.on_bar(bar)]
    [(2, 99.0)]
    """

    def __init__(self, clearing: Clearing, settings: Matching | None = None) -> None:
        self.settings = settings or Matching()
        self._register = Register(clearing)
        self._bars = BarMatching(self._register, self.settings.max_fill_share)
        self._quotes = QuoteMatching(
            self._register,
            share=self.settings.max_fill_share,
            queue_lots=self.settings.queue_lots,
        )
        self._serial = 0

    def __contains__(self, client_id: object) -> bool:
        return isinstance(client_id, str) and self._register.find(client_id) is not None

    # --- orders ----------------------------------------------------------------------------------

    @property
    def has_orders(self) -> bool:
        """Whether any order is open."""
        return len(self._register) > 0

    @property
    def instruments(self) -> list[int]:
        """Instruments with open orders."""
        return self._register.instruments

    def open_orders(self) -> list[tuple[Order, int]]:
        """Open orders in the order of acceptance, each with the lots (unsigned) that it has filled."""
        return [(w.order, w.filled) for w in self._register]

    def place(self, order: Order, now_ns: int) -> Answer:
        """Take an order; it is active ``latency_ns`` after it was decided.

        REJECTED where its fields contradict each other, and where it would trade at once against a
        known book although it is post-only.
        """
        fault = self._fault(order, now_ns)
        if fault:
            return Answer(OrderState.REJECTED, detail=fault)
        self._serial += 1
        working = Working(
            order, serial=self._serial, latency_ns=self.settings.latency_ns,
            touch=self.settings.touch,
        )  # fmt: skip
        register = self._register
        register.add(working)
        if order.instrument in self._quotes.books and working.active_ns <= now_ns:
            self._quotes.arrive(order.instrument, now_ns)
            if working.has_ended and working.end_state is OrderState.REJECTED:
                for k, report in enumerate(register.outcomes):
                    if isinstance(report, OrderReport) and report.client_id == order.client_id:
                        del register.outcomes[k]
                        return Answer(OrderState.REJECTED, detail=report.detail)
        return _ACCEPTED

    def _fault(self, order: Order, now_ns: int) -> str:
        register = self._register
        if register.find(order.client_id) or register.past(order.client_id):
            return f"the client id {order.client_id} was used before"
        if order.parent:
            parent = register.find(order.parent) or register.past(order.parent)
            if parent is None or (parent.has_ended and parent.filled == 0):
                return f"its parent {order.parent} is not there"
            if parent.order.instrument != order.instrument:
                return f"its parent {order.parent} is of another instrument"
        return fault_in(order, now_ns)

    def cancel(self, client_id: str, now_ns: int) -> Answer:
        """Cancel an order, ``latency_ns`` from now.

        CANCELED without latency, else PENDING_CANCEL: it may be filled before. The end of an order that
        has ended not long ago; UNKNOWN for one that is not known.
        """
        working = self._register.find(client_id)
        if working is None:
            past = self._register.past(client_id)
            return Answer(OrderState.UNKNOWN if past is None else past.end_state)
        if self.settings.latency_ns > 0:
            self._register.end_later(working, now_ns + self.settings.latency_ns, "cancelled")
            return _PENDING
        self._register.end(working, OrderState.CANCELED, now_ns, "cancelled", told=False)
        return _CANCELED

    def cancel_instrument(self, instrument: int, now_ns: int, detail: str) -> None:
        """End every order of an instrument at once: its terms have changed."""
        for working in self._register.of(instrument):
            if not working.has_ended:
                self._register.end(working, OrderState.CANCELED, now_ns, detail)

    def position_changed(self, instrument: int, now_ns: int) -> None:
        """Something else has traded the instrument: orders that have nothing left to reduce end."""
        self._register.drop_useless(instrument, now_ns)

    def pass_time(self, now_ns: int) -> list[Outcome]:
        """Nothing but time has passed: orders whose end has come end."""
        self._register.expire(now_ns)
        return self.drain()

    def drain(self) -> list[Outcome]:
        """What has come of orders since it was asked last: fills, and ends that were not fills."""
        outcomes = self._register.outcomes
        self._register.outcomes = []
        return outcomes

    # --- markets ---------------------------------------------------------------------------------

    def on_bar(self, bar: BarSeen) -> list[Outcome]:
        """Match a whole bar: its open, then its path."""
        self._bars.at_opens((bar,))
        self._bars.inside(bar)
        return self.drain()

    def on_opens(self, bars: Sequence[BarSeen]) -> list[Outcome]:
        """Match the opens of bars that open at one instant."""
        if bars:
            self._bars.at_opens(bars)
        return self.drain()

    def on_inside(self, bar: BarSeen) -> list[Outcome]:
        """Match what a bar reaches after its open, which was matched before."""
        self._bars.inside(bar)
        return self.drain()

    def on_trade(
        self, instrument: int, price: float, lots: int, time_ns: int, *, aggressor: int = 0
    ) -> list[Outcome]:
        """Match a trade of unsigned lots; ``aggressor`` 1: a buyer took, -1: a seller, 0: not known."""
        self._quotes.on_trade(instrument, price, lots, time_ns, aggressor)
        return self.drain()

    def on_book(
        self,
        instrument: int,
        bids: Iterable[Level],
        asks: Iterable[Level],
        time_ns: int,
        *,
        tick: float,
    ) -> list[Outcome]:
        """Match a whole book: (price, lots) of every visible level."""
        self._quotes.on_book(instrument, Depth(tick, bids=bids, asks=asks), time_ns)
        return self.drain()

    def on_level(
        self, instrument: int, side: int, price: float, lots: int, time_ns: int
    ) -> list[Outcome]:
        """Match a change of one level of a known book: bids are side 1, asks -1; 0 lots: it is gone.

        Raises
        ------
        ParameterError
            A book that is not known: a snapshot comes first.
        """
        if instrument not in self._quotes.books:
            raise ParameterError(
                f"a level of instrument {instrument} before its book",
                hint="hand in a snapshot with on_book first",
            )
        self._quotes.on_level(instrument, side, price, lots, time_ns)
        return self.drain()

    def book(self, instrument: int) -> Depth | None:
        """The book of an instrument as orders meet it, without what they took; None where none is known."""
        return self._quotes.books.get(instrument)

    def forget_book(self, instrument: int) -> None:
        """Forget a book that may have missed updates; trades alone match until the next snapshot."""
        self._quotes.books.pop(instrument, None)


class PlainClearing:
    """An account of one currency without margin: positions, cash, a slip, maker and taker fees.

    Parameters
    ----------
    cash : float
        Cash at first.
    instruments : sequence of Instrument
        What is traded, by column.
    slippage : float
        By which fraction orders that meet the market fill worse.
    maker, taker : float
        Fee rates on a fill's value.
    is_bounded : bool
        Whether increases must be paid from what is spendable.
    rejects : bool
        Whether an increase that is not paid in full is refused as a whole.

    Attributes
    ----------
    cash : float
        Cash after every booking.
    held : (N,) int64
        Positions in lots.
    """

    def __init__(
        self,
        cash: float,
        instruments: Sequence[Instrument],
        *,
        slippage: float = 0.0,
        maker: float = 0.0,
        taker: float = 0.0,
        is_bounded: bool = False,
        rejects: bool = False,
    ) -> None:
        width = len(instruments)
        self.cash = cash
        self.held: Ints = np.zeros(width, np.int64)
        self.rejects = rejects
        self._units = np.array([instrument.unit for instrument in instruments])
        self._lots = np.array([instrument.lot for instrument in instruments])
        self._slippage, self._is_bounded = slippage, is_bounded
        self._fees = np.zeros(costs.FEES)
        self._fees[costs.FEE_MAKER], self._fees[costs.FEE_TAKER] = maker, taker
        self._fees[costs.FEE_CAP] = np.nan
        self._marks: Floats = np.full(width, np.nan)
        self._trades = 0

    def position(self, instrument: int) -> int:
        """Signed lots held."""
        return int(self.held[instrument])

    def worse(self, price: float, instrument: int, lots: int) -> float:
        """A price made worse by the slip."""
        return float(fills.market_price(price, lots, self._slippage))

    def affordable(self, instrument: int, lots: int, price: float) -> int:
        """What cash pays of an order; everything where it is not bounded."""
        less = match.reducing_lots(int(self.held[instrument]), lots)
        if not self._is_bounded or less == lots:
            return lots
        value = accounting.value_of(less, self._units[instrument], price)
        fee = costs.fee_at(self._fees, False, less * self._lots[instrument], value) if less else 0.0
        cash, held = accounting.cash_after(self.cash, value, fee), self.held.copy()
        held[instrument] += less
        wanted = np.zeros(len(held), np.int64)
        wanted[instrument] = lots - less
        marks = self._marks.copy()
        marks[instrument] = price
        ones = np.ones(len(held), np.int64)
        costs.scale_to_cash(
            wanted, self._units, self._lots, marks, ones, np.zeros(len(ones)), self._fees, 1.0,
            accounting.spendable(cash, held, self._units, marks), self.rejects, False,
        )  # fmt: skip
        return less + int(wanted[instrument])

    def book(
        self,
        order: Order,
        lots: int,
        price: float,
        *,
        reference: float,
        rests: bool,
        at_open: bool,
        time_ns: int,
    ) -> Fill:
        """Book a fill of signed lots."""
        i = order.instrument
        value = accounting.value_of(lots, self._units[i], price)
        fee = costs.fee_at(self._fees, rests, lots * self._lots[i], value)
        self.cash = accounting.cash_after(self.cash, value, fee)
        self.held[i] += lots
        self._marks[i] = price
        self._trades += 1
        return Fill(
            client_id=order.client_id,
            instrument=i,
            lots=lots,
            price=price,
            fee=fee,
            reason=order.reason,
            time_ns=time_ns,
            at_open=at_open,
            cash=self.cash,
            slippage=costs.slippage_paid(lots, self._units[i], reference, price),
            trade_id=f"{self._trades:x}",
        )
