"""How targets become orders: sizes, refusals, amendments, protection, ids."""

import numpy as np
import pytest
from execution.scenes import FLAT, HOUR, bars_of, booked, run_both, session_of, terms

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError
from peak_trade.domain.event import BarsClosed
from peak_trade.domain.instrument import Instrument, TradingRules
from peak_trade.domain.order import Order, OrderKind, Reason
from peak_trade.domain.terms import Exits, Terms
from peak_trade.engine.session import Session


def steps(session: Session, bars: Bars, until: int) -> None:
    for row in range(until):
        session.step(BarsClosed(row, int(bars.time[row])))


def submitted(session: Session) -> list[Order]:
    """Every order that reaches the venue from now on."""
    seen: list[Order] = []
    place = session.venue._place

    def watched(order: Order):
        seen.append(order)
        return place(order)

    session.venue._place = watched  # type: ignore[method-assign]
    return seen


def test_order_below_the_minimum_notional_is_refused_and_counted() -> None:
    bars = bars_of([FLAT] * 4, instruments=[Instrument("X", lot=1.0, min_notional=300.0)])
    record = run_both(bars, [0.2, 0.2, 0.35, 0.35], terms())
    assert booked(record) == [(3, 0, 3, 100.0, "target")]
    assert (record.counts.ordered, record.counts.below_minimum) == (1, 1)


def test_size_is_cut_to_whole_order_steps() -> None:
    bars = bars_of([FLAT] * 3, instruments=[Instrument("X", lot=1.0, order_step=4)])
    assert booked(run_both(bars, [-0.7] * 3, terms()))[0][2] == -4


def test_change_smaller_than_a_step_waits_for_a_larger_one() -> None:
    bars = bars_of([FLAT] * 5)
    record = run_both(bars, [0.5, 0.55, 0.59, 0.6001, 0.6], terms())
    assert [fill[:3] for fill in booked(record)] == [(1, 0, 5), (4, 0, 1)]


def test_min_change_is_of_the_target_not_of_lots() -> None:
    bars = bars_of([FLAT] * 5)
    chosen = Terms(1000.0, min_change=0.25)
    record = run_both(bars, [0.5, 0.75, 0.76, 0.76, 0.76], chosen)
    assert [fill[:3] for fill in booked(record)] == [(1, 0, 5), (3, 0, 2)]


def test_cash_buffer_is_left_out_of_sizes() -> None:
    record = run_both(bars_of([FLAT] * 3), [1.0] * 3, Terms(1000.0, cash_buffer=0.15))
    assert booked(record)[0][2] == 8


def test_nan_leaves_the_last_target_standing() -> None:
    record = run_both(bars_of([FLAT] * 4), [0.5, np.nan, np.nan, np.nan], terms())
    assert record.lots.tolist() == [5]


@pytest.mark.parametrize(("reentry", "entries"), [("zero", 1), ("stated", 3)])
def test_reentry_says_when_an_instrument_trades_again(reentry: str, entries: int) -> None:
    bars = bars_of([FLAT, (100.0, 100.0, 94.0, 100.0), (100.0, 100.0, 94.0, 100.0), FLAT])
    chosen = Terms(1000.0, exits=Exits(stop_loss=0.05, reentry=reentry))
    record = run_both(bars, [0.5] * 4, chosen)
    assert np.count_nonzero(record.fills.lots > 0) == entries


def test_target_that_passes_through_zero_enters_again() -> None:
    bars = bars_of([FLAT, (100.0, 100.0, 94.0, 100.0), FLAT, FLAT, FLAT])
    record = run_both(bars, [0.5, 0.4, 0.0, 0.5, 0.5], terms(stop_loss=0.05))
    assert [fill[:2] for fill in booked(record)] == [(1, 0), (1, 0), (4, 0)]


def test_rules_change_in_the_middle_for_new_orders_and_levels() -> None:
    coarse = TradingRules(3 * HOUR, 1.0, 4, 0.0)
    bars = bars_of(
        [FLAT, FLAT, FLAT, FLAT, (100.0, 100.0, 90.0, 90.0)],
        instruments=[Instrument("X", lot=1.0, rules=(coarse,))],
    )
    record = run_both(bars, [0.5, 0.9, 0.9, 0.2, 0.2], terms(stop_loss=0.055))
    # 5 lots before the change; at its row the order of 4 fills, and the stop of 94.5 becomes 94.
    # At row 3 the target of 2 lots is cut to no step at all: everything is sold at row 4.
    assert [fill[:3] for fill in booked(record)] == [(1, 0, 5), (2, 0, 4), (4, 0, -9)]
    held = run_both(bars, [0.5, 0.9, 0.9, 0.9, 0.9], terms(stop_loss=0.055))
    assert booked(held)[-1][2:] == (-9, 94.0, "stop_loss")


