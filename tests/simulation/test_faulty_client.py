"""What comes back of a request, and what the client makes of it: the table of the order's lifecycle."""

import json
from contextlib import suppress

import pytest
from simulation.places import START_NS, limit, market, place

from peak_trade.domain.approval import Approvals
from peak_trade.domain.errors import ApprovalError, InputError
from peak_trade.domain.event import FillReport, OrderReport
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason
from peak_trade.execution.venue import Failure, VenueError
from peak_trade.simulation.exchange import TICK
from peak_trade.simulation.faults import CALM, ROUGH, Faults
from peak_trade.simulation.faulty_client import READ_TRIES, FaultyClient, listed
from peak_trade.simulation.wires import WireError

FAR = 5_000


class Scripted:
    """A wire that answers what it is told to, and counts."""

    def __init__(self, *answers: str | WireError) -> None:
        self.answers, self.asked = list(answers), []

    def ask(self, text: str, timeout_s: float) -> str:
        request = json.loads(text)
        self.asked.append(request["do"])
        if request["do"] == "hello":
            return json.dumps({"n": request["n"], "status": 200, "symbols": ["X"]})
        answer = self.answers.pop(0)
        if isinstance(answer, WireError):
            raise answer
        return answer.replace("N", str(request["n"]))


def scripted(*answers: str | WireError) -> tuple[FaultyClient, Scripted]:
    wire = Scripted(*answers)
    client = FaultyClient(
        wire, Approvals(), symbols=["X"], faults=CALM, now_ns=lambda: 1, sleep=lambda s: None
    )
    return client, wire


FAILURES = [
    (WireError("refused", is_sent=False), Failure.NOT_SENT),
    (WireError("timed out", is_sent=True), Failure.NO_ANSWER),
    ('{"n": N, "status": 500}', Failure.NO_ANSWER),
    ('{"n": N, "status": 503, "error": "busy"}', Failure.NO_ANSWER),
    ("<html>bad gateway</html>", Failure.NO_ANSWER),
    ('{"n": N}', Failure.NO_ANSWER),
    ("[]", Failure.NO_ANSWER),
    ('{"n": 77, "status": 200, "order": "V1"}', Failure.NO_ANSWER),
    ('{"n": N, "status": 409}', Failure.DUPLICATE),
    ('{"n": N, "status": 429, "retry_after_s": 2.5}', Failure.RATE_LIMITED),
    ('{"n": N, "status": 418}', Failure.LOCKED_OUT),
    ('{"n": N, "status": 403}', Failure.LOCKED_OUT),
    ('{"n": N, "status": 401}', Failure.BAD_NONCE),
]


@pytest.mark.parametrize(("answer", "failure"), FAILURES)
def test_order_without_a_definite_answer_says_what_is_known_and_is_sent_once(
    answer, failure
) -> None:
    client, wire = scripted(answer)
    with pytest.raises(VenueError) as caught:
        client._place(market("a", 1))
    assert caught.value.failure is failure
    assert wire.asked.count("order") == 1
    if failure is Failure.RATE_LIMITED:
        assert caught.value.retry_after_s == 2.5


@pytest.mark.parametrize(("answer", "failure"), FAILURES)
def test_cancel_without_a_definite_answer_says_what_is_known_and_is_sent_once(
    answer, failure
) -> None:
    client, wire = scripted(answer)
    with pytest.raises(VenueError) as caught:
        client.cancel("a")
    assert caught.value.failure is failure
    assert wire.asked == ["cancel"]


def test_order_that_is_refused_is_rejected_with_the_raw_text() -> None:
    client, _ = scripted('{"n": N, "status": 422, "error": "no lots"}')
    answer = client._place(market("a", 1))
    assert (answer.state, answer.detail) == (OrderState.REJECTED, "no lots")
    assert json.loads(answer.raw)["status"] == 422


def test_cancel_of_what_is_not_open_is_unknown() -> None:
    client, _ = scripted('{"n": N, "status": 404, "error": "no such open order"}')
    assert client.cancel("a").state is OrderState.UNKNOWN


def test_query_that_fails_is_asked_again_and_then_answered() -> None:
    client, wire = scripted(
        WireError("x", is_sent=True), '{"n": N, "status": 503}', '{"n": N, "status": 404}'
    )
    assert client.find("a") is None
    assert wire.asked == ["find"] * 3


def test_query_that_always_fails_raises_and_is_no_empty_result() -> None:
    client, wire = scripted(*[WireError("x", is_sent=True)] * READ_TRIES)
    with pytest.raises(VenueError):
        client.open_orders()
    assert len(wire.asked) == READ_TRIES


def test_query_of_an_account_that_is_locked_out_is_not_asked_again() -> None:
    client, wire = scripted('{"n": N, "status": 418}')
    with pytest.raises(VenueError):
        client.balances()
    assert wire.asked == ["balances"]


def test_query_that_the_venue_does_not_understand_raises() -> None:
    client, _ = scripted('{"n": N, "status": 400, "error": "what?"}')
    with pytest.raises(VenueError, match="what"):
        client.balances()


def test_order_that_the_gate_did_not_pass_never_leaves() -> None:
    at = place()
    stranger = Approvals().issue(market("a", 1), 0, 0)
    with pytest.raises(ApprovalError):
        at.client.submit(stranger)
    assert at.truth.accepted == []


