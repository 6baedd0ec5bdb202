"""Binance's spot venue on loopback: REST, market streams and the WebSocket API on one port."""

import contextlib
import secrets
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from peak_trade.simulation.binance.door import Door, RestartNotice, fault_answer
from peak_trade.simulation.binance.limits import Limits
from peak_trade.simulation.binance.streams import MarketStreams
from peak_trade.simulation.binance.urls import Urls, point, urls_of
from peak_trade.simulation.binance.user_events import UserEvents
from peak_trade.simulation.binance.venue import Key, Venue
from peak_trade.simulation.frames import MessageFaults
from peak_trade.simulation.market.account import Account
from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.service import Running as Served
from peak_trade.simulation.market.service import Service, serving

if TYPE_CHECKING:
    from aiohttp import web

__all__ = [
    "Running",
    "Urls",
    "application",
    "listings",
    "new_secret",
    "point",
    "rehearsal_balances",
    "running",
    "urls_of",
]

KEY_LENGTH = 64

REHEARSAL = "rehearsal"
REHEARSAL_QUOTE, REHEARSAL_BASE = "100000", "10"

_ALPHANUMERIC = string.ascii_letters + string.digits


def listings(symbols: Sequence[str]) -> tuple[Listing, ...]:
    """Symbols with rules like Binance's: 8 decimals of money, a fee of 0.1 %, orders from 5 on.

    Parameters
    ----------
    symbols : sequence of str
        Pairs such as ``BTC/USDT``.

    Examples
    --------
    >>> [one.price_decimals for one in listings(["BTC/USDT", "DOGE/USDT"])]
    [2, 5]
    """
    return tuple(
        Listing(
            symbol,
            price_decimals=5 if symbol.partition("/")[0] in _CHEAP else 2,
            lot_decimals=5,
            min_cost="5",
            maker_ppm=1_000,
            taker_ppm=1_000,
            base_decimals=8,
            quote_decimals=8,
        )
        for symbol in symbols
    )


_CHEAP = frozenset({"ADA", "DOGE", "SHIB", "TRX", "XLM", "XRP"})


def application(
    service: Service,
    keys: Mapping[str, tuple[str, Account]],
    *,
    limits: Limits | None = None,
    seed: int = 0,
) -> "web.Application":
    """Make the web application that speaks Binance.

    Parameters
    ----------
    service : Service
        The market that is served, and the faults of its wire.
    keys : mapping of str to (str, Account)
        API keys: to each its secret and its account.
    limits : Limits, optional
        How much may be asked.
    seed : int
        Of client ids that the venue gives, and of funding rates.
    """
    return _made(service, keys, limits=limits, seed=seed)[0]


def _made(
    service: Service,
    keys: Mapping[str, tuple[str, Account]],
    *,
    limits: Limits | None,
    seed: int,
) -> "tuple[web.Application, Door]":
    from aiohttp import web

    known = {key: Key(key, secret, account.name) for key, (secret, account) in keys.items()}
    venue = Venue(service.market, known, limits=limits, seed=seed)
    door = Door(service, venue, UserEvents(venue), MarketStreams(venue))
    service.on_tick += [door.streams.flush, door.users.flush, RestartNotice(door).look]
    app = web.Application(middlewares=[service.middleware(fault_answer)])
    for prefix in ("", "/stream"):
        for path in ("/ws", "/ws/{names:.*}", "/stream"):
            app.router.add_get(prefix + path, door.market_socket)
    app.router.add_get("/ws-api/v3", door.api_socket)
    app.router.add_route("*", "/{path:.*}", door.rest)
    return app, door


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs in a thread of its own.

    Attributes
    ----------
    urls : Urls
        Where it is reached.
    key, secret : str
        What it accepts for the first account.
    served : Served
        The thread it runs in: the market may be touched by ``served.call`` alone.
    """

    urls: Urls
    key: str
    secret: str = field(repr=False)
    served: Served
    door: Door = field(repr=False)

    @property
    def service(self) -> Service:
        """What is served; its faults may be changed while it runs."""
        return self.served.service

    def deposit(self, account: str, asset: str, amount: str) -> None:
        """Pay an amount in, or out where it is negative; listeners are told."""
        users = self.door.users
        self.served.call(lambda: users.deposit(account, asset, Decimal(amount)))


@contextlib.contextmanager
def running(
    market: Market,
    *,
    port: int = 0,
    faults: MessageFaults | None = None,
    keys: Mapping[str, tuple[str, Account]] | None = None,
    limits: Limits | None = None,
    seed: int = 0,
) -> Iterator[Running]:
    """Serve a market on 127.0.0.1 until the block ends.

    Parameters
    ----------
    market : Market
        What trades. Where it has no account, one is opened, with 100,000 of each currency that pays and
        10 of each that is bought.
    port : int
        Where to listen; 0 for any that is free.
    faults : MessageFaults, optional
        What befalls messages.
    keys : mapping of str to (str, Account), optional
        API keys: to each its secret and its account; made up where left out.
    limits : Limits, optional
        How much may be asked.
    seed : int
        Of faults, client ids that the venue gives, and funding rates.

    Raises
    ------
    ParameterError
        A port that is taken.
    """
    if not market.accounts:
        market.open_account(REHEARSAL, rehearsal_balances(market))
    owned = keys or {new_secret(): (new_secret(), one) for one in market.accounts.values()}
    service = Service(market, faults=faults, seed=seed)
    app, door = _made(service, owned, limits=limits, seed=seed)
    key, (secret, _) = next(iter(owned.items()))
    with serving(service, app, port=port) as served:
        yield Running(urls_of(served.place), key, secret, served, door)


def rehearsal_balances(market: Market) -> dict[str, str]:
    """What an account has at first: 100,000 of each currency that pays, 10 of each other asset."""
    quotes = {listing.quote for listing in market.listings.values()}
    return {a: REHEARSAL_QUOTE if a in quotes else REHEARSAL_BASE for a in market.decimals}


def new_secret() -> str:
    """64 letters and digits, as Binance's keys and secrets are."""
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(KEY_LENGTH))
