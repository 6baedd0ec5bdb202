"""`peak simulate-venue`: a venue on this machine that clients can be rehearsed against."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import print_facts, print_json
from peak_trade.domain.errors import InputError, ParameterError

if TYPE_CHECKING:
    import polars as pl

    from peak_trade.simulation.frames import MessageFaults
    from peak_trade.simulation.market.market import Market
    from peak_trade.simulation.market.service import Place, Service

ACCOUNT = "me"

Venue = Annotated[Literal["kraken", "binance"], typer.Argument(help="Whose interface it speaks.")]
Data = Annotated[
    str,
    typer.Option(
        "--data", metavar="SOURCE", help="What is played: builtin:NAME, file:PATH or VENUE:SYMBOL.",
        rich_help_panel=options.DATA,
    ),
]  # fmt: skip
Kind = Annotated[
    Literal["bars", "trades"],
    typer.Option("--kind", help="What of the data is played.", rich_help_panel=options.DATA),
]
Start = Annotated[
    str | None,
    typer.Option(
        "--start", metavar="TIME",
        help="The time of recorded trades that is now; after their first tenth if left out.",
        rich_help_panel=options.DATA,
    ),
]  # fmt: skip
Symbols = Annotated[
    str | None,
    typer.Option(
        "--symbols", metavar="BASE/QUOTE,...",
        help="What is listed; each plays an instrument of the data.", rich_help_panel=options.DATA,
    ),
]  # fmt: skip
Bar = Annotated[
    str,
    typer.Option(
        "--bar", metavar="INTERVAL", help="How long each bar of the data lasts in the market.",
        rich_help_panel=options.DATA,
    ),
]  # fmt: skip
Port = Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 for any that is free.")]
Speed = Annotated[
    float, typer.Option("--speed", min=0.001, help="Seconds of the market in a second.")
]
Faults = Annotated[
    str,
    typer.Option(
        "--faults", metavar="NAME=CHANCE,...",
        help="drop, double, late=0.05:200ms, reorder, lose_frame=40, http_429, http_5xx, reset, "
        "stale, restart=60s, clock=10s.",
    ),
]  # fmt: skip
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of the market and of the faults.")]
Key = Annotated[
    str | None,
    typer.Option("--key", envvar="PEAK_REHEARSAL_KEY", help="The key it accepts; one is made."),
]
Secret = Annotated[
    str | None,
    typer.Option("--secret", envvar="PEAK_REHEARSAL_SECRET", help="Its secret; one is made."),
]
Balance = Annotated[
    str | None,
    typer.Option(
        "--balance", metavar="ASSET=AMOUNT,...",
        help="What the key's account owns; 100000 of each quote currency if left out.",
        rich_help_panel=options.ACCOUNT,
    ),
]  # fmt: skip
Tier = Annotated[
    Literal["starter", "intermediate", "pro", "none"] | None,
    typer.Option(
        "--tier",
        help="Kraken's limits of pace; intermediate if left out.",
        rich_help_panel=options.ACCOUNT,
    ),
]
Seconds = Annotated[
    float | None, typer.Option("--seconds", min=0.0, help="End by itself; else with Ctrl-C.")
]

_SYMBOLS = {"kraken": "BTC/USD,ETH/USD", "binance": "BTC/USDT,ETH/USDT"}


def venue(
    name: Venue,
    port: Port = 8900,
    data: Data = "builtin:sp500",
    kind: Kind = "bars",
    symbols: Symbols = None,
    bar: Bar = "1m",
    start: Start = None,
    speed: Speed = 1.0,
    faults: Faults = "",
    seed: Seed = 0,
    key: Key = None,
    secret: Secret = None,
    balance: Balance = None,
    tier: Tier = None,
    seconds: Seconds = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Serve a venue on 127.0.0.1 that bots can be rehearsed against: its market plays your data."""
    from peak_trade.simulation.frames import MessageFaults
    from peak_trade.simulation.market.service import Service

    _need_aiohttp()
    if (key is None) != (secret is None):
        raise ParameterError("a key without its secret", hint="give --key and --secret, or neither")
    if tier is not None and name != "kraken":
        raise ParameterError("tiers are Kraken's", hint="leave --tier out")
    wrong = MessageFaults.parse(faults)
    money = _check_amounts(balance)
    played: dict[str, object]
    if kind == "trades":
        named = _symbols(symbols) if symbols is not None else ()
        market, played = _replayed(name, data, named, start, speed, wrong, seed, config)
    else:
        if start is not None:
            raise ParameterError("--start is of trades", hint="add --kind trades, or leave it out")
        listed = _symbols(symbols or _SYMBOLS[name])
        market, played = _market(name, data, listed, bar, speed, wrong, seed, config), {"bar": bar}
    quotes = {listing.quote: Decimal(100_000) for listing in market.listings.values()}
    market.open_account(ACCOUNT, quotes if balance is None else money)
    service = Service(market, faults=wrong, seed=seed)
    if name == "kraken":
        served = _kraken(service, key, secret, tier or "intermediate")
    else:
        served = _binance(service, key, secret)

    def ready(place: "Place") -> None:
        facts = {
            "venue": name, **served.urls(place), "key": served.key, "secret": served.secret,
            "symbols": list(market.symbols), "data": data, **played, "speed": speed,
            "faults": str(wrong), "seed": seed,
        }  # fmt: skip
        if json:
            print_json(facts)
        else:
            _tell(name, facts, served.hint(place))
        sys.stdout.flush()

    import asyncio

    asyncio.run(_run(served, port, ready, seconds))