def test_order_on_another_tick_is_refused_before_it_is_sent() -> None:
    at = place()
    order = Order("a", 0, 1, OrderKind.LIMIT, Reason.ORDER, 0, price_ticks=5, tick=0.1)
    with pytest.raises(InputError, match=r"ticks of 0\.1"):
        at.client._place(order)
    assert at.truth.accepted == []


def test_client_of_other_symbols_than_the_venue_lists_is_refused() -> None:
    at = place(symbols=("X", "Y"))
    wrong = FaultyClient(
        at.client._wire, Approvals(), symbols=["X"], faults=CALM, now_ns=at.clock.now_ns
    )
    with pytest.raises(InputError, match="lists 2 symbols, 1 were expected"):
        wrong._place(market("a", 1))


def test_calm_venue_reports_what_it_does() -> None:
    at = place()
    answer = at.client._place(market("a", 7, symbol=1))
    assert (answer.state, answer.venue_id) == (OrderState.ACCEPTED, "V1")
    at.client._place(limit("b", 4, FAR))
    reports = []
    for _ in range(30):
        reports += at.client.poll()
    fills = [report for report in reports if isinstance(report, FillReport)]
    states = [report.state for report in reports if isinstance(report, OrderReport) and report.client_id == "a"]  # fmt: skip
    assert states[0] is OrderState.ACCEPTED
    assert states[-1] is OrderState.FILLED
    assert sum(fill.lots for fill in fills) == 7
    assert at.client.interruptions == 0
    assert json.loads(fills[0].raw)["trade"] == fills[0].trade_id
    found = at.client.find("a")
    assert (found.report.state, found.fills) == (OrderState.FILLED, tuple(
        fill for fill in at.client.fills(0) if fill.client_id == "a"
    ))  # fmt: skip
    assert [one.report.client_id for one in at.client.open_orders()] == ["b"]
    assert at.client.cancel("b").state is OrderState.CANCELED
    assert at.client.open_orders() == []
    cents = 100_000_000 - sum(round(fill.lots * fill.price * 100) + round(fill.fee * 100) for fill in fills)  # fmt: skip
    balances = at.client.balances()
    assert balances.lots == (0, 7)
    assert round(balances.cash["USD"] * 100) == cents
    assert len(at.client.marks()) == 2


def test_fills_are_paged_to_the_end_and_begin_at_the_time_given() -> None:
    at = place()
    for i in range(240):
        at.client._place(market(f"a{i}", 3 if i % 2 else -3))
    for _ in range(50):
        at.client.poll()
    fills = at.client.fills(0)
    assert len(fills) == len(at.exchange.trades) > 200
    assert [fill.trade_id for fill in fills] == [trade.trade for trade in at.exchange.trades]
    middle = fills[150].time_ns
    assert at.client.fills(middle) == [fill for fill in fills if fill.time_ns >= middle]


def test_reports_made_before_a_client_came_are_not_repeated() -> None:
    at = place()
    at.client._place(market("a", 5))
    at.venue.advance(at.clock.now_ns() + 1)
    second = FaultyClient(
        at.client._wire, Approvals(), symbols=["X", "Y"], faults=CALM, now_ns=at.clock.now_ns
    )
    for _ in range(20):
        second.poll()
    assert at.venue.exchange.open_count == 0
    assert len(second.fills(0)) == len(at.exchange.trades)
    assert [r for r in second.poll() if r.time_ns <= START_NS] == []


def test_lost_report_on_a_healthy_stream_is_an_interruption() -> None:
    at = place(Faults(lost_report=0.3), seed=5)
    at.client._place(market("a", 1))
    for i in range(20):
        at.client._place(market(f"b{i}", 1))
        at.client.poll()
    assert at.client.interruptions > 0


def test_restarted_venue_keeps_open_orders_and_interrupts() -> None:
    at = place()
    at.client._place(limit("a", 5, FAR))
    assert at.client.poll()
    at.venue.faults = Faults(restart=1.0)
    with pytest.raises(VenueError) as caught:
        at.client._place(market("b", 1))
    assert caught.value.failure is Failure.NO_ANSWER
    at.venue.faults = CALM
    at.client._place(market("c", 1))
    assert at.client.poll()
    assert at.client.interruptions > 0
    assert [one.report.client_id for one in at.client.open_orders()] == ["a"]


def test_listed_instruments_are_what_the_venue_trades() -> None:
    for one in listed(["X", "Y"]):
        assert (one.unit, one.tick, one.order_step, one.quote) == (1.0, TICK, 1, "USD")


def test_rough_venue_ends_as_its_own_truth_says() -> None:
    at = place(ROUGH, seed=9)
    for i in range(300):
        with suppress(VenueError):
            at.client._place(market(f"a{i}", 1 + i % 3 if i % 2 else -1))
        at.client.poll()
    at.venue.calm()
    at.clock.sleep(1.0)
    for _ in range(50):
        at.client.poll()
    truth = at.truth
    assert {fill.trade_id for fill in at.client.fills(0)} == set(truth.trades)
    assert list(at.client.balances().lots) == [truth.lots.get(0, 0), truth.lots.get(1, 0)]
    assert round(at.client.balances().cash["USD"] * 100) == truth.cash_cents
    assert len(truth.accepted) < 300, "some never arrived"
