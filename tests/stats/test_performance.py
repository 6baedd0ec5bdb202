"""Performance against empyrical-reloaded, and trades against a ledger walked in plain Python."""

import math
from fractions import Fraction

import empyrical
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from laws.markets import Case, cases
from stats.series import quietly, same, series

from peak_trade.domain.bars import Bars
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.order import Reason
from peak_trade.domain.record import Fills, OrderCounts, Record
from peak_trade.domain.terms import Costs, Terms
from peak_trade.engine import fast
from peak_trade.kernels import stats as sums_kernels
from peak_trade.stats import performance

YEAR = 252.0


@given(series())
def test_total_return_of_random_series_equals_empyrical(returns):
    assert same(performance.total_return(returns), quietly(empyrical.cum_returns_final, returns))


@given(series(), st.sampled_from([1.0, 12.0, 252.0]))
def test_cagr_of_random_series_equals_empyrical(returns, year):
    theirs = quietly(empyrical.annual_return, returns, annualization=year)
    assert same(performance.cagr(returns, year), theirs, rel=1e-8)


@given(series(), st.sampled_from([12.0, 252.0, 525_600.0]))
def test_volatility_of_random_series_equals_empyrical(returns, year):
    known = returns[~np.isnan(returns)]
    theirs = quietly(empyrical.annual_volatility, returns, annualization=year)
    if len(known) and (known == known[0]).all() and len(known) > 1:
        theirs = 0.0  # theirs leaves the rounding of the mean, about 1e-17
    assert same(performance.volatility(returns, year), theirs)


@given(series(), st.sampled_from([0.0, 0.001, -0.01, 0.01]))
def test_sharpe_of_random_series_equals_empyrical(returns, rate):
    theirs = quietly(empyrical.sharpe_ratio, returns, risk_free=rate, annualization=YEAR)
    assert same(performance.sharpe(returns, YEAR, risk_free=rate), theirs)


@given(series(), st.sampled_from([0.0, 0.001, -0.01, 0.01]))
def test_sortino_of_random_series_equals_empyrical(returns, rate):
    theirs = quietly(empyrical.sortino_ratio, returns, required_return=rate, annualization=YEAR)
    assert same(performance.sortino(returns, YEAR, required=rate), theirs)


@given(series())
def test_max_drawdown_of_random_series_equals_empyrical(returns):
    assert same(performance.max_drawdown(returns), quietly(empyrical.max_drawdown, returns))


@pytest.mark.parametrize(
    "figure",
    [
        performance.total_return,
        performance.max_drawdown,
        lambda r: performance.cagr(r, YEAR),
        lambda r: performance.volatility(r, YEAR),
        lambda r: performance.sharpe(r, YEAR),
        lambda r: performance.sortino(r, YEAR),
    ],
)
def test_figure_of_no_returns_is_not_defined(figure):
    assert math.isnan(figure(np.empty(0)))


def test_cagr_of_a_total_loss_is_minus_one():
    assert performance.cagr(np.array([-1.0, 0.5]), YEAR) == -1.0


def test_cagr_beyond_float64_is_infinite():
    assert performance.cagr(np.array([1e6]), 525_600) == math.inf


# ---------------------------------------------------------------- summaries from sums


def curve(returns, cash=1000.0):
    return cash * np.cumprod(np.concatenate(([1.0], 1.0 + returns)))


def summary_of_curve(equity, real=None, held=None, cash=1000.0):
    sums, trades = np.empty(sums_kernels.SUMS), np.zeros(sums_kernels.TRADE_SUMS)
    real = np.ones(len(equity), bool) if real is None else real
    held = np.zeros(len(equity), bool) if held is None else held
    sums_kernels.sums_of_equity(equity, real, held, cash, sums)
    return performance.summary(sums, trades, cash, YEAR)


