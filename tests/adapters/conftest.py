"""Servers of the venues' shapes on this machine, and sources that ask them."""

from collections.abc import Iterator

import pytest
from adapters.venues import BinanceLike, KrakenLike, Trade, made_trades
from pytest_httpserver import HTTPServer


@pytest.fixture(scope="session")
def one_server() -> Iterator[HTTPServer]:
    """A server on a port of its own, for one test after the other: ending one takes a while."""
    with HTTPServer("127.0.0.1", 0, threaded=True) as one:
        yield one


@pytest.fixture
def server(one_server: HTTPServer) -> HTTPServer:
    """A server that answers nothing yet."""
    one_server.clear()
    return one_server


@pytest.fixture(scope="session")
def trades() -> list[Trade]:
    """Three thousand trades of some hours."""
    return made_trades(3_500)


@pytest.fixture
def kraken(server: HTTPServer, trades: list[Trade]) -> KrakenLike:
    """A server with Kraken's shapes."""
    return KrakenLike(server, trades)


@pytest.fixture
def binance(server: HTTPServer, trades: list[Trade]) -> BinanceLike:
    """A server with Binance's shapes."""
    return BinanceLike(server, trades)
