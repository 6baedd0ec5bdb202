"""Terms beyond a plain account, each on a few bars whose outcome can be computed by hand."""

import numpy as np
import pytest

import peak_trade as pt
from peak_trade.domain.order import Reason

HOUR = 3_600_000_000_000


class Rows(pt.Strategy):
    """Targets row by row."""

    rows: tuple = pt.param(default=())

    def targets(self, bars):
        return np.array(self.rows, dtype=float).reshape(len(bars), -1)


def bars_of(rows, *, interval="1h", symbol="X/USD", lot=1.0, tick=0.01, volume=None, **more):
    """Bars of rows (open, high, low, close)."""
    open_, high, low, close = np.array(rows, dtype=float).T
    return pt.Bars.from_arrays(
        close, open=open_, high=high, low=low, interval=interval, volume=volume,
        instruments=[pt.Instrument(symbol, lot=lot, tick=tick, **more)],
    )  # fmt: skip


def run(bars, rows, **terms):
    terms.setdefault("cash", 1000.0)
    return pt.backtest(Rows(rows=tuple(rows)), bars, **terms)


def booked(result):
    fills = result.record.fills
    return [
        (int(fills.row[k]), int(fills.lots[k]), round(float(fills.price[k]), 6),
         Reason(int(fills.reason[k])).name)
        for k in range(len(fills))
    ]  # fmt: skip


FLAT = (10.0, 10.0, 10.0, 10.0)


def test_trailing_stop_follows_the_high_from_the_next_bar_on():
    bars = bars_of([FLAT, (10, 12, 9.5, 12), (12, 12, 10.9, 11), (11, 11, 10.7, 10.8), FLAT])
    result = run(bars, [1, 1, 1, 1, 1], exits=pt.Exits(trailing=0.1))
    # the best price is 10 at the entry (stop 9.00), 12 after the second bar (stop 10.80)
    assert booked(result) == [(1, 100, 10.0, "TARGET"), (3, -100, 10.8, "TRAILING_STOP")]


def test_trailing_stop_waits_for_its_arming_profit():
    bars = bars_of([FLAT, (10, 10.4, 9.2, 10), (10, 11, 9.5, 11), (11, 11, 9.8, 10), FLAT])
    result = run(bars, [1, 1, 1, 1, 1], exits=pt.Exits(trailing=0.1, trailing_arm=0.1))
    # armed at 11.00 by the third bar's high: the stop is 9.90 in the fourth
    assert booked(result) == [(1, 100, 10.0, "TARGET"), (3, -100, 9.9, "TRAILING_STOP")]


def test_break_even_moves_the_stop_to_the_entry():
    bars = bars_of([FLAT, (10, 11, 9.6, 11), (11, 11, 9.9, 10), FLAT, FLAT])
    result = run(bars, [1, 1, 1, 1, 1], exits=pt.Exits(stop_loss=0.1, break_even=0.1))
    assert booked(result) == [(1, 100, 10.0, "TARGET"), (2, -100, 10.0, "BREAK_EVEN")]


def test_time_stop_closes_at_the_open_after_its_last_bar():
    bars = bars_of([FLAT, FLAT, FLAT, (10.5, 11, 10, 11), FLAT])
    result = run(bars, [1, 1, 1, 1, 1], exits=pt.Exits(max_bars=2))
    assert booked(result) == [(1, 100, 10.0, "TARGET"), (3, -100, 10.5, "TIME_STOP")]


def test_return_on_investment_falls_with_time():
    bars = bars_of([FLAT, (10, 10.4, 10, 10), (10, 10.4, 10, 10), (10, 10.3, 10, 10), FLAT])
    result = run(bars, [1, 1, 1, 1, 1], exits=pt.Exits(roi=((0, 0.05), (120, 0.02))))
    # 10.50 is never reached; from the close 120 minutes after the entry on, 10.20 suffices
    assert booked(result) == [(1, 100, 10.0, "TARGET"), (3, -100, 10.2, "ROI")]


