"""A venue that does wrong what venues do wrong, between a client and an exchange that knows the truth."""

import heapq
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from peak_trade.simulation.exchange import Exchange, Refusal, Told, Trade, Wanted
from peak_trade.simulation.faults import CALM, Faults

PAGE = 100
"""Trades on one page of the list of trades."""

RETRY_AFTER_S = 0.002
"""How long the venue wants to be left alone after a 429."""

_OF_ANY = (
    "lost_request", "lost_answer", "late_request", "late_answer",
    "reset", "server_error", "rate_limited", "bad_nonce",
)  # fmt: skip
_READS = ("find", "open", "fills", "balances")

Values = Mapping[str, object]


class Reply(NamedTuple):
    """What comes back of a request: a text after a while, a reset connection, or nothing at all."""

    text: str | None
    after_ns: int = 0
    is_reset: bool = False


class FaultyVenue:
    """Answers requests, one JSON object a line, as a venue does on a bad day.

    It holds no socket and reads no clock: the texts and the time are handed in, so that one seed and
    one sequence of requests give one trace. :mod:`peak_trade.simulation.venue_server` puts it into a
    process of its own.

    Parameters
    ----------
    exchange : Exchange
        Who knows the truth.
    faults : Faults
        What goes wrong, and how often.
    rng : numpy.random.Generator
        Where chance comes from; not the exchange's own.

    Examples
    --------
    >>> truth = Exchange(["X"], cash_cents=100, rng=np.random.default_rng(1))
    >>> venue = FaultyVenue(truth, CALM, rng=np.random.default_rng(2))
    >>> json.loads(venue.receive('{"n": 1, "do": "balances"}', 1).text)
    {'n': 1, 'status': 200, 'lots': [0], 'cash': 100}
    """

    def __init__(self, exchange: Exchange, faults: Faults, *, rng: np.random.Generator) -> None:
        self.exchange, self.faults = exchange, faults
        exchange.cancel_race = faults.cancel_race
        self.restarts = 0
        self._rng = rng
        self._now_ns = 0
        self._late: list[tuple[int, int, Values]] = []
        self._arrived = 0
        self._reports: list[tuple[int, str]] = []
        self._seq = 0

    def calm(self) -> None:
        """Let nothing go wrong from now on; what is on its way still arrives late."""
        self.faults = replace(CALM, late_s=self.faults.late_s, stale_s=self.faults.stale_s)
        self.exchange.cancel_race = 0.0

    @property
    def next_ns(self) -> int | None:
        """When the next late request arrives, UTC nanoseconds; None where none is on its way."""
        return self._late[0][0] if self._late else None

    def advance(self, now_ns: int) -> None:
        """Let time pass: late requests arrive, prices move, open orders meet them."""
        self._now_ns = max(self._now_ns, now_ns)
        while self._late and self._late[0][0] <= self._now_ns:
            self._act(heapq.heappop(self._late)[2])
        self.exchange.step(self._now_ns)
        self._report()

    def receive(self, text: str, now_ns: int) -> Reply:
        """Take a request at a time (UTC nanoseconds), and give what its sender will see of it."""
        self.advance(now_ns)
        try:
            reply = self._with_faults(_request(text))
        except (ValueError, KeyError, TypeError) as error:
            reply = Reply(json.dumps({"status": 400, "error": f"not understood: {error}"}))
        self._report()
        return reply

    # --- faults ----------------------------------------------------------------------------------

    def _with_faults(self, request: Values) -> Reply:
        if self._happens(self.faults.restart):
            return self._restart()
        fault = self._draw()
        if fault == "lost_request" or (fault == "late_request" and request["do"] in _READS):
            return Reply(None)
        if fault == "late_request":
            self._arrived += 1
            due = self._now_ns + self._delay_ns(self.faults.late_s)
            heapq.heappush(self._late, (due, self._arrived, request))
            return Reply(None)
        if fault == "rate_limited":
            return _reply(request, 429, error="too many requests", retry_after_s=RETRY_AFTER_S)
        if fault == "bad_nonce":
            return _reply(request, 401, error="invalid nonce")
        if fault in ("reset", "server_error") and self._happens(0.5):
            return _broken(request, fault)
        answer = self._act(request)
        if fault in ("reset", "server_error"):
            return _broken(request, fault)
        if fault == "lost_answer":
            return Reply(None)
        if fault == "late_answer":
            return answer._replace(after_ns=self._delay_ns(self.faults.late_s))
        if request["do"] == "order" and self._happens(self.faults.duplicate_answer):
            return _reply(request, 409, error="duplicate order")
        return answer

    def _draw(self) -> str:
        """Which of the faults that any request may meet this one meets; often none."""
        chance = self._rng.random()
        for name in _OF_ANY:
            chance -= float(getattr(self.faults, name))
            if chance < 0:
                return name
        return ""

    def _happens(self, chance: float) -> bool:
        return chance > 0 and bool(self._rng.random() < chance)

    def _delay_ns(self, longest_s: float) -> int:
        return int(self._rng.random() * longest_s * 1e9)

    def _restart(self) -> Reply:
        self.restarts += 1
        self._reports.clear()
        self._late.clear()
        self._seq = 0
        return Reply(None, is_reset=True)

    # --- what it does ----------------------------------------------------------------------------

    def _act(self, request: Values) -> Reply:
        what = request["do"]
        if what == "order":
            return self._order(request)
        if what == "cancel":
            look = self.exchange.cancel(str(request["id"]), self._now_ns)
            if look is None:
                return _reply(request, 404, error="no such open order")
            return _reply(request, 200, **look._asdict())
        if what == "reports":
            return _reply(request, 200, reports=self._due_reports())
        if what == "hello":
            self._reports.clear()
            return _reply(request, 200, symbols=list(self.exchange.symbols))
        if what == "prices":
            return _reply(request, 200, mids=list(self.exchange.mids))
        if what in _READS:
            return self._read(request)
        return _reply(request, 400, error=f"nothing is called {what}")

    def _order(self, request: Values) -> Reply:
        wanted = Wanted(**{name: request[name] for name in Wanted._fields})  # type: ignore[arg-type]
        placed = self.exchange.place(_checked(wanted), self._now_ns)
        if isinstance(placed, Refusal):
            return _reply(request, 409 if placed.is_duplicate else 422, error=placed.reason)
        return _reply(request, 200, id=placed.id, order=placed.order, state="accepted")

    def _read(self, request: Values) -> Reply:
        at_ns, truth = self._now_ns, self.exchange
        if self._happens(self.faults.stale_read):
            at_ns -= self._delay_ns(self.faults.stale_s)
        if request["do"] == "find":
            look = truth.find(str(request["id"]), at_ns)
            if look is None:
                return _reply(request, 404, error="no such order")
            trades = [trade._asdict() for trade in truth.trades_of(look.id, at_ns)]
            return _reply(request, 200, **look._asdict(), trades=trades)
        if request["do"] == "open":
            return _reply(request, 200, orders=[look._asdict() for look in truth.open_at(at_ns)])
        if request["do"] == "balances":
            lots, cash = truth.balances_at(at_ns)
            return _reply(request, 200, lots=lots, cash=cash)
        since_ns, skip = _whole(request["since_ns"]), _whole(request["skip"])
        found = [trade for trade in truth.trades_at(at_ns) if trade.time_ns >= since_ns]
        page = [trade._asdict() for trade in found[skip : skip + PAGE]]
        return _reply(request, 200, trades=page, more=len(found) > skip + PAGE)

    # --- reports ---------------------------------------------------------------------------------

    def _report(self) -> None:
        told, self.exchange.told = self.exchange.told, []
        for one in told:
            self._send(one)

    def _send(self, told: Told) -> None:
        self._seq += 1
        kind = "trade" if isinstance(told, Trade) else "order"
        text = json.dumps({"seq": self._seq, "report": kind, **told._asdict()})
        if self._happens(self.faults.lost_report):
            return
        late = self._happens(self.faults.late_report)
        due = self._now_ns + (self._delay_ns(self.faults.late_s) if late else 0)
        times = 2 if self._happens(self.faults.duplicate_report) else 1
        for _ in range(times):
            swaps = bool(self._reports) and self._happens(self.faults.reordered_report)
            self._reports.insert(len(self._reports) - swaps, (due, text))

    def _due_reports(self) -> list[str]:
        due = [text for due, text in self._reports if due <= self._now_ns]
        self._reports = [report for report in self._reports if report[0] > self._now_ns]
        return due


def _request(text: str) -> Values:
    request = json.loads(text)
    if not isinstance(request, dict):
        raise TypeError("a request is an object")
    return request


def _reply(request: Values, status: int, **values: object) -> Reply:
    return Reply(json.dumps({"n": request.get("n", 0), "status": status, **values}))


def _broken(request: Values, fault: str) -> Reply:
    if fault == "reset":
        return Reply(None, is_reset=True)
    return _reply(request, 503, error="the server is not available")


def _checked(wanted: Wanted) -> Wanted:
    """An order whose numbers are whole numbers."""
    for number in (wanted.symbol, wanted.lots, wanted.sent_ns, wanted.deadline_ns):
        _whole(number)
    _whole(0 if wanted.price is None else wanted.price)
    if not isinstance(wanted.id, str):
        raise TypeError("an id is a text")
    return wanted


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError("lots, prices, symbols and times are whole numbers")
    return value
