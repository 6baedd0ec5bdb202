"""The road of orders: what may be done after each thing that can happen to one, and what never is."""

import pytest
from execution.roads import (
    NOW_NS,
    SECOND_NS,
    Road,
    fill_of,
    found_of,
    report_of,
)

from peak_trade.domain.errors import JournalError, LifecycleError
from peak_trade.domain.order import OrderState
from peak_trade.execution.pipeline import MARGIN_NS, MOST_RESENDS
from peak_trade.execution.venue import Answer, Failure, VenueError
from peak_trade.risk.book import Proposal
from peak_trade.risk.kill_switch import MemoryKillSwitch
from peak_trade.risk.kills import Scope

S = OrderState
SETTLED_S = 2.0 + 0.5 + MARGIN_NS / SECOND_NS
"""The venue's deadline, the clocks' difference and the margin."""


@pytest.fixture
def road() -> Road:
    return Road()


def unknown(road: Road, failure: Failure = Failure.NO_ANSWER, lots: int = 10):
    road.venue.answers.append(failure)
    return road.send_one(lots)


# --- the intent comes first -------------------------------------------------------------------------


def test_send_makes_every_intent_durable_before_the_first_order_leaves(road: Road) -> None:
    road.send(road.order(10), road.order(-5, 1))
    assert road.events == [
        "append order.intent",
        "append order.intent",
        "sync",
        "submit o1",
        "append order.state",
        "submit o2",
        "append order.state",
    ]


def test_send_of_an_order_that_was_answered_says_where_it_stands(road: Road) -> None:
    life = road.send_one()
    assert (life.state, life.venue_id) == (S.ACCEPTED, "v1")
    kind, said, when = road.log.records[-1]
    assert (kind, when) == ("order.state", NOW_NS)
    assert said == {"id": "o1", "state": "accepted", "venue_id": "v1", "raw": "raw accepted"}


def test_send_with_a_journal_that_fails_sends_nothing_then_or_later(road: Road) -> None:
    road.log.fails = True
    with pytest.raises(JournalError):
        road.send_one()
    road.log.fails = False
    assert road.sent == []
    assert "journal" in road.pipeline.stopped
    assert road.send_one().state is S.DENIED
    assert road.sent == []


def test_send_of_an_order_that_the_gate_refuses_says_each_rule_and_sends_nothing() -> None:
    road = Road(max_quantity=5.0)
    life = road.send_one(10)
    assert (life.state, life.rule, road.sent) == (S.DENIED, "max_quantity", [])
    kind, said, _ = road.log.records[0]
    assert (kind, said["breaches"][0]["rule"]) == ("order.denied", "max_quantity")
    assert said["order"]["client_id"] == "o1"
    assert road.pipeline.denials == {"max_quantity": 1}
    assert (road.pipeline.denied, road.orders.open) == (1, [])


def test_send_gives_where_each_order_stands_in_the_order_of_the_proposals() -> None:
    road = Road(max_quantity=5.0)
    lives = road.send(road.order(4), road.order(40), road.order(3))
    assert [life.state for life in lives] == [S.ACCEPTED, S.DENIED, S.ACCEPTED]
    assert [life.order.lots for life in lives] == [4, 40, 3]


def test_send_of_a_client_id_twice_is_refused(road: Road) -> None:
    order = road.order()
    assert road.send(order)[0].state is S.ACCEPTED
    assert road.send(order)[0].state is S.DENIED
    assert road.sent == ["o1"]


# --- the last look -----------------------------------------------------------------------------------


class KilledAfterReview(MemoryKillSwitch):
    """A switch that somebody trips between the review and the sending."""

    def __init__(self, scope: Scope) -> None:
        super().__init__("paper")
        self.scope, self.is_armed = scope, True

    def sending(self, account: str, strategy: str, symbol: str):
        if self.is_armed:
            self.is_armed = False
            self.trip("now", by="somebody", now_ns=NOW_NS, scope=self.scope)
        return super().sending(account, strategy, symbol)


@pytest.mark.parametrize(
    "scope", [Scope(), Scope("paper", account="a1"), Scope(strategy="trend"), Scope(symbol="X")]
)
def test_kill_between_review_and_sending_denies_the_order(scope: Scope) -> None:
    road = Road(kill=KilledAfterReview(scope))
    life = road.send_one()
    assert (life.state, road.sent) == (S.DENIED, [])
    assert "now" in life.detail
    assert road.log.states("o1") == ["denied"]
    assert not road.orders.buying.any()


