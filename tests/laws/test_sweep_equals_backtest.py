"""Law 3, second half: every row of a sweep equals the backtest of its parameters."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws.markets import Case, cases

import peak_trade as pt
from peak_trade.domain.errors import InputError
from peak_trade.domain.terms import Costs, Exits
from peak_trade.research.sweep import SweepRow

SUMS = ("volatility", "sharpe", "sortino", "turnover")
"""Figures made of sums, whose terms may be added in another order."""


class Sides(pt.Strategy):
    """Long above the mean of some closes and short below it, now and then saying nothing."""

    n: int = pt.param(default=2, low=1, high=50, doc="rows of the mean")
    weight: float = pt.param(default=1.0, low=0, high=1, doc="share of equity")

    def targets(self, bars):
        mean = pt.ind.sma(bars, self.n)
        side = np.sign(bars.close - mean) * self.weight / bars.close.shape[1]
        return np.where(np.arange(len(bars))[:, None] % 5 == 3, np.nan, side)


@dataclass(frozen=True)
class Request:
    """What a sweep and its backtests are asked alike."""

    case: Case
    cash: float
    shortfall: Literal["scale", "reject"]

    def options(self) -> dict:
        bars, terms = self.case.bars, self.case.terms
        return {
            "cash": self.cash,
            "start": int(bars.time[self.case.start]) - 3_600_000_000_000,
            "cash_buffer": terms.cash_buffer,
            "min_change": terms.min_change,
            "shortfall": self.shortfall,
        }


def condition(returns: np.ndarray) -> float:
    """How far rounding of a sum is magnified in a ratio of mean and deviation.

    The mean of returns that cancel has the error of their absolute sum, and the deviation comes
    from ``squares - n mean^2``, which loses what the two have in common where the mean dwarfs it.
    """
    squares, n = float((returns**2).sum()), len(returns)
    scatter = squares - n * returns.mean() ** 2
    cancelled = np.abs(returns).sum() / abs(returns.sum()) if returns.sum() else math.inf
    return max(1.0, cancelled, squares / scatter if scatter > 0 else math.inf)


def disagreement(row: SweepRow, run: pt.Backtest) -> str:
    equity = run.record.equity
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = np.where(equity[:-1] > 0, equity[1:] / equity[:-1] - 1, 0.0)
    for name, found in row.stats.items():
        wanted = run.stats[name]
        same = found == wanted or (math.isnan(found) and math.isnan(wanted))
        if not same and name in SUMS:
            magnified = np.abs(equity).sum() / abs(equity.sum()) + condition(returns)
            same = magnified > 1e11 or math.isclose(found, wanted, rel_tol=1e-12 * magnified)
        if not same:
            return f"{name} {found!r}, expected {wanted!r} at {row.params}"
    return ""


def split(params: dict[str, object], exits: Exits) -> tuple[dict, Costs, Exits]:
    own = {name: value for name, value in params.items() if "." not in name}
    costs = Costs(params["costs.commission"], params["costs.slippage"])
    stop, take = params.get("exits.stop_loss"), params.get("exits.take_profit")
    return own, costs, Exits(stop, take, exits.reentry)


@pytest.mark.parametrize("width", [1, 2, 3])
@settings(max_examples=300)
@given(data=st.data())
def test_sweep_rows_equal_their_backtests(width: int, data: st.DataObject) -> None:
    case = data.draw(cases(width=width))
    request = Request(case, case.terms.cash, case.terms.shortfall)
    kind = data.draw(st.sampled_from([pt.strategies.MaCross, Sides]))
    grid: dict[str, list] = {"fast": [1, 2], "slow": [2, 3]} if kind is not Sides else {"n": [1, 3]}
    grid |= {"costs.commission": [0.0, 0.01], "costs.slippage": [0.0005]}
    if not case.bars.close_only.any():
        take = data.draw(st.sampled_from([None, 0.02, 0.1]))
        grid |= {"exits.stop_loss": [None, 0.01], "exits.take_profit": [take]}
    exits = Exits(reentry=case.terms.exits.reentry)
    try:
        found = pt.sweep(kind, case.bars, grid, exits=exits, threads=1, **request.options())
    except InputError:
        with pytest.raises(InputError):  # too few rows are left, and a backtest says so too
            pt.backtest(kind(), case.bars, **request.options())
        return
    for row in found.rows:
        own, costs, stops = split(row.params, exits)
        run = pt.backtest(kind(**own), case.bars, costs=costs, exits=stops, **request.options())
        assert disagreement(row, run) == ""


def test_threads_and_order_of_the_grid_change_no_row() -> None:
    rng = np.random.default_rng(3)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.02, 400))), 2)
    bars = pt.Bars.from_arrays(close, open=np.roll(close, 1))
    grid = {"fast": [2, 3, 5, 8], "slow": [9, 12, 20], "exits.stop_loss": [None, 0.02]}
    ways = [
        pt.sweep(pt.strategies.MaCross, bars, chosen, threads=threads)
        for threads in (1, 2, 5)
        for chosen in (grid, dict(reversed(grid.items())))
    ]
    tables = [
        {tuple(sorted(row.params.items(), key=str)): row.stats for row in way.rows} for way in ways
    ]
    assert all(table == tables[0] for table in tables)