def mixed_panel() -> Bars:
    """An hourly instrument, and one whose bars open at hours 0, 4 and 8."""
    rows = 12
    time = (np.arange(rows, dtype=np.int64) + 1) * HOUR
    tradable = np.ones((rows, 2), bool)
    tradable[:, 1] = np.arange(rows) % 4 == 3
    open_time = np.repeat(time[:, None] - HOUR, 2, axis=1)
    open_time[tradable[:, 1], 1] -= 3 * HOUR
    close = np.full((rows, 2), 100.0)
    return Bars.from_arrays(
        close, open=close, time=time, open_time=open_time, tradable=tradable, interval="1h",
        instruments=[Instrument("FAST", lot=1.0), Instrument("SLOW", lot=1.0)],
    )  # fmt: skip


def test_working_order_on_a_mixed_panel_is_amended_to_one() -> None:
    bars = mixed_panel()
    slow = [0.0, 0.0, 0.0, 0.2, 0.2, 0.5, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3]
    targets = np.column_stack([np.zeros(12), slow])
    # 0.2 at hour 4 fills at once; 0.5 and then 0.3 wait for hour 8 as one order of a single lot.
    record = run_both(bars, targets, terms())
    assert booked(record) == [(4, 1, 2, 100.0, "target"), (8, 1, 1, 100.0, "target")]
    session = session_of(bars, targets, terms())
    seen = submitted(session)
    steps(session, bars, 12)
    assert [order.lots for order in seen] == [2, 3, 1]
    assert [order.decided_ns // HOUR for order in seen] == [4, 6, 7]


def test_amendment_to_nothing_leaves_no_order() -> None:
    bars = mixed_panel()
    slow = [0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    record = run_both(bars, np.column_stack([np.zeros(12), slow]), terms())
    assert len(record.fills) == 0
    assert record.counts.unfilled == 0


def test_protective_orders_are_reduce_only_and_cancel_one_another() -> None:
    bars = bars_of([FLAT] * 5)
    session = session_of(bars, [0.5, 0.5, 0.8, 0.8, 0.8], terms(stop_loss=0.05, take_profit=0.1))
    seen = submitted(session)
    steps(session, bars, 5)
    protective = [order for order in seen if order.kind is not OrderKind.MARKET]
    assert [(o.kind, o.reason, o.lots, o.price_ticks) for o in protective] == [
        (OrderKind.STOP, Reason.STOP_LOSS, -5, 9500),
        (OrderKind.LIMIT, Reason.TAKE_PROFIT, -5, 11000),
        (OrderKind.STOP, Reason.STOP_LOSS, -8, 9500),
        (OrderKind.LIMIT, Reason.TAKE_PROFIT, -8, 11000),
    ]
    assert all(order.reduce_only for order in protective)
    groups = [order.group for order in protective]
    assert groups[0] == groups[1] != groups[2] == groups[3]
    resting = session.venue._resting[0].values()
    assert {order.lots for order in resting} == {-int(session.ledger.lots[0])}


def test_protective_orders_end_with_the_position() -> None:
    bars = bars_of([FLAT] * 5)
    session = session_of(bars, [0.5, 0.5, 0.0, 0.0, 0.0], terms(stop_loss=0.05))
    steps(session, bars, 5)
    assert not session.venue.has_orders


def test_client_ids_are_unique_and_short_ascii() -> None:
    bars = bars_of([FLAT] * 60)
    targets = np.tile([0.5, -0.5, 0.3], 20)
    session = session_of(bars, targets, terms(stop_loss=0.05, take_profit=0.1))
    seen = submitted(session)
    steps(session, bars, 60)
    ids = [order.client_id for order in seen]
    assert len(ids) > 100
    assert len(set(ids)) == len(ids)
    assert all(name.isascii() and name.isalnum() and len(name) <= 18 for name in ids)


def test_target_of_more_lots_than_the_books_hold_is_refused() -> None:
    bars = bars_of([(1e-6,) * 4] * 3, instruments=[Instrument("X", tick=1e-8, lot=1e-12)])
    with pytest.raises(InputError, match="lots"):
        session_of(bars, [1.0] * 3, terms(cash=1e7)).run()
