"""Orders matched on bars: the open, then a fixed path through the bar's extremes to its close."""

from collections.abc import Sequence
from typing import NamedTuple

from peak_trade.execution.meeting import Spot, give, meet, trigger
from peak_trade.execution.working import MEETS, RESTS, WAITS, Register, Working
from peak_trade.kernels import match


class BarSeen(NamedTuple):
    """A bar of an instrument as orders meet it.

    ``lot`` is the quantity of one lot in the units of ``volume``; ``open_ns`` and ``close_ns`` are UTC
    nanoseconds, and the same for a series of closes alone.
    """

    instrument: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    open_ns: int
    close_ns: int
    lot: float = 1.0


class BarMatching:
    """Matches a register's orders on bars.

    Parameters
    ----------
    register : Register
        The orders.
    share : float
        Which share of a bar's volume all orders together may be filled for.
    """

    def __init__(self, register: Register, share: float) -> None:
        self._register, self._share = register, share
        self._is_unbounded = share >= match.NO_VOLUME_LIMIT
        self._all = match.volume_left(match.NO_VOLUME_LIMIT, 0.0, 1.0, 0)
        self._used: dict[int, tuple[int, int]] = {}

    def at_opens(self, bars: Sequence[BarSeen]) -> None:
        """Fill what the opens of one instant fill, in the order of acceptance over all instruments."""
        register = self._register
        open_ns = bars[0].open_ns
        register.expire(open_ns)
        opens = {bar.instrument: bar.open for bar in bars}
        spots = {bar.instrument: self._spot(bar, open_ns, at_open=True) for bar in bars}
        due = [w for i in opens for w in register.of(i)]
        if len(bars) > 1:
            due.sort(key=lambda w: w.serial)
        for w in due:
            i = w.order.instrument
            if w.has_ended or w.active_ns > open_ns:
                continue
            if w.has_arrived and w.stance != MEETS and not w.is_at(opens[i]):
                continue
            if w.left > 0:
                meet(register, w, opens[i], spots[i])
        for bar in bars:
            self._keep(bar, spots[bar.instrument])

    def inside(self, bar: BarSeen) -> None:
        """Fill what a bar reaches after its open; then trailing stops move, and orders end."""
        register = self._register
        held = register.clearing.position(bar.instrument)
        open_ns, high, low = bar.open_ns, bar.high, bar.low
        working = [w for w in register.of(bar.instrument) if w.active_ns <= open_ns]
        if any(
            (high >= w.level if w.rises else low <= w.level)
            or not (w.has_arrived or w.sleeps or w.has_ended)
            for w in working
        ):
            spot = self._spot(bar, bar.close_ns, at_open=False)
            up_first = match.goes_up_first(held, bar.open, bar.high, bar.low)
            ends = (bar.high, bar.low) if up_first else (bar.low, bar.high)
            price = bar.open
            for end in (*ends, bar.close):
                if end != price:
                    price = self._leg(working, price, end, spot, bar)
            self._keep(bar, spot)
        for w in working:
            if w.kind == match.TRAILING_STOP and w.stance == WAITS and w.has_arrived:
                _follow(w, bar)
        register.expire(bar.close_ns, bar.instrument)

    def _leg(
        self, working: list[Working], price: float, end: float, spot: Spot, bar: BarSeen
    ) -> float:
        """Go from a price to another, and let orders act on the way, the nearest first."""
        register = self._register
        while True:
            found, where = None, end
            for w in working:
                if w.has_ended or w.left <= 0 or w.ends_ns < bar.close_ns:
                    continue
                if not w.has_arrived:  # its parent has filled here
                    found, where = w, price
                    break
                at = _acts_at(w, price, end, spot.room)
                if at == at and (found is None or abs(at - price) < abs(where - price)):
                    found, where = w, at
            if found is None:
                return end
            price = where
            if not found.has_arrived:
                meet(register, found, price, spot)
            elif found.stance == WAITS:
                trigger(register, found, price, spot)
            else:
                give(register, found, found.limit, spot)

    def _spot(self, bar: BarSeen, time_ns: int, *, at_open: bool) -> Spot:
        if self._is_unbounded:
            return Spot(time_ns, since_ns=time_ns, room=self._all, at_open=at_open)
        known, used = self._used.get(bar.instrument, (-1, 0))
        used = used if known == bar.open_ns else 0
        room = match.volume_left(self._share, bar.volume, bar.lot, used)
        return Spot(time_ns, since_ns=time_ns, room=room, at_open=at_open)

    def _keep(self, bar: BarSeen, spot: Spot) -> None:
        """Remember how much of a bar's volume is used."""
        if not self._is_unbounded:
            most = match.volume_left(self._share, bar.volume, bar.lot, 0)
            self._used[bar.instrument] = (bar.open_ns, most - spot.room)


def _acts_at(w: Working, price: float, end: float, room: int) -> float:
    """Where an order acts on the way from a price to another; NaN where it does not."""
    if room <= 0 and w.stance == RESTS:
        return float("nan")
    level = w.level
    if w.is_at(price):
        return price
    if w.rises == (end > price) and w.is_at(end):
        return level
    return float("nan")


def _follow(w: Working, bar: BarSeen) -> None:
    """Move a trailing stop at a bar's close; of a bar inside which it began only the close counts."""
    if w.since_ns <= bar.open_ns:
        w.follow(bar.high, bar.low)
    else:
        w.follow(bar.close, bar.close)
