"""A server on loopback that speaks Kraken's spot REST and WebSocket (version 2) interfaces."""

import asyncio
import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from peak_trade.domain.errors import ParameterError
from peak_trade.simulation.frames import MessageFaults
from peak_trade.simulation.kraken.access import Access, KrakenError, KrakenKey, new_key
from peak_trade.simulation.kraken.desk import Desk, error_text
from peak_trade.simulation.kraken.limits import TIERS, Tier
from peak_trade.simulation.kraken.names import Pairs
from peak_trade.simulation.kraken.private import PrivateApi
from peak_trade.simulation.kraken.public import PublicApi
from peak_trade.simulation.kraken.socket import Session, Socket
from peak_trade.simulation.kraken.wire import text_of
from peak_trade.simulation.market.listing import AskRefusedError, Listing, Refusal
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.service import Place, Running, Service, as_of, serving

if TYPE_CHECKING:
    from aiohttp import web

_RULES: dict[str, tuple[int, int, str, str]] = {
    # price decimals, lot decimals, least size, least value
    "BTC/USD": (1, 8, "0.00005", "0.5"),
    "ETH/USD": (2, 8, "0.001", "0.5"),
    "SOL/USD": (2, 8, "0.02", "0.5"),
    "XRP/USD": (5, 8, "1.65", "0.5"),
    "LTC/USD": (2, 8, "0.05", "0.5"),
    "ETH/BTC": (5, 8, "0.001", "0.00002"),
}


def listings(symbols: Iterable[str]) -> tuple[Listing, ...]:
    """Symbols with rules such as Kraken's: known ones with its own, others with those of ETH/USD.

    Examples
    --------
    >>> listings(["BTC/USD"])[0].tick
    0.1
    """
    found = []
    for symbol in symbols:
        base, _, quote = symbol.partition("/")
        known = _RULES.get(symbol) or _RULES.get(f"{base}/USD") or _RULES["ETH/USD"]
        decimals, lots, least, cost = known
        found.append(
            Listing(
                symbol, price_decimals=decimals, lot_decimals=lots,
                min_lots=int(Decimal(least).scaleb(lots)), min_cost=cost, maker_ppm=2_500,
                taker_ppm=4_000, base_decimals=10, quote_decimals=10 if quote in ("BTC", "ETH") else 5,
            )
        )  # fmt: skip
    return tuple(found)


@dataclass(frozen=True, slots=True)
class KrakenUrls:
    """Where a simulated Kraken answers.

    Attributes
    ----------
    rest : str
        Before ``/0/public`` and ``/0/private``.
    ws, ws_auth : str
        The public and the private WebSocket.
    """

    rest: str
    ws: str
    ws_auth: str

    @classmethod
    def at(cls, place: Place) -> "KrakenUrls":
        """The addresses at a place."""
        return cls(place.http, f"{place.ws}/v2", f"{place.ws}/auth/v2")

    def for_ccxt(self) -> dict[str, object]:
        """What ``exchange.urls["api"]`` of ccxt's ``kraken`` is replaced by."""
        return {
            "public": self.rest,
            "private": self.rest,
            "ws": {
                "public": self.ws.removesuffix("/v2"), "private": self.ws_auth.removesuffix("/v2"),
                "publicV2": self.ws, "privateV2": self.ws_auth,
            },
        }  # fmt: skip


