"""Cases of freqtrade's own backtest tests, replayed through signals and exits.

With ``Exits(convention="freqtrade")`` every case can be said that enters at the open of the bar
after its signal: fixed and trailing stops, arming profits and offsets, returns on investment by
time, exit signals, long and short, and the close of what is open at the end. Not sayable, because
the product has no such orders: entries at limit prices of one's own (``custom_entry_price``,
``adjust_entry_price``, ``unfilled_timeout_minutes``), exits at prices of one's own
(``custom_exit_price``), stops computed by a callback (``use_custom_stoploss``), and profits
multiplied by a leverage.
"""

import json
from pathlib import Path

import numpy as np

import peak_trade as pt
from peak_trade.domain.order import Reason

REASONS = {
    Reason.TARGET: "exit_signal",
    Reason.STOP_LOSS: "stop_loss",
    Reason.TRAILING_STOP: "trailing_stop",
    Reason.ROI: "take_profit_roi",
    Reason.END: "force_exit",
}
UNSAYABLE = (
    "custom_entry_price", "custom_exit_price", "adjust_entry_price", "unfilled_timeout_minutes",
    "use_custom_stoploss",
)  # fmt: skip


def is_sayable(case: dict) -> bool:
    params = case["params"]
    return params["leverage"] == 1.0 and not any(params[name] for name in UNSAYABLE)


def exits_of(params: dict) -> pt.Exits:
    stop, trailing = -params["stop_loss"], {}
    if params["trailing_stop"]:
        distance, offset = params["trailing_stop_positive"], params["trailing_stop_positive_offset"]
        if distance is None:
            trailing = {"trailing": stop}
        elif params["trailing_only_offset_is_reached"]:
            trailing = {"trailing": distance, "trailing_arm": offset}
        else:  # an offset of 0 is one that any profit is beyond
            trailing = {
                "trailing": stop, "trailing_offset": offset or 1e-12, "trailing_after": distance,
            }  # fmt: skip
    roi = sorted((float(minutes), profit) for minutes, profit in params["roi"].items())
    return pt.Exits(
        stop_loss=stop, roi=tuple(roi), reentry="stated", convention="freqtrade", **trailing
    )


def replay(case: dict) -> pt.Backtest:
    candles, params = case["candles"], case["params"]
    prices = {name: np.array([c[name] for c in candles], float) for name in "ohlc"}
    bars = pt.Bars.from_arrays(
        prices["c"], open=prices["o"], high=prices["h"], low=prices["l"], interval="1h",
        instruments=[pt.Instrument("X/USD", tick=0.001, lot=1e-8)],
    )  # fmt: skip
    use_exits = params["use_exit_signal"]
    signals = {
        name: [c[name] and (use_exits or name.startswith("enter")) for c in candles]
        for name in ("enter_long", "exit_long", "enter_short", "exit_short")
    }
    strategy = pt.from_signals(
        signals["enter_long"], signals["exit_long"],
        short_entries=signals["enter_short"], short_exits=signals["exit_short"],
    )  # fmt: skip
    return pt.backtest(strategy, bars, cash=1000.0, exits=exits_of(params))


def cases(shared: Path) -> list[dict]:
    text = (shared / "cases" / "freqtrade_backtest_detail.json").read_text(encoding="utf-8")
    return [case for case in json.loads(text)["cases"] if is_sayable(case)]


def test_freqtrade_cases_replayed_give_their_trades(shared: Path) -> None:
    found = cases(shared)
    assert len(found) >= 20
    for case in found:
        fills, expected = replay(case).record.fills, case["expected"]
        assert len(fills) == 2 * expected["n_trades"], case["id"]
        profit = 0.0
        for k, trade in enumerate(expected["trades"]):
            enter, leave = 2 * k, 2 * k + 1
            assert int(fills.row[enter]) == trade["open_candle"], case["id"]
            assert int(fills.row[leave]) == trade["close_candle"], case["id"]
            assert (fills.lots[enter] < 0) == trade["short"], case["id"]
            reason = REASONS[Reason(int(fills.reason[leave]))]
            assert reason == trade["exit_reason"], case["id"]
            side = -1.0 if trade["short"] else 1.0
            profit += side * (float(fills.price[leave] / fills.price[enter]) - 1.0)
        assert round(profit, 3) == round(expected["sum_profit_ratio"], 3), case["id"]
