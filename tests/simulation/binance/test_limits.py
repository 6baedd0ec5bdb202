"""Weights, order counts, 429 and 418: the documented texts, headers and lengths."""

import pytest

from peak_trade.simulation.binance.limits import INSISTENCE, Limits
from peak_trade.simulation.binance.refusals import Refusal

HERE, MINUTE = "127.0.0.1", 60.0


def test_weight_is_counted_by_address_and_by_minute() -> None:
    limits = Limits(weight=100)

    assert limits.charge(HERE, 60, 0.5) == {"X-MBX-USED-WEIGHT-1M": "60"}
    assert limits.charge("10.0.0.1", 20, 0.6) == {"X-MBX-USED-WEIGHT-1M": "20"}
    assert limits.charge(HERE, 40, 59.9) == {"X-MBX-USED-WEIGHT-1M": "100"}
    assert limits.charge(HERE, 1, 60.0) == {"X-MBX-USED-WEIGHT-1M": "1"}


def test_weight_beyond_the_limit_says_when_it_ends_and_insisting_ends_in_a_ban() -> None:
    limits = Limits(weight=10)
    limits.charge(HERE, 10, 30.0)
    with pytest.raises(Refusal) as refused:
        limits.charge(HERE, 1, 30.0)
    assert (refused.value.status, refused.value.code) == (429, -1003)
    assert refused.value.message == (
        "Too much request weight used; current limit is 10 request weight per 1 MINUTE. Please use"
        " WebSocket Streams for live updates to avoid polling the API."
    )
    assert refused.value.headers == {"X-MBX-USED-WEIGHT-1M": "11", "Retry-After": "31"}

    statuses = []
    for _ in range(INSISTENCE):
        with pytest.raises(Refusal) as refused:
            limits.charge(HERE, 1, 31.0)
        statuses.append(refused.value.status)
    assert statuses == [429] * (INSISTENCE - 1) + [418]
    assert refused.value.headers["Retry-After"] == "121"
    assert refused.value.data == {"serverTime": 31_000, "retryAfter": 151_000}
    assert "IP banned until 151000" in refused.value.message

    with pytest.raises(Refusal, match="banned"):
        limits.charge(HERE, 1, 150.9)  # a new minute does not end a ban
    assert limits.charge(HERE, 1, 151.0) == {"X-MBX-USED-WEIGHT-1M": "1"}


def test_bans_double_for_those_who_come_back_to_it() -> None:
    limits, now_s, lengths = Limits(weight=1), 0.0, []
    for _ in range(14):
        for _ in range(INSISTENCE + 2):
            try:
                limits.charge(HERE, 1, now_s)
            except Refusal as refused:
                retry = int(refused.headers["Retry-After"])
        lengths.append(retry - 1)
        now_s += retry
    assert lengths[:3] == [120, 240, 480]
    assert lengths[-1] == 3 * 86_400


def test_one_who_waits_is_not_banned() -> None:
    limits = Limits(weight=1)
    for k in range(5 * INSISTENCE):
        limits.charge(HERE, 1, k * MINUTE)
        with pytest.raises(Refusal) as refused:
            limits.charge(HERE, 1, k * MINUTE)
        assert refused.value.status == 429


def test_orders_are_counted_by_account_and_filled_ones_are_given_back() -> None:
    limits = Limits(orders=2)
    limits.check_orders("a", 0.0)
    limits.count_orders("a", 2, 0.0)
    assert limits.order_headers("a", 1.0) == {
        "X-MBX-ORDER-COUNT-10S": "2",
        "X-MBX-ORDER-COUNT-1D": "2",
    }
    with pytest.raises(Refusal) as refused:
        limits.check_orders("a", 1.0)
    assert (refused.value.status, refused.value.code) == (429, -1015)
    assert refused.value.message == (
        "Too many new orders; current limit is 2 orders per 10 SECOND."
    )
    assert refused.value.headers == {}
    limits.check_orders("b", 1.0)

    limits.count_orders("a", -1, 2.0)
    limits.check_orders("a", 2.0)
    assert limits.order_headers("a", 10.0)["X-MBX-ORDER-COUNT-10S"] == "0"
    assert limits.order_headers("a", 10.0)["X-MBX-ORDER-COUNT-1D"] == "1"


def test_requests_have_a_limit_of_their_own() -> None:
    limits = Limits(requests=3)
    for _ in range(3):
        limits.charge(HERE, 1, 0.0)
    with pytest.raises(Refusal, match="current limit is 3 requests per 5 MINUTE"):
        limits.charge(HERE, 1, 0.0)


def test_described_limits_are_the_documented_four() -> None:
    kinds = [
        (limit["rateLimitType"], limit["interval"], limit["intervalNum"], limit["limit"])
        for limit in Limits().described()
    ]
    assert kinds == [
        ("REQUEST_WEIGHT", "MINUTE", 1, 6_000),
        ("ORDERS", "SECOND", 10, 100),
        ("ORDERS", "DAY", 1, 200_000),
        ("RAW_REQUESTS", "MINUTE", 5, 61_000),
    ]
