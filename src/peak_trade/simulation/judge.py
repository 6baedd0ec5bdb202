"""The judge: what a session wrote down against what the venue truly did, to the trade and to the cent."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import NamedTuple, Protocol, cast

from peak_trade.domain.errors import InputError

ENDED = frozenset(("filled", "denied", "rejected", "canceled", "expired", "not_placed"))
NOT_TAKEN = frozenset(("denied", "rejected", "not_placed"))


class Written(Protocol):
    """A record of a journal, as the judge reads it."""

    @property
    def kind(self) -> str:
        """What it tells of."""
        ...

    @property
    def payload(self) -> Mapping[str, object]:
        """Its values."""
        ...

    @property
    def time_ns(self) -> int:
        """When it was written, UTC nanoseconds."""
        ...


@dataclass(frozen=True, slots=True)
class Deal:
    """A trade: its order, signed lots, price and fee in cents."""

    id: str
    symbol: int
    lots: int
    price: int
    fee: int


class Part(NamedTuple):
    """A part of a trade as it was booked: price in cents, fee in quote currency."""

    id: str
    symbol: int
    lots: int
    price: int
    fee: float


@dataclass(slots=True)
class Truth:
    """What a venue truly did.

    ``accepted`` are the client ids of the orders that it took, in order, one for each time;
    ``sent_ns`` when their senders say they sent them; ``open`` those that are still open.
    """

    cash_cents: int = 0
    start_cents: int = 0
    lots: dict[int, int] = field(default_factory=dict)
    accepted: list[str] = field(default_factory=list)
    sent_ns: list[int] = field(default_factory=list)
    open: dict[str, str] = field(default_factory=dict)
    trades: dict[str, Deal] = field(default_factory=dict)

    @classmethod
    def read(cls, log: Path) -> "Truth":
        """The truth of a venue's log.

        Raises
        ------
        InputError
            The log does not begin with an account.
        """
        with log.open(encoding="utf-8") as lines:
            truth = cls.of(json.loads(line) for line in lines)
        if not truth.start_cents:
            raise InputError(f"{log.name} is no log of a venue", hint="name its append-only log")
        return truth

    @classmethod
    def of(cls, records: Iterable[Mapping[str, object]]) -> "Truth":
        """The truth of what an exchange has told its log."""
        truth = cls()
        for record in records:
            truth._add(record)
        return truth

    def _add(self, record: Mapping[str, object]) -> None:
        what, order = record["do"], str(record.get("order", ""))
        if what == "begun":
            self.start_cents = self.cash_cents = cast(int, record["cash"])
        elif what == "accepted":
            self.accepted.append(str(record["id"]))
            self.sent_ns.append(cast(int, record["sent_ns"]))
            self.open[order] = str(record["id"])
        elif what == "traded":
            self._trade(record)
        elif what == "canceled":
            self.open.pop(order)

    def _trade(self, record: Mapping[str, object]) -> None:
        numbers = (cast(int, record[name]) for name in ("symbol", "lots", "price", "fee"))
        deal = Deal(str(record["id"]), *numbers)
        self.trades[str(record["trade"])] = deal
        self.lots[deal.symbol] = self.lots.get(deal.symbol, 0) + deal.lots
        self.cash_cents = cast(int, record["cash"])
        if record["is_last"]:
            self.open.pop(str(record["order"]))


@dataclass(slots=True)
class Told:
    """What a session's journal tells: its intents, its trades, and where each order stands.

    ``parts`` are its trades as they were booked, by name. ``intents`` are the wishes by client id: attempts of one wish have one name. ``kills`` are spans of
    time (UTC nanoseconds) in which nothing could be sent, from the acknowledgement on. ``doubts`` counts
    how often an order was UNKNOWN, and ``details`` are what was said when an order last changed.
    """

    intents: dict[str, str] = field(default_factory=dict)
    wanted: dict[str, int] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    parts: list[tuple[str, Part]] = field(default_factory=list)
    kills: list[tuple[int, int]] = field(default_factory=list)
    adjusted: int = 0
    doubts: int = 0

    @classmethod
    def of(cls, records: Iterable[Written], *, kills: Iterable[tuple[int, int]] = ()) -> "Told":
        """What the records of a journal tell, in their order.

        Kinds that are read: ``order.intent``, ``order.denied``, ``order.state``, ``fill``, ``adjust``.
        """
        told = cls(kills=list(kills))
        for record in records:
            told._add(record.kind, record.payload)
        return told

    def _add(self, kind: str, payload: Mapping[str, object]) -> None:
        if kind == "order.intent":
            order = cast("Mapping[str, object]", payload["order"])
            name = str(order["client_id"])
            self.intents[name] = str(payload.get("intent", name))
            self.wanted[name] = abs(cast(int, order["lots"]))
            self.states[name] = "intent"
        elif kind == "order.state":
            self.states[str(payload["id"])] = str(payload["state"])
            self.details[str(payload["id"])] = str(payload.get("detail", ""))
            self.doubts += payload["state"] == "unknown"
        elif kind == "fill":
            self.parts.append((str(payload.get("trade_id", "")), _part(payload)))
        elif kind == "adjust":
            self.adjusted += 1

    @property
    def trades(self) -> dict[str, Deal]:
        """Its trades by the venue's name; what was booked twice counts once."""
        found: dict[str, list[Part]] = {}
        for name, part in dict(self.parts).items():
            found.setdefault(_trade_of(name), []).append(part)
        return {name: _deal(parts) for name, parts in found.items()}

    @property
    def repeated(self) -> list[str]:
        """Names of the trades that were booked more than once."""
        counted = Counter(name for name, _ in self.parts)
        return sorted({_trade_of(name) for name, count in counted.items() if count > 1})

    @property
    def unresolved(self) -> list[str]:
        """Orders that have not ended: neither said to have, nor filled in full."""
        filled: Counter[str] = Counter()
        for deal in self.trades.values():
            filled[deal.id] += abs(deal.lots)
        return [
            name
            for name, state in self.states.items()
            if state not in ENDED and filled[name] < self.wanted.get(name, 0)
        ]