def test_kill_of_others_between_review_and_sending_denies_and_does_not_end_the_session() -> None:
    road = Road(kill=KilledAfterReview(Scope("live", account="another")))
    life = road.send_one()
    assert (life.state, road.sent) == (S.DENIED, [])
    assert "changed since the review" in life.detail
    assert road.send_one().state is S.ACCEPTED  # which is reviewed under the switch as it is now


def test_kill_before_the_review_names_the_rule(road: Road) -> None:
    road.kill.trip("enough", by="olaf", now_ns=NOW_NS)
    assert road.send_one().rule == "kill_switch"
    assert road.sent == []


def test_kill_in_the_middle_of_a_batch_stops_the_orders_behind_it() -> None:
    road = Road()
    place = road.venue._place

    def trip(order):
        road.kill.trip("now", by="somebody", now_ns=NOW_NS)
        return place(order)

    road.venue._place = trip
    lives = road.send(road.order(), road.order(5, 1))
    assert [life.state for life in lives] == [S.ACCEPTED, S.DENIED]
    assert road.sent == ["o1"]


def test_kill_allows_cancels(road: Road) -> None:
    life = road.send_one()
    road.kill.trip("enough", by="olaf", now_ns=NOW_NS)
    assert road.pipeline.cancel("o1", NOW_NS) is S.CANCELED
    assert not life.is_open


def test_no_approval_is_left_behind_by_an_order_that_was_not_sent() -> None:
    road = Road(kill=KilledAfterReview(Scope()))
    road.send_one()
    assert not road.gate.approvals._issued
    assert not road.gate.approvals._released


# --- no definite answer ------------------------------------------------------------------------------


def test_order_that_never_left_is_handed_over_again_under_its_id(road: Road) -> None:
    road.venue.answers += [Failure.NOT_SENT, Failure.NOT_SENT]
    life = road.send_one()
    assert (life.state, road.sent) == (S.ACCEPTED, ["o1", "o1", "o1"])
    assert [order.client_id for order in road.venue.placed] == ["o1"]
    assert road.log.states("o1") == ["accepted"]


def test_order_that_never_leaves_was_not_placed(road: Road) -> None:
    road.venue.answers += [Failure.NOT_SENT] * MOST_RESENDS
    life = road.send_one()
    assert (life.state, len(road.sent)) == (S.NOT_PLACED, MOST_RESENDS)
    assert not road.orders.buying.any()
    assert not road.gate.approvals._issued


def test_kill_while_an_order_is_handed_over_again_denies_it(road: Road) -> None:
    road.venue.answers.append(Failure.NOT_SENT)
    place = road.venue._place

    def trip(order):
        road.kill.trip("now", by="somebody", now_ns=NOW_NS)
        return place(order)

    road.venue._place = trip
    assert road.send_one().state is S.DENIED
    assert road.sent == ["o1"]


def test_order_without_an_answer_is_unknown_and_keeps_its_worst_case(road: Road) -> None:
    life = unknown(road)
    assert life.state is S.UNKNOWN
    assert road.orders.buying.tolist() == [10, 0]
    assert road.log.records[-1][1]["raw"] == "raw failure"
    road.later(1e6)  # no timer turns it into anything else
    assert life.state is S.UNKNOWN
    assert road.orders.buying.tolist() == [10, 0]


def test_order_without_an_answer_counts_against_the_limits_of_the_next() -> None:
    road = Road(max_position=0.15)
    unknown(road)
    road.later(1)
    assert road.send_one(10).rule == "max_position"  # 1,000 and 1,000 of 10,000
    road = Road(max_position=0.15)
    assert road.send_one(10).state is S.ACCEPTED


def test_unknown_order_is_not_asked_for_before_its_deadline(road: Road) -> None:
    unknown(road)
    road.later(SETTLED_S - 0.01)
    assert road.resolve() == []
    assert "find o1" not in road.events
    road.later(0.02)
    assert [life.order.client_id for life in road.resolve()] == ["o1"]


def test_deadline_counts_from_when_an_order_was_sent_and_not_from_its_event(road: Road) -> None:
    road.pipeline.clock = lambda: NOW_NS + 60 * SECOND_NS  # the order waited a minute for others
    unknown(road)
    road.later(SETTLED_S + 1)
    assert road.resolve() == []
    road.later(60)
    assert len(road.resolve()) == 1