def _need_aiohttp() -> None:
    from importlib.util import find_spec

    if find_spec("aiohttp") is None:
        raise InputError(
            "a simulated venue needs aiohttp, which is not installed",
            hint="install it with: pip install 'peak-trade[exchanges]'",
        )


def _symbols(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part.strip().upper() for part in text.split(",") if part.strip()))
    if not found:
        raise ParameterError("no symbols", hint="name them, such as --symbols BTC/USD,ETH/USD")
    return found


def _market(
    name: str,
    data: str,
    symbols: tuple[str, ...],
    bar: str,
    speed: float,
    faults: "MessageFaults",
    seed: int,
    config: options.ConfigFile,
) -> "Market":
    from peak_trade.data.load import load
    from peak_trade.data.stored import names_store
    from peak_trade.domain.calendar import Interval
    from peak_trade.simulation.binance import server as binance
    from peak_trade.simulation.kraken import server as kraken
    from peak_trade.simulation.market.clock import SimClock
    from peak_trade.simulation.market.playing import played_market

    listed = (kraken if name == "kraken" else binance).listings(symbols)
    bar_ns = Interval.parse(bar).ns
    if names_store(data):
        from peak_trade.app import request
        from peak_trade.app.stores import opened_store

        bars = load(data, interval=bar, store=opened_store(request.configured({}, {}, config)))
    else:
        bars = load(data)
    clock = SimClock(speed=speed, offset_s=faults.clock_s)
    trades = min(max(int(2.0 * bar_ns / 1e9 / speed), 12), 600)
    return played_market(bars, listed, clock, bar_ns=bar_ns, trades=trades, seed=seed)


def _replayed(
    name: str,
    data: str,
    symbols: tuple[str, ...],
    start: str | None,
    speed: float,
    faults: "MessageFaults",
    seed: int,
    config: options.ConfigFile,
) -> "tuple[Market, dict[str, object]]":
    """A market that plays recorded trades, and what is told of them."""
    from peak_trade.data.stored import instant
    from peak_trade.simulation.binance import server as binance
    from peak_trade.simulation.kraken import server as kraken
    from peak_trade.simulation.market.clock import SimClock
    from peak_trade.simulation.market.replaying import replayed_market

    start_ns = None if start is None else instant(start)
    recorded = _recorded(name, data, symbols, config)
    listed = (kraken if name == "kraken" else binance).listings(symbols or tuple(recorded))
    clock = SimClock(speed=speed, offset_s=faults.clock_s)
    found = replayed_market(recorded, listed, clock, start_ns=start_ns, seed=seed)
    count = sum(len(rows) for rows in recorded.values())
    return found.market, {"kind": "trades", "trades": count, "shift_ns": found.shift_ns}


def _recorded(
    name: str, data: str, symbols: tuple[str, ...], config: options.ConfigFile
) -> "dict[str, pl.DataFrame]":
    """Trades by symbol, of a file or of the store."""
    from peak_trade.data.address import Address

    source = Address.parse(data)
    if source.kind == "builtin":
        raise ParameterError(
            f"{data} has no trades",
            hint="play a file of trades or stored ones, or leave out --kind",
        )
    if source.kind == "file":
        from peak_trade.data.imports import import_file

        listed = symbols or _symbols(_SYMBOLS[name])[:1]
        target = f"{name}:{listed[0]}" if len(listed) == 1 else f"{name}:*"
        found = import_file(source.place, "trades", target)
        found.check()
        return {one.key.symbol: one.rows for one in found.series}
    from peak_trade.app import request
    from peak_trade.app.stores import opened_store
    from peak_trade.data.series import SeriesKey
    from peak_trade.data.stored import addresses

    store = opened_store(request.configured({}, {}, config))
    columns = ("time_ns", "price", "size", "side")
    return {
        symbol: store.read(SeriesKey("trades", venue, symbol), columns=columns)
        for venue, symbol in addresses(data)
    }


