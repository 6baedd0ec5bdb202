"""A market of several symbols on one clock, with accounts that trade in it."""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from peak_trade.domain.errors import ParameterError, did_you_mean
from peak_trade.domain.event import OrderReport
from peak_trade.domain.ledger import Fill
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason, TimeInForce
from peak_trade.kernels import match
from peak_trade.kernels.fills import tick_price
from peak_trade.simulation.market.account import Account, Street
from peak_trade.simulation.market.clock import Clock
from peak_trade.simulation.market.listing import (
    AskRefusedError,
    Listing,
    Refusal,
)
from peak_trade.simulation.market.orders import (
    Ask,
    BalanceChanged,
    BookChanged,
    Kind,
    OrderChanged,
    SimFill,
    SimOrder,
    Told,
    TradeSeen,
    What,
)
from peak_trade.simulation.market.public import PublicMarket
from peak_trade.simulation.market.quotes import Levels, Quotes, changed
from peak_trade.simulation.market.tape import Tape
from peak_trade.simulation.market.track import Print, Track

_KINDS = {
    Kind.MARKET: OrderKind.MARKET,
    Kind.LIMIT: OrderKind.LIMIT,
    Kind.STOP: OrderKind.STOP,
    Kind.STOP_LIMIT: OrderKind.STOP_LIMIT,
    Kind.TAKE_PROFIT: OrderKind.TAKE_PROFIT,
    Kind.TAKE_PROFIT_LIMIT: OrderKind.LIMIT,
    Kind.TRAILING_STOP: OrderKind.TRAILING_STOP,
}
_WHATS = {OrderState.EXPIRED: What.EXPIRED}


