"""Conversion rates between the currencies of a run."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError
from peak_trade.domain.instrument import Instrument
from peak_trade.engine.currency import account_currency, conversion_rates

NAN = math.nan


def bars_of(columns: dict[str, list[float]], **quotes: str) -> Bars:
    """Bars of closes by symbol; a stock is quoted as ``quotes`` says."""
    close = np.array(list(columns.values())).T
    instruments = [Instrument(symbol, quote=quotes.get(symbol, "")) for symbol in columns]
    return Bars.from_arrays(close, open=close, instruments=instruments, name="market")


def test_account_is_kept_in_the_quote_that_all_share() -> None:
    bars = bars_of({"A": [1.0], "B": [1.0]}, A="EUR", B="EUR")
    assert account_currency(bars, "") == "EUR"
    assert account_currency(bars, "USD") == "USD"
    assert conversion_rates(bars, "").shape == (0, 0)
    assert conversion_rates(bars, "EUR").shape == (0, 0)


def test_several_quotes_without_a_named_currency_are_refused() -> None:
    bars = bars_of({"A": [1.0], "B": [1.0]}, A="EUR", B="USD")
    with pytest.raises(InputError, match=r"quoted in EUR, USD, and .* not named; name it, such as"):
        account_currency(bars, "")
    with pytest.raises(InputError, match="not named"):
        conversion_rates(bars, "")


rates = st.lists(
    st.one_of(st.just(NAN), st.floats(0.001, 1000)), min_size=1, max_size=8
)  # NaN: no bar


@given(rates)
def test_rate_is_the_last_close_and_its_inverse_the_other_way_round(pair) -> None:
    stock = [10.0] * len(pair)
    last = [next((x for x in reversed(pair[: t + 1]) if x == x), NAN) for t in range(len(pair))]
    direct = conversion_rates(bars_of({"A": stock, "EUR/USD": pair}, A="EUR"), "USD")
    np.testing.assert_array_equal(direct[:, 0], last)
    np.testing.assert_array_equal(direct[:, 1], 1.0)  # the pair itself is quoted in dollars
    inverse = conversion_rates(bars_of({"A": stock, "USD/EUR": pair}, A="EUR"), "USD")
    np.testing.assert_allclose(inverse[:, 0] * last, np.where(np.isnan(last), NAN, 1.0))
    np.testing.assert_array_equal(inverse[:, 1], inverse[:, 0])  # quoted in euros itself


def test_dollar_stock_of_a_euro_account_is_converted_by_either_pair() -> None:
    there = conversion_rates(bars_of({"A": [10.0], "EUR/USD": [1.25]}, A="USD"), "EUR")
    back = conversion_rates(bars_of({"A": [10.0], "USD/EUR": [0.8]}, A="USD"), "EUR")
    assert there.tolist() == [[0.8, 0.8]]
    assert back.tolist() == [[0.8, 1.0]]


def test_rate_reads_nothing_of_later_rows() -> None:
    pair = [1.1, 1.2, 1.3, 1.4]
    all_rows = conversion_rates(bars_of({"A": [1.0] * 4, "EUR/USD": pair}, A="EUR"), "USD")
    for t in range(1, 5):
        known = bars_of({"A": [1.0] * t, "EUR/USD": pair[:t]}, A="EUR")
        np.testing.assert_array_equal(conversion_rates(known, "USD"), all_rows[:t])


def test_currency_that_nothing_converts_is_refused_with_the_pair_to_add() -> None:
    bars = bars_of({"A": [1.0], "GBP/USD": [1.3]}, A="EUR")
    with pytest.raises(InputError) as caught:
        conversion_rates(bars, "USD")
    assert str(caught.value) == (
        "no instrument of market (A, GBP/USD) converts EUR to USD; "
        "add EUR/USD or USD/EUR to the bars, or name another currency"
    )
