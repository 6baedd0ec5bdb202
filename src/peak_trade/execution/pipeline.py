"""The one road from an order to a venue; nothing else may call a venue's ``submit``."""

from collections.abc import Callable, Sequence

from peak_trade.domain.approval import Approved, Refused
from peak_trade.domain.errors import JournalError, RefusedError
from peak_trade.domain.event import FillReport, OrderReport, Recorder, Unrecorded
from peak_trade.domain.ledger import Fill
from peak_trade.domain.lifecycle import FOLLOWERS, Lifecycle
from peak_trade.domain.order import Order, OrderState
from peak_trade.execution.orders import Orders
from peak_trade.execution.records import order_record
from peak_trade.execution.venue import Answer, Failure, Found, RemoteVenue, Venue, VenueError
from peak_trade.risk.book import Book, Proposal
from peak_trade.risk.gate import RiskGate

S = OrderState

MOST_RESENDS = 3
"""How often an order that never left this machine is handed over again."""

LEAST_PAUSE_S = 1.0
"""How long nothing is sent after a venue asked for a pause and did not say for how long."""

MARGIN_NS = 50_000_000
"""What is added to a venue's deadline before an order that is not found counts as not placed."""

_NOTHING_DONE = frozenset((Failure.RATE_LIMITED, Failure.LOCKED_OUT, Failure.BAD_NONCE))
"""Failures after which the venue is known not to have taken the order."""

_WORKS = frozenset((S.ACCEPTED, S.PARTIALLY_FILLED))
_CHANGING = frozenset((S.PENDING_CANCEL, S.PENDING_REPLACE))


