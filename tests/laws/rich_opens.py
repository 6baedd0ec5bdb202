"""What fills at one instant: reductions, passed exits, increases that cash pays."""

import math

from laws.rich_exits import Protection
from laws.rich_state import LIQUIDATION, STOPS, TARGET, TIME_STOP, sign

ROUNDS = 64  # of scaling, where a schedule makes fees no fraction of the value


class Opens(Protection):
    """Takes the market orders of a row, instant by instant."""

    def open_instant(self, row: int, time: int, group: list[tuple[int, int]]) -> None:
        """Everything that fills at one instant: reductions, passed exits, increases."""
        price = {i: (self.close if self.close_only[i] else self.open)[bar][i] for i, bar in group}
        bars = dict(group)
        orders = {i: self.at[i].working for i, _ in group if self.at[i].working}
        fills = {i: self.slipped(i, price[i], orders[i], bars[i]) for i in orders}
        before = len(self.out.fills)
        self.changed_at_open: dict[int, int] = {}
        self.reduce(row, time, price, bars, fills)
        for i, bar in group:
            self.pass_levels(row, i, price[i], bar, time)
        self.increase(row, time, price, bars, fills)
        for i, lots in self.changed_at_open.items():
            if self.at[i].lots:  # what rested at the open was what had rested before it
                self.set_levels(row, i, lots, time, bars[i])
        done = {f.instrument for f in self.out.fills[before:] if f.reason == TARGET}
        self.out.filled += sum(i in done for i in orders)
        if len(self.out.fills) > before:
            self.know_liquidations()
        for i, bar in group:
            self.at[i].working = 0
            self.events["booked before its bar closes"] += i in done and bar > row
        for i, bar in group:  # a fill moves the levels, and the same open may lie beyond them
            if i in done and bar > row:
                self.pass_levels(row, i, price[i], bar, time)

    def know_liquidations(self) -> None:
        """Liquidation prices as they now are; they hold until they are known anew."""
        self.liquidations = [self.liquidation(i) for i in range(self.n)]

    def reduce(
        self, row: int, time: int, price: dict[int, float], bars: dict[int, int],
        fills: dict[int, float],
    ) -> None:  # fmt: skip
        """Orders that bring a position closer to flat, and closings of whole positions."""
        for i in sorted(price):
            h = self.at[i]
            if h.forced is not None and h.lots:
                self.close_out(row, i, price[i], bars[i], time)
            elif h.lots * h.working < 0:
                part, before = sign(h.working) * min(abs(h.working), abs(h.lots)), h.lots
                h.working -= part
                self.book(row, i, part, fills[i], TARGET, made_at=price[i], time=time)
                if h.lots:
                    self.changed_at_open[i] = before
                else:
                    self.set_levels(row, i, before, time, bars[i])
                self.events["flip"] += h.working != 0
                self.events["partial reduction"] += h.lots != 0
                self.events["reduction with partials left"] += bool(h.partials)

    def close_out(self, row: int, i: int, price: float, bar: int, time: int) -> None:
        """A time stop, a halt, a liquidation or a ruin closes a position at an open."""
        h = self.at[i]
        lots, reason = -h.lots, h.forced
        fill = self.slipped(i, price, lots, bar)
        self.book(row, i, lots, fill, reason, made_at=price, time=time)
        self.set_levels(row, i, -lots, time, bar)
        self.events[f"closed {reason}"] += 1
        if reason in (TIME_STOP, LIQUIDATION):
            self.after_exit(i, -sign(lots))
        h.forced = None

    def pass_levels(self, row: int, i: int, open_: float, bar: int, time: int) -> None:
        """A level that the open has reached or passed fills at the open."""
        if self.close_only[i]:
            return
        working = self.at[i].working
        hit = self.reach_open(row, i, open_, bar, time, self.liquidations[i])
        if hit is None:
            return
        self.events["gap through a stop" if hit in STOPS else "gap through a target"] += 1
        self.events[f"gap {hit}"] += 1
        self.events["gap of a bar that closes later"] += bar > row
        self.events["exit cancels an increase"] += working != 0

    def spendable(self, fills: dict[int, float]) -> float:
        """What pays for increases: positions with an order at this instant at its price."""
        worth = [
            self.value(i, h.lots, fills.get(i, h.last)) if h.lots else 0.0
            for i, h in enumerate(self.at)
        ]
        if self.margin is None:
            shorts = 0.0
            for value in worth:
                shorts += abs(value) if value < 0 else 0.0
            return self.cash - 2 * shorts
        equity, gross = self.cash, 0.0
        for value in worth:
            equity += value
            gross += abs(value)
        return self.margin.max_leverage * equity - gross

    def increase(
        self, row: int, time: int, price: dict[int, float], bars: dict[int, int],
        fills: dict[int, float],
    ) -> None:  # fmt: skip
        """Pay the increases of one instant from what is spendable."""
        wanted = {i: self.at[i].working for i in sorted(bars) if self.at[i].working}
        if not wanted:
            return
        for i, lots in self.grant(row, wanted, fills, self.spendable(fills)).items():
            if lots:
                before = self.at[i].lots
                self.book(row, i, lots, fills[i], TARGET, made_at=price[i], time=time)
                self.changed_at_open[i] = before
                self.events["huge lots"] += abs(lots) > 2**53
                self.events["close-only fill"] += self.close_only[i]
                self.events["cash lent"] += self.cash < 0

    def cost(self, orders: dict[int, int], fills: dict[int, float]) -> float:
        """Value plus fee; with margin the fee counts as often as equity may be lent."""
        total = 0.0
        for i, lots in orders.items():
            if lots:
                times = 1.0 if self.margin is None else self.margin.max_leverage
                fee = self.fee(i, lots, fills[i], TARGET)
                total += abs(self.value(i, lots, fills[i])) + times * fee
        return total

    def grant(
        self, row: int, wanted: dict[int, int], fills: dict[int, float], spendable: float
    ) -> dict[int, int]:
        """What of the wanted increases cash pays."""
        if self.cost(wanted, fills) <= spendable:
            return wanted
        if self.terms.shortfall == "reject":
            self.events["reject"] += 1
            granted = dict.fromkeys(wanted, 0)
        else:
            by = self.scaled_by_schedule if self.row_fees is not None else self.scaled
            granted = by(row, wanted, fills, spendable)
            self.drop_small(row, granted, fills)
            some = sum(lots != 0 for lots in granted.values())
            self.events["scaled"] += some > 0
            self.events["scaled several"] += some > 1
            self.events["scaled with margin"] += self.margin is not None and some > 0
        for i, lots in wanted.items():
            self.out.shortfalls += granted[i] != lots
            self.out.shortfall_lots += abs(lots) - abs(granted[i])
        return granted

    def multiplied(self, row: int, orders: dict[int, int], factor: float) -> dict[int, int]:
        """Orders times a factor, cut to whole order steps."""
        return {
            i: sign(lots) * abs(self.cut(row, i, math.trunc(abs(lots) * factor)))
            for i, lots in orders.items()
        }

    def scaled(
        self, row: int, wanted: dict[int, int], fills: dict[int, float], spendable: float
    ) -> dict[int, int]:
        """Scale by a common factor, and give up steps in turn."""
        size = self.multiplied(row, wanted, factor(spendable, self.cost(wanted, fills)))
        while any(size.values()) and self.cost(size, fills) > spendable:
            for i in wanted:
                if size[i] and self.cost(size, fills) > spendable:
                    step = min(self.rules(row, i).order_step, abs(size[i]))
                    size[i] -= step * sign(size[i])
                    self.events["gave up a step"] += 1
        return size

    def scaled_by_schedule(
        self, row: int, wanted: dict[int, int], fills: dict[int, float], spendable: float
    ) -> dict[int, int]:
        """Scale anew until cash pays; then drop whole orders in turn."""
        size = wanted
        for turn in range(ROUNDS):
            if not any(size.values()) or self.cost(size, fills) <= spendable:
                break
            size = self.multiplied(row, size, factor(spendable, self.cost(size, fills)))
            self.events["scaled anew"] += turn > 0
        for i in wanted:
            if size[i] and self.cost(size, fills) > spendable:
                size[i] = 0
                self.events["dropped after 64 rounds"] += 1
        return size

    def drop_small(self, row: int, size: dict[int, int], fills: dict[int, float]) -> None:
        """Cancel what has fallen below the minimum notional."""
        for i, lots in size.items():
            if lots and abs(self.value(i, lots, fills[i])) < self.rules(row, i).min_notional:
                size[i] = 0
                self.events["below minimum after scaling"] += 1


def factor(spendable: float, cost: float) -> float:
    """What part of its cost is paid; nothing where a sale at a price of 0 costs nothing."""
    return max(spendable, 0.0) / cost if cost else 0.0