@given(st.integers(0, 2**32 - 1), st.integers(3, 400), st.sampled_from([0.0005, 0.01, 0.05]))
def test_summary_of_an_equity_curve_equals_the_array_functions(seed, size, scale):
    rng = np.random.default_rng(seed)
    equity = curve(rng.normal(0.0002, scale, size))
    found, returns = summary_of_curve(equity), equity[1:] / equity[:-1] - 1.0
    expected = {
        "total_return": performance.total_return(returns),
        "cagr": performance.cagr(returns, YEAR),
        "volatility": performance.volatility(returns, YEAR),
        "sharpe": performance.sharpe(returns, YEAR),
        "sortino": performance.sortino(returns, YEAR),
        "max_drawdown": performance.max_drawdown(returns),
    }
    for name, value in expected.items():
        # a mean near zero cancels: its error is that of the sum, not of the mean itself
        assert found[name] == pytest.approx(value, rel=1e-11, abs=1e-12 * math.sqrt(YEAR)), name


def test_summary_leaves_out_rows_without_a_real_bar():
    equity = np.array([1000.0, 1010.0, 1010.0, 990.0, 990.0, 1020.0])
    real = np.array([True, True, False, True, False, True])
    without = summary_of_curve(equity[real])
    found = summary_of_curve(equity, real)
    for name in ("total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown"):
        assert found[name] == pytest.approx(without[name], rel=1e-12), name


def test_summary_after_ruin_counts_returns_as_zero():
    equity = np.array([1000.0, 500.0, -100.0, -100.0, -100.0])
    found = summary_of_curve(equity)
    returns = np.array([-0.5, -1.2, 0.0, 0.0])
    assert found["volatility"] == pytest.approx(returns.std(ddof=1) * math.sqrt(YEAR))
    assert found["total_return"] == pytest.approx(-1.1)
    assert found["cagr"] == -1.0
    assert found["max_drawdown"] == pytest.approx(-1.1)


def test_summary_of_a_flat_account_has_no_ratios():
    found = summary_of_curve(np.full(20, 1000.0))
    assert (found["total_return"], found["volatility"], found["max_drawdown"]) == (0.0, 0.0, 0.0)
    assert math.isnan(found["sharpe"])
    assert math.isnan(found["sortino"])
    assert math.isnan(found["win_rate"])


def test_summary_of_steady_growth_has_infinite_ratios_and_no_volatility():
    found = summary_of_curve(curve(np.full(50, 0.01)))
    assert found["volatility"] == 0.0
    assert found["sharpe"] == found["sortino"] == math.inf


def test_summary_of_two_rows_has_no_volatility():
    found = summary_of_curve(np.array([1000.0, 1010.0]))
    assert math.isnan(found["volatility"])
    assert math.isnan(found["sharpe"])
    assert found["total_return"] == pytest.approx(0.01)


def test_summary_names_are_the_statistics_in_order():
    assert tuple(summary_of_curve(np.array([1000.0, 1010.0, 1005.0]))) == performance.STATISTICS


# ---------------------------------------------------------------- trades against a plain walk


def walk_trades(fills, units, marks):
    """Trades as a bookkeeper keeps them: exact fractions, one open position an instrument."""
    closed, books = [], {}
    for k in range(len(fills)):
        i, lots = int(fills.instrument[k]), int(fills.lots[k])
        price, fee = Fraction(float(fills.price[k])), Fraction(float(fills.fee[k]))
        book = books.setdefault(
            i, {"i": i, "first": k, "side": 1 if lots > 0 else -1, "in": [], "out": [], "fees": 0,
                "held": 0, "largest": 0}
        )  # fmt: skip
        book["in" if lots * book["side"] > 0 else "out"].append((abs(lots), price))
        book["fees"] += fee
        book["held"] += lots
        book["largest"] = max(book["largest"], abs(book["held"]))
        assert book["held"] * book["side"] >= 0, "a fill goes through zero"
        if book["held"] == 0:
            closed.append({**book, "last": k, "open": False})
            del books[i]
    still = []
    for i in sorted(books):
        book = books[i]
        book["out"].append((abs(book["held"]), Fraction(float(marks[i]))))
        still.append({**book, "last": -1, "open": True})
    return [judged(trade, Fraction(float(units[trade["i"]]))) for trade in (*closed, *still)]


