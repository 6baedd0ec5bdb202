"""Orders and fills of accounts at a simulated market, and what subscribers are told."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from peak_trade.domain.order import OrderState, TimeInForce
from peak_trade.simulation.market.listing import Listing
from peak_trade.simulation.market.quotes import Level
from peak_trade.simulation.market.track import Print

FeeIn = Literal["quote", "base", "received"]


class Kind(StrEnum):
    """How an order meets the market."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop-limit"
    TAKE_PROFIT = "take-profit"
    TAKE_PROFIT_LIMIT = "take-profit-limit"
    TRAILING_STOP = "trailing-stop"

    @property
    def has_limit(self) -> bool:
        """Whether it has a limit price."""
        return self in (Kind.LIMIT, Kind.STOP_LIMIT, Kind.TAKE_PROFIT_LIMIT)

    @property
    def has_trigger(self) -> bool:
        """Whether it waits for a trigger price."""
        return self in (Kind.STOP, Kind.STOP_LIMIT, Kind.TAKE_PROFIT, Kind.TAKE_PROFIT_LIMIT)


@dataclass(frozen=True, slots=True)
class Ask:
    """What an account asks a market to trade.

    Parameters
    ----------
    symbol : str
        What.
    side : int
        1 buys, -1 sells.
    kind : Kind
        How.
    lots : int
        How much; 0 where ``quote_atoms`` says it.
    limit_ticks, trigger_ticks, trail_ticks : int
        Limit, trigger, and distance of a trailing stop; 0 where the kind has none.
    quote_atoms : int
        For market orders: how much to spend or to take in, in atoms of the quote asset.
    force : TimeInForce
        How long it works.
    expires_ns : int
        When a GTD order ends, market time.
    post_only, reduce_only : bool
        AskRefusedError where it would trade at once; may only bring a holding closer to none.
    client_id : str
        The account's own name for it, unique among its open orders; empty for none.
    fee_in : str
        Which asset pays the fee: ``quote``, ``base``, or what the trade brings in (``received``).
    tag : str
        What the venue's wire form keeps with it.
    """

    symbol: str
    side: int
    kind: Kind
    lots: int = 0
    limit_ticks: int = 0
    trigger_ticks: int = 0
    trail_ticks: int = 0
    quote_atoms: int = 0
    force: TimeInForce = TimeInForce.GTC
    expires_ns: int = 0
    post_only: bool = False
    reduce_only: bool = False
    client_id: str = ""
    fee_in: FeeIn = "quote"
    tag: str = ""


@dataclass(frozen=True, slots=True)
class SimFill:
    """A trade of an account's order; ``serial`` counts the market's fills from 1.

    ``cost`` and ``fee`` are in atoms of the quote asset and of ``fee_asset``; ``left`` is how many lots
    of the order remained, ``print_id`` the last public trade before it.
    """

    serial: int
    order: int
    symbol: str
    side: int
    time_ns: int
    ticks: int
    lots: int
    cost: int
    fee: int
    fee_asset: str
    is_maker: bool
    left: int
    print_id: int


@dataclass(slots=True, eq=False)
class SimOrder:
    """An order of an account: what was asked, and what came of it.

    Attributes
    ----------
    serial : int
        Counts the market's orders from 1.
    account : str
        Whose it is.
    ask : Ask
        What was asked, with its amendments.
    state : OrderState
        ACCEPTED, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED or REJECTED.
    created_ns, changed_ns, ended_ns : int
        Market times; ``ended_ns`` is 0 while it is open.
    touched_wall_ns : int
        When it was placed or amended, by the clock of requests.
    filled_lots, cost, fee : int
        In all; cost in atoms of the quote asset, fee in atoms of ``fee_asset``.
    fills : list of SimFill
        One by one.
    reason : str
        Why it ended, where it was not filled.
    match_id : str
        What the matcher calls it now; empty while it waits for a trigger that the matcher does not know.
    is_triggered : bool
        Whether a take-profit-limit has seen its trigger.
    """

    serial: int
    account: str
    ask: Ask
    listing: Listing
    created_ns: int
    changed_ns: int
    touched_wall_ns: int
    state: OrderState = OrderState.ACCEPTED
    ended_ns: int = 0
    filled_lots: int = 0
    cost: int = 0
    fee: int = 0
    fee_asset: str = ""
    reason: str = ""
    fills: list[SimFill] = field(default_factory=list)
    match_id: str = ""
    is_triggered: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it may still trade."""
        return self.state in (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)

    @property
    def left(self) -> int:
        """Lots that have not traded."""
        return self.ask.lots - self.filled_lots

    @property
    def average_ticks(self) -> float:
        """Average price of its fills in ticks; 0 without any."""
        value = sum(fill.ticks * fill.lots for fill in self.fills)
        return value / self.filled_lots if self.filled_lots else 0.0


# --- what subscribers are told -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TradeSeen:
    """A public trade."""

    trade: Print


@dataclass(frozen=True, slots=True)
class BookChanged:
    """A book went from update ``before_id`` to ``update_id``; levels with 0 lots are gone."""

    symbol: str
    time_ns: int
    before_id: int
    update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class What(StrEnum):
    """What became of an order."""

    NEW = "new"
    AMENDED = "amended"
    TRADED = "traded"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order of an account changed; ``fill`` is there where it traded.

    An order that a trade fills is told of twice: TRADED, then FILLED.
    """

    account: str
    order: SimOrder
    what: What
    time_ns: int
    fill: SimFill | None = None


@dataclass(frozen=True, slots=True)
class BalanceChanged:
    """What an account owns of an asset, or has reserved of it, changed; in atoms.

    ``fill`` is the trade that moved it, None where an order only reserved or freed some of it.
    """

    account: str
    asset: str
    total: int
    held: int
    time_ns: int
    change: int = 0
    fill: SimFill | None = None


Told = TradeSeen | BookChanged | OrderChanged | BalanceChanged
