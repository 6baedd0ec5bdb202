"""Orders matched on trades and books: resting orders queue, others take the visible levels."""

from peak_trade.domain.order import OrderState
from peak_trade.execution.depth import Depth
from peak_trade.execution.meeting import Spot, end_rest, meet
from peak_trade.execution.working import MEETS, RESTS, WAITS, Register, Working
from peak_trade.kernels import match


class QuoteMatching:
    """Matches a register's orders on trades and books.

    Parameters
    ----------
    register : Register
        The orders.
    share : float
        Which share of a trade's lots orders that meet it may take, where no book is known.
    queue_lots : int, optional
        Lots ahead of a resting order where no book is known; left out, trades at its price never fill
        it, only trades through it.

    Attributes
    ----------
    books : dict of int to Depth
        The last book of each instrument that has one; what orders took from it is gone from it.
    """

    def __init__(self, register: Register, *, share: float, queue_lots: int | None) -> None:
        self._register, self._share = register, share
        self._queue_lots = match.volume_left(match.NO_VOLUME_LIMIT, 0.0, 1.0, 0)
        if queue_lots is not None:
            self._queue_lots = queue_lots
        self.books: dict[int, Depth] = {}
        self._last: dict[int, float] = {}

    def on_book(self, instrument: int, depth: Depth, time_ns: int) -> None:
        """Take a whole new book."""
        self._pass_time(instrument, time_ns)
        self.books[instrument] = depth
        self._after_book(instrument, time_ns)

    def on_level(self, instrument: int, side: int, price: float, lots: int, time_ns: int) -> None:
        """Take one level of a book that is known."""
        self._pass_time(instrument, time_ns)
        self.books[instrument].set(side, price, lots)
        self._after_book(instrument, time_ns)

    def on_trade(
        self, instrument: int, price: float, lots: int, time_ns: int, aggressor: int
    ) -> None:
        """Take a trade: resting orders first, then those that it triggers or that wait for one."""
        register = self._register
        self._pass_time(instrument, time_ns)
        self._last[instrument] = price
        resting = [w for w in register.of(instrument) if w.has_arrived and w.stance == RESTS]
        self._eat_queues(resting, price, lots, time_ns, aggressor)
        share = match.volume_left(self._share, float(lots), 1.0, 0)
        spot = Spot(time_ns, since_ns=time_ns, room=share, at_open=False)
        for w in register.of(instrument):
            if w.has_ended or w.left <= 0 or w.active_ns > time_ns:
                continue
            if instrument not in self.books:
                if w.stance != RESTS or not w.has_arrived:
                    meet(register, w, price, spot)
                    self._queue(w)
            elif w.stance == WAITS and self._is_triggered(w, price):
                self._trigger_at_book(w, time_ns)
        self._arrive(instrument, time_ns)
        for w in register.of(instrument):
            if w.kind == match.TRAILING_STOP and w.stance == WAITS and w.has_arrived:
                w.follow(price, price)

    def arrive(self, instrument: int, time_ns: int) -> None:
        """Let the orders that are active by now meet the book, where one is known."""
        self._arrive(instrument, time_ns)

    # --- steps -----------------------------------------------------------------------------------

    def _pass_time(self, instrument: int, time_ns: int) -> None:
        """What became active or ended before an event did so at the market as it was then."""
        for when in sorted(
            {w.active_ns for w in self._register.of(instrument) if not w.has_arrived}
        ):
            if when <= time_ns:
                self._register.expire(when, instrument)
                self._arrive(instrument, when)
        self._register.expire(time_ns, instrument)

    def _arrive(self, instrument: int, time_ns: int) -> None:
        if instrument not in self.books:
            return
        while new := [
            w
            for w in self._register.of(instrument)
            if not w.has_arrived and w.left > 0 and w.active_ns <= time_ns
        ]:
            for w in new:
                if not w.has_ended:
                    self._meet_book(w, time_ns)

    def _meet_book(self, w: Working, time_ns: int) -> None:
        i = w.order.instrument
        near = self._last.get(i, self.books[i].best(-w.side))
        w.arrive(near, time_ns)
        if w.stance == MEETS:
            self._walk(w, time_ns)
            end_rest(self._register, w, time_ns)
        elif w.stance == RESTS:
            self._rest_at_book(w, time_ns)

    def _is_triggered(self, w: Working, price: float) -> bool:
        if not w.has_arrived:
            return False
        if w.trigger != w.trigger:  # a trailing stop that no price was known for
            w.follow(price, price)
        return match.triggers(w.kind, w.side, price, w.trigger)

    def _trigger_at_book(self, w: Working, time_ns: int) -> None:
        w.stance = RESTS if w.kind == match.STOP_LIMIT else MEETS
        w.set_level()
        if w.stance == RESTS:
            self._rest_at_book(w, time_ns)
            return
        self._walk(w, time_ns)
        end_rest(self._register, w, time_ns)

    def _rest_at_book(self, w: Working, time_ns: int) -> None:
        depth = self.books[w.order.instrument]
        if match.reaches(w.side, depth.best(-w.side), w.limit):
            if w.order.post_only:
                self._register.end(
                    w, OrderState.REJECTED, time_ns, "post-only, and it would trade at once"
                )
                return
            self._walk(w, time_ns)
        end_rest(self._register, w, time_ns)
        self._queue(w)

    def _queue(self, w: Working) -> None:
        """Take a place at the end of the queue at its limit."""
        if w.has_ended or w.stance != RESTS:
            return
        depth = self.books.get(w.order.instrument)
        w.ahead = self._queue_lots if depth is None else depth.size(w.side, w.limit)

    def _walk(self, w: Working, time_ns: int) -> None:
        """Take the other side's levels, the best first, no further than the limit."""
        depth = self.books[w.order.instrument]
        levels = [
            (price, lots)
            for price, lots in depth.levels(-w.side)
            if w.stance == MEETS or match.reaches(w.side, price, w.limit)
        ]
        if w.fills_whole and sum(lots for _, lots in levels) < w.lots:
            self._register.end(
                w, OrderState.CANCELED, time_ns, "fill or kill: the book holds less than its lots"
            )
            return
        if w.fills_whole:
            self._take_whole(w, levels, time_ns)
            return
        for price, lots in levels:
            if w.has_ended or w.left <= 0:
                return
            done = self._fill(w, min(lots, w.left), price, rests=False, time_ns=time_ns)
            depth.set(-w.side, price, lots - done)

    def _take_whole(self, w: Working, levels: list[tuple[float, int]], time_ns: int) -> None:
        """Fill or kill over several levels: one fill at their average, so that it is all or none."""
        depth, left, value = self.books[w.order.instrument], w.lots, 0.0
        taken: list[tuple[float, int]] = []
        for price, lots in levels:
            here = min(lots, left)
            if here == 0:
                break
            taken.append((price, lots - here))
            value += here * price
            left -= here
        if self._fill(w, w.lots, value / w.lots, rests=False, time_ns=time_ns):
            for price, rest in taken:
                depth.set(-w.side, price, rest)

    def _fill(self, w: Working, lots: int, price: float, *, rests: bool, time_ns: int) -> int:
        return self._register.fill(
            w, lots, price, reference=price, rests=rests, at_open=False, time_ns=time_ns
        )

    def _eat_queues(
        self, resting: list[Working], price: float, lots: int, time_ns: int, aggressor: int
    ) -> None:
        """Trades through a price fill it in full; those at it take what is ahead first."""
        before = {1: 0, -1: 0}
        for w in sorted(resting, key=lambda w: (-w.side * w.limit, w.serial)):
            if w.has_ended or w.left <= 0:
                continue
            if w.limit != price and match.reaches(w.side, price, w.limit):
                self._fill(w, w.left, w.limit, rests=True, time_ns=time_ns)
            elif w.limit == price and aggressor != w.side:
                others = lots - before[w.side]
                mine = min(max(others - w.ahead, 0), w.left)
                w.ahead = max(w.ahead - others, 0)
                if mine > 0:
                    before[w.side] += self._fill(w, mine, price, rests=True, time_ns=time_ns)

    def _after_book(self, instrument: int, time_ns: int) -> None:
        """After a book has changed: queues shrink, crossed orders trade, remainders go on."""
        register, depth = self._register, self.books[instrument]
        for w in register.of(instrument):
            if w.has_ended or w.left <= 0 or not w.has_arrived:
                continue
            if w.stance == MEETS:
                self._walk(w, time_ns)
            elif w.stance == RESTS:
                w.ahead = min(w.ahead, depth.size(w.side, w.limit))
                self._cross(w, depth, time_ns)
        self._arrive(instrument, time_ns)

    def _cross(self, w: Working, depth: Depth, time_ns: int) -> None:
        """A resting order that the other side has come to trades at its own price with what is there."""
        for price, lots in depth.levels(-w.side):
            if w.has_ended or w.left <= 0 or not match.reaches(w.side, price, w.limit):
                return
            done = self._fill(w, min(lots, w.left), w.limit, rests=True, time_ns=time_ns)
            depth.set(-w.side, price, lots - done)
