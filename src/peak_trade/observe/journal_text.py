"""One line for each record of a journal, in words."""

from collections.abc import Callable, Mapping
from typing import cast

from peak_trade.domain.instrument import Instrument
from peak_trade.domain.ledger import CashFlow, Fill, Split
from peak_trade.domain.order import Order
from peak_trade.execution.records import entry_of, order_of
from peak_trade.journal.canonical import canonical_json
from peak_trade.journal.record import Entry
from peak_trade.observe.text import number, price, quantity

Payload = Mapping[str, object]
Instruments = tuple[Instrument, ...]


def order_text(order: Order, instruments: Instruments) -> str:
    """What an order asks for, such as ``buy 0.5 BTC/USD limit 65,000.00``.

    Examples
    --------
    >>> from peak_trade.domain.order import OrderKind, Reason
    >>> btc = Instrument("BTC/USD", lot=0.01, tick=0.1)
    >>> stop = Order("a1", 0, -50, OrderKind.STOP, Reason.STOP_LOSS, 0, price_ticks=5000, tick=0.1)
    >>> order_text(stop, (btc,))
    'sell 0.5 BTC/USD stop 500.00'
    """
    return f"{_traded(order.instrument, order.lots, instruments)} {kind_text(order)}"


def kind_text(order: Order) -> str:
    """How an order meets the market, with its prices.

    Examples
    --------
    >>> from peak_trade.domain.order import OrderKind, Reason
    >>> kind_text(Order("a1", 0, 5, OrderKind.MARKET, Reason.TARGET, 0))
    'market'
    """
    words = [order.kind.value.replace("_", "-")]
    if order.price_ticks is not None:
        words.append(price(order.price))
    if order.limit_ticks is not None:
        words.append(f"limit {price(order.limit_price)}")
    if order.trail_ticks is not None:
        words.append(f"trail {price(order.trail_ticks * order.tick)}")
    return " ".join(words)


def record_text(entry: Entry, instruments: Instruments) -> str:
    """What a record says, in words; its payload as JSON where there are none for its kind.

    Examples
    --------
    >>> record_text(Entry(3, 1, 0, "equity", {"row": 7, "equity": 1004.5}), ())
    'row 7: 1,004.50'
    """
    tell = _TEXTS.get(entry.kind)
    if tell is None:
        return printable(canonical_json(entry.payload))
    return printable(tell(entry.payload, instruments))


def printable(text: str) -> str:
    r"""A text on one line: what a terminal would obey is written out.

    Examples
    --------
    >>> print(printable("a reason\n\x1b[2J"))
    a reason\n\x1b[2J
    """
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


def _traded(instrument: int, lots: int, instruments: Instruments) -> str:
    side = "buy" if lots > 0 else "sell"
    traded = instruments[instrument]
    return f"{side} {quantity(abs(lots) * traded.lot)} {traded.symbol}"


def _intent(said: Payload, instruments: Instruments) -> str:
    order = order_of(cast(Payload, said["order"]))
    reason = order.reason.name.lower().replace("_", " ")
    return f"{order.client_id} {order_text(order, instruments)} ({reason})"


def _denied(said: Payload, instruments: Instruments) -> str:
    rules = ", ".join(str(breach["rule"]) for breach in cast("list[Payload]", said["breaches"]))
    return f"{_intent(said, instruments)}: {rules}"


def _state(said: Payload, _: Instruments) -> str:
    detail = said.get("detail")
    return f"{said['id']} {said['state']}" + (f": {detail}" if detail else "")


def _targets(said: Payload, instruments: Instruments) -> str:
    stated = cast("Mapping[str, float]", said["targets"])
    shown = ", ".join(f"{instruments[int(i)].symbol} {w:g}" for i, w in stated.items())
    return f"row {said['row']}: {shown}"


def _booked(kind: str) -> Callable[[Payload, Instruments], str]:
    def tell(said: Payload, instruments: Instruments) -> str:
        entry = entry_of(kind, said)
        if isinstance(entry, Fill):
            traded = _traded(entry.instrument, entry.lots, instruments)
            return f"{entry.client_id} {traded} at {price(entry.price)}, fee {number(entry.fee)}"
        if isinstance(entry, Split):
            symbol = instruments[entry.instrument].symbol
            return f"{symbol} {entry.numerator} for {entry.denominator}"
        symbol = f" {instruments[entry.instrument].symbol}" if entry.instrument >= 0 else ""
        money = f"{number(entry.amount)} {entry.currency}"
        if isinstance(entry, CashFlow):
            return f"{entry.kind} {money}{symbol}"
        return f"{money}{symbol} {entry.lots} lots: {entry.cause}"

    return tell


def _kill(said: Payload, _: Instruments) -> str:
    return f"{said['scope']}: {said['reason']}"


def _filled(said: Payload, instruments: Instruments) -> str:
    traded = _traded(cast(int, said["instrument"]), cast(int, said["lots"]), instruments)
    at = price(float(cast(float, said["price"])))
    return f"{said['client_id']} {traded} at {at}, trade {said['trade_id']}"


_TEXTS: dict[str, Callable[[Payload, Instruments], str]] = {
    "session.started": lambda p, _: (
        f"{p['strategy']} on account {p['account']} ({p['environment']})"
    ),
    "session.recovered": lambda p, _: f"{p.get('compared', 0)} records were made again alike",
    "session.stopped": lambda p, _: f"{p['state']}" + (f": {p['detail']}" if p["detail"] else ""),
    "bars": lambda p, _: f"row {p['row']}",
    "equity": lambda p, _: f"row {p['row']}: {number(float(cast(float, p['equity'])))}",
    "targets": _targets,
    "order.intent": _intent,
    "order.adjusted": _intent,
    "order.denied": _denied,
    "order.state": _state,
    "order.cancel": lambda p, _: str(p["id"]),
    "report.fill": _filled,
    "kill": _kill,
    "kill.cleared": lambda p, _: str(p["scope"]),
    "peak.reset": lambda p, _: f"{p['reason']} ({p['operator']})",
    "stop": lambda p, _: str(p["how"]),
    "resumed": lambda *_: "",
    "time": lambda *_: "",
    "snapshot": lambda p, _: f"after record {p['after']}",
    **{kind: _booked(kind) for kind in ("fill", "cash_flow", "split", "adjust")},
}