def judged(trade, unit):
    def value(legs):
        return sum(lots * unit * price for lots, price in legs)

    def average(legs):
        return value(legs) / (sum(lots for lots, _ in legs) * unit)

    trade["pnl"] = trade["side"] * (value(trade["out"]) - value(trade["in"])) - trade["fees"]
    trade["entry_price"], trade["exit_price"] = average(trade["in"]), average(trade["out"])
    trade["return"] = trade["pnl"] / value(trade["in"])
    return trade


def check_trades(record, marks):
    units = [instrument.unit for instrument in record.bars.instruments]
    fills, trades = record.fills, performance.trades_of(record)
    expected = walk_trades(fills, units, marks)
    assert len(trades) == len(expected)
    scale = 1e-9 * max([1.0, *(abs(fills.lots * fills.price)).tolist()])
    for k, trade in enumerate(expected):
        first, last, is_open = trade["first"], trade["last"], trade["open"]
        assert trades.instrument[k] == trade["i"]
        assert trades.side[k] == trade["side"]
        assert trades.lots[k] == trade["largest"]
        assert trades.is_open[k] == is_open
        assert trades.entry_row[k] == fills.row[first]
        assert trades.entry_time[k] == fills.time[first]
        assert trades.exit_row[k] == (record.stop - 1 if is_open else fills.row[last])
        assert trades.exit_time[k] == (record.time[-1] if is_open else fills.time[last])
        assert trades.reason[k] == (0 if is_open else fills.reason[last])
        assert trades.entry_price[k] == pytest.approx(float(trade["entry_price"]), rel=1e-12)
        assert trades.exit_price[k] == pytest.approx(float(trade["exit_price"]), rel=1e-12)
        assert trades.fees[k] == pytest.approx(float(trade["fees"]), rel=1e-12)
        assert trades.pnl[k] == pytest.approx(float(trade["pnl"]), rel=1e-9, abs=scale)
        assert trades.return_[k] * float(
            sum(lots * price for lots, price in trade["in"]) * Fraction(units[trade["i"]])
        ) == pytest.approx(float(trade["pnl"]), rel=1e-9, abs=scale)
    return expected


def last_closes(bars):
    """The close of each instrument's last real bar, found by looking."""
    found = []
    for i in range(len(bars.instruments)):
        real = [t for t in range(len(bars)) if bars.tradable[t, i]]
        found.append(bars.close[real[-1], i] if real else math.nan)
    return found


@given(cases())
def test_trades_of_random_runs_equal_a_walk_over_their_fills(case: Case):
    trading = fast.Trading.of(case.bars, case.start, len(case.bars))
    record = fast.run(trading, case.targets, case.terms, "case")
    expected = check_trades(record, last_closes(case.bars))

    found = performance.summary_of(record)
    closed = [trade for trade in expected if not trade["open"]]
    near = [t for t in closed if abs(t["pnl"]) <= 1e-9 * max(1, abs(t["fees"]))]
    assert found["trades"] == len(expected)
    if closed and not near:
        won = sum(trade["pnl"] > 0 for trade in closed)
        assert found["win_rate"] == pytest.approx(won / len(closed))
    assert found["fees"] == pytest.approx(float(record.fills.fee.sum()), rel=1e-12)
    assert found["exposure"] == pytest.approx(record.held.mean())
    total = float(record.equity[-1]) - case.terms.cash
    booked = float(sum((trade["pnl"] for trade in expected), Fraction(0)))
    size = max(case.terms.cash, float(np.abs(record.equity).max()))
    assert booked == pytest.approx(total, rel=1e-9, abs=1e-9 * size)


@given(cases(width=1))
def test_turnover_of_random_runs_is_traded_value_over_mean_equity_a_year(case: Case):
    trading = fast.Trading.of(case.bars, case.start, len(case.bars))
    record = fast.run(trading, case.targets, case.terms, "case")
    real = case.bars.tradable[case.start :, 0]
    years = real[1:].sum() / case.bars.bars_per_year
    assume(record.equity.mean() > 1e-6 * case.terms.cash and years > 0)
    unit = case.bars.instruments[0].unit
    traded = float((np.abs(record.fills.lots) * unit * record.fills.price).sum())
    expected = traded / record.equity.mean() / years
    assert performance.summary_of(record)["turnover"] == pytest.approx(expected, rel=1e-9)


