"""A market as Binance names and rules it: symbols, filters, keys, times, who may ask what."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from peak_trade.domain.order import OrderState
from peak_trade.kernels import match
from peak_trade.simulation.binance import refusals
from peak_trade.simulation.binance.filters import Filters
from peak_trade.simulation.binance.limits import Limits
from peak_trade.simulation.binance.order_shapes import milliseconds, money_of, venue_symbol_of
from peak_trade.simulation.binance.params import SYMBOL, Params
from peak_trade.simulation.market.account import Account
from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.orders import (
    Kind,
    OrderChanged,
    SimOrder,
    Told,
    TradeSeen,
)
from peak_trade.simulation.market.track import Candle, Print

MINUTE_NS = 60_000_000_000
AVERAGE_MINUTES = 5

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TRIGGERS = {
    Kind.STOP: match.STOP,
    Kind.STOP_LIMIT: match.STOP,
    Kind.TAKE_PROFIT: match.TAKE_PROFIT,
    Kind.TAKE_PROFIT_LIMIT: match.TAKE_PROFIT,
}


@dataclass(frozen=True, slots=True)
class Key:
    """An API key: its secret, and the name of the account that it opens.

    Examples
    --------
    >>> Key("abc", "very secret", "me")
    Key(key='abc', account='me')
    """

    key: str
    secret: str = field(repr=False)
    account: str


@dataclass(frozen=True, slots=True)
class Call:
    """One request: its parameters, where it comes from, whose it is, and how old its answer may be.

    ``as_of_ns`` is None for what is true now.
    """

    params: Params
    address: str = "127.0.0.1"
    key: Key | None = None
    as_of_ns: int | None = None


class Venue:
    """What requests are asked of: the market, with Binance's names, rules and limits.

    Parameters
    ----------
    market : Market
        What trades.
    keys : mapping of str to Key
        Who may ask, by API key.
    limits : Limits, optional
        How much may be asked.
    seed : int
        Of the client ids that the venue gives to orders without one, and of funding rates.

    Attributes
    ----------
    cancel_ids, earlier_ids : dict of int to str
        By order: the id that its cancel came with, and the client id it had before it was changed.
    """

    def __init__(
        self,
        market: Market,
        keys: Mapping[str, Key],
        *,
        limits: Limits | None = None,
        seed: int = 0,
    ) -> None:
        self.market, self.keys, self.seed = market, dict(keys), seed
        self.limits = limits or Limits()
        self.symbols = {venue_symbol_of(one): symbol for symbol, one in market.listings.items()}
        self.filters = {s: filters_of(one, market) for s, one in market.listings.items()}
        self._ids = self._executions = 0
        self.cancel_ids: dict[int, str] = {}
        self.earlier_ids: dict[int, str] = {}
        self._working: dict[int, int] = {}
        self._traded: set[int] = set()
        market.subscribe(self._hear)

    # --- times -----------------------------------------------------------------------------------

    @property
    def wall_s(self) -> float:
        """What it is now for limits of pace, in seconds."""
        return self.market.clock.wall_ns() / 1e9

    @property
    def now_ms(self) -> int:
        """What it is now in the market, in milliseconds."""
        return milliseconds(self.market.clock.now_ns())

    @property
    def clocks_ms(self) -> tuple[float, float]:
        """The times by which a request may be made: the market's, and the world's."""
        clock = self.market.clock
        return clock.now_ns() / 1e6, clock.wall_ns() / 1e6

    # --- names -----------------------------------------------------------------------------------

    def listing(self, params: Params, name: str = "symbol") -> Listing:
        """The symbol that a request names.

        Raises
        ------
        Refusal
            -1102 without one, -1100 for one with other characters, -1121 for one that is not listed.
        """
        return self.named(params.need(name), name)

    def named(self, venue_symbol: str, name: str = "symbol") -> Listing:
        """The symbol of a name such as ``BTCUSDT``."""
        if not all(c.isascii() and (c.isalnum() or c in "-_.") for c in venue_symbol):
            raise refusals.illegal(name, SYMBOL)
        symbol = self.symbols.get(venue_symbol)
        if symbol is None:
            raise refusals.Refusal(-1121, "Invalid symbol.")
        return self.market.listing(symbol)

    def new_id(self) -> str:
        """A client id for an order or a cancel that came without one: 22 letters and digits."""
        self._ids += 1
        digest = hashlib.sha256(f"{self.seed}:{self._ids}".encode()).digest()
        return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:22])

    def next_execution(self) -> int:
        """The number of the next report."""
        self._executions += 1
        return self._executions

    # --- accounts --------------------------------------------------------------------------------

    def account(self, call: Call) -> Account:
        """Whose request it is."""
        if call.key is None:
            raise refusals.Refusal(-2014, "API-key format invalid.", status=401)
        return self.market.accounts[call.key.account]

    def balance(self, account: Account, asset: str) -> tuple[str, str, str]:
        """An asset, and what of it is free and locked."""
        places = self.market.decimals[asset]
        free, locked = account.free(asset), account.held(asset)
        return asset, money_of(free, places), money_of(locked, places)

    # --- what orders need ------------------------------------------------------------------------

    def recent(self, listing: Listing, minutes: int = AVERAGE_MINUTES) -> Candle | None:
        """The trades of the last minutes as one candle; None before the first trade."""
        width = minutes * MINUTE_NS
        found = self.market.candles(
            listing.symbol, width, limit=1, origin_ns=self.market.now_ns - width + 1
        )
        return found[-1] if found else None

    def average(self, listing: Listing) -> Decimal:
        """The average price of the last minutes; the last price where nothing traded, 0 before that."""
        recent = self.recent(listing)
        if recent is None:
            return Decimal(0)
        ticks = Decimal(repr(recent.average or float(recent.close))) * listing.tick_units
        return ticks.scaleb(-listing.price_decimals)

    def is_working(self, order: SimOrder) -> bool:
        """Whether an order is on the book: no stop that waits for its trigger."""
        waits = order.ask.kind.has_trigger and order.serial not in self._working
        return not waits or order.filled_lots > 0

    def _hear(self, told: Told) -> None:
        """Note which stops a trade triggers, and take orders that trade off the count of new ones."""
        if isinstance(told, TradeSeen):
            self._trigger(told.trade)
        elif isinstance(told, OrderChanged) and told.fill and told.order.serial not in self._traded:
            self._traded.add(told.order.serial)
            self.limits.count_orders(told.account, -1, self.wall_s)

    def _trigger(self, trade: Print) -> None:
        for account in self.market.accounts.values():
            for order in account.open.values():
                kind = _TRIGGERS.get(order.ask.kind)
                if kind is None or order.ask.symbol != trade.symbol:
                    continue
                level = float(order.ask.trigger_ticks)
                if order.serial not in self._working and match.triggers(
                    kind, order.ask.side, float(trade.ticks), level
                ):
                    self._working[order.serial] = trade.time_ns


def filters_of(listing: Listing, market: Market) -> Filters:
    """A listing's rules as filters."""
    size = Decimal(1).scaleb(-listing.lot_decimals)
    return Filters(
        tick=Decimal(listing.tick_units).scaleb(-listing.price_decimals),
        step=listing.step_lots * size,
        min_quantity=listing.min_lots * size,
        min_notional=Decimal(listing.min_cost),
        max_orders=market.max_open,
        average_minutes=AVERAGE_MINUTES,
    )


def as_of(order: SimOrder, time_ns: int | None) -> SimOrder | None:
    """An order as it stood at an earlier time; None where there was none yet.

    What was changed about it since is taken for what it was.
    """
    if time_ns is None:
        return order
    if order.created_ns > time_ns:
        return None
    fills = [fill for fill in order.fills if fill.time_ns <= time_ns]
    had_ended = 0 < order.ended_ns <= time_ns
    state = order.state
    if not had_ended:
        state = OrderState.PARTIALLY_FILLED if fills else OrderState.ACCEPTED
    return replace(
        order,
        fills=fills,
        filled_lots=sum(fill.lots for fill in fills),
        cost=sum(fill.cost for fill in fills),
        fee=sum(fill.fee for fill in fills),
        state=state,
        ended_ns=order.ended_ns if had_ended else 0,
        changed_ns=min(order.changed_ns, time_ns),
    )
