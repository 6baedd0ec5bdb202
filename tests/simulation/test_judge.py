"""The judge finds every kind of difference, and nothing where there is none."""

import copy
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest
from simulation.places import limit, market, place

from peak_trade.domain.errors import InputError
from peak_trade.domain.ledger import Fill
from peak_trade.domain.order import Reason
from peak_trade.execution.records import entry_record, order_record
from peak_trade.simulation.judge import Told, Truth, Verdict, judge


@dataclass
class Record:
    kind: str
    payload: dict[str, object]
    time_ns: int = 0


def honest() -> tuple[Truth, list[Record]]:
    """A session at a calm venue that writes everything down as it is."""
    at, records = place(seed=6), []
    for i in range(8):
        order = market(f"a{i}", 5, symbol=i % 2) if i % 2 else limit(f"a{i}", -4, 10_003)
        records.append(Record("order.intent", {"order": order_record(order)}))
        at.client._place(order)
        records.append(Record("order.state", {"id": f"a{i}", "state": "accepted"}))
    for _ in range(20):
        at.venue.advance(at.clock.now_ns())
    for found in at.client.open_orders():
        name = found.report.client_id
        at.exchange.cancel_race = 0.0
        at.client.cancel(name)
        records.append(Record("order.state", {"id": name, "state": "canceled"}))
    for fill in at.client.fills(0):
        entry = Fill(
            fill.client_id, fill.instrument, fill.lots, fill.price, fill.fee,
            Reason.ORDER, fill.time_ns, trade_id=fill.trade_id,
        )  # fmt: skip
        records.append(Record("fill", entry_record(entry)))
    return at.truth, records


def first(records: list[Record], kind: str) -> int:
    return next(i for i, record in enumerate(records) if record.kind == kind)


def last_fill(records: list[Record]) -> Record:
    return records[-1]


def without_a_fill(truth, records):
    records.pop()


def with_an_invented_fill(truth, records):
    records.append(Record("fill", last_fill(records).payload | {"trade_id": "T999"}))


def with_a_repeated_fill(truth, records):
    records.append(copy.deepcopy(last_fill(records)))


def with_another_price(truth, records):
    last_fill(records).payload["price"] = float(str(last_fill(records).payload["price"])) + 0.01


def with_another_fee(truth, records):
    last_fill(records).payload["fee"] = float(str(last_fill(records).payload["fee"])) + 0.01


def with_another_side(truth, records):
    last_fill(records).payload["lots"] = -int(str(last_fill(records).payload["lots"]))


def with_a_second_order(truth, records):
    truth.accepted.append(truth.accepted[0])
    truth.sent_ns.append(1)


def with_a_second_attempt(truth, records):
    at = [record for record in records if record.kind == "order.intent"]
    at[1].payload["intent"] = "a0"


def without_an_intent(truth, records):
    records.pop(first(records, "order.intent"))


def with_a_denial(truth, records):
    records.append(Record("order.state", {"id": "a0", "state": "not_placed"}))


def with_a_doubt(truth, records):
    order = market("b", 1)
    records.append(Record("order.intent", {"order": order_record(order)}))
    records.append(Record("order.state", {"id": "b", "state": "unknown"}))


def with_an_intent_forgotten(truth, records):
    records.append(Record("order.intent", {"order": order_record(market("b", 1))}))


def with_an_open_order(truth, records):
    truth.open["V99"] = "a0"


def with_a_correction(truth, records):
    records.append(Record("adjust", {}))


def with_money_gone(truth, records):
    truth.cash_cents -= 1


TAMPERED = {
    without_a_fill: "lost_fills",
    with_an_invented_fill: "invented_fills",
    with_a_repeated_fill: "repeated_fills",
    with_another_price: "changed_fills",
    with_another_fee: "changed_fills",
    with_another_side: "lots",
    with_a_second_order: "duplicate_orders",
    with_a_second_attempt: "duplicate_orders",
    without_an_intent: "undeclared_orders",
    with_a_denial: "misjudged_orders",
    with_a_doubt: "unresolved",
    with_an_intent_forgotten: "unresolved",
    with_an_open_order: "open_orders",
    with_a_correction: "adjusted",
    with_money_gone: "cash_cents",
}


def test_honest_session_is_clean() -> None:
    truth, records = honest()
    verdict = judge(truth, Told.of(records))
    assert verdict.is_clean, str(verdict)
    assert str(verdict) == "clean"
    assert len(truth.trades) > 5


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda tamper: tamper.__name__)
def test_session_that_differs_is_found_out(tamper) -> None:
    truth, records = honest()
    tamper(truth, records)
    verdict = judge(truth, Told.of(records))
    assert TAMPERED[tamper] in verdict.faults
    assert TAMPERED[tamper] in str(verdict)


def test_trade_that_was_booked_in_two_parts_is_one() -> None:
    truth, records = honest()
    whole = records.pop().payload
    lots, fee = int(str(whole["lots"])), float(str(whole["fee"]))
    side = 1 if lots > 0 else -1
    first_part = whole | {"lots": side, "fee": fee / 3, "trade_id": f"{whole['trade_id']}/0"}
    rest = whole | {"lots": lots - side, "fee": fee - fee / 3}
    records += [Record("fill", first_part), Record("fill", rest)]
    assert abs(lots) > 1
    assert judge(truth, Told.of(records)).is_clean
    records.append(records[-1])
    assert "repeated_fills" in judge(truth, Told.of(records)).faults


def test_order_sent_after_an_acknowledged_kill_is_found_out() -> None:
    truth, records = honest()
    middle = truth.sent_ns[3]
    late = judge(truth, Told.of(records, kills=[(middle, middle + 10**12)]))
    assert late.faults == ("sent_after_kill",)
    assert late.sent_after_kill == ("a4", "a5", "a6", "a7")
    over = judge(truth, Told.of(records, kills=[(middle - 10**12, truth.sent_ns[0])]))
    assert over.is_clean


def test_every_kind_of_difference_is_tried() -> None:
    tried = {*TAMPERED.values(), "sent_after_kill"}
    assert tried == {item.name for item in fields(Verdict)}


def test_verdict_names_cash_only_where_it_differs() -> None:
    truth, records = honest()
    clean = judge(truth, Told.of(records))
    assert replace(clean, cash_cents=(1, 2)).faults == ("cash_cents",)


def test_truth_of_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    with pytest.raises(InputError, match="no log of a venue"):
        Truth.read(tmp_path / "empty")
