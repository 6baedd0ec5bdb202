"""Signatures against the documented vectors, keys, and the window of time."""

import pytest

from peak_trade.simulation.binance.params import Params
from peak_trade.simulation.binance.refusals import Refusal
from peak_trade.simulation.binance.signing import (
    account_of,
    check_signature,
    check_time,
    rest_payload,
    signature_of,
    socket_payload,
)

# Binance's documentation publishes this key pair and what it signs (rest-api.md, SIGNED examples)
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
ORDER = (
    "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
    "&recvWindow=5000&timestamp=1499827319559"
)
NOW_MS = 1_499_827_319_559.0


@pytest.mark.parametrize(
    ("query", "body", "signature"),
    [
        ("", ORDER, "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (ORDER, "", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
            "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
        ),
        (
            ORDER.replace("LTCBTC", "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"),
            "",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
    ],
)
def test_signature_of_the_documented_requests_is_the_documented_one(
    query: str, body: str, signature: str
) -> None:
    signed = f"{body}&signature={signature}" if body else body
    asked = query if body else f"{query}&signature={signature}"

    assert signature_of(SECRET, rest_payload(asked, signed)) == signature


def test_socket_payload_is_sorted_by_name_and_leaves_the_signature_out() -> None:
    # the documented order.place of the WebSocket API, in the order of its documentation
    params = {
        "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC",
        "quantity": "0.01000000", "price": "52000.00", "newOrderRespType": "ACK",
        "recvWindow": "100", "timestamp": "1645423376532", "apiKey": KEY, "signature": "x",
    }  # fmt: skip
    payload = socket_payload(params)

    assert payload == (
        f"apiKey={KEY}&newOrderRespType=ACK&price=52000.00&quantity=0.01000000&recvWindow=100"
        "&side=SELL&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT"
    )
    assert signature_of(SECRET, payload) == (
        "cc15477742bd704c29492d96c7ead9414dfd8e0ec4a00f947bb5bb454ddbd08a"
    )


@pytest.mark.parametrize(
    ("key", "code"), [(None, -2014), ("", -2014), ("a b", -2014), ("abc", -2015), (KEY[:-1], -2015)]
)
def test_key_that_is_none_or_not_known_is_refused(key: str | None, code: int) -> None:
    with pytest.raises(Refusal) as refused:
        account_of(key, [KEY])
    assert (refused.value.code, refused.value.status) == (code, 401)


def test_key_that_is_known_is_taken() -> None:
    assert account_of(KEY, ["other", KEY]) == KEY


def test_signature_of_another_text_is_refused_and_case_does_not_matter() -> None:
    right = signature_of(SECRET, ORDER)
    check_signature(SECRET, ORDER, Params([("signature", right.upper())]))

    with pytest.raises(Refusal, match="Signature for this request is not valid") as refused:
        check_signature(SECRET, ORDER + "0", Params([("signature", right)]))
    assert refused.value.code == -1022
    with pytest.raises(Refusal, match="Mandatory parameter 'signature'"):
        check_signature(SECRET, ORDER, Params([]))
    with pytest.raises(Refusal, match="not valid"):
        check_signature(SECRET, ORDER, Params([("signature", "ä")]))


@pytest.mark.parametrize(
    ("late_ms", "window", "is_taken"),
    [
        (0, None, True),
        (5_000, None, True),
        (5_001, None, False),
        (-999, None, True),
        (-1_000, None, False),
        (100, "99", False),
        (99, "99", True),
        (59_999, "60000", True),
    ],
)
def test_time_window_is_the_documented_rule(
    late_ms: int, window: str | None, is_taken: bool
) -> None:
    items = [("timestamp", "1499827319559")] + ([("recvWindow", window)] if window else [])
    params, now_ms = Params(items), NOW_MS + late_ms
    if is_taken:
        check_time(params, [now_ms])
        return
    with pytest.raises(Refusal) as refused:
        check_time(params, [now_ms])
    assert refused.value.code == -1021
    assert ("ahead of" in refused.value.message) == (late_ms < 0)


def test_time_in_microseconds_is_understood_and_windows_end_at_a_minute() -> None:
    check_time(Params([("timestamp", "1499827319559000")]), [NOW_MS])

    with pytest.raises(Refusal, match="'recvWindow' must be less than 60000") as refused:
        check_time(Params([("timestamp", "1"), ("recvWindow", "60001")]), [NOW_MS])
    assert refused.value.code == -1131
    with pytest.raises(Refusal, match="Mandatory parameter 'timestamp'"):
        check_time(Params([]), [NOW_MS])


def test_time_that_either_clock_finds_right_is_taken() -> None:
    params = Params([("timestamp", "1499827319559")])
    check_time(params, [0.0, NOW_MS])
    check_time(params, [NOW_MS, 0.0])

    with pytest.raises(Refusal, match="ahead of the server's time"):
        check_time(params, [NOW_MS + 6_000, 0.0])
    with pytest.raises(Refusal, match="outside of the recvWindow"):
        check_time(params, [0.0, NOW_MS + 6_000])
