"""Whatever is asked, the venue answers or refuses in its own words; secrets stay where they are."""

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulation.binance.worlds import Asker, market_at

from peak_trade.domain.errors import ParameterError
from peak_trade.simulation.binance.operations import OPERATIONS, check_params
from peak_trade.simulation.binance.params import Params
from peak_trade.simulation.binance.refusals import Refusal
from peak_trade.simulation.binance.server import Running, running
from peak_trade.simulation.binance.venue import Call, Key, Venue

NAMES = sorted({name for operation in OPERATIONS.values() for name in operation.takes})
VALUES = st.one_of(
    st.sampled_from(
        [
            *(
                "BTCUSDT",
                "ETHUSDT",
                "1m",
                "1M",
                "1w",
                "BUY",
                "SELL",
                "LIMIT",
                "MARKET",
                "STOP_LOSS",
            ),
            *("GTC", "IOC", "0.01", "29000", "STOP_ON_FAILURE", "true", '["BTCUSDT"]', "[", ""),
        ]
    ),
    st.integers(-1, 2**64).map(str),
    st.decimals(0, 10**9, places=3).map(str),
    st.text(max_size=8),
)


@pytest.fixture(scope="module")
def venue() -> Venue:
    market, _ = market_at(history=20)
    account = market.open_account("me", {"USDT": "1000000", "BTC": "10"})
    return Venue(market, {"k": Key("k", "s", account.name)})


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(OPERATIONS)),
    sent=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6),
    symbol=st.sampled_from(["BTCUSDT", "ETHUSDT", None]),
    age_ns=st.sampled_from([None, 1, 10**12, 10**18]),
)
def test_whatever_is_asked_is_answered_or_refused(
    venue: Venue, name: str, sent: dict[str, str], symbol: str | None, age_ns: int | None
) -> None:
    operation = OPERATIONS[name]
    kept = {key: value for key, value in sent.items() if key in operation.takes}
    if symbol and "symbol" in operation.takes:
        kept["symbol"] = symbol
    params = Params(kept.items())
    as_of_ns = None if age_ns is None else venue.market.now_ns - age_ns
    with contextlib.suppress(Refusal):  # anything else is a fault of the venue's
        check_params(operation, params)
        assert operation.weight(params) >= 1
        operation.run(venue, Call(params, key=venue.keys["k"], as_of_ns=as_of_ns))


def test_secrets_are_in_no_text() -> None:
    market, _ = market_at(history=5)
    with running(market) as served:
        texts = [repr(served), str(served.door.venue.keys), repr(served.door)]
        assert all(served.secret not in text for text in texts)
        status, said, headers = Asker(served, secret="wrong").signed("GET", "account")
        assert status == 400
        assert served.secret not in f"{said}{headers}"


def test_port_that_is_taken_is_refused() -> None:
    market, _ = market_at(history=5)
    with running(market) as served:
        port = int(served.urls.rest.rpartition(":")[2])
        other, _ = market_at(history=5)
        with pytest.raises(ParameterError, match=f"port {port}"), running(other, port=port):
            pass


def test_two_accounts_do_not_see_each_other() -> None:
    market, _ = market_at(history=5)
    keys = {
        name: (f"secret{name}", market.open_account(name, {"USDT": "1000"})) for name in ("a", "b")
    }
    with running(market, keys=keys) as served:
        first = Asker(served, key="a", secret="secreta")
        second = Asker(served, key="b", secret="secretb")
        order = first.order("BUY", "LIMIT", timeInForce="GTC", quantity="0.01", price="29000")
        named = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
        assert second.done("GET", "openOrders") == []
        assert second.refused("GET", "order", **named)[1] == -2013
        assert second.refused("DELETE", "order", **named)[1] == -2011
        assert Asker(served, key="a", secret="secretb").refused("GET", "account")[1] == -1022
        assert isinstance(served, Running)
