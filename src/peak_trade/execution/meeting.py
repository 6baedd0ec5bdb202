"""How an order meets a market at one price: an open, a point inside a bar, a trade."""

from peak_trade.domain.order import OrderState
from peak_trade.execution.working import MEETS, RESTS, WAITS, Register, Working
from peak_trade.kernels import match


class Spot:
    """One instant of a market: its time, whether it is an open, and how many lots may still be filled."""

    __slots__ = ("at_open", "room", "since_ns", "time_ns")

    def __init__(self, time_ns: int, *, since_ns: int, room: int, at_open: bool) -> None:
        self.time_ns, self.since_ns, self.room, self.at_open = time_ns, since_ns, room, at_open


def meet(register: Register, w: Working, price: float, spot: Spot) -> None:
    """Let an order meet a market that stands at ``price``: it fills, rests, waits on, or ends."""
    is_new = not w.has_arrived
    if is_new:
        w.arrive(price, spot.since_ns)
    if w.stance == MEETS:
        take(register, w, price, spot)
    elif w.stance == WAITS:
        if match.triggers(w.kind, w.side, price, w.trigger):
            trigger(register, w, price, spot)
    elif is_new:
        come_to_rest(register, w, price, spot)
    elif spot.room > 0 and w.is_at(price):
        give(register, w, match.limit_price(w.side, w.limit, price), spot)


def trigger(register: Register, w: Working, price: float, spot: Spot) -> None:
    """A market at ``price`` has triggered it: it goes on as a market or a limit order."""
    if w.kind == match.STOP_LIMIT:
        w.stance = RESTS
        w.set_level()
        come_to_rest(register, w, price, spot)
        return
    w.stance = MEETS
    w.set_level()
    take(register, w, price, spot)


def take(register: Register, w: Working, price: float, spot: Spot) -> None:
    """Fill what there is room for, at a price made worse; the rest goes on unless it is immediate."""
    lots = min(w.left, spot.room)
    if lots > 0:
        order = w.order
        paid = register.clearing.worse(price, order.instrument, w.side * lots)
        spot.room -= register.fill(
            w, lots, paid, reference=price, rests=False, at_open=spot.at_open, time_ns=spot.time_ns
        )
    end_rest(register, w, spot.time_ns)


def come_to_rest(register: Register, w: Working, price: float, spot: Spot) -> None:
    """A limit order arrives: what trades at once does so as a taker, the rest comes to rest."""
    lots = min(w.left, spot.room) or w.left
    paid = register.clearing.worse(price, w.order.instrument, w.side * lots)
    if match.reaches(w.side, paid, w.limit):
        if w.order.post_only:
            register.end(
                w, OrderState.REJECTED, spot.time_ns, "post-only, and it would trade at once"
            )
            return
        if spot.room > 0:
            spot.room -= register.fill(
                w, lots, paid, reference=price, rests=False, at_open=spot.at_open,
                time_ns=spot.time_ns,
            )  # fmt: skip
    end_rest(register, w, spot.time_ns)


def give(register: Register, w: Working, price: float, spot: Spot) -> None:
    """Fill a resting order at a price, as a maker."""
    lots = min(w.left, spot.room)
    spot.room -= register.fill(
        w, lots, price, reference=price, rests=True, at_open=spot.at_open, time_ns=spot.time_ns
    )


def end_rest(register: Register, w: Working, time_ns: int) -> None:
    """Cancel what is left of an order that trades at once or not at all."""
    if w.is_instant and not w.has_ended:
        register.end(w, OrderState.CANCELED, time_ns, "nothing more could be filled at once")
