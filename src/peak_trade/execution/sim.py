"""The simulated venue: matches orders on bars, and keeps books of its own."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from peak_trade.domain.approval import Approvals
from peak_trade.domain.bars import Bars
from peak_trade.domain.ledger import Fill
from peak_trade.domain.matching import Matching
from peak_trade.domain.order import Order, OrderKind, OrderState, Reason
from peak_trade.domain.terms import Terms
from peak_trade.execution.matching import Matcher
from peak_trade.execution.sim_orders import SimOrders
from peak_trade.execution.venue import Answer, Venue
from peak_trade.kernels import accounting, costs, exits, fills, limits, match
from peak_trade.kernels.simulate import bar_opening, opens_since

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


_ACCEPTED, _CANCELED = Answer(OrderState.ACCEPTED), Answer(OrderState.CANCELED)


class Matched(NamedTuple):
    """Fills of one instant, and the instruments whose market orders ended with it."""

    fills: list[Fill]
    ended: tuple[int, ...]


class _Rest(NamedTuple):
    """An instrument's resting orders as ``kernels.exits`` reads them."""

    state: Floats
    levels: Floats
    lots: Ints
    stop: Order | None
    take: Order | None
    partials: list[Order]


@dataclass(frozen=True, slots=True)
class FillCosts:
    """What the venue charges, as arrays of ``kernels.costs``; (0, 0) where nothing is read by bar."""

    slips: Floats
    half_spread: Floats
    sigma: Floats
    mean_volume: Floats
    repeats: bool

    @property
    def are_flat(self) -> bool:
        """Whether the slip is the same fraction everywhere."""
        return not self.slips[1:].any()


@dataclass(frozen=True, slots=True)
class Native:
    """What freqtrade's convention reads: states of exits and average prices (N,), and the exits."""

    states: Floats
    averages: Floats
    params: Floats
    roi: Floats


