"""The books: every entry, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.errors import InputError, LedgerError
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.ledger import Adjust, CashFlow, Fill, Ledger, Split
from peak_trade.domain.order import Reason


def fill(lots: int, price: float, fee: float = 0.0, instrument: int = 0) -> Fill:
    return Fill("id", instrument, lots, price, fee, Reason.TARGET, 0)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger([Instrument("A", lot=0.5), Instrument("B", lot=1.0, multiplier=10.0)], 1000.0)


def test_buy_takes_value_and_fee_from_cash(ledger: Ledger) -> None:
    ledger.apply(fill(10, 100.0, fee=2.0))
    assert ledger.cash == {"USD": 498.0}
    assert ledger.lots.tolist() == [10, 0]
    assert ledger.average.tolist() == [100.0, 0.0]
    assert ledger.fees == 2.0
    assert ledger.holds


def test_average_follows_increases_and_not_reductions(ledger: Ledger) -> None:
    ledger.apply(fill(10, 100.0))
    ledger.apply(fill(30, 120.0))
    assert ledger.average[0] == 115.0
    ledger.apply(fill(-20, 200.0))
    assert ledger.average[0] == 115.0
    ledger.apply(fill(-20, 200.0))
    assert ledger.average[0] == 0.0
    assert not ledger.holds


def test_fill_through_zero_starts_a_new_average(ledger: Ledger) -> None:
    ledger.apply(fill(10, 100.0))
    ledger.apply(fill(-15, 90.0))
    assert ledger.lots[0] == -5
    assert ledger.average[0] == 90.0


def test_multiplier_and_lot_scale_the_value(ledger: Ledger) -> None:
    ledger.apply(fill(-2, 7.0, instrument=1))
    assert ledger.cash["USD"] == 1140.0
    assert ledger.equity(np.array([1.0, 8.0])) == 1140.0 - 160.0


def test_cash_flow_moves_cash_alone(ledger: Ledger) -> None:
    ledger.apply(CashFlow("USD", -12.5, "funding", 0))
    assert ledger.cash["USD"] == 987.5
    assert not ledger.holds


def test_split_with_a_remainder_pays_it_in_cash(ledger: Ledger) -> None:
    ledger.apply(fill(7, 100.0))
    before = ledger.cash["USD"]
    ledger.apply(Split(0, 1, 2, 200.0, 0))  # one new lot for two old ones, worth 0.5 x 200 each
    assert ledger.lots[0] == 3
    assert ledger.average[0] == 200.0
    assert ledger.cash["USD"] == before + 0.5 * 0.5 * 200.0


def test_split_of_a_short_owes_the_remainder(ledger: Ledger) -> None:
    ledger.apply(fill(-7, 100.0))
    before = ledger.cash["USD"]
    ledger.apply(Split(0, 1, 2, 200.0, 0))
    assert ledger.lots[0] == -3
    assert ledger.cash["USD"] == before - 50.0


def test_split_keeps_what_the_account_is_worth(ledger: Ledger) -> None:
    ledger.apply(fill(9, 100.0))
    before = ledger.equity(np.array([100.0, 1.0]))
    ledger.apply(Split(0, 3, 2, 100.0 / 1.5, 0))
    assert ledger.lots[0] == 13
    assert math.isclose(ledger.equity(np.array([100.0 / 1.5, 1.0])), before)


def test_adjust_corrects_position_and_cash(ledger: Ledger) -> None:
    ledger.apply(Adjust(1, 3, "USD", -1.0, "the venue says so", 0))
    assert ledger.lots.tolist() == [0, 3]
    assert ledger.cash["USD"] == 999.0
    assert ledger.open_positions == 1
    ledger.apply(Adjust(1, -3, "USD", 0.0, "the venue was wrong", 0))
    assert not ledger.holds


def test_mixed_quotes_are_refused() -> None:
    with pytest.raises(InputError, match="EUR, USD"):
        Ledger([Instrument("A/USD"), Instrument("B/EUR")], 1.0)


@pytest.mark.parametrize("amount", [math.nan, math.inf, -math.inf])
def test_money_that_is_not_finite_is_refused(ledger: Ledger, amount: float) -> None:
    for entry in (CashFlow("USD", amount, "interest", 0), fill(1, amount), fill(1, 1.0, amount)):
        with pytest.raises(LedgerError):
            ledger.apply(entry)
    assert ledger.cash == {"USD": 1000.0}
    assert ledger.lots.tolist() == [0, 0]
    assert ledger.fees == 0.0


def test_unknown_currency_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError):
        ledger.apply(CashFlow("EUR", 1.0, "deposit", 0))


@pytest.mark.parametrize("amount", [math.nan, math.inf])
def test_refused_adjustment_leaves_the_position(ledger: Ledger, amount: float) -> None:
    with pytest.raises(LedgerError):
        ledger.apply(Adjust(0, 5, "USD", amount, "broken", 0))
    assert ledger.lots.tolist() == [0, 0]


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 200)), max_size=30))
def test_closed_round_trips_leave_their_profit_in_cash(trades: list[tuple[int, int]]) -> None:
    ledger = Ledger([Instrument("A", lot=1.0)], 1000.0)
    for lots, price in trades:
        ledger.apply(fill(lots, float(price)))
    ledger.apply(fill(-sum(lots for lots, _ in trades), 100.0))
    assert ledger.cash["USD"] == 1000.0 - sum(lots * (price - 100.0) for lots, price in trades)
    assert not ledger.holds