class Pipeline:
    """Takes orders through the gate, the journal and the last look to the venue, and follows them.

    Gate (checks 1 to 19), the intent made durable (20), the last look at kill switch and approval while
    the sender's lock is held (21), then the venue. What the venue answers moves the order; an order
    without a definite answer is UNKNOWN until the venue has said what became of it.

    Parameters
    ----------
    venue : Venue
        Where orders go; nobody else may submit to it.
    gate : RiskGate
        The rules, and the approvals that the venue spends.
    orders : Orders
        The account's orders.
    recorder : Recorder
        Where intents and answers are written down.

    Attributes
    ----------
    venue : Venue
        Where orders go.
    stopped : str
        Why nothing is sent any more, or nothing: the journal failed, the venue locked the account out.
    denied, refused : int
        Orders that the gate, and that the venue refused.
    denials : dict of str to int
        How many were refused here, by the first rule that each violated.
    rejects_in_a_row : int
        Orders that the venue refused since it last took one.
    clock : callable, optional
        The wall clock, UTC nanoseconds, from which a remote venue's deadlines are counted; left out, the
        time of the event that sends. A request that waited for others is sent later than that.
    """

    def __init__(
        self, venue: Venue, *, gate: RiskGate, orders: Orders, recorder: Recorder | None = None
    ) -> None:
        self.orders, self.gate = orders, gate
        self.stopped = ""
        self.denied = self.refused = self.rejects_in_a_row = 0
        self.denials: dict[str, int] = {}
        self.quiet_until_ns = 0
        self.venue = venue
        self._recorder = recorder or Unrecorded()
        self._records = recorder is not None
        self._is_remote = isinstance(venue, RemoteVenue)
        self._due: dict[str, int] = {}  # UNKNOWN orders, and from when the venue may be asked
        self._proven: dict[str, int] = {}  # and from when it is proof that it does not find them
        self._unwanted: set[str] = (
            set()
        )  # UNKNOWN orders that are to be cancelled once they are found
        self._resynchronised = False
        self._shows_working = gate.environment != "backtest"
        self.clock: Callable[[], int] | None = None

    # --- sending ---------------------------------------------------------------------------------

    def send(
        self,
        proposals: Sequence[Proposal],
        book: Book,
        *,
        before_sending: Callable[[Order], None] | None = None,
    ) -> list[Lifecycle]:
        """Review orders together and send those that pass; where each stands now, in their order.

        A refused order is DENIED, and said to be so; it is no error. ``before_sending`` is told of each
        order that passed, before it is handed over: it may cancel what the order replaces.
        """
        if self._shows_working:
            book.working = [life.order for life in self.orders.open]
        approved, refused = self.gate.review(proposals, book)
        lives = {}
        for no in refused:
            lives[id(no.order)] = self._deny(no, book.now_ns)
        for yes in approved:
            lives[id(yes.order)] = self.orders.add(yes.order, book.now_ns)
        if approved:
            self._make_durable(approved, book.now_ns)
            for yes in approved:
                if before_sending is not None:
                    before_sending(yes.order)
                self._hand_over(yes, lives[id(yes.order)], book)
        return [lives[id(proposal.order)] for proposal in proposals]

    def _deny(self, refused: Refused, now_ns: int) -> Lifecycle:
        life = Lifecycle(refused.order, changed_ns=now_ns)
        life.move(S.DENIED, now_ns, "; ".join(map(str, refused.breaches)))
        life.rule = refused.breaches[0].rule
        self.denied += 1
        self.denials[life.rule] = self.denials.get(life.rule, 0) + 1
        if self._records:
            breaches = [
                {"rule": b.rule, "limit": b.limit, "value": b.value, "scope": b.scope}
                | ({"detail": b.detail} if b.detail else {})
                for b in refused.breaches
            ]
            record = {"order": order_record(refused.order), "breaches": breaches}
            self._recorder.append("order.denied", record, now_ns)
        return life

    def _make_durable(self, approved: Sequence[Approved], now_ns: int) -> None:
        if not self._records:
            return
        for yes in approved:
            self._recorder.append("order.intent", {"order": order_record(yes.order)}, now_ns)
        self._sync()

    def _sync(self) -> None:
        try:
            self._recorder.sync()
        except JournalError as error:
            self.stopped = f"the journal failed: {error.message}"
            self.gate.approvals.withdraw()
            raise

    def _hand_over(self, approved: Approved, life: Lifecycle, book: Book) -> None:
        """Look a last time, then send: the sender's lock is held until the bytes are written."""
        order, now_ns = approved.order, book.now_ns
        reason = self._why_not(order)
        if reason:
            self._deny_unsent(approved, life, reason, now_ns)
            return
        if now_ns < self.quiet_until_ns:  # by the time of events, so that a replay pauses alike
            self.gate.approvals.drop(approved)
            self._end(life, S.NOT_PLACED, now_ns, "the venue asked for a pause")
            return
        unreached = ""
        for _ in range(MOST_RESENDS):
            try:
                answer = self._submit(approved, book)
            except RefusedError as error:
                self._deny_unsent(approved, life, error.message, now_ns)
                return
            except VenueError as error:
                if error.failure is Failure.NOT_SENT and self._is_remote:
                    unreached = error.message
                    continue  # no byte left: the approval is good again
                self._without_answer(life, error, now_ns)
                return
            self._answered(life, answer, now_ns)
            return
        self.gate.approvals.drop(approved)
        self._end(life, S.NOT_PLACED, now_ns, unreached)

    def _submit(self, approved: Approved, book: Book) -> Answer:
        gate, order = self.gate, approved.order
        symbol = book.symbols[order.instrument]
        with gate.kill.sending(gate.account, order.strategy, symbol):
            epoch = gate.kill.epoch
            if (
                epoch != approved.kill_epoch
            ):  # for whomever it changed: what was reviewed is no more
                raise RefusedError("the kill switch has changed since the review")
            gate.approvals.release(approved, book_version=book.version, kill_epoch=epoch)
            return self.venue.submit(approved)

    def _why_not(self, order: Order) -> str:
        if self.stopped:
            return self.stopped
        if order.instrument in self.orders.halted:
            return "more was filled than was asked for: the symbol is halted"
        return ""

    def _deny_unsent(self, approved: Approved, life: Lifecycle, reason: str, now_ns: int) -> None:
        self.denied += 1
        self.gate.approvals.drop(approved)
        life.rule = "last_look"
        self.denials[life.rule] = self.denials.get(life.rule, 0) + 1
        self._end(life, S.DENIED, now_ns, reason)

    def _answered(self, life: Lifecycle, answer: Answer, now_ns: int) -> None:
        life.venue_id, state = answer.venue_id, answer.state
        if life.state is S.INTENT:
            life.state = S.SENT  # what is sent and answered in one step is not written down twice
        if self._is_remote and state in (S.FILLED, S.PARTIALLY_FILLED):
            state = S.ACCEPTED  # the fills themselves say so
        self._record_state(life, state, now_ns, answer.detail, raw=answer.raw)
        self.orders.move(life, state, now_ns, answer.detail)
        is_rejected = state is S.REJECTED
        self.refused += is_rejected
        self.rejects_in_a_row = self.rejects_in_a_row + 1 if is_rejected else 0
        if not life.is_open:
            self.gate.release(life.order)

    # --- no answer -------------------------------------------------------------------------------

    def _without_answer(self, life: Lifecycle, error: VenueError, now_ns: int) -> None:
        """A request that nobody answered: what is known of it decides what may be done."""
        failure, sent_ns = error.failure, self._now(now_ns)
        if life.state is S.INTENT:
            life.state = S.SENT
        if failure is Failure.RATE_LIMITED:
            self.quiet_until_ns = now_ns + int((error.retry_after_s or LEAST_PAUSE_S) * 1e9)
        elif failure is Failure.LOCKED_OUT:
            self.stopped = f"the venue locked the account out: {error.message}"
        elif failure is Failure.BAD_NONCE:
            if self._resynchronised:
                self.stopped = f"the venue refuses our clock or nonce twice: {error.message}"
            self._resynchronised = True
        is_undone = failure in _NOTHING_DONE
        state = S.NOT_PLACED if is_undone else S.UNKNOWN
        self._record_state(life, state, now_ns, error.message, raw=error.raw, error=error)
        self.orders.move(life, state, now_ns, error.message)
        if is_undone:
            self.refused += 1
            self.gate.release(life.order)
            return
        self._ask_from(
            life, sent_ns if failure is Failure.DUPLICATE else sent_ns + self._deadline_ns(),
            proven_ns=sent_ns + self._deadline_ns(),
        )  # fmt: skip

    def _end(self, life: Lifecycle, state: OrderState, now_ns: int, detail: str) -> None:
        self._move(life, state, now_ns, detail)
        self.gate.release(life.order)

    def _now(self, now_ns: int) -> int:
        return now_ns if self.clock is None else max(now_ns, self.clock())

    def _ask_from(self, life: Lifecycle, due_ns: int, *, proven_ns: int) -> None:
        self._due[life.order.client_id] = due_ns
        self._proven[life.order.client_id] = proven_ns

    def _deadline_ns(self) -> int:
        venue = self.venue
        settle_s = venue.settle_s if isinstance(venue, RemoteVenue) else 0.0
        return int(settle_s * 1e9) + self.gate.skew_ns + MARGIN_NS

    def watch(self, life: Lifecycle, now_ns: int) -> None:
        """Ask the venue of an UNKNOWN order once its deadline has passed, counted from now."""
        due_ns = now_ns + self._deadline_ns()
        self._ask_from(life, due_ns, proven_ns=due_ns)

    def due(self, now_ns: int) -> list[Lifecycle]:
        """UNKNOWN orders whose time has come: the venue may be asked what became of them."""
        unknown = self.orders.unknown
        for life in unknown:
            if life.order.client_id not in self._due:
                self.watch(life, now_ns)
        return [life for life in unknown if self._due[life.order.client_id] <= now_ns]

    def is_proof(self, life: Lifecycle, asked_ns: int) -> bool:
        """Whether it is proof of absence that the venue, asked then, did not find an UNKNOWN order.

        Before its deadline an order may still arrive; it is asked for again at the deadline then.
        """
        proven_ns = self._proven.get(life.order.client_id)
        if proven_ns is None:
            self.watch(life, asked_ns)
            return False
        self._due[life.order.client_id] = max(self._due[life.order.client_id], proven_ns)
        return asked_ns >= proven_ns

    def resolved(self, life: Lifecycle, found: Found | None, now_ns: int) -> None:
        """Take what the venue said of an order: it is adopted, or an UNKNOWN one was never placed.

        Its fills are booked by the caller first: they are reports like any others. An adopted order
        that was to be cancelled meanwhile is cancelled now. Whether None is proof :meth:`is_proof` knows.
        """
        if found is not None:
            self.on_report(found.report)
        elif life.state is S.UNKNOWN:
            self._end(life, S.NOT_PLACED, now_ns, "the venue does not know it")
        self._found(life, now_ns)

    def _found(self, life: Lifecycle, now_ns: int) -> None:
        """What became of an UNKNOWN order is known now; where it is not, it is asked for again."""
        name = life.order.client_id
        if life.state is S.UNKNOWN:
            return
        self._due.pop(name, None)
        self._proven.pop(name, None)
        if name in self._unwanted:
            self._unwanted.discard(name)
            self.cancel(name, now_ns)

    @property
    def cancelling(self) -> list[Lifecycle]:
        """Orders that were asked to be cancelled and have not ended yet."""
        return [life for life in self.orders.open if life.state is S.PENDING_CANCEL]

    # --- following -------------------------------------------------------------------------------

    def cancel(self, client_id: str, now_ns: int) -> OrderState | None:
        """Ask the venue to cancel an open order; where it stands then, None where it is not open.

        An UNKNOWN one is looked for first, and cancelled when it is found.
        """
        life = self.orders.find(client_id)
        if life is None or not life.is_open:
            return None
        if life.state is S.UNKNOWN:
            if client_id not in self._unwanted:
                self._record_cancel(client_id, now_ns)
                self._unwanted.add(client_id)
            return S.UNKNOWN
        if life.state is not S.PENDING_CANCEL:
            self._record_cancel(client_id, now_ns)
            if self._is_remote:
                self.orders.move(life, S.PENDING_CANCEL, now_ns)
        try:
            answer = self.venue.cancel(client_id)
        except VenueError as error:
            life.detail = error.message  # PENDING_CANCEL stands, and is tried again
            return life.state
        if answer.state is S.UNKNOWN or (self._is_remote and answer.state is S.FILLED):
            # not found, or traded: what became of it, and its fills, are asked for
            self._move(life, S.UNKNOWN, now_ns, answer.detail or "not found to cancel")
            sent_ns = self._now(now_ns)
            self._ask_from(life, sent_ns, proven_ns=sent_ns + self._deadline_ns())
            self._unwanted.add(client_id)
        elif answer.state is not S.PENDING_CANCEL:
            self._move(life, answer.state, now_ns, answer.detail, raw=answer.raw)
            self.gate.release(life.order)
        return life.state

    def _record_cancel(self, client_id: str, now_ns: int) -> None:
        if self._records:
            self._recorder.append("order.cancel", {"id": client_id}, now_ns)

    def adjust(self, order: Order, now_ns: int = 0) -> None:
        """Follow a split: an open order stands for other lots, here and at a simulated venue."""
        if self._records:
            self._recorder.append("order.adjusted", {"order": order_record(order)}, now_ns)
        self.orders.adjust(order)
        self.venue.adjust(order)

    def on_report(self, report: OrderReport) -> Lifecycle | None:
        """Take what a venue says of an order; one that says nothing new changes nothing.

        None for an order that was not made here.
        """
        life = self.orders.find(report.client_id)
        if life is None:
            return None
        life.venue_id = report.venue_id or life.venue_id
        state = report.state
        is_news = state is not life.state and state in FOLLOWERS[life.state]
        if state is S.FILLED or not is_news:  # the fills themselves say so
            return life
        if state in _WORKS and life.state in _CHANGING:
            return life  # it was said before our wish arrived, which stands
        if state is S.PARTIALLY_FILLED and life.filled == 0:
            state = S.ACCEPTED if S.ACCEPTED in FOLLOWERS[life.state] else life.state
        self._move(life, state, report.time_ns, report.detail, raw=report.raw)
        if not life.is_open:
            self.gate.release(life.order)
        self._found(life, report.time_ns)
        return life

    def on_fill(self, fill: Fill | FillReport) -> bool:
        """Count a fill of an order; False where the trade was counted before."""
        life = self.orders.find(fill.client_id)
        if life is None:
            return True  # the venue's own doing: a liquidation, a delisting
        is_new = self.orders.fill(life, abs(fill.lots), fill.time_ns, fill.trade_id)
        self._found(life, fill.time_ns)
        return is_new

    def end(self, client_id: str, state: OrderState, now_ns: int, detail: str = "") -> None:
        """Note that an order has ended at the venue without our asking."""
        life = self.orders.find(client_id)
        if life is not None and life.is_open:
            self._end(life, state, now_ns, detail)

    def _move(
        self, life: Lifecycle, state: OrderState, now_ns: int, detail: str = "", *, raw: str = ""
    ) -> None:
        self._record_state(life, state, now_ns, detail, raw=raw)
        self.orders.move(life, state, now_ns, detail)

    def _record_state(
        self,
        life: Lifecycle,
        state: OrderState,
        now_ns: int,
        detail: str,
        *,
        raw: str = "",
        error: VenueError | None = None,
    ) -> None:
        if not self._records:
            return
        said = {"detail": detail, "venue_id": life.venue_id, "raw": raw}
        found: dict[str, object] = {"id": life.order.client_id, "state": state.value}
        found |= {name: text for name, text in said.items() if text}
        if error is not None and error.failure is not Failure.NO_ANSWER:
            found["failure"] = error.failure.value
            if error.retry_after_s:
                found["retry_after_s"] = float(error.retry_after_s)
        self._recorder.append("order.state", found, now_ns)
