"""What a backtest says of itself beyond its summary."""

import numpy as np
import pytest

import peak_trade as pt
from peak_trade.domain.errors import InputError
from peak_trade.stats.measures import MEASURES


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(8)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.02, (600, 2)), axis=0))
    bars = pt.Bars.from_arrays(
        close, open=close * 1.001, high=close * 1.02, low=close * 0.98, instruments=["X", "Y"]
    )

    class Coins(pt.Strategy):
        def targets(self, bars):
            return np.where(rng.random((600, 2)) < 0.1, 0.4 * (rng.random((600, 2)) < 0.5), np.nan)

    costs = pt.Costs(commission=0.001, slippage=0.001)
    return pt.backtest(Coins(), bars, costs=costs, exits=pt.Exits(stop_loss=0.05))


def test_measures_of_a_backtest_agree_with_its_stats(result):
    assert tuple(result.measures) == tuple(MEASURES)
    for name in ("total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown"):
        assert result.measures[name] == pytest.approx(result.stats[name], rel=1e-9)


def test_trade_stats_of_a_backtest_agree_with_its_trades(result):
    closed = result.trades.filter(result.trades["exit_reason"] != "open")
    found = result.trade_stats
    assert found.closed == len(closed) > 10
    assert found.win_rate == result.stats["win_rate"]
    assert found.pnl == pytest.approx(closed["pnl"].sum())
    assert found.average_mae == pytest.approx(closed["mae"].mean())
    assert found.average_mfe == pytest.approx(closed["mfe"].mean())
    assert (result.trades["mae"] <= 0).all()
    assert (result.trades["mfe"] >= 0).all()


@pytest.mark.parametrize(
    ("group", "column", "names"),
    [
        ("reason", "exit_reason", {"stop_loss", "target"}),
        ("side", "side", {"long"}),
        ("symbol", "symbol", {"X", "Y"}),
    ],
)
def test_trade_stats_by_a_group_are_those_of_its_trades(result, group, column, names):
    closed = result.trades.filter(result.trades["exit_reason"] != "open")
    found = result.trade_stats_by(group)
    assert set(found) == names
    for name, part in found.items():
        mine = closed.filter(closed[column] == name)
        assert part.closed == len(mine)
        assert part.pnl == pytest.approx(mine["pnl"].sum())


def test_trade_stats_by_an_unknown_group_are_refused(result):
    with pytest.raises(InputError, match="did you mean reason"):
        result.trade_stats_by("reasons")


def test_costs_of_a_backtest_are_split_by_kind(result):
    found = result.costs
    assert found.kinds["commission"] == pytest.approx(result.stats["fees"])
    assert found.kinds["slippage"] == pytest.approx(found.traded * 0.001, rel=0.2)
    assert found.total == pytest.approx(sum(found.kinds.values()))
