"""An account at a simulated market: what it owns, what is reserved, and how its fills are booked."""

from collections.abc import Callable, Sequence

from peak_trade.domain.ledger import Fill
from peak_trade.domain.order import Order, Reason
from peak_trade.execution.matching import Matcher
from peak_trade.simulation.market.listing import Listing, rounded
from peak_trade.simulation.market.orders import FeeIn, Kind, SimFill, SimOrder


class Street:
    """Everybody else: whom accounts trade with and who earns the fees; what it owns may be negative."""

    def __init__(self) -> None:
        self.amounts: dict[str, int] = {}

    def take(self, asset: str, atoms: int) -> None:
        """Take an amount in, or give it where it is negative."""
        self.amounts[asset] = self.amounts.get(asset, 0) + atoms


class Account:
    """Balances in atoms, open orders, and the matcher that fills them.

    Parameters
    ----------
    name : str
        What it is called.
    listings : sequence of Listing
        What is traded, by the matcher's column.
    street : Street
        The other side of its trades.
    """

    rejects = False

    def __init__(self, name: str, listings: Sequence[Listing], street: Street) -> None:
        self.name, self.listings = name, tuple(listings)
        self.matcher = Matcher(self)
        self.orders: list[SimOrder] = []
        self.open: dict[int, SimOrder] = {}
        self.fills: list[SimFill] = []
        self.totals: dict[str, int] = {}
        self.deposits: dict[str, int] = {}
        self.by_match: dict[str, SimOrder] = {}
        self.deadline_wall_ns = 0
        self.epochs: dict[int, int] = {}
        self.prints: dict[int, int] = {}
        self.next_serial: Callable[[], int] = lambda: len(self.fills) + 1
        self.booked: dict[str, SimFill] = {}
        self._holds: dict[int, tuple[str, int]] = {}
        self._street = street

    # --- money -----------------------------------------------------------------------------------

    def deposit(self, asset: str, atoms: int) -> None:
        """Pay money in (or out, where it is negative)."""
        self.totals[asset] = self.totals.get(asset, 0) + atoms
        self.deposits[asset] = self.deposits.get(asset, 0) + atoms

    def total(self, asset: str) -> int:
        """What it owns of an asset."""
        return self.totals.get(asset, 0)

    def held(self, asset: str) -> int:
        """What is reserved for open orders."""
        return sum(atoms for name, atoms in self._holds.values() if name == asset)

    def free(self, asset: str) -> int:
        """What may be spent."""
        return self.total(asset) - self.held(asset)

    def hold(self, order: SimOrder) -> tuple[str, int]:
        """Reserve what is left of an order needs; gives the asset and the atoms."""
        if order.is_open:
            self._holds[order.serial] = self.needed(order.ask.side, order, order.left)
        else:
            self._holds.pop(order.serial, None)
        return self._holds.get(order.serial, ("", 0))

    def reserved(self, order: SimOrder) -> int:
        """What is reserved for an order."""
        return self._holds.get(order.serial, ("", 0))[1]

    def release(self, order: SimOrder) -> tuple[str, int]:
        """Free what is reserved for an order, until it is restored; gives what it was."""
        return self._holds.pop(order.serial, ("", 0))

    def restore(self, order: SimOrder, held: tuple[str, int]) -> None:
        """Reserve again what was released."""
        self._holds[order.serial] = held

    def needed(self, side: int, order: SimOrder, lots: int) -> tuple[str, int]:
        """What lots of an order cost at worst: the asset and the atoms."""
        ask, listing = order.ask, order.listing
        if ask.reduce_only or lots <= 0:
            return (listing.quote if side > 0 else listing.base), 0
        if side < 0:
            atoms = lots * listing.lot_atoms
            return listing.base, atoms + (
                listing.fee_atoms(atoms, is_maker=False) if ask.fee_in == "base" else 0
            )
        price = ask.limit_ticks if ask.kind.has_limit else ask.trigger_ticks
        if ask.kind is Kind.TRAILING_STOP or not price:
            return listing.quote, 0  # its price is not known: it is paid from what is free then
        cost = listing.cost_atoms(price, lots)
        fee = listing.fee_atoms(cost, is_maker=False) if ask.fee_in == "quote" else 0
        return listing.quote, cost + fee

    # --- the account as the matcher sees it ------------------------------------------------------

    def position(self, instrument: int) -> int:
        """Whole lots owned."""
        listing = self.listings[instrument]
        return self.total(listing.base) // listing.lot_atoms

    def worse(self, price: float, instrument: int, lots: int) -> float:
        """The same price: the book says what is paid."""
        return price

    def affordable(self, instrument: int, lots: int, price: float) -> int:
        """How many of signed lots can be paid without what other orders have reserved."""
        listing = self.listings[instrument]
        side = 1 if lots > 0 else -1
        asset = listing.quote if side > 0 else listing.base
        alike = {
            serial: order
            for serial, order in self.open.items()
            if order.listing is listing and order.ask.side == side
        }
        others = sum(
            atoms
            for serial, (name, atoms) in self._holds.items()
            if name == asset and serial not in alike
        )
        money = self.total(asset) - others
        if side < 0:
            return -min(-lots, max(money, 0) // listing.lot_atoms)
        ticks = round(price / listing.tick)
        has_fee = any(order.ask.fee_in == "quote" for order in alike.values())
        return most_bought(listing, ticks, lots, money, has_fee=has_fee)

    def book(
        self,
        order: Order,
        lots: int,
        price: float,
        *,
        reference: float,
        rests: bool,
        at_open: bool,
        time_ns: int,
    ) -> Fill:
        """Book a fill of signed lots: money against the asset, and the fee."""
        mine = self.by_match[order.client_id]
        listing = mine.listing
        ticks = round(price / listing.tick)
        cost, side = listing.cost_atoms(ticks, abs(lots)), (1 if lots > 0 else -1)
        base = abs(lots) * listing.lot_atoms
        fee_asset = _paid_in(mine.ask.fee_in, listing, side)
        fee = listing.fee_atoms(cost if fee_asset == listing.quote else base, is_maker=rests)
        self._move(listing.base, side * base)
        self._move(listing.quote, -side * cost)
        self._move(fee_asset, -fee)
        mine.filled_lots += abs(lots)
        mine.cost += cost
        mine.fee += fee
        mine.fee_asset = fee_asset
        fill = SimFill(
            self.next_serial(), mine.serial, listing.symbol, side, time_ns, ticks, abs(lots), cost, fee,
            fee_asset, rests, mine.left, self.prints.get(order.instrument, 0),
        )  # fmt: skip
        mine.fills.append(fill)
        self.fills.append(fill)
        self.booked[str(fill.serial)] = fill
        return Fill(
            client_id=order.client_id, instrument=order.instrument, lots=lots, price=price,
            fee=float(fee), reason=Reason.ORDER, time_ns=time_ns, trade_id=str(fill.serial),
        )  # fmt: skip

    def _move(self, asset: str, atoms: int) -> None:
        self.totals[asset] = self.totals.get(asset, 0) + atoms
        self._street.take(asset, -atoms)


def _paid_in(fee_in: FeeIn, listing: Listing, side: int) -> str:
    if fee_in == "received":
        return listing.base if side > 0 else listing.quote
    return listing.base if fee_in == "base" else listing.quote


def most_bought(
    listing: Listing, ticks: int, lots: int, money: int, *, has_fee: bool = True
) -> int:
    """How many of some lots a sum in atoms buys at a price, and the taker's fee where it has one.

    Examples
    --------
    >>> listing = Listing("X/USD", price_decimals=0, lot_decimals=0, taker_ppm=0)
    >>> most_bought(listing, 10, 7, listing.cost_atoms(10, 3))
    3
    """

    def paid(count: int) -> int:
        cost = listing.cost_atoms(ticks, count)
        return cost + (listing.fee_atoms(cost, is_maker=False) if has_fee else 0)

    whole = paid(lots)
    if whole <= money:
        return lots
    if money <= 0:
        return 0
    found = min(lots, money * lots // whole + 1)
    while found > 0 and paid(found) > money:
        found -= max(rounded(found, 1_000_000_000), 1)
    return max(found, 0)
