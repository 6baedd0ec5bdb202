"""The market maker: where its quotes stand, and how it leans against its inventory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import peak_trade as pt
from peak_trade.domain.errors import ParameterError
from peak_trade.domain.order_strategy import Cancel
from peak_trade.strategies import MarketMaker
from tests.strategies.views import HandView, bar_of


def quotes(maker, view, bar):
    """(bid, lots), (ask, lots) of what is asked for; None for a side that is not quoted."""
    asked = list(maker.on_bar(bar, view))
    found = {item.lots > 0: item for item in asked if not isinstance(item, Cancel)}
    assert all(item.post_only for item in found.values())
    return [(found[k].price, found[k].lots) if k in found else None for k in (True, False)]


def started(**parameters):
    maker, view = MarketMaker(**parameters), HandView()
    maker.on_start(view)
    return maker, view


def test_quotes_stand_a_half_spread_from_the_close():
    maker, view = started(half_spread=0.002, lots=3)
    assert quotes(maker, view, bar_of(100.0)) == [(99.8, 3), (100.2, -3)]


def test_an_inventory_moves_both_quotes_against_itself():
    maker, view = started(half_spread=0.002, lots=3, max_lots=10, skew=1.0)
    view.held[0] = 5  # half of the most: the middle moves half of 0.2
    assert quotes(maker, view, bar_of(100.0)) == [(99.7, 3), (100.1, -3)]
    view.held[0] = -5
    assert quotes(maker, view, bar_of(100.0)) == [(99.9, 3), (100.3, -3)]


def test_a_quote_is_cut_to_what_the_cap_leaves():
    maker, view = started(lots=3, max_lots=10, skew=0.0)
    view.held[0] = 9
    assert quotes(maker, view, bar_of(100.0)) == [(99.8, 1), (100.2, -3)]
    view.held[0] = 10
    assert quotes(maker, view, bar_of(100.0)) == [None, (100.2, -3)]
    view.held[0] = -10
    assert quotes(maker, view, bar_of(100.0)) == [(99.8, 3), None]


def test_without_shorts_it_sells_what_it_holds_alone():
    maker, view = started(lots=3, allow_short=False, skew=0.0)
    assert quotes(maker, view, bar_of(100.0)) == [(99.8, 3), None]
    view.held[0] = 2
    assert quotes(maker, view, bar_of(100.0)) == [(99.8, 3), (100.2, -2)]


def test_quotes_are_a_tick_from_the_middle_at_least():
    maker, view = started(half_spread=1e-6)
    assert quotes(maker, view, bar_of(100.0)) == [(99.99, 1), (100.01, -1)]


def test_the_last_quotes_are_cancelled_first():
    maker, view = started()
    asked = list(maker.on_bar(bar_of(100.0), view))
    assert [isinstance(item, Cancel) for item in asked] == [True, True, False, False]
    assert [item.tag for item in asked[:2]] == [item.tag for item in asked[2:]]


def test_the_range_is_wilders_from_the_bar_on_that_it_is_known():
    rng = np.random.default_rng(4)
    close = 100 + np.cumsum(rng.standard_normal(60))
    high, low = close + rng.random(60), close - rng.random(60)
    n = 14
    # Wilder 1978: the mean of the first n true ranges, then (n - 1) parts old and one part new
    before = np.concatenate([[np.nan], close[:-1]])
    ranges = np.fmax(high - low, np.fmax(np.abs(high - before), np.abs(low - before)))
    wilder = np.full(60, np.nan)
    wilder[n - 1] = ranges[:n].mean()
    for t in range(n, 60):
        wilder[t] = (wilder[t - 1] * (n - 1) + ranges[t]) / n
    maker, view = started(atr=1.0, n=n, skew=0.0)
    for t in range(60):
        bar = bar_of(close[t], row=t, high=high[t], low=low[t])
        if t < n - 1:
            assert maker.on_bar(bar, view) == ()
            continue
        bid, ask = quotes(maker, view, bar)
        assert bid[0] == pytest.approx(close[t] - wilder[t], abs=0.0051)
        assert ask[0] == pytest.approx(close[t] + wilder[t], abs=0.0051)
    assert maker.warmup == n - 1


def test_a_quote_beyond_the_cap_is_refused():
    with pytest.raises(ParameterError, match="exceed max_lots"):
        MarketMaker(lots=11, max_lots=10)


@given(
    seed=st.integers(0, 2**32),
    lots=st.integers(1, 20),
    times=st.integers(1, 4),
    short=st.booleans(),
    skew=st.floats(0, 5),
)
def test_the_inventory_stays_within_its_cap(seed, lots, times, short, skew):
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.standard_normal(80) * 0.005)), 2)
    open_ = np.round(np.concatenate([[100.0], close[:-1]]) * (1 + rng.normal(0, 0.001, 80)), 2)
    bars = pt.Bars.from_arrays(
        close,
        open=open_,
        high=np.maximum(open_, close) + 0.2,
        low=np.minimum(open_, close) - 0.2,
        instruments=[pt.Instrument("I", tick=0.01, lot=0.001)],
    )
    maker = MarketMaker(lots=lots, max_lots=lots * times, skew=skew, allow_short=short)
    held = np.cumsum(pt.backtest(maker, bars, cash=1e6).record.fills.lots)
    assert held.max(initial=0) <= lots * times
    assert held.min(initial=0) >= (-lots * times if short else 0)
