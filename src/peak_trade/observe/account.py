"""A session's account as its journal tells it: orders, fills, positions, cash, refusals, kills."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import cast

from peak_trade.domain.approval import Breach
from peak_trade.domain.errors import JournalError, LifecycleError
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.ledger import Adjust, CashFlow, Fill, Ledger
from peak_trade.domain.lifecycle import FOLLOWERS, WORKING, Lifecycle
from peak_trade.domain.order import OrderState
from peak_trade.execution.records import entry_of, order_of
from peak_trade.journal import record
from peak_trade.kernels.accounting import value_of
from peak_trade.observe.account_parts import (
    Booked,
    Incarnation,
    KillMark,
    OrderStory,
    Point,
    Position,
    Step,
)

LAST_LOOK = "last_look"
"""The rule of an order that had passed the gate and was held back before it was sent."""

Payload = Mapping[str, object]


class Account:
    """What a session's journal says of its account so far.

    Parameters
    ----------
    started : mapping
        The payload of its first record, ``session.started``.

    Attributes
    ----------
    run, name, environment, strategy, currency : str
        The session's id, its account, environment, strategy and currency.
    cash : float
        What it began with.
    ledger : Ledger
        Cash and positions now; every entry went through its ``apply``, as in the session.
    orders : dict of str to OrderStory
        By client id, in the order they were made, refused ones too.
    booked : list of Booked
        Every entry of the ledger, with running cash.
    equity : list of Point
        Equity at each close.
    kills, incarnations : list
        Kills that reached it; the processes that ran it.
    refusals : Counter
        How often each rule refused an order.
    rows, records : int
        Rows of bars and records seen.
    oddities : list of str
        What no order does: transitions out of order, fills beyond what was asked for.
    """

    def __init__(self, started: Payload) -> None:
        listed = cast("Iterable[Payload]", started["instruments"])
        self.instruments = tuple(_instrument(item) for item in listed)
        self.run, self.name = str(started["run"]), str(started["account"])
        self.environment, self.strategy = str(started["environment"]), str(started["strategy"])
        self.cash, self.currency = _number(started["cash"]), str(started["currency"])
        self.ledger = Ledger(self.instruments, self.cash, self.currency)
        self.orders: dict[str, OrderStory] = {}
        self.booked: list[Booked] = []
        self.equity: list[Point] = []
        self.kills: list[KillMark] = []
        self.incarnations: list[Incarnation] = []
        self.refusals: Counter[str] = Counter()
        self.oddities: list[str] = []
        self.rows = self.records = self.last_seq = 0
        self._marked_seq = 0
        self._takes: dict[str, Callable[[record.Entry], None]] = {
            "session.started": self._begun,
            "session.recovered": self._begun,
            "session.stopped": self._stopped,
            "bars": self._bars,
            "equity": self._marked,
            "order.intent": self._intent,
            "order.denied": self._denied,
            "order.state": self._state,
            "order.cancel": self._cancelling,
            "order.adjusted": self._adjusted,
            "kill": self._killed,
            "kill.cleared": self._cleared,
            **dict.fromkeys(("fill", "cash_flow", "split", "adjust"), self._book),
        }

    # --- what is shown ---------------------------------------------------------------------------

    @property
    def fills(self) -> list[Booked]:
        """The trades, oldest first."""
        return [item for item in self.booked if item.kind == "fill"]

    @property
    def open_orders(self) -> list[OrderStory]:
        """Orders that are not known to have ended."""
        return [story for story in self.orders.values() if story.life.is_open]

    @property
    def last_equity(self) -> float:
        """Equity at the last close; what it began with before the first."""
        return self.equity[-1].equity if self.equity else self.cash

    def symbol(self, instrument: int) -> str:
        """The name of a column; empty for none."""
        return self.instruments[instrument].symbol if instrument >= 0 else ""

    def quantity(self, instrument: int, lots: int) -> float:
        """Lots in units of the instrument."""
        return lots * self.instruments[instrument].lot

    @property
    def held_value(self) -> float:
        """What all positions are worth: equity beyond cash; NaN where something was booked since."""
        if self._is_moved:
            return float("nan")
        return self.last_equity - self.ledger.cash[self.currency]

    @property
    def unrealised(self) -> float:
        """What all positions have gained since their entries; NaN where the journal does not tell."""
        held = self.positions()
        if any(item.currency != self.currency for item in held):
            return float("nan")
        return self.held_value - sum(item.cost for item in held)

    def positions(self) -> list[Position]:
        """What is held now.

        The journal keeps equity and no prices: a single position has what equity says beyond cash,
        where nothing was booked after the last close; several are not told apart.
        """
        lots = self.ledger.lots
        held = [i for i in range(len(self.instruments)) if lots[i]]
        value = self.held_value if len(held) == 1 else float("nan")
        return [self._position(i, int(lots[i]), value) for i in held]

    def _position(self, i: int, lots: int, value: float) -> Position:
        instrument, average = self.instruments[i], float(self.ledger.average[i])
        is_ours = instrument.quote == self.currency
        return Position(
            symbol=instrument.symbol,
            lots=lots,
            quantity=self.quantity(i, lots),
            average=average,
            currency=instrument.quote,
            cost=value_of(lots, instrument.unit, average),
            mark=value / (lots * instrument.unit) if is_ours else float("nan"),
            value=value,
        )

    @property
    def _is_moved(self) -> bool:
        """Whether something was booked after the last close."""
        return not self.equity or bool(self.booked and self.booked[-1].seq > self._marked_seq)

    # --- how it comes about ----------------------------------------------------------------------

    def take(self, entry: record.Entry) -> None:
        """Follow one more record of the journal; kinds that tell nothing of the account pass by.

        Raises
        ------
        JournalError
            A record that is none of its kind.
        """
        self.records += 1
        self.last_seq = entry.seq
        follow = self._takes.get(entry.kind)
        if follow is None:
            return
        try:
            follow(entry)
        except (KeyError, TypeError, ValueError) as error:
            raise JournalError(
                f"record {entry.seq} of {self.run} is no {entry.kind}: {error!r}",
                hint=f"verify the journal: peak journal verify {self.run}",
                seq=entry.seq,
            ) from None

    def _begun(self, entry: record.Entry) -> None:
        is_recovery = entry.kind == "session.recovered"
        self.incarnations.append(Incarnation(entry.epoch, entry.time_ns, is_recovery))

    def _stopped(self, entry: record.Entry) -> None:
        said = entry.payload
        self.incarnations[-1] = replace(
            self.incarnations[-1],
            ended_ns=entry.time_ns,
            state=str(said["state"]),
            detail=str(said["detail"]),
        )

    def _bars(self, _: record.Entry) -> None:
        self.rows += 1

    def _marked(self, entry: record.Entry) -> None:
        row, equity = entry.payload["row"], entry.payload["equity"]
        self.equity.append(Point(int(_number(row)), entry.time_ns, _number(equity)))
        self._marked_seq = entry.seq

    # --- orders ----------------------------------------------------------------------------------

    def _made(self, entry: record.Entry, state: OrderState) -> OrderStory:
        order = order_of(cast(Payload, entry.payload["order"]))
        story = OrderStory(Lifecycle(order, changed_ns=entry.time_ns), entry.seq, entry.time_ns)
        if order.client_id in self.orders:
            self._odd(entry, f"order {order.client_id} is made twice")
        self.orders[order.client_id] = story
        self._move(story, entry, state)
        return story

    def _intent(self, entry: record.Entry) -> None:
        self._made(entry, OrderState.INTENT)

    def _denied(self, entry: record.Entry) -> None:
        story = self._made(entry, OrderState.DENIED)
        listed = cast("Iterable[Payload]", entry.payload["breaches"])
        story.breaches = tuple(_breach(item) for item in listed)
        story.life.rule = story.breaches[0].rule if story.breaches else ""
        story.life.detail = "; ".join(map(str, story.breaches))
        self.refusals.update({breach.rule for breach in story.breaches})

    def _state(self, entry: record.Entry) -> None:
        said = entry.payload
        story = self.orders.get(str(said["id"]))
        if story is None:
            self._odd(entry, f"order {said['id']} was never made")
            return
        life, state = story.life, OrderState(str(said["state"]))
        life.venue_id = str(said.get("venue_id", life.venue_id))
        if life.state is OrderState.INTENT and state not in FOLLOWERS[OrderState.INTENT]:
            life.state = OrderState.SENT  # sent and answered in one step
        if state is OrderState.DENIED:
            life.rule = LAST_LOOK
            self.refusals[LAST_LOOK] += 1
        self._move(story, entry, state, str(said.get("detail", "")))

    def _cancelling(self, entry: record.Entry) -> None:
        story = self.orders.get(str(entry.payload["id"]))
        if story is not None and story.life.state in WORKING:
            self._move(story, entry, OrderState.PENDING_CANCEL)

    def _adjusted(self, entry: record.Entry) -> None:
        order = order_of(cast(Payload, entry.payload["order"]))
        self.orders[order.client_id].life.order = order

    def _move(
        self, story: OrderStory, entry: record.Entry, state: OrderState, detail: str = ""
    ) -> None:
        try:
            story.life.move(state, entry.time_ns, detail)
        except LifecycleError as error:
            self._odd(entry, error.message)
            story.life.state, story.life.changed_ns = state, entry.time_ns
        story.steps.append(Step(entry.seq, entry.time_ns, state, detail))

    def _odd(self, entry: record.Entry, what: str) -> None:
        self.oddities.append(f"record {entry.seq}: {what}")

    # --- money -----------------------------------------------------------------------------------

    def _book(self, entry: record.Entry) -> None:
        item = entry_of(entry.kind, entry.payload)
        if not -1 <= item.instrument < len(self.instruments):
            raise ValueError(f"instrument {item.instrument} of {len(self.instruments)}")
        currency = item.currency if isinstance(item, CashFlow | Adjust) else self.currency
        before = self.ledger.cash[currency]
        self.ledger.apply(item)
        after = self.ledger.cash[currency]
        kind = item.kind if isinstance(item, CashFlow) else entry.kind
        lots = int(self.ledger.lots[item.instrument]) if item.instrument >= 0 else 0
        self.booked.append(
            Booked(entry.seq, item.time_ns, kind, item, currency, after - before, after, lots)
        )
        if isinstance(item, Fill):
            self._count(entry, item)

    def _count(self, entry: record.Entry, fill: Fill) -> None:
        story = self.orders.get(fill.client_id)
        if story is None:
            return  # the venue's own doing: a liquidation, a delisting
        story.fills.append(fill)
        before = story.life.state
        over = story.life.fill(abs(fill.lots), fill.time_ns, fill.trade_id)
        if over:
            self._odd(entry, f"order {fill.client_id} is filled by {over} lots too many")
        if story.life.state is not before:
            story.steps.append(Step(entry.seq, fill.time_ns, story.life.state))

    # --- kills -----------------------------------------------------------------------------------

    def _killed(self, entry: record.Entry) -> None:
        said = entry.payload
        self.kills.append(
            KillMark(
                entry.seq,
                entry.time_ns,
                str(said["scope"]),
                str(said["reason"]),
                int(_number(said["epoch"])),
            )
        )

    def _cleared(self, entry: record.Entry) -> None:
        scope = str(entry.payload["scope"])
        self.kills = [
            replace(kill, cleared_ns=entry.time_ns)
            if kill.scope == scope and kill.cleared_ns is None
            else kill
            for kill in self.kills
        ]


def fold(entries: Iterable[record.Entry]) -> Account:
    """Give a session's account, rebuilt from its journal and nothing else.

    Parameters
    ----------
    entries : iterable of Entry
        The journal's records, oldest first, such as ``peak_trade.journal.reader.read`` gives.

    Raises
    ------
    JournalError
        There is no record, the first is not ``session.started``, or one is none of its kind.

    Examples
    --------
    >>> from peak_trade.journal.record import Entry
    >>> started = {
    ...     "run": "S1", "account": "main", "environment": "paper", "strategy": "ma_cross",
    ...     "instruments": [
    ...         {"symbol": "BTC/USD", "lot": 0.01, "tick": 0.1, "multiplier": 1.0, "quote": "USD"}
    ...     ],
    ...     "cash": 1000.0, "currency": "USD",
    ... }
    >>> fill = {
    ...     "client_id": "a1", "instrument": 0, "lots": 100, "price": 500.0, "fee": 1.0,
    ...     "reason": "TARGET", "time_ns": 7,
    ... }
    >>> account = fold(
    ...     [Entry(1, 1, 5, "session.started", started), Entry(2, 1, 7, "fill", fill)]
    ... )
    >>> account.ledger.cash["USD"], account.positions()[0].quantity, account.booked[0].amount
    (499.0, 1.0, -501.0)
    """  # fmt: skip
    account: Account | None = None
    for entry in entries:
        if account is None:
            account = _opened(entry)
        account.take(entry)
    if account is None:
        raise JournalError(
            "the journal has no records", hint="the session ended before it began; start it again"
        )
    return account


def _opened(entry: record.Entry) -> Account:
    if entry.kind != "session.started":
        raise JournalError(
            f"the journal begins with {entry.kind}, session.started expected",
            hint="read it from its first record",
        )
    try:
        return Account(entry.payload)
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError(
            f"record {entry.seq} does not say what the session trades: {error!r}",
            hint="verify the journal: peak journal verify",
        ) from None


def _instrument(said: Payload) -> Instrument:
    return Instrument(
        str(said["symbol"]),
        lot=_number(said["lot"]),
        tick=_number(said["tick"]),
        multiplier=_number(said["multiplier"]),
        quote=str(said["quote"]),
    )


def _breach(said: Payload) -> Breach:
    return Breach(
        str(said["rule"]),
        _number(said["limit"]),
        _number(said["value"]),
        str(said["scope"]),
        str(said.get("detail", "")),
    )


def _number(value: object) -> float:
    """A number of a payload, in which those that are not finite are named."""
    return float(cast(float, value))
