"""Faults of the wire: what they do to requests and frames, and what they leave alone."""

import asyncio
import http.client
from collections.abc import Iterator

import pytest
from simulation.binance.worlds import Asker, connected, market_at, pass_time, pass_time_beside

from peak_trade.simulation.binance.limits import Limits
from peak_trade.simulation.binance.server import Running, running
from peak_trade.simulation.frames import MessageFaults

ORDER = {
    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01",
    "price": "29000",
}  # fmt: skip


@pytest.fixture
def venue() -> Iterator[Running]:
    market, _ = market_at(history=30)
    with running(market, limits=Limits(weight=10**6, orders=10**4), seed=3) as served:
        yield served


def test_server_errors_leave_it_open_whether_an_order_was_taken(venue: Running) -> None:
    asker = Asker(venue)
    venue.service.wire.faults = MessageFaults(http_5xx=1.0)
    answers = [asker.signed("POST", "order", **ORDER)[:2] for _ in range(12)]
    venue.service.wire.faults = MessageFaults()

    assert {(status, said["code"]) for status, said in answers} == {(503, -1007)}
    assert len({said["msg"] for _, said in answers}) == 1  # nothing in it tells one from the other
    assert 0 < len(asker.done("GET", "openOrders")) < 12


def test_429_does_nothing_and_says_when_to_come_back(venue: Running) -> None:
    asker = Asker(venue)
    venue.service.wire.faults = MessageFaults(http_429=1.0)
    status, said, headers = asker.signed("POST", "order", **ORDER)
    venue.service.wire.faults = MessageFaults()

    assert (status, said["code"], headers["Retry-After"]) == (429, -1003, "1")
    assert asker.done("GET", "openOrders") == []


def test_resets_end_the_connection_before_or_after_the_order(venue: Running) -> None:
    asker = Asker(venue)
    venue.service.wire.faults = MessageFaults(reset=1.0)
    for _ in range(12):
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            asker.signed("POST", "order", **ORDER)
    venue.service.wire.faults = MessageFaults()
    assert 0 < len(asker.done("GET", "openOrders")) < 12


def test_stale_reads_answer_what_was_true_before(venue: Running) -> None:
    asker = Asker(venue)
    pass_time(venue, 100.0)
    order = asker.done("POST", "order", **ORDER)
    now = asker.get("trades", symbol="BTCUSDT", limit=1000)
    venue.service.wire.faults = MessageFaults(stale=1.0, stale_s=60.0)
    old = asker.get("trades", symbol="BTCUSDT", limit=1000)
    seen = asker.done("GET", "openOrders")
    asked = asker.refused("GET", "order", symbol="BTCUSDT", orderId=order["orderId"])
    venue.service.wire.faults = MessageFaults()

    assert seen == []
    assert asked[1] == -2013
    assert old[-1]["id"] < now[-1]["id"]
    assert old[-1] in now
    assert asker.done("GET", "openOrders")[0]["orderId"] == order["orderId"]


def test_stale_order_is_shown_without_what_it_has_done_since(venue: Running) -> None:
    asker = Asker(venue)
    order = asker.done("POST", "order", **ORDER)
    pass_time(venue, 120.0)
    asker.done("DELETE", "order", symbol="BTCUSDT", orderId=order["orderId"])
    venue.service.wire.faults = MessageFaults(stale=1.0, stale_s=60.0)
    seen = asker.done("GET", "order", symbol="BTCUSDT", orderId=order["orderId"])
    venue.service.wire.faults = MessageFaults()

    assert (seen["status"], seen["isWorking"]) == ("NEW", True)
    found = asker.done("GET", "order", symbol="BTCUSDT", orderId=order["orderId"])
    assert found["status"] == "CANCELED"


def test_a_clock_that_is_off_refuses_those_who_go_by_another(venue: Running) -> None:
    asker, now_ms = Asker(venue), venue.service.market.clock.now_ns() // 1_000_000
    pass_time(venue, 10.0)

    assert asker.refused("GET", "account", timestamp=now_ms)[1] == -1021
    server_ms = asker.get("time")["serverTime"]
    assert server_ms == now_ms + 10_000
    assert asker.done("GET", "account", timestamp=server_ms)


def _last_trade(asker: Asker) -> int:
    return int(asker.get("trades", symbol="BTCUSDT", limit=1)[0]["id"])


def _heard(venue: Running, text: str) -> tuple[list[int], list[int]]:
    """Ids of the trades of a minute that were told of under faults, and those that there were."""
    asker = Asker(venue)

    async def listen() -> tuple[list[int], list[int]]:
        async with connected(f"{venue.urls.streams}/ws/btcusdt@trade") as socket:
            first = _last_trade(asker) + 1
            venue.service.wire.faults = MessageFaults.parse(text)
            for _ in range(60):
                await pass_time_beside(venue, 1.0)
            venue.service.wire.faults = MessageFaults()
            last = _last_trade(asker)
            while _last_trade(asker) == last:
                await pass_time_beside(venue, 1.0)
            true, found = list(range(first, last + 1)), [0]
            is_whole = not text.startswith("drop")
            while not (set(true) <= set(found) if is_whole else found[-1] > last):
                found.append((await socket.next())["t"])
        return [one for one in found if first <= one <= last], true

    return asyncio.run(listen())


@pytest.mark.parametrize("text", ["drop=0.2", "double=0.2", "reorder=0.2", "late=0.3:20ms"])
def test_frames_are_dropped_doubled_and_reordered_as_asked(venue: Running, text: str) -> None:
    heard, true = _heard(venue, text)

    assert len(true) > 30
    if text.startswith("drop"):
        assert set(heard) < set(true)
        assert heard == sorted(set(heard))
    elif text.startswith("double"):
        assert heard == sorted(heard)
        assert len(heard) > len(true)
    else:
        assert heard != sorted(heard)


def test_socket_requests_share_the_faults_of_rest(venue: Running) -> None:
    async def talk(text: str) -> object:
        venue.service.wire.faults = MessageFaults.parse(text)
        async with connected(venue.urls.socket_api) as socket:
            await socket.socket.send_json({"id": 1, "method": "ping"})
            message = await socket.socket.receive(timeout=10)
            venue.service.wire.faults = MessageFaults()
            return message.json()["status"] if isinstance(message.data, str) else "cut"

    assert asyncio.run(talk("http_429=1")) == 429
    assert [asyncio.run(talk("http_5xx=1")) for _ in range(6)] == [503] * 6
    assert asyncio.run(talk("reset=1")) == "cut"
    assert asyncio.run(talk("")) == 200
