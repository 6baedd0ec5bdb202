"""Order rules by row, packed terms, and bars that cannot be traded."""

import numpy as np
import pytest
from execution.scenes import FLAT, HOUR, bars_of

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError
from peak_trade.domain.instrument import Instrument, TradingRules
from peak_trade.domain.terms import Costs, Exits, Terms
from peak_trade.engine.account import RuleTable, check_tradable, packed
from peak_trade.kernels import simulate


def ruled() -> Bars:
    first = Instrument("A", rules=(TradingRules(3 * HOUR, 0.5, 10, 5.0),))
    second = Instrument("B", rules=(TradingRules(4 * HOUR - 1, 0.1, 2, 7.0),))
    return bars_of([FLAT] * 6, [FLAT] * 6, instruments=[first, second])


def test_rules_hold_from_the_first_row_that_closes_at_or_after_their_date() -> None:
    table = RuleTable.of(ruled())
    assert table.rows.tolist() == [0, 2, 3]
    assert table.steps.tolist() == [[1, 1], [10, 1], [10, 2]]
    assert table.ticks[:, 0].tolist() == [0.01, 0.5, 0.5]
    assert table.minima[:, 1].tolist() == [0.0, 0.0, 7.0]


def test_every_row_finds_the_rules_that_its_instruments_name() -> None:
    bars = ruled()
    table = RuleTable.of(bars)
    for row in range(len(bars)):
        for i, instrument in enumerate(bars.instruments):
            assert (
                table.steps[table.at(row), i] == instrument.rules_at(int(bars.time[row])).order_step
            )


def test_rules_from_before_and_after_the_bars() -> None:
    old, new = TradingRules(-5, 0.5, 3, 1.0), TradingRules(99 * HOUR, 0.1, 7, 2.0)
    table = RuleTable.of(bars_of([FLAT] * 4, instruments=[Instrument("A", rules=(old, new))]))
    assert table.rows.tolist() == [0]
    assert table.steps.tolist() == [[3]]


def test_packed_terms_are_read_only_and_nan_where_unset() -> None:
    values = packed(Terms(500.0, Costs(0.001, 0.002), Exits(take_profit=0.1)))
    assert values[simulate.TERM_CASH] == 500.0
    assert values[simulate.TERM_TAKE] == 0.1
    assert np.isnan(values[simulate.TERM_STOP])
    assert np.isnan(values[simulate.TERM_MIN_CHANGE])
    assert values[simulate.TERM_STATED] == 0.0
    assert not values.flags.writeable


def test_exits_on_closes_alone_are_refused() -> None:
    bars = Bars.from_arrays([1.0, 2.0, 3.0])
    check_tradable(bars, 0, 3, Terms())
    with pytest.raises(InputError, match="closes alone"):
        check_tradable(bars, 0, 3, Terms(exits=Exits(stop_loss=0.1)))


def test_several_quote_currencies_are_refused() -> None:
    bars = bars_of([FLAT] * 3, [FLAT] * 3, instruments=[Instrument("A/USD"), Instrument("B/EUR")])
    with pytest.raises(InputError, match="EUR, USD"):
        check_tradable(bars, 0, 3, Terms())


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (2, 2), (3, 3)])
def test_fewer_than_two_rows_are_refused(start: int, stop: int) -> None:
    with pytest.raises(InputError, match="at least 2"):
        check_tradable(bars_of([FLAT] * 3), start, stop, Terms())


def test_prices_that_do_not_fit_the_ticks_are_refused() -> None:
    bars = bars_of([(1e11,) * 4] * 3, instruments=[Instrument("X", tick=1e-8)])
    check_tradable(bars, 0, 3, Terms())
    with pytest.raises(InputError, match="larger tick"):
        check_tradable(bars, 0, 3, Terms(exits=Exits(stop_loss=0.1)))


def test_panel_without_any_real_bar_is_looked_over_without_a_warning() -> None:
    none = np.full(3, np.nan)
    check_tradable(Bars.from_arrays(none, open=none), 0, 3, Terms(exits=Exits(stop_loss=0.1)))


def test_ticks_of_rules_by_date_are_looked_at_too() -> None:
    finer = TradingRules(2 * HOUR, 1e-8, 1, 0.0)
    bars = bars_of([(1e11,) * 4] * 3, instruments=[Instrument("X", tick=1.0, rules=(finer,))])
    with pytest.raises(InputError, match="larger tick"):
        check_tradable(bars, 0, 3, Terms(exits=Exits(stop_loss=0.1)))
