"""The grid: which orders rest where, and what a round trip earns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import peak_trade as pt
from peak_trade.domain.errors import ParameterError
from peak_trade.domain.order import OrderKind
from peak_trade.domain.order_strategy import Cancel
from peak_trade.strategies import Grid
from tests.strategies.views import HandView, bar_of


def prices(asked):
    """Signed lots by price of what is asked for."""
    assert all(item.kind is OrderKind.LIMIT for item in asked if not isinstance(item, Cancel))
    return {item.price: item.lots for item in asked if not isinstance(item, Cancel)}


def started(grid, view, close=100.0):
    grid.on_start(view)
    return grid, list(grid.on_bar(bar_of(close), view))


def test_a_grid_begins_with_a_buy_order_on_every_line_below():
    _, asked = started(Grid(spacing=0.01, lots=7, levels=3), HandView())
    assert prices(asked) == {99.0: 7, 98.0: 7, 97.0: 7}


def test_a_grid_that_may_be_short_also_sells_on_every_line_above():
    _, asked = started(Grid(spacing=0.01, lots=7, levels=2, allow_short=True), HandView())
    assert prices(asked) == {99.0: 7, 98.0: 7, 101.0: -7, 102.0: -7}


def test_an_anchor_that_is_given_holds_whatever_the_first_close_is():
    _, asked = started(Grid(anchor=50.0, spacing=0.02, levels=2), HandView(), close=51.3)
    assert prices(asked) == {49.0: 1, 48.0: 1}


def test_a_fill_puts_a_sale_one_line_above_it_and_leaves_the_others():
    view = HandView()
    grid, asked = started(Grid(spacing=0.01, lots=7, levels=3), view)
    view.open_tags = {item.tag for item in asked} - {asked[0].tag}  # that at 99 has filled
    view.held[0] = 7
    assert prices(grid.on_bar(bar_of(99.0, row=1), view)) == {100.0: -7}
    assert grid.on_bar(bar_of(99.5, row=2), view) == ()


def test_a_partial_fill_is_sold_again_while_the_rest_is_still_bought():
    view = HandView()
    grid, asked = started(Grid(spacing=0.01, lots=7, levels=2), view)
    view.open_tags = {item.tag for item in asked}
    view.held[0] = 3
    found = list(grid.on_bar(bar_of(99.0, row=1), view))
    assert [item.tag for item in found if isinstance(item, Cancel)] == [asked[0].tag]
    assert prices(found) == {99.0: 4, 100.0: -3}


def test_an_order_that_is_gone_without_a_fill_is_placed_again_with_the_next_fill():
    view = HandView()
    grid, asked = started(Grid(spacing=0.01, lots=7, levels=3), view)
    view.open_tags = {asked[1].tag}  # that at 99 has filled, that at 97 was refused
    view.held[0] = 7
    assert prices(grid.on_bar(bar_of(99.0, row=1), view)) == {100.0: -7, 97.0: 7}


def test_lines_closer_than_a_tick_stand_a_tick_apart():
    _, asked = started(Grid(spacing=1e-6, levels=3), HandView())
    assert list(prices(asked)) == [99.99, 99.98, 99.97]


def test_each_instrument_has_a_grid_of_its_own():
    view = HandView(pt.Instrument("A", tick=0.01), pt.Instrument("B", tick=0.5))
    grid = Grid(spacing=0.01, levels=1)
    grid.on_start(view)
    first = list(grid.on_bar(bar_of(100.0), view))
    second = list(grid.on_bar(bar_of(200.0, instrument=1), view))
    assert [(item.instrument, item.price) for item in first + second] == [(0, 99.0), (1, 198.0)]
    assert first[0].tag != second[0].tag


def test_a_grid_that_reaches_zero_is_refused():
    with pytest.raises(ParameterError, match="reach down to zero"):
        Grid(spacing=0.25, levels=4)


@pytest.mark.parametrize("engine", ["session", "fast"])
def test_a_round_trip_earns_one_distance_a_lot(engine):
    # 100 -> below 99 -> above 100, three times: each time 10 lots of 0.001 earn 1 each
    path = [100.0, 98.5, 100.5, 98.5, 100.5, 98.5, 100.5]
    bars = pt.Bars.from_arrays(
        path,
        open=[100.0, *path[:-1]],
        high=np.maximum(path, [100.0, *path[:-1]]),
        low=np.minimum(path, [100.0, *path[:-1]]),
        instruments=[pt.Instrument("I", tick=0.01, lot=0.001)],
    )
    grid = Grid(spacing=0.01, lots=10, levels=1)
    done = pt.backtest(grid, bars, cash=1_000.0, engine=engine)
    fills = done.record.fills
    assert fills.lots.tolist() == [10, -10] * 3
    assert fills.price.tolist() == [99.0, 100.0] * 3
    assert done.equity_final == pytest.approx(1_000.0 + 3 * 10 * 0.001 * 1.0, abs=1e-9)


@given(
    seed=st.integers(0, 2**32),
    lots=st.integers(1, 50),
    levels=st.integers(1, 8),
    short=st.booleans(),
)
def test_a_grid_never_holds_more_than_its_levels(seed, lots, levels, short):
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.standard_normal(80) * 0.01)), 2)
    open_ = np.concatenate([[100.0], close[:-1]])
    bars = pt.Bars.from_arrays(
        close,
        open=open_,
        high=np.maximum(open_, close),
        low=np.minimum(open_, close),
        instruments=[pt.Instrument("I", tick=0.01, lot=0.001)],
    )
    grid = Grid(spacing=0.01, lots=lots, levels=levels, allow_short=short)
    held = np.cumsum(pt.backtest(grid, bars, cash=1e6).record.fills.lots)
    top = lots * levels
    assert held.max(initial=0) <= top
    assert held.min(initial=0) >= (-top if short else 0)
