"""A strategy that reads days while it trades hours is causal, and books the same on every path."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws.test_substitution import difference

import peak_trade as pt
from peak_trade.data.align import at_interval
from peak_trade.domain.bars import Bars
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.terms import Terms
from peak_trade.engine.rows import LiveRows, StoredRows
from peak_trade.engine.session import Session
from peak_trade.portfolio.weights import target_array

HOUR_NS = 3_600_000_000_000


class DailyTrend(pt.Strategy):
    """Long while the last close stands above the mean of the last daily closes."""

    days: int = pt.param(default=2, low=1, high=10, doc="days of the mean")

    def targets(self, bars: Bars) -> np.ndarray:
        daily = at_interval(bars, "1d")
        mean = daily.spread(pt.ind.sma(daily.bars, self.days))
        return np.where(np.isnan(mean), np.nan, bars.close > mean) / bars.close.shape[1]


class Leaking(DailyTrend):
    """The same with the day that has not closed yet: what the alignment is there to prevent."""

    def targets(self, bars: Bars) -> np.ndarray:
        daily = at_interval(bars, "1d")
        if len(daily.bars) == 0:
            return np.full(bars.close.shape, np.nan)
        ahead = np.minimum(daily.rows + 1, len(daily.bars) - 1)
        return (daily.bars.close[ahead] > bars.close) / bars.close.shape[1]


def market(seed: int, *, width: int, rows: int = 160) -> Bars:
    """Hours of some days with gaps; the second instrument trades by New York's calendar."""
    rng = np.random.default_rng(seed)
    first = (
        int(np.datetime64("2024-03-06", "ns").astype(np.int64)) + int(rng.integers(24)) * HOUR_NS
    )
    open_ = first + np.arange(rows) * HOUR_NS // 2
    open_ = open_[rng.random(len(open_)) < rng.choice([0.7, 1.0])]
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, (len(open_), width)), axis=0))
    calendars = ("24/7", "XNYS")[:width]
    real = rng.random(close.shape) < 0.9
    real[0] = True
    return Bars.from_arrays(
        np.where(real, close, np.nan),
        open=close * np.exp(rng.normal(0, 0.005, close.shape)),
        time=open_ + HOUR_NS // 2,
        open_time=open_,
        interval="30m",
        instruments=[Instrument(c, calendar=c, quote="USD") for c in calendars],
    )


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), width=st.integers(1, 2), row=st.integers(1, 100))
def test_targets_of_a_row_depend_on_rows_up_to_it(seed: int, width: int, row: int) -> None:
    bars = market(seed, width=width)
    row = min(row, len(bars))
    whole = target_array(DailyTrend(), bars)
    assert target_array(DailyTrend(), bars[:row]).tobytes() == whole[:row].tobytes()


def test_check_finds_it_causal_and_the_day_that_is_not_over_a_leak() -> None:
    bars = market(1, width=2)
    assert pt.check_causality(DailyTrend(), bars).is_causal
    assert not pt.check_causality(Leaking(), bars).is_causal


@settings(max_examples=6)
@given(seed=st.integers(0, 2**32 - 1), width=st.integers(1, 2))
def test_paper_session_books_what_stored_targets_book(seed: int, width: int) -> None:
    bars = market(seed, width=width)
    strategy = DailyTrend()

    def run(source: LiveRows | StoredRows) -> object:
        return Session(bars, source, start=1, stop=len(bars), terms=Terms()).run()

    live = run(LiveRows(strategy, bars))
    assert difference(live, run(StoredRows(target_array(strategy, bars)))) == ""


@pytest.mark.parametrize("width", [1, 2])
def test_sweep_row_equals_the_backtest_of_its_parameters(width: int) -> None:
    bars = market(7, width=width, rows=400)
    found = pt.sweep(DailyTrend, bars, grid={"days": [1, 2, 3]})
    assert len(found.rows) == 3
    for row in found.rows:
        run = pt.backtest(DailyTrend(**row.params), bars)
        assert run.stats["total_return"] == row.stats["total_return"]
        assert len(run.record.fills) > 0
