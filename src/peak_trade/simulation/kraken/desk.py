"""Orders at the simulated Kraken, whichever way they come: what is asked, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType

from peak_trade.domain.order import OrderState, TimeInForce
from peak_trade.simulation.kraken.access import KrakenError
from peak_trade.simulation.kraken.limits import Counter, Tier, order_cost
from peak_trade.simulation.kraken.names import Pair, Pairs, made_id, read_stamp, seconds
from peak_trade.simulation.market.account import Account
from peak_trade.simulation.market.listing import (
    AskRefusedError,
    Listing,
    Refusal,
    decimal_text,
    number_of,
)
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.orders import Ask, FeeIn, Kind, SimFill, SimOrder

_SECOND = 1_000_000_000
_TYPES = MappingProxyType(
    {
        "market": Kind.MARKET,
        "limit": Kind.LIMIT,
        "stop-loss": Kind.STOP,
        "stop-loss-limit": Kind.STOP_LIMIT,
        "take-profit": Kind.TAKE_PROFIT,
        "take-profit-limit": Kind.TAKE_PROFIT_LIMIT,
        "trailing-stop": Kind.TRAILING_STOP,
    }
)
TYPE_NAMES: Mapping[Kind, str] = MappingProxyType({kind: name for name, kind in _TYPES.items()})
"""What Kraken calls each kind of order."""

_FORCES = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "GTD": TimeInForce.GTD,
}
_TEXTS: Mapping[Refusal, str] = MappingProxyType(
    {
        Refusal.UNKNOWN_SYMBOL: "EQuery:Unknown asset pair",
        Refusal.UNKNOWN_ORDER: "EOrder:Unknown order",
        Refusal.BAD_PRICE: "EOrder:Tick size check failed",
        Refusal.BAD_SIZE: "EGeneral:Invalid arguments:volume",
        Refusal.BELOW_MIN_SIZE: "EOrder:Order minimum not met",
        Refusal.BELOW_MIN_COST: "EOrder:Cost minimum not met",
        Refusal.NO_FUNDS: "EOrder:Insufficient funds",
        Refusal.POST_ONLY: "EOrder:Post only order",
        Refusal.DUPLICATE_CLIENT_ID: "EGeneral:Invalid arguments:cl_ord_id",
        Refusal.TOO_MANY_ORDERS: "EOrder:Orders limit exceeded",
        Refusal.IS_CLOSED: "EService:Market in cancel_only mode",
    }
)
_FLAGS = ("post", "fcib", "fciq", "viqc", "nompp")


def error_text(error: AskRefusedError | KrakenError) -> str:
    """Kraken's text for a refusal."""
    if isinstance(error, KrakenError):
        return error.message
    if error.why in (Refusal.BAD_ARGUMENT, Refusal.NOT_OFFERED):
        return (
            f"EGeneral:Invalid arguments:{error.detail}"
            if error.detail
            else "EGeneral:Invalid arguments"
        )
    return _TEXTS[error.why]


def _wrong(what: str) -> AskRefusedError:
    return AskRefusedError(Refusal.BAD_ARGUMENT, what)


@dataclass(frozen=True, slots=True)
class Wish:
    """An order as a message asks for it, in the words of REST; empty texts were not said.

    ``price`` is the limit of a limit order and the trigger of the others, ``price2`` the limit of those
    that have both.
    """

    pair: str
    side: str
    ordertype: str
    volume: str
    price: str = ""
    price2: str = ""
    oflags: str = ""
    timeinforce: str = ""
    expiretm: str = ""
    deadline: str = ""
    cl_ord_id: str = ""
    userref: int = 0
    trigger: str = ""
    reduce_only: bool = False
    is_dry: bool = False


