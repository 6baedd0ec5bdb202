"""What the simulated venue fills, in examples small enough to check by eye."""

import numpy as np
import pytest
from execution.scenes import FLAT, HOUR, bars_of, booked, run_both, terms

from peak_trade.domain.approval import Approvals
from peak_trade.domain.bars import Bars
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason
from peak_trade.execution.sim import FillCosts, SimVenue


def test_market_order_fills_at_the_next_open_with_slippage() -> None:
    bars = bars_of([FLAT, (102.0, 110.0, 101.0, 105.0), FLAT])
    record = run_both(bars, [0.5, 0.5, 0.5], terms(slippage=0.01))
    assert booked(record) == [(1, 0, 5, 103.02, "target")]
    assert record.equity[1] == pytest.approx(1000.0 - 5 * 103.02 + 5 * 105.0)


def test_stop_with_a_gap_at_the_open_fills_at_the_open() -> None:
    bars = bars_of([FLAT, FLAT, (90.0, 92.0, 89.0, 91.0), FLAT])
    record = run_both(bars, [0.5] * 4, terms(slippage=0.01, stop_loss=0.05))
    assert booked(record)[1][2:] == (-5, 89.1, "stop_loss")


def test_stop_inside_the_bar_fills_at_its_level() -> None:
    bars = bars_of([FLAT, FLAT, (99.0, 99.0, 90.0, 97.0), FLAT])
    record = run_both(bars, [0.5] * 4, terms(stop_loss=0.05))
    assert booked(record) == [(1, 0, 5, 100.0, "target"), (2, 0, -5, 95.0, "stop_loss")]


def test_take_profit_with_a_gap_fills_at_the_better_open_without_slippage() -> None:
    bars = bars_of([FLAT, FLAT, (120.0, 121.0, 119.0, 120.0), FLAT])
    record = run_both(bars, [0.5] * 4, terms(slippage=0.01, take_profit=0.05))
    assert booked(record)[1][3:] == (120.0, "take_profit")


def test_stop_in_the_entry_bar_exits_in_it() -> None:
    bars = bars_of([FLAT, (100.0, 101.0, 94.0, 99.0), FLAT])
    record = run_both(bars, [0.5] * 3, terms(stop_loss=0.05))
    assert booked(record) == [(1, 0, 5, 100.0, "target"), (1, 0, -5, 95.0, "stop_loss")]
    assert record.held.tolist() == [False, False, False]


def test_bar_that_reaches_both_levels_is_stopped_first() -> None:
    bars = bars_of([FLAT, FLAT, (100.0, 110.0, 90.0, 100.0), FLAT])
    both = terms(stop_loss=0.05, take_profit=0.05)
    assert booked(run_both(bars, [0.5] * 4, both))[1][3:] == (95.0, "stop_loss")
    short = booked(run_both(bars, [-0.5] * 4, both))[1]
    assert short[3:] == (105.0, "stop_loss")


def test_level_that_is_just_touched_is_reached() -> None:
    bars = bars_of([FLAT, FLAT, (100.0, 100.0, 95.0, 100.0), FLAT])
    assert booked(run_both(bars, [0.5] * 4, terms(stop_loss=0.05)))[1][3:] == (95.0, "stop_loss")
    missed = bars_of([FLAT, FLAT, (100.0, 100.0, 95.01, 100.0), FLAT])
    assert len(run_both(missed, [0.5] * 4, terms(stop_loss=0.05)).fills) == 1


def test_flip_is_a_reduction_and_an_increase() -> None:
    bars = bars_of([FLAT] * 4)
    record = run_both(bars, [0.5, -0.5, -0.5, -0.5], terms())
    assert booked(record) == [
        (1, 0, 5, 100.0, "target"),
        (2, 0, -5, 100.0, "target"),
        (2, 0, -5, 100.0, "target"),
    ]
    assert record.counts.ordered == record.counts.filled == 2


def test_increases_of_one_instant_are_scaled_by_one_factor() -> None:
    # At the close both are worth 100; they open at 125 and 250. 5 and 5 lots cost 625 + 1,250.
    # 1,000 / 1,875 = 0.533: 2.67 and 2.67 lots, so 2 and 2, which cost 750.
    bars = bars_of([FLAT, (125.0,) * 4, (125.0,) * 4], [FLAT, (250.0,) * 4, (250.0,) * 4])
    record = run_both(bars, [[0.5, 0.5]] * 3, terms())
    assert booked(record) == [(1, 0, 2, 125.0, "target"), (1, 1, 2, 250.0, "target")]
    assert (record.counts.shortfalls, record.counts.shortfall_lots) == (2, 6)


