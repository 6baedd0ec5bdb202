"""A symbol's rules: each broken alone, with the documented text."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.simulation.binance.filters import Asked, Filters
from peak_trade.simulation.binance.refusals import Refusal

RULES = Filters(
    tick=Decimal("0.01"),
    step=Decimal("0.001"),
    min_quantity=Decimal("0.002"),
    max_quantity=Decimal(100),
    min_notional=Decimal(10),
)
GOOD = Asked(
    kind="LIMIT",
    is_buy=True,
    quantity=Decimal("0.5"),
    price=Decimal("100.01"),
    stop=None,
    average=Decimal(100),
)


def test_order_that_keeps_every_rule_passes() -> None:
    RULES.check(GOOD)
    RULES.check(replace(GOOD, kind="MARKET", price=None))
    RULES.check(replace(GOOD, kind="STOP_LOSS_LIMIT", stop=Decimal("99.5")))


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"price": Decimal("100.005")}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": Decimal(0)}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": Decimal(10**9 + 1)}, -1013, "Filter failure: PRICE_FILTER"),
        ({"stop": Decimal("0.001")}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": Decimal("500.01")}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"price": Decimal("19.99")}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"quantity": Decimal("0.001")}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": Decimal("0.5005")}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": Decimal("100.001")}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": Decimal(0)}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": Decimal("0.099")}, -1013, "Filter failure: NOTIONAL"),
        ({"open_orders": 200}, -1013, "Filter failure: MAX_NUM_ORDERS"),
        (
            {"kind": "STOP_LOSS", "open_algos": 5},
            -1013,
            "Filter failure: MAX_NUM_ALGO_ORDERS",
        ),
        ({"price": Decimal("100.000000001")}, -1111, "Parameter 'price' has too much precision."),
        (
            {"quantity": Decimal("0.123456789")},
            -1111,
            "Parameter 'quantity' has too much precision.",
        ),
    ],
)
def test_order_that_breaks_one_rule_is_refused_with_its_name(
    change: dict[str, object], code: int, text: str
) -> None:
    with pytest.raises(Refusal) as refused:
        RULES.check(replace(GOOD, **change))  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.message, refused.value.status) == (code, text, 400)


def test_market_order_is_valued_at_the_average_price() -> None:
    RULES.check(replace(GOOD, kind="MARKET", price=None, quantity=Decimal("0.1")))
    with pytest.raises(Refusal, match="NOTIONAL"):
        RULES.check(replace(GOOD, kind="MARKET", price=None, quantity=Decimal("0.099")))


@given(price=st.integers(2_000, 50_000), lots=st.integers(500, 100_000))
def test_every_multiple_of_tick_and_step_within_bounds_passes(price: int, lots: int) -> None:
    RULES.check(replace(GOOD, price=Decimal(price).scaleb(-2), quantity=Decimal(lots).scaleb(-3)))