def test_partial_take_profits_sell_their_shares_and_cap_the_target():
    bars = bars_of([FLAT, (10, 10.6, 10, 10.5), (10.5, 11.2, 10.5, 11), FLAT, FLAT])
    exits = pt.Exits(take_profit=0.2, partials=((0.05, 0.3), (0.1, 0.5)))
    result = run(bars, [1, 1, 1, 1, 0.5], exits=exits)
    assert booked(result) == [
        (1, 100, 10.0, "TARGET"), (1, -30, 10.5, "PARTIAL"), (2, -50, 11.0, "PARTIAL"),
    ]  # fmt: skip


def test_atr_stop_lies_its_multiple_below_the_entry():
    rows = [(10, 10.5, 9.5, 10)] * 4 + [(10, 10, 8.9, 9)]
    result = run(bars_of(rows), [0, 0, 1, 1, 1], exits=pt.Exits(stop_atr=1.0, atr_window=2))
    # the true ranges are all 1.00, so the stop is at 9.00
    assert booked(result)[-1] == (4, -100, 9.0, "STOP_LOSS")


def test_favourable_convention_takes_the_profit_first():
    bars = bars_of([FLAT, (10, 11, 9, 10), FLAT])
    exits = {"stop_loss": 0.05, "take_profit": 0.05}
    worst = run(bars, [1, 1, 1], exits=pt.Exits(**exits))
    best = run(bars, [1, 1, 1], exits=pt.Exits(**exits, convention="favourable"))
    assert booked(worst)[1] == (1, -100, 9.5, "STOP_LOSS")
    assert booked(best)[1] == (1, -100, 10.5, "TAKE_PROFIT")
    for result in (worst, best):
        assert result.ambiguity.bars == 1
        assert result.ambiguity.worst == pytest.approx(-0.05)
        assert result.ambiguity.best == pytest.approx(0.05)
        assert result.ambiguity.turns_sign
        assert any("inside" in warning for warning in result.warnings)


def test_finer_bars_decide_which_extreme_came_first():
    bars = bars_of([FLAT, (10, 11, 9, 10), FLAT])
    quarter = HOUR // 4
    prices = [10.0] * 4 + [11.0, 10.0, 9.0, 10.0] + [10.0] * 4
    time = (np.arange(12, dtype=np.int64) + 1) * quarter
    finer = pt.Bars.from_arrays(
        prices, open=[10.0] * 5 + [11.0, 10.0, 9.0] + [10.0] * 4, time=time, interval="15m",
        instruments=["X/USD"], open_time=time - quarter,
    )  # fmt: skip
    bars = pt.Bars.from_arrays(
        bars.close, open=bars.open, high=bars.high, low=bars.low, interval="1h",
        time=(np.arange(3, dtype=np.int64) + 1) * HOUR, instruments=bars.instruments,
    )  # fmt: skip
    exits = pt.Exits(stop_loss=0.05, take_profit=0.05)
    result = run(bars, [1, 1, 1], exits=exits, detail=finer)
    assert booked(result)[1] == (1, -100, 10.5, "TAKE_PROFIT")
    assert result.ambiguity is None
    assert "finer" in result.engine_note


def test_fee_tier_is_reached_by_the_volume_of_earlier_rows():
    fees = pt.Fees(taker=0.01, tiers=(pt.FeeTier(900.0, 0.0, 0.001),))
    bars = bars_of([FLAT] * 5)
    result = run(bars, [0.9, 0, 0.5, 0.5, 0.5], costs=pt.Costs(fees=fees))
    fees_paid = result.record.fills.fee
    assert fees_paid[0] == pytest.approx(90 * 10 * 0.01)
    assert fees_paid[1] == pytest.approx(900 * 0.001)
    assert fees_paid[2] == pytest.approx(49 * 10 * 0.001)