class SimVenue(Venue):
    """Fills market orders at the open, then resting exits inside the bar; general orders after each.

    Orders that reach the market at one instant: those that reduce fill first, then exits that the
    open has passed, then increases, scaled by one factor to what the venue's cash pays. General orders
    (reason ORDER) follow, matched by :class:`peak_trade.execution.matching.Matcher`.

    Parameters
    ----------
    approvals : Approvals
        The gate's, which orders are taken by.
    bars : Bars
        What orders are matched on.
    terms : Terms
        Cash, shortfall, margin and the convention inside bars.
    charges : FillCosts
        What a fill costs besides the fees of its row.
    steps, minima : (N,) int64, float64
        Quantity steps and minimum notionals in force; the session replaces them.
    last_row : int
        The last row traded.
    detail : callable, optional
        Gives the finer bars (K, 3) of open, high and low inside a bar of (row, instrument).
    matching : Matching, optional
        How general orders are matched.

    Attributes
    ----------
    cash : float
        The venue's own count of the account's cash.
    held : (N,) int64
        The venue's own count of its positions in lots.
    units, fees : (N,), (FEES,) float64
        Values of one lot at a price of 1 in the account's currency, and fee rates, of the row.
    cancelled_lots, shortfalls : int
        Lots of increases that cash did not pay for, and how many orders were cut by them.
    ambiguous : int
        Bars whose range reached a stop and a profit of one position.
    """

    def __init__(
        self,
        approvals: Approvals,
        bars: Bars,
        terms: Terms,
        *,
        charges: FillCosts,
        steps: Ints,
        minima: Floats,
        last_row: int,
        detail: Callable[[int, int], Floats] | None = None,
        matching: Matching | None = None,
    ) -> None:
        super().__init__(approvals)
        width = len(bars.instruments)
        self.cash = terms.cash
        self.held: Ints = np.zeros(width, np.int64)
        self.shortfalls = 0
        self.cancelled_lots = 0
        self.ambiguous = 0
        self._trades = 0
        self.steps, self.minima = steps, minima
        self.units = np.array([instrument.unit for instrument in bars.instruments])
        self.rates: Floats = np.ones(width)
        self.fees: Floats = np.zeros(costs.FEES)
        self._bars = bars
        self._fill_time = bars.fill_time
        self._lots = np.array([instrument.lot for instrument in bars.instruments])
        self._charges, self._slip = charges, float(charges.slips[0])
        self._is_flat = charges.are_flat
        self._rejects = terms.shortfall == "reject"
        self._margin = terms.margin
        self._favourable = terms.exits.convention == "favourable"
        self._is_tied = terms.exits.convention != "freqtrade"
        self._last_row, self._detail = last_row, detail
        self._native: Native | None = None
        self._market: dict[int, Order] = {}
        self._resting: dict[int, dict[str, Order]] = {}
        self._rests: dict[int, _Rest] = {}
        self._marks: Floats = np.full(width, np.nan)
        self._liquidation: Floats = np.full(width, np.nan)
        room = len(terms.exits.partials) + 1
        self._out = np.zeros(room, np.int64), np.zeros(room, np.int64), np.zeros(room)
        self._no_rest = _Rest(np.full(exits.STATES, np.nan), np.zeros(0), np.zeros(0, np.int64),
                              None, None, [])  # fmt: skip
        self._general = SimOrders(
            bars,
            settings=matching or Matching(),
            held=self.held,
            worse=self._worse,
            affordable=self._affordable,
            book=self._book,
            rejects=self._rejects,
        )

    @property
    def matcher(self) -> Matcher:
        """The matcher of general orders; it tells which are open."""
        return self._general.matcher

    @property
    def has_orders(self) -> bool:
        """Whether any order is open, or a position may be liquidated."""
        if self._market or self._resting or self._general.is_busy:
            return True
        if self._margin is None and self._native is None:
            return False
        return bool(self.held.any())

    def _place(self, order: Order) -> Answer:
        """Take an order; a target's market order takes the place of the one before."""
        if order.reason is Reason.ORDER:
            return self._general.place(order)
        if order.kind is OrderKind.MARKET:
            self._market[order.instrument] = order
        else:
            self._resting.setdefault(order.instrument, {})[order.client_id] = order
            self._rests.pop(order.instrument, None)
        return _ACCEPTED

    def adjust(self, order: Order) -> None:
        """Follow what a split has made of an open market order."""
        if self._market.get(order.instrument) is not None:
            self._market[order.instrument] = order

    def cancel(self, client_id: str) -> Answer:
        """Cancel what is left of an order; nothing is left of one that has ended."""
        if client_id in self._general.matcher:
            return self._general.cancel(client_id)
        for i, order in self._market.items():
            if order.client_id == client_id:
                del self._market[i]
                return _CANCELED
        for i, orders in self._resting.items():
            if orders.pop(client_id, None) is not None:
                self._rests.pop(i, None)
                if not orders:
                    del self._resting[i]
                return _CANCELED
        return _CANCELED

    def take_ended(self) -> list[tuple[str, OrderState, str]]:
        """General orders that ended here since the last call, otherwise than by a full fill.

        Client id, how it ended, and why.
        """
        return self._general.take_ended()

    def mark(self, marks: Floats) -> None:
        """Value positions that do not trade at these prices (N,), and see what would liquidate them."""
        self._marks = marks
        self._find_liquidation()

    def credit(self, amount: float) -> None:
        """Add a payment to the account's cash."""
        self.cash += amount

    def split(self, i: int, lots: int) -> None:
        """Set a position to what a split has made of it; its general orders end."""
        self.held[i] = lots
        self._general.cancel_instrument(i, "a split has changed what it asks for")

    def deliver(self, i: int, price: float, row: int, time_ns: int) -> Fill:
        """Close a position at a price that nobody trades at: it is no more. Nothing is charged."""
        lots = -int(self.held[i])
        value = accounting.value_of(lots, self.units[i], price)
        self._trades += 1
        self.cash = accounting.cash_after(self.cash, value, 0.0)
        self.held[i] = 0
        self._liquidation[i] = np.nan
        self._general.cancel_instrument(i, "the instrument is no more")
        return Fill(
            client_id=f"delisting{row}",
            instrument=i,
            lots=lots,
            price=price,
            fee=0.0,
            reason=Reason.DELISTING,
            time_ns=time_ns,
            row=row,
            cash=self.cash,
            rate=float(self.rates[i]),
            trade_id=f"{self._trades:x}",
        )

    def follow(self, native: Native) -> None:
        """Run exits as freqtrade's convention has it, from their own states and not from orders."""
        self._native = native

    # --- market orders ---------------------------------------------------------------------------

    def match_open(self, row: int) -> Iterator[Matched]:
        """Fill what a row's opens fill, an instant at a time; reductions come before increases.

        Each instant gives two matches, and between them the caller may cancel orders; with the
        second one the instant's market orders have ended, filled or not. General orders come last.
        """
        opening = self._opening(row)
        general = self._general.matcher.instruments
        for when in sorted({when for when, _ in opening.values()}):
            bars = {i: bar for i, (moment, bar) in opening.items() if moment == when}
            if self._has_general_alone:
                yield Matched(self._general.at_opens(bars, row, when), ())
                continue
            due = [
                (self._market[i], bar)
                for i, bar in sorted(bars.items())
                if i in self._market and when >= self._market[i].decided_ns
            ]
            prices = self._market_prices(due)
            left: dict[int, int] = {}
            yield Matched(self._reduce(due, prices, row, left), ())
            yield Matched(self._gaps(bars, row), ())
            still = [(order, bar) for order, bar in due if order.instrument in self._market]
            increases = self._increase(still, prices, left, row)
            for order, _ in still:
                del self._market[order.instrument]
            yield Matched(increases, tuple(order.instrument for order, _ in due))
            self._find_liquidation()
            later = {order.instrument: bar for order, bar in still if bar > row}
            if later:
                yield Matched(self._gaps(later, row), ())
            others = {i: bars[i] for i in general if i in bars}
            if others:
                yield Matched(self._general.at_opens(others, row, when), ())

    @property
    def _has_general_alone(self) -> bool:
        return not (self._market or self._resting) and self._margin is None and self._is_tied

    def _opening(self, row: int) -> dict[int, tuple[int, int]]:
        """Open time and row of the bars that open for instruments with orders, by instrument."""
        bars, found = self._bars, {}
        watched = {*self._market, *self._resting, *self._general.matcher.instruments}
        if self._margin is not None:
            watched |= set(map(int, np.flatnonzero(self.held)))
        for i in sorted(watched):
            bar = int(
                bar_opening(bars.time, self._fill_time, bars.tradable, bars.is_aligned, i, row)
            )
            if bar < 0:
                continue
            when = int(self._fill_time[bar, i])
            order = self._market.get(i)
            fills_order = order is not None and when >= order.decided_ns
            if fills_order or opens_since(bars.time, self._fill_time, i, bar, row):
                found[i] = (when, bar)
        return found

    def _market_prices(self, due: list[tuple[Order, int]]) -> Floats:
        """Prices (N,) of an instant: of orders that fill at it, and last closes of the others."""
        prices = self._marks.copy()
        for order, bar in due:
            i = order.instrument
            prices[i] = self._worse(float(self._bars.open[bar, i]), i, order.lots, bar)
        return prices

    def _reduce(
        self, due: list[tuple[Order, int]], prices: Floats, row: int, left: dict[int, int]
    ) -> list[Fill]:
        booked = []
        for order, bar in due:
            i, held = order.instrument, int(self.held[order.instrument])
            left[i] = 0 if order.reduce_only else order.lots
            if held == 0 or (held > 0) == (order.lots > 0):
                continue
            less = -held if abs(order.lots) >= abs(held) else order.lots
            left[i] = 0 if order.reduce_only else order.lots - less
            booked.append(
                self._book(
                    order.client_id, i, less, float(prices[i]), order.reason, row, bar,
                    reference=float(self._bars.open[bar, i]), at_open=True,
                )
            )  # fmt: skip
        return booked

    def _increase(
        self, due: list[tuple[Order, int]], prices: Floats, left: dict[int, int], row: int
    ) -> list[Fill]:
        wanted = np.zeros(len(self.held), np.int64)
        for order, _ in due:
            wanted[order.instrument] = left[order.instrument]
        if not wanted.any() or (not self._is_tied and row == self._last_row):
            return []
        asked = wanted.copy()
        leverage = 1.0 if self._margin is None else self._margin.max_leverage
        if self._margin is None:
            pays = accounting.spendable(self.cash, self.held, self.units, prices)
        else:
            pays = costs.buying_power(self.cash, self.held, self.units, prices, leverage)
        costs.scale_to_cash(
            wanted,
            self.units,
            self._lots,
            prices,
            self.steps,
            self.minima,
            self.fees,
            leverage,
            pays,
            self._rejects,
            self._charges.repeats,
        )
        cut = np.abs(asked) - np.abs(wanted)
        self.shortfalls += int(np.count_nonzero(cut))
        self.cancelled_lots += int(cut.sum())
        return [
            self._book(
                order.client_id, order.instrument, int(wanted[order.instrument]),
                float(prices[order.instrument]), order.reason, row, bar,
                reference=float(self._bars.open[bar, order.instrument]), at_open=True,
            )
            for order, bar in due
            if wanted[order.instrument] != 0
        ]  # fmt: skip

    # --- exits -----------------------------------------------------------------------------------

    def match_inside(self, row: int) -> Iterator[list[Fill]]:
        """Fill the exits that a row's bars reach, open first, adverse extreme next."""
        bars = self._bars
        general = self._general
        for i in self._watched_inside():
            if not bars.tradable[row, i] or self.held[i] == 0:
                continue
            if self._native is not None:
                yield self._freqtrade(row, i, self._native)
                continue
            finer = None if self._detail is None else self._detail(row, i)
            if finer is None or not len(finer):
                finer = np.array([[bars.open[row, i], bars.high[row, i], bars.low[row, i]]])
            for k, (open_, high, low) in enumerate(finer):
                if self.held[i] != 0:
                    yield self._at_open(row, row, i, open_, at_open=k == 0)
                if self.held[i] != 0:
                    yield self._in_bar(row, i, high, low)
        if general.matcher.has_orders:
            for i in general.matcher.instruments:
                if bars.tradable[row, i]:
                    yield general.inside(row, i)
            general.close_row(row)

    def _watched_inside(self) -> list[int]:
        if self._margin is not None or not self._is_tied:
            return [int(i) for i in np.flatnonzero(self.held)]
        return sorted(self._resting)

    def _gaps(self, bars: Mapping[int, int], row: int) -> list[Fill]:
        """Fill the exits that the opens of some instruments' bars have reached or passed."""
        booked: list[Fill] = []
        if not self._is_tied:
            return booked
        for i, bar in sorted(bars.items()):
            if self.held[i] != 0:
                open_ = float(self._bars.open[bar, i])
                booked += self._at_open(row, bar, i, open_, at_open=True)
        return booked

    def _at_open(self, row: int, bar: int, i: int, open_: float, *, at_open: bool) -> list[Fill]:
        rest = self._rest(i)
        before = rest.lots.copy()
        n = exits.exits_at_open(
            rest.state, rest.levels, rest.lots, self._liquidation[i], int(self.held[i]), open_,
            *self._out,
        )  # fmt: skip
        return self._leave(row, bar, i, rest, before, n, at_open=at_open)

    def _in_bar(self, row: int, i: int, high: float, low: float) -> list[Fill]:
        rest = self._rest(i)
        before, held, liquidation = rest.lots.copy(), int(self.held[i]), self._liquidation[i]
        self.ambiguous += exits.is_ambiguous(
            rest.state, rest.levels, rest.lots, liquidation, held, high, low
        )
        n = exits.exits_in_bar(
            rest.state, rest.levels, rest.lots, liquidation, self._favourable, held, high, low,
            *self._out,
        )  # fmt: skip
        return self._leave(row, row, i, rest, before, n, at_open=False)

    def _leave(
        self, row: int, bar: int, i: int, rest: _Rest, before: Ints, n: int, *, at_open: bool
    ) -> list[Fill]:
        """Book the exits that a kernel has written to ``_out``."""
        booked = []
        gone = [rest.partials[k] for k in range(len(before)) if before[k] and not rest.lots[k]]
        for lots, code, level in list(
            zip(*(column[:n].tolist() for column in self._out), strict=True)
        ):
            reason = Reason(code)
            if reason is Reason.PARTIAL:
                client_id = gone.pop(0).client_id
                self.cancel(client_id)
            else:
                order = rest.stop if exits.is_stop(code) else rest.take
                client_id = f"liquidation{row}" if order is None else order.client_id
            price = self._worse(level, i, lots, bar) if exits.is_stop(code) else level
            booked.append(
                self._book(
                    client_id, i, lots, price, reason, row, bar, reference=level, at_open=at_open,
                )
            )  # fmt: skip
        return booked

    def _freqtrade(self, row: int, i: int, native: Native) -> list[Fill]:
        bars, x = self._bars, native.states[i]
        side = 1 if self.held[i] > 0 else -1
        open_ = float(bars.open[row, i])
        _, reasons, prices = self._out
        average = float(native.averages[i])
        is_entry = x[exits.X_BARS] == 0.0
        if exits.freqtrade_exit(
            x, native.params, native.roi, side, average, open_, bars.high[row, i],
            bars.low[row, i], int(bars.open_time[row, i]), is_entry, reasons, prices,
        ):  # fmt: skip
            code, level = int(reasons[0]), float(prices[0])
        elif row == self._last_row:
            code, level = int(Reason.END), open_
        else:
            return []
        lots = -int(self.held[i])
        price = self._worse(level, i, lots, row) if exits.is_stop(code) else level
        at_open = code == Reason.END
        return [
            self._book(
                f"exit{row}", i, lots, price, Reason(code), row, row, reference=level,
                at_open=at_open,
            )
        ]  # fmt: skip

    def _rest(self, i: int) -> _Rest:
        """Levels of an instrument's resting orders."""
        if i not in self._resting:
            return self._no_rest
        found = self._rests.get(i)
        if found is None:
            found = self._rests[i] = _rest_of(list(self._resting[i].values()))
        return found

    # --- money -----------------------------------------------------------------------------------

    def _worse(self, price: float, i: int, lots: int, bar: int) -> float:
        """What an order of signed lots that meets the market at ``price`` is filled at."""
        if self._is_flat:
            return float(fills.market_price(price, lots, self._slip))
        charges, nan = self._charges, float("nan")
        slip = costs.slip_of(
            charges.slips,
            price,
            lots * self._lots[i],
            float(charges.half_spread[bar, i]) if charges.half_spread.size else 0.0,
            float(self._bars.volume[bar, i]),
            float(charges.sigma[bar, i]) if charges.sigma.size else nan,
            float(charges.mean_volume[bar, i]) if charges.sigma.size else nan,
        )
        return float(fills.market_price(price, lots, slip))

    def _affordable(self, i: int, lots: int, price: float) -> int:
        """How many of signed lots cash pays at a price, what reduces coming first; counts what is cut."""
        less = match.reducing_lots(int(self.held[i]), lots)
        if less == lots:
            return lots
        cash, held = self.cash, self.held
        if less:
            value = accounting.value_of(less, self.units[i], price)
            fee = costs.fee_at(self.fees, False, less * self._lots[i], value)
            cash, held = accounting.cash_after(cash, value, fee), held.copy()
            held[i] += less
        wanted = np.zeros(len(held), np.int64)
        wanted[i] = lots - less
        prices = self._marks.copy()
        prices[i] = price
        leverage = 1.0 if self._margin is None else self._margin.max_leverage
        if self._margin is None:
            pays = accounting.spendable(cash, held, self.units, prices)
        else:
            pays = costs.buying_power(cash, held, self.units, prices, leverage)
        costs.scale_to_cash(
            wanted, self.units, self._lots, prices, self.steps, self.minima, self.fees, leverage,
            pays, self._rejects, self._charges.repeats,
        )  # fmt: skip
        paid = less + int(wanted[i])
        self.shortfalls += paid != lots
        self.cancelled_lots += abs(lots) - abs(paid)
        return paid

    def _find_liquidation(self) -> None:
        if self._margin is None or not self.held.any():
            return
        values = [
            accounting.value_of(int(lots), unit, mark) if lots else 0.0
            for lots, unit, mark in zip(self.held, self.units, self._marks, strict=True)
        ]
        for i in map(int, np.flatnonzero((self.held != 0) & ~self._bars.close_only)):
            rest, gross = self.cash, 0.0
            for k, value in enumerate(values):
                if k != i and self.held[k] != 0:
                    rest += value
                    gross += abs(value)
            self._liquidation[i] = limits.liquidation_price(
                self.held[i] * self.units[i], self._margin.maintenance, rest, gross
            )

    def _book(
        self,
        client_id: str,
        i: int,
        lots: int,
        price: float,
        reason: Reason,
        row: int,
        bar: int,
        *,
        reference: float,
        at_open: bool,
        rests: bool | None = None,
    ) -> Fill:
        unit = self.units[i]
        value = accounting.value_of(lots, unit, price)
        is_general = rests is not None
        if rests is None:
            rests = not exits.is_stop(int(reason))
        fee = costs.fee_at(self.fees, rests, lots * self._lots[i], value)
        if reason is Reason.LIQUIDATION and self._margin is not None:
            fee += self._margin.liquidation_fee * abs(value)
        self.cash = accounting.cash_after(self.cash, value, fee)
        self.held[i] += lots
        self._trades += 1
        if self.held[i] == 0:
            self._resting.pop(i, None)  # reduce-only orders end with the position
            self._rests.pop(i, None)
            self._liquidation[i] = np.nan
        when = self._fill_time[bar, i] if at_open else self._bars.time[row]
        if not is_general and self._general.matcher.has_orders:
            self._general.position_changed(i, int(when))
        return Fill(
            client_id=client_id,
            instrument=i,
            lots=lots,
            price=price,
            fee=fee,
            reason=reason,
            time_ns=int(when),
            row=row,
            bar=bar,
            at_open=at_open,
            cash=self.cash,
            slippage=costs.slippage_paid(lots, unit, reference, price),
            rate=float(self.rates[i]),
            trade_id=f"{self._trades:x}",
        )


def _rest_of(orders: list[Order]) -> _Rest:
    state = np.full(exits.STATES, np.nan)
    stop = take = None
    partials = [order for order in orders if order.reason is Reason.PARTIAL]
    for order in orders:
        if order.kind is OrderKind.STOP:
            stop = order
            state[exits.X_STOP], state[exits.X_STOP_REASON] = order.price, order.reason
        elif order.reason is not Reason.PARTIAL:
            take = order
            state[exits.X_TAKE], state[exits.X_TAKE_REASON] = order.price, order.reason
    return _Rest(
        state,
        np.array([order.price for order in partials], dtype=np.float64),
        np.array([abs(order.lots) for order in partials], dtype=np.int64),
        stop,
        take,
        partials,
    )
