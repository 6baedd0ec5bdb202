"""The private REST answers of the simulated Kraken."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType

from peak_trade.simulation.kraken.access import TOKEN_S, Access, KrakenError
from peak_trade.simulation.kraken.desk import (
    Desk,
    Wish,
    described,
    error_text,
    order_id,
    order_record,
    trade_id,
    trade_record,
)
from peak_trade.simulation.kraken.names import asset_id, made_id, seconds, stamp
from peak_trade.simulation.market.account import Account
from peak_trade.simulation.market.listing import (
    AskRefusedError,
    Refusal,
    decimal_text,
    number_of,
)
from peak_trade.simulation.market.orders import Kind, SimFill, SimOrder

PAGE = 50
_SECOND_NS = 1_000_000_000
Fields = Mapping[str, object]


def _wrong(what: str) -> AskRefusedError:
    return AskRefusedError(Refusal.BAD_ARGUMENT, what)


def text(fields: Fields, name: str) -> str:
    """A field as text; empty where it is not there."""
    found = fields.get(name)
    if found is None:
        return ""
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, (dict, list)):
        raise _wrong(name)
    return str(found)


def truth(fields: Fields, name: str) -> bool:
    """Whether a field says yes."""
    return text(fields, name).lower() in ("true", "1")


def _userref(fields: Fields) -> int:
    found = text(fields, "userref")
    if not found:
        return 0
    try:
        value = int(found)
    except ValueError:
        raise _wrong("userref") from None
    if not -(2**31) <= value < 2**31:
        raise _wrong("userref")
    return value


def wish_of(fields: Fields, *, pair: str = "") -> Wish:
    """An order as the fields of a call ask for it.

    Raises
    ------
    AskRefusedError
        It asks for what is not offered here: margin, conditional closes, icebergs, a start to come.
    """
    if text(fields, "leverage") not in ("", "none", "0", "1"):
        raise _wrong("leverage")
    if fields.get("close") or any(name.startswith("close[") for name in fields):
        raise _wrong("close")
    for name in ("displayvol", "starttm"):
        if text(fields, name) not in ("", "0"):
            raise _wrong(name)
    return Wish(
        pair or text(fields, "pair"), text(fields, "type"), text(fields, "ordertype"),
        text(fields, "volume"), price=text(fields, "price"), price2=text(fields, "price2"),
        oflags=text(fields, "oflags"), timeinforce=text(fields, "timeinforce"),
        expiretm=text(fields, "expiretm"), deadline=text(fields, "deadline"),
        cl_ord_id=text(fields, "cl_ord_id"), userref=_userref(fields),
        trigger=text(fields, "trigger"), reduce_only=truth(fields, "reduce_only"),
        is_dry=truth(fields, "validate"),
    )  # fmt: skip


class PrivateApi:
    """Answers private calls of accounts.

    Parameters
    ----------
    desk : Desk
        Takes orders.
    access : Access
        Hands out tokens.
    """

    def __init__(self, desk: Desk, access: Access) -> None:
        self.desk, self.market, self.pairs, self._access = desk, desk.market, desk.pairs, access

    @property
    def calls(self) -> Mapping[str, Callable[[Account, Fields], object]]:
        """What may be called, by name."""
        return MappingProxyType(
            {
                "Balance": self.balance, "BalanceEx": self.balance_ex,
                "TradeBalance": self.trade_balance, "OpenOrders": self.open_orders,
                "ClosedOrders": self.closed_orders, "QueryOrders": self.query_orders,
                "TradesHistory": self.trades_history, "QueryTrades": self.query_trades,
                "Ledgers": self.ledgers, "AddOrder": self.add_order,
                "AddOrderBatch": self.add_order_batch, "AmendOrder": self.amend_order,
                "EditOrder": self.edit_order, "CancelOrder": self.cancel_order,
                "CancelOrderBatch": self.cancel_order_batch, "CancelAll": self.cancel_all,
                "CancelAllOrdersAfter": self.cancel_all_after,
                "GetWebSocketsToken": self.token,
            }
        )  # fmt: skip

    # --- money -----------------------------------------------------------------------------------

    def _amount(self, asset: str, atoms: int) -> str:
        return decimal_text(atoms, self.market.decimals[asset])

    def _owned(self, account: Account) -> list[str]:
        return [asset for asset in self.market.decimals if asset in account.totals]

    def balance(self, account: Account, fields: Fields) -> object:
        """What is owned."""
        return {asset_id(a): self._amount(a, account.total(a)) for a in self._owned(account)}

    def balance_ex(self, account: Account, fields: Fields) -> object:
        """What is owned, and what open orders hold of it."""
        return {
            asset_id(asset): {
                "balance": self._amount(asset, account.total(asset)),
                "hold_trade": self._amount(asset, account.held(asset)),
            }
            for asset in self._owned(account)
        }

    def trade_balance(self, account: Account, fields: Fields) -> object:
        """The worth of everything in one currency; there is no margin."""
        wanted = text(fields, "asset") or "ZUSD"
        worth = Decimal(0)
        for asset in self._owned(account):
            amount = self.market.amount(account, asset)
            pair = self.pairs.all.get(f"{asset}/USD")
            if wanted in (asset, asset_id(asset)):
                worth += amount
            elif pair is not None:
                last = self.market.ticker(pair.listing.symbol).last
                worth += amount * Decimal(pair.listing.price_text(last.ticks if last else 0))
        total, none = f"{worth:.4f}", "0.0000"
        return {
            "eb": total, "tb": total, "m": none, "uv": none, "n": none, "c": none, "v": none,
            "e": total, "mf": total,
        }  # fmt: skip

    def ledgers(self, account: Account, fields: Fields) -> object:
        """What every trade added to and took from each asset, the newest first."""
        wanted = text(fields, "asset")
        rows: dict[str, object] = {}
        left = {asset: account.total(asset) for asset in account.totals}
        for fill in reversed(account.fills):
            is_wanted = _is_within(fill.time_ns, fields)
            listing = self.market.listings[fill.symbol]
            base = fill.side * fill.lots * listing.lot_atoms
            moves = ((listing.quote, -fill.side * fill.cost, 1), (listing.base, base, 0))
            for asset, change, place in moves:
                fee = fill.fee if asset == fill.fee_asset else 0
                if is_wanted and wanted in ("", "all", asset, asset_id(asset)):
                    rows[made_id("L", 3 * fill.serial + place)] = {
                        "refid": trade_id(fill.serial), "time": seconds(fill.time_ns),
                        "type": "trade", "subtype": "", "aclass": "currency",
                        "asset": asset_id(asset), "amount": self._amount(asset, change),
                        "fee": self._amount(asset, fee),
                        "balance": self._amount(asset, left[asset]),
                    }  # fmt: skip
                left[asset] -= change - fee
        count = len(rows)
        start = _offset(fields)
        return {"ledger": dict(list(rows.items())[start : start + PAGE]), "count": count}

    # --- orders ----------------------------------------------------------------------------------

    def _record(self, order: SimOrder, *, with_trades: bool, with_reason: bool) -> object:
        pair = self.pairs.of(order.ask.symbol)
        found = order_record(
            order, pair, stop_ticks=self.stop_ticks(order), with_trades=with_trades
        )
        if with_reason:
            found["reason"] = order.reason or None
        return found

    def stop_ticks(self, order: SimOrder) -> int:
        """Where a trailing stop stands now, in ticks; 0 for other kinds."""
        ask = order.ask
        if ask.kind is not Kind.TRAILING_STOP:
            return 0
        seen = self.market.span(ask.symbol, order.created_ns)
        return seen.high - ask.trail_ticks if ask.side < 0 else seen.low + ask.trail_ticks

    def _chosen(self, orders: Iterable[SimOrder], fields: Fields) -> list[SimOrder]:
        userref, name = text(fields, "userref"), text(fields, "cl_ord_id")
        return [
            order
            for order in orders
            if userref in ("", order.ask.tag) and name in ("", order.ask.client_id)
        ]

    def open_orders(self, account: Account, fields: Fields) -> object:
        """What is open, the newest first."""
        found = reversed(self._chosen(account.open.values(), fields))
        trades = truth(fields, "trades")
        return {
            "open": {
                order_id(o.serial): self._record(o, with_trades=trades, with_reason=False)
                for o in found
            }
        }

    def closed_orders(self, account: Account, fields: Fields) -> object:
        """What has ended, the newest first, 50 at once."""
        ended = [order for order in account.orders if not order.is_open]
        by_close = text(fields, "closetime") == "close"
        ended = [
            o
            for o in self._chosen(ended, fields)
            if _is_within(o.ended_ns if by_close else o.created_ns, fields)
        ]
        ended.sort(key=lambda order: (order.ended_ns, order.serial), reverse=True)
        start, trades = _offset(fields), truth(fields, "trades")
        return {
            "closed": {
                order_id(o.serial): self._record(o, with_trades=trades, with_reason=True)
                for o in ended[start : start + PAGE]
            },
            "count": len(ended),
        }

    def query_orders(self, account: Account, fields: Fields) -> object:
        """Orders by id."""
        names = [name for name in text(fields, "txid").split(",") if name]
        if not 1 <= len(names) <= PAGE:
            raise _wrong("txid")
        trades = truth(fields, "trades")
        found: dict[str, object] = {}
        for name in names:
            order = self._queried(account, name)
            if order and self._chosen([order], fields):
                found[name] = self._record(order, with_trades=trades, with_reason=True)
        if not found:
            raise AskRefusedError(Refusal.UNKNOWN_ORDER)
        return found

    def _queried(self, account: Account, name: str) -> SimOrder | None:
        try:
            return self.desk.find(account, txid=name)
        except AskRefusedError:
            return None

    # --- trades ----------------------------------------------------------------------------------

    def _within(self, fills: Iterable[SimFill], fields: Fields) -> list[SimFill]:
        return [fill for fill in fills if _is_within(fill.time_ns, fields)]

    def _trade(self, account: Account, fill: SimFill) -> dict[str, object]:
        order = self.market.order(account, fill.order)
        return trade_record(fill, order, self.pairs.of(fill.symbol))

    def trades_history(self, account: Account, fields: Fields) -> object:
        """The account's trades, the newest first, 50 at once."""
        found = self._within(account.fills, fields)[::-1]
        start = _offset(fields)
        page = found[start : start + PAGE]
        return {
            "trades": {trade_id(fill.serial): self._trade(account, fill) for fill in page},
            "count": len(found),
        }

    def query_trades(self, account: Account, fields: Fields) -> object:
        """Trades by id."""
        names = {name for name in text(fields, "txid").split(",") if name}
        if not 1 <= len(names) <= 20:
            raise _wrong("txid")
        by_id = {trade_id(fill.serial): fill for fill in account.fills}
        found = {n: self._trade(account, by_id[n]) for n in sorted(names) if n in by_id}
        if not found:
            raise AskRefusedError(Refusal.BAD_ARGUMENT, "txid")
        return found

    # --- trading ---------------------------------------------------------------------------------

    def add_order(self, account: Account, fields: Fields) -> object:
        """Take an order."""
        wish = wish_of(fields)
        order = self.desk.add(account, wish)
        if order is None:
            return {"descr": {"order": self._words(account, wish)}}
        pair = self.pairs.of(order.ask.symbol)
        return {
            "txid": [order_id(order.serial)],
            "descr": {"order": described(order, pair)["order"]},
        }

    def _words(self, account: Account, wish: Wish) -> object:
        ask = self.market.check(account, self.desk.ask_of(wish))
        pair = self.pairs.of(ask.symbol)
        probe = SimOrder(0, account.name, ask, pair.listing, 0, 0, 0)
        return described(probe, pair)["order"]

    def add_order_batch(self, account: Account, fields: Fields) -> object:
        """Take 2 to 15 orders of one pair; all are checked first, then each is taken or not."""
        orders = fields.get("orders")
        if not isinstance(orders, list) or not 2 <= len(orders) <= 15:
            raise _wrong("orders")
        if not all(isinstance(item, dict) for item in orders):
            raise _wrong("orders")
        shared = {name: fields[name] for name in ("deadline", "validate") if name in fields}
        wishes = [wish_of({**item, **shared}, pair=text(fields, "pair")) for item in orders]
        for wish in wishes:
            self.desk.ask_of(wish)
        return {"orders": [self._one_of_batch(account, wish) for wish in wishes]}

    def _one_of_batch(self, account: Account, wish: Wish) -> dict[str, object]:
        try:
            order = self.desk.add(account, wish)
            if order is None:
                return {"descr": {"order": self._words(account, wish)}}
        except (AskRefusedError, KrakenError) as error:
            return {"error": error_text(error)}
        pair = self.pairs.of(order.ask.symbol)
        return {"txid": order_id(order.serial), "descr": {"order": described(order, pair)["order"]}}

    def _found(self, account: Account, fields: Fields) -> SimOrder:
        return self.desk.find(
            account, txid=text(fields, "txid"), cl_ord_id=text(fields, "cl_ord_id")
        )

    def amend_order(self, account: Account, fields: Fields) -> object:
        """Change an open order in place: it keeps its id."""
        order = self._found(account, fields)
        post = truth(fields, "post_only") if text(fields, "post_only") else None
        self.desk.amend(
            account, order, qty=text(fields, "order_qty"), limit=text(fields, "limit_price"),
            trigger=text(fields, "trigger_price"), post_only=post,
            deadline=text(fields, "deadline"),
        )  # fmt: skip
        return {"amend_id": made_id("T", 2**40 + order.changed_ns + order.serial)}

    def edit_order(self, account: Account, fields: Fields) -> object:
        """Replace an open order by a new one, with a new id."""
        old = self._found(account, fields)
        ask, listing = old.ask, old.listing
        given = dict(fields)
        pair = self.pairs.of(ask.symbol)
        told = described(old, pair)
        for name, value in (("volume", listing.size_text(ask.lots)), ("price", told["price"]),
                            ("price2", told["price2"])):  # fmt: skip
            given.setdefault(name, value)
        given |= {"type": told["type"], "ordertype": told["ordertype"], "pair": pair.altname}
        given.pop("cl_ord_id", None)
        given.setdefault("userref", ask.tag)
        order = self.desk.edit(account, old, wish_of(given))
        return {
            "status": "ok", "txid": order_id(order.serial), "originaltxid": order_id(old.serial),
            "volume": listing.size_text(order.ask.lots), "price": text(given, "price"),
            "price2": text(given, "price2"), "orders_cancelled": 1,
            "descr": {"order": described(order, pair)["order"]},
        }  # fmt: skip

    def cancel_order(self, account: Account, fields: Fields) -> object:
        """Cancel an order by its id or name, or all that carry a user's number."""
        txid = text(fields, "txid")
        if txid and txid.lstrip("-").isdigit():
            found = self.desk.by_userref(account, int(txid))
            if not found:
                raise AskRefusedError(Refusal.UNKNOWN_ORDER)
        else:
            found = [self._found(account, fields)]
        for order in found:
            self.desk.cancel(account, order)
        return {"count": len(found)}

    def cancel_order_batch(self, account: Account, fields: Fields) -> object:
        """Cancel orders by id; those that are not open are left out of the count."""
        names = fields.get("orders")
        if not isinstance(names, list) or not 1 <= len(names) <= PAGE:
            raise _wrong("orders")
        count = 0
        for name in names:
            order = self._queried(account, str(name))
            if order is not None and order.is_open:
                self.desk.cancel(account, order)
                count += 1
        return {"count": count}

    def cancel_all(self, account: Account, fields: Fields) -> object:
        """Cancel everything that is open."""
        return {"count": len(self.market.cancel_all(account))}

    def cancel_all_after(self, account: Account, fields: Fields) -> object:
        """Cancel everything unless asked again in time; 0 ends that."""
        return timeout_record(self.desk, account, text(fields, "timeout"))

    def token(self, account: Account, fields: Fields) -> object:
        """A token for the WebSocket."""
        now_ns = self.market.clock.wall_ns()
        return {"token": self._access.new_token(account, now_ns), "expires": TOKEN_S}


def timeout_record(desk: Desk, account: Account, timeout: str) -> dict[str, object]:
    """Set or end the timeout after which everything is cancelled; gives when that is.

    Raises
    ------
    AskRefusedError
        No whole number of seconds up to a day.
    """
    span = number_of(timeout, "timeout")
    if span % 1 != 0 or not 0 <= span <= 86_400:
        raise _wrong("timeout")
    until_ns = desk.market.cancel_all_after(account, float(span))
    now = stamp(desk.market.clock.wall_ns(), digits=0)
    return {"currentTime": now, "triggerTime": stamp(until_ns, digits=0) if until_ns else "0"}


def _offset(fields: Fields) -> int:
    start = number_of(text(fields, "ofs") or "0", "ofs")
    if start < 0 or start % 1 != 0:
        raise _wrong("ofs")
    return int(start)


def _is_within(time_ns: int, fields: Fields) -> bool:
    """Whether a time is after ``start`` and not after ``end``, both in seconds where they are given."""
    start, end = text(fields, "start"), text(fields, "end")
    if start and time_ns <= int(number_of(start, "start") * _SECOND_NS):
        return False
    return not end or time_ns <= int(number_of(end, "end") * _SECOND_NS)
