"""The simulated venue's general orders: its bars handed to the matcher, its account as the clearing."""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from peak_trade.domain.bars import Bars
from peak_trade.domain.ledger import Fill
from peak_trade.domain.matching import Matching
from peak_trade.domain.order import Order, OrderState, Reason
from peak_trade.execution.matching import BarSeen, Matcher, Outcome
from peak_trade.execution.venue import Answer

Ints = npt.NDArray[np.int64]


class Booking(Protocol):
    """Books a fill at the venue."""

    def __call__(
        self,
        client_id: str,
        i: int,
        lots: int,
        price: float,
        reason: Reason,
        row: int,
        bar: int,
        *,
        reference: float,
        at_open: bool,
        rests: bool | None = None,
    ) -> Fill:
        """Book signed lots of an instrument at a price."""
        ...


class SimOrders:
    """General orders of a simulated venue, matched on its bars.

    Parameters
    ----------
    bars : Bars
        What they are matched on.
    settings : Matching
        How.
    held : (N,) int64
        The venue's positions.
    worse : callable
        Gives what an order that meets the market at (price, instrument, signed lots, bar) is filled at.
    affordable : callable
        Gives how many of (instrument, signed lots, price) cash pays.
    book : callable
        Books a fill.
    rejects : bool
        Whether an increase that is not paid in full is refused as a whole.

    Attributes
    ----------
    matcher : Matcher
        The matcher.
    """

    def __init__(
        self,
        bars: Bars,
        *,
        settings: Matching,
        held: Ints,
        worse: Callable[[float, int, int, int], float],
        affordable: Callable[[int, int, float], int],
        book: Booking,
        rejects: bool,
    ) -> None:
        self.rejects = rejects
        self.matcher = Matcher(self, settings)
        self._bars, self._held, self._fill_time = bars, held, bars.fill_time
        self._lots = [instrument.lot for instrument in bars.instruments]
        self._worse, self._affordable, self._book = worse, affordable, book
        self._ended: list[tuple[str, OrderState, str]] = []
        self._row = self._now_ns = 0
        self._bar_of: dict[int, int] = {}

    # --- the account as the matcher sees it ------------------------------------------------------

    def position(self, instrument: int) -> int:
        """Signed lots held."""
        return int(self._held[instrument])

    def worse(self, price: float, instrument: int, lots: int) -> float:
        """What an order that meets the market is filled at on the bar that is matched."""
        return self._worse(price, instrument, lots, self._bar_of[instrument])

    def affordable(self, instrument: int, lots: int, price: float) -> int:
        """What cash pays of an order."""
        return self._affordable(instrument, lots, price)

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
        """Book a fill of the bar that is matched."""
        i = order.instrument
        return self._book(
            order.client_id, i, lots, price, order.reason, self._row, self._bar_of[i],
            reference=reference, at_open=at_open, rests=rests,
        )  # fmt: skip

    # --- orders ----------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether an order is open, or one has ended that nobody was told of."""
        return self.matcher.has_orders or bool(self._ended)

    def place(self, order: Order) -> Answer:
        """Take an order."""
        self._now_ns = max(self._now_ns, order.decided_ns)
        return self.matcher.place(order, order.decided_ns)

    def cancel(self, client_id: str) -> Answer:
        """Cancel an order as of the last instant that was matched, or that an order came at."""
        answer = self.matcher.cancel(client_id, self._now_ns)
        self._split(self.matcher.drain())
        return answer

    def cancel_instrument(self, i: int, detail: str) -> None:
        """End every order of an instrument whose terms have changed."""
        self.matcher.cancel_instrument(i, self._now_ns, detail)
        self._split(self.matcher.drain())

    def position_changed(self, i: int, time_ns: int) -> None:
        """Something else has traded an instrument."""
        self.matcher.position_changed(i, time_ns)
        self._split(self.matcher.drain())

    def take_ended(self) -> list[tuple[str, OrderState, str]]:
        """Orders that ended since the last call otherwise than by a full fill: id, state, why."""
        ended, self._ended = self._ended, []
        return ended

    # --- bars ------------------------------------------------------------------------------------

    def at_opens(self, bars: Mapping[int, int], row: int, time_ns: int) -> list[Fill]:
        """Fill what the opens of one instant fill; ``bars`` are rows by instrument."""
        self._row, self._now_ns = row, time_ns
        self._bar_of.update(bars)
        return self._split(self.matcher.on_opens([self._seen(i, bars[i]) for i in sorted(bars)]))

    def inside(self, row: int, i: int) -> list[Fill]:
        """Fill what an instrument's bar of a row reaches after its open."""
        self._row, self._now_ns = row, int(self._bars.time[row])
        self._bar_of[i] = row
        return self._split(self.matcher.on_inside(self._seen(i, row)))

    def close_row(self, row: int) -> None:
        """A row has closed: orders whose end has come end."""
        self._now_ns = int(self._bars.time[row])
        self._split(self.matcher.pass_time(self._now_ns))

    def _seen(self, i: int, bar: int) -> BarSeen:
        bars = self._bars
        return BarSeen(
            i, float(bars.open[bar, i]), float(bars.high[bar, i]), float(bars.low[bar, i]),
            float(bars.close[bar, i]), float(bars.volume[bar, i]), int(self._fill_time[bar, i]),
            int(bars.time[bar]), self._lots[i],
        )  # fmt: skip

    def _split(self, outcomes: list[Outcome]) -> list[Fill]:
        """The fills among outcomes; ends are kept until they are asked for."""
        booked = []
        for item in outcomes:
            if isinstance(item, Fill):
                booked.append(item)
            else:
                self._ended.append((item.client_id, item.state, item.detail))
        return booked
