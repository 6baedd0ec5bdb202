"""What a session is told besides bars: what a remote venue reports, kills, and the wish to end."""

from collections.abc import Callable
from dataclasses import replace

from peak_trade.domain.event import (
    Event,
    FillReport,
    KillCleared,
    KillSeen,
    OrderReport,
    Recorder,
    Resumed,
    StopAsked,
    TimePassed,
)
from peak_trade.domain.ledger import Fill
from peak_trade.domain.lifecycle import Lifecycle
from peak_trade.domain.order import Order, OrderState, Reason, strategies_of
from peak_trade.execution.desk import Desk
from peak_trade.execution.pipeline import Pipeline
from peak_trade.execution.records import plain_report
from peak_trade.execution.venue import Found
from peak_trade.risk.book import Book
from peak_trade.risk.kills import Scope


class Intake:
    """Writes down what a session is told, then follows it.

    Parameters
    ----------
    pipeline, desk, book : Pipeline, Desk, Book
        The road of orders, what decides them, and the account as the gate sees it.
    recorder : Recorder
        Where each event is written before anything follows from it.
    booked : callable
        Books fills.
    ended : callable
        Told of an order that has ended at the venue.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        desk: Desk,
        book: Book,
        *,
        recorder: Recorder,
        booked: Callable[[list[Fill]], None],
        ended: Callable[[Lifecycle], None],
    ) -> None:
        self._pipeline, self._desk, self._book = pipeline, desk, book
        self._orders, self._recorder = pipeline.orders, recorder
        self._booked, self._ended = booked, ended
        self._kills: dict[str, str] = {}
        self.was_killed = False
        self._row = 0

    @property
    def kills(self) -> dict[str, str]:
        """Reasons of the kills that are in force, by scope."""
        return dict(self._kills)

    def take(self, event: Event, row: int) -> None:
        """Take an event that came after the bars of a row."""
        self._row = row
        if isinstance(event, FillReport):
            self._recorder.append("report.fill", plain_report(event), event.time_ns)
            self._fill(event)
        elif isinstance(event, OrderReport):
            self._report(event)
        elif isinstance(event, KillSeen):
            self._kill(event)
        elif isinstance(event, KillCleared):
            self._go_on(event)
        elif isinstance(event, TimePassed):
            self._cancel_again(event)
        elif isinstance(event, StopAsked):
            self._stop(event)
        elif isinstance(event, Resumed):
            self._recorder.append("resumed", {}, event.time_ns)
            self._desk.protect_again(event.time_ns)

    # --- what a venue reports --------------------------------------------------------------------

    def _fill(self, report: FillReport) -> None:
        """Book a trade, once; one of a foreign order is left to reconciliation."""
        life = self._orders.find(report.client_id)
        if life is None or (report.trade_id and report.trade_id in life.trades):
            return
        held = int(self._book.held[report.instrument])
        self._booked(_fills_of(report, life.order.reason, held, self._row))
        if not life.is_open:
            self._ended(life)

    def _report(self, report: OrderReport) -> None:
        self._recorder.append("report.order", plain_report(report), report.time_ns)
        life = self._orders.find(report.client_id)
        was_open = life is not None and life.is_open
        self._pipeline.on_report(report)
        if life is not None and was_open and not life.is_open:
            self._ended(life)

    def found(self, client_id: str, found: Found | None, time_ns: int) -> None:
        """Take what the venue answered when it was asked for an order; None: it is not there."""
        life = self._orders.of(client_id)
        was_open = life.is_open
        record: dict[str, object] = {"id": client_id}
        if found is not None:
            record["report"] = plain_report(found.report) | {"time_ns": found.report.time_ns}
            record["fills"] = [
                plain_report(fill) | {"time_ns": fill.time_ns} for fill in found.fills
            ]
        self._recorder.append("report.found", record, time_ns)
        for fill in found.fills if found is not None else ():
            self._fill(fill)
        is_told = not life.is_open
        self._pipeline.resolved(life, found, time_ns)
        if was_open and not is_told and not life.is_open:
            self._ended(life)
        if life.state is OrderState.NOT_PLACED and life.order.reason is Reason.TARGET:
            self._desk.try_again(life.order.instrument)

    # --- kills, time, the end --------------------------------------------------------------------

    def _kill(self, event: KillSeen) -> None:
        """Cancel everything in the scope, protective orders included; positions stay."""
        record = {"scope": event.scope, "reason": event.reason, "epoch": event.epoch}
        self._recorder.append("kill", record, event.time_ns)
        self._kills[event.scope] = event.reason
        self.was_killed = True
        stopped = [life for life in self._orders.open if self._is_covered(life.order, event.scope)]
        for life in stopped:
            self._pipeline.cancel(life.order.client_id, event.time_ns)
        self._desk.forget_ended()
        for life in stopped:  # once nothing is left: an order strategy may answer, and is refused
            if life.order.reason is Reason.ORDER and not life.is_open:
                self._ended(life)

    def _is_covered(self, order: Order, scope: str) -> bool:
        symbol = self._book.symbols[order.instrument]
        return any(self._is_stopped(scope, name, symbol) for name in strategies_of(order.strategy))

    def _is_stopped(self, scope: str, strategy: str, symbol: str) -> bool:
        """Whether a kill, which names no other account and environment, stops those orders."""
        found = replace(Scope.parse(scope), account="")
        return found.covers("", "", strategy, (symbol,))

    def _go_on(self, event: KillCleared) -> None:
        """Trading goes on: the exits of what is held rest at the venue again."""
        self._recorder.append("kill.cleared", {"scope": event.scope}, event.time_ns)
        self._kills.pop(event.scope, None)
        free = [
            i
            for i, symbol in enumerate(self._book.symbols)
            if not any(self._is_stopped(scope, name, symbol) for scope in self._kills
                       for name in strategies_of(self._desk.strategy))
        ]  # fmt: skip
        self._desk.protect_again(event.time_ns, free)

    def _cancel_again(self, event: TimePassed) -> None:
        """Ask again to cancel what was asked to be cancelled and has not ended."""
        self._recorder.append("time", {}, event.time_ns)
        for life in self._pipeline.cancelling:
            self._pipeline.cancel(life.order.client_id, event.time_ns)
            if not life.is_open:
                self._ended(life)

    def _stop(self, event: StopAsked) -> None:
        """End: cancel every order (or keep them), and close every position where that is asked."""
        self._recorder.append("stop", {"how": event.how}, event.time_ns)
        if event.how == "keep":
            return
        for life in self._orders.open:
            self._pipeline.cancel(life.order.client_id, event.time_ns)
        self._desk.forget_ended()
        if event.how == "flatten":
            self._desk.close_account(event.time_ns, Reason.FLATTEN)


def _fills_of(report: FillReport, reason: Reason, held: int, row: int) -> list[Fill]:
    """A reported trade as fills; one that turns a position around is two: to flat, and beyond."""
    closing = -held if held * report.lots < 0 and abs(report.lots) > abs(held) else report.lots
    parts = [closing, report.lots - closing] if closing != report.lots else [report.lots]
    fills, fee = [], 0.0
    for k, lots in enumerate(parts):
        is_last = k == len(parts) - 1
        part = report.fee - fee if is_last else report.fee * (lots / report.lots)
        fee += part
        fills.append(
            Fill(
                client_id=report.client_id,
                instrument=report.instrument,
                lots=lots,
                price=report.price,
                fee=part,
                reason=reason,
                time_ns=report.time_ns,
                row=row,
                trade_id=report.trade_id if is_last else f"{report.trade_id}/{k}",
            )
        )
    return fills