def test_minimum_fee_and_cap_bound_a_fee_per_share():
    fees = pt.Fees(per_unit=0.005, minimum=1.0, cap=0.005)
    bars = bars_of([FLAT] * 3)
    small = run(bars, [0.1, 0.1, 0.1], costs=pt.Costs(fees=fees))
    large = run(bars, [1, 1, 1], cash=100_000.0, costs=pt.Costs(fees=fees))
    assert small.record.fills.fee[0] == pytest.approx(0.5)  # 10 shares of 10: capped at 0.5 %
    assert large.record.fills.fee[0] == pytest.approx(9994 * 0.005, abs=0.02)


def test_volume_share_and_half_spread_make_prices_worse():
    bars = bars_of([FLAT] * 3, volume=[1000.0] * 3)
    costs = pt.Costs(half_spread=0.05, volume_share=0.1)
    result = run(bars, [0.5, 0.5, 0], costs=costs)
    # 50 shares of 1,000: a share of 0.05, an impact of 0.1 x 0.0025
    price = 10 * (1 + 0.05 / 10 + 0.1 * 0.05**2)
    assert result.record.fills.price[0] == pytest.approx(price, rel=1e-12)
    assert result.record.fills.slippage[0] == pytest.approx(50 * (price - 10), rel=1e-9)


def test_borrow_is_charged_on_shorts_and_interest_paid_on_free_cash():
    bars = bars_of([FLAT] * 4, interval="1d")
    result = run(bars, [-0.5] * 4, costs=pt.Costs(borrow=0.365, interest=0.0365))
    flows = result.record.flows
    by_row = {
        (int(r), k): float(a) for r, k, a in zip(flows.row, flows.kind, flows.amount, strict=True)
    }
    assert by_row[(1, "borrow")] == pytest.approx(-500 * 0.365 / 365)
    assert by_row[(1, "interest")] == pytest.approx((1000 - 0.5) * 0.0365 / 365)


def test_drawdown_beyond_its_limit_halts_for_good_and_flattens_where_asked():
    bars = bars_of([FLAT, FLAT, (10, 10, 8, 8), (8, 9, 8, 9), (9, 9, 9, 9)])
    rows = [1, 1, 1, 0, 1]
    held = run(bars, rows, limits=pt.Limits(max_drawdown=0.1))
    flat = run(bars, rows, limits=pt.Limits(max_drawdown=0.1, flatten=True))
    assert booked(held) == [(1, 100, 10.0, "TARGET")]
    assert held.record.halted == "max_drawdown"
    assert held.record.halted_row == 2
    assert booked(flat) == [(1, 100, 10.0, "TARGET"), (3, -100, 8.0, "HALT")]


def test_order_beyond_the_position_limit_is_refused_and_one_that_reduces_passes():
    bars = bars_of([FLAT, FLAT, FLAT, (10, 20, 10, 20), (20, 20, 20, 20), (20, 20, 20, 20)])
    result = run(bars, [0.9, 0.4, 0.4, 0.45, 0.2, 0.2], limits=pt.Limits(max_position=0.5))
    assert result.record.counts.over_position == 1
    # at 20 the position is worth 800 of 1,400, above the limit: selling some of it passes
    assert booked(result) == [(2, 40, 10.0, "TARGET"), (4, -9, 20.0, "TARGET"),
                              (5, -17, 20.0, "TARGET")]  # fmt: skip


def test_margin_lends_up_to_the_leverage_and_liquidates_at_its_price():
    bars = bars_of([FLAT, FLAT, (10, 10, 6, 7), FLAT])
    result = run(
        bars, [2, 2, 2, 2], margin=pt.Margin(max_leverage=2.0, maintenance=0.25),
    )  # fmt: skip
    # 200 shares of 10 with 1,000 borrowed: equity is a quarter of 200 p at p = 1000 / 150
    assert booked(result) == [(1, 200, 10.0, "TARGET"), (2, -200, 6.666667, "LIQUIDATION")]
    assert result.record.equity[-1] == pytest.approx(1000 / 3, rel=1e-6)


