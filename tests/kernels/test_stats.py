"""Sums over equity curves and fills against plain NumPy and plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws.markets import Case, cases

from peak_trade.engine import fast
from peak_trade.kernels import simulate, stats

NAMES = (
    "RETURNS",
    "SUM",
    "SQUARES",
    "DOWNSIDE",
    "DRAWDOWN",
    "EQUITY_SUM",
    "ROWS",
    "HELD_ROWS",
    "FINAL",
)
SEEDS = st.integers(0, 2**32 - 1)


def plain_sums(equity, real, held, cash):
    """What ``sums_of_equity`` writes, a row at a time."""
    returns = [
        equity[t] / equity[t - 1] - 1.0 if equity[t - 1] > 0 else 0.0 for t in range(1, len(equity))
    ]
    peak = np.maximum.accumulate(np.concatenate(([cash], equity)))[1:]
    return {
        "RETURNS": sum(bool(x) for x in real[1:]),
        "SUM": math.fsum(returns),
        "SQUARES": math.fsum(r * r for r in returns),
        "DOWNSIDE": math.fsum(min(r, 0.0) ** 2 for r in returns),
        "DRAWDOWN": min(0.0, float((equity / peak - 1.0).min())),
        "EQUITY_SUM": math.fsum(equity),
        "ROWS": len(equity),
        "HELD_ROWS": sum(bool(x) for x in held),
        "FINAL": equity[-1],
    }


def close_to(found, expected, size=1.0):
    for name in NAMES:
        tight = 1e-11 * size if name != "EQUITY_SUM" else 1e-11 * abs(expected[name])
        assert found[getattr(stats, name)] == pytest.approx(expected[name], rel=1e-11, abs=tight), (
            name
        )


@given(SEEDS, st.integers(1, 100), st.booleans())
def test_sums_of_an_equity_curve_equal_the_plain_ones(seed, rows, falls):
    rng = np.random.default_rng(seed)
    equity = 1000.0 + np.cumsum(rng.normal(0, 200.0 if falls else 5.0, rows))
    real, held = rng.random(rows) < 0.8, rng.random(rows) < 0.5
    found = np.full(stats.SUMS, np.nan)
    stats.sums_of_equity(equity, real, held, 1000.0, found)
    expected = plain_sums(equity, real, held, 1000.0)
    close_to(found, expected, size=max(1.0, expected["SQUARES"]))


@given(SEEDS, st.integers(0, 80))
def test_deepest_drawdown_is_the_worst_of_all_pairs(seed, rows):
    equity = np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.1, rows)))
    worst = min(
        [0.0]
        + [equity[b] / max(1.0, *equity[: b + 1]) - 1.0 for b in range(rows)]
    )  # fmt: skip
    assert stats.deepest_drawdown(equity, 1.0) == pytest.approx(worst, abs=1e-15)


@settings(max_examples=500)
@given(cases(width=1))
def test_sums_of_fills_equal_those_of_the_equity_curve(case: Case):
    trading = fast.Trading.of(case.bars, case.start, len(case.bars))
    if not trading.is_single:
        return
    booked = fast.trade_single(trading, case.targets, case.terms, "case", fast.Scratch(trading))
    if booked.counts[simulate.RUINED]:
        return  # a short stretch whose equity crosses zero has no bounded return
    rows = trading.stop - trading.start
    equity, held = np.empty(rows), np.empty(rows, bool)
    close, unit, cash = case.bars.close.reshape(-1), trading.rules.units[0], case.terms.cash
    lots = stats.equity_of_fills(
        booked.ints, booked.floats, close, unit, cash, trading.start, equity, held
    )
    found = np.full(stats.SUMS, np.nan)
    stats.sums_of_fills(
        booked.ints, booked.floats, close, close.view(np.int64), unit, cash, trading.start,
        trading.stop, found,
    )  # fmt: skip
    expected = plain_sums(equity, np.ones(rows, bool), held, cash)
    close_to(found, expected, size=max(1.0, expected["SQUARES"]))
    assert lots == booked.ints[:, simulate.FILL_LOTS].sum()


@settings(max_examples=300)
@given(cases(width=1))
def test_equity_of_fills_equals_cash_plus_position_a_row_at_a_time(case: Case):
    trading = fast.Trading.of(case.bars, case.start, len(case.bars))
    if not trading.is_single:
        return
    booked = fast.trade_single(trading, case.targets, case.terms, "case", fast.Scratch(trading))
    rows = trading.stop - trading.start
    equity, held = np.empty(rows), np.empty(rows, bool)
    close, unit = case.bars.close.reshape(-1), trading.rules.units[0]
    stats.equity_of_fills(
        booked.ints, booked.floats, close, unit, case.terms.cash, trading.start, equity, held
    )
    cash, lots, k = case.terms.cash, 0, 0
    for t in range(trading.start, trading.stop):
        while k < len(booked.ints) and booked.ints[k, simulate.FILL_ROW] == t:
            lots += int(booked.ints[k, simulate.FILL_LOTS])
            cash = booked.floats[k, simulate.FILL_CASH]
            k += 1
        expected = cash + (lots * unit) * close[t] if lots else cash
        assert equity[t - trading.start] == expected
        assert held[t - trading.start] == (lots != 0)
    assert k == len(booked.ints)


@given(SEEDS, st.integers(0, 40), st.integers(1, 3))
def test_trade_sums_of_random_fills_equal_a_plain_count(seed, count, width):
    rng = np.random.default_rng(seed)
    units = rng.choice([0.01, 1.0, 50.0], width)
    instrument = rng.integers(0, width, count)
    price, fee = rng.uniform(1, 100, count), rng.uniform(0, 1, count)
    held, lots = [0] * width, np.zeros(count, np.int64)
    for k, i in enumerate(instrument):  # never through zero, as the pipeline books it
        lots[k] = (
            -held[i] if held[i] and rng.random() < 0.5 else rng.choice([-1, 1]) * rng.integers(1, 9)
        )
        if held[i] * lots[k] < 0:
            lots[k] = np.sign(lots[k]) * min(abs(lots[k]), abs(held[i]))
        held[i] += lots[k]
    found = np.full(stats.TRADE_SUMS, np.nan)
    work = np.full(width, 7), np.full(width, 7.0)  # what an earlier call left there
    stats.trade_sums(instrument, lots, price, fee, units, *work, found)

    closed = wins = 0
    for i in range(width):
        position, paid = 0, 0.0
        for k in np.flatnonzero(instrument == i):
            position += lots[k]
            paid += lots[k] * units[i] * price[k] + fee[k]
            if position == 0:
                closed, wins, paid = closed + 1, wins + (paid < 0), 0.0
    assert found[stats.CLOSED] == closed
    assert found[stats.WINS] == wins
    assert found[stats.OPEN] == sum(position != 0 for position in held)
    assert found[stats.FEES] == pytest.approx(fee.sum())
    assert found[stats.NOTIONAL] == pytest.approx((np.abs(lots) * units[instrument] * price).sum())
