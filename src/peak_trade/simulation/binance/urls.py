"""Where a server is reached, and how ccxt is pointed at it."""

from dataclasses import dataclass
from typing import Protocol

from peak_trade.domain.errors import ConfigError
from peak_trade.simulation.market.service import Place

NOT_OFFERED = "not-offered"


@dataclass(frozen=True, slots=True)
class Urls:
    """Where a server is reached, as clients need it.

    Attributes
    ----------
    rest : str
        Base of ``/api/v3``, ``/fapi/v1``, ``/dapi/v1`` and ``/sapi/v1``.
    streams : str
        Base of ``/ws/...`` and ``/stream?streams=...``.
    socket_api : str
        The WebSocket API.
    """

    rest: str
    streams: str
    socket_api: str


def urls_of(place: Place) -> Urls:
    """Where a server that listens at a place is reached.

    The streams stand below ``/stream``, because ccxt takes a stream for a spot market's where its
    address has ``/stream`` in it; they are at the root too.

    Examples
    --------
    >>> urls_of(Place("127.0.0.1", 8900)).socket_api
    'ws://127.0.0.1:8900/ws-api/v3'
    """
    return Urls(place.http, f"{place.ws}/stream", f"{place.ws}/ws-api/v3")


class Exchange(Protocol):
    """What of a ccxt exchange is set so that it asks a server here."""

    urls: dict[str, object]


def point(exchange: Exchange, urls: Urls) -> None:
    """Let a ccxt or ccxt.pro ``binance`` ask a server here; nothing else of it is changed.

    Every address is: what the server does not offer, it refuses, and nothing goes out to the venue.

    Parameters
    ----------
    exchange : Exchange
        A ``ccxt.binance`` of any flavour, before its first request.
    urls : Urls
        Where the server is reached.

    Raises
    ------
    ConfigError
        An object without ccxt's addresses.
    """
    api = exchange.urls.get("api")
    if not isinstance(api, dict):
        raise ConfigError("the exchange has no ccxt addresses", hint="hand in a ccxt.binance()")
    sockets = api.pop("ws", None)
    for name in api:
        api[name] = f"{urls.rest}/{_path_of(name)}"
    if isinstance(sockets, dict):
        others = f"{urls.streams}/{NOT_OFFERED}"
        api["ws"] = dict.fromkeys(sockets, others) | {
            "spot": f"{urls.streams}/ws",
            "ws-api": dict.fromkeys(sockets.get("ws-api", {}), others) | {"spot": urls.socket_api},
        }


def _path_of(name: str) -> str:
    """The path of one of ccxt's names for a part of the venue: ``fapiPublicV2`` is ``fapi/v2``."""
    if name in ("public", "private"):
        return "api/v3"
    part = name.partition("api")[0] + "api"
    if part not in ("fapi", "dapi", "sapi"):
        return NOT_OFFERED
    return f"{part}/v{name[-1] if name[-1].isdigit() else 1}"