def test_unknown_order_that_the_venue_does_not_know_was_not_placed(road: Road) -> None:
    life = unknown(road)
    road.later(SETTLED_S + 1)
    road.resolve()
    assert life.state is S.NOT_PLACED
    assert road.log.states("o1") == ["unknown", "not_placed"]
    assert not road.orders.buying.any()
    assert road.sent == ["o1"]  # nothing is sent again by itself
    assert road.send_one().order.client_id == "o2"  # a new attempt takes the next number


def test_unknown_order_whose_query_fails_stays_unknown(road: Road) -> None:
    life = unknown(road)
    road.later(SETTLED_S + 1)
    road.venue.is_deaf = True
    assert road.resolve() == []
    assert life.state is S.UNKNOWN
    road.venue.is_deaf = False
    assert road.resolve() == [life]


@pytest.mark.parametrize(
    ("state", "lots", "becomes", "left"),
    [
        (S.ACCEPTED, (), S.ACCEPTED, 10),
        (S.PARTIALLY_FILLED, (4,), S.PARTIALLY_FILLED, 6),
        (S.FILLED, (4, 6), S.FILLED, 0),
        (S.CANCELED, (4,), S.CANCELED, 0),
        (S.CANCELED, (), S.CANCELED, 0),
        (S.EXPIRED, (), S.EXPIRED, 0),
        (S.REJECTED, (), S.REJECTED, 0),
    ],
)
def test_unknown_order_that_is_found_is_adopted_with_its_trades(
    road: Road, state: S, lots: tuple[int, ...], becomes: S, left: int
) -> None:
    life = unknown(road)
    road.venue.known["o1"] = found_of(life.order, state, *lots)
    road.later(SETTLED_S + 1)
    road.resolve()
    assert (life.state, life.filled, life.left) == (becomes, sum(lots), left)
    assert road.orders.buying.tolist() == [left, 0]
    assert road.pipeline.due(road.later(100)) == []


def test_unknown_order_that_is_filled_but_whose_trades_are_not_listed_yet_is_asked_again(
    road: Road,
) -> None:
    life = unknown(road)
    road.venue.known["o1"] = found_of(life.order, S.FILLED)
    road.later(SETTLED_S + 1)
    road.resolve()
    assert (life.state, life.left) == (S.UNKNOWN, 10)
    road.venue.known["o1"] = found_of(life.order, S.FILLED, 10)
    road.resolve()
    assert (life.state, life.filled) == (S.FILLED, 10)


def test_unknown_order_is_adopted_by_a_report_that_comes_late(road: Road) -> None:
    life = unknown(road)
    road.pipeline.on_report(report_of(life.order, S.ACCEPTED))
    assert life.state is S.ACCEPTED
    assert road.pipeline.due(road.later(100)) == []


def test_definite_reject_ends_the_order_and_gives_its_room_back(road: Road) -> None:
    road.venue.answers.append(Answer(S.REJECTED, detail="no money", raw="raw reject"))
    life = road.send_one()
    assert (life.state, life.detail, road.pipeline.refused) == (S.REJECTED, "no money", 1)
    assert not road.orders.buying.any()


def test_duplicate_is_looked_for_at_once_and_adopted(road: Road) -> None:
    life = unknown(road, Failure.DUPLICATE)
    assert life.state is S.UNKNOWN
    road.venue.known["o1"] = found_of(life.order, S.PARTIALLY_FILLED, 3)
    road.resolve()
    assert (life.state, life.left) == (S.PARTIALLY_FILLED, 7)


def test_duplicate_that_is_not_found_at_once_is_no_proof_of_absence(road: Road) -> None:
    life = unknown(road, Failure.DUPLICATE)
    assert road.resolve() == []
    assert life.state is S.UNKNOWN
    road.later(1)
    assert road.pipeline.due(road.book.now_ns) == []
    road.later(SETTLED_S)
    road.resolve()
    assert life.state is S.NOT_PLACED


