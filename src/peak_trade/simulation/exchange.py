"""A small exchange that always knows the truth: orders, trades, positions, and cash to the cent."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from peak_trade.domain.errors import InputError

TICK = 0.01
"""Price step of everything that is listed, in quote currency: a tick is a cent."""

START_TICKS = 10_000
FEE_TEN_THOUSANDTHS = 10
MOST_TICKS = 60
"""How far prices wander from where they began, about."""

MEETS = 0.6
"""Chance that an order which could trade does so when the market moves."""

Log = Callable[[Mapping[str, object]], None]


class Wanted(NamedTuple):
    """An order as the exchange reads it; ``price`` in ticks, None for a market order.

    ``sent_ns`` is when the client says it sent it, and ``deadline_ns`` after when it may not be taken.
    """

    id: str
    symbol: int
    lots: int
    kind: str
    price: int | None
    tif: str
    post_only: bool
    reduce_only: bool
    sent_ns: int
    deadline_ns: int


class Trade(NamedTuple):
    """One trade: signed lots, price in ticks, fee in cents."""

    trade: str
    id: str
    symbol: int
    lots: int
    price: int
    fee: int
    time_ns: int


class Look(NamedTuple):
    """An order as it stood at some time."""

    id: str
    order: str
    state: str
    filled: int
    time_ns: int


class Refusal(NamedTuple):
    """Why an order was not taken; ``is_duplicate`` where its client id is that of an open order."""

    reason: str
    is_duplicate: bool = False


Told = Trade | Look


@dataclass(slots=True)
class Taken:
    """An order that the exchange took, with every state it has been in."""

    wanted: Wanted
    order: str
    left: int
    has_rested: bool = False
    states: list[Look] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)

    @property
    def side(self) -> int:
        """1 to buy, -1 to sell."""
        return 1 if self.wanted.lots > 0 else -1

    def at(self, time_ns: int) -> Look | None:
        """How it stood at a time; None before it was taken."""
        count = bisect_right(self.states, time_ns, key=lambda look: look.time_ns)
        return self.states[count - 1] if count else None


class Exchange:
    """Takes orders of one account, trades them against a market of its own, and keeps the truth.

    Everything is listed in cents: one lot at a price of one tick is worth one cent. Prices are random
    walks around where they began, and move whenever :meth:`step` is called; orders trade late and in parts. Client ids are
    checked among open orders only, as real venues do.

    Parameters
    ----------
    symbols : sequence of str
        What is listed.
    cash_cents : int
        The account's cash at the start.
    rng : numpy.random.Generator
        Where chance comes from; the same one gives the same exchange.
    cancel_race : float
        Chance that an order trades at the moment its cancel arrives.
    log : callable, optional
        Told of everything that truly happens, as plain values.

    Examples
    --------
    >>> exchange = Exchange(["X"], cash_cents=100_000, rng=np.random.default_rng(1))
    >>> buy = Wanted("a", 0, 5, "market", None, "fok", False, False, 1, 10)
    >>> exchange.place(buy, 1).state, exchange.lots
    ('filled', [5])
    >>> exchange.place(buy, 11)
    Refusal(reason='its deadline has passed', is_duplicate=False)
    """

    def __init__(
        self,
        symbols: Sequence[str],
        *,
        cash_cents: int,
        rng: np.random.Generator,
        cancel_race: float = 0.0,
        log: Log | None = None,
    ) -> None:
        if not symbols:
            raise InputError("an exchange lists nothing", hint="name one symbol at least")
        self.symbols = tuple(symbols)
        self.cancel_race = cancel_race
        self.cash_cents = cash_cents
        self.lots = [0] * len(symbols)
        self.mids = [START_TICKS] * len(symbols)
        self.told: list[Told] = []
        self.trades: list[Trade] = []
        self._start_cents = cash_cents
        self._cash: list[int] = []
        self._rng = rng
        self._log = log or _forget
        self._open: dict[str, Taken] = {}
        self._all: dict[str, list[Taken]] = {}
        self._ended: list[Taken] = []
        self._orders = 0
        self._log({"do": "begun", "symbols": list(symbols), "cash": cash_cents})

    # --- orders ----------------------------------------------------------------------------------

    def place(self, wanted: Wanted, now_ns: int) -> Look | Refusal:
        """Take an order, or say why not; what could trade at once may do so."""
        reason = self._why_not(wanted, now_ns)
        if reason:
            is_duplicate = wanted.id in self._open
            self._log(
                {"do": "refused", "id": wanted.id, "reason": reason, "sent": wanted.sent_ns}
                | {"time": now_ns}
            )
            return Refusal(reason, is_duplicate)
        self._orders += 1
        taken = Taken(wanted, f"V{self._orders}", abs(wanted.lots))
        self._open[wanted.id] = taken
        self._all.setdefault(wanted.id, []).append(taken)
        self._log({"do": "accepted", "order": taken.order, **wanted._asdict(), "time": now_ns})
        self._move(taken, "accepted", now_ns)
        if wanted.tif in ("ioc", "fok"):
            self._at_once(taken, now_ns)
        elif self._rng.random() < MEETS:
            self._meet(taken, now_ns)
        taken.has_rested = True
        return taken.states[-1]

    def _why_not(self, wanted: Wanted, now_ns: int) -> str:
        is_limit = wanted.kind == "limit"
        if now_ns > wanted.deadline_ns:
            return "its deadline has passed"
        if wanted.id in self._open:
            return "the client id is that of an open order"
        if not 0 <= wanted.symbol < len(self.symbols) or not wanted.lots:
            return "no such symbol, or no lots"
        if wanted.kind not in ("market", "limit") or wanted.tif not in ("gtc", "ioc", "fok"):
            return "only market and limit orders, until cancelled or at once, are taken"
        if is_limit != (wanted.price is not None) or (is_limit and (wanted.price or 0) <= 0):
            return "a limit order has a price above 0, a market order none"
        if wanted.post_only and (not is_limit or wanted.tif != "gtc" or self._crosses(wanted)):
            return "a post-only order would trade at once"
        if wanted.reduce_only and not self._reducible(wanted):
            return "a reduce-only order has nothing to reduce"
        return ""

    def _price(self, wanted: Wanted) -> int:
        """The best price on the other side."""
        return self.mids[wanted.symbol] + (1 if wanted.lots > 0 else -1)

    def _crosses(self, wanted: Wanted) -> bool:
        side = 1 if wanted.lots > 0 else -1
        return wanted.price is None or side * self._price(wanted) <= side * wanted.price

    def _reducible(self, wanted: Wanted) -> int:
        """Lots, unsigned, by which an order would bring the position closer to flat."""
        held = self.lots[wanted.symbol]
        return abs(held) if held * wanted.lots < 0 else 0

    def _at_once(self, taken: Taken, now_ns: int) -> None:
        room = self._room(taken)
        if self._crosses(taken.wanted):
            if taken.wanted.tif == "fok":
                wanted = taken.left if room >= taken.left else 0
            else:
                wanted = min(room, int(self._rng.integers(1, taken.left + 1)))
            if wanted:
                self._trade(taken, wanted, self._price(taken.wanted), now_ns)
        if taken.left:
            self._end(taken, "canceled", now_ns)

    def _room(self, taken: Taken) -> int:
        wanted = taken.wanted
        return min(taken.left, self._reducible(wanted)) if wanted.reduce_only else taken.left

    def _meet(self, taken: Taken, now_ns: int, *, is_forced: bool = False) -> None:
        """Let an order trade some of what is left of it, where the market is at its price."""
        wanted = taken.wanted
        crosses = self._crosses(wanted)
        if not crosses and not is_forced:
            return
        room = self._room(taken)
        if not room:
            self._end(taken, "canceled", now_ns)
            return
        lots = room if self._rng.random() < 0.5 else int(self._rng.integers(1, room + 1))
        price = self._price(wanted) if crosses or wanted.price is None else wanted.price
        if taken.has_rested and wanted.price is not None:
            price = wanted.price
        self._trade(taken, lots, price, now_ns)

    def _trade(self, taken: Taken, lots: int, price: int, now_ns: int) -> None:
        wanted, signed = taken.wanted, taken.side * lots
        fee = (lots * price * FEE_TEN_THOUSANDTHS + 5_000) // 10_000
        trade = Trade(
            f"T{len(self.trades) + 1}", wanted.id, wanted.symbol, signed, price, fee, now_ns
        )
        self.cash_cents -= signed * price + fee
        self.lots[wanted.symbol] += signed
        self.trades.append(trade)
        taken.trades.append(trade)
        self._cash.append(self.cash_cents)
        self.told.append(trade)
        taken.left -= lots
        self._log(
            {"do": "traded", "order": taken.order, **trade._asdict()}
            | {"cash": self.cash_cents, "is_last": not taken.left}
        )
        if taken.left:
            self._move(taken, "partially_filled", now_ns)
        else:
            self._end(taken, "filled", now_ns)

    def _end(self, taken: Taken, state: str, now_ns: int) -> None:
        del self._open[taken.wanted.id]
        self._ended.append(taken)
        self._move(taken, state, now_ns)
        if state != "filled":
            self._log({"do": state, "order": taken.order, "id": taken.wanted.id, "time": now_ns})

    def _move(self, taken: Taken, state: str, now_ns: int) -> None:
        filled = abs(taken.wanted.lots) - taken.left
        look = Look(taken.wanted.id, taken.order, state, filled, now_ns)
        taken.states.append(look)
        self.told.append(look)

    def cancel(self, client_id: str, now_ns: int) -> Look | None:
        """Cancel what is left of an open order; None where none is open by that client id (any more)."""
        taken = self._open.get(client_id)
        if taken is None:
            return None
        if self._rng.random() < self.cancel_race:
            self._meet(taken, now_ns, is_forced=True)
            if client_id not in self._open:
                return None
        self._end(taken, "canceled", now_ns)
        return taken.states[-1]

    def step(self, now_ns: int) -> None:
        """Move every price a little, and let open orders meet it."""
        moves = self._rng.integers(-3, 4, len(self.mids))
        self.mids = [_moved(mid, int(move)) for mid, move in zip(self.mids, moves, strict=True)]
        for taken in list(self._open.values()):
            if self._rng.random() < MEETS:
                self._meet(taken, now_ns)

    # --- queries, as of a time ---------------------------------------------------------------------

    @property
    def open_count(self) -> int:
        """How many orders are open."""
        return len(self._open)

    def find(self, client_id: str, at_ns: int) -> Look | None:
        """The last order of a client id, as it stood at a time."""
        looks = [look for one in self._all.get(client_id, ()) if (look := one.at(at_ns))]
        return looks[-1] if looks else None

    def open_at(self, at_ns: int) -> list[Look]:
        """The orders that were open at a time, as they stood then."""
        looks = [taken.at(at_ns) for taken in self._open.values()]
        for taken in reversed(self._ended):  # those that ended since
            if taken.states[-1].time_ns <= at_ns:
                break
            looks.append(taken.at(at_ns))
        return [look for look in looks if look and look.state in ("accepted", "partially_filled")]

    def trades_at(self, at_ns: int) -> Sequence[Trade]:
        """Every trade up to a time."""
        return self.trades[: self._count(at_ns)]

    def trades_of(self, client_id: str, at_ns: int) -> list[Trade]:
        """The trades of a client id, up to a time."""
        trades = [trade for one in self._all.get(client_id, ()) for trade in one.trades]
        return [trade for trade in trades if trade.time_ns <= at_ns]

    def balances_at(self, at_ns: int) -> tuple[list[int], int]:
        """Lots by symbol, and cash in cents, as they were at a time."""
        count = self._count(at_ns)
        lots = list(self.lots)
        for trade in self.trades[count:]:
            lots[trade.symbol] -= trade.lots
        return lots, self._cash[count - 1] if count else self._start_cents

    def _count(self, at_ns: int) -> int:
        return bisect_right(self.trades, at_ns, key=lambda trade: trade.time_ns)


def _moved(mid: int, move: int) -> int:
    """A price after a move; one that has gone far is drawn back."""
    away = mid - START_TICKS
    return mid + move - (away > MOST_TICKS) * 2 + (away < -MOST_TICKS) * 2


def _forget(record: Mapping[str, object]) -> None:
    """Keep no log."""