class Desk:
    """Takes, changes and cancels orders, and counts them against the trading engine's limits.

    Parameters
    ----------
    market : Market
        Where they trade.
    pairs : Pairs
        What is listed.
    tier : Tier
        How many transactions an account may make.
    """

    def __init__(self, market: Market, pairs: Pairs, tier: Tier) -> None:
        self.market, self.pairs, self._tier = market, pairs, tier
        self._counters: dict[tuple[str, str], Counter] = {}
        self._by_id: dict[str, int] = {}
        self._known = 0

    # --- limits ----------------------------------------------------------------------------------

    def counter(self, account: Account, symbol: str) -> Counter:
        """The trading engine's counter of an account and a pair."""
        key = (account.name, symbol)
        if key not in self._counters:
            self._counters[key] = Counter(self._tier.orders, self._tier.orders_decay)
        return self._counters[key]

    def charge(
        self, account: Account, symbol: str, what: str, order: SimOrder | None = None
    ) -> None:
        """Charge a transaction; cancels are charged too, and never refused.

        Raises
        ------
        KrakenError
            Too many.
        """
        now_ns = self.market.clock.wall_ns()
        age_s = (now_ns - order.touched_wall_ns) / _SECOND if order else 0.0
        counter = self.counter(account, symbol)
        if not counter.add(order_cost(what, age_s), now_ns, always=what == "cancel"):
            raise KrakenError("EOrder:Rate limit exceeded")

    def check_deadline(self, text: str) -> None:
        """Refuse what comes too late.

        Raises
        ------
        AskRefusedError
            No time.
        KrakenError
            Its time has passed.
        """
        if not text:
            return
        try:
            until_ns = read_stamp(text)
        except ValueError:
            raise _wrong("deadline") from None
        if until_ns < self.market.clock.wall_ns():
            raise KrakenError("EService:Deadline elapsed")

    # --- asking ----------------------------------------------------------------------------------

    def ask_of(self, wish: Wish) -> Ask:
        """What the market is asked for a wish.

        Raises
        ------
        AskRefusedError
            Something in it is unknown, contradicts something else, or is not offered here.
        """
        listing = self.pairs.named(wish.pair).listing
        kind = _TYPES.get(wish.ordertype)
        if kind is None:
            raise _wrong("ordertype")
        if wish.side not in ("buy", "sell"):
            raise _wrong("type")
        if wish.cl_ord_id and wish.userref:
            raise _wrong("cl_ord_id and userref are exclusive")
        if wish.trigger not in ("", "last", "index"):
            raise _wrong("trigger")
        flags = [flag for flag in wish.oflags.split(",") if flag]
        if any(flag not in _FLAGS for flag in flags) or {"fcib", "fciq"} <= set(flags):
            raise _wrong("oflags")
        side = 1 if wish.side == "buy" else -1
        fee_in: FeeIn = "base" if "fcib" in flags else "quote"
        force, expires_ns = self._force(wish, kind)
        ask = Ask(
            listing.symbol, side, kind, force=force, expires_ns=expires_ns,
            post_only="post" in flags, reduce_only=wish.reduce_only, client_id=wish.cl_ord_id,
            fee_in=fee_in, tag=str(wish.userref),
        )  # fmt: skip
        return self._priced(self._sized(ask, wish, listing, flags), wish, listing)

    def _force(self, wish: Wish, kind: Kind) -> tuple[TimeInForce, int]:
        force = _FORCES.get((wish.timeinforce or "GTC").upper())
        if force is None or (force is TimeInForce.GTD and not kind.has_limit):
            raise _wrong("timeinforce")
        if wish.expiretm in ("", "0"):
            if force is TimeInForce.GTD:
                raise _wrong("expiretm")
            return force, 0
        if force not in (TimeInForce.GTD, TimeInForce.GTC):
            raise _wrong("expiretm")
        text, now_ns = wish.expiretm, self.market.now_ns
        if text.startswith("+"):
            return TimeInForce.GTD, now_ns + int(number_of(text[1:], "expiretm") * _SECOND)
        if "T" in text:
            try:
                return TimeInForce.GTD, read_stamp(text)
            except ValueError:
                raise _wrong("expiretm") from None
        return TimeInForce.GTD, int(number_of(text, "expiretm") * _SECOND)

    def _sized(self, ask: Ask, wish: Wish, listing: Listing, flags: list[str]) -> Ask:
        if "viqc" not in flags:
            return replace(ask, lots=listing.lots_of(wish.volume))
        if ask.kind is not Kind.MARKET or ask.side < 0:
            raise _wrong("viqc")
        atoms = int(number_of(wish.volume, "volume").scaleb(listing.quote_decimals))
        if atoms <= 0:
            raise _wrong("volume")
        return replace(ask, quote_atoms=atoms)

    def _priced(self, ask: Ask, wish: Wish, listing: Listing) -> Ask:
        kind = ask.kind
        if kind is Kind.MARKET:
            return ask
        if kind is Kind.TRAILING_STOP:
            return replace(ask, trail_ticks=self.trail_ticks(wish.price, listing))
        if kind is Kind.LIMIT:
            return replace(ask, limit_ticks=listing.ticks_of(wish.price, "price"))
        ask = replace(ask, trigger_ticks=listing.ticks_of(wish.price, "price"))
        if kind.has_limit:
            ask = replace(ask, limit_ticks=listing.ticks_of(wish.price2, "price2"))
        return ask

    def trail_ticks(self, text: str, listing: Listing) -> int:
        """A trailing stop's distance: ``+100`` in quote currency, or ``+1.5%`` of the last price.

        Raises
        ------
        AskRefusedError
            It is neither.
        """
        bare = text.lstrip("+-")
        if bare.endswith("%"):
            last = self.market.ticker(listing.symbol).last
            share = number_of(bare[:-1], "price") / 100
            return max(int(share * (last.ticks if last else 0)), 1)
        return listing.ticks_of(bare, "price")

    # --- doing -----------------------------------------------------------------------------------

    def add(self, account: Account, wish: Wish) -> SimOrder | None:
        """Take an order; None where it was only to be checked.

        Raises
        ------
        AskRefusedError, KrakenError
            It is not taken.
        """
        symbol = self.pairs.named(wish.pair).listing.symbol
        self.charge(account, symbol, "add")
        self.check_deadline(wish.deadline)
        ask = self.ask_of(wish)
        if wish.is_dry:
            self.market.check(account, ask)
            return None
        return self.market.place(account, ask)

    def find(self, account: Account, *, txid: str = "", cl_ord_id: str = "") -> SimOrder:
        """An order by its id, or an open one by the account's own name for it.

        Raises
        ------
        AskRefusedError
            There is none.
        """
        if cl_ord_id:
            found = self.market.open_by_client_id(account, cl_ord_id)
            if found is None:
                raise AskRefusedError(Refusal.UNKNOWN_ORDER)
            return found
        while self._known < self.market.orders_placed:
            self._known += 1
            self._by_id[order_id(self._known)] = self._known
        return self.market.order(account, self._by_id.get(txid, 0))

    def by_userref(self, account: Account, userref: int) -> list[SimOrder]:
        """Open orders that carry a user's number."""
        return [o for o in account.open.values() if o.ask.tag == str(userref)]

    def amend(
        self,
        account: Account,
        order: SimOrder,
        *,
        qty: str = "",
        limit: str = "",
        trigger: str = "",
        post_only: bool | None = None,
        deadline: str = "",
    ) -> SimOrder:
        """Change an open order in place.

        Raises
        ------
        AskRefusedError, KrakenError
            It cannot be changed so, or not now.
        """
        listing = order.listing
        self.charge(account, listing.symbol, "amend", order)
        self.check_deadline(deadline)
        kind = order.ask.kind
        if not order.is_open:
            raise AskRefusedError(Refusal.UNKNOWN_ORDER)
        if (limit and not kind.has_limit) or (trigger and not kind.has_trigger):
            raise _wrong("limit_price" if limit and not kind.has_limit else "trigger_price")
        return self.market.amend(
            account, order,
            lots=listing.lots_of(qty, "order_qty") if qty else None,
            limit_ticks=listing.ticks_of(limit, "limit_price") if limit else None,
            trigger_ticks=listing.ticks_of(trigger, "trigger_price") if trigger else None,
            post_only=post_only,
        )  # fmt: skip

    def edit(self, account: Account, order: SimOrder, wish: Wish) -> SimOrder:
        """Replace an open order by a new one; the old one is cancelled.

        Raises
        ------
        AskRefusedError, KrakenError
            The new one would not be taken: then the old one stands.
        """
        self.charge(account, order.listing.symbol, "edit", order)
        self.check_deadline(wish.deadline)
        if not order.is_open or order.filled_lots:
            raise AskRefusedError(Refusal.UNKNOWN_ORDER)
        ask = self.ask_of(wish)
        held = account.release(order)
        try:
            self.market.check(account, replace(ask, client_id=""))
        except AskRefusedError:
            account.restore(order, held)
            raise
        self.market.cancel(account, order, reason="Order replaced")
        return self.market.place(account, ask)

    def cancel(self, account: Account, order: SimOrder) -> SimOrder:
        """Cancel an open order.

        Raises
        ------
        AskRefusedError
            It is not open.
        """
        if not order.is_open:
            raise AskRefusedError(Refusal.UNKNOWN_ORDER)
        self.charge(account, order.listing.symbol, "cancel", order)
        return self.market.cancel(account, order)