def test_margin_call_at_a_close_closes_everything_at_the_next():
    bars = pt.Bars.from_arrays(
        [10.0, 10.0, 6.5, 6.0, 6.0], interval="1h", instruments=[pt.Instrument("X", lot=1.0)]
    )
    result = run(bars, [2, 2, 2, 2, 2], margin=pt.Margin(max_leverage=2.0, maintenance=0.25))
    # closes alone have no price inside a bar: at 6.50 equity is 300, below a quarter of 1,300
    assert booked(result) == [(1, 200, 10.0, "TARGET"), (3, -200, 6.0, "LIQUIDATION")]
    assert result.record.lots.tolist() == [0]


def test_leverage_without_a_margin_model_is_refused():
    with pytest.raises(pt.PeakTradeError, match="margin model"):
        run(bars_of([FLAT] * 3), [2, 2, 2])


def test_foreign_stock_is_paid_and_marked_in_the_account_s_currency():
    close = [[20.0, 1.0], [20.0, 1.0], [20.0, 1.25], [20.0, 1.25]]
    bars = pt.Bars.from_arrays(
        close, open=close, interval="1d",
        instruments=[pt.Instrument("SAP", quote="EUR", lot=1.0), pt.Instrument("EUR/USD")],
    )  # fmt: skip
    rows = tuple((0.5, 0.0) for _ in range(4))
    result = run(bars, rows, currency="USD")
    assert booked(result) == [(1, 25, 20.0, "TARGET")]
    # 25 shares of 20 euros: worth 500 dollars at 1.00, 625 at 1.25
    assert result.record.equity.tolist() == [1000.0, 1000.0, 1125.0, 1125.0]


def test_currency_that_nothing_converts_is_refused():
    bars = bars_of([FLAT] * 3, symbol="SAP", quote="EUR")
    with pytest.raises(pt.PeakTradeError, match="converts EUR to USD"):
        run(bars, [1, 1, 1], currency="USD")


def test_delisting_closes_the_position_at_its_price_for_good():
    bars = bars_of([FLAT] * 5)
    gone = pt.Actions.of([pt.Delisting("X/USD", int(bars.time[1]), 4.0)])
    result = run(bars, [1, 1, 0, 1, 1], actions=gone)
    assert booked(result) == [(1, 100, 10.0, "TARGET"), (2, -100, 4.0, "DELISTING")]
    assert result.equity_final == 400.0


def test_split_that_leaves_a_fraction_pays_it_out():
    bars = bars_of([FLAT, FLAT, (15, 15, 15, 15), (15, 15, 15, 15)])
    split = pt.Actions.of([pt.StockSplit("X/USD", int(bars.time[1]), 2, 3)])
    result = run(bars, [1, 1, 1, 1], actions=split)
    # 100 old shares make 66 and two thirds, of which the part is paid at 15
    assert result.record.lots.tolist() == [66]
    assert result.record.flows.amount.tolist() == [pytest.approx(10.0)]
    assert result.equity_final == pytest.approx(1000.0)


def test_band_rebalances_only_outside_it():
    bars = bars_of([FLAT, FLAT, (10, 11, 10, 11), (11, 20, 11, 20), (20, 20, 20, 20)])
    result = run(bars, [0.5] * 5, rebalance="band", band=0.1)
    # at 11 the weight is 550 / 1050 = 0.52, at 20 it is 1000 / 1500 = 0.67: sell down to 37
    assert booked(result) == [(1, 50, 10.0, "TARGET"), (4, -13, 20.0, "TARGET")]