class Market(PublicMarket):
    """Symbols that trade by their tapes, and accounts whose orders meet them.

    What accounts trade changes no public trade, candle or book: the market does not notice them. What
    an order took from the book is gone for its account until the book changes. Nothing happens by
    itself: :meth:`advance` brings the market to its clock, and every request should begin with it.
    Not safe for several threads.

    Parameters
    ----------
    listings : sequence of Listing
        What is listed.
    tapes : mapping of str to Tape
        The trades of each symbol.
    clock : Clock
        Its time.
    quotes : mapping of str to (callable of Track to Quotes), optional
        How books are made; by :class:`SeededQuotes` where left out.
    seed : int
        Of the books.
    max_open : int
        Open orders that an account may have of a symbol.

    Raises
    ------
    ParameterError
        Listings that contradict each other, or a symbol without a tape.

    Examples
    --------
    >>> import numpy as np
    >>> from peak_trade.simulation.market.clock import ManualClock
    >>> from peak_trade.simulation.market.tape import TradeTape
    >>> listing = Listing("X/USD", price_decimals=1, lot_decimals=2, maker_ppm=0, taker_ppm=0)
    >>> tape = TradeTape(listing, np.array([1, 5]), np.array([10.0, 9.0]), np.array([1.0, 1.0]))
    >>> clock = ManualClock(2)
    >>> market = Market([listing], {"X/USD": tape}, clock)
    >>> account = market.open_account("me", {"USD": "1000"})
    >>> order = market.place(account, Ask("X/USD", 1, Kind.LIMIT, lots=150, limit_ticks=95))
    >>> clock.move_to(6)
    >>> market.advance()
    >>> order.state.value, market.amount(account, "X"), market.amount(account, "USD")
    ('filled', Decimal('1.5000000000'), Decimal('985.75000'))
    """

    def __init__(
        self,
        listings: Sequence[Listing],
        tapes: Mapping[str, Tape],
        clock: Clock,
        *,
        quotes: Mapping[str, Callable[[Track], Quotes]] | None = None,
        seed: int = 0,
        max_open: int = 80,
    ) -> None:
        super().__init__(listings, tapes, clock, quotes=quotes, seed=seed)
        self.street, self.max_open = Street(), max_open
        self.accounts: dict[str, Account] = {}
        self._column = {symbol: k for k, symbol in enumerate(self.symbols)}
        self._subscribers: list[Callable[[Told], None]] = []
        self._orders: dict[int, SimOrder] = {}
        self._matches = self._fills = 0
        self._told_balances: dict[tuple[str, str], tuple[int, int]] = {}

    # --- time ------------------------------------------------------------------------------------

    def subscribe(self, told: Callable[[Told], None]) -> Callable[[], None]:
        """Tell a function of everything that happens; gives a function that ends it."""
        self._subscribers.append(told)

        def end() -> None:
            if told in self._subscribers:
                self._subscribers.remove(told)

        return end

    def advance(self) -> None:
        """Bring the market to its clock: trades, books, fills, expired orders, timeouts."""
        until = self.clock.now_ns()
        due = [(self._due(symbol), k) for k, symbol in enumerate(self.symbols)]
        heapq.heapify(due)
        while due and due[0][0] <= until:
            when, k = due[0]
            symbol = self.symbols[k]
            self.now_ns = max(self.now_ns, when)
            self._happen(symbol, when)
            heapq.heapreplace(due, (self._due(symbol), k))
        self.now_ns = max(self.now_ns, until)
        wall_ns = self.clock.wall_ns()
        for account in self.accounts.values():
            if account.open:
                self._settle(account, account.matcher.pass_time(self.now_ns))
            if account.deadline_wall_ns and account.deadline_wall_ns <= wall_ns:
                account.deadline_wall_ns = 0
                self.cancel_all(account, reason="cancel all after its timeout")

    def _due(self, symbol: str) -> int:
        return min(self._tracks[symbol].next_ns, self._quotes[symbol].next_ns(self._epochs[symbol]))

    def _happen(self, symbol: str, when: int) -> None:
        """One trade or one book: the book moves first, then the trade is made at its best level."""
        track, quotes = self._tracks[symbol], self._quotes[symbol]
        trade = track.step() if track.next_ns <= when else None
        before, self._epochs[symbol] = self._epochs[symbol], quotes.epoch(track.seen, when)
        after = self._epochs[symbol]
        busy = [a for a in self.accounts.values() if a.open]
        if before != after and self._subscribers:
            old, new = quotes.levels(before), quotes.levels(after)
            self._tell(
                BookChanged(
                    symbol, when, before, after, changed(old.bids, new.bids),
                    changed(old.asks, new.asks),
                )
            )  # fmt: skip
        for account in busy:
            self._match_book(account, symbol)
        if trade is not None:
            self._tell(TradeSeen(trade))
            for account in busy:
                self._match_trade(account, trade)

    # --- accounts --------------------------------------------------------------------------------

    def open_account(self, name: str, balances: Mapping[str, str | Decimal]) -> Account:
        """Open an account with amounts by asset.

        Raises
        ------
        ParameterError
            A name that is taken, or an asset that is not listed.
        """
        if name in self.accounts:
            raise ParameterError(f"account {name!r} is open already", hint="choose another name")
        account = Account(name, [self.listings[s] for s in self.symbols], self.street)
        account.next_serial = self._next_fill
        for asset, amount in balances.items():
            account.deposit(asset, self.atoms_of(asset, amount))
        self.accounts[name] = account
        return account

    def _next_fill(self) -> int:
        self._fills += 1
        return self._fills

    def atoms_of(self, asset: str, amount: str | Decimal) -> int:
        """An amount of an asset in atoms.

        Raises
        ------
        ParameterError
            An asset that is not listed.
        """
        if asset not in self.decimals:
            raise ParameterError(
                f"asset {asset!r} is in no listed pair", hint=did_you_mean(asset, self.decimals)
            )
        return int(Decimal(amount).scaleb(self.decimals[asset]))

    def decimal(self, asset: str, atoms: int) -> Decimal:
        """Atoms of an asset as an amount."""
        return Decimal(atoms).scaleb(-self.decimals[asset])

    def amount(self, account: Account, asset: str) -> Decimal:
        """What an account owns of an asset."""
        return self.decimal(asset, account.total(asset))

    # --- orders ----------------------------------------------------------------------------------

    def order(self, account: Account, serial: int) -> SimOrder:
        """An order of an account.

        Raises
        ------
        AskRefusedError
            No such order.
        """
        found = self._orders.get(serial)
        if found is None or found.account != account.name:
            raise AskRefusedError(Refusal.UNKNOWN_ORDER)
        return found

    @property
    def orders_placed(self) -> int:
        """How many orders all accounts have placed: the serial of the last one."""
        return len(self._orders)

    def open_by_client_id(self, account: Account, client_id: str) -> SimOrder | None:
        """The open order of a client id."""
        return next((o for o in account.open.values() if o.ask.client_id == client_id), None)

    def check(self, account: Account, ask: Ask) -> Ask:
        """Say whether an order would be taken, without taking it; gives it with its lots.

        Raises
        ------
        AskRefusedError
            It would not.
        """
        listing = self.listing(ask.symbol)
        ask = self._sized(account, ask, listing)
        if ask.client_id and self.open_by_client_id(account, ask.client_id):
            raise AskRefusedError(Refusal.DUPLICATE_CLIENT_ID, ask.client_id)
        if ask.lots < listing.min_lots:
            raise AskRefusedError(Refusal.BELOW_MIN_SIZE, listing.size_text(ask.lots))
        if ask.lots % listing.step_lots:
            raise AskRefusedError(Refusal.BAD_SIZE, listing.size_text(ask.lots))
        self._check_fields(ask)
        mine = [o for o in account.open.values() if o.ask.symbol == ask.symbol]
        if len(mine) >= self.max_open:
            raise AskRefusedError(Refusal.TOO_MANY_ORDERS, str(len(mine)))
        if ask.post_only and self._crosses(account, ask):
            raise AskRefusedError(Refusal.POST_ONLY)
        self._check_money(account, ask, listing)
        return ask

    def _check_fields(self, ask: Ask) -> None:
        wrong = (
            (ask.side not in (1, -1), "side"),
            (ask.kind.has_limit and ask.limit_ticks < 1, "limit price"),
            (ask.kind.has_trigger and ask.trigger_ticks < 1, "trigger price"),
            (ask.kind is Kind.TRAILING_STOP and ask.trail_ticks < 1, "trailing distance"),
            (ask.force is TimeInForce.GTD and ask.expires_ns <= self.now_ns, "expiry"),
            (ask.post_only and ask.kind is not Kind.LIMIT, "post-only"),
            (ask.post_only and ask.force in (TimeInForce.IOC, TimeInForce.FOK), "post-only"),
        )
        for is_wrong, what in wrong:
            if is_wrong:
                raise AskRefusedError(Refusal.BAD_ARGUMENT, what)

    def _check_money(self, account: Account, ask: Ask, listing: Listing) -> None:
        probe = SimOrder(0, account.name, ask, listing, 0, 0, 0)
        asset, atoms = account.needed(ask.side, probe, ask.lots)
        far = self._far(account, ask)
        price = ask.limit_ticks or ask.trigger_ticks or (far[0][0] if far else 0)
        if listing.cost_atoms(price, ask.lots) < listing.min_cost_atoms:
            raise AskRefusedError(Refusal.BELOW_MIN_COST)
        if ask.kind is Kind.MARKET and ask.side > 0:
            cost = self._walk_cost(account, ask, listing)
            atoms = cost + (listing.fee_atoms(cost, is_maker=False) if ask.fee_in == "quote" else 0)
        if atoms > account.free(asset):
            raise AskRefusedError(Refusal.NO_FUNDS, asset)

    def _far(self, account: Account, ask: Ask) -> list[tuple[int, int]]:
        """The other side of the book, without what the account took from it."""
        self._show_book(account, ask.symbol)
        depth, tick = account.matcher.book(self._column[ask.symbol]), self.listings[ask.symbol].tick
        found = depth.levels(-ask.side) if depth is not None else []
        return [(round(price / tick), lots) for price, lots in found]

    def _levels(self, symbol: str) -> Levels:
        return self._quotes[symbol].levels(self._epochs[symbol])

    def _crosses(self, account: Account, ask: Ask) -> bool:
        far = self._far(account, ask)
        return bool(far) and (far[0][0] - ask.limit_ticks) * ask.side <= 0

    def _walk_cost(self, account: Account, ask: Ask, listing: Listing) -> int:
        left, cost = ask.lots, 0
        for ticks, lots in self._far(account, ask):
            cost += listing.cost_atoms(ticks, min(lots, left))
            left -= min(lots, left)
        return cost

    def _sized(self, account: Account, ask: Ask, listing: Listing) -> Ask:
        """A market order by value, in lots: as many whole steps as the book gives for it."""
        if not ask.quote_atoms:
            return ask
        if ask.kind is not Kind.MARKET or ask.lots:
            raise AskRefusedError(Refusal.BAD_ARGUMENT, "volume in quote currency")
        left, found = ask.quote_atoms, 0
        for ticks, lots in self._far(account, ask):
            whole = listing.cost_atoms(ticks, lots)
            part = lots if whole <= left else left * lots // max(whole, 1)
            found += part
            left -= whole
            if left <= 0:
                break
        return replace(ask, lots=found // listing.step_lots * listing.step_lots)

    def place(self, account: Account, ask: Ask) -> SimOrder:
        """Take an order; what trades at once has traded when it is given back.

        Raises
        ------
        AskRefusedError
            It was not taken, and nothing has changed.
        """
        ask = self.check(account, ask)
        listing, wall_ns = self.listing(ask.symbol), self.clock.wall_ns()
        order = SimOrder(
            len(self._orders) + 1, account.name, ask, listing, self.now_ns, self.now_ns, wall_ns
        )
        self._orders[order.serial] = order
        account.orders.append(order)
        account.open[order.serial] = order
        account.hold(order)
        self._tell_order(order, What.NEW)
        self._tell_balances(account)
        if ask.force is TimeInForce.FOK and not self._fills_whole(account, ask):
            self._end(account, order, OrderState.EXPIRED, "fill or kill: the book holds less")
            return order
        self._work(account, order)
        return order

    def _fills_whole(self, account: Account, ask: Ask) -> bool:
        far = [
            lots
            for ticks, lots in self._far(account, ask)
            if ask.kind is Kind.MARKET or (ticks - ask.limit_ticks) * ask.side <= 0
        ]
        return sum(far) >= ask.lots

    def _work(self, account: Account, order: SimOrder) -> None:
        """Hand what is left of an order to the matcher; take-profit-limits wait here for their trigger."""
        if order.ask.kind is Kind.TAKE_PROFIT_LIMIT and not order.is_triggered:
            return
        self._matches += 1
        name = f"{self._matches:x}"
        account.by_match[name] = order
        order.match_id = name
        self._show_book(account, order.ask.symbol)
        answer = account.matcher.place(self._order(name, order), self.now_ns)
        outcomes = account.matcher.drain()
        if answer.state is OrderState.REJECTED:
            self._end(account, order, OrderState.CANCELED, answer.detail)
        self._settle(account, outcomes)

    def _order(self, name: str, order: SimOrder) -> Order:
        ask, tick = order.ask, order.listing.tick
        is_stop = ask.kind in (Kind.STOP, Kind.STOP_LIMIT, Kind.TAKE_PROFIT)
        price = ask.trigger_ticks if is_stop else ask.limit_ticks
        is_market = ask.kind is Kind.MARKET
        at_once = is_market or ask.force in (TimeInForce.IOC, TimeInForce.FOK)
        return Order(
            name, self._column[ask.symbol], ask.side * order.left, _KINDS[ask.kind], Reason.ORDER,
            self.now_ns, price_ticks=price or None, tick=tick, reduce_only=ask.reduce_only,
            limit_ticks=ask.limit_ticks if ask.kind is Kind.STOP_LIMIT else None,
            trail_ticks=ask.trail_ticks or None,
            time_in_force=TimeInForce.IOC if at_once else ask.force, expires_ns=ask.expires_ns,
            post_only=ask.post_only,
        )  # fmt: skip

    def amend(
        self,
        account: Account,
        order: SimOrder,
        *,
        lots: int | None = None,
        limit_ticks: int | None = None,
        trigger_ticks: int | None = None,
        post_only: bool | None = None,
        client_id: str | None = None,
    ) -> SimOrder:
        """Change an open order; it keeps its name and goes to the end of the queue.

        ``lots`` is its size in all, with what has been filled.

        Raises
        ------
        AskRefusedError
            It cannot be changed so; nothing has changed.
        """
        if not order.is_open:
            raise AskRefusedError(Refusal.UNKNOWN_ORDER)
        ask = order.ask
        wanted = replace(
            ask,
            lots=ask.lots if lots is None else lots,
            limit_ticks=ask.limit_ticks if limit_ticks is None else limit_ticks,
            trigger_ticks=ask.trigger_ticks if trigger_ticks is None else trigger_ticks,
            post_only=ask.post_only if post_only is None else post_only,
            client_id=ask.client_id if client_id is None else client_id,
        )
        self._check_amended(account, order, wanted)
        if order.match_id:
            account.matcher.cancel(order.match_id, self.now_ns)
            account.matcher.drain()
        order.ask, order.changed_ns = wanted, self.now_ns
        order.touched_wall_ns = self.clock.wall_ns()
        account.hold(order)
        self._tell_order(order, What.AMENDED)
        self._tell_balances(account)
        self._work(account, order)
        return order

    def _check_amended(self, account: Account, order: SimOrder, wanted: Ask) -> None:
        listing = order.listing
        if wanted.lots < listing.min_lots or wanted.lots <= order.filled_lots:
            raise AskRefusedError(Refusal.BELOW_MIN_SIZE, listing.size_text(wanted.lots))
        if wanted.lots % listing.step_lots:
            raise AskRefusedError(Refusal.BAD_SIZE, listing.size_text(wanted.lots))
        self._check_fields(wanted)
        price = wanted.limit_ticks or wanted.trigger_ticks
        if price and listing.cost_atoms(price, wanted.lots) < listing.min_cost_atoms:
            raise AskRefusedError(Refusal.BELOW_MIN_COST)
        if wanted.post_only and self._crosses(account, wanted):
            raise AskRefusedError(Refusal.POST_ONLY)
        probe = SimOrder(0, account.name, wanted, listing, 0, 0, 0)
        asset, atoms = account.needed(wanted.side, probe, wanted.lots - order.filled_lots)
        if atoms > account.free(asset) + account.reserved(order):
            raise AskRefusedError(Refusal.NO_FUNDS, asset)

    def cancel(
        self, account: Account, order: SimOrder, *, reason: str = "User requested"
    ) -> SimOrder:
        """Cancel an open order.

        Raises
        ------
        AskRefusedError
            It is not open.
        """
        if not order.is_open:
            raise AskRefusedError(Refusal.UNKNOWN_ORDER)
        if order.match_id:
            account.matcher.cancel(order.match_id, self.now_ns)
            self._settle(account, account.matcher.drain())
        if order.is_open:
            self._end(account, order, OrderState.CANCELED, reason)
        return order

    def cancel_all(
        self, account: Account, *, symbol: str = "", reason: str = "User requested"
    ) -> list[SimOrder]:
        """Cancel every open order, or those of a symbol."""
        open_ = [o for o in account.open.values() if symbol in ("", o.ask.symbol)]
        return [self.cancel(account, o, reason=reason) for o in open_ if o.is_open]

    def cancel_all_after(self, account: Account, timeout_s: float) -> int:
        """Cancel everything unless asked again within seconds; 0 ends that.

        Gives when, by the clock of requests; 0 for never.
        """
        span = int(timeout_s * 1_000_000_000)
        account.deadline_wall_ns = self.clock.wall_ns() + span if span > 0 else 0
        return account.deadline_wall_ns

    # --- matching --------------------------------------------------------------------------------

    def _show_book(self, account: Account, symbol: str) -> None:
        """Hand the matcher a book that it has not seen yet."""
        column, epoch = self._column[symbol], self._epochs[symbol]
        account.prints[column] = self._tracks[symbol].seen
        if account.epochs.get(column) == epoch:
            return
        account.epochs[column] = epoch
        tick, levels = self.listings[symbol].tick, self._levels(symbol)
        outcomes = account.matcher.on_book(
            column,
            [(tick_price(ticks, tick), lots) for ticks, lots in levels.bids],
            [(tick_price(ticks, tick), lots) for ticks, lots in levels.asks],
            self.now_ns,
            tick=tick,
        )
        self._settle(account, outcomes)

    def _match_book(self, account: Account, symbol: str) -> None:
        if any(order.ask.symbol == symbol for order in account.open.values()):
            self._show_book(account, symbol)

    def _match_trade(self, account: Account, trade: Print) -> None:
        mine = [o for o in account.open.values() if o.ask.symbol == trade.symbol]
        if not mine:
            return
        tick = self.listings[trade.symbol].tick
        column = self._column[trade.symbol]
        account.prints[column] = trade.trade_id
        outcomes = account.matcher.on_trade(
            column, tick_price(trade.ticks, tick), trade.lots, self.now_ns, aggressor=trade.side
        )
        self._settle(account, outcomes)
        for order in mine:
            waits = order.ask.kind is Kind.TAKE_PROFIT_LIMIT and not order.match_id
            if (
                waits
                and order.is_open
                and match.triggers(
                    match.TAKE_PROFIT,
                    order.ask.side,
                    float(trade.ticks),
                    float(order.ask.trigger_ticks),
                )
            ):
                order.is_triggered = True
                self._work(account, order)

    def _settle(self, account: Account, outcomes: Sequence[Fill | OrderReport]) -> None:
        """Tell of fills and ends that the matcher has handed out."""
        for item in outcomes:
            order = account.by_match[item.client_id]
            if isinstance(item, OrderReport):
                if order.is_open and order.match_id == item.client_id:
                    self._end(account, order, item.state, item.detail)
                continue
            fill = account.booked.pop(item.trade_id)
            order.changed_ns = item.time_ns
            order.state = OrderState.PARTIALLY_FILLED
            if fill.left == 0:
                order.state, order.ended_ns = OrderState.FILLED, item.time_ns
                account.open.pop(order.serial, None)
            account.hold(order)
            self._tell(OrderChanged(account.name, order, What.TRADED, item.time_ns, fill))
            self._tell_balances(account, fill=fill)
            if fill.left == 0:
                self._tell_order(order, What.FILLED)

    def _end(self, account: Account, order: SimOrder, state: OrderState, reason: str) -> None:
        order.state = OrderState.EXPIRED if state is OrderState.EXPIRED else OrderState.CANCELED
        order.reason, order.ended_ns, order.changed_ns = reason, self.now_ns, self.now_ns
        account.open.pop(order.serial, None)
        account.hold(order)
        self._tell_order(order, _WHATS.get(order.state, What.CANCELED))
        self._tell_balances(account)

    # --- telling ---------------------------------------------------------------------------------

    def _tell(self, told: Told) -> None:
        for subscriber in tuple(self._subscribers):
            subscriber(told)

    def _tell_order(self, order: SimOrder, what: What) -> None:
        self._tell(OrderChanged(order.account, order, what, self.now_ns))

    def _tell_balances(self, account: Account, fill: SimFill | None = None) -> None:
        """Tell of every asset whose total or reserved amount is another than was told last."""
        for asset in self.decimals:
            now = (account.total(asset), account.held(asset))
            key = (account.name, asset)
            before = self._told_balances.get(key)
            if before is None:
                before = (account.deposits.get(asset, 0), 0)
            if now != before:
                self._told_balances[key] = now
                self._tell(
                    BalanceChanged(
                        account.name,
                        asset,
                        *now,
                        self.now_ns,
                        change=now[0] - before[0],
                        fill=fill,
                    )
                )