# --- what came of it, in the words of REST ------------------------------------------------------


def order_id(serial: int) -> str:
    """The id of an order."""
    return made_id("O", serial)


def trade_id(serial: int) -> str:
    """The id of an account's trade."""
    return made_id("T", serial)


def fee_text(listing: Listing, fee: int, asset: str) -> str:
    """A fee in the asset it was paid in."""
    decimals = listing.base_decimals if asset == listing.base else listing.quote_decimals
    return decimal_text(fee, decimals)


def flags_of(ask: Ask) -> str:
    """The flags of an order, as answers list them."""
    flags = ["post"] if ask.post_only else []
    return ",".join([*flags, "fcib" if ask.fee_in == "base" else "fciq"])


def described(order: SimOrder, pair: Pair) -> dict[str, object]:
    """What an order asks for, in words and fields."""
    ask, listing = order.ask, order.listing
    side = "buy" if ask.side > 0 else "sell"
    name = TYPE_NAMES[ask.kind]
    price, price2 = _prices(ask, listing)
    head = f"{side} {listing.size_text(ask.lots)} {pair.altname} @ "
    words = name.removesuffix("-limit").replace("-", " ")
    if ask.kind is Kind.MARKET:
        text = head + "market"
    elif ask.kind.has_limit and ask.kind is not Kind.LIMIT:
        text = f"{head}{words} {price} -> limit {price2}"
    else:
        text = f"{head}{words} {price}"
    return {
        "pair": pair.altname, "type": side, "ordertype": name, "price": price, "price2": price2,
        "leverage": "none", "order": text, "close": "",
    }  # fmt: skip


