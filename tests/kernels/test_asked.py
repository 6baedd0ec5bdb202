"""What a compiled strategy writes: rows of requests, and prices on the tick."""

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.domain.order import OrderKind, TimeInForce
from peak_trade.kernels import asked as a


@given(ticks=st.integers(1, 10**9), tick=st.sampled_from(["0.01", "0.5", "0.1", "0.00001", "1"]))
def test_a_price_on_the_tick_stays_what_it_is(ticks, tick):
    price = float(Decimal(ticks) * Decimal(tick))
    assert a.on_tick(price, float(tick)) == price
    assert a.ticks_of(price, float(tick)) == ticks


@given(price=st.decimals("0.02", "100000", places=4), tick=st.sampled_from(["0.01", "0.25", "2"]))
def test_a_price_between_ticks_goes_to_the_nearest(price, tick):
    exact = price / Decimal(tick)
    if exact % 1 == Decimal("0.5"):
        return  # a tie of decimals need not be one of floats
    nearest = exact.quantize(Decimal(1), ROUND_HALF_EVEN) * Decimal(tick)
    assert a.on_tick(float(price), float(tick)) == float(nearest)


def test_a_row_is_written_whole_whatever_stood_there():
    asked = np.full((3, a.ASKED), 77.0)
    assert a.ask(asked, 1, a.LIMIT, -5, 9.5, 3) == 2
    assert (asked[0] == 77.0).all()
    assert asked[1, [a.KIND, a.LOTS, a.PRICE, a.TAG]].tolist() == [a.LIMIT, -5.0, 9.5, 3.0]
    others = [a.LIMIT_PRICE, a.TRAIL, a.STOP_LOSS, a.PROFIT]
    assert np.isnan(asked[1, others]).all()
    rest = [a.FORCE, a.EXPIRES_S, a.POST_ONLY, a.REDUCE_ONLY, a.GROUP]
    assert asked[1, rest].tolist() == [0.0] * 5
    assert a.cancel(asked, 2, 4) == 3
    assert asked[2, [a.KIND, a.TAG]].tolist() == [a.CANCEL, 4.0]


def test_an_order_works_where_its_tag_is_among_the_open_ones_alone():
    orders = np.zeros((4, a.ORDERS))
    orders[:3, a.ORDER_TAG] = [5.0, 6.0, 7.0]
    account = np.zeros(a.ACCOUNT)
    account[a.OPEN_ORDERS] = 2.0
    assert [a.is_working(orders, account, tag) for tag in (5, 6, 7)] == [True, True, False]


@pytest.mark.parametrize(
    ("names", "codes"),
    [
        (OrderKind, (a.MARKET, a.LIMIT, a.STOP, a.STOP_LIMIT, a.TRAILING_STOP, a.TAKE_PROFIT)),
        (TimeInForce, (a.GTC, a.IOC, a.FOK, a.GTD)),
    ],
)
def test_every_kind_and_force_has_a_code_of_its_own(names, codes):
    assert len(set(codes)) == len(names)
