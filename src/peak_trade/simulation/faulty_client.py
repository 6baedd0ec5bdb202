"""The client of the faulty venue: what comes back of a request is told by what may be done next."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, cast

from peak_trade.domain.approval import Approvals
from peak_trade.domain.errors import InputError
from peak_trade.domain.event import FillReport, OrderReport
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.order import Order, OrderState
from peak_trade.engine.clock import now_ns as wall_ns
from peak_trade.execution.venue import Answer, Balances, Failure, Found, RemoteVenue, VenueError
from peak_trade.simulation.exchange import TICK
from peak_trade.simulation.faults import Faults
from peak_trade.simulation.wires import Wire, WireError

TIMEOUT_S = 0.03
"""How long an answer is waited for."""

READ_TRIES = 6
"""How often a query is asked before it has failed."""

BACKOFF_S = 0.002
"""The first pause between two tries of a query; each next one is twice as long."""

CURRENCY = "USD"
CENTS = 100

_FAILURES = {
    401: Failure.BAD_NONCE,
    403: Failure.LOCKED_OUT,
    409: Failure.DUPLICATE,
    418: Failure.LOCKED_OUT,
    429: Failure.RATE_LIMITED,
}


class Response(NamedTuple):
    """An answer that could be read: its status, its values, and its raw text."""

    status: int
    values: Mapping[str, object]
    raw: str


def listed(symbols: Sequence[str]) -> tuple[Instrument, ...]:
    """The instruments of a faulty venue: in lots of one, on a tick of a cent.

    Examples
    --------
    >>> [(one.symbol, one.tick, one.lot) for one in listed(["X"])]
    [('X', 0.01, 1.0)]
    """
    return tuple(Instrument(symbol, tick=TICK, lot=1.0, quote=CURRENCY) for symbol in symbols)


class FaultyClient(RemoteVenue):
    """Trades at a faulty venue, over a wire.

    An order is sent once and never again by itself; a query that fails is asked again, a little later
    each time. Every order carries a deadline after which the venue does not take it, so that after
    ``settle_s`` an order that is not found was never placed.

    Parameters
    ----------
    wire : Wire
        How texts get there and back.
    approvals : Approvals
        Where orders that passed the gate are spent.
    symbols : sequence of str
        What is listed there, by column.
    faults : Faults
        For its bounds alone: how late the venue takes an order, and how old its answers may be.
    timeout_s : float
        How long an answer is waited for.
    now_ns : callable
        The clock that deadlines are counted on; the venue's own.
    sleep : callable
        Lets time pass between two tries of a query.

    Attributes
    ----------
    interruptions : int
        How often reports may have been lost: their numbers skipped, or a request for them failed. After
        each, the venue's list of trades and open orders is to be read.
    """

    name = "faulty"

    def __init__(
        self,
        wire: Wire,
        approvals: Approvals,
        *,
        symbols: Sequence[str],
        faults: Faults,
        timeout_s: float = TIMEOUT_S,
        now_ns: Callable[[], int] = wall_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(approvals)
        self.settle_s = faults.settle_s
        self.interruptions = 0
        self._wire, self._late_ns = wire, round(faults.late_s * 1e9)
        self._width = len(symbols)
        self._timeout_s, self._now_ns, self._sleep = timeout_s, now_ns, sleep
        self._asked = 0
        self._seq = 0
        self._is_known = False

    # --- orders ----------------------------------------------------------------------------------

    def _place(self, order: Order) -> Answer:
        if order.price_ticks is not None and order.tick != TICK:
            raise InputError(
                f"order {order.client_id} counts ticks of {order.tick}, the venue's is {TICK}",
                hint="take the instruments from listed()",
            )
        self._greet()
        sent_ns = self._now_ns()
        found = self._ask(
            "order",
            id=order.client_id,
            symbol=order.instrument,
            lots=int(order.lots),
            kind=order.kind.value,
            price=None if order.price_ticks is None else int(order.price_ticks),
            tif=order.time_in_force.value,
            post_only=order.post_only,
            reduce_only=order.reduce_only,
            sent_ns=sent_ns,
            deadline_ns=sent_ns + self._late_ns,
        )
        if found.status != 200:
            return Answer(OrderState.REJECTED, "", str(found.values.get("error", "")), found.raw)
        return Answer(OrderState.ACCEPTED, str(found.values["order"]), "", found.raw)

    def cancel(self, client_id: str) -> Answer:
        """Cancel what is left of an open order; UNKNOWN where the venue has none open by that id.

        Raises
        ------
        VenueError
            There is no definite answer: ask again.
        """
        found = self._ask("cancel", id=client_id)
        if found.status != 200:
            return Answer(OrderState.UNKNOWN, "", str(found.values.get("error", "")), found.raw)
        return Answer(OrderState.CANCELED, str(found.values["order"]), "", found.raw)

    # --- reports ---------------------------------------------------------------------------------

    def poll(self) -> Sequence[OrderReport | FillReport]:
        """What the venue has reported since the last call; where asking fails, nothing, and an interruption."""
        try:
            self._greet()
            found = self._ask("reports")
        except VenueError:
            self.interruptions += 1
            return ()
        if found.status != 200:
            self.interruptions += 1
            return ()
        texts = cast("list[str]", found.values["reports"])
        return [self._report(json.loads(text), text) for text in texts]

    def _report(self, values: Mapping[str, object], raw: str) -> OrderReport | FillReport:
        seq = cast(int, values["seq"])
        if seq > self._seq + 1 or seq == 1:
            self.interruptions += self._seq > 0  # some were skipped, or the venue counts anew
        self._seq = 1 if seq == 1 else max(self._seq, seq)
        return _fill(values, raw) if values["report"] == "trade" else _order(values, raw)

    # --- queries ---------------------------------------------------------------------------------

    def find(self, client_id: str) -> Found | None:
        """Look for an order among open and closed ones, by client id; None: it is not there."""
        found = self._query("find", id=client_id)
        return None if found.status == 404 else _found(found.values, found.raw)

    def open_orders(self) -> Sequence[Found]:
        """Every open order of the account."""
        found = self._query("open")
        return [_found(values, json.dumps(values)) for values in _rows(found, "orders")]

    def fills(self, since_ns: int) -> Sequence[FillReport]:
        """Every trade of the account since a time, UTC nanoseconds."""
        trades: list[FillReport] = []
        while True:
            found = self._query("fills", since_ns=since_ns, skip=len(trades))
            trades += [_fill(values, json.dumps(values)) for values in _rows(found, "trades")]
            if not found.values["more"]:
                return trades

    def balances(self) -> Balances:
        """Positions in lots by column, and cash."""
        found = self._query("balances").values
        lots = cast("list[int]", found["lots"])
        return Balances(tuple(lots), {CURRENCY: cast(int, found["cash"]) / CENTS})

    def marks(self) -> tuple[float, ...]:
        """The present prices by column, quote currency."""
        mids = cast("list[int]", self._query("prices").values["mids"])
        return tuple(mid / CENTS for mid in mids)

    # --- the wire --------------------------------------------------------------------------------

    def _greet(self) -> None:
        """Ask for reports from now on, once; what was reported to others before is not repeated."""
        if not self._is_known:
            try:
                found = self._query("hello")
            except VenueError as error:
                raise VenueError(error.message, Failure.NOT_SENT, raw=error.raw) from None
            symbols = cast("list[str]", found.values["symbols"])
            if len(symbols) != self._width:
                raise InputError(
                    f"the venue lists {len(symbols)} symbols, {self._width} were expected",
                    hint="name the symbols that the venue was started with",
                )
            self._is_known = True

    def _query(self, what: str, **values: object) -> Response:
        """Ask until there is an answer, a few times."""
        pause_s = BACKOFF_S
        for attempt in range(READ_TRIES):
            try:
                found = self._ask(what, **values)
            except VenueError as error:
                if attempt == READ_TRIES - 1 or error.failure is Failure.LOCKED_OUT:
                    raise
                self._sleep(max(pause_s, error.retry_after_s))
                pause_s *= 2
            else:
                if found.status in (200, 404):
                    return found
                raise VenueError(
                    f"the venue does not understand {what}: {found.values.get('error')}",
                    Failure.NO_ANSWER,
                    raw=found.raw,
                )
        raise VenueError(f"{what} was not answered", Failure.NO_ANSWER)

    def _ask(self, what: str, **values: object) -> Response:
        """Ask once; an answer that decides nothing is a VenueError that says what is known."""
        self._asked += 1
        text = json.dumps({"n": self._asked, "do": what, **values})
        try:
            raw = self._wire.ask(text, self._timeout_s)
        except WireError as error:
            failure = Failure.NO_ANSWER if error.is_sent else Failure.NOT_SENT
            raise VenueError(error.message, failure) from None
        found = _read(raw)
        if found is None or found.values.get("n") != self._asked:
            raise VenueError("an answer that cannot be read", Failure.NO_ANSWER, raw=raw)
        failure_or_none = _FAILURES.get(found.status)
        if found.status >= 500:
            failure_or_none = Failure.NO_ANSWER
        if failure_or_none is not None:
            raise VenueError(
                f"the venue answers {found.status}: {found.values.get('error', '')}",
                failure_or_none,
                retry_after_s=float(cast(float, found.values.get("retry_after_s", 0.0))),
                raw=raw,
            )
        return found


def _read(raw: str) -> Response | None:
    """An answer; None where it is none."""
    try:
        values = json.loads(raw)
        return Response(int(values["status"]), values, raw)
    except (ValueError, KeyError, TypeError):
        return None


def _rows(found: Response, name: str) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", found.values[name])


def _found(values: Mapping[str, object], raw: str) -> Found:
    trades = cast("list[dict[str, object]]", values.get("trades", []))
    return Found(_order(values, raw), tuple(_fill(trade, json.dumps(trade)) for trade in trades))


def _order(values: Mapping[str, object], raw: str) -> OrderReport:
    return OrderReport(
        str(values["id"]),
        OrderState(values["state"]),
        cast(int, values["time_ns"]),
        venue_id=str(values["order"]),
        raw=raw,
    )


def _fill(values: Mapping[str, object], raw: str) -> FillReport:
    return FillReport(
        str(values["id"]),
        str(values["trade"]),
        cast(int, values["symbol"]),
        cast(int, values["lots"]),
        cast(int, values["price"]) / CENTS,
        cast(int, values["fee"]) / CENTS,
        cast(int, values["time_ns"]),
        raw=raw,
    )