def _prices(ask: Ask, listing: Listing) -> tuple[str, str]:
    if ask.kind is Kind.MARKET:
        return "0", "0"
    if ask.kind is Kind.TRAILING_STOP:
        return f"+{listing.price_text(ask.trail_ticks)}", "0"
    if ask.kind is Kind.LIMIT:
        return listing.price_text(ask.limit_ticks), "0"
    limit = listing.price_text(ask.limit_ticks) if ask.kind.has_limit else "0"
    return listing.price_text(ask.trigger_ticks), limit


def average_text(fills: Sequence[SimFill], listing: Listing) -> str:
    """The average price of fills, with the decimals of a cost at least."""
    lots = sum(fill.lots for fill in fills)
    value = Decimal(sum(fill.ticks * fill.lots for fill in fills)) * listing.tick_units
    if lots:
        value = value.scaleb(-listing.price_decimals) / lots
    return f"{value:.{max(listing.price_decimals, 5)}f}"


_STATUS = {
    OrderState.FILLED: "closed",
    OrderState.CANCELED: "canceled",
    OrderState.EXPIRED: "expired",
    OrderState.REJECTED: "canceled",
}


def order_record(
    order: SimOrder, pair: Pair, *, stop_ticks: int = 0, with_trades: bool = False
) -> dict[str, object]:
    """An order as REST answers list it."""
    ask, listing = order.ask, order.listing
    zero = listing.cost_text(0)
    found: dict[str, object] = {
        "refid": None, "userref": int(ask.tag or 0), "status": _STATUS.get(order.state, "open"),
        "opentm": seconds(order.created_ns), "starttm": 0,
        "expiretm": seconds(ask.expires_ns) if ask.expires_ns else 0,
        "descr": described(order, pair), "vol": listing.size_text(ask.lots),
        "vol_exec": listing.size_text(order.filled_lots), "cost": listing.cost_text(order.cost),
        "fee": fee_text(listing, order.fee, order.fee_asset), "price": average_text(order.fills, listing),
        "stopprice": listing.price_text(stop_ticks) if stop_ticks else zero, "limitprice": zero,
        "misc": "", "oflags": flags_of(ask),
    }  # fmt: skip
    if ask.client_id:
        found["cl_ord_id"] = ask.client_id
    if ask.kind is Kind.TRAILING_STOP:
        found["trigger"] = "last"
    if with_trades and order.fills:
        found["trades"] = [trade_id(fill.serial) for fill in order.fills]
    if not order.is_open:
        found["closetm"] = seconds(order.ended_ns)
    return found


def trade_record(fill: SimFill, order: SimOrder, pair: Pair) -> dict[str, object]:
    """A trade of an account as REST answers list it."""
    listing = order.listing
    return {
        "ordertxid": order_id(order.serial), "postxid": made_id("P", order.serial),
        "pair": pair.key, "time": seconds(fill.time_ns), "type": "buy" if fill.side > 0 else "sell",
        "ordertype": TYPE_NAMES[order.ask.kind], "price": listing.price_text(fill.ticks),
        "cost": listing.cost_text(fill.cost), "fee": fee_text(listing, fill.fee, fill.fee_asset),
        "vol": listing.size_text(fill.lots), "margin": listing.cost_text(0), "misc": "",
        "trade_id": fill.print_id, "maker": fill.is_maker,
        "ledgers": [made_id("L", 3 * fill.serial), made_id("L", 3 * fill.serial + 1)],
    }  # fmt: skip
