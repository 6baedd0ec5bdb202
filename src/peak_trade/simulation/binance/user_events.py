"""What accounts are told of: executions and balances, as one event after another."""

from collections.abc import Callable
from decimal import Decimal

from peak_trade.domain.order import TimeInForce
from peak_trade.simulation.binance.order_shapes import Json, money_of, status_of
from peak_trade.simulation.binance.user_shapes import (
    balance_event,
    execution_report,
    position_event,
)
from peak_trade.simulation.binance.venue import Venue
from peak_trade.simulation.market.orders import (
    BalanceChanged,
    Kind,
    OrderChanged,
    SimOrder,
    Told,
    What,
)

Hear = Callable[[Json], None]


class UserEvents:
    """Turns what happens in the market into Binance's events, for those who listen to an account.

    Parameters
    ----------
    venue : Venue
        Whose accounts.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._listeners: dict[str, list[Hear]] = {}
        self._changed: dict[str, dict[str, None]] = {}
        venue.market.subscribe(self._hear)

    def listen(self, account: str, hear: Hear) -> Callable[[], None]:
        """Tell a function of an account's events; gives a function that ends it."""
        self._listeners.setdefault(account, []).append(hear)

        def end() -> None:
            if hear in self._listeners.get(account, ()):
                self._listeners[account].remove(hear)

        return end

    def deposit(self, account: str, asset: str, amount: Decimal) -> None:
        """Pay an amount in, or out where it is negative; listeners are told."""
        market = self._venue.market
        atoms = market.atoms_of(asset, amount)
        market.accounts[account].deposit(asset, atoms)
        self.flush()
        change = money_of(atoms, market.decimals[asset])
        self._tell(account, balance_event(asset, change, market.now_ns))
        self._changed.setdefault(account, {})[asset] = None
        self.flush()

    def flush(self) -> None:
        """Tell of balances that have changed since."""
        for account in list(self._changed):
            self._flush(account)

    def _flush(self, account: str) -> None:
        assets = self._changed.pop(account, None)
        if assets and self._listeners.get(account):
            venue = self._venue
            owner = venue.market.accounts[account]
            balances = [venue.balance(owner, asset) for asset in assets]
            self._tell(account, position_event(balances, venue.market.now_ns))

    def _tell(self, account: str, event: Json) -> None:
        for hear in tuple(self._listeners.get(account, ())):
            hear(event)

    def _hear(self, told: Told) -> None:
        if isinstance(told, BalanceChanged):
            self._changed.setdefault(told.account, {})[told.asset] = None
        elif isinstance(told, OrderChanged) and told.what is not What.FILLED:
            self._flush(told.account)
            if self._listeners.get(told.account):
                self._tell(told.account, self._report(told))

    def _report(self, told: OrderChanged) -> Json:
        venue, order, fill = self._venue, told.order, told.fill
        execution, status = _EXECUTIONS[told.what], status_of(order)
        client_id, original_id, expiry = order.ask.client_id, "", ""
        if fill is not None:
            status = "FILLED" if fill.left == 0 else "PARTIALLY_FILLED"
        elif told.what is What.AMENDED:
            original_id = venue.earlier_ids.get(order.serial, client_id)
        elif status == "CANCELED":
            original_id = client_id
            client_id = venue.cancel_ids.get(order.serial, client_id)
        elif status == "EXPIRED":
            execution, expiry = "EXPIRED", _expiry(order)
        return execution_report(
            order, execution, status, fill=fill, serial=venue.next_execution(),
            time_ns=told.time_ns, client_id=client_id, original_id=original_id,
            is_working=venue.is_working(order), expiry=expiry,
        )  # fmt: skip


_EXECUTIONS = {
    What.NEW: "NEW",
    What.AMENDED: "REPLACED",
    What.TRADED: "TRADE",
    What.CANCELED: "CANCELED",
    What.EXPIRED: "EXPIRED",
}


def _expiry(order: SimOrder) -> str:
    """Why an order expired."""
    is_ioc = order.ask.force is TimeInForce.IOC and order.ask.kind is not Kind.MARKET
    return "UNFILLED_IOC_QUANTITY_EXPIRED" if is_ioc else "INSUFFICIENT_LIQUIDITY"
