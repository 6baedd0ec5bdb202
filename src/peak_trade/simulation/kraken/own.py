"""The private channels of the simulated Kraken's WebSocket: own orders, own trades, balances."""

from dataclasses import dataclass
from decimal import Decimal

from peak_trade.domain.order import OrderState, TimeInForce
from peak_trade.simulation.kraken.desk import (
    TYPE_NAMES,
    average_text,
    fee_text,
    flags_of,
    order_id,
    trade_id,
)
from peak_trade.simulation.kraken.names import made_id, stamp
from peak_trade.simulation.kraken.wire import Number, text_of
from peak_trade.simulation.market.account import Account
from peak_trade.simulation.market.listing import decimal_text
from peak_trade.simulation.market.market import Market
from peak_trade.simulation.market.orders import (
    BalanceChanged,
    Kind,
    OrderChanged,
    SimFill,
    SimOrder,
    Told,
    What,
)
from peak_trade.simulation.market.service import Line

_STATUS = {
    OrderState.ACCEPTED: "new",
    OrderState.PARTIALLY_FILLED: "partially_filled",
    OrderState.FILLED: "filled",
    OrderState.CANCELED: "canceled",
    OrderState.EXPIRED: "expired",
}
_FORCES = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.GTD: "GTD"}


@dataclass(slots=True)
class Hearing:
    """A line's subscription to a private channel: its messages are numbered from 1."""

    line: Line
    account: str
    token: str
    sequence: int = 0