def _check_amounts(text: str | None) -> dict[str, Decimal]:
    """Amounts by asset as they are written."""
    found = {}
    for part in text.split(",") if text is not None else ():
        asset, _, amount = part.strip().partition("=")
        try:
            value = Decimal(amount)
        except InvalidOperation:
            value = Decimal("nan")
        if not asset or not value.is_finite() or value < 0:
            raise ParameterError(
                f"balance {part!r} is no amount", hint="write it like --balance USD=10000,BTC=2"
            )
        found[asset.upper()] = value
    return found


@dataclass(frozen=True, slots=True)
class _Served:
    """A venue that is about to be served."""

    key: str
    secret: str
    urls: "Callable[[Place], dict[str, str]]"
    hint: "Callable[[Place], str]"
    run: "Callable[[int, Callable[[Place], None]], Awaitable[None]]"


def _kraken(service: "Service", key: str | None, secret: str | None, tier: str) -> _Served:
    from peak_trade.simulation.kraken.access import KrakenKey, new_key
    from peak_trade.simulation.kraken.limits import TIERS
    from peak_trade.simulation.kraken.server import KrakenServer, KrakenUrls
    from peak_trade.simulation.market.service import serve

    own = KrakenKey(key, secret, ACCOUNT) if key and secret else new_key(ACCOUNT)
    server = KrakenServer(service, [own], tier=TIERS[tier])

    def urls(place: "Place") -> dict[str, str]:
        found = KrakenUrls.at(place)
        return {"rest": found.rest, "ws": found.ws, "ws_auth": found.ws_auth}

    def hint(place: "Place") -> str:
        return f'exchange.urls["api"] = {KrakenUrls.at(place).for_ccxt()!r}'

    async def run(port: int, ready: "Callable[[Place], None]") -> None:
        await serve(service, server.application(), port=port, ready=ready)

    return _Served(own.key, own.secret, urls, hint, run)


def _binance(service: "Service", key: str | None, secret: str | None) -> _Served:
    import secrets

    from peak_trade.simulation.binance.server import application, urls_of
    from peak_trade.simulation.market.service import serve

    own = (key or secrets.token_urlsafe(48), secret or secrets.token_urlsafe(48))
    app = application(service, {own[0]: (own[1], service.market.accounts[ACCOUNT])})

    def urls(place: "Place") -> dict[str, str]:
        found = urls_of(place)
        return {"rest": found.rest, "streams": found.streams, "socket_api": found.socket_api}

    def hint(place: "Place") -> str:
        made = urls_of(place)
        return (
            "from peak_trade.simulation.binance.server import Urls, point\n"
            f"  point(exchange, Urls({made.rest!r}, {made.streams!r}, {made.socket_api!r}))"
        )

    async def run(port: int, ready: "Callable[[Place], None]") -> None:
        await serve(service, app, port=port, ready=ready)

    return _Served(*own, urls, hint, run)


async def _run(
    served: _Served,
    port: int,
    ready: "Callable[[Place], None]",
    seconds: float | None,
) -> None:
    """Serve until it is interrupted, or for so many seconds."""
    import asyncio
    import contextlib
    import signal
    import sys
    import threading

    loop, over = asyncio.get_running_loop(), asyncio.Event()
    if sys.platform != "win32" and threading.current_thread() is threading.main_thread():
        for wanted in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(wanted, over.set)

    def begun(place: "Place") -> None:
        ready(place)
        if seconds is not None:
            loop.call_later(seconds, over.set)

    task = asyncio.ensure_future(served.run(port, begun))
    ended = asyncio.ensure_future(over.wait())
    await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    if task.done():
        task.result()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _tell(name: str, facts: dict[str, object], hint: str) -> None:
    shown = {key: ", ".join(v) if isinstance(v, list) else str(v) for key, v in facts.items()}
    print_facts(shown)
    print(f"\nTo point ccxt.{name} or ccxt.pro.{name} at it:\n  {hint}\nCtrl-C ends it.")
