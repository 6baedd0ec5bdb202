"""Fees by schedule and tier, slips, and what holding costs: the Costs section of the document."""

import math

import numpy as np
from laws.rich_state import DAY, DELISTING, LIQUIDATION, RESTING, YEAR, Fill, State

from peak_trade.domain.costs import Fees


class Costing(State):
    """Books fills with their fees, and the flows of borrow, interest and financing."""

    traded_values: list[float]
    row_fees: Fees | None
    row_rates: tuple[float, float]
    too_old: int

    def take_fees(self, row: int) -> None:
        """The schedule and the tier of a row."""
        self.row_fees = None
        if not self.terms.costs.fees:
            return
        now, schedules = self.time[row], self.terms.costs.fees
        fees = ([schedules[0]] + [f for f in schedules if f.since_ns <= now])[-1]
        fills, old = self.out.fills, now - 30 * DAY
        while self.too_old < len(fills) and fills[self.too_old].time <= old:
            self.too_old += 1
        # Sums by cumulation: everything booked, less everything booked up to the last too old.
        total = self.traded_values[-1] - self.traded_values[self.too_old]
        self.events["volume too old"] += self.too_old > 0
        rates = (fees.maker, fees.taker)
        for tier in fees.tiers:
            if tier.volume <= total:
                rates = (tier.maker, tier.taker)
        self.events["tier reached"] += rates != (fees.maker, fees.taker)
        self.events["later schedule"] += fees is not schedules[0]
        self.row_fees, self.row_rates = fees, rates

    def fee(self, i: int, lots: int, price: float, reason: int) -> float:
        """What a fill pays."""
        value = abs(self.value(i, lots, price))
        fees = self.row_fees
        if reason == DELISTING:
            return 0.0
        if fees is None:
            fee = value * self.terms.costs.commission
        else:
            rate = self.row_rates[0 if reason in RESTING else 1]
            quantity = abs(lots * self.instruments[i].lot)
            fee = fees.fixed + fees.per_unit * quantity + rate * value
            self.events["least fee"] += fee < fees.minimum
            fee = max(fee, fees.minimum)
            if fees.cap is not None:
                self.events["capped fee"] += fee > fees.cap * value
                fee = min(fee, fees.cap * value)
        if reason == LIQUIDATION and self.margin is not None:
            fee = fee + self.margin.liquidation_fee * value
        return fee

    def slipped(self, i: int, price: float, lots: int, bar: int) -> float:
        """A price made worse by the slip of an order of so many lots."""
        slip = self.slip(i, price, lots, bar)
        if lots < 0 and slip > 1:
            self.events["slip of a sale cut"] += 1
            slip = 1.0
        return price * (1 + slip) if lots > 0 else price * (1 - slip)

    def slip(self, i: int, price: float, lots: int, bar: int) -> float:
        """The fraction by which an order is filled worse."""
        costs, quantity = self.terms.costs, abs(lots * self.instruments[i].lot)
        slip = costs.slippage
        if costs.half_spread:
            spread = costs.half_spread
            slip += (self.features[spread][bar][i] if isinstance(spread, str) else spread) / price
        if costs.volume_share:
            volume = self.volume[bar][i]
            share = min(quantity / volume, 1) if volume else 1.0
            self.events["share without volume"] += volume == 0
            self.events["share below one"] += share < 1
            slip += costs.volume_share * share * share
        if costs.impact:
            sigma, mean = self.moved(i, bar)
            self.events["impact"] += mean > 0 and sigma > 0
            slip += costs.impact * sigma * math.sqrt(quantity / mean) if mean > 0 else 0.0
        return slip

    def moved(self, i: int, bar: int) -> tuple[float, float]:
        """Deviation of log returns and mean volume of the last real bars before one."""
        rows = [t for t in self.real[i] if t < bar][-self.terms.costs.impact_window :]
        if len(rows) < 3:
            return 0.0, 0.0
        closes = np.log([self.close[t][i] for t in rows])
        volumes = [self.volume[t][i] for t in rows]
        return float(np.std(np.diff(closes), ddof=1)), sum(volumes) / len(volumes)

    def book(
        self, row: int, i: int, lots: int, price: float, reason: int, *, made_at: float, time: int
    ) -> None:
        """A fill: cash, average and the trade it belongs to. ``made_at`` is the price unslipped."""
        h, value = self.at[i], self.value(i, lots, price)
        fee = self.fee(i, lots, price, reason)
        self.cash = self.cash - (value + fee)
        adds = h.lots * lots >= 0
        if h.lots == 0:
            h.average, h.earned, h.entry_value = price, 0.0, 0.0
        elif adds:
            total = abs(h.lots) + abs(lots)
            h.average = (abs(h.lots) * h.average + abs(lots) * price) / total
        h.lots += lots
        h.traded = price
        h.earned -= value + fee
        h.entry_value += abs(value) if adds else 0.0
        if h.lots == 0:
            self.returns.append(h.earned / h.entry_value if h.entry_value else 0.0)
        slippage = abs(value - (lots * self.unit[i]) * made_at)
        self.traded_values.append(self.traded_values[-1] + abs(value))
        self.out.fills.append(Fill(row, i, lots, price, fee, reason, self.cash, slippage, time))

    def accrue(self, row: int) -> None:
        """Borrow of each short, interest on free cash, financing of what is lent."""
        costs, now = self.terms.costs, self.time[row]
        dt = now - self.time[row - 1] if row > self.start else 0
        for i, h in enumerate(self.at):
            if h.lots < 0:
                self.flow(row, now, i, "borrow", -(abs(self.marked(i)) * costs.borrow * dt / YEAR))
        shorts = 0.0
        for i, h in enumerate(self.at):
            shorts += abs(self.marked(i)) if h.lots < 0 else 0.0
        free = self.cash - shorts
        if free > 0:
            self.flow(row, now, -1, "interest", free * costs.interest * dt / YEAR)
        if self.margin is not None and self.cash < 0:
            self.flow(row, now, -1, "financing", self.cash * self.margin.rate * dt / YEAR)
