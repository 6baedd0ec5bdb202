"""How a session at a remote venue begins: its journal retraced, the venue asked, the books compared."""

import time
from collections.abc import Callable

from peak_trade.domain.event import TimePassed
from peak_trade.engine.replay import RecordedVenue
from peak_trade.engine.session import Session
from peak_trade.execution.reconcile import Mismatch, Reconciliation, reconcile
from peak_trade.execution.venue import Found, RemoteVenue, VenueError


def compare(session: Session, venue: RemoteVenue, since_ns: int) -> Reconciliation:
    """Compare a session's books with the venue's, as both are now.

    Raises
    ------
    VenueError
        A query failed: that is no empty result.
    """
    ledger = session.ledger
    return reconcile(
        session.orders,
        symbols=session.book.symbols,
        lots=[int(lots) for lots in ledger.lots],
        cash=ledger.cash,
        open_orders=venue.open_orders(),
        fills=venue.fills(since_ns),
        balances=venue.balances(),
    )


def settle(
    session: Session,
    venue: RemoteVenue,
    *,
    now_ns: Callable[[], int],
    since_ns: int,
    seconds: float,
) -> Reconciliation:
    """Follow the venue until nothing is UNKNOWN and both books agree, or the time is over.

    A session that begins does this before its first order, whether it is new or goes on after a crash;
    so does one that ends. What a comparison finds missing is applied, and compared again.

    Parameters
    ----------
    session, venue
        Ours and theirs.
    now_ns : callable
        The wall clock, UTC nanoseconds.
    since_ns : int
        When the account's trades began.
    seconds : float
        How long to try; the last comparison is given, clean or not. Only a clean one lets a session
        that was retraced send orders.
    """
    for life in session.orders.unknown:
        session.pipeline.watch(life, now_ns())
    until = time.monotonic() + seconds
    found = Reconciliation((), (), (), (Mismatch("query", venue.name, "asked", "no answer yet"),))
    while True:
        follow(session, venue, now_ns)
        if not session.orders.unknown and not session.cancelling:
            try:
                found = compare(session, venue, since_ns)
                _mend(session, venue, found)
            except VenueError as error:
                found = Reconciliation((), (), (), (_failed(venue, error),))
            if found.is_clean:
                break
        if time.monotonic() > until:
            break
        time.sleep(min(venue.settle_s / 4, 0.05))
    session.note_reconciled(found.record(), now_ns())
    road = session.pipeline.venue
    if isinstance(road, RecordedVenue):
        road.is_settled = found.is_clean
    return found


def _failed(venue: RemoteVenue, error: VenueError) -> Mismatch:
    return Mismatch("query", venue.name, "asked", error.message)


def _mend(session: Session, venue: RemoteVenue, found: Reconciliation) -> None:
    """Apply what was missed, and look for orders that the venue does not list as open any more."""
    for fill in found.missed:
        session.step(fill)
    for client_id in found.ask:
        answer = venue.find(client_id)
        if answer is not None:
            _take(session, answer)


def _take(session: Session, answer: Found) -> None:
    for fill in answer.fills:
        session.step(fill)
    session.step(answer.report)


def follow(session: Session, venue: RemoteVenue, now_ns: Callable[[], int]) -> int:
    """Take what the venue has reported, ask it about orders nobody knows of, and cancel again.

    Gives how much came in; all of it is durable then.
    """
    try:
        reports = venue.poll()
    except VenueError:
        reports = ()  # what was missed is found when the books are compared
    for report in reports:
        session.step(report)
    asked = 0
    for life in session.pipeline.due(now_ns()):
        asked_ns = now_ns()
        try:
            answer = venue.find(life.order.client_id)
        except VenueError:
            continue  # a failed query is no answer: it is asked again
        if answer is None and not session.pipeline.is_proof(life, asked_ns):
            continue
        session.take_found(life.order.client_id, answer, now_ns())
        asked += 1
    if session.cancelling:
        session.step(TimePassed(now_ns()))  # which asks again to cancel them
    if reports or asked:
        session.make_durable()
    return len(reports) + asked