def record_of(bars, fills, cash=1000.0):
    row, instrument, lots, price, fee, reason = (
        np.array(column) for column in zip(*fills, strict=True)
    )
    count = len(row)
    booked = Fills(
        row=row, time=bars.open_time[row, instrument], instrument=instrument, lots=lots,
        price=price.astype(float), fee=fee.astype(float), reason=reason, cash=np.zeros(count),
        slippage=np.zeros(count),
    )  # fmt: skip
    rows = len(bars)
    return Record(
        bars=bars, start=0, stop=rows, terms=Terms(cash=cash, costs=Costs()), engine="fast",
        equity=np.full(rows, cash), held=np.zeros(rows, bool), fills=booked,
        lots=np.zeros(bars.close.shape[1], np.int64), counts=OrderCounts(0, 0, 0, 0, 0, 0),
        ruined=False,
    )  # fmt: skip


def test_trades_with_a_flip_partial_closes_and_an_open_one_are_told_apart():
    bars = Bars.from_arrays(
        np.column_stack([[10.0, 11, 12, 13, 12, 11], [5.0, 5, 6, 6, 7, 8]]),
        open=np.column_stack([[10.0, 10, 11, 12, 13, 12], [5.0, 5, 5, 6, 6, 7]]),
        instruments=[Instrument("X", lot=1.0), Instrument("Y", lot=0.5, multiplier=2.0)],
    )
    target, stop = int(Reason.TARGET), int(Reason.STOP_LOSS)
    record = record_of(
        bars,
        [
            (1, 0, 10, 10.0, 1.0, target),
            (1, 1, -4, 5.0, 0.5, target),
            (2, 0, 5, 11.0, 0.5, target),
            (3, 0, -6, 12.0, 0.6, target),
            (4, 0, -9, 13.0, 0.9, target),  # a flip: flat first, then short
            (4, 0, -3, 13.0, 0.3, target),
            (4, 1, 4, 6.0, 0.5, stop),
        ],
    )
    trades = performance.trades_of(record)
    assert trades.side.tolist() == [1, -1, -1]
    assert trades.lots.tolist() == [15, 4, 3]
    assert trades.instrument.tolist() == [0, 1, 0]
    assert trades.is_open.tolist() == [False, False, True]
    assert trades.entry_row.tolist() == [1, 1, 4]
    assert trades.exit_row.tolist() == [4, 4, 5]
    assert trades.reason.tolist()[:2] == [target, stop]
    # 6 x 12 + 9 x 13 - 10 x 10 - 5 x 11 = 34, less 3 of fees; 4 x (5 - 6) - 1; 3 x (13 - 11) - 0.3
    np.testing.assert_allclose(trades.pnl, [31.0, -5.0, 5.7], rtol=1e-12)
    np.testing.assert_allclose(trades.entry_price, [155 / 15, 5.0, 13.0], rtol=1e-12)
    np.testing.assert_allclose(trades.exit_price, [189 / 15, 6.0, 11.0], rtol=1e-12)
    np.testing.assert_allclose(trades.return_, [31 / 155, -5 / 20, 5.7 / 39], rtol=1e-12)
    np.testing.assert_allclose(trades.fees, [3.0, 1.0, 0.3], rtol=1e-12)
    check_trades(record, [11.0, 8.0])
    found = performance.summary_of(record)
    assert (found["trades"], found["win_rate"]) == (3.0, 0.5)


def test_trades_of_a_run_without_fills_are_none():
    bars = Bars.from_arrays([10.0, 11.0, 12.0])
    trading = fast.Trading.of(bars, 0, 3)
    record = fast.run(trading, np.zeros((3, 1)), Terms(), "flat")
    assert len(performance.trades_of(record)) == 0
    found = performance.summary_of(record)
    assert (found["trades"], found["fees"], found["exposure"], found["turnover"]) == (0, 0, 0, 0)