class KrakenServer:
    """The answers of a simulated Kraken, over a service.

    Parameters
    ----------
    service : Service
        The market that is served.
    keys : iterable of KrakenKey
        Which keys are accepted; their accounts must be open.
    tier : Tier
        How much may be asked.

    Raises
    ------
    ParameterError
        A key of an account that is not open.
    """

    def __init__(self, service: Service, keys: Iterable[KrakenKey], *, tier: Tier) -> None:
        self.service, self.market = service, service.market
        given = tuple(keys)
        missing = [key.account for key in given if key.account not in self.market.accounts]
        if missing:
            raise ParameterError(
                f"a key's account {missing[0]!r} is not open", hint="open it with open_account"
            )
        pairs = Pairs(self.market.listings)
        self.access = Access(given, self.market.accounts, tier)
        self.desk = Desk(self.market, pairs, tier)
        self.public, self.private = (
            PublicApi(self.market, pairs),
            PrivateApi(self.desk, self.access),
        )
        self.socket = Socket(self.desk, self.access)
        self._closing: set[asyncio.Task[bool]] = set()
        service.on_tick.append(self._tick)

    def _tick(self) -> None:
        for session in self.socket.tick():
            task = asyncio.get_running_loop().create_task(session.line.socket.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def application(self) -> "web.Application":
        """The aiohttp application."""
        from aiohttp import web

        befall = self.service.middleware(_http_error)
        app = web.Application(middlewares=[befall], client_max_size=2**20)
        app.router.add_route("*", "/0/public/{name}", self._answer_public)
        app.router.add_post("/0/private/{name}", self._answer_private)
        app.router.add_get("/v2", self._open_socket)
        app.router.add_get("/auth/v2", self._open_socket)
        return app

    # --- REST ------------------------------------------------------------------------------------

    async def _answer_public(self, request: "web.Request") -> "web.Response":
        call = self.public.calls.get(request.match_info["name"])
        if call is None:
            return _failed("EGeneral:Unknown method")
        query = dict(request.query)
        if request.method == "POST":
            query |= dict(parse_qsl(await request.text(), keep_blank_values=True))
        try:
            return _done(call(query, as_of(request)))
        except (AskRefusedError, KrakenError) as error:
            return _failed(error_text(error))

    async def _answer_private(self, request: "web.Request") -> "web.Response":
        name, body = request.match_info["name"], await request.text()
        try:
            fields = _fields(body, request.content_type)
            account = self.access.check(
                name, key=request.headers.get("API-Key", ""),
                sign=request.headers.get("API-Sign", ""), nonce=str(fields.get("nonce", "")),
                body=body, now_ns=self.market.clock.wall_ns(),
            )  # fmt: skip
            call = self.private.calls.get(name)
            if call is None:
                return _failed("EGeneral:Unknown method")
            return _done(call(account, fields))
        except (AskRefusedError, KrakenError) as error:
            return _failed(error_text(error))

    # --- WebSocket -------------------------------------------------------------------------------

    async def _open_socket(self, request: "web.Request") -> "web.StreamResponse":
        from aiohttp import WSMsgType

        async with self.service.line(request) as line:
            session: Session = self.socket.begin(line, is_private=request.path.startswith("/auth"))
            try:
                async for message in line.socket:
                    if message.type is WSMsgType.TEXT:
                        self.market.advance()
                        self.socket.hear(session, message.data)
            finally:
                self.socket.end(session)
        return line.socket


def _fields(body: str, content_type: str) -> dict[str, object]:
    """The fields of a private call: a form, or JSON."""
    if content_type == "application/json":
        try:
            found = json.loads(body, parse_float=Decimal)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise AskRefusedError(Refusal.BAD_ARGUMENT)
        return found
    return dict(parse_qsl(body, keep_blank_values=True))


def _done(result: object) -> "web.Response":
    from aiohttp import web

    text = text_of({"error": [], "result": result})
    return web.Response(text=text, content_type="application/json")


def _failed(text: str) -> "web.Response":
    from aiohttp import web

    return web.json_response({"error": [text]})


def _http_error(status: int) -> "web.Response":
    """What a proxy before the venue answers: no JSON."""
    from aiohttp import web

    text = {429: "Too Many Requests", 503: "Service Unavailable"}.get(status, "Gateway Time-out")
    return web.Response(
        status=status, text=f"<html><body>{text}</body></html>", content_type="text/html"
    )


@dataclass(frozen=True, slots=True)
class RunningKraken:
    """A simulated Kraken that runs in a thread of its own.

    Attributes
    ----------
    urls : KrakenUrls
        Where it answers.
    keys : tuple of KrakenKey
        Which keys it accepts.
    server : KrakenServer
        Its answers.
    running : Running
        Its thread.
    """

    urls: KrakenUrls
    keys: tuple[KrakenKey, ...]
    server: KrakenServer
    running: Running


@contextlib.contextmanager
def running(
    market: Market,
    *,
    port: int = 0,
    faults: MessageFaults | None = None,
    seed: int = 0,
    keys: Sequence[KrakenKey] | None = None,
    tier: str = "intermediate",
) -> Iterator[RunningKraken]:
    """Serve a market as Kraken would until the block ends, on 127.0.0.1.

    Parameters
    ----------
    market : Market
        What is served; from now on it belongs to the server's thread (``.running.call``).
    port : int
        0 for any that is free.
    faults : MessageFaults, optional
        What befalls messages.
    seed : int
        Of the faults.
    keys : sequence of KrakenKey, optional
        Accepted keys; one of chance for every open account where left out.
    tier : str
        ``starter``, ``intermediate``, ``pro``, or ``none`` for no limits.

    Raises
    ------
    ParameterError
        A tier that is not known, a port that is taken.
    """
    if tier not in TIERS:
        raise ParameterError(
            f"tier {tier!r} is not known", hint=f"choose one of {', '.join(TIERS)}"
        )
    given = tuple(new_key(name) for name in market.accounts) if keys is None else tuple(keys)
    service = Service(market, faults=faults, seed=seed)
    server = KrakenServer(service, given, tier=TIERS[tier])
    with serving(service, server.application(), port=port) as thread:
        yield RunningKraken(KrakenUrls.at(thread.place), given, server, thread)