class OwnFeed:
    """Tells accounts of their orders, trades and balances.

    Parameters
    ----------
    market : Market
        Where they trade.
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self._heard: dict[str, list[Hearing]] = {"executions": [], "balances": []}
        market.subscribe(self._told)

    def join(self, channel: str, hearing: Hearing) -> None:
        """Let a line hear a channel."""
        self._heard[channel].append(hearing)

    def found(self, channel: str, line: Line) -> Hearing | None:
        """A line's subscription to a channel."""
        return next((h for h in self._heard[channel] if h.line is line), None)

    def leave(self, line: Line, channel: str = "") -> list[Hearing]:
        """Let a line hear a channel, or all of them, no longer; gives what it heard."""
        gone = []
        for name, hearings in self._heard.items():
            if channel in ("", name):
                gone += [h for h in hearings if h.line is line]
                self._heard[name] = [h for h in hearings if h.line is not line]
        return gone

    def send(
        self, channel: str, hearing: Hearing, kind: str, data: list[dict[str, object]]
    ) -> None:
        """Send a numbered message to one who hears a channel."""
        hearing.sequence += 1
        message = {"channel": channel, "type": kind, "data": data, "sequence": hearing.sequence}
        hearing.line.send(text_of(message), is_data=True)

    # --- what has happened -----------------------------------------------------------------------

    def _told(self, told: Told) -> None:
        if isinstance(told, OrderChanged):
            rows = self._rows(told)
            for hearing in list(self._heard["executions"]):
                if hearing.account == told.account:
                    for row in rows:
                        self.send("executions", hearing, "update", [row])
        elif isinstance(told, BalanceChanged) and told.change:
            row = self._moved(told)
            for hearing in list(self._heard["balances"]):
                if hearing.account == told.account:
                    self.send("balances", hearing, "update", [row])

    def _rows(self, told: OrderChanged) -> list[dict[str, object]]:
        order = told.order
        if told.what is What.NEW:
            return [self.order_row(order, "pending_new"), self._sparse(order, "new", told.time_ns)]
        if told.what is What.TRADED and told.fill is not None:
            return [self.trade_row(order, told.fill)]
        row = self._sparse(order, told.what.value, told.time_ns)
        listing = order.listing
        if told.what is What.AMENDED:
            row |= {
                "order_status": "new", "reason": "User requested", "amended": True,
                "cum_qty": Number(listing.size_text(order.filled_lots)),
                "order_qty": Number(listing.size_text(order.ask.lots)),
            }  # fmt: skip
            if order.ask.kind.has_limit:
                row |= {
                    "limit_price": Number(listing.price_text(order.ask.limit_ticks)),
                    "limit_price_type": "static",
                }
            return [row]
        row |= self._sums(order)
        if told.what in (What.CANCELED, What.EXPIRED):
            row |= {"cancel_reason": order.reason, "reason": order.reason}
        return [row]

    def _sparse(self, order: SimOrder, kind: str, time_ns: int) -> dict[str, object]:
        """The fields of every message after the first."""
        row: dict[str, object] = {
            "timestamp": stamp(time_ns), "order_status": kind, "exec_type": kind,
            "order_id": order_id(order.serial),
        }  # fmt: skip
        return row | self._own_names(order)

    def _own_names(self, order: SimOrder) -> dict[str, object]:
        names: dict[str, object] = {}
        if order.ask.client_id:
            names["cl_ord_id"] = order.ask.client_id
        if order.ask.tag not in ("", "0"):
            names["order_userref"] = int(order.ask.tag)
        return names

    def _sums(self, order: SimOrder) -> dict[str, object]:
        listing = order.listing
        return {
            "cum_qty": Number(listing.size_text(order.filled_lots)),
            "cum_cost": Number(listing.cost_text(order.cost)),
            "fee_usd_equiv": self._in_usd(order.fee, order.fee_asset or listing.quote),
            "avg_price": Number(average_text(order.fills, listing)),
        }

    def _in_usd(self, atoms: int, asset: str) -> Number:
        """A fee in US dollars at the last price; as it is where no pair tells."""
        amount = self.market.decimal(asset, atoms)
        symbol = f"{asset}/USD"
        if symbol in self.market.listings:
            last = self.market.ticker(symbol).last
            listing = self.market.listings[symbol]
            amount *= Decimal(listing.price_text(last.ticks if last else 0))
        return Number(f"{amount:.5f}")

    # --- in words --------------------------------------------------------------------------------

    def order_row(self, order: SimOrder, kind: str) -> dict[str, object]:
        """An order with all its fields, as when it is new or in a snapshot."""
        ask, listing = order.ask, order.listing
        zero = Number("0.0")
        row: dict[str, object] = {
            "order_id": order_id(order.serial), "symbol": ask.symbol,
            "order_qty": Number(listing.size_text(ask.lots)),
            "cum_cost": Number(listing.cost_text(order.cost)),
            "time_in_force": _FORCES.get(ask.force, "GTC"), "exec_type": kind,
            "side": "buy" if ask.side > 0 else "sell", "order_type": TYPE_NAMES[ask.kind],
            **self._own_names(order), "limit_price_type": "static",
            "limit_price": Number(listing.price_text(ask.limit_ticks)) if ask.kind.has_limit else zero,
            "stop_price": Number(listing.price_text(ask.trigger_ticks)) if ask.kind.has_trigger else zero,
            "order_status": kind if kind == "pending_new" else _STATUS[order.state],
            "fee_usd_equiv": self._in_usd(order.fee, order.fee_asset or listing.quote),
            "fee_ccy_pref": flags_of(ask).rpartition(",")[2], "timestamp": stamp(order.changed_ns),
        }  # fmt: skip
        if kind != "pending_new":
            row |= self._sums(order)
        if ask.post_only:
            row["post_only"] = True
        if ask.reduce_only:
            row["reduce_only"] = True
        if ask.kind.has_trigger or ask.kind is Kind.TRAILING_STOP:
            row["triggers"] = self._triggers(order)
        return row

    def _triggers(self, order: SimOrder) -> dict[str, object]:
        ask, listing = order.ask, order.listing
        is_trail = ask.kind is Kind.TRAILING_STOP
        ticks = ask.trail_ticks if is_trail else ask.trigger_ticks
        return {
            "reference": "last", "price": Number(listing.price_text(ticks)),
            "price_type": "quote" if is_trail else "static",
            "status": "triggered" if order.is_triggered or order.fills else "untriggered",
        }  # fmt: skip

    def trade_row(self, order: SimOrder, fill: SimFill) -> dict[str, object]:
        """A trade of an order; the order's end is told of by itself."""
        listing = order.listing
        until = [one for one in order.fills if one.serial <= fill.serial]
        cost, lots = sum(one.cost for one in until), sum(one.lots for one in until)
        average = average_text(until, listing)
        return {
            "order_id": order_id(order.serial), **self._own_names(order),
            "exec_id": trade_id(fill.serial), "exec_type": "trade", "trade_id": fill.print_id,
            "symbol": fill.symbol, "side": "buy" if fill.side > 0 else "sell",
            "last_qty": Number(listing.size_text(fill.lots)),
            "last_price": Number(listing.price_text(fill.ticks)),
            "liquidity_ind": "m" if fill.is_maker else "t",
            "cost": Number(listing.cost_text(fill.cost)), "order_type": TYPE_NAMES[order.ask.kind],
            "timestamp": stamp(fill.time_ns), "order_status": "partially_filled",
            "cum_qty": Number(listing.size_text(lots)), "cum_cost": Number(listing.cost_text(cost)),
            "avg_price": Number(average), "fee_usd_equiv": self._in_usd(fill.fee, fill.fee_asset),
            "fees": [
                {"asset": fill.fee_asset, "qty": Number(fee_text(listing, fill.fee, fill.fee_asset))}
            ],
        }  # fmt: skip

    def open_rows(self, account: Account) -> list[dict[str, object]]:
        """Open orders, as a subscription begins with them."""
        return [self.order_row(order, "new") for order in account.open.values()]

    def trade_rows(self, account: Account) -> list[dict[str, object]]:
        """The last 50 trades, as a subscription begins with them."""
        last = account.fills[-50:]
        return [self.trade_row(self.market.order(account, fill.order), fill) for fill in last]

    def balances(self, account: Account) -> list[dict[str, object]]:
        """What an account owns."""
        rows: list[dict[str, object]] = []
        for asset in account.totals:
            amount = Number(decimal_text(account.total(asset), self.market.decimals[asset]))
            rows.append(
                {
                    "asset": asset, "asset_class": "currency", "balance": amount,
                    "wallets": [{"type": "spot", "id": "main", "balance": amount}],
                }
            )  # fmt: skip
        return rows

    def _moved(self, told: BalanceChanged) -> dict[str, object]:
        decimals, fill = self.market.decimals[told.asset], told.fill
        fee = fill.fee if fill and fill.fee_asset == told.asset else 0
        serial = fill.serial if fill else 0
        return {
            "ledger_id": made_id("L", 3 * serial + (fee > 0)), "ref_id": trade_id(serial),
            "timestamp": stamp(told.time_ns), "type": "trade" if fill else "deposit", "subtype": "",
            "asset": told.asset, "asset_class": "currency", "category": "trade",
            "wallet_type": "spot", "wallet_id": "main",
            "amount": Number(decimal_text(told.change + fee, decimals)),
            "fee": Number(decimal_text(fee, decimals)),
            "balance": Number(decimal_text(told.total, decimals)),
        }  # fmt: skip