def test_calendar_looks_at_targets_on_the_first_bar_of_a_month():
    stamps = np.array(
        ["2024-01-31", "2024-02-01", "2024-02-02", "2024-03-01", "2024-03-04"], "datetime64[ns]"
    )
    bars = pt.Bars.from_arrays(
        [10.0] * 5, open=[10.0] * 5, time=stamps + np.timedelta64(1, "D"), open_time=stamps,
        instruments=[pt.Instrument("X", lot=1.0)],
    )  # fmt: skip
    result = run(bars, [0.5, 0.2, 0.9, 0.9, 0.9], rebalance="month")
    assert booked(result) == [(1, 50, 10.0, "TARGET"), (2, -30, 10.0, "TARGET"),
                              (4, 70, 10.0, "TARGET")]  # fmt: skip


def test_trade_in_a_foreign_currency_has_its_pnl_in_the_account_s():
    close = [[20.0, 1.0], [20.0, 1.0], [20.0, 1.25], [20.0, 1.25], [20.0, 1.25]]
    bars = pt.Bars.from_arrays(
        close, open=close, interval="1d",
        instruments=[pt.Instrument("SAP", quote="EUR", lot=1.0), pt.Instrument("EUR/USD")],
    )  # fmt: skip
    rows = ((0.5, 0.0), (0.5, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
    result = run(bars, rows, currency="USD")
    # 25 shares bought for 500 dollars are sold for 625
    assert result.trade_columns.pnl.tolist() == [125.0]
    assert result.trade_columns.return_.tolist() == [0.25]
    assert result.trade_columns.entry_price.tolist() == [20.0]
    assert result.trade_columns.exit_price.tolist() == [25.0]
    assert result.stats["win_rate"] == 1.0


class Rising(pt.Strategy):
    """Long while the close is at or above the last."""

    def targets(self, bars):
        return np.concatenate(([[np.nan]], (bars.close[1:] >= bars.close[:-1]) * 1.0))


def test_strategy_reads_adjusted_signals_while_orders_fill_on_raw_bars():
    bars = bars_of([FLAT, FLAT, FLAT, (5, 5, 5, 5), (5, 5, 5, 5)])
    split = pt.Actions.of([pt.StockSplit("X/USD", int(bars.time[2]), 2, 1)])
    raw = pt.backtest(Rising(), bars, cash=1000.0, actions=split)
    seen = pt.backtest(Rising(), bars, cash=1000.0, actions=split, signals=pt.adjusted(bars, split))
    # in raw prices the split of row 3 looks like a fall, and the position is sold at the next open
    assert booked(raw) == [(2, 100, 10.0, "TARGET"), (4, -200, 5.0, "TARGET")]
    assert booked(seen) == [(2, 100, 10.0, "TARGET")]
    assert any("looks like a crash" in warning for warning in raw.warnings)
    assert not any("looks like a crash" in warning for warning in seen.warnings)


def test_signals_of_other_rows_are_refused():
    bars = bars_of([FLAT] * 5)
    with pytest.raises(pt.PeakTradeError, match="do not have the rows"):
        pt.backtest(Rising(), bars, signals=bars_of([FLAT] * 4))


def test_position_that_a_split_leaves_nothing_of_counts_for_no_engine_s_kelly_fraction():
    prices = [10, 10, 10, 10, 10, 10, 12, 12, 13, 13, 13, 13]
    bars = bars_of([(p, p, p, p) for p in prices])
    gone = pt.Actions.of([pt.StockSplit("X/USD", int(bars.time[2]), 1, 1000)])
    rows = [1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1]
    kelly = pt.size.Kelly(fraction=1.0, cap=1.0, min_trades=1, start=0.5)
    by_session, by_walk = (
        run(bars, rows, actions=gone, sizer=kelly, engine=engine) for engine in ("session", "fast")
    )
    # the one trade that counts won, so that all of its share is taken afterwards
    assert booked(by_session) == booked(by_walk)
    assert booked(by_walk)[-1][0] == 9
    assert by_walk.record.lots[0] * 13 > 0.9 * by_walk.equity_final
