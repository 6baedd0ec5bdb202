"""Adjusted views and the total return: against a holder who lives through the actions."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.data.adjust import adjusted, total_return
from peak_trade.domain.actions import Actions, Delisting, Dividend, FundingRate, StockSplit
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import DataError
from peak_trade.domain.instrument import Instrument, TradingRules

DAY = 86_400_000_000_000
RATIOS = [(2, 1), (3, 1), (3, 2), (1, 8), (10027, 10000), (1, 1)]
VIEWS = ["split", "total_return"]


@st.composite
def markets(draw):
    """Bars with holes, and splits and dividends at their opens."""
    width, days = draw(st.integers(1, 3)), draw(st.integers(3, 15))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.05, (days, width)), axis=0))
    open_ = close * np.exp(random.normal(0, 0.02, (days, width)))
    hole = random.random((days, width)) < 0.25
    close[hole], open_[hole] = np.nan, np.nan
    close[1, 0] = open_[1, 0] = 50.0
    bars = Bars.from_arrays(
        close, open=open_, volume=random.integers(1, 1000, (days, width)).astype(float)
    )
    rows = []
    for symbol in bars.symbols:
        for day in draw(st.lists(st.integers(0, days), unique=True, max_size=4)):
            if draw(st.booleans()):
                rows.append(StockSplit(symbol, day * DAY, *draw(st.sampled_from(RATIOS))))
            amounts = draw(st.lists(st.floats(0, 0.1), unique=True, max_size=2))
            rows += [Dividend(symbol, day * DAY, amount) for amount in amounts]
    return bars, Actions.of(draw(st.permutations(rows))).within(bars)


def lived(bars, actions, column, reinvest):
    """Wealth at each close of who put 1 in at the first close: units, and what dividends bought.

    Goes through real bars one by one in plain floats. ``reinvest`` is when the cash buys units:
    at the ``ex`` price (the last close less the dividends) before the bar, at the ``close`` of
    it, or ``never``, in which case the cash is not counted either.
    """
    todo = [a for a in actions if a.symbol == bars.symbols[column]]
    wealth, units, last = np.full(len(bars), np.nan), 0.0, 0.0
    for t in range(len(bars)):
        price = float(bars.close[t, column])
        if not bars.tradable[t, column]:
            wealth[t] = units * last if units else np.nan
            continue
        cash = 0.0
        while todo and todo[0].time_ns < bars.time[t]:
            action = todo.pop(0)
            if isinstance(action, StockSplit):
                units *= action.numerator / action.denominator
                last *= action.denominator / action.numerator
            elif isinstance(action, Dividend):
                cash += units * action.amount
        if not units:
            units = 1 / price
        elif cash and reinvest == "ex":
            units += cash / (last - cash / units)
        elif cash and reinvest == "close":
            units += cash / price
        last = price
        wealth[t] = units * price
    return wealth


def from_first(values):
    """Each column over its first value."""
    first = np.array([column[~np.isnan(column)][0] if (~np.isnan(column)).any() else 1.0
                      for column in values.T])  # fmt: skip
    return values / first


def all_lived(bars, actions, reinvest):
    columns = range(len(bars.symbols))
    return np.column_stack([lived(bars, actions, column, reinvest) for column in columns])


# ---------------------------------------------------------------- laws


@given(markets())
def test_split_view_grows_as_the_units_held_do(market):
    bars, actions = market
    view = adjusted(bars, actions)
    np.testing.assert_allclose(
        from_first(view.close), all_lived(bars, actions, "never"), rtol=1e-12
    )


@given(markets())
def test_total_return_view_grows_as_a_holder_who_reinvests_at_the_ex_price(market):
    bars, actions = market
    view = adjusted(bars, actions, view="total_return")
    np.testing.assert_allclose(from_first(view.close), all_lived(bars, actions, "ex"), rtol=1e-12)


@given(markets())
def test_total_return_grows_as_a_holder_who_reinvests_at_the_close(market):
    bars, actions = market
    index = total_return(bars, actions)
    np.testing.assert_allclose(index, all_lived(bars, actions, "close"), rtol=1e-12)


@given(markets())
def test_split_view_away_from_splits_returns_what_raw_bars_do(market):
    bars, actions = market
    view = adjusted(bars, actions)
    for column, symbol in enumerate(bars.symbols):
        splits = [a.time_ns for a in actions.for_symbols(symbol) if isinstance(a, StockSplit)]
        real = np.flatnonzero(bars.tradable[:, column])
        for before, row in itertools.pairwise(real):
            if not any(bars.time[before] <= time < bars.time[row] for time in splits):
                raw = bars.close[row, column] / bars.close[before, column]
                assert view.close[row, column] / view.close[before, column] == pytest.approx(
                    raw, rel=1e-14
                )


@given(markets(), st.sampled_from(VIEWS))
def test_view_keeps_rows_stamps_last_prices_and_the_shape_of_each_bar(market, view):
    bars, actions = market
    seen = adjusted(bars, actions, view=view)
    for name in ("time", "open_time", "tradable", "close_only"):
        np.testing.assert_array_equal(getattr(seen, name), getattr(bars, name))
    np.testing.assert_array_equal(seen.close[-1], bars.close[-1])
    for name in ("open", "high", "low"):
        np.testing.assert_allclose(
            getattr(seen, name) / seen.close, getattr(bars, name) / bars.close, rtol=1e-13
        )


@given(markets())
def test_split_view_keeps_the_money_traded(market):
    bars, actions = market
    view = adjusted(bars, actions)
    np.testing.assert_allclose(view.volume * view.close, bars.volume * bars.close, rtol=1e-13)


@given(markets(), st.sampled_from(VIEWS))
def test_view_of_a_longer_history_has_the_same_returns(market, view):
    bars, actions = market
    known = bars[: len(bars) // 2 + 1]
    then, now = (
        np.log(adjusted(part, actions.within(part), view=view).close[: len(known)])
        for part in (known, bars)
    )
    np.testing.assert_allclose(np.diff(then, axis=0), np.diff(now, axis=0), atol=1e-12)


@given(markets())
def test_raw_prices_made_from_smooth_ones_come_back_smooth(market):
    smooth, actions = market
    splits = Actions.of(a for a in actions if isinstance(a, StockSplit))
    # What an exchange would have printed: a split of n for d later makes a price n/d as high.
    backwards = Actions.of(
        dataclasses.replace(a, numerator=a.denominator, denominator=a.numerator) for a in splits
    )
    raw = adjusted(smooth, backwards)
    again = adjusted(raw, splits)
    np.testing.assert_allclose(again.close, smooth.close, rtol=1e-13)
    np.testing.assert_allclose(again.volume, smooth.volume, rtol=1e-13)


# ---------------------------------------------------------------- examples


def daily(closes, **changed):
    return Bars.from_arrays(
        closes, **({"open": closes, "instruments": ["A"], "name": "days"} | changed)
    )


def test_dividend_over_its_ex_date_returns_by_either_definition():
    bars = daily([100.0, 99.0, 99.0])
    paid = Actions.of([Dividend("A", DAY, 1.5), Dividend("A", DAY, 0.5)])
    index = total_return(bars, paid).ravel()
    assert index[1] / index[0] - 1 == pytest.approx((99.0 + 2.0) / 100.0 - 1)
    view = adjusted(bars, paid, view="total_return").close.ravel()
    assert view[1] / view[0] - 1 == pytest.approx(99.0 / (100.0 - 2.0) - 1)
    assert view.tolist() == [98.0, 99.0, 99.0]


def test_dividend_on_the_day_of_a_split_is_per_unit_in_the_order_given():
    bars = daily([100.0, 50.0])
    split, paid = StockSplit("A", DAY, 2, 1), Dividend("A", DAY, 1.0)
    new, old = (
        total_return(bars, Actions.of(rows))[1, 0] for rows in ([split, paid], [paid, split])
    )
    assert (new, old) == (1.02, 1.01)  # two new shares with 1 each, or one old share with 1


def test_delisting_ends_the_index_at_its_price_and_later_bars_do_not_move_it():
    bars = daily([100.0, 80.0, 70.0, 60.0])
    gone = Actions.of([Dividend("A", DAY, 10.0), Delisting("A", 2 * DAY, 20.0),
                       Dividend("A", 3 * DAY, 9.0)])  # fmt: skip
    np.testing.assert_allclose(total_return(bars, gone).ravel(), [1.0, 0.9, 0.225, 0.225])


def test_delisting_without_a_price_ends_the_index_at_the_last_close():
    bars = daily([100.0, 80.0, 70.0])
    index = total_return(bars, Actions.of([Delisting("A", 2 * DAY)])).ravel()
    np.testing.assert_allclose(index, [1.0, 0.8, 0.8])


def test_delisting_after_the_last_bar_of_its_instrument_counts_in_the_next_row():
    closes = [[10.0, 1.0], [np.nan, 1.0], [np.nan, 1.0]]
    bars = Bars.from_arrays(closes, instruments=["A", "B"])
    index = total_return(bars, Actions.of([Delisting("A", DAY, 5.0)]))
    np.testing.assert_allclose(index, [[1.0, 1.0], [0.5, 1.0], [0.5, 1.0]])


def test_dividend_and_split_between_the_last_bar_and_a_delisting_count_at_its_price():
    closes = [[10.0, 1.0], [np.nan, 1.0], [np.nan, 1.0], [np.nan, 1.0]]
    bars = Bars.from_arrays(closes, instruments=["A", "B"])
    late = [Dividend("A", DAY, 2.0), StockSplit("A", 2 * DAY, 2, 1)]
    ended = Actions.of([*late, Delisting("A", 3 * DAY, 4.5)])
    np.testing.assert_allclose(total_return(bars, ended)[:, 0], [1.0, 1.0, 1.0, 1.1])
    np.testing.assert_allclose(total_return(bars, Actions.of(late))[:, 0], 1.0)
    view = adjusted(bars, ended, view="total_return")
    np.testing.assert_array_equal(view.close, bars.close)


def test_funding_changes_neither_view_nor_index():
    bars = daily([100.0, 99.0])
    funding = Actions.of([FundingRate("A", DAY, 0.01)])
    assert adjusted(bars, funding, view="total_return").fingerprint == bars.fingerprint
    assert total_return(bars, funding).ravel().tolist() == [1.0, 0.99]


def test_action_after_the_last_close_changes_nothing():
    bars = daily([100.0, 99.0])
    later = Actions.of([StockSplit("A", 2 * DAY, 2, 1), Dividend("A", 3 * DAY, 1.0)])
    assert adjusted(bars, later, view="total_return").fingerprint == bars.fingerprint


def test_raw_view_is_the_bars_and_others_have_a_fingerprint_and_a_name_of_their_own():
    bars = daily([100.0, 50.0])
    actions = Actions.of([StockSplit("A", DAY, 2, 1), Dividend("A", DAY, 1.0)])
    views = [adjusted(bars, actions, view=view) for view in ("raw", "split", "total_return")]
    assert views[0] is bars
    assert len({view.fingerprint for view in views}) == 3
    assert [view.name for view in views] == ["days", "days (split)", "days (total return)"]


def test_view_gives_what_it_changed_the_tick_of_its_prices():
    rules = (TradingRules(5, 0.01, 1, 0.0),)
    instruments = [Instrument("A", tick=0.01, rules=rules), Instrument("B", tick=0.01)]
    closes = np.array([[10.01, 10.01], [5.0, 10.0]])
    bars = Bars.from_arrays(closes, instruments=instruments)
    view = adjusted(bars, Actions.of([StockSplit("A", DAY, 2, 1)]))
    assert view.close[0].tolist() == [5.005, 10.01]
    assert [instrument.tick for instrument in view.instruments] == [0.001, 0.01]
    assert view.instruments[0].rules[0].tick == 0.001


def test_view_with_an_unknown_name_suggests_the_near_one():
    with pytest.raises(DataError, match="view 'splits' is not known; did you mean split"):
        adjusted(daily([1.0, 2.0]), Actions(), view="splits")


def test_split_inside_a_bar_is_refused_and_of_closes_alone_taken():
    split = Actions.of([StockSplit("A", DAY + 1, 2, 1)])
    with pytest.raises(
        DataError, match=r"split of A at 1970-01-02T00:00:00\.000000001 lies inside"
    ):
        adjusted(daily([100.0, 50.0]), split)
    closes = Bars.from_arrays([100.0, 50.0], instruments=["A"])
    assert adjusted(closes, split).close.ravel().tolist() == [50.0, 50.0]


def test_dividend_that_is_not_below_the_last_close_is_refused():
    paid = Actions.of([Dividend("A", DAY, 60.0), Dividend("A", DAY, 40.0)])
    with pytest.raises(DataError, match=r"dividends of 100 of A at .* the last close 100 of days"):
        adjusted(daily([100.0, 1.0]), paid, view="total_return")
    assert total_return(daily([100.0, 1.0]), paid)[1, 0] == pytest.approx(1.01)
    assert adjusted(daily([100.0, 1.0]), paid).close[0, 0] == 100.0


@pytest.mark.parametrize("call", [adjusted, total_return])
def test_actions_of_other_bars_are_refused(call):
    with pytest.raises(DataError, match=r"split of B at .* of no instrument of days"):
        call(daily([1.0, 2.0]), Actions.of([StockSplit("B", DAY, 2, 1)]))
    with pytest.raises(DataError, match="lies before its first bar in days"):
        call(daily([1.0, 2.0]), Actions.of([Dividend("A", -1, 1.0)]))
