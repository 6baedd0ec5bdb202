"""Records in words: every kind that a session writes has them, and they say what the record says."""

import numpy as np
import pytest
from execution.scenes import bars_of, terms
from hypothesis import given, settings
from hypothesis import strategies as st
from laws.markets import Case
from laws.order_scripts import Scripted, minutes
from laws.rich_markets import rich_cases
from observe.recorded import run, run_case

from peak_trade.domain.instrument import Instrument
from peak_trade.domain.ledger import Adjust, CashFlow, Fill, Split
from peak_trade.domain.order import Order, OrderKind, Reason
from peak_trade.execution.records import entry_record, order_record
from peak_trade.journal.record import Entry
from peak_trade.observe.journal_text import record_text

BTC = (Instrument("BTC/USD", lot=0.01, tick=0.1),)
BUY = order_record(
    Order("a1", 0, 50, OrderKind.STOP_LIMIT, Reason.ORDER, 0, 6500, 0.1, limit_ticks=6510)
)


def said(kind: str, payload: dict[str, object]) -> str:
    return record_text(Entry(1, 1, 0, kind, payload), BTC)


@given(rich_cases())
@settings(max_examples=20)
def test_record_text_has_words_for_everything_a_session_writes(case: Case) -> None:
    session, entries = run_case(case)
    for entry in entries:
        assert not record_text(entry, session.ledger.instruments).startswith("{")


@given(st.integers(0, 2**31))
@settings(max_examples=10)
def test_record_text_has_words_for_orders_of_every_kind(seed: int) -> None:
    session, entries = run(minutes(200, seed), Scripted(seed=seed), terms(cash=1e6))
    for entry in entries:
        assert not record_text(entry, session.ledger.instruments).startswith("{")


@pytest.mark.parametrize(
    ("kind", "payload", "text"),
    [
        ("order.intent", {"order": BUY}, "a1 buy 0.5 BTC/USD stop-limit 650.00 limit 651.00 (order)"),
        (
            "order.denied",
            {"order": BUY, "breaches": [{"rule": "max_order"}, {"rule": "collar_mid"}]},
            "a1 buy 0.5 BTC/USD stop-limit 650.00 limit 651.00 (order): max_order, collar_mid",
        ),
        ("order.state", {"id": "a1", "state": "unknown", "detail": "timed out"}, "a1 unknown: timed out"),
        ("order.state", {"id": "a1", "state": "accepted"}, "a1 accepted"),
        (
            "fill",
            entry_record(Fill("a1", 0, -25, 651.0, 0.5, Reason.STOP_LOSS, 0)),
            "a1 sell 0.25 BTC/USD at 651.00, fee 0.50",
        ),
        ("cash_flow", entry_record(CashFlow("USD", -2.5, "funding", 0, 0)), "funding -2.50 USD BTC/USD"),
        ("cash_flow", entry_record(CashFlow("USD", 2.5, "interest", 0)), "interest 2.50 USD"),
        ("split", entry_record(Split(0, 3, 2, 0.0, 0)), "BTC/USD 3 for 2"),
        (
            "adjust",
            entry_record(Adjust(0, 3, "USD", -1.0, "recount", 0)),
            "-1.00 USD BTC/USD 3 lots: recount",
        ),
        ("targets", {"row": 7, "targets": {"0": -0.25}}, "row 7: BTC/USD -0.25"),
        ("kill", {"scope": "global", "reason": "drill", "epoch": 2}, "global: drill"),
        ("peak.reset", {"reason": "a deposit", "operator": "rita", "peak": 1.0}, "a deposit (rita)"),
        ("session.stopped", {"state": "done", "detail": ""}, "done"),
        ("session.stopped", {"state": "killed", "detail": "drill"}, "killed: drill"),
        ("snapshot", {"after": 9, "hash": "x", "state": "y"}, "after record 9"),
        ("something.new", {"b": 1, "a": [2]}, '{"a":[2],"b":1}'),
    ],
)  # fmt: skip
def test_record_text_says_what_the_record_says(
    kind: str, payload: dict[str, object], text: str
) -> None:
    assert said(kind, payload) == text


@pytest.mark.parametrize("kind", ["kill", "something.new"])
def test_record_text_is_one_line_that_no_terminal_obeys(kind: str) -> None:
    found = said(kind, {"scope": "global", "reason": "bad\n\x1b[2J\x07 news", "epoch": 2})
    assert found.isprintable()
    assert "news" in found


def test_fills_of_a_session_are_told_in_units_of_the_instrument() -> None:
    _, entries = run(bars_of([(100.0, 101.0, 99.0, 100.0)] * 3), np.full((3, 1), 0.5), terms())
    (fill,) = [record_text(e, BTC) for e in entries if e.kind == "fill"]
    assert fill.endswith("buy 0.05 BTC/USD at 100.00, fee 0.00")  # 5 lots of a hundredth