def test_rate_limit_backs_off_for_as_long_as_the_venue_wants(road: Road) -> None:
    road.venue.answers.append(VenueError("slow down", Failure.RATE_LIMITED, retry_after_s=5.0))
    assert road.send_one().state is S.NOT_PLACED
    road.later(4.9)
    assert (road.send_one().state, road.sent) == (S.NOT_PLACED, ["o1"])
    road.later(0.2)
    assert (road.send_one().state, road.sent) == (S.ACCEPTED, ["o1", "o3"])
    assert road.orders.buying.tolist() == [10, 0]


def test_rate_limit_pauses_the_rest_of_its_batch(road: Road) -> None:
    road.venue.answers.append(Failure.RATE_LIMITED)
    lives = road.send(road.order(), road.order(5, 1))
    assert [life.state for life in lives] == [S.NOT_PLACED, S.NOT_PLACED]
    assert road.sent == ["o1"]


def test_lock_out_stops_sending_for_good(road: Road) -> None:
    road.venue.answers.append(Failure.LOCKED_OUT)
    assert road.send_one().state is S.NOT_PLACED
    assert "locked" in road.pipeline.stopped
    road.later(1e5)
    assert (road.send_one().state, road.sent) == (S.DENIED, ["o1"])


def test_bad_nonce_may_happen_once(road: Road) -> None:
    road.venue.answers += [Failure.BAD_NONCE, Answer(S.ACCEPTED), Failure.BAD_NONCE]
    assert road.send_one().state is S.NOT_PLACED
    assert not road.pipeline.stopped
    assert road.send_one(11).state is S.ACCEPTED
    assert road.send_one(12).state is S.NOT_PLACED
    assert "nonce" in road.pipeline.stopped
    assert (road.send_one(13).state, len(road.sent)) == (S.DENIED, 3)


def test_batch_without_any_answer_is_unknown_order_by_order(road: Road) -> None:
    road.venue.answers += [Failure.NO_ANSWER] * 3
    lives = road.send(road.order(1), road.order(2), road.order(-3, 1))
    assert {life.state for life in lives} == {S.UNKNOWN}
    assert road.orders.buying.tolist() == [3, 0]
    assert road.orders.selling.tolist() == [0, 3]


# --- cancels -----------------------------------------------------------------------------------------


def test_cancel_is_written_down_before_it_is_sent(road: Road) -> None:
    road.send_one()
    road.events.clear()
    assert road.pipeline.cancel("o1", NOW_NS) is S.CANCELED
    assert road.events == ["append order.cancel", "cancel o1", "append order.state"]
    assert road.pipeline.cancel("o1", NOW_NS) is None
    assert road.pipeline.cancel("nobody", NOW_NS) is None


def test_cancel_that_times_out_stays_pending_and_is_tried_again(road: Road) -> None:
    life = road.send_one()
    road.venue.cancels += [Failure.NO_ANSWER, Failure.RATE_LIMITED]
    assert road.pipeline.cancel("o1", NOW_NS) is S.PENDING_CANCEL
    assert road.orders.buying.tolist() == [10, 0]
    assert road.pipeline.cancelling == [life]
    assert road.pipeline.cancel("o1", NOW_NS) is S.PENDING_CANCEL
    assert road.pipeline.cancel("o1", NOW_NS) is S.CANCELED
    assert road.events.count("cancel o1") == 3
    assert road.events.count("append order.cancel") == 1


@pytest.mark.parametrize("state", [S.ACCEPTED, S.PARTIALLY_FILLED])
def test_cancel_that_waits_is_not_undone_by_a_report_from_before_it(road: Road, state: S) -> None:
    life = road.send_one()
    road.venue.cancels.append(Failure.NO_ANSWER)
    road.pipeline.cancel("o1", NOW_NS)
    road.fill(life, 2, "t1")
    road.pipeline.on_report(report_of(life.order, state))
    assert road.pipeline.cancelling == [life]
    assert life.left == 8


def test_cancel_that_finds_nothing_asks_what_became_of_the_order(road: Road) -> None:
    life = road.send_one()
    road.venue.cancels.append(Answer(S.UNKNOWN, detail="no such order"))
    assert road.pipeline.cancel("o1", NOW_NS) is S.UNKNOWN
    assert road.orders.buying.tolist() == [10, 0]  # it may have been filled
    road.venue.known["o1"] = found_of(life.order, S.FILLED, 10)
    road.resolve()
    assert (life.state, life.filled) == (S.FILLED, 10)