def test_reduction_pays_for_an_increase_of_the_same_instant() -> None:
    bars = bars_of([FLAT] * 4, [FLAT] * 4)
    record = run_both(bars, [[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], terms())
    assert booked(record)[1:] == [(2, 1, -10, 100.0, "target"), (2, 0, 10, 100.0, "target")]


def test_exit_that_the_open_has_passed_pays_for_an_increase() -> None:
    gap = (90.0, 90.0, 90.0, 90.0)
    bars = bars_of([FLAT] * 4, [FLAT, FLAT, gap, gap])
    targets = [[0.0, 0.9], [0.1, 0.9], [0.1, 0.9], [0.1, 0.9]]
    record = run_both(bars, targets, terms(stop_loss=0.05))
    assert booked(record)[1:] == [(2, 1, -9, 90.0, "stop_loss"), (2, 0, 1, 100.0, "target")]


def test_reject_cancels_all_increases_of_the_instant() -> None:
    bars = bars_of([FLAT, (101.0,) * 4, (101.0,) * 4], [FLAT] * 3)
    record = run_both(bars, [[0.5, 0.5]] * 3, terms(shortfall="reject"))
    assert len(record.fills) == 0
    assert (record.counts.shortfalls, record.counts.shortfall_lots) == (2, 10)
    assert record.counts.filled == 0


def test_scaled_order_below_the_minimum_is_cancelled() -> None:
    instrument = Instrument("X", lot=1.0, min_notional=950.0)
    bars = bars_of([FLAT, (110.0,) * 4, FLAT], instruments=[instrument])
    record = run_both(bars, [1.0, 1.0, 1.0], terms())  # 10 lots cost 1,100; 9 cost 990
    assert booked(record) == [(1, 0, 9, 110.0, "target")]
    dearer = bars_of([FLAT, (118.0,) * 4, FLAT], instruments=[instrument])
    record = run_both(dearer, [1.0, 1.0, 1.0], terms())  # 8 lots cost 944
    assert len(record.fills) == 0
    assert record.counts.shortfall_lots == 10


def test_proceeds_of_a_short_pay_for_nothing() -> None:
    bars = bars_of([FLAT] * 4, [FLAT, FLAT, (125.0,) * 4, FLAT])
    record = run_both(bars, [[-0.5, 0.0], [-0.5, 0.5], [-0.5, 0.5], [-0.5, 0.5]], terms())
    assert booked(record)[1] == (2, 1, 4, 125.0, "target")  # 500 are spendable, not 1,500


def test_short_that_loses_more_than_everything_is_closed_for_good() -> None:
    bars = bars_of([FLAT, FLAT, (210.0,) * 4, (205.0,) * 4, FLAT, FLAT])
    record = run_both(bars, [-1.0, -1.0, -1.0, 1.0, 0.5, 1.0], terms())
    assert booked(record) == [(1, 0, -10, 100.0, "target"), (3, 0, 10, 205.0, "ruin")]
    assert record.ruined
    assert record.equity.tolist() == [1000.0, 1000.0, -100.0, -50.0, -50.0, -50.0]


def test_order_of_the_last_row_stays_unfilled() -> None:
    record = run_both(bars_of([FLAT] * 3), [0.0, 0.0, 1.0], terms())
    assert len(record.fills) == 0
    assert record.counts.unfilled == 1


def test_row_without_a_bar_fills_and_triggers_nothing() -> None:
    close = np.array([100.0, 100.0, 100.0, 80.0])
    bars = Bars.from_arrays(
        close, open=close, tradable=[True, True, False, True],
        instruments=[Instrument("X", lot=1.0)], interval="1h",
    )  # fmt: skip
    record = run_both(bars, [0.0, 1.0, 1.0, 1.0], terms())
    assert booked(record) == [(3, 0, 10, 80.0, "target")]


def test_close_only_series_fills_at_the_next_close() -> None:
    bars = Bars.from_arrays([100.0, 80.0, 90.0], instruments=[Instrument("X", lot=1.0)])
    record = run_both(bars, [1.0, 1.0, 1.0], terms())
    assert booked(record) == [(1, 0, 10, 80.0, "target")]
    assert record.fills.time.tolist() == [int(bars.time[1])]


def test_cancelled_order_is_gone_and_a_second_cancel_finds_it_done() -> None:
    bars = bars_of([FLAT] * 3)
    none = np.zeros((0, 0))
    approvals = Approvals()
    venue = SimVenue(
        approvals, bars, terms(), charges=FillCosts(np.zeros(4), none, none, none, repeats=False),
        steps=np.array([1]), minima=np.array([0.0]), last_row=2,
    )  # fmt: skip
    order = Order("a", 0, 5, OrderKind.MARKET, Reason.TARGET, HOUR)
    approved = approvals.issue(order, 0, 0)
    approvals.release(approved, book_version=0, kill_epoch=0)
    assert venue.submit(approved).state is OrderState.ACCEPTED
    assert venue.has_orders
    assert venue.cancel("a").state is OrderState.CANCELED
    assert venue.cancel("a").state is OrderState.CANCELED
    assert not venue.has_orders
    assert [m for m in venue.match_open(1) if m.fills] == []
