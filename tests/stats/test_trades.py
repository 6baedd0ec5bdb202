"""Trades' statistics against a plain walk, excursions against a plain look at every bar."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws.markets import Case, cases

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError
from peak_trade.domain.record import Fills, Flows, HeldSplit, OrderCounts, Record, Trades
from peak_trade.domain.terms import Exits, Terms
from peak_trade.engine import fast
from peak_trade.stats import performance
from peak_trade.stats.trades import excursions, grouped, longest_run, trade_statistics

HOUR = 3_600_000_000_000
UNIT = 0.0001  # a lot of an instrument of which nothing else is said


def some_trades(pnl, returns=None, *, rows=None, is_open=None, side=None, reason=None):
    count = len(pnl)
    pnl = np.array(pnl, dtype=float)
    start = np.arange(count) * 10
    lasted = np.ones(count, int) if rows is None else np.array(rows)
    zeros = np.zeros(count, np.int64)
    return Trades(
        instrument=zeros, side=np.array(side) if side else zeros + 1, lots=zeros + 1,
        entry_row=start, exit_row=start + lasted, entry_time=start * HOUR,
        exit_time=(start + lasted) * HOUR, entry_price=zeros + 100.0, exit_price=100.0 + pnl,
        pnl=pnl, fees=zeros + 0.5, return_=pnl / 100 if returns is None else np.array(returns),
        reason=np.array(reason) if reason else zeros,
        is_open=np.array(is_open) if is_open else zeros > 0,
    )  # fmt: skip


def test_trade_statistics_by_hand_are_what_the_terms_mean():
    found = trade_statistics(
        some_trades(
            [30.0, -10.0, 20.0, 5.0, -20.0, 0.0, -5.0, 7.0],
            rows=[1, 2, 3, 4, 5, 6, 7, 8],
            is_open=[False] * 7 + [True],
        )
    )
    assert (found.closed, found.open, found.wins, found.losses) == (7, 1, 3, 3)
    assert (found.pnl, found.open_pnl, found.fees) == (20.0, 7.0, 3.5)
    assert (found.gross_profit, found.gross_loss) == (55.0, -35.0)
    assert found.win_rate == pytest.approx(3 / 7)
    assert found.profit_factor == pytest.approx(55 / 35)
    assert found.expectancy == pytest.approx(20 / 7)
    assert found.expectancy_return == pytest.approx(0.2 / 7)
    assert found.expectancy_r == pytest.approx(20 / 7 / (35 / 3))
    assert found.payoff_ratio == pytest.approx((55 / 3) / (35 / 3))
    assert (found.largest_win, found.largest_loss) == (30.0, -20.0)
    assert found.kelly == pytest.approx(3 / 7 - (4 / 7) / (55 / 35))
    returns = np.array([0.3, -0.1, 0.2, 0.05, -0.2, 0.0, -0.05])
    assert found.quality == pytest.approx(math.sqrt(7) * returns.mean() / returns.std(ddof=1))
    assert (found.average_bars, found.longest_bars, found.average_hours) == (4.0, 7.0, 4.0)
    assert found.average_win_hours == pytest.approx((1 + 3 + 4) / 3)
    assert found.average_loss_hours == pytest.approx((2 + 5 + 7) / 3)
    assert (found.win_streak, found.loss_streak) == (2, 1)
    assert math.isnan(found.average_mae)
    assert found.to_dict()["profit_factor"] == found.profit_factor


def test_expectancy_in_r_takes_the_risk_that_is_handed_in():
    trades = some_trades([30.0, -10.0])
    found = trade_statistics(trades, risk=np.array([10.0, 10.0]))
    assert found.expectancy_r == pytest.approx((3.0 - 1.0) / 2)


def test_trade_statistics_without_a_loss_are_infinite_or_not_defined():
    found = trade_statistics(some_trades([10.0, 5.0]))
    assert found.profit_factor == math.inf
    assert math.isnan(found.payoff_ratio)
    assert math.isnan(found.largest_loss)
    assert math.isnan(found.kelly)


def test_trade_statistics_of_no_trade_are_not_defined():
    found = trade_statistics(some_trades([]))
    assert (found.closed, found.win_streak, found.pnl) == (0, 0, 0.0)
    assert math.isnan(found.win_rate)
    assert math.isnan(found.profit_factor)


def test_columns_of_another_length_are_refused():
    with pytest.raises(InputError, match="one value a trade"):
        trade_statistics(some_trades([1.0, 2.0]), risk=np.ones(3))


@given(st.lists(st.sampled_from([-2.0, 0.0, 1.0, 3.0]), max_size=30), st.data())
def test_groups_add_up_to_the_whole(pnl, data):
    codes = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(pnl), max_size=len(pnl))))
    codes = codes.astype(np.int64)
    trades = some_trades(pnl)
    whole, parts = trade_statistics(trades), grouped(trades, codes, ["a", "b", "c"])
    assert set(parts) == {"abc"[code] for code in codes}
    for name in ("closed", "wins", "losses", "pnl", "gross_profit", "gross_loss", "fees"):
        total = sum(getattr(part, name) for part in parts.values())
        assert total == pytest.approx(getattr(whole, name))
    for code, name in enumerate("abc"):
        if name in parts:
            assert parts[name].pnl == pytest.approx(sum(np.array(pnl)[codes == code]))


@given(st.lists(st.booleans(), max_size=40))
def test_longest_run_is_the_longest_word_of_true(values):
    words = "".join("x" if value else " " for value in values).split()
    assert longest_run(np.array(values, dtype=bool)) == max(map(len, words), default=0)


# ---------------------------------------------------------------- excursions


def looked_at(record, trades, k):
    """The prices that a trade certainly saw, found by looking at every bar."""
    bars, i = record.bars, trades.instrument[k]
    seen = [trades.entry_price[k], trades.exit_price[k]]
    for t in range(len(bars)):
        if not bars.tradable[t, i] or t < trades.entry_row[k]:
            continue
        began_inside = bars.open_time[t, i] >= trades.entry_time[k]
        whole = t < trades.exit_row[k] or (trades.is_open[k] and t == trades.exit_row[k])
        if began_inside and whole:
            seen += [bars.high[t, i], bars.low[t, i]]
        elif began_inside and t == trades.exit_row[k]:
            seen.append(bars.open[t, i])
    return seen


@given(cases())
def test_excursions_of_random_runs_are_the_extremes_of_what_was_seen(case: Case):
    trading = fast.Trading.of(case.bars, case.start, len(case.bars))
    record = fast.run(trading, case.targets, case.terms, "case")
    trades = performance.trades_of(record)
    way = excursions(record, trades)
    assert (way.mae <= 0.0).all()
    assert (way.mfe >= 0.0).all()
    for k in range(len(trades)):
        seen, paid = looked_at(record, trades, k), trades.entry_price[k]
        gains = [trades.side[k] * (price / paid - 1.0) for price in seen]
        assert way.mae[k] == pytest.approx(min(0.0, *gains), rel=1e-12, abs=1e-15)
        assert way.mfe[k] == pytest.approx(max(0.0, *gains), rel=1e-12, abs=1e-15)


def test_excursions_of_a_stopped_trade_end_at_its_stop():
    bars = Bars.from_arrays(
        [10.0, 10.0, 10.5, 9.0, 9.0],
        open=[10.0, 10.0, 10.2, 10.4, 9.0],
        high=[10.0, 10.3, 11.0, 12.0, 20.0],
        low=[10.0, 9.8, 10.1, 8.0, 1.0],
    )
    terms = Terms(cash=1000.0, exits=Exits(stop_loss=0.1))
    record = fast.run(fast.Trading.of(bars, 0, 5), np.ones((5, 1)), terms, "stop")
    trades = performance.trades_of(record)
    way = excursions(record, trades)
    assert trades.exit_price[0] == pytest.approx(9.0)
    assert way.mae[0] == pytest.approx(-0.1)  # not the low of 8 below the stop
    assert way.mfe[0] == pytest.approx(0.1)  # 11 is certain; 12 may have come after the stop


# ---------------------------------------------------------------- splits


def split_record(fills, splits, flows=None, closes=(10.0, 10.0, 5.0, 6.0, 6.0)):
    row, lots, price = (np.array(column) for column in zip(*fills, strict=True))
    bars = Bars.from_arrays(list(closes), high=[c + 1 for c in closes], low=[c - 1 for c in closes])
    zeros = np.zeros(len(row))
    return Record(
        bars=bars, start=0, stop=len(closes), terms=Terms(cash=1000.0), engine="session",
        equity=np.full(len(closes), 1000.0), held=np.ones(len(closes), bool),
        fills=Fills(
            row=row, time=bars.open_time[row, 0], instrument=np.zeros(len(row), np.int64), lots=lots,
            price=price.astype(float), fee=zeros, reason=np.zeros(len(row), np.int64), cash=zeros,
            slippage=zeros,
        ),
        lots=np.zeros(1, np.int64), counts=OrderCounts(0, 0, 0, 0, 0, 0), ruined=False,
        flows=flows or Flows.none(), splits=splits,
    )  # fmt: skip


def test_trades_through_a_split_are_in_lots_and_prices_after_it():
    record = split_record([(1, 10, 10.0), (4, -20, 6.0)], (HeldSplit(2, 0, 2, 1, 1),))
    trades = performance.trades_of(record)
    assert (len(trades), trades.lots[0], trades.is_open[0]) == (1, 20, False)
    assert (trades.entry_price[0], trades.exit_price[0]) == pytest.approx((5.0, 6.0))
    assert trades.pnl[0] == pytest.approx(20 * UNIT * 6 - 10 * UNIT * 10)
    assert trades.return_[0] == pytest.approx(0.2)
    found = performance.summary_of(record)
    assert (found["trades"], found["win_rate"]) == (1.0, 1.0)
    way = excursions(record, trades)
    # rows 1 to 3: 11 and 9 before the split are 5.5 and 4.5 after it; then 6 and 4, then 7 and 5
    assert (way.mae[0], way.mfe[0]) == pytest.approx((4.0 / 5.0 - 1, 7.0 / 5.0 - 1))


def test_trade_that_ended_before_a_split_keeps_its_lots_and_prices():
    record = split_record([(0, 10, 9.0), (1, -10, 10.0)], (HeldSplit(2, 0, 2, 1, 2),))
    trades = performance.trades_of(record)
    assert (trades.lots[0], trades.entry_price[0], trades.exit_price[0]) == (10, 9.0, 10.0)
    way = excursions(record, trades)
    assert (way.mae[0], way.mfe[0]) == pytest.approx((0.0, 11.0 / 9.0 - 1))


def test_trade_that_a_split_leaves_nothing_of_ends_with_what_was_paid():
    zero = np.zeros(1, np.int64)
    paid = Flows(zero + 2, zero, zero, ("split",), np.array([2 * UNIT * 12.0]))
    record = split_record(
        [(1, 2, 10.0), (3, 4, 100.0)],
        (HeldSplit(2, 0, 1, 10, 1),),
        paid,
        closes=(10.0, 10.0, 100.0, 120.0, 120.0),
    )
    trades = performance.trades_of(record)
    assert trades.is_open.tolist() == [False, True]
    assert trades.pnl[0] == pytest.approx(2 * UNIT * 12 - 2 * UNIT * 10)
    assert trades.entry_price[1] == pytest.approx(100.0)
    assert trades.pnl[1] == pytest.approx(4 * UNIT * 20)