def _trade_of(name: str) -> str:
    """The venue's name of a trade that was booked in parts, such as T1/0 and T1."""
    return name.partition("/")[0]


def _part(payload: Mapping[str, object]) -> Part:
    return Part(
        str(payload["client_id"]),
        cast(int, payload["instrument"]),
        cast(int, payload["lots"]),
        round(cast(float, payload["price"]) * 100),
        cast(float, payload.get("fee", 0.0)),
    )


def _deal(parts: Sequence[Part]) -> Deal:
    """A trade of its parts, whose fees come to whole cents together."""
    one = parts[0]
    fee = round(sum(part.fee for part in parts) * 100)
    return Deal(one.id, one.symbol, sum(part.lots for part in parts), one.price, fee)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a session got wrong, by name; nothing of anything where it is clean.

    Parameters
    ----------
    lost_fills : tuple of str
        Trades at the venue that the session never booked.
    invented_fills, repeated_fills, changed_fills : tuple of str
        Trades that it booked and the venue does not know, more than once, or otherwise.
    duplicate_orders : tuple of str
        Wishes of which the venue took more than one order.
    undeclared_orders : tuple of str
        Orders at the venue of which the journal holds no intent.
    misjudged_orders : tuple of str
        Orders that the venue took and that ended here as rejected, denied or never placed.
    sent_after_kill : tuple of str
        Orders that were sent after an acknowledged kill.
    unresolved : tuple of str
        Orders that have not ended in the journal, UNKNOWN ones among them.
    open_orders : tuple of str
        Orders that are still open at the venue.
    adjusted : int
        Corrections that were booked: nothing was to be corrected.
    cash_cents : (int, int)
        Cash by the session's fills, and at the venue, in cents.
    lots : tuple of (int, int, int)
        Symbol, lots by the session's fills, and lots at the venue, where they differ.
    """

    lost_fills: tuple[str, ...]
    invented_fills: tuple[str, ...]
    repeated_fills: tuple[str, ...]
    changed_fills: tuple[str, ...]
    duplicate_orders: tuple[str, ...]
    undeclared_orders: tuple[str, ...]
    misjudged_orders: tuple[str, ...]
    sent_after_kill: tuple[str, ...]
    unresolved: tuple[str, ...]
    open_orders: tuple[str, ...]
    adjusted: int
    cash_cents: tuple[int, int]
    lots: tuple[tuple[int, int, int], ...]

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing wrong."""
        return not self.faults

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of what is wrong."""
        wrong = [
            item.name
            for item in fields(self)
            if item.name != "cash_cents" and getattr(self, item.name)
        ]
        ours, theirs = self.cash_cents
        return (*wrong, "cash_cents") if ours != theirs else tuple(wrong)

    def __str__(self) -> str:
        said = [f"{name}: {getattr(self, name)}" for name in self.faults]
        return "; ".join(said) or "clean"


def judge(truth: Truth, told: Told) -> Verdict:
    """Compare a session's journal with the venue's truth, once both have come to rest.

    Examples
    --------
    >>> truth = Truth(cash_cents=899, start_cents=1_000, accepted=["a"], sent_ns=[1], lots={0: 1})
    >>> truth.trades["T1"] = Deal("a", 0, 1, 100, 1)
    >>> told = Told(intents={"a": "a"}, wanted={"a": 1}, states={"a": "filled"})
    >>> judge(truth, told).faults
    ('lost_fills', 'lots', 'cash_cents')
    """
    booked = told.trades
    wishes = Counter(told.intents.get(name, name) for name in truth.accepted)
    cash, lots = _books(truth.start_cents, told)
    symbols = sorted({*lots, *truth.lots})
    return Verdict(
        lost_fills=tuple(trade for trade in truth.trades if trade not in booked),
        invented_fills=tuple(trade for trade in booked if trade not in truth.trades),
        repeated_fills=tuple(told.repeated),
        changed_fills=tuple(
            trade
            for trade, deal in booked.items()
            if trade in truth.trades and truth.trades[trade] != deal
        ),
        duplicate_orders=tuple(name for name, count in wishes.items() if count > 1),
        undeclared_orders=tuple(name for name in truth.accepted if name not in told.intents),
        misjudged_orders=tuple(
            name for name in truth.accepted if told.states.get(name) in NOT_TAKEN
        ),
        sent_after_kill=tuple(
            name
            for name, sent in zip(truth.accepted, truth.sent_ns, strict=True)
            if any(begin < sent < end for begin, end in told.kills)
        ),
        unresolved=tuple(told.unresolved),
        open_orders=tuple(truth.open.values()),
        adjusted=told.adjusted,
        cash_cents=(cash, truth.cash_cents),
        lots=tuple(
            (symbol, lots.get(symbol, 0), truth.lots.get(symbol, 0))
            for symbol in symbols
            if lots.get(symbol, 0) != truth.lots.get(symbol, 0)
        ),
    )


def _books(start_cents: int, told: Told) -> tuple[int, dict[int, int]]:
    """Cash in cents and lots by symbol that a session's booked trades come to."""
    cash, lots = float(start_cents), dict[int, int]()
    for _, part in told.parts:
        cash -= part.lots * part.price + part.fee * 100
        lots[part.symbol] = lots.get(part.symbol, 0) + part.lots
    return round(cash), lots