def test_cancel_that_is_answered_with_filled_waits_for_the_trades(road: Road) -> None:
    life = road.send_one()
    road.venue.cancels.append(Answer(S.FILLED))
    assert road.pipeline.cancel("o1", NOW_NS) is S.UNKNOWN
    assert road.orders.buying.tolist() == [10, 0]
    road.fill(life, 10, "t1")
    assert life.state is S.FILLED


def test_cancel_of_an_unknown_order_is_done_once_it_is_found(road: Road) -> None:
    life = unknown(road)
    assert road.pipeline.cancel("o1", NOW_NS) is S.UNKNOWN
    assert road.pipeline.cancel("o1", NOW_NS) is S.UNKNOWN
    assert "cancel o1" not in road.events
    road.venue.known["o1"] = found_of(life.order, S.ACCEPTED)
    road.later(SETTLED_S + 1)
    road.resolve()
    assert (life.state, road.events.count("cancel o1")) == (S.CANCELED, 1)
    assert road.events.count("append order.cancel") == 2  # the wish, and the request


def test_cancel_of_an_unknown_order_is_done_when_it_trades(road: Road) -> None:
    life = unknown(road)
    road.pipeline.cancel("o1", NOW_NS)
    road.fill(life, 4, "t1")
    assert (life.state, life.filled) == (S.CANCELED, 4)


# --- fills -------------------------------------------------------------------------------------------


def test_same_trade_twice_counts_once(road: Road) -> None:
    life = road.send_one()
    assert road.fill(life, 4, "t1") is True
    assert road.fill(life, 4, "t1") is False
    assert (life.filled, life.left) == (4, 6)
    assert road.orders.buying.tolist() == [6, 0]


def test_fill_on_a_cancelled_order_is_valid(road: Road) -> None:
    life = road.send_one()
    road.pipeline.cancel("o1", NOW_NS)
    assert road.fill(life, 4, "late")
    assert (life.state, life.filled, life.left) == (S.CANCELED, 4, 0)
    assert road.fill(life, 6, "later")
    assert life.state is S.FILLED
    assert not road.orders.halted


def test_fill_beyond_what_was_asked_for_halts_its_symbol_alone(road: Road) -> None:
    life = road.send_one(10)
    road.fill(life, 8, "t1")
    road.fill(life, 3, "t2")
    assert road.orders.halted == {0}
    assert road.send_one(5).state is S.DENIED
    assert road.send(road.order(5, 1))[0].state is S.ACCEPTED


def test_fill_before_the_answer_was_read_is_taken(road: Road) -> None:
    life = unknown(road)
    road.fill(life, 3, "t1")
    assert (life.state, life.left) == (S.PARTIALLY_FILLED, 7)


def test_fill_of_a_foreign_order_is_left_to_others(road: Road) -> None:
    order = road.order()
    assert road.pipeline.on_fill(fill_of(order, 1, "t1")) is True
    assert road.pipeline.on_report(report_of(order, S.ACCEPTED)) is None
    with pytest.raises(LifecycleError, match="was not made by this account"):
        road.orders.of(order.client_id)


def test_report_that_says_nothing_new_changes_nothing(road: Road) -> None:
    life = road.send_one()
    before = len(road.log.records)
    for state in (S.ACCEPTED, S.FILLED, S.SENT, S.INTENT):
        road.pipeline.on_report(report_of(life.order, state))
    assert (life.state, len(road.log.records)) == (S.ACCEPTED, before)


@pytest.mark.parametrize("state", [S.CANCELED, S.EXPIRED, S.REJECTED])
def test_report_of_an_end_gives_the_room_back(road: Road, state: S) -> None:
    life = road.send_one()
    road.pipeline.on_report(report_of(life.order, state))
    assert life.state is state
    assert not road.orders.buying.any()


def test_answer_that_an_order_is_filled_waits_for_its_trades(road: Road) -> None:
    road.venue.answers.append(Answer(S.FILLED, "v7"))
    life = road.send_one()
    assert (life.state, life.left) == (S.ACCEPTED, 10)


def test_last_order_is_reviewed_with_the_open_ones_in_sight(road: Road) -> None:
    first = road.send_one()
    proposal = Proposal(road.order(-5, kind=first.order.kind))
    road.book.version += 1
    road.pipeline.send([proposal], road.book)
    assert [order.client_id for order in road.book.working] == ["o1"]
