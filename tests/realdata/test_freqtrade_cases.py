"""Cases of freqtrade's own backtest tests, replayed through signals and exits.

Of the 54 cases of the file, those with a fixed stop, a constant return on investment (a
take-profit) and exit signals can be said. Not yet sayable: trailing stops (tc8 to tc12 and the
like), returns on investment that change with time (tc16 to tc24), custom entry, exit and adjusted
prices, entries as limit orders, unfilled timeouts, custom stops, and leverage.

freqtrade closes what is open at the end at the open of the last candle. That is not this product's
convention: an open trade stays open and is marked at the last close, so cases that end with
``force_exit`` are not replayed either. A stop reached on the last candle itself is the same in both.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import peak_trade as pt
from peak_trade.domain.order import Reason

REQUIRED = ["ft_tc0", "ft_tc1", "ft_tc2"]
ALSO_SAID = [f"ft_tc{k}" for k in (3, 4, 5, 6, 7, 13, 14, 15)]
REASONS = {
    Reason.TARGET: "exit_signal",
    Reason.STOP_LOSS: "stop_loss",
    Reason.TAKE_PROFIT: "take_profit_roi",
}


def replay(case: dict, engine: str) -> pt.Backtest:
    candles, params = case["candles"], case["params"]
    prices = {name: np.array([c[name] for c in candles], float) for name in "ohlc"}
    bars = pt.Bars.from_arrays(
        prices["c"], open=prices["o"], high=prices["h"], low=prices["l"], interval="1h",
        instruments=[pt.Instrument("X/USD", tick=0.001, lot=1e-8)],
    )  # fmt: skip
    use_exits = params["use_exit_signal"]
    strategy = pt.from_signals(
        [c["enter_long"] for c in candles], [c["exit_long"] and use_exits for c in candles]
    )
    assert set(params["roi"]) == {"0"}
    exits = pt.Exits(-params["stop_loss"], params["roi"]["0"], reentry="stated")
    return pt.backtest(strategy, bars, cash=1000.0, exits=exits, engine=engine)


@pytest.mark.parametrize("name", REQUIRED + ALSO_SAID)
@pytest.mark.parametrize("engine", ["fast", "session"])
def test_freqtrade_case_replayed_gives_its_trades(name: str, engine: str, shared: Path) -> None:
    text = (shared / "cases" / "freqtrade_backtest_detail.json").read_text(encoding="utf-8")
    case = next(case for case in json.loads(text)["cases"] if case["id"] == name)
    fills = replay(case, engine).record.fills
    expected = case["expected"]
    assert len(fills) == 2 * expected["n_trades"]
    profit = 0.0
    for k, trade in enumerate(expected["trades"]):
        enter, leave = 2 * k, 2 * k + 1
        assert int(fills.row[enter]) == trade["open_candle"]
        assert int(fills.row[leave]) == trade["close_candle"]
        assert REASONS[Reason(int(fills.reason[leave]))] == trade["exit_reason"]
        profit += float(fills.price[leave] / fills.price[enter]) - 1.0
    assert round(profit, 3) == round(expected["sum_profit_ratio"], 3)
